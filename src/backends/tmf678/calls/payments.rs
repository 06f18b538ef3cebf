//! Payments, as far as they were counted against bills.

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::bills::cut;
use super::{Content, Tmf678};
use crate::backends::Serves;
use crate::backends::tmf678::keys;
use crate::backends::tmf678::map::{Record, newest_first};
use crate::error::Result;
use crate::model::page::Page;
use crate::model::payment::Payment;
use crate::operations::payments::ListPayments;
use crate::operations::{Context, Operation};

/// The most bills read at once for one caller.
const AT_ONCE: usize = 4;

/// The applied payments of an account's bills: no other road leads from an account to its payments.
///
/// A bill of the list that does not speak of payments is read by itself, where the documented operation shows them.
#[async_trait]
impl Serves<ListPayments> for Tmf678 {
    async fn serve(&self, list: ListPayments, cx: &Context) -> Result<Page<Payment>> {
        let place = keys::account(&list.account)?;
        let road = self.road(ListPayments::ID, &place, cx, "account")?;
        let mapper = road.mapper();
        let (mut payments, mut unsaid) = (Vec::new(), Vec::new());
        road.each(None, None, |record| {
            match (mapper.payments(None, record)?, record.id()) {
                (Some(told), _) => payments.extend(told),
                (None, id) => unsaid.extend(id.map(str::to_owned)),
            }
            Ok(())
        })
        .await?;
        let (road, mapper) = (&road, &mapper);
        let told: Vec<Option<Vec<Payment>>> = stream::iter(unsaid)
            .map(|bill| async move {
                let reply = road.one(&bill, Content::Summary, "bill").await?;
                mapper.payments(Some(&bill), &Record::one(&reply.body)?)
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        payments.extend(told.into_iter().flatten().flatten());
        payments.sort_by(|a, b| newest_first(&a.paid_on, &b.paid_on).then_with(|| b.id.as_str().cmp(a.id.as_str())));
        cut(payments, &list.paging, |payment| payment.id.key())
    }
}
