//! Meters.

use super::Ask;
use super::answer::{Many, One, Outcome};
use super::extract::{Inclusion, List, Of, Pages, Query};
use crate::model::id::{AccountId, AccountKind, MeterId, MeterKind};
use crate::model::meter::Meter;
use crate::operations::meters::{GetMeter, ListMeters};

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
