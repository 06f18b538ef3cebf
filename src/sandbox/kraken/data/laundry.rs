//! Account A-5E90B3F4: a business with everything the contract warns about.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use super::{Entry, effect, with};
use crate::sandbox::kraken::measurements::{Direction, scatter, supply};

const MAIN: &str = "L-2B7F9C10";
const WATER: &str = "L-6D31E8A4";
const DEBT: &str = "L-90C4D2B7";
const DEPOSIT: &str = "L-E1A7705C";

/// First month of the older statements and of the newer period documents.
const OLDER: Date = date(2024, 10, 1);
const NEWER: Date = date(2025, 10, 1);

/// The ledger entries written so far and what they come to.
#[derive(Default)]
struct Book {
    entries: Vec<Value>,
    balance: i64,
}

/// The parts of an entry that differ from one to the next.
struct Line<'a> {
    kind: &'a str,
    posted: Date,
    title: &'a str,
    reason: &'a str,
    net: i64,
    tax: Option<i64>,
    document: Option<&'a str>,
}

impl Book {
    /// Writes an entry. Charges get negative numbers as ids, as seen on live deployments.
    fn write(&mut self, numbers: i64, line: &Line<'_>, more: Value) -> i64 {
        let count = i64::try_from(self.entries.len()).unwrap_or_default();
        let number = numbers + count;
        let id = if line.kind == "Charge" {
            format!("-{number}")
        } else {
            number.to_string()
        };
        let entry = Entry {
            kind: line.kind,
            id: &id,
            posted: line.posted.to_string(),
            created: format!(
                "{}T{:02}:{:02}:30.{:06}+00:00",
                line.posted,
                8 + count / 60,
                count % 60,
                count * 7_919 % 1_000_000
            ),
            title: line.title,
            reason: line.reason,
            net: line.net,
            tax: line.tax,
            document: line.document,
        };
        let record = with(entry.record(), more);
        let effect = effect(&record);
        self.balance += effect;
        self.entries.push(record);
        effect
    }
}

/// Tax of one per cent, rounded to the nearest cent.
fn tax(net: i64) -> Option<i64> {
    Some((net + 50) / 100)
}

fn month_after(first: Date) -> Date {
    first.saturating_add(1.month())
}

fn payment_fields(late_failure: bool) -> Value {
    json!({"paymentTransactionType": "DD_REGULAR_COLLECTION", "isLateFailedPayment": late_failure,
        "isReversed": late_failure})
}

fn payment<'a>(posted: Date, net: i64, document: Option<&'a str>) -> Line<'a> {
    Line {
        kind: "Payment",
        posted,
        title: "Direct debit",
        reason: "",
        net,
        tax: None,
        document,
    }
}

/// The main ledger, its bills and the collections behind its payments.
struct Main {
    book: Book,
    bills: Vec<Value>,
    payments: Vec<Value>,
}

const NUMBERS: i64 = 310_550_001;

impl Main {
    fn pay(&mut self, posted: Date, amount: i64, document: Option<&str>, late_failure: bool) {
        self.book.write(
            NUMBERS,
            &payment(posted, amount, document),
            payment_fields(late_failure),
        );
        let place = self.payments.len();
        self.payments.push(json!({
            "id": (820_001 + place).to_string(),
            "amount": amount,
            "paymentDate": posted,
            "reference": if place % 7 == 3 { String::new() } else { format!("DD-{posted}") },
            "transactionType": if place % 5 == 4 { Value::Null } else { json!("DD_REGULAR_COLLECTION") },
            "status": if late_failure { "FAILED" } else { "CLEARED" },
            "paymentInstruction": bank(),
            "surchargeAmount": 0,
            "_ledger": MAIN,
        }));
    }

    /// On the 20th the balance left by the month before is collected.
    fn collect(&mut self, month: Date, document: &str, late_failure: bool) {
        if self.book.balance < 0 {
            let posted = month.saturating_add(19.days());
            self.pay(posted, -self.book.balance, Some(document), late_failure);
        }
    }

    fn older_month(&mut self, month: Date, number: u64) {
        let id = (940_001 + number).to_string();
        let (last, issued) = (month.last_of_month(), month_after(month));
        self.collect(month, &id, false);
        let net = 16_500 + i64::try_from(scatter(number) % 4_000).unwrap_or_default();
        let line = Line {
            kind: "Charge",
            posted: last,
            title: "Electricity",
            reason: "ELECTRICITY_CHARGE",
            net,
            tax: tax(net),
            document: Some(&id),
        };
        // Old charges have no consumption: README, "Nulls worth a test each".
        self.book
            .write(NUMBERS, &line, json!({"consumption": null, "_imported": true}));
        self.bills.push(statement(&id, MAIN, month, Some(last), Some(issued)));
    }

    fn newer_month(&mut self, month: Date, number: u64) {
        let id = (950_301 + number).to_string();
        let (last, issued) = (month.last_of_month(), month_after(month));
        let annulled = month == date(2026, 3, 1);
        let document = if annulled { "950318".to_owned() } else { id.clone() };
        self.collect(month, &document, month == date(2026, 7, 1));
        self.events(month, &document);
        for esi_id in ["10443720000111222", "10443720000111333", "10443720000444555"] {
            self.use_of(esi_id, Direction::Consumption, month, &document, "");
        }
        self.use_of("10443720000111333", Direction::Generation, month, &document, "");
        let identifier = (number % 5 != 2).then(|| format!("BBL-{}", month.strftime("%Y-%m")));
        if !annulled {
            self.bills.push(period(&id, identifier.as_deref(), month, issued));
            return;
        }
        // March was billed on a misread meter, annulled and billed again.
        let misread = 98_765;
        let charge = Line {
            kind: "Charge",
            posted: last,
            title: "Electricity",
            reason: "ELECTRICITY_CHARGE",
            net: misread,
            tax: tax(misread),
            document: Some(&id),
        };
        let reversed = json!({"isReversed": true, "note": null, "consumption": {"startDate": month, "endDate": last,
            "quantity": "6976.5000", "unit": "kWh", "usageCost": misread - 395, "supplyCharge": 395}});
        let closing = self.book.write(NUMBERS, &charge, reversed);
        let reversal = Line {
            kind: "Credit",
            title: "Reversal of electricity charge",
            reason: "CHARGE_REVERSAL",
            document: None,
            ..charge
        };
        self.book.write(NUMBERS, &reversal, json!({"note": "Misread meter"}));
        let first = period(&id, identifier.as_deref(), month, issued);
        let position = json!({"dueDate": first["_due"], "expectedAmount": -closing, "remainingAmount": 0});
        self.bills.push(with(
            first,
            json!({"isAnnulled": true, "closingBalance": closing, "documentDebtPosition": position,
                "_annulled_by": 950_319}),
        ));
        self.bills
            .push(period("950318", None, month, issued.saturating_add(11.days())));
    }

    fn use_of(&mut self, esi_id: &str, direction: Direction, month: Date, document: &str, note: &str) {
        let Some(supply) = supply(esi_id) else { return };
        let watt_hours = supply.days_between(direction, month, month_after(month));
        if watt_hours == 0 {
            return;
        }
        let generated = direction == Direction::Generation;
        // 14.1 cents a kilowatt-hour, 5 cents for what is fed in.
        let cost = if generated {
            watt_hours / 200
        } else {
            (watt_hours * 141 + 5_000) / 10_000
        };
        let supply_charge = if generated { 0 } else { 395 };
        let net = cost + supply_charge;
        let line = Line {
            kind: if generated { "Credit" } else { "Charge" },
            posted: month.last_of_month(),
            title: if generated { "Solar export" } else { "Electricity" },
            reason: if generated {
                "SOLAR_BUYBACK"
            } else {
                "ELECTRICITY_CHARGE"
            },
            net,
            tax: if generated { Some(0) } else { tax(net) },
            document: Some(document),
        };
        let quantity = format!("{}.{:03}0", watt_hours / 1000, watt_hours % 1000);
        let consumption = json!({"startDate": month, "endDate": month.last_of_month(), "quantity": quantity,
            "unit": "kWh", "usageCost": cost, "supplyCharge": supply_charge});
        let more = if generated {
            json!({"note": note})
        } else {
            json!({"note": note, "consumption": consumption})
        };
        self.book.write(NUMBERS, &line, more);
    }

    /// What happens once only.
    fn events(&mut self, month: Date, document: &str) {
        let once = |kind, posted, title, reason, net, tax| Line {
            kind,
            posted,
            title,
            reason,
            net,
            tax,
            document: Some(document),
        };
        if month == date(2026, 5, 1) {
            let line = once(
                "Credit",
                date(2026, 5, 11),
                "Goodwill credit",
                "GOODWILL_CREDIT",
                5_000,
                Some(0),
            );
            self.book
                .write(NUMBERS, &line, json!({"title": null, "note": "Outage of 2026-05-09"}));
        }
        if month == date(2026, 6, 1) {
            let line = once("Refund", date(2026, 6, 25), "Refund", "CUSTOMER_REQUEST", 5_000, None);
            self.book
                .write(NUMBERS, &line, json!({"note": null, "reasonCode": null}));
        }
        if month == date(2026, 8, 1) {
            // The collection of July cleared and failed three weeks later.
            let failed = self.payments.iter().rev().find(|payment| payment["status"] == "FAILED");
            let amount = failed
                .and_then(|payment| payment["amount"].as_i64())
                .unwrap_or_default();
            let title = "Returned payment";
            let line = once("Charge", date(2026, 8, 11), title, "FAILED_PAYMENT", amount, Some(0));
            self.book.write(NUMBERS, &line, json!({"consumption": null}));
            let line = once("Payment", date(2026, 8, 27), "Card payment", "", amount, None);
            let more = json!({"paymentTransactionType": "CREDIT_CARD", "isLateFailedPayment": false});
            self.book.write(NUMBERS, &line, more);
        }
    }
}

fn main_ledger() -> Main {
    let mut main = Main {
        book: Book::default(),
        bills: Vec::new(),
        payments: Vec::new(),
    };
    let mut month = OLDER;
    for number in 0..12 {
        main.older_month(month, number);
        month = month_after(month);
    }
    for number in 0..12 {
        main.newer_month(month, number);
        month = month_after(month);
    }
    // Paid ahead for the winter: the account is in credit, and no document carries the entry yet.
    main.pay(date(2026, 10, 2), 250_000, None, false);
    main
}

/// Statement of the older model. Without an end it is open; without an issue date it has no file.
fn statement(id: &str, ledger: &str, from: Date, to: Option<Date>, issued: Option<Date>) -> Value {
    json!({
        "__typename": "StatementType",
        "id": id,
        "billType": "STATEMENT",
        "fromDate": from,
        "toDate": to,
        "issuedDate": issued,
        "isExternalBill": false,
        "userId": null,
        "toAddress": "",
        "consumptionStartDate": null,
        "consumptionEndDate": null,
        "reversalsAfterClose": if to.is_some() { "NONE" } else { "NOT_CLOSED" },
        "status": if to.is_some() { "CLOSED" } else { "OPEN" },
        "heldStatus": {"isHeld": false, "reason": null},
        "_due": issued.map(|issued| issued.saturating_add(20.days())),
        "_ledger": ledger,
        "_open": to.is_none(),
        "_pdf": issued.is_some(),
    })
}

fn period(id: &str, identifier: Option<&str>, month: Date, issued: Date) -> Value {
    json!({
        "__typename": "PeriodBasedDocumentType",
        "id": id,
        "identifier": identifier,
        "billType": "STATEMENT",
        "fromDate": month,
        "toDate": month.last_of_month(),
        "issuedDate": issued,
        "isAnnulled": false,
        "_due": issued.saturating_add(20.days()),
        "_ledger": MAIN,
        "_pdf": true,
    })
}

/// The water ledger and its bills: quarterly statements, three invoices, and a null edge and node among the entries.
fn water_ledger() -> (Book, Vec<Value>) {
    const NUMBERS: i64 = 41_200_101;
    let mut book = Book::default();
    let mut bills = Vec::new();
    let mut from = NEWER;
    for (number, litres) in (1..).zip([182_505_i64, 164_110, 203_330, 219_745]) {
        let id = format!("96000{number}");
        let next = from.saturating_add(3.months());
        let last = next.saturating_sub(1.day());
        let held = number == 4;
        let net = litres / 25 + 1_200;
        let line = Line {
            kind: "Charge",
            posted: last,
            title: "Water",
            reason: "WATER_CHARGE",
            net,
            tax: Some(0),
            document: Some(&id),
        };
        let consumption = json!({"startDate": from, "endDate": last,
            "quantity": format!("{}.{}000", litres / 10, litres % 10),
            "unit": "L", "usageCost": litres / 25, "supplyCharge": 1_200});
        book.write(
            NUMBERS,
            &line,
            json!({"consumption": consumption, "isHeld": held, "isIssued": !held}),
        );
        // A held statement is finished but not issued; its file is there for those who ask for held ones.
        let bill = statement(&id, WATER, from, Some(last), (!held).then_some(next));
        bills.push(match held {
            true => with(
                bill,
                json!({"heldStatus": {"isHeld": true, "reason": "Meter read under review"}, "_held": true,
                    "_pdf": true}),
            ),
            false => bill,
        });
        if number < 3 {
            let next_id = format!("96000{}", number + 1);
            let posted = next.saturating_add(21.days());
            let amount = -book.balance;
            book.write(NUMBERS, &payment(posted, amount, Some(&next_id)), payment_fields(false));
        }
        from = next;
    }
    bills.push(with(
        statement("960005", WATER, from, None, None),
        json!({"closingBalance": null}),
    ));

    let invoiced = |book: &mut Book, id: &str, kind: &str, posted: Date, title: &str, net: i64| {
        let line = Line {
            kind,
            posted,
            title,
            reason: "WATER_SERVICE",
            net,
            tax: Some(0),
            document: Some(id),
        };
        book.write(
            NUMBERS,
            &line,
            if kind == "Charge" {
                json!({"consumption": null})
            } else {
                json!({})
            },
        );
    };
    invoiced(
        &mut book,
        "970001",
        "Charge",
        date(2026, 2, 3),
        "Backflow inspection",
        8_500,
    );
    invoiced(
        &mut book,
        "970002",
        "Charge",
        date(2026, 4, 14),
        "Meter resizing",
        21_000,
    );
    invoiced(
        &mut book,
        "970003",
        "Credit",
        date(2026, 4, 29),
        "Meter resizing, corrected",
        6_000,
    );
    let invoice = |id: &str, identifier: Option<&str>, bill_type: &str, issued: Date, pdf: bool| {
        json!({
            "__typename": "InvoiceType", "id": id, "identifier": identifier, "billType": bill_type,
            "fromDate": issued, "toDate": issued, "issuedDate": issued, "isAnnulled": false,
            "_due": issued.saturating_add(20.days()), "_ledger": WATER, "_pdf": pdf,
        })
    };
    bills.push(invoice(
        "970001",
        Some("INV-2026-0031"),
        "INVOICE",
        date(2026, 2, 4),
        true,
    ));
    bills.push(invoice("970002", None, "INVOICE", date(2026, 4, 15), false));
    let note = invoice("970003", Some("CN-2026-0002"), "CREDIT_NOTE", date(2026, 4, 30), true);
    bills.push(with(note, json!({"grossAmount": 6_000})));

    for (missing, posted) in [("edge", "2026-03-15"), ("node", "2026-06-15")] {
        book.entries
            .push(json!({"_null": missing, "postedDate": posted, "createdAt": posted}));
    }
    (book, bills)
}

/// Bills of the system before migration. Totals may be all there is.
fn imported_bills() -> Vec<Value> {
    (1..=6_i64)
        .map(|number| {
            let from = OLDER.saturating_sub((7 - number).months());
            let dated = number != 5;
            json!({
                "__typename": "PreKrakenBillType",
                "id": (910_000 + number).to_string(),
                "identifier": (number % 2 == 1).then(|| format!("OLD/{number:06}")),
                "billType": "PRE_KRAKEN",
                "fromDate": dated.then_some(from),
                "toDate": dated.then(|| from.last_of_month()),
                "issuedDate": month_after(from),
                "params": (number == 2).then_some("{\"source\": \"migration\"}"),
                "grossAmount": (number != 4).then_some(15_000 + number * 311),
                "_ledger": MAIN,
                "_pdf": true,
            })
        })
        .collect()
}

fn collective_bills() -> Vec<Value> {
    [
        ("980001", ["950301", "960001"], date(2025, 10, 1)),
        ("980002", ["950304", "960002"], date(2026, 1, 1)),
    ]
    .into_iter()
    .map(|(id, constituents, from)| {
        let to = from.saturating_add(3.months()).saturating_sub(1.day());
        json!({
            "__typename": "CollectiveBillType", "id": id, "billType": "COLLECTIVE", "fromDate": from, "toDate": to,
            "issuedDate": to.saturating_add(5.days()), "_constituents": constituents, "_ledger": null, "_pdf": true,
        })
    })
    .collect()
}

fn bank() -> Value {
    json!({
        "id": "44810",
        "status": "ACTIVE",
        "sortCode": "",
        "iban": "",
        "accountHolder": "Bluebonnet Laundry LLC",
        "instructionType": "DIRECT_DEBIT",
        "cardPaymentNetwork": null,
        "cardExpiryMonth": null,
        "cardExpiryYear": null,
        "cardNumber": "",
        "maskedAccountIdentifier": "*****6612",
        "validFrom": "2024-09-20T15:00:00.5+00:00",
        "vendor": "GOCARDLESS",
    })
}

pub(super) fn account() -> Value {
    let main = main_ledger();
    let (water, water_bills) = water_ledger();
    let mut debt = Book::default();
    let transferred = Line {
        kind: "Charge",
        posted: date(2025, 12, 1),
        title: "Debt of a former supply",
        reason: "DEBT_TRANSFER",
        net: 40_000,
        tax: Some(0),
        document: None,
    };
    debt.write(55_000_001, &transferred, json!({"consumption": null}));
    for month in 1..=4 {
        debt.write(
            55_000_001,
            &payment(date(2026, month, 5), 2_000, None),
            payment_fields(false),
        );
    }
    let mut bills = main.bills;
    bills.extend(water_bills);
    bills.extend(imported_bills());
    bills.extend(collective_bills());
    let mut payments = main.payments;
    payments.reverse();
    payments.insert(3, json!({"_null": "node"}));
    payments.insert(
        0,
        json!({"id": "820099", "amount": 12_000, "paymentDate": "2026-12-20", "reference": "", "transactionType": null,
            "status": "SCHEDULED", "paymentInstruction": null, "surchargeAmount": null, "_ledger": MAIN}),
    );
    let ledger = |number: &str, name: Option<&str>, kind: &str, affects: bool, entries: Vec<Value>| {
        json!({
            "number": number,
            "name": name,
            "ledgerType": kind,
            "affectsAccountBalance": affects,
            "acceptsPayments": number != DEPOSIT,
            "supportsStatements": number == MAIN || number == WATER,
            "supportsInvoices": number == WATER,
            "_entries": entries,
        })
    };
    let person = json!({
        "__typename": "AccountType",
        "id": "90277",
        "number": "A-5E90B3F4",
        "status": "ACTIVE",
        "brand": "OCTOPUS_ENERGY",
        "accountType": "BUSINESS",
        "businessType": "LIMITED_LIABILITY_PARTNERSHIP",
        "business": {"id": "3301", "name": "Bluebonnet Laundry LLC", "number": "0803118842",
            "businessType": "LIMITED_LIABILITY_PARTNERSHIP", "linkedAccountNumber": "A-5E90B3F4",
            "linkedAccountNumbers": ["A-5E90B3F4"]},
        "createdAt": "2024-09-20T14:58:31+00:00",
        "isOnSupply": true,
        "overdueBalance": null,
        "urn": "BBL-77",
        "billingName": "Bluebonnet Laundry LLC",
        "billingSubName": "",
        "billingEmail": null,
        "billingAddress": "880 Guadalupe Street, Austin, TX, 78701",
        "billingAddressLine1": "880 Guadalupe Street",
        "billingAddressLine2": "",
        "billingAddressLine3": "Austin",
        "billingAddressLine4": null,
        "billingAddressLine5": "",
        "billingAddressPostcode": "78701",
        "billingCountryCode": "US",
        "splitBillingAddress": ["880 Guadalupe Street", "", "Austin", null],
        "address": {"organization": "Bluebonnet Laundry LLC", "streetAddress": "880 Guadalupe Street",
            "locality": "Austin", "administrativeArea": "TX", "postalCode": "78701", "country": "US"},
        "commsDeliveryPreference": "POSTAL_MAIL",
        "isInHardship": null,
        "isShellAccount": false,
        "canRequestRefund": true,
        "preferredLanguageForComms": null,
        "billingOptions": {"isFixed": false, "periodLength": null, "periodLengthMultiplier": null,
            "periodStartDay": null, "currentBillingPeriodStartDate": "2026-10-01",
            "currentBillingPeriodEndDate": null, "nextBillingDate": null},
    });
    let books = json!({
        "references": [{"namespace": "crm.customer", "value": "C-004417", "createdAt": "2024-09-21T09:00:00+00:00",
            "updatedAt": "2025-02-11T17:40:12.004+00:00", "_account": "A-5E90B3F4"}],
        "notes": [{"body": "Prefers calls before nine.", "isPinned": true, "createdAt": "2025-01-14T14:02:00+00:00",
            "unpinAt": null},
            {"body": "Solar inverter exchanged.", "isPinned": false, "createdAt": "2026-05-02T18:31:07.25+00:00",
            "unpinAt": null}],
        "metadata": [{"key": "segment", "value": "\"small-business\""}],
        "agreements": agreements(),
        "ledgers": [
            ledger(MAIN, Some("Main ledger"), "MAIN_LEDGER", true, main.book.entries),
            ledger(WATER, Some("Water"), "WATER_LEDGER", true, water.entries),
            ledger(DEBT, Some("Debt"), "DEBT_LEDGER", false, debt.entries),
            ledger(DEPOSIT, None, "SECURITY_DEPOSIT_US", false, Vec::new()),
        ],
        "properties": properties(),
        "_latest_esi_id": "10443720000111222",
        "_bills": bills,
        "_schedules": [
            {"id": "71004", "validFrom": "2024-10-01", "validTo": "2025-10-01", "reason": "GENERAL_ACCOUNT_PAYMENT",
                "paymentHolidayReason": "", "paymentFrequency": "Monthly", "paymentFrequencyMultiplier": 1,
                "paymentDay": 20, "isVariablePaymentAmount": false, "isPaymentHoliday": false, "paymentAmount": 18_000,
                "_ledger": MAIN},
            {"id": "71005", "validFrom": "2025-10-01", "validTo": null, "reason": "GENERAL_ACCOUNT_PAYMENT",
                "paymentHolidayReason": "", "paymentFrequency": "Monthly", "paymentFrequencyMultiplier": 1,
                "paymentDay": null, "isVariablePaymentAmount": true, "isPaymentHoliday": false, "paymentAmount": 0,
                "_ledger": MAIN},
        ],
        "_methods": [
            bank(),
            {"_null": "node"},
            with(bank(), json!({"id": "44102", "status": "SUSPENDED_BY_VENDOR", "instructionType": "CARD",
                "cardPaymentNetwork": null, "cardExpiryMonth": 3, "cardExpiryYear": 2026,
                "maskedAccountIdentifier": null, "vendor": ""})),
        ],
        "_payments": payments,
        "_plans": [{
            "id": "5120", "initialScheduleType": "GENERAL_ACCOUNT_PAYMENT", "strategyName": "debt-repayment",
            "strategyDisplayName": "Debt repayment", "status": "ACTIVE", "offeredAt": "2026-08-03T15:20:00+00:00",
            "offerExpiresAt": null, "acceptedAt": "2026-08-04T02:10:00+00:00", "ledgerNumber": DEBT,
            "payments": [
                {"payableDate": "2026-09-01", "amount": 2_500, "paymentType": "DEBT"},
                {"payableDate": "2026-10-01", "amount": 2_500, "paymentType": null},
            ],
            "nextPayment": {"payableDate": "2026-10-01", "amount": 2_500, "paymentType": null},
        }],
        "_requests": [
            {"requestId": "69980", "amount": 5_000, "reasonCode": "CUSTOMER_REQUEST", "method": "BANK_TRANSFER",
                "instruction": null, "status": "ACCEPTED", "_ledger": MAIN},
            {"requestId": "70190", "amount": 2_150, "reasonCode": "CUSTOMER_REQUEST", "method": "BANK_TRANSFER",
                "instruction": null, "status": "REQUESTED", "_ledger": WATER},
            {"requestId": "70114", "amount": 1_200, "reasonCode": null, "method": "CHEQUE", "instruction": null,
                "status": "REJECTED", "_ledger": WATER},
        ],
        "_repayments": [{"id": "9107", "amount": 5_000, "paymentDate": "2026-06-25", "status": "PAID"}],
    });
    with(person, books)
}

fn agreements() -> Value {
    let product = json!({"id": "2301", "code": "BIZ-FLEX", "displayName": "Business Flex", "term": null,
        "isWholesale": false, "prepay": false});
    json!([
        {"id": "80112", "validFrom": "2024-10-01T05:00:00+00:00", "validTo": "2025-10-01T05:00:00+00:00",
            "agreedAt": null, "terminatedAt": null, "product": null},
        {"id": "80955", "validFrom": "2025-10-01T05:00:00+00:00", "validTo": null, "agreedAt": null,
            "terminatedAt": null, "earlyTerminationFee": null, "product": product},
    ])
}

fn properties() -> Value {
    let period = |id: &str, to: Option<&str>| {
        json!([{"id": id, "effectiveFrom": "2024-10-01T05:00:00+00:00", "effectiveTo": to, "isOccupier": true,
            "accountNumber": "A-5E90B3F4"}])
    };
    let point = |id: &str, esi_id: &str, status: &str, meters: Value, agreements: Value| {
        json!({"id": id, "esiId": esi_id, "status": status, "serviceProvider": "ONCOR", "loadZone": "LZ_NORTH",
            "loadProfile": null, "hasCriticalCare": null, "meters": meters, "agreements": agreements})
    };
    json!([
        {
            "id": "61001",
            "address": "880 Guadalupe Street, Austin, TX, 78701",
            "postcode": "78701",
            "label": "Laundry",
            "addressLine1": "880 Guadalupe Street",
            "addressLine2": "",
            "addressLine3": "Austin",
            "addressLine4": "TX",
            "addressLine5": "",
            "splitAddress": ["880 Guadalupe Street", "", "Austin", "TX"],
            "richAddress": {"streetAddress": "880 Guadalupe Street", "locality": "Austin", "administrativeArea": "TX",
                "postalCode": "78701", "country": "US"},
            "occupancyPeriods": period("53001", None),
            "meterPoints": [
                point("51001", "10443720000111222", "ON_SUPPLY", json!([
                    {"serialNumber": "144000871", "activeFrom": null, "activeTo": "2026-03-10T05:00:00+00:00"},
                    {"serialNumber": "171200346", "activeFrom": "2026-03-10T05:00:00+00:00", "activeTo": null},
                ]), agreements()),
                point("51002", "10443720000111333", "ON_SUPPLY", json!([
                    {"serialNumber": "158811020", "activeFrom": "2025-10-01T05:00:00+00:00", "activeTo": null},
                ]), agreements()),
            ],
        },
        {
            "id": "61002",
            "address": "Unit 7, 15 Sabine Alley",
            "postcode": "",
            "label": null,
            "addressLine1": "Unit 7",
            "addressLine2": "15 Sabine Alley",
            "addressLine3": null,
            "addressLine4": "",
            "addressLine5": null,
            "splitAddress": ["Unit 7", "15 Sabine Alley"],
            "richAddress": null,
            "occupancyPeriods": period("53002", Some("2026-04-01T05:00:00+00:00")),
            "meterPoints": [
                point("51003", "10443720000444555", "LOST", json!([
                    {"serialNumber": "144000902", "activeFrom": "2024-10-01T05:00:00+00:00",
                        "activeTo": "2026-04-01T05:00:00+00:00"},
                ]), json!([{"id": "80113", "validFrom": "2024-10-01T05:00:00+00:00",
                    "validTo": "2026-04-01T05:00:00+00:00", "terminatedAt": "2026-04-01T05:00:00+00:00"}])),
                point("51004", "10443720000777888", "PENDING_SWITCH_HOLD", json!([]), Value::Null),
            ],
        },
    ])
}
