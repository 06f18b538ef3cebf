//! The native road: the system's own API, through the gateway's login, limits, repeats and logs.

use axum::extract::{FromRequest, FromRequestParts, OriginalUri, Request};
use http::HeaderMap;
use http::request::Parts;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::answer::Outcome;
use super::backends::Named;
use super::extract::{Json, Nothing, Query, Whole};
use super::problem::Failure;
use super::{Ask, Shared};
use crate::error::{Error, ErrorKind, Result};
use crate::model::id::BackendName;
use crate::operations::native::{CallNative, Document, Headers, Path, QueryNative};
use crate::operations::{Operation as _, native};

/// A call of the system's own API as its caller wrote it.
pub(super) struct Asked(CallNative);

impl FromRequest<Shared> for Asked {
    type Rejection = Failure;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let in_operation = |error: Error| error.in_operation(CallNative::ID);
        let (path, query) = address(&mut parts, shared).await.map_err(in_operation)?;
        let Named(backend) = Named::from_request_parts(&mut parts, shared).await?;
        let (method, headers) = (parts.method.clone(), Headers::of_request(&parts.headers));
        let Whole(body) = Whole::from_request(Request::from_parts(parts, body), shared).await?;
        Ok(Self(CallNative {
            backend,
            method,
            path,
            query,
            headers,
            body,
        }))
    }
}

/// The path behind `/raw/` and the query, percent-encoding kept.
async fn address(parts: &mut Parts, shared: &Shared) -> Result<(Path, native::Query)> {
    let OriginalUri(uri) = match OriginalUri::from_request_parts(parts, shared).await {
        Ok(uri) => uri,
        Err(never) => match never {},
    };
    let path = uri
        .path()
        .strip_prefix("/v1/backends/")
        .and_then(|rest| rest.split_once('/'))
        .and_then(|(_, rest)| rest.strip_prefix("raw/"))
        .ok_or_else(|| Error::new(ErrorKind::Internal, "the gateway failed").because("the route has no native path"))?;
    Ok((Path::read(path)?, native::Query::read(uri.query().unwrap_or_default())?))
}

/// Make one call of the system's own HTTP API
///
/// The call goes to `path` below the backend's base address with the caller's method, query, headers and body, signed in by
/// the gateway. What the system answers comes back as it is: its status, its headers, its body, with `Intertie-Native`
/// naming the backend; so do its own 4xx and 501. What lies between gateway and system does not: refused credentials,
/// throttling, 5xx, pages of a firewall, redirects and lost connections are problem documents, without that header, as for
/// every other operation.
///
/// `path` may hold slashes. It must stay below the base whoever reads it: dot segments, empty segments, encoded slashes,
/// backslashes, dots, semicolons and percent signs, control characters and their lookalikes are 400. Headers that belong to
/// one connection, credentials (`Authorization`, `Cookie`, `Set-Cookie`, `X-Api-Key`, `Proxy-*`, and whatever is named like
/// a token, a secret or a session), and those that speak of a browser, a proxy or a cache pass neither way. A `Location`
/// below the base leads back through this road; any other is left out.
///
/// GET and HEAD may be sent again by the gateway. Every other call is sent once; if it is lost, the answer is 504
/// `outcome_unknown`. The first 64 KiB of a success are read before anything is passed on, and the rest as it comes, however
/// large it is: until the time for the call is over. An answer that breaks off ends its connection and never looks whole.
/// Other replies, and successes that say neither their length nor come in chunks, are taken whole, up to the backend's
/// `max_reply` (16 MiB unless it is configured otherwise); a larger one is 502 `upstream_unreadable`, or 504
/// `outcome_unknown` for a call that is sent once.
#[utoipa::path(method(get, post, put, patch, delete), path = "/v1/backends/{backend}/raw/{*path}", tag = "Native",
    params(("backend" = BackendName, Path), ("path" = String, Path, description = "The path below the backend's base address; it may hold slashes.")),
    responses((status = 200, description = "What the system answered")))]
pub(super) async fn call_raw(ask: Ask, Asked(call): Asked) -> Outcome {
    ask.passed(call).await
}

/// A GraphQL request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct GraphQlRequest {
    /// The document.
    #[schema(example = "{ viewer { accounts { number } } }")]
    query: String,
    /// Which of the document's operations is meant; needed if it holds several.
    operation_name: Option<String>,
    /// The values of the document's variables.
    #[schema(value_type = Option<Object>)]
    variables: Option<Box<RawValue>>,
    /// What goes along beside the document.
    #[schema(value_type = Option<Object>)]
    extensions: Option<Box<RawValue>>,
}

/// Have the system execute a GraphQL document
///
/// The document goes to the system as it is, signed in by the gateway. The system's answer comes back as it is, `data` and
/// `errors` together, with `Intertie-Native` naming the backend; a document the system refuses is its own 400. An answer
/// without any data is a problem document if the system refused the gateway's login (after one renewal), limits the gateway,
/// or failed.
///
/// Queries may be sent again by the gateway. A mutation is sent once; if it is lost, the answer is 504 `outcome_unknown`.
/// The operation meant must be clear from the document and `operationName`; subscriptions are not taken. Replies are taken
/// whole, as the refusal of the login may stand anywhere in them, up to the backend's `max_reply` (16 MiB unless it is configured otherwise); a larger one is 502
/// `upstream_unreadable`, or 504 `outcome_unknown` for a mutation.
#[utoipa::path(post, path = "/v1/backends/{backend}/graphql", tag = "Native",
    params(("backend" = BackendName, Path)), request_body = GraphQlRequest,
    responses((status = 200, description = "What the system answered")))]
pub(super) async fn query_graphql(
    ask: Ask,
    headers: HeaderMap,
    Named(backend): Named,
    Query(Nothing {}): Query<Nothing>,
    Json(body): Json<GraphQlRequest>,
) -> Outcome {
    let document = Document::read(
        &body.query,
        body.operation_name.as_deref(),
        body.variables.as_deref(),
        body.extensions.as_deref(),
    )
    .map_err(|error| error.in_operation(QueryNative::ID))?;
    let headers = Headers::of_request(&headers);
    ask.passed(QueryNative {
        backend,
        document,
        headers,
    })
    .await
}
