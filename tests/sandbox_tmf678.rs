//! The simulated TMF678-style bill API, seen from outside.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use intertie::sandbox::fault::Fault;
use intertie::sandbox::tmf678::{API_PATH, CLIENT_ID, CLIENT_SECRET, PANAMA_CLIENT_ID};
use intertie::sandbox::{Kind, Running, start};
use serde_json::{Value, json};

use crate::support::exchange::Exchange;
use crate::support::tmf678_contract::{cases, check, check_answer, check_bill, check_request};
use crate::support::watch;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn example_bytes(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tmf678/examples");
    std::fs::read(root.join(name)).unwrap()
}

fn example(name: &str) -> Value {
    serde_json::from_slice(&example_bytes(name)).unwrap()
}

/// The example of an error with the masked names put in.
fn filled(name: &str, names: &[(&str, &str)]) -> Value {
    let mut text = String::from_utf8(example_bytes(name)).unwrap();
    for (mask, value) in names {
        text = text.replacen(mask, value, 1);
    }
    serde_json::from_str(&text).unwrap()
}

/// A simulated system and a caller of it.
struct Scene {
    running: Running,
    client: reqwest::Client,
}

impl Scene {
    async fn new() -> Self {
        watch::on();
        rustls::crypto::ring::default_provider().install_default().ok();
        let running = start(&[Kind::Tmf678], LOOPBACK).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Scene { running, client }
    }

    /// A request without credentials.
    fn bare(&self, method: &str, target: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{API_PATH}/{target}", self.running.base(Kind::Tmf678));
        self.client
            .request(method.parse().unwrap(), url)
            .header("x-correlation-id", "c0ffee")
    }

    fn get(&self, target: &str) -> reqwest::RequestBuilder {
        self.bare("GET", target)
            .header("client_id", CLIENT_ID)
            .header("client_secret", CLIENT_SECRET)
            .header("client-id", CLIENT_ID)
            .header("client-secret", CLIENT_SECRET)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Exchange {
        let request = request.build().unwrap();
        let target = match request.url().query() {
            Some(query) => format!("{}?{query}", request.url().path()),
            None => request.url().path().to_owned(),
        };
        let method = request.method().to_string();
        let request_headers = listed(request.headers());
        let response = self.client.execute(request).await.unwrap();
        let status = response.status().as_u16();
        let response_headers = listed(response.headers());
        Exchange {
            method,
            target,
            request_headers,
            request_body: Vec::new(),
            status,
            response_headers,
            response_body: response.bytes().await.unwrap().to_vec(),
        }
    }

    /// Sends a request that fits the contract, gets an answer that does, and hands the answer back.
    async fn fitting(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let exchange = self.send(request).await;
        if let Err(error) = check(&exchange) {
            panic!("{} {}: {error}", exchange.method, exchange.target);
        }
        (exchange.status, body(&exchange))
    }

    /// Sends a request that may be wrong, and gets an answer that fits the contract.
    async fn answered(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let exchange = self.send(request).await;
        if let Err(error) = check_answer(&exchange) {
            panic!("{} {}: {error}", exchange.method, exchange.target);
        }
        (exchange.status, body(&exchange))
    }

    async fn description(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        let (status, body) = self.answered(request).await;
        (
            status,
            body["errors"][0]["description"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

fn listed(headers: &reqwest::header::HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect()
}

fn body(exchange: &Exchange) -> Value {
    if exchange.response_body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&exchange.response_body).unwrap()
    }
}

/// The first document of an answer, decoded.
fn document(body: &Value) -> Vec<u8> {
    STANDARD
        .decode(body["billDocument"][0]["content"].as_str().unwrap())
        .unwrap()
}

#[test]
fn the_simulated_system_carries_the_examples_unchanged() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sandbox/tmf678/data/examples");
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
    assert_eq!(count, 7);
}

#[test]
fn the_checker_says_no() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let good = Exchange {
        method: "GET".into(),
        target: format!("/tmf678{API_PATH}/PA/customerBill/2018031?billingAccount.id=801941080000&limit=5"),
        request_headers: vec![
            pair("client_id", "intertie"),
            pair("client_secret", "secret"),
            pair("x-correlation-id", "1"),
            pair("channeid", "ecom"),
            pair("x-pdf", "true"),
        ],
        request_body: Vec::new(),
        status: 200,
        response_headers: vec![pair("content-type", "application/json")],
        response_body: example_bytes("200-summary-minimal.json"),
    };
    check(&good).unwrap();
    let mut wrong: Vec<(&str, Exchange)> = Vec::new();
    let mut spoil = |why, change: &dyn Fn(&mut Exchange)| {
        let mut exchange = good.clone();
        change(&mut exchange);
        wrong.push((why, exchange));
    };
    spoil("path", &|e| e.target = format!("{API_PATH}/PA/bill/1"));
    spoil("empty id", &|e| e.target = format!("{API_PATH}/PA/customerBill/"));
    spoil("country", &|e| e.target = format!("{API_PATH}/PAN/customerBill/1"));
    spoil("method", &|e| e.method = "POST".into());
    spoil("body", &|e| e.request_body = b"{}".to_vec());
    spoil("limit", &|e| e.target = e.target.replace("limit=5", "limit=6"));
    spoil("query name", &|e| e.target.push_str("&fields=id"));
    spoil("query twice", &|e| e.target.push_str("&limit=5"));
    spoil("deprecated", &|e| {
        e.target = e.target.replace("billingAccount.id", "accountId")
    });
    spoil("no list account", &|e| {
        e.target = format!("{API_PATH}/PA/customerBill?limit=5")
    });
    spoil("half a pair", &|e| drop(e.request_headers.remove(1)));
    spoil("no pair", &|e| drop(e.request_headers.drain(..2)));
    spoil("short secret", &|e| {
        e.request_headers
            .extend([pair("client-id", "i"), pair("client-secret", "secret")])
    });
    spoil("pairs differ", &|e| {
        e.request_headers
            .extend([pair("client-id", "other"), pair("client-secret", "secret")])
    });
    spoil("no correlation", &|e| drop(e.request_headers.remove(2)));
    spoil("channel", &|e| e.request_headers[3].1 = "Digital".into());
    spoil("two l", &|e| e.request_headers[3].0 = "channelid".into());
    spoil("both contents", &|e| e.request_headers.push(pair("x-txt", "true")));
    spoil("flag", &|e| e.request_headers[4].1 = "yes".into());
    spoil("status", &|e| e.status = 202);
    spoil("type", &|e| e.response_headers[0].1 = "text/html".into());
    spoil("neither summary nor document", &|e| {
        e.response_body = b"{\"id\":\"1\"}".to_vec()
    });
    spoil("error with a wrong code", &|e| {
        e.status = 404;
        e.response_body = example_bytes("401-unauthenticated.json");
    });
    spoil("body of a 502", &|e| {
        e.status = 502;
        e.response_body = b"{}".to_vec();
    });
    for (why, exchange) in wrong {
        assert!(check(&exchange).is_err(), "{why} was let through");
    }
    let mut bill = example("200-summary-full.json");
    bill["state"] = json!("inDispute");
    check_bill(bill.clone()).unwrap();
    bill["billDate"] = json!("03/03/2022");
    assert!(check_bill(bill).is_err());
}

#[tokio::test]
async fn every_documented_answer_is_given() {
    let scene = Scene::new().await;
    let mut given = BTreeSet::new();
    // The bodies and the one error whose request the contract itself tells.
    for case in cases().iter().filter(|case| case["request"].is_object()) {
        let name = case["case"].as_str().unwrap();
        let wanted = &case["request"];
        let target = format!(
            "{}/customerBill/{}",
            wanted["businessId"].as_str().unwrap(),
            wanted["id"].as_str().unwrap()
        );
        let pairs = wanted["query"].as_object().into_iter().flatten();
        let query: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap().replace('/', "%2F")))
            .collect();
        let mut request = scene.get(&format!("{target}?{}", query.join("&")));
        for (name, value) in wanted["headers"].as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().unwrap());
        }
        let (status, found) = scene.answered(request).await;
        let expected = filled(case["body"].as_str().unwrap(), &[("XXXX", "limit")]);
        assert_eq!(
            (u64::from(status), &found),
            (case["status"].as_u64().unwrap(), &expected),
            "{name}"
        );
        given.insert(name.to_owned());
    }
    assert_eq!(given.len(), 8);

    let bill = "PA/customerBill/2018031";
    let of = |business: &str, id: &str, account: &str| {
        scene.get(&format!("{business}/customerBill/{id}?billingAccount.id={account}"))
    };
    let half = scene.bare("GET", bill).header("client-id", CLIENT_ID);
    let wrong = scene
        .bare("GET", bill)
        .header("client_id", CLIENT_ID)
        .header("client_secret", "not-the-one");
    let panama = scene
        .bare("GET", "JM/customerBill/2018031")
        .header("client_id", PANAMA_CLIENT_ID)
        .header("client_secret", CLIENT_SECRET);
    let fault = |fault: &str| scene.get(bill).header("x-sandbox-fault", fault);
    for (case, request, names) in [
        ("400-missing-header", half, vec![]),
        ("401-unauthenticated", wrong, vec![]),
        ("403-forbidden", panama, vec![]),
        (
            "404-bill-file-not-found",
            of("PA", "2018032", "801941080000"),
            vec![("XXXXXX", "801941080000"), ("XXXXX", "2018032")],
        ),
        (
            "404-invalid-bill-reference",
            of("PA", "77937H", "801941080000"),
            vec![("XXXXXX", "801941080000"), ("XXXXX", "77937H")],
        ),
        (
            "404-no-route-to-bss",
            of("PA", "2018031", "801941080001"),
            vec![("xxxxx", "801941080001")],
        ),
        (
            "404-no-bills-found-prefixed",
            of("PA", "2018031", "801941089999"),
            vec![("xxx", "801941089999")],
        ),
        (
            "404-no-bills-found",
            of("TT", "2018031", "500120009999"),
            vec![("xxxx", "500120009999")],
        ),
        (
            "404-bill-history-not-found",
            scene.get("PR/customerBill/77937"),
            vec![("xxxxx", "77937")],
        ),
        ("405-method-not-allowed", scene.bare("POST", bill), vec![]),
        ("429-too-many-requests", fault("throttled"), vec![]),
        ("500-internal-error", fault("status=500"), vec![]),
        (
            "501-not-implemented",
            scene.get("AG/customerBill/AG00001"),
            vec![("xxxxxx", "AG00001"), ("xxxx", "AG")],
        ),
        ("502-bad-gateway", fault("status=502"), vec![]),
        ("503-service-unavailable", scene.get("BS/customerBill/1"), vec![]),
    ] {
        let entry = cases().into_iter().find(|entry| entry["case"] == case).unwrap();
        let exchange = scene.send(request).await;
        check_answer(&exchange).unwrap_or_else(|error| panic!("{case}: {error}"));
        let expected = match entry["body"].as_str() {
            Some(name) => filled(name, &names),
            None => Value::Null,
        };
        assert_eq!(
            (u64::from(exchange.status), body(&exchange)),
            (entry["status"].as_u64().unwrap(), expected),
            "{case}"
        );
        for (name, value) in entry["responseHeaders"].as_object().into_iter().flatten() {
            let found = exchange
                .response_headers
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name));
            assert_eq!(found.map(|(_, value)| value.as_str()), value.as_str(), "{case}");
        }
        given.insert(case.to_owned());
    }
    let documented: BTreeSet<_> = cases()
        .iter()
        .map(|case| case["case"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((given.len(), given), (23, documented));
}

#[tokio::test]
async fn bill_2018031_comes_as_json_pdf_and_text() {
    let scene = Scene::new().await;
    let target = "PA/customerBill/2018031";
    let exchange = scene.send(scene.get(target)).await;
    assert_eq!(
        exchange.response_body,
        example_bytes("200-summary-minimal.json"),
        "byte for byte"
    );
    let (_, pdf) = scene.fitting(scene.get(target).header("x-pdf", "true")).await;
    assert!(document(&pdf).starts_with(b"%PDF-"));
    let (_, by_query) = scene.fitting(scene.get(&format!("{target}?pdf=true"))).await;
    assert_eq!(by_query, pdf);
    let (_, run) = scene
        .fitting(scene.get(&format!("{target}?runType=1")).header("x-pdf", "true"))
        .await;
    assert!(
        document(&run).starts_with(b"Man is distinguished"),
        "a PDF that is none"
    );
    let (_, text) = scene.fitting(scene.get(target).header("x-txt", "true")).await;
    assert_eq!(text, example("200-txt.json"));
    assert_eq!(scene.running.counts(Kind::Tmf678).get("retrieveCustomerBill"), 5);
}

#[tokio::test]
async fn every_bill_of_every_account_fits_the_contract() {
    let scene = Scene::new().await;
    let mut seen = 0;
    for (business, account) in [
        ("PA", "801941080000"),
        ("PA", "271041000000"),
        ("JM", "400010002000"),
        ("JM", "871000000"),
        ("TT", "500120003000"),
        ("PR", "8211990010021897"),
        ("PR", "8211990010042349"),
        ("BB", "2461000001"),
        ("AG", "1268000001"),
    ] {
        let target = format!("{business}/customerBill?billingAccount.id={account}&startDate=2000-01-01");
        let (status, bills) = scene.fitting(scene.get(&target)).await;
        assert_eq!(status, 200);
        let bills = bills.as_array().unwrap();
        let days: Vec<_> = bills
            .iter()
            .map(|bill| bill["billDate"].as_str().unwrap()[..10].to_owned())
            .collect();
        assert!(days.is_sorted_by(|a, b| a >= b), "{days:?}");
        for bill in bills {
            let id = bill["id"].as_str().unwrap().replace(' ', "%20").replace('/', "%2F");
            let target = format!("{business}/customerBill/{id}?billingAccount.id={account}");
            let (status, found) = scene.fitting(scene.get(&target)).await;
            if business == "AG" {
                assert_eq!(status, 501);
            } else {
                assert_eq!((status, &found), (200, bill), "{id}");
                let (status, _) = scene.fitting(scene.get(&target).header("x-pdf", "true")).await;
                assert!([200, 404].contains(&status), "{id}");
                let (status, _) = scene.fitting(scene.get(&target).header("x-txt", "true")).await;
                assert!([200, 404].contains(&status), "{id}");
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 34);
}

#[tokio::test]
async fn the_same_reference_is_another_bill_elsewhere() {
    let scene = Scene::new().await;
    let due = async |request: reqwest::RequestBuilder| {
        let (status, body) = scene.fitting(request).await;
        (status, body["amountDue"].clone())
    };
    let target = "JM/customerBill/2018031";
    let cerillion = (200, json!({"unit": "JMD", "value": "12450.75"}));
    let liberate = (200, json!({"unit": "JMD", "value": 5310.0}));
    assert_eq!(due(scene.get(target)).await, cerillion);
    assert_eq!(due(scene.get(target).header("bss", "liberate")).await, liberate);
    assert_eq!(
        due(scene.get(target).header("targetSystem", "liberate")).await,
        liberate
    );
    assert_eq!(
        due(scene.get(&format!("{target}?billingAccount.id=871000000"))).await,
        liberate
    );
    assert_eq!(
        due(scene.get(&format!("{target}?billingAccount.id=400010002000"))).await,
        cerillion
    );
    for request in [
        scene
            .get(&format!("{target}?billingAccount.id=871000000"))
            .header("bss", "cerillion"),
        scene.get(target).header("targetSystem", "matrixx"),
        scene.get("PR/customerBill/77937H00004338P0").header("bss", "liberate"),
    ] {
        let found = scene.description(request).await;
        assert_eq!(found, (404, "Route to BSS System API not found".to_owned()));
    }
    let zeros = async |id: &str| {
        let target = format!("PA/customerBill/{id}?billingAccount.id=271041000000");
        scene.description(scene.get(&target)).await.0
    };
    assert_eq!((zeros("0002020").await, zeros("2020").await), (200, 404));
}

#[tokio::test]
async fn credentials_are_two_pairs() {
    let scene = Scene::new().await;
    let with = |target: &str, names: [&str; 2]| {
        scene
            .bare("GET", target)
            .header(names[0], CLIENT_ID)
            .header(names[1], CLIENT_SECRET)
    };
    let (hyphen, underscore) = (["client-id", "client-secret"], ["client_id", "client_secret"]);
    let message = async |request| {
        let (status, body) = scene.answered(request).await;
        (
            status,
            body["errors"][0]["message"].as_str().unwrap_or_default().to_owned(),
        )
    };
    for (target, taken) in [
        ("PA/customerBill/2018031", [200, 200]),
        ("TT/customerBill/TT%2077%2F0001", [200, 400]),
        ("BB/customerBill/BB-10021", [400, 200]),
    ] {
        for (pair, status) in [hyphen, underscore].into_iter().zip(taken) {
            let (found, why) = message(with(target, pair)).await;
            assert_eq!(found, status, "{target} {pair:?}: {why}");
        }
    }
    let (_, why) = message(with("TT/customerBill/1", underscore)).await;
    assert_eq!(why, "\"Required header 'client-id' not specified\"");
    let bill = "PA/customerBill/2018031";
    let both = with(bill, hyphen)
        .header("client_id", CLIENT_ID)
        .header("client_secret", "another");
    assert_eq!(message(both).await.0, 401);
    assert_eq!(message(scene.bare("GET", bill)).await.0, 401);
    let short = with(bill, underscore)
        .header("client-id", "abc")
        .header("client-secret", CLIENT_SECRET);
    assert_eq!(message(short).await.0, 400);
    let panama = |target| {
        scene
            .bare("GET", target)
            .header("client_id", PANAMA_CLIENT_ID)
            .header("client_secret", CLIENT_SECRET)
    };
    assert_eq!(message(panama(bill)).await.0, 200);
    assert_eq!(message(panama("PR/customerBill/1")).await.0, 403);
}

#[tokio::test]
async fn requests_that_do_not_fit_the_contract_are_refused() {
    let scene = Scene::new().await;
    let bill = "PA/customerBill/2018031";
    for request in [
        scene.get("pa/customerBill/2018031"),
        scene.get(bill).header("bss", "LIBERATE"),
        scene.get(bill).header("targetSystem", "EVERTEC"),
        scene.get(bill).header("channeId", "Digital"),
        scene.get(bill).header("lob", "fixed"),
        scene.get(bill).header("x-pdf", "yes"),
        scene.get(bill).header("x-pdf", "true").header("x-txt", "true"),
        scene.get(&format!("{bill}?limit=6")),
        scene.get(&format!("{bill}?offset=first")),
        scene.get(&format!("{bill}?pdf=1")),
        scene.get(&format!("{bill}?fields=id")),
        scene.get(&format!("{bill}?limit=1&limit=1")),
        scene.get(&format!("{bill}?billingAccount.id=1&accountId=2")),
        scene.get("PA/customerBill"),
        scene.get("PA/customerBill?billingAccount.id=801941080000&startDate=1.1.2026"),
    ] {
        let exchange = scene.send(request).await;
        assert!(
            check_request(&exchange).is_err(),
            "{}: the checker refuses it too",
            exchange.target
        );
        check_answer(&exchange).unwrap();
        assert_eq!(exchange.status, 400, "{}", exchange.target);
    }
    let nowhere = scene.description(scene.get("XX/customerBill/2018031")).await;
    assert_eq!(nowhere, (400, "APIKIT:BAD_REQUEST".to_owned()), "no business unit");
    assert_eq!(
        scene
            .description(scene.get(bill).header("channelId", "Digital"))
            .await
            .0,
        200,
        "another header"
    );
    assert_eq!(
        scene
            .description(scene.get(&format!("{bill}?accountId=801941080000")))
            .await
            .0,
        200,
        "the deprecated twin"
    );
    for target in ["PA/customerBill/", "PA/bill/1", "PA/customerBill/1/2"] {
        assert_eq!(scene.send(scene.get(target)).await.status, 404, "{target}");
    }
    let put = scene.send(scene.bare("PUT", bill)).await;
    assert!(put.response_headers.contains(&("allow".to_owned(), "GET".to_owned())));
    assert_eq!(scene.running.received(Kind::Tmf678).get("retrieveCustomerBill"), 16);
    assert_eq!(scene.running.counts(Kind::Tmf678).get("retrieveCustomerBill"), 2);
}

#[tokio::test]
async fn the_inferred_list_is_narrowed_and_paged() {
    let scene = Scene::new().await;
    let ids = async |query: &str| {
        let target = format!("PA/customerBill?billingAccount.id=801941080000{query}");
        let (status, body) = scene.fitting(scene.get(&target)).await;
        let ids = body.as_array().into_iter().flatten();
        (
            status,
            ids.map(|bill| bill["id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>(),
        )
    };
    let (_, year) = ids("").await;
    assert_eq!(
        (year.len(), year[0].as_str(), year[11].as_str()),
        (12, "2026061", "2025071")
    );
    let (_, all) = ids("&startDate=2000-01-01").await;
    assert_eq!((all.len(), all[13].as_str()), (14, "2018031"));
    let mut paged = Vec::new();
    for offset in [0, 5, 10, 15] {
        let (_, page) = ids(&format!("&startDate=2000-01-01&limit=5&offset={offset}")).await;
        assert!(page.len() <= 5);
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let (_, may) = ids("&billDate.gte=2026-05-02&billDate.lte=2026-06-02").await;
    assert_eq!(may, ["2026051", "2026041"], "both ends are included");
    assert_eq!(ids("&endDate=2017-12-31").await.0, 404);
    let everything = "AG/customerBill?billingAccount.id=1268000001";
    assert_eq!(
        scene.fitting(scene.get(everything)).await.1.as_array().unwrap().len(),
        7
    );
    assert_eq!(scene.running.counts(Kind::Tmf678).get("listCustomerBill"), 8);
}

#[tokio::test]
async fn what_is_odd_is_there() {
    let scene = Scene::new().await;
    let get = async |target: &str, pdf: bool| {
        let request = scene.get(target);
        let request = if pdf { request.header("x-pdf", "true") } else { request };
        let (status, body) = scene.fitting(request).await;
        assert_eq!(status, 200, "{target}");
        body
    };
    let html = get("PA/customerBill/2019121", true).await;
    assert!(document(&html).starts_with(b"<!DOCTYPE"));
    let absent = get("PA/customerBill/0002020", true).await;
    assert!(absent["billDocument"][0].get("content").is_none());
    assert_eq!(
        get("PA/customerBill/2019111", true).await["billDocument"][0]["content"],
        " "
    );
    let linked = get("PR/customerBill/77937H00004338P1", true).await;
    assert_eq!(linked["state"], "inDispute");
    assert!(linked["href"].as_str().unwrap().starts_with("http://169.254."));
    assert!(
        linked["billDocument"][0]["url"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:9/")
    );
    let credit = get("JM/customerBill/0004417", false).await;
    assert_eq!(credit["amountDue"], json!({"unit": "JMD", "value": "-1200.50"}));
    let two = get("PA/customerBill/2025071", false).await;
    assert_eq!(two["appliedPayment"].as_array().unwrap().len(), 2);

    let bb = "BB/customerBill/BB-10021";
    assert!(
        get(bb, true).await.get("billDocument").is_none(),
        "the header does not reach this system"
    );
    assert!(document(&get(&format!("{bb}?pdf=true"), false).await).starts_with(b"%PDF-"));
    let literal = get("BB/customerBill/BB-10022?pdf=true", false).await;
    assert_eq!(literal["billDocument"][0]["content"], "PDF CONTENT");
    let sizes = [
        get("PA/customerBill/2018031", true).await["billDocument"][0]["size"].clone(),
        get("JM/customerBill/2018031", true).await["billDocument"][0]["size"].clone(),
        get("BB/customerBill/BB-10021?pdf=true", false).await["billDocument"][0]["size"].clone(),
        get("PR/customerBill/77937H00004338P1", true).await["billDocument"][0]["size"].clone(),
    ];
    assert_eq!(
        sizes,
        [
            json!({"amount": 604, "units": "bytes"}),
            json!("604"),
            json!(604),
            json!({"amount": 604, "unit": "bytes"})
        ]
    );
}

#[tokio::test]
async fn faults_have_the_contracts_shapes() {
    let scene = Scene::new().await;
    let bill = "PA/customerBill/2018031";
    for (fault, status) in [
        (Fault::Throttled(None), 429),
        (Fault::Throttled(Some(2)), 429),
        (Fault::Status(500), 500),
        (Fault::Status(501), 501),
        (Fault::Status(502), 502),
        (Fault::Status(503), 503),
        (Fault::ExpiredToken, 401),
        (Fault::RevokedTokens, 401),
    ] {
        scene
            .running
            .fault(Kind::Tmf678, fault, 1, Some("retrieveCustomerBill"));
        let exchange = scene.send(scene.get(bill)).await;
        check_answer(&exchange).unwrap_or_else(|error| panic!("{fault}: {error}"));
        assert_eq!(exchange.status, status, "{fault}");
        let wait = exchange.response_headers.iter().find(|(name, _)| name == "retry-after");
        assert_eq!(wait.is_some(), fault == Fault::Throttled(Some(2)), "{fault}");
        assert_eq!(scene.fitting(scene.get(bill)).await.0, 200, "{fault} is over");
    }
    scene.running.fault(Kind::Tmf678, Fault::ErrorInside, 1, None);
    let inside = scene.send(scene.get(bill)).await;
    assert_eq!((inside.status, &body(&inside)["errors"][0]["code"]), (200, &json!(500)));
    assert!(check_answer(&inside).is_err(), "the contract knows no such answer");
    let counts = scene.running.counts(Kind::Tmf678);
    assert_eq!((counts.get("retrieveCustomerBill"), counts.get("login")), (8, 0));
}
