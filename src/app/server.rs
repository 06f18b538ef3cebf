//! The loop that takes connections, and how it ends.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use http::header::{CONNECTION, STRICT_TRANSPORT_SECURITY};
use http::{HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tower::Service as _;
use tracing::{debug, info, warn};

use super::crowd::{Crowd, Full};
use super::pace::{self, Paced};
use super::refusal::{Document, Refusing, message};
use super::tls::{Stream, Tls};
use crate::api::Peer;
use crate::config;

/// How long a browser is to remember that this host speaks TLS.
const A_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// How long to wait before taking the next connection when the process has no file left for it.
const OUT_OF_FILES: Duration = Duration::from_millis(100);

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every call was answered.
    Drained,
    /// Calls were cut off: the time for them was up, or there was a second signal.
    CutOff,
}

/// Serves connections until `stop` gives something, then drains: `ready` turns false at once, connections are taken for
/// `drain_delay` more and closed after their next answer, and calls under way get `drain` to finish. The next thing `stop`
/// gives ends that.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    refuse: Document,
    settings: &config::Server,
    ready: Arc<AtomicBool>,
    mut stop: mpsc::Receiver<()>,
) -> Ended {
    let mut builder = http1::Builder::new();
    builder
        // Its own clock for heads is off: ours stand in front.
        .header_read_timeout(None)
        .max_header_size(settings.max_header_size);
    // Setting it, even to the default, moves every request's headers to the heap.
    if settings.max_headers != config::Server::default().max_headers {
        builder.max_headers(settings.max_headers);
    }
    let graceful = GracefulShutdown::new();
    let watch = tls.as_ref().map(|tls| tokio::spawn(Arc::clone(tls).watch()));
    let _watch = watch.map(|watch| Ending(watch.abort_handle()));
    let door = Arc::new(Door {
        tls,
        builder,
        router,
        refuse,
        ready: Arc::clone(&ready),
        crowd: Crowd::new(settings.max_connections, settings.max_connections_per_address),
        pace: pace::Limits {
            idle: settings.idle_timeout,
            head: settings.header_timeout,
            answer: settings.answer_timeout,
        },
    });
    loop {
        tokio::select! {
            biased;
            _ = stop.recv() => break,
            taken = listener.accept() => door.take(taken, graceful.watcher()).await,
        }
    }

    ready.store(false, Ordering::Release);
    info!(calls_and_idle_connections = graceful.count(), "stopping");
    let mut delay = pin!(tokio::time::sleep(settings.drain_delay));
    loop {
        tokio::select! {
            biased;
            Some(()) = stop.recv() => return Ended::CutOff,
            () = &mut delay => break,
            taken = listener.accept() => door.take(taken, graceful.watcher()).await,
        }
    }
    drop(listener);
    tokio::select! {
        biased;
        () = graceful.shutdown() => {
            info!("stopped; every call was answered");
            Ended::Drained
        }
        Some(()) = stop.recv() => Ended::CutOff,
        () = tokio::time::sleep(settings.drain) => {
            warn!(drain = ?settings.drain, "stopped; calls that took longer were cut off");
            Ended::CutOff
        }
    }
}

/// A task that ends when this is dropped.
struct Ending(AbortHandle);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What every connection is served with.
struct Door {
    tls: Option<Arc<Tls>>,
    builder: http1::Builder,
    router: Router,
    refuse: Document,
    ready: Arc<AtomicBool>,
    crowd: Arc<Crowd>,
    pace: pace::Limits,
}

impl Door {
    async fn take(self: &Arc<Self>, taken: io::Result<(TcpStream, SocketAddr)>, watcher: Watcher) {
        let (stream, addr) = match taken {
            Ok(taken) => taken,
            Err(error) if of_connection(&error) => return,
            Err(error) => {
                warn!(%error, "no connection can be taken");
                tokio::time::sleep(OUT_OF_FILES).await;
                return;
            }
        };
        // One and the same caller, however the socket was opened.
        let peer = Peer {
            addr: addr.ip().to_canonical(),
        };
        let guest = match self.crowd.enter(peer.party()) {
            Ok(guest) => guest,
            Err(full) => return self.turn_away(stream, full),
        };
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "a connection keeps Nagle's algorithm");
        }
        let door = Arc::clone(self);
        tokio::spawn(async move {
            if let Some(stream) = door.welcome(stream).await {
                door.converse(stream, peer, watcher).await;
            }
            drop(guest);
        });
    }

    /// Agrees on TLS, where it is spoken, in the time that a head may take.
    async fn welcome(&self, stream: TcpStream) -> Option<Stream> {
        let Some(tls) = &self.tls else {
            return Some(Stream::Plain(stream));
        };
        match tokio::time::timeout(self.pace.head, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => Some(Stream::Tls(Box::new(stream))),
            Ok(Err(error)) => {
                debug!(%error, "a connection did not agree on TLS");
                None
            }
            Err(_) => None,
        }
    }

    async fn converse(&self, stream: Stream, peer: Peer, watcher: Watcher) {
        let secured = matches!(stream, Stream::Tls(_));
        let stream = Paced::new(stream, self.pace);
        let turns = stream.turns();
        let service = service_fn(|mut request: Request<Incoming>| {
            turns.asked();
            request.extensions_mut().insert(peer);
            let answer = self.router.clone().call(request);
            let turns = &turns;
            async move {
                let mut answer = answer.await?;
                turns.answered();
                if secured {
                    answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, A_YEAR);
                }
                if !self.ready.load(Ordering::Acquire) {
                    // The caller's next request then goes to whoever takes over.
                    answer
                        .headers_mut()
                        .insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let io = TokioIo::new(Refusing::new(stream, self.refuse));
        let connection = watcher.watch(self.builder.serve_connection(io, service));
        if let Err(error) = connection.await {
            debug!(%error, "a connection broke");
        }
    }

    /// Closes a connection that is one too many. Why is said as far as it can be without waiting.
    fn turn_away(&self, stream: TcpStream, full: Full) {
        metrics::counter!("intertie_connections_refused_total", "limit" => full.label()).increment(1);
        debug!(limit = full.label(), "too many connections");
        if self.tls.is_some() {
            return;
        }
        if let Ok(mut stream) = stream.into_std() {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let _ = stream.write(&message(status, &(self.refuse)(status)));
        }
    }
}

/// Whether a failure to take a connection is that connection's own.
fn of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
