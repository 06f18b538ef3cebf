//! The invented customers, as records whose keys are the schema's field names.
//!
//! Keys that start with an underscore are the simulation's own: `_entries` of a ledger, `_bills` of an account, `_pdf`,
//! `_open`, `_held` and `_ledger` of a bill. Balances, totals and debt positions are never written down: [`finish`]
//! computes them from the entries.

mod british;
mod laundry;
mod reyes;

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::edition::Edition;

/// Every account as it stands before anything is written.
pub(super) fn accounts() -> &'static [Value] {
    static ACCOUNTS: OnceLock<Vec<Value>> = OnceLock::new();
    ACCOUNTS.get_or_init(|| vec![finish(reyes::account()), finish(laundry::account())])
}

/// The account of this number.
#[cfg(test)]
pub(super) fn account(number: &str) -> Option<&'static Value> {
    accounts().iter().find(|account| account["number"] == number)
}

/// Every account as it stands at first at a deployment of this edition.
pub(super) fn accounts_of(edition: Edition) -> Vec<Value> {
    let accounts = accounts().iter().cloned();
    match edition {
        Edition::Us => accounts.collect(),
        Edition::Gb => accounts
            .map(|account| {
                let properties = british::properties(account["number"].as_str().unwrap_or_default());
                with(account, json!({"properties": properties}))
            })
            .collect(),
    }
}

/// The bill of this id and the number of its account.
pub(super) fn bill(id: &str) -> Option<(&'static str, &'static Value)> {
    accounts().iter().find_map(|account| {
        let bill = account["_bills"].as_array()?.iter().find(|bill| bill["id"] == id)?;
        Some((account["number"].as_str()?, bill))
    })
}

/// The account user.
pub(super) fn viewer() -> &'static Value {
    static VIEWER: OnceLock<Value> = OnceLock::new();
    VIEWER.get_or_init(|| {
        json!({
            "id": "1203344",
            "number": null,
            "givenName": "Jordan",
            "familyName": "Reyes",
            "fullName": "Jordan Reyes",
            "preferredName": null,
            "email": super::EMAIL,
            "mobile": "+13615550142",
            "landline": "",
            "title": null,
            "pronouns": null,
            "isDeceased": false,
            "isActive": true,
            "liveSecretKey": null,
            "dateOfBirth": "1988-04-12",
            "alternativePhoneNumbers": [],
            "address": null,
            "createdAt": "2024-11-18T16:41:55.102938+00:00",
            "permissions": [],
            "_roles": [role("1203344", "31001", "A-7C41D0E2", "OWNER"), role("1203344", "31002", "A-5E90B3F4", "BILL_PAYER")],
        })
    })
}

/// The people who may act for the account of this number: the account user, and for the business two of its own.
pub(super) fn users(number: &str) -> Value {
    let person = |id: &str, given: &str, family: &str, email: &str| {
        json!({
            "id": id, "number": null, "givenName": given, "familyName": family,
            "fullName": format!("{given} {family}"), "preferredName": null, "email": email, "mobile": "", "landline": "",
            "title": null, "pronouns": null, "isDeceased": false, "isActive": true, "liveSecretKey": null,
            "dateOfBirth": null, "alternativePhoneNumbers": null, "address": null,
            "createdAt": "2024-09-20T15:02:11+00:00", "permissions": [], "_roles": [],
        })
    };
    if number != "A-5E90B3F4" {
        return json!([viewer()]);
    }
    let owner = json!({
        "preferredName": "Mari", "title": "Dr", "mobile": "+15125550171", "landline": "+15125550170",
        "alternativePhoneNumbers": ["+15125550172", null],
        "address": {"streetAddress": "880 Guadalupe Street\nOffice", "locality": "Austin", "administrativeArea": "TX",
            "postalCode": "78701", "country": "US"},
        "_roles": [role("1203511", "31003", number, "OWNER"), role("1203511", "31004", number, "DIRECTOR")],
    });
    json!([
        with(person("1203511", "Marisol", "Tran", "marisol.tran@example.com"), owner),
        viewer(),
        person("1203760", "Wes", "Okafor", ""),
    ])
}

/// A part the user plays for an account. The codes are a deployment's own (schema, `RoleString`).
fn role(user: &str, id: &str, account: &str, role: &str) -> Value {
    json!({"id": id, "role": role, "_account": account, "_user": user})
}

/// One entry of a ledger. Payments and refunds fill `net` only.
pub(super) struct Entry<'a> {
    pub(super) kind: &'a str,
    pub(super) id: &'a str,
    pub(super) posted: String,
    pub(super) created: String,
    pub(super) title: &'a str,
    pub(super) reason: &'a str,
    pub(super) net: i64,
    pub(super) tax: Option<i64>,
    pub(super) document: Option<&'a str>,
}

impl Entry<'_> {
    pub(super) fn record(&self) -> Value {
        json!({
            "__typename": self.kind,
            "id": self.id,
            "postedDate": self.posted,
            "createdAt": self.created,
            "title": self.title,
            "note": "",
            "reasonCode": self.reason,
            "amounts": {"net": self.net, "tax": self.tax, "gross": self.tax.map(|tax| self.net + tax)},
            "isHeld": false,
            "isIssued": self.document.is_some(),
            "isReversed": false,
            "hasStatement": self.document.is_some(),
            "billingDocumentIdentifier": self.document,
        })
    }
}

/// The record with these fields set over its own.
pub(super) fn with(mut record: Value, fields: Value) -> Value {
    if let (Some(record), Value::Object(fields)) = (record.as_object_mut(), fields) {
        record.extend(fields);
    }
    record
}

/// What an entry adds to its ledger's balance: charges and refunds lower it, credits and payments raise it.
fn effect(entry: &Value) -> i64 {
    let amount = entry["amounts"]["gross"]
        .as_i64()
        .or(entry["amounts"]["net"].as_i64())
        .unwrap_or_default();
    match entry["__typename"].as_str() {
        Some("Charge" | "Refund") => -amount,
        _ => amount,
    }
}

/// Orders the entries and computes what follows from them: running balances, balances of ledgers, totals, opening and
/// closing balances and debt positions of bills. What a bill came to stays when entries are added later.
pub(super) fn finish(mut account: Value) -> Value {
    let number = account["number"].clone();
    let mut ledgers = Vec::new();
    for mut ledger in taken(&mut account, "ledgers") {
        let mut entries = taken(&mut ledger, "_entries");
        entries.sort_by_key(|entry| (entry["postedDate"].to_string(), entry["createdAt"].to_string()));
        let mut balance = 0;
        for entry in &mut entries {
            balance += effect(entry);
            let kind = entry["__typename"].as_str().unwrap_or_default().to_owned();
            let amount = entry["amounts"]["gross"].as_i64().or(entry["amounts"]["net"].as_i64());
            let document = entry["billingDocumentIdentifier"].clone();
            *entry = with(
                entry.take(),
                json!({
                    "accountNumber": number,
                    "amount": amount,
                    // With several ledgers the running balance is the ledger's own (inference: the contract shows one).
                    "balanceCarriedForward": balance,
                    "isCredit": kind == "Credit",
                    "isAccountCharge": kind == "Charge",
                    "isAccountPayment": kind == "Payment",
                    "statementId": document,
                }),
            );
        }
        let settled = json!({"balance": balance, "amountOwedByCustomer": -balance, "_entries": entries});
        ledgers.push(with(ledger, settled));
    }
    let bills: Vec<Value> = taken(&mut account, "_bills")
        .into_iter()
        .map(|bill| {
            let ledger = ledgers.iter().find(|ledger| ledger["number"] == bill["_ledger"]);
            let entries = ledger
                .and_then(|ledger| ledger["_entries"].as_array())
                .map(Vec::as_slice)
                .unwrap_or_default();
            let settled = settled(&bill, entries);
            with(with(settled, bill), json!({"_account": number}))
        })
        .collect();
    with(account, json!({"ledgers": ledgers, "_bills": bills}))
}

fn taken(record: &mut Value, field: &str) -> Vec<Value> {
    match record.get_mut(field).map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// What a bill's fields come to; fields the bill states itself win over these.
fn settled(bill: &Value, entries: &[Value]) -> Value {
    let mut fields = Map::new();
    let on_bill = |kind: &str| -> Value {
        let lines = || {
            entries
                .iter()
                .filter(|entry| entry["billingDocumentIdentifier"] == bill["id"] && entry["__typename"] == kind)
        };
        let sum = |part: &str| lines().filter_map(|line| line["amounts"][part].as_i64()).sum::<i64>();
        json!({"netTotal": sum("net"), "taxTotal": sum("tax"), "grossTotal": sum("gross")})
    };
    let balance_at = |last: &str| {
        entries
            .iter()
            .rev()
            .find(|entry| entry["postedDate"].as_str().is_some_and(|posted| posted <= last))
            .and_then(|entry| entry["balanceCarriedForward"].as_i64())
            .unwrap_or_default()
    };
    let date = |name: &str| bill[name].as_str().unwrap_or_default();
    let before = |day: &str| {
        day.parse::<jiff::civil::Date>()
            .ok()
            .and_then(|day| day.yesterday().ok())
            .map(|day| day.to_string())
    };
    let charges = on_bill("Charge");
    match bill["__typename"].as_str() {
        Some("InvoiceType") => {
            fields.insert("grossAmount".to_owned(), charges["grossTotal"].clone());
            fields.insert("totalPayments".to_owned(), 0.into());
        }
        Some(kind @ ("StatementType" | "PeriodBasedDocumentType")) => {
            let closing = balance_at(date("toDate"));
            let expected = (-closing).max(0);
            let raised: i64 = entries
                .iter()
                .filter(|entry| {
                    entry["postedDate"]
                        .as_str()
                        .is_some_and(|posted| posted > date("toDate"))
                })
                .map(effect)
                .filter(|effect| *effect > 0)
                .sum();
            fields.insert("closingBalance".to_owned(), closing.into());
            if kind == "StatementType" {
                let opening = before(date("fromDate")).map(|day| balance_at(&day)).unwrap_or_default();
                fields.insert("openingBalance".to_owned(), opening.into());
                fields.insert("paymentDueDate".to_owned(), bill["_due"].clone());
            }
            if let Some(due) = bill["_due"].as_str() {
                let position = json!({"dueDate": due, "expectedAmount": expected,
                    "remainingAmount": (expected - raised).max(0)});
                fields.insert("documentDebtPosition".to_owned(), position);
            }
        }
        _ => return fields.into(),
    }
    fields.insert("totalCharges".to_owned(), charges);
    fields.insert("totalCredits".to_owned(), on_bill("Credit"));
    fields.into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn balances_add_up() {
        for account in accounts() {
            for ledger in account["ledgers"].as_array().unwrap() {
                let entries = ledger["_entries"].as_array().unwrap();
                let mut balance = 0;
                for entry in entries {
                    balance += effect(entry);
                    assert_eq!(entry["balanceCarriedForward"], balance, "{}", entry["id"]);
                }
                assert_eq!(ledger["balance"], balance);
                assert_eq!(ledger["amountOwedByCustomer"], -balance);
            }
        }
    }

    #[test]
    fn the_busy_account_has_what_its_table_says() {
        let account = account("A-5E90B3F4").unwrap();
        let bills = account["_bills"].as_array().unwrap();
        assert_eq!(bills.len(), 41);
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for bill in bills {
            *kinds.entry(bill["__typename"].as_str().unwrap()).or_default() += 1;
        }
        let expected = [
            ("CollectiveBillType", 2),
            ("InvoiceType", 3),
            ("PeriodBasedDocumentType", 13),
            ("PreKrakenBillType", 6),
            ("StatementType", 17),
        ];
        assert_eq!(kinds.into_iter().collect::<Vec<_>>(), expected);
        let shown = bills
            .iter()
            .filter(|bill| bill["_pdf"] == true && bill["_held"] != true && bill["_open"] != true);
        assert_eq!(shown.count(), 38);
        let affecting: i64 = account["ledgers"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|ledger| ledger["affectsAccountBalance"] == true)
            .map(|ledger| ledger["balance"].as_i64().unwrap())
            .sum();
        assert!(affecting > 0, "{affecting}");
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<String> = accounts()
            .iter()
            .flat_map(|account| account["_bills"].as_array().unwrap())
            .chain(
                accounts()
                    .iter()
                    .flat_map(|account| account["ledgers"].as_array().unwrap())
                    .flat_map(|ledger| ledger["_entries"].as_array().unwrap().iter()),
            )
            .filter(|record| record.get("_null").is_none())
            .map(|record| format!("{}{}", record["billType"].is_string(), record["id"]))
            .collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
