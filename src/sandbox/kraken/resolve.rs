//! Objects of the schema over JSON records: stored fields, computed fields, and connections cut into pages.
//!
//! A record is a JSON object whose keys are the schema's field names; keys that start with an underscore are the
//! simulation's own. A field that is neither stored nor computed is null, or an empty list or connection where the
//! schema allows no null.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::GraphQLError;
use apollo_compiler::schema::{ExtendedType, Type};
use serde_json::{Map, Value, json};

use super::State;
use super::fields;
use super::limits::is_connection;
use super::login::Standing;
use super::page;
use super::refusal::Refusal;

/// What one request's resolvers share.
pub(super) struct Context<'s> {
    pub(super) state: &'s State,
    pub(super) standing: Standing,
    /// Unix seconds.
    pub(super) now: i64,
    /// Plays a refused login.
    pub(super) refuse_login: bool,
    refusals: RefCell<Vec<Refusal>>,
    /// The accounts as they stand when they are first looked at: in a mutation's answer, behind its change.
    accounts: OnceCell<Arc<Vec<Value>>>,
}

impl<'s> Context<'s> {
    pub(super) fn new(state: &'s State, standing: Standing, now: i64, refuse_login: bool) -> Self {
        Self {
            state,
            standing,
            now,
            refuse_login,
            refusals: RefCell::default(),
            accounts: OnceCell::new(),
        }
    }

    /// Every account.
    pub(super) fn accounts(&self) -> &[Value] {
        self.accounts.get_or_init(|| self.state.books.accounts())
    }

    /// The property of this id.
    pub(super) fn property(&self, id: &str) -> Option<&Value> {
        let properties = self
            .accounts()
            .iter()
            .filter_map(|account| account["properties"].as_array());
        properties.flatten().find(|property| property["id"] == id)
    }

    /// The account of this number.
    pub(super) fn account(&self, number: &str) -> Option<&Value> {
        self.accounts().iter().find(|account| account["number"] == number)
    }

    /// The executor knows errors as text only: the text is the refusal's place in our list until the answer is written.
    fn refuse(&self, refusal: Refusal) -> FieldError {
        let mut refusals = self.refusals.borrow_mut();
        refusals.push(refusal);
        FieldError {
            message: (refusals.len() - 1).to_string(),
        }
    }

    /// Writes one of the executor's errors as the contract has it.
    pub(super) fn error(&self, error: &GraphQLError) -> Value {
        let locations: Vec<Value> = error
            .locations
            .iter()
            .map(|at| json!({"line": at.line, "column": at.column}))
            .collect();
        let path = serde_json::to_value(&error.path).unwrap_or_default();
        let known = error
            .message
            .strip_prefix("resolver error: ")
            .and_then(|index| index.parse::<usize>().ok());
        let refusal = known.and_then(|index| self.refusals.borrow().get(index).cloned());
        refusal
            .unwrap_or_else(|| Refusal::uncoded("APPLICATION", &error.message))
            .at(path, locations.into())
    }
}

/// The arguments of one field, coerced and with their defaults.
pub(super) struct Args(Map<String, Value>);

impl Args {
    fn of(info: &ResolveInfo<'_>) -> Self {
        match serde_json::to_value(info.arguments()) {
            Ok(Value::Object(map)) => Self(map),
            _ => Self(Map::new()),
        }
    }

    #[cfg(test)]
    pub(super) fn from_json(value: Value) -> Self {
        Self(value.as_object().cloned().unwrap_or_default())
    }

    /// All of them.
    pub(super) fn all(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// The argument, if it was given and is not null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    pub(super) fn whole(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_i64()
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }
}

/// What a field resolved to, before it takes the shape its type demands.
pub(super) enum Found<'a> {
    /// A value of the field's own shape; for a connection, the list of its nodes.
    Value(Cow<'a, Value>),
    /// The nodes of a connection, made one by one when a page needs them.
    Nodes(page::Nodes<'a>),
}

impl From<Value> for Found<'_> {
    fn from(value: Value) -> Self {
        Self::Value(Cow::Owned(value))
    }
}

impl<'a> From<&'a Value> for Found<'a> {
    fn from(value: &'a Value) -> Self {
        Self::Value(Cow::Borrowed(value))
    }
}

/// One object of the schema.
pub(super) struct Object<'a> {
    context: &'a Context<'a>,
    type_name: Cow<'a, str>,
    record: Cow<'a, Value>,
}

impl<'a> Object<'a> {
    pub(super) fn root(context: &'a Context<'a>, type_name: &'a str) -> Self {
        Self {
            context,
            type_name: Cow::Borrowed(type_name),
            record: Cow::Owned(json!({})),
        }
    }
}

impl ObjectValue for Object<'_> {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let args = Args::of(info);
        let ty = &info.field_definition().ty;
        self.resolve(info.field_name(), ty, &args)
            .map_err(|refusal| self.context.refuse(refusal))
    }
}

impl Object<'_> {
    fn resolve<'a>(&'a self, field: &str, ty: &'a Type, args: &Args) -> Result<ResolvedValue<'a>, Refusal> {
        if !is_connection(ty) {
            return Ok(
                match fields::find(self.context, &self.type_name, &self.record, field, args)? {
                    Found::Value(value) => present(self.context, ty, value),
                    Found::Nodes(_) => ResolvedValue::null(),
                },
            );
        }
        let wanted = page::Wanted::read(args, ty.inner_named_type())?;
        let nodes = match fields::find(self.context, &self.type_name, &self.record, field, args)? {
            Found::Value(list) => page::Nodes::of(list),
            Found::Nodes(nodes) => nodes,
        };
        let connection = Cow::Owned(page::cut(&nodes, &wanted));
        Ok(ResolvedValue::object(Object {
            context: self.context,
            type_name: Cow::Borrowed(ty.inner_named_type().as_str()),
            record: connection,
        }))
    }
}

/// Gives a value the shape its type demands.
fn present<'a>(context: &'a Context<'a>, ty: &'a Type, value: Cow<'a, Value>) -> ResolvedValue<'a> {
    if ty.is_list() {
        let item = ty.item_type();
        return match value {
            Cow::Owned(Value::Array(items)) => ResolvedValue::list(
                items
                    .into_iter()
                    .map(move |value| present(context, item, Cow::Owned(value))),
            ),
            Cow::Borrowed(Value::Array(items)) => ResolvedValue::list(
                items
                    .iter()
                    .map(move |value| present(context, item, Cow::Borrowed(value))),
            ),
            _ if ty.is_non_null() => ResolvedValue::list(std::iter::empty()),
            _ => ResolvedValue::null(),
        };
    }
    if value.is_null() {
        return ResolvedValue::null();
    }
    let name = ty.inner_named_type();
    match context.state.edition.schema().types.get(name) {
        Some(ExtendedType::Object(_)) => ResolvedValue::object(Object {
            context,
            type_name: Cow::Borrowed(name.as_str()),
            record: value,
        }),
        Some(ExtendedType::Interface(_) | ExtendedType::Union(_)) => {
            let concrete = value
                .get("__typename")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            ResolvedValue::object(Object {
                context,
                type_name: Cow::Owned(concrete),
                record: value,
            })
        }
        _ => ResolvedValue::leaf(value.into_owned()),
    }
}
