//! The four transaction headers: one id and one time for an intended change, the same on every repeat ("Headers").

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use ring::digest::{Context as Digest, SHA256};

use crate::error::{Error, ErrorKind, Result};
use crate::operations::Context;

const ID: HeaderName = HeaderName::from_static("x-transaction-id");
const DATE_TIME: HeaderName = HeaderName::from_static("x-transaction-date-time");

/// The times given to transactions that have a key, so that the caller's own repeat is the same transaction.
///
/// They are remembered for a day, in memory: a repeat after a restart has a later time and is a new transaction to the
/// system, which then goes by its own rules.
#[derive(Default)]
pub(super) struct Transactions(Mutex<Given>);

#[derive(Default)]
struct Given {
    last: Option<Timestamp>,
    known: HashMap<String, Timestamp>,
}

impl Transactions {
    const FOR: Duration = Duration::from_secs(24 * 3600);
    /// 10,000 are about a megabyte.
    const MOST: usize = 10_000;

    /// Puts the headers of a change into a call. Part number and total are left out: no change is split.
    pub(super) fn sign(&self, cx: &Context, operation: &str, url: &str, body: &[u8], to: &mut HeaderMap) -> Result<()> {
        let key = cx.idempotency_key.as_deref().map(|key| {
            let caller = cx.on_behalf_of.as_deref().unwrap_or_default();
            name(&[
                caller.as_bytes(),
                key.as_bytes(),
                operation.as_bytes(),
                url.as_bytes(),
                body,
            ])
        });
        let at = self.time(key.as_deref(), Timestamp::now());
        let id = key.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        for (header, value) in [(ID, id), (DATE_TIME, format!("{at:.3}"))] {
            let value = HeaderValue::try_from(value)
                .map_err(|why| Error::new(ErrorKind::Internal, "a transaction's header is none").because(why))?;
            to.insert(header, value);
        }
        Ok(())
    }

    /// The time of a transaction: later than any given before, and the same again for the same key.
    fn time(&self, key: Option<&str>, now: Timestamp) -> Timestamp {
        let step = SignedDuration::from_millis(1);
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = key.and_then(|key| given.known.get(key)) {
            return *known;
        }
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        let at = match given.last {
            Some(last) if last >= now => last.checked_add(step).unwrap_or(last),
            _ => now,
        };
        given.last = Some(at);
        if let Some(key) = key {
            if given.known.len() >= Self::MOST {
                let oldest = at.checked_sub(Self::FOR).unwrap_or(at);
                given.known.retain(|_, since| *since > oldest);
                if given.known.len() >= Self::MOST {
                    given.known.clear();
                }
            }
            given.known.insert(key.to_owned(), at);
        }
        at
    }
}

/// A name for the parts together. The content is among them: the same key with another content is another change.
fn name(parts: &[&[u8]]) -> String {
    let mut digest = Digest::new(&SHA256);
    for part in parts {
        digest.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    let mut text = String::with_capacity(32);
    for byte in digest.finish().as_ref().iter().take(16) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn signed(transactions: &Transactions, key: Option<&str>, body: &str) -> (String, String) {
        let mut cx = Context::within(Duration::from_secs(1));
        cx.idempotency_key = key.map(Arc::from);
        let mut headers = HeaderMap::new();
        transactions
            .sign(
                &cx,
                "accounts.create",
                "https://h/v1/accounts",
                body.as_bytes(),
                &mut headers,
            )
            .unwrap();
        let text = |name: &HeaderName| headers[name].to_str().unwrap().to_owned();
        (text(&ID), text(&DATE_TIME))
    }

    #[test]
    fn a_key_gives_the_same_transaction_again_and_none_a_new_one() {
        let transactions = Transactions::default();
        let first = signed(&transactions, Some("k-1"), "{}");
        assert_eq!(signed(&transactions, Some("k-1"), "{}"), first);
        for (key, body) in [
            (Some("k-2"), "{}"),
            (Some("k-1"), "{\"name\":\"a\"}"),
            (None, "{}"),
            (None, "{}"),
        ] {
            let other = signed(&transactions, key, body);
            assert_ne!(other.0, first.0, "{key:?}");
            assert!(other.1 > first.1, "{key:?}: {} after {}", other.1, first.1);
        }
        first.1.parse::<Timestamp>().unwrap();
    }

    #[test]
    fn times_never_go_back_and_the_memory_is_bounded() {
        let transactions = Transactions::default();
        let now: Timestamp = "2026-07-06T01:00:00Z".parse().unwrap();
        let first = transactions.time(None, now);
        let earlier = now - SignedDuration::from_secs(60);
        assert!(transactions.time(None, earlier) > first);
        for n in 0..2 * Transactions::MOST {
            transactions.time(Some(&n.to_string()), now);
        }
        assert!(transactions.0.lock().unwrap().known.len() <= Transactions::MOST);
    }
}
