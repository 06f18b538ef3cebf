//! A simulated Kraken deployment of the US (Texas) edition: a GraphQL server over invented customers.
//!
//! Written from the contract alone: its README, `schema.graphql` (served and validated against as it stands),
//! `errors.csv` and the examples. Two accounts belong to the one account user, and every credential below sees both.
//!
//! | account | who | what it shows |
//! |---|---|---|
//! | `A-7C41D0E2` | Jordan Reyes, domestic | the contract's examples, to the letter |
//! | `A-5E90B3F4` | Bluebonnet Laundry LLC, business | everything the contract warns about |
//!
//! | id | what | of |
//! |---|---|---|
//! | `L-51D20A77` | main ledger | `A-7C41D0E2` |
//! | `930412`, `911860`, `887004` | bills, newest first | `A-7C41D0E2` |
//! | `48213`, ESI ID `10032789401234567` | property with an exchanged meter (`119004417`, `162330958`) | `A-7C41D0E2` |
//! | `L-2B7F9C10` | main ledger, in credit | `A-5E90B3F4` |
//! | `L-6D31E8A4` | water ledger; a null edge and a null node among its entries | `A-5E90B3F4` |
//! | `L-90C4D2B7` | debt ledger, outside the account's balance | `A-5E90B3F4` |
//! | `L-E1A7705C` | deposit ledger without a name or entries | `A-5E90B3F4` |
//! | `940001`–`940012` | main ledger's older statements, 2024-10 to 2025-09 | `A-5E90B3F4` |
//! | `950301`–`950312` | main ledger's period documents, 2025-10 to 2026-09; `950306` is annulled | `A-5E90B3F4` |
//! | `950318` | correction of `950306` | `A-5E90B3F4` |
//! | `960001`–`960005` | water statements by quarter; `960004` is held, `960005` open | `A-5E90B3F4` |
//! | `970001`–`970003` | invoices; `970002` has no file, `970003` is a credit note | `A-5E90B3F4` |
//! | `980001`, `980002` | collective bills | `A-5E90B3F4` |
//! | `910001`–`910006` | imported bills; `910005` has no period | `A-5E90B3F4` |
//! | `61001`, ESI IDs `10443720000111222`, `10443720000111333` | property; exchanged meter; solar | `A-5E90B3F4` |
//! | `61002`, ESI IDs `10443720000444555`, `10443720000777888` | property left in 2026; no meter at the second | `A-5E90B3F4` |
//!
//! Forty bills that count and an annulled one on `A-5E90B3F4`, 38 of them under the default filters. Meter data: 2025-10-01 to 2026-02-04 for
//! `A-7C41D0E2`, 2025-10-01 to 2026-09-30 for `A-5E90B3F4`, both changes of the clock included.
//!
//! Below `/gb` another deployment speaks the GB edition: `schema.graphql` with `schema.gb-extension.graphql` on top, less
//! what the extension's head says that edition lacks. It has the same accounts and books, and other properties:
//!
//! | id | what | of |
//! |---|---|---|
//! | `72001`, MPAN `1900008412345`, MPRN `3245178906` | meter `20L3214765` with one register; gas meter `G4A00512` | `A-7C41D0E2` |
//! | `73001`, MPANs `2300001456789`, `2394000000127` | exchanged meter (`15K0044210`, `23J0910056`) with two registers and 135 weekly readings; export | `A-5E90B3F4` |
//! | `73002`, MPAN `2300001456790` | no meter | `A-5E90B3F4` |
//!
//! The users of `A-7C41D0E2` are the account user alone; those of `A-5E90B3F4` are `1203511`, who owns it, the account
//! user, who pays its bills, and `1203760`, who has no part named.
//!
//! What the contract leaves open and is inference here: the measure of complexity (see `limits`), which of KT-CT-1202
//! and 1203 is whose, the codes of refused organisation and pre-signed keys, a forgotten token being KT-CT-1162, status
//! 200 for a root field repeated under aliases, `endOn` left out of its window, a running balance per ledger, the
//! viewer an organisation sees, and that points per hour are reported but not enforced.
//!
//! Writes change the deployment they are sent to, until it is opened anew: `createAccountCharge`, `postCredit`,
//! `createAccountCredit`, `submitRepaymentRequest`, `cancelRepaymentRequest`, `createAccountNote`,
//! `updateAccountBillingEmail`, `updateAccountBillingAddress` and `updateCommsDeliveryPreference` (see `writes`, which
//! also says what is inference there); in the GB edition also `createElectricityMeterReading` and `createGasMeterReading`
//! (see `readings`).
//!
//! Not simulated: other mutations (an APPLICATION error), `POINT_IN_TIME` and `INTERVALIZED`
//! measurements and the market-neutral `readings` (empty or null), search, portfolios and plans (empty or null).

mod data;
mod documents;
mod edition;
mod execute;
mod fields;
mod limits;
mod login;
mod measurements;
mod page;
mod readings;
mod refusal;
mod resolve;
mod writes;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use serde::Deserialize;
use serde_json::{Value, json};

use self::edition::Edition;
use self::login::{Sessions, Standing};
use self::refusal::Refusal;
use super::counts::Counts;
use super::fault::Fault;

/// The API key of the account user.
pub const API_KEY: &str = "sk_live_SANDBOX00000000000000000";
/// The secret of the organisation that may act for the account user.
pub const ORGANIZATION_SECRET: &str = "sk_org_SANDBOX000000000000000000";
/// The account user's email address, which is also a login.
pub const EMAIL: &str = "jordan.reyes@example.com";
/// The password that goes with [`EMAIL`].
pub const PASSWORD: &str = "sandbox-lone-star-1845";

const CORRELATION: HeaderName = HeaderName::from_static("x-kraken-correlation-id");
const COMPLEXITY: HeaderName = HeaderName::from_static("x-kraken-query-complexity");
/// Path of the GraphQL endpoint below the system's base.
pub const GRAPHQL: &str = "/v1/graphql/";
/// Path of the endpoint that speaks the GB edition.
pub const GB_GRAPHQL: &str = "/gb/v1/graphql/";
const DOCUMENTS: &str = "/documents/";

/// What one deployment keeps between requests.
struct State {
    /// Where the deployment is reached, without a trailing slash.
    base: String,
    edition: Edition,
    counts: Counts,
    sessions: Sessions,
    documents: execute::Documents,
    books: writes::Books,
    points: Points,
}

/// Points used in the current hour: reported, never enforced.
#[derive(Default)]
struct Points(Mutex<(i64, u64)>);

impl Points {
    fn spend(&self, now: i64, points: u64) {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = now.div_euclid(3600);
        *spent = if spent.0 == hour {
            (hour, spent.1.saturating_add(points))
        } else {
            (hour, points)
        };
    }

    fn used(&self, now: i64) -> u64 {
        let spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.0 == now.div_euclid(3600) { spent.1 } else { 0 }
    }

    fn renewed_at(&self, now: i64) -> i64 {
        (now.div_euclid(3600) + 1) * 3600
    }
}

/// A simulated deployment, with tokens of its own, that believes to be reached at `base`; below `/gb` another one of the
/// GB edition.
pub fn router(base: &str, counts: Counts) -> Router {
    let base = base.trim_end_matches('/');
    let british = deployment(format!("{base}/gb"), Edition::Gb, counts.clone());
    deployment(base.to_owned(), Edition::Us, counts).nest("/gb", british)
}

fn deployment(base: String, edition: Edition, counts: Counts) -> Router {
    let state = Arc::new(State {
        sessions: Sessions::new(format!("{base}{GRAPHQL}")),
        base,
        edition,
        counts,
        documents: execute::Documents::new(edition),
        books: writes::Books::new(edition),
        points: Points::default(),
    });
    Router::new()
        .route(GRAPHQL, any(graphql))
        .route("/documents/{bill}", get(document))
        .with_state(state)
}

/// The name of the operation a request asks for, as [`Counts`] counts it; a document's download is `document`.
pub fn operation(method: &Method, path: &str, body: &[u8]) -> Option<String> {
    if method == Method::GET && path.contains(DOCUMENTS) {
        return Some("document".to_owned());
    }
    if method != Method::POST || !path.ends_with(GRAPHQL) {
        return None;
    }
    let request: Request = serde_json::from_slice(body).ok()?;
    if request.operation_name.is_some() {
        return request.operation_name;
    }
    let document = apollo_compiler::ast::Document::parse(request.query, "request.graphql").ok()?;
    document.definitions.iter().find_map(|definition| {
        definition
            .as_operation_definition()
            .and_then(|operation| operation.name.as_ref())
            .map(ToString::to_string)
    })
}

/// The body of a request.
#[derive(Deserialize)]
struct Request {
    #[serde(default, rename = "operationName")]
    operation_name: Option<String>,
    query: String,
    #[serde(default)]
    variables: Value,
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

async fn document(
    Shared(state): Shared<Arc<State>>,
    Path(bill): Path<String>,
    RawQuery(query): RawQuery,
    fault: Option<Extension<Fault>>,
) -> Response {
    if let Some(refused) = fault.and_then(|Extension(fault)| outage(fault)) {
        return refused;
    }
    state.counts.add("document");
    documents::serve(&state, &bill, &query.unwrap_or_default(), now())
}

async fn graphql(
    Shared(state): Shared<Arc<State>>,
    method: Method,
    headers: HeaderMap,
    fault: Option<Extension<Fault>>,
    body: Bytes,
) -> Response {
    let fault = fault.map(|Extension(fault)| fault);
    let mut response = match fault.and_then(outage) {
        Some(refused) => refused,
        None if method == Method::POST => answer(&state, &headers, fault, &body, now()),
        None => bad_request(vec![json!({"message": "GraphQL only supports POST requests."})]),
    };
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::now_v7().simple().to_string()) {
        response.headers_mut().insert(CORRELATION, id);
    }
    response
}

/// Faults of the edge and of an outage, which know no GraphQL.
fn outage(fault: Fault) -> Option<Response> {
    match fault {
        Fault::Throttled(Some(seconds)) => {
            let headers = [
                (header::RETRY_AFTER, seconds.to_string()),
                (header::CONTENT_TYPE, "text/plain".to_owned()),
            ];
            Some((StatusCode::TOO_MANY_REQUESTS, headers, "Too Many Requests\n").into_response())
        }
        Fault::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let reason = status.canonical_reason().unwrap_or("Server Error");
            let page =
                format!("<html>\n<head><title>{reason}</title></head>\n<body><h1>{reason}</h1></body>\n</html>\n");
            Some((status, [(header::CONTENT_TYPE, "text/html")], page).into_response())
        }
        _ => None,
    }
}

fn answer(state: &State, headers: &HeaderMap, fault: Option<Fault>, body: &[u8], now: i64) -> Response {
    let Ok(request) = serde_json::from_slice::<Request>(body) else {
        return bad_request(vec![json!({"message": "POST body sent invalid JSON."})]);
    };
    let name = request.operation_name.as_deref().filter(|name| !name.is_empty());
    let prepared = match state.documents.prepare(&request.query, name, &request.variables) {
        Ok(prepared) => prepared,
        Err(errors) => return bad_request(errors),
    };
    if let Some(field) = prepared.repeated_root_field() {
        let message = format!("The field '{field}' may be requested only once.");
        return ok(&json!({"errors": [{"message": message}], "data": null}));
    }
    if prepared.cost.complexity > limits::COMPLEXITY {
        return ok(&json!({"errors": [Refusal::too_complex().at(json!([]), json!([]))], "data": null}));
    }
    if prepared.cost.nodes > limits::NODES {
        return ok(&json!({"errors": [Refusal::too_many_nodes().at(json!([]), json!([]))], "data": null}));
    }
    match fault {
        Some(Fault::Throttled(_)) => return ok(&prepared.refuse(&Refusal::throttled())),
        Some(Fault::ErrorInside) => {
            return ok(&prepared.refuse(&Refusal::uncoded("APPLICATION", "Internal server error.")));
        }
        Some(Fault::RevokedTokens) => state.sessions.forget(),
        _ => {}
    }
    let authorization = headers
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().unwrap_or_default());
    let standing = match (authorization, fault) {
        (Some(_), Some(Fault::ExpiredToken)) => Standing::Refused(Refusal::stale_token()),
        _ => state.sessions.standing(authorization, now),
    };
    // Behind a refused header nothing is executed.
    if let Some(name) = prepared.name()
        && !matches!(standing, Standing::Refused(_))
    {
        state.counts.add(name);
    }
    state.points.spend(now, prepared.cost.complexity);
    let refuse_login = fault == Some(Fault::RefusedLogin);
    let context = resolve::Context::new(state, standing, now, refuse_login);
    let mut response = ok(&prepared.execute(&context));
    if headers
        .get(&COMPLEXITY)
        .is_some_and(|wanted| wanted.as_bytes().eq_ignore_ascii_case(b"true"))
    {
        response
            .headers_mut()
            .insert(COMPLEXITY, HeaderValue::from(prepared.cost.complexity));
    }
    response
}

fn ok(body: &Value) -> Response {
    written(StatusCode::OK, body)
}

/// A request that cannot be executed: status 400, errors without extensions, no data.
fn bad_request(errors: Vec<Value>) -> Response {
    written(StatusCode::BAD_REQUEST, &json!({"errors": errors}))
}

fn written(status: StatusCode, body: &Value) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        Body::from(body.to_string()),
    )
        .into_response()
}
