//! Points of supply and meters. None of these lists is paged by the system.

use async_trait::async_trait;

use super::{Raw, parts};
use crate::backends::Serves;
use crate::backends::kraken::documents::british;
use crate::backends::kraken::map::Owner;
use crate::backends::kraken::wire::Fault;
use crate::backends::kraken::{Edition, Kraken, documents, verdict};
use crate::error::{Error, Result};
use crate::model::Native;
use crate::model::meter::{Meter, ServicePoint};
use crate::model::page::Page;
use crate::operations::meters::{GetMeter, ListMeters};
use crate::operations::service_points::{GetServicePoint, ListServicePoints};
use crate::operations::{Context, Operation as _};

#[async_trait]
impl Serves<ListServicePoints> for Kraken {
    async fn serve(&self, operation: ListServicePoints, cx: &Context) -> Result<Page<ServicePoint>> {
        let owner = self.owner(&operation.account)?;
        let points = self.points(ListServicePoints::ID, &owner, cx).await?;
        Page::cut(points, &operation.paging, |point| point.id.key())
            .map_err(|_| Error::parameter("cursor", "the service point it stands on is gone"))
    }
}

#[async_trait]
impl Serves<GetServicePoint> for Kraken {
    async fn serve(&self, operation: GetServicePoint, cx: &Context) -> Result<ServicePoint> {
        let [account, word, _, _] = parts(&operation.service_point)?;
        if word != "sp" {
            return Err(Error::parameter(
                "service_point",
                "not an identifier of a service point",
            ));
        }
        let owner = self.owner_of(account)?;
        let points = self.points(GetServicePoint::ID, &owner, cx).await?;
        points
            .into_iter()
            .find(|point| point.id == operation.service_point)
            .ok_or_else(|| Error::not_found("service point"))
    }
}

#[async_trait]
impl Serves<ListMeters> for Kraken {
    async fn serve(&self, operation: ListMeters, cx: &Context) -> Result<Page<Meter>> {
        let owner = self.owner(&operation.account)?;
        let points = self.points(ListMeters::ID, &owner, cx).await?;
        let meters = points.into_iter().flat_map(|point| point.meters.into_iter().flatten());
        Page::cut(meters.collect(), &operation.paging, |meter| meter.id.key())
            .map_err(|_| Error::parameter("cursor", "the meter it stands on is gone"))
    }
}

#[async_trait]
impl Serves<GetMeter> for Kraken {
    async fn serve(&self, operation: GetMeter, cx: &Context) -> Result<Meter> {
        let [account, word, _, _, _] = parts(&operation.meter)?;
        if word != "m" {
            return Err(Error::parameter("meter", "not an identifier of a meter"));
        }
        let owner = self.owner_of(account)?;
        let points = self.points(GetMeter::ID, &owner, cx).await?;
        points
            .into_iter()
            .flat_map(|point| point.meters.into_iter().flatten())
            .find(|meter| meter.id == operation.meter)
            .ok_or_else(|| Error::not_found("meter"))
    }
}

impl Kraken {
    /// Every point of supply at every property of an account, in the system's order.
    pub(super) async fn points(
        &self,
        operation: &'static str,
        owner: &Owner,
        cx: &Context,
    ) -> Result<Vec<ServicePoint>> {
        let variables = documents::properties::Variables {
            account: owner.number.clone(),
        };
        let mut answered = match self.edition {
            Edition::Us => self.ask::<documents::Properties>(operation, variables, cx).await?,
            Edition::Gb => self.ask::<british::Properties>(operation, variables, cx).await?,
        };
        let account = self.account_in(&mut answered, owner, |account| account.number.as_deref())?;
        if let Some(fault) = answered.faults.iter().find(|fault| hides(fault)) {
            return Err(verdict::meaning(fault));
        }
        let raw = cx
            .native
            .then(|| Raw::of(&answered.body)?.at(&["data", "account", "properties"]))
            .flatten()
            .map(Raw::items)
            .unwrap_or_default();
        let mut points = Vec::new();
        for (at, property) in account.properties.into_iter().flatten().enumerate() {
            let Some(property) = property else { continue };
            let found = self.deployment.service_points(owner, property)?;
            let mut raw = natives_of(raw.get(at).copied());
            for (mut point, native) in found
                .into_iter()
                .zip(raw.by_ref().map(Some).chain(std::iter::repeat(None)))
            {
                if let Some((native, meters)) = native {
                    point.native = Some(native);
                    for (meter, native) in point.meters.iter_mut().flatten().zip(meters) {
                        meter.native = Some(native);
                    }
                }
                points.push(point);
            }
        }
        Ok(points)
    }
}

/// Whether an error may hide points or meters: unlike an address or a status, neither may be missing unnoticed.
fn hides(fault: &Fault) -> bool {
    let path = fault.path.iter().flatten().map(ToString::to_string);
    let mut below = path.skip_while(|step| step != "properties").skip(1);
    !below
        .any(|step| step == "richAddress" || step == "status" || step == "postcode" || step.starts_with("addressLine"))
}

/// The points of one property as they came, and the meters of each, nulls left out as in the mapped lists.
fn natives_of(property: Option<Raw<'_>>) -> impl Iterator<Item = (Native, Vec<Native>)> {
    let lists = ["meterPoints", "electricityMeterPoints", "gasMeterPoints"];
    lists
        .into_iter()
        .filter_map(move |list| property.and_then(|raw| raw.get(list)))
        .flat_map(Raw::items)
        .filter(|raw| raw.0.get() != "null")
        .map(|point| {
            let meters = point.get("meters").map(Raw::items).unwrap_or_default();
            let meters = meters.into_iter().filter(|raw| raw.0.get() != "null");
            (point.native(), meters.map(Raw::native).collect())
        })
}
