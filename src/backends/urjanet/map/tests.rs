//! The contract's examples against what they mean (`tests/fixtures/urjanet/truth.json`), and what they do not hold.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::backends::urjanet::wire::Envelope;

fn fixture(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/urjanet");
    std::fs::read_to_string(root.join(name)).unwrap()
}

struct House {
    backend: BackendName,
    zone: Zone,
}

impl House {
    fn new() -> Self {
        Self {
            backend: "urjanet-us".parse().unwrap(),
            zone: Zone::utc(),
        }
    }

    fn mapper(&self, currency: Option<&str>) -> Mapper<'_> {
        Mapper {
            backend: &self.backend,
            currency: currency.map(|code| code.parse().unwrap()),
            zone: &self.zone,
            native: false,
        }
    }
}

/// What every entity of a reply means, by the first word of the example's name.
fn canonical(name: &str, body: &str, mapper: &Mapper<'_>) -> Result<Vec<Value>> {
    let envelope: Envelope<'_> = wire::decode(body.as_bytes())?;
    let data = envelope.data.unwrap();
    let all: Vec<&RawValue> = if data.get().starts_with('[') {
        wire::decode(data.get().as_bytes())?
    } else {
        vec![data]
    };
    let candidate = name.contains("candidate") && !name.contains("enroll");
    // `workflow-a-1-credential-create` and `credential-create` both are a credential's.
    let entity = name
        .split('-')
        .nth(if name.starts_with("workflow") { 3 } else { 0 })
        .unwrap();
    all.into_iter()
        .map(|raw| {
            Ok(match entity {
                "account" if candidate => json!(CandidateAccount::map(raw, mapper)?),
                "account" => json!(Account::map(raw, mapper)?),
                "meter" if candidate => json!(CandidateMeter::map(raw, mapper)?),
                "meter" => json!(Meter::map(raw, mapper)?),
                "credential" => json!(Credential::map(raw, mapper)?),
                "attribute" => json!(CustomAttributeDefinition::map(raw, mapper)?),
                "template" => json!(Template::map(raw, mapper)?),
                "provider" => json!(Provider::map(raw, mapper)?),
                "service" => json!(ServiceType::map(raw, mapper)?),
                "changelog" => json!(Change::map(raw, mapper)?),
                other => panic!("{other} is no entity"),
            })
        })
        .collect()
}

/// The names of the contract's examples that end so.
fn examples(end: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/urjanet/examples");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(end))
        .collect();
    names.sort();
    names
}

#[test]
fn every_example_of_a_success_means_what_the_truth_says() {
    let house = House::new();
    let truth: BTreeMap<String, Value> = serde_json::from_str(&fixture("truth.json")).unwrap();
    for (name, meaning) in &truth {
        let body = fixture(&format!("examples/{name}"));
        let read = canonical(name, &body, &house.mapper(Some("USD"))).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read, std::slice::from_ref(meaning), "{name}");
    }
    let successes = examples(".response.json").into_iter();
    // A login's is read where tokens are.
    let successes: Vec<_> = successes.filter(|name| name != "auth-login.response.json").collect();
    assert!(
        successes.iter().eq(truth.keys()),
        "{:?}",
        successes
            .iter()
            .filter(|name| !truth.contains_key(*name))
            .collect::<Vec<_>>()
    );
    assert!(successes.len() >= 40, "{}", successes.len());
}

fn account(members: Value) -> Value {
    let house = House::new();
    account_with(&house.mapper(None), members)
}

fn account_with(mapper: &Mapper<'_>, members: Value) -> Value {
    let raw = serde_json::value::to_raw_value(&members).unwrap();
    json!(Account::map(&raw, mapper).unwrap())
}

#[test]
fn an_amount_has_the_configured_currency_or_is_left_out() {
    let house = House::new();
    let text = r#"{"id": "a", "latestTotalBillAmount": 0.10}"#;
    let raw = RawValue::from_string(text.to_owned()).unwrap();
    let bill =
        |currency| json!(Account::map(&raw, &house.mapper(currency)).unwrap())["enrollment"]["latest_bill"].clone();
    assert_eq!(bill(None), Value::Null);
    assert_eq!(bill(Some("USD")), json!({ "amount": "0.10", "currency": "USD" }));
}

#[test]
fn missing_is_null_and_an_unknown_status_survives() {
    let bare = account(json!({ "id": "a" }));
    assert_eq!(bare["status"], Value::Null);
    assert_eq!(bare["id"], "urjanet-us:a");
    assert_eq!(bare["enrollment"]["credentials"], Value::Null);
    let odd = account(json!({ "id": "a", "enrollmentStatus": "ON_HOLD_BY_OPERATOR", "subscribed": true }));
    assert_eq!(
        (&odd["status"], &odd["native_status"]),
        (&json!("OTHER"), &json!("ON_HOLD_BY_OPERATOR"))
    );
}

#[test]
fn an_account_neither_subscribed_nor_delivered_is_closed() {
    let on = |subscribed: bool, delivered: bool| {
        account(json!({ "id": "a", "subscribed": subscribed, "toBeDelivered": delivered,
            "unsubscribeDate": 1_423_851_129_417_i64, "enrollmentStatus": "SUCCESSFUL_DELIVERED" }))
    };
    assert_eq!(on(false, false)["status"], "CLOSED");
    assert_eq!(on(false, false)["closed_on"], "2015-02-13");
    for open in [on(true, false), on(false, true), on(true, true)] {
        assert_eq!((&open["status"], &open["closed_on"]), (&json!("ACTIVE"), &Value::Null));
    }
}

#[test]
fn no_secret_ever_comes_back_not_even_with_the_systems_own_record() {
    let house = House::new();
    let mapper = Mapper {
        native: true,
        ..house.mapper(None)
    };
    let raw = RawValue::from_string(
        r#"{"id": "c", "username": "u", "password": "marked", "password3": "marked", "s3RoleId": "marked"}"#.to_owned(),
    )
    .unwrap();
    let read = json!(Credential::map(&raw, &mapper).unwrap());
    assert!(!read.to_string().contains("marked"), "{read}");
    assert_eq!(read["native"], json!({ "id": "c", "username": "u" }));
    let event = r#"{"timestamp": 1, "eventName": "CredentialInputMapChangeEvent", "eventFields":
        {"extractionChannelId": "C_1", "manual": "true",
        "oldValues": "password=marked", "newValues": {"password": "marked"}}}"#;
    let event = RawValue::from_string(event.to_owned()).unwrap();
    let read = json!(Change::map(&event, &mapper).unwrap());
    assert!(!read.to_string().contains("marked"), "{read}");
    assert_eq!(
        (&read["kind"], &read["manual"]),
        (&json!("CREDENTIAL_INPUT"), &json!(true))
    );
}

#[test]
fn every_event_of_the_contract_has_its_kind() {
    let contract = fixture("openapi.yaml");
    for (_, name) in EVENTS {
        assert!(contract.contains(&format!("- {name}\n")), "{name}");
    }
}
