//! The road in front of the simulated systems: one listener, the faults, the counts, the control routes.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::counts::Counts;
use super::fault::Fault;
use super::{Kind, crmcom, gentrack, kraken, tmf678, urjanet};

/// Largest request body taken, in bytes.
const LARGEST_BODY: usize = 4 << 20;

/// Header that asks for a fault with one request.
const FAULT_HEADER: HeaderName = HeaderName::from_static("x-sandbox-fault");

/// The operation a queued fault names to wait for logins, at any system.
const LOGIN: &str = "token";

/// First segment of the control routes.
const CONTROL: &str = "_sandbox";

/// What an edge in front of a system answers when it does not like a caller.
const EDGE_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head><body>\n\
    <center><h1>403 Forbidden</h1></center>\n<p>Request blocked. Reference 0.4f1c2a17.1783300504.2b9d</p>\n\
    </body></html>\n";

/// Starts the systems `kinds` on `listen`, each on its own data; port 0 takes a free port.
///
/// # Errors
/// `InvalidInput` for an address that is not on loopback or when no system is named; otherwise whatever binding says.
pub async fn start(kinds: &[Kind], listen: SocketAddr) -> io::Result<Running> {
    if !listen.ip().is_loopback() {
        let message = format!(
            "simulated systems listen on loopback only, and {} is not there",
            listen.ip()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    if kinds.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no system to simulate was named",
        ));
    }
    let listener = TcpListener::bind(listen).await?;
    let addr = listener.local_addr()?;
    let mut systems = Vec::new();
    for &kind in kinds {
        if systems.iter().all(|known: &System| known.kind != kind) {
            systems.push(System::new(kind, addr));
        }
    }
    let road = Arc::new(Road {
        systems,
        faults: Faults::default(),
    });
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(accept(listener, Arc::clone(&road), stopped));
    Ok(Running {
        addr,
        road,
        _stop: stop,
    })
}

/// Simulated systems that are being served; dropping it closes the listener and every connection.
pub struct Running {
    addr: SocketAddr,
    road: Arc<Road>,
    _stop: oneshot::Sender<Infallible>,
}

impl Running {
    /// The address listened on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL of one system, without a slash at its end.
    pub fn base(&self, kind: Kind) -> String {
        base(self.addr, kind)
    }

    /// Queues a fault for the next `times` requests of a system, or of one of its operations; `token` is any login.
    ///
    /// Without an operation, [`Fault::RefusedLogin`] waits for logins, and [`Fault::ExpiredToken`] and
    /// [`Fault::RevokedTokens`] wait for anything else.
    pub fn fault(&self, kind: Kind, fault: Fault, times: u64, operation: Option<&str>) {
        let operation = operation.map(str::to_owned);
        self.road.faults.queue(Planned {
            system: kind,
            fault,
            times,
            operation,
            path: None,
        });
    }

    /// Forgets the faults that were queued and not yet played.
    pub fn clear_faults(&self) {
        self.road.faults.clear();
    }

    /// What a system has executed, by operation; `login` counts logins that were granted.
    pub fn counts(&self, kind: Kind) -> Counts {
        self.road
            .system(kind)
            .map(|system| system.executed.clone())
            .unwrap_or_default()
    }

    /// What has arrived for a system, by operation, whatever became of it.
    pub fn received(&self, kind: Kind) -> Counts {
        self.road
            .system(kind)
            .map(|system| system.received.clone())
            .unwrap_or_default()
    }

    /// Forgets faults, counts, tokens and whatever the systems stored.
    pub fn reset(&self) {
        self.road.reset();
    }
}

fn base(addr: SocketAddr, kind: Kind) -> String {
    format!("http://{addr}/{kind}")
}

struct Road {
    systems: Vec<System>,
    faults: Faults,
}

impl Road {
    fn system(&self, kind: Kind) -> Option<&System> {
        self.systems.iter().find(|system| system.kind == kind)
    }

    fn reset(&self) {
        self.faults.clear();
        for system in &self.systems {
            system.reset();
        }
    }
}

/// One simulated system and what the road has to know of it.
struct System {
    kind: Kind,
    base: String,
    router: RwLock<Router>,
    received: Counts,
    executed: Counts,
}

impl System {
    fn new(kind: Kind, addr: SocketAddr) -> Self {
        let base = base(addr, kind);
        let executed = Counts::default();
        let router = RwLock::new(router(kind, &base, executed.clone()));
        System {
            kind,
            base,
            router,
            received: Counts::default(),
            executed,
        }
    }

    fn reset(&self) {
        self.received.clear();
        self.executed.clear();
        *self.router.write().unwrap_or_else(PoisonError::into_inner) =
            router(self.kind, &self.base, self.executed.clone());
    }

    async fn execute(&self, request: Request<Body>) -> Response<Body> {
        let router = self.router.read().unwrap_or_else(PoisonError::into_inner).clone();
        match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

fn router(kind: Kind, base: &str, counts: Counts) -> Router {
    match kind {
        Kind::Gentrack => gentrack::router(base, counts),
        Kind::Kraken => kraken::router(base, counts),
        Kind::Tmf678 => tmf678::router(base, counts),
        Kind::Crmcom => crmcom::router(base, counts),
        Kind::Urjanet => urjanet::router(base, counts),
    }
}

fn operation(kind: Kind, method: &Method, path: &str, body: &[u8]) -> Option<String> {
    match kind {
        Kind::Gentrack => gentrack::operation(method, path, body),
        Kind::Kraken => kraken::operation(method, path, body),
        Kind::Tmf678 => tmf678::operation(method, path, body),
        Kind::Crmcom => crmcom::operation(method, path, body),
        Kind::Urjanet => urjanet::operation(method, path, body),
    }
}

/// Whether a request signs in, whatever the caller calls it.
fn is_login(kind: Kind, operation: Option<&str>, body: &[u8]) -> bool {
    match kind {
        Kind::Gentrack => operation == Some(LOGIN),
        // A login is a field of a document that may have any name.
        Kind::Kraken => body.windows(17).any(|part| part == b"obtainKrakenToken"),
        // Credentials come with each call.
        Kind::Tmf678 => false,
        Kind::Crmcom => crmcom::signs_in(operation),
        Kind::Urjanet => operation == Some("login"),
    }
}

/// A fault waiting for its requests.
#[derive(Clone, Debug)]
struct Planned {
    system: Kind,
    fault: Fault,
    times: u64,
    operation: Option<String>,
    path: Option<String>,
}

impl Planned {
    fn fits(&self, seen: &Seen<'_>) -> bool {
        let meant = match (self.operation.as_deref(), self.fault) {
            (Some(LOGIN), _) | (None, Fault::RefusedLogin) => seen.login,
            (Some(wanted), _) => seen.operation == Some(wanted),
            (None, Fault::ExpiredToken | Fault::RevokedTokens) => !seen.login,
            (None, _) => true,
        };
        self.system == seen.system && meant && self.path.as_ref().is_none_or(|part| seen.path.contains(part))
    }
}

/// What a queued fault goes by.
struct Seen<'a> {
    system: Kind,
    operation: Option<&'a str>,
    login: bool,
    path: &'a str,
}

/// The queue of faults. `any` spares the lock on the road of every request while nothing is queued.
#[derive(Default)]
struct Faults {
    any: AtomicBool,
    queue: Mutex<Vec<Planned>>,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Vec<Planned>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self, planned: Planned) {
        if planned.times > 0 {
            let mut queue = self.lock();
            queue.push(planned);
            self.any.store(true, Ordering::Release);
        }
    }

    fn clear(&self) {
        let mut queue = self.lock();
        queue.clear();
        self.any.store(false, Ordering::Release);
    }

    fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    fn next(&self, seen: &Seen<'_>) -> Option<Fault> {
        let mut queue = self.lock();
        let at = queue.iter().position(|planned| planned.fits(seen))?;
        let fault = queue[at].fault;
        queue[at].times -= 1;
        if queue[at].times == 0 {
            queue.remove(at);
            self.any.store(!queue.is_empty(), Ordering::Release);
        }
        Some(fault)
    }
}

async fn accept(listener: TcpListener, road: Arc<Road>, mut stopped: oneshot::Receiver<Infallible>) {
    // Dropped with this function, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&road)));
                }
                // Out of file descriptors, most likely: wait for connections to end instead of spinning.
                Err(error) => {
                    tracing::warn!(%error, "a simulated system could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

async fn connection(stream: TcpStream, road: Arc<Road>) {
    // Without it small answers wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let road = Arc::clone(&road);
        async move { answer(&road, request).await }
    });
    // An error here is the peer's leaving or a dropped connection that was asked for.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("dropped on request")]
struct Dropped;

async fn answer(road: &Road, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
    let (mut parts, body) = request.into_parts();
    let first = parts.uri.path().split('/').nth(1).unwrap_or_default();
    if first == CONTROL {
        return Ok(control(road, &parts.method, parts.uri.path(), body).await);
    }
    let Some(system) = road.systems.iter().find(|system| system.kind.name() == first) else {
        return Ok(refusal(
            StatusCode::NOT_FOUND,
            "no simulated system is served below this path",
        ));
    };
    let asked = match parts
        .headers
        .remove(FAULT_HEADER)
        .map(|text| text.to_str().unwrap_or("?").parse::<Fault>())
    {
        Some(Ok(fault)) => Some(fault),
        Some(Err(error)) => return Ok(refusal(StatusCode::BAD_REQUEST, &error.to_string())),
        None => None,
    };
    if asked == Some(Fault::DropBefore) {
        system.received.add("unknown");
        return Err(Dropped);
    }
    let Some(inner) = inner(&parts.uri, system.kind) else {
        return Ok(refusal(StatusCode::BAD_REQUEST, "the path cannot be read"));
    };
    parts.uri = inner;
    let body = match read(body).await {
        Ok(body) => body,
        Err(response) => return Ok(response),
    };
    let operation = operation(system.kind, &parts.method, parts.uri.path(), &body);
    system.received.add(operation.as_deref().unwrap_or("unknown"));
    let fault = asked.or_else(|| {
        let operation = operation.as_deref();
        let login = || is_login(system.kind, operation, &body);
        let seen = || Seen {
            system: system.kind,
            operation,
            login: login(),
            path: parts.uri.path(),
        };
        road.faults.any().then(seen).and_then(|seen| road.faults.next(&seen))
    });
    let mut request = Request::from_parts(parts, Body::from(body));
    match fault {
        None => Ok(system.execute(request).await),
        Some(Fault::DropBefore) => Err(Dropped),
        Some(Fault::EdgePage) => Ok(text(StatusCode::FORBIDDEN, "text/html; charset=utf-8", EDGE_PAGE)),
        Some(Fault::DropAfter) => {
            system.execute(request).await;
            Err(Dropped)
        }
        // Executed before the wait: a caller that gives up must not undo what a real system would have done.
        Some(Fault::Latency(wait)) => {
            let response = system.execute(request).await;
            tokio::time::sleep(Duration::from_millis(wait)).await;
            Ok(response)
        }
        Some(Fault::MalformedJson) => malformed(system.execute(request).await).await,
        Some(Fault::SlowBody(wait)) => slow(system.execute(request).await, wait).await,
        Some(
            fault @ (Fault::Throttled(_)
            | Fault::Status(_)
            | Fault::ExpiredToken
            | Fault::RevokedTokens
            | Fault::ErrorInside
            | Fault::RefusedLogin),
        ) => {
            request.extensions_mut().insert(fault);
            Ok(system.execute(request).await)
        }
    }
}

/// The address as the system sees it: without its first segment.
fn inner(uri: &Uri, kind: Kind) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().get(1 + kind.name().len()..)?;
    let target = if rest.starts_with('/') {
        PathAndQuery::try_from(rest)
    } else {
        PathAndQuery::try_from(format!("/{rest}"))
    };
    target.ok().map(Uri::from)
}

async fn read(body: Incoming) -> Result<Bytes, Response<Body>> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let too_large = || refusal(StatusCode::PAYLOAD_TOO_LARGE, "a simulated system takes 4 MiB at most");
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Err(_) => Err(refusal(StatusCode::BAD_REQUEST, "the body broke off")),
    }
}

async fn whole(response: Response<Body>) -> Result<(http::response::Parts, Bytes), Dropped> {
    let (parts, body) = response.into_parts();
    Ok((parts, body.collect().await.map_err(|_| Dropped)?.to_bytes()))
}

/// Half of the body, and an end that no JSON text can have.
async fn malformed(response: Response<Body>) -> Result<Response<Body>, Dropped> {
    let (mut parts, body) = whole(response).await?;
    let mut broken = body[..body.len() / 2].to_vec();
    broken.extend_from_slice(b"\"<");
    parts.status = StatusCode::OK;
    parts.headers.remove(CONTENT_LENGTH);
    parts
        .headers
        .entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("application/json"));
    Ok(Response::from_parts(parts, Body::from(broken)))
}

/// The same body in ten pieces over `wait` milliseconds, its length announced.
async fn slow(response: Response<Body>, wait: u64) -> Result<Response<Body>, Dropped> {
    let (mut parts, body) = whole(response).await?;
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let pause = Duration::from_millis(wait / 10);
    let size = body.len().div_ceil(10).max(1);
    let pieces = futures_util::stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let piece = rest.split_to(size.min(rest.len()));
        Some((Ok::<_, Infallible>(piece), rest))
    });
    Ok(Response::from_parts(parts, Body::from_stream(pieces)))
}

fn text(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(body) {
        Ok(body) => text(status, "application/json", body),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", error.to_string()),
    }
}

fn refusal(status: StatusCode, why: &str) -> Response<Body> {
    json(status, &serde_json::json!({ "sandbox": why }))
}

/// A fault as the control routes write it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    system: String,
    fault: String,
    #[serde(default = "once")]
    times: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

fn once() -> u64 {
    1
}

#[derive(Serialize)]
struct Tally {
    received: BTreeMap<String, u64>,
    executed: BTreeMap<String, u64>,
    logins: u64,
}

async fn control(road: &Road, method: &Method, path: &str, body: Incoming) -> Response<Body> {
    match (method.as_str(), path.trim_start_matches("/_sandbox")) {
        ("POST", "/faults") => {
            let body = match read(body).await {
                Ok(body) => body,
                Err(response) => return response,
            };
            match plan(road, &body) {
                Ok(planned) => {
                    road.faults.queue(planned);
                    listed(road, StatusCode::CREATED)
                }
                Err(why) => refusal(StatusCode::BAD_REQUEST, &why),
            }
        }
        ("GET", "/faults") => listed(road, StatusCode::OK),
        ("DELETE", "/faults") => {
            road.faults.clear();
            listed(road, StatusCode::OK)
        }
        ("GET", "/counts") => {
            let counts = road.systems.iter().map(|system| {
                let tally = Tally {
                    received: system.received.all(),
                    executed: system.executed.all(),
                    logins: system.executed.get("login"),
                };
                (system.kind.name(), tally)
            });
            json(StatusCode::OK, &counts.collect::<BTreeMap<_, _>>())
        }
        ("POST", "/reset") => {
            road.reset();
            listed(road, StatusCode::OK)
        }
        _ => refusal(StatusCode::NOT_FOUND, "no such control route"),
    }
}

fn plan(road: &Road, body: &[u8]) -> Result<Planned, String> {
    let wanted: Wanted = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let system = wanted.system.parse::<Kind>().map_err(|error| error.to_string())?;
    if road.system(system).is_none() {
        return Err(format!("`{system}` is not being simulated here"));
    }
    let fault = wanted.fault.parse::<Fault>().map_err(|error| error.to_string())?;
    if wanted.times == 0 {
        return Err("`times` must be at least 1".to_owned());
    }
    Ok(Planned {
        system,
        fault,
        times: wanted.times,
        operation: wanted.operation,
        path: wanted.path,
    })
}

fn listed(road: &Road, status: StatusCode) -> Response<Body> {
    let faults: Vec<_> = road.faults.lock().iter().map(written).collect();
    json(status, &serde_json::json!({ "faults": faults }))
}

fn written(planned: &Planned) -> Wanted {
    Wanted {
        system: planned.system.to_string(),
        fault: planned.fault.to_string(),
        times: planned.times,
        operation: planned.operation.clone(),
        path: planned.path.clone(),
    }
}
