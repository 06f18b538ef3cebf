//! The contract's examples against what they mean (`tests/fixtures/crmcom/truth.json`), and what they do not hold.

use serde_json::{Value, json};

use super::*;
use crate::error::ErrorKind;

struct House {
    backend: BackendName,
    zone: Zone,
    account: AccountId,
}

impl House {
    fn new() -> Self {
        Self {
            backend: "crmcom-cy".parse().unwrap(),
            zone: "Asia/Nicosia".parse().unwrap(),
            account: "crmcom-cy:ACR0000000056".parse().unwrap(),
        }
    }

    /// What a record means, by the operation that would read it.
    fn canonical(&self, operation: &str, raw: &RawValue, native: bool) -> Result<Value> {
        let mapper = Mapper {
            backend: &self.backend,
            zone: &self.zone,
        };
        Ok(match operation {
            "accounts.get" => json!(mapper.account(raw, Some(&self.account), native)?),
            "accounts.search" => json!(mapper.accounts(raw, native)?),
            "accounts.balance" => json!(mapper.balance(raw, &self.account)?),
            "accounts.overdue" => json!(mapper.overdue(raw, &self.account, native)?),
            "accounts.payment_terms" => json!(mapper.terms(raw, &self.account, native)?),
            "payment_methods.list" => json!(mapper.methods(raw, &self.account, native)?),
            other => panic!("{other} is not read here"),
        })
    }

    fn of(&self, operation: &str, record: &Value) -> Result<Value> {
        let raw = RawValue::from_string(record.to_string()).unwrap();
        self.canonical(operation, &raw, false)
    }
}

fn example(name: &str) -> String {
    let path = format!("{}/tests/fixtures/crmcom/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// Every member the truth names is there and is the same.
fn agrees(place: &str, truth: &Value, ours: &Value) {
    match (truth, ours) {
        (Value::Object(truth), Value::Object(ours)) => {
            for (name, value) in truth {
                let ours = ours.get(name).unwrap_or_else(|| panic!("{place}: no {name}"));
                agrees(&format!("{place}.{name}"), value, ours);
            }
        }
        (Value::Array(truth), Value::Array(ours)) => {
            assert_eq!(truth.len(), ours.len(), "{place}");
            for (n, (truth, ours)) in truth.iter().zip(ours).enumerate() {
                agrees(&format!("{place}[{n}]"), truth, ours);
            }
        }
        _ => assert_eq!(truth, ours, "{place}"),
    }
}

#[test]
fn every_example_means_what_the_contract_says() {
    let house = House::new();
    let truth: Value = serde_json::from_str(&example("truth.json")).unwrap();
    let cases = truth["cases"].as_array().unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let (name, operation) = (case["example"].as_str().unwrap(), case["operation"].as_str().unwrap());
        let body = example(&format!("examples/{name}"));
        let ours = house
            .canonical(operation, wire::raw(body.as_bytes()).unwrap(), false)
            .unwrap();
        agrees(&format!("{name} {operation}"), &case["data"], &ours);
    }
}

#[test]
fn every_reply_of_the_contract_with_an_account_in_it_has_its_meaning_written_down() {
    let truth: Value = serde_json::from_str(&example("truth.json")).unwrap();
    let told: Vec<&str> = truth["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["example"].as_str().unwrap())
        .collect();
    let index: Value = serde_json::from_str(&example("examples-index.json")).unwrap();
    let mut accounts = 0;
    for entry in index["examples"].as_array().unwrap() {
        let (name, path) = (entry["file"].as_str().unwrap(), entry["path"].as_str().unwrap());
        let reply = entry["kind"] == "response" && !name.starts_with("error.");
        if reply && path.starts_with("/accounts_receivable/") {
            accounts += 1;
            assert!(told.contains(&name), "nobody says what {name} means");
        }
    }
    assert_eq!(accounts, 8);
}

#[test]
fn a_positive_balance_is_owed_and_a_negative_one_is_credit() {
    let house = House::new();
    let account = |balance: &str| -> Box<RawValue> {
        RawValue::from_string(format!(r#"{{"balance": {balance}, "currency": {{"code": "EUR"}}}}"#)).unwrap()
    };
    for (balance, due) in [
        ("310.97", "310.97"),
        ("-120.45", "-120.45"),
        ("0", "0.00"),
        ("0.1", "0.10"),
        ("\"12.50\"", "12.50"),
        ("12345678901234567.89", "12345678901234567.89"),
    ] {
        let ours = house.canonical("accounts.balance", &account(balance), false).unwrap();
        assert_eq!(ours["balance_due"]["amount"], due, "{balance}");
    }
}

#[test]
fn what_a_balance_cannot_do_without_is_never_invented() {
    let house = House::new();
    for record in [
        json!({"balance": 1, "currency": null}),
        json!({"balance": null, "currency": {"code": "EUR"}}),
        json!({"balance": 1, "currency": {"code": "N/A"}}),
        json!({"balance": true, "currency": {"code": "EUR"}}),
    ] {
        let error = house.of("accounts.balance", &record).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable, "{record}");
    }
    let bare = house.of("accounts.get", &json!({"loyalty_colour": "green"})).unwrap();
    assert_eq!((&bare["balance"], &bare["status"]), (&Value::Null, &Value::Null));
    let none = house
        .of("accounts.overdue", &json!({"currency": {"code": "EUR"}}))
        .unwrap_err();
    assert_eq!(
        none.kind(),
        ErrorKind::Unreadable,
        "nothing said is not nothing overdue"
    );
}

#[test]
fn an_unknown_state_survives() {
    let ours = House::new()
        .of("accounts.get", &json!({"life_cycle_state": "UNDER_REVIEW"}))
        .unwrap();
    assert_eq!(
        (&ours["status"], &ours["native_status"]),
        (&json!("OTHER"), &json!("UNDER_REVIEW"))
    );
}

#[test]
fn the_json_type_decides_what_a_credit_period_and_a_parent_are() {
    let house = House::new();
    let terms = |record| house.of("accounts.payment_terms", &record).unwrap();
    let plain = terms(json!({"credit_period": 30}));
    assert_eq!((&plain["due_days"], &plain["native_rule"]), (&json!(30), &Value::Null));
    let back = terms(json!({"credit_period": 7, "credit_period_operator": "MINUS"}));
    assert_eq!(
        (&back["due_days"], &back["native_rule"]),
        (&Value::Null, &json!("MINUS 7 DAYS"))
    );
    let day = terms(json!({"credit_period": {
        "credit_period_setting": "ON_N_DAY_X_MONTHS_AFTER",
        "credit_period_day_of_month": 15,
        "credit_period_after_x_months": 1,
    }}));
    assert_eq!(
        (&day["due_day_of_month"], &day["due_after_months"], &day["due_days"]),
        (&json!(15), &json!(1), &Value::Null)
    );
    let parent = |record: Value| house.of("accounts.get", &record).unwrap()["parent"].clone();
    assert_eq!(parent(json!({"parent_account": true})), Value::Null);
    assert_eq!(
        parent(json!({"parent_account": {"number": "ACR1"}})),
        json!("crmcom-cy:ACR1")
    );
}

#[test]
fn a_direct_debit_and_a_wrapped_card_are_masked() {
    let methods = House::new()
        .of(
            "payment_methods.list",
            &json!({"payment_preferences_set": [
                {"id": "1", "state": "INACTIVE", "payment_preference": {"type": "BRAINTREE_PAYMENT_GATEWAY"},
                 "cards_set": [{"default": false, "card": {"last_digits": "**** 1111"}},
                               {"default": true, "card": {"last_digits": "**** 2222", "brand": "VISA"}}]},
                {"id": "2", "state": "ACTIVE", "default": true, "iban": "CY17002001280000001200527600",
                 "account_holder": "PARENT LTD", "payment_preference": {"type": "DIRECT_DEBIT"}},
            ]}),
        )
        .unwrap();
    assert_eq!(methods[0]["kind"], "DIRECT_DEBIT", "the default comes first");
    assert_eq!(methods[0]["bank_account"]["number_last_four"], "7600");
    assert_eq!(methods[1]["card"]["number_last_four"], "2222");
    assert_eq!(
        (&methods[1]["status"], &methods[1]["native_status"]),
        (&json!("OTHER"), &json!("INACTIVE"))
    );
    assert!(!methods.to_string().contains("CY17"));
}

#[test]
fn a_card_without_a_month_of_the_calendar_has_no_expiry() {
    for (year, month, expires) in [
        (2028, 4, json!("2028-04")),
        (2028, 0, Value::Null),
        (2028, 13, Value::Null),
        (28, 4, Value::Null),
        (20280, 4, Value::Null),
        // Not a reason to keep the account back.
        (-1, 300, Value::Null),
        (99_999, 4, Value::Null),
    ] {
        let card = json!({"last_digits": "1111", "expiration_year": year, "expiration_month": month});
        let account = json!({"payment_preferences_set": [{"id": "1", "default_card": card}]});
        let methods = House::new().of("payment_methods.list", &account).unwrap();
        assert_eq!(methods[0]["card"]["expires"], expires, "{year} {month}");
    }
}

#[test]
fn the_systems_own_record_is_whole_but_for_what_opens_something() {
    let house = House::new();
    let record = r#"{"number": "ACR1", "balance": 1.10, "loyalty": {"colour": "green"}, "access_tokens_set":
        [{"number": "AT-70", "authentication_code": "secret-1", "pass_code": "secret-2", "one_time_password": 7}],
        "payment_preferences_set": [{"default_card": {"consumer_token": "secret-3",
        "payment_gateway_reference_number": "secret-4", "last_digits": "**** 4444"}}]}"#;
    let raw = RawValue::from_string(record.to_owned()).unwrap();
    let mapper = Mapper {
        backend: &house.backend,
        zone: &house.zone,
    };
    let text = serde_json::to_string(&mapper.account(&raw, None, true).unwrap()).unwrap();
    assert!(!text.contains("secret"), "{text}");
    assert!(
        text.contains(r#""balance":1.10"#) && text.contains(r#""colour":"green""#) && text.contains("AT-70"),
        "{text}"
    );
    let whole = example("examples/terminate.response.json");
    let ours = house
        .canonical("accounts.get", wire::raw(whole.as_bytes()).unwrap(), true)
        .unwrap();
    let theirs: Value = serde_json::from_str(&whole).unwrap();
    let (ours, theirs) = (ours["native"].as_object().unwrap(), theirs["data"].as_object().unwrap());
    assert!(theirs.len() > 30 && ours.keys().eq(theirs.keys()));
}
