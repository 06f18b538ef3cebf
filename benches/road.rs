//! One call through the whole gateway, from the router to the simulated system and back, in one process on loopback.
//!
//! The simulated system's own work is in the figures, so they are for comparing two versions of the gateway, not for telling
//! what it costs: `benches/load.py` measures the gateway's own process. The second and the third group show that a call costs
//! the same whether five backends are configured or two hundred, one key or a hundred thousand; the fourth, what it costs to
//! know the caller by a token.

// A benchmark stops at the first thing that is not as it should be.
#![allow(clippy::unwrap_used, missing_docs)]

use std::cell::Cell;
use std::future::ready;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt as _;
use http::Request;
use http::header::AUTHORIZATION;
use intertie::api;
use intertie::auth::jwks::Fetch;
use intertie::auth::rights::{Claim, Rights};
use intertie::auth::{Caller, Callers, Issuer, Key, Rate, Rates, Tokens, sha256};
use intertie::backends::gentrack;
use intertie::gateway::{Directory, Gateway};
use intertie::operations::Scope;
use intertie::sandbox::{self, Kind, Running};
use intertie::upstream::tokens;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::json;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

/// The gateway's face over so many backends in front of one simulated system.
fn face(systems: &Running, backends: usize, callers: Callers) -> Router {
    let tokens = Arc::new(tokens::Cache::default());
    let base = systems.base(Kind::Gentrack);
    let all = (0..backends).map(|n| {
        let config = gentrack::Config {
            base_url: format!("{base}{}", sandbox::gentrack::API_PATH),
            token_url: format!("{base}{}", sandbox::gentrack::TOKEN_PATH),
            client_id: sandbox::gentrack::CLIENT_ID.to_owned(),
            client_secret: sandbox::gentrack::CLIENT_SECRET.to_owned().into(),
            scope: None,
            time_zone: "Australia/Sydney".parse().unwrap(),
            road: gentrack::road(),
        };
        gentrack::connect(format!("gentrack-{n}").parse().unwrap(), config, Arc::clone(&tokens)).unwrap()
    });
    api::router(api::State {
        gateway: Gateway::new(Directory::of(all)),
        callers,
        cursors: api::cursor::Seal::new(b"a benchmark's secret"),
        settings: api::Settings {
            // Counted like any caller's requests, and never refused.
            rates: Rates {
                callers: NonZeroU32::new(1_000_000).map(|often| Rate {
                    requests: often,
                    per: Duration::from_secs(1),
                    burst: often,
                }),
                ..Rates::default()
            },
            ..api::Settings::default()
        },
        ready: Arc::new(AtomicBool::new(true)),
        metrics: Arc::new(String::new),
    })
}

fn anybody() -> Callers {
    Callers::open(Caller::new("bench", &Scope::ALL, None))
}

/// The callers of so many keys, `key-0` and so on.
fn keyed(keys: usize) -> Callers {
    let caller = Arc::new(Caller::new("bench", &Scope::ALL, None));
    Callers::of((0..keys).map(|n| Key {
        digest: sha256(format!("key-{n}").as_bytes()),
        caller: Arc::clone(&caller),
        expires: None,
    }))
}

const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "https://billing.example.com";

/// An issuer of ES256 tokens.
struct Issuing {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    issued: Cell<u64>,
}

impl Issuing {
    fn new() -> Self {
        let (alg, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pair = EcdsaKeyPair::generate_pkcs8(alg, &random).unwrap();
        Self {
            pair: EcdsaKeyPair::from_pkcs8(alg, pair.as_ref(), &random).unwrap(),
            random,
            issued: Cell::new(0),
        }
    }

    /// A token like no other.
    fn token(&self) -> String {
        let now = jiff::Timestamp::now().as_second();
        let head = json!({ "typ": "at+jwt", "alg": "ES256", "kid": "1" });
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "bench", "client_id": "bench", "jti": self.issued.get().to_string(),
            "iat": now, "exp": now + 3600, "scope": Scope::ALL.map(Scope::as_str).join(" "),
        });
        self.issued.set(self.issued.get() + 1);
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let message = format!(
            "{}.{}",
            encode(head.to_string().as_bytes()),
            encode(claims.to_string().as_bytes())
        );
        let signature = self.pair.sign(&self.random, message.as_bytes()).unwrap();
        format!("{message}.{}", encode(signature.as_ref()))
    }

    /// The bearers of its tokens. Must be called inside the runtime.
    fn bearers(&self) -> Callers {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|part| URL_SAFE_NO_PAD.encode(part));
        let set = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "x": x, "y": y }] });
        let issuer = Issuer {
            name: "idp".to_owned(),
            issuer: ISSUER.to_owned(),
            audiences: vec![AUDIENCE.to_owned()],
            algorithms: vec!["ES256".parse().unwrap()],
            plain: false,
            skew: Duration::from_secs(30),
            refresh: Duration::from_secs(15 * 60),
            rights: Rights {
                scopes: Claim::new("scope"),
                grants: None,
                backends: None,
                backends_claim: None,
                accounts: None,
            },
        };
        let set = Bytes::from(set.to_string());
        let fetch: Fetch = Arc::new(move || ready(Ok(set.clone())).boxed());
        Callers::of([]).trusting(Tokens::of(AUDIENCE.to_owned(), 8 * 1024, [(issuer, fetch)]))
    }
}

async fn get(face: &Router, path: &str) -> usize {
    get_with(face, path, None).await
}

async fn get_with(face: &Router, path: &str, credential: Option<&str>) -> usize {
    let mut request = Request::get(path);
    if let Some(credential) = credential {
        request = request.header(AUTHORIZATION, format!("Bearer {credential}"));
    }
    let request = request.body(Body::empty()).unwrap();
    let answer = face.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    to_bytes(answer.into_body(), usize::MAX).await.unwrap().len()
}

fn calls(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let systems = runtime.block_on(sandbox::start(&[Kind::Gentrack], address)).unwrap();

    let one = face(&systems, 1, anybody());
    let mut group = criterion.benchmark_group("a call");
    for (name, path) in [
        ("12 bills", "/v1/accounts/gentrack-0:90000001/bills"),
        (
            "200 of 500 readings",
            "/v1/service-points/gentrack-0:90000001~sp~9100001/readings?from=2026-06-01&to=2026-07-01&limit=200",
        ),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| runtime.block_on(get(&one, path))));
    }
    group.finish();

    let mut group = criterion.benchmark_group("bills by backends configured");
    for backends in [5, 200] {
        let face = face(&systems, backends, anybody());
        let path = format!("/v1/accounts/gentrack-{}:90000001/bills", backends - 1);
        group.bench_function(BenchmarkId::from_parameter(backends), |bencher| {
            bencher.iter(|| runtime.block_on(get(&face, &path)));
        });
    }
    group.finish();

    let path = "/v1/accounts/gentrack-0:90000001/bills";
    let mut group = criterion.benchmark_group("bills by keys configured");
    for keys in [1, 100_000] {
        let face = face(&systems, 1, keyed(keys));
        let key = format!("key-{}", keys - 1);
        group.bench_function(BenchmarkId::from_parameter(keys), |bencher| {
            bencher.iter(|| runtime.block_on(get_with(&face, path, Some(&key))));
        });
    }
    group.finish();

    let issuing = Issuing::new();
    let face = face(&systems, 1, runtime.block_on(async { issuing.bearers() }));
    let mut group = criterion.benchmark_group("bills by an ES256 token");
    let token = issuing.token();
    group.bench_function("seen before", |bencher| {
        bencher.iter(|| runtime.block_on(get_with(&face, path, Some(&token))));
    });
    group.bench_function("never seen before", |bencher| {
        bencher.iter_batched(
            || issuing.token(),
            |token| runtime.block_on(get_with(&face, path, Some(&token))),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, calls);
criterion_main!(benches);
