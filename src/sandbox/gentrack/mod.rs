//! A simulated Gentrack REST API, written from the reconstructed contract (`openapi.yaml` and its README) alone.
//!
//! The API is served below [`API_PATH`], the token endpoint at [`TOKEN_PATH`]; the two are configured on their own, as
//! with the vendor (README, "Hosts"). The only app known is [`CLIENT_ID`] with [`CLIENT_SECRET`].
//!
//! All 43 HTTP operations of the contract are served. What is written is kept and can be read back, until the system ends;
//! a transaction (same operation, `X-Transaction-Id`, part and `X-Transaction-Date-Time`) is executed once, and its repeat
//! gets the first answer again.
//!
//! # Data
//!
//! Accounts:
//!
//! - `10045213`: the contract's examples, byte for byte. Bills `880311`, `880902`, `881477`, `882035`; service point
//!   `4107755`; 310.97 AUD owed. The image of `882035` is raw, or base64 if only `text/plain` is accepted; that of
//!   `881477` is always base64.
//! - `00210077`: 40 bills, over 80 postings, 84.20 AUD in credit, service points `0004107901` and `5200118`.
//!   - Identifiers are text with leading zeros before May 2024 and numbers after.
//!   - Statement `730030` is superseded by `730130`, which has the same number and version 2.
//!   - A statement and an invoice share the bill id `00730010`. Statement `730020` is negative. `00730005` has no due
//!     date, flags or version, and `00730007` no PDF. The flag `consoliatedBill` is misspelt from `730024` on, as the
//!     contract warns. Images of statements issued in even months are base64.
//!   - Postings have the unlisted types `Concession` and `PaymentReversal`; adjustments go both ways; one posting has
//!     no running balance, one is dated by day, two share a time.
//! - `10031187`: closed, with a final bill and nothing owed; service point `4100991`.
//! - `10050001`: of status `AwaitingSupply`, without bills, postings or service points.
//! - `90000001`: for measuring, with exactly 12 bills; service point `9100001`.
//!
//! `10045213` has the examples' review, billing information, payment terms, method, arrangements, overdue and suggested
//! payments too; `00210077` pays by card and has two arrangements; the others have terms and an outlook, and no more.
//! Parties: contact `50027731`, customer `20018844`, organisation `70000912`. The clock stands at 6 July 2026.
//!
//! Service points:
//!
//! - `4107755`: one meter, two registers, four reads each.
//! - `0004107901`, electricity: meter `E5501277`, whose register of five digits rolled over, was exchanged on
//!   18 February 2025 for `E9930415` with a general, a controlled-load and an export register.
//!   - Reads are estimated here and there; one is pending, one unknown, one removed; some have the source `Telemetry`.
//!   - Around both clock changes of Australia/Sydney there are reads: two at the same local time with different
//!     offsets, and one at a local time that came twice, without.
//!   - `pursose` and `deviceTypeId` are spelt as the contract warns.
//! - `5200118`, gas: one register in m3 with tenths.
//! - `4100991`: a meter that was removed.
//! - `9100001`: one register with exactly 500 half-hourly reads from 1 to 11 June 2026.
//!
//! # Choices where the contract is silent
//!
//! All of these are inferred:
//!
//! - Both ends of a range of dates are included; bills are narrowed by issue date.
//! - `status` and `meterReadStatusFilter` together are refused.
//! - Without `type`, a bill id that two bills share is refused.
//! - A bill whose PDF is not available has no image (404).
//! - A submitted read is kept in local time, is pending, and keeps its source.
//! - A read is checked against the register's last accepted one: fewer is an error, and more than three times the
//!   greatest consumption so far a warning.
//! - An account without a payment method, or without a payment review date, has none (404).
//! - A payment method counts from a later day, or is refused while another is in force. Numbers are masked when filed.
//! - `debtPaymentAmount` is left out unless `includeDebtBalance` is true; `includeFixedPayments` changes nothing.
//! - A reversed bill is listed as superseded; a fix may come twice. A refund is posted at once.
//! - A relationship that is ended and is not there has ended already. A customer's relationships are told as its accounts.
//! - A customer sync creates what it does not know by reference and changes the rest, and answers 204.
//! - Nothing is refused or put aside for an effective time before one already seen.
//! - [`Fault::ErrorInside`] answers 200 with an error body, which the contract does not know: it shows what a reader
//!   makes of a success that is none. [`Fault::RefusedLogin`] means nothing to a call of the API.

mod account_writes;
mod answer;
mod bodies;
mod book;
mod build;
mod household;
mod others;
mod parties;
mod payments;
mod reads;
mod records;
mod request;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json as value};

use super::counts::Counts;
use super::fault::Fault;
use answer::{Refusal, document, empty, json};
use book::{Account, BOOK, Image, UNBILLED};
use records::{Records, Sort};
use request::{Accepts, Query, Route};

/// Path of the API below the system's base; the vendor's base URI ends in `/v1` too (README, "Hosts").
pub const API_PATH: &str = "/v1";

/// Path of the token endpoint below the system's base; the vendor's is `/v1/token` on a host of its own.
pub const TOKEN_PATH: &str = "/id/v1/token";

/// The one app that is known.
pub const CLIENT_ID: &str = "intertie-sandbox";

/// The app's secret; it holds the characters that must not be percent-encoded (README, "Token").
pub const CLIENT_SECRET: &str = "s4nd+b0x/Only==";

/// Lifetime of a token in seconds, as in the contract's example.
pub const TOKEN_LIFETIME: u64 = 3600;

/// Serves one simulated system with tokens and submitted reads of its own; `counts` receives what is executed.
///
/// The system makes no links, so its public address is of no use to it.
pub fn router(_base: &str, counts: Counts) -> Router {
    let system = Gentrack {
        counts,
        tokens: token::Tokens::default(),
        submitted: reads::Submitted::default(),
        records: Records::default(),
    };
    Router::new().fallback(handle).with_state(Arc::new(system))
}

/// Names the operation a request asks for: the contract's operationId, or `token`.
pub fn operation(method: &Method, path: &str, _body: &[u8]) -> Option<String> {
    if path == TOKEN_PATH {
        return Some("token".to_owned());
    }
    request::route(method, path.strip_prefix(API_PATH)?)
        .ok()
        .map(|route| route.operation.to_owned())
}

struct Gentrack {
    counts: Counts,
    tokens: token::Tokens,
    submitted: reads::Submitted,
    records: Records,
}

async fn handle(State(system): State<Arc<Gentrack>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let fault = parts.extensions.get::<Fault>().copied();
    let Ok(body) = body.collect().await else {
        return Refusal::new(StatusCode::BAD_REQUEST, "ValidationFailed", "The body broke off.").answer(&parts.headers);
    };
    let body = body.to_bytes();
    if parts.uri.path() == TOKEN_PATH {
        return system.token(&parts.method, &parts.headers, &body, fault);
    }
    let query = parts.uri.query().unwrap_or_default();
    match system.call(&parts.method, parts.uri.path(), query, &parts.headers, &body, fault) {
        Ok(response) => response,
        Err(refusal) => refusal.answer(&parts.headers),
    }
}

impl Gentrack {
    fn token(&self, method: &Method, headers: &HeaderMap, body: &[u8], fault: Option<Fault>) -> Response {
        match token::grant(method, headers, body, fault) {
            Ok(()) => {
                self.counts.add("login");
                token::granted(&self.tokens.issue())
            }
            Err(refused) => {
                self.counts.add("login-refused");
                refused.answer()
            }
        }
    }

    fn call(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        body: &[u8],
        fault: Option<Fault>,
    ) -> Result<Response, Refusal> {
        let path = path.strip_prefix(API_PATH).unwrap_or_default();
        let bearer = request::bearer(headers);
        match fault {
            Some(Fault::Throttled(wait)) => return Err(Refusal::throttled(wait)),
            Some(Fault::Status(status)) => return Err(Refusal::failed(status)),
            Some(Fault::ExpiredToken) => self.tokens.forget(bearer),
            Some(Fault::RevokedTokens) => self.tokens.forget_all(),
            _ => {}
        }
        if !self.tokens.known(bearer) {
            return Err(Refusal::unauthorized());
        }
        let route = request::route(method, path)?;
        request::check_headers(&route, headers)?;
        if fault == Some(Fault::ErrorInside) {
            return Ok(Refusal::failed(500).inside_success(headers));
        }
        let query = Query::read(query)?;
        if route.writes() {
            query.allow(&[])?;
            if let Some((response, first)) = self.records.write(&route, headers, body)? {
                if first {
                    self.counts.add(route.operation);
                }
                return Ok(response);
            }
        }
        let response = self.execute(&route, &query, headers, body)?;
        self.counts.add(route.operation);
        Ok(response)
    }

    fn execute(&self, route: &Route<'_>, query: &Query, headers: &HeaderMap, body: &[u8]) -> Result<Response, Refusal> {
        let id = &*route.id;
        match route.operation {
            "getAccount" => {
                query.allow(&[])?;
                let changed = self
                    .records
                    .read(|state| state.get(Sort::Account, id).map(Value::to_string));
                Ok(json(match changed {
                    Some(details) => details.into(),
                    None => BOOK.account(id)?.details.clone(),
                }))
            }
            "getAccountBalance" => {
                query.allow(&[])?;
                let balance = &self.account(id)?.balance;
                Ok(self.perhaps_changed(balance.clone(), |state| payments::balance(state, id, balance)))
            }
            "getAccountBills" => {
                let (start, end) = query.range("startDate", "endDate")?;
                let bills = self.account(id)?.bills.between(start, end);
                Ok(self.perhaps_changed(bills.clone(), |state| account_writes::fixed(state, &bills)))
            }
            "getAccountTransactions" => {
                let (start, end) = query.range("startDate", "endDate")?;
                let rows = self.account(id)?.transactions.between(start, end);
                Ok(self.perhaps_changed(rows.clone(), |state| payments::transactions(state, id, &rows)))
            }
            "getBillImage" => {
                query.allow(&["type"])?;
                let bill = BOOK.bill(id, query.get("type"))?;
                let accepts = Accepts::of(headers);
                match &bill.image {
                    Image::None => Err(Refusal::not_found(&format!("No image of bill {id}."))),
                    Image::Pdf { raw, base64 } => match (accepts.allows("application/pdf"), base64) {
                        (true, _) => Ok(document("application/pdf", raw.clone())),
                        (false, Some(text)) => Ok(document("text/plain", text.clone())),
                        (false, None) => Err(Refusal::not_acceptable()),
                    },
                    Image::Base64(text) => Ok(document("text/plain", text.clone())),
                }
            }
            "getBillMeterReadings" => {
                query.allow(&["type"])?;
                Ok(json(BOOK.bill(id, query.get("type"))?.reads.clone()))
            }
            "getMeterStructure" => {
                query.allow(&[])?;
                Ok(json(BOOK.point(id)?.structure.clone()))
            }
            "getMeterReadings" => {
                let wanted = reads::Wanted::read(query)?;
                Ok(json(self.submitted.history(id, BOOK.point(id)?, &wanted)))
            }
            "validateMeterReadings" => {
                query.allow(&[])?;
                let sent = request::check_reads(body)?;
                Ok(json(reads::validate(BOOK.point(id)?, sent)))
            }
            "submitMeterReadings" => {
                query.allow(&[])?;
                let sent = request::check_reads(body)?;
                self.submitted.store(id, BOOK.point(id)?, &sent)?;
                Ok(empty())
            }
            other => self.about_account(other, id, query),
        }
    }

    /// The reads of what hangs on an account, and of parties.
    fn about_account(&self, operation: &str, id: &str, query: &Query) -> Result<Response, Refusal> {
        let suggested = operation == "getSuggestedPaymentAmount";
        query.allow(if suggested {
            &["includeDebtBalance", "includeFixedPayments"]
        } else {
            &[]
        })?;
        let debt = query.flag("includeDebtBalance")?.unwrap_or(false);
        query.flag("includeFixedPayments")?;
        let body = self.records.read(|state| match operation {
            "getAccountReview" => state.of_account(Sort::Review, id, || value!({ "underReview": false })),
            "getBillingInformation" => {
                state.of_account(Sort::BillingInformation, id, account_writes::billing_information)
            }
            "getOverduePayments" => state.of_account(Sort::Overdue, id, payments::nothing_overdue),
            "getPaymentTerms" => state.of_account(Sort::PaymentTerms, id, payments::terms),
            "getPaymentArrangements" => state.of_account(Sort::Arrangements, id, || value!([])),
            "getSuggestedPaymentAmount" => {
                state.account(id)?;
                let all = state.get(Sort::Suggested, id).cloned();
                let all = all.unwrap_or_else(payments::no_suggestion);
                Ok(payments::suggested(all, debt).to_string().into())
            }
            "getNextPaymentReview" | "getPaymentMethod" => {
                state.account(id)?;
                let (sort, what) = match operation {
                    "getPaymentMethod" => (Sort::PaymentMethod, "payment method"),
                    _ => (Sort::ReviewDate, "payment review"),
                };
                let found = state.get(sort, id).map(|found| found.to_string().into());
                found.ok_or_else(|| Refusal::not_found(&format!("The account has no {what}.")))
            }
            "getContact" => parties::read(state, Sort::Contact, id),
            "getCustomer" => parties::read(state, Sort::Customer, id),
            _ => parties::read(state, Sort::Organisation, id),
        })?;
        Ok(json(body))
    }

    /// The account of the data set, or the empty one that stands for an account that was opened since.
    fn account(&self, id: &str) -> Result<&'static Account, Refusal> {
        match self.records.read(|state| state.get(Sort::Account, id).is_some()) {
            true => Ok(BOOK.account(id).unwrap_or(&*UNBILLED)),
            false => BOOK.account(id),
        }
    }

    /// An answer as prepared, or as what callers did since makes it.
    fn perhaps_changed(
        &self,
        prepared: bytes::Bytes,
        change: impl FnOnce(&records::State) -> Option<Value>,
    ) -> Response {
        json(
            self.records
                .read(change)
                .map_or(prepared, |changed| changed.to_string().into()),
        )
    }
}
