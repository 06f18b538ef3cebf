//! How accounts pay.

use std::fmt;

use jiff::civil::Date;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::Native;
use super::id::{AccountId, BackendName, PaymentMethodId};
use super::money::Currency;
use super::time::perhaps_day;

/// The last four letters or digits of a number that is nobody's business. The rest is never kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct LastFour(String);

impl LastFour {
    /// Keeps the last four letters or digits of a number, masked or not; `None` if it has fewer, or fewer unmasked ones.
    #[must_use]
    pub fn of(number: &str) -> Option<Self> {
        let kept: Vec<char> = number
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .rev()
            .take(4)
            .collect();
        let whole = kept.len() == 4
            && kept.iter().all(char::is_ascii_alphanumeric)
            && !kept.iter().all(|c| matches!(c, 'x' | 'X'));
        whole.then(|| Self(kept.into_iter().rev().collect()))
    }

    /// The four.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LastFour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl utoipa::PartialSchema for LastFour {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("The last four letters or digits; the rest is never shown."))
            .pattern(Some("^[0-9A-Za-z]{4}$"))
            .examples([serde_json::json!("4242")])
            .into()
    }
}

impl ToSchema for LastFour {}

/// A way an account pays.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentMethod {
    /// The method's identifier here; `null` if the system gives none.
    pub id: Option<PaymentMethodId>,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier, as text.
    pub native_id: Option<String>,
    /// The account.
    pub account_id: AccountId,
    /// What kind of method it is.
    pub kind: PaymentMethodKind,
    /// The kind in the system's own words.
    pub native_kind: Option<String>,
    /// Where it stands; `null` if the system does not say.
    pub status: Option<PaymentMethodStatus>,
    /// The status in the system's own words.
    pub native_status: Option<String>,
    /// The currency it pays in.
    pub currency: Option<Currency>,
    /// The first day it counts.
    pub starts_on: Option<Date>,
    /// Whether it is the one the account pays with.
    pub is_default: Option<bool>,
    /// The bank account.
    pub bank_account: Option<BankAccount>,
    /// The card.
    pub card: Option<Card>,
    /// The payment service provider, in the system's own words.
    pub vendor: Option<String>,
    /// The ledger it pays, at systems with several.
    pub ledger: Option<String>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// What kind of payment method it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentMethodKind {
    /// Money is drawn from a bank account.
    DirectDebit,
    /// A card is charged.
    Card,
    /// The customer transfers money to the bank.
    BankTransfer,
    /// The customer pays each time, one way or another.
    Manual,
    /// Something else: see `native_kind`.
    Other,
}

/// Where a payment method stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentMethodStatus {
    /// Being set up.
    Pending,
    /// In use.
    Active,
    /// Past its last day.
    Expired,
    /// It does not work.
    Failed,
    /// Ended.
    Cancelled,
    /// Something else: see `native_status`.
    Other,
}

/// A bank account, masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BankAccount {
    /// Whose it is.
    pub holder: Option<String>,
    /// The last four of its number or IBAN.
    pub number_last_four: Option<LastFour>,
    /// The last four of the bank's code: sort code, BSB or routing number.
    pub bank_code_last_four: Option<LastFour>,
}

/// A payment card, masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Card {
    /// The network, in the system's own words, such as `Visa`.
    pub network: Option<String>,
    /// The last four of its number.
    pub number_last_four: Option<LastFour>,
    /// The last month it can be used in: `YYYY-MM`.
    #[schema(pattern = "^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2028-04")]
    pub expires: Option<String>,
}

impl Card {
    /// A month as [`Card::expires`] has it; `None` for what is no month of the calendar, or of a year without its century.
    #[must_use]
    pub fn month(year: i64, month: i64) -> Option<String> {
        let is_one = (1000..=9999).contains(&year) && (1..=12).contains(&month);
        is_one.then(|| format!("{year:04}-{month:02}"))
    }
}

/// A payment method to be set up.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPaymentMethod {
    /// What kind of method it is; `OTHER` needs `native_kind`.
    pub kind: PaymentMethodKind,
    /// The kind in the system's own words, where `kind` does not say enough.
    #[schema(min_length = 1, max_length = 256)]
    pub native_kind: Option<String>,
    /// The currency it pays in; the account's if left out.
    pub currency: Option<Currency>,
    /// The first day it counts; at once if left out.
    #[serde(default, deserialize_with = "perhaps_day")]
    pub starts_on: Option<Date>,
    /// Whether the account pays with it from then on; as the system has it if left out.
    pub is_default: Option<bool>,
    /// The bank account; for `DIRECT_DEBIT`.
    pub bank_account: Option<NewBankAccount>,
    /// The card; for `CARD`.
    pub card: Option<NewCard>,
    /// The ledger it pays, at systems with several.
    #[schema(min_length = 1, max_length = 256)]
    pub ledger: Option<String>,
}

/// A bank account that a caller gives. It is handed on and neither kept nor shown.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBankAccount {
    /// Whose it is.
    #[schema(min_length = 1, max_length = 256)]
    pub holder: Option<String>,
    /// Its number or IBAN, whole.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, write_only, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9 -]*[A-Za-z0-9][A-Za-z0-9 -]*$")]
    pub number: SecretString,
    /// The bank's code: sort code, BSB or routing number.
    #[serde(default, deserialize_with = "perhaps_secret")]
    #[schema(value_type = Option<String>, write_only, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9 -]*[A-Za-z0-9][A-Za-z0-9 -]*$")]
    pub bank_code: Option<SecretString>,
}

/// A card that a caller gives: what the payment service provider calls it, never its number.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCard {
    /// The payment service provider's token or reference of the card.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, write_only, min_length = 1, max_length = 256)]
    pub token: SecretString,
    /// The last four of its number.
    #[schema(pattern = "^[0-9]{4}$")]
    pub number_last_four: Option<String>,
    /// The last month it can be used in: `YYYY-MM`.
    #[schema(pattern = "^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2028-04")]
    pub expires: Option<String>,
}

/// Reads a text that must not be seen.
///
/// # Errors
/// If it is no text. The error does not hold it.
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    Ok(SecretString::from(String::deserialize(deserializer)?))
}

fn perhaps_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_four_are_kept() {
        for (number, kept) in [
            ("4111 1111 1111 4242", Some("4242")),
            ("****4242", Some("4242")),
            ("XXXX-XXXX-4242", Some("4242")),
            ("DE89 3704 0044 0532 0130 00", Some("3000")),
            ("242", None),
            ("********", None),
            ("xxxxxxxx", None),
            ("***42", None),
            ("", None),
        ] {
            assert_eq!(LastFour::of(number).as_ref().map(LastFour::as_str), kept, "{number}");
        }
    }
}
