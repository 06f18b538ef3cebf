//! Operations on organisations.

use jiff::civil::Date;

use super::{Operation, Repeat, Scope, Target};
use crate::model::id::{BackendName, OrganisationId};
use crate::model::party::{NewRelationship, Organisation, OrganisationChanges, OrganisationDetails, Receipt};

/// Reads an organisation.
#[derive(Clone, Debug)]
pub struct GetOrganisation {
    /// The organisation.
    pub organisation: OrganisationId,
}

impl Operation for GetOrganisation {
    type Reply = Organisation;
    const ID: &'static str = "organisations.get";
    const SCOPE: Scope = Scope::PartiesRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.organisation)
    }
}

/// Makes an organisation.
#[derive(Clone, Debug)]
pub struct CreateOrganisation {
    /// The backend.
    pub backend: BackendName,
    /// What is to be said of it.
    pub organisation: OrganisationDetails,
}

impl Operation for CreateOrganisation {
    type Reply = Receipt;
    const ID: &'static str = "organisations.create";
    const SCOPE: Scope = Scope::PartiesWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> = Some(
        "look for the organisation in the system, or read GET /v1/organisations/{organisation} if you gave its identifier, before making it again",
    );

    fn target(&self) -> Target<'_> {
        Target::backend(&self.backend)
    }
}

/// Changes an organisation.
#[derive(Clone, Debug)]
pub struct UpdateOrganisation {
    /// The organisation.
    pub organisation: OrganisationId,
    /// What is to change.
    pub changes: OrganisationChanges,
}

impl Operation for UpdateOrganisation {
    type Reply = Receipt;
    const ID: &'static str = "organisations.update";
    const SCOPE: Scope = Scope::PartiesWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.organisation)
    }
}

/// Ties an organisation to other records, or changes such ties.
#[derive(Clone, Debug)]
pub struct RelateOrganisation {
    /// The organisation.
    pub organisation: OrganisationId,
    /// The day the change counts from.
    pub effective_on: Option<Date>,
    /// The ties; never empty.
    pub relationships: Vec<NewRelationship>,
}

impl Operation for RelateOrganisation {
    type Reply = Receipt;
    const ID: &'static str = "organisations.relate";
    const SCOPE: Scope = Scope::PartiesWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.organisation)
    }

    fn others(&self) -> Vec<Target<'_>> {
        let ties = self.relationships.iter();
        ties.map(|tie| Target::record(&tie.entity_id)).collect()
    }
}

/// Ends a tie between an organisation and another record.
#[derive(Clone, Debug)]
pub struct UnrelateOrganisation {
    /// The organisation.
    pub organisation: OrganisationId,
    /// The day it ends.
    pub effective_on: Option<Date>,
    /// The tie.
    pub relationship: NewRelationship,
}

impl Operation for UnrelateOrganisation {
    type Reply = Receipt;
    const ID: &'static str = "organisations.unrelate";
    const SCOPE: Scope = Scope::PartiesWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.organisation)
    }

    fn others(&self) -> Vec<Target<'_>> {
        vec![Target::record(&self.relationship.entity_id)]
    }
}
