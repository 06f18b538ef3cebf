//! The log of changes.

use serde::Deserialize;
use utoipa::IntoParams;

use super::Ask;
use super::answer::{Found, Outcome};
use super::extract::{Pages, Search, Side, Words};
use super::filter::Conditions;
use crate::model::enrollment::{Change, ChangeKind};
use crate::model::id::BackendName;
use crate::operations::changes::SearchChanges;
use crate::operations::filter::ChangeFields;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangesFilters {
    /// The backends to ask, with commas between them or one at a time; all that serve the operation if absent.
    #[param(style = Form, explode = false, value_type = Option<Vec<BackendName>>)]
    backend: Option<Words<BackendName>>,
    /// Only changes at or after this: a local date `YYYY-MM-DD` or an instant with offset.
    #[param(value_type = Option<String>, example = "2026-01-01")]
    since: Option<Side>,
    /// Only changes of this kind.
    kind: Option<ChangeKind>,
}

/// Search for changes
///
/// Oldest first. `field[operator]=value` filters by a field with one of sixteen operators; all conditions must hold.
#[utoipa::path(get, path = "/v1/changes", tag = "Enrollment", params(ChangesFilters, Conditions<ChangeFields>, Pages,
    ("Prefer" = Option<String>, Header, description = "`handling=strict` turns an answer that is not complete into a problem (RFC 7240).")),
    responses((status = 200, description = "One page of what was found", body = Found<Change>)))]
pub(super) async fn search_changes(ask: Ask, list: Search<ChangesFilters, ChangeFields>) -> Outcome {
    let conditions = list.conditions;
    let (since, kind) = (list.filters.since.map(|side| side.0), list.filters.kind);
    let (backends, native) = (list.filters.backend.map(|words| words.0), false);
    ask.native(native)
        .search(backends, list.page, |backend, paging| SearchChanges {
            backend,
            since,
            kind,
            filters: conditions.clone(),
            paging,
        })
        .await
}
