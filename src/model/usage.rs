//! Use by interval.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::ServicePointId;
use super::meter::{FlowDirection, Quality};
use super::money::{Money, Quantity};

/// How much flowed between two instants: `start` is in the interval, `end` is not.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Interval {
    /// The point of supply.
    pub service_point_id: ServicePointId,
    /// The first instant.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub end: Timestamp,
    /// How much.
    pub quantity: Quantity,
    /// How good it is.
    pub quality: Quality,
    /// The quality in the system's own words.
    pub native_quality: Option<Cow<'static, str>>,
    /// Which way it flowed; `null` if the system does not say.
    pub direction: Option<FlowDirection>,
    /// What it cost, if the system says.
    pub cost: Option<Money>,
}

/// How long the intervals asked for are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Resolution {
    /// A quarter of an hour.
    #[serde(rename = "PT15M")]
    QuarterHour,
    /// Half an hour.
    #[serde(rename = "PT30M")]
    HalfHour,
    /// An hour.
    #[serde(rename = "PT1H")]
    Hour,
    /// A local day: 23, 24 or 25 hours.
    #[serde(rename = "P1D")]
    Day,
    /// A local month.
    #[serde(rename = "P1M")]
    Month,
}
