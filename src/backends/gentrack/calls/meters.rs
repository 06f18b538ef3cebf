//! Meters.

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::value::RawValue;

use super::{Gentrack, Road, cut};
use crate::backends::Serves;
use crate::backends::gentrack::{keys, wire};
use crate::error::{Error, ErrorKind, Result};
use crate::model::id::ServicePointId;
use crate::model::meter::Meter;
use crate::model::page::Page;
use crate::operations::meters::{GetMeter, ListMeters};
use crate::operations::{Context, Operation};

/// How many structures are read at once for one account.
const AT_ONCE: usize = 4;

impl Road<'_> {
    fn meters(&self, point: &ServicePointId, body: &[u8]) -> Result<Vec<Meter>> {
        let wire: wire::Structure<'_> = wire::decode(body)?;
        let natives = self.natives(body, |raw: wire::Meters<&RawValue>| raw.meters.0)?;
        self.adapter.mapper().meters(point, &wire, natives)
    }
}

/// `getMeterStructure` of every service point of the account.
#[async_trait]
impl Serves<ListMeters> for Gentrack {
    async fn serve(&self, list: ListMeters, cx: &Context) -> Result<Page<Meter>> {
        let road = self.road(ListMeters::ID, cx);
        let points = road.service_points(&list.account).await?;
        let points: Vec<ServicePointId> = points.into_iter().map(|point| point.id).collect();
        let structures = points.into_iter().map(|point| async move {
            let reply = road.structure(&point).await.map_err(|error| {
                // The account exists and names the point: "no such record" would be said of the wrong one.
                if error.kind() == ErrorKind::NotFound {
                    Error::unreadable("$", "the account names a service point that the system does not know")
                } else {
                    error
                }
            })?;
            road.meters(&point, &reply.body)
        });
        let meters: Vec<Vec<Meter>> = stream::iter(structures).buffered(AT_ONCE).try_collect().await?;
        cut(meters.into_iter().flatten().collect(), &list.paging, |meter| {
            meter.id.key().to_owned()
        })
    }
}

/// `getMeterStructure` of the point the meter stands at.
#[async_trait]
impl Serves<GetMeter> for Gentrack {
    async fn serve(&self, GetMeter { meter }: GetMeter, cx: &Context) -> Result<Meter> {
        let (point, _) = keys::meter_parts(&self.name, &meter)?;
        let road = self.road(GetMeter::ID, cx);
        let reply = road
            .own_structure(&point)
            .await
            .map_err(|error| super::missing(error, "meter"))?;
        let meters = road.meters(&point, &reply.body)?;
        let found = meters.into_iter().find(|found| found.id == meter);
        found.ok_or_else(|| Error::not_found("meter"))
    }
}
