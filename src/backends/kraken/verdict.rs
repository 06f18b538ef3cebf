//! What a reply means: fine, or an error. Pure.
//!
//! The status is read first, then the body, which may overrule it. Errors are told apart by `errorCode`, then by
//! `errorType`, never by their texts (contract, "Errors"): a stale token is typed APPLICATION, a wrong password VALIDATION
//! and throttling AUTHORIZATION.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::value::RawValue;

use super::wire::{Answer, Fault, Step};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::upstream::{Reply, retry_after};

/// The vendor's registry of 493 error codes, with the class that the contract gives each.
const REGISTRY: &str = include_str!("errors.csv");

/// The writes that are sent once.
const WRITES: [&str; 6] = [
    "submitRepaymentRequest",
    "createAccountCharge",
    "postCredit",
    "createAccountNote",
    "createElectricityMeterReading",
    "createGasMeterReading",
];

/// How long to stay away once the allowance is used up: minutes, not seconds (contract, "Limits").
const BACK_OFF: Duration = Duration::from_secs(60);

/// What a code says about who must act (contract, "Errors", table of classes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Authentication,
    Authorization,
    Validation,
    NotFound,
    /// The allowance is used up.
    Throttled,
    /// One request asked for too much at once: our documents are wrong.
    TooMuch,
    Internal,
    Disabled,
}

static CLASSES: LazyLock<Vec<(&'static str, Class)>> = LazyLock::new(|| {
    let mut classes: Vec<_> = REGISTRY
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut cells = cells(line);
            let code = cells.next()?;
            let class = cells.nth(2)?;
            let retry = cells.next()?;
            let class = match (class, retry) {
                ("authentication", _) => Class::Authentication,
                ("authorization", _) => Class::Authorization,
                ("validation", _) => Class::Validation,
                ("not_found", _) => Class::NotFound,
                ("rate_limit", "backoff") => Class::Throttled,
                ("rate_limit", _) => Class::TooMuch,
                ("internal", _) => Class::Internal,
                ("disabled", _) => Class::Disabled,
                _ => return None,
            };
            Some((code, class))
        })
        .collect();
    classes.sort_unstable_by_key(|(code, _)| *code);
    classes
});

/// The cells of one line of CSV; quoted ones may hold commas. No cell of the registry holds a line break.
fn cells(line: &'static str) -> impl Iterator<Item = &'static str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let (cell, after) = match text.strip_prefix('"') {
            Some(quoted) => {
                // A doubled quote stands for one inside a quoted cell.
                let mut end = 0;
                loop {
                    end += quoted.get(end..)?.find('"')?;
                    if quoted.get(end + 1..)?.starts_with('"') {
                        end += 2;
                    } else {
                        break;
                    }
                }
                (quoted.get(..end)?, quoted.get(end + 1..)?.strip_prefix(','))
            }
            None => match text.split_once(',') {
                Some((cell, after)) => (cell, Some(after)),
                None => (text, None),
            },
        };
        rest = after;
        Some(cell)
    })
}

/// The class of an error: by its code, else by its type.
pub(super) fn class(fault: &Fault) -> Class {
    let Some(extensions) = &fault.extensions else {
        return Class::Internal;
    };
    if let Some(code) = &extensions.error_code
        && let Ok(at) = CLASSES.binary_search_by_key(&code.as_str(), |(known, _)| known)
    {
        return CLASSES[at].1;
    }
    let kind = extensions.error_type.as_ref().or(extensions.error_class.as_ref());
    match kind.map(String::as_str) {
        Some("VALIDATION") => Class::Validation,
        Some("NOT_FOUND") => Class::NotFound,
        Some("AUTHORIZATION") => Class::Authorization,
        _ => Class::Internal,
    }
}

fn code(fault: &Fault) -> Option<String> {
    fault
        .extensions
        .as_ref()
        .and_then(|extensions| extensions.error_code.clone())
}

/// What one error of an answer means.
pub(super) fn meaning(fault: &Fault) -> Error {
    let code = code(fault);
    let error = match class(fault) {
        Class::Authentication => Error::new(ErrorKind::Credentials, "the system refused the backend's credentials"),
        // "Account not visible to the caller": the same answer as for an account that does not exist.
        Class::Authorization if code.as_deref() == Some("KT-CT-4177") => Error::not_found("account"),
        Class::Authorization => Error::new(
            ErrorKind::Refused,
            "the system does not allow this to the backend's user",
        ),
        // Page sizes and page parameters are ours, not the caller's.
        Class::Validation if code.as_deref().is_some_and(|code| code.starts_with("KT-CT-12")) => {
            Error::new(ErrorKind::Refused, "the system refused the page asked for")
        }
        Class::Validation => Error::new(ErrorKind::Invalid, "the system refused the input"),
        Class::NotFound => Error::not_found(thing(fault)),
        Class::Throttled => Error::new(ErrorKind::Throttled, "the system's allowance is used up")
            .retry(Retry::Safe { after: Some(BACK_OFF) }),
        Class::TooMuch => Error::new(ErrorKind::Refused, "the system finds the request too costly"),
        Class::Internal => {
            Error::new(ErrorKind::Unavailable, "the system failed").retry(Retry::IfRepeatable { after: None })
        }
        Class::Disabled => Error::new(ErrorKind::Unavailable, "the system has switched this off"),
    };
    error.native(code, None)
}

/// The canonical name of what stands at an error's path.
fn thing(fault: &Fault) -> &'static str {
    let names = fault.path.iter().flatten().rev().filter_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Index(_) => None,
    });
    for name in names {
        match name {
            "account" => return "account",
            "cancelRepaymentRequest" => return "refund",
            "bill" => return "bill",
            "attachments" | "temporaryUrl" => return "document",
            "properties"
            | "meterPoints"
            | "dailyReadings"
            | "measurements"
            | "createElectricityMeterReading"
            | "createGasMeterReading" => return "service point",
            _ => {}
        }
    }
    "record"
}

/// Judges a reply to a document.
pub(super) fn verdict(reply: &Reply) -> Result<()> {
    let answer = answer(reply);
    if reply.status.is_success() {
        let Some(answer) = answer else {
            return Err(foreign(reply));
        };
        return judge(&answer);
    }
    // Behind a failing status, only an error whose code is known speaks for the system itself.
    if let Some(fault) = answer
        .as_ref()
        .and_then(|answer| answer.errors.iter().find(|fault| known(fault)))
    {
        return Err(meaning(fault));
    }
    Err(by_status(reply, answer.is_some()))
}

fn known(fault: &Fault) -> bool {
    code(fault).is_some_and(|code| CLASSES.binary_search_by_key(&code.as_str(), |(known, _)| known).is_ok())
}

type Roots<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

fn answer(reply: &Reply) -> Option<Answer<Roots<'_>>> {
    #[derive(serde::Deserialize)]
    struct Looked<'a> {
        #[serde(borrow, default)]
        data: Option<Roots<'a>>,
        #[serde(default)]
        errors: Option<Vec<Fault>>,
    }
    let looked: Looked<'_> = serde_json::from_slice(&reply.body).ok()?;
    Some(Answer {
        data: looked.data,
        errors: looked.errors.unwrap_or_default(),
    })
}

/// Judges the body of a reply whose status is fine: an answer with some data is fine, and its errors are looked at where
/// the data is.
fn judge(answer: &Answer<Roots<'_>>) -> Result<()> {
    // A write whose payload is there was executed: whatever is missing inside, it is not sent again.
    let executed = answer.data.as_ref().is_some_and(|roots| {
        let mut written = roots.iter().filter(|(name, _)| WRITES.contains(&name.as_ref()));
        written.any(|(_, root)| root.get() != "null")
    });
    let refused = answer.errors.iter().find(|fault| class(fault) == Class::Authentication);
    if let Some(fault) = refused
        && !executed
    {
        // A new token brings the missing parts, so this is not left to those who read the rest.
        return Err(meaning(fault));
    }
    let something = answer
        .data
        .as_ref()
        .is_some_and(|roots| roots.values().any(|root| root.get() != "null"));
    match answer.errors.first() {
        Some(fault) if !something => Err(meaning(fault)),
        None if answer.data.is_none() => Err(Error::unreadable("data", "neither data nor errors")),
        _ => Ok(()),
    }
}

/// What a reply means that is not an answer although its status is fine.
fn foreign(reply: &Reply) -> Error {
    if is_html(reply) {
        Error::new(ErrorKind::Blocked, "an edge in front of the system answered")
    } else {
        Error::unreadable("$", "not a GraphQL answer")
    }
}

fn is_html(reply: &Reply) -> bool {
    let typed = reply
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html"));
    typed || reply.body.trim_ascii_start().starts_with(b"<")
}

/// What a failing status means by itself. `graphql`: whether the body is a GraphQL answer.
fn by_status(reply: &Reply, graphql: bool) -> Error {
    let after = retry_after(&reply.headers);
    match reply.status {
        StatusCode::TOO_MANY_REQUESTS => {
            Error::new(ErrorKind::Throttled, "the system is limiting us").retry(Retry::Safe {
                after: after.or(Some(BACK_OFF)),
            })
        }
        StatusCode::REQUEST_TIMEOUT => {
            Error::new(ErrorKind::Unavailable, "the system gave up waiting").retry(Retry::IfRepeatable { after })
        }
        status if status.is_server_error() => {
            Error::new(ErrorKind::Unavailable, "the system failed").retry(Retry::IfRepeatable { after })
        }
        // 401 and 403 come from the edge: the system itself refuses credentials with status 200 (contract, "Errors").
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Error::new(ErrorKind::Blocked, "an edge in front of the system refused the call")
        }
        // A document that does not parse or validate: 400 without extensions.
        StatusCode::BAD_REQUEST if graphql || !is_html(reply) => {
            Error::new(ErrorKind::Refused, "the system does not understand the request")
        }
        status if status.is_redirection() || is_html(reply) => {
            Error::new(ErrorKind::Blocked, "an edge in front of the system answered")
        }
        _ => Error::new(ErrorKind::Refused, "the system refused the request"),
    }
}

/// Judges a reply to a login. Whatever the system itself refuses here is a refusal of the credential: KT-CT-1137, 1138 and
/// 1139 arrive as VALIDATION errors, and repeats have locked customers out (contract, "Authentication").
pub(super) fn login(reply: &Reply) -> Result<()> {
    verdict(reply).map_err(|error| match error.kind() {
        ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Refused if reply.status.is_success() => error
            .turned_into(ErrorKind::Credentials, "the system refused the backend's credentials")
            .retry(Retry::Never),
        _ => error,
    })
}

/// Judges a reply to a query that is passed on as it is.
///
/// What the system says of the query itself is fine: missing records, refused input, a document that does not validate.
pub(super) fn native_query(reply: &Reply) -> Result<()> {
    verdict(reply).or_else(|error| {
        let own = matches!(
            error.kind(),
            ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Refused
        );
        let status = reply.status;
        // Any object of JSON can be read as an answer, but only one with errors says why it refuses.
        let says_why = || answer(reply).is_some_and(|answer| !answer.errors.is_empty());
        if own && (status.is_success() || status.is_client_error()) && says_why() {
            Ok(())
        } else {
            Err(error)
        }
    })
}

/// Judges a reply to a mutation that is passed on as it is: like a query's, but credentials count as refused only if
/// nothing can have been executed.
///
/// A call whose credentials were refused is sent again. Fields of a mutation are executed one after another, so a token may
/// end between two of them; and below a field that was executed, a part may be refused that wants other rights. Every field
/// of `Mutation` may be null (schema), so a field that was executed is never null because another was refused.
pub(super) fn native_mutation(reply: &Reply) -> Result<()> {
    native_query(reply).or_else(|error| {
        if error.kind() != ErrorKind::Credentials || !reply.status.is_success() {
            return Err(error);
        }
        let Some(answer) = answer(reply) else {
            return Err(error);
        };
        let roots: Option<Vec<_>> = answer
            .errors
            .iter()
            .map(|fault| match fault.path.as_deref().unwrap_or_default() {
                _ if class(fault) != Class::Authentication => None,
                [] => Some(String::new()),
                [root] => Some(root.to_string()),
                _ => None,
            })
            .collect();
        // A null that no error explains is a result.
        let nothing_came = roots.is_some_and(|refused| {
            let mut data = answer.data.iter().flatten();
            data.all(|(root, value)| value.get() == "null" && refused.iter().any(|name| name == root))
        });
        if nothing_came { Err(error) } else { Ok(()) }
    })
}

/// Judges a reply to a fetch of a signed address. `Refused` may be an address that has expired.
pub(super) fn document(reply: &Reply) -> Result<()> {
    if reply.status.is_success() {
        return Ok(());
    }
    Err(match reply.status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Error::not_found("document"),
        // Object stores answer 400, 401 or 403 once the signature has expired.
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Error::new(ErrorKind::Refused, "the document's address was refused")
        }
        _ => by_status(reply, false),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;
    use serde_json::{Value, json};

    use super::super::examples::{self, Example, Reader};
    use super::super::wire::{AccountData, Balance};
    use super::*;

    fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.into(),
        }
    }

    fn refusal(extensions: Value) -> Reply {
        let body = json!({
            "errors": [{ "message": "m", "path": ["account"], "extensions": extensions }],
            "data": { "account": null }
        });
        reply(200, body.to_string())
    }

    fn kind(reply: &Reply) -> ErrorKind {
        verdict(reply).unwrap_err().kind()
    }

    /// Columns code, class, retry and type of the registry, split without the code under test.
    fn registry() -> Vec<[String; 4]> {
        let quoted = |line: &str| {
            let mut cells = vec![String::new()];
            let mut inside = false;
            for c in line.chars() {
                match c {
                    '"' => inside = !inside,
                    ',' if !inside => cells.push(String::new()),
                    c => cells.last_mut().unwrap().push(c),
                }
            }
            cells
        };
        let mut rows = Vec::new();
        for line in REGISTRY.lines().skip(1) {
            let cells = quoted(line);
            assert_eq!(cells.len(), 8, "{line}");
            rows.push([cells[0].clone(), cells[3].clone(), cells[4].clone(), cells[5].clone()]);
        }
        rows
    }

    #[test]
    fn every_registered_code_means_what_its_class_says() {
        let rows = registry();
        assert_eq!(rows.len(), 493);
        assert_eq!(CLASSES.len(), 493);
        for [code, class, retry, published] in rows {
            let error = verdict(&refusal(json!({ "errorCode": code, "errorType": published }))).unwrap_err();
            let never = Retry::Never;
            let expected = match (class.as_str(), retry.as_str()) {
                ("authentication", _) => (ErrorKind::Credentials, never),
                ("authorization", _) if code == "KT-CT-4177" => (ErrorKind::NotFound, never),
                ("authorization", _) => (ErrorKind::Refused, never),
                ("validation", _) if code.starts_with("KT-CT-12") => (ErrorKind::Refused, never),
                ("validation", _) => (ErrorKind::Invalid, never),
                ("not_found", _) => (ErrorKind::NotFound, never),
                ("rate_limit", "backoff") => {
                    let after = Some(Duration::from_secs(60));
                    (ErrorKind::Throttled, Retry::Safe { after })
                }
                ("rate_limit", _) => (ErrorKind::Refused, never),
                ("internal", _) => (ErrorKind::Unavailable, Retry::IfRepeatable { after: None }),
                ("disabled", _) => (ErrorKind::Unavailable, never),
                other => panic!("{other:?}"),
            };
            assert_eq!((error.kind(), error.retryable()), expected, "{code}");
            let native = error.native_error().unwrap();
            assert_eq!(native.code.as_deref(), Some(code.as_str()));
            assert_eq!(native.message, None, "texts may carry customer data");
        }
    }

    #[test]
    fn an_unknown_code_falls_back_on_its_type_and_then_on_failure() {
        for (extensions, expected) in [
            (
                json!({ "errorCode": "KT-CT-99999", "errorType": "VALIDATION" }),
                ErrorKind::Invalid,
            ),
            (
                json!({ "errorCode": "KT-CT-99999", "errorType": "NOT_FOUND" }),
                ErrorKind::NotFound,
            ),
            (
                json!({ "errorCode": "KT-JP-1", "errorType": "AUTHORIZATION" }),
                ErrorKind::Refused,
            ),
            (json!({ "errorType": "APPLICATION" }), ErrorKind::Unavailable),
            (json!({ "errorType": "SERVICE_AVAILABILITY" }), ErrorKind::Unavailable),
            (json!({ "errorClass": "NOT_FOUND" }), ErrorKind::NotFound),
            (json!({}), ErrorKind::Unavailable),
            (Value::Null, ErrorKind::Unavailable),
        ] {
            assert_eq!(kind(&refusal(extensions.clone())), expected, "{extensions}");
        }
    }

    #[test]
    fn not_allowed_is_not_a_matter_of_logging_in_again() {
        let refused = refusal(json!({ "errorCode": "KT-CT-1111", "errorType": "AUTHORIZATION" }));
        assert_eq!(kind(&refused), ErrorKind::Refused);
    }

    #[test]
    fn an_edge_page_is_not_a_refused_credential() {
        let page = "<html>\n<head><title>403 Forbidden</title></head></html>\n";
        for status in [200, 301, 400, 401, 403, 404] {
            assert_eq!(kind(&reply(status, page)), ErrorKind::Blocked, "{status}");
        }
        for status in [500, 502, 503, 504] {
            assert_eq!(kind(&reply(status, page)), ErrorKind::Unavailable, "{status}");
        }
        assert_eq!(kind(&reply(403, "{}")), ErrorKind::Blocked);
        assert_eq!(login(&reply(403, page)).unwrap_err().kind(), ErrorKind::Blocked);
    }

    #[test]
    fn data_and_errors_in_every_combination() {
        let fault =
            json!([{ "message": "m", "path": ["account", "bills"], "extensions": { "errorCode": "KT-CT-1111" } }]);
        let stale =
            json!([{ "message": "m", "path": ["account", "bills"], "extensions": { "errorCode": "KT-CT-1124" } }]);
        for (body, expected) in [
            (json!({ "data": { "account": { "number": "A-1" } } }), None),
            (
                json!({ "data": { "account": { "number": "A-1" } }, "errors": [] }),
                None,
            ),
            (
                json!({ "data": { "account": { "number": "A-1" } }, "errors": null }),
                None,
            ),
            (json!({ "data": { "account": null } }), None),
            (
                json!({ "data": { "account": { "bills": null } }, "errors": fault }),
                None,
            ),
            (json!({ "data": { "a": null, "b": [] }, "errors": fault }), None),
            (
                json!({ "data": { "account": { "bills": null } }, "errors": stale }),
                Some(ErrorKind::Credentials),
            ),
            (
                json!({ "data": { "account": null }, "errors": fault }),
                Some(ErrorKind::Refused),
            ),
            (json!({ "data": {}, "errors": fault }), Some(ErrorKind::Refused)),
            (json!({ "data": null, "errors": fault }), Some(ErrorKind::Refused)),
            (json!({ "errors": fault }), Some(ErrorKind::Refused)),
            (json!({ "data": null }), Some(ErrorKind::Unreadable)),
            (json!({}), Some(ErrorKind::Unreadable)),
            (json!([]), Some(ErrorKind::Unreadable)),
        ] {
            let judged = verdict(&reply(200, body.to_string())).err().map(|error| error.kind());
            assert_eq!(judged, expected, "{body}");
        }
    }

    #[test]
    fn every_example_of_an_error_is_told_as_what_it_is() {
        for Example { name, exchange, truth } in examples::of(Reader::Verdict) {
            let status = u16::try_from(exchange["status"].as_u64().unwrap()).unwrap();
            let body = match exchange["responseText"].as_str() {
                Some(text) => text.to_owned(),
                None => exchange["response"].to_string(),
            };
            let kind = |error: &Error| Value::from(format!("{:?}", error.kind()));
            let judged = verdict(&reply(status, body.clone()));
            assert_eq!(judged.as_ref().err().map_or(Value::Null, kind), truth["kind"], "{name}");
            let Ok(()) = judged else { continue };
            // Some of it came: the errors are looked at where the data is.
            let answer: Answer<AccountData<Balance>> = serde_json::from_str(&body).unwrap();
            let parts: Vec<_> = answer.errors.iter().map(|fault| kind(&meaning(fault))).collect();
            assert_eq!(Value::from(parts), truth["parts"], "{name}");
            let balance = answer.data.unwrap().account.unwrap().balance;
            assert_eq!(
                balance.map(|units| units.0),
                truth["data"]["balance"].as_i64(),
                "{name}"
            );
        }
    }

    #[test]
    fn what_the_system_says_of_a_document_is_passed_on() {
        let coded =
            |code: &str, path: Value| json!([{ "message": "m", "path": path, "extensions": { "errorCode": code } }]);
        let (data, none) = (json!({ "a": { "b": 1 }, "c": null }), json!({ "a": null }));
        let (stale, invalid) = ("KT-CT-1124", "KT-CT-4123");
        for (status, body, query, mutation) in [
            (200, json!({ "data": data }), None, None),
            (
                200,
                json!({ "data": data, "errors": coded(invalid, json!(["c"])) }),
                None,
                None,
            ),
            (
                200,
                json!({ "data": none, "errors": coded("KT-CT-1111", json!(["a"])) }),
                None,
                None,
            ),
            (
                200,
                json!({ "data": none, "errors": coded("KT-CT-4177", json!(["a"])) }),
                None,
                None,
            ),
            (400, json!({ "errors": [{ "message": "Syntax Error" }] }), None, None),
            (
                200,
                json!({ "data": none, "errors": [{ "message": "m", "path": ["a"] }] }),
                Some(ErrorKind::Unavailable),
                Some(ErrorKind::Unavailable),
            ),
            (
                200,
                json!({ "data": none, "errors": coded("KT-CT-1199", json!(["a"])) }),
                Some(ErrorKind::Throttled),
                Some(ErrorKind::Throttled),
            ),
            (
                200,
                json!({ "data": none, "errors": coded(stale, json!(["a"])) }),
                Some(ErrorKind::Credentials),
                Some(ErrorKind::Credentials),
            ),
            (
                200,
                json!({ "errors": coded(stale, json!(null)) }),
                Some(ErrorKind::Credentials),
                Some(ErrorKind::Credentials),
            ),
            // One field was executed, or a part of one: it must not be executed again.
            (
                200,
                json!({ "data": data, "errors": coded(stale, json!(["c"])) }),
                Some(ErrorKind::Credentials),
                None,
            ),
            (
                200,
                json!({ "data": none, "errors": coded(stale, json!(["a", "b"])) }),
                Some(ErrorKind::Credentials),
                None,
            ),
            (
                200,
                json!({ "data": { "a": null, "c": null }, "errors": coded(stale, json!(["c"])) }),
                Some(ErrorKind::Credentials),
                None,
            ),
            (
                404,
                json!({ "detail": "no such path" }),
                Some(ErrorKind::Refused),
                Some(ErrorKind::Refused),
            ),
            (403, json!({}), Some(ErrorKind::Blocked), Some(ErrorKind::Blocked)),
            (
                503,
                json!({}),
                Some(ErrorKind::Unavailable),
                Some(ErrorKind::Unavailable),
            ),
            (429, json!({}), Some(ErrorKind::Throttled), Some(ErrorKind::Throttled)),
        ] {
            let reply = reply(status, body.to_string());
            let kinds = [native_query, native_mutation].map(|judge| judge(&reply).err().map(|error| error.kind()));
            assert_eq!(kinds, [query, mutation], "{status} {body}");
        }
    }

    #[test]
    fn a_throttle_says_how_long() {
        let mut limited = reply(429, "slow down");
        let after = |reply: &Reply| verdict(reply).unwrap_err().retryable().after().unwrap();
        assert_eq!(after(&limited), BACK_OFF);
        limited.headers.insert(http::header::RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(after(&limited), Duration::from_secs(7));
    }

    #[test]
    fn throttled_refused_blocked_and_unreachable_logins_are_four_things() {
        let refused = |code: &str| {
            let errors =
                json!([{ "message": "m", "path": ["obtainKrakenToken"], "extensions": { "errorCode": code } }]);
            let body = json!({ "data": { "obtainKrakenToken": null }, "errors": errors });
            login(&reply(200, body.to_string())).unwrap_err()
        };
        for code in [
            "KT-CT-1134",
            "KT-CT-1135",
            "KT-CT-1137",
            "KT-CT-1138",
            "KT-CT-1139",
            "KT-CT-1148",
            "KT-CT-1111",
        ] {
            let error = refused(code);
            assert_eq!(
                (error.kind(), error.retryable()),
                (ErrorKind::Credentials, Retry::Never),
                "{code}"
            );
        }
        assert_eq!(refused("KT-CT-1199").kind(), ErrorKind::Throttled);
        assert_eq!(refused("KT-CT-1147").kind(), ErrorKind::Unavailable);
        assert_eq!(login(&reply(503, "")).unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(
            login(&reply(400, "{\"errors\":[{}]}")).unwrap_err().kind(),
            ErrorKind::Refused
        );
    }
}
