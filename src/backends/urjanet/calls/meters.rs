//! Meters. Nothing but their custom attributes can be changed.

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{BY_ID, Urjanet, attributes, cut, missing, no_null, offset, search, up, whole};
use crate::backends::Serves;
use crate::backends::urjanet::keys;
use crate::backends::urjanet::wire::Sort;
use crate::error::{Error, Result};
use crate::model::meter::{Meter, ServiceKind};
use crate::model::page::{Page, Paging};
use crate::model::patch::Patch;
use crate::operations::meters::{CreateMeter, GetMeter, ListMeters, SearchMeters, UpdateMeter};
use crate::operations::{Context, Operation};

const BY_NUMBER: &[Sort] = &[up("meterNumber"), up("id")];

/// Marks a position in a list that goes on by search.
const SEARCHED: char = 's';

#[async_trait]
impl Serves<ListMeters> for Urjanet {
    async fn serve(&self, op: ListMeters, cx: &Context) -> Result<Page<Meter>> {
        let road = self.road(ListMeters::ID, cx);
        let by_search = async |id: String, start: u64| {
            let conditions = [search::equals("utilityAccountId", &id)];
            let paging = Paging {
                limit: op.paging.limit,
                after: Some(start.to_string()),
            };
            let mut page: Page<Meter> = road.search(&["meter", "search"], BY_ID, &conditions, &paging).await?;
            page.next = page.next.map(|next| format!("{SEARCHED}{next}"));
            Ok(page)
        };
        let page = road
            .with_account(&op.account, async |id| {
                let after = op.paging.after.as_deref();
                if let Some(after) = after.and_then(|after| after.strip_prefix(SEARCHED)) {
                    return by_search(id, offset(after)?).await;
                }
                let reply = road.get(&["meter", "byaccount", &id], "account").await?;
                let (mut all, more) = whole::<Meter>(&reply, &road.mapper())?;
                if more {
                    // It takes no paging input, so the search takes its place ("Paging").
                    return by_search(id, 0).await;
                }
                all.sort_by(|one, other| one.native_id.cmp(&other.native_id));
                cut(all, &op.paging)
            })
            .await?;
        // They were reached through this account, whose key may hold more than a meter tells of it.
        let items = page.items.into_iter().map(|meter| Meter {
            account_id: op.account.clone(),
            ..meter
        });
        Ok(Page {
            items: items.collect(),
            next: page.next,
        })
    }
}

#[async_trait]
impl Serves<GetMeter> for Urjanet {
    async fn serve(&self, op: GetMeter, cx: &Context) -> Result<Meter> {
        let (_, id) = keys::meter(&op.meter)?;
        let meter: Meter = self
            .road(GetMeter::ID, cx)
            .read(&["meter", "status", &id], "meter")
            .await?;
        // The path does not hold the account, so the one in the key proves nothing by itself.
        if meter.id == op.meter {
            Ok(meter)
        } else {
            Err(Error::not_found("meter"))
        }
    }
}

#[async_trait]
impl Serves<SearchMeters> for Urjanet {
    async fn serve(&self, op: SearchMeters, cx: &Context) -> Result<Page<Meter>> {
        let conditions = search::conditions(search::METERS, &op.filters, &self.zone)?;
        self.road(SearchMeters::ID, cx)
            .search(&["meter", "search"], BY_NUMBER, &conditions, &op.paging)
            .await
    }
}

#[async_trait]
impl Serves<CreateMeter> for Urjanet {
    async fn serve(&self, op: CreateMeter, cx: &Context) -> Result<Meter> {
        let new = op.meter;
        let kind = match (&new.native_kind, new.service_kind) {
            (Some(native), _) => native.as_str(),
            // `GAS` is the samples'; the others are made after it (inferred).
            (None, ServiceKind::Gas) => "GAS",
            (None, ServiceKind::Electricity) => "ELECTRIC",
            (None, ServiceKind::Water) => "WATER",
            (None, ServiceKind::Other) => return Err(Error::pointer("/native_kind", "`OTHER` needs it")),
        };
        let mut body = Map::new();
        body.insert("customerId".to_owned(), self.customer.as_str().into());
        body.insert("meterNumber".to_owned(), new.number.as_str().into());
        body.insert("serviceType".to_owned(), kind.into());
        if !new.custom_attributes.is_empty() {
            body.insert("customAttributes".to_owned(), attributes(&new.custom_attributes));
        }
        let road = self.road(CreateMeter::ID, cx);
        let meter: Meter = road
            .with_account(&new.account_id, async |id| {
                let mut body: Map<String, Value> = body.clone();
                body.insert("utilityAccountId".to_owned(), id.into());
                road.write(&["meter", "create"], &body).await
            })
            .await?;
        Ok(Meter {
            account_id: new.account_id.clone(),
            ..meter
        })
    }
}

#[async_trait]
impl Serves<UpdateMeter> for Urjanet {
    async fn serve(&self, op: UpdateMeter, cx: &Context) -> Result<Meter> {
        let all = match &op.changes.custom_attributes {
            Patch::Set(all) => all,
            Patch::Clear | Patch::Keep => return Err(no_null("/custom_attributes")),
        };
        let (_, id) = keys::meter(&op.meter)?;
        // Whose meter it is must be known before it is changed.
        Serves::<GetMeter>::serve(
            self,
            GetMeter {
                meter: op.meter.clone(),
            },
            cx,
        )
        .await?;
        let mut body = Map::new();
        body.insert("id".to_owned(), (*id).into());
        body.insert("customAttributes".to_owned(), attributes(all));
        let changed = self.road(UpdateMeter::ID, cx).change(&["meter", "update"], &body).await;
        changed.map_err(|error| missing(error, "meter"))
    }
}
