//! Operations on use by interval.

use super::{Operation, Repeat, Scope, Target};
use crate::model::id::ServicePointId;
use crate::model::meter::FlowDirection;
use crate::model::page::{Page, Paging};
use crate::model::time::Bound;
use crate::model::usage::{Interval, Resolution};

/// Lists use by interval, sorted by start, none twice.
#[derive(Clone, Debug)]
pub struct ListUsage {
    /// The service point.
    pub service_point: ServicePointId,
    /// Only intervals that start at or after this; one year before `to` if absent.
    pub from: Option<Bound>,
    /// Only intervals that start before this; the end of the current local day if absent.
    pub to: Option<Bound>,
    /// How long the intervals are.
    pub resolution: Resolution,
    /// Which way the energy flowed.
    pub direction: FlowDirection,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListUsage {
    type Reply = Page<Interval>;
    const ID: &'static str = "usage.list";
    const SCOPE: Scope = Scope::MetersRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.service_point)
    }

    fn filters(&self) -> Vec<&'static str> {
        let resolution = match self.resolution {
            Resolution::QuarterHour => "resolution=PT15M",
            Resolution::HalfHour => "resolution=PT30M",
            Resolution::Hour => "resolution=PT1H",
            Resolution::Day => "resolution=P1D",
            Resolution::Month => "resolution=P1M",
        };
        let direction = match self.direction {
            FlowDirection::Import => "direction=IMPORT",
            FlowDirection::Export => "direction=EXPORT",
            FlowDirection::Other => "direction=OTHER",
        };
        [
            Some(resolution),
            Some(direction),
            self.from.map(|_| "from"),
            self.to.map(|_| "to"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
