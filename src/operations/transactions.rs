//! Operations on ledgers.

use jiff::civil::Date;

use super::{Operation, Repeat, Scope, Target};
use crate::model::id::AccountId;
use crate::model::page::{Page, Paging};
use crate::model::transaction::{Transaction, TransactionKind};

/// Lists the entries of all of an account's ledgers, newest first within each ledger.
#[derive(Clone, Debug)]
pub struct ListTransactions {
    /// The account.
    pub account: AccountId,
    /// Only entries posted on this day or later.
    pub from: Option<Date>,
    /// Only entries posted before this day.
    pub to: Option<Date>,
    /// Only entries of this kind.
    pub kind: Option<TransactionKind>,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListTransactions {
    type Reply = Page<Transaction>;
    const ID: &'static str = "transactions.list";
    const SCOPE: Scope = Scope::BillsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }

    fn filters(&self) -> Vec<&'static str> {
        [
            self.from.map(|_| "from"),
            self.to.map(|_| "to"),
            self.kind.map(|_| "kind"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
