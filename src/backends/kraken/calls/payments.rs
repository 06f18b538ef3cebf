//! Payments, the ways they are made, and what was agreed about them.

use async_trait::async_trait;

use super::gather::Gathered;
use crate::backends::Serves;
use crate::backends::kraken::{Kraken, documents, map, wire};
use crate::error::{Error, Result};
use crate::model::arrangement::PaymentArrangement;
use crate::model::page::{Lost, Page};
use crate::model::payment::Payment;
use crate::model::payment_method::PaymentMethod;
use crate::operations::arrangements::ListPaymentArrangements;
use crate::operations::payment_methods::ListPaymentMethods;
use crate::operations::payments::ListPayments;
use crate::operations::{Context, Operation as _};

pub(super) fn gone(_: Lost) -> Error {
    Error::parameter("cursor", "the record it stands on is gone")
}

#[async_trait]
impl Serves<ListPayments> for Kraken {
    async fn serve(&self, operation: ListPayments, cx: &Context) -> Result<Page<Payment>> {
        let owner = self.owner(&operation.account)?;
        // No order is promised and none can be asked for: all are read and put in ours.
        let how = Gathered::<documents::Payments, wire::Payments, wire::Payment> {
            operation: ListPayments::ID,
            field: "payments",
            variables: |account, first, after| documents::payments::Variables { account, first, after },
            number: |account| account.number.as_deref(),
            connection: |account| account.payments,
        };
        let mut payments = Vec::new();
        for (node, native) in self.gather(&how, &owner, cx).await? {
            let mut payment = self.deployment.payment(&owner, node)?;
            if map::within(payment.paid_on, operation.from, operation.to) {
                payment.native = native;
                payments.push(payment);
            }
        }
        // Dates count down, and those without one come last; payments of one day stay in the system's order.
        payments.sort_by_key(|payment| std::cmp::Reverse(payment.paid_on));
        Page::cut(payments, &operation.paging, |payment| payment.id.key()).map_err(gone)
    }
}

#[async_trait]
impl Serves<ListPaymentMethods> for Kraken {
    async fn serve(&self, operation: ListPaymentMethods, cx: &Context) -> Result<Page<PaymentMethod>> {
        let owner = self.owner(&operation.account)?;
        let how = Gathered::<documents::PaymentMethods, wire::PaymentMethods, wire::PaymentMethod> {
            operation: ListPaymentMethods::ID,
            field: "paymentMethods",
            variables: |account, first, after| documents::payment_methods::Variables { account, first, after },
            number: |account| account.number.as_deref(),
            connection: |account| account.payment_methods,
        };
        let mut methods = Vec::new();
        for (node, native) in self.gather(&how, &owner, cx).await? {
            let mut method = self.deployment.payment_method(&owner, node)?;
            method.native = native;
            methods.push(method);
        }
        Page::cut(methods, &operation.paging, |method| {
            method.native_id.as_deref().unwrap_or_default()
        })
        .map_err(gone)
    }
}

#[async_trait]
impl Serves<ListPaymentArrangements> for Kraken {
    async fn serve(&self, operation: ListPaymentArrangements, cx: &Context) -> Result<Page<PaymentArrangement>> {
        let owner = self.owner(&operation.account)?;
        let schedules = Gathered::<documents::PaymentSchedules, wire::PaymentSchedules, wire::PaymentSchedule> {
            operation: ListPaymentArrangements::ID,
            field: "paymentSchedules",
            variables: |account, first, after| documents::payment_schedules::Variables { account, first, after },
            number: |account| account.number.as_deref(),
            connection: |account| account.payment_schedules,
        };
        let plans = Gathered::<documents::PaymentPlans, wire::PaymentPlans, wire::PaymentPlan> {
            operation: ListPaymentArrangements::ID,
            field: "paymentPlans",
            variables: |account, first, after| documents::payment_plans::Variables { account, first, after },
            number: |account| account.number.as_deref(),
            connection: |account| account.payment_plans,
        };
        let mut arrangements = Vec::new();
        for (node, native) in self.gather(&schedules, &owner, cx).await? {
            let mut schedule = self.deployment.schedule(&owner, node)?;
            schedule.native = native;
            arrangements.push(schedule);
        }
        for (node, native) in self.gather(&plans, &owner, cx).await? {
            let mut plan = self.deployment.plan(&owner, node)?;
            plan.native = native;
            arrangements.push(plan);
        }
        Page::cut(arrangements, &operation.paging, |arrangement| arrangement.id.key()).map_err(gone)
    }
}
