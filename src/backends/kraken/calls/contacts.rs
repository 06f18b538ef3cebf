//! The users of an account: the people who may act for it. The system gives them as a whole list.

use async_trait::async_trait;

use super::payments::gone;
use super::{Raw, natives};
use crate::backends::Serves;
use crate::backends::kraken::{Kraken, documents};
use crate::error::{Error, Result};
use crate::model::page::Page;
use crate::model::party::Contact;
use crate::operations::contacts::ListContacts;
use crate::operations::{Context, Operation as _};

#[async_trait]
impl Serves<ListContacts> for Kraken {
    async fn serve(&self, operation: ListContacts, cx: &Context) -> Result<Page<Contact>> {
        let owner = self.owner(&operation.account)?;
        let variables = documents::contacts::Variables {
            account: owner.number.clone(),
        };
        let mut answered = self.ask::<documents::Contacts>(ListContacts::ID, variables, cx).await?;
        let account = self.account_in(&mut answered, &owner, |account| account.number.as_deref())?;
        let place = ["account", "users"];
        let users = account
            .users
            .ok_or_else(|| answered.missing(&place, Error::unreadable("account.users", "absent")))?;
        let mut raw = natives(cx.native, || {
            let users = Raw::of(&answered.body)?.at(&["data", "account", "users"])?;
            Some(users.items().into_iter().map(|raw| Some(raw.native())).collect())
        });
        let mut contacts = Vec::with_capacity(users.len());
        for (at, user) in users.into_iter().enumerate() {
            let Some(user) = user else {
                answered.none(&["account", "users", &at.to_string()])?;
                continue;
            };
            let mut contact = self.deployment.contact(&owner, user)?;
            contact.native = raw.get_mut(at).and_then(Option::take);
            contacts.push(contact);
        }
        Page::cut(contacts, &operation.paging, |contact| contact.id.key()).map_err(gone)
    }
}
