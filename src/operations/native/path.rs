//! Paths and queries that stay below a base address, whatever the system makes of them.

use http::Uri;
use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};

/// A path below a backend's base address, percent-encoded, without the slash in front.
///
/// No reading of it leads elsewhere: neither ours, nor that of a system or a proxy that undoes percent-encoding before it
/// looks for slashes and dots, cuts `;parameters` off segments, or takes other characters for slashes and dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Path(String);

/// A query as it goes out, without the question mark; empty if there is none.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Query(String);

/// What some systems read as a dot, a slash, a backslash or a percent sign: full-width and small forms, leaders, the
/// division and fraction slashes and their like.
const LOOKALIKES: &[char] = &[
    '\u{2024}', '\u{2025}', '\u{2026}', '\u{FF0E}', '\u{FE52}', '\u{3002}', '\u{FF61}', '\u{2044}', '\u{2215}',
    '\u{29F8}', '\u{FF0F}', '\u{2216}', '\u{29F5}', '\u{29F9}', '\u{FE68}', '\u{FF3C}', '\u{FF05}', '\u{FE6A}',
];

/// Credentials that have been sent in queries (RFC 6750 §2.3 and before it).
const CREDENTIALS: [&str; 8] = [
    "access_token",
    "api_key",
    "apikey",
    "api-key",
    "client_secret",
    "id_token",
    "password",
    "refresh_token",
];

impl Path {
    /// Reads a path as it stands in a request, without the slash in front.
    ///
    /// # Errors
    /// `Invalid` on the parameter `path`, saying which rule it breaks; what it holds is not repeated.
    pub fn read(text: &str) -> Result<Self> {
        let fault = |why: &'static str| Error::parameter("path", why);
        if text.is_empty() {
            return Err(fault("it is empty"));
        }
        let segments: Vec<&str> = text.split('/').collect();
        let last = segments.len() - 1;
        for (n, segment) in segments.iter().enumerate() {
            // A slash at the end means something to some systems.
            if segment.is_empty() {
                if n == last {
                    continue;
                }
                return Err(fault("a segment is empty"));
            }
            check_segment(segment).map_err(fault)?;
        }
        let first = segments[0];
        if first.ends_with(':') || first.contains('@') {
            return Err(fault(
                "it must be a path below the backend's base address, not an address",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The path as it goes out.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of this path and query below `base`, an absolute address.
    ///
    /// # Errors
    /// `Invalid` if the whole does not lie below the base after all.
    pub fn below(&self, base: &str, query: &Query) -> Result<String> {
        let base = base.trim_end_matches('/');
        let mut url = String::with_capacity(base.len() + self.0.len() + query.0.len() + 2);
        url.push_str(base);
        url.push('/');
        url.push_str(&self.0);
        if !query.0.is_empty() {
            url.push('?');
            url.push_str(&query.0);
        }
        if is_below(&url, base) {
            Ok(url)
        } else {
            Err(Error::parameter(
                "path",
                "it does not stay below the backend's base address",
            ))
        }
    }
}

impl Query {
    /// Reads a query as it stands in a request.
    ///
    /// # Errors
    /// `Invalid` on the parameter `query`, if it holds what no query may, or a credential.
    pub fn read(text: &str) -> Result<Self> {
        let fault = |why: &'static str| Error::parameter("query", why);
        if !text.bytes().all(|b| is_pchar(b) || matches!(b, b'/' | b'?' | b'%')) {
            return Err(fault("it holds a character that must be percent-encoded"));
        }
        if !whole_escapes(text) {
            return Err(fault("its percent-encoding is broken"));
        }
        if percent_decode_str(text).any(|b| b < 0x20 || b == 0x7F) {
            return Err(fault("it holds a control character"));
        }
        for pair in text.split('&') {
            let name = pair.split('=').next().unwrap_or_default();
            let name = percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
            if CREDENTIALS.contains(&name.trim()) {
                return Err(fault("it holds a credential; the gateway signs in by itself"));
            }
        }
        Ok(Self(text.to_owned()))
    }
}

fn check_segment(segment: &str) -> Result<(), &'static str> {
    if !segment.bytes().all(|b| is_pchar(b) || b == b'%') {
        return Err("it holds a character that must be percent-encoded");
    }
    if !whole_escapes(segment) {
        return Err("its percent-encoding is broken");
    }
    // What is encoded twice may be decoded twice.
    for (at, _) in segment.match_indices('%') {
        let escape = segment.get(at + 1..at + 3).unwrap_or_default();
        let byte = u8::from_str_radix(escape, 16).unwrap_or_default();
        if matches!(byte, b'/' | b'\\' | b'.' | b'%' | b';') {
            return Err("an encoded slash, backslash, dot, semicolon or percent sign has no place in it");
        }
    }
    // Overlong forms of ASCII are not UTF-8 either.
    let Ok(decoded) = percent_decode_str(segment).decode_utf8() else {
        return Err("it is not UTF-8 once its percent-encoding is undone");
    };
    if decoded.chars().any(char::is_control) {
        return Err("it holds a control character");
    }
    if decoded.contains(LOOKALIKES) {
        return Err("it holds a character that some systems take for a slash or a dot");
    }
    let name = decoded.split(';').next().unwrap_or_default().trim();
    if name.chars().all(|c| c == '.') {
        return Err("a segment is made of dots, or of nothing but parameters or blanks");
    }
    Ok(())
}

/// Whether a byte may stand in a segment as it is (RFC 3986 §3.3).
fn is_pchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

fn whole_escapes(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        let mut digits = rest.bytes();
        (0..2).all(|_| digits.next().is_some_and(|b| b.is_ascii_hexdigit()))
    })
}

/// Whether an address has the origin of the base and a path below the base's.
fn is_below(url: &str, base: &str) -> bool {
    let (Ok(url), Ok(base)) = (url.parse::<Uri>(), base.parse::<Uri>()) else {
        return false;
    };
    let below = url
        .path()
        .strip_prefix(base.path().trim_end_matches('/'))
        .is_some_and(|rest| rest.starts_with('/'));
    below && url.scheme() == base.scheme() && url.authority() == base.authority()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://api.example.test/tenant/v1";

    #[test]
    fn paths_that_stay_below_the_base_are_taken_as_they_are() {
        for path in [
            "accounts",
            "accounts/10045213",
            "accounts/10045213/",
            "accounts/10045213/bills.json",
            "a/b/c;v=1/d",
            "accounts/caf%C3%A9%20bar",
            "customers/urn:x:1",
            "people/ann@example.test",
            "a/~b/-c_/.hidden/..more/x...y",
            "accounts/a%23b%3Fc",
            "%E4%BA%BA",
        ] {
            let read = Path::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
            let url = read.below(BASE, &Query::default()).unwrap();
            assert_eq!(url, format!("{BASE}/{path}"));
        }
    }

    #[test]
    fn paths_that_could_lead_elsewhere_are_refused() {
        for path in [
            "",
            "/",
            "/etc/passwd",
            ".",
            "..",
            "../admin",
            "a/../../admin",
            "a/..",
            "a/./b",
            "...",
            "a/.../b",
            "%2e",
            "%2e%2e/admin",
            "%2E%2e/admin",
            ".%2e/admin",
            "%2e./admin",
            "a/%2e%2e%2fadmin",
            "a%2fb",
            "a%2Fb",
            "a%5cb",
            "a%5C..%5Cb",
            "..%5c..%5c",
            "..\\admin",
            "a\\b",
            "%252e%252e/admin",
            "%25252e",
            "a%252fb",
            "a%255cb",
            "a%25",
            "..;/admin",
            "..;a=b/admin",
            "a/..;/..;/b",
            "a/;x/b",
            "a/%3b/b",
            "..%3b/admin",
            "%20/a",
            "..%20/a",
            "%20../a",
            "a//b",
            "//evil.test/a",
            "a/b//",
            "http://evil.test/a",
            "https:/evil.test",
            "http:",
            "javascript:",
            "user@evil.test/a",
            "user:pw@evil.test",
            "a b",
            "a\tb",
            "a\nb",
            "a\r\nHost: evil.test",
            "a\0b",
            "a%00b",
            "a%0d%0aHost:%20evil.test",
            "a%09b",
            "a%7fb",
            "a%c2%85b",
            "a#b",
            "a?b",
            "a%",
            "a%2",
            "a%zz",
            "a%u002e",
            "%c0%ae%c0%ae/admin",
            "%c0%af",
            "%e0%80%ae",
            "%ff",
            "%ef%bc%8e%ef%bc%8e/admin",
            "a%ef%bc%8fb",
            "%e2%80%a5/admin",
            "%e2%80%a4%e2%80%a4/admin",
            "a%e2%88%95b",
            "a%ef%bc%bcb",
            "caf\u{e9}",
            "a\u{202e}b",
            "a<b>",
            "a\"b",
            "a^b",
            "a`b",
            "a{b}",
            "a|b",
            "[::1]",
        ] {
            let error = Path::read(path).map(drop).expect_err(path);
            assert_eq!(error.kind(), crate::error::ErrorKind::Invalid, "{path}");
            assert!(
                path.len() < 6 || !error.message().contains(path),
                "{path} is repeated: {}",
                error.message()
            );
        }
    }

    #[test]
    fn a_base_is_not_left_by_a_longer_name() {
        assert!(is_below("https://h/v1/a", "https://h/v1"));
        assert!(is_below("https://h/a", "https://h"));
        for url in [
            "https://h/v1",
            "https://h/v10/a",
            "https://h/v2/a",
            "http://h/v1/a",
            "https://h.evil.test/v1/a",
            "https://u@h/v1/a",
            "https://h:8443/v1/a",
            "/v1/a",
        ] {
            assert!(!is_below(url, "https://h/v1"), "{url}");
        }
    }

    #[test]
    fn queries_hold_what_queries_may_and_no_credential() {
        for query in [
            "",
            "a=b&c=d%20e",
            "type=Invoice",
            "a[]=b".replace("[]", "%5B%5D").as_str(),
            "q=a/b?c",
            "pageToken=x",
        ] {
            let read = Query::read(query).unwrap_or_else(|error| panic!("{query}: {error}"));
            let url = Path::read("a").unwrap().below(BASE, &read).unwrap();
            assert_eq!(url.split_once('?').map_or("", |(_, query)| query), query);
        }
        for query in [
            "a#b",
            "a b",
            "a=\"b\"",
            "a=%",
            "a=%0d%0ab",
            "a=%00",
            "a=\u{e9}",
            "access_token=x",
            "a=b&API_KEY=x",
            "%61ccess_token=x",
            "client_secret=x",
        ] {
            assert!(Query::read(query).is_err(), "{query}");
        }
    }
}
