//! The simulated Urjanet, seen from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use intertie::sandbox::fault::Fault;
use intertie::sandbox::urjanet::{
    API_PATH, CHANGED_ACCOUNT, CUSTOMER, DELETED_ACCOUNT, LOGIN_PATH, NEW_CUSTOMER, PASSWORD, TOKEN_LIFETIME,
    UNKNOWN_ENROLLMENT, UNKNOWN_MONITORING, USERNAME, operation,
};
use intertie::sandbox::{Kind, Running, start};
use serde_json::{Value, json};

use crate::support::exchange::Exchange;
use crate::support::urjanet_contract::{self as contract, check, check_answer, check_request};
use crate::support::watch;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const SAMPLE: &str = "1e4b3abd-34c2-d5ee-adef-0800270a0870";
const MANY_METERS: &str = "0f496f9f-2472-4966-9fcf-0a6889070a49";

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/urjanet")
}

fn example(name: &str) -> Value {
    let bytes = std::fs::read(fixtures().join("examples").join(name)).unwrap();
    serde_json::from_slice(&bytes).unwrap()
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
        let running = start(&[Kind::Urjanet], LOOPBACK).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let token = String::new();
        let mut scene = Scene { running, client, token };
        scene.login().await;
        scene
    }

    async fn login(&mut self) {
        let exchange = self.send(self.login_request(&example("auth-login.request.json"))).await;
        check(&exchange).unwrap();
        self.token = body(&exchange)["token"].as_str().unwrap().to_owned();
    }

    fn login_request(&self, body: &Value) -> reqwest::RequestBuilder {
        self.client
            .post(format!("{}{LOGIN_PATH}", self.running.base(Kind::Urjanet)))
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{API_PATH}{path}", self.running.base(Kind::Urjanet));
        let request = self.client.request(method.parse().unwrap(), url);
        request.header("authorization", format!("Bearer {}", self.token))
    }

    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.request("GET", path)
    }

    fn post(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.request("POST", path)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Exchange {
        self.try_send(request).await.unwrap()
    }

    async fn try_send(&self, request: reqwest::RequestBuilder) -> Result<Exchange, reqwest::Error> {
        let request = request.build()?;
        let target = request.url().path().to_owned();
        let method = request.method().to_string();
        let request_headers = listed(request.headers());
        let sent = request.body().and_then(|body| body.as_bytes());
        let request_body = sent.unwrap_or_default().to_vec();
        let response = self.client.execute(request).await?;
        Ok(Exchange {
            method,
            target,
            request_headers,
            request_body,
            status: response.status().as_u16(),
            response_headers: listed(response.headers()),
            response_body: response.bytes().await?.to_vec(),
        })
    }

    /// Sends a request that fits the contract, and gets a success that does.
    async fn fitting(&self, request: reqwest::RequestBuilder) -> Value {
        let exchange = self.send(request).await;
        if let Err(error) = check(&exchange) {
            panic!("{} {}: {error}", exchange.method, exchange.target);
        }
        let answer = body(&exchange);
        assert_eq!((exchange.status, &answer["status"]), (200, &json!("OK")), "{answer}");
        answer
    }

    /// Sends a request that may be wrong, and gets a refusal that fits the contract: its status and code.
    async fn refused(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        let exchange = self.send(request).await;
        if let Err(error) = check_answer(&exchange) {
            panic!("{} {}: {error}", exchange.method, exchange.target);
        }
        let answer = body(&exchange);
        assert_eq!(
            (&answer["status"], &answer["data"]),
            (&json!("FAILURE"), &Value::Null),
            "{answer}"
        );
        let code = answer["message"][0]["messageCode"].as_str().unwrap_or_default();
        (exchange.status, code.to_owned())
    }

    /// The entity at a path.
    async fn read(&self, path: &str) -> Value {
        self.fitting(self.get(path)).await["data"].take()
    }

    /// Every entity a filter leaves, over all pages, sorted by id.
    async fn all(&self, path: &str, conditions: &Value) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut start = 0;
        loop {
            let criteria = json!({
                "start": start,
                "length": 1000,
                "sorts": [{ "field": "id", "direction": "asc" }],
                "filter": { "conditions": conditions },
            });
            // Checking thousands of rows against the schema takes its time, and one test does it.
            let exchange = self.send(self.post(path, &search(&criteria))).await;
            check_request(&exchange).unwrap();
            let mut page = body(&exchange);
            assert_eq!((exchange.status, &page["status"]), (200, &json!("OK")), "{page}");
            rows.append(page["data"].as_array_mut().unwrap());
            if page["morePages"] == false {
                return rows;
            }
            start = page["nextPageOffset"].as_u64().unwrap();
        }
    }

    /// The accounts whose number starts with 2 and that a condition leaves.
    async fn some(&self, condition: Option<Value>) -> Vec<Value> {
        let some = json!({ "field": "normalizedAccountNumber", "operator": "startswith", "value": "2" });
        let conditions: Vec<_> = std::iter::once(some).chain(condition).collect();
        self.all("/account/search", &json!(conditions)).await
    }

    /// How many of them a condition leaves.
    async fn hits(&self, field: &str, operator: &str, value: Value) -> usize {
        let condition = json!({ "field": field, "operator": operator, "value": value });
        self.some(Some(condition)).await.len()
    }

    fn executed(&self, operation: &str) -> u64 {
        self.running.counts(Kind::Urjanet).get(operation)
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

fn search(criteria: &Value) -> Value {
    json!({ "customerId": CUSTOMER, "queryCriteria": criteria })
}

fn ids(page: &Value) -> Vec<&str> {
    let rows = page["data"].as_array().unwrap();
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

/// The names of the members, at every depth.
fn members(value: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if let Value::Object(object) = value {
        for (name, member) in object {
            names.insert(name.clone());
            if name != "customAttributes" {
                names.extend(members(member).iter().map(|inner| format!("{name}.{inner}")));
            }
        }
    }
    names
}

/// An account as it can be created.
fn new_account(number: &str) -> Value {
    json!({
        "customerId": CUSTOMER,
        "accountNumber": number,
        "utilityProviderId": "GeorgiaPower",
        "subscribed": true,
        "toBeDelivered": true,
        "extractionChannelId": "Customer1_1-GeorgiaPower_1",
    })
}

#[test]
fn every_example_fits_its_schema() {
    let index: Value = serde_json::from_slice(&std::fs::read(fixtures().join("examples-index.json")).unwrap()).unwrap();
    let mut seen = BTreeSet::new();
    for entry in index["examples"].as_array().unwrap() {
        let file = entry["file"].as_str().unwrap();
        let value = example(file);
        let fits = match entry["schema"].as_str() {
            Some(schema) => contract::check_named(schema, &value),
            None => contract::check_example(
                entry["operationId"].as_str().unwrap(),
                entry["httpStatus"].as_u64(),
                &value,
            ),
        };
        fits.unwrap_or_else(|error| panic!("{file}: {error}"));
        seen.insert(file.to_owned());
    }
    for entry in std::fs::read_dir(fixtures().join("examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(seen.contains(&name), "{name} is not in the index");
    }
    assert!(seen.len() > 60);
}

#[test]
fn the_simulated_system_carries_the_samples_unchanged() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sandbox/urjanet/data");
    for entry in std::fs::read_dir(data).unwrap() {
        let entry = entry.unwrap();
        let original = fixtures().join("examples").join(entry.file_name());
        assert!(
            std::fs::read(entry.path()).unwrap() == std::fs::read(original).unwrap(),
            "{:?} differs",
            entry.file_name()
        );
    }
}

#[test]
fn every_call_of_the_contract_is_recognised_by_name() {
    let operations = contract::operations();
    // The 28 published ones count the call for a provider as the one for a template; one more path is inferred.
    assert_eq!(operations.len(), 30);
    for (method, template, id) in operations {
        let path = template
            .split('/')
            .map(|part| if part.starts_with('{') { "1" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        let path = if id == "login" { LOGIN_PATH.to_owned() } else { path };
        let method = method.parse().unwrap();
        assert_eq!(operation(&method, &path, b"").as_deref(), Some(&*id), "{path}");
    }
}

#[test]
fn the_checker_refuses_what_does_not_fit() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let good = Exchange {
        method: "GET".into(),
        target: format!("/urjanet/api/v1/account/status/{SAMPLE}"),
        request_headers: vec![pair("authorization", "Bearer t")],
        request_body: Vec::new(),
        status: 200,
        response_headers: vec![pair("content-type", "application/json")],
        response_body: example("account-status.response.json").to_string().into_bytes(),
    };
    check(&good).unwrap();
    let posted = |path: &str, sent: &Value, answered: &Value| Exchange {
        method: "POST".into(),
        target: format!("/api/v1{path}"),
        request_headers: vec![
            pair("authorization", "Bearer t"),
            pair("content-type", "application/json"),
        ],
        request_body: sent.to_string().into_bytes(),
        response_body: answered.to_string().into_bytes(),
        ..good.clone()
    };
    let page = example("credential-search.response.json");
    let asked = |criteria: &Value| posted("/credential/search", &search(criteria), &page);
    let filter = |conditions: &Value| asked(&json!({ "filter": { "conditions": conditions } }));
    let user = json!({ "field": "username", "operator": "eq", "value": "user1" });
    let secret = json!({ "field": "password", "operator": "eq", "value": "pass1" });
    check(&filter(&json!([user, secret]))).unwrap();
    let created = posted(
        "/account/create",
        &example("account-create.request.json"),
        &example("account-create.response.json"),
    );
    check(&created).unwrap();

    let mut wrong: Vec<(&str, Exchange)> = Vec::new();
    let mut spoil = |why, from: &Exchange, change: &dyn Fn(&mut Exchange)| {
        let mut exchange = from.clone();
        change(&mut exchange);
        wrong.push((why, exchange));
    };
    spoil("path", &good, &|e| e.target = "/api/v1/account/read/1".into());
    spoil("no UUID", &good, &|e| e.target = "/api/v1/account/status/17".into());
    spoil("method", &good, &|e| e.method = "DELETE".into());
    spoil("query", &good, &|e| e.target.push_str("?password=pass1"));
    spoil("no token", &good, &|e| e.request_headers.clear());
    spoil("body on GET", &good, &|e| e.request_body = b"{}".to_vec());
    spoil("status", &good, &|e| e.status = 204);
    spoil("answer type", &good, &|e| e.response_headers.clear());
    spoil("answer body", &good, &|e| {
        e.response_body = b"{\"data\":{},\"status\":\"OK\",\"message\":[]}".to_vec()
    });
    spoil("failure without details", &good, &|e| {
        e.response_body = b"{\"status\":\"FAILURE\"}".to_vec()
    });
    spoil("content type", &created, &|e| drop(e.request_headers.pop()));
    let unknown = |name: &str, value: Value| {
        let mut body = example("account-create.request.json");
        body[name] = value;
        body.to_string().into_bytes()
    };
    spoil("stray member", &created, &|e| {
        e.request_body = unknown("meterNumber", json!("1"))
    });
    spoil("null", &created, &|e| {
        e.request_body = unknown("pullHistory", Value::Null)
    });
    spoil("enum", &created, &|e| {
        e.request_body = unknown("ebillRequirement", json!("ON"))
    });
    spoil("secret in an answer", &created, &|e| {
        let mut answer = example("account-create.response.json");
        answer["data"]["password"] = json!("pass1");
        e.response_body = answer.to_string().into_bytes();
    });
    let keep = |_: &mut Exchange| {};
    spoil("password alone", &filter(&json!([secret])), &keep);
    spoil(
        "password includes",
        &filter(&json!([user, { "field": "password", "operator": "includes", "value": "p" }])),
        &keep,
    );
    spoil(
        "operator",
        &filter(&json!([{ "field": "username", "operator": "like", "value": "u" }])),
        &keep,
    );
    spoil(
        "capital",
        &filter(&json!([{ "field": "username", "operator": "startsWith", "value": "u" }])),
        &keep,
    );
    spoil(
        "operand",
        &filter(&json!([{ "field": "created", "operator": "before", "value": "2026-01-01" }])),
        &keep,
    );
    spoil(
        "blank with a value",
        &filter(&json!([{ "field": "url", "operator": "isblank", "value": "" }])),
        &keep,
    );
    spoil(
        "stray condition",
        &filter(&json!([{ "field": "url", "operator": "isblank", "or": [] }])),
        &keep,
    );
    spoil("unsorted page", &asked(&json!({ "start": 100 })), &keep);
    let sorted = json!({ "sorts": [{ "field": "password", "direction": "asc" }] });
    spoil("password sorted on", &asked(&sorted), &keep);
    for (why, exchange) in wrong {
        assert!(check(&exchange).is_err(), "{why} was let through");
    }
}

#[tokio::test]
async fn a_login_hands_out_a_token_that_ends_in_seconds() {
    let scene = Scene::new().await;
    let sample = example("auth-login.request.json");
    assert_eq!(sample, json!({ "username": USERNAME, "password": PASSWORD }));
    let answer = body(&scene.send(scene.login_request(&sample)).await);
    assert_eq!(members(&answer), members(&example("auth-login.response.json")));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let end: u64 = answer["expires"].as_str().unwrap().parse().unwrap();
    assert!(now < end && end <= now + TOKEN_LIFETIME);

    let wrong = json!({ "username": USERNAME, "password": "guess" });
    let refused = scene.send(scene.login_request(&wrong)).await;
    check(&refused).unwrap();
    assert_eq!(
        (refused.status, body(&refused)),
        (401, example("auth-login.401.inferred.json"))
    );
    scene.running.fault(Kind::Urjanet, Fault::RefusedLogin, 1, None);
    let refused = scene.send(scene.login_request(&sample)).await;
    assert_eq!(
        (refused.status, body(&refused)),
        (401, example("auth-login.401.inferred.json"))
    );
    assert_eq!((scene.executed("login"), scene.executed("login-refused")), (2, 2));
}

#[tokio::test]
async fn the_samples_come_back_under_their_own_ids() {
    let scene = Scene::new().await;
    for (path, name) in [
        (format!("/account/status/{SAMPLE}"), "account-status.response.json"),
        (format!("/meter/status/{SAMPLE}"), "meter-status.response.json"),
        (
            format!("/credential/status/{SAMPLE}"),
            "credential-status.response.json",
        ),
        (
            "/credential/status/Customer_1-GeorgiaPower_1".into(),
            "credential-status.response.json",
        ),
        (format!("/attribute/status/{SAMPLE}"), "attribute-status.response.json"),
        (format!("/template/status/{SAMPLE}"), "template-status.response.json"),
        (
            "/template/status/GeorgiaPowerTemplateProvider".into(),
            "template-status.response.json",
        ),
        (format!("/provider/status/{SAMPLE}"), "provider-status.response.json"),
        ("/template/status/GeorgiaPower".into(), "provider-status.response.json"),
        (
            "/provider/status/68c2e3ba-8c82-48a4-a6ac-e2686d4e2222".into(),
            "provider-status.response.json",
        ),
        (
            "/serviceType/status/1e62e858-d447-d234-b5ab-c48e8ffc23b7".into(),
            "service-type-status.response.json",
        ),
    ] {
        assert_eq!(scene.fitting(scene.get(&path)).await, example(name), "{path}");
    }
}

/// Lists of samples were cut after their first entity, so that much and the paging members must be equal.
#[tokio::test]
async fn the_sample_searches_find_what_the_samples_show() {
    let scene = Scene::new().await;
    // The number of a page, or none where the sample contradicts itself: one attribute counts the further ones out, and
    // no second candidate can have the number searched for.
    for (path, name, more, next) in [
        ("/account/search", "account-search", true, 10),
        ("/account/candidates", "account-candidates", true, 10),
        ("/meter/search", "meter-search", true, 100),
        ("/meter/candidate", "meter-candidate", true, 100),
        ("/credential/search", "credential-search", true, 100),
        ("/attribute/search", "attribute-search", false, 5),
        ("/changelog/search", "changelog-search", false, 100),
        ("/template/status/search", "template-search", false, 5),
        ("/template/search", "template-search", false, 5),
        ("/provider/search", "provider-search", false, 8),
        ("/account/search", "workflow-b-1-account-search", true, 100),
        ("/account/candidates", "workflow-c-1-account-candidates", false, 1),
    ] {
        // Two samples are not in lower case, so only the answer is checked.
        let exchange = scene
            .send(scene.post(path, &example(&format!("{name}.request.json"))))
            .await;
        check_answer(&exchange).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (answer, sample) = (body(&exchange), example(&format!("{name}.response.json")));
        assert_eq!(answer["data"][0], sample["data"][0], "{name}");
        assert_eq!(
            (&answer["status"], &answer["message"]),
            (&sample["status"], &sample["message"])
        );
        assert_eq!(
            (&answer["morePages"], &answer["nextPageOffset"]),
            (&json!(more), &json!(next)),
            "{name}"
        );
        if !["attribute-search", "workflow-c-1-account-candidates"].contains(&name) {
            assert_eq!(
                (&answer["morePages"], &answer["nextPageOffset"]),
                (&sample["morePages"], &sample["nextPageOffset"])
            );
        }
        let full = if more {
            next
        } else {
            answer["data"].as_array().unwrap().len()
        };
        assert_eq!(answer["data"].as_array().unwrap().len(), full, "{name}");
    }
    for (path, name) in [
        (format!("/meter/byaccount/{MANY_METERS}"), "meter-by-account"),
        ("/serviceType/list".into(), "service-type-list"),
        (
            "/provider/byServiceType/1e62e858-d447-d234-b5ab-c48e8ffc23b7".into(),
            "provider-by-service-type",
        ),
    ] {
        let (mut answer, sample) = (
            scene.fitting(scene.get(&path)).await,
            example(&format!("{name}.response.json")),
        );
        answer["data"].as_array_mut().unwrap().truncate(1);
        assert_eq!(answer, sample, "{name}");
    }
    let by_password = example("workflow-d-2-credential-search.request.json");
    let answer = scene.fitting(scene.post("/credential/search", &by_password)).await;
    assert_eq!(answer, example("workflow-d-2-credential-search.response.json"));
}

/// The samples of what was written show other values than were sent, so their members are compared and not their values.
#[tokio::test]
async fn workflow_a_enrols_an_account() {
    let scene = Scene::new().await;
    let mut made = Vec::new();
    for (path, step) in [
        ("/credential/create", "workflow-a-1-credential-create"),
        ("/attribute/create", "workflow-a-2-attribute-create"),
        ("/account/create", "workflow-a-3-account-create"),
        ("/meter/create", "workflow-a-4-meter-create"),
    ] {
        let mut request = example(&format!("{step}.request.json"));
        if let Some(account) = request.get_mut("utilityAccountId") {
            *account = made.last().map(|account: &Value| account["id"].clone()).unwrap();
        }
        let answer = scene.fitting(scene.post(path, &request)).await;
        let sample = example(&format!("{step}.response.json"));
        let names = |answer: &Value| {
            answer["data"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(names(&answer), names(&sample), "{step}");
        made.push(answer["data"].clone());
    }
    let [credential, attribute, account, meter] = &made[..] else {
        panic!()
    };
    assert_eq!(credential["extractionChannelId"], "ExampleCustomer_1-GeorgiaPower_1");
    assert_eq!(
        (&credential["enabled"], &credential["lastAttempted"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        (&attribute["name"], &attribute["cnbdPosition"]),
        (&json!("SiteID"), &json!(-1))
    );
    assert_eq!(account["normalizedAccountNumber"], "123456789");
    assert_eq!(
        (&account["enrollmentStatus"], &account["latestTotalBillAmount"]),
        (&json!("PENDING"), &Value::Null)
    );
    assert_eq!(account["extractionChannels"][0]["id"], credential["id"]);
    assert_eq!(
        (&meter["utilityAccount"]["id"], &meter["normalizedMeterNumber"]),
        (&account["id"], &json!("meter123"))
    );
    for (kind, entity) in [
        ("credential", credential),
        ("attribute", attribute),
        ("account", account),
        ("meter", meter),
    ] {
        let path = format!("/{kind}/status/{}", entity["id"].as_str().unwrap());
        assert_eq!(scene.read(&path).await, *entity);
    }
    let own = json!({ "customerId": NEW_CUSTOMER });
    let accounts = scene.fitting(scene.post("/account/search", &own)).await;
    assert_eq!(ids(&accounts), [account["id"].as_str().unwrap()]);
    let path = format!("/meter/byaccount/{}", account["id"].as_str().unwrap());
    assert_eq!(scene.fitting(scene.get(&path)).await["data"], json!([meter]));
    let events = scene.fitting(scene.post("/changelog/search", &own)).await;
    let names: Vec<_> = events["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["eventName"])
        .collect();
    assert_eq!(
        names,
        ["CredentialStateChangeEvent", "AccountLinkageEvent", "MeterLinkageEvent"]
    );
    for operation in ["createCredential", "createAttribute", "createAccount", "createMeter"] {
        assert_eq!(scene.executed(operation), 1, "{operation}");
    }
    // Started anew, the system knows none of it.
    scene.running.reset();
    let mut scene = scene;
    scene.login().await;
    assert!(ids(&scene.fitting(scene.post("/account/search", &own)).await).is_empty());
}

#[tokio::test]
async fn the_other_samples_of_writes_are_carried_out() {
    let scene = Scene::new().await;
    for (path, name) in [
        ("/account/create", "account-create"),
        ("/account/update", "account-update"),
        ("/account/enrollCandidate", "account-enroll-candidate"),
        ("/account/enrollCandidate", "workflow-c-2-account-enroll-candidate"),
        ("/meter/update", "meter-update"),
        ("/credential/create", "credential-create"),
        ("/credential/update", "credential-update"),
        ("/credential/update", "workflow-d-3-credential-update"),
        ("/credential/create", "workflow-d-4-credential-create"),
        ("/attribute/update", "attribute-update"),
        // The name it creates is free once the one above has renamed the attribute.
        ("/attribute/create", "attribute-create"),
    ] {
        let request = example(&format!("{name}.request.json"));
        let answer = scene.fitting(scene.post(path, &request)).await;
        let sample = example(&format!("{name}.response.json"));
        let names = |answer: &Value| {
            answer["data"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(names(&answer), names(&sample), "{name}");
    }
    let both = scene.read("/account/status/1e557643-1753-d931-b246-0e384cd92781").await;
    let keys: Vec<_> = both["extractionChannels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|channel| &channel["naturalKey"])
        .collect();
    assert_eq!(keys, ["Customer1_1-GeorgiaPower_1", "Customer1_1-GeorgiaPower_2"]);
    assert_eq!(
        (&both["pullHistory"], &both["ebillRequirement"]),
        (&json!(true), &json!("TURN_ON_EBILL"))
    );
    // A bucket means nothing to a credential for a website.
    let credential = scene.read("/credential/status/Customer_1-GeorgiaPower_1").await;
    assert_eq!(
        (&credential["s3BucketName"], &credential["username"]),
        (&Value::Null, &json!("user3"))
    );
    let attribute = scene.read(&format!("/attribute/status/{SAMPLE}")).await;
    assert_eq!(
        (&attribute["name"], &attribute["cnbdPosition"]),
        (&json!("NewName"), &json!(1))
    );
}

#[tokio::test]
async fn workflow_b_turns_off_delivery_for_a_group() {
    let scene = Scene::new().await;
    let group = json!([
        { "field": "SiteID", "operator": "includes", "value": "1239" },
        { "field": "toBeDelivered", "operator": "is", "value": true },
    ]);
    let hits = scene.all("/account/search", &group).await;
    assert!(hits.len() > 5);
    for hit in &hits {
        let change = json!({ "id": hit["id"], "toBeDelivered": false });
        let changed = scene.fitting(scene.post("/account/update", &change)).await["data"].take();
        assert_eq!(changed["toBeDelivered"], false);
        assert!(changed["deliveryDisabledDate"].is_u64());
        // Everything else stays.
        for name in [
            "subscribed",
            "customAttributes",
            "extractionChannels",
            "enrollmentStatus",
            "created",
        ] {
            assert_eq!(changed[name], hit[name], "{name}");
        }
    }
    assert!(scene.all("/account/search", &group).await.is_empty());
    assert_eq!(scene.executed("updateAccount"), hits.len() as u64);
    let events = json!({
        "start": 0,
        "length": 1000,
        "sorts": [{ "field": "timestamp", "direction": "desc" }],
        "filter": { "conditions": [
            { "field": "eventName", "operator": "eq", "value": "AccountDeliveryChangeEvent" },
            { "field": "newStatus", "operator": "eq", "value": "false" },
            { "field": "accountNumber", "operator": "eq", "value": hits[0]["accountNumber"] },
        ] },
    });
    let events = scene.fitting(scene.post("/changelog/search", &search(&events))).await;
    assert_eq!(events["data"][0]["username"], USERNAME);
}

#[tokio::test]
async fn workflow_c_enrols_a_candidate_once() {
    let scene = Scene::new().await;
    let id = "80da2e51-83b3-4eed-8f47-b02ee248ff78";
    let before = scene.read(&format!("/account/status/{id}")).await;
    assert_eq!(
        (&before["enrollmentStatus"], &before["extractionChannels"]),
        (&Value::Null, &json!([]))
    );
    let request = example("workflow-c-2-account-enroll-candidate.request.json");
    let account = scene.fitting(scene.post("/account/enrollCandidate", &request)).await["data"].take();
    assert_eq!(account["enrollmentStatus"], "SUCCESSFUL_ENROLLED");
    assert_eq!(account["extractionChannels"], before["verifiedExtractionChannels"]);
    let again = scene.refused(scene.post("/account/enrollCandidate", &request)).await;
    assert_eq!(again, (400, "ALREADY_EXISTS".into()));
    let number = json!([{ "field": "normalizedAccountNumber", "operator": "eq", "value": "456" }]);
    assert!(scene.all("/account/candidates", &number).await.is_empty());
    assert_eq!(scene.all("/account/search", &number).await, [account]);
    assert_eq!(scene.executed("enrollCandidateAccount"), 1);

    // A candidate whose number is created becomes the account, with its id.
    let candidates = scene
        .all(
            "/account/candidates",
            &json!([{ "field": "extractionStatus", "operator": "eq", "value": "EXISTS" }]),
        )
        .await;
    let candidate = candidates.iter().find(|candidate| candidate["id"] != SAMPLE).unwrap();
    let mut create = new_account(candidate["accountNumber"].as_str().unwrap());
    create["utilityProviderId"] = candidate["utilityProvider"]["id"].clone();
    let created = scene.fitting(scene.post("/account/create", &create)).await["data"].take();
    assert_eq!(
        (&created["id"], &created["enrollmentStatus"]),
        (&candidate["id"], &json!("PENDING"))
    );
}

#[tokio::test]
async fn workflow_d_changes_a_password() {
    let scene = Scene::new().await;
    let with = |password: &str| {
        let mut request = example("workflow-d-1-credential-search.request.json");
        request["queryCriteria"]["filter"]["conditions"][1]["value"] = json!(password);
        request
    };
    let new = scene.fitting(scene.post("/credential/search", &with("pass2"))).await;
    assert_eq!((&new["data"], &new["morePages"]), (&json!([]), &json!(false)));
    // Passwords are compared letter by letter.
    let loud = scene.fitting(scene.post("/credential/search", &with("PASS1"))).await;
    assert_eq!(loud["data"], json!([]));
    let old = scene.fitting(scene.post("/credential/search", &with("pass1"))).await;
    let key = &old["data"]["extractionChannelId"];
    let update = json!({ "id": key, "password": "pass2" });
    scene.fitting(scene.post("/credential/update", &update)).await;
    let new = scene.fitting(scene.post("/credential/search", &with("pass2"))).await;
    assert_eq!(new["data"]["id"], old["data"]["id"]);
    assert_eq!(scene.executed("updateCredential"), 1);

    // Accounts whose login failed wait for the next run.
    let failed = json!([{ "field": "monitoringStatus", "operator": "eq", "value": "LOGIN_FAILURE" }]);
    let account = scene.all("/account/search", &failed).await[0].clone();
    let update = json!({ "id": account["extractionChannels"][0]["naturalKey"], "password": "new" });
    scene.fitting(scene.post("/credential/update", &update)).await;
    let path = format!("/account/status/{}", account["id"].as_str().unwrap());
    assert_eq!(scene.read(&path).await["monitoringStatus"], "LOGIN_UPDATED");

    for (conditions, sorts) in [
        (
            json!([{ "field": "password", "operator": "eq", "value": "pass2" }]),
            json!(null),
        ),
        (
            json!([
                { "field": "username", "operator": "eq", "value": "user1" },
                { "field": "password", "operator": "startswith", "value": "pass" },
            ]),
            json!(null),
        ),
        (json!([]), json!([{ "field": "password2", "direction": "asc" }])),
    ] {
        let request = search(&json!({ "sorts": sorts, "filter": { "conditions": conditions } }));
        let refused = scene.refused(scene.post("/credential/search", &request)).await;
        assert_eq!(refused, (400, "INVALID_ARGUMENTS".into()));
    }
}

#[tokio::test]
async fn all_sixteen_operators_search() {
    let scene = Scene::new().await;
    let all = scene.some(None).await;
    let count = |holds: &dyn Fn(&Value) -> bool| all.iter().filter(|account| holds(account)).count();
    assert_eq!(all.len(), 812);
    let delivered = count(&|account| account["enrollmentStatus"] == "SUCCESSFUL_DELIVERED");
    assert!(delivered > 300);
    assert_eq!(
        scene
            .hits("enrollmentStatus", "eq", json!("successful_delivered"))
            .await,
        delivered
    );
    for operator in ["ne", "neq"] {
        assert_eq!(
            scene
                .hits("enrollmentStatus", operator, json!("SUCCESSFUL_DELIVERED"))
                .await,
            all.len() - delivered
        );
    }
    // Amounts are compared as numbers; an account without one satisfies none but the negations.
    let amount = |account: &Value| {
        account["latestTotalBillAmount"]
            .as_number()
            .map(|number| number.to_string().parse::<rust_decimal::Decimal>().unwrap())
    };
    let value = all[400]["latestTotalBillAmount"].clone();
    let wanted = amount(&all[400]).unwrap();
    assert!(count(&|account| amount(account).is_none()) > 20);
    assert!(count(&|account| amount(account).is_some_and(|amount| amount.is_sign_negative())) > 5);
    for (operator, expected) in [
        (
            "gt",
            count(&|account| amount(account).is_some_and(|amount| amount > wanted)),
        ),
        (
            "lt",
            count(&|account| amount(account).is_some_and(|amount| amount < wanted)),
        ),
        (
            "gte",
            count(&|account| amount(account).is_some_and(|amount| amount >= wanted)),
        ),
        (
            "lte",
            count(&|account| amount(account).is_some_and(|amount| amount <= wanted)),
        ),
        ("eq", count(&|account| amount(account) == Some(wanted))),
        ("neq", count(&|account| amount(account) != Some(wanted))),
    ] {
        assert!(expected > 0, "{operator}");
        assert_eq!(
            scene.hits("latestTotalBillAmount", operator, value.clone()).await,
            expected,
            "{operator}"
        );
    }
    let number = |account: &Value| account["accountNumber"].as_str().unwrap().to_owned();
    for (operator, expected) in [
        ("include", count(&|account| number(account).contains("22"))),
        ("includes", count(&|account| number(account).contains("22"))),
        ("notinclude", count(&|account| !number(account).contains("22"))),
        ("startswith", count(&|account| number(account).starts_with("22"))),
        ("endswith", count(&|account| number(account).ends_with("22"))),
    ] {
        assert!(expected > 0, "{operator}");
        assert_eq!(
            scene.hits("accountNumber", operator, json!("22")).await,
            expected,
            "{operator}"
        );
    }
    let off = count(&|account| account["subscribed"] == false);
    assert!(off > 5);
    assert_eq!(scene.hits("subscribed", "is", json!(false)).await, off);
    let instant = all
        .iter()
        .filter_map(|account| account["lastExtracted"].as_u64())
        .max()
        .unwrap();
    let last = |account: &Value| account["lastExtracted"].as_u64();
    for (operator, expected) in [
        (
            "before",
            count(&|account| last(account).is_some_and(|last| last < instant)),
        ),
        (
            "after",
            count(&|account| last(account).is_some_and(|last| last > instant - 60_000_000)),
        ),
        (
            "on",
            count(&|account| last(account).is_some_and(|last| last / 86_400_000 == instant / 86_400_000)),
        ),
    ] {
        assert!(expected > 0, "{operator}");
        let value = if operator == "after" {
            instant - 60_000_000
        } else {
            instant
        };
        assert_eq!(
            scene.hits("lastExtracted", operator, json!(value)).await,
            expected,
            "{operator}"
        );
    }
    for field in [
        "lastSuccessfulExtractionChannelId",
        "summaryAccountNumber",
        "SiteID",
        "extractionChannelIds",
    ] {
        let blank = scene
            .some(Some(json!({ "field": field, "operator": "isblank" })))
            .await
            .len();
        let rest = scene
            .some(Some(json!({ "field": field, "operator": "notblank" })))
            .await
            .len();
        assert!(blank > 0 && rest > 0 && blank + rest == all.len(), "{field}");
    }
    // A provider is meant by its alias and by every id of its.
    let georgia = scene.hits("utilityProviderId", "eq", json!("GeorgiaPower")).await;
    assert!(georgia > 20);
    for id in [SAMPLE, "68c2e3ba-8c82-48a4-a6ac-e2686d4e2222"] {
        assert_eq!(scene.hits("utilityProviderId", "eq", json!(id)).await, georgia);
    }
    assert_eq!(
        scene.hits("utilityProviderId", "neq", json!("GeorgiaPower")).await,
        all.len() - georgia
    );
    // All conditions must hold.
    let two = json!([
        { "field": "normalizedAccountNumber", "operator": "startswith", "value": "2" },
        { "field": "utilityProviderId", "operator": "eq", "value": "GeorgiaPower" },
        { "field": "enrollmentStatus", "operator": "neq", "value": "SUCCESSFUL_DELIVERED" },
    ]);
    let two = scene.all("/account/search", &two).await.len();
    assert!(0 < two && two < georgia);
    // Meters are found by the number of their account, and events by their fields.
    let meters = json!([{ "field": "accountNumber", "operator": "eq", "value": "012345-0001" }]);
    assert_eq!(scene.all("/meter/search", &meters).await.len(), 131);
    let manual = json!({ "filter": { "conditions": [{ "field": "manual", "operator": "is", "value": true }] } });
    let manual = scene.fitting(scene.post("/changelog/search", &search(&manual))).await;
    assert_eq!(manual["data"][0]["eventFields"]["manual"], "true");
}

#[tokio::test]
async fn searches_that_make_no_sense_are_refused() {
    let scene = Scene::new().await;
    let condition = |field: &str, operator: &str, value: Value| json!({ "filter": { "conditions": [{ "field": field, "operator": operator, "value": value }] } });
    for (path, criteria) in [
        ("/account/search", condition("colour", "eq", json!("red"))),
        ("/account/search", condition("accountNumber", "like", json!("1"))),
        ("/account/search", condition("accountNumber", "gt", json!("1"))),
        ("/account/search", condition("accountNumber", "eq", json!(1))),
        ("/account/search", condition("accountNumber", "eq", Value::Null)),
        ("/account/search", condition("accountNumber", "isblank", json!(""))),
        ("/account/search", condition("subscribed", "eq", json!(true))),
        ("/account/search", condition("created", "gt", json!(1))),
        ("/account/search", condition("created", "before", json!("2026-01-01"))),
        (
            "/account/search",
            condition("utilityProvider", "eq", json!("GeorgiaPower")),
        ),
        ("/changelog/search", condition("oldValues", "eq", json!("{}"))),
        ("/account/search", json!({ "length": 0 })),
        ("/account/search", json!({ "start": -1 })),
        ("/account/search", json!({ "page": 1 })),
        ("/account/search", json!({ "sorts": [{ "field": "accountNumber" }] })),
        ("/account/search", json!({ "filter": [] })),
    ] {
        let refused = scene.refused(scene.post(path, &search(&criteria))).await;
        assert_eq!(refused, (400, "INVALID_ARGUMENTS".into()), "{criteria}");
    }
    for body in [json!({}), json!({ "customerId": "Nobody" })] {
        let refused = scene.refused(scene.post("/account/search", &body)).await;
        assert_eq!(refused, (400, "INVALID_ARGUMENTS".into()));
    }
    assert_eq!(scene.executed("searchAccounts"), 0);
}

#[tokio::test]
async fn pages_have_the_traps_of_the_contract() {
    let scene = Scene::new().await;
    let page = async |criteria: Value| {
        let exchange = scene.send(scene.post("/account/search", &search(&criteria))).await;
        check_request(&exchange).unwrap();
        body(&exchange)
    };
    let by_id = json!([{ "field": "id", "direction": "asc" }]);
    // 100 when nothing is said, 1,000 when there are no criteria, more cut in silence.
    assert_eq!(ids(&page(json!({ "sorts": by_id })).await).len(), 100);
    assert_eq!(ids(&page(Value::Null).await).len(), 1000);
    let long = page(json!({ "sorts": by_id, "length": 5000 })).await;
    assert_eq!(
        (ids(&long).len(), &long["morePages"], &long["nextPageOffset"]),
        (1000, &json!(true), &json!(1000))
    );
    // The offset is filled on the last page too.
    let last = page(json!({ "sorts": by_id, "start": 2500, "length": 100 })).await;
    assert_eq!(
        (ids(&last).len(), &last["morePages"], &last["nextPageOffset"]),
        (5, &json!(false), &json!(2505))
    );
    let beyond = page(json!({ "sorts": by_id, "start": 9000 })).await;
    assert_eq!(
        (ids(&beyond).len(), &beyond["morePages"], &beyond["nextPageOffset"]),
        (0, &json!(false), &json!(9000))
    );
    // Sorted pages follow on each other; without a sort they overlap.
    let walk = async |sorts: Value| {
        let mut seen = Vec::new();
        for start in (0..2505).step_by(500) {
            let request = search(&json!({ "start": start, "length": 500, "sorts": sorts }));
            let answer = body(&scene.send(scene.post("/account/search", &request)).await);
            seen.extend(ids(&answer).into_iter().map(str::to_owned));
        }
        assert_eq!(seen.len(), 2505);
        seen.into_iter().collect::<BTreeSet<_>>().len()
    };
    assert_eq!(walk(by_id).await, 2505);
    assert!(walk(Value::Null).await < 2505);
    // Only `asc` sorts up.
    let numbers = async |direction: &str| {
        let sorts = json!([{ "field": "normalizedAccountNumber", "direction": direction }]);
        let page = page(json!({ "sorts": sorts, "length": 1000 })).await;
        let rows = page["data"].as_array().unwrap().iter();
        rows.map(|row| row["normalizedAccountNumber"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(numbers("asc").await.is_sorted());
    for direction in ["desc", "ASC", "ascending"] {
        assert!(
            numbers(direction).await.is_sorted_by(|one, other| one >= other),
            "{direction}"
        );
    }
    // A list without paging input has more than it shows; the search shows the rest.
    let meters = scene
        .fitting(scene.get(&format!("/meter/byaccount/{MANY_METERS}")))
        .await;
    assert_eq!((ids(&meters).len(), &meters["morePages"]), (100, &json!(true)));
    let condition = json!([{ "field": "utilityAccountId", "operator": "eq", "value": MANY_METERS }]);
    assert_eq!(scene.all("/meter/search", &condition).await.len(), 131);
}

#[tokio::test]
async fn the_accounts_show_every_status_and_every_gap() {
    let scene = Scene::new().await;
    let all = scene.all("/account/search", &json!([])).await;
    let texts = |name: &str| {
        all.iter()
            .filter_map(|account| account[name].as_str())
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    };
    for (name, schema, unknown) in [
        ("enrollmentStatus", "EnrollmentStatus", Some(UNKNOWN_ENROLLMENT)),
        ("extractionStatus", "ExtractionStatus", None),
        ("monitoringStatus", "MonitoringStatus", Some(UNKNOWN_MONITORING)),
        ("providerClassification", "ProviderClassification", None),
        ("nextExpectedConfidence", "NextExpectedConfidence", None),
        ("ebillRequirement", "EbillRequirement", None),
    ] {
        let mut known: BTreeSet<_> = contract::values(schema).into_iter().collect();
        known.extend(unknown.map(str::to_owned));
        assert_eq!(texts(name), known, "{name}");
    }
    let some = |holds: &dyn Fn(&Value) -> bool| all.iter().filter(|account| holds(account)).count() > 5;
    assert!(some(&|account| account["extractionStatus"].is_null()));
    assert!(some(&|account| account
        .get("lastSuccessfulExtractionChannel")
        .is_none()));
    assert!(some(&|account| account["lastSuccessfulExtractionChannel"].is_null()
        && account.get("lastSuccessfulExtractionChannel").is_some()));
    assert!(some(
        &|account| account["extractionChannels"].as_array().unwrap().len() == 2
    ));
    assert!(some(&|account| account["extractionChannels"] == json!([])));
    assert!(some(&|account| {
        let count = |name: &str| account[name].as_array().unwrap().len();
        count("verifiedExtractionChannels") > count("extractionChannels")
    }));
    assert!(some(
        &|account| account["customAttributes"].get("SiteID") == Some(&Value::Null)
    ));
    assert!(some(&|account| account["customAttributes"].get("SiteID").is_none()));
    assert!(some(&|account| account["summaryAccountNumber"].is_string()));
    // Skipped runs go with a confident forecast only.
    for account in all.iter().filter(|account| {
        account["extractionStatus"]
            .as_str()
            .is_some_and(|text| text.ends_with("_SKIPPED"))
    }) {
        assert_eq!(account["nextExpectedConfidence"], "HIGH");
    }
    let mut meters = BTreeMap::<String, usize>::new();
    for meter in scene.all("/meter/search", &json!([])).await {
        *meters
            .entry(meter["utilityAccount"]["id"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    assert!(meters.len() >= 2500 && meters.values().filter(|count| **count == 3).count() > 50);
    for candidate in scene
        .all(
            "/account/candidates",
            &json!([{ "field": "enrollmentStatus", "operator": "isblank" }]),
        )
        .await
    {
        let nulls = ["monitoringStatus", "ebillRequirement"].map(|name| &candidate[name]);
        assert_eq!(
            (nulls, &candidate["extractionChannels"]),
            ([&Value::Null; 2], &json!([]))
        );
    }
    let every = search(&json!({ "length": 1000 }));
    let events = scene.fitting(scene.post("/changelog/search", &every)).await;
    let names: BTreeSet<_> = events["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["eventName"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, contract::values("ChangeEventName").into_iter().collect());
}

#[tokio::test]
async fn ids_change_and_numbers_stay() {
    let scene = Scene::new().await;
    let (old, new, number) = CHANGED_ACCOUNT;
    let gone = scene.send(scene.get(&format!("/account/status/{old}"))).await;
    check(&gone).unwrap();
    assert_eq!(
        (gone.status, body(&gone)),
        (404, example("error.404.not-found.inferred.json"))
    );
    let plain = number.replace('-', "");
    let by_number = json!([
        { "field": "normalizedAccountNumber", "operator": "eq", "value": plain },
    ]);
    let found = scene.all("/account/search", &by_number).await;
    assert_eq!(
        (found.len(), &found[0]["id"], &found[0]["accountNumber"]),
        (1, &json!(new), &json!(number))
    );
    let (deleted, number) = DELETED_ACCOUNT;
    assert_eq!(
        scene.refused(scene.get(&format!("/account/status/{deleted}"))).await.0,
        404
    );
    let told = json!({ "filter": { "conditions": [{ "field": "accountNumber", "operator": "eq", "value": number }] } });
    let told = scene.fitting(scene.post("/changelog/search", &search(&told))).await;
    assert_eq!(told["data"][0]["eventName"], "AccountDeletionEvent");

    // Correcting the provider of an account gives it another id, and its meters follow; later it cannot be corrected.
    let account = scene.fitting(scene.post("/account/create", &new_account("77-1"))).await["data"].take();
    let meter =
        json!({ "customerId": CUSTOMER, "meterNumber": "m1", "utilityAccountId": account["id"], "serviceType": "GAS" });
    let meter = scene.fitting(scene.post("/meter/create", &meter)).await["data"].take();
    let change = json!({ "id": account["id"], "utilityProviderId": "LakesideEnergy" });
    let changed = scene.fitting(scene.post("/account/update", &change)).await["data"].take();
    assert_ne!(changed["id"], account["id"]);
    assert_eq!(changed["utilityProvider"]["naturalKey"], "LakesideEnergy");
    assert_eq!(
        scene.refused(scene.post("/account/update", &change)).await,
        (404, "NOT_FOUND".into())
    );
    let meter = scene
        .read(&format!("/meter/status/{}", meter["id"].as_str().unwrap()))
        .await;
    assert_eq!(meter["utilityAccount"]["id"], changed["id"]);
    let late = json!({ "id": SAMPLE, "utilityProviderId": "LakesideEnergy" });
    assert_eq!(
        scene.refused(scene.post("/account/update", &late)).await,
        (400, "INVALID_ARGUMENTS".into())
    );
}

#[tokio::test]
async fn requests_are_checked_against_the_contract() {
    let scene = Scene::new().await;
    let invalid = (400, "INVALID_ARGUMENTS".to_owned());
    let with = |name: &str, value: Value| {
        let mut body = new_account("991");
        body[name] = value;
        body
    };
    for (path, body, expected) in [
        ("/account/create", json!({ "customerId": CUSTOMER }), &invalid),
        ("/account/create", with("accountNumber", json!("")), &invalid),
        ("/account/create", with("accountNumber", json!("--")), &invalid),
        ("/account/create", with("subscribed", json!("true")), &invalid),
        ("/account/create", with("ebillRequirement", json!("ON")), &invalid),
        ("/account/create", with("pullHistory", Value::Null), &invalid),
        ("/account/create", with("colour", json!("red")), &invalid),
        (
            "/account/create",
            with("customAttributes", json!({ "Unheard": "x" })),
            &invalid,
        ),
        ("/account/create", with("customerId", json!("Nobody")), &invalid),
        (
            "/account/create",
            with("utilityProviderId", json!("NoSuchPower")),
            &(400, "PROVIDIER_NOT_FOUND".into()),
        ),
        (
            "/account/create",
            with("extractionChannelId", json!("none")),
            &(404, "NOT_FOUND".into()),
        ),
        (
            "/account/create",
            with("accountNumber", json!("22 0815")),
            &(400, "ALREADY_EXISTS".into()),
        ),
        ("/account/update", json!({ "id": SAMPLE }), &invalid),
        (
            "/account/update",
            json!({ "id": SAMPLE, "accountNumber": "2" }),
            &invalid,
        ),
        (
            "/account/update",
            example("workflow-b-2-account-update.request.json"),
            &(404, "NOT_FOUND".into()),
        ),
        (
            "/account/enrollCandidate",
            json!({ "id": "x" }),
            &(404, "NOT_FOUND".into()),
        ),
        (
            "/meter/create",
            example("meter-create.request.json"),
            &(404, "NOT_FOUND".into()),
        ),
        (
            "/meter/update",
            json!({ "id": SAMPLE, "meterNumber": "2", "customAttributes": {} }),
            &invalid,
        ),
        (
            "/credential/create",
            json!({ "customerId": CUSTOMER, "utilityProviderId": "GeorgiaPower" }),
            &invalid,
        ),
        (
            "/credential/create",
            json!({ "customerId": CUSTOMER, "utilityProviderId": "GeorgiaPower", "acquisitionType": "S3" }),
            &invalid,
        ),
        (
            "/credential/create",
            json!({
                "customerId": CUSTOMER,
                "utilityProviderId": "GeorgiaPower",
                "username": "user1",
                "username2": "user2",
                "password": "other",
            }),
            &(400, "ALREADY_EXISTS".into()),
        ),
        (
            "/attribute/create",
            json!({ "customerId": CUSTOMER, "name": "siteid" }),
            &(400, "ALREADY_EXISTS".into()),
        ),
    ] {
        assert_eq!(scene.refused(scene.post(path, &body)).await, *expected, "{path} {body}");
    }
    let nothing = scene.running.counts(Kind::Urjanet).all();
    assert_eq!(nothing.keys().collect::<Vec<_>>(), ["login"]);

    let broken = scene.post("/account/search", &json!(0)).body("{");
    let broken = scene.send(broken).await;
    assert_eq!(
        (broken.status, body(&broken)),
        (400, example("error.400.malformed-request.inferred.json"))
    );
    let untyped = scene
        .request("POST", "/account/search")
        .body("{\"customerId\":\"Customer1\"}");
    assert_eq!(scene.refused(untyped).await, (400, "MALFORMED_REQUEST".into()));
    let required = scene.send(scene.post("/account/create", &{
        let mut body = new_account("1");
        body.as_object_mut().unwrap().remove("accountNumber");
        body
    }));
    assert_eq!(
        body(&required.await),
        example("error.400.invalid-arguments.inferred.json")
    );
    let stranger = scene.client.get(format!(
        "{}{API_PATH}/account/status/{SAMPLE}",
        scene.running.base(Kind::Urjanet)
    ));
    let stranger = scene.send(stranger).await;
    assert_eq!(
        (stranger.status, body(&stranger)),
        (401, example("error.401.not-authorized.inferred.json"))
    );
    assert_eq!(scene.send(scene.get("/account/search")).await.status, 405);
    assert_eq!(scene.send(scene.get("/bill/search")).await.status, 404);
}

#[tokio::test]
async fn required_attributes_must_be_given() {
    let scene = Scene::new().await;
    let define = json!({ "customerId": CUSTOMER, "name": "Region", "required": true });
    scene.fitting(scene.post("/attribute/create", &define)).await;
    let refused = scene.refused(scene.post("/account/create", &new_account("992"))).await;
    assert_eq!(refused, (400, "INVALID_ARGUMENTS".into()));
    let mut account = new_account("992");
    account["customAttributes"] = json!({ "Region": "West" });
    let account = scene.fitting(scene.post("/account/create", &account)).await["data"].take();
    // Changes are sparse among the attributes too.
    let change = json!({ "id": account["id"], "customAttributes": { "SiteID": "Site 1" } });
    let changed = scene.fitting(scene.post("/account/update", &change)).await["data"].take();
    assert_eq!(
        changed["customAttributes"],
        json!({ "Region": "West", "SiteID": "Site 1" })
    );
}

#[tokio::test]
async fn creates_are_not_idempotent_and_may_be_done_by_half() {
    let scene = Scene::new().await;
    let meter =
        json!({ "customerId": CUSTOMER, "meterNumber": "twice", "utilityAccountId": SAMPLE, "serviceType": "GAS" });
    for _ in 0..2 {
        scene.fitting(scene.post("/meter/create", &meter)).await;
    }
    let condition = json!([{ "field": "meterNumber", "operator": "eq", "value": "twice" }]);
    assert_eq!(scene.all("/meter/search", &condition).await.len(), 2);
    assert_eq!(scene.executed("createMeter"), 2);

    let mut account = new_account("993");
    account["customAttributes"] = json!({ "SiteID": "x".repeat(256) });
    let half = scene.send(scene.post("/account/create", &account)).await;
    check(&half).unwrap();
    assert_eq!(
        (half.status, body(&half)),
        (500, example("error.500.account-create-partial-failure.inferred.json"))
    );
    let number = json!([{ "field": "normalizedAccountNumber", "operator": "eq", "value": "993" }]);
    let stored = scene.all("/account/search", &number).await;
    assert_eq!((stored.len(), &stored[0]["customAttributes"]), (1, &json!({})));
    assert_eq!(scene.executed("createAccount"), 1);
}

#[tokio::test]
async fn an_account_without_credential_moves_on_when_it_gets_one() {
    let scene = Scene::new().await;
    let waiting = json!([{ "field": "enrollmentStatus", "operator": "eq", "value": "NEEDS_CREDENTIAL" }]);
    let waiting = scene.all("/account/search", &waiting).await;
    let bare = json!([{ "field": "templateId", "operator": "isblank" }]);
    let bare = scene.all("/credential/search", &bare).await;
    for (account, channel, status) in [
        (&waiting[0], &json!("Customer1_1-GeorgiaPower_1"), "NOMINATED"),
        (&waiting[1], &bare[0]["extractionChannelId"], "NEEDS_TEMPLATE"),
    ] {
        let change = json!({ "id": account["id"], "extractionChannelIds": [channel] });
        let changed = scene.fitting(scene.post("/account/update", &change)).await["data"].take();
        assert_eq!(changed["enrollmentStatus"], status);
    }
}

#[tokio::test]
async fn faults_that_prevent_execution_execute_nothing() {
    let scene = Scene::new().await;
    let request = new_account("994");
    let fault = |text: &str| scene.post("/account/create", &request).header("x-sandbox-fault", text);
    assert_eq!(
        scene.refused(fault("status=500")).await,
        (500, "ACCOUNT_CREATE_FAILURE".into())
    );
    let plain = body(&scene.send(fault("status=503")).await);
    assert_eq!(plain["message"], json!(["Service Unavailable"]));
    let throttled = scene.send(fault("throttled=2")).await;
    assert_eq!(throttled.status, 429);
    assert!(throttled.response_headers.contains(&("retry-after".into(), "2".into())));
    let inside = scene.send(fault("error-inside")).await;
    check(&inside).unwrap();
    let failure = body(&inside);
    assert_eq!((inside.status, &failure["status"]), (200, &json!("FAILURE")));
    assert_eq!(failure["messages"][0]["messageCode"], "ACCOUNT_CREATE_FAILURE");
    assert_eq!(scene.send(fault("edge")).await.status, 403);
    assert!(scene.try_send(fault("drop-before")).await.is_err());
    assert_eq!(scene.executed("createAccount"), 0);
    // And those that come after it leave it done.
    assert!(scene.try_send(fault("drop-after")).await.is_err());
    assert_eq!(scene.executed("createAccount"), 1);
    assert_eq!(
        scene.refused(scene.post("/account/create", &request)).await,
        (400, "ALREADY_EXISTS".into())
    );
    assert_eq!(scene.executed("createAccount"), 1);
}

#[tokio::test]
async fn tokens_end_on_request() {
    let mut scene = Scene::new().await;
    let path = format!("/account/status/{SAMPLE}");
    let expired = scene.get(&path).header("x-sandbox-fault", "expired-token");
    assert_eq!(scene.refused(expired).await, (401, "NOT_AUTHORIZED".into()));
    assert_eq!(scene.refused(scene.get(&path)).await.0, 401);
    scene.login().await;
    scene.read(&path).await;
    scene.running.fault(Kind::Urjanet, Fault::RevokedTokens, 1, None);
    assert_eq!(scene.refused(scene.get(&path)).await.0, 401);
}

#[tokio::test]
async fn requests_of_the_samples_fit_the_checker() {
    let scene = Scene::new().await;
    let exchange = scene
        .send(scene.post("/credential/search", &example("credential-search.request.json")))
        .await;
    check_request(&exchange).unwrap();
    // Two samples write an operator with a capital, which the system takes and a caller should not send.
    let exchange = scene
        .send(scene.post("/provider/search", &example("provider-search.request.json")))
        .await;
    assert!(check_request(&exchange).is_err());
    assert_eq!(exchange.status, 200);
}
