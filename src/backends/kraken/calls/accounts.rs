//! Accounts and their balances.

use async_trait::async_trait;

use super::{Raw, natives};
use crate::backends::Serves;
use crate::backends::kraken::documents::british;
use crate::backends::kraken::{Edition, Kraken, documents};
use crate::error::{Error, Result};
use crate::model::account::{Account, Balance};
use crate::model::page::Page;
use crate::operations::accounts::{GetAccount, GetBalance, SearchAccounts};
use crate::operations::{Context, Operation as _};

#[async_trait]
impl Serves<GetAccount> for Kraken {
    async fn serve(&self, operation: GetAccount, cx: &Context) -> Result<Account> {
        let owner = self.owner(&operation.account)?;
        let variables = documents::account::Variables {
            account: owner.number.clone(),
        };
        let mut answered = match self.edition {
            Edition::Us => self.ask::<documents::Account>(GetAccount::ID, variables, cx).await?,
            Edition::Gb => self.ask::<british::Account>(GetAccount::ID, variables, cx).await?,
        };
        let account = self.account_in(&mut answered, &owner, |account| account.number.as_deref())?;
        let mut account = self.deployment.account(account)?;
        if cx.native {
            account.native = Raw::of(&answered.body)
                .and_then(|raw| raw.at(&["data", "account"]))
                .map(Raw::native);
        }
        Ok(account)
    }
}

#[async_trait]
impl Serves<GetBalance> for Kraken {
    async fn serve(&self, operation: GetBalance, cx: &Context) -> Result<Balance> {
        let owner = self.owner(&operation.account)?;
        let variables = documents::balance::Variables {
            account: owner.number.clone(),
        };
        let mut answered = self.ask::<documents::Balance>(GetBalance::ID, variables, cx).await?;
        let balance = self.account_in(&mut answered, &owner, |account| account.number.as_deref())?;
        if balance.balance.is_none() {
            let absent = Error::unreadable("account.balance", "absent");
            return Err(answered.missing(&["account", "balance"], absent));
        }
        self.deployment.balance(owner.id, balance)
    }
}

#[async_trait]
impl Serves<SearchAccounts> for Kraken {
    async fn serve(&self, operation: SearchAccounts, cx: &Context) -> Result<Page<Account>> {
        let variables = documents::accounts::Variables {
            numbers: operation.number.clone().map(|number| vec![Some(number)]),
        };
        let mut answered = self
            .ask::<documents::Accounts>(SearchAccounts::ID, variables, cx)
            .await?;
        let viewer = answered.data.viewer.take();
        let viewer = viewer.ok_or_else(|| answered.missing(&["viewer"], Error::unreadable("viewer", "absent")))?;
        let Some(accounts) = viewer.accounts else {
            answered.none(&["viewer", "accounts"])?;
            return Ok(Page::whole(Vec::new()));
        };
        let mut raw = natives(cx.native, || {
            let accounts = Raw::of(&answered.body)?.at(&["data", "viewer", "accounts"])?;
            Some(accounts.items().into_iter().map(|raw| Some(raw.native())).collect())
        });
        let mut found = Vec::new();
        for (at, account) in accounts.into_iter().enumerate() {
            let Some(account) = account else {
                answered.none(&["viewer", "accounts", &at.to_string()])?;
                continue;
            };
            let mut account = self.deployment.account(account)?;
            let number = operation
                .number
                .as_ref()
                .is_none_or(|number| account.number.as_ref() == Some(number));
            if number && operation.status.is_none_or(|status| account.status == Some(status)) {
                account.native = raw.get_mut(at).and_then(Option::take);
                found.push(account);
            }
        }
        found.sort_by(|one, other| one.id.key().cmp(other.id.key()));
        // One person may reach one account by two roles.
        found.dedup_by(|one, other| one.id == other.id);
        Page::cut(found, &operation.paging, |account| account.id.key())
            .map_err(|_| Error::parameter("cursor", "the account it stands on is gone"))
    }
}
