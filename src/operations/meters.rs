//! Operations on meters.

use super::{Operation, Repeat, Scope, Target};
use crate::model::id::{AccountId, MeterId};
use crate::model::meter::Meter;
use crate::model::page::{Page, Paging};

/// Lists the meters of all of an account's points of supply, removed ones included.
#[derive(Clone, Debug)]
pub struct ListMeters {
    /// The account.
    pub account: AccountId,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListMeters {
    type Reply = Page<Meter>;
    const ID: &'static str = "meters.list";
    const SCOPE: Scope = Scope::MetersRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Reads one meter.
#[derive(Clone, Debug)]
pub struct GetMeter {
    /// The meter.
    pub meter: MeterId,
}

impl Operation for GetMeter {
    type Reply = Meter;
    const ID: &'static str = "meters.get";
    const SCOPE: Scope = Scope::MetersRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.meter)
    }
}
