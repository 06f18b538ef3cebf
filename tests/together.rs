//! The sandbox as a caller sees it over HTTP: its own plan of five backends, behind a socket.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use intertie::app::{self, CY, PORTFOLIO, US};
use intertie::gateway::{Directory, Gateway};
use intertie::sandbox::fault::Fault;
use intertie::sandbox::{Kind, Running};
use intertie::upstream::tokens;
use intertie::{api, backends};
use serde_json::{Value, json};

use crate::support::openapi::{check_answer, route_of};
use crate::support::watch;

/// A caller of the sandbox.
struct Visit {
    systems: Running,
    address: std::net::SocketAddr,
    client: reqwest::Client,
}

impl Visit {
    async fn open() -> Self {
        watch::on();
        let sandbox = app::sandbox("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self::to(sandbox).await
    }

    /// The sandbox with the system of one backend stopped: its port refuses connections.
    async fn without(stopped: &str) -> Self {
        watch::on();
        let mut sandbox = app::sandbox("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let app::Sandbox { systems, plan } = app::sandbox("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let gone = plan
            .backends
            .into_iter()
            .find(|backend| backend.name.as_str() == stopped);
        let mut known = sandbox.plan.backends.iter_mut();
        *known.find(|backend| backend.name.as_str() == stopped).unwrap() = gone.unwrap();
        let port = systems.addr();
        drop(systems);
        while tokio::net::TcpStream::connect(port).await.is_ok() {
            tokio::task::yield_now().await;
        }
        Self::to(sandbox).await
    }

    async fn to(app::Sandbox { systems, plan }: app::Sandbox) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let tokens = Arc::new(tokens::Cache::default());
        let connected = plan
            .backends
            .into_iter()
            .map(|backend| backends::connect(backend.name, backend.config, Arc::clone(&tokens)).unwrap());
        let face = api::router(api::State {
            gateway: Gateway::new(Directory::of(connected)),
            callers: plan.callers,
            cursors: api::cursor::Seal::new(watch::CURSOR_KEY.as_bytes()),
            settings: api::Settings::default(),
            ready: Arc::new(AtomicBool::new(true)),
            metrics: Arc::new(String::new),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, face).await.unwrap() });
        Self {
            systems,
            address,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Reply {
        let mut request = self
            .client
            .request(method.parse().unwrap(), format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let (form, location) = (header("content-type").unwrap_or_default(), header("location"));
        let headers = answer.headers().clone();
        let bytes = answer.bytes().await.unwrap();
        watch::answer_with(path, &headers, &bytes);
        let plain = path.split('?').next().unwrap();
        check_answer(method, &route_of(plain), status, &form, &bytes).unwrap_or_else(|fault| panic!("{path}: {fault}"));
        Reply {
            status,
            form,
            location,
            body: serde_json::from_slice(&bytes).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], None).await
    }

    /// Makes something, and reads it where the answer says that it is.
    async fn make(&self, path: &str, body: Value) -> Value {
        let made = self.send("POST", path, &[], Some(&body)).await;
        assert_eq!(made.status, 201, "{path}: {}", made.body);
        let read = self.get(&made.location.expect("an address")).await;
        assert_eq!(read.status, 200, "{}", read.body);
        assert_eq!(read.body["data"]["native_id"], made.body["data"]["native_id"]);
        for told in [&made.body, &read.body] {
            assert!(!told.to_string().contains(PASSWORD), "{told}");
        }
        read.body["data"].clone()
    }
}

struct Reply {
    status: u16,
    form: String,
    location: Option<String>,
    body: Value,
}

impl Reply {
    /// How each backend asked did: its status, and the code of its problem.
    fn sources(&self) -> Vec<(&str, &str, Option<&str>)> {
        let sources = self.body["meta"]["sources"].as_array().unwrap().iter();
        sources
            .map(|source| {
                let word = |member: &str| source[member].as_str().unwrap();
                (word("backend"), word("status"), source["problem"]["code"].as_str())
            })
            .collect()
    }

    fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.body
        );
        assert_eq!(self.form, "application/problem+json");
    }
}

const PASSWORD: &str = "c3dar/only+here";
/// Two accounts of the contract's samples have it, one of them with a dash.
const NUMBER: &str = "/v1/accounts?number=1234-56789";
/// What CRM.COM's accounts are looked for with.
const SHOW: &str = "showAccountsReceivableByPost";

#[tokio::test]
async fn a_credential_an_account_and_a_meter_are_enrolled_at_urjanet() {
    let visit = Visit::open().await;
    let credential = visit
        .make(
            "/v1/credentials",
            json!({"provider_id": "urjanet-us:CedarWater", "kind": "WEB", "username": "site-7", "password": PASSWORD}),
        )
        .await;
    assert_eq!(
        (&credential["username"], &credential["kind"]),
        (&json!("site-7"), &json!("WEB"))
    );
    let account = visit
        .make(
            "/v1/accounts",
            json!({"backend": PORTFOLIO, "number": "00-88 13.5", "enrollment": {
                "provider": "CedarWater", "credentials": [credential["id"]]}}),
        )
        .await;
    assert_eq!(account["status"], "PENDING");
    assert_eq!(account["enrollment"]["normalized_number"], "88135");
    assert_eq!(account["enrollment"]["credentials"], json!([credential["id"]]));
    let meter = visit
        .make(
            "/v1/meters",
            json!({"account_id": account["id"], "number": "W-17", "service_kind": "WATER"}),
        )
        .await;
    assert_eq!(
        (&meter["number"], &meter["service_kind"]),
        (&json!("W-17"), &json!("WATER"))
    );

    let id = account["id"].as_str().unwrap();
    let meters = visit.get(&format!("/v1/accounts/{id}/meters")).await.body;
    assert_eq!(meters["data"].as_array().unwrap().len(), 1);
    assert_eq!(meters["data"][0]["id"], meter["id"]);
    let found = visit
        .get(&format!("/v1/accounts?backend={PORTFOLIO}&number=88135"))
        .await
        .body;
    assert_eq!(
        (&found["data"][0]["id"], &found["meta"]["complete"]),
        (&account["id"], &json!(true))
    );
    let counts = visit.systems.counts(Kind::Urjanet);
    for operation in ["login", "createCredential", "createAccount", "createMeter"] {
        assert_eq!(counts.get(operation), 1, "{operation}");
    }
}

#[tokio::test]
async fn a_search_of_three_backends_with_one_stopped_names_it_and_gives_the_rest() {
    let visit = Visit::without(CY).await;
    let found = visit.get(NUMBER).await;
    assert_eq!(found.status, 200, "{}", found.body);
    assert_eq!(found.body["meta"]["complete"], false);
    assert_eq!(
        found.sources(),
        [
            (CY, "failed", Some("upstream_unavailable")),
            (US, "ok", None),
            (PORTFOLIO, "ok", None)
        ]
    );
    let failed = &found.body["meta"]["sources"][0]["problem"];
    assert_eq!((&failed["status"], &failed["backend"]), (&json!(503), &json!(CY)));
    let data = found.body["data"].as_array().unwrap();
    let numbers: Vec<_> = data.iter().map(|account| account["number"].as_str().unwrap()).collect();
    assert_eq!(numbers, ["1234-56789", "123456789"]);
    assert!(data.iter().all(|account| account["backend"] == PORTFOLIO));

    let strict = visit.send("GET", NUMBER, &[("prefer", "handling=strict")], None).await;
    strict.is_problem(502, "incomplete");
    assert!(strict.body["detail"].as_str().unwrap().contains(CY), "{}", strict.body);
}

#[tokio::test]
async fn a_search_of_three_backends_that_all_answer_is_complete() {
    let visit = Visit::open().await;
    for headers in [&[][..], &[("prefer", "handling=strict")]] {
        let found = visit.send("GET", NUMBER, headers, None).await;
        assert_eq!(
            (found.status, &found.body["meta"]["complete"]),
            (200, &json!(true)),
            "{}",
            found.body
        );
        assert_eq!(
            found.sources(),
            [(CY, "ok", None), (US, "ok", None), (PORTFOLIO, "ok", None)]
        );
    }
}

#[tokio::test]
async fn a_slow_backend_costs_a_search_its_own_deadline_and_nobody_else_s() {
    let visit = Visit::open().await;
    // With logins in place, nothing but the fault takes long.
    assert_eq!(visit.get(NUMBER).await.status, 200);
    for fault in [Fault::Latency(60_000), Fault::SlowBody(60_000)] {
        visit.systems.fault(Kind::Crmcom, fault, 10, Some(SHOW));
        let deadline = ("request-timeout-ms", "4000");
        let found = visit.send("GET", NUMBER, &[deadline], None).await;
        assert_eq!(found.status, 200, "{}", found.body);
        assert_eq!(
            found.sources(),
            [
                (CY, "failed", Some("timed_out")),
                (US, "ok", None),
                (PORTFOLIO, "ok", None)
            ]
        );
        assert_eq!(found.body["data"].as_array().unwrap().len(), 2);
        visit.systems.clear_faults();
    }
    // All three at once cost it once.
    for (kind, operation) in [
        (Kind::Crmcom, SHOW),
        (Kind::Kraken, "Accounts"),
        (Kind::Urjanet, "searchAccounts"),
    ] {
        visit.systems.fault(kind, Fault::Latency(60_000), 10, Some(operation));
    }
    let none = visit.send("GET", NUMBER, &[("request-timeout-ms", "1000")], None).await;
    none.is_problem(502, "incomplete");
}
