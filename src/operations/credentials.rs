//! Operations on credentials.

use super::filter::Filter;
use super::{Operation, Repeat, Scope, Target};
use crate::model::enrollment::{Credential, CredentialChanges, NewCredential};
use crate::model::id::{BackendName, CredentialId, ProviderId};
use crate::model::page::{Page, Paging};
use crate::model::text::{Line, Secret};

/// Looks for credentials in one backend.
#[derive(Clone, Debug)]
pub struct SearchCredentials {
    /// The backend.
    pub backend: BackendName,
    /// What must hold.
    pub filters: Vec<Filter>,
    /// Which page.
    pub paging: Paging,
}

impl Operation for SearchCredentials {
    type Reply = Page<Credential>;
    const ID: &'static str = "credentials.search";
    const SCOPE: Scope = Scope::EnrollmentRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::backend(&self.backend)
    }

    fn filters(&self) -> Vec<&'static str> {
        self.filters.iter().map(Filter::capability).collect()
    }
}

/// Looks for credentials in one backend by their passwords too: only such as have exactly these.
#[derive(Clone, Debug)]
pub struct MatchCredentials {
    /// The backend.
    pub backend: BackendName,
    /// The name to sign in with; the system wants a filter beside passwords.
    pub username: Line,
    /// The provider.
    pub provider: Option<ProviderId>,
    /// The password.
    pub password: Option<Secret>,
    /// What answers the second input of the login.
    pub password2: Option<Secret>,
    /// What answers the third input of the login.
    pub password3: Option<Secret>,
    /// What answers the fourth input of the login.
    pub password4: Option<Secret>,
    /// Which page.
    pub paging: Paging,
}

impl Operation for MatchCredentials {
    type Reply = Page<Credential>;
    const ID: &'static str = "credentials.match";
    const SCOPE: Scope = Scope::EnrollmentRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::backend(&self.backend)
    }
}

/// Makes a credential.
#[derive(Clone, Debug)]
pub struct CreateCredential {
    /// What is to be said of it.
    pub credential: NewCredential,
}

impl Operation for CreateCredential {
    type Reply = Credential;
    const ID: &'static str = "credentials.create";
    const SCOPE: Scope = Scope::EnrollmentWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> =
        Some("read GET /v1/credentials with username= and provider= to see whether it was made before making it again");

    fn target(&self) -> Target<'_> {
        Target::record(&self.credential.provider_id)
    }

    fn others(&self) -> Vec<Target<'_>> {
        self.credential.template_id.iter().map(Target::record).collect()
    }
}

/// Reads a credential, without its secrets.
#[derive(Clone, Debug)]
pub struct GetCredential {
    /// The credential.
    pub credential: CredentialId,
}

impl Operation for GetCredential {
    type Reply = Credential;
    const ID: &'static str = "credentials.get";
    const SCOPE: Scope = Scope::EnrollmentRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.credential)
    }
}

/// Changes a credential.
#[derive(Clone, Debug)]
pub struct UpdateCredential {
    /// The credential.
    pub credential: CredentialId,
    /// What is to change.
    pub changes: CredentialChanges,
}

impl Operation for UpdateCredential {
    type Reply = Credential;
    const ID: &'static str = "credentials.update";
    const SCOPE: Scope = Scope::EnrollmentWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.credential)
    }

    fn others(&self) -> Vec<Target<'_>> {
        self.changes
            .template_id
            .value()
            .map(Target::record)
            .into_iter()
            .collect()
    }
}
