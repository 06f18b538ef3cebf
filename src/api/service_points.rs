//! Points of supply.

use super::Ask;
use super::answer::{Many, One, Outcome};
use super::extract::{Inclusion, List, Of, Pages, Query};
use crate::model::id::{AccountId, AccountKind, ServicePointId, ServicePointKind};
use crate::model::meter::ServicePoint;
use crate::operations::service_points::{GetServicePoint, ListServicePoints};

/// List an account's points of supply
#[utoipa::path(get, path = "/v1/accounts/{account}/service-points", tag = "Service points",
    params(("account" = AccountId, Path), Inclusion, Pages),
    responses((status = 200, description = "One page of the points of supply", body = Many<ServicePoint>)))]
pub(super) async fn list_service_points(ask: Ask, Of(account): Of<AccountKind>, list: List<Inclusion>) -> Outcome {
    ask.native(list.filters.native())
        .list(list.page, |paging| ListServicePoints { account, paging })
        .await
}

/// Read a point of supply with its meters and registers
#[utoipa::path(get, path = "/v1/service-points/{service_point}", tag = "Service points",
    params(("service_point" = ServicePointId, Path), Inclusion),
    responses((status = 200, description = "The point of supply", body = One<ServicePoint>)))]
pub(super) async fn get_service_point(
    ask: Ask,
    Of(service_point): Of<ServicePointKind>,
    Query(query): Query<Inclusion>,
) -> Outcome {
    ask.native(query.native()).one(GetServicePoint { service_point }).await
}
