//! Accounts and what is owed on them.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Native;
use super::id::{AccountId, BackendName, CredentialId, ProviderId, ServicePointId};
use super::meter::{MarketIdentifier, ServiceKind};
use super::money::{Currency, Money};

/// A billing account: what bills are made for and payments are booked to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Account {
    /// The account's identifier here.
    pub id: AccountId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier, as text, zeros kept.
    #[schema(example = "10045213")]
    pub native_id: String,
    /// The number printed on bills.
    pub number: Option<String>,
    /// The name the account is held under.
    pub name: Option<String>,
    /// What kind of account it is, in the system's own words.
    pub native_kind: Option<String>,
    /// Where the account stands.
    pub status: Option<AccountStatus>,
    /// The status in the system's own words.
    pub native_status: Option<String>,
    /// The currency of the account.
    pub currency: Option<Currency>,
    /// The number of the customer who holds the account.
    pub customer_number: Option<String>,
    /// Where and how bills are sent.
    pub billing: Option<Billing>,
    /// The brand the customer sees.
    pub brand: Option<String>,
    /// The first day of the account.
    pub opened_on: Option<Date>,
    /// The day the account was closed.
    pub closed_on: Option<Date>,
    /// The account this one stands under.
    pub parent: Option<AccountId>,
    /// The points of supply billed on the account; `null` if the system does not say with the account.
    pub service_points: Option<Vec<ServicePointRef>>,
    /// The balance, when the system gives it with the account.
    pub balance: Option<Balance>,
    /// How far the account's enrolment is, at systems that collect accounts of others.
    pub enrollment: Option<Enrollment>,
    /// What the utility added of its own; `null` if the system has no such thing.
    pub custom_attributes: Option<Vec<CustomAttribute>>,
    /// When the system last changed the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// Where an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountStatus {
    /// Being set up.
    Pending,
    /// In use.
    Active,
    /// Held for now.
    Suspended,
    /// Ended.
    Closed,
    /// Something else: see `native_status`.
    Other,
}

/// Where and how bills are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Billing {
    /// The addressee.
    pub name: Option<String>,
    /// The e-mail address bills go to.
    pub email: Option<String>,
    /// The postal address bills go to.
    pub address: Option<Address>,
    /// How bills are sent, in the system's own words, such as `Email`.
    pub delivery: Option<String>,
}

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Address {
    /// Street, number, unit: one line an item, in order, blank lines left out.
    pub lines: Vec<String>,
    /// Suburb, town or city.
    pub locality: Option<String>,
    /// State, province or county.
    pub region: Option<String>,
    /// Postcode or ZIP code.
    pub postal_code: Option<String>,
    /// Country, as the system writes it.
    pub country: Option<String>,
}

/// A point of supply as an account names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ServicePointRef {
    /// The service point's identifier here.
    pub id: ServicePointId,
    /// The identifier the market knows it by.
    pub market_identifier: Option<MarketIdentifier>,
    /// What is supplied.
    pub service_kind: Option<ServiceKind>,
}

/// What is owed on an account. Every amount is positive when the customer owes, unless its own line says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Balance {
    /// The account.
    pub account_id: AccountId,
    /// Owed now: positive when the customer owes, negative when the account is in credit.
    pub balance_due: Money,
    /// The part that is past its due date.
    pub overdue: Option<Money>,
    /// What has happened since the last bill.
    pub unbilled: Option<Unbilled>,
    /// How much credit the customer is given.
    pub credit_limit: Option<Money>,
    /// The instant the figures hold at, if the system states one; `meta.as_of` says when it answered.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
}

/// What has happened since the last bill, each total without a sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Unbilled {
    /// Charges not billed yet.
    pub charges: Option<Money>,
    /// Credits not billed yet.
    pub credits: Option<Money>,
    /// Payments not shown on a bill yet.
    pub payments: Option<Money>,
}

/// How far an account's enrolment is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Enrollment {
    /// The state of the enrolment, in the system's own words.
    pub status: Option<String>,
    /// The state of the collection of bills, in the system's own words.
    pub extraction_status: Option<String>,
    /// The state of the watch on the account, in the system's own words.
    pub monitoring_status: Option<String>,
    /// Whether the account is subscribed to.
    pub subscribed: Option<bool>,
    /// Whether its bills are delivered.
    pub delivered: Option<bool>,
    /// The provider whose account it is.
    pub provider: Option<ProviderId>,
    /// The provider's part in its bills, in the system's own words.
    pub provider_classification: Option<String>,
    /// The credentials used, by identifier.
    pub credentials: Option<Vec<CredentialId>>,
    /// The credentials known to work, by identifier.
    pub verified_credentials: Option<Vec<CredentialId>>,
    /// The number without punctuation and leading zeros.
    pub normalized_number: Option<String>,
    /// The number of the summary account it stands under.
    pub summary_number: Option<String>,
    /// What the system says of the account.
    pub message: Option<String>,
    /// When bills were last collected with success.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_succeeded_at: Option<Timestamp>,
    /// When a bill was last delivered.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_delivered_at: Option<Timestamp>,
    /// How sure `next_expected_on` is, in the system's own words.
    pub next_expected_confidence: Option<String>,
    /// When bills were last collected.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_extracted_at: Option<Timestamp>,
    /// The day the next bill is expected.
    pub next_expected_on: Option<Date>,
}

/// A fact the utility added of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CustomAttribute {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
}
