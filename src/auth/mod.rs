//! Who is calling.

mod keys;
mod rate;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use keys::{Callers, Key, sha256};
pub use rate::{Rate, Rates};

use crate::operations::Scope;

/// Somebody who may call, and what they may do.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The name they are configured under; it goes into logs and to systems that keep an audit.
    pub name: Arc<str>,
    scopes: u32,
    backends: Option<BTreeSet<Box<str>>>,
}

impl Caller {
    /// A caller with these scopes at these backends; `None` is every backend.
    #[must_use]
    pub fn new(name: &str, scopes: &[Scope], backends: Option<&[&str]>) -> Self {
        Self {
            name: name.into(),
            scopes: scopes.iter().fold(0, |set, scope| set | bit(*scope)),
            backends: backends.map(|names| names.iter().map(|name| Box::from(*name)).collect()),
        }
    }

    /// Whether the caller holds a scope.
    #[must_use]
    pub fn holds(&self, scope: Scope) -> bool {
        self.scopes & bit(scope) != 0
    }

    /// Whether there is anything that the caller may not know of.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.backends.is_some()
    }

    /// Whether the caller may know of a backend.
    #[must_use]
    pub fn sees(&self, backend: &str) -> bool {
        self.backends.as_ref().is_none_or(|backends| backends.contains(backend))
    }
}

fn bit(scope: Scope) -> u32 {
    1 << scope as u32
}
