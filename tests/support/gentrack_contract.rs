//! Checks an exchange against the reconstructed contract of Gentrack.

use std::collections::HashMap;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonschema::{Draft, Validator};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::exchange::Exchange;

/// The contract with its schemas compiled.
struct Contract {
    document: Value,
    /// By the text of the schema.
    validators: HashMap<String, Validator>,
}

/// Checks request and answer.
pub fn check(exchange: &Exchange) -> Result<(), String> {
    check_request(exchange)?;
    check_answer(exchange)
}

/// Checks the request: path, method, query, headers and body.
pub fn check_request(exchange: &Exchange) -> Result<(), String> {
    let contract = contract();
    let (path, query) = exchange.target.split_once('?').unwrap_or((&exchange.target, ""));
    if is_token(path) {
        return check_token_request(exchange, query);
    }
    let (operation, parameters) = contract.operation(&exchange.method, path)?;
    check_query(contract, &parameters, query)?;
    check_headers(contract, exchange, operation, &parameters)?;
    check_request_body(contract, exchange, operation)
}

/// Checks the answer to the request: status, content type and body.
pub fn check_answer(exchange: &Exchange) -> Result<(), String> {
    let contract = contract();
    let path = exchange.target.split('?').next().unwrap_or_default();
    if is_token(path) {
        let kind = if exchange.status == 200 { "response" } else { "error" };
        media_type_is(exchange, "application/json")?;
        return contract.validate(
            &contract.document["x-token-endpoint"][kind],
            &parse(&exchange.response_body)?,
        );
    }
    let (operation, _) = contract.operation(&exchange.method, path)?;
    let responses = &operation["responses"];
    let status = exchange.status.to_string();
    let range = format!("{}XX", exchange.status / 100);
    let response = [status.as_str(), &range, "default"]
        .into_iter()
        .find_map(|key| responses.get(key))
        .map(|response| contract.resolve(response))
        .ok_or_else(|| format!("{status} is not documented for {}", operation["operationId"]))?;
    let Some(content) = response.get("content").and_then(Value::as_object) else {
        let empty = exchange.response_body.is_empty();
        return if empty {
            Ok(())
        } else {
            Err(format!("{status} is documented without a body"))
        };
    };
    let kind = media_type(&exchange.response_headers).ok_or("the answer has no content type")?;
    let media = content
        .get(&kind)
        .ok_or_else(|| format!("{kind} is not documented for {status}"))?;
    match kind.as_str() {
        "application/json" => contract.validate(&media["schema"], &parse(&exchange.response_body)?),
        "application/pdf" => is_pdf(&exchange.response_body),
        "text/plain" => {
            let coded = exchange.response_body.trim_ascii();
            is_pdf(
                &STANDARD
                    .decode(coded)
                    .map_err(|error| format!("the text is not base64: {error}"))?,
            )
        }
        other => Err(format!("nothing here can check {other}")),
    }
}

/// Answers every example the contract links to, with the schema it belongs to.
pub fn linked_examples() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    collect(&contract().document, &mut found);
    let token = &contract().document["x-token-endpoint"];
    for kind in ["response", "error"] {
        found.push((
            token["examples"][kind].as_str().unwrap().to_owned(),
            token[kind].clone(),
        ));
    }
    found
}

/// Checks a value against a schema as the contract writes it.
pub fn check_against(schema: &Value, value: &Value) -> Result<(), String> {
    contract().validate(schema, value)
}

/// Answers the operationId of the call that an exchange is one of; `None` for a login.
pub fn operation_of(exchange: &Exchange) -> Option<String> {
    let path = exchange.target.split('?').next().unwrap_or_default();
    let (operation, _) = contract().operation(&exchange.method, path).ok()?;
    operation["operationId"].as_str().map(str::to_owned)
}

/// Answers method, path template and operationId of every call.
pub fn operations() -> Vec<(String, String, String)> {
    let paths = contract().document["paths"].as_object().unwrap();
    let mut operations = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            if let Some(id) = operation.get("operationId").and_then(Value::as_str) {
                operations.push((method.to_uppercase(), path.clone(), id.to_owned()));
            }
        }
    }
    operations
}

fn contract() -> &'static Contract {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let document: Value = yaml_serde::from_str(include_str!("../fixtures/gentrack/openapi.yaml")).unwrap();
        let mut schemas = Vec::new();
        schemas_in(&document, &mut schemas);
        let validators = schemas
            .into_iter()
            .map(|schema| (schema.to_string(), compile(&document, &schema)))
            .collect();
        Contract { document, validators }
    })
}

fn compile(document: &Value, schema: &Value) -> Validator {
    let root = json!({ "components": { "schemas": document["components"]["schemas"] }, "allOf": [schema] });
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .build(&root)
        .unwrap()
}

/// Every schema a check can ask for: those of media types and parameters, the named ones, the token endpoint's.
fn schemas_in(value: &Value, into: &mut Vec<Value>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match name.as_str() {
                    "schema" => into.push(member.clone()),
                    "schemas" => into.extend(
                        member
                            .as_object()
                            .unwrap()
                            .keys()
                            .map(|name| json!({ "$ref": format!("#/components/schemas/{name}") })),
                    ),
                    "x-token-endpoint" => into.extend([member["response"].clone(), member["error"].clone()]),
                    _ => schemas_in(member, into),
                }
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| schemas_in(entry, into)),
        _ => {}
    }
}

fn collect(value: &Value, into: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(members) => {
            if let (Some(schema), Some(Value::Object(examples))) = (members.get("schema"), members.get("examples")) {
                for example in examples.values() {
                    into.push((example["externalValue"].as_str().unwrap().to_owned(), schema.clone()));
                }
            }
            members.values().for_each(|member| collect(member, into));
        }
        Value::Array(entries) => entries.iter().for_each(|entry| collect(entry, into)),
        _ => {}
    }
}

impl Contract {
    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }

    fn validate(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let validator = self
            .validators
            .get(&schema.to_string())
            .ok_or("no such schema in the contract")?;
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

    /// Finds the call for a method and a path, whatever stands before the `/v1` the contract's server ends in.
    fn operation(&self, method: &str, path: &str) -> Result<(&Value, Vec<&Value>), String> {
        let inner = path.split_once("/v1").map_or(path, |(_, inner)| inner);
        // A template without a parameter in some place wins over one with.
        let mut fitting: Vec<_> = self.document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(template, _)| fits(template, inner))
            .collect();
        fitting.sort_by_key(|(template, _)| template.matches('{').count());
        let (template, item) = fitting
            .first()
            .ok_or_else(|| format!("{inner} is no path of the contract"))?;
        let operation = item
            .get(method.to_lowercase())
            .ok_or_else(|| format!("{method} is not documented for {template}"))?;
        let shared = item.get("parameters").and_then(Value::as_array).into_iter().flatten();
        let own = operation
            .get("parameters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        Ok((
            operation,
            shared.chain(own).map(|parameter| self.resolve(parameter)).collect(),
        ))
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(path)
            .all(|(wanted, found)| *wanted == found || wanted.starts_with('{') && !found.is_empty())
}

fn check_query(contract: &Contract, parameters: &[&Value], query: &str) -> Result<(), String> {
    let mut seen = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value)
            .decode_utf8()
            .map_err(|error| error.to_string())?
            .into_owned();
        if seen.insert(name.to_owned(), Value::String(value)).is_some() {
            return Err(format!("{name} is sent twice"));
        }
    }
    for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
        let name = parameter["name"].as_str().unwrap();
        match seen.remove(name) {
            Some(value) => check_text(contract, parameter, value.as_str().unwrap())?,
            None if parameter["required"] == true => return Err(format!("{name} is required")),
            None => {}
        }
    }
    match seen.keys().next() {
        Some(name) => Err(format!("{name} is no query parameter of the call")),
        None => Ok(()),
    }
}

/// Checks a text in query or header against the type its parameter declares.
fn check_text(contract: &Contract, parameter: &Value, text: &str) -> Result<(), String> {
    let schema = &parameter["schema"];
    let value = match contract.resolve(schema)["type"].as_str() {
        Some("integer" | "boolean") => parse(text.as_bytes())?,
        _ => json!(text),
    };
    contract
        .validate(schema, &value)
        .map_err(|error| format!("{}: {error}", parameter["name"]))
}

fn check_headers(
    contract: &Contract,
    exchange: &Exchange,
    operation: &Value,
    parameters: &[&Value],
) -> Result<(), String> {
    let documented: HashMap<String, &Value> = parameters
        .iter()
        .filter(|parameter| parameter["in"] == "header")
        .map(|parameter| (parameter["name"].as_str().unwrap().to_lowercase(), *parameter))
        .collect();
    for (name, value) in &exchange.request_headers {
        match documented.get(name) {
            Some(parameter) => check_text(contract, parameter, value)?,
            None if name.starts_with("x-transaction-") => return Err(format!("the call does not carry {name}")),
            None => {}
        }
    }
    let bearer = header(&exchange.request_headers, "authorization").unwrap_or_default();
    if bearer.strip_prefix("Bearer ").is_none_or(str::is_empty) {
        return Err("there is no bearer token".to_owned());
    }
    let wanted = if operation["operationId"] == "getBillImage" {
        "application/pdf"
    } else {
        "application/json"
    };
    let accept = header(&exchange.request_headers, "accept").unwrap_or_default();
    if accept
        .split(',')
        .any(|range| range.split(';').next().unwrap_or_default().trim() == wanted)
    {
        Ok(())
    } else {
        Err(format!("Accept does not name {wanted}"))
    }
}

fn check_request_body(contract: &Contract, exchange: &Exchange, operation: &Value) -> Result<(), String> {
    let writes = matches!(exchange.method.as_str(), "POST" | "PUT");
    if writes && media_type(&exchange.request_headers).as_deref() != Some("application/json") {
        return Err("POST and PUT need the content type application/json".to_owned());
    }
    match operation.get("requestBody") {
        None if exchange.request_body.is_empty() => Ok(()),
        None => Err("the call takes no body".to_owned()),
        Some(body) => {
            let schema = &contract.resolve(body)["content"]["application/json"]["schema"];
            contract.validate(schema, &parse(&exchange.request_body)?)
        }
    }
}

fn is_token(path: &str) -> bool {
    path.ends_with("/v1/token")
}

/// The form is fixed by the README of the contract: Basic with id and secret as they are, and a grant type.
fn check_token_request(exchange: &Exchange, query: &str) -> Result<(), String> {
    if exchange.method != "POST" || !query.is_empty() {
        return Err("a token is asked for with POST and no query".to_owned());
    }
    let form = media_type(&exchange.request_headers);
    if form.as_deref() != Some("application/x-www-form-urlencoded") {
        return Err("a token is asked for with a form".to_owned());
    }
    let basic = header(&exchange.request_headers, "authorization").and_then(|text| text.strip_prefix("Basic "));
    let pair = basic
        .and_then(|coded| STANDARD.decode(coded).ok())
        .ok_or("there is no Basic authorization")?;
    if !pair.contains(&b':') {
        return Err("Basic authorization holds no pair".to_owned());
    }
    let body = String::from_utf8_lossy(&exchange.request_body);
    let grants = body
        .split('&')
        .filter(|pair| *pair == "grant_type=client_credentials")
        .count();
    if grants == 1 {
        Ok(())
    } else {
        Err("grant_type=client_credentials is missing".to_owned())
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

fn media_type(headers: &[(String, String)]) -> Option<String> {
    let kind = header(headers, "content-type")?.split(';').next()?.trim();
    Some(kind.to_lowercase())
}

fn media_type_is(exchange: &Exchange, wanted: &str) -> Result<(), String> {
    match media_type(&exchange.response_headers) {
        Some(kind) if kind == wanted => Ok(()),
        other => Err(format!("the answer is {other:?} instead of {wanted}")),
    }
}

fn parse(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))
}

fn is_pdf(body: &[u8]) -> Result<(), String> {
    if body.starts_with(b"%PDF-") {
        Ok(())
    } else {
        Err("this is no PDF".to_owned())
    }
}
