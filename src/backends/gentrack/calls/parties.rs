//! Customers, organisations and contacts, and what they are tied to.

use async_trait::async_trait;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::IgnoredAny;

use super::{Gentrack, Road, keys};
use crate::backends::Serves;
use crate::backends::gentrack::map::{Mapper, party};
use crate::backends::gentrack::wire;
use crate::error::{ErrorKind, Result};
use crate::model::id::{EntityId, Id, Kind};
use crate::model::party::{Contact, Customer, Organisation, Receipt, ReceiptStatus};
use crate::operations::contacts::{
    CreateContact, GetContact, RelateContact, RemoveContact, UnrelateContact, UpdateContact,
};
use crate::operations::customers::{CreateCustomer, GetCustomer, SyncCustomer, UpdateCustomer};
use crate::operations::organisations::{
    CreateOrganisation, GetOrganisation, RelateOrganisation, UnrelateOrganisation, UpdateOrganisation,
};
use crate::operations::{Context, Operation};
use crate::upstream::Reply;

const CUSTOMERS: &str = "customers";
const ORGANISATIONS: &str = "organisations";
const CONTACTS: &str = "contacts";

impl Road<'_> {
    /// Makes a record and tells its reference, if the system does.
    async fn made(&self, collection: &str, body: &impl Serialize) -> Result<Receipt> {
        let reply = self.create(&[collection], body, "record to tie it to").await?;
        let mut receipt = self.receipt(&reply);
        if !reply.body.trim_ascii().is_empty() {
            let named = wire::decode(&reply.body).and_then(|wire| {
                let reference = Mapper::created(&wire)?;
                Ok((self.adapter.mapper().party_id(&reference)?, reference))
            });
            let (id, reference) = super::told(named)?;
            receipt.id = Some(id);
            receipt.native_id = Some(reference);
        }
        Ok(receipt)
    }

    /// Changes a record, or what is below it at `rest`. The system answers nothing ("Bodies").
    async fn written<K: Kind>(
        &self,
        (collection, id): (&str, &Id<K>),
        rest: &[&str],
        body: &impl Serialize,
        what: &'static str,
    ) -> Result<Receipt> {
        let key = keys::reference(id)?;
        let path = [&[collection, &*key], rest].concat();
        let reply = self.transact(Method::PUT, &path, body, what).await?;
        whole(&reply)?;
        Ok(Receipt {
            id: Some(id.clone().cast()),
            native_id: Some(key.into()),
            ..self.receipt(&reply)
        })
    }

    /// How far the system is with a write, without saying of which record.
    fn receipt(&self, reply: &Reply) -> Receipt {
        Receipt {
            id: None::<EntityId>,
            backend: self.adapter.name.clone(),
            native_id: None,
            status: match reply.status {
                StatusCode::ACCEPTED => ReceiptStatus::Accepted,
                _ => ReceiptStatus::Done,
            },
        }
    }
}

/// Makes sure that an answer which is due to be empty is no piece of another: what calls itself JSON must be it.
fn whole(reply: &Reply) -> Result<()> {
    let json = reply
        .headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.contains("json"));
    if !json || reply.body.trim_ascii().is_empty() {
        return Ok(());
    }
    wire::decode::<IgnoredAny>(&reply.body).map(|_| ())
}

/// `getCustomer`, whose output the vendor types as text: it is read as JSON whatever it is labelled as.
#[async_trait]
impl Serves<GetCustomer> for Gentrack {
    async fn serve(&self, GetCustomer { customer }: GetCustomer, cx: &Context) -> Result<Customer> {
        let road = self.road(GetCustomer::ID, cx);
        let path = [CUSTOMERS, &keys::reference(&customer)?];
        let reply = road.get(&path, &[], "customer").await?;
        let mut record = self.mapper().customer(&customer, &wire::decode(&reply.body)?)?;
        record.native = road.native(&reply.body)?;
        Ok(record)
    }
}

/// `createCustomer`.
#[async_trait]
impl Serves<CreateCustomer> for Gentrack {
    async fn serve(&self, CreateCustomer { customer, .. }: CreateCustomer, cx: &Context) -> Result<Receipt> {
        let body = self.mapper().customer_write(customer, "")?;
        self.road(CreateCustomer::ID, cx).made(CUSTOMERS, &body).await
    }
}

/// `updateCustomer`, which takes what is to change (inferred).
#[async_trait]
impl Serves<UpdateCustomer> for Gentrack {
    async fn serve(&self, UpdateCustomer { customer, changes }: UpdateCustomer, cx: &Context) -> Result<Receipt> {
        let body = self.mapper().customer_write(party::customer_changes(changes)?, "")?;
        self.road(UpdateCustomer::ID, cx)
            .written((CUSTOMERS, &customer), &[], &body, "customer")
            .await
    }
}

/// `customerSync`, in one part. It answers nothing, so the records are not named.
#[async_trait]
impl Serves<SyncCustomer> for Gentrack {
    async fn serve(&self, SyncCustomer { hierarchy }: SyncCustomer, cx: &Context) -> Result<Receipt> {
        let road = self.road(SyncCustomer::ID, cx);
        let body = self.mapper().synced(hierarchy)?;
        let reply = road.create(&["customer-sync"], &body, "record to tie it to").await?;
        super::told(whole(&reply))?;
        Ok(road.receipt(&reply))
    }
}

/// `getOrganisation`.
#[async_trait]
impl Serves<GetOrganisation> for Gentrack {
    async fn serve(&self, GetOrganisation { organisation }: GetOrganisation, cx: &Context) -> Result<Organisation> {
        let road = self.road(GetOrganisation::ID, cx);
        let path = [ORGANISATIONS, &keys::reference(&organisation)?];
        let reply = road.get(&path, &[], "organisation").await?;
        let mut record = self.mapper().organisation(&organisation, &wire::decode(&reply.body)?)?;
        record.native = road.native(&reply.body)?;
        Ok(record)
    }
}

/// `createOrganisation`.
#[async_trait]
impl Serves<CreateOrganisation> for Gentrack {
    async fn serve(&self, asked: CreateOrganisation, cx: &Context) -> Result<Receipt> {
        let body = self.mapper().organisation_write(asked.organisation, "")?;
        self.road(CreateOrganisation::ID, cx).made(ORGANISATIONS, &body).await
    }
}

/// `updateOrganisation`, which takes what is to change (inferred).
#[async_trait]
impl Serves<UpdateOrganisation> for Gentrack {
    async fn serve(&self, asked: UpdateOrganisation, cx: &Context) -> Result<Receipt> {
        let details = party::organisation_changes(asked.changes)?;
        let body = self.mapper().organisation_write(details, "")?;
        self.road(UpdateOrganisation::ID, cx)
            .written((ORGANISATIONS, &asked.organisation), &[], &body, "organisation")
            .await
    }
}

/// `updateOrganisationRelationships`.
#[async_trait]
impl Serves<RelateOrganisation> for Gentrack {
    async fn serve(&self, asked: RelateOrganisation, cx: &Context) -> Result<Receipt> {
        let body = self.mapper().related(asked.relationships, asked.effective_on)?;
        let on = (ORGANISATIONS, &asked.organisation);
        self.road(RelateOrganisation::ID, cx)
            .written(on, &["relationships"], &body, "organisation")
            .await
    }
}

/// `removeOrganisationRelationships`.
#[async_trait]
impl Serves<UnrelateOrganisation> for Gentrack {
    async fn serve(&self, asked: UnrelateOrganisation, cx: &Context) -> Result<Receipt> {
        let body = self.mapper().unrelated(asked.relationship, asked.effective_on)?;
        let on = (ORGANISATIONS, &asked.organisation);
        self.road(UnrelateOrganisation::ID, cx)
            .written(on, &["relationships", "remove"], &body, "organisation")
            .await
    }
}

/// `getContact`. Its own record is not handed out: identity documents stand in it unmasked.
#[async_trait]
impl Serves<GetContact> for Gentrack {
    async fn serve(&self, GetContact { contact }: GetContact, cx: &Context) -> Result<Contact> {
        let path = [CONTACTS, &keys::reference(&contact)?];
        let reply = self.road(GetContact::ID, cx).get(&path, &[], "contact").await?;
        self.mapper().contact(&contact, &wire::decode(&reply.body)?)
    }
}

/// `createContact`.
#[async_trait]
impl Serves<CreateContact> for Gentrack {
    async fn serve(&self, CreateContact { contact, .. }: CreateContact, cx: &Context) -> Result<Receipt> {
        let body = self.mapper().contact_write(contact, "")?;
        self.road(CreateContact::ID, cx).made(CONTACTS, &body).await
    }
}

/// `updateContact`, which takes what is to change (inferred).
#[async_trait]
impl Serves<UpdateContact> for Gentrack {
    async fn serve(&self, UpdateContact { contact, changes }: UpdateContact, cx: &Context) -> Result<Receipt> {
        let body = self.mapper().contact_write(party::contact_changes(changes)?, "")?;
        self.road(UpdateContact::ID, cx)
            .written((CONTACTS, &contact), &[], &body, "contact")
            .await
    }
}

/// `deleteContact`, a PUT. "A 404 on a repeated DELETE means it was done" ("Error kinds"), and this is one by its meaning.
#[async_trait]
impl Serves<RemoveContact> for Gentrack {
    async fn serve(&self, asked: RemoveContact, cx: &Context) -> Result<Receipt> {
        let body = party::removal(asked.effective_on, asked.reason);
        let removed = self
            .road(RemoveContact::ID, cx)
            .written((CONTACTS, &asked.contact), &["remove"], &body, "contact")
            .await;
        match removed {
            Err(error) if error.kind() == ErrorKind::NotFound && error.attempts() > 1 => Ok(Receipt {
                native_id: Some(keys::reference(&asked.contact)?.into()),
                id: Some(asked.contact.cast()),
                backend: self.name.clone(),
                status: ReceiptStatus::Done,
            }),
            other => other,
        }
    }
}

/// `updateContactRelationships`.
#[async_trait]
impl Serves<RelateContact> for Gentrack {
    async fn serve(&self, asked: RelateContact, cx: &Context) -> Result<Receipt> {
        let body = self.mapper().related(asked.relationships, asked.effective_on)?;
        self.road(RelateContact::ID, cx)
            .written((CONTACTS, &asked.contact), &["relationships"], &body, "contact")
            .await
    }
}

/// `removeContactRelationships`.
#[async_trait]
impl Serves<UnrelateContact> for Gentrack {
    async fn serve(&self, asked: UnrelateContact, cx: &Context) -> Result<Receipt> {
        let body = self.mapper().unrelated(asked.relationship, asked.effective_on)?;
        let on = (CONTACTS, &asked.contact);
        self.road(UnrelateContact::ID, cx)
            .written(on, &["relationships", "remove"], &body, "contact")
            .await
    }
}
