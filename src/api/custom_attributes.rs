//! Kinds of facts that utilities add of their own.

use http::StatusCode;

use super::Ask;
use super::answer::{Found, One, Outcome, placed};
use super::extract::{Backends, Inclusion, Json, Nothing, Of, Pages, Query, Search, faultless, not_empty};
use super::filter::Conditions;
use crate::model::enrollment::{CustomAttributeChanges, CustomAttributeDefinition, NewCustomAttribute};
use crate::model::id::{CustomAttributeId, CustomAttributeKind};
use crate::operations::custom_attributes::{
    CreateCustomAttribute, GetCustomAttribute, SearchCustomAttributes, UpdateCustomAttribute,
};
use crate::operations::filter::CustomAttributeFields;

/// Search for kinds of facts
///
/// `field[operator]=value` filters by a field with one of sixteen operators; all conditions must hold.
#[utoipa::path(get, path = "/v1/custom-attributes", tag = "Enrollment", params(Backends, Conditions<CustomAttributeFields>, Pages,
    ("Prefer" = Option<String>, Header, description = "`handling=strict` turns an answer that is not complete into a problem (RFC 7240).")),
    responses((status = 200, description = "One page of what was found", body = Found<CustomAttributeDefinition>)))]
pub(super) async fn search_custom_attributes(ask: Ask, list: Search<Backends, CustomAttributeFields>) -> Outcome {
    let conditions = list.conditions;
    let (backends, native) = list.filters.parted();
    ask.native(native)
        .search(backends, list.page, |backend, paging| SearchCustomAttributes {
            backend,
            filters: conditions.clone(),
            paging,
        })
        .await
}

/// Add a kind of fact
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`, which says what to read.
#[utoipa::path(post, path = "/v1/custom-attributes", tag = "Enrollment", request_body = NewCustomAttribute,
    responses((status = 201, description = "What the system made of it, with its address in `Location`", body = One<CustomAttributeDefinition>,
        headers(("Location" = String, description = "Where it can be read.")))))]
pub(super) async fn create_custom_attribute(
    ask: Ask,
    Query(Nothing {}): Query<Nothing>,
    Json(body): Json<NewCustomAttribute>,
) -> Outcome {
    let operation = CreateCustomAttribute { attribute: body };
    ask.created(operation, |attribute| {
        Some(placed("custom-attributes", attribute.id.as_str()))
    })
    .await
}

/// Read a kind of fact
#[utoipa::path(get, path = "/v1/custom-attributes/{custom_attribute}", tag = "Enrollment", params(("custom_attribute" = CustomAttributeId, Path), Inclusion),
    responses((status = 200, description = "The record", body = One<CustomAttributeDefinition>)))]
pub(super) async fn get_custom_attribute(
    ask: Ask,
    Of(custom_attribute): Of<CustomAttributeKind>,
    Query(query): Query<Inclusion>,
) -> Outcome {
    ask.native(query.native())
        .one(GetCustomAttribute {
            attribute: custom_attribute,
        })
        .await
}

/// Change a kind of fact
///
/// The body is a JSON merge patch (RFC 7396): a member that is absent stays, `null` empties it, a value replaces it whole.
#[utoipa::path(patch, path = "/v1/custom-attributes/{custom_attribute}", tag = "Enrollment", params(("custom_attribute" = CustomAttributeId, Path)),
    request_body(content = CustomAttributeChanges, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "What the system made of it", body = One<CustomAttributeDefinition>)))]
pub(super) async fn update_custom_attribute(
    ask: Ask,
    Of(custom_attribute): Of<CustomAttributeKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(changes): Json<CustomAttributeChanges>,
) -> Outcome {
    not_empty(changes.name.is_keep() && changes.required.is_keep() && changes.position.is_keep())?;
    let mut faults = Vec::new();
    for (cleared, member) in [
        (changes.name.is_clear(), "/name"),
        (changes.required.is_clear(), "/required"),
    ] {
        if cleared {
            faults.push((member.to_owned(), "it cannot be emptied"));
        }
    }
    faultless(faults)?;
    let operation = UpdateCustomAttribute {
        attribute: custom_attribute,
        changes,
    };
    ask.done(StatusCode::OK, operation).await
}
