//! What the README says is what the program does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use intertie::backends;
use intertie::telemetry::{METRICS, Metric};
use intertie::upstream::tokens;
use serde_json::Value;

use crate::support::stage::Stage;
use crate::support::watch;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

/// The paths of the README's calls, each with the answer printed below it.
fn calls(readme: &str) -> Vec<(String, Value)> {
    let mut calls = Vec::new();
    for part in readme.split("```sh\ncurl -s 'http://127.0.0.1:8080").skip(1) {
        let (path, rest) = part.split_once('\'').unwrap();
        let answer = rest.split_once("```json\n").unwrap().1.split_once("```").unwrap().0;
        calls.push((path.to_owned(), serde_json::from_str(answer).unwrap()));
    }
    calls
}

/// Takes out what differs from call to call.
fn settled(mut answer: Value) -> Value {
    for member in ["request_id", "trace_id"] {
        answer.as_object_mut().unwrap().remove(member);
    }
    if let Some(meta) = answer["meta"].as_object_mut() {
        meta.remove("request_id");
        meta.remove("as_of");
    }
    if answer["page"]["next_cursor"].is_string() {
        answer["page"]["next_cursor"] = "…".into();
    }
    answer
}

#[tokio::test]
async fn the_calls_of_the_readme_have_the_answers_it_prints() {
    let stage = Stage::open().await;
    let readme = std::fs::read_to_string(README).unwrap();
    let calls = calls(&readme);
    assert_eq!(calls.len(), 5);
    for (path, printed) in calls {
        assert_eq!(settled(stage.get(&path).await.json()), settled(printed), "{path}");
    }
}

#[tokio::test]
async fn the_table_of_the_readme_is_what_the_code_serves() {
    watch::on();
    let sandbox = intertie::app::sandbox("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let tokens = Arc::new(tokens::Cache::default());
    let mut kinds = Vec::new();
    let mut rows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for backend in sandbox.plan.backends {
        let backend = backends::connect(backend.name, backend.config, Arc::clone(&tokens)).unwrap();
        kinds.push(backend.kind());
        for capability in backend.capabilities() {
            rows.entry(capability.operation).or_default().insert(backend.kind());
        }
    }
    let mut table = format!(
        "| operation | {} |\n|---|{}\n",
        kinds.join(" | "),
        ":-:|".repeat(kinds.len())
    );
    for (operation, by) in rows {
        table += &format!("| `{operation}` |");
        for kind in &kinds {
            table += if by.contains(kind) { " ● |" } else { " |" };
        }
        table.push('\n');
    }
    holds("capabilities", &table);
}

#[test]
fn the_metrics_of_the_readme_are_those_there_are() {
    let mut table = "| metric | kind | labels | what it says |\n|---|---|---|---|\n".to_owned();
    for Metric {
        name,
        kind,
        labels,
        help,
    } in METRICS
    {
        table += &format!("| `{name}` | {kind} | `{}` | {help} |\n", labels.join("`, `"));
    }
    holds("metrics", &table);
}

/// A table of the README, between its two marks, is this one; with `UPDATE` set it is made so.
fn holds(mark: &str, table: &str) {
    let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
    let readme = std::fs::read_to_string(README).unwrap();
    let (before, rest) = readme.split_once(&begin).unwrap();
    let (printed, after) = rest.split_once(&end).unwrap();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(README, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        assert_eq!(printed, table, "UPDATE=1 cargo test readme rewrites it");
    }
}
