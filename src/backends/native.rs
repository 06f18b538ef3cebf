//! How backends serve the native road: the system's own calls, through the same login, limits and rules as any.
//!
//! A backend lends its base address, its road with a verdict for replies that are passed on, and what it says of itself
//! with every call. Such a verdict lets through what the system itself answered, its refusals of the caller's request
//! included, and keeps back what is between the gateway and the system: refused credentials, throttling, failures, pages of
//! an edge. Those are repeated and told as for every other operation.
//!
//! A reply to a raw call is a stream: it is judged by its status, its headers and its beginning of [`HOLD`] bytes, and the
//! rest is passed on as it comes. More than that no verdict of the HTTP APIs reads of a success. Once a byte was passed on
//! nothing can be repeated, so whatever may lead to a repeat is read before: a reply that is over by then is taken whole, and
//! so are refusals and failures, which tell in their bodies what they mean, and replies whose end cannot be told from a
//! break. A GraphQL answer is always taken whole: the refusal of a login is a success by its status, and may stand behind
//! megabytes of data. What is taken whole is taken up to the backend's `max_reply`; more is a failure that names the limit.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::ready;
use futures_util::{StreamExt as _, stream};
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;

use super::Serves;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::native::{Body, Broken, CallNative, Headers, NativeReply, Path, QueryNative};
use crate::operations::{Context, Operation};
use crate::upstream::stream::{Rest, Streamed};
use crate::upstream::{Call, Reply, Upstream};

/// How much of a success is read before it is passed on.
const HOLD: usize = 64 * 1024;

/// Writes into a call what the gateway itself says with every call to a system, in place of what the caller said.
pub(super) type Stamp = fn(&Context, &mut HeaderMap);

/// The same for a system where this depends on what is called, or holds what was configured.
pub(super) type StampFor = Box<dyn Fn(&Context, &Path, &mut HeaderMap) + Send + Sync>;

/// Passes on calls of a system's HTTP API.
pub(super) struct Raw {
    /// The base address, which no call leaves.
    pub(super) base: String,
    /// The road, with the verdict for replies that are passed on.
    pub(super) road: Upstream,
    /// The address of the gateway's own login where it may lie below the base: nobody else may call it.
    pub(super) reserved: Option<String>,
    /// What the gateway says with every call.
    pub(super) stamp: StampFor,
}

/// Has a system execute GraphQL documents.
pub(super) struct GraphQl {
    /// The endpoint.
    pub(super) endpoint: String,
    /// The road for queries, with the verdict for replies that are passed on.
    pub(super) queries: Upstream,
    /// The road for mutations. Its verdict takes credentials for refused only if nothing was executed: such a call is sent
    /// again.
    pub(super) mutations: Upstream,
    /// The fields of the root that concern the gateway's own login: nobody else may end it or have its secrets.
    pub(super) reserved: &'static [&'static str],
    /// What the gateway says with every call.
    pub(super) stamp: Stamp,
}

#[async_trait]
impl Serves<CallNative> for Raw {
    async fn serve(&self, operation: CallNative, cx: &Context) -> Result<NativeReply> {
        let may_repeat = operation.repeat().may_repeat();
        let url = operation.path.below(&self.base, &operation.query)?;
        if self.reserved.as_deref().is_some_and(|login| is_same_path(&url, login)) {
            return Err(Error::new(
                ErrorKind::Forbidden,
                "the path is that of the gateway's own login, which is not for callers",
            ));
        }
        let mut headers = operation.headers.into_map();
        (self.stamp)(cx, &operation.path, &mut headers);
        let head = operation.method == Method::HEAD;
        let call = Call {
            operation: CallNative::ID,
            may_repeat,
            deadline: cx.deadline,
            method: operation.method,
            url,
            headers,
            body: operation.body,
            max_reply: None,
        };
        let Streamed { head: reply, rest } = match self.road.stream(call, HOLD).await {
            Ok(streamed) => streamed,
            Err(error) => return Err(unread(error, may_repeat)),
        };
        match rest {
            None => passed(reply, &self.base, may_repeat, head),
            Some(rest) => Ok(streamed(reply, rest, &self.base)),
        }
    }
}

#[async_trait]
impl Serves<QueryNative> for GraphQl {
    async fn serve(&self, operation: QueryNative, cx: &Context) -> Result<NativeReply> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        if let Some(field) = self.reserved.iter().find(|field| operation.document.asks(field)) {
            return Err(Error::new(
                ErrorKind::Forbidden,
                format!("`{field}` concerns the gateway's own login, which is not for callers"),
            ));
        }
        let may_repeat = operation.repeat().may_repeat();
        let mut headers = operation.headers.into_map();
        for name in [CONTENT_ENCODING, CONTENT_LANGUAGE] {
            headers.remove(name);
        }
        headers.insert(ACCEPT, JSON);
        headers.insert(CONTENT_TYPE, JSON);
        (self.stamp)(cx, &mut headers);
        let call = Call {
            operation: QueryNative::ID,
            may_repeat,
            deadline: cx.deadline,
            method: Method::POST,
            url: self.endpoint.clone(),
            headers,
            body: operation.document.body(),
            max_reply: None,
        };
        let road = if may_repeat { &self.queries } else { &self.mutations };
        match road.call(call).await {
            Ok(reply) => passed(reply, &self.endpoint, may_repeat, false),
            Err(error) => Err(unread(error, may_repeat)),
        }
    }
}

/// A whole reply on its way to the caller.
fn passed(reply: Reply, base: &str, may_repeat: bool, head: bool) -> Result<NativeReply> {
    whole(&reply).map_err(|error| unread(error, may_repeat))?;
    let bodiless = head || matches!(reply.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    Ok(NativeReply {
        status: reply.status,
        location: location(&reply.headers, base),
        headers: Headers::of_reply(&reply.headers, head),
        body: Body::Whole(if bodiless { Bytes::new() } else { reply.body }),
    })
}

/// A reply whose rest is still on its way.
fn streamed(head: Reply, rest: Rest, base: &str) -> NativeReply {
    let length = head
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let first = stream::once(ready(Ok(head.body)));
    let rest = rest.map(|piece| piece.map_err(|_| Broken));
    NativeReply {
        status: head.status,
        location: location(&head.headers, base),
        headers: Headers::of_reply(&head.headers, false),
        body: Body::Stream {
            pieces: first.chain(rest).boxed(),
            length,
        },
    }
}

/// A call that was answered with what cannot be read: it was executed or refused, and nobody can say which.
fn unread(error: Error, may_repeat: bool) -> Error {
    match error.kind() {
        ErrorKind::Unreadable if !may_repeat => error.turned_into(
            ErrorKind::OutcomeUnknown,
            "the system answered what cannot be read; whether it executed the call is not known",
        ),
        _ => error,
    }
}

fn location(headers: &HeaderMap, base: &str) -> Option<String> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    below(location, base)
}

/// A body that calls itself JSON and is none was cut or spoilt on its way: it is no answer of the system.
fn whole(reply: &Reply) -> Result<()> {
    let json = reply
        .headers
        .get(CONTENT_TYPE)
        .and_then(|form| form.to_str().ok())
        .and_then(|form| form.split(';').next())
        .is_some_and(|form| {
            let form = form.trim().to_ascii_lowercase();
            form.ends_with("/json") || form.ends_with("+json")
        });
    let coded = reply.headers.contains_key(CONTENT_ENCODING) || reply.status == StatusCode::PARTIAL_CONTENT;
    if !json || coded || reply.body.is_empty() {
        return Ok(());
    }
    serde_json::from_slice::<IgnoredAny>(&reply.body)
        .map(drop)
        .map_err(|_| Error::unreadable("$", "the body is called JSON and is none"))
}

/// The rest of a reference below the base address, if it leads there.
fn below(location: &str, base: &str) -> Option<String> {
    let base = base.trim_end_matches('/');
    let path = match location.strip_prefix(base) {
        Some(rest) => rest,
        None if location.starts_with('/') => {
            let own = base.parse::<Uri>().ok()?;
            location.strip_prefix(own.path().trim_end_matches('/'))?
        }
        None => return None,
    };
    path.strip_prefix('/')
        .filter(|rest| !rest.is_empty())
        .map(str::to_owned)
}

/// Whether two addresses name one path, as far as a system might read them so. Hosts do not count: two names may lead to one.
fn is_same_path(one: &str, other: &str) -> bool {
    let plain = |url: &str| {
        let path = url.parse::<Uri>().ok()?.path().to_owned();
        let segments = path.split('/').map(|segment| {
            let decoded = percent_decode_str(segment).decode_utf8_lossy();
            let name = decoded.split(';').next().unwrap_or_default();
            name.trim().to_lowercase()
        });
        Some(segments.filter(|segment| !segment.is_empty()).collect::<Vec<_>>())
    };
    plain(one).is_some_and(|path| Some(path) == plain(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_path_is_known_in_every_spelling() {
        let login = "https://auth.example.test/api/login";
        for url in [
            "https://api.example.test/api/login",
            "https://api.example.test/api/login/?a=b",
            "https://api.example.test/api/%6Cogin",
            "https://api.example.test/API/Login;a=b",
            "https://api.example.test/api;v=1/login%20",
        ] {
            assert!(is_same_path(url, login), "{url}");
        }
        for url in [
            "https://auth.example.test/api",
            "https://auth.example.test/api/logins",
            "https://auth.example.test/api/v1/login",
            "https://auth.example.test/?api/login",
        ] {
            assert!(!is_same_path(url, login), "{url}");
        }
    }

    #[test]
    fn only_references_below_the_base_lead_anywhere() {
        let base = "https://api.example.test/tenant/v1/";
        for (location, expected) in [
            ("https://api.example.test/tenant/v1/accounts/7", Some("accounts/7")),
            ("/tenant/v1/accounts/7?a=b", Some("accounts/7?a=b")),
            ("https://api.example.test/tenant/v10/accounts", None),
            ("https://api.example.test/tenant/v1", None),
            ("https://evil.test/tenant/v1/accounts", None),
            ("//evil.test/tenant/v1/accounts", None),
            ("/other", None),
            ("accounts/7", None),
            ("", None),
        ] {
            assert_eq!(below(location, base).as_deref(), expected, "{location}");
        }
    }

    #[test]
    fn a_spoilt_body_is_no_answer() {
        let reply = |form: &'static str, body: &'static str| Reply {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(form))]),
            body: Bytes::from_static(body.as_bytes()),
        };
        for (form, body) in [
            ("application/json", "{\"a\": 1}"),
            ("application/json; charset=utf-8", "[]"),
            ("application/json", ""),
            ("text/plain", "{"),
            ("application/pdf", "%PDF-1.4"),
        ] {
            assert!(whole(&reply(form, body)).is_ok(), "{form} {body}");
        }
        for (form, body) in [
            ("application/json", "{\"a\": 1"),
            ("application/problem+json", "oops"),
            ("Application/JSON ; charset=utf-8", "{}{}"),
        ] {
            let error = whole(&reply(form, body)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unreadable, "{form} {body}");
        }
    }
}
