//! The promises of the stack, on a scripted system and a paused clock; and the script itself.

use std::future::{Future, pending};
use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::join_all;
use http::header::AUTHORIZATION;
use secrecy::SecretString;

use super::grants::{Grant, Token};
use super::*;

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn call() -> Call {
    Call {
        operation: "bills.list",
        may_repeat: true,
        deadline: Instant::now() + 60 * SECOND,
        method: Method::GET,
        url: "http://system.invalid/bills".into(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        max_reply: None,
    }
}

fn once() -> Call {
    Call {
        may_repeat: false,
        ..call()
    }
}

pub(super) fn reply(status: u16, body: &str) -> Reply {
    Reply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn ask_again_after(status: u16, after: &str) -> Reply {
    let mut reply = reply(status, "");
    reply.headers.insert(RETRY_AFTER, after.try_into().unwrap());
    reply
}

/// 401 and `refused` inside a 200 are refusals; 503 was not processed, other 5xx and `failed` inside a 200 may have been.
pub(super) fn verdict(reply: &Reply) -> Result<()> {
    let after = retry_after(&reply.headers);
    match (reply.status.as_u16(), &*reply.body) {
        (401, _) | (200, b"refused") => Err(Error::new(ErrorKind::Credentials, "refused")),
        (429, _) => Err(Error::new(ErrorKind::Throttled, "slow down").retry(Retry::Safe { after })),
        (503, _) => Err(Error::new(ErrorKind::Unavailable, "closed").retry(Retry::Safe { after })),
        (500.., _) | (200, b"failed") => {
            Err(Error::new(ErrorKind::Unavailable, "failed").retry(Retry::IfRepeatable { after }))
        }
        (404, _) => Err(Error::not_found("bill")),
        _ => Ok(()),
    }
}

/// A system that answers by a script, which is given how many calls came before and the call.
pub(super) struct System {
    seen: Mutex<Vec<(Instant, Option<String>)>>,
}

impl System {
    pub(super) fn calls(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// When each call came.
    fn times(&self) -> Vec<Instant> {
        self.seen.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }

    /// What stood in each call's `Authorization`.
    pub(super) fn tokens(&self) -> Vec<Option<String>> {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .map(|(_, token)| token.clone())
            .collect()
    }
}

pub(super) fn system<F, R>(answer: F) -> (Arc<System>, send::Script)
where
    F: Fn(usize, Call) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Reply>> + Send + 'static,
{
    let system = Arc::new(System { seen: Mutex::default() });
    let seen = Arc::clone(&system);
    let script: send::Script = Arc::new(move |call: Call| {
        let token = call
            .headers
            .get(AUTHORIZATION)
            .map(|token| token.to_str().unwrap().to_owned());
        let before = {
            let mut seen = seen.seen.lock().unwrap();
            seen.push((Instant::now(), token));
            seen.len() - 1
        };
        answer(before, call).boxed()
    });
    (system, script)
}

pub(super) fn settings() -> Settings {
    Settings {
        backoff: Duration::ZERO,
        ..Settings::default()
    }
}

fn road(settings: Settings, script: send::Script) -> Upstream {
    Upstream::scripted("acme", settings, None, verdict, script)
}

/// A grant that hands out `token-1`, `token-2` and so on, or whatever it is told.
pub(super) struct Logins<F> {
    pub(super) made: AtomicU32,
    answer: F,
}

pub(super) fn logins<F, R>(answer: F) -> Arc<Logins<F>>
where
    F: Fn(u32) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Token>> + Send + 'static,
{
    Arc::new(Logins {
        made: AtomicU32::new(0),
        answer,
    })
}

impl<F> Logins<F> {
    pub(super) fn made(&self) -> u32 {
        self.made.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl<F, R> Grant for Logins<F>
where
    F: Fn(u32) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Token>> + Send + 'static,
{
    async fn obtain(&self, _sender: &send::Sender, _last: Option<&Token>) -> Result<Token> {
        let number = self.made.fetch_add(1, Ordering::SeqCst) + 1;
        (self.answer)(number).await
    }
}

pub(super) fn token(number: u32, life: Duration) -> Token {
    Token {
        secret: SecretString::from(format!("token-{number}")),
        ends: Some(std::time::SystemTime::now() + life),
        renewal: None,
    }
}

pub(super) fn credentials(grant: Arc<dyn Grant>) -> Credentials {
    Credentials {
        tokens: Arc::default(),
        key: "acme".into(),
        grant,
        present: bearer(),
    }
}

fn hour() -> Arc<dyn Grant> {
    logins(|number| async move { Ok(token(number, 3600 * SECOND)) })
}

fn told(error: &Error) -> (ErrorKind, Retry, u32) {
    (error.kind(), error.retryable(), error.attempts())
}

// 1. retry

#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_is_not_seen() {
    let (system, script) = system(|before, _| async move { Ok(reply(if before < 2 { 500 } else { 200 }, "")) });
    road(settings(), script).call(call()).await.unwrap();
    assert_eq!(system.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_stays_is_told_after_three_attempts() {
    let (system, script) = system(|_, _| async { Ok(reply(500, "")) });
    let error = road(settings(), script).call(call()).await.unwrap_err();
    assert_eq!(
        told(&error),
        (ErrorKind::Unavailable, Retry::IfRepeatable { after: None }, 3)
    );
    assert_eq!((error.backend(), error.operation()), (Some("acme"), Some("bills.list")));
    assert_eq!(system.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_repeats_cannot_help_is_told_at_once() {
    let (system, script) = system(|_, _| async { Ok(reply(404, "")) });
    let error = road(settings(), script).call(call()).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::NotFound, Retry::Never, 1));
    assert_eq!(system.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_call_that_must_not_be_repeated_is_not() {
    let (system, script) = system(|_, _| async { Ok(reply(500, "")) });
    let error = road(settings(), script).call(once()).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::OutcomeUnknown, Retry::Never, 1));
    assert_eq!(system.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_call_that_must_not_be_repeated_is_not() {
    let (system, script) = system(|_, _| pending());
    let error = road(settings(), script).call(once()).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::OutcomeUnknown, Retry::Never, 1));
    assert_eq!(system.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_read_may_have_been_a_yes() {
    let garbled = |reply: &Reply| match &*reply.body {
        b"yes" => Ok(()),
        _ => Err(Error::unreadable("$", "not an answer")),
    };
    // What must not be repeated was perhaps executed; what may be repeated is unread and no more.
    for (call, kind) in [(once(), ErrorKind::OutcomeUnknown), (call(), ErrorKind::Unreadable)] {
        let (system, script) = system(|_, _| async { Ok(reply(200, "y")) });
        let road = Upstream::scripted("acme", settings(), None, garbled, script);
        let error = road.call(call).await.unwrap_err();
        assert_eq!(told(&error), (kind, Retry::Never, 1));
        assert_eq!(system.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_did_not_leave_is_repeated_whatever_it_is() {
    let (system, script) = system(|before, _| async move { Ok(reply(if before == 0 { 503 } else { 200 }, "")) });
    road(settings(), script).call(once()).await.unwrap();
    assert_eq!(system.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_out() {
    let answer = |before, _| async move {
        Ok(if before == 0 {
            ask_again_after(429, "7")
        } else {
            reply(200, "")
        })
    };
    let (system, script) = system(answer);
    road(settings(), script).call(call()).await.unwrap();
    let times = system.times();
    let waited = times[1] - times[0];
    assert!(waited >= 7 * SECOND && waited < 8 * SECOND, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_long_retry_after_is_passed_on_at_once() {
    // The first is beyond `retry_within`, the second beyond the deadline alone.
    for (asked, deadline) in [("3600", 7200), ("15", 10)] {
        let (system, script) = system(move |_, _| async move { Ok(ask_again_after(503, asked)) });
        let began = Instant::now();
        let call = Call {
            deadline: began + deadline * SECOND,
            ..call()
        };
        let error = road(settings(), script).call(call).await.unwrap_err();
        let after = Some(Duration::from_secs(asked.parse().unwrap()));
        assert_eq!(told(&error), (ErrorKind::Unavailable, Retry::Safe { after }, 1));
        assert_eq!((Instant::now(), system.calls()), (began, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_and_differ() {
    let mut longest = [Duration::ZERO; 2];
    for _ in 0..50 {
        let (system, script) = system(|_, _| async { Ok(reply(500, "")) });
        let settings = Settings {
            backoff: SECOND,
            ..Settings::default()
        };
        road(settings, script).call(call()).await.unwrap_err();
        let times = system.times();
        longest[0] = longest[0].max(times[1] - times[0]);
        longest[1] = longest[1].max(times[2] - times[1]);
    }
    // Full jitter: fifty draws from 0 to 1 s and from 0 to 2 s; that none of the latter passes 1.1 s has odds below 1e-12.
    assert!(longest[0] <= SECOND + SECOND / 100, "{longest:?}");
    assert!(
        longest[1] > longest[0] && longest[1] <= 2 * SECOND + SECOND / 100,
        "{longest:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn retries_stop_at_the_budget() {
    let (system, script) = system(|_, _| async { Ok(reply(503, "")) });
    let road = road(settings(), script);
    for _ in 0..1000 {
        road.call(call()).await.unwrap_err();
    }
    let retries = system.calls() - 1000;
    // A fifth of the calls, and ten that a quiet backend has to spare.
    assert!((200..=210).contains(&retries), "{retries}");
    // Clones share it.
    road.clone().call(call()).await.unwrap_err();
    assert!(system.calls() <= 1000 + 210 + 2);
}

#[tokio::test(start_paused = true)]
async fn attempts_end_with_the_time_for_all_of_them() {
    let (system, script) = system(|_, _| pending());
    let settings = Settings {
        attempts: 10,
        attempt_timeout: 10 * SECOND,
        retry_within: 25 * SECOND,
        ..settings()
    };
    let began = Instant::now();
    let error = road(settings, script).call(call()).await.unwrap_err();
    assert_eq!(
        told(&error),
        (ErrorKind::TimedOut, Retry::IfRepeatable { after: None }, 3)
    );
    let took = began.elapsed();
    assert!(took >= 25 * SECOND && took < 26 * SECOND, "{took:?}");
    assert_eq!(system.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_is_over_is_not_sent() {
    let (system, script) = system(|_, _| async { Ok(reply(200, "")) });
    let late = Call {
        deadline: Instant::now(),
        ..call()
    };
    let error = road(settings(), script).call(late).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::TimedOut, Retry::Safe { after: None }, 0));
    assert_eq!((error.backend(), system.calls()), (Some("acme"), 0));
}

#[tokio::test(start_paused = true)]
async fn the_callers_deadline_ends_an_attempt() {
    let (_, script) = system(|_, _| pending());
    let began = Instant::now();
    let call = Call {
        deadline: began + 2 * SECOND,
        ..call()
    };
    let error = road(settings(), script).call(call).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(began.elapsed() < 3 * SECOND);
}

// 2. permit

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_under_way_than_allowed() {
    let most = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
    let counted = Arc::clone(&most);
    let (system, script) = system(move |_, _| {
        let counted = Arc::clone(&counted);
        async move {
            let now = counted.0.fetch_add(1, Ordering::SeqCst) + 1;
            counted.1.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(SECOND / 10).await;
            counted.0.fetch_sub(1, Ordering::SeqCst);
            Ok(reply(200, ""))
        }
    });
    let settings = Settings {
        concurrency: 4,
        ..settings()
    };
    let road = road(settings, script);
    // The bare road goes through the same permits.
    let bare = road.bare(verdict).unwrap();
    let calls = (0..40).map(|n| {
        if n % 2 == 0 {
            road.call(call())
        } else {
            bare.call(call())
        }
    });
    assert!(join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!((system.calls(), most.1.load(Ordering::SeqCst)), (40, 4));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_to_be_repeated_holds_nobody_up() {
    let (_, script) = system(|before, _| async move {
        Ok(if before == 0 {
            ask_again_after(503, "10")
        } else {
            reply(200, "")
        })
    });
    let settings = Settings {
        concurrency: 1,
        ..settings()
    };
    let road = road(settings, script);
    let began = Instant::now();
    let slow = tokio::spawn({
        let road = road.clone();
        async move { road.call(call()).await }
    });
    tokio::time::sleep(SECOND).await;
    road.call(call()).await.unwrap();
    assert!(began.elapsed() < 2 * SECOND);
    slow.await.unwrap().unwrap();
    assert!(began.elapsed() >= 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_queue_counts_against_the_deadline() {
    let (system, script) = system(|_, _| pending());
    let settings = Settings {
        concurrency: 1,
        attempt_timeout: 15 * SECOND,
        ..settings()
    };
    let road = road(settings, script);
    let holder = tokio::spawn({
        let road = road.clone();
        async move { road.call(call()).await }
    });
    tokio::time::sleep(SECOND).await;
    let began = Instant::now();
    let call = Call {
        deadline: began + 5 * SECOND,
        ..once()
    };
    let error = road.call(call).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Unavailable, Retry::Safe { after: None }, 1));
    assert!(error.message().contains("concurrency"), "{error}");
    assert!(began.elapsed() < 6 * SECOND);
    assert_eq!((system.calls(), road.standing().in_flight), (1, 1));
    holder.abort();
    let _ = holder.await;
    assert_eq!(road.standing().in_flight, 0);
}

// 3. attempt timeout

#[tokio::test(start_paused = true)]
async fn a_connection_that_died_silently_is_tried_again() {
    let (system, script) = system(|before, _| async move {
        if before == 0 {
            pending::<()>().await;
        }
        Ok(reply(200, ""))
    });
    let began = Instant::now();
    road(settings(), script).call(call()).await.unwrap();
    let took = began.elapsed();
    assert!(took >= 10 * SECOND && took < 11 * SECOND, "{took:?}");
    assert_eq!(system.calls(), 2);
}

// 4. authorize

#[tokio::test(start_paused = true)]
async fn no_attempt_goes_out_with_a_token_that_ended_meanwhile() {
    let (system, script) = system(|before, _| async move {
        Ok(if before == 0 {
            ask_again_after(503, "15")
        } else {
            reply(200, "")
        })
    });
    let grant = logins(|number| async move { Ok(token(number, 10 * SECOND)) });
    let road = Upstream::scripted("acme", settings(), Some(credentials(grant)), verdict, script);
    road.call(call()).await.unwrap();
    let expected = ["Bearer token-1", "Bearer token-2"].map(|token| Some(token.to_owned()));
    assert_eq!(system.tokens(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_call_never_goes_out_bare() {
    let (system, script) = system(|_, _| async { Ok(reply(200, "")) });
    let grant = logins(|_| async {
        Err(Error::new(ErrorKind::Unavailable, "down").retry(Retry::IfRepeatable { after: None }))
    });
    let road = Upstream::scripted("acme", settings(), Some(credentials(grant.clone())), verdict, script);
    // The call itself did not leave: one that must not be repeated is not lost, and the login may be.
    let error = road.call(once()).await.unwrap_err();
    let after = Some(SECOND / 2);
    assert_eq!(told(&error), (ErrorKind::Unavailable, Retry::Safe { after }, 3));
    assert_eq!((system.calls(), grant.made()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn a_login_that_hangs_loses_no_call() {
    let (system, script) = system(|_, _| async { Ok(reply(200, "")) });
    let grant = logins(|_| pending());
    let road = Upstream::scripted("acme", settings(), Some(credentials(grant)), verdict, script);
    let call = Call {
        deadline: Instant::now() + 3 * SECOND,
        ..once()
    };
    let error = road.call(call).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::TimedOut, Retry::Safe { after: None }, 1));
    assert_eq!(system.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_hangs_after_the_call_came_back_loses_no_call() {
    // Back because its token was refused, and back because the system was closed for longer than the token lived.
    for status in [401, 503] {
        let (system, script) = system(move |_, _| async move {
            tokio::time::sleep(SECOND).await;
            Ok(ask_again_after(status, "5"))
        });
        let grant = logins(|number| async move {
            if number > 1 {
                pending::<()>().await;
            }
            Ok(token(number, 3 * SECOND))
        });
        let road = Upstream::scripted("acme", settings(), Some(credentials(grant)), verdict, script);
        let call = Call {
            deadline: Instant::now() + 9 * SECOND,
            ..once()
        };
        let error = road.call(call).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retryable()),
            (ErrorKind::TimedOut, Retry::Safe { after: None })
        );
        assert_eq!(system.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_twice_is_told() {
    let (system, script) = system(|_, _| async { Ok(reply(401, "")) });
    let grant = logins(|number| async move { Ok(token(number, 3600 * SECOND)) });
    let road = Upstream::scripted("acme", settings(), Some(credentials(grant.clone())), verdict, script);
    let error = road.call(call()).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Credentials, Retry::Never, 1));
    assert_eq!((system.calls(), grant.made()), (2, 2));
    assert_eq!(road.standing().login, Some(false));
    // Logins work and tokens do not: more logins will not mend it.
    for _ in 0..100 {
        assert_eq!(road.call(call()).await.unwrap_err().kind(), ErrorKind::Credentials);
    }
    assert_eq!((system.calls(), grant.made()), (102, 2));
}

// 5. judge

#[tokio::test(start_paused = true)]
async fn a_refusal_inside_a_200_is_seen_as_one() {
    let (system, script) = system(|before, _| async move { Ok(reply(200, if before == 0 { "refused" } else { "" })) });
    let road = Upstream::scripted("acme", settings(), Some(credentials(hour())), verdict, script);
    road.call(once()).await.unwrap();
    let expected = ["Bearer token-1", "Bearer token-2"].map(|token| Some(token.to_owned()));
    assert_eq!(system.tokens(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_error_inside_a_200_is_retried_like_any() {
    let (system, script) = system(|before, _| async move { Ok(reply(200, if before == 0 { "failed" } else { "" })) });
    road(settings(), script).call(call()).await.unwrap();
    assert_eq!(system.calls(), 2);
}

// And besides

#[tokio::test(start_paused = true)]
async fn a_bare_road_carries_no_credentials() {
    let (system, script) = system(|_, _| async { Ok(reply(200, "")) });
    let road = Upstream::scripted("acme", settings(), Some(credentials(hour())), verdict, script);
    road.bare(verdict).unwrap().call(call()).await.unwrap();
    assert_eq!(system.tokens(), [None]);
}

#[tokio::test(start_paused = true)]
async fn the_standing_follows_what_is_learnt() {
    let (_, script) = system(|before, _| async move {
        match before {
            0 => Ok(reply(404, "")),
            1 => Err(Error::new(ErrorKind::Unavailable, "no connection")),
            _ => pending().await,
        }
    });
    let road = Upstream::scripted("acme", settings(), Some(credentials(hour())), verdict, script);
    assert_eq!(road.standing(), Standing::default());
    // What the system answered matters not; that it did matters.
    for reachable in [true, false, false] {
        let call = Call {
            may_repeat: false,
            ..call()
        };
        road.call(call).await.unwrap_err();
        let expected = Standing {
            reachable: Some(reachable),
            login: Some(true),
            in_flight: 0,
        };
        assert_eq!(road.standing(), expected);
    }
}

#[test]
fn retry_after_is_read_in_both_forms() {
    let after = |text: &str| retry_after(&ask_again_after(503, text).headers);
    assert_eq!(after("120"), Some(120 * SECOND));
    assert_eq!(after(" 0 "), Some(Duration::ZERO));
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(90);
    let soon = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&soon)
        .unwrap();
    let left = after(&soon).unwrap();
    assert!(left > 80 * SECOND && left <= 90 * SECOND, "{left:?}");
    assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
    for text in ["", "soon", "-1", "1.5", "Sun, 06 Nov"] {
        assert_eq!(after(text), None, "{text}");
    }
    assert_eq!(retry_after(&HeaderMap::new()), None);
}

#[test]
fn what_is_printed_holds_no_secret() {
    let mut call = call();
    call.url.push_str("?key=marked-secret");
    call.headers
        .insert(AUTHORIZATION, "Bearer marked-secret".parse().unwrap());
    call.body = Bytes::from_static(b"marked-secret");
    let mut answer = reply(200, "marked-secret");
    answer.headers.insert("set-cookie", "marked-secret".parse().unwrap());
    let settings = Settings {
        proxy: Some("http://user:marked-secret@proxy/".into()),
        ..Settings::default()
    };
    let mut token = token(1, SECOND);
    token.secret = SecretString::from("marked-secret");
    let printed = format!("{call:?} {answer:?} {settings:?} {token:?}");
    assert!(!printed.contains("marked-secret"), "{printed}");
}
