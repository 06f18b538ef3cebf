//! The HTTP face: routes and their documentation in one list, what stands around every request in another.
//!
//! A handler extracts, builds the operation, hands it to the gateway and answers. Nothing here knows one backend from
//! another.

mod accounts;
mod answer;
mod arrangements;
mod backends;
mod bills;
mod candidates;
mod changes;
mod check;
mod contacts;
mod credentials;
pub mod cursor;
mod custom_attributes;
mod customers;
mod document;
mod extract;
mod filter;
mod holds;
mod meters;
mod native;
mod notes;
mod ops;
mod organisations;
mod payment_methods;
mod payment_review;
mod payments;
mod postings;
mod problem;
mod providers;
mod readings;
mod refunds;
mod relationships;
mod route;
mod service_points;
mod service_types;
mod templates;
mod trail;
mod transactions;
mod usage;

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use metrics::Counter;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tracing::info;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::{Caller, Callers};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::Gateway;
use crate::model::id::BackendName;
use crate::operations::accounts::{
    CloseAccount, CreateAccount, GetAccount, GetBalance, GetBillingSchedule, GetPaymentTerms, GetSuggestedPayment,
    ListOverduePayments, MatchAccounts, ReactivateAccount, SearchAccounts, SetParent, SuspendAccount, UpdateAccount,
};
use crate::operations::arrangements::{CancelPaymentArrangement, CreatePaymentArrangement, ListPaymentArrangements};
use crate::operations::bills::{CorrectBill, GetBill, GetBillDocument, ListBillReadings, ListBills};
use crate::operations::candidates::{EnrollCandidate, SearchCandidateAccounts, SearchCandidateMeters};
use crate::operations::changes::SearchChanges;
use crate::operations::contacts::{
    CreateContact, GetContact, ListContacts, RelateContact, RemoveContact, UnrelateContact, UpdateContact,
};
use crate::operations::credentials::{
    CreateCredential, GetCredential, MatchCredentials, SearchCredentials, UpdateCredential,
};
use crate::operations::custom_attributes::{
    CreateCustomAttribute, GetCustomAttribute, SearchCustomAttributes, UpdateCustomAttribute,
};
use crate::operations::customers::{CreateCustomer, GetCustomer, SyncCustomer, UpdateCustomer};
use crate::operations::holds::{GetHold, PlaceHold};
use crate::operations::meters::{CreateMeter, GetMeter, ListMeters, SearchMeters, UpdateMeter};
use crate::operations::native::{CallNative, QueryNative};
use crate::operations::notes::{CreateNote, ListNotes};
use crate::operations::organisations::{
    CreateOrganisation, GetOrganisation, RelateOrganisation, UnrelateOrganisation, UpdateOrganisation,
};
use crate::operations::payment_methods::{CreatePaymentMethod, ListPaymentMethods};
use crate::operations::payment_review::{GetPaymentReview, SetPaymentReview};
use crate::operations::payments::ListPayments;
use crate::operations::postings::{CreateCharge, CreateCredit};
use crate::operations::providers::{GetProvider, SearchProviders};
use crate::operations::readings::{ListReadings, SubmitReadings, ValidateReadings};
use crate::operations::refunds::{CancelRefund, ListRefunds, RequestRefund};
use crate::operations::service_points::{GetServicePoint, ListServicePoints};
use crate::operations::service_types::{GetServiceType, ListServiceTypes};
use crate::operations::templates::{GetTemplate, SearchTemplates};
use crate::operations::transactions::ListTransactions;
use crate::operations::usage::ListUsage;
use crate::operations::{Context, Scope};
use problem::{Failed, Failure};
use route::{Reading, route};
use trail::Trail;

/// Prints the metrics as Prometheus text.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the face needs to answer requests.
pub struct State {
    /// The road of every call.
    pub gateway: Gateway,
    /// Who may call.
    pub callers: Callers,
    /// What seals cursors; gateways behind one address share its secret.
    pub cursors: cursor::Seal,
    /// What an operator sets.
    pub settings: Settings,
    /// Whether the process may be sent calls: set when it is up, unset before it drains.
    pub ready: Arc<AtomicBool>,
    /// Prints the metrics.
    pub metrics: Metrics,
}

/// What an operator sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a call may take unless its caller says otherwise.
    pub default_deadline: Duration,
    /// The longest a caller may make a call take.
    pub max_deadline: Duration,
    /// The most bytes of a request's body.
    pub max_body: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_deadline: Duration::from_secs(30),
            max_deadline: Duration::from_secs(120),
            max_body: 1024 * 1024,
        }
    }
}

type Shared = Arc<State>;

/// The whole face, ready to be served.
pub fn router(state: State) -> Router {
    let shared = Arc::new(state);
    calls(Router::new())
        .route_layer(from_fn_with_state(Arc::clone(&shared), admit))
        .merge(own(Router::new()))
        .with_state(Arc::clone(&shared))
        .merge(document::page())
        // Around every request, from the outside in. `admit`, which asks who calls, stands inside of these around the routes
        // under /v1 and /metrics: health and documentation are for everybody.
        .layer(
            ServiceBuilder::new()
                // First of all the names of the request, which everything inside logs and returns.
                .layer(from_fn(name))
                // Then the one line about each request and the problem document of each failure, also of those that the
                // layers further in cause.
                .layer(from_fn_with_state(Arc::new(Requests::default()), account_for))
                // Panics become failures here, so that they are logged and answered like any other.
                .layer(CatchPanicLayer::custom(problem::of_panic))
                // Innermost, the cap on bodies: whoever reads one cannot read more.
                .layer(RequestBodyLimitLayer::new(shared.settings.max_body)),
        )
}

/// The problem document for a request that was refused before it could be read, and so never reached [`router`].
#[must_use]
pub fn refusal(status: StatusCode) -> Bytes {
    problem::of_unread(status)
}

/// The OpenAPI 3.1 document of everything that [`router`] serves, as JSON: what is checked in.
pub const OPENAPI: &str = include_str!("../../openapi/intertie.json");

/// Makes the OpenAPI 3.1 document of everything that [`router`] serves from the routes and the types; [`OPENAPI`] is what
/// came of it last.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let document = |routes: OpenApiRouter<Shared>| routes.into_openapi();
    document::finished(
        document(calls(OpenApiRouter::new())),
        document(own(OpenApiRouter::new())),
    )
}

/// The calls of callers: each route with its documentation, each operation with the type that says what is true of it.
fn calls<R: Reading>(list: R) -> R {
    list.on(route!(SearchAccounts => accounts::search_accounts))
        .on(route!(MatchAccounts => accounts::match_accounts))
        .on(route!(GetAccount => accounts::get_account))
        .on(route!(GetBalance => accounts::get_balance))
        .on(route!(CreateAccount => accounts::create_account))
        .on(route!(UpdateAccount => accounts::update_account))
        .on(route!(CloseAccount => accounts::close_account))
        .on(route!(SuspendAccount => accounts::suspend_account))
        .on(route!(ReactivateAccount => accounts::reactivate_account))
        .on(route!(SetParent => accounts::set_parent))
        .on(route!(GetBillingSchedule => accounts::get_billing_schedule))
        .on(route!(GetPaymentTerms => accounts::get_payment_terms))
        .on(route!(GetSuggestedPayment => accounts::get_suggested_payment))
        .on(route!(ListOverduePayments => accounts::list_overdue_payments))
        .on(route!(GetHold => holds::get_hold))
        .on(route!(PlaceHold => holds::place_hold))
        .on(route!(ListBills => bills::list_bills))
        .on(route!(GetBill => bills::get_bill))
        .on(route!(GetBillDocument => bills::get_bill_document))
        .on(route!(ListBillReadings => bills::list_bill_readings))
        .on(route!(CorrectBill => bills::correct_bill))
        .on(route!(ListTransactions => transactions::list_transactions))
        .on(route!(CreateCharge => postings::create_charge))
        .on(route!(CreateCredit => postings::create_credit))
        .on(route!(ListPayments => payments::list_payments))
        .on(route!(ListPaymentMethods => payment_methods::list_payment_methods))
        .on(route!(CreatePaymentMethod => payment_methods::create_payment_method))
        .on(route!(GetPaymentReview => payment_review::get_payment_review))
        .on(route!(SetPaymentReview => payment_review::set_payment_review))
        .on(route!(ListPaymentArrangements => arrangements::list_arrangements))
        .on(route!(CreatePaymentArrangement => arrangements::create_arrangement))
        .on(route!(CancelPaymentArrangement => arrangements::cancel_arrangement))
        .on(route!(ListRefunds => refunds::list_refunds))
        .on(route!(RequestRefund => refunds::request_refund))
        .on(route!(CancelRefund => refunds::cancel_refund))
        .on(route!(ListNotes => notes::list_notes))
        .on(route!(CreateNote => notes::create_note))
        .on(route!(ListServicePoints => service_points::list_service_points))
        .on(route!(GetServicePoint => service_points::get_service_point))
        .on(route!(ListMeters => meters::list_meters))
        .on(route!(GetMeter => meters::get_meter))
        .on(route!(ListReadings => readings::list_readings))
        .on(route!(ValidateReadings => readings::validate_readings))
        .on(route!(SubmitReadings => readings::submit_readings))
        .on(route!(ListUsage => usage::list_usage))
        .on(route!(SearchMeters => meters::search_meters))
        .on(route!(CreateMeter => meters::create_meter))
        .on(route!(UpdateMeter => meters::update_meter))
        .on(route!(CreateCustomer => customers::create_customer))
        .on(route!(GetCustomer => customers::get_customer))
        .on(route!(UpdateCustomer => customers::update_customer))
        .on(route!(SyncCustomer => customers::sync_customer))
        .on(route!(CreateOrganisation => organisations::create_organisation))
        .on(route!(GetOrganisation => organisations::get_organisation))
        .on(route!(UpdateOrganisation => organisations::update_organisation))
        .on(route!(RelateOrganisation => organisations::relate_organisation))
        .on(route!(UnrelateOrganisation => organisations::unrelate_organisation))
        .on(route!(ListContacts => contacts::list_contacts))
        .on(route!(CreateContact => contacts::create_contact))
        .on(route!(GetContact => contacts::get_contact))
        .on(route!(UpdateContact => contacts::update_contact))
        .on(route!(RemoveContact => contacts::remove_contact))
        .on(route!(RelateContact => contacts::relate_contact))
        .on(route!(UnrelateContact => contacts::unrelate_contact))
        .on(route!(SearchCredentials => credentials::search_credentials))
        .on(route!(MatchCredentials => credentials::match_credentials))
        .on(route!(CreateCredential => credentials::create_credential))
        .on(route!(GetCredential => credentials::get_credential))
        .on(route!(UpdateCredential => credentials::update_credential))
        .on(route!(SearchProviders => providers::search_providers))
        .on(route!(GetProvider => providers::get_provider))
        .on(route!(SearchTemplates => templates::search_templates))
        .on(route!(GetTemplate => templates::get_template))
        .on(route!(ListServiceTypes => service_types::list_service_types))
        .on(route!(GetServiceType => service_types::get_service_type))
        .on(route!(SearchCustomAttributes => custom_attributes::search_custom_attributes))
        .on(route!(CreateCustomAttribute => custom_attributes::create_custom_attribute))
        .on(route!(GetCustomAttribute => custom_attributes::get_custom_attribute))
        .on(route!(UpdateCustomAttribute => custom_attributes::update_custom_attribute))
        .on(route!(SearchCandidateAccounts => candidates::search_candidate_accounts))
        .on(route!(SearchCandidateMeters => candidates::search_candidate_meters))
        .on(route!(EnrollCandidate => candidates::enroll_candidate))
        .on(route!(SearchChanges => changes::search_changes))
        .on(route!(CallNative => native::call_raw))
        .on(route!(QueryNative => native::query_graphql))
        .on(route!(backends::list_backends))
        .on(route!(backends::get_backend))
        .on(route!(backends::list_capabilities))
        .on(route!(ops::metrics))
}

/// What everybody may ask of the process.
fn own<R: Reading>(list: R) -> R {
    list.on(route!(ops::live))
        .on(route!(ops::ready))
        .on(route!(ops::openapi))
        .on(route!(ops::problem_page))
}

/// One request of one caller, as far as it is the same for every operation.
struct Ask {
    shared: Shared,
    caller: Arc<Caller>,
    cx: Context,
    trail: Trail,
    headers: HeaderMap,
}

impl Ask {
    /// Asks for the system's own record too, if it is wanted.
    fn native(mut self, wanted: bool) -> Self {
        self.cx.native = wanted;
        self
    }

    /// Checks a right that no operation stands for.
    fn require(&self, scope: Scope) -> Result<()> {
        if self.caller.holds(scope) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Forbidden,
            format!("the caller lacks the scope `{}`", scope.as_str()),
        )
        .code("insufficient_scope"))
    }
}

/// What an answer says of itself to the line about its request.
#[derive(Clone)]
struct Served {
    operation: &'static str,
    backend: Option<BackendName>,
}

/// Names the request, and says the name in the answer.
async fn name(mut request: Request, next: Next) -> Response {
    let trail = Trail::of(request.headers());
    let id = HeaderValue::from_str(&trail.request_id);
    request.extensions_mut().insert(trail);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(id) = id {
        headers.insert(trail::REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // What is not said to be for everybody is one customer's.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-store"));
    response
}

/// Asks who calls.
async fn admit(
    axum::extract::State(shared): axum::extract::State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match shared.callers.authenticate(request.headers()) {
        Ok(caller) => caller,
        Err(error) => return Failure::from(error).into_response(),
    };
    request.extensions_mut().insert(Arc::clone(&caller));
    let mut response = next.run(request).await;
    response.extensions_mut().insert(caller);
    response
}

/// Turns failures into problem documents, and logs the request and what became of it.
async fn account_for(
    axum::extract::State(requests): axum::extract::State<Arc<Requests>>,
    request: Request,
    next: Next,
) -> Response {
    let trail = request
        .extensions()
        .get::<Trail>()
        .cloned()
        .unwrap_or_else(|| Trail::of(request.headers()));
    let mut line = Line {
        method: request.method().clone(),
        // The route as it is declared: paths hold customers' numbers.
        route: request.extensions().get::<MatchedPath>().cloned(),
        trail,
        told: false,
        requests,
    };
    // A copy: a clone would hold the connection's whole read buffer for as long as the call takes.
    let path: Box<str> = request.uri().path().into();
    let mut response = next.run(request).await;
    let caller = response.extensions_mut().remove::<Arc<Caller>>();
    let caller_name = caller.as_ref().map(|caller| &*caller.name);
    let failed = response.extensions_mut().remove::<Failed>().map(|failed| failed.0);
    let status = response.status();
    let served = response.extensions_mut().remove::<Served>();
    let failed = failed.or_else(|| {
        // What the router, the body limit and the reference page refuse by themselves. An answer that was served is one,
        // whatever its status: a system's own refusal, passed on.
        let bare = served.is_none() && (status.is_client_error() || status.is_server_error());
        bare.then(|| Arc::new(problem::of_status(status)))
    });
    if let Some(error) = failed {
        problem::log(&error, &line.trail, caller_name);
        response = problem::render(&error, &line.trail, &path, response.headers());
        line.tell(response.status(), error.operation(), error.backend(), caller_name);
    } else {
        let backend = served.as_ref().and_then(|served| served.backend.as_ref());
        line.tell(
            status,
            served.as_ref().map(|served| served.operation),
            backend.map(BackendName::as_str),
            caller_name,
        );
    }
    response
}

/// The line about one request. A request whose caller hung up is told of when it is dropped.
struct Line {
    method: Method,
    route: Option<MatchedPath>,
    trail: Trail,
    told: bool,
    requests: Arc<Requests>,
}

/// How many requests there were. Handles are held: looking one up by its labels costs more than counting does.
#[derive(Default)]
struct Requests(RwLock<HashMap<Box<str>, Vec<Counted>>>);

/// The requests of one route that had the same method and the same answer.
struct Counted {
    method: &'static str,
    status: StatusCode,
    counter: Counter,
}

impl Requests {
    fn count(&self, method: &'static str, route: &str, status: StatusCode) {
        let counted = |counted: &&Counted| counted.method == method && counted.status == status;
        {
            let routes = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(counted) = routes.get(route).and_then(|held| held.iter().find(counted)) {
                counted.counter.increment(1);
                return;
            }
        }
        let counter = metrics::counter!(
            "intertie_requests_total",
            "method" => method,
            "route" => route.to_owned(),
            "status" => status.as_u16().to_string(),
        );
        counter.increment(1);
        let mut routes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let held = routes.entry(route.into()).or_default();
        if !held.iter().any(|held| counted(&held)) {
            held.push(Counted {
                method,
                status,
                counter,
            });
        }
    }
}

impl Line {
    fn tell(&mut self, status: StatusCode, operation: Option<&str>, backend: Option<&str>, caller: Option<&str>) {
        self.told = true;
        self.requests.count(named(&self.method), self.route(), status);
        info!(
            method = named(&self.method),
            route = self.route(),
            status = status.as_u16(),
            elapsed_ms = self.elapsed_ms(),
            operation,
            backend,
            caller,
            request_id = &*self.trail.request_id,
            trace_id = self.trail.trace_id(),
            "request"
        );
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or("none", MatchedPath::as_str)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.trail.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The method as a label: callers may make methods up, and labels come from a closed set.
fn named(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.told {
            info!(
                method = named(&self.method),
                route = self.route(),
                elapsed_ms = self.elapsed_ms(),
                request_id = &*self.trail.request_id,
                trace_id = self.trail.trace_id(),
                "request given up by its caller"
            );
        }
    }
}
