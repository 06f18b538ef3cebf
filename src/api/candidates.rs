//! Candidates: accounts and meters that were found and not asked for.

use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Ask;
use super::answer::{Found, One, Outcome};
use super::extract::{Backends, Json, Nothing, Of, Pages, Query, Search};
use super::filter::Conditions;
use crate::model::account::Account;
use crate::model::enrollment::{CandidateAccount, CandidateMeter};
use crate::model::id::{CandidateId, CandidateKind};
use crate::model::text::Attributes;
use crate::operations::candidates::{EnrollCandidate, SearchCandidateAccounts, SearchCandidateMeters};
use crate::operations::filter::{AccountFields, MeterFields};

/// Search for accounts that were found and not asked for
///
/// `field[operator]=value` filters by a field with one of sixteen operators; all conditions must hold.
#[utoipa::path(get, path = "/v1/candidates/accounts", tag = "Enrollment", params(Backends, Conditions<AccountFields>, Pages,
    ("Prefer" = Option<String>, Header, description = "`handling=strict` turns an answer that is not complete into a problem (RFC 7240).")),
    responses((status = 200, description = "One page of what was found", body = Found<CandidateAccount>)))]
pub(super) async fn search_candidate_accounts(ask: Ask, list: Search<Backends, AccountFields>) -> Outcome {
    let conditions = list.conditions;
    let (backends, native) = list.filters.parted();
    ask.native(native)
        .search(backends, list.page, |backend, paging| SearchCandidateAccounts {
            backend,
            filters: conditions.clone(),
            paging,
        })
        .await
}

/// Search for meters that were found and not asked for
///
/// `field[operator]=value` filters by a field with one of sixteen operators; all conditions must hold.
#[utoipa::path(get, path = "/v1/candidates/meters", tag = "Enrollment", params(Backends, Conditions<MeterFields>, Pages,
    ("Prefer" = Option<String>, Header, description = "`handling=strict` turns an answer that is not complete into a problem (RFC 7240).")),
    responses((status = 200, description = "One page of what was found", body = Found<CandidateMeter>)))]
pub(super) async fn search_candidate_meters(ask: Ask, list: Search<Backends, MeterFields>) -> Outcome {
    let conditions = list.conditions;
    let (backends, native) = list.filters.parted();
    ask.native(native)
        .search(backends, list.page, |backend, paging| SearchCandidateMeters {
            backend,
            filters: conditions.clone(),
            paging,
        })
        .await
}

/// What an account that is enrolled is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewEnrollment {
    /// Facts of the utility's own, by name; those that are required must be there.
    #[serde(default)]
    #[schema(value_type = HashMap<String, Option<String>>)]
    custom_attributes: Attributes,
}

/// Enrol an account that was found
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`, which says what to read.
#[utoipa::path(post, path = "/v1/candidates/accounts/{candidate}/enroll", tag = "Enrollment", params(("candidate" = CandidateId, Path)), request_body = NewEnrollment,
    responses((status = 200, description = "What the system made of it", body = One<Account>)))]
pub(super) async fn enroll_candidate(
    ask: Ask,
    Of(candidate): Of<CandidateKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(body): Json<NewEnrollment>,
) -> Outcome {
    let operation = EnrollCandidate {
        candidate,
        custom_attributes: body.custom_attributes,
    };
    ask.done(StatusCode::OK, operation).await
}
