//! The door: what is asked of connections and requests before any system is called, over real sockets.

use std::fmt::Write as _;
use std::net::SocketAddr;

use intertie::app::{self, Ended, Plan};
use intertie::auth::{Caller, Callers};
use intertie::config::Server;
use intertie::operations::Scope;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

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
        let plan = Plan {
            server: Server {
                listen: "127.0.0.1:0".parse().unwrap(),
                ..server
            },
            callers,
            cursor_key: None,
            backends: Vec::new(),
        };
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
        stream.write_all(sent.as_bytes()).await.unwrap();
        heard(&mut stream).await
    }

    async fn ask(&self, line: &str, headers: &[(&str, &str)]) -> Answer {
        let mut text = format!("{line} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            let _ = write!(text, "host: {}\r\n", self.addr);
        }
        for (name, value) in headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        Answer::read(&self.exchange(&format!("{text}\r\n")).await)
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
