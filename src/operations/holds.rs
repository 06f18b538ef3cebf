//! Operations on holds.

use super::{Operation, Repeat, Scope, Target};
use crate::model::hold::{Hold, NewHold};
use crate::model::id::AccountId;

/// Reads whether an account is held.
#[derive(Clone, Debug)]
pub struct GetHold {
    /// The account.
    pub account: AccountId,
}

impl Operation for GetHold {
    type Reply = Hold;
    const ID: &'static str = "holds.get";
    const SCOPE: Scope = Scope::AccountsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Places a hold on an account.
#[derive(Clone, Debug)]
pub struct PlaceHold {
    /// The account.
    pub account: AccountId,
    /// The hold.
    pub new: NewHold,
}

impl Operation for PlaceHold {
    type Reply = Hold;
    const ID: &'static str = "holds.place";
    const SCOPE: Scope = Scope::AccountsWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> =
        Some("read GET /v1/accounts/{account}/hold to see whether the account is held before holding it again");

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}
