//! What is sent, and what is made of the answers, on a scripted system.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use http::StatusCode;
use secrecy::SecretString;

use super::super::{Config, CredentialHeaders, Unit, over, verdict};
use super::*;
use crate::backends::Backend;
use crate::model::bill::{Document, DocumentForm};
use crate::model::page::{Page, Paging};
use crate::operations::Operation;
use crate::operations::bills::{GetBill, GetBillDocument, ListBills};
use crate::operations::payments::ListPayments;
use crate::upstream::Settings;
use crate::upstream::send::Script;

const SECRET: &str = "s3cr3t-m4rk";

fn unit(business_id: &str) -> Unit {
    Unit {
        business_id: business_id.to_owned(),
        ..Unit::default()
    }
}

fn config() -> Config {
    Config {
        base_url: "https://bills.invalid/tmf-api/customerBillManagement/v1/".to_owned(),
        client_id: "client".to_owned(),
        client_secret: SecretString::from(SECRET),
        credential_headers: CredentialHeaders::Both,
        units: vec![
            Unit {
                bss: Some("liberate".to_owned()),
                lob: Some("FIXED".to_owned()),
                target_system: Some("aria".to_owned()),
                ..unit("PA")
            },
            Unit {
                pdf_by_query: true,
                ..unit("BB")
            },
        ],
        channel: Some("selfportal".to_owned()),
        time_zone: "America/Panama".parse().unwrap(),
        list_bills: true,
        road: Settings {
            backoff: Duration::ZERO,
            ..Settings::default()
        },
    }
}

/// A system that answers by a script, and what it was sent.
struct System {
    backend: Backend,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl System {
    fn new(config: Config, answer: impl Fn(&Call) -> (u16, String) + Send + Sync + 'static) -> Self {
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let seen = Arc::clone(&calls);
        let script: Script = Arc::new(move |call: Call| {
            let (status, body) = answer(&call);
            seen.lock().unwrap().push(call);
            let reply = Reply {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                body: body.into(),
            };
            async move { Ok(reply) }.boxed()
        });
        let upstream = Upstream::scripted("tmf-carib", config.road.clone(), None, verdict::judge, script);
        let backend = over("tmf-carib".parse().unwrap(), config, upstream).unwrap();
        Self { backend, calls }
    }

    async fn ask<O: Operation>(&self, operation: O) -> Result<O::Reply> {
        let cx = Context {
            request_id: Arc::from("req-1"),
            ..Context::within(Duration::from_secs(30))
        };
        let (adapter, _) = self.backend.serving::<O>().unwrap();
        adapter.serve(operation, &cx).await
    }

    /// What was asked for: the addresses behind the base.
    fn paths(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        let base = "https://bills.invalid/tmf-api/customerBillManagement/v1/";
        calls
            .iter()
            .map(|call| call.url.strip_prefix(base).unwrap().to_owned())
            .collect()
    }

    /// One header of every call, empty where it is missing.
    fn header(&self, name: &str) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        let value = |call: &Call| {
            call.headers
                .get(name)
                .map_or("", |value| value.to_str().unwrap())
                .to_owned()
        };
        calls.iter().map(value).collect()
    }
}

fn get(key: &str) -> GetBill {
    GetBill {
        bill: format!("tmf-carib:{key}").parse().unwrap(),
    }
}

fn document(key: &str, forms: &[DocumentForm]) -> GetBillDocument {
    GetBillDocument {
        bill: get(key).bill,
        forms: forms.to_vec(),
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

fn row(n: usize, more: &str) -> String {
    format!(
        r#"{{"id": "B{n}", "billNo": "{n}", "billDate": "2026-{:02}-02T09:00:23", "billingAccount": {{"id": "7"}}{more}}}"#,
        n % 12 + 1
    )
}

/// A list of `total` bills that heeds offset and limit.
fn pages(total: usize) -> impl Fn(&Call) -> (u16, String) {
    move |call| {
        let number = |name: &str| -> usize {
            let (_, rest) = call.url.split_once(&format!("{name}=")).unwrap();
            rest.split('&').next().unwrap().parse().unwrap()
        };
        let (offset, limit) = (number("offset"), number("limit"));
        let rows: Vec<_> = (offset..total.min(offset + limit)).map(|n| row(n, "")).collect();
        if rows.is_empty() {
            return (404, fixture("404-no-bills-found-prefixed"));
        }
        (200, format!("[{}]", rows.join(",")))
    }
}

fn fixture(name: &str) -> String {
    let path = format!(
        "{}/tests/fixtures/tmf678/examples/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn no_part_of_a_key_leaves_its_segment() {
    let query = [("billingAccount.id", "a&b=c")];
    let url = address("https://h/v1", "PA", &["customerBill", "TT 77/../1?x#%2e"], &query);
    let expected = "https://h/v1/PA/customerBill/TT%2077%2F..%2F1%3Fx%23%252e?billingAccount.id=a%26b%3Dc";
    assert_eq!(url, expected);
}

#[tokio::test]
async fn a_call_carries_its_route_its_credentials_and_its_name() {
    let system = System::new(config(), |_| (200, fixture("200-summary-minimal")));
    system.ask(get("801941080000~bill~2018031")).await.unwrap();
    assert_eq!(
        system.paths(),
        ["PA/customerBill/2018031?billingAccount.id=801941080000"]
    );
    for (name, value) in [
        ("client_id", "client"),
        ("client_secret", SECRET),
        ("client-id", "client"),
        ("client-secret", SECRET),
        ("bss", "liberate"),
        ("lob", "FIXED"),
        ("targetSystem", "aria"),
        ("channeId", "selfportal"),
        ("channelId", ""),
        ("X-Correlation-ID", "req-1"),
        ("x-pdf", ""),
        ("x-txt", ""),
    ] {
        assert_eq!(system.header(name), [value], "{name}");
    }
    let call = &system.calls.lock().unwrap()[0];
    for name in ["client_secret", "client-secret", "client_id", "client-id"] {
        assert!(call.headers[name].is_sensitive(), "{name}");
    }
    assert!(!format!("{:?} {call:?}", config()).contains(SECRET));
}

#[tokio::test]
async fn each_pair_of_credentials_can_be_sent_alone() {
    for (pair, underscore, hyphen) in [
        (CredentialHeaders::Underscore, SECRET, ""),
        (CredentialHeaders::Hyphen, "", SECRET),
    ] {
        let config = Config {
            credential_headers: pair,
            ..config()
        };
        let system = System::new(config, |_| (200, fixture("200-summary-minimal")));
        system.ask(get("801941080000~bill~2018031")).await.unwrap();
        assert_eq!(system.header("client_secret"), [underscore]);
        assert_eq!(system.header("client-secret"), [hyphen]);
    }
}

#[tokio::test]
async fn a_key_chooses_the_unit_and_the_system_and_no_unit_that_is_not_configured() {
    let system = System::new(config(), |_| (200, fixture("200-summary-minimal")));
    for key in ["BB:801941080000", "PA:cerillion:801941080000", "BB:csg:"] {
        system.ask(get(&format!("{key}~bill~2018031"))).await.unwrap();
    }
    assert_eq!(
        system.paths(),
        [
            "BB/customerBill/2018031?billingAccount.id=801941080000",
            "PA/customerBill/2018031?billingAccount.id=801941080000",
            "BB/customerBill/2018031",
        ]
    );
    assert_eq!(system.header("bss"), ["", "cerillion", "csg"]);
    assert_eq!(system.header("lob"), ["", "FIXED", ""]);
    let error = system.ask(get("XX:7~bill~1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(system.paths().len(), 3);
}

#[tokio::test]
async fn a_form_is_asked_for_by_its_flag_and_never_with_the_other() {
    let pdf = STANDARD.encode("%PDF-1.7 ...");
    let body = format!(
        r#"{{"id": "1", "billingAccount": {{"id": "7"}}, "billDocument": [{{"content": "{pdf}", "name": "a\\b.pdf"}}]}}"#
    );
    let system = System::new(config(), move |_| (200, body.clone()));
    let forms = [DocumentForm::Pdf, DocumentForm::Text];
    let Document {
        bytes,
        name,
        media_type,
    } = system.ask(document("7~bill~1", &forms)).await.unwrap();
    assert_eq!(
        (&*bytes, &*name, media_type),
        (&b"%PDF-1.7 ..."[..], "b.pdf", DocumentForm::Pdf)
    );
    system.ask(document("BB:7~bill~1", &[DocumentForm::Pdf])).await.unwrap();
    let error = system
        .ask(document("7~bill~1", &[DocumentForm::Text]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    assert_eq!(system.header("x-pdf"), ["true", "true", ""]);
    assert_eq!(system.header("x-txt"), ["", "", "true"]);
    assert!(system.paths()[1].ends_with("&pdf=true") && !system.paths()[0].contains("pdf"));
}

#[tokio::test]
async fn the_next_form_is_tried_where_one_is_not_to_be_had() {
    let answer = |call: &Call| match call.headers.contains_key("x-txt") {
        true => (200, fixture("200-txt")),
        false => (404, fixture("404-bill-file-not-found")),
    };
    let system = System::new(config(), answer);
    let (key, pdf, text) = ("801941080000~bill~2018031", DocumentForm::Pdf, DocumentForm::Text);
    let found = system.ask(document(key, &[pdf, text])).await.unwrap();
    assert_eq!((found.media_type, found.bytes.len()), (text, 269));
    assert_eq!(system.header("X-Correlation-ID"), ["req-1", "req-1.1"]);
    let error = system.ask(document(key, &[pdf])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_document_that_does_not_say_whose_it_is_is_shown_only_if_the_bill_does() {
    let pdf = STANDARD.encode("%PDF-1.7");
    let body = format!(r#"{{"id": "2018031", "billDocument": [{{"content": "{pdf}"}}]}}"#);
    let system = System::new(config(), move |call| match call.headers.contains_key("x-pdf") {
        true => (200, body.clone()),
        false => (200, fixture("200-summary-minimal")),
    });
    let forms = [DocumentForm::Pdf];
    system.ask(document("801941080000~bill~2018031", &forms)).await.unwrap();
    assert_eq!(system.paths().len(), 2);
    let error = system
        .ask(document("801941089999~bill~2018031", &forms))
        .await
        .unwrap_err();
    assert_eq!(error.finer_code(), Some("integrity"));
    // Asked for by number alone, it is nobody's in particular.
    system.ask(document("~bill~2018031", &forms)).await.unwrap();
    assert_eq!(system.paths().len(), 5);
}

#[tokio::test]
async fn a_list_is_read_to_its_end_and_gives_every_bill_once() {
    for total in [0, 1, 4, 5, 6, 10, 23] {
        let system = System::new(config(), pages(total));
        let mut found = Vec::new();
        let mut asked = list("7");
        asked.paging.limit = 4;
        loop {
            let Page { items, next } = system.ask(asked.clone()).await.unwrap();
            assert!(items.len() <= 4);
            found.extend(items.into_iter().map(|bill| (bill.issued_on, bill.native_id)));
            match next {
                Some(next) => asked.paging.after = Some(next),
                None => break,
            }
        }
        assert!(found.is_sorted_by(|a, b| a.0 >= b.0), "{total}");
        let mut ids: Vec<_> = found.into_iter().map(|(_, id)| id).collect();
        ids.sort_by_key(|id| id[1..].parse::<usize>().unwrap());
        let expected: Vec<_> = (0..total).map(|n| format!("B{n}")).collect();
        assert_eq!(ids, expected);
        let first = &system.paths()[0];
        assert!(
            first.starts_with("PA/customerBill?billingAccount.id=7&billDate.gte=1900-01-01&billDate.lte=20"),
            "{first}"
        );
        assert!(first.ends_with("&offset=0&limit=5"), "{first}");
    }
}

#[tokio::test]
async fn a_period_is_sent_and_kept() {
    let system = System::new(config(), pages(12));
    let asked = ListBills {
        from: Some("2026-03-02".parse().unwrap()),
        to: Some("2026-06-02".parse().unwrap()),
        ..list("7")
    };
    let found = system.ask(asked.clone()).await.unwrap().items;
    let days: Vec<_> = found.iter().map(|bill| bill.issued_on.unwrap().to_string()).collect();
    assert_eq!(days, ["2026-05-02", "2026-04-02", "2026-03-02"]);
    assert!(system.paths()[0].contains("&billDate.gte=2026-03-02&billDate.lte=2026-06-01&"));
    let before = system.paths().len();
    let none = ListBills {
        to: asked.from,
        ..asked
    };
    assert!(system.ask(none).await.unwrap().items.is_empty());
    assert_eq!(system.paths().len(), before);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_whole_is_never_shown_in_part() {
    let five: Vec<_> = (0..5).map(|n| row(n, "")).collect();
    let five = format!("[{}]", five.join(","));
    let system = System::new(config(), move |_| (200, five.clone()));
    let error = system.ask(list("7")).await.unwrap_err();
    assert!(error.message().contains("repeats itself"), "{}", error.message());
    for (rows, path) in [
        (format!("[{}, {{}}]", row(1, "")), "$[1]"),
        (
            format!("[{}]", row(1, "").replace(r#""7""#, r#""8""#)),
            "$[0].billingAccount.id",
        ),
        (r#"[{"billNo": "1", "billingAccount": {"id": "7"}}]"#.to_owned(), "id"),
        (r#"{"id": "1"}"#.to_owned(), "$"),
    ] {
        let system = System::new(config(), move |_| (200, rows.clone()));
        let error = system.ask(list("7")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(error.message().contains(path), "{}", error.message());
    }
}

#[tokio::test]
async fn an_account_that_is_nowhere_is_not_an_account_without_bills() {
    for (name, kind) in [
        ("404-no-route-to-bss", Some(ErrorKind::Refused)),
        ("404-bill-history-not-found", Some(ErrorKind::NotFound)),
        ("404-no-bills-found", None),
        ("404-no-bills-found-prefixed", None),
    ] {
        let system = System::new(config(), move |_| (404, fixture(name)));
        match (system.ask(list("7")).await, kind) {
            (Ok(page), None) => assert!(page.items.is_empty() && page.next.is_none(), "{name}"),
            (Err(error), Some(kind)) => assert_eq!(error.kind(), kind, "{name}"),
            (found, _) => panic!("{name}: {found:?}"),
        }
        // Of one bill it says that there is no such bill.
        let error = system.ask(get("7~bill~1")).await.unwrap_err();
        assert_eq!(error.kind(), kind.unwrap_or(ErrorKind::NotFound), "{name}");
    }
}

#[tokio::test]
async fn payments_come_from_the_bills_and_silent_bills_are_read_by_themselves() {
    let paid = |day: &str| {
        format!(
            r#", "appliedPayment": [{{"appliedAmount": {{"value": 5.00, "unit": "PAB"}}, "payment": {{"paymentDate": "{day}"}}}}]"#
        )
    };
    let rows = [
        row(1, &paid("2026-02-01T00:00:00.000Z")),
        row(2, ""),
        row(3, ""),
        row(4, r#", "appliedPayment": []"#),
    ];
    let rows = format!("[{}]", rows.join(","));
    let two = row(2, &paid("2026-03-01T00:00:00.000Z"));
    let system = System::new(config(), move |call| match call.url.split('?').next().unwrap() {
        url if url.ends_with("/B2") => (200, two.clone()),
        url if url.ends_with("/B3") => (200, row(3, "")),
        _ => (200, rows.clone()),
    });
    let found = system.ask(payments("7")).await.unwrap().items;
    let told: Vec<_> = found
        .iter()
        .map(|payment| (payment.paid_on.unwrap().to_string(), payment.id.key().to_owned()))
        .collect();
    let expected = [("2026-03-01", "7~payment~B2~~0"), ("2026-02-01", "7~payment~B1~~0")];
    assert_eq!(told, expected.map(|(day, id)| (day.to_owned(), id.to_owned())));
    assert_eq!(system.paths().len(), 3);
}

#[tokio::test]
async fn payments_of_a_unit_that_shows_no_single_bill_cannot_be_told() {
    let system = System::new(config(), |call| match call.url.contains("/customerBill?") {
        true => (200, format!("[{}]", row(1, ""))),
        false => (501, fixture("501-not-implemented")),
    });
    let error = system.ask(payments("7")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        system.ask(get("7~bill~1")).await.unwrap_err().kind(),
        ErrorKind::Unsupported
    );
}

#[tokio::test]
async fn a_refusal_is_sent_once_and_an_outage_again() {
    for (status, calls) in [
        (400, 1),
        (401, 1),
        (403, 1),
        (404, 1),
        (501, 1),
        (429, 3),
        (500, 3),
        (502, 3),
        (503, 3),
    ] {
        let system = System::new(config(), move |_| (status, String::new()));
        let error = system.ask(get("7~bill~1")).await.unwrap_err();
        assert_eq!(
            (error.attempts(), system.paths().len()),
            (u32::try_from(calls).unwrap(), calls),
            "{status}"
        );
        // A repeat carries the same correlation id.
        assert!(
            system.header("X-Correlation-ID").iter().all(|id| id == "req-1"),
            "{status}"
        );
    }
}

#[test]
fn the_list_is_served_only_by_setting() {
    let served = |list_bills| {
        let config = Config { list_bills, ..config() };
        let system = System::new(config, |_| (200, String::new()));
        let all = system.backend.capabilities();
        all.iter().map(|capability| capability.operation).collect::<Vec<_>>()
    };
    assert_eq!(served(false), ["bills.document", "bills.get", "native.raw"]);
    assert_eq!(
        served(true),
        [
            "bills.document",
            "bills.get",
            "bills.list",
            "native.raw",
            "payments.list"
        ]
    );
}

#[test]
fn a_setting_that_cannot_work_is_refused_by_name() {
    let with = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        super::super::connect("t".parse().unwrap(), config)
    };
    assert!(with(|_| {}).is_ok());
    type Change = fn(&mut Config);
    let cases: [(&str, Change); 9] = [
        ("base_url", |config| config.base_url = "bills.invalid".to_owned()),
        ("base_url", |config| config.base_url.push_str("?x=1")),
        ("units", |config| config.units.clear()),
        ("units", |config| config.units.push(unit("PA"))),
        ("units", |config| config.units.push(unit("../PA"))),
        ("bss", |config| config.units[0].bss = Some("a\nb".to_owned())),
        ("channel", |config| config.channel = Some(String::new())),
        ("client_secret", |config| {
            config.client_secret = SecretString::from("abc")
        }),
        ("client_id", |config| config.client_id = "a\0b".to_owned()),
    ];
    for (member, change) in cases {
        let error = with(change).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains(&format!("`{member}`")), "{}", error.message());
    }
}
