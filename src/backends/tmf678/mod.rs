//! TMF678: the "Customer Bill Management Biz API", in the style of TM Forum's TMF678, before several billing systems.
//!
//! Sections named here are those of the contract's README; `openapi.yaml` draws the bodies. One operation is documented,
//! reading one bill, with 23 answers; the list of an account's bills is known from neighbouring pages only (§5).
//!
//! **Serves** `bills.get` and `bills.document` (PDF and text). With `list_bills` also `bills.list` and `payments.list`; both
//! are inferred. Payments are what bills say was counted against them: no other road leads from an account to them, so
//! they come and go with the list, and only the parts applied are known, not whole payments. A bill by itself names its
//! applied payments with or without the setting.
//!
//! **Signs in** with two headers in every call (§1): `client_id` and `client_secret`, or `client-id` and `client-secret`, or
//! both pairs. Which pair a deployment enforces is not documented. There are no tokens: a refusal is not repeated.
//!
//! **Routes** by business unit (in the path), `bss`, `lob` and `targetSystem` (§2). No rule is documented and the lists of
//! values disagree, so all of it is configuration, one entry for each business unit. A bill id belongs to a system behind
//! a unit, so keys hold all of them; see `keys`. Only configured units are asked. The account goes along wherever it is
//! known.
//!
//! **Sends** `X-Correlation-ID`: our request id, with a count behind it from an operation's second call on. `channeId` is
//! spelt with one l.
//!
//! **Pages** by `offset` and `limit`, 5 at the most (§1), in the inferred list only. It is read whole and pages are cut out
//! of it, since its order is not documented. An end of the period is always sent: one unit would answer a year otherwise.
//!
//! **Says no** by status (§4), and by a code inside `description` where a 404 means four things. No route to a system is not a
//! missing bill: it is `Refused`. No bills in the period is an empty list. A 501 is not remembered: it costs one call, and
//! a unit that gains the operation is served at once. See `verdict`.
//!
//! **Money** is `{unit, value}`, read exactly from a number or a text, positive when the customer owes; no amount is derived
//! from another. **Dates** come in three spellings; the day written is taken and never moved, because a midnight in UTC is
//! how this API writes a day, and the clock of times without a zone is off by twelve hours in an example (§3). The end of
//! a billing period is the last day billed (inferred: the example runs from the 4th to the 3rd).
//!
//! **The native road** leads to everything below `base_url`; the business unit is the first part of the path the caller
//! writes. The unit's routing headers and `channeId` go along where the caller says nothing else, the credentials and
//! `X-Correlation-ID` in any case; a unit that is not configured has no routing headers, and the system says whether it
//! serves it. Its own 4xx and its 501 are passed on, each kind of 404 included; 401 and 403 are the gateway's own matter.
//! Links are passed on as the system writes them.
//!
//! **Whose record is it?** A bill's account is in its summary. A key that names an account is served only if the reply names
//! the same; a document without an account costs a second call for the summary. A key without an account belongs to
//! nobody until it is read: callers bound to accounts must not use one.
//!
//! **Oddities.** Links point at internal hosts: they are not read, and `include=native` leaves them out. `name` is a share
//! path: it becomes a safe file name. `content` may be absent, blank, cut off or lie about its kind. `size` is not a check.
//! The identifiers of documents and payments are not keys. A bill without a category is `OTHER`, without a state has no
//! status. The scale of tax rates is not documented; the amounts decide.
//!
//! **Not confirmed:** the whole of the list, what a missing category means, whether 403 has a body, how 401 differs from a
//! header that was dropped on the way.

mod calls;
mod keys;
mod map;
mod native;
mod owner;
mod verdict;
mod wire;

use std::sync::Arc;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use self::calls::{BSS, Prepared, Tmf678};
use super::native::Raw;
use super::wire::is_base;
use super::{Backend, Limits};
use crate::error::{Error, Result};
use crate::model::id::BackendName;
use crate::model::time::Zone;
use crate::operations::bills::{GetBill, GetBillDocument, ListBills};
use crate::operations::native::CallNative;
use crate::operations::payments::ListPayments;
use crate::upstream::{Settings, Upstream};

/// What a TMF678 backend needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The API's address with its path, `https://<host>/tmf-api/customerBillManagement/v1`; the business unit follows.
    pub base_url: String,
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
    /// Which pair of header names carries them.
    pub credential_headers: CredentialHeaders,
    /// The business units that may be asked. Keys that name none are of the first.
    pub units: Vec<Unit>,
    /// The channel to business, sent as `channeId`: `agentportal`, `ecom`, `mobile`, `selfportal`, `BUS` or another.
    pub channel: Option<String>,
    /// The business units' time zone, by its IANA name: says which day is today when bills are listed.
    pub time_zone: Zone,
    /// Whether to serve `bills.list`, and `payments.list` from it. The call for it is inferred, not documented.
    pub list_bills: bool,
    /// How calls are timed, limited and repeated.
    pub road: Settings,
}

/// One business unit and the headers that steer its calls. Values are not checked against the documented ones: those are
/// fewer than the systems there are.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// Its code in the path, such as `PA`.
    pub business_id: String,
    /// The system asked, such as `liberate`; a key that names a system comes before it.
    pub bss: Option<String>,
    /// The line of business, such as `FIXED`.
    pub lob: Option<String>,
    /// The target system, such as `aria`.
    pub target_system: Option<String>,
    /// Whether PDFs are asked for in the query, too: the system comverse1 is documented to heed only that.
    pub pdf_by_query: bool,
}

/// Which pair of header names carries the credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CredentialHeaders {
    /// `client_id` and `client_secret`, the lasting ones. Some intermediaries drop names with an underscore.
    Underscore,
    /// `client-id` and `client-secret`, called temporary, and named by the documented refusal.
    Hyphen,
    /// Both pairs with the same values.
    #[default]
    Both,
}

/// The shortest credential the hyphenated headers take (§1).
const SHORTEST: usize = 5;

/// Builds the backend and lists what it serves. Nothing is sent.
///
/// # Errors
/// `Invalid` if the address, a business unit, a header's value, the proxy or a root certificate cannot be used.
pub fn connect(name: BackendName, config: Config) -> Result<Backend> {
    let upstream = Upstream::connect(name.as_str(), config.road.clone(), None, verdict::judge)?;
    over(name, config, upstream)
}

fn over(name: BackendName, config: Config, upstream: Upstream) -> Result<Backend> {
    if !is_base(&config.base_url) {
        return Err(Error::parameter(
            "base_url",
            "an absolute http or https address without user, query or fragment is due",
        ));
    }
    let common = common(&config)?;
    let adapter = Arc::new(Tmf678 {
        name: name.clone(),
        base: config.base_url.trim_end_matches('/').to_owned(),
        units: prepared(&config.units, &common)?,
        common,
        zone: config.time_zone,
        upstream: upstream.clone(),
    });
    let stamped = Arc::clone(&adapter);
    let raw = Arc::new(Raw {
        base: adapter.base.clone(),
        road: upstream.judged_by(verdict::native),
        reserved: None,
        stamp: Box::new(move |cx, path, headers| stamped.stamp(cx, path, headers)),
    });
    let backend = Backend::new(name, "tmf678", upstream)
        .owned_by(&adapter)
        .serves::<GetBill>(&adapter, Limits::default())
        .serves::<GetBillDocument>(&adapter, Limits::default())
        .serves::<CallNative>(&raw, Limits::default());
    if !config.list_bills {
        return Ok(backend);
    }
    let filters = Limits {
        // Nothing says which bill took another's place: they are all listed, with and without the last.
        filters: &["from", "to", "kind", "include=superseded"],
        ..Limits::default()
    };
    Ok(backend
        .serves::<ListBills>(&adapter, filters)
        // Payments may have no date, so a filter by date would hide some without a word.
        .serves::<ListPayments>(&adapter, Limits::default()))
}

/// The headers of every call.
fn common(config: &Config) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    set(&mut headers, "channel", "channeid", config.channel.as_deref())?;
    let secret = config.client_secret.expose_secret();
    if config.credential_headers != CredentialHeaders::Hyphen {
        set_secret(&mut headers, "client_id", "client_id", &config.client_id)?;
        set_secret(&mut headers, "client_secret", "client_secret", secret)?;
    }
    if config.credential_headers != CredentialHeaders::Underscore {
        for (member, value) in [("client_id", &*config.client_id), ("client_secret", secret)] {
            if value.len() < SHORTEST {
                return Err(Error::parameter(
                    member,
                    "the hyphenated headers take at least 5 characters",
                ));
            }
        }
        set_secret(&mut headers, "client_id", "client-id", &config.client_id)?;
        set_secret(&mut headers, "client_secret", "client-secret", secret)?;
    }
    Ok(headers)
}

fn prepared(units: &[Unit], common: &HeaderMap) -> Result<Vec<Prepared>> {
    if units.is_empty() {
        return Err(Error::parameter("units", "at least one business unit is due"));
    }
    let mut all: Vec<Prepared> = Vec::with_capacity(units.len());
    for unit in units {
        let known = all.iter().any(|known| known.business_id == unit.business_id);
        if known || !keys::is_word(&unit.business_id) {
            return Err(Error::parameter(
                "units",
                "each `business_id` is due once, of letters, digits, `-` and `_`",
            ));
        }
        let mut headers = common.clone();
        set(&mut headers, "bss", BSS.as_str(), unit.bss.as_deref())?;
        set(&mut headers, "lob", "lob", unit.lob.as_deref())?;
        set(
            &mut headers,
            "target_system",
            "targetsystem",
            unit.target_system.as_deref(),
        )?;
        all.push(Prepared {
            business_id: unit.business_id.clone(),
            headers,
            pdf_by_query: unit.pdf_by_query,
        });
    }
    Ok(all)
}

/// Sets a header that a member of the configuration gives. Names of headers are of one case in HTTP.
fn set(headers: &mut HeaderMap, member: &'static str, name: &str, value: Option<&str>) -> Result<()> {
    let Some(value) = value else {
        return Ok(());
    };
    let unusable = || Error::parameter(member, "not the value of a header");
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
    let value = HeaderValue::from_str(value).ok().filter(|value| !value.is_empty());
    headers.insert(name, value.ok_or_else(unusable)?);
    Ok(())
}

fn set_secret(headers: &mut HeaderMap, member: &'static str, name: &'static str, value: &str) -> Result<()> {
    set(headers, member, name, Some(value))?;
    if let Some(value) = headers.get_mut(name) {
        value.set_sensitive(true);
    }
    Ok(())
}
