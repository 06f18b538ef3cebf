//! Operations that put charges and credits on accounts.

use super::{Operation, Repeat, Scope, Target};
use crate::model::id::AccountId;
use crate::model::posting::{NewCharge, NewCredit, Posting};

/// Puts a charge on an account.
#[derive(Clone, Debug)]
pub struct CreateCharge {
    /// The account.
    pub account: AccountId,
    /// The charge.
    pub new: NewCharge,
}

impl Operation for CreateCharge {
    type Reply = Posting;
    const ID: &'static str = "charges.create";
    const SCOPE: Scope = Scope::BillsWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> = Some(
        "read GET /v1/accounts/{account}/transactions?kind=CHARGE to see whether the charge is there before making it again",
    );

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Gives a credit to an account.
#[derive(Clone, Debug)]
pub struct CreateCredit {
    /// The account.
    pub account: AccountId,
    /// The credit.
    pub new: NewCredit,
}

impl Operation for CreateCredit {
    type Reply = Posting;
    const ID: &'static str = "credits.create";
    const SCOPE: Scope = Scope::BillsWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> = Some(
        "read GET /v1/accounts/{account}/transactions?kind=CREDIT to see whether the credit is there before giving it again",
    );

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}
