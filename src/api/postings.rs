//! Charges and credits that callers put on accounts.

use super::Ask;
use super::answer::{One, Outcome};
use super::check::Faults;
use super::extract::{Json, Nothing, Of, Query};
use crate::error::Result;
use crate::model::id::{AccountId, AccountKind};
use crate::model::posting::{NewCharge, NewCredit, Posting};
use crate::operations::postings::{CreateCharge, CreateCredit};

/// Put a charge on an account
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`: read the account's
/// transactions before charging again.
#[utoipa::path(post, path = "/v1/accounts/{account}/charges", tag = "Transactions", params(("account" = AccountId, Path)),
    request_body = NewCharge, responses((status = 201, description = "What became of the charge", body = One<Posting>)))]
pub(super) async fn create_charge(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(new): Json<NewCharge>,
) -> Outcome {
    let new = checked_charge(new)?;
    ask.created(CreateCharge { account, new }, |_| None).await
}

/// Give a credit to an account
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`: read the account's
/// transactions before giving it again.
#[utoipa::path(post, path = "/v1/accounts/{account}/credits", tag = "Transactions", params(("account" = AccountId, Path)),
    request_body = NewCredit, responses((status = 201, description = "What became of the credit", body = One<Posting>)))]
pub(super) async fn create_credit(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(new): Json<NewCredit>,
) -> Outcome {
    let new = checked_credit(new)?;
    ask.created(CreateCredit { account, new }, |_| None).await
}

fn checked_charge(new: NewCharge) -> Result<NewCharge> {
    let mut faults = Faults::default();
    faults.above_zero("/amount", &new.amount);
    check_words(&mut faults, &new.reason, &new.description, &new.note, &new.ledger);
    faults.none_in(new)
}

fn checked_credit(new: NewCredit) -> Result<NewCredit> {
    let mut faults = Faults::default();
    faults.above_zero("/amount", &new.amount);
    if let Some(tax) = &new.tax {
        faults.not_below_zero("/tax", tax);
        faults.unless(
            tax.currency() == new.amount.currency(),
            "/tax/currency",
            "it must be the currency of `amount`",
        );
        faults.unless(
            tax.amount() < new.amount.amount(),
            "/tax/amount",
            "it must be less than `amount`",
        );
    }
    check_words(&mut faults, &new.reason, &new.description, &new.note, &new.ledger);
    faults.none_in(new)
}

fn check_words(
    faults: &mut Faults,
    reason: &str,
    description: &Option<String>,
    note: &Option<String>,
    ledger: &Option<String>,
) {
    faults.text("/reason", reason);
    faults.texts("", &[("ledger", ledger)]);
    faults.long("/description", description.as_ref());
    faults.long("/note", note.as_ref());
}
