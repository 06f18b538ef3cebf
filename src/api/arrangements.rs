//! Payment arrangements.

use super::Ask;
use super::answer::{Many, One, Outcome};
use super::check::Faults;
use super::extract::{Inclusion, Json, List, Nothing, Of, Pages, Query};
use crate::error::Result;
use crate::model::arrangement::{ArrangementKind, NewPaymentArrangement, PaymentArrangement};
use crate::model::id::{AccountId, AccountKind, ArrangementId, ArrangementMark};
use crate::model::terms::Frequency;
use crate::operations::arrangements::{CancelPaymentArrangement, CreatePaymentArrangement, ListPaymentArrangements};

/// List the payment arrangements of an account: plans and schedules
#[utoipa::path(get, path = "/v1/accounts/{account}/payment-arrangements", tag = "Payments",
    params(("account" = AccountId, Path), Inclusion, Pages),
    responses((status = 200, description = "One page of them", body = Many<PaymentArrangement>)))]
pub(super) async fn list_arrangements(ask: Ask, Of(account): Of<AccountKind>, list: List<Inclusion>) -> Outcome {
    ask.native(list.filters.native())
        .list(list.page, |paging| ListPaymentArrangements { account, paging })
        .await
}

/// Make a payment arrangement
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`: read the account's
/// arrangements before making it again.
#[utoipa::path(post, path = "/v1/accounts/{account}/payment-arrangements", tag = "Payments", params(("account" = AccountId, Path)),
    request_body = NewPaymentArrangement, responses((status = 201, description = "The arrangement", body = One<PaymentArrangement>)))]
pub(super) async fn create_arrangement(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(new): Json<NewPaymentArrangement>,
) -> Outcome {
    let new = checked(new)?;
    ask.created(CreatePaymentArrangement { account, new }, |_| None).await
}

/// Cancel a payment arrangement
#[utoipa::path(delete, path = "/v1/payment-arrangements/{arrangement}", tag = "Payments", params(("arrangement" = ArrangementId, Path)),
    responses((status = 200, description = "It as it is now", body = One<PaymentArrangement>),
        (status = 202, description = "The system took the call and will cancel it later"),
        (status = 204, description = "It is cancelled, and the system says no more")))]
pub(super) async fn cancel_arrangement(
    ask: Ask,
    Of(arrangement): Of<ArrangementMark>,
    Query(Nothing {}): Query<Nothing>,
) -> Outcome {
    ask.changed(CancelPaymentArrangement { arrangement }).await
}

fn checked(new: NewPaymentArrangement) -> Result<NewPaymentArrangement> {
    const OTHER: &str = "`OTHER` says nothing to the system";
    let mut faults = Faults::default();
    faults.texts("", &[("ledger", &new.ledger)]);
    faults.unless(new.kind != ArrangementKind::Other, "/kind", OTHER);
    faults.unless(new.frequency != Some(Frequency::Other), "/frequency", OTHER);
    if let Some(payments) = new.payments {
        faults.unless((1..=1200).contains(&payments), "/payments", "it must be 1 to 1200");
    }
    if let Some(end) = new.ends_on {
        faults.unless(
            new.payments.is_none(),
            "/ends_on",
            "there is a number of payments: give one or the other",
        );
        faults.order("/ends_on", new.first_payment_on, end);
    }
    if let Some(components) = &new.components {
        faults.unless(
            (1..=20).contains(&components.len()),
            "/components",
            "there must be 1 to 20",
        );
        for (n, amount) in components.iter().enumerate() {
            faults.above_zero(&format!("/components/{n}"), amount);
            faults.unless(
                components
                    .first()
                    .is_none_or(|first| first.currency() == amount.currency()),
                format!("/components/{n}/currency"),
                "all must be in one currency",
            );
        }
    }
    faults.none_in(new)
}
