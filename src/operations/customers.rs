//! Operations on customers.

use super::{Operation, Repeat, Scope, Target};
use crate::model::id::{BackendName, CustomerId};
use crate::model::party::{Customer, CustomerChanges, CustomerDetails, Hierarchy, Receipt};

/// Reads a customer.
#[derive(Clone, Debug)]
pub struct GetCustomer {
    /// The customer.
    pub customer: CustomerId,
}

impl Operation for GetCustomer {
    type Reply = Customer;
    const ID: &'static str = "customers.get";
    const SCOPE: Scope = Scope::PartiesRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.customer)
    }
}

/// Makes a customer.
#[derive(Clone, Debug)]
pub struct CreateCustomer {
    /// The backend.
    pub backend: BackendName,
    /// What is to be said of it.
    pub customer: CustomerDetails,
}

impl Operation for CreateCustomer {
    type Reply = Receipt;
    const ID: &'static str = "customers.create";
    const SCOPE: Scope = Scope::PartiesWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> = Some(
        "look for the customer in the system, or read GET /v1/customers/{customer} if you gave its identifier, before making it again",
    );

    fn target(&self) -> Target<'_> {
        Target::backend(&self.backend)
    }
}

/// Changes a customer.
#[derive(Clone, Debug)]
pub struct UpdateCustomer {
    /// The customer.
    pub customer: CustomerId,
    /// What is to change.
    pub changes: CustomerChanges,
}

impl Operation for UpdateCustomer {
    type Reply = Receipt;
    const ID: &'static str = "customers.update";
    const SCOPE: Scope = Scope::PartiesWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.customer)
    }
}

/// Hands over a customer with organisation, contacts and accounts in one go.
#[derive(Clone, Debug)]
pub struct SyncCustomer {
    /// The hierarchy.
    pub hierarchy: Hierarchy,
}

impl Operation for SyncCustomer {
    type Reply = Receipt;
    const ID: &'static str = "customers.sync";
    const SCOPE: Scope = Scope::PartiesWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> = Some(
        "read GET /v1/customers/{customer} and GET /v1/accounts/{account} for the records handed over before handing them over again",
    );

    fn target(&self) -> Target<'_> {
        Target::backend(&self.hierarchy.backend)
    }
}
