//! Callers by their keys.

use std::collections::HashMap;
use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use ring::digest;

use super::Caller;
use crate::error::{Error, ErrorKind, Result};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The longest key looked at, in bytes.
const LONGEST: usize = 1024;

/// One key of one caller, as the SHA-256 of it.
#[derive(Clone)]
pub struct Key {
    /// The SHA-256 of the key.
    pub digest: [u8; 32],
    /// Whose key it is.
    pub caller: Arc<Caller>,
    /// When it stops being taken.
    pub expires: Option<Timestamp>,
}

/// Everybody who may call. Cheap to clone; looking one up costs the same however many there are.
#[derive(Clone)]
pub struct Callers(Arc<Inner>);

enum Inner {
    /// Keys by the first eight bytes of their digests. Where an entry stands tells nothing of a key.
    Keys {
        known: HashMap<u64, Vec<Key>>,
        /// Who a request without any credential is from.
        nobody: Option<Arc<Caller>>,
    },
    Open(Arc<Caller>),
}

impl Callers {
    /// The callers with these keys.
    #[must_use]
    pub fn of(keys: impl IntoIterator<Item = Key>) -> Self {
        Self::with(keys, None)
    }

    fn with(keys: impl IntoIterator<Item = Key>, nobody: Option<Arc<Caller>>) -> Self {
        let mut known: HashMap<u64, Vec<Key>> = HashMap::new();
        for key in keys {
            known.entry(first(&key.digest)).or_default().push(key);
        }
        Self(Arc::new(Inner::Keys { known, nobody }))
    }

    /// The callers with these keys, and this one for whoever sends no credential. Only for a gateway that is reached from this
    /// machine alone.
    #[must_use]
    pub fn open_beside(nobody: Caller, keys: impl IntoIterator<Item = Key>) -> Self {
        Self::with(keys, Some(Arc::new(nobody)))
    }

    /// Takes everybody for this caller, key or no key. Only for a gateway that is reached from this machine alone.
    #[must_use]
    pub fn open(caller: Caller) -> Self {
        Self(Arc::new(Inner::Open(Arc::new(caller))))
    }

    /// Who sent a request with these headers: `Authorization: Bearer <key>`, or `X-Api-Key: <key>`.
    ///
    /// # Errors
    /// `Unauthenticated` without a key, with two that differ, with one that nobody has, and with one that has expired. Only the
    /// first is told apart from the others.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Arc<Caller>> {
        let (keys, nobody) = match &*self.0 {
            Inner::Open(caller) => return Ok(Arc::clone(caller)),
            Inner::Keys { known, nobody } => (known, nobody),
        };
        if let Some(nobody) = nobody
            && !headers.contains_key(AUTHORIZATION)
            && !headers.contains_key(API_KEY)
        {
            return Ok(Arc::clone(nobody));
        }
        let given = key(headers)?;
        let digest = sha256(given);
        keys.get(&first(&digest))
            .into_iter()
            .flatten()
            .find(|key| same(&key.digest, &digest))
            .filter(|key| key.expires.is_none_or(|end| Timestamp::now() < end))
            .map(|key| Arc::clone(&key.caller))
            .ok_or_else(refused)
    }
}

/// The SHA-256 of a key, as it stands in a configuration.
#[must_use]
pub fn sha256(key: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, key).as_ref());
    out
}

fn key(headers: &HeaderMap) -> Result<&[u8]> {
    let bearer = one(headers, &AUTHORIZATION)?.map(bearer).transpose()?;
    let plain = one(headers, &API_KEY)?.map(HeaderValue::as_bytes);
    match (bearer, plain) {
        (None, None) => Err(Error::new(
            ErrorKind::Unauthenticated,
            "send a key as `Authorization: Bearer <key>` or `X-Api-Key: <key>`",
        )),
        (Some(one), Some(other)) if one != other => Err(refused()),
        (Some(key), _) | (None, Some(key)) if (1..=LONGEST).contains(&key.len()) => Ok(key),
        _ => Err(refused()),
    }
}

fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h HeaderValue>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(refused()),
    }
}

fn bearer(value: &HeaderValue) -> Result<&[u8]> {
    let bytes = value.as_bytes();
    match bytes.split_at_checked(7) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => Ok(key.trim_ascii()),
        _ => Err(refused()),
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::Unauthenticated, "these credentials are not taken")
}

fn first(digest: &[u8; 32]) -> u64 {
    let mut start = [0; 8];
    start.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(start)
}

/// Whether two digests are the same, in a time that does not depend on where they differ.
fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let differing = one
        .iter()
        .zip(other)
        .fold(0, |seen, (a, b)| std::hint::black_box(seen | (a ^ b)));
    std::hint::black_box(differing) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::Scope;

    fn caller(name: &str) -> Arc<Caller> {
        Arc::new(Caller::new(name, &[Scope::AccountsRead], None))
    }

    fn callers() -> Callers {
        let key = |key: &str, name: &str, expires: Option<&str>| Key {
            digest: sha256(key.as_bytes()),
            caller: caller(name),
            expires: expires.map(|at| at.parse().unwrap()),
        };
        Callers::of([
            key("alpha-key", "alpha", None),
            key("beta-key", "beta", Some("2999-01-01T00:00:00Z")),
            key("gone-key", "gone", Some("2001-01-01T00:00:00Z")),
        ])
    }

    fn ask(headers: &[(&'static str, &str)]) -> Result<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        callers().authenticate(&map).map(|caller| caller.name.to_string())
    }

    #[test]
    fn a_key_is_taken_from_either_header() {
        assert_eq!(ask(&[("authorization", "Bearer alpha-key")]).unwrap(), "alpha");
        assert_eq!(ask(&[("authorization", "bearer  alpha-key")]).unwrap(), "alpha");
        assert_eq!(ask(&[("x-api-key", "beta-key")]).unwrap(), "beta");
        assert_eq!(
            ask(&[("authorization", "Bearer beta-key"), ("x-api-key", "beta-key")]).unwrap(),
            "beta"
        );
    }

    #[test]
    fn every_refusal_but_a_missing_key_reads_the_same() {
        let long = "k".repeat(LONGEST + 1);
        let refused: [&[(&'static str, &str)]; 9] = [
            &[("authorization", "Bearer nobodys-key")],
            &[("authorization", "Bearer gone-key")],
            &[("authorization", "Bearer ")],
            &[("authorization", "Basic alpha-key")],
            &[("authorization", "alpha-key")],
            &[("x-api-key", "")],
            &[("x-api-key", &long)],
            &[("authorization", "Bearer alpha-key"), ("x-api-key", "beta-key")],
            &[("x-api-key", "alpha-key"), ("x-api-key", "alpha-key")],
        ];
        for headers in refused {
            let error = ask(headers).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{headers:?}");
            assert_eq!(error.message(), "these credentials are not taken", "{headers:?}");
        }
        assert!(ask(&[]).unwrap_err().message().contains("X-Api-Key"));
    }

    #[test]
    fn keys_that_share_the_start_of_a_digest_are_told_apart() {
        let digest = sha256(b"alpha-key");
        let mut near = digest;
        near[31] ^= 1;
        let callers = Callers::of([near, digest].map(|digest| Key {
            digest,
            caller: caller(if digest == near { "near" } else { "alpha" }),
            expires: None,
        }));
        let headers = HeaderMap::from_iter([(API_KEY, HeaderValue::from_static("alpha-key"))]);
        assert_eq!(&*callers.authenticate(&headers).unwrap().name, "alpha");
    }

    #[test]
    fn beside_an_open_door_a_key_is_still_a_key() {
        let alpha = Key {
            digest: sha256(b"alpha-key"),
            caller: caller("alpha"),
            expires: None,
        };
        let callers = Callers::open_beside(Caller::new("demo", &[], None), [alpha]);
        let with = |key: &'static str| HeaderMap::from_iter([(API_KEY, HeaderValue::from_static(key))]);
        let name = |headers: &HeaderMap| callers.authenticate(headers).map(|caller| caller.name.to_string());
        assert_eq!(name(&HeaderMap::new()).unwrap(), "demo");
        assert_eq!(name(&with("alpha-key")).unwrap(), "alpha");
        assert_eq!(
            name(&with("nobodys-key")).unwrap_err().kind(),
            ErrorKind::Unauthenticated
        );
        assert_eq!(name(&with("")).unwrap_err().kind(), ErrorKind::Unauthenticated);
    }

    #[test]
    fn an_open_gateway_takes_everybody() {
        let callers = Callers::open(Caller::new("demo", &[], None));
        assert_eq!(&*callers.authenticate(&HeaderMap::new()).unwrap().name, "demo");
    }
}
