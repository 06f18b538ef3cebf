//! `impl Serves<O>` for every operation: build the call, send it, decode the reply, map it.

mod bills;
mod document;
mod payments;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::keys::Place;
use super::map::Mapper;
use crate::error::{Error, ErrorKind, Result};
use crate::model::id::BackendName;
use crate::model::time::Zone;
use crate::operations::Context;
use crate::operations::native::Path;
use crate::upstream::{Call, Reply, Upstream};

/// Everything but RFC 3986's unreserved characters is encoded, so that no part of a key can leave its segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const WITH_PDF: HeaderName = HeaderName::from_static("x-pdf");
const WITH_TEXT: HeaderName = HeaderName::from_static("x-txt");
pub(super) const BSS: HeaderName = HeaderName::from_static("bss");

/// The headers that carry credentials, whichever of them are configured.
const CREDENTIALS: [&str; 4] = ["client_id", "client_secret", "client-id", "client-secret"];

/// The adapter: one deployment of the API.
pub(super) struct Tmf678 {
    pub(super) name: BackendName,
    pub(super) base: String,
    pub(super) units: Vec<Prepared>,
    /// The headers of calls to a unit that is not configured.
    pub(super) common: HeaderMap,
    pub(super) zone: Zone,
    pub(super) upstream: Upstream,
}

/// A business unit, with all headers its calls have in common.
pub(super) struct Prepared {
    pub(super) business_id: String,
    pub(super) headers: HeaderMap,
    pub(super) pdf_by_query: bool,
}

/// What comes back beside or in place of the summary (README §1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Summary,
    Pdf,
    Text,
}

/// One operation's calls to one business unit: what they have in common.
struct Road<'r> {
    adapter: &'r Tmf678,
    unit: &'r Prepared,
    place: &'r Place<'r>,
    cx: &'r Context,
    operation: &'static str,
    sent: AtomicU32,
}

impl Tmf678 {
    /// The road to the unit a key names. One that is not configured is as good as one that does not exist; `what` is the
    /// record asked for.
    fn road<'r>(
        &'r self,
        operation: &'static str,
        place: &'r Place<'r>,
        cx: &'r Context,
        what: &'static str,
    ) -> Result<Road<'r>> {
        let unit = match place.business() {
            None => self.units.first(),
            Some(business) => self.units.iter().find(|unit| unit.business_id == business),
        };
        Ok(Road {
            adapter: self,
            unit: unit.ok_or_else(|| Error::not_found(what))?,
            place,
            cx,
            operation,
            sent: AtomicU32::new(0),
        })
    }

    /// Writes into a raw call what goes along with every call: the credentials, the request's id, and, where the caller
    /// says nothing else, the headers of the business unit its path begins with.
    pub(super) fn stamp(&self, cx: &Context, path: &Path, headers: &mut HeaderMap) {
        let business = path.as_str().split('/').next().unwrap_or_default();
        let unit = self.units.iter().find(|unit| unit.business_id == business);
        for name in CREDENTIALS {
            headers.remove(name);
        }
        for (name, value) in unit.map_or(&self.common, |unit| &unit.headers) {
            if !headers.contains_key(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
        mark(cx, &correlation(cx, 0), headers);
    }
}

impl Road<'_> {
    fn mapper(&self) -> Mapper<'_> {
        Mapper {
            backend: &self.adapter.name,
            place: self.place,
            native: self.cx.native,
        }
    }

    /// Reads one bill; `what` is the record that is missing if the system knows none.
    async fn one(&self, bill: &str, content: Content, what: &'static str) -> Result<Reply> {
        let mut query: Vec<(&str, &str)> = Vec::with_capacity(2);
        // "Send `billingAccount.id` whenever it is known" (README §2).
        query.extend(self.place.account().map(|account| ("billingAccount.id", account)));
        if content == Content::Pdf && self.unit.pdf_by_query {
            query.push(("pdf", "true"));
        }
        let mut call = self.call(&["customerBill", bill], &query);
        let flag = match content {
            Content::Summary => None,
            Content::Pdf => Some(WITH_PDF),
            Content::Text => Some(WITH_TEXT),
        };
        call.headers
            .extend(flag.map(|flag| (flag, HeaderValue::from_static("true"))));
        self.send(call, what).await
    }

    /// Reads a page of an account's bills (README §5; inferred).
    async fn many(&self, query: &[(&str, &str)]) -> Result<Reply> {
        self.send(self.call(&["customerBill"], query), "account").await
    }

    fn call(&self, path: &[&str], query: &[(&str, &str)]) -> Call {
        let mut headers = self.unit.headers.clone();
        if let Some(bss) = self.place.bss().and_then(|bss| HeaderValue::from_str(bss).ok()) {
            headers.insert(BSS, bss);
        }
        let before = self.sent.fetch_add(1, Ordering::Relaxed);
        mark(self.cx, &correlation(self.cx, before), &mut headers);
        Call {
            operation: self.operation,
            may_repeat: true,
            deadline: self.cx.deadline,
            method: Method::GET,
            url: address(&self.adapter.base, &self.unit.business_id, path, query),
            headers,
            body: Bytes::new(),
            max_reply: None,
        }
    }

    async fn send(&self, call: Call, what: &'static str) -> Result<Reply> {
        self.adapter
            .upstream
            .call(call)
            .await
            .map_err(|error| match error.kind() {
                // The system's 404 does not say which record is missing.
                ErrorKind::NotFound => error.turned_into(ErrorKind::NotFound, format!("no such {what}")),
                _ => error,
            })
    }
}

/// One fresh value for each call of an operation; the repeats of a call carry the same (README §4).
fn correlation(cx: &Context, before: u32) -> String {
    let id = &*cx.request_id;
    match before {
        _ if id.is_empty() => Uuid::now_v7().to_string(),
        0 => id.to_owned(),
        before => format!("{id}.{before}"),
    }
}

/// Writes in which request and trace a call belongs. Nothing else under these names goes out.
fn mark(cx: &Context, correlation: &str, headers: &mut HeaderMap) {
    for (name, value) in [
        (CORRELATION, Some(correlation)),
        (TRACEPARENT, cx.traceparent.as_deref()),
    ] {
        match value.and_then(|value| HeaderValue::from_str(value).ok()) {
            Some(value) => headers.insert(name, value),
            None => headers.remove(name),
        };
    }
}

fn address(base: &str, business: &str, path: &[&str], query: &[(&str, &str)]) -> String {
    let mut url = String::with_capacity(base.len() + 96);
    url.push_str(base);
    for segment in std::iter::once(&business).chain(path) {
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
