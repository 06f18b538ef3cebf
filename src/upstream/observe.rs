//! What is seen of each attempt: standing, metrics and one log line.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Histogram};
use tokio::time::Instant;
use tower::{Layer, ServiceExt, layer::layer_fn, service_fn};

use super::{Attempt, Hop, Reply, Standing};
use crate::error::{ErrorKind, Result};

const UNKNOWN: u8 = 0;
const NO: u8 = 1;
const YES: u8 = 2;

/// The standing of one system, kept by whoever learns something.
#[derive(Debug, Default)]
pub(super) struct State {
    reachable: AtomicU8,
    login: AtomicU8,
    in_flight: AtomicUsize,
}

impl State {
    pub(super) fn reached(&self, reached: bool) {
        set(&self.reachable, reached);
    }

    pub(super) fn logged_in(&self, taken: bool) {
        set(&self.login, taken);
    }

    /// Counts a call until the guard is dropped.
    pub(super) fn under_way(self: &Arc<Self>) -> UnderWay {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            reachable: get(&self.reachable),
            login: get(&self.login),
            in_flight: self.in_flight.load(Ordering::Relaxed),
        }
    }
}

// Written by every call and hardly ever changed: a load leaves the cache line shared, a store would not.
fn set(flag: &AtomicU8, yes: bool) {
    let value = if yes { YES } else { NO };
    if flag.load(Ordering::Relaxed) != value {
        flag.store(value, Ordering::Relaxed);
    }
}

fn get(flag: &AtomicU8) -> Option<bool> {
    match flag.load(Ordering::Relaxed) {
        UNKNOWN => None,
        value => Some(value == YES),
    }
}

/// A call under way.
pub(super) struct UnderWay(Arc<State>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The metrics of one backend. Handles are made at first use and held: looking one up by its labels costs more than
/// counting does.
pub(super) struct Meters {
    backend: String,
    operations: RwLock<HashMap<&'static str, Arc<Operation>>>,
}

struct Operation {
    name: &'static str,
    seconds: Histogram,
    // One place for success, one for each kind of failure.
    outcomes: [OnceLock<Counter>; ErrorKind::ALL.len() + 1],
}

impl Meters {
    pub(super) fn new(backend: &str) -> Self {
        Self {
            backend: backend.to_owned(),
            operations: RwLock::default(),
        }
    }

    fn attempt(&self, operation: &'static str, failure: Option<ErrorKind>, took: Duration) {
        let held = {
            let operations = self.operations.read().unwrap_or_else(PoisonError::into_inner);
            operations.get(operation).map(Arc::clone)
        };
        let held = held.unwrap_or_else(|| self.open(operation));
        let place = failure.map_or(ErrorKind::ALL.len(), |kind| kind as usize);
        if let Some(outcome) = held.outcomes.get(place) {
            outcome.get_or_init(|| self.outcome(held.name, failure)).increment(1);
        }
        held.seconds.record(took);
    }

    fn open(&self, operation: &'static str) -> Arc<Operation> {
        let mut operations = self.operations.write().unwrap_or_else(PoisonError::into_inner);
        let made = operations.entry(operation).or_insert_with(|| {
            let labels = [("backend", self.backend.clone()), ("operation", operation.to_owned())];
            Arc::new(Operation {
                name: operation,
                seconds: metrics::histogram!("intertie_upstream_seconds", &labels),
                outcomes: std::array::from_fn(|_| OnceLock::new()),
            })
        });
        Arc::clone(made)
    }

    fn outcome(&self, operation: &'static str, failure: Option<ErrorKind>) -> Counter {
        let labels = [
            ("backend", self.backend.clone()),
            ("operation", operation.to_owned()),
            ("outcome", ErrorKind::outcome(failure).to_owned()),
        ];
        metrics::counter!("intertie_upstream_attempts_total", &labels)
    }
}

/// Counts a login that was tried.
pub(super) fn login(backend: &str, failure: Option<ErrorKind>) {
    let labels = [
        ("backend", backend.to_owned()),
        ("outcome", ErrorKind::outcome(failure).to_owned()),
    ];
    metrics::counter!("intertie_logins_total", &labels).increment(1);
}

/// Counts, times and logs each attempt.
pub(super) fn observe<S: Hop<Attempt>>(meters: Arc<Meters>) -> impl Layer<S, Service = impl Hop<Attempt>> {
    layer_fn(move |inner: S| {
        let meters = Arc::clone(&meters);
        service_fn(move |attempt: Attempt| {
            let (meters, inner) = (Arc::clone(&meters), inner.clone());
            async move {
                let began = Instant::now();
                let result = inner.oneshot(attempt.clone()).await;
                seen(&meters, &attempt, &result, began.elapsed());
                result
            }
        })
    })
}

fn seen(meters: &Meters, attempt: &Attempt, result: &Result<Reply>, took: Duration) {
    let operation = attempt.trip.call.operation;
    let failure = result.as_ref().err().map(crate::error::Error::kind);
    meters.attempt(operation, failure, took);
    tracing::debug!(
        backend = meters.backend,
        operation,
        attempt = attempt.number,
        status = attempt.trip.status(),
        outcome = ErrorKind::outcome(failure),
        elapsed_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "asked the system"
    );
}

#[cfg(test)]
mod tests {
    use super::super::Upstream;
    use super::super::tests::{SECOND, call, credentials, logins, reply, settings, system, token, verdict};
    use super::*;

    #[test]
    fn series_do_not_grow_with_calls() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        metrics::with_local_recorder(&recorder, || {
            runtime.block_on(async {
                let (_, script) = system(|before, _| async move {
                    let status = if before % 10 == 0 { 404 } else { 200 };
                    Ok(reply(status, ""))
                });
                let grant = logins(|number| async move { Ok(token(number, 3600 * SECOND)) });
                let road = Upstream::scripted("acme", settings(), Some(credentials(grant)), verdict, script);
                for n in 0..100 {
                    let mut call = call();
                    call.url = format!("http://system.invalid/bills/{n}");
                    let _ = road.call(call).await;
                }
            });
        });
        let rendered = recorder.handle().render();
        let lines: Vec<&str> = rendered
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .collect();
        for expected in [
            r#"intertie_upstream_attempts_total{backend="acme",operation="bills.list",outcome="ok"} 90"#,
            r#"intertie_upstream_attempts_total{backend="acme",operation="bills.list",outcome="not_found"} 10"#,
            r#"intertie_logins_total{backend="acme",outcome="ok"} 1"#,
            r#"intertie_upstream_seconds_count{backend="acme",operation="bills.list"} 100"#,
        ] {
            assert!(lines.contains(&expected), "{expected}\n{rendered}");
        }
        let counters = lines.iter().filter(|line| line.contains("_total{")).count();
        let operations = lines
            .iter()
            .filter(|line| line.starts_with("intertie_upstream_seconds_count"))
            .count();
        assert_eq!((counters, operations), (3, 1), "{rendered}");
    }

    #[test]
    fn every_outcome_has_its_word_and_place() {
        for (place, kind) in ErrorKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
        let words: std::collections::BTreeSet<_> = ErrorKind::ALL.into_iter().map(ErrorKind::label).collect();
        assert_eq!(words.len(), ErrorKind::ALL.len());
        assert!(!words.contains(ErrorKind::outcome(None)));
    }
}
