//! Holds on accounts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Native;
use super::id::{AccountId, BackendName};
use super::time::{NewPeriod, Period};

/// Whether an account is held, and what stands still meanwhile.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Hold {
    /// The account.
    pub account_id: AccountId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier of the hold, as text.
    pub native_id: Option<String>,
    /// Whether the account is held now.
    pub active: bool,
    /// Why, in the system's own words.
    pub reason: Option<String>,
    /// What is said of it.
    pub description: Option<String>,
    /// Whether no bills are issued meanwhile.
    pub suppresses_billing: Option<bool>,
    /// Whether no payments are collected meanwhile.
    pub suppresses_payments: Option<bool>,
    /// Whether debt is not pursued meanwhile.
    pub suppresses_collections: Option<bool>,
    /// The days it lasts, half-open.
    pub period: Option<Period>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// A hold to be placed on an account.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHold {
    /// Why, in the system's own words.
    #[schema(min_length = 1, max_length = 256)]
    pub reason: String,
    /// What is to be said of it.
    #[schema(min_length = 1, max_length = 4000)]
    pub description: Option<String>,
    /// Whether no bills are issued meanwhile; as the system has it if left out.
    pub suppresses_billing: Option<bool>,
    /// Whether no payments are collected meanwhile; as the system has it if left out.
    pub suppresses_payments: Option<bool>,
    /// Whether debt is not pursued meanwhile; as the system has it if left out.
    pub suppresses_collections: Option<bool>,
    /// The days it lasts, half-open; from now on if left out.
    pub period: Option<NewPeriod>,
}
