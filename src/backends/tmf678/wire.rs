//! The API's own shapes and spelling, as `openapi.yaml` of the contract draws them; serde and nothing else.
//!
//! No member may be relied on (README §3), so every one of them is optional. Unknown members are ignored, identifiers keep
//! their spelling, and numbers are read from their text, whether they come as numbers or as texts. Links are not drawn at
//! all: what is not read cannot be followed.

use std::borrow::Cow;
use std::ops::Deref;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::Deserialize;
use serde::de::{self, Deserializer};
use serde_json::value::RawValue;

use crate::backends::wire;
use crate::error::{Error, Result};
use crate::model::money;

const NOT_IDENT: &str = "an identifier is a text or a number";
const NOT_DECIMAL: &str = "not a decimal number of at most 28 digits";
const NOT_MOMENT: &str = "a date comes in none of the three spellings";

/// Reads a reply's body.
pub(super) fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    let text = std::str::from_utf8(body).map_err(|_| Error::unreadable("$", "not UTF-8"))?;
    decode_at("$", text)
}

/// Reads a piece of a reply; `place` is where it stands.
pub(super) fn decode_at<'a, T: Deserialize<'a>>(place: &str, text: &'a str) -> Result<T> {
    wire::decode_at(place, text, &[NOT_IDENT, NOT_DECIMAL, NOT_MOMENT])
}

/// A text without the blanks around it, borrowed from the reply unless it holds escapes.
#[derive(Clone, Debug)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.0.trim()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        wire::text(deserializer).map(Self)
    }
}

/// An identifier: a text by the contract, read as its text if it ever comes as a number.
#[derive(Clone, Debug)]
pub(super) struct Ident<'a>(Cow<'a, str>);

impl Deref for Ident<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Ident<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        match raw.as_bytes().first() {
            Some(b'"') => unquoted(raw).map(Self).ok_or_else(|| de::Error::custom(NOT_IDENT)),
            Some(b'-' | b'0'..=b'9') => Ok(Self(Cow::Borrowed(raw))),
            _ => Err(de::Error::custom(NOT_IDENT)),
        }
    }
}

/// The content of a JSON text; other values as they are written.
pub(super) fn unquoted(raw: &str) -> Option<Cow<'_, str>> {
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        None => Some(Cow::Borrowed(raw)),
        Some(inner) if !inner.contains('\\') => Some(Cow::Borrowed(inner)),
        Some(_) => serde_json::from_str::<String>(raw).ok().map(Cow::Owned),
    }
}

/// An exact number, from a JSON number or a text, never through a binary float. Blank is absent.
fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let Some(raw) = <Option<&'de RawValue>>::deserialize(deserializer)? else {
        return Ok(None);
    };
    number(raw.get()).map_err(|_| de::Error::custom(NOT_DECIMAL))
}

fn number(raw: &str) -> std::result::Result<Option<Decimal>, money::NotDecimal> {
    let text = unquoted(raw).ok_or(money::NotDecimal)?;
    match text.trim() {
        "" => Ok(None),
        text => money::decimal(text).map(Some),
    }
}

/// A point in time in one of its three spellings, or a date alone (README §3, "Dates").
///
/// The date is the one written, whatever the offset: dates are never moved between zones. There is an instant only where
/// an offset stands; the clock of a time without one is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) date: Date,
    pub(super) at: Option<Timestamp>,
    /// Whether it is exactly midnight by its own clock: a date in the clothes of an instant.
    pub(super) midnight: bool,
}

impl Moment {
    fn read(text: &str) -> Option<Self> {
        let local = |local: DateTime| Self {
            date: local.date(),
            at: None,
            midnight: local.time() == jiff::civil::Time::midnight(),
        };
        if text.as_bytes().get(2) == Some(&b'-') {
            // Names of months are English here whatever the machine's locale: jiff knows no other.
            return DateTime::strptime("%d-%b-%Y %H:%M:%S", text).ok().map(local);
        }
        let date: Date = text.get(..10)?.parse().ok()?;
        let Some(time) = text.get(10..).filter(|time| !time.is_empty()) else {
            return Some(local(date.into()));
        };
        let offset = time.ends_with(['Z', 'z']) || time.contains(['+', '-']);
        if !offset {
            return text.parse().ok().map(local);
        }
        let at: Timestamp = text.parse().ok()?;
        let clock: jiff::civil::Time = time
            .get(1..)?
            .split(['Z', 'z', '+', '-'])
            .next()
            .and_then(|clock| clock.parse().ok())?;
        Some(Self {
            date,
            at: Some(at),
            midnight: clock == jiff::civil::Time::midnight(),
        })
    }

    /// The instant, where one is told; midnight is how this API writes a date.
    pub(super) fn instant(self) -> Option<Timestamp> {
        self.at.filter(|_| !self.midnight)
    }
}

/// A point in time that may be missing, `null` or blank.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Moment>, D::Error> {
    match <Option<Text<'de>>>::deserialize(deserializer)? {
        Some(text) if !text.is_empty() => Moment::read(&text)
            .map(Some)
            .ok_or_else(|| de::Error::custom(NOT_MOMENT)),
        _ => Ok(None),
    }
}

/// A summary, a document, or both.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct CustomerBill<'a> {
    pub(super) id: Option<Ident<'a>>,
    pub(super) bill_no: Option<Ident<'a>>,
    pub(super) category: Option<Text<'a>>,
    pub(super) state: Option<Text<'a>>,
    #[serde(default, deserialize_with = "moment")]
    pub(super) bill_date: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    pub(super) next_bill_date: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    pub(super) payment_due_date: Option<Moment>,
    pub(super) amount_due: Option<Money<'a>>,
    pub(super) remaining_amount: Option<Money<'a>>,
    pub(super) tax_excluded_amount: Option<Money<'a>>,
    pub(super) tax_included_amount: Option<Money<'a>>,
    /// Left undecoded: an optional part must not fail the bill.
    pub(super) applied_payment: Option<&'a RawValue>,
    pub(super) bill_document: Option<Vec<BillDocument<'a>>>,
    pub(super) billing_account: Option<Ref<'a>>,
    pub(super) billing_period: Option<BillingPeriod>,
    /// Left undecoded, as `applied_payment`.
    pub(super) tax_item: Option<&'a RawValue>,
}

/// Amount and currency; the members come in either order.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Money<'a> {
    pub(super) unit: Option<Text<'a>>,
    #[serde(default, deserialize_with = "exact")]
    pub(super) value: Option<Decimal>,
}

/// A reference to another record, without its link.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Ref<'a> {
    pub(super) id: Option<Ident<'a>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TimePeriod {
    #[serde(default, deserialize_with = "moment")]
    pub(super) start_date_time: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    pub(super) end_date_time: Option<Moment>,
}

/// Both instants directly, as in the examples, or in `validFor`, as in the table.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BillingPeriod {
    #[serde(default, deserialize_with = "moment")]
    start_date_time: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    end_date_time: Option<Moment>,
    valid_for: Option<TimePeriod>,
}

impl BillingPeriod {
    /// The two ends, wherever they stand.
    pub(super) fn ends(&self) -> (Option<Moment>, Option<Moment>) {
        let inner = self.valid_for;
        (
            self.start_date_time.or(inner.and_then(|inner| inner.start_date_time)),
            self.end_date_time.or(inner.and_then(|inner| inner.end_date_time)),
        )
    }
}

/// An attachment by value; one by reference has a link, which is not read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct BillDocument<'a> {
    pub(super) attachment_type: Option<Text<'a>>,
    pub(super) content: Option<Text<'a>>,
    pub(super) mime_type: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    size: Option<&'a RawValue>,
    size_unit: Option<Text<'a>>,
}

impl BillDocument<'_> {
    /// The stated size in bytes, from any of its four spellings (README §3, "size"); `None` where the unit is not stated
    /// or is not the byte: a `KB` may have 1000 or 1024 of them.
    pub(super) fn bytes(&self) -> Option<u64> {
        #[derive(Deserialize)]
        #[serde(bound(deserialize = "'de: 'a"))]
        struct Quantity<'a> {
            amount: Option<&'a RawValue>,
            unit: Option<Text<'a>>,
            units: Option<Text<'a>>,
        }
        let raw = self.size?.get();
        let quantity: Quantity<'_>;
        let (amount, unit) = if raw.starts_with('{') {
            quantity = serde_json::from_str(raw).ok()?;
            let unit = quantity.unit.as_ref().or(quantity.units.as_ref());
            (quantity.amount?.get(), unit)
        } else {
            (raw, self.size_unit.as_ref())
        };
        let text = unquoted(amount)?;
        let mut words = text.split_whitespace();
        let amount = money::decimal(words.next()?).ok()?;
        let unit = words.next().or(unit.map(|unit| &**unit))?;
        let is_byte = ["bytes", "byte", "b"]
            .iter()
            .any(|known| unit.eq_ignore_ascii_case(known));
        (is_byte && amount.is_integer()).then(|| amount.to_u64()).flatten()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct AppliedPayment<'a> {
    pub(super) applied_amount: Option<Money<'a>>,
    pub(super) payment: Option<PaymentRef<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct PaymentRef<'a> {
    pub(super) id: Option<Ident<'a>>,
    #[serde(default, deserialize_with = "moment")]
    pub(super) payment_date: Option<Moment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct TaxItem<'a> {
    pub(super) tax_category: Option<Text<'a>>,
    #[serde(default, deserialize_with = "exact")]
    pub(super) tax_rate: Option<Decimal>,
    pub(super) tax_amount: Option<Money<'a>>,
}

/// The body of a failure, where there is one.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Errors<'a> {
    #[serde(default)]
    pub(super) errors: Option<Vec<Fault<'a>>>,
}

/// One failure: `message` is for people, `description` may hold a code.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Fault<'a> {
    pub(super) code: Option<Ident<'a>>,
    pub(super) message: Option<Text<'a>>,
    pub(super) description: Option<Text<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_in_three_spellings_and_keep_the_day_written() {
        for (text, date, at) in [
            ("2022-03-03T00:00:00.000Z", "2022-03-03", None),
            ("2018-05-02T09:00:23", "2018-05-02", None),
            ("02-May-2018 21:00:23", "2018-05-02", None),
            ("2024-01-10", "2024-01-10", None),
            ("2026-05-31T23:30:00-04:00", "2026-05-31", Some("2026-06-01T03:30:00Z")),
            (
                "2018-05-29T14:20:00.000-05:00",
                "2018-05-29",
                Some("2018-05-29T19:20:00Z"),
            ),
            ("2026-06-21T00:00:00-04:00", "2026-06-21", None),
        ] {
            let moment = Moment::read(text).unwrap();
            assert_eq!(moment.date.to_string(), date, "{text}");
            assert_eq!(moment.instant().map(|at| at.to_string()).as_deref(), at, "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2018-13-02",
            "2018-05-02T25:00:00",
            "31-Feb-2018 00:00:00",
            "02-Mai-2018 21:00:23",
            "02-05-2018 21:00:23",
            "2018-05-02T",
            "2018-05-02T09:00:23+",
        ] {
            assert_eq!(Moment::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_size_has_four_spellings_and_a_unit_is_never_guessed() {
        for (document, bytes) in [
            (r#"{"size": 100, "sizeUnit": "bytes"}"#, Some(100)),
            (r#"{"size": {"amount": 254760, "unit": "bytes"}}"#, Some(254_760)),
            (r#"{"size": {"amount": "63055", "units": "bytes"}}"#, Some(63_055)),
            (r#"{"size": "63055", "sizeUnit": "Bytes"}"#, Some(63_055)),
            (r#"{"size": "63055 bytes"}"#, Some(63_055)),
            (r#"{"size": "604"}"#, None),
            (r#"{"size": 604}"#, None),
            (r#"{"size": {"amount": 604}}"#, None),
            (r#"{"size": {"units": "bytes"}}"#, None),
            (r#"{"size": {"amount": "0.6", "unit": "KB"}}"#, None),
            (r#"{"size": {"amount": 0.5, "unit": "bytes"}}"#, None),
            (r#"{"size": {"amount": -1, "unit": "bytes"}}"#, None),
            (r#"{"size": [], "sizeUnit": "bytes"}"#, None),
            (r#"{"size": null, "sizeUnit": "bytes"}"#, None),
            (r#"{"sizeUnit": "bytes"}"#, None),
        ] {
            let document: BillDocument<'_> = serde_json::from_str(document).unwrap();
            assert_eq!(document.bytes(), bytes);
        }
    }

    #[test]
    fn amounts_are_numbers_or_texts_and_exact() {
        for (json, value) in [
            (r#"{"value": 3161.46, "unit": "PAB"}"#, Some("3161.46")),
            (r#"{"unit": "PAB", "value": 0.00}"#, Some("0.00")),
            (r#"{"value": " -1200.50 "}"#, Some("-1200.50")),
            (
                r#"{"value": 0.1000000000000000055511151231}"#,
                Some("0.1000000000000000055511151231"),
            ),
            (r#"{"value": ""}"#, None),
            (r#"{"value": null}"#, None),
            ("{}", None),
        ] {
            let money: Money<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(money.value.map(|value| value.to_string()).as_deref(), value, "{json}");
        }
        for json in [
            r#"{"value": "12,50"}"#,
            r#"{"value": true}"#,
            r#"{"value": []}"#,
            r#"{"value": "1 2"}"#,
        ] {
            assert!(serde_json::from_str::<Money<'_>>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_failure_names_its_place_and_quotes_nothing() {
        for (body, place) in [
            (
                r#"{"amountDue": {"value": "Walter", "unit": "USD"}}"#,
                "`$.amountDue.value`",
            ),
            (r#"{"billDate": "Walter"}"#, "`$.billDate`"),
            (r#"{"id": {"Walter": 1}}"#, "`$.id`"),
            (
                r#"{"billDocument": [{}, {"content": 7, "name": "Walter"}]}"#,
                "`$.billDocument[1].content`",
            ),
            (r#"{"id": "Walter"#, "`$"),
            ("{} Walter", "`$`"),
            ("", "`$`"),
        ] {
            let error = decode::<CustomerBill<'_>>(body.as_bytes()).err().unwrap();
            assert_eq!(error.kind(), crate::error::ErrorKind::Unreadable);
            assert!(error.message().contains(place), "{}", error.message());
            assert!(!format!("{error:?}").contains("Walter"), "{error:?}");
        }
    }
}
