//! The Gentrack adapter in front of the simulated Gentrack: what only the two together can show.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::IntoResponse as _;

use intertie::backends::{Backend, gentrack};
use intertie::error::{ErrorKind, Result};
use intertie::model::account_write::NewAccount;
use intertie::model::bill::NewCorrection;
use intertie::model::bill::{BillKind, DocumentForm};
use intertie::model::meter::{Quality, ReadingStatus};
use intertie::model::page::{Page, Paging};
use intertie::model::refund::NewRefund;
use intertie::operations::accounts::{CreateAccount, GetAccount, GetBalance, SetParent, UpdateAccount};
use intertie::operations::arrangements::{CancelPaymentArrangement, CreatePaymentArrangement, ListPaymentArrangements};
use intertie::operations::bills::{CorrectBill, GetBill, GetBillDocument, ListBillReadings, ListBills};
use intertie::operations::contacts::RemoveContact;
use intertie::operations::holds::{GetHold, PlaceHold};
use intertie::operations::meters::{GetMeter, ListMeters};
use intertie::operations::payment_methods::{CreatePaymentMethod, ListPaymentMethods};
use intertie::operations::payment_review::{GetPaymentReview, SetPaymentReview};
use intertie::operations::readings::{ListReadings, SubmitReadings, ValidateReadings};
use intertie::operations::refunds::RequestRefund;
use intertie::operations::service_points::{GetServicePoint, ListServicePoints};
use intertie::operations::transactions::ListTransactions;
use intertie::operations::{Change, Context, Operation};
use intertie::sandbox::counts::Counts;
use intertie::sandbox::fault::Fault;
use intertie::sandbox::gentrack::{API_PATH, CLIENT_ID, CLIENT_SECRET, TOKEN_PATH};
use intertie::sandbox::{Kind, Running, start};
use intertie::upstream::{Settings, tokens};
use serde_json::{Value, json};

use crate::support::exchange::Exchange;
use crate::support::gentrack_contract::check;
use crate::support::watch;

const FIRST: &str = "gentrack-au:10045213";
const SECOND: &str = "gentrack-au:00210077";
const POINT: &str = "gentrack-au:10045213~sp~4107755";
const EXCHANGED: &str = "gentrack-au:00210077~sp~0004107901";

struct Scene {
    running: Running,
    backend: Backend,
}

impl Scene {
    async fn new() -> Self {
        let running = start(&[Kind::Gentrack], "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let backend = backend(&running.base(Kind::Gentrack));
        Self { running, backend }
    }

    async fn call<O: Operation>(&self, operation: O) -> Result<O::Reply> {
        self.call_with(operation, false).await
    }

    async fn call_with<O: Operation>(&self, operation: O, native: bool) -> Result<O::Reply> {
        let mut cx = Context::within(Duration::from_secs(20));
        cx.request_id = Arc::from("0197f0c2-0000-7000-8000-000000000001");
        cx.on_behalf_of = Some(Arc::from("billing desk"));
        cx.native = native;
        self.backend
            .serving::<O>()
            .expect("served")
            .0
            .serve(operation, &cx)
            .await
            .inspect_err(watch::error)
    }

    fn received(&self, operation: &str) -> u64 {
        self.running.received(Kind::Gentrack).get(operation)
    }

    fn executed(&self, operation: &str) -> u64 {
        self.running.counts(Kind::Gentrack).get(operation)
    }
}

fn backend(base: &str) -> Backend {
    watch::on();
    let config = gentrack::Config {
        base_url: format!("{base}{API_PATH}"),
        token_url: format!("{base}{TOKEN_PATH}"),
        client_id: CLIENT_ID.to_owned(),
        client_secret: CLIENT_SECRET.into(),
        scope: None,
        time_zone: "Australia/Sydney".parse().unwrap(),
        road: Settings {
            backoff: Duration::from_millis(1),
            ..gentrack::road()
        },
    };
    let tokens = Arc::new(tokens::Cache::default());
    gentrack::connect("gentrack-au".parse().unwrap(), config, tokens).unwrap()
}

/// Every item of a list, over pages of `limit`.
async fn whole<O, T>(scene: &Scene, limit: usize, list: impl Fn(Paging) -> O) -> Vec<T>
where
    O: Operation<Reply = Page<T>>,
{
    let mut paging = Paging { limit, after: None };
    let mut all = Vec::new();
    loop {
        let page = scene.call(list(paging.clone())).await.unwrap();
        assert!(page.items.len() <= limit);
        all.extend(page.items);
        match page.next {
            Some(next) => paging.after = Some(next),
            None => return all,
        }
    }
}

fn bills(account: &str, superseded: bool) -> impl Fn(Paging) -> ListBills {
    move |paging| ListBills {
        account: account.parse().unwrap(),
        from: None,
        to: None,
        kind: None,
        superseded,
        paging,
    }
}

fn transactions(account: &str) -> impl Fn(Paging) -> ListTransactions {
    move |paging| ListTransactions {
        account: account.parse().unwrap(),
        from: None,
        to: None,
        kind: None,
        paging,
    }
}

fn readings(point: &str, from: &str, to: &str) -> impl Fn(Paging) -> ListReadings {
    move |paging| ListReadings {
        service_point: point.parse().unwrap(),
        from: Some(from.parse().unwrap()),
        to: Some(to.parse().unwrap()),
        status: None,
        quality: None,
        paging,
    }
}

fn account(id: &str) -> GetAccount {
    GetAccount {
        account: id.parse().unwrap(),
    }
}

/// The truth of an example, against what came through the road.
fn assert_truth(file: &str, found: &impl serde::Serialize) {
    let truth: Value = serde_json::from_str(include_str!("fixtures/gentrack/truth.json")).unwrap();
    holds(&truth[file]["data"], &json!(found), file);
}

fn holds(truth: &Value, found: &Value, path: &str) {
    match (truth, found) {
        (Value::Object(truth), Value::Object(_)) => {
            for (member, claim) in truth {
                holds(claim, &found[member], &format!("{path}.{member}"));
            }
        }
        (Value::Array(truth), Value::Array(found)) => {
            assert_eq!(truth.len(), found.len(), "{path}");
            for (n, (claim, found)) in truth.iter().zip(found).enumerate() {
                holds(claim, found, &format!("{path}[{n}]"));
            }
        }
        (truth, found) => assert_eq!(found, truth, "{path}"),
    }
}

#[tokio::test]
async fn every_read_of_the_example_account_matches_the_truth() {
    let scene = Scene::new().await;
    let all = Paging::default;
    assert_truth("getAccount.200.json", &scene.call(account(FIRST)).await.unwrap());
    let balance = scene
        .call(GetBalance {
            account: FIRST.parse().unwrap(),
        })
        .await
        .unwrap();
    assert_truth("getAccountBalance.200.json", &balance);
    assert_truth(
        "getAccountBills.200.json",
        &scene.call(bills(FIRST, false)(all())).await.unwrap().items,
    );
    assert_truth(
        "getAccountTransactions.200.json",
        &scene.call(transactions(FIRST)(all())).await.unwrap().items,
    );
    let bill = "gentrack-au:10045213~bill~882035~Invoice";
    let bill_readings = ListBillReadings {
        bill: bill.parse().unwrap(),
        paging: all(),
    };
    assert_truth(
        "getBillMeterReadings.200.json",
        &scene.call(bill_readings).await.unwrap().items,
    );
    let point = scene
        .call(GetServicePoint {
            service_point: POINT.parse().unwrap(),
        })
        .await
        .unwrap();
    assert_truth("getMeterStructure.200.json", &point);
    let history = scene
        .call(readings(POINT, "2026-04-01", "2026-07-02")(all()))
        .await
        .unwrap();
    assert_truth("getMeterReadings.200.json", &history.items);
    let points = ListServicePoints {
        account: FIRST.parse().unwrap(),
        paging: all(),
    };
    let points = scene.call(points).await.unwrap().items;
    assert_eq!(points.len(), 1);
    assert_eq!((points[0].id.as_str(), points[0].meters.is_none()), (POINT, true));
    let meters = scene
        .call(ListMeters {
            account: FIRST.parse().unwrap(),
            paging: all(),
        })
        .await
        .unwrap()
        .items;
    assert_eq!(meters.len(), 1);
    let meter = scene
        .call(GetMeter {
            meter: meters[0].id.clone(),
        })
        .await
        .unwrap();
    assert_eq!(json!(meter), json!(meters[0]));
    let bill = scene
        .call(GetBill {
            bill: bill.parse().unwrap(),
        })
        .await
        .unwrap();
    assert_eq!(bill.number.as_deref(), Some("INV-00882035"));
    assert_eq!(scene.executed("login"), 1);
}

#[tokio::test]
async fn all_bills_come_over_pages_each_once_and_can_be_read_again() {
    let scene = Scene::new().await;
    let current = whole(&scene, 15, bills(SECOND, false)).await;
    let every = whole(&scene, 7, bills(SECOND, true)).await;
    assert_eq!(every.len(), 40);
    assert!(current.len() < every.len() && current.iter().all(|bill| bill.is_current));
    let ids: std::collections::HashSet<_> = every.iter().map(|bill| bill.id.to_string()).collect();
    assert_eq!(ids.len(), every.len());
    assert!(every.iter().map(|bill| std::cmp::Reverse(bill.issued_on)).is_sorted());
    for bill in &every {
        let again = scene.call(GetBill { bill: bill.id.clone() }).await.unwrap();
        assert_eq!(json!(again), json!(bill));
    }
    let replaced = every.iter().find(|bill| !bill.is_current).unwrap();
    let newer = every
        .iter()
        .find(|bill| Some(&bill.id) == replaced.superseded_by.as_ref())
        .unwrap();
    assert_eq!(newer.corrects.as_ref(), Some(&replaced.id));
    assert!(newer.is_current && replaced.status.is_none());
    assert!(every.iter().any(|bill| bill.kind == BillKind::Statement));
}

#[tokio::test]
async fn bills_are_narrowed_half_open_on_their_issue_date() {
    let scene = Scene::new().await;
    let list = |from: &str, to: &str| ListBills {
        from: Some(from.parse().unwrap()),
        to: Some(to.parse().unwrap()),
        ..bills(FIRST, false)(Paging::default())
    };
    let issued = |page: Page<intertie::model::bill::Bill>| {
        page.items
            .iter()
            .map(|bill| bill.issued_on.unwrap().to_string())
            .collect::<Vec<_>>()
    };
    let page = scene.call(list("2026-05-04", "2026-07-03")).await.unwrap();
    assert_eq!(issued(page), ["2026-06-03", "2026-05-04"]);
    assert!(
        scene
            .call(list("2026-05-05", "2026-06-03"))
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn directions_hold_for_every_window_of_the_ledger() {
    let scene = Scene::new().await;
    let every = whole(&scene, 200, transactions(SECOND)).await;
    assert!(every.len() > 80);
    let narrowed = ListTransactions {
        from: every[20].posted_on,
        to: every[5].posted_on,
        ..transactions(SECOND)(Paging {
            limit: 200,
            after: None,
        })
    };
    let window = scene.call(narrowed).await.unwrap().items;
    assert!(!window.is_empty());
    for entry in &window {
        let same = every.iter().find(|other| other.id == entry.id).unwrap();
        assert_eq!(same.direction, entry.direction);
    }
    // In the order of posting, the directions add up to the running balance wherever it is given.
    let mut every = every;
    every.sort_by_key(|entry| std::cmp::Reverse(entry.native_id.as_ref().unwrap().parse::<u64>().unwrap()));
    for pair in every.windows(2) {
        let (Some(after), Some(before)) = (pair[0].balance_after, pair[1].balance_after) else {
            continue;
        };
        let change = after.amount() - before.amount();
        match pair[0].direction {
            Some(intertie::model::transaction::Direction::Debit) => assert_eq!(change, pair[0].amount.amount()),
            Some(intertie::model::transaction::Direction::Credit) => assert_eq!(
                change,
                -pair[0].amount.amount(),
                "{} {}",
                json!(pair[0]),
                json!(pair[1])
            ),
            None => panic!("{} has no direction", json!(pair[0])),
        }
    }
}

#[tokio::test]
async fn every_meter_of_every_service_point_is_listed() {
    let scene = Scene::new().await;
    let meters = whole(&scene, 2, |paging| ListMeters {
        account: SECOND.parse().unwrap(),
        paging,
    })
    .await;
    let numbers: Vec<_> = meters.iter().filter_map(|meter| meter.number.as_deref()).collect();
    assert!(
        numbers.contains(&"E5501277") && numbers.contains(&"E9930415"),
        "{numbers:?}"
    );
    assert!(meters.len() >= 3, "{numbers:?}");
    for meter in &meters {
        let again = scene
            .call(GetMeter {
                meter: meter.id.clone(),
            })
            .await
            .unwrap();
        assert_eq!(json!(again), json!(meter));
    }
}

#[tokio::test]
async fn readings_come_in_order_half_open_and_each_once() {
    let scene = Scene::new().await;
    let every = whole(
        &scene,
        60,
        readings("gentrack-au:90000001~sp~9100001", "2026-06-01", "2026-06-12"),
    )
    .await;
    assert_eq!(every.len(), 500);
    assert!(every.iter().map(|reading| reading.read_at).is_sorted_by(|a, b| a < b));
    let (from, to) = (every[100].read_at, every[200].read_at);
    let (from_text, to_text) = (from.to_string(), to.to_string());
    let part = readings("gentrack-au:90000001~sp~9100001", &from_text, &to_text);
    let part = whole(&scene, 200, part).await;
    assert_eq!(part.len(), 100);
    assert_eq!((part[0].read_at, part[99].read_at), (from, every[199].read_at));

    let every = whole(&scene, 200, readings(EXCHANGED, "2023-01-01", "2026-12-31")).await;
    let key = |reading: &intertie::model::meter::Reading| {
        (
            reading.meter_id.clone().unwrap().to_string(),
            reading.register.clone(),
            reading.read_at,
        )
    };
    assert!(every.is_sorted_by_key(key));
    assert!(
        every
            .iter()
            .all(|reading| reading.status == Some(ReadingStatus::Accepted))
    );
    assert!(every.iter().any(|reading| reading.quality == Quality::Estimated));
    for (status, native) in [
        (ReadingStatus::Pending, "Pending"),
        (ReadingStatus::Removed, "Removed"),
        (ReadingStatus::Other, "Unknown"),
    ] {
        let list = ListReadings {
            status: Some(status),
            ..readings(EXCHANGED, "2023-01-01", "2026-12-31")(Paging::default())
        };
        let found = scene.call(list).await.unwrap().items;
        assert!(!found.is_empty(), "{native}");
        assert!(
            found
                .iter()
                .all(|reading| reading.native_status.as_deref() == Some(native)),
            "{native}"
        );
    }
}

#[tokio::test]
async fn documents_are_the_pdf_however_it_is_wrapped() {
    let scene = Scene::new().await;
    for bill in [
        "gentrack-au:10045213~bill~882035~Invoice",
        "gentrack-au:10045213~bill~881477~Invoice",
    ] {
        let asked = GetBillDocument {
            bill: bill.parse().unwrap(),
            forms: vec![DocumentForm::Text, DocumentForm::Pdf],
        };
        let document = scene.call(asked).await.unwrap();
        assert!(document.bytes.starts_with(b"%PDF-"));
        assert!(
            document.name.starts_with("INV-") && document.name.ends_with(".pdf"),
            "{}",
            document.name
        );
    }
    let bill = "gentrack-au:10045213~bill~882035~Invoice";
    let text = GetBillDocument {
        bill: bill.parse().unwrap(),
        forms: vec![DocumentForm::Text],
    };
    assert_eq!(scene.call(text).await.unwrap_err().kind(), ErrorKind::NotAcceptable);
    let every = whole(&scene, 200, bills(SECOND, true)).await;
    let without = every
        .into_iter()
        .find(|bill| bill.documents.as_ref().is_some_and(Vec::is_empty))
        .unwrap();
    let asked = GetBillDocument {
        bill: without.id,
        forms: vec![DocumentForm::Pdf],
    };
    let before = scene.received("getBillImage");
    assert_eq!(scene.call(asked).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(scene.received("getBillImage"), before);
}

#[tokio::test]
async fn somebody_else_s_record_answers_like_one_that_does_not_exist() {
    let scene = Scene::new().await;
    // The first account's own identifiers, with the second account's name in front.
    let point = || "gentrack-au:00210077~sp~4107755".parse().unwrap();
    let bill = || "gentrack-au:00210077~bill~882035~Invoice".parse().unwrap();
    let meter = "gentrack-au:00210077~sp~4107755~m~E7718842".parse().unwrap();
    let mut errors = vec![
        scene.call(GetServicePoint { service_point: point() }).await.err(),
        scene.call(GetMeter { meter }).await.err(),
        scene.call(GetBill { bill: bill() }).await.err(),
        scene
            .call(GetBillDocument {
                bill: bill(),
                forms: vec![DocumentForm::Pdf],
            })
            .await
            .err(),
        scene
            .call(ListBillReadings {
                bill: bill(),
                paging: Paging::default(),
            })
            .await
            .err(),
        scene
            .call(readings("gentrack-au:00210077~sp~4107755", "2026-01-01", "2026-07-01")(
                Paging::default(),
            ))
            .await
            .err(),
        scene
            .call(SubmitReadings {
                service_point: point(),
                readings: vec![new_reading("42388")],
            })
            .await
            .err(),
        scene.call(account("gentrack-au:10045299")).await.err(),
    ];
    for (n, error) in errors.drain(..).enumerate() {
        assert_eq!(error.expect("refused").kind(), ErrorKind::NotFound, "{n}");
    }
    assert_eq!(
        scene.received("getBillImage") + scene.received("submitMeterReadings"),
        0
    );
}

#[tokio::test]
async fn a_point_is_looked_up_in_its_account_once_for_many_reads() {
    let scene = Scene::new().await;
    for _ in 0..5 {
        scene
            .call(readings(POINT, "2026-04-01", "2026-07-02")(Paging::default()))
            .await
            .unwrap();
    }
    assert_eq!(
        (scene.received("getAccount"), scene.received("getMeterReadings")),
        (1, 5)
    );
}

#[tokio::test]
async fn a_key_of_another_kind_asks_nobody() {
    let scene = Scene::new().await;
    for key in [POINT, "gentrack-au:..", "gentrack-au:1~bill~2"] {
        let error = scene.call(account(key)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(scene.received("getAccount") + scene.executed("login"), 0);
    // What a path could be built of stays in its segment.
    for key in [
        "gentrack-au:a%2F..%2F10045213",
        "gentrack-au:x/../10045213",
        "gentrack-au:10045213?x=1#y",
    ] {
        assert_eq!(
            scene.call(account(key)).await.unwrap_err().kind(),
            ErrorKind::NotFound,
            "{key}"
        );
    }
}

fn new_reading(value: &str) -> intertie::model::meter::NewReading {
    serde_json::from_value(json!({"meter_number": "E7718842", "register": "E1",
        "read_at": "2026-07-05T18:30:00+10:00", "value": value}))
    .unwrap()
}

#[tokio::test]
async fn readings_are_looked_at_then_handed_in_and_found_pending() {
    let scene = Scene::new().await;
    let point = || POINT.parse().unwrap();
    let validate = |value: &str| ValidateReadings {
        service_point: point(),
        readings: vec![new_reading(value)],
    };
    let clean = scene.call(validate("42388")).await.unwrap();
    assert_eq!((clean.accepted, clean.findings), (true, Some(Vec::new())));
    let high = scene.call(validate("48388")).await.unwrap();
    assert_eq!((high.accepted, high.findings.unwrap().len()), (true, 1));
    let low = scene.call(validate("1")).await.unwrap();
    assert!(!low.accepted);

    let submit = || SubmitReadings {
        service_point: point(),
        readings: vec![new_reading("42388")],
    };
    let taken = scene.call(submit()).await.unwrap();
    assert_eq!((taken.accepted, taken.findings), (true, None));
    let pending = ListReadings {
        status: Some(ReadingStatus::Pending),
        ..readings(POINT, "2026-07-05", "2026-07-06")(Paging::default())
    };
    let pending = scene.call(pending).await.unwrap().items;
    assert_eq!(pending.len(), 1);
    let found = json!(pending[0]);
    assert_eq!(
        (&found["value"], &found["quality"]),
        (&json!("42388"), &json!("CUSTOMER"))
    );
    assert_eq!(found["read_at"], "2026-07-05T08:30:00Z");
}

#[tokio::test]
async fn a_lost_submission_is_executed_at_most_once() {
    for (fault, most) in [
        (Fault::DropBefore, 0),
        (Fault::DropAfter, 1),
        (Fault::Status(500), 0),
        (Fault::Status(503), 0),
        (Fault::ErrorInside, 0),
        (Fault::MalformedJson, 1),
    ] {
        let scene = Scene::new().await;
        scene
            .running
            .fault(Kind::Gentrack, fault, 1, Some("submitMeterReadings"));
        let submit = SubmitReadings {
            service_point: POINT.parse().unwrap(),
            readings: vec![new_reading("42388")],
        };
        let error = scene.call(submit).await.err();
        assert_eq!(scene.received("submitMeterReadings"), 1, "{fault:?}");
        assert!(scene.executed("submitMeterReadings") <= most, "{fault:?}");
        assert_eq!(
            error.map(|error| error.kind()),
            Some(ErrorKind::OutcomeUnknown),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_lost_read_is_read_again() {
    for fault in [
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::Status(500),
        Fault::Status(502),
        Fault::Throttled(None),
        Fault::ErrorInside,
        Fault::ExpiredToken,
        Fault::RevokedTokens,
    ] {
        let scene = Scene::new().await;
        scene.running.fault(Kind::Gentrack, fault, 1, Some("getAccountBalance"));
        let balance = scene
            .call(GetBalance {
                account: FIRST.parse().unwrap(),
            })
            .await;
        let balance = balance.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(
            json!(balance)["balance_due"],
            json!({"amount": "310.97", "currency": "AUD"})
        );
    }
}

#[tokio::test]
async fn what_cannot_be_an_answer_is_named_for_what_it_is() {
    let scene = Scene::new().await;
    for (fault, kind) in [
        (Fault::EdgePage, ErrorKind::Blocked),
        (Fault::MalformedJson, ErrorKind::Unreadable),
    ] {
        scene.running.fault(Kind::Gentrack, fault, 1, Some("getAccount"));
        assert_eq!(scene.call(account(FIRST)).await.unwrap_err().kind(), kind);
    }
    scene.call(account(FIRST)).await.unwrap();
    assert_eq!(scene.executed("login"), 1);
}

#[tokio::test]
async fn native_records_stand_beside_the_canonical_ones_only_when_asked_for() {
    let scene = Scene::new().await;
    let plain = scene.call(bills(FIRST, false)(Paging::default())).await.unwrap();
    assert!(json!(plain.items)[0].get("native").is_none());
    let native = scene
        .call_with(bills(FIRST, false)(Paging::default()), true)
        .await
        .unwrap();
    for bill in &native.items {
        assert_eq!(json!(bill)["native"]["billId"].to_string(), bill.native_id);
    }
    let account = scene.call_with(account(FIRST), true).await.unwrap();
    assert_eq!(json!(account)["native"]["crmId"], "0015g00000Ab4QxAAJ");
    let point = scene
        .call_with(
            GetServicePoint {
                service_point: POINT.parse().unwrap(),
            },
            true,
        )
        .await
        .unwrap();
    let point = json!(point);
    assert_eq!(point["native"]["connectionStatus"], "Registered");
    assert_eq!(point["meters"][0]["native"]["deviceId"], 66120);
    let entries = scene
        .call_with(transactions(FIRST)(Paging::default()), true)
        .await
        .unwrap();
    for entry in &entries.items {
        assert_eq!(
            json!(entry)["native"]["transactionIdentifier"].to_string(),
            entry.native_id.clone().unwrap()
        );
    }
}

/// What went between the adapter and the simulated system.
type Tape = Arc<Mutex<Vec<Exchange>>>;

/// The simulated system, with everything written down that is asked and answered.
async fn taped() -> (Scene, Tape) {
    let scene = Scene::new().await;
    let tape = Tape::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let system = intertie::sandbox::gentrack::router(&base, Counts::default());
    let record = tape.clone();
    let system = system.layer(axum::middleware::from_fn(move |request: Request, next: Next| {
        let record = record.clone();
        async move {
            let (parts, body) = request.into_parts();
            let request_body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let response = next
                .run(Request::from_parts(parts.clone(), request_body.clone().into()))
                .await;
            let (answer, body) = response.into_parts();
            let response_body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let headers = |headers: &axum::http::HeaderMap| {
                let pair = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
                    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                };
                headers.iter().map(pair).collect()
            };
            record.lock().unwrap().push(Exchange {
                method: parts.method.to_string(),
                target: parts.uri.to_string(),
                request_headers: headers(&parts.headers),
                request_body: request_body.to_vec(),
                status: answer.status.as_u16(),
                response_headers: headers(&answer.headers),
                response_body: response_body.to_vec(),
            });
            axum::response::Response::from_parts(answer, axum::body::Body::from(response_body))
        }
    }));
    tokio::spawn(async move { axum::serve(listener, system).await });
    let backend = backend(&base);
    (Scene { backend, ..scene }, tape)
}

#[tokio::test]
async fn every_request_fits_the_contract_and_says_who_is_behind_it() {
    let (scene, tape) = taped().await;
    let all = Paging::default;
    scene.call(account(FIRST)).await.unwrap();
    scene
        .call(GetBalance {
            account: FIRST.parse().unwrap(),
        })
        .await
        .unwrap();
    scene.call(bills(FIRST, true)(all())).await.unwrap();
    let bill = "gentrack-au:10045213~bill~882035~Invoice";
    scene
        .call(GetBillDocument {
            bill: bill.parse().unwrap(),
            forms: vec![DocumentForm::Pdf],
        })
        .await
        .unwrap();
    scene
        .call(ListBillReadings {
            bill: bill.parse().unwrap(),
            paging: all(),
        })
        .await
        .unwrap();
    scene.call(transactions(FIRST)(all())).await.unwrap();
    scene
        .call(ListMeters {
            account: FIRST.parse().unwrap(),
            paging: all(),
        })
        .await
        .unwrap();
    for status in [None, Some(ReadingStatus::Other)] {
        let list = ListReadings {
            status,
            ..readings(POINT, "2026-04-01", "2026-07-02")(all())
        };
        scene.call(list).await.unwrap();
    }
    let given = || vec![new_reading("42388.125")];
    scene
        .call(ValidateReadings {
            service_point: POINT.parse().unwrap(),
            readings: given(),
        })
        .await
        .unwrap();
    scene
        .call(SubmitReadings {
            service_point: POINT.parse().unwrap(),
            readings: given(),
        })
        .await
        .unwrap();
    let tape = tape.lock().unwrap();
    let logins = tape.iter().filter(|exchange| exchange.target == TOKEN_PATH).count();
    assert_eq!((logins, tape.len() > 12), (1, true));
    for exchange in tape.iter() {
        check(exchange).unwrap_or_else(|why| panic!("{} {}: {why}", exchange.method, exchange.target));
        if exchange.target != TOKEN_PATH {
            let header = |name: &str| {
                let found = exchange.request_headers.iter().find(|(known, _)| known == name);
                found.map(|(_, value)| value.as_str())
            };
            assert_eq!(header("x-trace-id"), Some("0197f0c2-0000-7000-8000-000000000001"));
            assert_eq!(header("x-on-behalf-of"), Some("billing desk"));
            assert!(
                !exchange
                    .request_headers
                    .iter()
                    .any(|(name, _)| name.starts_with("x-transaction"))
            );
        }
    }
    let submitted = tape
        .iter()
        .find(|exchange| exchange.target.ends_with("/submit-meter-reads"))
        .unwrap();
    let body = std::str::from_utf8(&submitted.request_body).unwrap();
    assert!(
        body.contains("\"reading\":42388.125,") && body.contains("2026-07-05T18:30:00+10:00"),
        "{body}"
    );
}

#[tokio::test]
async fn the_reads_of_a_bill_are_asked_for_with_its_type() {
    let scene = Scene::new().await;
    // A statement and an invoice share this identifier, and the system refuses it without the type.
    for kind in ["Statement", "Invoice"] {
        let bill = format!("{SECOND}~bill~00730010~{kind}");
        let found = scene
            .call(GetBill {
                bill: bill.parse().unwrap(),
            })
            .await
            .unwrap();
        assert_eq!(found.native_kind.as_deref(), Some(kind));
        let list = ListBillReadings {
            bill: bill.parse().unwrap(),
            paging: Paging::default(),
        };
        let page = scene.call(list).await.unwrap();
        assert!(page.items.iter().all(|reading| reading.quality == Quality::Unknown));
    }
}

/// What a header of a taped request holds.
fn header<'e>(exchange: &'e Exchange, name: &str) -> Option<&'e str> {
    let found = exchange.request_headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

fn given<T: serde::de::DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).unwrap()
}

#[tokio::test]
async fn what_is_written_fits_the_contract_and_can_be_read_back() {
    let (scene, tape) = taped().await;
    let first = || FIRST.parse().unwrap();
    let new: NewAccount = given(json!({
        "backend": "gentrack-au", "name": "Ada Lind", "customer_number": "20018844", "currency": "AUD",
        "parent": FIRST, "custom_attributes": [{"name": "segment", "value": "Gold"}], "billing": {"delivery": "Email", "address": {"lines": ["1 Bay Road", "Unit 2"], "locality": "Port Merrin"}},
    }));
    let made = scene.call(CreateAccount { new }).await.unwrap();
    assert_eq!(made.name.as_deref(), Some("Ada Lind"));
    assert_eq!(made.parent.as_ref().map(|id| id.as_str()), Some(FIRST));
    let patch = given(json!({"name": "A. Lind", "billing": {"address": {"region": "NSW"}},
        "custom_attributes": [{"name": "tier", "value": "2"}]}));
    let change = UpdateAccount {
        account: made.id.clone(),
        patch,
    };
    assert!(matches!(scene.call(change).await.unwrap(), Change::Done));
    let parent = SetParent {
        account: made.id.clone(),
        parent: SECOND.parse().unwrap(),
        effective_on: Some("2026-08-01".parse().unwrap()),
    };
    assert!(matches!(scene.call(parent).await.unwrap(), Change::Done));
    let read = scene
        .call(GetAccount {
            account: made.id.clone(),
        })
        .await
        .unwrap();
    assert_eq!(read.name.as_deref(), Some("A. Lind"));
    assert_eq!(read.parent.as_ref().map(|id| id.as_str()), Some(SECOND));
    assert_eq!(
        json!(read.custom_attributes),
        json!([{"name": "segment", "value": "Gold"}, {"name": "tier", "value": "2"}])
    );
    let address = read.billing.unwrap().address.unwrap();
    assert_eq!((address.lines.len(), address.region.as_deref()), (2, Some("NSW")));

    let new = given(
        json!({"reason": "Complaint", "suppresses_billing": true, "period": {"start": "2026-07-06", "end": "2026-08-01"}}),
    );
    scene
        .call(PlaceHold {
            account: made.id.clone(),
            new,
        })
        .await
        .unwrap();
    let hold = json!(
        scene
            .call(GetHold {
                account: made.id.clone()
            })
            .await
            .unwrap()
    );
    assert_eq!(
        (&hold["active"], &hold["period"]["end"]),
        (&json!(true), &json!("2026-08-01"))
    );

    let day = "2027-01-15".parse().unwrap();
    scene
        .call(SetPaymentReview {
            account: made.id.clone(),
            review_on: day,
        })
        .await
        .unwrap();
    let review = scene
        .call(GetPaymentReview {
            account: made.id.clone(),
        })
        .await
        .unwrap();
    assert_eq!(review.review_on, Some(day));

    let none = ListPaymentMethods {
        account: made.id.clone(),
        paging: Paging::default(),
    };
    assert!(scene.call(none.clone()).await.unwrap().items.is_empty());
    let new = given(
        json!({"kind": "DIRECT_DEBIT", "bank_account": {"holder": "A LIND", "number": "1020304055", "bank_code": "062004"}}),
    );
    let method = json!(
        scene
            .call(CreatePaymentMethod {
                account: made.id.clone(),
                new
            })
            .await
            .unwrap()
    );
    assert_eq!(method["bank_account"]["number_last_four"], "4055");
    assert_eq!(scene.call(none).await.unwrap().items.len(), 1);
    let cards = ListPaymentMethods {
        account: SECOND.parse().unwrap(),
        paging: Paging::default(),
    };
    let card = json!(scene.call_with(cards, true).await.unwrap().items);
    assert_eq!(
        card[0]["card"],
        json!({"network": null, "number_last_four": "4242", "expires": "2028-04"})
    );
    assert!(!card.to_string().contains("tok_"), "{card}");

    let new = given(
        json!({"kind": "DEBT", "frequency": "WEEKLY", "first_payment_on": "2026-07-13",
        "components": [{"amount": "30.42", "currency": "AUD"}], "payments": 4}),
    );
    let plan = scene
        .call(CreatePaymentArrangement { account: first(), new })
        .await
        .unwrap();
    assert_eq!(plan.scheduled_payments.as_ref().map(Vec::len), Some(4));
    let list = || ListPaymentArrangements {
        account: first(),
        paging: Paging::default(),
    };
    assert_eq!(scene.call(list()).await.unwrap().items.len(), 2);
    let cancel = CancelPaymentArrangement { arrangement: plan.id };
    assert!(matches!(scene.call(cancel.clone()).await.unwrap(), Change::Done));
    assert_eq!(scene.call(list()).await.unwrap().items.len(), 1);
    assert_eq!(scene.call(cancel).await.unwrap_err().kind(), ErrorKind::NotFound);

    let new: NewRefund = given(json!({"amount": {"amount": "20.10", "currency": "AUD"}, "reason": "Overpaid"}));
    let refund = json!(
        scene
            .call(RequestRefund {
                account: SECOND.parse().unwrap(),
                new
            })
            .await
            .unwrap()
    );
    assert_eq!(
        (&refund["amount"]["amount"], &refund["status"]),
        (&json!("20.10"), &json!("REQUESTED"))
    );
    let balance = json!(
        scene
            .call(GetBalance {
                account: SECOND.parse().unwrap()
            })
            .await
            .unwrap()
    );
    assert_eq!(balance["balance_due"]["amount"], "-64.10");
    let rows = scene.call(transactions(SECOND)(Paging { limit: 20, after: None }));
    let rows = rows.await.unwrap().items;
    let row = rows.iter().find(|row| row.native_kind.as_deref() == Some("Refund"));
    let row = json!(row.unwrap());
    assert_eq!(
        (&row["direction"], &row["amount"]["amount"]),
        (&json!("DEBIT"), &json!("20.10"))
    );

    let new: NewCorrection = given(json!({"method": "REVERSE", "reason": "Wrong rate"}));
    let bill = "gentrack-au:10045213~bill~882035~Invoice";
    scene
        .call(CorrectBill {
            bill: bill.parse().unwrap(),
            new,
        })
        .await
        .unwrap();
    let fixed = scene.call(bills(FIRST, true)(Paging::default())).await.unwrap();
    assert!(
        !fixed
            .items
            .iter()
            .find(|one| one.native_id == "882035")
            .unwrap()
            .is_current
    );

    for exchange in tape.lock().unwrap().iter() {
        check(exchange).unwrap_or_else(|why| panic!("{} {}: {why}", exchange.method, exchange.target));
        let target = exchange.target.strip_prefix(API_PATH).unwrap_or_default();
        let single = target.matches('/').count() == 2;
        let transacts = exchange.method == "POST" && target == "/accounts" || exchange.method == "PUT" && single;
        for name in ["x-transaction-id", "x-transaction-date-time"] {
            assert_eq!(
                header(exchange, name).is_some(),
                transacts,
                "{} {target}",
                exchange.method
            );
        }
        assert_eq!(header(exchange, "x-transaction-part-number"), None);
    }
}

#[tokio::test]
async fn a_key_makes_one_transaction_of_all_its_repeats() {
    let (scene, tape) = taped().await;
    let open = async |key: Option<&str>, name: &str| {
        let mut cx = Context::within(Duration::from_secs(20));
        cx.idempotency_key = key.map(Arc::from);
        let new: NewAccount = given(json!({"backend": "gentrack-au", "name": name, "customer_number": "20018844"}));
        let (serves, _) = scene.backend.serving::<CreateAccount>().expect("served");
        serves.serve(CreateAccount { new }, &cx).await.unwrap().id
    };
    let first = open(Some("k-1"), "Ada").await;
    assert_eq!(open(Some("k-1"), "Ada").await, first, "the system dropped the repeat");
    for (key, name) in [(Some("k-2"), "Ada"), (Some("k-1"), "Bo"), (None, "Ada"), (None, "Ada")] {
        assert_ne!(open(key, name).await, first, "{key:?} {name}");
    }
    let tape = tape.lock().unwrap();
    let sent: Vec<_> = tape
        .iter()
        .filter(|exchange| exchange.method == "POST" && exchange.target.ends_with("/accounts"))
        .collect();
    let pair = |n: usize| {
        (
            header(sent[n], "x-transaction-id"),
            header(sent[n], "x-transaction-date-time"),
        )
    };
    assert_eq!((sent.len(), pair(0)), (6, pair(1)));
    for n in 2..6 {
        assert!(pair(n).1 > pair(n - 1).1 && pair(n).0 != pair(n - 1).0, "{n}");
    }
}

/// A system that carries a removal out and loses its answer, and that does not know a transaction again.
async fn forgetful() -> (Scene, Arc<AtomicU64>) {
    let scene = Scene::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let removals = Arc::new(AtomicU64::new(0));
    let count = removals.clone();
    let system = intertie::sandbox::gentrack::router(&base, Counts::default());
    let system = system.layer(axum::middleware::from_fn(move |mut request: Request, next: Next| {
        let count = count.clone();
        async move {
            for name in ["x-transaction-id", "x-transaction-date-time"] {
                request.headers_mut().remove(name);
            }
            let removal = request.uri().path().ends_with("/remove");
            let answer = next.run(request).await;
            if removal && count.fetch_add(1, Ordering::SeqCst) == 0 {
                return axum::http::StatusCode::BAD_GATEWAY.into_response();
            }
            answer
        }
    }));
    tokio::spawn(async move { axum::serve(listener, system).await });
    let backend = backend(&base);
    (Scene { backend, ..scene }, removals)
}

#[tokio::test]
async fn a_contact_that_a_repeat_finds_gone_was_removed() {
    let (scene, removals) = forgetful().await;
    let remove = || RemoveContact {
        contact: "gentrack-au:50027731".parse().unwrap(),
        effective_on: None,
        reason: None,
    };
    let receipt = json!(scene.call(remove()).await.unwrap());
    assert_eq!(
        receipt,
        json!({"id": "gentrack-au:50027731", "backend": "gentrack-au", "native_id": "50027731", "status": "DONE"})
    );
    assert_eq!(removals.load(Ordering::SeqCst), 2);
    assert_eq!(scene.call(remove()).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn the_contract_s_token_is_presented_and_its_refusal_is_one_of_credentials() {
    use axum::routing::{get, post};
    const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
    for (status, token, expected) in [
        (200, include_str!("fixtures/gentrack/examples/token.200.json"), None),
        (
            401,
            include_str!("fixtures/gentrack/examples/token.401.json"),
            Some(ErrorKind::Credentials),
        ),
    ] {
        let status = axum::http::StatusCode::from_u16(status).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let login = move || async move { (status, JSON, token) };
        let record = |headers: axum::http::HeaderMap| async move {
            assert_eq!(
                headers["authorization"],
                "Bearer eyJhbGciOiJub25lIn0.eyJleGFtcGxlIjp0cnVlfQ."
            );
            (JSON, include_str!("fixtures/gentrack/examples/getAccount.200.json"))
        };
        let system = axum::Router::new()
            .route(TOKEN_PATH, post(login))
            .route(&format!("{API_PATH}/accounts/10045213"), get(record));
        tokio::spawn(async move { axum::serve(listener, system).await });
        let backend = backend(&base);
        let (serves, _) = backend.serving::<GetAccount>().unwrap();
        let cx = Context::within(Duration::from_secs(20));
        let answer = serves.serve(account(FIRST), &cx).await;
        assert_eq!(answer.err().map(|error| error.kind()), expected, "{status}");
    }
}

#[tokio::test]
async fn what_the_system_cannot_take_is_refused_by_name_and_not_sent() {
    let scene = Scene::new().await;
    let account = || SECOND.parse().unwrap();
    for (patch, pointer) in [
        (json!({"description": "x"}), "/description"),
        (json!({"name": null}), "/name"),
        (json!({"billing": {"email": "a@example.com"}}), "/billing/email"),
    ] {
        let change = UpdateAccount {
            account: account(),
            patch: given(patch),
        };
        let error = scene.call(change).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(format!("{:?}", error.faults()).contains(pointer), "{error:?}");
    }
    let new = given(json!({"kind": "DEBT", "first_payment_on": "2026-07-13", "ends_on": "2026-08-01"}));
    let error = scene
        .call(CreatePaymentArrangement {
            account: account(),
            new,
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        (
            scene.received("updateAccount"),
            scene.received("createPaymentArrangement")
        ),
        (0, 0)
    );
}
