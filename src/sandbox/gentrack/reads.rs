//! The read history, and reads that are checked or handed in.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::answer::Refusal;
use super::book::Point;
use super::request::{self, Query};

/// The statuses a read can have.
const STATUSES: [&str; 4] = ["Accepted", "Pending", "Unknown", "Removed"];

/// Consumption above this many times the greatest of the register's accepted reads is far above the expected range.
const FAR_ABOVE: u32 = 3;

/// The part of the read history that is asked for; both days are included.
pub(super) struct Wanted<'a> {
    from: &'a str,
    to: &'a str,
    statuses: Vec<&'a str>,
}

impl<'a> Wanted<'a> {
    pub(super) fn read(query: &'a Query) -> Result<Self, Refusal> {
        query.allow(&["fromDate", "toDate", "status", "meterReadStatusFilter"])?;
        let missing = |field, end| {
            Refusal::one(
                "RequiredParameterMissing",
                field,
                format!("{end} of the range is required."),
            )
        };
        let from = query.date("fromDate")?.ok_or_else(|| missing("fromDate", "A start"))?;
        let to = query.date("toDate")?.ok_or_else(|| missing("toDate", "An end"))?;
        request::ordered("toDate", from, to)?;
        let (field, statuses) = match (query.get("status"), query.get("meterReadStatusFilter")) {
            (Some(_), Some(_)) => {
                let why = "Send status or meterReadStatusFilter, not both.";
                return Err(Refusal::one("ParametersOverlap", "meterReadStatusFilter", why));
            }
            (Some(list), None) => ("status", list.split(',').collect()),
            (None, Some(one)) => ("meterReadStatusFilter", vec![one]),
            (None, None) => ("status", vec!["Accepted"]),
        };
        if let Some(other) = statuses.iter().find(|status| !STATUSES.contains(status)) {
            return Err(Refusal::one(
                "InvalidValue",
                field,
                format!("There is no status {other:?}."),
            ));
        }
        Ok(Wanted { from, to, statuses })
    }

    fn takes(&self, read: &Value) -> bool {
        let day = text(read, "readingDateTime").get(..10).unwrap_or_default();
        (self.from..=self.to).contains(&day) && self.statuses.contains(&text(read, "status"))
    }

    fn takes_all_accepted(&self, (first, last): &(String, String)) -> bool {
        self.statuses == ["Accepted"] && self.from <= first.as_str() && self.to >= last.as_str()
    }
}

/// The reads handed in so far.
#[derive(Default)]
pub(super) struct Submitted(Mutex<Handed>);

#[derive(Default)]
struct Handed {
    last_reference: u64,
    points: HashMap<String, Vec<(Place, Value)>>,
}

/// A register: the positions of its meter and of itself.
type Place = (usize, usize);

impl Submitted {
    fn lock(&self) -> MutexGuard<'_, Handed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The history of a service point as far as it is wanted, with what was handed in.
    pub(super) fn history(&self, id: &str, point: &Point, wanted: &Wanted<'_>) -> Bytes {
        let handed = self.lock().points.get(id).cloned().unwrap_or_default();
        if handed.is_empty() && wanted.takes_all_accepted(&point.span) {
            return point.accepted.clone();
        }
        let mut history = narrowed(&point.history, |read| wanted.takes(read));
        for ((meter, register), read) in handed {
            if wanted.takes(&read)
                && let Some(Value::Array(reads)) =
                    history.pointer_mut(&format!("/meters/{meter}/readingRegisters/{register}/meterReadings"))
            {
                reads.push(read);
            }
        }
        Bytes::from(history.to_string())
    }

    /// Keeps reads as pending; all or, if a register is not known, none.
    pub(super) fn store(&self, id: &str, point: &Point, sent: &Value) -> Result<(), Refusal> {
        let mut found = Vec::new();
        for (at, meter) in entries(sent, "meters").enumerate() {
            for (nth, register) in entries(meter, "readingRegisters").enumerate() {
                let Some(place) = place(&point.history, meter, register) else {
                    let field = format!("meters[{at}].readingRegisters[{nth}]");
                    let why = "The service point has no such register.";
                    return Err(Refusal::one("RegisterNotFound", &field, why));
                };
                for read in entries(register, "meterReadings") {
                    found.push((place, read));
                }
            }
        }
        let mut handed = self.lock();
        for (place, read) in found {
            handed.last_reference += 1;
            let kept = pending(9_900_000 + handed.last_reference, read);
            handed.points.entry(id.to_owned()).or_default().push((place, kept));
        }
        Ok(())
    }
}

/// A read handed in as the history shows it.
fn pending(reference: u64, read: &Value) -> Value {
    let time = request::local(text(read, "readingDateTime"));
    let source = read.get("source").cloned().unwrap_or_else(|| json!("Customer"));
    let quality = read.get("quality").cloned().unwrap_or_else(|| json!("Normal"));
    json!({
        "readingReference": reference,
        "readingDateTime": time.map(|time| format!("{time:.3}")).unwrap_or_default(),
        "sequenceType": "Normal",
        "source": source.clone(),
        "estimated": quality == "Estimated",
        "quality": quality,
        "readingType": source,
        "reading": read.get("reading").cloned().unwrap_or_default(),
        "status": "Pending",
    })
}

/// The history with only those reads that are wanted; every register stays.
pub(super) fn narrowed(history: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut history = history.clone();
    for meter in members(&mut history, "meters") {
        for register in members(meter, "readingRegisters") {
            if let Some(Value::Array(reads)) = register.get_mut("meterReadings") {
                reads.retain(&wanted);
            }
        }
    }
    history
}

/// The request echoed, with the findings of each register.
pub(super) fn validate(point: &Point, mut sent: Value) -> Bytes {
    for meter in members(&mut sent, "meters") {
        let head = json!({ "serialNumber": meter.get("serialNumber") });
        for register in members(meter, "readingRegisters") {
            let findings = match place(&point.history, &head, register) {
                Some((meter, number)) => {
                    let known = &point.history["meters"][meter]["readingRegisters"][number];
                    entries(register, "meterReadings")
                        .filter_map(|read| finding(known, read))
                        .collect()
                }
                None => vec![found(
                    "RegisterNotFound",
                    "Error",
                    "The service point has no such register.".to_owned(),
                )],
            };
            if let Value::Object(register) = register {
                register.insert("validationResponse".to_owned(), Value::Array(findings));
            }
        }
    }
    Bytes::from(sent.to_string())
}

/// What is to be said of a read, by the register's accepted reads.
fn finding(register: &Value, read: &Value) -> Option<Value> {
    let reading = number(read, "reading")?;
    let unit = text(register, "unitOfMeasure");
    let digits = register.get("dials").and_then(Value::as_u64).unwrap_or(10);
    if reading.trunc().to_string().len() as u64 > digits {
        return Some(found(
            "TooManyDigits",
            "Error",
            format!("The register has {digits} digits."),
        ));
    }
    let accepted = || entries(register, "meterReadings").filter(|read| text(read, "status") == "Accepted");
    let last = accepted().last()?;
    let since = request::local(text(last, "readingDateTime"))?;
    if request::local(text(read, "readingDateTime"))? <= since {
        let why = format!("The read is not later than the last one of {}.", since.date());
        return Some(found("ReadingNotLater", "Error", why));
    }
    let before = number(last, "reading")?;
    if reading < before {
        let why = format!("The read is below the last one of {before} on {}.", since.date());
        return Some(found("ReadingBelowLast", "Error", why));
    }
    let greatest = accepted().filter_map(|read| number(read, "quantity")).max()?;
    let consumption = reading - before;
    (consumption > greatest * Decimal::from(FAR_ABOVE)).then(|| {
        let day = since.date();
        let why = format!(
            "The read implies a consumption of {consumption} {unit} since {day}, far above the expected range."
        );
        found("ReadingAboveExpectedRange", "Warning", why)
    })
}

fn found(code: &str, status: &str, description: String) -> Value {
    json!({ "validationCode": code, "validationStatus": status, "validationDescription": description })
}

/// Finds a register by the meter's serial number and by its own id, or else by its label.
fn place(history: &Value, meter: &Value, register: &Value) -> Option<Place> {
    let (at, meter) = entries(history, "meters")
        .enumerate()
        .find(|(_, known)| text(known, "serialNumber") == text(meter, "serialNumber"))?;
    let same = |known: &Value| match register.get("id") {
        Some(id) => identifier(id) == known.get("id").and_then(identifier),
        None => text(known, "label") == text(register, "label"),
    };
    let nth = entries(meter, "readingRegisters").position(same)?;
    Some((at, nth))
}

/// An identifier as text, whether it came as a number or as text.
pub(super) fn identifier(id: &Value) -> Option<String> {
    match id {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn entries<'a>(object: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    object.get(name).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn members<'a>(object: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

fn number(object: &Value, name: &str) -> Option<Decimal> {
    let written = object.get(name)?.as_number()?.to_string();
    Decimal::from_str(&written)
        .or_else(|_| Decimal::from_scientific(&written))
        .ok()
        .map(|number| number.normalize())
}

/// The registers of the structure call: each with its last accepted read instead of all.
pub(super) fn structure(history: &Value) -> Value {
    let mut structure = history.clone();
    for meter in members(&mut structure, "meters") {
        for register in members(meter, "readingRegisters") {
            let last = entries(register, "meterReadings")
                .filter(|read| text(read, "status") == "Accepted")
                .last()
                .cloned();
            if let Value::Object(register) = register {
                register.remove("meterReadings");
                register.extend(last.map(|last| ("lastMeterReading".to_owned(), last)));
            }
        }
    }
    structure
}
