//! Notes. The system gives them no identifier and no idempotency key (contract, "Writes").

use async_trait::async_trait;

use super::payments::gone;
use super::write::{Members, Sending};
use super::{Raw, natives};
use crate::backends::Serves;
use crate::backends::kraken::{Kraken, documents};
use crate::error::Result;
use crate::model::note::Note;
use crate::model::page::Page;
use crate::operations::notes::{CreateNote, ListNotes};
use crate::operations::{Context, Operation as _};

const NOTE: Members = &[
    ("KT-CT-4180", "/body"),
    ("KT-CT-4195", "/unpin_at"),
    ("KT-CT-4196", "/unpin_at"),
];

#[async_trait]
impl Serves<ListNotes> for Kraken {
    async fn serve(&self, operation: ListNotes, cx: &Context) -> Result<Page<Note>> {
        let owner = self.owner(&operation.account)?;
        let variables = documents::notes::Variables {
            account: owner.number.clone(),
        };
        let mut answered = self.ask::<documents::Notes>(ListNotes::ID, variables, cx).await?;
        let account = self.account_in(&mut answered, &owner, |account| account.number.as_deref())?;
        let Some(found) = account.notes else {
            answered.none(&["account", "notes"])?;
            return Ok(Page::whole(Vec::new()));
        };
        let mut raw = natives(cx.native, || {
            let notes = Raw::of(&answered.body)?.at(&["data", "account", "notes"])?;
            Some(notes.items().into_iter().map(|raw| Some(raw.native())).collect())
        });
        let mut notes = Vec::new();
        for (at, note) in found.into_iter().enumerate() {
            let Some(note) = note else {
                answered.none(&["account", "notes", &at.to_string()])?;
                continue;
            };
            let mut note = self.deployment.note(&owner, note)?;
            note.native = raw.get_mut(at).and_then(Option::take);
            notes.push(note);
        }
        // Oldest first while they are counted: a note that comes later moves no position.
        notes.sort_by_key(|note| note.created_at);
        let counted = notes.into_iter().enumerate().map(|(at, note)| (at.to_string(), note));
        let newest_first = counted.rev().collect();
        let page = Page::cut(newest_first, &operation.paging, |(position, _): &(String, Note)| {
            position
        })
        .map_err(gone)?;
        Ok(Page {
            items: page.items.into_iter().map(|(_, note)| note).collect(),
            next: page.next,
        })
    }
}

#[async_trait]
impl Serves<CreateNote> for Kraken {
    async fn serve(&self, operation: CreateNote, cx: &Context) -> Result<Note> {
        let owner = self.owner(&operation.account)?;
        let new = operation.new;
        let input = documents::create_account_note::CreateAccountNoteInput {
            account_number: owner.number.clone(),
            note: new.body.clone(),
            is_pinned: new.pinned,
            unpin_at: new.unpin_at.map(|at| at.to_string()),
        };
        let sending = Sending {
            operation: CreateNote::ID,
            may_repeat: false,
            members: NOTE,
        };
        let variables = documents::create_account_note::Variables { input };
        let answered = self
            .write::<documents::CreateAccountNote>(&sending, &owner, variables, cx)
            .await?;
        // The answer is the account, not the note.
        let payload = answered.data.create_account_note.as_ref();
        let account = payload.and_then(|payload| payload.account.as_ref());
        match account.and_then(|account| account.number.as_ref()) {
            Some(number) if *number == owner.number => Ok(self.deployment.written_note(&owner, new)),
            _ => Err(answered.unsure(&["createAccountNote", "account"])),
        }
    }
}
