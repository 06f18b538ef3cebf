//! Creating and changing entities. Nothing is changed by a request that is refused, but for an account that is stored
//! without its attributes.

use std::sync::Arc;

use serde_json::Value;

use super::answer::Refusal;
use super::record::{Attributes, Cell, Record, Reference, decimal, normalized_account, normalized_meter};
use super::request::Fields;
use super::shape::Entity;
use super::world::World;
use super::{LONGEST_ATTRIBUTE, USERNAME};

/// What is written, and when.
pub(super) struct Writer<'a> {
    pub(super) world: &'a mut World,
    /// Milliseconds since the epoch.
    pub(super) now: i64,
}

impl Writer<'_> {
    /// Carries out a call that writes, and answers what there is now.
    pub(super) fn act(&mut self, operation: &str, fields: &Fields) -> Result<Value, Refusal> {
        match operation {
            "createAccount" => self.create_account(fields),
            "enrollCandidateAccount" => self.enrol_candidate(fields),
            "updateAccount" => self.update_account(fields),
            "createMeter" => self.create_meter(fields),
            "updateMeter" => self.update_meter(fields),
            "createCredential" => self.create_credential(fields),
            "updateCredential" => self.update_credential(fields),
            "createAttribute" => self.create_attribute(fields),
            "updateAttribute" => self.update_attribute(fields),
            _ => Err(Refusal::not_found("No such resource")),
        }
    }

    fn create_account(&mut self, fields: &Fields) -> Result<Value, Refusal> {
        let tenant = self.world.tenant(fields.key("customerId"))?;
        let provider = self.world.provider(fields.key("utilityProviderId"))?;
        let credential = self.world.credential(&tenant, fields.key("extractionChannelId"))?;
        let number = fields.key("accountNumber");
        let normalized = normalized_account(number);
        if normalized.is_empty() {
            return Err(Refusal::argument("accountNumber has no digit and no letter"));
        }
        if self.world.requested(&tenant, &provider, &normalized).is_some() {
            return Err(Refusal::exists("An account with this number and provider exists"));
        }
        let attributes = self.attributes(&tenant, fields.attributes().unwrap_or_default())?;
        self.required(&tenant, &attributes)?;
        let found = self.world.found(&tenant, &provider, &normalized).cloned();
        let mut account = match &found {
            Some(candidate) => {
                let mut account = Record::clone(candidate);
                self.enrol(&mut account);
                account
            }
            None => self.stamped(Record::new(Entity::Account, &tenant)),
        };
        let alias = provider.key.clone().unwrap_or_default();
        if found.is_none() {
            account.set("customerId", fields.key("customerId"));
            account.set("accountNumber", number);
            account.set("normalizedAccountNumber", normalized);
            account.set("enrollmentStatus", "PENDING");
            account.set("monitoringStatus", "UNKNOWN");
            account.set("isSummaryAccount", false);
            account.set("utilityProvider", provider);
        }
        account.set("extractionChannels", vec![credential]);
        account.set("subscribed", fields.flag("subscribed"));
        account.set("toBeDelivered", fields.flag("toBeDelivered"));
        let history = fields.flag("pullHistory").unwrap_or_default();
        account.set("pullHistory", history);
        account.set("historyRequested", history.then_some(Cell::Date(self.now)));
        account.set(
            "ebillRequirement",
            fields.text("ebillRequirement").unwrap_or("DO_NOT_CHANGE"),
        );
        let fit = attributes
            .iter()
            .all(|(_, value)| value.as_ref().is_none_or(|text| text.len() <= LONGEST_ATTRIBUTE));
        if fit {
            account.attributes = attributes;
        }
        if found.is_some() {
            self.world.candidates.remove(account.text("id"));
        }
        let account = self.world.accounts.put(account);
        let event = [
            ("manual", "true"),
            ("linked", "true"),
            ("accountNumber", number),
            ("providerAlias", &*alias),
        ];
        self.world
            .log(USERNAME, self.now, &tenant, "AccountLinkageEvent", &event);
        if fit {
            Ok(account.to_value())
        } else {
            Err(Refusal::partly("Account stored, custom attributes not stored"))
        }
    }

    fn enrol_candidate(&mut self, fields: &Fields) -> Result<Value, Refusal> {
        let id = fields.key("id");
        let Some(candidate) = self.world.candidates.get(id) else {
            return Err(match self.world.accounts.get(id) {
                Some(_) => Refusal::exists("The account is enrolled already"),
                None => Refusal::not_found("No account with this id"),
            });
        };
        let mut account = Record::clone(candidate);
        let tenant = Arc::clone(&account.tenant);
        let attributes = self.attributes(&tenant, fields.attributes().unwrap_or_default())?;
        self.required(&tenant, &attributes)?;
        self.enrol(&mut account);
        account.attributes = attributes;
        self.world.candidates.remove(id);
        let account = self.world.accounts.put(account);
        self.log_account(&account, "AccountNominatedEvent", &[]);
        Ok(account.to_value())
    }

    /// Makes a candidate an account that was asked for.
    fn enrol(&self, account: &mut Record) {
        let works = account.text("extractionStatus") == "SUCCESS";
        let now = Cell::Date(self.now);
        account.set(
            "enrollmentStatus",
            if works { "SUCCESSFUL_ENROLLED" } else { "PENDING" },
        );
        account.set("monitoringStatus", "UNKNOWN");
        account.set("ebillRequirement", "DO_NOT_CHANGE");
        for flag in ["subscribed", "toBeDelivered", "pullHistory"] {
            account.set(flag, true);
        }
        for date in [
            "subscriptionLastUpdated",
            "deliveryLastUpdated",
            "historyRequested",
            "modified",
        ] {
            account.set(date, now.clone());
        }
        account.set("lastModifiedByUsername", USERNAME);
        let verified = account.get("verifiedExtractionChannels").clone();
        account.set("extractionChannels", verified);
    }

    fn update_account(&mut self, fields: &Fields) -> Result<Value, Refusal> {
        let id = fields.key("id");
        let Some(old) = self.world.accounts.get(id).cloned() else {
            return Err(Refusal::not_found("No account with this id"));
        };
        let mut account = Record::clone(&old);
        let tenant = Arc::clone(&account.tenant);
        let mut moved = false;
        if let Some(key) = fields.text("utilityProviderId") {
            let provider = self.world.provider(key)?;
            let same = old
                .get("utilityProvider")
                .references()
                .iter()
                .any(|known| known.key == provider.key);
            let untouched = old.get("firstExtractDate").is_blank() && old.get("lastExtracted").is_blank();
            moved = !same;
            if moved && !untouched {
                return Err(Refusal::argument(
                    "The provider of an extracted account cannot be changed",
                ));
            }
            if moved
                && self
                    .world
                    .requested(&tenant, &provider, old.text("normalizedAccountNumber"))
                    .is_some()
            {
                return Err(Refusal::exists("An account with this number and provider exists"));
            }
            if moved {
                account.set("utilityProvider", provider);
            }
        }
        let channels = self.channels(&tenant, fields)?;
        let given = self.attributes(&tenant, fields.attributes().unwrap_or_default())?;
        merge(&mut account.attributes, given);
        let now = Cell::Date(self.now);
        let mut changes = vec![];
        if let Some(flag) = fields
            .flag("subscribed")
            .filter(|flag| *old.get("subscribed") != Cell::Flag(*flag))
        {
            account.set("subscribed", flag);
            account.set("subscriptionLastUpdated", now.clone());
            account.set("unsubscribeDate", (!flag).then_some(now.clone()));
            changes.push(("AccountSubscribeChangeEvent", flag));
        }
        if let Some(flag) = fields
            .flag("toBeDelivered")
            .filter(|flag| *old.get("toBeDelivered") != Cell::Flag(*flag))
        {
            account.set("toBeDelivered", flag);
            account.set("deliveryLastUpdated", now.clone());
            account.set("deliveryDisabledDate", (!flag).then_some(now.clone()));
            changes.push(("AccountDeliveryChangeEvent", flag));
        }
        if let Some(flag) = fields
            .flag("pullHistory")
            .filter(|flag| *old.get("pullHistory") != Cell::Flag(*flag))
        {
            account.set("pullHistory", flag);
            account.set("historyRequested", flag.then_some(now));
        }
        if let Some(text) = fields.text("ebillRequirement") {
            account.set("ebillRequirement", text);
        }
        if let Some(channels) = channels {
            let first = channels
                .first()
                .and_then(|channel| self.world.credentials.get(&channel.id));
            let ready = first.is_some_and(|credential| !credential.get("template").is_blank());
            if old.text("enrollmentStatus") == "NEEDS_CREDENTIAL" && !channels.is_empty() {
                account.set("enrollmentStatus", if ready { "NOMINATED" } else { "NEEDS_TEMPLATE" });
            }
            account.set("extractionChannels", channels);
        }
        self.touch(&mut account);
        if account.attributes != old.attributes {
            let values = [flattened(&old.attributes), flattened(&account.attributes)];
            self.log_account(
                &old,
                "MixinChangeEvent",
                &[("oldValues", &values[0]), ("newValues", &values[1])],
            );
        }
        for (event, flag) in changes {
            let (before, after) = if flag { ("false", "true") } else { ("true", "false") };
            self.log_account(&old, event, &[("oldStatus", before), ("newStatus", after)]);
        }
        let (before, after) = (old.text("enrollmentStatus"), account.text("enrollmentStatus"));
        if before != after {
            let statuses = [("oldStatus", before), ("newStatus", after)];
            self.log_account(&old, "EnrollmentStatusChangeEvent", &statuses);
        }
        self.world.accounts.put(account);
        let mut id = old.shared("id");
        if moved {
            id = self.rename(&id);
        }
        Ok(self
            .world
            .accounts
            .get(&id)
            .map(|account| account.to_value())
            .unwrap_or_default())
    }

    /// An account whose provider was corrected is another one to the system: it gets a new id, and its meters follow.
    fn rename(&mut self, id: &str) -> Arc<str> {
        let new: Arc<str> = uuid::Uuid::now_v7().to_string().into();
        self.world.accounts.rename(id, &new);
        let points_here = |meter: &&Arc<Record>| {
            meter
                .get("utilityAccount")
                .references()
                .iter()
                .any(|account| *account.id == *id)
        };
        let meters: Vec<_> = self
            .world
            .meters
            .rows()
            .iter()
            .filter(points_here)
            .map(|meter| meter.shared("id"))
            .collect();
        if let Some(account) = self.world.accounts.get(&new).map(|account| account.reference()) {
            for meter in meters {
                if let Some(meter) = self.world.meters.change(&meter) {
                    meter.set("utilityAccount", Arc::clone(&account));
                }
            }
        }
        new
    }

    /// The credentials a change names, each once; both members together are taken as one list, as in the sample.
    fn channels(&self, tenant: &str, fields: &Fields) -> Result<Option<Vec<Arc<Reference>>>, Refusal> {
        let (one, many) = (fields.text("extractionChannelId"), fields.keys("extractionChannelIds"));
        if one.is_none() && many.is_none() {
            return Ok(None);
        }
        let mut channels = Vec::new();
        for key in one.into_iter().chain(many.into_iter().flatten()) {
            let channel = self.world.credential(tenant, key)?;
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        Ok(Some(channels))
    }

    fn create_meter(&mut self, fields: &Fields) -> Result<Value, Refusal> {
        let tenant = self.world.tenant(fields.key("customerId"))?;
        let account = Arc::clone(self.world.expect(Entity::Account, fields.key("utilityAccountId"))?);
        if account.tenant != tenant {
            return Err(Refusal::not_found("No account with this id"));
        }
        let attributes = self.attributes(&tenant, fields.attributes().unwrap_or_default())?;
        let number = fields.key("meterNumber");
        let mut meter = self
            .stamped(Record::new(Entity::Meter, &tenant))
            .with("utilityAccount", account.reference())
            .with("meterNumber", number)
            .with("normalizedMeterNumber", normalized_meter(number))
            .with("serviceType", fields.key("serviceType"))
            .with("deactivated", false);
        meter.attributes = attributes;
        let meter = self.world.meters.put(meter);
        let event = [("meterNumber", number), ("manual", "true"), ("linked", "true")];
        self.log_account(&account, "MeterLinkageEvent", &event);
        Ok(meter.to_value())
    }

    fn update_meter(&mut self, fields: &Fields) -> Result<Value, Refusal> {
        let id = fields.key("id");
        let Some(old) = self.world.meters.get(id).cloned() else {
            return Err(Refusal::not_found("No meter with this id"));
        };
        let given = self.attributes(&old.tenant, fields.attributes().unwrap_or_default())?;
        let mut meter = Record::clone(&old);
        merge(&mut meter.attributes, given);
        self.touch(&mut meter);
        let meter = self.world.meters.put(meter);
        if let Some(account) = self.world.account_of(&meter).cloned() {
            let values = [flattened(&old.attributes), flattened(&meter.attributes)];
            let event = [
                ("meterNumber", old.text("meterNumber")),
                ("oldValues", &values[0]),
                ("newValues", &values[1]),
            ];
            self.log_account(&account, "MeterMixinChangeEvent", &event);
        }
        Ok(meter.to_value())
    }

    fn create_attribute(&mut self, fields: &Fields) -> Result<Value, Refusal> {
        let tenant = self.world.tenant(fields.key("customerId"))?;
        let name = fields.key("name");
        if self.world.attribute(&tenant, name).is_some() {
            return Err(Refusal::exists("An attribute with this name exists"));
        }
        let mut attribute = self
            .stamped(Record::new(Entity::Attribute, &tenant))
            .with("name", name)
            .with("required", fields.flag("required").unwrap_or_default())
            .with(
                "cnbdPosition",
                fields
                    .value("cnbdPosition")
                    .and_then(decimal)
                    .unwrap_or_else(|| (-1).into()),
            )
            .with("urjanetKey", fields.text("urjanetKey"));
        attribute.enforced = true;
        Ok(self.world.attributes.put(attribute).to_value())
    }

    fn update_attribute(&mut self, fields: &Fields) -> Result<Value, Refusal> {
        let old = Arc::clone(self.world.expect(Entity::Attribute, fields.key("id"))?);
        let mut attribute = Record::clone(&old);
        if let Some(name) = fields.text("name") {
            let other = self.world.attribute(&old.tenant, name);
            if other.is_some_and(|other| other.text("id") != old.text("id")) {
                return Err(Refusal::exists("An attribute with this name exists"));
            }
            attribute.set("name", name);
        }
        if let Some(required) = fields.flag("required") {
            attribute.set("required", required);
            attribute.enforced = true;
        }
        if let Some(position) = fields.value("cnbdPosition").and_then(decimal) {
            attribute.set("cnbdPosition", position);
        }
        if let Some(key) = fields.text("urjanetKey") {
            attribute.set("urjanetKey", key);
        }
        self.touch(&mut attribute);
        Ok(self.world.attributes.put(attribute).to_value())
    }

    /// The attributes under their defined names; a name must be defined before it is used.
    fn attributes(&self, tenant: &str, given: Attributes) -> Result<Attributes, Refusal> {
        let mut named = Attributes::new();
        for (name, value) in given {
            let Some(defined) = self.world.attribute(tenant, &name) else {
                return Err(Refusal::argument(format!("No attribute {name}")));
            };
            // The samples write one name in two cases; what was sent is kept.
            let known = defined.shared("name");
            named.push((if *known == *name { known } else { name }, value));
        }
        Ok(named)
    }

    fn required(&self, tenant: &str, given: &Attributes) -> Result<(), Refusal> {
        let missing = |definition: &&Arc<Record>| {
            let name = definition.text("name");
            let has = given
                .iter()
                .any(|(known, value)| known.eq_ignore_ascii_case(name) && value.is_some());
            definition.enforced && *definition.get("required") == Cell::Flag(true) && !has
        };
        match self.world.attributes.of(tenant).find(missing) {
            Some(definition) => Err(Refusal::argument(format!("{} is required", definition.text("name")))),
            None => Ok(()),
        }
    }

    /// A new entity with an id and its dates.
    pub(super) fn stamped(&self, record: Record) -> Record {
        record
            .with("id", uuid::Uuid::now_v7().to_string())
            .with("created", Cell::Date(self.now))
            .with("modified", Cell::Date(self.now))
            .with("createdByUsername", USERNAME)
            .with("lastModifiedByUsername", USERNAME)
    }

    pub(super) fn touch(&self, record: &mut Record) {
        record.set("modified", Cell::Date(self.now));
        record.set("lastModifiedByUsername", USERNAME);
    }

    pub(super) fn log_account(&mut self, account: &Record, name: &str, more: &[(&str, &str)]) {
        let provider = account.get("utilityProvider").references().first();
        let alias = provider
            .and_then(|provider| provider.key.as_deref())
            .unwrap_or_default();
        let own = [
            ("accountNumber", account.text("accountNumber")),
            ("providerAlias", alias),
        ];
        self.world
            .log(USERNAME, self.now, &account.tenant, name, &[&own, more].concat());
    }
}

/// Changes are sparse: a name that is not given keeps its value.
fn merge(attributes: &mut Attributes, given: Attributes) {
    for (name, value) in given {
        match attributes
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(&name))
        {
            Some((_, place)) => *place = value,
            None => attributes.push((name, value)),
        }
    }
}

/// A map as one text; the format is not described, so this is one of many (contract, `ChangeEventFields`).
fn flattened(attributes: &Attributes) -> String {
    let pair = |(name, value): &(Arc<str>, Option<Arc<str>>)| format!("{name}={}", value.as_deref().unwrap_or("null"));
    format!("{{{}}}", attributes.iter().map(pair).collect::<Vec<_>>().join(", "))
}
