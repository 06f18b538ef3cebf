//! The keys of Urjanet's records: how they are made, and how they are read before anything is sent.
//!
//! | record | parts |
//! |---|---|
//! | account | id, provider's id, normalised number; or the id alone |
//! | meter | account's id, `m`, id |
//! | any other | id, or natural key where the system takes one |
//!
//! The account's id may change, so its key keeps what finds it again (README, "Ids"). Where a record names its account
//! by id alone, as meters do, so does the key, and nothing can be found again through it.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::model::id::{AccountId, BackendName, Id, Kind, MeterId};

const METER: &str = "m";

/// An account as its key names it.
pub(super) struct AccountKey<'k> {
    pub(super) id: Cow<'k, str>,
    /// The provider's id and the normalised number.
    pub(super) found_by: Option<(Cow<'k, str>, Cow<'k, str>)>,
}

/// What an account's key holds.
pub(super) fn account(id: &AccountId) -> Result<AccountKey<'_>> {
    match parts(id)?.as_slice() {
        [key] => Ok(AccountKey {
            id: key.clone(),
            found_by: None,
        }),
        [key, provider, number] => Ok(AccountKey {
            id: key.clone(),
            found_by: Some((provider.clone(), number.clone())),
        }),
        _ => Err(another_kind(id)),
    }
}

/// The account's id and the meter's own that a meter's key holds.
pub(super) fn meter(id: &MeterId) -> Result<(Cow<'_, str>, Cow<'_, str>)> {
    match parts(id)?.as_slice() {
        [account, mark, meter] if *mark == METER => Ok((account.clone(), meter.clone())),
        _ => Err(another_kind(id)),
    }
}

/// The one part of a key that has one.
pub(super) fn one<K: Kind>(id: &Id<K>) -> Result<Cow<'_, str>> {
    match parts(id)?.as_slice() {
        [key] => Ok(key.clone()),
        _ => Err(another_kind(id)),
    }
}

/// Makes an account's key.
pub(super) fn of_account(
    backend: &BackendName,
    id: &str,
    provider: Option<&str>,
    number: Option<&str>,
) -> Result<AccountId> {
    match (provider, number) {
        (Some(provider), Some(number)) if !provider.is_empty() && !number.is_empty() => {
            made(backend, &[id, provider, number])
        }
        _ => made(backend, &[id]),
    }
}

/// Makes a meter's key.
pub(super) fn of_meter(backend: &BackendName, account: &str, id: &str) -> Result<MeterId> {
    made(backend, &[account, METER, id])
}

/// Makes a key of parts.
pub(super) fn made<K>(backend: &BackendName, parts: &[&str]) -> Result<Id<K>> {
    if parts.first().is_none_or(|part| part.is_empty()) {
        return Err(Error::unreadable("data.id", "an empty identifier"));
    }
    Id::of(backend, parts).map_err(|why| Error::unreadable("data.id", why))
}

fn parts<K: Kind>(id: &Id<K>) -> Result<Vec<Cow<'_, str>>> {
    let parts: Vec<_> = id.parts().collect();
    // As a segment of a path these would lead elsewhere.
    if parts.iter().any(|part| matches!(&**part, "" | "." | "..")) {
        return Err(another_kind(id));
    }
    Ok(parts)
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
    fn keys_lead_back_to_their_parts() {
        let backend: BackendName = "u".parse().unwrap();
        let id = of_account(&backend, "a-1", Some("p~1"), Some("77")).unwrap();
        let key = account(&id).unwrap();
        let (provider, number) = key.found_by.unwrap();
        assert_eq!((&*key.id, &*provider, &*number), ("a-1", "p~1", "77"));
        assert!(
            account(&of_account(&backend, "a-1", None, Some("7")).unwrap())
                .unwrap()
                .found_by
                .is_none()
        );
        let id = of_meter(&backend, "a-1", "m-1").unwrap();
        let (account, own) = meter(&id).unwrap();
        assert_eq!((&*account, &*own), ("a-1", "m-1"));
    }

    #[test]
    fn a_key_of_another_kind_is_invalid() {
        for key in ["a~m~b~c", "a~b", "..", ".", "a~~b", "~p~1"] {
            let error = account(&format!("u:{key}").parse().unwrap()).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{key}");
        }
        for key in ["a", "a~m", "a~x~b", "a~m~..", "a~m~b~c"] {
            let error = meter(&format!("u:{key}").parse().unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{key}");
        }
    }
}
