//! The token cache.
//!
//! A token is fetched by a task of its own, so a caller who goes away takes nobody's login along. Whoever needs a token
//! meanwhile waits for that one fetch and shares what comes of it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::Instant;

use super::grants::{Grant, Token};
use super::observe;
use super::send::Sender;
use crate::error::{Error, ErrorKind, Result, Retry};

/// How long a token is taken to live when its system does not say: Gentrack's contract, "Token", asks for a few minutes.
const UNSAID_LIFE: Duration = Duration::from_secs(5 * 60);
/// What a life is cut to, so that a token without end does not overflow a clock.
const LONGEST_LIFE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// The most a token is renewed before its end, unless its grant says otherwise.
const EARLY: Duration = Duration::from_secs(60);
/// The pause after an early renewal that failed while the old token is still good.
const EARLY_PAUSE: Duration = Duration::from_secs(5);
/// The pause after a login that failed for reasons other than the credential: callers share the failure for so long, so
/// that a token endpoint that is down gets two logins a second from here and not one for every call.
const FAILED_PAUSE: Duration = Duration::from_millis(500);
/// How long a refused login is not repeated the first time; it doubles.
const FIRST_REST: Duration = Duration::from_secs(5);
/// The longest a login is not tried.
const LONGEST_REST: Duration = Duration::from_secs(10 * 60);

/// Tokens of all backends, by token endpoint, client and scope. One login at a time per key; waiters share its result.
#[derive(Default)]
pub struct Cache {
    entries: Mutex<HashMap<String, Arc<Entry>>>,
}

impl Cache {
    fn entry(&self, key: &str) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.entry(key.to_owned()).or_default())
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

/// A token in the cache.
pub(super) struct Held {
    pub(super) token: Token,
    generation: u64,
    obtained: Instant,
    renew: Instant,
    ends: Instant,
    // Fetched because the one before was refused.
    replaces: bool,
    // A call with it went well.
    taken: AtomicBool,
}

impl Held {
    /// Notes that the system took it.
    pub(super) fn was_taken(&self) {
        if !self.taken.load(Ordering::Relaxed) {
            self.taken.store(true, Ordering::Relaxed);
        }
    }
}

type Outcome = Option<Result<Arc<Held>, Arc<Error>>>;

#[derive(Default)]
struct Entry(Mutex<State>);

#[derive(Default)]
struct State {
    held: Option<Arc<Held>>,
    /// What the next login may renew; gone with the token that was refused.
    last: Option<Token>,
    generation: u64,
    login: Option<watch::Receiver<Outcome>>,
    rest: Option<Rest>,
    /// Logins refused in a row.
    refusals: u32,
    /// Tokens in a row that were refused though they came from a login just made.
    doubts: u32,
    replacing: bool,
}

/// A time in which no login is tried, and what callers without a token are told in it.
struct Rest {
    until: Instant,
    error: Error,
}

impl Entry {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One backend's way to the cache.
pub(super) struct Account {
    entry: Arc<Entry>,
    login: Arc<Login>,
}

struct Login {
    grant: Arc<dyn Grant>,
    sender: Sender,
    backend: String,
    within: Duration,
}

impl Account {
    /// `within` is the longest a login may take.
    pub(super) fn new(
        cache: &Cache,
        key: &str,
        grant: Arc<dyn Grant>,
        sender: Sender,
        backend: &str,
        within: Duration,
    ) -> Self {
        Self {
            entry: cache.entry(key),
            login: Arc::new(Login {
                grant,
                sender,
                backend: backend.to_owned(),
                within,
            }),
        }
    }

    /// The backend it logs in for.
    pub(super) fn backend(&self) -> &str {
        &self.login.backend
    }

    /// A token that is valid as far as is known, and not the one that was `refused`.
    pub(super) async fn token(&self, refused: Option<&Held>) -> Result<Arc<Held>> {
        let mut waiting = {
            let mut state = self.entry.state();
            if let Some(refused) = refused {
                state.give_up(refused)?;
            }
            let now = Instant::now();
            if let Some(held) = state.held.as_ref().filter(|held| now < held.ends) {
                let held = Arc::clone(held);
                if now >= held.renew && state.login.is_none() && !state.rests(now) {
                    // In the background: the old one is still good for everybody.
                    self.start(&mut state);
                }
                return Ok(held);
            }
            match &state.login {
                Some(login) => login.clone(),
                None => {
                    if let Some(rest) = state.rest.as_ref().filter(|rest| now < rest.until) {
                        return Err(rest.told(now));
                    }
                    self.start(&mut state)
                }
            }
        };
        let outcome = waiting.wait_for(Option::is_some).await;
        match outcome.as_deref() {
            Ok(Some(Ok(held))) => Ok(Arc::clone(held)),
            Ok(Some(Err(error))) => Err(another(error)),
            // The task went away without a word: a panic in a grant.
            Ok(None) | Err(_) => Err(Error::new(ErrorKind::Internal, "the login broke off")),
        }
    }

    /// Ends the token that is held, if there is one: the last thing done with it. A failure is logged and no more, as the
    /// token ends by itself.
    pub(super) async fn release(&self) {
        let held = {
            let mut state = self.entry.state();
            state.last = None;
            state.held.take()
        };
        let Some(held) = held.filter(|held| Instant::now() < held.ends) else {
            return;
        };
        let login = &*self.login;
        let released = tokio::time::timeout(login.within, login.grant.release(&login.sender, &held.token)).await;
        match released {
            Ok(Ok(())) => tracing::debug!(backend = login.backend, "the token is released"),
            Ok(Err(error)) => tracing::debug!(backend = login.backend, %error, "the token could not be released"),
            Err(_) => tracing::debug!(backend = login.backend, "the token was not released in time"),
        }
    }

    fn start(&self, state: &mut State) -> watch::Receiver<Outcome> {
        let (told, waiting) = watch::channel(None);
        state.login = Some(waiting.clone());
        let last = state.last.clone();
        let leader = Leader {
            entry: Arc::clone(&self.entry),
            told,
        };
        let login = Arc::clone(&self.login);
        tokio::spawn(async move {
            let obtained = tokio::time::timeout(login.within, login.grant.obtain(&login.sender, last.as_ref()))
                .await
                .unwrap_or_else(|_| {
                    Err(Error::new(
                        ErrorKind::TimedOut,
                        "the login at the system did not end in time",
                    ))
                });
            let failure = obtained.as_ref().err().map(Error::kind);
            observe::login(&login.backend, failure);
            match &obtained {
                Ok(_) => tracing::info!(backend = login.backend, "logged in"),
                Err(error) => {
                    let outcome = ErrorKind::outcome(failure);
                    tracing::warn!(backend = login.backend, outcome, %error, "could not log in");
                }
            }
            leader.settle(obtained, login.grant.renew_early());
        });
        waiting
    }
}

/// Whoever fetches. Dropped without a result, it leaves the cache as if nobody had tried.
struct Leader {
    entry: Arc<Entry>,
    told: watch::Sender<Outcome>,
}

impl Leader {
    fn settle(&self, obtained: Result<Token>, early: Option<Duration>) {
        let now = Instant::now();
        let outcome = {
            let mut state = self.entry.state();
            // Under the same lock as its outcome: whoever is refused this token must not join the login that gave it.
            state.login = None;
            match obtained {
                Ok(token) => Ok(state.take(token, early, now)),
                Err(error) => Err(Arc::new(state.refuse(of_login(error), now))),
            }
        };
        self.told.send_replace(Some(outcome));
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if self.told.borrow().is_none() {
            self.entry.state().login = None;
        }
    }
}

impl State {
    fn rests(&self, now: Instant) -> bool {
        self.rest.as_ref().is_some_and(|rest| now < rest.until)
    }

    /// Drops the token that was refused, unless a newer one has taken its place.
    ///
    /// A replacement that was never taken by the system is kept for a growing while: the login works and its tokens do
    /// not, which more logins will not mend.
    fn give_up(&mut self, refused: &Held) -> Result<()> {
        if self
            .held
            .as_ref()
            .is_none_or(|held| held.generation != refused.generation)
        {
            return Ok(());
        }
        let in_doubt = refused.replaces && !refused.taken.load(Ordering::Relaxed);
        if in_doubt && Instant::now() < refused.obtained + rest_after(self.doubts) {
            return Err(Error::new(
                ErrorKind::Credentials,
                "the system refused a token that it had just given",
            ));
        }
        self.doubts = if in_doubt { self.doubts.saturating_add(1) } else { 0 };
        self.held = None;
        self.last = None;
        self.replacing = true;
        Ok(())
    }

    fn take(&mut self, token: Token, early: Option<Duration>, now: Instant) -> Arc<Held> {
        // Turned into an instant here, so that a wall clock that is set later changes nothing.
        let left = token
            .ends
            .map(|ends| ends.duration_since(SystemTime::now()).unwrap_or_default());
        if left.is_some_and(|left| left.is_zero()) {
            tracing::warn!("a token came that had ended already; one of the two clocks is wrong");
        }
        let life = left
            .filter(|left| !left.is_zero())
            .unwrap_or(UNSAID_LIFE)
            .min(LONGEST_LIFE);
        // Never more than half, or a short life would be spent on logins.
        let early = early.unwrap_or(EARLY.min(life / 10)).min(life / 2);
        self.generation += 1;
        let held = Arc::new(Held {
            generation: self.generation,
            obtained: now,
            renew: now + (life - early),
            ends: now + life,
            replaces: std::mem::take(&mut self.replacing),
            taken: AtomicBool::new(false),
            token: token.clone(),
        });
        self.held = Some(Arc::clone(&held));
        self.last = Some(token);
        self.rest = None;
        self.refusals = 0;
        held
    }

    fn refuse(&mut self, error: Error, now: Instant) -> Error {
        let rest = if error.kind() == ErrorKind::Credentials {
            // What was renewed may be what was refused.
            self.last = None;
            self.refusals = self.refusals.saturating_add(1);
            rest_after(self.refusals - 1)
        } else {
            let in_use = self.held.as_ref().is_some_and(|held| now < held.ends);
            let least = if in_use { EARLY_PAUSE } else { FAILED_PAUSE };
            let asked = error.retryable().after().unwrap_or_default();
            asked.min(LONGEST_REST).max(least)
        };
        let rest = self.rest.insert(Rest {
            until: now + rest,
            error,
        });
        rest.told(now)
    }
}

impl Rest {
    /// The failure it comes from, with the wait that is left.
    fn told(&self, now: Instant) -> Error {
        let left = self.until.saturating_duration_since(now);
        let error = another(&self.error);
        match error.kind() {
            ErrorKind::Credentials => {
                let seconds = left.as_millis().div_ceil(1000);
                let message = format!("{}; the login is tried again in {seconds} s", error.message());
                error.turned_into(ErrorKind::Credentials, message)
            }
            _ => match error.retryable() {
                Retry::Never => error,
                Retry::IfRepeatable { .. } | Retry::Safe { .. } => error.retry(Retry::Safe { after: Some(left) }),
            },
        }
    }
}

fn rest_after(before: u32) -> Duration {
    FIRST_REST
        .saturating_mul(2_u32.saturating_pow(before))
        .min(LONGEST_REST)
}

/// A failed login as the call that wanted it sees it: that call never left.
fn of_login(error: Error) -> Error {
    let retry = match error.retryable() {
        Retry::Never if error.kind() == ErrorKind::TimedOut => Retry::Safe { after: None },
        _ if error.kind() == ErrorKind::Credentials => Retry::Never,
        Retry::Never => Retry::Never,
        Retry::IfRepeatable { after } | Retry::Safe { after } => Retry::Safe { after },
    };
    error.retry(retry)
}

/// The same failure for another waiter; of its source only the words are left.
fn another(error: &Error) -> Error {
    let mut copy = Error::new(error.kind(), error.message().to_owned()).retry(error.retryable());
    if let Some(code) = error.finer_code() {
        copy = copy.code(code);
    }
    if let Some(native) = error.native_error() {
        copy = copy.native(native.code.clone(), native.message.clone());
    }
    if let Some(source) = std::error::Error::source(error) {
        copy = copy.because(words(source));
    }
    copy
}

fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        words.push_str(": ");
        words.push_str(&error.to_string());
        next = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::super::tests::{SECOND, call, credentials, logins, reply, settings, system, token, verdict};
    use super::super::{Settings, Upstream};
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn account(cache: &Cache, grant: Arc<dyn Grant>) -> Account {
        let (_, script) = system(|_, _| async { Ok(reply(200, "")) });
        let sender = Sender::scripted(&Settings::default(), script);
        Account::new(cache, "key", grant, sender, "acme", 10 * SECOND)
    }

    fn secret(held: &Held) -> String {
        use secrecy::ExposeSecret;
        held.token.secret.expose_secret().to_owned()
    }

    async fn kind(account: &Account) -> Result<String, ErrorKind> {
        account
            .token(None)
            .await
            .map(|held| secret(&held))
            .map_err(|error| error.kind())
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_callers_make_one_login() {
        let (system, script) = system(|_, _| async { Ok(reply(200, "")) });
        let grant = logins(|number| async move {
            tokio::time::sleep(SECOND).await;
            Ok(token(number, HOUR))
        });
        let settings = Settings {
            concurrency: 10_000,
            ..settings()
        };
        let road = Upstream::scripted("acme", settings, Some(credentials(grant.clone())), verdict, script);
        let calls = (0..10_000).map(|_| {
            let road = road.clone();
            tokio::spawn(async move { road.call(call()).await })
        });
        for done in join_all(calls).await {
            done.unwrap().unwrap();
        }
        assert_eq!((grant.made(), system.calls()), (1, 10_000));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_refused_does_not_join_the_login_that_gave_the_token() {
        let grant = logins(|number| async move { Ok(token(number, HOUR)) });
        let account = account(&Cache::default(), grant.clone());
        let (told, waiting) = watch::channel(None);
        account.entry.state().login = Some(waiting);
        let leader = Leader {
            entry: Arc::clone(&account.entry),
            told,
        };
        leader.settle(Ok(token(0, HOUR)), None);
        // The leader has told its outcome and is not gone yet.
        let first = account.token(None).await.unwrap();
        let second = account.token(Some(&first)).await.unwrap();
        assert_ne!(secret(&second), secret(&first));
        drop(leader);
        assert_eq!(grant.made(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_callers_share_one_failed_login() {
        let grant = logins(|_| async {
            tokio::time::sleep(SECOND).await;
            Err(Error::new(ErrorKind::Blocked, "a page").native(Some("code".into()), None))
        });
        let cache = Cache::default();
        let account = account(&cache, grant.clone());
        let failed = join_all((0..10_000).map(|_| account.token(None))).await;
        for failed in failed {
            let error = failed.err().unwrap();
            assert_eq!((error.kind(), error.message()), (ErrorKind::Blocked, "a page"));
            assert_eq!(error.native_error().unwrap().code.as_deref(), Some("code"));
        }
        assert_eq!(grant.made(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn backends_with_one_key_share_a_token_and_others_do_not() {
        let grant = logins(|number| async move { Ok(token(number, HOUR)) });
        let cache = Cache::default();
        let (one, two) = (account(&cache, grant.clone()), account(&cache, grant.clone()));
        assert_eq!(kind(&one).await, Ok("token-1".into()));
        assert_eq!(kind(&two).await, Ok("token-1".into()));
        let other = Account {
            entry: cache.entry("another key"),
            login: Arc::clone(&one.login),
        };
        assert_eq!(kind(&other).await, Ok("token-2".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_login_does_not_strand_the_next_caller() {
        let grant = logins(|number| async move {
            tokio::time::sleep(5 * SECOND).await;
            Ok(token(number, HOUR))
        });
        let cache = Cache::default();
        let account = account(&cache, grant.clone());
        let cancelled = tokio::time::timeout(SECOND, account.token(None)).await;
        assert!(cancelled.is_err());
        assert_eq!(kind(&account).await, Ok("token-1".into()));
        assert_eq!(grant.made(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_that_hangs_is_ended_and_the_next_one_starts() {
        let grant = logins(|number| async move {
            if number == 1 {
                pending::<()>().await;
            }
            Ok(token(number, HOUR))
        });
        let cache = Cache::default();
        let account = account(&cache, grant.clone());
        let error = account.token(None).await.err().unwrap();
        let after = Some(FAILED_PAUSE);
        assert_eq!(
            (error.kind(), error.retryable()),
            (ErrorKind::TimedOut, Retry::Safe { after })
        );
        tokio::time::advance(FAILED_PAUSE).await;
        assert_eq!(kind(&account).await, Ok("token-2".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_that_panics_leaves_the_cache_usable() {
        let grant = logins(|number| async move {
            assert!(number > 1, "the first login panics");
            Ok(token(number, HOUR))
        });
        let cache = Cache::default();
        let account = account(&cache, grant);
        assert_eq!(kind(&account).await, Err(ErrorKind::Internal));
        assert_eq!(kind(&account).await, Ok("token-2".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_login_is_not_repeated() {
        let grant = logins(|_| async { Err(Error::new(ErrorKind::Credentials, "the secret was refused")) });
        let cache = Cache::default();
        let account = account(&cache, grant.clone());
        let mut made = 0;
        for rest in [5, 10, 20, 40, 80, 160, 320, 600, 600] {
            let error = account.token(None).await.err().unwrap();
            made += 1;
            assert_eq!(
                (error.kind(), error.retryable()),
                (ErrorKind::Credentials, Retry::Never)
            );
            assert!(
                error.message().ends_with(&format!("tried again in {rest} s")),
                "{error}"
            );
            tokio::time::advance(rest * SECOND - SECOND).await;
            for _ in 0..100 {
                let error = account.token(None).await.err().unwrap();
                assert!(error.message().starts_with("the secret was refused; "), "{error}");
                assert!(error.message().ends_with("tried again in 1 s"), "{error}");
            }
            assert_eq!(grant.made(), made);
            tokio::time::advance(SECOND).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_taken_login_ends_the_growing_rest() {
        let grant = logins(|number| async move {
            match number {
                1 | 2 | 4 => Err(Error::new(ErrorKind::Credentials, "refused")),
                _ => Ok(token(number, 10 * SECOND)),
            }
        });
        let cache = Cache::default();
        let account = account(&cache, grant);
        for rest in [5, 10] {
            assert_eq!(kind(&account).await, Err(ErrorKind::Credentials));
            tokio::time::advance(rest * SECOND).await;
        }
        assert_eq!(kind(&account).await, Ok("token-3".into()));
        tokio::time::advance(11 * SECOND).await;
        let error = account.token(None).await.err().unwrap();
        assert!(error.message().ends_with("tried again in 5 s"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn failed_logins_that_say_nothing_of_the_credential_are_told_apart_and_tried_again() {
        for failure in [
            ErrorKind::Throttled,
            ErrorKind::Blocked,
            ErrorKind::Unavailable,
            ErrorKind::Unreadable,
        ] {
            let grant = logins(move |number| async move {
                match number {
                    1 => Err(Error::new(failure, "no")),
                    _ => Ok(token(number, HOUR)),
                }
            });
            let cache = Cache::default();
            let account = account(&cache, grant.clone());
            for _ in 0..100 {
                assert_eq!(kind(&account).await, Err(failure));
            }
            assert_eq!(grant.made(), 1);
            tokio::time::advance(FAILED_PAUSE).await;
            assert_eq!(kind(&account).await, Ok("token-2".into()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_login_waits_as_long_as_it_is_told() {
        let grant = logins(|number| async move {
            match number {
                1 => Err(Error::new(ErrorKind::Throttled, "no").retry(Retry::Safe {
                    after: Some(30 * SECOND),
                })),
                _ => Ok(token(number, HOUR)),
            }
        });
        let cache = Cache::default();
        let account = account(&cache, grant.clone());
        for left in [30, 20, 10] {
            let error = account.token(None).await.err().unwrap();
            let after = Some(left * SECOND);
            assert_eq!(
                (error.kind(), error.retryable()),
                (ErrorKind::Throttled, Retry::Safe { after })
            );
            assert_eq!(grant.made(), 1);
            tokio::time::advance(10 * SECOND).await;
        }
        assert_eq!(kind(&account).await, Ok("token-2".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_refusal_keeps_the_newer_token() {
        let grant = logins(|number| async move { Ok(token(number, HOUR)) });
        let cache = Cache::default();
        let account = account(&cache, grant.clone());
        let first = account.token(None).await.unwrap();
        let second = account.token(Some(&first)).await.unwrap();
        assert_eq!(secret(&second), "token-2");
        // A slow call with the first token comes back refused only now.
        let third = account.token(Some(&first)).await.unwrap();
        assert_eq!(secret(&third), "token-2");
        assert_eq!(kind(&account).await, Ok("token-2".into()));
        assert_eq!(grant.made(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_revoked_token_costs_one_more_login_and_no_failed_call() {
        // The system takes `token-<n>` alone, and forgets the older ones.
        let valid = Arc::new(std::sync::atomic::AtomicU32::new(1));
        let taken = Arc::clone(&valid);
        let (system, script) = system(move |_, call| {
            let expected = format!("Bearer token-{}", taken.load(Ordering::SeqCst));
            let fits = call.headers["authorization"] == expected.as_str();
            async move {
                tokio::time::sleep(SECOND / 10).await;
                Ok(reply(if fits { 200 } else { 401 }, ""))
            }
        });
        let grant = logins(|number| async move { Ok(token(number, HOUR)) });
        let settings = Settings {
            concurrency: 1000,
            ..settings()
        };
        let road = Upstream::scripted("acme", settings, Some(credentials(grant.clone())), verdict, script);
        road.call(call()).await.unwrap();
        for revoked in 2..5 {
            valid.store(revoked, Ordering::SeqCst);
            // Also a call that must not be repeated: it was refused, not processed.
            let calls = (0..1000).map(|n| {
                let mut call = call();
                call.may_repeat = n % 2 == 0;
                road.call(call)
            });
            assert!(join_all(calls).await.iter().all(Result::is_ok));
            assert_eq!(grant.made(), revoked);
        }
        assert_eq!(system.calls(), 1 + 3 * 2000);
        assert_eq!(road.standing().login, Some(true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_early_and_in_the_background() {
        let renew = Arc::new(Notify::new());
        let renewed = Arc::clone(&renew);
        let grant = logins(move |number| {
            let renewed = Arc::clone(&renewed);
            async move {
                if number > 1 {
                    renewed.notified().await;
                }
                Ok(token(number, HOUR))
            }
        });
        let cache = Cache::default();
        let account = account(&cache, grant.clone());
        assert_eq!(kind(&account).await, Ok("token-1".into()));
        tokio::time::advance(HOUR - 62 * SECOND).await;
        assert_eq!(kind(&account).await, Ok("token-1".into()));
        tokio::task::yield_now().await;
        assert_eq!(grant.made(), 1);
        tokio::time::advance(3 * SECOND).await;
        for _ in 0..100 {
            assert_eq!(kind(&account).await, Ok("token-1".into()));
            tokio::task::yield_now().await;
        }
        assert_eq!(grant.made(), 2);
        renew.notify_one();
        tokio::time::sleep(SECOND).await;
        assert_eq!(kind(&account).await, Ok("token-2".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_token_is_not_fetched_per_call() {
        let grant = logins(|number| async move { Ok(token(number, 10 * SECOND)) });
        let cache = Cache::default();
        let account = account(&cache, grant.clone());
        for _ in 0..80 {
            assert_eq!(kind(&account).await, Ok("token-1".into()));
            tokio::time::advance(SECOND / 10).await;
        }
        assert_eq!(grant.made(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_early_refresh_uses_the_valid_token() {
        for failure in [ErrorKind::Unavailable, ErrorKind::Credentials] {
            let grant = logins(move |number| async move {
                match number {
                    1 => Ok(token(number, HOUR)),
                    _ => Err(Error::new(failure, "no")),
                }
            });
            let cache = Cache::default();
            let account = account(&cache, grant.clone());
            assert_eq!(kind(&account).await, Ok("token-1".into()));
            tokio::time::advance(HOUR - 59 * SECOND).await;
            // 58 s of calls every tenth of a second.
            for _ in 0..580 {
                assert_eq!(kind(&account).await, Ok("token-1".into()));
                tokio::time::sleep(SECOND / 10).await;
            }
            let made = grant.made();
            assert!((4..=13).contains(&made), "{made}");
            tokio::time::advance(2 * SECOND).await;
            assert_eq!(kind(&account).await, Err(failure));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_without_an_end_is_kept_five_minutes() {
        let grant = logins(|number| async move {
            Ok(Token {
                ends: None,
                ..token(number, HOUR)
            })
        });
        let cache = Cache::default();
        let account = account(&cache, grant.clone());
        assert_eq!(kind(&account).await, Ok("token-1".into()));
        tokio::time::advance(4 * 60 * SECOND).await;
        assert_eq!(kind(&account).await, Ok("token-1".into()));
        tokio::task::yield_now().await;
        assert_eq!(grant.made(), 1);
        tokio::time::advance(60 * SECOND).await;
        assert_eq!(kind(&account).await, Ok("token-2".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_ended_before_it_came_is_used_all_the_same() {
        let grant = logins(|number| async move {
            Ok(Token {
                ends: Some(SystemTime::UNIX_EPOCH),
                ..token(number, HOUR)
            })
        });
        let cache = Cache::default();
        let account = account(&cache, grant.clone());
        for _ in 0..10 {
            assert_eq!(kind(&account).await, Ok("token-1".into()));
        }
        assert_eq!(grant.made(), 1);
    }

    struct Renewing(std::sync::Mutex<Vec<Option<String>>>);

    #[async_trait::async_trait]
    impl Grant for Renewing {
        async fn obtain(&self, _: &Sender, last: Option<&Token>) -> Result<Token> {
            use secrecy::ExposeSecret;
            let mut seen = self.0.lock().unwrap();
            seen.push(last.map(|last| last.secret.expose_secret().to_owned()));
            Ok(token(u32::try_from(seen.len()).unwrap(), HOUR))
        }

        fn renew_early(&self) -> Option<Duration> {
            Some(300 * SECOND)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_grant_sees_the_last_token_unless_it_was_refused_and_may_ask_to_be_early() {
        let grant = Arc::new(Renewing(std::sync::Mutex::default()));
        let cache = Cache::default();
        let account = account(&cache, grant.clone());
        account.token(None).await.unwrap();
        tokio::time::advance(HOUR - 299 * SECOND).await;
        account.token(None).await.unwrap();
        tokio::time::sleep(SECOND).await;
        let second = account.token(None).await.unwrap();
        assert_eq!(secret(&second), "token-2");
        assert_eq!(secret(&account.token(Some(&second)).await.unwrap()), "token-3");
        assert_eq!(*grant.0.lock().unwrap(), [None, Some("token-1".into()), None]);
    }
}
