//! The TMF678 adapter in front of the simulated TMF678: what only the two together can show.

use std::sync::Arc;
use std::time::Duration;

use intertie::backends::Backend;
use intertie::backends::tmf678::{Config, CredentialHeaders, Unit, connect};
use intertie::error::{ErrorKind, Result};
use intertie::model::bill::{BillStatus, Document, DocumentForm};
use intertie::model::page::{Page, Paging};
use intertie::operations::bills::{GetBill, GetBillDocument, ListBills};
use intertie::operations::payments::ListPayments;
use intertie::operations::{Context, Operation};
use intertie::sandbox::fault::Fault;
use intertie::sandbox::tmf678::{API_PATH, CLIENT_ID, CLIENT_SECRET, PANAMA_CLIENT_ID};
use intertie::sandbox::{Kind, Running, start};
use intertie::upstream::Settings;
use serde_json::{Value, json};

use crate::support::stage::Stage;
use crate::support::tap::Tap;
use crate::support::tmf678_contract::check;
use crate::support::watch;

const PDF: DocumentForm = DocumentForm::Pdf;
const TEXT: DocumentForm = DocumentForm::Text;

struct Scene {
    running: Running,
    tap: Tap,
    backend: Backend,
}

impl Scene {
    async fn new() -> Self {
        Self::with(|_, _| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config, &Running)) -> Self {
        watch::on();
        let running = start(&[Kind::Tmf678], "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let tap = Tap::on(running.addr()).await;
        let units = ["PA", "JM", "TT", "PR", "BB", "AG", "BS"];
        let mut config = Config {
            base_url: format!("http://{}/tmf678{API_PATH}", tap.address),
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned().into(),
            credential_headers: CredentialHeaders::Both,
            units: units
                .map(|business_id| Unit {
                    business_id: business_id.to_owned(),
                    pdf_by_query: business_id == "BB",
                    ..Unit::default()
                })
                .into(),
            channel: Some("selfportal".to_owned()),
            time_zone: "America/Panama".parse().unwrap(),
            list_bills: true,
            road: Settings {
                backoff: Duration::from_millis(1),
                ..Settings::default()
            },
        };
        change(&mut config, &running);
        let backend = connect("tmf-carib".parse().unwrap(), config).unwrap();
        Self { running, tap, backend }
    }

    async fn call<O: Operation>(&self, operation: O) -> Result<O::Reply> {
        self.call_with(operation, false).await
    }

    async fn call_with<O: Operation>(&self, operation: O, native: bool) -> Result<O::Reply> {
        let mut cx = Context::within(Duration::from_secs(20));
        cx.request_id = Arc::from("0197f0c2-0000-7000-8000-000000000001");
        cx.native = native;
        let (adapter, _) = self.backend.serving::<O>().expect("served");
        adapter.serve(operation, &cx).await.inspect_err(watch::error)
    }

    async fn bill(&self, key: &str) -> Result<Value> {
        self.call(get(key)).await.map(|bill| json!(bill))
    }

    async fn document(&self, key: &str, forms: &[DocumentForm]) -> Result<Document> {
        let bill = get(key).bill;
        let forms = forms.to_vec();
        self.call(GetBillDocument { bill, forms }).await
    }

    async fn bills(&self, key: &str) -> Result<Page<intertie::model::bill::Bill>> {
        self.call(list(key)).await
    }

    /// Every exchange so far was one the contract allows, on both sides.
    fn keeps_the_contract(&self) {
        let exchanges = self.tap.exchanges();
        assert!(!exchanges.is_empty());
        for exchange in exchanges {
            check(&exchange).unwrap_or_else(|why| panic!("{} {}: {why}", exchange.method, exchange.target));
        }
    }
}

fn get(key: &str) -> GetBill {
    GetBill {
        bill: format!("tmf-carib:{key}").parse().unwrap(),
    }
}

fn list(key: &str) -> ListBills {
    ListBills {
        account: format!("tmf-carib:{key}").parse().unwrap(),
        from: None,
        to: None,
        kind: None,
        superseded: false,
        paging: Paging::default(),
    }
}

fn payments(key: &str) -> ListPayments {
    ListPayments {
        account: list(key).account,
        from: None,
        to: None,
        paging: Paging::default(),
    }
}

#[tokio::test]
async fn one_bill_is_had_as_a_record_as_a_pdf_and_as_a_text() {
    let scene = Scene::new().await;
    let key = "801941080000~bill~2018031";
    let bill = scene.bill(key).await.unwrap();
    let truth: Value = serde_json::from_str(include_str!("fixtures/tmf678/truth.json")).unwrap();
    for (member, value) in truth["answers"]["200-summary-minimal"]["bill"].as_object().unwrap() {
        assert_eq!(&bill[member], value, "{member}");
    }
    let pdf = scene.document(key, &[PDF]).await.unwrap();
    assert!(pdf.bytes.starts_with(b"%PDF-") && pdf.bytes.trim_ascii_end().ends_with(b"%%EOF"));
    assert_eq!(pdf.name, "Bill.801941080000.2018031.pdf");
    let text = scene.document(key, &[TEXT, PDF]).await.unwrap();
    assert_eq!((text.media_type, text.bytes.len()), (TEXT, 269));
    assert_eq!(text.name, "BILL_2018_03_C_1_ELEC.TLB.txt");
    // Known by its number alone, it is the same bill.
    assert_eq!(scene.bill("~bill~2018031").await.unwrap(), bill);
    scene.keeps_the_contract();
}

#[tokio::test]
async fn one_number_in_three_places_is_three_bills() {
    let scene = Scene::new().await;
    for (key, due, account) in [
        ("801941080000~bill~2018031", "3161.46 PAB", "801941080000"),
        ("JM:400010002000~bill~2018031", "12450.75 JMD", "JM:400010002000"),
        (
            "JM:liberate:871000000~bill~2018031",
            "5310.00 JMD",
            "JM:liberate:871000000",
        ),
        ("JM:liberate:~bill~2018031", "5310.00 JMD", "JM:liberate:871000000"),
        (
            "JM:cerillion:~bill~2018031",
            "12450.75 JMD",
            "JM:cerillion:400010002000",
        ),
    ] {
        let bill = scene.bill(key).await.unwrap();
        let money = &bill["amount_due"];
        let found = format!(
            "{} {}",
            money["amount"].as_str().unwrap(),
            money["currency"].as_str().unwrap()
        );
        assert_eq!(found, due, "{key}");
        assert_eq!(bill["account_id"], format!("tmf-carib:{account}"), "{key}");
        assert_eq!(bill["id"], format!("tmf-carib:{account}~bill~2018031"), "{key}");
    }
    scene.keeps_the_contract();
}

#[tokio::test]
async fn a_credit_note_keeps_its_sign_and_its_tax() {
    let scene = Scene::new().await;
    let bill = scene.bill("JM:400010002000~bill~0004417").await.unwrap();
    assert_eq!(
        (&bill["kind"], &bill["status"]),
        (&json!("CREDIT_NOTE"), &json!("PAID"))
    );
    assert_eq!(bill["amount_due"]["amount"], "-1200.50");
    assert_eq!(
        bill["tax_items"],
        json!([{
            "native_kind": "GCT",
            "rate_percent": "16.5",
            "amount": {"amount": "-170.03", "currency": "JMD"},
        }])
    );
    assert_eq!(
        scene.bill("JM:400010002000~bill~4417").await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn odd_identifiers_dates_and_names_are_kept_or_made_safe() {
    let scene = Scene::new().await;
    let key = "TT:500120003000~bill~TT 77/0001";
    let bill = scene.bill(key).await.unwrap();
    assert_eq!(
        (&bill["issued_on"], &bill["due_on"]),
        (&json!("2026-05-31"), &json!("2026-06-21"))
    );
    assert_eq!(bill["amount_due"]["amount"], "642.50");
    assert_eq!(scene.document(key, &[PDF]).await.unwrap().name, "77-0001--copy.pdf");
    let exchanges = scene.tap.exchanges();
    assert!(
        exchanges
            .iter()
            .all(|exchange| exchange.target.contains("/TT%2077%2F0001?"))
    );
    assert_eq!(
        scene.bill("271041000000~bill~0002020").await.unwrap()["amount_due"],
        Value::Null
    );
    let error = scene.bill("271041000000~bill~2020").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    scene.keeps_the_contract();
}

#[tokio::test]
async fn a_document_that_is_not_one_is_never_handed_out() {
    let scene = Scene::new().await;
    for (key, form, kind) in [
        ("271041000000~bill~2019111", PDF, ErrorKind::NotFound),
        ("271041000000~bill~2019121", PDF, ErrorKind::Unreadable),
        ("271041000000~bill~0002020", PDF, ErrorKind::NotFound),
        ("271041000000~bill~2020031", PDF, ErrorKind::NotFound),
        ("271041000000~bill~2020031", TEXT, ErrorKind::NotFound),
        ("PR:8211990010042349~bill~205495579", PDF, ErrorKind::Unreadable),
        ("PR:8211990010021897~bill~77937H00004338P0", PDF, ErrorKind::Unreadable),
        ("PR:8211990010021897~bill~77937H00004338P1", PDF, ErrorKind::NotFound),
        ("BB:2461000001~bill~BB-10022", PDF, ErrorKind::Unreadable),
    ] {
        let error = scene.document(key, &[form]).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{key}");
    }
    // The one whose header is not heeded, and whose documents do not say whose they are.
    let pdf = scene.document("BB:2461000001~bill~BB-10021", &[PDF]).await.unwrap();
    assert!(pdf.bytes.starts_with(b"%PDF-"));
    scene.keeps_the_contract();
}

#[tokio::test]
async fn a_link_is_neither_followed_nor_shown() {
    let scene = Scene::new().await;
    let bill = scene
        .call_with(get("PR:8211990010021897~bill~77937H00004338P1"), true)
        .await
        .unwrap();
    assert_eq!(
        (bill.status, bill.native_status.as_deref()),
        (Some(BillStatus::Other), Some("inDispute"))
    );
    let shown = json!(bill).to_string();
    assert!(shown.contains("TEST QA WALTER"));
    for mark in ["169.254.169.254", "127.0.0.1", "://", "host:port"] {
        assert!(!shown.contains(mark), "{mark}");
    }
    let error = scene
        .call(GetBillDocument {
            bill: bill.id,
            forms: vec![PDF],
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(scene.tap.exchanges().len(), 2);
    scene.keeps_the_contract();
}

#[tokio::test]
async fn an_account_s_bills_are_listed_to_the_last() {
    let scene = Scene::new().await;
    let mut asked = list("801941080000");
    asked.paging.limit = 4;
    let mut found = Vec::new();
    loop {
        let page = scene.call(asked.clone()).await.unwrap();
        assert!(page.items.len() <= 4);
        found.extend(page.items);
        match page.next {
            Some(next) => asked.paging.after = Some(next),
            None => break,
        }
    }
    let ids: Vec<_> = found.iter().map(|bill| bill.native_id.as_str()).collect();
    let expected = [
        "2026061", "2026051", "2026041", "2026031", "2026021", "2026011", "2025121", "2025111", "2025101", "2025091",
        "2025081", "2025071", "2025061", "2018031",
    ];
    assert_eq!(
        ids, expected,
        "also the one older than the year a list without a period shows"
    );
    // What the list says of a bill is what the bill says.
    for bill in found {
        assert_eq!(scene.bill(bill.id.key()).await.unwrap(), json!(bill));
    }
    scene.keeps_the_contract();
}

#[tokio::test]
async fn nothing_found_and_nobody_asked_are_told_apart() {
    let scene = Scene::new().await;
    for empty in ["801941089999", "TT:500120009999"] {
        let page = scene.bills(empty).await.unwrap();
        assert!(page.items.is_empty() && page.next.is_none(), "{empty}");
        assert!(scene.call(payments(empty)).await.unwrap().items.is_empty(), "{empty}");
    }
    for (key, kind) in [
        // No system knows the account: no word on whether it exists.
        ("999999999999~bill~2018031", ErrorKind::Refused),
        ("JM:cerillion:871000000~bill~2018031", ErrorKind::Refused),
        // Bad reference, no file, no history.
        ("801941080000~bill~ABC", ErrorKind::NotFound),
        ("801941080000~bill~2018032", ErrorKind::NotFound),
        ("~bill~2018032", ErrorKind::NotFound),
        // Another account's.
        ("271041000000~bill~2018031", ErrorKind::NotFound),
        // Not configured; and a unit without the operation, under maintenance.
        ("KY:801941080000~bill~2018031", ErrorKind::NotFound),
        ("AG:1268000001~bill~AG00001", ErrorKind::Unsupported),
        ("BS:1~bill~1", ErrorKind::Unavailable),
    ] {
        assert_eq!(scene.bill(key).await.unwrap_err().kind(), kind, "{key}");
    }
    assert_eq!(
        scene.bills("999999999999").await.unwrap_err().kind(),
        ErrorKind::Refused
    );
    // Two minutes of maintenance are passed on at once, not waited out.
    let started = std::time::Instant::now();
    let error = scene.bill("BS:1~bill~1").await.unwrap_err();
    assert_eq!(error.retryable().after(), Some(Duration::from_secs(120)));
    assert!(started.elapsed() < Duration::from_secs(10));
    scene.keeps_the_contract();
}

#[tokio::test]
async fn payments_are_what_the_bills_say() {
    let scene = Scene::new().await;
    let found = scene.call(payments("JM:cerillion:400010002000")).await.unwrap().items;
    assert_eq!(found.len(), 1);
    let payment = json!(found[0]);
    assert_eq!(payment["native_id"], "9930021");
    assert_eq!(
        (&payment["paid_on"], &payment["paid_at"]),
        (&json!("2018-05-29"), &json!("2018-05-29T19:20:00Z"))
    );
    assert_eq!(payment["amount"], Value::Null);
    assert_eq!(
        payment["applied"],
        json!([{
            "bill_id": "tmf-carib:JM:cerillion:400010002000~bill~2018031",
            "amount": {"amount": "12450.75", "currency": "JMD"},
        }])
    );
    // Two bills with two payments each among them, and every one under an identifier of its own.
    let found = scene.call(payments("801941080000")).await.unwrap().items;
    let mut applied = 0;
    for bill in scene.bills("801941080000").await.unwrap().items {
        applied += bill.payments_applied.unwrap_or_default().len();
    }
    let mut ids: Vec<_> = found.iter().map(|payment| payment.id.as_str()).collect();
    assert!(ids.len() == applied && applied > 10, "{}, {applied}", ids.len());
    assert!(found.is_sorted_by(|a, b| a.paid_on >= b.paid_on));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), applied);
    // No single bill is to be had there, and its list does not speak of payments.
    let error = scene.call(payments("AG:1268000001")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(scene.bills("AG:1268000001").await.unwrap().items.len(), 7);
    scene.keeps_the_contract();
}

#[tokio::test]
async fn the_wrong_pair_of_credentials_says_which_header_is_missing() {
    for (pair, unit, header) in [
        (
            CredentialHeaders::Underscore,
            "TT:500120003000~bill~TT 77/0001",
            "`client-id`",
        ),
        (CredentialHeaders::Hyphen, "BB:2461000001~bill~BB-10021", "`client_id`"),
    ] {
        let scene = Scene::with(|config, _| config.credential_headers = pair).await;
        let error = scene.bill(unit).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert!(error.message().contains(header), "{}", error.message());
        scene.bill("801941080000~bill~2018031").await.unwrap();
    }
    let scene = Scene::with(|config, _| config.client_secret = "wrong-secret".to_owned().into()).await;
    let error = scene.bill("801941080000~bill~2018031").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Credentials, 1));
    let scene = Scene::with(|config, _| config.client_id = PANAMA_CLIENT_ID.to_owned()).await;
    scene.bill("801941080000~bill~2018031").await.unwrap();
    let error = scene.bill("JM:400010002000~bill~2018031").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Credentials, 1));
}

#[tokio::test]
async fn every_fault_is_what_it_is() {
    // Without the tap, which does not survive a line that breaks.
    let scene =
        Scene::with(|config, running| config.base_url = format!("{}{API_PATH}", running.base(Kind::Tmf678))).await;
    let key = "801941080000~bill~2018031";
    for fault in [
        Fault::Status(500),
        Fault::Status(502),
        Fault::Throttled(None),
        Fault::DropBefore,
        Fault::DropAfter,
    ] {
        scene.running.fault(Kind::Tmf678, fault, 1, None);
        scene
            .bill(key)
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
    }
    for (fault, kind) in [
        (Fault::EdgePage, ErrorKind::Blocked),
        (Fault::MalformedJson, ErrorKind::Unreadable),
        (Fault::ErrorInside, ErrorKind::Unavailable),
        (Fault::ExpiredToken, ErrorKind::Credentials),
        (Fault::Throttled(Some(600)), ErrorKind::Throttled),
    ] {
        scene.running.clear_faults();
        scene.running.fault(Kind::Tmf678, fault, 9, None);
        let error = scene.bill(key).await.expect_err(&format!("{fault:?}"));
        assert_eq!(error.kind(), kind, "{fault:?}");
    }
    scene.running.clear_faults();
    scene.bill(key).await.unwrap();
}

#[tokio::test]
async fn a_caller_reads_one_bill_as_json_as_pdf_and_as_text() {
    let stage = Stage::open().await;
    let path = "/v1/bills/tmf-carib:801941080000~bill~2018031";
    let bill = stage.get(path).await;
    assert_eq!(bill.status, 200, "{}", bill.text());
    let record = &bill.json()["data"];
    assert_eq!(record["native_id"], "2018031");
    assert_eq!(record["amount_due"], json!({"amount": "3161.46", "currency": "PAB"}));
    for (form, start, name) in [
        ("application/pdf", "%PDF-", "Bill.801941080000.2018031.pdf"),
        ("text/plain", "", "BILL_2018_03_C_1_ELEC.TLB.txt"),
    ] {
        let document = stage
            .send("GET", &format!("{path}/document"), &[("accept", form)], None)
            .await;
        assert_eq!(document.status, 200, "{}", document.text());
        // Exactly so: what the text is encoded in is not documented, so no charset is claimed.
        assert_eq!(document.header("content-type"), Some(form));
        assert!(document.body.starts_with(start.as_bytes()), "{form}");
        assert!(
            document.header("content-disposition").unwrap().contains(name),
            "{:?}",
            document.headers
        );
    }
}

/// Whether a body is the example, whatever stands in the place of its runs of `x`.
fn is_example(example: &str, found: &Value) -> bool {
    let path = format!(
        "{}/tests/fixtures/tmf678/examples/{example}",
        env!("CARGO_MANIFEST_DIR")
    );
    let example: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    // The adapter never sends half a pair, so another header of the pair is the first to be missed.
    let example = example.to_string().replace("'client-secret'", "'client-id'");
    let found = found.to_string();
    let mut rest = found.as_str();
    example.split(['x', 'X']).all(|piece| match rest.split_once(piece) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[tokio::test]
async fn every_documented_answer_that_can_be_brought_about_reaches_its_meaning() {
    use ErrorKind as Kind;
    use intertie::sandbox::Kind as System;

    const BILL: &str = "801941080000~bill~2018031";
    let index: Value = serde_json::from_str(include_str!("fixtures/tmf678/examples/index.json")).unwrap();
    let cases = index["cases"].as_array().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    let full = "PR:8211990010021897~bill~77937H00004338P0";
    for (case, key, form, kind) in [
        ("200-summary-minimal", BILL, None, None),
        ("200-summary-full", full, None, None),
        ("200-txt", BILL, Some(TEXT), None),
        // What these call documents are none, or are blank.
        ("200-pdf-with-summary", full, Some(PDF), Some(Kind::Unreadable)),
        (
            "200-pdf-attachment-type",
            "PR:8211990010042349~bill~205495579",
            Some(PDF),
            Some(Kind::Unreadable),
        ),
        (
            "200-pdf-size-number",
            "271041000000~bill~2019111",
            Some(PDF),
            Some(Kind::NotFound),
        ),
        (
            "400-missing-header",
            "TT:500120003000~bill~1",
            None,
            Some(Kind::Credentials),
        ),
        ("401-unauthenticated", BILL, None, Some(Kind::Credentials)),
        (
            "403-forbidden",
            "JM:400010002000~bill~2018031",
            None,
            Some(Kind::Credentials),
        ),
        (
            "404-bill-file-not-found",
            "801941080000~bill~2018032",
            None,
            Some(Kind::NotFound),
        ),
        (
            "404-invalid-bill-reference",
            "801941080000~bill~77937H",
            None,
            Some(Kind::NotFound),
        ),
        (
            "404-no-route-to-bss",
            "801941080001~bill~2018031",
            None,
            Some(Kind::Refused),
        ),
        (
            "404-no-bills-found-prefixed",
            "801941089999~bill~2018031",
            None,
            Some(Kind::NotFound),
        ),
        (
            "404-no-bills-found",
            "TT:500120009999~bill~2018031",
            None,
            Some(Kind::NotFound),
        ),
        (
            "404-bill-history-not-found",
            "PR:~bill~77937",
            None,
            Some(Kind::NotFound),
        ),
        ("429-too-many-requests", BILL, None, Some(Kind::Throttled)),
        ("500-internal-error", BILL, None, Some(Kind::Unavailable)),
        ("501-not-implemented", "AG:~bill~AG00001", None, Some(Kind::Unsupported)),
        ("502-bad-gateway", BILL, None, Some(Kind::Unavailable)),
        ("503-service-unavailable", "BS:~bill~1", None, Some(Kind::Unavailable)),
    ] {
        let scene = Scene::with(|config, _| match case {
            "400-missing-header" => config.credential_headers = CredentialHeaders::Underscore,
            "401-unauthenticated" => config.client_secret = "not-the-one".to_owned().into(),
            "403-forbidden" => config.client_id = PANAMA_CLIENT_ID.to_owned(),
            _ => {}
        })
        .await;
        let fault = match case {
            "429-too-many-requests" => Some(Fault::Throttled(None)),
            "500-internal-error" => Some(Fault::Status(500)),
            "502-bad-gateway" => Some(Fault::Status(502)),
            _ => None,
        };
        if let Some(fault) = fault {
            scene.running.fault(System::Tmf678, fault, 9, None);
        }
        let outcome = match form {
            None => scene.bill(key).await.map(drop),
            Some(form) => scene.document(key, &[form]).await.map(drop),
        };
        assert_eq!(outcome.err().map(|error| error.kind()), kind, "{case}");
        let entry = cases.iter().find(|entry| entry["case"] == case).unwrap();
        let last = scene.tap.exchanges().pop().unwrap();
        assert_eq!(u64::from(last.status), entry["status"].as_u64().unwrap(), "{case}");
        if let Some(example) = entry["body"].as_str() {
            let found = serde_json::from_slice(&last.response_body).unwrap();
            assert!(is_example(example, &found), "{case}: {found}");
        }
        seen.insert(case);
    }
    // No request of the adapter can lead to these: a query it never sends, another method, and `runType`. The simulated
    // system gives them to whoever asks so, and the verdict and the maps read them.
    for never in ["400-invalid-query-type", "405-method-not-allowed", "200-pdf-run-type"] {
        assert!(seen.insert(never), "{never}");
    }
    let documented: std::collections::BTreeSet<_> = cases.iter().map(|case| case["case"].as_str().unwrap()).collect();
    assert_eq!((seen.len(), seen), (23, documented));
}
