//! The Kraken adapter against the simulated deployment: every exchange of theirs is checked against the contract.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http_body_util::BodyExt as _;
use intertie::backends::Backend;
use intertie::backends::kraken::{Config, Credential, Edition, connect};
use intertie::error::{Error, ErrorKind};
use intertie::model::bill::{BillKind, BillStatus, DocumentForm};
use intertie::model::meter::FlowDirection;
use intertie::model::page::{Page, Paging};
use intertie::model::time::{Bound, Zone};
use intertie::model::transaction::{Direction, TransactionKind};
use intertie::model::usage::Resolution;
use intertie::operations::accounts::{GetAccount, GetBalance, SearchAccounts};
use intertie::operations::bills::{GetBill, GetBillDocument, ListBills};
use intertie::operations::meters::{GetMeter, ListMeters};
use intertie::operations::readings::ListReadings;
use intertie::operations::service_points::{GetServicePoint, ListServicePoints};
use intertie::operations::transactions::ListTransactions;
use intertie::operations::usage::ListUsage;
use intertie::operations::{Context, Operation};
use intertie::sandbox::counts::Counts;
use intertie::sandbox::fault::Fault;
use intertie::sandbox::kraken::{API_KEY, EMAIL, GB_GRAPHQL, GRAPHQL, ORGANIZATION_SECRET, PASSWORD, router};
use intertie::upstream::Settings;
use serde_json::{Value, json};

use crate::support::exchange::Exchange;
use crate::support::kraken_contract::check;

const SMALL: &str = "kraken-us:A-7C41D0E2";
const LARGE: &str = "kraken-us:A-5E90B3F4";

type Change = fn(&mut Value);

/// What happens to a request.
enum Play {
    /// The deployment plays it.
    Fault(Fault),
    /// Something in front of the deployment answers.
    Instead(u16, &'static str),
    /// The deployment's answer is changed on its way.
    Changed(Change),
}

type Plays = Arc<Mutex<Vec<Play>>>;

/// A backend connected to a simulated deployment on loopback.
struct Deployment {
    backend: Backend,
    counts: Counts,
    /// Played for the next requests that are no logins, last first.
    plays: Plays,
    broken: Arc<Mutex<Vec<String>>>,
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let broken = self.broken.lock().unwrap();
            assert!(broken.is_empty(), "{broken:#?}");
        }
    }
}

impl Deployment {
    async fn new() -> Self {
        Self::with(Credential::ApiKey(API_KEY.to_owned().into())).await
    }

    async fn with(credential: Credential) -> Self {
        Self::of(Edition::Us, credential).await
    }

    async fn british() -> Self {
        Self::of(Edition::Gb, Credential::ApiKey(API_KEY.to_owned().into())).await
    }

    async fn of(edition: Edition, credential: Credential) -> Self {
        let (path, currency, zone, name) = match edition {
            Edition::Us => (GRAPHQL, "USD", "America/Chicago", "kraken-us"),
            Edition::Gb => (GB_GRAPHQL, "GBP", "Europe/London", "kraken-gb"),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (counts, plays, broken) = (
            Counts::default(),
            Plays::default(),
            Arc::<Mutex<Vec<String>>>::default(),
        );
        let (playing, noting) = (plays.clone(), broken.clone());
        let app = router(&base, counts.clone()).layer(from_fn(move |request: Request, next: Next| {
            watch(request, next, playing.clone(), noting.clone())
        }));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let config = Config {
            edition,
            endpoint: format!("{base}{path}"),
            credential,
            authorization_prefix: None,
            currency: currency.parse().unwrap(),
            time_zone: zone.parse().unwrap(),
            document_hosts: Vec::new(),
            max_document: 1024 * 1024,
            road: Settings::default(),
        };
        Self {
            backend: connect(name.parse().unwrap(), config, Arc::default()).unwrap(),
            counts,
            plays,
            broken,
        }
    }

    fn play(&self, play: Play) {
        self.plays.lock().unwrap().push(play);
    }

    async fn ask<O: Operation>(&self, operation: O) -> Result<O::Reply, Error> {
        self.ask_with(operation, false).await
    }

    async fn ask_with<O: Operation>(&self, operation: O, native: bool) -> Result<O::Reply, Error> {
        let mut cx = Context::within(Duration::from_secs(20));
        cx.native = native;
        self.backend.serving::<O>().unwrap().0.serve(operation, &cx).await
    }

    /// Follows a list to its end, so many items a page.
    async fn walk<O: Operation<Reply = Page<T>>, T>(&self, limit: usize, list: impl Fn(Paging) -> O) -> Vec<T> {
        let mut all = Vec::new();
        let mut after = None;
        for _ in 0..10_000 {
            let page = self.ask(list(Paging { limit, after })).await.unwrap();
            assert!(page.items.len() <= limit);
            assert!(
                page.next.is_none() || page.items.len() == limit,
                "a short page is the last"
            );
            all.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return all,
            }
        }
        panic!("the list does not end");
    }
}

async fn watch(request: Request, next: Next, plays: Plays, broken: Arc<Mutex<Vec<String>>>) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let login = body.windows(17).any(|window| window == b"obtainKrakenToken");
    let mut change = None;
    let play = if login { None } else { plays.lock().unwrap().pop() };
    match play {
        Some(Play::Fault(fault)) => {
            parts.extensions.insert(fault);
        }
        Some(Play::Instead(status, text)) => {
            let mut answer = Response::new(Body::from(text));
            *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
            return answer;
        }
        Some(Play::Changed(how)) => change = Some(how),
        None => {}
    }
    let text = |headers: &http::HeaderMap| {
        let pairs = headers.iter();
        pairs
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect()
    };
    let mut exchange = Exchange {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        request_headers: text(&parts.headers),
        request_body: body.to_vec(),
        status: 0,
        response_headers: Vec::new(),
        response_body: Vec::new(),
    };
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    let (mut answer, body) = answer.into_parts();
    let body: Bytes = body.collect().await.unwrap().to_bytes();
    exchange.status = answer.status.as_u16();
    exchange.response_headers = text(&answer.headers);
    exchange.response_body = body.to_vec();
    if let Err(why) = check(&exchange) {
        broken.lock().unwrap().push(why);
    }
    let Some(change) = change else {
        return Response::from_parts(answer, Body::from(body));
    };
    let mut value = serde_json::from_slice(&body).unwrap();
    change(&mut value);
    answer.headers.remove(http::header::CONTENT_LENGTH);
    Response::from_parts(answer, Body::from(value.to_string()))
}

fn bills(account: &str, superseded: bool, paging: Paging) -> ListBills {
    ListBills {
        account: account.parse().unwrap(),
        from: None,
        to: None,
        kind: None,
        superseded,
        paging,
    }
}

fn transactions(account: &str, paging: Paging) -> ListTransactions {
    ListTransactions {
        account: account.parse().unwrap(),
        from: None,
        to: None,
        kind: None,
        paging,
    }
}

fn usage(point: &str, from: &str, to: &str, resolution: Resolution, paging: Paging) -> ListUsage {
    ListUsage {
        service_point: point.parse().unwrap(),
        from: Some(from.parse().unwrap()),
        to: Some(to.parse().unwrap()),
        resolution,
        direction: FlowDirection::Import,
        paging,
    }
}

fn text(record: &impl serde::Serialize) -> Value {
    serde_json::to_value(record).unwrap()
}

#[tokio::test]
async fn an_account_comes_with_its_balance_and_its_points_of_supply() {
    let kraken = Deployment::new().await;
    let account = kraken
        .ask(GetAccount {
            account: SMALL.parse().unwrap(),
        })
        .await
        .unwrap();
    assert_eq!(account.number.as_deref(), Some("A-7C41D0E2"));
    assert_eq!(text(&account.balance.unwrap().balance_due)["amount"], "153.49");
    let points = account.service_points.unwrap();
    assert_eq!(points[0].id.as_str(), "kraken-us:A-7C41D0E2~sp~48213~10032789401234567");
    assert!(account.native.is_none());
    let balance = kraken
        .ask(GetBalance {
            account: SMALL.parse().unwrap(),
        })
        .await
        .unwrap();
    assert_eq!(text(&balance.balance_due)["amount"], "153.49");
    assert_eq!(kraken.counts.get("ObtainKrakenToken"), 1, "{:?}", kraken.counts.all());
}

#[tokio::test]
async fn every_credential_signs_in() {
    for credential in [
        Credential::ApiKey(API_KEY.to_owned().into()),
        Credential::OrganizationSecret(ORGANIZATION_SECRET.to_owned().into()),
        Credential::Password {
            email: EMAIL.to_owned(),
            password: PASSWORD.to_owned().into(),
        },
    ] {
        let kraken = Deployment::with(credential).await;
        kraken
            .ask(GetBalance {
                account: SMALL.parse().unwrap(),
            })
            .await
            .unwrap();
    }
    let wrong = Deployment::with(Credential::ApiKey("sk_live_WRONG".to_owned().into())).await;
    let error = wrong
        .ask(GetBalance {
            account: SMALL.parse().unwrap(),
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
}

#[tokio::test]
async fn unknown_records_are_not_found_and_strange_keys_are_refused_without_asking() {
    let kraken = Deployment::new().await;
    let kind = |error: Error| error.kind();
    let account = |id: &str| GetAccount {
        account: id.parse().unwrap(),
    };
    assert_eq!(
        kraken
            .ask(account("kraken-us:A-00000000"))
            .await
            .map_err(kind)
            .unwrap_err(),
        ErrorKind::NotFound
    );
    let bill = |id: &str| GetBill {
        bill: id.parse().unwrap(),
    };
    for id in [
        "kraken-us:A-7C41D0E2~1",
        "kraken-us:A-7C41D0E2~950301",
        "kraken-us:A-00000000~930412",
    ] {
        assert_eq!(
            kraken.ask(bill(id)).await.map_err(kind).unwrap_err(),
            ErrorKind::NotFound,
            "{id}"
        );
    }
    let point = |id: &str| GetServicePoint {
        service_point: id.parse().unwrap(),
    };
    let usage = |id: &str| usage(id, "2026-01-01", "2026-01-02", Resolution::Hour, Paging::default());
    for id in [
        "kraken-us:A-7C41D0E2~sp~48213~1",
        "kraken-us:A-7C41D0E2~sp~1~10032789401234567",
    ] {
        assert_eq!(
            kraken.ask(point(id)).await.map_err(kind).unwrap_err(),
            ErrorKind::NotFound,
            "{id}"
        );
    }
    let unknown = usage("kraken-us:A-7C41D0E2~sp~1~10032789401234567");
    assert_eq!(
        kraken.ask(unknown).await.map_err(kind).unwrap_err(),
        ErrorKind::NotFound
    );
    let before = kraken.counts.all();
    assert_eq!(
        kraken.ask(account("kraken-us:A~B")).await.map_err(kind).unwrap_err(),
        ErrorKind::Invalid
    );
    assert_eq!(
        kraken.ask(bill("kraken-us:930412")).await.map_err(kind).unwrap_err(),
        ErrorKind::Invalid
    );
    assert_eq!(
        kraken.ask(bill("kraken-us:A-1~")).await.map_err(kind).unwrap_err(),
        ErrorKind::Invalid
    );
    assert_eq!(
        kraken.ask(point("kraken-us:A~m~1~2")).await.map_err(kind).unwrap_err(),
        ErrorKind::Invalid
    );
    assert_eq!(
        kraken.ask(usage("kraken-us:A")).await.map_err(kind).unwrap_err(),
        ErrorKind::Invalid
    );
    assert_eq!(kraken.counts.all(), before, "no system is asked");
}

#[tokio::test]
async fn accounts_are_found_by_number_and_status_in_order() {
    let kraken = Deployment::new().await;
    let search = |number: Option<&str>, limit, after| SearchAccounts {
        backend: "kraken-us".parse().unwrap(),
        number: number.map(str::to_owned),
        customer_number: None,
        status: None,
        filters: Vec::new(),
        paging: Paging { limit, after },
    };
    let all = kraken.walk(1, |paging| search(None, 1, paging.after)).await;
    let numbers: Vec<_> = all.iter().map(|account| account.number.as_deref().unwrap()).collect();
    assert_eq!(numbers, ["A-5E90B3F4", "A-7C41D0E2"]);
    let one = kraken.ask(search(Some("A-7C41D0E2"), 50, None)).await.unwrap();
    assert_eq!((one.items.len(), one.next), (1, None));
    assert!(
        kraken
            .ask(search(Some("A-0"), 50, None))
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn a_page_never_repeats_a_bill_and_no_bill_is_missing() {
    let kraken = Deployment::new().await;
    let whole = kraken.walk(200, |paging| bills(LARGE, true, paging)).await;
    assert_eq!(whole.len(), 41, "held, open and those without a file included");
    let ids: Vec<_> = whole.iter().map(|bill| bill.id.as_str().to_owned()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 41);
    for limit in [1, 7, 39, 40] {
        let again = kraken.walk(limit, |paging| bills(LARGE, true, paging)).await;
        assert_eq!(
            again.iter().map(|bill| bill.id.as_str()).collect::<Vec<_>>(),
            ids,
            "{limit}"
        );
    }
    let issued: Vec<_> = whole.iter().filter_map(|bill| bill.issued_on).collect();
    assert!(issued.is_sorted_by(|one, next| one >= next), "{issued:?}");
    let current = kraken.walk(5, |paging| bills(LARGE, false, paging)).await;
    assert_eq!(current.len(), 40, "the annulled one is left out");
    let annulled = whole.iter().find(|bill| bill.native_id == "950306").unwrap();
    assert_eq!(
        (annulled.status, annulled.is_current),
        (Some(BillStatus::Cancelled), false)
    );
    let credit = whole.iter().find(|bill| bill.native_id == "970003").unwrap();
    assert_eq!(credit.kind, BillKind::CreditNote);
    for draft in ["960004", "960005"] {
        let bill = whole.iter().find(|bill| bill.native_id == draft).unwrap();
        assert_eq!(bill.status, Some(BillStatus::Draft), "{draft}");
    }
}

#[tokio::test]
async fn bills_are_bounded_by_half_open_issue_dates_and_by_kind() {
    let kraken = Deployment::new().await;
    let whole = kraken.walk(200, |paging| bills(LARGE, true, paging)).await;
    let mut days: Vec<_> = whole.iter().filter_map(|bill| bill.issued_on).collect();
    days.sort();
    let (from, to) = (days[5], days[30]);
    let bounded = kraken
        .walk(4, |paging| ListBills {
            from: Some(from),
            to: Some(to),
            ..bills(LARGE, true, paging)
        })
        .await;
    let expected = days.iter().filter(|day| from <= **day && **day < to).count();
    assert_eq!(bounded.len(), expected);
    assert!(expected > 10);
    let invoices = kraken
        .walk(1, |paging| ListBills {
            kind: Some(BillKind::Invoice),
            ..bills(LARGE, true, paging)
        })
        .await;
    assert_eq!(invoices.len(), 2);
}

#[tokio::test]
async fn a_bill_alone_is_the_bill_in_the_list_and_keeps_its_record_on_request() {
    let kraken = Deployment::new().await;
    for listed in kraken.walk(200, |paging| bills(LARGE, true, paging)).await {
        let alone = kraken
            .ask(GetBill {
                bill: listed.id.clone(),
            })
            .await
            .unwrap();
        assert_eq!(text(&alone), text(&listed));
    }
    let page = kraken
        .ask_with(bills(SMALL, false, Paging::default()), true)
        .await
        .unwrap();
    let native: Vec<_> = page
        .items
        .iter()
        .map(|bill| text(bill)["native"]["id"].clone())
        .collect();
    assert_eq!(native, ["930412", "911860", "887004"]);
    let alone = GetBill {
        bill: page.items[0].id.clone(),
    };
    assert_eq!(
        text(&kraken.ask_with(alone, true).await.unwrap())["native"]["periodClosing"],
        -15349
    );
}

#[tokio::test]
async fn a_bill_s_document_is_its_bytes() {
    let kraken = Deployment::new().await;
    let document = |id: &str, form| GetBillDocument {
        bill: id.parse().unwrap(),
        forms: vec![form],
    };
    let pdf = kraken
        .ask(document("kraken-us:A-7C41D0E2~930412", DocumentForm::Pdf))
        .await
        .unwrap();
    assert!(pdf.bytes.starts_with(b"%PDF-"));
    assert!(pdf.name.ends_with(".pdf"));
    let kind = |error: Error| error.kind();
    let plain = document("kraken-us:A-7C41D0E2~930412", DocumentForm::Text);
    assert_eq!(
        kraken.ask(plain).await.map_err(kind).unwrap_err(),
        ErrorKind::NotAcceptable
    );
    for id in ["kraken-us:A-5E90B3F4~970002", "kraken-us:A-7C41D0E2~1"] {
        let error = kraken
            .ask(document(id, DocumentForm::Pdf))
            .await
            .map_err(kind)
            .unwrap_err();
        assert_eq!(error, ErrorKind::NotFound, "{id}");
    }
}

#[tokio::test]
async fn every_ledger_is_read_and_no_entry_twice() {
    let kraken = Deployment::new().await;
    let whole = kraken.walk(200, |paging| transactions(LARGE, paging)).await;
    let ids: Vec<_> = whole.iter().map(|entry| entry.id.as_str().to_owned()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    let mut ledgers: Vec<_> = whole.iter().map(|entry| entry.ledger.clone().unwrap()).collect();
    ledgers.dedup();
    assert_eq!(
        ledgers,
        ["L-2B7F9C10", "L-6D31E8A4", "L-90C4D2B7"],
        "one after the other"
    );
    for ledger in &ledgers {
        let days = whole.iter().filter(|entry| entry.ledger.as_ref() == Some(ledger));
        let days: Vec<_> = days.map(|entry| entry.posted_on.unwrap()).collect();
        assert!(days.is_sorted_by(|one, next| one >= next), "{ledger}");
    }
    for limit in [1, 10, 33] {
        let again = kraken.walk(limit, |paging| transactions(LARGE, paging)).await;
        assert_eq!(
            again.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(),
            ids,
            "{limit}"
        );
    }
    let payments = kraken
        .walk(3, |paging| ListTransactions {
            kind: Some(TransactionKind::Payment),
            ..transactions(LARGE, paging)
        })
        .await;
    assert!(payments.iter().all(|entry| entry.direction == Some(Direction::Credit)));
    assert_eq!(
        payments.len(),
        whole
            .iter()
            .filter(|entry| entry.kind == TransactionKind::Payment)
            .count()
    );
    let small = kraken
        .walk(3, |paging| ListTransactions {
            from: Some("2026-01-01".parse().unwrap()),
            to: Some("2026-02-04".parse().unwrap()),
            ..transactions(SMALL, paging)
        })
        .await;
    let days: Vec<_> = small.iter().map(|entry| entry.posted_on.unwrap().to_string()).collect();
    assert_eq!(days, ["2026-02-03", "2026-01-20", "2026-01-04"], "the end is not in it");
}

#[tokio::test]
async fn every_property_point_and_meter_is_listed() {
    let kraken = Deployment::new().await;
    let points = kraken
        .walk(3, |paging| ListServicePoints {
            account: LARGE.parse().unwrap(),
            paging,
        })
        .await;
    assert_eq!(points.len(), 4);
    for point in &points {
        let service_point = point.id.clone();
        let alone = kraken.ask(GetServicePoint { service_point }).await.unwrap();
        assert_eq!(text(&alone), text(point));
    }
    let meters = kraken
        .walk(2, |paging| ListMeters {
            account: LARGE.parse().unwrap(),
            paging,
        })
        .await;
    assert_eq!(
        meters.len(),
        points.iter().flat_map(|point| point.meters.iter().flatten()).count()
    );
    assert!(meters.iter().any(|meter| meter.removed_on.is_some()));
    for listed in &meters {
        let meter = kraken
            .ask(GetMeter {
                meter: listed.id.clone(),
            })
            .await
            .unwrap();
        assert_eq!(text(&meter), text(listed));
    }
    let account = LARGE.parse().unwrap();
    let native = kraken
        .ask_with(
            ListMeters {
                account,
                paging: Paging::default(),
            },
            true,
        )
        .await
        .unwrap();
    for meter in native.items {
        assert_eq!(text(&meter)["native"]["serialNumber"], text(&meter)["number"]);
    }
}

const POINT: &str = "kraken-us:A-5E90B3F4~sp~61001~10443720000111222";

#[tokio::test]
async fn readings_are_listed_oldest_first_and_page_by_page() {
    let kraken = Deployment::new().await;
    let readings = |from: &str, to: &str, paging| ListReadings {
        service_point: POINT.parse().unwrap(),
        from: Some(from.parse::<Bound>().unwrap()),
        to: Some(to.parse().unwrap()),
        status: None,
        quality: None,
        paging,
    };
    let whole = kraken
        .walk(200, |paging| readings("2025-10-02", "2026-09-01", paging))
        .await;
    assert!(whole.len() > 300, "{}", whole.len());
    let instants: Vec<_> = whole.iter().map(|reading| reading.read_at).collect();
    assert!(instants.is_sorted_by(|one, next| one < next));
    for limit in [7, 50] {
        let again = kraken
            .walk(limit, |paging| readings("2025-10-02", "2026-09-01", paging))
            .await;
        assert_eq!(
            again.iter().map(|reading| reading.read_at).collect::<Vec<_>>(),
            instants
        );
    }
    let zone: Zone = "America/Chicago".parse().unwrap();
    let (from, to) = ("2026-03-07", "2026-03-10");
    let days = kraken.walk(50, |paging| readings(from, to, paging)).await;
    let start = zone.start_of(from.parse().unwrap()).unwrap();
    let end = zone.start_of(to.parse().unwrap()).unwrap();
    assert_eq!(
        days.len(),
        instants.iter().filter(|at| start <= **at && **at < end).count()
    );
    assert_eq!(days.len(), 3);
}

#[tokio::test]
async fn a_day_has_as_many_intervals_as_its_clock_says() {
    let kraken = Deployment::new().await;
    for (day, next, hours) in [
        ("2025-11-01", "2025-11-02", 24),
        ("2025-11-02", "2025-11-03", 25),
        ("2026-03-08", "2026-03-09", 23),
    ] {
        for (resolution, per_hour) in [
            (Resolution::QuarterHour, 4),
            (Resolution::HalfHour, 2),
            (Resolution::Hour, 1),
        ] {
            let intervals = kraken
                .walk(40, |paging| usage(POINT, day, next, resolution, paging))
                .await;
            assert_eq!(intervals.len(), hours * per_hour, "{day} {resolution:?}");
            for pair in intervals.windows(2) {
                assert_eq!(pair[0].end, pair[1].start, "no gap, no overlap");
            }
        }
    }
    let days = kraken
        .walk(50, |paging| {
            usage(POINT, "2025-10-05", "2026-08-05", Resolution::Day, paging)
        })
        .await;
    assert_eq!(days.len(), 304);
    let months = kraken
        .walk(50, |paging| {
            usage(POINT, "2025-10-01", "2026-09-01", Resolution::Month, paging)
        })
        .await;
    assert_eq!(months.len(), 11);
}

#[tokio::test]
async fn pages_of_use_join_across_windows_and_empty_ones_do_not_end_the_list() {
    let kraken = Deployment::new().await;
    let (from, to) = ("2026-01-05", "2026-01-25");
    let whole = kraken
        .walk(200, |paging| usage(POINT, from, to, Resolution::QuarterHour, paging))
        .await;
    assert_eq!(whole.len(), 20 * 96);
    let starts: Vec<_> = whole.iter().map(|interval| interval.start).collect();
    assert!(starts.is_sorted_by(|one, next| one < next));
    let again = kraken
        .walk(77, |paging| usage(POINT, from, to, Resolution::QuarterHour, paging))
        .await;
    assert_eq!(again.iter().map(|interval| interval.start).collect::<Vec<_>>(), starts);
    // Meter data begins in October: the windows before it are empty.
    let late = kraken
        .ask(usage(
            POINT,
            "2025-07-01",
            "2025-10-03",
            Resolution::Hour,
            Paging::default(),
        ))
        .await
        .unwrap();
    assert_eq!(late.items.len(), 48);
    assert_eq!(late.items[0].start.to_string(), "2025-10-01T05:00:00Z");
    // Bounds inside an interval: only those that start in the span.
    let odd = kraken
        .ask(usage(
            POINT,
            "2026-01-05T12:07:00Z",
            "2026-01-05T12:31:00Z",
            Resolution::QuarterHour,
            Paging::default(),
        ))
        .await
        .unwrap();
    let starts: Vec<_> = odd.items.iter().map(|interval| interval.start.to_string()).collect();
    assert_eq!(starts, ["2026-01-05T12:15:00Z", "2026-01-05T12:30:00Z"]);
}

#[tokio::test]
async fn a_stale_token_is_renewed_and_the_call_repeated_once() {
    let kraken = Deployment::new().await;
    let balance = || GetBalance {
        account: SMALL.parse().unwrap(),
    };
    kraken.ask(balance()).await.unwrap();
    kraken.play(Play::Fault(Fault::ExpiredToken));
    kraken.ask(balance()).await.unwrap();
    assert_eq!(kraken.counts.get("ObtainKrakenToken"), 2, "{:?}", kraken.counts.all());
}

#[tokio::test]
async fn faults_of_the_system_have_their_kinds() {
    let kraken = Deployment::new().await;
    let balance = || GetBalance {
        account: SMALL.parse().unwrap(),
    };
    kraken.ask(balance()).await.unwrap();
    for (play, kind) in [
        (Play::Instead(403, "<html>403 Forbidden</html>"), ErrorKind::Blocked),
        (Play::Instead(200, "<html>maintenance</html>"), ErrorKind::Blocked),
        (Play::Instead(200, "{\"data\": {\"acc"), ErrorKind::Unreadable),
        (
            Play::Instead(400, "{\"errors\": [{\"message\": \"no\"}]}"),
            ErrorKind::Refused,
        ),
        (Play::Fault(Fault::Throttled(None)), ErrorKind::Throttled),
        (Play::Fault(Fault::Throttled(Some(3600))), ErrorKind::Throttled),
    ] {
        kraken.play(play);
        assert_eq!(kraken.ask(balance()).await.unwrap_err().kind(), kind);
    }
    for fault in [Fault::Status(503), Fault::ErrorInside] {
        kraken.play(Play::Fault(fault));
        let repeated = kraken.ask(balance()).await;
        assert!(repeated.is_ok(), "{fault:?}: {repeated:?}");
    }
    assert_eq!(
        kraken.counts.get("ObtainKrakenToken"),
        1,
        "none of these is a matter of credentials"
    );
}

fn fail(answer: &mut Value, code: &str, path: Value) {
    answer["errors"] = json!([{ "message": "m", "path": path, "extensions": { "errorCode": code } }]);
}

#[tokio::test]
async fn an_optional_part_that_failed_is_null_and_never_none() {
    let kraken = Deployment::new().await;
    let account = || GetAccount {
        account: SMALL.parse().unwrap(),
    };
    kraken.play(Play::Changed(|answer| {
        answer["data"]["account"]["properties"] = Value::Null;
        fail(answer, "KT-CT-1111", json!(["account", "properties"]));
    }));
    let found = kraken.ask(account()).await.unwrap();
    assert!(found.service_points.is_none());
    assert!(found.balance.is_some());
    kraken.play(Play::Changed(|answer| {
        answer["data"]["account"]["properties"] = Value::Null;
        fail(answer, "KT-CT-1111", json!(["account", "properties"]));
    }));
    let points = ListServicePoints {
        account: SMALL.parse().unwrap(),
        paging: Paging::default(),
    };
    let error = kraken.ask(points).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "a list of points is not empty for it");
}

#[tokio::test]
async fn a_part_that_a_record_cannot_do_without_is_its_error() {
    let kraken = Deployment::new().await;
    let list = || bills(SMALL, false, Paging::default());
    let cases: [(Change, ErrorKind); 7] = [
        (
            |answer| {
                answer["data"]["account"]["bills"] = Value::Null;
                fail(answer, "KT-CT-1113", json!(["account", "bills"]));
            },
            ErrorKind::Unavailable,
        ),
        (
            |answer| {
                answer["data"]["account"]["bills"] = Value::Null;
                fail(answer, "KT-CT-1199", json!(["account", "bills", "edges", 0, "cursor"]));
            },
            ErrorKind::Throttled,
        ),
        (
            |answer| answer["data"]["account"]["bills"] = Value::Null,
            ErrorKind::Unreadable,
        ),
        (
            |answer| {
                answer["data"]["account"]["bills"]["edges"][1]["node"] = Value::Null;
                fail(
                    answer,
                    "KT-CT-1111",
                    json!(["account", "bills", "edges", 1, "node", "isAnnulled"]),
                );
            },
            ErrorKind::Refused,
        ),
        (
            |answer| answer["data"]["account"]["number"] = json!("A-5E90B3F4"),
            ErrorKind::Unreadable,
        ),
        (
            |answer| {
                answer["data"]["account"]["bills"]["pageInfo"] = json!({ "hasNextPage": true, "endCursor": null });
                for edge in answer["data"]["account"]["bills"]["edges"].as_array_mut().unwrap() {
                    edge["cursor"] = Value::Null;
                }
            },
            ErrorKind::Unreadable,
        ),
        (
            |answer| answer["data"]["account"]["bills"]["edges"][0]["node"]["periodClosing"] = json!(-153.49),
            ErrorKind::Unreadable,
        ),
    ];
    for (n, (change, kind)) in cases.into_iter().enumerate() {
        kraken.play(Play::Changed(change));
        assert_eq!(kraken.ask(list()).await.unwrap_err().kind(), kind, "case {n}");
    }
    kraken.play(Play::Changed(|answer| {
        answer["data"]["account"]["bills"]["edges"][1]["node"] = Value::Null;
        answer["data"]["account"]["bills"]["edges"][2] = Value::Null;
    }));
    let nulls = kraken.ask(list()).await.unwrap();
    assert_eq!(nulls.items.len(), 1, "nulls without an error are skipped");
    kraken.play(Play::Changed(|answer| {
        answer["data"]["account"]["bills"]["edges"][0]["node"]["periodCharges"] = Value::Null;
        let path = json!(["account", "bills", "edges", 0, "node", "periodCharges"]);
        fail(answer, "KT-CT-1111", path);
    }));
    let partial = kraken.ask(list()).await.unwrap();
    assert_eq!((partial.items.len(), partial.items[0].totals), (3, None));
}

#[tokio::test]
async fn a_walk_that_goes_in_a_circle_ends() {
    let kraken = Deployment::new().await;
    let page = kraken
        .ask(bills(LARGE, true, Paging { limit: 1, after: None }))
        .await
        .unwrap();
    let again: Change = |answer| {
        // The cursor of the sixth bill, whatever was asked for.
        let info = json!({ "hasNextPage": true, "endCursor": "YXJyYXljb25uZWN0aW9uOjU=" });
        answer["data"]["account"]["bills"] = json!({ "pageInfo": info, "edges": [] });
    };
    kraken.play(Play::Changed(again));
    kraken.play(Play::Changed(again));
    let list = bills(
        LARGE,
        true,
        Paging {
            limit: 1,
            after: page.next,
        },
    );
    assert_eq!(kraken.ask(list).await.unwrap_err().kind(), ErrorKind::Unreadable);
}

#[tokio::test]
async fn an_address_that_expired_is_asked_for_again_and_a_strange_one_is_not_fetched() {
    let kraken = Deployment::new().await;
    let document = || GetBillDocument {
        bill: "kraken-us:A-7C41D0E2~930412".parse().unwrap(),
        forms: vec![DocumentForm::Text, DocumentForm::Pdf],
    };
    kraken.play(Play::Changed(|answer| {
        let url = &mut answer["data"]["account"]["bill"]["attachments"]["edges"][0]["node"]["temporaryUrl"];
        *url = json!(format!("{}0", url.as_str().unwrap()));
    }));
    let found = kraken.ask(document()).await.unwrap();
    assert!(found.bytes.starts_with(b"%PDF-"));
    assert_eq!(kraken.counts.get("BillDocument"), 2);
    kraken.play(Play::Changed(|answer| {
        let url = &mut answer["data"]["account"]["bill"]["attachments"]["edges"][0]["node"]["temporaryUrl"];
        *url = json!("https://files.invalid/bill.pdf");
    }));
    let error = kraken.ask(document()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Blocked);
    assert!(
        !format!("{error:?} {error}").contains("files.invalid"),
        "the address is a credential"
    );
}

#[tokio::test]
async fn a_window_that_lost_its_beginning_is_asked_for_again() {
    let kraken = Deployment::new().await;
    kraken.play(Play::Changed(|answer| {
        for property in answer["data"]["account"]["properties"].as_array_mut().unwrap() {
            let edges = property["measurements"]["edges"].as_array_mut().unwrap();
            // No order is promised.
            edges.sort_by_key(|edge| {
                edge["node"]["startAt"]
                    .as_str()
                    .unwrap()
                    .parse::<jiff::Timestamp>()
                    .unwrap()
            });
            edges.drain(..edges.len() / 2);
        }
    }));
    let list = usage(POINT, "2026-01-05", "2026-01-06", Resolution::Hour, Paging::default());
    let found = kraken.ask(list).await.unwrap();
    assert_eq!(found.items.len(), 24);
    assert_eq!(found.items[0].start.to_string(), "2026-01-05T06:00:00Z");
}
