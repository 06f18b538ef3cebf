//! Account `00210077`: a household with two service points, an exchanged meter, 40 bills and money in credit.
//! What is where is told in the module's page.

use bytes::Bytes;
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use super::book::{Book, Image};
use super::build::{self, Ledger, Register, later, meter, months, register};

/// Where the running balance ends, in cents; the contract's example of a credit.
const BALANCE: i64 = -8_420;

/// How much more or less is used in the months of a year, in percent.
const SEASONS: [i64; 12] = [18, 12, 0, -8, -4, 16, 24, 14, -2, -10, -6, 9];

const FIRST: Date = date(2023, 5, 1);
const EXCHANGED: Date = date(2025, 2, 18);
const LAST: Date = date(2026, 7, 1);

/// Adds the account with its bills, postings and service points.
pub(super) fn add(book: &mut Book) {
    let (electricity, gas) = (electricity(), gas());
    let histories = [&electricity, &gas];
    let bills = bills();
    for bill in &bills {
        book.add_bill(&bill.json, image(bill), &histories);
    }
    let rows: Vec<_> = bills.iter().map(|bill| bill.json.clone()).collect();
    let balance = Bytes::from_static(include_bytes!("data/getAccountBalance.200.credit.json"));
    book.add_account(&details(&histories), balance, &rows, &transactions(&bills));
    book.add_point(electricity);
    book.add_point(gas);
}

fn details(histories: &[&Value]) -> Value {
    let points: Vec<_> = histories
        .iter()
        .map(|history| history["servicePoint"].clone())
        .collect();
    json!({
        "globalReference": "00210077",
        "id": 31988,
        "accountNumber": "00210077",
        "name": "Tomas & Ines Okafor-Lindqvist",
        "type": "Statement",
        "status": "Active",
        "brand": "Lumen Grid",
        "currency": "AUD",
        "billDelivery": "Both",
        "customerReference": 20031177,
        "servicePoints": points,
        "billingAddress": {
            "addressLine1": "Unit 3, 208 Saltbush Parade",
            "suburb": "Port Merrin",
            "state": "NSW",
            "postcode": "2998",
            "country": "Australia",
        },
        "period": { "fromDate": "2023-05-01" },
    })
}

fn season(month: Date, base: i64) -> i64 {
    base * (100 + SEASONS[usize::from(month.month().unsigned_abs()) - 1]) / 100
}

fn midnight(day: Date) -> String {
    build::stamp(day.at(0, 0, 0, 0))
}

/// Reads on the first days of months; each fifth is estimated.
fn monthly(register: &mut Register, first: Date, last: Date, base: i64) {
    for (at, day) in months(first, last).enumerate() {
        let used = season(later(day, -1.day()), base);
        if at % 5 == 4 {
            register.estimate(&midnight(day), used);
        } else {
            register.read(&midnight(day), used);
        }
    }
}

fn electricity() -> Value {
    let mut head = register(json!("0080101"), "E1", 5, "kWh", "2011-03-02");
    head["registerStatus"] = json!("Removed");
    head["allowsReadingEntry"] = json!(false);
    let mut general = Register::new(head, 0, 96_480, 6_100_001);
    general.read(&midnight(FIRST), 0);
    monthly(&mut general, later(FIRST, 1.month()), date(2025, 2, 1), 390);
    general.read("2025-02-18T10:15:00.000", 212)["sequenceType"] = json!("Last");
    let old = meter("E5501277", json!("00066077"), vec![general.into_value()]);

    let installed = EXCHANGED.to_string();
    let since = date(2025, 3, 1);
    let mut general = Register::new(
        misspelt(register(json!(80201), "E1", 6, "kWh", &installed)),
        0,
        0,
        6_200_001,
    );
    general.read("2025-02-18T10:30:00.000", 0);
    monthly(&mut general, since, date(2025, 10, 1), 260);
    for (time, used) in [
        ("2025-10-05T01:30:00.000", 31),
        ("2025-10-05T03:00:00.000", 1),
        ("2025-10-05T03:30:00.000", 1),
    ] {
        general.read(time, used)["source"] = json!("Telemetry");
    }
    monthly(&mut general, date(2025, 11, 1), date(2026, 4, 1), 250);
    let autumn = [
        ("2026-04-05T01:30:00.000", 29),
        ("2026-04-05T02:30:00.000+11:00", 1),
        ("2026-04-05T02:30:00.000+10:00", 1),
        ("2026-04-05T03:00:00.000", 0),
    ];
    for (time, used) in autumn {
        general.read(time, used)["source"] = json!("Telemetry");
    }
    monthly(&mut general, date(2026, 5, 1), date(2026, 6, 1), 255);
    general.aside("2026-06-15T12:00:00.000", 9_000, "Removed");
    monthly(&mut general, LAST, LAST, 255);
    general.aside("2026-07-10T19:45:00.000", 82, "Pending");
    general.aside("2026-07-11T07:05:00.000", 85, "Unknown");

    let mut controlled = Register::new(register(json!(80202), "CL1", 6, "kWh", &installed), 0, 120, 6_300_001);
    controlled.read("2025-02-18T10:30:00.000", 0);
    monthly(&mut controlled, since, date(2026, 4, 1), 140);
    controlled.read("2026-04-05T02:30:00.000", 21)["source"] = json!("Telemetry");
    monthly(&mut controlled, date(2026, 5, 1), LAST, 140);

    let mut head = register(json!(80203), "B1", 6, "kWh", &installed);
    head["direction"] = json!("Export");
    head["allowsReadingEntry"] = json!(false);
    let mut export = Register::new(head, 0, 0, 6_400_001);
    export.read("2025-02-18T10:30:00.000", 0);
    monthly(&mut export, since, LAST, 95);

    let registers = vec![general.into_value(), controlled.into_value(), export.into_value()];
    let mut new = meter("E9930415", json!(66915), registers);
    rename(&mut new, "deviceType", "deviceTypeId");
    json!({
        "servicePoint": {
            "globalReference": "0004107901",
            "serviceExternal": { "type": "NMI", "id": "6407001122" },
            "serviceType": "Electricity",
            "connectionStatus": "Registered",
        },
        "meters": [old, new],
    })
}

fn gas() -> Value {
    let mut volume = Register::new(
        register(json!(90301), "R1", 5, "m3", "2018-08-20"),
        1,
        40_215,
        6_500_001,
    );
    volume.read(&midnight(FIRST), 0);
    monthly(&mut volume, later(FIRST, 1.month()), LAST, 683);
    json!({
        "servicePoint": {
            "globalReference": 5200118,
            "serviceExternal": { "type": "MIRN", "id": 5310009921_u64 },
            "serviceType": "Gas",
            "connectionStatus": "Registered",
        },
        "meters": [meter("G220871", json!(71104), vec![volume.into_value()])],
    })
}

/// The spelling the contract lists as an alias of `purpose`.
fn misspelt(mut register: Value) -> Value {
    rename(&mut register, "purpose", "pursose");
    register
}

fn rename(object: &mut Value, from: &str, to: &str) {
    if let Some(members) = object.as_object_mut()
        && let Some(value) = members.remove(from)
    {
        members.insert(to.to_owned(), value);
    }
}

struct Bill {
    json: Value,
    number: String,
    issued: Date,
    gross: i64,
    /// The bill that takes this one's place reverses this amount.
    reverses: Option<i64>,
}

fn image(bill: &Bill) -> Image {
    if bill.json["pdfAvailable"] == false {
        Image::None
    } else if bill.issued.month() % 2 == 0 {
        Image::base64(&bill.number)
    } else {
        Image::pdf(&bill.number)
    }
}

/// The bills, oldest issue first.
fn bills() -> Vec<Bill> {
    let mut bills = Vec::new();
    for (at, first) in months(FIRST, date(2026, 6, 1)).enumerate() {
        let last = first.last_of_month();
        let issued = later(last, 3.days());
        let spread = i64::try_from(at).unwrap_or_default() * 37 % 500;
        let net = if at == 20 {
            -2_000
        } else {
            season(first, 14_200) + spread
        };
        let id = 730_000 + at;
        let mut statement = Bill::new(id, at < 12, build::bill(first, last, issued, net), issued, net);
        match at {
            5 => {
                for name in ["dueDate", "billFlags", "billVersion", "canExtend"] {
                    statement.drop(name);
                }
            }
            7 => statement.json["pdfAvailable"] = json!(false),
            8 => statement.drop("pdfAvailable"),
            9 => statement.json["billNumber"] = json!(id),
            30 => {
                statement.json["billFlags"]["superseded"] = json!(true);
                statement.json["billFlags"]["dirtyBill"] = json!(true);
            }
            _ => {}
        }
        if at >= 24 {
            rename(&mut statement.json["billFlags"], "consolidatedBill", "consoliatedBill");
            statement.json["billFlags"]["consoliatedBill"] = json!(at == 25);
        }
        let (number, gross) = (statement.number.clone(), statement.gross);
        bills.push(statement);
        if at == 10 {
            let day = date(2024, 4, 15);
            let mut invoice = Bill::new(id, true, build::bill(day, day, day, 5_500), day, 5_500);
            invoice.json["type"] = json!("Invoice");
            invoice.number = "INV-00730010".to_owned();
            invoice.json["billNumber"] = json!(invoice.number);
            bills.push(invoice);
        }
        if at == 30 {
            let issued = later(issued, 7.days());
            let net = net - 2_345;
            let mut corrected = Bill::new(id + 100, false, build::bill(first, last, issued, net), issued, net);
            corrected.json["billNumber"] = json!(number);
            corrected.json["billVersion"] = json!(2);
            corrected.number = number;
            corrected.reverses = Some(gross);
            bills.push(corrected);
        }
    }
    bills.sort_by_key(|bill| bill.issued);
    bills
}

impl Bill {
    /// A bill whose id is text with leading zeros, or else a number.
    fn new(id: usize, padded: bool, mut json: Value, issued: Date, net: i64) -> Self {
        let number = format!("STM-{id:08}");
        json["billId"] = if padded { json!(format!("{id:08}")) } else { json!(id) };
        json["billNumber"] = json!(number);
        Bill {
            json,
            number,
            issued,
            gross: net + build::tax(net),
            reverses: None,
        }
    }

    fn drop(&mut self, name: &str) {
        if let Some(members) = self.json.as_object_mut() {
            members.remove(name);
        }
    }
}

fn transactions(bills: &[Bill]) -> Vec<Value> {
    let mut ledger = Ledger::new(820_001);
    for (at, bill) in bills.iter().enumerate() {
        let posted = bill.issued.at(6, 15, 2, 114_000_000);
        if let Some(gross) = bill.reverses {
            ledger.post(posted, "Credit", -gross, "Statement reversed", &bill.number);
        }
        let what = if bill.json["type"] == "Invoice" {
            "Meter visit"
        } else {
            "Electricity and gas"
        };
        let row = ledger.post(posted, "Bill", bill.gross, what, &bill.number);
        if bill.gross > 0 {
            row["dueDate"] = json!(later(bill.issued, 17.days()).to_string());
        }
        let day = |days: i64| later(bill.issued, days.days()).at(2, 40, 55, 8_000_000);
        let reference = format!("{}", 551_900 + at * 7);
        match at {
            3 => {
                let owed = ledger.balance();
                ledger.post(day(12), "Payment", -owed, "Direct debit", &reference);
                ledger.post(day(14), "PaymentReversal", owed, "Direct debit dishonoured", &reference);
            }
            6 => {
                ledger.post(day(8), "Adjustment", 500, "Paper bill fee", "ADJ-6");
            }
            9 => {
                ledger.post(day(8), "Adjustment", -735, "Fee corrected", "ADJ-9");
            }
            13 => {
                ledger.post(day(9), "Credit", -2_500, "Goodwill", "GW-13");
            }
            16 => {
                ledger.post(day(4), "Payment", -40_000, "Card payment", "****4417");
                let row = ledger.post(day(6), "Repayment", 15_000, "Paid back to card", "****4417");
                row["transactionDate"] = json!(later(bill.issued, 6.days()).to_string());
            }
            19 => {
                ledger.post(day(9), "Concession", -6_000, "Energy rebate", "REB-2025");
            }
            34 => {
                ledger.post(day(9), "Repayment", 1_200, "Refund corrected", "RF-34");
            }
            _ => {}
        }
        let last = at + 1 == bills.len();
        let owed = ledger.balance();
        if last {
            ledger.post(day(15), "Payment", BALANCE - owed, "BPAY payment", &reference);
        } else if owed > 0 && !bill.json["billFlags"]["superseded"].as_bool().unwrap_or_default() {
            let row = ledger.post(day(15), "Payment", -owed, "BPAY payment", &reference);
            if at == 27
                && let Some(members) = row.as_object_mut()
            {
                members.remove("balance");
            }
        }
    }
    let mut rows = ledger.into_rows();
    for row in &mut rows {
        // Identifiers from before the migration of May 2024 are padded text.
        if row["transactionDate"].as_str().is_some_and(|time| time < "2024-05-01")
            && let Some(id) = row["transactionIdentifier"].as_u64()
        {
            row["transactionIdentifier"] = json!(format!("{id:09}"));
        }
    }
    rows
}
