//! Payments: methods, arrangements, terms, refunds, and what is past its due date. Account numbers come out masked.

use jiff::civil::Date;
use rust_decimal::Decimal;
use secrecy::ExposeSecret as _;
use serde_json::value::RawValue;

use super::account::refuse;
use super::{At, Mapper, Natives, currency, ident, owned, said};
use crate::backends::gentrack::keys;
use crate::backends::gentrack::wire::payment::{
    Arrangement, ArrangementWrite, BankAccountWrite, BreakdownWrite, CardWrite, Method, MethodWrite, Overdue,
    Refund as WireRefund, RefundWrite, ReviewDate, ReviewDateWrite, Scheduled, Suggested, Terms,
};
use crate::backends::gentrack::wire::{Day, Exact, Text};
use crate::error::{Error, ErrorKind, Place, Result};
use crate::model::arrangement::{ArrangementKind, NewPaymentArrangement, PaymentArrangement, ScheduledPayment};
use crate::model::id::AccountId;
use crate::model::money::{Currency, Money};
use crate::model::payment_method::{
    BankAccount, Card, LastFour, NewBankAccount, NewPaymentMethod, PaymentMethod, PaymentMethodKind,
    PaymentMethodStatus,
};
use crate::model::refund::{NewRefund, Refund, RefundMethod, RefundStatus};
use crate::model::terms::{Frequency, OverduePayment, PaymentReview, PaymentTerms, SuggestedPayment};

impl Mapper<'_> {
    /// When and how the customer is expected to pay.
    pub(in crate::backends::gentrack) fn terms(&self, id: &AccountId, wire: &Terms<'_>) -> PaymentTerms {
        PaymentTerms {
            account_id: id.clone(),
            backend: self.backend.clone(),
            name: owned(Some(&wire.payment_terms)),
            due_days: wire.due_days,
            due_day_of_month: None,
            due_after_months: None,
            native_rule: None,
            payment_method: owned(wire.payment_method.as_ref()),
            native: None,
        }
    }

    /// When the regular payment is looked at again.
    pub(in crate::backends::gentrack) fn review(&self, id: &AccountId, on: Option<Date>) -> PaymentReview {
        PaymentReview {
            account_id: id.clone(),
            backend: self.backend.clone(),
            review_on: on,
            native: None,
        }
    }

    /// The payment the system recommends.
    pub(in crate::backends::gentrack) fn suggested(
        &self,
        id: &AccountId,
        wire: &Suggested<'_>,
    ) -> Result<SuggestedPayment> {
        let currency = currency(&wire.currency, "currency")?;
        let money = |amount: Option<Exact>| amount.map(|Exact(amount)| Money::new(amount, currency));
        Ok(SuggestedPayment {
            account_id: id.clone(),
            backend: self.backend.clone(),
            fixed: money(wire.fixed_spend_amount),
            debt: money(wire.debt_payment_amount),
            arrangement_allowed: wire.payment_arrangement_allowed,
            native: None,
        })
    }

    /// What is past its due date, oldest first.
    pub(in crate::backends::gentrack) fn overdue(
        &self,
        id: &AccountId,
        wire: &[Overdue<'_>],
        mut natives: Natives,
    ) -> Result<Vec<OverduePayment>> {
        let mut all = Vec::with_capacity(wire.len());
        for (n, entry) in wire.iter().enumerate() {
            let at = |member| At("overduePayments", n, member);
            let code = said(entry.currency.as_ref())
                .ok_or_else(|| Error::unreadable(format!("overduePayments[{n}]"), "missing field `currency`"))?;
            all.push(OverduePayment {
                account_id: id.clone(),
                backend: self.backend.clone(),
                due_on: entry.payment_due_date.map(|Day(date)| date),
                amount: Money::new(entry.amount_overdue.0, currency(code, at("currency"))?).unsigned(),
                days_overdue: entry.days_past_due,
                native: natives.take(n),
            });
        }
        all.sort_by_key(|entry| entry.due_on);
        Ok(all)
    }

    /// How an account pays. What the system should have masked is masked here, whether it is or not.
    pub(in crate::backends::gentrack) fn method(
        &self,
        id: &AccountId,
        wire: &Method<'_>,
        is_default: Option<bool>,
    ) -> Result<PaymentMethod> {
        let native_id = ident(wire.reference());
        let masked = |number: Option<&crate::backends::gentrack::wire::Ident<'_>>| {
            ident(number).and_then(|number| LastFour::of(&number))
        };
        Ok(PaymentMethod {
            id: match &native_id {
                Some(native) => Some(self.id(&[&keys::account(id)?, keys::METHOD, native], "globalReference")?),
                None => None,
            },
            backend: self.backend.clone(),
            native_id: native_id.map(Into::into),
            account_id: id.clone(),
            kind: method_kind(&wire.method),
            native_kind: owned(Some(&wire.method)),
            status: said(wire.status.as_ref()).map(method_status),
            native_status: owned(wire.status.as_ref()),
            currency: said(wire.currency.as_ref())
                .map(|code| currency(code, "currency"))
                .transpose()?,
            starts_on: wire.effective_date.map(|Day(date)| date),
            is_default,
            bank_account: wire.bank_account.as_ref().map(|bank| BankAccount {
                holder: owned(bank.account_name.as_ref()),
                number_last_four: masked(bank.account_number.as_ref()),
                bank_code_last_four: masked(bank.bank_code.as_ref()),
            }),
            card: wire.card.as_ref().map(|card| Card {
                network: None,
                number_last_four: masked(card.masked_number.as_ref()),
                expires: said(card.expiry.as_ref()).and_then(month),
            }),
            vendor: None,
            ledger: None,
            native: None,
        })
    }

    /// Payments agreed with a customer. Their own records stay out: the payment method in them may be unmasked.
    pub(in crate::backends::gentrack) fn arrangements(
        &self,
        id: &AccountId,
        wire: &[Arrangement<'_>],
    ) -> Result<Vec<PaymentArrangement>> {
        wire.iter()
            .enumerate()
            .map(|(n, one)| self.arrangement(id, one, n))
            .collect()
    }

    fn arrangement(&self, id: &AccountId, wire: &Arrangement<'_>, n: usize) -> Result<PaymentArrangement> {
        let place = format!("[{n}]");
        let native_id =
            ident(wire.reference()).ok_or_else(|| Error::unreadable(&place, "missing field `globalReference`"))?;
        let parts = [&*keys::account(id)?, keys::ARRANGEMENT, &*native_id];
        let next_payment = match &wire.next_payment {
            None => None,
            Some(next) => Some(ScheduledPayment {
                native_id: None,
                due_on: next.payment_date.map(|Day(date)| date),
                amount: money(next.amount, next.currency.as_ref(), &format!("{place}.nextPayment"))?,
                outstanding: None,
                native_kind: None,
                native_status: owned(next.status.as_ref()),
                payment_method: owned(next.payment_method.as_ref()),
                direct_debit: None,
                arrangement_payment: None,
            }),
        };
        let mut scheduled = match &wire.scheduled_payments {
            None => None,
            Some(all) => Some(
                all.0
                    .iter()
                    .map(|one| scheduled(one, &place))
                    .collect::<Result<Vec<_>>>()?,
            ),
        };
        if let Some(all) = &mut scheduled {
            all.sort_by_key(|one| one.due_on);
        }
        Ok(PaymentArrangement {
            id: self.id(&parts, format!("{place}.globalReference"))?,
            backend: self.backend.clone(),
            native_id: native_id.clone().into_owned(),
            account_id: id.clone(),
            kind: match said(wire.arrangement_type.as_ref()) {
                Some("Ongoing") => ArrangementKind::Ongoing,
                Some("Debt") => ArrangementKind::Debt,
                Some("Ongoing and Debt") => ArrangementKind::OngoingAndDebt,
                _ => ArrangementKind::Other,
            },
            native_kind: owned(wire.arrangement_type.as_ref()),
            status: None,
            native_status: None,
            reference: ident(wire.agreement_reference.as_ref()).map(Into::into),
            agreed_on: wire.agreement_date.map(|moment| moment.date(self.zone)),
            starts_on: None,
            ends_on: None,
            frequency: None,
            native_frequency: None,
            interval: None,
            payment_day: wire.payment_day,
            amount: None,
            total_debt: None,
            payment_method: match &wire.payment_method {
                Some(method) => Some(self.method(id, method, None)?),
                None => None,
            },
            next_payment,
            scheduled_payments: scheduled,
            ledger: None,
            native: None,
        })
    }

    /// A refund that was started.
    pub(in crate::backends::gentrack) fn refund(&self, id: &AccountId, wire: &WireRefund<'_>) -> Result<Refund> {
        let native_id = ident(wire.global_reference.as_ref());
        let native_status = said(wire.status.as_ref());
        Ok(Refund {
            id: match &native_id {
                Some(native) => Some(self.id(&[&keys::account(id)?, keys::REFUND, native], "globalReference")?),
                None => None,
            },
            backend: self.backend.clone(),
            native_id: native_id.map(Into::into),
            account_id: id.clone(),
            status: native_status.map(refund_status),
            native_status: native_status.map(str::to_owned),
            amount: money(Some(wire.amount), wire.currency.as_ref(), "$")?,
            fee: money(wire.fee, wire.currency.as_ref(), "$")?,
            reason: owned(wire.reason.as_ref()),
            description: owned(wire.description.as_ref()),
            payee: owned(wire.name.as_ref()),
            method: wire
                .direct_credit
                .filter(|credit| *credit)
                .map(|_| RefundMethod::BankTransfer),
            native_method: None,
            requested_on: wire.date.map(|moment| moment.date(self.zone)),
            paid_on: None,
            ledger: None,
            native: None,
        })
    }
}

/// The day in a reply, if one is set.
pub(in crate::backends::gentrack) fn review_day(wire: &ReviewDate) -> Option<Date> {
    wire.payment_review_date.map(|Day(date)| date)
}

fn scheduled(wire: &Scheduled<'_>, place: &str) -> Result<ScheduledPayment> {
    let place = format!("{place}.scheduledPayments");
    Ok(ScheduledPayment {
        native_id: ident(wire.id.as_ref()).map(Into::into),
        due_on: wire.payment_date.map(|Day(date)| date),
        amount: None,
        outstanding: money(wire.balance, wire.currency.as_ref(), &place)?,
        native_kind: owned(wire.kind.as_ref()),
        native_status: None,
        payment_method: None,
        direct_debit: wire.direct_debit_scheduled,
        arrangement_payment: wire.arrangement_payment,
    })
}

/// An amount with the currency beside it; an amount without one says nothing and is refused.
fn money(amount: Option<Exact>, code: Option<&Text<'_>>, place: &str) -> Result<Option<Money>> {
    let Some(Exact(amount)) = amount else { return Ok(None) };
    let code = said(code).ok_or_else(|| Error::unreadable(place, "missing field `currency`"))?;
    Ok(Some(Money::new(amount, currency(code, place)?)))
}

/// How often, by the system's words.
pub(super) fn frequency(native: &str) -> Frequency {
    match native.to_ascii_lowercase().as_str() {
        "daily" => Frequency::Daily,
        "weekly" => Frequency::Weekly,
        "fortnightly" => Frequency::Fortnightly,
        "monthly" => Frequency::Monthly,
        "bimonthly" | "two-monthly" => Frequency::Bimonthly,
        "quarterly" => Frequency::Quarterly,
        "half-yearly" | "half yearly" => Frequency::HalfYearly,
        "yearly" | "annually" | "annual" => Frequency::Yearly,
        "once" => Frequency::Once,
        _ => Frequency::Other,
    }
}

fn method_kind(native: &str) -> PaymentMethodKind {
    match native.trim().to_ascii_lowercase().as_str() {
        "direct debit" => PaymentMethodKind::DirectDebit,
        "credit card" | "card" | "debit card" => PaymentMethodKind::Card,
        "bank transfer" => PaymentMethodKind::BankTransfer,
        "manual" => PaymentMethodKind::Manual,
        _ => PaymentMethodKind::Other,
    }
}

fn method_status(native: &str) -> PaymentMethodStatus {
    match native.to_ascii_lowercase().as_str() {
        "pending" => PaymentMethodStatus::Pending,
        "active" => PaymentMethodStatus::Active,
        "expired" => PaymentMethodStatus::Expired,
        "failed" => PaymentMethodStatus::Failed,
        "cancelled" | "canceled" => PaymentMethodStatus::Cancelled,
        _ => PaymentMethodStatus::Other,
    }
}

fn refund_status(native: &str) -> RefundStatus {
    match native.to_ascii_lowercase().as_str() {
        "requested" | "pending" => RefundStatus::Requested,
        "approved" => RefundStatus::Approved,
        "submitted" => RefundStatus::Submitted,
        "paid" => RefundStatus::Paid,
        "rejected" | "declined" => RefundStatus::Rejected,
        "failed" => RefundStatus::Failed,
        "cancelled" | "canceled" => RefundStatus::Cancelled,
        _ => RefundStatus::Other,
    }
}

/// The month a card can be used in last: `2028-04` or `04/28`; anything else is left out, not guessed.
fn month(expiry: &str) -> Option<String> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (year, month) = match (expiry.split_once('-'), expiry.split_once('/')) {
        (Some((year, month)), None) if year.len() == 4 => (year.to_owned(), month),
        (None, Some((month, year))) if year.len() == 2 => (format!("20{year}"), month),
        (None, Some((month, year))) if year.len() == 4 => (year.to_owned(), month),
        _ => return None,
    };
    let fits = month.len() == 2 && digits(&year) && digits(month) && ("01"..="12").contains(&month);
    fits.then(|| format!("{year}-{month}"))
}

/// The body that sets the next payment review.
pub(in crate::backends::gentrack) fn new_review_date(day: Date) -> ReviewDateWrite {
    ReviewDateWrite {
        payment_review_date: Some(day.to_string()),
    }
}

/// The body that sets up a payment method, in the words seen: `Direct Debit`, `Credit Card`, `Manual`.
pub(in crate::backends::gentrack) fn new_method(new: NewPaymentMethod) -> Result<MethodWrite> {
    refuse(&[
        ("/is_default", new.is_default == Some(false)),
        ("/ledger", new.ledger.is_some()),
    ])?;
    let method = match (new.native_kind, new.kind) {
        (Some(native), _) => native,
        (None, PaymentMethodKind::DirectDebit) => "Direct Debit".to_owned(),
        (None, PaymentMethodKind::Card) => "Credit Card".to_owned(),
        (None, PaymentMethodKind::Manual) => "Manual".to_owned(),
        (None, PaymentMethodKind::BankTransfer | PaymentMethodKind::Other) => {
            return Err(Error::pointer(
                "/native_kind",
                "the system's own word for this kind is due",
            ));
        }
    };
    Ok(MethodWrite {
        method: Some(method),
        currency: new.currency.map(|currency| currency.code().to_owned()),
        effective_date: new.starts_on.map(|day| day.to_string()),
        bank_account: new.bank_account.as_ref().map(bank_account),
        card: new.card.map(|card| CardWrite {
            masked_number: card.number_last_four.map(|four| format!("****{four}")),
            expiry: card.expires,
            token: Some(card.token.expose_secret().to_owned()),
        }),
    })
}

fn bank_account(new: &NewBankAccount) -> BankAccountWrite {
    BankAccountWrite {
        account_name: new.holder.clone(),
        account_number: Some(new.number.expose_secret().to_owned()),
        bank_code: new.bank_code.as_ref().map(|code| code.expose_secret().to_owned()),
    }
}

/// The body that makes an arrangement.
pub(in crate::backends::gentrack) fn new_arrangement(new: NewPaymentArrangement) -> Result<ArrangementWrite> {
    refuse(&[("/ends_on", new.ends_on.is_some()), ("/ledger", new.ledger.is_some())])?;
    let mut currency: Option<Currency> = None;
    let mut breakdown = Vec::new();
    for (n, part) in new.components.iter().flatten().enumerate() {
        if currency.is_some_and(|first| first != part.currency()) {
            return Err(Error::pointer(
                format!("/components/{n}/currency"),
                "the parts of a payment have one currency",
            ));
        }
        currency = Some(part.currency());
        breakdown.push(BreakdownWrite {
            payment_amount: Some(number(part.amount())?),
        });
    }
    Ok(ArrangementWrite {
        arrangement_type: Some(match new.kind {
            ArrangementKind::Ongoing => "Ongoing",
            ArrangementKind::Debt => "Debt",
            ArrangementKind::OngoingAndDebt => "Ongoing and Debt",
            ArrangementKind::Other => return Err(Error::pointer("/kind", "the system knows no other kind")),
        }),
        frequency: new.frequency.map(frequency_word).transpose()?,
        first_payment_date: Some(new.first_payment_on.to_string()),
        currency: currency.map(|currency| currency.code().to_owned()),
        payment_breakdown: (!breakdown.is_empty()).then_some(breakdown),
        number_of_payments: new.payments,
    })
}

/// The system's word for a frequency. `Weekly` and `Monthly` are the ones seen; the others follow them (inferred).
fn frequency_word(frequency: Frequency) -> Result<&'static str> {
    Ok(match frequency {
        Frequency::Weekly => "Weekly",
        Frequency::Fortnightly => "Fortnightly",
        Frequency::Monthly => "Monthly",
        Frequency::Quarterly => "Quarterly",
        Frequency::Yearly => "Yearly",
        Frequency::Daily | Frequency::Bimonthly | Frequency::HalfYearly | Frequency::Once | Frequency::Other => {
            return Err(
                Error::new(ErrorKind::Unsupported, "the system is not known to take this frequency").fault(
                    Place::Pointer("/frequency".to_owned()),
                    "WEEKLY, FORTNIGHTLY, MONTHLY, QUARTERLY or YEARLY is due",
                ),
            );
        }
    })
}

/// The body that asks for a refund: into the account given, or directly into the one on file.
pub(in crate::backends::gentrack) fn new_refund(new: &NewRefund) -> Result<RefundWrite> {
    refuse(&[
        ("/ledger", new.ledger.is_some()),
        (
            "/method",
            !matches!(new.method, None | Some(RefundMethod::BankTransfer)),
        ),
    ])?;
    Ok(RefundWrite {
        amount: Some(number(new.amount.amount())?),
        currency: Some(new.amount.currency().code().to_owned()),
        reason: Some(new.reason.clone()),
        description: new.description.clone(),
        direct_credit: new.method.map(|_| true),
        bank_account: new.bank_account.as_ref().map(bank_account),
    })
}

/// A number with the digits it was given with.
fn number(amount: Decimal) -> Result<Box<RawValue>> {
    RawValue::from_string(amount.to_string())
        .map_err(|_| Error::new(ErrorKind::Internal, "a decimal did not print as a JSON number"))
}
