//! Shapes of what hangs on an account: its billing outlook, its holds, and what is written about it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::party::RelatedWrite;
use super::{Day, Ident, Period, Text, day};

/// What the tenant adds to an account of its own, by name; values stand as they came.
pub(in crate::backends::gentrack) type Extensions = BTreeMap<String, Box<RawValue>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct BillingInformation<'a> {
    pub last_billed_period: Option<Period>,
    #[serde(default, deserialize_with = "day")]
    pub last_bill_date: Option<Day>,
    #[serde(default, deserialize_with = "day")]
    pub next_bill_date: Option<Day>,
    #[serde(default, deserialize_with = "day")]
    pub next_bill_date_maximum: Option<Day>,
    pub next_bill_date_frequency: Option<Text<'a>>,
    pub bill_date_updatable: Option<bool>,
    pub bill_frequency_options: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Review<'a> {
    pub under_review: bool,
    review_reference: Option<Ident<'a>>,
    suspension_id: Option<Ident<'a>>,
    pub reason: Option<Text<'a>>,
    pub description: Option<Text<'a>>,
    pub suppress_billing: Option<bool>,
    pub suppress_payments: Option<bool>,
    pub suppress_credit: Option<bool>,
    pub period: Option<Period>,
}

impl<'a> Review<'a> {
    /// The reference under either of its names (openapi.yaml, `x-aliases`).
    pub(in crate::backends::gentrack) fn reference(&self) -> Option<&Ident<'a>> {
        self.review_reference.as_ref().or(self.suspension_id.as_ref())
    }
}

/// What a create call gives back: at least the reference of the new record.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(in crate::backends::gentrack) struct Created<'a> {
    global_reference: Option<Ident<'a>>,
    global_id: Option<Ident<'a>>,
    #[serde(rename = "globalID")]
    global_id_capital: Option<Ident<'a>>,
}

referred!('a => Created<'a>);

/// Shapes that are sent: every member may be left out.
macro_rules! outgoing {
    ($($(#[doc = $doc:literal])* $name:ident { $($(#[$attribute:meta])* $member:ident: $kind:ty),* $(,)? })*) => {$(
        $(#[doc = $doc])*
        #[derive(serde::Serialize, Default)]
        #[serde(rename_all = "camelCase")]
        pub(in crate::backends::gentrack) struct $name {
            $(
                #[serde(skip_serializing_if = "Option::is_none")]
                $(#[$attribute])*
                pub $member: Option<$kind>,
            )*
        }
    )*};
}
pub(super) use outgoing;

outgoing! {
    /// `AccountWrite`.
    AccountWrite {
        global_reference: String,
        crm_id: String,
        name: String,
        #[serde(rename = "type")]
        kind: String,
        brand: String,
        currency: String,
        bill_delivery: String,
        customer_reference: String,
        organisation_reference: String,
        parent_account_reference: String,
        billing_address: AddressWrite,
        relationships: Vec<RelatedWrite>,
        extensions: Extensions,
    }
    /// `PostalAddress`.
    AddressWrite {
        address_line1: String,
        address_line2: String,
        state: String,
        city: String,
        postcode: String,
        country: String,
    }
    /// `AccountReviewRequest`.
    ReviewWrite {
        reason: String,
        description: String,
        suppress_billing: bool,
        suppress_payments: bool,
        suppress_credit: bool,
        period: PeriodWrite,
    }
    /// `Period`; the last day is in it.
    PeriodWrite {
        from_date: String,
        to_date: String,
    }
    /// `FixBillRequest`.
    FixWrite {
        fix_type: &'static str,
        #[serde(rename = "type")]
        kind: String,
        reason: String,
        description: String,
    }
}

/// `AccountParentRequest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::backends::gentrack) struct ParentWrite<'a> {
    pub parent_account_reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_date: Option<String>,
}
