//! How accounts pay.

use secrecy::ExposeSecret as _;

use super::Ask;
use super::answer::{Many, One, Outcome};
use super::check::Faults;
use super::extract::{Inclusion, Json, List, Nothing, Of, Pages, Query};
use crate::error::Result;
use crate::model::id::{AccountId, AccountKind};
use crate::model::payment_method::{NewBankAccount, NewCard, NewPaymentMethod, PaymentMethod, PaymentMethodKind};
use crate::operations::payment_methods::{CreatePaymentMethod, ListPaymentMethods};

/// List the ways an account pays
#[utoipa::path(get, path = "/v1/accounts/{account}/payment-methods", tag = "Payments",
    params(("account" = AccountId, Path), Inclusion, Pages),
    responses((status = 200, description = "One page of them", body = Many<PaymentMethod>)))]
pub(super) async fn list_payment_methods(ask: Ask, Of(account): Of<AccountKind>, list: List<Inclusion>) -> Outcome {
    ask.native(list.filters.native())
        .list(list.page, |paging| ListPaymentMethods { account, paging })
        .await
}

/// Set up a way to pay
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`: read the account's payment
/// methods before setting it up again. A card is named by the payment service provider's token, never by its number.
#[utoipa::path(post, path = "/v1/accounts/{account}/payment-methods", tag = "Payments", params(("account" = AccountId, Path)),
    request_body = NewPaymentMethod, responses((status = 201, description = "The payment method, masked", body = One<PaymentMethod>)))]
pub(super) async fn create_payment_method(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(new): Json<NewPaymentMethod>,
) -> Outcome {
    let new = checked(new)?;
    ask.created(CreatePaymentMethod { account, new }, |_| None).await
}

fn checked(new: NewPaymentMethod) -> Result<NewPaymentMethod> {
    let mut faults = Faults::default();
    faults.texts("", &[("native_kind", &new.native_kind), ("ledger", &new.ledger)]);
    faults.unless(
        new.kind != PaymentMethodKind::Other || new.native_kind.is_some(),
        "/native_kind",
        "it is required with `OTHER`",
    );
    faults.unless(
        new.bank_account.is_none() || new.card.is_none(),
        "/card",
        "there is a bank account: a method has one or the other",
    );
    if let Some(account) = &new.bank_account {
        faults.unless(
            new.kind != PaymentMethodKind::Card,
            "/bank_account",
            "a method of kind `CARD` has none",
        );
        check_bank_account(&mut faults, "/bank_account", account);
    }
    if let Some(card) = &new.card {
        faults.unless(
            new.kind != PaymentMethodKind::DirectDebit,
            "/card",
            "a method of kind `DIRECT_DEBIT` has none",
        );
        check_card(&mut faults, card);
    }
    faults.none_in(new)
}

/// Checks a bank account that a caller gives.
pub(super) fn check_bank_account(faults: &mut Faults, below: &str, account: &NewBankAccount) {
    faults.texts(below, &[("holder", &account.holder)]);
    let named = |name: &str| format!("{below}/{name}");
    faults.unless(fits(account.number.expose_secret()), named("number"), NUMBER);
    if let Some(code) = &account.bank_code {
        faults.unless(fits(code.expose_secret()), named("bank_code"), NUMBER);
    }
}

const NUMBER: &str = "it must be 1 to 64 letters, digits, spaces and hyphens";

fn fits(number: &str) -> bool {
    number.len() <= 64
        && number.bytes().any(|b| b.is_ascii_alphanumeric())
        && number
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-'))
}

fn check_card(faults: &mut Faults, card: &NewCard) {
    let token = card.token.expose_secret();
    faults.text("/card/token", token);
    // A number in the token's place would go where no card number may go: logs of systems, their databases.
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    faults.unless(
        !(12..=19).contains(&digits) || token.bytes().any(|b| !b.is_ascii_digit() && !matches!(b, b' ' | b'-')),
        "/card/token",
        "it looks like the card's number: give the payment service provider's token",
    );
    if let Some(four) = &card.number_last_four {
        faults.unless(
            four.len() == 4 && four.bytes().all(|b| b.is_ascii_digit()),
            "/card/number_last_four",
            "it must be four digits",
        );
    }
    if let Some(expires) = &card.expires {
        faults.unless(month(expires), "/card/expires", "it must be a month, `YYYY-MM`");
    }
}

fn month(text: &str) -> bool {
    text.split_once('-').is_some_and(|(year, month)| {
        year.len() == 4
            && month.len() == 2
            && year.bytes().all(|b| b.is_ascii_digit())
            && month.parse().is_ok_and(|month: u8| (1..=12).contains(&month))
    })
}
