//! Operations on contacts.

use jiff::civil::Date;

use super::{Operation, Repeat, Scope, Target};
use crate::model::id::{AccountId, BackendName, ContactId};
use crate::model::page::{Page, Paging};
use crate::model::party::{Contact, ContactChanges, ContactDetails, NewRelationship, Receipt};
use crate::model::text::Line;

/// Lists the people connected with an account, in the system's order.
#[derive(Clone, Debug)]
pub struct ListContacts {
    /// The account.
    pub account: AccountId,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListContacts {
    type Reply = Page<Contact>;
    const ID: &'static str = "contacts.list";
    const SCOPE: Scope = Scope::PartiesRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Reads a contact.
#[derive(Clone, Debug)]
pub struct GetContact {
    /// The contact.
    pub contact: ContactId,
}

impl Operation for GetContact {
    type Reply = Contact;
    const ID: &'static str = "contacts.get";
    const SCOPE: Scope = Scope::PartiesRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.contact)
    }
}

/// Makes a contact.
#[derive(Clone, Debug)]
pub struct CreateContact {
    /// The backend.
    pub backend: BackendName,
    /// What is to be said of it.
    pub contact: ContactDetails,
}

impl Operation for CreateContact {
    type Reply = Receipt;
    const ID: &'static str = "contacts.create";
    const SCOPE: Scope = Scope::PartiesWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> = Some(
        "look for the contact in the system, or read GET /v1/contacts/{contact} if you gave its identifier, before making it again",
    );

    fn target(&self) -> Target<'_> {
        Target::backend(&self.backend)
    }
}

/// Changes a contact.
#[derive(Clone, Debug)]
pub struct UpdateContact {
    /// The contact.
    pub contact: ContactId,
    /// What is to change.
    pub changes: ContactChanges,
}

impl Operation for UpdateContact {
    type Reply = Receipt;
    const ID: &'static str = "contacts.update";
    const SCOPE: Scope = Scope::PartiesWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.contact)
    }
}

/// Takes a contact out, with all its ties.
#[derive(Clone, Debug)]
pub struct RemoveContact {
    /// The contact.
    pub contact: ContactId,
    /// The day it counts from.
    pub effective_on: Option<Date>,
    /// Why.
    pub reason: Option<Line>,
}

impl Operation for RemoveContact {
    type Reply = Receipt;
    const ID: &'static str = "contacts.remove";
    const SCOPE: Scope = Scope::PartiesWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.contact)
    }
}

/// Ties a contact to other records, or changes such ties.
#[derive(Clone, Debug)]
pub struct RelateContact {
    /// The contact.
    pub contact: ContactId,
    /// The day the change counts from.
    pub effective_on: Option<Date>,
    /// The ties; never empty.
    pub relationships: Vec<NewRelationship>,
}

impl Operation for RelateContact {
    type Reply = Receipt;
    const ID: &'static str = "contacts.relate";
    const SCOPE: Scope = Scope::PartiesWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.contact)
    }

    fn others(&self) -> Vec<Target<'_>> {
        let ties = self.relationships.iter();
        ties.map(|tie| Target::record(&tie.entity_id)).collect()
    }
}

/// Ends a tie between a contact and another record.
#[derive(Clone, Debug)]
pub struct UnrelateContact {
    /// The contact.
    pub contact: ContactId,
    /// The day it ends.
    pub effective_on: Option<Date>,
    /// The tie.
    pub relationship: NewRelationship,
}

impl Operation for UnrelateContact {
    type Reply = Receipt;
    const ID: &'static str = "contacts.unrelate";
    const SCOPE: Scope = Scope::PartiesWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.contact)
    }

    fn others(&self) -> Vec<Target<'_>> {
        vec![Target::record(&self.relationship.entity_id)]
    }
}
