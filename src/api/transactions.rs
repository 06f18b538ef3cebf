//! Ledger entries.

use serde::Deserialize;
use utoipa::IntoParams;

use super::Ask;
use super::answer::{Many, Outcome};
use super::extract::{Day, Included, Inclusion, List, Of, Pages, Words, days};
use crate::model::id::{AccountId, AccountKind};
use crate::model::transaction::{Transaction, TransactionKind};
use crate::operations::transactions::ListTransactions;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TransactionFilters {
    /// Only entries posted on this day or later.
    #[param(value_type = Option<jiff::civil::Date>)]
    from: Option<Day>,
    /// Only entries posted before this day.
    #[param(value_type = Option<jiff::civil::Date>)]
    to: Option<Day>,
    /// Only entries of this kind.
    kind: Option<TransactionKind>,
    /// What comes along: `native` adds the system's own record as `native`; wants the scope `native:read`.
    #[param(style = Form, explode = false, value_type = Option<Vec<Included>>, inline)]
    include: Option<Words<Included>>,
}

/// List the entries of all of an account's ledgers, newest first within each ledger
#[utoipa::path(get, path = "/v1/accounts/{account}/transactions", tag = "Transactions",
    params(("account" = AccountId, Path), TransactionFilters, Pages),
    responses((status = 200, description = "One page of the entries", body = Many<Transaction>)))]
pub(super) async fn list_transactions(
    ask: Ask,
    Of(account): Of<AccountKind>,
    list: List<TransactionFilters>,
) -> Outcome {
    let filters = list.filters;
    let (from, to) = days(filters.from, filters.to)?;
    let include = Inclusion {
        include: filters.include,
    };
    ask.native(include.native())
        .list(list.page, |paging| ListTransactions {
            account,
            from,
            to,
            kind: filters.kind,
            paging,
        })
        .await
}
