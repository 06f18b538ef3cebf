//! Operations on accounts.

use super::filter::Filter;
use super::{Operation, Repeat, Scope, Target};
use crate::model::account::{Account, AccountStatus, Balance};
use crate::model::id::{AccountId, BackendName};
use crate::model::page::{Page, Paging};

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
