//! What is kept secret stays secret: the program's whole traffic at TRACE, with marked secrets, and a search for the marks.
//!
//! The program runs as a process of its own; between it and the simulated systems stands a tap, which knows every token that
//! was on the wire. Two kinds of marks are looked for. Credentials and tokens must be nowhere: not in the log, not on
//! standard output, not in an answer or a metric. What tells who a customer is, and whatever a caller sends, is for the caller's
//! answers and must not be in the log or a metric.
//!
//! Marks of the first kind are looked for in all that the other tests make the house write and answer, too: `support::watch`
//! does that, and is put to the test here.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use intertie::auth;
use intertie::backends::{gentrack, kraken, tmf678};
use intertie::config;
use intertie::operations::Scope;
use intertie::sandbox::fault::Fault;
use intertie::sandbox::{self, Kind, Running};
use intertie::telemetry;
use intertie::upstream::grants::{Basic, ClientCredentials, Renewal, Token};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::conformance::{Specimen, specimens_of};
use crate::support::exchange::Exchange;
use crate::support::marks::{Haystack, Mark, basic, forms, found_in, leaks};
use crate::support::program::{Ended, Program, command, outcome};
use crate::support::stage::Stage;
use crate::support::tap::Tap;
use crate::support::watch;
use crate::tokens::{AUDIENCE, ISSUER, issued, key_set};

/// The key of the caller.
pub const KEY: &str = "itk_marked+key/of-the~caller";
/// A key that nobody has.
pub const WRONG_KEY: &str = "itk_marked+key/of-nobody";
/// What cursors are sealed with.
const CURSOR_KEY: &str = "marked+cursor/key=of-at-least-32-bytes";
/// What records are hashed with in the audit.
const AUDIT_KEY: &str = "marked+audit/key=of-at-least-32-bytes";
/// A client that the system does not know.
pub const WRONG_CLIENT: &str = "intertie-unknown";
/// Its secret.
pub const WRONG_SECRET: &str = "marked+wr0ng/s3cret==";
/// An API key that the system does not take.
const WRONG_API_KEY: &str = "sk_live_marked+wr0ng/key";
/// A user's password that the system does not take.
const WRONG_PASSWORD: &str = "marked+wr0ng/pass=word";
/// What callers give the gateway to keep with a system, each in a place of its own.
pub const ENTRUSTED: [&str; 10] = [
    "marked+cr3ated/one",
    "marked+cr3ated/two",
    "marked+cr3ated/three",
    "marked+cr3ated/four",
    "marked+k3y/of-the-bucket",
    "marked+r0le/of-the-bucket",
    "marked+ch4nged/one",
    "marked+ch4nged/two",
    "marked+s0ught/one",
    "marked+s0ught/two",
];
/// What a caller sends where something else is due, in bodies, paths, queries and headers.
const SENT: &str = "marked7412sent";

/// The secrets that the configuration refers to.
pub fn environment() -> [(&'static str, &'static str); 13] {
    [
        ("AUDIT_KEY", AUDIT_KEY),
        ("CURSOR_KEY", CURSOR_KEY),
        ("GENTRACK_SECRET", sandbox::gentrack::CLIENT_SECRET),
        ("WRONG_SECRET", WRONG_SECRET),
        ("KRAKEN_KEY", sandbox::kraken::API_KEY),
        ("KRAKEN_ORGANIZATION", sandbox::kraken::ORGANIZATION_SECRET),
        ("KRAKEN_PASSWORD", sandbox::kraken::PASSWORD),
        ("WRONG_API_KEY", WRONG_API_KEY),
        ("TMF_SECRET", sandbox::tmf678::CLIENT_SECRET),
        ("CRMCOM_PASSWORD", sandbox::crmcom::PASSWORD),
        ("CRMCOM_KEY", sandbox::crmcom::WEB_API_KEY),
        ("URJANET_PASSWORD", sandbox::urjanet::PASSWORD),
        ("WRONG_PASSWORD", WRONG_PASSWORD),
    ]
}

/// A configuration with every kind of login, right and wrong, and every system behind `line`.
fn configuration(line: SocketAddr, systems: SocketAddr) -> String {
    let digest: String = auth::sha256(KEY.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let scopes = Scope::ALL.map(Scope::as_str);
    let road = "[backends.road]\nbackoff = \"5ms\"\n";
    let mut text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\ndrain_delay = \"0s\"\n[cursors]\nkey = {{ env = \"CURSOR_KEY\" }}\n\
         [audit]\nkey = {{ env = \"AUDIT_KEY\" }}\n\
         [tokens]\nresource = \"{AUDIENCE}\"\n[[tokens.issuers]]\nname = \"idp\"\nissuer = \"{ISSUER}\"\njwks_file = \"jwks.json\"\n\
         [[callers]]\nname = \"tests\"\nkey_sha256 = \"{digest}\"\nscopes = {scopes:?}\n"
    );
    // Backends that have endpoint and client in common have their token in common, so the wrong secret is another client's.
    let client = sandbox::gentrack::CLIENT_ID;
    for (name, client, secret) in [
        ("gentrack-au", client, "GENTRACK_SECRET"),
        ("gentrack-wrong", WRONG_CLIENT, "WRONG_SECRET"),
    ] {
        let _ = write!(
            text,
            "[[backends]]\nname = \"{name}\"\nkind = \"gentrack\"\ntime_zone = \"Australia/Sydney\"\n\
             base_url = \"http://{line}/gentrack{}\"\ntoken_url = \"http://{line}/gentrack{}\"\n\
             client_id = \"{client}\"\nclient_secret = {{ env = \"{secret}\" }}\n{road}",
            sandbox::gentrack::API_PATH,
            sandbox::gentrack::TOKEN_PATH,
        );
    }
    let email = sandbox::kraken::EMAIL;
    for (name, login) in [
        ("kraken-us", "api_key = { env = \"KRAKEN_KEY\" }".to_owned()),
        (
            "kraken-organization",
            "organization_secret = { env = \"KRAKEN_ORGANIZATION\" }".to_owned(),
        ),
        (
            "kraken-password",
            format!("email = \"{email}\"\npassword = {{ env = \"KRAKEN_PASSWORD\" }}"),
        ),
        ("kraken-wrong", "api_key = { env = \"WRONG_API_KEY\" }".to_owned()),
    ] {
        let _ = write!(
            text,
            "[[backends]]\nname = \"{name}\"\nkind = \"kraken\"\ntime_zone = \"America/Chicago\"\ncurrency = \"USD\"\n\
             endpoint = \"http://{line}/kraken{}\"\n{login}\ndocument_hosts = [\"{systems}\"]\n{road}",
            sandbox::kraken::GRAPHQL,
        );
    }
    for (name, secret) in [("tmf-carib", "TMF_SECRET"), ("tmf-wrong", "WRONG_SECRET")] {
        let _ = write!(
            text,
            "[[backends]]\nname = \"{name}\"\nkind = \"tmf678\"\ntime_zone = \"America/Panama\"\n\
             base_url = \"http://{line}/tmf678{}\"\nclient_id = \"{}\"\nclient_secret = {{ env = \"{secret}\" }}\n\
             credential_headers = \"both\"\nchannel = \"selfportal\"\nlist_bills = true\n\
             units = [{{ business_id = \"PA\" }}, {{ business_id = \"JM\" }}]\n{road}",
            sandbox::tmf678::API_PATH,
            sandbox::tmf678::CLIENT_ID,
        );
    }
    let user = |name: &str, secret: &str| {
        format!(
            "username = \"{name}\"\npassword = {{ env = \"{secret}\" }}\norganisation = \"{}\"",
            sandbox::crmcom::ORGANISATION,
        )
    };
    for (name, login) in [
        ("crmcom-cy", user(sandbox::crmcom::USERNAME, "CRMCOM_PASSWORD")),
        ("crmcom-key", "web_api_key = { env = \"CRMCOM_KEY\" }".to_owned()),
        ("crmcom-wrong", user(WRONG_CLIENT, "WRONG_PASSWORD")),
    ] {
        let _ = write!(
            text,
            "[[backends]]\nname = \"{name}\"\nkind = \"crmcom\"\ntime_zone = \"Asia/Nicosia\"\n\
             base_url = \"http://{line}/crmcom{}\"\n{login}\n{road}",
            sandbox::crmcom::API_PATH,
        );
    }
    for (name, secret) in [("urjanet-us", "URJANET_PASSWORD"), ("urjanet-wrong", "WRONG_PASSWORD")] {
        let _ = write!(
            text,
            "[[backends]]\nname = \"{name}\"\nkind = \"urjanet\"\ncurrency = \"USD\"\n\
             base_url = \"http://{line}/urjanet{}\"\nlogin_url = \"http://{line}/urjanet{}\"\n\
             username = \"{}\"\npassword = {{ env = \"{secret}\" }}\ncustomer_id = \"{}\"\n{road}",
            sandbox::urjanet::API_PATH,
            sandbox::urjanet::LOGIN_PATH,
            sandbox::urjanet::USERNAME,
            sandbox::urjanet::CUSTOMER,
        );
    }
    text
}

/// The program between a caller and the tapped systems, and all that it answered.
struct Scene {
    systems: Running,
    tap: Tap,
    program: Program,
    client: reqwest::Client,
    answers: Haystack,
    /// How many requests of specimens were sent.
    turns: usize,
}

impl Scene {
    async fn open(folder: &Path) -> Self {
        watch::on();
        let systems = sandbox::start(&Kind::ALL, "127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let tap = Tap::on(systems.addr()).await;
        fs::write(folder.join("jwks.json"), key_set()).unwrap();
        let config = configuration(tap.address, systems.addr());
        let path = folder.join("intertie.toml");
        fs::write(&path, config).unwrap();
        let mut command = command(&["serve", "--config", path.to_str().unwrap()]);
        command.envs(environment());
        let program = Program::start(command);
        Self {
            systems,
            tap,
            program,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            answers: Vec::new(),
            turns: 0,
        }
    }

    async fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> (u16, Value) {
        let mut request = self
            .client
            .request(method.parse().unwrap(), format!("http://{}{path}", self.program.addr));
        if !headers
            .iter()
            .any(|(name, _)| matches!(*name, "x-api-key" | "authorization"))
        {
            request = request.header("x-api-key", KEY);
        }
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
        let head = format!("{:?}", answer.headers());
        let body = answer.bytes().await.unwrap();
        let text = format!("{head}\n{}", String::from_utf8_lossy(&body));
        watch::answer(path, text.as_bytes());
        self.answers.push((format!("{method} {path}: {status}"), text));
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn get(&mut self, path: &str) -> (u16, Value) {
        self.call("GET", path, &[], None).await
    }

    async fn specimen(&mut self, specimen: &Specimen, headers: &[(&str, &str)]) -> (u16, Value) {
        self.turns += 1;
        let (_, body) = specimen.turn(self.turns);
        self.call(specimen.method, &specimen.path, headers, body.as_ref()).await
    }

    /// Makes, changes and looks for credentials with marked secrets, the right way and in wrong ones.
    async fn entrust(&mut self) {
        let [
            one,
            two,
            three,
            four,
            key,
            role,
            changed,
            changed_too,
            sought,
            sought_too,
        ] = ENTRUSTED;
        let new = json!({"provider_id": "urjanet-us:CedarWater", "kind": "WEB", "username": "marked-site",
            "password": one, "password2": two, "password3": three, "password4": four,
            "username2": "First pet", "s3_encryption_key_id": key, "s3_role_id": role});
        let (status, made) = self.call("POST", "/v1/credentials", &[], Some(&new)).await;
        assert_eq!(status, 201, "{made}");
        let credential = format!("/v1/credentials/{}", made["data"]["id"].as_str().unwrap());
        // A second one is a conflict, whose answer from the system quotes what it likes.
        assert_eq!(self.call("POST", "/v1/credentials", &[], Some(&new)).await.0, 409);
        let changes = json!({"password": changed, "password2": changed_too});
        assert_eq!(self.call("PATCH", &credential, &[], Some(&changes)).await.0, 200);
        assert_eq!(self.get(&format!("{credential}?include=native")).await.0, 200);
        self.get("/v1/changes?backend=urjanet-us&kind=CREDENTIAL_INPUT").await;
        for (password, found) in [(changed, 1), (sought, 0)] {
            let wanted = json!({"backend": "urjanet-us", "username": "marked-site", "password": password,
                "password2": if found == 1 { changed_too } else { sought_too }});
            let (status, answer) = self.call("POST", "/v1/credentials/search", &[], Some(&wanted)).await;
            assert_eq!(
                (status, answer["data"].as_array().map(Vec::len)),
                (200, Some(found)),
                "{answer}"
            );
        }
        for (method, path, body) in [
            (
                "POST",
                "/v1/credentials",
                json!({"provider_id": one, "password": two, "url": [three], role: key}),
            ),
            (
                "POST",
                "/v1/credentials",
                json!({"provider_id": "urjanet-us:CedarWater", "password": {"is": four}}),
            ),
            (
                "PATCH",
                &credential,
                json!({"password": changed, "password2": {"of": changed_too}}),
            ),
            ("PATCH", &credential, json!({"password": null, "password2": changed})),
            (
                "POST",
                "/v1/credentials/search",
                json!({"backend": sought, "username": 1, "password": sought_too}),
            ),
            (
                "POST",
                "/v1/credentials/search",
                json!({"backend": "urjanet-us", "password": [sought]}),
            ),
        ] {
            let (status, answer) = self.call(method, path, &[], Some(&body)).await;
            assert!(matches!(status, 400 | 422), "{method} {path}: {status} {answer}");
        }
        // One that stands in a URL all the same is refused and goes no further.
        for field in ["password", "password[eq]", "secret"] {
            let value = utf8_percent_encode(sought, NON_ALPHANUMERIC);
            let (status, _) = self
                .get(&format!("/v1/credentials?backend=urjanet-us&{field}={value}"))
                .await;
            assert_eq!(status, 400, "{field}");
        }
    }

    /// Sends bytes that are no request.
    async fn raw(&mut self, sent: &str) {
        let mut stream = TcpStream::connect(self.program.addr).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        watch::answer("what is no request", &heard);
        let heard = String::from_utf8_lossy(&heard).into_owned();
        self.answers.push(("what is no request".to_owned(), heard));
    }
}

/// Every token that was on the wire: sent along with calls, or given for a login, and signed addresses of documents.
fn tokens(exchanges: &[Exchange]) -> Vec<Mark> {
    fn given(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let named = ["access_token", "refresh_token", "id_token", "token", "refreshToken"];
                    match value.as_str() {
                        Some(token) if named.contains(&name.as_str()) => {
                            into.insert(token.to_owned());
                        }
                        Some(text) => {
                            if let Some((_, signature)) = text.split_once("signature=") {
                                into.insert(signature.to_owned());
                            }
                        }
                        None => given(value, into),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| given(item, into)),
            _ => {}
        }
    }
    let mut tokens = BTreeSet::new();
    for exchange in exchanges {
        for (name, value) in &exchange.request_headers {
            if name == "authorization" {
                tokens.insert(value.rsplit(' ').next().unwrap().to_owned());
            }
        }
        for body in [&exchange.request_body, &exchange.response_body] {
            if let Ok(body) = serde_json::from_slice(body) {
                given(&body, &mut tokens);
            }
        }
    }
    assert!(tokens.len() >= 6, "too few tokens on the wire: {tokens:?}");
    assert!(tokens.iter().all(|token| token.len() >= 16), "{tokens:?}");
    // In other tests nobody knows what was on the wire: there, each is known by how it looks.
    for token in &tokens {
        let known = watch::finds(token) || watch::finds(&format!("signature={token}"));
        assert!(known, "the watch over the suite would not know {token} for a token");
    }
    tokens.iter().flat_map(|token| forms("a token", token)).collect()
}

/// What tells who a customer is in a record: texts of some length that hold a digit or a space, and the parts of ids.
fn personal(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| personal(value, into)),
        Value::Array(items) => items.iter().for_each(|item| personal(item, into)),
        // When something was made tells nobody who it is, and every line of the log has such a time.
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => {}
        Value::String(text) => {
            for part in std::iter::once(text.as_str()).chain(text.split([':', '~'])) {
                if part.len() >= 6
                    && part.contains(|letter: char| letter.is_ascii_digit() || letter == ' ' || letter == '@')
                {
                    into.insert(part.to_owned());
                }
            }
        }
        Value::Number(number) if number.as_u64().is_some_and(|number| number >= 100_000) => {
            into.insert(number.to_string());
        }
        _ => {}
    }
}

#[tokio::test]
async fn no_marked_secret_in_any_log_metric_trace_or_problem() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::open(folder.path()).await;
    let specimens: Vec<(Kind, Specimen)> = [
        ("gentrack-au", Kind::Gentrack),
        ("kraken-us", Kind::Kraken),
        ("tmf-carib", Kind::Tmf678),
        ("crmcom-cy", Kind::Crmcom),
        ("urjanet-us", Kind::Urjanet),
    ]
    .into_iter()
    .flat_map(|(backend, kind)| specimens_of(backend).into_iter().map(move |specimen| (kind, specimen)))
    .collect();

    // Everything that works, and the same about records that are not there.
    let mut customers = BTreeSet::new();
    for (_, specimen) in &specimens {
        if !specimen.others.is_empty() {
            // A step that a record takes only once, and that another one may have made impossible.
            scene.systems.reset();
        }
        let (status, answer) = scene.specimen(specimen, &[]).await;
        assert!(matches!(status, 200..=204), "{}: {status} {answer}", specimen.path);
        personal(&answer["data"], &mut customers);
        for part in specimen.path.split(['/', '?', '&', '=', ':', '~']) {
            personal(&json!(part), &mut customers);
        }
        if let Some(body) = specimen.turn(scene.turns).1 {
            personal(&body, &mut customers);
        }
    }
    for (_, specimen) in &specimens {
        if let Some(missing) = &specimen.missing {
            let body = specimen.turn(0).1;
            let (status, _) = scene.call(specimen.method, missing, &[], body.as_ref()).await;
            assert_eq!(status, 404, "{missing}");
        }
    }
    let (_, native) = scene.get("/v1/accounts/gentrack-au:10045213?include=native").await;
    personal(&native["data"], &mut customers);
    for exchange in scene.tap.exchanges() {
        if let (200, Ok(reply)) = (
            exchange.status,
            serde_json::from_slice::<Value>(&exchange.response_body),
        ) {
            personal(
                if reply["data"].is_null() {
                    &reply
                } else {
                    &reply["data"]
                },
                &mut customers,
            );
        }
    }
    for known in [
        "10045213",
        "882035",
        "E7718842",
        "A-7C41D0E2",
        "930412",
        "119004417",
        "Jordan Reyes",
        "2018031",
        "ACR0000000056",
        "123456789",
        "meter-123",
    ] {
        assert!(customers.contains(known), "{known} is not among {customers:?}");
    }

    scene.entrust().await;

    // Other logins that work, and those that do not.
    for (backend, works) in [
        ("kraken-password", true),
        ("kraken-organization", true),
        ("kraken-wrong", false),
        ("gentrack-wrong", false),
        ("tmf-wrong", false),
        ("crmcom-key", true),
        ("crmcom-wrong", false),
        ("urjanet-wrong", false),
    ] {
        let record = match backend.split('-').next() {
            Some("kraken") => format!("accounts/{backend}:A-7C41D0E2"),
            Some("tmf") => format!("bills/{backend}:801941080000~bill~2018031"),
            Some("crmcom") => format!("accounts/{backend}:ACR0000000056"),
            Some("urjanet") => format!("accounts/{backend}:1e4b3abd-34c2-d5ee-adef-0800270a0870"),
            _ => format!("accounts/{backend}:10045213"),
        };
        for _ in 0..2 {
            let (status, answer) = scene.get(&format!("/v1/{record}")).await;
            assert_eq!(
                answer["code"] != "upstream_credentials",
                works,
                "{backend}: {status} {answer}"
            );
        }
    }
    scene.get("/v1/accounts").await;

    // Everything that goes wrong on the way.
    for (kind, specimen) in &specimens {
        let tried = matches!(
            specimen.operation,
            "accounts.get" | "bills.get" | "credentials.match" | "credentials.update"
        );
        if !tried && !specimen.once {
            continue;
        }
        for fault in [
            Fault::Latency(600),
            Fault::Throttled(None),
            Fault::Throttled(Some(3600)),
            Fault::Status(500),
            Fault::Status(503),
            Fault::EdgePage,
            Fault::DropBefore,
            Fault::DropAfter,
            Fault::ExpiredToken,
            Fault::RevokedTokens,
            Fault::MalformedJson,
            Fault::ErrorInside,
            Fault::SlowBody(600),
        ] {
            scene.systems.fault(*kind, fault, 4, Some(specimen.native));
            scene.specimen(specimen, &[("request-timeout-ms", "300")]).await;
            scene.systems.clear_faults();
        }
    }

    // What callers get wrong, with a mark in it.
    let readings = "/v1/service-points/gentrack-au:10045213~sp~4107755/readings";
    for body in [
        json!({ "readings": SENT }),
        json!({ SENT: 1 }),
        json!({ "readings": [{"meter_number": SENT, "register": SENT, "read_at": "2026-07-05T18:30:00+10:00", "value": "1"}]}),
        json!({ "readings": [{"meter_number": "E7718842", "register": "E1", "read_at": SENT, "value": SENT}]}),
    ] {
        for end in ["", "/validate"] {
            let (status, _) = scene.call("POST", &format!("{readings}{end}"), &[], Some(&body)).await;
            assert!(status >= 400, "{body}");
        }
    }
    for path in [
        format!("/v1/accounts/gentrack-au:{SENT}"),
        format!("/v1/accounts/kraken-us:{SENT}"),
        format!("/v1/bills/tmf-carib:{SENT}"),
        format!("/v1/accounts/crmcom-cy:{SENT}"),
        format!("/v1/accounts/urjanet-us:{SENT}"),
        format!("/v1/meters?backend=urjanet-us&custom.{SENT}={SENT}"),
        format!("/v1/accounts/{SENT}"),
        format!("/v1/accounts/{SENT}:{SENT}"),
        format!("/v1/{SENT}"),
        format!("/problems/{SENT}"),
        format!("/v1/backends/{SENT}"),
        format!("/v1/accounts?{SENT}={SENT}"),
        format!("/v1/accounts?backend={SENT}"),
        format!("/v1/accounts?number={SENT}&email={SENT}@example.com"),
        format!("/v1/accounts/gentrack-au:10045213/bills?cursor={SENT}"),
        format!("/v1/accounts/gentrack-au:10045213/bills?from={SENT}&kind={SENT}&limit={SENT}"),
    ] {
        scene.get(&path).await;
    }
    let account = "/v1/accounts/gentrack-au:10045213";
    for (name, value) in [
        ("accept", format!("text/{SENT}")),
        ("request-timeout-ms", SENT.to_owned()),
        ("traceparent", SENT.to_owned()),
        ("prefer", SENT.to_owned()),
        ("if-none-match", format!("\"{SENT}\"")),
    ] {
        scene.call("GET", account, &[(name, &value)], None).await;
    }
    scene.call(SENT, account, &[], None).await;
    scene.raw(&format!("{SENT} {SENT}\r\n\r\n")).await;
    for (name, value) in [
        ("x-api-key", WRONG_KEY.to_owned()),
        ("authorization", format!("Bearer {WRONG_KEY}")),
    ] {
        assert_eq!(scene.call("GET", account, &[(name, &value)], None).await.0, 401);
    }

    // Tokens of callers: one that is taken, and what is wrong with others.
    let (good, elsewhere) = (issued(true), issued(false));
    let spoilt = format!("{good}A");
    for (token, status) in [(&good, 200), (&good, 200), (&elsewhere, 401), (&spoilt, 401)] {
        let value = format!("Bearer {token}");
        let answer = scene.call("GET", account, &[("authorization", &value)], None).await;
        assert_eq!(answer.0, status, "{}", answer.1);
    }

    // A system that goes back on its login, at the end: it is remembered.
    for (kind, specimen) in &specimens {
        if matches!(specimen.operation, "accounts.get" | "bills.get") {
            scene.systems.fault(*kind, Fault::RefusedLogin, 4, None);
            scene
                .systems
                .fault(*kind, Fault::RevokedTokens, 1, Some(specimen.native));
            scene.specimen(specimen, &[]).await;
        }
    }
    for path in ["/v1/backends", "/v1/capabilities", "/openapi.json", "/readyz", "/docs"] {
        scene.get(path).await;
    }
    let (status, _) = scene.get("/metrics").await;
    assert_eq!(status, 200);
    let (_, metrics) = scene.answers.last().unwrap().clone();
    assert!(metrics.contains("intertie_upstream_attempts_total"), "{metrics}");

    let planted = "planted-on-purpose-5521";
    scene.call("GET", "/livez", &[("x-request-id", planted)], None).await;

    let exchanges = scene.tap.exchanges();
    let Scene { program, answers, .. } = scene;
    program.signal("-TERM");
    let Ended { printed, log, .. } = program.ended();
    assert!(log.lines().count() > 200, "so little was logged: {log}");
    assert!(
        log.contains("\"level\":\"DEBUG\"") && log.contains("\"level\":\"ERROR\""),
        "{log}"
    );

    // Nor does anything write there whose words are not this program's to choose.
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let (level, target) = (line["level"].as_str().unwrap(), line["target"].as_str().unwrap());
        assert!(
            target.starts_with("intertie::") || !matches!(level, "DEBUG" | "TRACE"),
            "{line}"
        );
    }

    // The search finds what is there: a request's own name, which the log is meant to hold.
    let written = [
        ("the log".to_owned(), log),
        ("standard output".to_owned(), printed),
        ("the metrics".to_owned(), metrics),
    ];
    assert!(!leaks(&written, &forms("a planted mark", planted)).is_empty());

    let mut secrets = tokens(&exchanges);
    for (what, secret) in environment() {
        secrets.extend(forms(what, secret));
    }
    for secret in ENTRUSTED {
        secrets.extend(forms("a credential's secret", secret));
    }
    secrets.extend(forms("the caller's key", KEY));
    secrets.extend(forms("a key of nobody", WRONG_KEY));
    for token in [&good, &elsewhere] {
        // Its head is the same in all of them and says nothing.
        for part in token.split('.').skip(1) {
            secrets.extend(forms("a part of a caller's token", part));
        }
    }
    for (client, secret) in [
        (sandbox::gentrack::CLIENT_ID, sandbox::gentrack::CLIENT_SECRET),
        (WRONG_CLIENT, WRONG_SECRET),
    ] {
        secrets.extend(basic("a client's secret", client, secret));
    }
    let mut private: Vec<Mark> = customers
        .into_iter()
        .map(|text| Mark {
            what: "a customer's record".to_owned(),
            text,
            word: true,
        })
        .collect();
    private.extend(forms("what a caller sent", SENT));
    let mut found = leaks(&written, &secrets);
    found.extend(leaks(&answers, &secrets));
    found.extend(leaks(&written, &private));
    assert!(found.is_empty(), "{} leaks:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_search_finds_a_secret_in_every_form() {
    let secret = sandbox::gentrack::CLIENT_SECRET;
    let id = sandbox::gentrack::CLIENT_ID;
    let mut marks = forms("a secret", secret);
    marks.extend(basic("a secret", id, secret));
    for planted in [
        format!("client_secret={secret}"),
        "client_secret=s4nd%2Bb0x%2FOnly%3D%3D&grant_type=x".to_owned(),
        "client_secret=s4nd%2bb0x%2fonly%3d%3d".to_owned(),
        format!("\"{}\"", STANDARD.encode(secret)),
        format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))),
        format!("Basic {}", STANDARD.encode(format!("{id}:s4nd%2Bb0x%2FOnly%3D%3D"))),
        format!("{:?}", secret.as_bytes()),
        json!({ "url": format!("https://system/{secret}") }).to_string(),
    ] {
        let haystack = [(
            "a log".to_owned(),
            format!("a line\n{{\"a\":1,\"b\":{planted}}}\nanother"),
        )];
        assert!(!leaks(&haystack, &marks).is_empty(), "{planted} went unseen");
    }
    let clean = [("a log".to_owned(), "a line [redacted]".to_owned())];
    assert!(leaks(&clean, &marks).is_empty());

    let number = [Mark {
        what: "an account".to_owned(),
        text: "10045213".to_owned(),
        word: true,
    }];
    for (text, seen) in [
        ("account gentrack-au:10045213~bill", true),
        ("/accounts/10045213", true),
        ("trace_id 4bf10045213c", false),
    ] {
        assert_eq!(!found_in(text, &number).is_empty(), seen, "{text}");
    }
}

#[test]
fn nothing_that_holds_a_secret_prints_it() {
    let line = "127.0.0.1:1".parse().unwrap();
    let text = configuration(line, line)
        + "[[backends]]\nname = \"gentrack-proxied\"\nkind = \"gentrack\"\ntime_zone = \"America/Panama\"\n\
           base_url = \"http://127.0.0.1:1/v1\"\ntoken_url = \"http://127.0.0.1:1/token\"\nclient_id = \"a\"\n\
           client_secret = { env = \"TMF_SECRET\" }\n[backends.road]\nproxy = \"http://127.0.0.1:1\"\n";
    let env = |name: &str| {
        let known = environment();
        known
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned())
    };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jwks.json"), key_set()).unwrap();
    let config = config::parse(&text, folder.path(), &env).unwrap();
    let server = format!("{:?} {:#?}", config.server, config.server);
    assert!(server.to_lowercase().contains("redacted"), "{server}");
    let settings = intertie::api::Settings {
        audit_key: config.server.audit_key.clone(),
        ..intertie::api::Settings::default()
    };
    let settings = format!("{settings:?} {settings:#?}");
    assert!(settings.to_lowercase().contains("redacted"), "{settings}");
    let mut printed: Haystack = vec![("the server".to_owned(), server), ("the face".to_owned(), settings)];
    for backend in &config.backends {
        let text = match &backend.config {
            intertie::backends::Config::Gentrack(config) => format!("{config:?} {config:#?}"),
            intertie::backends::Config::Kraken(config) => format!("{config:?} {config:#?}"),
            intertie::backends::Config::Tmf678(config) => format!("{config:?} {config:#?}"),
            intertie::backends::Config::Crmcom(config) => format!("{config:?} {config:#?}"),
            intertie::backends::Config::Urjanet(config) => format!("{config:?} {config:#?}"),
        };
        assert!(text.to_lowercase().contains("redacted"), "{text}");
        printed.push((backend.name.to_string(), text));
    }
    let secret = || sandbox::gentrack::CLIENT_SECRET.to_owned();
    let road = intertie::upstream::Settings::default();
    let zone = || "Australia/Sydney".parse().unwrap();
    let gentrack = gentrack::Config {
        base_url: "https://a.example/v1".to_owned(),
        token_url: "https://a.example/token".to_owned(),
        client_id: "a".to_owned(),
        client_secret: secret().into(),
        scope: None,
        time_zone: zone(),
        road: road.clone(),
    };
    let tmf678 = tmf678::Config {
        base_url: "https://a.example/v1".to_owned(),
        client_id: "a".to_owned(),
        client_secret: secret().into(),
        credential_headers: tmf678::CredentialHeaders::Both,
        units: vec![tmf678::Unit::default()],
        channel: None,
        time_zone: zone(),
        list_bills: true,
        road,
    };
    let grant = ClientCredentials {
        token_url: "https://a.example/token".to_owned(),
        client_id: "a".to_owned(),
        client_secret: secret().into(),
        scope: None,
        basic: Basic::Encoded,
    };
    let token = Token {
        secret: secret().into(),
        ends: None,
        renewal: Some(Renewal {
            secret: secret().into(),
            ends: None,
        }),
    };
    let credentials = [
        kraken::Credential::ApiKey(secret().into()),
        kraken::Credential::OrganizationSecret(secret().into()),
        kraken::Credential::Password {
            email: sandbox::kraken::EMAIL.to_owned(),
            password: secret().into(),
        },
    ];
    for text in [
        format!("{gentrack:?}"),
        format!("{tmf678:?}"),
        format!("{grant:?}"),
        format!("{token:?}"),
        format!("{credentials:?}"),
    ] {
        assert!(text.to_lowercase().contains("redacted"), "{text}");
        printed.push(("a value".to_owned(), text));
    }
    let mut marks = Vec::new();
    for (what, secret) in environment() {
        marks.extend(forms(what, secret));
    }
    let found = leaks(&printed, &marks);
    assert!(found.is_empty(), "{}", found.join("\n"));

    // Nor do the faults of a configuration, for secrets in the wrong place.
    for (right, misplaced) in [
        ("{ env = \"WRONG_SECRET\" }", format!("\"{WRONG_SECRET}\"")),
        (
            "\"http://127.0.0.1:1\"",
            format!("\"http://user:{WRONG_SECRET}@127.0.0.1:1\""),
        ),
        (
            "\"http://127.0.0.1:1/v1\"",
            format!("\"http://127.0.0.1:1/v1?key={WRONG_SECRET}\""),
        ),
    ] {
        assert!(text.contains(right), "{right}");
        let text = text.replace(right, &misplaced);
        let faults = config::parse(&text, Path::new("."), &env).err().unwrap();
        let told = [("the faults".to_owned(), format!("{faults:?}"))];
        let found = leaks(&told, &forms("a secret", WRONG_SECRET));
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// What is planted in the watch, and what it is called when it is found.
const PLANTED: [(&str, &str); 9] = [
    ("in a task nobody waits for", "the log holds "),
    ("in a span outside another", "the log holds "),
    ("in the log of a test that keeps it", "the log a test keeps holds "),
    ("a JWT", "the log holds a JWT"),
    ("a token of a session", "the log holds a token"),
    ("a signed address", "the log holds a signed address"),
    ("a key of a caller", "the log holds a caller's key"),
    ("in the header of an answer", "the answer to /planted holds "),
    ("by a program", "standard error of the program holds "),
];

/// Whose lines are told at every level.
const HOUSE: &str = "intertie::planted";

async fn plant(what: &str) {
    let secret = sandbox::gentrack::CLIENT_SECRET;
    match what {
        "in a task nobody waits for" => {
            let task = async move { tracing::trace!(target: HOUSE, planted = secret, "a line") };
            tokio::spawn(task);
            tokio::task::yield_now().await;
        }
        "in a span outside another" => {
            let outer = tracing::trace_span!(target: HOUSE, "outer", planted = STANDARD.encode(secret)).entered();
            let inner = tracing::trace_span!(target: HOUSE, "inner").entered();
            tracing::trace!(target: HOUSE, "a line");
            drop((inner, outer));
        }
        "in the log of a test that keeps it" => {
            let (_lines, _kept) = watch::Lines::kept(telemetry::filter("info").unwrap());
            tracing::info!(target: HOUSE, planted = ?secret.as_bytes(), "a line");
        }
        "a JWT" => tracing::debug!(target: HOUSE, "asked with {}", issued(true)),
        "a token of a session" => {
            let session = format!("{}0123456789ABCDEF0123", sandbox::TOKEN_MARK.to_uppercase());
            tracing::debug!(target: HOUSE, "asked for /accounts?token={session}");
        }
        "a signed address" => {
            tracing::debug!(target: HOUSE, "asked for /documents/1?expires=1&signature=mZ4fQ0xJ7yqk2v9RtY_w1A")
        }
        "a key of a caller" => tracing::debug!(target: HOUSE, "refused itk_0123456789"),
        "in the header of an answer" => {
            let mut headers = http::HeaderMap::new();
            headers.insert("location", format!("/?key={CURSOR_KEY}").parse().unwrap());
            watch::answer_with("/planted", &headers, b"{}");
        }
        "by a program" => {
            // It names the file that it cannot read.
            outcome(&["check", "--config", &format!("/nowhere/{secret}")]);
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_secret_anywhere_ends_the_run_of_the_suite() {
    watch::on();
    if let Some(what) = watch::alone() {
        if what != "nothing" {
            plant(&what).await;
        }
        return;
    }
    let this = "secrets::a_secret_anywhere_ends_the_run_of_the_suite";
    let clean = watch::run_alone(this, "nothing");
    let said = String::from_utf8_lossy(&clean.stdout);
    assert!(clean.status.success() && said.contains("1 passed"), "{said}");
    for (what, called) in PLANTED {
        let run = watch::run_alone(this, what);
        let said = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(101), "{what}: {said}");
        assert!(said.contains(&format!("a secret leaked: {called}")), "{what}: {said}");
        assert!(!String::from_utf8_lossy(&run.stdout).contains("passed"), "{what}");
    }
}

#[tokio::test]
async fn the_watch_sees_every_adapter_at_work() {
    // Alone, because what other tests do is counted as well.
    if watch::alone().is_none() {
        let run = watch::run_alone("secrets::the_watch_sees_every_adapter_at_work", "counts");
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let stage = Stage::open().await;
    tracing::trace!(target: HOUSE, "a line that only TRACE has");
    assert_eq!(watch::searched("lines of the log, TRACE"), 1);
    for backend in stage.backends().await {
        let lines = format!("lines of the log about {backend}");
        let answers = watch::searched("answers");
        assert_eq!(watch::searched(&lines), 0, "{backend}");
        let specimens = specimens_of(&backend);
        let read = specimens.iter().find(|specimen| !specimen.once).unwrap();
        assert_eq!(stage.get(&read.path).await.status, 200, "{backend}");
        assert!(watch::searched(&lines) > 0, "nothing of {backend} was searched");
        assert_eq!(watch::searched("answers"), answers + 1);
    }
}
