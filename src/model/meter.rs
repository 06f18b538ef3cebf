//! Points of supply, meters, registers and readings.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Native;
use super::account::{Address, CustomAttribute};
use super::id::{AccountId, BackendName, MeterId, ReadingId, ServicePointId};
use super::money::{Number, Quantity};
use super::patch::Patch;
use super::text::{Attributes, Line};
use super::time::Zone;

/// A point where energy or water is supplied or fed in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ServicePoint {
    /// The service point's identifier here.
    pub id: ServicePointId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier, as text, zeros kept.
    pub native_id: String,
    /// The account it was reached through.
    pub account_id: AccountId,
    /// The identifier the market knows it by.
    pub market_identifier: Option<MarketIdentifier>,
    /// What is supplied.
    pub service_kind: Option<ServiceKind>,
    /// What is supplied, in the system's own words.
    pub native_kind: Option<String>,
    /// Its state, in the system's own words.
    pub native_status: Option<String>,
    /// Where it is.
    pub address: Option<Address>,
    /// The time zone its local times are in.
    pub time_zone: Option<Zone>,
    /// Its meters, removed ones included; `null` in lists of systems that give them one point at a time.
    pub meters: Option<Vec<Meter>>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// An identifier of a market, such as an NMI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MarketIdentifier {
    /// Which register of the market it is from.
    pub kind: MarketIdentifierKind,
    /// The identifier, as text, zeros kept.
    #[schema(example = "6102345678")]
    pub value: String,
}

/// The registers of markets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MarketIdentifierKind {
    /// Australia's National Metering Identifier.
    Nmi,
    /// Great Britain's Meter Point Administration Number (electricity).
    Mpan,
    /// Great Britain's Meter Point Reference Number (gas).
    Mprn,
    /// New Zealand's Installation Control Point.
    Icp,
    /// Texas's Electric Service Identifier.
    Esiid,
    /// Another register.
    Other,
}

/// What is supplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceKind {
    /// Electric energy.
    Electricity,
    /// Gas.
    Gas,
    /// Water.
    Water,
    /// Something else: see `native_kind`.
    Other,
}

/// A meter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Meter {
    /// The meter's identifier here.
    pub id: MeterId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier, as text; the serial number where the system has no other.
    pub native_id: Option<String>,
    /// The serial number printed on the meter.
    pub number: Option<String>,
    /// What it measures.
    pub service_kind: Option<ServiceKind>,
    /// Its state, in the system's own words.
    pub native_status: Option<String>,
    /// The day it was put in.
    pub installed_on: Option<Date>,
    /// The day it was taken out; `null` while it is in place or if the system does not say.
    pub removed_on: Option<Date>,
    /// Its registers; `null` if the system has none to tell of.
    pub registers: Option<Vec<Register>>,
    /// The account it was reached through.
    pub account_id: AccountId,
    /// The point of supply it stands at.
    pub service_point_id: Option<ServicePointId>,
    /// What the utility added of its own; `null` if the system has no such thing.
    pub custom_attributes: Option<Vec<CustomAttribute>>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// A meter to make. The account's identifier says where.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMeter {
    /// The account it is billed on.
    pub account_id: AccountId,
    /// The serial number printed on the meter.
    pub number: Line,
    /// What it measures; `OTHER` wants `native_kind`.
    pub service_kind: ServiceKind,
    /// What it measures, in the system's own words; it goes before `service_kind`.
    pub native_kind: Option<Line>,
    /// Facts of the utility's own, by name.
    #[serde(default)]
    #[schema(value_type = HashMap<String, Option<String>>)]
    pub custom_attributes: Attributes,
}

/// What is to change of a meter: a member that is absent stays, `null` empties it.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeterChanges {
    /// Facts of the utility's own, by name: one that is absent stays, `null` empties it.
    #[serde(default)]
    #[schema(value_type = Option<HashMap<String, Option<String>>>)]
    pub custom_attributes: Patch<Attributes>,
}

/// A register of a meter: one number it counts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Register {
    /// The system's identifier of the register, as text.
    pub id: String,
    /// The label, such as `E1`.
    pub label: Option<String>,
    /// The unit it counts in; `null` if the system does not say.
    #[schema(value_type = Option<String>, example = "kWh")]
    pub unit: Option<Cow<'static, str>>,
    /// Which way the energy flows.
    pub direction: Option<FlowDirection>,
    /// How many digits the index has; it rolls over at ten to this power.
    pub dials: Option<u32>,
    /// What a step of the index is multiplied with.
    pub multiplier: Option<Number>,
    /// Whether a customer may hand in its readings.
    pub accepts_readings: Option<bool>,
    /// The last reading known.
    pub last_reading: Option<Reading>,
}

/// Which way energy flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FlowDirection {
    /// From the network to the customer.
    Import,
    /// From the customer to the network.
    Export,
    /// Something else.
    Other,
}

/// What a register showed at an instant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Reading {
    /// The reading's identifier here; `null` if the system gives it none.
    pub id: Option<ReadingId>,
    /// The system's own identifier, as text.
    pub native_id: Option<String>,
    /// The meter; `null` if the system does not say which.
    pub meter_id: Option<MeterId>,
    /// The label of the register; its identifier where it has no label.
    pub register: Option<String>,
    /// The instant.
    #[schema(value_type = String, format = DateTime)]
    pub read_at: Timestamp,
    /// What the register showed; `null` if only the use since the reading before is known.
    pub value: Option<Number>,
    /// The unit of `value`; `null` if the system does not say.
    #[schema(value_type = Option<String>, example = "kWh")]
    pub unit: Option<Cow<'static, str>>,
    /// The use since the reading before.
    pub consumption: Option<Quantity>,
    /// The span `consumption` is for starts here, if the system says.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub consumption_from: Option<Timestamp>,
    /// How good it is.
    pub quality: Quality,
    /// The quality in the system's own words.
    pub native_quality: Option<Cow<'static, str>>,
    /// Who took it, in the system's own words.
    pub source: Option<Cow<'static, str>>,
    /// Where it stands.
    pub status: Option<ReadingStatus>,
    /// The status in the system's own words.
    pub native_status: Option<Cow<'static, str>>,
}

/// How good a reading or an interval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Quality {
    /// Measured.
    Actual,
    /// Estimated.
    Estimated,
    /// Put in the place of a missing or wrong value.
    Substituted,
    /// Worked out from others.
    Calculated,
    /// Given by the customer.
    Customer,
    /// Agreed between the parties.
    Agreed,
    /// The system does not say, or says something else: see `native_quality`.
    Unknown,
}

/// Where a reading stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReadingStatus {
    /// Taken for billing.
    Accepted,
    /// Not decided yet.
    Pending,
    /// Refused.
    Rejected,
    /// Taken out.
    Removed,
    /// Something else: see `native_status`.
    Other,
}

/// A reading that a customer hands in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReading {
    /// The serial number of the meter.
    #[schema(example = "E7718842", min_length = 1)]
    pub meter_number: String,
    /// The label of the register; its identifier where it has no label.
    #[schema(example = "E1", min_length = 1)]
    pub register: String,
    /// The instant it was read, with offset.
    #[schema(value_type = String, format = DateTime, example = "2026-07-05T18:30:00+10:00")]
    pub read_at: Timestamp,
    /// What the register showed: decimal text, not below zero.
    pub value: Number,
}

/// What is to be said about readings before or after they are handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReadingsVerdict {
    /// Whether the system took them, or would take them: no finding refuses.
    pub accepted: bool,
    /// What it found, in its own order; empty when it found nothing, `null` when it does not say.
    pub findings: Option<Vec<Finding>>,
}

/// One finding about a reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// The serial number of the meter.
    pub meter_number: Option<String>,
    /// The label of the register; its identifier where it has no label.
    pub register: Option<String>,
    /// Whether it refuses the reading.
    pub severity: Severity,
    /// The severity in the system's own words.
    pub native_severity: Option<String>,
    /// The system's code.
    pub code: Option<String>,
    /// What it says.
    pub detail: Option<String>,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Severity {
    /// The reading is refused.
    Error,
    /// The reading looks wrong; the customer should look again.
    Warning,
}
