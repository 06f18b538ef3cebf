//! What a caller gives to open an account or to change one.

use serde::Deserialize;
use utoipa::ToSchema;

use super::account::Address;
use super::id::{AccountId, BackendName};
use super::money::{Currency, Money};
use super::patch::Patch;
use super::text::Line;

/// An account to be opened. What a system cannot take of it is refused by name, not dropped.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// The backend to open it in.
    pub backend: BackendName,
    /// The identifier it shall have in the system, where callers choose it.
    #[schema(min_length = 1, max_length = 256)]
    pub native_id: Option<String>,
    /// The number printed on bills, where callers give it.
    #[schema(min_length = 1, max_length = 256)]
    pub number: Option<String>,
    /// The name the account is held under.
    #[schema(min_length = 1, max_length = 256)]
    pub name: Option<String>,
    /// What the account is for.
    #[schema(min_length = 1, max_length = 256)]
    pub description: Option<String>,
    /// What kind of account it is, in the system's own words.
    #[schema(min_length = 1, max_length = 256)]
    pub native_kind: Option<String>,
    /// The currency of the account.
    pub currency: Option<Currency>,
    /// The number of the customer who holds the account.
    #[schema(min_length = 1, max_length = 256)]
    pub customer_number: Option<String>,
    /// The number of the organisation that holds the account.
    #[schema(min_length = 1, max_length = 256)]
    pub organisation_number: Option<String>,
    /// The brand the customer sees.
    #[schema(min_length = 1, max_length = 256)]
    pub brand: Option<String>,
    /// The account it stands under, in the same backend.
    pub parent: Option<AccountId>,
    /// Where and how bills are sent.
    pub billing: Option<NewBilling>,
    /// How much credit the customer is given.
    pub credit_limit: Option<Money>,
    /// How it is enrolled, at systems that collect accounts of others.
    pub enrollment: Option<NewEnrollment>,
    /// What the utility adds of its own, each name once.
    #[schema(max_items = 100)]
    pub custom_attributes: Option<Vec<NewCustomAttribute>>,
}

/// Where and how bills shall be sent.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBilling {
    /// The addressee.
    #[schema(min_length = 1, max_length = 256)]
    pub name: Option<String>,
    /// The e-mail address bills go to.
    #[schema(format = Email, max_length = 254)]
    pub email: Option<String>,
    /// The postal address bills go to.
    pub address: Option<NewAddress>,
    /// How bills are sent, in the system's own words, such as `Email`.
    #[schema(min_length = 1, max_length = 256)]
    pub delivery: Option<String>,
}

/// A postal address that a caller gives.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBillingAddress)]
pub struct NewAddress {
    /// Street, number, unit: one line an item, in order.
    #[serde(default)]
    #[schema(value_type = Vec<Line>, max_items = 10)]
    pub lines: Vec<String>,
    /// Suburb, town or city.
    #[schema(min_length = 1, max_length = 256)]
    pub locality: Option<String>,
    /// State, province or county.
    #[schema(min_length = 1, max_length = 256)]
    pub region: Option<String>,
    /// Postcode or ZIP code.
    #[schema(min_length = 1, max_length = 256)]
    pub postal_code: Option<String>,
    /// Country, as the system writes it.
    #[schema(min_length = 1, max_length = 256)]
    pub country: Option<String>,
}

/// How an account shall be enrolled.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAccountEnrollment)]
pub struct NewEnrollment {
    /// The provider whose account it is, by the system's identifier or alias.
    #[schema(min_length = 1, max_length = 256)]
    pub provider: Option<String>,
    /// Whether the account is subscribed to.
    pub subscribed: Option<bool>,
    /// Whether its bills are delivered.
    pub delivered: Option<bool>,
    /// The credentials to use, by the system's identifier.
    #[schema(value_type = Option<Vec<Line>>, max_items = 100)]
    pub credentials: Option<Vec<String>>,
    /// Whether older bills are collected too.
    pub history: Option<bool>,
    /// What to do with paperless billing at the provider, in the system's own words.
    #[schema(min_length = 1, max_length = 256)]
    pub paperless: Option<String>,
}

/// A fact the utility adds of its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAccountAttribute)]
pub struct NewCustomAttribute {
    /// Its name.
    #[schema(min_length = 1, max_length = 256)]
    pub name: String,
    /// Its value; `null` clears it.
    #[schema(min_length = 1, max_length = 256)]
    pub value: Option<String>,
}

/// What is to change of an account, as a JSON merge patch (RFC 7396): a member left out stays, `null` clears it.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountPatch {
    /// The name the account is held under.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub name: Patch<String>,
    /// What the account is for.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub description: Patch<String>,
    /// What kind of account it is, in the system's own words.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub native_kind: Patch<String>,
    /// The currency of the account.
    #[serde(default)]
    #[schema(value_type = Option<Currency>)]
    pub currency: Patch<Currency>,
    /// The number of the customer who holds the account.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub customer_number: Patch<String>,
    /// The number of the organisation that holds the account.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub organisation_number: Patch<String>,
    /// The brand the customer sees.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub brand: Patch<String>,
    /// Where and how bills are sent; itself a merge patch.
    #[serde(default)]
    #[schema(value_type = Option<BillingPatch>)]
    pub billing: Patch<BillingPatch>,
    /// How much credit the customer is given.
    #[serde(default)]
    #[schema(value_type = Option<Money>)]
    pub credit_limit: Patch<Money>,
    /// How it is enrolled; itself a merge patch.
    #[serde(default)]
    #[schema(value_type = Option<EnrollmentPatch>)]
    pub enrollment: Patch<EnrollmentPatch>,
    /// What the utility added of its own: those named are set, or cleared where the value is `null`; the others stay.
    #[serde(default)]
    #[schema(value_type = Option<Vec<NewCustomAttribute>>, max_items = 100)]
    pub custom_attributes: Patch<Vec<NewCustomAttribute>>,
}

impl AccountPatch {
    /// Whether nothing is to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.name.is_keep()
            && self.description.is_keep()
            && self.native_kind.is_keep()
            && self.currency.is_keep()
            && self.customer_number.is_keep()
            && self.organisation_number.is_keep()
            && self.brand.is_keep()
            && self.billing.is_keep()
            && self.credit_limit.is_keep()
            && self.enrollment.is_keep()
            && self.custom_attributes.is_keep()
    }
}

/// What is to change of where and how bills are sent.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BillingPatch {
    /// The addressee.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub name: Patch<String>,
    /// The e-mail address bills go to.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Email, max_length = 254)]
    pub email: Patch<String>,
    /// The postal address bills go to; itself a merge patch.
    #[serde(default)]
    #[schema(value_type = Option<AddressPatch>)]
    pub address: Patch<AddressPatch>,
    /// How bills are sent, in the system's own words, such as `Email`.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub delivery: Patch<String>,
}

/// What is to change of a postal address.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressPatch {
    /// Street, number, unit: one line an item, in order. The lines take the place of the old ones.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Line>>, max_items = 10)]
    pub lines: Patch<Vec<String>>,
    /// Suburb, town or city.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub locality: Patch<String>,
    /// State, province or county.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub region: Patch<String>,
    /// Postcode or ZIP code.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub postal_code: Patch<String>,
    /// Country, as the system writes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub country: Patch<String>,
}

impl AddressPatch {
    /// The address after the patch, from what it was before: for systems that take whole addresses only.
    #[must_use]
    pub fn onto(self, before: Option<Address>) -> Address {
        let before = before.unwrap_or_default();
        Address {
            lines: self.lines.onto(Some(before.lines)).unwrap_or_default(),
            locality: self.locality.onto(before.locality),
            region: self.region.onto(before.region),
            postal_code: self.postal_code.onto(before.postal_code),
            country: self.country.onto(before.country),
        }
    }
}

/// What is to change of an account's enrolment.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrollmentPatch {
    /// The provider whose account it is, by the system's identifier or alias.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub provider: Patch<String>,
    /// Whether the account is subscribed to.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub subscribed: Patch<bool>,
    /// Whether its bills are delivered.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub delivered: Patch<bool>,
    /// The credentials to use, by the system's identifier; they take the place of the old ones.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Line>>, max_items = 100)]
    pub credentials: Patch<Vec<String>>,
    /// Whether older bills are collected too.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub history: Patch<bool>,
    /// What to do with paperless billing at the provider, in the system's own words.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub paperless: Patch<String>,
}
