//! Reading: all from `accounts_receivable/show`.

use async_trait::async_trait;

use super::{Crmcom, FIELDS};
use crate::backends::Serves;
use crate::backends::crmcom::wire;
use crate::error::{Error, Result};
use crate::model::account::{Account, Balance};
use crate::model::page::Page;
use crate::model::payment_method::PaymentMethod;
use crate::model::terms::{OverduePayment, PaymentTerms};
use crate::operations::accounts::{GetAccount, GetBalance, GetPaymentTerms, ListOverduePayments};
use crate::operations::payment_methods::ListPaymentMethods;
use crate::operations::{Context, Operation};

const BALANCE: &str = "id,number,balance,outstanding_amount,credit_limit,currency";
const OVERDUE: &str = "id,number,outstanding_amount,currency";
const TERMS: &str = "id,number,credit_period,credit_period_operator,recurring_payments_preferences";
const METHODS: &str = "id,number,payment_preferences_set";

#[async_trait]
impl Serves<GetAccount> for Crmcom {
    async fn serve(&self, GetAccount { account }: GetAccount, cx: &Context) -> Result<Account> {
        let reply = self.show(GetAccount::ID, &account, FIELDS, cx).await?;
        self.mapper()
            .account(wire::raw(&reply.body)?, Some(&account), cx.native)
    }
}

#[async_trait]
impl Serves<GetBalance> for Crmcom {
    async fn serve(&self, GetBalance { account }: GetBalance, cx: &Context) -> Result<Balance> {
        let reply = self.show(GetBalance::ID, &account, BALANCE, cx).await?;
        self.mapper().balance(wire::raw(&reply.body)?, &account)
    }
}

#[async_trait]
impl Serves<ListOverduePayments> for Crmcom {
    async fn serve(&self, list: ListOverduePayments, cx: &Context) -> Result<Page<OverduePayment>> {
        let reply = self.show(ListOverduePayments::ID, &list.account, OVERDUE, cx).await?;
        // One item at the most.
        let overdue = self
            .mapper()
            .overdue(wire::raw(&reply.body)?, &list.account, cx.native)?;
        Ok(Page::whole(overdue))
    }
}

#[async_trait]
impl Serves<GetPaymentTerms> for Crmcom {
    async fn serve(&self, GetPaymentTerms { account }: GetPaymentTerms, cx: &Context) -> Result<PaymentTerms> {
        let reply = self.show(GetPaymentTerms::ID, &account, TERMS, cx).await?;
        self.mapper().terms(wire::raw(&reply.body)?, &account, cx.native)
    }
}

#[async_trait]
impl Serves<ListPaymentMethods> for Crmcom {
    async fn serve(&self, list: ListPaymentMethods, cx: &Context) -> Result<Page<PaymentMethod>> {
        let reply = self.show(ListPaymentMethods::ID, &list.account, METHODS, cx).await?;
        let methods = self
            .mapper()
            .methods(wire::raw(&reply.body)?, &list.account, cx.native)?;
        Page::cut(methods, &list.paging, |method| {
            method.native_id.as_deref().unwrap_or_default()
        })
        .map_err(|_| Error::parameter("cursor", "the list has changed; start it again"))
    }
}
