//! Payment arrangements: payments agreed in advance, such as plans and schedules.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Native;
use super::id::{AccountId, ArrangementId, BackendName};
use super::money::Money;
use super::payment_method::PaymentMethod;
use super::terms::Frequency;
use super::time::{day, perhaps_day};

/// Payments agreed with a customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentArrangement {
    /// The arrangement's identifier here.
    pub id: ArrangementId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier, as text, zeros kept.
    pub native_id: String,
    /// The account.
    pub account_id: AccountId,
    /// What it is for.
    pub kind: ArrangementKind,
    /// The kind in the system's own words.
    pub native_kind: Option<String>,
    /// Where it stands; `null` if the system does not say.
    pub status: Option<ArrangementStatus>,
    /// The status in the system's own words.
    pub native_status: Option<String>,
    /// The system's reference of the agreement.
    pub reference: Option<String>,
    /// The day it was agreed.
    pub agreed_on: Option<Date>,
    /// The first day it counts.
    pub starts_on: Option<Date>,
    /// The first day it no longer counts; `null` while it goes on or if the system does not say.
    pub ends_on: Option<Date>,
    /// How often it is paid.
    pub frequency: Option<Frequency>,
    /// How often, in the system's own words.
    pub native_frequency: Option<String>,
    /// Every how many of these; `null` if the system does not say.
    pub interval: Option<u32>,
    /// The day of the month, or of the week with weekly payments, it is paid on.
    pub payment_day: Option<u32>,
    /// What each payment is.
    pub amount: Option<Money>,
    /// The debt it pays off.
    pub total_debt: Option<Money>,
    /// How it is paid.
    pub payment_method: Option<PaymentMethod>,
    /// The next payment due.
    pub next_payment: Option<ScheduledPayment>,
    /// The payments agreed, by date; `null` if the system does not list them.
    pub scheduled_payments: Option<Vec<ScheduledPayment>>,
    /// The ledger it pays, at systems with several.
    pub ledger: Option<String>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// What a payment arrangement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ArrangementKind {
    /// What is charged from now on.
    Ongoing,
    /// What is owed already.
    Debt,
    /// Both.
    OngoingAndDebt,
    /// Something else: see `native_kind`.
    Other,
}

/// Where a payment arrangement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ArrangementStatus {
    /// Offered, and not agreed yet.
    Pending,
    /// Being paid.
    Active,
    /// Standing still.
    Paused,
    /// Paid to the end.
    Completed,
    /// Not kept.
    Broken,
    /// Called off.
    Cancelled,
    /// Something else: see `native_status`.
    Other,
}

/// One payment of an arrangement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ScheduledPayment {
    /// The system's own identifier, as text.
    pub native_id: Option<String>,
    /// The day it is due.
    pub due_on: Option<Date>,
    /// How much.
    pub amount: Option<Money>,
    /// What is still open of it.
    pub outstanding: Option<Money>,
    /// What kind of payment it is, in the system's own words.
    pub native_kind: Option<String>,
    /// Where it stands, in the system's own words.
    pub native_status: Option<String>,
    /// How it is paid, in the system's own words.
    pub payment_method: Option<String>,
    /// Whether it will be drawn from the bank account by itself.
    pub direct_debit: Option<bool>,
    /// Whether it belongs to the arrangement rather than to what is charged meanwhile.
    pub arrangement_payment: Option<bool>,
}

/// A payment arrangement to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPaymentArrangement {
    /// What it is for; not `OTHER`.
    pub kind: ArrangementKind,
    /// How often it is paid; not `OTHER`. As the system has it if left out.
    pub frequency: Option<Frequency>,
    /// The day of the first payment.
    #[serde(deserialize_with = "day")]
    pub first_payment_on: Date,
    /// The parts of which each payment is made: 1 to 20, above zero, in one currency. The system's choice if left out.
    #[schema(min_items = 1, max_items = 20)]
    pub components: Option<Vec<Money>>,
    /// How many payments; until it is cancelled if left out.
    #[schema(minimum = 1, maximum = 1200)]
    pub payments: Option<u32>,
    /// The day after which it ends, at systems that take one instead of a number of payments.
    #[serde(default, deserialize_with = "perhaps_day")]
    pub ends_on: Option<Date>,
    /// The ledger it pays, at systems with several.
    #[schema(min_length = 1, max_length = 256)]
    pub ledger: Option<String>,
}
