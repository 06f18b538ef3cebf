//! A reply → fine, or what it means; pure.
//!
//! The status decides (README §4: "Classify by status; text is only for people"), but for 404, which is four different
//! things: they are told apart by the code inside `description`, which comes with a prefix, with words after it, or alone.
//! Messages quote account and bill numbers, so none is ever shown; the known codes are.

use std::time::Duration;

use http::header::CONTENT_TYPE;

use super::wire;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::upstream::{self, Reply};

/// The code of an account without bills in the period asked for.
pub(super) const NO_BILLS: &str = "NOBILLSFOUND";

/// Codes for a bill or a file of it that is not there; looked for inside `description`.
const MISSING: [&str; 3] = ["BILLFILNTFND", "INVBILLREF", NO_BILLS];

/// What `description` says when no system could be chosen for the account.
const NO_ROUTE: &str = "Route to BSS System API not found";

/// What the framework says when the path itself is not the API's: an address configured wrong, not a bill that is missing.
const NO_PATH: &str = "APIKIT:NOT_FOUND";

/// Header names a complaint may name.
const HEADERS: [&str; 6] = [
    "client-secret",
    "client-id",
    "client_secret",
    "client_id",
    "X-Correlation-ID",
    "channeId",
];

/// Judges a reply.
pub(super) fn judge(reply: &Reply) -> Result<()> {
    let form = Form::of(reply);
    let after = upstream::retry_after(&reply.headers);
    if !reply.status.is_success() {
        return Err(failure(reply.status.as_u16(), form, &Told::of(reply, form), after));
    }
    match form {
        // Every answer of this API is JSON: something in front of it answered a page.
        Form::Page => Err(blocked("a page came in place of the system's answer")),
        Form::Json => inside(reply, after),
        Form::Empty | Form::Other => Ok(()),
    }
}

/// Judges a reply that is passed on as it is: what the system itself says of the caller's request is fine, each of the four
/// meanings of a 404 included, for whoever wrote path and routing headers can tell them apart.
///
/// A page is not the system's own. An error inside a success stays an error: it would be passed on as a success.
pub(super) fn native(reply: &Reply) -> Result<()> {
    use ErrorKind as Kind;
    let status = reply.status.as_u16();
    if status == 304 {
        return Ok(());
    }
    judge(reply).or_else(|error| match error.kind() {
        Kind::Invalid | Kind::NotFound | Kind::Conflict | Kind::Refused | Kind::Unsupported
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

/// An `errors` list inside a 200 is unknown to the contract; if it comes it is a failure, by its own code.
fn inside(reply: &Reply, after: Option<Duration>) -> Result<()> {
    let told = Told::of(reply, Form::Json);
    match told.errors {
        0 => Ok(()),
        _ => Err(failure(told.status.unwrap_or(500), Form::Json, &told, after)),
    }
}

fn failure(status: u16, form: Form, told: &Told, after: Option<Duration>) -> Error {
    use ErrorKind as Kind;
    let maybe = Retry::IfRepeatable { after };
    let error = match status {
        300..=399 => blocked("the system's address answers with a redirect"),
        400 => match told.header {
            Some(header) => Error::new(
                Kind::Credentials,
                format!(
                    "the system misses the header `{header}`: either it wants the other pair of credential headers, or \
                     something on the way drops header names with an underscore"
                ),
            ),
            None => Error::new(
                Kind::Refused,
                "the system refused the request: a business unit, header or parameter",
            ),
        },
        // The documented 403 has no body; one with a body that is not the API's own is an edge's.
        401 if form == Form::Page => blocked("a page came in place of the system's answer"),
        403 if !matches!(form, Form::Json | Form::Empty) => blocked("an edge in front of the system refused the call"),
        401 => Error::new(Kind::Credentials, "the system refused the credentials"),
        403 => Error::new(
            Kind::Credentials,
            "the credentials do not suffice for this business unit",
        ),
        404 => missing(told.missing),
        405 => Error::new(Kind::Refused, "the system takes no calls of this method"),
        407 => blocked("a proxy asks for credentials of its own"),
        408 => Error::new(Kind::TimedOut, "the system gave up waiting for the request").retry(maybe),
        425 => {
            Error::new(Kind::Unavailable, "the system asked for the call to come later").retry(Retry::Safe { after })
        }
        429 => Error::new(Kind::Throttled, "the system is limiting calls").retry(Retry::Safe { after }),
        402..=499 => Error::new(Kind::Refused, "the system refused the request"),
        501 => Error::new(
            Kind::Unsupported,
            "the system does not serve this for the business unit",
        ),
        502 => Error::new(
            Kind::Unavailable,
            "the system behind the API is down or gave no usable answer",
        )
        .retry(maybe),
        503 => Error::new(Kind::Unavailable, "the system is under maintenance").retry(maybe),
        504 => Error::new(Kind::TimedOut, "the system behind the API did not answer in time").retry(maybe),
        _ => Error::new(Kind::Unavailable, "the system failed").retry(maybe),
    };
    match told.missing {
        Missing::Code(code) if status == 404 => error.native(Some(code.to_owned()), None),
        Missing::Route if status == 404 => error.native(None, Some(NO_ROUTE.to_owned())),
        _ => error,
    }
}

fn missing(which: Missing) -> Error {
    match which {
        Missing::Route => Error::new(
            ErrorKind::Refused,
            "no system was found for the account and the routing headers; this does not say that the record does not exist",
        ),
        Missing::Path => Error::new(ErrorKind::Refused, "the configured address is not this API's"),
        Missing::Code(_) | Missing::Unsaid => Error::new(ErrorKind::NotFound, "the system knows no such record"),
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
        let kind = reply.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        let is_page = ["text/html", "application/xhtml+xml"]
            .iter()
            .any(|page| kind.eq_ignore_ascii_case(page));
        match reply.body.trim_ascii_start().first() {
            None => Self::Empty,
            Some(b'<') => Self::Page,
            Some(_) if is_page => Self::Page,
            Some(b'{' | b'[') => Self::Json,
            Some(_) => Self::Other,
        }
    }
}

/// Which of the things a 404 means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Missing {
    /// A code names it.
    Code(&'static str),
    /// No system was chosen.
    Route,
    /// The path is not the API's.
    Path,
    /// A lone hyphen, nothing, or something unknown.
    #[default]
    Unsaid,
}

/// What a failure's body says, as far as it is of use.
#[derive(Default)]
struct Told {
    errors: usize,
    status: Option<u16>,
    missing: Missing,
    header: Option<&'static str>,
}

impl Told {
    /// The largest body looked at: a failure has a few lines, a document has megabytes.
    const LARGEST: usize = 64 * 1024;

    fn of(reply: &Reply, form: Form) -> Self {
        let body = reply.body.trim_ascii_start();
        if form != Form::Json || body.len() > Self::LARGEST || body.first() != Some(&b'{') {
            return Self::default();
        }
        let Ok(wire::Errors { errors: Some(errors) }) = serde_json::from_slice(body) else {
            return Self::default();
        };
        let descriptions = || errors.iter().filter_map(|fault| fault.description.as_deref());
        let says = |what: &str| descriptions().any(|description| description.contains(what));
        let missing = if says(NO_ROUTE) {
            Missing::Route
        } else if says(NO_PATH) {
            Missing::Path
        } else {
            let code = MISSING.into_iter().find(|code| says(code));
            code.map_or(Missing::Unsaid, Missing::Code)
        };
        let status = errors.iter().find_map(|fault| fault.code.as_ref()?.trim().parse().ok());
        let header = errors
            .iter()
            .filter_map(|fault| fault.message.as_deref())
            .find_map(|message| {
                let named = HEADERS.into_iter().find(|name| message.contains(&format!("'{name}'")));
                named.filter(|_| message.contains("Required header"))
            });
        Self {
            errors: errors.len(),
            status: status.filter(|status| (400..600).contains(status)),
            missing,
            header,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::header::RETRY_AFTER;
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
    use serde_json::Value;

    const JSON: &str = "application/json";
    const PAGE: &str = "<html><head><title>Attention</title></head></html>";
    const NEVER: Retry = Retry::Never;
    const MAYBE: Retry = Retry::IfRepeatable { after: None };
    const SAFE: Retry = Retry::Safe { after: None };

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

    fn fixture(name: &str) -> String {
        let path = format!("{}/tests/fixtures/tmf678/examples/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    }

    /// What the contract's table says of each of its 16 documented failures.
    fn meaning(case: &str) -> Option<(ErrorKind, Retry, Option<&'static str>)> {
        use ErrorKind as Kind;
        let two_minutes = Retry::IfRepeatable {
            after: Some(Duration::from_secs(120)),
        };
        Some(match case {
            "400-missing-header" => (Kind::Credentials, NEVER, None),
            "400-invalid-query-type" => (Kind::Refused, NEVER, None),
            "401-unauthenticated" | "403-forbidden" => (Kind::Credentials, NEVER, None),
            "404-bill-file-not-found" => (Kind::NotFound, NEVER, Some("BILLFILNTFND")),
            "404-invalid-bill-reference" => (Kind::NotFound, NEVER, Some("INVBILLREF")),
            "404-no-route-to-bss" => (Kind::Refused, NEVER, None),
            "404-no-bills-found-prefixed" | "404-no-bills-found" => (Kind::NotFound, NEVER, Some("NOBILLSFOUND")),
            "404-bill-history-not-found" => (Kind::NotFound, NEVER, None),
            "405-method-not-allowed" => (Kind::Refused, NEVER, None),
            "429-too-many-requests" => (Kind::Throttled, SAFE, None),
            "500-internal-error" | "502-bad-gateway" => (Kind::Unavailable, MAYBE, None),
            "501-not-implemented" => (Kind::Unsupported, NEVER, None),
            "503-service-unavailable" => (Kind::Unavailable, two_minutes, None),
            _ => return None,
        })
    }

    #[test]
    fn every_documented_answer_has_its_meaning() {
        let index: Value = serde_json::from_str(&fixture("index.json")).unwrap();
        let cases = index["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 23);
        for case in cases {
            let name = case["case"].as_str().unwrap();
            let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
            let (kind, body) = match case["body"].as_str() {
                Some(file) => (JSON, fixture(file)),
                None => ("", String::new()),
            };
            let mut reply = reply(status, kind, &body);
            for (header, value) in case["responseHeaders"].as_object().into_iter().flatten() {
                let header: HeaderName = header.parse().unwrap();
                reply.headers.insert(header, value.as_str().unwrap().parse().unwrap());
            }
            let Some((kind, retry, code)) = meaning(name) else {
                assert_eq!(status, 200, "{name}");
                judge(&reply).unwrap();
                continue;
            };
            let error = judge(&reply).unwrap_err();
            assert_eq!((error.kind(), error.retryable()), (kind, retry), "{name}");
            let said = error.native_error().and_then(|native| native.code.as_deref());
            assert_eq!(said, code, "{name}");
            let printed = format!("{error:?}").to_ascii_lowercase();
            assert!(
                !printed.contains("xxx") && !printed.contains("liberate"),
                "{name}: {printed}"
            );
            // The contract's own word on whether it may be asked again.
            let again = case["retryable"] != false;
            assert_eq!(error.retryable() != NEVER, again, "{name}");
        }
    }

    #[test]
    fn a_routing_failure_is_not_a_missing_bill() {
        let error = judge(&reply(404, JSON, &fixture("404-no-route-to-bss.json"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.message().contains("does not say that the record does not exist"));
        let said = error.native_error().unwrap();
        assert_eq!((said.code.as_deref(), said.message.as_deref()), (None, Some(NO_ROUTE)));
        let body = r#"{"errors": [{"code": 404, "message": "Resource not found", "description": "APIKIT:NOT_FOUND"}]}"#;
        assert_eq!(judge(&reply(404, JSON, body)).unwrap_err().kind(), ErrorKind::Refused);
    }

    #[test]
    fn a_missing_credential_header_is_named() {
        let error = judge(&reply(400, JSON, &fixture("400-missing-header.json"))).unwrap_err();
        assert!(error.message().contains("`client-secret`"), "{}", error.message());
    }

    #[test]
    fn every_other_status_has_a_meaning_by_itself() {
        use ErrorKind as Kind;
        for (status, kind, retry) in [
            (302, Kind::Blocked, NEVER),
            (400, Kind::Refused, NEVER),
            (401, Kind::Credentials, NEVER),
            (403, Kind::Credentials, NEVER),
            (404, Kind::NotFound, NEVER),
            (407, Kind::Blocked, NEVER),
            (408, Kind::TimedOut, MAYBE),
            (413, Kind::Refused, NEVER),
            (425, Kind::Unavailable, SAFE),
            (429, Kind::Throttled, SAFE),
            (500, Kind::Unavailable, MAYBE),
            (501, Kind::Unsupported, NEVER),
            (503, Kind::Unavailable, MAYBE),
            (504, Kind::TimedOut, MAYBE),
            (599, Kind::Unavailable, MAYBE),
        ] {
            let error = judge(&reply(status, "", "")).unwrap_err();
            assert_eq!((error.kind(), error.retryable()), (kind, retry), "{status}");
        }
    }

    #[test]
    fn what_is_not_json_keeps_its_status() {
        for (status, kind) in [
            (404, ErrorKind::NotFound),
            (429, ErrorKind::Throttled),
            (500, ErrorKind::Unavailable),
            (502, ErrorKind::Unavailable),
            (503, ErrorKind::Unavailable),
        ] {
            assert_eq!(judge(&reply(status, "text/html", PAGE)).unwrap_err().kind(), kind);
            assert_eq!(judge(&reply(status, "text/plain", "oops")).unwrap_err().kind(), kind);
        }
    }

    #[test]
    fn an_edge_page_is_not_a_refused_credential() {
        for (status, kind, body) in [
            (200, "text/html; charset=utf-8", PAGE),
            (200, JSON, "  <!doctype html>"),
            (401, "text/html", PAGE),
            (403, "", PAGE),
            (403, "text/plain", "denied by policy"),
        ] {
            let error = judge(&reply(status, kind, body)).unwrap_err();
            assert_eq!(
                (error.kind(), error.retryable()),
                (ErrorKind::Blocked, NEVER),
                "{status} {kind}"
            );
        }
    }

    #[test]
    fn only_what_the_system_says_of_the_call_itself_is_passed_on() {
        use ErrorKind as Kind;
        for (status, body, expected) in [
            (200, "{}", None),
            (304, "", None),
            (400, "{}", None),
            (404, "{}", None),
            (404, "", None),
            (405, "{}", None),
            (406, "{}", None),
            (501, "{}", None),
            (200, PAGE, Some(Kind::Blocked)),
            (404, PAGE, Some(Kind::Blocked)),
            (501, PAGE, Some(Kind::Blocked)),
            (302, "", Some(Kind::Blocked)),
            (401, "{}", Some(Kind::Credentials)),
            (403, "", Some(Kind::Credentials)),
            (407, "{}", Some(Kind::Blocked)),
            (408, "{}", Some(Kind::TimedOut)),
            (429, "{}", Some(Kind::Throttled)),
            (500, "{}", Some(Kind::Unavailable)),
            (503, "{}", Some(Kind::Unavailable)),
            (504, "{}", Some(Kind::TimedOut)),
        ] {
            let judged = native(&reply(status, "", body)).err().map(|error| error.kind());
            assert_eq!(judged, expected, "{status} {body}");
        }
        let told = |description: &str| format!(r#"{{"errors": [{{"code": "404", "description": "{description}"}}]}}"#);
        for description in [NO_BILLS, "INVBILLREF", NO_ROUTE, NO_PATH, "-"] {
            native(&reply(404, JSON, &told(description))).unwrap();
            native(&reply(200, JSON, &told(description))).unwrap_err();
        }
    }

    #[test]
    fn an_error_inside_a_200_is_an_error() {
        for (name, kind) in [
            ("500-internal-error.json", ErrorKind::Unavailable),
            ("404-no-bills-found.json", ErrorKind::NotFound),
            ("401-unauthenticated.json", ErrorKind::Credentials),
        ] {
            assert_eq!(
                judge(&reply(200, JSON, &fixture(name))).unwrap_err().kind(),
                kind,
                "{name}"
            );
        }
        let unsaid = r#"{"errors": [{"message": "Walter"}], "id": "1"}"#;
        let error = judge(&reply(200, JSON, unsaid)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(!format!("{error:?}").contains("Walter"));
        for body in [r#"{"errors": [], "id": "1"}"#, r#"{"id": "1"}"#, "[]", "[[{}]]"] {
            judge(&reply(200, JSON, body)).unwrap();
        }
    }

    #[test]
    fn a_stated_wait_is_passed_on_in_both_spellings() {
        for (status, text, wait) in [
            (429, "7", Some(Duration::from_secs(7))),
            (503, "120", Some(Duration::from_secs(120))),
            (503, "Wed, 21 Oct 2015 07:28:00 GMT", Some(Duration::ZERO)),
            (503, "soon", None),
        ] {
            let mut reply = reply(status, "", "");
            reply.headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            assert_eq!(judge(&reply).unwrap_err().retryable().after(), wait, "{status} {text}");
        }
    }

    #[test]
    fn any_body_is_judged_without_a_panic() {
        for body in [
            "{",
            "{}",
            "[]",
            "null",
            "\u{0}",
            r#"{"errors": {}}"#,
            r#"{"errors": null}"#,
            r#"{"errors": [null]}"#,
            r#"{"errors": [{"code": {}, "description": 7}]}"#,
        ] {
            assert_eq!(
                judge(&reply(404, JSON, body)).unwrap_err().kind(),
                ErrorKind::NotFound,
                "{body}"
            );
        }
    }
}
