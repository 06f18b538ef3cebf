//! Use by interval.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::{Timestamp, ToSpan as _};

use super::Walk;
use super::readings::Point;
use crate::backends::Serves;
use crate::backends::kraken::documents::usage::{
    ElectricityFiltersInput, ReadingDirectionType, ReadingFrequencyType, ReadingQualityType, UtilityFiltersInput,
    Variables,
};
use crate::backends::kraken::map::filled;
use crate::backends::kraken::{Kraken, documents, wire};
use crate::error::{Error, ErrorKind, Result};
use crate::model::meter::FlowDirection;
use crate::model::page::Page;
use crate::model::usage::{Interval, Resolution};
use crate::operations::usage::ListUsage;
use crate::operations::{Context, Operation as _};

/// The widest windows asked for, in local days: wider ones of fine intervals can be cut without notice (contract,
/// "Metering"); days and months are few.
const FINE_DAYS: i32 = 7;
const COARSE_DAYS: i32 = 92;
const MONTHS_DAYS: i32 = 731;

/// The most windows read for one page. A list whose next windows are all empty goes on with the next page.
const MAX_WINDOWS: usize = 120;

type Series = BTreeMap<Timestamp, Interval>;

#[async_trait]
impl Serves<ListUsage> for Kraken {
    async fn serve(&self, operation: ListUsage, cx: &Context) -> Result<Page<Interval>> {
        let point = self.point(&operation.service_point)?;
        let grain = Grain::of(operation.resolution);
        let (from, to) = self.span(operation.from, operation.to)?;
        let limit = operation.paging.limit;
        // A position is the instant the next interval starts at.
        let from = match &operation.paging.after {
            Some(text) => text
                .parse::<Timestamp>()
                .map_err(|_| Error::parameter("cursor", "not a position in this list"))?
                .max(from),
            None => from,
        };
        // Intervals are asked for from a boundary on, so that none is cut in two, and up to the boundary behind `to`.
        let stop = self.boundary_after(&grain, to)?;
        let mut start = self.boundary(&grain, from)?;
        let mut days = grain.days_for(limit);
        let mut items: Vec<Interval> = Vec::with_capacity(limit);
        for _ in 0..MAX_WINDOWS {
            if start >= stop {
                return Ok(Page { items, next: None });
            }
            let end = self.boundary_after(&grain, self.later(start, days)?)?.min(stop);
            let window = self.window(&operation, &point, &grain, start, end, cx).await?;
            for interval in window.into_values() {
                if interval.start < from || interval.start >= to {
                    continue;
                }
                if items.len() == limit {
                    let next = Some(interval.start.to_string());
                    return Ok(Page { items, next });
                }
                items.push(interval);
            }
            start = end;
            // What the first window lacked is farther away than was hoped.
            days = grain.widest;
        }
        Ok(Page {
            items,
            next: (start < to).then(|| start.to_string()),
        })
    }
}

/// How intervals of one length are asked for.
struct Grain {
    frequency: ReadingFrequencyType,
    name: &'static str,
    /// Minutes of an interval within the hour; `None` for days and months.
    minutes: Option<i8>,
    monthly: bool,
    widest: i32,
}

impl Grain {
    fn of(resolution: Resolution) -> Self {
        let (frequency, name, minutes, widest) = match resolution {
            Resolution::QuarterHour => (
                ReadingFrequencyType::FIFTEEN_MIN_INTERVAL,
                "FIFTEEN_MIN_INTERVAL",
                Some(15),
                FINE_DAYS,
            ),
            Resolution::HalfHour => (
                ReadingFrequencyType::THIRTY_MIN_INTERVAL,
                "THIRTY_MIN_INTERVAL",
                Some(30),
                FINE_DAYS,
            ),
            Resolution::Hour => (
                ReadingFrequencyType::HOUR_INTERVAL,
                "HOUR_INTERVAL",
                Some(60),
                FINE_DAYS,
            ),
            Resolution::Day => (ReadingFrequencyType::DAY_INTERVAL, "DAY_INTERVAL", None, COARSE_DAYS),
            Resolution::Month => (
                ReadingFrequencyType::MONTH_INTERVAL,
                "MONTH_INTERVAL",
                None,
                MONTHS_DAYS,
            ),
        };
        Self {
            frequency,
            name,
            minutes,
            monthly: resolution == Resolution::Month,
            widest,
        }
    }

    fn per_day(&self) -> usize {
        self.minutes
            .map_or(1, |minutes| 1440 / usize::from(minutes.unsigned_abs()))
    }

    /// A window that should hold a page and one interval more.
    fn days_for(&self, limit: usize) -> i32 {
        if self.monthly {
            return self.widest;
        }
        let days = (limit + 1).div_ceil(self.per_day());
        i32::try_from(days).unwrap_or(self.widest).clamp(1, self.widest)
    }

    /// A page of the system that holds a window of so many days with a clock change in it.
    fn first(&self, days: i32) -> i64 {
        let days = i64::from(days) + 2;
        let per_day = i64::try_from(self.per_day()).unwrap_or(1);
        if self.monthly { days / 28 + 2 } else { days * per_day }
    }
}

impl Kraken {
    /// The last boundary between intervals at or before an instant, by local clock and calendar.
    fn boundary(&self, grain: &Grain, at: Timestamp) -> Result<Timestamp> {
        let zone = &self.deployment.zone;
        let outside = |_| Error::parameter("from", "the span lies outside the calendar");
        let local = zone.local(at);
        match grain.minutes {
            Some(minutes) => {
                let past = local.minute() % minutes;
                let whole = at
                    .checked_sub(i64::from(past).minutes().seconds(local.second()))
                    .map_err(outside)?;
                Timestamp::from_second(whole.as_second()).map_err(outside)
            }
            None if grain.monthly => zone.start_of(local.date().first_of_month()).map_err(outside),
            None => zone.start_of(local.date()).map_err(outside),
        }
    }

    /// The first boundary at or after an instant.
    fn boundary_after(&self, grain: &Grain, at: Timestamp) -> Result<Timestamp> {
        let before = self.boundary(grain, at)?;
        if before == at {
            return Ok(at);
        }
        let zone = &self.deployment.zone;
        let outside = |_| Error::parameter("to", "the span lies outside the calendar");
        match grain.minutes {
            Some(minutes) => before.checked_add(i64::from(minutes).minutes()).map_err(outside),
            None => {
                let step = if grain.monthly { 1.month() } else { 1.day() };
                let day = zone.date(before).checked_add(step).map_err(outside)?;
                zone.start_of(day).map_err(outside)
            }
        }
    }

    /// All intervals of a window. Over-wide windows can lose their beginning without notice, so whatever lies before the
    /// first interval is asked for again until nothing does.
    async fn window(
        &self,
        operation: &ListUsage,
        point: &Point,
        grain: &Grain,
        start: Timestamp,
        end: Timestamp,
        cx: &Context,
    ) -> Result<Series> {
        let mut series = Series::new();
        let mut until = end;
        while start < until {
            let part = self.part(operation, point, grain, start, until, cx).await?;
            let Some(earliest) = part.keys().next().copied() else {
                break;
            };
            series.extend(part);
            if earliest >= until {
                break;
            }
            until = earliest;
        }
        Ok(series)
    }

    /// The intervals that the system gives for a window. The last of two with the same start wins: readings are reissued
    /// with other values (contract, "Metering").
    async fn part(
        &self,
        operation: &ListUsage,
        point: &Point,
        grain: &Grain,
        start: Timestamp,
        end: Timestamp,
        cx: &Context,
    ) -> Result<Series> {
        let (direction, direction_name) = match operation.direction {
            FlowDirection::Import => (ReadingDirectionType::CONSUMPTION, "CONSUMPTION"),
            FlowDirection::Export => (ReadingDirectionType::GENERATION, "GENERATION"),
            FlowDirection::Other => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "the system knows use and generation, and no other direction",
                ));
            }
        };
        let days = i32::try_from(end.duration_since(start).as_hours() / 24 + 1).unwrap_or(grain.widest);
        let mut series = Series::new();
        let mut walk = Walk::from(None);
        loop {
            let variables = Variables {
                account: point.owner.number.clone(),
                start: Self::stamp(start),
                end: Self::stamp(end),
                zone: self.deployment.zone.name().to_owned(),
                filters: Some(vec![Some(UtilityFiltersInput {
                    electricity_filters: Some(ElectricityFiltersInput {
                        reading_frequency_type: Some(grain.frequency.clone()),
                        market_supply_point_id: Some(point.esi_id.clone()),
                        device_id: None,
                        reading_direction: Some(direction.clone()),
                        register_id: None,
                        reading_quality: Some(ReadingQualityType::COMBINED),
                    }),
                })]),
                first: grain.first(days),
                after: walk.after.clone(),
            };
            let mut answered = self.ask::<documents::Usage>(ListUsage::ID, variables, cx).await?;
            let account = self.account_in(&mut answered, &point.owner, |account| account.number.as_deref())?;
            let found = account
                .properties
                .into_iter()
                .flatten()
                .enumerate()
                .find_map(|(at, property)| {
                    let property = property?;
                    (property.id.as_deref() == Some(&point.property)).then_some((at, property))
                });
            let (at, property) =
                found.ok_or_else(|| answered.missing(&["account", "properties"], Error::not_found("service point")))?;
            let step = at.to_string();
            // A series without measurements and a point that is not there look alike unless the points are read too.
            let mut points = property.meter_points.iter().flatten().flatten();
            if !points.any(|known| known.esi_id.as_deref() == Some(&point.esi_id)) {
                let place = ["account", "properties", &step, "meterPoints"];
                return Err(answered.missing(&place, Error::not_found("service point")));
            }
            let place = ["account", "properties", &step, "measurements"];
            let Some(connection) = property.measurements else {
                answered.none(&place)?;
                return Ok(series);
            };
            let info = connection.page_info.as_ref();
            let more = walk.follow(
                info.and_then(|info| info.has_next_page),
                info.and_then(|info| info.end_cursor.clone()),
            )?;
            for (at, edge) in connection.edges.into_iter().flatten().enumerate() {
                let step = at.to_string();
                let Some(node) = edge.and_then(|edge| edge.node) else {
                    answered.none(&[place[0], place[1], place[2], place[3], "edges", &step])?;
                    continue;
                };
                if !of_series(&node, &point.esi_id, direction_name, grain.name) {
                    continue;
                }
                let place = format!("account.properties.measurements.edges[{at}].node");
                let interval = self.deployment.interval(&operation.service_point, node, &place)?;
                // What starts outside the window was not asked for.
                if let Some(mut interval) = interval.filter(|interval| start <= interval.start && interval.start < end)
                {
                    // One that does not say belongs to the series that was asked for.
                    interval.direction.get_or_insert(operation.direction);
                    series.insert(interval.start, interval);
                }
            }
            if !more {
                return Ok(series);
            }
        }
    }
}

/// Whether a measurement belongs to the series asked for, as far as it says: series can mix in one connection (contract,
/// "Metering").
fn of_series(measurement: &wire::Measurement, esi_id: &str, direction: &str, frequency: &str) -> bool {
    let Some(filters) = measurement
        .meta_data
        .as_ref()
        .and_then(|meta| meta.utility_filters.clone())
    else {
        return true;
    };
    let fits = |said: Option<String>, asked: &str| filled(said).is_none_or(|said| said == asked);
    fits(filters.market_supply_point_id, esi_id)
        && fits(filters.reading_direction, direction)
        && fits(filters.reading_frequency_type, frequency)
}
