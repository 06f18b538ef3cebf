//! Gentrack: the REST API of its billing systems, as the vendor's connector describes it.
//!
//! Sections named here are those of the contract's README; `openapi.yaml` draws the bodies. The contract is reconstructed:
//! it marks what the vendor states, what was seen in public code, and what is inferred.
//!
//! **Signs in** by OAuth 2 client credentials at a token endpoint that is configured on its own ("Token"). The credentials
//! select the tenant. One token is shared by all calls; a 401 costs one new token and one repeat.
//!
//! **Sends** `X-Trace-Id` (our request id) and `X-On-Behalf-Of` (the caller) with every call ("Headers"). Where the contract
//! takes the transaction headers, an intended change has one id and one date-time: by the caller's `Idempotency-Key`, caller
//! and content, so that the caller's own repeat is the same transaction; without a key, one for each call. Part number and
//! total are left out, as nothing is split.
//!
//! **Repeats** reads, PUT, DELETE, `validateMeterReadings`, and the POSTs with transaction headers; never a review, an
//! arrangement, a payment method, a refund, a bill's correction or readings ("Error kinds").
//!
//! **Masks** bank accounts, cards and identity documents to their last four, whatever the system sends. The system's own
//! records of payment methods, arrangements and contacts are not handed out for it.
//!
//! **Parties** (customers, organisations, contacts) have the reference alone for a key. Writes of them answer nothing, or the
//! new reference; a PUT is taken to change the members it names (inferred), and no member can be emptied. A hierarchy goes
//! out in one part. `post` as the way of a contact's bills can be read and not set: which field it names is not public.
//! Custom attributes of an account are its `extensions`, laid over those it has.
//!
//! **Pages** never ("Paging"): whole lists are read and pages are cut out of them. A position is the last item given.
//! The optional date range of bills and transactions is not sent: which date it is compared with is not stated, and a
//! transaction's direction needs the entry before it. Both lists are narrowed here instead, half-open.
//!
//! **Says no** by status; the body of errors is not public ("Error kinds"). See `verdict`.
//!
//! **Money** is JSON numbers in major units with the currency beside them, read exactly. A balance is positive when the
//! customer owes. **Times** are local without offset and are read in the configured `time_zone`; dates are never moved.
//! **Periods** name the last day billed, and readings end at the start of the next.
//!
//! **A superseded bill** is linked with the next version of its number and type; no member names the other (inferred). A
//! bill's status is told by what is unpaid of it and is never `OVERDUE`: due dates may be moved, and the system names none.
//!
//! **The native road** leads to everything below `base_url` but the token endpoint, with our `X-Trace-Id` and `X-On-Behalf-Of` in place of the
//! caller's; the transaction headers are the caller's to send. The system's own 4xx and its 501 are passed on.
//!
//! **Whose record is it?** Paths of bills and service points do not hold the account, so the account in an identifier
//! proves nothing. A bill is looked up in its account's list first; a service point must be among the account's, which is
//! read at most every five minutes for one point. An account that does not tell its service points (`servicePoints` is
//! design in the contract) makes them `Unreadable`, not open.
//!
//! **Oddities.** Identifiers come as numbers or texts; members are misspelt (`x-aliases`); single objects stand where lists
//! are due; a bill's image is a PDF or base64 of one; a submitted reading may be `Pending` for a while. Readings can only be
//! asked for between two dates, whose ends are not said to be in or out, so a day more is asked for and cut off here.
//!
//! **Not confirmed:** error bodies, rate limits, token lifetimes, the values of most enumerations, whether `servicePoints`
//! comes with the account, under which name a register's last reading comes, how several statuses are asked for at once.

mod calls;
mod keys;
mod map;
mod owner;
mod verdict;
pub mod webhook;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret as _, SecretString};

use self::calls::Gentrack;
use super::wire::is_base;
use super::{Backend, Limits, native};
use crate::error::{Error, ErrorKind, Result};
use crate::model::id::BackendName;
use crate::model::time::Zone;
use crate::operations::accounts::{
    CreateAccount, GetAccount, GetBalance, GetBillingSchedule, GetPaymentTerms, GetSuggestedPayment,
    ListOverduePayments, SetParent, UpdateAccount,
};
use crate::operations::arrangements::{CancelPaymentArrangement, CreatePaymentArrangement, ListPaymentArrangements};
use crate::operations::bills::{CorrectBill, GetBill, GetBillDocument, ListBillReadings, ListBills};
use crate::operations::contacts::{
    CreateContact, GetContact, RelateContact, RemoveContact, UnrelateContact, UpdateContact,
};
use crate::operations::customers::{CreateCustomer, GetCustomer, SyncCustomer, UpdateCustomer};
use crate::operations::holds::{GetHold, PlaceHold};
use crate::operations::meters::{GetMeter, ListMeters};
use crate::operations::native::CallNative;
use crate::operations::organisations::{
    CreateOrganisation, GetOrganisation, RelateOrganisation, UnrelateOrganisation, UpdateOrganisation,
};
use crate::operations::payment_methods::{CreatePaymentMethod, ListPaymentMethods};
use crate::operations::payment_review::{GetPaymentReview, SetPaymentReview};
use crate::operations::readings::{ListReadings, SubmitReadings, ValidateReadings};
use crate::operations::refunds::RequestRefund;
use crate::operations::service_points::{GetServicePoint, ListServicePoints};
use crate::operations::transactions::ListTransactions;
use crate::upstream::grants::{Basic, ClientCredentials, Token};
use crate::upstream::{Call, Credentials, Settings, Upstream, tokens};

/// What a Gentrack backend needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The tenant's base address, `https://api.crm.<deployment pool>.gentrack.cloud/v1`; the pool is told by the vendor.
    pub base_url: String,
    /// The token endpoint, such as `https://au.id.gentrackcloud.com/v1/token`; not derived from `base_url`.
    pub token_url: String,
    /// The app's client id.
    pub client_id: String,
    /// The app's client secret.
    pub client_secret: SecretString,
    /// The scope to ask for; leave it out unless the vendor told one.
    pub scope: Option<String>,
    /// The market's time zone, by its IANA name: the system's times carry no offset.
    pub time_zone: Zone,
    /// How calls are timed, limited and repeated; [`road`] has the defaults.
    pub road: Settings,
}

/// The road's settings unless the configuration says otherwise: "a pooled connection unused for 30 s should be taken as
/// dead" ("Timeouts and connections"), so it is let go a little earlier.
#[must_use]
pub fn road() -> Settings {
    Settings {
        idle: Duration::from_secs(25),
        ..Settings::default()
    }
}

/// Builds the backend and lists what it serves. Nothing is sent.
///
/// # Errors
/// `Invalid` if an address, the proxy or a root certificate cannot be used.
pub fn connect(name: BackendName, config: Config, tokens: Arc<tokens::Cache>) -> Result<Backend> {
    for (member, url) in [("base_url", &config.base_url), ("token_url", &config.token_url)] {
        if !is_base(url) {
            return Err(Error::parameter(
                member,
                "an absolute http or https address without user, query or fragment is due",
            ));
        }
    }
    let token_url = config.token_url.clone();
    let grant = ClientCredentials {
        token_url: config.token_url,
        client_id: config.client_id,
        client_secret: config.client_secret,
        scope: config.scope,
        // "A client in use puts id and secret into Basic as they are" ("Token").
        basic: Basic::Raw,
    };
    let credentials = Credentials {
        tokens,
        key: grant.key(),
        grant: Arc::new(grant),
        present: Arc::new(bear),
    };
    let upstream = Upstream::connect(name.as_str(), config.road, Some(credentials), verdict::judge)?;
    let base = config.base_url.trim_end_matches('/').to_owned();
    let raw = Arc::new(native::Raw {
        base: base.clone(),
        road: upstream.judged_by(verdict::native),
        reserved: Some(token_url),
        stamp: Box::new(|cx, _, headers| calls::stamp(cx, headers)),
    });
    let adapter = Arc::new(Gentrack::new(name.clone(), base, config.time_zone, upstream.clone()));
    let plain = Limits::default();
    let filters = |filters: &'static [&'static str]| Limits {
        filters,
        ..Limits::default()
    };
    Ok(Backend::new(name, "gentrack", upstream)
        .owned_by(&adapter)
        .serves::<GetAccount>(&adapter, plain)
        .serves::<GetBalance>(&adapter, plain)
        .serves::<ListBills>(&adapter, filters(&["from", "to", "kind", "include=superseded"]))
        .serves::<GetBill>(&adapter, plain)
        .serves::<GetBillDocument>(&adapter, plain)
        .serves::<ListBillReadings>(&adapter, plain)
        .serves::<ListTransactions>(&adapter, filters(&["from", "to", "kind"]))
        .serves::<ListServicePoints>(&adapter, plain)
        .serves::<GetServicePoint>(&adapter, plain)
        .serves::<ListMeters>(&adapter, plain)
        .serves::<GetMeter>(&adapter, plain)
        .serves::<ListReadings>(&adapter, filters(&["from", "to", "status", "quality"]))
        .serves::<ValidateReadings>(&adapter, plain)
        .serves::<SubmitReadings>(&adapter, plain)
        .serves::<CreateAccount>(&adapter, plain)
        .serves::<UpdateAccount>(&adapter, plain)
        .serves::<SetParent>(&adapter, plain)
        .serves::<GetBillingSchedule>(&adapter, plain)
        .serves::<GetHold>(&adapter, plain)
        .serves::<PlaceHold>(&adapter, plain)
        .serves::<CorrectBill>(&adapter, plain)
        .serves::<GetPaymentTerms>(&adapter, plain)
        .serves::<GetSuggestedPayment>(&adapter, filters(&["include_debt", "include_fixed"]))
        .serves::<ListOverduePayments>(&adapter, plain)
        .serves::<GetPaymentReview>(&adapter, plain)
        .serves::<SetPaymentReview>(&adapter, plain)
        .serves::<ListPaymentMethods>(&adapter, plain)
        .serves::<CreatePaymentMethod>(&adapter, plain)
        .serves::<ListPaymentArrangements>(&adapter, plain)
        .serves::<CreatePaymentArrangement>(&adapter, plain)
        .serves::<CancelPaymentArrangement>(&adapter, plain)
        .serves::<RequestRefund>(&adapter, plain)
        .serves::<GetCustomer>(&adapter, plain)
        .serves::<CreateCustomer>(&adapter, plain)
        .serves::<UpdateCustomer>(&adapter, plain)
        .serves::<SyncCustomer>(&adapter, plain)
        .serves::<GetOrganisation>(&adapter, plain)
        .serves::<CreateOrganisation>(&adapter, plain)
        .serves::<UpdateOrganisation>(&adapter, plain)
        .serves::<RelateOrganisation>(&adapter, plain)
        .serves::<UnrelateOrganisation>(&adapter, plain)
        .serves::<GetContact>(&adapter, plain)
        .serves::<CreateContact>(&adapter, plain)
        .serves::<UpdateContact>(&adapter, plain)
        .serves::<RemoveContact>(&adapter, plain)
        .serves::<RelateContact>(&adapter, plain)
        .serves::<UnrelateContact>(&adapter, plain)
        .serves::<CallNative>(&raw, plain))
}

/// Puts the token into a call ("Token").
fn bear(call: &mut Call, token: &Token) -> Result<()> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.secret.expose_secret()))
        .map_err(|_| Error::new(ErrorKind::Unreadable, "the token holds characters that no header can"))?;
    value.set_sensitive(true);
    call.headers.insert(AUTHORIZATION, value);
    Ok(())
}
