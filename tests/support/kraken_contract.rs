//! The Kraken contract as a check of single exchanges: `schema.graphql` and the README's rules for requests and errors.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use apollo_compiler::ast::{Definition, Document, Value as Literal};
use apollo_compiler::executable::{Field, Operation, Selection};
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::{ExtendedType, Type};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::{Map, Value};

use super::exchange::Exchange;

const US: &str = include_str!("../fixtures/kraken/schema.graphql");
const ADDED_IN_GB: &str = include_str!("../fixtures/kraken/schema.gb-extension.graphql");

/// What the GB edition lacks of the US one, as the head of its extension says; some come back in another shape.
const GONE_IN_GB: [(&str, &[&str]); 3] = [
    ("PropertyType", &["meterPoints"]),
    (
        "ElectricityMeterPointType",
        &[
            "esiId",
            "serviceProvider",
            "loadZone",
            "hasCriticalCare",
            "loadProfile",
            "meters",
        ],
    ),
    ("ElectricityMeterType", &["activeFrom", "activeTo"]),
];

/// The shapes they come back in, from the same place.
const CHANGED_IN_GB: &str = "extend type ElectricityMeterType { activeFrom: Date activeTo: Date } \
    extend type ElectricityMeterPointType { meters(id: Int, includeInactive: Boolean): [ElectricityMeterType] }";

/// The schema of one edition, and the concrete types of its interfaces and unions.
struct Edition {
    schema: Valid<Schema>,
    possible: BTreeMap<String, Vec<String>>,
}

impl Edition {
    fn of(text: &str) -> Self {
        let schema = Schema::parse_and_validate(text, "schema.graphql").unwrap();
        let objects = || schema.types.values().filter_map(|ty| ty.as_object());
        let open = schema.types.values().filter(|ty| ty.is_interface() || ty.is_union());
        let possible = open
            .map(|ty| {
                let names = objects().map(|object| object.name.as_str());
                let fitting = names.filter(|name| applies(&schema, ty.name(), name));
                (ty.name().to_string(), fitting.map(str::to_owned).collect())
            })
            .collect();
        Self { schema, possible }
    }

    /// The edition that is spoken at a path.
    fn at(path: &str) -> &'static Self {
        static OF_US: OnceLock<Edition> = OnceLock::new();
        static OF_GB: OnceLock<Edition> = OnceLock::new();
        if path.contains("/gb/v1/") {
            OF_GB.get_or_init(|| {
                let mut us = Document::parse(US, "schema.graphql").unwrap();
                for definition in &mut us.definitions {
                    let Definition::ObjectTypeDefinition(object) = definition else {
                        continue;
                    };
                    if let Some((_, gone)) = GONE_IN_GB.iter().find(|(name, _)| object.name == *name) {
                        object
                            .make_mut()
                            .fields
                            .retain(|field| !gone.contains(&field.name.as_str()));
                    }
                }
                Self::of(&format!("{us}\n{ADDED_IN_GB}\n{CHANGED_IN_GB}"))
            })
        } else {
            OF_US.get_or_init(|| Self::of(US))
        }
    }
}

/// Checks one exchange, request and answer, against the contract.
pub fn check(exchange: &Exchange) -> Result<(), String> {
    let path = exchange.target.split('?').next().unwrap_or_default();
    if path.contains("/documents/") {
        return check_download(exchange);
    }
    if !path.ends_with("/v1/graphql/") {
        return Err(format!(
            "{path} is no endpoint of the contract: keep the trailing slash"
        ));
    }
    if exchange.method != "POST" {
        return Err(format!("{} is answered with 400: POST only", exchange.method));
    }
    let kind = header(&exchange.request_headers, "content-type").unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(format!("the request's Content-Type is {kind:?}"));
    }
    let request = request(&exchange.request_body)?;
    let edition = Edition::at(path);
    let schema = &edition.schema;
    let document = ExecutableDocument::parse_and_validate(schema, request.query, "request.graphql")
        .map_err(|failed| format!("the document is invalid: {}", failed.errors))?;
    let operation = document
        .operations
        .get(request.name.as_deref())
        .map_err(|error| format!("the operation: {}", error.message()))?;
    let variables = coerce_variable_values(schema, operation, &request.variables)
        .map_err(|error| format!("the variables: {}", error.message()))?;
    let variables = serde_json::to_value(&*variables).map_err(|error| error.to_string())?;
    for variable in &operation.variables {
        if let Some(value) = variables.get(variable.name.as_str()) {
            check_input(schema, &variable.ty, value, &format!("${}", variable.name))?;
        }
    }
    let check = Check {
        edition,
        document: &document,
        variables: &variables,
    };
    check.authorization(operation, header(&exchange.request_headers, "authorization"))?;
    check.answer(operation, exchange)
}

/// A document's address is signed: it takes no token, and the token is nobody else's business.
fn check_download(exchange: &Exchange) -> Result<(), String> {
    if exchange.method != "GET" {
        return Err(format!("a document is fetched with GET, not {}", exchange.method));
    }
    if header(&exchange.request_headers, "authorization").is_some() {
        return Err("the token was sent to a signed address".to_owned());
    }
    Ok(())
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

struct Request {
    name: Option<String>,
    query: String,
    variables: JsonMap,
}

fn request(body: &[u8]) -> Result<Request, String> {
    let body: Value = serde_json::from_slice(body).map_err(|error| format!("the request is not JSON: {error}"))?;
    let body = body.as_object().ok_or("the request is not a JSON object")?;
    if let Some(key) = body
        .keys()
        .find(|key| !["operationName", "query", "variables"].contains(&key.as_str()))
    {
        return Err(format!("the request has the unknown key {key:?}"));
    }
    let name = match body.get("operationName") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name.clone()),
        Some(other) => return Err(format!("operationName is {other}")),
    };
    let query = body
        .get("query")
        .and_then(Value::as_str)
        .ok_or("the request has no query")?
        .to_owned();
    let variables = match body.get("variables") {
        None | Some(Value::Null) => JsonMap::new(),
        Some(variables @ Value::Object(_)) => match JsonValue::from(variables.clone()) {
            JsonValue::Object(map) => map,
            other => return Err(format!("variables are {other}")),
        },
        Some(other) => return Err(format!("variables are {other}")),
    };
    Ok(Request { name, query, variables })
}

/// Custom scalars inside variables, which coercion lets through unseen.
fn check_input(schema: &Schema, ty: &Type, value: &Value, at: &str) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    if let Some(items) = value.as_array() {
        return items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| check_input(schema, ty.item_type(), item, &format!("{at}[{index}]")));
    }
    let name = ty.inner_named_type();
    match schema.types.get(name) {
        Some(ExtendedType::InputObject(input)) => {
            value.as_object().into_iter().flatten().try_for_each(|(key, value)| {
                let field = input
                    .fields
                    .get(key.as_str())
                    .ok_or_else(|| format!("{at} has the unknown field {key}"))?;
                check_input(schema, &field.ty, value, &format!("{at}.{key}"))
            })
        }
        Some(ExtendedType::Scalar(_)) => check_scalar(name, value, at),
        _ => Ok(()),
    }
}

fn check_scalar(name: &str, value: &Value, at: &str) -> Result<(), String> {
    let text = value.as_str();
    let fits = match name {
        "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "BigInt" => value.is_i64() || value.is_u64(),
        "Float" => value.is_number(),
        "Boolean" => value.is_boolean(),
        "Date" => text.is_some_and(|text| text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()),
        "DateTime" => text.is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        "Decimal" => text.is_some_and(|text| text.parse::<rust_decimal::Decimal>().is_ok()),
        "GenericScalar" => true,
        _ => text.is_some(),
    };
    if fits {
        Ok(())
    } else {
        Err(format!("{at} is {value}, which is no {name}"))
    }
}

struct Check<'a> {
    edition: &'static Edition,
    document: &'a ExecutableDocument,
    variables: &'a Value,
}

impl<'a> Check<'a> {
    fn authorization(&self, operation: &Operation, header: Option<&str>) -> Result<(), String> {
        let mut roots = BTreeMap::new();
        self.collect(
            operation.object_type().as_str(),
            &operation.selection_set.selections,
            &mut roots,
        );
        let names: Vec<&str> = roots.values().flatten().map(|field| field.name.as_str()).collect();
        if names.contains(&"obtainKrakenToken") {
            return match header {
                None => Ok(()),
                Some(_) => Err("a login is sent without an Authorization header".to_owned()),
            };
        }
        let public = |name: &&str| name.starts_with("__") || ["krakenVersion", "possibleErrors"].contains(name);
        match header {
            None if names.iter().all(public) => Ok(()),
            None => Err(format!(
                "{} was asked for without an Authorization header",
                names.join(", ")
            )),
            Some("") => Err("the Authorization header is empty".to_owned()),
            Some(header) if header.starts_with("Bearer ") => Err("Bearer is for OAuth tokens only".to_owned()),
            Some(_) => Ok(()),
        }
    }

    fn answer(&self, operation: &Operation, exchange: &Exchange) -> Result<(), String> {
        match exchange.status {
            200 => {}
            400 => return refused_document(&exchange.response_body),
            // Edge and outage: any body.
            401 | 403 | 429 | 500..=599 => return Ok(()),
            status => return Err(format!("status {status} is not in the contract")),
        }
        let kind = header(&exchange.response_headers, "content-type").unwrap_or_default();
        if !kind.starts_with("application/json") {
            return Err(format!("the answer's Content-Type is {kind:?}"));
        }
        let body: Value = serde_json::from_slice(&exchange.response_body)
            .map_err(|error| format!("the answer is not JSON: {error}"))?;
        let body = body.as_object().ok_or("the answer is not a JSON object")?;
        if let Some(key) = body
            .keys()
            .find(|key| !["data", "errors", "extensions"].contains(&key.as_str()))
        {
            return Err(format!("the answer has the unknown key {key:?}"));
        }
        let data = body.get("data").ok_or("the answer has no data")?;
        let errors = match body.get("errors") {
            None => &[],
            Some(Value::Array(errors)) if !errors.is_empty() => errors.as_slice(),
            Some(other) => return Err(format!("errors is {other}")),
        };
        for (index, error) in errors.iter().enumerate() {
            check_error(error, &format!("errors[{index}]"))?;
            check_path(error, data, index)?;
        }
        match data {
            Value::Null if errors.is_empty() => Err("data is null and nothing says why".to_owned()),
            Value::Null => Ok(()),
            data => {
                let root = operation.object_type().as_str();
                self.object(
                    root,
                    &operation.selection_set.selections.iter().collect::<Vec<_>>(),
                    data,
                    "data",
                )
            }
        }
    }

    /// Response key → the fields merged under it, as they apply to a concrete type.
    fn collect(&self, concrete: &str, selections: &'a [Selection], into: &mut BTreeMap<String, Vec<&'a Field>>) {
        for selection in selections {
            self.collect_one(concrete, selection, into);
        }
    }

    fn collect_one(&self, concrete: &str, selection: &'a Selection, into: &mut BTreeMap<String, Vec<&'a Field>>) {
        if !self.included(selection) {
            return;
        }
        match selection {
            Selection::Field(field) => into.entry(field.response_key().to_string()).or_default().push(field),
            Selection::InlineFragment(inline) => {
                if inline
                    .type_condition
                    .as_ref()
                    .is_none_or(|wanted| applies(&self.edition.schema, wanted, concrete))
                {
                    self.collect(concrete, &inline.selection_set.selections, into);
                }
            }
            Selection::FragmentSpread(spread) => {
                let fragment = spread.fragment_def(self.document).unwrap();
                if applies(&self.edition.schema, fragment.type_condition(), concrete) {
                    self.collect(concrete, &fragment.selection_set.selections, into);
                }
            }
        }
    }

    fn included(&self, selection: &Selection) -> bool {
        let asked = |name: &str| {
            let directive = selection.directives().get(name)?;
            match directive.specified_argument_by_name("if")?.as_ref() {
                Literal::Boolean(value) => Some(*value),
                Literal::Variable(variable) => self.variables.get(variable.as_str())?.as_bool(),
                _ => None,
            }
        };
        asked("skip") != Some(true) && asked("include") != Some(false)
    }

    fn object(&self, concrete: &str, selections: &[&'a Selection], value: &Value, at: &str) -> Result<(), String> {
        let object = value
            .as_object()
            .ok_or_else(|| format!("{at} is {value}, expected a {concrete}"))?;
        let mut fields = BTreeMap::new();
        for selection in selections {
            self.collect_one(concrete, selection, &mut fields);
        }
        if let Some(key) = object.keys().find(|key| !fields.contains_key(key.as_str())) {
            return Err(format!("{at}.{key} was not asked for"));
        }
        for (key, fields) in &fields {
            let at = format!("{at}.{key}");
            let value = object.get(key).ok_or_else(|| format!("{at} is missing"))?;
            let field = fields.first().unwrap();
            match field.name.as_str() {
                "__typename" if value == concrete => {}
                "__typename" => return Err(format!("{at} is {value}, expected {concrete}")),
                // Introspection is the library's own.
                "__schema" | "__type" => {}
                _ => self.value(&field.definition.ty, fields, value, &at)?,
            }
        }
        Ok(())
    }

    fn value(&self, ty: &Type, fields: &[&'a Field], value: &Value, at: &str) -> Result<(), String> {
        if value.is_null() {
            return if ty.is_non_null() {
                Err(format!("{at} is null, the schema says {ty}"))
            } else {
                Ok(())
            };
        }
        if ty.is_list() {
            let items = value
                .as_array()
                .ok_or_else(|| format!("{at} is {value}, expected a list"))?;
            return items
                .iter()
                .enumerate()
                .try_for_each(|(index, item)| self.value(ty.item_type(), fields, item, &format!("{at}[{index}]")));
        }
        let name = ty.inner_named_type().as_str();
        let selections: Vec<&Selection> = fields
            .iter()
            .flat_map(|field| &field.selection_set.selections)
            .collect();
        match self.edition.schema.types.get(name).unwrap() {
            ExtendedType::Scalar(_) => check_scalar(name, value, at),
            ExtendedType::Enum(known) => match value.as_str() {
                Some(text) if known.values.contains_key(text) => Ok(()),
                _ => Err(format!("{at} is {value}, which is no {name}")),
            },
            ExtendedType::Object(_) => self.object(name, &selections, value, at),
            ExtendedType::Interface(_) | ExtendedType::Union(_) => {
                // Without __typename any of the possible types may be meant.
                let known = self.edition.possible.get(name).into_iter().flatten();
                let mut possible: Vec<&str> = known.map(String::as_str).collect();
                if let Some(stated) = self.stated_type(&selections, value) {
                    possible.retain(|name| *name == stated);
                }
                let mut refusal = format!("{at}: no possible type of {name} is stated");
                for concrete in possible {
                    match self.object(concrete, &selections, value, at) {
                        Ok(()) => return Ok(()),
                        Err(why) => refusal = why,
                    }
                }
                Err(refusal)
            }
            ExtendedType::InputObject(_) => Err(format!("{at} has an input type")),
        }
    }

    fn stated_type<'v>(&self, selections: &[&'a Selection], value: &'v Value) -> Option<&'v str> {
        let key = selections.iter().find_map(|selection| match selection {
            Selection::Field(field) if field.name == "__typename" => Some(field.response_key()),
            _ => None,
        })?;
        value.get(key.as_str())?.as_str()
    }
}

/// Whether a type condition holds for a concrete type.
fn applies(schema: &Schema, condition: &str, concrete: &str) -> bool {
    condition == concrete
        || match schema.types.get(condition) {
            Some(ExtendedType::Union(union)) => union.members.contains(concrete),
            Some(ExtendedType::Interface(_)) => schema
                .get_object(concrete)
                .is_some_and(|object| object.implements_interfaces.contains(condition)),
            _ => false,
        }
}

/// A document the server did not take: errors of message and locations, no data, no extensions.
fn refused_document(body: &[u8]) -> Result<(), String> {
    let body: Value = serde_json::from_slice(body).map_err(|error| format!("a 400 is JSON: {error}"))?;
    let errors = body
        .get("errors")
        .and_then(Value::as_array)
        .filter(|errors| !errors.is_empty());
    let errors = errors.ok_or("a 400 carries errors")?;
    if body.get("data").is_some() || errors.iter().any(|error| error.get("extensions").is_some()) {
        return Err("a 400 carries neither data nor extensions".to_owned());
    }
    errors
        .iter()
        .enumerate()
        .try_for_each(|(index, error)| check_error(error, &format!("errors[{index}]")))
}

fn check_error(error: &Value, at: &str) -> Result<(), String> {
    let error = error.as_object().ok_or_else(|| format!("{at} is {error}"))?;
    if let Some(key) = error
        .keys()
        .find(|key| !["message", "locations", "path", "extensions"].contains(&key.as_str()))
    {
        return Err(format!("{at} has the unknown key {key:?}"));
    }
    if !error.get("message").is_some_and(Value::is_string) {
        return Err(format!("{at} has no message"));
    }
    if let Some(locations) = error.get("locations") {
        let fits = locations.as_array().is_some_and(|list| {
            list.iter()
                .all(|at| at["line"].as_u64() >= Some(1) && at["column"].as_u64() >= Some(1))
        });
        if !fits {
            return Err(format!("{at}.locations is {locations}"));
        }
    }
    if let Some(path) = error.get("path") {
        let fits = path
            .as_array()
            .is_some_and(|path| path.iter().all(|step| step.is_string() || step.is_u64()));
        if !fits {
            return Err(format!("{at}.path is {path}"));
        }
    }
    match error.get("extensions") {
        None => Ok(()),
        Some(Value::Object(extensions)) => check_extensions(extensions, at),
        Some(other) => Err(format!("{at}.extensions is {other}")),
    }
}

const ERROR_TYPES: &[&str] = &[
    "VALIDATION",
    "NOT_FOUND",
    "APPLICATION",
    "AUTHORIZATION",
    "SERVICE_AVAILABILITY",
];

fn check_extensions(extensions: &Map<String, Value>, at: &str) -> Result<(), String> {
    for (key, value) in extensions {
        let fits = match key.as_str() {
            "errorType" | "errorClass" => value.as_str().is_some_and(|text| ERROR_TYPES.contains(&text)),
            "errorCode" => value.as_str().is_some_and(is_code),
            "errorDescription" => value.is_string(),
            "validationErrors" => value.as_array().is_some_and(|list| {
                list.iter().all(|one| {
                    one["message"].is_string()
                        && one["inputPath"]
                            .as_array()
                            .is_some_and(|path| path.iter().all(Value::is_string))
                })
            }),
            _ => false,
        };
        if !fits {
            return Err(format!("{at}.extensions.{key} is {value}"));
        }
    }
    Ok(())
}

/// `KT-{CT|country}-{number}`.
fn is_code(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), ["KT", edition, number]
        if edition.len() == 2
            && edition.bytes().all(|byte| byte.is_ascii_uppercase())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// An error nulls the nearest nullable parent of its path: walking the path must end at a null.
fn check_path(error: &Value, data: &Value, index: usize) -> Result<(), String> {
    let Some(path) = error.get("path").and_then(Value::as_array) else {
        return Ok(());
    };
    let mut at = data;
    for step in path {
        if at.is_null() {
            return Ok(());
        }
        let next = match step {
            Value::String(key) => at.get(key),
            Value::Number(place) => place.as_u64().and_then(|place| at.get(usize::try_from(place).ok()?)),
            _ => None,
        };
        at = next.ok_or_else(|| format!("errors[{index}].path leads nowhere at {step}"))?;
    }
    if at.is_null() {
        Ok(())
    } else {
        Err(format!("errors[{index}].path leads to a value that is not null"))
    }
}
