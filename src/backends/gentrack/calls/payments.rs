//! Payments: terms, reviews, methods, arrangements, refunds, and what is past its due date.

use async_trait::async_trait;
use http::Method;
use serde_json::value::RawValue;

use super::{Gentrack, Road, cut, keys};
use crate::backends::Serves;
use crate::backends::gentrack::map::payment;
use crate::backends::gentrack::wire::payment::{Arrangement, Overdue, OverdueList};
use crate::backends::gentrack::wire::{self, Many};
use crate::error::{Error, ErrorKind, Result};
use crate::model::arrangement::PaymentArrangement;
use crate::model::id::AccountId;
use crate::model::page::Page;
use crate::model::payment_method::PaymentMethod;
use crate::model::refund::Refund;
use crate::model::terms::{OverduePayment, PaymentReview, PaymentTerms, SuggestedPayment};
use crate::operations::accounts::{GetPaymentTerms, GetSuggestedPayment, ListOverduePayments};
use crate::operations::arrangements::{CancelPaymentArrangement, CreatePaymentArrangement, ListPaymentArrangements};
use crate::operations::payment_methods::{CreatePaymentMethod, ListPaymentMethods};
use crate::operations::payment_review::{GetPaymentReview, SetPaymentReview};
use crate::operations::refunds::RequestRefund;
use crate::operations::{Change, Context, Operation};
use crate::upstream::Reply;

impl Road<'_> {
    /// Reads what hangs on an account and may be missing: `None` if the account is there and it is not.
    async fn perhaps(&self, account: &AccountId, what: &str) -> Result<Option<Reply>> {
        let path = ["accounts", &keys::account(account)?, what];
        match self.get(&path, &[], "account").await {
            Ok(reply) => Ok(Some(reply)),
            // The system's 404 does not say which of the two is missing.
            Err(error) if error.kind() == ErrorKind::NotFound => self.account(account).await.map(|_| None),
            Err(error) => Err(error),
        }
    }

    async fn arrangements(&self, account: &AccountId) -> Result<Vec<PaymentArrangement>> {
        let path = ["accounts", &keys::account(account)?, "payment-arrangements"];
        let reply = self.get(&path, &[], "account").await?;
        let wire: Many<Arrangement<'_>> = wire::decode(&reply.body)?;
        self.adapter.mapper().arrangements(account, &wire.0)
    }
}

/// `getPaymentTerms`.
#[async_trait]
impl Serves<GetPaymentTerms> for Gentrack {
    async fn serve(&self, GetPaymentTerms { account }: GetPaymentTerms, cx: &Context) -> Result<PaymentTerms> {
        let road = self.road(GetPaymentTerms::ID, cx);
        let path = ["accounts", &keys::account(&account)?, "payment-terms"];
        let reply = road.get(&path, &[], "account").await?;
        let mut terms = self.mapper().terms(&account, &wire::decode(&reply.body)?);
        terms.native = road.native(&reply.body)?;
        Ok(terms)
    }
}

/// `getSuggestedPaymentAmount`.
#[async_trait]
impl Serves<GetSuggestedPayment> for Gentrack {
    async fn serve(&self, asked: GetSuggestedPayment, cx: &Context) -> Result<SuggestedPayment> {
        let road = self.road(GetSuggestedPayment::ID, cx);
        let word = |flag: bool| if flag { "true" } else { "false" };
        let mut query = Vec::new();
        query.extend(asked.include_debt.map(|flag| ("includeDebtBalance", word(flag))));
        query.extend(asked.include_fixed.map(|flag| ("includeFixedPayments", word(flag))));
        let path = ["accounts", &keys::account(&asked.account)?, "suggested-payment-amount"];
        let reply = road.get(&path, &query, "account").await?;
        let mut suggested = self.mapper().suggested(&asked.account, &wire::decode(&reply.body)?)?;
        suggested.native = road.native(&reply.body)?;
        Ok(suggested)
    }
}

/// `getOverduePayments`.
#[async_trait]
impl Serves<ListOverduePayments> for Gentrack {
    async fn serve(&self, list: ListOverduePayments, cx: &Context) -> Result<Page<OverduePayment>> {
        let road = self.road(ListOverduePayments::ID, cx);
        let path = ["accounts", &keys::account(&list.account)?, "overdue-payments"];
        let reply = road.get(&path, &[], "account").await?;
        let wire: OverdueList<Overdue<'_>> = wire::decode(&reply.body)?;
        let natives = road.natives(&reply.body, |list: OverdueList<&RawValue>| list.overdue_payments.0)?;
        let all = self
            .mapper()
            .overdue(&list.account, &wire.overdue_payments.0, natives)?;
        cut(all, &list.paging, |entry| {
            let day = entry.due_on.map(|day| day.to_string()).unwrap_or_default();
            format!("{day}~{}", entry.amount.amount())
        })
    }
}

/// `getNextPaymentReview`. An account without a review has none; the system may answer that with 404 (inferred).
#[async_trait]
impl Serves<GetPaymentReview> for Gentrack {
    async fn serve(&self, GetPaymentReview { account }: GetPaymentReview, cx: &Context) -> Result<PaymentReview> {
        let road = self.road(GetPaymentReview::ID, cx);
        let Some(reply) = road.perhaps(&account, "payment-review-date").await? else {
            return Ok(self.mapper().review(&account, None));
        };
        let day = payment::review_day(&wire::decode(&reply.body)?);
        let mut review = self.mapper().review(&account, day);
        review.native = road.native(&reply.body)?;
        Ok(review)
    }
}

/// `updateNextPaymentReview`.
#[async_trait]
impl Serves<SetPaymentReview> for Gentrack {
    async fn serve(&self, asked: SetPaymentReview, cx: &Context) -> Result<Change<PaymentReview>> {
        let path = ["accounts", &keys::account(&asked.account)?, "payment-review-date"];
        let body = payment::new_review_date(asked.review_on);
        let reply = self.road(SetPaymentReview::ID, cx).put(&path, &body, "account").await?;
        Ok(super::changed(&reply))
    }
}

/// `getPaymentMethod`, the one the account pays with. An account without one has an empty list; the system may answer that
/// with 404 (inferred). Its own record is not handed out: what is masked in it is up to the system.
#[async_trait]
impl Serves<ListPaymentMethods> for Gentrack {
    async fn serve(&self, list: ListPaymentMethods, cx: &Context) -> Result<Page<PaymentMethod>> {
        let road = self.road(ListPaymentMethods::ID, cx);
        let mut all = Vec::new();
        if let Some(reply) = road.perhaps(&list.account, "payment-methods").await? {
            all.push(
                self.mapper()
                    .method(&list.account, &wire::decode(&reply.body)?, Some(true))?,
            );
        }
        cut(all, &list.paging, |method| method.native_id.clone().unwrap_or_default())
    }
}

/// `createPaymentMethod`, never repeated ("Error kinds").
#[async_trait]
impl Serves<CreatePaymentMethod> for Gentrack {
    async fn serve(&self, asked: CreatePaymentMethod, cx: &Context) -> Result<PaymentMethod> {
        let path = ["accounts", &keys::account(&asked.account)?, "payment-methods"];
        let body = payment::new_method(asked.new)?;
        let road = self.road(CreatePaymentMethod::ID, cx);
        let reply = road.post(&path, &body, false, "account").await?;
        super::told(wire::decode(&reply.body).and_then(|wire| self.mapper().method(&asked.account, &wire, None)))
    }
}

/// `getPaymentArrangements`.
#[async_trait]
impl Serves<ListPaymentArrangements> for Gentrack {
    async fn serve(&self, list: ListPaymentArrangements, cx: &Context) -> Result<Page<PaymentArrangement>> {
        let all = self
            .road(ListPaymentArrangements::ID, cx)
            .arrangements(&list.account)
            .await?;
        cut(all, &list.paging, |one| one.id.key().to_owned())
    }
}

/// `createPaymentArrangement`, never repeated ("Error kinds"). It answers a list; the arrangement made is the last of it.
#[async_trait]
impl Serves<CreatePaymentArrangement> for Gentrack {
    async fn serve(&self, asked: CreatePaymentArrangement, cx: &Context) -> Result<PaymentArrangement> {
        let path = ["accounts", &keys::account(&asked.account)?, "payment-arrangements"];
        let body = payment::new_arrangement(asked.new)?;
        let road = self.road(CreatePaymentArrangement::ID, cx);
        let reply = road.post(&path, &body, false, "account").await?;
        let all = wire::decode(&reply.body)
            .and_then(|wire: Many<Arrangement<'_>>| self.mapper().arrangements(&asked.account, &wire.0));
        super::told(all.and_then(|mut all| {
            all.pop()
                .ok_or_else(|| Error::unreadable("$", "the list holds no arrangement"))
        }))
    }
}

/// `deletePaymentArrangement`, after the list has said whose it is: the path does not hold the account. It was there a
/// moment ago, so a 404 means that it is gone ("Error kinds").
#[async_trait]
impl Serves<CancelPaymentArrangement> for Gentrack {
    async fn serve(&self, asked: CancelPaymentArrangement, cx: &Context) -> Result<Change<PaymentArrangement>> {
        let key = keys::arrangement(&asked.arrangement)?;
        let road = self.road(CancelPaymentArrangement::ID, cx);
        let account = keys::owner(&self.name, &asked.arrangement)?;
        let all = road.arrangements(&account).await;
        let all = all.map_err(|error| super::missing(error, "payment arrangement"))?;
        if !all.iter().any(|one| one.id == asked.arrangement) {
            return Err(Error::not_found("payment arrangement"));
        }
        let call = road.call(Method::DELETE, &["payment-arrangements", &key], &[], super::JSON);
        match road.send(call, "payment arrangement").await {
            Ok(reply) => Ok(super::changed(&reply)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Change::Done),
            Err(error) => Err(error),
        }
    }
}

/// `createRefundRequest`, never repeated ("Error kinds").
#[async_trait]
impl Serves<RequestRefund> for Gentrack {
    async fn serve(&self, RequestRefund { account, new }: RequestRefund, cx: &Context) -> Result<Refund> {
        let path = ["accounts", &keys::account(&account)?, "refund-request"];
        let body = payment::new_refund(&new)?;
        let road = self.road(RequestRefund::ID, cx);
        let reply = road.post(&path, &body, false, "account").await?;
        super::told(wire::decode(&reply.body).and_then(|wire| self.mapper().refund(&account, &wire)))
    }
}
