//! What a simulated system has been asked for, for tests that count.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A shared tally of named events; clones count together.
#[derive(Clone, Default)]
pub struct Counts(Arc<Mutex<BTreeMap<String, u64>>>);

impl Counts {
    /// Counts one more of `what`.
    pub fn add(&self, what: &str) {
        *self.tally().entry(what.to_owned()).or_default() += 1;
    }

    /// How often `what` was counted since the last clearing.
    pub fn get(&self, what: &str) -> u64 {
        self.tally().get(what).copied().unwrap_or_default()
    }

    /// Everything counted so far.
    pub fn all(&self) -> BTreeMap<String, u64> {
        self.tally().clone()
    }

    /// Starts again from nothing.
    pub fn clear(&self) {
        self.tally().clear();
    }

    fn tally(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
