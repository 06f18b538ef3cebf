//! The AuthServer: a login for a bearer token (README, "Access").

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::request::is_json;
use super::{PASSWORD, TOKEN_LIFETIME, USERNAME, answer};
use crate::sandbox::fault::Fault;

/// The tokens issued and not yet ended.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Instant>>);

impl Tokens {
    pub(super) fn issue(&self) -> String {
        let mut bytes = [0; 32];
        fastrand::fill(&mut bytes);
        let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256"}"#);
        let claims = URL_SAFE_NO_PAD.encode(json!({ "jti": uuid::Uuid::now_v7().to_string() }).to_string());
        let token = format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(bytes));
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

/// Checks a login. A `scope`, which only the revision of 2015 has, is passed over.
pub(super) fn grant(method: &Method, headers: &HeaderMap, body: &[u8], fault: Option<Fault>) -> Result<(), Refused> {
    match fault {
        Some(Fault::Throttled(retry_after)) => {
            let refused = Refused::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests");
            return Err(Refused { retry_after, ..refused });
        }
        Some(Fault::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Err(Refused::new(status, "Service unavailable"));
        }
        Some(Fault::ErrorInside) => {
            let inside = true;
            return Err(Refused {
                inside,
                ..Refused::credentials()
            });
        }
        Some(Fault::RefusedLogin) => return Err(Refused::credentials()),
        _ => {}
    }
    if method != Method::POST {
        return Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"));
    }
    let malformed = || Refused::new(StatusCode::BAD_REQUEST, "Malformed request");
    if !is_json(headers) {
        return Err(malformed());
    }
    let body: Value = serde_json::from_slice(body).map_err(|_| malformed())?;
    let text = |name| body.get(name).and_then(Value::as_str);
    match (text("username"), text("password")) {
        (Some(USERNAME), Some(PASSWORD)) => Ok(()),
        (Some(_), Some(_)) => Err(Refused::credentials()),
        _ => Err(malformed()),
    }
}

/// The answer that hands a token over; `expires` is in seconds, and a text (README, "Access").
pub(super) fn granted(token: &str) -> Response {
    let end = Timestamp::now().as_second() + i64::try_from(TOKEN_LIFETIME).unwrap_or_default();
    let body = json!({
        "expires": end.to_string(),
        "message": "Authentication Successful",
        "status": 200,
        "token": token,
        "type": "Bearer",
    });
    answer::json(StatusCode::OK, &body)
}

/// Why no token is granted, to be answered in the contract's `LoginError` shape.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    message: &'static str,
    retry_after: Option<u64>,
    /// Whether it comes under a 200.
    inside: bool,
}

impl Refused {
    fn new(status: StatusCode, message: &'static str) -> Self {
        Refused {
            status,
            message,
            retry_after: None,
            inside: false,
        }
    }

    fn credentials() -> Self {
        Refused::new(StatusCode::UNAUTHORIZED, "Authentication Failed")
    }

    pub(super) fn answer(&self) -> Response {
        let body = json!({ "message": self.message, "status": self.status.as_u16() });
        let status = if self.inside { StatusCode::OK } else { self.status };
        let mut response = answer::json(status, &body);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
