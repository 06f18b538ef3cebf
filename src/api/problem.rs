//! Failures as callers see them: the only table from kinds and codes to statuses, and the problem documents made of it.

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use tracing::{debug, error, warn};
use utoipa::ToSchema;

use super::rate::{RATELIMIT, RATELIMIT_POLICY};
use super::trail::Trail;
use crate::error::{Error, ErrorKind, Place, Retry};

/// One code a problem document may carry, and its page.
#[derive(Debug)]
pub(super) struct Code {
    /// The code, last part of the problem's `type`.
    pub code: &'static str,
    /// The kind of failure it belongs to.
    pub kind: ErrorKind,
    /// The HTTP status.
    pub status: StatusCode,
    /// What it is in a few words.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Who acts, and how.
    pub act: &'static str,
}

const fn code(
    code: &'static str,
    kind: ErrorKind,
    status: StatusCode,
    title: &'static str,
    meaning: &'static str,
    act: &'static str,
) -> Code {
    Code {
        code,
        kind,
        status,
        title,
        meaning,
        act,
    }
}

/// Every code there is. The first row of a kind is what a failure of that kind is called unless it names a finer one.
#[rustfmt::skip]
pub(super) const CODES: &[Code] = &[
    code("invalid_request", ErrorKind::Invalid, StatusCode::BAD_REQUEST, "The request is wrong",
        "A parameter or a header cannot be used as it is; `errors` names each of them.",
        "The caller corrects what `errors` names. The same request will fail again."),
    code("invalid_body", ErrorKind::Invalid, StatusCode::UNPROCESSABLE_ENTITY, "The body does not fit",
        "The body is JSON, but a member is unknown, missing, of the wrong type or against a rule; `errors` points at each of them.",
        "The caller corrects what `errors` points at. The same request will fail again."),
    code("malformed_body", ErrorKind::Invalid, StatusCode::BAD_REQUEST, "The body is not JSON",
        "The body is empty, is not JSON, is nested too deeply, or did not arrive whole.",
        "The caller sends well-formed JSON."),
    code("invalid_cursor", ErrorKind::Invalid, StatusCode::BAD_REQUEST, "The cursor does not fit",
        "The cursor was altered or cut, or it was given out for another list or for other filters.",
        "The caller repeats the filters the cursor was given out for, or starts again without it."),
    code("unreadable_request", ErrorKind::Invalid, StatusCode::BAD_REQUEST, "The request is no HTTP",
        "The request line or a header is not as HTTP/1.1 has them. The connection is closed.",
        "The caller's developers correct the client, or whatever stands between."),
    code("misdirected", ErrorKind::Invalid, StatusCode::MISDIRECTED_REQUEST, "The request is for another host",
        "The header `Host` names a host that this gateway does not answer for.",
        "The caller takes the gateway's own name; its operator lists the names in `allowed_hosts`."),
    code("uri_too_long", ErrorKind::Invalid, StatusCode::URI_TOO_LONG, "The address is too long",
        "The request's path and query are longer than this gateway takes. The connection is closed.",
        "The caller asks for less at once."),
    code("headers_too_large", ErrorKind::Invalid, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large",
        "The request line and headers are larger, or the headers more, than this gateway takes. The connection is closed.",
        "The caller sends fewer or shorter headers."),
    code("body_too_large", ErrorKind::Invalid, StatusCode::PAYLOAD_TOO_LARGE, "The body is too large",
        "The body is larger than this gateway takes.",
        "The caller sends less at once."),
    code("body_timeout", ErrorKind::Invalid, StatusCode::REQUEST_TIMEOUT, "The body came too slowly",
        "The body was not there in whole before the call's time was up, or the time that the gateway gives any body.",
        "The caller sends again over a better connection, or with a larger `Request-Timeout-Ms`."),
    code("unsupported_media_type", ErrorKind::Invalid, StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body's media type is not taken",
        "Bodies are `application/json` in UTF-8, without a content coding.",
        "The caller sets `Content-Type: application/json` and sends JSON."),
    code("method_not_allowed", ErrorKind::Invalid, StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed here",
        "There is something at this path, but not with this method; `Allow` lists the methods there are.",
        "The caller uses one of the methods in `Allow`."),
    code("unauthenticated", ErrorKind::Unauthenticated, StatusCode::UNAUTHORIZED, "Who calls is not known",
        "The request carries no credential, or one that this gateway does not take.",
        "The caller sends a valid API key or token. This is about the caller's standing with the gateway, never about a backend's own login."),
    code("forbidden", ErrorKind::Forbidden, StatusCode::FORBIDDEN, "The caller may not do this",
        "The caller is known, but may not do this.",
        "The caller asks the gateway's operator for the right, or does something else."),
    code("insufficient_scope", ErrorKind::Forbidden, StatusCode::FORBIDDEN, "A scope is missing",
        "The caller is known, but lacks the scope that `detail` names.",
        "The caller asks the gateway's operator for the scope."),
    code("not_for_bound_callers", ErrorKind::Forbidden, StatusCode::FORBIDDEN, "Not for callers bound to accounts",
        "The caller is bound to accounts, and whose record the call is about cannot be established before it is made.",
        "The caller asks for records of its own accounts, by their ids. What is everybody's is for callers that are not bound."),
    code("not_found", ErrorKind::NotFound, StatusCode::NOT_FOUND, "There is no such record",
        "The system knows no such record, or the caller may not know of it.",
        "The caller checks the identifier."),
    code("backend_not_found", ErrorKind::NotFound, StatusCode::NOT_FOUND, "There is no such backend",
        "No backend is configured under this name, or the caller may not know of it.",
        "The caller takes a name from `GET /v1/backends`."),
    code("route_not_found", ErrorKind::NotFound, StatusCode::NOT_FOUND, "There is nothing at this path",
        "The API has no such path.",
        "The caller takes a path from `GET /openapi.json`. Keys in paths are percent-encoded."),
    code("code_not_found", ErrorKind::NotFound, StatusCode::NOT_FOUND, "There is no such problem code",
        "Problems carry no such code.",
        "The caller takes the code from a problem document."),
    code("conflict", ErrorKind::Conflict, StatusCode::CONFLICT, "The record's state forbids it",
        "The state of the record, or an earlier request with the same key, forbids this step.",
        "The caller reads the record and decides anew."),
    code("rate_limited", ErrorKind::Limited, StatusCode::TOO_MANY_REQUESTS, "The caller asks too often",
        "The caller has used up the requests that it may send for now; `RateLimit-Policy` says how many there are, and in what time.",
        "The caller waits as long as `Retry-After` says, and then asks less often. `RateLimit` in every answer says what is left."),
    code("too_many_failures", ErrorKind::Limited, StatusCode::TOO_MANY_REQUESTS, "Too many credentials were not taken",
        "Too many requests from this address came with credentials that this gateway does not take. Whether this one's are, was \
         not asked, unless its caller has called from this address before.",
        "The caller waits as long as `Retry-After` says, and corrects its credentials."),
    code("not_acceptable", ErrorKind::NotAcceptable, StatusCode::NOT_ACCEPTABLE, "The form asked for is not to be had",
        "None of the media types in `Accept` is to be had.",
        "The caller asks for another form, or for `*/*`."),
    code("unsupported", ErrorKind::Unsupported, StatusCode::NOT_IMPLEMENTED, "The backend cannot do this",
        "The system behind this backend has nothing like it.",
        "The caller does without. `GET /v1/capabilities` says what each backend serves."),
    code("unsupported_operation", ErrorKind::Unsupported, StatusCode::NOT_IMPLEMENTED, "The backend does not serve this operation",
        "The system behind this backend has nothing like it; `detail` names the backends that do serve it.",
        "The caller asks another backend or does without. `GET /v1/capabilities` says what each backend serves."),
    code("unsupported_filter", ErrorKind::Unsupported, StatusCode::NOT_IMPLEMENTED, "The backend cannot filter by this",
        "The backend serves the operation, but not with this filter or this value; `errors` names it.",
        "The caller leaves the filter out. `GET /v1/capabilities` lists each backend's filters."),
    code("upstream_refused", ErrorKind::Refused, StatusCode::BAD_GATEWAY, "The system refused the gateway's request",
        "The billing system says that the gateway's request was wrong, though the caller's was not.",
        "The gateway's developers act. Report the `request_id`."),
    code("upstream_credentials", ErrorKind::Credentials, StatusCode::BAD_GATEWAY, "The system refused the gateway's login",
        "The billing system refused the credentials that this gateway is configured with. The caller's own are fine.",
        "The gateway's operator renews the backend's credentials."),
    code("upstream_blocked", ErrorKind::Blocked, StatusCode::BAD_GATEWAY, "Something in front of the system blocked the call",
        "A firewall or another edge in front of the billing system answered in its place. Nothing is known about the credentials.",
        "The gateway's operator asks the system's operator to let the gateway through."),
    code("upstream_unreadable", ErrorKind::Unreadable, StatusCode::BAD_GATEWAY, "The system's reply cannot be read",
        "The billing system's reply does not decode, or lacks a fact the record cannot do without; `detail` says where.",
        "The gateway's developers act. Report the `request_id`."),
    code("integrity", ErrorKind::Unreadable, StatusCode::BAD_GATEWAY, "The system answered about something else",
        "The billing system's reply is about another record than the one asked for. It is not passed on.",
        "The gateway's developers act. Report the `request_id`."),
    code("upstream_throttled", ErrorKind::Throttled, StatusCode::SERVICE_UNAVAILABLE, "The system is limiting the gateway",
        "The billing system takes no more calls from the gateway for now.",
        "The caller waits: `Retry-After` and `retry_after_s` say how long, if the system does."),
    code("upstream_unavailable", ErrorKind::Unavailable, StatusCode::SERVICE_UNAVAILABLE, "The system is not to be had",
        "The billing system was not reached, or it failed.",
        "The caller tries again later."),
    code("incomplete", ErrorKind::Unavailable, StatusCode::BAD_GATEWAY, "Not every backend answered",
        "The answer would have been drawn from several backends, and not all of them gave what they have: either \
         `Prefer: handling=strict` was asked for, or none of them answered. `detail` names them.",
        "The caller tries again, names fewer backends in `backend`, or does without `handling=strict`."),
    code("keys_unavailable", ErrorKind::Unavailable, StatusCode::SERVICE_UNAVAILABLE, "Tokens cannot be verified now",
        "The keys of the token's issuer could not be read since the gateway was started. Nothing is known about the token.",
        "The caller tries again later. The gateway's operator looks after the way to the issuer."),
    code("too_many_connections", ErrorKind::Unavailable, StatusCode::SERVICE_UNAVAILABLE, "There are too many connections",
        "The gateway has as many connections as it takes, in all or from the caller's address. This one is closed.",
        "The caller keeps connections and uses them again, or tries again later."),
    code("not_ready", ErrorKind::Unavailable, StatusCode::SERVICE_UNAVAILABLE, "The gateway takes no calls",
        "The gateway is starting or being shut down.",
        "Whoever sends calls here sends them elsewhere until `GET /readyz` answers 200."),
    code("timed_out", ErrorKind::TimedOut, StatusCode::GATEWAY_TIMEOUT, "No answer in time",
        "The billing system did not answer in time. Nothing was changed by the call, or it may be sent again.",
        "The caller tries again, perhaps with a larger `Request-Timeout-Ms`."),
    code("outcome_unknown", ErrorKind::OutcomeUnknown, StatusCode::GATEWAY_TIMEOUT, "What became of the call is not known",
        "A call that must not be sent twice was lost. It may or may not have been executed, and the gateway did not send it again.",
        "The caller reads what `detail` names to find out, before deciding to send it again."),
    code("internal", ErrorKind::Internal, StatusCode::INTERNAL_SERVER_ERROR, "The gateway failed",
        "This is a fault of the gateway.",
        "The gateway's developers act. Report the `request_id`."),
];

/// The headers of a refusal that stay when its problem document takes its place.
const KEPT: [HeaderName; 6] = [
    header::ALLOW,
    header::VARY,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    RATELIMIT,
    RATELIMIT_POLICY,
];

/// The row of a code.
pub(super) fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|row| row.code == code)
}

/// The row of a failure.
fn row(error: &Error) -> &'static Code {
    let of_kind = || {
        CODES
            .iter()
            .find(|row| row.kind == error.kind())
            .unwrap_or(&CODES[CODES.len() - 1])
    };
    let row = error.finer_code().and_then(find).unwrap_or_else(of_kind);
    let in_body = || {
        error
            .faults()
            .iter()
            .any(|fault| matches!(fault.place, Place::Pointer(_)))
    };
    match row.code {
        "invalid_request" if in_body() => find("invalid_body").unwrap_or(row),
        _ => row,
    }
}

/// A problem document (RFC 9457). Members that are not known are `null`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// What the problem is: `/problems/<code>`, a page of this server.
    #[schema(format = "uri-reference", example = "/problems/not_found")]
    r#type: String,
    /// The problem in a few words; the same for every problem of this type.
    #[schema(example = "There is no such record")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    status: u16,
    /// What happened this time.
    #[schema(example = "no such account")]
    detail: String,
    /// The path it happened at; `null` if the path is none that RFC 3986 allows.
    #[schema(format = "uri-reference", example = "/v1/accounts/gentrack-au:99999999")]
    instance: Option<String>,
    /// The problem's code: the last part of `type`. New codes may be added.
    #[schema(example = "not_found")]
    code: &'static str,
    /// The request, as in `X-Request-Id`.
    request_id: String,
    /// The trace, as in `traceparent`.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    trace_id: String,
    /// Whether the same request may succeed if it is sent again.
    retryable: bool,
    /// How many seconds to wait before that, if the system said so.
    retry_after_s: Option<u64>,
    /// The backend concerned.
    backend: Option<String>,
    /// The operation concerned.
    #[schema(example = "accounts.get")]
    operation: Option<&'static str>,
    /// What the system itself said.
    native: Option<NativeProblem>,
    /// The members of the request at fault.
    errors: Vec<MemberProblem>,
}

/// What a system itself said about a failure.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NativeProblem {
    /// The system's own error code.
    code: Option<String>,
    /// The system's own words, only where they are safe to show.
    message: Option<String>,
}

/// A member of a request at fault: exactly one of `pointer`, `parameter` and `header` says which.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MemberProblem {
    /// A member of the body, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "/readings/0/value")]
    pointer: Option<String>,
    /// A path or query parameter, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    parameter: Option<String>,
    /// A header, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    header: Option<&'static str>,
    /// What is wrong with it.
    detail: String,
}

impl Problem {
    /// The document of a failure.
    pub(super) fn of(error: &Error, trail: &Trail, path: Option<&str>) -> Self {
        let row = row(error);
        let errors = error.faults().iter().map(|fault| {
            let mut member = MemberProblem {
                pointer: None,
                parameter: None,
                header: None,
                detail: fault.detail.clone(),
            };
            match &fault.place {
                Place::Pointer(pointer) => member.pointer = Some(pointer.clone()),
                Place::Parameter(name) => member.parameter = Some(name.clone().into_owned()),
                Place::Header(name) => member.header = Some(name),
            }
            member
        });
        Self {
            r#type: format!("/problems/{}", row.code),
            title: row.title,
            status: row.status.as_u16(),
            detail: error.message().to_owned(),
            instance: path.filter(|path| is_reference(path)).map(str::to_owned),
            code: row.code,
            request_id: trail.request_id.to_string(),
            trace_id: trail.trace_id().to_owned(),
            retryable: retryable(error),
            retry_after_s: retry_after(error),
            backend: error.backend().map(str::to_owned),
            operation: error.operation(),
            native: error.native_error().map(|native| NativeProblem {
                code: native.code.clone(),
                message: native.message.clone(),
            }),
            errors: errors.collect(),
        }
    }
}

/// Whether a path can stand in a document as a reference (RFC 3986): requests may hold others.
fn is_reference(path: &str) -> bool {
    let escapes = path.split('%').skip(1).all(|rest| {
        let mut digits = rest.bytes();
        (0..2).all(|_| digits.next().is_some_and(|b| b.is_ascii_hexdigit()))
    });
    escapes
        && path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&b))
}

/// Whether the caller may send the request again. A lost call that must not be repeated is the caller's to look into first.
fn retryable(error: &Error) -> bool {
    match error.retryable() {
        Retry::Never => false,
        Retry::IfRepeatable { .. } => error.kind() != ErrorKind::OutcomeUnknown,
        Retry::Safe { .. } => true,
    }
}

/// Whole seconds to wait, rounded up: waiting a little longer than asked is right, a little less is not.
fn retry_after(error: &Error) -> Option<u64> {
    let after = error.retryable().after()?;
    Some(after.as_secs() + u64::from(after.subsec_nanos() > 0))
}

/// A failure on its way out of a handler. The outermost layers turn it into a problem document and log it, once.
pub(super) struct Failure(Arc<Error>);

/// The failure behind a response, left in its extensions for the layer that renders it.
#[derive(Clone)]
pub(super) struct Failed(pub Arc<Error>);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(Arc::new(error))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = row(&self.0).status.into_response();
        response.extensions_mut().insert(Failed(self.0));
        response
    }
}

/// The failure that a bare status stands for: what the router, the body limit and the reference page answer by themselves.
pub(super) fn of_status(status: StatusCode) -> Error {
    match status {
        StatusCode::NOT_FOUND => {
            Error::new(ErrorKind::NotFound, "there is nothing at this path").code("route_not_found")
        }
        StatusCode::METHOD_NOT_ALLOWED => Error::new(
            ErrorKind::Invalid,
            "this path does not take this method; see the header `Allow`",
        )
        .code("method_not_allowed"),
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Error::new(ErrorKind::Invalid, "the body must be JSON").code("unsupported_media_type")
        }
        status if status.is_client_error() => Error::new(ErrorKind::Invalid, "the request cannot be used"),
        status => Error::new(ErrorKind::Internal, "the gateway failed").because(format!("a bare {status}")),
    }
}

/// The failure of a body that is larger than is taken.
pub(super) fn too_large() -> Error {
    Error::new(ErrorKind::Invalid, "the body is larger than this gateway takes").code("body_too_large")
}

/// The document of a request that was refused before it could be read, so that it has no names but those made here.
pub(super) fn of_unread(status: StatusCode) -> Bytes {
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let error = Error::new(
            ErrorKind::Unavailable,
            "the gateway has as many connections as it takes",
        )
        .code("too_many_connections")
        .retry(Retry::Safe { after: None });
        // Told of by the metric that counts them: a line for each would be what a flood is after.
        return written(&error, &Trail::of(&HeaderMap::new()));
    }
    let (code, detail) = match status {
        StatusCode::URI_TOO_LONG => ("uri_too_long", "the path and query are longer than is taken"),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            ("headers_too_large", "the headers are larger or more than is taken")
        }
        _ => ("unreadable_request", "the request line or a header cannot be read"),
    };
    let error = Error::new(ErrorKind::Invalid, detail).code(code);
    let trail = Trail::of(&HeaderMap::new());
    log(&error, &trail, None);
    written(&error, &trail)
}

fn written(error: &Error, trail: &Trail) -> Bytes {
    serde_json::to_vec(&Problem::of(error, trail, None))
        .unwrap_or_default()
        .into()
}

/// The failure a panic stands for. What the panic said is for the log only, and only if it is a literal: words put together at
/// run time may hold anything, a customer's name among it. The line about the panic itself, with its place, keeps to the same.
pub(super) fn of_panic(panic: Box<dyn std::any::Any + Send>) -> Response {
    let words = panic.downcast_ref::<&'static str>().unwrap_or(&"message withheld");
    Failure::from(Error::new(ErrorKind::Internal, "the gateway failed").because(format!("panic: {words}")))
        .into_response()
}

/// Writes the problem document of a failure. `kept` are the headers of the response it takes the place of.
pub(super) fn render(error: &Error, trail: &Trail, path: &str, kept: &HeaderMap) -> Response {
    let row = row(error);
    let problem = Problem::of(error, trail, Some(path));
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = row.status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    for name in &KEPT {
        if let Some(value) = kept.get(name) {
            headers.insert(name, value.clone());
        }
    }
    if let Some(seconds) = problem.retry_after_s
        && matches!(
            row.status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        )
    {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    let challenge = match kept.get(header::WWW_AUTHENTICATE) {
        Some(challenge) => Some(challenge.clone()),
        // RFC 9110 §15.5.2: never without one.
        None => {
            (row.status == StatusCode::UNAUTHORIZED).then(|| HeaderValue::from_static(r#"Bearer realm="intertie""#))
        }
    };
    if let Some(challenge) = challenge {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(value) = proxy_status(error, row) {
        headers.insert("proxy-status", value);
    }
    response
}

/// `Proxy-Status` (RFC 9209) of a failure beyond the gateway.
///
/// RFC 9209 §2.3 has a closed list of error types; `details` carries the problem's code, which says more.
fn proxy_status(error: &Error, row: &Code) -> Option<HeaderValue> {
    let class = match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Throttled | ErrorKind::Blocked => "destination_unavailable",
        ErrorKind::TimedOut | ErrorKind::OutcomeUnknown => "http_response_timeout",
        ErrorKind::Unreadable => "http_protocol_error",
        ErrorKind::Credentials => "proxy_configuration_error",
        ErrorKind::Refused => "proxy_internal_error",
        _ => return None,
    };
    // A backend's name is letters, digits and hyphens, which makes it a token of RFC 8941.
    let backend = error.backend()?;
    let text = format!(r#"intertie; error={class}; next-hop={backend}; details="{}""#, row.code);
    HeaderValue::from_str(&text).ok()
}

/// Logs a failure: the one line about it.
pub(super) fn log(error: &Error, trail: &Trail, caller: Option<&str>) {
    let mut chain = String::new();
    let mut source = error.source();
    while let Some(cause) = source {
        if !chain.is_empty() {
            chain.push_str(": ");
        }
        let _ = write!(chain, "{cause}");
        source = cause.source();
    }
    macro_rules! line {
        ($level:ident, $($words:tt)+) => {
            $level!(
                kind = error.kind().label(),
                code = row(error).code,
                operation = error.operation(),
                backend = error.backend(),
                attempts = error.attempts(),
                retry = ?error.retryable(),
                native_code = error.native_error().and_then(|native| native.code.as_deref()),
                caller,
                request_id = &*trail.request_id,
                trace_id = trail.trace_id(),
                cause = (!chain.is_empty()).then_some(chain.as_str()),
                $($words)+
            )
        };
    }
    match error.kind() {
        ErrorKind::Internal | ErrorKind::Credentials => line!(error, "a request failed: {}", error.message()),
        ErrorKind::Refused
        | ErrorKind::Blocked
        | ErrorKind::Unreadable
        | ErrorKind::Throttled
        | ErrorKind::Unavailable
        | ErrorKind::TimedOut
        | ErrorKind::OutcomeUnknown => line!(warn, "a request failed: {}", error.message()),
        // The words are the caller's to read, and are not repeated here: they quote what was sent, which may be anything.
        ErrorKind::Invalid
        | ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::Limited
        | ErrorKind::NotAcceptable
        | ErrorKind::Unsupported => line!(debug, "a request was refused"),
    }
}

/// The page of a code, as HTML.
pub(super) fn page(code: &Code) -> String {
    let escape = |text: &str| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        // Every other piece between backticks is code.
        text.split('`').enumerate().fold(String::new(), |page, (n, piece)| {
            if n % 2 == 1 {
                page + "<code>" + piece + "</code>"
            } else {
                page + piece
            }
        })
    };
    let again = match code.kind {
        ErrorKind::Limited | ErrorKind::Throttled | ErrorKind::Unavailable | ErrorKind::TimedOut => {
            "Yes, if <code>retryable</code> is <code>true</code>; after <code>retry_after_s</code> seconds if they are given."
        }
        ErrorKind::OutcomeUnknown => "Not before it is known what became of the first one.",
        _ => "Not as it is: the same request will fail again unless something else changes.",
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{code}</title>\n\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}}\
         dt{{font-weight:600;margin-top:1rem}}dd{{margin:0}}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <dl>\n<dt>Code</dt><dd><code>{code}</code></dd>\n<dt>Status</dt><dd>{status}</dd>\n\
         <dt>What it means</dt><dd>{meaning}</dd>\n<dt>Who acts</dt><dd>{act}</dd>\n\
         <dt>Can the request be sent again?</dt><dd>{again}</dd>\n</dl>\n\
         <p>Every failure is an <a href=\"https://www.rfc-editor.org/rfc/rfc9457\">RFC 9457</a> problem document; the \
         members are described in <a href=\"/docs/\">the reference</a>.</p>\n</body>\n</html>\n",
        code = code.code,
        title = escape(code.title),
        status = code.status,
        meaning = escape(code.meaning),
        act = escape(code.act),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::time::Duration;

    use super::*;

    fn trail() -> Trail {
        Trail::of(&HeaderMap::new())
    }

    #[test]
    fn a_panic_is_told_of_without_words_made_at_run_time() {
        let told = |panic: Box<dyn std::any::Any + Send>| {
            let response = of_panic(panic);
            let failed = response.extensions().get::<Failed>().unwrap();
            failed.0.source().unwrap().to_string()
        };
        assert_eq!(told(Box::new("a literal")), "panic: a literal");
        assert_eq!(told(Box::new("Jordan Reyes".to_owned())), "panic: message withheld");
        assert_eq!(told(Box::new(7)), "panic: message withheld");
    }

    #[test]
    fn every_kind_has_a_row_and_every_code_stands_once() {
        for kind in ErrorKind::ALL {
            assert!(CODES.iter().any(|row| row.kind == kind), "{kind:?}");
        }
        let codes: BTreeSet<_> = CODES.iter().map(|row| row.code).collect();
        assert_eq!(codes.len(), CODES.len());
        assert!(
            CODES
                .iter()
                .all(|row| row.status.is_client_error() || row.status.is_server_error())
        );
    }

    #[test]
    fn every_finer_code_in_the_source_has_a_row() {
        fn walk(folder: &Path, found: &mut Vec<(String, String)>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, found);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    // Put together here so that the search does not find itself.
                    for piece in text.split(&[".code", "(\""].concat()).skip(1) {
                        let code = piece.split('"').next().unwrap_or_default();
                        found.push((path.display().to_string(), code.to_owned()));
                    }
                }
            }
        }
        let mut found = Vec::new();
        for folder in ["api", "auth", "backends", "gateway", "upstream"] {
            walk(
                &Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder),
                &mut found,
            );
        }
        assert!(found.len() > 5);
        for (file, code) in found {
            assert!(find(&code).is_some(), "{file}: no row for the code `{code}`");
        }
    }

    #[test]
    fn statuses_are_those_of_the_contract() {
        for (kind, status) in [
            (ErrorKind::Invalid, 400),
            (ErrorKind::Unauthenticated, 401),
            (ErrorKind::Forbidden, 403),
            (ErrorKind::NotFound, 404),
            (ErrorKind::Conflict, 409),
            (ErrorKind::Limited, 429),
            (ErrorKind::NotAcceptable, 406),
            (ErrorKind::Unsupported, 501),
            (ErrorKind::Refused, 502),
            (ErrorKind::Credentials, 502),
            (ErrorKind::Blocked, 502),
            (ErrorKind::Unreadable, 502),
            (ErrorKind::Throttled, 503),
            (ErrorKind::Unavailable, 503),
            (ErrorKind::TimedOut, 504),
            (ErrorKind::OutcomeUnknown, 504),
            (ErrorKind::Internal, 500),
        ] {
            let problem = Problem::of(&Error::new(kind, "x"), &trail(), None);
            assert_eq!(problem.status, status, "{kind:?}");
        }
        assert_eq!(Problem::of(&Error::pointer("/a", "x"), &trail(), None).status, 422);
    }

    #[test]
    fn the_wait_is_rounded_up_and_stands_in_header_and_document() {
        let error = Error::new(ErrorKind::Throttled, "slow down")
            .at_backend("a")
            .retry(Retry::Safe {
                after: Some(Duration::from_millis(1_200)),
            });
        let response = render(&error, &trail(), "/v1/x", &HeaderMap::new());
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(
            response.headers()["proxy-status"],
            r#"intertie; error=destination_unavailable; next-hop=a; details="upstream_throttled""#
        );
        let problem = Problem::of(&error, &trail(), None);
        assert_eq!((problem.retry_after_s, problem.retryable), (Some(2), true));
    }

    #[test]
    fn a_path_that_is_no_reference_is_not_repeated() {
        let error = Error::new(ErrorKind::Invalid, "x");
        let instance = |path| Problem::of(&error, &trail(), Some(path)).instance;
        assert_eq!(instance("/v1/bills/a%20b~1:2").as_deref(), Some("/v1/bills/a%20b~1:2"));
        for path in ["/v1/a%", "/v1/a%2", "/v1/a%zz", "/v1/{a}", "/v1/a\"b", "/v1/caf\u{e9}"] {
            assert_eq!(instance(path), None, "{path}");
        }
    }

    #[test]
    fn a_lost_write_is_never_called_retryable() {
        let error = Error::new(ErrorKind::OutcomeUnknown, "lost").retry(Retry::IfRepeatable { after: None });
        assert!(!Problem::of(&error, &trail(), None).retryable);
    }

    #[test]
    fn pages_escape_and_mark_code() {
        for row in CODES {
            let page = page(row);
            assert!(page.contains(row.code) && !page.contains('`'), "{}", row.code);
        }
    }
}
