//! The HTTP face over a system made up in this file: what callers see, whatever stands behind.

use std::io::Read as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use intertie::api::{self, Settings, State, cursor};
use intertie::auth::{Caller, Callers};
use intertie::backends::{Backend, Limits, Serves};
use intertie::error::{Error, ErrorKind, Result, Retry};
use intertie::gateway::{Directory, Gateway};
use intertie::model::Native;
use intertie::model::account::{Account, AccountStatus, Balance};
use intertie::model::bill::{Bill, BillKind, Document, DocumentForm};
use intertie::model::id::{AccountId, BackendName, BillId, ServicePointId};
use intertie::model::meter::{FlowDirection, Quality, Reading, ReadingsVerdict};
use intertie::model::money::{Money, Quantity, decimal};
use intertie::model::page::Page;
use intertie::model::usage::{Interval, Resolution};
use intertie::operations::accounts::{CreateAccount, GetAccount, GetBalance, SearchAccounts, SuspendAccount};
use intertie::operations::bills::{GetBill, GetBillDocument, ListBills};
use intertie::operations::readings::{ListReadings, SubmitReadings, ValidateReadings};
use intertie::operations::usage::ListUsage;
use intertie::operations::{Change, Context, Scope};
use intertie::telemetry;
use intertie::upstream::{self, Upstream};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::openapi::{check_answer, route_of};
use crate::support::watch;

/// A system made up for these tests. The key of an account says what becomes of a call about it.
#[derive(Default)]
struct Fake {
    contexts: Mutex<Vec<Context>>,
    usage: Mutex<Vec<ListUsage>>,
    submitted: AtomicUsize,
}

fn kind_named(label: &str) -> Option<ErrorKind> {
    ErrorKind::ALL.into_iter().find(|kind| kind.label() == label)
}

fn act(key: &str) -> Result<()> {
    if key == "panic" {
        panic!("marked words of a panic");
    }
    match key.strip_prefix("fail-").and_then(kind_named) {
        Some(kind) => Err(Error::new(kind, "as asked for")
            .retry(Retry::Safe {
                after: Some(Duration::from_millis(1500)),
            })
            .native(Some("KT-1".to_owned()), None)
            .because("marked words of a cause")),
        None => Ok(()),
    }
}

fn account(id: AccountId, native: bool) -> Account {
    let native = native.then(|| Native::new(serde_json::value::to_raw_value(&json!({ "nr": 1 })).unwrap()));
    Account {
        backend: id.backend().parse().unwrap(),
        native_id: id.key().to_owned(),
        number: Some(id.key().to_owned()),
        id,
        name: None,
        native_kind: None,
        status: Some(AccountStatus::Active),
        native_status: None,
        currency: Some("AUD".parse().unwrap()),
        customer_number: None,
        billing: None,
        brand: None,
        opened_on: None,
        closed_on: None,
        parent: None,
        service_points: None,
        balance: None,
        enrollment: None,
        custom_attributes: None,
        updated_at: None,
        native,
    }
}

fn bill(account: &AccountId, n: usize) -> Bill {
    let backend: BackendName = account.backend().parse().unwrap();
    Bill {
        id: BillId::of(&backend, &[account.key(), &n.to_string()]).unwrap(),
        backend,
        native_id: n.to_string(),
        account_id: account.clone(),
        number: None,
        kind: BillKind::Invoice,
        native_kind: None,
        status: None,
        native_status: None,
        issued_on: None,
        due_on: None,
        next_bill_on: None,
        period: None,
        totals: None,
        opening_balance: None,
        closing_balance: None,
        amount_due: Some(Money::new(decimal("161.32").unwrap(), "AUD".parse().unwrap())),
        outstanding: None,
        lines: None,
        tax_items: None,
        payments_applied: None,
        corrects: None,
        superseded_by: None,
        is_current: true,
        documents: None,
        native: None,
    }
}

#[async_trait]
impl Serves<GetAccount> for Fake {
    async fn serve(&self, op: GetAccount, cx: &Context) -> Result<Account> {
        self.contexts.lock().unwrap().push(cx.clone());
        act(op.account.key())?;
        Ok(account(op.account, cx.native))
    }
}

#[async_trait]
impl Serves<CreateAccount> for Fake {
    async fn serve(&self, op: CreateAccount, cx: &Context) -> Result<Account> {
        let number = op.new.number.unwrap_or_default();
        Ok(account(AccountId::of(&op.new.backend, &[&number]).unwrap(), cx.native))
    }
}

#[async_trait]
impl Serves<SuspendAccount> for Fake {
    async fn serve(&self, op: SuspendAccount, cx: &Context) -> Result<Change<Account>> {
        Ok(match op.account.key() {
            "done" => Change::Done,
            "accepted" => Change::Accepted,
            _ => Change::Now(account(op.account, cx.native)),
        })
    }
}

#[async_trait]
impl Serves<GetBalance> for Fake {
    async fn serve(&self, op: GetBalance, _: &Context) -> Result<Balance> {
        std::future::pending::<()>().await;
        Err(Error::not_found("account").at_backend(op.account.backend()))
    }
}

#[async_trait]
impl Serves<SearchAccounts> for Fake {
    async fn serve(&self, op: SearchAccounts, cx: &Context) -> Result<Page<Account>> {
        act(op.number.as_deref().unwrap_or_default())?;
        if op.backend.as_str() == "fake-down" {
            act("fail-unavailable")?;
        }
        let all = (0..3).map(|n| account(AccountId::of(&op.backend, &[&n.to_string()]).unwrap(), cx.native));
        Page::cut(all.collect(), &op.paging, |account| account.id.key()).map_err(|_| Error::parameter("cursor", "lost"))
    }
}

#[async_trait]
impl Serves<ListBills> for Fake {
    async fn serve(&self, op: ListBills, _: &Context) -> Result<Page<Bill>> {
        act(op.account.key())?;
        let all = (0..450).map(|n| bill(&op.account, n)).collect();
        Page::cut(all, &op.paging, |bill| &bill.native_id).map_err(|_| Error::parameter("cursor", "lost"))
    }
}

#[async_trait]
impl Serves<GetBill> for Fake {
    async fn serve(&self, op: GetBill, _: &Context) -> Result<Bill> {
        let account = "fake:1".parse().unwrap();
        let mut bill = bill(&account, 1);
        bill.number = Some(op.bill.parts().collect::<Vec<_>>().join("|"));
        Ok(bill)
    }
}

#[async_trait]
impl Serves<GetBillDocument> for Fake {
    async fn serve(&self, op: GetBillDocument, _: &Context) -> Result<Document> {
        Ok(Document {
            media_type: op.forms[0],
            name: match op.forms[0] {
                DocumentForm::Pdf => "bill-1.pdf".to_owned(),
                DocumentForm::Text => "a\"\r\nb".to_owned(),
            },
            bytes: Bytes::from_static(b"%PDF-1.7"),
        })
    }
}

#[async_trait]
impl Serves<ListReadings> for Fake {
    async fn serve(&self, _: ListReadings, _: &Context) -> Result<Page<Reading>> {
        Ok(Page::whole(Vec::new()))
    }
}

#[async_trait]
impl Serves<ListUsage> for Fake {
    async fn serve(&self, op: ListUsage, _: &Context) -> Result<Page<Interval>> {
        let interval = Interval {
            service_point_id: op.service_point.clone(),
            start: "2026-06-01T00:00:00Z".parse().unwrap(),
            end: "2026-06-01T00:30:00Z".parse().unwrap(),
            quantity: Quantity {
                value: intertie::model::money::Number(decimal("0.125").unwrap()),
                unit: Some("kWh".into()),
            },
            quality: Quality::Actual,
            native_quality: None,
            direction: Some(op.direction),
            cost: None,
        };
        self.usage.lock().unwrap().push(op);
        Ok(Page::whole(vec![interval]))
    }
}

#[async_trait]
impl Serves<ValidateReadings> for Fake {
    async fn serve(&self, _: ValidateReadings, _: &Context) -> Result<ReadingsVerdict> {
        Ok(ReadingsVerdict {
            accepted: true,
            findings: None,
        })
    }
}

#[async_trait]
impl Serves<SubmitReadings> for Fake {
    async fn serve(&self, op: SubmitReadings, cx: &Context) -> Result<ReadingsVerdict> {
        self.submitted.fetch_add(1, Ordering::SeqCst);
        self.contexts.lock().unwrap().push(cx.clone());
        act(op.service_point.key())?;
        Ok(ReadingsVerdict {
            accepted: true,
            findings: Some(Vec::new()),
        })
    }
}

/// A road that nobody goes down here; building one reads the machine's root certificates.
static ROAD: LazyLock<Upstream> =
    LazyLock::new(|| Upstream::connect("fake", upstream::Settings::default(), None, |_| Ok(())).unwrap());

/// The face over the made-up system, and the system itself.
struct Face {
    router: Router,
    fake: Arc<Fake>,
    ready: Arc<AtomicBool>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Face {
    fn new() -> Self {
        Self::of(&Scope::ALL, None)
    }

    fn of(scopes: &[Scope], backends: Option<&[&str]>) -> Self {
        let fake = Arc::new(Fake::default());
        let limits = Limits {
            filters: &[
                "from",
                "to",
                "kind",
                "number",
                "include=superseded",
                "resolution=PT30M",
                "resolution=P1D",
                "direction=IMPORT",
            ],
            pages: false,
        };
        let backend = |name: &str| {
            Backend::new(name.parse().unwrap(), "fake", ROAD.clone())
                .serves::<GetAccount>(&fake, limits)
                .serves::<GetBalance>(&fake, limits)
                .serves::<SearchAccounts>(&fake, limits)
        };
        let full = backend("fake")
            .serves::<ListBills>(&fake, limits)
            .serves::<GetBill>(&fake, limits)
            .serves::<GetBillDocument>(&fake, limits)
            .serves::<ListReadings>(&fake, limits)
            .serves::<ListUsage>(&fake, limits)
            .serves::<ValidateReadings>(&fake, limits)
            .serves::<SubmitReadings>(&fake, limits)
            .serves::<SuspendAccount>(&fake, limits);
        let down = backend("fake-down").serves::<CreateAccount>(&fake, limits);
        let ready = Arc::new(AtomicBool::new(true));
        watch::on();
        let router = api::router(State {
            gateway: Gateway::new(Directory::of([full, down])),
            callers: Callers::open(Caller::new("tester", scopes, backends)),
            cursors: cursor::Seal::new(watch::CURSOR_KEY.as_bytes()),
            settings: Settings {
                max_body: 20_000,
                ..Settings::default()
            },
            ready: Arc::clone(&ready),
            metrics: Arc::new(|| "intertie_up 1\n".to_owned()),
        });
        Self { router, fake, ready }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        };
        watch::answer_with(&path, &answer.headers, &answer.body);
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
        assert!(answer.headers.get("server").is_none(), "{path}");
        if answer.status.is_client_error() || answer.status.is_server_error() {
            assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
            let problem = answer.json();
            assert_eq!(problem["status"], answer.status.as_u16());
            assert_eq!(problem["type"], format!("/problems/{}", answer.code()));
            assert_eq!(problem["request_id"], answer.header("x-request-id"));
            assert_eq!(problem["instance"], path);
        }
        if !path.starts_with("/docs") || !answer.status.is_success() {
            let kind = answer.header("content-type");
            let route = route_of(&path);
            if let Err(fault) = check_answer(method.as_str(), &route, answer.status.as_u16(), kind, &answer.body)
                && !answer.status.is_redirection()
            {
                panic!("{path}: {fault}");
            }
        }
        answer
    }

    async fn get(&self, uri: &str) -> Answer {
        self.send(Request::get(uri).body(Body::empty()).unwrap()).await
    }

    async fn get_with(&self, uri: &str, name: &str, value: &str) -> Answer {
        self.send(Request::get(uri).header(name, value).body(Body::empty()).unwrap())
            .await
    }

    async fn post(&self, uri: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(uri).header("content-type", "application/json");
        self.send(request.body(body.into()).unwrap()).await
    }
}

const READINGS: &str = "/v1/service-points/fake:1/readings";

/// A body that fits an operation.
fn body_of(operation: &str) -> Value {
    let aud = |amount: &str| json!({ "amount": amount, "currency": "AUD" });
    match operation {
        "accounts.create" => json!({
            "backend": "fake", "number": "100/2 ü", "name": "J. Doe", "currency": "AUD", "parent": "fake:9",
            "billing": { "email": "j@example.com", "address": { "lines": ["1 High St"], "postal_code": "2000" } },
            "enrollment": { "provider": "p", "credentials": ["c"] }, "credit_limit": aud("0"),
            "custom_attributes": [{ "name": "a", "value": null }],
        }),
        "accounts.update" => json!({
            "name": null, "brand": "B", "billing": { "email": null, "address": { "lines": ["2 Low St"] } },
            "enrollment": { "subscribed": false },
        }),
        "accounts.set_parent" => json!({ "parent": "fake:9", "effective_on": "2026-07-01" }),
        "holds.place" => json!({ "reason": "Dispute", "period": { "start": "2026-07-01", "end": null } }),
        "payment_review.set" => json!({ "review_on": "2026-07-01" }),
        "payment_methods.create" => json!({
            "kind": "DIRECT_DEBIT", "bank_account": { "holder": "J. Doe", "number": "12-3456 789", "bank_code": "062-000" },
        }),
        "payment_arrangements.create" => json!({
            "kind": "DEBT", "frequency": "WEEKLY", "first_payment_on": "2026-07-13", "components": [aud("30.42")],
            "payments": 4,
        }),
        "refunds.request" => json!({ "amount": aud("40.00"), "reason": "CUSTOMER_REQUEST", "method": "BANK_TRANSFER" }),
        "charges.create" => json!({ "amount": aud("25.00"), "reason": "FEE", "description": "Fee", "note": "a\nb" }),
        "credits.create" => json!({ "amount": aud("11"), "tax": aud("1"), "reason": "GOODWILL" }),
        "notes.create" => {
            json!({ "body": "Called.\nWill call again.", "pinned": true, "unpin_at": "2026-07-05T18:30:00Z" })
        }
        "bills.correct" => json!({ "method": "REVERSE", "reason": "Wrong reading" }),
        "meters.create" => json!({ "account_id": "fake:1", "number": "7", "service_kind": "GAS" }),
        "meters.update" => json!({ "custom_attributes": { "site": null } }),
        "customers.create" | "organisations.create" | "custom_attributes.create" => {
            json!({ "backend": "fake", "name": "A" })
        }
        "contacts.create" => json!({ "backend": "fake", "name": { "full": "A B" } }),
        "customers.update" | "organisations.update" => json!({ "brand": null }),
        "contacts.update" => json!({ "crm_id": null }),
        "customers.sync" => json!({ "backend": "fake", "customer": { "name": "A" } }),
        "contacts.relate" | "organisations.relate" => {
            json!({ "relationships": [{ "entity_kind": "ACCOUNT", "entity_id": "fake:2" }] })
        }
        "accounts.match" => json!({ "backend": "fake", "authentication_code": "marked-secret" }),
        "credentials.match" => json!({ "backend": "fake", "username": "u", "password": "marked-secret" }),
        "credentials.create" => json!({ "provider_id": "fake:GP", "username": "u", "password": "marked-secret" }),
        "credentials.update" => json!({ "password": "marked-secret" }),
        "custom_attributes.update" => json!({ "required": true }),
        "candidates.enroll" => json!({ "custom_attributes": { "site": "1" } }),
        _ => json!({ "readings": [one_reading()] }),
    }
}

fn one_reading() -> Value {
    json!({ "meter_number": "E1", "register": "E", "read_at": "2026-07-05T18:30:00+10:00", "value": "42331" })
}

#[tokio::test]
async fn one_record_has_data_and_meta() {
    let answer = Face::new()
        .get_with("/v1/accounts/fake:007", "x-request-id", "mine-1")
        .await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["data"]["id"], "fake:007");
    assert_eq!(body["data"]["name"], Value::Null);
    assert_eq!(body["meta"]["backend"], "fake");
    assert_eq!(body["meta"]["request_id"], "mine-1");
    assert_eq!(answer.header("x-request-id"), "mine-1");
    assert!(body["meta"]["as_of"].as_str().unwrap().ends_with('Z'));
    assert_eq!(answer.header("cache-control"), "private, no-store");
    assert!(body["data"].get("native").is_none());
}

#[tokio::test]
async fn an_unchanged_record_is_304_under_its_tag() {
    let face = Face::new();
    let first = face.get("/v1/accounts/fake:1").await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\""));
    for known in [
        tag.clone(),
        format!("\"x\", {tag}"),
        tag.trim_start_matches("W/").to_owned(),
        "*".to_owned(),
    ] {
        let again = face.get_with("/v1/accounts/fake:1", "if-none-match", &known).await;
        assert_eq!(
            (again.status, again.body.len()),
            (StatusCode::NOT_MODIFIED, 0),
            "{known}"
        );
        assert_eq!(again.header("etag"), tag);
    }
    let other = face.get_with("/v1/accounts/fake:2", "if-none-match", &tag).await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn pages_give_every_bill_once_and_link_to_the_next() {
    let face = Face::new();
    let mut uri = "/v1/accounts/fake:1/bills?limit=200&from=2026-01-01".to_owned();
    let mut seen = Vec::new();
    loop {
        let answer = face.get(&uri).await;
        assert_eq!(answer.status, 200);
        let body = answer.json();
        assert_eq!(body["page"]["limit"], 200);
        seen.extend(
            body["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|bill| bill["native_id"].to_string()),
        );
        let Some(next) = body["page"]["next_cursor"].as_str() else {
            assert_eq!(answer.header("link"), "");
            break;
        };
        let link = answer.header("link");
        assert!(link.contains(next) && link.ends_with("; rel=\"next\""), "{link}");
        uri = link[1..link.find('>').unwrap()].to_owned();
    }
    assert_eq!(seen.len(), 450);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 450);
}

#[tokio::test]
async fn a_cursor_fits_only_its_own_list() {
    let face = Face::new();
    let first = face.get("/v1/accounts/fake:1/bills?limit=15&kind=INVOICE").await.json();
    let cursor = first["page"]["next_cursor"].as_str().unwrap();
    assert!(!cursor.contains("14"));
    let same = face
        .get(&format!(
            "/v1/accounts/fake:1/bills?kind=INVOICE&limit=20&cursor={cursor}"
        ))
        .await;
    assert_eq!(same.json()["data"][0]["native_id"], "15");
    for other in [
        format!("/v1/accounts/fake:1/bills?cursor={cursor}"),
        format!("/v1/accounts/fake:1/bills?kind=FINAL&cursor={cursor}"),
        format!("/v1/accounts/fake:2/bills?kind=INVOICE&cursor={cursor}"),
        format!("/v1/accounts/fake:1/bills?kind=INVOICE&cursor={}", &cursor[1..]),
        format!("/v1/accounts?cursor={cursor}"),
        "/v1/accounts/fake:1/bills?kind=INVOICE&cursor=".to_owned(),
        "/v1/accounts/fake:1/bills?kind=INVOICE&cursor=15".to_owned(),
    ] {
        let answer = face.get(&other).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, "invalid_cursor"),
            "{other}"
        );
        assert_eq!(answer.json()["errors"][0]["parameter"], "cursor");
    }
}

#[tokio::test]
async fn bad_parameters_are_400_and_named() {
    let face = Face::new();
    for (uri, parameter) in [
        ("/v1/accounts/fake:1/bills?limit=0", "limit"),
        ("/v1/accounts/fake:1/bills?limit=-1", "limit"),
        ("/v1/accounts/fake:1/bills?limit=x", "limit"),
        ("/v1/accounts/fake:1/bills?limit=", "limit"),
        ("/v1/accounts/fake:1/bills?limit=1.5", "limit"),
        ("/v1/accounts/fake:1/bills?limit=1&limit=2", "limit"),
        ("/v1/accounts/fake:1/bills?page=2", "page"),
        ("/v1/accounts/fake:1/bills?from=yesterday", "from"),
        ("/v1/accounts/fake:1/bills?from=20260101", "from"),
        ("/v1/accounts/fake:1/bills?from=2026-02-30", "from"),
        ("/v1/accounts/fake:1/bills?from=2026-02-01&to=2026-01-01", "from"),
        ("/v1/accounts/fake:1/bills?from=2026-02-01&to=2026-02-01", "from"),
        ("/v1/accounts/fake:1/bills?from=2026-02-01&from=2026-02-01", "from"),
        ("/v1/accounts/fake:1/bills?kind=invoice", "kind"),
        ("/v1/accounts/fake:1/bills?kind=", "kind"),
        ("/v1/accounts/fake:1/bills?include=lines", "include"),
        ("/v1/accounts/fake:1/bills?include=native,,superseded", "include"),
        ("/v1/accounts/fake:1/bills?from=%ff", "from"),
        ("/v1/accounts/fake:1/bills?from=%zz", "from"),
        ("/v1/accounts/fake:1/bills?%ff=1", "query"),
        ("/v1/accounts/fake:1/balance?x=1", "x"),
        ("/v1/accounts/fake:1?include=superseded", "include"),
        ("/v1/accounts/fake", "account"),
        ("/v1/accounts//bills", "account"),
        ("/v1/accounts/Fake:1", "account"),
        ("/v1/accounts/fake:", "account"),
        ("/v1/accounts/fake:%00", "account"),
        ("/v1/accounts/fake:%ff", "account"),
        ("/v1/bills/1", "bill"),
        ("/v1/meters/1", "meter"),
        ("/v1/service-points/1/usage", "service_point"),
        ("/v1/service-points/fake:1/usage?resolution=PT5M", "resolution"),
        ("/v1/service-points/fake:1/usage?direction=UP", "direction"),
        ("/v1/service-points/fake:1/usage?from=2026-06-01T00:00:00", "from"),
        ("/v1/service-points/fake:1/usage?from=2026-06-01T00:00:00+10:00", "from"),
        (
            "/v1/service-points/fake:1/usage?from=2026-06-02T00:00:00Z&to=2026-06-01T00:00:00Z",
            "from",
        ),
        ("/v1/accounts?status=OPEN", "status"),
        ("/v1/accounts?number=", "number"),
        ("/v1/accounts?backend=", "backend"),
        ("/v1/accounts?backend=fake,,fake", "backend"),
        ("/v1/backends?limit=1", "limit"),
        ("/v1/capabilities?x", "x"),
    ] {
        let answer = face.get(uri).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, "invalid_request"),
            "{uri}"
        );
        assert_eq!(answer.json()["errors"][0]["parameter"], parameter, "{uri}");
        assert_eq!(answer.json()["retryable"], false);
    }
    let both = face.get("/v1/accounts/fake:1/bills?a=1&b=2").await.json();
    assert_eq!(both["errors"].as_array().unwrap().len(), 2);
    let long = face.get(&format!("/v1/accounts/fake:{}", "9".repeat(600))).await;
    assert_eq!(long.json()["errors"][0]["parameter"], "account");
}

#[tokio::test]
async fn a_large_limit_is_clamped() {
    let face = Face::new();
    for limit in ["201", "4294967296", "99999999999999999999999999"] {
        let page = face
            .get(&format!("/v1/accounts/fake:1/bills?limit={limit}"))
            .await
            .json();
        assert_eq!(page["page"]["limit"], 200, "{limit}");
        assert_eq!(page["data"].as_array().unwrap().len(), 200);
    }
    let page = face.get("/v1/accounts/fake:1/bills").await.json();
    assert_eq!(page["page"]["limit"], 50);
}

#[tokio::test]
async fn keys_arrive_decoded_and_in_one_piece() {
    let face = Face::new();
    for (uri, parts) in [
        ("/v1/bills/fake:A-1~4521", "A-1|4521"),
        ("/v1/bills/fake%3AA-1%7E4521", "A-1|4521"),
        ("/v1/bills/fake:a%2Fb~c%20d", "a/b|c d"),
        ("/v1/bills/fake:x:y", "x:y"),
        ("/v1/bills/fake:m%C3%A4rz", "märz"),
    ] {
        let answer = face.get(uri).await;
        assert_eq!(answer.status, 200, "{uri}");
        assert_eq!(answer.json()["data"]["number"], parts, "{uri}");
    }
}

#[tokio::test]
async fn what_the_router_refuses_is_a_problem_too() {
    let face = Face::new();
    for uri in [
        "/",
        "/v1",
        "/v2/accounts",
        "/v1/accounts/",
        "/v1/accounts/fake:1/",
        "/docs/x",
    ] {
        let answer = face.get(uri).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (404, "route_not_found"),
            "{uri}"
        );
    }
    for (method, uri, allow) in [
        ("DELETE", "/v1/accounts/fake:1", "GET"),
        ("POST", "/v1/capabilities", "GET"),
        ("PUT", READINGS, "POST"),
        ("POST", "/livez", "GET"),
    ] {
        let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
        let answer = face.send(request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (405, "method_not_allowed"),
            "{uri}"
        );
        assert!(
            answer.header("allow").contains(allow),
            "{uri}: {}",
            answer.header("allow")
        );
    }
}

#[tokio::test]
async fn every_kind_of_failure_has_its_status_and_code() {
    let face = Face::new();
    let expected = [
        (ErrorKind::Invalid, 400, "invalid_request"),
        (ErrorKind::Unauthenticated, 401, "unauthenticated"),
        (ErrorKind::Forbidden, 403, "forbidden"),
        (ErrorKind::NotFound, 404, "not_found"),
        (ErrorKind::Conflict, 409, "conflict"),
        (ErrorKind::Limited, 429, "rate_limited"),
        (ErrorKind::NotAcceptable, 406, "not_acceptable"),
        (ErrorKind::Unsupported, 501, "unsupported"),
        (ErrorKind::Refused, 502, "upstream_refused"),
        (ErrorKind::Credentials, 502, "upstream_credentials"),
        (ErrorKind::Blocked, 502, "upstream_blocked"),
        (ErrorKind::Unreadable, 502, "upstream_unreadable"),
        (ErrorKind::Throttled, 503, "upstream_throttled"),
        (ErrorKind::Unavailable, 503, "upstream_unavailable"),
        (ErrorKind::TimedOut, 504, "timed_out"),
        (ErrorKind::OutcomeUnknown, 504, "outcome_unknown"),
        (ErrorKind::Internal, 500, "internal"),
    ];
    assert_eq!(expected.len(), ErrorKind::ALL.len());
    for (kind, status, code) in expected {
        let answer = face.get(&format!("/v1/accounts/fake:fail-{}", kind.label())).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code));
        let problem = answer.json();
        assert_eq!(problem["backend"], "fake");
        assert_eq!(problem["operation"], "accounts.get");
        assert_eq!(problem["native"], json!({ "code": "KT-1", "message": null }));
        assert_eq!(
            (&problem["retryable"], &problem["retry_after_s"]),
            (&json!(true), &json!(2))
        );
        let waits = matches!(status, 429 | 503);
        assert_eq!(answer.header("retry-after"), if waits { "2" } else { "" });
        assert_eq!(answer.header("www-authenticate").starts_with("Bearer"), status == 401);
        let beyond = matches!(status, 502..=504);
        assert_eq!(
            answer.header("proxy-status").starts_with("intertie; error="),
            beyond,
            "{code}"
        );
        assert!(!String::from_utf8_lossy(&answer.body).contains("marked"), "{code}");
        let page = face.get(problem["type"].as_str().unwrap()).await;
        assert_eq!(page.status, 200);
        assert!(page.header("content-type").starts_with("text/html"));
    }
    assert_eq!(face.get("/problems/nothing").await.code(), "code_not_found");
    assert_eq!(face.get("/problems/%ff").await.code(), "code_not_found");
}

#[tokio::test]
async fn a_panic_is_a_problem_and_the_next_request_works() {
    let face = Face::new();
    for _ in 0..2 {
        let answer = face.get("/v1/accounts/fake:panic").await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (500, "internal"));
        assert!(!String::from_utf8_lossy(&answer.body).contains("marked"));
        assert_eq!(face.get("/v1/accounts/fake:1").await.status, 200);
    }
    let body = json!({ "readings": [one_reading()] }).to_string();
    let answer = face.post("/v1/service-points/fake:panic/readings", body).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (504, "outcome_unknown")
    );
}

#[tokio::test]
async fn readings_are_handed_in_once_with_what_names_the_write() {
    let face = Face::new();
    let request = Request::post(READINGS)
        .header("content-type", "application/json; charset=utf-8")
        .header("idempotency-key", "k-1")
        .body(Body::from(json!({ "readings": [one_reading()] }).to_string()))
        .unwrap();
    let answer = face.send(request).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json()["data"], json!({ "accepted": true, "findings": [] }));
    assert_eq!(face.fake.submitted.load(Ordering::SeqCst), 1);
    let cx = face.fake.contexts.lock().unwrap().pop().unwrap();
    assert_eq!(cx.idempotency_key.as_deref(), Some("k-1"));
    assert_eq!(cx.on_behalf_of.as_deref(), Some("tester"));

    let lost = face
        .post(
            "/v1/service-points/fake:fail-outcome_unknown/readings",
            json!({ "readings": [one_reading()] }).to_string(),
        )
        .await;
    assert_eq!((lost.status.as_u16(), lost.code().as_str()), (504, "outcome_unknown"));
    assert!(
        lost.json()["detail"]
            .as_str()
            .unwrap()
            .contains("GET /v1/service-points/")
    );

    let checked = face
        .post(
            &format!("{READINGS}/validate"),
            json!({ "readings": [one_reading()] }).to_string(),
        )
        .await;
    assert_eq!(checked.status, 200);
    assert_eq!(checked.json()["data"]["findings"], Value::Null);
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_422_with_a_pointer() {
    let face = Face::new();
    let with = |name: &str, value: Value| {
        let mut reading = one_reading();
        reading[name] = value;
        json!({ "readings": [one_reading(), reading] })
    };
    let without = |name: &str| {
        let mut reading = one_reading();
        reading.as_object_mut().unwrap().remove(name);
        json!({ "readings": [reading] })
    };
    for (body, pointer) in [
        (json!({}), "/readings"),
        (json!([]), ""),
        (json!("x"), ""),
        (json!({ "readings": {} }), "/readings"),
        (json!({ "readings": null }), "/readings"),
        (json!({ "readings": [] }), "/readings"),
        (json!({ "readings": [7] }), "/readings/0"),
        (json!({ "readings": [one_reading()], "dry_run": true }), "/dry_run"),
        (json!({ "readings": [one_reading()], "a/b~c": true }), "/a~1b~0c"),
        (with("unit", json!("kWh")), "/readings/1/unit"),
        (with("value", json!(42331)), "/readings/1/value"),
        (with("value", json!("1e")), "/readings/1/value"),
        (with("value", json!("-1")), "/readings/1/value"),
        (with("read_at", json!("2026-07-05")), "/readings/1/read_at"),
        (with("meter_number", json!("")), "/readings/1/meter_number"),
        (with("register", json!(null)), "/readings/1/register"),
        (with("value", json!("42332")), "/readings/1"),
        (without("value"), "/readings/0/value"),
        (without("meter_number"), "/readings/0/meter_number"),
    ] {
        let answer = face.post(READINGS, body.to_string()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (422, "invalid_body"),
            "{body}"
        );
        assert_eq!(
            answer.json()["errors"][0]["pointer"],
            pointer,
            "{body}: {}",
            answer.json()
        );
    }
    let twice = r#"{"readings": [], "readings": []}"#;
    assert_eq!(
        face.post(READINGS, twice).await.json()["errors"][0]["pointer"],
        "/readings"
    );
    let many: Vec<_> = (0..101)
        .map(|n| {
            json!({ "meter_number": n.to_string(), "register": "E",
        "read_at": "2026-07-05T18:30:00Z", "value": "1" })
        })
        .collect();
    let answer = face.post(READINGS, json!({ "readings": many }).to_string()).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["errors"][0]["pointer"]),
        (422, &json!("/readings"))
    );
    assert_eq!(face.fake.submitted.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_no_json_is_refused_before_it_is_read() {
    let face = Face::new();
    let deep = "[".repeat(5_000);
    let nested = format!("{{\"readings\":{}", "[{\"a\":".repeat(2_000));
    for body in ["", "{", "nonsense", "{\"readings\": []} x", "\u{0}", &deep] {
        let answer = face.post(READINGS, body.to_owned()).await;
        assert!(matches!(answer.status.as_u16(), 400 | 422), "{body:.20}");
    }
    for body in ["", "{", "nonsense", "\u{0}"] {
        assert_eq!(
            face.post(READINGS, body.to_owned()).await.code(),
            "malformed_body",
            "{body}"
        );
    }
    assert!(face.post(READINGS, nested).await.status.is_client_error());
    assert!(
        face.post(READINGS, &b"{\"readings\": \"\xff\"}"[..])
            .await
            .status
            .is_client_error()
    );
    for kind in [
        "text/plain",
        "application/xml",
        "multipart/form-data",
        "application/json; charset=latin1",
        "",
    ] {
        let request = Request::post(READINGS).header("content-type", kind);
        let answer = face.send(request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (415, "unsupported_media_type"),
            "{kind}"
        );
    }
    let coded = Request::post(READINGS)
        .header("content-type", "application/json")
        .header("content-encoding", "gzip");
    assert_eq!(face.send(coded.body(Body::from("{}")).unwrap()).await.status, 415);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_however_it_comes() {
    let face = Face::new();
    let declared = Request::post(READINGS)
        .header("content-type", "application/json")
        .header("content-length", "1073741824")
        .body(Body::empty())
        .unwrap();
    let answer = face.send(declared).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (413, "body_too_large")
    );
    let chunk = || Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1_000]));
    let endless = Body::from_stream(futures_util::stream::iter(std::iter::repeat_with(chunk)));
    let answer = face.post(READINGS, endless).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (413, "body_too_large")
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_not_waited_for() {
    let face = Face::new();
    let silent = Body::from_stream(futures_util::stream::pending::<
        std::result::Result<Bytes, std::io::Error>,
    >());
    let answer = face.post(READINGS, silent).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (408, "body_timeout"));
}

#[tokio::test(start_paused = true)]
async fn the_caller_s_deadline_ends_the_call() {
    let face = Face::new();
    let before = tokio::time::Instant::now();
    let answer = face
        .get_with("/v1/accounts/fake:1/balance", "request-timeout-ms", "1500")
        .await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (504, "timed_out"));
    assert_eq!(answer.json()["retryable"], true);
    assert!(before.elapsed() < Duration::from_secs(3));
    for junk in ["0", "-1", "1.5", "soon", "", "1e3"] {
        let answer = face.get_with("/v1/accounts/fake:1", "request-timeout-ms", junk).await;
        assert_eq!(answer.status, 400, "{junk}");
        assert_eq!(answer.json()["errors"][0]["header"], "Request-Timeout-Ms");
    }
    face.get_with("/v1/accounts/fake:1", "request-timeout-ms", "99999999999999999999999")
        .await;
    let cx = face.fake.contexts.lock().unwrap().pop().unwrap();
    assert!(cx.deadline <= tokio::time::Instant::now() + Settings::default().max_deadline);
}

#[tokio::test]
async fn traces_and_keys_are_passed_on_or_refused() {
    let face = Face::new();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = face
        .get_with("/v1/accounts/fake:fail-not_found", "traceparent", parent)
        .await;
    assert_eq!(answer.json()["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    let cx = face.fake.contexts.lock().unwrap().pop().unwrap();
    assert_eq!(cx.traceparent.as_deref(), Some(parent));
    assert_eq!(&*cx.request_id, answer.header("x-request-id"));
    face.get_with("/v1/accounts/fake:1", "traceparent", "junk").await;
    let made = face.fake.contexts.lock().unwrap().pop().unwrap().traceparent.unwrap();
    assert_eq!(made.len(), 55);
    for key in ["", "a b", &"k".repeat(256)] {
        let request = Request::post(READINGS)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(Body::from(json!({ "readings": [one_reading()] }).to_string()))
            .unwrap();
        let answer = face.send(request).await;
        assert_eq!(answer.status, 400, "{key}");
        assert_eq!(answer.json()["errors"][0]["header"], "Idempotency-Key");
    }
}

#[tokio::test]
async fn documents_come_as_bytes_in_the_form_asked_for() {
    let face = Face::new();
    let uri = "/v1/bills/fake:1/document";
    for (accept, kind) in [
        ("application/pdf", "application/pdf"),
        ("text/plain", "text/plain"),
        ("*/*", "application/pdf"),
        ("text/*", "text/plain"),
        ("application/pdf;q=0.2, text/plain;q=0.9", "text/plain"),
        ("text/plain;q=0, */*", "application/pdf"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/pdf"),
        ("APPLICATION/PDF; Q=1.0", "application/pdf"),
    ] {
        let answer = face.get_with(uri, "accept", accept).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, kind),
            "{accept}"
        );
        assert_eq!(&answer.body[..], b"%PDF-1.7");
    }
    let answer = face.get(uri).await;
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"bill-1.pdf\""
    );
    assert!(answer.header("etag").starts_with('"'));
    let unsafe_name = face.get_with(uri, "accept", "text/plain").await;
    assert_eq!(unsafe_name.header("content-disposition"), "attachment");
    for accept in ["image/png", "application/pdf;q=0", "text/html", "junk", ""] {
        let answer = face.get_with(uri, "accept", accept).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (406, "not_acceptable"),
            "{accept}"
        );
    }
}

#[tokio::test]
async fn native_records_come_when_asked_for_and_want_their_scope() {
    let answer = Face::new().get("/v1/accounts/fake:1?include=native").await;
    assert_eq!(answer.json()["data"]["native"], json!({ "nr": 1 }));
    let face = Face::of(&[Scope::AccountsRead], None);
    let answer = face.get("/v1/accounts/fake:1?include=native").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (403, "insufficient_scope")
    );
    assert!(answer.json()["detail"].as_str().unwrap().contains("native:read"));
    assert_eq!(face.get("/v1/accounts/fake:1").await.status, 200);
}

#[tokio::test]
async fn bodies_of_meters_parties_and_enrolment_are_checked_and_secrets_never_said_back() {
    let face = Face::new();
    let tie = |kind: &str, id: &str| json!({ "relationships": [{ "entity_kind": kind, "entity_id": id }] });
    for (method, path, body, pointer) in [
        (
            "POST",
            "/v1/meters",
            json!({ "number": "7", "service_kind": "GAS" }),
            "/account_id",
        ),
        (
            "POST",
            "/v1/meters",
            json!({ "account_id": "x", "number": "7", "service_kind": "GAS" }),
            "/account_id",
        ),
        (
            "POST",
            "/v1/meters",
            json!({ "account_id": "fake:1", "number": "", "service_kind": "GAS" }),
            "/number",
        ),
        (
            "POST",
            "/v1/meters",
            json!({ "account_id": "fake:1", "number": "7", "service_kind": "OTHER" }),
            "/native_kind",
        ),
        ("PATCH", "/v1/meters/fake:1", json!({}), ""),
        ("PATCH", "/v1/meters/fake:1", json!({ "number": "8" }), "/number"),
        ("POST", "/v1/customers", json!({ "name": "A" }), "/backend"),
        ("POST", "/v1/customers", json!({ "backend": "fake" }), "/name"),
        (
            "POST",
            "/v1/customers",
            json!({ "backend": "fake", "name": "A", "emails": [{}] }),
            "/emails/0/address",
        ),
        ("PATCH", "/v1/customers/fake:1", json!({}), ""),
        (
            "PATCH",
            "/v1/contacts/fake:1",
            tie("ACCOUNT", "other:1"),
            "/relationships/0/entity_id",
        ),
        ("POST", "/v1/customers/sync", json!({ "backend": "fake" }), ""),
        (
            "POST",
            "/v1/customers/sync",
            json!({ "backend": "fake", "contacts": [tie("ACCOUNT", "x:1")] }),
            "/contacts/0/relationships/0/entity_id",
        ),
        (
            "PUT",
            "/v1/contacts/fake:1/relationships",
            json!({ "relationships": [] }),
            "/relationships",
        ),
        (
            "PUT",
            "/v1/contacts/fake:1/relationships",
            tie("OTHER", "fake:1"),
            "/relationships/0/entity_kind",
        ),
        (
            "POST",
            "/v1/credentials",
            json!({ "provider_id": "fake:GP" }),
            "/username",
        ),
        (
            "POST",
            "/v1/credentials",
            json!({ "provider_id": "fake:GP", "kind": "S3" }),
            "/s3_bucket",
        ),
        (
            "POST",
            "/v1/credentials",
            json!({ "provider_id": "fake:GP", "username": "u", "password": 704_231 }),
            "/password",
        ),
        (
            "PATCH",
            "/v1/credentials/fake:1",
            json!({ "password": [704_231] }),
            "/password",
        ),
        (
            "PATCH",
            "/v1/credentials/fake:1",
            json!({ "template_id": "other:1" }),
            "/template_id",
        ),
        (
            "POST",
            "/v1/credentials/search",
            json!({ "backend": "fake", "password": "p704231" }),
            "/username",
        ),
        (
            "POST",
            "/v1/credentials/search",
            json!({ "backend": "fake", "username": "u" }),
            "/password",
        ),
        ("POST", "/v1/custom-attributes", json!({ "backend": "fake" }), "/name"),
        (
            "PATCH",
            "/v1/custom-attributes/fake:1",
            json!({ "name": null }),
            "/name",
        ),
        (
            "POST",
            "/v1/candidates/accounts/fake:1/enroll",
            json!({ "custom_attributes": { "a": 1 } }),
            "/custom_attributes/a",
        ),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        let answer = face.send(request.body(Body::from(body.to_string())).unwrap()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (422, "invalid_body"),
            "{path} {body}"
        );
        let problem = answer.json();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{path} {body}: {problem}");
        assert!(!problem.to_string().contains("704231"), "{problem}");
    }
}

#[tokio::test]
async fn conditions_are_checked_against_their_operation_s_fields() {
    let face = Face::new();
    for (query, parameter) in [
        ("/v1/accounts?password=x", "password"),
        ("/v1/accounts?colour[eq]=red", "colour[eq]"),
        ("/v1/accounts?number[like]=1", "number[like]"),
        ("/v1/accounts?number[eq=1", "number[eq"),
        ("/v1/accounts?number[gt]=1", "number[gt]"),
        ("/v1/accounts?number[startswith]=", "number[startswith]"),
        ("/v1/accounts?number[isblank]=1", "number[isblank]"),
        ("/v1/accounts?subscribed=yes", "subscribed"),
        ("/v1/accounts?updated_at[before]=noon", "updated_at[before]"),
        ("/v1/accounts?latest_bill_amount[gte]=much", "latest_bill_amount[gte]"),
        ("/v1/credentials?password[eq]=x", "password[eq]"),
        ("/v1/credentials?password=x", "password"),
        ("/v1/credentials?custom_attributes.a=x", "custom_attributes.a"),
        ("/v1/changes?kind=OTHER", "kind"),
        ("/v1/providers?service_type=fake:1&backend=fake-down", "service_type"),
        (
            "/v1/contacts/fake:1/relationships?entity_kind=ACCOUNT&entity_id=other:1",
            "entity_id",
        ),
    ] {
        let method = if query.contains("relationships") {
            "DELETE"
        } else {
            "GET"
        };
        let request = Request::builder()
            .method(method)
            .uri(query)
            .body(Body::empty())
            .unwrap();
        let answer = face.send(request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, "invalid_request"),
            "{query}"
        );
        assert_eq!(
            answer.json()["errors"][0]["parameter"],
            parameter,
            "{query}: {}",
            answer.json()
        );
    }
    for (query, parameter) in [
        ("enrollment_status=FAILED_LOGIN", "enrollment_status"),
        ("number[startswith]=1", "number"),
        ("custom_attributes.SiteID[includes]=123", "custom_attributes"),
    ] {
        let answer = face.get(&format!("/v1/accounts?backend=fake&{query}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (501, "unsupported_filter"),
            "{query}"
        );
        assert_eq!(answer.json()["errors"][0]["parameter"], parameter, "{query}");
    }
    assert_eq!(face.get("/v1/accounts?backend=fake&number[eq]=1").await.status, 200);
}

#[tokio::test]
async fn the_documented_scope_of_every_operation_is_the_one_asked_for() {
    let face = Face::of(&[], None);
    let mut seen = 0;
    for (route, item) in crate::support::openapi::DOCUMENT["paths"].as_object().unwrap() {
        if route == "/metrics" {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            let Some(scope) = operation["security"][0]["bearer"][0].as_str() else {
                continue;
            };
            let path: Vec<_> = route
                .split('/')
                .map(|segment| if segment.starts_with('{') { "fake:1" } else { segment })
                .collect();
            let id = operation["operationId"].as_str().unwrap();
            let query = if id.ends_with(".unrelate") {
                "?entity_kind=ACCOUNT&entity_id=fake:2"
            } else {
                ""
            };
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(path.join("/") + query)
                .header("content-type", "application/json")
                .body(Body::from(if route.ends_with("/graphql") {
                    json!({ "query": "{ a }" }).to_string()
                } else {
                    body_of(id).to_string()
                }))
                .unwrap();
            let answer = face.send(request).await;
            // A search asks those that serve it; the others ask one backend and are refused before it is looked for.
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (403, "insufficient_scope"),
                "{method} {route}"
            );
            let problem = answer.json();
            assert!(problem["detail"].as_str().unwrap().contains(scope), "{method} {route}");
            let (told, documented) = (
                problem["operation"].as_str().unwrap(),
                operation["operationId"].as_str().unwrap(),
            );
            // One operation under several methods has their names behind its own.
            let told_with_method = format!("{told}.{method}");
            assert!(
                [told, &told_with_method].contains(&documented),
                "{method} {route}: {told}"
            );
            seen += 1;
        }
    }
    assert!(seen >= 16);
    assert_eq!(face.get("/metrics").await.code(), "insufficient_scope");
}

/// One way to spoil a body: the operation, the member to set by pointer (`null` pointer parents are made), the value, and
/// the pointer that the problem names.
type Spoilt = (&'static str, &'static str, Value, &'static str);

fn spoilt() -> Vec<Spoilt> {
    let money = |amount: &str, currency: &str| json!({ "amount": amount, "currency": currency });
    let mut all: Vec<Spoilt> = vec![
        ("accounts.create", "/backend", json!("No Such"), "/backend"),
        ("accounts.create", "/name", json!(""), "/name"),
        ("accounts.create", "/number", json!("a\nb"), "/number"),
        ("accounts.create", "/currency", json!("ZZZ"), "/currency"),
        ("accounts.create", "/parent", json!("other:1"), "/parent"),
        ("accounts.create", "/billing/email", json!("nobody"), "/billing/email"),
        (
            "accounts.create",
            "/billing/address/street",
            json!("x"),
            "/billing/address/street",
        ),
        (
            "accounts.create",
            "/billing/address/lines",
            json!(["a", ""]),
            "/billing/address/lines/1",
        ),
        (
            "accounts.create",
            "/credit_limit",
            money("-1", "AUD"),
            "/credit_limit/amount",
        ),
        (
            "accounts.create",
            "/enrollment/credentials",
            json!([""]),
            "/enrollment/credentials/0",
        ),
        (
            "accounts.create",
            "/custom_attributes",
            json!([{ "name": "a" }, { "name": "a" }]),
            "/custom_attributes/1/name",
        ),
        ("accounts.update", "/number", json!("1"), "/number"),
        ("accounts.update", "/name", json!(7), "/name"),
        ("accounts.update", "/billing/email", json!("a b@c"), "/billing/email"),
        (
            "accounts.update",
            "/billing/address/lines",
            json!([" "]),
            "/billing/address/lines/0",
        ),
        (
            "accounts.update",
            "/enrollment/subscribed",
            json!("no"),
            "/enrollment/subscribed",
        ),
        ("accounts.update", "", json!({}), ""),
        ("accounts.set_parent", "/parent", json!("other:1"), "/parent"),
        ("accounts.set_parent", "/parent", json!("fake:1"), "/parent"),
        ("accounts.set_parent", "/parent", json!(1), "/parent"),
        (
            "accounts.set_parent",
            "/effective_on",
            json!("20260701"),
            "/effective_on",
        ),
        ("holds.place", "/reason", json!(" "), "/reason"),
        (
            "holds.place",
            "/period/start",
            json!("2026-07-01T00:00:00"),
            "/period/start",
        ),
        ("holds.place", "/period/end", json!("2026-07-01"), "/period/end"),
        ("payment_review.set", "/review_on", json!(null), "/review_on"),
        ("payment_review.set", "/review_on", json!("2026-02-30"), "/review_on"),
        ("payment_methods.create", "/kind", json!("OTHER"), "/native_kind"),
        ("payment_methods.create", "/kind", json!("CARD"), "/bank_account"),
        (
            "payment_methods.create",
            "/bank_account/number",
            json!("12*3"),
            "/bank_account/number",
        ),
        (
            "payment_methods.create",
            "/bank_account/iban",
            json!("1"),
            "/bank_account/iban",
        ),
        ("payment_methods.create", "/card", json!({ "token": "tok_1" }), "/card"),
        (
            "payment_methods.create",
            "",
            json!({ "kind": "CARD", "card": { "token": "4111 1111 1111 1111" } }),
            "/card/token",
        ),
        (
            "payment_methods.create",
            "",
            json!({ "kind": "CARD", "card": { "token": "tok_1", "expires": "2028-13" } }),
            "/card/expires",
        ),
        ("payment_arrangements.create", "/kind", json!("OTHER"), "/kind"),
        (
            "payment_arrangements.create",
            "/frequency",
            json!("OTHER"),
            "/frequency",
        ),
        ("payment_arrangements.create", "/components", json!([]), "/components"),
        (
            "payment_arrangements.create",
            "/components/0",
            money("0", "AUD"),
            "/components/0/amount",
        ),
        (
            "payment_arrangements.create",
            "/components",
            json!([money("1", "AUD"), money("1", "NZD")]),
            "/components/1/currency",
        ),
        ("payment_arrangements.create", "/payments", json!(0), "/payments"),
        ("payment_arrangements.create", "/payments", json!(-1), "/payments"),
        (
            "payment_arrangements.create",
            "/ends_on",
            json!("2026-08-01"),
            "/ends_on",
        ),
        ("refunds.request", "/amount", money("0.00", "AUD"), "/amount/amount"),
        ("refunds.request", "/amount", money("1.001", "AUD"), "/amount/amount"),
        ("refunds.request", "/amount", money("1.5", "JPY"), "/amount/amount"),
        (
            "refunds.request",
            "/amount",
            json!({ "amount": 1, "currency": "AUD" }),
            "/amount/amount",
        ),
        (
            "refunds.request",
            "/amount",
            json!({ "amount": "1" }),
            "/amount/currency",
        ),
        ("refunds.request", "/method", json!("OTHER"), "/method"),
        ("charges.create", "/amount", money("-25", "AUD"), "/amount/amount"),
        ("charges.create", "/reason", json!(null), "/reason"),
        ("credits.create", "/tax", money("11", "AUD"), "/tax/amount"),
        ("credits.create", "/tax", money("1", "NZD"), "/tax/currency"),
        ("notes.create", "/body", json!("a\u{0}b"), "/body"),
        ("notes.create", "/pinned", json!(false), "/unpin_at"),
        ("bills.correct", "/method", json!("BURN"), "/method"),
    ];
    for operation in [
        "accounts.create",
        "accounts.update",
        "accounts.set_parent",
        "holds.place",
        "payment_review.set",
        "payment_methods.create",
        "payment_arrangements.create",
        "refunds.request",
        "charges.create",
        "credits.create",
        "notes.create",
        "bills.correct",
    ] {
        all.push((operation, "/surprise", json!(1), "/surprise"));
    }
    all
}

/// Sets one member of a body; the empty pointer is the whole body.
fn set(body: &mut Value, pointer: &str, value: Value) {
    match pointer.rsplit_once('/') {
        None => *body = value,
        Some((above, name)) => match body.pointer_mut(above).unwrap() {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
            object => object[name] = value,
        },
    }
}

/// The method and the path of an operation, about a record of the made-up system.
fn place_of(operation: &str) -> (String, String) {
    let paths = crate::support::openapi::DOCUMENT["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(route, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, said)| (route, method, said))
        })
        .find(|(_, _, said)| said["operationId"] == operation)
        .map(|(route, method, _)| {
            let path = route
                .split('/')
                .map(|part| if part.starts_with('{') { "fake:1" } else { part });
            (method.to_uppercase(), path.collect::<Vec<_>>().join("/"))
        })
        .unwrap()
}

impl Face {
    async fn send_body(&self, operation: &str, media: &str, body: &Value) -> Answer {
        let (method, path) = place_of(operation);
        let request = Request::builder().method(method.as_str()).uri(path);
        let request = request.header("content-type", media);
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }
}

#[tokio::test]
async fn bad_bodies_of_writes_are_422_and_named_and_good_ones_reach_the_gateway() {
    let face = Face::new();
    for (operation, member, value, pointer) in spoilt() {
        let mut body = body_of(operation);
        let good = face.send_body(operation, "application/json", &body).await;
        assert_eq!(good.code(), "unsupported_operation", "{operation}");
        set(&mut body, member, value);
        let answer = face.send_body(operation, "application/json", &body).await;
        assert_eq!(answer.status, 422, "{operation} {body}");
        let problem = answer.json();
        let named: Vec<_> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| &fault["pointer"])
            .collect();
        assert!(named.contains(&&json!(pointer)), "{operation} {body}: {problem}");
        // Ids of requests are made of digits, too.
        let mut said = problem.clone();
        for name in ["request_id", "trace_id"] {
            said[name].take();
        }
        assert!(!said.to_string().contains("4111"), "{problem}");
    }
}

#[tokio::test]
async fn a_merge_patch_comes_under_its_own_name_or_as_json() {
    let face = Face::new();
    for (media, code) in [
        ("application/merge-patch+json", "unsupported_operation"),
        ("application/json", "unsupported_operation"),
        ("text/plain", "unsupported_media_type"),
    ] {
        let answer = face
            .send_body("accounts.update", media, &body_of("accounts.update"))
            .await;
        assert_eq!(answer.code(), code, "{media}");
    }
}

#[tokio::test]
async fn changes_answer_with_the_record_or_without_and_new_records_say_where_they_are() {
    let face = Face::new();
    let created = face
        .send_body("notes.create", "application/json", &body_of("notes.create"))
        .await;
    assert_eq!(created.code(), "unsupported_operation");
    for (account, status, shown) in [("now", 200, true), ("done", 204, false), ("accepted", 202, false)] {
        let request = Request::post(format!("/v1/accounts/fake:{account}/suspend")).body(Body::empty());
        let answer = face.send(request.unwrap()).await;
        assert_eq!(
            (answer.status.as_u16(), !answer.body.is_empty()),
            (status, shown),
            "{account}"
        );
    }
    let opened = face
        .post(
            "/v1/accounts",
            json!({ "backend": "fake-down", "number": "100/2 ü" }).to_string(),
        )
        .await;
    assert_eq!(opened.status, 201);
    assert_eq!(opened.header("location"), "/v1/accounts/fake-down:100%2F2%20%C3%BC");
    let again = face.get(opened.header("location")).await;
    assert_eq!(again.json()["data"]["id"], "fake-down:100/2 ü");
}

#[tokio::test]
async fn what_a_backend_does_not_serve_names_those_that_do() {
    let face = Face::new();
    let answer = face.get("/v1/accounts/fake-down:1/bills").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (501, "unsupported_operation")
    );
    assert!(answer.json()["detail"].as_str().unwrap().contains("served by fake"));
    let answer = face.get("/v1/service-points/fake:1/usage?resolution=PT15M").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (501, "unsupported_filter")
    );
    assert_eq!(answer.json()["errors"][0]["parameter"], "resolution");
    let answer = face.get("/v1/accounts/nowhere:1").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (404, "backend_not_found")
    );
}

#[tokio::test]
async fn use_is_half_hourly_import_unless_asked_otherwise() {
    let face = Face::new();
    let answer = face
        .get("/v1/service-points/fake:1/usage?from=2026-06-01&to=2026-07-01T00:00:00%2B10:00")
        .await;
    assert_eq!(answer.status, 200);
    let asked = face.fake.usage.lock().unwrap().pop().unwrap();
    assert_eq!(
        (asked.resolution, asked.direction),
        (Resolution::HalfHour, FlowDirection::Import)
    );
    let id: ServicePointId = "fake:1".parse().unwrap();
    assert_eq!(asked.service_point, id);
    face.get("/v1/service-points/fake:1/usage?resolution=P1D").await;
    assert_eq!(
        face.fake.usage.lock().unwrap().pop().unwrap().resolution,
        Resolution::Day
    );
}

#[tokio::test]
async fn a_failed_source_is_named() {
    let face = Face::new();
    let answer = face.get("/v1/accounts").await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["data"].as_array().unwrap().len(), 3);
    assert_eq!(body["meta"]["complete"], false);
    assert_eq!(body["meta"]["backend"], Value::Null);
    assert_eq!(
        body["meta"]["sources"][0],
        json!({ "backend": "fake", "status": "ok", "problem": null })
    );
    assert_eq!(body["meta"]["sources"][1]["status"], "failed");
    assert_eq!(body["meta"]["sources"][1]["problem"]["code"], "upstream_unavailable");
    assert_eq!(body["meta"]["sources"][1]["problem"]["backend"], "fake-down");

    let strict = face
        .get_with("/v1/accounts", "prefer", "respond-async, handling=strict")
        .await;
    assert_eq!((strict.status.as_u16(), strict.code().as_str()), (502, "incomplete"));
    assert!(strict.json()["detail"].as_str().unwrap().contains("fake-down"));
    assert_eq!(strict.json()["retryable"], true);

    let one = face
        .get_with("/v1/accounts?backend=fake", "prefer", "handling=strict")
        .await;
    assert_eq!(one.json()["meta"]["complete"], true);
    assert_eq!(one.header("preference-applied"), "handling=strict");
    let failed = face.get("/v1/accounts?backend=fake-down").await;
    assert_eq!(
        (failed.status.as_u16(), failed.code().as_str()),
        (503, "upstream_unavailable")
    );
    let none = face.get("/v1/accounts?number=fail-timed_out").await;
    assert_eq!((none.status.as_u16(), none.code().as_str()), (502, "incomplete"));
    let unknown = face.get("/v1/accounts?backend=fake&backend=nowhere").await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.code().as_str()),
        (404, "backend_not_found")
    );
    let twice = face.get("/v1/accounts?backend=fake&backend=fake").await.json();
    assert_eq!(twice["data"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_search_goes_on_page_by_page_across_backends() {
    let face = Face::new();
    let first = face.get("/v1/accounts?limit=2").await.json();
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    let cursor = first["page"]["next_cursor"].as_str().unwrap();
    let second = face.get(&format!("/v1/accounts?limit=2&cursor={cursor}")).await.json();
    assert_eq!(second["data"][0]["id"], "fake:2");
    assert_eq!(second["page"]["next_cursor"], Value::Null);
}

#[tokio::test]
async fn backends_and_capabilities_come_from_what_is_served() {
    let face = Face::of(&[], Some(&["fake"]));
    let all = face.get("/v1/backends").await.json();
    assert_eq!(all["data"].as_array().unwrap().len(), 1);
    assert_eq!(all["data"][0]["standing"]["reachable"], Value::Null);
    assert_eq!(all["page"]["next_cursor"], Value::Null);
    let one = face.get("/v1/backends/fake").await.json();
    assert_eq!(one["data"], all["data"][0]);
    assert_eq!(face.get("/v1/backends/fake-down").await.code(), "backend_not_found");
    let table = face.get("/v1/capabilities").await.json();
    let row = table["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["operation"] == "readings.submit")
        .unwrap();
    assert_eq!(
        (row["scope"].as_str(), row["repeat"].as_str()),
        (Some("meters:write"), Some("ONCE"))
    );
    assert_eq!(row["backends"][0]["backend"], "fake");
}

#[tokio::test]
async fn operators_are_told_of_life_readiness_and_metrics() {
    let face = Face::new();
    assert_eq!(face.get("/livez").await.status, 200);
    assert_eq!(face.get("/readyz").await.status, 200);
    face.ready.store(false, Ordering::Release);
    let answer = face.get("/readyz").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "not_ready"));
    assert_eq!(face.get("/livez").await.status, 200);
    let metrics = face.get("/metrics").await;
    assert_eq!(&metrics.body[..], b"intertie_up 1\n");
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    let document = face.get("/openapi.json").await;
    assert_eq!(document.json(), *crate::support::openapi::DOCUMENT);
}

#[tokio::test]
async fn the_reference_page_needs_no_other_host() {
    let face = Face::new();
    let moved = face.get("/docs").await;
    assert!(moved.status.is_redirection());
    assert_eq!(moved.header("location"), "/docs/");
    let page = face.get("/docs/").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    // What the binary holds of the page is packed, and every browser unpacks it.
    assert_eq!(page.header("content-encoding"), "gzip");
    let mut text = String::new();
    GzDecoder::new(&page.body[..]).read_to_string(&mut text).unwrap();
    let page = text;
    for (n, _) in page.match_indices("=\"") {
        assert!(
            !page[n + 2..].starts_with("http") && !page[n + 2..].starts_with("//"),
            "{page}"
        );
    }
    for name in [
        "swagger-ui.css",
        "swagger-ui-bundle.js",
        "swagger-ui-standalone-preset.js",
        "swagger-initializer.js",
    ] {
        assert!(page.contains(name), "{name}");
        assert_eq!(face.get(&format!("/docs/{name}")).await.status, 200, "{name}");
    }
    let script = face.get("/docs/swagger-initializer.js").await;
    assert!(!script.headers.contains_key("content-encoding"));
    let script = String::from_utf8(script.body.to_vec()).unwrap();
    assert!(
        script.contains("/openapi.json") && script.contains("\"validatorUrl\": \"none\""),
        "{script}"
    );
    assert!(!script.contains("http"), "{script}");
}

#[tokio::test]
async fn a_failure_is_logged_once_with_its_cause_and_without_ids() {
    let (lines, _kept) = watch::Lines::kept(telemetry::filter("info").unwrap());
    let face = Face::new();
    face.get_with("/v1/accounts/fake:fail-credentials", "x-request-id", "r-1")
        .await;
    face.get("/v1/accounts/fake:fail-not_found").await;
    let told = lines.taken();
    let text = json!(told).to_string();
    let errors: Vec<_> = told.iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(errors.len(), 1, "{text}");
    assert_eq!(errors[0]["cause"], "marked words of a cause");
    assert_eq!(errors[0]["request_id"], "r-1");
    // The caller's own fault is no line of its own beside the one about the request.
    assert_eq!(told.len(), 3, "{text}");
    let request = &told[1];
    assert_eq!(request["route"], "/v1/accounts/{account}");
    assert_eq!(
        (&request["status"], &request["caller"]),
        (&json!(502), &json!("tester"))
    );
    assert_eq!(
        (&request["operation"], &request["backend"]),
        (&json!("accounts.get"), &json!("fake"))
    );
    assert!(!text.contains("fake:fail"), "{text}");
}
