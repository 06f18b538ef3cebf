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
