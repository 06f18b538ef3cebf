//! Accounts: the status calls, the search, and the three writes.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::{Urjanet, no_null, one, search, up};
use crate::backends::Serves;
use crate::backends::urjanet::wire::Sort;
use crate::error::{Error, ErrorKind, Result};
use crate::model::account::Account;
use crate::model::account_write::{AccountPatch, EnrollmentPatch, NewAccount, NewCustomAttribute};
use crate::model::page::Page;
use crate::model::patch::Patch;
use crate::model::terms::BillingSchedule;
use crate::operations::accounts::{
    CloseAccount, CreateAccount, GetAccount, GetBillingSchedule, SearchAccounts, UpdateAccount,
};
use crate::operations::{Change, Context, Operation};

const BY_NUMBER: &[Sort] = &[up("accountNumber"), up("id")];

#[async_trait]
impl Serves<GetAccount> for Urjanet {
    async fn serve(&self, op: GetAccount, cx: &Context) -> Result<Account> {
        let road = self.road(GetAccount::ID, cx);
        road.with_account(&op.account, async |id| {
            road.read(&["account", "status", &id], "account").await
        })
        .await
    }
}

#[async_trait]
impl Serves<GetBillingSchedule> for Urjanet {
    async fn serve(&self, op: GetBillingSchedule, cx: &Context) -> Result<BillingSchedule> {
        let road = self.road(GetBillingSchedule::ID, cx);
        let reply = road
            .with_account(&op.account, async |id| {
                road.get(&["account", "status", &id], "account").await
            })
            .await?;
        road.mapper().schedule(&op.account, one(&reply)?)
    }
}

#[async_trait]
impl Serves<SearchAccounts> for Urjanet {
    async fn serve(&self, op: SearchAccounts, cx: &Context) -> Result<Page<Account>> {
        let mut conditions = search::conditions(search::ACCOUNTS, &op.filters, &self.zone)?;
        if let Some(number) = &op.number {
            // Numbers are compared normalised ("Numbers of accounts and meters").
            conditions.push(match search::normalized(number) {
                plain if plain.is_empty() => search::equals("accountNumber", number),
                plain => search::equals("normalizedAccountNumber", &plain),
            });
        }
        self.road(SearchAccounts::ID, cx)
            .search(&["account", "search"], BY_NUMBER, &conditions, &op.paging)
            .await
    }
}

#[async_trait]
impl Serves<CreateAccount> for Urjanet {
    async fn serve(&self, op: CreateAccount, cx: &Context) -> Result<Account> {
        let body = self.enrolment(&op.new)?;
        self.road(CreateAccount::ID, cx)
            .write(&["account", "create"], &body)
            .await
    }
}

#[async_trait]
impl Serves<UpdateAccount> for Urjanet {
    async fn serve(&self, op: UpdateAccount, cx: &Context) -> Result<Change<Account>> {
        let changes = self.changes(&op.patch)?;
        let road = self.road(UpdateAccount::ID, cx);
        let account = road
            .with_account(&op.account, async |id| {
                let mut body = changes.clone();
                body.insert("id".to_owned(), id.into());
                road.change(&["account", "update"], &body).await
            })
            .await?;
        Ok(Change::Now(account))
    }
}

#[async_trait]
impl Serves<CloseAccount> for Urjanet {
    async fn serve(&self, op: CloseAccount, cx: &Context) -> Result<Change<Account>> {
        let road = self.road(CloseAccount::ID, cx);
        let account = road
            .with_account(&op.account, async |id| {
                let body = json!({ "id": id, "subscribed": false, "toBeDelivered": false });
                let Value::Object(body) = body else {
                    return Err(Error::new(ErrorKind::Internal, "a request is no object"));
                };
                road.write(&["account", "update"], &body).await
            })
            .await?;
        Ok(Change::Now(account))
    }
}

impl Urjanet {
    /// What enrols an account.
    fn enrolment(&self, new: &NewAccount) -> Result<Map<String, Value>> {
        let unknown = [
            ("/native_id", new.native_id.is_some()),
            ("/name", new.name.is_some()),
            ("/description", new.description.is_some()),
            ("/native_kind", new.native_kind.is_some()),
            ("/currency", new.currency.is_some()),
            ("/customer_number", new.customer_number.is_some()),
            ("/organisation_number", new.organisation_number.is_some()),
            ("/brand", new.brand.is_some()),
            ("/parent", new.parent.is_some()),
            ("/billing", new.billing.is_some()),
            ("/credit_limit", new.credit_limit.is_some()),
        ];
        refuse(&unknown)?;
        let due = |pointer: &str| Error::pointer(pointer, "this system needs it");
        let number = new.number.as_deref().ok_or_else(|| due("/number"))?;
        let enrolment = new.enrollment.as_ref().ok_or_else(|| due("/enrollment"))?;
        let provider = enrolment
            .provider
            .as_deref()
            .ok_or_else(|| due("/enrollment/provider"))?;
        // "Exactly one" (workflow A); further ones are attached by an update.
        let [credential] = enrolment.credentials.as_deref().unwrap_or_default() else {
            return Err(Error::pointer(
                "/enrollment/credentials",
                "this system takes exactly one when an account is enrolled",
            ));
        };
        let mut body = Map::new();
        body.insert("customerId".to_owned(), self.customer.as_str().into());
        body.insert("accountNumber".to_owned(), number.into());
        body.insert("utilityProviderId".to_owned(), self.native(provider).into());
        // Both are due here; an account is enrolled to be collected and delivered unless the caller says otherwise.
        body.insert("subscribed".to_owned(), enrolment.subscribed.unwrap_or(true).into());
        body.insert("toBeDelivered".to_owned(), enrolment.delivered.unwrap_or(true).into());
        body.insert("extractionChannelId".to_owned(), self.native(credential).into());
        if let Some(history) = enrolment.history {
            body.insert("pullHistory".to_owned(), history.into());
        }
        if let Some(paperless) = &enrolment.paperless {
            body.insert("ebillRequirement".to_owned(), paperless.as_str().into());
        }
        if let Some(all) = &new.custom_attributes {
            body.insert("customAttributes".to_owned(), named(all));
        }
        Ok(body)
    }

    /// What changes of an account, without its id. Only what is sent changes ("Updates").
    fn changes(&self, patch: &AccountPatch) -> Result<Map<String, Value>> {
        let unknown = [
            ("/name", !patch.name.is_keep()),
            ("/description", !patch.description.is_keep()),
            ("/native_kind", !patch.native_kind.is_keep()),
            ("/currency", !patch.currency.is_keep()),
            ("/customer_number", !patch.customer_number.is_keep()),
            ("/organisation_number", !patch.organisation_number.is_keep()),
            ("/brand", !patch.brand.is_keep()),
            ("/billing", !patch.billing.is_keep()),
            ("/credit_limit", !patch.credit_limit.is_keep()),
        ];
        refuse(&unknown)?;
        let mut body = Map::new();
        match &patch.enrollment {
            Patch::Keep => {}
            Patch::Clear => return Err(no_null("/enrollment")),
            Patch::Set(enrolment) => self.enrolment_changes(enrolment, &mut body)?,
        }
        match &patch.custom_attributes {
            Patch::Keep => {}
            Patch::Clear => return Err(no_null("/custom_attributes")),
            Patch::Set(all) => {
                body.insert("customAttributes".to_owned(), named(all));
            }
        }
        if body.is_empty() {
            return Err(Error::pointer("/enrollment", "nothing in it is to change"));
        }
        Ok(body)
    }

    fn enrolment_changes(&self, changes: &EnrollmentPatch, body: &mut Map<String, Value>) -> Result<()> {
        let text = |patch: &Patch<String>, own: bool| match patch {
            Patch::Set(text) if own => Patch::Set(Value::from(self.native(text))),
            Patch::Set(text) => Patch::Set(Value::from(text.as_str())),
            Patch::Clear => Patch::Clear,
            Patch::Keep => Patch::Keep,
        };
        let flag = |patch: &Patch<bool>| match patch {
            Patch::Set(flag) => Patch::Set(Value::from(*flag)),
            Patch::Clear => Patch::Clear,
            Patch::Keep => Patch::Keep,
        };
        let credentials = match &changes.credentials {
            Patch::Set(all) if all.is_empty() => {
                return Err(Error::pointer(
                    "/enrollment/credentials",
                    "this system cannot take the last credential away",
                ));
            }
            Patch::Set(all) => Patch::Set(all.iter().map(|one| Value::from(self.native(one))).collect()),
            Patch::Clear => Patch::Clear,
            Patch::Keep => Patch::Keep,
        };
        for (own, member, patch) in [
            ("provider", "utilityProviderId", text(&changes.provider, true)),
            ("subscribed", "subscribed", flag(&changes.subscribed)),
            ("delivered", "toBeDelivered", flag(&changes.delivered)),
            ("credentials", "extractionChannelIds", credentials),
            ("history", "pullHistory", flag(&changes.history)),
            ("paperless", "ebillRequirement", text(&changes.paperless, false)),
        ] {
            match patch {
                Patch::Keep => {}
                Patch::Clear => return Err(no_null(&format!("/enrollment/{own}"))),
                Patch::Set(value) => {
                    body.insert(member.to_owned(), value);
                }
            }
        }
        Ok(())
    }
}

/// Refuses by name what the system cannot take.
fn refuse(unknown: &[(&'static str, bool)]) -> Result<()> {
    match unknown.iter().find(|(_, given)| *given) {
        Some((pointer, _)) => Err(Error::pointer(*pointer, "this system has no such member")),
        None => Ok(()),
    }
}

fn named(all: &[NewCustomAttribute]) -> Value {
    all.iter()
        .map(|one| (one.name.clone(), one.value.as_deref().map_or(Value::Null, Value::from)))
        .collect::<Map<_, _>>()
        .into()
}
