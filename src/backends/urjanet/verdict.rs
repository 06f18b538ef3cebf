//! Urjanet's reply → fine, or what it means; pure.
//!
//! The status of HTTP is read first, then the envelope: `FAILURE` in a 200 is a failure (README, "Errors"). Of the
//! details only the codes are kept; their texts may quote what was sent.

use http::header::CONTENT_TYPE;
use memchr::memmem;

use super::wire;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::upstream::{self, Reply};

/// The largest body that is looked at as a failure's.
const LARGEST_FAILURE: usize = 64 * 1024;

/// The codes that mean another kind of failure than the status of HTTP says; the others are left to the status.
const CODES: [(&str, u16); 18] = [
    ("INVALID_ARGUMENTS", 400),
    ("MALFORMED_REQUEST", 400),
    ("ALREADY_EXISTS", 409),
    // Spelt so in the published list ("Errors"); the right spelling is taken too.
    ("PROVIDIER_NOT_FOUND", 422),
    ("PROVIDER_NOT_FOUND", 422),
    ("NOT_AUTHORIZED", 401),
    ("NOT_FOUND", 404),
    ("ACCOUNT_CREATE_PARTIAL_FAILURE", 500),
    ("ACCOUNT_CREATE_FAILURE", 500),
    ("ACCOUNT_UPDATE_FAILURE", 500),
    ("ACCOUNT_SEARCH_FAILURE", 500),
    ("CREDENTIAL_CREATE_FAILURE", 500),
    ("CREDENTIAL_SEARCH_FAILURE", 500),
    ("CREDENTIAL_UPDATE_FAILURE", 500),
    ("METER_SEARCH_FAILURE", 500),
    ("METER_UPDATE_FAILURE", 500),
    ("PROVIDER_SEARCH_FAILURE", 500),
    ("TEMPLATE_SEARCH_FAILURE", 500),
];

/// Judges a reply of the API.
pub(super) fn judge(reply: &Reply) -> Result<()> {
    let status = reply.status.as_u16();
    let page = is_page(reply);
    if reply.status.is_success() {
        if page {
            return Err(blocked());
        }
        return match outcome(reply) {
            Some(outcome) if outcome.status.as_deref().is_some_and(|status| status != "OK") => {
                let code = code(&outcome);
                let status = code.as_deref().and_then(status_of).unwrap_or(500);
                Err(failure(status, reply, page, code))
            }
            _ => Ok(()),
        };
    }
    let code = outcome(reply).as_ref().and_then(code);
    let status = match (status, code.as_deref().and_then(status_of)) {
        // A code is more exact than a 400; no other status is doubted.
        (400, Some(told)) => told,
        (status, _) => status,
    };
    Err(failure(status, reply, page, code))
}

/// Judges a reply that is passed on as it is: what the system itself says of the caller's request is fine, by its status
/// or by `FAILURE` in a 200, which is this API's own way to say it.
///
/// A page is not the system's own, and a failure whose codes do not say that it is about the request may be anything.
pub(super) fn native(reply: &Reply) -> Result<()> {
    use ErrorKind as Kind;
    let status = reply.status.as_u16();
    if status == 304 {
        return Ok(());
    }
    judge(reply).or_else(|error| match error.kind() {
        Kind::Invalid | Kind::NotFound | Kind::Conflict | Kind::Refused
            if matches!(status, 200..=299 | 400..=499 | 501) =>
        {
            if is_page(reply) { Err(blocked()) } else { Ok(()) }
        }
        _ => Err(error),
    })
}

/// Judges a reply of the AuthServer: shape and texts of a refusal are inferred, so only the status counts, and in a 2xx
/// the status repeated in the body.
pub(super) fn login(reply: &Reply) -> Result<()> {
    let page = is_page(reply);
    let repeated = serde_json::from_slice::<serde_json::Value>(&reply.body)
        .ok()
        .and_then(|body| body.get("status")?.as_u64())
        .and_then(|status| u16::try_from(status).ok())
        .filter(|status| (300..600).contains(status));
    let status = if reply.status.is_success() {
        match repeated {
            _ if page => return Err(blocked()),
            Some(status) => status,
            None => return Ok(()),
        }
    } else {
        reply.status.as_u16()
    };
    Err(match status {
        // A page is somebody else's: nothing is known about the password.
        401 | 403 | 423 if !page => Error::new(ErrorKind::Credentials, "the system refused the login"),
        status => failure(status, reply, page, None),
    })
}

fn failure(status: u16, reply: &Reply, page: bool, code: Option<String>) -> Error {
    use ErrorKind as Kind;
    let after = upstream::retry_after(&reply.headers);
    let maybe = Retry::IfRepeatable { after };
    let error = match status {
        300..=399 => Error::new(Kind::Blocked, "the system's address answers with a redirect"),
        401 | 403 if page => blocked(),
        401 => Error::new(Kind::Credentials, "the system refused the token"),
        // Not of this API ("Errors"): a proxy's.
        403 | 407 => Error::new(Kind::Blocked, "an edge in front of the system refused the call"),
        400 => Error::new(Kind::Invalid, "the system refused the request as invalid"),
        422 => Error::new(Kind::Invalid, "the system knows no such provider"),
        404 => Error::new(Kind::NotFound, "the system knows no such record"),
        409 => Error::new(Kind::Conflict, "the system has such a record already"),
        408 => Error::new(Kind::TimedOut, "the system gave up waiting for the request").retry(maybe),
        429 => Error::new(Kind::Throttled, "the system is limiting calls").retry(Retry::Safe { after }),
        402 | 405..=407 | 410..=499 => Error::new(Kind::Refused, "the system refused the request"),
        501 => Error::new(Kind::Refused, "the system does not know this call"),
        504 => Error::new(Kind::TimedOut, "the system did not answer in time").retry(maybe),
        _ if code.as_deref() == Some("ACCOUNT_CREATE_PARTIAL_FAILURE") => Error::new(
            Kind::OutcomeUnknown,
            "the system stored a part of it: look for the account before anything else",
        ),
        _ => Error::new(Kind::Unavailable, "the system failed").retry(maybe),
    };
    if code.is_some() {
        error.native(code, None)
    } else {
        error
    }
}

fn blocked() -> Error {
    Error::new(ErrorKind::Blocked, "a page came in place of the system's answer")
}

/// Whether a reply is HTML or XML; no call of this API answers so.
fn is_page(reply: &Reply) -> bool {
    let kind = reply.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let html = kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"));
    match reply.body.trim_ascii_start().first() {
        Some(b'<') => true,
        Some(b'{' | b'[') | None => false,
        Some(_) => html,
    }
}

/// The outcome an envelope names. A large body is a success's.
fn outcome(reply: &Reply) -> Option<wire::Outcome> {
    const FAILURE: &[u8] = b"FAILURE";
    let success = reply.status.is_success();
    if success && (reply.body.len() > LARGEST_FAILURE || memmem::find(&reply.body, FAILURE).is_none()) {
        return None;
    }
    serde_json::from_slice(&reply.body).ok()
}

/// The first of the codes that looks like one: a bare text may be one, or a sentence.
fn code(outcome: &wire::Outcome) -> Option<String> {
    let looks = |code: &&String| {
        !code.is_empty() && code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    outcome.message.0.iter().chain(&outcome.messages.0).find(looks).cloned()
}

fn status_of(code: &str) -> Option<u16> {
    CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, status)| *status)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    fn reply(status: u16, kind: &'static str, body: &str) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn told(status: u16, body: &str) -> (ErrorKind, Retry, Option<String>) {
        let error = judge(&reply(status, "application/json", body)).unwrap_err();
        let code = error.native_error().and_then(|native| native.code.clone());
        (error.kind(), error.retryable(), code)
    }

    fn example(name: &str) -> String {
        let path = format!(
            "{}/tests/fixtures/urjanet/examples/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        std::fs::read_to_string(path).unwrap()
    }

    const NEVER: Retry = Retry::Never;
    const MAYBE: Retry = Retry::IfRepeatable { after: None };

    #[test]
    fn every_example_of_a_failure_has_its_meaning_with_its_status_and_inside_a_200() {
        let examples = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/urjanet/examples"));
        let names = examples.unwrap().map(|entry| entry.unwrap().file_name());
        let mut unread: std::collections::BTreeSet<String> = names
            .map(|name| name.into_string().unwrap())
            .filter(|name| name.starts_with("error."))
            .collect();
        for (name, status, kind, retry) in [
            ("error.400.already-exists.inferred", 400, ErrorKind::Conflict, NEVER),
            ("error.400.invalid-arguments.inferred", 400, ErrorKind::Invalid, NEVER),
            ("error.400.malformed-request.inferred", 400, ErrorKind::Invalid, NEVER),
            ("error.400.provider-not-found.inferred", 400, ErrorKind::Invalid, NEVER),
            ("error.401.not-authorized.inferred", 401, ErrorKind::Credentials, NEVER),
            ("error.404.not-found.inferred", 404, ErrorKind::NotFound, NEVER),
            (
                "error.500.account-create-partial-failure.inferred",
                500,
                ErrorKind::OutcomeUnknown,
                NEVER,
            ),
            (
                "error.500.account-search-failure.inferred",
                500,
                ErrorKind::Unavailable,
                MAYBE,
            ),
        ] {
            assert!(unread.remove(&format!("{name}.json")), "{name}");
            let body = example(name);
            for status in [status, 200] {
                let (told, again, code) = told(status, &body);
                assert_eq!((told, again), (kind, retry), "{name} {status}");
                assert!(code.is_some(), "{name} {status}");
            }
        }
        assert!(unread.is_empty(), "{unread:?}");
    }

    #[test]
    fn details_may_be_texts_under_either_name_and_are_never_shown_as_codes_when_they_are_sentences() {
        let texts = r#"{"status": "FAILURE", "messages": ["the account 123 is odd"]}"#;
        assert_eq!(told(200, texts), (ErrorKind::Unavailable, MAYBE, None));
        let code = r#"{"status": "FAILURE", "messages": ["NOT_FOUND"]}"#;
        let not_found = Some("NOT_FOUND".to_owned());
        assert_eq!(told(200, code), (ErrorKind::NotFound, NEVER, not_found));
        let spelt = r#"{"status": "FAILURE", "message": [{"messageCode": "PROVIDER_NOT_FOUND"}]}"#;
        assert_eq!(told(400, spelt).0, ErrorKind::Invalid);
        assert_eq!(
            told(200, r#"{"status": "FAILURE", "message": null}"#).0,
            ErrorKind::Unavailable
        );
    }

    #[test]
    fn what_is_no_json_is_judged_by_status_alone() {
        for (status, kind) in [
            (400, ErrorKind::Invalid),
            (403, ErrorKind::Blocked),
            (404, ErrorKind::NotFound),
            (405, ErrorKind::Refused),
            (429, ErrorKind::Throttled),
            (500, ErrorKind::Unavailable),
            (504, ErrorKind::TimedOut),
            (302, ErrorKind::Blocked),
        ] {
            assert_eq!(told(status, "gone").0, kind, "{status}");
        }
        let page = "<html><body>Access denied</body></html>";
        for status in [200, 401, 403] {
            let error = judge(&reply(status, "text/html", page)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Blocked, "{status}");
        }
    }

    #[test]
    fn only_what_the_system_says_of_the_call_itself_is_passed_on() {
        use ErrorKind as Kind;
        let judged = |status, kind, body: &str| native(&reply(status, kind, body)).err().map(|error| error.kind());
        for (status, expected) in [
            (200, None),
            (204, None),
            (304, None),
            (400, None),
            (404, None),
            (405, None),
            (409, None),
            (422, None),
            (501, None),
            (302, Some(Kind::Blocked)),
            (401, Some(Kind::Credentials)),
            (403, Some(Kind::Blocked)),
            (407, Some(Kind::Blocked)),
            (408, Some(Kind::TimedOut)),
            (429, Some(Kind::Throttled)),
            (500, Some(Kind::Unavailable)),
            (503, Some(Kind::Unavailable)),
            (504, Some(Kind::TimedOut)),
        ] {
            assert_eq!(judged(status, "application/json", "{}"), expected, "{status}");
        }
        let page = "<html><body>Not here</body></html>";
        for status in [200, 400, 401, 403, 404, 501] {
            assert_eq!(judged(status, "text/html", page), Some(Kind::Blocked), "{status}");
        }
        for (name, status, expected) in [
            ("error.400.already-exists.inferred", 400, None),
            ("error.400.invalid-arguments.inferred", 400, None),
            ("error.404.not-found.inferred", 404, None),
            ("error.401.not-authorized.inferred", 401, Some(Kind::Credentials)),
            (
                "error.500.account-create-partial-failure.inferred",
                500,
                Some(Kind::OutcomeUnknown),
            ),
            (
                "error.500.account-search-failure.inferred",
                500,
                Some(Kind::Unavailable),
            ),
        ] {
            for status in [status, 200] {
                assert_eq!(
                    judged(status, "application/json", &example(name)),
                    expected,
                    "{name} {status}"
                );
            }
        }
        let unsaid = r#"{"status": "FAILURE", "messages": ["something is odd"]}"#;
        assert_eq!(judged(200, "application/json", unsaid), Some(Kind::Unavailable));
    }

    #[test]
    fn a_success_is_one_even_if_a_record_speaks_of_failure() {
        let body = r#"{"data": {"message": "FAILURE"}, "status": "OK", "message": []}"#;
        assert!(judge(&reply(200, "application/json", body)).is_ok());
    }
}
