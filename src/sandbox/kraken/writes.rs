//! Mutations, and the books they change.
//!
//! What the contract leaves open and is inference here: charges and credits without a ledger go to the main one; a
//! charge holds one per cent of tax, as in examples/08-mutations.json; they are posted on the day they are made; a
//! repayment request stays REQUESTED and moves no money; REQUESTED alone can be withdrawn; which of a mutation's own
//! codes refuses a foreign account; how the parts of a billing address become its numbered lines.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::data::{self, Entry, with};
use super::edition::Edition;
use super::refusal::Refusal;

/// Why a charge or a credit may be made.
pub(super) struct Reason {
    pub(super) code: &'static str,
    pub(super) display: &'static str,
    pub(super) deprecated: bool,
}

const fn reason(code: &'static str, display: &'static str, deprecated: bool) -> Reason {
    Reason {
        code,
        display,
        deprecated,
    }
}

/// The reasons for charges.
pub(super) const CHARGE_REASONS: &[Reason] = &[
    reason("DISCONNECTION_FEE", "Disconnection fee", false),
    reason("LATE_FEE", "Late fee", false),
    reason("PAPER_BILL_FEE", "Paper bill fee", true),
];

/// The reasons for credits.
pub(super) const CREDIT_REASONS: &[Reason] = &[
    reason("GOODWILL_CREDIT", "Goodwill credit", false),
    reason("METER_SWAP_CREDIT", "Meter exchange credit", true),
];

/// The accounts, the idempotency keys they have seen, and the next number of each kind.
struct Kept {
    accounts: Arc<Vec<Value>>,
    keys: Vec<String>,
    charge: u64,
    credit: u64,
    entry: u64,
    request: u64,
    reading: u64,
}

/// The accounts of one deployment as they stand.
pub(super) struct Books(Mutex<Kept>);

impl Books {
    pub(super) fn new(edition: Edition) -> Self {
        Self(Mutex::new(Kept {
            accounts: Arc::new(data::accounts_of(edition)),
            keys: Vec::new(),
            charge: 118_820,
            credit: 64_310,
            entry: 5_700_001,
            request: 70_231,
            reading: 9_000_001,
        }))
    }

    /// Changes the accounts under the lock; `next` numbers readings.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Vec<Value>, &mut dyn FnMut() -> u64) -> T) -> T {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { accounts, reading, .. } = &mut *kept;
        change(Arc::make_mut(accounts), &mut || next(reading))
    }

    /// The accounts as they stand now.
    pub(super) fn accounts(&self) -> Arc<Vec<Value>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&kept.accounts)
    }
}

impl Kept {
    fn position(&self, number: Option<&str>) -> Option<usize> {
        self.accounts
            .iter()
            .position(|account| number.is_some_and(|number| account["number"] == number))
    }

    /// The place of an account; a foreign one is refused with the mutation's own code.
    fn own(&self, number: &Value, refused_with: &str) -> Result<usize, Refusal> {
        self.position(number.as_str())
            .ok_or_else(|| Refusal::unauthorized(refused_with))
    }

    fn account(&mut self, at: usize) -> &mut Value {
        &mut Arc::make_mut(&mut self.accounts)[at]
    }

    /// Whether a ledger is the account's.
    fn has_ledger(&self, at: usize, ledger: &str) -> bool {
        array(&self.accounts[at]["ledgers"])
            .iter()
            .any(|known| known["number"] == ledger)
    }

    /// The number of the main ledger.
    fn main_ledger(&self, at: usize) -> String {
        array(&self.accounts[at]["ledgers"])
            .iter()
            .find(|ledger| ledger["ledgerType"] == "MAIN_LEDGER")
            .and_then(|ledger| ledger["number"].as_str())
            .unwrap_or_default()
            .to_owned()
    }

    /// Writes an entry into a ledger and works the account's figures out anew; gives the entry as it stands then.
    fn post(&mut self, at: usize, ledger: &str, entry: Value) -> Value {
        let id = entry["id"].clone();
        let account = self.account(at);
        push(account, ledger, entry);
        *account = data::finish(account.take());
        array(&account["ledgers"])
            .iter()
            .flat_map(|ledger| array(&ledger["_entries"]))
            .find(|entry| entry["id"] == id)
            .cloned()
            .unwrap_or_default()
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Adds an entry to the ledger of this number.
fn push(account: &mut Value, ledger: &str, entry: Value) {
    let found = account["ledgers"]
        .as_array_mut()
        .and_then(|ledgers| ledgers.iter_mut().find(|known| known["number"] == ledger))
        .and_then(|ledger| ledger["_entries"].as_array_mut());
    if let Some(entries) = found {
        entries.push(entry);
    }
}

fn next(counter: &mut u64) -> u64 {
    let given = *counter;
    *counter += 1;
    given
}

fn invalid_data(code: &str, field: &str) -> Refusal {
    Refusal::coded(code, "VALIDATION", "Invalid data.", "").at_inputs(&[&["input", field]])
}

/// Executes a mutation.
pub(super) fn write(books: &Books, field: &str, input: &Value, now: i64) -> Result<Value, Refusal> {
    let mut kept = books.0.lock().unwrap_or_else(PoisonError::into_inner);
    match field {
        "createAccountCharge" => charge(&mut kept, input, now),
        "createAccountCredit" => credit(&mut kept, input, now),
        "postCredit" => post_credit(&mut kept, input, now),
        "submitRepaymentRequest" => request_repayment(&mut kept, input),
        "cancelRepaymentRequest" => cancel_request(&mut kept, input),
        "createAccountNote" => note(&mut kept, input, now),
        "updateAccountBillingEmail" => billing_email(&mut kept, input),
        "updateAccountBillingAddress" => billing_address(&mut kept, input),
        "updateCommsDeliveryPreference" => delivery(&mut kept, input),
        _ => Err(Refusal::uncoded(
            "APPLICATION",
            &format!("{field} is not simulated yet."),
        )),
    }
}

/// Checks a reason's code; codes of the registry for one that does not exist and one that is deprecated.
fn checked<'r>(reasons: &'r [Reason], code: &Value, unknown: &str, deprecated: &str) -> Result<&'r Reason, Refusal> {
    let what = if unknown == "KT-CT-5212" { "charge" } else { "credit" };
    let known = reasons
        .iter()
        .find(|reason| Some(reason.code) == code.as_str())
        .ok_or_else(|| {
            let message = format!("The {what} reason with the requested code does not exist.");
            Refusal::coded(unknown, "APPLICATION", &message, "")
        })?;
    if known.deprecated {
        let message = format!("The {what} reason with the requested code is deprecated.");
        return Err(Refusal::coded(deprecated, "APPLICATION", &message, ""));
    }
    Ok(known)
}

pub(super) fn instant(now: i64) -> Timestamp {
    Timestamp::from_second(now).unwrap_or_default()
}

/// The local day in Texas.
fn today(now: i64) -> String {
    let zone = TimeZone::get("America/Chicago").unwrap_or(TimeZone::UTC);
    instant(now).to_zoned(zone).date().to_string()
}

fn written_at(now: i64) -> String {
    instant(now).strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// What an entry made by a mutation says beside its amounts.
struct Wording<'w> {
    kind: &'w str,
    title: &'w str,
    reason: &'w str,
    note: &'w Value,
}

fn entry(id: &str, wording: &Wording<'_>, net: i64, tax: i64, now: i64) -> Value {
    let entry = Entry {
        kind: wording.kind,
        id,
        posted: today(now),
        created: written_at(now),
        title: wording.title,
        reason: wording.reason,
        net,
        tax: Some(tax),
        document: None,
    };
    with(
        entry.record(),
        json!({"note": wording.note.as_str().unwrap_or_default()}),
    )
}

fn charge(kept: &mut Kept, input: &Value, now: i64) -> Result<Value, Refusal> {
    let at = kept.own(&input["accountNumber"], "KT-CT-4177")?;
    let gross = input["grossAmount"].as_i64().filter(|gross| *gross > 0);
    let gross = gross.ok_or_else(|| invalid_data("KT-CT-5213", "grossAmount"))?;
    let reason = checked(CHARGE_REASONS, &input["reason"], "KT-CT-5212", "KT-CT-5211")?;
    // Rounded to the nearest cent.
    let net = (gross * 200 + 101) / 202;
    let number = format!("-{}", next(&mut kept.entry) + 200_000_000);
    let wording = Wording {
        kind: "Charge",
        title: input["displayNote"].as_str().unwrap_or(reason.display),
        reason: reason.code,
        note: &input["note"],
    };
    let ledger = kept.main_ledger(at);
    kept.post(
        at,
        &ledger,
        with(
            entry(&number, &wording, net, gross - net, now),
            json!({"consumption": null}),
        ),
    );
    Ok(json!({"accountCharge": {
        "id": next(&mut kept.charge).to_string(),
        "netAmount": net,
        "grossAmount": gross,
        "salesTaxAmount": gross - net,
        "cclAmount": null,
        "reason": reason.code,
        "note": input["note"],
        "displayNote": input["displayNote"],
    }}))
}

fn credit(kept: &mut Kept, input: &Value, now: i64) -> Result<Value, Refusal> {
    let at = kept.own(&input["accountNumber"], "KT-CT-4177")?;
    let amount = |field: &str| input[field].as_i64().unwrap_or_default();
    let (net, tax, gross) = (amount("netAmount"), amount("salesTaxAmount"), amount("grossAmount"));
    if gross <= 0 || net < 0 || tax < 0 {
        return Err(invalid_data("KT-CT-5315", "grossAmount"));
    }
    if net + tax != gross {
        return Err(Refusal::coded("KT-CT-5314", "APPLICATION", "Invalid data.", ""));
    }
    let number = next(&mut kept.entry).to_string();
    let wording = Wording {
        kind: "Credit",
        title: "Credit",
        reason: input["reason"].as_str().unwrap_or_default(),
        note: &input["note"],
    };
    let ledger = kept.main_ledger(at);
    kept.post(at, &ledger, entry(&number, &wording, net, tax, now));
    Ok(json!({"accountCredit": {
        "id": next(&mut kept.credit).to_string(),
        "grossAmount": gross,
        "netAmount": net,
        "salesTaxAmount": tax,
        "note": input["note"].as_str().unwrap_or_default(),
        "reason": input["reason"],
    }}))
}

fn post_credit(kept: &mut Kept, input: &Value, now: i64) -> Result<Value, Refusal> {
    let at = kept.own(&input["accountNumber"], "KT-CT-4177")?;
    let ledger = ledger(kept, at, input, "KT-CT-1111")?;
    let amount = |field: &str| input[field].as_i64().unwrap_or_default();
    let (net, tax) = (amount("netAmount"), amount("taxAmount"));
    if net <= 0 || tax < 0 {
        return Err(invalid_data("KT-CT-5316", "netAmount"));
    }
    let reason = checked(CREDIT_REASONS, &input["reason"], "KT-CT-5312", "KT-CT-5311")?;
    let number = next(&mut kept.entry).to_string();
    let wording = Wording {
        kind: "Credit",
        title: input["displayNote"].as_str().unwrap_or(reason.display),
        reason: reason.code,
        note: &input["note"],
    };
    let credit = kept.post(at, &ledger, entry(&number, &wording, net, tax, now));
    Ok(json!({"credit": credit}))
}

/// The ledger a mutation names; it must name one, and one of the account's.
fn ledger(kept: &Kept, at: usize, input: &Value, refused_with: &str) -> Result<String, Refusal> {
    let Some(ledger) = input["ledgerNumber"].as_str() else {
        let message = "Received neither ledger ID nor ledger number.";
        return Err(Refusal::coded("KT-CT-3821", "VALIDATION", message, ""));
    };
    if kept.has_ledger(at, ledger) {
        Ok(ledger.to_owned())
    } else {
        Err(Refusal::unauthorized(refused_with))
    }
}

fn request_repayment(kept: &mut Kept, input: &Value) -> Result<Value, Refusal> {
    let at = kept.own(&input["accountNumber"], "KT-CT-1132")?;
    let ledger = ledger(kept, at, input, "KT-CT-1132")?;
    let amount = input["amountInMinorUnit"].as_i64().filter(|amount| *amount > 0);
    let amount = amount.ok_or_else(|| {
        Refusal::coded("KT-CT-3927", "VALIDATION", "Invalid Amount.", "").at_inputs(&[&["input", "amountInMinorUnit"]])
    })?;
    if let Some(instruction) = input["instructionReference"].as_str()
        && !array(&kept.accounts[at]["_methods"])
            .iter()
            .any(|method| method["id"] == instruction)
    {
        return Err(Refusal::unauthorized("KT-CT-3926"));
    }
    let key = input["idempotencyKey"].as_str().unwrap_or_default().to_owned();
    if kept.keys.contains(&key) {
        let message = "Idempotency key used for another repayment request.";
        return Err(Refusal::coded("KT-CT-3928", "VALIDATION", message, ""));
    }
    kept.keys.push(key);
    let id = next(&mut kept.request).to_string();
    let request = json!({"requestId": id, "amount": amount, "reasonCode": input["reason"], "method": input["method"],
        "instruction": null, "status": "REQUESTED", "_ledger": ledger});
    if let Some(requests) = kept.account(at)["_requests"].as_array_mut() {
        requests.push(request);
    }
    Ok(json!({"repaymentRequest": {"requestId": id, "status": "REQUESTED"}}))
}

fn cancel_request(kept: &mut Kept, input: &Value) -> Result<Value, Refusal> {
    let known = Arc::make_mut(&mut kept.accounts)
        .iter_mut()
        .filter_map(|account| account["_requests"].as_array_mut())
        .flatten()
        .find(|request| request["requestId"] == input["requestId"]);
    let Some(request) = known else {
        let message = "The repayment or refund request does not exist.";
        return Err(Refusal::coded("KT-CT-3930", "VALIDATION", message, ""));
    };
    if request["status"] != "REQUESTED" {
        let message = "This repayment or refund request cannot be cancelled.";
        return Err(Refusal::coded("KT-CT-3931", "VALIDATION", message, ""));
    }
    request["status"] = "CANCELLED".into();
    Ok(json!({"repaymentRequest": {"requestId": request["requestId"], "status": "CANCELLED"}}))
}

/// The account as a mutation's payload gives it: its number, by which its fields are found.
fn payload(kept: &Kept, at: usize) -> Value {
    json!({"account": {"__typename": "AccountType", "number": kept.accounts[at]["number"]}})
}

fn note(kept: &mut Kept, input: &Value, now: i64) -> Result<Value, Refusal> {
    let at = kept.own(&input["accountNumber"], "KT-CT-4123")?;
    let invalid = |code: &str, message: &str, field: &str| {
        Err(Refusal::coded(code, "VALIDATION", message, "").at_inputs(&[&["input", field]]))
    };
    if input["note"].as_str().is_none_or(|note| note.trim().is_empty()) {
        return invalid("KT-CT-4180", "Account note must be a valid string.", "note");
    }
    if let Some(unpin) = input["unpinAt"].as_str() {
        if input["isPinned"] != true {
            let message = "Unpin at date provided for an unpinned note.";
            return invalid("KT-CT-4195", message, "unpinAt");
        }
        if unpin.parse::<Timestamp>().is_ok_and(|at| at <= instant(now)) {
            return invalid("KT-CT-4196", "Unpin at date provided is in the past.", "unpinAt");
        }
    }
    let note = json!({"body": input["note"], "isPinned": input["isPinned"], "createdAt": written_at(now),
        "unpinAt": input["unpinAt"]});
    if let Some(notes) = kept.account(at)["notes"].as_array_mut() {
        notes.push(note);
    }
    Ok(payload(kept, at))
}

fn billing_email(kept: &mut Kept, input: &Value) -> Result<Value, Refusal> {
    let at = kept.own(&input["accountNumber"], "KT-CT-4123")?;
    let email = input["billingEmail"].as_str().unwrap_or_default();
    let whole = email
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !email.contains(' '));
    if !whole {
        return Err(
            Refusal::coded("KT-CT-4122", "VALIDATION", "Invalid email.", "").at_inputs(&[&["input", "billingEmail"]])
        );
    }
    kept.account(at)["billingEmail"] = email.into();
    Ok(payload(kept, at))
}

fn billing_address(kept: &mut Kept, input: &Value) -> Result<Value, Refusal> {
    let at = kept.own(&input["accountNumber"], "KT-CT-7123")?;
    let part = |field: &str| {
        input["billingAddress"][field]
            .as_str()
            .map(str::trim)
            .unwrap_or_default()
    };
    let mut lines: Vec<&str> = part("streetAddress").lines().collect();
    lines.extend([part("dependentLocality"), part("locality"), part("administrativeArea")]);
    lines.retain(|line| !line.is_empty());
    if part("streetAddress").is_empty() || lines.len() > 5 {
        return Err(Refusal::coded("KT-CT-4145", "VALIDATION", "Invalid address.", "")
            .at_inputs(&[&["input", "billingAddress"]]));
    }
    let line = |number: usize| lines.get(number).copied().unwrap_or_default();
    let whole: Vec<&str> = lines.iter().copied().chain([part("postalCode")]).collect();
    let address = json!({
        "billingAddress": whole.join(", "),
        "billingAddressLine1": line(0),
        "billingAddressLine2": line(1),
        "billingAddressLine3": line(2),
        "billingAddressLine4": line(3),
        "billingAddressLine5": line(4),
        "billingAddressPostcode": part("postalCode"),
        "billingCountryCode": part("country"),
        "splitBillingAddress": lines,
    });
    let account = kept.account(at);
    *account = with(account.take(), address);
    Ok(payload(kept, at))
}

fn delivery(kept: &mut Kept, input: &Value) -> Result<Value, Refusal> {
    let at = kept.own(&input["accountNumber"], "KT-CT-4123")?;
    kept.account(at)["commsDeliveryPreference"] = input["commsDeliveryPreference"].clone();
    Ok(payload(kept, at))
}
