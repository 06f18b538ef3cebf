//! The published document: what the program generates, checked in, and valid.

use std::error::Error;

use jsonschema::{Retrieve, Uri};
use serde_json::{Value, json};

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
    assert!(
        before == now,
        "openapi/intertie.json is out of date; UPDATE=1 cargo test rewrites it"
    );
}

/// The schemas of OpenAPI 3.1 by their addresses; nothing is fetched.
struct Specification;

impl Retrieve for Specification {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let text = match uri.as_str() {
            "https://spec.openapis.org/oas/3.1/schema/2022-10-07" => include_str!("fixtures/openapi/schema-3.1.json"),
            "https://spec.openapis.org/oas/3.1/dialect/base" => include_str!("fixtures/openapi/dialect-3.1.json"),
            "https://spec.openapis.org/oas/3.1/meta/base" => include_str!("fixtures/openapi/vocabulary-3.1.json"),
            other => return Err(format!("{other} is not among the fixtures").into()),
        };
        Ok(serde_json::from_str(text)?)
    }
}

fn specification() -> jsonschema::Validator {
    // The specification leaves schema objects open; this is how it says to close them with its own dialect.
    let schema = json!({
        "$id": "https://spec.openapis.org/oas/3.1/schema-base/2022-10-07",
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": "https://spec.openapis.org/oas/3.1/schema/2022-10-07",
        "$defs": {
            "schema": { "$dynamicAnchor": "meta", "$ref": "https://spec.openapis.org/oas/3.1/dialect/base" }
        }
    });
    jsonschema::options()
        .with_retriever(Specification)
        .build(&schema)
        .unwrap()
}

#[test]
fn the_document_is_valid_openapi() {
    let faults: Vec<String> = specification()
        .iter_errors(&DOCUMENT)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_specification_refuses_what_is_wrong() {
    let specification = specification();
    for (pointer, wrong) in [
        ("/paths/~1livez/get/responses/200/description", json!(7)),
        ("/components/schemas/Money/type", json!("money")),
        ("/info", json!({})),
    ] {
        let mut document = DOCUMENT.clone();
        *document.pointer_mut(pointer).unwrap() = wrong;
        assert!(!specification.is_valid(&document), "{pointer}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_id_stands_once() {
    fn walk(tree: &Value, visit: &mut impl FnMut(&str, &Value)) {
        match tree {
            Value::Object(object) => {
                for (name, value) in object {
                    visit(name, value);
                    walk(value, visit);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
            _ => {}
        }
    }
    let mut ids = Vec::new();
    walk(&DOCUMENT, &mut |name, value| match (name, value) {
        ("$ref", Value::String(reference)) => {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(DOCUMENT.pointer(pointer).is_some(), "{reference}");
        }
        ("operationId", Value::String(id)) => ids.push(id.clone()),
        _ => {}
    });
    let known = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), known);
    assert!(known > 20);
}

#[test]
fn every_member_of_an_answer_is_always_there() {
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        if schema["additionalProperties"] == json!(false) || name == "MemberProblem" {
            continue;
        }
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
        for member in schema["properties"]
            .as_object()
            .into_iter()
            .flat_map(serde_json::Map::keys)
        {
            let optional = member == "native" && name != "Problem";
            assert_eq!(required.contains(&&json!(member)), !optional, "{name}.{member}");
        }
    }
}

/// Two types of one name would share one schema, and one of them would be documented as the other.
#[test]
fn no_two_types_share_a_schema() {
    fn files(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut sources = Vec::new();
    files(
        &std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut sources,
    );
    let mut names = std::collections::BTreeSet::new();
    for source in &sources {
        for declared in source.match_indices("ToSchema)]").map(|(at, _)| &source[at..]) {
            let declared = declared.split(['{', ';']).next().unwrap();
            let renamed = declared
                .split_once("schema(as = ")
                .map(|(_, rest)| rest.split([')', ',']).next().unwrap());
            let plain = declared
                .split_whitespace()
                .skip_while(|word| !matches!(*word, "struct" | "enum"))
                .nth(1);
            // A macro's record has no name of its own here.
            let Some(name) = renamed.or(plain).filter(|name| !name.starts_with('$')) else {
                continue;
            };
            assert!(names.insert(name.to_owned()), "two types are documented as {name}");
        }
    }
    assert!(names.len() > 50, "{names:?}");
}
