//! Notes that staff keep on accounts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Native;
use super::id::{AccountId, BackendName, NoteId};

/// A note on an account.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Note {
    /// The note's identifier here; `null` if the system gives none.
    pub id: Option<NoteId>,
    /// The backend it lives in.
    pub backend: BackendName,
    /// The system's own identifier, as text; some systems give none.
    pub native_id: Option<String>,
    /// The account.
    pub account_id: AccountId,
    /// What it says.
    pub body: String,
    /// Whether it is kept in sight.
    pub pinned: Option<bool>,
    /// When it goes out of sight again.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub unpin_at: Option<Timestamp>,
    /// When it was written.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// Who wrote it.
    pub author: Option<String>,
    /// The system's own record, with `include=native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// A note to be put on an account.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    /// What it says.
    #[schema(min_length = 1, max_length = 4000)]
    pub body: String,
    /// Whether it is kept in sight.
    #[serde(default)]
    pub pinned: bool,
    /// When it goes out of sight again; only with `pinned`.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub unpin_at: Option<Timestamp>,
}
