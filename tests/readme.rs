//! What the README says is what the program does.

use serde_json::Value;

use crate::support::stage::Stage;

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
    let stage = Stage::open().await;
    let backends = stage.backends().await;
    let mut table = String::from("| operation |");
    for backend in &backends {
        table += &format!(" {} |", backend.split('-').next().unwrap());
    }
    table += &format!("\n|---|{}\n", ":-:|".repeat(backends.len()));
    for row in stage.get("/v1/capabilities").await.json()["data"].as_array().unwrap() {
        table += &format!("| `{}` |", row["operation"].as_str().unwrap());
        for backend in &backends {
            let served = row["backends"]
                .as_array()
                .unwrap()
                .iter()
                .any(|one| one["backend"] == backend.as_str());
            table += if served { " ● |" } else { " |" };
        }
        table.push('\n');
    }
    let readme = std::fs::read_to_string(README).unwrap();
    let (before, rest) = readme.split_once("<!-- capabilities -->\n").unwrap();
    let (printed, after) = rest.split_once("<!-- /capabilities -->").unwrap();
    if std::env::var_os("UPDATE").is_some() {
        let whole = format!("{before}<!-- capabilities -->\n{table}<!-- /capabilities -->{after}");
        std::fs::write(README, whole).unwrap();
    } else {
        assert_eq!(printed, table, "UPDATE=1 cargo test readme rewrites it");
    }
}
