//! Operations on bills.

use jiff::civil::Date;

use super::{Change, Operation, Repeat, Scope, Target};
use crate::model::bill::{Bill, BillKind, Document, DocumentForm, NewCorrection};
use crate::model::id::{AccountId, BillId};
use crate::model::meter::Reading;
use crate::model::page::{Page, Paging};

/// Lists an account's bills, newest issue date first.
///
/// Bills that another took the place of, and annulled ones, are left out unless `superseded` is set.
#[derive(Clone, Debug)]
pub struct ListBills {
    /// The account.
    pub account: AccountId,
    /// Only bills issued on this day or later.
    pub from: Option<Date>,
    /// Only bills issued before this day.
    pub to: Option<Date>,
    /// Only bills of this kind.
    pub kind: Option<BillKind>,
    /// Whether bills that no longer count are listed too.
    pub superseded: bool,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListBills {
    type Reply = Page<Bill>;
    const ID: &'static str = "bills.list";
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
            self.superseded.then_some("include=superseded"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Reads one bill.
#[derive(Clone, Debug)]
pub struct GetBill {
    /// The bill.
    pub bill: BillId,
}

impl Operation for GetBill {
    type Reply = Bill;
    const ID: &'static str = "bills.get";
    const SCOPE: Scope = Scope::BillsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.bill)
    }
}

/// Reads a bill's document: the bytes themselves.
#[derive(Clone, Debug)]
pub struct GetBillDocument {
    /// The bill.
    pub bill: BillId,
    /// The forms the caller takes, best first; never empty.
    pub forms: Vec<DocumentForm>,
}

impl Operation for GetBillDocument {
    type Reply = Document;
    const ID: &'static str = "bills.document";
    const SCOPE: Scope = Scope::BillsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.bill)
    }
}

/// Lists the readings a bill was made from, by meter, register and instant.
#[derive(Clone, Debug)]
pub struct ListBillReadings {
    /// The bill.
    pub bill: BillId,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListBillReadings {
    type Reply = Page<Reading>;
    const ID: &'static str = "bills.readings";
    const SCOPE: Scope = Scope::MetersRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.bill)
    }
}

/// Corrects a bill that was issued. Replies with the bill as it stands then, where the system gives it.
#[derive(Clone, Debug)]
pub struct CorrectBill {
    /// The bill.
    pub bill: BillId,
    /// What is to be done about it.
    pub new: NewCorrection,
}

impl Operation for CorrectBill {
    type Reply = Change<Bill>;
    const ID: &'static str = "bills.correct";
    const SCOPE: Scope = Scope::BillsWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> = Some(
        "read GET /v1/bills/{bill} and the account's bills with `include=superseded` to see whether it was corrected before correcting it again",
    );

    fn target(&self) -> Target<'_> {
        Target::record(&self.bill)
    }
}
