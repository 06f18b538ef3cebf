//! One call through the whole gateway, from the router to the simulated system and back, in one process on loopback.
//!
//! The simulated system's own work is in the figures, so they are for comparing two versions of the gateway, not for telling
//! what it costs: `benches/load.py` measures the gateway's own process. The second group shows that a call costs the same
//! whether five backends are configured or two hundred.

// A benchmark stops at the first thing that is not as it should be.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::Request;
use intertie::api;
use intertie::auth::{Caller, Callers, Rate, Rates};
use intertie::backends::gentrack;
use intertie::gateway::{Directory, Gateway};
use intertie::operations::Scope;
use intertie::sandbox::{self, Kind, Running};
use intertie::upstream::tokens;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

/// The gateway's face over so many backends in front of one simulated system.
fn face(systems: &Running, backends: usize) -> Router {
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
        callers: Callers::open(Caller::new("bench", &Scope::ALL, None)),
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

async fn get(face: &Router, path: &str) -> usize {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = face.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    to_bytes(answer.into_body(), usize::MAX).await.unwrap().len()
}

fn calls(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let systems = runtime.block_on(sandbox::start(&[Kind::Gentrack], address)).unwrap();

    let one = face(&systems, 1);
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
        let face = face(&systems, backends);
        let path = format!("/v1/accounts/gentrack-{}:90000001/bills", backends - 1);
        group.bench_function(BenchmarkId::from_parameter(backends), |bencher| {
            bencher.iter(|| runtime.block_on(get(&face, &path)));
        });
    }
    group.finish();
}

criterion_group!(benches, calls);
criterion_main!(benches);
