//! Answers in the contract's envelope: `{data, status: {code, message, description}}`.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

/// What stands in front of the system, when that does not get through to it.
const PROXY_PAGE: &str = "<html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1>\
    <p>The proxy server received an invalid response from an upstream server.</p></body></html>\n";

/// A success with data.
pub(super) fn ok(data: &Value) -> Response {
    envelope(&json!({ "data": data, "status": { "code": "OK", "description": "", "message": "" } }))
}

/// A login that is granted.
pub(super) fn granted(token: &str) -> Response {
    envelope(&json!({
        "status": { "code": "OK", "message": null, "description": null },
        "data": { "token": token },
    }))
}

/// A success without data.
pub(super) fn empty() -> Response {
    envelope(&json!({ "status": { "code": "OK", "message": null, "description": null } }))
}

fn envelope(body: &Value) -> Response {
    written("application/json", body.to_string())
}

fn written(kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A request that is not carried out.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    retry_after: Option<u64>,
}

impl Refusal {
    /// A failure under HTTP 200.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Refusal {
            status: StatusCode::OK,
            message: message.into(),
            retry_after: None,
        }
    }

    /// The same failure under another HTTP status.
    pub(super) fn under(self, status: StatusCode) -> Self {
        Refusal { status, ..self }
    }

    pub(super) fn login() -> Self {
        Refusal::new("The user name or password is wrong")
    }

    pub(super) fn token() -> Self {
        Refusal::new("The token is not valid or has expired")
    }

    pub(super) fn no_account() -> Self {
        Refusal::new("No accounts receivable matches the identifier")
    }

    pub(super) fn several_identifiers() -> Self {
        Refusal::new("Only one identifier parameter may be given")
    }

    pub(super) fn terminated() -> Self {
        Refusal::new("The accounts receivable is terminated")
    }

    pub(super) fn parameter(name: &str, why: &str) -> Self {
        Refusal::new(format!("The parameter {name} {why}"))
    }

    pub(super) fn throttled(retry_after: Option<u64>) -> Self {
        Refusal {
            retry_after,
            ..Refusal::new("Too many requests").under(StatusCode::TOO_MANY_REQUESTS)
        }
    }

    pub(super) fn failed(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Refusal::new("The request could not be carried out").under(status)
    }

    pub(super) fn answer(self) -> Response {
        let mut response = match self.status {
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => written("text/html", PROXY_PAGE),
            _ => envelope(&json!({
                "status": { "code": "ERROR", "message": self.message, "description": null },
            })),
        };
        *response.status_mut() = self.status;
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
