//! Use by interval.

use serde::Deserialize;
use utoipa::IntoParams;

use super::Ask;
use super::answer::{Many, Outcome};
use super::extract::{List, Of, Pages, Side, sides};
use crate::model::id::{ServicePointId, ServicePointKind};
use crate::model::meter::FlowDirection;
use crate::model::usage::{Interval, Resolution};
use crate::operations::usage::ListUsage;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UsageFilters {
    /// Only intervals that start at or after this: a local date `YYYY-MM-DD` or an instant with offset; one year before
    /// `to` if absent.
    #[param(value_type = Option<String>, example = "2026-06-01")]
    from: Option<Side>,
    /// Only intervals that start before this: a local date `YYYY-MM-DD` or an instant with offset; the end of the current
    /// local day if absent.
    #[param(value_type = Option<String>, example = "2026-07-01")]
    to: Option<Side>,
    /// How long the intervals are; `PT30M` if absent.
    resolution: Option<Resolution>,
    /// Which way the energy flowed; `IMPORT` if absent.
    direction: Option<FlowDirection>,
}

/// List use by interval, sorted by start, none twice
///
/// Intervals are half-open. A local day has 23, 24 or 25 hours.
#[utoipa::path(get, path = "/v1/service-points/{service_point}/usage", tag = "Usage",
    params(("service_point" = ServicePointId, Path), UsageFilters, Pages),
    responses((status = 200, description = "One page of the intervals", body = Many<Interval>)))]
pub(super) async fn list_usage(ask: Ask, Of(service_point): Of<ServicePointKind>, list: List<UsageFilters>) -> Outcome {
    let filters = list.filters;
    let (from, to) = sides(filters.from, filters.to)?;
    ask.list(list.page, |paging| ListUsage {
        service_point,
        from,
        to,
        // Half an hour is what markets settle in and what most meters give.
        resolution: filters.resolution.unwrap_or(Resolution::HalfHour),
        direction: filters.direction.unwrap_or(FlowDirection::Import),
        paging,
    })
    .await
}
