//! The native road: the systems' own calls through the gateway, from its HTTP face to a system and back.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode};
use intertie::api;
use intertie::auth::{Caller, Callers};
use intertie::backends::{Backend, gentrack, tmf678, urjanet};
use intertie::gateway::{Directory, Gateway};
use intertie::operations::Scope;
use intertie::sandbox::Kind;
use intertie::sandbox::fault::Fault;
use intertie::upstream::{Settings, tokens};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::openapi::{check_answer, route_of};
use crate::support::stage::{Answer, Stage};
use crate::support::tmf678_contract;
use crate::support::watch;

const GRAPHQL: &str = "/v1/backends/kraken-us/graphql";
const RAW: &str = "/v1/backends/gentrack-au/raw";

async fn query(stage: &Stage, body: Value) -> Answer {
    stage.send("POST", GRAPHQL, &[], Some(&body)).await
}

fn is_native(answer: &Answer, status: u16, backend: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("intertie-native"), Some(backend), "{}", answer.text());
}

fn is_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (status, Some(code)),
        "{}",
        answer.text()
    );
    assert_eq!(answer.header("intertie-native"), None);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
}

#[tokio::test]
async fn every_object_of_kraken_is_one_query_away() {
    let stage = Stage::open().await;
    let answer = query(&stage, json!({"query": "{ krakenVersion { number SHA } }"})).await;
    is_native(&answer, 200, "kraken-us");
    assert_eq!(
        answer.json(),
        json!({"data": {"krakenVersion": {"number": "2026.38.1", "SHA": "3f1c0a9d77e2"}}})
    );
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    let answer = query(
        &stage,
        json!({
            "query": "query Other { krakenVersion { number } } query One($n: String!) { account(accountNumber: $n) { number } }",
            "operationName": "One",
            "variables": {"n": "A-7C41D0E2"},
        }),
    )
    .await;
    is_native(&answer, 200, "kraken-us");
    assert_eq!(answer.json()["data"], json!({"account": {"number": "A-7C41D0E2"}}));
    let counts = stage.systems.counts(Kind::Kraken);
    assert_eq!((counts.get("login"), counts.get("One")), (1, 1));
}

#[tokio::test]
async fn a_document_goes_out_as_it_was_written_and_signed_in_by_the_gateway() {
    let stage = Stage::tapped().await;
    let body = json!({"query": "query Sent {\n  krakenVersion { number } # kept\n}", "variables": {"n": 1}});
    let headers = [
        ("authorization", "Bearer the-caller-s-own"),
        ("cookie", "a=b"),
        ("x-vendor", "kept"),
    ];
    let answer = stage.send("POST", GRAPHQL, &headers, Some(&body)).await;
    is_native(&answer, 200, "kraken-us");
    let exchanges = stage.tap().exchanges();
    let [login, sent] = exchanges.as_slice() else {
        panic!("{exchanges:?}");
    };
    let token: Value = serde_json::from_slice(&login.response_body).unwrap();
    let token = token["data"]["obtainKrakenToken"]["token"].as_str().unwrap();
    let header = |name: &str| {
        let values = sent.request_headers.iter().filter(|(known, _)| known == name);
        values.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(
        (header("authorization"), header("x-vendor")),
        (vec![token], vec!["kept"])
    );
    assert!(header("cookie").is_empty());
    assert_eq!(serde_json::from_slice::<Value>(&sent.request_body).unwrap(), body);
    assert_eq!(answer.body, sent.response_body);
}

#[tokio::test]
async fn what_kraken_says_of_a_document_comes_back_as_it_is() {
    let stage = Stage::open().await;
    let missing = "query Missing { account(accountNumber: \"A-00000000\") { number } }";
    let answer = query(&stage, json!({"query": missing})).await;
    is_native(&answer, 200, "kraken-us");
    assert_eq!(answer.json()["data"]["account"], Value::Null);
    assert!(answer.json()["errors"][0]["message"].is_string(), "{}", answer.text());
    let answer = query(&stage, json!({"query": "{ noSuchField }"})).await;
    is_native(&answer, 400, "kraken-us");
    assert!(answer.json()["errors"][0]["message"].is_string(), "{}", answer.text());
}

#[tokio::test]
async fn a_request_that_is_no_clear_document_is_not_sent() {
    let stage = Stage::open().await;
    for body in [
        json!({"query": "{"}),
        json!({"query": "subscription { a }"}),
        json!({"query": "query A { a } query B { b }"}),
        json!({"query": "{ a }", "variables": [1]}),
        json!({"query": "{ a }", "operation_name": "A"}),
        json!({"variables": {}}),
    ] {
        is_problem(&query(&stage, body).await, 422, "invalid_body");
    }
    let batch = query(&stage, json!([{"query": "{ krakenVersion { number } }"}])).await;
    assert!(matches!(batch.status, 400 | 422), "{}", batch.text());
    for login in [
        "mutation { regenerateSecretKey { key } }",
        "mutation M { ...F } fragment F on Mutation { a: obtainKrakenToken(input: {}) { token } }",
    ] {
        is_problem(&query(&stage, json!({"query": login})).await, 403, "forbidden");
    }
    assert!(stage.systems.received(Kind::Kraken).all().is_empty());
}

#[tokio::test]
async fn a_lost_mutation_is_told_and_never_sent_twice() {
    let body = json!({
        "query": "mutation Print($input: RequestPrintedBillInput!) { requestPrintedBill(input: $input) { success } }",
        "variables": {"input": {"billingDocumentId": "930412", "accountNumber": "A-7C41D0E2"}},
    });
    for (fault, executed) in [(Fault::DropAfter, 1), (Fault::DropBefore, 0), (Fault::Status(503), 0)] {
        let stage = Stage::open().await;
        stage.systems.fault(Kind::Kraken, fault, 1, Some("Print"));
        let answer = query(&stage, body.clone()).await;
        is_problem(&answer, 504, "outcome_unknown");
        assert_eq!(
            (&answer.json()["operation"], &answer.json()["retryable"]),
            (&json!("native.graphql"), &json!(false))
        );
        assert_eq!(stage.systems.received(Kind::Kraken).get("Print"), 1, "{fault}");
        assert_eq!(stage.systems.counts(Kind::Kraken).get("Print"), executed, "{fault}");
    }
}

#[tokio::test]
async fn a_query_is_asked_again() {
    let stage = Stage::open().await;
    stage.systems.fault(Kind::Kraken, Fault::DropAfter, 1, Some("Again"));
    let answer = query(&stage, json!({"query": "query Again { krakenVersion { number } }"})).await;
    is_native(&answer, 200, "kraken-us");
    assert_eq!(stage.systems.received(Kind::Kraken).get("Again"), 2);
}

#[tokio::test]
async fn a_revoked_token_costs_one_login() {
    let stage = Stage::open().await;
    let account = json!({"query": "query Account { account(accountNumber: \"A-7C41D0E2\") { number } }"});
    for logins in [1, 2] {
        let answer = query(&stage, account.clone()).await;
        is_native(&answer, 200, "kraken-us");
        assert_eq!(answer.json()["data"]["account"]["number"], "A-7C41D0E2");
        assert_eq!(stage.systems.counts(Kind::Kraken).get("login"), logins);
        stage
            .systems
            .fault(Kind::Kraken, Fault::RevokedTokens, 1, Some("Account"));
    }
}

#[tokio::test]
async fn gentrack_s_own_calls_come_back_as_they_are() {
    let stage = Stage::open().await;
    let canonical = stage
        .get("/v1/accounts/gentrack-au:10045213?include=native")
        .await
        .json();
    let answer = stage.get(&format!("{RAW}/accounts/10045213")).await;
    is_native(&answer, 200, "gentrack-au");
    assert_eq!(answer.json(), canonical["data"]["native"]);
    let answer = stage.get(&format!("{RAW}/bills/882035/image?type=Invoice")).await;
    is_native(&answer, 200, "gentrack-au");
    assert!(answer.body.starts_with(b"%PDF-"));
    assert_eq!(answer.header("content-type"), Some("application/pdf"));
    assert_eq!(
        answer.header("content-security-policy"),
        Some("default-src 'none'; sandbox")
    );
    let answer = stage.get(&format!("{RAW}/accounts/99999999")).await;
    is_native(&answer, 404, "gentrack-au");
    assert_eq!(answer.json()["errorCode"], "NotFound", "{}", answer.text());
    let answer = stage
        .send("DELETE", &format!("{RAW}/accounts/10045213"), &[], None)
        .await;
    is_native(&answer, 405, "gentrack-au");
    let answer = stage.send("HEAD", &format!("{RAW}/accounts/10045213"), &[], None).await;
    is_native(&answer, 405, "gentrack-au");
    // A call that the canonical API does not have reaches the system, whether this one simulates it or not.
    let answer = stage.get(&format!("{RAW}/accounts/10045213/overdue-payments")).await;
    assert!(matches!(answer.status, 200 | 404 | 501), "{}", answer.text());
    assert_eq!(answer.header("intertie-native"), Some("gentrack-au"));
}

#[tokio::test]
async fn a_raw_write_is_sent_once() {
    let stage = Stage::open().await;
    let path = format!("{RAW}/service-points/4107755/submit-meter-reads");
    let body = include_str!("fixtures/gentrack/examples/submitMeterReadings.request.json");
    let body: Value = serde_json::from_str(body).unwrap();
    stage
        .systems
        .fault(Kind::Gentrack, Fault::DropAfter, 1, Some("submitMeterReadings"));
    let answer = stage.send("POST", &path, &[], Some(&body)).await;
    is_problem(&answer, 504, "outcome_unknown");
    assert_eq!(stage.systems.counts(Kind::Gentrack).get("submitMeterReadings"), 1);
    stage
        .systems
        .fault(Kind::Gentrack, Fault::ExpiredToken, 1, Some("submitMeterReadings"));
    let answer = stage.send("POST", &path, &[], Some(&body)).await;
    is_native(&answer, 204, "gentrack-au");
    assert_eq!(stage.systems.counts(Kind::Gentrack).get("submitMeterReadings"), 2);
}

#[tokio::test]
async fn a_backend_that_has_no_such_road_says_who_has() {
    let stage = Stage::open().await;
    let raw = stage.get("/v1/backends/kraken-us/raw/anything").await;
    is_problem(&raw, 501, "unsupported_operation");
    assert!(
        raw.json()["detail"].as_str().unwrap().contains("gentrack-au"),
        "{}",
        raw.text()
    );
    let body = json!({"query": "{ a }"});
    let graphql = stage
        .send("POST", "/v1/backends/gentrack-au/graphql", &[], Some(&body))
        .await;
    is_problem(&graphql, 501, "unsupported_operation");
    assert!(
        graphql.json()["detail"].as_str().unwrap().contains("kraken-us"),
        "{}",
        graphql.text()
    );
    is_problem(&stage.get("/v1/backends/nobody/raw/a").await, 404, "backend_not_found");
    is_problem(&stage.get("/v1/backends/gentrack-au/raw").await, 404, "route_not_found");
    is_problem(
        &stage.send("OPTIONS", &format!("{RAW}/accounts"), &[], None).await,
        405,
        "method_not_allowed",
    );
}

#[tokio::test]
async fn no_path_leaves_the_base() {
    let stage = Stage::open().await;
    for path in [
        "../id/v1/token",
        "..",
        "a/../../id",
        "./a",
        "%2e%2e/id",
        "%2E%2E%2Fid",
        "..%2fid",
        "a%2fb",
        "a%5c..%5cb",
        "%252e%252e/id",
        "..;/id",
        "..%3b/id",
        "/evil.test/a",
        "a//b",
        "http://evil.test/",
        "http:",
        "u@evil.test/",
        "a%00",
        "a%0d%0aHost:%20evil.test",
        "%c0%ae%c0%ae/id",
        "%ef%bc%8e%ef%bc%8e/id",
        "a%",
        "%20",
        "accounts?access_token=x",
        "accounts?a=%0a",
    ] {
        let answer = stage.get(&format!("{RAW}/{path}")).await;
        is_problem(&answer, 400, "invalid_request");
        assert_eq!(answer.json()["operation"], "native.raw", "{path}");
    }
    assert!(stage.systems.received(Kind::Gentrack).all().is_empty());
}

/// What a made-up system was sent.
type Sent = Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>>;

/// A system made up for these tests: answers every call with headers that must not pass, and some that must.
async fn system() -> (SocketAddr, Sent) {
    let sent = Sent::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let kept = Arc::clone(&sent);
    let app = Router::new().fallback(move |request: Request| {
        let kept = Arc::clone(&kept);
        async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            let path = parts.uri.path().to_owned();
            let mut response = Response::new(Body::empty());
            let headers = response.headers_mut();
            headers.insert("content-type", HeaderValue::from_static("application/json"));
            if path == "/token" {
                *response.body_mut() = Body::from(
                    json!({"access_token": watch::TOKEN, "token_type": "Bearer", "expires_in": 3600}).to_string(),
                );
                return response;
            }
            for (name, value) in [
                ("set-cookie", "session=marked-secret"),
                ("www-authenticate", "Bearer realm=\"x\""),
                ("x-auth-token", watch::SECRET),
                ("x-hop", "x"),
                ("connection", "x-hop"),
                ("keep-alive", "timeout=5"),
                ("server", "vendor/1.2"),
                ("strict-transport-security", "max-age=1"),
                ("cache-control", "public, max-age=600"),
                ("access-control-allow-origin", "*"),
                ("intertie-native", "forged"),
                ("etag", "\"7\""),
                ("x-vendor", "kept"),
            ] {
                headers.insert(name, HeaderValue::from_static(value));
            }
            let sized = |prefix: &str| path.strip_prefix(prefix).and_then(|size| size.parse::<usize>().ok());
            let refusal = sized("/base/v1/refusal/");
            if refusal.is_some() {
                *response.status_mut() = StatusCode::BAD_REQUEST;
            }
            let size = sized("/base/v1/size/").or(refusal);
            match path.as_str() {
                "/base/v1/made" => {
                    *response.status_mut() = StatusCode::CREATED;
                    let here = format!("http://{address}/base/v1/things/7");
                    response.headers_mut().insert("location", here.parse().unwrap());
                }
                "/base/v1/elsewhere" => {
                    *response.status_mut() = StatusCode::CREATED;
                    response
                        .headers_mut()
                        .insert("location", HeaderValue::from_static("http://internal.test/x"));
                }
                "/base/v1/redirect" => {
                    *response.status_mut() = StatusCode::FOUND;
                    response
                        .headers_mut()
                        .insert("location", HeaderValue::from_static("/base/v1/things"));
                }
                "/base/v1/unchanged" => *response.status_mut() = StatusCode::NOT_MODIFIED,
                _ => {}
            }
            if let Some(size) = size {
                response
                    .headers_mut()
                    .insert("content-type", HeaderValue::from_static("application/octet-stream"));
                *response.body_mut() = Body::from(vec![b'x'; size]);
            }
            kept.lock()
                .unwrap()
                .push((format!("{} {}", parts.method, parts.uri), parts.headers, body));
            response
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, sent)
}

/// A gateway in front of one Gentrack at `address`, for a caller with these scopes.
fn face(address: SocketAddr, scopes: &[Scope]) -> Router {
    let config = gentrack::Config {
        base_url: format!("http://{address}/base/v1"),
        token_url: format!("http://{address}/token"),
        client_id: "app".to_owned(),
        client_secret: watch::SECRET.to_owned().into(),
        scope: None,
        time_zone: "Australia/Sydney".parse().unwrap(),
        road: Settings {
            max_reply: 1000,
            attempt_timeout: Duration::from_secs(10),
            ..Settings::default()
        },
    };
    face_of(
        gentrack::connect("one".parse().unwrap(), config, Arc::new(tokens::Cache::default())).unwrap(),
        scopes,
    )
}

/// A gateway in front of one backend, for a caller with these scopes.
fn face_of(backend: Backend, scopes: &[Scope]) -> Router {
    watch::on();
    api::router(api::State {
        gateway: Gateway::new(Directory::of([backend])),
        callers: Callers::open(Caller::new("the caller", scopes, None)),
        cursors: api::cursor::Seal::new(watch::CURSOR_KEY.as_bytes()),
        settings: api::Settings::default(),
        ready: Arc::new(AtomicBool::new(true)),
        metrics: Arc::new(String::new),
    })
}

async fn send(face: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: &'static str) -> Answer {
    let mut request = http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = face
        .clone()
        .oneshot(request.body(Body::from(body)).unwrap())
        .await
        .unwrap();
    let (parts, body) = answer.into_parts();
    let answer = Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: to_bytes(body, usize::MAX).await.unwrap(),
    };
    watch::answer_with(path, &answer.headers, &answer.body);
    let (route, form) = (route_of(path), answer.header("content-type").unwrap_or_default());
    check_answer(method, &route, answer.status, form, &answer.body).unwrap();
    answer
}

#[tokio::test]
async fn credentials_and_one_connection_s_own_pass_neither_way() {
    let (address, sent) = system().await;
    let face = face(address, &[Scope::NativeCall]);
    let headers = [
        ("authorization", "Bearer the-caller-s-own"),
        ("x-api-key", "marked"),
        ("cookie", "marked=1"),
        ("proxy-authorization", "marked"),
        ("x-session-token", "marked"),
        ("connection", "close, x-named"),
        ("x-named", "marked"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
        ("host", "evil.test"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-http-method-override", "DELETE"),
        ("x-on-behalf-of", "somebody else"),
        ("x-trace-id", "forged"),
        ("accept-encoding", "gzip"),
        ("content-type", "text/csv"),
        ("x-transaction-id", "T-1"),
        ("if-none-match", "\"6\""),
    ];
    let answer = send(&face, "PUT", "/v1/backends/one/raw/things/7?a=b%20c", &headers, "1,2").await;
    is_native(&answer, 200, "one");
    let (line, got, body) = sent.lock().unwrap().pop().unwrap();
    assert_eq!(
        (line.as_str(), &body[..]),
        ("PUT /base/v1/things/7?a=b%20c", &b"1,2"[..])
    );
    assert_eq!(got["authorization"], format!("Bearer {}", watch::TOKEN));
    assert_eq!(got["host"], address.to_string().as_str());
    assert_eq!(got["x-on-behalf-of"], "the caller");
    assert_eq!(got["x-trace-id"], answer.header("x-request-id").unwrap());
    for (name, value) in [
        ("content-type", "text/csv"),
        ("x-transaction-id", "T-1"),
        ("if-none-match", "\"6\""),
    ] {
        assert_eq!(got[name], value);
    }
    let mut names: Vec<&str> = got.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "if-none-match",
        "traceparent",
        "user-agent",
        "x-on-behalf-of",
        "x-trace-id",
        "x-transaction-id",
    ];
    assert!(names.iter().all(|name| expected.contains(name)), "{names:?}");
    let mut back: Vec<&str> = answer.headers.keys().map(|name| name.as_str()).collect();
    back.sort_unstable();
    let expected = [
        "cache-control",
        "content-security-policy",
        "content-type",
        "etag",
        "intertie-native",
        "ratelimit",
        "ratelimit-policy",
        "referrer-policy",
        "x-content-type-options",
        "x-request-id",
        "x-vendor",
    ];
    back.retain(|name| *name != "content-length");
    assert_eq!(back, expected);
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
}

#[tokio::test]
async fn urjanet_s_own_calls_come_back_as_they_are() {
    let stage = Stage::tapped().await;
    let account = "account/status/1e4b3abd-34c2-d5ee-adef-0800270a0870";
    let answer = stage.get(&format!("/v1/backends/urjanet-us/raw/{account}")).await;
    is_native(&answer, 200, "urjanet-us");
    assert_eq!(answer.json()["status"], "OK");
    let exchanges = stage.tap().exchanges();
    let [login, sent] = exchanges.as_slice() else {
        panic!("{exchanges:?}");
    };
    assert!(login.target.ends_with("/login"), "{}", login.target);
    assert_eq!(answer.body, sent.response_body);
    let missing = "/v1/backends/urjanet-us/raw/account/status/00000000-0000-4000-8000-000000000000";
    let answer = stage.get(missing).await;
    is_native(&answer, 404, "urjanet-us");
    assert_eq!(answer.json()["status"], "FAILURE", "{}", answer.text());
}

#[tokio::test]
async fn the_login_below_urjanet_s_base_is_not_for_callers() {
    let (address, sent) = system().await;
    let config = urjanet::Config {
        base_url: format!("http://{address}/base/v1/"),
        login_url: format!("http://{address}/base/v1/api/login"),
        username: "app".to_owned(),
        password: watch::SECRET.to_owned().into(),
        customer_id: "Customer".to_owned(),
        currency: None,
        time_zone: "UTC".parse().unwrap(),
        road: Settings::default(),
    };
    let backend = urjanet::connect("one".parse().unwrap(), config, Arc::new(tokens::Cache::default())).unwrap();
    let face = face_of(backend, &[Scope::NativeCall]);
    for path in [
        "api/login",
        "api/login/",
        "API/Login",
        "api/%6cogin?a=b",
        "api;v=1/login;a",
    ] {
        for method in ["GET", "POST"] {
            let answer = send(&face, method, &format!("/v1/backends/one/raw/{path}"), &[], "").await;
            is_problem(&answer, 403, "forbidden");
        }
    }
    assert!(sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn tmf678_s_own_calls_come_back_as_they_are_each_kind_of_404_included() {
    let stage = Stage::tapped().await;
    let raw = "/v1/backends/tmf-carib/raw";
    let bill = format!("{raw}/PA/customerBill/2018031?billingAccount.id=801941080000");
    let answer = stage.get(&bill).await;
    is_native(&answer, 200, "tmf-carib");
    let sent = stage.tap().exchanges().pop().unwrap();
    assert_eq!(answer.body, sent.response_body);
    tmf678_contract::check(&sent).unwrap();
    let answer = stage
        .get(&format!("{raw}/PA/customerBill/2018032?billingAccount.id=801941080000"))
        .await;
    is_native(&answer, 404, "tmf-carib");
    assert_eq!(answer.json()["errors"][0]["code"], 404, "{}", answer.text());
    // No system is found for such an account.
    let answer = stage
        .get(&format!("{raw}/PA/customerBill/1?billingAccount.id=999999999999"))
        .await;
    is_native(&answer, 404, "tmf-carib");
    let answer = stage.send("DELETE", &bill, &[], None).await;
    is_native(&answer, 405, "tmf-carib");
}

#[tokio::test]
async fn the_credentials_of_tmf678_are_the_gateway_s_and_its_routing_yields_to_the_caller_s() {
    let (address, sent) = system().await;
    for (pair, ours, none) in [
        (
            tmf678::CredentialHeaders::Hyphen,
            ["client-id", "client-secret"],
            "client_id",
        ),
        (
            tmf678::CredentialHeaders::Underscore,
            ["client_id", "client_secret"],
            "client-id",
        ),
    ] {
        let config = tmf678::Config {
            base_url: format!("http://{address}/base/v1"),
            client_id: "the-app".to_owned(),
            client_secret: watch::SECRET.to_owned().into(),
            credential_headers: pair,
            units: vec![tmf678::Unit {
                business_id: "PA".to_owned(),
                bss: Some("liberate".to_owned()),
                lob: Some("FIXED".to_owned()),
                ..tmf678::Unit::default()
            }],
            channel: Some("selfportal".to_owned()),
            time_zone: "America/Panama".parse().unwrap(),
            list_bills: false,
            road: Settings::default(),
        };
        let face = face_of(
            tmf678::connect("one".parse().unwrap(), config).unwrap(),
            &[Scope::NativeCall],
        );
        let headers = [
            ("client_id", "somebody-else"),
            ("client-id", "somebody-else"),
            ("client_secret", "marked"),
            ("client-secret", "marked"),
            ("x-correlation-id", "forged"),
            ("lob", "MOBILE"),
        ];
        let answer = send(&face, "GET", "/v1/backends/one/raw/PA/customerBill/7", &headers, "").await;
        is_native(&answer, 200, "one");
        let (line, got, _) = sent.lock().unwrap().pop().unwrap();
        assert_eq!(line, "GET /base/v1/PA/customerBill/7");
        for (name, value) in [
            (ours[0], "the-app"),
            (ours[1], watch::SECRET),
            ("x-correlation-id", answer.header("x-request-id").unwrap()),
            ("bss", "liberate"),
            ("lob", "MOBILE"),
            ("channeid", "selfportal"),
            ("accept", "application/json"),
        ] {
            let values: Vec<_> = got.get_all(name).iter().collect();
            assert_eq!(values, [value], "{name}");
        }
        assert!(
            !got.contains_key(none) && !format!("{got:?}").contains("somebody-else"),
            "{got:?}"
        );
        // Of a unit that is not configured no routing is known.
        send(&face, "GET", "/v1/backends/one/raw/KY/customerBill/7", &[], "").await;
        let (_, got, _) = sent.lock().unwrap().pop().unwrap();
        assert_eq!((got[ours[0]].as_bytes(), got.get("bss")), (&b"the-app"[..], None));
    }
}

#[tokio::test]
async fn a_location_leads_back_through_this_road_or_nowhere() {
    let (address, _sent) = system().await;
    let face = face(address, &[Scope::NativeCall]);
    let made = send(&face, "POST", "/v1/backends/one/raw/made", &[], "{}").await;
    is_native(&made, 201, "one");
    assert_eq!(made.header("location"), Some("/v1/backends/one/raw/things/7"));
    let elsewhere = send(&face, "POST", "/v1/backends/one/raw/elsewhere", &[], "{}").await;
    is_native(&elsewhere, 201, "one");
    assert_eq!(elsewhere.header("location"), None);
    is_problem(
        &send(&face, "GET", "/v1/backends/one/raw/redirect", &[], "").await,
        502,
        "upstream_blocked",
    );
    is_native(
        &send(&face, "GET", "/v1/backends/one/raw/unchanged", &[], "").await,
        304,
        "one",
    );
}

#[tokio::test]
async fn a_success_of_any_size_comes_back_and_a_refusal_that_is_too_large_names_the_limit() {
    let (address, sent) = system().await;
    let face = face(address, &[Scope::NativeCall]);
    let whole = send(&face, "GET", "/v1/backends/one/raw/size/1000", &[], "").await;
    is_native(&whole, 200, "one");
    assert_eq!(whole.body.len(), 1000);
    let head = send(&face, "HEAD", "/v1/backends/one/raw/size/1000", &[], "").await;
    is_native(&head, 200, "one");
    assert_eq!(head.header("content-length"), Some("1000"));
    for (method, size) in [("GET", 1001), ("POST", 3_000_000)] {
        let path = format!("/v1/backends/one/raw/size/{size}");
        let large = send(&face, method, &path, &[], "").await;
        is_native(&large, 200, "one");
        assert_eq!(large.header("content-length"), Some(size.to_string().as_str()));
        assert!(large.body.len() == size && large.body.iter().all(|byte| *byte == b'x'));
    }
    let read = send(&face, "GET", "/v1/backends/one/raw/refusal/1001", &[], "").await;
    is_problem(&read, 502, "upstream_unreadable");
    assert!(
        read.json()["detail"].as_str().unwrap().contains("1000 bytes"),
        "{}",
        read.text()
    );
    let write = send(&face, "POST", "/v1/backends/one/raw/refusal/1001", &[], "").await;
    is_problem(&write, 504, "outcome_unknown");
    assert_eq!(sent.lock().unwrap().len(), 6);
}

/// A system whose answers break off after 100,000 bytes; `framing` says how long they would be.
async fn breaking(framing: &'static str) -> SocketAddr {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 8192];
            let read = stream.read(&mut request).await.unwrap();
            let answer = if request[..read].starts_with(b"POST /token") {
                let body = r#"{"access_token": "t", "token_type": "Bearer", "expires_in": 3600}"#;
                let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length";
                format!("{head}: {}\r\n\r\n{body}", body.len())
            } else {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n";
                format!("{head}{framing}{}", "x".repeat(100_000))
            };
            // Whoever has enough may hang up.
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

#[tokio::test]
async fn an_answer_that_breaks_off_never_looks_whole() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    for framing in [
        "Content-Length: 200000\r\n\r\n",
        // 200,000 bytes in one chunk.
        "Transfer-Encoding: chunked\r\n\r\n30d40\r\n",
    ] {
        let face = face(breaking(framing).await, &[Scope::NativeCall]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, face).await.unwrap() });
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET /v1/backends/one/raw/file HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        // The connection is closed, or reset: it is not kept for a next call.
        let _ = stream.read_to_end(&mut answer).await;
        watch::answer("a call of the native road", &answer);
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let head = head.to_ascii_lowercase();
        if head.contains("content-length: 200000") {
            assert!(body.len() < 200_000, "{}", body.len());
        } else {
            assert!(head.contains("transfer-encoding: chunked"), "{head}");
            assert!(!body.ends_with("0\r\n\r\n"), "it ends like a whole one");
        }
    }
}

#[tokio::test]
async fn a_large_answer_is_passed_on_before_it_is_whole() {
    use http_body_util::BodyExt as _;

    // The system waits with the rest until the caller has the beginning.
    let (goes_on, waits) = tokio::sync::oneshot::channel::<()>();
    let waits = Arc::new(Mutex::new(Some(waits)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(move |request: Request| {
        let waits = Arc::clone(&waits);
        async move {
            if request.uri().path() == "/token" {
                return Response::new(Body::from(
                    r#"{"access_token": "t", "token_type": "Bearer", "expires_in": 3600}"#,
                ));
            }
            let waits = waits.lock().unwrap().take().unwrap();
            let first = futures_util::stream::once(async { Ok::<_, std::io::Error>(Bytes::from(vec![b'a'; 5000])) });
            let rest = futures_util::stream::once(async move {
                waits.await.unwrap();
                Ok(Bytes::from(vec![b'b'; 5000]))
            });
            let body = Body::from_stream(futures_util::StreamExt::chain(first, rest));
            let mut response = Response::new(body);
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert("content-type", json);
            response
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let face = face(address, &[Scope::NativeCall]);
    let request = http::Request::get("/v1/backends/one/raw/export").body(Body::empty());
    let answer = face.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["intertie-native"]),
        (StatusCode::OK, &HeaderValue::from_static("one"))
    );
    let mut body = answer.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.len() > 1000 && first.iter().all(|byte| *byte == b'a'));
    goes_on.send(()).unwrap();
    let rest = body.collect().await.unwrap().to_bytes();
    assert_eq!(first.len() + rest.len(), 10_000);
}

#[tokio::test]
async fn without_the_scope_nothing_is_sent() {
    let (address, sent) = system().await;
    let every_other: Vec<Scope> = Scope::ALL
        .into_iter()
        .filter(|scope| *scope != Scope::NativeCall)
        .collect();
    let face = face(address, &every_other);
    let raw = send(&face, "GET", "/v1/backends/one/raw/things", &[], "").await;
    is_problem(&raw, 403, "insufficient_scope");
    assert!(raw.json()["detail"].as_str().unwrap().contains("native:call"));
    let json = [("content-type", "application/json")];
    let graphql = send(
        &face,
        "POST",
        "/v1/backends/one/graphql",
        &json,
        r#"{"query": "{ a }"}"#,
    )
    .await;
    is_problem(&graphql, 403, "insufficient_scope");
    assert!(sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_call_is_one_line_that_holds_neither_its_path_nor_its_body() {
    let (lines, _kept) = watch::Lines::kept("intertie=trace".parse().unwrap());
    let (address, _sent) = system().await;
    let face = face(address, &[Scope::NativeCall]);
    let path = "/v1/backends/one/raw/marked-path/7?marked-query=1";
    is_native(&send(&face, "GET", path, &[], "").await, 200, "one");
    is_native(
        &send(&face, "POST", path, &[("x-vendor", "marked-header")], "marked-body").await,
        200,
        "one",
    );
    let large = send(&face, "POST", "/v1/backends/one/raw/refusal/4242", &[], "marked-body").await;
    is_problem(&large, 504, "outcome_unknown");
    is_problem(
        &send(&face, "GET", "/v1/backends/one/raw/..;marked-path/a", &[], "").await,
        400,
        "invalid_request",
    );
    let lines = lines.taken();
    let logged = json!(lines).to_string();
    assert!(!logged.contains("marked") && !logged.contains("4242"), "{logged}");
    let requests: Vec<&Value> = lines.iter().filter(|line| line["message"] == "request").collect();
    let told: Vec<_> = requests
        .iter()
        .map(|fields| (fields["method"].as_str().unwrap(), fields["status"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, [("GET", 200), ("POST", 200), ("POST", 504), ("GET", 400)]);
    assert!(requests.iter().all(|fields| fields["operation"] == "native.raw"
        && fields["route"] == "/v1/backends/{backend}/raw/{*path}"
        && fields["caller"] == "the caller"));
}
