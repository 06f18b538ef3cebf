//! The HTTP face: routes and their documentation in one list, what stands around every request in another.
//!
//! A handler extracts, builds the operation, hands it to the gateway and answers. Nothing here knows one backend from
//! another.

mod accounts;
mod answer;
mod arrangements;
mod audit;
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
mod door;
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
mod rate;
mod readings;
mod refunds;
mod relationships;
mod service_points;
mod service_types;
mod templates;
mod trail;
mod transactions;
mod usage;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use secrecy::SecretString;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tracing::info;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::auth::{Caller, Callers, Rates};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::Gateway;
use crate::model::id::BackendName;
use crate::operations::accounts::{
    CloseAccount, CreateAccount, GetAccount, GetBalance, GetBillingSchedule, GetPaymentTerms, GetSuggestedPayment,
    ListOverduePayments, ReactivateAccount, SearchAccounts, SetParent, SuspendAccount, UpdateAccount,
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
use crate::operations::{Context, Operation, Scope};
use audit::{Asked, Audit, Became, Who};
pub use door::{Cors, Peer};
use problem::{Failed, Failure};
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
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a call may take unless its caller says otherwise.
    pub default_deadline: Duration,
    /// The longest a caller may make a call take.
    pub max_deadline: Duration,
    /// The most bytes of a request's body.
    pub max_body: usize,
    /// The longest that a request's body may take to come.
    pub body_timeout: Duration,
    /// The hosts that are answered for, with or without a port, in lower case; none is every host.
    pub allowed_hosts: Vec<String>,
    /// Which pages of browsers may call.
    pub cors: Cors,
    /// How often callers may call.
    pub rates: Rates,
    /// What records are hashed with in the lines of the audit; without it, they are not named there.
    pub audit_key: Option<SecretString>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_deadline: Duration::from_secs(30),
            max_deadline: Duration::from_secs(120),
            max_body: 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            allowed_hosts: Vec::new(),
            cors: Cors::default(),
            rates: Rates::default(),
            audit_key: None,
        }
    }
}

type Shared = Arc<State>;

/// The whole face, ready to be served.
pub fn router(state: State) -> Router {
    let shared = Arc::new(state);
    let (calls, document) = calls().split_for_parts();
    let (own, own_document) = own().split_for_parts();
    let outside = Arc::new(Outside {
        audit: Audit::new(shared.settings.audit_key.as_ref(), &document),
        shared: Arc::clone(&shared),
    });
    let document = document::finished(document, own_document);
    let written = ops::Written(document.to_json().unwrap_or_default().into());
    let admission = Admission {
        limits: rate::Limits::new(&shared.settings.rates),
        shared: Arc::clone(&shared),
    };
    let calls = calls.route_layer(from_fn_with_state(Arc::new(admission), admit));
    let own = own.layer(axum::Extension(written));
    let routes = calls.merge(own).with_state(Arc::clone(&shared)).merge(document::page());
    // Around every request, from the outside in. `admit`, which asks who calls, stands inside of these around the routes
    // under /v1 and /metrics: health and documentation are for everybody.
    let outer = ServiceBuilder::new()
        // First of all the names of the request, which everything inside logs and returns.
        .layer(from_fn(name))
        // Then the one line about each request and the problem document of each failure, also of those that the layers
        // further in cause; before anything else, whether the request is for this host.
        .layer(from_fn_with_state(outside, account_for));
    let inner = ServiceBuilder::new()
        // Panics become failures here, so that they are logged and answered like any other.
        .layer(CatchPanicLayer::custom(problem::of_panic))
        // Innermost, the cap on bodies: whoever reads one cannot read more.
        .layer(RequestBodyLimitLayer::new(shared.settings.max_body));
    match shared.settings.cors.layer() {
        None => routes.layer(outer.layer(inner)),
        // Between the two: questions of browsers are answered and logged without asking who calls, and failures carry the
        // headers without which a page could not read them.
        Some(cors) => routes.layer(outer.layer(cors).layer(inner)),
    }
}

/// The problem document for a request that was refused before it could be read, and so never reached [`router`].
#[must_use]
pub fn refusal(status: StatusCode) -> Bytes {
    problem::of_unread(status)
}

/// The OpenAPI 3.1 document of everything that [`router`] serves.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    document::finished(calls().into_openapi(), own().into_openapi())
}

/// The calls of callers: each route with its documentation, each operation with the type that says what is true of it.
fn calls() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(of::<SearchAccounts>(routes!(accounts::search_accounts)))
        .routes(of::<GetAccount>(routes!(accounts::get_account)))
        .routes(of::<GetBalance>(routes!(accounts::get_balance)))
        .routes(of::<CreateAccount>(routes!(accounts::create_account)))
        .routes(of::<UpdateAccount>(routes!(accounts::update_account)))
        .routes(of::<CloseAccount>(routes!(accounts::close_account)))
        .routes(of::<SuspendAccount>(routes!(accounts::suspend_account)))
        .routes(of::<ReactivateAccount>(routes!(accounts::reactivate_account)))
        .routes(of::<SetParent>(routes!(accounts::set_parent)))
        .routes(of::<GetBillingSchedule>(routes!(accounts::get_billing_schedule)))
        .routes(of::<GetPaymentTerms>(routes!(accounts::get_payment_terms)))
        .routes(of::<GetSuggestedPayment>(routes!(accounts::get_suggested_payment)))
        .routes(of::<ListOverduePayments>(routes!(accounts::list_overdue_payments)))
        .routes(of::<GetHold>(routes!(holds::get_hold)))
        .routes(of::<PlaceHold>(routes!(holds::place_hold)))
        .routes(of::<ListBills>(routes!(bills::list_bills)))
        .routes(of::<GetBill>(routes!(bills::get_bill)))
        .routes(of::<GetBillDocument>(routes!(bills::get_bill_document)))
        .routes(of::<ListBillReadings>(routes!(bills::list_bill_readings)))
        .routes(of::<CorrectBill>(routes!(bills::correct_bill)))
        .routes(of::<ListTransactions>(routes!(transactions::list_transactions)))
        .routes(of::<CreateCharge>(routes!(postings::create_charge)))
        .routes(of::<CreateCredit>(routes!(postings::create_credit)))
        .routes(of::<ListPayments>(routes!(payments::list_payments)))
        .routes(of::<ListPaymentMethods>(routes!(payment_methods::list_payment_methods)))
        .routes(of::<CreatePaymentMethod>(routes!(
            payment_methods::create_payment_method
        )))
        .routes(of::<GetPaymentReview>(routes!(payment_review::get_payment_review)))
        .routes(of::<SetPaymentReview>(routes!(payment_review::set_payment_review)))
        .routes(of::<ListPaymentArrangements>(routes!(arrangements::list_arrangements)))
        .routes(of::<CreatePaymentArrangement>(routes!(
            arrangements::create_arrangement
        )))
        .routes(of::<CancelPaymentArrangement>(routes!(
            arrangements::cancel_arrangement
        )))
        .routes(of::<ListRefunds>(routes!(refunds::list_refunds)))
        .routes(of::<RequestRefund>(routes!(refunds::request_refund)))
        .routes(of::<CancelRefund>(routes!(refunds::cancel_refund)))
        .routes(of::<ListNotes>(routes!(notes::list_notes)))
        .routes(of::<CreateNote>(routes!(notes::create_note)))
        .routes(of::<ListServicePoints>(routes!(service_points::list_service_points)))
        .routes(of::<GetServicePoint>(routes!(service_points::get_service_point)))
        .routes(of::<ListMeters>(routes!(meters::list_meters)))
        .routes(of::<GetMeter>(routes!(meters::get_meter)))
        .routes(of::<ListReadings>(routes!(readings::list_readings)))
        .routes(of::<ValidateReadings>(routes!(readings::validate_readings)))
        .routes(of::<SubmitReadings>(routes!(readings::submit_readings)))
        .routes(of::<ListUsage>(routes!(usage::list_usage)))
        .routes(of::<SearchMeters>(routes!(meters::search_meters)))
        .routes(of::<CreateMeter>(routes!(meters::create_meter)))
        .routes(of::<UpdateMeter>(routes!(meters::update_meter)))
        .routes(of::<CreateCustomer>(routes!(customers::create_customer)))
        .routes(of::<GetCustomer>(routes!(customers::get_customer)))
        .routes(of::<UpdateCustomer>(routes!(customers::update_customer)))
        .routes(of::<SyncCustomer>(routes!(customers::sync_customer)))
        .routes(of::<CreateOrganisation>(routes!(organisations::create_organisation)))
        .routes(of::<GetOrganisation>(routes!(organisations::get_organisation)))
        .routes(of::<UpdateOrganisation>(routes!(organisations::update_organisation)))
        .routes(of::<RelateOrganisation>(routes!(organisations::relate_organisation)))
        .routes(of::<UnrelateOrganisation>(routes!(
            organisations::unrelate_organisation
        )))
        .routes(of::<ListContacts>(routes!(contacts::list_contacts)))
        .routes(of::<CreateContact>(routes!(contacts::create_contact)))
        .routes(of::<GetContact>(routes!(contacts::get_contact)))
        .routes(of::<UpdateContact>(routes!(contacts::update_contact)))
        .routes(of::<RemoveContact>(routes!(contacts::remove_contact)))
        .routes(of::<RelateContact>(routes!(contacts::relate_contact)))
        .routes(of::<UnrelateContact>(routes!(contacts::unrelate_contact)))
        .routes(of::<SearchCredentials>(routes!(credentials::search_credentials)))
        .routes(of::<MatchCredentials>(routes!(credentials::match_credentials)))
        .routes(of::<CreateCredential>(routes!(credentials::create_credential)))
        .routes(of::<GetCredential>(routes!(credentials::get_credential)))
        .routes(of::<UpdateCredential>(routes!(credentials::update_credential)))
        .routes(of::<SearchProviders>(routes!(providers::search_providers)))
        .routes(of::<GetProvider>(routes!(providers::get_provider)))
        .routes(of::<SearchTemplates>(routes!(templates::search_templates)))
        .routes(of::<GetTemplate>(routes!(templates::get_template)))
        .routes(of::<ListServiceTypes>(routes!(service_types::list_service_types)))
        .routes(of::<GetServiceType>(routes!(service_types::get_service_type)))
        .routes(of::<SearchCustomAttributes>(routes!(
            custom_attributes::search_custom_attributes
        )))
        .routes(of::<CreateCustomAttribute>(routes!(
            custom_attributes::create_custom_attribute
        )))
        .routes(of::<GetCustomAttribute>(routes!(
            custom_attributes::get_custom_attribute
        )))
        .routes(of::<UpdateCustomAttribute>(routes!(
            custom_attributes::update_custom_attribute
        )))
        .routes(of::<SearchCandidateAccounts>(routes!(
            candidates::search_candidate_accounts
        )))
        .routes(of::<SearchCandidateMeters>(routes!(
            candidates::search_candidate_meters
        )))
        .routes(of::<EnrollCandidate>(routes!(candidates::enroll_candidate)))
        .routes(of::<SearchChanges>(routes!(changes::search_changes)))
        .routes(of::<CallNative>(routes!(native::call_raw)))
        .routes(of::<QueryNative>(routes!(native::query_graphql)))
        .routes(routes!(backends::list_backends))
        .routes(routes!(backends::get_backend))
        .routes(routes!(backends::list_capabilities))
        .routes(routes!(ops::metrics))
}

/// What everybody may ask of the process.
fn own() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(ops::live))
        .routes(routes!(ops::ready))
        .routes(routes!(ops::openapi))
        .routes(routes!(ops::problem_page))
}

/// Writes what an operation's type says into the documentation of its route.
fn of<O: Operation>(routes: UtoipaMethodRouter<Shared>) -> UtoipaMethodRouter<Shared> {
    let (schemas, mut paths, router) = routes;
    document::declare::<O>(&mut paths);
    (schemas, paths, router)
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

/// What browsers are told to do with answers that do not say otherwise: load nothing for them, show them in no frame.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Names the request, says the name in the answer, and tells browsers to make nothing of the answer but what it is.
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
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(POLICY);
    // What is not said to be for everybody is one customer's.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-store"));
    response
}

/// What it takes to say who calls, and whether this may be now.
struct Admission {
    shared: Shared,
    limits: rate::Limits,
}

impl Admission {
    /// Who calls. An address that has guessed too often learns nothing about its next guess until a while has passed.
    fn who(&self, headers: &HeaderMap, peer: Option<Peer>) -> Result<Arc<Caller>> {
        let outcome = self.shared.callers.authenticate(headers);
        let Some(from) = peer.map(|peer| peer.party()) else {
            return outcome;
        };
        if let Some(refusal) = self.limits.barred(from) {
            let known = |caller: &Arc<Caller>| self.limits.knows(from, caller);
            return outcome.ok().filter(known).ok_or(refusal);
        }
        match &outcome {
            Ok(caller) => self.limits.remember(from, caller),
            Err(error) if error.kind() == ErrorKind::Unauthenticated && guesses(headers) => self.limits.failed(from),
            Err(_) => {}
        }
        outcome
    }
}

/// Whether a request brings credentials: to bring none is no guess.
fn guesses(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || headers.contains_key("x-api-key")
}

/// Asks who calls, and counts the caller's requests.
async fn admit(
    axum::extract::State(admission): axum::extract::State<Arc<Admission>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let caller = match admission.who(request.headers(), peer) {
        Ok(caller) => caller,
        Err(error) => return Failure::from(error).into_response(),
    };
    if let Some(who) = request.extensions().get::<Who>() {
        who.is(&caller);
    }
    let standing = admission.limits.count(&caller);
    let mut response = match standing.as_ref().and_then(rate::Standing::refusal) {
        Some(error) => Failure::from(error).into_response(),
        None => {
            request.extensions_mut().insert(Arc::clone(&caller));
            next.run(request).await
        }
    };
    if let Some(standing) = standing {
        standing.write(response.headers_mut());
    }
    response.extensions_mut().insert(caller);
    response
}

/// What it takes to account for a request.
struct Outside {
    shared: Shared,
    audit: Audit,
}

/// Turns failures into problem documents, and logs the request and what became of it.
async fn account_for(
    axum::extract::State(outside): axum::extract::State<Arc<Outside>>,
    mut request: Request,
    next: Next,
) -> Response {
    let trail = request
        .extensions()
        .get::<Trail>()
        .cloned()
        .unwrap_or_else(|| Trail::of(request.headers()));
    // The route as it is declared: paths hold customers' numbers.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let write = outside
        .audit
        .writes(&request, route.as_ref().map(MatchedPath::as_str))
        .then(Who::default);
    if let Some(who) = &write {
        request.extensions_mut().insert(who.clone());
    }
    let mut line = Line {
        method: request.method().clone(),
        route,
        uri: request.uri().clone(),
        peer: request.extensions().get::<Peer>().copied(),
        trail,
        write,
        outside,
        told: false,
    };
    let mut response = match door::host(&request, &line.outside.shared.settings.allowed_hosts) {
        Ok(()) => next.run(request).await,
        Err(error) => Failure::from(error).into_response(),
    };
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
    let mut became = Became {
        status: Some(status),
        error: failed.as_deref(),
        backend: served
            .as_ref()
            .and_then(|served| served.backend.as_ref())
            .map(BackendName::as_str),
        location: None,
    };
    if let Some(error) = &failed {
        problem::log(error, &line.trail, caller_name);
        response = problem::render(error, &line.trail, line.uri.path(), response.headers());
        became.status = Some(response.status());
        became.backend = error.backend();
        line.tell(response.status(), error.operation(), error.backend(), caller_name);
    } else {
        became.location = response.headers().get(header::LOCATION).and_then(|at| at.to_str().ok());
        line.tell(
            status,
            served.as_ref().map(|served| served.operation),
            became.backend,
            caller_name,
        );
    }
    line.account(caller.as_deref(), &became);
    response
}

/// The lines about one request. A request whose caller hung up is told of when it is dropped.
struct Line {
    method: Method,
    route: Option<MatchedPath>,
    uri: Uri,
    peer: Option<Peer>,
    trail: Trail,
    /// Whether it may write, and then who asked for it.
    write: Option<Who>,
    outside: Arc<Outside>,
    told: bool,
}

impl Line {
    fn tell(&mut self, status: StatusCode, operation: Option<&str>, backend: Option<&str>, caller: Option<&str>) {
        self.told = true;
        metrics::counter!(
            "intertie_requests_total",
            "method" => named(&self.method),
            "route" => self.route().to_owned(),
            "status" => status.as_u16().to_string(),
        )
        .increment(1);
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

    /// The line for the audit, if there is to be one.
    fn account(&self, caller: Option<&Caller>, became: &Became<'_>) {
        let asked = Asked {
            method: &self.method,
            route: self.route.as_ref().map(MatchedPath::as_str),
            path: self.uri.path(),
            peer: self.peer,
            trail: &self.trail,
        };
        let Outside { shared, audit } = &*self.outside;
        audit.tell(shared, &asked, self.write.is_some(), caller, became);
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
            if let Some(who) = &self.write {
                let became = Became {
                    status: None,
                    error: None,
                    backend: None,
                    location: None,
                };
                self.account(who.get().map(|caller| &**caller), &became);
            }
        }
    }
}
