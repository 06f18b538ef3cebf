//! The simulated Kraken against its contract: every example, and every rule of the README it plays.

use std::collections::BTreeSet;

use axum::body::Body;
use http_body_util::BodyExt as _;
use intertie::sandbox::counts::Counts;
use intertie::sandbox::fault::Fault;
use intertie::sandbox::kraken::{API_KEY, EMAIL, ORGANIZATION_SECRET, PASSWORD, operation, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::exchange::Exchange;
use crate::support::kraken_contract::check;
use crate::support::watch;

const BASE: &str = "http://127.0.0.1:4999/kraken";
const ENDPOINT: &str = "/v1/graphql/";
const LOGIN: &str = "mutation ObtainKrakenToken($input: ObtainJSONWebTokenInput!) {\n  \
                 obtainKrakenToken(input: $input) \
                     { token payload refreshToken refreshExpiresIn }\n}";

/// A deployment and a token for it.
struct Kraken {
    router: axum::Router,
    counts: Counts,
    token: String,
}

impl Kraken {
    async fn new() -> Self {
        watch::on();
        let counts = Counts::default();
        let mut kraken = Self {
            router: router(BASE, counts.clone()),
            counts,
            token: String::new(),
        };
        let answer = kraken.login(json!({"APIKey": API_KEY}), None).await;
        kraken.token = answer["data"]["obtainKrakenToken"]["token"]
            .as_str()
            .unwrap()
            .to_owned();
        kraken
    }

    async fn login(&self, input: Value, fault: Option<Fault>) -> Value {
        let body = json!({"operationName": "ObtainKrakenToken", "query": LOGIN, "variables": {"input": input}});
        let exchange = self.send(&body, None, fault).await;
        check(&exchange).unwrap();
        read(&exchange)
    }

    /// Sends a query with the token, demands that the contract holds, and reads the answer.
    async fn ask(&self, query: &str, variables: Value) -> Value {
        self.ask_with(query, variables, None).await
    }

    async fn ask_with(&self, query: &str, variables: Value, fault: Option<Fault>) -> Value {
        let exchange = self
            .send(
                &json!({"query": query, "variables": variables}),
                Some(&self.token),
                fault,
            )
            .await;
        check(&exchange).unwrap_or_else(|why| panic!("{why}\n{}", String::from_utf8_lossy(&exchange.response_body)));
        read(&exchange)
    }

    async fn send(&self, body: &Value, token: Option<&str>, fault: Option<Fault>) -> Exchange {
        let headers: Vec<(&str, &str)> = [("content-type", "application/json")]
            .into_iter()
            .chain(token.map(|token| ("authorization", token)))
            .collect();
        self.exchange("POST", ENDPOINT, &headers, body.to_string().into_bytes(), fault)
            .await
    }

    async fn exchange(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        fault: Option<Fault>,
    ) -> Exchange {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(fault) = fault {
            request = request.extension(fault);
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(Body::from(body.clone())).unwrap())
            .await
            .unwrap();
        let (parts, answer) = response.into_parts();
        let owned = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Exchange {
            method: method.to_owned(),
            target: target.to_owned(),
            request_headers: headers.iter().map(|(name, value)| owned(name, value)).collect(),
            request_body: body,
            status: parts.status.as_u16(),
            response_headers: parts
                .headers
                .iter()
                .map(|(name, value)| owned(name.as_str(), value.to_str().unwrap()))
                .collect(),
            response_body: answer.collect().await.unwrap().to_bytes().to_vec(),
        }
    }
}

fn read(exchange: &Exchange) -> Value {
    serde_json::from_slice(&exchange.response_body).unwrap()
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["errorCode"]
        .as_str()
        .unwrap_or_default()
}

fn header<'a>(exchange: &'a Exchange, name: &str) -> &'a str {
    exchange
        .response_headers
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
        .unwrap_or_default()
}

fn example(name: &str) -> Vec<Value> {
    let path = format!(
        "{}/tests/fixtures/kraken/examples/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["exchanges"].as_array().unwrap().clone()
}

const EXAMPLES: [&str; 9] = [
    "01-token",
    "02-account",
    "03-bills",
    "04-transactions",
    "05-properties-meters",
    "06-measurements",
    "07-us-readings",
    "08-mutations",
    "09-errors",
];

/// An example as an exchange on the wire.
fn on_the_wire(example: &Value) -> Exchange {
    let login = example["request"]["operationName"] == "ObtainKrakenToken";
    let mut request_headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    if !login {
        request_headers.push(("authorization".to_owned(), "eyJ.eyJ.sig".to_owned()));
    }
    Exchange {
        method: "POST".to_owned(),
        target: ENDPOINT.to_owned(),
        request_headers,
        request_body: example["request"].to_string().into_bytes(),
        status: example["status"].as_u64().unwrap().try_into().unwrap(),
        response_headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        response_body: match example["responseText"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => example["response"].to_string().into_bytes(),
        },
    }
}

/// An answer without what the examples only stand in for: messages and the locations of errors.
fn comparable(answer: &Value) -> Value {
    let mut answer = answer.clone();
    for error in answer
        .get_mut("errors")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let error = error.as_object_mut().unwrap();
        error.remove("locations");
        error.remove("message");
    }
    answer
}

#[test]
fn every_example_passes_the_checker_but_the_invalid_one() {
    let mut seen = 0;
    for name in EXAMPLES {
        for example in example(name) {
            let checked = check(&on_the_wire(&example));
            assert_eq!(checked.is_ok(), example["valid"] != false, "{name}: {checked:?}");
            seen += 1;
        }
    }
    assert_eq!(seen, 22);
}

#[tokio::test]
async fn reading_examples_are_answered_to_the_letter() {
    let kraken = Kraken::new().await;
    for name in &EXAMPLES[1..7] {
        for example in example(name) {
            let exchange = kraken.send(&example["request"], Some(&kraken.token), None).await;
            check(&exchange).unwrap();
            assert_eq!(exchange.status, 200);
            assert_eq!(read(&exchange), example["response"], "{name}");
        }
    }
}

#[tokio::test]
async fn logins_have_the_shape_of_the_examples() {
    let kraken = Kraken::new().await;
    let examples = example("01-token");
    let first = kraken.login(json!({"APIKey": API_KEY}), None).await;
    let refresh = first["data"]["obtainKrakenToken"]["refreshToken"].clone();
    let second = kraken.login(json!({"refreshToken": refresh}), None).await;
    for (answer, example) in [first, second].iter().zip(&examples) {
        let (answer, example) = (
            &answer["data"]["obtainKrakenToken"],
            &example["response"]["data"]["obtainKrakenToken"],
        );
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(keys(answer), keys(example));
        assert_eq!(keys(&answer["payload"]), keys(&example["payload"]));
        let life =
            |value: &Value| value["payload"]["exp"].as_i64().unwrap() - value["payload"]["iat"].as_i64().unwrap();
        assert_eq!(life(answer), life(example));
        assert_eq!(answer["token"].as_str().unwrap().split('.').count(), 3);
        for name in ["gty", "tokenUse", "sub", "email"] {
            assert_eq!(answer["payload"][name], example["payload"][name], "{name}");
        }
        assert_eq!(answer["refreshToken"], refresh);
    }
    assert_eq!(kraken.counts.get("login"), 3);
    assert_eq!(kraken.counts.get("ObtainKrakenToken"), 3);
}

#[tokio::test]
async fn error_examples_are_answered_in_kind() {
    let kraken = Kraken::new().await;
    for example in example("09-errors") {
        let case = example["case"].as_str().unwrap();
        let login = example["request"]["operationName"] == "ObtainKrakenToken";
        let fault = match case.split(':').next().unwrap() {
            "stale token" => Some(Fault::ExpiredToken),
            "rate limit" => Some(Fault::Throttled(None)),
            // The page of the edge is played by the road in front of the simulated systems.
            "edge network refuses the caller" => continue,
            _ => None,
        };
        let exchange = kraken
            .send(&example["request"], (!login).then_some(kraken.token.as_str()), fault)
            .await;
        assert_eq!(
            u64::from(exchange.status),
            example["status"].as_u64().unwrap(),
            "{case}"
        );
        let (answer, expected) = (read(&exchange), comparable(&example["response"]));
        assert_eq!(comparable(&answer), expected, "{case}");
        assert_eq!(answer["errors"].as_array().unwrap().len(), 1, "{case}");
        if example["valid"] != false {
            check(&exchange).unwrap_or_else(|why| panic!("{case}: {why}"));
            assert_eq!(
                answer["errors"][0]["message"], example["response"]["errors"][0]["message"],
                "{case}"
            );
        }
    }
}

#[tokio::test]
async fn every_credential_logs_in_and_wrong_ones_are_counted() {
    let kraken = Kraken::new().await;
    let organisation = kraken
        .login(json!({"organizationSecretKey": ORGANIZATION_SECRET}), None)
        .await;
    assert!(organisation["data"]["obtainKrakenToken"]["refreshToken"].is_null());
    let user = kraken.login(json!({"email": EMAIL, "password": PASSWORD}), None).await;
    assert!(user["data"]["obtainKrakenToken"]["refreshToken"].is_string());
    let wrong = kraken.login(json!({"email": EMAIL, "password": "x"}), None).await;
    assert_eq!(code(&wrong), "KT-CT-1138");
    let both = kraken
        .login(json!({"APIKey": API_KEY, "refreshToken": "x"}), None)
        .await;
    assert_eq!(code(&both), "KT-CT-1137");
    assert_eq!(kraken.counts.get("login"), 5);
}

#[tokio::test]
async fn the_authorization_header_decides() {
    let kraken = Kraken::new().await;
    let body = json!({"operationName": "Me", "query": "query Me { viewer { id } }"});
    let prefixed = format!("JWT {}", kraken.token);
    assert_eq!(
        read(&kraken.send(&body, Some(&prefixed), None).await)["data"]["viewer"]["id"],
        "1203344"
    );
    let bearer = format!("Bearer {}", kraken.token);
    assert_eq!(
        code(&read(&kraken.send(&body, Some(&bearer), None).await)),
        "KT-CT-1143"
    );
    let none = read(&kraken.send(&body, None, None).await);
    assert_eq!(code(&none), "KT-CT-1112");
    assert_eq!(none["data"], json!({"viewer": null}));
    // Even a login and a public field are refused under a bad header.
    let login = json!({"query": LOGIN, "variables": {"input": {"APIKey": API_KEY}}});
    assert_eq!(
        code(&read(
            &kraken
                .send(&login, Some(&kraken.token), Some(Fault::ExpiredToken))
                .await
        )),
        "KT-CT-1124"
    );
    assert_eq!(
        code(&read(&kraken.send(&login, Some("garbage"), None).await)),
        "KT-CT-1143"
    );
    let version = json!({"query": "{ krakenVersion { number } }"});
    assert!(read(&kraken.send(&version, None, None).await)["data"]["krakenVersion"]["number"].is_string());
    assert_eq!(
        code(&read(&kraken.send(&version, Some("garbage"), None).await)),
        "KT-CT-1143"
    );
    // Another deployment's token is worthless here.
    let other = Kraken::new().await;
    assert_eq!(
        code(&read(&other.send(&body, Some(&kraken.token), None).await)),
        "KT-CT-1126"
    );
}

#[tokio::test]
async fn the_schema_is_open_without_a_credential() {
    let kraken = Kraken::new().await;
    let body = json!({"query": "{ __schema { queryType { name } } __type(name: \"Charge\") { kind } }"});
    let exchange = kraken.send(&body, None, None).await;
    check(&exchange).unwrap();
    assert_eq!(
        read(&exchange),
        json!({"data": {"__schema": {"queryType": {"name": "Query"}}, "__type": {"kind": "OBJECT"}}})
    );
}

#[tokio::test]
async fn faults_answer_in_the_shape_of_the_contract() {
    let kraken = Kraken::new().await;
    let body = json!({"operationName": "Me", "query": "query Me { viewer { id } }"});
    let send = |fault| kraken.send(&body, Some(&kraken.token), Some(fault));

    let throttled = send(Fault::Throttled(Some(7))).await;
    assert_eq!((throttled.status, header(&throttled, "retry-after")), (429, "7"));
    let outage = send(Fault::Status(503)).await;
    assert_eq!(outage.status, 503);
    assert!(serde_json::from_slice::<Value>(&outage.response_body).is_err());
    let inside = send(Fault::ErrorInside).await;
    check(&inside).unwrap();
    assert_eq!(inside.status, 200);
    assert_eq!(read(&inside)["errors"][0]["extensions"]["errorType"], "APPLICATION");
    assert_eq!(read(&inside)["data"], json!({"viewer": null}));
    for exchange in [&throttled, &outage, &inside] {
        assert!(!header(exchange, "x-kraken-correlation-id").is_empty());
    }
    assert_eq!(kraken.counts.get("Me"), 0, "nothing was executed");

    let refused = kraken
        .login(json!({"APIKey": API_KEY}), Some(Fault::RefusedLogin))
        .await;
    assert_eq!(code(&refused), "KT-CT-1139");
    assert_eq!(code(&read(&send(Fault::RevokedTokens).await)), "KT-CT-1162");
    assert_eq!(
        code(&read(&kraken.send(&body, Some(&kraken.token), None).await)),
        "KT-CT-1162"
    );
    assert_eq!(kraken.counts.get("Me"), 0);
}

#[tokio::test]
async fn requests_that_are_no_graphql_are_bad() {
    let kraken = Kraken::new().await;
    let json = [("content-type", "application/json")];
    for (method, body) in [
        ("GET", ""),
        ("POST", "no json"),
        ("POST", "[]"),
        ("POST", "{\"query\": 1}"),
    ] {
        let exchange = kraken.exchange(method, ENDPOINT, &json, body.into(), None).await;
        assert_eq!(exchange.status, 400, "{method} {body}");
        assert!(read(&exchange)["errors"][0]["message"].is_string());
    }
    for (query, variables) in [
        ("query A($n: String!) { account(accountNumber: $n) { id } }", json!({})),
        (
            "query A($n: String!) { account(accountNumber: $n) { id } }",
            json!({"n": 5}),
        ),
        ("query A { viewer { id } } query B { viewer { id } }", json!({})),
        ("query { / ! ; viewer { id", json!({})),
        ("{ viewer { id } }", json!("x")),
    ] {
        let exchange = kraken
            .send(
                &json!({"query": query, "variables": variables}),
                Some(&kraken.token),
                None,
            )
            .await;
        assert_eq!(exchange.status, 400, "{query}");
        assert!(read(&exchange).get("data").is_none());
        assert_eq!(read(&exchange)["errors"].as_array().unwrap().len(), 1, "{query}");
        assert!(check(&exchange).is_err(), "{query}");
    }
}

#[tokio::test]
async fn one_request_has_its_limits() {
    let kraken = Kraken::new().await;
    let twice = "{ a: account(accountNumber: \"A-7C41D0E2\") { id } b: account(accountNumber: \"A-5E90B3F4\") { id } }";
    let answer = kraken.ask(twice, json!({})).await;
    assert!(answer["errors"][0].get("extensions").is_none() && answer["data"].is_null());

    let page = "first: 99) { edges { node { id } } }";
    let nested = format!(
        "{{ account(accountNumber: \"A-5E90B3F4\") {{ bills(first: 99) {{ edges {{ node {{ \
                          attachments(first: 99) {{ edges {{ node {{ filename }} }} }} \
                          ... on StatementType {{ transactions({page} }} }} }} }} }} }}"
    );
    assert_eq!(code(&kraken.ask(&nested, json!({})).await), "KT-CT-1189");

    let addresses: String = (0..200)
        .map(|index| format!("a{index}: address {{ locality }} "))
        .collect();
    let wide = format!("{{ account(accountNumber: \"A-5E90B3F4\") {{ {addresses} }} }}");
    assert_eq!(code(&kraken.ask(&wide, json!({})).await), "KT-CT-1188");

    // The measure meets the figures the contract gives, and every example stays well below the ceiling.
    let cost = |example: &Value| {
        let request = &example["request"];
        json!({"input": {"query": request["query"], "operationName": request["operationName"],
            "variables": request["variables"].to_string()}})
    };
    let query = "query C($input: QueryComplexityInputType!) { queryComplexity(input: $input) { complexityValue } }";
    for name in &EXAMPLES[1..7] {
        let answer = kraken.ask(query, cost(&example(name)[0])).await;
        let value = answer["data"]["queryComplexity"]["complexityValue"].as_i64().unwrap();
        assert!((1..100).contains(&value), "{name}: {value}");
        assert!(*name != "06-measurements" || value == 17, "{value}");
    }
    let info = kraken
        .ask(
            "{ rateLimitInfo { pointsAllowanceRateLimit { limit usedPoints remainingPoints isBlocked } } }",
            json!({}),
        )
        .await;
    let points = &info["data"]["rateLimitInfo"]["pointsAllowanceRateLimit"];
    assert_eq!(points["limit"], 50_000);
    assert_eq!(
        points["usedPoints"].as_i64().unwrap() + points["remainingPoints"].as_i64().unwrap(),
        50_000
    );
    assert!(points["usedPoints"].as_i64().unwrap() > 0);
}

#[tokio::test]
async fn the_cost_of_a_query_is_told_on_request() {
    let kraken = Kraken::new().await;
    let headers = [
        ("content-type", "application/json"),
        ("authorization", kraken.token.as_str()),
        ("x-kraken-query-complexity", "true"),
    ];
    let body = json!({"query": "{ viewer { id } }"}).to_string().into_bytes();
    let exchange = kraken.exchange("POST", ENDPOINT, &headers, body, None).await;
    assert_eq!(header(&exchange, "x-kraken-query-complexity"), "5");
}

#[tokio::test]
async fn page_sizes_above_the_limit_null_their_connection_only() {
    let kraken = Kraken::new().await;
    let query = "query P($first: Int) { account(accountNumber: \"A-7C41D0E2\") { number \
                 bills(first: $first) { totalCount } payments(first: 1) { totalCount } } }";
    let answer = kraken.ask(query, json!({"first": 100})).await;
    assert_eq!(code(&answer), "KT-CT-1202");
    assert_eq!(
        answer["data"]["account"],
        json!({"number": "A-7C41D0E2", "bills": null, "payments": {"totalCount": 3}})
    );
}

#[tokio::test]
async fn the_viewer_has_both_accounts() {
    let kraken = Kraken::new().await;
    let query = "{ viewer { id email accounts { number ... on AccountType { id } } } }";
    let answer = kraken.ask(query, json!({})).await;
    assert_eq!(
        answer["data"]["viewer"]["accounts"],
        json!([{"number": "A-7C41D0E2", "id": "88412"}, {"number": "A-5E90B3F4", "id": "90277"}])
    );
    let restricted = "{ viewer { accounts(restrictToAccountNumbers: [\"A-5E90B3F4\"]) { number } } }";
    let answer = kraken.ask(restricted, json!({})).await;
    assert_eq!(answer["data"]["viewer"]["accounts"], json!([{"number": "A-5E90B3F4"}]));
}

/// Every node of a connection of account A-5E90B3F4, page by page.
async fn walk(kraken: &Kraken, query: &str, place: &str) -> (usize, Vec<Value>) {
    let (mut after, mut pages, mut nodes) = (Value::Null, 0, Vec::new());
    loop {
        let answer = kraken.ask(query, json!({"after": after})).await;
        assert!(answer.get("errors").is_none(), "{answer}");
        let connection = answer.pointer(place).unwrap();
        pages += 1;
        nodes.extend(connection["edges"].as_array().unwrap().iter().cloned());
        if connection["pageInfo"]["hasNextPage"] == false {
            assert_eq!(connection["totalCount"], nodes.len());
            return (pages, nodes);
        }
        assert_ne!(connection["pageInfo"]["endCursor"], after);
        after = connection["pageInfo"]["endCursor"].clone();
    }
}

#[tokio::test]
async fn forty_bills_of_every_type_in_three_pages() {
    let kraken = Kraken::new().await;
    let query = "query B($after: String) { account(accountNumber: \"A-5E90B3F4\") { bills(first: 15, after: $after, \
                 includeBillsWithoutPDF: true, includeOpenStatements: true, includeHeldStatements: true) { totalCount \
                 pageInfo { hasNextPage endCursor } edges { node { __typename id billType fromDate toDate issuedDate \
                 attachments(first: 1) { edges { node { filename temporaryUrl temporaryUrlExpiresAt } } } \
                 ... on StatementType { status opening: openingBalance closing: closingBalance paymentDueDate \
                 reversalsAfterClose \
                   heldStatus { isHeld reason } totalCharges { grossTotal } transactions(first: 5) { edges { \
                 node { __typename id } } } } \
                 ... on PeriodBasedDocumentType { identifier isAnnulled periodClosing: closingBalance \
                   periodCharges: totalCharges { grossTotal } periodCredits: totalCredits { grossTotal } \
                   documentDebtPosition { dueDate expectedAmount remainingAmount allocations { amount } } \
                   lines: transactions(first: 9) { edges { node { __typename id amounts { net tax gross } } } } } \
                 ... on InvoiceType { invoiceIdentifier: identifier grossAmount isAnnulled totals: \
                 totalCharges { grossTotal } } \
                 ... on CollectiveBillType { constituents(first: 5) { edges { node { id } } } } \
                 ... on PreKrakenBillType { imported: identifier gross: grossAmount params } } } } } }";
    let (pages, edges) = walk(&kraken, query, "/data/account/bills").await;
    assert_eq!((pages, edges.len()), (3, 41));
    let types: BTreeSet<&str> = edges
        .iter()
        .map(|edge| edge["node"]["__typename"].as_str().unwrap())
        .collect();
    assert_eq!(types.len(), 5);
    let node = |id: &str| {
        edges
            .iter()
            .map(|edge| &edge["node"])
            .find(|node| node["id"] == id)
            .unwrap()
    };
    assert_eq!(node("950306")["isAnnulled"], true);
    assert_eq!(node("950318")["fromDate"], node("950306")["fromDate"]);
    // Each period document of a month that began with nothing owed closes at what it bills.
    for id in ["950306", "950318", "950307"] {
        let net = |name: &str| node(id)[name]["grossTotal"].as_i64().unwrap();
        assert_eq!(
            node(id)["periodClosing"],
            net("periodCredits") - net("periodCharges"),
            "{id}"
        );
    }
    assert_eq!(node("960004")["heldStatus"]["isHeld"], true);
    assert_eq!(node("960005")["status"], "OPEN");
    assert!(node("960005")["toDate"].is_null() && node("960005")["closing"].is_null());
    assert_eq!(node("970002")["attachments"]["edges"], json!([]));
    assert_eq!(node("980001")["constituents"]["edges"][1]["node"]["id"], "960001");
    assert!(node("910005")["fromDate"].is_null());
    // Older statements chain: each opens where the one before closed.
    for number in 940_002..=940_012 {
        assert_eq!(
            node(&number.to_string())["opening"],
            node(&(number - 1).to_string())["closing"],
            "{number}"
        );
    }
    let default = kraken
        .ask(
            "{ account(accountNumber: \"A-5E90B3F4\") { bills(first: 1, offset: 36) { totalCount edgeCount } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        default["data"]["account"]["bills"],
        json!({"totalCount": 38, "edgeCount": 1})
    );
}

#[tokio::test]
async fn bills_are_found_by_id_and_by_identifier() {
    let kraken = Kraken::new().await;
    let query = "query B($id: ID, $identifier: String) { account(accountNumber: \"A-5E90B3F4\") { \
                 bill(id: $id, identifier: $identifier) { id } } }";
    for (variables, expected) in [
        (json!({"id": "960005"}), json!({"id": "960005"})),
        (json!({"identifier": "INV-2026-0031"}), json!({"id": "970001"})),
        (json!({"id": "930412"}), Value::Null),
        (json!({}), Value::Null),
    ] {
        assert_eq!(kraken.ask(query, variables).await["data"]["account"]["bill"], expected);
    }
}

#[tokio::test]
async fn ledgers_add_up_and_entries_show_every_oddity() {
    let kraken = Kraken::new().await;
    let account = kraken
        .ask(
            "{ account(accountNumber: \"A-5E90B3F4\") { main: balance all: balance(includeAllLedgers: true) \
              ledgers { number name ledgerType balance amountOwedByCustomer affectsAccountBalance } \
              transactions(first: 5) { totalCount edges { node { id } } } \
              withoutDebts: ledgers(includeDebtLedgers: false) { number } } }",
            json!({}),
        )
        .await;
    let account = &account["data"]["account"];
    let ledgers = account["ledgers"].as_array().unwrap();
    let affecting = ledgers.iter().filter(|ledger| ledger["affectsAccountBalance"] == true);
    assert_eq!(
        affecting.map(|ledger| ledger["balance"].as_i64().unwrap()).sum::<i64>(),
        account["all"]
    );
    assert!(account["all"].as_i64().unwrap() > 0);
    assert_eq!(account["main"], ledgers[0]["balance"]);
    assert_ne!(account["main"], account["all"]);
    assert_eq!(
        (ledgers.len(), account["withoutDebts"].as_array().unwrap().len()),
        (4, 3)
    );
    // The trap: entries are in the ledgers only.
    assert_eq!(account["transactions"]["totalCount"], 0);

    let mut seen = BTreeSet::new();
    let mut nulls = 0;
    for ledger in ledgers {
        let query = format!(
            "query T($after: String) {{ account(accountNumber: \"A-5E90B3F4\") {{ ledgers(ledgerNumber: {}) {{ \
             transactions(first: 50, after: $after, orderBy: POSTED_DATE_ASC) {{ totalCount pageInfo {{ \
                 hasNextPage endCursor }} \
             edges {{ node {{ __typename id postedDate createdAt title note reasonCode isReversed isHeld isIssued \
             amounts {{ net tax gross }} balanceCarriedForward billingDocumentIdentifier \
             ... on Charge {{ consumption {{ quantity unit startDate endDate }} }} \
             ... on Payment {{ isLateFailedPayment paymentTransactionType }} }} }} }} }} }} }}",
            ledger["number"]
        );
        let (_, edges) = walk(&kraken, &query, "/data/account/ledgers/0/transactions").await;
        let mut balance = 0;
        for edge in &edges {
            let node = &edge["node"];
            if node.is_null() {
                nulls += 1;
                continue;
            }
            let amount = node["amounts"]["gross"]
                .as_i64()
                .or(node["amounts"]["net"].as_i64())
                .unwrap();
            let kind = node["__typename"].as_str().unwrap();
            balance += if ["Charge", "Refund"].contains(&kind) {
                -amount
            } else {
                amount
            };
            assert_eq!(node["balanceCarriedForward"], balance, "{node}");
            seen.insert(kind.to_owned());
            for (what, is_so) in [
                ("reversed charge", kind == "Charge" && node["isReversed"] == true),
                ("late failed payment", node["isLateFailedPayment"] == true),
                ("negative id", node["id"].as_str().unwrap().starts_with('-')),
                ("held", node["isHeld"] == true),
                ("unissued", node["isIssued"] == false),
                (
                    "charge without consumption",
                    kind == "Charge" && node["consumption"].is_null(),
                ),
                ("no title", node["title"].is_null()),
            ] {
                if is_so {
                    seen.insert(what.to_owned());
                }
            }
        }
        assert_eq!(ledger["balance"], balance);
        assert_eq!(ledger["amountOwedByCustomer"], -balance);
    }
    assert_eq!((seen.len(), nulls), (11, 2), "{seen:?}");
}

#[tokio::test]
async fn ledger_documents_match_the_bills_by_id() {
    let kraken = Kraken::new().await;
    let query = "{ account(accountNumber: \"A-5E90B3F4\") { ledgers { number \
                 statements(first: 50) { totalCount edges { node { id identifier startAt endAt firstIssuedAt \
                 paymentDueDate \
                   pdfUrl annulledBy { id annulledBillingDocumentId pdfUrl } totalCharges { grossTotal } \
                   transactions(first: 2) { edges { node { __typename id } } } \
                   documentDebtPosition { dueDate expectedAmount remainingAmount } } } } \
                 invoices(first: 5) { totalCount edges { node { id number invoicedAmount firstIssued \
                 pdfUrl } } } } } }";
    let answer = kraken.ask(query, json!({})).await;
    let ledgers = answer["data"]["account"]["ledgers"].as_array().unwrap();
    assert_eq!(ledgers[0]["statements"]["totalCount"], 25);
    assert_eq!(
        ledgers[1]["statements"]["totalCount"], 4,
        "the open statement is no document yet"
    );
    assert_eq!(ledgers[1]["invoices"]["totalCount"], 3);
    let statements = ledgers[0]["statements"]["edges"].as_array().unwrap();
    assert_eq!(statements[0]["node"]["id"], 950_312);
    let annulled = statements.iter().find(|edge| edge["node"]["id"] == 950_306).unwrap();
    assert_eq!(annulled["node"]["annulledBy"]["annulledBillingDocumentId"], 950_306);
    assert_eq!(annulled["node"]["startAt"], "2026-03-01T06:00:00+00:00");
    assert_eq!(annulled["node"]["endAt"], "2026-04-01T05:00:00+00:00");
}

#[tokio::test]
async fn documents_are_fetched_by_signed_address_alone() {
    let kraken = Kraken::new().await;
    let query = "{ account(accountNumber: \"A-7C41D0E2\") { bill(id: \"887004\") { temporaryUrl \
                 attachments(first: 1) { edges { node { temporaryUrl temporaryUrlExpiresAt filename } } } } } }";
    let answer = kraken.ask(query, json!({})).await;
    let bill = &answer["data"]["account"]["bill"];
    assert_eq!(bill["attachments"]["edges"][0]["node"]["filename"], "bill-887004.pdf");
    for url in [
        &bill["temporaryUrl"],
        &bill["attachments"]["edges"][0]["node"]["temporaryUrl"],
    ] {
        let target = url.as_str().unwrap().strip_prefix(BASE).unwrap();
        let exchange = kraken.exchange("GET", target, &[], Vec::new(), None).await;
        check(&exchange).unwrap();
        assert_eq!(
            (exchange.status, header(&exchange, "content-type")),
            (200, "application/pdf")
        );
        assert!(exchange.response_body.starts_with(b"%PDF-"));
        for spoilt in [
            target.replace("887004", "911860"),
            target.replace("expires=1", "expires=2"),
            format!("{target}x"),
            "/documents/887004".to_owned(),
            "/documents/887004?expires=1&signature=AAAA".to_owned(),
        ] {
            let refused = kraken.exchange("GET", &spoilt, &[], Vec::new(), None).await;
            assert_eq!(
                (refused.status, header(&refused, "content-type")),
                (403, "application/xml"),
                "{spoilt}"
            );
        }
        let with_token = kraken
            .exchange("GET", target, &[("authorization", &kraken.token)], Vec::new(), None)
            .await;
        assert!(check(&with_token).is_err());
    }
}

#[tokio::test]
async fn properties_and_schedules_are_filtered() {
    let kraken = Kraken::new().await;
    let query = "query P($from: DateTime) { account(accountNumber: \"A-5E90B3F4\") { \
                 properties(activeFrom: $from) { id \
                 addressLine1 addressLine2 addressLine3 label richAddress { locality } \
                 meterPoints { esiId status meters { serialNumber activeFrom activeTo } agreements { id validTo } } } \
                 paymentSchedules(active: true, first: 5) { edges { node { id paymentDay paymentFrequency } } } \
                 paymentMethods(first: 5) { edges { node { id status } } } \
                 payments(first: 99) { totalCount edges { node { id amount status transactionType reference } } } \
                 notes { body isPinned } references { namespace value account { number } } } }";
    let all = kraken.ask(query, json!({"from": null})).await;
    let account = &all["data"]["account"];
    assert_eq!(account["properties"].as_array().unwrap().len(), 2);
    assert_eq!(
        account["properties"][1]["meterPoints"][1]["status"],
        "PENDING_SWITCH_HOLD"
    );
    assert!(account["properties"][1]["meterPoints"][1]["agreements"].is_null());
    assert_eq!(
        account["properties"][0]["meterPoints"][0]["meters"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert!(account["paymentSchedules"]["edges"][0]["node"]["paymentDay"].is_null());
    assert!(account["paymentMethods"]["edges"][1]["node"].is_null());
    assert_eq!(account["references"][0]["account"]["number"], "A-5E90B3F4");
    let now = kraken.ask(query, json!({"from": "2026-06-01T00:00:00-05:00"})).await;
    assert_eq!(now["data"]["account"]["properties"].as_array().unwrap().len(), 1);
}

const USE: &str = "query M($from: Date!, $to: Date!, $filters: [UtilityFiltersInput], $after: String) { \
                   account(accountNumber: \"A-5E90B3F4\") { properties { id measurements(startOn: $from, endOn: $to, \
                   timezone: \"America/Chicago\", utilityFilters: $filters, first: 1500, after: $after) { totalCount \
                   pageInfo { hasNextPage endCursor } edges { node { value source unit readAt \
                   ... on IntervalMeasurementType { startAt endAt durationInSeconds } metaData { utilityFilters { \
                   ... on ElectricityFiltersOutput { readingDirection readingQuality readingFrequencyType } } \
                   statistics { label } } } } } } } }";

#[tokio::test]
async fn half_hours_days_and_daily_readings_agree() {
    let kraken = Kraken::new().await;
    let sum = |answer: &Value| -> i64 {
        let edges = answer["data"]["account"]["properties"][0]["measurements"]["edges"]
            .as_array()
            .unwrap();
        edges
            .iter()
            .map(|edge| {
                edge["node"]["value"]
                    .as_str()
                    .unwrap()
                    .replace('.', "")
                    .parse::<i64>()
                    .unwrap()
            })
            .sum()
    };
    let filters = |frequency: &str| {
        json!([{"electricityFilters": {"readingFrequencyType": frequency, "readingDirection": "CONSUMPTION",
            "marketSupplyPointId": "10443720000111222"}}])
    };
    let ask = |frequency: &str| {
        kraken.ask(
            USE,
            json!({"from": "2025-10-30", "to": "2025-11-06", "filters": filters(frequency)}),
        )
    };
    let half_hours = ask("THIRTY_MIN_INTERVAL").await;
    let measurements = &half_hours["data"]["account"]["properties"][0]["measurements"];
    assert_eq!(
        measurements["totalCount"],
        7 * 48 + 2,
        "the clock goes back within the week"
    );
    let edges = measurements["edges"].as_array().unwrap();
    let qualities: BTreeSet<&str> = edges
        .iter()
        .filter_map(|edge| edge["node"]["metaData"]["utilityFilters"]["readingQuality"].as_str())
        .collect();
    assert_eq!(
        half_hours["data"]["account"]["properties"][1]["measurements"]["totalCount"],
        0
    );
    assert!(edges.iter().any(|edge| edge["node"]["metaData"].is_null()));
    assert!(qualities.contains("ACTUAL"));
    let days = ask("DAY_INTERVAL").await;
    assert_eq!(sum(&half_hours), sum(&days));

    let daily = kraken
        .ask(
            "query D($input: DailyReadingInput!) { dailyReadings(input: $input) { readAt meterReading \
             dailyUsage source } }",
            json!({"input": {"accountNumber": "A-5E90B3F4", "esiId": "10443720000111222",
                "fromDatetime": "2025-10-30T00:00:00-05:00", "toDatetime": "2025-11-06T00:00:00-06:00"}}),
        )
        .await;
    let readings = daily["data"]["dailyReadings"].as_array().unwrap();
    let daily: i64 = readings
        .iter()
        .map(|one| {
            one["dailyUsage"]
                .as_str()
                .unwrap()
                .replace('.', "")
                .parse::<i64>()
                .unwrap()
        })
        .sum();
    assert_eq!((readings.len(), daily * 100), (7, sum(&days)));
}

#[tokio::test]
async fn foreign_accounts_and_unknown_points_are_refused() {
    let kraken = Kraken::new().await;
    let daily = "query D($input: DailyReadingInput!) { dailyReadings(input: $input) { readAt } }";
    let input = |account: &str, esi_id: &str| {
        json!({"input": {"accountNumber": account, "esiId": esi_id, "fromDatetime": "2026-01-01T00:00:00-06:00",
            "toDatetime": "2026-01-02T00:00:00-06:00"}})
    };
    assert_eq!(
        code(&kraken.ask(daily, input("A-00000000", "10443720000111222")).await),
        "KT-CT-4177"
    );
    assert_eq!(
        code(&kraken.ask(daily, input("A-7C41D0E2", "10443720000111222")).await),
        "KT-CT-4719"
    );
    let point = "query S($market: String!) { \
                 supplyPoint(externalIdentifier: \"10032789401234567\", marketName: $market) \
                 { id property { id } } }";
    assert_eq!(
        code(&kraken.ask(point, json!({"market": "ELECTRICITY"})).await),
        "KT-CT-4723"
    );
    let answer = kraken.ask(point, json!({"market": "USA_ELECTRICITY"})).await;
    assert_eq!(
        answer["data"]["supplyPoint"],
        json!({"id": "40771", "property": {"id": "48213"}})
    );
}

#[tokio::test]
async fn writes_play_the_contract_s_example() {
    let kraken = Kraken::new().await;
    for example in example("08-mutations") {
        let exchange = kraken.send(&example["request"], Some(&kraken.token), None).await;
        check(&exchange).unwrap();
        assert_eq!(read(&exchange), example["response"]);
    }
}

const BOOKS: &str = "query($account: String!) { account(accountNumber: $account) { balance(includeAllLedgers: true) \
                     billingEmail billingAddressLine1 billingAddressLine2 billingAddressPostcode \
                     notes { body isPinned unpinAt } \
                     ledgers { number balance amountOwedByCustomer \
                     transactions(first: 1) { edges { node { __typename id title reasonCode note postedDate \
                     amounts { net tax gross } balanceCarriedForward } } } \
                     repaymentRequests(first: 9) { edges { node { requestId amount reasonCode method status } } } } } }";

async fn books(kraken: &Kraken, account: &str) -> Value {
    kraken.ask(BOOKS, json!({"account": account})).await["data"]["account"].clone()
}

async fn change(kraken: &Kraken, field: &str, kind: &str, selection: &str, input: Value) -> Value {
    let mutation = format!("mutation($input: {kind}!) {{ {field}(input: $input) {{ {selection} }} }}");
    kraken.ask(&mutation, json!({"input": input})).await
}

#[tokio::test]
async fn charges_lower_the_balance_and_credits_raise_it() {
    let kraken = Kraken::new().await;
    let (account, ledger) = ("A-7C41D0E2", "L-51D20A77");
    let charge = json!({"accountNumber": account, "grossAmount": 2500, "reason": "LATE_FEE", "note": "n"});
    let charged = "accountCharge { netAmount salesTaxAmount }";
    let answer = change(
        &kraken,
        "createAccountCharge",
        "CreateAccountChargeInput",
        charged,
        charge,
    )
    .await;
    let amounts = &answer["data"]["createAccountCharge"]["accountCharge"];
    assert_eq!(amounts, &json!({"netAmount": 2475, "salesTaxAmount": 25}));
    let after = books(&kraken, account).await;
    assert_eq!(after["balance"], -15349 - 2500);
    let entry = after["ledgers"][0]["transactions"]["edges"][0]["node"].clone();
    assert_eq!(entry["__typename"], "Charge");
    assert_eq!(entry["title"], "Late fee");
    assert_eq!(entry["amounts"], json!({"net": 2475, "tax": 25, "gross": 2500}));
    assert_eq!(entry["balanceCarriedForward"], -15349 - 2500);
    let credit = json!({"accountNumber": account, "netAmount": 1000, "taxAmount": 50, "reason": "GOODWILL_CREDIT",
        "ledgerNumber": ledger, "displayNote": "Sorry"});
    let answer = change(&kraken, "postCredit", "PostCreditInput", "credit { id title }", credit).await;
    let after = books(&kraken, account).await;
    assert_eq!(after["balance"], -15349 - 2500 + 1050);
    assert_eq!(after["ledgers"][0]["amountOwedByCustomer"], 15349 + 2500 - 1050);
    let entry = &after["ledgers"][0]["transactions"]["edges"][0]["node"];
    assert_eq!(entry["__typename"], "Credit");
    assert_eq!(entry["id"], answer["data"]["postCredit"]["credit"]["id"]);
    assert_eq!(
        (&entry["title"], &entry["amounts"]["gross"]),
        (&json!("Sorry"), &json!(1050))
    );
    // Another deployment has books of its own.
    assert_eq!(books(&Kraken::new().await, account).await["balance"], -15349);
}

#[tokio::test]
async fn repayment_requests_are_kept_withdrawn_once_and_told_apart_by_their_key() {
    let kraken = Kraken::new().await;
    let request = |key: &str| {
        json!({"accountNumber": "A-7C41D0E2", "ledgerNumber": "L-51D20A77", "amountInMinorUnit": 4000,
            "method": "CHEQUE", "idempotencyKey": key, "reason": "CUSTOMER_REQUEST"})
    };
    let (kind, answered) = ("RequestRepaymentInputType", "repaymentRequest { requestId status }");
    let answer = change(&kraken, "submitRepaymentRequest", kind, answered, request("one")).await;
    let id = answer["data"]["submitRepaymentRequest"]["repaymentRequest"]["requestId"].clone();
    let again = change(&kraken, "submitRepaymentRequest", kind, answered, request("one")).await;
    assert_eq!(code(&again), "KT-CT-3928");
    let listed = books(&kraken, "A-7C41D0E2").await["ledgers"][0]["repaymentRequests"]["edges"].clone();
    let expected = json!([{"node": {"requestId": id, "amount": 4000, "reasonCode": "CUSTOMER_REQUEST",
        "method": "CHEQUE", "status": "REQUESTED"}}]);
    assert_eq!(listed, expected);
    let cancel = json!({"requestId": id});
    let kind = "CancelRepaymentRequestInputType";
    change(&kraken, "cancelRepaymentRequest", kind, answered, cancel.clone()).await;
    let listed = books(&kraken, "A-7C41D0E2").await["ledgers"][0]["repaymentRequests"]["edges"].clone();
    assert_eq!(listed[0]["node"]["status"], "CANCELLED");
    let again = change(&kraken, "cancelRepaymentRequest", kind, answered, cancel).await;
    assert_eq!(code(&again), "KT-CT-3931");
    let unknown = json!({"requestId": "1"});
    assert_eq!(
        code(&change(&kraken, "cancelRepaymentRequest", kind, answered, unknown).await),
        "KT-CT-3930"
    );
}

#[tokio::test]
async fn notes_and_billing_facts_change() {
    let kraken = Kraken::new().await;
    let account = "A-7C41D0E2";
    let note = json!({"accountNumber": account, "note": "Called", "isPinned": true, "unpinAt": "2199-01-01T00:00:00Z"});
    let noted = change(
        &kraken,
        "createAccountNote",
        "CreateAccountNoteInput",
        "account { number notes { body } }",
        note,
    );
    let noted = noted.await;
    let expected = json!({"number": account, "notes": [{"body": "Called"}]});
    assert_eq!(
        noted["data"]["createAccountNote"]["account"], expected,
        "the answer stands behind the change"
    );
    let email = json!({"accountNumber": account, "billingEmail": "bills@example.com"});
    change(
        &kraken,
        "updateAccountBillingEmail",
        "UpdateAccountBillingEmailInput",
        "account { number }",
        email,
    )
    .await;
    let address = json!({"accountNumber": account, "billingAddress": {"streetAddress": "1 Main St\nUnit 2",
        "locality": "Austin", "administrativeArea": "TX", "postalCode": "78701", "country": "US"}});
    let kind = "AccountBillingAddressInput";
    change(
        &kraken,
        "updateAccountBillingAddress",
        kind,
        "account { number }",
        address,
    )
    .await;
    let after = books(&kraken, account).await;
    assert_eq!(after["billingEmail"], "bills@example.com");
    assert_eq!(after["billingAddressLine1"], "1 Main St");
    assert_eq!(after["billingAddressLine2"], "Unit 2");
    assert_eq!(after["billingAddressPostcode"], "78701");
    assert_eq!(
        after["notes"],
        json!([{"body": "Called", "isPinned": true, "unpinAt": "2199-01-01T00:00:00Z"}])
    );
}

#[tokio::test]
async fn wrong_writes_are_refused_with_the_registry_s_codes_and_change_nothing() {
    let kraken = Kraken::new().await;
    let before = books(&kraken, "A-7C41D0E2").await;
    let (own, foreign) = ("A-7C41D0E2", "A-00000000");
    let charge = |account: &str, amount: i64, reason: &str| {
        let input = json!({"accountNumber": account, "grossAmount": amount, "reason": reason});
        (
            "createAccountCharge",
            "CreateAccountChargeInput",
            "accountCharge { id }",
            input,
        )
    };
    let credit = |reason: &str, ledger: Value, net: i64| {
        let input = json!({"accountNumber": own, "netAmount": net, "taxAmount": 0, "reason": reason,
            "ledgerNumber": ledger});
        ("postCredit", "PostCreditInput", "credit { id }", input)
    };
    let refund = |account: &str, ledger: Value, amount: i64| {
        let input = json!({"accountNumber": account, "ledgerNumber": ledger, "amountInMinorUnit": amount,
            "idempotencyKey": "k"});
        (
            "submitRepaymentRequest",
            "RequestRepaymentInputType",
            "repaymentRequest { requestId }",
            input,
        )
    };
    let note = |account: &str, text: &str, pinned: bool, unpin: &str| {
        let input = json!({"accountNumber": account, "note": text, "isPinned": pinned,
            "unpinAt": (!unpin.is_empty()).then_some(unpin)});
        (
            "createAccountNote",
            "CreateAccountNoteInput",
            "account { number }",
            input,
        )
    };
    let email = |account: &str, email: &str| {
        let input = json!({"accountNumber": account, "billingEmail": email});
        (
            "updateAccountBillingEmail",
            "UpdateAccountBillingEmailInput",
            "account { number }",
            input,
        )
    };
    let address = |account: &str| {
        let input = json!({"accountNumber": account, "billingAddress": {"postalCode": "78401"}});
        (
            "updateAccountBillingAddress",
            "AccountBillingAddressInput",
            "account { number }",
            input,
        )
    };
    let (ledger, reason) = (json!("L-51D20A77"), "GOODWILL_CREDIT");
    for ((field, kind, selection, input), expected) in [
        (charge(foreign, 100, "LATE_FEE"), "KT-CT-4177"),
        (charge(own, 0, "LATE_FEE"), "KT-CT-5213"),
        (charge(own, 100, "WHIM"), "KT-CT-5212"),
        (charge(own, 100, "PAPER_BILL_FEE"), "KT-CT-5211"),
        (credit(reason, Value::Null, 100), "KT-CT-3821"),
        (credit(reason, json!("L-2B7F9C10"), 100), "KT-CT-1111"),
        (credit(reason, ledger.clone(), 0), "KT-CT-5316"),
        (credit("WHIM", ledger.clone(), 100), "KT-CT-5312"),
        (credit("METER_SWAP_CREDIT", ledger.clone(), 100), "KT-CT-5311"),
        (refund(foreign, ledger.clone(), 100), "KT-CT-1132"),
        (refund(own, Value::Null, 100), "KT-CT-3821"),
        (refund(own, ledger, 0), "KT-CT-3927"),
        (note(foreign, "x", false, ""), "KT-CT-4123"),
        (note(own, " ", false, ""), "KT-CT-4180"),
        (note(own, "x", false, "2199-01-01T00:00:00Z"), "KT-CT-4195"),
        (note(own, "x", true, "2001-01-01T00:00:00Z"), "KT-CT-4196"),
        (email(foreign, "a@example.com"), "KT-CT-4123"),
        (email(own, "nobody"), "KT-CT-4122"),
        (address(foreign), "KT-CT-7123"),
        (address(own), "KT-CT-4145"),
    ] {
        let answer = change(&kraken, field, kind, selection, input).await;
        assert_eq!(code(&answer), expected, "{field}: {answer}");
        assert_eq!(answer["data"], json!({field: null}), "{field}");
    }
    assert_eq!(books(&kraken, "A-7C41D0E2").await, before);
    let approve = json!({"accountNumber": own, "repaymentId": "1"});
    let answer = change(
        &kraken,
        "approveRepayment",
        "ApproveRepaymentInput",
        "repayment { id }",
        approve,
    )
    .await;
    assert_eq!(
        answer["errors"][0]["extensions"]["errorType"], "APPLICATION",
        "not simulated"
    );
}

#[tokio::test]
async fn a_write_behind_a_refused_header_is_not_executed() {
    let kraken = Kraken::new().await;
    let charge = json!({"operationName": "Charge", "query": "mutation Charge($input: CreateAccountChargeInput!) { \
        createAccountCharge(input: $input) { accountCharge { id } } }",
        "variables": {"input": {"accountNumber": "A-7C41D0E2", "grossAmount": 100, "reason": "LATE_FEE"}}});
    let exchange = kraken
        .send(&charge, Some(&kraken.token), Some(Fault::ExpiredToken))
        .await;
    assert_eq!(code(&read(&exchange)), "KT-CT-1124");
    assert_eq!(kraken.counts.get("Charge"), 0);
    assert_eq!(books(&kraken, "A-7C41D0E2").await["balance"], -15349);
}

#[test]
fn operations_are_named_by_their_request() {
    let name = |method: http::Method, path: &str, body: &str| operation(&method, path, body.as_bytes());
    let named = r#"{"operationName": "Bills", "query": "query Bills { viewer { id } }"}"#;
    let unnamed = r#"{"query": "query Me { viewer { id } }"}"#;
    for path in [ENDPOINT, "/kraken/v1/graphql/"] {
        assert_eq!(name(http::Method::POST, path, named).as_deref(), Some("Bills"));
        assert_eq!(name(http::Method::POST, path, unnamed).as_deref(), Some("Me"));
        assert_eq!(name(http::Method::GET, path, named), None);
    }
    assert_eq!(
        name(http::Method::POST, ENDPOINT, r#"{"query": "{ viewer { id } }"}"#),
        None
    );
    assert_eq!(
        name(http::Method::GET, "/kraken/documents/887004", "").as_deref(),
        Some("document")
    );
}

/// The checker is worth something only if it refuses: each change to a good exchange is one it must see.
#[test]
fn the_checker_refuses_what_the_contract_forbids() {
    let account = on_the_wire(&example("02-account")[0]);
    let bills = on_the_wire(&example("03-bills")[0]);
    let refused = on_the_wire(&example("09-errors")[1]);
    let login = on_the_wire(&example("01-token")[0]);
    let document = on_the_wire(&example("09-errors")[6]);
    let measured = on_the_wire(&example("06-measurements")[0]);
    for good in [&account, &bills, &refused, &login, &measured] {
        check(good).unwrap();
    }
    let answering = |good: &Exchange, change: &dyn Fn(&mut Value)| {
        let mut answer = read(good);
        change(&mut answer);
        Exchange {
            response_body: answer.to_string().into_bytes(),
            ..good.clone()
        }
    };
    let asking = |good: &Exchange, change: &dyn Fn(&mut Value)| {
        let mut request: Value = serde_json::from_slice(&good.request_body).unwrap();
        change(&mut request);
        Exchange {
            request_body: request.to_string().into_bytes(),
            ..good.clone()
        }
    };
    let at =
        |path: &'static str, value: Value| move |answer: &mut Value| *answer.pointer_mut(path).unwrap() = value.clone();
    let removed = |path: &'static str, key: &'static str| {
        move |answer: &mut Value| {
            answer
                .pointer_mut(path)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(key)
                .unwrap();
        }
    };
    let added = |path: &'static str, key: &'static str| {
        move |answer: &mut Value| {
            answer
                .pointer_mut(path)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .insert(key.to_owned(), json!(1));
        }
    };
    let wrong = [
        (
            "a missing field",
            answering(&account, &removed("/data/account", "balance")),
        ),
        ("an unasked field", answering(&account, &added("/data/account", "urn"))),
        (
            "a null where none may be",
            answering(&account, &at("/data/account/balance", Value::Null)),
        ),
        (
            "a string for an Int",
            answering(&account, &at("/data/account/balance", json!("5"))),
        ),
        (
            "a fraction for an Int",
            answering(&account, &at("/data/account/overdueBalance", json!(0.5))),
        ),
        (
            "an unknown enum value",
            answering(&account, &at("/data/account/status", json!("SLEEPING"))),
        ),
        (
            "a number for a String",
            answering(&account, &at("/data/account/brand", json!(1))),
        ),
        (
            "an object for a list",
            answering(&account, &at("/data/account/ledgers", json!({}))),
        ),
        (
            "an instant without offset",
            answering(&account, &at("/data/account/createdAt", json!("2024-11-18T16:42:10"))),
        ),
        (
            "a wrong type name",
            answering(
                &bills,
                &at("/data/account/bills/edges/0/node/__typename", json!("InvoiceType")),
            ),
        ),
        (
            "a wrong date",
            answering(
                &bills,
                &at("/data/account/bills/edges/0/node/fromDate", json!("2026-13-01")),
            ),
        ),
        (
            "a field of another type",
            answering(&bills, &added("/data/account/bills/edges/0/node", "statementStatus")),
        ),
        (
            "a number for a Decimal",
            answering(
                &measured,
                &at("/data/account/properties/0/measurements/edges/0/node/value", json!(0.4)),
            ),
        ),
        ("no data", answering(&account, &removed("", "data"))),
        (
            "null data without errors",
            answering(&account, &at("/data", Value::Null)),
        ),
        ("an unknown key", answering(&account, &added("", "datum"))),
        (
            "an error type nobody knows",
            answering(&refused, &at("/errors/0/extensions/errorType", json!("OOPS"))),
        ),
        (
            "a code of another shape",
            answering(&refused, &at("/errors/0/extensions/errorCode", json!("4177"))),
        ),
        (
            "an error without message",
            answering(&refused, &removed("/errors/0", "message")),
        ),
        (
            "a path to nowhere",
            answering(&refused, &at("/errors/0/path", json!(["bills"]))),
        ),
        (
            "empty errors",
            answering(&account, &|answer: &mut Value| answer["errors"] = json!([])),
        ),
        (
            "a status of its own",
            Exchange {
                status: 201,
                ..account.clone()
            },
        ),
        (
            "an answer of another type",
            Exchange {
                response_headers: vec![("content-type".to_owned(), "text/html".to_owned())],
                ..account.clone()
            },
        ),
        (
            "an answer that is not JSON",
            Exchange {
                response_body: b"<html>".to_vec(),
                ..account.clone()
            },
        ),
        ("a document the schema does not know", document),
        (
            "a variable of the wrong type",
            asking(&account, &at("/variables/accountNumber", json!(7))),
        ),
        (
            "a missing variable",
            asking(&account, &removed("/variables", "accountNumber")),
        ),
        (
            "a date that is none",
            asking(&measured, &at("/variables/startAt", json!("yesterday"))),
        ),
        (
            "another operation's name",
            asking(&account, &at("/operationName", json!("Other"))),
        ),
        ("an unknown key in the request", asking(&account, &added("", "id"))),
        (
            "GET",
            Exchange {
                method: "GET".to_owned(),
                ..account.clone()
            },
        ),
        (
            "another path",
            Exchange {
                target: "/v1/graphql".to_owned(),
                ..account.clone()
            },
        ),
        (
            "a login with a token",
            Exchange {
                request_headers: account.request_headers.clone(),
                ..login.clone()
            },
        ),
        (
            "a query without a token",
            Exchange {
                request_headers: login.request_headers.clone(),
                ..account.clone()
            },
        ),
        (
            "a form",
            Exchange {
                request_headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
                ..login.clone()
            },
        ),
        (
            "Bearer",
            Exchange {
                request_headers: vec![
                    ("content-type".to_owned(), "application/json".to_owned()),
                    ("authorization".to_owned(), "Bearer x".to_owned()),
                ],
                ..account.clone()
            },
        ),
        (
            "extensions in a 400",
            Exchange {
                status: 400,
                ..refused.clone()
            },
        ),
    ];
    for (what, exchange) in wrong {
        assert!(check(&exchange).is_err(), "{what} passes");
    }
}
