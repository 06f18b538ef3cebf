//! Shapes of payments: methods, arrangements, terms, refunds, and what is past its due date.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::account::outgoing;
use super::{Day, Exact, Ident, Many, Moment, Text, day, exact, moment};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Terms<'a> {
    pub payment_terms: Text<'a>,
    pub due_days: Option<u32>,
    pub payment_method: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::backends::gentrack) struct ReviewDate {
    #[serde(default, deserialize_with = "day")]
    pub payment_review_date: Option<Day>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Suggested<'a> {
    #[serde(default, deserialize_with = "exact")]
    pub fixed_spend_amount: Option<Exact>,
    #[serde(default, deserialize_with = "exact")]
    pub debt_payment_amount: Option<Exact>,
    pub currency: Text<'a>,
    pub payment_arrangement_allowed: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::backends::gentrack) struct OverdueList<T> {
    pub overdue_payments: Many<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Overdue<'a> {
    #[serde(default, deserialize_with = "day")]
    pub payment_due_date: Option<Day>,
    pub amount_overdue: Exact,
    pub currency: Option<Text<'a>>,
    pub days_past_due: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Method<'a> {
    global_reference: Option<Ident<'a>>,
    global_id: Option<Ident<'a>>,
    #[serde(rename = "globalID")]
    global_id_capital: Option<Ident<'a>>,
    pub method: Text<'a>,
    pub currency: Option<Text<'a>>,
    #[serde(default, deserialize_with = "day")]
    pub effective_date: Option<Day>,
    pub status: Option<Text<'a>>,
    pub bank_account: Option<BankAccount<'a>>,
    pub card: Option<Card<'a>>,
}

referred!('a => Method<'a>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct BankAccount<'a> {
    pub account_name: Option<Text<'a>>,
    pub account_number: Option<Ident<'a>>,
    pub bank_code: Option<Ident<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Card<'a> {
    pub masked_number: Option<Ident<'a>>,
    pub expiry: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Arrangement<'a> {
    global_reference: Option<Ident<'a>>,
    global_id: Option<Ident<'a>>,
    #[serde(rename = "globalID")]
    global_id_capital: Option<Ident<'a>>,
    pub arrangement_type: Option<Text<'a>>,
    pub payment_day: Option<u32>,
    pub payment_method: Option<Method<'a>>,
    pub agreement_reference: Option<Ident<'a>>,
    #[serde(default, deserialize_with = "moment")]
    pub agreement_date: Option<Moment>,
    pub next_payment: Option<NextPayment<'a>>,
    pub scheduled_payments: Option<Many<Scheduled<'a>>>,
}

referred!('a => Arrangement<'a>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct NextPayment<'a> {
    #[serde(default, deserialize_with = "day")]
    pub payment_date: Option<Day>,
    #[serde(default, deserialize_with = "exact")]
    pub amount: Option<Exact>,
    pub currency: Option<Text<'a>>,
    pub payment_method: Option<Text<'a>>,
    pub status: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Scheduled<'a> {
    pub id: Option<Ident<'a>>,
    #[serde(default, deserialize_with = "day")]
    pub payment_date: Option<Day>,
    #[serde(default, deserialize_with = "exact")]
    pub balance: Option<Exact>,
    pub currency: Option<Text<'a>>,
    #[serde(rename = "type")]
    pub kind: Option<Text<'a>>,
    pub direct_debit_scheduled: Option<bool>,
    pub arrangement_payment: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Refund<'a> {
    pub global_reference: Option<Ident<'a>>,
    #[serde(default, deserialize_with = "moment")]
    pub date: Option<Moment>,
    pub reason: Option<Text<'a>>,
    pub name: Option<Text<'a>>,
    pub description: Option<Text<'a>>,
    pub amount: Exact,
    #[serde(default, deserialize_with = "exact")]
    pub fee: Option<Exact>,
    pub direct_credit: Option<bool>,
    pub currency: Option<Text<'a>>,
    pub status: Option<Text<'a>>,
}

outgoing! {
    /// `PaymentReviewDate`.
    ReviewDateWrite {
        payment_review_date: String,
    }
    /// `PaymentMethodRequest`.
    MethodWrite {
        method: String,
        currency: String,
        effective_date: String,
        bank_account: BankAccountWrite,
        card: CardWrite,
    }
    /// `BankAccount`.
    BankAccountWrite {
        account_name: String,
        account_number: String,
        bank_code: String,
    }
    /// `PaymentCard`.
    CardWrite {
        masked_number: String,
        expiry: String,
        token: String,
    }
    /// `PaymentArrangementRequest`.
    ArrangementWrite {
        arrangement_type: &'static str,
        frequency: &'static str,
        first_payment_date: String,
        currency: String,
        payment_breakdown: Vec<BreakdownWrite>,
        number_of_payments: u32,
    }
    /// `PaymentBreakdown`.
    BreakdownWrite {
        payment_amount: Box<RawValue>,
    }
    /// `RefundRequest`.
    RefundWrite {
        amount: Box<RawValue>,
        currency: String,
        reason: String,
        description: String,
        direct_credit: bool,
        bank_account: BankAccountWrite,
    }
}
