//! Operations on accounts and meters that were found and not asked for.

use super::filter::Filter;
use super::{Operation, Repeat, Scope, Target};
use crate::model::account::Account;
use crate::model::enrollment::{CandidateAccount, CandidateMeter};
use crate::model::id::{BackendName, CandidateId};
use crate::model::page::{Page, Paging};
use crate::model::text::Attributes;

/// Looks for accounts that were found and not asked for, in one backend.
#[derive(Clone, Debug)]
pub struct SearchCandidateAccounts {
    /// The backend.
    pub backend: BackendName,
    /// What must hold.
    pub filters: Vec<Filter>,
    /// Which page.
    pub paging: Paging,
}

impl Operation for SearchCandidateAccounts {
    type Reply = Page<CandidateAccount>;
    const ID: &'static str = "candidates.accounts";
    const SCOPE: Scope = Scope::EnrollmentRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::backend(&self.backend)
    }

    fn filters(&self) -> Vec<&'static str> {
        self.filters.iter().map(Filter::capability).collect()
    }
}

/// Looks for meters that were found and not asked for, in one backend.
#[derive(Clone, Debug)]
pub struct SearchCandidateMeters {
    /// The backend.
    pub backend: BackendName,
    /// What must hold.
    pub filters: Vec<Filter>,
    /// Which page.
    pub paging: Paging,
}

impl Operation for SearchCandidateMeters {
    type Reply = Page<CandidateMeter>;
    const ID: &'static str = "candidates.meters";
    const SCOPE: Scope = Scope::EnrollmentRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::backend(&self.backend)
    }

    fn filters(&self) -> Vec<&'static str> {
        self.filters.iter().map(Filter::capability).collect()
    }
}

/// Enrols an account that was found.
#[derive(Clone, Debug)]
pub struct EnrollCandidate {
    /// The candidate.
    pub candidate: CandidateId,
    /// Facts of the utility's own, by name; those that are required must be there.
    pub custom_attributes: Attributes,
}

impl Operation for EnrollCandidate {
    type Reply = Account;
    const ID: &'static str = "candidates.enroll";
    const SCOPE: Scope = Scope::EnrollmentWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> =
        Some("read GET /v1/accounts with number= to see whether the account is enrolled before enrolling it again");

    fn target(&self) -> Target<'_> {
        Target::record(&self.candidate)
    }
}
