//! Providers, templates, service types and custom attributes: what accounts are described with.

use async_trait::async_trait;
use serde_json::Map;

use super::{BY_ID, Urjanet, cut, missing, no_null, one, search, up, whole};
use crate::backends::Serves;
use crate::backends::urjanet::keys;
use crate::backends::urjanet::map::Maps as _;
use crate::backends::urjanet::wire::{self, Sort};
use crate::error::{Error, ErrorKind, Result};
use crate::model::enrollment::{CustomAttributeDefinition, Provider, ServiceType, Template};
use crate::model::page::Page;
use crate::model::patch::Patch;
use crate::operations::custom_attributes::{
    CreateCustomAttribute, GetCustomAttribute, SearchCustomAttributes, UpdateCustomAttribute,
};
use crate::operations::providers::{GetProvider, SearchProviders};
use crate::operations::service_types::{GetServiceType, ListServiceTypes};
use crate::operations::templates::{GetTemplate, SearchTemplates};
use crate::operations::{Context, Operation};

const BY_ALIAS: &[Sort] = &[up("providerAlias"), up("id")];

#[async_trait]
impl Serves<SearchProviders> for Urjanet {
    async fn serve(&self, op: SearchProviders, cx: &Context) -> Result<Page<Provider>> {
        let road = self.road(SearchProviders::ID, cx);
        let mut conditions = search::conditions(search::PROVIDERS, &op.filters, &self.zone)?;
        if let Some(kind) = &op.service_type {
            let kind = keys::one(kind)?;
            if conditions.is_empty() {
                let reply = road.get(&["provider", "byServiceType", &kind], "service type").await?;
                let (mut all, more) = whole::<Provider>(&reply, &road.mapper())?;
                if !more {
                    all.sort_by(|one, other| (&one.alias, &one.native_id).cmp(&(&other.alias, &other.native_id)));
                    return cut(all, &op.paging);
                }
            }
            // The list takes neither conditions nor paging, so the search takes its place ("Paging"); the name of the
            // field follows the pattern of the others (inferred).
            conditions.push(search::equals("serviceTypeId", &kind));
        }
        road.search(&["provider", "search"], BY_ALIAS, &conditions, &op.paging)
            .await
    }
}

#[async_trait]
impl Serves<GetProvider> for Urjanet {
    async fn serve(&self, op: GetProvider, cx: &Context) -> Result<Provider> {
        let id = keys::one(&op.provider)?;
        let road = self.road(GetProvider::ID, cx);
        let error = match road.read(&["provider", "status", &id], "provider").await {
            Err(error) if error.kind() == ErrorKind::NotFound => error,
            done => return done,
        };
        // The path above is inferred from every link; this one is published, for templates too.
        let Ok(reply) = road.get(&["template", "status", &id], "provider").await else {
            return Err(error);
        };
        let raw = one(&reply)?;
        match wire::decode::<wire::Provider>(raw.get().as_bytes()) {
            Ok(_) => Provider::map(raw, &road.mapper()),
            Err(_) => Err(error),
        }
    }
}

#[async_trait]
impl Serves<SearchTemplates> for Urjanet {
    async fn serve(&self, op: SearchTemplates, cx: &Context) -> Result<Page<Template>> {
        let road = self.road(SearchTemplates::ID, cx);
        let conditions = search::conditions(search::TEMPLATES, &op.filters, &self.zone)?;
        let published = ["template", "status", "search"];
        match road.search(&published, BY_ID, &conditions, &op.paging).await {
            // The path as published looks like a slip; the other modules' form is there by analogy (inferred).
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Refused) => {
                let path = ["template", "search"];
                road.search(&path, BY_ID, &conditions, &op.paging).await
            }
            done => done,
        }
    }
}

#[async_trait]
impl Serves<GetTemplate> for Urjanet {
    async fn serve(&self, op: GetTemplate, cx: &Context) -> Result<Template> {
        let id = keys::one(&op.template)?;
        let road = self.road(GetTemplate::ID, cx);
        let reply = road.get(&["template", "status", &id], "template").await?;
        let raw = one(&reply)?;
        // One path answers both; what has a provider's alias is none of the templates.
        if wire::decode::<wire::Provider>(raw.get().as_bytes()).is_ok() {
            return Err(Error::not_found("template"));
        }
        Template::map(raw, &road.mapper())
    }
}

#[async_trait]
impl Serves<ListServiceTypes> for Urjanet {
    async fn serve(&self, op: ListServiceTypes, cx: &Context) -> Result<Page<ServiceType>> {
        let road = self.road(ListServiceTypes::ID, cx);
        let reply = road.get(&["serviceType", "list"], "service type").await?;
        let (mut all, more) = whole::<ServiceType>(&reply, &road.mapper())?;
        if more {
            // There is no search to take its place, and no list is cut off in silence.
            return Err(Error::unreadable(
                "morePages",
                "more service types than one page, and no call gives them",
            ));
        }
        all.sort_by(|one, other| (&one.name, &one.native_id).cmp(&(&other.name, &other.native_id)));
        cut(all, &op.paging)
    }
}

#[async_trait]
impl Serves<GetServiceType> for Urjanet {
    async fn serve(&self, op: GetServiceType, cx: &Context) -> Result<ServiceType> {
        let id = keys::one(&op.service_type)?;
        self.road(GetServiceType::ID, cx)
            .read(&["serviceType", "status", &id], "service type")
            .await
    }
}

#[async_trait]
impl Serves<SearchCustomAttributes> for Urjanet {
    async fn serve(&self, op: SearchCustomAttributes, cx: &Context) -> Result<Page<CustomAttributeDefinition>> {
        let conditions = search::conditions(search::ATTRIBUTES, &op.filters, &self.zone)?;
        self.road(SearchCustomAttributes::ID, cx)
            .search(&["attribute", "search"], BY_ID, &conditions, &op.paging)
            .await
    }
}

#[async_trait]
impl Serves<CreateCustomAttribute> for Urjanet {
    async fn serve(&self, op: CreateCustomAttribute, cx: &Context) -> Result<CustomAttributeDefinition> {
        let new = op.attribute;
        let mut body = Map::new();
        body.insert("customerId".to_owned(), self.customer.as_str().into());
        body.insert("name".to_owned(), new.name.as_str().into());
        if let Some(required) = new.required {
            body.insert("required".to_owned(), required.into());
        }
        if let Some(position) = new.position {
            body.insert("cnbdPosition".to_owned(), position.into());
        }
        self.road(CreateCustomAttribute::ID, cx)
            .write(&["attribute", "create"], &body)
            .await
    }
}

#[async_trait]
impl Serves<GetCustomAttribute> for Urjanet {
    async fn serve(&self, op: GetCustomAttribute, cx: &Context) -> Result<CustomAttributeDefinition> {
        let id = keys::one(&op.attribute)?;
        self.road(GetCustomAttribute::ID, cx)
            .read(&["attribute", "status", &id], "custom attribute")
            .await
    }
}

#[async_trait]
impl Serves<UpdateCustomAttribute> for Urjanet {
    async fn serve(&self, op: UpdateCustomAttribute, cx: &Context) -> Result<CustomAttributeDefinition> {
        let mut body = Map::new();
        let changes = [
            ("name", "name", value(&op.changes.name, |name| name.as_str().into())),
            (
                "required",
                "required",
                value(&op.changes.required, |flag| (*flag).into()),
            ),
            (
                "position",
                "cnbdPosition",
                value(&op.changes.position, |place| (*place).into()),
            ),
        ];
        for (own, member, patch) in changes {
            match patch {
                Patch::Keep => {}
                Patch::Clear => return Err(no_null(&format!("/{own}"))),
                Patch::Set(value) => {
                    body.insert(member.to_owned(), value);
                }
            }
        }
        body.insert("id".to_owned(), (*keys::one(&op.attribute)?).into());
        self.road(UpdateCustomAttribute::ID, cx)
            .change(&["attribute", "update"], &body)
            .await
            .map_err(|error| missing(error, "custom attribute"))
    }
}

fn value<T>(patch: &Patch<T>, value: impl Fn(&T) -> serde_json::Value) -> Patch<serde_json::Value> {
    match patch {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(new) => Patch::Set(value(new)),
    }
}
