//! What names one request in logs, answers and the calls made for it.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderName};

/// The header that carries a request's identifier.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const MAX_REQUEST_ID: usize = 128;

/// The names of one request, and when it came.
#[derive(Clone, Debug)]
pub(super) struct Trail {
    /// The caller's `X-Request-Id`, or one made here.
    pub request_id: Arc<str>,
    /// The caller's `traceparent`, or one made here.
    pub traceparent: Arc<str>,
    /// When the request came.
    pub started: Instant,
}

impl Trail {
    /// Reads the names from a request's headers and makes those that are missing.
    ///
    /// An identifier that could not be logged or returned as it is (empty, longer than 128, not visible ASCII) is replaced,
    /// and so is a `traceparent` that W3C Trace Context calls invalid.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let request_id = headers
            .get(REQUEST_ID)
            .and_then(|value| value.to_str().ok())
            .filter(|text| (1..=MAX_REQUEST_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()))
            .map_or_else(new_request_id, Arc::from);
        let traceparent = headers
            .get(TRACEPARENT)
            .and_then(|value| value.to_str().ok())
            .and_then(known)
            .unwrap_or_else(new_traceparent);
        Self {
            request_id,
            traceparent,
            started: Instant::now(),
        }
    }

    /// The 32 hexadecimal digits that name the trace.
    pub(super) fn trace_id(&self) -> &str {
        self.traceparent.get(3..35).unwrap_or_default()
    }
}

fn new_request_id() -> Arc<str> {
    let mut buffer = uuid::Uuid::encode_buffer();
    Arc::from(&*uuid::Uuid::now_v7().hyphenated().encode_lower(&mut buffer))
}

fn new_traceparent() -> Arc<str> {
    // All zeros mean "invalid" to W3C Trace Context; one bit set keeps clear of them.
    let trace = fastrand::u128(..) | 1;
    let span = fastrand::u64(..) | 1;
    format!("00-{trace:032x}-{span:016x}-00").into()
}

/// A valid `traceparent`, written as version 00: later versions may add fields behind the four known ones.
fn known(text: &str) -> Option<Arc<str>> {
    let head = text.get(..55)?;
    let mut parts = head.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let nonzero = |part: &str| part.bytes().any(|b| b != b'0');
    let shaped = parts.next().is_none()
        && hex(version, 2)
        && hex(trace, 32)
        && hex(span, 16)
        && hex(flags, 2)
        && nonzero(trace)
        && nonzero(span);
    let tail_fits = match version {
        "ff" => false,
        "00" => text.len() == 55,
        _ => text.len() == 55 || text.as_bytes()[55] == b'-',
    };
    (shaped && tail_fits).then(|| format!("00-{trace}-{span}-{flags}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(name: HeaderName, value: &[u8]) -> Trail {
        let mut headers = HeaderMap::new();
        headers.insert(name, http::HeaderValue::from_bytes(value).unwrap());
        Trail::of(&headers)
    }

    #[test]
    fn a_sane_request_id_is_kept_and_another_replaced() {
        assert_eq!(&*trail(REQUEST_ID, b"order-7/x").request_id, "order-7/x");
        for bad in [&b""[..], b"a b", "ü".as_bytes(), &[b'x'; 129]] {
            let made = trail(REQUEST_ID, bad).request_id;
            assert_eq!(uuid::Uuid::parse_str(&made).unwrap().get_version_num(), 7);
        }
    }

    #[test]
    fn a_valid_traceparent_is_kept_and_another_replaced() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(&*trail(TRACEPARENT, good.as_bytes()).traceparent, good);
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more";
        assert_eq!(&*trail(TRACEPARENT, later.as_bytes()).traceparent, good);
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
        ] {
            let made = trail(TRACEPARENT, bad.as_bytes()).traceparent;
            assert_ne!(&*made, bad);
            assert!(known(&made).is_some(), "{made}");
        }
        assert_eq!(
            trail(TRACEPARENT, good.as_bytes()).trace_id(),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
    }
}
