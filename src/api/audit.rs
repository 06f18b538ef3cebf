//! Who changed what, and who was refused: one line each, under a name of their own, for whoever has to account for it.
//!
//! A line says who called, which operation, at which backend, about which record, what became of it, and the request's
//! identifier. It never holds a body, and a record only as a keyed hash: lines about one record can be told to be that, and
//! with the key, which record it is; without it, neither a number nor a name is to be had from them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::handler::Handler;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use tracing::info;
use utoipa::openapi::HttpMethod;
use utoipa_axum::router::UtoipaMethodRouter;

use super::route::{Reading, Route};
use super::trail::Trail;
use super::{Peer, Shared};
use crate::auth::Caller;
use crate::error::{Error, ErrorKind};
use crate::operations::Repeat;

/// The bytes of a record's hash that are written: enough to tell apart all records there are.
const HASHED: usize = 8;

/// What the lines are made with.
pub(super) struct Audit {
    key: Option<hmac::Key>,
    routes: Routes,
}

/// The routes that call an operation, by their paths as declared.
#[derive(Default)]
pub(super) struct Routes(HashMap<String, Vec<Called>>);

/// What a route calls with one method.
struct Called {
    method: Method,
    operation: &'static str,
    writes: bool,
}

/// Accounts for what is called.
impl Reading for Routes {
    fn on<H, T, D>(mut self, route: Route<H, D>) -> Self
    where
        H: Handler<T, Shared>,
        T: 'static,
        D: FnOnce() -> UtoipaMethodRouter<Shared>,
    {
        if let Some((operation, repeat)) = route.operation {
            let called = (route.methods)().into_iter().map(|method| {
                let method = named(&method);
                Called {
                    writes: !method.is_safe() && !matches!(repeat, Repeat::Read),
                    method,
                    operation,
                }
            });
            self.0.entry((route.path)()).or_default().extend(called);
        }
        self
    }
}

fn named(method: &HttpMethod) -> Method {
    match method {
        HttpMethod::Put => Method::PUT,
        HttpMethod::Post => Method::POST,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Patch => Method::PATCH,
        // The others are no routes of ours, and change nothing.
        _ => Method::GET,
    }
}

/// Who turned out to call, where that is known before there is an answer. A write goes on when its caller hangs up, and its
/// line has to say who that was.
#[derive(Clone, Default)]
pub(super) struct Who(Arc<OnceLock<Arc<Caller>>>);

impl Who {
    pub(super) fn is(&self, caller: &Arc<Caller>) {
        let _ = self.0.set(Arc::clone(caller));
    }

    pub(super) fn get(&self) -> Option<&Arc<Caller>> {
        self.0.get()
    }
}

/// One request, as far as its line is about it.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    /// The route's path as declared.
    pub(super) route: Option<&'a str>,
    /// The path as asked for.
    pub(super) path: &'a str,
    pub(super) peer: Option<Peer>,
    pub(super) trail: &'a Trail,
}

/// What became of a request.
pub(super) struct Became<'a> {
    /// The status of its answer; none if its caller did not wait for one.
    pub(super) status: Option<StatusCode>,
    pub(super) error: Option<&'a Error>,
    pub(super) backend: Option<&'a str>,
    /// Where a record that was made can be read.
    pub(super) location: Option<&'a str>,
}

impl Audit {
    /// The lines about these routes, with the key that records are hashed with; without one, they are not named.
    pub(super) fn new(key: Option<&SecretString>, routes: Routes) -> Self {
        Self {
            key: key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret().as_bytes())),
            routes,
        }
    }

    fn called(&self, method: &Method, path: Option<&str>) -> Option<&Called> {
        let called = self.routes.0.get(path?)?;
        called.iter().find(|called| called.method == *method)
    }

    /// Whether a request is for something that writes. Most are not, and cost no more than a look at their method.
    pub(super) fn writes(&self, request: &Request, route: Option<&str>) -> bool {
        !request.method().is_safe() && self.called(request.method(), route).is_some_and(|called| called.writes)
    }

    /// Writes the line about a request, if there is to be one: for a write, whatever became of it, and for a refusal.
    pub(super) fn tell(
        &self,
        shared: &Shared,
        asked: &Asked<'_>,
        writes: bool,
        caller: Option<&Caller>,
        became: &Became<'_>,
    ) {
        let refused = became.error.is_some_and(|error| refuses(error, caller));
        if !writes && !refused {
            return;
        }
        let operation = self.called(asked.method, asked.route).map(|called| called.operation);
        let record = asked.route.and_then(|route| record(route, asked.path));
        let made = || became.location.and_then(|location| location.rsplit('/').next());
        let record = record
            .or_else(made)
            .map(|text| percent_decode_str(text).collect::<Vec<u8>>());
        let named = record.as_deref().and_then(|id| backend_of(shared, caller, id));
        let outcome = match (became.error, became.status) {
            (Some(error), _) => error.kind().label(),
            (None, None) => "caller_gone",
            // What a system itself says to a native call is passed on as it is.
            (None, Some(status)) if status.is_client_error() || status.is_server_error() => "refused_by_system",
            (None, Some(_)) => "ok",
        };
        let hash = self
            .key
            .as_ref()
            .zip(record.as_deref())
            .map(|(key, id)| hashed(key, id));
        macro_rules! line {
            ($words:literal) => {
                info!(
                    target: "audit",
                    caller = caller.map(|caller| &*caller.name),
                    operation,
                    backend = became.backend.or(named.as_deref()),
                    record = hash.as_deref(),
                    outcome,
                    status = became.status.map(|status| status.as_u16()),
                    from = asked.peer.map(|peer| tracing::field::display(peer.addr)),
                    request_id = &*asked.trail.request_id,
                    trace_id = asked.trail.trace_id(),
                    $words
                )
            };
        }
        if refused {
            line!("a request was refused");
        } else {
            line!("a write");
        }
    }
}

/// Whether a failure is a refusal of this caller. What a caller is kept from reads like what is not there, so each thing that is
/// not there is told of, if its caller is kept from anything; it costs the same either way.
fn refuses(error: &Error, caller: Option<&Caller>) -> bool {
    match error.kind() {
        ErrorKind::Unauthenticated | ErrorKind::Forbidden | ErrorKind::Limited => true,
        ErrorKind::NotFound => caller.is_some_and(Caller::is_bound),
        _ => false,
    }
}

/// The part of a path that names a record: what stands for the route's first parameter that is no backend.
fn record<'p>(route: &str, path: &'p str) -> Option<&'p str> {
    let mut rest = path;
    for declared in route.split('/') {
        let parameter = declared.strip_prefix('{').filter(|name| !name.starts_with("backend}"));
        match parameter {
            Some(name) if name.starts_with('*') => return Some(rest),
            Some(_) => return rest.split('/').next(),
            None => rest = rest.split_once('/').map_or("", |(_, rest)| rest),
        }
    }
    None
}

/// The backend that an id names, if its caller may know of it. What else stands before the colon may be anything.
fn backend_of(shared: &Shared, caller: Option<&Caller>, id: &[u8]) -> Option<String> {
    let (name, _) = std::str::from_utf8(id).ok()?.split_once(':')?;
    let backend = shared.gateway.directory().find(caller?, name).ok()?;
    Some(backend.name().as_str().to_owned())
}

fn hashed(key: &hmac::Key, id: &[u8]) -> String {
    let tag = hmac::sign(key, id);
    let mut text = String::with_capacity(2 * HASHED);
    for byte in &tag.as_ref()[..HASHED] {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_in_its_path() {
        for (route, path, found) in [
            ("/v1/accounts/{account}", "/v1/accounts/a:1", Some("a:1")),
            (
                "/v1/accounts/{account}/bills",
                "/v1/accounts/a:1%7E2/bills",
                Some("a:1%7E2"),
            ),
            ("/v1/accounts", "/v1/accounts", None),
            ("/v1/backends/{backend}", "/v1/backends/a", None),
            ("/v1/backends/{backend}/graphql", "/v1/backends/a/graphql", None),
            (
                "/v1/backends/{backend}/raw/{*path}",
                "/v1/backends/a/raw/b/c",
                Some("b/c"),
            ),
        ] {
            assert_eq!(record(route, path), found, "{route}");
        }
    }

    #[test]
    fn one_record_has_one_hash_under_one_key() {
        let key = |text: &str| hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes());
        let hash = hashed(&key("one"), b"a:1");
        assert_eq!(hash, hashed(&key("one"), b"a:1"));
        assert_ne!(hash, hashed(&key("other"), b"a:1"));
        assert_ne!(hash, hashed(&key("one"), b"a:2"));
        assert!(hash.len() == 2 * HASHED && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn only_what_keeps_a_caller_out_is_a_refusal() {
        let free = Caller::new("free", &[], None);
        let bound = Caller::new("bound", &[], Some(&["a"]));
        for kind in ErrorKind::ALL {
            let error = Error::new(kind, "x");
            let always = matches!(
                kind,
                ErrorKind::Unauthenticated | ErrorKind::Forbidden | ErrorKind::Limited
            );
            assert_eq!(refuses(&error, Some(&free)), always, "{kind:?}");
            assert_eq!(
                refuses(&error, Some(&bound)),
                always || kind == ErrorKind::NotFound,
                "{kind:?}"
            );
        }
    }
}
