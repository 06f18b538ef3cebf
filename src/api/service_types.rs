//! Service types: what providers supply.

use super::Ask;
use super::answer::{Found, One, Outcome};
use super::extract::{Backends, Inclusion, List, Of, Pages, Query};
use crate::model::enrollment::ServiceType;
use crate::model::id::{ServiceTypeId, ServiceTypeKind};
use crate::operations::service_types::{GetServiceType, ListServiceTypes};

/// List service types
#[utoipa::path(get, path = "/v1/service-types", tag = "Enrollment", params(Backends, Pages,
    ("Prefer" = Option<String>, Header, description = "`handling=strict` turns an answer that is not complete into a problem (RFC 7240).")),
    responses((status = 200, description = "One page of what was found", body = Found<ServiceType>)))]
pub(super) async fn list_service_types(ask: Ask, list: List<Backends>) -> Outcome {
    let (backends, native) = list.filters.parted();
    ask.native(native)
        .search(backends, list.page, |backend, paging| ListServiceTypes {
            backend,
            paging,
        })
        .await
}

/// Read a service type
#[utoipa::path(get, path = "/v1/service-types/{service_type}", tag = "Enrollment", params(("service_type" = ServiceTypeId, Path), Inclusion),
    responses((status = 200, description = "The record", body = One<ServiceType>)))]
pub(super) async fn get_service_type(
    ask: Ask,
    Of(service_type): Of<ServiceTypeKind>,
    Query(query): Query<Inclusion>,
) -> Outcome {
    ask.native(query.native()).one(GetServiceType { service_type }).await
}
