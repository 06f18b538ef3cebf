//! A simulated CRM.COM Web API v2, accounts receivable, written from the reconstructed contract (`openapi.yaml` and its
//! README) alone.
//!
//! The API is served below [`API_PATH`]; all 13 calls of the contract are there under its operationIds. A POST carries
//! the session token in its JSON body, a GET in its query; no header is looked at. Every failure is an envelope whose
//! `status.code` is not `OK`, under HTTP 200, as the contract's examples have it.
//!
//! # Logins
//!
//! `POST authentication/token` knows [`USERNAME`] with [`PASSWORD`], for the unit [`UNIT`], `1` or none, in three
//! organisations, each with accounts of its own:
//!
//! | organisation | release | token | life |
//! |---|---|---|---|
//! | [`ORGANISATION`] | R13 | JWT whose `iat` and `exp` are text | two hours after issue |
//! | [`ORGANISATION_R14`] | R14 | the same | the same |
//! | [`ORGANISATION_R11`] | R11 | 32 hex digits | one hour without use |
//!
//! `POST authentication/web_api_key/token` knows [`WEB_API_KEY`], which belongs to [`ORGANISATION`], as user name of
//! HTTP Basic with an empty password; its token has 32 hex digits and lives two hours after issue.
//!
//! # Data
//!
//! Each organisation starts with:
//!
//! - `ACR0000000056`, id `E0623A1C29FF47C991CF544BCBE6A97F`: the contract's examples. Active; 58.55 EUR owed, of which
//!   12.3 past due. Its access tokens: authentication code `7001000200030004`, `marios` with pass code `4711`, one-time
//!   password `482913`. In [`ORGANISATION_R14`] it is the example of the newer shape, with nothing owed.
//! - `ACR0000000001`: a company that heads a group (`parent_account` is `true`), with the members `ACR0000000056`
//!   (fully funded), `ACR0000000059` and `ACR0000000060` (partially funded); direct debit with an IBAN.
//! - `ACR0000000057`: 120.45 USD in credit; cards wrapped as `{default, card}`; an access token that it shows
//!   (`7001000200030057`, `eleni` with `0815`, `571957`); `credit_period` 0.
//! - `ACR0000000058`: 310.97 EUR owed, of which 210.97 past due, limit exceeded; `credit_period` is an object in every
//!   release, `parent_account` null. Its access token (`7001000200030058`) is not effective.
//! - `ACR0000000059`: suspended; `parent_account` is an object.
//! - `ACR0000000060`: of the unlisted state `UNDER_REVIEW`, in GBP.
//! - `ACR0000000061`: terminated.
//! - `ACR0000000062` and `ACR0000000063` share the name `Andreas Ioannou` and an email address.
//! - `ACR0000000064`: almost everything missing or null, and a field that no table has.
//! - `ACR0000000065` and `ACR0000000066`: suspended.
//! - `SUSPENSE`, id `1`: the system's suspense account.
//!
//! Lists go by the email address `marios.ioannou@example.com` and the like, by `number=SUB0000000056` of a subscription
//! (`56` to `59`), by `number=WAL0000000056` of a wallet (`56`, `57`), and by what the records hold.
//!
//! # Choices where the contract is silent
//!
//! All of these are inferred:
//!
//! - The words of failures, save the five the examples have. A path that is not there is 404, another method 405, a
//!   POST that is not JSON 415, each with an envelope.
//! - Terminating has no preconditions. It settles the account: `balance` and `outstanding_amount` become 0, as in the
//!   published pair. Whatever would change a terminated account is refused as the second termination is.
//! - Suspending a suspended account, unsuspending one that is not, and suspending a system account are refused.
//! - A one-time password works once. A name that several accounts share is refused.
//! - `fields_set` leaves out names that the record has not; blanks in it are refused. Parameters that a call does not
//!   know are refused where the contract closes the list of them, and in GETs.
//! - In R14 `credit_period` is an object and `presentment_method` is called `presentment_preference`.
//! - A created account has the next number from `ACR0000001001`, that number as its name if none was sent, EUR if no
//!   currency was, and everything else null. Parameters the contract does not list are ignored.
//! - A list is not paged; the list of members starts at `offset` and is whole without `number_of_results`. An account
//!   that heads no group has no members.
//! - [`Fault::Throttled`] answers 429 with an envelope, and `Retry-After` if it has a number. [`Fault::Status`] answers
//!   an envelope, or a proxy's page for 502 and 504. [`Fault::ErrorInside`] is a failure in a 200;
//!   [`Fault::ExpiredToken`] and [`Fault::RevokedTokens`] lead to the contract's failure for a dead token.

mod answer;
mod ledger;
mod request;
mod sessions;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::counts::Counts;
use super::fault::Fault;
use answer::{Refusal, empty, ok};
use ledger::{Ledger, Release, Step};
use request::Asked;
use sessions::{Life, Sessions};

/// Path of the API below the system's base.
pub const API_PATH: &str = "/crmapi/rest/v2";

/// The only user.
pub const USERNAME: &str = "gateway";

/// The user's password.
pub const PASSWORD: &str = "not-a-real-password";

/// The organisation with the shapes of R13.
pub const ORGANISATION: &str = "DEMO";

/// The organisation with the shapes of R14.
pub const ORGANISATION_R14: &str = "DEMO14";

/// The organisation whose tokens are older than JWTs.
pub const ORGANISATION_R11: &str = "DEMO11";

/// The unit of the contract's login example.
pub const UNIT: &str = "00000000000000000000000000000001";

/// The only Web API key; it belongs to [`ORGANISATION`].
pub const WEB_API_KEY: &str = "intertie-sandbox-web-api-key";

/// Life of a token in seconds: after issue for a JWT or a key's token, half of it without use for an older one.
pub const TOKEN_LIFETIME: u64 = 7200;

/// Method, path and operationId of every call.
const OPERATIONS: [(&str, &str, &str); 13] = [
    ("POST", "/authentication/token", "login"),
    ("POST", "/authentication/web_api_key/token", "loginWithWebApiKey"),
    ("POST", "/authentication/token/release", "releaseToken"),
    ("GET", "/accounts_receivable/show", "showAccountsReceivable"),
    ("POST", "/accounts_receivable/show", "showAccountsReceivableByPost"),
    ("GET", "/accounts_receivable/list", "listAccountsReceivable"),
    ("POST", "/accounts_receivable/terminate", "terminateAccountsReceivable"),
    ("POST", "/accounts_receivable/suspend", "suspendAccountsReceivable"),
    ("POST", "/accounts_receivable/unsuspend", "unsuspendAccountsReceivable"),
    ("POST", "/accounts_receivable/create", "createAccountsReceivable"),
    ("POST", "/accounts_receivable/update", "updateAccountsReceivable"),
    (
        "GET",
        "/accounts_receivable/suspense_account/show",
        "showSuspenseAccount",
    ),
    ("GET", "/accounts_receivable/group_members/list", "listGroupMembers"),
];

/// Serves one simulated system with sessions and accounts of its own; `counts` receives what is executed.
///
/// The system makes no links, so its public address is of no use to it.
pub fn router(_base: &str, counts: Counts) -> Router {
    let organisations = [
        (ORGANISATION, Release::R13),
        (ORGANISATION_R14, Release::R14),
        (ORGANISATION_R11, Release::R13),
    ];
    let system = Crmcom {
        counts,
        sessions: Sessions::default(),
        organisations: organisations.map(|(name, release)| (name, Ledger::new(release))),
    };
    Router::new().fallback(handle).with_state(Arc::new(system))
}

/// Names the operation a request asks for: the contract's operationId.
pub fn operation(method: &Method, path: &str, _body: &[u8]) -> Option<String> {
    find(method, path).ok().map(str::to_owned)
}

/// Whether an operation signs in.
pub(super) fn signs_in(operation: Option<&str>) -> bool {
    matches!(operation, Some("login" | "loginWithWebApiKey"))
}

fn find(method: &Method, path: &str) -> Result<&'static str, Refusal> {
    let path = path.strip_prefix(API_PATH).unwrap_or_default();
    let mut here = OPERATIONS.iter().filter(|(_, known, _)| *known == path).peekable();
    if here.peek().is_none() {
        return Err(Refusal::new("No such resource").under(StatusCode::NOT_FOUND));
    }
    here.find(|(verb, _, _)| *verb == method.as_str())
        .map(|(_, _, operation)| *operation)
        .ok_or_else(|| Refusal::new("The method is not allowed").under(StatusCode::METHOD_NOT_ALLOWED))
}

struct Crmcom {
    counts: Counts,
    sessions: Sessions,
    organisations: [(&'static str, Ledger); 3],
}

async fn handle(State(system): State<Arc<Crmcom>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Refusal::new("The body broke off").answer();
    };
    match system.call(&parts, &body.to_bytes()) {
        Ok(response) => response,
        Err(refusal) => refusal.answer(),
    }
}

impl Crmcom {
    fn call(&self, parts: &Parts, body: &[u8]) -> Result<Response, Refusal> {
        let fault = parts.extensions.get::<Fault>().copied();
        match fault {
            Some(Fault::Throttled(wait)) => return Err(Refusal::throttled(wait)),
            Some(Fault::Status(status)) => return Err(Refusal::failed(status)),
            Some(Fault::ErrorInside) => return Err(Refusal::failed(200)),
            _ => {}
        }
        let operation = find(&parts.method, parts.uri.path())?;
        if signs_in(Some(operation)) {
            let granted = match fault {
                Some(Fault::RefusedLogin) => Err(Refusal::login()),
                _ => self.sign_in(operation, parts, body),
            };
            self.counts.add(if granted.is_ok() { "login" } else { "login-refused" });
            return granted;
        }
        let asked = Asked::read(operation, parts, body)?;
        let token = asked.text("token").unwrap_or_default();
        match fault {
            Some(Fault::ExpiredToken) => self.sessions.forget(token),
            Some(Fault::RevokedTokens) => self.sessions.forget_all(),
            _ => {}
        }
        let organisation = self.sessions.organisation(token).ok_or_else(Refusal::token)?;
        let response = if operation == "releaseToken" {
            self.sessions.forget(token);
            empty()
        } else {
            ok(&self.execute(operation, organisation, &asked)?)
        };
        self.counts.add(operation);
        Ok(response)
    }

    fn sign_in(&self, operation: &str, parts: &Parts, body: &[u8]) -> Result<Response, Refusal> {
        let (asked, organisation, life) = if operation == "login" {
            let asked = Asked::read(operation, parts, body)?;
            let text = |name| asked.text(name).unwrap_or_default();
            if (text("username"), text("password")) != (USERNAME, PASSWORD) {
                return Err(Refusal::login());
            }
            let wanted = text("organisation");
            let (known, _) = self
                .organisations
                .iter()
                .find(|(known, _)| *known == wanted)
                .ok_or_else(Refusal::login)?;
            let life = if *known == ORGANISATION_R11 {
                Life::Idle
            } else {
                Life::Jwt
            };
            (asked, *known, life)
        } else {
            if !request::knows_key(&parts.headers) {
                return Err(Refusal::login());
            }
            let asked = if body.is_empty() {
                Asked::default()
            } else {
                Asked::read(operation, parts, body)?
            };
            (asked, ORGANISATION, Life::Key)
        };
        if asked.text("unit").is_some_and(|unit| unit != UNIT && unit != "1") {
            return Err(Refusal::login());
        }
        Ok(answer::granted(&self.sessions.issue(organisation, life)))
    }

    fn execute(&self, operation: &str, organisation: &str, asked: &Asked) -> Result<Value, Refusal> {
        let (_, ledger) = self
            .organisations
            .iter()
            .find(|(known, _)| *known == organisation)
            .ok_or_else(Refusal::token)?;
        let fields = asked.fields()?;
        let data = match operation {
            "showAccountsReceivable" | "showAccountsReceivableByPost" => ledger.show(&asked.identifier()?)?,
            "showSuspenseAccount" => ledger.suspense()?,
            "terminateAccountsReceivable" => ledger.step(&asked.identifier()?, Step::Terminate)?,
            "suspendAccountsReceivable" => ledger.step(&asked.identifier()?, Step::Suspend)?,
            "unsuspendAccountsReceivable" => ledger.step(&asked.identifier()?, Step::Unsuspend)?,
            "createAccountsReceivable" => ledger.create(asked)?,
            "updateAccountsReceivable" => ledger.update(&asked.identifier()?, asked)?,
            "listAccountsReceivable" => ledger.list(asked)?,
            _ => ledger.members(&asked.identifier()?, asked)?,
        };
        Ok(narrowed(data, fields.as_deref()))
    }
}

/// The record, or each record of a list, with the wanted fields only.
fn narrowed(data: Value, fields: Option<&[&str]>) -> Value {
    match (data, fields) {
        (data, None) => data,
        (Value::Array(rows), fields) => rows.into_iter().map(|row| narrowed(row, fields)).collect(),
        (Value::Object(record), Some(fields)) => {
            let wanted = |name: &String| fields.contains(&name.as_str());
            record.into_iter().filter(|(name, _)| wanted(name)).collect()
        }
        (other, _) => json!(other),
    }
}
