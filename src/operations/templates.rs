//! Operations on templates.

use super::filter::Filter;
use super::{Operation, Repeat, Scope, Target};
use crate::model::enrollment::Template;
use crate::model::id::{BackendName, TemplateId};
use crate::model::page::{Page, Paging};

/// Looks for templates in one backend.
#[derive(Clone, Debug)]
pub struct SearchTemplates {
    /// The backend.
    pub backend: BackendName,
    /// What must hold.
    pub filters: Vec<Filter>,
    /// Which page.
    pub paging: Paging,
}

impl Operation for SearchTemplates {
    type Reply = Page<Template>;
    const ID: &'static str = "templates.search";
    const SCOPE: Scope = Scope::EnrollmentRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::backend(&self.backend)
    }

    fn filters(&self) -> Vec<&'static str> {
        self.filters.iter().map(Filter::capability).collect()
    }
}

/// Reads a template.
#[derive(Clone, Debug)]
pub struct GetTemplate {
    /// The template.
    pub template: TemplateId,
}

impl Operation for GetTemplate {
    type Reply = Template;
    const ID: &'static str = "templates.get";
    const SCOPE: Scope = Scope::EnrollmentRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.template)
    }
}
