//! Ledger entries.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Native;
use super::id::{AccountId, BackendName, BillId, TransactionId};
use super::money::Money;

/// One entry of an account's ledger.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Transaction {
    /// The entry's identifier here.
    pub id: TransactionId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier, as text; some systems give none, some a negative number.
    pub native_id: Option<String>,
    /// The account.
    pub account_id: AccountId,
    /// What kind of entry it is.
    pub kind: TransactionKind,
    /// The kind in the system's own words.
    pub native_kind: Option<String>,
    /// Which way it moves the balance; `null` if the system gives nothing to tell it from.
    pub direction: Option<Direction>,
    /// The whole amount, without a sign.
    pub amount: Money,
    /// The amount without tax, without a sign.
    pub net: Option<Money>,
    /// The tax in it, without a sign.
    pub tax: Option<Money>,
    /// What was owed after it, in its ledger: positive when the customer owed.
    pub balance_after: Option<Money>,
    /// The day it was posted.
    pub posted_on: Option<Date>,
    /// The instant it was posted, if the system gives one.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub posted_at: Option<Timestamp>,
    /// What it says.
    pub description: Option<String>,
    /// The system's reference, such as a bill's number or a payment's.
    pub reference: Option<String>,
    /// The bill it stands on.
    pub bill_id: Option<BillId>,
    /// The ledger it stands in, at systems with several.
    pub ledger: Option<String>,
    /// Whether it was taken back; it stays in the list. `null` if the system does not say.
    pub reversed: Option<bool>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// What kind of ledger entry it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransactionKind {
    /// Something used or done.
    Charge,
    /// Something given.
    Credit,
    /// Money from the customer.
    Payment,
    /// Money to the customer.
    Refund,
    /// A correction.
    Adjustment,
    /// Something else: see `native_kind`.
    Other,
}

/// Which way a ledger entry moves the balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Direction {
    /// The customer owes more.
    Debit,
    /// The customer owes less.
    Credit,
}
