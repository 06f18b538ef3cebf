//! Checks an exchange against the contract of Urjanet.

use std::collections::HashMap;
use std::sync::OnceLock;

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use super::exchange::Exchange;

/// The contract with its schemas compiled.
struct Contract {
    document: Value,
    /// By the text of the schema.
    validators: HashMap<String, Validator>,
}

const PASSWORDS: [&str; 4] = ["password", "password2", "password3", "password4"];

/// Checks request and answer.
pub fn check(exchange: &Exchange) -> Result<(), String> {
    check_request(exchange)?;
    check_answer(exchange)
}

/// Checks the request: path, method, headers and body.
pub fn check_request(exchange: &Exchange) -> Result<(), String> {
    let contract = contract();
    if exchange.target.contains('?') {
        return Err("no call takes a query".to_owned());
    }
    let (template, operation) = contract.operation(&exchange.method, &exchange.target)?;
    contract.check_path(&template, &exchange.target, operation)?;
    let login = operation["operationId"] == "login";
    let bearer = header(&exchange.request_headers, "authorization");
    let token = bearer.and_then(|text| text.strip_prefix("Bearer "));
    match (login, bearer.is_some(), token.is_some_and(|token| !token.is_empty())) {
        (true, true, _) => return Err("a login carries no token".to_owned()),
        (false, _, false) => return Err("there is no bearer token".to_owned()),
        _ => {}
    }
    let Some(body) = operation.get("requestBody") else {
        let empty = exchange.request_body.is_empty();
        return if empty {
            Ok(())
        } else {
            Err("the call takes no body".to_owned())
        };
    };
    if media_type(&exchange.request_headers).as_deref() != Some("application/json") {
        return Err("a body needs the content type application/json".to_owned());
    }
    let schema = &body["content"]["application/json"]["schema"];
    let value = parse(&exchange.request_body)?;
    contract.validate(schema, &value)?;
    contract.check_members(schema, &value)?;
    if login && value.get("scope").is_some() {
        return Err("scope is gone".to_owned());
    }
    match value.get("queryCriteria") {
        Some(criteria) => check_criteria(contract, criteria),
        None => Ok(()),
    }
}

/// Checks the answer to the request: status, content type and body.
pub fn check_answer(exchange: &Exchange) -> Result<(), String> {
    let contract = contract();
    let path = exchange.target.split('?').next().unwrap_or_default();
    let (_, operation) = contract.operation(&exchange.method, path)?;
    // The document lists 500 for what a server does wrong, and a gateway in front has its own numbers for it.
    let status = if exchange.status > 500 { 500 } else { exchange.status };
    let response = operation["responses"]
        .get(status.to_string())
        .map(|response| contract.resolve(response))
        .ok_or_else(|| format!("{status} is not documented for {}", operation["operationId"]))?;
    if media_type(&exchange.response_headers).as_deref() != Some("application/json") {
        return Err("the answer is no JSON by its content type".to_owned());
    }
    let body = parse(&exchange.response_body)?;
    let schema = &response["content"]["application/json"]["schema"];
    if body["status"] == "FAILURE" {
        contract.validate(&json!({ "$ref": "#/components/schemas/ErrorResponse" }), &body)?;
        let details = ["message", "messages"]
            .iter()
            .any(|name| body[*name].as_array().is_some_and(|list| !list.is_empty()));
        return if details {
            Ok(())
        } else {
            Err("a failure without details".to_owned())
        };
    }
    contract.validate(schema, &body)?;
    if body["status"] == "OK" {
        no_secrets(&body)
    } else {
        Ok(())
    }
}

/// Checks a value against the schema of an operation's request or of one of its answers.
pub fn check_example(operation: &str, status: Option<u64>, value: &Value) -> Result<(), String> {
    let contract = contract();
    let operation = contract
        .operations()
        .find(|(_, _, known)| known["operationId"] == operation)
        .ok_or("no such operation")?
        .2;
    let holder = match status {
        None => &operation["requestBody"],
        Some(status) => contract.resolve(&operation["responses"][status.to_string()]),
    };
    contract.validate(&holder["content"]["application/json"]["schema"], value)
}

/// Checks a value against a named schema.
pub fn check_named(schema: &str, value: &Value) -> Result<(), String> {
    contract().validate(&json!({ "$ref": format!("#/components/schemas/{schema}") }), value)
}

/// Answers method, path template and operationId of every call.
pub fn operations() -> Vec<(String, String, String)> {
    let named = |(method, path, operation): (&String, &String, &Value)| {
        (
            method.to_uppercase(),
            path.clone(),
            operation["operationId"].as_str().unwrap().to_owned(),
        )
    };
    contract().operations().map(named).collect()
}

/// Answers the texts a named schema lists, without null.
pub fn values(schema: &str) -> Vec<String> {
    let values = contract().document["components"]["schemas"][schema]["enum"]
        .as_array()
        .unwrap();
    values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn contract() -> &'static Contract {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let document: Value = yaml_serde::from_str(include_str!("../fixtures/urjanet/openapi.yaml")).unwrap();
        let mut open = document.clone();
        open_lists(&mut open);
        let mut schemas = Vec::new();
        schemas_in(&document, &mut schemas);
        let validators = schemas
            .into_iter()
            .map(|schema| (schema.to_string(), compile(&open, &schema)))
            .collect();
        Contract { document, validators }
    })
}

fn compile(document: &Value, schema: &Value) -> Validator {
    let root = json!({ "components": { "schemas": document["components"]["schemas"] }, "allOf": [schema] });
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&root)
        .unwrap()
}

/// Takes the lists off that must not break a reader when a new value comes.
fn open_lists(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("x-open-enum") == Some(&Value::Bool(true)) {
                members.remove("enum");
            }
            members.values_mut().for_each(open_lists);
        }
        Value::Array(entries) => entries.iter_mut().for_each(open_lists),
        _ => {}
    }
}

/// Every schema a check can ask for: those of media types and parameters, and the named ones.
fn schemas_in(value: &Value, into: &mut Vec<Value>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match name.as_str() {
                    "schema" => into.push(member.clone()),
                    "schemas" => {
                        let names = member.as_object().unwrap().keys();
                        into.extend(names.map(|name| json!({ "$ref": format!("#/components/schemas/{name}") })));
                    }
                    _ => schemas_in(member, into),
                }
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| schemas_in(entry, into)),
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

    /// Method, path template and description of every call.
    fn operations(&self) -> impl Iterator<Item = (&String, &String, &Value)> {
        let paths = self.document["paths"].as_object().unwrap().iter();
        paths.flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations
                .filter(|(_, operation)| operation.get("operationId").is_some())
                .map(move |(method, operation)| (method, path, operation))
        })
    }

    /// Finds the call for a method and a path, whatever stands before the `/api` all of the contract's start with.
    fn operation(&self, method: &str, path: &str) -> Result<(String, &Value), String> {
        let inner = path.find("/api/").map_or(path, |at| &path[at..]);
        let mut fitting: Vec<_> = self
            .operations()
            .filter(|(wanted, template, _)| wanted.eq_ignore_ascii_case(method) && fits(template, inner))
            .collect();
        // A template without a parameter in some place wins over one with.
        fitting.sort_by_key(|(_, template, _)| template.matches('{').count());
        let (_, template, operation) = fitting.first().ok_or_else(|| format!("{method} {inner} is no call"))?;
        Ok(((*template).clone(), operation))
    }

    fn check_path(&self, template: &str, path: &str, operation: &Value) -> Result<(), String> {
        let parameters = operation.get("parameters").and_then(Value::as_array);
        let Some(parameter) = parameters.and_then(|parameters| parameters.first()) else {
            return Ok(());
        };
        let id = path.rsplit('/').next().unwrap_or_default();
        let id = percent_encoding::percent_decode_str(id)
            .decode_utf8()
            .map_err(|error| error.to_string())?;
        self.validate(&parameter["schema"], &json!(id))
            .map_err(|error| format!("{template}: {error}"))
    }

    /// Refuses members the schema does not name, below it as well.
    fn check_members(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let mut schema = self.resolve(schema);
        if let Some(some) = schema.get("anyOf").or(schema.get("allOf")).and_then(Value::as_array) {
            let first = some.iter().find(|schema| schema.get("type") != Some(&json!("null")));
            schema = self.resolve(first.ok_or("a schema without a type")?);
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match schema["properties"].get(name) {
                        Some(inner) => self.check_members(inner, member)?,
                        None if schema["additionalProperties"].is_object() => {}
                        None => return Err(format!("{name} is no member of the request")),
                    }
                }
                Ok(())
            }
            Value::Array(entries) => entries
                .iter()
                .try_for_each(|entry| self.check_members(&schema["items"], entry)),
            _ => Ok(()),
        }
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

/// Checks what the README of the contract says about searches and no schema does.
fn check_criteria(contract: &Contract, criteria: &Value) -> Result<(), String> {
    let none = Vec::new();
    let sorts = criteria["sorts"].as_array().unwrap_or(&none);
    if criteria["start"].as_u64().unwrap_or(0) > 0 && sorts.is_empty() {
        return Err("pages without a sort may overlap".to_owned());
    }
    let is_password = |field: &Value| field.as_str().is_some_and(|field| PASSWORDS.contains(&field));
    if sorts.iter().any(|sort| is_password(&sort["field"])) {
        return Err("a password is sorted on".to_owned());
    }
    let conditions = criteria["filter"]["conditions"].as_array().unwrap_or(&none);
    for condition in conditions {
        check_condition(contract, condition)?;
        if is_password(&condition["field"]) && condition["operator"] != "eq" {
            return Err("a password is searched with something else than eq".to_owned());
        }
    }
    let fields = || conditions.iter().map(|condition| &condition["field"]);
    // One sentence of the document asks for any other filter, one for the username, which satisfies both.
    if fields().any(is_password) && !fields().any(|field| field == "username") {
        return Err("a password is searched without the username".to_owned());
    }
    Ok(())
}

fn check_condition(contract: &Contract, condition: &Value) -> Result<(), String> {
    let operator = condition["operator"].as_str().unwrap_or_default();
    if operator.chars().any(char::is_uppercase) {
        return Err(format!("{operator} is not in lower case"));
    }
    let kinds = &contract.document["components"]["schemas"]["FilterOperator"]["x-operand-types"][operator];
    let value = condition.get("value");
    let fits = |kind: &Value| match kind.as_str().unwrap_or_default() {
        "string" => value.is_some_and(Value::is_string),
        "number" => value.is_some_and(Value::is_number),
        "boolean" => value.is_some_and(Value::is_boolean),
        "date" => value.is_some_and(Value::is_u64),
        "none" => value.is_none(),
        other => panic!("the contract has a new kind of operand: {other}"),
    };
    if kinds.as_array().is_some_and(|kinds| kinds.iter().any(fits)) {
        Ok(())
    } else {
        Err(format!("the value does not suit {operator}"))
    }
}

/// Refuses an answer with a member that is never returned.
fn no_secrets(value: &Value) -> Result<(), String> {
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            if PASSWORDS.contains(&name.as_str()) || ["s3EncryptionKeyId", "s3RoleId"].contains(&name.as_str()) {
                return Err(format!("{name} is returned"));
            }
            no_secrets(member)
        }),
        Value::Array(entries) => entries.iter().try_for_each(no_secrets),
        _ => Ok(()),
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

fn parse(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))
}
