//! Bills: one by the documented operation, an account's by an inferred one.

use std::collections::HashSet;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use super::{Content, Road, Tmf678};
use crate::backends::Serves;
use crate::backends::tmf678::map::{Record, newest_first};
use crate::backends::tmf678::{keys, verdict};
use crate::error::{Error, ErrorKind, Result};
use crate::model::bill::Bill;
use crate::model::page::{Lost, Page, Paging};
use crate::operations::bills::{GetBill, ListBills};
use crate::operations::{Context, Operation};

/// The most records of one page: "5 at the most" (README §1).
const PAGE: usize = 5;
/// Where a list without an end is given up: 2,000 bills are more than a century of them.
const PAGES: usize = 400;

impl Road<'_> {
    /// An account's bills issued in a period, page by page; `take` is given each record once.
    ///
    /// Both ends of the period are always sent: without them one business unit answers the last year only (README §5).
    pub(super) async fn each(
        &self,
        from: Option<Date>,
        to: Option<Date>,
        mut take: impl FnMut(&Record<'_>) -> Result<()>,
    ) -> Result<()> {
        let beyond = |_| Error::parameter("to", "outside the calendar");
        // The last day is in the period of the system. A day more than today: a unit's clock may be ahead of this one's.
        let last = match to {
            Some(to) => to.yesterday(),
            None => self.adapter.zone.date(Timestamp::now()).checked_add(1.day()),
        }
        .map_err(beyond)?;
        let first = from.unwrap_or(jiff::civil::date(1900, 1, 1));
        if first > last {
            return Ok(());
        }
        let (first, last) = (first.to_string(), last.to_string());
        let limit = PAGE.to_string();
        let mut seen = HashSet::new();
        let mut offset = 0;
        for _ in 0..PAGES {
            let at = offset.to_string();
            let query = [
                ("billingAccount.id", self.place.account().unwrap_or_default()),
                ("billDate.gte", &first),
                ("billDate.lte", &last),
                ("offset", &at),
                ("limit", &limit),
            ];
            let reply = match self.many(&query).await {
                Err(error) if is_none(&error) => return Ok(()),
                reply => reply?,
            };
            let rows = Record::many(&reply.body)?;
            let mut fresh = 0;
            for row in &rows {
                let id = row
                    .id()
                    .ok_or_else(|| Error::unreadable("$", "a bill of the list has no `id`"))?;
                if seen.insert(id.to_owned()) {
                    fresh += 1;
                    take(row)?;
                }
            }
            // Another number than was asked for is the last page, or all of them where nobody heeds `limit`.
            if rows.len() != PAGE {
                return Ok(());
            }
            if fresh == 0 {
                return Err(Error::unreadable(
                    "$",
                    "the list repeats itself, so the rest of it cannot be read",
                ));
            }
            offset += rows.len();
        }
        Err(Error::unreadable("$", "the list has no end"))
    }
}

/// Whether a failure says that there are no bills in the period: the account is known, and the list is empty.
fn is_none(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound
        && error
            .native_error()
            .is_some_and(|native| native.code.as_deref() == Some(verdict::NO_BILLS))
}

/// Cuts a page out of a whole list.
pub(super) fn cut<T>(all: Vec<T>, paging: &Paging, key: impl Fn(&T) -> &str) -> Result<Page<T>> {
    Page::cut(all, paging, key).map_err(|Lost| {
        Error::parameter(
            "cursor",
            "the list has changed and the item the cursor stands on is gone; start again",
        )
    })
}

/// `retrieveCustomerBill` without a flag.
#[async_trait]
impl Serves<GetBill> for Tmf678 {
    async fn serve(&self, asked: GetBill, cx: &Context) -> Result<Bill> {
        let (place, bill) = keys::bill(&asked.bill)?;
        let road = self.road(GetBill::ID, &place, cx, "bill")?;
        let reply = road.one(&bill, Content::Summary, "bill").await?;
        road.mapper().bill(Some(&bill), &Record::one(&reply.body)?)
    }
}

/// `GET …/customerBill`, inferred (README §5).
///
/// The period is sent, and kept here too: it is known that not every system behind the API keeps it.
#[async_trait]
impl Serves<ListBills> for Tmf678 {
    async fn serve(&self, list: ListBills, cx: &Context) -> Result<Page<Bill>> {
        let place = keys::account(&list.account)?;
        let road = self.road(ListBills::ID, &place, cx, "account")?;
        let mapper = road.mapper();
        let mut bills = Vec::new();
        road.each(list.from, list.to, |record| {
            bills.push(mapper.bill(None, record)?);
            Ok(())
        })
        .await?;
        bills.retain(|bill: &Bill| {
            list.kind.is_none_or(|kind| bill.kind == kind)
                && list
                    .from
                    .is_none_or(|from| bill.issued_on.is_some_and(|day| day >= from))
                && list.to.is_none_or(|to| bill.issued_on.is_some_and(|day| day < to))
        });
        bills.sort_by(|a, b| newest_first(&a.issued_on, &b.issued_on).then_with(|| b.native_id.cmp(&a.native_id)));
        cut(bills, &list.paging, |bill| bill.id.key())
    }
}
