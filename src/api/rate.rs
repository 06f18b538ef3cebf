//! How often callers may call, and how often an address may guess.
//!
//! The counting is `governor`'s (GCRA: one instant per caller). What it counts in is ours, because its own stores grow with
//! every key they have seen: callers with rates of their own have their place from the start, all others share a store that
//! is bounded, and in which finding a place costs the same however many there are.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{NotUntil, Quota, RateLimiter};
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

use crate::auth::{Caller, Rate, Rates};
use crate::error::{Error, ErrorKind, Retry};

/// What is left to a caller: a field of draft-ietf-httpapi-ratelimit-headers-10.
pub(super) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// How much there is in all: another.
pub(super) const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// How many callers or addresses are told apart. Of more, those that have been quiet for longest are forgotten.
const TOLD_APART: usize = 64 * 1024;
const SHARDS: usize = 16;
/// How many are looked at to find one to forget.
const LOOKED_AT: usize = 8;

/// A bounded table of instants, in nanoseconds since some beginning, by keys that are hashes.
struct Slots {
    shards: [Mutex<HashMap<u64, u64>>; SHARDS],
    most: usize,
}

impl Slots {
    fn new(most: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            most: most.div_ceil(SHARDS),
        }
    }

    /// Reads a slot and writes what `change` makes of it, if it makes anything. A new key in a full table takes the place
    /// of one that is little worth remembering: its instant is the earliest of a few.
    fn change<T, E>(&self, key: u64, change: impl FnOnce(Option<u64>) -> Result<(T, u64), E>) -> Result<T, E> {
        let shard = &self.shards[(key >> 32) as usize % SHARDS];
        let mut slots = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get_mut(&key) {
            let (value, at) = change(Some(*slot))?;
            *slot = at;
            return Ok(value);
        }
        let (value, at) = change(None)?;
        if slots.len() >= self.most {
            let least = slots.iter().take(LOOKED_AT).min_by_key(|(_, at)| **at);
            if let Some(least) = least.map(|(key, _)| *key) {
                slots.remove(&least);
            }
        }
        slots.insert(key, at);
        Ok(value)
    }

    fn get(&self, key: u64) -> Option<u64> {
        let shard = &self.shards[(key >> 32) as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied()
    }
}

impl StateStore for Slots {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.change(*key, |slot| {
            measure(slot.map(Nanos::from)).map(|(value, at)| (value, at.as_u64()))
        })
    }
}

type Of<K, S> = RateLimiter<K, S, MonotonicClock, StateInformationMiddleware>;
type Outcome = Result<StateSnapshot, NotUntil<Instant>>;

fn quota(rate: Rate) -> Option<Quota> {
    let each = rate.per / rate.requests.get();
    Quota::with_period(each).map(|quota| quota.allow_burst(rate.burst))
}

fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// One rate, and what is said of it in every answer.
struct Limit<K, S: StateStore<Key = K>> {
    limiter: Of<K, S>,
    policy: HeaderValue,
    /// How many seconds one more request takes to come, at most.
    more_in: u64,
}

impl<K, S: StateStore<Key = K>> Limit<K, S> {
    fn new(rate: Rate, store: S) -> Option<Self> {
        let quota = quota(rate)?;
        // A bucket is a quota of its whole size over the time that fills it.
        let window = seconds(quota.burst_size_replenished_in());
        let policy = format!("\"caller\";q={};w={window}", quota.burst_size());
        Some(Self {
            limiter: RateLimiter::new(quota, store, MonotonicClock),
            policy: HeaderValue::try_from(policy).ok()?,
            more_in: seconds(quota.replenish_interval()),
        })
    }

    fn standing(&self, outcome: Outcome) -> Standing {
        let (left, more_in, refused) = match outcome {
            Ok(state) => (state.remaining_burst_capacity(), self.more_in, None),
            Err(until) => {
                let wait = until.wait_time_from(self.limiter.clock().now());
                (0, seconds(wait).max(1), Some(wait))
            }
        };
        Standing {
            policy: self.policy.clone(),
            left,
            more_in,
            refused,
        }
    }
}

/// How a caller stands after one more request.
pub(super) struct Standing {
    policy: HeaderValue,
    left: u32,
    more_in: u64,
    refused: Option<Duration>,
}

impl Standing {
    /// The refusal, if the request was one too many.
    pub(super) fn refusal(&self) -> Option<Error> {
        self.refused.map(|wait| {
            Error::new(ErrorKind::Limited, "the caller sends more requests than it may")
                .code("rate_limited")
                .retry(Retry::Safe { after: Some(wait) })
        })
    }

    /// Writes it into an answer.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        let mut text = Text {
            bytes: [0; 48],
            length: 0,
        };
        let _ = write!(text, "\"caller\";r={};t={}", self.left, self.more_in);
        if let Ok(value) = HeaderValue::from_bytes(text.written()) {
            headers.insert(RATELIMIT, value);
            headers.insert(RATELIMIT_POLICY, self.policy);
        }
    }
}

/// A short text that is put together in place.
struct Text {
    bytes: [u8; 48],
    length: usize,
}

impl Text {
    fn written(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl std::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// The limits of all callers and addresses.
pub(super) struct Limits {
    callers: Option<Limit<u64, Slots>>,
    own: HashMap<Box<str>, Option<Limit<NotKeyed, InMemoryState>>>,
    failures: Option<Failures>,
    hasher: RandomState,
}

impl Limits {
    pub(super) fn new(rates: &Rates) -> Self {
        Self::telling_apart(rates, TOLD_APART)
    }

    fn telling_apart(rates: &Rates, most: usize) -> Self {
        let own = rates.own.iter().map(|(name, rate)| {
            let limit = rate.and_then(|rate| Limit::new(rate, InMemoryState::default()));
            (Box::from(&**name), limit)
        });
        Self {
            callers: rates.callers.and_then(|rate| Limit::new(rate, Slots::new(most))),
            own: own.collect(),
            failures: rates.failures.and_then(|rate| Failures::new(rate, most)),
            hasher: RandomState::new(),
        }
    }

    /// Counts one more request of a caller. `None` if its requests are not counted.
    pub(super) fn count(&self, caller: &Caller) -> Option<Standing> {
        if let Some(own) = self.own.get(&*caller.name) {
            return own.as_ref().map(|limit| limit.standing(limit.limiter.check()));
        }
        let limit = self.callers.as_ref()?;
        let key = self.hasher.hash_one(&*caller.name);
        Some(limit.standing(limit.limiter.check_key(&key)))
    }

    /// The refusal of whatever comes from an address that has guessed too often. The callers known there are let through
    /// nevertheless (see [`Self::knows`]): many may stand behind one address, and one of them guessing must not shut the
    /// others out.
    pub(super) fn barred(&self, from: IpAddr) -> Option<Error> {
        let wait = self.failures.as_ref()?.barred(self.hasher.hash_one(from))?;
        Some(
            Error::new(
                ErrorKind::Limited,
                "too many credentials from this address were not taken",
            )
            .code("too_many_failures")
            .retry(Retry::Safe { after: Some(wait) }),
        )
    }

    /// Whether a caller has called from an address before.
    pub(super) fn knows(&self, from: IpAddr, caller: &Caller) -> bool {
        let key = self.hasher.hash_one((from, &*caller.name));
        let failures = self.failures.as_ref();
        failures.is_none_or(|failures| failures.known.get(key).is_some())
    }

    /// Remembers that a caller has called from an address.
    pub(super) fn remember(&self, from: IpAddr, caller: &Caller) {
        if let Some(failures) = &self.failures {
            let key = self.hasher.hash_one((from, &*caller.name));
            failures.remember(key);
        }
    }

    /// Counts a credential from an address that was not taken.
    pub(super) fn failed(&self, from: IpAddr) {
        if let Some(failures) = &self.failures {
            failures.count(self.hasher.hash_one(from));
        }
    }
}

/// What addresses have got wrong.
struct Failures {
    limiter: Of<u64, Slots>,
    /// How long a barred address waits for its next guess.
    pause: Duration,
    /// Until when addresses are barred.
    barred: Slots,
    /// Whether one ever was: while none is, nothing is looked up.
    any: AtomicBool,
    /// Callers with the addresses they called from, and when that was noticed.
    known: Slots,
    start: Instant,
}

impl Failures {
    fn new(rate: Rate, most: usize) -> Option<Self> {
        let quota = quota(rate)?;
        Some(Self {
            limiter: RateLimiter::new(quota, Slots::new(most), MonotonicClock),
            pause: quota.replenish_interval(),
            barred: Slots::new(most),
            any: AtomicBool::new(false),
            known: Slots::new(most),
            start: Instant::now(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn count(&self, from: u64) {
        let wait = match self.limiter.check_key(&from) {
            Ok(state) if state.remaining_burst_capacity() > 0 => return,
            Ok(_) => self.pause,
            Err(until) => until.wait_time_from(self.limiter.clock().now()),
        };
        let until = self
            .now()
            .saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
        self.any.store(true, Ordering::Release);
        let Ok(()) = self
            .barred
            .change(from, |_| Ok::<_, std::convert::Infallible>(((), until)));
    }

    fn barred(&self, from: u64) -> Option<Duration> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let left = self.barred.get(from)?.checked_sub(self.now())?;
        Some(Duration::from_nanos(left))
    }

    fn remember(&self, key: u64) {
        if self.known.get(key).is_none() {
            let now = self.now();
            let Ok(()) = self.known.change(key, |_| Ok::<_, std::convert::Infallible>(((), now)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn rate(requests: u32, per: Duration, burst: u32) -> Option<Rate> {
        Some(Rate {
            requests: NonZeroU32::new(requests)?,
            per,
            burst: NonZeroU32::new(burst)?,
        })
    }

    fn caller(name: &str) -> Caller {
        Caller::new(name, &[], None)
    }

    fn rates() -> Rates {
        Rates {
            callers: rate(1, HOUR, 2),
            own: vec![("large".into(), rate(2, HOUR, 3)), ("free".into(), None)],
            failures: rate(1, HOUR, 3),
        }
    }

    fn written(standing: Standing) -> (String, String) {
        let mut headers = HeaderMap::new();
        standing.write(&mut headers);
        let text = |name: &HeaderName| headers[name].to_str().unwrap().to_owned();
        (text(&RATELIMIT_POLICY), text(&RATELIMIT))
    }

    #[test]
    fn each_caller_has_its_own_bucket_and_is_told_of_it() {
        let limits = Limits::new(&rates());
        let policy = r#""caller";q=2;w=7200"#.to_owned();
        for name in ["one", "other"] {
            let first = limits.count(&caller(name)).unwrap();
            assert!(first.refusal().is_none());
            assert_eq!(written(first), (policy.clone(), r#""caller";r=1;t=3600"#.to_owned()));
            assert!(limits.count(&caller(name)).unwrap().refusal().is_none());
            let third = limits.count(&caller(name)).unwrap();
            let error = third.refusal().unwrap();
            assert_eq!(
                (error.kind(), error.finer_code()),
                (ErrorKind::Limited, Some("rate_limited"))
            );
            let wait = error.retryable().after().unwrap();
            assert!(wait <= HOUR && wait > HOUR / 2, "{wait:?}");
            assert_eq!(written(third), (policy.clone(), r#""caller";r=0;t=3600"#.to_owned()));
        }
    }

    #[test]
    fn a_rate_of_ones_own_comes_before_the_common_one() {
        let limits = Limits::new(&rates());
        for _ in 0..3 {
            assert!(limits.count(&caller("large")).unwrap().refusal().is_none());
        }
        assert!(limits.count(&caller("large")).unwrap().refusal().is_some());
        assert!(limits.count(&caller("free")).is_none());
    }

    #[test]
    fn the_largest_numbers_fit_into_the_answer() {
        let standing = Standing {
            policy: HeaderValue::from_static("x"),
            left: u32::MAX,
            more_in: u64::MAX,
            refused: None,
        };
        assert!(written(standing).1.ends_with(&u64::MAX.to_string()));
    }

    #[test]
    fn an_address_that_guesses_is_barred_and_who_is_known_there_is_not() {
        let limits = Limits::new(&rates());
        let (here, there) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        limits.remember(here, &caller("one"));
        for _ in 0..3 {
            assert!(limits.barred(here).is_none());
            limits.failed(here);
        }
        let error = limits.barred(here).unwrap();
        assert_eq!(error.finer_code(), Some("too_many_failures"));
        assert!(limits.barred(there).is_none());
        assert!(limits.knows(here, &caller("one")));
        assert!(!limits.knows(here, &caller("other")) && !limits.knows(there, &caller("one")));
    }

    #[test]
    fn a_pause_lets_an_address_guess_again() {
        let limits = Limits::new(&Rates {
            failures: rate(1, Duration::from_millis(1), 1),
            ..rates()
        });
        let here = "10.0.0.1".parse().unwrap();
        limits.failed(here);
        while limits.barred(here).is_some() {
            std::thread::yield_now();
        }
        limits.failed(here);
    }

    #[test]
    fn what_is_remembered_does_not_grow_with_those_who_call() {
        let most = 256;
        let limits = Limits::telling_apart(&rates(), most);
        // One that has used its bucket up is worth more than those who have just begun.
        for _ in 0..3 {
            limits.count(&caller("busy"));
        }
        for n in 0..20_000_u32 {
            let addr = IpAddr::from(n.to_be_bytes());
            limits.count(&caller(&n.to_string()));
            limits.failed(addr);
            limits.remember(addr, &caller("one"));
        }
        let failures = limits.failures.as_ref().unwrap();
        for slots in [&failures.barred, &failures.known] {
            let all: usize = slots.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
            assert!(all <= most, "{all}");
        }
        assert!(limits.count(&caller("busy")).unwrap().refusal().is_some());
    }

    #[test]
    fn the_earliest_of_a_few_makes_room() {
        let slots = Slots::new(SHARDS);
        let put = |key: u64, at: u64| slots.change(key, |_| Ok::<_, ()>(((), at))).unwrap();
        put(1, 10);
        put(2, 20);
        assert_eq!((slots.get(1), slots.get(2)), (None, Some(20)));
        let refused: Result<(), ()> = slots.change(3, |_| Err(()));
        assert!(refused.is_err());
        assert_eq!(slots.get(2), Some(20));
    }
}
