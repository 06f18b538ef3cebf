//! Urjanet's own shapes and spelling, as `openapi.yaml` of the contract draws them; serde and nothing else.
//!
//! Unknown members are ignored and a member that is missing is the same as `null` (README, "Null and missing").

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::backends::wire;
use crate::error::Result;
use crate::model::money;

const NOT_DECIMAL: &str = "not a decimal number of at most 28 digits";
const NOT_FLAG: &str = "a flag is true or false, bare or as text";
const NOT_SECONDS: &str = "an expiry is a number of seconds, bare or as text";

/// Reads a reply's body.
pub(super) fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    wire::decode(body, &[NOT_DECIMAL, NOT_FLAG, NOT_SECONDS])
}

/// The envelope of one entity or of a list, its content left as it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    pub(super) more_pages: Option<bool>,
    pub(super) next_page_offset: Option<u64>,
}

/// What an envelope says of the outcome. Details are called `messages` in prose and `message` in samples ("Errors").
#[derive(Deserialize)]
pub(super) struct Outcome {
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) message: Messages,
    #[serde(default)]
    pub(super) messages: Messages,
}

/// The codes of an array of messages, whose elements are texts or objects; anything else holds none.
#[derive(Default)]
pub(super) struct Messages(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Messages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let all = match value {
            serde_json::Value::Array(all) => all,
            one => vec![one],
        };
        let codes = all.iter().filter_map(|message| match message {
            serde_json::Value::String(text) => Some(text.as_str()),
            message => message.get("messageCode")?.as_str(),
        });
        Ok(Self(codes.map(str::to_owned).collect()))
    }
}

/// The answer to a login.
#[derive(Deserialize)]
pub(super) struct Login {
    pub(super) token: Option<String>,
    #[serde(default, deserialize_with = "seconds")]
    pub(super) expires: Option<u64>,
}

/// Seconds, declared a number and sent as text ("Access").
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(raw) = <Option<Box<RawValue>>>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let text = raw.get().trim_matches('"').trim();
    text.parse().map(Some).map_err(|_| de::Error::custom(NOT_SECONDS))
}

/// A pointer to another entity.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference {
    pub(super) id: String,
}

/// Custom attributes by name; a known one without a value is `null` or left out.
pub(super) type Attributes = BTreeMap<String, Option<String>>;

/// An instant in milliseconds since 1970.
pub(super) type Millis = i64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) account_number: Option<String>,
    pub(super) normalized_account_number: Option<String>,
    pub(super) summary_account_number: Option<String>,
    pub(super) enrollment_status: Option<String>,
    pub(super) extraction_status: Option<String>,
    pub(super) monitoring_status: Option<String>,
    pub(super) provider_classification: Option<String>,
    pub(super) message: Option<String>,
    pub(super) subscribed: Option<bool>,
    pub(super) is_summary_account: Option<bool>,
    pub(super) unsubscribe_date: Option<Millis>,
    pub(super) to_be_delivered: Option<bool>,
    pub(super) last_extracted: Option<Millis>,
    pub(super) last_successful_extraction: Option<Millis>,
    pub(super) last_delivered: Option<Millis>,
    pub(super) next_expected_post_date: Option<Millis>,
    pub(super) latest_interval_end: Option<Millis>,
    pub(super) next_expected_confidence: Option<String>,
    #[serde(default, deserialize_with = "exact")]
    pub(super) latest_total_bill_amount: Option<Decimal>,
    pub(super) utility_provider: Option<Reference>,
    pub(super) verified_extraction_channels: Option<Vec<Reference>>,
    pub(super) extraction_channels: Option<Vec<Reference>>,
    pub(super) custom_attributes: Option<Attributes>,
    pub(super) created: Option<Millis>,
    pub(super) modified: Option<Millis>,
}

/// A number that may be missing or `null`, read from its text and never through a binary float.
fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let Some(raw) = <Option<Box<RawValue>>>::deserialize(deserializer)? else {
        return Ok(None);
    };
    money::decimal(raw.get())
        .map(Some)
        .map_err(|_| de::Error::custom(NOT_DECIMAL))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meter {
    pub(super) id: String,
    pub(super) utility_account: Reference,
    pub(super) meter_number: Option<String>,
    pub(super) normalized_meter_number: Option<String>,
    pub(super) service_type: Option<String>,
    pub(super) tariff: Option<String>,
    pub(super) service_address: Option<String>,
    pub(super) pod_number: Option<String>,
    pub(super) previous_meter_number: Option<String>,
    pub(super) deactivated: Option<bool>,
    pub(super) custom_attributes: Option<Attributes>,
    pub(super) created: Option<Millis>,
    pub(super) modified: Option<Millis>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Credential {
    pub(super) id: String,
    pub(super) extraction_channel_id: Option<String>,
    pub(super) username: Option<String>,
    pub(super) username2: Option<String>,
    pub(super) username3: Option<String>,
    pub(super) username4: Option<String>,
    pub(super) message: Option<String>,
    pub(super) acquisition_type: Option<String>,
    pub(super) s3_bucket_name: Option<String>,
    pub(super) s3_file_prefix: Option<String>,
    pub(super) last_attempted: Option<Millis>,
    pub(super) last_success: Option<Millis>,
    pub(super) template: Option<Reference>,
    pub(super) utility_provider: Option<Reference>,
    pub(super) url: Option<String>,
    pub(super) enabled: Option<bool>,
    pub(super) interval_data_enabled: Option<bool>,
    pub(super) created: Option<Millis>,
    pub(super) modified: Option<Millis>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attribute {
    pub(super) id: String,
    pub(super) required: Option<bool>,
    pub(super) name: String,
    pub(super) cnbd_position: Option<i64>,
    pub(super) created: Option<Millis>,
    pub(super) modified: Option<Millis>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Template {
    pub(super) id: String,
    pub(super) template_name: Option<String>,
    pub(super) website: Option<String>,
    pub(super) has_interval: Option<bool>,
    pub(super) has_history: Option<bool>,
    pub(super) has_pdf: Option<bool>,
    pub(super) has_html: Option<bool>,
    pub(super) has_edi: Option<bool>,
    pub(super) has_xls: Option<bool>,
    pub(super) has_csv: Option<bool>,
    pub(super) has_ocr: Option<bool>,
    pub(super) tracks_login_failure: Option<bool>,
    pub(super) utility_providers: Option<Vec<Reference>>,
    pub(super) created: Option<Millis>,
    pub(super) modified: Option<Millis>,
}

#[derive(Deserialize)]
pub(super) struct ServiceType {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) created: Option<Millis>,
    pub(super) modified: Option<Millis>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Provider {
    pub(super) id: String,
    /// The one member that tells a provider from a template, which one published path may answer with.
    pub(super) provider_alias: String,
    pub(super) provider_name: Option<String>,
    pub(super) classification: Option<String>,
    pub(super) service_types: Option<Vec<Reference>>,
    pub(super) parent_provider: Option<Reference>,
    pub(super) child_providers: Option<Vec<Reference>>,
    pub(super) template_infos: Option<Vec<Reference>>,
    pub(super) created: Option<Millis>,
    pub(super) modified: Option<Millis>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    pub(super) username: Option<String>,
    pub(super) timestamp: Millis,
    pub(super) event_name: Option<String>,
    #[serde(default)]
    pub(super) event_fields: EventFields,
}

/// The union of the fields of all events. `oldValues` and `newValues` are not read: they may hold passwords.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct EventFields {
    pub(super) account_number: Option<String>,
    pub(super) summary_account_number: Option<String>,
    pub(super) provider_alias: Option<String>,
    pub(super) extraction_channel_id: Option<String>,
    pub(super) meter_number: Option<String>,
    pub(super) old_status: Option<String>,
    pub(super) new_status: Option<String>,
    pub(super) requested_by_name: Option<String>,
    pub(super) requested_by_email: Option<String>,
    pub(super) reference_ticket_id: Option<String>,
    pub(super) manual: Option<Flag>,
    pub(super) linked: Option<Flag>,
}

/// A flag of an event, which may come as text.
#[derive(Clone, Copy)]
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = bool;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(NOT_FLAG)
            }

            fn visit_bool<E: de::Error>(self, flag: bool) -> Result<bool, E> {
                Ok(flag)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<bool, E> {
                match text {
                    "true" => Ok(true),
                    "false" => Ok(false),
                    _ => Err(de::Error::custom(NOT_FLAG)),
                }
            }
        }
        deserializer.deserialize_any(Reader).map(Self)
    }
}

/// The body of every search.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Search<'a> {
    pub(super) customer_id: &'a str,
    pub(super) query_criteria: Criteria<'a>,
}

#[derive(Serialize)]
pub(super) struct Criteria<'a> {
    pub(super) start: u64,
    pub(super) length: usize,
    pub(super) sorts: &'a [Sort],
    pub(super) filter: Filter<'a>,
}

#[derive(Serialize)]
pub(super) struct Filter<'a> {
    pub(super) conditions: &'a [Condition],
}

#[derive(Serialize)]
pub(super) struct Sort {
    pub(super) field: &'static str,
    pub(super) direction: &'static str,
}

/// One condition of a search. It may hold a password, so it is not printed.
#[derive(Clone, Serialize)]
pub(super) struct Condition {
    pub(super) field: String,
    pub(super) operator: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Operand>,
}

/// What a condition compares with.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Operand {
    Text(String),
    Number(Box<RawValue>),
    Flag(bool),
    Millis(Millis),
}
