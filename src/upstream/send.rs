//! Bytes over the wire; the only file that names reqwest.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Method};
use tower::service_fn;

use super::observe::State;
use super::{Call, Hop, Outgoing, Reply, Settings};
use crate::error::{Error, ErrorKind, Result, Retry};

/// Sends one call once: no redirects, no repeats, addresses stripped from its errors.
#[derive(Clone)]
pub struct Sender {
    wire: Wire,
    max_request: usize,
    max_reply: usize,
}

#[derive(Clone)]
enum Wire {
    Http(reqwest::Client),
    #[cfg(any(test, fuzzing))]
    Scripted(Script),
}

/// What a test puts in the place of the network.
#[cfg(any(test, fuzzing))]
pub(crate) type Script = Arc<dyn Fn(Call) -> futures_util::future::BoxFuture<'static, Result<Reply>> + Send + Sync>;

#[cfg(any(test, fuzzing))]
thread_local! {
    static IN_PLACE: std::cell::RefCell<Option<Script>> = const { std::cell::RefCell::new(None) };
}

/// Has every sender that `make` connects answer from a script.
#[cfg(any(test, fuzzing))]
pub(crate) fn in_place_of_the_network<R>(script: Script, make: impl FnOnce() -> R) -> R {
    IN_PLACE.set(Some(script));
    let made = make();
    IN_PLACE.set(None);
    made
}

impl Sender {
    /// Makes a client with its own pool. Nothing is sent, and a machine without any certificate store will do as long as
    /// nothing goes over TLS.
    ///
    /// # Errors
    /// `Invalid` if the proxy or a root certificate cannot be read.
    pub fn connect(settings: &Settings) -> Result<Self> {
        #[cfg(any(test, fuzzing))]
        if let Some(script) = IN_PLACE.with_borrow(Clone::clone) {
            return Ok(Self::scripted(settings, script));
        }
        // Another part of the process may have installed one first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = match client(settings)?.build() {
            Ok(client) => client,
            // The platform's verifier refuses to exist without a single root. With none at all, http:// works and every
            // TLS handshake fails, which is what a machine without roots should do.
            Err(error) if settings.roots.is_empty() => {
                tracing::warn!(%error, "no certificate store on this machine: no system can be reached over TLS");
                client(settings)?
                    .tls_certs_only([])
                    .build()
                    .map_err(|error| unusable("the HTTP client cannot be set up", error))?
            }
            Err(error) => return Err(unusable("a root certificate cannot be used", error)),
        };
        Ok(Self {
            wire: Wire::Http(client),
            max_request: settings.max_request,
            max_reply: settings.max_reply,
        })
    }

    /// A sender that answers from a script.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn scripted(settings: &Settings, script: Script) -> Self {
        Self {
            wire: Wire::Scripted(script),
            max_request: settings.max_request,
            max_reply: settings.max_reply,
        }
    }

    /// Sends a call and reads the whole reply, whatever its status.
    ///
    /// It takes no longer than `within`, and not beyond the call's deadline.
    ///
    /// # Errors
    /// `Unavailable` if no connection was made or it broke, `TimedOut` after `within`, `Unreadable` if the reply is larger
    /// than is taken; each says whether the call may have been processed.
    pub async fn send(&self, call: &Call, within: Duration) -> Result<Reply> {
        let until = call.deadline.min(tokio::time::Instant::now() + within);
        tokio::time::timeout_at(until, self.carry(call.clone()))
            .await
            .unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::TimedOut, "the system did not answer in time")
                    .retry(Retry::IfRepeatable { after: None }))
            })
    }

    async fn carry(&self, call: Call) -> Result<Reply> {
        self.begin(call, None).await.map(|(reply, _)| reply)
    }

    /// Sends a call and reads the reply; with `hold`, only so many bytes of a success, if it says where it ends.
    async fn begin(&self, call: Call, hold: Option<usize>) -> Result<(Reply, Option<Unread>)> {
        if call.body.len() > self.max_request {
            let most = self.max_request;
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the request to the system would be larger than the {most} bytes it is sent"),
            ));
        }
        match &self.wire {
            Wire::Http(client) => {
                let limit = call.max_reply.unwrap_or(self.max_reply);
                over_http(client, call, limit, hold).await
            }
            #[cfg(any(test, fuzzing))]
            Wire::Scripted(script) => script(call).await.map(|reply| (reply, None)),
        }
    }
}

/// What is not read yet of a reply.
pub(super) struct Unread(reqwest::Response);

impl Unread {
    /// The next piece; `None` if the reply is over and was whole.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        next(&mut self.0).await
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// The innermost layer.
pub(super) fn send(sender: Sender, state: Arc<State>) -> impl Hop<Outgoing> {
    service_fn(move |outgoing: Outgoing| {
        let (sender, state) = (sender.clone(), Arc::clone(&state));
        async move {
            let Outgoing { call, trip } = outgoing;
            // From here on nobody can say that no byte left, unless the error itself does.
            trip.leaves();
            let result = match &trip.aside {
                None => sender.carry(call).await,
                Some(aside) => sender.begin(call, Some(aside.hold)).await.map(|(reply, unread)| {
                    aside.put(unread);
                    reply
                }),
            };
            match &result {
                Ok(reply) => {
                    trip.answered(reply.status);
                    state.reached(true);
                }
                Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::TimedOut) => {
                    state.reached(false);
                }
                // Too large, but an answer.
                Err(error) if matches!(error.kind(), ErrorKind::Unreadable | ErrorKind::OutcomeUnknown) => {
                    state.reached(true);
                }
                Err(_) => {}
            }
            result
        }
    })
}

fn client(settings: &Settings) -> Result<reqwest::ClientBuilder> {
    let mut client = reqwest::Client::builder()
        .user_agent(concat!("intertie/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        // A redirect is not followed, so there is nothing to refer from; and reqwest's own repeats of refused streams
        // would be attempts nobody counts.
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(settings.idle)
        .pool_max_idle_per_host(settings.concurrency)
        // Neither proxies from the environment: a road goes where its settings say.
        .no_proxy();
    if let Some(proxy) = &settings.proxy {
        let proxy =
            reqwest::Proxy::all(proxy).map_err(|error| unusable("the proxy's address cannot be read", error))?;
        client = client.proxy(proxy);
    }
    if !settings.roots.is_empty() {
        let roots = reqwest::Certificate::from_pem_bundle(&settings.roots)
            .map_err(|error| unusable("the root certificates cannot be read", error))?;
        if roots.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the root certificates hold no certificate in PEM",
            ));
        }
        client = client.tls_certs_merge(roots);
    }
    Ok(client)
}

fn unusable(message: &'static str, error: reqwest::Error) -> Error {
    // A proxy's address may hold a password.
    Error::new(ErrorKind::Invalid, message).because(error.without_url())
}

async fn over_http(
    client: &reqwest::Client,
    call: Call,
    limit: usize,
    hold: Option<usize>,
) -> Result<(Reply, Option<Unread>)> {
    let url = reqwest::Url::parse(&call.url)
        .map_err(|error| Error::new(ErrorKind::Internal, "the system's address cannot be read").because(error))?;
    let may_repeat = call.may_repeat;
    let mut request = reqwest::Request::new(call.method, url);
    *request.headers_mut() = call.headers;
    if !call.body.is_empty() {
        *request.body_mut() = Some(call.body.into());
    } else if matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) {
        // RFC 9110 §8.6: a method that takes a body says so when there is none; hyper leaves it out, and some servers
        // then answer 411.
        request
            .headers_mut()
            .entry(CONTENT_LENGTH)
            .or_insert(HeaderValue::from_static("0"));
    }
    let mut response = client
        .execute(request)
        .await
        .map_err(|error| broken(error, "the connection to the system broke"))?;
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    // A body that ends with its connection may have been cut anywhere: it is read whole, so that a verdict can tell.
    let framed = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
    match hold.filter(|_| framed && status.is_success()) {
        None => {
            let body = read(&mut response, &headers, limit, may_repeat).await?;
            Ok((Reply { status, headers, body }, None))
        }
        Some(hold) => {
            let (body, over) = beginning(&mut response, hold).await?;
            let unread = (!over).then_some(Unread(response));
            Ok((Reply { status, headers, body }, unread))
        }
    }
}

/// Reads a body until it is over or longer than `hold`, and says whether it is over.
async fn beginning(response: &mut reqwest::Response, hold: usize) -> Result<(Bytes, bool)> {
    let mut read = BytesMut::new();
    while let Some(piece) = next(response).await? {
        read.extend_from_slice(&piece);
        if read.len() > hold {
            return Ok((read.freeze(), false));
        }
    }
    Ok((read.freeze(), true))
}

async fn next(response: &mut reqwest::Response) -> Result<Option<Bytes>> {
    response.chunk().await.map_err(|error| {
        broken(
            error,
            "the connection to the system broke before its reply was complete",
        )
    })
}

/// Reads a body into one buffer; a body of one piece is not copied at all.
async fn read(response: &mut reqwest::Response, headers: &HeaderMap, limit: usize, may_repeat: bool) -> Result<Bytes> {
    let stated: Option<usize> = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse().ok());
    if stated.is_some_and(|length| length > limit) {
        return Err(too_large(limit, may_repeat));
    }
    let mut whole = BytesMut::new();
    let mut first = Bytes::new();
    loop {
        let Some(piece) = next(response).await? else { break };
        if first.len() + whole.len() + piece.len() > limit {
            return Err(too_large(limit, may_repeat));
        }
        if whole.is_empty() && first.is_empty() {
            first = piece;
            continue;
        }
        if whole.is_empty() {
            whole.reserve(stated.unwrap_or(0).max(first.len() + piece.len()));
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

fn too_large(limit: usize, may_repeat: bool) -> Error {
    if may_repeat {
        // Asking again would bring the same bytes.
        Error::new(
            ErrorKind::Unreadable,
            format!("the system's reply is larger than the {limit} bytes that are taken"),
        )
    } else {
        Error::new(
            ErrorKind::OutcomeUnknown,
            format!("the system answered with more than the {limit} bytes that are taken; what it did is not known"),
        )
    }
}

fn broken(error: reqwest::Error, message: &'static str) -> Error {
    let error = error.without_url();
    let (kind, message, retry) = if error.is_builder() {
        (
            ErrorKind::Internal,
            "the call to the system cannot be put on the wire",
            Retry::Never,
        )
    } else if error.is_connect() && error.is_timeout() {
        let message = "no connection to the system could be made in time";
        (ErrorKind::TimedOut, message, Retry::Safe { after: None })
    } else if error.is_connect() {
        let message = if error.is_dns() {
            "the system's host name could not be resolved"
        } else {
            "no connection to the system could be made"
        };
        (ErrorKind::Unavailable, message, Retry::Safe { after: None })
    } else if error.is_timeout() {
        let message = "the system did not answer in time";
        (ErrorKind::TimedOut, message, Retry::IfRepeatable { after: None })
    } else {
        (ErrorKind::Unavailable, message, Retry::IfRepeatable { after: None })
    };
    Error::new(kind, message).retry(retry).because(error)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(5);

    fn call(url: String) -> Call {
        Call {
            operation: "test",
            may_repeat: true,
            deadline: Instant::now() + LONG,
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            max_reply: None,
        }
    }

    fn sender(settings: &Settings) -> Sender {
        Sender::connect(settings).unwrap()
    }

    /// Answers one connection with `reply` once the whole request is read; gives back the request.
    async fn system(reply: impl Into<Vec<u8>>, hold: bool) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/a?b=c", listener.local_addr().unwrap());
        let reply = reply.into();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = request(&mut stream).await;
            stream.write_all(&reply).await.unwrap();
            if hold {
                // Until the other side goes away.
                let _ = stream.read(&mut [0]).await;
            }
            request
        });
        (url, served)
    }

    async fn request(stream: &mut TcpStream) -> String {
        let mut read = Vec::new();
        loop {
            let mut piece = [0; 4096];
            let n = stream.read(&mut piece).await.unwrap();
            read.extend_from_slice(&piece[..n]);
            let text = String::from_utf8_lossy(&read).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")
                        .map(str::to_owned)
                });
                if n == 0 || body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    return text;
                }
            }
        }
    }

    #[tokio::test]
    async fn a_reply_comes_back_whole() {
        let reply = b"HTTP/1.1 201 Created\r\nX-Odd: caf\xe9 \"q\"\r\nContent-Length: 5\r\n\r\nhello".to_vec();
        let (url, served) = system(reply, true).await;
        let mut call = call(url);
        call.method = Method::POST;
        call.body = Bytes::from_static(b"{\"a\":1}");
        call.headers
            .insert("x-sent", HeaderValue::from_bytes(b"na\xefve; v=\"1\"").unwrap());
        let sender = sender(&Settings::default());
        let reply = sender.send(&call, LONG).await.unwrap();
        assert_eq!(reply.status, StatusCode::CREATED);
        assert_eq!(reply.headers["x-odd"].as_bytes(), b"caf\xe9 \"q\"");
        assert_eq!(reply.body, "hello");
        drop(sender);
        let request = served.await.unwrap();
        assert!(request.starts_with("POST /a?b=c HTTP/1.1\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
        assert!(request.contains("content-length: 7\r\n"), "{request}");
        // Lossy text shows the one byte outside UTF-8 as a replacement.
        assert!(request.contains("x-sent: na\u{fffd}ve; v=\"1\"\r\n"), "{request}");
        assert!(!request.contains("accept-encoding"), "{request}");
    }

    #[tokio::test]
    async fn a_post_without_a_body_says_so() {
        let (url, served) = system("HTTP/1.1 204 No Content\r\n\r\n", false).await;
        let mut call = call(url);
        call.method = Method::POST;
        sender(&Settings::default()).send(&call, LONG).await.unwrap();
        assert!(served.await.unwrap().contains("content-length: 0\r\n"));
    }

    #[tokio::test]
    async fn a_reply_in_pieces_is_joined() {
        let reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n1\r\nh\r\n0\r\n\r\n";
        let (url, _served) = system(reply, false).await;
        let reply = sender(&Settings::default()).send(&call(url), LONG).await.unwrap();
        assert_eq!(reply.body, "abcdefgh");
    }

    #[tokio::test]
    async fn a_refused_connection_was_not_a_call() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/secret-path?key=value", listener.local_addr().unwrap());
        drop(listener);
        let error = sender(&Settings::default()).send(&call(url), LONG).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.retryable(), Retry::Safe { after: None });
        let printed = format!("{error:?}");
        assert!(
            !printed.contains("secret-path") && !printed.contains("key=value"),
            "{printed}"
        );
    }

    #[tokio::test]
    async fn a_connection_closed_after_the_request_may_have_been_a_call() {
        let (url, served) = system("", false).await;
        let error = sender(&Settings::default()).send(&call(url), LONG).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.retryable(), Retry::IfRepeatable { after: None });
        served.await.unwrap();
    }

    #[tokio::test]
    async fn a_reply_cut_short_may_have_been_a_call() {
        let (url, _served) = system("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", false).await;
        let error = sender(&Settings::default()).send(&call(url), LONG).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.retryable(), Retry::IfRepeatable { after: None });
    }

    #[tokio::test]
    async fn a_slow_body_is_timed_out() {
        let (url, _served) = system("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", true).await;
        let within = Duration::from_millis(100);
        let error = sender(&Settings::default()).send(&call(url), within).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(error.retryable(), Retry::IfRepeatable { after: None });
    }

    #[tokio::test]
    async fn a_reply_too_large_is_not_taken() {
        let stated = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789";
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n4\r\n6789\r\n0\r\n\r\n";
        for (reply, may_repeat) in [(stated, true), (chunked, true), (stated, false), (chunked, false)] {
            let settings = Settings {
                max_reply: 8,
                ..Settings::default()
            };
            let (url, _served) = system(reply, false).await;
            let call = Call {
                may_repeat,
                ..call(url)
            };
            let error = sender(&settings).send(&call, LONG).await.unwrap_err();
            let expected = if may_repeat {
                ErrorKind::Unreadable
            } else {
                ErrorKind::OutcomeUnknown
            };
            assert_eq!((error.kind(), error.retryable()), (expected, Retry::Never));
        }
        // A call may take more, or less, than its backend does.
        let (url, _served) = system(stated, false).await;
        let call = Call {
            max_reply: Some(9),
            ..call(url)
        };
        let settings = Settings {
            max_reply: 8,
            ..Settings::default()
        };
        assert_eq!(sender(&settings).send(&call, LONG).await.unwrap().body, "123456789");
    }

    #[tokio::test]
    async fn a_request_too_large_is_not_sent() {
        let settings = Settings {
            max_request: 3,
            ..Settings::default()
        };
        // Nobody listens there: a call that left would be `Unavailable`.
        let mut call = call("http://127.0.0.1:1/".into());
        call.body = Bytes::from_static(b"1234");
        let error = sender(&settings).send(&call, LONG).await.unwrap_err();
        assert_eq!((error.kind(), error.retryable()), (ErrorKind::Invalid, Retry::Never));
    }

    #[tokio::test]
    async fn a_redirect_is_a_reply() {
        let reply = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
        let (url, _served) = system(reply, false).await;
        let reply = sender(&Settings::default()).send(&call(url), LONG).await.unwrap();
        assert_eq!(reply.status, StatusCode::FOUND);
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_our_fault() {
        for url in ["", "nowhere", "ftp://127.0.0.1/"] {
            let error = sender(&Settings::default())
                .send(&call(url.into()), LONG)
                .await
                .unwrap_err();
            assert_eq!(
                (error.kind(), error.retryable()),
                (ErrorKind::Internal, Retry::Never),
                "{url}"
            );
        }
    }

    #[tokio::test]
    async fn calls_go_through_the_configured_proxy() {
        let (proxy, served) = system("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false).await;
        let settings = Settings {
            proxy: Some(proxy.trim_end_matches("/a?b=c").to_owned()),
            ..Settings::default()
        };
        let reply = sender(&settings)
            .send(&call("http://system.invalid/x".into()), LONG)
            .await
            .unwrap();
        assert_eq!(reply.body, "ok");
        assert!(
            served
                .await
                .unwrap()
                .starts_with("GET http://system.invalid/x HTTP/1.1\r\n")
        );
    }

    const ROOT: &[u8] = include_bytes!("../../tests/fixtures/tls/root.pem");

    /// Answers one TLS connection; a thread of its own, since the handshake is a blocking one.
    fn tls_system() -> (String, std::thread::JoinHandle<std::io::Result<()>>) {
        use std::io::{Read, Write};

        use rustls::pki_types::pem::PemObject;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer};

        let leaf = CertificateDer::from_pem_slice(include_bytes!("../../tests/fixtures/tls/leaf.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../tests/fixtures/tls/leaf.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf], key)
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            let mut tls = rustls::ServerConnection::new(Arc::new(config)).unwrap();
            let mut stream = rustls::Stream::new(&mut tls, &mut stream);
            let read = stream.read(&mut [0; 4096])?;
            assert!(read > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        });
        (url, served)
    }

    #[tokio::test]
    async fn a_system_behind_a_root_of_its_own_is_reached_with_that_root_alone() {
        let (url, served) = tls_system();
        let settings = Settings {
            roots: ROOT.to_vec(),
            ..Settings::default()
        };
        assert_eq!(sender(&settings).send(&call(url), LONG).await.unwrap().body, "ok");
        served.join().unwrap().unwrap();

        let (url, served) = tls_system();
        let error = sender(&Settings::default()).send(&call(url), LONG).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retryable()),
            (ErrorKind::Unavailable, Retry::Safe { after: None })
        );
        assert!(served.join().unwrap().is_err());
    }

    #[test]
    fn a_machine_without_certificates_will_do() {
        // The store is looked for in places the environment names, so the test is run once more in one that names none.
        let this = "upstream::send::tests::a_machine_without_certificates_will_do";
        if std::env::var_os("SSL_CERT_FILE").is_some_and(|file| file == "/nonexistent") {
            sender(&Settings::default());
            return;
        }
        let run = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", this])
            .env("SSL_CERT_FILE", "/nonexistent")
            .env("SSL_CERT_DIR", "/nonexistent")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains("1 passed"), "{said}");
    }

    #[test]
    fn a_proxy_or_a_root_that_cannot_be_read_is_refused() {
        let proxy = Settings {
            proxy: Some("http://user:marked-secret@ /".into()),
            ..Settings::default()
        };
        let garbage = Settings {
            roots: b"no certificate".to_vec(),
            ..Settings::default()
        };
        let broken = Settings {
            roots: b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec(),
            ..Settings::default()
        };
        for settings in [proxy, garbage, broken] {
            let error = Sender::connect(&settings).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(
                !format!("{error:?} {settings:?}").contains("marked-secret"),
                "{error:?}"
            );
        }
    }
}
