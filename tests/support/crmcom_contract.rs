//! Checks an exchange against the reconstructed contract of CRM.COM's Web API.

use std::collections::HashMap;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonschema::{Draft, Validator};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::exchange::Exchange;

/// The contract with the schemas of its bodies compiled.
struct Contract {
    document: Value,
    /// By operationId.
    requests: HashMap<String, Validator>,
    answers: HashMap<String, Validator>,
}

/// Checks request and answer.
pub fn check(exchange: &Exchange) -> Result<(), String> {
    check_request(exchange)?;
    check_answer(exchange)
}

/// Checks the request: path, method, query or body, and where the credentials are.
pub fn check_request(exchange: &Exchange) -> Result<(), String> {
    let (path, query) = exchange.target.split_once('?').unwrap_or((&exchange.target, ""));
    let operation = operation(&exchange.method, path)?;
    let id = id(operation);
    let authorization = header(&exchange.request_headers, "authorization");
    if id == "loginWithWebApiKey" {
        check_key(authorization)?;
    } else if authorization.is_some() {
        return Err("the token is a field and no header".to_owned());
    }
    if exchange.method == "GET" {
        if !exchange.request_body.is_empty() {
            return Err("a GET takes no body".to_owned());
        }
        return check_query(operation, query);
    }
    if !query.is_empty() {
        return Err("a POST takes no query".to_owned());
    }
    if id == "loginWithWebApiKey" && exchange.request_body.is_empty() {
        return Ok(());
    }
    if media_type(&exchange.request_headers) != "application/json" {
        return Err("a POST takes JSON".to_owned());
    }
    let body = parse(&exchange.request_body)?;
    check_fields(body.get("fields_set").and_then(Value::as_str))?;
    check_request_body(id, &body)
}

/// Checks a body against what the call takes.
pub fn check_request_body(operation: &str, body: &Value) -> Result<(), String> {
    let validator = contract().requests.get(operation).ok_or("the call takes no body")?;
    valid(validator, body)
}

/// Checks the answer to the request. Of an answer other than 200 nothing is documented: it may be a proxy's page.
pub fn check_answer(exchange: &Exchange) -> Result<(), String> {
    let path = exchange.target.split('?').next().unwrap_or_default();
    let operation = operation(&exchange.method, path)?;
    if exchange.status != 200 {
        return Ok(());
    }
    if media_type(&exchange.response_headers) != "application/json" {
        return Err("a 200 is JSON".to_owned());
    }
    check_answer_body(id(operation), parse(&exchange.response_body)?)
}

/// Checks the body of a 200. A state of an account that is none of those listed passes, as the contract's own
/// description wants unknown values not to break a reader.
pub fn check_answer_body(operation: &str, mut body: Value) -> Result<(), String> {
    let known = |record: &mut Value| {
        if record.get("life_cycle_state").is_some_and(Value::is_string) {
            record["life_cycle_state"] = json!("ACTIVE");
        }
    };
    match body.get_mut("data") {
        Some(Value::Array(records)) => records.iter_mut().for_each(known),
        Some(record) => known(record),
        None => {}
    }
    let validator = contract().answers.get(operation).ok_or("no such call")?;
    valid(validator, &body)
}

/// The contract's list of its examples.
pub fn examples() -> Vec<Value> {
    let index: Value = serde_json::from_str(include_str!("../fixtures/crmcom/examples-index.json")).unwrap();
    index["examples"].as_array().unwrap().clone()
}

/// Answers method, path and operationId of every call.
pub fn operations() -> Vec<(String, String, String)> {
    let mut operations = Vec::new();
    for (path, item) in contract().document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((method.to_uppercase(), path.clone(), id(operation).to_owned()));
        }
    }
    operations
}

fn contract() -> &'static Contract {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let document: Value = yaml_serde::from_str(include_str!("../fixtures/crmcom/openapi.yaml")).unwrap();
        let (mut requests, mut answers) = (HashMap::new(), HashMap::new());
        for operation in document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|item| item.as_object().unwrap().values())
        {
            let schema = |place: &Value| place.pointer("/content/application~1json/schema").cloned();
            if let Some(schema) = schema(&operation["requestBody"]) {
                requests.insert(id(operation).to_owned(), compile(&document, &schema));
            }
            if let Some(schema) = schema(&operation["responses"]["200"]) {
                answers.insert(id(operation).to_owned(), compile(&document, &schema));
            }
        }
        Contract {
            document,
            requests,
            answers,
        }
    })
}

fn compile(document: &Value, schema: &Value) -> Validator {
    let root = json!({ "components": { "schemas": document["components"]["schemas"] }, "allOf": [schema] });
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .build(&root)
        .unwrap()
}

fn id(operation: &Value) -> &str {
    operation["operationId"].as_str().unwrap()
}

/// Finds the call for a method and a path, whatever stands before the API's own path.
fn operation(method: &str, path: &str) -> Result<&'static Value, String> {
    let inner = path.split_once("/crmapi/rest/v2").map_or(path, |(_, inner)| inner);
    let item = contract().document["paths"]
        .get(inner)
        .ok_or_else(|| format!("{inner} is no path of the contract"))?;
    item.get(method.to_lowercase())
        .ok_or_else(|| format!("{method} is not documented for {inner}"))
}

fn check_query(operation: &Value, query: &str) -> Result<(), String> {
    let mut seen = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if value.contains('=') {
            return Err(format!("the inner = of {name} is to be encoded"));
        }
        let value = percent_decode_str(value)
            .decode_utf8()
            .map_err(|error| error.to_string())?;
        if seen.insert(name.to_owned(), json!(value)).is_some() {
            return Err(format!("{name} is sent twice"));
        }
    }
    check_fields(seen.get("fields_set").and_then(Value::as_str))?;
    let selectors = seen
        .keys()
        .filter(|name| !matches!(name.as_str(), "token" | "fields_set"));
    if id(operation) == "listAccountsReceivable" && selectors.count() != 1 {
        return Err("a list takes exactly one selector".to_owned());
    }
    for parameter in operation["parameters"].as_array().unwrap() {
        let parameter = match parameter.get("$ref").and_then(Value::as_str) {
            Some(reference) => contract().document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => parameter,
        };
        let name = parameter["name"].as_str().unwrap();
        let Some(text) = seen.remove(name) else {
            if parameter["required"] == true {
                return Err(format!("{name} is required"));
            }
            continue;
        };
        let value = match parameter["schema"]["type"].as_str() {
            Some("integer") => parse(text.as_str().unwrap().as_bytes())?,
            _ => text,
        };
        valid(&compile(&contract().document, &parameter["schema"]), &value)
            .map_err(|error| format!("{name}: {error}"))?;
    }
    match seen.keys().next() {
        Some(name) => Err(format!("{name} is no parameter of the call")),
        None => Ok(()),
    }
}

/// Checks that the fields asked for are fields an account or a member has.
fn check_fields(set: Option<&str>) -> Result<(), String> {
    let schemas = &contract().document["components"]["schemas"];
    let known = |name: &str| {
        ["AccountsReceivable", "MemberAccount"]
            .iter()
            .any(|schema| schemas[schema]["properties"].get(name).is_some())
    };
    match set.into_iter().flat_map(|set| set.split(',')).find(|name| !known(name)) {
        Some(name) => Err(format!("fields_set: there is no field {name:?}")),
        None => Ok(()),
    }
}

fn check_key(authorization: Option<&str>) -> Result<(), String> {
    let coded = authorization
        .and_then(|text| text.strip_prefix("Basic "))
        .ok_or("there is no Basic authorization")?;
    let pair = STANDARD.decode(coded).map_err(|error| error.to_string())?;
    if pair.len() > 1 && pair.last() == Some(&b':') {
        Ok(())
    } else {
        Err("the key is the user name, and the password is empty".to_owned())
    }
}

fn valid(validator: &Validator, value: &Value) -> Result<(), String> {
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors.join("; "))
    }
}

fn parse(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))
}

fn header<'a>(headers: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(name, _)| name == wanted)
        .map(|(_, value)| value.as_str())
}

fn media_type(headers: &[(String, String)]) -> String {
    let kind = header(headers, "content-type").unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_lowercase()
}
