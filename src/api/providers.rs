//! Providers: companies that issue bills.

use serde::Deserialize;
use utoipa::IntoParams;

use super::Ask;
use super::answer::{Found, One, Outcome};
use super::extract::{Included, Inclusion, Of, Pages, Query, Search, Words};
use super::filter::Conditions;
use crate::error::Error;
use crate::model::enrollment::Provider;
use crate::model::id::{BackendName, ProviderId, ProviderKind, ServiceTypeId};
use crate::operations::filter::ProviderFields;
use crate::operations::providers::{GetProvider, SearchProviders};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ProviderFilters {
    /// The backends to ask, with commas between them or one at a time; all that serve the operation if absent.
    #[param(style = Form, explode = false, value_type = Option<Vec<BackendName>>)]
    backend: Option<Words<BackendName>>,
    /// Only providers that supply this; only the backend of the service type is asked.
    service_type: Option<ServiceTypeId>,
    /// What comes along: `native` adds the system's own record as `native`; wants the scope `native:read`.
    #[param(style = Form, explode = false, value_type = Option<Vec<Included>>, inline)]
    include: Option<Words<Included>>,
}

/// Search for providers
///
/// `field[operator]=value` filters by a field with one of sixteen operators; all conditions must hold.
#[utoipa::path(get, path = "/v1/providers", tag = "Enrollment", params(ProviderFilters, Conditions<ProviderFields>, Pages,
    ("Prefer" = Option<String>, Header, description = "`handling=strict` turns an answer that is not complete into a problem (RFC 7240).")),
    responses((status = 200, description = "One page of what was found", body = Found<Provider>)))]
pub(super) async fn search_providers(ask: Ask, list: Search<ProviderFilters, ProviderFields>) -> Outcome {
    let conditions = list.conditions;
    let ProviderFilters {
        backend,
        service_type,
        include,
    } = list.filters;
    let native = Inclusion { include }.native();
    let mut backends = backend.map(|words| words.0);
    if let Some(id) = &service_type {
        let home = |name: &BackendName| name.as_str() == id.backend();
        if backends.as_ref().is_some_and(|names| !names.iter().all(home)) {
            return Err(Error::parameter("service_type", "it is in another backend than `backend` names").into());
        }
        let home = id
            .backend()
            .parse()
            .map_err(|error: crate::model::id::IdError| Error::parameter("service_type", error.to_string()))?;
        backends = Some(vec![home]);
    }
    ask.native(native)
        .search(backends, list.page, |backend, paging| SearchProviders {
            backend,
            service_type: service_type.clone(),
            filters: conditions.clone(),
            paging,
        })
        .await
}

/// Read a provider
#[utoipa::path(get, path = "/v1/providers/{provider}", tag = "Enrollment", params(("provider" = ProviderId, Path), Inclusion),
    responses((status = 200, description = "The record", body = One<Provider>)))]
pub(super) async fn get_provider(ask: Ask, Of(provider): Of<ProviderKind>, Query(query): Query<Inclusion>) -> Outcome {
    ask.native(query.native()).one(GetProvider { provider }).await
}
