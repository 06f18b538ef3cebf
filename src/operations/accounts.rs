//! Operations on accounts.

use jiff::civil::Date;

use super::filter::Filter;
use super::{Change, Operation, Repeat, Scope, Target};
use crate::model::account::{Account, AccountStatus, Balance};
use crate::model::account_write::{AccountPatch, NewAccount};
use crate::model::id::{AccountId, BackendName};
use crate::model::page::{Page, Paging};
use crate::model::terms::{BillingSchedule, OverduePayment, PaymentTerms, SuggestedPayment};
use crate::model::text::{Line, Secret};

/// Reads one account.
#[derive(Clone, Debug)]
pub struct GetAccount {
    /// The account.
    pub account: AccountId,
}

impl Operation for GetAccount {
    type Reply = Account;
    const ID: &'static str = "accounts.get";
    const SCOPE: Scope = Scope::AccountsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Reads what is owed on an account.
#[derive(Clone, Debug)]
pub struct GetBalance {
    /// The account.
    pub account: AccountId,
}

impl Operation for GetBalance {
    type Reply = Balance;
    const ID: &'static str = "accounts.balance";
    const SCOPE: Scope = Scope::AccountsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Looks for accounts in one backend, in the order of their numbers.
#[derive(Clone, Debug)]
pub struct SearchAccounts {
    /// The backend.
    pub backend: BackendName,
    /// Only the account with this number.
    pub number: Option<String>,
    /// Only accounts of the customer with this number.
    pub customer_number: Option<String>,
    /// Only accounts that stand like this.
    pub status: Option<AccountStatus>,
    /// What must hold beside.
    pub filters: Vec<Filter>,
    /// Which page.
    pub paging: Paging,
}

impl Operation for SearchAccounts {
    type Reply = Page<Account>;
    const ID: &'static str = "accounts.search";
    const SCOPE: Scope = Scope::AccountsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target {
            backend: self.backend.as_str(),
            key: None,
        }
    }

    fn filters(&self) -> Vec<&'static str> {
        [
            self.number.as_ref().map(|_| "number"),
            self.customer_number.as_ref().map(|_| "customer_number"),
            self.status.map(|_| "status"),
        ]
        .into_iter()
        .flatten()
        .chain(self.filters.iter().map(Filter::capability))
        .collect()
    }
}

/// What an end customer shows to be known by: a card, a code, or a password for once.
#[derive(Clone, Debug)]
pub enum Shown {
    /// The code of a card or another token.
    AuthenticationCode(Secret),
    /// A name that the customer chose, and the code that goes with it.
    PassCode {
        /// The name.
        identifier: Line,
        /// The code.
        pass_code: Secret,
    },
    /// A password that is good for one time: digits alone.
    OneTimePassword(Secret),
}

/// Looks for the account of an end customer in one backend, by what the customer shows.
#[derive(Clone, Debug)]
pub struct MatchAccounts {
    /// The backend.
    pub backend: BackendName,
    /// What the customer shows.
    pub shown: Shown,
    /// Which page.
    pub paging: Paging,
}

impl Operation for MatchAccounts {
    type Reply = Page<Account>;
    const ID: &'static str = "accounts.match";
    const SCOPE: Scope = Scope::AccountsRead;
    const REPEAT: Repeat = Repeat::Read;
    const AFTER_LOSS: Option<&'static str> =
        Some("nothing was changed, but the one-time password may be spent: have the customer get another one");

    fn target(&self) -> Target<'_> {
        Target::backend(&self.backend)
    }

    /// A one-time password is spent by the call that shows it, so a second one would find nothing.
    fn repeat(&self) -> Repeat {
        match self.shown {
            Shown::AuthenticationCode(_) | Shown::PassCode { .. } => Repeat::Read,
            Shown::OneTimePassword(_) => Repeat::Once,
        }
    }
}

/// Opens an account.
#[derive(Clone, Debug)]
pub struct CreateAccount {
    /// The account to be opened; it names the backend.
    pub new: NewAccount,
}

impl Operation for CreateAccount {
    type Reply = Account;
    const ID: &'static str = "accounts.create";
    const SCOPE: Scope = Scope::AccountsWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> =
        Some("look for the account with GET /v1/accounts?backend={backend}&number={number} before opening it again");

    fn target(&self) -> Target<'_> {
        Target {
            backend: self.new.backend.as_str(),
            key: None,
        }
    }
}

/// Changes an account.
#[derive(Clone, Debug)]
pub struct UpdateAccount {
    /// The account.
    pub account: AccountId,
    /// What is to change; at least one member is not [`Patch::Keep`](crate::model::patch::Patch::Keep).
    pub patch: AccountPatch,
}

impl Operation for UpdateAccount {
    type Reply = Change<Account>;
    const ID: &'static str = "accounts.update";
    const SCOPE: Scope = Scope::AccountsWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Ends an account for good.
#[derive(Clone, Debug)]
pub struct CloseAccount {
    /// The account.
    pub account: AccountId,
}

impl Operation for CloseAccount {
    type Reply = Change<Account>;
    const ID: &'static str = "accounts.close";
    const SCOPE: Scope = Scope::AccountsWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> =
        Some("read GET /v1/accounts/{account}: `status` is `CLOSED` if the account was closed");

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Suspends an account.
#[derive(Clone, Debug)]
pub struct SuspendAccount {
    /// The account.
    pub account: AccountId,
}

impl Operation for SuspendAccount {
    type Reply = Change<Account>;
    const ID: &'static str = "accounts.suspend";
    const SCOPE: Scope = Scope::AccountsWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> =
        Some("read GET /v1/accounts/{account}: `status` is `SUSPENDED` if the account was suspended");

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Takes a suspended account into use again.
#[derive(Clone, Debug)]
pub struct ReactivateAccount {
    /// The account.
    pub account: AccountId,
}

impl Operation for ReactivateAccount {
    type Reply = Change<Account>;
    const ID: &'static str = "accounts.reactivate";
    const SCOPE: Scope = Scope::AccountsWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> =
        Some("read GET /v1/accounts/{account}: `status` is `ACTIVE` if the account was taken into use again");

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Puts an account under another one.
#[derive(Clone, Debug)]
pub struct SetParent {
    /// The account.
    pub account: AccountId,
    /// The account it shall stand under; it is in the same backend and another account.
    pub parent: AccountId,
    /// The day it stands there from; at once if absent.
    pub effective_on: Option<Date>,
}

impl Operation for SetParent {
    type Reply = Change<Account>;
    const ID: &'static str = "accounts.set_parent";
    const SCOPE: Scope = Scope::AccountsWrite;
    const REPEAT: Repeat = Repeat::Repeatable;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Reads when an account is billed.
#[derive(Clone, Debug)]
pub struct GetBillingSchedule {
    /// The account.
    pub account: AccountId,
}

impl Operation for GetBillingSchedule {
    type Reply = BillingSchedule;
    const ID: &'static str = "accounts.billing_schedule";
    const SCOPE: Scope = Scope::AccountsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Reads when and how the customer is expected to pay.
#[derive(Clone, Debug)]
pub struct GetPaymentTerms {
    /// The account.
    pub account: AccountId,
}

impl Operation for GetPaymentTerms {
    type Reply = PaymentTerms;
    const ID: &'static str = "accounts.payment_terms";
    const SCOPE: Scope = Scope::AccountsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Reads the payment that the system recommends.
#[derive(Clone, Debug)]
pub struct GetSuggestedPayment {
    /// The account.
    pub account: AccountId,
    /// Whether the payment covers debt too; as the system has it if absent.
    pub include_debt: Option<bool>,
    /// Whether the payment covers fixed payments too; as the system has it if absent.
    pub include_fixed: Option<bool>,
}

impl Operation for GetSuggestedPayment {
    type Reply = SuggestedPayment;
    const ID: &'static str = "accounts.suggested_payment";
    const SCOPE: Scope = Scope::AccountsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }

    fn filters(&self) -> Vec<&'static str> {
        [
            self.include_debt.map(|_| "include_debt"),
            self.include_fixed.map(|_| "include_fixed"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Lists what is past its due date, oldest first. A total without dates is one item; nothing overdue is an empty list.
#[derive(Clone, Debug)]
pub struct ListOverduePayments {
    /// The account.
    pub account: AccountId,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListOverduePayments {
    type Reply = Page<OverduePayment>;
    const ID: &'static str = "accounts.overdue";
    const SCOPE: Scope = Scope::AccountsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}
