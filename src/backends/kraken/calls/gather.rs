//! Whole connections: lists that must be put in order, and lists too short to be worth a cursor of ours.

use super::{LARGEST, Raw, Walk, natives};
use crate::backends::kraken::Kraken;
use crate::backends::kraken::documents::Document;
use crate::backends::kraken::map::Owner;
use crate::backends::kraken::wire::{AccountData, Connection};
use crate::error::{Error, Result};
use crate::model::Native;
use crate::operations::Context;

/// A connection of an account: how it is asked for and where it is in the answer.
pub(super) struct Gathered<D: Document, A, T> {
    /// The operation it is asked for.
    pub(super) operation: &'static str,
    /// Its name in the account.
    pub(super) field: &'static str,
    /// The variables for the page behind a cursor; `first` is the largest the system takes.
    pub(super) variables: fn(account: String, first: i64, after: Option<String>) -> D::Variables,
    /// The account's own number.
    pub(super) number: fn(&A) -> Option<&str>,
    /// The connection.
    pub(super) connection: fn(A) -> Option<Connection<T>>,
}

impl Kraken {
    /// Reads a connection of an account to its end, in the system's order.
    pub(super) async fn gather<D, A, T>(
        &self,
        how: &Gathered<D, A, T>,
        owner: &Owner,
        cx: &Context,
    ) -> Result<Vec<(T, Option<Native>)>>
    where
        D: Document<Data = AccountData<A>>,
    {
        let mut all = Vec::new();
        let mut walk = Walk::from(None);
        let first = i64::try_from(LARGEST).unwrap_or(1);
        loop {
            let variables = (how.variables)(owner.number.clone(), first, walk.after.clone());
            let mut answered = self.ask::<D>(how.operation, variables, cx).await?;
            let account = self.account_in(&mut answered, owner, how.number)?;
            let Some(mut connection) = (how.connection)(account) else {
                answered.none(&["account", how.field])?;
                return Err(Error::unreadable(format_args!("account.{}", how.field), "absent"));
            };
            let more = walk.advance(&connection)?;
            let mut raw = natives(cx.native, || {
                let edges = Raw::of(&answered.body)?.at(&["data", "account", how.field, "edges"])?;
                Some(
                    edges
                        .items()
                        .iter()
                        .map(|edge| edge.get("node").map(Raw::native))
                        .collect(),
                )
            });
            for (at, edge) in connection.edges.take().into_iter().flatten().enumerate() {
                match edge.and_then(|edge| edge.node) {
                    Some(node) => all.push((node, raw.get_mut(at).and_then(Option::take))),
                    None => answered.none(&["account", how.field, "edges", &at.to_string()])?,
                }
            }
            if !more {
                return Ok(all);
            }
        }
    }
}
