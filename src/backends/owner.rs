//! Whose a record is: the adapter alone can read the keys of its records, so the adapter says.

use crate::model::id::{AccountId, BackendName};
use crate::operations::Record;

/// Whose a record is, as far as its key tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This account's. Whatever the key names beside the account, the adapter gives the record only if the system says that
    /// it is this account's, and else answers that there is no such record.
    Account(AccountId),
    /// Nobody can tell before the system is asked, or at all. Such a record is not for callers bound to accounts.
    Unknown,
}

/// Says whose the records of a backend are.
pub trait Owns: Send + Sync {
    /// Whose a record is. Kinds that an adapter does not know of are [`Owner::Unknown`].
    fn owner(&self, record: Record<'_>) -> Owner;

    /// Whether an account asked for is the one that a caller is bound to. It is never so for a key that can lead the adapter
    /// to any other account.
    fn asks_for(&self, asked: &AccountId, bound: &AccountId) -> bool {
        asked == bound
    }

    /// Whether an account that the system told of is the one that a caller is bound to.
    fn is(&self, told: &AccountId, bound: &AccountId) -> bool {
        told == bound
    }
}

impl Owner {
    /// The account that the first part of a key names. The part is taken as it is written, so that what is equal is the same
    /// account however the rest is read.
    #[must_use]
    pub(super) fn first_part(backend: &BackendName, key: &str) -> Self {
        let first = key.split('~').next().unwrap_or_default();
        // With white space alone in it, it would be nobody's.
        if first.trim().is_empty() {
            return Self::Unknown;
        }
        format!("{backend}:{first}")
            .parse()
            .map_or(Self::Unknown, Self::Account)
    }
}
