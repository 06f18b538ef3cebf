//! Customers, and whole hierarchies handed over in one go.

use http::StatusCode;

use super::Ask;
use super::answer::{One, Outcome};
use super::extract::{Inclusion, Json, Nothing, Of, Query, faultless, not_empty};
use super::relationships::foreign;
use crate::error::Error;
use crate::model::id::{CustomerId, CustomerKind};
use crate::model::party::{Customer, CustomerChanges, Hierarchy, NewCustomer, Receipt};
use crate::operations::customers::{CreateCustomer, GetCustomer, SyncCustomer, UpdateCustomer};

/// Read a customer
#[utoipa::path(get, path = "/v1/customers/{customer}", tag = "Parties", params(("customer" = CustomerId, Path), Inclusion),
    responses((status = 200, description = "The record", body = One<Customer>)))]
pub(super) async fn get_customer(ask: Ask, Of(customer): Of<CustomerKind>, Query(query): Query<Inclusion>) -> Outcome {
    ask.native(query.native()).one(GetCustomer { customer }).await
}

/// Make a customer
///
/// The call is never carried out twice: it is sent again only to a system that drops repeats by itself. If it is lost all the
/// same, the answer is 504 `outcome_unknown`, which says what to read.
#[utoipa::path(post, path = "/v1/customers", tag = "Parties", request_body = NewCustomer,
    responses((status = 201, description = "What the system made of it", body = One<Receipt>)))]
pub(super) async fn create_customer(
    ask: Ask,
    Query(Nothing {}): Query<Nothing>,
    Json(body): Json<NewCustomer>,
) -> Outcome {
    let (backend, customer) = body.parted();
    let mut faults = Vec::new();
    if customer.name.is_none() {
        faults.push(("/name".to_owned(), "it is required"));
    }
    foreign(
        backend.as_str(),
        "",
        customer.relationships.as_deref().unwrap_or_default(),
        &mut faults,
    );
    faultless(faults)?;
    let operation = CreateCustomer { backend, customer };
    ask.done(StatusCode::CREATED, operation).await
}

/// Change a customer
///
/// The body is a JSON merge patch (RFC 7396): a member that is absent stays, `null` empties it, a value replaces it whole.
#[utoipa::path(patch, path = "/v1/customers/{customer}", tag = "Parties", params(("customer" = CustomerId, Path)),
    request_body(content = CustomerChanges, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "What the system made of it", body = One<Receipt>)))]
pub(super) async fn update_customer(
    ask: Ask,
    Of(customer): Of<CustomerKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(changes): Json<CustomerChanges>,
) -> Outcome {
    not_empty(changes.is_empty())?;
    let mut faults = Vec::new();
    foreign(
        customer.backend(),
        "",
        changes.relationships.value().map_or(&[], Vec::as_slice),
        &mut faults,
    );
    faultless(faults)?;
    let operation = UpdateCustomer { customer, changes };
    ask.done(StatusCode::OK, operation).await
}

/// Hand over a customer with organisation, contacts and accounts in one go
///
/// The call is never carried out twice: it is sent again only to a system that drops repeats by itself. If it is lost all the
/// same, the answer is 504 `outcome_unknown`, which says what to read.
#[utoipa::path(post, path = "/v1/customers/sync", tag = "Parties", request_body = Hierarchy,
    responses((status = 200, description = "What the system made of it", body = One<Receipt>)))]
pub(super) async fn sync_customer(ask: Ask, Query(Nothing {}): Query<Nothing>, Json(body): Json<Hierarchy>) -> Outcome {
    if body.customer.is_none() && body.organisation.is_none() && body.contacts.is_empty() && body.accounts.is_empty() {
        return Err(Error::pointer(
            "",
            "at least one of customer, organisation, contacts and accounts is due",
        )
        .into());
    }
    let backend = body.backend.as_str();
    let mut faults = Vec::new();
    if let Some(ties) = body.customer.as_ref().and_then(|part| part.relationships.as_deref()) {
        foreign(backend, "/customer", ties, &mut faults);
    }
    if let Some(ties) = body
        .organisation
        .as_ref()
        .and_then(|part| part.relationships.as_deref())
    {
        foreign(backend, "/organisation", ties, &mut faults);
    }
    for (n, part) in body.contacts.iter().enumerate() {
        foreign(
            backend,
            &format!("/contacts/{n}"),
            part.relationships.as_deref().unwrap_or_default(),
            &mut faults,
        );
    }
    for (n, part) in body.accounts.iter().enumerate() {
        foreign(
            backend,
            &format!("/accounts/{n}"),
            part.relationships.as_deref().unwrap_or_default(),
            &mut faults,
        );
    }
    faultless(faults)?;
    let operation = SyncCustomer { hierarchy: body };
    ask.done(StatusCode::OK, operation).await
}
