//! How often somebody may call.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// So many requests in so much time, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many requests `per` brings.
    pub requests: NonZeroU32,
    /// The time that brings them.
    pub per: Duration,
    /// How many may come at once after a pause.
    pub burst: NonZeroU32,
}

/// Who may call how often; `None` is as often as they like.
#[derive(Clone, Debug)]
pub struct Rates {
    /// Each caller without a rate of its own.
    pub callers: Option<Rate>,
    /// Callers with rates of their own, by name.
    pub own: Vec<(Arc<str>, Option<Rate>)>,
    /// How often each address may fail to say who calls.
    pub failures: Option<Rate>,
}

impl Default for Rates {
    fn default() -> Self {
        let rate = |requests, burst| {
            Some(Rate {
                requests: NonZeroU32::new(requests)?,
                per: Duration::from_secs(1),
                burst: NonZeroU32::new(burst)?,
            })
        };
        Self {
            callers: rate(1000, 2000),
            own: Vec::new(),
            failures: rate(1, 60),
        }
    }
}
