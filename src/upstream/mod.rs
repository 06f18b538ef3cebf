//! The road out: every call to a system goes through one stack that authorises, times, limits, retries and judges it.

pub mod grants;
pub mod send;
pub mod tokens;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;

use crate::error::{Error, Result};

/// One call to a system, with its body in memory so that it can be sent again.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
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
pub struct Upstream {}

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

impl Upstream {
    /// Builds the road to one system. `backend` names it in errors, logs and metrics.
    ///
    /// Without credentials, calls go out as they are. Nothing is sent.
    ///
    /// # Errors
    /// `Invalid` if the proxy or a root certificate cannot be read.
    pub fn connect(
        _backend: &str,
        _settings: Settings,
        _credentials: Option<Credentials>,
        _verdict: Verdict,
    ) -> Result<Self> {
        Ok(Self {})
    }

    /// A road to another host with the same settings and permits, without credentials and with another verdict: for
    /// documents behind signed addresses.
    ///
    /// # Errors
    /// As [`Upstream::connect`].
    pub fn bare(&self, _verdict: Verdict) -> Result<Self> {
        Ok(self.clone())
    }

    /// Sends a call and gives back a reply that was judged fine.
    ///
    /// # Errors
    /// What the verdict made of the reply, or why none came.
    pub async fn call(&self, _call: Call) -> Result<Reply> {
        Err(Error::new(crate::error::ErrorKind::Internal, "the road is not built"))
    }

    /// What the road knows of the system without asking it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing::default()
    }
}
