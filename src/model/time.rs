//! Dates, instants, half-open periods, and the rule for local times at clock changes.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A span of calendar dates: `start` is in it, `end` is not. An open side is `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Period {
    /// The first day in the period.
    #[schema(example = "2026-06-01")]
    pub start: Option<Date>,
    /// The first day after the period.
    #[schema(example = "2026-07-01")]
    pub end: Option<Date>,
}

impl Period {
    /// The period from a first to a last day, both of them in it, as most bills print it.
    ///
    /// `None` if neither is known, or if the last day is the end of the calendar.
    #[must_use]
    pub fn through(first: Option<Date>, last: Option<Date>) -> Option<Self> {
        let end = match last {
            Some(day) => Some(day.checked_add(1.day()).ok()?),
            None => None,
        };
        (first.is_some() || end.is_some()).then_some(Self { start: first, end })
    }
}

/// A span of calendar dates that a caller gives: `start` is in it, `end` is not. An open side is left out or `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPeriod {
    /// The first day in the period.
    #[serde(default, deserialize_with = "perhaps_day")]
    #[schema(example = "2026-06-01")]
    pub start: Option<Date>,
    /// The first day after the period.
    #[serde(default, deserialize_with = "perhaps_day")]
    #[schema(example = "2026-07-01")]
    pub end: Option<Date>,
}

/// A calendar date of a body: `YYYY-MM-DD` and nothing else.
struct Day(Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Some(text.as_ref())
            .filter(|text| text.len() == 10)
            .and_then(|text| text.parse().ok())
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("it must be a date, `YYYY-MM-DD`"))
    }
}

/// Reads a calendar date of a body: `YYYY-MM-DD` and nothing else.
///
/// # Errors
/// If it is something else.
pub fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    Day::deserialize(deserializer).map(|day| day.0)
}

/// Reads a calendar date of a body that may be `null`; with `#[serde(default)]` it may be left out too.
///
/// # Errors
/// If it is something else.
pub fn perhaps_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    Ok(Option::<Day>::deserialize(deserializer)?.map(|day| day.0))
}

/// One side of a span of time as a caller gives it: a local calendar day, or an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// The start of this day, in the zone of the record asked about.
    Day(Date),
    /// This instant.
    At(Timestamp),
}

impl Bound {
    /// The instant, with days read in `zone`.
    ///
    /// # Errors
    /// If the instant lies outside the calendar.
    pub fn instant(self, zone: &Zone) -> Result<Timestamp, jiff::Error> {
        match self {
            Self::Day(day) => zone.start_of(day),
            Self::At(at) => Ok(at),
        }
    }

    /// The bounds of a span that ends with the current local day unless `to` says otherwise, and starts a year before its
    /// end unless `from` does.
    ///
    /// # Errors
    /// If an instant lies outside the calendar.
    pub fn span(from: Option<Self>, to: Option<Self>, zone: &Zone) -> Result<(Timestamp, Timestamp), jiff::Error> {
        let end = match to {
            Some(bound) => bound.instant(zone)?,
            None => zone.start_of(zone.date(Timestamp::now()).tomorrow()?)?,
        };
        let start = match from {
            Some(bound) => bound.instant(zone)?,
            None => zone.instant(zone.local(end).checked_sub(1.year())?)?,
        };
        Ok((start, end))
    }
}

impl FromStr for Bound {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        if text.len() == 10 {
            text.parse().map(Self::Day)
        } else {
            text.parse().map(Self::At)
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::At(at) => at.fmt(f),
        }
    }
}

/// The time zone a system's local times are in, by its IANA name.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// Why a text is not a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time zone is an IANA name such as `Australia/Sydney`")]
pub struct UnknownZone;

impl Zone {
    /// The instant of a local time.
    ///
    /// A time that occurs twice (clocks go back) is its first occurrence; a time that does not occur (clocks go forward)
    /// is moved forward by the length of the gap. This is RFC 5545's rule.
    ///
    /// # Errors
    /// If the instant lies outside the calendar.
    pub fn instant(&self, local: DateTime) -> Result<Timestamp, jiff::Error> {
        self.0.to_ambiguous_timestamp(local).compatible()
    }

    /// The first instant of a local day; not always at midnight.
    ///
    /// # Errors
    /// If the instant lies outside the calendar.
    pub fn start_of(&self, day: Date) -> Result<Timestamp, jiff::Error> {
        Ok(day.to_zoned(self.0.clone())?.start_of_day()?.timestamp())
    }

    /// The local date of an instant.
    #[must_use]
    pub fn date(&self, at: Timestamp) -> Date {
        self.0.to_datetime(at).date()
    }

    /// The local time of an instant.
    #[must_use]
    pub fn local(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(at)
    }

    /// The IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Reads a date and time as systems write it: with an offset it says its own instant, without one it is local here;
    /// a bare date is the start of that local day.
    ///
    /// # Errors
    /// If the text is neither.
    pub fn read(&self, text: &str) -> Result<Timestamp, jiff::Error> {
        if text.len() == 10 {
            return self.start_of(text.parse()?);
        }
        if has_offset(text) {
            return text.parse();
        }
        self.instant(text.parse()?)
    }
}

/// Whether a date and time ends with `Z` or an offset.
fn has_offset(text: &str) -> bool {
    text.ends_with(['Z', 'z']) || text.get(10..).is_some_and(|time| time.contains(['+', '-']))
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        let zone = TimeZone::get(text).map_err(|_| UnknownZone)?;
        zone.iana_name().ok_or(UnknownZone)?;
        Ok(Self(zone))
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl utoipa::PartialSchema for Zone {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("IANA time zone name."))
            .examples([serde_json::json!("Australia/Sydney")])
            .into()
    }
}

impl ToSchema for Zone {}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    #[test]
    fn the_last_day_billed_becomes_a_half_open_end() {
        let date = |text: &str| Some(text.parse::<Date>().unwrap());
        let june = Period::through(date("2026-06-01"), date("2026-06-30")).unwrap();
        assert_eq!(
            june,
            Period {
                start: date("2026-06-01"),
                end: date("2026-07-01")
            }
        );
        assert_eq!(Period::through(None, None), None);
        assert_eq!(Period::through(date("2026-06-01"), None).unwrap().end, None);
    }

    #[test]
    fn a_time_that_occurs_twice_is_the_first_and_one_that_does_not_moves_forward() {
        let sydney = zone("Australia/Sydney");
        // 5 April 2026, 03:00 AEDT becomes 02:00 AEST: 02:30 occurs twice.
        assert_eq!(
            sydney.read("2026-04-05T02:30:00.000").unwrap().to_string(),
            "2026-04-04T15:30:00Z"
        );
        // 4 October 2026, 02:00 AEST becomes 03:00 AEDT: 02:30 does not occur.
        assert_eq!(
            sydney.read("2026-10-04T02:30:00").unwrap().to_string(),
            "2026-10-03T16:30:00Z"
        );
    }

    #[test]
    fn an_offset_in_the_text_wins_over_the_zone() {
        let chicago = zone("America/Chicago");
        for (text, instant) in [
            ("2026-02-02T00:00:00-06:00", "2026-02-02T06:00:00Z"),
            ("2024-11-18T16:42:10.918273+00:00", "2024-11-18T16:42:10.918273Z"),
            ("2026-07-05T18:30:00+10:00", "2026-07-05T08:30:00Z"),
            ("2026-07-05", "2026-07-05T05:00:00Z"),
            ("2026-07-05T00:00:00", "2026-07-05T05:00:00Z"),
        ] {
            assert_eq!(chicago.read(text).unwrap().to_string(), instant, "{text}");
        }
        assert!(chicago.read("yesterday").is_err());
    }

    #[test]
    fn a_day_starts_where_its_zone_says() {
        // Santiago skips midnight: 6 September 2026 starts at 01:00.
        let start = zone("America/Santiago")
            .start_of("2026-09-06".parse().unwrap())
            .unwrap();
        assert_eq!(start.to_string(), "2026-09-06T04:00:00Z");
    }

    #[test]
    fn offsets_and_nonsense_are_no_zones() {
        for text in ["", "Mars/Olympus", "+10:00"] {
            assert_eq!(text.parse::<Zone>().unwrap_err(), UnknownZone, "{text}");
        }
    }

    #[test]
    fn every_zone_s_days_join_without_gap_or_overlap() {
        for name in jiff::tz::db().available() {
            let Ok(zone) = name.as_str().parse::<Zone>() else {
                continue;
            };
            let mut day: Date = "2026-01-01".parse().unwrap();
            let mut start = zone.start_of(day).unwrap();
            let mut hours = std::collections::BTreeMap::new();
            while day.year() == 2026 {
                day = day.tomorrow().unwrap();
                let next = zone.start_of(day).unwrap();
                let minutes = next.duration_since(start).as_secs() / 60;
                *hours.entry(minutes).or_insert(0) += 1;
                start = next;
            }
            assert_eq!(
                hours.iter().map(|(minutes, days)| minutes * days).sum::<i64>(),
                365 * 24 * 60,
                "{name:?} {hours:?}"
            );
        }
    }
}
