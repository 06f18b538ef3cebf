//! Operations on the log of changes.

use super::filter::Filter;
use super::{Operation, Repeat, Scope, Target};
use crate::model::enrollment::{Change, ChangeKind};
use crate::model::id::BackendName;
use crate::model::page::{Page, Paging};
use crate::model::time::Bound;

/// Looks for changes in one backend, oldest first.
#[derive(Clone, Debug)]
pub struct SearchChanges {
    /// The backend.
    pub backend: BackendName,
    /// Only changes at or after this.
    pub since: Option<Bound>,
    /// Only changes of this kind.
    pub kind: Option<ChangeKind>,
    /// What must hold.
    pub filters: Vec<Filter>,
    /// Which page.
    pub paging: Paging,
}

impl Operation for SearchChanges {
    type Reply = Page<Change>;
    const ID: &'static str = "changes.search";
    const SCOPE: Scope = Scope::EnrollmentRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::backend(&self.backend)
    }

    fn filters(&self) -> Vec<&'static str> {
        let own = [self.since.map(|_| "since"), self.kind.map(|_| "kind")];
        own.into_iter()
            .flatten()
            .chain(self.filters.iter().map(Filter::capability))
            .collect()
    }
}
