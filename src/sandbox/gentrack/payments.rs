//! How accounts pay: methods, arrangements, terms, refunds, and what is past its due date.

use http::StatusCode;
use jiff::civil::Date;
use jiff::{Span, ToSpan as _};
use rust_decimal::Decimal;
use serde_json::{Map, Number, Value, json};

use super::account_writes;
use super::answer::Refusal;
use super::bodies;
use super::book::BOOK;
use super::reads::{identifier, text};
use super::records::{NOW, Sort, State, TODAY, Written, example};

/// The most payments an arrangement is planned ahead for.
const PLANNED: u64 = 120;

/// The contract's account has its examples. `00210077` pays by card and has two arrangements.
pub(super) fn seed(state: &mut State) {
    for (sort, text) in [
        (Sort::ReviewDate, include_str!("data/getNextPaymentReview.200.json")),
        (Sort::Overdue, include_str!("data/getOverduePayments.200.json")),
        (Sort::Arrangements, include_str!("data/getPaymentArrangements.200.json")),
        (Sort::PaymentMethod, include_str!("data/getPaymentMethod.200.json")),
        (Sort::PaymentTerms, include_str!("data/getPaymentTerms.200.json")),
        (Sort::Suggested, include_str!("data/getSuggestedPaymentAmount.200.json")),
    ] {
        state.put(sort, "10045213", example(text));
    }
    state.put(
        Sort::PaymentMethod,
        "00210077",
        json!({
            "globalReference": "0088777",
            "method": "Credit Card",
            "status": "Active",
            "card": { "maskedNumber": "**** **** **** 4242", "expiry": "2028-04", "token": "tok_9f31c2" },
        }),
    );
    state.put(
        Sort::Arrangements,
        "00210077",
        json!([
            { "globalReference": "0017460", "arrangementType": "Ongoing", "paymentDay": 15, "paymentMethod": null },
            { "globalReference": 17461, "arrangementType": "Ongoing and Debt", "agreementDate": "2026-05-02" },
        ]),
    );
}

/// Terms of an account that has none of its own.
pub(super) fn terms() -> Value {
    json!({ "paymentTerms": "Residential 17 Day Terms", "dueDays": 17 })
}

/// Nothing is overdue.
pub(super) fn nothing_overdue() -> Value {
    json!({ "overduePayments": [] })
}

/// No payment is recommended.
pub(super) fn no_suggestion() -> Value {
    json!({ "currency": "AUD", "paymentArrangementAllowed": false })
}

/// Carries out a write on payments; `None` if it is another operation.
pub(super) fn write(state: &mut State, operation: &str, id: &str, body: &[u8]) -> Result<Option<Written>, Refusal> {
    match operation {
        "updateNextPaymentReview" => {
            let sent = bodies::read(body, bodies::REVIEW_DATE)?;
            state.account(id)?;
            state.put(Sort::ReviewDate, id, Value::Object(sent));
            Ok(Written::done())
        }
        "createPaymentMethod" => create_method(state, id, body),
        "createPaymentArrangement" => create_arrangement(state, id, body),
        "deletePaymentArrangement" => delete_arrangement(state, id),
        "createRefundRequest" => refund(state, id, body),
        _ => return Ok(None),
    }
    .map(Some)
}

/// "May be refused while another method is in force": it is, unless the new one counts from a later day.
fn create_method(state: &mut State, id: &str, body: &[u8]) -> Result<Written, Refusal> {
    let mut sent = bodies::read(body, bodies::PAYMENT_METHOD)?;
    state.account(id)?;
    let later = sent
        .get("effectiveDate")
        .and_then(Value::as_str)
        .is_some_and(|day| day > TODAY);
    if !later && state.get(Sort::PaymentMethod, id).is_some() {
        let why = "The account has a payment method in force.";
        return Err(Refusal::new(StatusCode::CONFLICT, "PaymentMethodInForce", why));
    }
    sent.insert("globalReference".to_owned(), json!(state.next_reference()));
    sent.insert("status".to_owned(), json!(if later { "Pending" } else { "Active" }));
    sent.entry("effectiveDate").or_insert(json!(TODAY));
    if let Some(Value::Object(account)) = sent.get_mut("bankAccount") {
        for name in ["accountNumber", "bankCode"] {
            if let Some(number) = account.get_mut(name) {
                *number = json!(masked(number.as_str().unwrap_or_default()));
            }
        }
    }
    let method = Value::Object(sent);
    let written = Written::created(&method);
    state.put(Sort::PaymentMethod, id, method);
    Ok(written)
}

/// Stars for all but the last four.
fn masked(number: &str) -> String {
    let hidden = number.chars().count().saturating_sub(4);
    let stars = "*".repeat(hidden);
    stars + &number.chars().skip(hidden).collect::<String>()
}

fn create_arrangement(state: &mut State, id: &str, body: &[u8]) -> Result<Written, Refusal> {
    let sent = bodies::read(body, bodies::ARRANGEMENT)?;
    state.account(id)?;
    let invalid = |field, why: &str| Refusal::one("InvalidValue", field, why);
    let first: Date = sent
        .get("firstPaymentDate")
        .and_then(Value::as_str)
        .and_then(|day| day.parse().ok())
        .ok_or_else(|| invalid("firstPaymentDate", "It must be a date."))?;
    let step: Span = match sent.get("frequency").and_then(Value::as_str) {
        Some("Weekly") => 1.week(),
        Some("Fortnightly") => 2.weeks(),
        None | Some("Monthly") => 1.month(),
        Some("Quarterly") => 3.months(),
        Some("Yearly" | "Annually") => 1.year(),
        Some(_) => return Err(invalid("frequency", "There is no such frequency.")),
    };
    let currency = sent.get("currency").cloned().unwrap_or(json!("AUD"));
    let mut amount = Decimal::ZERO;
    for part in sent
        .get("paymentBreakdown")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        amount += number(part, "paymentAmount").unwrap_or_default();
    }
    let amount = written(amount);
    let count = sent.get("numberOfPayments").and_then(Value::as_u64).unwrap_or(1);
    let mut planned = Vec::new();
    for n in 0..count.min(PLANNED) {
        let times = i64::try_from(n).unwrap_or_default();
        let day = step
            .checked_mul(times)
            .ok()
            .and_then(|span| first.checked_add(span).ok());
        let Some(day) = day else { break };
        planned.push(json!({
            "id": state.next_reference(),
            "paymentDate": day.to_string(),
            "balance": amount,
            "currency": currency,
            "type": "Fixed",
            "directDebitScheduled": false,
            "arrangementPayment": true,
        }));
    }
    let reference = state.next_reference();
    let arrangement = json!({
        "globalReference": reference,
        "arrangementType": sent["arrangementType"],
        "paymentDay": first.day(),
        "agreementReference": reference,
        "agreementDate": NOW,
        "nextPayment": { "paymentDate": first.to_string(), "amount": amount, "currency": currency, "status": "Scheduled" },
        "scheduledPayments": planned,
    });
    let mut all = state.take(Sort::Arrangements, id).unwrap_or(json!([]));
    if let Value::Array(all) = &mut all {
        all.push(arrangement.clone());
    }
    state.put(Sort::Arrangements, id, all);
    Ok(Written::created(&json!([arrangement])))
}

fn delete_arrangement(state: &mut State, id: &str) -> Result<Written, Refusal> {
    let mut found = false;
    for (_, list) in state.all_mut(Sort::Arrangements) {
        if let Value::Array(list) = list {
            let before = list.len();
            list.retain(|one| one.get("globalReference").and_then(identifier).as_deref() != Some(id));
            found |= list.len() < before;
        }
    }
    match found {
        true => Ok(Written::done()),
        false => Err(Refusal::not_found(&format!(
            "No payment arrangement with reference {id}."
        ))),
    }
}

/// "At most the credit on the account."
fn refund(state: &mut State, id: &str, body: &[u8]) -> Result<Written, Refusal> {
    let sent = bodies::read(body, bodies::REFUND)?;
    let sent = Value::Object(sent);
    let amount = number(&sent, "amount").unwrap_or_default();
    let details = account_writes::details(state, id)?;
    let credit = -owed(state, id);
    if amount <= Decimal::ZERO || amount > credit {
        let why = "The amount must be above zero and at most the credit on the account.";
        return Err(Refusal::one("AmountOutOfRange", "amount", why));
    }
    let reference = state.next_reference();
    let mut refund = json!({
        "globalReference": reference,
        "date": NOW,
        "reason": sent["reason"],
        "name": details["name"],
        "amount": sent["amount"],
        "fee": 0,
        "directCredit": sent.get("directCredit").and_then(Value::as_bool).unwrap_or(true),
        "currency": details["currency"],
        "status": "Requested",
    });
    if let Some(description) = sent.get("description") {
        refund["description"] = description.clone();
    }
    let mut all = state.take(Sort::Refunds, id).unwrap_or(json!([]));
    if let Value::Array(all) = &mut all {
        all.push(refund.clone());
    }
    state.put(Sort::Refunds, id, all);
    Ok(Written::created(&refund))
}

fn refunds<'s>(state: &'s State, id: &str) -> &'s [Value] {
    state
        .get(Sort::Refunds, id)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// What is owed on an account, refunds counted in.
fn owed(state: &State, id: &str) -> Decimal {
    let before = BOOK
        .account(id)
        .ok()
        .and_then(|account| serde_json::from_slice::<Value>(&account.balance).ok())
        .and_then(|balance| number(&balance, "accountBalance"))
        .unwrap_or_default();
    let paid_out: Decimal = refunds(state, id)
        .iter()
        .filter_map(|refund| number(refund, "amount"))
        .sum();
    before + paid_out
}

/// The balance of an account of which something was refunded.
pub(super) fn balance(state: &State, id: &str, before: &[u8]) -> Option<Value> {
    if refunds(state, id).is_empty() {
        return None;
    }
    let mut balance: Value = serde_json::from_slice(before).ok()?;
    balance["accountBalance"] = written(owed(state, id));
    Some(balance)
}

/// The postings of an account of which something was refunded, newest first.
pub(super) fn transactions(state: &State, id: &str, before: &[u8]) -> Option<Value> {
    let refunds = refunds(state, id);
    if refunds.is_empty() {
        return None;
    }
    let mut list: Value = serde_json::from_slice(before).ok()?;
    let mut balance = owed(state, id);
    let mut rows = Vec::new();
    for refund in refunds.iter().rev() {
        rows.push(json!({
            "transactionDate": refund["date"],
            "type": "Refund",
            "amount": refund["amount"],
            "currency": refund["currency"],
            "balance": written(balance),
            "transactionIdentifier": refund["globalReference"],
            "description": text(refund, "reason"),
        }));
        balance -= number(refund, "amount").unwrap_or_default();
    }
    if let Some(Value::Array(older)) = list.get_mut("results") {
        rows.append(older);
        *older = rows;
    }
    Some(list)
}

/// The recommended payment; the debt is left out unless it is asked for.
pub(super) fn suggested(mut all: Value, debt: bool) -> Value {
    if let Value::Object(members) = &mut all
        && !debt
    {
        members.remove("debtPaymentAmount");
    }
    all
}

fn number(value: &Value, name: &str) -> Option<Decimal> {
    value.get(name)?.as_number()?.to_string().parse().ok()
}

fn written(amount: Decimal) -> Value {
    amount
        .to_string()
        .parse::<Number>()
        .map_or_else(|_| Value::Object(Map::new()), Value::Number)
}
