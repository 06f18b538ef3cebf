//! Whose Kraken's records are.

use super::Kraken;
use crate::backends::{Owner, Owns};
use crate::model::id::{AccountKind, BillKind, Kind, MeterKind, RefundMark, ServicePointKind};
use crate::operations::Record;

/// The account stands first in these keys, and every document asks for the record below `account(accountNumber:)`, so that
/// the system gives it as that account's or not at all.
impl Owns for Kraken {
    fn owner(&self, record: Record<'_>) -> Owner {
        match record.kind {
            AccountKind::WORD | BillKind::WORD | ServicePointKind::WORD | MeterKind::WORD | RefundMark::WORD => {
                Owner::first_part(&self.deployment.name, record.key)
            }
            _ => Owner::Unknown,
        }
    }
}
