//! The change log.

use async_trait::async_trait;

use super::{Urjanet, search, up};
use crate::backends::Serves;
use crate::backends::urjanet::map::EVENTS;
use crate::backends::urjanet::wire::{Condition, Operand, Sort};
use crate::error::{Error, Result};
use crate::model::enrollment::Change;
use crate::model::page::Page;
use crate::operations::changes::SearchChanges;
use crate::operations::filter::Operator;
use crate::operations::{Context, Operation};

/// Events have no identifier to make the order whole.
const OLDEST_FIRST: &[Sort] = &[up("timestamp"), up("eventName")];

#[async_trait]
impl Serves<SearchChanges> for Urjanet {
    async fn serve(&self, op: SearchChanges, cx: &Context) -> Result<Page<Change>> {
        let mut conditions = search::conditions(search::CHANGES, &op.filters, &self.zone)?;
        if let Some(since) = op.since {
            // That the log can be searched by time is likely and not stated ("Find failures"); `after` leaves the
            // instant itself out, and the operator for "not earlier" is for numbers.
            let millis = search::millis("since", since, &self.zone)?;
            conditions.push(Condition {
                field: "timestamp".to_owned(),
                operator: Operator::After.as_str(),
                value: Some(Operand::Millis(millis.saturating_sub(1))),
            });
        }
        if let Some(kind) = op.kind {
            let name = EVENTS.iter().find(|(known, _)| *known == kind).map(|(_, name)| *name);
            let name = name.ok_or_else(|| Error::parameter("kind", "not a kind that can be searched for"))?;
            conditions.push(search::equals("eventName", name));
        }
        self.road(SearchChanges::ID, cx)
            .search(&["changelog", "search"], OLDEST_FIRST, &conditions, &op.paging)
            .await
    }
}
