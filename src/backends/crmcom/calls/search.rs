//! Finding accounts, by one thing at a time: the system has no list of all accounts ("Naming an account").

use async_trait::async_trait;
use secrecy::ExposeSecret as _;

use super::{Crmcom, FIELDS, about};
use crate::backends::Serves;
use crate::backends::crmcom::wire::{AccessToken, ByAccessToken, Identifier};
use crate::backends::crmcom::{verdict, wire};
use crate::error::{Error, ErrorKind, Result};
use crate::model::account::Account;
use crate::model::id::{AccountId, Id};
use crate::model::page::{Page, Paging};
use crate::operations::accounts::{MatchAccounts, SearchAccounts, Shown};
use crate::operations::filter::{EMAIL, NAME, NATIVE_ID, PARENT, SUBSCRIPTION};
use crate::operations::{Context, Operation as _};

/// What is asked for of a member of a group.
const MEMBER: &str = "id,number,name,life_cycle_state,account_owner";

/// What a caller looks for.
enum By<'a> {
    /// The account with this number.
    Number(&'a str),
    /// The account with this identifier in the system.
    Id(&'a str),
    /// The account with this name.
    Name(&'a str),
    /// Accounts that a selector of `list` picks, with its value.
    Selector(&'static str, String),
    /// The members of a group, by the account that heads it.
    Group(AccountId),
}

#[async_trait]
impl Serves<SearchAccounts> for Crmcom {
    async fn serve(&self, search: SearchAccounts, cx: &Context) -> Result<Page<Account>> {
        let mut page = match by(&search)? {
            By::Number(number) => Page::whole(self.find(&[number], cx).await?),
            By::Id(id) => Page::whole(self.find(&["id", id], cx).await?),
            By::Name(name) => match self.find(&["name", name], cx).await? {
                found if found.is_empty() => return Err(nobody_or_several()),
                found => Page::whole(found),
            },
            By::Selector(selector, value) => self.select(selector, &value, &search.paging, cx).await?,
            By::Group(head) => self.members(&head, &search.paging, cx).await?,
        };
        if search.status.is_some() {
            page.items.retain(|account| account.status == search.status);
        }
        Ok(page)
    }
}

#[async_trait]
impl Serves<MatchAccounts> for Crmcom {
    async fn serve(&self, MatchAccounts { shown, .. }: MatchAccounts, cx: &Context) -> Result<Page<Account>> {
        let (token, spends) = match &shown {
            Shown::AuthenticationCode(code) => {
                let authentication_code = code.guarded().expose_secret();
                (AccessToken::Code { authentication_code }, false)
            }
            Shown::PassCode { identifier, pass_code } => {
                let (identifier, pass_code) = (identifier.as_str(), pass_code.guarded().expose_secret());
                (AccessToken::PassCode { identifier, pass_code }, false)
            }
            Shown::OneTimePassword(password) => {
                let digits = password.guarded().expose_secret().parse();
                let one_time_password =
                    digits.map_err(|_| Error::pointer("/one_time_password", "1 to 18 digits are due"))?;
                (AccessToken::Password { one_time_password }, true)
            }
        };
        let named = ByAccessToken {
            access_token_identifier: token,
        };
        let body = about(&named, (!cx.native).then_some(FIELDS))?;
        let call = self.post(MatchAccounts::ID, "show", !spends, body, cx)?;
        let reply = match self.send(call, cx).await {
            // There is no other way to ask, so it is not certain that nobody has such a code: no empty list, which would
            // claim to know.
            Err(no) if verdict::is_no(&no) && self.reads(MatchAccounts::ID, cx).await? => {
                return Err(no.turned_into(ErrorKind::NotFound, "the system gives no account for what is shown"));
            }
            other => other?,
        };
        let account = self.mapper().account(wire::raw(&reply.body)?, None, cx.native)?;
        self.knows(&super::identifier(&account.id)?);
        Ok(Page::whole(vec![account]))
    }
}

impl Crmcom {
    /// The account with this key, if there is one.
    async fn find(&self, parts: &[&str], cx: &Context) -> Result<Vec<Account>> {
        let Ok(account) = Id::of(&self.name, parts) else {
            // No account has such a number.
            return Ok(Vec::new());
        };
        match self.show(SearchAccounts::ID, &account, FIELDS, cx).await {
            Ok(reply) => {
                let found = self
                    .mapper()
                    .account(wire::raw(&reply.body)?, Some(&account), cx.native)?;
                Ok(vec![found])
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Whether an account that is there is given: else a no to another call says nothing about what that call asked for.
    async fn reads(&self, operation: &'static str, cx: &Context) -> Result<bool> {
        #[derive(serde::Deserialize)]
        struct Named {
            id: Option<String>,
        }
        let known = match self.known() {
            Some(known) => known,
            None => match self.road.call(self.confirm_any(operation, cx)).await {
                Ok(reply) => match wire::data::<Named>(&reply.body)?.id {
                    Some(id) => Identifier::Id(id),
                    None => return Ok(false),
                },
                Err(error) if verdict::is_no(&error) => return Ok(false),
                Err(error) => return Err(error),
            },
        };
        let show = self.post(operation, "show", true, about(&known, Some("id"))?, cx)?;
        match self.road.call(show).await {
            Ok(_) => {
                self.knows(&known);
                Ok(true)
            }
            Err(error) if verdict::is_no(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The accounts that a selector picks, in the order of their numbers; the list itself is not known to page.
    async fn select(&self, selector: &str, value: &str, paging: &Paging, cx: &Context) -> Result<Page<Account>> {
        let mut query = vec![(selector, value)];
        if !cx.native {
            query.push(("fields_set", FIELDS));
        }
        let reply = self.send(self.get(SearchAccounts::ID, "list", &query, cx), cx).await?;
        let mut found = self.mapper().accounts(wire::raw(&reply.body)?, cx.native)?;
        if let Some(first) = found.first() {
            self.knows(&super::identifier(&first.id)?);
        }
        found.sort_by(|one, other| one.number.cmp(&other.number));
        Page::cut(found, paging, |account| account.id.key())
            .map_err(|_| Error::parameter("cursor", "the list has changed; start it again"))
    }

    /// The members of the group that an account heads, in the system's order. One more than a page is asked for, to see
    /// whether there is a next one.
    async fn members(&self, head: &AccountId, paging: &Paging, cx: &Context) -> Result<Page<Account>> {
        let identifier = super::identifier(head)?;
        let offset: usize = match &paging.after {
            None => 0,
            Some(after) => after
                .parse()
                .map_err(|_| Error::parameter("cursor", "no list of members gave it"))?,
        };
        let (named, most, start) = (
            identifier.in_query(),
            paging.limit.saturating_add(1).to_string(),
            offset.to_string(),
        );
        let mut query = vec![
            ("accounts_receivable_identifier", named.as_str()),
            ("number_of_results", &most),
            ("offset", &start),
        ];
        if !cx.native {
            query.push(("fields_set", MEMBER));
        }
        let call = self.get(SearchAccounts::ID, "group_members/list", &query, cx);
        let reply = match self.about(call, &identifier, cx).await {
            Ok(reply) => reply,
            Err((_, Some(super::No::Missing))) => return Ok(Page::whole(Vec::new())),
            Err((error, _)) => return Err(error),
        };
        let mut items = self.mapper().accounts(wire::raw(&reply.body)?, cx.native)?;
        let next = (items.len() > paging.limit).then(|| (offset + paging.limit).to_string());
        items.truncate(paging.limit);
        for member in &mut items {
            member.parent.get_or_insert_with(|| head.clone());
        }
        Ok(Page { items, next })
    }
}

/// What a search looks for: the system takes exactly one thing.
fn by(search: &SearchAccounts) -> Result<By<'_>> {
    let mut named: Vec<By<'_>> = search.number.iter().map(|number| By::Number(number)).collect();
    for filter in &search.filters {
        let is = |field: &crate::operations::filter::Field| filter.equals(field.name);
        named.push(if let Some(id) = is(&NATIVE_ID) {
            By::Id(id)
        } else if let Some(name) = is(&NAME) {
            By::Name(name)
        } else if let Some(email) = is(&EMAIL) {
            By::Selector("email_address", email.to_owned())
        } else if let Some(number) = is(&SUBSCRIPTION) {
            By::Selector("subscription_identifier", format!("number={number}"))
        } else if let Some(head) = is(&PARENT) {
            let head = head.parse();
            By::Group(head.map_err(|_| Error::parameter("parent", "it is no account's id"))?)
        } else {
            return Err(one_of());
        });
    }
    match (named.pop(), named.is_empty()) {
        (Some(by), true) => Ok(by),
        _ => Err(one_of()),
    }
}

fn one_of() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "this backend finds accounts by exactly one of `number`, `native_id`, `name`, `email`, `subscription` and `parent`: \
         the system has no list of all accounts",
    )
    .code("unsupported_filter")
}

/// The system refuses a name that no account has as it refuses one that several share: an empty list would claim the one.
fn nobody_or_several() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "no account has this name, or several have it: the system does not say which",
    )
    .code("unsupported_filter")
}
