//! Charges and credits that callers put on accounts.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Native;
use super::id::{AccountId, BackendName, TransactionId};
use super::money::Money;
use super::transaction::{Direction, TransactionKind};

/// What became of a charge or a credit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Posting {
    /// The ledger entry it became; `null` if the system does not say.
    pub transaction_id: Option<TransactionId>,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier of the charge or credit, as text.
    pub native_id: Option<String>,
    /// The account.
    pub account_id: AccountId,
    /// What kind of entry it is.
    pub kind: TransactionKind,
    /// Which way it moves the balance.
    pub direction: Direction,
    /// The whole amount, without a sign.
    pub amount: Option<Money>,
    /// The amount without tax, without a sign.
    pub net: Option<Money>,
    /// The tax in it, without a sign.
    pub tax: Option<Money>,
    /// The day it was posted.
    pub posted_on: Option<Date>,
    /// Why, in the system's own words.
    pub reason: Option<String>,
    /// What the customer reads.
    pub description: Option<String>,
    /// What staff read.
    pub note: Option<String>,
    /// The ledger it stands in, at systems with several.
    pub ledger: Option<String>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// A charge to be put on an account.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCharge {
    /// The whole amount with tax, above zero.
    pub amount: Money,
    /// Why: one of the system's own codes.
    #[schema(min_length = 1, max_length = 256)]
    pub reason: String,
    /// What the customer reads.
    #[schema(min_length = 1, max_length = 4000)]
    pub description: Option<String>,
    /// What staff read.
    #[schema(min_length = 1, max_length = 4000)]
    pub note: Option<String>,
    /// The ledger it goes to, at systems with several.
    #[schema(min_length = 1, max_length = 256)]
    pub ledger: Option<String>,
}

/// A credit to be given to an account.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCredit {
    /// The whole amount with tax, above zero.
    pub amount: Money,
    /// The tax in it: zero or more and less than `amount`, in its currency; none if left out.
    pub tax: Option<Money>,
    /// Why: one of the system's own codes.
    #[schema(min_length = 1, max_length = 256)]
    pub reason: String,
    /// What the customer reads.
    #[schema(min_length = 1, max_length = 4000)]
    pub description: Option<String>,
    /// What staff read.
    #[schema(min_length = 1, max_length = 4000)]
    pub note: Option<String>,
    /// The ledger it goes to, at systems with several.
    #[schema(min_length = 1, max_length = 256)]
    pub ledger: Option<String>,
}
