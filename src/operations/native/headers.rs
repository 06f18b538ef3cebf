//! Headers that may travel between a caller and a system.

use std::collections::HashSet;

use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName};

/// Headers without what concerns one connection, without credentials, and without what the gateway says itself.
///
/// What is left travels as it is: both sides may have headers that nobody here knows.
#[derive(Clone, Default)]
pub struct Headers(HeaderMap);

/// One connection's own (RFC 9110 §7.6.1 and what was deployed before it).
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Parts of the names of credentials.
const CREDENTIALS: [&str; 15] = [
    "access-key",
    "api-key",
    "apikey",
    "assertion",
    "authenticat",
    "authoriz",
    "cookie",
    "credential",
    "jwt",
    "passwd",
    "password",
    "secret",
    "session",
    "signature",
    "token",
];

/// What a request says of the caller's own connection to the gateway, or of a browser; and what would make the system
/// take the call for another one than the gateway takes it for.
const OF_THE_REQUEST: [&str; 22] = [
    // The body is judged as it comes: no coding may hide it.
    "accept-encoding",
    "cdn-loop",
    "content-length",
    "date",
    "dnt",
    "expect",
    "forwarded",
    "from",
    "host",
    "max-forwards",
    "origin",
    "referer",
    "request-timeout-ms",
    "true-client-ip",
    "user-agent",
    "via",
    "x-client-ip",
    "x-method-override",
    "x-real-ip",
    "x-request-id",
    "x-rewrite-url",
    "x-original-url",
];
const BEGINNINGS_OF_THE_REQUEST: [&str; 8] = [
    "access-control-",
    "cf-",
    "proxy-",
    "sec-",
    "x-forwarded-",
    "x-http-method",
    "x-original-",
    "intertie-",
];

/// What a reply says of the system's own host to a browser or a cache, and what the gateway says itself.
const OF_THE_REPLY: [&str; 23] = [
    "age",
    "alt-svc",
    "cache-control",
    "clear-site-data",
    "content-length",
    "content-location",
    "date",
    "expires",
    "location",
    "nel",
    "permissions-policy",
    "pragma",
    "referrer-policy",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "server",
    "strict-transport-security",
    "via",
    "x-content-type-options",
    "x-frame-options",
    "x-request-id",
    "x-xss-protection",
];
const BEGINNINGS_OF_THE_REPLY: [&str; 7] = [
    "access-control-",
    "content-security-policy",
    "cross-origin-",
    "intertie-",
    "proxy-",
    "public-key-pins",
    "service-worker",
];

impl Headers {
    /// What of a caller's headers goes to the system.
    #[must_use]
    pub fn of_request(headers: &HeaderMap) -> Self {
        Self(passing(headers, &OF_THE_REQUEST, &BEGINNINGS_OF_THE_REQUEST))
    }

    /// What of a system's headers goes to the caller; `head`: the reply is to HEAD, where the length of the body that
    /// does not come is a fact of its own.
    #[must_use]
    pub fn of_reply(headers: &HeaderMap, head: bool) -> Self {
        let mut passing = passing(headers, &OF_THE_REPLY, &BEGINNINGS_OF_THE_REPLY);
        if head && let Some(length) = headers.get(CONTENT_LENGTH) {
            passing.insert(CONTENT_LENGTH, length.clone());
        }
        Self(passing)
    }

    /// The headers.
    #[must_use]
    pub fn into_map(self) -> HeaderMap {
        self.0
    }
}

fn passing(headers: &HeaderMap, names: &[&str], beginnings: &[&str]) -> HeaderMap {
    // Whatever `Connection` names is this connection's too.
    let named: HashSet<String> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b','))
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
        .collect();
    let stays = |name: &HeaderName| {
        // Some servers read underscores as hyphens.
        let name = name.as_str().replace('_', "-");
        HOP_BY_HOP.contains(&name.as_str())
            || names.contains(&name.as_str())
            || beginnings.iter().any(|beginning| name.starts_with(beginning))
            || is_credential(&name)
    };
    headers
        .iter()
        .filter(|(name, _)| !stays(name) && !named.contains(name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn is_credential(name: &str) -> bool {
    CREDENTIALS.iter().any(|part| name.contains(part)) || name.split('-').any(|word| word == "auth")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn map(names: &[&str]) -> HeaderMap {
        names
            .iter()
            .map(|name| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_static("x")))
            .collect()
    }

    const NEVER: &[&str] = &[
        "authorization",
        "proxy-authorization",
        "proxy-authenticate",
        "www-authenticate",
        "authentication-info",
        "cookie",
        "cookie2",
        "set-cookie",
        "x-api-key",
        "x_api_key",
        "api-key",
        "apikey",
        "x-auth",
        "x-auth-token",
        "x-access-token",
        "x-csrf-token",
        "x-session-id",
        "x-amz-security-token",
        "x-client-secret",
        "x-password",
        "x-hub-signature-256",
        "x-jwt-assertion",
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "intertie-native",
        "access-control-allow-origin",
        "x-request-id",
        "content-length",
    ];

    #[test]
    fn credentials_and_one_connection_s_own_pass_neither_way() {
        assert!(Headers::of_request(&map(NEVER)).into_map().is_empty());
        assert!(Headers::of_reply(&map(NEVER), false).into_map().is_empty());
    }

    #[test]
    fn what_connection_names_stays() {
        let mut headers = map(&["x-private", "x-also", "x-kept"]);
        headers.append("connection", HeaderValue::from_static("close, X-Private"));
        headers.append("connection", HeaderValue::from_static("x-also"));
        for passed in [Headers::of_request(&headers), Headers::of_reply(&headers, false)] {
            let passed = passed.into_map();
            assert_eq!(passed.keys().collect::<Vec<_>>(), ["x-kept"]);
        }
    }

    #[test]
    fn what_would_make_it_another_call_does_not_go_to_the_system() {
        let disguises = [
            "host",
            "expect",
            "accept-encoding",
            "x-http-method-override",
            "x-http-method",
            "x-method-override",
            "x-original-url",
            "x-rewrite-url",
            "x-forwarded-for",
            "x-forwarded-host",
            "forwarded",
            "origin",
            "referer",
            "user-agent",
            "sec-fetch-site",
            "request-timeout-ms",
        ];
        assert!(Headers::of_request(&map(&disguises)).into_map().is_empty());
    }

    #[test]
    fn what_concerns_the_system_s_own_host_does_not_come_back() {
        let own = [
            "server",
            "strict-transport-security",
            "content-security-policy",
            "alt-svc",
            "clear-site-data",
            "refresh",
            "location",
            "cache-control",
            "expires",
        ];
        assert!(Headers::of_reply(&map(&own), false).into_map().is_empty());
    }

    #[test]
    fn everything_else_travels_every_value_of_it() {
        let there = [
            "accept",
            "accept-language",
            "content-type",
            "content-disposition",
            "if-match",
            "if-none-match",
            "idempotency-key",
            "prefer",
            "range",
            "x-transaction-id",
            "x-correlation-id",
            "author",
        ];
        assert_eq!(Headers::of_request(&map(&there)).into_map().len(), there.len());
        let back = [
            "content-type",
            "etag",
            "last-modified",
            "retry-after",
            "allow",
            "vary",
            "x-correlation-id",
        ];
        let mut headers = map(&back);
        headers.append("vary", HeaderValue::from_static("y"));
        assert_eq!(Headers::of_reply(&headers, false).into_map().len(), back.len() + 1);
        assert!(
            Headers::of_reply(&map(&["content-length"]), true)
                .into_map()
                .contains_key("content-length")
        );
    }
}
