//! An account's billing outlook and holds, and what is written about accounts.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::value::{RawValue, to_raw_value};

use super::payment::frequency as frequency_of;
use super::{Mapper, ident, owned, said};
use crate::backends::gentrack::keys;
pub(super) use crate::backends::gentrack::wire::account::Extensions;
use crate::backends::gentrack::wire::account::{
    AccountWrite, AddressWrite, BillingInformation, Created, FixWrite, PeriodWrite, Review, ReviewWrite,
};
use crate::backends::gentrack::wire::{self, Day};
use crate::error::{Error, ErrorKind, Place, Result};
use crate::model::account::{Account, AccountStatus, Address, Billing, CustomAttribute};
use crate::model::account_write::{AccountPatch, NewAccount, NewCustomAttribute};
use crate::model::bill::{CorrectionMethod, NewCorrection};
use crate::model::hold::{Hold, NewHold};
use crate::model::id::AccountId;
use crate::model::patch::Patch;
use crate::model::terms::BillingSchedule;
use crate::model::time::{NewPeriod, Period};

impl Mapper<'_> {
    /// When an account was billed and will be. The last billed period names its last day.
    pub(in crate::backends::gentrack) fn billing_schedule(
        &self,
        id: &AccountId,
        wire: &BillingInformation<'_>,
    ) -> BillingSchedule {
        let date = |day: Option<Day>| day.map(|Day(date)| date);
        let frequency = said(wire.next_bill_date_frequency.as_ref());
        BillingSchedule {
            account_id: id.clone(),
            backend: self.backend.clone(),
            frequency: frequency.map(frequency_of),
            native_frequency: frequency.map(str::to_owned),
            interval: None,
            period_start_day: None,
            fixed: None,
            last_billed_period: wire.last_billed_period.as_ref().and_then(|span| self.days(span)),
            last_bill_on: date(wire.last_bill_date),
            current_period: None,
            next_bill_on: date(wire.next_bill_date),
            next_bill_latest_on: date(wire.next_bill_date_maximum),
            native_confidence: None,
            next_bill_movable: wire.bill_date_updatable,
            native_frequency_options: wire
                .bill_frequency_options
                .as_ref()
                .map(|all| all.iter().filter_map(|one| owned(Some(one))).collect()),
            native: None,
        }
    }

    /// Whether an account is held.
    pub(in crate::backends::gentrack) fn hold(&self, id: &AccountId, wire: &Review<'_>) -> Hold {
        Hold {
            account_id: id.clone(),
            backend: self.backend.clone(),
            native_id: ident(wire.reference()).map(Into::into),
            active: wire.under_review,
            reason: owned(wire.reason.as_ref()),
            description: owned(wire.description.as_ref()),
            suppresses_billing: wire.suppress_billing,
            suppresses_payments: wire.suppress_payments,
            suppresses_collections: wire.suppress_credit,
            period: wire.period.as_ref().and_then(|span| self.days(span)),
            native: None,
        }
    }

    /// A span whose last day is in it, half-open.
    pub(super) fn days(&self, span: &wire::Period) -> Option<Period> {
        let date = |moment: Option<wire::Moment>| moment.map(|moment| moment.date(self.zone));
        Period::through(date(span.from_date), date(span.to_date))
    }

    /// The reference of a record that was just made.
    pub(in crate::backends::gentrack) fn created(wire: &Created<'_>) -> Result<String> {
        ident(wire.reference())
            .map(Into::into)
            .ok_or_else(|| Error::unreadable("$", "missing field `globalReference`"))
    }

    /// An account that was opened and could not be read back: what was sent, under the reference the system gave.
    pub(in crate::backends::gentrack) fn opened(&self, reference: &str, sent: AccountWrite) -> Result<Account> {
        let id = self.id(&[reference], "globalReference")?;
        let parent = match sent.parent_account_reference {
            Some(parent) => Some(self.id(&[&parent], "parentAccountReference")?),
            None => None,
        };
        let address = sent.billing_address.map(|address| Address {
            lines: [address.address_line1, address.address_line2]
                .into_iter()
                .flatten()
                .collect(),
            locality: address.city,
            region: address.state,
            postal_code: address.postcode,
            country: address.country,
        });
        Ok(Account {
            id,
            backend: self.backend.clone(),
            native_id: reference.to_owned(),
            number: None,
            name: sent.name,
            native_kind: sent.kind,
            status: None::<AccountStatus>,
            native_status: None,
            currency: sent.currency.and_then(|code| code.parse().ok()),
            customer_number: sent.customer_reference,
            billing: (address.is_some() || sent.bill_delivery.is_some()).then_some(Billing {
                name: None,
                email: None,
                address,
                delivery: sent.bill_delivery,
            }),
            brand: sent.brand,
            opened_on: None,
            closed_on: None,
            parent,
            service_points: None,
            balance: None,
            enrollment: None,
            custom_attributes: sent.extensions.map(|all| {
                let all = all.iter().map(|(name, value)| (name.clone(), &**value));
                facts(all.collect())
            }),
            updated_at: None,
            native: None,
        })
    }

    /// The reference of an account that a body names; it must be one of this backend.
    pub(super) fn own_account(&self, id: &AccountId, pointer: &str) -> Result<String> {
        if id.backend() != self.backend.as_str() {
            return Err(Error::pointer(pointer, "an account of the same backend is due"));
        }
        keys::account(id)
            .map(Into::into)
            .map_err(|_| Error::pointer(pointer, "not an identifier of an account of this backend"))
    }

    /// The body that opens an account.
    pub(in crate::backends::gentrack) fn new_account(&self, new: NewAccount) -> Result<AccountWrite> {
        let billing = new.billing.unwrap_or_default();
        refuse(&[
            ("/number", new.number.is_some()),
            ("/description", new.description.is_some()),
            ("/billing/name", billing.name.is_some()),
            ("/billing/email", billing.email.is_some()),
            ("/credit_limit", new.credit_limit.is_some()),
            ("/enrollment", new.enrollment.is_some()),
        ])?;
        let address = billing.address.map(|address| Address {
            lines: address.lines,
            locality: address.locality,
            region: address.region,
            postal_code: address.postal_code,
            country: address.country,
        });
        Ok(AccountWrite {
            global_reference: new.native_id,
            name: new.name,
            kind: new.native_kind,
            brand: new.brand,
            currency: new.currency.map(|currency| currency.code().to_owned()),
            bill_delivery: billing
                .delivery
                .map(|word| delivery(word, "/billing/delivery"))
                .transpose()?,
            customer_reference: new.customer_number,
            organisation_reference: new.organisation_number,
            parent_account_reference: match new.parent {
                Some(parent) => Some(self.own_account(&parent, "/parent")?),
                None => None,
            },
            billing_address: address
                .map(|address| address_write(address, "/billing/address"))
                .transpose()?,
            extensions: new
                .custom_attributes
                .map(|named| extended(Extensions::new(), named))
                .transpose()?,
            ..AccountWrite::default()
        })
    }
}

/// The parts of an account that the system takes whole, as they are before a patch.
#[derive(Default)]
pub(in crate::backends::gentrack) struct Before {
    pub(in crate::backends::gentrack) address: Option<Address>,
    pub(in crate::backends::gentrack) extensions: Extensions,
}

impl Before {
    /// Whether a patch changes a part of something that is taken whole.
    pub(in crate::backends::gentrack) fn is_due(patch: &AccountPatch) -> bool {
        let address = patch.billing.value().is_some_and(|billing| !billing.address.is_keep());
        address || patch.custom_attributes.value().is_some()
    }

    /// What an account has of them.
    pub(in crate::backends::gentrack) fn of(account: Account, wire: &wire::Account<'_>) -> Self {
        let extensions = wire.extensions().unwrap_or_default().into_iter();
        Self {
            address: account.billing.and_then(|billing| billing.address),
            extensions: extensions.map(|(name, value)| (name, value.to_owned())).collect(),
        }
    }
}

/// The body that changes an account, from what it was `before`.
pub(in crate::backends::gentrack) fn account_patch(patch: AccountPatch, before: Before) -> Result<AccountWrite> {
    let billing = match patch.billing {
        Patch::Keep => Default::default(),
        Patch::Set(billing) => billing,
        Patch::Clear => return Err(cannot_clear("/billing")),
    };
    refuse(&[
        ("/description", !patch.description.is_keep()),
        ("/billing/name", !billing.name.is_keep()),
        ("/billing/email", !billing.email.is_keep()),
        ("/credit_limit", !patch.credit_limit.is_keep()),
        ("/enrollment", !patch.enrollment.is_keep()),
    ])?;
    Ok(AccountWrite {
        name: set(patch.name, "/name")?,
        kind: set(patch.native_kind, "/native_kind")?,
        brand: set(patch.brand, "/brand")?,
        currency: set(patch.currency, "/currency")?.map(|currency| currency.code().to_owned()),
        bill_delivery: set(billing.delivery, "/billing/delivery")?
            .map(|word| delivery(word, "/billing/delivery"))
            .transpose()?,
        customer_reference: set(patch.customer_number, "/customer_number")?,
        organisation_reference: set(patch.organisation_number, "/organisation_number")?,
        billing_address: match set(billing.address, "/billing/address")? {
            Some(changes) => Some(address_write(changes.onto(before.address), "/billing/address")?),
            None => None,
        },
        extensions: set(patch.custom_attributes, "/custom_attributes")?
            .map(|named| extended(before.extensions, named))
            .transpose()?,
        ..AccountWrite::default()
    })
}

/// The body that puts an account under review.
pub(in crate::backends::gentrack) fn new_review(new: NewHold) -> Result<ReviewWrite> {
    Ok(ReviewWrite {
        reason: Some(new.reason),
        description: new.description,
        suppress_billing: new.suppresses_billing,
        suppress_payments: new.suppresses_payments,
        suppress_credit: new.suppresses_collections,
        period: new.period.map(period_write).transpose()?,
    })
}

/// Half-open days, as the system writes them: the last day in them (inferred for a review from `billPeriodTo`).
fn period_write(period: NewPeriod) -> Result<PeriodWrite> {
    let last = match period.end.map(Date::yesterday) {
        Some(Err(_)) => return Err(Error::pointer("/period/end", "the day lies outside the calendar")),
        Some(Ok(day)) => Some(day.to_string()),
        None => None,
    };
    Ok(PeriodWrite {
        from_date: period.start.map(|day| day.to_string()),
        to_date: last,
    })
}

/// The body that corrects a bill.
pub(in crate::backends::gentrack) fn correction(new: NewCorrection, kind: Option<String>) -> FixWrite {
    FixWrite {
        fix_type: Some(match new.method {
            CorrectionMethod::Reverse => "Reverse",
            CorrectionMethod::CreditNote => "CreditNote",
        }),
        kind,
        reason: new.reason,
        description: new.description,
    }
}

/// The system's words for how bills are sent.
pub(super) fn delivery(given: String, pointer: &str) -> Result<String> {
    match given.as_str() {
        "Email" | "Mail" | "Both" | "None" => Ok(given),
        _ => Err(Error::pointer(pointer, "Email, Mail, Both or None is due")),
    }
}

/// Facts of the utility's own laid over those an account has: no other place of the contract takes any. A value is a text;
/// how the system empties one is not known.
fn extended(mut before: Extensions, named: Vec<NewCustomAttribute>) -> Result<Extensions> {
    for (n, attribute) in named.into_iter().enumerate() {
        let Some(value) = attribute.value else {
            return Err(cannot_clear(&format!("/custom_attributes/{n}/value")));
        };
        let value = to_raw_value(&value)
            .map_err(|why| Error::new(ErrorKind::Internal, "a text did not print as JSON").because(why))?;
        before.insert(attribute.name, value);
    }
    Ok(before)
}

/// What the tenant adds of its own, as facts: a text as it is, anything else as its JSON.
pub(super) fn facts(extensions: BTreeMap<String, &RawValue>) -> Vec<CustomAttribute> {
    let fact = |(name, value): (String, &RawValue)| CustomAttribute {
        name,
        value: match value.get() {
            "null" => None,
            json => Some(serde_json::from_str(json).unwrap_or_else(|_| json.to_owned())),
        },
    };
    extensions.into_iter().map(fact).collect()
}

/// An address as the system takes it: two lines of street, and the rest.
pub(super) fn address_write(address: Address, pointer: &str) -> Result<AddressWrite> {
    let mut lines = address.lines.into_iter();
    let (first, second) = (lines.next(), lines.next());
    if lines.next().is_some() {
        return Err(Error::pointer(
            format!("{pointer}/lines"),
            "the system takes two lines at most",
        ));
    }
    Ok(AddressWrite {
        address_line1: first,
        address_line2: second,
        state: address.region,
        city: address.locality,
        postcode: address.postal_code,
        country: address.country,
    })
}

/// The value of a member that is set. The contract knows no way to empty one.
pub(super) fn set<T>(patch: Patch<T>, pointer: &str) -> Result<Option<T>> {
    match patch {
        Patch::Keep => Ok(None),
        Patch::Set(value) => Ok(Some(value)),
        Patch::Clear => Err(cannot_clear(pointer)),
    }
}

fn cannot_clear(pointer: &str) -> Error {
    Error::new(ErrorKind::Unsupported, "the system is not known to clear members")
        .fault(Place::Pointer(pointer.to_owned()), "it can be changed, and not cleared")
}

/// Refuses what the system cannot take, by name: nothing that was given is dropped.
pub(super) fn refuse(given: &[(&str, bool)]) -> Result<()> {
    let mut pointers = given.iter().filter(|(_, there)| *there).map(|(pointer, _)| *pointer);
    let Some(first) = pointers.next() else { return Ok(()) };
    let error = Error::new(ErrorKind::Unsupported, "the system takes no such member");
    let named = |error: Error, pointer: &str| error.fault(Place::Pointer(pointer.to_owned()), "the system takes none");
    Err(pointers.fold(named(error, first), named))
}
