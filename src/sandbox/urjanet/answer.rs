//! Answers in the contract's envelopes.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::search::Page;

/// A body of JSON.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// One entity.
pub(super) fn one(data: &Value) -> Response {
    json(StatusCode::OK, &json!({ "data": data, "status": "OK", "message": [] }))
}

/// One page of a list.
pub(super) fn page(page: Page) -> Response {
    let body = json!({
        "data": page.rows,
        "status": "OK",
        "message": [],
        "morePages": page.more,
        "nextPageOffset": page.next,
    });
    json(StatusCode::OK, &body)
}

/// A request that is not carried out, or not to its end.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    messages: Vec<Value>,
    retry_after: Option<u64>,
    partial: bool,
}

impl Refusal {
    fn coded(status: StatusCode, code: &str, text: impl Into<String>) -> Self {
        Refusal {
            status,
            messages: vec![message(code, &text.into())],
            retry_after: None,
            partial: false,
        }
    }

    /// One or more arguments are not what the call takes.
    pub(super) fn invalid(findings: &[String]) -> Self {
        Refusal {
            status: StatusCode::BAD_REQUEST,
            messages: findings.iter().map(|text| message("INVALID_ARGUMENTS", text)).collect(),
            retry_after: None,
            partial: false,
        }
    }

    pub(super) fn argument(text: impl Into<String>) -> Self {
        Refusal::invalid(&[text.into()])
    }

    pub(super) fn malformed(text: &str) -> Self {
        Refusal::coded(StatusCode::BAD_REQUEST, "MALFORMED_REQUEST", text)
    }

    pub(super) fn exists(text: impl Into<String>) -> Self {
        Refusal::coded(StatusCode::BAD_REQUEST, "ALREADY_EXISTS", text)
    }

    /// The code is spelt as the contract lists it.
    pub(super) fn no_provider(name: &str) -> Self {
        let text = format!("No provider {name}");
        Refusal::coded(StatusCode::BAD_REQUEST, "PROVIDIER_NOT_FOUND", text)
    }

    pub(super) fn unauthorized() -> Self {
        Refusal::coded(
            StatusCode::UNAUTHORIZED,
            "NOT_AUTHORIZED",
            "Token is missing or expired",
        )
    }

    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Refusal::coded(StatusCode::NOT_FOUND, "NOT_FOUND", text)
    }

    pub(super) fn wrong_method() -> Self {
        Refusal {
            status: StatusCode::METHOD_NOT_ALLOWED,
            messages: vec![json!("Method not allowed")],
            retry_after: None,
            partial: false,
        }
    }

    /// The entity was stored and something of it was not.
    pub(super) fn partly(text: &str) -> Self {
        let code = "ACCOUNT_CREATE_PARTIAL_FAILURE";
        Refusal {
            partial: true,
            ..Refusal::coded(StatusCode::INTERNAL_SERVER_ERROR, code, text)
        }
    }

    /// Whether something was executed all the same.
    pub(super) fn is_partial(&self) -> bool {
        self.partial
    }

    /// The call failed. A 500 has the code of the operation where the contract lists one; the others have a bare text.
    pub(super) fn failed(status: u16, operation: &str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let messages = match (status, failure_code(operation)) {
            (StatusCode::INTERNAL_SERVER_ERROR, Some(code)) => vec![message(code, "The operation failed")],
            _ => vec![json!(status.canonical_reason().unwrap_or("The operation failed"))],
        };
        Refusal {
            status,
            messages,
            retry_after: None,
            partial: false,
        }
    }

    /// The contract knows no 429; this is what a proxy in front would say.
    pub(super) fn throttled(retry_after: Option<u64>) -> Self {
        Refusal {
            status: StatusCode::TOO_MANY_REQUESTS,
            messages: vec![json!("Too many requests")],
            retry_after,
            partial: false,
        }
    }

    pub(super) fn answer(self) -> Response {
        let body = json!({ "data": null, "status": "FAILURE", "message": self.messages });
        let mut response = json(self.status, &body);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// The same failure under a 200, with its details in the member the contract's prose names.
    pub(super) fn inside_success(self) -> Response {
        let body = json!({ "data": null, "status": "FAILURE", "messages": self.messages });
        json(StatusCode::OK, &body)
    }
}

fn message(code: &str, text: &str) -> Value {
    json!({ "messageCode": code, "message": text })
}

/// The code of a failure of the back-end; none is listed for the other calls (README, "Errors").
fn failure_code(operation: &str) -> Option<&'static str> {
    match operation {
        "createAccount" | "enrollCandidateAccount" => Some("ACCOUNT_CREATE_FAILURE"),
        "updateAccount" => Some("ACCOUNT_UPDATE_FAILURE"),
        "getAccount" | "searchAccounts" | "searchCandidateAccounts" => Some("ACCOUNT_SEARCH_FAILURE"),
        "createCredential" => Some("CREDENTIAL_CREATE_FAILURE"),
        "updateCredential" => Some("CREDENTIAL_UPDATE_FAILURE"),
        "getCredential" | "searchCredentials" => Some("CREDENTIAL_SEARCH_FAILURE"),
        "updateMeter" => Some("METER_UPDATE_FAILURE"),
        "getMeter" | "searchMeters" | "searchCandidateMeters" | "listMetersByAccount" => Some("METER_SEARCH_FAILURE"),
        "getProvider" | "searchProviders" | "listProvidersByServiceType" => Some("PROVIDER_SEARCH_FAILURE"),
        "getTemplate" | "searchTemplates" | "searchTemplatesAlt" => Some("TEMPLATE_SEARCH_FAILURE"),
        _ => None,
    }
}
