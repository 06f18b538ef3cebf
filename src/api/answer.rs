//! Answers: data, page, meta, and the headers that go with them.

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::digest;
use serde::Serialize;
use utoipa::ToSchema;

use super::cursor;
use super::extract::{PageAsked, strict};
use super::problem::{Failure, Problem};
use super::{Ask, Served};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::gateway::{Answer, Source, SourceStatus};
use crate::model::bill::Document;
use crate::model::id::BackendName;
use crate::model::page::{Page, Paging};
use crate::operations::native::{self, NativeReply};
use crate::operations::{Change, Operation};

/// What a handler gives back.
pub(super) type Outcome = Result<Response, Failure>;

/// The header of an answer that is the system's own; it names the backend.
pub(super) const NATIVE: &str = "intertie-native";

/// What stands in a path as it is: RFC 3986's unreserved characters, and the colon.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':');

const SANDBOXED: &str = "default-src 'none'; sandbox";

/// Where a record of a collection can be read.
pub(super) fn placed(collection: &str, id: &str) -> String {
    format!("/v1/{collection}/{}", utf8_percent_encode(id, SEGMENT))
}

/// One record, and where it came from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct One<T> {
    /// The record.
    pub data: T,
    /// Where it came from.
    pub meta: Meta,
}

/// One page of a list, and where it came from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Many<T> {
    /// The items of this page, in the list's order.
    pub data: Vec<T>,
    /// Which page it is.
    pub page: PageOf,
    /// Where it came from.
    pub meta: Meta,
}

/// One page of a list drawn from several backends, and where it came from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Found<T> {
    /// The items of this page: backend by backend, in the order of their names.
    pub data: Vec<T>,
    /// Which page it is.
    pub page: PageOf,
    /// Where it came from.
    pub meta: FoundMeta,
}

/// Which page of a list this is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PageOf {
    /// Give it as `cursor` to get the next page; `null` exactly on the last page.
    pub next_cursor: Option<String>,
    /// How many items a page holds at most.
    #[schema(example = 50)]
    pub limit: usize,
}

/// Where an answer came from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Meta {
    /// The backend that gave it; `null` if the gateway itself did.
    pub backend: Option<BackendName>,
    /// When it was given.
    #[schema(value_type = String, format = DateTime, example = "2026-07-05T08:30:00.123456Z")]
    pub as_of: Timestamp,
    /// The request, as in `X-Request-Id`.
    pub request_id: String,
}

/// Where an answer drawn from several backends came from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FoundMeta {
    /// `null`: every record names its own backend.
    pub backend: Option<BackendName>,
    /// When the last of them answered.
    #[schema(value_type = String, format = DateTime, example = "2026-07-05T08:30:00.123456Z")]
    pub as_of: Timestamp,
    /// The request, as in `X-Request-Id`.
    pub request_id: String,
    /// Whether every backend asked for this page gave what it has.
    pub complete: bool,
    /// How each backend asked for this page did.
    pub sources: Vec<FoundSource>,
}

/// How one backend did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FoundSource {
    /// The backend.
    pub backend: BackendName,
    /// What came of asking it.
    pub status: FoundStatus,
    /// Why it gave nothing; `null` if it answered.
    pub problem: Option<Problem>,
}

/// What came of asking one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FoundStatus {
    /// It answered.
    Ok,
    /// It failed.
    Failed,
    /// It does not serve the operation, or not with these filters.
    Unsupported,
}

impl Ask {
    /// Answers a read of one record.
    pub(super) async fn one<O>(self, operation: O) -> Outcome
    where
        O: Operation<Reply: Serialize>,
    {
        let answer = self.shared.gateway.call(&self.caller, operation, &self.cx).await?;
        let (data, meta, served) = self.taken::<O, _>(answer);
        let (body, tag) = tagged(&One { data, meta })?;
        let mut response = if matches_tag(&self.headers, &tag) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            json(StatusCode::OK, body)
        };
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response.extensions_mut().insert(served);
        Ok(response)
    }

    /// Answers a call that is not a read of a record.
    pub(super) async fn done<O>(self, status: StatusCode, operation: O) -> Outcome
    where
        O: Operation<Reply: Serialize>,
    {
        let answer = self.shared.gateway.call(&self.caller, operation, &self.cx).await?;
        let (data, meta, served) = self.taken::<O, _>(answer);
        let mut response = json(status, written(&One { data, meta })?);
        response.extensions_mut().insert(served);
        Ok(response)
    }

    /// Answers a call that made a record with 201. `at` says where the record can be read, if it can.
    pub(super) async fn created<O>(self, operation: O, at: impl FnOnce(&O::Reply) -> Option<String>) -> Outcome
    where
        O: Operation<Reply: Serialize>,
    {
        let answer = self.shared.gateway.call(&self.caller, operation, &self.cx).await?;
        let location = at(&answer.data).and_then(|at| HeaderValue::try_from(at).ok());
        let (data, meta, served) = self.taken::<O, _>(answer);
        let mut response = json(StatusCode::CREATED, written(&One { data, meta })?);
        if let Some(location) = location {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response.extensions_mut().insert(served);
        Ok(response)
    }

    /// Answers a change: 200 with the record as it is then, 204 if the system says no more than that it is done, 202 if it
    /// will do it later.
    pub(super) async fn changed<O, T>(self, operation: O) -> Outcome
    where
        O: Operation<Reply = Change<T>>,
        T: Serialize,
    {
        let answer = self.shared.gateway.call(&self.caller, operation, &self.cx).await?;
        let (change, meta, served) = self.taken::<O, _>(answer);
        let mut response = match change {
            Change::Now(data) => json(StatusCode::OK, written(&One { data, meta })?),
            Change::Done => empty(StatusCode::NO_CONTENT),
            Change::Accepted => empty(StatusCode::ACCEPTED),
        };
        response.extensions_mut().insert(served);
        Ok(response)
    }

    /// Answers one page of a list. `ask` makes the operation for a page.
    pub(super) async fn list<O, T>(self, page: PageAsked, ask: impl FnOnce(Paging) -> O) -> Outcome
    where
        O: Operation<Reply = Page<T>>,
        T: Serialize,
    {
        let paging = self.paging::<O>(&page)?;
        let answer = self.shared.gateway.call(&self.caller, ask(paging), &self.cx).await?;
        let (data, meta, served) = self.taken::<O, _>(answer);
        let next = self.cursor::<O>(&page, data.next.as_deref());
        let body = written(&Many {
            data: data.items,
            page: PageOf {
                next_cursor: next.clone(),
                limit: page.limit,
            },
            meta,
        })?;
        let mut response = json(StatusCode::OK, body);
        link(&mut response, &page, next.as_deref());
        response.extensions_mut().insert(served);
        Ok(response)
    }

    /// Answers one page of a list drawn from several backends. `ask` makes the operation for one backend and a page.
    pub(super) async fn search<O, T>(
        self,
        backends: Option<Vec<BackendName>>,
        page: PageAsked,
        ask: impl Fn(BackendName, Paging) -> O,
    ) -> Outcome
    where
        O: Operation<Reply = Page<T>>,
        T: Serialize,
    {
        let paging = self.paging::<O>(&page)?;
        let gathered = self
            .shared
            .gateway
            .gather(&self.caller, backends.as_deref(), &paging, &self.cx, ask)
            .await
            .map_err(|error| error.in_operation(O::ID))?;
        let complete = gathered.complete();
        let answered = gathered
            .sources
            .iter()
            .any(|source| matches!(source.status, SourceStatus::Ok));
        let strict = strict(&self.headers);
        if !complete && (strict || !answered) {
            return Err(incomplete(&gathered.sources).in_operation(O::ID).into());
        }
        let sources = gathered.sources.into_iter().map(|source| {
            let (status, error) = match source.status {
                SourceStatus::Ok => (FoundStatus::Ok, None),
                SourceStatus::Failed(error) => (FoundStatus::Failed, Some(error)),
                SourceStatus::Unsupported(error) => (FoundStatus::Unsupported, Some(error)),
            };
            if let Some(error) = &error {
                super::problem::log(error, &self.trail, Some(&self.caller.name));
            }
            FoundSource {
                backend: source.backend,
                status,
                problem: error.map(|error| Problem::of(&error, &self.trail, None)),
            }
        });
        let meta = FoundMeta {
            backend: None,
            as_of: gathered.as_of,
            request_id: self.cx.request_id.to_string(),
            complete,
            sources: sources.collect(),
        };
        let next = self.cursor::<O>(&page, gathered.page.next.as_deref());
        let body = written(&Found {
            data: gathered.page.items,
            page: PageOf {
                next_cursor: next.clone(),
                limit: page.limit,
            },
            meta,
        })?;
        let mut response = json(StatusCode::OK, body);
        link(&mut response, &page, next.as_deref());
        if strict {
            response
                .headers_mut()
                .insert("preference-applied", HeaderValue::from_static("handling=strict"));
        }
        response.extensions_mut().insert(Served {
            operation: O::ID,
            backend: None,
        });
        Ok(response)
    }

    /// Answers with a document: the bytes themselves.
    pub(super) async fn document<O>(self, operation: O) -> Outcome
    where
        O: Operation<Reply = Document>,
    {
        let answer = self.shared.gateway.call(&self.caller, operation, &self.cx).await?;
        let document = answer.data;
        let tag = format!("\"{}\"", hash(&document.bytes));
        let fresh = matches_tag(&self.headers, &tag);
        let mut response = Response::new(if fresh {
            Body::empty()
        } else {
            Body::from(document.bytes)
        });
        if fresh {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("accept"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        if !fresh {
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static(document.media_type.media_type()),
            );
            // A name that is unfit for the header after all is left out; `attachment` alone still keeps a browser from rendering it.
            let safe = document
                .name
                .bytes()
                .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'/'));
            let disposition = if safe && !document.name.is_empty() {
                HeaderValue::from_str(&format!("attachment; filename=\"{}\"", document.name))
            } else {
                Ok(HeaderValue::from_static("attachment"))
            };
            headers.insert(
                header::CONTENT_DISPOSITION,
                disposition.unwrap_or_else(|_| HeaderValue::from_static("attachment")),
            );
        }
        response.extensions_mut().insert(Served {
            operation: O::ID,
            backend: Some(answer.backend),
        });
        Ok(response)
    }

    /// Answers with what the system itself answered: its status, its headers, its body.
    pub(super) async fn passed<O>(self, operation: O) -> Outcome
    where
        O: Operation<Reply = NativeReply>,
    {
        let answer = self.shared.gateway.call(&self.caller, operation, &self.cx).await?;
        let native = answer.data;
        let (body, length) = match native.body {
            native::Body::Whole(body) => (Body::from(body), None),
            // An error among the pieces ends the connection, so that nobody takes what came for the whole.
            native::Body::Stream { pieces, length } => (Body::from_stream(pieces), length),
        };
        let mut response = Response::new(body);
        *response.status_mut() = native.status;
        let headers = response.headers_mut();
        *headers = native.headers.into_map();
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        if let Ok(backend) = HeaderValue::from_str(answer.backend.as_str()) {
            headers.insert(NATIVE, backend);
        }
        // The way back through here: the system's own address is no business of callers.
        let location = native
            .location
            .map(|location| format!("/v1/backends/{}/raw/{location}", answer.backend));
        if let Some(location) = location.and_then(|location| HeaderValue::from_str(&location).ok()) {
            headers.insert(header::LOCATION, location);
        }
        // Whatever it is, no browser takes it for a page of this host.
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOXED));
        response.extensions_mut().insert(Served {
            operation: O::ID,
            backend: Some(answer.backend),
        });
        Ok(response)
    }

    /// Answers with something the gateway itself knows.
    pub(super) fn own<T: Serialize>(self, operation: &'static str, backend: Option<BackendName>, data: T) -> Outcome {
        let meta = self.meta(backend.clone(), Timestamp::now());
        let mut response = json(StatusCode::OK, written(&One { data, meta })?);
        response.extensions_mut().insert(Served { operation, backend });
        Ok(response)
    }

    /// Answers with a whole list of what the gateway itself knows.
    pub(super) fn own_list<T: Serialize>(self, operation: &'static str, data: Vec<T>) -> Outcome {
        let meta = self.meta(None, Timestamp::now());
        let page = PageOf {
            next_cursor: None,
            limit: data.len().max(Paging::MAX),
        };
        let mut response = json(StatusCode::OK, written(&Many { data, page, meta })?);
        response.extensions_mut().insert(Served {
            operation,
            backend: None,
        });
        Ok(response)
    }

    fn meta(&self, backend: Option<BackendName>, as_of: Timestamp) -> Meta {
        Meta {
            backend,
            as_of,
            request_id: self.cx.request_id.to_string(),
        }
    }

    fn taken<O: Operation, T>(&self, answer: Answer<T>) -> (T, Meta, Served) {
        let served = Served {
            operation: O::ID,
            backend: Some(answer.backend.clone()),
        };
        (answer.data, self.meta(Some(answer.backend), answer.as_of), served)
    }

    fn paging<O: Operation>(&self, page: &PageAsked) -> Result<Paging> {
        let after = page
            .cursor
            .as_deref()
            .map(|cursor| self.shared.cursors.open(&list_of::<O>(page), cursor))
            .transpose()
            .map_err(|error| error.in_operation(O::ID))?;
        Ok(Paging {
            limit: page.limit,
            after,
        })
    }

    fn cursor<O: Operation>(&self, page: &PageAsked, next: Option<&str>) -> Option<String> {
        next.map(|position| self.shared.cursors.close(&list_of::<O>(page), position))
    }
}

fn list_of<O: Operation>(page: &PageAsked) -> cursor::List<'_> {
    cursor::List {
        operation: O::ID,
        path: page.uri.path(),
        filters: &page.bound,
    }
}

/// The failure of an answer that is not whole. It is worth trying again if that is true of one of its parts.
fn incomplete(sources: &[Source]) -> Error {
    let mut told = Vec::new();
    let mut retry = Retry::Never;
    for source in sources {
        let (SourceStatus::Failed(error) | SourceStatus::Unsupported(error)) = &source.status else {
            continue;
        };
        told.push(format!("`{}`: {}", source.backend, error.message()));
        if error.retryable() != Retry::Never {
            let after = retry.after().max(error.retryable().after());
            retry = Retry::IfRepeatable { after };
        }
    }
    Error::new(
        ErrorKind::Unavailable,
        format!("not every backend gave what it has: {}", told.join("; ")),
    )
    .code("incomplete")
    .retry(retry)
}

/// The address of the next page goes beside its cursor.
fn link(response: &mut Response, page: &PageAsked, next: Option<&str>) {
    let Some(next) = next else { return };
    let mut query: Vec<&str> = page
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|piece| !piece.is_empty() && *piece != "cursor" && !piece.starts_with("cursor="))
        .collect();
    let cursor = format!("cursor={next}");
    query.push(&cursor);
    let text = format!("<{}?{}>; rel=\"next\"", page.uri.path(), query.join("&"));
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(header::LINK, value);
    }
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Records go straight into bytes, once.
fn written<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    let mut body = Vec::with_capacity(2048);
    serde_json::to_writer(&mut body, value).map_err(unwritten)?;
    Ok(body)
}

/// The body of one record and its entity tag.
///
/// The tag is a hash of the record alone: `meta` differs with every answer. That makes it a weak one (RFC 9110 §8.8.1): two
/// answers with the same tag mean the same without being the same bytes.
fn tagged<T: Serialize>(one: &One<T>) -> Result<(Vec<u8>, String)> {
    let mut body = Vec::with_capacity(2048);
    body.extend_from_slice(b"{\"data\":");
    let start = body.len();
    serde_json::to_writer(&mut body, &one.data).map_err(unwritten)?;
    let tag = format!("W/\"{}\"", hash(&body[start..]));
    body.extend_from_slice(b",\"meta\":");
    serde_json::to_writer(&mut body, &one.meta).map_err(unwritten)?;
    body.push(b'}');
    Ok((body, tag))
}

fn unwritten(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "the answer cannot be written").because(error)
}

fn hash(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&digest::digest(&digest::SHA256, bytes).as_ref()[..16])
}

/// Whether `If-None-Match` names this tag; the comparison is the weak one (RFC 9110 §13.1.2).
fn matches_tag(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = tag.trim_start_matches("W/");
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == opaque)
}
