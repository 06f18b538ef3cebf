//! When an account is billed, and when and how it is to be paid.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Native;
use super::id::{AccountId, BackendName};
use super::money::Money;
use super::time::Period;

/// How often something comes round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Frequency {
    /// Every day.
    Daily,
    /// Every week.
    Weekly,
    /// Every two weeks.
    Fortnightly,
    /// Every month.
    Monthly,
    /// Every two months.
    Bimonthly,
    /// Every quarter of a year.
    Quarterly,
    /// Every half year.
    HalfYearly,
    /// Every year.
    Yearly,
    /// Once.
    Once,
    /// Something else: see `native_frequency`.
    Other,
}

/// When an account was billed last and when it will be next.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BillingSchedule {
    /// The account.
    pub account_id: AccountId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// How often it is billed.
    pub frequency: Option<Frequency>,
    /// How often, in the system's own words.
    pub native_frequency: Option<String>,
    /// Every how many of these; `null` if the system does not say.
    pub interval: Option<u32>,
    /// The day of the month a billing period starts on.
    pub period_start_day: Option<u32>,
    /// Whether bills come on a fixed rhythm.
    pub fixed: Option<bool>,
    /// The days billed last, half-open.
    pub last_billed_period: Option<Period>,
    /// The day the last bill was issued.
    pub last_bill_on: Option<Date>,
    /// The billing period that runs now, half-open.
    pub current_period: Option<Period>,
    /// The day the next bill is expected; not a promise.
    pub next_bill_on: Option<Date>,
    /// The latest day the next bill may be moved to.
    pub next_bill_latest_on: Option<Date>,
    /// How sure `next_bill_on` is, in the system's own words.
    pub native_confidence: Option<String>,
    /// Whether the day of the next bill may be moved.
    pub next_bill_movable: Option<bool>,
    /// The frequencies to choose from, in the system's own words; `null` if the system does not say.
    pub native_frequency_options: Option<Vec<String>>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// When and how the customer is expected to pay.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentTerms {
    /// The account.
    pub account_id: AccountId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The name of the terms, such as `Residential 17 Day Terms`.
    pub name: Option<String>,
    /// How many days after issue a bill is due.
    pub due_days: Option<u32>,
    /// The day of the month bills are due on, at systems that count so.
    pub due_day_of_month: Option<u32>,
    /// How many months after issue that day is taken from.
    pub due_after_months: Option<u32>,
    /// The rule in the system's own words, where it is more than a number of days.
    pub native_rule: Option<String>,
    /// How the customer pays, in the system's own words.
    pub payment_method: Option<String>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// When the regular payment of an account is looked at again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentReview {
    /// The account.
    pub account_id: AccountId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The day of the next review; `null` if none is set.
    pub review_on: Option<Date>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// The payment a system recommends.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SuggestedPayment {
    /// The account.
    pub account_id: AccountId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The part that covers what is expected to be charged.
    pub fixed: Option<Money>,
    /// The part that pays off debt.
    pub debt: Option<Money>,
    /// Whether a payment arrangement may be made.
    pub arrangement_allowed: Option<bool>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// Money that is past its due date, or an open item near to it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OverduePayment {
    /// The account.
    pub account_id: AccountId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The day it was due; `null` if the system gives one total for all days.
    pub due_on: Option<Date>,
    /// How much, without a sign.
    pub amount: Money,
    /// How many days ago it was due, as the system says; negative for an open item that is not due yet.
    pub days_overdue: Option<i64>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}
