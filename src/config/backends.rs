//! The tables of the backends: what they have in common, and one function for each kind.

use std::time::Duration;

use super::Backend;
use super::section::{Section, suggestion};
use super::values::{Address, Host, ProxyAddress, Size, Value};
use crate::backends::{Config, crmcom, gentrack, kraken, tmf678, urjanet};
use crate::model::id::BackendName;
use crate::model::time::Zone;
use crate::upstream::Settings;

/// The most calls that can be allowed under way at once at one backend.
const MOST_CALLS: u32 = 100_000;

/// Every backend's name as far as it could be read, and the backends if all could.
pub(super) fn all(root: &Section<'_>, deadline: Duration) -> (Vec<BackendName>, Option<Vec<Backend>>) {
    let sections = root.sections("backends");
    if sections.is_empty() && !root.has("backends") {
        root.fault(
            "backends",
            "missing; there is nothing to call. Add a `[[backends]]` table",
        );
    }
    let mut names: Vec<BackendName> = Vec::new();
    let mut backends = Some(Vec::new());
    for section in sections {
        let name = section.required::<BackendName>("name");
        if let Some(name) = &name {
            if names.contains(name) {
                section.fault("name", format!("another backend is already named `{name}`"));
            }
            names.push(name.clone());
        }
        let config = one(section, deadline);
        match (name.zip(config), &mut backends) {
            (Some((name, config)), Some(backends)) => backends.push(Backend { name, config }),
            _ => backends = None,
        }
    }
    (names, backends)
}

fn one(section: Section<'_>, deadline: Duration) -> Option<Config> {
    const KINDS: [&str; 5] = ["gentrack", "kraken", "tmf678", "crmcom", "urjanet"];
    let kind = section.required::<String>("kind");
    match kind.as_deref() {
        Some("gentrack") => self::gentrack(&section, deadline).map(Config::Gentrack),
        Some("kraken") => self::kraken(&section, deadline).map(Config::Kraken),
        Some("tmf678") => self::tmf678(&section, deadline).map(Config::Tmf678),
        Some("crmcom") => self::crmcom(&section, deadline).map(Config::Crmcom),
        Some("urjanet") => self::urjanet(&section, deadline).map(Config::Urjanet),
        kind => {
            if let Some(kind) = kind {
                section.fault("kind", format!("no such kind; {}", suggestion(kind, &KINDS)));
            }
            section.give_up();
            None
        }
    }
}

fn gentrack(section: &Section<'_>, deadline: Duration) -> Option<gentrack::Config> {
    let base_url = section.required::<Address>("base_url");
    let token_url = section.required::<Address>("token_url");
    let client_id = section.required::<String>("client_id");
    let client_secret = section.required_secret("client_secret");
    let scope = section.optional("scope");
    let time_zone = section.required("time_zone");
    let road = road(&section.section("road"), deadline);
    Some(gentrack::Config {
        base_url: base_url?.0.trim_end_matches('/').to_owned(),
        token_url: token_url?.0,
        client_id: client_id?,
        client_secret: client_secret?,
        scope,
        time_zone: time_zone?,
        road: road?,
    })
}

impl Value for kraken::Edition {
    const EXPECTED: &'static str = "\"us\" or \"gb\"";

    fn read(value: &toml::de::DeValue<'_>) -> Result<Self, String> {
        match value.as_str() {
            Some("us") => Ok(Self::Us),
            Some("gb") => Ok(Self::Gb),
            _ => Err(format!("must be {}", Self::EXPECTED)),
        }
    }
}

fn kraken(section: &Section<'_>, deadline: Duration) -> Option<kraken::Config> {
    let endpoint = section.required::<Address>("endpoint");
    let edition = section.or("edition", kraken::Edition::default());
    let credential = credential(section);
    let authorization_prefix = section.optional("authorization_prefix");
    let currency = section.required("currency");
    let time_zone = section.required("time_zone");
    let document_hosts = section.list::<Host>("document_hosts").unwrap_or_default();
    let max_document = section.or("max_document", Size(kraken::MAX_DOCUMENT)).0;
    let road = road(&section.section("road"), deadline);
    Some(kraken::Config {
        edition,
        endpoint: endpoint?.0,
        credential: credential?,
        authorization_prefix,
        currency: currency?,
        time_zone: time_zone?,
        document_hosts: document_hosts.into_iter().map(|(_, host)| host.0).collect(),
        max_document,
        road: road?,
    })
}

fn urjanet(section: &Section<'_>, deadline: Duration) -> Option<urjanet::Config> {
    let base_url = section.required::<Address>("base_url");
    let login_url = section.required::<Address>("login_url");
    let username = section.required::<String>("username");
    let password = section.required_secret("password");
    let customer_id = section.required::<String>("customer_id");
    let currency = section.optional("currency");
    let time_zone = section.or("time_zone", Zone::utc());
    let road = road(&section.section("road"), deadline);
    Some(urjanet::Config {
        base_url: base_url?.0.trim_end_matches('/').to_owned(),
        login_url: login_url?.0,
        username: username?,
        password: password?,
        customer_id: customer_id?,
        currency,
        time_zone,
        road: road?,
    })
}

fn credential(section: &Section<'_>) -> Option<kraken::Credential> {
    let api_key = section.secret("api_key");
    let organization_secret = section.secret("organization_secret");
    let email = section.optional::<String>("email");
    let password = section.secret("password");
    let given: Vec<_> = ["api_key", "organization_secret", "email"]
        .into_iter()
        .filter(|key| section.has(key) || (*key == "email" && section.has("password")))
        .collect();
    match given[..] {
        ["api_key"] => api_key.map(kraken::Credential::ApiKey),
        ["organization_secret"] => organization_secret.map(kraken::Credential::OrganizationSecret),
        ["email"] => {
            for (key, what) in [("email", "`password` needs it"), ("password", "`email` needs it")] {
                if !section.has(key) {
                    section.fault(key, format!("missing; {what}"));
                }
            }
            let (email, password) = email.zip(password)?;
            Some(kraken::Credential::Password { email, password })
        }
        [] => {
            section.fault(
                "api_key",
                "missing; the login is `api_key`, or `organization_secret`, or `email` and `password`",
            );
            None
        }
        [_, second, ..] => {
            section.fault(
                second,
                "one login is enough: `api_key`, or `organization_secret`, or `email` and `password`",
            );
            None
        }
        [_] => None,
    }
}

impl Value for tmf678::CredentialHeaders {
    const EXPECTED: &'static str = "\"underscore\", \"hyphen\" or \"both\"";

    fn read(value: &toml::de::DeValue<'_>) -> Result<Self, String> {
        match value.as_str() {
            Some("underscore") => Ok(Self::Underscore),
            Some("hyphen") => Ok(Self::Hyphen),
            Some("both") => Ok(Self::Both),
            _ => Err(format!("must be {}", Self::EXPECTED)),
        }
    }
}

fn tmf678(section: &Section<'_>, deadline: Duration) -> Option<tmf678::Config> {
    let base_url = section.required::<Address>("base_url");
    let client_id = section.required::<String>("client_id");
    let client_secret = section.required_secret("client_secret");
    let credential_headers = section.or("credential_headers", tmf678::CredentialHeaders::default());
    let units = units(section);
    let channel = section.optional::<String>("channel");
    let time_zone = section.required("time_zone");
    let list_bills = section.or("list_bills", false);
    let road = road(&section.section("road"), deadline);
    Some(tmf678::Config {
        base_url: base_url?.0.trim_end_matches('/').to_owned(),
        client_id: client_id?,
        client_secret: client_secret?,
        credential_headers,
        units: units?,
        channel,
        time_zone: time_zone?,
        list_bills,
        road: road?,
    })
}

fn crmcom(section: &Section<'_>, deadline: Duration) -> Option<crmcom::Config> {
    let base_url = section.required::<Address>("base_url");
    let web_api_key = section.secret("web_api_key");
    let credential = if section.has("web_api_key") {
        for key in ["username", "password", "organisation"] {
            if section.has(key) {
                section.fault(
                    key,
                    "one login is enough: `web_api_key`, or `username`, `password` and `organisation`",
                );
            }
        }
        // Read, so that they are not unknown settings as well.
        let _ = (section.optional::<String>("username"), section.secret("password"));
        let _ = section.optional::<String>("organisation");
        web_api_key.map(crmcom::Credential::WebApiKey)
    } else {
        let username = section.required::<String>("username");
        let password = section.required_secret("password");
        let organisation = section.required::<String>("organisation");
        username
            .zip(password)
            .zip(organisation)
            .map(|((username, password), organisation)| crmcom::Credential::Password {
                username,
                password,
                organisation,
            })
    };
    let unit = section.optional("unit");
    let token_life = section.positive("token_life", crmcom::TOKEN_LIFE);
    let time_zone = section.required("time_zone");
    let road = road(&section.section("road"), deadline);
    Some(crmcom::Config {
        base_url: base_url?.0.trim_end_matches('/').to_owned(),
        credential: credential?,
        unit,
        token_life,
        time_zone: time_zone?,
        road: road?,
    })
}

fn units(section: &Section<'_>) -> Option<Vec<tmf678::Unit>> {
    let tables = section.sections("units");
    if !section.has("units") || section.is_empty_list("units") {
        section.fault(
            "units",
            "missing; a list of business units, such as [{ business_id = \"PA\" }]",
        );
        return None;
    }
    if tables.is_empty() {
        return None;
    }
    let mut units: Option<Vec<tmf678::Unit>> = Some(Vec::with_capacity(tables.len()));
    let mut names = Vec::new();
    for table in tables {
        let business_id = table.required::<String>("business_id");
        if let Some(name) = &business_id {
            if names.contains(name) {
                table.fault("business_id", format!("another unit is already `{name}`"));
            }
            names.push(name.clone());
        }
        let unit = business_id.map(|business_id| tmf678::Unit {
            business_id,
            bss: table.optional("bss"),
            lob: table.optional("lob"),
            target_system: table.optional("target_system"),
            pdf_by_query: table.or("pdf_by_query", false),
        });
        match (unit, &mut units) {
            (Some(unit), Some(units)) => units.push(unit),
            _ => units = None,
        }
    }
    units
}

fn road(section: &Section<'_>, deadline: Duration) -> Option<Settings> {
    let default = Settings::default();
    let settings = Settings {
        attempt_timeout: section.positive("attempt_timeout", default.attempt_timeout),
        connect_timeout: section.positive("connect_timeout", default.connect_timeout),
        idle: section.or("idle", default.idle),
        concurrency: section.within("concurrency", 1..=MOST_CALLS, default.concurrency as u32) as usize,
        attempts: section.within("attempts", 1..=10, default.attempts),
        retry_within: section.positive("retry_within", default.retry_within),
        backoff: section.positive("backoff", default.backoff),
        max_request: section.or("max_request", Size(default.max_request)).0,
        max_reply: section.or("max_reply", Size(default.max_reply)).0,
        proxy: section.optional::<ProxyAddress>("proxy").map(|proxy| proxy.0),
        roots: section.file("extra_roots").unwrap_or_default(),
    };
    let around = [
        (
            "connect_timeout",
            settings.connect_timeout,
            "attempt_timeout",
            settings.attempt_timeout,
        ),
        (
            "attempt_timeout",
            settings.attempt_timeout,
            "retry_within",
            settings.retry_within,
        ),
        ("retry_within", settings.retry_within, "server.deadline", deadline),
    ];
    for (inner, time, outer, limit) in around {
        if time > limit {
            let outer = if outer.contains('.') {
                outer.to_owned()
            } else {
                section.path(outer)
            };
            section.fault(
                inner,
                format!("{time:?} is longer than the clock around it, `{outer}`, {limit:?}"),
            );
        }
    }
    Some(settings)
}
