//! The simulated Gentrack and the road in front of it, seen from outside.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use intertie::sandbox::fault::Fault;
use intertie::sandbox::gentrack::{API_PATH, CLIENT_ID, CLIENT_SECRET, TOKEN_PATH};
use intertie::sandbox::{Kind, Running, start};
use serde_json::{Value, json};

use crate::support::exchange::Exchange;
use crate::support::gentrack_contract::{self as contract, check, check_answer, check_request};
use crate::support::watch;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const READS: &str = "/service-points/4107755/meter-read-history?fromDate=2026-04-01&toDate=2026-07-31";
const SUBMIT: &str = "/service-points/4107755/submit-meter-reads";
const VALIDATE: &str = "/service-points/4107755/validate-meter-reads";

fn example(name: &str) -> Value {
    serde_json::from_slice(&example_bytes(name)).unwrap()
}

fn example_bytes(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gentrack/examples");
    std::fs::read(root.join(name)).unwrap()
}

/// A simulated system and a caller of it.
struct Scene {
    running: Running,
    client: reqwest::Client,
    token: String,
}

impl Scene {
    async fn new() -> Self {
        watch::on();
        rustls::crypto::ring::default_provider().install_default().ok();
        let running = start(&[Kind::Gentrack], LOOPBACK).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut scene = Scene {
            running,
            client,
            token: String::new(),
        };
        scene.login().await;
        scene
    }

    async fn login(&mut self) {
        let exchange = self.send(self.token_request()).await.unwrap();
        check(&exchange).unwrap();
        self.token = body(&exchange)["access_token"].as_str().unwrap().to_owned();
    }

    fn token_request(&self) -> reqwest::RequestBuilder {
        let basic = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
        self.client
            .post(format!("{}{TOKEN_PATH}", self.running.base(Kind::Gentrack)))
            .header("authorization", format!("Basic {basic}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials")
    }

    fn request(&self, method: &str, target: &str) -> reqwest::RequestBuilder {
        let accept = if target.contains("/image") {
            "application/pdf"
        } else {
            "application/json"
        };
        self.client
            .request(
                method.parse().unwrap(),
                format!("{}{API_PATH}{target}", self.running.base(Kind::Gentrack)),
            )
            .header("authorization", format!("Bearer {}", self.token))
            .header("accept", accept)
            .header("x-trace-id", "trace-1")
    }

    fn get(&self, target: &str) -> reqwest::RequestBuilder {
        self.request("GET", target)
    }

    fn post(&self, target: &str, body: &Value) -> reqwest::RequestBuilder {
        self.request("POST", target)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Exchange, reqwest::Error> {
        let request = request.build()?;
        let target = match request.url().query() {
            Some(query) => format!("{}?{query}", request.url().path()),
            None => request.url().path().to_owned(),
        };
        let method = request.method().to_string();
        let request_headers = listed(request.headers());
        let request_body = request
            .body()
            .and_then(|body| body.as_bytes())
            .unwrap_or_default()
            .to_vec();
        let response = self.client.execute(request).await?;
        let status = response.status().as_u16();
        let response_headers = listed(response.headers());
        let response_body = response.bytes().await?.to_vec();
        Ok(Exchange {
            method,
            target,
            request_headers,
            request_body,
            status,
            response_headers,
            response_body,
        })
    }

    /// Sends a request that fits the contract, gets an answer that does, and hands the exchange back.
    async fn fitting(&self, request: reqwest::RequestBuilder) -> Exchange {
        let exchange = self.send(request).await.unwrap();
        if let Err(error) = check(&exchange) {
            panic!("{} {}: {error}", exchange.method, exchange.target);
        }
        exchange
    }

    /// Sends a request that may be wrong, and gets an answer that fits the contract.
    async fn answered(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let exchange = self.send(request).await.unwrap();
        if let Err(error) = check_answer(&exchange) {
            panic!("{} {}: {error}", exchange.method, exchange.target);
        }
        (
            exchange.status,
            if exchange.response_body.is_empty() {
                Value::Null
            } else {
                body(&exchange)
            },
        )
    }

    async fn control(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("http://{}/_sandbox{path}", self.running.addr());
        let request = self.client.request(method.parse().unwrap(), url);
        let request = match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (
            status,
            serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
        )
    }

    fn executed(&self, operation: &str) -> u64 {
        self.running.counts(Kind::Gentrack).get(operation)
    }
}

fn listed(headers: &reqwest::header::HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect()
}

fn body(exchange: &Exchange) -> Value {
    serde_json::from_slice(&exchange.response_body).unwrap()
}

fn results(exchange: &Exchange) -> Vec<Value> {
    body(exchange)["results"].as_array().unwrap().clone()
}

/// The reads of the history answered, every register's.
fn reads(exchange: &Exchange) -> Vec<Value> {
    let body = body(exchange);
    let registers = body["meters"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|meter| meter["readingRegisters"].as_array().unwrap());
    registers
        .flat_map(|register| register["meterReadings"].as_array().unwrap())
        .cloned()
        .collect()
}

#[test]
fn every_example_is_linked_and_fits_its_schema() {
    let mut linked = std::collections::BTreeSet::new();
    for (file, schema) in contract::linked_examples() {
        let name = file.trim_start_matches("examples/");
        if name.ends_with(".json") {
            contract::check_against(&schema, &example(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        linked.insert(name.to_owned());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gentrack/examples");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            linked.contains(&name) || name == "webhook.signature-vector.json",
            "{name} is linked from nowhere"
        );
    }
    assert!(linked.len() > 40);
}

#[test]
fn the_simulated_system_carries_the_examples_unchanged() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sandbox/gentrack/data");
    for entry in std::fs::read_dir(data).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(
            std::fs::read(entry.path()).unwrap() == example_bytes(&name),
            "{name} differs"
        );
    }
}

#[test]
fn every_call_of_the_contract_is_recognised_by_name() {
    let operations = contract::operations();
    assert_eq!(operations.len(), 43);
    for (method, template, id) in operations {
        let path = template
            .split('/')
            .map(|part| if part.starts_with('{') { "1" } else { part });
        let path = format!("{API_PATH}{}", path.collect::<Vec<_>>().join("/"));
        let method = method.parse().unwrap();
        assert_eq!(
            intertie::sandbox::gentrack::operation(&method, &path, b"").as_deref(),
            Some(&*id),
            "{path}"
        );
    }
}

#[test]
fn the_checker_refuses_what_does_not_fit() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let good = Exchange {
        method: "GET".into(),
        target: "/gentrack/v1/accounts/10045213/bills?startDate=2026-04-01".into(),
        request_headers: vec![pair("authorization", "Bearer t"), pair("accept", "application/json")],
        request_body: Vec::new(),
        status: 200,
        response_headers: vec![pair("content-type", "application/json; charset=utf-8")],
        response_body: example_bytes("getAccountBills.200.json"),
    };
    check(&good).unwrap();
    let posted = Exchange {
        method: "POST".into(),
        target: format!("/v1{SUBMIT}"),
        request_headers: [
            good.request_headers.clone(),
            vec![pair("content-type", "application/json")],
        ]
        .concat(),
        request_body: example_bytes("submitMeterReadings.request.json"),
        status: 204,
        response_headers: Vec::new(),
        response_body: Vec::new(),
    };
    check(&posted).unwrap();

    let mut wrong: Vec<(&str, Exchange)> = Vec::new();
    let mut spoil = |why, from: &Exchange, change: &dyn Fn(&mut Exchange)| {
        let mut exchange = from.clone();
        change(&mut exchange);
        wrong.push((why, exchange));
    };
    spoil("path", &good, &|e| e.target = "/v1/accounts/10045213/invoices".into());
    spoil("empty id", &good, &|e| e.target = "/v1/accounts//bills".into());
    spoil("method", &good, &|e| e.method = "DELETE".into());
    spoil("query name", &good, &|e| {
        e.target = "/v1/accounts/1/bills?limit=5".into()
    });
    spoil("query value", &good, &|e| {
        e.target = "/v1/accounts/1/bills?startDate=1.4.2026".into()
    });
    spoil("query twice", &good, &|e| e.target.push_str("&startDate=2026-04-01"));
    spoil("required query", &good, &|e| {
        e.target = "/v1/service-points/1/meter-read-history?fromDate=2026-04-01".into()
    });
    spoil("no token", &good, &|e| drop(e.request_headers.remove(0)));
    spoil("no accept", &good, &|e| drop(e.request_headers.remove(1)));
    spoil("stray header", &good, &|e| {
        e.request_headers.push(pair("x-transaction-id", "1"))
    });
    spoil("body on GET", &good, &|e| e.request_body = b"{}".to_vec());
    spoil("status", &good, &|e| e.status = 202);
    spoil("answer type", &good, &|e| {
        e.response_headers = vec![pair("content-type", "text/html")]
    });
    spoil("answer body", &good, &|e| {
        e.response_body = b"{\"results\":[{\"billNumber\":\"1\"}]}".to_vec()
    });
    spoil("answer no JSON", &good, &|e| e.response_body = b"{".to_vec());
    spoil("content type", &posted, &|e| drop(e.request_headers.pop()));
    spoil("request body", &posted, &|e| {
        e.request_body = b"{\"meters\":[]}".to_vec()
    });
    spoil("body in a 204", &posted, &|e| e.response_body = b"{}".to_vec());
    for (why, exchange) in wrong {
        assert!(check(&exchange).is_err(), "{why} was let through");
    }
}

#[tokio::test]
async fn the_examples_come_back_under_their_own_ids() {
    let scene = Scene::new().await;
    for (target, name) in [
        ("/accounts/10045213", "getAccount.200.json"),
        ("/accounts/10045213/balance", "getAccountBalance.200.json"),
        ("/accounts/00210077/balance", "getAccountBalance.200.credit.json"),
        ("/accounts/10045213/bills", "getAccountBills.200.json"),
        ("/accounts/10050001/bills", "getAccountBills.200.empty.json"),
        (
            "/accounts/10045213/financial-transactions",
            "getAccountTransactions.200.json",
        ),
        (
            "/bills/882035/meter-reads?type=Invoice",
            "getBillMeterReadings.200.json",
        ),
        ("/service-points/4107755/structure", "getMeterStructure.200.json"),
        (READS, "getMeterReadings.200.json"),
    ] {
        assert_eq!(body(&scene.fitting(scene.get(target)).await), example(name), "{target}");
    }
    let image = scene.fitting(scene.get("/bills/882035/image?type=Invoice")).await;
    assert_eq!(image.response_body, example_bytes("getBillImage.200.pdf"));
    let text = scene.get("/bills/882035/image").header("accept", "text/plain");
    let mut text = text.build().unwrap();
    text.headers_mut().insert("accept", "text/plain".parse().unwrap());
    let text = scene.client.execute(text).await.unwrap().bytes().await.unwrap();
    assert_eq!(text, example_bytes("getBillImage.200.base64.txt"));

    let request = example("validateMeterReadings.request.json");
    let clean = scene.fitting(scene.post(VALIDATE, &request)).await;
    assert_eq!(body(&clean), example("validateMeterReadings.200.json"));
    let mut high = request.clone();
    high["meters"][0]["readingRegisters"][0]["meterReadings"][0]["reading"] = json!(48388);
    let findings = scene.fitting(scene.post(VALIDATE, &high)).await;
    assert_eq!(body(&findings), example("validateMeterReadings.200.findings.json"));
    assert_eq!(scene.executed("validateMeterReadings"), 2);
}

#[tokio::test]
async fn every_record_of_every_account_fits_the_contract() {
    let scene = Scene::new().await;
    for account in ["10045213", "00210077", "10031187", "10050001", "90000001"] {
        let details = body(&scene.fitting(scene.get(&format!("/accounts/{account}"))).await);
        assert_eq!(details["globalReference"], account);
        for part in ["balance", "financial-transactions"] {
            scene.fitting(scene.get(&format!("/accounts/{account}/{part}"))).await;
        }
        for bill in results(&scene.fitting(scene.get(&format!("/accounts/{account}/bills"))).await) {
            let id = bill["billId"]
                .as_str()
                .map_or_else(|| bill["billId"].to_string(), str::to_owned);
            let kind = bill["type"].as_str().unwrap();
            scene
                .fitting(scene.get(&format!("/bills/{id}/image?type={kind}")))
                .await;
            scene
                .fitting(scene.get(&format!("/bills/{id}/meter-reads?type={kind}")))
                .await;
        }
        for point in details["servicePoints"].as_array().into_iter().flatten() {
            let id = &point["globalReference"];
            let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            scene
                .fitting(scene.get(&format!("/service-points/{id}/structure")))
                .await;
            let target = format!("/service-points/{id}/meter-read-history?fromDate=2020-01-01&toDate=2030-01-01");
            let statuses = "Accepted,Pending,Unknown,Removed";
            let accepted = reads(&scene.fitting(scene.get(&target)).await);
            let all = reads(&scene.fitting(scene.get(&format!("{target}&status={statuses}"))).await);
            assert!(!accepted.is_empty() && accepted.iter().all(|read| read["status"] == "Accepted"));
            assert_eq!(all.len(), accepted.len() + if id == "0004107901" { 3 } else { 0 });
        }
    }
}

#[tokio::test]
async fn lists_are_narrowed_by_their_dates() {
    let scene = Scene::new().await;
    let bills = scene
        .fitting(scene.get("/accounts/10045213/bills?startDate=2026-05-04&endDate=2026-06-03"))
        .await;
    assert_eq!(
        results(&bills),
        example("getAccountBills.200.json")["results"].as_array().unwrap()[1..3]
    );
    let target = "/accounts/10045213/financial-transactions?startDate=2026-06-25";
    let postings = results(&scene.fitting(scene.get(target)).await);
    assert_eq!(
        postings,
        example("getAccountTransactions.200.json")["results"]
            .as_array()
            .unwrap()[..2]
    );
    let target = "/service-points/4107755/meter-read-history?fromDate=2026-05-01&toDate=2026-06-01";
    let found = reads(&scene.fitting(scene.get(target)).await);
    let references: Vec<_> = found
        .iter()
        .map(|read| read["readingReference"].as_u64().unwrap())
        .collect();
    assert_eq!(references, [7_741_995, 7_742_007, 7_741_996, 7_742_008]);
}

#[tokio::test]
async fn a_caller_without_a_good_token_is_unauthorised() {
    let mut scene = Scene::new().await;
    let good = scene.token.clone();
    for token in ["", "made-up"] {
        scene.token = token.to_owned();
        let (status, body) = scene.answered(scene.get("/accounts/10045213")).await;
        assert_eq!(status, 401);
        assert_eq!(body, {
            let mut expected = example("error.401.json");
            expected["traceId"] = json!("trace-1");
            expected
        });
    }
    assert_eq!(scene.executed("getAccount"), 0);
    scene.token = good;
    scene.fitting(scene.get("/accounts/10045213")).await;
    assert_eq!(scene.executed("getAccount"), 1);

    let other = Scene::new().await;
    scene.token = other.token.clone();
    assert_eq!(
        scene.answered(scene.get("/accounts/10045213")).await.0,
        401,
        "tokens of one instance hold there alone"
    );
}

#[tokio::test]
async fn a_token_is_granted_to_the_right_form_alone() {
    let scene = Scene::new().await;
    let base = scene.running.base(Kind::Gentrack);
    let url = format!("{base}{TOKEN_PATH}");
    let form = "application/x-www-form-urlencoded";
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let good = basic(&format!("{CLIENT_ID}:{CLIENT_SECRET}"));
    let encoded = basic(&format!("{CLIENT_ID}:s4nd%2Bb0x%2FOnly%3D%3D"));
    for (authorization, kind, body, status, error) in [
        (
            basic("someone:else"),
            form,
            "grant_type=client_credentials",
            401,
            "invalid_client",
        ),
        (encoded, form, "grant_type=client_credentials", 401, "invalid_client"),
        (
            good.clone(),
            "application/json",
            "grant_type=client_credentials",
            400,
            "invalid_request",
        ),
        (good.clone(), form, "grant_type=password", 400, "unsupported_grant_type"),
        (good.clone(), form, "", 400, "invalid_request"),
    ] {
        let request = scene
            .client
            .post(&url)
            .header("authorization", authorization)
            .header("content-type", kind);
        let (found, answer) = scene.answered(request.body(body)).await;
        assert_eq!((found, &answer["error"]), (status, &json!(error)));
    }
    let (status, answer) = scene
        .answered(scene.client.post(&url).header("content-type", form))
        .await;
    assert_eq!((status, answer), (401, example("token.401.json")));
    let granted = scene.send(scene.token_request()).await.unwrap();
    assert_eq!(
        (granted.status, body(&granted)["expires_in"].as_u64()),
        (200, Some(3600))
    );
    assert_eq!(scene.executed("login"), 2);
    assert_eq!(scene.executed("login-refused"), 6);
}

#[tokio::test]
async fn requests_that_do_not_fit_the_contract_are_refused() {
    let scene = Scene::new().await;
    let field = |body: &Value| body["validationErrors"][0]["errorDetail"]["field"].clone();

    let (status, found) = scene
        .answered(scene.get("/service-points/4107755/meter-read-history?toDate=2026-07-31"))
        .await;
    let mut expected = example("error.400.json");
    expected["traceId"] = json!("trace-1");
    assert_eq!((status, found), (400, expected));

    for (target, member) in [
        ("/accounts/10045213?expand=all", "expand"),
        ("/accounts/10045213/bills?startDate=01-04-2026", "startDate"),
        ("/accounts/10045213/bills?startDate=2026-02-30", "startDate"),
        (
            "/accounts/10045213/bills?startDate=2026-04-02&endDate=2026-04-01",
            "endDate",
        ),
        (
            "/accounts/10045213/bills?startDate=2026-04-02&startDate=2026-04-02",
            "startDate",
        ),
        (
            "/service-points/4107755/meter-read-history?fromDate=2026-04-02",
            "toDate",
        ),
        (&format!("{READS}&status=Fine"), "status"),
        (
            &format!("{READS}&status=Accepted&meterReadStatusFilter=Pending"),
            "meterReadStatusFilter",
        ),
        ("/bills/00730010/image", "type"),
    ] {
        let (status, body) = scene.answered(scene.get(target)).await;
        assert_eq!((status, field(&body)), (400, json!(member)), "{target}");
    }
    for target in [
        "/accounts/10045299",
        "/accounts/210077",
        "/bills/1/image",
        "/bills/882035/image?type=Statement",
        "/bills/00730007/image?type=Statement",
        "/service-points/1/structure",
    ] {
        assert_eq!(scene.answered(scene.get(target)).await.0, 404, "{target}");
    }
    let missing = scene.send(scene.get("/nowhere")).await.unwrap();
    assert_eq!(missing.status, 404);
    let unknown = scene.answered(scene.get("/accounts/10045299")).await.1;
    assert_eq!(
        unknown["errorDescription"],
        example("error.404.json")["errorDescription"]
    );

    let stray = scene.get("/accounts/10045213").header("x-transaction-id", "1");
    assert_eq!(field(&scene.answered(stray).await.1), json!("x-transaction-id"));
    let request = example("submitMeterReadings.request.json");
    let plain = scene
        .request("POST", SUBMIT)
        .header("content-type", "text/plain")
        .body(request.to_string());
    assert_eq!(scene.answered(plain).await.0, 415);
    assert_eq!(
        scene.answered(scene.request("POST", SUBMIT)).await.0,
        415,
        "an empty body needs its type too"
    );
    let html = scene.client.get(format!(
        "{}{API_PATH}/accounts/10045213",
        scene.running.base(Kind::Gentrack)
    ));
    let html = html
        .header("accept", "text/html")
        .header("authorization", format!("Bearer {}", scene.token));
    assert_eq!(scene.answered(html).await.0, 406);
    let wrong_method = scene
        .send(scene.request("DELETE", "/accounts/10045213/bills"))
        .await
        .unwrap();
    assert_eq!(wrong_method.status, 405);
}

#[tokio::test]
async fn bodies_of_reads_are_checked_member_by_member() {
    let scene = Scene::new().await;
    let good = example("submitMeterReadings.request.json");
    let read = "/meters/0/readingRegisters/0/meterReadings/0";
    for (pointer, value, field) in [
        ("/meters", json!([]), "meters"),
        ("/meters", json!({}), "meters"),
        ("/meters/0/serialNumber", json!(7_718_842), "meters[0].serialNumber"),
        ("/meters/0/deviceId", json!(1.5), "meters[0].deviceId"),
        (
            "/meters/0/readingRegisters/1/label",
            Value::Null,
            "meters[0].readingRegisters[1].label",
        ),
        (
            "/meters/0/readingRegisters/1/dials",
            json!("6"),
            "meters[0].readingRegisters[1].dials",
        ),
        (
            &format!("{read}/reading"),
            json!("42388"),
            "meters[0].readingRegisters[0].meterReadings[0].reading",
        ),
        (
            &format!("{read}/reading"),
            json!(-1),
            "meters[0].readingRegisters[0].meterReadings[0].reading",
        ),
        (
            &format!("{read}/readingDateTime"),
            json!("5 July 2026"),
            "meters[0].readingRegisters[0].meterReadings[0].readingDateTime",
        ),
    ] {
        let mut request = good.clone();
        *request.pointer_mut(pointer).unwrap() = value;
        for target in [SUBMIT, VALIDATE] {
            let exchange = scene.send(scene.post(target, &request)).await.unwrap();
            assert!(
                check_request(&exchange).is_err(),
                "{pointer}: the contract refuses it too"
            );
            check_answer(&exchange).unwrap();
            let found = &body(&exchange)["validationErrors"][0]["errorDetail"]["field"];
            assert_eq!((exchange.status, found), (400, &json!(field)));
        }
    }
    let mut elsewhere = good.clone();
    elsewhere["meters"][0]["readingRegisters"][1]["id"] = json!(1);
    assert_eq!(scene.answered(scene.post(SUBMIT, &elsewhere)).await.0, 400);
    assert_eq!(scene.executed("submitMeterReadings"), 0);
    let pending = scene.fitting(scene.get(&format!("{READS}&status=Pending"))).await;
    assert!(reads(&pending).is_empty(), "a refused request leaves nothing behind");
}

#[tokio::test]
async fn submitted_reads_are_kept_as_pending() {
    let scene = Scene::new().await;
    let request = example("submitMeterReadings.request.json");
    scene.fitting(scene.post(VALIDATE, &request)).await;
    let both = format!("{READS}&status=Accepted,Pending");
    assert_eq!(
        reads(&scene.fitting(scene.get(&both)).await).len(),
        8,
        "validating stores nothing"
    );
    let done = scene.fitting(scene.post(SUBMIT, &request)).await;
    assert_eq!(done.status, 204);
    assert_eq!(scene.executed("submitMeterReadings"), 1);

    assert_eq!(reads(&scene.fitting(scene.get(&both)).await).len(), 10);
    let accepted = scene.fitting(scene.get(READS)).await;
    assert_eq!(
        body(&accepted),
        example("getMeterReadings.200.json"),
        "pending reads are not accepted ones"
    );
    let pending = reads(
        &scene
            .fitting(scene.get(&format!("{READS}&meterReadStatusFilter=Pending")))
            .await,
    );
    let kept: Vec<_> = pending
        .iter()
        .map(|read| (&read["reading"], &read["source"], &read["readingDateTime"]))
        .collect();
    let (source, time) = (json!("Customer"), json!("2026-07-05T18:30:00.000"));
    assert_eq!(kept, [(&json!(42388), &source, &time), (&json!(15349), &source, &time)]);

    let other = Scene::new().await;
    assert_eq!(
        reads(&other.fitting(other.get(&both)).await).len(),
        8,
        "another instance does not see them"
    );
    scene.running.reset();
    assert_eq!(
        scene.answered(scene.get(READS)).await.0,
        401,
        "a reset forgets the tokens"
    );
}

#[tokio::test]
async fn findings_tell_impossible_reads_from_unlikely_ones() {
    let scene = Scene::new().await;
    let mut request = example("validateMeterReadings.request.json");
    for (reading, time, code, status) in [
        (json!(42330), "2026-07-05T18:30:00+10:00", "ReadingBelowLast", "Error"),
        (json!(1_042_388), "2026-07-05T18:30:00+10:00", "TooManyDigits", "Error"),
        (json!(42388), "2026-06-30", "ReadingNotLater", "Error"),
        (
            json!(43700),
            "2026-07-05T18:30:00+10:00",
            "ReadingAboveExpectedRange",
            "Warning",
        ),
    ] {
        let read = request
            .pointer_mut("/meters/0/readingRegisters/0/meterReadings/0")
            .unwrap();
        read["reading"] = reading;
        read["readingDateTime"] = json!(time);
        let answer = body(&scene.fitting(scene.post(VALIDATE, &request)).await);
        let found = &answer["meters"][0]["readingRegisters"][0]["validationResponse"][0];
        assert_eq!(
            (&found["validationCode"], &found["validationStatus"]),
            (&json!(code), &json!(status))
        );
        assert_eq!(
            answer["meters"][0]["readingRegisters"][1]["validationResponse"],
            json!([])
        );
    }
}

#[tokio::test]
async fn faults_that_prevent_execution_execute_nothing() {
    let scene = Scene::new().await;
    let target = "/accounts/10045213";
    let fault = |text: &str| scene.get(target).header("x-sandbox-fault", text);
    for (text, status, name) in [
        ("throttled", 429, "error.429.json"),
        ("throttled=2", 429, "error.429.json"),
        ("status=500", 500, "error.500.json"),
        ("status=502", 502, "error.502.json"),
        ("status=503", 503, "error.503.json"),
    ] {
        let exchange = scene.send(fault(text)).await.unwrap();
        check_answer(&exchange).unwrap();
        let mut expected = example(name);
        expected["traceId"] = json!("trace-1");
        assert_eq!((exchange.status, body(&exchange)), (status, expected));
        let wait = exchange.response_headers.iter().find(|(name, _)| name == "retry-after");
        assert_eq!(
            wait.map(|(_, value)| value.as_str()),
            (text == "throttled=2").then_some("2")
        );
    }
    let edge = scene.send(fault("edge")).await.unwrap();
    assert_eq!(edge.status, 403);
    assert!(edge.response_body.starts_with(b"<!DOCTYPE html>"));
    let inside = scene.send(fault("error-inside")).await.unwrap();
    assert_eq!(
        (inside.status, &body(&inside)["errorCode"]),
        (200, &json!("InternalError"))
    );
    assert!(scene.send(fault("drop-before")).await.unwrap_err().is_request());
    assert_eq!(scene.send(fault("no-such-fault")).await.unwrap().status, 400);
    assert_eq!(scene.executed("getAccount"), 0);
}

#[tokio::test]
async fn faults_after_execution_have_executed() {
    let scene = Scene::new().await;
    let request = example("submitMeterReadings.request.json");
    let lost = scene.post(SUBMIT, &request).header("x-sandbox-fault", "drop-after");
    assert!(scene.send(lost).await.is_err());
    assert_eq!(scene.executed("submitMeterReadings"), 1);
    assert_eq!(
        reads(&scene.fitting(scene.get(&format!("{READS}&status=Pending"))).await).len(),
        2
    );

    let slow = scene.post(SUBMIT, &request).header("x-sandbox-fault", "latency=60000");
    assert!(
        scene
            .send(slow.timeout(Duration::from_secs(1)))
            .await
            .unwrap_err()
            .is_timeout()
    );
    assert_eq!(scene.executed("submitMeterReadings"), 2, "giving up does not undo it");

    let bills = "/accounts/10045213/bills";
    let malformed = scene
        .send(scene.get(bills).header("x-sandbox-fault", "malformed"))
        .await
        .unwrap();
    assert_eq!(malformed.status, 200);
    assert!(serde_json::from_slice::<Value>(&malformed.response_body).is_err());
    let before = Instant::now();
    let slow = scene
        .fitting(scene.get(bills).header("x-sandbox-fault", "slow-body=300"))
        .await;
    assert_eq!(body(&slow), example("getAccountBills.200.json"));
    assert!(before.elapsed() >= Duration::from_millis(250));
    let late = scene
        .get(bills)
        .header("x-sandbox-fault", "slow-body=60000")
        .send()
        .await
        .unwrap();
    assert_eq!(late.status(), 200, "the head comes before the body");
    assert_eq!(scene.executed("getAccountBills"), 3);
}

#[tokio::test]
async fn tokens_can_be_expired_revoked_and_refused() {
    let mut scene = Scene::new().await;
    let account = "/accounts/10045213";
    let running = &scene.running;
    running.fault(Kind::Gentrack, Fault::ExpiredToken, 1, None);
    assert_eq!(scene.answered(scene.get(account)).await.0, 401);
    assert_eq!(
        scene.answered(scene.get(account)).await.0,
        401,
        "an expired token stays expired"
    );
    scene.login().await;
    scene.fitting(scene.get(account)).await;

    let older = scene.token.clone();
    scene.login().await;
    scene.running.fault(Kind::Gentrack, Fault::RevokedTokens, 1, None);
    assert_eq!(scene.answered(scene.get(account)).await.0, 401);
    scene.token = older;
    assert_eq!(
        scene.answered(scene.get(account)).await.0,
        401,
        "all tokens are forgotten"
    );

    scene.running.fault(Kind::Gentrack, Fault::RefusedLogin, 1, None);
    assert_eq!(
        scene.answered(scene.get(account)).await.0,
        401,
        "an API call does not use the refusal up"
    );
    let refused = scene.send(scene.token_request()).await.unwrap();
    assert_eq!((refused.status, body(&refused)), (401, example("token.401.json")));
    for (fault, status) in [(Fault::Throttled(Some(3)), 429), (Fault::Status(503), 503)] {
        scene.running.fault(Kind::Gentrack, fault, 1, Some("token"));
        assert_eq!(scene.answered(scene.token_request()).await.0, status);
    }
    scene.login().await;
    scene.fitting(scene.get(account)).await;
    assert_eq!(scene.executed("login"), 4);
}

#[tokio::test]
async fn queued_faults_wait_for_their_requests() {
    let scene = Scene::new().await;
    let wanted = json!({"system": "gentrack", "fault": "status=503", "times": 2, "operation": "getAccountBills"});
    let (status, listed) = scene.control("POST", "/faults", Some(wanted.clone())).await;
    assert_eq!((status, &listed["faults"]), (201, &json!([wanted])));
    let by_path = json!({"system": "gentrack", "fault": "throttled=1", "path": "/accounts/10031187"});
    assert_eq!(scene.control("POST", "/faults", Some(by_path)).await.0, 201);

    let status = async |target: &str| scene.answered(scene.get(target)).await.0;
    assert_eq!(status("/accounts/10045213").await, 200);
    assert_eq!(status("/accounts/10045213/bills").await, 503);
    assert_eq!(status("/accounts/10031187").await, 429);
    assert_eq!(status("/accounts/10031187").await, 200);
    assert_eq!(status("/accounts/10045213/bills").await, 503);
    assert_eq!(status("/accounts/10045213/bills").await, 200);
    assert_eq!(
        scene.control("GET", "/faults", None).await,
        (200, json!({"faults": []}))
    );

    scene
        .control(
            "POST",
            "/faults",
            Some(json!({"system": "gentrack", "fault": "edge", "times": 9})),
        )
        .await;
    assert_eq!(
        scene.control("DELETE", "/faults", None).await,
        (200, json!({"faults": []}))
    );
    assert_eq!(status("/accounts/10045213").await, 200);

    for wrong in [
        json!({"system": "oracle", "fault": "edge"}),
        json!({"system": "gentrack", "fault": "status=200"}),
        json!({"system": "gentrack", "fault": "edge", "times": 0}),
        json!({"system": "gentrack", "fault": "edge", "after": 3}),
        json!([]),
    ] {
        assert_eq!(scene.control("POST", "/faults", Some(wrong)).await.0, 400);
    }
    assert_eq!(scene.control("GET", "/elsewhere", None).await.0, 404);
}

#[tokio::test]
async fn counts_tell_what_was_received_and_executed() {
    let scene = Scene::new().await;
    scene.fitting(scene.get("/accounts/10045213")).await;
    scene
        .answered(scene.get("/accounts/10045213").header("x-sandbox-fault", "status=500"))
        .await;
    scene.answered(scene.get("/accounts/0")).await;
    let (_, counts) = scene.control("GET", "/counts", None).await;
    let expected = json!({"gentrack": {
        "received": {"getAccount": 3, "token": 1},
        "executed": {"getAccount": 1, "login": 1},
        "logins": 1,
    }});
    assert_eq!(counts, expected);
    assert_eq!(scene.running.received(Kind::Gentrack).get("getAccount"), 3);
    assert_eq!(scene.control("POST", "/reset", None).await.0, 200);
    let (_, counts) = scene.control("GET", "/counts", None).await;
    assert_eq!(
        counts,
        json!({"gentrack": {"received": {}, "executed": {}, "logins": 0}})
    );
}

#[tokio::test]
async fn the_road_guards_itself() {
    let outside = start(&[Kind::Gentrack], "0.0.0.0:0".parse().unwrap()).await;
    let error = outside.err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("0.0.0.0"), "{error}");
    assert!(start(&[], LOOPBACK).await.is_err());

    let scene = Scene::new().await;
    let large = scene.post(SUBMIT, &json!("x".repeat(4 << 20)));
    assert_eq!(scene.send(large).await.unwrap().status, 413);
    let url = format!("http://{}/oracle/v1", scene.running.addr());
    assert_eq!(scene.client.get(url).send().await.unwrap().status(), 404);
    assert_eq!(
        scene.running.base(Kind::Gentrack),
        format!("http://{}/gentrack", scene.running.addr())
    );

    let Scene { running, client, .. } = scene;
    let url = format!("{}/v1/accounts/1", running.base(Kind::Gentrack));
    assert_eq!(client.get(&url).send().await.unwrap().status(), 401);
    drop(running);
    // The listener goes when the runtime next looks after it.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(client.get(&url).send().await.is_err(), "dropping it stops it");
}
