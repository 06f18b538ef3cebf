//! Notes on accounts.

use super::Ask;
use super::answer::{Many, One, Outcome};
use super::check::Faults;
use super::extract::{Inclusion, Json, List, Nothing, Of, Pages, Query};
use crate::error::Result;
use crate::model::id::{AccountId, AccountKind};
use crate::model::note::{NewNote, Note};
use crate::operations::notes::{CreateNote, ListNotes};

/// List the notes on an account
#[utoipa::path(get, path = "/v1/accounts/{account}/notes", tag = "Notes",
    params(("account" = AccountId, Path), Inclusion, Pages),
    responses((status = 200, description = "One page of them", body = Many<Note>)))]
pub(super) async fn list_notes(ask: Ask, Of(account): Of<AccountKind>, list: List<Inclusion>) -> Outcome {
    ask.native(list.filters.native())
        .list(list.page, |paging| ListNotes { account, paging })
        .await
}

/// Put a note on an account
///
/// The call is never sent to the system twice. If it is lost, the answer is 504 `outcome_unknown`: read the account's notes before
/// writing it again.
#[utoipa::path(post, path = "/v1/accounts/{account}/notes", tag = "Notes", params(("account" = AccountId, Path)),
    request_body = NewNote, responses((status = 201, description = "The note", body = One<Note>)))]
pub(super) async fn create_note(
    ask: Ask,
    Of(account): Of<AccountKind>,
    Query(Nothing {}): Query<Nothing>,
    Json(new): Json<NewNote>,
) -> Outcome {
    let new = checked(new)?;
    ask.created(CreateNote { account, new }, |_| None).await
}

fn checked(new: NewNote) -> Result<NewNote> {
    let mut faults = Faults::default();
    faults.long("/body", Some(&new.body));
    faults.unless(
        new.pinned || new.unpin_at.is_none(),
        "/unpin_at",
        "only a note that is pinned goes out of sight again",
    );
    faults.none_in(new)
}
