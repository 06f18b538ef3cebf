//! Whose CRM.COM's records are.

use super::calls::Crmcom;
use crate::backends::{Owner, Owns};
use crate::model::id::{AccountKind, Kind};
use crate::operations::Record;

/// An account's number is the whole of its key. By an id or a name the same account is asked for under another key, and which
/// one it is would be known only after reading it.
impl Owns for Crmcom {
    fn owner(&self, record: Record<'_>) -> Owner {
        match record.kind {
            AccountKind::WORD if !record.key.contains('~') => Owner::first_part(&self.name, record.key),
            _ => Owner::Unknown,
        }
    }
}
