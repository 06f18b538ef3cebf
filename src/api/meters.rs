//! Meters.

use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Ask;
use super::answer::{Found, Many, One, Outcome, placed};
use super::extract::{Included, Inclusion, Json, List, Nothing, Of, Pages, Query, Search, Words, not_empty};
use super::filter::Conditions;
use crate::error::Error;
use crate::model::id::{AccountId, AccountKind, BackendName, MeterId, MeterKind};
use crate::model::meter::{Meter, MeterChanges, NewMeter, ServiceKind};
use crate::operations::filter::MeterFields;
use crate::operations::meters::{CreateMeter, GetMeter, ListMeters, SearchMeters, UpdateMeter};

/// List the meters of all of an account's points of supply, removed ones included
#[utoipa::path(get, path = "/v1/accounts/{account}/meters", tag = "Meters",
    params(("account" = AccountId, Path), Inclusion, Pages),
    responses((status = 200, description = "One page of the meters", body = Many<Meter>)))]
pub(super) async fn list_meters(ask: Ask, Of(account): Of<AccountKind>, list: List<Inclusion>) -> Outcome {
    ask.native(list.filters.native())
        .list(list.page, |paging| ListMeters { account, paging })
        .await
}

/// Read a meter
#[utoipa::path(get, path = "/v1/meters/{meter}", tag = "Meters", params(("meter" = MeterId, Path), Inclusion),
    responses((status = 200, description = "The meter", body = One<Meter>)))]
pub(super) async fn get_meter(ask: Ask, Of(meter): Of<MeterKind>, Query(query): Query<Inclusion>) -> Outcome {
    ask.native(query.native()).one(GetMeter { meter }).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct MeterFilters {
    /// The backends to ask, with commas between them or one at a time; all that serve the operation if absent.
    #[param(style = Form, explode = false, value_type = Option<Vec<BackendName>>)]
    backend: Option<Words<BackendName>>,
    /// Only meters that measure this.
    service_kind: Option<ServiceKind>,
    /// What comes along: `native` adds the system's own record as `native`; wants the scope `native:read`.
    #[param(style = Form, explode = false, value_type = Option<Vec<Included>>, inline)]
    include: Option<Words<Included>>,
}

/// Search for meters in one backend, several, or all
///
/// `field[operator]=value` filters by a field with one of sixteen operators; all conditions must hold.
#[utoipa::path(get, path = "/v1/meters", tag = "Meters", params(MeterFilters, Conditions<MeterFields>, Pages,
    ("Prefer" = Option<String>, Header, description = "`handling=strict` turns an answer that is not complete into a problem (RFC 7240).")),
    responses((status = 200, description = "One page of what was found", body = Found<Meter>)))]
pub(super) async fn search_meters(ask: Ask, list: Search<MeterFilters, MeterFields>) -> Outcome {
    let conditions = list.conditions;
    let MeterFilters {
        backend,
        service_kind,
        include,
    } = list.filters;
    let (backends, native) = (backend.map(|words| words.0), Inclusion { include }.native());
    ask.native(native)
        .search(backends, list.page, |backend, paging| SearchMeters {
            backend,
            service_kind,
            filters: conditions.clone(),
            paging,
        })
        .await
}

/// Make a meter
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`, which says what to read.
#[utoipa::path(post, path = "/v1/meters", tag = "Meters", request_body = NewMeter,
    responses((status = 201, description = "What the system made of it, with its address in `Location`", body = One<Meter>,
        headers(("Location" = String, description = "Where it can be read.")))))]
pub(super) async fn create_meter(ask: Ask, Query(Nothing {}): Query<Nothing>, Json(body): Json<NewMeter>) -> Outcome {
    if body.service_kind == ServiceKind::Other && body.native_kind.is_none() {
        return Err(Error::pointer("/native_kind", "it is required with `OTHER`").into());
    }
    let operation = CreateMeter { meter: body };
    ask.created(operation, |meter| Some(placed("meters", meter.id.as_str())))
        .await
}

/// Change a meter
///
/// The body is a JSON merge patch (RFC 7396): a member that is absent stays, `null` empties it, a value replaces it whole.
#[utoipa::path(patch, path = "/v1/meters/{meter}", tag = "Meters", params(("meter" = MeterId, Path)),
    request_body(content = MeterChanges, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "What the system made of it", body = One<Meter>)))]
pub(super) async fn update_meter(
    ask: Ask,
    Of(meter): Of<MeterKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(changes): Json<MeterChanges>,
) -> Outcome {
    not_empty(changes.custom_attributes.is_keep())?;
    let operation = UpdateMeter { meter, changes };
    ask.done(StatusCode::OK, operation).await
}
