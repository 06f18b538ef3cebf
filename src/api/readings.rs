//! Readings: what registers showed, and handing new ones in.

use http::StatusCode;
use rust_decimal::Decimal;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Ask;
use super::answer::{Many, One, Outcome};
use super::check::Faults;
use super::extract::{Json, List, Nothing, Of, Pages, Query, Side, repeats, sides};
use crate::error::Result;
use crate::model::id::{ServicePointId, ServicePointKind};
use crate::model::meter::{NewReading, Quality, Reading, ReadingStatus, ReadingsVerdict};
use crate::operations::readings::{ListReadings, SubmitReadings, ValidateReadings};

/// The most readings handed in at once.
const MOST: usize = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReadingFilters {
    /// Only readings at or after this: a local date `YYYY-MM-DD` or an instant with offset; one year before `to` if absent.
    #[param(value_type = Option<String>, example = "2026-01-01")]
    from: Option<Side>,
    /// Only readings before this: a local date `YYYY-MM-DD` or an instant with offset; the end of the current local day if
    /// absent.
    #[param(value_type = Option<String>, example = "2026-07-01")]
    to: Option<Side>,
    /// Only readings that stand like this; accepted ones if absent, where the system tells them apart.
    status: Option<ReadingStatus>,
    /// Only readings as good as this.
    quality: Option<Quality>,
}

/// List the readings of a point of supply, by meter, register and instant, oldest first
#[utoipa::path(get, path = "/v1/service-points/{service_point}/readings", tag = "Readings",
    params(("service_point" = ServicePointId, Path), ReadingFilters, Pages),
    responses((status = 200, description = "One page of the readings", body = Many<Reading>)))]
pub(super) async fn list_readings(
    ask: Ask,
    Of(service_point): Of<ServicePointKind>,
    list: List<ReadingFilters>,
) -> Outcome {
    let filters = list.filters;
    let (from, to) = sides(filters.from, filters.to)?;
    ask.list(list.page, |paging| ListReadings {
        service_point,
        from,
        to,
        status: filters.status,
        quality: filters.quality,
        paging,
    })
    .await
}

/// Readings to be handed in together.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewReadings {
    /// The readings: 1 to 100, each register and instant once.
    #[schema(min_items = 1, max_items = 100)]
    readings: Vec<NewReading>,
}

impl NewReadings {
    /// Checks what the shape does not say; every fault is named.
    fn checked(self) -> Result<Vec<NewReading>> {
        let mut faults = Faults::default();
        faults.unless(
            (1..=MOST).contains(&self.readings.len()),
            "/readings",
            "there must be 1 to 100 readings",
        );
        for (n, reading) in self.readings.iter().enumerate() {
            faults.text(format!("/readings/{n}/meter_number"), &reading.meter_number);
            faults.text(format!("/readings/{n}/register"), &reading.register);
            faults.unless(
                reading.value.0 >= Decimal::ZERO,
                format!("/readings/{n}/value"),
                "a register never shows less than zero",
            );
        }
        let keys = self
            .readings
            .iter()
            .map(|reading| (&reading.meter_number, &reading.register, reading.read_at));
        for n in repeats(keys) {
            faults.add(
                format!("/readings/{n}"),
                "there is a reading of this register at this instant before it",
            );
        }
        faults.none_in(self.readings)
    }
}

/// Ask what the system would say of readings; nothing is stored
#[utoipa::path(post, path = "/v1/service-points/{service_point}/readings/validate", tag = "Readings",
    params(("service_point" = ServicePointId, Path)), request_body = NewReadings,
    responses((status = 200, description = "What the system would say", body = One<ReadingsVerdict>)))]
pub(super) async fn validate_readings(
    ask: Ask,
    Of(service_point): Of<ServicePointKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(body): Json<NewReadings>,
) -> Outcome {
    let readings = body.checked()?;
    let operation = ValidateReadings {
        service_point,
        readings,
    };
    ask.done(StatusCode::OK, operation).await
}

/// Hand readings in
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`: read the point's readings
/// before handing them in again.
#[utoipa::path(post, path = "/v1/service-points/{service_point}/readings", tag = "Readings",
    params(("service_point" = ServicePointId, Path)), request_body = NewReadings,
    responses((status = 202, description = "The system took them in, with findings if it has any", body = One<ReadingsVerdict>)))]
pub(super) async fn submit_readings(
    ask: Ask,
    Of(service_point): Of<ServicePointKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(body): Json<NewReadings>,
) -> Outcome {
    let readings = body.checked()?;
    let operation = SubmitReadings {
        service_point,
        readings,
    };
    ask.done(StatusCode::ACCEPTED, operation).await
}
