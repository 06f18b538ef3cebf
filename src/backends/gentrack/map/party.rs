//! Customers, organisations, contacts and their ties, as they are read and written. Identity documents come out masked.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use secrecy::ExposeSecret as _;
use serde_json::value::to_raw_value;

use super::account::{Extensions, address_write, delivery, set};
use super::{At, Mapper, address, ident, owned, said, same};
use crate::backends::gentrack::keys;
use crate::backends::gentrack::wire::account::{AccountWrite, AddressWrite};
use crate::backends::gentrack::wire::party::{
    self as wire, ChannelWrite, ContactWrite, CustomerWrite, EmailWrite, IdentificationWrite, NameWrite,
    OrganisationWrite, Party, PhoneWrite, PreferenceWrite, PreferencesWrite, RegistrationWrite, RelatedWrite,
    RelationshipsWrite, RemoveWrite, SyncWrite,
};
use crate::backends::gentrack::wire::{Day, Many, Moment, Text};
use crate::error::{Error, ErrorKind, Place, Result};
use crate::model::account::Address;
use crate::model::id::{ContactId, CustomerId, EntityId, Id, Kind, OrganisationId};
use crate::model::party::{
    Contact, ContactChanges, ContactDetails, Customer, CustomerChanges, CustomerDetails, Email, EntityKind, Hierarchy,
    Identification, NewAddress, NewIdentification, NewRelationship, Organisation, OrganisationChanges,
    OrganisationDetails, PersonName, Phone, Registration, Relationship, SyncedAccount,
};
use crate::model::patch::Patch;
use crate::model::text::Line;

impl Mapper<'_> {
    /// A customer. `id` is the one asked for; another one in the reply is refused.
    pub(in crate::backends::gentrack) fn customer(
        &self,
        id: &CustomerId,
        wire: &Party<'_, Text<'_>>,
    ) -> Result<Customer> {
        Ok(Customer {
            id: id.clone(),
            backend: self.backend.clone(),
            native_id: asked_for(id, wire)?,
            crm_id: ident(wire.crm_id.as_ref()).map(Cow::into_owned),
            number: ident(wire.customer_number.as_ref()).map(Cow::into_owned),
            name: owned(wire.name.as_ref()),
            native_kind: owned(wire.kind.as_ref()),
            brand: owned(wire.brand.as_ref()),
            emails: emails(wire.emails.as_ref()),
            phones: phones(wire.phones.as_ref()),
            tax_registration: wire.tax_registration.as_ref().map(registration),
            registration: wire.registration.as_ref().map(registration),
            primary_contact_id: match ident(wire.primary_contact_reference.as_ref()) {
                Some(contact) => Some(self.id(&[&contact], "primaryContactReference")?),
                None => None,
            },
            accounts: self.ties("accounts", wire.accounts.as_ref())?,
            billing_address: wire.billing_address.as_ref().map(address),
            updated_at: self.updated(wire.last_updated_time)?,
            native: None,
        })
    }

    /// An organisation. `id` is the one asked for; another one in the reply is refused.
    pub(in crate::backends::gentrack) fn organisation(
        &self,
        id: &OrganisationId,
        wire: &Party<'_, Text<'_>>,
    ) -> Result<Organisation> {
        Ok(Organisation {
            id: id.clone(),
            backend: self.backend.clone(),
            native_id: asked_for(id, wire)?,
            crm_id: ident(wire.crm_id.as_ref()).map(Cow::into_owned),
            number: ident(wire.organisation_number.as_ref()).map(Cow::into_owned),
            name: owned(wire.name.as_ref()),
            trading_name: owned(wire.trading_name.as_ref()),
            native_kind: owned(wire.kind.as_ref()),
            brand: owned(wire.brand.as_ref()),
            registration: wire.registration.as_ref().map(registration),
            tax_registration: wire.tax_registration.as_ref().map(registration),
            emails: emails(wire.emails.as_ref()),
            phones: phones(wire.phones.as_ref()),
            billing_address: wire.billing_address.as_ref().map(address),
            relationships: self.ties("relationships", wire.relationships.as_ref())?,
            updated_at: self.updated(wire.last_updated_time)?,
            native: None,
        })
    }

    /// A contact. `id` is the one asked for; another one in the reply is refused.
    pub(in crate::backends::gentrack) fn contact(
        &self,
        id: &ContactId,
        wire: &Party<'_, wire::PersonName<'_>>,
    ) -> Result<Contact> {
        Ok(Contact {
            id: id.clone(),
            backend: self.backend.clone(),
            native_id: asked_for(id, wire)?,
            crm_id: ident(wire.crm_id.as_ref()).map(Cow::into_owned),
            name: wire.name.as_ref().map(|name| PersonName {
                title: owned(name.title.as_ref()),
                given: owned(name.given_name.as_ref()),
                family: owned(name.family_name.as_ref()),
                full: owned(name.full_name.as_ref()),
                preferred: owned(name.preferred()),
            }),
            date_of_birth: wire.date_of_birth.map(|Day(date)| date),
            emails: emails(wire.emails.as_ref()),
            phones: phones(wire.phones.as_ref()),
            identifications: wire.identifications.as_ref().map(|all| {
                let masked = |one: &wire::Identification<'_>| {
                    Identification::masked(owned(one.kind.as_ref()), &ident(one.id.as_ref()).unwrap_or_default())
                };
                all.0.iter().map(masked).collect()
            }),
            addresses: wire
                .postal_addresses
                .as_ref()
                .map(|all| all.0.iter().map(address).collect()),
            bill_channels: wire.communication_preferences.as_ref().and_then(channels),
            relationships: self.ties("relationships", wire.relationships.as_ref())?,
            updated_at: self.updated(wire.last_updated_time)?,
            native: None,
        })
    }

    /// The identifier of a party that was just made.
    pub(in crate::backends::gentrack) fn party_id(&self, reference: &str) -> Result<EntityId> {
        self.id(&[reference], "globalReference")
    }

    /// Ties to other records, in the system's order.
    fn ties(&self, list: &'static str, wire: Option<&Many<wire::Related<'_>>>) -> Result<Option<Vec<Relationship>>> {
        let Some(all) = wire else { return Ok(None) };
        let tie = |(n, tie): (usize, &wire::Related<'_>)| {
            let reference = ident(tie.reference())
                .ok_or_else(|| Error::unreadable(format!("{list}[{n}]"), "missing field `globalReference`"))?;
            Ok(Relationship {
                entity_kind: said(tie.entity_type.as_ref()).map_or(EntityKind::Other, entity_kind),
                native_kind: owned(tie.entity_type.as_ref()),
                entity_id: Some(self.id(&[&reference], At(list, n, "globalReference"))?),
                role: owned(tie.role.as_ref()),
                effective_on: tie.effective_date.map(|Day(date)| date),
                period: tie.period.as_ref().and_then(|span| self.days(span)),
            })
        };
        all.0.iter().enumerate().map(tie).collect::<Result<_>>().map(Some)
    }

    fn updated(&self, at: Option<Moment>) -> Result<Option<Timestamp>> {
        at.map(|at| self.instant(at, "lastUpdatedTime")).transpose()
    }

    /// The body that makes or changes a customer; `at` is where its details stand in what the caller sent.
    pub(in crate::backends::gentrack) fn customer_write(
        &self,
        new: CustomerDetails,
        at: &str,
    ) -> Result<CustomerWrite> {
        Ok(CustomerWrite {
            global_reference: text(new.native_id),
            crm_id: text(new.crm_id),
            name: text(new.name),
            kind: text(new.native_kind),
            brand: text(new.brand),
            emails: new.emails.map(emails_write),
            phones: new.phones.map(phones_write),
            tax_registration: new.tax_registration.map(registration_write),
            registration: new.registration.map(registration_write),
            billing_address: billing_address(new.billing_address, at)?,
            relationships: self.ties_write(new.relationships, at)?,
            extensions: new.extensions,
        })
    }

    /// The body that makes or changes an organisation.
    pub(in crate::backends::gentrack) fn organisation_write(
        &self,
        new: OrganisationDetails,
        at: &str,
    ) -> Result<OrganisationWrite> {
        Ok(OrganisationWrite {
            global_reference: text(new.native_id),
            crm_id: text(new.crm_id),
            name: text(new.name),
            trading_name: text(new.trading_name),
            kind: text(new.native_kind),
            brand: text(new.brand),
            registration: new.registration.map(registration_write),
            tax_registration: new.tax_registration.map(registration_write),
            emails: new.emails.map(emails_write),
            phones: new.phones.map(phones_write),
            billing_address: billing_address(new.billing_address, at)?,
            relationships: self.ties_write(new.relationships, at)?,
            extensions: new.extensions,
        })
    }

    /// The body that makes or changes a contact.
    pub(in crate::backends::gentrack) fn contact_write(&self, new: ContactDetails, at: &str) -> Result<ContactWrite> {
        let addresses = |all: Vec<NewAddress>| {
            let each = all.into_iter().enumerate();
            each.map(|(n, one)| postal(one, &format!("{at}/addresses/{n}")))
                .collect::<Result<_>>()
        };
        Ok(ContactWrite {
            global_reference: text(new.native_id),
            crm_id: text(new.crm_id),
            name: new.name.map(|name| NameWrite {
                title: name.title,
                given_name: name.given,
                family_name: name.family,
                full_name: name.full,
                preferred_name: name.preferred,
            }),
            date_of_birth: day(new.date_of_birth),
            phones: new.phones.map(phones_write),
            emails: new.emails.map(emails_write),
            identifications: new
                .identifications
                .map(|all| all.into_iter().map(identification).collect()),
            postal_addresses: new.addresses.map(addresses).transpose()?,
            communication_preferences: new
                .bill_channels
                .map(|words| preferences(&words, &format!("{at}/bill_channels")))
                .transpose()?,
            relationships: self.ties_write(new.relationships, at)?,
        })
    }

    /// The body that makes ties or changes them.
    pub(in crate::backends::gentrack) fn related(
        &self,
        ties: Vec<NewRelationship>,
        effective_on: Option<Date>,
    ) -> Result<RelationshipsWrite> {
        Ok(RelationshipsWrite {
            effective_date: day(effective_on),
            relationships: self.ties_write(Some(ties), "")?,
        })
    }

    /// The body that ends a tie, which the caller names in the query.
    pub(in crate::backends::gentrack) fn unrelated(
        &self,
        tie: NewRelationship,
        effective_on: Option<Date>,
    ) -> Result<RelationshipsWrite> {
        let tie = self.tie_write(tie, Error::parameter)?;
        Ok(RelationshipsWrite {
            effective_date: day(effective_on),
            relationships: Some(vec![tie]),
        })
    }

    /// The body that hands over a hierarchy.
    pub(in crate::backends::gentrack) fn synced(&self, new: Hierarchy) -> Result<SyncWrite> {
        let contacts = new.contacts.into_iter().enumerate();
        let contacts = contacts.map(|(n, one)| self.contact_write(one, &format!("/contacts/{n}")));
        let contacts = contacts.collect::<Result<Vec<_>>>()?;
        let accounts = new.accounts.into_iter().enumerate();
        let accounts = accounts.map(|(n, one)| self.synced_account(one, &format!("/accounts/{n}")));
        let accounts = accounts.collect::<Result<Vec<_>>>()?;
        Ok(SyncWrite {
            customer: new
                .customer
                .map(|customer| self.customer_write(customer, "/customer"))
                .transpose()?,
            organisation: new
                .organisation
                .map(|organisation| self.organisation_write(organisation, "/organisation"))
                .transpose()?,
            contacts: (!contacts.is_empty()).then_some(contacts),
            accounts: (!accounts.is_empty()).then_some(accounts),
        })
    }

    fn synced_account(&self, new: SyncedAccount, at: &str) -> Result<AccountWrite> {
        let raw = |(name, value)| -> Result<_> {
            let value = to_raw_value(&value)
                .map_err(|why| Error::new(ErrorKind::Internal, "a JSON value did not print as one").because(why))?;
            Ok((name, value))
        };
        Ok(AccountWrite {
            global_reference: text(new.native_id),
            crm_id: text(new.crm_id),
            name: text(new.name),
            kind: text(new.native_kind),
            brand: text(new.brand),
            currency: new.currency.map(|currency| currency.code().to_owned()),
            bill_delivery: text(new.delivery)
                .map(|word| delivery(word, &format!("{at}/delivery")))
                .transpose()?,
            customer_reference: text(new.customer),
            organisation_reference: text(new.organisation),
            parent_account_reference: text(new.parent),
            billing_address: billing_address(new.billing_address, at)?,
            relationships: self.ties_write(new.relationships, at)?,
            extensions: new
                .extensions
                .map(|all| all.into_iter().map(raw).collect::<Result<Extensions>>())
                .transpose()?,
        })
    }

    fn ties_write(&self, ties: Option<Vec<NewRelationship>>, at: &str) -> Result<Option<Vec<RelatedWrite>>> {
        let Some(ties) = ties else { return Ok(None) };
        let each = ties.into_iter().enumerate();
        each.map(|(n, tie)| {
            self.tie_write(tie, |member, why| {
                Error::pointer(format!("{at}/relationships/{n}/{member}"), why)
            })
        })
        .collect::<Result<_>>()
        .map(Some)
    }

    fn tie_write(
        &self,
        tie: NewRelationship,
        fault: impl Fn(&'static str, &'static str) -> Error,
    ) -> Result<RelatedWrite> {
        let entity_type = match tie.entity_kind {
            EntityKind::Account => "Account",
            EntityKind::Customer => "Customer",
            EntityKind::Contact => "Contact",
            EntityKind::Organisation => "Organisation",
            EntityKind::Other => return Err(fault("entity_kind", "the system ties to no other kind")),
        };
        if tie.entity_id.backend() != self.backend.as_str() {
            return Err(fault("entity_id", "a record of the same backend is due"));
        }
        let reference =
            keys::reference(&tie.entity_id).map_err(|_| fault("entity_id", "not an identifier of such a record"))?;
        Ok(RelatedWrite {
            entity_type: Some(entity_type),
            global_reference: Some(reference.into()),
            role: text(tie.role),
            effective_date: day(tie.effective_on),
        })
    }
}

/// The reference in a reply, which must be the one asked for.
fn asked_for<K: Kind, N>(id: &Id<K>, wire: &Party<'_, N>) -> Result<String> {
    let found = ident(wire.reference()).ok_or_else(|| Error::unreadable("$", "missing field `globalReference`"))?;
    same(&found, &keys::reference(id)?, "globalReference")?;
    Ok(found.into())
}

/// Addresses, without entries that hold none.
fn emails(wire: Option<&Many<wire::Email<'_>>>) -> Option<Vec<Email>> {
    let one = |email: &wire::Email<'_>| {
        Some(Email {
            native_kind: owned(email.kind.as_ref()),
            address: owned(email.email.as_ref())?,
        })
    };
    wire.map(|all| all.0.iter().filter_map(one).collect())
}

/// Numbers, without entries that hold none.
fn phones(wire: Option<&Many<wire::Phone<'_>>>) -> Option<Vec<Phone>> {
    let one = |phone: &wire::Phone<'_>| {
        Some(Phone {
            native_kind: owned(phone.kind.as_ref()),
            number: ident(phone.phone_number.as_ref())?.into(),
        })
    };
    wire.map(|all| all.0.iter().filter_map(one).collect())
}

fn registration(wire: &wire::Registration<'_>) -> Registration {
    Registration {
        register: owned(wire.source.as_ref()),
        number: ident(wire.number.as_ref()).map(Cow::into_owned),
        business_name: owned(wire.business_name()),
    }
}

/// The ways that are set, by the names of a channel's members: "each value names the field that holds the address"
/// (openapi.yaml), and is no use to a caller.
fn channels(wire: &wire::Preferences<'_>) -> Option<Vec<String>> {
    let channel = wire.bill.as_ref()?.channel.as_ref()?;
    let words = [
        (EMAIL, said(channel.email.as_ref()).is_some()),
        (POST, said(channel.post.as_ref()).is_some()),
        (NO_COMMUNICATION, channel.no_communication == Some(true)),
    ];
    let set: Vec<String> = words
        .into_iter()
        .filter(|(_, set)| *set)
        .map(|(word, _)| word.to_owned())
        .collect();
    (!set.is_empty()).then_some(set)
}

const EMAIL: &str = "email";
const POST: &str = "post";
const NO_COMMUNICATION: &str = "noCommunication";

fn entity_kind(native: &str) -> EntityKind {
    match native.to_ascii_lowercase().as_str() {
        "account" => EntityKind::Account,
        "customer" => EntityKind::Customer,
        "contact" => EntityKind::Contact,
        "organisation" => EntityKind::Organisation,
        _ => EntityKind::Other,
    }
}

/// What is to be said of a customer that is changed. A record's own reference stays: it is what the path is made of.
pub(in crate::backends::gentrack) fn customer_changes(changes: CustomerChanges) -> Result<CustomerDetails> {
    keeps_its_reference(&changes.native_id)?;
    Ok(CustomerDetails {
        native_id: None,
        crm_id: set(changes.crm_id, "/crm_id")?,
        name: set(changes.name, "/name")?,
        native_kind: set(changes.native_kind, "/native_kind")?,
        brand: set(changes.brand, "/brand")?,
        emails: set(changes.emails, "/emails")?,
        phones: set(changes.phones, "/phones")?,
        tax_registration: set(changes.tax_registration, "/tax_registration")?,
        registration: set(changes.registration, "/registration")?,
        billing_address: set(changes.billing_address, "/billing_address")?,
        relationships: set(changes.relationships, "/relationships")?,
        extensions: set(changes.extensions, "/extensions")?,
    })
}

/// What is to be said of an organisation that is changed.
pub(in crate::backends::gentrack) fn organisation_changes(changes: OrganisationChanges) -> Result<OrganisationDetails> {
    keeps_its_reference(&changes.native_id)?;
    Ok(OrganisationDetails {
        native_id: None,
        crm_id: set(changes.crm_id, "/crm_id")?,
        name: set(changes.name, "/name")?,
        trading_name: set(changes.trading_name, "/trading_name")?,
        native_kind: set(changes.native_kind, "/native_kind")?,
        brand: set(changes.brand, "/brand")?,
        registration: set(changes.registration, "/registration")?,
        tax_registration: set(changes.tax_registration, "/tax_registration")?,
        emails: set(changes.emails, "/emails")?,
        phones: set(changes.phones, "/phones")?,
        billing_address: set(changes.billing_address, "/billing_address")?,
        relationships: set(changes.relationships, "/relationships")?,
        extensions: set(changes.extensions, "/extensions")?,
    })
}

/// What is to be said of a contact that is changed.
pub(in crate::backends::gentrack) fn contact_changes(changes: ContactChanges) -> Result<ContactDetails> {
    keeps_its_reference(&changes.native_id)?;
    Ok(ContactDetails {
        native_id: None,
        crm_id: set(changes.crm_id, "/crm_id")?,
        name: set(changes.name, "/name")?,
        date_of_birth: set(changes.date_of_birth, "/date_of_birth")?,
        emails: set(changes.emails, "/emails")?,
        phones: set(changes.phones, "/phones")?,
        identifications: set(changes.identifications, "/identifications")?,
        addresses: set(changes.addresses, "/addresses")?,
        bill_channels: set(changes.bill_channels, "/bill_channels")?,
        relationships: set(changes.relationships, "/relationships")?,
    })
}

/// The body that takes a contact out.
pub(in crate::backends::gentrack) fn removal(effective_on: Option<Date>, reason: Option<Line>) -> RemoveWrite {
    RemoveWrite {
        effective_date: day(effective_on),
        reason: text(reason),
    }
}

fn keeps_its_reference(native_id: &Patch<Line>) -> Result<()> {
    if native_id.is_keep() {
        return Ok(());
    }
    Err(
        Error::new(ErrorKind::Unsupported, "the system is not known to rename records")
            .fault(Place::Pointer("/native_id".to_owned()), "it cannot be changed"),
    )
}

fn text(line: Option<Line>) -> Option<String> {
    line.map(Line::into_string)
}

fn day(date: Option<Date>) -> Option<String> {
    date.map(|date| date.to_string())
}

fn emails_write(all: Vec<Email>) -> Vec<EmailWrite> {
    let one = |email: Email| EmailWrite {
        kind: email.native_kind,
        email: Some(email.address),
    };
    all.into_iter().map(one).collect()
}

fn phones_write(all: Vec<Phone>) -> Vec<PhoneWrite> {
    let one = |phone: Phone| PhoneWrite {
        kind: phone.native_kind,
        phone_number: Some(phone.number),
    };
    all.into_iter().map(one).collect()
}

fn registration_write(entry: Registration) -> RegistrationWrite {
    RegistrationWrite {
        source: entry.register,
        number: entry.number,
        business_name: entry.business_name,
    }
}

fn identification(new: NewIdentification) -> IdentificationWrite {
    IdentificationWrite {
        kind: text(new.native_kind),
        id: Some(new.number.guarded().expose_secret().to_owned()),
    }
}

fn billing_address(new: Option<NewAddress>, at: &str) -> Result<Option<AddressWrite>> {
    new.map(|new| postal(new, &format!("{at}/billing_address"))).transpose()
}

fn postal(new: NewAddress, pointer: &str) -> Result<AddressWrite> {
    if new.lines.is_empty() {
        return Err(Error::pointer(format!("{pointer}/lines"), "one line at least is due"));
    }
    let address = Address {
        lines: new.lines.into_iter().map(Line::into_string).collect(),
        locality: text(new.locality),
        region: text(new.region),
        postal_code: text(new.postal_code),
        country: text(new.country),
    };
    address_write(address, pointer)
}

/// The ways bills are to be sent. `email` is the one value seen, and names the field of that name; which field `post` names
/// is not public, and a wrong one would send bills nowhere.
fn preferences(words: &[Line], pointer: &str) -> Result<PreferencesWrite> {
    if words.is_empty() {
        return Err(Error::pointer(
            pointer,
            "one at least is due; `noCommunication` stands for none",
        ));
    }
    let mut channel = ChannelWrite {
        email: None,
        no_communication: Some(false),
    };
    for (n, word) in words.iter().enumerate() {
        match word.as_str() {
            EMAIL => channel.email = Some(EMAIL),
            NO_COMMUNICATION => channel.no_communication = Some(true),
            POST => {
                let why = "which field of a contact the system sends post to is not known";
                return Err(Error::new(ErrorKind::Unsupported, why).fault(
                    Place::Pointer(format!("{pointer}/{n}")),
                    "`post` can be read and not set",
                ));
            }
            _ => {
                let why = "`email` or `noCommunication` is due";
                return Err(Error::pointer(format!("{pointer}/{n}"), why));
            }
        }
    }
    Ok(PreferencesWrite {
        bill: Some(PreferenceWrite { channel: Some(channel) }),
    })
}
