//! The smaller accounts, and the one that is for measuring.

use bytes::Bytes;
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use super::book::{Book, Image};
use super::build::{self, Ledger, Register, decimal, later, meter, money, months, register};

/// Adds the closed, the fresh and the measuring account.
pub(super) fn add(book: &mut Book) {
    closed(book);
    fresh(book);
    load(book);
}

fn details(reference: &str, name: &str, status: &str, points: &[&Value]) -> Value {
    let points: Vec<_> = points.iter().map(|history| history["servicePoint"].clone()).collect();
    let mut details = json!({
        "globalReference": reference,
        "accountNumber": reference,
        "name": name,
        "type": "Invoice",
        "status": status,
        "currency": "AUD",
        "billDelivery": "Email",
    });
    if !points.is_empty() {
        details["servicePoints"] = Value::Array(points);
    }
    details
}

fn balance(cents: i64) -> Bytes {
    let body = json!({ "accountBalance": money(cents), "overdueBalance": money(0), "currency": "AUD" });
    Bytes::from(body.to_string())
}

fn point(reference: u64, nmi: &str, status: &str, meter: Value) -> Value {
    json!({
        "servicePoint": {
            "globalReference": reference,
            "serviceExternal": { "type": "NMI", "id": nmi },
            "serviceType": "Electricity",
            "connectionStatus": status,
        },
        "meters": [meter],
    })
}

/// Monthly invoices and their payment in full; the last one stays open if `open`.
fn invoices(first: Date, last: Date, first_id: u64, open: bool) -> (Vec<Value>, Vec<Value>, i64) {
    let mut ledger = Ledger::new(first_id + 40_000);
    let mut bills = Vec::new();
    for (id, month) in (first_id..).zip(months(first, last)) {
        let issued = later(month.last_of_month(), 3.days());
        let net = 9_000 + i64::try_from(id).unwrap_or_default() * 731 % 4_000;
        let gross = net + build::tax(net);
        let number = format!("INV-{id:08}");
        let mut bill = build::bill(month, month.last_of_month(), issued, net);
        bill["billId"] = json!(id);
        bill["billNumber"] = json!(number);
        bill["type"] = json!("Invoice");
        let row = ledger.post(issued.at(6, 15, 2, 114_000_000), "Bill", gross, "Electricity", &number);
        row["dueDate"] = json!(later(issued, 17.days()).to_string());
        if open && month == last {
            bill["billBalance"] = money(gross);
        } else {
            let paid = later(issued, 14.days()).at(2, 40, 55, 8_000_000);
            ledger.post(paid, "Payment", -gross, "BPAY payment", &format!("{}", id * 3));
        }
        bills.push(bill);
    }
    let balance = ledger.balance();
    (bills, ledger.into_rows(), balance)
}

fn add_bills(book: &mut Book, bills: &[Value], point: &Value) {
    for bill in bills {
        let number = bill["billNumber"].as_str().unwrap_or_default();
        book.add_bill(bill, Image::pdf(number), &[point]);
    }
}

fn closed(book: &mut Book) {
    let mut head = register(json!(70101), "E1", 6, "kWh", "2016-02-09");
    head["registerStatus"] = json!("Removed");
    let mut index = Register::new(head, 0, 20_114, 6_600_001);
    index.read("2025-03-01T00:00:00.000", 0);
    index.read("2025-04-01T00:00:00.000", 241);
    index.read("2025-05-01T00:00:00.000", 198)["sequenceType"] = json!("Last");
    let point = point(
        4_100_991,
        "6102009915",
        "Deregistered",
        meter("E4410093", json!(60311), vec![index.into_value()]),
    );

    let (mut bills, transactions, owed) = invoices(date(2025, 3, 1), date(2025, 4, 1), 861_220, false);
    if let Some(last) = bills.last_mut() {
        last["billFlags"]["finalBill"] = json!(true);
    }
    let mut details = details("10031187", "Margaret Holm", "Closed", &[&point]);
    details["period"] = json!({ "fromDate": "2019-11-04", "toDate": "2025-04-30" });
    add_bills(book, &bills, &point);
    book.add_account(&details, balance(owed), &bills, &transactions);
    book.add_point(point);
}

fn fresh(book: &mut Book) {
    let details = details("10050001", "Jun Watanabe", "AwaitingSupply", &[]);
    book.add_account(&details, balance(0), &[], &[]);
}

fn load(book: &mut Book) {
    let mut head = register(json!(95001), "E1", 6, "kWh", "2024-01-15");
    head["interval"] = json!(true);
    head["allowsReadingEntry"] = json!(false);
    let start = date(2026, 6, 1).at(0, 0, 0, 0);
    let reads = (0..500_i64).scan(104_000_i64, |index, at| {
        // Between 0.1 and 1.6 kWh, as hundredths, without a pattern that compresses away.
        let used = 10 + at * 7_919 % 151;
        *index += used;
        let time = start.checked_add((30 * at).minutes()).unwrap_or(start);
        let mut read = json!({
            "readingDateTime": build::stamp(time),
            "reading": decimal(*index, 2),
            "status": "Accepted",
        });
        if at > 0 {
            read["quantity"] = decimal(used, 2);
        }
        Some(read)
    });
    head["meterReadings"] = reads.collect();
    let point = point(
        9_100_001,
        "6109000001",
        "Registered",
        meter("L9000001", json!(69001), vec![head]),
    );

    let (bills, transactions, owed) = invoices(date(2025, 7, 1), date(2026, 6, 1), 890_001, true);
    add_bills(book, &bills, &point);
    book.add_account(
        &details("90000001", "Load Test", "Active", &[&point]),
        balance(owed),
        &bills,
        &transactions,
    );
    book.add_point(point);
}
