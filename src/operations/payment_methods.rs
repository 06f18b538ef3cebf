//! Operations on payment methods.

use super::{Operation, Repeat, Scope, Target};
use crate::model::id::AccountId;
use crate::model::page::{Page, Paging};
use crate::model::payment_method::{NewPaymentMethod, PaymentMethod};

/// Lists the ways an account pays, the one it pays with first where the system says which.
#[derive(Clone, Debug)]
pub struct ListPaymentMethods {
    /// The account.
    pub account: AccountId,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListPaymentMethods {
    type Reply = Page<PaymentMethod>;
    const ID: &'static str = "payment_methods.list";
    const SCOPE: Scope = Scope::PaymentsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Sets up a way to pay.
#[derive(Clone, Debug)]
pub struct CreatePaymentMethod {
    /// The account.
    pub account: AccountId,
    /// The payment method.
    pub new: NewPaymentMethod,
}

impl Operation for CreatePaymentMethod {
    type Reply = PaymentMethod;
    const ID: &'static str = "payment_methods.create";
    const SCOPE: Scope = Scope::PaymentsWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> = Some(
        "read GET /v1/accounts/{account}/payment-methods to see whether the method is there before setting it up again",
    );

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}
