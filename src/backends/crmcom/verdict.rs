//! A reply → fine, or what it means; pure.
//!
//! "Success is `status.code == "OK"` and nothing else" (README, "Envelope"): the body counts first, whatever the HTTP
//! status. But no 5xx becomes a success here: one that says `OK` contradicts itself, and what was done is not known. Codes
//! and texts of failures are not public, so none is branched on or shown; only the HTTP status sorts a failure further, and
//! what the caller of the road knows (see `calls`).

use http::header::CONTENT_TYPE;

use super::wire;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::upstream::{self, Reply};

/// Judges a reply. An envelope that says no is `Refused`, with a code: it may be the record, the request or the token.
pub(super) fn judge(reply: &Reply) -> Result<()> {
    sorted(reply, ErrorKind::Refused)
}

/// Judges a reply to a call that is known to be good: an envelope that says no can only mean the token.
pub(super) fn probe(reply: &Reply) -> Result<()> {
    sorted(reply, ErrorKind::Credentials)
}

/// Judges a reply to a login.
pub(super) fn login(reply: &Reply) -> Result<()> {
    sorted(reply, ErrorKind::Credentials)
}

/// Whether the system itself said no, in its envelope.
pub(super) fn is_no(error: &Error) -> bool {
    error.kind() == ErrorKind::Refused && error.native_error().is_some()
}

fn sorted(reply: &Reply, no: ErrorKind) -> Result<()> {
    let after = upstream::retry_after(&reply.headers);
    let maybe = Retry::IfRepeatable { after };
    let status = reply.status.as_u16();
    let code = wire::code(&reply.body);
    let (ok, code) = match code {
        Some(code) if code == wire::OK => (true, None),
        code => (false, code),
    };
    if ok && status < 500 {
        return Ok(());
    }
    let error = match (status, code.is_some()) {
        (429, _) => Error::new(ErrorKind::Throttled, "the system is limiting calls").retry(Retry::Safe { after }),
        (408 | 504, _) => Error::new(ErrorKind::TimedOut, "the system did not answer in time").retry(maybe),
        (500..=599, _) => Error::new(ErrorKind::Unavailable, "the system failed").retry(maybe),
        (_, true) => Error::new(no, "the system says no and does not say why"),
        (300..=399, _) => Error::new(ErrorKind::Blocked, "the system's address answers with a redirect"),
        _ if is_page(reply) => Error::new(ErrorKind::Blocked, "a page came in place of the system's answer"),
        (403 | 407, _) => Error::new(ErrorKind::Blocked, "an edge in front of the system refused the call"),
        (401, _) => Error::new(ErrorKind::Credentials, "the system refused the credentials"),
        (400..=499, _) => Error::new(ErrorKind::Refused, "the system refused the request"),
        // A success that is none: whether the call was executed cannot be seen.
        _ => Error::unreadable("status.code", "it is not the system's envelope").retry(Retry::Never),
    };
    Err(match code {
        // A code is a name; a text may hold a customer's data and is never passed on.
        Some(code) => error.native(Some(code).filter(|code| is_name(code)), None),
        None => error,
    })
}

fn is_name(code: &str) -> bool {
    code.len() <= 64
        && code
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

fn is_page(reply: &Reply) -> bool {
    let kind = reply.headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    reply.body.trim_ascii_start().starts_with(b"<")
        || kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with(b"text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode};

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn ok_is_success_and_nothing_else_is() {
        judge(&reply(
            200,
            r#"{"data": {}, "status": {"code": "OK", "message": "", "description": null}}"#,
        ))
        .unwrap();
        // "parse the body first, whatever the HTTP status"
        judge(&reply(404, r#"{"status": {"code": "OK"}}"#)).unwrap();
        let torn = judge(&reply(500, r#"{"status": {"code": "OK"}}"#)).unwrap_err();
        assert_eq!(torn.kind(), ErrorKind::Unavailable);
        assert!(!is_no(&torn) && torn.native_error().is_none());
        for code in ["ok", "ERROR", "", "OK "] {
            let error = judge(&reply(
                200,
                &format!(r#"{{"data": {{}}, "status": {{"code": "{code}"}}}}"#),
            ))
            .unwrap_err();
            assert!(is_no(&error), "{code}");
        }
    }

    #[test]
    fn every_example_of_a_failure_is_one() {
        let folder = format!("{}/tests/fixtures/crmcom/examples", env!("CARGO_MANIFEST_DIR"));
        let (mut failures, mut successes) = (0, 0);
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let body = std::fs::read_to_string(&path).unwrap();
            if name.starts_with("error.") {
                failures += 1;
                let error = judge(&reply(200, &body)).unwrap_err();
                assert!(is_no(&error), "{name}");
                assert_eq!(error.retryable(), Retry::Never);
                let said = error.native_error().unwrap();
                assert_eq!((said.code.as_deref(), said.message.as_deref()), (Some("ERROR"), None));
                assert_eq!(probe(&reply(200, &body)).unwrap_err().kind(), ErrorKind::Credentials);
                assert_eq!(login(&reply(200, &body)).unwrap_err().kind(), ErrorKind::Credentials);
            } else if name.ends_with(".response.json") {
                successes += 1;
                judge(&reply(200, &body)).unwrap();
            }
        }
        assert_eq!((failures, successes), (5, 12));
    }

    #[test]
    fn without_an_envelope_the_status_decides() {
        for (status, kind) in [
            (200, ErrorKind::Unreadable),
            (302, ErrorKind::Blocked),
            (400, ErrorKind::Refused),
            (401, ErrorKind::Credentials),
            (403, ErrorKind::Blocked),
            (404, ErrorKind::Refused),
            (429, ErrorKind::Throttled),
            (500, ErrorKind::Unavailable),
            (503, ErrorKind::Unavailable),
            (504, ErrorKind::TimedOut),
        ] {
            let error = judge(&reply(status, "oops")).unwrap_err();
            assert_eq!(error.kind(), kind, "{status}");
            assert!(!is_no(&error), "{status}");
        }
        for status in [200, 401, 403, 404] {
            assert_eq!(
                judge(&reply(status, "<html>")).unwrap_err().kind(),
                ErrorKind::Blocked,
                "{status}"
            );
        }
    }

    #[test]
    fn a_throttle_and_a_failure_in_an_envelope_keep_their_status() {
        let body = r#"{"status": {"code": "ERROR", "message": "Marios owes 58.55"}}"#;
        let mut throttled = reply(429, body);
        throttled.headers.insert("retry-after", HeaderValue::from_static("7"));
        let error = judge(&throttled).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Throttled);
        assert_eq!(error.retryable().after().unwrap().as_secs(), 7);
        let error = judge(&reply(503, body)).unwrap_err();
        assert_eq!(
            (error.kind(), error.retryable()),
            (ErrorKind::Unavailable, Retry::IfRepeatable { after: None })
        );
        assert!(!format!("{error:?}").contains("Marios"));
    }
}
