//! What the system knows: accounts, bills, service points, with their answers prepared.

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::Refusal;
use super::reads::{self, entries, identifier, text};
use super::{build, household, others};

/// The data set; it never changes, so every instance shares it.
pub(super) static BOOK: LazyLock<Book> = LazyLock::new(|| {
    let mut book = Book::default();
    example(&mut book);
    household::add(&mut book);
    others::add(&mut book);
    book
});

/// What an account that was just opened has: nothing billed, posted or owed.
pub(super) static UNBILLED: LazyLock<Account> = LazyLock::new(|| Account {
    details: Bytes::new(),
    balance: Bytes::from_static(br#"{"accountBalance":0,"overdueBalance":0,"currency":"AUD"}"#),
    bills: Listing::new(&[], "issueDate"),
    transactions: Listing::new(&[], "transactionDate"),
});

#[derive(Default)]
pub(super) struct Book {
    accounts: HashMap<String, Account>,
    bills: HashMap<String, Vec<Bill>>,
    points: HashMap<String, Point>,
}

pub(super) struct Account {
    pub(super) details: Bytes,
    pub(super) balance: Bytes,
    pub(super) bills: Listing,
    pub(super) transactions: Listing,
}

/// Rows under `results`, each with its day.
pub(super) struct Listing {
    whole: Bytes,
    rows: Vec<(String, String)>,
}

pub(super) struct Bill {
    kind: String,
    pub(super) image: Image,
    pub(super) reads: Bytes,
}

/// How the image of a bill comes.
pub(super) enum Image {
    None,
    Pdf { raw: Bytes, base64: Option<Bytes> },
    Base64(Bytes),
}

impl Image {
    pub(super) fn pdf(number: &str) -> Self {
        Image::Pdf {
            raw: Bytes::from(build::pdf(number)),
            base64: None,
        }
    }

    pub(super) fn base64(number: &str) -> Self {
        Image::Base64(Bytes::from(STANDARD.encode(build::pdf(number))))
    }
}

pub(super) struct Point {
    pub(super) structure: Bytes,
    /// Every accepted read.
    pub(super) accepted: Bytes,
    /// First and last day with a read.
    pub(super) span: (String, String),
    /// Every read of every status, in the shape of the read history.
    pub(super) history: Value,
}

impl Listing {
    pub(super) fn new(rows: &[Value], day: &str) -> Self {
        let whole = Bytes::from(json!({ "results": rows }).to_string());
        Listing::prepared(whole, rows, day)
    }

    /// A list whose whole text is given.
    fn prepared(whole: Bytes, rows: &[Value], day: &str) -> Self {
        let row = |row: &Value| (text(row, day).get(..10).unwrap_or_default().to_owned(), row.to_string());
        Listing {
            whole,
            rows: rows.iter().map(row).collect(),
        }
    }

    /// The rows between two days, both included.
    pub(super) fn between(&self, start: Option<&str>, end: Option<&str>) -> Bytes {
        if start.is_none() && end.is_none() {
            return self.whole.clone();
        }
        let inside = |day: &str| start.is_none_or(|start| start <= day) && end.is_none_or(|end| day <= end);
        let rows: Vec<_> = self
            .rows
            .iter()
            .filter(|(day, _)| inside(day))
            .map(|(_, row)| row.as_str())
            .collect();
        Bytes::from(format!("{{\"results\":[{}]}}", rows.join(",")))
    }
}

impl Book {
    pub(super) fn account(&self, id: &str) -> Result<&Account, Refusal> {
        self.accounts
            .get(id)
            .ok_or_else(|| Refusal::not_found(&format!("No account with global reference {id}.")))
    }

    pub(super) fn point(&self, id: &str) -> Result<&Point, Refusal> {
        self.points
            .get(id)
            .ok_or_else(|| Refusal::not_found(&format!("No service point with reference {id}.")))
    }

    /// A bill by its id and, as ids may be shared, its type.
    pub(super) fn bill(&self, id: &str, kind: Option<&str>) -> Result<&Bill, Refusal> {
        let missing = || Refusal::not_found(&format!("No bill with reference {id}."));
        let bills = self.bills.get(id).ok_or_else(missing)?;
        match (kind, bills.as_slice()) {
            (Some(kind), bills) => bills.iter().find(|bill| bill.kind == kind).ok_or_else(missing),
            (None, [bill]) => Ok(bill),
            (None, _) => Err(Refusal::one(
                "TypeMissing",
                "type",
                "Several bills share the reference; name the type.",
            )),
        }
    }

    pub(super) fn add_account(&mut self, details: &Value, balance: Bytes, bills: &[Value], transactions: &[Value]) {
        let account = Account {
            details: Bytes::from(details.to_string()),
            balance,
            bills: Listing::new(bills, "issueDate"),
            transactions: Listing::new(transactions, "transactionDate"),
        };
        self.accounts.insert(
            details.get("globalReference").and_then(identifier).unwrap_or_default(),
            account,
        );
    }

    /// Files a bill by its id, its reads taken from `points`.
    pub(super) fn add_bill(&mut self, bill: &Value, image: Image, points: &[&Value]) {
        let id = bill.get("billId").and_then(identifier).unwrap_or_default();
        let rows = build::bill_reads(bill, points);
        let reads = Bytes::from(json!({ "results": rows }).to_string());
        let kind = text(bill, "type").to_owned();
        self.bills.entry(id).or_default().push(Bill { kind, image, reads });
    }

    pub(super) fn add_point(&mut self, history: Value) {
        let structure = Bytes::from(reads::structure(&history).to_string());
        let accepted = reads::narrowed(&history, |read| text(read, "status") == "Accepted");
        let point = Point {
            structure,
            accepted: Bytes::from(accepted.to_string()),
            span: span(&history),
            history,
        };
        let id = point
            .history
            .pointer("/servicePoint/globalReference")
            .and_then(identifier)
            .unwrap_or_default();
        self.points.insert(id, point);
    }
}

fn span(history: &Value) -> (String, String) {
    let registers = entries(history, "meters").flat_map(|meter| entries(meter, "readingRegisters"));
    let days = registers
        .flat_map(|register| entries(register, "meterReadings"))
        .filter_map(|read| text(read, "readingDateTime").get(..10));
    let mut span: Option<(&str, &str)> = None;
    for day in days {
        span = Some(span.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
    }
    span.map(|(first, last)| (first.to_owned(), last.to_owned()))
        .unwrap_or_default()
}

/// The contract's own account, its answers byte for byte.
fn example(book: &mut Book) {
    let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let rows = |list: &Value| {
        list.get("results")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };

    let history_text = include_str!("data/getMeterReadings.200.json");
    let history = value(history_text);
    let bills_text = include_str!("data/getAccountBills.200.json");
    let bills = rows(&value(bills_text));
    for bill in &bills {
        let number = text(bill, "billNumber");
        match bill.get("billId").and_then(Value::as_u64) {
            Some(882_035) => {
                let raw = Bytes::from_static(include_bytes!("data/getBillImage.200.pdf"));
                let base64 = Some(bytes(include_str!("data/getBillImage.200.base64.txt")));
                book.add_bill(bill, Image::Pdf { raw, base64 }, &[&history]);
            }
            Some(881_477) => book.add_bill(bill, Image::base64(number), &[&history]),
            _ => book.add_bill(bill, Image::pdf(number), &[&history]),
        }
    }
    if let Some(bill) = book.bills.get_mut("882035").and_then(|bills| bills.first_mut()) {
        bill.reads = bytes(include_str!("data/getBillMeterReadings.200.json"));
    }
    let transactions_text = include_str!("data/getAccountTransactions.200.json");
    let account = Account {
        details: bytes(include_str!("data/getAccount.200.json")),
        balance: bytes(include_str!("data/getAccountBalance.200.json")),
        bills: Listing::prepared(bytes(bills_text), &bills, "issueDate"),
        transactions: Listing::prepared(
            bytes(transactions_text),
            &rows(&value(transactions_text)),
            "transactionDate",
        ),
    };
    book.accounts.insert("10045213".to_owned(), account);
    book.add_point(history);
    if let Some(point) = book.points.get_mut("4107755") {
        point.structure = bytes(include_str!("data/getMeterStructure.200.json"));
        point.accepted = bytes(history_text);
    }
}

#[cfg(test)]
mod tests {
    use super::{BOOK, Image, build, identifier, text};
    use serde_json::Value;

    fn rows(bytes: &[u8]) -> Vec<Value> {
        serde_json::from_slice::<Value>(bytes).unwrap()["results"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// An amount in cents, by its digits.
    fn cents(row: &Value, name: &str) -> i64 {
        let written = row[name].as_number().unwrap().to_string();
        let (whole, fraction) = written.split_once('.').unwrap_or((&written, "0"));
        let size = whole.trim_start_matches('-').parse::<i64>().unwrap() * 100
            + format!("{fraction:0<2}").parse::<i64>().unwrap();
        if written.starts_with('-') { -size } else { size }
    }

    #[test]
    fn every_bill_is_net_plus_tax_to_the_cent() {
        let mut count = 0;
        for account in BOOK.accounts.values() {
            for bill in rows(&account.bills.whole) {
                assert_eq!(
                    cents(&bill, "grossAmount"),
                    cents(&bill, "netAmount") + cents(&bill, "salesTaxAmount")
                );
                count += 1;
            }
        }
        assert!(count > 50);
    }

    #[test]
    fn running_balances_add_up_to_the_balance() {
        for (id, account) in &BOOK.accounts {
            let balance: Value = serde_json::from_slice(&account.balance).unwrap();
            let transactions = rows(&account.transactions.whole);
            let newest = transactions.first().map_or(0, |row| cents(row, "balance"));
            assert_eq!(cents(&balance, "accountBalance"), newest, "{id}");
            let mut ascending = transactions.iter().rev();
            let mut running = 0;
            let mut skipped = 0;
            for row in &mut ascending {
                let amount = cents(row, "amount");
                assert!(amount >= 0, "{id}: an amount carries no sign");
                if row.get("balance").is_none() {
                    skipped = amount;
                    continue;
                }
                let change = cents(row, "balance") - running;
                let signed = [1, -1].map(|sign| [sign * amount + skipped, sign * amount - skipped]);
                assert!(signed.as_flattened().contains(&change), "{id}: {row}");
                running = cents(row, "balance");
                skipped = 0;
            }
        }
    }

    #[test]
    fn every_listed_bill_can_be_asked_for_by_id_and_type() {
        for account in BOOK.accounts.values() {
            for bill in rows(&account.bills.whole) {
                let id = identifier(&bill["billId"]).unwrap();
                let found = BOOK.bill(&id, Some(text(&bill, "type"))).unwrap();
                let available = bill.get("pdfAvailable").is_none_or(|available| available == true);
                assert_eq!(available, !matches!(found.image, Image::None), "{id}");
            }
        }
        assert!(BOOK.bill("00730010", None).is_err(), "two bills share the id");
    }

    #[test]
    fn what_is_generated_agrees_with_the_examples() {
        let point = BOOK.point("4107755").unwrap();
        let bill = rows(&BOOK.account("10045213").unwrap().bills.whole).pop().unwrap();
        let example: Value = serde_json::from_str(include_str!("data/getBillMeterReadings.200.json")).unwrap();
        assert_eq!(
            Value::from(build::bill_reads(&bill, &[&point.history])),
            example["results"]
        );
        assert_eq!(build::pdf("INV-00882035"), include_bytes!("data/getBillImage.200.pdf"));
        let structure: Value = serde_json::from_slice(&point.structure).unwrap();
        assert_eq!(super::reads::structure(&point.history), structure);
    }

    #[test]
    fn the_measuring_account_has_the_sizes_it_promises() {
        let load = BOOK.account("90000001").unwrap();
        assert_eq!(rows(&load.bills.whole).len(), 12);
        assert!(
            (1_500..6_000).contains(&load.bills.whole.len()),
            "{}",
            load.bills.whole.len()
        );
        let point = BOOK.point("9100001").unwrap();
        let reads = point
            .history
            .pointer("/meters/0/readingRegisters/0/meterReadings")
            .unwrap();
        assert_eq!(reads.as_array().unwrap().len(), 500);
        assert!(
            (38_000..60_000).contains(&point.accepted.len()),
            "{}",
            point.accepted.len()
        );
    }

    #[test]
    fn the_household_has_what_it_promises() {
        let account = BOOK.account("00210077").unwrap();
        let bills = rows(&account.bills.whole);
        assert_eq!(bills.len(), 40);
        assert_eq!(
            bills
                .iter()
                .filter(|bill| bill["billFlags"]["superseded"] == true)
                .count(),
            1
        );
        assert!(
            bills.iter().any(|bill| bill["billId"].is_string()) && bills.iter().any(|bill| bill["billId"].is_u64())
        );
        assert!(rows(&account.transactions.whole).len() >= 60);
    }
}
