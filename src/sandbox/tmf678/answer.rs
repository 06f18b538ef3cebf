//! Answers in the contract's shapes (README §4).

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::json;

/// A 200 with prepared JSON.
pub(super) fn json(body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A request that is not carried out.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// Message and description; without them there is no body.
    words: Option<(String, String)>,
    retry_after: Option<u64>,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>, description: impl Into<String>) -> Self {
        Refusal {
            status,
            words: Some((message.into(), description.into())),
            retry_after: None,
        }
    }

    /// A refusal that is documented without a body.
    pub(super) fn bare(status: StatusCode) -> Self {
        Refusal {
            status,
            words: None,
            retry_after: None,
        }
    }

    fn missing(message: String, description: &str) -> Self {
        Refusal::new(StatusCode::NOT_FOUND, message, description)
    }

    /// A 400; the quotation marks are part of the message.
    pub(super) fn bad(message: &str) -> Self {
        Refusal::new(StatusCode::BAD_REQUEST, format!("\"{message}\""), "APIKIT:BAD_REQUEST")
    }

    pub(super) fn header_missing(name: &str) -> Self {
        Refusal::bad(&format!("Required header '{name}' not specified"))
    }

    pub(super) fn header_value(name: &str, value: &str) -> Self {
        Refusal::bad(&format!("Invalid value '{value}' for header {name}."))
    }

    pub(super) fn query_type(name: &str, value: &str, expected: &str) -> Self {
        Refusal::bad(&format!(
            "Invalid value '{value}' for query parameter {name}. expected type: {expected}, found: String"
        ))
    }

    pub(super) fn query_value(name: &str, value: &str, why: &str) -> Self {
        Refusal::bad(&format!("Invalid value '{value}' for query parameter {name}. {why}"))
    }

    pub(super) fn query_unknown(name: &str) -> Self {
        Refusal::bad(&format!("Query parameter {name} is not known"))
    }

    pub(super) fn business(code: &str) -> Self {
        Refusal::bad(&format!("Invalid value '{code}' for uri parameter businessId."))
    }

    pub(super) fn both_contents() -> Self {
        Refusal::bad("PDF and TXT cannot be asked for at once")
    }

    pub(super) fn unauthenticated() -> Self {
        let why = "The request has not been applied because it lacks valid authentication credentials for the target \
            resource";
        let message = "The user could not be authenticated for this request.";
        Refusal::new(StatusCode::UNAUTHORIZED, message, why)
    }

    pub(super) fn no_path() -> Self {
        Refusal::missing("Resource not found".to_owned(), "APIKIT:NOT_FOUND")
    }

    pub(super) fn no_route(account: &str) -> Self {
        let message = format!("Invalid AccountId is not found {account}");
        Refusal::missing(message, "Route to BSS System API not found")
    }

    pub(super) fn no_bill_at_liberate(account: &str, id: &str) -> Self {
        let code = if id.bytes().all(|byte| byte.is_ascii_digit()) {
            "SOAP-ENV:Server-BILLFILNTFND"
        } else {
            "SOAP-ENV:Server-INVBILLREF"
        };
        let message =
            format!("Liberate : Customer bill Details not found for account no: {account} , Bill Reference: {id}");
        Refusal::missing(message, code)
    }

    pub(super) fn no_history(id: &str) -> Self {
        Refusal::missing(
            format!("Customer bill history not found for bill reference Id: {id}"),
            "-",
        )
    }

    pub(super) fn no_bills(system: &str, account: &str) -> Self {
        let message = format!("No Bills found for the requested time period, account no: {account}");
        if system == "liberate" {
            Refusal::missing(format!("Liberate : {message}"), "NOBILLSFOUND-Bills not found")
        } else {
            Refusal::missing(message, "NOBILLSFOUND")
        }
    }

    pub(super) fn only_get() -> Self {
        Refusal::bare(StatusCode::METHOD_NOT_ALLOWED)
    }

    /// The wording is the contract's, and speaks of something else.
    pub(super) fn throttled(retry_after: Option<u64>) -> Self {
        let why = "The requested operation failed because a resource associated with the request could not be found.";
        let message = "The request is invalid or not properly formed.";
        Refusal {
            retry_after,
            ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, message, why)
        }
    }

    pub(super) fn failed(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match status.as_u16() {
            501 => Refusal::new(status, "Not implemented", "Operation not implemented"),
            502..=504 => Refusal::bare(status),
            _ => Refusal::new(status, "The request failed due to an internal error.", "xxxxx"),
        }
    }

    pub(super) fn not_implemented(id: &str, business: &str) -> Self {
        let why = format!("Operation GET /customerBill/{id} for Business Id: {business} not implemented");
        Refusal::new(StatusCode::NOT_IMPLEMENTED, "Not implemented", why)
    }

    pub(super) fn maintenance() -> Self {
        Refusal {
            retry_after: Some(120),
            ..Refusal::bare(StatusCode::SERVICE_UNAVAILABLE)
        }
    }

    pub(super) fn answer(self) -> Response {
        let mut response = match self.words {
            Some(_) => json(self.body()),
            None => Response::new(Body::empty()),
        };
        *response.status_mut() = self.status;
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // The contract leaves open whether this header is sent; HTTP wants it.
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        }
        response
    }

    /// The body, empty if there is none.
    pub(super) fn body(&self) -> String {
        let Some((message, description)) = &self.words else {
            return String::new();
        };
        let error = json!({ "code": self.status.as_u16(), "message": message, "description": description });
        json!({ "errors": [error] }).to_string()
    }
}
