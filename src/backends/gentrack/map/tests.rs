//! The contract's examples against what they mean (`tests/fixtures/gentrack/truth.json`), and what they do not hold.

use serde_json::{Value, json};

use super::*;
use crate::model::transaction::Direction::{Credit, Debit};

mod party;

macro_rules! examples {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("../../../../tests/fixtures/gentrack/examples/", $file)))),*]
    };
}

const EXAMPLES: &[(&str, &str)] = examples![
    "getAccount.200.json",
    "getAccountBalance.200.json",
    "getAccountBalance.200.credit.json",
    "getAccountBills.200.json",
    "getAccountBills.200.empty.json",
    "getAccountTransactions.200.json",
    "getBillMeterReadings.200.json",
    "getMeterStructure.200.json",
    "getMeterReadings.200.json",
    "validateMeterReadings.200.json",
    "validateMeterReadings.200.findings.json",
    "getAccountReview.200.json",
    "getAccountReview.200.none.json",
    "getBillingInformation.200.json",
    "getNextPaymentReview.200.json",
    "getOverduePayments.200.json",
    "getOverduePayments.200.empty.json",
    "getPaymentArrangements.200.json",
    "getPaymentArrangements.200.empty.json",
    "createPaymentArrangement.201.json",
    "getPaymentMethod.200.json",
    "getPaymentTerms.200.json",
    "getSuggestedPaymentAmount.200.json",
    "getContact.200.json",
    "getCustomer.200.json",
    "getOrganisation.200.json",
];

const TRUTH: &str = include_str!("../../../../tests/fixtures/gentrack/truth.json");

struct House {
    backend: BackendName,
    zone: Zone,
    account: AccountId,
    point: ServicePointId,
}

impl House {
    fn new() -> Self {
        Self {
            backend: "gentrack-au".parse().unwrap(),
            zone: "Australia/Sydney".parse().unwrap(),
            account: "gentrack-au:10045213".parse().unwrap(),
            point: "gentrack-au:10045213~sp~4107755".parse().unwrap(),
        }
    }

    fn mapper(&self) -> Mapper<'_> {
        Mapper {
            backend: &self.backend,
            zone: &self.zone,
        }
    }

    /// What a body means, by the operation that would read it.
    fn canonical(&self, operation: &str, body: &str) -> Result<Value> {
        let mapper = self.mapper();
        let body = body.as_bytes();
        let value = match operation {
            "accounts.get" => json!(mapper.account(&self.account, &wire::decode(body)?)?),
            "accounts.balance" => json!(mapper.balance(&self.account, &wire::decode(body)?)?),
            "bills.list" => {
                let list: wire::Results<wire::Bill<'_>> = wire::decode(body)?;
                json!(mapper.bills(&self.account, &list.results.0, Natives::none())?)
            }
            "transactions.list" => json!(self.transactions(body)?),
            "bills.readings" => {
                let list: wire::Results<wire::BillMeterReading<'_>> = wire::decode(body)?;
                json!(mapper.bill_readings(&self.account, &list.results.0)?)
            }
            "service_points.get" => {
                json!(mapper.structure(&self.point, &wire::decode(body)?, None, Natives::none())?)
            }
            "readings.list" => json!(self.readings(body)?),
            "readings.validate" => json!(verdict(&wire::decode(body)?)),
            "holds.get" => json!(mapper.hold(&self.account, &wire::decode(body)?)),
            "accounts.billing_schedule" => json!(mapper.billing_schedule(&self.account, &wire::decode(body)?)),
            "payment_review.get" => {
                json!(mapper.review(&self.account, payment::review_day(&wire::decode(body)?)))
            }
            "accounts.overdue" => {
                let list: wire::payment::OverdueList<wire::payment::Overdue<'_>> = wire::decode(body)?;
                json!(mapper.overdue(&self.account, &list.overdue_payments.0, Natives::none())?)
            }
            "payment_arrangements.list" => {
                let list: wire::Many<wire::payment::Arrangement<'_>> = wire::decode(body)?;
                json!(mapper.arrangements(&self.account, &list.0)?)
            }
            "payment_methods.list" => json!(mapper.method(&self.account, &wire::decode(body)?, Some(true))?),
            "accounts.payment_terms" => json!(mapper.terms(&self.account, &wire::decode(body)?)),
            "accounts.suggested_payment" => json!(mapper.suggested(&self.account, &wire::decode(body)?)?),
            "contacts.get" => {
                json!(mapper.contact(&"gentrack-au:50027731".parse().unwrap(), &wire::decode(body)?)?)
            }
            "customers.get" => {
                json!(mapper.customer(&"gentrack-au:20018844".parse().unwrap(), &wire::decode(body)?)?)
            }
            "organisations.get" => {
                json!(mapper.organisation(&"gentrack-au:70000912".parse().unwrap(), &wire::decode(body)?)?)
            }
            other => panic!("no mapping for {other}"),
        };
        Ok(value)
    }

    fn transactions(&self, body: &[u8]) -> Result<Vec<Transaction>> {
        let list: wire::Results<wire::FinancialTransaction<'_>> = wire::decode(body)?;
        self.mapper()
            .transactions(&self.account, &list.results.0, Natives::none())
    }

    fn readings(&self, body: &[u8]) -> Result<Vec<Reading>> {
        let wire: wire::History<'_> = wire::decode(body)?;
        let found = self
            .mapper()
            .history(&self.point, &wire, Timestamp::MIN..Timestamp::MAX, |_| true)?;
        self.mapper().readings(&self.point, &found)
    }

    /// One reading of one register, as a history.
    fn reading(&self, reading: Value) -> Result<Reading> {
        let body =
            json!({"meters": [{"serialNumber": "M", "readingRegisters": [{"id": 1, "meterReadings": [reading]}]}]});
        self.readings(body.to_string().as_bytes()).map(|mut all| all.remove(0))
    }

    fn bill(&self, bill: Value) -> Result<Bill> {
        let body = json!({ "results": [bill] }).to_string();
        let list: wire::Results<wire::Bill<'_>> = wire::decode(body.as_bytes())?;
        self.mapper()
            .bills(&self.account, &list.results.0, Natives::none())
            .map(|mut all| all.remove(0))
    }
}

fn example(name: &str) -> &'static str {
    EXAMPLES.iter().find(|(file, _)| *file == name).unwrap().1
}

/// Everything the truth claims is so, and lists are neither longer nor shorter.
fn assert_holds(truth: &Value, found: &Value, path: &str) {
    match (truth, found) {
        (Value::Object(truth), Value::Object(found)) => {
            for (member, claim) in truth {
                let path = format!("{path}.{member}");
                assert_holds(
                    claim,
                    found.get(member).unwrap_or_else(|| panic!("{path} is not a member")),
                    &path,
                );
            }
        }
        (Value::Array(truth), Value::Array(found)) => {
            assert_eq!(truth.len(), found.len(), "{path}");
            for (n, (claim, found)) in truth.iter().zip(found).enumerate() {
                assert_holds(claim, found, &format!("{path}[{n}]"));
            }
        }
        (truth, found) => assert_eq!(found, truth, "{path}"),
    }
}

#[test]
fn every_example_means_what_the_contract_says() {
    let house = House::new();
    let truth: Value = serde_json::from_str(TRUTH).unwrap();
    for (file, body) in EXAMPLES {
        let claim = &truth[*file];
        let operation = claim["operation"]
            .as_str()
            .unwrap_or_else(|| panic!("{file} has no truth"));
        let found = house.canonical(operation, body).unwrap();
        assert_holds(&claim["data"], &found, file);
    }
}

#[test]
fn a_debt_is_positive_and_a_credit_negative() {
    let house = House::new();
    for (file, due) in [
        ("getAccountBalance.200.json", "310.97"),
        ("getAccountBalance.200.credit.json", "-84.20"),
    ] {
        let found = house.canonical("accounts.balance", example(file)).unwrap();
        assert_eq!(found["balance_due"]["amount"], due);
    }
}

/// Every way to leave out one member of a value, at any depth.
fn without_one_member(value: &Value) -> Vec<(String, Value)> {
    match value {
        Value::Object(members) => {
            let mut all = Vec::new();
            for (name, member) in members {
                let mut less = members.clone();
                less.remove(name);
                all.push((name.clone(), Value::Object(less)));
                for (path, changed) in without_one_member(member) {
                    let mut changed_members = members.clone();
                    changed_members.insert(name.clone(), changed);
                    all.push((format!("{name}.{path}"), Value::Object(changed_members)));
                }
            }
            all
        }
        Value::Array(items) => {
            let mut all = Vec::new();
            for (n, item) in items.iter().enumerate() {
                for (path, changed) in without_one_member(item) {
                    let mut items = items.clone();
                    items[n] = changed;
                    all.push((format!("[{n}].{path}"), Value::Array(items)));
                }
            }
            all
        }
        _ => Vec::new(),
    }
}

/// Every amount, value, date and time in a canonical answer.
fn figures(value: &Value, name: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| figures(member, name, all)),
        Value::Array(items) => items.iter().for_each(|item| figures(item, name, all)),
        Value::Null => {}
        leaf => {
            let figure = ["amount", "value", "start", "end", "dials"].contains(&name)
                || ["_on", "_at", "_from"].iter().any(|ending| name.ends_with(ending));
            if figure {
                all.push(format!("{name}={leaf}"));
            }
        }
    }
}

#[test]
fn dropping_any_source_member_never_yields_a_number() {
    let house = House::new();
    let truth: Value = serde_json::from_str(TRUTH).unwrap();
    let mut tried = 0;
    for (file, body) in EXAMPLES {
        let operation = truth[*file]["operation"].as_str().unwrap();
        let whole = house.canonical(operation, body).unwrap();
        for (path, less) in without_one_member(&serde_json::from_str(body).unwrap()) {
            tried += 1;
            match house.canonical(operation, &less.to_string()) {
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unreadable, "{file} without {path}");
                    assert!(
                        error.message().contains("missing field"),
                        "{file} without {path}: {error}"
                    );
                }
                Ok(found) => {
                    let (mut before, mut after) = (Vec::new(), Vec::new());
                    figures(&whole, "", &mut before);
                    figures(&found, "", &mut after);
                    for figure in after {
                        let at = before.iter().position(|known| *known == figure);
                        before.swap_remove(at.unwrap_or_else(|| panic!("{file} without {path} yields {figure}")));
                    }
                    if let (Some(whole), Some(found)) = (whole.as_array(), found.as_array()) {
                        assert_eq!(whole.len(), found.len(), "{file} without {path} loses a row");
                    }
                }
            }
        }
    }
    assert!(tried > 300, "{tried}");
}

#[test]
fn a_row_that_cannot_be_read_is_named_and_not_left_out() {
    let house = House::new();
    let body = example("getAccountTransactions.200.json").replacen("161.32", "\"n/a\"", 1);
    let error = house.canonical("transactions.list", &body).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    assert!(error.message().contains("results[5].amount"), "{error}");
    let body = example("getAccountBills.200.json").replacen("\"AUD\"", "\"dollars\"", 1);
    let error = house.canonical("bills.list", &body).unwrap_err();
    assert!(error.message().contains("results[0].currency"), "{error}");
}

#[test]
fn an_optional_part_that_cannot_be_read_does_not_fail_the_register() {
    let house = House::new();
    let body = example("getMeterStructure.200.json").replacen("42331", "\"n/a\"", 1);
    let found = house.canonical("service_points.get", &body).unwrap();
    let registers = &found["meters"][0]["registers"];
    assert_eq!(registers[0]["last_reading"], Value::Null);
    assert_eq!(registers[1]["last_reading"]["value"], "15337");
}

#[test]
fn the_reply_about_another_record_is_refused() {
    let house = House::new();
    for (operation, file, ours, theirs) in [
        (
            "accounts.get",
            "getAccount.200.json",
            "\"globalReference\": \"10045213\"",
            "\"globalReference\": \"10045214\"",
        ),
        (
            "accounts.get",
            "getAccount.200.json",
            "\"globalReference\": \"10045213\"",
            "\"globalID\": 10045214",
        ),
        ("service_points.get", "getMeterStructure.200.json", "4107755", "4107756"),
        ("readings.list", "getMeterReadings.200.json", "4107755", "4107756"),
        ("contacts.get", "getContact.200.json", "50027731", "50027732"),
        ("customers.get", "getCustomer.200.json", "20018844", "20018845"),
        ("organisations.get", "getOrganisation.200.json", "70000912", "70000913"),
    ] {
        let body = example(file);
        assert!(body.contains(ours));
        let error = house.canonical(operation, &body.replacen(ours, theirs, 1)).unwrap_err();
        assert_eq!(
            (error.kind(), error.finer_code()),
            (ErrorKind::Unreadable, Some("integrity")),
            "{file}"
        );
        assert!(!error.message().contains("10045214"), "{error}");
    }
    // Nor is an answer that does not say which record it is about taken for the one asked for.
    for (operation, file) in [
        ("contacts.get", "getContact.200.json"),
        ("customers.get", "getCustomer.200.json"),
        ("organisations.get", "getOrganisation.200.json"),
    ] {
        let body = example(file).replacen("globalReference", "reference", 1);
        let error = house.canonical(operation, &body).unwrap_err();
        assert!(
            error.message().contains("missing field `globalReference`"),
            "{file}: {error}"
        );
    }
}

#[test]
fn a_reference_is_read_under_each_of_its_spellings() {
    let house = House::new();
    for spelling in ["globalId", "globalID"] {
        let body = example("getAccount.200.json").replace("globalReference", spelling);
        house.canonical("accounts.get", &body).unwrap();
    }
    let body = json!({"globalReference": 10045213, "globalId": "another register's", "servicePoints": {"globalId": 1}});
    let found = house.canonical("accounts.get", &body.to_string()).unwrap();
    assert_eq!(found["service_points"][0]["id"], "gentrack-au:10045213~sp~1");
}

#[test]
fn an_unknown_unit_stays_unknown() {
    let house = House::new();
    for unit in [json!(null), json!(""), json!(" ")] {
        let body = json!({"meters": [{"serialNumber": "M", "readingRegisters": [{"id": 1, "unitOfMeasure": unit,
            "meterReadings": [{"readingDateTime": "2026-07-01", "reading": 5, "quantity": 1.50}]}]}]});
        let found = house.canonical("readings.list", &body.to_string()).unwrap();
        assert_eq!(found[0]["unit"], Value::Null);
        assert_eq!(found[0]["consumption"], json!({"value": "1.5", "unit": null}));
    }
    let body = example("getMeterReadings.200.json").replace("kWh", "Mcf");
    assert_eq!(house.canonical("readings.list", &body).unwrap()[0]["unit"], "Mcf");
}

#[test]
fn an_unknown_status_survives() {
    let house = House::new();
    let body = example("getAccount.200.json").replace("Active", "Dormant");
    let found = house.canonical("accounts.get", &body).unwrap();
    assert_eq!(
        (&found["status"], &found["native_status"]),
        (&json!("OTHER"), &json!("Dormant"))
    );

    let reading = house
        .reading(json!({"readingDateTime": "2026-07-01", "reading": 5, "status": "Frozen"}))
        .unwrap();
    assert_eq!(
        (reading.status, reading.native_status.as_deref()),
        (Some(ReadingStatus::Other), Some("Frozen"))
    );

    let bill = house.bill(json!({"billId": 1, "type": "Consolidated"})).unwrap();
    assert_eq!(
        (bill.kind, bill.native_kind.as_deref()),
        (BillKind::Other, Some("Consolidated"))
    );

    let body = example("getAccountTransactions.200.json").replace("Payment", "WriteOff");
    let found = house.canonical("transactions.list", &body).unwrap();
    assert_eq!(
        (&found[1]["kind"], &found[1]["native_kind"]),
        (&json!("OTHER"), &json!("WriteOff"))
    );
    assert_eq!(found[1]["direction"], "CREDIT");
}

#[test]
fn every_reading_says_how_good_it_is() {
    let house = House::new();
    for (given, quality, native) in [
        (
            json!({"quality": "Normal", "source": "Field", "estimated": false}),
            Quality::Actual,
            Some("Normal"),
        ),
        (
            json!({"quality": "Normal", "source": "System"}),
            Quality::Actual,
            Some("Normal"),
        ),
        (
            json!({"quality": "Normal", "source": "Customer"}),
            Quality::Customer,
            Some("Normal"),
        ),
        (
            json!({"quality": "Estimated", "source": "Field", "estimated": false}),
            Quality::Estimated,
            Some("Estimated"),
        ),
        (
            json!({"quality": "Normal", "source": "Customer", "estimated": true}),
            Quality::Estimated,
            Some("Normal"),
        ),
        (json!({"estimated": true}), Quality::Estimated, None),
        (json!({"estimated": false}), Quality::Unknown, None),
        (json!({"source": "Customer"}), Quality::Customer, None),
        (
            json!({"quality": "Doubtful", "source": "Field"}),
            Quality::Unknown,
            Some("Doubtful"),
        ),
        (json!({}), Quality::Unknown, None),
    ] {
        let mut reading = given.clone();
        reading["readingDateTime"] = json!("2026-07-01");
        reading["reading"] = json!(5);
        let found = house.reading(reading).unwrap();
        assert_eq!(
            (found.quality, found.native_quality.as_deref()),
            (quality, native),
            "{given}"
        );
    }
}

#[test]
fn local_times_at_sydney_s_clock_changes_follow_the_stated_rule() {
    let house = House::new();
    for (given, instant) in [
        // 5 April 2026: 03:00 becomes 02:00, so 02:30 occurs twice and the first is meant.
        ("2026-04-05T01:59:59.999", "2026-04-04T14:59:59.999Z"),
        ("2026-04-05T02:30:00.000", "2026-04-04T15:30:00Z"),
        ("2026-04-05T03:00:00.000", "2026-04-04T17:00:00Z"),
        // 4 October 2026: 02:00 becomes 03:00, so 02:30 does not occur and is moved by the gap.
        ("2026-10-04T01:59:59.999", "2026-10-03T15:59:59.999Z"),
        ("2026-10-04T02:30:00.000", "2026-10-03T16:30:00Z"),
        ("2026-10-04T03:00:00.000", "2026-10-03T16:00:00Z"),
        // A bare date is the start of its day, and an offset wins.
        ("2026-10-05", "2026-10-04T13:00:00Z"),
        ("2026-10-04T02:30:00+10:00", "2026-10-03T16:30:00Z"),
    ] {
        let reading = house.reading(json!({"readingDateTime": given, "reading": 1})).unwrap();
        assert_eq!(reading.read_at.to_string(), instant, "{given}");
    }
    for broken in ["", "soon", "2026-02-30T00:00:00.000", "2026-04-05 "] {
        let error = house
            .reading(json!({"readingDateTime": broken, "reading": 1}))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable, "{broken}");
    }
}

#[test]
fn a_bill_s_status_is_told_by_what_is_unpaid() {
    let house = House::new();
    for (gross, unpaid, status) in [
        (json!(100), json!(100), Some(BillStatus::Issued)),
        (json!(100), json!(0.01), Some(BillStatus::PartiallyPaid)),
        (json!(100), json!(0), Some(BillStatus::Paid)),
        (json!(100), json!(-5), Some(BillStatus::Paid)),
        (json!(0), json!(0), Some(BillStatus::Paid)),
        (json!(-20), json!(-20), Some(BillStatus::Issued)),
        (json!(100), json!(null), Some(BillStatus::Issued)),
        (json!(null), json!(null), Some(BillStatus::Issued)),
        (json!(null), json!(0), Some(BillStatus::Paid)),
    ] {
        let bill = json!({"billId": 1, "issueDate": "2026-07-03", "currency": "AUD", "grossAmount": gross, "billBalance": unpaid});
        assert_eq!(house.bill(bill.clone()).unwrap().status, status, "{bill}");
    }
    assert_eq!(house.bill(json!({"billId": 1})).unwrap().status, None);
}

#[test]
fn a_superseded_bill_does_not_count_and_its_balance_says_nothing_of_payment() {
    let house = House::new();
    let bill = json!({"billId": 1, "type": "Invoice", "currency": "AUD", "grossAmount": 9, "billBalance": 0,
        "issueDate": "2026-07-03", "billFlags": {"superseded": true, "finalBill": true}});
    let bill = house.bill(bill).unwrap();
    assert_eq!(
        (bill.is_current, bill.status, bill.kind),
        (false, None, BillKind::Final)
    );
    assert_eq!(
        (bill.native_kind.as_deref(), bill.superseded_by),
        (Some("Invoice"), None)
    );
}

#[test]
fn versions_of_a_bill_that_share_its_identifier_are_told_apart() {
    let house = House::new();
    let version = |version: u32, superseded: bool| {
        json!({"billId": 7, "type": "Invoice", "billVersion": version, "issueDate": "2026-07-03",
            "billFlags": {"superseded": superseded}})
    };
    let body = json!({"results": [version(1, true), version(2, true), version(3, false)]}).to_string();
    let found = house.canonical("bills.list", &body).unwrap();
    let ids: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|bill| bill["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids,
        [
            "gentrack-au:10045213~bill~7~Invoice~1",
            "gentrack-au:10045213~bill~7~Invoice~2",
            "gentrack-au:10045213~bill~7~Invoice"
        ]
    );
}

#[test]
fn a_newer_version_with_the_same_number_takes_the_place_of_a_superseded_bill() {
    let house = House::new();
    let bill = |id: u32, number: &str, version: Value, superseded: bool| {
        json!({"billId": id, "type": "Statement", "billNumber": number, "billVersion": version,
            "issueDate": "2026-07-03", "billFlags": {"superseded": superseded}})
    };
    let one = json!(1);
    let body = json!({"results": [
        bill(1, "S-1", one.clone(), true), bill(2, "S-1", json!(2), true), bill(3, "S-1", json!("3"), false),
        bill(4, "S-4", one.clone(), true), bill(5, "S-5", json!(2), false),
        bill(6, "S-6", one.clone(), true), bill(7, "S-6", json!(2), false), bill(8, "S-6", json!(2), false),
        bill(9, "S-9", json!(null), true), bill(10, "S-9", json!(2), false),
    ]});
    let found = house.canonical("bills.list", &body.to_string()).unwrap();
    let link = |id: &str, member: &str| {
        let bill = found
            .as_array()
            .unwrap()
            .iter()
            .find(|bill| bill["native_id"] == id)
            .unwrap();
        bill[member].as_str().map(|id| id.split('~').nth(2).unwrap().to_owned())
    };
    for (id, superseded_by, corrects) in [
        ("1", Some("2"), None),
        ("2", Some("3"), Some("1")),
        ("3", None, Some("2")),
        ("4", None, None),
        ("5", None, None),
        ("6", None, None),
        ("9", None, None),
    ] {
        assert_eq!(link(id, "superseded_by").as_deref(), superseded_by, "{id}");
        assert_eq!(link(id, "corrects").as_deref(), corrects, "{id}");
    }
}

#[test]
fn a_pdf_that_is_not_there_is_said_to_be_none_and_silence_is_silence() {
    let house = House::new();
    let documents = |bill: Value| house.bill(bill).unwrap().documents.map(|documents| documents.len());
    assert_eq!(documents(json!({"billId": 1, "pdfAvailable": true})), Some(1));
    assert_eq!(documents(json!({"billId": 1, "pdfAvailable": false})), Some(0));
    assert_eq!(documents(json!({"billId": 1})), None);
}

#[test]
fn the_direction_follows_the_running_balance_then_the_type() {
    let house = House::new();
    let entry = |at: &str, kind: &str, amount: Value, balance: Value| {
        json!({"transactionDate": at, "type": kind, "amount": amount, "balance": balance, "currency": "AUD",
            "transactionIdentifier": at})
    };
    let none = || json!(null);
    for (entries, directions) in [
        // A payment taken back raises the balance, whatever it is called.
        (
            vec![
                entry("2026-07-02", "Payment", json!(50), json!(150)),
                entry("2026-07-01", "Bill", json!(100), json!(100)),
            ],
            vec![Some(Debit), Some(Debit)],
        ),
        // A change that is not as large as the amount proves nothing.
        (
            vec![
                entry("2026-07-02", "Adjustment", json!(50), json!(70)),
                entry("2026-07-01", "Bill", json!(100), json!(100)),
            ],
            vec![None, Some(Debit)],
        ),
        (
            vec![
                entry("2026-07-02", "Payment", json!(50), json!(70)),
                entry("2026-07-01", "Bill", json!(100), json!(100)),
            ],
            vec![Some(Credit), Some(Debit)],
        ),
        (
            vec![
                entry("2026-07-02", "Adjustment", json!(30), json!(70)),
                entry("2026-07-01", "Fee", json!(100), json!(100)),
            ],
            vec![Some(Credit), Some(Debit)],
        ),
        // Without balances the type tells, where it can.
        (
            vec![
                entry("2026-07-03", "Repayment", json!(5), none()),
                entry("2026-07-02", "Credit", json!(5), none()),
                entry("2026-07-01", "Adjustment", json!(5), none()),
            ],
            vec![Some(Debit), Some(Credit), None],
        ),
        (vec![entry("2026-07-01", "Payment", json!(-5), none())], vec![None]),
        (vec![entry("2026-07-01", "Adjustment", json!(0), json!(0))], vec![None]),
    ] {
        let body = json!({ "results": entries }).to_string();
        let found = house.transactions(body.as_bytes()).unwrap();
        let found: Vec<_> = found.iter().map(|entry| entry.direction).collect();
        assert_eq!(found, directions, "{body}");
    }
}

#[test]
fn an_entry_that_was_dated_back_is_compared_where_it_was_posted() {
    let house = House::new();
    let entry = |id: u32, at: &str, balance: u32| {
        json!({"transactionDate": at, "type": "Adjustment", "amount": 60, "balance": balance, "currency": "AUD",
            "transactionIdentifier": id})
    };
    let body = json!({"results": [entry(4, "2026-04-30", 0), entry(3, "2026-04-15", 60), entry(2, "2026-04-18", 0),
        entry(1, "2026-04-03", 60)]});
    let found = house.transactions(body.to_string().as_bytes()).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|entry| (entry.native_id.as_deref().unwrap(), entry.direction))
        .collect();
    assert_eq!(
        found,
        [
            ("4", Some(Credit)),
            ("2", Some(Credit)),
            ("3", Some(Debit)),
            ("1", Some(Debit))
        ]
    );
}

#[test]
fn a_ledger_told_oldest_first_comes_out_the_same() {
    let house = House::new();
    let newest_first: Value = serde_json::from_str(example("getAccountTransactions.200.json")).unwrap();
    let mut oldest_first = newest_first.clone();
    oldest_first["results"].as_array_mut().unwrap().reverse();
    assert_eq!(
        house.canonical("transactions.list", &oldest_first.to_string()).unwrap(),
        house.canonical("transactions.list", &newest_first.to_string()).unwrap()
    );
}

#[test]
fn readings_come_by_meter_register_and_instant_whatever_the_system_s_order() {
    let house = House::new();
    let mut shuffled: Value = serde_json::from_str(example("getMeterReadings.200.json")).unwrap();
    let meter = shuffled["meters"][0].clone();
    let registers = shuffled["meters"][0]["readingRegisters"].as_array_mut().unwrap();
    registers.reverse();
    for register in registers {
        register["meterReadings"].as_array_mut().unwrap().reverse();
    }
    let mut other = meter;
    other["serialNumber"] = json!("A1");
    shuffled["meters"].as_array_mut().unwrap().push(other);
    let found = house.readings(shuffled.to_string().as_bytes()).unwrap();
    assert_eq!(found.len(), 16);
    let keys: Vec<_> = found
        .iter()
        .map(|reading| {
            (
                reading.meter_id.clone().unwrap().to_string(),
                reading.register.clone(),
                reading.read_at,
            )
        })
        .collect();
    assert!(keys.is_sorted(), "{keys:?}");
}

#[test]
fn readings_handed_in_carry_what_the_structure_says_of_their_registers() {
    let house = House::new();
    let structure: wire::Structure<'_> = wire::decode(example("getMeterStructure.200.json").as_bytes()).unwrap();
    let reading = |register: &str, value: &str| -> NewReading {
        serde_json::from_value(json!({"meter_number": "E7718842", "register": register,
            "read_at": "2026-07-05T08:30:00Z", "value": value}))
        .unwrap()
    };
    let readings = [reading("E1", "42388"), reading("E2", "15349")];
    let body = house.mapper().handed_in(&house.point, &structure, &readings).unwrap();
    // Looked at or handed in, the readings are the same.
    for vendors in [
        include_str!("../../../../tests/fixtures/gentrack/examples/submitMeterReadings.request.json"),
        include_str!("../../../../tests/fixtures/gentrack/examples/validateMeterReadings.request.json"),
    ] {
        let vendors: Value = serde_json::from_str(vendors).unwrap();
        assert_eq!(serde_json::to_value(&body).unwrap(), vendors);
    }

    let readings = [reading("E1", "42388.500")];
    let body = house.mapper().handed_in(&house.point, &structure, &readings).unwrap();
    assert!(serde_json::to_string(&body).unwrap().contains("\"reading\":42388.500,"));
}

#[test]
fn a_reading_for_an_unknown_register_names_its_place() {
    let house = House::new();
    let structure: wire::Structure<'_> = wire::decode(example("getMeterStructure.200.json").as_bytes()).unwrap();
    let readings: Vec<NewReading> = serde_json::from_value(json!([
        {"meter_number": "E7718842", "register": "E1", "read_at": "2026-07-05T08:30:00Z", "value": "-1"},
        {"meter_number": "E7718842", "register": "E9", "read_at": "2026-07-05T08:30:00Z", "value": "1"},
        {"meter_number": "X", "register": "E1", "read_at": "2026-07-05T08:30:00Z", "value": "1"},
    ]))
    .unwrap();
    let error = house
        .mapper()
        .handed_in(&house.point, &structure, &readings)
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let places: Vec<_> = error
        .faults()
        .iter()
        .map(|fault| match &fault.place {
            crate::error::Place::Pointer(pointer) => pointer.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        places,
        ["/readings/0/value", "/readings/1/register", "/readings/2/meter_number"]
    );
    let error = house.mapper().handed_in(&house.point, &structure, &[]).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn an_account_s_address_repeats_no_line_and_loses_none() {
    let house = House::new();
    for (given, lines, locality) in [
        (
            json!({"addressLine1": "1 A St", "unstructured": "1 A St", "suburb": "B", "city": "B"}),
            vec!["1 A St"],
            Some("B"),
        ),
        (
            json!({"unstructured": "1 A St", "city": "C"}),
            vec!["1 A St"],
            Some("C"),
        ),
        (
            json!({"addressLine1": "1 A St", "suburb": "B", "city": "C"}),
            vec!["1 A St", "B"],
            Some("C"),
        ),
        (json!({"addressLine1": " "}), vec![], None),
    ] {
        let body = json!({"globalReference": "10045213", "billingAddress": given}).to_string();
        let account = house
            .mapper()
            .account(&house.account, &wire::decode(body.as_bytes()).unwrap())
            .unwrap();
        let address = account.billing.unwrap().address.unwrap();
        assert_eq!(
            (address.lines, address.locality.as_deref()),
            (lines.iter().map(ToString::to_string).collect(), locality)
        );
    }
}

#[test]
fn the_contract_s_arrangement_is_what_a_caller_s_becomes() {
    let vendors = include_str!("../../../../tests/fixtures/gentrack/examples/createPaymentArrangement.request.json");
    let new = json!({"kind": "DEBT", "frequency": "WEEKLY", "first_payment_on": "2026-07-13",
        "components": [{"amount": "30.42", "currency": "AUD"}], "payments": 4});
    let body = payment::new_arrangement(serde_json::from_value(new).unwrap()).unwrap();
    let written = serde_json::to_string(&body).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&written).unwrap(),
        serde_json::from_str::<Value>(vendors).unwrap()
    );
    assert!(written.contains("\"paymentAmount\":30.42}"), "{written}");
}

#[test]
fn an_account_s_extensions_are_its_custom_attributes() {
    let house = House::new();
    let read = |extensions: Value| {
        let body = json!({"globalReference": "10045213", "extensions": extensions}).to_string();
        house.canonical("accounts.get", &body).unwrap()["custom_attributes"].clone()
    };
    assert_eq!(
        read(json!({"segment": "Gold", "score": 7, "flags": ["a"], "gone": null})),
        json!([
            {"name": "flags", "value": "[\"a\"]"},
            {"name": "gone", "value": null},
            {"name": "score", "value": "7"},
            {"name": "segment", "value": "Gold"},
        ])
    );
    assert_eq!(read(json!({})), json!([]));
    assert_eq!(read(json!("none")), Value::Null);

    let patch = |attributes: Value| serde_json::from_value(json!({ "custom_attributes": attributes })).unwrap();
    let body = r#"{"globalReference": "10045213", "extensions": {"segment": "Gold", "rate": 1.10}}"#;
    let before = || {
        let wire: wire::Account<'_> = wire::decode(body.as_bytes()).unwrap();
        account::Before::of(house.mapper().account(&house.account, &wire).unwrap(), &wire)
    };
    let changed = account::account_patch(patch(json!([{"name": "segment", "value": "Silver"}])), before()).unwrap();
    assert_eq!(
        serde_json::to_string(&changed).unwrap(),
        r#"{"extensions":{"rate":1.10,"segment":"Silver"}}"#
    );
    let error = account::account_patch(patch(json!([{"name": "segment", "value": null}])), before());
    let error = error.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        format!("{:?}", error.faults()).contains("/custom_attributes/0/value"),
        "{error:?}"
    );
}
