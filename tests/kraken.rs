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
use intertie::error::{Error, ErrorKind, Place};
use intertie::model::bill::{BillKind, BillStatus, DocumentForm};
use intertie::model::meter::{FlowDirection, MarketIdentifierKind, Reading, ReadingStatus, ServiceKind};
use intertie::model::page::{Page, Paging};
use intertie::model::refund::{Refund, RefundStatus};
use intertie::model::time::{Bound, Zone};
use intertie::model::transaction::{Direction, TransactionKind};
use intertie::model::usage::Resolution;
use intertie::operations::accounts::{GetAccount, GetBalance, SearchAccounts};
use intertie::operations::arrangements::CancelPaymentArrangement;
use intertie::operations::bills::{GetBill, GetBillDocument, ListBills};
use intertie::operations::contacts::ListContacts;
use intertie::operations::meters::{GetMeter, ListMeters};
use intertie::operations::postings::{CreateCharge, CreateCredit};
use intertie::operations::readings::{ListReadings, SubmitReadings};
use intertie::operations::refunds::{CancelRefund, ListRefunds, RequestRefund};
use intertie::operations::service_points::{GetServicePoint, ListServicePoints};
use intertie::operations::transactions::ListTransactions;
use intertie::operations::usage::ListUsage;
use intertie::operations::{Change as Changed, Context, Operation};
use intertie::sandbox::counts::Counts;
use intertie::sandbox::fault::Fault;
use intertie::sandbox::kraken::{API_KEY, EMAIL, GB_GRAPHQL, GRAPHQL, ORGANIZATION_SECRET, PASSWORD, router};
use intertie::upstream::Settings;
use serde_json::{Value, json};

use crate::support::exchange::Exchange;
use crate::support::kraken_contract::check;
use crate::support::watch;

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
    /// What passed, and what of it does not fit the contract.
    seen: Arc<Mutex<Vec<Exchange>>>,
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
        watch::on();
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
        let seen = Arc::<Mutex<Vec<Exchange>>>::default();
        let (playing, noting, keeping) = (plays.clone(), broken.clone(), seen.clone());
        let app = router(&base, counts.clone()).layer(from_fn(move |request: Request, next: Next| {
            overhear(request, next, playing.clone(), noting.clone(), keeping.clone())
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
            seen,
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
        self.ask_in(operation, |cx| cx.native = native).await
    }

    /// Asks with the caller's own key for a repeat.
    async fn ask_keyed<O: Operation>(&self, operation: O, key: &str) -> Result<O::Reply, Error> {
        self.ask_in(operation, |cx| cx.idempotency_key = Some(Arc::from(key)))
            .await
    }

    async fn ask_in<O: Operation>(&self, operation: O, change: impl FnOnce(&mut Context)) -> Result<O::Reply, Error> {
        let mut cx = Context::within(Duration::from_secs(20));
        change(&mut cx);
        let served = self.backend.serving::<O>().unwrap().0.serve(operation, &cx).await;
        served.inspect_err(watch::error)
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

async fn overhear(
    request: Request,
    next: Next,
    plays: Plays,
    broken: Arc<Mutex<Vec<String>>>,
    seen: Arc<Mutex<Vec<Exchange>>>,
) -> Response {
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
    seen.lock().unwrap().push(exchange);
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

/// What the truth says of the contract's example of a write, and the example.
fn written(operation: &str) -> (Value, Value) {
    let read = |name: &str| -> Value {
        let path = format!("{}/tests/fixtures/kraken/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    let truth = read("truth.json");
    for (file, truths) in truth.as_object().unwrap() {
        for (at, truth) in truths.as_array().into_iter().flatten().enumerate() {
            if truth.get("request").is_some() && truth["operation"] == operation {
                return (
                    truth.clone(),
                    read(&format!("examples/{file}"))["exchanges"][at].clone(),
                );
            }
        }
    }
    panic!("no example of {operation}")
}

/// Whatever the truth names is so.
fn assert_means(truth: &Value, record: &Value) {
    for (member, truth) in truth.as_object().unwrap() {
        assert_eq!(&record[member], truth, "{member}");
    }
}

impl Deployment {
    /// That the last call was the example's request, to the letter but for a key made anew, and had the example's answer.
    fn played(&self, example: &Value) {
        let seen = self.seen.lock().unwrap();
        let last = seen.last().unwrap();
        let (mut sent, answer): (Value, Value) = (
            serde_json::from_slice(&last.request_body).unwrap(),
            serde_json::from_slice(&last.response_body).unwrap(),
        );
        let mut expected = example["request"].clone();
        let words = |request: &Value| -> Vec<String> {
            let query = request["query"].as_str().unwrap();
            query.split_whitespace().map(str::to_owned).collect()
        };
        assert_eq!(words(&sent), words(&expected));
        assert_eq!(sent["operationName"], expected["operationName"]);
        let mut keys = [&mut sent, &mut expected].map(|request| request["variables"]["input"]["idempotencyKey"].take());
        keys.sort_by_key(Value::is_null);
        for key in keys.iter().filter(|key| !key.is_null()) {
            assert!(key.as_str().unwrap().parse::<uuid::Uuid>().is_ok(), "{key}");
        }
        assert_eq!(keys[0].is_null(), keys[1].is_null());
        assert_eq!(sent["variables"], expected["variables"]);
        assert_eq!(answer, example["response"]);
    }
}

#[tokio::test]
async fn the_contract_s_examples_of_writes_are_sent_to_the_letter_and_mean_what_they_say() {
    let kraken = Deployment::new().await;
    let account = || SMALL.parse().unwrap();
    let (truth, example) = written("charges.create");
    let new = serde_json::from_value(truth["request"].clone()).unwrap();
    let made = kraken
        .ask(CreateCharge {
            account: account(),
            new,
        })
        .await
        .unwrap();
    assert_means(&truth["data"], &text(&made));
    kraken.played(&example);
    let (truth, example) = written("refunds.request");
    let new = serde_json::from_value(truth["request"].clone()).unwrap();
    let made = kraken
        .ask(RequestRefund {
            account: account(),
            new,
        })
        .await
        .unwrap();
    assert_means(&truth["data"], &text(&made));
    kraken.played(&example);
    let (truth, example) = written("refunds.cancel");
    let refund = truth["request"].as_str().unwrap().parse().unwrap();
    let Changed::Now(made) = kraken.ask(CancelRefund { refund }).await.unwrap() else {
        panic!("the refund is not told");
    };
    assert_means(&truth["data"], &text(&made));
    kraken.played(&example);
}

fn refund(account: &str, amount: &str, reason: &str) -> RequestRefund {
    let new = json!({"amount": {"amount": amount, "currency": "USD"}, "reason": reason, "method": "CHEQUE"});
    RequestRefund {
        account: account.parse().unwrap(),
        new: serde_json::from_value(new).unwrap(),
    }
}

async fn refunds(kraken: &Deployment, account: &str) -> Vec<Refund> {
    let account = account.parse().unwrap();
    let list = ListRefunds {
        account,
        paging: Paging::default(),
    };
    kraken.ask(list).await.unwrap().items
}

#[tokio::test]
async fn a_used_key_gives_the_refund_it_was_used_for_and_no_other() {
    let kraken = Deployment::new().await;
    let first = kraken
        .ask_keyed(refund(SMALL, "12.50", "MOVED_OUT"), "k-1")
        .await
        .unwrap();
    let again = kraken
        .ask_keyed(refund(SMALL, "12.50", "MOVED_OUT"), "k-1")
        .await
        .unwrap();
    assert_eq!(
        (again.id, again.amount, again.status),
        (first.id, first.amount, first.status)
    );
    assert_eq!(refunds(&kraken, SMALL).await.len(), 1, "no second one was made");
    // The key stands for what it was used for first.
    for other in [refund(SMALL, "12.51", "MOVED_OUT"), refund(SMALL, "12.50", "OVERPAID")] {
        let error = kraken.ask_keyed(other, "k-1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(error.native_error().unwrap().code.as_deref(), Some("KT-CT-3928"));
    }
    assert_eq!(refunds(&kraken, SMALL).await.len(), 1);
    // Of two that are alike, none can be told to be the key's.
    kraken
        .ask_keyed(refund(SMALL, "12.50", "MOVED_OUT"), "k-2")
        .await
        .unwrap();
    let error = kraken
        .ask_keyed(refund(SMALL, "12.50", "MOVED_OUT"), "k-1")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    // On another account, the same key is another one.
    let elsewhere = kraken.ask_keyed(refund(LARGE, "12.50", "MOVED_OUT"), "k-1").await;
    assert_eq!(
        elsewhere.unwrap_err().faults()[0].place,
        Place::Pointer("/ledger".to_owned())
    );
    let mut named = refund(LARGE, "12.50", "MOVED_OUT");
    named.new.ledger = Some("L-2B7F9C10".to_owned());
    kraken.ask_keyed(named, "k-1").await.unwrap();
}

#[tokio::test]
async fn a_refund_is_cancelled_in_the_name_of_its_own_account_alone() {
    let kraken = Deployment::new().await;
    let cancel = |id: &str| CancelRefund {
        refund: id.parse().unwrap(),
    };
    // Another account's, another ledger's, nobody's.
    for id in [
        "kraken-us:A-7C41D0E2~L-6D31E8A4~70190",
        "kraken-us:A-7C41D0E2~L-51D20A77~70190",
        "kraken-us:A-5E90B3F4~L-2B7F9C10~70190",
        "kraken-us:A-00000000~L-6D31E8A4~70190",
    ] {
        let error = kraken.ask(cancel(id)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{id}");
    }
    // What has gone too far is the system's to refuse.
    let paid = kraken
        .ask(cancel("kraken-us:A-5E90B3F4~L-2B7F9C10~69980"))
        .await
        .unwrap_err();
    assert_eq!(paid.kind(), ErrorKind::Conflict);
    assert_eq!(
        kraken.counts.get("CancelRepaymentRequest"),
        1,
        "the system is not asked about the others"
    );
    let status = |refunds: Vec<Refund>| {
        let found = refunds
            .into_iter()
            .find(|refund| refund.native_id.as_deref() == Some("70190"));
        found.unwrap().status
    };
    assert_eq!(status(refunds(&kraken, LARGE).await), Some(RefundStatus::Requested));
    let own = cancel("kraken-us:A-5E90B3F4~L-6D31E8A4~70190");
    let Changed::Now(now) = kraken.ask(own.clone()).await.unwrap() else {
        panic!("the refund is not told");
    };
    assert_eq!(now.status, Some(RefundStatus::Cancelled));
    assert_eq!(status(refunds(&kraken, LARGE).await), Some(RefundStatus::Cancelled));
    // A second time there is nothing left to do.
    assert!(matches!(kraken.ask(own).await.unwrap(), Changed::Now(_)));
    assert_eq!(kraken.counts.get("CancelRepaymentRequest"), 2);
    assert!(
        kraken.backend.serving::<CancelPaymentArrangement>().is_none(),
        "the system has no such step"
    );
}

fn place(error: &Error) -> &Place {
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let [fault] = error.faults() else {
        panic!("{:?}", error.faults());
    };
    &fault.place
}

fn at(pointer: &str) -> Place {
    Place::Pointer(pointer.to_owned())
}

#[tokio::test]
async fn an_amount_the_system_cannot_take_is_refused_where_it_stands() {
    let kraken = Deployment::new().await;
    let money = |amount: &str, currency: &str| json!({"amount": amount, "currency": currency});
    let account = || LARGE.parse().unwrap();
    for (amount, pointer) in [
        (money("12.50", "EUR"), "/amount/currency"),
        (money("0.001", "USD"), "/amount/amount"),
        (money("21474836.48", "USD"), "/amount/amount"),
        (money("1000000000000000000000000", "USD"), "/amount/amount"),
    ] {
        let new = json!({"amount": amount, "reason": "LATE_FEE"});
        let charge = CreateCharge {
            account: account(),
            new: serde_json::from_value(new.clone()).unwrap(),
        };
        assert_eq!(*place(&kraken.ask(charge).await.unwrap_err()), at(pointer), "{amount}");
        let credit = CreateCredit {
            account: account(),
            new: serde_json::from_value(new.clone()).unwrap(),
        };
        assert_eq!(*place(&kraken.ask(credit).await.unwrap_err()), at(pointer), "{amount}");
        let refund = RequestRefund {
            account: account(),
            new: serde_json::from_value(new).unwrap(),
        };
        assert_eq!(*place(&kraken.ask(refund).await.unwrap_err()), at(pointer), "{amount}");
    }
    let taxed = json!({"amount": money("5.00", "USD"), "tax": money("0.005", "USD"), "reason": "GOODWILL_CREDIT"});
    let credit = CreateCredit {
        account: account(),
        new: serde_json::from_value(taxed).unwrap(),
    };
    assert_eq!(*place(&kraken.ask(credit).await.unwrap_err()), at("/tax/amount"));
    assert_eq!(kraken.counts.all().values().sum::<u64>(), 0, "no system is asked");
    // What the system itself says of an amount stands at the same place.
    let error = kraken.ask(refund(SMALL, "0.00", "MOVED_OUT")).await.unwrap_err();
    assert_eq!(*place(&error), at("/amount/amount"));
    assert_eq!(error.native_error().unwrap().code.as_deref(), Some("KT-CT-3927"));
}

#[tokio::test]
async fn the_users_of_an_account_are_its_contacts() {
    let kraken = Deployment::new().await;
    let list = |paging| ListContacts {
        account: LARGE.parse().unwrap(),
        paging,
    };
    let whole = kraken.walk(200, list).await;
    let ids: Vec<_> = whole.iter().map(|contact| contact.id.key()).collect();
    assert_eq!(ids, ["A-5E90B3F4~1203511", "A-5E90B3F4~1203344", "A-5E90B3F4~1203760"]);
    let roles: Vec<Vec<_>> = whole
        .iter()
        .map(|contact| {
            contact
                .relationships
                .iter()
                .flatten()
                .map(|tie| tie.role.as_deref())
                .collect()
        })
        .collect();
    let expected = [
        vec![Some("OWNER"), Some("DIRECTOR")],
        vec![Some("BILL_PAYER")],
        vec![None],
    ];
    assert_eq!(roles, expected, "of this account alone");
    assert_eq!(
        text(&whole[0])["addresses"][0]["lines"],
        json!(["880 Guadalupe Street", "Office"])
    );
    assert_eq!(text(&whole[2])["emails"], json!([]), "an empty text is no address");
    let paged = kraken.walk(1, list).await;
    assert_eq!(paged.iter().map(|contact| contact.id.key()).collect::<Vec<_>>(), ids);
    let native = kraken.ask_with(list(Paging::default()), true).await.unwrap();
    for contact in native.items {
        let contact = text(&contact);
        assert_eq!(contact["native"]["id"], contact["native_id"]);
        assert!(contact["native"].get("liveSecretKey").is_none());
    }
    // The list cannot be null, so an error in it takes the account along: that is not an account that is missing.
    kraken.play(Play::Changed(|answer| {
        answer["data"]["account"] = Value::Null;
        fail(answer, "KT-CT-1111", json!(["account", "users"]));
    }));
    assert_eq!(
        kraken.ask(list(Paging::default())).await.unwrap_err().kind(),
        ErrorKind::Refused
    );
}

const BRITISH: &str = "kraken-gb:A-5E90B3F4~sp~73001~2300001456789";

fn british_readings(point: &str, from: &str, to: &str, status: Option<ReadingStatus>, paging: Paging) -> ListReadings {
    ListReadings {
        service_point: point.parse().unwrap(),
        from: Some(from.parse().unwrap()),
        to: Some(to.parse().unwrap()),
        status,
        quality: None,
        paging,
    }
}

#[tokio::test]
async fn the_british_edition_has_points_of_both_kinds_and_registers() {
    let kraken = Deployment::british().await;
    let account = kraken
        .ask(GetAccount {
            account: "kraken-gb:A-7C41D0E2".parse().unwrap(),
        })
        .await
        .unwrap();
    let kinds: Vec<_> = account
        .service_points
        .unwrap()
        .into_iter()
        .map(|point| point.service_kind)
        .collect();
    assert_eq!(kinds, [Some(ServiceKind::Electricity), Some(ServiceKind::Gas)]);
    let list = |account: &str| ListServicePoints {
        account: account.parse().unwrap(),
        paging: Paging::default(),
    };
    let points = kraken.ask_with(list("kraken-gb:A-7C41D0E2"), true).await.unwrap().items;
    let markets: Vec<_> = points
        .iter()
        .map(|point| {
            point
                .market_identifier
                .clone()
                .map(|market| (market.kind, market.value))
                .unwrap()
        })
        .collect();
    let expected = [
        (MarketIdentifierKind::Mpan, "1900008412345".to_owned()),
        (MarketIdentifierKind::Mprn, "3245178906".to_owned()),
    ];
    assert_eq!(markets, expected);
    for point in &points {
        let point = text(point);
        let value = &point["market_identifier"]["value"];
        assert!(
            [&point["native"]["mpan"], &point["native"]["mprn"]].contains(&value),
            "{point}"
        );
        assert_eq!(
            point["meters"][0]["native"]["serialNumber"],
            point["meters"][0]["number"]
        );
    }
    let meter = text(&points[0].meters.as_ref().unwrap()[0]);
    assert_eq!(
        (&meter["native_id"], &meter["installed_on"]),
        (&json!("618801"), &json!("2020-03-09"))
    );
    let register = json!([{"id": "618801-1", "label": "1", "unit": null, "direction": "IMPORT", "dials": 5,
        "multiplier": "1.0", "accepts_readings": null, "last_reading": null}]);
    assert_eq!(meter["registers"], register);
    assert_eq!(text(&points[1])["meters"][0]["registers"], Value::Null);
    // A meter that was taken out is listed, too.
    let points = kraken.ask(list("kraken-gb:A-5E90B3F4")).await.unwrap().items;
    let removed = text(&points[0])["meters"][0].clone();
    assert_eq!(
        (&removed["number"], &removed["removed_on"]),
        (&json!("15K0044210"), &json!("2026-01-12"))
    );
    assert!(
        kraken.backend.serving::<ListUsage>().is_none(),
        "use is not known to be had there"
    );
    assert!(Deployment::new().await.backend.serving::<SubmitReadings>().is_none());
}

#[tokio::test]
async fn british_readings_come_meter_by_meter_and_register_by_register() {
    let kraken = Deployment::british().await;
    let (from, to) = ("2023-09-01", "2026-06-01");
    let list = |status, paging| british_readings(BRITISH, from, to, status, paging);
    let whole = kraken.walk(200, |paging| list(None, paging)).await;
    // 123 weeks and 12, two registers; of each meter one week is held back.
    assert_eq!(whole.len(), 2 * (122 + 11));
    let order = |reading: &Reading| {
        let meter = reading.meter_id.as_ref().unwrap().as_str().ends_with("23J0910056");
        (meter, reading.register.clone(), reading.read_at)
    };
    assert!(whole.iter().map(order).is_sorted_by(|one, next| one < next));
    assert!(
        whole
            .iter()
            .all(|reading| reading.status == Some(ReadingStatus::Accepted))
    );
    assert_eq!(
        whole.iter().filter(|reading| reading.value.is_none()).count(),
        2,
        "absent, not zero"
    );
    let ids: BTreeSet<_> = whole
        .iter()
        .map(|reading| reading.id.as_ref().unwrap().as_str().to_owned())
        .collect();
    assert_eq!(ids.len(), whole.len());
    let held = kraken
        .walk(3, |paging| list(Some(ReadingStatus::Pending), paging))
        .await;
    assert_eq!(held.len(), 4);
    let again = kraken.walk(100, |paging| list(None, paging)).await;
    assert_eq!(text(&again), text(&whole));
    // The end is not in it: the clock of London says when a day begins.
    let day = |to: &str| british_readings(BRITISH, "2024-07-01", to, None, Paging::default());
    let july = kraken.ask(day("2024-07-16")).await.unwrap().items;
    let days: BTreeSet<_> = july.iter().map(|reading| reading.read_at.to_string()).collect();
    let expected = ["2024-07-01T00:30:00Z", "2024-07-08T00:30:00Z", "2024-07-15T18:30:00Z"];
    assert_eq!(days.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let unsupported = kraken
        .ask(list(Some(ReadingStatus::Rejected), Paging::default()))
        .await
        .unwrap_err();
    assert_eq!(unsupported.kind(), ErrorKind::Unsupported);
    for (point, kind) in [
        ("kraken-gb:A-7C41D0E2~sp~72001~3245178906", ErrorKind::Unsupported),
        ("kraken-gb:A-7C41D0E2~sp~72001~2300001456789", ErrorKind::NotFound),
        ("kraken-gb:A-7C41D0E2~sp~73001~2300001456789", ErrorKind::NotFound),
        ("kraken-gb:A-00000000~sp~73001~2300001456789", ErrorKind::NotFound),
    ] {
        let list = british_readings(point, from, to, None, Paging::default());
        assert_eq!(kraken.ask(list).await.unwrap_err().kind(), kind, "{point}");
    }
}

#[tokio::test]
async fn a_page_of_british_readings_that_is_missing_is_no_end() {
    let kraken = Deployment::british().await;
    let list = || british_readings(BRITISH, "2023-09-01", "2026-06-01", None, Paging::default());
    let cases: [(Change, ErrorKind); 3] = [
        (
            |answer| {
                let point = &mut answer["data"]["account"]["properties"][0]["electricityMeterPoints"][0];
                point["meters"][1]["readings"] = Value::Null;
                let path = [
                    "account",
                    "properties",
                    "0",
                    "electricityMeterPoints",
                    "0",
                    "meters",
                    "1",
                    "readings",
                ];
                fail(answer, "KT-CT-1111", json!(path));
            },
            ErrorKind::Refused,
        ),
        (
            |answer| {
                let point = &mut answer["data"]["account"]["properties"][0]["electricityMeterPoints"][0];
                point["meters"][1]["readings"] = Value::Null;
            },
            ErrorKind::Unreadable,
        ),
        (
            |answer| {
                let point = &mut answer["data"]["account"]["properties"][0]["electricityMeterPoints"][0];
                point["meters"][0]["id"] = json!("not-a-number");
            },
            ErrorKind::Unreadable,
        ),
    ];
    for (n, (change, kind)) in cases.into_iter().enumerate() {
        kraken.play(Play::Changed(change));
        assert_eq!(kraken.ask(list()).await.unwrap_err().kind(), kind, "case {n}");
    }
}

fn submission(point: &str, readings: &[(&str, &str, &str, &str)]) -> SubmitReadings {
    let readings = readings.iter().map(|(meter, register, read_at, value)| {
        json!({"meter_number": meter, "register": register, "read_at": read_at, "value": value})
    });
    SubmitReadings {
        service_point: point.parse().unwrap(),
        readings: readings
            .map(|reading| serde_json::from_value(reading).unwrap())
            .collect(),
    }
}

#[tokio::test]
async fn british_readings_are_handed_in_and_refused_in_the_payload() {
    let kraken = Deployment::british().await;
    let (meter, evening) = ("15K0044210", "2025-06-04T23:30:00Z");
    let good = [(meter, "DAY", evening, "15000"), (meter, "NIGHT", evening, "14000.0")];
    let taken = kraken.ask(submission(BRITISH, &good)).await.unwrap();
    assert_eq!((taken.accepted, taken.findings), (true, Some(Vec::new())));
    // In London it was the fifth of June already, and the system keeps no more than the day.
    let list = british_readings(BRITISH, "2025-06-05", "2025-06-06", None, Paging::default());
    let listed = kraken.ask(list).await.unwrap().items;
    let values: Vec<_> = listed.iter().map(|reading| text(&reading.value)).collect();
    assert_eq!(values, ["15000", "14000"]);
    let low = [(meter, "DAY", evening, "15001"), (meter, "NIGHT", evening, "3")];
    let refused = kraken.ask(submission(BRITISH, &low)).await.unwrap();
    assert!(!refused.accepted);
    let findings = refused.findings.unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].register.as_deref(), Some("NIGHT"));
    assert_eq!(findings[0].code.as_deref(), Some("too_low"));
    // A gas meter has one register, which has no name.
    let gas = "kraken-gb:A-7C41D0E2~sp~72001~3245178906";
    let taken = kraken
        .ask(submission(gas, &[("G4A00512", "-", evening, "4200")]))
        .await
        .unwrap();
    assert!(taken.accepted);
    let refused = kraken
        .ask(submission(gas, &[("G4A00512", "-", evening, "4199")]))
        .await
        .unwrap();
    assert!(!refused.accepted);
    assert_eq!(kraken.counts.get("CreateGasMeterReading"), 2);
}

#[tokio::test]
async fn british_readings_that_cannot_be_sent_at_once_are_refused_where_they_stand() {
    let kraken = Deployment::british().await;
    let (meter, other, day) = ("15K0044210", "23J0910056", "2025-06-04T12:00:00Z");
    let cases = [
        (
            vec![(meter, "DAY", day, "1"), (other, "DAY", day, "1")],
            "/readings/1/meter_number",
        ),
        (
            vec![(meter, "DAY", day, "1"), (meter, "NIGHT", "2025-06-05T12:00:00Z", "1")],
            "/readings/1/read_at",
        ),
        (vec![("21M5566778", "1", day, "1")], "/readings/0/meter_number"),
        (
            vec![(meter, "DAY", day, "1"), (meter, "NOON", day, "1")],
            "/readings/1/register",
        ),
        (vec![(meter, "DAY", day, "15000.5")], "/readings/0/value"),
        (vec![(meter, "DAY", day, "2147483648")], "/readings/0/value"),
    ];
    for (readings, pointer) in cases {
        let error = kraken.ask(submission(BRITISH, &readings)).await.unwrap_err();
        assert_eq!(*place(&error), at(pointer));
    }
    let gas = [("G4A00512", "a", day, "4200"), ("G4A00512", "b", day, "4200")];
    let error = kraken
        .ask(submission("kraken-gb:A-7C41D0E2~sp~72001~3245178906", &gas))
        .await
        .unwrap_err();
    assert_eq!(*place(&error), at("/readings/1"));
    // A point is the account's that asks, or it is not there.
    for point in [
        "kraken-gb:A-7C41D0E2~sp~72001~2300001456789",
        "kraken-gb:A-7C41D0E2~sp~73001~2300001456789",
        "kraken-gb:A-00000000~sp~73001~2300001456789",
    ] {
        let error = kraken
            .ask(submission(point, &[(meter, "DAY", day, "1")]))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{point}");
    }
    let asked = kraken.counts.get("CreateElectricityMeterReading") + kraken.counts.get("CreateGasMeterReading");
    assert_eq!(asked, 0, "nothing is handed in");
}

#[tokio::test]
async fn a_submission_whose_payload_is_missing_is_of_unknown_outcome() {
    let kraken = Deployment::british().await;
    let readings = [("15K0044210", "DAY", "2025-06-04T12:00:00Z", "15000")];
    // The first answer is of the points, so it is left as it is.
    let keep: Change = |_| {};
    let cases: [(Change, ErrorKind); 3] = [
        (
            |answer| answer["data"]["createElectricityMeterReading"] = Value::Null,
            ErrorKind::OutcomeUnknown,
        ),
        (
            |answer| {
                answer["data"]["createElectricityMeterReading"]["readingErrors"] = Value::Null;
                fail(
                    answer,
                    "KT-CT-1113",
                    json!(["createElectricityMeterReading", "readingErrors"]),
                );
            },
            ErrorKind::OutcomeUnknown,
        ),
        (
            |answer| {
                answer["data"]["createElectricityMeterReading"] = Value::Null;
                fail(answer, "KT-CT-1111", json!(["createElectricityMeterReading"]));
            },
            ErrorKind::Refused,
        ),
    ];
    for (n, (change, kind)) in cases.into_iter().enumerate() {
        kraken.play(Play::Changed(change));
        kraken.play(Play::Changed(keep));
        let error = kraken.ask(submission(BRITISH, &readings)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "case {n}");
        let sent = u64::try_from(n + 1).unwrap();
        assert_eq!(
            kraken.counts.get("CreateElectricityMeterReading"),
            sent,
            "case {n}: once"
        );
    }
}
