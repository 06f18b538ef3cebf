//! Operations on kinds of facts of utilities' own.

use super::filter::Filter;
use super::{Operation, Repeat, Scope, Target};
use crate::model::enrollment::{CustomAttributeChanges, CustomAttributeDefinition, NewCustomAttribute};
use crate::model::id::{BackendName, CustomAttributeId};
use crate::model::page::{Page, Paging};

/// Looks for kinds of facts in one backend.
#[derive(Clone, Debug)]
pub struct SearchCustomAttributes {
    /// The backend.
    pub backend: BackendName,
    /// What must hold.
    pub filters: Vec<Filter>,
    /// Which page.
    pub paging: Paging,
}

impl Operation for SearchCustomAttributes {
    type Reply = Page<CustomAttributeDefinition>;
    const ID: &'static str = "custom_attributes.search";
    const SCOPE: Scope = Scope::EnrollmentRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::backend(&self.backend)
    }

    fn filters(&self) -> Vec<&'static str> {
        self.filters.iter().map(Filter::capability).collect()
    }
}

/// Adds a kind of fact.
#[derive(Clone, Debug)]
pub struct CreateCustomAttribute {
    /// What is to be said of it.
    pub attribute: NewCustomAttribute,
}

impl Operation for CreateCustomAttribute {
    type Reply = CustomAttributeDefinition;
    const ID: &'static str = "custom_attributes.create";
    const SCOPE: Scope = Scope::EnrollmentWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> =
        Some("read GET /v1/custom-attributes with name= to see whether it was added before adding it again");

    fn target(&self) -> Target<'_> {
        Target::backend(&self.attribute.backend)
    }
}

/// Reads a kind of fact.
#[derive(Clone, Debug)]
pub struct GetCustomAttribute {
    /// The kind of fact.
    pub attribute: CustomAttributeId,
}

impl Operation for GetCustomAttribute {
    type Reply = CustomAttributeDefinition;
    const ID: &'static str = "custom_attributes.get";
    const SCOPE: Scope = Scope::EnrollmentRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.attribute)
    }
}

/// Changes a kind of fact.
#[derive(Clone, Debug)]
pub struct UpdateCustomAttribute {
    /// The kind of fact.
    pub attribute: CustomAttributeId,
    /// What is to change.
    pub changes: CustomAttributeChanges,
}

impl Operation for UpdateCustomAttribute {
    type Reply = CustomAttributeDefinition;
    const ID: &'static str = "custom_attributes.update";
    const SCOPE: Scope = Scope::EnrollmentWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.attribute)
    }
}
