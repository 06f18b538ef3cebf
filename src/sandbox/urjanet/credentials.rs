//! Creating and changing credentials.

use std::sync::Arc;

use serde_json::Value;

use super::USERNAME;
use super::answer::Refusal;
use super::record::{Cell, Record, Reference};
use super::request::Fields;
use super::shape::Entity;
use super::write::Writer;

/// The names a credential can be entered with.
const USERNAMES: [&str; 4] = ["username", "username2", "username3", "username4"];

/// The passwords, in the same order.
const PASSWORDS: [&str; 4] = ["password", "password2", "password3", "password4"];

impl Writer<'_> {
    pub(super) fn create_credential(&mut self, fields: &Fields) -> Result<Value, Refusal> {
        let tenant = self.world.tenant(fields.key("customerId"))?;
        let kind = fields.text("acquisitionType").unwrap_or("WEB");
        let needed: &[&str] = if kind == "S3" {
            &["s3BucketName"]
        } else {
            &["username", "password"]
        };
        let missing = |name: &&&str| fields.text(name).is_none_or(str::is_empty);
        let findings: Vec<_> = needed
            .iter()
            .filter(missing)
            .map(|name| format!("{name} is required"))
            .collect();
        if !findings.is_empty() {
            return Err(Refusal::invalid(&findings));
        }
        let provider = self.world.provider(fields.key("utilityProviderId"))?;
        let template = match fields.text("templateId") {
            Some(key) => Some(self.world.expect(Entity::Template, key)?.reference()),
            None => self.template(&provider, fields.text("url").unwrap_or_default()),
        };
        let mut credential = self
            .stamped(Record::new(Entity::Credential, &tenant))
            .with("acquisitionType", kind)
            .with("template", template)
            .with("utilityProvider", Arc::clone(&provider))
            .with("url", fields.text("url"))
            .with("enabled", fields.flag("enabled").unwrap_or(true))
            .with(
                "intervalDataEnabled",
                fields.flag("intervalDataEnabled").unwrap_or_default(),
            );
        enter(&mut credential, fields);
        self.alone(&credential)?;
        let alias = provider.key.as_deref().unwrap_or_default();
        let key = self.free_key(fields.key("customerId"), alias);
        credential.set("extractionChannelId", key.as_str());
        let credential = self.world.credentials.put(credential);
        let event = [
            ("extractionChannelId", &*key),
            ("oldValues", "{}"),
            ("newValues", "{enabled=true}"),
        ];
        self.world
            .log(USERNAME, self.now, &tenant, "CredentialStateChangeEvent", &event);
        Ok(credential.to_value())
    }

    /// The first natural key that nobody has, after the pattern of the samples.
    fn free_key(&self, customer: &str, alias: &str) -> String {
        let mut number = 1;
        loop {
            let key = format!("{customer}_1-{alias}_{number}");
            if self.world.credentials.get(&key).is_none() {
                return key;
            }
            number += 1;
        }
    }

    pub(super) fn update_credential(&mut self, fields: &Fields) -> Result<Value, Refusal> {
        let old = Arc::clone(self.world.expect(Entity::Credential, fields.key("id"))?);
        let mut credential = Record::clone(&old);
        if let Some(key) = fields.text("templateId") {
            credential.set("template", self.world.expect(Entity::Template, key)?.reference());
        }
        if let Some(url) = fields.text("url") {
            credential.set("url", url);
        }
        for name in ["enabled", "intervalDataEnabled"] {
            if let Some(flag) = fields.flag(name) {
                credential.set(name, flag);
            }
        }
        enter(&mut credential, fields);
        self.alone(&credential)?;
        self.touch(&mut credential);
        let credential = self.world.credentials.put(credential);
        let key = credential.shared("extractionChannelId");
        let state = |record: &Record| match record.get("enabled") {
            Cell::Flag(true) => "{enabled=true}",
            _ => "{enabled=false}",
        };
        if state(&old) != state(&credential) {
            let event = [
                ("extractionChannelId", &*key),
                ("oldValues", state(&old)),
                ("newValues", state(&credential)),
            ];
            self.world
                .log(USERNAME, self.now, &old.tenant, "CredentialStateChangeEvent", &event);
        }
        let entered = |name: &str| fields.value(name).is_some();
        if USERNAMES.iter().chain(&PASSWORDS).any(|name| entered(name)) {
            let event = [("extractionChannelId", &*key), ("oldValues", "{}"), ("newValues", "{}")];
            self.world
                .log(USERNAME, self.now, &old.tenant, "CredentialInputMapChangeEvent", &event);
        }
        if PASSWORDS.iter().any(|name| entered(name)) {
            self.login_updated(&credential);
        }
        Ok(credential.to_value())
    }

    /// Accounts whose login failed wait for the next run once the password was changed (README, workflow D).
    fn login_updated(&mut self, credential: &Record) {
        let waits = |account: &&Arc<Record>| {
            let key = credential.get("extractionChannelId").text();
            let channels = account.get("extractionChannels").references();
            account.text("monitoringStatus") == "LOGIN_FAILURE"
                && channels.iter().any(|channel| channel.key.as_deref() == key)
        };
        let waiting: Vec<_> = self.world.accounts.rows().iter().filter(waits).cloned().collect();
        for account in waiting {
            let statuses = [("oldStatus", "LOGIN_FAILURE"), ("newStatus", "LOGIN_UPDATED")];
            self.log_account(&account, "MonitoringStatusChangeEvent", &statuses);
            if let Some(account) = self.world.accounts.change(account.text("id")) {
                account.set("monitoringStatus", "LOGIN_UPDATED");
                account.set("modified", Cell::Date(self.now));
            }
        }
    }

    /// Refuses a second credential with the same usernames and provider or template.
    fn alone(&self, credential: &Record) -> Result<(), Refusal> {
        let names = |record: &Record| USERNAMES.map(|name| record.text(name).to_owned());
        let (own, id) = (names(credential), credential.text("id"));
        if own.iter().all(String::is_empty) {
            return Ok(());
        }
        let keys = |record: &Record, name| -> Option<Arc<str>> { record.get(name).references().first()?.key.clone() };
        let same = |other: &&Arc<Record>| {
            let shares = |name| keys(other, name).is_some() && keys(other, name) == keys(credential, name);
            other.text("id") != id && names(other) == own && (shares("utilityProvider") || shares("template"))
        };
        match self.world.credentials.of(&credential.tenant).find(same) {
            Some(_) => Err(Refusal::exists("A credential with this username and provider exists")),
            None => Ok(()),
        }
    }

    /// The template the system chooses: the provider's one for the host of the address, or its first.
    fn template(&self, provider: &Reference, url: &str) -> Option<Arc<Reference>> {
        let serves = |template: &&Arc<Record>| {
            template
                .get("utilityProviders")
                .references()
                .iter()
                .any(|known| known.key == provider.key)
        };
        let mut templates = self.world.templates.rows().iter().filter(serves).peekable();
        let first = templates.peek().map(|template| template.reference());
        let fitting = templates.find(|template| !url.is_empty() && host(template.text("website")) == host(url));
        fitting.map(|template| template.reference()).or(first)
    }
}

/// Takes over usernames, passwords and, where they mean something, the members of a bucket.
fn enter(credential: &mut Record, fields: &Fields) {
    for name in USERNAMES {
        if let Some(text) = fields.text(name) {
            credential.set(name, text);
        }
    }
    for (place, name) in PASSWORDS.into_iter().enumerate() {
        if let Some(text) = fields.text(name) {
            credential.passwords.get_or_insert_default()[place] = Some(text.into());
        }
    }
    if credential.text("acquisitionType") == "S3" {
        for name in ["s3BucketName", "s3FilePrefix"] {
            if let Some(text) = fields.text(name) {
                credential.set(name, text);
            }
        }
    }
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host.trim_start_matches("www.")
}
