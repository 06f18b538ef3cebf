//! Contacts and their ties.

use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Ask;
use super::answer::{Many, One, Outcome};
use super::extract::{Day, Inclusion, Json, List, Nothing, Of, Pages, Query, faultless, not_empty};
use super::relationships::{Tie, Ties, foreign};
use crate::model::id::{AccountId, AccountKind, ContactId, ContactKind};
use crate::model::party::{Contact, ContactChanges, NewContact, Receipt};
use crate::model::text::Line;
use crate::operations::contacts::{
    CreateContact, GetContact, ListContacts, RelateContact, RemoveContact, UnrelateContact, UpdateContact,
};

/// List the people connected with an account
#[utoipa::path(get, path = "/v1/accounts/{account}/contacts", tag = "Parties",
    params(("account" = AccountId, Path), Inclusion, Pages),
    responses((status = 200, description = "One page of the contacts", body = Many<Contact>)))]
pub(super) async fn list_contacts(ask: Ask, Of(account): Of<AccountKind>, list: List<Inclusion>) -> Outcome {
    ask.native(list.filters.native())
        .list(list.page, |paging| ListContacts { account, paging })
        .await
}

/// Read a contact
#[utoipa::path(get, path = "/v1/contacts/{contact}", tag = "Parties", params(("contact" = ContactId, Path), Inclusion),
    responses((status = 200, description = "The record", body = One<Contact>)))]
pub(super) async fn get_contact(ask: Ask, Of(contact): Of<ContactKind>, Query(query): Query<Inclusion>) -> Outcome {
    ask.native(query.native()).one(GetContact { contact }).await
}

/// Make a contact
///
/// The call is never carried out twice: it is sent again only to a system that drops repeats by itself. If it is lost all the
/// same, the answer is 504 `outcome_unknown`, which says what to read.
#[utoipa::path(post, path = "/v1/contacts", tag = "Parties", request_body = NewContact,
    responses((status = 201, description = "What the system made of it", body = One<Receipt>)))]
pub(super) async fn create_contact(
    ask: Ask,
    Query(Nothing {}): Query<Nothing>,
    Json(body): Json<NewContact>,
) -> Outcome {
    let (backend, contact) = body.parted();
    let mut faults = Vec::new();
    if contact.name.is_none() {
        faults.push(("/name".to_owned(), "it is required"));
    }
    foreign(
        backend.as_str(),
        "",
        contact.relationships.as_deref().unwrap_or_default(),
        &mut faults,
    );
    faultless(faults)?;
    let operation = CreateContact { backend, contact };
    ask.done(StatusCode::CREATED, operation).await
}

/// Change a contact
///
/// The body is a JSON merge patch (RFC 7396): a member that is absent stays, `null` empties it, a value replaces it whole.
#[utoipa::path(patch, path = "/v1/contacts/{contact}", tag = "Parties", params(("contact" = ContactId, Path)),
    request_body(content = ContactChanges, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "What the system made of it", body = One<Receipt>)))]
pub(super) async fn update_contact(
    ask: Ask,
    Of(contact): Of<ContactKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(changes): Json<ContactChanges>,
) -> Outcome {
    not_empty(changes.is_empty())?;
    let mut faults = Vec::new();
    foreign(
        contact.backend(),
        "",
        changes.relationships.value().map_or(&[], Vec::as_slice),
        &mut faults,
    );
    faultless(faults)?;
    let operation = UpdateContact { contact, changes };
    ask.done(StatusCode::OK, operation).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Removal {
    /// The day it counts from; `YYYY-MM-DD`.
    #[param(value_type = Option<String>, format = Date)]
    effective_on: Option<Day>,
    /// Why.
    reason: Option<Line>,
}

/// Take a contact out, with all its ties
#[utoipa::path(delete, path = "/v1/contacts/{contact}", tag = "Parties", params(("contact" = ContactId, Path), Removal),
    responses((status = 200, description = "What the system made of it", body = One<Receipt>)))]
pub(super) async fn remove_contact(ask: Ask, Of(contact): Of<ContactKind>, Query(removal): Query<Removal>) -> Outcome {
    let operation = RemoveContact {
        contact,
        effective_on: removal.effective_on.map(|day| day.0),
        reason: removal.reason,
    };
    ask.done(StatusCode::OK, operation).await
}

/// Tie a contact to other records, or change such ties
#[utoipa::path(put, path = "/v1/contacts/{contact}/relationships", tag = "Parties", params(("contact" = ContactId, Path)), request_body = Ties,
    responses((status = 200, description = "What the system made of it", body = One<Receipt>)))]
pub(super) async fn relate_contact(
    ask: Ask,
    Of(contact): Of<ContactKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(body): Json<Ties>,
) -> Outcome {
    let (effective_on, relationships) = body.checked(contact.backend())?;
    let operation = RelateContact {
        contact,
        effective_on,
        relationships,
    };
    ask.done(StatusCode::OK, operation).await
}

/// End a tie between a contact and another record
#[utoipa::path(delete, path = "/v1/contacts/{contact}/relationships", tag = "Parties", params(("contact" = ContactId, Path), Tie),
    responses((status = 200, description = "What the system made of it", body = One<Receipt>)))]
pub(super) async fn unrelate_contact(ask: Ask, Of(contact): Of<ContactKind>, Query(tie): Query<Tie>) -> Outcome {
    let (effective_on, relationship) = tie.checked(contact.backend())?;
    let operation = UnrelateContact {
        contact,
        effective_on,
        relationship,
    };
    ask.done(StatusCode::OK, operation).await
}
