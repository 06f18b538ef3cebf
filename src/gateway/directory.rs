//! The backends by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::auth::Caller;
use crate::backends::Backend;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::Operation;

/// The backends by name.
#[derive(Default)]
pub struct Directory(BTreeMap<Box<str>, Arc<Backend>>);

impl Directory {
    /// A directory of these backends; of two with one name the later stays.
    pub fn of(backends: impl IntoIterator<Item = Backend>) -> Self {
        Self(
            backends
                .into_iter()
                .map(|backend| (backend.name().as_str().into(), Arc::new(backend)))
                .collect(),
        )
    }

    /// The backend with this name, if the caller may know of it.
    ///
    /// # Errors
    /// `NotFound` with the code `backend_not_found`.
    pub fn find(&self, caller: &Caller, name: &str) -> Result<Arc<Backend>> {
        self.0.get(name).filter(|_| caller.sees(name)).cloned().ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                "no such backend; GET /v1/backends lists those there are",
            )
            .code("backend_not_found")
        })
    }

    /// The backends the caller may know of, by name.
    pub fn seen_by<'a>(&'a self, caller: &'a Caller) -> impl Iterator<Item = &'a Arc<Backend>> {
        self.0.values().filter(|backend| caller.sees(backend.name().as_str()))
    }

    /// The names of those that serve an operation, among those the caller may know of.
    pub fn serving<O: Operation>(&self, caller: &Caller) -> Vec<String> {
        self.seen_by(caller)
            .filter(|backend| backend.serving::<O>().is_some())
            .map(|backend| backend.name().as_str().to_owned())
            .collect()
    }
}
