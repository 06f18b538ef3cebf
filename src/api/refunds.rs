//! Refund requests.

use http::StatusCode;

use super::Ask;
use super::answer::{Many, One, Outcome};
use super::check::Faults;
use super::extract::{Inclusion, Json, List, Nothing, Of, Pages, Query};
use super::payment_methods::check_bank_account;
use crate::error::Result;
use crate::model::id::{AccountId, AccountKind, RefundId, RefundMark};
use crate::model::refund::{NewRefund, Refund, RefundMethod};
use crate::operations::refunds::{CancelRefund, ListRefunds, RequestRefund};

/// List the refund requests of an account
#[utoipa::path(get, path = "/v1/accounts/{account}/refund-requests", tag = "Payments",
    params(("account" = AccountId, Path), Inclusion, Pages),
    responses((status = 200, description = "One page of them", body = Many<Refund>)))]
pub(super) async fn list_refunds(ask: Ask, Of(account): Of<AccountKind>, list: List<Inclusion>) -> Outcome {
    ask.native(list.filters.native())
        .list(list.page, |paging| ListRefunds { account, paging })
        .await
}

/// Ask for credit to be paid back to the customer
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`: read the account's refund
/// requests or transactions before asking again.
#[utoipa::path(post, path = "/v1/accounts/{account}/refund-requests", tag = "Payments", params(("account" = AccountId, Path)),
    request_body = NewRefund, responses((status = 202, description = "The system took the request; `status` says where it stands", body = One<Refund>)))]
pub(super) async fn request_refund(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(new): Json<NewRefund>,
) -> Outcome {
    let new = checked(new)?;
    ask.done(StatusCode::ACCEPTED, RequestRefund { account, new }).await
}

/// Take a refund request back
#[utoipa::path(delete, path = "/v1/refund-requests/{refund}", tag = "Payments", params(("refund" = RefundId, Path)),
    responses((status = 200, description = "It as it is now", body = One<Refund>),
        (status = 202, description = "The system took the call and will cancel it later"),
        (status = 204, description = "It is cancelled, and the system says no more")))]
pub(super) async fn cancel_refund(ask: Ask, Of(refund): Of<RefundMark>, Query(Nothing {}): Query<Nothing>) -> Outcome {
    ask.changed(CancelRefund { refund }).await
}

fn checked(new: NewRefund) -> Result<NewRefund> {
    let mut faults = Faults::default();
    faults.above_zero("/amount", &new.amount);
    faults.text("/reason", &new.reason);
    faults.texts("", &[("ledger", &new.ledger)]);
    faults.long("/description", new.description.as_ref());
    faults.unless(
        new.method != Some(RefundMethod::Other),
        "/method",
        "`OTHER` says nothing to the system",
    );
    if let Some(account) = &new.bank_account {
        faults.unless(
            matches!(new.method, None | Some(RefundMethod::BankTransfer)),
            "/bank_account",
            "it is only for `BANK_TRANSFER`",
        );
        check_bank_account(&mut faults, "/bank_account", account);
    }
    faults.none_in(new)
}
