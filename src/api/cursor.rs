//! Cursors: where the next page starts, sealed so that a cursor fits only the list it came from.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::error::{Error, ErrorKind, Result};

/// The bytes of the tag in front of a position.
const TAG: usize = 32;

/// Seals positions into cursors and opens them again.
///
/// Gateways that share the secret take each other's cursors; a new secret makes old cursors worthless.
pub struct Seal(hmac::Key);

impl Seal {
    /// A seal with a secret of any length; 32 random bytes are right.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// A seal that lives as long as this process.
    ///
    /// # Errors
    /// `Internal` if the machine gives no random bytes.
    pub fn random() -> Result<Self> {
        hmac::Key::generate(hmac::HMAC_SHA256, &ring::rand::SystemRandom::new())
            .map(Self)
            .map_err(|_| Error::new(ErrorKind::Internal, "the machine gives no random bytes"))
    }

    /// Makes a cursor of a position in one list.
    #[must_use]
    pub(crate) fn close(&self, list: &List<'_>, position: &str) -> String {
        let tag = hmac::sign(&self.0, &signed(list, position.as_bytes()));
        URL_SAFE_NO_PAD.encode([tag.as_ref(), position.as_bytes()].concat())
    }

    /// The position in a cursor that this list gave out.
    ///
    /// # Errors
    /// `Invalid` on the parameter `cursor` if it was forged, cut, or given out for another list or other filters.
    pub(crate) fn open(&self, list: &List<'_>, cursor: &str) -> Result<String> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| misfit())?;
        let (tag, position) = bytes.split_at_checked(TAG).ok_or_else(misfit)?;
        hmac::verify(&self.0, &signed(list, position), tag).map_err(|_| misfit())?;
        String::from_utf8(position.to_vec()).map_err(|_| misfit())
    }
}

/// What a tag vouches for. Each part goes in with its length, so that no two lists can share one text.
fn signed(list: &List<'_>, position: &[u8]) -> Vec<u8> {
    let parts = [
        list.operation.as_bytes(),
        list.path.as_bytes(),
        list.filters.as_bytes(),
        position,
    ];
    let mut text = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part);
    }
    text
}

/// What a cursor is bound to. The limit is not part of it: the size of pages may change on the way.
pub(crate) struct List<'a> {
    /// The operation.
    pub operation: &'static str,
    /// The path, which names the record whose list it is.
    pub path: &'a str,
    /// Every filter with its value, sorted.
    pub filters: &'a str,
}

fn misfit() -> Error {
    Error::parameter(
        "cursor",
        "it was not given out for this list with these filters; start again without it",
    )
    .code("invalid_cursor")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BILLS: List<'_> = List {
        operation: "bills.list",
        path: "/v1/accounts/a:1/bills",
        filters: "from=2026-01-01",
    };

    #[test]
    fn a_cursor_opens_only_where_it_was_closed() {
        let seal = Seal::new(b"one");
        let cursor = seal.close(&BILLS, "15~x");
        assert_eq!(seal.open(&BILLS, &cursor).unwrap(), "15~x");
        for other in [
            List { filters: "", ..BILLS },
            List {
                path: "/v1/accounts/a:2/bills",
                ..BILLS
            },
            List {
                operation: "transactions.list",
                ..BILLS
            },
        ] {
            assert!(seal.open(&other, &cursor).is_err());
        }
        assert!(Seal::new(b"two").open(&BILLS, &cursor).is_err());
    }

    #[test]
    fn a_forged_or_cut_cursor_is_refused() {
        let seal = Seal::new(b"one");
        let cursor = seal.close(&BILLS, "15");
        let forged = URL_SAFE_NO_PAD.encode(b"0123456789abcdef0123456789abcdef15");
        for text in [
            "",
            "x",
            "15",
            &cursor[1..],
            &cursor[..cursor.len() - 2],
            &forged,
            "ü",
            "a b",
        ] {
            let error = seal.open(&BILLS, text).unwrap_err();
            assert_eq!(error.finer_code(), Some("invalid_cursor"), "{text}");
        }
    }

    #[test]
    fn parts_cannot_flow_into_each_other() {
        let seal = Seal::new(b"one");
        let one = List {
            path: "/ab",
            filters: "c",
            ..BILLS
        };
        let two = List {
            path: "/a",
            filters: "bc",
            ..BILLS
        };
        assert!(seal.open(&two, &seal.close(&one, "1")).is_err());
    }
}
