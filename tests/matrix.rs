//! Who gets what: every route of the served document against every way of not being let through, and a caller bound to one
//! account against every record of all the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request};
use intertie::app::{self, AU, CARIB, CY, PORTFOLIO, US};
use intertie::auth::{Caller, Callers, Key, Rates, sha256};
use intertie::gateway::{Directory, Gateway};
use intertie::operations::Scope;
use intertie::sandbox::{Kind, Running};
use intertie::upstream::tokens;
use intertie::{api, backends};
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use crate::support::openapi::check_answer;
use crate::support::watch;
use crate::tokens::{issued, trusting};

/// The account that the bound caller has at each backend, and one that it does not have.
const ACCOUNTS: [(&str, &str, &str); 5] = [
    (AU, "10045213", "00210077"),
    (US, "A-7C41D0E2", "A-5E90B3F4"),
    (CARIB, "801941080000", "271041000000"),
    (CY, "ACR0000000056", "ACR0000000057"),
    (PORTFOLIO, "1", "2"),
];

/// The document as the program serves it.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(api::openapi()).unwrap());

/// The gateway in front of all simulated systems, with its callers by their keys.
struct House {
    systems: Running,
    face: Router,
}

/// An answer, as far as callers can tell answers apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }

    /// The same without what differs from request to request: the names of the request, and the path that was asked for.
    fn settled(mut self, path: &str) -> Self {
        // How much of its rate a caller has left is the same for whatever it asks.
        for name in ["x-request-id", "traceparent", "date", "content-length", "ratelimit"] {
            self.headers.remove(name);
        }
        let mut body = self.json();
        if let Some(body) = body.as_object_mut() {
            body.remove("request_id");
            body.remove("trace_id");
            if body.get("instance").is_some_and(|instance| instance == path) {
                body.insert("instance".to_owned(), json!("the path asked for"));
            }
            self.body = serde_json::to_vec(body).unwrap();
        }
        self
    }
}

impl House {
    /// Opens it to these callers, each with its name for a key.
    async fn open(callers: impl IntoIterator<Item = Caller>) -> Self {
        let keys = callers.into_iter().map(|caller| Key {
            digest: sha256(caller.name.as_bytes()),
            expires: (&*caller.name == "expired").then(|| "2001-01-01T00:00:00Z".parse().unwrap()),
            caller: Arc::new(caller),
        });
        Self::with(trusting(Callers::of(keys))).await
    }

    async fn with(callers: Callers) -> Self {
        watch::on();
        let sandbox = app::sandbox("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let tokens = Arc::new(tokens::Cache::default());
        let all = sandbox
            .plan
            .backends
            .into_iter()
            .map(|backend| backends::connect(backend.name, backend.config, Arc::clone(&tokens)).unwrap());
        let face = api::router(api::State {
            gateway: Gateway::new(Directory::of(all)),
            callers,
            cursors: api::cursor::Seal::new(watch::CURSOR_KEY.as_bytes()),
            // Thousands of ids are tried in a moment.
            settings: api::Settings {
                rates: Rates {
                    callers: None,
                    ..Rates::default()
                },
                ..api::Settings::default()
            },
            ready: Arc::new(AtomicBool::new(true)),
            metrics: Arc::new(String::new),
        });
        Self {
            systems: sandbox.systems,
            face,
        }
    }

    async fn send(&self, key: Option<&str>, method: &str, path: &str, body: Option<&(&str, Value)>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            // A token has dots, none of the keys here has one.
            request = match key.contains('.') {
                true => request.header("authorization", format!("Bearer {key}")),
                false => request.header("x-api-key", key),
            };
        }
        let body = match body {
            Some((form, body)) => {
                request = request.header("content-type", *form);
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let answer = self.face.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        watch::answer_with(path, &parts.headers, &body);
        Answer {
            status: parts.status.as_u16(),
            headers: headers(&parts.headers),
            body,
        }
    }

    async fn get(&self, key: &str, path: &str) -> Answer {
        self.send(Some(key), "GET", path, None).await
    }

    /// Every item of a list, or nothing if it is not to be had.
    async fn walk(&self, key: &str, path: &str) -> Vec<Value> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let answer = self.get(key, &format!("{path}{joint}limit=200{cursor}")).await;
            if answer.status != 200 {
                return items;
            }
            let page = answer.json();
            items.extend(page["data"].as_array().into_iter().flatten().cloned());
            match page["page"]["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// How many requests all the systems have had.
    fn heard(&self) -> u64 {
        let counts = Kind::ALL.map(|kind| self.systems.received(kind).all().values().sum::<u64>());
        counts.into_iter().sum()
    }
}

fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect()
}

/// One operation of the document, as a request can be made of it.
struct Route {
    id: String,
    method: String,
    path: String,
    /// The scope it wants; `None` if it is for everybody, an empty one if every caller may.
    scope: Option<String>,
    /// Whether it is a call of a backend.
    calls: bool,
    /// The form and the schema of its body.
    body: Option<(&'static str, Value)>,
    /// The parameters of its query that must be there.
    query: Vec<String>,
}

impl Route {
    /// Every operation of the document.
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let ways = operation["security"].as_array().unwrap();
                let scope = ways.first().map(|way| {
                    let scopes = way["bearer"].as_array().unwrap();
                    assert!(scopes.len() <= 1, "{method} {path}");
                    scopes.first().map_or("", |scope| scope.as_str().unwrap()).to_owned()
                });
                let query = operation["parameters"].as_array().into_iter().flatten();
                let query = query.filter(|one| one["in"] == "query" && one["required"] == true);
                all.push(Self {
                    id: operation["operationId"].as_str().unwrap().to_owned(),
                    method: method.to_uppercase(),
                    path: path.clone(),
                    scope,
                    calls: operation.get("x-repeat").is_some(),
                    body: ["application/json", "application/merge-patch+json"]
                        .into_iter()
                        .find_map(|form| {
                            let schema = &operation["requestBody"]["content"][form]["schema"];
                            (!schema.is_null()).then(|| (form, schema.clone()))
                        }),
                    query: query.map(|one| one["name"].as_str().unwrap().to_owned()).collect(),
                });
            }
        }
        all
    }

    /// The name of its path's parameter.
    fn parameter(&self) -> Option<&str> {
        Some(self.path.split_once('{')?.1.split_once('}')?.0)
    }

    /// Its path with this for its parameter, and the least of a query.
    fn path_to(&self, backend: &str, id: &str) -> String {
        let mut path = match self.parameter() {
            Some("backend") => self.path.replace("{backend}", backend).replace("{path}", "accounts"),
            Some("code") => self.path.replace("{code}", "not_found"),
            Some(name) => self.path.replace(&format!("{{{name}}}"), &encoded(id)),
            None => self.path.clone(),
        };
        for name in &self.query {
            let value = match name.as_str() {
                "entity_kind" => "ACCOUNT".to_owned(),
                "entity_id" => encoded(&format!("{backend}:1")),
                other => panic!("{} wants `{other}`: say here what it may be", self.id),
            };
            path.push_str(if path.contains('?') { "&" } else { "?" });
            write!(path, "{name}={value}").unwrap();
        }
        path
    }

    /// The least of a body that the document takes.
    fn body_for(&self, backend: &str, account: &str) -> Option<(&'static str, Value)> {
        let (form, schema) = self.body.as_ref()?;
        let mut body = least(schema, "", backend, account);
        // Where nothing must be there, something still must change.
        let own = match self.id.as_str() {
            "accounts.set_parent" => json!({ "parent": format!("{backend}:1") }),
            "accounts.update" => json!({ "name": "Another" }),
            "accounts.match" => json!({ "authentication_code": "1" }),
            "contacts.create" => json!({ "name": { "family": "Another" } }),
            "customers.create" | "organisations.create" => json!({ "name": "Another" }),
            "contacts.update" | "customers.update" | "organisations.update" => json!({ "crm_id": "another" }),
            "credentials.create" => json!({ "username": "u", "password": "p" }),
            "credentials.update" => json!({ "enabled": false }),
            "credentials.match" => json!({ "password": "s3cret" }),
            "meters.update" => json!({ "custom_attributes": { "floor": "2" } }),
            "custom_attributes.update" => json!({ "name": "Another" }),
            "customers.sync" => json!({ "contacts": [{ "crm_id": "another" }] }),
            "native.graphql" => json!({ "query": "{ viewer { id } }" }),
            _ => json!({}),
        };
        if let (Some(body), Value::Object(own)) = (body.as_object_mut(), own) {
            body.extend(own);
        }
        Some((form, body))
    }
}

/// The least value that a schema takes. Backends and accounts in it are those given.
fn least(schema: &Value, name: &str, backend: &str, account: &str) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let kind = reference.rsplit('/').next().unwrap();
        return match kind {
            "BackendName" => json!(backend),
            "AccountId" => json!(format!("{backend}:{account}")),
            kind if kind.ends_with("Id") => json!(format!("{backend}:1")),
            _ => least(
                DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(),
                name,
                backend,
                account,
            ),
        };
    }
    if let Some(value) = schema.get("example") {
        return value.clone();
    }
    if let Some(values) = schema["examples"].as_array().or_else(|| schema["enum"].as_array()) {
        return values[0].clone();
    }
    for ways in ["oneOf", "anyOf"] {
        if let Some(ways) = schema[ways].as_array() {
            return least(&ways[0], name, backend, account);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts {
            if let Value::Object(part) = least(part, name, backend, account) {
                whole.extend(part);
            }
        }
        return whole.into();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("object") | None => {
            let required = schema["required"].as_array().into_iter().flatten();
            let members = required.map(|name| {
                let name = name.as_str().unwrap();
                let member = least(&schema["properties"][name], name, backend, account);
                (name.to_owned(), member)
            });
            members.collect::<Map<_, _>>().into()
        }
        Some("array") => json!([least(&schema["items"], name, backend, account)]),
        Some("boolean") => json!(true),
        Some("integer") => json!(1),
        Some("string") => match schema["format"].as_str() {
            Some("date") => json!("2026-08-01"),
            Some("date-time") => json!("2026-07-05T18:30:00Z"),
            Some("email") => json!("a@example.org"),
            _ => json!("1"),
        },
        other => panic!("`{name}` is {other:?}: say here what it may be"),
    }
}

fn encoded(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// An identifier of a kind of record of an account, as each system writes them. A parameter that is not known here fails, and so
/// does a route that has it.
fn id_of(parameter: &str, backend: &str, account: &str) -> String {
    let kraken = backend == US;
    let rest = match parameter {
        "account" => "",
        "bill" if kraken => "~1",
        "bill" => "~bill~1",
        "service_point" if kraken => "~sp~1~1",
        "service_point" => "~sp~1",
        "meter" if kraken => "~m~1~1~1",
        "meter" if backend == PORTFOLIO => "~m~1",
        "meter" => "~sp~1~m~1",
        "arrangement" => "~pa~1",
        "refund" => "~L-1~1",
        // Of no account.
        "candidate" | "contact" | "credential" | "custom_attribute" | "customer" | "organisation" | "provider"
        | "service_type" | "template" => return format!("{backend}:1"),
        "backend" | "code" => return String::new(),
        other => panic!("the matrix does not know what `{other}` stands for"),
    };
    format!("{backend}:{account}{rest}")
}

/// A way of not being let through.
struct Refusal {
    name: &'static str,
    /// The key that is sent, by the scope that is wanted.
    key: fn(&str) -> Option<String>,
}

/// The columns. A way of calling that comes beside keys brings its own.
const REFUSALS: [Refusal; 7] = [
    Refusal {
        name: "no credential",
        key: |_| None,
    },
    Refusal {
        name: "wrong key",
        key: |_| Some("nobody's".to_owned()),
    },
    Refusal {
        name: "expired",
        key: |_| Some("expired".to_owned()),
    },
    Refusal {
        name: "wrong audience",
        key: |_| Some(issued(false)),
    },
    Refusal {
        name: "missing scope",
        key: |scope| Some(format!("without {scope}")),
    },
    Refusal {
        name: "other backend",
        key: |_| Some("elsewhere".to_owned()),
    },
    Refusal {
        name: "other account",
        key: |_| Some("bound".to_owned()),
    },
];

fn callers() -> Vec<Caller> {
    let own = ACCOUNTS.map(|(backend, own, _)| format!("{backend}:{own}").parse().unwrap());
    let mut all = vec![
        Caller::new("everything", &Scope::ALL, None),
        Caller::new("expired", &Scope::ALL, None),
        Caller::new("without ", &[], None),
        Caller::new("elsewhere", &Scope::ALL, Some(&["nowhere"])),
        Caller::new("bound", &Scope::ALL, None).bound_to(own),
    ];
    for scope in Scope::ALL {
        let others: Vec<_> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        all.push(Caller::new(&format!("without {}", scope.as_str()), &others, None));
    }
    all
}

/// Whether an answer is the refusal it must be.
fn refused(route: &Route, refusal: &str, answer: &Answer) -> bool {
    let (status, code) = (answer.status, answer.code());
    let said = (status, code.as_str());
    let text = String::from_utf8_lossy(&answer.body);
    let names = |of: &str| text.contains(of);
    match (refusal, &route.scope) {
        // What is for everybody asks nobody who they are.
        (_, None) => status == 200,
        ("no credential" | "wrong key" | "expired" | "wrong audience", Some(_)) => said == (401, "unauthenticated"),
        ("missing scope", Some(scope)) if scope.is_empty() => status == 200,
        ("missing scope", Some(_)) => said == (403, "insufficient_scope"),
        // Lists of the gateway's own show what is the caller's.
        ("other backend", Some(_)) if !route.calls && route.parameter().is_none() => {
            status == 200 && ACCOUNTS.iter().all(|(backend, ..)| !names(backend))
        }
        ("other backend", Some(_)) => said == (404, "backend_not_found"),
        // What the process says of itself speaks of everybody.
        ("other account", Some(scope)) if scope == "ops:read" => said == (403, "not_for_bound_callers"),
        ("other account", Some(_)) if !route.calls => match route.parameter() {
            Some(_) => said == (404, "backend_not_found"),
            None => status == 200,
        },
        ("other account", Some(scope)) if scope == "native:call" => said == (403, "insufficient_scope"),
        ("other account", Some(_)) if status == 200 => {
            route.id == "accounts.search" && answer.json()["data"] == json!([])
        }
        ("other account", Some(_)) => matches!(
            said,
            (404, "not_found") | (403, "not_for_bound_callers") | (501, "unsupported_operation")
        ),
        (other, _) => panic!("{other} is not known"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_keeps_out_whoever_does_not_belong() {
    let house = House::open(callers()).await;
    let capabilities = house.get("everything", "/v1/capabilities").await.json();
    // What is wrong with the token for another audience is its audience.
    assert_eq!(
        house.get(&issued(true), "/v1/capabilities").await.json()["data"],
        capabilities["data"]
    );
    let routes = Route::all();
    let mut table = format!("{:27}", "route");
    for refusal in &REFUSALS {
        write!(table, " | {:25}", refusal.name).unwrap();
    }
    table.push('\n');
    let mut holes = Vec::new();
    for route in &routes {
        let wanted = route.id.split('.').take(2).collect::<Vec<_>>().join(".");
        let rows = capabilities["data"].as_array().unwrap();
        let row = rows.iter().find(|row| row["operation"] == wanted.as_str());
        let served: Vec<&str> = row.map_or(vec![US], |row| {
            let backends = row["backends"].as_array().unwrap().iter();
            backends.map(|one| one["backend"].as_str().unwrap()).collect()
        });
        let mut cells: Vec<BTreeSet<String>> = vec![BTreeSet::new(); REFUSALS.len()];
        for backend in served {
            let (_, _, other) = ACCOUNTS.iter().find(|(name, ..)| *name == backend).unwrap();
            let id = route
                .parameter()
                .map(|parameter| id_of(parameter, backend, other))
                .unwrap_or_default();
            let body = route.body_for(backend, other);
            for (cell, refusal) in cells.iter_mut().zip(&REFUSALS) {
                let mut path = match (route.id.as_str(), refusal.name) {
                    // One that no account of the caller's is at.
                    ("backends.get", "other account") => route.path_to("nowhere", ""),
                    _ => route.path_to(backend, &id),
                };
                if route.calls && route.method == "GET" && route.parameter().is_none() {
                    let of_other = match route.id.as_str() {
                        "accounts.search" => format!("&number={other}"),
                        _ => String::new(),
                    };
                    path = format!("{path}?backend={backend}{of_other}");
                }
                let key = (refusal.key)(route.scope.as_deref().unwrap_or_default());
                let before = house.heard();
                let answer = house.send(key.as_deref(), &route.method, &path, body.as_ref()).await;
                // Own accounts are read to answer a search; nothing else reaches a system.
                let quiet = house.heard() == before || (route.id == "accounts.search" && answer.status == 200);
                if !refused(route, refusal.name, &answer) || !quiet {
                    holes.push(format!("{} {path}, {}: {}", route.method, refusal.name, answer.text()));
                }
                cell.insert(match answer.code().as_str() {
                    "" => answer.status.to_string(),
                    code => format!("{} {code}", answer.status),
                });
            }
            // What is refused above is not refused for being badly asked.
            let path = route.path_to(backend, &id);
            if route.calls && !route.id.starts_with("native.") && body.is_none() {
                let answer = house.send(Some("everything"), &route.method, &path, None).await;
                assert!(
                    !matches!(answer.status, 400 | 401 | 403 | 422),
                    "{} {path}: {}",
                    route.method,
                    answer.text()
                );
            }
        }
        write!(table, "{:27}", route.id).unwrap();
        for cell in cells {
            write!(table, " | {:25}", cell.into_iter().collect::<Vec<_>>().join(", ")).unwrap();
        }
        table.push('\n');
    }
    let count = format!(
        "{} routes × {} refusals, {} holes",
        routes.len(),
        REFUSALS.len(),
        holes.len()
    );
    crate::support::show("matrix", &(table + &count));
    assert!(routes.len() >= 90, "the document has lost routes: {}", routes.len());
    assert!(holes.is_empty(), "{} holes:\n{}", holes.len(), holes.join("\n"));
}

/// Everything of a backend that has an identifier: by what it is, as an unbound caller finds it.
#[derive(Default)]
struct Found(BTreeMap<&'static str, BTreeSet<String>>);

impl Found {
    fn add(&mut self, kind: &'static str, id: &Value) {
        if let Some(id) = id.as_str() {
            self.0.entry(kind).or_default().insert(id.to_owned());
        }
    }

    fn of<'f>(&'f self, kind: &str) -> impl Iterator<Item = &'f String> {
        self.0.get(kind).into_iter().flatten()
    }

    fn total(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }
}

/// The lists of an account, and what is in them.
const LISTS: [(&str, &str); 10] = [
    ("bills", "bill"),
    ("service-points", "service_point"),
    ("meters", "meter"),
    ("payment-arrangements", "arrangement"),
    ("refund-requests", "refund"),
    ("payments", "payment"),
    ("transactions", "transaction"),
    ("payment-methods", "payment_method"),
    ("notes", "note"),
    ("contacts", "contact"),
];

async fn gathered(house: &House, backend: &str) -> Found {
    let mut found = Found::default();
    let accounts = house
        .walk("everything", &format!("/v1/accounts?backend={backend}"))
        .await;
    // A portfolio has thousands, made by rule.
    for account in accounts.iter().take(100) {
        found.add("account", &account["id"]);
    }
    // Not every system can be asked for its accounts.
    for account in match backend {
        AU => &["10045213", "00210077", "10031187", "10050001", "90000001"][..],
        CARIB => &[
            "801941080000",
            "271041000000",
            "801941089999",
            "JM:cerillion:400010002000",
            "JM:liberate:871000000",
        ],
        CY => &["ACR0000000056", "ACR0000000057", "ACR0000000058", "ACR0000000064"],
        _ => &[],
    } {
        found.add("account", &json!(format!("{backend}:{account}")));
    }
    for account in found.of("account").cloned().collect::<Vec<_>>() {
        for (list, kind) in LISTS {
            for item in house
                .walk("everything", &format!("/v1/accounts/{}/{list}", encoded(&account)))
                .await
            {
                found.add(kind, &item["id"]);
                found.add("bill", &item["bill_id"]);
                for meter in item["meters"].as_array().into_iter().flatten() {
                    found.add("meter", &meter["id"]);
                }
            }
        }
    }
    found
}

/// The account that an identifier starts with.
fn account_of(id: &str) -> &str {
    id.split('~').next().unwrap()
}

/// The same identifier with other digits in its last part.
fn unlike(id: &str) -> String {
    let at = id.rfind(['~', ':']).unwrap() + 1;
    let other = id[at..].chars().map(|char| match char.to_digit(10) {
        Some(digit) => char::from_digit((digit + 5) % 10, 10).unwrap(),
        None => char,
    });
    format!("{}{}", &id[..at], other.collect::<String>())
}

/// What a bound caller tried, and how it went.
#[derive(Default)]
struct Tried {
    calls: usize,
    pairs: usize,
    faults: Vec<String>,
}

impl Tried {
    /// Asks for what is somebody else's and for what does not exist: the answers must be the same, and no success.
    async fn pair(&mut self, house: &House, route: &Route, theirs: &str, nothing: &str, body: Option<&(&str, Value)>) {
        let mut settled = Vec::new();
        for id in [theirs, nothing] {
            let path = route.path_to(id.split(':').next().unwrap(), id);
            let answer = house.send(Some("bound"), &route.method, &path, body).await;
            self.calls += 1;
            let form = answer.headers.get("content-type").map_or("", String::as_str);
            if let Err(fault) = check_answer(&route.method, &route.path, answer.status, form, &answer.body) {
                self.faults.push(fault);
            }
            if answer.status < 400 {
                self.faults.push(format!("{} {path}: {}", route.method, answer.text()));
            }
            let asked = path.split('?').next().unwrap();
            settled.push(answer.settled(asked));
        }
        self.pairs += 1;
        if settled[0] != settled[1] {
            self.faults.push(format!(
                "{} {theirs} and {nothing} ({}) can be told apart:\n  {}\n  {}",
                route.method,
                route.id,
                settled[0].text(),
                settled[1].text()
            ));
        }
    }
}

/// A caller bound to one account tries every identifier of every other account on every route that takes one: as it is, and
/// put under its own account. Says what was tried.
async fn tries_everything(backend: &str) -> String {
    let (_, own, _) = ACCOUNTS.iter().find(|(name, ..)| *name == backend).unwrap();
    let house = House::open([Caller::new("everything", &Scope::ALL, None)]).await;
    // Urjanet's are found under what the system calls them.
    let first = house
        .walk("everything", &format!("/v1/accounts?backend={backend}"))
        .await;
    let own = match backend {
        PORTFOLIO => first[0]["id"].as_str().unwrap().to_owned(),
        _ => format!("{backend}:{own}"),
    };
    let callers = [
        Caller::new("everything", &Scope::ALL, None),
        Caller::new("bound", &Scope::ALL, None).bound_to([own.parse().unwrap()]),
    ];
    let house = House::open(callers).await;
    let found = gathered(&house, backend).await;
    let is_own = |id: &str| account_of(id) == account_of(&own);
    let stranger = |id: &str| -> String {
        // One of the same length that is nobody's.
        let (account, rest) = id.split_at(account_of(id).len());
        let nobody = unlike(account);
        assert!(
            found.of("account").all(|known| account_of(known) != nobody),
            "{nobody} is somebody's"
        );
        format!("{nobody}{rest}")
    };
    let mut tried = Tried::default();
    let mut grafts = Tried::default();
    let before = house.heard();
    let routes: Vec<Route> = Route::all()
        .into_iter()
        .filter(|route| route.calls && !matches!(route.parameter(), None | Some("backend")))
        .collect();
    for route in &routes {
        let parameter = route.parameter().unwrap();
        let body = route.body_for(backend, own.split_once(':').unwrap().1);
        for (kind, ids) in &found.0 {
            let theirs = ids.iter().filter(|id| !is_own(id));
            // Of what does not belong there a few are enough.
            let most = if *kind == parameter { usize::MAX } else { 3 };
            for id in theirs.take(most) {
                tried.pair(&house, route, id, &stranger(id), body.as_ref()).await;
            }
        }
    }
    assert_eq!(house.heard(), before, "a system was asked about somebody else's record");
    // The identifier names the caller's own account, and beside it a record of another: now the system is asked.
    for route in &routes {
        let parameter = route.parameter().unwrap();
        let body = route.body_for(backend, own.split_once(':').unwrap().1);
        for id in found.of(parameter).filter(|id| !is_own(id)) {
            let Some(rest) = id.split_once('~').map(|(_, rest)| rest) else {
                continue;
            };
            let graft = format!("{}~{rest}", account_of(&own));
            let missing = unlike(&graft);
            let known = |id: &String| found.of(parameter).any(|known| known == id);
            if parameter == "account" || known(&graft) || known(&missing) {
                continue;
            }
            grafts.pair(&house, route, &graft, &missing, body.as_ref()).await;
        }
    }
    let counts: Vec<_> = found
        .0
        .iter()
        .map(|(kind, ids)| format!("{} {kind}", ids.len()))
        .collect();
    let told = format!(
        "{own}: {} ids ({}); {} calls with ids of others in {} pairs, {} with ids put under the own account",
        found.total(),
        counts.join(", "),
        tried.calls,
        tried.pairs,
        grafts.calls,
    );
    let faults: Vec<_> = tried.faults.iter().chain(&grafts.faults).collect();
    assert!(
        faults.is_empty(),
        "{} faults, such as:\n{}",
        faults.len(),
        faults
            .iter()
            .take(20)
            .map(|fault| fault.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    );
    searches(&house, &found, backend, &own).await;
    // And what is its own, it gets.
    let account = house.get("bound", &format!("/v1/accounts/{}", encoded(&own))).await;
    assert!(matches!(account.status, 200 | 501), "{}", account.text());
    assert!(found.of("account").any(|id| !is_own(id)));
    assert!(tried.pairs > 30, "{}", tried.pairs);
    told
}

/// No search speaks of what is not the caller's.
async fn searches(house: &House, found: &Found, backend: &str, own: &str) {
    for route in Route::all()
        .iter()
        .filter(|route| route.calls && route.parameter().is_none())
    {
        if route.method != "GET" {
            continue;
        }
        for path in [route.path.clone(), format!("{}?backend={backend}", route.path)] {
            let answer = house.get("bound", &path).await;
            let text = answer.text();
            for id in found.of("account").filter(|id| account_of(id) != account_of(own)) {
                assert!(!text.contains(id.as_str()), "{path}: {text}");
            }
            match answer.status {
                200 => assert_eq!(route.id, "accounts.search"),
                status => assert!(matches!(status, 403 | 501), "{path}: {text}"),
            }
        }
    }
    for path in ["/v1/backends", "/v1/capabilities"] {
        let text = house.get("bound", path).await.text();
        for (other, ..) in ACCOUNTS.iter().filter(|(name, ..)| *name != backend) {
            assert!(!text.contains(other), "{path}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_bound_to_one_kraken_account_gets_nothing_of_the_others() {
    println!("{}", tries_everything(US).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_bound_to_one_gentrack_account_gets_nothing_of_the_others() {
    println!("{}", tries_everything(AU).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_bound_to_one_tmf678_account_gets_nothing_of_the_others() {
    println!("{}", tries_everything(CARIB).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_bound_to_one_crmcom_account_gets_nothing_of_the_others() {
    println!("{}", tries_everything(CY).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_bound_to_one_urjanet_account_gets_nothing_of_the_others() {
    println!("{}", tries_everything(PORTFOLIO).await);
}

/// A body that names somebody else's account beside one's own is as refused as one that names none at all.
#[tokio::test]
async fn a_body_leads_to_no_other_account() {
    let own = format!("{AU}:10045213");
    let bound = Caller::new("bound", &Scope::ALL, None).bound_to([own.parse().unwrap()]);
    let house = House::open([bound]).await;
    let before = house.heard();
    let path = format!("/v1/accounts/{own}/parent");
    let put = async |parent: &str| {
        let body = ("application/json", json!({ "parent": format!("{AU}:{parent}") }));
        house
            .send(Some("bound"), "PUT", &path, Some(&body))
            .await
            .settled(&path)
    };
    let (theirs, nobodys) = (put("00210077").await, put("99999999").await);
    assert_eq!(theirs.status, 404, "{}", theirs.text());
    assert_eq!(theirs, nobodys);
    let path = format!("/v1/accounts/{own}");
    for change in [
        json!({ "customer_number": "20018844" }),
        json!({ "organisation_number": null }),
        json!({ "enrollment": { "credentials": ["1"] } }),
    ] {
        let change = ("application/merge-patch+json", change);
        let answer = house.send(Some("bound"), "PATCH", &path, Some(&change)).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (403, "not_for_bound_callers"),
            "{change:?}"
        );
    }
    assert_eq!(house.heard(), before);
}

#[tokio::test]
async fn a_bound_caller_searches_among_its_own_accounts() {
    let own = ["A-7C41D0E2", "A-5E90B3F4"].map(|number| format!("{US}:{number}").parse().unwrap());
    let gone = format!("{US}:A-00000000").parse().unwrap();
    let bound = Caller::new("bound", &Scope::ALL, None).bound_to(own.into_iter().chain([gone]));
    let house = House::open([bound]).await;
    let found = async |query: &str| {
        let answer = house.get("bound", &format!("/v1/accounts{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        let ids = page["data"].as_array().unwrap().iter();
        let ids: Vec<String> = ids.map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        (ids, page["page"]["next_cursor"].as_str().map(str::to_owned), page)
    };
    let both = vec![format!("{US}:A-5E90B3F4"), format!("{US}:A-7C41D0E2")];
    let (ids, next, page) = found("").await;
    assert_eq!((&ids, next), (&both, None));
    assert_eq!(page["meta"]["sources"].as_array().unwrap().len(), 1, "{page}");
    assert_eq!(found("?number=A-7C41D0E2").await.0, both[1..]);
    assert_eq!(found("?number=A-11111111").await.0, Vec::<String>::new());
    let (first, next, _) = found("?limit=1").await;
    assert_eq!(first, both[..1]);
    let (second, next, _) = found(&format!("?limit=1&cursor={}", next.unwrap())).await;
    assert_eq!((&second[..], next), (&both[1..], None));
}

#[tokio::test]
async fn the_native_record_is_not_for_bound_callers() {
    let own = format!("{US}:A-7C41D0E2");
    let house = House::open([Caller::new("bound", &Scope::ALL, None).bound_to([own.parse().unwrap()])]).await;
    let before = house.heard();
    let answer = house.get("bound", &format!("/v1/accounts/{own}?include=native")).await;
    assert_eq!((answer.status, &*answer.code()), (403, "not_for_bound_callers"));
    assert_eq!(house.heard(), before);
}

#[tokio::test]
async fn the_sandbox_s_demo_callers_show_the_difference() {
    let sandbox = app::sandbox("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let house = House::with(sandbox.plan.callers).await;
    let (own, other) = (app::DEMO_ACCOUNT, "kraken-us:A-5E90B3F4");
    for (key, account, status) in [
        (None, own, 200),
        (None, other, 200),
        (Some(app::DEMO_KEY), other, 200),
        (Some(app::DEMO_BOUND_KEY), own, 200),
        (Some(app::DEMO_BOUND_KEY), other, 404),
        (Some("nobody's"), own, 401),
    ] {
        let answer = house.send(key, "GET", &format!("/v1/accounts/{account}"), None).await;
        assert_eq!(answer.status, status, "{key:?} {account}: {}", answer.text());
    }
}

#[tokio::test]
async fn the_readme_s_call_of_a_bound_caller_has_the_answer_it_prints() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let sandbox = app::sandbox("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let house = House::with(sandbox.plan.callers).await;
    let mut calls = 0;
    for part in readme.split("```sh\ncurl -s -H 'X-Api-Key: ").skip(1) {
        let (key, rest) = part.split_once("' 'http://127.0.0.1:8080").unwrap();
        let (path, rest) = rest.split_once('\'').unwrap();
        let printed = rest.split_once("```json\n").unwrap().1.split_once("```").unwrap().0;
        let printed = Answer {
            status: 0,
            headers: BTreeMap::new(),
            body: printed.into(),
        };
        let answer = house.get(key, path).await;
        assert_eq!(answer.settled(path).json(), printed.settled(path).json(), "{path}");
        calls += 1;
    }
    assert_eq!(calls, 1);
}
