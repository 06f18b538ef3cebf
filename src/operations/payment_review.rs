//! Operations on the review of regular payments.

use jiff::civil::Date;

use super::{Change, Operation, Repeat, Scope, Target};
use crate::model::id::AccountId;
use crate::model::terms::PaymentReview;

/// Reads when the regular payment of an account is looked at again.
#[derive(Clone, Debug)]
pub struct GetPaymentReview {
    /// The account.
    pub account: AccountId,
}

impl Operation for GetPaymentReview {
    type Reply = PaymentReview;
    const ID: &'static str = "payment_review.get";
    const SCOPE: Scope = Scope::PaymentsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Sets when the regular payment of an account is looked at again.
#[derive(Clone, Debug)]
pub struct SetPaymentReview {
    /// The account.
    pub account: AccountId,
    /// The day.
    pub review_on: Date,
}

impl Operation for SetPaymentReview {
    type Reply = Change<PaymentReview>;
    const ID: &'static str = "payment_review.set";
    const SCOPE: Scope = Scope::PaymentsWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}
