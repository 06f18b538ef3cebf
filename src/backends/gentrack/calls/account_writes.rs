//! Accounts that are opened and changed, and when they are billed.

use async_trait::async_trait;
use http::Method;

use super::{Gentrack, keys};
use crate::backends::Serves;
use crate::backends::gentrack::map::Mapper;
use crate::backends::gentrack::map::account::Before;
use crate::backends::gentrack::wire::account::ParentWrite;
use crate::backends::gentrack::{map, wire};
use crate::error::{Error, Result};
use crate::model::account::Account;
use crate::model::terms::BillingSchedule;
use crate::operations::accounts::{CreateAccount, GetBillingSchedule, SetParent, UpdateAccount};
use crate::operations::{Change, Context, Operation};

/// `createAccount`, then `getAccount` for the record. What was opened is told as sent if it cannot be read back at once:
/// to call that a failure would have it opened again.
#[async_trait]
impl Serves<CreateAccount> for Gentrack {
    async fn serve(&self, CreateAccount { new }: CreateAccount, cx: &Context) -> Result<Account> {
        let road = self.road(CreateAccount::ID, cx);
        let body = self.mapper().new_account(new)?;
        let reply = road.create(&["accounts"], &body, "customer or organisation").await?;
        let reference = super::told(wire::decode(&reply.body).and_then(|wire| Mapper::created(&wire)))?;
        let told = super::told(self.mapper().opened(&reference, body))?;
        let Ok(read) = road.account(&told.id).await else {
            return Ok(told);
        };
        let read = wire::decode(&read.body).and_then(|wire| self.mapper().account(&told.id, &wire));
        Ok(read.unwrap_or(told))
    }
}

/// `updateAccount`, which takes what is to change. Of an address and of extensions it takes the whole (inferred), so a part
/// is laid over the old one.
#[async_trait]
impl Serves<UpdateAccount> for Gentrack {
    async fn serve(&self, UpdateAccount { account, patch }: UpdateAccount, cx: &Context) -> Result<Change<Account>> {
        let road = self.road(UpdateAccount::ID, cx);
        let key = keys::account(&account)?;
        let mut before = Before::default();
        if Before::is_due(&patch) {
            let reply = road.account(&account).await?;
            let wire = wire::decode(&reply.body)?;
            before = Before::of(self.mapper().account(&account, &wire)?, &wire);
        }
        let body = map::account::account_patch(patch, before)?;
        let reply = road
            .transact(Method::PUT, &["accounts", &key], &body, "account")
            .await?;
        Ok(super::changed(&reply))
    }
}

/// `updateAccountParent`.
#[async_trait]
impl Serves<SetParent> for Gentrack {
    async fn serve(&self, asked: SetParent, cx: &Context) -> Result<Change<Account>> {
        let parent = keys::account(&asked.parent)
            .map_err(|_| Error::pointer("/parent", "not an identifier of an account of this backend"))?;
        let body = ParentWrite {
            parent_account_reference: &parent,
            effective_date: asked.effective_on.map(|day| day.to_string()),
        };
        let path = ["accounts", &keys::account(&asked.account)?, "parent"];
        let reply = self.road(SetParent::ID, cx).put(&path, &body, "account").await?;
        Ok(super::changed(&reply))
    }
}

/// `getBillingInformation`.
#[async_trait]
impl Serves<GetBillingSchedule> for Gentrack {
    async fn serve(&self, GetBillingSchedule { account }: GetBillingSchedule, cx: &Context) -> Result<BillingSchedule> {
        let road = self.road(GetBillingSchedule::ID, cx);
        let path = ["accounts", &keys::account(&account)?, "billing-information"];
        let reply = road.get(&path, &[], "account").await?;
        let mut schedule = self.mapper().billing_schedule(&account, &wire::decode(&reply.body)?);
        schedule.native = road.native(&reply.body)?;
        Ok(schedule)
    }
}
