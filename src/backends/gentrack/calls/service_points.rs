//! Points of supply.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Gentrack, Road, cut};
use crate::backends::Serves;
use crate::backends::gentrack::wire;
use crate::error::{Error, Result};
use crate::model::Native;
use crate::model::id::AccountId;
use crate::model::meter::ServicePoint;
use crate::model::page::Page;
use crate::operations::service_points::{GetServicePoint, ListServicePoints};
use crate::operations::{Context, Operation};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPoints<'a> {
    #[serde(borrow, default)]
    service_points: wire::Many<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPoint<'a> {
    #[serde(borrow)]
    service_point: Option<&'a RawValue>,
}

impl Road<'_> {
    /// Every point of supply the account names. One that names none at all says "none"; one that does not tell is
    /// `Unreadable`, since an empty list would be an answer.
    pub(super) async fn service_points(&self, account: &AccountId) -> Result<Vec<ServicePoint>> {
        let reply = self.account(account).await?;
        let wire: wire::Account<'_> = wire::decode(&reply.body)?;
        let mapper = self.adapter.mapper();
        mapper.account(account, &wire)?;
        let natives = self.natives(&reply.body, |raw: RawPoints<'_>| raw.service_points.0)?;
        let points = mapper
            .service_points(account, &wire, natives)?
            .ok_or_else(|| Error::unreadable("$", "missing field `servicePoints`"))?;
        for point in &points {
            self.adapter.confirmed.add(point.id.clone());
        }
        Ok(points)
    }
}

/// `getAccount`: its service points, without their meters.
#[async_trait]
impl Serves<ListServicePoints> for Gentrack {
    async fn serve(&self, list: ListServicePoints, cx: &Context) -> Result<Page<ServicePoint>> {
        let points = self
            .road(ListServicePoints::ID, cx)
            .service_points(&list.account)
            .await?;
        cut(points, &list.paging, |point| point.id.key().to_owned())
    }
}

/// `getMeterStructure`.
#[async_trait]
impl Serves<GetServicePoint> for Gentrack {
    async fn serve(&self, GetServicePoint { service_point }: GetServicePoint, cx: &Context) -> Result<ServicePoint> {
        let road = self.road(GetServicePoint::ID, cx);
        let reply = road.own_structure(&service_point).await?;
        let wire: wire::Structure<'_> = wire::decode(&reply.body)?;
        let natives = road.natives(&reply.body, |raw: wire::Meters<&RawValue>| raw.meters.0)?;
        let native = if cx.native {
            wire::decode::<RawPoint<'_>>(&reply.body)?.service_point
        } else {
            None
        };
        let native = native.map(|raw| Native::new(raw.to_owned()));
        self.mapper().structure(&service_point, &wire, native, natives)
    }
}
