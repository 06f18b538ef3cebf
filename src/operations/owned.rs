//! Whose a reply is, as far as it says so itself.

use super::Change;
use super::native::NativeReply;
use crate::model::account::{Account, Balance};
use crate::model::arrangement::PaymentArrangement;
use crate::model::bill::{Bill, Document};
use crate::model::enrollment::{
    self, CandidateAccount, CandidateMeter, Credential, CustomAttributeDefinition, Provider, ServiceType, Template,
};
use crate::model::hold::Hold;
use crate::model::id::AccountId;
use crate::model::meter::{Meter, Reading, ReadingsVerdict, ServicePoint};
use crate::model::note::Note;
use crate::model::page::{Page, Paging};
use crate::model::party::{Contact, Customer, Organisation, Receipt};
use crate::model::payment::Payment;
use crate::model::payment_method::PaymentMethod;
use crate::model::posting::Posting;
use crate::model::refund::Refund;
use crate::model::terms::{BillingSchedule, OverduePayment, PaymentReview, PaymentTerms, SuggestedPayment};
use crate::model::transaction::Transaction;
use crate::model::usage::Interval;

/// Says whose a reply is. Every reply of an operation does, so that none goes to a caller bound to other accounts.
pub trait Owned {
    /// Tells every account that the reply says it belongs to; none if it does not say.
    fn owners(&self, tell: &mut dyn FnMut(&AccountId));
}

/// A search for accounts, as it is answered to a caller bound to accounts: by reading those, one by one, so that neither the
/// answer nor the time it takes speaks of any other.
pub struct AmongOwn<R> {
    /// Whether an account is one that was searched for.
    pub fits: Box<dyn Fn(&Account) -> bool + Send + Sync>,
    /// Which page; a position is the key of the last account given.
    pub paging: Paging,
    /// Makes the reply.
    pub reply: fn(Page<Account>) -> R,
}

impl<T: Owned> Owned for Page<T> {
    fn owners(&self, tell: &mut dyn FnMut(&AccountId)) {
        for item in &self.items {
            item.owners(tell);
        }
    }
}

impl<T: Owned> Owned for Change<T> {
    fn owners(&self, tell: &mut dyn FnMut(&AccountId)) {
        if let Self::Now(record) = self {
            record.owners(tell);
        }
    }
}

impl Owned for Account {
    fn owners(&self, tell: &mut dyn FnMut(&AccountId)) {
        tell(&self.id);
    }
}

impl Owned for Payment {
    fn owners(&self, tell: &mut dyn FnMut(&AccountId)) {
        self.account_id.iter().for_each(tell);
    }
}

impl Owned for CandidateMeter {
    fn owners(&self, tell: &mut dyn FnMut(&AccountId)) {
        self.account_id.iter().for_each(tell);
    }
}

impl Owned for ServicePoint {
    fn owners(&self, tell: &mut dyn FnMut(&AccountId)) {
        tell(&self.account_id);
        for meter in self.meters.iter().flatten() {
            meter.owners(tell);
        }
    }
}

/// Records that name the account they belong to.
macro_rules! of_an_account {
    ($($record:ty),* $(,)?) => {
        $(impl Owned for $record {
            fn owners(&self, tell: &mut dyn FnMut(&AccountId)) {
                tell(&self.account_id);
            }
        })*
    };
}

of_an_account!(
    Balance,
    Bill,
    BillingSchedule,
    Hold,
    Meter,
    Note,
    OverduePayment,
    PaymentArrangement,
    PaymentMethod,
    PaymentReview,
    PaymentTerms,
    Posting,
    Refund,
    SuggestedPayment,
    Transaction,
);

/// Records that name no account: whose they are is known by what they were asked for under.
macro_rules! of_nobody {
    ($($record:ty),* $(,)?) => {
        $(impl Owned for $record {
            fn owners(&self, _: &mut dyn FnMut(&AccountId)) {}
        })*
    };
}

of_nobody!(
    CandidateAccount,
    Contact,
    Credential,
    CustomAttributeDefinition,
    Customer,
    Document,
    Interval,
    NativeReply,
    Organisation,
    Provider,
    Reading,
    ReadingsVerdict,
    Receipt,
    ServiceType,
    Template,
    enrollment::Change,
);
