//! `impl Serves<O>` for every operation: build the call, send it, decode the reply, map it.

mod accounts;
mod candidates;
mod catalogue;
mod changes;
mod credentials;
mod meters;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::keys::{self, AccountKey};
use super::map::{Mapper, Maps};
use super::search;
use super::wire::{self, Condition, Criteria, Envelope, Search, Sort};
use crate::error::{Error, ErrorKind, Result};
use crate::model::id::{AccountId, BackendName};
use crate::model::money::Currency;
use crate::model::page::{Page, Paging};
use crate::model::text::Attributes;
use crate::model::time::Zone;
use crate::operations::Context;
use crate::upstream::{Call, Reply, Upstream};

/// Everything but RFC 3986's unreserved characters is encoded, so that no part of a key can leave its segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Lists are always sorted, or pages may overlap ("Paging"); an identifier at the end makes the order whole.
const BY_ID: &[Sort] = &[up("id")];

const fn up(field: &'static str) -> Sort {
    Sort {
        field,
        direction: "asc",
    }
}

/// Writes in which trace a call belongs.
pub(super) fn stamp(cx: &Context, headers: &mut HeaderMap) {
    let parent = cx.traceparent.as_deref();
    match parent.and_then(|parent| HeaderValue::from_str(parent).ok()) {
        Some(value) => headers.insert(TRACEPARENT, value),
        None => headers.remove(TRACEPARENT),
    };
}

/// The adapter: one customer of Urjanet.
pub(super) struct Urjanet {
    pub(super) name: BackendName,
    pub(super) base: String,
    pub(super) customer: String,
    pub(super) currency: Option<Currency>,
    pub(super) zone: Zone,
    pub(super) upstream: Upstream,
}

/// One operation's calls: what they have in common.
#[derive(Clone, Copy)]
struct Road<'r> {
    adapter: &'r Urjanet,
    cx: &'r Context,
    operation: &'static str,
}

impl Urjanet {
    fn road<'r>(&'r self, operation: &'static str, cx: &'r Context) -> Road<'r> {
        Road {
            adapter: self,
            cx,
            operation,
        }
    }

    /// A reference to another record as requests hold it: its native id or natural key; an identifier of ours is one
    /// too.
    fn native<'t>(&self, text: &'t str) -> &'t str {
        text.strip_prefix(self.name.as_str())
            .and_then(|rest| rest.strip_prefix(':'))
            .unwrap_or(text)
    }
}

impl Road<'_> {
    fn mapper(&self) -> Mapper<'_> {
        Mapper {
            backend: &self.adapter.name,
            currency: self.adapter.currency,
            zone: &self.adapter.zone,
            native: self.cx.native,
        }
    }

    fn call(&self, method: Method, path: &[&str], body: Bytes, may_repeat: bool) -> Call {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(ACCEPT, JSON);
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, JSON);
        }
        stamp(self.cx, &mut headers);
        let mut url = self.adapter.base.clone();
        for segment in path {
            url.push('/');
            url.extend(utf8_percent_encode(segment, SEGMENT));
        }
        Call {
            operation: self.operation,
            may_repeat,
            deadline: self.cx.deadline,
            method,
            url,
            headers,
            body,
            max_reply: None,
        }
    }

    /// Reads `path`; `what` is the record that is missing if the system knows none there.
    async fn get(&self, path: &[&str], what: &'static str) -> Result<Reply> {
        let call = self.call(Method::GET, path, Bytes::new(), true);
        let sent = self.adapter.upstream.call(call).await;
        sent.map_err(|error| missing(error, what))
    }

    async fn post(&self, path: &[&str], body: &impl serde::Serialize, may_repeat: bool) -> Result<Reply> {
        let body = serde_json::to_vec(body)
            .map_err(|why| Error::new(ErrorKind::Internal, "a request did not turn into JSON").because(why))?;
        let call = self.call(Method::POST, path, body.into(), may_repeat);
        self.adapter.upstream.call(call).await
    }

    /// Reads one record.
    async fn read<T: Maps>(&self, path: &[&str], what: &'static str) -> Result<T> {
        let reply = self.get(path, what).await?;
        T::map(one(&reply)?, &self.mapper())
    }

    /// Writes what may be written again, and gives the record back.
    async fn change<T: Maps>(&self, path: &[&str], body: &Map<String, Value>) -> Result<T> {
        let reply = self.post(path, body, true).await?;
        T::map(one(&reply)?, &self.mapper())
    }

    /// Writes what must not be written twice, and gives the record back. A success that cannot be read was executed all
    /// the same, so it is not called a failure.
    async fn write<T: Maps>(&self, path: &[&str], body: &Map<String, Value>) -> Result<T> {
        let reply = self.post(path, body, false).await?;
        one(&reply)
            .and_then(|raw| T::map(raw, &self.mapper()))
            .map_err(|error| {
                let message = "the system took the call and its answer cannot be read";
                error.turned_into(ErrorKind::OutcomeUnknown, message)
            })
    }

    /// Searches for one page.
    async fn search<T: Maps>(
        &self,
        path: &[&str],
        sorts: &[Sort],
        conditions: &[Condition],
        paging: &Paging,
    ) -> Result<Page<T>> {
        let start = match &paging.after {
            None => 0,
            Some(after) => offset(after)?,
        };
        let reply = self.found(path, sorts, conditions, start, paging.limit).await?;
        let envelope: Envelope<'_> = wire::decode(&reply.body)?;
        let items = items(&envelope)?;
        let next = next(&envelope, start, items.len());
        let mapper = self.mapper();
        let items = items
            .into_iter()
            .map(|raw| T::map(raw, &mapper))
            .collect::<Result<_>>()?;
        Ok(Page { items, next })
    }

    async fn found(
        &self,
        path: &[&str],
        sorts: &[Sort],
        conditions: &[Condition],
        start: u64,
        length: usize,
    ) -> Result<Reply> {
        let body = Search {
            customer_id: &self.adapter.customer,
            query_criteria: Criteria {
                start,
                length,
                sorts,
                filter: wire::Filter { conditions },
            },
        };
        self.post(path, &body, true).await
    }

    /// The present id of an account whose known one is not known any more, by provider and normalised number ("Ids").
    async fn present_id(&self, key: &AccountKey<'_>) -> Result<Option<String>> {
        let Some((provider, number)) = &key.found_by else {
            return Ok(None);
        };
        let conditions = [
            search::equals("normalizedAccountNumber", number),
            search::equals("utilityProviderId", provider),
        ];
        let reply = self.found(&["account", "search"], BY_ID, &conditions, 0, 2).await?;
        let envelope: Envelope<'_> = wire::decode(&reply.body)?;
        let hits = items(&envelope)?;
        let [hit] = hits[..] else {
            // Two are as good as none: nothing tells which one is meant.
            return Ok(None);
        };
        let account: wire::Account = wire::decode(hit.get().as_bytes())?;
        Ok((account.id != key.id).then_some(account.id))
    }

    /// Does something to an account by its known id, and if the system knows that no more, by its present one.
    async fn with_account<T, F, W>(&self, account: &AccountId, does: F) -> Result<T>
    where
        F: Fn(String) -> W,
        W: Future<Output = Result<T>>,
    {
        let key = keys::account(account)?;
        match does(key.id.to_string()).await {
            Err(error) if error.kind() == ErrorKind::NotFound => match self.present_id(&key).await? {
                Some(id) => does(id).await,
                None => Err(missing(error, "account")),
            },
            done => done,
        }
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

/// The one entity in a reply.
fn one(reply: &Reply) -> Result<&RawValue> {
    let envelope: Envelope<'_> = wire::decode(&reply.body)?;
    envelope.data.ok_or_else(|| Error::unreadable("data", "absent"))
}

/// The entities of a list. One search answers a bare object where a list is due ("Where the published document
/// disagrees").
fn items<'a>(envelope: &Envelope<'a>) -> Result<Vec<&'a RawValue>> {
    let data = envelope.data.ok_or_else(|| Error::unreadable("data", "absent"))?;
    if data.get().starts_with('{') {
        return Ok(vec![data]);
    }
    wire::decode(data.get().as_bytes())
}

/// Where the next page starts. The offset is filled on the last page too, so only `morePages` says that there is one;
/// an empty page is the last, and an offset that does not grow is not believed ("Paging").
fn next(envelope: &Envelope<'_>, start: u64, items: usize) -> Option<String> {
    if envelope.more_pages != Some(true) || items == 0 {
        return None;
    }
    let counted = start + items as u64;
    let told = envelope.next_page_offset.filter(|told| *told > start);
    Some(told.unwrap_or(counted).to_string())
}

fn offset(after: &str) -> Result<u64> {
    after
        .parse()
        .map_err(|_| Error::parameter("cursor", "not a position in this list"))
}

/// A whole list that came at once.
fn whole<T: Maps>(reply: &Reply, mapper: &Mapper<'_>) -> Result<(Vec<T>, bool)> {
    let envelope: Envelope<'_> = wire::decode(&reply.body)?;
    let all = items(&envelope)?;
    let all = all.into_iter().map(|raw| T::map(raw, mapper)).collect::<Result<_>>()?;
    Ok((all, envelope.more_pages == Some(true)))
}

/// Cuts a page out of a whole list by place.
fn cut<T>(mut all: Vec<T>, paging: &Paging) -> Result<Page<T>> {
    let start = match &paging.after {
        None => 0,
        Some(after) => usize::try_from(offset(after)?).unwrap_or(usize::MAX),
    };
    let start = start.min(all.len());
    let end = start.saturating_add(paging.limit).min(all.len());
    let next = (end < all.len()).then(|| end.to_string());
    all.truncate(end);
    all.drain(..start);
    Ok(Page { items: all, next })
}

/// Attributes as requests hold them. A value of `null` is the one null that is sent: the contract's type has it.
fn attributes(all: &Attributes) -> Value {
    all.iter()
        .map(|(name, value)| {
            let value = value.as_ref().map_or(Value::Null, |value| value.as_str().into());
            (name.as_str().to_owned(), value)
        })
        .collect::<Map<_, _>>()
        .into()
}

/// Refuses to clear a member: whether a null clears a field is not stated, so none is sent ("Ground rules").
fn no_null(pointer: &str) -> Error {
    Error::pointer(pointer, "this system cannot empty it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(name: &str) -> String {
        let path = format!(
            "{}/tests/fixtures/urjanet/examples/{name}.response.json",
            env!("CARGO_MANIFEST_DIR")
        );
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn every_example_of_a_list_goes_on_where_it_says_and_ends_where_it_only_counts() {
        for (name, start, then) in [
            ("account-candidates", 0, Some("10")),
            ("account-search", 0, Some("10")),
            // One item of ten is shown: asked for from the tenth on, the offset does not grow and is not believed.
            ("account-search", 10, Some("11")),
            ("attribute-search", 0, None),
            ("changelog-search", 0, None),
            ("credential-search", 0, Some("100")),
            ("meter-by-account", 0, Some("100")),
            ("meter-candidate", 0, Some("100")),
            ("meter-search", 0, Some("100")),
            ("provider-by-service-type", 0, None),
            ("provider-search", 0, None),
            ("service-type-list", 0, None),
            ("template-search", 0, None),
            ("workflow-b-1-account-search", 0, Some("100")),
            ("workflow-c-1-account-candidates", 0, Some("100")),
            // A bare object where a list is due, without the members of paging.
            ("workflow-d-1-credential-search", 0, None),
            ("workflow-d-2-credential-search", 0, None),
        ] {
            let body = example(name);
            let envelope: Envelope<'_> = wire::decode(body.as_bytes()).unwrap();
            let items = items(&envelope).unwrap();
            assert_eq!(items.len(), 1, "{name}");
            assert_eq!(
                next(&envelope, start, items.len()).as_deref(),
                then,
                "{name} from {start}"
            );
        }
        let empty = r#"{"data": [], "status": "OK", "message": [], "morePages": true, "nextPageOffset": 10}"#;
        let envelope: Envelope<'_> = wire::decode(empty.as_bytes()).unwrap();
        assert_eq!(next(&envelope, 0, 0), None, "an empty page is the last");
    }
}
