//! Operations on notes.

use super::{Operation, Repeat, Scope, Target};
use crate::model::id::AccountId;
use crate::model::note::{NewNote, Note};
use crate::model::page::{Page, Paging};

/// Lists the notes on an account, newest first where the system dates them.
#[derive(Clone, Debug)]
pub struct ListNotes {
    /// The account.
    pub account: AccountId,
    /// Which page.
    pub paging: Paging,
}

impl Operation for ListNotes {
    type Reply = Page<Note>;
    const ID: &'static str = "notes.list";
    const SCOPE: Scope = Scope::AccountsRead;
    const REPEAT: Repeat = Repeat::Read;

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}

/// Puts a note on an account.
#[derive(Clone, Debug)]
pub struct CreateNote {
    /// The account.
    pub account: AccountId,
    /// The note.
    pub new: NewNote,
}

impl Operation for CreateNote {
    type Reply = Note;
    const ID: &'static str = "notes.create";
    const SCOPE: Scope = Scope::AccountsWrite;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> =
        Some("read GET /v1/accounts/{account}/notes to see whether the note is there before writing it again");

    fn target(&self) -> Target<'_> {
        Target::record(&self.account)
    }
}
