//! Answers in the contract's shapes.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

/// A 200 with prepared JSON.
pub(super) fn json(body: Bytes) -> Response {
    document("application/json", body)
}

/// A 200 with a prepared document.
pub(super) fn document(kind: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A 204.
pub(super) fn empty() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// A request that is not carried out, to be answered in the contract's `Error` shape.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    description: String,
    findings: Vec<Finding>,
    retry_after: Option<u64>,
}

/// One entry of `validationErrors`.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) code: &'static str,
    pub(super) description: String,
    pub(super) field: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, description: impl Into<String>) -> Self {
        Refusal {
            status,
            code,
            description: description.into(),
            findings: Vec::new(),
            retry_after: None,
        }
    }

    pub(super) fn invalid(findings: Vec<Finding>) -> Self {
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, "ValidationFailed", "The request is not valid.");
        Refusal { findings, ..refusal }
    }

    pub(super) fn one(code: &'static str, field: &str, description: impl Into<String>) -> Self {
        Refusal::invalid(vec![Finding {
            code,
            field: field.to_owned(),
            description: description.into(),
        }])
    }

    pub(super) fn unauthorized() -> Self {
        let why = "The access token is missing, expired or not valid for this tenant.";
        Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized", why)
    }

    pub(super) fn not_found(description: &str) -> Self {
        Refusal::new(StatusCode::NOT_FOUND, "NotFound", description)
    }

    pub(super) fn not_acceptable() -> Self {
        let why = "The bill image is available as application/pdf.";
        Refusal::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", why)
    }

    pub(super) fn throttled(retry_after: Option<u64>) -> Self {
        let why = "Too many requests; try again later.";
        Refusal {
            retry_after,
            ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", why)
        }
    }

    pub(super) fn failed(status: u16) -> Self {
        let (code, why) = match status {
            502 => ("BadGateway", "The core system gave no usable answer."),
            503 => ("ServiceUnavailable", "The core system is out of service."),
            504 => ("GatewayTimeout", "The core system did not answer in time."),
            _ => ("InternalError", "The request could not be carried out."),
        };
        Refusal::new(
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code,
            why,
        )
    }

    /// The answer, with the caller's trace identifier or one made here.
    pub(super) fn answer(self, headers: &HeaderMap) -> Response {
        let mut response = Response::new(Body::from(self.body(headers)));
        *response.status_mut() = self.status;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// The same body under a 200.
    pub(super) fn inside_success(self, headers: &HeaderMap) -> Response {
        json(Bytes::from(self.body(headers)))
    }

    fn body(&self, headers: &HeaderMap) -> String {
        let trace = headers.get("x-trace-id").and_then(|text| text.to_str().ok());
        let trace = trace.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned);
        let mut body = json!({
            "errorCode": self.code,
            "errorSeverity": "Error",
            "errorDescription": self.description,
            "traceId": trace,
        });
        if !self.findings.is_empty() {
            body["validationErrors"] = self.findings.iter().map(Finding::body).collect();
        }
        body.to_string()
    }
}

impl Finding {
    fn body(&self) -> Value {
        json!({ "errorDetail": {
            "errorCode": self.code,
            "errorSeverity": "Error",
            "errorDescription": self.description,
            "field": self.field,
        }})
    }
}
