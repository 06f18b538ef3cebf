//! The published document: what the program generates, checked in, and valid.

use serde_json::Value;

use crate::support::openapi::DOCUMENT;

fn generated() -> String {
    let mut text = intertie::api::openapi().to_pretty_json().unwrap();
    text.push('\n');
    text
}

#[test]
fn the_checked_in_document_is_what_the_program_generates() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/intertie.json");
    let now = generated();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &now).unwrap();
        return;
    }
    let before = std::fs::read_to_string(path).unwrap_or_default();
    assert!(before == now, "openapi/intertie.json is out of date; UPDATE=1 cargo test rewrites it");
}
