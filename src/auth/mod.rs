//! Who is calling: API keys, and OAuth2 tokens of issuers that are trusted.

mod crypto;
pub mod jwks;
mod keys;
mod rate;
mod remembered;
pub mod rights;
pub mod tokens;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use keys::{Callers, Key, METADATA_PATH, sha256};
pub use rate::{Rate, Rates};
pub use tokens::{Issuer, Tokens};

use crate::model::id::AccountId;
use crate::operations::Scope;

/// Somebody who may call, and what they may do.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The name they are configured under, or the issuer's and the subject of their token; it goes into logs and to systems
    /// that keep an audit.
    pub name: Arc<str>,
    scopes: u32,
    backends: Option<BTreeSet<Box<str>>>,
    accounts: Option<BTreeSet<AccountId>>,
}

impl Caller {
    /// A caller with these scopes at these backends; `None` is every backend.
    #[must_use]
    pub fn new(name: &str, scopes: &[Scope], backends: Option<&[&str]>) -> Self {
        Self {
            name: name.into(),
            scopes: scopes.iter().fold(0, |set, scope| set | bit(*scope)),
            backends: backends.map(|names| names.iter().map(|name| Box::from(*name)).collect()),
            accounts: None,
        }
    }

    /// The same caller, bound to these accounts: it gets what belongs to one of them and nothing else. Bound again, it keeps
    /// the accounts that both bounds name.
    ///
    /// It loses `native:call`: whose records a system's own API would give, nobody here can say.
    #[must_use]
    pub fn bound_to(mut self, accounts: impl IntoIterator<Item = AccountId>) -> Self {
        let named = accounts.into_iter();
        self.accounts = Some(match self.accounts {
            None => named.collect(),
            Some(before) => named.filter(|account| before.contains(account)).collect(),
        });
        self.scopes &= !bit(Scope::NativeCall);
        self
    }

    /// The accounts the caller is bound to; `None` if it is not.
    #[must_use]
    pub fn accounts(&self) -> Option<&BTreeSet<AccountId>> {
        self.accounts.as_ref()
    }

    /// Whether the caller holds a scope.
    #[must_use]
    pub fn holds(&self, scope: Scope) -> bool {
        self.scopes & bit(scope) != 0
    }

    /// Whether there is anything that the caller may not know of.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.backends.is_some() || self.accounts.is_some()
    }

    /// Whether the caller may know of a backend: one of its own, and if it is bound, one that holds an account of its own.
    #[must_use]
    pub fn sees(&self, backend: &str) -> bool {
        let among = |accounts: &BTreeSet<AccountId>| accounts.iter().any(|account| account.backend() == backend);
        self.backends.as_ref().is_none_or(|backends| backends.contains(backend))
            && self.accounts.as_ref().is_none_or(among)
    }
}

fn bit(scope: Scope) -> u32 {
    1 << scope as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(ids: &[&str]) -> Vec<AccountId> {
        ids.iter().map(|id| id.parse().unwrap()).collect()
    }

    #[test]
    fn a_bound_caller_sees_the_backends_of_its_accounts_among_its_own() {
        let bound = Caller::new("c", &Scope::ALL, Some(&["a", "b"])).bound_to(accounts(&["b:1", "c:1"]));
        assert!(bound.sees("b"));
        assert!(!bound.sees("a") && !bound.sees("c"));
        let nobody = Caller::new("c", &Scope::ALL, None).bound_to([]);
        assert!(!nobody.sees("a"));
    }

    #[test]
    fn a_bound_caller_never_holds_the_scope_of_the_native_road() {
        let free = Caller::new("c", &Scope::ALL, None);
        assert!(free.holds(Scope::NativeCall) && free.accounts().is_none());
        let bound = free.bound_to(accounts(&["a:1"]));
        for scope in Scope::ALL {
            assert_eq!(bound.holds(scope), scope != Scope::NativeCall, "{}", scope.as_str());
        }
    }

    #[test]
    fn a_second_bound_never_widens_the_first() {
        let bound = Caller::new("c", &[], None)
            .bound_to(accounts(&["a:1", "a:2"]))
            .bound_to(accounts(&["a:2", "a:3"]));
        assert_eq!(
            bound.accounts().unwrap().iter().collect::<Vec<_>>(),
            [&accounts(&["a:2"])[0]]
        );
    }
}
