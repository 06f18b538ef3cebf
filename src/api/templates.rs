//! Templates: what reads bills off providers' sites.

use super::Ask;
use super::answer::{Found, One, Outcome};
use super::extract::{Backends, Inclusion, Of, Pages, Query, Search};
use super::filter::Conditions;
use crate::model::enrollment::Template;
use crate::model::id::{TemplateId, TemplateKind};
use crate::operations::filter::TemplateFields;
use crate::operations::templates::{GetTemplate, SearchTemplates};

/// Search for templates
///
/// `field[operator]=value` filters by a field with one of sixteen operators; all conditions must hold.
#[utoipa::path(get, path = "/v1/templates", tag = "Enrollment", params(Backends, Conditions<TemplateFields>, Pages,
    ("Prefer" = Option<String>, Header, description = "`handling=strict` turns an answer that is not complete into a problem (RFC 7240).")),
    responses((status = 200, description = "One page of what was found", body = Found<Template>)))]
pub(super) async fn search_templates(ask: Ask, list: Search<Backends, TemplateFields>) -> Outcome {
    let conditions = list.conditions;
    let (backends, native) = list.filters.parted();
    ask.native(native)
        .search(backends, list.page, |backend, paging| SearchTemplates {
            backend,
            filters: conditions.clone(),
            paging,
        })
        .await
}

/// Read a template
#[utoipa::path(get, path = "/v1/templates/{template}", tag = "Enrollment", params(("template" = TemplateId, Path), Inclusion),
    responses((status = 200, description = "The record", body = One<Template>)))]
pub(super) async fn get_template(ask: Ask, Of(template): Of<TemplateKind>, Query(query): Query<Inclusion>) -> Outcome {
    ask.native(query.native()).one(GetTemplate { template }).await
}
