//! Gentrack's reply → fine, or what it means; pure.
//!
//! The vendor names 13 error kinds; the status behind each follows from its name, and the body is not public (README,
//! "Error kinds"). So the status decides, and a body that is not the system's own tells an edge in front of it apart.
//! Three of the kinds have no reply (`CONNECTIVITY`, `TIMEOUT`, `RETRY_EXHAUSTED`) and never get here.
//!
//! The system's `errorDescription` may quote identifiers and input, so it is never shown; codes and field names are, when
//! they look like ones.

use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use memchr::memmem;

use super::wire;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::upstream::{self, Reply};

/// The largest body that is looked at as an error's.
const LARGEST_ERROR: usize = 16 * 1024;

/// Judges a reply.
pub(super) fn judge(reply: &Reply) -> Result<()> {
    let form = Form::of(reply);
    let status = match reply.status.as_u16() {
        // No call of this API answers a page: something in front of it did.
        200..=299 if form == Form::Page => return Err(blocked("a page came in place of the system's answer")),
        200..=299 => match error_inside(reply, form) {
            Some(status) => status,
            None => return Ok(()),
        },
        status => status,
    };
    let (code, fields) = told(reply, form);
    let error = failure(status, reply, form);
    let error = match fields {
        Some(fields) if error.kind() == ErrorKind::Invalid => {
            let message = format!("{}; it named {fields}", error.message());
            error.turned_into(ErrorKind::Invalid, message)
        }
        _ => error,
    };
    Err(if code.is_some() {
        error.native(code, None)
    } else {
        error
    })
}

/// Judges a reply that is passed on as it is: what the system itself says of the caller's request is fine.
///
/// A page is not the system's own. An error inside a success stays an error: it would be passed on as a success.
pub(super) fn native(reply: &Reply) -> Result<()> {
    let status = reply.status.as_u16();
    if status == 304 {
        return Ok(());
    }
    judge(reply).or_else(|error| match error.kind() {
        ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Refused
            if matches!(status, 400..=499 | 501) =>
        {
            if Form::of(reply) == Form::Page {
                return Err(blocked("a page came in place of the system's answer"));
            }
            Ok(())
        }
        _ => Err(error),
    })
}

/// The status an error inside a success should have had, by the codes of the contract's examples (inferred).
///
/// No answer of this API has a member `errorCode` of its own.
fn error_inside(reply: &Reply, form: Form) -> Option<u16> {
    const NAME: &[u8] = b"\"errorCode\"";
    let short = form == Form::Json && reply.body.len() <= LARGEST_ERROR;
    if !short || memmem::find(&reply.body, NAME).is_none() {
        return None;
    }
    let problem: wire::Problem<'_> = serde_json::from_slice(&reply.body).ok()?;
    let code = problem.error_code?.text();
    if problem
        .error_severity
        .is_some_and(|severity| severity.eq_ignore_ascii_case("Warning"))
    {
        return None;
    }
    Some(match &*code {
        "ValidationFailed" => 400,
        "Unauthorized" => 401,
        "NotFound" => 404,
        "TooManyRequests" => 429,
        "InternalError" => 500,
        "BadGateway" => 502,
        "ServiceUnavailable" => 503,
        // Whatever else it says, it says no.
        _ => 499,
    })
}

fn failure(status: u16, reply: &Reply, form: Form) -> Error {
    use ErrorKind as Kind;
    let after = upstream::retry_after(&reply.headers);
    let maybe = Retry::IfRepeatable { after };
    match status {
        300..=399 => blocked("the system's address answers with a redirect"),
        // Without the page the token is at fault. An edge that challenges by header speaks for the system.
        401 if form == Form::Page => blocked("a page came in place of the system's answer"),
        401 if form == Form::Other && !reply.headers.contains_key(WWW_AUTHENTICATE) => {
            blocked("an edge in front of the system refused the call")
        }
        401 => Error::new(Kind::Credentials, "the system refused the token"),
        403 if form != Form::Json => blocked("an edge in front of the system refused the call"),
        407 => blocked("a proxy asks for credentials of its own"),
        400 | 422 => Error::new(Kind::Invalid, "the system refused the request as invalid"),
        404 => Error::new(Kind::NotFound, "the system knows no such record"),
        409 => Error::new(Kind::Conflict, "the state of the record forbids it"),
        408 => Error::new(Kind::TimedOut, "the system gave up waiting for the request").retry(maybe),
        425 => {
            Error::new(Kind::Unavailable, "the system asked for the call to come later").retry(Retry::Safe { after })
        }
        429 => Error::new(Kind::Throttled, "the system is limiting calls").retry(Retry::Safe { after }),
        400..=499 => Error::new(Kind::Refused, "the system refused the request"),
        501 => Error::new(Kind::Refused, "the system does not know this call"),
        504 => Error::new(Kind::TimedOut, "the core system did not answer in time").retry(maybe),
        // "Yes, with back-off" for 503, but a submission may not be repeated once it may have left.
        503 => Error::new(Kind::Unavailable, "the core system is out of service").retry(maybe),
        502 => Error::new(Kind::Unavailable, "the core system gave no usable answer").retry(maybe),
        _ => Error::new(Kind::Unavailable, "the system failed").retry(maybe),
    }
}

fn blocked(why: &'static str) -> Error {
    Error::new(ErrorKind::Blocked, why)
}

/// What a body looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Empty,
    Json,
    /// HTML or XML.
    Page,
    Other,
}

impl Form {
    fn of(reply: &Reply) -> Self {
        let body = reply.body.trim_ascii_start();
        let kind = reply
            .headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match (kind.as_str(), body.first()) {
            (_, None) => Self::Empty,
            (_, Some(b'<')) => Self::Page,
            // Whatever it is labelled as.
            (_, Some(b'{' | b'[')) => Self::Json,
            ("text/html" | "application/xhtml+xml", _) => Self::Page,
            _ => Self::Other,
        }
    }
}

/// The system's own code, and the fields it names, as far as they are safe to show.
fn told(reply: &Reply, form: Form) -> (Option<String>, Option<String>) {
    if form != Form::Json || reply.body.len() > LARGEST_ERROR {
        return (None, None);
    }
    let Ok(problem) = serde_json::from_slice::<wire::Problem<'_>>(&reply.body) else {
        return (None, None);
    };
    let code = problem
        .error_code
        .map(|code| code.text())
        .filter(|code| is_word(code, "_-.:"));
    let details = problem
        .validation_errors
        .0
        .iter()
        .filter_map(|error| error.error_detail.as_ref());
    let fields: Vec<String> = details
        .filter_map(|detail| {
            let field = detail.field.as_ref().filter(|field| is_word(field, "_-.[]/"))?;
            let code = detail
                .error_code
                .as_ref()
                .map(wire::Ident::text)
                .filter(|code| is_word(code, "_-.:"));
            Some(code.map_or_else(|| format!("`{}`", &**field), |code| format!("`{}` ({code})", &**field)))
        })
        .take(8)
        .collect();
    (code.map(Into::into), (!fields.is_empty()).then(|| fields.join(", ")))
}

/// Whether a text is a name that somebody gave to a code or a field, not a value: letters first, no long digits.
fn is_word(text: &str, also: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
        && !text
            .as_bytes()
            .windows(5)
            .any(|five| five.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode};

    const JSON: &str = "application/json";
    const PAGE: &str = "<html><head><title>Attention</title></head></html>";

    fn reply(status: u16, kind: &str, body: &str) -> Reply {
        let mut headers = HeaderMap::new();
        if !kind.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
        }
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn example(status: u16) -> String {
        let path = format!(
            "{}/tests/fixtures/gentrack/examples/error.{status}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        std::fs::read_to_string(path).unwrap()
    }

    const NEVER: Retry = Retry::Never;
    const MAYBE: Retry = Retry::IfRepeatable { after: None };
    const SAFE: Retry = Retry::Safe { after: None };

    #[test]
    fn every_error_kind_of_the_contract_has_its_meaning() {
        use ErrorKind as Kind;
        for (status, kind, retry, code) in [
            (400, Kind::Invalid, NEVER, "ValidationFailed"),
            (401, Kind::Credentials, NEVER, "Unauthorized"),
            (404, Kind::NotFound, NEVER, "NotFound"),
            (406, Kind::Refused, NEVER, "NotAcceptable"),
            (409, Kind::Conflict, NEVER, "PaymentMethodInForce"),
            (415, Kind::Refused, NEVER, "UnsupportedMediaType"),
            (429, Kind::Throttled, SAFE, "TooManyRequests"),
            (500, Kind::Unavailable, MAYBE, "InternalError"),
            (502, Kind::Unavailable, MAYBE, "BadGateway"),
            (503, Kind::Unavailable, MAYBE, "ServiceUnavailable"),
        ] {
            let error = judge(&reply(status, JSON, &example(status))).unwrap_err();
            assert_eq!((error.kind(), error.retryable()), (kind, retry), "{status}");
            let native = error.native_error().unwrap();
            assert_eq!(
                (native.code.as_deref(), native.message.as_deref()),
                (Some(code), None),
                "{status}"
            );
        }
    }

    #[test]
    fn every_other_status_has_a_meaning_by_itself() {
        use ErrorKind as Kind;
        for (status, kind, retry) in [
            (302, Kind::Blocked, NEVER),
            (400, Kind::Invalid, NEVER),
            (401, Kind::Credentials, NEVER),
            (403, Kind::Blocked, NEVER),
            (404, Kind::NotFound, NEVER),
            (405, Kind::Refused, NEVER),
            (407, Kind::Blocked, NEVER),
            (408, Kind::TimedOut, MAYBE),
            (413, Kind::Refused, NEVER),
            (422, Kind::Invalid, NEVER),
            (425, Kind::Unavailable, SAFE),
            (429, Kind::Throttled, SAFE),
            (500, Kind::Unavailable, MAYBE),
            (501, Kind::Refused, NEVER),
            (503, Kind::Unavailable, MAYBE),
            (504, Kind::TimedOut, MAYBE),
            (599, Kind::Unavailable, MAYBE),
        ] {
            let error = judge(&reply(status, "", "")).unwrap_err();
            assert_eq!((error.kind(), error.retryable()), (kind, retry), "{status}");
            assert_eq!(error.native_error(), None);
        }
        assert_eq!(judge(&reply(403, JSON, "{}")).unwrap_err().kind(), Kind::Refused);
        for status in [200, 201, 202, 204] {
            judge(&reply(status, "", "")).unwrap();
        }
    }

    #[test]
    fn an_edge_page_is_not_a_refused_credential() {
        for (status, kind, body) in [
            (401, "text/html; charset=utf-8", PAGE),
            (401, "", PAGE),
            (403, "text/html", PAGE),
            (403, "text/plain", "denied by policy"),
            (401, "text/plain", "denied by policy"),
            (200, "text/html", PAGE),
            (200, JSON, "  <!doctype html>"),
        ] {
            let error = judge(&reply(status, kind, body)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Blocked, "{status} {kind} {body}");
            assert_eq!(error.retryable(), NEVER);
        }
        let mut challenge = reply(401, "text/plain", "expired");
        challenge
            .headers
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        assert_eq!(judge(&challenge).unwrap_err().kind(), ErrorKind::Credentials);
    }

    #[test]
    fn an_error_inside_a_success_is_an_error() {
        for (status, kind) in [
            (400, ErrorKind::Invalid),
            (401, ErrorKind::Credentials),
            (404, ErrorKind::NotFound),
            (409, ErrorKind::Refused),
            (429, ErrorKind::Throttled),
            (500, ErrorKind::Unavailable),
            (503, ErrorKind::Unavailable),
        ] {
            let error = judge(&reply(200, JSON, &example(status))).unwrap_err();
            assert_eq!(error.kind(), kind, "{status}");
            assert!(error.native_error().unwrap().code.is_some());
        }
        for body in [
            r#"{"results": [{"errorCode": "NotFound"}]}"#,
            r#"{"errorCode": "Rounded", "errorSeverity": "warning"}"#,
            r#"{"name": "errorCode"}"#,
        ] {
            judge(&reply(200, JSON, body)).unwrap();
        }
    }

    #[test]
    fn only_what_the_system_says_of_the_call_itself_is_passed_on() {
        use ErrorKind as Kind;
        for (status, body, expected) in [
            (200, "{}", None),
            (204, "", None),
            (304, "", None),
            (400, "{}", None),
            (404, "{}", None),
            (404, "", None),
            (405, "{}", None),
            (409, "{}", None),
            (412, "{}", None),
            (415, "{}", None),
            (422, "{}", None),
            (501, "{}", None),
            (403, "{}", None),
            (403, PAGE, Some(Kind::Blocked)),
            (404, PAGE, Some(Kind::Blocked)),
            (413, PAGE, Some(Kind::Blocked)),
            (200, PAGE, Some(Kind::Blocked)),
            (302, "", Some(Kind::Blocked)),
            (401, "{}", Some(Kind::Credentials)),
            (407, "{}", Some(Kind::Blocked)),
            (408, "{}", Some(Kind::TimedOut)),
            (425, "{}", Some(Kind::Unavailable)),
            (429, "{}", Some(Kind::Throttled)),
            (500, "{}", Some(Kind::Unavailable)),
            (503, "{}", Some(Kind::Unavailable)),
            (504, "{}", Some(Kind::TimedOut)),
        ] {
            let judged = native(&reply(status, "", body)).err().map(|error| error.kind());
            assert_eq!(judged, expected, "{status} {body}");
        }
        for status in [400, 401, 404, 429, 500] {
            assert!(native(&reply(200, JSON, &example(status))).is_err(), "{status}");
        }
    }

    #[test]
    fn what_is_not_json_keeps_its_status() {
        for (status, kind) in [
            (404, ErrorKind::NotFound),
            (429, ErrorKind::Throttled),
            (500, ErrorKind::Unavailable),
            (503, ErrorKind::Unavailable),
        ] {
            assert_eq!(judge(&reply(status, "text/html", PAGE)).unwrap_err().kind(), kind);
            assert_eq!(judge(&reply(status, "text/plain", "oops")).unwrap_err().kind(), kind);
        }
    }

    #[test]
    fn a_stated_wait_is_passed_on() {
        for status in [429, 503] {
            let mut reply = reply(status, JSON, "{}");
            reply
                .headers
                .insert(http::header::RETRY_AFTER, HeaderValue::from_static("7"));
            let wait = judge(&reply).unwrap_err().retryable().after();
            assert_eq!(wait, Some(Duration::from_secs(7)));
        }
    }

    #[test]
    fn field_names_are_told_and_values_are_not() {
        let error = judge(&reply(400, JSON, &example(400))).unwrap_err();
        assert!(
            error.message().contains("`fromDate` (RequiredParameterMissing)"),
            "{}",
            error.message()
        );
        let body = r#"{"errorCode": "10045213", "errorDescription": "Priya Raman", "validationErrors":
            [{"errorDetail": {"field": "account 10045213", "errorDescription": "Priya Raman"}}]}"#;
        let error = judge(&reply(400, JSON, body)).unwrap_err();
        let printed = format!("{error:?}");
        assert!(!printed.contains("Raman") && !printed.contains("10045213"), "{printed}");
    }

    #[test]
    fn any_body_is_judged_without_a_panic() {
        for body in [
            "{",
            "{}",
            "[]",
            "null",
            "\u{0}",
            "{\"errorCode\": {}}",
            "{\"validationErrors\": null}",
        ] {
            assert_eq!(judge(&reply(400, JSON, body)).unwrap_err().kind(), ErrorKind::Invalid);
        }
    }
}
