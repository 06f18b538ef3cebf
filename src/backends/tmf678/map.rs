//! The API's shapes → canonical records; pure.
//!
//! **Amounts** are reported as given and none is derived from another (README §3, "Money"): which of them means what
//! varies by system. They are positive when the customer owes, here as there.
//!
//! **Dates** are the days written; nothing is moved between zones. A payment has an instant only where an offset and a
//! time of day are told.
//!
//! **Missing parts.** An amount without its currency makes the reply `Unreadable`, and so does a reply that does not name
//! the account: nothing else says whose the bill is. Applied payments and taxes that cannot be read do not fail the bill;
//! they are `null` then, and a warning is logged.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

use rust_decimal::Decimal;
use serde_json::value::RawValue;
use tracing::warn;

use super::keys::Place;
use super::native;
use super::wire::{self, CustomerBill, Moment, Text};
use crate::error::{Error, Result};
use crate::model::bill::{
    AppliedPayment, Bill, BillKind, BillStatus, DocumentForm, DocumentRef, TaxItem, Totals, safe_name,
};
use crate::model::id::{AccountId, BackendName, IdError};
use crate::model::money::{Currency, Money, Number};
use crate::model::payment::{Payment, PaymentPart};
use crate::model::time::Period;

/// What every mapping needs to know.
#[derive(Clone, Copy)]
pub(super) struct Mapper<'m> {
    /// The backend's configured name.
    pub(super) backend: &'m BackendName,
    /// Where the records live, as the key asked for says.
    pub(super) place: &'m Place<'m>,
    /// Whether the system's own records are wanted too.
    pub(super) native: bool,
}

/// One record of a reply: where it stands, and what it is.
pub(super) struct Record<'r> {
    path: String,
    raw: &'r RawValue,
    wire: CustomerBill<'r>,
}

impl<'r> Record<'r> {
    /// Reads a reply of one record.
    pub(super) fn one(body: &'r [u8]) -> Result<Self> {
        Self::read("$".to_owned(), wire::decode(body)?)
    }

    /// Reads a reply of many.
    pub(super) fn many(body: &'r [u8]) -> Result<Vec<Self>> {
        let rows: Vec<&RawValue> = wire::decode(body)?;
        let rows = rows.into_iter().enumerate();
        rows.map(|(n, raw)| Self::read(format!("$[{n}]"), raw)).collect()
    }

    fn read(path: String, raw: &'r RawValue) -> Result<Self> {
        let wire: CustomerBill<'r> = wire::decode_at(&path, raw.get())?;
        // "Anything with neither is a malformed answer" (README §3).
        let summary = wire.bill_no.is_some() || wire.bill_date.is_some() || wire.amount_due.is_some();
        if !summary && wire.bill_document.is_none() {
            return Err(Error::unreadable(path, "neither a bill nor a document"));
        }
        Ok(Self { path, raw, wire })
    }

    /// The bill's identifier, where the reply tells it.
    pub(super) fn id(&self) -> Option<&str> {
        self.wire.id.as_deref().filter(|id| !id.is_empty())
    }

    /// The documents in it.
    pub(super) fn documents(&self) -> &[wire::BillDocument<'r>] {
        self.wire.bill_document.as_deref().unwrap_or_default()
    }

    /// Whether it says which account it belongs to.
    pub(super) fn names_account(&self) -> bool {
        self.account().is_some()
    }

    fn account(&self) -> Option<&str> {
        let account = self.wire.billing_account.as_ref()?.id.as_deref()?;
        Some(account).filter(|account| !account.is_empty())
    }

    fn at(&self, member: &str) -> String {
        format!("{}.{member}", self.path)
    }

    fn unreadable(&self, member: &str, why: impl std::fmt::Display) -> Error {
        Error::unreadable(self.at(member), why)
    }
}

impl Mapper<'_> {
    /// One bill; `asked` is its identifier where one was asked for.
    ///
    /// It is never told which bill another took the place of, so all of them count.
    pub(super) fn bill(&self, asked: Option<&str>, record: &Record<'_>) -> Result<Bill> {
        let wire = &record.wire;
        let native_id = self.native_id(asked, record)?;
        let (place, account_id) = self.owner(record)?;
        let money = |member: &str, money: &Option<wire::Money<'_>>| amount(money.as_ref(), &record.at(member));
        let net = money("taxExcludedAmount", &wire.tax_excluded_amount)?;
        let gross = money("taxIncludedAmount", &wire.tax_included_amount)?;
        let ends = wire.billing_period.as_ref().map(wire::BillingPeriod::ends);
        let (first, last) = ends.unwrap_or_default();
        Ok(Bill {
            id: place
                .bill_id(self.backend, native_id)
                .map_err(|why| record.unreadable("id", why))?,
            backend: self.backend.clone(),
            native_id: native_id.to_owned(),
            account_id,
            number: wire
                .bill_no
                .as_deref()
                .map(str::trim)
                .filter(|number| !number.is_empty())
                .map(str::to_owned),
            kind: kind(said(wire.category.as_ref())),
            native_kind: said(wire.category.as_ref()).map(str::to_owned),
            status: said(wire.state.as_ref()).map(status),
            native_status: said(wire.state.as_ref()).map(str::to_owned),
            issued_on: wire.bill_date.map(|moment| moment.date),
            due_on: wire.payment_due_date.map(|moment| moment.date),
            next_bill_on: wire.next_bill_date.map(|moment| moment.date),
            period: Period::through(first.map(|moment| moment.date), last.map(|moment| moment.date)),
            totals: (net.is_some() || gross.is_some()).then_some(Totals { net, tax: None, gross }),
            opening_balance: None,
            closing_balance: None,
            amount_due: money("amountDue", &wire.amount_due)?,
            outstanding: money("remainingAmount", &wire.remaining_amount)?,
            lines: None,
            tax_items: self.optional(tax_items(record, net)),
            payments_applied: self.optional(payments_applied(native_id, record)),
            corrects: None,
            superseded_by: None,
            is_current: true,
            documents: wire.bill_document.as_ref().map(|documents| {
                let documents = documents.iter();
                documents.map(|document| document_ref(document, native_id)).collect()
            }),
            native: self.native.then(|| native::shown(record.raw)).transpose()?,
        })
    }

    /// The payments counted against one bill; `None` if the reply does not speak of any.
    ///
    /// Only the part counted against the bill is known of each, never the whole, and its `payment.id` is not a key: two
    /// parts are two payments here even under one id.
    pub(super) fn payments(&self, asked: Option<&str>, record: &Record<'_>) -> Result<Option<Vec<Payment>>> {
        let native_id = self.native_id(asked, record)?;
        let (place, account_id) = self.owner(record)?;
        let Some(rows) = applied(record)? else {
            return Ok(None);
        };
        let bill_id = place
            .bill_id(self.backend, native_id)
            .map_err(|why| record.unreadable("id", why))?;
        let mut counts: HashMap<String, usize> = HashMap::new();
        let mut payments = Vec::with_capacity(rows.len());
        for Applied {
            path,
            raw,
            wire,
            amount,
        } in rows
        {
            let payment_id = payment_id(native_id, &wire);
            let count = counts.entry(payment_id.clone().unwrap_or_default()).or_default();
            let key = payment_id.as_deref().unwrap_or_default();
            let id = place.payment_id(self.backend, native_id, key, *count);
            *count += 1;
            let paid = wire.payment.as_ref().and_then(|payment| payment.payment_date);
            payments.push(Payment {
                id: id.map_err(|why: IdError| Error::unreadable(&path, why))?,
                backend: self.backend.clone(),
                native_id: payment_id,
                account_id: Some(account_id.clone()),
                amount: None,
                applied: Some(vec![PaymentPart {
                    bill_id: bill_id.clone(),
                    amount,
                }]),
                paid_on: paid.map(|moment| moment.date),
                paid_at: paid.and_then(Moment::instant),
                method: None,
                reference: None,
                status: None,
                native_status: None,
                native: self.native.then(|| native::shown(raw)).transpose()?,
            });
        }
        Ok(Some(payments))
    }

    /// Makes sure that a reply is about what was asked for.
    pub(super) fn check(&self, asked: &str, record: &Record<'_>) -> Result<()> {
        self.native_id(Some(asked), record)?;
        match (self.place.account(), record.account()) {
            (Some(account), Some(told)) if account != told => Err(another(&record.at("billingAccount.id"))),
            _ => Ok(()),
        }
    }

    /// The bill's identifier: the one asked for is kept where the reply has none (README §3).
    fn native_id<'i>(&self, asked: Option<&'i str>, record: &'i Record<'_>) -> Result<&'i str> {
        match (asked, record.id()) {
            (Some(asked), Some(told)) if asked != told => Err(another(&record.at("id"))),
            (Some(id), _) | (None, Some(id)) => Ok(id),
            (None, None) => Err(record.unreadable("id", "the member is missing")),
        }
    }

    /// Whose the record is.
    fn owner(&self, record: &Record<'_>) -> Result<(Cow<'_, Place<'_>>, AccountId)> {
        let member = "billingAccount.id";
        let told = record
            .account()
            .ok_or_else(|| record.unreadable(member, "the member is missing, so nothing tells whose the bill is"))?;
        let place = match self.place.account() {
            Some(account) if account != told => return Err(another(&record.at(member))),
            Some(_) => Cow::Borrowed(self.place),
            None => self
                .place
                .of_account(told)
                .map(Cow::Owned)
                .ok_or_else(|| record.unreadable(member, "not the number of an account"))?,
        };
        let id = place
            .account_id(self.backend)
            .map_err(|why| record.unreadable(member, why))?;
        Ok((place, id))
    }

    /// A part that the record can do without: missing if it cannot be read.
    fn optional<T>(&self, part: Result<Option<T>>) -> Option<T> {
        part.unwrap_or_else(|error| {
            warn!(
                backend = self.backend.as_str(),
                why = error.message(),
                "left out a part of a bill"
            );
            None
        })
    }
}

/// One row of a bill's applied payments.
struct Applied<'r> {
    path: String,
    raw: &'r RawValue,
    wire: wire::AppliedPayment<'r>,
    amount: Money,
}

/// A bill's applied payments. A row without an amount makes the list unreadable: without the row its sum would look right.
fn applied<'r>(record: &Record<'r>) -> Result<Option<Vec<Applied<'r>>>> {
    let Some(list) = record.wire.applied_payment else {
        return Ok(None);
    };
    let path = record.at("appliedPayment");
    let rows: Vec<&RawValue> = wire::decode_at(&path, list.get())?;
    let rows = rows.into_iter().enumerate().map(|(n, raw)| {
        let path = format!("{path}[{n}]");
        let wire: wire::AppliedPayment<'r> = wire::decode_at(&path, raw.get())?;
        let amount = due(wire.applied_amount.as_ref(), &format!("{path}.appliedAmount"))?.unsigned();
        Ok(Applied {
            path,
            raw,
            wire,
            amount,
        })
    });
    rows.collect::<Result<_>>().map(Some)
}

fn payments_applied(bill: &str, record: &Record<'_>) -> Result<Option<Vec<AppliedPayment>>> {
    let rows = applied(record)?;
    Ok(rows.map(|rows| {
        let rows = rows.into_iter().map(|row| AppliedPayment {
            native_id: payment_id(bill, &row.wire),
            amount: row.amount,
            paid_on: row
                .wire
                .payment
                .and_then(|payment| payment.payment_date)
                .map(|moment| moment.date),
        });
        rows.collect()
    }))
}

/// The payment's identifier. One that repeats the bill's is none (README §3: "not a payment key either").
fn payment_id(bill: &str, wire: &wire::AppliedPayment<'_>) -> Option<String> {
    let id = wire.payment.as_ref()?.id.as_deref()?.trim();
    (!id.is_empty() && id != bill).then(|| id.to_owned())
}

fn tax_items(record: &Record<'_>, net: Option<Money>) -> Result<Option<Vec<TaxItem>>> {
    let Some(list) = record.wire.tax_item else {
        return Ok(None);
    };
    let path = record.at("taxItem");
    let items: Vec<wire::TaxItem<'_>> = wire::decode_at(&path, list.get())?;
    let items = items.into_iter().enumerate().map(|(n, item)| {
        let amount = due(item.tax_amount.as_ref(), &format!("{path}[{n}].taxAmount"))?;
        Ok(TaxItem {
            native_kind: said(item.tax_category.as_ref()).map(str::to_owned),
            rate_percent: item.tax_rate.and_then(|rate| per_cent(rate, amount, net)).map(Number),
            amount,
        })
    });
    items.collect::<Result<_>>().map(Some)
}

/// A tax rate in per cent. Nobody says whether 20 or 0.2 stands for a fifth, and TM Forum's own examples have both, so the
/// bill's amounts decide; where they fit neither, the rate is not told.
fn per_cent(rate: Decimal, tax: Money, net: Option<Money>) -> Option<Decimal> {
    let net = net.filter(|net| net.currency() == tax.currency() && !net.amount().is_zero() && !rate.is_zero())?;
    let fits = |factor: Decimal| {
        let due = net.amount().checked_mul(factor)?;
        let off = due.checked_sub(tax.amount())?.abs();
        (off < Decimal::new(1, tax.currency().exponent())).then_some(())
    };
    let hundred = Decimal::ONE_HUNDRED;
    let as_fraction = rate.checked_mul(hundred).filter(|_| fits(rate).is_some());
    let as_per_cent = rate.checked_div(hundred).and_then(fits).map(|()| rate);
    match (as_fraction, as_per_cent) {
        (Some(rate), None) | (None, Some(rate)) => Some(rate.normalize()),
        _ => None,
    }
}

/// An amount that may be missing.
fn amount(money: Option<&wire::Money<'_>>, path: &str) -> Result<Option<Money>> {
    let Some(wire::Money {
        unit,
        value: Some(value),
    }) = money
    else {
        return Ok(None);
    };
    let unit = said(unit.as_ref())
        .ok_or_else(|| Error::unreadable(format!("{path}.unit"), "the member is missing beside an amount"))?;
    let currency: Currency = unit
        .parse()
        .map_err(|why| Error::unreadable(format!("{path}.unit"), why))?;
    Ok(Some(Money::new(*value, currency)))
}

/// An amount that has to be there.
fn due(money: Option<&wire::Money<'_>>, path: &str) -> Result<Money> {
    amount(money, path)?.ok_or_else(|| Error::unreadable(path, "the amount is missing"))
}

/// A document as a bill names it.
fn document_ref(document: &wire::BillDocument<'_>, bill: &str) -> DocumentRef {
    let media_type = match said(document.mime_type.as_ref()).map(str::to_ascii_lowercase) {
        // "`application/txt`, which is not a registered type; it means `text/plain`" (README §3).
        Some(kind) if kind == "application/txt" => DocumentForm::Text.media_type().to_owned(),
        Some(kind) => kind,
        None if said(document.attachment_type.as_ref()) == Some("pdf") => DocumentForm::Pdf.media_type().to_owned(),
        // RFC 2046 §4.5.1: a body of unknown kind.
        None => "application/octet-stream".to_owned(),
    };
    let form = [DocumentForm::Pdf, DocumentForm::Text]
        .into_iter()
        .find(|form| form.media_type() == media_type);
    DocumentRef {
        size: document.bytes(),
        name: form.map(|form| document_name(document, form, bill)),
        media_type,
    }
}

/// A safe file name: the last part of what may be a Windows share path or hold a colon, else the bill's number.
pub(super) fn document_name(document: &wire::BillDocument<'_>, form: DocumentForm, bill: &str) -> String {
    let extension = match form {
        DocumentForm::Pdf => "pdf",
        DocumentForm::Text => "txt",
    };
    let name = said(document.name.as_ref()).and_then(|name| name.rsplit(':').next());
    safe_name(name.filter(|name| !name.trim().is_empty()).unwrap_or(bill), extension)
}

/// Another record's reply is refused: the one thing worse than no answer is somebody else's.
fn another(path: &str) -> Error {
    Error::unreadable(path, "the reply is about another record than the one asked for").code("integrity")
}

fn said<'t>(text: Option<&'t Text<'_>>) -> Option<&'t str> {
    text.map(|text| &**text).filter(|text| !text.is_empty())
}

/// What the document is, by TM Forum's categories. A bill without one is not said to be an ordinary one.
fn kind(category: Option<&str>) -> BillKind {
    match category {
        Some("normal") => BillKind::Invoice,
        Some("last") => BillKind::Final,
        Some("credit note") => BillKind::CreditNote,
        _ => BillKind::Other,
    }
}

/// Where a bill stands. `due` asks for payment; it does not say that payment is late.
fn status(state: &str) -> BillStatus {
    match state {
        "new" | "onHold" | "validated" => BillStatus::Draft,
        "sent" | "due" => BillStatus::Issued,
        "partiallyPaid" => BillStatus::PartiallyPaid,
        "settled" | "paid" => BillStatus::Paid,
        _ => {
            warn!(system = "tmf678", "a bill has a state that the contract does not list");
            BillStatus::Other
        }
    }
}

/// Newest first; those without a date at the end.
pub(super) fn newest_first<T: Ord>(a: &Option<T>, b: &Option<T>) -> Ordering {
    b.cmp(a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::tmf678::keys;
    use crate::error::ErrorKind;
    use crate::model::id::BillId;
    use serde_json::{Value, json};

    fn fixture(name: &str) -> String {
        let path = format!("{}/tests/fixtures/tmf678/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    }

    fn with<R>(key: &str, native: bool, run: impl FnOnce(Mapper<'_>, &str) -> R) -> R {
        let backend: BackendName = "tmf-carib".parse().unwrap();
        let id: BillId = format!("tmf-carib:{key}").parse().unwrap();
        let (place, bill) = keys::bill(&id).unwrap();
        let mapper = Mapper {
            backend: &backend,
            place: &place,
            native,
        };
        run(mapper, &bill)
    }

    fn bill(key: &str, body: &str) -> Result<Bill> {
        with(key, false, |mapper, bill| {
            mapper.bill(Some(bill), &Record::one(body.as_bytes())?)
        })
    }

    fn payments(key: &str, body: &str) -> Result<Option<Vec<Payment>>> {
        with(key, false, |mapper, bill| {
            mapper.payments(Some(bill), &Record::one(body.as_bytes())?)
        })
    }

    fn object(value: &Value) -> &serde_json::Map<String, Value> {
        value.as_object().unwrap()
    }

    /// What the truth says holds, and everything it does not speak of is null.
    fn same(found: &Value, truth: &Value, place: &str) {
        for (member, value) in object(found) {
            let expected = truth.get(member).unwrap_or(&Value::Null);
            assert_eq!(value, expected, "{place}: {member}");
        }
        for member in object(truth).keys() {
            assert!(found.get(member).is_some(), "{place}: {member}");
        }
    }

    #[test]
    fn every_example_means_what_the_contract_says() {
        let truth: Value = serde_json::from_str(&fixture("truth.json")).unwrap();
        let answers = object(&truth["answers"]);
        assert_eq!(answers.len(), 7);
        for (name, truth) in answers {
            let body = fixture(&format!("examples/{name}.json"));
            let key = truth["key"].as_str().unwrap();
            let Some(expected) = truth.get("bill") else {
                let error = bill(key, &body).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unreadable, "{name}");
                assert!(
                    error.message().contains("billingAccount.id"),
                    "{name}: {}",
                    error.message()
                );
                continue;
            };
            same(&json!(bill(key, &body).unwrap()), expected, name);
            if let Some(expected) = truth.get("payments") {
                let found = json!(payments(key, &body).unwrap().unwrap());
                let (found, expected) = (found.as_array().unwrap(), expected.as_array().unwrap());
                assert_eq!(found.len(), expected.len(), "{name}");
                for (found, expected) in found.iter().zip(expected) {
                    same(found, expected, name);
                }
            } else {
                assert!(payments(key, &body).unwrap().is_none(), "{name}");
            }
        }
    }

    #[test]
    fn another_s_bill_is_never_shown() {
        let body = fixture("examples/200-summary-minimal.json");
        for key in [
            "801941080001~bill~2018031",
            "801941080000~bill~2018032",
            "~bill~02018031",
            "0801941080000~bill~2018031",
        ] {
            for error in [bill(key, &body).unwrap_err(), payments(key, &body).unwrap_err()] {
                assert_eq!(error.kind(), ErrorKind::Unreadable, "{key}");
                assert_eq!(error.finer_code(), Some("integrity"), "{key}");
                assert!(!format!("{error:?}").contains("801941080000"), "{key}");
            }
        }
    }

    #[test]
    fn a_bill_asked_for_by_number_is_given_under_its_account() {
        let body = fixture("examples/200-summary-minimal.json");
        let found = bill("JM:liberate:~bill~2018031", &body).unwrap();
        assert_eq!(found.id.key(), "JM:liberate:801941080000~bill~2018031");
        assert_eq!(found.account_id.key(), "JM:liberate:801941080000");
    }

    /// Every way to leave one member out, however deep it stands.
    fn without_one(value: &Value) -> Vec<Value> {
        let mut all = Vec::new();
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let mut less = members.clone();
                    less.remove(name);
                    all.push(Value::Object(less));
                    for smaller in without_one(value) {
                        let mut changed = members.clone();
                        changed.insert(name.clone(), smaller);
                        all.push(Value::Object(changed));
                    }
                }
            }
            Value::Array(items) => {
                for (n, item) in items.iter().enumerate() {
                    for smaller in without_one(item) {
                        let mut changed = items.clone();
                        changed[n] = smaller;
                        all.push(Value::Array(changed));
                    }
                }
            }
            _ => {}
        }
        all
    }

    /// Whether everything the smaller record says is said by the whole one, too.
    fn within(less: &Value, whole: &Value, path: &str) {
        match (less, whole) {
            (Value::Null, _) => {}
            (Value::Object(less), Value::Object(whole)) => {
                for (name, value) in less {
                    within(value, &whole[name], &format!("{path}.{name}"));
                }
            }
            (Value::Array(less), Value::Array(whole)) => {
                assert_eq!(less.len(), whole.len(), "{path}");
                for (less, whole) in less.iter().zip(whole) {
                    within(less, whole, path);
                }
            }
            // Not known to be an ordinary bill; a document of unknown kind, under no name.
            (less, whole) if path.ends_with(".kind") && less != whole => assert_eq!(less, "OTHER"),
            (less, _) if path.ends_with("media_type") && less != whole => assert_eq!(less, "application/octet-stream"),
            // A file with no name of its own has the bill's.
            (less, whole) if path.ends_with(".name") && less != whole => {
                assert!(
                    ["77937H00004338P0.pdf", "2018031.txt"].contains(&less.as_str().unwrap()),
                    "{less}"
                );
            }
            _ => assert_eq!(less, whole, "{path}"),
        }
    }

    #[test]
    fn dropping_a_member_never_yields_a_number() {
        let tax = r#"{"id": "0004417", "billNo": "4417", "category": "credit note", "taxExcludedAmount":
            {"unit": "JMD", "value": "-1030.47"}, "taxItem": [{"taxCategory": "GCT", "taxRate": 0.165,
            "taxAmount": {"unit": "JMD", "value": "-170.03"}}], "billingAccount": {"id": "400010002000"}}"#;
        let mut tried = 0;
        for (key, body) in [
            (
                "801941080000~bill~2018031",
                fixture("examples/200-summary-minimal.json"),
            ),
            (
                "8211990010021897~bill~77937H00004338P0",
                fixture("examples/200-pdf-with-summary.json"),
            ),
            ("801941080000~bill~2018031", fixture("examples/200-txt.json")),
            ("400010002000~bill~0004417", tax.to_owned()),
        ] {
            let whole = json!(bill(key, &body).unwrap());
            let paid = json!(payments(key, &body).unwrap());
            for less in without_one(&serde_json::from_str(&body).unwrap()) {
                let less = less.to_string();
                tried += 1;
                match bill(key, &less) {
                    Ok(less) => within(&json!(less), &whole, "$"),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Unreadable),
                }
                match payments(key, &less) {
                    Ok(less) => within(&json!(less), &paid, "$"),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Unreadable),
                }
            }
        }
        assert!(tried > 100, "{tried}");
    }

    fn summary(members: &str) -> Result<Value> {
        let body = format!(r#"{{"id": "1", "billNo": "1", "billingAccount": {{"id": "7"}}{members}}}"#);
        bill("7~bill~1", &body).map(|bill| json!(bill))
    }

    #[test]
    fn an_amount_needs_its_currency_and_a_currency_alone_is_no_amount() {
        for money in [
            r#"{"value": 1.00}"#,
            r#"{"value": 1.00, "unit": ""}"#,
            r#"{"value": 1.00, "unit": "B/."}"#,
            r#"{"value": "much", "unit": "PAB"}"#,
        ] {
            let error = summary(&format!(r#", "amountDue": {money}"#)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unreadable, "{money}");
            assert!(error.message().contains("amountDue"), "{}", error.message());
        }
        let found =
            summary(r#", "amountDue": {"unit": "PAB"}, "remainingAmount": {"value": null, "unit": "PAB"}"#).unwrap();
        assert_eq!(
            (&found["amount_due"], &found["outstanding"]),
            (&Value::Null, &Value::Null)
        );
    }

    #[test]
    fn every_state_and_category_has_its_word_and_new_ones_survive() {
        for (state, expected) in [
            ("new", "DRAFT"),
            ("onHold", "DRAFT"),
            ("validated", "DRAFT"),
            ("sent", "ISSUED"),
            ("partiallyPaid", "PARTIALLY_PAID"),
            ("settled", "PAID"),
            ("due", "ISSUED"),
            ("paid", "PAID"),
            ("Paid", "OTHER"),
            ("inDispute", "OTHER"),
        ] {
            let found = summary(&format!(r#", "state": "{state}""#)).unwrap();
            assert_eq!(
                (&found["status"], &found["native_status"]),
                (&json!(expected), &json!(state))
            );
        }
        for (category, expected) in [
            ("normal", "INVOICE"),
            ("last", "FINAL"),
            ("credit note", "CREDIT_NOTE"),
            ("duplicate", "OTHER"),
            ("interim", "OTHER"),
            ("trial customer", "OTHER"),
        ] {
            let found = summary(&format!(r#", "category": "{category}""#)).unwrap();
            assert_eq!(
                (&found["kind"], &found["native_kind"]),
                (&json!(expected), &json!(category))
            );
        }
        let found = summary("").unwrap();
        assert_eq!((&found["status"], &found["kind"]), (&Value::Null, &json!("OTHER")));
    }

    #[test]
    fn a_period_stands_in_either_place_and_ends_after_its_last_day() {
        for period in [
            r#"{"startDateTime": "2018-04-11T00:00:00.000Z", "endDateTime": "2018-05-10T00:00:00.000Z"}"#,
            r#"{"validFor": {"startDateTime": "2018-04-11T00:00:00", "endDateTime": "10-May-2018 00:00:00"}}"#,
        ] {
            let found = summary(&format!(r#", "billingPeriod": {period}"#)).unwrap();
            assert_eq!(found["period"], json!({"start": "2018-04-11", "end": "2018-05-11"}));
        }
        assert_eq!(summary(r#", "billingPeriod": {}"#).unwrap()["period"], Value::Null);
    }

    #[test]
    fn an_optional_part_that_cannot_be_read_is_missing_and_the_bill_is_not() {
        for part in [
            r#""appliedPayment": [{"appliedAmount": {"value": 1, "unit": "PAB"}}, {"payment": {"id": "9"}}]"#,
            r#""appliedPayment": "none""#,
            r#""taxItem": [{"taxRate": 7}]"#,
            r#""taxItem": {}"#,
        ] {
            let found = summary(&format!(", {part}")).unwrap();
            assert_eq!(
                (&found["payments_applied"], &found["tax_items"]),
                (&Value::Null, &Value::Null),
                "{part}"
            );
        }
        let found = summary(r#", "appliedPayment": [], "taxItem": []"#).unwrap();
        assert_eq!(
            (&found["payments_applied"], &found["tax_items"]),
            (&json!([]), &json!([]))
        );
    }

    #[test]
    fn payments_that_cannot_be_read_are_not_left_out() {
        let body = r#"{"id": "1", "billNo": "1", "billingAccount": {"id": "7"},
            "appliedPayment": [{"appliedAmount": {"value": 1, "unit": "PAB"}}, {"payment": {"id": "9"}}]}"#;
        let error = payments("7~bill~1", body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(
            error.message().contains("appliedPayment[1].appliedAmount"),
            "{}",
            error.message()
        );
        let none = r#"{"id": "1", "billNo": "1", "billingAccount": {"id": "7"}}"#;
        assert!(payments("7~bill~1", none).unwrap().is_none());
    }

    #[test]
    fn two_parts_of_one_payment_have_two_identifiers() {
        let row = r#"{"appliedAmount": {"value": "5.00", "unit": "PAB"},
            "payment": {"id": "99", "paymentDate": "2018-05-29T14:20:00.000-05:00"}}"#;
        let body = format!(
            r#"{{"id": "1", "billNo": "1", "billingAccount": {{"id": "7"}}, "appliedPayment": [{row}, {row}]}}"#
        );
        let found = payments("7~bill~1", &body).unwrap().unwrap();
        let keys: Vec<_> = found.iter().map(|payment| payment.id.key()).collect();
        assert_eq!(keys, ["7~payment~1~99~0", "7~payment~1~99~1"]);
        assert_eq!(found[0].native_id.as_deref(), Some("99"));
        assert_eq!(found[0].paid_on.unwrap().to_string(), "2018-05-29");
        assert_eq!(found[0].paid_at.unwrap().to_string(), "2018-05-29T19:20:00Z");
        assert_eq!(found[0].amount, None);
    }

    #[test]
    fn the_bill_s_amounts_tell_a_rate_s_scale() {
        for (net, rate, tax, percent) in [
            ("-1030.47", "0.165", "-170.03", json!("16.5")),
            ("100.00", "16.5", "16.50", json!("16.5")),
            ("100.00", "7", "7.00", json!("7")),
            ("100.00", "0.07", "7.00", json!("7")),
            // Seven per cent of a part of the bill, or anything else.
            ("100.00", "7", "3.50", Value::Null),
            ("0.00", "7", "0.00", Value::Null),
            // Too small an amount to tell the two apart.
            ("0.10", "0.05", "0.00", Value::Null),
        ] {
            let members = format!(
                r#", "taxExcludedAmount": {{"value": {net}, "unit": "USD"}},
                "taxItem": [{{"taxCategory": "IVU", "taxRate": {rate}, "taxAmount": {{"value": "{tax}", "unit": "USD"}}}}]"#
            );
            let found = summary(&members).unwrap();
            let item = &found["tax_items"][0];
            assert_eq!(item["rate_percent"], percent, "{net} {rate}");
            assert_eq!(
                (&item["native_kind"], &item["amount"]["amount"]),
                (&json!("IVU"), &json!(tax))
            );
        }
    }

    #[test]
    fn a_body_with_neither_bill_nor_document_is_malformed() {
        for body in [
            "{}",
            r#"{"id": "1", "billingAccount": {"id": "7"}}"#,
            r#"{"hello": "world"}"#,
            "[]",
            "7",
            "null",
        ] {
            assert_eq!(
                bill("7~bill~1", body).unwrap_err().kind(),
                ErrorKind::Unreadable,
                "{body}"
            );
        }
    }

    #[test]
    fn the_system_s_record_is_shown_without_its_links() {
        let body = fixture("examples/200-summary-full.json");
        let found = with("8211990010021897~bill~77937H00004338P0", true, |mapper, bill| {
            json!(mapper.bill(Some(bill), &Record::one(body.as_bytes()).unwrap()).unwrap())
        });
        assert_eq!(found["native"]["billingAccount"]["name"], "TEST QA WALTER");
        assert!(!found.to_string().contains("lla.com"));
    }
}
