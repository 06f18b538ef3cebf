//! Refunds: paying credit back to customers.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Native;
use super::id::{AccountId, BackendName, RefundId};
use super::money::Money;
use super::payment_method::NewBankAccount;

/// A request to pay credit back to a customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Refund {
    /// The request's identifier here; `null` if the system gives none.
    pub id: Option<RefundId>,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier, as text, zeros kept.
    pub native_id: Option<String>,
    /// The account.
    pub account_id: AccountId,
    /// Where it stands; `null` if the system does not say.
    pub status: Option<RefundStatus>,
    /// The status in the system's own words.
    pub native_status: Option<String>,
    /// How much.
    pub amount: Option<Money>,
    /// What the system keeps for it.
    pub fee: Option<Money>,
    /// Why, in the system's own words.
    pub reason: Option<String>,
    /// What is said of it.
    pub description: Option<String>,
    /// Who gets it.
    pub payee: Option<String>,
    /// How it is paid.
    pub method: Option<RefundMethod>,
    /// How it is paid, in the system's own words.
    pub native_method: Option<String>,
    /// The day it was asked for.
    pub requested_on: Option<Date>,
    /// The day it was or will be paid.
    pub paid_on: Option<Date>,
    /// The ledger it comes out of, at systems with several.
    pub ledger: Option<String>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// Where a refund request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundStatus {
    /// Asked for.
    Requested,
    /// Granted.
    Approved,
    /// On its way.
    Submitted,
    /// Paid.
    Paid,
    /// Not granted.
    Rejected,
    /// Granted, but the payment failed.
    Failed,
    /// Taken back.
    Cancelled,
    /// Something else: see `native_status`.
    Other,
}

/// How a refund is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundMethod {
    /// Into a bank account.
    BankTransfer,
    /// By cheque.
    Cheque,
    /// Back to the card.
    Card,
    /// Something else: see `native_method`.
    Other,
}

/// A refund to be asked for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRefund {
    /// How much, above zero: at most the credit on the account.
    pub amount: Money,
    /// Why, in the system's own words.
    #[schema(min_length = 1, max_length = 256)]
    pub reason: String,
    /// What is to be said of it.
    #[schema(min_length = 1, max_length = 4000)]
    pub description: Option<String>,
    /// How it is to be paid; not `OTHER`. As the system has it if left out.
    pub method: Option<RefundMethod>,
    /// The bank account to pay into; the one on file if left out. Only with `BANK_TRANSFER` or without a method.
    pub bank_account: Option<NewBankAccount>,
    /// The ledger it comes out of, at systems with several.
    #[schema(min_length = 1, max_length = 256)]
    pub ledger: Option<String>,
}
