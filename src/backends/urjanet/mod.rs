//! Urjanet: the Utility Data API, version 1.0.27, which enrols accounts, meters and the credentials behind them.
//!
//! Sections named here are those of the contract's README; `openapi.yaml` draws the bodies.
//!
//! **Serves** all 28 published endpoints: accounts, meters, credentials, custom attributes, providers, templates,
//! service types, candidates and the change log. It hands out no bills; the newest amount and a few dates are on the
//! account.
//!
//! **Signs in** with a name and a password at the AuthServer ("Access"). Its `expires` is in seconds and comes as text;
//! every other time of this system is in milliseconds. There is nothing to refresh a token with.
//!
//! **Pages** by offset, always with a sort, for as long as `morePages` is true: `nextPageOffset` is filled on the last
//! page too ("Paging"). Three lists take no paging input; where one says that there is more, the matching search takes
//! over.
//!
//! **Says no** by status and by `FAILURE` in a 200 ("Errors"). See `verdict`.
//!
//! **The native road** leads to everything below `base_url` but the AuthServer's login, wherever that is. The system's own
//! 4xx and its 501 are passed on, and so is `FAILURE` in a 200 if its code is about the request; a failure without a code
//! that is listed is kept back as one of the system. What the system never returns, passwords, it does not return here.
//!
//! **An account's id may change** ("Ids"). An account's key therefore holds provider and normalised number too, and
//! when the known id answers 404 the account is looked up by them, once. Records that name their account by id alone,
//! such as meters, give a shorter key, which cannot be found again. A meter is answered only under the account it
//! belongs to.
//!
//! **Money** is a number without a currency: it has the configured one or is left out, never guessed.
//!
//! **Times** are milliseconds since 1970. Where the model has a day, it is the day in `time_zone` (inferred: no zone is
//! stated).
//!
//! **Status.** Three fields that do not replace each other stand under `enrollment` as they come. `status` is made of
//! them: neither subscribed nor delivered is `CLOSED`, ever extracted is `ACTIVE`, anything before is `PENDING`
//! (decided here).
//!
//! **Updates** are sparse, and no null is sent but for values of custom attributes: whether one clears a field is not
//! stated. What a caller empties is refused instead.
//!
//! **Secrets** of credentials are written and never read, logged, kept or put into an address.
//!
//! **Not confirmed:** the shape of details in failures, the searchable fields (among them `serviceTypeId` of providers,
//! `utilityAccountId` of meters and `timestamp` of changes), the values of `serviceType`, token life, rate limits.

mod calls;
mod keys;
mod login;
mod map;
mod owner;
mod search;
mod verdict;
mod wire;

use std::sync::Arc;

use secrecy::SecretString;

use self::calls::Urjanet;
use super::{Backend, Limits, native};
use crate::error::{Error, Result};
use crate::model::id::BackendName;
use crate::model::money::Currency;
use crate::model::time::Zone;
use crate::operations::accounts::{
    CloseAccount, CreateAccount, GetAccount, GetBillingSchedule, SearchAccounts, UpdateAccount,
};
use crate::operations::candidates::{EnrollCandidate, SearchCandidateAccounts, SearchCandidateMeters};
use crate::operations::changes::SearchChanges;
use crate::operations::credentials::{
    CreateCredential, GetCredential, MatchCredentials, SearchCredentials, UpdateCredential,
};
use crate::operations::custom_attributes::{
    CreateCustomAttribute, GetCustomAttribute, SearchCustomAttributes, UpdateCustomAttribute,
};
use crate::operations::filter::{
    AccountFields, CredentialFields, CustomAttributeFields, Fields, MeterFields, TemplateFields,
};
use crate::operations::meters::{CreateMeter, GetMeter, ListMeters, SearchMeters, UpdateMeter};
use crate::operations::native::CallNative;
use crate::operations::providers::{GetProvider, SearchProviders};
use crate::operations::service_types::{GetServiceType, ListServiceTypes};
use crate::operations::templates::{GetTemplate, SearchTemplates};
use crate::upstream::{Credentials, Settings, Upstream, bearer, tokens};

/// What an Urjanet backend needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The API's base address, `https://api.urjanet.net/api/v1`.
    pub base_url: String,
    /// The AuthServer's login, `https://auth.urjanet.net/api/login`.
    pub login_url: String,
    /// The user's name.
    pub username: String,
    /// The user's password.
    pub password: SecretString,
    /// The customer whose accounts these are; every search and every create names it.
    pub customer_id: String,
    /// The currency of amounts, which have none of their own; without it no amount is given.
    pub currency: Option<Currency>,
    /// The zone in which instants are days.
    pub time_zone: Zone,
    /// How calls are timed, limited and repeated.
    pub road: Settings,
}

/// What `providers.search` can be filtered by.
const PROVIDER_FILTERS: &[&str] = &[
    "service_type",
    "alias",
    "alias[*]",
    "name",
    "name[*]",
    "classification",
    "classification[*]",
    "parent",
    "parent[*]",
    "created_at",
    "created_at[*]",
    "updated_at",
    "updated_at[*]",
];

/// Builds the backend and lists what it serves. Nothing is sent.
///
/// # Errors
/// `Invalid` if an address is not HTTPS ("Access") and not on this machine, or if the proxy or a root certificate
/// cannot be used.
pub fn connect(name: BackendName, config: Config, tokens: Arc<tokens::Cache>) -> Result<Backend> {
    for (member, url) in [("base_url", &config.base_url), ("login_url", &config.login_url)] {
        if !is_safe(url) {
            return Err(Error::parameter(
                member,
                "an absolute https address without user, query or fragment is due; plain http only on this machine",
            ));
        }
    }
    let login_url = config.login_url.clone();
    let login = login::Login::new(
        config.login_url,
        config.username,
        config.password,
        config.road.attempt_timeout,
    );
    let credentials = Credentials {
        tokens,
        key: login.key(),
        grant: Arc::new(login),
        present: bearer(),
    };
    let upstream = Upstream::connect(name.as_str(), config.road, Some(credentials), verdict::judge)?;
    let base = config.base_url.trim_end_matches('/').to_owned();
    let raw = Arc::new(native::Raw {
        base: base.clone(),
        road: upstream.judged_by(verdict::native),
        reserved: Some(login_url),
        stamp: Box::new(|cx, _, headers| calls::stamp(cx, headers)),
    });
    let adapter = Arc::new(Urjanet {
        name: name.clone(),
        base,
        customer: config.customer_id,
        currency: config.currency,
        zone: config.time_zone,
        upstream: upstream.clone(),
    });
    let plain = Limits::default();
    let paged = |filters: &'static [&'static str]| Limits { filters, pages: true };
    Ok(Backend::new(name, "urjanet", upstream)
        .owned_by(&adapter)
        .serves::<GetAccount>(&adapter, plain)
        .serves::<SearchAccounts>(&adapter, paged(AccountFields::ALL))
        .serves::<CreateAccount>(&adapter, plain)
        .serves::<UpdateAccount>(&adapter, plain)
        .serves::<CloseAccount>(&adapter, plain)
        .serves::<GetBillingSchedule>(&adapter, plain)
        .serves::<ListMeters>(&adapter, plain)
        .serves::<SearchMeters>(&adapter, paged(MeterFields::ALL))
        .serves::<GetMeter>(&adapter, plain)
        .serves::<CreateMeter>(&adapter, plain)
        .serves::<UpdateMeter>(&adapter, plain)
        .serves::<SearchCredentials>(&adapter, paged(CredentialFields::ALL))
        .serves::<MatchCredentials>(&adapter, paged(&[]))
        .serves::<GetCredential>(&adapter, plain)
        .serves::<CreateCredential>(&adapter, plain)
        .serves::<UpdateCredential>(&adapter, plain)
        .serves::<SearchProviders>(&adapter, paged(PROVIDER_FILTERS))
        .serves::<GetProvider>(&adapter, plain)
        .serves::<SearchTemplates>(&adapter, paged(TemplateFields::ALL))
        .serves::<GetTemplate>(&adapter, plain)
        .serves::<ListServiceTypes>(&adapter, plain)
        .serves::<GetServiceType>(&adapter, plain)
        .serves::<SearchCustomAttributes>(&adapter, paged(CustomAttributeFields::ALL))
        .serves::<CreateCustomAttribute>(&adapter, plain)
        .serves::<GetCustomAttribute>(&adapter, plain)
        .serves::<UpdateCustomAttribute>(&adapter, plain)
        .serves::<SearchCandidateAccounts>(&adapter, paged(AccountFields::ALL))
        .serves::<SearchCandidateMeters>(&adapter, paged(MeterFields::ALL))
        .serves::<EnrollCandidate>(&adapter, plain)
        .serves::<SearchChanges>(&adapter, paged(search::CHANGE_FILTERS))
        .serves::<CallNative>(&raw, plain))
}

/// Plain HTTP is not served and would show passwords; on this machine it shows them to nobody.
fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return false;
    };
    let here = uri
        .host()
        .is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    let whole = uri
        .authority()
        .is_some_and(|authority| !authority.as_str().contains('@'))
        && uri.query().is_none()
        && !url.contains('#');
    whole && (uri.scheme_str() == Some("https") || (uri.scheme_str() == Some("http") && here))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_https_unless_on_this_machine() {
        for url in [
            "https://api.urjanet.net/api/v1",
            "http://127.0.0.1:8080/x",
            "http://[::1]:1/x",
        ] {
            assert!(is_safe(url), "{url}");
        }
        for url in [
            "http://api.urjanet.net/api/v1",
            "https://u@h/x",
            "https://h/x?y=1",
            "https://h/#x",
            "/x",
            "ftp://h/",
        ] {
            assert!(!is_safe(url), "{url}");
        }
    }
}
