//! How often things happened in a simulated system.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Named counters, shared by every clone.
#[derive(Clone, Default)]
pub struct Counts(Arc<Mutex<BTreeMap<String, u64>>>);

impl Counts {
    /// Counts one more of `what`.
    pub fn add(&self, what: &str) {
        let mut counts = self.lock();
        match counts.get_mut(what) {
            Some(count) => *count += 1,
            None => {
                counts.insert(what.to_owned(), 1);
            }
        }
    }

    /// Answers how often `what` was counted.
    pub fn get(&self, what: &str) -> u64 {
        self.lock().get(what).copied().unwrap_or(0)
    }

    /// Answers every counter, by name.
    pub fn all(&self) -> BTreeMap<String, u64> {
        self.lock().clone()
    }

    /// Forgets everything counted so far.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn clones_share_their_counters() {
        let counts = Counts::default();
        let clone = counts.clone();
        clone.add("getAccount");
        clone.add("getAccount");
        counts.add("token");
        assert_eq!(counts.get("getAccount"), 2);
        assert_eq!(counts.get("getAccountBills"), 0);
        assert_eq!(
            clone.all().into_iter().collect::<Vec<_>>(),
            [("getAccount".into(), 2), ("token".into(), 1)]
        );
        counts.clear();
        assert!(clone.all().is_empty());
    }
}
