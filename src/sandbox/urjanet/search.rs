//! Searching, sorting and paging (README, "Search").

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::answer::Refusal;
use super::record::{Cell, Record, Reference, decimal};
use super::shape::{Entity, Type};
use super::world::World;

/// Entities on a page when nothing is said.
pub(super) const LENGTH: usize = 100;

/// Entities on a page at most; more is cut in silence. Also the number of entities when there are no criteria at all.
const LONGEST: usize = 1000;

/// By how many places a page beyond the first is shifted when the order is left to the system.
const SHIFT: usize = 7;

const PASSWORDS: [&str; 4] = ["password", "password2", "password3", "password4"];

/// One page of a list.
pub(super) struct Page {
    pub(super) rows: Vec<Value>,
    pub(super) more: bool,
    /// Filled on the last page too.
    pub(super) next: usize,
}

impl Page {
    /// The page that starts at `start`.
    pub(super) fn cut(rows: &[&Arc<Record>], start: usize, length: usize) -> Self {
        let end = start.saturating_add(length).min(rows.len());
        let rows_of_page = rows.get(start..end).unwrap_or_default();
        Page {
            rows: rows_of_page.iter().map(|row| row.to_value()).collect(),
            more: end < rows.len(),
            next: start + rows_of_page.len(),
        }
    }
}

/// What a search asks for.
#[derive(Debug)]
pub(super) struct Criteria {
    start: usize,
    length: usize,
    sorts: Vec<(Column, bool)>,
    conditions: Vec<Condition>,
    /// Passwords by their place, which are compared in a second step.
    passwords: Vec<(usize, String)>,
}

/// Where the content compared comes from.
#[derive(Clone, Debug)]
enum Column {
    Member(usize, Type),
    Attribute(String),
    /// Of a meter: the number of its account.
    AccountNumber,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Eq,
    Neq,
    Gt,
    Lt,
    Gte,
    Lte,
    Include,
    NotInclude,
    StartsWith,
    EndsWith,
    Is,
    Before,
    After,
    On,
    IsBlank,
    NotBlank,
}

#[derive(Debug)]
struct Condition {
    column: Column,
    operator: Operator,
    operand: Operand,
}

#[derive(Debug)]
enum Operand {
    Nothing,
    /// In lower case, with the natural key of the entity it names, if it names one.
    Text(String, Option<String>),
    Number(Decimal),
    Flag(bool),
    Date(i64),
}

impl Operator {
    fn read(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "eq" => Operator::Eq,
            "neq" | "ne" => Operator::Neq,
            "gt" => Operator::Gt,
            "lt" => Operator::Lt,
            "gte" => Operator::Gte,
            "lte" => Operator::Lte,
            "include" | "includes" => Operator::Include,
            "notinclude" => Operator::NotInclude,
            "startswith" => Operator::StartsWith,
            "endswith" => Operator::EndsWith,
            "is" => Operator::Is,
            "before" => Operator::Before,
            "after" => Operator::After,
            "on" => Operator::On,
            "isblank" => Operator::IsBlank,
            "notblank" => Operator::NotBlank,
            _ => return None,
        })
    }

    /// Whether the operator says something about members of a type.
    fn suits(self, kind: Type) -> bool {
        match self {
            Operator::IsBlank | Operator::NotBlank => true,
            Operator::Eq | Operator::Neq => matches!(kind, Type::Text | Type::Number | Type::One(_) | Type::Many(_)),
            Operator::Gt | Operator::Lt | Operator::Gte | Operator::Lte => kind == Type::Number,
            Operator::Include | Operator::NotInclude | Operator::StartsWith | Operator::EndsWith => {
                matches!(kind, Type::Text | Type::One(_) | Type::Many(_))
            }
            Operator::Is => matches!(kind, Type::Flag | Type::TextFlag),
            Operator::Before | Operator::After | Operator::On => kind == Type::Date,
        }
    }
}

impl Criteria {
    /// Reads `queryCriteria` of a search for entities of a tenant.
    pub(super) fn read(world: &World, entity: Entity, tenant: &str, criteria: Option<&Value>) -> Result<Self, Refusal> {
        let mut read = Criteria {
            start: 0,
            length: LONGEST,
            sorts: Vec::new(),
            conditions: Vec::new(),
            passwords: Vec::new(),
        };
        let Some(Value::Object(criteria)) = criteria else {
            return Ok(read);
        };
        known(criteria, "queryCriteria", &["start", "length", "sorts", "filter"])?;
        read.start = whole(criteria, "start", 0)?.unwrap_or(0);
        read.length = whole(criteria, "length", 1)?.unwrap_or(LENGTH).min(LONGEST);
        for sort in list(criteria.get("sorts"), "sorts")? {
            let sort = object(sort, "sorts", &["field", "direction"])?;
            let field = text(sort, "field")?;
            // Anything but this very text sorts descending.
            let ascending = text(sort, "direction")? == "asc";
            if entity == Entity::Credential && PASSWORDS.contains(&field) {
                return Err(Refusal::argument(format!("{field} cannot be sorted on")));
            }
            read.sorts
                .push((Column::find(world, entity, tenant, field)?, ascending));
        }
        if let Some(filter) = criteria.get("filter").filter(|filter| !filter.is_null()) {
            let filter = object(filter, "filter", &["conditions"])?;
            if !filter.contains_key("conditions") {
                return Err(Refusal::argument("filter needs conditions"));
            }
            for condition in list(filter.get("conditions"), "conditions")? {
                read.condition(world, entity, tenant, condition)?;
            }
        }
        if !read.passwords.is_empty() && read.conditions.is_empty() {
            return Err(Refusal::argument("A password cannot be the only condition"));
        }
        Ok(read)
    }

    fn condition(&mut self, world: &World, entity: Entity, tenant: &str, condition: &Value) -> Result<(), Refusal> {
        let condition = object(condition, "conditions", &["field", "operator", "value"])?;
        let field = text(condition, "field")?;
        let name = text(condition, "operator")?;
        let operator = Operator::read(name).ok_or_else(|| Refusal::argument(format!("{name} is no operator")))?;
        let value = condition.get("value").filter(|value| !value.is_null());
        if entity == Entity::Credential
            && let Some(place) = PASSWORDS.iter().position(|name| *name == field)
        {
            let (Operator::Eq, Some(Value::String(text))) = (operator, value) else {
                return Err(Refusal::argument(format!(
                    "{field} can only be searched with eq and a text"
                )));
            };
            self.passwords.push((place, text.clone()));
            return Ok(());
        }
        let column = Column::find(world, entity, tenant, field)?;
        if !operator.suits(column.kind()) {
            return Err(Refusal::argument(format!("{name} does not suit {field}")));
        }
        let operand = Operand::read(world, operator, column.kind(), value)
            .ok_or_else(|| Refusal::argument(format!("The value for {field} does not suit {name}")))?;
        self.conditions.push(Condition {
            column,
            operator,
            operand,
        });
        Ok(())
    }

    /// Whether a password is asked for.
    pub(super) fn asks_for_password(&self) -> bool {
        !self.passwords.is_empty()
    }

    /// Searches, sorts and cuts the page.
    pub(super) fn run<'a>(&self, world: &World, rows: impl Iterator<Item = &'a Arc<Record>>) -> Page {
        let mut hits: Vec<_> = rows
            .filter(|row| self.conditions.iter().all(|condition| condition.holds(world, row)))
            .filter(|row| self.passwords.iter().all(|password| has_password(row, password)))
            .collect();
        if self.sorts.is_empty() {
            // Without a sort nobody promises that pages follow on each other (README, "Paging").
            if self.start > 0 && !hits.is_empty() {
                let shift = SHIFT % hits.len();
                hits.rotate_right(shift);
            }
        } else {
            hits.sort_by(|one, other| self.compare(world, one, other));
        }
        Page::cut(&hits, self.start, self.length)
    }

    fn compare(&self, world: &World, one: &Record, other: &Record) -> Ordering {
        let by = |(column, ascending): &(Column, bool)| {
            let order = column.compare(world, one, other);
            if *ascending { order } else { order.reverse() }
        };
        let mut orders = self.sorts.iter().map(by);
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

fn has_password(row: &Record, (place, wanted): &(usize, String)) -> bool {
    let passwords = row.passwords.as_deref();
    let password = passwords.and_then(|passwords| passwords.get(*place)?.as_deref());
    password == Some(wanted.as_str())
}

impl Column {
    fn find(world: &World, entity: Entity, tenant: &str, name: &str) -> Result<Self, Refusal> {
        let member = |(at, kind): (usize, Type)| (kind != Type::Opaque).then_some(Column::Member(at, kind));
        let fields = entity.fields().iter().enumerate();
        let found = fields
            .clone()
            .find(|(_, field)| match field.kind {
                Type::One(_) => name.strip_suffix("Id") == Some(field.name),
                Type::Many(_) => name.strip_suffix("Ids").or(name.strip_suffix("Id")) == field.name.strip_suffix('s'),
                _ => field.name == name,
            })
            .map(|(at, field)| (at, field.kind));
        if let Some(column) = found.and_then(member) {
            return Ok(column);
        }
        if entity == Entity::Meter && name == "accountNumber" {
            return Ok(Column::AccountNumber);
        }
        if entity.has_attributes() && world.attribute(tenant, name).is_some() {
            return Ok(Column::Attribute(name.to_owned()));
        }
        Err(Refusal::argument(format!("{name} cannot be searched")))
    }

    fn kind(&self) -> Type {
        match self {
            Column::Member(_, kind) => *kind,
            Column::Attribute(_) | Column::AccountNumber => Type::Text,
        }
    }

    fn view<'a>(&self, world: &'a World, row: &'a Record) -> View<'a> {
        match self {
            Column::Member(at, _) => View::Cell(row.cell(*at)),
            Column::Attribute(name) => View::Text(row.attribute(name)),
            Column::AccountNumber => View::Text(world.account_of(row).map(|account| account.text("accountNumber"))),
        }
    }

    fn compare(&self, world: &World, one: &Record, other: &Record) -> Ordering {
        let (one, other) = (self.view(world, one), self.view(world, other));
        match (&one, &other) {
            (View::Cell(Cell::Number(one)), View::Cell(Cell::Number(other))) => one.cmp(other),
            (View::Cell(Cell::Date(one)), View::Cell(Cell::Date(other))) => one.cmp(other),
            (View::Cell(Cell::Flag(one)), View::Cell(Cell::Flag(other))) => one.cmp(other),
            _ => folded(one.text())
                .cmp(folded(other.text()))
                .then_with(|| one.text().cmp(&other.text())),
        }
    }
}

/// A text byte by byte in lower case; nothing comes before everything.
fn folded(text: Option<&str>) -> impl Iterator<Item = u8> + '_ {
    text.unwrap_or_default().bytes().map(|byte| byte.to_ascii_lowercase())
}

/// The content of a column.
enum View<'a> {
    Cell(&'a Cell),
    Text(Option<&'a str>),
}

impl<'a> View<'a> {
    /// The text to sort by.
    fn text(&self) -> Option<&'a str> {
        match self {
            View::Text(text) => *text,
            View::Cell(cell) => match cell {
                Cell::Text(text) => Some(text),
                cell => cell
                    .references()
                    .first()
                    .map(|reference| reference.key.as_deref().unwrap_or(&reference.id)),
            },
        }
    }

    fn is_blank(&self) -> bool {
        match self {
            View::Text(text) => text.is_none_or(str::is_empty),
            View::Cell(cell) => cell.is_blank(),
        }
    }
}

impl Operand {
    fn read(world: &World, operator: Operator, kind: Type, value: Option<&Value>) -> Option<Self> {
        if matches!(operator, Operator::IsBlank | Operator::NotBlank) {
            return value.is_none().then_some(Operand::Nothing);
        }
        let value = value?;
        match kind {
            Type::Number => decimal(value).map(Operand::Number),
            Type::Flag | Type::TextFlag => value.as_bool().map(Operand::Flag),
            Type::Date => value.as_i64().map(Operand::Date),
            Type::One(entity) | Type::Many(entity) => {
                let text = value.as_str()?;
                let key = world.find(entity, text).and_then(|named| named.reference().key.clone());
                Some(Operand::Text(text.to_lowercase(), key.map(|key| key.to_lowercase())))
            }
            Type::Text | Type::Opaque => Some(Operand::Text(value.as_str()?.to_lowercase(), None)),
        }
    }
}

impl Condition {
    fn holds(&self, world: &World, row: &Record) -> bool {
        let view = self.column.view(world, row);
        match self.operator {
            Operator::IsBlank => view.is_blank(),
            Operator::NotBlank => !view.is_blank(),
            Operator::Neq => !self.agrees(&view, Operator::Eq),
            Operator::NotInclude => !self.agrees(&view, Operator::Include),
            operator => self.agrees(&view, operator),
        }
    }

    /// Whether the content is there and the operator, which denies nothing, holds for it.
    fn agrees(&self, view: &View<'_>, operator: Operator) -> bool {
        match (view, &self.operand) {
            (View::Cell(Cell::Number(number)), Operand::Number(wanted)) => holds_number(operator, number, wanted),
            (View::Cell(Cell::Flag(flag)), Operand::Flag(wanted)) => flag == wanted,
            (View::Cell(Cell::Text(text)), Operand::Flag(wanted)) => text.parse() == Ok(*wanted),
            (View::Cell(Cell::Date(instant)), Operand::Date(wanted)) => match operator {
                Operator::Before => instant < wanted,
                Operator::After => instant > wanted,
                _ => day(*instant) == day(*wanted),
            },
            (View::Cell(Cell::Text(text)), Operand::Text(wanted, _)) => holds_text(operator, text, wanted),
            (View::Text(Some(text)), Operand::Text(wanted, _)) => holds_text(operator, text, wanted),
            (View::Cell(cell), Operand::Text(wanted, key)) => cell
                .references()
                .iter()
                .any(|reference| holds_reference(operator, reference, wanted, key.as_deref())),
            _ => false,
        }
    }
}

fn holds_number(operator: Operator, number: &Decimal, wanted: &Decimal) -> bool {
    match operator {
        Operator::Gt => number > wanted,
        Operator::Lt => number < wanted,
        Operator::Gte => number >= wanted,
        Operator::Lte => number <= wanted,
        _ => number == wanted,
    }
}

fn holds_text(operator: Operator, text: &str, wanted: &str) -> bool {
    let text = text.to_lowercase();
    match operator {
        Operator::Include => text.contains(wanted),
        Operator::StartsWith => text.starts_with(wanted),
        Operator::EndsWith => text.ends_with(wanted),
        _ => text == wanted,
    }
}

/// An entity is meant by its id, its natural key, or any other id that leads to it.
fn holds_reference(operator: Operator, reference: &Reference, wanted: &str, key: Option<&str>) -> bool {
    let own = reference.key.as_deref();
    holds_text(operator, &reference.id, wanted)
        || own.is_some_and(|own| holds_text(operator, own, wanted))
        || operator == Operator::Eq && own.is_some_and(|own| key == Some(&*own.to_lowercase()))
}

/// The day in UTC, counted from the epoch.
fn day(instant: i64) -> i64 {
    Timestamp::from_millisecond(instant).map_or(instant, |time| time.as_second().div_euclid(86_400))
}

fn known(members: &Map<String, Value>, place: &str, names: &[&str]) -> Result<(), Refusal> {
    match members.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => Err(Refusal::argument(format!("{place} has no member {name}"))),
        None => Ok(()),
    }
}

fn object<'a>(value: &'a Value, place: &str, names: &[&str]) -> Result<&'a Map<String, Value>, Refusal> {
    let members = value
        .as_object()
        .ok_or_else(|| Refusal::argument(format!("{place} holds something that is no object")))?;
    known(members, place, names)?;
    Ok(members)
}

fn list<'a>(value: Option<&'a Value>, name: &str) -> Result<&'a [Value], Refusal> {
    match value {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(entries)) => Ok(entries),
        Some(_) => Err(Refusal::argument(format!("{name} must be a list"))),
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    let text = members
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty());
    text.ok_or_else(|| Refusal::argument(format!("{name} must be a text that is not empty")))
}

fn whole(members: &Map<String, Value>, name: &str, least: u64) -> Result<Option<usize>, Refusal> {
    let Some(value) = members.get(name) else {
        return Ok(None);
    };
    let number = value.as_u64().filter(|number| *number >= least);
    match number.and_then(|number| usize::try_from(number).ok()) {
        Some(number) => Ok(Some(number)),
        None => Err(Refusal::argument(format!("{name} must be a whole number from {least}"))),
    }
}
