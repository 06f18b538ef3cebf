//! Entities as rows of typed cells: how they are read and written as JSON.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::shape::{Entity, Field, Type};

/// A pointer to an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) entity: Entity,
    pub(super) id: Arc<str>,
    pub(super) key: Option<Arc<str>>,
}

impl Reference {
    fn read(entity: Entity, value: &Value) -> Option<Arc<Self>> {
        let id = value.get("id")?.as_str()?.into();
        let key = value.get("naturalKey").and_then(Value::as_str).map(Arc::from);
        Some(Arc::new(Reference { entity, id, key }))
    }

    fn to_value(&self) -> Value {
        let href = format!("/{}/status/{}", self.entity.word(), self.id);
        json!({ "id": &*self.id, "naturalKey": self.key.as_deref(), "link": { "rel": "self", "href": href } })
    }
}

/// The content of a member.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// The member is left out, as in some of the samples (README, "Null and missing").
    Missing,
    Null,
    Text(Arc<str>),
    Number(Decimal),
    Flag(bool),
    Date(i64),
    One(Arc<Reference>),
    Many(Box<[Arc<Reference>]>),
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Cell::Flag(flag)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.into())
    }
}

impl From<&Arc<str>> for Cell {
    fn from(text: &Arc<str>) -> Self {
        Cell::Text(Arc::clone(text))
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(text.into())
    }
}

impl From<Decimal> for Cell {
    fn from(number: Decimal) -> Self {
        Cell::Number(number)
    }
}

impl From<Arc<Reference>> for Cell {
    fn from(reference: Arc<Reference>) -> Self {
        Cell::One(reference)
    }
}

impl From<Vec<Arc<Reference>>> for Cell {
    fn from(references: Vec<Arc<Reference>>) -> Self {
        Cell::Many(references.into())
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(content: Option<T>) -> Self {
        content.map_or(Cell::Null, Into::into)
    }
}

impl Cell {
    fn read(kind: Type, value: Option<&Value>) -> Self {
        let Some(value) = value else { return Cell::Missing };
        match kind {
            Type::Text | Type::TextFlag | Type::Opaque => value.as_str().map(Cell::from).into(),
            Type::Number => decimal(value).into(),
            Type::Flag => value.as_bool().into(),
            Type::Date => value.as_i64().map_or(Cell::Null, Cell::Date),
            Type::One(entity) => Reference::read(entity, value).into(),
            Type::Many(entity) => {
                let entries = value.as_array().map(Vec::as_slice).unwrap_or_default();
                let references: Vec<_> = entries
                    .iter()
                    .filter_map(|entry| Reference::read(entity, entry))
                    .collect();
                references.into()
            }
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Cell::Missing | Cell::Null => Value::Null,
            Cell::Text(text) => json!(&**text),
            // Not through a binary fraction.
            Cell::Number(number) => serde_json::from_str(&number.to_string()).unwrap_or_default(),
            Cell::Flag(flag) => json!(flag),
            Cell::Date(instant) => json!(instant),
            Cell::One(reference) => reference.to_value(),
            Cell::Many(references) => references.iter().map(|reference| reference.to_value()).collect(),
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entities pointed to.
    pub(super) fn references(&self) -> &[Arc<Reference>] {
        match self {
            Cell::One(reference) => std::slice::from_ref(reference),
            Cell::Many(references) => references,
            _ => &[],
        }
    }

    /// Whether `isblank` finds it.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Cell::Missing | Cell::Null => true,
            Cell::Text(text) => text.is_empty(),
            Cell::Many(references) => references.is_empty(),
            _ => false,
        }
    }
}

/// A JSON number, digit by digit.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    let text = value.as_number()?.to_string();
    text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok())
}

/// Custom attributes by name, in the order they were given.
pub(super) type Attributes = Vec<(Arc<str>, Option<Arc<str>>)>;

/// One entity.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) entity: Entity,
    /// The tenant it belongs to; empty for what all tenants share.
    pub(super) tenant: Arc<str>,
    cells: Box<[Cell]>,
    pub(super) attributes: Attributes,
    /// The four passwords, which nothing but a search can see.
    pub(super) passwords: Option<Box<[Option<Arc<str>>; 4]>>,
    /// Of an attribute: whether it is insisted on.
    pub(super) enforced: bool,
}

impl Record {
    /// An entity with every member null, or left out where it stands inside `eventFields`.
    pub(super) fn new(entity: Entity, tenant: &Arc<str>) -> Self {
        let empty = |field: &Field| match (field.nested, field.kind) {
            (true, _) => Cell::Missing,
            (false, Type::Many(_)) => Cell::Many([].into()),
            (false, _) => Cell::Null,
        };
        Record {
            entity,
            tenant: Arc::clone(tenant),
            cells: entity.fields().iter().map(empty).collect(),
            attributes: Vec::new(),
            passwords: None,
            enforced: false,
        }
    }

    /// Reads an entity as the API writes it; members it lacks stay left out.
    pub(super) fn read(entity: Entity, tenant: &Arc<str>, value: &Value) -> Self {
        let place = |field: &Field| match field.nested {
            true => value.get("eventFields").and_then(|fields| fields.get(field.name)),
            false => value.get(field.name),
        };
        let cells = entity.fields().iter().map(|field| Cell::read(field.kind, place(field)));
        let attributes = value.get("customAttributes").and_then(Value::as_object);
        let attribute = |(name, value): (&String, &Value)| (Arc::from(name.as_str()), value.as_str().map(Arc::from));
        Record {
            cells: cells.collect(),
            attributes: attributes.into_iter().flatten().map(attribute).collect(),
            ..Record::new(entity, tenant)
        }
    }

    /// The entity as the API writes it.
    pub(super) fn to_value(&self) -> Value {
        let (mut members, mut nested) = (Map::new(), Map::new());
        for (field, cell) in self.entity.fields().iter().zip(&self.cells) {
            if *cell != Cell::Missing {
                let place = if field.nested { &mut nested } else { &mut members };
                place.insert(field.name.to_owned(), cell.to_value());
            }
        }
        if self.entity.has_attributes() {
            let attribute = |(name, value): &(Arc<str>, Option<Arc<str>>)| (name.to_string(), json!(value.as_deref()));
            let attributes: Map<_, _> = self.attributes.iter().map(attribute).collect();
            members.insert("customAttributes".to_owned(), Value::Object(attributes));
        }
        if self.entity == Entity::Event {
            members.insert("eventFields".to_owned(), Value::Object(nested));
        }
        Value::Object(members)
    }

    pub(super) fn cell(&self, column: usize) -> &Cell {
        self.cells.get(column).unwrap_or(&Cell::Missing)
    }

    pub(super) fn get(&self, name: &str) -> &Cell {
        self.entity
            .column(name)
            .map_or(&Cell::Missing, |column| self.cell(column))
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).text().unwrap_or_default()
    }

    pub(super) fn set(&mut self, name: &str, content: impl Into<Cell>) {
        let cell = self.entity.column(name).and_then(|column| self.cells.get_mut(column));
        if let Some(cell) = cell {
            *cell = content.into();
        }
    }

    pub(super) fn with(mut self, name: &str, content: impl Into<Cell>) -> Self {
        self.set(name, content);
        self
    }

    /// A pointer to this entity.
    pub(super) fn reference(&self) -> Arc<Reference> {
        // A service type is pointed to by its name, although nothing accepts that name (sample of a provider).
        let key = match self.entity {
            Entity::ServiceType => Some("name"),
            entity => entity.natural_key(),
        };
        Arc::new(Reference {
            entity: self.entity,
            id: self.shared("id"),
            key: key.map(|name| self.shared(name)),
        })
    }

    /// A text that is kept in common with whoever asks.
    pub(super) fn shared(&self, name: &str) -> Arc<str> {
        match self.get(name) {
            Cell::Text(text) => Arc::clone(text),
            _ => Arc::from(""),
        }
    }

    /// The value of a custom attribute, whose name is compared without regard to case.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let named = self
            .attributes
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        named.and_then(|(_, value)| value.as_deref())
    }
}

/// A number of an account as the system compares it: without punctuation and leading zeros.
pub(super) fn normalized_account(number: &str) -> String {
    let plain = normalized_meter(number);
    let without = plain.trim_start_matches('0');
    if without.is_empty() { plain } else { without.to_owned() }
}

/// A number of a meter without punctuation.
pub(super) fn normalized_meter(number: &str) -> String {
    number.chars().filter(char::is_ascii_alphanumeric).collect()
}

#[cfg(test)]
mod tests {
    use super::{normalized_account, normalized_meter};

    #[test]
    fn numbers_are_compared_without_punctuation() {
        assert_eq!(normalized_account("1234-56789"), "123456789");
        assert_eq!(normalized_account("00 12-0"), "120");
        assert_eq!(normalized_account("0-0"), "00");
        assert_eq!(normalized_meter("meter-0123"), "meter0123");
    }
}
