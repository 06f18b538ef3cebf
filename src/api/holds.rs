//! Holds on accounts.

use super::Ask;
use super::answer::{One, Outcome};
use super::check::Faults;
use super::extract::{Inclusion, Json, Nothing, Of, Query};
use crate::error::Result;
use crate::model::hold::{Hold, NewHold};
use crate::model::id::{AccountId, AccountKind};
use crate::operations::holds::{GetHold, PlaceHold};

/// Read whether an account is held
#[utoipa::path(get, path = "/v1/accounts/{account}/hold", tag = "Accounts",
    params(("account" = AccountId, Path), Inclusion),
    responses((status = 200, description = "Whether it is held", body = One<Hold>)))]
pub(super) async fn get_hold(ask: Ask, Of(account): Of<AccountKind>, Query(query): Query<Inclusion>) -> Outcome {
    ask.native(query.native()).one(GetHold { account }).await
}

/// Place a hold on an account
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`: read the hold before placing
/// it again.
#[utoipa::path(post, path = "/v1/accounts/{account}/hold", tag = "Accounts", params(("account" = AccountId, Path)),
    request_body = NewHold, responses((status = 201, description = "The hold", body = One<Hold>)))]
pub(super) async fn place_hold(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(new): Json<NewHold>,
) -> Outcome {
    let new = checked(new)?;
    ask.created(PlaceHold { account, new }, |_| None).await
}

fn checked(new: NewHold) -> Result<NewHold> {
    let mut faults = Faults::default();
    faults.text("/reason", &new.reason);
    faults.long("/description", new.description.as_ref());
    faults.period("/period", new.period.as_ref());
    faults.none_in(new)
}
