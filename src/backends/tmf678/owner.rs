//! Whose this API's records are.

use super::calls::Tmf678;
use crate::backends::{Owner, Owns};
use crate::model::id::{AccountKind, BillKind, Kind};
use crate::operations::Record;

/// The place stands first in these keys, with the account at its end. A bill is given only if it says that it is of that
/// account (README §3). A key that leaves the account out tells nothing.
impl Owns for Tmf678 {
    fn owner(&self, record: Record<'_>) -> Owner {
        let told = match record.kind {
            AccountKind::WORD | BillKind::WORD => Owner::first_part(&self.name, record.key),
            _ => Owner::Unknown,
        };
        match told {
            Owner::Account(place) if place.key().ends_with(':') => Owner::Unknown,
            told => told,
        }
    }
}
