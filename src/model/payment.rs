//! Payments.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Native;
use super::id::{AccountId, BackendName, BillId, PaymentId};
use super::money::Money;

/// A payment by the customer, and what it was counted against.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Payment {
    /// The payment's identifier here.
    pub id: PaymentId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier, as text; `null` if the system gives none.
    pub native_id: Option<String>,
    /// The account it was made for; `null` if the system does not tell.
    pub account_id: Option<AccountId>,
    /// The whole amount, without a sign; `null` if the system tells only what was counted against bills.
    pub amount: Option<Money>,
    /// The bills it was counted against; `null` if the system does not tell.
    pub applied: Option<Vec<PaymentPart>>,
    /// The day it was made; the day it is due for one that is yet to come.
    pub paid_on: Option<Date>,
    /// The instant it was made, if the system gives one.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paid_at: Option<Timestamp>,
    /// How it was made, in the system's own words.
    pub method: Option<String>,
    /// What it says, such as a reference.
    pub reference: Option<String>,
    /// Where it stands; `null` if the system does not tell.
    pub status: Option<PaymentStatus>,
    /// The status in the system's own words.
    pub native_status: Option<String>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// The part of a payment that was counted against one bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PaymentPart {
    /// The bill.
    pub bill_id: BillId,
    /// The part.
    pub amount: Money,
}

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    /// Yet to be made or collected.
    Scheduled,
    /// Made, but the money is not there yet.
    Pending,
    /// The money is there.
    Cleared,
    /// Refused or taken back.
    Failed,
    /// Called off before it was made.
    Cancelled,
    /// Something else: see `native_status`.
    Other,
}
