//! Operations on payment arrangements.

use super::{Change, Operation, Repeat, Scope, Target};
use crate::model::arrangement::{NewPaymentArrangement, PaymentArrangement};
use crate::model::id::{AccountId, ArrangementId};
use crate::model::page::{Page, Paging};

/// Lists the payment arrangements of an account: plans and schedules, in the system's order.
#[derive(Clone, Debug)]
pub struct ListPaymentArrangements {
    /// The account.
    pub account: AccountId,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListPaymentArrangements {
    type Reply = Page<PaymentArrangement>;
    const ID: &'static str = "payment_arrangements.list";
    const SCOPE: Scope = Scope::PaymentsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Makes a payment arrangement.
#[derive(Clone, Debug)]
pub struct CreatePaymentArrangement {
    /// The account.
    pub account: AccountId,
    /// The arrangement.
    pub new: NewPaymentArrangement,
}

impl Operation for CreatePaymentArrangement {
    type Reply = PaymentArrangement;
    const ID: &'static str = "payment_arrangements.create";
    const SCOPE: Scope = Scope::PaymentsWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> = Some(
        "read GET /v1/accounts/{account}/payment-arrangements to see whether the arrangement is there before making it again",
    );

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Cancels a payment arrangement. One that is gone when a repeated call arrives was cancelled by the first.
#[derive(Clone, Debug)]
pub struct CancelPaymentArrangement {
    /// The arrangement.
    pub arrangement: ArrangementId,
}

impl Operation for CancelPaymentArrangement {
    type Reply = Change<PaymentArrangement>;
    const ID: &'static str = "payment_arrangements.cancel";
    const SCOPE: Scope = Scope::PaymentsWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.arrangement)
    }
}
