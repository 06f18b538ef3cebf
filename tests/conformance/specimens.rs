//! One request for every operation of every backend, written from the simulated systems' documented data.

use serde_json::json;

use super::{Specimen, tmf678};

/// The specimens of a backend, by its name in the sandbox.
pub fn of(backend: &str) -> Vec<Specimen> {
    match backend {
        "gentrack-au" => super::gentrack::specimens(),
        "kraken-us" => kraken(),
        "tmf-carib" => tmf678::specimens(),
        "crmcom-cy" => super::crmcom::specimens(),
        other => panic!("the backend {other} has no specimens"),
    }
}

pub(super) fn read(operation: &'static str, native: &'static str, path: &str, missing: &str) -> Specimen {
    Specimen {
        operation,
        method: "GET",
        path: path.to_owned(),
        others: &[],
        done: 200,
        body: None,
        missing: Some(missing.to_owned()),
        pages: false,
        once: false,
        dropped_repeats: false,
        spends: None,
        native,
    }
}

pub(super) fn list(operation: &'static str, native: &'static str, path: &str, missing: &str) -> Specimen {
    Specimen {
        pages: true,
        ..read(operation, native, path, missing)
    }
}

fn kraken() -> Vec<Specimen> {
    let account = |id: &str, rest: &str| format!("/v1/accounts/kraken-us:{id}{rest}");
    let point = |id: &str, rest: &str| format!("/v1/service-points/kraken-us:{id}{rest}");
    let bill = |id: &str, rest: &str| format!("/v1/bills/kraken-us:{id}{rest}");
    let (whole, none) = ("A-5E90B3F4", "A-00000000");
    let (here, nowhere) = (
        "A-5E90B3F4~sp~61001~10443720000111222",
        "A-5E90B3F4~sp~61001~10443720000000000",
    );
    let (month, days) = (
        "?from=2026-01-01&to=2026-02-01",
        "?from=2026-03-07&to=2026-03-10&resolution=PT1H",
    );
    vec![
        Specimen {
            missing: None,
            ..list("accounts.search", "Accounts", "/v1/accounts?backend=kraken-us", "")
        },
        read("accounts.get", "Account", &account(whole, ""), &account(none, "")),
        read(
            "accounts.balance",
            "Balance",
            &account(whole, "/balance"),
            &account(none, "/balance"),
        ),
        list(
            "bills.list",
            "Bills",
            &account(whole, "/bills"),
            &account(none, "/bills"),
        ),
        read(
            "bills.get",
            "Bill",
            &bill("A-7C41D0E2~930412", ""),
            &bill("A-7C41D0E2~999999", ""),
        ),
        read(
            "bills.document",
            "BillDocument",
            &bill("A-7C41D0E2~930412", "/document"),
            &bill("A-7C41D0E2~999999", "/document"),
        ),
        list(
            "transactions.list",
            "Transactions",
            &account(whole, "/transactions"),
            &account(none, "/transactions"),
        ),
        list(
            "service_points.list",
            "Properties",
            &account(whole, "/service-points"),
            &account(none, "/service-points"),
        ),
        read(
            "service_points.get",
            "Properties",
            &point(here, ""),
            &point(nowhere, ""),
        ),
        list(
            "meters.list",
            "Properties",
            &account(whole, "/meters"),
            &account(none, "/meters"),
        ),
        read(
            "meters.get",
            "Properties",
            "/v1/meters/kraken-us:A-7C41D0E2~m~48213~10032789401234567~119004417",
            "/v1/meters/kraken-us:A-7C41D0E2~m~48213~10032789401234567~000000000",
        ),
        list(
            "readings.list",
            "Readings",
            &point(here, &format!("/readings{month}")),
            &point(nowhere, &format!("/readings{month}")),
        ),
        list(
            "usage.list",
            "Usage",
            &point(here, &format!("/usage{days}")),
            &point(nowhere, &format!("/usage{days}")),
        ),
        Specimen {
            method: "POST",
            body: Some(json!({
                "query": "query NativeAccount($number: String!) { account(accountNumber: $number) { number balance } }",
                "variables": {"number": whole},
            })),
            missing: None,
            ..read("native.graphql", "NativeAccount", "/v1/backends/kraken-us/graphql", "")
        },
    ]
}
