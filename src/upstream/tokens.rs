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
    error: Arc<Error>,
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
                    let outcome = observe::word(failure);
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
    fn settle(self, obtained: Result<Token>, early: Option<Duration>) {
        let now = Instant::now();
        let outcome = {
            let mut state = self.entry.state();
            match obtained {
                Ok(token) => Ok(state.take(token, early, now)),
                Err(error) => Err(state.refuse(of_login(error), now)),
            }
        };
        self.told.send_replace(Some(outcome));
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.entry.state().login = None;
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

    fn refuse(&mut self, error: Error, now: Instant) -> Arc<Error> {
        let rest = if error.kind() == ErrorKind::Credentials {
            // What was renewed may be what was refused.
            self.last = None;
            self.refusals = self.refusals.saturating_add(1);
            Some(rest_after(self.refusals - 1))
        } else {
            // No more than the system itself asks for, but a token still in use is not renewed at every call.
            let in_use = self.held.as_ref().is_some_and(|held| now < held.ends);
            let asked = error.retryable().after().map(|after| after.min(LONGEST_REST));
            asked.max(in_use.then_some(EARLY_PAUSE))
        };
        let error = Arc::new(error);
        self.rest = rest.map(|rest| Rest {
            until: now + rest,
            error: Arc::clone(&error),
        });
        match &self.rest {
            Some(rest) => Arc::new(rest.told(now)),
            None => error,
        }
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
            _ if error.retryable().after().is_some() => error.retry(Retry::Safe { after: Some(left) }),
            _ => error,
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
