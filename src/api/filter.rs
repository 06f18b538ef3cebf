//! Conditions of searches in queries: `field=value` and `field[operator]=value`.

use std::marker::PhantomData;

use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AnyOfBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};

use super::extract::{Pair, shown};
use crate::error::{Error, ErrorKind, Place, Result};
use crate::model::money::decimal;
use crate::model::text::Line;
use crate::operations::filter::{CUSTOM, Field, FieldKind, Fields, Filter, Operand, Operator};

/// The most conditions of one search.
const MOST: usize = 20;
/// What stands before the name of a fact of the utility's own.
const OWN_FACT: &str = "custom_attributes.";

/// Documents the conditions of a search.
pub(super) struct Conditions<S>(PhantomData<fn() -> S>);

impl<S: Fields> IntoParams for Conditions<S> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        S::FIELDS.iter().map(parameter).collect()
    }
}

/// What [`Bound`](crate::model::time::Bound) reads.
pub(super) fn day_or_instant() -> Schema {
    let format = |format| {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(format)))
    };
    AnyOfBuilder::new()
        .item(format(KnownFormat::Date))
        .item(format(KnownFormat::DateTime))
        .into()
}

fn parameter(field: &Field) -> Parameter {
    let plain = field.kind.plain();
    let others: Vec<_> = field
        .kind
        .operators()
        .iter()
        .filter(|operator| **operator != plain)
        .map(|operator| format!("`{}`", operator.as_str()))
        .collect();
    let schema = match field.kind {
        FieldKind::Text => ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(256))
            .into(),
        FieldKind::Number => ObjectBuilder::new().schema_type(Type::Number).into(),
        FieldKind::Flag => ObjectBuilder::new().schema_type(Type::Boolean).into(),
        FieldKind::Time => day_or_instant(),
    };
    ParameterBuilder::new()
        .name(field.name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(format!(
            "{}. Also `{}[operator]=value` with {}.",
            field.doc,
            field.name,
            others.join(", ")
        )))
        .schema(Some(schema))
        .build()
}

/// Whether a parameter is a condition, right or wrong, and none of the search's own parameters.
pub(super) fn is_condition<S: Fields>(name: &str) -> bool {
    name.contains('[') || (S::CUSTOM && name.starts_with(OWN_FACT)) || S::FIELDS.iter().any(|field| field.name == name)
}

/// Reads conditions; every fault is named.
pub(super) fn read<S: Fields>(pairs: &[Pair<'_>]) -> Result<Vec<Filter>> {
    let mut faults: Vec<(String, String)> = Vec::new();
    let mut filters = Vec::with_capacity(pairs.len());
    if let Some((name, _)) = pairs.get(MOST) {
        faults.push((shown(name), format!("a search has at most {MOST} conditions")));
    }
    for (name, value) in pairs.iter().take(MOST) {
        match condition::<S>(name, value) {
            Ok(filter) => filters.push(filter),
            Err(detail) => faults.push((shown(name), detail)),
        }
    }
    if faults.is_empty() {
        return Ok(filters);
    }
    let told: Vec<_> = faults
        .iter()
        .map(|(name, detail)| format!("`{name}`: {detail}"))
        .collect();
    let error = Error::new(ErrorKind::Invalid, told.join("; "));
    Err(faults.into_iter().fold(error, |error, (name, detail)| {
        error.fault(Place::Parameter(name.into()), detail)
    }))
}

fn condition<S: Fields>(name: &str, value: &str) -> Result<Filter, String> {
    let (path, operator) = match name.split_once('[') {
        None => (name, None),
        Some((path, rest)) => {
            let operator = rest.strip_suffix(']').ok_or("it is written `field[operator]`")?;
            let known = || {
                let all: Vec<_> = Operator::ALL.map(Operator::as_str).to_vec();
                format!("there is no such operator; there are {}", all.join(", "))
            };
            (path, Some(Operator::named(operator).ok_or_else(known)?))
        }
    };
    let (field, attribute) = field::<S>(path)?;
    let operator = operator.unwrap_or_else(|| field.kind.plain());
    if !field.kind.operators().contains(&operator) {
        let fitting: Vec<_> = field
            .kind
            .operators()
            .iter()
            .map(|operator| operator.as_str())
            .collect();
        return Err(format!(
            "the operator does not fit the field; {} do",
            fitting.join(", ")
        ));
    }
    Ok(Filter {
        field,
        attribute,
        operator,
        operand: operand(field.kind, operator, value)?,
    })
}

fn field<S: Fields>(path: &str) -> Result<(&'static Field, Option<String>), String> {
    if let Some(field) = S::FIELDS.iter().find(|field| field.name == path) {
        return Ok((field, None));
    }
    if let Some(attribute) = path.strip_prefix(OWN_FACT).filter(|_| S::CUSTOM) {
        let attribute = Line::try_from(attribute.to_owned()).map_err(|error| error.to_string())?;
        return Ok((&CUSTOM, Some(attribute.into_string())));
    }
    let mut known: Vec<_> = S::FIELDS.iter().map(|field| field.name).collect();
    if S::CUSTOM {
        known.push("custom_attributes.<name>");
    }
    Err(format!(
        "there is no such field to filter by; there are {}",
        known.join(", ")
    ))
}

fn operand(kind: FieldKind, operator: Operator, value: &str) -> Result<Option<Operand>, String> {
    if matches!(operator, Operator::IsBlank | Operator::NotBlank) {
        return match value {
            "" => Ok(None),
            _ => Err("the operator takes no value".to_owned()),
        };
    }
    let operand = match kind {
        FieldKind::Text => Operand::Text(
            Line::try_from(value.to_owned())
                .map_err(|error| error.to_string())?
                .into_string(),
        ),
        FieldKind::Number => Operand::Number(decimal(value).map_err(|_| "it must be a number")?),
        FieldKind::Flag => Operand::Flag(value.parse().map_err(|_| "it must be `true` or `false`")?),
        FieldKind::Time => Operand::Time(value.parse().map_err(
            |_| "it must be a date, `YYYY-MM-DD`, or an instant with offset, such as `2026-07-01T00:00:00Z`",
        )?),
    };
    Ok(Some(operand))
}
