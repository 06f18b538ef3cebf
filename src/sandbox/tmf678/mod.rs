//! A simulated TMF678-style bill API, written from the contract of the "Customer Bill Management Biz API" (its
//! `openapi.yaml` and README) alone.
//!
//! The API is served below [`API_PATH`], one call by contract and one by inference:
//!
//! - `GET /{businessId}/customerBill/{id}`, `retrieveCustomerBill`;
//! - `GET /{businessId}/customerBill`, `listCustomerBill`. **Inferred** from neighbouring pages (README §5) and TM Forum's
//!   v4: `billingAccount.id` or `accountId` is needed; `billDate.gte` with `billDate.lte`, or `startDate` with `endDate`,
//!   narrow it by day; `offset` and `limit` page it; the answer is an array of summaries, newest first.
//!
//! There are no logins: credentials come with each call, as `client_id` with `client_secret`, or `client-id` with
//! `client-secret`, or both. Known are [`CLIENT_ID`] with [`CLIENT_SECRET`], and [`PANAMA_CLIENT_ID`] with the same
//! secret, which may ask for Panama only (403 elsewhere).
//!
//! # Data
//!
//! Business units and the systems behind them:
//!
//! - `PA`, liberate. Account `801941080000`:
//!   - `2018031`: summary and text of the contract's examples. Its PDF is a true one; with `runType` it is the
//!     contract's example, which is plain text under `application/pdf`.
//!   - `2025061` to `2026061`: thirteen monthly bills, most with applied payments, two with two of them; `2026041` is
//!     partly paid, `2026051` exceeds a million, the first two have no state. All have a PDF and a text.
//! - `PA`, account `271041000000`:
//!   - `2019111`, whose PDF is the contract's example with a blank `content` and a bare number as `size`.
//!   - `2019121`, whose PDF is an HTML page.
//!   - `0002020`, with a currency and no amount due, and a document without `content`. The same number without the
//!     zeros is no bill.
//!   - `2020031`, with a payment that has the bill's id and no date, and no documents at all.
//! - `PA`, account `801941089999`: no bills (`NOBILLSFOUND-Bills not found`).
//! - `JM`, cerillion and liberate. `2018031` is a bill in each: 12450.75 JMD of account `400010002000` at cerillion,
//!   5310.00 JMD of account `871000000` at liberate. The former has text amounts, `billingPeriod.validFor`, an account
//!   balance and `size` as text; `0004417` is a credit note of -1200.50 JMD with tax items.
//! - `TT`, cerillion, **takes the hyphenated credentials only**. Account `500120003000`: `TT 77/0001`, whose id has to be
//!   percent-encoded, whose dates have an offset and whose document is named like a path. Account `500120009999` has no
//!   bills (`NOBILLSFOUND`).
//! - `PR`, csg and evertec. `77937H00004338P0` of account `8211990010021897` and the PDF of `205495579` of account
//!   `8211990010042349` are the contract's examples. `77937H00004338P1` has the unlisted state `inDispute`, links into
//!   internal networks that must not be followed, and a document by reference only.
//! - `BB`, comverse1, **takes the credentials with underscores only**; only the query `pdf` brings its PDFs, not the
//!   header (README §1). Account `2461000001`: `BB-10021`; `BB-10022`, whose `content` is `PDF CONTENT`.
//! - `AG`, amdocs: single bills are not implemented (501). It lists account `1268000001` with seven bills.
//! - `BS`: always under maintenance (503, `Retry-After: 120`).
//!
//! # Choices where the contract is silent
//!
//! All of these are inferred:
//!
//! - Without any credentials the answer is 401; with half a pair, or the pair a unit does not take, 400 names the header
//!   that is missing; when both pairs are sent both must be right.
//! - A business unit that is none of the above, a header value outside the documented ones, a flag that is not `true` or
//!   `false`, an unknown or repeated query parameter, `x-pdf` with `x-txt`: 400.
//! - An account is looked for in the systems of its unit that `bss` and `targetSystem` leave over; if it is in none of
//!   them, or none is left over, no route is found (404). Without an account the first of those systems that holds the
//!   bill answers, cerillion before liberate.
//! - A bill that is not there is, at liberate, `INVBILLREF` if the reference is not of digits and otherwise
//!   `BILLFILNTFND`; elsewhere, or without an account, there is no history of it (`-`). So is a PDF or text that is not
//!   there. An account without bills is `NOBILLSFOUND`.
//! - `lob`, `channeId`, the correlation ids and `billDocument.attachmentType` change nothing.
//! - Without a period `PA` lists the last year (README §5), counted back from [`TODAY`]; the others list all.
//! - [`Fault::Throttled`] sends the contract's 429, with `Retry-After` if it has a number. [`Fault::Status`] sends the
//!   contract's 500, or no body for 502, 503 and 504, never `Retry-After`.
//! - [`Fault::ExpiredToken`], [`Fault::RevokedTokens`] and [`Fault::RefusedLogin`] refuse the credentials of the call
//!   they come with (401). [`Fault::ErrorInside`] answers 200 with an `errors` list, which the contract does not know.

mod answer;
mod book;
mod request;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use http::request::Parts;
use http::{Method, StatusCode};

use super::counts::Counts;
use super::fault::Fault;
use answer::{Refusal, json};
use request::{Content, Query, Route};

/// Path of the API below the system's base.
pub const API_PATH: &str = "/tmf-api/customerBillManagement/v1";

/// The client that may ask for every business unit.
pub const CLIENT_ID: &str = "intertie-sandbox";

/// The client that may ask for Panama alone.
pub const PANAMA_CLIENT_ID: &str = "intertie-panama";

/// The secret of both clients.
pub const CLIENT_SECRET: &str = "s4ndb0x-bills-only";

/// The day the list of Panama counts its last year back from.
pub const TODAY: &str = "2026-07-15";

/// Serves one simulated system; `counts` receives what is executed.
///
/// The system makes no links, so its public address is of no use to it.
pub fn router(_base: &str, counts: Counts) -> Router {
    Router::new().fallback(handle).with_state(counts)
}

/// Names the operation a request asks for: the contract's operationId, or `listCustomerBill`.
pub fn operation(method: &Method, path: &str, _body: &[u8]) -> Option<String> {
    let route = Route::read(path).ok()?;
    (method == Method::GET).then(|| route.operation().to_owned())
}

async fn handle(State(counts): State<Counts>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    match call(&parts) {
        Ok((operation, response)) => {
            if let Some(operation) = operation {
                counts.add(operation);
            }
            response
        }
        Err(refusal) => refusal.answer(),
    }
}

/// Answers a call, and names the operation if it was executed.
fn call(parts: &Parts) -> Result<(Option<&'static str>, Response), Refusal> {
    match parts.extensions.get::<Fault>() {
        Some(Fault::Throttled(wait)) => return Err(Refusal::throttled(*wait)),
        Some(Fault::Status(status)) => return Err(Refusal::failed(*status)),
        Some(Fault::ExpiredToken | Fault::RevokedTokens | Fault::RefusedLogin) => {
            return Err(Refusal::unauthenticated());
        }
        Some(Fault::ErrorInside) => return Ok((None, json(Refusal::failed(500).body()))),
        _ => {}
    }
    let route = Route::read(parts.uri.path())?;
    if parts.method != Method::GET {
        return Err(Refusal::only_get());
    }
    let unit = book::unit(&route.business).ok_or_else(|| Refusal::business(&route.business))?;
    let client = request::client(&parts.headers, unit.credentials)?;
    let headers = request::Headers::read(&parts.headers)?;
    let query = Query::read(parts.uri.query().unwrap_or_default(), route.id.is_none())?;
    if client == PANAMA_CLIENT_ID && unit.code != "PA" {
        return Err(Refusal::bare(StatusCode::FORBIDDEN));
    }
    if unit.maintenance {
        return Err(Refusal::maintenance());
    }
    let response = match &route.id {
        Some(id) => {
            let pdf = query.pdf || headers.pdf && !unit.pdf_by_query_only;
            let content = match (pdf, headers.text) {
                (true, true) => return Err(Refusal::both_contents()),
                (true, false) => Content::Pdf,
                (false, true) => Content::Text,
                (false, false) => Content::Summary,
            };
            if unit.lists_only {
                return Err(Refusal::not_implemented(id, unit.code));
            }
            json(unit.bill(id, &headers, &query, content)?)
        }
        None => json(unit.list(&headers, &query)?),
    };
    Ok((Some(route.operation()), response))
}
