//! Gentrack's own shapes and spelling, as `openapi.yaml` of the contract draws them; serde and nothing else.
//!
//! Everything borrows from the reply. Unknown members are ignored, identifiers may be numbers or texts and keep their
//! spelling, a single object is taken where a list is due (README, "Bodies"), and blank dates and numbers count as absent.
//! Two spellings of one member are two members here, so that a reply with both is read, not refused.

/// Finds the reference of a record under any of its three spellings (README, "References").
macro_rules! referred {
    ($($parameter:tt),+ => $record:ty) => {
        impl<$($parameter),+> $record {
            /// The reference, however it is spelt.
            pub(in crate::backends::gentrack) fn reference(&self) -> Option<&Ident<'a>> {
                self.global_reference
                    .as_ref()
                    .or(self.global_id.as_ref())
                    .or(self.global_id_capital.as_ref())
            }
        }
    };
}

pub(super) mod account;
pub(super) mod party;
pub(super) mod payment;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::backends::wire;
use crate::error::Result;
use crate::model::money;
use crate::model::time::Zone;

const NOT_IDENT: &str = "an identifier is a number or a text";
const NOT_DECIMAL: &str = "not a decimal number of at most 28 digits";
const NOT_DATE: &str = "a date is YYYY-MM-DD";
const NOT_MOMENT: &str = "a time is YYYY-MM-DDThh:mm:ss, with or without an offset";

/// Reads a reply's body.
pub(super) fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    wire::decode(body, &[NOT_IDENT, NOT_DECIMAL, NOT_DATE, NOT_MOMENT])
}

/// A text, borrowed from the reply unless it holds escapes.
#[derive(Clone)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        wire::text(deserializer).map(Self)
    }
}

/// An identifier, which comes as a number or as a text (README, "References") and goes back as it came.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub(super) struct Ident<'a>(&'a RawValue);

impl<'a> Ident<'a> {
    /// Its text, zeros kept.
    pub(super) fn text(&self) -> Cow<'a, str> {
        let raw = self.0.get();
        match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) if !inner.contains('\\') => Cow::Borrowed(inner),
            Some(_) => serde_json::from_str::<String>(raw).map_or(Cow::Borrowed(raw), Cow::Owned),
            None => Cow::Borrowed(raw),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Ident<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        match raw.get().as_bytes().first() {
            Some(b'"' | b'-' | b'0'..=b'9') => Ok(Self(raw)),
            _ => Err(de::Error::custom(NOT_IDENT)),
        }
    }
}

/// An exact number, read from its text and never through a binary float.
#[derive(Clone, Copy)]
pub(super) struct Exact(pub(super) Decimal);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        money::decimal(unquoted(raw))
            .map(Self)
            .map_err(|_| de::Error::custom(NOT_DECIMAL))
    }
}

fn unquoted(raw: &str) -> &str {
    raw.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(raw)
}

/// A number that may be missing, `null` or blank.
pub(super) fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Exact>, D::Error> {
    let Some(raw) = <Option<&'de RawValue>>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let text = unquoted(raw.get());
    if text.trim().is_empty() {
        return Ok(None);
    }
    money::decimal(text)
        .map(|value| Some(Exact(value)))
        .map_err(|_| de::Error::custom(NOT_DECIMAL))
}

/// A calendar date. Of a date with a time the date is taken as written: dates are never moved between zones.
#[derive(Clone, Copy)]
pub(super) struct Day(pub(super) Date);

/// A date that may be missing, `null` or blank.
pub(super) fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Day>, D::Error> {
    let Some(text) = <Option<Text<'de>>>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let date = match text.split_once('T') {
        Some((date, _)) => date,
        None => text,
    };
    date.parse()
        .map(|date| Some(Day(date)))
        .map_err(|_| de::Error::custom(NOT_DATE))
}

/// A date, a local time without offset, or an instant: the contract's `DateOrDateTime`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Moment {
    Day(Date),
    Local(DateTime),
    At(Timestamp),
}

impl Moment {
    fn read(text: &str) -> Option<Self> {
        if text.len() == 10 {
            return text.parse().ok().map(Self::Day);
        }
        // Not every reader of dates keeps off a zone it is not given, so the two are told apart first.
        let offset = text.ends_with(['Z', 'z']) || text.get(10..)?.contains(['+', '-']);
        if offset {
            text.parse().ok().map(Self::At)
        } else {
            civil(text).map(Self::Local)
        }
    }

    /// The instant; a bare date is the start of its day.
    pub(super) fn instant(self, zone: &Zone) -> std::result::Result<Timestamp, jiff::Error> {
        match self {
            Self::Day(day) => zone.start_of(day),
            Self::Local(local) => zone.instant(local),
            Self::At(at) => Ok(at),
        }
    }

    /// The local date.
    pub(super) fn date(self, zone: &Zone) -> Date {
        match self {
            Self::Day(day) => day,
            Self::Local(local) => local.date(),
            Self::At(at) => zone.date(at),
        }
    }

    /// The local time.
    pub(super) fn local(self, zone: &Zone) -> DateTime {
        match self {
            Self::Day(day) => day.to_datetime(jiff::civil::Time::midnight()),
            Self::Local(local) => local,
            Self::At(at) => zone.local(at),
        }
    }
}

/// A local time. The one form seen, `YYYY-MM-DDThh:mm:ss.sss`, has its own short way: readings are mostly times.
fn civil(text: &str) -> Option<DateTime> {
    fn number(digits: &[u8]) -> Option<i16> {
        digits.iter().try_fold(0i16, |sum, digit| {
            let digit = digit.wrapping_sub(b'0');
            (digit < 10).then(|| sum * 10 + i16::from(digit))
        })
    }
    let bytes = text.as_bytes();
    if bytes.len() == 23
        && (bytes[4], bytes[7], bytes[10], bytes[13], bytes[16], bytes[19]) == (b'-', b'-', b'T', b':', b':', b'.')
    {
        let two = |at: usize| number(&bytes[at..at + 2]).and_then(|value| i8::try_from(value).ok());
        let year = number(&bytes[..4])?;
        let millis = i32::from(number(&bytes[20..])?);
        // A leap second is left to the general reader.
        if let Ok(local) = DateTime::new(year, two(5)?, two(8)?, two(11)?, two(14)?, two(17)?, millis * 1_000_000) {
            return Some(local);
        }
    }
    text.parse().ok()
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::<'de>::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| de::Error::custom(NOT_MOMENT))
    }
}

/// A time that may be missing, `null` or blank.
pub(super) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Moment>, D::Error> {
    match <Option<Text<'de>>>::deserialize(deserializer)? {
        Some(text) if !text.trim().is_empty() => Moment::read(text.trim())
            .map(Some)
            .ok_or_else(|| de::Error::custom(NOT_MOMENT)),
        _ => Ok(None),
    }
}

/// A list, or the one thing in it.
pub(super) struct Many<T>(pub(super) Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::with_capacity(list.size_hint().unwrap_or(0));
                while let Some(item) = list.next_element()? {
                    all.push(item);
                }
                Ok(all)
            }

            fn visit_map<A: MapAccess<'de>>(self, one: A) -> Result<Self::Value, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(one)).map(|item| vec![item])
            }
        }
        deserializer.deserialize_any(Reader(PhantomData)).map(Self)
    }
}

/// `{"results": [...]}`: the envelope of bills, transactions and the reads of a bill.
#[derive(Deserialize)]
pub(super) struct Results<T> {
    pub(super) results: Many<T>,
}

/// `{"meters": [...]}`, the rest left alone.
#[derive(Deserialize)]
pub(super) struct Meters<T> {
    pub(super) meters: Many<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Account<'a> {
    global_reference: Option<Ident<'a>>,
    global_id: Option<Ident<'a>>,
    #[serde(rename = "globalID")]
    global_id_capital: Option<Ident<'a>>,
    pub(super) account_number: Option<Ident<'a>>,
    pub(super) name: Option<Text<'a>>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    pub(super) status: Option<Text<'a>>,
    pub(super) brand: Option<Text<'a>>,
    pub(super) currency: Option<Text<'a>>,
    pub(super) bill_delivery: Option<Text<'a>>,
    pub(super) customer_reference: Option<Ident<'a>>,
    pub(super) parent_account_reference: Option<Ident<'a>>,
    pub(super) service_points: Option<Many<ServicePoint<'a>>>,
    pub(super) billing_address: Option<PostalAddress<'a>>,
    pub(super) period: Option<Period>,
    extensions: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "moment")]
    pub(super) last_updated_time: Option<Moment>,
}

impl<'a> Account<'a> {
    /// What the tenant adds of its own, by name; `None` if there is no such object.
    pub(super) fn extensions(&self) -> Option<BTreeMap<String, &'a RawValue>> {
        serde_json::from_str(self.extensions?.get()).ok()
    }
}

referred!('a => Account<'a>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Period {
    #[serde(default, deserialize_with = "moment")]
    pub(super) from_date: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    pub(super) to_date: Option<Moment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct PostalAddress<'a> {
    pub(super) unstructured: Option<Text<'a>>,
    pub(super) address_line1: Option<Text<'a>>,
    pub(super) address_line2: Option<Text<'a>>,
    pub(super) suburb: Option<Text<'a>>,
    pub(super) state: Option<Text<'a>>,
    pub(super) city: Option<Text<'a>>,
    pub(super) postcode: Option<Ident<'a>>,
    pub(super) country: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ExternalRef<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    pub(super) id: Option<Ident<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ServicePoint<'a> {
    global_reference: Option<Ident<'a>>,
    global_id: Option<Ident<'a>>,
    #[serde(rename = "globalID")]
    global_id_capital: Option<Ident<'a>>,
    pub(super) service_external: Option<ExternalRef<'a>>,
    pub(super) service_type: Option<Text<'a>>,
    pub(super) connection_status: Option<Text<'a>>,
}

referred!('a => ServicePoint<'a>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Balance<'a> {
    pub(super) account_balance: Exact,
    #[serde(default, deserialize_with = "exact")]
    pub(super) overdue_balance: Option<Exact>,
    #[serde(default, deserialize_with = "exact")]
    pub(super) unbilled_payment_total: Option<Exact>,
    #[serde(default, deserialize_with = "exact")]
    pub(super) unbilled_charges_total: Option<Exact>,
    #[serde(default, deserialize_with = "exact")]
    pub(super) unbilled_credits_total: Option<Exact>,
    pub(super) currency: Text<'a>,
    pub(super) global_reference: Option<Ident<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Bill<'a> {
    pub(super) bill_id: Ident<'a>,
    pub(super) bill_number: Option<Ident<'a>>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(default, deserialize_with = "day")]
    pub(super) issue_date: Option<Day>,
    #[serde(default, deserialize_with = "day")]
    pub(super) due_date: Option<Day>,
    pub(super) currency: Option<Text<'a>>,
    #[serde(default, deserialize_with = "exact")]
    pub(super) gross_amount: Option<Exact>,
    #[serde(default, deserialize_with = "exact")]
    pub(super) net_amount: Option<Exact>,
    #[serde(default, deserialize_with = "exact")]
    pub(super) sales_tax_amount: Option<Exact>,
    #[serde(default, deserialize_with = "exact")]
    pub(super) bill_balance: Option<Exact>,
    #[serde(default, deserialize_with = "day")]
    pub(super) bill_period_from: Option<Day>,
    #[serde(default, deserialize_with = "day")]
    pub(super) bill_period_to: Option<Day>,
    pub(super) bill_flags: Option<BillFlags>,
    pub(super) bill_version: Option<Ident<'a>>,
    pub(super) pdf_available: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BillFlags {
    pub(super) final_bill: Option<bool>,
    pub(super) superseded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct FinancialTransaction<'a> {
    pub(super) transaction_date: Moment,
    #[serde(rename = "type")]
    pub(super) kind: Text<'a>,
    pub(super) amount: Exact,
    pub(super) currency: Text<'a>,
    #[serde(default, deserialize_with = "exact")]
    pub(super) balance: Option<Exact>,
    pub(super) transaction_identifier: Ident<'a>,
    pub(super) description: Option<Text<'a>>,
    pub(super) transaction_code: Option<Ident<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct BillMeterReading<'a> {
    pub(super) service_point_id: Option<Ident<'a>>,
    pub(super) meter_identifier: Option<Ident<'a>>,
    pub(super) register_id: Option<Ident<'a>>,
    pub(super) register_label: Option<Text<'a>>,
    pub(super) reading_id: Option<Ident<'a>>,
    pub(super) reading_date_time: Moment,
    pub(super) reading: Exact,
    #[serde(default, deserialize_with = "exact")]
    pub(super) consumption: Option<Exact>,
    pub(super) unit_of_measure: Option<Text<'a>>,
    #[serde(default, deserialize_with = "moment")]
    pub(super) from_datetime: Option<Moment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Reading<'a> {
    pub(super) reading_reference: Option<Ident<'a>>,
    pub(super) reading_date_time: Moment,
    pub(super) source: Option<Text<'a>>,
    pub(super) quality: Option<Text<'a>>,
    pub(super) reading: Exact,
    #[serde(default, deserialize_with = "exact")]
    pub(super) quantity: Option<Exact>,
    pub(super) estimated: Option<bool>,
    pub(super) status: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Structure<'a> {
    pub(super) service_point: Option<ServicePoint<'a>>,
    pub(super) meters: Many<StructureMeter<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct StructureMeter<'a> {
    pub(super) serial_number: Ident<'a>,
    pub(super) device_id: Option<Ident<'a>>,
    pub(super) asset_type_id: Option<Text<'a>>,
    pub(super) asset_external: Option<&'a RawValue>,
    pub(super) reading_registers: Many<StructureRegister<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct StructureRegister<'a> {
    pub(super) id: Ident<'a>,
    pub(super) label: Option<Text<'a>>,
    pub(super) dials: Option<u32>,
    pub(super) unit_of_measure: Option<Text<'a>>,
    pub(super) direction: Option<Text<'a>>,
    pub(super) accumulator_type: Option<Text<'a>>,
    pub(super) register_status: Option<Text<'a>>,
    #[serde(default, deserialize_with = "moment")]
    pub(super) installed_date_time: Option<Moment>,
    pub(super) allows_reading_entry: Option<bool>,
    purpose: Option<Text<'a>>,
    /// Misspelt so in replies of the core system (openapi.yaml, `x-aliases`).
    #[serde(rename = "pursose")]
    purpose_misspelt: Option<Text<'a>>,
    /// Left undecoded: the member's name is design, and an optional part must not fail the register.
    pub(super) last_meter_reading: Option<&'a RawValue>,
}

impl<'a> StructureRegister<'a> {
    pub(super) fn purpose(&self) -> Option<&Text<'a>> {
        self.purpose.as_ref().or(self.purpose_misspelt.as_ref())
    }

    /// What a register is called in canonical records: its label, or its identifier where it has none.
    pub(super) fn name(&self) -> Cow<'_, str> {
        register_name(self.label.as_ref(), &self.id)
    }
}

/// A register's label, or its identifier where it has none.
pub(super) fn register_name<'t>(label: Option<&'t Text<'_>>, id: &Ident<'t>) -> Cow<'t, str> {
    match label {
        Some(label) if !label.trim().is_empty() => Cow::Borrowed(label),
        _ => id.text(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct History<'a> {
    pub(super) service_point: Option<ServicePoint<'a>>,
    pub(super) meters: Many<HistoryMeter<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct HistoryMeter<'a> {
    pub(super) serial_number: Ident<'a>,
    pub(super) reading_registers: Many<HistoryRegister<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct HistoryRegister<'a> {
    pub(super) id: Ident<'a>,
    pub(super) label: Option<Text<'a>>,
    pub(super) unit_of_measure: Option<Text<'a>>,
    pub(super) meter_readings: Many<Reading<'a>>,
}

/// What goes out to `validate-meter-reads` and `submit-meter-reads`.
#[derive(Serialize)]
pub(super) struct ReadingsRequest<'a> {
    pub(super) meters: Vec<SubmitMeter<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubmitMeter<'a> {
    pub(super) serial_number: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device_id: Option<&'a Ident<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) asset_type_id: Option<&'a Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) asset_external: Option<&'a RawValue>,
    pub(super) reading_registers: Vec<SubmitRegister<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubmitRegister<'a> {
    pub(super) id: &'a Ident<'a>,
    pub(super) label: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dials: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unit_of_measure: Option<&'a Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) register_status: Option<&'a Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purpose: Option<&'a Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allows_reading_entry: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) accumulator_type: Option<&'a Text<'a>>,
    pub(super) meter_readings: Vec<SubmittedReading>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubmittedReading {
    pub(super) reading_date_time: String,
    pub(super) reading: Box<RawValue>,
    pub(super) source: &'static str,
    pub(super) quality: &'static str,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Validation<'a> {
    pub(super) meters: Many<ValidatedMeter<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ValidatedMeter<'a> {
    pub(super) serial_number: Option<Ident<'a>>,
    pub(super) reading_registers: Many<ValidatedRegister<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ValidatedRegister<'a> {
    pub(super) id: Option<Ident<'a>>,
    pub(super) label: Option<Text<'a>>,
    /// Empty or absent when nothing was found.
    pub(super) validation_response: Option<Many<ValidationResponse<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ValidationResponse<'a> {
    pub(super) validation_code: Option<Ident<'a>>,
    pub(super) validation_status: Option<Text<'a>>,
    pub(super) validation_description: Option<Text<'a>>,
}

/// The error body, as far as it is read; no public description of it exists.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Problem<'a> {
    pub(super) error_code: Option<Ident<'a>>,
    pub(super) error_severity: Option<Text<'a>>,
    #[serde(default)]
    pub(super) validation_errors: Many<ValidationError<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ValidationError<'a> {
    pub(super) error_detail: Option<ErrorDetail<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ErrorDetail<'a> {
    pub(super) error_code: Option<Ident<'a>>,
    pub(super) field: Option<Text<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn identifiers_keep_their_zeros_and_their_form() {
        for (json, text) in [
            ("10045213", "10045213"),
            ("\"00010045213\"", "00010045213"),
            ("\"a\\/b\\u0041\"", "a/bA"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("-7", "-7"),
        ] {
            let ident: Ident<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(ident.text(), text);
            assert_eq!(serde_json::to_string(&ident).unwrap(), json);
        }
        assert!(serde_json::from_str::<Ident<'_>>("true").is_err());
        assert!(serde_json::from_str::<Ident<'_>>("[]").is_err());
    }

    #[test]
    fn numbers_are_exact() {
        let Exact(value) = serde_json::from_str("0.1000000000000000055511151231").unwrap();
        assert_eq!(value.to_string(), "0.1000000000000000055511151231");
        assert!(serde_json::from_str::<Exact>("null").is_err());
        assert!(serde_json::from_str::<Exact>("true").is_err());
    }

    #[test]
    fn a_time_is_a_day_a_local_time_or_an_instant() {
        let at = |text: &str| Moment::read(text);
        assert_eq!(at("2021-09-14"), Some(Moment::Day("2021-09-14".parse().unwrap())));
        for text in [
            "2026-07-01T10:22:41.307",
            "2026-07-01T10:22:41",
            "2026-07-01T10:22:41.3071234",
        ] {
            assert_eq!(at(text), Some(Moment::Local(text.parse().unwrap())), "{text}");
        }
        for text in [
            "2026-07-05T18:30:00+10:00",
            "2026-07-05T18:30:00+1000",
            "2026-07-05T08:30:00Z",
        ] {
            assert_eq!(
                at(text),
                Some(Moment::At("2026-07-05T08:30:00Z".parse().unwrap())),
                "{text}"
            );
        }
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-07-01T25:00:00.000",
            "2026-02-30T00:00:00.000",
            "1/7/2026",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn one_is_read_where_many_are_due() {
        let one: Results<Exact> = serde_json::from_str(r#"{"results": []}"#).unwrap();
        assert!(one.results.0.is_empty());
        let body = r#"{"results": {"billId": 7, "new": {"a": [1]}}}"#;
        let one: Results<Bill<'_>> = decode(body.as_bytes()).unwrap();
        assert_eq!(one.results.0[0].bill_id.text(), "7");
    }

    #[test]
    fn a_failure_names_its_place_and_quotes_nothing() {
        for (body, place, why) in [
            (
                r#"{"results": [{"billId": 1}, {"billId": 2, "netAmount": "Raman"}]}"#,
                "results[1].netAmount",
                "decimal",
            ),
            (
                r#"{"results": [{"billId": 1, "issueDate": "Raman"}]}"#,
                "results[0].issueDate",
                "date",
            ),
            (
                r#"{"results": [{"netAmount": 1}]}"#,
                "results[0]",
                "missing field `billId`",
            ),
            (
                r#"{"results": [{"billId": 1, "pdfAvailable": "Raman"}]}"#,
                "results[0].pdfAvailable",
                "another type",
            ),
            (r#"{"Raman": 1}"#, "`$`", "missing field `results`"),
            (r#"{"results": [{"billId": "Raman"#, "results", "whole JSON"),
            ("", "$", "whole JSON"),
            (r#"{"results": []} Raman"#, "$", "after the end"),
        ] {
            let error = decode::<Results<Bill<'_>>>(body.as_bytes()).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Unreadable);
            assert!(error.message().contains(place), "{}", error.message());
            assert!(error.message().contains(why), "{}", error.message());
            assert!(!format!("{error:?}").contains("Raman"), "{error:?}");
        }
        assert_eq!(
            decode::<Results<Bill<'_>>>(b"\xff").err().unwrap().kind(),
            ErrorKind::Unreadable
        );
    }
}
