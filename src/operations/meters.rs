//! Operations on meters.

use super::filter::Filter;
use super::{Operation, Repeat, Scope, Target};
use crate::model::id::{AccountId, BackendName, MeterId};
use crate::model::meter::{Meter, MeterChanges, NewMeter, ServiceKind};
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

/// Looks for meters in one backend.
#[derive(Clone, Debug)]
pub struct SearchMeters {
    /// The backend.
    pub backend: BackendName,
    /// Only meters that measure this.
    pub service_kind: Option<ServiceKind>,
    /// What must hold.
    pub filters: Vec<Filter>,
    /// Which page.
    pub paging: Paging,
}

impl Operation for SearchMeters {
    type Reply = Page<Meter>;
    const ID: &'static str = "meters.search";
    const SCOPE: Scope = Scope::MetersRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::backend(&self.backend)
    }

    fn filters(&self) -> Vec<&'static str> {
        let service_kind = self.service_kind.map(|_| "service_kind");
        service_kind
            .into_iter()
            .chain(self.filters.iter().map(Filter::capability))
            .collect()
    }
}

/// Makes a meter.
#[derive(Clone, Debug)]
pub struct CreateMeter {
    /// What is to be said of it.
    pub meter: NewMeter,
}

impl Operation for CreateMeter {
    type Reply = Meter;
    const ID: &'static str = "meters.create";
    const SCOPE: Scope = Scope::MetersWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> =
        Some("read GET /v1/accounts/{account}/meters to see whether it was made before making it again");

    fn target(&self) -> Target<'_> {
        Target::record(&self.meter.account_id)
    }
}

/// Changes a meter.
#[derive(Clone, Debug)]
pub struct UpdateMeter {
    /// The meter.
    pub meter: MeterId,
    /// What is to change.
    pub changes: MeterChanges,
}

impl Operation for UpdateMeter {
    type Reply = Meter;
    const ID: &'static str = "meters.update";
    const SCOPE: Scope = Scope::MetersWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.meter)
    }
}
