//! From a document to an answer: parsed and validated once, measured, executed by the resolvers in `resolve`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use apollo_compiler::executable::{Operation, Selection};
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::resolvers::Execution;
use apollo_compiler::response::{GraphQLError, JsonMap, JsonValue};
use apollo_compiler::validation::{DiagnosticList, Valid, WithErrors};
use apollo_compiler::{ExecutableDocument, Node};
use serde_json::{Value, json};

use super::edition::Edition;
use super::limits::{self, Cost};
use super::refusal::Refusal;
use super::resolve::{Context, Object};

/// Parsed documents kept at most; clients send the same few.
const KEPT: usize = 64;

/// A request whose document is valid and whose variables fit it.
pub(super) struct Prepared {
    edition: Edition,
    document: Arc<Valid<ExecutableDocument>>,
    operation: Node<Operation>,
    variables: Valid<JsonMap>,
    pub(super) cost: Cost,
}

/// Valid documents of one edition by their text.
pub(super) struct Documents {
    edition: Edition,
    known: Mutex<HashMap<String, Arc<Valid<ExecutableDocument>>>>,
}

impl Documents {
    pub(super) fn new(edition: Edition) -> Self {
        Self {
            edition,
            known: Mutex::default(),
        }
    }

    /// Checks a request as far as it can be checked without executing it; the error is the answer's `errors`.
    pub(super) fn prepare(&self, query: &str, name: Option<&str>, variables: &Value) -> Result<Prepared, Vec<Value>> {
        let document = self.document(query)?;
        let sources = &document.sources;
        let operation = document
            .operations
            .get(name)
            .map_err(|error| vec![plain(&error.to_graphql_error(sources))])?
            .clone();
        let variables = object(variables).ok_or_else(|| vec![json!({"message": "Variables are invalid JSON."})])?;
        let variables = coerce_variable_values(self.edition.schema(), &operation, &variables)
            .map_err(|error| vec![plain(&error.to_graphql_error(sources))])?;
        let cost = limits::measure(&document, &operation, &variables);
        Ok(Prepared {
            edition: self.edition,
            document,
            operation,
            variables,
            cost,
        })
    }

    fn document(&self, query: &str) -> Result<Arc<Valid<ExecutableDocument>>, Vec<Value>> {
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(query) {
            return Ok(Arc::clone(known));
        }
        let document = ExecutableDocument::parse_and_validate(self.edition.schema(), query, "request.graphql")
            .map_err(|WithErrors { errors, .. }| faults(&errors))?;
        let document = Arc::new(document);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(query.to_owned(), Arc::clone(&document));
        Ok(document)
    }
}

/// Reads variables: an object, or nothing at all.
fn object(variables: &Value) -> Option<JsonMap> {
    match JsonValue::from(variables.clone()) {
        JsonValue::Null => Some(JsonMap::new()),
        JsonValue::Object(map) => Some(map),
        _ => None,
    }
}

/// What is wrong with a document. Other servers stop at the first fault of syntax, so the flood that follows one is left
/// out; and where the library, having forgotten unknown fields, finds their selection empty, that second report is too.
fn faults(errors: &DiagnosticList) -> Vec<Value> {
    let mut faults: Vec<Value> = errors.iter().map(|diagnostic| plain(&diagnostic.to_json())).collect();
    let says = |fault: &Value, text: &str| fault["message"].as_str().is_some_and(|message| message.contains(text));
    if let Some(syntax) = faults.iter().find(|fault| says(fault, "syntax error")) {
        return vec![syntax.clone()];
    }
    if faults.iter().any(|fault| says(fault, "does not have a field")) {
        faults.retain(|fault| !says(fault, "must have a subselection set"));
    }
    faults
}

/// An error of the document itself: message and locations, nothing else (examples/09-errors.json).
fn plain(error: &GraphQLError) -> Value {
    let locations: Vec<Value> = error
        .locations
        .iter()
        .map(|at| json!({"line": at.line, "column": at.column}))
        .collect();
    match locations.is_empty() {
        true => json!({"message": error.message}),
        false => json!({"message": error.message, "locations": locations}),
    }
}

impl Prepared {
    /// The operation's own name.
    pub(super) fn name(&self) -> Option<&str> {
        self.operation.name.as_ref().map(|name| name.as_str())
    }

    /// A root field asked for more than once under different keys, which some deployments refuse.
    pub(super) fn repeated_root_field(&self) -> Option<String> {
        let mut keys: BTreeMap<&str, &str> = BTreeMap::new();
        for (key, field) in self.roots() {
            if *keys.entry(field).or_insert(key) != key {
                return Some(field.to_owned());
            }
        }
        None
    }

    /// Executes the operation.
    pub(super) fn execute(&self, context: &Context<'_>) -> Value {
        let root = Object::root(context, self.operation.object_type().as_str());
        let execution = Execution::new(self.edition.schema(), &self.document)
            .operation(&self.operation)
            .coerced_variable_values(&self.variables)
            .enable_schema_introspection(true);
        match execution.execute_sync(&root) {
            Ok(response) => {
                let errors: Vec<Value> = response.errors.iter().map(|error| context.error(error)).collect();
                let data = serde_json::to_value(&response.data).unwrap_or_default();
                match errors.is_empty() {
                    true => json!({"data": data}),
                    false => json!({"errors": errors, "data": data}),
                }
            }
            Err(error) => json!({"errors": [plain(&error.to_graphql_error(&self.document.sources))]}),
        }
    }

    /// Refuses every root field alike, without executing anything.
    pub(super) fn refuse(&self, refusal: &Refusal) -> Value {
        let mut data = serde_json::Map::new();
        let mut errors = Vec::new();
        for (key, _) in self.roots() {
            if data.insert(key.to_owned(), Value::Null).is_none() {
                errors.push(refusal.clone().at(json!([key]), json!([{"line": 1, "column": 1}])));
            }
        }
        json!({"errors": errors, "data": data})
    }

    /// Response key and name of each root field.
    fn roots(&self) -> Vec<(&str, &str)> {
        fn collect<'a>(
            document: &'a ExecutableDocument,
            selections: &'a [Selection],
            roots: &mut Vec<(&'a str, &'a str)>,
        ) {
            for selection in selections {
                match selection {
                    Selection::Field(field) => roots.push((field.response_key().as_str(), field.name.as_str())),
                    Selection::InlineFragment(inline) => collect(document, &inline.selection_set.selections, roots),
                    Selection::FragmentSpread(spread) => {
                        if let Some(fragment) = spread.fragment_def(document) {
                            collect(document, &fragment.selection_set.selections, roots);
                        }
                    }
                }
            }
        }
        let mut roots = Vec::new();
        collect(&self.document, &self.operation.selection_set.selections, &mut roots);
        roots
    }
}
