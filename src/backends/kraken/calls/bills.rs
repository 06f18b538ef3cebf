//! Bills.

use async_trait::async_trait;
use jiff::ToSpan as _;

use super::{Raw, Walk, first, natives, parts};
use crate::backends::Serves;
use crate::backends::kraken::{Kraken, documents, map};
use crate::error::{Error, Result};
use crate::model::bill::Bill;
use crate::model::page::Page;
use crate::operations::bills::{GetBill, ListBills};
use crate::operations::{Context, Operation as _};

#[async_trait]
impl Serves<ListBills> for Kraken {
    async fn serve(&self, operation: ListBills, cx: &Context) -> Result<Page<Bill>> {
        let owner = self.owner(&operation.account)?;
        let limit = operation.paging.limit;
        let mut walk = Walk::from(operation.paging.after.clone());
        let mut items: Vec<Bill> = Vec::with_capacity(limit);
        let mut position = None;
        loop {
            let variables = documents::bills::Variables {
                account: owner.number.clone(),
                // Whether these take in their own day is stated nowhere: a day more on each side, and what does not
                // belong is left out below.
                issued_from: operation.from.and_then(|day| day.checked_sub(1.day()).ok()),
                issued_to: operation.to.and_then(|day| day.checked_add(1.day()).ok()),
                first: first(limit - items.len()),
                after: walk.after.clone(),
            };
            let mut answered = self.ask::<documents::Bills>(ListBills::ID, variables, cx).await?;
            let account = self.account_in(&mut answered, &owner, |account| account.number.as_deref())?;
            let Some(mut connection) = account.bills else {
                answered.none(&["account", "bills"])?;
                return Err(Error::unreadable("account.bills", "absent"));
            };
            let more = walk.advance(&connection)?;
            let mut raw = natives(cx.native, || {
                let edges = Raw::of(&answered.body)?.at(&["data", "account", "bills", "edges"])?;
                Some(
                    edges
                        .items()
                        .iter()
                        .map(|edge| edge.get("node").map(Raw::native))
                        .collect(),
                )
            });
            for (at, edge) in connection.edges.take().into_iter().flatten().enumerate() {
                let step = at.to_string();
                let Some(node) = edge.as_ref().and_then(|edge| edge.node.clone()) else {
                    answered.none(&["account", "bills", "edges", &step])?;
                    continue;
                };
                let place = format!("account.bills.edges[{at}].node");
                let mut bill = self.deployment.bill(&owner, node, &place)?;
                let belongs = map::within(bill.issued_on, operation.from, operation.to)
                    && operation.kind.is_none_or(|kind| bill.kind == kind)
                    && (operation.superseded || bill.is_current);
                if !belongs {
                    continue;
                }
                if items.len() == limit {
                    return Ok(Page { items, next: position });
                }
                bill.native = raw.get_mut(at).and_then(Option::take);
                items.push(bill);
                position = edge.and_then(|edge| edge.cursor);
                if items.len() == limit && position.is_none() {
                    return Err(Error::unreadable(
                        format_args!("account.bills.edges[{at}].cursor"),
                        "absent",
                    ));
                }
            }
            if !more {
                return Ok(Page { items, next: None });
            }
        }
    }
}

#[async_trait]
impl Serves<GetBill> for Kraken {
    async fn serve(&self, operation: GetBill, cx: &Context) -> Result<Bill> {
        let [account, bill] = parts(&operation.bill)?;
        let owner = self.owner_of(account)?;
        let variables = documents::bill::Variables {
            account: owner.number.clone(),
            bill: bill.clone(),
        };
        let mut answered = self.ask::<documents::Bill>(GetBill::ID, variables, cx).await?;
        let account = self.account_in(&mut answered, &owner, |account| account.number.as_deref())?;
        let found = account
            .bill
            .ok_or_else(|| answered.missing(&["account", "bill"], Error::not_found("bill")))?;
        let mut found = self.deployment.bill(&owner, found, "account.bill")?;
        if found.native_id != bill {
            return Err(Error::unreadable("account.bill.id", "not the bill asked for").code("integrity"));
        }
        if cx.native {
            found.native = Raw::of(&answered.body)
                .and_then(|raw| raw.at(&["data", "account", "bill"]))
                .map(Raw::native);
        }
        Ok(found)
    }
}
