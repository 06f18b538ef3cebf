//! Operations on service types.

use super::{Operation, Repeat, Scope, Target};
use crate::model::enrollment::ServiceType;
use crate::model::id::{BackendName, ServiceTypeId};
use crate::model::page::{Page, Paging};

/// Lists the service types of one backend.
#[derive(Clone, Debug)]
pub struct ListServiceTypes {
    /// The backend.
    pub backend: BackendName,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListServiceTypes {
    type Reply = Page<ServiceType>;
    const ID: &'static str = "service_types.list";
    const SCOPE: Scope = Scope::EnrollmentRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::backend(&self.backend)
    }
}

/// Reads a service type.
#[derive(Clone, Debug)]
pub struct GetServiceType {
    /// The service type.
    pub service_type: ServiceTypeId,
}

impl Operation for GetServiceType {
    type Reply = ServiceType;
    const ID: &'static str = "service_types.get";
    const SCOPE: Scope = Scope::EnrollmentRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.service_type)
    }
}
