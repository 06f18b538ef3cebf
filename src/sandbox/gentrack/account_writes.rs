//! Accounts that are opened and changed, their holds, and when they are billed.

use serde_json::{Value, json};

use super::answer::Refusal;
use super::bodies;
use super::book::BOOK;
use super::reads::{entries, identifier, text};
use super::records::{Sort, State, TODAY, Written, example, lay_over};

/// The contract's account is under review and has its billing outlook; the others are not, and have the usual one.
pub(super) fn seed(state: &mut State) {
    let example = |sort, text: &str, state: &mut State| state.put(sort, "10045213", example(text));
    example(Sort::Review, include_str!("data/getAccountReview.200.json"), state);
    example(
        Sort::BillingInformation,
        include_str!("data/getBillingInformation.200.json"),
        state,
    );
}

/// The billing outlook of an account that has none of its own.
pub(super) fn billing_information() -> Value {
    json!({ "nextBillDateFrequency": "Monthly", "billDateUpdatable": true })
}

/// An account's details as they are now.
pub(super) fn details(state: &State, id: &str) -> Result<Value, Refusal> {
    match state.get(Sort::Account, id) {
        Some(details) => Ok(details.clone()),
        None => Ok(serde_json::from_slice(&BOOK.account(id)?.details).unwrap_or_default()),
    }
}

/// Carries out a write on accounts or bills; `None` if it is another operation.
pub(super) fn write(state: &mut State, operation: &str, id: &str, body: &[u8]) -> Result<Option<Written>, Refusal> {
    match operation {
        "createAccount" => create(state, body),
        "updateAccount" => {
            let sent = bodies::read(body, bodies::ACCOUNT)?;
            let mut record = details(state, id)?;
            lay_over(&mut record, sent);
            state.put(Sort::Account, id, record);
            Ok(Written::done())
        }
        "updateAccountParent" => set_parent(state, id, body),
        "createAccountReview" => {
            state.account(id)?;
            let mut sent = bodies::read(body, bodies::REVIEW)?;
            for flag in ["suppressBilling", "suppressPayments", "suppressCredit"] {
                sent.entry(flag).or_insert(json!(false));
            }
            sent.entry("period").or_insert(json!({ "fromDate": TODAY }));
            sent.insert("underReview".to_owned(), json!(true));
            sent.insert("reviewReference".to_owned(), json!(state.next_reference()));
            let review = Value::Object(sent);
            let written = Written::created(&review);
            state.put(Sort::Review, id, review);
            Ok(written)
        }
        "fixBill" => {
            let sent = bodies::read(body, bodies::FIX)?;
            let kind = sent.get("type").and_then(Value::as_str);
            BOOK.bill(id, kind)?;
            state.put(Sort::Fixed, id, Value::Object(sent));
            Ok(Written::done())
        }
        _ => return Ok(None),
    }
    .map(Some)
}

fn create(state: &mut State, body: &[u8]) -> Result<Written, Refusal> {
    let mut sent = bodies::read(body, bodies::ACCOUNT)?;
    let named = sent.contains_key("customerReference") || sent.contains_key("organisationReference");
    if !named {
        let why = "An account belongs to a customer or an organisation.";
        return Err(Refusal::one("RequiredMemberMissing", "customerReference", why));
    }
    if let Some(parent) = sent.get("parentAccountReference").and_then(identifier) {
        state.account(&parent)?;
    }
    let chosen = sent.get("globalReference").and_then(identifier);
    let taken = chosen.as_ref().is_some_and(|chosen| BOOK.account(chosen).is_ok());
    sent.insert("status".to_owned(), json!("AwaitingSupply"));
    sent.insert("period".to_owned(), json!({ "fromDate": TODAY }));
    sent.entry("currency").or_insert(json!("AUD"));
    state.create(Sort::Account, sent, taken)
}

fn set_parent(state: &mut State, id: &str, body: &[u8]) -> Result<Written, Refusal> {
    let sent = bodies::read(body, bodies::PARENT)?;
    let mut record = details(state, id)?;
    let parent = sent
        .get("parentAccountReference")
        .and_then(identifier)
        .unwrap_or_default();
    if parent == id {
        let why = "An account cannot stand under itself.";
        return Err(Refusal::one("InvalidValue", "parentAccountReference", why));
    }
    state.account(&parent).map_err(|_| {
        let why = format!("No account with global reference {parent}.");
        Refusal::one("AccountNotFound", "parentAccountReference", why)
    })?;
    record["parentAccountReference"] = json!(parent);
    state.put(Sort::Account, id, record);
    Ok(Written::done())
}

/// A list of bills, those that were reversed marked as superseded.
pub(super) fn fixed(state: &State, bills: &[u8]) -> Option<Value> {
    let mut list = serde_json::from_slice::<Value>(bills).ok()?;
    let reversed = |bill: &Value| {
        let id = bill.get("billId").and_then(identifier).unwrap_or_default();
        state.get(Sort::Fixed, &id).is_some_and(|fix| {
            text(fix, "fixType") == "Reverse" && fix.get("type").is_none_or(|kind| *kind == bill["type"])
        })
    };
    if !entries(&list, "results").any(reversed) {
        return None;
    }
    if let Some(Value::Array(bills)) = list.get_mut("results") {
        for bill in bills {
            if reversed(bill) {
                bill["billFlags"]["superseded"] = json!(true);
            }
        }
    }
    Some(list)
}
