//! The data set: the contract's samples under their own ids, and accounts made by rule around them.

use std::collections::HashMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::Value;

use super::record::{Cell, Record, Reference};
use super::shape::Entity;
use super::world::World;

/// The customer of the samples and of the 2,500 accounts; `Customer` names it too.
pub const CUSTOMER: &str = "Customer1";

/// A customer with nothing but the definition of an attribute for meters, as the contract's workflow A starts.
pub const NEW_CUSTOMER: &str = "ExampleCustomer";

/// Former id, present id and number of the account whose id was changed.
pub const CHANGED_ACCOUNT: (&str, &str, &str) = (
    "5c0c2b3f-7a3e-4f0e-9d11-0d6f5a1e0001",
    "5c0c2b3f-7a3e-4f0e-9d11-0d6f5a1e0002",
    "9004-411-7",
);

/// Former id and number of the account that was deleted; the change log tells of it.
pub const DELETED_ACCOUNT: (&str, &str) = ("5c0c2b3f-7a3e-4f0e-9d11-0d6f5a1e0003", "9004-999-1");

/// Midnight UTC on 30 June 2026, the day the made data ends on.
pub(super) const TODAY: i64 = 1_782_777_600_000;

pub(super) const DAY: i64 = 86_400_000;

const SERVICE_TYPES: [&str; 7] = [
    "Natural Gas",
    "Water",
    "Sewer",
    "Refuse",
    "Steam",
    "Lighting",
    "Irrigation",
];

/// Alias, name, service types, and whether a template exists.
const PROVIDERS: [(&str, &str, &[&str], bool); 19] = [
    ("SouthernCompany", "Southern Company", &["Electric"], true),
    ("GeorgiaNaturalGas", "Georgia Natural Gas", &["Natural Gas"], true),
    ("GeorgiaAmericanWater", "Georgia American Water", &["Water"], true),
    (
        "GeorgiaMembershipCoop",
        "Georgia Membership Cooperative",
        &["Electric"],
        true,
    ),
    ("GeorgiaSolarShare", "Georgia Solar Share", &["Electric"], true),
    ("GeorgiaTransmission", "Georgia Transmission", &["Electric"], false),
    ("GeorgiaWasteServices", "Georgia Waste Services", &["Refuse"], false),
    ("GeorgiaSewerAuthority", "Georgia Sewer Authority", &["Sewer"], false),
    ("LakesideEnergy", "Lakeside Energy", &["Electric", "Natural Gas"], true),
    ("PrairieElectric", "Prairie Electric", &["Electric"], true),
    (
        "HarborSteamAndPower",
        "Harbor Steam & Power",
        &["Electric", "Steam"],
        true,
    ),
    ("NorthfieldGas", "Northfield Gas", &["Natural Gas"], true),
    ("SpringhillGas", "Springhill Gas", &["Natural Gas"], true),
    ("CedarWater", "Cedar Water", &["Water", "Irrigation"], true),
    ("MillbrookWater", "Millbrook Water", &["Water", "Sewer"], true),
    ("CityOfAlder", "City of Alder", &["Water", "Sewer", "Refuse"], true),
    ("CleanHaul", "Clean Haul", &["Refuse"], true),
    ("BrightStreet", "Bright Street Lighting", &["Lighting"], true),
    ("ValleySteam", "Valley Steam", &["Steam"], false),
];

/// The samples, as the contract has them.
pub(super) mod sample {
    pub(in super::super) const ACCOUNT: &str = include_str!("data/account-status.response.json");
    pub(in super::super) const ACCOUNTS: &str = include_str!("data/account-search.response.json");
    pub(in super::super) const CANDIDATES: &str = include_str!("data/account-candidates.response.json");
    pub(in super::super) const CANDIDATE: &str = include_str!("data/workflow-c-1-account-candidates.response.json");
    pub(in super::super) const METER: &str = include_str!("data/meter-status.response.json");
    pub(in super::super) const CREDENTIAL: &str = include_str!("data/credential-status.response.json");
    pub(in super::super) const WORKFLOW_CREDENTIAL: &str =
        include_str!("data/workflow-d-1-credential-search.response.json");
    pub(in super::super) const ATTRIBUTE: &str = include_str!("data/attribute-status.response.json");
    pub(in super::super) const EVENTS: &str = include_str!("data/changelog-search.response.json");
    pub(in super::super) const TEMPLATE: &str = include_str!("data/template-status.response.json");
    pub(in super::super) const SERVICE_TYPE: &str = include_str!("data/service-type-status.response.json");
    pub(in super::super) const PROVIDER: &str = include_str!("data/provider-status.response.json");
}

/// The account of the samples that has more meters than a page.
const MANY_METERS: &str = "0f496f9f-2472-4966-9fcf-0a6889070a49";

/// Everything the system knows at first.
pub(super) fn world() -> World {
    let mut maker = Maker {
        world: World::default(),
        tenant: Arc::from(CUSTOMER),
        common: Arc::from(""),
        words: HashMap::new(),
    };
    maker.world.tenants = vec![Arc::from(CUSTOMER), Arc::from(NEW_CUSTOMER)];
    maker.providers();
    maker.templates();
    maker.attributes();
    let channels = maker.credentials();
    maker.sample_accounts();
    maker.accounts(&channels);
    maker.candidates();
    maker.street();
    maker.events();
    maker.world
}

/// The data set while it is made.
pub(super) struct Maker {
    pub(super) world: World,
    pub(super) tenant: Arc<str>,
    /// The tenant of what all share.
    common: Arc<str>,
    /// Texts that many entities have, kept once.
    pub(super) words: HashMap<&'static str, Arc<str>>,
}

/// A number that is always the same for the same place and question, and otherwise without pattern.
pub(super) fn noise(question: u64, place: u64) -> u64 {
    let mut mixed = (question << 40 ^ place).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A UUID for the entity at a place of a list.
pub(super) fn uuid(list: u64, place: u64) -> String {
    let (high, low) = (noise(100 + list, place), noise(200 + list, place));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0xfff,
        low & 0xffff_ffff_ffff
    )
}

/// Some day in the last `days` days, at some time of it.
pub(super) fn lately(question: u64, place: u64, days: u64) -> Cell {
    let back = noise(question, place) % (days * DAY.unsigned_abs());
    Cell::Date(TODAY - back.cast_signed())
}

/// The entity or entities under `data` of a sample.
fn data(text: &str) -> Vec<Value> {
    let mut body: Value = serde_json::from_str(text).unwrap_or_default();
    match body["data"].take() {
        Value::Array(entries) => entries,
        entry => vec![entry],
    }
}

impl Maker {
    pub(super) fn word(&mut self, text: &'static str) -> Cell {
        Cell::Text(Arc::clone(self.words.entry(text).or_insert_with(|| text.into())))
    }

    pub(super) fn read(&self, entity: Entity, tenant: &Arc<str>, sample: &str) -> Vec<Record> {
        data(sample)
            .iter()
            .map(|value| Record::read(entity, tenant, value))
            .collect()
    }

    pub(super) fn made(&mut self, entity: Entity, tenant: &Arc<str>, id: String) -> Record {
        let (user, created) = (self.word("user1"), Cell::Date(1_445_525_043_973));
        Record::new(entity, tenant)
            .with("id", id)
            .with("created", created.clone())
            .with("modified", created)
            .with("createdByUsername", user.clone())
            .with("lastModifiedByUsername", user)
    }

    /// Service types and providers. The samples give some of them several ids, and each leads to the one entity.
    fn providers(&mut self) {
        let common = Arc::clone(&self.common);
        for kind in self.read(Entity::ServiceType, &common, sample::SERVICE_TYPE) {
            self.world.service_types.put(kind);
        }
        for (place, name) in (0..).zip(SERVICE_TYPES) {
            let kind = self
                .made(Entity::ServiceType, &common, uuid(1, place))
                .with("name", name);
            self.world.service_types.put(kind);
        }
        for provider in self.read(Entity::Provider, &common, sample::PROVIDER) {
            let parent = provider.reference();
            self.world.providers.put(provider);
            self.world
                .providers
                .also("68c2e3ba-8c82-48a4-a6ac-e2686d4e2222", "GeorgiaPower");
            self.world
                .providers
                .also("2532c257-fc5e-4477-a5a1-4afe52a0ebeb", "GeorgiaPower");
            self.made_providers(&common, parent);
        }
        self.world
            .providers
            .also("236e3d5c-0a42-4d61-ae62-8780b6b6c974", "SouthernCompany");
    }

    fn made_providers(&mut self, common: &Arc<str>, georgia_power: Arc<Reference>) {
        for (place, (alias, name, kinds, template)) in (0..).zip(PROVIDERS) {
            let parent = alias == "SouthernCompany";
            let id = if parent {
                "48af363c-36a0-487b-bd78-6acd4610880f".to_owned()
            } else {
                uuid(2, place)
            };
            let known = self.world.service_types.rows().iter();
            let kinds: Vec<_> = known
                .filter(|kind| kinds.contains(&kind.text("name")))
                .map(|kind| kind.reference())
                .collect();
            let classification = match place % 4 {
                0 => self.word("PRIMARY"),
                1 => self.word("BOTH"),
                2 => self.word("SECONDARY"),
                _ => Cell::Null,
            };
            let mut provider = self
                .made(Entity::Provider, common, id)
                .with("providerAlias", alias)
                .with("providerName", name)
                .with("classification", classification)
                .with("serviceTypes", kinds);
            if parent {
                provider.set("childProviders", vec![Arc::clone(&georgia_power)]);
            }
            let provider = self.world.providers.put(provider);
            if template && !parent {
                self.made_template(place, &provider);
            }
        }
    }

    fn made_template(&mut self, place: u64, provider: &Record) {
        let common = Arc::clone(&self.common);
        let alias = provider.text("providerAlias");
        let mut template = self
            .made(Entity::Template, &common, uuid(3, place))
            .with("templateName", format!("{alias}TemplateProvider"))
            .with("website", (place % 5 != 4).then(|| website(alias)))
            .with("utilityProviders", vec![provider.reference()])
            .with("hasPdf", true)
            .with("hasInterval", place.is_multiple_of(3))
            .with("hasHistory", place.is_multiple_of(2))
            .with("hasCsv", place.is_multiple_of(7))
            .with("tracksLoginFailure", place % 3 != 2);
        for name in ["hasHtml", "hasEdi", "hasXls", "hasOcr"] {
            template.set(name, false);
        }
        let template = self.world.templates.put(template);
        if let Some(provider) = self.world.providers.change(alias) {
            provider.set("templateInfos", vec![template.reference()]);
        }
    }

    /// The templates of the samples; the others were made with their providers.
    fn templates(&mut self) {
        let common = Arc::clone(&self.common);
        for template in self.read(Entity::Template, &common, sample::TEMPLATE) {
            let southern = template
                .clone()
                .with("id", "236e3d5c-0a42-4d61-ae62-8780b6b6c974")
                .with("templateName", "SouthernCompanyTemplateProvider")
                .with("website", "https://www.georgiapower.com");
            let mut table = super::world::Table::default();
            table.put(template);
            table.put(southern);
            for made in self.world.templates.rows() {
                table.put(Record::clone(made));
            }
            table.also("2532c257-fc5e-4477-a5a1-4afe52a0ebeb", "GeorgiaPowerTemplateProvider");
            table.also(MANY_METERS, "GeorgiaPowerTemplateProvider");
            self.world.templates = table;
        }
    }

    /// The samples leave `FacilityId` out although it is required, so it is not insisted on.
    fn attributes(&mut self) {
        let tenant = Arc::clone(&self.tenant);
        for attribute in self.read(Entity::Attribute, &tenant, sample::ATTRIBUTE) {
            self.world.attributes.put(attribute);
        }
        let new = Arc::from(NEW_CUSTOMER);
        let names = [
            (&tenant, "attribute1"),
            (&tenant, "attribute2"),
            (&tenant, "SiteID"),
            (&tenant, "CostCenter"),
            (&new, "MeterMixin"),
        ];
        for (place, (tenant, name)) in (0..).zip(names) {
            let attribute = self
                .made(Entity::Attribute, tenant, uuid(4, place))
                .with("required", false)
                .with("name", name)
                .with("cnbdPosition", Decimal::from(if place == 3 { 4 } else { -1 }));
            self.world.attributes.put(attribute);
        }
    }

    /// The credentials of the samples, and those of the made accounts, which are returned.
    fn credentials(&mut self) -> Vec<(Arc<Reference>, Arc<Reference>)> {
        let tenant = Arc::clone(&self.tenant);
        let password = |text: &str| Some(Box::new([Some(Arc::from(text)), None, None, None]));
        for mut credential in self.read(Entity::Credential, &tenant, sample::CREDENTIAL) {
            credential.passwords = password("pass");
            self.world.credentials.put(credential);
        }
        self.world.credentials.also(MANY_METERS, "Customer_1-GeorgiaPower_1");
        for mut credential in self.read(Entity::Credential, &tenant, sample::WORKFLOW_CREDENTIAL) {
            let mut second = credential
                .clone()
                .with("id", uuid(5, 0))
                .with("extractionChannelId", "Customer1_1-GeorgiaPower_2")
                .with("username", "user7")
                .with("username2", Cell::Null)
                .with("message", Cell::Null);
            credential.passwords = password("pass1");
            second.passwords = password("pass7");
            self.world.credentials.put(credential);
            self.world.credentials.put(second);
        }
        let providers = self.world.providers.rows().to_vec();
        // The eight Georgias have 15 credentials each, and the others seven.
        let shares = providers.iter().flat_map(|provider| {
            let georgia = provider.text("providerAlias").starts_with("Georgia");
            std::iter::repeat_n(provider, if georgia { 15 } else { 7 })
        });
        let mut made = Vec::new();
        for (place, provider) in (1_u64..).zip(shares) {
            let credential = self.made_credential(place, provider);
            let credential = self.world.credentials.put(credential);
            made.push((credential.reference(), provider.reference()));
        }
        made
    }

    fn made_credential(&mut self, place: u64, provider: &Record) -> Record {
        let alias = provider.text("providerAlias");
        let tenant = Arc::clone(&self.tenant);
        let template = self.world.templates.rows().iter();
        let template = template
            .filter(|template| {
                template
                    .get("utilityProviders")
                    .references()
                    .iter()
                    .any(|known| known.key.as_deref() == Some(alias))
            })
            .map(|template| template.reference())
            .next();
        let bucket = place % 40 == 39;
        let kind = self.word(if bucket { "S3" } else { "WEB" });
        let broken = place % 9 == 4;
        let message = if broken { self.word("Login failed") } else { Cell::Null };
        let mut credential = self
            .made(Entity::Credential, &tenant, uuid(5, place))
            .with("extractionChannelId", format!("{CUSTOMER}_1-{alias}_{}", 100 + place))
            .with("acquisitionType", kind)
            .with("message", message)
            .with("template", template)
            .with("utilityProvider", provider.reference())
            .with("lastAttempted", lately(11, place, 3))
            .with("enabled", place % 23 != 22)
            .with("intervalDataEnabled", place.is_multiple_of(6));
        if !broken {
            credential.set("lastSuccess", lately(11, place, 3));
        }
        if bucket {
            credential.set("s3BucketName", "bills-of-customer1");
            credential.set("s3FilePrefix", format!("/{alias}"));
        } else {
            credential.set("username", format!("billing+{place}@customer.example"));
            credential.set("url", website(alias));
            if place % 8 == 3 {
                credential.set("username2", "First pet");
            }
            let second = (place % 8 == 3).then(|| Arc::from("Rex"));
            let first = Arc::from(format!("secret-{place}"));
            credential.passwords = Some(Box::new([Some(first), second, None, None]));
        }
        credential
    }

    fn sample_accounts(&mut self) {
        let tenant = Arc::clone(&self.tenant);
        for account in self.read(Entity::Account, &tenant, sample::ACCOUNTS) {
            self.world.accounts.put(account);
        }
        for account in self.read(Entity::Account, &tenant, sample::ACCOUNT) {
            let candidate = account
                .clone()
                .with("enrollmentStatus", Cell::Null)
                .with("monitoringStatus", Cell::Null)
                .with("ebillRequirement", Cell::Null)
                .with("extractionChannels", vec![])
                .with("subscribed", false)
                .with("toBeDelivered", false);
            let mut many = account
                .clone()
                .with("id", MANY_METERS)
                .with("accountNumber", "012345-0001")
                .with("normalizedAccountNumber", "123450001")
                .with("enrollmentStatus", "SUCCESSFUL_DELIVERED")
                .with("extractionStatus", "SUCCESS")
                .with("monitoringStatus", "PRODUCTION");
            many.attributes.clear();
            let fresh = Record::new(Entity::Account, &tenant)
                .with("id", "1e557643-1753-d931-b246-0e384cd92781")
                .with("customerId", CUSTOMER)
                .with("created", account.get("created").clone())
                .with("modified", account.get("modified").clone())
                .with("accountNumber", "22-081-5")
                .with("normalizedAccountNumber", "220815")
                .with("enrollmentStatus", "SUBMITTED")
                .with("monitoringStatus", "UNKNOWN")
                .with("pullHistory", false)
                .with("subscribed", false)
                .with("isSummaryAccount", false)
                .with("toBeDelivered", false)
                .with("ebillRequirement", "DO_NOT_CHANGE")
                .with("utilityProvider", account.get("utilityProvider").clone());
            for account in [account, many, fresh] {
                self.world.accounts.put(account);
            }
            self.world.candidates.put(candidate);
        }
        for sample in [sample::CANDIDATES, sample::CANDIDATE] {
            for candidate in self.read(Entity::Account, &tenant, sample) {
                self.world.candidates.put(candidate);
            }
        }
    }

    /// The account of the samples' meter: a street whose lamps have a meter each, asked for or only found.
    fn street(&mut self) {
        let tenant = Arc::clone(&self.tenant);
        let Some(account) = self.world.accounts.get(MANY_METERS).map(|account| account.reference()) else {
            return;
        };
        for sample in self.read(Entity::Meter, &tenant, sample::METER) {
            self.world.meters.put(sample.clone());
            self.world.candidate_meters.put(sample.clone());
            for place in 0..130_u64 {
                let lamp = sample
                    .clone()
                    .with("id", uuid(9, place))
                    .with("utilityAccount", Arc::clone(&account))
                    .with("meterNumber", format!("meter-{}", 2000 + place))
                    .with("normalizedMeterNumber", format!("meter{}", 2000 + place))
                    .with("serviceType", "LIGHTING");
                let found = lamp
                    .clone()
                    .with("id", uuid(10, place))
                    .with("meterNumber", format!("meter-{}", 3000 + place))
                    .with("normalizedMeterNumber", format!("meter{}", 3000 + place));
                self.world.meters.put(lamp);
                self.world.candidate_meters.put(found);
            }
        }
    }
}

fn website(alias: &str) -> String {
    format!("https://www.{}.example", alias.to_lowercase())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::{data, sample};
    use crate::sandbox::urjanet::portfolio::ACCOUNTS;
    use crate::sandbox::urjanet::record::Record;
    use crate::sandbox::urjanet::shape::Entity;
    use crate::sandbox::urjanet::world::BASE;

    #[test]
    fn samples_are_written_as_they_were_read() {
        for (entity, text) in [
            (Entity::Account, sample::ACCOUNT),
            (Entity::Account, sample::CANDIDATE),
            (Entity::Meter, sample::METER),
            (Entity::Credential, sample::CREDENTIAL),
            (Entity::Attribute, sample::ATTRIBUTE),
            (Entity::Event, sample::EVENTS),
            (Entity::Template, sample::TEMPLATE),
            (Entity::ServiceType, sample::SERVICE_TYPE),
            (Entity::Provider, sample::PROVIDER),
        ] {
            for value in data(text) {
                assert_ne!(value, Value::Null);
                assert_eq!(Record::read(entity, &"".into(), &value).to_value(), value);
            }
        }
    }

    #[test]
    fn every_account_has_an_id_and_a_number_of_its_own() {
        let accounts = BASE.accounts.rows();
        assert_eq!(accounts.len() as u64, ACCOUNTS + 5);
        let ids: HashSet<_> = accounts.iter().map(|account| account.shared("id")).collect();
        assert_eq!(ids.len(), accounts.len());
        let numbers: HashSet<_> = accounts
            .iter()
            .map(|account| account.shared("normalizedAccountNumber"))
            .collect();
        // Two of the contract's samples share one.
        assert_eq!(numbers.len(), accounts.len() - 1);
        let ids: HashSet<_> = BASE.meters.rows().iter().map(|meter| meter.shared("id")).collect();
        assert_eq!(ids.len(), BASE.meters.rows().len());
    }
}
