//! Tokens that were verified: doing it again for every call would cost more than the call.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::Caller;

/// The most tokens in one generation; there are two.
const GENERATION: usize = 4096;

/// The bearers of verified tokens, by the SHA-256 of the token.
///
/// There are at most twice [`GENERATION`] of them: when the young generation is full, the old one is forgotten. Only what was
/// verified is put in, so nobody without a good token can push another's out.
#[derive(Default)]
pub(super) struct Remembered(RwLock<Generations>);

type Generation = HashMap<[u8; 32], Bearer>;

#[derive(Default)]
struct Generations {
    young: Generation,
    old: Generation,
}

#[derive(Clone)]
struct Bearer {
    caller: Arc<Caller>,
    /// The second, since 1970, at which the token ends.
    ends: i64,
}

impl Remembered {
    /// The bearer of a token, unless it has ended at this second.
    pub(super) fn recall(&self, digest: &[u8; 32], now: i64) -> Option<Arc<Caller>> {
        let (bearer, aged) = {
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            match known.young.get(digest) {
                Some(bearer) => (bearer.clone(), false),
                None => (known.old.get(digest)?.clone(), true),
            }
        };
        if now >= bearer.ends {
            return None;
        }
        let caller = Arc::clone(&bearer.caller);
        if aged {
            self.put(*digest, bearer);
        }
        Some(caller)
    }

    /// Remembers the bearer of a token that ends at this second.
    pub(super) fn remember(&self, digest: [u8; 32], caller: &Arc<Caller>, ends: i64) {
        let caller = Arc::clone(caller);
        self.put(digest, Bearer { caller, ends });
    }

    fn put(&self, digest: [u8; 32], bearer: Bearer) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.young.len() >= GENERATION {
            known.old = std::mem::take(&mut known.young);
        }
        known.young.insert(digest, bearer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: usize) -> [u8; 32] {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&n.to_le_bytes());
        digest
    }

    fn caller() -> Arc<Caller> {
        Arc::new(Caller::new("idp/somebody", &[], None))
    }

    #[test]
    fn a_token_is_forgotten_when_it_ends() {
        let remembered = Remembered::default();
        remembered.remember(digest(1), &caller(), 100);
        assert!(remembered.recall(&digest(1), 99).is_some());
        assert!(remembered.recall(&digest(1), 100).is_none());
        assert!(remembered.recall(&digest(2), 0).is_none());
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_used_stays() {
        let remembered = Remembered::default();
        for n in 0..10 * GENERATION {
            remembered.remember(digest(n), &caller(), 100);
            assert!(remembered.recall(&digest(0), 0).is_some(), "{n}");
        }
        let known = remembered.0.read().unwrap();
        assert!(known.young.len() <= GENERATION && known.old.len() <= GENERATION);
        assert!(!known.young.contains_key(&digest(1)) && !known.old.contains_key(&digest(1)));
    }
}
