//! Checks answers against the published document.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Value, json};

/// The document as it is checked in.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/intertie.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
});

/// Validators by where their schema stands in the document.
static COMPILED: LazyLock<Mutex<HashMap<String, &'static Validator>>> = LazyLock::new(Mutex::default);

/// Follows a local reference, if there is one.
fn followed(pointer: String) -> String {
    match DOCUMENT.pointer(&pointer).and_then(|value| value["$ref"].as_str()) {
        Some(reference) => reference.trim_start_matches('#').to_owned(),
        None => pointer,
    }
}

fn escaped(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

/// Compiles the schema at a place in the document. Its references lead into the whole document.
fn validator(pointer: &str) -> &'static Validator {
    let mut compiled = COMPILED.lock().unwrap();
    compiled.entry(pointer.to_owned()).or_insert_with(|| {
        // OpenAPI 3.1 schemas are JSON Schema 2020-12; the document's own members are no keywords of it and do not matter.
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#{}", pointer.replace('{', "%7B").replace('}', "%7D")),
            "paths": DOCUMENT["paths"],
            "components": DOCUMENT["components"],
        });
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        Box::leak(Box::new(validator))
    })
}

/// The route a path belongs to, as declared; `none` if there is none.
pub fn route_of(path: &str) -> String {
    let segments: Vec<_> = path.split('/').collect();
    let fits = |route: &str| {
        let declared: Vec<_> = route.split('/').collect();
        declared.len() == segments.len()
            && declared
                .iter()
                .zip(&segments)
                .all(|(declared, segment)| declared == segment || (declared.starts_with('{') && !segment.is_empty()))
    };
    if segments.len() > 5 && segments[..3] == ["", "v1", "backends"] && segments[4] == "raw" {
        return "/v1/backends/{backend}/raw/{path}".to_owned();
    }
    // A route without a parameter goes before one with.
    let mut routes: Vec<_> = DOCUMENT["paths"].as_object().unwrap().keys().collect();
    routes.sort_by_key(|route| route.matches('{').count());
    routes
        .into_iter()
        .find(|route| fits(route))
        .map_or_else(|| "none".to_owned(), Clone::clone)
}

/// Checks one answer against what the document says of its route and status.
///
/// `route` is the path as declared, such as `/v1/bills/{bill}`; `none` where no route matched.
pub fn check_answer(method: &str, route: &str, status: u16, content_type: &str, body: &[u8]) -> Result<(), String> {
    if method == "HEAD" {
        // What GET is documented to answer, without the body.
        return if body.is_empty() {
            Ok(())
        } else {
            Err(format!("HEAD {route} has a body"))
        };
    }
    let media = content_type.split(';').next().unwrap_or_default().trim();
    let answer = if DOCUMENT["paths"][route][method.to_ascii_lowercase()].is_object() {
        let answers = format!("/paths/{}/{}/responses", escaped(route), method.to_ascii_lowercase());
        let known = DOCUMENT.pointer(&answers).unwrap();
        let range = format!("{}XX", status / 100);
        let status = [status.to_string(), range]
            .into_iter()
            .find(|status| known.get(status).is_some())
            .unwrap_or_else(|| "default".to_owned());
        followed(format!("{answers}/{status}"))
    } else {
        "/components/responses/OtherProblem".to_owned()
    };
    let told = DOCUMENT
        .pointer(&answer)
        .ok_or_else(|| format!("{method} {route}: {status} is not documented"))?;
    let Some(content) = told.get("content") else {
        return if body.is_empty() {
            Ok(())
        } else {
            Err(format!("{method} {route}: {status} has a body, and none is documented"))
        };
    };
    if content.get(media).is_none() {
        if content.get("*/*").is_some() {
            return Ok(());
        }
        return Err(format!(
            "{method} {route}: {status} is `{media}`, which is not documented"
        ));
    }
    if !media.ends_with("json") {
        return Ok(());
    }
    let body: Value =
        serde_json::from_slice(body).map_err(|error| format!("{method} {route}: {status} is not JSON: {error}"))?;
    let validator = validator(&format!("{answer}/content/{}/schema", escaped(media)));
    let faults: Vec<String> = validator
        .iter_errors(&body)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{method} {route}: {status} does not fit the document: {}",
            faults.join("; ")
        ))
    }
}
