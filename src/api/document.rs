//! The OpenAPI document: what the routes do not say of themselves is written in here, and the reference page that shows it.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use http::{HeaderValue, header};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{PathItem, Paths};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi, RefOr};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::filter;
use super::problem::{CODES, Problem};
use crate::model::meter::FlowDirection;
use crate::model::usage::Resolution;
use crate::operations::{Operation, Scope};

/// Writes what an operation's type says into the documentation of its routes: its name, what a caller must hold, whether it
/// may be sent again.
pub(super) fn declare<O: Operation>(paths: &mut Paths) {
    for item in paths.paths.values_mut() {
        for operation in operations(item) {
            operation.operation_id = Some(O::ID.to_owned());
            let stated = ExtensionsBuilder::new()
                .add("x-scope", O::SCOPE.as_str())
                .add("x-repeat", json!(O::REPEAT))
                .build();
            operation.extensions.get_or_insert_default().merge(stated);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut utoipa::openapi::path::Operation> {
    [
        item.get.as_mut(),
        item.put.as_mut(),
        item.post.as_mut(),
        item.delete.as_mut(),
        item.patch.as_mut(),
    ]
    .into_iter()
    .flatten()
}

/// The finished document of the calls and of what everybody may ask.
pub(super) fn finished(calls: OpenApi, own: OpenApi) -> OpenApi {
    let mut whole = calls;
    whole.merge(own);
    // A tree that the typed document cannot hold would be our bug; a test compares the two.
    // The typed document has no way to walk every schema; as a tree it is a few lines.
    let Ok(mut tree) = serde_json::to_value(&whole) else {
        return whole;
    };
    finish(&mut tree);
    serde_json::from_value(tree).unwrap_or(whole)
}

fn finish(document: &mut Value) {
    document["info"] = json!({
        "title": "Intertie",
        "version": env!("CARGO_PKG_VERSION"),
        "description": ABOUT,
        "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
    });
    document["servers"] = json!([{ "url": "/" }]);
    document["tags"] = json!([
        { "name": "Accounts", "description": "Accounts and what is owed on them." },
        { "name": "Bills", "description": "Bills, their documents, and the readings they were made from." },
        { "name": "Transactions", "description": "The entries of accounts' ledgers, and putting charges and credits there." },
        { "name": "Payments", "description": "Payments, how accounts pay, arrangements and refunds." },
        { "name": "Notes", "description": "What staff note on accounts." },
        { "name": "Service points", "description": "Points where energy or water is supplied or fed in." },
        { "name": "Meters", "description": "Meters and their registers." },
        { "name": "Readings", "description": "What registers showed, and handing new readings in." },
        { "name": "Usage", "description": "Use by interval." },
        { "name": "Parties", "description": "Customers, organisations and contacts, and how they hang together." },
        { "name": "Enrollment", "description": "Accounts of other companies: credentials, providers, candidates, changes." },
        { "name": "Native", "description": "The systems' own APIs, called through the gateway." },
        { "name": "Gateway", "description": "What the gateway itself knows: its backends and what they serve." },
        { "name": "Operations", "description": "What operators and tools ask of the process itself." },
    ]);
    add_components(document);
    name_rest(document);
    rename(document);
    let asked = schemas_of_bodies(document);
    finish_schemas(document, &asked);
    finish_operations(document);
}

const ABOUT: &str = "\
Ids say which backend and which record: `<backend>:<key>`. Money is decimal text with a currency, instants are RFC 3339 in \
UTC, periods are half-open. A fact that a system did not give is `null`: members are always there, except `native`, which is \
there with `include=native`. Every enumeration is open: a client must accept values that are not listed yet. Lists go page by \
page with opaque cursors; `Link` with `rel=\"next\"` says the same as `page.next_cursor`. Every answer that is not 2xx or 3xx \
is a problem document (RFC 9457), except a system's own refusal of a native call, which `Intertie-Native` marks.";

/// The schemas, headers, responses and ways to sign in that every operation shares.
fn add_components(document: &mut Value) {
    let mut collected = Vec::new();
    // What no route's own answers lead to: problems, and enumerations that only parameters use.
    collect::<Problem>(&mut collected);
    collect::<Resolution>(&mut collected);
    collect::<FlowDirection>(&mut collected);
    for (name, schema) in collected {
        document["components"]["schemas"][name] = json!(schema);
    }
    let components = &mut document["components"];
    components["securitySchemes"] = json!({
        "bearer": {
            "type": "http", "scheme": "bearer",
            "description": "An API key or an OAuth2 access token in the header `Authorization`.",
        },
        "api_key": {
            "type": "apiKey", "in": "header", "name": "X-Api-Key",
            "description": "An API key in a header of its own.",
        },
    });
    for (name, status) in PROBLEMS {
        let codes: Vec<String> = CODES
            .iter()
            .filter(|row| row.status.as_str() == status)
            .map(|row| format!("`{}`", row.code))
            .collect();
        let mut headers = json!({ "X-Request-Id": request_id_header() });
        if matches!(status, "502" | "503" | "504") {
            headers["Proxy-Status"] = json!({
                "description": "The failure beyond the gateway (RFC 9209).", "schema": { "type": "string" },
            });
        }
        if matches!(status, "429" | "503") {
            headers["Retry-After"] = json!({
                "description": "How many seconds to wait, if that is known.",
                "schema": { "type": "integer", "minimum": 0 },
            });
        }
        if status == "429" {
            headers["RateLimit"] = json!({
                "description": "What is left to the caller; in every answer to a caller whose requests are counted.",
                "schema": { "type": "string" }, "example": "\"caller\";r=0;t=1",
            });
            headers["RateLimit-Policy"] = json!({
                "description": "How many requests there are, and in how many seconds; wherever `RateLimit` is.",
                "schema": { "type": "string" }, "example": "\"caller\";q=200;w=2",
            });
        }
        if matches!(status, "401" | "403") {
            headers["WWW-Authenticate"] = json!({
                "description": "How to sign in, or which scope is missing (RFC 6750).", "schema": { "type": "string" },
            });
        }
        components["responses"][name] = json!({
            "description": if codes.is_empty() { "Any other failure.".to_owned() } else { format!("One of {}.", codes.join(", ")) },
            "headers": headers,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
        });
    }
}

fn collect<T: ToSchema>(collected: &mut Vec<(String, RefOr<Schema>)>) {
    T::schemas(collected);
    collected.push((T::name().into_owned(), T::schema()));
}

/// The problems an operation may answer with: the name of each shared response, and its status.
const PROBLEMS: [(&str, &str); 17] = [
    ("BadRequest", "400"),
    ("Unauthorized", "401"),
    ("Forbidden", "403"),
    ("NotFound", "404"),
    ("NotAcceptable", "406"),
    ("RequestTimeout", "408"),
    ("Conflict", "409"),
    ("ContentTooLarge", "413"),
    ("UnsupportedMediaType", "415"),
    ("UnprocessableContent", "422"),
    ("TooManyRequests", "429"),
    ("InternalServerError", "500"),
    ("NotImplemented", "501"),
    ("BadGateway", "502"),
    ("ServiceUnavailable", "503"),
    ("GatewayTimeout", "504"),
    ("OtherProblem", "default"),
];

/// Writes a parameter that takes the rest of a path, `{*path}` to the router, as the specification has parameters.
fn name_rest(document: &mut Value) {
    let Some(Value::Object(paths)) = document.get_mut("paths") else {
        return;
    };
    *paths = std::mem::take(paths)
        .into_iter()
        .map(|(path, item)| (path.replace("{*", "{"), item))
        .collect();
}

fn request_id_header() -> Value {
    json!({
        "description": "The request's identifier: the caller's own, or one made for it.",
        "schema": { "type": "string" },
    })
}

/// Gives the schemas of answers names that read well in generated clients: `BillAnswer`, `BillPage`, `AccountSearchPage`.
fn rename(document: &mut Value) {
    let new = |name: &str| -> Option<String> {
        let (shape, record) = name.split_once('_')?;
        let record = record.strip_suffix("Record").unwrap_or(record);
        let suffix = match shape {
            "One" => "Answer",
            "Many" => "Page",
            "Found" => "SearchPage",
            _ => return None,
        };
        Some(format!("{record}{suffix}"))
    };
    let whole = |name: &str| {
        new(name)
            .or_else(|| name.strip_suffix("Record").map(str::to_owned))
            .unwrap_or_else(|| match name {
                "PageOf" => "PageInfo".to_owned(),
                "FoundMeta" => "SearchMeta".to_owned(),
                "FoundSource" => "SearchSource".to_owned(),
                "FoundStatus" => "SearchSourceStatus".to_owned(),
                name => name.to_owned(),
            })
    };
    if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
        // A generic answer has its record written out inside; every record stands once, under its own name.
        for (name, schema) in schemas.iter_mut() {
            let place = match name.split_once('_') {
                Some(("One", _)) => "/properties/data",
                Some(("Many" | "Found", _)) => "/properties/data/items",
                _ => continue,
            };
            if let (Some((_, record)), Some(data)) = (name.split_once('_'), schema.pointer_mut(place)) {
                *data = json!({ "$ref": format!("#/components/schemas/{record}") });
            }
        }
        let mut named: Vec<(String, Value)> = std::mem::take(schemas)
            .into_iter()
            .map(|(name, schema)| (whole(&name), schema))
            .collect();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        schemas.extend(named);
    }
    visit(document, &mut |object| {
        if let Some(Value::String(reference)) = object.get_mut("$ref")
            && let Some(name) = reference.strip_prefix("#/components/schemas/")
        {
            *reference = format!("#/components/schemas/{}", whole(name));
        }
    });
}

/// Calls `change` for every object in the tree, the outer ones first.
fn visit(tree: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match tree {
        Value::Object(object) => {
            change(object);
            for value in object.values_mut() {
                visit(value, change);
            }
        }
        Value::Array(items) => {
            for item in items {
                visit(item, change);
            }
        }
        _ => {}
    }
}

/// The names of the schemas that bodies of requests are made of.
fn schemas_of_bodies(document: &Value) -> Vec<String> {
    fn references(tree: &Value, found: &mut Vec<String>) {
        match tree {
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get("$ref")
                    && let Some(name) = reference.strip_prefix("#/components/schemas/")
                {
                    found.push(name.to_owned());
                }
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for item in document["paths"].as_object().into_iter().flat_map(Map::values) {
        for operation in item.as_object().into_iter().flat_map(Map::values) {
            references(&operation["requestBody"], &mut found);
        }
    }
    let mut at = 0;
    while let Some(name) = found.get(at).cloned() {
        let mut inner = Vec::new();
        references(&document["components"]["schemas"][name.as_str()], &mut inner);
        inner.retain(|name| !found.contains(name));
        found.extend(inner);
        at += 1;
    }
    found
}

fn finish_schemas(document: &mut Value, asked: &[String]) {
    let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") else {
        return;
    };
    for (name, schema) in schemas {
        if name.as_str() == "Native" {
            schema["type"] = json!(["object", "array"]);
        }
        if schema.get("enum").is_some() {
            let said = schema
                .get("description")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            schema["description"] = json!(format!("{said} Values may be added: accept those you do not know.").trim());
            schema["x-extensible-enum"] = schema["enum"].clone();
        }
        let Some(Value::Object(properties)) = schema.get_mut("properties") else {
            continue;
        };
        if asked.contains(name) {
            // Read as `null` to say at which pointer it is missing.
            if let ("NewContact" | "NewCustomer" | "NewOrganisation", Some(named)) =
                (name.as_str(), properties.get_mut("name"))
            {
                *named = named["oneOf"][0].take();
                if let Some(required) = schema["required"].as_array_mut() {
                    required.push(json!("name"));
                }
            }
            schema["additionalProperties"] = json!(false);
            continue;
        }
        // Absent facts are `null`, never left out. `native` comes only when asked for; of a member at fault exactly one
        // name is given.
        let optional: &[&str] = match name.as_str() {
            "MemberProblem" => &["pointer", "parameter", "header"],
            _ => &["native"],
        };
        let keeps_native = name.as_str() == "Problem";
        let required: Vec<&String> = properties
            .keys()
            .filter(|member| keeps_native || !optional.contains(&member.as_str()))
            .collect();
        schema["required"] = json!(required);
    }
}

fn finish_operations(document: &mut Value) {
    let Some(Value::Object(paths)) = document.get_mut("paths") else {
        return;
    };
    for (path, item) in paths {
        let Value::Object(item) = item else { continue };
        for (method, operation) in item {
            let guarded = path.starts_with("/v1/") || path == "/metrics";
            let scope = match operation.get("x-scope").and_then(Value::as_str) {
                Some(scope) => Some(scope.to_owned()),
                None => (path == "/metrics").then(|| Scope::OpsRead.as_str().to_owned()),
            };
            if guarded {
                let scopes: Vec<_> = scope.into_iter().collect();
                operation["security"] = json!([{ "bearer": scopes }, { "api_key": scopes }]);
                add_headers(operation, path, method);
            } else {
                operation["security"] = json!([]);
            }
            if operation.get("parameters").is_some() {
                finish_parameters(operation);
            }
            if path.starts_with(NATIVE_PATHS) {
                document_native(operation, path, method);
            } else {
                document_answers(operation, path);
            }
            // The scope stands under `security` now. One extension is left: the typed document keeps several in no order.
            if let Value::Object(operation) = operation {
                operation.remove("x-scope");
            }
        }
    }
}

/// Says of parameters what their types do not: those that are left out are absent, never `null`, a list holds something, any
/// number is a limit, and points in time are days or instants.
fn finish_parameters(operation: &mut Value) {
    for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
        if let Some(Value::Array(types)) = parameter.pointer_mut("/schema/type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                parameter["schema"]["type"] = only.clone();
            }
        }
        let (name, schema) = (parameter["name"].clone(), &mut parameter["schema"]);
        if schema["type"] == "array" {
            schema["minItems"] = json!(1);
        }
        match name.as_str() {
            // A limit beyond every integer is still only a large one.
            Some("limit") => schema.as_object_mut().map(|schema| schema.remove("format")),
            Some("from" | "to" | "since") if *schema == json!({ "type": "string" }) => {
                *schema = json!(filter::day_or_instant());
                None
            }
            _ => None,
        };
    }
}

fn add_headers(operation: &mut Value, path: &str, method: &str) {
    let mut headers = vec![
        json!({
            "name": "X-Request-Id", "in": "header", "required": false,
            "description": "The caller's own identifier of the request, 1 to 128 visible ASCII characters; returned, logged, and made here if absent or anything else.",
            "schema": { "type": "string" },
        }),
        json!({
            "name": "traceparent", "in": "header", "required": false,
            "description": "W3C Trace Context; passed on to the system, and made here if absent.",
            "schema": { "type": "string" },
        }),
    ];
    if path.starts_with("/v1/") && operation.get("x-scope").is_some() {
        headers.push(json!({
            "name": "Request-Timeout-Ms", "in": "header", "required": false,
            "description": "How long the caller waits for the whole call, in milliseconds; more than the gateway allows is cut to that.",
            "schema": { "type": "integer", "minimum": 1 },
        }));
    }
    if method == "post" {
        headers.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "The caller's name for this write; passed on to systems that know such a thing.",
            "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" },
        }));
    }
    if tagged(operation) {
        headers.push(json!({
            "name": "If-None-Match", "in": "header", "required": false,
            "description": "The `ETag` of an earlier answer; if the record is still the same, the answer is 304 without a body.",
            "schema": { "type": "string" },
        }));
    }
    match operation.get_mut("parameters") {
        Some(Value::Array(parameters)) => parameters.extend(headers),
        _ => operation["parameters"] = Value::Array(headers),
    }
}

/// Whether an operation reads one record, and so answers with an entity tag.
fn tagged(operation: &Value) -> bool {
    let reads = operation["x-repeat"] == "READ";
    let schema = operation
        .pointer("/responses/200/content/application~1json/schema/$ref")
        .and_then(Value::as_str);
    reads && operation.get("requestBody").is_none() && schema.is_none_or(|name| name.ends_with("Answer"))
}

const NATIVE_PATHS: &str = "/v1/backends/{backend}/";

/// Writes what the systems' own calls have in common: whatever the system answers, or a problem document.
fn document_native(operation: &mut Value, path: &str, method: &str) {
    let any = json!({ "*/*": {} });
    let graphql = path.ends_with("/graphql");
    if !graphql {
        operation["operationId"] = json!(format!("native.raw.{method}"));
        if method == "get" {
            operation["x-repeat"] = json!("READ");
        } else {
            operation["requestBody"] = json!({ "description": "Whatever the system takes.", "content": any });
        }
    }
    let answer = |description: &str, content: Value| {
        json!({
            "description": description,
            "headers": {
                "X-Request-Id": request_id_header(),
                "Intertie-Native": {
                    "description": "The backend whose system answered; absent from problem documents of the gateway.",
                    "schema": { "type": "string" },
                },
            },
            "content": content,
        })
    };
    let problem = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    let mut refused = if graphql {
        json!({ "application/json": { "schema": { "type": "object" } } })
    } else {
        any.clone()
    };
    refused["application/problem+json"] = problem;
    let refused = |what: &str| {
        let description = format!("{what}, with `Intertie-Native`; or the gateway's problem document, without.");
        answer(&description, refused.clone())
    };
    let mut responses = Map::new();
    if graphql {
        let content = json!({ "application/json": { "schema": {
            "type": "object",
            "description": "`data`, `errors` and `extensions` as the system gave them.",
        } } });
        responses.insert("200".to_owned(), answer("What the system answered.", content));
        responses.insert("4XX".to_owned(), refused("The system's own refusal of the document"));
    } else {
        responses.insert("2XX".to_owned(), answer("What the system answered.", any));
        let mut unchanged = answer(
            "The system's own answer to `If-None-Match` or `If-Modified-Since`.",
            json!(null),
        );
        if let Value::Object(unchanged) = &mut unchanged {
            unchanged.remove("content");
        }
        responses.insert("304".to_owned(), unchanged);
        responses.insert("4XX".to_owned(), refused("The system's own refusal of the call"));
        responses.insert("501".to_owned(), refused("The system does not know the call"));
    }
    for (name, status) in PROBLEMS {
        let only_problems =
            matches!(status, "429" | "500" | "502" | "503" | "504" | "default") || (graphql && status == "501");
        if only_problems {
            let reference = json!({ "$ref": format!("#/components/responses/{name}") });
            responses.insert(status.to_owned(), reference);
        }
    }
    operation["responses"] = Value::Object(responses);
}

fn document_answers(operation: &mut Value, path: &str) {
    let tagged = tagged(operation);
    let bodied = operation.get("requestBody").is_some();
    let writes = operation.get("x-repeat").is_some_and(|repeat| repeat != "READ");
    let paged = operation
        .pointer("/responses/200/content/application~1json/schema/$ref")
        .and_then(Value::as_str)
        .is_some_and(|name| name.ends_with("Page"))
        && operation.get("x-scope").is_some();
    let Some(Value::Object(responses)) = operation.get_mut("responses") else {
        return;
    };
    for answer in responses.values_mut() {
        // Beside those that the operation itself names.
        answer["headers"]["X-Request-Id"] = request_id_header();
        if tagged {
            answer["headers"]["ETag"] = etag_header();
        }
        if paged {
            answer["headers"]["Link"] = json!({
                "description": "The address of the next page, with `rel=\"next\"`; absent on the last.",
                "schema": { "type": "string" },
            });
        }
        if path.ends_with("/document") {
            answer["headers"]["Content-Disposition"] = json!({
                "description": "`attachment`, with a safe file name.", "schema": { "type": "string" },
            });
        }
    }
    if tagged {
        let answer = json!({
            "description": "The record is still the one that `If-None-Match` names.",
            "headers": { "ETag": etag_header(), "X-Request-Id": request_id_header() },
        });
        responses.insert("304".to_owned(), answer);
    }
    let call = path.starts_with("/v1/");
    let record = path.contains('{');
    for (name, status) in PROBLEMS {
        let fits = match status {
            "default" => true,
            "400" | "401" | "429" => call,
            "403" => call || path == "/metrics",
            "404" => record || leads_to_a_system(path),
            "406" => path.ends_with("/document"),
            "408" | "413" | "415" | "422" => bodied,
            "409" => writes && !path.ends_with("/validate"),
            "503" => (call && leads_to_a_system(path)) || path == "/readyz",
            "500" => call,
            _ => call && leads_to_a_system(path),
        };
        let fits = fits || (matches!(status, "401" | "429") && path == "/metrics");
        if fits {
            responses.insert(
                status.to_owned(),
                json!({ "$ref": format!("#/components/responses/{name}") }),
            );
        }
    }
}

/// Whether a path leads to a system: the gateway's own do not.
fn leads_to_a_system(path: &str) -> bool {
    path.starts_with("/v1/") && !path.starts_with("/v1/backends") && path != "/v1/capabilities"
}

fn etag_header() -> Value {
    json!({ "description": "A hash of the record, for `If-None-Match`.", "schema": { "type": "string" } })
}

/// What the reference page may load: its own files, nothing from anywhere else. Its library writes inline styles.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The reference page, served from the binary.
pub(super) fn page() -> Router {
    let config = Config::from("/openapi.json")
        .validator_url("none")
        .display_operation_id(true)
        .try_it_out_enabled(true)
        .deep_linking(true);
    Router::from(SwaggerUi::new("/docs").config(config)).layer(from_fn(async |request: Request, next: Next| {
        let mut response = next.run(request).await;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use utoipa_axum::router::OpenApiRouter;

    use crate::api::{calls, openapi, own};

    #[test]
    fn the_typed_document_holds_everything_that_was_written_into_the_tree() {
        let whole = own(calls(OpenApiRouter::new())).into_openapi();
        let mut tree = serde_json::to_value(&whole).unwrap();
        finish(&mut tree);
        let typed = serde_json::to_value(openapi()).unwrap();
        assert_eq!(typed, tree);
    }

    #[test]
    fn every_operation_says_its_scope_or_that_it_needs_none() {
        let document = serde_json::to_value(openapi()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let security = operation["security"].as_array().unwrap();
                let scopes = security.first().map(|way| way["bearer"].as_array().unwrap());
                let own = operation["tags"][0] == "Gateway";
                match (operation.get("x-repeat"), scopes) {
                    (Some(_), Some(scopes)) => assert_eq!(scopes.len(), 1, "{method} {path}"),
                    (None, Some(scopes)) if own => assert!(scopes.is_empty(), "{method} {path}"),
                    (None, Some(scopes)) => assert_eq!((path.as_str(), &scopes[0]), ("/metrics", &json!("ops:read"))),
                    (None, None) => assert!(!path.starts_with("/v1/"), "{method} {path}"),
                    (Some(_), None) => panic!("{method} {path} is open to everybody"),
                }
                assert!(
                    operation["operationId"].as_str().unwrap().contains('.'),
                    "{method} {path}"
                );
            }
        }
    }
}
