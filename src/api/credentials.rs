//! Credentials: what bills of other companies are collected with.

use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Ask;
use super::answer::{Found, Many, One, Outcome, placed};
use super::extract::{Backends, Inclusion, Json, List, Nothing, Of, Pages, Query, Search, faultless, not_empty};
use super::filter::Conditions;
use crate::error::{Error, Result};
use crate::model::enrollment::{Credential, CredentialChanges, CredentialKind, NewCredential};
use crate::model::id::{BackendName, CredentialId, CredentialIdKind, ProviderId};
use crate::model::text::{Line, Secret};
use crate::operations::credentials::{
    CreateCredential, GetCredential, MatchCredentials, SearchCredentials, UpdateCredential,
};
use crate::operations::filter::CredentialFields;

/// Search for credentials
///
/// Passwords are never in it; `POST /v1/credentials/search` is the one search that names one. `field[operator]=value` filters by a field with one of sixteen operators; all conditions must hold.
#[utoipa::path(get, path = "/v1/credentials", tag = "Enrollment", params(Backends, Conditions<CredentialFields>, Pages,
    ("Prefer" = Option<String>, Header, description = "`handling=strict` turns an answer that is not complete into a problem (RFC 7240).")),
    responses((status = 200, description = "One page of what was found", body = Found<Credential>)))]
pub(super) async fn search_credentials(ask: Ask, list: Search<Backends, CredentialFields>) -> Outcome {
    let conditions = list.conditions;
    let (backends, native) = list.filters.parted();
    ask.native(native)
        .search(backends, list.page, |backend, paging| SearchCredentials {
            backend,
            filters: conditions.clone(),
            paging,
        })
        .await
}

/// Credentials to look for by their passwords.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The backend to ask.
    backend: BackendName,
    /// The name to sign in with.
    username: Line,
    /// The provider, in the same backend.
    provider_id: Option<ProviderId>,
    /// The password.
    password: Option<Secret>,
    /// What answers the second input of the login.
    password2: Option<Secret>,
    /// What answers the third input of the login.
    password3: Option<Secret>,
    /// What answers the fourth input of the login.
    password4: Option<Secret>,
}

impl Wanted {
    fn checked(self) -> Result<Self> {
        let mut faults = Vec::new();
        if self.secrets().iter().all(|secret| secret.is_none()) {
            faults.push((
                "/password".to_owned(),
                "a password is due; GET /v1/credentials searches without one",
            ));
        }
        if self
            .provider_id
            .as_ref()
            .is_some_and(|id| id.backend() != self.backend.as_str())
        {
            faults.push(("/provider_id".to_owned(), "it must be in the same backend"));
        }
        faultless(faults)?;
        Ok(self)
    }

    fn secrets(&self) -> [&Option<Secret>; 4] {
        [&self.password, &self.password2, &self.password3, &self.password4]
    }

    /// Everything asked for, as cursors are bound to it; it goes into their seal and nowhere else.
    fn bound(&self) -> String {
        use secrecy::ExposeSecret as _;
        let secrets = self
            .secrets()
            .map(|secret| secret.as_ref().map(|secret| secret.guarded().expose_secret()));
        let provider = self.provider_id.as_ref().map(ProviderId::as_str);
        format!(
            "{:?}",
            (self.backend.as_str(), self.username.as_str(), provider, secrets)
        )
    }
}

/// Search for credentials by their passwords
///
/// Passwords are compared as they are and never given back. A read, though it is a POST: a password never stands in a URL.
#[utoipa::path(post, path = "/v1/credentials/search", tag = "Enrollment", params(Pages), request_body = Wanted,
    responses((status = 200, description = "One page of the credentials", body = Many<Credential>)))]
pub(super) async fn match_credentials(ask: Ask, list: List<Nothing>, Json(wanted): Json<Wanted>) -> Outcome {
    let wanted = wanted.checked()?;
    let mut page = list.page;
    page.bound = wanted.bound();
    ask.list(page, |paging| MatchCredentials {
        backend: wanted.backend,
        username: wanted.username,
        provider: wanted.provider_id,
        password: wanted.password,
        password2: wanted.password2,
        password3: wanted.password3,
        password4: wanted.password4,
        paging,
    })
    .await
}

/// Make a credential
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`, which says what to read.
#[utoipa::path(post, path = "/v1/credentials", tag = "Enrollment", request_body = NewCredential,
    responses((status = 201, description = "What the system made of it, with its address in `Location`", body = One<Credential>,
        headers(("Location" = String, description = "Where it can be read.")))))]
pub(super) async fn create_credential(
    ask: Ask,
    Query(Nothing {}): Query<Nothing>,
    Json(body): Json<NewCredential>,
) -> Outcome {
    complete(&body)?;
    let operation = CreateCredential { credential: body };
    ask.created(operation, |credential| {
        Some(placed("credentials", credential.id.as_str()))
    })
    .await
}

/// Read a credential, without its secrets
#[utoipa::path(get, path = "/v1/credentials/{credential}", tag = "Enrollment", params(("credential" = CredentialId, Path), Inclusion),
    responses((status = 200, description = "The record", body = One<Credential>)))]
pub(super) async fn get_credential(
    ask: Ask,
    Of(credential): Of<CredentialIdKind>,
    Query(query): Query<Inclusion>,
) -> Outcome {
    ask.native(query.native()).one(GetCredential { credential }).await
}

/// Change a credential
///
/// The body is a JSON merge patch (RFC 7396): a member that is absent stays, `null` empties it, a value replaces it whole.
#[utoipa::path(patch, path = "/v1/credentials/{credential}", tag = "Enrollment", params(("credential" = CredentialId, Path)),
    request_body(content = CredentialChanges, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "What the system made of it", body = One<Credential>)))]
pub(super) async fn update_credential(
    ask: Ask,
    Of(credential): Of<CredentialIdKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(changes): Json<CredentialChanges>,
) -> Outcome {
    not_empty(changes.is_empty())?;
    if changes
        .template_id
        .value()
        .is_some_and(|id| id.backend() != credential.backend())
    {
        return Err(Error::pointer("/template_id", "it must be in the same backend").into());
    }
    let operation = UpdateCredential { credential, changes };
    ask.done(StatusCode::OK, operation).await
}

/// Checks what the shape of a new credential does not say.
fn complete(new: &NewCredential) -> Result<()> {
    let mut faults = Vec::new();
    let mut due = |there: bool, member: &str, rule| {
        if !there {
            faults.push((member.to_owned(), rule));
        }
    };
    match new.kind.unwrap_or(CredentialKind::Web) {
        CredentialKind::S3 => due(new.s3_bucket.is_some(), "/s3_bucket", "it is required with `S3`"),
        CredentialKind::Web | CredentialKind::Other => {
            due(new.username.is_some(), "/username", "it is required with `WEB`");
            due(new.password.is_some(), "/password", "it is required with `WEB`");
        }
    }
    let same = |id: &crate::model::id::TemplateId| id.backend() == new.provider_id.backend();
    due(
        new.template_id.as_ref().is_none_or(same),
        "/template_id",
        "it must be in the provider's backend",
    );
    faultless(faults)
}
