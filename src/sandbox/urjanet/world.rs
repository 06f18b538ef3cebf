//! What the system knows, and how it is found.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::answer::Refusal;
use super::data;
use super::record::{Cell, Record, Reference};
use super::shape::Entity;

/// The data set every instance starts from; it is shared until an instance writes.
pub(super) static BASE: LazyLock<Arc<World>> = LazyLock::new(|| Arc::new(data::world()));

/// Entities of one kind, in the order they came.
#[derive(Clone, Default)]
pub(super) struct Table {
    rows: Vec<Arc<Record>>,
    /// By id, natural key, and whatever other id leads to a row.
    places: HashMap<Arc<str>, usize>,
}

impl Table {
    /// Adds an entity, or puts it in the place of the one with its id.
    pub(super) fn put(&mut self, record: Record) -> Arc<Record> {
        let record = Arc::new(record);
        match self.places.get(record.text("id")) {
            Some(place) => self.rows[*place] = Arc::clone(&record),
            None => {
                self.index(&record, self.rows.len());
                self.rows.push(Arc::clone(&record));
            }
        }
        record
    }

    /// Makes one more id lead to an entity.
    pub(super) fn also(&mut self, id: &str, key: &str) {
        if let Some(place) = self.places.get(key) {
            self.places.insert(id.into(), *place);
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Arc<Record>> {
        self.places.get(key).and_then(|place| self.rows.get(*place))
    }

    /// The entity with an id or key, to be changed in place. Its id is not to be changed so.
    pub(super) fn change(&mut self, key: &str) -> Option<&mut Record> {
        let place = self.places.get(key)?;
        self.rows.get_mut(*place).map(Arc::make_mut)
    }

    /// Gives an entity another id; the old one leads nowhere from then on.
    pub(super) fn rename(&mut self, id: &str, new: &str) {
        if let Some(place) = self.places.remove(id)
            && let Some(row) = self.rows.get_mut(place)
        {
            Arc::make_mut(row).set("id", new);
            self.places.insert(new.into(), place);
        }
    }

    pub(super) fn remove(&mut self, id: &str) {
        if let Some(place) = self.places.get(id).copied() {
            self.rows.remove(place);
            self.places.retain(|_, other| *other != place);
            for other in self.places.values_mut().filter(|other| **other > place) {
                *other -= 1;
            }
        }
    }

    pub(super) fn rows(&self) -> &[Arc<Record>] {
        &self.rows
    }

    /// The entities of a tenant, with those all tenants share.
    pub(super) fn of(&self, tenant: &str) -> impl Iterator<Item = &Arc<Record>> {
        self.rows
            .iter()
            .filter(move |row| row.tenant.is_empty() || *row.tenant == *tenant)
    }

    fn index(&mut self, record: &Record, place: usize) {
        if record.entity != Entity::Event {
            self.places.insert(record.shared("id"), place);
        }
        if let Some(key) = record.entity.natural_key() {
            self.places.insert(record.shared(key), place);
        }
    }
}

/// Everything the system knows.
#[derive(Clone, Default)]
pub(super) struct World {
    pub(super) tenants: Vec<Arc<str>>,
    pub(super) accounts: Table,
    pub(super) candidates: Table,
    pub(super) meters: Table,
    pub(super) candidate_meters: Table,
    pub(super) credentials: Table,
    pub(super) attributes: Table,
    pub(super) templates: Table,
    pub(super) service_types: Table,
    pub(super) providers: Table,
    events: Vec<Arc<Record>>,
}

impl World {
    /// The tenant a `customerId` names. The samples call one tenant both `Customer` and `Customer1`.
    pub(super) fn tenant(&self, customer: &str) -> Result<Arc<str>, Refusal> {
        let name = if customer == "Customer" {
            data::CUSTOMER
        } else {
            customer
        };
        let found = self.tenants.iter().find(|tenant| &***tenant == name);
        found
            .cloned()
            .ok_or_else(|| Refusal::argument(format!("No customer {customer}")))
    }

    /// An entity by id or natural key.
    pub(super) fn find(&self, entity: Entity, key: &str) -> Option<&Arc<Record>> {
        match entity {
            Entity::Account => self.accounts.get(key).or_else(|| self.candidates.get(key)),
            Entity::Meter => self.meters.get(key).or_else(|| self.candidate_meters.get(key)),
            Entity::Credential => self.credentials.get(key),
            Entity::Attribute => self.attributes.get(key),
            Entity::Template => self.templates.get(key),
            Entity::ServiceType => self.service_types.get(key),
            Entity::Provider => self.providers.get(key),
            Entity::Event => None,
        }
    }

    /// The same, refusing what is not there.
    pub(super) fn expect(&self, entity: Entity, key: &str) -> Result<&Arc<Record>, Refusal> {
        self.find(entity, key)
            .ok_or_else(|| Refusal::not_found(format!("No {} with this id", entity.word())))
    }

    /// A pointer to a provider that a request names.
    pub(super) fn provider(&self, key: &str) -> Result<Arc<Reference>, Refusal> {
        let provider = self.providers.get(key).ok_or_else(|| Refusal::no_provider(key))?;
        Ok(provider.reference())
    }

    /// A pointer to a credential of the tenant that a request names.
    pub(super) fn credential(&self, tenant: &str, key: &str) -> Result<Arc<Reference>, Refusal> {
        let credential = self.expect(Entity::Credential, key)?;
        if *credential.tenant == *tenant {
            Ok(credential.reference())
        } else {
            Err(Refusal::not_found("No credential with this id"))
        }
    }

    /// The definition of a custom attribute; names are compared without regard to case.
    pub(super) fn attribute(&self, tenant: &str, name: &str) -> Option<&Arc<Record>> {
        let mut known = self.attributes.of(tenant);
        known.find(|attribute| attribute.text("name").eq_ignore_ascii_case(name))
    }

    /// The account a meter belongs to.
    pub(super) fn account_of(&self, meter: &Record) -> Option<&Arc<Record>> {
        let account = meter.get("utilityAccount").references().first()?;
        self.find(Entity::Account, &account.id)
    }

    /// The account a tenant asked for under a number of a provider.
    pub(super) fn requested(&self, tenant: &str, provider: &Reference, normalized: &str) -> Option<&Arc<Record>> {
        find_number(&self.accounts, tenant, provider, normalized)
    }

    /// The account that was found and not asked for under a number of a provider.
    pub(super) fn found(&self, tenant: &str, provider: &Reference, normalized: &str) -> Option<&Arc<Record>> {
        find_number(&self.candidates, tenant, provider, normalized)
    }

    /// What happened to the entities of a tenant.
    pub(super) fn events(&self, tenant: &str) -> impl Iterator<Item = &Arc<Record>> {
        self.events.iter().filter(move |event| *event.tenant == *tenant)
    }

    /// Adds an event to the change log as it is.
    pub(super) fn happened(&mut self, event: Record) {
        self.events.push(Arc::new(event));
    }

    /// Adds an event to the change log.
    pub(super) fn log(&mut self, by: &str, now: i64, tenant: &Arc<str>, name: &str, fields: &[(&str, &str)]) {
        let mut event = Record::new(Entity::Event, tenant)
            .with("username", by)
            .with("timestamp", Cell::Date(now))
            .with("eventName", name)
            .with("customerId", tenant);
        for (name, text) in fields {
            event.set(name, *text);
        }
        self.happened(event);
    }
}

fn find_number<'a>(table: &'a Table, tenant: &str, provider: &Reference, normalized: &str) -> Option<&'a Arc<Record>> {
    table.of(tenant).find(|account| {
        account.text("normalizedAccountNumber") == normalized
            && account
                .get("utilityProvider")
                .references()
                .iter()
                .any(|known| known.key == provider.key)
    })
}
