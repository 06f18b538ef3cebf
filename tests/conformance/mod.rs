//! What every backend must do, whatever system it is: behaviours × backends × operations it serves.
//!
//! The backends are those the gateway has, the operations those each backend says it serves: a backend without specimens
//! fails, and so does a served operation that ran nothing.

mod behaviours;
mod crmcom;
mod gentrack;
mod kraken;
mod specimens;
mod tmf678;
mod urjanet;

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::stage::Stage;

/// One operation of one backend, as a request.
#[derive(Clone, Debug)]
pub struct Specimen {
    /// The operation.
    pub operation: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path and query.
    pub path: String,
    /// Other paths that repeats take in turn, for steps that a record takes only once.
    pub others: &'static [&'static str],
    /// The status of a success.
    pub done: u16,
    /// The body, for writes. [`TURN`] in it becomes the number of the call, for what can be made once only.
    pub body: Option<Value>,
    /// The same request about a record that does not exist.
    pub missing: Option<String>,
    /// Of a search, the same with conditions that nothing meets.
    pub nothing: Option<(String, Option<Value>)>,
    /// Whether the answer is a list with pages.
    pub pages: bool,
    /// Whether a lost call must not be repeated.
    pub once: bool,
    /// Whether the system drops repeats, so that a lost call is repeated although it makes something new.
    pub dropped_repeats: bool,
    /// Whether the system answers nothing to a write, so that the answer is the gateway's own word for it.
    pub silent: bool,
    /// Where a call leaves nothing to repeat: what is read in its place to have a login and a connection.
    pub spends: Option<String>,
    /// The system's own name of the call that answers, for its counts.
    pub native: &'static str,
}

/// What stands in a body for the number of the call.
pub const TURN: &str = "{turn}";

impl Specimen {
    /// Path and body of the call with this number. The specimen's own path is the first call's, and the others follow in
    /// turn.
    pub fn turn(&self, turn: usize) -> (&str, Option<Value>) {
        let path = match (turn, self.others) {
            (0, _) | (_, []) => self.path.as_str(),
            (turn, others) => others[(turn - 1) % others.len()],
        };
        let body = self.body.as_ref().map(|body| {
            let written = body.to_string();
            if written.contains(TURN) {
                serde_json::from_str(&written.replace(TURN, &turn.to_string())).unwrap()
            } else {
                body.clone()
            }
        });
        (path, body)
    }
}

/// One request for every operation of a backend.
pub fn specimens_of(backend: &str) -> Vec<Specimen> {
    specimens::of(backend)
}

/// How many specimens are under way at once.
const AT_ONCE: usize = 4;

/// What ran, for the table at the end.
#[derive(Default)]
pub struct Ran {
    behaviours: BTreeMap<(&'static str, String), Vec<String>>,
    failed: Vec<String>,
}

impl Ran {
    fn note(&mut self, behaviour: &'static str, backend: &str, operation: &str, held: bool) {
        self.behaviours
            .entry((behaviour, backend.to_owned()))
            .or_default()
            .push(operation.to_owned());
        if !held {
            self.failed.push(format!("{behaviour}: {backend}, {operation}"));
        }
    }

    fn table(&self) -> String {
        let mut text = format!("{:55} {:14} operations\n", "behaviour", "backend");
        let mut total = 0;
        for ((behaviour, backend), operations) in &self.behaviours {
            total += operations.len();
            text.push_str(&format!("{behaviour:55} {backend:14} {}\n", operations.len()));
        }
        text.push_str(&format!("{total} behaviours run\n"));
        text
    }
}

/// Whether a backend has a login of its own, as it says itself after a call that worked. Where there is none, the credentials
/// go along with every call.
async fn logs_in(backend: &str, specimens: &[Specimen]) -> bool {
    let stage = Stage::open().await;
    let read = specimens.iter().find(|specimen| !specimen.once);
    let answer = stage.get(&read.expect("a read").path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let standing = stage.get(&format!("/v1/backends/{backend}")).await.json();
    assert_eq!(standing["data"]["standing"]["reachable"], true, "{standing}");
    !standing["data"]["standing"]["login"].is_null()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_backend_keeps_every_behaviour() {
    let stage = Stage::open().await;
    let capabilities = stage.get("/v1/capabilities").await;
    let mut ran = Ran::default();
    // While one backend is being worked on, `CONFORMANCE` may name it.
    let only = std::env::var("CONFORMANCE").ok();
    for backend in stage.backends().await {
        if only.as_ref().is_some_and(|only| *only != backend) {
            continue;
        }
        let served: Vec<String> = capabilities.json()["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| {
                row["backends"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|row| row["backend"] == backend.as_str())
            })
            .map(|row| row["operation"].as_str().unwrap().to_owned())
            .collect();
        assert!(!served.is_empty(), "{backend} serves nothing");
        let specimens = specimens::of(&backend);
        let logs_in = logs_in(&backend, &specimens).await;
        for operation in &served {
            assert!(
                specimens.iter().any(|specimen| specimen.operation == operation),
                "{backend} serves {operation} and has no specimen of it"
            );
        }
        for specimen in &specimens {
            assert!(
                served.iter().any(|operation| operation == specimen.operation),
                "{backend} no longer serves {}",
                specimen.operation
            );
        }
        for some in specimens.chunks(AT_ONCE) {
            let outcomes = join_all(some.iter().map(|specimen| behaviours::all(&backend, specimen, logs_in))).await;
            for (specimen, outcomes) in some.iter().zip(outcomes) {
                for (behaviour, held) in outcomes {
                    ran.note(behaviour, &backend, specimen.operation, held);
                }
            }
        }
    }
    crate::support::show("conformance", ran.table().trim_end());
    assert!(!ran.behaviours.is_empty(), "nothing ran: no backend is named {only:?}");
    assert!(
        ran.failed.is_empty(),
        "{} failed:\n{}",
        ran.failed.len(),
        ran.failed.join("\n")
    );
}
