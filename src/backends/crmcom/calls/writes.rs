//! Opening, changing and ending accounts.

use async_trait::async_trait;
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::{Body, Crmcom, FIELDS, No, STANDING, about, identifier, set, unwritable};
use crate::backends::Serves;
use crate::backends::crmcom::{map, wire};
use crate::error::{Error, ErrorKind, Result};
use crate::model::account::{Account, AccountStatus};
use crate::model::account_write::NewCustomAttribute;
use crate::model::id::AccountId;
use crate::model::money;
use crate::model::patch::Patch;
use crate::operations::accounts::{CloseAccount, CreateAccount, ReactivateAccount, SuspendAccount, UpdateAccount};
use crate::operations::{Change, Context, Operation};
use crate::upstream::Reply;

/// A step of an account's life: the method, and how the account stands afterwards.
struct Step {
    operation: &'static str,
    method: &'static str,
    then: AccountStatus,
}

#[async_trait]
impl Serves<CloseAccount> for Crmcom {
    async fn serve(&self, CloseAccount { account }: CloseAccount, cx: &Context) -> Result<Change<Account>> {
        let step = Step {
            operation: CloseAccount::ID,
            method: "terminate",
            then: AccountStatus::Closed,
        };
        self.step(&step, &account, cx).await
    }
}

#[async_trait]
impl Serves<SuspendAccount> for Crmcom {
    async fn serve(&self, SuspendAccount { account }: SuspendAccount, cx: &Context) -> Result<Change<Account>> {
        let step = Step {
            operation: SuspendAccount::ID,
            method: "suspend",
            then: AccountStatus::Suspended,
        };
        self.step(&step, &account, cx).await
    }
}

#[async_trait]
impl Serves<ReactivateAccount> for Crmcom {
    async fn serve(&self, ReactivateAccount { account }: ReactivateAccount, cx: &Context) -> Result<Change<Account>> {
        let step = Step {
            operation: ReactivateAccount::ID,
            method: "unsuspend",
            then: AccountStatus::Active,
        };
        self.step(&step, &account, cx).await
    }
}

#[async_trait]
impl Serves<UpdateAccount> for Crmcom {
    async fn serve(&self, UpdateAccount { account, patch }: UpdateAccount, cx: &Context) -> Result<Change<Account>> {
        for (keep, member) in [
            (patch.native_kind.is_keep(), "native_kind"),
            (patch.currency.is_keep(), "currency"),
            (patch.customer_number.is_keep(), "customer_number"),
            (patch.organisation_number.is_keep(), "organisation_number"),
            (patch.brand.is_keep(), "brand"),
            (patch.billing.is_keep(), "billing"),
            (patch.enrollment.is_keep(), "enrollment"),
        ] {
            if !keep {
                return Err(unknown(member));
            }
        }
        let identifier = identifier(&account)?;
        let mut body = about(&identifier, Some(FIELDS))?;
        for (member, change) in [("name", &patch.name), ("description", &patch.description)] {
            match change {
                Patch::Keep => {}
                Patch::Clear => set(&mut body, member, &())?,
                Patch::Set(text) => set(&mut body, member, text)?,
            }
        }
        match &patch.credit_limit {
            Patch::Keep => {}
            Patch::Clear => set(&mut body, "credit_limit", &())?,
            // The parameter has no currency: it is the account's own, which is read to be sure.
            Patch::Set(limit) => {
                let reply = self.show(UpdateAccount::ID, &account, "id,number,currency", cx).await?;
                let now = self.mapper().account(wire::raw(&reply.body)?, Some(&account), false)?;
                if now.currency != Some(limit.currency()) {
                    return Err(Error::pointer(
                        "/credit_limit/currency",
                        "it is not the account's currency",
                    ));
                }
                body.insert("credit_limit", number(limit.amount())?);
            }
        }
        match &patch.custom_attributes {
            Patch::Keep => {}
            Patch::Clear => {
                return Err(Error::pointer(
                    "/custom_attributes",
                    "clear them one by one, with `null` values",
                ));
            }
            Patch::Set(attributes) => add(&mut body, attributes)?,
        }
        let call = self.post(UpdateAccount::ID, "update", true, body, cx)?;
        match self.about(call, &identifier, cx).await {
            Ok(reply) => Ok(self.changed(&reply, &account)),
            Err((error, Some(no))) => Err(refused(error, &no, None)),
            Err((error, None)) => Err(error),
        }
    }
}

#[async_trait]
impl Serves<CreateAccount> for Crmcom {
    async fn serve(&self, CreateAccount { new }: CreateAccount, cx: &Context) -> Result<Account> {
        for (absent, member) in [
            (new.native_id.is_none(), "native_id"),
            (new.number.is_none(), "number"),
            (new.native_kind.is_none(), "native_kind"),
            (new.customer_number.is_none(), "customer_number"),
            (new.organisation_number.is_none(), "organisation_number"),
            (new.brand.is_none(), "brand"),
            (new.parent.is_none(), "parent"),
            (new.billing.is_none(), "billing"),
            (new.enrollment.is_none(), "enrollment"),
        ] {
            if !absent {
                return Err(unknown(member));
            }
        }
        let mut body = Body::new();
        set(&mut body, "fields_set", FIELDS)?;
        for (member, text) in [("name", &new.name), ("description", &new.description)] {
            if let Some(text) = text {
                set(&mut body, member, text)?;
            }
        }
        if let Some(currency) = new.currency {
            #[derive(serde::Serialize)]
            struct Named<'a> {
                code: &'a str,
            }
            set(&mut body, "currency_identifier", &Named { code: currency.code() })?;
        }
        if let Some(limit) = new.credit_limit {
            // Without it, the system's default currency would give the number its meaning.
            if new.currency != Some(limit.currency()) {
                return Err(Error::pointer(
                    "/currency",
                    "a credit limit needs the account's currency, and the same one",
                ));
            }
            body.insert("credit_limit", number(limit.amount())?);
        }
        add(&mut body, new.custom_attributes.as_deref().unwrap_or_default())?;
        let call = self.post(CreateAccount::ID, "create", false, body, cx)?;
        let reply = self.send(call, cx).await.map_err(lost)?;
        let opened = wire::raw(&reply.body).and_then(|raw| self.mapper().account(raw, None, cx.native));
        let opened = opened.map_err(|error| {
            let message = "the system opened the account, but does not say which one it is";
            error.turned_into(ErrorKind::OutcomeUnknown, message)
        })?;
        self.knows(&identifier(&opened.id)?);
        Ok(opened)
    }
}

impl Crmcom {
    /// Takes one step. A lost call is never sent again: the account is read, and the failure says how it stands.
    async fn step(&self, step: &Step, account: &AccountId, cx: &Context) -> Result<Change<Account>> {
        let identifier = identifier(account)?;
        let call = self.post(
            step.operation,
            step.method,
            false,
            about(&identifier, Some(FIELDS))?,
            cx,
        )?;
        match self.about(call, &identifier, cx).await {
            Ok(reply) => Ok(self.changed(&reply, account)),
            Err((error, Some(no))) => Err(refused(error, &no, Some(step.then))),
            Err((error, None)) => match lost(error) {
                error if error.kind() == ErrorKind::OutcomeUnknown => {
                    Err(self.reported(error, step, account, cx).await)
                }
                error => Err(error),
            },
        }
    }

    /// The record after a change that the system says is done; one that cannot be read does not undo it.
    fn changed(&self, reply: &Reply, account: &AccountId) -> Change<Account> {
        let account = wire::raw(&reply.body).and_then(|raw| self.mapper().account(raw, Some(account), false));
        account.map_or(Change::Done, Change::Now)
    }

    /// A lost call's failure, with how the account was found afterwards.
    async fn reported(&self, lost: Error, step: &Step, account: &AccountId, cx: &Context) -> Error {
        let cx = Context {
            native: false,
            ..cx.clone()
        };
        let Ok(reply) = self.show(step.operation, account, STANDING, &cx).await else {
            return lost;
        };
        let found = wire::raw(&reply.body).and_then(|raw| self.mapper().account(raw, Some(account), false));
        let Ok(Some(found)) = found.map(|account| account.status) else {
            return lost;
        };
        let told = if found == step.then {
            format!(
                "the answer was lost; the account was read afterwards and is {}",
                word(found)
            )
        } else {
            format!(
                "the answer was lost; the account was read afterwards and is {}, but the call may still be carried out",
                word(found)
            )
        };
        lost.turned_into(ErrorKind::OutcomeUnknown, told)
    }
}

/// A no about an account that is there is a conflict with how it stands, or a change the system does not take.
fn refused(error: Error, no: &No, wanted: Option<AccountStatus>) -> Error {
    let No::Standing(standing) = no else {
        return error.turned_into(ErrorKind::NotFound, "no such account");
    };
    #[derive(serde::Deserialize)]
    struct Standing {
        life_cycle_state: Option<String>,
    }
    let standing = serde_json::from_str(standing.get()).ok();
    let status = standing.and_then(|standing: Standing| Some(map::status(&standing.life_cycle_state?)));
    match status {
        Some(AccountStatus::Closed) => error.turned_into(ErrorKind::Conflict, "the account is CLOSED, which is final"),
        Some(status) if Some(status) == wanted => {
            error.turned_into(ErrorKind::Conflict, format!("the account is {} already", word(status)))
        }
        _ => error,
    }
}

/// A call that was sent once and answered with something that is no answer may have been executed.
fn lost(error: Error) -> Error {
    if error.kind() == ErrorKind::Unreadable {
        return error.turned_into(
            ErrorKind::OutcomeUnknown,
            "the system's answer cannot be read: whether the call was executed is not known",
        );
    }
    error
}

/// A status as callers read it.
fn word(status: AccountStatus) -> &'static str {
    match status {
        AccountStatus::Pending => "PENDING",
        AccountStatus::Active => "ACTIVE",
        AccountStatus::Suspended => "SUSPENDED",
        AccountStatus::Closed => "CLOSED",
        AccountStatus::Other => "in a state of its own",
    }
}

fn unknown(member: &'static str) -> Error {
    Error::pointer(format!("/{member}"), "this backend cannot take it")
}

/// A number as JSON with all its digits.
fn number(number: Decimal) -> Result<Box<RawValue>> {
    RawValue::from_string(number.normalize().to_string()).map_err(unwritable)
}

/// The system's own fields have fixed names and three types.
fn add(body: &mut Body, attributes: &[NewCustomAttribute]) -> Result<()> {
    const FIELDS: [&str; 16] = [
        "udf_string_1",
        "udf_string_2",
        "udf_string_3",
        "udf_string_4",
        "udf_string_5",
        "udf_string_6",
        "udf_string_7",
        "udf_string_8",
        "udf_float_1",
        "udf_float_2",
        "udf_float_3",
        "udf_float_4",
        "udf_date_1",
        "udf_date_2",
        "udf_date_3",
        "udf_date_4",
    ];
    for (n, attribute) in attributes.iter().enumerate() {
        let place = |member: &str| format!("/custom_attributes/{n}/{member}");
        let field = FIELDS
            .into_iter()
            .find(|field| *field == attribute.name)
            .ok_or_else(|| {
                Error::pointer(
                    place("name"),
                    "the system has `udf_string_1` to `_8`, `udf_float_1` to `_4` and `udf_date_1` to `_4`",
                )
            })?;
        let Some(value) = &attribute.value else {
            set(body, field, &())?;
            continue;
        };
        if field.starts_with("udf_float") {
            let given = money::decimal(value).map_err(|_| Error::pointer(place("value"), "a number is due"))?;
            body.insert(field, number(given)?);
        } else if field.starts_with("udf_date") {
            let is_date = value.parse::<jiff::civil::DateTime>().is_ok() && !value.contains([' ', 'Z', '+']);
            if !is_date {
                return Err(Error::pointer(
                    place("value"),
                    "a local date or time is due, such as 2017-08-25T17:33:38",
                ));
            }
            set(body, field, value)?;
        } else {
            set(body, field, value)?;
        }
    }
    Ok(())
}
