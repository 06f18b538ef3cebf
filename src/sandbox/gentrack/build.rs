//! Pieces the larger data sets are made of. Amounts and indexes are whole numbers of their smallest unit.

use jiff::civil::{Date, DateTime};
use jiff::{Span, ToSpan as _};
use serde_json::{Value, json};

use super::reads::{entries, identifier, text};
use crate::sandbox::pdf;

/// A number with `places` decimals, written without going through binary fractions.
pub(super) fn decimal(units: i64, places: u32) -> Value {
    let scale = 10_u64.pow(places);
    let (whole, rest) = (units.unsigned_abs() / scale, units.unsigned_abs() % scale);
    if rest == 0 && places < 2 {
        return json!(units / scale.cast_signed());
    }
    let sign = if units < 0 { "-" } else { "" };
    let width = places as usize;
    serde_json::from_str(&format!("{sign}{whole}.{rest:0width$}")).unwrap_or_default()
}

/// An amount of money in major units.
pub(super) fn money(cents: i64) -> Value {
    decimal(cents, 2)
}

/// Ten percent, half a cent up and away from zero.
pub(super) fn tax(net: i64) -> i64 {
    (net.abs() + 5) / 10 * net.signum()
}

/// A day `days` after another.
pub(super) fn later(day: Date, span: Span) -> Date {
    day.checked_add(span).unwrap_or(day)
}

/// The first days of months, from one to another, both included.
pub(super) fn months(first: Date, last: Date) -> impl Iterator<Item = Date> {
    first.series(1.month()).take_while(move |day| *day <= last)
}

/// A time as the system writes it: local, with milliseconds, without an offset.
pub(super) fn stamp(time: DateTime) -> String {
    format!("{time:.3}")
}

/// A bill without its identifiers.
pub(super) fn bill(first: Date, last: Date, issued: Date, net: i64) -> Value {
    let tax = tax(net);
    json!({
        "type": "Statement",
        "issueDate": issued.to_string(),
        "dueDate": later(issued, 17.days()).to_string(),
        "currency": "AUD",
        "grossAmount": money(net + tax),
        "netAmount": money(net),
        "salesTaxAmount": money(tax),
        "billBalance": money(0),
        "billPeriodFrom": first.to_string(),
        "billPeriodTo": last.to_string(),
        "billFlags": { "finalBill": false, "superseded": false, "dirtyBill": false, "consolidatedBill": false },
        "billVersion": 1,
        "pdfAvailable": true,
        "canExtend": false,
    })
}

/// Postings in the order they were made, with the balance they run up.
pub(super) struct Ledger {
    balance: i64,
    next: u64,
    rows: Vec<Value>,
}

impl Ledger {
    /// An empty ledger whose postings are numbered from `first`.
    pub(super) fn new(first: u64) -> Self {
        Ledger {
            balance: 0,
            next: first,
            rows: Vec::new(),
        }
    }

    pub(super) fn balance(&self) -> i64 {
        self.balance
    }

    /// Adds a posting; `change` is what it does to the balance, in cents.
    pub(super) fn post(
        &mut self,
        time: DateTime,
        kind: &str,
        change: i64,
        description: &str,
        code: &str,
    ) -> &mut Value {
        self.balance += change;
        let row = json!({
            "transactionDate": stamp(time),
            "type": kind,
            "amount": money(change.abs()),
            "currency": "AUD",
            "balance": money(self.balance),
            "transactionIdentifier": self.next,
            "description": description,
            "transactionCode": code,
        });
        self.next += 1;
        self.rows.push(row);
        let at = self.rows.len() - 1;
        &mut self.rows[at]
    }

    /// The postings, newest first.
    pub(super) fn into_rows(self) -> Vec<Value> {
        self.rows.into_iter().rev().collect()
    }
}

/// A register being filled with reads.
pub(super) struct Register {
    head: Value,
    places: u32,
    rolls_over: i64,
    index: i64,
    next: u64,
    reads: Vec<Value>,
}

impl Register {
    /// A register whose index starts at `index`, counted in units of the last of `places` decimals.
    pub(super) fn new(head: Value, places: u32, index: i64, first_reference: u64) -> Self {
        let dials = head
            .get("dials")
            .and_then(Value::as_u64)
            .and_then(|dials| u32::try_from(dials).ok())
            .unwrap_or(6);
        let rolls_over = 10_i64.pow(dials + places);
        Register {
            head,
            places,
            rolls_over,
            index,
            next: first_reference,
            reads: Vec::new(),
        }
    }

    /// Adds an accepted read of the index after `used` more.
    pub(super) fn read(&mut self, time: &str, used: i64) -> &mut Value {
        self.index = (self.index + used) % self.rolls_over;
        let first = self.reads.is_empty();
        let mut read = self.show(time, self.index);
        if first {
            read["sequenceType"] = json!("First");
        } else {
            read["quantity"] = decimal(used, self.places);
        }
        self.push(read)
    }

    /// Adds an accepted read that was estimated.
    pub(super) fn estimate(&mut self, time: &str, used: i64) {
        let read = self.read(time, used);
        read["source"] = json!("System");
        read["readingType"] = json!("System");
        read["quality"] = json!("Estimated");
        read["estimated"] = json!(true);
    }

    /// Adds a read that does not count: pending, unknown or removed.
    pub(super) fn aside(&mut self, time: &str, above: i64, status: &str) {
        let mut read = self.show(time, self.index + above);
        read["status"] = json!(status);
        read["source"] = json!("Customer");
        read["readingType"] = json!("Customer");
        self.push(read);
    }

    fn show(&self, time: &str, index: i64) -> Value {
        json!({
            "readingReference": self.next,
            "readingDateTime": time,
            "sequenceType": "Normal",
            "source": "Field",
            "quality": "Normal",
            "readingType": "Field",
            "reading": decimal(index, self.places),
            "estimated": false,
            "status": "Accepted",
        })
    }

    fn push(&mut self, read: Value) -> &mut Value {
        self.next += 1;
        self.reads.push(read);
        let at = self.reads.len() - 1;
        &mut self.reads[at]
    }

    pub(super) fn into_value(self) -> Value {
        let mut register = self.head;
        register["meterReadings"] = Value::Array(self.reads);
        register
    }
}

/// A cumulative import register of an installed meter.
pub(super) fn register(id: Value, label: &str, dials: u64, unit: &str, installed: &str) -> Value {
    json!({
        "id": id,
        "label": label,
        "dials": dials,
        "unitOfMeasure": unit,
        "direction": "Import",
        "accumulatorType": "Cumulative",
        "registerStatus": "Installed",
        "installedDateTime": installed,
        "allowsReadingEntry": true,
        "interval": false,
        "billable": true,
        "requiresSettlement": true,
        "knownToMarket": true,
        "purpose": "Master",
    })
}

/// A meter of the read history.
pub(super) fn meter(serial: &str, device: Value, registers: Vec<Value>) -> Value {
    json!({
        "assetExternal": { "source": "serialNumber", "id": serial },
        "assetTypeId": "Meter",
        "deviceExternal": { "source": "serialNumber", "id": serial },
        "deviceType": "Meter",
        "deviceId": device,
        "serialNumber": serial,
        "readingRegisters": registers,
    })
}

/// The reads a bill was built from: the accepted ones after the start of its first day and up to the end of its last.
pub(super) fn bill_reads(bill: &Value, histories: &[&Value]) -> Vec<Value> {
    let midnight = |day: Date| stamp(day.at(0, 0, 0, 0));
    let day = |name: &str| text(bill, name).parse::<Date>().ok();
    let (Some(first), Some(last)) = (day("billPeriodFrom"), day("billPeriodTo")) else {
        return Vec::new();
    };
    let (start, end) = (midnight(first), midnight(later(last, 1.day())));
    let mut rows = Vec::new();
    for history in histories {
        let point = history
            .pointer("/servicePoint/globalReference")
            .and_then(identifier)
            .unwrap_or_default();
        for meter in entries(history, "meters") {
            for register in entries(meter, "readingRegisters") {
                let mut before = start.as_str();
                for read in entries(register, "meterReadings").filter(|read| text(read, "status") == "Accepted") {
                    let time = text(read, "readingDateTime");
                    if start.as_str() < time && time <= end.as_str() && read.get("quantity").is_some() {
                        rows.push(bill_read(&point, meter, register, read, before));
                    }
                    if start.as_str() <= time {
                        before = time;
                    }
                }
            }
        }
    }
    rows
}

fn bill_read(point: &str, meter: &Value, register: &Value, read: &Value, from: &str) -> Value {
    let flow = match (text(register, "unitOfMeasure"), text(register, "direction")) {
        ("m3", _) => "Gas Volume",
        (_, "Export") => "Active Export",
        _ => "Active Import",
    };
    let mut row = json!({
        "servicePointId": point,
        "meterId": meter["deviceId"],
        "meterIdentifier": meter["serialNumber"],
        "registerId": register["id"],
        "registerLabel": register["label"],
        "readingId": read["readingReference"],
        "readingDateTime": read["readingDateTime"],
        "reading": read["reading"],
        "consumption": read["quantity"],
        "unitOfMeasure": register["unitOfMeasure"],
        "energyFlow": flow,
        "fromDatetime": from,
        "toDatetime": read["readingDateTime"],
    });
    // The contract types no member as null: what is not known is left out.
    if let Some(members) = row.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    row
}

/// A PDF of one page that names the bill.
pub(super) fn pdf(number: &str) -> Vec<u8> {
    pdf::page(&format!("Bill {number} - example"))
}

#[cfg(test)]
mod tests {
    use super::{decimal, money, tax};

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(money(17_166).to_string(), "171.66");
        assert_eq!(money(-8_420).to_string(), "-84.2");
        assert_eq!(money(-5).to_string(), "-0.05");
        assert_eq!(decimal(41_200, 0).to_string(), "41200");
        assert_eq!(decimal(40_215, 1).to_string(), "4021.5");
        assert_eq!((tax(15_605), tax(-2_000), tax(4)), (1_561, -200, 0));
    }
}
