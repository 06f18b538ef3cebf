//! The composition root: configuration → backends → gateway → routes → the loop that takes connections.
//!
//! The only place that sees both ends of the house.

mod crowd;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod jwks;
mod pace;
mod refusal;
mod sandbox;
mod server;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing::info;

use crate::api::{self, cursor::Seal};
use crate::auth::Callers;
use crate::backends::{self, Backend};
use crate::config::{self, Config, Server};
use crate::error::{Error, ErrorKind};
use crate::gateway::{Directory, Gateway};
use crate::model::id::BackendName;
use crate::telemetry::Render;
use crate::upstream::{Upstream, tokens};

use tls::Tls;

pub use jwks::{KeysRead, read_keys};
pub use sandbox::{AU, CARIB, CY, DEMO_ACCOUNT, DEMO_BOUND_KEY, DEMO_KEY, PORTFOLIO, Sandbox, US, sandbox};
pub use server::Ended;
pub use tls::Unusable;

/// Everything a gateway is made of.
pub struct Plan {
    /// How callers are listened to.
    pub server: Server,
    /// Who may call with a key.
    pub callers: Callers,
    /// Whose tokens are taken, too.
    pub tokens: Option<config::Tokens>,
    /// What cursors are sealed with; without it, with a key made now.
    pub cursor_key: Option<SecretString>,
    /// The billing systems.
    pub backends: Vec<config::Backend>,
}

impl From<Config> for Plan {
    fn from(config: Config) -> Self {
        Self {
            server: config.server,
            callers: Callers::of(config.keys),
            tokens: config.tokens,
            cursor_key: config.cursor_key,
            backends: config.backends,
        }
    }
}

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// A backend cannot be made ready.
    #[error("backend `{name}`: {}", .error.message())]
    Backend {
        /// Its name.
        name: BackendName,
        /// What is wrong with its settings.
        #[source]
        error: Error,
    },
    /// An issuer's keys cannot be asked for.
    #[error("issuer `{name}`: {}", .error.message())]
    Issuer {
        /// What it is called.
        name: String,
        /// What is wrong with its settings.
        #[source]
        error: Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}{hint}", hint = hint(.1))]
    Listen(SocketAddr, #[source] io::Error),
    /// TLS cannot be spoken with the files configured.
    #[error("tls: {0}")]
    Tls(#[from] Unusable),
    /// The machine gives no random bytes for a key.
    #[error("cannot start: {0}")]
    Seal(#[source] Error),
    /// The system gives no signals.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; another program listens there, so stop it or choose another address",
        io::ErrorKind::AddrNotAvailable => "; this machine does not have that address",
        io::ErrorKind::PermissionDenied => "; ports below 1024 want special rights",
        _ => "",
    }
}

/// How long the end waits for systems to end their tokens.
const RELEASE: Duration = Duration::from_secs(2);

/// A gateway that has its address and serves nobody yet.
pub struct Bound {
    listener: TcpListener,
    addr: SocketAddr,
    tls: Option<Arc<Tls>>,
    router: axum::Router,
    server: Server,
    ready: Arc<AtomicBool>,
    stop: mpsc::Receiver<()>,
    roads: Vec<Upstream>,
}

/// Puts a gateway together and binds its address. No system is called.
///
/// # Errors
/// If a backend's settings cannot be used, or the address cannot be had.
pub async fn bind(plan: Plan, metrics: Render) -> Result<Bound, Failed> {
    // Before anything takes time: a signal that comes during the start is a signal to stop.
    let stop = signals()?;
    let tls = plan.server.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
    let backends = connect(plan.backends)?;
    let roads = backends.iter().map(|backend| backend.upstream().clone()).collect();
    let directory = Directory::of(backends);
    let ready = Arc::new(AtomicBool::new(true));
    let router = api::router(api::State {
        gateway: Gateway::new(directory),
        callers: jwks::trusting(plan.callers, plan.tokens)?,
        cursors: seal(plan.cursor_key.as_ref()).map_err(Failed::Seal)?,
        settings: api::Settings {
            default_deadline: plan.server.deadline,
            max_deadline: plan.server.max_deadline,
            max_body: plan.server.max_body,
            body_timeout: plan.server.body_timeout,
            allowed_hosts: plan.server.allowed_hosts.clone(),
            cors: api::Cors {
                origins: plan.server.cors.origins.clone(),
                max_age: plan.server.cors.max_age,
            },
            rates: plan.server.rates.clone(),
            audit_key: Some(match &plan.server.audit_key {
                Some(key) => key.clone(),
                None => random().map_err(Failed::Seal)?,
            }),
        },
        ready: Arc::clone(&ready),
        metrics,
    });
    let listen = plan.server.listen;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| Failed::Listen(listen, error))?;
    Ok(Bound {
        addr: listener.local_addr()?,
        listener,
        tls,
        router,
        server: plan.server,
        ready,
        stop,
        roads,
    })
}

impl Bound {
    /// The address, with the port the system chose if none was configured.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `https`, or `http` where TLS is not spoken.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Serves until SIGTERM or SIGINT, then drains; a second signal ends that at once. At the end of a drain, tokens are
    /// released at the systems that have a call for it.
    pub async fn serve(self) -> Ended {
        info!(addr = %self.addr, "listening");
        let ended = server::serve(
            self.listener,
            self.tls,
            self.router,
            api::refusal,
            &self.server,
            self.ready,
            self.stop,
        )
        .await;
        if ended == Ended::Drained {
            release(&self.roads).await;
        }
        ended
    }
}

/// Ends the tokens of all backends, all at the same time. It may fail, and takes no longer than [`RELEASE`].
async fn release(roads: &[Upstream]) {
    let _ = tokio::time::timeout(RELEASE, join_all(roads.iter().map(Upstream::release))).await;
}

fn connect(configured: Vec<config::Backend>) -> Result<Vec<Backend>, Failed> {
    let tokens = Arc::new(tokens::Cache::default());
    configured
        .into_iter()
        .map(|backend| {
            let name = backend.name;
            backends::connect(name.clone(), backend.config, Arc::clone(&tokens))
                .map_err(|error| Failed::Backend { name, error })
        })
        .collect()
}

/// What a login at a backend gave, and how long it took.
pub struct Login {
    /// The backend.
    pub backend: BackendName,
    /// What it gave.
    pub outcome: Result<(), Error>,
    /// How long it took.
    pub took: Duration,
}

/// Logs in once at every backend, all at the same time, in their order.
///
/// # Errors
/// If a backend's settings cannot be used. A login that is refused is in the list.
pub async fn log_in(configured: Vec<config::Backend>) -> Result<Vec<Login>, Failed> {
    let backends = connect(configured)?;
    let logins = backends.iter().map(|backend| async move {
        let started = Instant::now();
        let outcome = backend.upstream().login().await;
        Login {
            backend: backend.name().clone(),
            outcome,
            took: started.elapsed(),
        }
    });
    let logins = join_all(logins).await;
    let roads: Vec<_> = backends.iter().map(|backend| backend.upstream().clone()).collect();
    release(&roads).await;
    Ok(logins)
}

/// The signals to stop, SIGTERM and SIGINT, from now on.
///
/// # Errors
/// If the system does not give them.
pub fn signals() -> io::Result<mpsc::Receiver<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if sender.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

fn seal(key: Option<&SecretString>) -> Result<Seal, Error> {
    match key {
        Some(key) => Ok(Seal::new(key.expose_secret().as_bytes())),
        None => Seal::random(),
    }
}

/// A secret that lives as long as this process.
fn random() -> Result<SecretString, Error> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::new(ErrorKind::Internal, "the machine gives no random bytes"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into())
}
