//! Operations on readings.

use super::{Operation, Repeat, Scope, Target};
use crate::model::id::ServicePointId;
use crate::model::meter::{NewReading, Quality, Reading, ReadingStatus, ReadingsVerdict};
use crate::model::page::{Page, Paging};
use crate::model::time::Bound;

/// Lists the readings of a point of supply, by meter, register and instant, oldest first.
#[derive(Clone, Debug)]
pub struct ListReadings {
    /// The service point.
    pub service_point: ServicePointId,
    /// Only readings at or after this; one year before `to` if absent.
    pub from: Option<Bound>,
    /// Only readings before this; the end of the current local day if absent.
    pub to: Option<Bound>,
    /// Only readings that stand like this; accepted ones if absent, where the system tells them apart.
    pub status: Option<ReadingStatus>,
    /// Only readings as good as this.
    pub quality: Option<Quality>,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListReadings {
    type Reply = Page<Reading>;
    const ID: &'static str = "readings.list";
    const SCOPE: Scope = Scope::MetersRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.service_point)
    }

    fn filters(&self) -> Vec<&'static str> {
        [
            self.from.map(|_| "from"),
            self.to.map(|_| "to"),
            self.status.map(|_| "status"),
            self.quality.map(|_| "quality"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Asks what the system would say of readings; stores nothing.
#[derive(Clone, Debug)]
pub struct ValidateReadings {
    /// The service point.
    pub service_point: ServicePointId,
    /// The readings.
    pub readings: Vec<NewReading>,
}

impl Operation for ValidateReadings {
    type Reply = ReadingsVerdict;
    const ID: &'static str = "readings.validate";
    const SCOPE: Scope = Scope::MetersRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.service_point)
    }
}

/// Hands readings in.
#[derive(Clone, Debug)]
pub struct SubmitReadings {
    /// The service point.
    pub service_point: ServicePointId,
    /// The readings.
    pub readings: Vec<NewReading>,
}

impl Operation for SubmitReadings {
    type Reply = ReadingsVerdict;
    const ID: &'static str = "readings.submit";
    const SCOPE: Scope = Scope::MetersWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> = Some(
        "read GET /v1/service-points/{service_point}/readings, with status=PENDING and without, to see whether the readings arrived before sending them again",
    );

    fn target(&self) -> Target<'_> {
        Target::record(&self.service_point)
    }
}
