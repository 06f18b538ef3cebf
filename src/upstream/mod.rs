//! The road out: every call to a system goes through one stack that authorises, times, limits, retries and judges it.
//!
//! The stack of one backend, outside in, and why each layer lies where it does:
//!
//! 1. **retry** outermost: every attempt gets its own permit, clock and credentials.
//! 2. **permit** (`limit`) inside retry: a call that sleeps before its next attempt holds nobody up.
//! 3. **attempt timeout** (`clock`) inside retry: a connection that died silently becomes an error, so it can be retried;
//!    inside permit, so that the queue is not taken for the system's slowness.
//! 4. **authorize** inside retry: no attempt goes out with a token that has meanwhile expired.
//! 5. **judge** inside authorize: a refusal of credentials, even inside a 200, is seen as one, and errors inside a 200 are
//!    retried like any.
//! 6. **send** innermost: no redirects, no retries of its own, addresses stripped from its errors.
//!
//! Between permit and clock, `observe` counts, times and logs the attempt as the clock left it.
//!
//! A reply may be passed on before it is whole ([`Upstream::stream`]): it is judged by its beginning, and nothing is repeated
//! once that was given out. Its permit is held to its end, and the caller's deadline ends it.
//!
//! Three clocks run: one attempt (`attempt_timeout`), all attempts (`retry_within`) and the caller (the call's deadline,
//! which the permit queue and every pause count against).

mod authorize;
mod clock;
pub mod grants;
mod judge;
mod limit;
mod observe;
mod retry;
pub mod send;
pub mod stream;
#[cfg(test)]
mod tests;
pub mod tokens;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower::retry::RetryLayer;
use tower::{Service, ServiceBuilder, ServiceExt};

use crate::error::{Error, ErrorKind, Result, Retry};

/// One call to a system, with its body in memory so that it can be sent again.
#[derive(Clone)]
pub struct Call {
    /// The canonical operation it is made for: a log field and a metric label.
    pub operation: &'static str,
    /// Whether it may be sent again when it may have been processed.
    pub may_repeat: bool,
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// The headers; credentials are added on the way.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The most bytes of a reply taken for this call, if it is not the backend's own limit.
    pub max_reply: Option<usize>,
}

/// A system's whole reply.
#[derive(Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// A backend's judgement of a reply: fine, or what it means. The only place its failures get meaning. Pure.
pub type Verdict = fn(&Reply) -> Result<()>;

/// What the road knows of a system without asking it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether the last attempt reached the system; `None` before the first.
    pub reachable: Option<bool>,
    /// Whether the last login was taken; `None` before the first.
    pub login: Option<bool>,
    /// Calls under way.
    pub in_flight: usize,
}

/// How a road behaves.
#[derive(Clone)]
pub struct Settings {
    /// The longest one attempt may take, from its permit to the last byte of the reply.
    pub attempt_timeout: Duration,
    /// The longest a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept; a little less than the system's own idle time.
    pub idle: Duration,
    /// The most calls under way at once.
    pub concurrency: usize,
    /// The most attempts of one call.
    pub attempts: u32,
    /// The longest all attempts of one call may take.
    pub retry_within: Duration,
    /// The first pause between attempts; it doubles, with jitter.
    pub backoff: Duration,
    /// The most bytes of a request body.
    pub max_request: usize,
    /// The most bytes of a reply.
    pub max_reply: usize,
    /// The proxy to go through.
    pub proxy: Option<String>,
    /// Further root certificates, PEM.
    pub roots: Vec<u8>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            attempt_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            idle: Duration::from_secs(25),
            concurrency: 64,
            attempts: 3,
            retry_within: Duration::from_secs(20),
            backoff: Duration::from_millis(100),
            max_request: 1024 * 1024,
            max_reply: 16 * 1024 * 1024,
            proxy: None,
            roots: Vec::new(),
        }
    }
}

/// A road to one system. Cheap to clone; all clones share one pool, one set of permits and one retry budget.
#[derive(Clone)]
pub struct Upstream(Arc<Road>);

struct Road {
    backend: String,
    settings: Settings,
    sender: send::Sender,
    shared: Shared,
    authority: Option<Arc<authorize::Authority>>,
    stack: Stack,
}

/// What a road has in common with the bare roads made from it.
#[derive(Clone)]
struct Shared {
    rules: retry::Rules,
    permits: Arc<Semaphore>,
    state: Arc<observe::State>,
    meters: Arc<observe::Meters>,
}

/// The stack without its types: nothing above it has type parameters.
type Stack = Box<dyn Fn(Attempt) -> BoxFuture<'static, Result<Reply>> + Send + Sync>;

/// How calls are authorised: where tokens come from and how one goes along with a call.
#[derive(Clone)]
pub struct Credentials {
    /// The cache all backends share.
    pub tokens: Arc<tokens::Cache>,
    /// Token endpoint, client and scope, joined: two backends with the same key share a token. Never a secret.
    pub key: String,
    /// How a token is got.
    pub grant: Arc<dyn grants::Grant>,
    /// Puts a token into a call: a header at most systems, a member of the body at some.
    pub present: Present,
}

/// Puts a token into a call.
pub type Present = Arc<dyn Fn(&mut Call, &grants::Token) -> Result<()> + Send + Sync>;

/// Presents a token as RFC 6750 §2.1 says: `Authorization: Bearer …`.
#[must_use]
pub fn bearer() -> Present {
    Arc::new(|call, token| {
        let value = format!("Bearer {}", token.secret.expose_secret());
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| Error::new(ErrorKind::Unreadable, "the system's token does not fit into a header"))?;
        value.set_sensitive(true);
        call.headers.insert(http::header::AUTHORIZATION, value);
        Ok(())
    })
}

/// How long a reply asks its reader to wait: `Retry-After` in seconds or as a date (RFC 9110 §10.2.3).
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let now = jiff::Timestamp::now();
    // A date that has passed asks for no wait.
    Some(Duration::try_from(then.duration_since(now)).unwrap_or_default())
}

impl Upstream {
    /// Builds the road to one system. `backend` names it in errors, logs and metrics.
    ///
    /// Without credentials, calls go out as they are. Nothing is sent.
    ///
    /// # Errors
    /// `Invalid` if the proxy or a root certificate cannot be read.
    pub fn connect(
        backend: &str,
        settings: Settings,
        credentials: Option<Credentials>,
        verdict: Verdict,
    ) -> Result<Self> {
        let sender = send::Sender::connect(&settings)?;
        Ok(Self::over(backend, settings, credentials, verdict, sender))
    }

    /// A road on which a script answers in the place of the network.
    #[cfg(test)]
    pub(crate) fn scripted(
        backend: &str,
        settings: Settings,
        credentials: Option<Credentials>,
        verdict: Verdict,
        script: send::Script,
    ) -> Self {
        let sender = send::Sender::scripted(&settings, script);
        Self::over(backend, settings, credentials, verdict, sender)
    }

    fn over(
        backend: &str,
        settings: Settings,
        credentials: Option<Credentials>,
        verdict: Verdict,
        sender: send::Sender,
    ) -> Self {
        let shared = Shared {
            rules: retry::Rules::new(backend, &settings),
            permits: Arc::new(Semaphore::new(settings.concurrency.clamp(1, Semaphore::MAX_PERMITS))),
            state: Arc::default(),
            meters: Arc::new(observe::Meters::new(backend)),
        };
        let authority = credentials.map(|credentials| {
            Arc::new(authorize::Authority {
                account: tokens::Account::new(
                    &credentials.tokens,
                    &credentials.key,
                    credentials.grant,
                    sender.clone(),
                    backend,
                    settings.attempt_timeout.min(grants::LOGIN_TIMEOUT),
                ),
                present: credentials.present,
                state: Arc::clone(&shared.state),
            })
        });
        Self::with(backend, settings, authority, verdict, sender, shared)
    }

    fn with(
        backend: &str,
        settings: Settings,
        authority: Option<Arc<authorize::Authority>>,
        verdict: Verdict,
        sender: send::Sender,
        shared: Shared,
    ) -> Self {
        let silent = Arc::clone(&shared.state);
        let stack = ServiceBuilder::new()
            .layer(RetryLayer::new(shared.rules.clone()))
            .layer(limit::limit(Arc::clone(&shared.permits)))
            .layer(observe::observe(Arc::clone(&shared.meters)))
            .layer(clock::clock(settings.attempt_timeout, move || silent.reached(false)))
            .layer(authorize::authorize(authority.clone()))
            .layer(judge::judge(verdict))
            .service(send::send(sender.clone(), Arc::clone(&shared.state)));
        Self(Arc::new(Road {
            backend: backend.to_owned(),
            settings,
            sender,
            shared,
            authority,
            stack: Box::new(move |attempt| stack.clone().oneshot(attempt).boxed()),
        }))
    }

    /// A road to another host with the same settings and permits, without credentials and with another verdict: for
    /// documents behind signed addresses.
    ///
    /// # Errors
    /// As [`Upstream::connect`].
    pub fn bare(&self, verdict: Verdict) -> Result<Self> {
        let road = &*self.0;
        let (settings, sender) = (road.settings.clone(), road.sender.clone());
        let shared = Shared {
            // Another host's standing says nothing about this one's.
            state: Arc::default(),
            ..road.shared.clone()
        };
        Ok(Self::with(&road.backend, settings, None, verdict, sender, shared))
    }

    /// The same road, login, permits and budget included, with another verdict: for replies that are passed on.
    #[must_use]
    pub fn judged_by(&self, verdict: Verdict) -> Self {
        let road = &*self.0;
        Self::with(
            &road.backend,
            road.settings.clone(),
            road.authority.clone(),
            verdict,
            road.sender.clone(),
            road.shared.clone(),
        )
    }

    /// Sends a call and gives back a reply that was judged fine.
    ///
    /// # Errors
    /// What the verdict made of the reply, or why none came.
    pub async fn call(&self, call: Call) -> Result<Reply> {
        self.travel(call, None).await.map(|(reply, _)| reply)
    }

    /// Sends a call and gives back the beginning of a reply that was judged fine by it: status, headers and the first `hold`
    /// bytes. The rest follows as it comes.
    ///
    /// A reply that is over by then is whole, and is judged as [`Upstream::call`] would. So are a reply whose status is no
    /// success, and one whose end cannot be told from a break (neither `Content-Length` nor chunks): those are taken up to
    /// `max_reply`. The rest is not limited in size; it ends with the call's deadline, and when the system says nothing for
    /// as long as an attempt may take.
    ///
    /// # Errors
    /// What the verdict made of the beginning, or why none came.
    pub async fn stream(&self, call: Call, hold: usize) -> Result<stream::Streamed> {
        let road = &*self.0;
        let (operation, until) = (call.operation, call.deadline);
        let aside = Arc::new(stream::Aside::new(hold.min(road.settings.max_reply)));
        let (head, under_way) = self.travel(call, Some(Arc::clone(&aside))).await?;
        let carried = stream::Carried {
            backend: road.backend.clone(),
            operation,
            state: Arc::clone(&road.shared.state),
            under_way,
            until,
            silence: road.settings.attempt_timeout,
        };
        let rest = stream::carry(&aside, carried);
        Ok(stream::Streamed { head, rest })
    }

    async fn travel(&self, call: Call, aside: Option<Arc<stream::Aside>>) -> Result<(Reply, observe::UnderWay)> {
        let road = &*self.0;
        let started = Instant::now();
        if call.deadline <= started {
            return Err(
                Error::new(ErrorKind::TimedOut, "the time for the call was over before it was sent")
                    .retry(Retry::Safe { after: None })
                    .at_backend(&road.backend)
                    .in_operation(call.operation),
            );
        }
        let under_way = road.shared.state.under_way();
        road.shared.rules.count();
        let ends = started
            .checked_add(road.settings.retry_within)
            .map_or(call.deadline, |end| end.min(call.deadline));
        let trip = Trip {
            call,
            ends,
            aside,
            left: AtomicBool::new(false),
            status: AtomicU16::new(0),
        };
        let reply = (road.stack)(Attempt {
            trip: Arc::new(trip),
            number: 1,
        })
        .await?;
        Ok((reply, under_way))
    }

    /// Logs in unless there is a token that holds. Without credentials there is nothing to do.
    ///
    /// # Errors
    /// Why there is no token: `Credentials` if the system refused the login.
    pub async fn login(&self) -> Result<()> {
        match &self.0.authority {
            Some(authority) => authority.token(None).await.map(drop),
            None => Ok(()),
        }
    }

    /// Ends the token that is held, at systems that have a call for it: for when no more calls will be made. Roads that
    /// share a login end it once. A failure is logged and no more.
    pub async fn release(&self) {
        if let Some(authority) = &self.0.authority {
            authority.account.release().await;
        }
    }

    /// What the road knows of the system without asking it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.0.shared.state.standing()
    }
}

/// One call on its way, over all its attempts.
struct Trip {
    call: Call,
    /// When no attempt is under way any more: the caller's deadline or the end of `retry_within`.
    ends: Instant,
    /// Where the rest of a reply goes that is passed on before it is whole.
    aside: Option<Arc<stream::Aside>>,
    /// Whether a byte of the current attempt may have left.
    left: AtomicBool,
    /// The last status seen, 0 for none.
    status: AtomicU16,
}

impl Trip {
    fn leaves(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    fn answered(&self, status: StatusCode) {
        self.status.store(status.as_u16(), Ordering::Relaxed);
    }

    /// Nothing of it is at the system any more: it may leave again.
    fn returns(&self) {
        self.left.store(false, Ordering::Relaxed);
        self.status.store(0, Ordering::Relaxed);
        if let Some(aside) = &self.aside {
            aside.put(None);
        }
    }

    fn has_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    fn status(&self) -> Option<u16> {
        Some(self.status.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }
}

/// What the outer layers pass on: the call, and which attempt this is.
#[derive(Clone)]
struct Attempt {
    trip: Arc<Trip>,
    number: u32,
}

/// What the inner layers pass on: the call as it leaves, credentials included.
struct Outgoing {
    call: Call,
    trip: Arc<Trip>,
}

/// A layer of the stack as the layer around it sees it.
trait Hop<R>: Service<R, Response = Reply, Error = Error, Future: Send> + Clone + Send + Sync + 'static {}

impl<R, S> Hop<R> for S where
    S: Service<R, Response = Reply, Error = Error, Future: Send> + Clone + Send + Sync + 'static
{
}

// What is printed of the following is what can hold no secret and no customer's data: not the headers, nor a query, nor
// a body, nor a proxy's password.

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("operation", &self.operation)
            .field("may_repeat", &self.may_repeat)
            .field("method", &self.method)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("attempt_timeout", &self.attempt_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("idle", &self.idle)
            .field("concurrency", &self.concurrency)
            .field("attempts", &self.attempts)
            .field("retry_within", &self.retry_within)
            .field("backoff", &self.backoff)
            .field("max_request", &self.max_request)
            .field("max_reply", &self.max_reply)
            .field("proxied", &self.proxy.is_some())
            .field("root_bytes", &self.roots.len())
            .finish()
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("backend", &self.0.backend)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
