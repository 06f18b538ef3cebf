//! The keys of Gentrack's records: how they are made, and how they are read before anything is sent.
//!
//! | record | parts |
//! |---|---|
//! | account, customer, organisation, contact | reference |
//! | bill | reference, `bill`, id, type; without type if the bill has none; with the version behind it where a replaced bill shares both |
//! | transaction | reference, `tx`, id |
//! | service point | reference, `sp`, id |
//! | meter | reference, `sp`, id, `m`, serial number |
//! | payment method | reference, `pm`, id |
//! | payment arrangement | reference, `pa`, id |
//! | refund | reference, `rf`, id |
//! | reading | reference, `sp`, id, `r`, reading reference |
//!
//! The account stands first in all that belongs to one. The word behind it keeps one kind from being taken for another.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::model::id::{
    AccountId, ArrangementId, BackendName, BillId, Id, IdError, Kind, MeterId, ReadingId, ServicePointId,
};

/// Marks a bill's key.
pub(super) const BILL: &str = "bill";
/// Marks a transaction's key.
pub(super) const TRANSACTION: &str = "tx";
/// Marks a service point's key, and those of what stands there.
pub(super) const SERVICE_POINT: &str = "sp";
/// Marks a payment method's key.
pub(super) const METHOD: &str = "pm";
/// Marks a payment arrangement's key.
pub(super) const ARRANGEMENT: &str = "pa";
/// Marks a refund's key.
pub(super) const REFUND: &str = "rf";
const METER: &str = "m";
const READING: &str = "r";

/// A bill as its key names it.
pub(super) struct BillKey<'k> {
    pub(super) id: Cow<'k, str>,
    pub(super) kind: Option<Cow<'k, str>>,
    pub(super) version: Option<Cow<'k, str>>,
}

/// The reference an account's key holds.
pub(super) fn account(id: &AccountId) -> Result<Cow<'_, str>> {
    reference(id)
}

/// The reference that is all of a record's key: an account's, a customer's, an organisation's, a contact's.
pub(super) fn reference<K: Kind>(id: &Id<K>) -> Result<Cow<'_, str>> {
    match parts(id)?.as_slice() {
        [reference] => Ok(reference.clone()),
        _ => Err(another_kind(id)),
    }
}

/// What a bill's key holds.
pub(super) fn bill(id: &BillId) -> Result<BillKey<'_>> {
    let mut parts = id.parts();
    let (Some(account), Some(mark), Some(bill)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(another_kind(id));
    };
    let (kind, version) = (parts.next(), parts.next());
    if mark != BILL || account.is_empty() || bill.is_empty() || parts.next().is_some() {
        return Err(another_kind(id));
    }
    for part in [&account, &bill] {
        usable(part, id)?;
    }
    Ok(BillKey {
        id: bill,
        kind: kind.filter(|kind| !kind.is_empty()),
        version,
    })
}

/// The reference a service point's key holds beside the account's.
pub(super) fn service_point(id: &ServicePointId) -> Result<Cow<'_, str>> {
    match parts(id)?.as_slice() {
        [_, mark, point] if *mark == SERVICE_POINT => Ok(point.clone()),
        _ => Err(another_kind(id)),
    }
}

/// The reference a payment arrangement's key holds beside the account's.
pub(super) fn arrangement(id: &ArrangementId) -> Result<Cow<'_, str>> {
    match parts(id)?.as_slice() {
        [_, mark, arrangement] if *mark == ARRANGEMENT => Ok(arrangement.clone()),
        _ => Err(another_kind(id)),
    }
}

/// The service point a meter's key holds, and the serial number.
pub(super) fn meter_parts<'k>(backend: &BackendName, id: &'k MeterId) -> Result<(ServicePointId, Cow<'k, str>)> {
    match parts(id)?.as_slice() {
        [account, mark, point, meter, serial] if *mark == SERVICE_POINT && *meter == METER => {
            let point = Id::of(backend, &[account, SERVICE_POINT, point]).map_err(|_| another_kind(id))?;
            Ok((point, serial.clone()))
        }
        _ => Err(another_kind(id)),
    }
}

/// The account a record belongs to.
pub(super) fn owner<K: Kind>(backend: &BackendName, id: &Id<K>) -> Result<AccountId> {
    let account = id.parts().next().unwrap_or_default();
    Id::of(backend, &[&account]).map_err(|_| another_kind(id))
}

/// The key of a meter at a service point.
pub(super) fn meter(point: &ServicePointId, serial: &str) -> std::result::Result<MeterId, IdError> {
    below(point, METER, serial)
}

/// The key of a reading at a service point.
pub(super) fn reading(point: &ServicePointId, reference: &str) -> std::result::Result<ReadingId, IdError> {
    below(point, READING, reference)
}

fn below<K>(point: &ServicePointId, mark: &str, part: &str) -> std::result::Result<Id<K>, IdError> {
    let mut text = String::with_capacity(point.as_str().len() + mark.len() + part.len() + 2);
    for piece in [point.as_str(), "~", mark, "~"] {
        text.push_str(piece);
    }
    if part.contains(['~', '%']) {
        text.push_str(&part.replace('%', "%25").replace('~', "%7E"));
    } else {
        text.push_str(part);
    }
    text.parse()
}

fn parts<K: Kind>(id: &Id<K>) -> Result<Vec<Cow<'_, str>>> {
    let parts: Vec<_> = id.parts().collect();
    for part in &parts {
        usable(part, id)?;
    }
    Ok(parts)
}

/// `.` and `..` as a path segment climb, however they are encoded (WHATWG URL, "double-dot URL path segment").
fn usable<K: Kind>(part: &str, id: &Id<K>) -> Result<()> {
    if part.is_empty() || part == "." || part == ".." {
        return Err(another_kind(id));
    }
    Ok(())
}

fn another_kind<K: Kind>(_: &Id<K>) -> Error {
    let word = K::WORD.replace('_', " ");
    Error::parameter(K::WORD, format!("not an identifier of a {word} of this backend"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_key_of_another_kind_is_invalid() {
        let backend: BackendName = "g".parse().unwrap();
        for key in ["1~sp~2", "1~bill~2", "..", ".", "~", "1~", "~sp~2"] {
            let error = account(&format!("g:{key}").parse().unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{key}");
            assert!(error.message().starts_with("`account`"), "{}", error.message());
        }
        for key in [
            "1",
            "1~2",
            "1~sp~2",
            "1~bill",
            "1~bill~",
            "1~bill~..",
            "~bill~2",
            "..~bill~2",
            "1~bill~2~Invoice~1~x",
        ] {
            let error = bill(&format!("g:{key}").parse().unwrap()).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{key}");
        }
        for key in ["1", "1~bill~2", "1~sp~..", "1~sp~", "1~sp~2~m~3"] {
            let error = service_point(&format!("g:{key}").parse().unwrap()).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{key}");
        }
        for key in ["1", "1~sp~2", "1~sp~2~r~3", "1~sp~2~m~", "1~sp~..~m~3"] {
            let error = meter_parts(&backend, &format!("g:{key}").parse().unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{key}");
        }
    }

    #[test]
    fn keys_come_apart_as_they_were_made() {
        let backend: BackendName = "g".parse().unwrap();
        let point: ServicePointId = Id::of(&backend, &["1~0", SERVICE_POINT, "50%"]).unwrap();
        let meter = meter(&point, "E~7%").unwrap();
        let (again, serial) = meter_parts(&backend, &meter).unwrap();
        assert_eq!((again.as_str(), &*serial), (point.as_str(), "E~7%"));
        assert_eq!(owner(&backend, &meter).unwrap().as_str(), "g:1%7E0");
        let key: BillId = "g:1~bill~2~~3".parse().unwrap();
        let key = bill(&key).unwrap();
        assert_eq!((key.kind.as_deref(), key.version.as_deref()), (None, Some("3")));
    }
}
