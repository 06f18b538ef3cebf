//! Ledger entries. `account.transactions` is a trap: it may be empty while the ledgers have entries (contract, "Bills,
//! ledgers, transactions"), so every ledger is read.

use std::collections::VecDeque;

use async_trait::async_trait;

use super::{Raw, Walk, first, natives};
use crate::backends::Serves;
use crate::backends::kraken::map::{self, Owner, filled};
use crate::backends::kraken::wire::{Connection, Transaction as Entry};
use crate::backends::kraken::{Kraken, documents};
use crate::error::{Error, Result};
use crate::model::Native;
use crate::model::page::Page;
use crate::model::transaction::Transaction;
use crate::operations::transactions::ListTransactions;
use crate::operations::{Context, Operation as _};

/// One page of one ledger's entries.
struct Batch {
    ledger: String,
    entries: Connection<Entry>,
    natives: Vec<Option<Native>>,
    /// The places of entries that an error took away.
    lost: Vec<Error>,
}

#[async_trait]
impl Serves<ListTransactions> for Kraken {
    async fn serve(&self, operation: ListTransactions, cx: &Context) -> Result<Page<Transaction>> {
        let owner = self.owner(&operation.account)?;
        let limit = operation.paging.limit;
        let mut items: Vec<Transaction> = Vec::with_capacity(limit);
        let mut position = None;
        // Where to go on: behind a cursor in one ledger, then through the ledgers behind it.
        let (mut ahead, mut resume) = match &operation.paging.after {
            None => (
                self.batches(&operation, &owner, None, None, first(limit), cx).await?,
                None,
            ),
            Some(position) => {
                let (ledger, after) = read_position(position)?;
                let batch = self
                    .batches(&operation, &owner, Some(&ledger), Some(&after), first(limit), cx)
                    .await?;
                if batch.is_empty() {
                    return Err(gone());
                }
                (batch, Some((ledger, after)))
            }
        };
        let mut behind = resume.as_ref().map(|(ledger, _)| ledger.clone());
        loop {
            while let Some(mut batch) = ahead.pop_front() {
                let mut walk = Walk::from(resume.take().map(|(_, after)| after));
                loop {
                    let more = walk.advance(&batch.entries)?;
                    let next = self.take(&operation, &owner, &mut batch, &mut items, &mut position)?;
                    if let Some(next) = next {
                        return Ok(Page {
                            items,
                            next: Some(next),
                        });
                    }
                    if !more {
                        break;
                    }
                    if batch.ledger.is_empty() {
                        return Err(Error::unreadable("account.ledgers.number", "absent"));
                    }
                    let want = first(limit - items.len());
                    let after = walk.after.as_deref();
                    let mut again = self
                        .batches(&operation, &owner, Some(&batch.ledger), after, want, cx)
                        .await?;
                    batch = again.pop_front().ok_or_else(|| {
                        Error::unreadable("account.ledgers", "the ledger went away between two pages")
                    })?;
                }
            }
            // A page that started in the middle of one ledger goes on with those that come after it.
            let Some(ledger) = behind.take() else {
                return Ok(Page { items, next: None });
            };
            let all = self
                .batches(&operation, &owner, None, None, first(limit - items.len()), cx)
                .await?;
            if !all.iter().any(|batch| batch.ledger == ledger) {
                return Err(gone());
            }
            ahead = all
                .into_iter()
                .skip_while(|batch| batch.ledger != ledger)
                .skip(1)
                .collect();
        }
    }
}

impl Kraken {
    /// One page of one ledger, or the first page of every ledger.
    async fn batches(
        &self,
        operation: &ListTransactions,
        owner: &Owner,
        ledger: Option<&str>,
        after: Option<&str>,
        first: i64,
        cx: &Context,
    ) -> Result<VecDeque<Batch>> {
        let variables = documents::transactions::Variables {
            account: owner.number.clone(),
            ledger: ledger.map(str::to_owned),
            from: operation.from,
            to: operation.to,
            first,
            after: after.map(str::to_owned),
        };
        let mut answered = self
            .ask::<documents::Transactions>(ListTransactions::ID, variables, cx)
            .await?;
        let account = self.account_in(&mut answered, owner, |account| account.number.as_deref())?;
        let Some(ledgers) = account.ledgers else {
            answered.none(&["account", "ledgers"])?;
            return Err(Error::unreadable("account.ledgers", "absent"));
        };
        let raw = cx
            .native
            .then(|| Raw::of(&answered.body)?.at(&["data", "account", "ledgers"]))
            .flatten();
        let raw: Vec<Raw<'_>> = raw.map(Raw::items).unwrap_or_default();
        let mut batches = VecDeque::new();
        for (at, found) in ledgers.into_iter().enumerate() {
            let step = at.to_string();
            let Some(found) = found else {
                answered.none(&["account", "ledgers", &step])?;
                continue;
            };
            let number = filled(found.number).unwrap_or_default();
            if ledger.is_some_and(|ledger| ledger != number) {
                continue;
            }
            let place = ["account", "ledgers", &step, "transactions"];
            let entries = found
                .transactions
                .ok_or_else(|| answered.missing(&place, Error::unreadable("account.ledgers.transactions", "absent")))?;
            let natives = natives(cx.native, || {
                let edges = raw.get(at)?.at(&["transactions", "edges"])?;
                Some(
                    edges
                        .items()
                        .iter()
                        .map(|edge| edge.get("node").map(Raw::native))
                        .collect(),
                )
            });
            let lost = entries
                .edges
                .iter()
                .flatten()
                .enumerate()
                .filter(|(_, edge)| edge.as_ref().is_none_or(|edge| edge.node.is_none()))
                .filter_map(|(edge, _)| {
                    let edge = edge.to_string();
                    answered.fault(&[place[0], place[1], place[2], place[3], "edges", &edge])
                })
                .collect();
            batches.push_back(Batch {
                ledger: number,
                entries,
                natives,
                lost,
            });
        }
        Ok(batches)
    }

    /// Takes what belongs out of a batch; gives the next page's position once there is more than fits.
    fn take(
        &self,
        operation: &ListTransactions,
        owner: &Owner,
        batch: &mut Batch,
        items: &mut Vec<Transaction>,
        position: &mut Option<String>,
    ) -> Result<Option<String>> {
        if let Some(error) = batch.lost.pop() {
            return Err(error);
        }
        let place = "account.ledgers.transactions.edges.node";
        for (at, edge) in batch.entries.edges.take().into_iter().flatten().enumerate() {
            let Some(edge) = edge else { continue };
            let Some(node) = edge.node else { continue };
            let mut entry = self.deployment.transaction(owner, &batch.ledger, node, place)?;
            let belongs = map::within(entry.posted_on, operation.from, operation.to)
                && operation.kind.is_none_or(|kind| entry.kind == kind);
            if !belongs {
                continue;
            }
            if items.len() == operation.paging.limit {
                let next = position
                    .take()
                    .ok_or_else(|| Error::unreadable("account.ledgers.transactions.edges.cursor", "absent"))?;
                return Ok(Some(next));
            }
            entry.native = batch.natives.get_mut(at).and_then(Option::take);
            items.push(entry);
            *position = edge
                .cursor
                .map(|cursor| write_position(&batch.ledger, &cursor))
                .transpose()?;
        }
        Ok(None)
    }
}

fn gone() -> Error {
    Error::parameter("cursor", "the ledger it stands in is gone")
}

fn write_position(ledger: &str, cursor: &str) -> Result<String> {
    serde_json::to_string(&(ledger, cursor))
        .map_err(|error| Error::new(crate::error::ErrorKind::Internal, "a position cannot be written").because(error))
}

fn read_position(text: &str) -> Result<(String, String)> {
    serde_json::from_str(text).map_err(|_| Error::parameter("cursor", "not a position in this list"))
}
