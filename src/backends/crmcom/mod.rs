//! CRM.COM Web API v2, accounts receivable: the ledger of one customer, its balance, credit terms and preferences.
//!
//! Sections named here are those of the contract's README. Its base document describes one method, the one that ends an
//! account; the others come from further pages of the vendor (published) or stand to reason (by analogy).
//!
//! **Serves** `accounts.search` by exactly one thing: number, identifier or name (`show`), e-mail address or subscription
//! (`list`, published in part), the account that heads a group (`group_members/list`, published); `accounts.match` by what
//! an end customer shows (`show` by access token, base document); `accounts.get`, `accounts.balance`, `accounts.overdue`, `accounts.payment_terms`
//! and `payment_methods.list` (all from `show`, published), `accounts.close` (`terminate`, documented), `accounts.suspend`
//! (by analogy) and `accounts.reactivate` (`unsuspend`, published), `accounts.create` and `accounts.update` (published in
//! part: what the readable part of the table has no parameter for is refused by name).
//!
//! **Signs in** with user name, password and organisation, or with a Web API key. The session token is a field of the body
//! or the query, never a header ("Access"). A JWT says its own life; other tokens are taken to last for `token_life` after
//! their issue: an hour without use is the end of the oldest kind, and an hour after issue is earlier than all ends.
//!
//! A token is released at the end, if the system is there to be told ("Good manners on shutdown").
//!
//! **Sends** POST wherever both forms exist, since queries end up in access logs. GETs are sent for the lists, which have no
//! other form, and to confirm that an account that was refused is not there.
//!
//! **Says no** with a `status.code` that is not `OK`, whatever the HTTP status ("Envelope"), and with any 5xx. Neither
//! codes nor texts are public, so a no may mean the record, the request or a dead token. It is found out: unless the
//! login was just made, an account that was read before is read again, which only a dead token can refuse, and a dead
//! token is replaced and the call sent once more, for a refused call did nothing. Then the account itself is asked for
//! the other way: refused again, it is not found; given, the system refused the step, not the record.
//!
//! **Names accounts** by number, in keys, too. Keys of the forms `id~<id>` and `name~<name>` are read as well; answers
//! always carry the number. A name that several accounts share is refused by the system and so not found; a search by name
//! that is refused says that it cannot tell the one from the other. Access tokens (deprecated from R18 on) have three forms:
//! a code, a name with a pass code, a one-time password. Their codes stand in bodies alone, and a one-time password, which
//! the call spends (inferred), is sent once. A no to one is believed if an account that is there is given at the same time.
//!
//! **Lists** of `list` are taken for whole, as paging of it "was not readable"; they are put in the order of the numbers and
//! cut here. Lists of members are paged by `offset` and `number_of_results`, in the system's order.
//!
//! **Ending an account** is final and not known to be idempotent ("Terminate"). A lost call is never repeated: the account
//! is read, and the failure says how it stands. An account that is ended already is a conflict.
//!
//! **Money** is a number in the sibling `currency`, read from its text. `balance` is debits less credits, positive when the
//! customer owes (inferred), `outstanding_amount` the part that is past due. **Times** have no zone: the configured one
//! counts. `credit_period` and `parent_account` come in two shapes each; the JSON type decides.
//!
//! **Not served, for want of their parameters** ("Methods": published but not modelled): adding and removing payment
//! preferences, changing credit terms, bills and payments. All of them answer 501.
//!
//! **The native road** is not served: the token stands in the body or the query of a call, so the gateway would have to
//! rewrite what the caller wrote, in forms that are published in part.
//!
//! **Oddities.** A reply without `fields_set` is some 8 kB of personal data: what is mapped is asked for, and everything
//! only with `include=native`, which then leaves out end customers' codes and card references. User-defined fields
//! (`udf_…`) are the account's custom attributes. Of a group's member, who funds what is in the native record alone.
//!
//! **Not confirmed:** the sign of balances, the path of `suspend`, preconditions of `terminate`, what MINUS means in a
//! credit period, the codes and HTTP statuses of failures.

mod calls;
mod login;
mod map;
mod owner;
mod verdict;
mod wire;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;

use self::calls::Crmcom;
use self::login::{Login, Seen};
use super::wire::is_base;
use super::{Backend, Limits};
use crate::error::{Error, Result};
use crate::model::id::BackendName;
use crate::model::time::Zone;
use crate::operations::accounts::{
    CloseAccount, CreateAccount, GetAccount, GetBalance, GetPaymentTerms, ListOverduePayments, MatchAccounts,
    ReactivateAccount, SearchAccounts, SuspendAccount, UpdateAccount,
};
use crate::operations::payment_methods::ListPaymentMethods;
use crate::upstream::{Credentials, Settings, Upstream, tokens};

/// How long a token that does not say its own life is taken to last, unless it is configured otherwise.
pub const TOKEN_LIFE: Duration = Duration::from_secs(3600);

/// What a CRM.COM backend needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The API's address with its path, `https://<host>/crmapi/rest/v2`.
    pub base_url: String,
    /// What to log in with.
    pub credential: Credential,
    /// The unit to act for; the user's own if absent.
    pub unit: Option<String>,
    /// How long a token that does not say its own life lasts after its issue.
    pub token_life: Duration,
    /// The time zone of the installation's local times.
    pub time_zone: Zone,
    /// How the road to the system behaves.
    pub road: Settings,
}

/// What an installation can be logged in to with. Shows its kind alone when printed.
#[derive(Clone)]
pub enum Credential {
    /// A user of an organisation.
    Password {
        /// The user name.
        username: String,
        /// The password.
        password: SecretString,
        /// The organisation: the tenant.
        organisation: String,
    },
    /// A Web API key (since R10); it belongs to one organisation.
    WebApiKey(SecretString),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password { .. } => "Password([redacted])",
            Self::WebApiKey(_) => "WebApiKey([redacted])",
        })
    }
}

/// Builds the backend and lists what it serves. Nothing is sent.
///
/// # Errors
/// `Invalid` if the address, the proxy or a root certificate cannot be used.
pub fn connect(name: BackendName, config: Config, tokens: Arc<tokens::Cache>) -> Result<Backend> {
    if !is_base(&config.base_url) {
        return Err(Error::parameter(
            "base_url",
            "an http or https address without user, query or fragment is due",
        ));
    }
    let base = config.base_url.trim_end_matches('/').to_owned();
    let login = Login {
        base: base.clone(),
        credential: config.credential,
        unit: config.unit,
        token_life: config.token_life,
        within: config.road.attempt_timeout,
    };
    let seen = Arc::new(Seen::default());
    let noted = Arc::clone(&seen);
    let credentials = Credentials {
        tokens,
        key: login.key(),
        grant: Arc::new(login),
        present: Arc::new(move |call, token| {
            noted.note(token);
            login::present(call, token)
        }),
    };
    // Both roads share the token; on the second one, a no gives the token up.
    let road = Upstream::connect(
        name.as_str(),
        config.road.clone(),
        Some(credentials.clone()),
        verdict::judge,
    )?;
    let probe = Upstream::connect(name.as_str(), config.road, Some(credentials), verdict::probe)?;
    let adapter = Arc::new(Crmcom {
        name: name.clone(),
        base,
        zone: config.time_zone,
        road: road.clone(),
        probe,
        seen,
        known: Mutex::default(),
    });
    let whole = Limits::default();
    let by_one_thing = Limits {
        filters: &[
            "number",
            "native_id",
            "name",
            "email",
            "subscription",
            "parent",
            "status",
        ],
        ..whole
    };
    Ok(Backend::new(name, "crmcom", road)
        .owned_by(&adapter)
        .serves::<GetAccount>(&adapter, whole)
        .serves::<SearchAccounts>(&adapter, by_one_thing)
        .serves::<MatchAccounts>(&adapter, whole)
        .serves::<GetBalance>(&adapter, whole)
        .serves::<ListOverduePayments>(&adapter, whole)
        .serves::<GetPaymentTerms>(&adapter, whole)
        .serves::<ListPaymentMethods>(&adapter, whole)
        .serves::<CloseAccount>(&adapter, whole)
        .serves::<SuspendAccount>(&adapter, whole)
        .serves::<ReactivateAccount>(&adapter, whole)
        .serves::<CreateAccount>(&adapter, whole)
        .serves::<UpdateAccount>(&adapter, whole))
}
