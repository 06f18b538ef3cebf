//! Urjanet's records → the model; pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::keys;
use super::wire::{self, Attributes, Millis, Reference};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Native;
use crate::model::account::{Account, AccountStatus, Address, CustomAttribute, Enrollment};
use crate::model::enrollment::{
    CandidateAccount, CandidateMeter, Change, ChangeKind, Credential, CredentialKind, CustomAttributeDefinition,
    Provider, ServiceType, Template,
};
use crate::model::id::{AccountId, BackendName, Id};
use crate::model::meter::{Meter, ServiceKind};
use crate::model::money::{Currency, Money};
use crate::model::terms::BillingSchedule;
use crate::model::time::{Period, Zone};

/// The names of events and what they say ("Find failures", `ChangeEventName`).
pub(super) const EVENTS: [(ChangeKind, &str); 14] = [
    (ChangeKind::AccountLinkage, "AccountLinkageEvent"),
    (ChangeKind::AccountNominated, "AccountNominatedEvent"),
    (ChangeKind::AccountDelivery, "AccountDeliveryChangeEvent"),
    (ChangeKind::AccountSubscription, "AccountSubscribeChangeEvent"),
    (ChangeKind::FormSubmission, "FormSubmissionEvent"),
    (ChangeKind::CustomAttributes, "MixinChangeEvent"),
    (ChangeKind::CredentialState, "CredentialStateChangeEvent"),
    (ChangeKind::CredentialInput, "CredentialInputMapChangeEvent"),
    (ChangeKind::MeterLinkage, "MeterLinkageEvent"),
    (ChangeKind::MeterCustomAttributes, "MeterMixinChangeEvent"),
    (ChangeKind::EnrollmentStatus, "EnrollmentStatusChangeEvent"),
    (ChangeKind::MonitoringStatus, "MonitoringStatusChangeEvent"),
    (ChangeKind::AccountDeletion, "AccountDeletionEvent"),
    (ChangeKind::SummaryAccountDeletion, "SummaryAccountDeletionEvent"),
];

/// What records of one backend have in common.
#[derive(Clone, Copy)]
pub(super) struct Mapper<'m> {
    pub(super) backend: &'m BackendName,
    /// The currency of amounts, which have none of their own.
    pub(super) currency: Option<Currency>,
    /// The zone in which instants are days.
    pub(super) zone: &'m Zone,
    /// Whether the system's own records come along.
    pub(super) native: bool,
}

/// One of the system's records that a canonical one is made of.
pub(super) trait Maps: Sized {
    /// Reads the system's record.
    fn map(raw: &RawValue, mapper: &Mapper<'_>) -> Result<Self>;
}

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T> {
    wire::decode(raw.get().as_bytes())
}

impl Mapper<'_> {
    fn id<K>(&self, native: &str) -> Result<Id<K>> {
        keys::made(self.backend, &[native])
    }

    fn one<K>(&self, reference: Option<&Reference>) -> Result<Option<Id<K>>> {
        reference.map(|reference| self.id(&reference.id)).transpose()
    }

    fn many<K>(&self, references: Option<&[Reference]>) -> Result<Option<Vec<Id<K>>>> {
        references
            .map(|all| all.iter().map(|reference| self.id(&reference.id)).collect())
            .transpose()
    }

    fn at(&self, millis: Option<Millis>) -> Result<Option<Timestamp>> {
        millis.map(instant).transpose()
    }

    fn day(&self, millis: Option<Millis>) -> Result<Option<Date>> {
        Ok(self.at(millis)?.map(|at| self.zone.date(at)))
    }

    /// The system's own record. Secrets are documented never to be in one; should one be, it goes no further.
    fn native(&self, raw: &RawValue) -> Result<Option<Native>> {
        if !self.native {
            return Ok(None);
        }
        let members: BTreeMap<String, &RawValue> = read(raw)?;
        if !members.keys().any(|name| is_secret(name)) {
            return Ok(Some(Native::new(raw.to_owned())));
        }
        let kept: BTreeMap<_, _> = members.into_iter().filter(|(name, _)| !is_secret(name)).collect();
        serde_json::value::to_raw_value(&kept)
            .map(|raw| Some(Native::new(raw)))
            .map_err(|why| Error::new(ErrorKind::Internal, "a record did not turn into JSON").because(why))
    }

    /// When an account is billed, as far as this system knows.
    pub(super) fn schedule(&self, account: &AccountId, raw: &RawValue) -> Result<BillingSchedule> {
        let wire: wire::Account = read(raw)?;
        // "End of the newest service period": the day it names is taken as the first one not in the period (inferred).
        let end = self.day(wire.latest_interval_end)?;
        Ok(BillingSchedule {
            account_id: account.clone(),
            backend: self.backend.clone(),
            frequency: None,
            native_frequency: None,
            interval: None,
            period_start_day: None,
            fixed: None,
            last_billed_period: end.map(|end| Period {
                start: None,
                end: Some(end),
            }),
            last_bill_on: None,
            current_period: None,
            next_bill_on: self.day(wire.next_expected_post_date)?,
            next_bill_latest_on: None,
            native_confidence: wire.next_expected_confidence,
            next_bill_movable: None,
            native_frequency_options: None,
            native: self.native(raw)?,
        })
    }

    /// A change. The system gives changes no identifiers.
    fn change(&self, raw: &RawValue) -> Result<Change> {
        let wire: wire::Event = read(raw)?;
        let kind = wire
            .event_name
            .as_deref()
            .and_then(|name| EVENTS.iter().find(|(_, known)| *known == name))
            .map_or(ChangeKind::Other, |(kind, _)| *kind);
        let fields = wire.event_fields;
        Ok(Change {
            id: None,
            backend: self.backend.clone(),
            kind,
            native_kind: wire.event_name,
            occurred_at: instant(wire.timestamp)?,
            username: wire.username,
            account_number: fields.account_number,
            summary_number: fields.summary_account_number,
            provider: fields.provider_alias,
            credential: fields.extraction_channel_id,
            meter_number: fields.meter_number,
            old_status: fields.old_status,
            new_status: fields.new_status,
            requested_by: fields.requested_by_name,
            requested_by_email: fields.requested_by_email,
            reference: fields.reference_ticket_id,
            manual: fields.manual.map(|flag| flag.0),
            linked: fields.linked.map(|flag| flag.0),
        })
    }
}

impl Maps for Account {
    fn map(raw: &RawValue, mapper: &Mapper<'_>) -> Result<Self> {
        let wire: wire::Account = read(raw)?;
        let status = status(&wire);
        let unsubscribed = mapper.day(wire.unsubscribe_date)?;
        let latest_bill = wire.latest_total_bill_amount.zip(mapper.currency);
        let provider = wire.utility_provider.as_ref();
        Ok(Self {
            id: keys::of_account(
                mapper.backend,
                &wire.id,
                provider.map(|provider| provider.id.as_str()),
                wire.normalized_account_number.as_deref(),
            )?,
            backend: mapper.backend.clone(),
            native_id: wire.id,
            number: wire.account_number,
            name: None,
            native_kind: None,
            status,
            native_status: wire.enrollment_status.clone(),
            currency: mapper.currency,
            customer_number: None,
            billing: None,
            brand: None,
            opened_on: None,
            closed_on: unsubscribed.filter(|_| status == Some(AccountStatus::Closed)),
            parent: None,
            service_points: None,
            balance: None,
            enrollment: Some(Enrollment {
                status: wire.enrollment_status,
                extraction_status: wire.extraction_status,
                monitoring_status: wire.monitoring_status,
                subscribed: wire.subscribed,
                delivered: wire.to_be_delivered,
                provider: mapper.one(provider)?,
                provider_classification: wire.provider_classification,
                credentials: mapper.many(wire.extraction_channels.as_deref())?,
                verified_credentials: mapper.many(wire.verified_extraction_channels.as_deref())?,
                normalized_number: wire.normalized_account_number,
                summary_number: wire.summary_account_number,
                message: wire.message,
                latest_bill: latest_bill.map(|(amount, currency)| Money::new(amount, currency)),
                last_succeeded_at: mapper.at(wire.last_successful_extraction)?,
                last_delivered_at: mapper.at(wire.last_delivered)?,
                next_expected_confidence: wire.next_expected_confidence,
                last_extracted_at: mapper.at(wire.last_extracted)?,
                next_expected_on: mapper.day(wire.next_expected_post_date)?,
            }),
            custom_attributes: wire.custom_attributes.map(attributes),
            updated_at: mapper.at(wire.modified)?,
            native: mapper.native(raw)?,
        })
    }
}

/// Where an account stands. The system has no such member: an account that is neither subscribed to nor delivered is
/// stopped ("No batch, no delete"), one ever extracted is in use, and one that never was is being set up.
fn status(wire: &wire::Account) -> Option<AccountStatus> {
    if wire.subscribed == Some(false) && wire.to_be_delivered == Some(false) {
        return Some(AccountStatus::Closed);
    }
    Some(match wire.enrollment_status.as_deref()? {
        "SUCCESSFUL_NOT_ENROLLED" | "SUCCESSFUL_ENROLLED" | "SUCCESSFUL_DELIVERED" => AccountStatus::Active,
        "PENDING" | "SUBMITTED" | "NEEDS_CREDENTIAL" | "NEEDS_TEMPLATE" | "NOMINATED" | "FAILED_TO_ACCESS"
        | "FAILED_LOGIN" | "ACCOUNT_MISSING" | "STATEMENT_MISSING" | "STATEMENT_FAILED" => AccountStatus::Pending,
        _ => AccountStatus::Other,
    })
}

impl Maps for CandidateAccount {
    fn map(raw: &RawValue, mapper: &Mapper<'_>) -> Result<Self> {
        let wire: wire::Account = read(raw)?;
        Ok(Self {
            id: mapper.id(&wire.id)?,
            backend: mapper.backend.clone(),
            native_id: wire.id,
            number: wire.account_number,
            normalized_number: wire.normalized_account_number,
            summary_number: wire.summary_account_number,
            is_summary: wire.is_summary_account,
            provider_id: mapper.one(wire.utility_provider.as_ref())?,
            provider_classification: wire.provider_classification,
            extraction_status: wire.extraction_status,
            verified_credential_ids: mapper.many(wire.verified_extraction_channels.as_deref())?,
            last_extracted_at: mapper.at(wire.last_extracted)?,
            last_succeeded_at: mapper.at(wire.last_successful_extraction)?,
            next_expected_on: mapper.day(wire.next_expected_post_date)?,
            custom_attributes: wire.custom_attributes.map(attributes),
            created_at: mapper.at(wire.created)?,
            updated_at: mapper.at(wire.modified)?,
            native: mapper.native(raw)?,
        })
    }
}

impl Maps for Meter {
    fn map(raw: &RawValue, mapper: &Mapper<'_>) -> Result<Self> {
        let wire: wire::Meter = read(raw)?;
        Ok(Self {
            id: keys::of_meter(mapper.backend, &wire.utility_account.id, &wire.id)?,
            backend: mapper.backend.clone(),
            native_id: Some(wire.id),
            number: wire.meter_number,
            service_kind: wire.service_type.as_deref().map(service_kind),
            native_status: None,
            installed_on: None,
            removed_on: None,
            registers: None,
            account_id: mapper.id(&wire.utility_account.id)?,
            service_point_id: None,
            custom_attributes: wire.custom_attributes.map(attributes),
            native: mapper.native(raw)?,
        })
    }
}

impl Maps for CandidateMeter {
    fn map(raw: &RawValue, mapper: &Mapper<'_>) -> Result<Self> {
        let wire: wire::Meter = read(raw)?;
        Ok(Self {
            id: mapper.id(&wire.id)?,
            backend: mapper.backend.clone(),
            native_id: wire.id,
            number: wire.meter_number,
            normalized_number: wire.normalized_meter_number,
            account_id: Some(mapper.id(&wire.utility_account.id)?),
            service_kind: wire.service_type.as_deref().map(service_kind),
            native_kind: wire.service_type,
            tariff: wire.tariff,
            address: wire
                .service_address
                .filter(|line| !line.trim().is_empty())
                .map(|line| Address {
                    lines: vec![line],
                    ..Address::default()
                }),
            point_of_delivery: wire.pod_number,
            previous_number: wire.previous_meter_number,
            deactivated: wire.deactivated,
            custom_attributes: wire.custom_attributes.map(attributes),
            created_at: mapper.at(wire.created)?,
            updated_at: mapper.at(wire.modified)?,
            native: mapper.native(raw)?,
        })
    }
}

/// What a meter measures. The values are not listed; the sample is `GAS` and names of service types are taken too.
fn service_kind(native: &str) -> ServiceKind {
    match native.to_ascii_uppercase().as_str() {
        "ELECTRIC" | "ELECTRICITY" => ServiceKind::Electricity,
        "GAS" | "NATURAL GAS" | "NATURAL_GAS" | "NATURALGAS" => ServiceKind::Gas,
        "WATER" => ServiceKind::Water,
        _ => ServiceKind::Other,
    }
}

impl Maps for Credential {
    fn map(raw: &RawValue, mapper: &Mapper<'_>) -> Result<Self> {
        let wire: wire::Credential = read(raw)?;
        Ok(Self {
            id: mapper.id(&wire.id)?,
            backend: mapper.backend.clone(),
            native_id: wire.id,
            alias: wire.extraction_channel_id,
            kind: wire.acquisition_type.as_deref().map(|kind| match kind {
                "WEB" => CredentialKind::Web,
                "S3" => CredentialKind::S3,
                _ => CredentialKind::Other,
            }),
            native_kind: wire.acquisition_type,
            provider_id: mapper.one(wire.utility_provider.as_ref())?,
            template_id: mapper.one(wire.template.as_ref())?,
            username: wire.username,
            username2: wire.username2,
            username3: wire.username3,
            username4: wire.username4,
            url: wire.url,
            s3_bucket: wire.s3_bucket_name,
            s3_prefix: wire.s3_file_prefix,
            enabled: wire.enabled,
            interval_data_enabled: wire.interval_data_enabled,
            message: wire.message,
            last_attempted_at: mapper.at(wire.last_attempted)?,
            last_succeeded_at: mapper.at(wire.last_success)?,
            created_at: mapper.at(wire.created)?,
            updated_at: mapper.at(wire.modified)?,
            native: mapper.native(raw)?,
        })
    }
}

impl Maps for Provider {
    fn map(raw: &RawValue, mapper: &Mapper<'_>) -> Result<Self> {
        let wire: wire::Provider = read(raw)?;
        Ok(Self {
            id: mapper.id(&wire.id)?,
            backend: mapper.backend.clone(),
            native_id: wire.id,
            alias: Some(wire.provider_alias),
            name: wire.provider_name,
            classification: wire.classification,
            service_type_ids: mapper.many(wire.service_types.as_deref())?,
            parent_id: mapper.one(wire.parent_provider.as_ref())?,
            child_ids: mapper.many(wire.child_providers.as_deref())?,
            template_ids: mapper.many(wire.template_infos.as_deref())?,
            created_at: mapper.at(wire.created)?,
            updated_at: mapper.at(wire.modified)?,
            native: mapper.native(raw)?,
        })
    }
}

impl Maps for Template {
    fn map(raw: &RawValue, mapper: &Mapper<'_>) -> Result<Self> {
        let wire: wire::Template = read(raw)?;
        let forms = [
            ("PDF", wire.has_pdf),
            ("HTML", wire.has_html),
            ("EDI", wire.has_edi),
            ("XLS", wire.has_xls),
            ("CSV", wire.has_csv),
            ("OCR", wire.has_ocr),
        ];
        let said = forms.iter().any(|(_, has)| has.is_some());
        let formats = forms.into_iter().filter(|(_, has)| *has == Some(true));
        Ok(Self {
            id: mapper.id(&wire.id)?,
            backend: mapper.backend.clone(),
            native_id: wire.id,
            name: wire.template_name,
            website: wire.website,
            formats: said.then(|| formats.map(|(name, _)| name.to_owned()).collect()),
            has_interval: wire.has_interval,
            has_history: wire.has_history,
            tracks_login_failure: wire.tracks_login_failure,
            provider_ids: mapper.many(wire.utility_providers.as_deref())?,
            created_at: mapper.at(wire.created)?,
            updated_at: mapper.at(wire.modified)?,
            native: mapper.native(raw)?,
        })
    }
}

impl Maps for ServiceType {
    fn map(raw: &RawValue, mapper: &Mapper<'_>) -> Result<Self> {
        let wire: wire::ServiceType = read(raw)?;
        Ok(Self {
            id: mapper.id(&wire.id)?,
            backend: mapper.backend.clone(),
            native_id: wire.id,
            name: wire.name,
            created_at: mapper.at(wire.created)?,
            updated_at: mapper.at(wire.modified)?,
            native: mapper.native(raw)?,
        })
    }
}

impl Maps for CustomAttributeDefinition {
    fn map(raw: &RawValue, mapper: &Mapper<'_>) -> Result<Self> {
        let wire: wire::Attribute = read(raw)?;
        Ok(Self {
            id: mapper.id(&wire.id)?,
            backend: mapper.backend.clone(),
            native_id: wire.id,
            name: wire.name,
            required: wire.required,
            // -1 when not set.
            position: wire.cnbd_position.and_then(|position| u32::try_from(position).ok()),
            created_at: mapper.at(wire.created)?,
            updated_at: mapper.at(wire.modified)?,
            native: mapper.native(raw)?,
        })
    }
}

impl Maps for Change {
    fn map(raw: &RawValue, mapper: &Mapper<'_>) -> Result<Self> {
        mapper.change(raw)
    }
}

fn attributes(all: Attributes) -> Vec<CustomAttribute> {
    all.into_iter()
        .map(|(name, value)| CustomAttribute { name, value })
        .collect()
}

fn instant(millis: Millis) -> Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|_| Error::unreadable("data", "a time out of all range"))
}

/// Whether a member holds what is never given back ("Credentials").
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("password") || name == "s3encryptionkeyid" || name == "s3roleid"
}

#[cfg(test)]
mod tests;
