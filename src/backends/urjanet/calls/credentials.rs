//! Credentials. Their secrets go into bodies of requests and nowhere else.

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use super::{BY_ID, Urjanet, missing, no_null, search};
use crate::backends::Serves;
use crate::backends::urjanet::keys;
use crate::error::{Error, Result};
use crate::model::enrollment::{Credential, CredentialChanges, CredentialKind, NewCredential};
use crate::model::page::Page;
use crate::model::patch::Patch;
use crate::model::text::{Line, Secret};
use crate::operations::credentials::{
    CreateCredential, GetCredential, MatchCredentials, SearchCredentials, UpdateCredential,
};
use crate::operations::{Context, Operation};

#[async_trait]
impl Serves<SearchCredentials> for Urjanet {
    async fn serve(&self, op: SearchCredentials, cx: &Context) -> Result<Page<Credential>> {
        let conditions = search::conditions(search::CREDENTIALS, &op.filters, &self.zone)?;
        self.road(SearchCredentials::ID, cx)
            .search(&["credential", "search"], BY_ID, &conditions, &op.paging)
            .await
    }
}

#[async_trait]
impl Serves<MatchCredentials> for Urjanet {
    async fn serve(&self, op: MatchCredentials, cx: &Context) -> Result<Page<Credential>> {
        // Passwords are compared in a second step over what the other conditions leave, and never alone: username and
        // provider keep it narrow ("Credentials").
        let mut conditions = vec![search::equals("username", op.username.as_str())];
        if let Some(provider) = &op.provider {
            conditions.push(search::equals("utilityProviderId", &keys::one(provider)?));
        }
        for (field, secret) in [
            ("password", &op.password),
            ("password2", &op.password2),
            ("password3", &op.password3),
            ("password4", &op.password4),
        ] {
            if let Some(secret) = secret {
                conditions.push(search::equals(field, secret.guarded().expose_secret()));
            }
        }
        self.road(MatchCredentials::ID, cx)
            .search(&["credential", "search"], BY_ID, &conditions, &op.paging)
            .await
    }
}

#[async_trait]
impl Serves<GetCredential> for Urjanet {
    async fn serve(&self, op: GetCredential, cx: &Context) -> Result<Credential> {
        let id = keys::one(&op.credential)?;
        self.road(GetCredential::ID, cx)
            .read(&["credential", "status", &id], "credential")
            .await
    }
}

#[async_trait]
impl Serves<CreateCredential> for Urjanet {
    async fn serve(&self, op: CreateCredential, cx: &Context) -> Result<Credential> {
        let body = self.new_credential(&op.credential)?;
        self.road(CreateCredential::ID, cx)
            .write(&["credential", "create"], &body)
            .await
    }
}

#[async_trait]
impl Serves<UpdateCredential> for Urjanet {
    async fn serve(&self, op: UpdateCredential, cx: &Context) -> Result<Credential> {
        let mut body = changes(&op.changes)?;
        body.insert("id".to_owned(), (*keys::one(&op.credential)?).into());
        self.road(UpdateCredential::ID, cx)
            .change(&["credential", "update"], &body)
            .await
            .map_err(|error| missing(error, "credential"))
    }
}

impl Urjanet {
    fn new_credential(&self, new: &NewCredential) -> Result<Map<String, Value>> {
        let mut body = Map::new();
        body.insert("customerId".to_owned(), self.customer.as_str().into());
        body.insert("utilityProviderId".to_owned(), (*keys::one(&new.provider_id)?).into());
        if let Some(template) = &new.template_id {
            body.insert("templateId".to_owned(), (*keys::one(template)?).into());
        }
        match new.kind {
            None => {}
            Some(CredentialKind::Web) => {
                body.insert("acquisitionType".to_owned(), "WEB".into());
            }
            Some(CredentialKind::S3) => {
                body.insert("acquisitionType".to_owned(), "S3".into());
            }
            Some(CredentialKind::Other) => return Err(Error::pointer("/kind", "`WEB` or `S3` is due")),
        }
        let lines = [
            ("username", &new.username),
            ("username2", &new.username2),
            ("username3", &new.username3),
            ("username4", &new.username4),
            ("url", &new.url),
            ("s3BucketName", &new.s3_bucket),
            ("s3FilePrefix", &new.s3_prefix),
        ];
        let secrets = [
            ("password", &new.password),
            ("password2", &new.password2),
            ("password3", &new.password3),
            ("password4", &new.password4),
            ("s3EncryptionKeyId", &new.s3_encryption_key_id),
            ("s3RoleId", &new.s3_role_id),
        ];
        // Booleans are sent as such, whatever the sample quotes ("Where the published document disagrees").
        let flags = [
            ("enabled", new.enabled),
            ("intervalDataEnabled", new.interval_data_enabled),
        ];
        let lines = lines
            .iter()
            .filter_map(|(name, line)| Some((*name, said(line.as_ref()?))));
        let secrets = secrets
            .iter()
            .filter_map(|(name, secret)| Some((*name, told(secret.as_ref()?))));
        let flags = flags
            .iter()
            .filter_map(|(name, flag)| Some((*name, Value::from((*flag)?))));
        body.extend(
            lines
                .chain(secrets)
                .chain(flags)
                .map(|(name, value)| (name.to_owned(), value)),
        );
        Ok(body)
    }
}

/// What changes of a credential, without its id. Only what is sent changes ("Updates").
fn changes(changes: &CredentialChanges) -> Result<Map<String, Value>> {
    let mut body = Map::new();
    match &changes.template_id {
        Patch::Keep => {}
        Patch::Clear => return Err(no_null("/template_id")),
        Patch::Set(template) => {
            body.insert("templateId".to_owned(), (*keys::one(template)?).into());
        }
    }
    for (own, member, line) in [
        ("username", "username", &changes.username),
        ("username2", "username2", &changes.username2),
        ("username3", "username3", &changes.username3),
        ("username4", "username4", &changes.username4),
        ("url", "url", &changes.url),
        ("s3_bucket", "s3BucketName", &changes.s3_bucket),
        ("s3_prefix", "s3FilePrefix", &changes.s3_prefix),
    ] {
        put(&mut body, own, member, line, said)?;
    }
    for (own, member, secret) in [
        ("password", "password", &changes.password),
        ("password2", "password2", &changes.password2),
        ("password3", "password3", &changes.password3),
        ("password4", "password4", &changes.password4),
        (
            "s3_encryption_key_id",
            "s3EncryptionKeyId",
            &changes.s3_encryption_key_id,
        ),
        ("s3_role_id", "s3RoleId", &changes.s3_role_id),
    ] {
        put(&mut body, own, member, secret, told)?;
    }
    for (own, member, flag) in [
        ("enabled", "enabled", &changes.enabled),
        (
            "interval_data_enabled",
            "intervalDataEnabled",
            &changes.interval_data_enabled,
        ),
    ] {
        put(&mut body, own, member, flag, |flag| (*flag).into())?;
    }
    Ok(body)
}

fn put<T>(
    body: &mut Map<String, Value>,
    own: &str,
    member: &str,
    patch: &Patch<T>,
    value: impl Fn(&T) -> Value,
) -> Result<()> {
    match patch {
        Patch::Keep => {}
        Patch::Clear => return Err(no_null(&format!("/{own}"))),
        Patch::Set(new) => {
            body.insert(member.to_owned(), value(new));
        }
    }
    Ok(())
}

fn said(line: &Line) -> Value {
    line.as_str().into()
}

fn told(secret: &Secret) -> Value {
    secret.guarded().expose_secret().into()
}
