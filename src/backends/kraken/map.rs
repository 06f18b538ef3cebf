//! Wire → model; pure. `mod.rs` says what the units, signs and days mean and where that is stated.

use jiff::Timestamp;
use jiff::civil::Date;

use super::{registers, wire};
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
    pub(super) fn id<K>(&self, parts: &[&str]) -> Result<Id<K>> {
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

    pub(super) fn money(&self, units: wire::Minor) -> Money {
        Money::minor(units.0, self.currency)
    }

    /// A balance: positive is credit there and debt here.
    fn owed(&self, units: wire::Minor) -> Money {
        self.money(units).turned()
    }

    pub(super) fn instant(&self, text: &str, place: &str) -> Result<Timestamp> {
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
            let points = present(property.meter_points).chain(present(property.electricity_meter_points));
            for point in points.chain(present(property.gas_meter_points)) {
                let Some(market) = market_identifier(point.esi_id, point.mpan, point.mprn) else {
                    continue;
                };
                refs.push(ServicePointRef {
                    id: self.service_point_id(account, &property_id, &market.value)?,
                    service_kind: Some(service_kind(&market)),
                    market_identifier: Some(market),
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
        let native_status = filled(bill.statement_status);
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
        let listed = present(property.meter_points).chain(present(property.electricity_meter_points));
        for point in listed.chain(present(property.gas_meter_points)) {
            let absent = |member: &str| Error::unreadable(format_args!("account.properties.{member}"), "absent");
            let property_id = property_id.as_deref().ok_or_else(|| absent("id"))?;
            let native_id = filled(point.id.map(|id| id.0)).ok_or_else(|| absent("meterPoints.id"))?;
            let market = market_identifier(point.esi_id, point.mpan, point.mprn)
                .ok_or_else(|| absent("meterPoints: the market identifier"))?;
            let stands = Stands {
                owner,
                property: property_id,
                point: self.service_point_id(&owner.number, property_id, &market.value)?,
                market: &market,
                direction: registers::direction(point.direction),
            };
            let meters = match point.meters {
                Some(meters) => Some(
                    meters
                        .into_iter()
                        .flatten()
                        .map(|meter| self.meter(&stands, meter))
                        .collect::<Result<Vec<_>>>()?,
                ),
                None => None,
            };
            points.push(ServicePoint {
                id: stands.point,
                backend: self.name.clone(),
                native_id,
                account_id: owner.id.clone(),
                service_kind: Some(service_kind(&market)),
                market_identifier: Some(market),
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

    fn meter(&self, stands: &Stands<'_>, meter: wire::Meter) -> Result<Meter> {
        let place = "account.properties.meterPoints.meters";
        let serial = filled(meter.serial_number)
            .ok_or_else(|| Error::unreadable(format_args!("{place}.serialNumber"), "absent"))?;
        let day = |text: Option<String>, member: &str| match filled(text) {
            // A calendar date is never moved between zones.
            Some(text) => match text.parse::<Date>() {
                Ok(day) if text.len() == "2026-01-28".len() => Ok(Some(day)),
                _ => self
                    .instant(&text, &format!("{place}.{member}"))
                    .map(|at| Some(self.zone.date(at))),
            },
            None => Ok(None),
        };
        let registers = match meter.registers {
            Some(registers) => Some(
                present(Some(registers))
                    .map(|register| registers::register(register, stands.direction))
                    .collect::<Result<Vec<_>>>()?,
            ),
            None => None,
        };
        let (owner, market) = (stands.owner, stands.market);
        Ok(Meter {
            id: self.meter_id(&owner.number, stands.property, &market.value, &serial)?,
            backend: self.name.clone(),
            native_id: filled(meter.id.map(|id| id.0)).or_else(|| Some(serial.clone())),
            number: Some(serial),
            service_kind: Some(service_kind(market)),
            native_status: None,
            installed_on: day(meter.active_from, "activeFrom")?,
            removed_on: day(meter.active_to, "activeTo")?,
            registers,
            account_id: owner.id.clone(),
            service_point_id: Some(stands.point.clone()),
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

/// Where meters stand.
struct Stands<'a> {
    owner: &'a Owner,
    property: &'a str,
    point: ServicePointId,
    market: &'a MarketIdentifier,
    direction: Option<FlowDirection>,
}

/// A meter and the span it stood at its point.
pub(super) struct Stand {
    pub(super) meter: MeterId,
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
}

/// What the market calls a point: it has one of the three names.
fn market_identifier(esi_id: Option<String>, mpan: Option<String>, mprn: Option<String>) -> Option<MarketIdentifier> {
    let named = [
        (MarketIdentifierKind::Esiid, esi_id),
        (MarketIdentifierKind::Mpan, mpan),
        (MarketIdentifierKind::Mprn, mprn),
    ];
    named
        .into_iter()
        .find_map(|(kind, value)| filled(value).map(|value| MarketIdentifier { kind, value }))
}

/// What is supplied at a point. Only one of the identifiers is of gas.
fn service_kind(market: &MarketIdentifier) -> ServiceKind {
    match market.kind {
        MarketIdentifierKind::Mprn => ServiceKind::Gas,
        _ => ServiceKind::Electricity,
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

/// An address in its parts; nothing if none of them is filled.
pub(super) fn rich_address(rich: wire::RichAddress) -> Option<Address> {
    let street = filled(rich.street_address).unwrap_or_default();
    let address = Address {
        lines: lines(street.lines().map(|line| Some(line.to_owned()))),
        locality: filled(rich.locality),
        region: filled(rich.administrative_area),
        postal_code: filled(rich.postal_code),
        country: filled(rich.country),
    };
    (address != Address::default()).then_some(address)
}

/// The address in its parts if the system gives it so, else its numbered lines, which hold town and state too.
fn address(property: &wire::Property) -> Option<Address> {
    let rich = property.rich_address.clone();
    let parted = rich
        .filter(|rich| filled(rich.street_address.clone()).is_some())
        .and_then(rich_address);
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

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::super::examples::{self, Example, Reader};
    use super::super::wire::{AccountData, Answer};
    use super::*;
    use crate::error::ErrorKind;

    const NUMBER: &str = "A-7C41D0E2";
    const PROPERTY: &str = "48213";
    const ESI_ID: &str = "10032789401234567";

    fn deployment(currency: &str) -> Deployment {
        Deployment {
            name: "kraken-us".parse().unwrap(),
            currency: currency.parse().unwrap(),
            zone: "America/Chicago".parse().unwrap(),
        }
    }

    fn owner() -> Owner {
        Owner {
            id: format!("kraken-us:{NUMBER}").parse().unwrap(),
            number: NUMBER.to_owned(),
        }
    }

    fn read<T: DeserializeOwned>(value: &Value) -> T {
        serde_json::from_str(&value.to_string()).unwrap()
    }

    fn responses(file: &str) -> Vec<Value> {
        let path = format!("{}/tests/fixtures/kraken/examples/{file}", env!("CARGO_MANIFEST_DIR"));
        let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let exchanges = file["exchanges"].as_array().unwrap();
        exchanges.iter().map(|exchange| exchange["response"].clone()).collect()
    }

    fn account<A: DeserializeOwned>(answer: &Value) -> A {
        let answer: Answer<AccountData<A>> = read(answer);
        answer.data.unwrap().account.unwrap()
    }

    fn json_of(record: &impl Serialize) -> Value {
        serde_json::to_value(record).unwrap()
    }

    fn canonical(operation: &str, answer: &Value) -> Result<Value> {
        let (us, owner) = (deployment("USD"), owner());
        Ok(match operation {
            "accounts.get" => json_of(&us.account(account(answer))?),
            "bills.list" => {
                let bills: wire::Bills = account(answer);
                let bills = present(bills.bills.unwrap().edges).map(|edge| us.bill(&owner, edge.node.unwrap(), "b"));
                json_of(&bills.collect::<Result<Vec<_>>>()?)
            }
            "transactions.list" => {
                let ledgers: wire::Ledgers = account(answer);
                let mut entries = Vec::new();
                for ledger in present(ledgers.ledgers) {
                    let number = ledger.number.unwrap_or_default();
                    for edge in present(ledger.transactions.unwrap().edges) {
                        entries.push(us.transaction(&owner, &number, edge.node.unwrap(), "t")?);
                    }
                }
                json_of(&entries)
            }
            "service_points.list" => {
                let found: wire::Properties = account(answer);
                let points = present(found.properties).map(|property| us.service_points(&owner, property));
                json_of(&points.collect::<Result<Vec<_>>>()?.concat())
            }
            "usage.list" => {
                let point = us.service_point_id(NUMBER, PROPERTY, ESI_ID)?;
                let found: wire::UsageProperties = account(answer);
                let edges =
                    present(found.properties).flat_map(|property| present(property.measurements.unwrap().edges));
                let intervals = edges.map(|edge| us.interval(&point, edge.node.unwrap(), "m"));
                json_of(
                    &intervals
                        .collect::<Result<Vec<_>>>()?
                        .into_iter()
                        .flatten()
                        .collect::<Vec<_>>(),
                )
            }
            "readings.list" => {
                let answer: Answer<wire::ReadingsData> = read(answer);
                let stands = stands(&us);
                let rows = present(answer.data.unwrap().daily_readings).map(|row| us.reading(row, &stands, "r"));
                json_of(&rows.collect::<Result<Vec<_>>>()?)
            }
            other => panic!("{other}"),
        })
    }

    /// The places of all values in a tree that hold no others.
    fn leaves(value: &Value, at: &str, into: &mut Vec<String>) {
        match value {
            Value::Object(members) => members
                .iter()
                .for_each(|(key, value)| leaves(value, &format!("{at}/{key}"), into)),
            Value::Array(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(n, value)| leaves(value, &format!("{at}/{n}"), into));
            }
            _ => into.push(at.to_owned()),
        }
    }

    /// The numbers in a record: amounts and values are text.
    fn numbers(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(members) => members.values().for_each(|value| numbers(value, into)),
            Value::Array(items) => items.iter().for_each(|value| numbers(value, into)),
            Value::Number(number) => into.push(number.to_string()),
            Value::String(text) if text.contains('.') && text.parse::<rust_decimal::Decimal>().is_ok() => {
                into.push(text.clone());
            }
            _ => {}
        }
    }

    #[test]
    fn a_fact_that_is_taken_away_never_becomes_a_number() {
        let mut taken = 0;
        for Example { name, exchange, truth } in examples::of(Reader::Map) {
            let (operation, example) = (truth["operation"].as_str().unwrap(), &exchange["response"]);
            let mut before = Vec::new();
            numbers(&canonical(operation, example).unwrap(), &mut before);
            let mut places = Vec::new();
            leaves(example, "", &mut places);
            for place in places {
                let mut less = example.clone();
                *less.pointer_mut(&place).unwrap() = Value::Null;
                // Without it the record may be unreadable; if it is not, it holds no figure it did not hold before.
                let Ok(record) = canonical(operation, &less) else {
                    continue;
                };
                let mut after = Vec::new();
                numbers(&record, &mut after);
                assert!(after.iter().all(|number| before.contains(number)), "{name}{place}");
                assert!(after.len() <= before.len(), "{name}{place}");
                taken += 1;
            }
        }
        assert!(taken > 200, "{taken}");
    }

    fn stands(us: &Deployment) -> Vec<Stand> {
        let found: wire::Properties = account(&responses("05-properties-meters.json")[0]);
        let point = present(found.properties)
            .flat_map(|property| present(property.meter_points))
            .next()
            .unwrap();
        us.stands(&owner(), PROPERTY, ESI_ID, point.meters).unwrap()
    }

    #[test]
    fn every_example_of_a_record_means_what_the_vendor_s_documents_say() {
        for Example { name, exchange, truth } in examples::of(Reader::Map) {
            let operation = truth["operation"].as_str().unwrap();
            let record = canonical(operation, &exchange["response"]).unwrap();
            examples::assert_holds(&truth["data"], &record, &name);
        }
    }

    fn balance(balance: Value) -> Result<Balance> {
        deployment("USD").balance(owner().id, read(&balance))
    }

    #[test]
    fn a_negative_balance_is_debt_and_a_positive_one_credit() {
        let due = |units: i64| {
            let money = balance(json!({ "balance": units })).unwrap().balance_due;
            serde_json::to_value(money).unwrap()["amount"].clone()
        };
        assert_eq!(due(-15349), "153.49");
        assert_eq!(due(8420), "-84.20");
        assert_eq!(due(0), "0.00");
    }

    #[test]
    fn a_ledger_that_contradicts_the_sign_is_not_read() {
        let ledger = |has: i64, owes: i64| {
            balance(json!({ "balance": has, "ledgers": [null, { "balance": has, "amountOwedByCustomer": owes }] }))
        };
        assert!(ledger(-15349, 15349).is_ok());
        assert!(ledger(8420, -8420).is_ok());
        assert!(ledger(0, 0).is_ok());
        assert_eq!(ledger(15349, 15349).unwrap_err().kind(), ErrorKind::Unreadable);
        assert_eq!(ledger(-15349, -15349).unwrap_err().kind(), ErrorKind::Unreadable);
    }

    #[test]
    fn minor_units_follow_the_deployment_s_currency() {
        for (currency, amount) in [("USD", "153.49"), ("JPY", "15349"), ("KWD", "15.349")] {
            let balance: wire::Balance = read(&json!({ "balance": -15349 }));
            let due = deployment(currency).balance(owner().id, balance).unwrap().balance_due;
            let expected = json!({ "amount": amount, "currency": currency });
            assert_eq!(serde_json::to_value(due).unwrap(), expected);
        }
    }

    #[test]
    fn fractions_of_a_minor_unit_are_refused_and_big_ones_kept() {
        for text in ["1.5", "1e2", "\"1.5\"", "true", "9223372036854775808"] {
            assert!(serde_json::from_str::<wire::Minor>(text).is_err(), "{text}");
        }
        assert_eq!(
            serde_json::from_str::<wire::Minor>("9007199254740993").unwrap().0,
            9_007_199_254_740_993
        );
        assert_eq!(serde_json::from_str::<wire::Minor>("\"-12\"").unwrap().0, -12);
    }

    #[test]
    fn decimals_are_read_from_their_text() {
        for (text, value) in [
            ("\"0.41200\"", "0.41200"),
            ("0.1000000000000000055", "0.1000000000000000055"),
        ] {
            let exact: wire::Exact = serde_json::from_str(text).unwrap();
            assert_eq!(exact.0.to_string(), value);
        }
        assert!(serde_json::from_str::<wire::Exact>("\"about 3\"").is_err());
    }

    #[test]
    fn an_unknown_status_survives() {
        let us = deployment("USD");
        for (native, status) in [
            ("PENDING", AccountStatus::Pending),
            ("INCOMPLETE", AccountStatus::Pending),
            ("WITHDRAWN", AccountStatus::Closed),
            ("ACTIVE", AccountStatus::Active),
            ("ENROLMENT_ERROR", AccountStatus::Other),
            ("ENROLMENT_REJECTED", AccountStatus::Closed),
            ("DORMANT", AccountStatus::Other),
            ("VOID", AccountStatus::Closed),
            ("FROZEN_SOLID", AccountStatus::Other),
        ] {
            let account = us
                .account(read(&json!({ "number": NUMBER, "status": native })))
                .unwrap();
            assert_eq!(account.status, Some(status), "{native}");
            assert_eq!(account.native_status.as_deref(), Some(native));
        }
        let silent = us.account(read(&json!({ "number": NUMBER, "status": null }))).unwrap();
        assert_eq!((silent.status, silent.native_status), (None, None));
        let entry = json!({ "__typename": "Levy", "id": "1", "amounts": { "net": 5 }, "isReversed": false });
        let entry = us.transaction(&owner(), "L-1", read(&entry), "t").unwrap();
        assert_eq!((entry.kind, entry.direction), (TransactionKind::Other, None));
        assert_eq!(entry.native_kind.as_deref(), Some("Levy"));
        let bill = us
            .bill(&owner(), read(&json!({ "__typename": "NewDocument", "id": "1" })), "b")
            .unwrap();
        assert_eq!(bill.kind, BillKind::Other);
        assert_eq!(bill.native_kind.as_deref(), Some("NewDocument"));
    }

    fn bill(members: Value) -> Bill {
        let mut bill = json!({ "id": "1", "issuedDate": "2026-02-05" });
        bill.as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        deployment("USD").bill(&owner(), read(&bill), "b").unwrap()
    }

    #[test]
    fn every_type_of_bill_has_its_kind() {
        for (typename, bill_type, kind) in [
            ("StatementType", "STATEMENT", BillKind::Statement),
            ("PeriodBasedDocumentType", "STATEMENT", BillKind::Statement),
            ("InvoiceType", "INVOICE", BillKind::Invoice),
            ("InvoiceType", "CREDIT_NOTE", BillKind::CreditNote),
            ("CollectiveBillType", "COLLECTIVE", BillKind::Other),
            ("PreKrakenBillType", "PRE_KRAKEN", BillKind::Other),
        ] {
            let bill = bill(json!({ "__typename": typename, "billType": bill_type }));
            assert_eq!(bill.kind, kind, "{typename} {bill_type}");
        }
    }

    #[test]
    fn a_bill_stands_where_its_own_facts_put_it() {
        let position = |expected: i64, remaining: i64| {
            json!({
                "__typename": "PeriodBasedDocumentType", "isAnnulled": false,
                "documentDebtPosition": { "dueDate": "2026-02-21", "expectedAmount": expected, "remainingAmount": remaining }
            })
        };
        for (members, status) in [
            (position(15349, 15349), BillStatus::Issued),
            (position(15349, 1), BillStatus::PartiallyPaid),
            (position(15349, 0), BillStatus::Paid),
            (position(0, 0), BillStatus::Issued),
            (
                json!({ "__typename": "InvoiceType", "isAnnulled": true }),
                BillStatus::Cancelled,
            ),
            (
                json!({ "__typename": "InvoiceType", "issuedDate": null }),
                BillStatus::Draft,
            ),
            (
                json!({ "__typename": "StatementType", "statementStatus": "OPEN" }),
                BillStatus::Draft,
            ),
            (
                json!({ "__typename": "StatementType", "statementStatus": "CLOSED", "heldStatus": { "isHeld": true } }),
                BillStatus::Draft,
            ),
            (
                json!({ "__typename": "StatementType", "statementStatus": "CLOSED" }),
                BillStatus::Issued,
            ),
            (
                json!({ "__typename": "StatementType", "statementStatus": "SHREDDED" }),
                BillStatus::Other,
            ),
        ] {
            let found = bill(members.clone());
            assert_eq!(found.status, Some(status), "{members}");
            assert_eq!(found.is_current, status != BillStatus::Cancelled);
        }
    }

    #[test]
    fn a_total_that_is_not_known_on_both_sides_is_not_known() {
        let charges = json!({ "netTotal": 16187, "taxTotal": 162, "grossTotal": 16349 });
        let alone = bill(json!({ "__typename": "InvoiceType", "invoiceCharges": charges }));
        assert_eq!(alone.totals, None);
        let with_gross = bill(json!({ "__typename": "InvoiceType", "invoiceCharges": charges, "invoiceGross": 15349 }));
        let totals = with_gross.totals.unwrap();
        assert_eq!((totals.net, totals.tax), (None, None));
        assert_eq!(totals.gross, Some(Money::minor(15349, "USD".parse().unwrap())));
    }

    #[test]
    fn a_cleared_payment_that_failed_later_stays_and_says_so() {
        let us = deployment("USD");
        let entry = json!({
            "__typename": "Payment", "id": "7", "amounts": { "net": 14212, "tax": null, "gross": null },
            "isReversed": false, "isLateFailedPayment": true
        });
        let entry = us.transaction(&owner(), "L-1", read(&entry), "t").unwrap();
        assert_eq!(entry.reversed, Some(true));
        assert_eq!(entry.direction, Some(Direction::Credit));
        let refund = json!({ "__typename": "Refund", "id": "8", "amounts": { "net": 100 }, "isReversed": false });
        let refund = us.transaction(&owner(), "L-1", read(&refund), "t").unwrap();
        assert_eq!(
            (refund.kind, refund.direction),
            (TransactionKind::Refund, Some(Direction::Debit))
        );
    }

    #[test]
    fn an_entry_without_an_amount_or_with_a_sign_is_not_read() {
        for amounts in [json!(null), json!({ "net": null }), json!({ "gross": -5 })] {
            let entry = json!({ "__typename": "Charge", "id": "1", "amounts": amounts, "isReversed": false });
            let error = deployment("USD")
                .transaction(&owner(), "L-1", read(&entry), "t")
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unreadable, "{amounts}");
        }
    }

    #[test]
    fn a_reading_names_its_meter_only_where_one_stood_alone() {
        let us = deployment("USD");
        let stands = stands(&us);
        let meter = |read_at: &str| {
            let reading = us.reading(read(&json!({ "readAt": read_at })), &stands, "r").unwrap();
            assert_eq!((reading.value, reading.consumption), (None, None));
            reading.meter_id.map(|id| id.parts().last().unwrap().into_owned())
        };
        assert_eq!(meter("2026-01-27T00:00:00-06:00").as_deref(), Some("119004417"));
        assert_eq!(meter("2026-01-28T00:00:00-06:00"), None, "the exchange itself");
        assert_eq!(meter("2026-01-29T00:00:00-06:00").as_deref(), Some("162330958"));
        assert_eq!(meter("2010-01-01T00:00:00-06:00"), None);
        // A plain string in the schema: other spellings of the same instant are read, too.
        assert_eq!(meter("2026-01-29 06:00:00+00:00").as_deref(), Some("162330958"));
        assert_eq!(meter("2026-01-29").as_deref(), Some("162330958"));
    }

    #[test]
    fn an_unknown_unit_or_quality_stays_unknown() {
        let us = deployment("USD");
        let point = us.service_point_id(NUMBER, PROPERTY, ESI_ID).unwrap();
        let interval = |members: Value| {
            let mut measurement = json!({
                "__typename": "IntervalMeasurementType", "value": "1.5", "unit": "",
                "startAt": "2026-02-01T00:00:00-06:00", "endAt": "2026-02-01T00:15:00-06:00"
            });
            measurement
                .as_object_mut()
                .unwrap()
                .extend(members.as_object().unwrap().clone());
            us.interval(&point, read(&measurement), "m")
        };
        let bare = interval(json!({})).unwrap().unwrap();
        assert_eq!(
            (bare.quantity.unit, bare.quality, bare.direction),
            (None, Quality::Unknown, None)
        );
        let odd = interval(json!({
            "unit": "MMBtu",
            "metaData": { "utilityFilters": { "readingQuality": "GUESSED", "readingDirection": "SIDEWAYS" }, "statistics": null }
        }));
        let odd = odd.unwrap().unwrap();
        assert_eq!(odd.quantity.unit.as_deref(), Some("MMBtu"));
        assert_eq!(
            (odd.quality, odd.native_quality.as_deref()),
            (Quality::Unknown, Some("GUESSED"))
        );
        assert_eq!(odd.direction, Some(FlowDirection::Other));
        assert!(interval(json!({ "__typename": "MeasurementType" })).unwrap().is_none());
        let backwards = interval(json!({ "endAt": "2026-02-01T00:00:00-06:00" }));
        assert_eq!(backwards.unwrap_err().kind(), ErrorKind::Unreadable);
    }

    #[test]
    fn a_cost_is_taken_only_with_its_currency_and_only_if_there_is_one() {
        let cost = |statistics: Value| cost(read(&statistics)).map(|money| serde_json::to_value(money).unwrap());
        let of = |kind: &str, currency: Value| json!({ "type": kind, "costInclTax": { "estimatedAmount": "0.0512", "costCurrency": currency } });
        let told = json!({ "amount": "0.0512", "currency": "USD" });
        assert_eq!(cost(json!([of("CONSUMPTION_COST", json!("USD"))])), Some(told));
        assert_eq!(cost(json!([of("CONSUMPTION_COST", json!(null))])), None);
        assert_eq!(cost(json!([of("CONSUMPTION_COST", json!("gold"))])), None);
        assert_eq!(cost(json!([of("CARBON_COST", json!("USD"))])), None);
        let twice = of("CONSUMPTION_COST", json!("USD"));
        assert_eq!(cost(json!([twice, twice])), None);
        assert_eq!(cost(json!(null)), None);
    }

    #[test]
    fn an_address_without_parts_is_its_numbered_lines() {
        let property: wire::Property = read(&json!({
            "addressLine1": "1207 Bayfront Loop", "addressLine2": "", "addressLine3": " ", "addressLine4": "TX",
            "postcode": "78401", "richAddress": { "streetAddress": null, "locality": "Corpus Christi" }
        }));
        let address = address(&property).unwrap();
        assert_eq!(address.lines, ["1207 Bayfront Loop", "TX"]);
        assert_eq!(address.postal_code.as_deref(), Some("78401"));
        assert_eq!(super::address(&read(&json!({ "addressLine1": "" }))), None);
    }
}
