//! Daily readings, a query of the US edition alone; for the other one see `british`.

use async_trait::async_trait;
use jiff::{Timestamp, ToSpan as _};

use super::{parts, same_account};
use crate::backends::Serves;
use crate::backends::kraken::map::{Stand, filled, present};
use crate::backends::kraken::{Edition, Kraken, documents};
use crate::error::{Error, Result};
use crate::model::meter::Reading;
use crate::model::page::Page;
use crate::model::time::Bound;
use crate::operations::readings::ListReadings;
use crate::operations::{Context, Operation as _};

/// The widest span asked for at once. No limit is stated for this query; wide windows of others are cut without notice.
const WINDOW_DAYS: i32 = 92;

#[async_trait]
impl Serves<ListReadings> for Kraken {
    async fn serve(&self, operation: ListReadings, cx: &Context) -> Result<Page<Reading>> {
        if self.edition == Edition::Gb {
            return self.register_readings(operation, cx).await;
        }
        let point = self.point(&operation.service_point)?;
        let (from, to) = self.span(operation.from, operation.to)?;
        let limit = operation.paging.limit;
        // A position is an instant and how many readings of that instant were given before.
        let (mut start, mut given) = match &operation.paging.after {
            Some(text) => read_position(text)?,
            None => (from, 0),
        };
        let mut items: Vec<Reading> = Vec::with_capacity(limit);
        while start < to {
            let end = self.later(start, WINDOW_DAYS)?.min(to);
            let mut readings = self.readings(&point, start, end, cx).await?;
            readings.drain(..given.min(readings.len()));
            given = 0;
            for reading in readings {
                if items.len() == limit {
                    let same = items
                        .iter()
                        .rev()
                        .take_while(|item| item.read_at == reading.read_at)
                        .count();
                    let before = match &operation.paging.after {
                        Some(text) if same == items.len() => {
                            let (at, given) = read_position(text)?;
                            if at == reading.read_at { given } else { 0 }
                        }
                        _ => 0,
                    };
                    let next = Some(format!("{}#{}", reading.read_at, same + before));
                    return Ok(Page { items, next });
                }
                items.push(reading);
            }
            start = end;
        }
        Ok(Page { items, next: None })
    }
}

fn read_position(text: &str) -> Result<(Timestamp, usize)> {
    text.split_once('#')
        .and_then(|(at, given)| Some((at.parse().ok()?, given.parse().ok()?)))
        .ok_or_else(|| Error::parameter("cursor", "not a position in this list"))
}

/// A point of supply as its key names it.
pub(super) struct Point {
    pub(super) owner: super::Owner,
    pub(super) property: String,
    pub(super) esi_id: String,
}

impl Kraken {
    /// The point of supply an id names.
    pub(super) fn point(&self, id: &crate::model::id::ServicePointId) -> Result<Point> {
        let [account, word, property, esi_id] = parts(id)?;
        if word != "sp" {
            return Err(Error::parameter(
                "service_point",
                "not an identifier of a service point",
            ));
        }
        Ok(Point {
            owner: self.owner_of(account)?,
            property,
            esi_id,
        })
    }

    /// The instants a caller's bounds stand for.
    pub(super) fn span(&self, from: Option<Bound>, to: Option<Bound>) -> Result<(Timestamp, Timestamp)> {
        Bound::span(from, to, &self.deployment.zone)
            .map_err(|_| Error::parameter("from", "the span lies outside the calendar"))
    }

    /// The instant so many local days later.
    pub(super) fn later(&self, at: Timestamp, days: i32) -> Result<Timestamp> {
        let zone = &self.deployment.zone;
        zone.local(at)
            .checked_add(days.days())
            .and_then(|local| zone.instant(local))
            .map_err(|_| Error::parameter("from", "the span lies outside the calendar"))
    }

    /// An instant as the system is asked about it: local time with its offset would say the same.
    pub(super) fn stamp(at: Timestamp) -> String {
        at.to_string()
    }

    /// The readings taken at or after `start` and before `end`, oldest first.
    async fn readings(&self, point: &Point, start: Timestamp, end: Timestamp, cx: &Context) -> Result<Vec<Reading>> {
        let variables = documents::readings::Variables {
            account: point.owner.number.clone(),
            input: documents::readings::DailyReadingInput {
                account_number: point.owner.number.clone(),
                esi_id: Some(point.esi_id.clone()),
                // A day's reading is stamped with the day's end (contract, example 07), so whether the system's bounds
                // are of days or of stamps is open: a day more on each side, and what does not belong is left out below.
                from_datetime: Self::stamp(self.later(start, -1)?),
                to_datetime: Self::stamp(self.later(end, 1)?),
            },
        };
        let mut answered = self.ask::<documents::Readings>(ListReadings::ID, variables, cx).await?;
        let account = answered.data.account.take();
        let account = account.ok_or_else(|| answered.missing(&["account"], Error::not_found("account")))?;
        same_account(account.number.as_deref(), &point.owner)?;
        if account.properties.is_none() {
            answered.none(&["account", "properties"])?;
        }
        let metered = present(account.properties)
            .filter(|property| property.id.as_deref() == Some(&point.property))
            .flat_map(|property| present(property.meter_points))
            .find(|found| filled(found.esi_id.clone()).as_deref() == Some(&point.esi_id))
            .ok_or_else(|| answered.missing(&["account", "properties"], Error::not_found("service point")))?;
        let stands: Vec<Stand> = if metered.meters.is_none() {
            // Which meter was read is an extra: without it the readings still hold.
            Vec::new()
        } else {
            self.deployment
                .stands(&point.owner, &point.property, &point.esi_id, metered.meters)?
        };
        let rows = match answered.data.daily_readings.take() {
            Some(rows) => rows,
            None => {
                answered.none(&["dailyReadings"])?;
                return Ok(Vec::new());
            }
        };
        let mut readings: Vec<Reading> = Vec::with_capacity(rows.len());
        for (at, row) in rows.into_iter().enumerate() {
            let Some(row) = row else {
                answered.none(&["dailyReadings", &at.to_string()])?;
                continue;
            };
            if let (Some(said), Some(asked)) = (&row.meter_point_id, &metered.id)
                && said != asked
            {
                let place = format!("dailyReadings[{at}].meterPointId");
                return Err(Error::unreadable(place, "not the point asked for").code("integrity"));
            }
            let reading = self.deployment.reading(row, &stands, &format!("dailyReadings[{at}]"))?;
            if start <= reading.read_at && reading.read_at < end {
                readings.push(reading);
            }
        }
        readings.sort_by_key(|reading| reading.read_at);
        readings.dedup_by(|one, other| {
            one.read_at == other.read_at
                && one.value == other.value
                && one.consumption == other.consumption
                && one.source == other.source
        });
        Ok(readings)
    }
}
