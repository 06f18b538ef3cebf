//! One request for every operation of every backend, written from the simulated systems' documented data.

use serde_json::json;

use super::Specimen;

/// The specimens of a backend, by its name in the sandbox.
pub fn of(backend: &str) -> Vec<Specimen> {
    match backend {
        "gentrack-au" => gentrack(),
        "kraken-us" => super::kraken::specimens(),
        other => panic!("the backend {other} has no specimens"),
    }
}

pub(super) fn read(operation: &'static str, native: &'static str, path: &str, missing: &str) -> Specimen {
    Specimen {
        operation,
        method: "GET",
        path: path.to_owned(),
        body: None,
        missing: Some(missing.to_owned()),
        pages: false,
        once: false,
        dropped_repeats: false,
        spends: None,
        status: 200,
        native,
    }
}

pub(super) fn list(operation: &'static str, native: &'static str, path: &str, missing: &str) -> Specimen {
    Specimen {
        pages: true,
        ..read(operation, native, path, missing)
    }
}

fn gentrack() -> Vec<Specimen> {
    let readings = json!({"readings": [
        {"meter_number": "E7718842", "register": "E1", "read_at": "2026-07-05T18:30:00+10:00", "value": "42388"},
        {"meter_number": "E7718842", "register": "E2", "read_at": "2026-07-05T18:30:00+10:00", "value": "15349"},
    ]});
    let account = |id: &str, rest: &str| format!("/v1/accounts/gentrack-au:{id}{rest}");
    let point = |id: &str, rest: &str| format!("/v1/service-points/gentrack-au:{id}{rest}");
    let bill = |id: &str, rest: &str| format!("/v1/bills/gentrack-au:{id}{rest}");
    let (whole, none) = ("00210077", "99999999");
    let (here, nowhere) = ("10045213~sp~4107755", "10045213~sp~9999999");
    let span = "?from=2024-01-01&to=2027-01-01";
    vec![
        read("accounts.get", "getAccount", &account(whole, ""), &account(none, "")),
        read(
            "accounts.balance",
            "getAccountBalance",
            &account(whole, "/balance"),
            &account(none, "/balance"),
        ),
        list(
            "bills.list",
            "getAccountBills",
            &account(whole, "/bills"),
            &account(none, "/bills"),
        ),
        read(
            "bills.get",
            "getAccountBills",
            &bill("10045213~bill~882035~Invoice", ""),
            &bill("10045213~bill~999999~Invoice", ""),
        ),
        read(
            "bills.document",
            "getBillImage",
            &bill("10045213~bill~882035~Invoice", "/document"),
            &bill("10045213~bill~999999~Invoice", "/document"),
        ),
        list(
            "bills.readings",
            "getBillMeterReadings",
            &bill("10045213~bill~882035~Invoice", "/readings"),
            &bill("10045213~bill~999999~Invoice", "/readings"),
        ),
        list(
            "transactions.list",
            "getAccountTransactions",
            &account(whole, "/transactions"),
            &account(none, "/transactions"),
        ),
        list(
            "service_points.list",
            "getAccount",
            &account(whole, "/service-points"),
            &account(none, "/service-points"),
        ),
        read(
            "service_points.get",
            "getMeterStructure",
            &point(here, ""),
            &point(nowhere, ""),
        ),
        list(
            "meters.list",
            "getAccount",
            &account(whole, "/meters"),
            &account(none, "/meters"),
        ),
        read(
            "meters.get",
            "getMeterStructure",
            "/v1/meters/gentrack-au:10045213~sp~4107755~m~E7718842",
            "/v1/meters/gentrack-au:10045213~sp~4107755~m~E0000000",
        ),
        list(
            "readings.list",
            "getMeterReadings",
            &point("00210077~sp~0004107901", &format!("/readings{span}")),
            &point(nowhere, &format!("/readings{span}")),
        ),
        Specimen {
            method: "POST",
            body: Some(readings.clone()),
            ..read(
                "readings.validate",
                "validateMeterReadings",
                &point(here, "/readings/validate"),
                &point(nowhere, "/readings/validate"),
            )
        },
        Specimen {
            method: "POST",
            body: Some(readings),
            once: true,
            status: 202,
            ..read(
                "readings.submit",
                "submitMeterReadings",
                &point(here, "/readings"),
                &point(nowhere, "/readings"),
            )
        },
    ]
}
