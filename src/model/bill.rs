//! Bills and their documents.

use bytes::Bytes;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Native;
use super::id::{AccountId, BackendName, BillId};
use super::money::{Money, Number, Quantity};
use super::time::Period;

/// A bill: what was charged for a period, and what is still to be paid of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Bill {
    /// The bill's identifier here.
    pub id: BillId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier, as text, zeros kept.
    #[schema(example = "880311")]
    pub native_id: String,
    /// The account billed.
    pub account_id: AccountId,
    /// The number printed on the bill; some systems give none before or even after issue.
    pub number: Option<String>,
    /// What kind of bill it is.
    pub kind: BillKind,
    /// The kind in the system's own words.
    pub native_kind: Option<String>,
    /// Where the bill stands; `null` if the system gives nothing to tell it from.
    pub status: Option<BillStatus>,
    /// The status in the system's own words.
    pub native_status: Option<String>,
    /// The day it was issued; `null` while it is not.
    pub issued_on: Option<Date>,
    /// The day payment is due.
    pub due_on: Option<Date>,
    /// The day the next bill is expected.
    pub next_bill_on: Option<Date>,
    /// The days billed, half-open.
    pub period: Option<Period>,
    /// What was charged, credits subtracted.
    pub totals: Option<Totals>,
    /// What was owed before this bill: positive when the customer owed.
    pub opening_balance: Option<Money>,
    /// What is owed with this bill: positive when the customer owes.
    pub closing_balance: Option<Money>,
    /// What this bill asks to be paid.
    pub amount_due: Option<Money>,
    /// What is still unpaid of this bill.
    pub outstanding: Option<Money>,
    /// The lines, in the bill's order; `null` if the system does not give them with the bill.
    pub lines: Option<Vec<BillLine>>,
    /// The taxes by kind; `null` if the system does not give them with the bill.
    pub tax_items: Option<Vec<TaxItem>>,
    /// The payments counted against the bill; `null` if the system does not give them with the bill.
    pub payments_applied: Option<Vec<AppliedPayment>>,
    /// The bill this one corrects.
    pub corrects: Option<BillId>,
    /// The bill that took this one's place, if the system names it.
    pub superseded_by: Option<BillId>,
    /// Whether the bill counts: `false` if another took its place or it was annulled.
    pub is_current: bool,
    /// The documents to be had of the bill; `null` if the system does not say with the bill.
    pub documents: Option<Vec<DocumentRef>>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// What kind of bill it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BillKind {
    /// A demand for what was used and charged.
    Invoice,
    /// A statement of the account over a period.
    Statement,
    /// Takes back an earlier charge.
    CreditNote,
    /// The last bill of an account.
    Final,
    /// Takes the place of a wrong bill.
    Correction,
    /// Cancels a bill.
    Cancellation,
    /// Something else: see `native_kind`.
    Other,
}

/// Where a bill stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BillStatus {
    /// Not issued yet.
    Draft,
    /// Issued, nothing known of payment.
    Issued,
    /// Paid in part.
    PartiallyPaid,
    /// Paid.
    Paid,
    /// Not paid in time.
    Overdue,
    /// Cancelled or annulled.
    Cancelled,
    /// Something else: see `native_status`.
    Other,
}

/// A total without tax, its tax, and both together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Totals {
    /// Without tax.
    pub net: Option<Money>,
    /// The tax.
    pub tax: Option<Money>,
    /// With tax.
    pub gross: Option<Money>,
}

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BillLine {
    /// What kind of line it is, in the system's own words.
    pub native_kind: Option<String>,
    /// What the line says.
    pub description: Option<String>,
    /// How much was used.
    pub quantity: Option<Quantity>,
    /// The price of one unit, in major units of the bill's currency; every digit is kept.
    pub rate: Option<Number>,
    /// Without tax.
    pub net: Option<Money>,
    /// The tax.
    pub tax: Option<Money>,
    /// With tax.
    pub gross: Option<Money>,
    /// The days the line is for, half-open.
    pub period: Option<Period>,
}

/// One tax of a bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TaxItem {
    /// The tax, in the system's own words.
    pub native_kind: Option<String>,
    /// Its rate in per cent.
    pub rate_percent: Option<Number>,
    /// Its amount.
    pub amount: Money,
}

/// A payment counted against a bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AppliedPayment {
    /// The system's identifier of the payment.
    pub native_id: Option<String>,
    /// The part counted against this bill.
    pub amount: Money,
    /// The day it was paid.
    pub paid_on: Option<Date>,
}

/// A document to be had of a bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DocumentRef {
    /// The form it comes in.
    #[schema(example = "application/pdf")]
    pub media_type: String,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its file name.
    pub name: Option<String>,
}

/// How a bill is to be corrected.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCorrection {
    /// What is to be done about the bill.
    pub method: CorrectionMethod,
    /// Why, in the system's own words.
    #[schema(min_length = 1, max_length = 256)]
    pub reason: Option<String>,
    /// What is to be said of it.
    #[schema(min_length = 1, max_length = 4000)]
    pub description: Option<String>,
}

/// What is to be done about a wrong bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CorrectionMethod {
    /// The bill is cancelled.
    Reverse,
    /// A credit note is issued against it.
    CreditNote,
}

/// A bill's document itself.
#[derive(Clone, Debug)]
pub struct Document {
    /// The form it comes in.
    pub media_type: DocumentForm,
    /// A safe file name.
    pub name: String,
    /// The bytes.
    pub bytes: Bytes,
}

/// The forms a document can be asked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentForm {
    /// `application/pdf`
    Pdf,
    /// `text/plain`
    Text,
}

impl DocumentForm {
    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Text => "text/plain",
        }
    }
}

/// The most characters of a file name before its extension.
const LONGEST_STEM: usize = 100;

/// A file name made of a text from elsewhere: letters, digits, `.`, `-` and `_` are kept, at most 100 of them.
///
/// Leading dots go, so that no name is hidden or climbs a folder; an empty result is `document`.
#[must_use]
pub fn safe_name(text: &str, extension: &str) -> String {
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = last
        .strip_suffix(extension)
        .and_then(|stem| stem.strip_suffix('.'))
        .unwrap_or(last);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let stem = stem.trim_start_matches(|c| !is_plain(c));
    let mut name = String::with_capacity(stem.len().min(LONGEST_STEM) + 1 + extension.len());
    let kept = stem.chars().take(LONGEST_STEM);
    name.extend(kept.map(|c| if is_plain(c) || c == '.' { c } else { '-' }));
    name.truncate(name.trim_end_matches(['.', '-']).len());
    if name.is_empty() {
        name.push_str("document");
    }
    name.push('.');
    name.push_str(extension);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_cannot_climb_hide_or_break_a_header() {
        for (text, name) in [
            ("INV-00880311", "INV-00880311.pdf"),
            ("bill.pdf", "bill.pdf"),
            ("../../etc/passwd", "passwd.pdf"),
            ("a\"; filename=\"b\r\nX: y", "a---filename--b--X--y.pdf"),
            ("..", "document.pdf"),
            ("", "document.pdf"),
            ("Rechnung März", "Rechnung-M-rz.pdf"),
        ] {
            assert_eq!(safe_name(text, "pdf"), name);
        }
    }
}
