//! Whose Gentrack's records are.

use super::calls::Gentrack;
use crate::backends::{Owner, Owns};
use crate::model::id::{AccountKind, ArrangementMark, BillKind, Kind, MeterKind, ServicePointKind};
use crate::operations::Record;

/// The account stands first in these keys, and the calls hold the system to it: where a path has no room for the account, the
/// account is read first, and what it does not name is not there. Customers, organisations and contacts hold several accounts.
impl Owns for Gentrack {
    fn owner(&self, record: Record<'_>) -> Owner {
        match record.kind {
            AccountKind::WORD | BillKind::WORD | ServicePointKind::WORD | MeterKind::WORD | ArrangementMark::WORD => {
                Owner::first_part(self.name(), record.key)
            }
            _ => Owner::Unknown,
        }
    }
}
