//! `impl Serves<O>` for every operation: build the call, send it, decode the reply, map it.

mod account_writes;
mod accounts;
mod bills;
mod holds;
mod meters;
mod parties;
mod payments;
mod readings;
mod service_points;
mod transaction;
mod transactions;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::keys;
use super::map::{Mapper, Natives};
use super::wire;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::model::Native;
use crate::model::id::{AccountId, BackendName, ServicePointId};
use crate::model::page::{Page, Paging};
use crate::model::time::Zone;
use crate::operations::{Change, Context};
use crate::upstream::{Call, Reply, Upstream};

/// Everything but RFC 3986's unreserved characters is encoded, so that no part of a key can leave its segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");
const ON_BEHALF_OF: HeaderName = HeaderName::from_static("x-on-behalf-of");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const JSON: &str = "application/json";

/// The adapter: one tenant of Gentrack.
pub(super) struct Gentrack {
    name: BackendName,
    base: String,
    zone: Zone,
    upstream: Upstream,
    confirmed: Confirmed,
    transactions: transaction::Transactions,
}

/// One operation's calls: what they have in common.
#[derive(Clone, Copy)]
struct Road<'r> {
    adapter: &'r Gentrack,
    cx: &'r Context,
    operation: &'static str,
}

impl Gentrack {
    pub(super) fn new(name: BackendName, base: String, zone: Zone, upstream: Upstream) -> Self {
        Self {
            name,
            base,
            zone,
            upstream,
            confirmed: Confirmed::default(),
            transactions: transaction::Transactions::default(),
        }
    }

    fn mapper(&self) -> Mapper<'_> {
        Mapper {
            backend: &self.name,
            zone: &self.zone,
        }
    }

    fn road<'r>(&'r self, operation: &'static str, cx: &'r Context) -> Road<'r> {
        Road {
            adapter: self,
            cx,
            operation,
        }
    }
}

impl Road<'_> {
    fn call(&self, method: Method, path: &[&str], query: &[(&str, &str)], accept: &'static str) -> Call {
        let mut headers = HeaderMap::with_capacity(6);
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        stamp(self.cx, &mut headers);
        Call {
            operation: self.operation,
            may_repeat: true,
            deadline: self.cx.deadline,
            method,
            url: address(&self.adapter.base, path, query),
            headers,
            body: Bytes::new(),
            max_reply: None,
        }
    }

    /// Reads `path`; `what` is the record that is missing if the system knows none there.
    async fn get(&self, path: &[&str], query: &[(&str, &str)], what: &'static str) -> Result<Reply> {
        self.send(self.call(Method::GET, path, query, JSON), what).await
    }

    /// Reads `path` in another form than JSON.
    async fn get_as(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        accept: &'static str,
        what: &'static str,
    ) -> Result<Reply> {
        self.send(self.call(Method::GET, path, query, accept), what).await
    }

    /// Posts a body to `path`.
    async fn post(
        &self,
        path: &[&str],
        body: &impl serde::Serialize,
        may_repeat: bool,
        what: &'static str,
    ) -> Result<Reply> {
        let mut call = self.writes(Method::POST, path, body)?;
        call.may_repeat = may_repeat;
        self.send(call, what).await
    }

    /// Puts a body to `path`, which may be repeated and has no transaction headers.
    async fn put(&self, path: &[&str], body: &impl serde::Serialize, what: &'static str) -> Result<Reply> {
        self.send(self.writes(Method::PUT, path, body)?, what).await
    }

    /// Sends one of the calls that carry the transaction headers, which may be repeated for it ("Error kinds").
    async fn transact(
        &self,
        method: Method,
        path: &[&str],
        body: &impl serde::Serialize,
        what: &'static str,
    ) -> Result<Reply> {
        let mut call = self.writes(method, path, body)?;
        let Call { url, body, headers, .. } = &mut call;
        self.adapter
            .transactions
            .sign(self.cx, self.operation, url, body, headers)?;
        self.send(call, what).await
    }

    /// Posts a new record with transaction headers. If it is lost in spite of the repeats, nobody knows what became of it.
    async fn create(&self, path: &[&str], body: &impl serde::Serialize, what: &'static str) -> Result<Reply> {
        self.transact(Method::POST, path, body, what)
            .await
            .map_err(|error| match error.retryable() {
                Retry::IfRepeatable { .. } => error
                    .turned_into(
                        ErrorKind::OutcomeUnknown,
                        "the call was sent to the system, also again, but no answer came: it may or may not have been executed",
                    )
                    .retry(Retry::Never),
                Retry::Never | Retry::Safe { .. } => error,
            })
    }

    fn writes(&self, method: Method, path: &[&str], body: &impl serde::Serialize) -> Result<Call> {
        let mut call = self.call(method, path, &[], JSON);
        call.headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        call.body = serde_json::to_vec(body)
            .map_err(|why| Error::new(ErrorKind::Internal, "a request did not turn into JSON").because(why))?
            .into();
        Ok(call)
    }

    async fn send(&self, call: Call, what: &'static str) -> Result<Reply> {
        self.adapter
            .upstream
            .call(call)
            .await
            .map_err(|error| missing(error, what))
    }

    async fn account(&self, id: &AccountId) -> Result<Reply> {
        self.get(&["accounts", &keys::account(id)?], &[], "account").await
    }

    async fn structure(&self, id: &ServicePointId) -> Result<Reply> {
        let key = keys::service_point(id)?;
        self.get(&["service-points", &key, "structure"], &[], "service point")
            .await
    }

    /// A point's structure, once the point is known to be the account's.
    async fn own_structure(&self, id: &ServicePointId) -> Result<Reply> {
        let (reply, ()) = future::try_join(self.structure(id), self.owns(id)).await?;
        Ok(reply)
    }

    /// Makes sure that a service point is one of the account its key names: no path to a point holds the account, so the
    /// system would answer for anybody's. A point that is not is as good as unknown.
    async fn owns(&self, id: &ServicePointId) -> Result<()> {
        keys::service_point(id)?;
        if self.adapter.confirmed.holds(id) {
            return Ok(());
        }
        let account = keys::owner(&self.adapter.name, id)?;
        let reply = self
            .account(&account)
            .await
            .map_err(|error| missing(error, "service point"))?;
        let wire: wire::Account<'_> = wire::decode(&reply.body)?;
        let named = self.adapter.mapper().account(&account, &wire)?.service_points;
        let named = named.ok_or_else(|| {
            Error::unreadable(
                "$",
                "missing field `servicePoints`, so nothing tells whose service point it is",
            )
        })?;
        if named.into_iter().fold(false, |found, point| {
            let here = point.id == *id;
            self.adapter.confirmed.add(point.id);
            found || here
        }) {
            Ok(())
        } else {
            Err(Error::not_found("service point"))
        }
    }

    /// The system's own records of a list, if they are wanted: a second, shallow pass over the reply.
    fn natives<'b, T: Deserialize<'b>>(
        &self,
        body: &'b [u8],
        records: impl FnOnce(T) -> Vec<&'b RawValue>,
    ) -> Result<Natives> {
        if !self.cx.native {
            return Ok(Natives::none());
        }
        wire::decode(body).map(|list| Natives::of(records(list)))
    }

    /// The system's own record, if it is wanted.
    fn native(&self, body: &[u8]) -> Result<Option<Native>> {
        match self.cx.native {
            true => Ok(Some(Native::new(wire::decode::<&RawValue>(body)?.to_owned()))),
            false => Ok(None),
        }
    }

    fn results(&self, body: &[u8]) -> Result<Natives> {
        self.natives(body, |list: wire::Results<&RawValue>| list.results.0)
    }
}

/// Writes who calls, and in which request ("Headers"). Nothing else under these names goes out.
pub(super) fn stamp(cx: &Context, headers: &mut HeaderMap) {
    for (name, value) in [
        (TRACE_ID, Some(&cx.request_id)),
        (ON_BEHALF_OF, cx.on_behalf_of.as_ref()),
        (TRACEPARENT, cx.traceparent.as_ref()),
    ] {
        // A name beyond ASCII goes out as UTF-8, which a header may hold; control characters may not.
        let value = value
            .filter(|value| !value.is_empty())
            .and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
        match value {
            Some(value) => headers.insert(name, value),
            None => headers.remove(name),
        };
    }
}

/// Says which record is missing: the system's 404 does not.
fn missing(error: Error, what: &'static str) -> Error {
    if error.kind() == ErrorKind::NotFound {
        error.turned_into(ErrorKind::NotFound, format!("no such {what}"))
    } else {
        error
    }
}

/// What the system says of a change it made: "202: taken in; carried out later" (openapi.yaml).
fn changed<T>(reply: &Reply) -> Change<T> {
    match reply.status {
        StatusCode::ACCEPTED => Change::Accepted,
        _ => Change::Done,
    }
}

/// What the system said of something it did and that must not be done twice: to call an answer that cannot be read a
/// failure would have it sent again.
fn told<T>(answer: Result<T>) -> Result<T> {
    answer.map_err(|why| {
        Error::new(
            ErrorKind::OutcomeUnknown,
            "the system took the call, but what it said of it cannot be read",
        )
        .because(why)
    })
}

fn address(base: &str, path: &[&str], query: &[(&str, &str)]) -> String {
    let mut url = String::with_capacity(base.len() + 96);
    url.push_str(base);
    for segment in path {
        url.push('/');
        url.extend(utf8_percent_encode(segment, SEGMENT));
    }
    for (n, (name, value)) in query.iter().enumerate() {
        url.push(if n == 0 { '?' } else { '&' });
        url.push_str(name);
        url.push('=');
        url.extend(utf8_percent_encode(value, SEGMENT));
    }
    url
}

/// Cuts a page out of a whole list.
///
/// A position is the place and the key of the last item given. While the item still stands there nothing is searched for;
/// if the list has changed, its nearest namesake is. So items that appear in front are neither skipped nor repeated, and
/// identifiers the system uses twice neither hide a row nor turn pages in a circle.
fn cut<T>(mut all: Vec<T>, paging: &Paging, key: impl Fn(&T) -> String) -> Result<Page<T>> {
    let start = match &paging.after {
        None => 0,
        Some(after) => resume(&all, after, &key).ok_or_else(|| {
            Error::parameter(
                "cursor",
                "the list has changed and the item the cursor stands on is gone; start again",
            )
        })?,
    };
    let end = start.saturating_add(paging.limit.max(1)).min(all.len());
    let next = (end < all.len()).then(|| format!("{}~{}", end - 1, key(&all[end - 1])));
    all.truncate(end);
    all.drain(..start);
    Ok(Page { items: all, next })
}

/// The place behind the item a position stands on.
fn resume<T>(all: &[T], after: &str, key: &impl Fn(&T) -> String) -> Option<usize> {
    let (place, name) = after.split_once('~')?;
    let place: usize = place.parse().ok()?;
    let found = if all.get(place).is_some_and(|item| key(item) == name) {
        place
    } else {
        (0..all.len())
            .filter(|at| key(&all[*at]) == name)
            .min_by_key(|at| at.abs_diff(place))?
    };
    Some(found + 1)
}

/// Service points that the system has lately named among an account's.
#[derive(Default)]
struct Confirmed(Mutex<HashMap<ServicePointId, Instant>>);

impl Confirmed {
    /// How long it is believed: a point moves to another account when its customer does.
    const FOR: Duration = Duration::from_secs(300);
    /// How many are kept: 10,000 are about a megabyte.
    const MOST: usize = 10_000;

    fn holds(&self, id: &ServicePointId) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).is_some_and(|since| since.elapsed() < Self::FOR)
    }

    fn add(&self, id: ServicePointId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::MOST {
            known.retain(|_, since| since.elapsed() < Self::FOR);
            if known.len() >= Self::MOST {
                known.clear();
            }
        }
        known.insert(id, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_key_leaves_its_segment() {
        let url = address("https://h/v1", &["accounts", "a/../b?c#d%2e e"], &[("type", "a&b=c")]);
        assert_eq!(url, "https://h/v1/accounts/a%2F..%2Fb%3Fc%23d%252e%20e?type=a%26b%3Dc");
    }

    #[test]
    fn pages_give_every_item_once_even_if_two_have_one_key() {
        let all = vec!["a", "b", "b", "b", "c", "a"];
        for limit in 1..=all.len() {
            let mut paging = Paging { limit, after: None };
            let mut seen = Vec::new();
            loop {
                let page = cut(all.clone(), &paging, ToString::to_string).unwrap();
                assert!(page.items.len() <= limit);
                seen.extend(page.items);
                match page.next {
                    Some(next) => paging.after = Some(next),
                    None => break,
                }
            }
            assert_eq!(seen, all, "{limit}");
        }
        for after in ["0~z", "z", "", "~a", "x~a"] {
            let paging = Paging {
                limit: 1,
                after: Some(after.to_owned()),
            };
            let error = cut(all.clone(), &paging, ToString::to_string).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{after}");
        }
    }

    #[test]
    fn items_that_appear_in_front_are_neither_skipped_nor_repeated() {
        let page = |all: &[&'static str], after: Option<String>| {
            cut(all.to_vec(), &Paging { limit: 2, after }, ToString::to_string).unwrap()
        };
        let first = page(&["c", "b", "a"], None);
        assert_eq!(first.items, ["c", "b"]);
        assert_eq!(page(&["e", "d", "c", "b", "a"], first.next).items, ["a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_confirmed_point_is_believed_for_a_while_and_the_memory_is_bounded() {
        let confirmed = Confirmed::default();
        let id = |n: usize| format!("g:1~sp~{n}").parse::<ServicePointId>().unwrap();
        confirmed.add(id(0));
        assert!(confirmed.holds(&id(0)) && !confirmed.holds(&id(1)));
        tokio::time::advance(Confirmed::FOR).await;
        assert!(!confirmed.holds(&id(0)));
        for n in 0..2 * Confirmed::MOST + 5 {
            confirmed.add(id(n));
        }
        assert!(confirmed.0.lock().unwrap().len() <= Confirmed::MOST);
    }
}
