//! When an account is billed, and what is overdue.

use async_trait::async_trait;

use super::Raw;
use crate::backends::Serves;
use crate::backends::kraken::{Kraken, documents};
use crate::error::{Error, Result};
use crate::model::page::Page;
use crate::model::terms::{BillingSchedule, OverduePayment};
use crate::operations::accounts::{GetBillingSchedule, ListOverduePayments};
use crate::operations::{Context, Operation as _};

#[async_trait]
impl Serves<GetBillingSchedule> for Kraken {
    async fn serve(&self, operation: GetBillingSchedule, cx: &Context) -> Result<BillingSchedule> {
        let owner = self.owner(&operation.account)?;
        let variables = documents::billing_schedule::Variables {
            account: owner.number.clone(),
        };
        let mut answered = self
            .ask::<documents::BillingSchedule>(GetBillingSchedule::ID, variables, cx)
            .await?;
        let account = self.account_in(&mut answered, &owner, |account| account.number.as_deref())?;
        let place = ["account", "billingOptions"];
        let options = account
            .billing_options
            .ok_or_else(|| answered.missing(&place, Error::unreadable("account.billingOptions", "absent")))?;
        let mut schedule = self.deployment.billing_schedule(&owner, options);
        if cx.native {
            schedule.native = Raw::of(&answered.body)
                .and_then(|raw| raw.at(&["data", "account", "billingOptions"]))
                .map(Raw::native);
        }
        Ok(schedule)
    }
}

#[async_trait]
impl Serves<ListOverduePayments> for Kraken {
    async fn serve(&self, operation: ListOverduePayments, cx: &Context) -> Result<Page<OverduePayment>> {
        let owner = self.owner(&operation.account)?;
        let variables = documents::overdue::Variables {
            account: owner.number.clone(),
        };
        let mut answered = self
            .ask::<documents::Overdue>(ListOverduePayments::ID, variables, cx)
            .await?;
        let account = self.account_in(&mut answered, &owner, |account| account.number.as_deref())?;
        // Nothing overdue is zero; `null` is not known.
        let place = ["account", "overdueBalance"];
        let overdue = account
            .overdue_balance
            .ok_or_else(|| answered.missing(&place, Error::unreadable("account.overdueBalance", "absent")))?;
        let mut overdue = self.deployment.overdue(&owner, overdue)?;
        if cx.native
            && let Some(overdue) = &mut overdue
        {
            overdue.native = Raw::of(&answered.body)
                .and_then(|raw| raw.at(&["data", "account"]))
                .map(Raw::native);
        }
        Ok(Page::whole(overdue.into_iter().collect()))
    }
}
