//! Accounts and balances.

use serde::Deserialize;
use utoipa::IntoParams;

use super::Ask;
use super::answer::{Found, One, Outcome};
use super::extract::{Included, Inclusion, Nothing, Of, Pages, Query, Search, Text, Words};
use super::filter::Conditions;
use crate::model::account::{Account, AccountStatus, Balance};
use crate::model::id::{AccountId, AccountKind, BackendName};
use crate::operations::accounts::{GetAccount, GetBalance, SearchAccounts};
use crate::operations::filter::AccountFields;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AccountFilters {
    /// The backends to ask, with commas between them or one at a time; all that serve the operation if absent.
    #[param(style = Form, explode = false, value_type = Option<Vec<BackendName>>)]
    backend: Option<Words<BackendName>>,
    /// Only accounts of the customer with this number.
    #[param(value_type = Option<String>, min_length = 1, max_length = 256)]
    customer_number: Option<Text>,
    /// Only accounts that stand like this.
    status: Option<AccountStatus>,
    /// What comes along: `native` adds the system's own record as `native`; wants the scope `native:read`.
    #[param(style = Form, explode = false, value_type = Option<Vec<Included>>, inline)]
    include: Option<Words<Included>>,
}

/// Search for accounts in one backend, several, or all
///
/// Accounts come backend by backend, in the order of the backends' names, and within a backend in the order of their
/// numbers. A backend that fails does not fail the search: `meta.sources` says how each one did and `meta.complete` whether
/// all of them answered. `field[operator]=value` filters by a field with one of sixteen operators; all conditions must hold. With `Prefer: handling=strict` an answer that is not complete is a problem instead.
#[utoipa::path(get, path = "/v1/accounts", tag = "Accounts", params(AccountFilters, Conditions<AccountFields>, Pages,
    ("Prefer" = Option<String>, Header, description = "`handling=strict` turns an answer that is not complete into a problem (RFC 7240).")),
    responses((status = 200, description = "One page of the accounts found", body = Found<Account>)))]
pub(super) async fn search_accounts(ask: Ask, list: Search<AccountFilters, AccountFields>) -> Outcome {
    let filters = list.filters;
    let include = Inclusion {
        include: filters.include,
    };
    let backends = filters.backend.map(|words| words.0);
    let customer_number = filters.customer_number.map(|text| text.0);
    let mut conditions = list.conditions;
    // Most systems look for a plain number and know no other filter, so it has a place of its own.
    let number = conditions
        .iter()
        .position(|condition| condition.equals("number").is_some())
        .and_then(|at| conditions.remove(at).equals("number").map(str::to_owned));
    ask.native(include.native())
        .search(backends, list.page, |backend, paging| SearchAccounts {
            backend,
            number: number.clone(),
            customer_number: customer_number.clone(),
            status: filters.status,
            filters: conditions.clone(),
            paging,
        })
        .await
}

/// Read an account
#[utoipa::path(get, path = "/v1/accounts/{account}", tag = "Accounts", params(("account" = AccountId, Path), Inclusion),
    responses((status = 200, description = "The account", body = One<Account>)))]
pub(super) async fn get_account(ask: Ask, Of(account): Of<AccountKind>, Query(query): Query<Inclusion>) -> Outcome {
    ask.native(query.native()).one(GetAccount { account }).await
}

/// Read what is owed on an account
///
/// `balance_due` is positive when the customer owes and negative when the account is in credit, for every backend.
#[utoipa::path(get, path = "/v1/accounts/{account}/balance", tag = "Accounts", params(("account" = AccountId, Path)),
    responses((status = 200, description = "What is owed", body = One<Balance>)))]
pub(super) async fn get_balance(ask: Ask, Of(account): Of<AccountKind>, Query(Nothing {}): Query<Nothing>) -> Outcome {
    ask.one(GetBalance { account }).await
}
