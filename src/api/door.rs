//! What is asked of a request before anybody asks who calls: which host it is for, and from which pages a browser may send it.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use axum::extract::Request;
use http::header::{self, HeaderName};
use http::{HeaderValue, Method, Version};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::error::{Error, ErrorKind, Place, Result};

/// What probes of the process ask for; they know it by its address alone.
const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// Who is at the other end of a request's connection. A request without it came over none: in a test, in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub addr: IpAddr,
}

impl Peer {
    /// The part of its address that is one party's: of IPv6 the network, in which anybody has any number of addresses.
    #[must_use]
    pub fn party(self) -> IpAddr {
        match self.addr {
            IpAddr::V4(_) => self.addr,
            IpAddr::V6(addr) => IpAddr::V6(Ipv6Addr::from_bits(addr.to_bits() & !u128::from(u64::MAX))),
        }
    }
}

/// Checks that a request says which host it is for, as RFC 9112 §3.2 asks, and that it is one of ours.
///
/// # Errors
/// `Invalid`: without the header, with two of it, with one that is no host; `misdirected` for another host than ours.
pub(super) fn host(request: &Request, ours: &[String]) -> Result<()> {
    let mut values = request.headers().get_all(header::HOST).iter();
    let header = values.next();
    if values.next().is_some() {
        return Err(bad("it stands more than once"));
    }
    let header = match header {
        Some(value) => Some(plain(value).ok_or_else(|| bad("it is no host"))?),
        None => None,
    };
    if header.is_none() && request.version() == Version::HTTP_11 && request.extensions().get::<Peer>().is_some() {
        return Err(bad("it is missing"));
    }
    if ours.is_empty() || PROBES.contains(&request.uri().path()) {
        return Ok(());
    }
    // An address in the request line overrules the header (RFC 9112 §3.2.2).
    let authority = request.uri().authority();
    let named = authority.map_or(header, |authority| Some(authority.as_str()));
    match named {
        Some(named) if is_ours(named, ours) => Ok(()),
        _ => Err(Error::new(
            ErrorKind::Invalid,
            "this gateway does not answer for the host asked for",
        )
        .code("misdirected")),
    }
}

fn bad(detail: &'static str) -> Error {
    Error::new(ErrorKind::Invalid, format!("header `Host`: {detail}")).fault(Place::Header("Host"), detail)
}

/// The value, if it is made of what hosts and ports are made of.
fn plain(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=:[]".contains(&byte);
    text.bytes().all(fits).then_some(text)
}

fn is_ours(named: &str, ours: &[String]) -> bool {
    let bare = match named.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => named,
    };
    ours.iter()
        .any(|host| host.eq_ignore_ascii_case(named) || host.eq_ignore_ascii_case(bare))
}

/// Which pages of browsers may call, by CORS as the Fetch standard has it.
#[derive(Clone, Debug)]
pub struct Cors {
    /// The pages' origins, such as `https://portal.example.com`; `*` alone is every origin, none is none.
    pub origins: Vec<String>,
    /// How long a browser may remember what it was told.
    pub max_age: Duration,
}

impl Default for Cors {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            max_age: Duration::from_secs(3600),
        }
    }
}

/// What pages may send beyond what needs no leave.
const ASKED: [HeaderName; 10] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::IF_NONE_MATCH,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("prefer"),
    HeaderName::from_static("request-timeout-ms"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-request-id"),
];

/// What pages may read beyond what needs no leave.
const TOLD: [HeaderName; 13] = [
    header::ALLOW,
    header::CONTENT_DISPOSITION,
    header::ETAG,
    header::LINK,
    header::LOCATION,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("intertie-native"),
    HeaderName::from_static("preference-applied"),
    HeaderName::from_static("proxy-status"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("x-request-id"),
];

impl Cors {
    /// The layer that answers browsers; none where no page may call.
    ///
    /// Credentials in the browser's own keeping are never let through: callers put theirs into a header.
    pub(super) fn layer(&self) -> Option<CorsLayer> {
        let origins = match self.origins.as_slice() {
            [] => return None,
            [any] if any == "*" => AllowOrigin::any(),
            origins => AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok())),
        };
        Some(
            CorsLayer::new()
                .allow_origin(origins)
                .allow_methods([
                    Method::GET,
                    Method::HEAD,
                    Method::POST,
                    Method::PUT,
                    Method::PATCH,
                    Method::DELETE,
                ])
                .allow_headers(ASKED)
                .expose_headers(TOLD)
                .max_age(self.max_age),
        )
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn asked(uri: &str, hosts: &[&str], over_a_connection: bool, ours: &[&str]) -> Result<()> {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        let mut request = request.body(Body::empty()).unwrap();
        if over_a_connection {
            let addr = "127.0.0.1".parse().unwrap();
            request.extensions_mut().insert(Peer { addr });
        }
        let ours: Vec<String> = ours.iter().map(|host| (*host).to_owned()).collect();
        host(&request, &ours)
    }

    #[test]
    fn a_network_of_ipv6_is_one_party() {
        let party = |addr: &str| {
            Peer {
                addr: addr.parse().unwrap(),
            }
            .party()
        };
        assert_eq!(party("2001:db8::1"), party("2001:db8::ffff:1"));
        assert_ne!(party("2001:db8::1"), party("2001:db8:0:1::1"));
        assert_ne!(party("10.0.0.1"), party("10.0.0.2"));
    }

    #[test]
    fn a_request_over_a_connection_names_one_host() {
        assert!(asked("/v1", &["a.example"], true, &[]).is_ok());
        assert!(asked("/v1", &[""], true, &[]).is_ok());
        assert!(asked("/v1", &[], false, &[]).is_ok());
        for hosts in [&[][..], &["a", "a"], &["a/b"], &["user@a"], &["a b"], &["a,b"]] {
            let error = asked("/v1", hosts, true, &[]).unwrap_err();
            assert_eq!(
                (error.kind(), error.finer_code()),
                (ErrorKind::Invalid, None),
                "{hosts:?}"
            );
        }
    }

    #[test]
    fn only_hosts_of_ours_are_answered_for() {
        let ours = ["api.example", "other.example:8443"];
        for (uri, host) in [
            ("/v1", "api.example"),
            ("/v1", "API.Example:1234"),
            ("/v1", "other.example:8443"),
            ("http://api.example/v1", "ignored.example"),
            ("/livez", "10.0.0.7:8080"),
        ] {
            assert!(asked(uri, &[host], true, &ours).is_ok(), "{uri} {host}");
        }
        for (uri, host) in [
            ("/v1", "evil.example"),
            ("/v1", "other.example"),
            ("/v1", "api.example.evil.example"),
            ("/v1", "xapi.example"),
            ("/v1", ""),
            ("http://evil.example/v1", "api.example"),
        ] {
            let error = asked(uri, &[host], true, &ours).unwrap_err();
            assert_eq!(error.finer_code(), Some("misdirected"), "{uri} {host}");
        }
        assert!(asked("/v1", &[], false, &ours).is_err());
    }
}
