//! Replies that are passed on before they are whole.
//!
//! Judged is the beginning: status, headers and as many bytes as the call held back. The rest is carried by a task of its
//! own, so that the clock runs and the permit comes back whether anybody reads or not. A reply that breaks off, or is not
//! over when the caller's time is, never ends like a whole one: whoever reads is given an error in the place of its end.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout, timeout_at};

use super::observe::{State, UnderWay};
use super::{Reply, send};
use crate::error::{Error, ErrorKind, Result, Retry};

/// How many pieces of a reply wait for a slow reader.
const WAITING: usize = 4;

/// A reply that was judged by its beginning.
pub struct Streamed {
    /// Status, headers, and the beginning of the body: all of it if there is no rest.
    pub head: Reply,
    /// The rest of the body.
    pub rest: Option<Rest>,
}

/// The rest of a body. It ends only if the reply was whole.
pub struct Rest {
    pieces: mpsc::Receiver<Piece>,
    over: bool,
}

/// A reply broke off on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system's reply broke off")]
pub struct Broken;

enum Piece {
    Bytes(Bytes),
    End,
}

impl Stream for Rest {
    type Item = Result<Bytes, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(self.pieces.poll_recv(cx)) {
            Some(Piece::Bytes(bytes)) => Some(Ok(bytes)),
            Some(Piece::End) => {
                self.over = true;
                None
            }
            // Whoever carried it went away without having come to its end.
            None => {
                self.over = true;
                Some(Err(Broken))
            }
        })
    }
}

/// Where the attempt under way puts what it has not read of its reply.
pub(super) struct Aside {
    /// How many bytes are read before the reply is judged.
    pub(super) hold: usize,
    left: Mutex<Left>,
}

#[derive(Default)]
struct Left {
    unread: Option<send::Unread>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Aside {
    pub(super) fn new(hold: usize) -> Self {
        Self {
            hold,
            left: Mutex::default(),
        }
    }

    /// Puts aside what is unread; nothing is left of the attempt before.
    pub(super) fn put(&self, unread: Option<send::Unread>) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = Left { unread, permit: None };
    }

    /// Keeps the permit of an attempt that has something unread.
    pub(super) fn keep(&self, permit: OwnedSemaphorePermit) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.unread.is_some() {
            left.permit = Some(permit);
        }
    }

    fn take(&self) -> Left {
        std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is known of a reply whose rest is carried.
pub(super) struct Carried {
    pub(super) backend: String,
    pub(super) operation: &'static str,
    pub(super) state: Arc<State>,
    pub(super) under_way: UnderWay,
    /// When the caller stops waiting.
    pub(super) until: Instant,
    /// The longest the system may say nothing.
    pub(super) silence: Duration,
}

/// Carries what was put aside, if anything was, until its end, its clock's end, or its reader's.
pub(super) fn carry(aside: &Aside, carried: Carried) -> Option<Rest> {
    let Left { unread, permit } = aside.take();
    let unread = unread?;
    let (to, pieces) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let Carried {
            backend,
            operation,
            state,
            under_way,
            until,
            silence,
        } = carried;
        let outcome = timeout_at(until, async {
            read(unread, silence, &to).await?;
            // The system is done with this call; how fast the last pieces are read is no business of its other calls.
            drop((permit, under_way));
            // A reader that has gone needs no end.
            let _ = to.send(Piece::End).await;
            Ok(())
        })
        .await
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::TimedOut, "the caller's time was over")));
        if let Err(error) = outcome {
            if matches!(error.retryable(), Retry::IfRepeatable { .. }) {
                state.reached(false);
            }
            let outcome = error.kind().label();
            tracing::warn!(backend, operation, outcome, %error, "a reply broke off while it was passed on");
        }
    });
    Some(Rest { pieces, over: false })
}

/// Reads to the end of the reply, or until nobody wants it any more.
async fn read(mut unread: send::Unread, silence: Duration, to: &mpsc::Sender<Piece>) -> Result<()> {
    loop {
        let piece = tokio::select! {
            biased;
            () = to.closed() => return Ok(()),
            piece = timeout(silence, unread.next()) => piece,
        };
        let piece = piece.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::TimedOut, "the system fell silent").retry(Retry::IfRepeatable { after: None }))
        });
        let Some(bytes) = piece? else { return Ok(()) };
        if to.send(Piece::Bytes(bytes)).await.is_err() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::StreamExt;
    use http::{HeaderMap, Method};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::Notify;

    use super::super::tests::{credentials, logins, token};
    use super::super::{Call, Settings, Upstream};
    use super::*;

    const HOLD: usize = 1000;
    const LONG: Duration = Duration::from_secs(20);

    /// What a made-up system does with its connections.
    #[derive(Clone, Copy, PartialEq)]
    enum Does {
        /// Sends the beginning, and the rest when it is told to.
        Wait,
        /// Sends the beginning and closes.
        Break,
        /// Sends more than any buffer takes.
        Flood,
    }

    struct System {
        url: String,
        goes_on: Arc<Notify>,
        calls: Arc<AtomicUsize>,
    }

    /// Answers the first connection with `head` and 2,000 bytes, then as it `does`; every later one with a short answer.
    async fn system(head: &'static str, does: Does) -> System {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        let (goes_on, calls) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let (told, counted) = (Arc::clone(&goes_on), Arc::clone(&calls));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = counted.fetch_add(1, Ordering::SeqCst);
                let told = Arc::clone(&told);
                tokio::spawn(async move { answer(stream, head, does, number == 0, &told).await });
            }
        });
        System { url, goes_on, calls }
    }

    async fn answer(mut stream: TcpStream, head: &str, does: Does, first: bool, told: &Notify) -> std::io::Result<()> {
        let _ = stream.read(&mut [0; 4096]).await?;
        if !first {
            return stream
                .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nshort")
                .await;
        }
        stream.write_all(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes()).await?;
        stream.write_all(&[b'a'; 2000]).await?;
        match does {
            Does::Break => return Ok(()),
            Does::Wait => told.notified().await,
            Does::Flood => loop {
                stream.write_all(&[b'b'; 64 * 1024]).await?;
            },
        }
        stream.write_all(&[b'b'; 3000]).await
    }

    const FIVE_THOUSAND: &str = "200 OK\r\nConnection: close\r\nContent-Length: 5000";
    const ENDLESS: &str = "200 OK\r\nContent-Length: 99999999999";

    fn road(settings: Settings) -> Upstream {
        Upstream::connect("acme", settings, None, |_| Ok(())).unwrap()
    }

    fn alone() -> Settings {
        Settings {
            concurrency: 1,
            attempts: 1,
            ..Settings::default()
        }
    }

    fn within(url: &str, time: Duration) -> Call {
        Call {
            operation: "native.raw",
            may_repeat: true,
            deadline: Instant::now() + time,
            method: Method::GET,
            url: url.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            max_reply: None,
        }
    }

    /// Everything that comes, and whether it was whole.
    async fn all(streamed: Streamed) -> (Vec<u8>, bool) {
        let mut read = streamed.head.body.to_vec();
        let Some(mut rest) = streamed.rest else {
            return (read, true);
        };
        while let Some(piece) = rest.next().await {
            match piece {
                Ok(piece) => read.extend_from_slice(&piece),
                Err(Broken) => {
                    assert_eq!(rest.next().await, None);
                    return (read, false);
                }
            }
        }
        (read, true)
    }

    #[tokio::test]
    async fn the_beginning_is_given_out_before_the_reply_is_whole() {
        let system = system(FIVE_THOUSAND, Does::Wait).await;
        let streamed = road(alone()).stream(within(&system.url, LONG), HOLD).await.unwrap();
        let held = streamed.head.body.len();
        assert!((HOLD + 1..=2000).contains(&held) && streamed.rest.is_some(), "{held}");
        system.goes_on.notify_one();
        let (read, whole) = all(streamed).await;
        assert!(whole);
        assert_eq!(read, [[b'a'; 2000].as_slice(), &[b'b'; 3000]].concat());
    }

    #[tokio::test]
    async fn a_reply_that_is_over_early_is_whole_and_so_is_what_is_no_framed_success() {
        let short = system(FIVE_THOUSAND, Does::Wait).await;
        short.goes_on.notify_one();
        let streamed = road(alone()).stream(within(&short.url, LONG), 8000).await.unwrap();
        assert!(streamed.rest.is_none());
        assert_eq!(streamed.head.body.len(), 5000);
        for head in [
            "400 Bad Request\r\nConnection: close\r\nContent-Length: 5000",
            "200 OK\r\nConnection: close",
        ] {
            let system = system(head, Does::Wait).await;
            system.goes_on.notify_one();
            let streamed = road(alone()).stream(within(&system.url, LONG), HOLD).await.unwrap();
            assert!(streamed.rest.is_none(), "{head}");
            assert_eq!(streamed.head.body.len(), 5000, "{head}");
        }
        let large = system("400 Bad Request\r\nContent-Length: 5000", Does::Wait).await;
        let settings = Settings {
            max_reply: 4999,
            ..alone()
        };
        let refused = road(settings).stream(within(&large.url, LONG), HOLD).await;
        assert_eq!(refused.err().map(|error| error.kind()), Some(ErrorKind::Unreadable));
    }

    #[tokio::test]
    async fn a_permit_is_held_until_the_reply_is_over_or_nobody_wants_it() {
        for leaves in [false, true] {
            let system = system(FIVE_THOUSAND, Does::Wait).await;
            let road = road(alone());
            let streamed = road.stream(within(&system.url, LONG), HOLD).await.unwrap();
            assert_eq!(road.standing().in_flight, 1);
            let busy = road.call(within(&system.url, Duration::from_millis(100))).await;
            assert_eq!(busy.err().map(|error| error.kind()), Some(ErrorKind::Unavailable));
            assert_eq!(system.calls.load(Ordering::SeqCst), 1);
            if leaves {
                drop(streamed);
            } else {
                system.goes_on.notify_one();
                assert!(all(streamed).await.1);
            }
            assert_eq!(road.call(within(&system.url, LONG)).await.unwrap().body, "short");
            assert_eq!(road.standing().in_flight, 0);
        }
    }

    #[tokio::test]
    async fn a_reply_that_breaks_off_does_not_end_like_a_whole_one() {
        for head in [
            FIVE_THOUSAND,
            // 2,000 bytes of a chunk of 2,048.
            "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n800",
        ] {
            let system = system(head, Does::Break).await;
            let head = head.split("\r\n\r\n").next().unwrap();
            let streamed = road(alone()).stream(within(&system.url, LONG), HOLD).await;
            let Ok(streamed) = streamed else {
                panic!("{head}: nothing came");
            };
            let (read, whole) = all(streamed).await;
            assert!(read.len() > HOLD && !whole, "{head}");
        }
    }

    #[tokio::test]
    async fn the_deadline_ends_a_reply_that_nobody_reads() {
        let system = system(ENDLESS, Does::Flood).await;
        let road = road(alone());
        let time = Duration::from_millis(300);
        let streamed = road.stream(within(&system.url, time), HOLD).await.unwrap();
        // Nothing is read, and the permit comes back all the same.
        assert_eq!(road.call(within(&system.url, LONG)).await.unwrap().body, "short");
        assert!(!all(streamed).await.1);
    }

    #[tokio::test]
    async fn a_system_that_falls_silent_is_not_waited_for() {
        let system = system(FIVE_THOUSAND, Does::Wait).await;
        let settings = Settings {
            attempt_timeout: Duration::from_millis(200),
            ..alone()
        };
        let road = road(settings);
        let streamed = road.stream(within(&system.url, LONG), HOLD).await.unwrap();
        assert_eq!(all(streamed).await, (vec![b'a'; 2000], false));
        assert_eq!(road.standing().reachable, Some(false));
    }

    #[tokio::test]
    async fn a_refusal_in_the_beginning_is_seen_and_nothing_of_it_is_given_out() {
        for head in [
            FIVE_THOUSAND,
            "401 Unauthorized\r\nConnection: close\r\nContent-Length: 5000",
        ] {
            let system = system(head, Does::Wait).await;
            system.goes_on.notify_one();
            let grant = logins(|number| async move { Ok(token(number, LONG * 60)) });
            let verdict = |reply: &Reply| match &reply.body {
                body if body.starts_with(b"aaaa") => Err(Error::new(ErrorKind::Credentials, "refused")),
                _ => Ok(()),
            };
            let road = Upstream::connect("acme", alone(), Some(credentials(grant)), verdict).unwrap();
            let streamed = road.stream(within(&system.url, LONG), HOLD).await.unwrap();
            assert_eq!(all(streamed).await, (b"short".to_vec(), true));
            assert_eq!(system.calls.load(Ordering::SeqCst), 2);
        }
    }
}
