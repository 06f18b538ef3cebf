//! The door: what is asked of connections and requests before any system is called, over real sockets.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use intertie::app::{self, Ended, Plan};
use intertie::auth::{self, Caller, Callers, Key, Rate, Rates};
use intertie::config::{self, Server};
use intertie::operations::Scope;
use intertie::sandbox::Kind;
use intertie::sandbox::fault::Fault;
use intertie::telemetry;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::conformance::{Specimen, specimens_of};
use crate::support::openapi::{DOCUMENT, route_of};
use crate::support::watch;

/// A gateway without backends on a free port of loopback; gone when it is dropped.
struct Gateway {
    addr: SocketAddr,
    serving: JoinHandle<Ended>,
}

impl Gateway {
    async fn open(server: Server) -> Self {
        Self::of(server, Callers::open(Caller::new("tests", &Scope::ALL, None))).await
    }

    async fn of(server: Server, callers: Callers) -> Self {
        Self::plan(Plan {
            server: Server {
                listen: "127.0.0.1:0".parse().unwrap(),
                ..server
            },
            callers,
            tokens: None,
            cursor_key: None,
            backends: Vec::new(),
        })
        .await
    }

    async fn plan(plan: Plan) -> Self {
        watch::on();
        let bound = app::bind(plan, std::sync::Arc::new(String::new)).await.ok().unwrap();
        Self {
            addr: bound.addr(),
            serving: tokio::spawn(bound.serve()),
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    /// What comes back for these bytes until the connection is closed.
    async fn exchange(&self, sent: &str) -> String {
        let mut stream = self.connect().await;
        // Whoever is turned away at once cannot send all of it, and is told why.
        let _ = stream.write_all(sent.as_bytes()).await;
        heard(&mut stream).await
    }

    async fn ask(&self, line: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask_with(line, headers, "").await
    }

    async fn ask_with(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{line} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            let _ = write!(text, "host: {}\r\n", self.addr);
        }
        for (name, value) in headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        Answer::read(&self.exchange(&format!("{text}\r\n{body}")).await)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Everything until the end of a connection, however it ends.
async fn heard(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let mut part = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut part).await {
        heard.extend_from_slice(&part[..length]);
    }
    watch::answer("a call at the door", &heard);
    String::from_utf8_lossy(&heard).into_owned()
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn read(heard: &str) -> Self {
        let (head, body) = heard.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{heard:?}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self {
            status,
            headers,
            body: body.to_owned(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} stands twice");
        value
    }

    fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        problem["code"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_no_banner() {
    let gateway = Gateway::open(Server::default()).await;
    let mut answers = Vec::new();
    for line in [
        "GET /livez",
        "GET /openapi.json",
        "GET /docs/",
        "GET /docs/swagger-ui.css",
        "GET /problems/not_found",
        "GET /v1/backends",
        "GET /v1/accounts/nobody:1",
        "POST /v1/backends",
        "GET /nowhere",
        "OPTIONS /v1/backends",
    ] {
        answers.push((line.to_owned(), gateway.ask(line, &[]).await));
    }
    for refused in [
        "what is this\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(40_000)),
        "GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(),
    ] {
        answers.push((refused.clone(), Answer::read(&gateway.exchange(&refused).await)));
    }
    for (asked, answer) in &answers {
        let asked: String = asked.chars().take(40).collect();
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{asked}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{asked}");
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'"), "{asked}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{asked}: {policy}");
        assert_eq!(answer.header("strict-transport-security"), None, "{asked}");
        for banner in ["server", "x-powered-by", "via"] {
            assert_eq!(answer.header(banner), None, "{asked}");
        }
    }
    // The reference page may load what is its own.
    let page = &answers[2].1;
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("script-src 'self'")
    );
}

#[tokio::test]
async fn a_request_names_one_host_and_it_is_ours() {
    let gateway = Gateway::open(Server {
        allowed_hosts: vec!["api.example".to_owned()],
        ..Server::default()
    })
    .await;
    let status = async |host: &str| gateway.ask("GET /v1/backends", &[("host", host)]).await;
    assert_eq!(status("api.example").await.status, 200);
    assert_eq!(status("API.example:443").await.status, 200);
    let other = status("127.0.0.1").await;
    assert_eq!((other.status, other.problem().as_str()), (421, "misdirected"));
    for request in [
        "GET /v1/backends HTTP/1.1\r\nconnection: close\r\n\r\n",
        "GET /v1/backends HTTP/1.1\r\nhost: api.example\r\nhost: api.example\r\nconnection: close\r\n\r\n",
        "GET /v1/backends HTTP/1.1\r\nhost: api.example/x\r\nconnection: close\r\n\r\n",
    ] {
        let answer = Answer::read(&gateway.exchange(request).await);
        assert_eq!((answer.status, answer.problem().as_str()), (400, "invalid_request"));
    }
    // Probes know the process by its address alone.
    assert_eq!(
        gateway.ask("GET /livez", &[("host", "10.0.0.7:8080")]).await.status,
        200
    );
    assert_eq!(
        gateway.ask("GET /readyz", &[("host", "10.0.0.7:8080")]).await.status,
        200
    );
}

#[tokio::test]
async fn pages_may_call_only_from_the_origins_configured() {
    let preflight = [
        ("origin", "https://portal.example"),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let closed = Gateway::open(Server::default()).await;
    let answer = closed.ask("OPTIONS /v1/backends", &preflight).await;
    assert_eq!(answer.status, 405);
    assert!(
        !answer
            .headers
            .iter()
            .any(|(name, _)| name.starts_with("access-control"))
    );

    let cors = intertie::config::Cors {
        origins: vec!["https://portal.example".to_owned()],
        ..intertie::config::Cors::default()
    };
    let open = Gateway::of(
        Server {
            cors,
            ..Server::default()
        },
        Callers::of([]),
    )
    .await;
    // Before anybody asks who calls: browsers send no credentials with the question.
    let answer = open.ask("OPTIONS /v1/backends", &preflight).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://portal.example")
    );
    assert!(answer.header("access-control-allow-methods").unwrap().contains("PATCH"));
    let allowed = answer.header("access-control-allow-headers").unwrap();
    assert!(
        allowed.contains("authorization") && allowed.contains("idempotency-key"),
        "{allowed}"
    );
    assert_eq!(answer.header("access-control-max-age"), Some("3600"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);

    // A failure can be read by the page, too.
    let refused = open.ask("GET /v1/backends", &preflight[..1]).await;
    assert_eq!((refused.status, refused.problem().as_str()), (401, "unauthenticated"));
    assert_eq!(
        refused.header("access-control-allow-origin"),
        Some("https://portal.example")
    );
    let told = refused.header("access-control-expose-headers").unwrap();
    assert!(told.contains("x-request-id") && told.contains("retry-after"), "{told}");

    let stranger = open
        .ask(
            "OPTIONS /v1/backends",
            &[("origin", "https://evil.example"), preflight[1]],
        )
        .await;
    assert_eq!(stranger.header("access-control-allow-origin"), None);
    let stranger = open.ask("GET /livez", &[("origin", "https://evil.example")]).await;
    assert_eq!(
        (stranger.status, stranger.header("access-control-allow-origin")),
        (200, None)
    );
}

fn server(change: impl FnOnce(&mut Server)) -> Server {
    // Long enough that only what a test makes short can end anything.
    let long = Duration::from_secs(24 * 60 * 60);
    let mut server = Server {
        idle_timeout: long,
        header_timeout: long,
        body_timeout: long,
        answer_timeout: long,
        deadline: long,
        max_deadline: long,
        ..Server::default()
    };
    change(&mut server);
    server
}

const SHORT: Duration = Duration::from_millis(80);

#[tokio::test]
async fn heads_are_bounded_in_size_and_number_and_bodies_in_size() {
    let gateway = Gateway::open(server(|server| {
        server.max_header_size = 9 * 1024;
        server.max_headers = 20;
        server.max_body = 100;
    }))
    .await;
    let get = |headers: String| format!("GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n");
    let status = async |request: String| Answer::read(&gateway.exchange(&request).await);
    assert_eq!(status(get(format!("x: {}\r\n", "a".repeat(8000)))).await.status, 200);
    assert_eq!(status(get("a: b\r\n".repeat(18))).await.status, 200);
    for request in [get(format!("x: {}\r\n", "a".repeat(9300))), get("a: b\r\n".repeat(19))] {
        let answer = status(request).await;
        assert_eq!((answer.status, answer.problem().as_str()), (431, "headers_too_large"));
    }
    let post = |body: String| {
        let length = body.len();
        format!(
            "POST /v1/accounts HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
    };
    assert_eq!(status(post("{}".to_owned())).await.status, 422);
    let answer = status(post(format!("{{\"a\":\"{}\"}}", "a".repeat(100)))).await;
    assert_eq!((answer.status, answer.problem().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn a_head_that_comes_in_drops_is_cut_off() {
    let gateway = Gateway::open(server(|server| server.header_timeout = SHORT)).await;
    let mut silent = gateway.connect().await;
    assert_eq!(heard(&mut silent).await, "");

    let mut slow = gateway.connect().await;
    let (mut from, mut to) = slow.split();
    let drops = async {
        for byte in "GET /livez HTTP/1.1\r\nx: ".bytes().chain(std::iter::repeat(b'a')) {
            if to.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let cut = async {
        let mut rest = Vec::new();
        let _ = from.read_to_end(&mut rest).await;
        rest
    };
    tokio::select! {
        () = drops => {}
        rest = cut => assert!(rest.is_empty()),
    }

    // Whoever asks in time may then be silent for longer.
    let mut fine = gateway.connect().await;
    for _ in 0..2 {
        ask_on(&mut fine).await;
        tokio::time::sleep(2 * SHORT).await;
    }
}

/// Asks for something small on a connection that is kept.
async fn ask_on(stream: &mut TcpStream) {
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut heard = Vec::new();
    while !heard.ends_with(b"ok\n") {
        let mut part = [0; 1024];
        let length = stream.read(&mut part).await.unwrap();
        assert_ne!(length, 0, "{}", String::from_utf8_lossy(&heard));
        heard.extend_from_slice(&part[..length]);
    }
    watch::answer("a call on a connection that is kept", &heard);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let gateway = Gateway::open(server(|server| server.idle_timeout = SHORT)).await;
    let mut kept = gateway.connect().await;
    for _ in 0..3 {
        ask_on(&mut kept).await;
    }
    assert_eq!(heard(&mut kept).await, "");
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_refused() {
    let gateway = Gateway::open(server(|server| server.body_timeout = SHORT)).await;
    let head =
        "POST /v1/accounts HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let answer = Answer::read(&gateway.exchange(head).await);
    assert_eq!((answer.status, answer.problem().as_str()), (408, "body_timeout"));
}

#[tokio::test]
async fn a_caller_that_does_not_read_its_answer_is_cut_off() {
    let gateway = Gateway::open(server(|server| {
        server.answer_timeout = SHORT;
        server.max_connections = 1;
    }))
    .await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(gateway.addr).await.unwrap();
    // More than fits on the way, however large the machine's buffers.
    let times = 100;
    let asked = "GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n".repeat(times);
    deaf.write_all(asked.as_bytes()).await.unwrap();
    // There is room for another once the first is gone.
    let other = "GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    while !gateway.exchange(other).await.starts_with("HTTP/1.1 200") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let heard = heard(&mut deaf).await;
    assert!(heard.matches("HTTP/1.1 200 OK").count() < times);
}

#[tokio::test]
async fn connections_are_bounded_in_all_and_by_address() {
    for change in [
        (|server: &mut Server| server.max_connections = 2) as fn(&mut Server),
        |server| server.max_connections_per_address = 2,
    ] {
        let gateway = Gateway::open(server(change)).await;
        let mut one = gateway.connect().await;
        let mut two = gateway.connect().await;
        ask_on(&mut one).await;
        ask_on(&mut two).await;
        let turned_away = Answer::read(&heard(&mut gateway.connect().await).await);
        assert_eq!(
            (turned_away.status, turned_away.problem().as_str()),
            (503, "too_many_connections")
        );
        ask_on(&mut one).await;
        drop(two);
        loop {
            let mut three = gateway.connect().await;
            let sent = three
                .write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
                .await;
            if sent.is_ok() && heard(&mut three).await.starts_with("HTTP/1.1 200") {
                break;
            }
        }
        ask_on(&mut one).await;
    }
}

const KEY: &str = "itk_of-the-tests";

fn rate(requests: u32, per: Duration, burst: u32) -> Option<Rate> {
    Some(Rate {
        requests: NonZeroU32::new(requests)?,
        per,
        burst: NonZeroU32::new(burst)?,
    })
}

/// Two callers; the key of each is `KEY` and its name.
fn callers() -> Callers {
    Callers::of(["one", "other"].map(|name| Key {
        digest: auth::sha256(format!("{KEY}{name}").as_bytes()),
        caller: std::sync::Arc::new(Caller::new(name, &Scope::ALL, None)),
        expires: None,
    }))
}

#[tokio::test]
async fn a_caller_that_asks_too_often_is_told_when_to_come_back() {
    let hour = Duration::from_secs(3600);
    let rates = Rates {
        callers: rate(1, hour, 2),
        own: vec![("other".into(), rate(1, hour, 3))],
        failures: None,
    };
    let gateway = Gateway::of(server(|server| server.rates = rates), callers()).await;
    let ask = async |name: &str| {
        let key = format!("{KEY}{name}");
        gateway.ask("GET /v1/backends", &[("x-api-key", &key)]).await
    };
    for (left, status) in [(1, 200), (0, 200), (0, 429), (0, 429)] {
        let answer = ask("one").await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("ratelimit-policy"), Some(r#""caller";q=2;w=7200"#));
        let standing = answer.header("ratelimit").unwrap();
        assert!(standing.starts_with(&format!(r#""caller";r={left};t="#)), "{standing}");
        if status == 429 {
            assert_eq!(answer.problem(), "rate_limited");
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=3600).contains(&wait));
            let problem: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(
                (problem["retryable"].as_bool(), problem["retry_after_s"].as_u64()),
                (Some(true), Some(wait))
            );
        }
    }
    // Failures of a caller are counted with the rest, and carry what is left, too.
    let answer = gateway
        .ask("GET /v1/accounts/nobody:1", &[("x-api-key", &format!("{KEY}other"))])
        .await;
    assert_eq!(
        (answer.status, answer.header("ratelimit")),
        (404, Some(r#""caller";r=2;t=3600"#))
    );
    assert_eq!(ask("other").await.status, 200);
    // Who asks without being a caller is not counted as one.
    assert_eq!(gateway.ask("GET /livez", &[]).await.header("ratelimit"), None);
}

#[tokio::test]
async fn an_address_that_guesses_keys_is_refused_without_a_hint() {
    let rates = Rates {
        callers: None,
        own: Vec::new(),
        failures: rate(1, Duration::from_secs(3600), 3),
    };
    let gateway = Gateway::of(server(|server| server.rates = rates), callers()).await;
    let ask = async |key: &str| gateway.ask("GET /v1/backends", &[("x-api-key", key)]).await;
    let (one, other) = (format!("{KEY}one"), format!("{KEY}other"));
    assert_eq!(ask(&one).await.status, 200);
    // No credential is no guess.
    for _ in 0..10 {
        assert_eq!(gateway.ask("GET /v1/backends", &[]).await.status, 401);
    }
    for n in 0..3 {
        assert_eq!(ask(&format!("guess-{n}")).await.status, 401);
    }
    // From now on a right key reads like a wrong one, but for whom it was known to be right.
    for key in ["guess-3", &other] {
        let answer = ask(key).await;
        assert_eq!((answer.status, answer.problem().as_str()), (429, "too_many_failures"));
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(ask(&one).await.status, 200);
    assert_eq!(gateway.ask("GET /livez", &[]).await.status, 200);
}

#[tokio::test]
async fn each_write_and_each_refusal_is_one_line_of_the_audit_without_an_id() {
    // As strict as a log is set: the audit is written nevertheless.
    let (lines, _kept) = watch::Lines::kept(telemetry::filter("error").unwrap());

    let sandbox = app::sandbox("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let key = |name: &str, scopes: &[Scope], backends: Option<&[&str]>| Key {
        digest: auth::sha256(format!("{KEY}{name}").as_bytes()),
        caller: std::sync::Arc::new(Caller::new(name, scopes, backends)),
        expires: None,
    };
    let backends = [app::AU, app::US, app::CARIB, app::CY, app::PORTFOLIO];
    let gateway = Gateway::plan(Plan {
        server: Server {
            rates: Rates {
                failures: None,
                own: vec![("limited".into(), rate(1, Duration::from_secs(3600), 1))],
                ..Rates::default()
            },
            ..sandbox.plan.server
        },
        callers: Callers::of([
            key("all", &Scope::ALL, None),
            key("none", &[], None),
            key("bound", &Scope::ALL, Some(&[app::AU])),
            key("limited", &Scope::ALL, None),
        ]),
        tokens: None,
        cursor_key: None,
        backends: sandbox.plan.backends,
    })
    .await;
    let turns = AtomicUsize::new(0);
    let ask = async |specimen: &Specimen, path: &str, caller: &str| {
        let key = format!("{KEY}{caller}");
        let (_, body) = specimen.turn(turns.fetch_add(1, Ordering::SeqCst));
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let length = body.len().to_string();
        let mut headers = vec![("content-length", length.as_str()), ("x-request-id", "the-request")];
        if !caller.is_empty() {
            headers.push(("x-api-key", &key));
        }
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        let line = format!("{} {path}", specimen.method);
        let answer = gateway.ask_with(&line, &headers, &body).await;
        (answer.status, lines.taken())
    };
    let mut writes = 0;
    for backend in backends {
        for specimen in specimens_of(backend) {
            let route = route_of(specimen.path.split('?').next().unwrap());
            let declared = &DOCUMENT["paths"][&route][specimen.method.to_lowercase()];
            let changes = specimen.method != "GET" && declared["x-repeat"] != "READ";
            let path = specimen.path.split('?').next().unwrap();
            let ids: Vec<&str> = path
                .split('/')
                .filter_map(|part| part.split_once(':'))
                .map(|(_, key)| key)
                .collect();
            let is = |told: &[Value], words: &str, caller: Option<&str>, outcome: &str| {
                let [line] = told else {
                    panic!("{} {}: {told:?}", specimen.method, specimen.path);
                };
                assert_eq!(line["target"], "audit");
                assert_eq!(line["message"], words, "{line}");
                assert_eq!(line.get("caller").and_then(Value::as_str), caller, "{line}");
                assert_eq!(line["outcome"], outcome, "{line}");
                assert_eq!(line["request_id"], "the-request");
                assert_eq!(line["from"], "127.0.0.1");
                let operation = declared["operationId"].as_str().unwrap();
                assert!(
                    line["operation"]
                        .as_str()
                        .unwrap()
                        .starts_with(&operation[..operation.rfind('.').unwrap()])
                );
                let text = line.to_string();
                // Of a few digits, any hash may hold as many.
                assert!(!ids.iter().any(|id| id.len() > 4 && text.contains(id)), "{text}");
                if !ids.is_empty() && route.matches('{').count() > 0 {
                    let record = line["record"].as_str().unwrap();
                    assert!(record.len() == 16 && record.bytes().all(|byte| byte.is_ascii_hexdigit()));
                }
            };
            let (status, told) = ask(&specimen, &specimen.path, "all").await;
            if changes {
                let done = (200..300).contains(&status);
                writes += usize::from(done);
                // One write may have made another impossible; it was tried all the same.
                let tried = told[0]["outcome"].as_str().unwrap_or_default().to_owned();
                is(&told, "a write", Some("all"), if done { "ok" } else { &tried });
                assert_eq!(told[0]["status"], status);
                assert_eq!(told[0]["backend"], backend, "{}", told[0]);
            } else {
                assert!(told.is_empty(), "{} {}: {told:?}", specimen.method, specimen.path);
            }
            let (status, told) = ask(&specimen, &specimen.path, "").await;
            assert_eq!(status, 401);
            is(&told, "a request was refused", None, "unauthenticated");
            let (status, told) = ask(&specimen, &specimen.path, "none").await;
            assert_eq!(status, 403);
            is(&told, "a request was refused", Some("none"), "forbidden");
            if backend != app::AU && !ids.is_empty() {
                let (status, told) = ask(&specimen, &specimen.path, "bound").await;
                assert_eq!(status, 404);
                is(&told, "a request was refused", Some("bound"), "not_found");
                assert!(told[0].get("backend").is_none(), "{}", told[0]);
            }
            let (status, told) = ask(&specimen, &specimen.path, "limited").await;
            if status == 429 {
                is(&told, "a request was refused", Some("limited"), "limited");
            }
        }
    }
    assert!(writes > 20, "{writes}");

    // What one asks about twice can be told to be the same, and another to be another.
    let specimen = &specimens_of(app::AU)[0];
    let record = async |path: &str| ask(specimen, path, "none").await.1[0]["record"].clone();
    let (one, other) = ("/v1/accounts/gentrack-au:10045213", "/v1/accounts/gentrack-au:10045214");
    assert_eq!(record(one).await, record("/v1/accounts/gentrack-au%3A10045213").await);
    assert_ne!(record(one).await, record(other).await);

    // A caller that hangs up does not escape.
    let specimens = specimens_of(app::AU);
    let submit = specimens
        .iter()
        .find(|specimen| specimen.operation == "readings.submit")
        .unwrap();
    let systems = &sandbox.systems;
    let before = systems.received(Kind::Gentrack).get(submit.native);
    systems.fault(Kind::Gentrack, Fault::Latency(300_000), 1, Some(submit.native));
    let body = submit.body.as_ref().unwrap().to_string();
    let mut gone = gateway.connect().await;
    let sent = format!(
        "POST {} HTTP/1.1\r\nhost: a\r\nx-api-key: {KEY}all\r\nx-request-id: gone\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        submit.path,
        body.len()
    );
    gone.write_all(sent.as_bytes()).await.unwrap();
    while systems.received(Kind::Gentrack).get(submit.native) == before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(lines.taken().is_empty());
    drop(gone);
    let told = loop {
        let told = lines.taken();
        if !told.is_empty() {
            break told;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!((told.len(), &told[0]["request_id"]), (1, &Value::from("gone")));
    let (outcome, caller) = (&told[0]["outcome"], &told[0]["caller"]);
    assert_eq!((outcome, caller), (&Value::from("caller_gone"), &Value::from("all")));
    assert_eq!(told[0]["backend"], app::AU);
}

/// A certificate of `gateway.example` and its key, and the root of those who signed it, in PEM.
struct Pair {
    root: &'static str,
    certificate: &'static str,
    key: &'static str,
}

const ONE: Pair = Pair {
    root: include_str!("fixtures/door/one-ca.pem"),
    certificate: include_str!("fixtures/door/one.pem"),
    key: include_str!("fixtures/door/one.key"),
};

const OTHER: Pair = Pair {
    root: include_str!("fixtures/door/other-ca.pem"),
    certificate: include_str!("fixtures/door/other.pem"),
    key: include_str!("fixtures/door/other.key"),
};

/// Puts a file in the place of another, as those do who renew certificates: never half of one.
fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(new, path).unwrap();
}

/// Files of a gateway that speaks TLS, each in its place.
fn files(folder: &Path, client_ca: Option<&str>) -> config::Tls {
    let tls = config::Tls {
        certificate: folder.join("tls.pem"),
        key: folder.join("tls.key"),
        client_ca: client_ca.map(|_| folder.join("callers.pem")),
        reload: Duration::from_millis(10),
    };
    put(&tls.certificate, ONE.certificate);
    put(&tls.key, ONE.key);
    if let (Some(path), Some(root)) = (&tls.client_ca, client_ca) {
        put(path, root);
    }
    tls
}

/// A caller that trusts those who signed a certificate, and has a certificate of its own or none.
fn caller(trusted: &Pair, version: &'static rustls::SupportedProtocolVersion, own: Option<&Pair>) -> TlsConnector {
    let certificate = |text: &str| CertificateDer::from_pem_slice(text.as_bytes()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate(trusted.root)).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match own {
        None => config.with_no_client_auth(),
        Some(pair) => {
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            config
                .with_client_auth_cert(vec![certificate(pair.certificate)], key)
                .unwrap()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(std::sync::Arc::new(config))
}

impl Gateway {
    async fn secured(&self, caller: &TlsConnector, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
        caller.connect(name, TcpStream::connect(self.addr).await?).await
    }
}

/// One request on a secured connection that is kept, and the head of its answer.
async fn head(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await?;
    let mut heard = Vec::new();
    while !heard.ends_with(b"ok\n") {
        let mut part = [0; 1024];
        match stream.read(&mut part).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            length => heard.extend_from_slice(&part[..length]),
        }
    }
    watch::answer("a call over TLS", &heard);
    Ok(String::from_utf8(heard).unwrap())
}

#[tokio::test]
async fn tls_is_spoken_with_the_certificate_configured_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let tls = files(folder.path(), None);
    let gateway = Gateway::open(server(|server| server.tls = Some(tls.clone()))).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let caller = caller(&ONE, version, None);
        let mut stream = gateway.secured(&caller, "gateway.example").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        let head = head(&mut stream).await.unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(
            head.contains("strict-transport-security: max-age=31536000\r\n"),
            "{head}"
        );
    }
    // Not to those who expect another host or trust another authority, not without TLS, and not to the silent.
    let tls13 = &rustls::version::TLS13;
    let misled = gateway.secured(&caller(&ONE, tls13, None), "other.example").await;
    assert!(misled.is_err());
    let wary = gateway.secured(&caller(&OTHER, tls13, None), "gateway.example").await;
    assert!(wary.is_err());
    let plain = gateway
        .exchange("GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    assert!(!plain.contains("HTTP/"), "{plain}");
    let hasty = Gateway::open(server(|server| {
        server.tls = Some(tls);
        server.header_timeout = SHORT;
    }))
    .await;
    assert_eq!(heard(&mut hasty.connect().await).await, "");
}

#[tokio::test]
async fn callers_need_a_certificate_where_its_roots_are_configured() {
    let folder = tempfile::tempdir().unwrap();
    let tls = files(folder.path(), Some(OTHER.root));
    let gateway = Gateway::open(server(|server| server.tls = Some(tls))).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (own, let_in) in [(None, false), (Some(&ONE), false), (Some(&OTHER), true)] {
            let caller = caller(&ONE, version, own);
            // In TLS 1.3 a caller learns that it is refused only when it reads.
            let answer = match gateway.secured(&caller, "gateway.example").await {
                Ok(mut stream) => head(&mut stream).await,
                Err(error) => Err(error),
            };
            assert_eq!(answer.is_ok(), let_in, "{version:?}");
        }
    }
}

#[tokio::test]
async fn a_new_certificate_is_taken_without_closing_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let tls = files(folder.path(), None);
    let gateway = Gateway::open(server(|server| server.tls = Some(tls.clone()))).await;
    let tls13 = &rustls::version::TLS13;
    let (of_old, of_new) = (caller(&ONE, tls13, None), caller(&OTHER, tls13, None));
    let mut kept = gateway.secured(&of_old, "gateway.example").await.unwrap();
    head(&mut kept).await.unwrap();

    // Half a renewal is none.
    put(&tls.key, OTHER.key);
    for _ in 0..3 {
        tokio::time::sleep(2 * tls.reload).await;
        assert!(gateway.secured(&of_old, "gateway.example").await.is_ok());
    }
    put(&tls.certificate, OTHER.certificate);
    while gateway.secured(&of_new, "gateway.example").await.is_err() {
        tokio::time::sleep(tls.reload).await;
    }
    assert!(gateway.secured(&of_old, "gateway.example").await.is_err());
    head(&mut kept).await.unwrap();
}

#[tokio::test]
async fn a_gateway_does_not_start_with_files_that_cannot_be_used() {
    watch::on();
    let folder = tempfile::tempdir().unwrap();
    let tls = files(folder.path(), None);
    put(&tls.key, OTHER.key);
    let plan = Plan {
        server: Server {
            listen: "127.0.0.1:0".parse().unwrap(),
            tls: Some(tls),
            ..Server::default()
        },
        callers: callers(),
        tokens: None,
        cursor_key: None,
        backends: Vec::new(),
    };
    let failed = app::bind(plan, std::sync::Arc::new(String::new)).await.err().unwrap();
    assert!(matches!(failed, app::Failed::Tls(_)), "{failed}");
}
