//! What is metered at a deployment of the GB edition. Its accounts are those of the US one, its properties its own: meter
//! points by MPAN and MPRN, registers, and weekly readings.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use super::with;
use crate::sandbox::kraken::measurements::scatter;

/// The properties of the account of this number.
pub(super) fn properties(account: &str) -> Value {
    match account {
        "A-7C41D0E2" => json!([with(
            place("72001", "14 Calder Rise", "Leeds", "LS8 4QT"),
            json!({
                "electricityMeterPoints": [point("41771", "1900008412345", Some("IMPORT"), json!([
                    meter("618801", "20L3214765", date(2020, 3, 9), None, &["1"], date(2026, 1, 5), 8),
                ]))],
                "gasMeterPoints": [{"id": "51771", "mprn": "3245178906", "status": "ON_SUPPLY", "meters": [
                    {"id": "618802", "serialNumber": "G4A00512", "fuelType": "GAS", "consumptionUnits": "m3",
                        "_reading": 4_120},
                ]}],
            }),
        )]),
        "A-5E90B3F4" => json!([
            with(
                place("73001", "Unit 2, Bobbin Mill", "Bradford", "BD1 3PX"),
                json!({
                    "electricityMeterPoints": [
                        point("41801", "2300001456789", Some("IMPORT"), json!([
                            meter("619001", "15K0044210", date(2015, 6, 1), Some(date(2026, 1, 12)), &["DAY", "NIGHT"],
                                date(2023, 9, 4), 123),
                            meter("619002", "23J0910056", date(2026, 1, 12), None, &["DAY", "NIGHT"], date(2026, 1, 12), 12),
                        ])),
                        point("41802", "2394000000127", Some("EXPORT"), json!([
                            meter("619003", "21M5566778", date(2021, 5, 17), None, &["1"], date(2026, 2, 2), 3),
                        ])),
                    ],
                    "gasMeterPoints": null,
                }),
            ),
            with(
                place("73002", "3 Canal Yard", "Shipley", "BD17 7DX"),
                json!({"electricityMeterPoints": [point("41803", "2300001456790", None, json!([]))],
                    "gasMeterPoints": []}),
            ),
        ]),
        _ => json!([]),
    }
}

fn place(id: &str, street: &str, town: &str, postcode: &str) -> Value {
    json!({
        "id": id,
        "address": format!("{street}, {town}, {postcode}"),
        "postcode": postcode,
        "label": null,
        "addressLine1": street,
        "addressLine2": town,
        "addressLine3": "",
        "addressLine4": "",
        "addressLine5": "",
        "splitAddress": [street, town],
        "richAddress": {"streetAddress": street, "locality": town, "administrativeArea": null, "postalCode": postcode,
            "country": "GB"},
        "occupancyPeriods": [],
    })
}

fn point(id: &str, mpan: &str, direction: Option<&str>, meters: Value) -> Value {
    json!({"id": id, "mpan": mpan, "gspGroupId": "_M", "status": "ON_SUPPLY", "direction": direction, "profileClass": 1,
        "supplyEndDate": null, "smartStartDate": null, "meters": meters})
}

/// A meter with its registers, read every week from a day on, so many times.
///
/// The third reading is held back, the fourth has no value of its last register, and behind the fifth the list has a null.
fn meter(
    id: &str,
    serial: &str,
    installed: Date,
    removed: Option<Date>,
    registers: &[&str],
    first: Date,
    readings: i64,
) -> Value {
    let seed = id.parse::<u64>().unwrap_or_default();
    let mut values: Vec<u64> = registers.iter().map(|_| scatter(seed) % 4_000).collect();
    let mut read = Vec::new();
    for week in 0..readings {
        let day = first.saturating_add((7 * week).days());
        let number = u64::try_from(week).unwrap_or_default();
        let mut shown = Vec::new();
        for (place, register) in registers.iter().enumerate() {
            let offset = u64::try_from(place).unwrap_or_default();
            values[place] += 20 + scatter(seed + 10 * number + offset) % 60;
            let value = (week != 3 || place + 1 < registers.len()).then(|| format!("{}.0", values[place]));
            shown.push(
                json!({"identifier": register, "name": register, "value": value, "digits": 5,
                "isQuarantined": week == 2}),
            );
        }
        let customer = week % 3 == 0;
        read.push(json!({
            "id": format!("{}", 8_000_000 + seed * 1_000 + number),
            "readAt": format!("{day}T{}:30:00+00:00", if customer { "18" } else { "00" }),
            "readingSource": if customer { "CUSTOMER" } else { "ROUTINE" },
            "source": if customer { "Customer" } else { "Routine" },
            "readingType": if week % 5 == 4 { Value::Null } else { json!("ACTUAL") },
            "registers": shown,
        }));
        if week == 4 {
            read.push(json!({"_null": "node"}));
        }
    }
    let registers: Vec<Value> = (1_i64..)
        .zip(registers)
        .map(|(number, register)| {
            json!({"id": format!("{id}-{number}"), "identifier": register, "digits": 5, "decimalPlaces": 0,
                "name": register, "timePatternRegime": "00001", "unitRateType": "STANDARD", "multiplier": 1.0})
        })
        .collect();
    json!({"id": id, "nodeId": null, "serialNumber": serial, "fuelType": "ELECTRICITY", "consumptionUnits": "kWh",
        "activeFrom": installed, "activeTo": removed, "registers": registers, "readings": read,
        "hasAndAllowsHhReadings": false})
}
