//! Wire → model for payments, agreements, refunds, postings and notes; pure.
//!
//! Periods name both days \[guess\], as with bills; a schedule's `validTo` is the first day it no longer counts (inference:
//! the next one starts on it). What statuses mean is read off their names.

use rust_decimal::Decimal;

use super::map::{Deployment, Owner, filled, present};
use super::wire;
use crate::error::{Error, Result};
use crate::model::arrangement::{ArrangementKind, ArrangementStatus, PaymentArrangement, ScheduledPayment};
use crate::model::money::Money;
use crate::model::note::{NewNote, Note};
use crate::model::payment::{Payment, PaymentStatus};
use crate::model::payment_method::{
    BankAccount, Card, LastFour, PaymentMethod, PaymentMethodKind, PaymentMethodStatus,
};
use crate::model::posting::Posting;
use crate::model::refund::{NewRefund, Refund, RefundMethod, RefundStatus};
use crate::model::terms::{BillingSchedule, Frequency, OverduePayment};
use crate::model::time::Period;
use crate::model::transaction::{Direction, TransactionKind};

fn count(number: Option<i64>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}

fn absent(place: &str) -> Error {
    Error::unreadable(place, "absent")
}

impl Deployment {
    /// An amount as the system takes it: whole minor units that fit an `Int`, which has 32 bits.
    pub(super) fn units(&self, money: &Money, pointer: &str) -> Result<i64> {
        if money.currency() != self.currency {
            let detail = format!("this backend's amounts are in {}", self.currency);
            return Err(Error::pointer(format!("{pointer}/currency"), detail));
        }
        let amount = |detail: String| Error::pointer(format!("{pointer}/amount"), detail);
        let minor = Decimal::from(10_i64.pow(self.currency.exponent()));
        let units = money.amount().checked_mul(minor).map(|units| units.normalize());
        let units = units.ok_or_else(|| amount("it is more than the system takes".to_owned()))?;
        if units.scale() > 0 {
            return Err(amount(format!("it has more digits than {} has", self.currency)));
        }
        i32::try_from(units.mantissa())
            .map(i64::from)
            .map_err(|_| amount("it is more than the system takes".to_owned()))
    }

    /// When an account is billed.
    pub(super) fn billing_schedule(&self, owner: &Owner, options: wire::BillingOptions) -> BillingSchedule {
        let native_frequency = filled(options.period_length);
        BillingSchedule {
            account_id: owner.id.clone(),
            backend: self.name.clone(),
            frequency: native_frequency.as_deref().map(|text| match text {
                "MONTHLY" => Frequency::Monthly,
                "QUARTERLY" => Frequency::Quarterly,
                _ => Frequency::Other,
            }),
            native_frequency,
            interval: count(options.period_length_multiplier),
            period_start_day: count(options.period_start_day),
            fixed: options.is_fixed,
            last_billed_period: None,
            last_bill_on: None,
            current_period: Period::through(
                options.current_billing_period_start_date,
                options.current_billing_period_end_date,
            ),
            next_bill_on: options.next_billing_date,
            next_bill_latest_on: None,
            native_confidence: None,
            next_bill_movable: None,
            native_frequency_options: None,
            native: None,
        }
    }

    /// What is overdue: one total without a date, or nothing. A sign is stated nowhere, so an amount below zero is not
    /// understood.
    pub(super) fn overdue(&self, owner: &Owner, overdue: wire::Minor) -> Result<Option<OverduePayment>> {
        if overdue.0 < 0 {
            let why = "below zero, and what that means is stated nowhere";
            return Err(Error::unreadable("account.overdueBalance", why));
        }
        Ok((overdue.0 > 0).then(|| OverduePayment {
            account_id: owner.id.clone(),
            backend: self.name.clone(),
            due_on: None,
            amount: self.money(overdue),
            days_overdue: None,
            native: None,
        }))
    }

    /// A payment. Its identifier is not that of a ledger entry: the two share no documented key (contract, "Bills,
    /// ledgers, transactions").
    pub(super) fn payment(&self, owner: &Owner, payment: wire::Payment) -> Result<Payment> {
        let native_id = filled(payment.id.map(|id| id.0)).ok_or_else(|| absent("account.payments.id"))?;
        let native_status = filled(payment.status);
        Ok(Payment {
            id: self.id(&[&owner.number, &native_id])?,
            backend: self.name.clone(),
            native_id: Some(native_id),
            account_id: Some(owner.id.clone()),
            amount: payment.amount.map(|units| self.money(units)),
            applied: None,
            paid_on: payment.payment_date,
            paid_at: None,
            method: filled(payment.transaction_type),
            reference: filled(payment.reference),
            status: native_status.as_deref().map(payment_status),
            native_status,
            native: None,
        })
    }

    /// A way to pay.
    pub(super) fn payment_method(&self, owner: &Owner, method: wire::PaymentMethod) -> Result<PaymentMethod> {
        let place = "account.paymentMethods";
        let native_id = filled(method.id.map(|id| id.0)).ok_or_else(|| absent("account.paymentMethods.id"))?;
        let native_kind = filled(method.instruction_type);
        let native_status = filled(method.status);
        let kind = match native_kind.as_deref() {
            Some("CARD") => PaymentMethodKind::Card,
            Some("DIRECT_DEBIT") => PaymentMethodKind::DirectDebit,
            _ => PaymentMethodKind::Other,
        };
        let last_four = method.masked_account_identifier.as_deref().and_then(LastFour::of);
        let expires = method
            .card_expiry_year
            .zip(method.card_expiry_month)
            .and_then(|(year, month)| Card::month(year, month));
        Ok(PaymentMethod {
            id: Some(self.id(&[&owner.number, &native_id])?),
            backend: self.name.clone(),
            native_id: Some(native_id),
            account_id: owner.id.clone(),
            kind,
            native_kind,
            status: native_status.as_deref().map(method_status),
            native_status,
            currency: None,
            starts_on: match filled(method.valid_from) {
                Some(text) => Some(self.zone.date(self.instant(&text, place)?)),
                None => None,
            },
            is_default: None,
            bank_account: (kind == PaymentMethodKind::DirectDebit).then(|| BankAccount {
                holder: filled(method.account_holder),
                number_last_four: last_four.clone(),
                bank_code_last_four: None,
            }),
            card: (kind == PaymentMethodKind::Card).then(|| Card {
                network: filled(method.card_payment_network),
                number_last_four: last_four,
                expires,
            }),
            vendor: filled(method.vendor),
            ledger: method.supplementary_ledger.and_then(|ledger| filled(ledger.number)),
            native: None,
        })
    }

    /// A payment schedule. A variable one has no amount: it collects what is owed.
    pub(super) fn schedule(&self, owner: &Owner, schedule: wire::PaymentSchedule) -> Result<PaymentArrangement> {
        let native_id = filled(schedule.id.map(|id| id.0)).ok_or_else(|| absent("account.paymentSchedules.id"))?;
        let native_kind = filled(schedule.schedule_reason);
        let native_frequency = filled(schedule.payment_frequency);
        let variable = schedule.is_variable_payment_amount == Some(true);
        Ok(PaymentArrangement {
            id: self.id(&[&owner.number, "schedule", &native_id])?,
            backend: self.name.clone(),
            native_id,
            account_id: owner.id.clone(),
            kind: match native_kind.as_deref() {
                Some("GENERAL_ACCOUNT_PAYMENT") => ArrangementKind::Ongoing,
                Some("DEBT_REPAYMENT_PLAN") => ArrangementKind::Debt,
                _ => ArrangementKind::Other,
            },
            native_kind,
            status: (schedule.is_payment_holiday == Some(true)).then_some(ArrangementStatus::Paused),
            native_status: None,
            reference: None,
            agreed_on: None,
            starts_on: schedule.valid_from,
            ends_on: schedule.valid_to,
            frequency: native_frequency.as_deref().map(|text| match text {
                "Weekly" => Frequency::Weekly,
                "Monthly" => Frequency::Monthly,
                _ => Frequency::Other,
            }),
            native_frequency,
            interval: count(schedule.payment_frequency_multiplier),
            payment_day: count(schedule.payment_day),
            amount: schedule
                .payment_amount
                .filter(|_| !variable)
                .map(|units| self.money(units)),
            total_debt: schedule.total_debt_amount.map(|units| self.money(units)),
            payment_method: None,
            next_payment: None,
            scheduled_payments: None,
            ledger: schedule.supplementary_ledger.and_then(|ledger| filled(ledger.number)),
            native: None,
        })
    }

    /// A payment plan.
    pub(super) fn plan(&self, owner: &Owner, plan: wire::PaymentPlan) -> Result<PaymentArrangement> {
        let native_id = filled(plan.id.map(|id| id.0)).ok_or_else(|| absent("account.paymentPlans.id"))?;
        let native_status = filled(plan.status);
        let one = |payment: wire::PlanPayment| ScheduledPayment {
            native_id: None,
            due_on: payment.payable_date,
            amount: payment.amount.map(|units| self.money(units)),
            outstanding: None,
            native_kind: filled(payment.payment_type),
            native_status: None,
            payment_method: None,
            direct_debit: None,
            arrangement_payment: None,
        };
        let agreed_on = match filled(plan.accepted_at) {
            Some(text) => Some(self.zone.date(self.instant(&text, "account.paymentPlans.acceptedAt")?)),
            None => None,
        };
        let scheduled_payments = plan.payments.map(|payments| {
            let mut payments: Vec<_> = present(Some(payments)).map(one).collect();
            payments.sort_by_key(|payment| payment.due_on);
            payments
        });
        Ok(PaymentArrangement {
            id: self.id(&[&owner.number, "plan", &native_id])?,
            backend: self.name.clone(),
            native_id,
            account_id: owner.id.clone(),
            kind: ArrangementKind::Other,
            native_kind: filled(plan.strategy_name),
            status: native_status.as_deref().map(plan_status),
            native_status,
            reference: None,
            agreed_on,
            starts_on: None,
            ends_on: None,
            frequency: None,
            native_frequency: None,
            interval: None,
            payment_day: None,
            amount: None,
            total_debt: None,
            payment_method: None,
            next_payment: plan.next_payment.map(one),
            scheduled_payments,
            ledger: filled(plan.ledger_number),
            native: None,
        })
    }

    /// A request to pay credit back.
    pub(super) fn refund(&self, owner: &Owner, ledger: &str, request: wire::RepaymentRequest) -> Result<Refund> {
        let native_id = filled(request.request_id.map(|id| id.0))
            .ok_or_else(|| absent("account.ledgers.repaymentRequests.requestId"))?;
        let native_method = filled(request.method);
        let mut refund = Refund {
            id: Some(self.id(&[&owner.number, ledger, &native_id])?),
            backend: self.name.clone(),
            native_id: Some(native_id),
            account_id: owner.id.clone(),
            status: None,
            native_status: None,
            amount: request.amount.map(|units| self.money(units)),
            fee: None,
            reason: filled(request.request_reason),
            description: None,
            payee: None,
            method: native_method.as_deref().map(|text| match text {
                "BANK_TRANSFER" => RefundMethod::BankTransfer,
                "CHEQUE" => RefundMethod::Cheque,
                "CARD" => RefundMethod::Card,
                _ => RefundMethod::Other,
            }),
            native_method,
            requested_on: None,
            paid_on: None,
            ledger: Some(ledger.to_owned()),
            native: None,
        };
        take_status(&mut refund, request.status);
        Ok(refund)
    }

    /// A request as it was just taken: what was asked for, and where it stands.
    pub(super) fn requested(
        &self,
        owner: &Owner,
        ledger: &str,
        state: wire::RequestState,
        new: &NewRefund,
    ) -> Result<Refund> {
        let native_id = filled(state.request_id.map(|id| id.0));
        let mut refund = Refund {
            id: match &native_id {
                Some(id) => Some(self.id(&[&owner.number, ledger, id])?),
                None => None,
            },
            backend: self.name.clone(),
            native_id,
            account_id: owner.id.clone(),
            status: None,
            native_status: None,
            amount: Some(new.amount),
            fee: None,
            reason: Some(new.reason.clone()),
            description: None,
            payee: None,
            method: new.method,
            native_method: None,
            requested_on: None,
            paid_on: None,
            ledger: Some(ledger.to_owned()),
            native: None,
        };
        take_status(&mut refund, state.status);
        Ok(refund)
    }

    /// A charge as it was just made. It is no ledger entry yet, or none that shares a documented key with one.
    pub(super) fn charge(&self, owner: &Owner, charge: wire::AccountCharge) -> Posting {
        Posting {
            transaction_id: None,
            backend: self.name.clone(),
            native_id: filled(charge.id.map(|id| id.0)),
            account_id: owner.id.clone(),
            kind: TransactionKind::Charge,
            direction: Direction::Debit,
            amount: charge.gross_amount.map(|units| self.money(units)),
            net: charge.net_amount.map(|units| self.money(units)),
            tax: charge.sales_tax_amount.map(|units| self.money(units)),
            posted_on: None,
            reason: filled(charge.reason),
            description: filled(charge.display_note),
            note: filled(charge.note),
            ledger: None,
            native: None,
        }
    }

    /// A credit as it was just given: an entry of its ledger.
    pub(super) fn credit(
        &self,
        owner: &Owner,
        ledger: &str,
        credit: wire::Transaction,
        reason: String,
        note: Option<String>,
    ) -> Result<Posting> {
        let native_id = filled(credit.id.map(|id| id.0));
        let amounts = credit.amounts;
        let part = |of: fn(wire::Amounts) -> Option<wire::Minor>| amounts.and_then(of).map(|units| self.money(units));
        Ok(Posting {
            transaction_id: match &native_id {
                Some(id) => Some(self.id(&[&owner.number, ledger, id])?),
                None => None,
            },
            backend: self.name.clone(),
            native_id,
            account_id: owner.id.clone(),
            kind: TransactionKind::Credit,
            direction: Direction::Credit,
            amount: part(|amounts| amounts.gross.or(amounts.net)),
            net: part(|amounts| amounts.net),
            tax: part(|amounts| amounts.tax),
            posted_on: credit.posted_date,
            reason: Some(reason),
            description: filled(credit.title),
            note: filled(credit.note).or(note),
            ledger: Some(ledger.to_owned()),
            native: None,
        })
    }

    /// A note; the system names neither it nor its author.
    pub(super) fn note(&self, owner: &Owner, note: wire::Note) -> Result<Note> {
        let instant =
            |text: Option<String>, place: &str| filled(text).map(|text| self.instant(&text, place)).transpose();
        Ok(Note {
            id: None,
            backend: self.name.clone(),
            native_id: None,
            account_id: owner.id.clone(),
            body: note.body.ok_or_else(|| absent("account.notes.body"))?,
            pinned: note.is_pinned,
            unpin_at: instant(note.unpin_at, "account.notes.unpinAt")?,
            created_at: instant(note.written_at, "account.notes.createdAt")?,
            author: None,
            native: None,
        })
    }

    /// A note as it was just written: the system answers with the account alone.
    pub(super) fn written_note(&self, owner: &Owner, new: NewNote) -> Note {
        Note {
            id: None,
            backend: self.name.clone(),
            native_id: None,
            account_id: owner.id.clone(),
            body: new.body,
            pinned: Some(new.pinned),
            unpin_at: new.unpin_at,
            created_at: None,
            author: None,
            native: None,
        }
    }
}

/// Where a refund request stands.
fn refund_status(text: &str) -> RefundStatus {
    match text {
        "REQUESTED" => RefundStatus::Requested,
        "ACCEPTED" => RefundStatus::Approved,
        "CANCELLED" => RefundStatus::Cancelled,
        "REJECTED" => RefundStatus::Rejected,
        _ => RefundStatus::Other,
    }
}

/// Notes where a refund request stands.
pub(super) fn take_status(refund: &mut Refund, text: Option<String>) {
    refund.native_status = filled(text);
    refund.status = refund.native_status.as_deref().map(refund_status);
}

fn payment_status(text: &str) -> PaymentStatus {
    match text {
        "SCHEDULED" | "PROMISED" => PaymentStatus::Scheduled,
        "PENDING" | "REQUESTED" => PaymentStatus::Pending,
        "CLEARED" => PaymentStatus::Cleared,
        "FAILED" => PaymentStatus::Failed,
        "DELETED" => PaymentStatus::Cancelled,
        _ => PaymentStatus::Other,
    }
}

fn method_status(text: &str) -> PaymentMethodStatus {
    match text {
        "ACTIVE" => PaymentMethodStatus::Active,
        "PROVISIONAL" => PaymentMethodStatus::Pending,
        "FAILED" => PaymentMethodStatus::Failed,
        _ => PaymentMethodStatus::Other,
    }
}

/// A plan's status is free text: names that say what they mean are read, others are passed on.
fn plan_status(text: &str) -> ArrangementStatus {
    match text {
        "OFFERED" => ArrangementStatus::Pending,
        "ACTIVE" => ArrangementStatus::Active,
        "COMPLETED" => ArrangementStatus::Completed,
        "CANCELLED" => ArrangementStatus::Cancelled,
        _ => ArrangementStatus::Other,
    }
}
