//! Readings that are handed in at a deployment of the GB edition.
//!
//! A refused value comes back in `readingErrors`, while the answer has no errors (extension, `Mutation`). What the contract
//! leaves open and is inference here: which values are refused, the fields and codes named, that a reading far above the one
//! before is held back, and that a point that is not the caller's is refused with KT-CT-1111.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::writes::{Books, instant};

/// How far above the one before a reading is held back.
const FAR: i64 = 20_000;

/// Executes one of the two mutations.
pub(super) fn create(books: &Books, field: &str, args: &Value, now: i64) -> Result<Value, Refusal> {
    books.change(|accounts, next| {
        let (list, identifier) = match field {
            "createGasMeterReading" => ("gasMeterPoints", "mprn"),
            _ => ("electricityMeterPoints", "mpan"),
        };
        let point = accounts
            .iter_mut()
            .filter_map(|account| account["properties"].as_array_mut())
            .flatten()
            .filter_map(|property| property[list].as_array_mut())
            .flatten()
            .find(|point| point[identifier] == args[identifier] && !args[identifier].is_null())
            .ok_or_else(|| Refusal::unauthorized("KT-CT-1111"))?;
        let meter = point["meters"]
            .as_array_mut()
            .into_iter()
            .flatten()
            .find(|meter| meter["serialNumber"] == args["serialNumber"]);
        let Some(meter) = meter else {
            return Ok(refused(
                "serialNumber",
                error("no_such_meter", "No such meter at this point."),
            ));
        };
        let day = args["readAt"].as_str().and_then(|day| day.parse::<Date>().ok());
        let today = instant(now)
            .to_zoned(TimeZone::get("Europe/London").unwrap_or(TimeZone::UTC))
            .date();
        let Some(day) = day.filter(|day| *day <= today) else {
            return Ok(refused(
                "readAt",
                error("invalid_date", "The day of a reading is not in the future."),
            ));
        };
        match field {
            "createGasMeterReading" => Ok(gas(meter, &args["reading"], next)),
            _ => Ok(electricity(meter, day, &args["readings"], next)),
        }
    })
}

fn error(code: &str, message: &str) -> Value {
    json!({"__typename": "SerializerErrorType", "message": message, "code": code})
}

fn refused(field: &str, error: Value) -> Value {
    json!({"readingErrors": [{"field": field, "errors": [error]}], "id": null})
}

/// An error of one of the readings, which are named by their place.
fn refused_at(place: usize, error: Value) -> Value {
    let nested = json!({"__typename": "SerializerFieldErrorsType", "field": place.to_string(), "errors": [error]});
    refused("readings", nested)
}

fn gas(meter: &mut Value, reading: &Value, next: &mut dyn FnMut() -> u64) -> Value {
    let before = meter["_reading"].as_i64().unwrap_or_default();
    match reading.as_i64() {
        Some(reading) if reading >= before => {
            meter["_reading"] = reading.into();
            json!({"readingErrors": [], "id": next().to_string()})
        }
        _ => refused("reading", error("too_low", "The reading is lower than one before it.")),
    }
}

fn electricity(meter: &mut Value, day: Date, readings: &Value, next: &mut dyn FnMut() -> u64) -> Value {
    let mut shown = Vec::new();
    for (place, reading) in readings.as_array().into_iter().flatten().enumerate() {
        let registers = meter["registers"].as_array();
        let register = registers
            .into_iter()
            .flatten()
            .find(|register| register["id"] == reading["registerId"]);
        let Some(register) = register else {
            return refused_at(place, error("no_such_register", "No such register."));
        };
        let before = latest(meter, &register["identifier"], day);
        let value = reading["reading"].as_i64().unwrap_or_default();
        if value < before {
            return refused_at(place, error("too_low", "The reading is lower than one before it."));
        }
        shown.push(
            json!({"identifier": register["identifier"], "name": register["name"], "value": value.to_string(),
            "digits": 5, "isQuarantined": value > before + FAR}),
        );
    }
    if shown.is_empty() {
        return refused("readings", error("required", "There is nothing to take."));
    }
    let id = next().to_string();
    let reading = json!({"id": id, "readAt": format!("{day}T00:00:00+00:00"), "readingSource": "CUSTOMER", "source": "Customer",
        "readingType": null, "registers": shown});
    if let Some(readings) = meter["readings"].as_array_mut() {
        readings.push(reading);
    }
    json!({"readingErrors": [], "id": id})
}

/// What a register showed last, up to a day and not held back.
fn latest(meter: &Value, identifier: &Value, day: Date) -> i64 {
    let last = day.to_string();
    let readings = meter["readings"].as_array().into_iter().flatten();
    let values = readings
        .filter(|reading| {
            reading["readAt"]
                .as_str()
                .is_some_and(|at| at.get(..10).unwrap_or_default() <= last.as_str())
        })
        .filter_map(|reading| reading["registers"].as_array())
        .flatten()
        .filter(|shown| shown["identifier"] == *identifier && shown["isQuarantined"] != true)
        .filter_map(|shown| shown["value"].as_str()?.split('.').next()?.parse::<i64>().ok());
    values.max().unwrap_or_default()
}
