//! What the fuzz targets in `fuzz/` call: each takes any bytes at all and panics if something is wrong.
//!
//! The texts that come from callers go through the functions that read them; what the billing systems answer goes through the
//! whole gateway, with a script in the place of the network. The corpus in `fuzz/seeds` is played by the tests below too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a fuzz target says no"
)]

use std::path::Path as FilePath;
use std::str::FromStr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use rust_decimal::Decimal;
use serde_json::Value;
use tower::ServiceExt as _;

use super::{AU, CARIB, CY, PORTFOLIO, US};
use crate::api::{self, cursor};
use crate::auth::{Caller, Callers};
use crate::backends::{self, Config, crmcom, gentrack, kraken, tmf678, urjanet};
use crate::config;
use crate::gateway::{Directory, Gateway};
use crate::model::id::{AccountId, BackendName, Id};
use crate::model::money::{self, Currency, Money, Number};
use crate::model::time::{Bound, Zone};
use crate::operations::Scope;
use crate::operations::native::{Path, Query};
use crate::upstream::send::in_place_of_the_network;
use crate::upstream::{Call, Reply, Settings, tokens};

/// Ids: what is read prints as it was written, and what is made of parts gives the parts back.
pub fn ids(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(id) = text.parse::<AccountId>() {
        assert_eq!(id.to_string(), text);
        assert_eq!(format!("{}:{}", id.backend(), id.key()), text);
        let backend: BackendName = id.backend().parse().expect("an id names a backend");
        let parts: Vec<_> = id.parts().collect();
        let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        if let Ok(made) = AccountId::of(&backend, &parts) {
            let again: Vec<_> = made.parts().collect();
            assert!(again.iter().eq(parts.iter()), "{again:?} of {parts:?}");
        }
    }
    let backend: BackendName = "acme".parse().expect("a name");
    let parts: Vec<&str> = text.split('\n').collect();
    if let Ok(made) = Id::<()>::of(&backend, &parts) {
        assert!(made.parts().eq(parts.iter().copied()), "{made} of {parts:?}");
        assert_eq!(made.to_string().parse::<Id<()>>().as_ref(), Ok(&made));
    }
}

/// Cursors: one that was not sealed here is refused, one that was opens where it was given out and nowhere else.
pub fn cursors(data: &[u8]) {
    let seal = cursor::Seal::new(b"the secret of this target, which no input knows");
    let list = cursor::List {
        operation: "bills.list",
        path: "/v1/accounts/acme:1/bills",
        filters: "",
    };
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert!(seal.open(&list, text).is_err(), "a forged cursor was taken");
    let given = seal.close(&list, text);
    assert_eq!(seal.open(&list, &given).as_deref().ok(), Some(text));
    let elsewhere = cursor::List {
        path: "/v1/accounts/acme:2/bills",
        ..list
    };
    assert!(seal.open(&elsewhere, &given).is_err(), "a cursor was taken elsewhere");
    let cut: String = given.chars().skip(1).collect();
    assert!(seal.open(&list, &cut).is_err(), "a cut cursor was taken");
}

/// Numbers and money: exact or refused, and the same after printing and reading.
pub fn numbers(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (number, code) = text.split_once(' ').unwrap_or((text, "AUD"));
    let currency = code.parse::<Currency>().ok();
    if let Some(currency) = currency {
        assert_eq!(currency.code(), code);
    }
    let Ok(value) = money::decimal(number) else { return };
    assert_eq!(
        spelled(&value.mantissa().to_string(), -i64::from(value.scale())),
        written(number),
        "{number} was read as {value}"
    );
    let printed = serde_json::to_string(&Number(value)).expect("a number prints");
    let again: Number = serde_json::from_str(&printed).expect("what was printed is a number");
    assert_eq!(again.0, value, "{number} printed as {printed}");
    if let Some(currency) = currency {
        let amount = Money::new(value, currency);
        let printed = serde_json::to_string(&amount).expect("money prints");
        let again: Money = serde_json::from_str(&printed).expect("what was printed is money");
        assert_eq!(again.amount(), value, "{number} printed as {printed}");
        assert_eq!(amount.turned().turned().amount(), value);
        if let Ok(units) = i64::from_str(number) {
            let minor = Money::minor(units, currency);
            assert_eq!(
                minor.amount() * Decimal::from(10u64.pow(currency.exponent())),
                Decimal::from(units)
            );
        }
    }
}

/// What a number's text says, digit by digit: its sign, its digits without zeros at either end, and the power of ten of the last.
fn written(text: &str) -> (bool, String, i64) {
    let (base, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, rest) = base.split_once('.').unwrap_or((base, ""));
    let exponent: i64 = exponent
        .parse()
        .expect("what was read as a number has a whole exponent");
    spelled(
        &format!("{whole}{rest}"),
        exponent - i64::try_from(rest.len()).expect("a short text"),
    )
}

fn spelled(digits: &str, power: i64) -> (bool, String, i64) {
    let negative = digits.starts_with('-');
    let digits = digits.trim_start_matches('-').trim_start_matches('0');
    let short = digits.trim_end_matches('0');
    if short.is_empty() {
        return (false, String::new(), 0);
    }
    let zeros = i64::try_from(digits.len() - short.len()).expect("a short text");
    (negative, short.to_owned(), power + zeros)
}

/// Dates, instants and time zones: what is read prints and reads as the same again.
pub fn dates(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (text, zone) = text.split_once(' ').unwrap_or((text, "Australia/Sydney"));
    if let Ok(bound) = text.parse::<Bound>() {
        assert_eq!(bound.to_string().parse::<Bound>().ok(), Some(bound), "{text}");
    }
    let Ok(zone) = zone.parse::<Zone>() else { return };
    if let Ok(at) = zone.read(text) {
        assert_eq!(zone.read(&at.to_string()).ok(), Some(at), "{text}");
        // A local time that occurs twice is its first occurrence, so the way back may end earlier, by no more than the clock
        // was ever moved.
        if let Ok(back) = zone.instant(zone.local(at)) {
            assert!(
                back <= at && at.duration_since(back).as_hours() <= 25,
                "{text}: {at} and {back}"
            );
        }
        if let Ok(start) = zone.start_of(zone.date(at)) {
            assert!(start <= at, "{text}: the day of {at} starts at {start}");
        }
    }
}

/// Paths and queries of native calls: what is let through stays below the base address, by two readers of addresses.
pub fn paths(data: &[u8]) {
    const BASE: &str = "https://bills.invalid/api/v1";
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let (Ok(path), Ok(query)) = (Path::read(path), Query::read(query)) else {
        return;
    };
    let Ok(url) = path.below(BASE, &query) else { return };
    let uri: http::Uri = url.parse().expect("what was let through is an address");
    assert_eq!(uri.scheme_str(), Some("https"), "{url}");
    assert_eq!(
        uri.authority().map(|host| host.as_str()),
        Some("bills.invalid"),
        "{url}"
    );
    assert!(uri.path().starts_with("/api/v1/"), "{url}");
    let mut decoded = uri.path().to_owned();
    // However often it is decoded.
    for _ in 0..3 {
        assert!(
            decoded.split(['/', '\\']).all(|part| part != ".." && part != "."),
            "{url}"
        );
        assert!(!decoded.contains(['\\', '\0', '\r', '\n']), "{url}");
        decoded = percent_encoding::percent_decode_str(&decoded)
            .decode_utf8_lossy()
            .into_owned();
    }
}

/// Configuration files: read or refused, every fault with words.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let env = |_: &str| Some("a-secret-of-no-worth-that-is-long-enough".to_owned());
    if let Err(faults) = config::parse(text, FilePath::new("/nonexistent"), &env) {
        assert!(!faults.is_empty());
        assert!(faults.iter().all(|fault| !fault.to_string().is_empty()));
    }
}

/// Requests of callers: a line with method and target, lines of headers, an empty line, a body. Never a failure of ours.
pub fn requests(data: &[u8]) {
    let end = data.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = match end {
        Some(end) => (&data[..end], &data[end + 2..]),
        None => (data, &[][..]),
    };
    let Ok(head) = std::str::from_utf8(head) else { return };
    let mut lines = head.lines();
    let (method, target) = lines
        .next()
        .and_then(|line| line.split_once(' '))
        .unwrap_or(("GET", "/"));
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        request = request.header(name, value.trim());
    }
    let Ok(request) = request.body(Body::from(body.to_vec())) else {
        return;
    };
    FACE.with(|face| {
        face.ask(
            request,
            &[Played {
                status: 404,
                media: None,
                body: b"{}",
            }],
        )
    });
}

/// Answers of one kind of system: a byte says which call is made, one what status and media type is answered, and the rest
/// is the answer, or several, one after another, with the byte 1E between them.
pub fn answers(kind: &str, data: &[u8]) {
    let [call, how, body @ ..] = data else { return };
    let calls = calls(kind);
    let (method, path, sent) = calls[usize::from(call.wrapping_sub(b'A')) % calls.len()];
    let (status, media) = HOW[usize::from(how.wrapping_sub(b'0')) % HOW.len()];
    let played: Vec<_> = body
        .split(|byte| *byte == 0x1E)
        .map(|body| Played { status, media, body })
        .collect();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(
            header::CONTENT_TYPE,
            if method == "PATCH" {
                "application/merge-patch+json"
            } else {
                "application/json"
            },
        )
        .body(Body::from(sent))
        .expect("a request");
    let answered = FACE.with(|face| face.ask(request, &played));
    assert!(
        status < 500 || !answered.is_success(),
        "{path}: a system's {status} became {answered}"
    );
}

const JSON: Option<&str> = Some("application/json");

const HOW: [(u16, Option<&str>); 10] = [
    (200, JSON),
    (200, None),
    (200, Some("application/pdf")),
    (201, JSON),
    (400, JSON),
    (401, JSON),
    (404, JSON),
    (429, JSON),
    (500, JSON),
    (502, Some("text/html")),
];

type Asked = (&'static str, &'static str, &'static str);

fn calls(kind: &str) -> &'static [Asked] {
    match kind {
        "gentrack" => &GENTRACK,
        "tmf678" => &TMF678,
        "kraken" => &KRAKEN,
        "crmcom" => &CRMCOM,
        "urjanet" => &URJANET,
        other => panic!("there is no system {other}"),
    }
}

const GENTRACK: [Asked; 20] = [
    ("GET", "/v1/accounts/gentrack-au:10045213?include=native", ""),
    ("GET", "/v1/accounts/gentrack-au:10045213/balance", ""),
    ("GET", "/v1/accounts/gentrack-au:10045213/bills?include=superseded", ""),
    ("GET", "/v1/bills/gentrack-au:10045213~bill~882035~Invoice", ""),
    ("GET", "/v1/bills/gentrack-au:10045213~bill~882035~Invoice/document", ""),
    ("GET", "/v1/bills/gentrack-au:10045213~bill~882035~Invoice/readings", ""),
    ("GET", "/v1/accounts/gentrack-au:10045213/transactions", ""),
    ("GET", "/v1/accounts/gentrack-au:10045213/service-points", ""),
    ("GET", "/v1/service-points/gentrack-au:10045213~sp~4107755", ""),
    ("GET", "/v1/accounts/gentrack-au:10045213/meters", ""),
    ("GET", "/v1/meters/gentrack-au:10045213~sp~4107755~m~E7718842", ""),
    ("GET", "/v1/service-points/gentrack-au:10045213~sp~4107755/readings", ""),
    (
        "POST",
        "/v1/service-points/gentrack-au:10045213~sp~4107755/readings/validate",
        r#"{"readings": [{"meter_number": "E7718842", "register": "E1", "read_at": "2026-07-05T18:30:00+10:00", "value": "42388"}]}"#,
    ),
    ("GET", "/v1/accounts/gentrack-au:10045213/billing-schedule", ""),
    ("GET", "/v1/accounts/gentrack-au:10045213/hold", ""),
    ("GET", "/v1/accounts/gentrack-au:10045213/payment-terms", ""),
    ("GET", "/v1/accounts/gentrack-au:10045213/suggested-payment", ""),
    ("GET", "/v1/accounts/gentrack-au:10045213/overdue-payments", ""),
    ("GET", "/v1/accounts/gentrack-au:10045213/payment-methods", ""),
    ("GET", "/v1/accounts/gentrack-au:10045213/payment-arrangements", ""),
];

const TMF678: [Asked; 5] = [
    (
        "GET",
        "/v1/bills/tmf-carib:801941080000~bill~2018031?include=native",
        "",
    ),
    ("GET", "/v1/bills/tmf-carib:801941080000~bill~2018031/document", ""),
    ("GET", "/v1/accounts/tmf-carib:801941080000/bills", ""),
    ("GET", "/v1/accounts/tmf-carib:801941080000/payments", ""),
    ("GET", "/v1/accounts/tmf-carib:JM:cerillion:400010002000/payments", ""),
];

const KRAKEN: [Asked; 18] = [
    ("GET", "/v1/accounts/kraken-us:A-7C41D0E2?include=native", ""),
    ("GET", "/v1/accounts/kraken-us:A-7C41D0E2/balance", ""),
    ("GET", "/v1/accounts?backend=kraken-us", ""),
    ("GET", "/v1/accounts/kraken-us:A-7C41D0E2/bills", ""),
    ("GET", "/v1/bills/kraken-us:A-7C41D0E2~930412", ""),
    ("GET", "/v1/bills/kraken-us:A-7C41D0E2~930412/document", ""),
    ("GET", "/v1/accounts/kraken-us:A-7C41D0E2/transactions", ""),
    ("GET", "/v1/accounts/kraken-us:A-7C41D0E2/service-points", ""),
    (
        "GET",
        "/v1/service-points/kraken-us:A-7C41D0E2~sp~48213~10032789401234567",
        "",
    ),
    ("GET", "/v1/accounts/kraken-us:A-7C41D0E2/meters", ""),
    (
        "GET",
        "/v1/service-points/kraken-us:A-7C41D0E2~sp~48213~10032789401234567/readings",
        "",
    ),
    (
        "GET",
        "/v1/service-points/kraken-us:A-7C41D0E2~sp~48213~10032789401234567/usage?from=2026-06-01&to=2026-06-02",
        "",
    ),
    ("GET", "/v1/accounts/kraken-us:A-7C41D0E2/payments", ""),
    ("GET", "/v1/accounts/kraken-us:A-7C41D0E2/payment-methods", ""),
    ("GET", "/v1/accounts/kraken-us:A-7C41D0E2/payment-arrangements", ""),
    ("GET", "/v1/accounts/kraken-us:A-7C41D0E2/refund-requests", ""),
    ("GET", "/v1/accounts/kraken-us:A-7C41D0E2/billing-schedule", ""),
    (
        "POST",
        "/v1/backends/kraken-us/graphql",
        r#"{"query": "{ viewer { id } }"}"#,
    ),
];

const CRMCOM: [Asked; 7] = [
    ("GET", "/v1/accounts/crmcom-cy:ACR0000000058?include=native", ""),
    ("GET", "/v1/accounts?backend=crmcom-cy&number=ACR0000000058", ""),
    ("GET", "/v1/accounts/crmcom-cy:ACR0000000058/balance", ""),
    ("GET", "/v1/accounts/crmcom-cy:ACR0000000058/overdue-payments", ""),
    ("GET", "/v1/accounts/crmcom-cy:ACR0000000058/payment-terms", ""),
    ("GET", "/v1/accounts/crmcom-cy:ACR0000000058/payment-methods", ""),
    ("POST", "/v1/accounts/crmcom-cy:ACR0000000058/close", "{}"),
];

const URJANET: [Asked; 16] = [
    (
        "GET",
        "/v1/accounts/urjanet-us:7a26d2f7-e8f6-4eaf-84cb-f20e745c893d~1e4b3abd-34c2-d5ee-adef-0800270a0870~2003703701?include=native",
        "",
    ),
    ("GET", "/v1/accounts?backend=urjanet-us&limit=2", ""),
    (
        "GET",
        "/v1/accounts/urjanet-us:7a26d2f7-e8f6-4eaf-84cb-f20e745c893d~1e4b3abd-34c2-d5ee-adef-0800270a0870~2003703701/billing-schedule",
        "",
    ),
    (
        "GET",
        "/v1/accounts/urjanet-us:7a26d2f7-e8f6-4eaf-84cb-f20e745c893d~1e4b3abd-34c2-d5ee-adef-0800270a0870~2003703701/meters",
        "",
    ),
    ("GET", "/v1/meters?backend=urjanet-us", ""),
    (
        "GET",
        "/v1/meters/urjanet-us:7a26d2f7-e8f6-4eaf-84cb-f20e745c893d~m~cc43c305-f09b-4ace-8dd0-c105a7eb71b2",
        "",
    ),
    ("GET", "/v1/credentials?backend=urjanet-us", ""),
    (
        "GET",
        "/v1/credentials/urjanet-us:00109c53-6c20-40c4-81e1-8a027aaf3ec5",
        "",
    ),
    ("GET", "/v1/providers?backend=urjanet-us", ""),
    ("GET", "/v1/templates?backend=urjanet-us", ""),
    ("GET", "/v1/service-types?backend=urjanet-us", ""),
    ("GET", "/v1/custom-attributes?backend=urjanet-us", ""),
    ("GET", "/v1/candidates/accounts?backend=urjanet-us&limit=2", ""),
    ("GET", "/v1/candidates/meters?backend=urjanet-us", ""),
    ("GET", "/v1/changes?backend=urjanet-us&since=2026-01-01", ""),
    (
        "POST",
        "/v1/candidates/accounts/urjanet-us:01220350-b954-40b9-8bfa-5b8b2a5e33ac/enroll",
        "{}",
    ),
];

/// The most calls that one request may cause: answers that lead on for ever must not be followed for ever.
const MOST_CALLS: usize = 2_000;

/// One answer of a system.
#[derive(Clone, Copy)]
struct Played<'a> {
    status: u16,
    media: Option<&'static str>,
    body: &'a [u8],
}

#[derive(Default)]
struct Play {
    replies: Vec<Reply>,
    calls: usize,
}

/// The gateway in front of systems that answer from a script.
struct Face {
    runtime: tokio::runtime::Runtime,
    router: axum::Router,
    play: Arc<Mutex<Play>>,
}

thread_local! {
    static FACE: Face = Face::new();
}

impl Face {
    fn new() -> Self {
        let play: Arc<Mutex<Play>> = Arc::default();
        let seen = Arc::clone(&play);
        let script = Arc::new(move |call: Call| {
            let reply = if call.operation == "login" {
                login(&call)
            } else {
                next(&mut held(&seen))
            };
            async move { Ok(reply) }.boxed()
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let router = {
            let _inside = runtime.enter();
            let tokens = Arc::new(tokens::Cache::default());
            let backends = in_place_of_the_network(script, || {
                systems()
                    .into_iter()
                    .map(|(name, config)| backends::connect(name.parse().expect("a name"), config, Arc::clone(&tokens)))
                    .collect::<Result<Vec<_>, _>>()
                    .expect("backends")
            });
            api::router(api::State {
                gateway: Gateway::new(Directory::of(backends)),
                callers: Callers::open(Caller::new("fuzz", &Scope::ALL, None)),
                cursors: cursor::Seal::new(b"fuzz"),
                settings: api::Settings::default(),
                ready: Arc::new(AtomicBool::new(true)),
                metrics: Arc::new(String::new),
            })
        };
        Self { runtime, router, play }
    }

    /// Makes a request while the systems answer as played, the last answer again and again, and looks at what comes.
    fn ask(&self, request: Request<Body>, played: &[Played<'_>]) -> StatusCode {
        *held(&self.play) = Play {
            replies: played.iter().map(reply).collect(),
            calls: 0,
        };
        let target = request.uri().clone();
        let head = request.method() == http::Method::HEAD;
        self.runtime.block_on(async {
            let response: Response = match self.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, usize::MAX).await.expect("a body");
            check(
                &target,
                parts.status,
                &parts.headers,
                if head { None } else { Some(&body) },
            );
            parts.status
        })
    }
}

fn held(play: &Mutex<Play>) -> MutexGuard<'_, Play> {
    play.lock().unwrap_or_else(PoisonError::into_inner)
}

fn next(play: &mut Play) -> Reply {
    play.calls += 1;
    assert!(play.calls < MOST_CALLS, "a request leads to calls without end");
    let at = (play.calls - 1).min(play.replies.len() - 1);
    play.replies[at].clone()
}

fn reply(played: &Played<'_>) -> Reply {
    let mut headers = HeaderMap::new();
    if let Some(media) = played.media {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    }
    Reply {
        status: StatusCode::from_u16(played.status).expect("a status"),
        headers,
        body: played.body.to_vec().into(),
    }
}

/// What every answer of the gateway must be.
fn check(target: &http::Uri, status: StatusCode, headers: &HeaderMap, body: Option<&[u8]>) {
    assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{target}");
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (Some(body), None) = (body, headers.get("intertie-native")) else {
        return;
    };
    if status.is_client_error() || status.is_server_error() {
        assert_eq!(media, "application/problem+json", "{target}: {status}");
        let problem: Value = serde_json::from_slice(body).expect("a problem document");
        assert_eq!(problem["status"], status.as_u16(), "{target}");
    } else if media == "application/json" {
        let answer: Value = serde_json::from_slice(body).expect("JSON");
        amounts(&answer);
    }
}

/// Every amount of money in an answer is exact text in a currency there is.
fn amounts(tree: &Value) {
    match tree {
        Value::Object(members) => {
            if members.len() == 2
                && let (Some(amount), Some(currency)) = (members.get("amount"), members.get("currency"))
                && members.values().all(Value::is_string)
            {
                let amount = amount.as_str().unwrap_or_default();
                assert!(money::decimal(amount).is_ok(), "{tree}");
                assert!(
                    currency.as_str().is_some_and(|code| code.parse::<Currency>().is_ok()),
                    "{tree}"
                );
            }
            // What the system wrote is its own.
            members
                .iter()
                .filter(|(name, _)| *name != "native")
                .for_each(|(_, value)| amounts(value));
        }
        Value::Array(items) => items.iter().for_each(amounts),
        _ => {}
    }
}

/// A login that every system's adapter takes.
fn login(call: &Call) -> Reply {
    let body: &[u8] = if call.url.contains("kraken") {
        br#"{"data": {"obtainKrakenToken": {"token": "e30.e30.e30", "payload": {"iat": 1770391200, "exp": 4102444800},
            "refreshToken": "c0ffee", "refreshExpiresIn": 4102444800}}}"#
    } else if call.url.contains("urjanet") {
        br#"{"expires": "4102444800", "message": "Authentication Successful", "status": 200, "token": "e30.e30.e30", "type": "Bearer"}"#
    } else if call.url.contains("crmcom") {
        br#"{"status": {"code": "OK", "message": null, "description": null}, "data": {"token": "00112233445566778899AABBCCDDEEFF"}}"#
    } else {
        br#"{"access_token": "e30.e30.", "token_type": "Bearer", "expires_in": 3600}"#
    };
    reply(&Played {
        status: 200,
        media: JSON,
        body,
    })
}

fn systems() -> [(&'static str, Config); 5] {
    let road = || Settings {
        attempts: 1,
        backoff: Duration::ZERO,
        ..Settings::default()
    };
    let zone = |name: &str| name.parse::<Zone>().expect("a zone");
    let usd = || "USD".parse::<Currency>().expect("a currency");
    [
        (
            AU,
            Config::Gentrack(gentrack::Config {
                base_url: "https://gentrack.invalid/v1".to_owned(),
                token_url: "https://gentrack.invalid/id/v1/token".to_owned(),
                client_id: "client".to_owned(),
                client_secret: "secret".into(),
                scope: None,
                time_zone: zone("Australia/Sydney"),
                road: road(),
            }),
        ),
        (
            US,
            Config::Kraken(kraken::Config {
                edition: kraken::Edition::Us,
                endpoint: "https://kraken.invalid/v1/graphql/".to_owned(),
                credential: kraken::Credential::ApiKey("secret".into()),
                authorization_prefix: None,
                currency: usd(),
                time_zone: zone("America/Chicago"),
                document_hosts: Vec::new(),
                max_document: kraken::MAX_DOCUMENT,
                road: road(),
            }),
        ),
        (
            CARIB,
            Config::Tmf678(tmf678::Config {
                base_url: "https://tmf678.invalid/tmf-api/customerBillManagement/v1".to_owned(),
                client_id: "client".to_owned(),
                client_secret: "secret".into(),
                credential_headers: tmf678::CredentialHeaders::Both,
                units: ["PA", "JM"]
                    .map(|business_id| tmf678::Unit {
                        business_id: business_id.to_owned(),
                        ..tmf678::Unit::default()
                    })
                    .into(),
                channel: None,
                time_zone: zone("America/Panama"),
                list_bills: true,
                road: road(),
            }),
        ),
        (
            CY,
            Config::Crmcom(crmcom::Config {
                base_url: "https://crmcom.invalid/crmapi/rest/v2".to_owned(),
                credential: crmcom::Credential::WebApiKey("secret".into()),
                unit: None,
                token_life: crmcom::TOKEN_LIFE,
                time_zone: zone("Asia/Nicosia"),
                road: road(),
            }),
        ),
        (
            PORTFOLIO,
            Config::Urjanet(urjanet::Config {
                base_url: "https://urjanet.invalid/api/v1".to_owned(),
                login_url: "https://urjanet.invalid/auth/api/login".to_owned(),
                username: "user".to_owned(),
                password: "secret".into(),
                customer_id: "Customer1".to_owned(),
                currency: Some(usd()),
                time_zone: zone("UTC"),
                road: road(),
            }),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn files(folder: &str) -> Vec<Vec<u8>> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut paths: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        assert!(!paths.is_empty(), "{folder:?}");
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    fn played(target: &str, play: fn(&[u8])) {
        for seed in files(&format!("fuzz/seeds/{target}")) {
            play(&seed);
            // Cut short and written twice: what a connection may do to anything.
            play(&seed[..seed.len() / 2]);
            play(&[seed.as_slice(), &seed].concat());
        }
    }

    #[test]
    fn the_corpus_of_callers_texts_is_read_or_refused() {
        played("ids", ids);
        played("cursors", cursors);
        played("numbers", numbers);
        played("dates", dates);
        played("paths", paths);
        played("config", config);
        played("requests", requests);
    }

    #[test]
    fn the_corpus_of_answers_is_understood_or_refused() {
        played("gentrack", |data| answers("gentrack", data));
        played("tmf678", |data| answers("tmf678", data));
        played("kraken", |data| answers("kraken", data));
        played("crmcom", |data| answers("crmcom", data));
        played("urjanet", |data| answers("urjanet", data));
    }

    #[test]
    fn the_contracts_examples_answer_every_call_or_are_refused() {
        for kind in ["gentrack", "tmf678", "kraken", "crmcom", "urjanet"] {
            for example in files(&format!("tests/fixtures/{kind}/examples")) {
                for call in 0..calls(kind).len() {
                    for how in [b'0', b'4', b'8'] {
                        let call = b'A'.wrapping_add(u8::try_from(call).unwrap());
                        answers(kind, &[&[call, how], example.as_slice()].concat());
                    }
                }
            }
        }
    }
}
