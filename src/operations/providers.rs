//! Operations on providers.

use super::filter::Filter;
use super::{Operation, Repeat, Scope, Target};
use crate::model::enrollment::Provider;
use crate::model::id::{BackendName, ProviderId, ServiceTypeId};
use crate::model::page::{Page, Paging};

/// Looks for providers in one backend.
#[derive(Clone, Debug)]
pub struct SearchProviders {
    /// The backend.
    pub backend: BackendName,
    /// Only providers that supply this.
    pub service_type: Option<ServiceTypeId>,
    /// What must hold.
    pub filters: Vec<Filter>,
    /// Which page.
    pub paging: Paging,
}

impl Operation for SearchProviders {
    type Reply = Page<Provider>;
    const ID: &'static str = "providers.search";
    const SCOPE: Scope = Scope::EnrollmentRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::backend(&self.backend)
    }

    fn filters(&self) -> Vec<&'static str> {
        let service_type = self.service_type.as_ref().map(|_| "service_type");
        service_type
            .into_iter()
            .chain(self.filters.iter().map(Filter::capability))
            .collect()
    }
}

/// Reads a provider.
#[derive(Clone, Debug)]
pub struct GetProvider {
    /// The provider.
    pub provider: ProviderId,
}

impl Operation for GetProvider {
    type Reply = Provider;
    const ID: &'static str = "providers.get";
    const SCOPE: Scope = Scope::EnrollmentRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.provider)
    }
}
