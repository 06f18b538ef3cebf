//! Enrolment: credentials, providers, and what is known of accounts of other companies.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Native;
use super::account::{Address, CustomAttribute};
use super::id::{
    AccountId, BackendName, CandidateId, ChangeId, CredentialId, CustomAttributeId, ProviderId, ServiceTypeId,
    TemplateId,
};
use super::meter::ServiceKind;
use super::patch::Patch;
use super::text::{Line, Secret};

/// What bills are collected with: a sign-in at a provider's site, or a bucket they are put into. Secrets are never in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Credential {
    /// The credential's identifier here.
    pub id: CredentialId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier.
    pub native_id: String,
    /// The system's second name for it.
    pub alias: Option<String>,
    /// How bills are fetched.
    pub kind: Option<CredentialKind>,
    /// How bills are fetched, in the system's own words.
    pub native_kind: Option<String>,
    /// The provider it is for.
    pub provider_id: Option<ProviderId>,
    /// The template that uses it.
    pub template_id: Option<TemplateId>,
    /// The name to sign in with.
    pub username: Option<String>,
    /// The second input of the login, such as a security question.
    pub username2: Option<String>,
    /// The third input of the login.
    pub username3: Option<String>,
    /// The fourth input of the login.
    pub username4: Option<String>,
    /// The page to sign in at.
    pub url: Option<String>,
    /// The bucket bills are put into.
    pub s3_bucket: Option<String>,
    /// The folder in the bucket.
    pub s3_prefix: Option<String>,
    /// Whether it is used.
    pub enabled: Option<bool>,
    /// Whether use by interval is collected with it.
    pub interval_data_enabled: Option<bool>,
    /// What the system says of it.
    pub message: Option<String>,
    /// When it was last used.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_attempted_at: Option<Timestamp>,
    /// When it last worked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_succeeded_at: Option<Timestamp>,
    /// When the system made the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// When the system last changed the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// How bills are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CredentialKind {
    /// From a provider's site.
    Web,
    /// From a bucket.
    S3,
    /// In another way: see `native_kind`. Never taken from a caller.
    #[serde(skip_deserializing)]
    Other,
}

/// A credential to make. The provider's identifier says where.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCredential {
    /// The provider it is for; its key may be the provider's alias.
    pub provider_id: ProviderId,
    /// The template that uses it; the system picks one if absent. Its key may be the template's name.
    pub template_id: Option<TemplateId>,
    /// How bills are fetched; `WEB` if absent, `OTHER` is not taken. `WEB` wants `username` and `password`, `S3` wants `s3_bucket`.
    pub kind: Option<CredentialKind>,
    /// The name to sign in with.
    pub username: Option<Line>,
    /// The second input of the login, such as a security question.
    pub username2: Option<Line>,
    /// The third input of the login.
    pub username3: Option<Line>,
    /// The fourth input of the login.
    pub username4: Option<Line>,
    /// The password.
    pub password: Option<Secret>,
    /// What answers `username2`.
    pub password2: Option<Secret>,
    /// What answers `username3`.
    pub password3: Option<Secret>,
    /// What answers `username4`.
    pub password4: Option<Secret>,
    /// The page to sign in at.
    pub url: Option<Line>,
    /// Whether it is used.
    pub enabled: Option<bool>,
    /// Whether use by interval is collected with it.
    pub interval_data_enabled: Option<bool>,
    /// The bucket bills are put into.
    pub s3_bucket: Option<Line>,
    /// The folder in the bucket.
    pub s3_prefix: Option<Line>,
    /// The key of the key-management service.
    pub s3_encryption_key_id: Option<Secret>,
    /// The role to assume.
    pub s3_role_id: Option<Secret>,
}

/// What is to change of a credential: a member that is absent stays, `null` empties it.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialChanges {
    /// The template that uses it; its key may be the template's name.
    #[serde(default)]
    #[schema(value_type = Option<TemplateId>)]
    pub template_id: Patch<TemplateId>,
    /// The name to sign in with.
    #[serde(default)]
    #[schema(value_type = Option<Line>)]
    pub username: Patch<Line>,
    /// The second input of the login, such as a security question.
    #[serde(default)]
    #[schema(value_type = Option<Line>)]
    pub username2: Patch<Line>,
    /// The third input of the login.
    #[serde(default)]
    #[schema(value_type = Option<Line>)]
    pub username3: Patch<Line>,
    /// The fourth input of the login.
    #[serde(default)]
    #[schema(value_type = Option<Line>)]
    pub username4: Patch<Line>,
    /// The password.
    #[serde(default)]
    #[schema(value_type = Option<Secret>)]
    pub password: Patch<Secret>,
    /// What answers `username2`.
    #[serde(default)]
    #[schema(value_type = Option<Secret>)]
    pub password2: Patch<Secret>,
    /// What answers `username3`.
    #[serde(default)]
    #[schema(value_type = Option<Secret>)]
    pub password3: Patch<Secret>,
    /// What answers `username4`.
    #[serde(default)]
    #[schema(value_type = Option<Secret>)]
    pub password4: Patch<Secret>,
    /// The page to sign in at.
    #[serde(default)]
    #[schema(value_type = Option<Line>)]
    pub url: Patch<Line>,
    /// Whether it is used.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub enabled: Patch<bool>,
    /// Whether use by interval is collected with it.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub interval_data_enabled: Patch<bool>,
    /// The bucket bills are put into.
    #[serde(default)]
    #[schema(value_type = Option<Line>)]
    pub s3_bucket: Patch<Line>,
    /// The folder in the bucket.
    #[serde(default)]
    #[schema(value_type = Option<Line>)]
    pub s3_prefix: Patch<Line>,
    /// The key of the key-management service.
    #[serde(default)]
    #[schema(value_type = Option<Secret>)]
    pub s3_encryption_key_id: Patch<Secret>,
    /// The role to assume.
    #[serde(default)]
    #[schema(value_type = Option<Secret>)]
    pub s3_role_id: Patch<Secret>,
}

impl CredentialChanges {
    /// Whether nothing is to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let lines = [
            &self.username,
            &self.username2,
            &self.username3,
            &self.username4,
            &self.url,
            &self.s3_bucket,
            &self.s3_prefix,
        ];
        let secrets = [
            &self.password,
            &self.password2,
            &self.password3,
            &self.password4,
            &self.s3_encryption_key_id,
            &self.s3_role_id,
        ];
        self.template_id.is_keep()
            && self.enabled.is_keep()
            && self.interval_data_enabled.is_keep()
            && lines.into_iter().all(Patch::is_keep)
            && secrets.into_iter().all(Patch::is_keep)
    }
}

/// A company that issues bills.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Provider {
    /// The provider's identifier here.
    pub id: ProviderId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier.
    pub native_id: String,
    /// The system's second name for it, such as `GeorgiaPower`.
    pub alias: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// Its part in bills, in the system's own words, such as `PRIMARY`.
    pub classification: Option<String>,
    /// What it supplies; `null` if the system does not say.
    pub service_type_ids: Option<Vec<ServiceTypeId>>,
    /// The provider it belongs to.
    pub parent_id: Option<ProviderId>,
    /// The providers that belong to it; `null` if the system does not say.
    pub child_ids: Option<Vec<ProviderId>>,
    /// The templates for it; `null` if the system does not say.
    pub template_ids: Option<Vec<TemplateId>>,
    /// When the system made the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// When the system last changed the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// What reads bills off a provider's site.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Template {
    /// The template's identifier here.
    pub id: TemplateId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier.
    pub native_id: String,
    /// The name.
    pub name: Option<String>,
    /// The page it reads.
    pub website: Option<String>,
    /// The forms bills come in, such as `PDF` or `CSV`; `null` if the system does not say.
    pub formats: Option<Vec<String>>,
    /// Whether it brings use by interval.
    pub has_interval: Option<bool>,
    /// Whether it brings older bills.
    pub has_history: Option<bool>,
    /// Whether it can tell a wrong password from other failures.
    pub tracks_login_failure: Option<bool>,
    /// The providers it is for; `null` if the system does not say.
    pub provider_ids: Option<Vec<ProviderId>>,
    /// When the system made the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// When the system last changed the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// Something that providers supply.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ServiceType {
    /// The service type's identifier here.
    pub id: ServiceTypeId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier.
    pub native_id: String,
    /// The name, such as `Electric`.
    pub name: Option<String>,
    /// When the system made the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// When the system last changed the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// A kind of fact that the utility adds to accounts and meters.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CustomAttributeDefinition {
    /// The attribute's identifier here.
    pub id: CustomAttributeId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier.
    pub native_id: String,
    /// The name.
    pub name: String,
    /// Whether every account must have it.
    pub required: Option<bool>,
    /// Its place in delivered files; `null` if it has none.
    pub position: Option<u32>,
    /// When the system made the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// When the system last changed the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// A kind of fact to add.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCustomAttribute {
    /// The backend to make it in.
    pub backend: BackendName,
    /// The name.
    pub name: Line,
    /// Whether every account must have it.
    pub required: Option<bool>,
    /// Its place in delivered files.
    pub position: Option<u32>,
}

/// What is to change of a kind of fact: a member that is absent stays, `null` empties it.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomAttributeChanges {
    /// The name; it cannot be emptied.
    #[serde(default)]
    #[schema(value_type = Option<Line>)]
    pub name: Patch<Line>,
    /// Whether every account must have it; it cannot be emptied.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub required: Patch<bool>,
    /// Its place in delivered files.
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    pub position: Patch<u32>,
}

/// An account that was found and not asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CandidateAccount {
    /// The candidate's identifier here.
    pub id: CandidateId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier.
    pub native_id: String,
    /// The number printed on bills.
    pub number: Option<String>,
    /// The number without punctuation and leading zeros.
    pub normalized_number: Option<String>,
    /// The number of the summary account it stands under.
    pub summary_number: Option<String>,
    /// Whether it is a summary account.
    pub is_summary: Option<bool>,
    /// The provider whose account it is.
    pub provider_id: Option<ProviderId>,
    /// The provider's part in its bills, in the system's own words.
    pub provider_classification: Option<String>,
    /// What came of the latest collection of bills, in the system's own words.
    pub extraction_status: Option<String>,
    /// The credentials known to work.
    pub verified_credential_ids: Option<Vec<CredentialId>>,
    /// When bills were last collected, whatever came of it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_extracted_at: Option<Timestamp>,
    /// When bills were last collected with success.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_succeeded_at: Option<Timestamp>,
    /// The day the next bill is expected.
    pub next_expected_on: Option<Date>,
    /// What the utility added of its own; `null` if the system has no such thing.
    pub custom_attributes: Option<Vec<CustomAttribute>>,
    /// When the system made the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// When the system last changed the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// A meter that was found and not asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CandidateMeter {
    /// The candidate's identifier here.
    pub id: CandidateId,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier.
    pub native_id: String,
    /// The serial number printed on the meter.
    pub number: Option<String>,
    /// The number without punctuation.
    pub normalized_number: Option<String>,
    /// The account it is billed on, enrolled or itself a candidate.
    pub account_id: Option<AccountId>,
    /// What it measures.
    pub service_kind: Option<ServiceKind>,
    /// What it measures, in the system's own words.
    pub native_kind: Option<String>,
    /// The tariff.
    pub tariff: Option<String>,
    /// Where it is.
    pub address: Option<Address>,
    /// The number of the point of delivery.
    pub point_of_delivery: Option<String>,
    /// The number of the meter before it.
    pub previous_number: Option<String>,
    /// Whether it is out of use.
    pub deactivated: Option<bool>,
    /// What the utility added of its own; `null` if the system has no such thing.
    pub custom_attributes: Option<Vec<CustomAttribute>>,
    /// When the system made the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// When the system last changed the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// Something that happened to an account, a meter or a credential.
///
/// The values before and after are left out: those of a credential's inputs would hold passwords.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Change {
    /// The change's identifier here; `null` if the system gives it none.
    pub id: Option<ChangeId>,
    /// The backend it lives in.
    pub backend: BackendName,
    /// What happened.
    pub kind: ChangeKind,
    /// What happened, in the system's own words.
    pub native_kind: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// Who did it.
    pub username: Option<String>,
    /// The number of the account.
    pub account_number: Option<String>,
    /// The number of the summary account.
    pub summary_number: Option<String>,
    /// The alias of the provider.
    pub provider: Option<String>,
    /// The alias of the credential.
    pub credential: Option<String>,
    /// The serial number of the meter.
    pub meter_number: Option<String>,
    /// The status before.
    pub old_status: Option<String>,
    /// The status after.
    pub new_status: Option<String>,
    /// Who asked for it.
    pub requested_by: Option<String>,
    /// The e-mail address of who asked for it.
    pub requested_by_email: Option<String>,
    /// The ticket it was asked for in.
    pub reference: Option<String>,
    /// Whether it was done by hand.
    pub manual: Option<bool>,
    /// Whether something was tied (`true`) or untied (`false`).
    pub linked: Option<bool>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChangeKind {
    /// A credential was tied to an account, or untied.
    AccountLinkage,
    /// An account was put forward for enrolment.
    AccountNominated,
    /// Delivery was turned on or off.
    AccountDelivery,
    /// The subscription was turned on or off.
    AccountSubscription,
    /// A form was handed in.
    FormSubmission,
    /// An account's own facts changed.
    CustomAttributes,
    /// A credential was turned on or off.
    CredentialState,
    /// A credential's inputs changed.
    CredentialInput,
    /// A meter was tied to an account, or untied.
    MeterLinkage,
    /// A meter's own facts changed.
    MeterCustomAttributes,
    /// The state of an enrolment changed.
    EnrollmentStatus,
    /// The state of the watch changed.
    MonitoringStatus,
    /// An account was taken out.
    AccountDeletion,
    /// A summary account was taken out.
    SummaryAccountDeletion,
    /// Something else: see `native_kind`. Not to be searched for.
    #[serde(skip_deserializing)]
    Other,
}
