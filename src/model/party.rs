//! Parties: customers, organisations, contacts, and how they hang together.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Native;
use super::account::Address;
use super::id::{BackendName, ContactId, CustomerId, EntityId, OrganisationId};
use super::patch::Patch;
use super::text::Line;
use super::time::Period;

/// A customer: the party that holds accounts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Customer {
    /// The customer's identifier here.
    pub id: CustomerId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier, as text, zeros kept.
    pub native_id: String,
    /// The identifier in the company's customer relationship system.
    pub crm_id: Option<String>,
    /// The customer's number.
    pub number: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// What kind of customer it is, in the system's own words, such as `Residential`.
    pub native_kind: Option<String>,
    /// The brand the customer sees.
    pub brand: Option<String>,
    /// E-mail addresses.
    pub emails: Option<Vec<Email>>,
    /// Telephone numbers.
    pub phones: Option<Vec<Phone>>,
    /// The entry in a tax register.
    pub tax_registration: Option<Registration>,
    /// The entry in a company register.
    pub registration: Option<Registration>,
    /// The contact to turn to first.
    pub primary_contact_id: Option<ContactId>,
    /// The accounts held; `null` if the system does not say with the customer.
    pub accounts: Option<Vec<Relationship>>,
    /// The postal address bills go to.
    pub billing_address: Option<Address>,
    /// When the system last changed the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// An organisation: a company or another body.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Organisation {
    /// The organisation's identifier here.
    pub id: OrganisationId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier, as text, zeros kept.
    pub native_id: String,
    /// The identifier in the company's customer relationship system.
    pub crm_id: Option<String>,
    /// The organisation's number.
    pub number: Option<String>,
    /// The registered name.
    pub name: Option<String>,
    /// The name it trades under.
    pub trading_name: Option<String>,
    /// What kind of organisation it is, in the system's own words.
    pub native_kind: Option<String>,
    /// The brand it sees.
    pub brand: Option<String>,
    /// The entry in a company register.
    pub registration: Option<Registration>,
    /// The entry in a tax register.
    pub tax_registration: Option<Registration>,
    /// E-mail addresses.
    pub emails: Option<Vec<Email>>,
    /// Telephone numbers.
    pub phones: Option<Vec<Phone>>,
    /// The postal address bills go to.
    pub billing_address: Option<Address>,
    /// What it is tied to; `null` if the system does not say with the organisation.
    pub relationships: Option<Vec<Relationship>>,
    /// When the system last changed the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// A contact: a person connected with accounts, customers or organisations.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Contact {
    /// The contact's identifier here.
    pub id: ContactId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier, as text, zeros kept.
    pub native_id: String,
    /// The identifier in the company's customer relationship system.
    pub crm_id: Option<String>,
    /// The name.
    pub name: Option<PersonName>,
    /// The date of birth.
    pub date_of_birth: Option<Date>,
    /// E-mail addresses.
    pub emails: Option<Vec<Email>>,
    /// Telephone numbers.
    pub phones: Option<Vec<Phone>>,
    /// Identity documents, masked to their last four characters.
    pub identifications: Option<Vec<Identification>>,
    /// Postal addresses.
    pub addresses: Option<Vec<Address>>,
    /// The ways bills are to be sent, in the system's own words, such as `email`.
    pub bill_channels: Option<Vec<String>>,
    /// What the contact is tied to; `null` if the system does not say with the contact.
    pub relationships: Option<Vec<Relationship>>,
    /// When the system last changed the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// The name of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonName {
    /// The title, such as `Ms`.
    pub title: Option<String>,
    /// Given names.
    pub given: Option<String>,
    /// The family name.
    pub family: Option<String>,
    /// The whole name as it is written.
    pub full: Option<String>,
    /// What the person wants to be called.
    pub preferred: Option<String>,
}

/// An e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// What kind of address it is, in the system's own words.
    #[serde(default)]
    pub native_kind: Option<String>,
    /// The address.
    #[schema(example = "priya.raman@example.com")]
    pub address: String,
}

/// A telephone number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Phone {
    /// What kind of number it is, in the system's own words, such as `mobile`.
    #[serde(default)]
    pub native_kind: Option<String>,
    /// The number.
    #[schema(example = "+61 491 570 156")]
    pub number: String,
}

/// An entry in a register of companies or of taxes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The register, such as `ABN`.
    pub register: Option<String>,
    /// The number in it.
    pub number: Option<String>,
    /// The name in it.
    pub business_name: Option<String>,
}

/// An identity document, masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Identification {
    /// What document it is, in the system's own words, such as `Passport`.
    pub native_kind: Option<String>,
    /// The last four characters of its number; `null` if it has no more than four.
    #[schema(example = "4417")]
    pub last_four: Option<String>,
}

impl Identification {
    /// A document with all but the last four characters of its number taken away.
    ///
    /// A number of four characters or fewer would be shown whole, so it is not shown at all.
    #[must_use]
    pub fn masked(native_kind: Option<String>, number: &str) -> Self {
        let characters = number.chars().count();
        Self {
            native_kind,
            last_four: (characters > 4).then(|| number.chars().skip(characters - 4).collect()),
        }
    }
}

/// A tie to another record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Relationship {
    /// What the other record is.
    pub entity_kind: EntityKind,
    /// What the other record is, in the system's own words.
    pub native_kind: Option<String>,
    /// The other record's identifier here.
    pub entity_id: Option<EntityId>,
    /// The part played, in the system's own words, such as `Primary`.
    pub role: Option<String>,
    /// The day it counts from.
    pub effective_on: Option<Date>,
    /// The days it holds, half-open.
    pub period: Option<Period>,
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EntityKind {
    /// An account.
    Account,
    /// A customer.
    Customer,
    /// A contact.
    Contact,
    /// An organisation.
    Organisation,
    /// Something else: see `native_kind`. Never taken from a caller.
    #[serde(skip_deserializing)]
    Other,
}

/// A tie to make, change or end.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRelationship {
    /// What the other record is; `OTHER` is not taken.
    pub entity_kind: EntityKind,
    /// The other record's identifier here, in the same backend.
    pub entity_id: EntityId,
    /// The part played, in the system's own words, such as `Authorised Representative`.
    pub role: Option<Line>,
    /// The day it counts from.
    pub effective_on: Option<Date>,
}

/// A postal address that a caller hands in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAddress {
    /// Street, number, unit: one line an item, in order.
    #[schema(min_items = 1)]
    pub lines: Vec<Line>,
    /// Suburb, town or city.
    pub locality: Option<Line>,
    /// State, province or county.
    pub region: Option<Line>,
    /// Postcode or ZIP code.
    pub postal_code: Option<Line>,
    /// Country, as the system writes it.
    pub country: Option<Line>,
}

/// An identity document that a caller hands in; it comes back masked only.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewIdentification {
    /// What document it is, in the system's own words.
    pub native_kind: Option<Line>,
    /// Its number.
    pub number: super::text::Secret,
}

/// What became of a write whose system gives no record back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Receipt {
    /// The identifier of the record written here; `null` if it is several or the system does not say.
    pub id: Option<EntityId>,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier, as text, zeros kept.
    pub native_id: Option<String>,
    /// How far the write is.
    pub status: ReceiptStatus,
}

/// How far a write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReceiptStatus {
    /// Done.
    Done,
    /// Taken in; the system carries it out later.
    Accepted,
}

/// A record that callers write: as a part of something larger, as a body of its own that names its backend, and as a merge
/// patch. Every member is optional in all three.
macro_rules! written {
    ($what:literal $details:ident $new:ident $changes:ident { $($(#[doc = $doc:literal])* $member:ident: $kind:ty as $shape:ty,)* }) => {
        #[doc = concat!("What is to be said of ", $what, ".")]
        #[derive(Clone, Debug, Default, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $details {
            $($(#[doc = $doc])* #[schema(value_type = Option<$shape>)] pub $member: Option<$kind>,)*
        }

        #[doc = concat!("What is to be said of ", $what, " that is made, and where.")]
        #[derive(Clone, Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $new {
            /// The backend to make it in.
            pub backend: BackendName,
            $($(#[doc = $doc])* #[schema(value_type = Option<$shape>)] pub $member: Option<$kind>,)*
        }

        impl $new {
            /// The backend, and what is to be said.
            #[must_use]
            pub fn parted(self) -> (BackendName, $details) {
                (self.backend, $details { $($member: self.$member,)* })
            }
        }

        #[doc = concat!("What is to change of ", $what, ": a member that is absent stays, `null` empties it. An array or object is given whole.")]
        #[derive(Clone, Debug, Default, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $changes {
            $($(#[doc = $doc])* #[serde(default)] #[schema(value_type = Option<$shape>)] pub $member: Patch<$kind>,)*
        }

        impl $changes {
            /// Whether nothing is to change.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                $(self.$member.is_keep())&&*
            }
        }
    };
}

written! { "a customer" CustomerDetails NewCustomer CustomerChanges {
    /// The system's own identifier, where another system is the master of it.
    native_id: Line as Line,
    /// The identifier in the company's customer relationship system.
    crm_id: Line as Line,
    /// The name.
    name: Line as Line,
    /// What kind of customer it is, in the system's own words, such as `Residential`.
    native_kind: Line as Line,
    /// The brand the customer sees.
    brand: Line as Line,
    /// E-mail addresses.
    emails: Vec<Email> as Vec<Email>,
    /// Telephone numbers.
    phones: Vec<Phone> as Vec<Phone>,
    /// The entry in a tax register.
    tax_registration: Registration as Registration,
    /// The entry in a company register.
    registration: Registration as Registration,
    /// The postal address bills go to.
    billing_address: NewAddress as NewAddress,
    /// What it is tied to.
    relationships: Vec<NewRelationship> as Vec<NewRelationship>,
    /// The utility's own additions, passed on as they are.
    extensions: Map<String, Value> as Object,
} }

written! { "an organisation" OrganisationDetails NewOrganisation OrganisationChanges {
    /// The system's own identifier, where another system is the master of it.
    native_id: Line as Line,
    /// The identifier in the company's customer relationship system.
    crm_id: Line as Line,
    /// The registered name.
    name: Line as Line,
    /// The name it trades under.
    trading_name: Line as Line,
    /// What kind of organisation it is, in the system's own words.
    native_kind: Line as Line,
    /// The brand it sees.
    brand: Line as Line,
    /// The entry in a company register.
    registration: Registration as Registration,
    /// The entry in a tax register.
    tax_registration: Registration as Registration,
    /// E-mail addresses.
    emails: Vec<Email> as Vec<Email>,
    /// Telephone numbers.
    phones: Vec<Phone> as Vec<Phone>,
    /// The postal address bills go to.
    billing_address: NewAddress as NewAddress,
    /// What it is tied to.
    relationships: Vec<NewRelationship> as Vec<NewRelationship>,
    /// The utility's own additions, passed on as they are.
    extensions: Map<String, Value> as Object,
} }

written! { "a contact" ContactDetails NewContact ContactChanges {
    /// The system's own identifier, where another system is the master of it.
    native_id: Line as Line,
    /// The identifier in the company's customer relationship system.
    crm_id: Line as Line,
    /// The name.
    name: PersonName as PersonName,
    /// The date of birth.
    date_of_birth: Date as Date,
    /// E-mail addresses.
    emails: Vec<Email> as Vec<Email>,
    /// Telephone numbers.
    phones: Vec<Phone> as Vec<Phone>,
    /// Identity documents.
    identifications: Vec<NewIdentification> as Vec<NewIdentification>,
    /// Postal addresses.
    addresses: Vec<NewAddress> as Vec<NewAddress>,
    /// The ways bills are to be sent, in the system's own words, such as `email`.
    bill_channels: Vec<Line> as Vec<Line>,
    /// What the contact is tied to.
    relationships: Vec<NewRelationship> as Vec<NewRelationship>,
} }

/// An account inside a hierarchy that is handed over whole.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncedAccount {
    /// The system's own identifier, where another system is the master of it.
    pub native_id: Option<Line>,
    /// The identifier in the company's customer relationship system.
    pub crm_id: Option<Line>,
    /// The name the account is held under.
    pub name: Option<Line>,
    /// What kind of account it is, in the system's own words.
    pub native_kind: Option<Line>,
    /// The brand the customer sees.
    pub brand: Option<Line>,
    /// The currency of the account.
    pub currency: Option<super::money::Currency>,
    /// How bills are sent, in the system's own words, such as `Email`.
    pub delivery: Option<Line>,
    /// The system's own identifier of the customer who holds it.
    pub customer: Option<Line>,
    /// The system's own identifier of the organisation that holds it.
    pub organisation: Option<Line>,
    /// The system's own identifier of the account this one stands under.
    pub parent: Option<Line>,
    /// The postal address bills go to.
    pub billing_address: Option<NewAddress>,
    /// What it is tied to.
    pub relationships: Option<Vec<NewRelationship>>,
    /// The utility's own additions, passed on as they are.
    #[schema(value_type = Option<Object>)]
    pub extensions: Option<Map<String, Value>>,
}

/// A customer, the organisation, contacts and accounts, handed over in one go. Every part is optional; one is there.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hierarchy {
    /// The backend to hand it to.
    pub backend: BackendName,
    /// The customer.
    pub customer: Option<CustomerDetails>,
    /// The organisation.
    pub organisation: Option<OrganisationDetails>,
    /// The contacts.
    #[serde(default)]
    pub contacts: Vec<ContactDetails>,
    /// The accounts.
    #[serde(default)]
    pub accounts: Vec<SyncedAccount>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_documents_show_their_last_four_or_nothing() {
        for (number, shown) in [
            ("PA1234417", Some("4417")),
            ("4417", None),
            ("", None),
            ("x4417", Some("4417")),
        ] {
            assert_eq!(
                Identification::masked(None, number).last_four.as_deref(),
                shown,
                "{number}"
            );
        }
    }
}
