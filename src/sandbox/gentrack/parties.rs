//! Customers, organisations and contacts, their relationships, and hierarchies handed in at once.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::account_writes;
use super::answer::Refusal;
use super::bodies::{self, Member};
use super::book::BOOK;
use super::reads::{identifier, text};
use super::records::{Sort, State, Written, example, lay_over};

/// The parties of the contract's examples.
pub(super) fn seed(state: &mut State) {
    for (sort, text) in [
        (Sort::Contact, include_str!("data/getContact.200.json")),
        (Sort::Customer, include_str!("data/getCustomer.200.json")),
        (Sort::Organisation, include_str!("data/getOrganisation.200.json")),
    ] {
        let party = example(text);
        let id = party.get("globalReference").and_then(identifier).unwrap_or_default();
        state.put(sort, &id, party);
    }
}

/// A party's text.
pub(super) fn read(state: &State, sort: Sort, id: &str) -> Result<Bytes, Refusal> {
    match state.get(sort, id) {
        Some(party) => Ok(Bytes::from(party.to_string())),
        None => Err(missing(sort, id)),
    }
}

fn missing(sort: Sort, id: &str) -> Refusal {
    let word = match sort {
        Sort::Contact => "contact",
        Sort::Customer => "customer",
        _ => "organisation",
    };
    Refusal::not_found(&format!("No {word} with global reference {id}."))
}

/// Carries out a write on parties; `None` if it is another operation.
pub(super) fn write(state: &mut State, operation: &str, id: &str, body: &[u8]) -> Result<Option<Written>, Refusal> {
    match operation {
        "createContact" => create(state, Sort::Contact, body, bodies::CONTACT),
        "createCustomer" => create(state, Sort::Customer, body, bodies::CUSTOMER),
        "createOrganisation" => create(state, Sort::Organisation, body, bodies::ORGANISATION),
        "updateContact" => update(state, Sort::Contact, id, body, bodies::CONTACT),
        "updateCustomer" => update(state, Sort::Customer, id, body, bodies::CUSTOMER),
        "updateOrganisation" => update(state, Sort::Organisation, id, body, bodies::ORGANISATION),
        "deleteContact" => {
            bodies::read(body, bodies::REMOVE)?;
            state
                .take(Sort::Contact, id)
                .map(|_| Written::done())
                .ok_or_else(|| missing(Sort::Contact, id))
        }
        "updateContactRelationships" => relate(state, Sort::Contact, id, body),
        "updateOrganisationRelationships" => relate(state, Sort::Organisation, id, body),
        "removeContactRelationships" => unrelate(state, Sort::Contact, id, body),
        "removeOrganisationRelationships" => unrelate(state, Sort::Organisation, id, body),
        "customerSync" => sync(state, body),
        _ => return Ok(None),
    }
    .map(Some)
}

fn create(state: &mut State, sort: Sort, body: &[u8], members: &'static [Member]) -> Result<Written, Refusal> {
    let sent = bodies::read(body, members)?;
    named(sort, &sent)?;
    let sent = filed(sort, sent);
    state.create(sort, sent, false)
}

/// The contract's `Organisation` has a name.
fn named(sort: Sort, sent: &Map<String, Value>) -> Result<(), Refusal> {
    if sort == Sort::Organisation && !sent.contains_key("name") {
        return Err(Refusal::one("RequiredMemberMissing", "name", "It is required."));
    }
    Ok(())
}

/// A customer's relationships with accounts are told as its accounts.
fn filed(sort: Sort, mut sent: Map<String, Value>) -> Map<String, Value> {
    if sort == Sort::Customer
        && let Some(relationships) = sent.remove("relationships")
    {
        sent.insert("accounts".to_owned(), relationships);
    }
    sent
}

fn update(
    state: &mut State,
    sort: Sort,
    id: &str,
    body: &[u8],
    members: &'static [Member],
) -> Result<Written, Refusal> {
    let sent = filed(sort, bodies::read(body, members)?);
    let mut party = state.get(sort, id).cloned().ok_or_else(|| missing(sort, id))?;
    lay_over(&mut party, sent);
    state.put(sort, id, party);
    Ok(Written::done())
}

fn same(one: &Value, other: &Value) -> bool {
    let reference = |link: &Value| link.get("globalReference").and_then(identifier);
    text(one, "entityType") == text(other, "entityType") && reference(one) == reference(other)
}

/// Changes a party's relationships by the body's, with the day the change counts from.
fn change(
    state: &mut State,
    sort: Sort,
    id: &str,
    body: &[u8],
    each: impl Fn(&mut Vec<Value>, Value, Option<&Value>),
) -> Result<Written, Refusal> {
    let mut sent = bodies::read(body, bodies::RELATIONSHIPS)?;
    let day = sent.remove("effectiveDate");
    let mut party = state.get(sort, id).cloned().ok_or_else(|| missing(sort, id))?;
    if !party["relationships"].is_array() {
        party["relationships"] = json!([]);
    }
    if let (Some(Value::Array(links)), Some(Value::Array(changes))) =
        (party.get_mut("relationships"), sent.remove("relationships"))
    {
        for link in changes {
            each(links, link, day.as_ref());
        }
    }
    lay_over(&mut party, Map::new());
    state.put(sort, id, party);
    Ok(Written::done())
}

fn relate(state: &mut State, sort: Sort, id: &str, body: &[u8]) -> Result<Written, Refusal> {
    change(state, sort, id, body, |links, mut link, day| {
        if let (None, Some(day)) = (link.get("effectiveDate"), day) {
            link["effectiveDate"] = day.clone();
        }
        match links.iter_mut().find(|known| same(known, &link)) {
            Some(known) => *known = link,
            None => links.push(link),
        }
    })
}

/// A link that is not there has ended already.
fn unrelate(state: &mut State, sort: Sort, id: &str, body: &[u8]) -> Result<Written, Refusal> {
    change(state, sort, id, body, |links, link, _| {
        links.retain(|known| !same(known, &link));
    })
}

/// Creates what is new and changes what is there, by reference.
fn sync(state: &mut State, body: &[u8]) -> Result<Written, Refusal> {
    let mut sent = bodies::read(body, bodies::SYNC)?;
    let mut parts = Vec::new();
    for (name, sort) in [("customer", Sort::Customer), ("organisation", Sort::Organisation)] {
        if let Some(Value::Object(part)) = sent.remove(name) {
            parts.push((sort, part));
        }
    }
    for (name, sort) in [("contacts", Sort::Contact), ("accounts", Sort::Account)] {
        if let Some(Value::Array(list)) = sent.remove(name) {
            parts.extend(list.into_iter().filter_map(|part| match part {
                Value::Object(part) => Some((sort, part)),
                _ => None,
            }));
        }
    }
    for (sort, part) in parts {
        let part = filed(sort, part);
        let reference = part.get("globalReference").and_then(identifier);
        let known = reference.as_deref().and_then(|id| match sort {
            Sort::Account => account_writes::details(state, id).ok().map(|found| (id, found)),
            _ => state.get(sort, id).cloned().map(|found| (id, found)),
        });
        match known {
            Some((id, mut record)) => {
                lay_over(&mut record, part.clone());
                state.put(sort, id, record);
            }
            None => {
                named(sort, &part)?;
                let taken = reference
                    .as_deref()
                    .is_some_and(|id| sort == Sort::Account && BOOK.account(id).is_ok());
                state.create(sort, part, taken)?;
            }
        }
    }
    Ok(Written::done())
}
