//! Checks an exchange against the documented contract of the TMF678-style bill API.
//!
//! Beside the one documented call the list of an account's bills is known. It is inferred: its parameters are those of
//! the single bill that make sense for it and the four dates of the README's section 5, its answer is an array of bills.

use std::sync::OnceLock;

use jsonschema::{Draft, Validator};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::exchange::Exchange;

/// Query parameters of the inferred list; the first is needed.
const LIST_QUERY: [&str; 7] = [
    "billingAccount.id",
    "offset",
    "limit",
    "billDate.gte",
    "billDate.lte",
    "startDate",
    "endDate",
];

/// Parameters that are deprecated; `pdf` is, too, but one system is reached by nothing else.
const DEPRECATED: [&str; 2] = ["accountId", "Correlation-ID"];

struct Contract {
    document: Value,
    bill: Validator,
    errors: Validator,
}

/// Checks request and answer.
pub fn check(exchange: &Exchange) -> Result<(), String> {
    check_request(exchange)?;
    check_answer(exchange)
}

/// Checks the request: path, method, query, headers, and that there is no body.
pub fn check_request(exchange: &Exchange) -> Result<(), String> {
    let (path, query) = exchange.target.split_once('?').unwrap_or((&exchange.target, ""));
    let call = Call::of(path)?;
    if exchange.method != "GET" {
        return Err("only GET is documented".to_owned());
    }
    if !exchange.request_body.is_empty() {
        return Err("the call takes no body".to_owned());
    }
    let business = parameter("path", "businessId").ok_or("the contract has no businessId")?;
    fits(business, call.business)?;
    if !call.business.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err("businessId is no country code".to_owned());
    }
    check_headers(exchange, call.id.is_none())?;
    check_query(query, call.id.is_none())
}

/// Checks the answer to the request: status, content type and body.
pub fn check_answer(exchange: &Exchange) -> Result<(), String> {
    let call = Call::of(exchange.target.split('?').next().unwrap_or_default())?;
    let contract = contract();
    let response = contract
        .document
        .pointer("/paths")
        .and_then(Value::as_object)
        .and_then(|paths| paths.values().next())
        .map(|item| &item["get"]["responses"][exchange.status.to_string()])
        .filter(|response| response.is_object())
        .ok_or_else(|| format!("{} is not documented", exchange.status))?;
    if response.get("content").is_none() {
        return if exchange.response_body.is_empty() {
            Ok(())
        } else {
            Err(format!("{} is documented without a body", exchange.status))
        };
    }
    let kind = header(&exchange.response_headers, "content-type").unwrap_or_default();
    if kind.split(';').next().unwrap_or_default().trim() != "application/json" {
        return Err(format!("the answer is {kind:?} instead of JSON"));
    }
    let body: Value = serde_json::from_slice(&exchange.response_body).map_err(|error| format!("no JSON: {error}"))?;
    if exchange.status != 200 {
        if body["errors"][0]["code"] != exchange.status {
            return Err("code does not repeat the status".to_owned());
        }
        return valid(&contract.errors, &body);
    }
    match (call.id, body) {
        (Some(_), bill) => check_bill(bill),
        (None, Value::Array(bills)) => bills.into_iter().try_for_each(check_bill),
        (None, _) => Err("a list is an array of bills".to_owned()),
    }
}

/// Checks one bill. A state that is none of those listed passes: the README's section 3 has it carried, not refused.
pub fn check_bill(mut bill: Value) -> Result<(), String> {
    if bill.get("state").is_some_and(Value::is_string) {
        bill["state"] = json!("new");
    }
    valid(&contract().bill, &bill)
}

/// The documented answers: every entry of the contract's index.
pub fn cases() -> Vec<Value> {
    let index: Value = serde_json::from_str(include_str!("../fixtures/tmf678/examples/index.json")).unwrap();
    index["cases"].as_array().unwrap().clone()
}

/// A call as its path names it.
struct Call<'a> {
    business: &'a str,
    id: Option<&'a str>,
}

impl<'a> Call<'a> {
    /// Whatever stands before the API's own path belongs to the host.
    fn of(path: &'a str) -> Result<Self, String> {
        let (_, inner) = path
            .split_once("/tmf-api/customerBillManagement/v1/")
            .ok_or_else(|| format!("{path} is no path of the contract"))?;
        let parts: Vec<_> = inner.split('/').collect();
        match *parts {
            [business, "customerBill"] => Ok(Call { business, id: None }),
            [business, "customerBill", id] if !id.is_empty() => Ok(Call { business, id: Some(id) }),
            _ => Err(format!("{path} is no path of the contract")),
        }
    }
}

fn contract() -> &'static Contract {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let document: Value = yaml_serde::from_str(include_str!("../fixtures/tmf678/openapi.yaml")).unwrap();
        let compiled = |name: &str| {
            let root = json!({
                "components": { "schemas": document["components"]["schemas"] },
                "$ref": format!("#/components/schemas/{name}"),
            });
            jsonschema::options()
                .with_draft(Draft::Draft202012)
                .build(&root)
                .unwrap()
        };
        let (bill, errors) = (compiled("CustomerBill"), compiled("Errors"));
        Contract { document, bill, errors }
    })
}

/// The parameter of the contract with this name, if there is one; header names are compared as HTTP does.
fn parameter(place: &str, name: &str) -> Option<&'static Value> {
    let parameters = contract().document["components"]["parameters"].as_object().unwrap();
    parameters.values().find(|parameter| {
        let known = parameter["name"].as_str().unwrap();
        parameter["in"] == place && (known == name || place == "header" && known.eq_ignore_ascii_case(name))
    })
}

/// Checks the text of a parameter against its schema.
fn fits(parameter: &Value, text: &str) -> Result<(), String> {
    let schema = &parameter["schema"];
    let value = match schema["type"].as_str() {
        Some("integer" | "boolean") => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        _ => json!(text),
    };
    let validator = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .build(schema)
        .unwrap();
    valid(&validator, &value).map_err(|error| format!("{}: {error}", parameter["name"]))
}

fn check_headers(exchange: &Exchange, list: bool) -> Result<(), String> {
    let value = |name| header(&exchange.request_headers, name);
    for (name, value) in &exchange.request_headers {
        if name == "channelid" {
            return Err("channeId has one l".to_owned());
        }
        if DEPRECATED.iter().any(|old| old.eq_ignore_ascii_case(name)) {
            return Err(format!("{name} is deprecated"));
        }
        if list && matches!(name.as_str(), "x-pdf" | "x-txt") {
            return Err(format!("the list knows no {name}"));
        }
        if let Some(parameter) = parameter("header", name) {
            fits(parameter, value)?;
        }
    }
    let pairs =
        [("client_id", "client_secret"), ("client-id", "client-secret")].map(|(id, secret)| (value(id), value(secret)));
    if pairs.iter().any(|(id, secret)| id.is_some() != secret.is_some()) {
        return Err("a pair of credentials is not whole".to_owned());
    }
    match pairs {
        [(None, _), (None, _)] => return Err("there are no credentials".to_owned()),
        [(Some(_), _), (Some(_), _)] if pairs[0] != pairs[1] => {
            return Err("the two pairs of credentials differ".to_owned());
        }
        _ => {}
    }
    if value("x-correlation-id").is_none_or(str::is_empty) {
        return Err("X-Correlation-ID is always to be sent".to_owned());
    }
    if value("x-pdf") == Some("true") && value("x-txt") == Some("true") {
        return Err("PDF and text take two calls".to_owned());
    }
    Ok(())
}

fn check_query(query: &str, list: bool) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value)
            .decode_utf8()
            .map_err(|error| error.to_string())?;
        if seen.contains(&name) {
            return Err(format!("{name} is sent twice"));
        }
        if DEPRECATED.contains(&name) {
            return Err(format!("{name} is deprecated"));
        }
        match parameter("query", name) {
            _ if list && !LIST_QUERY.contains(&name) => return Err(format!("{name} is no parameter of the list")),
            Some(parameter) => fits(parameter, &value)?,
            None if list => {
                value
                    .parse::<jiff::civil::Date>()
                    .map_err(|error| format!("{name}: {error}"))?;
            }
            None => return Err(format!("{name} is no query parameter of the call")),
        }
        if value.is_empty() {
            return Err(format!("{name} is empty"));
        }
        seen.push(name);
    }
    if list && !seen.contains(&LIST_QUERY[0]) {
        return Err(format!("{} is needed for the list", LIST_QUERY[0]));
    }
    Ok(())
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

fn header<'a>(headers: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(name, _)| name == wanted)
        .map(|(_, value)| value.as_str())
}
