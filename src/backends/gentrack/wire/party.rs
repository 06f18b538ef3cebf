//! Shapes of customers, organisations, contacts and their ties.

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::{Map, Value};

use super::account::{AccountWrite, AddressWrite, outgoing};
use super::{Day, Ident, Many, Moment, Period, PostalAddress, Text, day, moment};

/// A customer, an organisation or a contact: the members of all three, since none means two things. `N` is the name, a
/// text or that of a person.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a, N: Deserialize<'de>"))]
pub(in crate::backends::gentrack) struct Party<'a, N> {
    global_reference: Option<Ident<'a>>,
    global_id: Option<Ident<'a>>,
    #[serde(rename = "globalID")]
    global_id_capital: Option<Ident<'a>>,
    pub crm_id: Option<Ident<'a>>,
    pub customer_number: Option<Ident<'a>>,
    pub organisation_number: Option<Ident<'a>>,
    pub name: Option<N>,
    pub trading_name: Option<Text<'a>>,
    #[serde(rename = "type")]
    pub kind: Option<Text<'a>>,
    pub brand: Option<Text<'a>>,
    pub emails: Option<Many<Email<'a>>>,
    pub phones: Option<Many<Phone<'a>>>,
    pub tax_registration: Option<Registration<'a>>,
    pub registration: Option<Registration<'a>>,
    pub primary_contact_reference: Option<Ident<'a>>,
    pub accounts: Option<Many<Related<'a>>>,
    pub relationships: Option<Many<Related<'a>>>,
    pub billing_address: Option<PostalAddress<'a>>,
    pub postal_addresses: Option<Many<PostalAddress<'a>>>,
    #[serde(default, deserialize_with = "day")]
    pub date_of_birth: Option<Day>,
    pub identifications: Option<Many<Identification<'a>>>,
    pub communication_preferences: Option<Preferences<'a>>,
    #[serde(default, deserialize_with = "moment")]
    pub last_updated_time: Option<Moment>,
}

referred!('a, N => Party<'a, N>);

/// The name of a person.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct PersonName<'a> {
    pub title: Option<Text<'a>>,
    pub given_name: Option<Text<'a>>,
    pub family_name: Option<Text<'a>>,
    pub full_name: Option<Text<'a>>,
    preferred_name: Option<Text<'a>>,
    prefered_name: Option<Text<'a>>,
}

impl<'a> PersonName<'a> {
    /// The name under either of its spellings (openapi.yaml, `x-aliases`).
    pub(in crate::backends::gentrack) fn preferred(&self) -> Option<&Text<'a>> {
        self.preferred_name.as_ref().or(self.prefered_name.as_ref())
    }
}

/// A member that must be there and may hold nothing: what does not name it at all has been misread.
fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// An e-mail address.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Email<'a> {
    #[serde(rename = "type")]
    pub kind: Option<Text<'a>>,
    #[serde(deserialize_with = "there")]
    pub email: Option<Text<'a>>,
}

/// A telephone number.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Phone<'a> {
    #[serde(rename = "type")]
    pub kind: Option<Text<'a>>,
    #[serde(deserialize_with = "there")]
    pub phone_number: Option<Ident<'a>>,
}

/// `RegistrationNumber`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Registration<'a> {
    pub source: Option<Text<'a>>,
    pub number: Option<Ident<'a>>,
    business_name: Option<Text<'a>>,
    busines_name: Option<Text<'a>>,
}

impl<'a> Registration<'a> {
    /// The name under either of its spellings (openapi.yaml, `x-aliases`).
    pub(in crate::backends::gentrack) fn business_name(&self) -> Option<&Text<'a>> {
        self.business_name.as_ref().or(self.busines_name.as_ref())
    }
}

/// An identity document.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Identification<'a> {
    #[serde(rename = "type")]
    pub kind: Option<Text<'a>>,
    pub id: Option<Ident<'a>>,
}

/// `RelatedEntity`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Related<'a> {
    pub entity_type: Option<Text<'a>>,
    global_reference: Option<Ident<'a>>,
    global_id: Option<Ident<'a>>,
    #[serde(rename = "globalID")]
    global_id_capital: Option<Ident<'a>>,
    pub role: Option<Text<'a>>,
    #[serde(default, deserialize_with = "day")]
    pub effective_date: Option<Day>,
    pub period: Option<Period>,
}

referred!('a => Related<'a>);

/// `CommunicationPreferences`.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Preferences<'a> {
    pub bill: Option<Preference<'a>>,
}

/// What is wanted of one kind of message.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Preference<'a> {
    pub channel: Option<Channel<'a>>,
}

/// `CommunicationChannel`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Channel<'a> {
    pub email: Option<Text<'a>>,
    pub post: Option<Text<'a>>,
    pub no_communication: Option<bool>,
}

outgoing! {
    /// `CustomerWrite`.
    CustomerWrite {
        global_reference: String,
        crm_id: String,
        name: String,
        #[serde(rename = "type")]
        kind: String,
        brand: String,
        emails: Vec<EmailWrite>,
        phones: Vec<PhoneWrite>,
        tax_registration: RegistrationWrite,
        registration: RegistrationWrite,
        billing_address: AddressWrite,
        relationships: Vec<RelatedWrite>,
        extensions: Map<String, Value>,
    }
    /// `OrganisationWrite`.
    OrganisationWrite {
        global_reference: String,
        crm_id: String,
        name: String,
        trading_name: String,
        #[serde(rename = "type")]
        kind: String,
        brand: String,
        registration: RegistrationWrite,
        tax_registration: RegistrationWrite,
        emails: Vec<EmailWrite>,
        phones: Vec<PhoneWrite>,
        billing_address: AddressWrite,
        relationships: Vec<RelatedWrite>,
        extensions: Map<String, Value>,
    }
    /// `ContactWrite`.
    ContactWrite {
        global_reference: String,
        crm_id: String,
        name: NameWrite,
        date_of_birth: String,
        phones: Vec<PhoneWrite>,
        emails: Vec<EmailWrite>,
        identifications: Vec<IdentificationWrite>,
        postal_addresses: Vec<AddressWrite>,
        communication_preferences: PreferencesWrite,
        relationships: Vec<RelatedWrite>,
    }
    /// `PersonName`.
    NameWrite {
        title: String,
        given_name: String,
        family_name: String,
        full_name: String,
        preferred_name: String,
    }
    /// `Email`.
    EmailWrite {
        #[serde(rename = "type")]
        kind: String,
        email: String,
    }
    /// `Phone`.
    PhoneWrite {
        #[serde(rename = "type")]
        kind: String,
        phone_number: String,
    }
    /// `RegistrationNumber`.
    RegistrationWrite {
        source: String,
        number: String,
        business_name: String,
    }
    /// `Identification`.
    IdentificationWrite {
        #[serde(rename = "type")]
        kind: String,
        id: String,
    }
    /// `CommunicationPreferences`.
    PreferencesWrite {
        bill: PreferenceWrite,
    }
    /// What is wanted of one kind of message.
    PreferenceWrite {
        channel: ChannelWrite,
    }
    /// `CommunicationChannel`.
    ChannelWrite {
        email: &'static str,
        no_communication: bool,
    }
    /// `RelatedEntity`.
    RelatedWrite {
        entity_type: &'static str,
        global_reference: String,
        role: String,
        effective_date: String,
    }
    /// `RelationshipsRequest`.
    RelationshipsWrite {
        effective_date: String,
        relationships: Vec<RelatedWrite>,
    }
    /// `RemoveContactRequest`.
    RemoveWrite {
        effective_date: String,
        reason: String,
    }
    /// `CustomerSyncRequest`.
    SyncWrite {
        customer: CustomerWrite,
        organisation: OrganisationWrite,
        contacts: Vec<ContactWrite>,
        accounts: Vec<AccountWrite>,
    }
}
