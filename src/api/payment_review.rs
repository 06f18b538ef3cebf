//! When regular payments are looked at again.

use jiff::civil::Date;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Ask;
use super::answer::{One, Outcome};
use super::extract::{Inclusion, Json, Nothing, Of, Query};
use crate::model::id::{AccountId, AccountKind};
use crate::model::terms::PaymentReview;
use crate::model::time::day;
use crate::operations::payment_review::{GetPaymentReview, SetPaymentReview};

/// Read when the regular payment of an account is looked at again
#[utoipa::path(get, path = "/v1/accounts/{account}/payment-review", tag = "Payments",
    params(("account" = AccountId, Path), Inclusion),
    responses((status = 200, description = "When", body = One<PaymentReview>)))]
pub(super) async fn get_payment_review(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(query): Query<Inclusion>,
) -> Outcome {
    ask.native(query.native()).one(GetPaymentReview { account }).await
}

/// When the regular payment shall be looked at again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPaymentReview {
    /// The day of the next review.
    #[serde(deserialize_with = "day")]
    review_on: Date,
}

/// Set when the regular payment of an account is looked at again
#[utoipa::path(put, path = "/v1/accounts/{account}/payment-review", tag = "Payments",
    params(("account" = AccountId, Path)), request_body = NewPaymentReview,
    responses((status = 200, description = "When it is now", body = One<PaymentReview>),
        (status = 202, description = "The system took the change and will make it later"),
        (status = 204, description = "It is set, and the system says no more")))]
pub(super) async fn set_payment_review(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(body): Json<NewPaymentReview>,
) -> Outcome {
    let review_on = body.review_on;
    ask.changed(SetPaymentReview { account, review_on }).await
}
