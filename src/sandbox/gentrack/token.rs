//! The token endpoint: OAuth 2 client credentials (README, "Token").

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::json;

use super::request::has_media_type;
use super::{CLIENT_ID, CLIENT_SECRET, TOKEN_LIFETIME, answer};
use crate::sandbox::TOKEN_MARK;
use crate::sandbox::fault::Fault;

/// The tokens issued and not yet ended.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Instant>>);

impl Tokens {
    pub(super) fn issue(&self) -> String {
        let mut bytes = [0; 32];
        fastrand::fill(&mut bytes);
        let token = format!("{TOKEN_MARK}{}", URL_SAFE_NO_PAD.encode(bytes));
        let now = Instant::now();
        let mut tokens = self.lock();
        tokens.retain(|_, end| *end > now);
        tokens.insert(token.clone(), now + Duration::from_secs(TOKEN_LIFETIME));
        token
    }

    pub(super) fn known(&self, token: Option<&str>) -> bool {
        token.is_some_and(|token| self.lock().get(token).is_some_and(|end| *end > Instant::now()))
    }

    pub(super) fn forget(&self, token: Option<&str>) {
        if let Some(token) = token {
            self.lock().remove(token);
        }
    }

    pub(super) fn forget_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks a request for a token.
pub(super) fn grant(method: &Method, headers: &HeaderMap, body: &[u8], fault: Option<Fault>) -> Result<(), Refused> {
    match fault {
        Some(Fault::Throttled(retry_after)) => {
            return Err(Refused {
                retry_after,
                ..Refused::unavailable(StatusCode::TOO_MANY_REQUESTS)
            });
        }
        Some(Fault::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Err(Refused::unavailable(status));
        }
        Some(Fault::ErrorInside) => return Err(Refused::unavailable(StatusCode::OK)),
        Some(Fault::RefusedLogin) => return Err(Refused::client()),
        _ => {}
    }
    if method != Method::POST {
        return Err(Refused::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid_request",
            "Ask for a token with POST.",
        ));
    }
    let invalid = |why| Err(Refused::new(StatusCode::BAD_REQUEST, "invalid_request", why));
    if !has_media_type(headers, "application/x-www-form-urlencoded") {
        return invalid("Send the body as application/x-www-form-urlencoded.");
    }
    if !client_is_known(headers) {
        return Err(Refused::client());
    }
    // RFC 6749 section 3.2: unknown parameters are ignored. No scope name is public, so any will do.
    let mut grants = form(body)
        .filter(|(name, _)| name == "grant_type")
        .map(|(_, value)| value);
    match (grants.next().as_deref(), grants.next()) {
        (Some("client_credentials"), None) => Ok(()),
        (Some(_), None) => {
            let why = "Only client_credentials is granted.";
            Err(Refused::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", why))
        }
        (None, _) => invalid("grant_type is missing."),
        (_, Some(_)) => invalid("grant_type is given twice."),
    }
}

/// The answer that hands a token over.
pub(super) fn granted(token: &str) -> Response {
    let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFETIME });
    answer::json(Bytes::from(body.to_string()))
}

/// Id and secret are compared as they are, not percent-decoded (README, "Token").
fn client_is_known(headers: &HeaderMap) -> bool {
    let basic = headers
        .get(AUTHORIZATION)
        .and_then(|text| text.to_str().ok())
        .and_then(|text| text.split_once(' '));
    let Some((scheme, coded)) = basic else { return false };
    scheme.eq_ignore_ascii_case("basic")
        && STANDARD
            .decode(coded.trim())
            .is_ok_and(|pair| pair == format!("{CLIENT_ID}:{CLIENT_SECRET}").into_bytes())
}

/// Why no token is granted, to be answered in the contract's `TokenError` shape.
pub(super) struct Refused {
    status: StatusCode,
    error: &'static str,
    description: &'static str,
    retry_after: Option<u64>,
}

impl Refused {
    fn new(status: StatusCode, error: &'static str, description: &'static str) -> Self {
        Refused {
            status,
            error,
            description,
            retry_after: None,
        }
    }

    fn client() -> Self {
        Refused::new(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "Client authentication failed.",
        )
    }

    fn unavailable(status: StatusCode) -> Self {
        Refused::new(
            status,
            "temporarily_unavailable",
            "The token service is out of service.",
        )
    }

    pub(super) fn answer(&self) -> Response {
        let body = json!({ "error": self.error, "error_description": self.description });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn form(body: &[u8]) -> impl Iterator<Item = (String, String)> + '_ {
    body.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let text = String::from_utf8_lossy(pair).replace('+', " ");
            let (name, value) = text.split_once('=').unwrap_or((&text, ""));
            let decode = |text: &str| {
                percent_encoding::percent_decode_str(text)
                    .decode_utf8_lossy()
                    .into_owned()
            };
            (decode(name), decode(value))
        })
}
