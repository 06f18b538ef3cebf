//! The simulated CRM.COM Web API, seen from outside.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use intertie::sandbox::crmcom::{
    API_PATH, ORGANISATION, ORGANISATION_R11, ORGANISATION_R14, PASSWORD, TOKEN_LIFETIME, UNIT, USERNAME, WEB_API_KEY,
};
use intertie::sandbox::fault::Fault;
use intertie::sandbox::{Kind, Running, start};
use serde_json::{Value, json};

use crate::support::crmcom_contract::{self as contract, check, check_answer, check_request};
use crate::support::exchange::Exchange;
use crate::support::watch;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const TERMINATE: &str = "/accounts_receivable/terminate";
const SHOW: &str = "/accounts_receivable/show";

fn example_bytes(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/crmcom/examples");
    std::fs::read(root.join(name)).unwrap()
}

fn example(name: &str) -> Value {
    serde_json::from_slice(&example_bytes(name)).unwrap()
}

/// A simulated system and a caller of it.
struct Scene {
    running: Running,
    client: reqwest::Client,
    token: String,
}

impl Scene {
    async fn new() -> Self {
        Scene::of(ORGANISATION).await
    }

    async fn of(organisation: &str) -> Self {
        watch::on();
        rustls::crypto::ring::default_provider().install_default().ok();
        let running = start(&[Kind::Crmcom], LOOPBACK).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut scene = Scene {
            running,
            client,
            token: String::new(),
        };
        scene.login(organisation).await;
        scene
    }

    async fn login(&mut self, organisation: &str) {
        let mut request = example("login.request.json");
        request["organisation"] = json!(organisation);
        let body = self.done(self.post("/authentication/token", &request)).await;
        self.token = body["data"]["token"].as_str().unwrap().to_owned();
    }

    fn url(&self, target: &str) -> String {
        format!("{}{API_PATH}{target}", self.running.base(Kind::Crmcom))
    }

    /// A POST, with the session's token where the contract's examples have its placeholder.
    fn post(&self, target: &str, body: &Value) -> reqwest::RequestBuilder {
        self.client
            .post(self.url(target))
            .header("content-type", "application/json")
            .body(body.to_string().replace("{{token}}", &self.token))
    }

    /// A GET with the session's token.
    fn get(&self, target: &str, query: &str) -> reqwest::RequestBuilder {
        self.client
            .get(self.url(&format!("{target}?token={}&{query}", self.token)))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Exchange {
        let request = request.build().unwrap();
        let target = match request.url().query() {
            Some(query) => format!("{}?{query}", request.url().path()),
            None => request.url().path().to_owned(),
        };
        let method = request.method().to_string();
        let request_headers = listed(request.headers());
        let sent = request.body().and_then(|body| body.as_bytes()).unwrap_or_default();
        let request_body = sent.to_vec();
        let response = self.client.execute(request).await.unwrap();
        let status = response.status().as_u16();
        let response_headers = listed(response.headers());
        Exchange {
            method,
            target,
            request_headers,
            request_body,
            status,
            response_headers,
            response_body: response.bytes().await.unwrap().to_vec(),
        }
    }

    /// Sends a request that may be wrong, and gets a 200 that fits the contract.
    async fn answered(&self, request: reqwest::RequestBuilder) -> Value {
        let exchange = self.send(request).await;
        if let Err(error) = check_answer(&exchange) {
            panic!("{} {}: {error}", exchange.method, exchange.target);
        }
        assert_eq!(exchange.status, 200, "{}", exchange.target);
        serde_json::from_slice(&exchange.response_body).unwrap()
    }

    /// Sends a request that fits the contract and is carried out.
    async fn done(&self, request: reqwest::RequestBuilder) -> Value {
        let exchange = self.send(request).await;
        if let Err(error) = check(&exchange) {
            panic!("{} {}: {error}", exchange.method, exchange.target);
        }
        let body: Value = serde_json::from_slice(&exchange.response_body).unwrap();
        assert_eq!(body["status"]["code"], "OK", "{}: {body}", exchange.target);
        body
    }

    /// Sends a request that is not carried out, and answers why.
    async fn refused(&self, request: reqwest::RequestBuilder) -> String {
        let body = self.answered(request).await;
        assert_ne!(body["status"]["code"], "OK");
        body["status"]["message"].as_str().unwrap().to_owned()
    }

    /// The whole record of an account.
    async fn record(&self, number: &str) -> Value {
        self.done(self.post(SHOW, &by_number(number))).await["data"].clone()
    }

    fn executed(&self, operation: &str) -> u64 {
        self.running.counts(Kind::Crmcom).get(operation)
    }
}

fn by_number(number: &str) -> Value {
    json!({"token": "{{token}}", "accounts_receivable_identifier": {"number": number}})
}

fn listed(headers: &reqwest::header::HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect()
}

fn message(name: &str) -> String {
    example(name)["status"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn every_example_fits_its_schema_or_is_refused() {
    let mut listed = BTreeSet::new();
    for entry in contract::examples() {
        let name = entry["file"].as_str().unwrap();
        let operation = entry["operationId"].as_str().unwrap();
        let found = if entry["kind"] == "request" {
            contract::check_request_body(operation, &example(name))
        } else {
            contract::check_answer_body(operation, example(name))
        };
        assert_eq!(found.is_err(), entry["expectInvalid"] == true, "{name}: {found:?}");
        listed.insert(name.to_owned());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/crmcom/examples");
    let files = std::fs::read_dir(folder).unwrap();
    let files: BTreeSet<_> = files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, listed);
}

#[test]
fn the_simulated_system_carries_the_examples_unchanged() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sandbox/crmcom/data/examples");
    let mut count = 0;
    for entry in std::fs::read_dir(data).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(
            std::fs::read(entry.path()).unwrap() == example_bytes(&name),
            "{name} differs"
        );
        count += 1;
    }
    assert_eq!(count, 2);
}

#[test]
fn every_call_of_the_contract_is_recognised_by_name() {
    let operations = contract::operations();
    assert_eq!(operations.len(), 13);
    for (method, path, id) in operations {
        let found = intertie::sandbox::crmcom::operation(&method.parse().unwrap(), &format!("{API_PATH}{path}"), b"");
        assert_eq!(found, Some(id));
    }
}

#[test]
fn the_checker_says_no() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let posted = Exchange {
        method: "POST".into(),
        target: format!("/crmcom{API_PATH}{SHOW}"),
        request_headers: vec![pair("content-type", "application/json")],
        request_body: example_bytes("show.request.json"),
        status: 200,
        response_headers: vec![pair("content-type", "application/json")],
        response_body: example_bytes("show.response.json"),
    };
    check(&posted).unwrap();
    let got = Exchange {
        method: "GET".into(),
        target: format!("{API_PATH}/accounts_receivable/list?token=t&email_address=a%40b.example&fields_set=id"),
        request_headers: Vec::new(),
        request_body: Vec::new(),
        response_body: example_bytes("list.inferred.response.json"),
        ..posted.clone()
    };
    check(&got).unwrap();
    let mut wrong: Vec<(&str, Exchange)> = Vec::new();
    let mut spoil = |why, from: &Exchange, change: &dyn Fn(&mut Exchange)| {
        let mut exchange = from.clone();
        change(&mut exchange);
        wrong.push((why, exchange));
    };
    spoil("path", &posted, &|e| {
        e.target = format!("{API_PATH}/accounts_receivable/activate")
    });
    spoil("method", &posted, &|e| e.method = "PUT".into());
    spoil("token in a header", &posted, &|e| {
        e.request_headers.push(pair("authorization", "Bearer t"))
    });
    spoil("query of a POST", &posted, &|e| e.target.push_str("?token=t"));
    spoil("no JSON", &posted, &|e| e.request_headers[0].1 = "text/plain".into());
    spoil("two identifiers", &posted, &|e| {
        e.request_body = example_bytes("refused.two-identifiers.request.json")
    });
    spoil("unknown field", &posted, &|e| {
        e.request_body = String::from_utf8(e.request_body.clone())
            .unwrap()
            .replace("currency", "colour")
            .into()
    });
    spoil("answer type", &posted, &|e| {
        e.response_headers[0].1 = "text/html".into()
    });
    spoil("answer without a status", &posted, &|e| {
        e.response_body = b"{\"data\":{}}".to_vec()
    });
    spoil("amount as text", &posted, &|e| {
        e.response_body = b"{\"status\":{\"code\":\"OK\"},\"data\":{\"balance\":\"1.00\"}}".to_vec()
    });
    spoil("success without data", &posted, &|e| {
        e.response_body = b"{\"status\":{\"code\":\"OK\"}}".to_vec()
    });
    spoil("no token", &got, &|e| e.target = e.target.replace("token=t&", ""));
    spoil("two selectors", &got, &|e| {
        e.target.push_str("&wallet_identifier=number%3D1")
    });
    spoil("unknown parameter", &got, &|e| {
        e.target = e.target.replace("email_address", "email")
    });
    spoil("inner equals sign", &got, &|e| {
        e.target = format!("{API_PATH}{SHOW}?token=t&accounts_receivable_identifier=number=1")
    });
    spoil("access token in a GET", &got, &|e| {
        e.target = format!("{API_PATH}{SHOW}?token=t&accounts_receivable_identifier=one_time_password%3D1")
    });
    spoil("body of a GET", &got, &|e| e.request_body = b"{}".to_vec());
    for (why, exchange) in wrong {
        assert!(check(&exchange).is_err(), "{why} was let through");
    }
}

#[tokio::test]
async fn the_published_examples_come_back_for_their_requests() {
    let scene = Scene::new().await;
    let sent = async |path: &str, request: &str| scene.done(scene.post(path, &example(request))).await;
    assert_eq!(sent(SHOW, "show.request.json").await, example("show.response.json"));
    let suspended = sent("/accounts_receivable/suspend", "suspend.inferred.request.json").await;
    assert_eq!(suspended, example("suspend.inferred.response.json"));
    let active = sent("/accounts_receivable/unsuspend", "unsuspend.request.json").await;
    assert_eq!(active, example("unsuspend.response.json"));
    let members = "accounts_receivable_identifier=number%3DACR0000000001&funding_scope=FULLY_FUNDED";
    let members = scene
        .done(scene.get("/accounts_receivable/group_members/list", members))
        .await;
    assert_eq!(members, example("group-members.inferred.response.json"));
    assert_eq!(
        sent(TERMINATE, "terminate.request.json").await,
        example("terminate.response.json")
    );
    let again = scene
        .answered(scene.post(TERMINATE, &example("terminate.request.json")))
        .await;
    assert_eq!(again, example("error.already-terminated.inferred.json"));
    assert_eq!(scene.executed("terminateAccountsReceivable"), 1);

    scene.running.reset();
    let dead = scene
        .answered(scene.post(TERMINATE, &example("terminate.request.json")))
        .await;
    assert_eq!(dead, example("error.invalid-token.inferred.json"));
    let mut scene = scene;
    scene.login(ORGANISATION).await;
    let narrow = scene
        .done(scene.post(TERMINATE, &example("terminate.fields-set.request.json")))
        .await;
    assert_eq!(narrow, example("terminate.fields-set.response.json"));

    let mut newer = Scene::of(ORGANISATION_R14).await;
    let whole = newer.done(newer.post(SHOW, &by_number("ACR0000000056"))).await;
    assert_eq!(whole, example("show.r14-shape.response.json"));
    let query = "subscription_identifier=number%3DSUB0000000056&fields_set=id,number,life_cycle_state,balance";
    let list = newer.done(newer.get("/accounts_receivable/list", query)).await;
    assert_eq!(list, example("list.inferred.response.json"));
    let released = newer
        .done(newer.post("/authentication/token/release", &example("token-release.request.json")))
        .await;
    assert_eq!(released, example("token-release.inferred.response.json"));
    assert_eq!(
        newer.refused(newer.post(SHOW, &by_number("1"))).await,
        message("error.invalid-token.inferred.json")
    );
    newer.login(ORGANISATION_R14).await;
    assert_eq!(newer.executed("login"), 2);
}

#[tokio::test]
async fn every_way_of_naming_an_account_terminates_it_once() {
    for name in [
        "terminate.by-id.request.json",
        "terminate.by-name.request.json",
        "terminate.by-authentication-code.request.json",
        "terminate.by-identifier-and-pass-code.request.json",
        "terminate.by-one-time-password.request.json",
    ] {
        let scene = Scene::new().await;
        let done = scene.done(scene.post(TERMINATE, &example(name))).await;
        assert_eq!(done, example("terminate.response.json"), "{name}");
        assert_eq!(scene.record("ACR0000000056").await["life_cycle_state"], "TERMINATED");
        assert_eq!(scene.executed("terminateAccountsReceivable"), 1);
        let again = scene.refused(scene.post(TERMINATE, &example(name))).await;
        let expected = if name.contains("one-time") {
            "error.account-not-found.inferred.json"
        } else {
            "error.already-terminated.inferred.json"
        };
        assert_eq!(again, message(expected), "{name}");
        for path in ["suspend", "unsuspend", "update"] {
            let request = scene.post(&format!("/accounts_receivable/{path}"), &by_number("ACR0000000056"));
            assert_eq!(
                scene.refused(request).await,
                message("error.already-terminated.inferred.json")
            );
        }
        assert_eq!(scene.executed("terminateAccountsReceivable"), 1);
    }
}

#[tokio::test]
async fn exactly_one_identifier_is_taken() {
    let scene = Scene::new().await;
    for entry in contract::examples()
        .iter()
        .filter(|entry| entry["expectInvalid"] == true)
    {
        let name = entry["file"].as_str().unwrap();
        let exchange = scene.send(scene.post(TERMINATE, &example(name))).await;
        assert!(check_request(&exchange).is_err(), "{name}");
        check_answer(&exchange).unwrap();
        let body: Value = serde_json::from_slice(&exchange.response_body).unwrap();
        assert_ne!(body["status"]["code"], "OK", "{name}");
        if name.contains("two") || name.contains("with-authentication") {
            assert_eq!(body, example("error.more-than-one-identifier.inferred.json"), "{name}");
        }
    }
    let with = |identifier: Value| {
        let body = json!({"token": "{{token}}", "accounts_receivable_identifier": identifier});
        scene.post(SHOW, &body)
    };
    for identifier in [
        json!({"number": "ACR9999999999"}),
        json!({"number": "acr0000000056"}),
        json!({"name": "nobody"}),
        json!({"access_token_identifier": {"authentication_code": "7001000200030058"}}),
        json!({"access_token_identifier": {"identifier": "marios", "pass_code": "4712"}}),
        json!({"access_token_identifier": {"one_time_password": 1}}),
    ] {
        let found = scene.answered(with(identifier)).await;
        assert_eq!(found, example("error.account-not-found.inferred.json"));
    }
    for identifier in [
        json!("ACR0000000056"),
        json!({"number": 56}),
        json!({"code": "ACR0000000056"}),
        json!({"access_token_identifier": {"one_time_password": "482913"}}),
        json!({"name": "Andreas Ioannou"}),
    ] {
        scene.refused(with(identifier)).await;
    }
    assert_eq!(scene.executed("terminateAccountsReceivable"), 0);
    assert_eq!(scene.executed("showAccountsReceivableByPost"), 0);
    assert_eq!(scene.record("ACR0000000056").await["life_cycle_state"], "ACTIVE");
}

#[tokio::test]
async fn get_and_post_carry_the_token_where_they_should() {
    let scene = Scene::new().await;
    let query = "accounts_receivable_identifier=number%3DACR0000000057&fields_set=number,balance,currency";
    let got = scene.done(scene.get(SHOW, query)).await;
    assert_eq!(got["data"]["balance"], json!(-120.45));
    assert_eq!(got["data"].as_object().unwrap().len(), 3);
    let invalid = message("error.invalid-token.inferred.json");
    let bare = scene.client.get(scene.url(&format!("{SHOW}?{query}")));
    let bearer = bare.header("authorization", format!("Bearer {}", scene.token));
    assert_eq!(scene.refused(bearer).await, invalid, "no header is looked at");
    let mut body = by_number("ACR0000000057");
    body.as_object_mut().unwrap().remove("token");
    let elsewhere = scene.post(&format!("{SHOW}?token={}", scene.token), &body);
    assert_eq!(scene.refused(elsewhere).await, invalid, "a POST has it in its body");
    for query in [
        "accounts_receivable_identifier=one_time_password%3D482913",
        "accounts_receivable_identifier=ACR0000000056",
        "accounts_receivable_identifier=number%3DACR0000000057&fields_set=number,%20balance",
        "accounts_receivable_identifier=number%3DACR0000000057&limit=1",
    ] {
        scene.refused(scene.get(SHOW, query)).await;
    }
    let plain = scene.client.post(scene.url(SHOW)).header("content-type", "text/plain");
    let plain = plain.body(by_number("ACR0000000056").to_string());
    let terminate = "accounts_receivable_identifier=number%3DACR0000000056";
    for (request, status) in [
        (scene.get(TERMINATE, terminate), 405),
        (
            scene.post("/accounts_receivable/list", &json!({"token": "{{token}}"})),
            405,
        ),
        (
            scene.post("/accounts_receivable/activate", &by_number("ACR0000000056")),
            404,
        ),
        (plain, 415),
    ] {
        let exchange = scene.send(request).await;
        let body: Value = serde_json::from_slice(&exchange.response_body).unwrap();
        assert_eq!(
            (exchange.status, &body["status"]["code"]),
            (status, &json!("ERROR")),
            "{}",
            exchange.target
        );
    }
}

#[tokio::test]
async fn tokens_come_in_three_forms_and_can_be_given_back() {
    let scene = Scene::new().await;
    let parts: Vec<_> = scene.token.split('.').collect();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let instant = |name: &str| claims[name].as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!((parts.len(), instant("exp") - instant("iat")), (3, TOKEN_LIFETIME));
    assert_eq!(
        (&claims["usr"], &claims["org"]),
        (&json!(USERNAME), &json!(ORGANISATION))
    );

    let is_hex = |token: &str| token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    let older = Scene::of(ORGANISATION_R11).await;
    assert!(is_hex(&older.token));
    assert_eq!(older.record("ACR0000000057").await["credit_period"], 0);

    let key = |pair: String| {
        let url = scene.url("/authentication/web_api_key/token");
        let basic = format!("Basic {}", STANDARD.encode(pair));
        scene.client.post(url).header("authorization", basic)
    };
    let granted = scene.done(key(format!("{WEB_API_KEY}:"))).await;
    let token = granted["data"]["token"].as_str().unwrap().to_owned();
    assert!(is_hex(&token));
    let by_unit = key(format!("{WEB_API_KEY}:"))
        .header("content-type", "application/json")
        .body(json!({"unit": UNIT}).to_string());
    scene.done(by_unit).await;
    let wrong = message("error.login-refused.inferred.json");
    assert_eq!(scene.refused(key("another:".to_owned())).await, wrong);
    assert_eq!(scene.refused(key(format!("{WEB_API_KEY}:secret"))).await, wrong);

    let good = json!({"username": USERNAME, "password": PASSWORD, "organisation": ORGANISATION});
    scene.done(scene.post("/authentication/token", &good)).await;
    for (name, value) in [
        ("username", "other"),
        ("password", "other"),
        ("organisation", "OTHER"),
        ("unit", "7"),
    ] {
        let mut bad = good.clone();
        bad[name] = json!(value);
        let refused = scene.answered(scene.post("/authentication/token", &bad)).await;
        assert_eq!(refused, example("error.login-refused.inferred.json"), "{name}");
    }
    let show = |token: &str| {
        let mut body = by_number("ACR0000000056");
        body["token"] = json!(token);
        scene.post(SHOW, &body)
    };
    scene.done(show(&token)).await;
    let release = scene.post("/authentication/token/release", &json!({"token": token}));
    scene.done(release).await;
    assert_eq!(
        scene.refused(show(&token)).await,
        message("error.invalid-token.inferred.json")
    );
    let counts = scene.running.counts(Kind::Crmcom);
    assert_eq!(
        (
            counts.get("login"),
            counts.get("login-refused"),
            counts.get("releaseToken")
        ),
        (4, 6, 1)
    );
}

#[tokio::test]
async fn accounts_are_created_and_changed() {
    let scene = Scene::new().await;
    let wanted = json!({
        "token": "{{token}}", "description": "made here", "credit_limit": 75.5, "credit_period": 10,
        "credit_period_operator": "MINUS", "classification_identifier": {"alternative_code": "RS"},
        "currency_identifier": {"code": "USD"}, "credit_rating_code": "BAA", "udf_date_1": "2026-07-01T00:00:00",
    });
    let create = "/accounts_receivable/create";
    let made = scene.done(scene.post(create, &wanted)).await["data"].clone();
    assert_eq!(
        (&made["number"], &made["name"]),
        (&json!("ACR0000001001"), &json!("ACR0000001001"))
    );
    assert_eq!(
        (&made["life_cycle_state"], &made["credit_limit"]),
        (&json!("ACTIVE"), &json!(75.5))
    );
    assert_eq!(
        (&made["credit_period"], &made["credit_period_operator"]),
        (&json!(10), &json!("MINUS"))
    );
    assert_eq!(
        (&made["currency"]["code"], &made["credit_rating"]["code"]),
        (&json!("USD"), &json!("BAA"))
    );
    assert_eq!(made["classification"]["name"], "Residential");
    assert_eq!(scene.record("ACR0000001001").await, made);
    let second = scene
        .done(scene.post(create, &json!({"token": "{{token}}", "name": "Second"})))
        .await;
    assert_eq!(second["data"]["number"], "ACR0000001002");
    assert_eq!(scene.executed("createAccountsReceivable"), 2);

    let update = |members: Value| {
        let mut body = by_number("ACR0000001001");
        body.as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        scene.post("/accounts_receivable/update", &body)
    };
    let changed = scene
        .done(update(json!({"notes": "call first", "description": null})))
        .await["data"]
        .clone();
    assert_eq!(
        (&changed["notes"], &changed["description"]),
        (&json!("call first"), &Value::Null)
    );
    assert_eq!(changed["credit_limit"], made["credit_limit"], "what is left out stays");
    for wrong in [
        json!({"notes": 1, "name": "kept out"}),
        json!({"name": "kept out", "credit_limit": "75.5"}),
        json!({"name": "kept out", "udf_date_1": "2026-07-01T00:00:00Z"}),
    ] {
        let exchange = scene.send(update(wrong)).await;
        assert!(check_request(&exchange).is_err());
        assert!(!String::from_utf8_lossy(&exchange.response_body).contains("\"OK\""));
    }
    scene
        .refused(update(json!({"classification_identifier": {"name": "nowhere"}})))
        .await;
    assert_eq!(
        scene.record("ACR0000001001").await,
        changed,
        "a refused update changes nothing"
    );
    assert_eq!(scene.executed("updateAccountsReceivable"), 1);

    let newer = Scene::of(ORGANISATION_R14).await;
    let made = newer.done(newer.post(create, &wanted)).await["data"].clone();
    assert_eq!(made["credit_period"]["credit_period_number_of_days"], 10);
    assert_eq!(made["credit_period"]["credit_period_operator"], "MINUS");
    newer.refused(newer.post(SHOW, &by_number("ACR0000001002"))).await;
}

#[tokio::test]
async fn states_lead_only_where_the_contract_lets_them() {
    let scene = Scene::new().await;
    let step = |path: &str, number: &str| scene.post(&format!("/accounts_receivable/{path}"), &by_number(number));
    scene.refused(step("suspend", "ACR0000000059")).await;
    scene.refused(step("unsuspend", "ACR0000000057")).await;
    scene.refused(step("suspend", "SUSPENSE")).await;
    let terminated = message("error.already-terminated.inferred.json");
    assert_eq!(scene.refused(step("terminate", "ACR0000000061")).await, terminated);
    scene.done(step("unsuspend", "ACR0000000059")).await;
    scene.done(step("suspend", "ACR0000000057")).await;
    let ended = scene.done(step("terminate", "ACR0000000057")).await;
    assert_eq!(
        (&ended["data"]["balance"], &ended["data"]["life_cycle_state"]),
        (&json!(0), &json!("TERMINATED"))
    );
    let query = "accounts_receivable_identifier=number%3DACR0000000001";
    let members = scene
        .done(scene.get("/accounts_receivable/group_members/list", query))
        .await;
    assert_eq!(
        members["data"][1]["life_cycle_state"], "ACTIVE",
        "members are shown as they are now"
    );
    let all: Vec<_> = ["suspend", "unsuspend", "terminate"]
        .map(|name| format!("{name}AccountsReceivable"))
        .to_vec();
    assert_eq!(
        all.iter().map(|name| scene.executed(name)).collect::<Vec<_>>(),
        [1, 1, 1]
    );
    let other = Scene::new().await;
    assert_eq!(
        other.record("ACR0000000057").await["life_cycle_state"],
        "ACTIVE",
        "another instance has its own"
    );
}

#[tokio::test]
async fn lists_and_groups_go_by_their_selectors() {
    let scene = Scene::new().await;
    let numbers = async |target: &str, query: &str| {
        let body = scene
            .done(scene.get(&format!("/accounts_receivable/{target}"), query))
            .await;
        let rows = body["data"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| row["number"].as_str().unwrap()[10..].to_owned())
            .collect::<Vec<_>>()
    };
    for (query, found) in [
        ("email_address=andreas.ioannou%40example.com", vec!["062", "063"]),
        ("email_address=nobody%40example.com", vec![]),
        ("subscription_identifier=number%3DSUB0000000058", vec!["058"]),
        ("wallet_identifier=number%3DWAL0000000057", vec!["057"]),
        ("contact_information_identifier=name%3DMaria%20Georgiou", vec!["059"]),
        ("payment_preference_identifier=alternative_code%3DDD", vec!["001"]),
        ("presentment_preference_identifier=type%3DEMAIL", vec!["001", "057"]),
    ] {
        assert_eq!(numbers("list", query).await, found, "{query}");
    }
    for query in [
        "",
        "email_address=a&wallet_identifier=number%3D1",
        "number=ACR0000000056",
        "wallet_identifier=1",
    ] {
        scene.refused(scene.get("/accounts_receivable/list", query)).await;
    }
    let head = "accounts_receivable_identifier=number%3DACR0000000001";
    let list = "group_members/list";
    assert_eq!(numbers(list, head).await, ["056", "059", "060"]);
    assert_eq!(
        numbers(list, &format!("{head}&number_of_results=2")).await,
        ["056", "059"]
    );
    assert_eq!(
        numbers(list, &format!("{head}&number_of_results=2&offset=2")).await,
        ["060"]
    );
    assert_eq!(
        numbers(list, &format!("{head}&funding_scope=PARTIALLY_FUNDED")).await,
        ["059", "060"]
    );
    let single = "accounts_receivable_identifier=number%3DACR0000000057";
    assert!(numbers(list, single).await.is_empty());
    scene
        .refused(scene.get(
            "/accounts_receivable/group_members/list",
            &format!("{head}&number_of_results=0"),
        ))
        .await;
    let suspense = scene
        .done(scene.get("/accounts_receivable/suspense_account/show", "fields_set=id,type"))
        .await;
    assert_eq!(suspense["data"], json!({"id": "1", "type": "SYSTEM"}));
}

#[tokio::test]
async fn every_account_fits_the_contract_in_both_shapes() {
    let mut shapes = BTreeSet::new();
    for organisation in [ORGANISATION, ORGANISATION_R14, ORGANISATION_R11] {
        let scene = Scene::of(organisation).await;
        for number in ["01", "56", "57", "58", "59", "60", "61", "62", "63", "64"] {
            let record = scene.record(&format!("ACR00000000{number}")).await;
            let shape = |name: &str| match &record[name] {
                Value::Object(_) => "object",
                Value::Number(_) => "number",
                Value::Bool(_) => "flag",
                _ => "none",
            };
            if organisation == ORGANISATION_R14 {
                assert_ne!(shape("credit_period"), "number");
                assert!(!record.to_string().contains("presentment_method"));
            }
            shapes.insert((organisation, "credit_period", shape("credit_period")));
            shapes.insert((organisation, "parent_account", shape("parent_account")));
        }
        assert_eq!(scene.record("ACR0000000060").await["life_cycle_state"], "UNDER_REVIEW");
        assert!(
            scene.record("ACR0000000057").await["balance"]
                .as_number()
                .unwrap()
                .to_string()
                .starts_with('-')
        );
    }
    for shape in [
        (ORGANISATION, "credit_period", "number"),
        (ORGANISATION, "credit_period", "object"),
        (ORGANISATION, "parent_account", "flag"),
        (ORGANISATION, "parent_account", "object"),
        (ORGANISATION_R14, "credit_period", "object"),
        (ORGANISATION_R14, "parent_account", "object"),
    ] {
        assert!(shapes.contains(&shape), "{shape:?}");
    }
}

#[tokio::test]
async fn faults_execute_a_write_once_or_not_at_all() {
    let mut scene = Scene::new().await;
    let terminate = || scene.post(TERMINATE, &by_number("ACR0000000058"));
    for (fault, status) in [
        (Fault::Throttled(None), 429),
        (Fault::Throttled(Some(3)), 429),
        (Fault::Status(500), 500),
        (Fault::Status(502), 502),
        (Fault::Status(503), 503),
        (Fault::EdgePage, 403),
        (Fault::ErrorInside, 200),
        (Fault::ExpiredToken, 200),
    ] {
        scene
            .running
            .fault(Kind::Crmcom, fault, 1, Some("terminateAccountsReceivable"));
        let exchange = scene.send(terminate()).await;
        assert_eq!(exchange.status, status, "{fault}");
        check_answer(&exchange).unwrap_or_else(|error| panic!("{fault}: {error}"));
        assert!(
            !String::from_utf8_lossy(&exchange.response_body).contains("\"OK\""),
            "{fault}"
        );
        let wait = exchange.response_headers.iter().find(|(name, _)| name == "retry-after");
        assert_eq!(wait.is_some(), fault == Fault::Throttled(Some(3)), "{fault}");
    }
    assert_eq!(scene.executed("terminateAccountsReceivable"), 0);
    assert_eq!(
        scene.refused(terminate()).await,
        message("error.invalid-token.inferred.json"),
        "it stays expired"
    );

    scene.login(ORGANISATION).await;
    scene
        .running
        .fault(Kind::Crmcom, Fault::DropAfter, 1, Some("terminateAccountsReceivable"));
    let lost = scene.post(TERMINATE, &by_number("ACR0000000058"));
    assert!(scene.client.execute(lost.build().unwrap()).await.is_err());
    assert_eq!(
        scene.executed("terminateAccountsReceivable"),
        1,
        "done, though nobody was told"
    );
    assert_eq!(scene.record("ACR0000000058").await["life_cycle_state"], "TERMINATED");

    scene.running.fault(Kind::Crmcom, Fault::RefusedLogin, 1, None);
    scene.record("ACR0000000057").await;
    let login = scene
        .answered(scene.post("/authentication/token", &example("login.request.json")))
        .await;
    assert_eq!(login, example("error.login-refused.inferred.json"));
    scene.running.fault(Kind::Crmcom, Fault::Status(503), 1, Some("token"));
    let login = scene
        .send(scene.post("/authentication/token", &example("login.request.json")))
        .await;
    assert_eq!(login.status, 503, "`token` stands for logins");
    let older = scene.token.clone();
    scene.login(ORGANISATION).await;
    scene.running.fault(Kind::Crmcom, Fault::RevokedTokens, 1, None);
    let invalid = message("error.invalid-token.inferred.json");
    assert_eq!(
        scene.refused(scene.post(SHOW, &by_number("ACR0000000057"))).await,
        invalid
    );
    scene.token = older;
    assert_eq!(
        scene.refused(scene.post(SHOW, &by_number("ACR0000000057"))).await,
        invalid,
        "all are forgotten"
    );
}
