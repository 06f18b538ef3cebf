//! Use and generation of the simulated supply points, computed on demand (README, "Metering").
//!
//! Everything derives from one rule: each supply point has a whole number of watt-hours for each local day in
//! America/Chicago, and each day is spread over its quarter-hours (92, 96 or 100 of them) without remainder. Every
//! other frequency, `dailyReadings`, `intervalReadings` and the quantities on charges are sums over those
//! quarter-hours.

use std::cell::RefCell;
use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::{Date, Weekday, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};
use serde_json::{Value, json};

use super::page::Nodes;
use super::refusal::Refusal;
use super::resolve::Args;

/// Seconds of the shortest interval.
const QUARTER: i64 = 900;
/// Intervals at most in a window wider than [`WHOLE_WINDOW`]; the earliest are cut without notice.
const MOST_INTERVALS: usize = 1488;
/// Seconds of the widest window that is served whole.
const WHOLE_WINDOW: i64 = 7 * 24 * 60 * 60;

/// A supply point that has been measured.
pub(super) struct Supply {
    pub(super) esi_id: &'static str,
    pub(super) meter_point: i64,
    pub(super) account: &'static str,
    pub(super) property: &'static str,
    /// First and last local day measured.
    days: (Date, Date),
    /// Register reads: the day a register starts to count, and what it shows then.
    registers: &'static [(Date, i64)],
    generates: bool,
    /// Delivered by start, or in no particular order and with the oddities of a busy deployment.
    tidy: bool,
}

/// Every measured supply point.
pub(super) const SUPPLIES: &[Supply] = &[
    Supply {
        esi_id: "10032789401234567",
        meter_point: 40771,
        account: "A-7C41D0E2",
        property: "48213",
        days: (date(2025, 10, 1), date(2026, 2, 4)),
        registers: &[(date(2025, 10, 1), 41_203_118), (date(2026, 1, 28), 0)],
        generates: false,
        tidy: true,
    },
    Supply {
        esi_id: "10443720000111222",
        meter_point: 51001,
        account: "A-5E90B3F4",
        property: "61001",
        days: (date(2025, 10, 1), date(2026, 9, 30)),
        registers: &[(date(2025, 10, 1), 88_410_250), (date(2026, 3, 10), 12)],
        generates: false,
        tidy: false,
    },
    Supply {
        esi_id: "10443720000111333",
        meter_point: 51002,
        account: "A-5E90B3F4",
        property: "61001",
        days: (date(2025, 10, 1), date(2026, 9, 30)),
        registers: &[(date(2025, 10, 1), 5_000)],
        generates: true,
        tidy: false,
    },
    Supply {
        esi_id: "10443720000444555",
        meter_point: 51003,
        account: "A-5E90B3F4",
        property: "61002",
        days: (date(2025, 10, 1), date(2026, 3, 31)),
        registers: &[(date(2025, 10, 1), 730_001)],
        generates: false,
        tidy: false,
    },
];

/// Which way the energy flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Consumption,
    Generation,
}

impl Direction {
    fn code(self) -> &'static str {
        match self {
            Self::Consumption => "CONSUMPTION",
            Self::Generation => "GENERATION",
        }
    }
}

/// The supply point of this ESI ID.
pub(super) fn supply(esi_id: &str) -> Option<&'static Supply> {
    SUPPLIES.iter().find(|supply| supply.esi_id == esi_id)
}

fn texas() -> TimeZone {
    TimeZone::get("America/Chicago").unwrap_or(TimeZone::UTC)
}

/// Unix second of a local midnight.
fn midnight(day: Date, zone: &TimeZone) -> i64 {
    day.to_zoned(zone.clone())
        .map(|zoned| zoned.timestamp().as_second())
        .unwrap_or_default()
}

fn next(day: Date) -> Date {
    day.saturating_add(1.day())
}

fn local_day(second: i64, zone: &TimeZone) -> Date {
    Timestamp::from_second(second)
        .map(|at| at.to_zoned(zone.clone()).date())
        .unwrap_or_default()
}

/// A well-spread number from a seed, the same on every run.
pub(super) fn scatter(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn day_number(day: Date) -> u64 {
    u64::try_from(midnight(day, &TimeZone::UTC) / 86_400).unwrap_or_default()
}

/// Spreads a whole number over weights without remainder.
fn spread(total: i64, weights: &[i64]) -> Vec<i64> {
    let sum: i64 = weights.iter().sum::<i64>().max(1);
    let mut reached = 0;
    let mut given = 0;
    weights
        .iter()
        .map(|weight| {
            reached += weight;
            let upto = i64::try_from(i128::from(total) * i128::from(reached) / i128::from(sum)).unwrap_or_default();
            let part = upto - given;
            given = upto;
            part
        })
        .collect()
}

/// Days of account A-7C41D0E2 whose use the contract's examples state or imply, in watt-hours: 07-us-readings.json
/// gives two days and the new meter's register, which leaves 82.284 kWh for the four days after the exchange.
const STATED_DAYS: &[(Date, i64)] = &[
    (date(2026, 1, 28), 20_571),
    (date(2026, 1, 29), 20_571),
    (date(2026, 1, 30), 20_571),
    (date(2026, 1, 31), 20_571),
    (date(2026, 2, 1), 36_118),
    (date(2026, 2, 2), 35_588),
];

/// Billing periods of account A-7C41D0E2 with the use its charges state (04-transactions.json; the first is inference).
const STATED_PERIODS: &[(Date, Date, i64)] = &[
    (date(2025, 11, 5), date(2025, 12, 4), 678_000),
    (date(2025, 12, 5), date(2026, 1, 4), 970_000),
    (date(2026, 1, 5), date(2026, 2, 4), 1_120_000),
];

/// The first quarter-hours of 2026-02-01 (06-measurements.json).
const STATED_QUARTERS: [i64; 4] = [412, 387, 401, 395];

fn stated_day(day: Date) -> i64 {
    let stated = |wanted: Date| {
        STATED_DAYS
            .iter()
            .find(|(day, _)| *day == wanted)
            .map(|(_, use_of)| *use_of)
    };
    if let Some(use_of) = stated(day) {
        return use_of;
    }
    let Some((from, to, total)) = STATED_PERIODS.iter().find(|(from, to, _)| *from <= day && day <= *to) else {
        return 24_000 + i64::try_from(scatter(day_number(day)) % 9_000).unwrap_or_default();
    };
    let mut free = Vec::new();
    let mut left = *total;
    let mut each = *from;
    while each <= *to {
        match stated(each) {
            Some(use_of) => left -= use_of,
            None => free.push(each),
        }
        each = next(each);
    }
    let weights: Vec<i64> = free
        .iter()
        .map(|day| 90 + i64::try_from(scatter(day_number(*day)) % 21).unwrap_or_default())
        .collect();
    let place = free.iter().position(|free_day| *free_day == day);
    place
        .and_then(|place| spread(left, &weights).get(place).copied())
        .unwrap_or_default()
}

impl Supply {
    fn seed(&self) -> u64 {
        u64::try_from(self.meter_point).unwrap_or_default() << 20
    }

    fn directions(&self) -> &'static [Direction] {
        match self.generates {
            true => &[Direction::Consumption, Direction::Generation],
            false => &[Direction::Consumption],
        }
    }

    /// Watt-hours of one local day; nothing outside the days measured.
    pub(super) fn day(&self, direction: Direction, day: Date) -> i64 {
        if day < self.days.0 || day > self.days.1 {
            return 0;
        }
        let chance = i64::try_from(scatter(self.seed() ^ day_number(day)) % 1_000).unwrap_or_default();
        // Summers are hot in Texas and the sun stands higher.
        let month = i64::from(day.month());
        let heat = 6 - (month - 7).abs();
        match direction {
            Direction::Generation if !self.generates => 0,
            Direction::Generation => 9_000 + heat * 2_100 + chance * 7,
            Direction::Consumption if self.tidy => stated_day(day),
            Direction::Consumption => 41_000 + heat.max(0) * 6_500 + chance * 13,
        }
    }

    /// Watt-hours of each quarter-hour of one local day.
    fn quarters(&self, direction: Direction, day: Date, zone: &TimeZone) -> Vec<i64> {
        let (from, to) = (midnight(day, zone), midnight(next(day), zone));
        let weights: Vec<i64> = (from / QUARTER..to / QUARTER)
            .map(|quarter| {
                // Hours since midnight: an hour off the clock after a change, which a load curve does not mind.
                let hour = (quarter * QUARTER - from) / 3_600;
                let seed = self.seed() ^ u64::try_from(quarter).unwrap_or_default();
                let jitter = i64::try_from(scatter(seed) % 15).unwrap_or_default();
                match direction {
                    Direction::Generation => (49 - (2 * hour - 26) * (2 * hour - 26) / 3).max(0) * (10 + jitter),
                    Direction::Consumption if (17..22).contains(&hour) => 160 + jitter,
                    Direction::Consumption if (6..17).contains(&hour) => 100 + jitter,
                    Direction::Consumption => 60 + jitter,
                }
            })
            .collect();
        let total = self.day(direction, day);
        if self.tidy && day == date(2026, 2, 1) {
            let mut quarters = STATED_QUARTERS.to_vec();
            let weights = weights.get(STATED_QUARTERS.len()..).unwrap_or_default();
            quarters.extend(spread(total - STATED_QUARTERS.iter().sum::<i64>(), weights));
            return quarters;
        }
        spread(total, &weights)
    }

    /// Watt-hours from one local day to another, the second left out.
    pub(super) fn days_between(&self, direction: Direction, from: Date, to: Date) -> i64 {
        let (mut day, mut sum) = (from.max(self.days.0), 0);
        while day < to && day <= self.days.1 {
            sum += self.day(direction, day);
            day = next(day);
        }
        sum
    }

    /// What the register in use shows at a local midnight.
    fn register(&self, day: Date) -> i64 {
        // On the day of an exchange the old register is read for the last time.
        let since = self
            .registers
            .iter()
            .rev()
            .find(|(from, _)| *from < day)
            .or(self.registers.first());
        since.map_or(0, |(from, shown)| {
            shown + self.days_between(Direction::Consumption, *from, day)
        })
    }

    fn estimated(&self, day: Date) -> bool {
        !self.tidy && scatter(self.seed() ^ day_number(day) ^ 0xE57).is_multiple_of(11)
    }
}

/// Sums of series, keeping the quarter-hours of the days read so far: pages are read in any order.
#[derive(Default)]
struct Reader(RefCell<HashMap<(i64, bool, Date), Vec<i64>>>);

impl Reader {
    /// Watt-hours in `[from, to)`, Unix seconds on quarter-hours.
    fn between(&self, supply: &Supply, direction: Direction, zone: &TimeZone, from: i64, to: i64) -> i64 {
        let (mut at, mut sum) = (from, 0);
        while at < to {
            let day = local_day(at, zone);
            let (start, end) = (midnight(day, zone), midnight(next(day), zone));
            let until = end.min(to);
            if at == start && until == end {
                sum += supply.day(direction, day);
            } else {
                let mut kept = self.0.borrow_mut();
                let quarters = kept
                    .entry((supply.meter_point, direction == Direction::Generation, day))
                    .or_insert_with(|| supply.quarters(direction, day, zone));
                let place = |second: i64| usize::try_from((second - start) / QUARTER).unwrap_or_default();
                sum += quarters
                    .get(place(at)..place(until))
                    .unwrap_or_default()
                    .iter()
                    .sum::<i64>();
            }
            at = until.max(at + 1);
        }
        sum
    }
}

/// How long an interval is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Seconds(i64),
    Day,
    Week,
    Month,
    Quarter,
}

impl Step {
    fn of(frequency: &str) -> Option<Self> {
        Some(match frequency {
            "RAW_INTERVAL" | "FIFTEEN_MIN_INTERVAL" => Self::Seconds(QUARTER),
            "THIRTY_MIN_INTERVAL" => Self::Seconds(2 * QUARTER),
            "HOUR_INTERVAL" => Self::Seconds(4 * QUARTER),
            "DAY_INTERVAL" | "DAILY" => Self::Day,
            "WEEK_INTERVAL" => Self::Week,
            "MONTH_INTERVAL" => Self::Month,
            "QUARTER_INTERVAL" => Self::Quarter,
            _ => return None,
        })
    }

    /// The intervals of this length that start in `[from, to)`.
    fn intervals(self, from: i64, to: i64, zone: &TimeZone) -> Vec<(i64, i64)> {
        if let Self::Seconds(length) = self {
            let first = from.div_euclid(length) * length;
            let first = if first < from { first + length } else { first };
            return (0..)
                .map(|count| first + count * length)
                .take_while(|at| *at < to)
                .map(|at| (at, at + length))
                .collect();
        }
        let mut starts = Vec::new();
        let mut day = self.start_of(local_day(from, zone));
        while midnight(day, zone) < to {
            starts.push((midnight(day, zone), midnight(self.after(day), zone)));
            day = self.after(day);
        }
        starts.retain(|(start, _)| *start >= from);
        starts
    }

    fn start_of(self, day: Date) -> Date {
        match self {
            Self::Week => day.saturating_sub(i64::from(day.weekday().since(Weekday::Monday)).days()),
            Self::Month => day.first_of_month(),
            Self::Quarter => day
                .first_of_month()
                .saturating_sub(i64::from((day.month() - 1) % 3).months()),
            Self::Seconds(_) | Self::Day => day,
        }
    }

    fn after(self, day: Date) -> Date {
        match self {
            Self::Week => day.saturating_add(7.days()),
            Self::Month => day.saturating_add(1.month()),
            Self::Quarter => day.saturating_add(3.months()),
            Self::Seconds(_) | Self::Day => next(day),
        }
    }
}

/// One interval of one series, before it is written.
struct Interval {
    supply: &'static Supply,
    direction: Direction,
    frequency: String,
    start: i64,
    end: i64,
}

/// The `measurements` of a property: nodes of its connection.
///
/// Filters choose series; without filters all series come mixed, by quarter-hour and by day. A window wider than seven
/// days keeps the last [`MOST_INTERVALS`] of each series and says nothing about it.
pub(super) fn measurements(property: &str, args: &Args) -> Result<Nodes<'static>, Refusal> {
    let zone = match args.text("timezone") {
        Some(name) => TimeZone::get(name).map_err(|_| Refusal::uncoded("VALIDATION", "Invalid timezone."))?,
        None => texas(),
    };
    let (from, to) = window(args, &zone)?;
    let supplies = SUPPLIES.iter().filter(|supply| supply.property == property);
    let mut intervals = Vec::new();
    let mut tidy = true;
    for supply in supplies {
        tidy &= supply.tidy;
        for (direction, frequency, quality) in series(args, supply)? {
            let Some(step) = Step::of(&frequency) else { continue };
            let texas = texas();
            let (known_from, known_to) = (midnight(supply.days.0, &texas), midnight(next(supply.days.1), &texas));
            let mut found = step.intervals(from, to, &zone);
            found.retain(|(start, end)| *start < known_to && *end > known_from);
            if to - from > WHOLE_WINDOW && found.len() > MOST_INTERVALS {
                found.drain(..found.len() - MOST_INTERVALS);
            }
            found.retain(|(start, _)| match quality.as_str() {
                "ACTUAL" => !supply.estimated(local_day(*start, &texas)),
                "ESTIMATE" => supply.estimated(local_day(*start, &texas)),
                _ => true,
            });
            let frequency = &frequency;
            intervals.extend(found.into_iter().map(|(start, end)| Interval {
                supply,
                direction,
                frequency: frequency.clone(),
                start,
                end,
            }));
        }
    }
    if !tidy {
        intervals.sort_by_key(|interval| scatter(interval.seed()));
    }
    let count = intervals.len();
    let (zone, reader) = (texas(), Reader::default());
    Ok(Nodes::new(count, move |index| {
        intervals
            .get(index)
            .map(|interval| interval.node(&zone, &reader))
            .unwrap_or_default()
    }))
}

/// Start and end of the window: an instant each, or a local date each with the end left out (inference, like
/// intervals).
fn window(args: &Args, zone: &TimeZone) -> Result<(i64, i64), Refusal> {
    let instant = |name: &str| args.text(name).map(|text| second(text, name)).transpose();
    let day = |name: &str| match args.text(name) {
        None => Ok(None),
        Some(text) => match text.parse::<Date>() {
            Ok(day) => Ok(Some(midnight(day, zone))),
            Err(_) => Err(Refusal::uncoded("VALIDATION", &format!("{name} is not a date."))),
        },
    };
    match (instant("startAt")?, instant("endAt")?, day("startOn")?, day("endOn")?) {
        (Some(from), Some(to), None, None) | (None, None, Some(from), Some(to)) if from <= to => Ok((from, to)),
        _ => Err(Refusal::uncoded(
            "VALIDATION",
            "Give either startAt and endAt or startOn and endOn.",
        )),
    }
}

fn second(text: &str, name: &str) -> Result<i64, Refusal> {
    match text.parse::<Timestamp>() {
        Ok(at) => Ok(at.as_second()),
        Err(_) => Err(Refusal::uncoded(
            "VALIDATION",
            &format!("{name} is not a date and time with an offset."),
        )),
    }
}

/// Direction, frequency and quality of each series of a supply point that the filters let through.
fn series(args: &Args, supply: &Supply) -> Result<Vec<(Direction, String, String)>, Refusal> {
    let filters = args
        .get("utilityFilters")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut wanted = Vec::new();
    if filters.is_empty() {
        for direction in supply.directions() {
            for frequency in ["FIFTEEN_MIN_INTERVAL", "DAY_INTERVAL"] {
                wanted.push((*direction, frequency.to_owned(), "COMBINED".to_owned()));
            }
        }
    }
    for filter in filters.iter().filter_map(|filter| filter.get("electricityFilters")) {
        let text = |name: &str| filter.get(name).and_then(Value::as_str);
        let frequency = text("readingFrequencyType").unwrap_or("RAW_INTERVAL");
        if frequency == "FIVE_MIN_INTERVAL" {
            return Err(Refusal::uncoded("VALIDATION", "FIVE_MIN_INTERVAL is not available."));
        }
        if text("marketSupplyPointId").is_some_and(|esi_id| esi_id != supply.esi_id) {
            continue;
        }
        let quality = text("readingQuality").unwrap_or("COMBINED");
        wanted.extend(
            supply
                .directions()
                .iter()
                .filter(|direction| direction.code() == text("readingDirection").unwrap_or("CONSUMPTION"))
                .map(|direction| (*direction, frequency.to_owned(), quality.to_owned())),
        );
    }
    Ok(wanted)
}

impl Interval {
    fn seed(&self) -> u64 {
        let generation = u64::from(self.direction == Direction::Generation);
        self.supply.seed() ^ u64::try_from(self.start ^ (self.end << 8)).unwrap_or_default() ^ (generation << 40)
    }

    fn node(&self, zone: &TimeZone, reader: &Reader) -> Value {
        let supply = self.supply;
        let watt_hours = reader.between(supply, self.direction, zone, self.start, self.end);
        let odd = !supply.tidy;
        let estimated = supply.estimated(local_day(self.start, zone));
        let quality = match (estimated, Step::of(&self.frequency)) {
            (_, Some(Step::Week | Step::Month | Step::Quarter)) => "COMBINED",
            (true, _) => "ESTIMATE",
            (false, _) => "ACTUAL",
        };
        let write = |second: i64| if odd { local(second, zone) } else { universal(second) };
        let meta_data = (!odd || !scatter(self.seed()).is_multiple_of(97)).then(|| {
            json!({
                "utilityFilters": {
                    "__typename": "ElectricityFiltersOutput",
                    "readingFrequencyType": self.frequency,
                    "readingDirection": self.direction.code(),
                    "readingQuality": quality,
                    "marketSupplyPointId": supply.esi_id,
                    "deviceId": null,
                    "registerId": null,
                },
                "statistics": if odd { Value::Null } else { json!([]) },
            })
        });
        json!({
            "__typename": "IntervalMeasurementType",
            "source": format!(
                "meter_point.electricity.interval.meter_point.esi_id.{}.{}",
                supply.esi_id,
                self.direction.code().to_lowercase()
            ),
            "metaData": meta_data,
            "value": format!("{}.{:03}00", watt_hours / 1000, watt_hours % 1000),
            "unit": "kWh",
            "readAt": write(self.end),
            "startAt": write(self.start),
            "endAt": write(self.end),
            "durationInSeconds": self.end - self.start,
        })
    }
}

/// Kilowatt-hours with three decimals.
fn kilowatt_hours(watt_hours: i64) -> String {
    format!("{}.{:03}", watt_hours / 1000, watt_hours % 1000)
}

/// An instant as UTC with a numeric offset.
pub(super) fn universal(second: i64) -> String {
    Timestamp::from_second(second)
        .map(|at| at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string())
        .unwrap_or_default()
}

/// A local midnight in Texas as UTC with a numeric offset.
pub(super) fn texas_midnight(day: Date) -> String {
    universal(midnight(day, &texas()))
}

fn local(second: i64, zone: &TimeZone) -> String {
    Timestamp::from_second(second)
        .map(|at| at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
        .unwrap_or_default()
}

/// The supply point and window of the two US read queries.
fn asked<'i>(input: &'i Value, latest: &'i str) -> Result<(&'static Supply, i64, i64), Refusal> {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    // The code is registered for an unknown supply point; that these queries use it is inference.
    let unknown = || {
        let message = "No supply point found for identifier provided.";
        Refusal::coded("KT-CT-4719", "APPLICATION", message, "")
    };
    let supply = supply(text("esiId").unwrap_or(latest)).ok_or_else(unknown)?;
    if Some(supply.account) != text("accountNumber") {
        return Err(unknown());
    }
    let from = second(text("fromDatetime").unwrap_or_default(), "fromDatetime")?;
    let to = second(text("toDatetime").unwrap_or_default(), "toDatetime")?;
    Ok((supply, from, to))
}

/// `dailyReadings`: one entry per local midnight in `(from, to]`, with the use of the day that ends there.
pub(super) fn daily_readings(input: &Value, latest: &str) -> Result<Value, Refusal> {
    let (supply, from, to) = asked(input, latest)?;
    let zone = texas();
    let mut readings = Vec::new();
    let mut day = supply.days.0;
    while day <= supply.days.1 {
        let at = midnight(next(day), &zone);
        if from < at && at <= to {
            readings.push(json!({
                "meterPointId": supply.meter_point,
                "readAt": local(at, &zone),
                "meterReading": kilowatt_hours(supply.register(next(day))),
                "dailyUsage": kilowatt_hours(supply.day(Direction::Consumption, day)),
                "source": if supply.estimated(day) { "ESTIMATED" } else { "TDSP" },
            }));
        }
        day = next(day);
    }
    Ok(readings.into())
}

/// `intervalReadings`: quarter-hours of at most one day.
pub(super) fn interval_readings(input: &Value, latest: &str) -> Result<Value, Refusal> {
    let (supply, from, to) = asked(input, latest)?;
    let zone = texas();
    // A day of a clock change has 25 hours.
    if SignedDuration::from_secs(to - from) > SignedDuration::from_hours(25) {
        return Err(Refusal::uncoded("VALIDATION", "The window must not exceed one day."));
    }
    let (known_from, known_to) = (midnight(supply.days.0, &zone), midnight(next(supply.days.1), &zone));
    let reader = Reader::default();
    let readings: Vec<Value> = Step::Seconds(QUARTER)
        .intervals(from.max(known_from), to.min(known_to), &zone)
        .into_iter()
        .map(|(start, end)| {
            json!({
                "meterPointId": supply.meter_point,
                "fromDatetime": universal(start),
                "toDatetime": universal(end),
                "consumption": kilowatt_hours(reader.between(supply, Direction::Consumption, &zone, start, end)),
                "price": null,
            })
        })
        .collect();
    Ok(readings.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watt_hours(nodes: &Nodes<'_>) -> i64 {
        (0..nodes.len())
            .map(|index| {
                let text = nodes.node(index)["value"].as_str().unwrap().replace('.', "");
                text.parse::<i64>().unwrap() / 100
            })
            .sum()
    }

    fn ask(property: &str, start: &str, end: &str, esi_id: &str, direction: &str, frequency: &str) -> Nodes<'static> {
        let args = json!({"startOn": start, "endOn": end, "timezone": "America/Chicago", "utilityFilters": [
            {"electricityFilters": {"marketSupplyPointId": esi_id, "readingDirection": direction,
                "readingFrequencyType": frequency}}]});
        measurements(property, &Args::from_json(args)).ok().unwrap()
    }

    #[test]
    fn every_frequency_sums_to_the_same() {
        for direction in ["CONSUMPTION", "GENERATION"] {
            for (start, end) in [
                ("2025-10-27", "2025-11-03"),
                ("2026-03-02", "2026-03-09"),
                ("2026-07-06", "2026-07-13"),
            ] {
                let sum = |frequency| watt_hours(&ask("61001", start, end, "10443720000111333", direction, frequency));
                let days = sum("DAY_INTERVAL");
                assert!(days > 0);
                for frequency in [
                    "FIFTEEN_MIN_INTERVAL",
                    "THIRTY_MIN_INTERVAL",
                    "HOUR_INTERVAL",
                    "WEEK_INTERVAL",
                ] {
                    assert_eq!(sum(frequency), days, "{direction} {start} {frequency}");
                }
            }
        }
        let year = |frequency| {
            watt_hours(&ask(
                "61001",
                "2025-10-01",
                "2026-10-01",
                "10443720000111222",
                "CONSUMPTION",
                frequency,
            ))
        };
        assert_eq!(year("MONTH_INTERVAL"), year("DAY_INTERVAL"));
        assert_eq!(year("QUARTER_INTERVAL"), year("DAY_INTERVAL"));
    }

    #[test]
    fn clock_changes_make_days_of_92_and_100_quarters() {
        let count = |day: &str, after: &str| {
            ask(
                "61001",
                day,
                after,
                "10443720000111222",
                "CONSUMPTION",
                "FIFTEEN_MIN_INTERVAL",
            )
            .len()
        };
        assert_eq!(count("2025-11-02", "2025-11-03"), 100);
        assert_eq!(count("2026-03-08", "2026-03-09"), 92);
        assert_eq!(count("2026-03-09", "2026-03-10"), 96);
    }

    #[test]
    fn wide_windows_lose_their_beginning() {
        let week = ask(
            "61001",
            "2026-05-01",
            "2026-05-08",
            "10443720000111222",
            "CONSUMPTION",
            "FIFTEEN_MIN_INTERVAL",
        );
        assert_eq!(week.len(), 672);
        let wide = ask(
            "61001",
            "2026-05-01",
            "2026-06-01",
            "10443720000111222",
            "CONSUMPTION",
            "FIFTEEN_MIN_INTERVAL",
        );
        assert_eq!(wide.len(), MOST_INTERVALS);
        let first = (0..wide.len())
            .map(|index| wide.node(index)["startAt"].as_str().unwrap().to_owned())
            .min()
            .unwrap();
        assert_eq!(first, "2026-05-16T12:00:00-05:00");
    }

    #[test]
    fn unfiltered_series_mix_and_come_in_no_order() {
        let args = json!({"startOn": "2026-05-01", "endOn": "2026-05-02", "utilityFilters": []});
        let nodes = measurements("61001", &Args::from_json(args)).ok().unwrap();
        assert_eq!(nodes.len(), 3 * 97);
        let starts: Vec<String> = (0..nodes.len())
            .map(|index| nodes.node(index)["startAt"].as_str().unwrap().to_owned())
            .collect();
        assert!(!starts.is_sorted());
    }

    #[test]
    fn periods_of_the_examples_add_up_to_their_charges() {
        let supply = supply("10032789401234567").unwrap();
        for (from, to, total) in STATED_PERIODS {
            assert_eq!(supply.days_between(Direction::Consumption, *from, next(*to)), *total);
        }
        assert_eq!(kilowatt_hours(supply.register(date(2026, 2, 2))), "118.402");
    }

    #[test]
    fn some_days_are_estimates_and_can_be_asked_for() {
        let ask = |quality: &str| {
            let args = json!({"startOn": "2025-10-01", "endOn": "2026-10-01", "utilityFilters": [
                {"electricityFilters": {
                "marketSupplyPointId": "10443720000111222", "readingDirection": "CONSUMPTION",
                "readingFrequencyType": "DAY_INTERVAL", "readingQuality": quality}}]});
            measurements("61001", &Args::from_json(args)).ok().unwrap().len()
        };
        assert_eq!(ask("COMBINED"), 365);
        assert!(ask("ESTIMATE") > 10);
        assert_eq!(ask("ACTUAL") + ask("ESTIMATE"), 365);
    }

    #[test]
    fn an_exchanged_meter_is_read_for_the_last_time_on_its_last_day() {
        let supply = supply("10443720000111222").unwrap();
        let used = |from, to| supply.days_between(Direction::Consumption, from, to);
        let exchange = date(2026, 3, 10);
        assert_eq!(
            supply.register(exchange),
            88_410_250 + used(date(2025, 10, 1), exchange)
        );
        assert_eq!(supply.register(next(exchange)), 12 + used(exchange, next(exchange)));
    }

    #[test]
    fn windows_are_checked() {
        for args in [
            json!({}),
            json!({"startOn": "2026-01-01"}),
            json!({"startOn": "x", "endOn": "2026-01-02"}),
            json!({"startOn": "2026-01-01", "endOn": "2026-01-02", "timezone": "Nowhere/At_All"}),
        ] {
            assert!(measurements("61001", &Args::from_json(args)).is_err());
        }
        let input = json!({"accountNumber": "A-7C41D0E2", "fromDatetime": "2026-02-01T00:00:00-06:00",
            "toDatetime": "2026-02-03T00:00:00-06:00"});
        assert!(interval_readings(&input, "10032789401234567").is_err());
    }
}
