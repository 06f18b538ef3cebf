//! Organisations and their ties.

use http::StatusCode;

use super::Ask;
use super::answer::{One, Outcome};
use super::extract::{Inclusion, Json, Nothing, Of, Query, faultless, not_empty};
use super::relationships::{Tie, Ties, foreign};
use crate::model::id::{OrganisationId, OrganisationKind};
use crate::model::party::{NewOrganisation, Organisation, OrganisationChanges, Receipt};
use crate::operations::organisations::{
    CreateOrganisation, GetOrganisation, RelateOrganisation, UnrelateOrganisation, UpdateOrganisation,
};

/// Read an organisation
#[utoipa::path(get, path = "/v1/organisations/{organisation}", tag = "Parties", params(("organisation" = OrganisationId, Path), Inclusion),
    responses((status = 200, description = "The record", body = One<Organisation>)))]
pub(super) async fn get_organisation(
    ask: Ask,
    Of(organisation): Of<OrganisationKind>,
    Query(query): Query<Inclusion>,
) -> Outcome {
    ask.native(query.native()).one(GetOrganisation { organisation }).await
}

/// Make an organisation
///
/// The call is never carried out twice: it is sent again only to a system that drops repeats by itself. If it is lost all the
/// same, the answer is 504 `outcome_unknown`, which says what to read.
#[utoipa::path(post, path = "/v1/organisations", tag = "Parties", request_body = NewOrganisation,
    responses((status = 201, description = "What the system made of it", body = One<Receipt>)))]
pub(super) async fn create_organisation(
    ask: Ask,
    Query(Nothing {}): Query<Nothing>,
    Json(body): Json<NewOrganisation>,
) -> Outcome {
    let (backend, organisation) = body.parted();
    let mut faults = Vec::new();
    if organisation.name.is_none() {
        faults.push(("/name".to_owned(), "it is required"));
    }
    foreign(
        backend.as_str(),
        "",
        organisation.relationships.as_deref().unwrap_or_default(),
        &mut faults,
    );
    faultless(faults)?;
    let operation = CreateOrganisation { backend, organisation };
    ask.done(StatusCode::CREATED, operation).await
}

/// Change an organisation
///
/// The body is a JSON merge patch (RFC 7396): a member that is absent stays, `null` empties it, a value replaces it whole.
#[utoipa::path(patch, path = "/v1/organisations/{organisation}", tag = "Parties", params(("organisation" = OrganisationId, Path)),
    request_body(content = OrganisationChanges, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "What the system made of it", body = One<Receipt>)))]
pub(super) async fn update_organisation(
    ask: Ask,
    Of(organisation): Of<OrganisationKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(changes): Json<OrganisationChanges>,
) -> Outcome {
    not_empty(changes.is_empty())?;
    let mut faults = Vec::new();
    foreign(
        organisation.backend(),
        "",
        changes.relationships.value().map_or(&[], Vec::as_slice),
        &mut faults,
    );
    faultless(faults)?;
    let operation = UpdateOrganisation { organisation, changes };
    ask.done(StatusCode::OK, operation).await
}

/// Tie an organisation to other records, or change such ties
#[utoipa::path(put, path = "/v1/organisations/{organisation}/relationships", tag = "Parties", params(("organisation" = OrganisationId, Path)), request_body = Ties,
    responses((status = 200, description = "What the system made of it", body = One<Receipt>)))]
pub(super) async fn relate_organisation(
    ask: Ask,
    Of(organisation): Of<OrganisationKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(body): Json<Ties>,
) -> Outcome {
    let (effective_on, relationships) = body.checked(organisation.backend())?;
    let operation = RelateOrganisation {
        organisation,
        effective_on,
        relationships,
    };
    ask.done(StatusCode::OK, operation).await
}

/// End a tie between an organisation and another record
#[utoipa::path(delete, path = "/v1/organisations/{organisation}/relationships", tag = "Parties", params(("organisation" = OrganisationId, Path), Tie),
    responses((status = 200, description = "What the system made of it", body = One<Receipt>)))]
pub(super) async fn unrelate_organisation(
    ask: Ask,
    Of(organisation): Of<OrganisationKind>,
    Query(tie): Query<Tie>,
) -> Outcome {
    let (effective_on, relationship) = tie.checked(organisation.backend())?;
    let operation = UnrelateOrganisation {
        organisation,
        effective_on,
        relationship,
    };
    ask.done(StatusCode::OK, operation).await
}
