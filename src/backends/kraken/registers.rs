//! Wire → model for registers and what they showed, which only the GB edition has; pure.
//!
//! The words of `readingType` and of the two sources are stated nowhere, so how good a reading is stays unknown and the
//! words are passed on. A reading held back (`isQuarantined`) is taken for one that is not decided yet, any other for an
//! accepted one (inference). In what unit a register counts is not stated either.

use super::map::{Deployment, Owner, filled, present};
use super::wire;
use crate::error::{Error, Result};
use crate::model::meter::{Finding, FlowDirection, NewReading, Quality, Reading, ReadingStatus, Register, Severity};
use crate::model::money::{Number, decimal};

/// A meter as its key names it.
pub(super) struct Stood<'a> {
    pub(super) owner: &'a Owner,
    pub(super) property: &'a str,
    pub(super) market_id: &'a str,
    pub(super) serial: &'a str,
}

/// A register. Its label is the identifier that readings name it by.
pub(super) fn register(register: wire::Register, direction: Option<FlowDirection>) -> Result<Register> {
    let absent = "account.properties.electricityMeterPoints.meters.registers.id";
    let id = filled(register.id.map(|id| id.0)).ok_or_else(|| Error::unreadable(absent, "absent"))?;
    Ok(Register {
        id,
        label: filled(register.identifier),
        unit: None,
        direction,
        dials: register.digits.and_then(|digits| u32::try_from(digits).ok()),
        multiplier: register.multiplier.map(|multiplier| Number(multiplier.0)),
        accepts_readings: None,
        last_reading: None,
    })
}

/// Which way the energy flows at a point.
pub(super) fn direction(text: Option<String>) -> Option<FlowDirection> {
    filled(text).map(|text| match text.as_str() {
        "IMPORT" => FlowDirection::Import,
        "EXPORT" => FlowDirection::Export,
        _ => FlowDirection::Other,
    })
}

impl Deployment {
    /// What all registers of a meter showed at one moment, one by one.
    pub(super) fn register_readings(&self, stood: &Stood<'_>, reading: wire::MeterRead) -> Result<Vec<Reading>> {
        let absent = |member: &str| Error::unreadable(format_args!("meters.readings.{member}"), "absent");
        let native_id = filled(reading.id.map(|id| id.0)).ok_or_else(|| absent("id"))?;
        let read_at = filled(reading.read_at)
            .ok_or_else(|| absent("readAt"))
            .and_then(|text| self.instant(&text, "meters.readings.readAt"))?;
        let source = filled(reading.reading_source).or(filled(reading.source));
        let native_quality = filled(reading.reading_type);
        let (number, property) = (&stood.owner.number, stood.property);
        let meter = self.id(&[number, "m", property, stood.market_id, stood.serial])?;
        let mut readings = Vec::new();
        for (at, shown) in present(reading.registers).enumerate() {
            let register = filled(shown.identifier);
            let value = filled(shown.value)
                .map(|text| decimal(text.trim()))
                .transpose()
                .map_err(|_| Error::unreadable("meters.readings.registers.value", "not a number"))?;
            let value = value.map(Number);
            let name = register.clone().unwrap_or_else(|| format!("#{at}"));
            readings.push(Reading {
                id: Some(self.id(&[number, "r", stood.serial, &native_id, &name])?),
                native_id: Some(native_id.clone()),
                meter_id: Some(meter.clone()),
                register,
                read_at,
                value,
                unit: None,
                consumption: None,
                consumption_from: None,
                quality: Quality::Unknown,
                native_quality: native_quality.clone().map(Into::into),
                source: source.clone().map(Into::into),
                status: shown.is_quarantined.map(|held| match held {
                    true => ReadingStatus::Pending,
                    false => ReadingStatus::Accepted,
                }),
                native_status: None,
            });
        }
        Ok(readings)
    }
}

/// What was wrong with readings that were handed in. A field is named by the name of an argument, below it a reading by its
/// place (inference); what names none concerns them all.
pub(super) fn findings(refused: Option<Vec<Option<wire::FieldErrors>>>, readings: &[NewReading]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for field in present(refused) {
        let before = findings.len();
        collect(field.errors, None, readings, &mut findings);
        if findings.len() == before {
            // A field that is named refuses, whatever it leaves unsaid.
            findings.push(finding(None, readings, None, filled(field.field)));
        }
    }
    findings
}

fn collect(
    errors: Option<Vec<Option<wire::FieldError>>>,
    about: Option<&NewReading>,
    readings: &[NewReading],
    into: &mut Vec<Finding>,
) {
    for error in present(errors) {
        let place = error.field.as_deref().and_then(|field| field.parse::<usize>().ok());
        let about = place.and_then(|place| readings.get(place)).or(about);
        if error.message.is_some() || error.code.is_some() || error.errors.is_none() {
            into.push(finding(about, readings, filled(error.code), filled(error.message)));
        }
        collect(error.errors, about, readings, into);
    }
}

fn finding(
    about: Option<&NewReading>,
    readings: &[NewReading],
    code: Option<String>,
    detail: Option<String>,
) -> Finding {
    Finding {
        meter_number: readings.first().map(|reading| reading.meter_number.clone()),
        register: about.map(|reading| reading.register.clone()),
        severity: Severity::Error,
        native_severity: None,
        code,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::error::ErrorKind;

    fn read<T: DeserializeOwned>(value: &Value) -> T {
        serde_json::from_str(&value.to_string()).unwrap()
    }

    fn readings(reading: &Value) -> Result<Vec<Value>> {
        let deployment = Deployment {
            name: "kraken-gb".parse().unwrap(),
            currency: "GBP".parse().unwrap(),
            zone: "Europe/London".parse().unwrap(),
        };
        let owner = Owner {
            id: "kraken-gb:A-1".parse().unwrap(),
            number: "A-1".to_owned(),
        };
        let stood = Stood {
            owner: &owner,
            property: "72001",
            market_id: "1900008412345",
            serial: "20L3214765",
        };
        let found = deployment.register_readings(&stood, read(reading))?;
        Ok(found
            .iter()
            .map(|reading| serde_json::to_value(reading).unwrap())
            .collect())
    }

    #[test]
    fn registers_read_together_are_readings_of_their_own() {
        let reading = json!({
            "id": "8000001", "readAt": "2026-04-01T18:30:00+01:00", "readingSource": "", "source": "Customer",
            "readingType": "ACTUAL",
            "registers": [
                {"identifier": "DAY", "value": "04120.5", "isQuarantined": false}, null,
                {"identifier": "NIGHT", "value": null, "isQuarantined": true},
                {"identifier": null, "value": "7", "isQuarantined": null},
            ],
        });
        let common = json!({
            "native_id": "8000001", "meter_id": "kraken-gb:A-1~m~72001~1900008412345~20L3214765",
            "read_at": "2026-04-01T17:30:00Z", "unit": null, "consumption": null, "consumption_from": null,
            "quality": "UNKNOWN", "native_quality": "ACTUAL", "source": "Customer", "native_status": null,
        });
        let expected = [
            json!({"id": "kraken-gb:A-1~r~20L3214765~8000001~DAY", "register": "DAY", "value": "4120.5",
                "status": "ACCEPTED"}),
            json!({"id": "kraken-gb:A-1~r~20L3214765~8000001~NIGHT", "register": "NIGHT", "value": null,
                "status": "PENDING"}),
            json!({"id": "kraken-gb:A-1~r~20L3214765~8000001~#2", "register": null, "value": "7", "status": null}),
        ];
        let found = readings(&reading).unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, mut expected) in found.into_iter().zip(expected) {
            expected
                .as_object_mut()
                .unwrap()
                .extend(common.as_object().unwrap().clone());
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_reading_without_its_moment_or_its_identifier_is_not_read() {
        for reading in [
            json!({"id": "1", "readAt": null, "registers": []}),
            json!({"id": "1", "readAt": "noon", "registers": []}),
            json!({"id": null, "readAt": "2026-04-01T17:30:00Z", "registers": []}),
            json!({"id": "1", "readAt": "2026-04-01T17:30:00Z", "registers": [{"value": "about 7"}]}),
        ] {
            assert_eq!(
                readings(&reading).unwrap_err().kind(),
                ErrorKind::Unreadable,
                "{reading}"
            );
        }
    }

    #[test]
    fn a_register_keeps_the_digits_of_its_multiplier() {
        let register = |multiplier: &str| {
            let text =
                format!("{{\"id\": \"5-1\", \"identifier\": \"1\", \"digits\": 5, \"multiplier\": {multiplier}}}");
            let found = super::register(
                serde_json::from_str(&text).unwrap(),
                direction(Some("EXPORT".to_owned())),
            );
            serde_json::to_value(found.unwrap()).unwrap()
        };
        let found = register("0.1000000000000000055");
        assert_eq!(found["multiplier"], "0.1000000000000000055");
        assert_eq!((&found["id"], &found["label"]), (&json!("5-1"), &json!("1")));
        assert_eq!((&found["dials"], &found["direction"]), (&json!(5), &json!("EXPORT")));
        assert_eq!(found["unit"], Value::Null);
        assert_eq!(register("null")["multiplier"], Value::Null);
    }

    #[test]
    fn every_refusal_is_a_finding_at_the_reading_it_names() {
        let new = |register: &str| NewReading {
            meter_number: "20L3214765".to_owned(),
            register: register.to_owned(),
            read_at: "2026-04-01T17:30:00Z".parse().unwrap(),
            value: Number(1.into()),
        };
        let refused = json!([
            null,
            {"field": "readings", "errors": [
                {"field": "1", "errors": [{"message": "Too low.", "code": "too_low"}, {"message": null, "code": "odd"}]},
                {"message": "Look again.", "code": null},
            ]},
            {"field": "readAt", "errors": []},
            {"field": "mpan", "errors": null},
        ]);
        let found = findings(read(&refused), &[new("DAY"), new("NIGHT")]);
        let told: Vec<_> = found
            .iter()
            .map(|finding| {
                (
                    finding.register.as_deref(),
                    finding.code.as_deref(),
                    finding.detail.as_deref(),
                )
            })
            .collect();
        let expected = [
            (Some("NIGHT"), Some("too_low"), Some("Too low.")),
            (Some("NIGHT"), Some("odd"), None),
            (None, None, Some("Look again.")),
            (None, None, Some("readAt")),
            (None, None, Some("mpan")),
        ];
        assert_eq!(told, expected);
        assert!(found.iter().all(|finding| finding.severity == Severity::Error));
        assert!(findings(read(&json!([])), &[new("DAY")]).is_empty());
        assert!(findings(None, &[new("DAY")]).is_empty());
    }
}
