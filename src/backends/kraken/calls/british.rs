//! Readings in the GB edition: registers that are read together, listed meter by meter, and handed in.

use std::collections::HashMap;

use async_trait::async_trait;
use rust_decimal::prelude::ToPrimitive as _;

use super::payments::gone;
use super::readings::Point;
use super::write::Sending;
use super::{Answered, LARGEST, Walk};
use crate::backends::Serves;
use crate::backends::kraken::documents::british::{
    self, ElectricityVariables, GasVariables, ReadingsVariables, RegisterShowed,
};
use crate::backends::kraken::map::{filled, present};
use crate::backends::kraken::registers::{Stood, findings};
use crate::backends::kraken::wire::{AccountData, HandedIn, ReadMeter, ReadProperties};
use crate::backends::kraken::{Kraken, verdict};
use crate::error::{Error, ErrorKind, Result};
use crate::model::meter::{
    MarketIdentifierKind, Meter, NewReading, Reading, ReadingStatus, ReadingsVerdict, ServicePoint,
};
use crate::model::page::Page;
use crate::operations::readings::{ListReadings, SubmitReadings};
use crate::operations::{Context, Operation as _};

impl Kraken {
    /// The readings of a point's registers: meters in the system's order, each register's oldest first.
    ///
    /// The system promises no order of them, so they are read whole, put in order and cut here.
    pub(super) async fn register_readings(&self, operation: ListReadings, cx: &Context) -> Result<Page<Reading>> {
        let point = self.point(&operation.service_point)?;
        let (from, to) = self.span(operation.from, operation.to)?;
        let stands = |reading: &Reading| match (operation.status, reading.status) {
            (None, status) => status != Some(ReadingStatus::Pending),
            (asked, status) => status == asked,
        };
        if !matches!(
            operation.status,
            None | Some(ReadingStatus::Accepted | ReadingStatus::Pending)
        ) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "`status`: the system tells readings that are held back, which are PENDING, from others, which are ACCEPTED",
            ));
        }
        let mut meters: HashMap<String, usize> = HashMap::new();
        let mut found = Vec::new();
        let mut ahead = vec![(None, Walk::from(None))];
        while let Some((meter, walk)) = ahead.pop() {
            let variables = ReadingsVariables {
                account: point.owner.number.clone(),
                meter,
                first: LARGEST,
                after: walk.after.clone(),
            };
            let mut answered = self.ask::<british::Readings>(ListReadings::ID, variables, cx).await?;
            // The meter that was asked for goes on where it stood; each of the first answer's begins.
            let mut walk = meter.map(|_| walk);
            for read in self.meters_read(&mut answered, &point)? {
                let absent = |member: &str| Error::unreadable(format_args!("meters.{member}"), "absent");
                let serial = filled(read.serial_number).ok_or_else(|| absent("serialNumber"))?;
                let id = read.id.and_then(|id| id.0.parse::<i32>().ok());
                if meter.is_some() && meter != id {
                    continue;
                }
                let readings = read.readings.ok_or_else(|| absent("readings"))?;
                let mut walk = walk.take().unwrap_or_else(|| Walk::from(None));
                if walk.advance(&readings)? {
                    ahead.push((Some(id.ok_or_else(|| absent("id"))?), walk));
                }
                let place = meters.len();
                let place = *meters.entry(serial.clone()).or_insert(place);
                let stood = Stood {
                    owner: &point.owner,
                    property: &point.property,
                    market_id: &point.esi_id,
                    serial: &serial,
                };
                for reading in present(readings.edges).filter_map(|edge| edge.node) {
                    let readings = self.deployment.register_readings(&stood, reading)?;
                    found.extend(readings.into_iter().map(|reading| (place, reading)));
                }
            }
        }
        found.retain(|(_, reading)| from <= reading.read_at && reading.read_at < to && stands(reading));
        found.sort_by(|(meter, one), (other, next)| {
            let order = |place: &usize, reading: &Reading| (*place, reading.register.clone(), reading.read_at);
            order(meter, one).cmp(&order(other, next))
        });
        let readings = found.into_iter().map(|(_, reading)| reading).collect();
        Page::cut(readings, &operation.paging, |reading: &Reading| {
            reading.id.as_ref().map(|id| id.key()).unwrap_or_default()
        })
        .map_err(gone)
    }

    /// The meters of a point in an answer; none of them, and none of their readings, may be missing unnoticed.
    fn meters_read(
        &self,
        answered: &mut Answered<AccountData<ReadProperties>>,
        point: &Point,
    ) -> Result<impl Iterator<Item = ReadMeter> + use<>> {
        let account = self.account_in(answered, &point.owner, |account| account.number.as_deref())?;
        if let Some(fault) = answered.faults.first() {
            return Err(verdict::meaning(fault));
        }
        let property = present(account.properties)
            .find(|property| property.id.as_deref() == Some(&point.property))
            .ok_or_else(|| Error::not_found("service point"))?;
        let is_it = |market: Option<String>| filled(market).as_deref() == Some(&point.esi_id);
        if present(property.gas_meter_points).any(|gas| is_it(gas.mprn)) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the system lists no readings of gas meters",
            ));
        }
        let electricity = present(property.electricity_meter_points)
            .find(|found| is_it(found.mpan.clone()))
            .ok_or_else(|| Error::not_found("service point"))?;
        Ok(present(electricity.meters))
    }
}

#[async_trait]
impl Serves<SubmitReadings> for Kraken {
    async fn serve(&self, operation: SubmitReadings, cx: &Context) -> Result<ReadingsVerdict> {
        let named = self.point(&operation.service_point)?;
        // The system takes the point's market identifier alone. That it is one of this account's is seen first.
        let points = self.points(SubmitReadings::ID, &named.owner, cx).await?;
        let point = points
            .into_iter()
            .find(|point| point.id == operation.service_point)
            .ok_or_else(|| Error::not_found("service point"))?;
        let (meter, day) = self.one_visit(&point, &operation.readings)?;
        let sending = Sending {
            operation: SubmitReadings::ID,
            may_repeat: false,
            members: &[],
        };
        let is_gas = point
            .market_identifier
            .as_ref()
            .is_some_and(|market| market.kind == MarketIdentifierKind::Mprn);
        let serial_number = meter.number.clone().unwrap_or_default();
        let (answered, field) = if is_gas {
            let [only] = operation.readings.as_slice() else {
                return Err(Error::pointer("/readings/1", "a gas meter has one register"));
            };
            let variables = GasVariables {
                mprn: named.esi_id,
                read_at: day,
                reading: whole(only, 0)?,
                serial_number,
            };
            let sent = self.write::<british::CreateGasMeterReading>(&sending, &named.owner, variables, cx);
            (sent.await?, "createGasMeterReading")
        } else {
            let readings = operation.readings.iter().enumerate();
            let variables = ElectricityVariables {
                mpan: named.esi_id,
                read_at: day,
                readings: readings
                    .map(|(at, reading)| showed(meter, reading, at))
                    .collect::<Result<_>>()?,
                serial_number,
            };
            let sent = self.write::<british::CreateElectricityMeterReading>(&sending, &named.owner, variables, cx);
            (sent.await?, "createElectricityMeterReading")
        };
        judged(&answered, field, &operation.readings)
    }
}

impl Kraken {
    /// The meter and the local day of readings, which must share both: the system takes them so, and of several calls one
    /// might be refused when others are done.
    fn one_visit<'p>(
        &self,
        point: &'p ServicePoint,
        readings: &[NewReading],
    ) -> Result<(&'p Meter, jiff::civil::Date)> {
        let first = readings
            .first()
            .ok_or_else(|| Error::pointer("/readings", "there is none"))?;
        let day = self.deployment.zone.date(first.read_at);
        for (at, reading) in readings.iter().enumerate() {
            if reading.meter_number != first.meter_number {
                let detail = "the system takes the readings of one meter at a time";
                return Err(Error::pointer(format!("/readings/{at}/meter_number"), detail));
            }
            if self.deployment.zone.date(reading.read_at) != day {
                let detail = "the system takes the readings of one day at a time";
                return Err(Error::pointer(format!("/readings/{at}/read_at"), detail));
            }
        }
        let meter = point
            .meters
            .iter()
            .flatten()
            .find(|meter| meter.number.as_deref() == Some(&first.meter_number))
            .ok_or_else(|| Error::pointer("/readings/0/meter_number", "no such meter stands at the point"))?;
        Ok((meter, day))
    }
}

/// What a reading says of a register, as the system takes it.
fn showed(meter: &Meter, reading: &NewReading, at: usize) -> Result<RegisterShowed> {
    let named = |name: Option<&String>| name == Some(&reading.register);
    let register = meter
        .registers
        .iter()
        .flatten()
        .find(|register| named(register.label.as_ref().or(Some(&register.id))))
        .ok_or_else(|| Error::pointer(format!("/readings/{at}/register"), "the meter has no such register"))?;
    Ok(RegisterShowed {
        register_id: register.id.clone(),
        reading: whole(reading, at)?,
    })
}

/// The value of a reading as the system takes it: a whole number of 32 bits.
fn whole(reading: &NewReading, at: usize) -> Result<i32> {
    let value = reading.value.0.normalize();
    let fits = if value.scale() == 0 { value.to_i32() } else { None };
    fits.ok_or_else(|| {
        let detail = "the system takes whole numbers below 2147483648";
        Error::pointer(format!("/readings/{at}/value"), detail)
    })
}

/// What the system said of readings that were handed in: it refuses in the payload, with no errors beside it.
fn judged(answered: &Answered<HandedIn>, field: &str, readings: &[NewReading]) -> Result<ReadingsVerdict> {
    let data = &answered.data;
    let payload = data
        .create_electricity_meter_reading
        .as_ref()
        .or(data.create_gas_meter_reading.as_ref())
        .ok_or_else(|| answered.unsure(&[field]))?;
    if answered.fault(&[field, "readingErrors"]).is_some() {
        return Err(answered.unsure(&[field, "readingErrors"]));
    }
    let findings = findings(payload.reading_errors.clone(), readings);
    Ok(ReadingsVerdict {
        accepted: findings.is_empty(),
        findings: Some(findings),
    })
}
