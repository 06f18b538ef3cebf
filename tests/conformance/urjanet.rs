//! One request for every operation of Urjanet, written from the simulated system's documented data.
//!
//! Several operations are made of more than one endpoint; each of the 28 that are published has a specimen.

use intertie::sandbox;
use serde_json::json;

use super::specimens::{list, read, search};
use super::{Specimen, TURN};

/// An account, a meter, a credential, an attribute, a template and a provider of the contract's samples.
const SAMPLE: &str = "1e4b3abd-34c2-d5ee-adef-0800270a0870";
/// The account of the samples' meter, with 131 meters.
const MANY_METERS: &str = "0f496f9f-2472-4966-9fcf-0a6889070a49";
/// The service type of the samples.
const ELECTRIC: &str = "1e62e858-d447-d234-b5ab-c48e8ffc23b7";
const NONE: &str = "00000000-0000-4000-8000-000000000000";

/// The specimens.
pub fn specimens() -> Vec<Specimen> {
    let mut all = accounts();
    all.extend(meters());
    all.extend(credentials());
    all.extend(catalogue());
    all.extend(candidates());
    all.extend(natives());
    all
}

/// Reads one record of a collection by its id.
fn one(operation: &'static str, native: &'static str, collection: &str, id: &str) -> Specimen {
    let path = |id: &str| format!("/v1/{collection}/urjanet-us:{id}");
    read(operation, native, &path(id), &path(NONE))
}

/// Changes one record of a collection.
fn change(specimen: Specimen, body: serde_json::Value) -> Specimen {
    Specimen {
        method: "PATCH",
        body: Some(body),
        ..specimen
    }
}

/// Makes a record.
fn create(operation: &'static str, native: &'static str, path: &str, body: serde_json::Value) -> Specimen {
    Specimen {
        method: "POST",
        body: Some(body),
        once: true,
        done: 201,
        missing: None,
        ..read(operation, native, path, "")
    }
}

fn searched(operation: &'static str, native: &'static str, path: &str, filters: (&str, &str)) -> Specimen {
    let [filters, nothing] = [filters.0, filters.1].map(|query| format!("backend=urjanet-us&{query}"));
    search(operation, native, path, (&filters, &nothing))
}

fn accounts() -> Vec<Specimen> {
    let account = |operation, native, rest: &str| {
        let path = |id: &str| format!("/v1/accounts/urjanet-us:{id}{rest}");
        read(operation, native, &path(SAMPLE), &path(NONE))
    };
    vec![
        account("accounts.get", "getAccount", ""),
        searched(
            "accounts.search",
            "searchAccounts",
            "/v1/accounts",
            ("enrollment_status=NEEDS_TEMPLATE", "number=does-not-exist"),
        ),
        account("accounts.billing_schedule", "getAccount", "/billing-schedule"),
        create(
            "accounts.create",
            "createAccount",
            "/v1/accounts",
            json!({"backend": "urjanet-us", "number": format!("77-{TURN}"), "enrollment": {
                "provider": "CedarWater", "credentials": ["Customer_1-GeorgiaPower_1"], "history": false}}),
        ),
        change(
            account("accounts.update", "updateAccount", ""),
            json!({"enrollment": {"delivered": false}}),
        ),
        Specimen {
            method: "POST",
            once: true,
            ..account("accounts.close", "updateAccount", "/close")
        },
    ]
}

fn meters() -> Vec<Specimen> {
    let of = |id: &str| format!("/v1/accounts/urjanet-us:{id}/meters");
    let meter = format!("{MANY_METERS}~m~{SAMPLE}");
    let missing = |specimen: Specimen| Specimen {
        missing: Some(format!("/v1/meters/urjanet-us:{MANY_METERS}~m~{NONE}")),
        ..specimen
    };
    vec![
        // More than the one list has: the search takes over.
        list("meters.list", "listMetersByAccount", &of(MANY_METERS), &of(NONE)),
        searched(
            "meters.search",
            "searchMeters",
            "/v1/meters",
            ("number[startswith]=meter-205", "number=does-not-exist"),
        ),
        missing(one("meters.get", "getMeter", "meters", &meter)),
        create(
            "meters.create",
            "createMeter",
            "/v1/meters",
            json!({"account_id": format!("urjanet-us:{SAMPLE}"), "number": format!("G-{TURN}"), "service_kind": "GAS"}),
        ),
        missing(change(
            one("meters.update", "updateMeter", "meters", &meter),
            json!({"custom_attributes": {"attribute1": "North wing"}}),
        )),
    ]
}

fn credentials() -> Vec<Specimen> {
    let wanted = |password: &str| {
        json!({"backend": "urjanet-us", "username": "user1", "provider_id": "urjanet-us:GeorgiaPower",
            "password": password})
    };
    vec![
        one("credentials.get", "getCredential", "credentials", SAMPLE),
        searched(
            "credentials.search",
            "searchCredentials",
            "/v1/credentials",
            ("provider=GeorgiaNaturalGas", "username=nobody"),
        ),
        Specimen {
            method: "POST",
            body: Some(wanted("pass1")),
            missing: None,
            nothing: Some(("/v1/credentials/search".to_owned(), Some(wanted("not-the-password")))),
            ..list("credentials.match", "searchCredentials", "/v1/credentials/search", "")
        },
        create(
            "credentials.create",
            "createCredential",
            "/v1/credentials",
            json!({"provider_id": "urjanet-us:CedarWater", "kind": "WEB", "username": format!("site-{TURN}"),
                "password": "w4ter/tap+twice", "password2": "Rex of Cedar", "username2": "First pet"}),
        ),
        change(
            one("credentials.update", "updateCredential", "credentials", SAMPLE),
            json!({"password": "n3w+pass/phrase", "url": "https://login.example"}),
        ),
    ]
}

fn catalogue() -> Vec<Specimen> {
    let attribute = |operation, native| one(operation, native, "custom-attributes", SAMPLE);
    vec![
        one("providers.get", "getProvider", "providers", "CedarWater"),
        searched(
            "providers.search",
            "searchProviders",
            "/v1/providers",
            ("alias[startswith]=Georgia", "alias=nobody"),
        ),
        Specimen {
            nothing: None,
            missing: Some(format!("/v1/providers?service_type=urjanet-us:{NONE}")),
            ..searched(
                "providers.search",
                "listProvidersByServiceType",
                "/v1/providers",
                (&format!("service_type=urjanet-us:{ELECTRIC}"), ""),
            )
        },
        one("templates.get", "getTemplate", "templates", SAMPLE),
        searched(
            "templates.search",
            "searchTemplates",
            "/v1/templates",
            ("has_pdf=true", "name=nobody"),
        ),
        one("service_types.get", "getServiceType", "service-types", ELECTRIC),
        Specimen {
            missing: None,
            ..list(
                "service_types.list",
                "listServiceTypes",
                "/v1/service-types?backend=urjanet-us",
                "",
            )
        },
        attribute("custom_attributes.get", "getAttribute"),
        searched(
            "custom_attributes.search",
            "searchAttributes",
            "/v1/custom-attributes",
            ("required=false", "name=nobody"),
        ),
        create(
            "custom_attributes.create",
            "createAttribute",
            "/v1/custom-attributes",
            json!({"backend": "urjanet-us", "name": format!("Floor{TURN}"), "required": false}),
        ),
        change(
            attribute("custom_attributes.update", "updateAttribute"),
            json!({"position": 3}),
        ),
        searched(
            "changes.search",
            "searchChangeLog",
            "/v1/changes",
            ("kind=ENROLLMENT_STATUS", "account_number=does-not-exist"),
        ),
    ]
}

fn candidates() -> Vec<Specimen> {
    let enroll = |id: &str| format!("/v1/candidates/accounts/urjanet-us:{id}/enroll");
    vec![
        searched(
            "candidates.accounts",
            "searchCandidateAccounts",
            "/v1/candidates/accounts",
            ("extraction_status=EXISTS", "number=does-not-exist"),
        ),
        searched(
            "candidates.meters",
            "searchCandidateMeters",
            "/v1/candidates/meters",
            ("number[startswith]=meter-305", "number=does-not-exist"),
        ),
        Specimen {
            method: "POST",
            body: Some(json!({})),
            once: true,
            others: &[
                "/v1/candidates/accounts/urjanet-us:80da2e51-83b3-4eed-8f47-b02ee248ff77/enroll",
                "/v1/candidates/accounts/urjanet-us:1e4b3abd-34c2-d5ee-adef-0800270a0870/enroll",
            ],
            ..read(
                "candidates.enroll",
                "enrollCandidateAccount",
                &enroll("80da2e51-83b3-4eed-8f47-b02ee248ff78"),
                &enroll(NONE),
            )
        },
    ]
}

fn natives() -> Vec<Specimen> {
    let raw = |rest: &str| format!("/v1/backends/urjanet-us/raw/{rest}");
    vec![
        read(
            "native.raw",
            "getAccount",
            &raw(&format!("account/status/{SAMPLE}")),
            &raw(&format!("account/status/{NONE}")),
        ),
        // A search is a read; nobody knows that of a POST that is passed on, so it is sent once.
        Specimen {
            method: "POST",
            body: Some(
                json!({"customerId": sandbox::urjanet::CUSTOMER, "queryCriteria": {"start": 0, "length": 3,
                "sorts": [{"field": "id", "direction": "asc"}], "filter": {"conditions": []}}}),
            ),
            once: true,
            missing: None,
            ..read("native.raw", "searchTemplates", &raw("template/status/search"), "")
        },
    ]
}
