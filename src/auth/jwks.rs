//! The keys of one issuer: read at the start, read again ahead of need, kept while they cannot be read.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::remembered::Remembered;
use super::sha256;
use super::tokens::Algorithm;
use crate::error::{Error, ErrorKind, Result, Retry};

/// Reads an issuer's key set once, wherever it is.
pub type Fetch = Arc<dyn Fn() -> BoxFuture<'static, Result<Bytes>> + Send + Sync>;

/// The longest that reading a key set may take.
pub const LONGEST_FETCH: Duration = Duration::from_secs(5);

/// How long a key that is not known is not asked for again: anybody can make tokens with ids of keys that nobody has.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(60);

/// The pause after the first failure to read a key set; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The most keys of a set that are looked at.
const MOST_KEYS: usize = 100;

/// The shortest modulus of an RSA key, in base64url: 2048 bits (RFC 7518 §3.3). Leading zeros are not counted out; the
/// verification itself refuses what is shorter.
const SHORTEST_MODULUS: usize = 342;

/// One set of keys, and the tokens that were verified with them: both are given up together.
pub(super) struct Keys {
    keys: Vec<Key>,
    digest: [u8; 32],
    pub(super) remembered: Remembered,
}

/// One key, good for one algorithm (RFC 8725 §3.1), or for those of RSA if its issuer does not say which.
struct Key {
    id: Option<String>,
    fits: Fits,
    key: DecodingKey,
}

enum Fits {
    One(Algorithm),
    AnyRsa,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Keys {
    /// Reads a key set (RFC 7517 §5). Keys that are not for signatures, not asymmetric or not understood are left out.
    pub(super) fn read(text: &[u8]) -> Result<Self> {
        let set: Set = serde_json::from_slice(text)
            .map_err(|_| Error::new(ErrorKind::Unreadable, "what was read is no JSON Web Key Set"))?;
        let keys = set.keys.into_iter().take(MOST_KEYS).filter_map(key).collect();
        Ok(Self {
            keys,
            digest: sha256(text),
            remembered: Remembered::default(),
        })
    }

    /// Whether there is no key to verify anything with.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key that a token was made with, by the id and the algorithm in its header.
    ///
    /// A token that names no key is taken only where there is no choice.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Found<'_> {
        let fits = |key: &&Key| match key.fits {
            Fits::One(one) => one == algorithm,
            Fits::AnyRsa => algorithm.is_rsa(),
        };
        let mut named = self.keys.iter().filter(|key| id.is_none() || key.id.as_deref() == id);
        let Some(id) = id else {
            let mut fitting = named.filter(fits);
            return match (fitting.next(), fitting.next()) {
                (Some(key), None) => Found::Key(&key.key),
                _ => Found::Unfit,
            };
        };
        match named.clone().find(fits) {
            Some(key) => Found::Key(&key.key),
            None if named.next().is_some() || id.is_empty() => Found::Unfit,
            None => Found::Unknown,
        }
    }
}

/// How many keys of a set can be used.
///
/// # Errors
/// `Unreadable` if it is no JSON Web Key Set.
pub fn usable(text: &[u8]) -> Result<usize> {
    Keys::read(text).map(|keys| keys.keys.len())
}

/// What became of looking for a key.
pub(super) enum Found<'k> {
    /// It is there.
    Key(&'k DecodingKey),
    /// The token cannot have been made with any key there is, or will be.
    Unfit,
    /// No key has the id; a newer set might.
    Unknown,
}

fn key(value: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let common = &jwk.common;
    if common
        .public_key_use
        .as_ref()
        .is_some_and(|use_| *use_ != PublicKeyUse::Signature)
    {
        return None;
    }
    if common
        .key_operations
        .as_ref()
        .is_some_and(|operations| !operations.contains(&KeyOperations::Verify))
    {
        return None;
    }
    let stated = match common.key_algorithm {
        None => None,
        // An algorithm that is not known, or no signature's.
        Some(stated) => Some(Algorithm::of(jsonwebtoken::Algorithm::try_from(stated).ok()?)?),
    };
    let fits = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) if rsa.n.len() >= SHORTEST_MODULUS => Fits::AnyRsa,
        AlgorithmParameters::EllipticCurve(point) => match point.curve {
            EllipticCurve::P256 => Fits::One(Algorithm::ES256),
            EllipticCurve::P384 => Fits::One(Algorithm::ES384),
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => Fits::One(Algorithm::EDDSA),
        _ => return None,
    };
    let fits = match (fits, stated) {
        (fits, None) => fits,
        (Fits::AnyRsa, Some(stated)) if stated.is_rsa() => Fits::One(stated),
        (Fits::One(fit), Some(stated)) if fit == stated => Fits::One(fit),
        _ => return None,
    };
    Some(Key {
        key: DecodingKey::from_jwk(&jwk).ok()?,
        id: jwk.common.key_id,
        fits,
    })
}

/// The keys of an issuer as far as they are known, kept up to date by a task of their own.
pub(super) struct Jwks {
    state: watch::Receiver<State>,
    wake: Arc<Notify>,
    /// When an unknown key was last asked for, and how often keys had been read by then.
    asked: Mutex<Option<(Instant, u64)>>,
    task: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct State {
    /// The last set that could be read.
    keys: Option<Arc<Keys>>,
    /// How often reading it has ended, one way or the other.
    reads: u64,
}

impl Jwks {
    /// Begins to read the keys, and reads them again every `refresh` and when an unknown one is asked for.
    pub(super) fn keep(issuer: String, fetch: Fetch, refresh: Duration) -> Self {
        let (told, state) = watch::channel(State::default());
        let wake = Arc::new(Notify::new());
        let task = tokio::spawn(keep(issuer, fetch, refresh, told, Arc::clone(&wake)));
        Self {
            state,
            wake,
            asked: Mutex::default(),
            task,
        }
    }

    /// The keys if they were ever read, without waiting.
    pub(super) fn known(&self) -> Option<Arc<Keys>> {
        self.state.borrow().keys.clone()
    }

    /// The keys. While they are read for the first time, this waits.
    ///
    /// # Errors
    /// `Unavailable` if they could not be read yet, or there are none in what was read.
    pub(super) async fn keys(&self) -> Result<Arc<Keys>> {
        let keys = match self.known() {
            Some(keys) => Some(keys),
            None => self.after(0).await,
        };
        keys.filter(|keys| !keys.is_empty()).ok_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                "tokens cannot be verified now: the keys of their issuer cannot be read",
            )
            .code("keys_unavailable")
            .retry(Retry::Safe {
                after: Some(Duration::from_secs(5)),
            })
        })
    }

    /// The keys after `seen`, in which a key was not found: they are read once more, unless that happened in the last minute.
    pub(super) async fn newer(&self, seen: &Arc<Keys>) -> Option<Arc<Keys>> {
        let reads = {
            let state = self.state.borrow();
            if let Some(keys) = state.keys.as_ref().filter(|keys| !Arc::ptr_eq(keys, seen)) {
                return Some(Arc::clone(keys));
            }
            state.reads
        };
        let first = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            match *asked {
                Some((at, then)) if now.duration_since(at) < UNKNOWN_PAUSE => {
                    if then != reads {
                        return None;
                    }
                    // Somebody asked just now and has no answer yet: it may hold this key, too.
                    false
                }
                _ => {
                    *asked = Some((now, reads));
                    true
                }
            }
        };
        if first {
            self.wake.notify_one();
        }
        self.after(reads).await
    }

    /// The keys once they were read more often than this.
    async fn after(&self, reads: u64) -> Option<Arc<Keys>> {
        let mut state = self.state.clone();
        // A little longer than a fetch, so that its end is seen.
        let longest = LONGEST_FETCH + Duration::from_millis(500);
        match timeout(longest, state.wait_for(|state| state.reads > reads)).await {
            Ok(Ok(state)) => state.keys.clone(),
            _ => self.known(),
        }
    }
}

impl Drop for Jwks {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks").finish_non_exhaustive()
    }
}

async fn keep(issuer: String, fetch: Fetch, refresh: Duration, told: watch::Sender<State>, wake: Arc<Notify>) {
    let mut failures: u32 = 0;
    loop {
        let read = timeout(LONGEST_FETCH, fetch())
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::TimedOut, "no answer in time")))
            .and_then(|text| Keys::read(&text));
        let pause = match &read {
            Ok(keys) => {
                failures = 0;
                if keys.is_empty() {
                    tracing::warn!(issuer, "the issuer's key set holds no key that can be used");
                }
                refresh
            }
            Err(error) => {
                let pause = FIRST_PAUSE
                    .saturating_mul(2_u32.saturating_pow(failures))
                    .min(LONGEST_PAUSE)
                    .min(refresh);
                failures = failures.saturating_add(1);
                let known = told.borrow().keys.is_some();
                tracing::warn!(
                    issuer,
                    %error,
                    cause = std::error::Error::source(error).map(tracing::field::display),
                    failures,
                    kept = known,
                    "the issuer's keys cannot be read"
                );
                pause
            }
        };
        told.send_modify(|state| {
            state.reads += 1;
            if let Ok(keys) = read
                && state.keys.as_ref().is_none_or(|known| known.digest != keys.digest)
            {
                tracing::info!(issuer, keys = keys.keys.len(), "the issuer's keys are new");
                state.keys = Some(Arc::new(keys));
            }
        });
        tokio::select! {
            // Replicas that were started together do not ask together for ever.
            () = sleep(jittered(pause)) => {}
            () = wake.notified() => {}
        }
    }
}

/// Up to a tenth less.
fn jittered(pause: Duration) -> Duration {
    let tenth = u64::try_from((pause / 10).as_millis()).unwrap_or(u64::MAX);
    pause - Duration::from_millis(fastrand::u64(0..=tenth))
}
