//! How slow a caller may be: the clocks of one connection.
//!
//! A caller that says nothing, says it byte by byte, or does not read what it asked for would hold a connection for ever.
//! hyper has a clock for heads alone, which cannot tell a slow one from an idle connection and takes a new timer for every
//! request; these keep one timer each for as long as the connection lasts, and seldom touch it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// The longest times of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Between an answer and the first byte of the next request.
    pub(super) idle: Duration,
    /// From a request's first byte, or from the connection's beginning, to the end of its headers.
    pub(super) head: Duration,
    /// From when an answer waits for its caller to when all of it is taken.
    pub(super) answer: Duration,
}

/// What a connection is waiting for, as far as reading goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Turn {
    /// The next request.
    Idle,
    /// The rest of a head.
    Head,
    /// Its own answer: how long a body may take is for whoever reads it to say.
    Busy,
}

/// Tells a connection's clocks when a request is being answered. Cheap to clone.
#[derive(Clone)]
pub(super) struct Turns(Arc<AtomicU8>);

impl Turns {
    /// A request has been read and is being answered.
    pub(super) fn asked(&self) {
        self.set(Turn::Busy);
    }

    /// The answer is there.
    pub(super) fn answered(&self) {
        self.set(Turn::Idle);
    }

    fn set(&self, turn: Turn) {
        // One task does all of it: nothing needs to be ordered.
        self.0.store(turn as u8, Ordering::Relaxed);
    }

    fn get(&self) -> Turn {
        match self.0.load(Ordering::Relaxed) {
            turn if turn == Turn::Idle as u8 => Turn::Idle,
            turn if turn == Turn::Head as u8 => Turn::Head,
            _ => Turn::Busy,
        }
    }
}

/// A stream that breaks off when its caller is too slow.
pub(super) struct Paced<S> {
    stream: S,
    limits: Limits,
    turns: Turns,
    /// What the clock of reading was started for.
    timed: Turn,
    reading: Clock,
    writing: Clock,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, limits: Limits) -> Self {
        Self {
            stream,
            limits,
            turns: Turns(Arc::new(AtomicU8::new(Turn::Head as u8))),
            timed: Turn::Head,
            reading: Clock::default(),
            writing: Clock::default(),
        }
    }

    /// What tells the clocks when a request is being answered.
    pub(super) fn turns(&self) -> Turns {
        self.turns.clone()
    }

    /// Looks at the clock of reading while nothing can be read.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let turn = self.turns.get();
        if turn != self.timed {
            self.timed = turn;
            self.reading.stop();
        }
        let within = match turn {
            Turn::Busy => return Poll::Pending,
            // Whoever is still taking the last answer is not idle.
            Turn::Idle if self.writing.runs() => return Poll::Pending,
            Turn::Idle => self.limits.idle,
            Turn::Head => self.limits.head,
        };
        self.reading.start(within);
        self.reading.poll(cx)
    }

    /// Passes on what came of writing, unless the caller has been taking the answer for too long.
    fn written<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            return outcome;
        }
        self.writing.start(self.limits.answer);
        self.writing.poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// A deadline, and the one timer of a connection that watches over it.
#[derive(Default)]
struct Clock {
    due: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Clock {
    fn runs(&self) -> bool {
        self.due.is_some()
    }

    fn start(&mut self, within: Duration) {
        self.due.get_or_insert_with(|| Instant::now() + within);
    }

    /// The timer is left as it is: it wakes for nothing once, which is cheaper than to set it anew for every request.
    fn stop(&mut self) {
        self.due = None;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.due else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() > due {
            timer.as_mut().reset(due);
        }
        loop {
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if timer.deadline() >= due {
                return Poll::Ready(());
            }
            timer.as_mut().reset(due);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if outcome.is_pending() {
            return self.poll_silence(cx).map(|()| Err(io::ErrorKind::TimedOut.into()));
        }
        if buffer.filled().len() > before && self.turns.get() == Turn::Idle {
            self.turns.set(Turn::Head);
            self.timed = Turn::Head;
            self.reading.stop();
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        if outcome.is_ready() {
            self.writing.stop();
            // The caller's idle time begins here: hyper does not read again of itself while its last read waits.
            if self.turns.get() == Turn::Idle && self.poll_silence(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
        self.written(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.written(cx, outcome)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    const LIMITS: Limits = Limits {
        idle: Duration::from_secs(75),
        head: Duration::from_secs(10),
        answer: Duration::from_secs(60),
    };

    fn pair() -> (DuplexStream, Paced<DuplexStream>, Turns) {
        let (caller, server) = duplex(64);
        let paced = Paced::new(server, LIMITS);
        let turns = paced.turns();
        (caller, paced, turns)
    }

    async fn pause(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Timers tick in milliseconds.
    fn is_about(measured: Duration, expected: Duration) -> bool {
        (expected..expected + Duration::from_millis(10)).contains(&measured)
    }

    fn late(outcome: &io::Result<impl std::fmt::Debug>) -> bool {
        outcome
            .as_ref()
            .is_err_and(|error| error.kind() == io::ErrorKind::TimedOut)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_head_is_given_the_time_of_one() {
        let (_caller, mut paced, _) = pair();
        let started = Instant::now();
        assert!(late(&paced.read_u8().await));
        assert!(is_about(started.elapsed(), LIMITS.head));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_in_drops_gets_no_time_for_each() {
        let (mut caller, mut paced, turns) = pair();
        turns.answered();
        let started = Instant::now();
        let drops = async {
            // Idle for a while first, which counts for nothing.
            pause(70).await;
            while caller.write_u8(b'a').await.is_ok() {
                pause(3).await;
            }
        };
        let taken = async {
            while paced.read_u8().await.is_ok() {}
            drop(paced);
            started.elapsed()
        };
        let (taken, ()) = tokio::join!(taken, drops);
        assert!(is_about(taken, Duration::from_secs(70) + LIMITS.head), "{taken:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn each_pause_between_requests_is_timed_anew() {
        let (mut caller, mut paced, turns) = pair();
        for _ in 0..3 {
            caller.write_u8(b'a').await.unwrap();
            paced.read_u8().await.unwrap();
            turns.asked();
            // However long the answer takes: that is not the caller's doing.
            let waiting = tokio::time::timeout(Duration::from_secs(500), paced.read_u8()).await;
            assert!(waiting.is_err());
            turns.answered();
            let idle = tokio::time::timeout(Duration::from_secs(74), paced.read_u8()).await;
            assert!(idle.is_err());
        }
        let started = Instant::now();
        assert!(late(&paced.read_u8().await));
        assert!(is_about(started.elapsed(), Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_taken_whole_in_time_is_broken_off() {
        let (mut caller, mut paced, turns) = pair();
        turns.answered();
        let started = Instant::now();
        let slow = async {
            while caller.read_u8().await.is_ok() {
                pause(5).await;
            }
        };
        let sent = async {
            let outcome = paced.write_all(&[0; 1024]).await;
            drop(paced);
            (outcome, started.elapsed())
        };
        let ((outcome, taken), ()) = tokio::join!(sent, slow);
        assert!(late(&outcome));
        assert!(is_about(taken, LIMITS.answer), "{taken:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn taking_an_answer_is_not_idling_and_the_time_for_the_next_is_whole() {
        let (mut caller, server) = duplex(64);
        let limits = Limits {
            answer: Duration::from_secs(1000),
            ..LIMITS
        };
        let mut paced = Paced::new(server, limits);
        paced.turns().answered();
        let slow = async {
            pause(900).await;
            let mut all = [0; 128];
            caller.read_exact(&mut all).await.unwrap();
            caller
        };
        let server = async {
            let read_meanwhile = async |paced: &mut Paced<DuplexStream>| {
                let silence = std::future::poll_fn(|cx| Poll::Ready(paced.poll_silence(cx).is_pending()));
                assert!(silence.await);
            };
            paced.write_all(&[0; 65]).await.unwrap();
            read_meanwhile(&mut paced).await;
            paced.write_all(&[0; 63]).await.unwrap();
            paced.flush().await.unwrap();
            let flushed = Instant::now();
            assert!(late(&paced.read_u8().await));
            flushed.elapsed()
        };
        let (idle, _caller) = tokio::join!(server, slow);
        assert!(is_about(idle, LIMITS.idle), "{idle:?}");
    }
}
