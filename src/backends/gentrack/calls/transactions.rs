//! Transactions.

use async_trait::async_trait;

use super::{Gentrack, cut, keys};
use crate::backends::Serves;
use crate::backends::gentrack::wire;
use crate::error::Result;
use crate::model::page::Page;
use crate::model::transaction::Transaction;
use crate::operations::transactions::ListTransactions;
use crate::operations::{Context, Operation};

/// `getAccountTransactions`, whole: filters come after the directions are found.
#[async_trait]
impl Serves<ListTransactions> for Gentrack {
    async fn serve(&self, list: ListTransactions, cx: &Context) -> Result<Page<Transaction>> {
        let road = self.road(ListTransactions::ID, cx);
        let path = ["accounts", &keys::account(&list.account)?, "financial-transactions"];
        let reply = road.get(&path, &[], "account").await?;
        let wire: wire::Results<wire::FinancialTransaction<'_>> = wire::decode(&reply.body)?;
        let natives = road.results(&reply.body)?;
        let mut all = self.mapper().transactions(&list.account, &wire.results.0, natives)?;
        all.retain(|entry| {
            list.kind.is_none_or(|kind| entry.kind == kind)
                && list
                    .from
                    .is_none_or(|from| entry.posted_on.is_some_and(|day| day >= from))
                && list.to.is_none_or(|to| entry.posted_on.is_some_and(|day| day < to))
        });
        cut(all, &list.paging, |entry| entry.id.key().to_owned())
    }
}
