//! The whole road on loopback: the simulated systems, the adapters, the gateway and its HTTP face, without a socket in front.
//!
//! Every answer is checked against `openapi/intertie.json` before a test sees it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use http::{HeaderMap, Request};
use intertie::api;
use intertie::auth::{Caller, Callers, Rates};
use intertie::backends::{crmcom, gentrack, kraken, tmf678, urjanet};
use intertie::gateway::{Directory, Gateway};
use intertie::operations::Scope;
use intertie::sandbox::{self, Kind, Running};
use intertie::upstream::{Settings, tokens};
use serde_json::Value;
use tower::ServiceExt as _;

use super::openapi;
use super::tap::Tap;
use super::watch;

/// The whole road on loopback.
pub struct Stage {
    /// The simulated systems.
    pub systems: Running,
    /// How many requests of a specimen were sent.
    pub turns: AtomicUsize,
    tap: Option<Tap>,
    face: Router,
}

/// An answer of the gateway.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Stage {
    /// Opens it with lines straight to the systems.
    pub async fn open() -> Self {
        Self::with(false, Settings::default().concurrency).await
    }

    /// Opens it with a tap on the lines.
    pub async fn tapped() -> Self {
        Self::with(true, Settings::default().concurrency).await
    }

    /// Opens it with room for thousands of calls at once.
    pub async fn roomy() -> Self {
        Self::with(false, 512).await
    }

    /// What passed between the adapters and the systems.
    pub fn tap(&self) -> &Tap {
        self.tap.as_ref().expect("the lines are not tapped")
    }

    async fn with(tapped: bool, concurrency: usize) -> Self {
        watch::on();
        let systems = sandbox::start(&Kind::ALL, SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let tap = if tapped {
            Some(Tap::on(systems.addr()).await)
        } else {
            None
        };
        let line = tap.as_ref().map_or(systems.addr(), |tap| tap.address);
        // Thousands of calls at once take a busy machine a while; no test of them is about how long.
        let (attempt, within) = if concurrency > Settings::default().concurrency {
            (60, 110)
        } else {
            (10, 20)
        };
        let road = Settings {
            attempt_timeout: Duration::from_secs(attempt),
            retry_within: Duration::from_secs(within),
            backoff: Duration::from_millis(5),
            concurrency,
            ..Settings::default()
        };
        let tokens = Arc::new(tokens::Cache::default());
        let base = format!("http://{line}/gentrack");
        let gentrack = gentrack::Config {
            base_url: format!("{base}{}", sandbox::gentrack::API_PATH),
            token_url: format!("{base}{}", sandbox::gentrack::TOKEN_PATH),
            client_id: sandbox::gentrack::CLIENT_ID.to_owned(),
            client_secret: sandbox::gentrack::CLIENT_SECRET.to_owned().into(),
            scope: None,
            time_zone: "Australia/Sydney".parse().unwrap(),
            road: road.clone(),
        };
        let kraken = kraken::Config {
            edition: kraken::Edition::Us,
            endpoint: format!("http://{line}/kraken/v1/graphql/"),
            credential: kraken::Credential::ApiKey(sandbox::kraken::API_KEY.to_owned().into()),
            authorization_prefix: None,
            currency: "USD".parse().unwrap(),
            time_zone: "America/Chicago".parse().unwrap(),
            document_hosts: vec![systems.addr().to_string()],
            max_document: 8 * 1024 * 1024,
            road: road.clone(),
        };
        let british = kraken::Config {
            edition: kraken::Edition::Gb,
            endpoint: format!("http://{line}/kraken{}", sandbox::kraken::GB_GRAPHQL),
            currency: "GBP".parse().unwrap(),
            time_zone: "Europe/London".parse().unwrap(),
            ..kraken.clone()
        };
        let tmf678 = tmf678::Config {
            base_url: format!("http://{line}/tmf678{}", sandbox::tmf678::API_PATH),
            client_id: sandbox::tmf678::CLIENT_ID.to_owned(),
            client_secret: sandbox::tmf678::CLIENT_SECRET.to_owned().into(),
            credential_headers: tmf678::CredentialHeaders::Both,
            units: ["PA", "JM"]
                .map(|business_id| tmf678::Unit {
                    business_id: business_id.to_owned(),
                    ..tmf678::Unit::default()
                })
                .into(),
            channel: Some("selfportal".to_owned()),
            time_zone: "America/Panama".parse().unwrap(),
            list_bills: true,
            road: road.clone(),
        };
        let crmcom = crmcom::Config {
            base_url: format!("http://{line}/crmcom{}", sandbox::crmcom::API_PATH),
            credential: crmcom::Credential::Password {
                username: sandbox::crmcom::USERNAME.to_owned(),
                password: sandbox::crmcom::PASSWORD.to_owned().into(),
                organisation: sandbox::crmcom::ORGANISATION.to_owned(),
            },
            unit: None,
            token_life: crmcom::TOKEN_LIFE,
            time_zone: "Asia/Nicosia".parse().unwrap(),
            road: road.clone(),
        };
        let base = format!("http://{line}/urjanet");
        let urjanet = urjanet::Config {
            base_url: format!("{base}{}", sandbox::urjanet::API_PATH),
            login_url: format!("{base}{}", sandbox::urjanet::LOGIN_PATH),
            username: sandbox::urjanet::USERNAME.to_owned(),
            password: sandbox::urjanet::PASSWORD.to_owned().into(),
            customer_id: sandbox::urjanet::CUSTOMER.to_owned(),
            currency: Some("USD".parse().unwrap()),
            time_zone: "UTC".parse().unwrap(),
            road,
        };
        let gateway = Gateway::new(Directory::of([
            gentrack::connect("gentrack-au".parse().unwrap(), gentrack, Arc::clone(&tokens)).unwrap(),
            kraken::connect("kraken-us".parse().unwrap(), kraken, Arc::clone(&tokens)).unwrap(),
            kraken::connect("kraken-gb".parse().unwrap(), british, Arc::clone(&tokens)).unwrap(),
            tmf678::connect("tmf-carib".parse().unwrap(), tmf678).unwrap(),
            crmcom::connect("crmcom-cy".parse().unwrap(), crmcom, Arc::clone(&tokens)).unwrap(),
            urjanet::connect("urjanet-us".parse().unwrap(), urjanet, tokens).unwrap(),
        ]));
        let face = api::router(api::State {
            gateway,
            callers: Callers::open(Caller::new("test", &Scope::ALL, None)),
            cursors: api::cursor::Seal::new(watch::CURSOR_KEY.as_bytes()),
            settings: api::Settings {
                // Thousands of calls at once are what some tests are about.
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
            systems,
            turns: AtomicUsize::new(0),
            tap,
            face,
        }
    }

    /// The backends the gateway has.
    pub async fn backends(&self) -> Vec<String> {
        let answer = self.get("/v1/backends").await.json();
        answer["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The simulated system behind a backend.
    pub fn kind(backend: &str) -> Kind {
        let system = backend.split('-').next().unwrap();
        Kind::ALL
            .into_iter()
            .find(|kind| kind.name().starts_with(system))
            .unwrap()
    }

    /// Gets one answer.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None).await
    }

    /// Sends a request; a body goes as JSON.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.request(request.body(body).unwrap()).await
    }

    /// Sends any request.
    pub async fn request(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        let route = openapi::route_of(&path);
        let answer = self.face.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let answer = Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: to_bytes(body, usize::MAX).await.unwrap(),
        };
        watch::answer_with(&path, &answer.headers, &answer.body);
        let form = answer.header("content-type").unwrap_or_default();
        if let Err(fault) = openapi::check_answer(&method, &route, answer.status, form, &answer.body) {
            panic!(
                "{method} {path} answers what the document does not say: {fault}\n{}",
                answer.text()
            );
        }
        answer
    }

    /// Follows the cursors of a list and gives every item in order.
    pub async fn walk(&self, path: &str) -> Vec<Value> {
        self.walk_with("GET", path, None).await
    }

    /// Follows the cursors of a list that is asked for in any way.
    pub async fn walk_with(&self, method: &str, path: &str, body: Option<&Value>) -> Vec<Value> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let (mut items, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..2_000 {
            let path = match &cursor {
                None => path.to_owned(),
                Some(cursor) => format!("{path}{joint}cursor={cursor}"),
            };
            let answer = self.send(method, &path, &[], body).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let page = answer.json();
            items.extend(page["data"].as_array().unwrap().iter().cloned());
            match page["page"]["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return items,
            }
        }
        panic!("{path} has no last page");
    }
}
