//! Kraken: a GraphQL billing system, reached through the contract of its US (Texas) edition.
//!
//! Strengths of statements are the contract's own: \[US\] stated for this edition, \[doc\] stated for others, \[seen\]
//! observed by others, \[guess\] stated by nobody. Sections in quotation marks are those of the contract's notes.
//!
//! # What it serves
//! `accounts.get`, `accounts.balance`, `accounts.search` (the accounts the credential's user can see), `bills.list`,
//! `bills.get`, `bills.document`, `transactions.list`, `service_points.list|get`, `meters.list|get`, `readings.list`
//! (`dailyReadings`, the US edition alone), `usage.list` (`measurements`), `accounts.billing_schedule` (`billingOptions`),
//! `accounts.overdue` (`overdueBalance`), `payments.list`, `payment_methods.list`, `payment_arrangements.list` (schedules
//! and plans), `refunds.list|request|cancel` (repayment requests), `charges.create`, `credits.create` (`postCredit`),
//! `notes.list|create` and `accounts.update` (billing e-mail and billing address). Meters of this edition have a serial number
//! and dates, nothing else: registers and a way to hand in readings are not to be had.
//!
//!
//! The native road is `native.graphql`: the endpoint is the system's whole API, so there is nothing below it to call raw. An
//! answer goes to the caller as it came, `errors` included, unless no data came with it and the system refused the login,
//! throttled the call or failed: that is told as for any operation. Mutations that begin, renew or end a login, and the one
//! that changes the user's secret key, are not for callers.
//!
//! # How it signs in
//! `obtainKrakenToken` with an API key, an organisation's secret, or e-mail and password; one kind at a time, and without
//! an Authorization header ("Authentication"). The token goes along bare, or behind a configured prefix. It ends at
//! `payload.exp`; the refresh token at `refreshExpiresIn`, which is an instant \[US\]. A refused refresh token (KT-CT-1134,
//! 1135) falls back on the credential; a refused credential is final, for repeats have locked customers out \[seen\].
//!
//! # How it pages
//! Bills and ledger entries are connections of at most 99 \[doc\]; a position is the system's own cursor, with the number
//! of the ledger for entries. Nulls in lists are skipped, unless an error says why they are null. Accounts, properties,
//! points of supply, meters and daily readings are whole lists. Measurements are asked for in windows of seven days (days
//! and months in wider ones), because wide windows can be cut without notice \[seen\].
//!
//! Payments, payment methods, arrangements, refund requests and notes are read whole and cut here: no order of theirs is
//! promised. Methods are asked for without IBAN, sort code and card number.
//!
//! # How it writes
//! Amounts go out as minor units that fit an `Int`; one with more digits, or in another currency, is refused here. Refund
//! requests alone take an idempotency key: it is made from the caller's `Idempotency-Key`. A used key (KT-CT-3928) leads
//! to a read, and is a success if one request on the ledger, and one only, says what is asked for. Other writes have none
//! and are sent once; a payload that is missing without an error leaves the outcome unknown. Every mutation has a code of
//! its own for what the caller may not touch, so a write refused as not allowed is followed by a read, which says whether
//! the account is there. A refund is cancelled only after it was seen on the account in whose name it is asked for, for
//! the system takes the request's number alone. A credit or a refund without a ledger goes to the only one that counts
//! towards the balance. Billing addresses are replaced whole, the street's lines in one text with line breaks (inference).
//!
//! # How it says no
//! With status 200: `verdict.rs` gives it meaning. `data` and `errors` may come together. An error that takes away something a record
//! cannot do without is that record's error; any other leaves its part `null`. A null is never read as "none" when an
//! error has its path. KT-CT-1111 with a good token means "not allowed" and does not lead to another login.
//!
//! # Units, signs, days
//! Money is in whole minor units of the deployment's currency, which is configured: the system names none. A balance is
//! positive for credit \[seen\], so it is turned; `ledgers.amountOwedByCustomer` has the other sign \[US\] and must
//! contradict it. `overdueBalance` is taken as it is: its sign is stated nowhere, zero or positive is expected \[guess\].
//! Ledger entries have no sign \[US\]: the type gives the direction. A bill's totals are its charges less its credits. Its
//! `toDate` is the last day billed \[guess\]. An entry's `createdAt` says when it was recorded, not when it was posted, and
//! `createdAt` of an account is not known to be its first day: neither is passed on. A daily reading's use is in kWh
//! (schema, `DailyReadingType.dailyUsage`); the unit of its register value is not stated. Estimated costs are decimal
//! amounts in their own currency ("Money").
//!
//! # What could not be confirmed
//! - Whether `issuedFromDate` and `issuedToDate` take in their own day: a day more is asked for on each side, and the rest
//!   is left out here. Where bills without an issue date stand in the order ISSUED_DATE_DESC: wherever the system puts
//!   them; a list bounded by issue date leaves them out.
//! - That an entry's `billingDocumentIdentifier` is the id of a bill: read off the examples, where the two agree.
//! - What account statuses mean: read off their names; DORMANT and ENROLMENT_ERROR fit none of ours.
//! - Whether a bill is overdue: not derived, for it would depend on the day it is asked.
//! - What a query costs against the limit of 200 points: documents are small, and pages no larger than needed.

mod books;
mod calls;
mod documents;
mod login;
mod map;
mod verdict;
mod wire;

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

use super::{Backend, Limits, native};
use crate::error::Result;
use crate::model::id::BackendName;
use crate::model::money::Currency;
use crate::model::time::Zone;
use crate::operations::accounts::{
    GetAccount, GetBalance, GetBillingSchedule, ListOverduePayments, SearchAccounts, UpdateAccount,
};
use crate::operations::arrangements::ListPaymentArrangements;
use crate::operations::bills::{GetBill, GetBillDocument, ListBills};
use crate::operations::meters::{GetMeter, ListMeters};
use crate::operations::native::QueryNative;
use crate::operations::notes::{CreateNote, ListNotes};
use crate::operations::payment_methods::ListPaymentMethods;
use crate::operations::payments::ListPayments;
use crate::operations::postings::{CreateCharge, CreateCredit};
use crate::operations::readings::ListReadings;
use crate::operations::refunds::{CancelRefund, ListRefunds, RequestRefund};
use crate::operations::service_points::{GetServicePoint, ListServicePoints};
use crate::operations::transactions::ListTransactions;
use crate::operations::usage::ListUsage;
use crate::upstream::{self, Credentials, Upstream, tokens};

/// What this kind of system is called.
pub const KIND: &str = "kraken";

/// The largest document taken unless it is configured otherwise.
pub const MAX_DOCUMENT: usize = 16 * 1024 * 1024;

/// How one deployment is reached and what it does not say of itself.
#[derive(Clone, Debug)]
pub struct Config {
    /// The GraphQL endpoint with its trailing slash, such as `https://api.oeus-kraken.energy/v1/graphql/`.
    pub endpoint: String,
    /// What to log in with.
    pub credential: Credential,
    /// What stands before the token in the Authorization header, such as `JWT`; the bare token if absent.
    pub authorization_prefix: Option<String>,
    /// The currency of all amounts: a property of the deployment, which names none.
    pub currency: Currency,
    /// The time zone of the deployment's local dates; `America/Chicago` in Texas.
    pub time_zone: Zone,
    /// The hosts, as `host` or `host:port`, that bills' documents may be fetched from; the endpoint's own if empty.
    ///
    /// Documents come over HTTPS; over HTTP from this machine alone.
    pub document_hosts: Vec<String>,
    /// The most bytes of a document.
    pub max_document: usize,
    /// How the road to the deployment behaves.
    pub road: upstream::Settings,
}

/// What a deployment can be logged in to with. Shows its kind alone when printed.
#[derive(Clone)]
pub enum Credential {
    /// A customer's API key.
    ApiKey(SecretString),
    /// The secret key of a third-party organisation: the likely one for a gateway.
    OrganizationSecret(SecretString),
    /// A customer's own login; newer editions no longer list it.
    Password {
        /// The e-mail address.
        email: String,
        /// The password.
        password: SecretString,
    },
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey(_) => "ApiKey([redacted])",
            Self::OrganizationSecret(_) => "OrganizationSecret([redacted])",
            Self::Password { .. } => "Password([redacted])",
        })
    }
}

/// One deployment, ready to be asked.
struct Kraken {
    endpoint: String,
    deployment: map::Deployment,
    documents: calls::Hosts,
    max_document: usize,
    road: Upstream,
    files: Upstream,
}

/// Builds the backend. Nothing is sent.
///
/// # Errors
/// `Invalid` if the endpoint, a document host, the proxy or a root certificate cannot be read.
pub fn connect(name: BackendName, config: Config, tokens: Arc<tokens::Cache>) -> Result<Backend> {
    let documents = calls::Hosts::new(&config.endpoint, &config.document_hosts)?;
    let login = login::Login::new(config.endpoint.clone(), config.credential, config.road.attempt_timeout);
    let prefix = config.authorization_prefix.filter(|prefix| !prefix.trim().is_empty());
    let credentials = Credentials {
        tokens,
        key: login.key(),
        grant: Arc::new(login),
        present: Arc::new(move |call, token| login::present(call, token, prefix.as_deref())),
    };
    let road = Upstream::connect(name.as_str(), config.road, Some(credentials), verdict::verdict)?;
    let graphql = Arc::new(native::GraphQl {
        endpoint: config.endpoint.clone(),
        queries: road.judged_by(verdict::native_query),
        mutations: road.judged_by(verdict::native_mutation),
        reserved: login::FIELDS,
        stamp: calls::stamp,
    });
    let kraken = Arc::new(Kraken {
        endpoint: config.endpoint,
        deployment: map::Deployment {
            name: name.clone(),
            currency: config.currency,
            zone: config.time_zone,
        },
        documents,
        max_document: config.max_document,
        files: road.bare(verdict::document)?,
        road: road.clone(),
    });
    let whole = Limits::default();
    let paged = |filters| Limits { filters, pages: true };
    Ok(Backend::new(name, KIND, road)
        .serves::<GetAccount>(&kraken, whole)
        .serves::<GetBalance>(&kraken, whole)
        .serves::<SearchAccounts>(
            &kraken,
            Limits {
                filters: &["number", "status"],
                ..whole
            },
        )
        .serves::<ListBills>(&kraken, paged(&["from", "to", "kind", "include=superseded"]))
        .serves::<GetBill>(&kraken, whole)
        .serves::<GetBillDocument>(&kraken, whole)
        .serves::<ListTransactions>(&kraken, paged(&["from", "to", "kind"]))
        .serves::<GetBillingSchedule>(&kraken, whole)
        .serves::<ListOverduePayments>(&kraken, whole)
        .serves::<ListPayments>(&kraken, paged(&["from", "to"]))
        .serves::<ListPaymentMethods>(&kraken, paged(&[]))
        .serves::<ListPaymentArrangements>(&kraken, paged(&[]))
        .serves::<ListRefunds>(&kraken, paged(&[]))
        .serves::<RequestRefund>(&kraken, whole)
        .serves::<CancelRefund>(&kraken, whole)
        .serves::<CreateCharge>(&kraken, whole)
        .serves::<CreateCredit>(&kraken, whole)
        .serves::<ListNotes>(&kraken, paged(&[]))
        .serves::<CreateNote>(&kraken, whole)
        .serves::<UpdateAccount>(&kraken, whole)
        .serves::<ListServicePoints>(&kraken, whole)
        .serves::<GetServicePoint>(&kraken, whole)
        .serves::<ListMeters>(&kraken, whole)
        .serves::<GetMeter>(&kraken, whole)
        .serves::<ListReadings>(&kraken, paged(&["from", "to"]))
        .serves::<ListUsage>(
            &kraken,
            paged(&[
                "from",
                "to",
                "resolution=PT15M",
                "resolution=PT30M",
                "resolution=PT1H",
                "resolution=P1D",
                "resolution=P1M",
                "direction=IMPORT",
                "direction=EXPORT",
            ]),
        )
        .serves::<QueryNative>(&graphql, whole))
}
