//! The system's own shapes, as `openapi.yaml` of the contract draws them; serde and nothing else.
//!
//! Everything may be null or missing, ids are text also when they look like numbers, and numbers are read from their text.
//! Where the published table gives one field two types, the JSON type decides (README, "Pitfalls in the document").

use std::collections::BTreeMap;

use rust_decimal::Decimal as Number;
use serde::de::{self, DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::model::money;

/// The code of a success.
pub(super) const OK: &str = "OK";

/// The code in a body's envelope, if it has one.
pub(super) fn code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Envelope {
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        code: String,
    }
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    Some(envelope.status.code)
}

/// What an envelope carries, as it came.
pub(super) fn raw(body: &[u8]) -> Result<&RawValue> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let envelope: Envelope<'_> =
        serde_json::from_slice(body).map_err(|_| Error::unreadable("$", "it is not the system's envelope"))?;
    envelope.data.ok_or_else(|| Error::unreadable("data", "absent"))
}

/// What an envelope carries.
pub(super) fn data<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_str(raw(body)?.get());
    // The decoder's own words could quote the reply.
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Error::unreadable(format!("data.{}", error.path()), "not what the contract says"))
}

/// A number, read exactly from a JSON number or a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal(pub(super) Number);

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let text = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .unwrap_or(text);
        money::decimal(text.trim()).map(Self).map_err(de::Error::custom)
    }
}

/// The data of a login.
#[derive(Deserialize)]
pub(super) struct Login {
    pub(super) token: String,
}

/// The one thing an account is named by in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Identifier {
    /// The system's own identifier.
    Id(String),
    /// The number; what canonical identifiers hold.
    Number(String),
    /// The name; several accounts may share one.
    Name(String),
}

impl Identifier {
    /// The form of GETs: `field=value` in one query value.
    pub(super) fn in_query(&self) -> String {
        match self {
            Self::Id(id) => format!("id={id}"),
            Self::Number(number) => format!("number={number}"),
            Self::Name(name) => format!("name={name}"),
        }
    }
}

/// What an end customer is known by in a request, in one of its three forms. Deprecated from R18 on.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum AccessToken<'a> {
    /// The code of a card.
    Code { authentication_code: &'a str },
    /// A name with its code.
    PassCode { identifier: &'a str, pass_code: &'a str },
    /// A password for one time; a number.
    Password { one_time_password: u64 },
}

/// An account named by its customer's access token.
#[derive(Serialize)]
pub(super) struct ByAccessToken<'a> {
    pub(super) access_token_identifier: AccessToken<'a>,
}

/// An account.
#[derive(Deserialize)]
pub(super) struct Account {
    pub(super) id: Option<String>,
    pub(super) r#type: Option<String>,
    pub(super) number: Option<String>,
    pub(super) name: Option<String>,
    pub(super) balance: Option<Decimal>,
    pub(super) outstanding_amount: Option<Decimal>,
    pub(super) credit_limit: Option<Decimal>,
    pub(super) credit_period: Option<Box<RawValue>>,
    pub(super) credit_period_operator: Option<String>,
    pub(super) life_cycle_state: Option<String>,
    pub(super) parent_account: Option<Box<RawValue>>,
    pub(super) contact_information: Option<Contact>,
    /// What `contact_information` is called of a member of a group.
    pub(super) account_owner: Option<Contact>,
    pub(super) billing_address: Option<Address>,
    pub(super) currency: Option<Currency>,
    pub(super) log_information: Option<Log>,
    pub(super) recurring_payments_preferences: Option<Recurring>,
    pub(super) presentment_preferences_set: Option<Vec<Presentment>>,
    pub(super) payment_preferences_set: Option<Vec<PaymentPreference>>,
}

/// What the utility added of its own: the `udf_…` fields, `null` if the reply has none of them.
pub(super) fn added(account: &RawValue) -> Option<Vec<(String, Option<String>)>> {
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(account.get()).ok()?;
    let fields: Vec<_> = fields
        .into_iter()
        .filter(|(name, _)| name.starts_with("udf_"))
        .map(|(name, value)| {
            let text = value.get();
            let value = (text != "null").then(|| serde_json::from_str(text).unwrap_or_else(|_| text.to_owned()));
            (name, value)
        })
        .collect();
    (!fields.is_empty()).then_some(fields)
}

/// Who an account belongs to.
#[derive(Deserialize)]
pub(super) struct Contact {
    pub(super) name: Option<String>,
}

/// The currency of all amounts beside it.
#[derive(Deserialize)]
pub(super) struct Currency {
    pub(super) code: Option<String>,
}

/// When the record was changed last, in local time.
#[derive(Deserialize)]
pub(super) struct Log {
    pub(super) updated_date: Option<String>,
}

/// The union of the two address formats.
#[derive(Deserialize)]
pub(super) struct Address {
    pub(super) care_of: Option<String>,
    pub(super) address_line_1: Option<String>,
    pub(super) address_line_2: Option<String>,
    pub(super) street_name: Option<String>,
    pub(super) street_number: Option<String>,
    pub(super) floor: Option<Decimal>,
    pub(super) apartment_number: Option<String>,
    pub(super) po_box: Option<String>,
    pub(super) area: Option<String>,
    pub(super) town_city: Option<String>,
    pub(super) municipality: Option<String>,
    pub(super) district: Option<String>,
    pub(super) state_province_county: Option<String>,
    pub(super) postal_code: Option<String>,
    pub(super) po_box_postal_code: Option<String>,
    pub(super) country: Option<Named>,
}

/// Something with a name.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: Option<String>,
    pub(super) r#type: Option<String>,
}

/// How bills are presented.
#[derive(Deserialize)]
pub(super) struct Presentment {
    pub(super) state: Option<String>,
    pub(super) presentment_preference: Option<Named>,
    /// The same under the name the published response has.
    pub(super) presentment_method: Option<Named>,
    pub(super) email: Option<Email>,
}

/// An e-mail address.
#[derive(Deserialize)]
pub(super) struct Email {
    pub(super) email_address: Option<String>,
}

/// How recurring payments are made.
#[derive(Deserialize)]
pub(super) struct Recurring {
    pub(super) enabled_payment_method: Option<Named>,
}

/// A way to pay.
#[derive(Deserialize)]
pub(super) struct PaymentPreference {
    pub(super) id: Option<String>,
    pub(super) account_holder: Option<String>,
    pub(super) bank_account_number: Option<String>,
    pub(super) iban: Option<String>,
    pub(super) business_identifier_code: Option<String>,
    pub(super) default: Option<bool>,
    pub(super) state: Option<String>,
    pub(super) payment_preference: Option<Named>,
    pub(super) default_card: Option<Card>,
    pub(super) cards_set: Option<Vec<CardEntry>>,
}

/// A card, flat or in a wrapper.
#[derive(Deserialize)]
pub(super) struct CardEntry {
    pub(super) default: Option<bool>,
    pub(super) card: Option<Card>,
    #[serde(flatten)]
    pub(super) flat: Card,
}

/// A card.
#[derive(Clone, Deserialize)]
pub(super) struct Card {
    pub(super) brand: Option<String>,
    pub(super) expiration_month: Option<i64>,
    pub(super) expiration_year: Option<i64>,
    pub(super) last_digits: Option<String>,
}

/// The credit period from R14 on.
#[derive(Deserialize)]
pub(super) struct CreditPeriod {
    pub(super) credit_period_setting: Option<String>,
    pub(super) credit_period_number_of_days: Option<Decimal>,
    pub(super) credit_period_day_of_month: Option<Decimal>,
    pub(super) credit_period_after_x_months: Option<Decimal>,
    pub(super) credit_period_operator: Option<String>,
    pub(super) credit_period: Option<Decimal>,
    pub(super) credit_period_uot: Option<String>,
}

/// An account as another one names it.
#[derive(Deserialize)]
pub(super) struct Reference {
    pub(super) number: Option<String>,
}
