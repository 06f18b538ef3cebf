//! A simulated Urjanet Utility Data API, written from the contract (`openapi.yaml`, its README and samples) alone.
//!
//! The API is served below [`API_PATH`], the AuthServer's login at [`LOGIN_PATH`]; the two are hosts of their own with
//! the vendor. The only user known is [`USERNAME`] with [`PASSWORD`]. All 28 published endpoints are served, and the
//! inferred path `/template/search`. Operations have the contract's `operationId` in counts and faults; the login is
//! `login`, and a login refused counts as `login-refused`.
//!
//! What is written is kept until the system is reset. Instances share the data set in memory until they write.
//!
//! # Data
//!
//! There are two customers: [`CUSTOMER`], which the samples also call `Customer`, and [`NEW_CUSTOMER`], which has
//! nothing but the attribute `MeterMixin` for workflow A to start with.
//!
//! The contract's samples stand under their own ids:
//!
//! - `1e4b3abd-34c2-d5ee-adef-0800270a0870` is an account, a meter, a credential, an attribute, a template and a
//!   provider, as in the samples. As a candidate it is the account once more, to be enrolled by the sample.
//! - `80da2e51-83b3-4eed-8f47-b02ee248ff77` is an account and a candidate, and `…78` a candidate with the number `456`.
//! - `46e68ffa-1477-4797-b549-b4dd3d713be0` is workflow D's credential `user1`, whose password is `pass1`.
//! - `1e557643-1753-d931-b246-0e384cd92781` is an account that was never extracted.
//! - `0f496f9f-2472-4966-9fcf-0a6889070a49` is the account of the samples' meter, with 131 meters and 131 candidates.
//!
//! A request that is a sample is answered with what the sample shows: status calls in full; searches in their first
//! entity, their paging members and a full page, as the samples were cut there. Two of the searches cannot be: the
//! sample counts one attribute where others are used, and a second page of candidates with one number. The samples of
//! writes answer other values than were sent, so here the values sent are answered, with the members of the samples.
//! The attribute that one sample creates is the one another reads, so creating it is refused until it is renamed.
//!
//! 2,500 accounts are made by rule, with 3,100 meters, over 200 credentials, 20 providers (8 of them electric), 16
//! templates, 8 service types, 140 candidates and a change log of 14 kinds of events:
//!
//! - Every enrolment, extraction and monitoring status of the contract occurs, no extraction status, and the unlisted
//!   [`UNKNOWN_ENROLLMENT`] and [`UNKNOWN_MONITORING`].
//! - Amounts are there, zero, negative and null; every tenth account lacks the two members some samples lack.
//! - Accounts have no, one or two credentials; some were read under a credential that is no longer attached.
//! - Numbers are written with dashes, blanks, leading zeros and without. Attributes are set, null and left out.
//! - Service types of meters are texts of either case, or null.
//! - The id of the account [`CHANGED_ACCOUNT`] was changed: the former one answers 404. [`DELETED_ACCOUNT`] is gone.
//!
//! # What is played
//!
//! - Without a sort, pages beyond the first are shifted, so that pages overlap and entities are missed.
//! - `nextPageOffset` is filled on the last page; a length above 1,000 is cut in silence; only `asc` sorts up.
//! - `meter/byaccount` shows 100 meters and says that there are more.
//! - A credential search that asks for a password and finds one credential answers it bare, without a list.
//! - Correcting the provider of an account gives it another id. A password changed moves accounts from `LOGIN_FAILURE`
//!   to `LOGIN_UPDATED`.
//! - [`Fault::ErrorInside`] is `FAILURE` in a 200, with its details in `messages` instead of `message`. A status other
//!   than 500 and a 429 have a bare text there instead of an object, and so have calls without a code of their own.
//!   [`Fault::RefusedLogin`] means nothing to a call of the API.
//!
//! # Choices where the contract is silent
//!
//! All of these are inferred:
//!
//! - Where the samples give one provider, template or credential several ids, each leads to it.
//! - Text is compared without regard to case, as the samples of meters need; passwords are compared exactly. `on` is a
//!   day in UTC. What is null satisfies no operator but `isblank` and the negations. Nulls sort first.
//! - An operator that does not suit a field's type, an unknown field or member, an explicit null outside of
//!   `queryCriteria`, `sorts`, `filter` and attributes, and an unknown customer are `INVALID_ARGUMENTS`.
//! - References to what is not there are `NOT_FOUND`, but for providers. Service type and attribute ids are ids only.
//! - A second account with the same customer, provider and normalised number, and a second attribute with the same
//!   name, are `ALREADY_EXISTS`. A second meter with the same number is not: it is created.
//! - Creating an account that is a candidate enrols it. Enrolled, a candidate is `SUCCESSFUL_ENROLLED` if its latest
//!   extraction was good, and `PENDING` if not. Nothing else moves on by itself, but for an account in
//!   `NEEDS_CREDENTIAL` that gets one.
//! - `extractionChannelId` and `extractionChannelIds` replace what was attached; sent together they are one list.
//! - An attribute that is required must be given when an account is created or enrolled, but for the samples'
//!   `FacilityId`, which their own requests leave out.
//! - An account with an attribute value longer than [`LONGEST_ATTRIBUTE`] is stored without attributes and answers
//!   `ACCOUNT_CREATE_PARTIAL_FAILURE`; it counts as executed.
//! - The system chooses the template of a credential by the host of its `url`, or else the provider's first.
//! - The change log can be searched by `timestamp`, as a date.
//! - A wrong method is a 405 in the envelope of failures.

mod answer;
mod credentials;
mod data;
mod history;
mod login;
mod portfolio;
mod record;
mod request;
mod search;
mod shape;
mod world;
mod write;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use jiff::Timestamp;

use super::counts::Counts;
use super::fault::Fault;
use answer::Refusal;
pub use data::{CHANGED_ACCOUNT, CUSTOMER, DELETED_ACCOUNT, NEW_CUSTOMER};
pub use portfolio::{UNKNOWN_ENROLLMENT, UNKNOWN_MONITORING};
use record::Record;
use request::{Fields, Route};
use search::{Criteria, Page};
use shape::Entity;
use world::{BASE, Table, World};
use write::Writer;

/// Path of the API below the system's base, as with the vendor.
pub const API_PATH: &str = "/api/v1";

/// Path of the AuthServer's login below the system's base; the vendor's is `/api/login` on a host of its own.
pub const LOGIN_PATH: &str = "/auth/api/login";

/// The one user that is known, after the contract's sample.
pub const USERNAME: &str = "billing-bot";

/// The user's password.
pub const PASSWORD: &str = "not-a-real-password";

/// Lifetime of a token in seconds; the contract does not say how long one lives.
pub const TOKEN_LIFETIME: u64 = 3600;

/// Longest value of a custom attribute that can be stored, in bytes; an account with a longer one is stored without.
pub const LONGEST_ATTRIBUTE: usize = 255;

/// Serves one simulated system with tokens and entities of its own; `counts` receives what is executed.
///
/// Links are relative, so the system's public address is of no use to it.
pub fn router(_base: &str, counts: Counts) -> Router {
    let system = Urjanet {
        counts,
        tokens: login::Tokens::default(),
        world: Mutex::default(),
    };
    Router::new().fallback(handle).with_state(Arc::new(system))
}

/// Names the operation a request asks for: the contract's operationId.
pub fn operation(method: &Method, path: &str, _body: &[u8]) -> Option<String> {
    if path == LOGIN_PATH {
        return Some("login".to_owned());
    }
    request::route(method, path.strip_prefix(API_PATH)?)
        .ok()
        .map(|route| route.operation.to_owned())
}

struct Urjanet {
    counts: Counts,
    tokens: login::Tokens,
    /// Nothing until the first call; shared with every other instance until the first write.
    world: Mutex<Option<Arc<World>>>,
}

async fn handle(State(system): State<Arc<Urjanet>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let fault = parts.extensions.get::<Fault>().copied();
    let Ok(body) = body.collect().await else {
        return Refusal::malformed("The body broke off").answer();
    };
    let body = body.to_bytes();
    if parts.uri.path() == LOGIN_PATH {
        return system.login(&parts.method, &parts.headers, &body, fault);
    }
    match system.call(&parts.method, parts.uri.path(), &parts.headers, &body, fault) {
        Ok(response) => response,
        Err(refusal) => refusal.answer(),
    }
}

impl Urjanet {
    fn login(&self, method: &Method, headers: &HeaderMap, body: &[u8], fault: Option<Fault>) -> Response {
        match login::grant(method, headers, body, fault) {
            Ok(()) => {
                self.counts.add("login");
                login::granted(&self.tokens.issue())
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
        headers: &HeaderMap,
        body: &[u8],
        fault: Option<Fault>,
    ) -> Result<Response, Refusal> {
        let path = path.strip_prefix(API_PATH).unwrap_or_default();
        let route = request::route(method, path);
        let operation = route.as_ref().map_or("", |route| route.operation);
        let bearer = request::bearer(headers);
        match fault {
            Some(Fault::Throttled(wait)) => return Err(Refusal::throttled(wait)),
            Some(Fault::Status(status)) => return Err(Refusal::failed(status, operation)),
            Some(Fault::ExpiredToken) => self.tokens.forget(bearer),
            Some(Fault::RevokedTokens) => self.tokens.forget_all(),
            _ => {}
        }
        if !self.tokens.known(bearer) {
            return Err(Refusal::unauthorized());
        }
        if fault == Some(Fault::ErrorInside) {
            return Ok(Refusal::failed(500, operation).inside_success());
        }
        let route = route?;
        match self.execute(&route, headers, body) {
            Ok(response) => {
                self.counts.add(route.operation);
                Ok(response)
            }
            Err(refusal) => {
                if refusal.is_partial() {
                    self.counts.add(route.operation);
                }
                Err(refusal)
            }
        }
    }

    fn execute(&self, route: &Route<'_>, headers: &HeaderMap, body: &[u8]) -> Result<Response, Refusal> {
        let id = &*route.id;
        let world = self.world();
        let read = |members| Fields::read(headers, body, members);
        let change = |members| Fields::read_change(headers, body, members);
        match route.operation {
            "getAccount" => world.expect(Entity::Account, id).map(found),
            "getMeter" => world.expect(Entity::Meter, id).map(found),
            "getCredential" => world.expect(Entity::Credential, id).map(found),
            "getAttribute" => world.expect(Entity::Attribute, id).map(found),
            "getServiceType" => world.expect(Entity::ServiceType, id).map(found),
            "getProvider" => world.expect(Entity::Provider, id).map(found),
            // Published a second time as the call for a provider (README, "Where the document disagrees").
            "getTemplate" => {
                let provider = || {
                    world
                        .providers
                        .get(id)
                        .ok_or_else(|| Refusal::not_found("No template with this id"))
                };
                world.templates.get(id).map_or_else(provider, Ok).map(found)
            }
            "searchAccounts" => search(&world, &world.accounts, Entity::Account, &read(request::SEARCH)?),
            "searchCandidateAccounts" => search(&world, &world.candidates, Entity::Account, &read(request::SEARCH)?),
            "searchMeters" => search(&world, &world.meters, Entity::Meter, &read(request::SEARCH)?),
            "searchCandidateMeters" => search(&world, &world.candidate_meters, Entity::Meter, &read(request::SEARCH)?),
            "searchCredentials" => search(&world, &world.credentials, Entity::Credential, &read(request::SEARCH)?),
            "searchAttributes" => search(&world, &world.attributes, Entity::Attribute, &read(request::SEARCH)?),
            "searchProviders" => search(&world, &world.providers, Entity::Provider, &read(request::SEARCH)?),
            "searchTemplates" | "searchTemplatesAlt" => {
                search(&world, &world.templates, Entity::Template, &read(request::SEARCH)?)
            }
            "searchChangeLog" => {
                let (tenant, criteria) = asked(&world, Entity::Event, &read(request::SEARCH)?)?;
                Ok(answer::page(criteria.run(&world, world.events(&tenant))))
            }
            "listMetersByAccount" => {
                let account = world.expect(Entity::Account, id)?;
                Ok(listed(&world.meters, |meter| {
                    points_to(meter, "utilityAccount", account)
                }))
            }
            "listServiceTypes" => Ok(listed(&world.service_types, |_| true)),
            "listProvidersByServiceType" => {
                let kind = world.expect(Entity::ServiceType, id)?;
                Ok(listed(&world.providers, |provider| {
                    points_to(provider, "serviceTypes", kind)
                }))
            }
            "createAccount" => self.write(route, &read(request::ACCOUNT_CREATE)?),
            "enrollCandidateAccount" => self.write(route, &read(request::ACCOUNT_ENROLL)?),
            "updateAccount" => self.write(route, &change(request::ACCOUNT_UPDATE)?),
            "createMeter" => self.write(route, &read(request::METER_CREATE)?),
            "updateMeter" => self.write(route, &change(request::METER_UPDATE)?),
            "createCredential" => self.write(route, &read(request::CREDENTIAL_CREATE)?),
            "updateCredential" => self.write(route, &change(request::CREDENTIAL_UPDATE)?),
            "createAttribute" => self.write(route, &read(request::ATTRIBUTE_CREATE)?),
            "updateAttribute" => self.write(route, &change(request::ATTRIBUTE_UPDATE)?),
            _ => Err(Refusal::not_found("No such resource")),
        }
    }

    fn world(&self) -> Arc<World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(world.get_or_insert_with(|| Arc::clone(&BASE)))
    }

    fn write(&self, route: &Route<'_>, fields: &Fields) -> Result<Response, Refusal> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let world = Arc::make_mut(world.get_or_insert_with(|| Arc::clone(&BASE)));
        let now = Timestamp::now().as_millisecond();
        let data = Writer { world, now }.act(route.operation, fields)?;
        Ok(answer::one(&data))
    }
}

fn found(record: &Arc<Record>) -> Response {
    answer::one(&record.to_value())
}

fn asked(world: &World, entity: Entity, fields: &Fields) -> Result<(Arc<str>, Criteria), Refusal> {
    let tenant = world.tenant(fields.key("customerId"))?;
    let criteria = Criteria::read(world, entity, &tenant, fields.value("queryCriteria"))?;
    Ok((tenant, criteria))
}

fn search(world: &World, table: &Table, entity: Entity, fields: &Fields) -> Result<Response, Refusal> {
    let (tenant, criteria) = asked(world, entity, fields)?;
    let page = criteria.run(world, table.of(&tenant));
    // The samples answer a search by password with the one credential bare (README, "credential search in workflow D").
    match page.rows.as_slice() {
        [row] if criteria.asks_for_password() => Ok(answer::one(row)),
        _ => Ok(answer::page(page)),
    }
}

/// The first page of a list that takes no paging input (README, "Paging").
fn listed(table: &Table, belongs: impl Fn(&Record) -> bool) -> Response {
    let rows: Vec<_> = table.rows().iter().filter(|row| belongs(row)).collect();
    answer::page(Page::cut(&rows, 0, search::LENGTH))
}

fn points_to(record: &Record, member: &str, target: &Record) -> bool {
    let references = record.get(member).references();
    references.iter().any(|reference| *reference.id == *target.text("id"))
}
