//! Gentrack's shapes → canonical records; pure.
//!
//! **Sign.** Gentrack's balance is positive when the customer owes (README, "Amounts"), and so is ours: nothing is turned.
//! Transactions carry no sign (README, "Transactions"); their direction comes from the change of the running balance.
//!
//! **Missing parts.** What a record cannot do without (its identifier, its date, an amount that says what it is, the
//! currency beside amounts) makes the whole reply `Unreadable`, with the place named. A row that cannot be read is never
//! left out of a list: a shorter list would look right and be wrong.

pub(super) mod account;
pub(super) mod party;
pub(super) mod payment;

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::fmt;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::keys;
use super::wire::{self, Exact, Ident, Moment, Text};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Native;
use crate::model::account::{Account, AccountStatus, Address, Balance, Billing, ServicePointRef, Unbilled};
use crate::model::bill::{Bill, BillKind, BillStatus, DocumentForm, DocumentRef, Totals, safe_name};
use crate::model::id::{AccountId, BackendName, Id, IdError, MeterId, ServicePointId};
use crate::model::meter::{
    Finding, FlowDirection, MarketIdentifier, MarketIdentifierKind, Meter, NewReading, Quality, Reading, ReadingStatus,
    ReadingsVerdict, Register, ServiceKind, ServicePoint, Severity,
};
use crate::model::money::{self, Currency, Money, Number, Quantity};
use crate::model::time::{Period, Zone};
use crate::model::transaction::{Direction, Transaction, TransactionKind};

/// What every mapping needs to know of the backend.
pub(super) struct Mapper<'m> {
    /// Its configured name.
    pub(super) backend: &'m BackendName,
    /// The zone of its local times.
    pub(super) zone: &'m Zone,
}

impl Mapper<'_> {
    /// An account. `id` is the one asked for; another one in the reply is refused.
    pub(super) fn account(&self, id: &AccountId, wire: &wire::Account<'_>) -> Result<Account> {
        let native_id = wire
            .reference()
            .map(Ident::text)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| Error::unreadable("$", "missing field `globalReference`"))?;
        same(&native_id, &keys::account(id)?, "globalReference")?;
        let currency = match said(wire.currency.as_ref()) {
            Some(code) => Some(currency(code, "currency")?),
            None => None,
        };
        let parent = match ident(wire.parent_account_reference.as_ref()) {
            Some(parent) => Some(self.id(&[&parent], "parentAccountReference")?),
            None => None,
        };
        let service_points = match &wire.service_points {
            Some(points) => Some(
                points
                    .0
                    .iter()
                    .enumerate()
                    .map(|(n, point)| {
                        Ok(ServicePointRef {
                            id: self.service_point_id(id, point, format_args!("servicePoints[{n}]"))?,
                            market_identifier: market_identifier(point),
                            service_kind: service_kind(point),
                        })
                    })
                    .collect::<Result<_>>()?,
            ),
            None => None,
        };
        let delivery = said(wire.bill_delivery.as_ref()).map(str::to_owned);
        let address = wire.billing_address.as_ref().map(address);
        let period = wire.period.as_ref();
        Ok(Account {
            id: id.clone(),
            backend: self.backend.clone(),
            native_id: native_id.into_owned(),
            number: ident(wire.account_number.as_ref()).map(Cow::into_owned),
            name: owned(wire.name.as_ref()),
            native_kind: owned(wire.kind.as_ref()),
            status: said(wire.status.as_ref()).map(account_status),
            native_status: owned(wire.status.as_ref()),
            currency,
            customer_number: ident(wire.customer_reference.as_ref()).map(Cow::into_owned),
            billing: (delivery.is_some() || address.is_some()).then_some(Billing {
                name: None,
                email: None,
                address,
                delivery,
            }),
            brand: owned(wire.brand.as_ref()),
            opened_on: period.and_then(|period| Some(period.from_date?.date(self.zone))),
            closed_on: period.and_then(|period| Some(period.to_date?.date(self.zone))),
            parent,
            service_points,
            balance: None,
            enrollment: None,
            custom_attributes: wire.extensions().map(account::facts),
            updated_at: match wire.last_updated_time {
                Some(at) => Some(self.instant(at, "lastUpdatedTime")?),
                None => None,
            },
            native: None,
        })
    }

    /// What is owed. The totals since the last bill are given without a sign; which sign the system gives its credits and
    /// payments is not public, so theirs is taken off.
    pub(super) fn balance(&self, id: &AccountId, wire: &wire::Balance<'_>) -> Result<Balance> {
        if let Some(reference) = &wire.global_reference {
            same(&reference.text(), &keys::account(id)?, "globalReference")?;
        }
        let currency = currency(&wire.currency, "currency")?;
        let money = |Exact(amount): Exact| Money::new(amount, currency);
        let unbilled = Unbilled {
            charges: wire.unbilled_charges_total.map(money),
            credits: wire.unbilled_credits_total.map(|total| money(total).unsigned()),
            payments: wire.unbilled_payment_total.map(|total| money(total).unsigned()),
        };
        let told = unbilled.charges.is_some() || unbilled.credits.is_some() || unbilled.payments.is_some();
        Ok(Balance {
            account_id: id.clone(),
            balance_due: money(wire.account_balance),
            overdue: wire.overdue_balance.map(money),
            unbilled: told.then_some(unbilled),
            credit_limit: None,
            as_of: None,
        })
    }

    /// An account's bills, newest issue date first, those not issued yet before them.
    pub(super) fn bills(
        &self,
        account: &AccountId,
        wire: &[wire::Bill<'_>],
        mut natives: Natives,
    ) -> Result<Vec<Bill>> {
        let reference = keys::account(account)?;
        let mut bills = wire
            .iter()
            .enumerate()
            .map(|(n, bill)| {
                let mut mapped = self.bill(account, &reference, bill, n)?;
                mapped.native = natives.take(n);
                // Versions of a bill may share identifier and type; then the version goes into the key of those replaced.
                let shared = |other: &wire::Bill<'_>| {
                    other.bill_id.text() == bill.bill_id.text() && said(other.kind.as_ref()) == said(bill.kind.as_ref())
                };
                if !mapped.is_current && wire.iter().filter(|other| shared(other)).count() > 1 {
                    let kind = said(bill.kind.as_ref()).unwrap_or_default();
                    let version = ident(bill.bill_version.as_ref()).unwrap_or(Cow::Borrowed("0"));
                    mapped.id = self.id(
                        &[&reference, keys::BILL, &bill.bill_id.text(), kind, &version],
                        At("results", n, "billId"),
                    )?;
                }
                Ok(mapped)
            })
            .collect::<Result<Vec<_>>>()?;
        for (older, newer) in replacements(wire) {
            bills[older].superseded_by = Some(bills[newer].id.clone());
            bills[newer].corrects = Some(bills[older].id.clone());
        }
        bills
            .sort_by(|a, b| newest_first(a.issued_on, b.issued_on).then_with(|| by_number(&b.native_id, &a.native_id)));
        Ok(bills)
    }

    /// One bill of the list.
    ///
    /// Kind: what the document is, and `FINAL` when it is flagged as the last one. Status: from what is unpaid, since the
    /// system names none; none for a superseded bill, whose balance says nothing of payment. It is never `OVERDUE`: due
    /// dates may be moved (`canExtend`) and arrangements stand elsewhere, so the clock alone does not tell; `due_on` and
    /// `outstanding` do.
    fn bill(&self, account: &AccountId, reference: &str, wire: &wire::Bill<'_>, n: usize) -> Result<Bill> {
        let at = |member| At("results", n, member);
        let native_id = wire.bill_id.text();
        let native_kind = said(wire.kind.as_ref());
        let mut parts = vec![reference, keys::BILL, &*native_id];
        parts.extend(native_kind);
        let id = self.id(&parts, at("billId"))?;
        let amounts = [
            wire.gross_amount,
            wire.net_amount,
            wire.sales_tax_amount,
            wire.bill_balance,
        ];
        let currency = match said(wire.currency.as_ref()) {
            Some(code) => Some(currency(code, at("currency"))?),
            None if amounts.iter().any(Option::is_some) => {
                return Err(Error::unreadable(format!("results[{n}]"), "missing field `currency`"));
            }
            None => None,
        };
        let money = |amount: Option<Exact>| Some(Money::new(amount?.0, currency?));
        let (gross, outstanding) = (money(wire.gross_amount), money(wire.bill_balance));
        let totals = Totals {
            net: money(wire.net_amount),
            tax: money(wire.sales_tax_amount),
            gross,
        };
        let flag = |read: fn(&wire::BillFlags) -> Option<bool>| wire.bill_flags.as_ref().and_then(read) == Some(true);
        let superseded = flag(|flags| flags.superseded);
        let number = ident(wire.bill_number.as_ref());
        let period = |day: Option<wire::Day>| day.map(|wire::Day(date)| date);
        let issued_on = period(wire.issue_date);
        let documents = wire.pdf_available.map(|available| match available {
            true => vec![DocumentRef {
                media_type: DocumentForm::Pdf.media_type().to_owned(),
                size: None,
                name: Some(document_name(number.as_deref(), &native_id)),
            }],
            false => Vec::new(),
        });
        Ok(Bill {
            id,
            backend: self.backend.clone(),
            native_id: native_id.into_owned(),
            account_id: account.clone(),
            number: number.map(Cow::into_owned),
            kind: if flag(|flags| flags.final_bill) {
                BillKind::Final
            } else {
                bill_kind(native_kind)
            },
            native_kind: native_kind.map(str::to_owned),
            status: if superseded {
                None
            } else {
                bill_status(issued_on, gross, outstanding)
            },
            native_status: None,
            issued_on,
            due_on: period(wire.due_date),
            next_bill_on: None,
            period: Period::through(period(wire.bill_period_from), period(wire.bill_period_to)),
            totals: (totals.net.is_some() || totals.tax.is_some() || totals.gross.is_some()).then_some(totals),
            opening_balance: None,
            closing_balance: None,
            amount_due: None,
            outstanding,
            lines: None,
            tax_items: None,
            payments_applied: None,
            corrects: None,
            superseded_by: None,
            is_current: !superseded,
            documents,
            native: None,
        })
    }

    /// An account's whole ledger, newest first. It must be whole: an entry's direction is found by its neighbour.
    pub(super) fn transactions(
        &self,
        account: &AccountId,
        wire: &[wire::FinancialTransaction<'_>],
        mut natives: Natives,
    ) -> Result<Vec<Transaction>> {
        let when = |n: usize| wire[n].transaction_date.local(self.zone);
        let mut order: Vec<usize> = (0..wire.len()).collect();
        // "Newest first as observed", so it is looked at. The running balance follows the order of posting, which is the
        // list's: an entry that was dated back stands among its neighbours there, and by its date only in our answer.
        if wire.len() > 1 && when(0) < when(wire.len() - 1) {
            order.reverse();
        }
        let reference = keys::account(account)?;
        let mut all = Vec::with_capacity(order.len());
        for (place, &n) in order.iter().enumerate() {
            let entry = &wire[n];
            let at = |member| At("results", n, member);
            let currency = currency(&entry.currency, at("currency"))?;
            let older = order.get(place + 1).map(|older| &wire[*older]);
            let native_id = entry.transaction_identifier.text();
            let posted_at = match entry.transaction_date {
                Moment::Day(_) => None,
                moment => Some(self.instant(moment, at("transactionDate"))?),
            };
            let mapped = Transaction {
                id: self.id(
                    &[&reference, keys::TRANSACTION, &native_id],
                    at("transactionIdentifier"),
                )?,
                backend: self.backend.clone(),
                native_id: Some(native_id.into_owned()),
                account_id: account.clone(),
                kind: transaction_kind(&entry.kind),
                native_kind: owned(Some(&entry.kind)),
                direction: direction(entry, older),
                amount: Money::new(entry.amount.0, currency).unsigned(),
                net: None,
                tax: None,
                balance_after: entry.balance.map(|Exact(balance)| Money::new(balance, currency)),
                posted_on: Some(entry.transaction_date.date(self.zone)),
                posted_at,
                description: owned(entry.description.as_ref()),
                reference: ident(entry.transaction_code.as_ref()).map(Cow::into_owned),
                // A code that looks like a bill's number need not be one, and the bills are another call.
                bill_id: None,
                ledger: None,
                reversed: None,
                native: natives.take(n),
            };
            all.push((when(n), mapped));
        }
        all.sort_by_key(|(when, _)| Reverse(*when));
        Ok(all.into_iter().map(|(_, entry)| entry).collect())
    }

    /// The points of supply an account names, without their meters; `None` if it does not name them.
    pub(super) fn service_points(
        &self,
        account: &AccountId,
        wire: &wire::Account<'_>,
        mut natives: Natives,
    ) -> Result<Option<Vec<ServicePoint>>> {
        let Some(points) = &wire.service_points else {
            return Ok(None);
        };
        let all = points.0.iter().enumerate().map(|(n, point)| {
            let id = self.service_point_id(account, point, format_args!("servicePoints[{n}]"))?;
            let mut mapped = self.service_point(account, &id, Some(point))?;
            mapped.native = natives.take(n);
            Ok(mapped)
        });
        all.collect::<Result<_>>().map(Some)
    }

    fn service_point(
        &self,
        account: &AccountId,
        id: &ServicePointId,
        wire: Option<&wire::ServicePoint<'_>>,
    ) -> Result<ServicePoint> {
        Ok(ServicePoint {
            id: id.clone(),
            backend: self.backend.clone(),
            native_id: keys::service_point(id)?.into_owned(),
            account_id: account.clone(),
            market_identifier: wire.and_then(market_identifier),
            service_kind: wire.and_then(service_kind),
            native_kind: wire.and_then(|point| owned(point.service_type.as_ref())),
            native_status: wire.and_then(|point| owned(point.connection_status.as_ref())),
            address: None,
            time_zone: Some(self.zone.clone()),
            meters: None,
            native: None,
        })
    }

    /// A point of supply with its meters, out of its structure.
    pub(super) fn structure(
        &self,
        id: &ServicePointId,
        wire: &wire::Structure<'_>,
        point: Option<Native>,
        natives: Natives,
    ) -> Result<ServicePoint> {
        let account = keys::owner(self.backend, id)?;
        let mut mapped = self.service_point(&account, id, wire.service_point.as_ref())?;
        mapped.meters = Some(self.meters(id, wire, natives)?);
        mapped.native = point;
        Ok(mapped)
    }

    /// The meters of a point of supply, in the system's order.
    pub(super) fn meters(
        &self,
        id: &ServicePointId,
        wire: &wire::Structure<'_>,
        mut natives: Natives,
    ) -> Result<Vec<Meter>> {
        self.same_point(id, wire.service_point.as_ref())?;
        let account = keys::owner(self.backend, id)?;
        wire.meters
            .0
            .iter()
            .enumerate()
            .map(|(n, meter)| {
                let at = |member| At("meters", n, member);
                let serial = meter.serial_number.text();
                let meter_id = self.meter_id(id, &serial, at("serialNumber"))?;
                let registers = meter.reading_registers.0.iter().enumerate();
                let registers = registers
                    .map(|(r, register)| self.register(id, &meter_id, register, (n, r)))
                    .collect();
                let wire_registers = &meter.reading_registers.0;
                // The meter's own dates and state are not given; its registers' are (inferred to be the meter's).
                let installed = wire_registers
                    .iter()
                    .filter_map(|register| register.installed_date_time);
                let mut states = wire_registers
                    .iter()
                    .map(|register| said(register.register_status.as_ref()));
                let state = states
                    .next()
                    .flatten()
                    .filter(|state| states.all(|other| other == Some(*state)));
                Ok(Meter {
                    id: meter_id,
                    backend: self.backend.clone(),
                    native_id: Some(
                        ident(meter.device_id.as_ref())
                            .unwrap_or_else(|| serial.clone())
                            .into_owned(),
                    ),
                    number: Some(serial.into_owned()),
                    service_kind: wire.service_point.as_ref().and_then(service_kind),
                    native_status: state.map(str::to_owned),
                    installed_on: installed.map(|at| at.date(self.zone)).min(),
                    removed_on: None,
                    registers: Some(registers),
                    account_id: account.clone(),
                    service_point_id: Some(id.clone()),
                    custom_attributes: None,
                    native: natives.take(n),
                })
            })
            .collect()
    }

    fn register(
        &self,
        point: &ServicePointId,
        meter: &MeterId,
        wire: &wire::StructureRegister<'_>,
        place: (usize, usize),
    ) -> Register {
        let counter = Counter {
            point,
            meter: meter.clone(),
            name: wire.name(),
            unit: wire.unit_of_measure.as_ref().and_then(|unit| money::unit(unit)),
        };
        let last_reading = wire.last_meter_reading.and_then(|raw| {
            let read = wire::Reading::deserialize(raw).ok().and_then(|reading| {
                let found = Found {
                    reading: &reading,
                    read_at: reading.reading_date_time.instant(self.zone).ok()?,
                    quality: quality(&reading),
                };
                counter.reading(&found).ok()
            });
            if read.is_none() {
                tracing::warn!(
                    meter = place.0,
                    register = place.1,
                    "a register's last reading cannot be read and is left out"
                );
            }
            read
        });
        Register {
            id: wire.id.text().into_owned(),
            label: owned(wire.label.as_ref()),
            unit: counter.unit,
            direction: said(wire.direction.as_ref()).map(flow_direction),
            dials: wire.dials,
            multiplier: None,
            accepts_readings: wire.allows_reading_entry,
            last_reading,
        }
    }

    /// The readings of a history that lie in `span` and fit `wanted`, by meter, register and instant.
    ///
    /// Only their order is worked out here: a caller reads one page, and only that is mapped.
    pub(super) fn history<'w>(
        &self,
        id: &ServicePointId,
        wire: &'w wire::History<'w>,
        span: Range<Timestamp>,
        wanted: impl Fn(&Found<'w>) -> bool,
    ) -> Result<Vec<(Place<'w>, Found<'w>)>> {
        self.same_point(id, wire.service_point.as_ref())?;
        let mut all = Vec::new();
        let mut sorted = true;
        for (m, meter) in wire.meters.0.iter().enumerate() {
            for (r, register) in meter.reading_registers.0.iter().enumerate() {
                all.reserve(register.meter_readings.0.len());
                for (n, reading) in register.meter_readings.0.iter().enumerate() {
                    let place = Place {
                        meter: m,
                        register: r,
                        reading: n,
                        history: wire,
                    };
                    let read_at = reading
                        .reading_date_time
                        .instant(self.zone)
                        .map_err(|_| Error::unreadable(place.path("readingDateTime"), "outside the calendar"))?;
                    let found = Found {
                        reading,
                        read_at,
                        quality: quality(reading),
                    };
                    if !span.contains(&read_at) || !wanted(&found) {
                        continue;
                    }
                    if let Some((before, last)) = all.last() {
                        sorted = sorted && order(before, last, &place, &found) != Ordering::Greater;
                    }
                    all.push((place, found));
                }
            }
        }
        if !sorted {
            all.sort_by(|a, b| order(&a.0, &a.1, &b.0, &b.1));
        }
        Ok(all)
    }

    /// The canonical readings of a part of a history.
    pub(super) fn readings(&self, id: &ServicePointId, found: &[(Place<'_>, Found<'_>)]) -> Result<Vec<Reading>> {
        let mut all = Vec::with_capacity(found.len());
        let mut current: Option<((usize, usize), Counter<'_>)> = None;
        for (place, reading) in found {
            let here = (place.meter, place.register);
            let counter = match &mut current {
                Some((there, counter)) if *there == here => counter,
                current => {
                    let register = place.register();
                    let counter = Counter {
                        point: id,
                        meter: self.meter_id(id, &place.serial(), At("meters", place.meter, "serialNumber"))?,
                        name: place.name(),
                        unit: register.unit_of_measure.as_ref().and_then(|unit| money::unit(unit)),
                    };
                    &mut current.insert((here, counter)).1
                }
            };
            let mapped = counter.reading(reading);
            all.push(mapped.map_err(|why| unusable(place.path("readingReference"), why))?);
        }
        Ok(all)
    }

    /// The readings a bill was made from, by meter, register and instant. The system gives no quality with them.
    pub(super) fn bill_readings(
        &self,
        account: &AccountId,
        wire: &[wire::BillMeterReading<'_>],
    ) -> Result<Vec<Reading>> {
        let reference = keys::account(account)?;
        let mut all = Vec::with_capacity(wire.len());
        for (n, reading) in wire.iter().enumerate() {
            let at = |member| At("results", n, member);
            let unit = reading.unit_of_measure.as_ref().and_then(|unit| money::unit(unit));
            let point = match ident(reading.service_point_id.as_ref()) {
                Some(point) => Some(self.id(&[&reference, keys::SERVICE_POINT, &point], at("servicePointId"))?),
                None => None,
            };
            let meter_id = match (&point, ident(reading.meter_identifier.as_ref())) {
                (Some(point), Some(serial)) => Some(self.meter_id(point, &serial, at("meterIdentifier"))?),
                _ => None,
            };
            let native_id = ident(reading.reading_id.as_ref());
            let id = match (&point, &native_id) {
                (Some(point), Some(reference)) => {
                    Some(keys::reading(point, reference).map_err(|why| unusable(at("readingId"), why))?)
                }
                _ => None,
            };
            all.push(Reading {
                id,
                native_id: native_id.map(Cow::into_owned),
                meter_id,
                register: owned(reading.register_label.as_ref())
                    .or_else(|| ident(reading.register_id.as_ref()).map(Cow::into_owned)),
                read_at: self.instant(reading.reading_date_time, at("readingDateTime"))?,
                value: Some(Number(reading.reading.0)),
                consumption: reading.consumption.map(|Exact(value)| Quantity {
                    value: Number(value),
                    unit: unit.clone(),
                }),
                unit,
                consumption_from: match reading.from_datetime {
                    Some(from) => Some(self.instant(from, at("fromDatetime"))?),
                    None => None,
                },
                quality: Quality::Unknown,
                native_quality: None,
                source: None,
                status: None,
                native_status: None,
            });
        }
        all.sort_by(|a, b| {
            let key = |reading: &Reading| {
                let meter = reading.meter_id.as_ref().map(|id| id.as_str().to_owned());
                (meter, reading.register.clone(), reading.read_at)
            };
            key(a).cmp(&key(b))
        });
        Ok(all)
    }

    /// The body that hands readings in, out of the point's structure: what the core knows of a register goes back with it.
    pub(super) fn handed_in<'w>(
        &self,
        id: &ServicePointId,
        structure: &'w wire::Structure<'w>,
        readings: &[NewReading],
    ) -> Result<wire::ReadingsRequest<'w>> {
        self.same_point(id, structure.service_point.as_ref())?;
        let mut faults: Vec<(String, &'static str)> = Vec::new();
        let mut body = wire::ReadingsRequest { meters: Vec::new() };
        if readings.is_empty() {
            faults.push(("/readings".to_owned(), "at least one reading is due"));
        }
        for (n, reading) in readings.iter().enumerate() {
            let value = reading.value.0;
            if value.is_sign_negative() && !value.is_zero() {
                faults.push((format!("/readings/{n}/value"), "a register never shows less than zero"));
            }
            let meters = structure.meters.0.iter();
            let meters: Vec<_> = meters
                .filter(|meter| meter.serial_number.text() == reading.meter_number)
                .collect();
            if meters.is_empty() {
                faults.push((
                    format!("/readings/{n}/meter_number"),
                    "no such meter at this service point",
                ));
                continue;
            }
            let registers = meters
                .into_iter()
                .flat_map(|meter| meter.reading_registers.0.iter().map(move |register| (meter, register)));
            let mut registers: Vec<_> = registers
                .filter(|(_, register)| register.name() == reading.register)
                .collect();
            if registers.len() > 1 {
                registers.retain(|(_, register)| said(register.register_status.as_ref()) == Some("Installed"));
            }
            let &[(meter, register)] = registers.as_slice() else {
                faults.push((
                    format!("/readings/{n}/register"),
                    "the meter has no such register, or several",
                ));
                continue;
            };
            let submitted = self.submitted(reading)?;
            let entry = match body
                .meters
                .iter_mut()
                .position(|known| known.serial_number == meter.serial_number.text())
            {
                Some(at) => &mut body.meters[at],
                None => {
                    body.meters.push(wire::SubmitMeter {
                        serial_number: meter.serial_number.text(),
                        device_id: meter.device_id.as_ref(),
                        asset_type_id: meter.asset_type_id.as_ref(),
                        asset_external: meter.asset_external,
                        reading_registers: Vec::new(),
                    });
                    let last = body.meters.len() - 1;
                    &mut body.meters[last]
                }
            };
            match entry
                .reading_registers
                .iter_mut()
                .find(|known| known.id.text() == register.id.text())
            {
                Some(known) => known.meter_readings.push(submitted),
                None => entry.reading_registers.push(wire::SubmitRegister {
                    id: &register.id,
                    label: register.name(),
                    dials: register.dials,
                    unit_of_measure: register.unit_of_measure.as_ref(),
                    register_status: register.register_status.as_ref(),
                    purpose: register.purpose(),
                    allows_reading_entry: register.allows_reading_entry,
                    accumulator_type: register.accumulator_type.as_ref(),
                    meter_readings: vec![submitted],
                }),
            }
        }
        let mut faults = faults.into_iter();
        match faults.next() {
            None => Ok(body),
            Some((pointer, detail)) => Err(
                faults.fold(Error::pointer(pointer, detail), |error, (pointer, detail)| {
                    error.fault(crate::error::Place::Pointer(pointer), detail)
                }),
            ),
        }
    }

    /// A reading as it is handed in: the customer's, at a time with the market's offset, its digits as given.
    fn submitted(&self, reading: &NewReading) -> Result<wire::SubmittedReading> {
        let internal = |why: &'static str| Error::new(ErrorKind::Internal, why);
        let utc = jiff::tz::TimeZone::UTC.to_datetime(reading.read_at);
        let offset = self.zone.local(reading.read_at).duration_since(utc).as_secs();
        let offset = i32::try_from(offset)
            .ok()
            .and_then(|seconds| jiff::tz::Offset::from_seconds(seconds).ok())
            .ok_or_else(|| internal("a zone's offset is out of range"))?;
        let value = reading.value.0.abs().to_string();
        Ok(wire::SubmittedReading {
            reading_date_time: reading.read_at.display_with_offset(offset).to_string(),
            reading: RawValue::from_string(value).map_err(|_| internal("a decimal did not print as a JSON number"))?,
            source: "Customer",
            quality: "Normal",
        })
    }

    fn same_point(&self, id: &ServicePointId, wire: Option<&wire::ServicePoint<'_>>) -> Result<()> {
        match wire.and_then(wire::ServicePoint::reference) {
            Some(reference) => same(
                &reference.text(),
                &keys::service_point(id)?,
                "servicePoint.globalReference",
            ),
            None => Ok(()),
        }
    }

    fn service_point_id(
        &self,
        account: &AccountId,
        wire: &wire::ServicePoint<'_>,
        path: impl fmt::Display,
    ) -> Result<ServicePointId> {
        let reference = wire
            .reference()
            .map(Ident::text)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| Error::unreadable(&path, "missing field `globalReference`"))?;
        self.id(&[&keys::account(account)?, keys::SERVICE_POINT, &reference], path)
    }

    fn meter_id(&self, point: &ServicePointId, serial: &str, path: impl fmt::Display) -> Result<MeterId> {
        keys::meter(point, serial).map_err(|why| unusable(path, why))
    }

    fn id<K>(&self, parts: &[&str], path: impl fmt::Display) -> Result<Id<K>> {
        Id::of(self.backend, parts).map_err(|why| unusable(path, why))
    }

    fn instant(&self, moment: Moment, path: impl fmt::Display) -> Result<Timestamp> {
        moment
            .instant(self.zone)
            .map_err(|_| Error::unreadable(path, "outside the calendar"))
    }
}

/// A place in a reply: a list, a row of it, a member. Written out only when something is wrong there.
#[derive(Clone, Copy)]
struct At(&'static str, usize, &'static str);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(list, row, member) = self;
        write!(f, "{list}[{row}].{member}")
    }
}

/// What the readings of one register have in common.
struct Counter<'c> {
    point: &'c ServicePointId,
    meter: MeterId,
    name: Cow<'c, str>,
    unit: Option<Cow<'static, str>>,
}

impl Counter<'_> {
    fn reading(&self, found: &Found<'_>) -> std::result::Result<Reading, IdError> {
        let wire = found.reading;
        let native_id = ident(wire.reading_reference.as_ref());
        let id = match &native_id {
            Some(reference) => Some(keys::reading(self.point, reference)?),
            None => None,
        };
        Ok(Reading {
            id,
            native_id: native_id.map(Cow::into_owned),
            meter_id: Some(self.meter.clone()),
            register: Some(self.name.clone().into_owned()),
            read_at: found.read_at,
            value: Some(Number(wire.reading.0)),
            unit: self.unit.clone(),
            consumption: wire.quantity.map(|Exact(value)| Quantity {
                value: Number(value),
                unit: self.unit.clone(),
            }),
            consumption_from: None,
            quality: found.quality,
            native_quality: said(wire.quality.as_ref()).map(word),
            source: said(wire.source.as_ref()).map(word),
            status: said(wire.status.as_ref()).map(reading_status),
            native_status: said(wire.status.as_ref()).map(word),
        })
    }
}

/// A reading that was found in a history, with what its place in the list depends on.
pub(super) struct Found<'w> {
    pub(super) reading: &'w wire::Reading<'w>,
    pub(super) read_at: Timestamp,
    pub(super) quality: Quality,
}

/// Where a reading stands in a history.
pub(super) struct Place<'w> {
    meter: usize,
    register: usize,
    reading: usize,
    history: &'w wire::History<'w>,
}

impl<'w> Place<'w> {
    fn serial(&self) -> Cow<'w, str> {
        self.history.meters.0[self.meter].serial_number.text()
    }

    fn register(&self) -> &'w wire::HistoryRegister<'w> {
        &self.history.meters.0[self.meter].reading_registers.0[self.register]
    }

    fn name(&self) -> Cow<'w, str> {
        let register = self.register();
        wire::register_name(register.label.as_ref(), &register.id)
    }

    fn path(&self, member: &str) -> String {
        let Self {
            meter,
            register,
            reading,
            ..
        } = self;
        format!("meters[{meter}].readingRegisters[{register}].meterReadings[{reading}].{member}")
    }

    /// What a page's position is made of: everything the order depends on, and the reference.
    pub(super) fn key(&self, found: &Found<'_>) -> String {
        let reference = ident(found.reading.reading_reference.as_ref()).unwrap_or_default();
        format!("{}~{}~{}~{reference}", self.serial(), self.name(), found.read_at)
    }
}

fn order(a: &Place<'_>, first: &Found<'_>, b: &Place<'_>, second: &Found<'_>) -> Ordering {
    let registers = if (a.meter, a.register) == (b.meter, b.register) {
        Ordering::Equal
    } else {
        (a.serial(), a.name()).cmp(&(b.serial(), b.name()))
    };
    registers.then_with(|| first.read_at.cmp(&second.read_at))
}

/// The system's own records beside the canonical ones, if they were asked for.
pub(super) struct Natives(Vec<Option<Native>>);

impl Natives {
    /// None were asked for.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// Keeps the records of a list.
    pub(super) fn of(records: Vec<&RawValue>) -> Self {
        Self(
            records
                .into_iter()
                .map(|raw| Some(Native::new(raw.to_owned())))
                .collect(),
        )
    }

    fn take(&mut self, n: usize) -> Option<Native> {
        self.0.get_mut(n).and_then(Option::take)
    }
}

/// What was found about readings. Only `Error` refuses (README, "Meter reads"); anything else is a warning.
pub(super) fn verdict(wire: &wire::Validation<'_>) -> ReadingsVerdict {
    let mut findings = Vec::new();
    for meter in &wire.meters.0 {
        for register in &meter.reading_registers.0 {
            let name = owned(register.label.as_ref()).or_else(|| ident(register.id.as_ref()).map(Cow::into_owned));
            for finding in register.validation_response.iter().flat_map(|found| &found.0) {
                let severity = said(finding.validation_status.as_ref());
                findings.push(Finding {
                    meter_number: ident(meter.serial_number.as_ref()).map(Cow::into_owned),
                    register: name.clone(),
                    severity: match severity {
                        Some(word) if word.eq_ignore_ascii_case("Error") => Severity::Error,
                        _ => Severity::Warning,
                    },
                    native_severity: severity.map(str::to_owned),
                    code: ident(finding.validation_code.as_ref()).map(Cow::into_owned),
                    detail: owned(finding.validation_description.as_ref()),
                });
            }
        }
    }
    ReadingsVerdict {
        accepted: findings.iter().all(|finding| finding.severity != Severity::Error),
        findings: Some(findings),
    }
}

/// Which bill took the place of which, by position in the list.
///
/// No member names the other bill. `superseded` says that "a newer version replaces this bill", so it is the one with the
/// same number and type and the next version (inferred); where that is not exactly one bill, none is named.
fn replacements(wire: &[wire::Bill<'_>]) -> Vec<(usize, usize)> {
    let version = |bill: &wire::Bill<'_>| ident(bill.bill_version.as_ref())?.parse::<u64>().ok();
    let mut pairs = Vec::new();
    for (n, older) in wire.iter().enumerate() {
        let flagged = older.bill_flags.as_ref().and_then(|flags| flags.superseded) == Some(true);
        let (true, Some(number), Some(old)) = (flagged, ident(older.bill_number.as_ref()), version(older)) else {
            continue;
        };
        let newer = wire.iter().enumerate().filter_map(|(m, bill)| {
            let same = ident(bill.bill_number.as_ref()).as_ref() == Some(&number)
                && said(bill.kind.as_ref()) == said(older.kind.as_ref());
            let new = version(bill).filter(|new| same && *new > old)?;
            Some((new, m))
        });
        let mut newer: Vec<_> = newer.collect();
        newer.sort_unstable();
        if let Some((next, m)) = newer.first()
            && newer.get(1).is_none_or(|(other, _)| other != next)
        {
            pairs.push((n, *m));
        }
    }
    pairs
}

/// The file name of a bill's document.
pub(super) fn document_name(number: Option<&str>, native_id: &str) -> String {
    safe_name(number.unwrap_or(native_id), "pdf")
}

/// Another record's reply is refused: the one thing worse than no answer is somebody else's.
fn same(found: &str, asked: &str, path: &str) -> Result<()> {
    if found == asked {
        return Ok(());
    }
    Err(Error::unreadable(path, "the reply is about another record than the one asked for").code("integrity"))
}

fn unusable(path: impl fmt::Display, why: IdError) -> Error {
    Error::unreadable(path, why)
}

fn said<'t>(text: Option<&'t Text<'_>>) -> Option<&'t str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn owned(text: Option<&Text<'_>>) -> Option<String> {
    said(text).map(str::to_owned)
}

fn ident<'a>(ident: Option<&Ident<'a>>) -> Option<Cow<'a, str>> {
    ident.map(Ident::text).filter(|text| !text.trim().is_empty())
}

fn currency(code: &str, path: impl fmt::Display) -> Result<Currency> {
    code.trim().parse().map_err(|why| Error::unreadable(path, why))
}

/// Words of the contract that need no copy.
fn word(text: &str) -> Cow<'static, str> {
    const KNOWN: [&str; 9] = [
        "Normal",
        "Accepted",
        "Field",
        "Estimated",
        "System",
        "Customer",
        "Pending",
        "Removed",
        "Unknown",
    ];
    KNOWN
        .iter()
        .find(|known| **known == text)
        .map_or_else(|| text.to_owned().into(), |known| (*known).into())
}

fn account_status(native: &str) -> AccountStatus {
    match native.to_ascii_lowercase().as_str() {
        "active" => AccountStatus::Active,
        "closed" => AccountStatus::Closed,
        "pending" => AccountStatus::Pending,
        "suspended" => AccountStatus::Suspended,
        _ => AccountStatus::Other,
    }
}

fn address(wire: &wire::PostalAddress<'_>) -> Address {
    let mut lines: Vec<String> = [wire.address_line1.as_ref(), wire.address_line2.as_ref()]
        .into_iter()
        .filter_map(owned)
        .collect();
    // The whole street part in one line stands in only where the lines are missing: it repeats them.
    if lines.is_empty() {
        lines.extend(owned(wire.unstructured.as_ref()));
    }
    let (suburb, city) = (owned(wire.suburb.as_ref()), owned(wire.city.as_ref()));
    let locality = match (suburb, city) {
        (Some(suburb), Some(city)) if suburb != city => {
            lines.push(suburb);
            Some(city)
        }
        (suburb, city) => suburb.or(city),
    };
    Address {
        lines,
        locality,
        region: owned(wire.state.as_ref()),
        postal_code: ident(wire.postcode.as_ref()).map(Cow::into_owned),
        country: owned(wire.country.as_ref()),
    }
}

fn market_identifier(wire: &wire::ServicePoint<'_>) -> Option<MarketIdentifier> {
    let external = wire.service_external.as_ref()?;
    let value = ident(external.id.as_ref())?.into_owned();
    let kind = match said(external.kind.as_ref()).map(str::to_ascii_uppercase).as_deref() {
        Some("NMI") => MarketIdentifierKind::Nmi,
        Some("MPAN") => MarketIdentifierKind::Mpan,
        Some("MPRN") => MarketIdentifierKind::Mprn,
        Some("ICP") => MarketIdentifierKind::Icp,
        Some("ESIID") => MarketIdentifierKind::Esiid,
        _ => MarketIdentifierKind::Other,
    };
    Some(MarketIdentifier { kind, value })
}

fn service_kind(wire: &wire::ServicePoint<'_>) -> Option<ServiceKind> {
    let native = said(wire.service_type.as_ref())?;
    Some(match native.to_ascii_lowercase().as_str() {
        "electricity" => ServiceKind::Electricity,
        "gas" => ServiceKind::Gas,
        "water" => ServiceKind::Water,
        _ => ServiceKind::Other,
    })
}

fn flow_direction(native: &str) -> FlowDirection {
    match native.to_ascii_lowercase().as_str() {
        "import" => FlowDirection::Import,
        "export" => FlowDirection::Export,
        _ => FlowDirection::Other,
    }
}

fn bill_kind(native: Option<&str>) -> BillKind {
    match native.map(str::to_ascii_lowercase).as_deref() {
        Some("invoice") => BillKind::Invoice,
        Some("statement") => BillKind::Statement,
        _ => BillKind::Other,
    }
}

fn bill_status(issued_on: Option<Date>, gross: Option<Money>, outstanding: Option<Money>) -> Option<BillStatus> {
    let (gross, outstanding) = (
        gross.map(|money| money.amount()),
        outstanding.map(|money| money.amount()),
    );
    Some(match (gross, outstanding) {
        // A bill in the customer's favour of which nothing is used yet is as issued as any other.
        (Some(gross), Some(unpaid)) if gross == unpaid && !unpaid.is_zero() => BillStatus::Issued,
        (_, Some(unpaid)) if unpaid.is_zero() || unpaid.is_sign_negative() => BillStatus::Paid,
        (Some(gross), Some(unpaid)) if unpaid < gross => BillStatus::PartiallyPaid,
        _ => {
            issued_on?;
            BillStatus::Issued
        }
    })
}

fn transaction_kind(native: &str) -> TransactionKind {
    match native.trim().to_ascii_lowercase().as_str() {
        "bill" | "charge" => TransactionKind::Charge,
        "payment" => TransactionKind::Payment,
        "repayment" | "refund" => TransactionKind::Refund,
        "credit" => TransactionKind::Credit,
        "adjustment" => TransactionKind::Adjustment,
        _ => TransactionKind::Other,
    }
}

/// Which way an entry moves the balance: by the change of the running balance from the entry before, if that change is as
/// large as the amount; else by its type; for the first entry of an account also by the balance it starts with (inferred).
fn direction(
    entry: &wire::FinancialTransaction<'_>,
    older: Option<&wire::FinancialTransaction<'_>>,
) -> Option<Direction> {
    let size = entry.amount.0.abs();
    let by = |change: rust_decimal::Decimal| match change {
        _ if size.is_zero() => None,
        up if up == size => Some(Direction::Debit),
        down if -down == size => Some(Direction::Credit),
        _ => None,
    };
    let by_change = || {
        let older = older.filter(|older| *older.currency == *entry.currency)?;
        by(entry.balance?.0.checked_sub(older.balance?.0)?)
    };
    let by_kind = || {
        // Amounts carry no sign; one that does may mean the reverse of its type.
        if entry.amount.0.is_sign_negative() && !size.is_zero() {
            return None;
        }
        match transaction_kind(&entry.kind) {
            TransactionKind::Charge | TransactionKind::Refund => Some(Direction::Debit),
            TransactionKind::Payment | TransactionKind::Credit => Some(Direction::Credit),
            TransactionKind::Adjustment | TransactionKind::Other => None,
        }
    };
    let by_start = || match older {
        None => by(entry.balance?.0),
        Some(_) => None,
    };
    by_change().or_else(by_kind).or_else(by_start)
}

/// How good a reading is. `estimated` wins over the words: to call an estimate measured is the worse mistake.
fn quality(reading: &wire::Reading<'_>) -> Quality {
    let customer = said(reading.source.as_ref()).is_some_and(|source| source.eq_ignore_ascii_case("Customer"));
    match said(reading.quality.as_ref()) {
        _ if reading.estimated == Some(true) => Quality::Estimated,
        Some(word) if word.eq_ignore_ascii_case("Estimated") => Quality::Estimated,
        Some(word) if word.eq_ignore_ascii_case("Normal") && customer => Quality::Customer,
        Some(word) if word.eq_ignore_ascii_case("Normal") => Quality::Actual,
        Some(_) => Quality::Unknown,
        None if customer => Quality::Customer,
        None => Quality::Unknown,
    }
}

/// Where a reading stands: the four statuses of `getMeterReadings`, of which `Unknown` is nobody's but the system's.
pub(super) fn reading_status(native: &str) -> ReadingStatus {
    match native {
        "Accepted" => ReadingStatus::Accepted,
        "Pending" => ReadingStatus::Pending,
        "Removed" => ReadingStatus::Removed,
        "Rejected" => ReadingStatus::Rejected,
        _ => ReadingStatus::Other,
    }
}

fn newest_first(a: Option<Date>, b: Option<Date>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => b.cmp(&a),
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// Identifiers that are numbers by their size, others by their letters.
fn by_number(a: &str, b: &str) -> Ordering {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(a) && digits(b) {
        a.len().cmp(&b.len()).then_with(|| a.cmp(b))
    } else {
        a.cmp(b)
    }
}

#[cfg(test)]
mod tests;
