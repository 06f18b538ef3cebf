//! Operations on refund requests.

use super::{Change, Operation, Repeat, Scope, Target};
use crate::model::id::{AccountId, RefundId};
use crate::model::page::{Page, Paging};
use crate::model::refund::{NewRefund, Refund};

/// Lists the refund requests of an account, newest first where the system dates them.
#[derive(Clone, Debug)]
pub struct ListRefunds {
    /// The account.
    pub account: AccountId,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListRefunds {
    type Reply = Page<Refund>;
    const ID: &'static str = "refunds.list";
    const SCOPE: Scope = Scope::PaymentsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Asks for credit to be paid back to the customer.
#[derive(Clone, Debug)]
pub struct RequestRefund {
    /// The account.
    pub account: AccountId,
    /// The refund.
    pub new: NewRefund,
}

impl Operation for RequestRefund {
    type Reply = Refund;
    const ID: &'static str = "refunds.request";
    const SCOPE: Scope = Scope::PaymentsWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> = Some(
        "read GET /v1/accounts/{account}/refund-requests, or the account's transactions where that is not served, to see whether the refund was asked for before asking again",
    );

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Takes a refund request back.
#[derive(Clone, Debug)]
pub struct CancelRefund {
    /// The refund request.
    pub refund: RefundId,
}

impl Operation for CancelRefund {
    type Reply = Change<Refund>;
    const ID: &'static str = "refunds.cancel";
    const SCOPE: Scope = Scope::PaymentsWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.refund)
    }
}
