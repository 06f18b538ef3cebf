//! Operations on points of supply.

use super::{Operation, Repeat, Scope, Target};
use crate::model::id::{AccountId, ServicePointId};
use crate::model::meter::ServicePoint;
use crate::model::page::{Page, Paging};

/// Lists the points of supply of an account.
#[derive(Clone, Debug)]
pub struct ListServicePoints {
    /// The account.
    pub account: AccountId,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListServicePoints {
    type Reply = Page<ServicePoint>;
    const ID: &'static str = "service_points.list";
    const SCOPE: Scope = Scope::MetersRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Reads one point of supply with its meters and registers.
#[derive(Clone, Debug)]
pub struct GetServicePoint {
    /// The service point.
    pub service_point: ServicePointId,
}

impl Operation for GetServicePoint {
    type Reply = ServicePoint;
    const ID: &'static str = "service_points.get";
    const SCOPE: Scope = Scope::MetersRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.service_point)
    }
}
