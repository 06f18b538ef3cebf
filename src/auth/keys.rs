//! Callers by their keys, and the credentials of a request.

use std::collections::HashMap;
use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use ring::digest;

use super::Caller;
use super::tokens::Tokens;
use crate::error::{Error, ErrorKind, Place, Result};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The longest key looked at, in bytes.
const LONGEST: usize = 1024;

/// Where this gateway says whose tokens it takes (RFC 9728 §3).
pub const METADATA_PATH: &str = "/.well-known/oauth-protected-resource";

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
pub struct Callers {
    known: Arc<Known>,
    tokens: Option<Arc<Tokens>>,
}

enum Known {
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
        Self {
            known: Arc::new(Known::Keys { known, nobody }),
            tokens: None,
        }
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
        Self {
            known: Arc::new(Known::Open(Arc::new(caller))),
            tokens: None,
        }
    }

    /// These callers, and the bearers of these tokens.
    #[must_use]
    pub fn trusting(self, tokens: Tokens) -> Self {
        Self {
            tokens: Some(Arc::new(tokens)),
            ..self
        }
    }

    /// What tokens are taken, if any are.
    #[must_use]
    pub fn tokens(&self) -> Option<&Tokens> {
        self.tokens.as_deref()
    }

    /// Who sent a request with these headers: `Authorization: Bearer <key or token>`, or `X-Api-Key: <key>`.
    ///
    /// # Errors
    /// `Unauthenticated` without a credential, and with one that is not taken. Why is said only of a token that its issuer did
    /// sign. `Invalid` with two that differ. `Unavailable` for a token while the keys of its issuer could never be read.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Arc<Caller>> {
        let (keys, nobody) = match &*self.known {
            Known::Open(caller) => return Ok(Arc::clone(caller)),
            Known::Keys { known, nobody } => (known, nobody),
        };
        if let Some(nobody) = nobody
            && !headers.contains_key(AUTHORIZATION)
            && !headers.contains_key(API_KEY)
        {
            return Ok(Arc::clone(nobody));
        }
        let given = credential(headers)?.ok_or_else(missing)?;
        let longest = self
            .tokens
            .as_ref()
            .map_or(LONGEST, |tokens| tokens.max_size().max(LONGEST));
        if !(1..=longest).contains(&given.text.len()) {
            return Err(refused());
        }
        let digest = sha256(given.text);
        let key = keys
            .get(&first(&digest))
            .into_iter()
            .flatten()
            .find(|key| same(&key.digest, &digest));
        match (key, &self.tokens) {
            (Some(key), _) if key.expires.is_none_or(|end| Timestamp::now() < end) => Ok(Arc::clone(&key.caller)),
            (None, Some(tokens)) if given.bearer => tokens.verify(given.text, digest).await,
            _ => Err(refused()),
        }
    }

    /// What `WWW-Authenticate` says with a failure (RFC 6750 §3, RFC 9728 §5.1); nothing if the failure is not about who calls
    /// or what they may do.
    #[must_use]
    pub fn challenge(&self, headers: &HeaderMap, error: &Error) -> Option<HeaderValue> {
        let mut text = String::from("Bearer realm=\"intertie\"");
        match error.kind() {
            // Without a credential, or with one of another scheme, nothing was wrong with it.
            ErrorKind::Unauthenticated if matches!(credential(headers), Ok(None)) => {}
            ErrorKind::Unauthenticated => {
                text.push_str(", error=\"invalid_token\"");
                // The characters RFC 6750 §3 allows; our own words hold no others.
                if error
                    .message()
                    .bytes()
                    .all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\'))
                {
                    text.push_str(&format!(", error_description=\"{}\"", error.message()));
                }
            }
            ErrorKind::Invalid => text.push_str(", error=\"invalid_request\""),
            ErrorKind::Forbidden => {
                let scope = error.lacking()?;
                text.push_str(&format!(", error=\"insufficient_scope\", scope=\"{scope}\""));
            }
            _ => return None,
        }
        if let Some(tokens) = &self.tokens {
            text.push_str(&format!(", resource_metadata=\"{}{METADATA_PATH}\"", tokens.resource()));
        }
        HeaderValue::try_from(text).ok()
    }
}

/// The SHA-256 of a key, as it stands in a configuration.
#[must_use]
pub fn sha256(key: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, key).as_ref());
    out
}

/// What a request proves its caller with.
struct Credential<'h> {
    text: &'h [u8],
    /// Whether it came as `Authorization: Bearer`.
    bearer: bool,
}

/// The one credential of a request, if there is one.
fn credential(headers: &HeaderMap) -> Result<Option<Credential<'_>>> {
    let bearer = one(headers, &AUTHORIZATION)?.and_then(bearer);
    let plain = one(headers, &API_KEY)?.map(HeaderValue::as_bytes);
    match (bearer, plain) {
        (Some(one), Some(other)) if one != other => Err(several("Authorization")),
        (Some(text), _) => Ok(Some(Credential { text, bearer: true })),
        (None, Some(text)) => Ok(Some(Credential { text, bearer: false })),
        (None, None) => Ok(None),
    }
}

fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h HeaderValue>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) if name == API_KEY => Err(several("X-Api-Key")),
        Some(_) => Err(several("Authorization")),
    }
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    match value.as_bytes().split_at_checked(7) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => Some(key.trim_ascii()),
        _ => None,
    }
}

fn missing() -> Error {
    Error::new(
        ErrorKind::Unauthenticated,
        "send a key or a token as `Authorization: Bearer …`, or a key as `X-Api-Key: …`",
    )
}

fn several(header: &'static str) -> Error {
    Error::new(ErrorKind::Invalid, "the request carries several credentials")
        .fault(Place::Header(header), "one credential is enough")
}

pub(super) fn refused() -> Error {
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
    use futures_util::FutureExt as _;

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
        let map = map(headers);
        let asked = callers();
        // Keys alone make nobody wait.
        let answer = asked.authenticate(&map).now_or_never().expect("no waiting");
        answer.map(|caller| caller.name.to_string())
    }

    fn map(headers: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        map
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
    fn every_refused_credential_reads_the_same() {
        let long = "k".repeat(LONGEST + 1);
        let refused: [&[(&'static str, &str)]; 6] = [
            &[("authorization", "Bearer nobodys-key")],
            &[("authorization", "Bearer gone-key")],
            &[("authorization", "Bearer a.b.c")],
            &[("authorization", "Bearer ")],
            &[("x-api-key", "")],
            &[("x-api-key", &long)],
        ];
        for headers in refused {
            let error = ask(headers).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{headers:?}");
            assert_eq!(error.message(), "these credentials are not taken", "{headers:?}");
            assert_eq!(
                challenge(headers, &error).unwrap(),
                "Bearer realm=\"intertie\", error=\"invalid_token\", \
                 error_description=\"these credentials are not taken\""
            );
        }
    }

    #[test]
    fn a_request_without_a_key_is_told_how_to_send_one_and_no_error() {
        let none: [&[(&'static str, &str)]; 3] = [
            &[],
            &[("authorization", "Basic alpha-key")],
            &[("authorization", "alpha-key")],
        ];
        for headers in none {
            let error = ask(headers).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{headers:?}");
            assert!(error.message().contains("X-Api-Key"), "{headers:?}");
            assert_eq!(challenge(headers, &error).unwrap(), "Bearer realm=\"intertie\"");
        }
    }

    #[test]
    fn two_credentials_are_one_too_many() {
        let several: [&[(&'static str, &str)]; 3] = [
            &[("authorization", "Bearer alpha-key"), ("x-api-key", "beta-key")],
            &[("x-api-key", "alpha-key"), ("x-api-key", "alpha-key")],
            &[
                ("authorization", "Bearer alpha-key"),
                ("authorization", "Basic alpha-key"),
            ],
        ];
        for headers in several {
            let error = ask(headers).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{headers:?}");
            let challenge = challenge(headers, &error).unwrap();
            assert_eq!(challenge, "Bearer realm=\"intertie\", error=\"invalid_request\"");
        }
    }

    #[test]
    fn a_missing_scope_is_named_and_other_failures_challenge_nobody() {
        let lacking = Error::new(ErrorKind::Forbidden, "x").lacks("bills:read");
        assert_eq!(
            challenge(&[], &lacking).unwrap(),
            "Bearer realm=\"intertie\", error=\"insufficient_scope\", scope=\"bills:read\""
        );
        for kind in [ErrorKind::Forbidden, ErrorKind::NotFound, ErrorKind::Unavailable] {
            assert_eq!(challenge(&[], &Error::new(kind, "x")), None, "{kind:?}");
        }
    }

    fn challenge(headers: &[(&'static str, &str)], error: &Error) -> Option<String> {
        let value = callers().challenge(&map(headers), error)?;
        Some(value.to_str().unwrap().to_owned())
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
        let caller = callers.authenticate(&headers).now_or_never().unwrap().unwrap();
        assert_eq!(&*caller.name, "alpha");
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
        let ask = |headers: &HeaderMap| callers.authenticate(headers).now_or_never().expect("no waiting");
        let name = |headers: &HeaderMap| ask(headers).map(|caller| caller.name.to_string());
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
        let caller = callers.authenticate(&HeaderMap::new()).now_or_never().unwrap().unwrap();
        assert_eq!(&*caller.name, "demo");
    }
}
