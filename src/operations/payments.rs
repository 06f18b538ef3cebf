//! Operations on payments.

use jiff::civil::Date;

use super::{Operation, Repeat, Scope, Target};
use crate::model::id::AccountId;
use crate::model::page::{Page, Paging};
use crate::model::payment::Payment;

/// Lists an account's payments, newest first; those without a date come last.
#[derive(Clone, Debug)]
pub struct ListPayments {
    /// The account.
    pub account: AccountId,
    /// Only payments made on this day or later.
    pub from: Option<Date>,
    /// Only payments made before this day.
    pub to: Option<Date>,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListPayments {
    type Reply = Page<Payment>;
    const ID: &'static str = "payments.list";
    const SCOPE: Scope = Scope::PaymentsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }

    fn filters(&self) -> Vec<&'static str> {
        [self.from.map(|_| "from"), self.to.map(|_| "to")]
            .into_iter()
            .flatten()
            .collect()
    }
}
