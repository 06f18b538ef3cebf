//! Who may call: the tables of the callers with keys, and of the issuers of tokens.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::section::{Section, suggestion};
use super::values::{Address, Digest, Instant, ProxyAddress, Resource, Size};
use crate::auth::jwks;
use crate::auth::rights::{Accounts, Claim, Grant, Rights};
use crate::auth::tokens::Algorithm;
use crate::auth::{self, Caller, Rates};
use crate::model::id::{AccountId, BackendName};
use crate::operations::Scope;

/// The largest token taken, unless it is configured.
const MAX_TOKEN: usize = 8 * 1024;

/// How often keys are read, unless it is configured, and how often at the most.
const REFRESH: Duration = Duration::from_secs(15 * 60);
const SHORTEST_REFRESH: Duration = Duration::from_secs(60);

/// How far clocks may be apart, unless it is configured, and how far at the most: beyond that it is a longer life.
const SKEW: Duration = Duration::from_secs(30);
const LONGEST_SKEW: Duration = Duration::from_secs(5 * 60);

/// The algorithms taken, unless they are configured.
const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EDDSA,
    Algorithm::PS256,
    Algorithm::RS256,
];

const NO_NATIVE: &str =
    "`native:call` cannot be had with accounts: whose records a system's own API gives, the gateway cannot say";

/// Whose tokens are taken.
pub struct Tokens {
    /// The address that callers know this gateway under.
    pub resource: String,
    /// The most bytes of a token.
    pub max_size: usize,
    /// Who issues them; never empty.
    pub issuers: Vec<Issuer>,
}

/// One issuer of tokens.
pub struct Issuer {
    /// What of its tokens is believed.
    pub trust: auth::Issuer,
    /// Where its keys are.
    pub keys: KeySet,
}

/// Where a JSON Web Key Set is.
pub enum KeySet {
    /// In a file, which held keys when the configuration was read.
    File(PathBuf),
    /// On the network.
    Url {
        /// The address.
        url: String,
        /// The proxy to go through.
        proxy: Option<String>,
        /// Further root certificates, PEM.
        roots: Vec<u8>,
    },
}

/// The keys of every caller, as far as they could be read; a rate of its own is added to the rates.
pub(super) fn keys(
    root: &Section<'_>,
    backends: &[BackendName],
    tokens: Option<&Tokens>,
    rates: &mut Rates,
) -> Vec<auth::Key> {
    let sections = root.sections("callers");
    if sections.is_empty() && !root.has("callers") && !root.has("tokens") {
        root.fault(
            "callers",
            "missing; nobody could call. Add a `[[callers]]` table, which `intertie key --name NAME` makes with its key, or a \
             `[tokens]` table",
        );
    }
    let mut names = BTreeSet::new();
    let mut digests = BTreeSet::new();
    let mut keys = Vec::new();
    for section in &sections {
        let name = section.required::<String>("name").unwrap_or_default();
        if !name.is_empty() && !names.insert(name.clone()) {
            section.fault("name", format!("another caller is already named {name:?}"));
        }
        let issuers = tokens.map_or(&[][..], |tokens| &tokens.issuers);
        let start = name.split_once('/').map(|(start, _)| start);
        if issuers.iter().any(|issuer| Some(issuer.trust.name.as_str()) == start) {
            section.fault("name", "callers of the issuer of this name are called so");
        }
        let found = digests_of(section);
        for (n, digest) in &found {
            if !digests.insert(digest.0) {
                let message = "is there already, and a key belongs to one caller";
                match n {
                    Some(n) => section.fault_at("key_sha256", *n, message),
                    None => section.fault("key_sha256", message),
                }
            }
        }
        let scopes = scopes_of(section);
        let allowed = backends_of(section, backends);
        let expires = section.optional::<Instant>("expires").map(|at| at.0);
        let allowed: Option<Vec<&str>> = allowed
            .as_ref()
            .map(|names| names.iter().map(BackendName::as_str).collect());
        let caller = Caller::new(&name, &scopes, allowed.as_deref());
        let accounts = accounts_of(section, backends);
        if accounts.is_some() && scopes.contains(&Scope::NativeCall) {
            section.fault("scopes", NO_NATIVE);
        }
        let caller = Arc::new(match accounts {
            Some(accounts) => caller.bound_to(accounts),
            None => caller,
        });
        let own = super::rate(section, "rate", None);
        if section.has("rate") {
            rates.own.push((Arc::clone(&caller.name), own));
        }
        keys.extend(found.into_iter().map(|(_, digest)| auth::Key {
            digest: digest.0,
            caller: Arc::clone(&caller),
            expires,
        }));
    }
    keys
}

/// The digests of a caller's keys, each with its place if they are a list.
fn digests_of(section: &Section<'_>) -> Vec<(Option<usize>, Digest)> {
    if !section.has_list("key_sha256") {
        let digest = section.required::<Digest>("key_sha256");
        return digest.into_iter().map(|digest| (None, digest)).collect();
    }
    if section.is_empty_list("key_sha256") {
        section.fault("key_sha256", "must not be empty");
    }
    let found = section.list::<Digest>("key_sha256").unwrap_or_default();
    found.into_iter().map(|(n, digest)| (Some(n), digest)).collect()
}

fn scopes_of(section: &Section<'_>) -> Vec<Scope> {
    let scopes = section.list::<Scope>("scopes");
    if !section.has("scopes") {
        section.fault("scopes", "missing; a list of scopes, such as [\"accounts:read\"]");
    } else if section.is_empty_list("scopes") {
        section.fault("scopes", "must not be empty: the caller could do nothing");
    }
    scopes.unwrap_or_default().into_iter().map(|(_, scope)| scope).collect()
}

fn backends_of(section: &Section<'_>, known: &[BackendName]) -> Option<Vec<BackendName>> {
    let named = section.list::<BackendName>("backends")?;
    if section.is_empty_list("backends") {
        section.fault("backends", "must not be empty; leave it out to mean every backend");
    }
    let known_names: Vec<&str> = known.iter().map(BackendName::as_str).collect();
    for (n, name) in &named {
        if !known.contains(name) {
            let nearest = suggestion(name.as_str(), &known_names);
            section.fault_at("backends", *n, format!("there is no backend `{name}`; {nearest}"));
        }
    }
    Some(named.into_iter().map(|(_, name)| name).collect())
}

/// The accounts that a caller is bound to.
fn accounts_of(section: &Section<'_>, known: &[BackendName]) -> Option<Vec<AccountId>> {
    let named = section.list::<AccountId>("accounts");
    if section.is_empty_list("accounts") {
        section.fault("accounts", "must not be empty; leave it out to mean every account");
    }
    let known_names: Vec<&str> = known.iter().map(BackendName::as_str).collect();
    for (n, id) in named.iter().flatten() {
        if !known_names.contains(&id.backend()) {
            let nearest = suggestion(id.backend(), &known_names);
            section.fault_at(
                "accounts",
                *n,
                format!("there is no backend `{}`; {nearest}", id.backend()),
            );
        }
    }
    Some(named?.into_iter().map(|(_, id)| id).collect())
}

/// The issuers of tokens, as far as they could be read.
pub(super) fn tokens(root: &Section<'_>, backends: &[BackendName], max_header_size: usize) -> Option<Tokens> {
    let section = root.has("tokens").then(|| root.section("tokens"))?;
    let resource = section.required::<Resource>("resource").map(|origin| origin.0);
    let max_size = section.or("max_size", Size(MAX_TOKEN)).0;
    if max_size > max_header_size {
        section.fault(
            "max_size",
            "is larger than `server.max_header_size`, and a token comes in a header",
        );
    }
    if !section.has("issuers") || section.is_empty_list("issuers") {
        section.fault("issuers", "missing; add a `[[tokens.issuers]]` table");
    }
    let mut issuers: Vec<Issuer> = Vec::new();
    for table in section.sections("issuers") {
        let Some(issuer) = issuer(&table, resource.as_deref(), backends) else {
            continue;
        };
        let trust = &issuer.trust;
        if issuers.iter().any(|other| other.trust.name == trust.name) {
            table.fault("name", format!("another issuer is already named `{}`", trust.name));
        }
        let twin = |other: &&Issuer| {
            let shared = |audience| trust.audiences.contains(audience);
            other.trust.issuer == trust.issuer && other.trust.audiences.iter().any(shared)
        };
        if let Some(twin) = issuers.iter().find(twin) {
            let other = &twin.trust.name;
            table.fault(
                "issuer",
                format!("is that of `{other}`, too, and so is an audience: a token would be of both"),
            );
        }
        issuers.push(issuer);
    }
    Some(Tokens {
        resource: resource?,
        max_size,
        issuers,
    })
}

fn issuer(section: &Section<'_>, resource: Option<&str>, backends: &[BackendName]) -> Option<Issuer> {
    let name = section.required::<BackendName>("name");
    let issuer = section.required::<Address>("issuer");
    let audiences: Vec<String> = match section.list::<String>("audiences") {
        Some(audiences) => audiences.into_iter().map(|(_, audience)| audience).collect(),
        None => resource.map(str::to_owned).into_iter().collect(),
    };
    let algorithms: Vec<Algorithm> = match section.list::<Algorithm>("algorithms") {
        Some(algorithms) => algorithms.into_iter().map(|(_, algorithm)| algorithm).collect(),
        None => ALGORITHMS.into(),
    };
    for key in ["audiences", "algorithms"] {
        if section.is_empty_list(key) {
            section.fault(key, "must not be empty: no token could be taken");
        }
    }
    let plain = section.or("plain_jwt", false);
    let skew = section.or("skew", SKEW);
    if skew > LONGEST_SKEW {
        section.fault("skew", "must be at most \"5m\"");
    }
    let refresh = section.or("refresh", REFRESH);
    if refresh < SHORTEST_REFRESH {
        section.fault("refresh", "must be at least \"1m\"");
    }
    let keys = key_set(section);
    let rights = rights(section, backends);
    Some(Issuer {
        trust: auth::Issuer {
            name: name?.as_str().to_owned(),
            issuer: issuer?.0,
            audiences,
            algorithms,
            plain,
            skew,
            refresh,
            rights,
        },
        keys: keys?,
    })
}

fn key_set(section: &Section<'_>) -> Option<KeySet> {
    let url = section.optional::<Address>("jwks_url");
    let proxy = section.optional::<ProxyAddress>("proxy").map(|proxy| proxy.0);
    let roots = section.file("extra_roots").unwrap_or_default();
    let path = section.file_path("jwks_file");
    match (section.has("jwks_url"), section.has("jwks_file")) {
        (true, false) => Some(KeySet::Url {
            url: url?.0,
            proxy,
            roots,
        }),
        (false, true) => {
            let (path, text) = path?;
            match jwks::usable(&text) {
                Ok(0) => section.fault("jwks_file", "it holds no key that can be used"),
                Ok(_) => {}
                Err(error) => section.fault("jwks_file", error.message().to_owned()),
            }
            Some(KeySet::File(path))
        }
        (false, false) => {
            section.fault(
                "jwks_url",
                "missing; the issuer's keys are at `jwks_url` or in `jwks_file`",
            );
            None
        }
        (true, true) => {
            section.fault(
                "jwks_file",
                "one place of the keys is enough: `jwks_url` or `jwks_file`",
            );
            None
        }
    }
}

fn rights(section: &Section<'_>, backends: &[BackendName]) -> Rights {
    let claim = |key| section.optional::<String>(key).map(Claim::new);
    let scopes = claim("scope_claim").unwrap_or_else(|| Claim::new("scope"));
    let tables = section.sections("grants");
    let grants = section.has("grants").then(|| {
        let grant = |table: &Section<'_>| {
            let value = table.required::<String>("value");
            let scopes = scopes_of(table);
            if section.has("accounts_claim") && scopes.contains(&Scope::NativeCall) {
                table.fault("scopes", NO_NATIVE);
            }
            value.map(|value| Grant { value, scopes })
        };
        tables.iter().filter_map(grant).collect::<Vec<_>>()
    });
    let allowed = backends_of(section, backends);
    let backends_claim = claim("backends_claim");
    let accounts_claim = claim("accounts_claim");
    let accounts_backend = section.optional::<BackendName>("accounts_backend");
    if let Some(name) = &accounts_backend {
        if !section.has("accounts_claim") {
            section.fault("accounts_backend", "has no meaning without `accounts_claim`");
        }
        if !backends.contains(name) {
            let known: Vec<&str> = backends.iter().map(BackendName::as_str).collect();
            let nearest = suggestion(name.as_str(), &known);
            section.fault("accounts_backend", format!("there is no backend `{name}`; {nearest}"));
        }
    }
    Rights {
        scopes,
        grants,
        backends: allowed,
        backends_claim,
        accounts: accounts_claim.map(|claim| Accounts {
            claim,
            backend: accounts_backend,
        }),
    }
}
