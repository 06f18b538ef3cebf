//! Wire → model; pure. `mod.rs` says what the units, signs and days mean and where that is stated.

use jiff::Timestamp;
use jiff::civil::Date;

use super::wire;
use crate::error::{Error, Result};
use crate::model::account::{Account, AccountStatus, Address, Balance, Billing, ServicePointRef};
use crate::model::bill::{Bill, BillKind, BillStatus, Totals};
use crate::model::id::{AccountId, BackendName, BillId, Id, IdError, MeterId, ServicePointId, TransactionId};
use crate::model::meter::{
    FlowDirection, MarketIdentifier, MarketIdentifierKind, Meter, Quality, Reading, ServiceKind, ServicePoint,
};
use crate::model::money::{Currency, Money, Number, Quantity, unit};
use crate::model::time::{Period, Zone};
use crate::model::transaction::{Direction, Transaction, TransactionKind};
use crate::model::usage::Interval;

/// What all records of one deployment share.
pub(super) struct Deployment {
    pub(super) name: BackendName,
    pub(super) currency: Currency,
    pub(super) zone: Zone,
}

/// An account as keys are made of it: its identifier here and its number there.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) id: AccountId,
    pub(super) number: String,
}

/// A text with something in it: unused address lines come as empty strings (contract, example 02).
pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// The items of a list that are there: lists hold nulls (contract, "Paging").
pub(super) fn present<T>(list: Option<Vec<Option<T>>>) -> impl Iterator<Item = T> {
    list.into_iter().flatten().flatten()
}

fn bad_id(error: IdError) -> Error {
    Error::unreadable("id", error)
}

fn lines(lines: impl IntoIterator<Item = Option<String>>) -> Vec<String> {
    lines.into_iter().filter_map(filled).collect()
}

impl Deployment {
    fn id<K>(&self, parts: &[&str]) -> Result<Id<K>> {
        Id::of(&self.name, parts).map_err(bad_id)
    }

    /// The key of a point of supply: everything that its readings and its use are asked for with.
    pub(super) fn service_point_id(&self, account: &str, property: &str, esi_id: &str) -> Result<ServicePointId> {
        self.id(&[account, "sp", property, esi_id])
    }

    fn meter_id(&self, account: &str, property: &str, esi_id: &str, serial: &str) -> Result<MeterId> {
        self.id(&[account, "m", property, esi_id, serial])
    }

    fn bill_id(&self, account: &str, bill: &str) -> Result<BillId> {
        self.id(&[account, bill])
    }

    fn money(&self, units: wire::Minor) -> Money {
        Money::minor(units.0, self.currency)
    }

    /// A balance: positive is credit there and debt here.
    fn owed(&self, units: wire::Minor) -> Money {
        self.money(units).turned()
    }

    fn instant(&self, text: &str, place: &str) -> Result<Timestamp> {
        self.zone
            .read(text.trim())
            .map_err(|_| Error::unreadable(place, "not a date and time"))
    }

    /// An account. `number` must be there: without it the account cannot be asked for.
    pub(super) fn account(&self, account: wire::Account) -> Result<Account> {
        let number = filled(account.number).ok_or_else(|| Error::unreadable("account.number", "absent"))?;
        let id: AccountId = self.id(&[&number])?;
        let balance = match account.balance {
            Some(balance) => Some(self.balance(
                id.clone(),
                wire::Balance {
                    number: None,
                    balance: Some(balance),
                    overdue_balance: account.overdue_balance,
                    ledgers: account.ledgers,
                },
            )?),
            None => None,
        };
        let service_points = match account.properties {
            Some(properties) => Some(self.service_point_refs(&number, properties)?),
            None => None,
        };
        let address = Address {
            lines: lines([
                account.billing_address_line_1,
                account.billing_address_line_2,
                account.billing_address_line_3,
                account.billing_address_line_4,
                account.billing_address_line_5,
            ]),
            locality: None,
            region: None,
            postal_code: filled(account.billing_address_postcode),
            country: filled(account.billing_country_code),
        };
        let billing = Billing {
            name: filled(account.billing_name),
            email: filled(account.billing_email),
            address: (address != Address::default()).then_some(address),
            delivery: filled(account.comms_delivery_preference),
        };
        let native_status = filled(account.status);
        Ok(Account {
            id,
            backend: self.name.clone(),
            native_id: filled(account.id).unwrap_or_else(|| number.clone()),
            number: Some(number),
            name: billing.name.clone(),
            native_kind: filled(account.account_type),
            status: native_status.as_deref().map(account_status),
            native_status,
            currency: Some(self.currency),
            customer_number: None,
            billing: (billing != Billing::default()).then_some(billing),
            brand: filled(account.brand),
            opened_on: None,
            closed_on: None,
            parent: None,
            service_points,
            balance,
            enrollment: None,
            custom_attributes: None,
            updated_at: None,
            native: None,
        })
    }

    fn service_point_refs(
        &self,
        account: &str,
        properties: Vec<Option<wire::PropertyRef>>,
    ) -> Result<Vec<ServicePointRef>> {
        let mut refs = Vec::new();
        for property in properties.into_iter().flatten() {
            let Some(property_id) = filled(property.id) else {
                continue;
            };
            for point in present(property.meter_points) {
                let Some(esi_id) = filled(point.esi_id) else { continue };
                refs.push(ServicePointRef {
                    id: self.service_point_id(account, &property_id, &esi_id)?,
                    market_identifier: Some(esiid(esi_id)),
                    service_kind: Some(ServiceKind::Electricity),
                });
            }
        }
        Ok(refs)
    }

    /// What is owed.
    ///
    /// Each ledger says it twice, with opposite signs. One that says it twice with the same sign contradicts the contract,
    /// and then nothing is known of the account's sign either.
    pub(super) fn balance(&self, id: AccountId, balance: wire::Balance) -> Result<Balance> {
        for ledger in present(balance.ledgers) {
            if let (Some(has), Some(owes)) = (ledger.balance, ledger.amount_owed_by_customer)
                && has.0 != 0
                && has.0.signum() == owes.0.signum()
            {
                return Err(Error::unreadable(
                    "account.ledgers",
                    "the ledger's balance and what the customer owes have the same sign",
                ));
            }
        }
        let due = balance
            .balance
            .ok_or_else(|| Error::unreadable("account.balance", "absent"))?;
        Ok(Balance {
            account_id: id,
            balance_due: self.owed(due),
            overdue: balance.overdue_balance.map(|overdue| self.money(overdue)),
            unbilled: None,
            credit_limit: None,
            as_of: None,
        })
    }

    /// A bill of an account.
    pub(super) fn bill(&self, owner: &Owner, bill: wire::Bill, place: &str) -> Result<Bill> {
        let absent = |member: &str| Error::unreadable(format_args!("{place}.{member}"), "absent");
        let native_id = filled(bill.id.map(|id| id.0)).ok_or_else(|| absent("id"))?;
        let typename = filled(bill.typename).ok_or_else(|| absent("__typename"))?;
        let charges = bill.statement_charges.or(bill.period_charges).or(bill.invoice_charges);
        let credits = bill.statement_credits.or(bill.period_credits).or(bill.invoice_credits);
        let totals = self.totals(charges, credits, bill.invoice_gross.or(bill.imported_gross));
        let position = bill.document_debt_position.as_ref();
        let expected = position.and_then(|position| position.expected_amount);
        let remaining = position.and_then(|position| position.remaining_amount);
        let annulled = bill.is_annulled == Some(true);
        let held = bill.held_status.as_ref().and_then(|held| held.is_held) == Some(true);
        let native_status = filled(bill.statement_status).or_else(|| annulled.then(|| "annulled".to_owned()));
        let status = if annulled {
            BillStatus::Cancelled
        } else if bill.issued_date.is_none() || held || native_status.as_deref() == Some("OPEN") {
            BillStatus::Draft
        } else if native_status.as_deref().is_some_and(|status| status != "CLOSED") {
            BillStatus::Other
        } else {
            settled(expected, remaining)
        };
        Ok(Bill {
            id: self.bill_id(&owner.number, &native_id)?,
            backend: self.name.clone(),
            native_id,
            account_id: owner.id.clone(),
            number: filled(
                bill.period_identifier
                    .or(bill.invoice_identifier)
                    .or(bill.imported_identifier)
                    .map(|number| number.0),
            ),
            kind: bill_kind(&typename, bill.bill_type.as_deref()),
            native_kind: Some(typename),
            status: Some(status),
            native_status,
            issued_on: bill.issued_date,
            due_on: bill.statement_due.or(position.and_then(|position| position.due_date)),
            next_bill_on: None,
            period: Period::through(bill.from_date, bill.to_date),
            totals,
            opening_balance: bill.statement_opening.map(|units| self.owed(units)),
            closing_balance: bill
                .statement_closing
                .or(bill.period_closing)
                .map(|units| self.owed(units)),
            amount_due: expected.map(|units| self.money(units)),
            outstanding: remaining.map(|units| self.money(units)),
            lines: None,
            tax_items: None,
            payments_applied: None,
            corrects: None,
            superseded_by: None,
            is_current: !annulled,
            documents: None,
            native: None,
        })
    }

    /// Charges less credits, each total only if both sides give it; the gross amount of the bill stands in for a gross
    /// total that they do not give.
    fn totals(
        &self,
        charges: Option<wire::TotalOf>,
        credits: Option<wire::TotalOf>,
        gross: Option<wire::Minor>,
    ) -> Option<Totals> {
        let less = |of: fn(&wire::TotalOf) -> Option<wire::Minor>| {
            let units = of(charges.as_ref()?)?.0.checked_sub(of(credits.as_ref()?)?.0)?;
            Some(Money::minor(units, self.currency))
        };
        let totals = Totals {
            net: less(|total| total.net_total),
            tax: less(|total| total.tax_total),
            gross: less(|total| total.gross_total).or(gross.map(|units| self.money(units))),
        };
        (totals.net.is_some() || totals.tax.is_some() || totals.gross.is_some()).then_some(totals)
    }

    /// An entry of one of an account's ledgers.
    pub(super) fn transaction(
        &self,
        owner: &Owner,
        ledger: &str,
        entry: wire::Transaction,
        place: &str,
    ) -> Result<Transaction> {
        let absent = |member: &str| Error::unreadable(format_args!("{place}.{member}"), "absent");
        let native_id = filled(entry.id.map(|id| id.0)).ok_or_else(|| absent("id"))?;
        let typename = filled(entry.typename).ok_or_else(|| absent("__typename"))?;
        let (kind, direction) = transaction_kind(&typename);
        let amounts = entry.amounts.ok_or_else(|| absent("amounts"))?;
        // Payments and refunds fill net only.
        let amount = amounts.gross.or(amounts.net).ok_or_else(|| absent("amounts.net"))?;
        if amount.0 < 0 {
            return Err(Error::unreadable(
                format_args!("{place}.amounts"),
                "a ledger entry has a sign, and the contract says it has none",
            ));
        }
        let bill = filled(entry.billing_document_identifier.map(|id| id.0));
        Ok(Transaction {
            id: self
                .id::<_>(&[&owner.number, ledger, &native_id])
                .map(|id: TransactionId| id)?,
            backend: self.name.clone(),
            native_id: Some(native_id),
            account_id: owner.id.clone(),
            kind,
            native_kind: Some(typename),
            direction,
            amount: self.money(amount),
            net: amounts.net.map(|units| self.money(units)),
            tax: amounts.tax.map(|units| self.money(units)),
            balance_after: entry.balance_carried_forward.map(|units| self.owed(units)),
            posted_on: entry.posted_date,
            posted_at: None,
            description: filled(entry.title).or_else(|| filled(entry.note)),
            reference: None,
            bill_id: match bill {
                Some(bill) => Some(self.bill_id(&owner.number, &bill)?),
                None => None,
            },
            ledger: (!ledger.is_empty()).then(|| ledger.to_owned()),
            reversed: match (entry.is_reversed, entry.is_late_failed_payment) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (reversed, _) => reversed,
            },
            native: None,
        })
    }

    /// The points of supply of one property.
    pub(super) fn service_points(&self, owner: &Owner, property: wire::Property) -> Result<Vec<ServicePoint>> {
        let address = address(&property);
        let property_id = filled(property.id);
        let mut points = Vec::new();
        for point in present(property.meter_points) {
            let absent = |member: &str| Error::unreadable(format_args!("account.properties.{member}"), "absent");
            let property_id = property_id.as_deref().ok_or_else(|| absent("id"))?;
            let native_id = filled(point.id.map(|id| id.0)).ok_or_else(|| absent("meterPoints.id"))?;
            let esi_id = filled(point.esi_id).ok_or_else(|| absent("meterPoints.esiId"))?;
            let id = self.service_point_id(&owner.number, property_id, &esi_id)?;
            let meters = match point.meters {
                Some(meters) => Some(
                    meters
                        .into_iter()
                        .flatten()
                        .map(|meter| self.meter(owner, property_id, &esi_id, &id, meter))
                        .collect::<Result<Vec<_>>>()?,
                ),
                None => None,
            };
            points.push(ServicePoint {
                id,
                backend: self.name.clone(),
                native_id,
                account_id: owner.id.clone(),
                market_identifier: Some(esiid(esi_id)),
                service_kind: Some(ServiceKind::Electricity),
                native_kind: None,
                native_status: filled(point.status),
                address: address.clone(),
                time_zone: Some(self.zone.clone()),
                meters,
                native: None,
            });
        }
        Ok(points)
    }

    fn meter(
        &self,
        owner: &Owner,
        property: &str,
        esi_id: &str,
        point: &ServicePointId,
        meter: wire::Meter,
    ) -> Result<Meter> {
        let place = "account.properties.meterPoints.meters";
        let serial = filled(meter.serial_number)
            .ok_or_else(|| Error::unreadable(format_args!("{place}.serialNumber"), "absent"))?;
        let day = |text: Option<String>, member: &str| match filled(text) {
            Some(text) => self
                .instant(&text, &format!("{place}.{member}"))
                .map(|at| Some(self.zone.date(at))),
            None => Ok(None),
        };
        Ok(Meter {
            id: self.meter_id(&owner.number, property, esi_id, &serial)?,
            backend: self.name.clone(),
            native_id: Some(serial.clone()),
            number: Some(serial),
            service_kind: Some(ServiceKind::Electricity),
            native_status: None,
            installed_on: day(meter.active_from, "activeFrom")?,
            removed_on: day(meter.active_to, "activeTo")?,
            registers: None,
            account_id: owner.id.clone(),
            service_point_id: Some(point.clone()),
            custom_attributes: None,
            native: None,
        })
    }

    /// The meters that stood at a point, with the spans they stood there.
    pub(super) fn stands(
        &self,
        owner: &Owner,
        property: &str,
        esi_id: &str,
        meters: Option<Vec<Option<wire::Meter>>>,
    ) -> Result<Vec<Stand>> {
        let mut stands = Vec::new();
        for meter in present(meters) {
            let Some(serial) = filled(meter.serial_number) else {
                continue;
            };
            let place = "account.properties.meterPoints.meters";
            let at = |text: Option<String>| filled(text).map(|text| self.instant(&text, place)).transpose();
            stands.push(Stand {
                meter: self.meter_id(&owner.number, property, esi_id, &serial)?,
                from: at(meter.active_from)?,
                to: at(meter.active_to)?,
            });
        }
        Ok(stands)
    }

    /// A daily reading.
    ///
    /// Its meter is the one that stood there at that instant. At the instant of an exchange both did, and nothing tells
    /// which was read: then it is not said. The unit of the register's value is not stated; that of the day's use is.
    pub(super) fn reading(&self, reading: wire::DailyReading, stands: &[Stand], place: &str) -> Result<Reading> {
        let read_at = filled(reading.read_at)
            .ok_or_else(|| Error::unreadable(format_args!("{place}.readAt"), "absent"))
            .and_then(|text| self.instant(&text, &format!("{place}.readAt")))?;
        let mut standing = stands
            .iter()
            .filter(|stand| stand.from.is_none_or(|from| from <= read_at) && stand.to.is_none_or(|to| read_at <= to));
        let meter_id = match (standing.next(), standing.next()) {
            (Some(only), None) => Some(only.meter.clone()),
            _ => None,
        };
        Ok(Reading {
            id: None,
            native_id: None,
            meter_id,
            register: None,
            read_at,
            value: reading.meter_reading.map(|value| Number(value.0)),
            unit: None,
            consumption: reading.daily_usage.map(|value| Quantity {
                value: Number(value.0),
                unit: Some("kWh".into()),
            }),
            consumption_from: None,
            quality: Quality::Unknown,
            native_quality: None,
            source: filled(reading.source).map(Into::into),
            status: None,
            native_status: None,
        })
    }

    /// A measurement over an interval; `None` if it is one at an instant.
    pub(super) fn interval(
        &self,
        point: &ServicePointId,
        measurement: wire::Measurement,
        place: &str,
    ) -> Result<Option<Interval>> {
        if measurement.typename.as_deref() != Some("IntervalMeasurementType") {
            return Ok(None);
        }
        let absent = |member: &str| Error::unreadable(format_args!("{place}.{member}"), "absent");
        let at = |text: Option<String>, member: &str| {
            filled(text)
                .ok_or_else(|| absent(member))
                .and_then(|text| self.instant(&text, &format!("{place}.{member}")))
        };
        let (start, end) = (at(measurement.start_at, "startAt")?, at(measurement.end_at, "endAt")?);
        if end <= start {
            return Err(Error::unreadable(format_args!("{place}.endAt"), "not after its start"));
        }
        let (filters, statistics) = measurement
            .meta_data
            .map_or((None, None), |meta| (meta.utility_filters, meta.statistics));
        let (direction, native_quality) = filters.map_or((None, None), |filters| {
            (filters.reading_direction, filled(filters.reading_quality))
        });
        Ok(Some(Interval {
            service_point_id: point.clone(),
            start,
            end,
            quantity: Quantity {
                value: Number(measurement.value.ok_or_else(|| absent("value"))?.0),
                unit: measurement.unit.as_deref().and_then(unit),
            },
            quality: match native_quality.as_deref() {
                Some("ACTUAL") => Quality::Actual,
                Some("ESTIMATE") => Quality::Estimated,
                _ => Quality::Unknown,
            },
            native_quality: native_quality.map(|text| match text.as_str() {
                "ACTUAL" => "ACTUAL".into(),
                "ESTIMATE" => "ESTIMATE".into(),
                "COMBINED" => "COMBINED".into(),
                _ => text.into(),
            }),
            direction: direction.map(|direction| match direction.as_str() {
                "CONSUMPTION" => FlowDirection::Import,
                "GENERATION" => FlowDirection::Export,
                _ => FlowDirection::Other,
            }),
            cost: cost(statistics),
        }))
    }
}

/// A meter and the span it stood at its point.
pub(super) struct Stand {
    pub(super) meter: MeterId,
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
}

fn esiid(value: String) -> MarketIdentifier {
    MarketIdentifier {
        kind: MarketIdentifierKind::Esiid,
        value,
    }
}

/// The contract lists the values without a word on them; read off their names.
fn account_status(text: &str) -> AccountStatus {
    match text {
        "PENDING" | "INCOMPLETE" => AccountStatus::Pending,
        "ACTIVE" => AccountStatus::Active,
        "WITHDRAWN" | "ENROLMENT_REJECTED" | "VOID" => AccountStatus::Closed,
        _ => AccountStatus::Other,
    }
}

/// `billType` says STATEMENT for two of the types, so the type decides (contract, "Bills, ledgers, transactions").
fn bill_kind(typename: &str, bill_type: Option<&str>) -> BillKind {
    match (typename, bill_type) {
        ("StatementType" | "PeriodBasedDocumentType", _) => BillKind::Statement,
        ("InvoiceType", Some("CREDIT_NOTE")) => BillKind::CreditNote,
        ("InvoiceType", _) => BillKind::Invoice,
        ("CollectiveBillType" | "PreKrakenBillType", _) => BillKind::Other,
        (_, Some("STATEMENT")) => BillKind::Statement,
        (_, Some("INVOICE")) => BillKind::Invoice,
        (_, Some("CREDIT_NOTE")) => BillKind::CreditNote,
        _ => BillKind::Other,
    }
}

/// Where an issued bill stands, from what it was expected to bring in and what of that is still open.
fn settled(expected: Option<wire::Minor>, remaining: Option<wire::Minor>) -> BillStatus {
    match (expected, remaining) {
        (Some(expected), Some(remaining)) if expected.0 > 0 && remaining.0 <= 0 => BillStatus::Paid,
        (Some(expected), Some(remaining)) if expected.0 > 0 && remaining.0 < expected.0 => BillStatus::PartiallyPaid,
        _ => BillStatus::Issued,
    }
}

/// The type gives kind and direction (contract, "Money").
fn transaction_kind(typename: &str) -> (TransactionKind, Option<Direction>) {
    match typename {
        "Charge" => (TransactionKind::Charge, Some(Direction::Debit)),
        "Refund" => (TransactionKind::Refund, Some(Direction::Debit)),
        "Credit" => (TransactionKind::Credit, Some(Direction::Credit)),
        "Payment" => (TransactionKind::Payment, Some(Direction::Credit)),
        _ => (TransactionKind::Other, None),
    }
}

/// The address in its parts if the system gives it so, else its numbered lines, which hold town and state too.
fn address(property: &wire::Property) -> Option<Address> {
    let rich = property.rich_address.clone();
    let parted = rich.and_then(|rich| {
        Some(Address {
            lines: lines(filled(rich.street_address)?.lines().map(|line| Some(line.to_owned()))),
            locality: filled(rich.locality),
            region: filled(rich.administrative_area),
            postal_code: filled(rich.postal_code),
            country: filled(rich.country),
        })
    });
    let address = parted.unwrap_or_else(|| Address {
        lines: lines([
            property.address_line_1.clone(),
            property.address_line_2.clone(),
            property.address_line_3.clone(),
            property.address_line_4.clone(),
            property.address_line_5.clone(),
        ]),
        postal_code: filled(property.postcode.clone()),
        ..Address::default()
    });
    (address != Address::default()).then_some(address)
}

/// The cost of the energy itself, tax included, if there is exactly one such figure and its currency is stated.
fn cost(statistics: Option<Vec<Option<wire::Statistic>>>) -> Option<Money> {
    let mut costs = present(statistics)
        .filter(|statistic| statistic.kind.as_deref() == Some("CONSUMPTION_COST"))
        .filter_map(|statistic| statistic.cost_incl_tax);
    let only = costs.next()?;
    if costs.next().is_some() {
        return None;
    }
    Some(Money::new(only.estimated_amount?.0, only.cost_currency?.parse().ok()?))
}

/// Whether a day lies in a half-open span of days; an unknown day lies in no bounded one.
pub(super) fn within(day: Option<Date>, from: Option<Date>, to: Option<Date>) -> bool {
    match day {
        Some(day) => from.is_none_or(|from| from <= day) && to.is_none_or(|to| day < to),
        None => from.is_none() && to.is_none(),
    }
}
