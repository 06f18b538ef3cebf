//! What members can be: times and sizes with units, addresses, names, and files.

use std::fs::File;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use http::Uri;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use toml::de::DeValue;

use crate::auth::tokens::Algorithm;
use crate::model::id::{AccountId, BackendName};
use crate::model::money::Currency;
use crate::model::time::Zone;

/// The longest time that can be configured. Anything longer is a slip of the unit.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The largest size that can be configured, and the largest file a member may name.
const LARGEST: usize = 1024 * 1024 * 1024;
const LARGEST_FILE: u64 = 1024 * 1024;

/// Something a member can be.
pub(super) trait Value: Sized {
    /// What the member should be, after "missing; " and "must be ".
    const EXPECTED: &'static str;

    /// Reads the member, or says what is wrong with it.
    fn read(value: &DeValue<'_>) -> Result<Self, String>;
}

/// What a value is, in words.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn text<'v, T: Value>(value: &'v DeValue<'_>) -> Result<&'v str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("must be {}, and is {}", T::EXPECTED, kind(value)))
}

fn wrong<T: Value>(text: &str) -> String {
    // What may be the user part or the query of an address is not repeated: a password or a key may stand in it.
    if text.contains(['@', '?']) {
        return format!("must be {}", T::EXPECTED);
    }
    format!("must be {}, and is {text:?}", T::EXPECTED)
}

impl Value for String {
    const EXPECTED: &'static str = "a text";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match text::<Self>(value)? {
            "" => Err("must not be empty".to_owned()),
            text => Ok(text.to_owned()),
        }
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        value
            .as_bool()
            .ok_or_else(|| format!("must be {}, and is {}", Self::EXPECTED, kind(value)))
    }
}

impl Value for u32 {
    const EXPECTED: &'static str = "a whole number";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let number = value
            .as_integer()
            .ok_or_else(|| format!("must be {}, and is {}", Self::EXPECTED, kind(value)))?;
        u32::from_str_radix(number.as_str(), number.radix())
            .map_err(|_| format!("must be {} from 0 to {}, and is {}", Self::EXPECTED, u32::MAX, number))
    }
}

impl Value for Duration {
    const EXPECTED: &'static str = "a time with its unit, such as \"250ms\", \"10s\", \"2m\" or \"1h\"";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text = text::<Self>(value)?;
        let (number, unit) = measured(text).ok_or_else(|| wrong::<Self>(text))?;
        let milliseconds = match unit {
            "ms" => Some(number),
            "s" => number.checked_mul(1_000),
            "m" => number.checked_mul(60_000),
            "h" => number.checked_mul(3_600_000),
            _ => return Err(wrong::<Self>(text)),
        };
        milliseconds
            .map(Duration::from_millis)
            .filter(|time| *time <= LONGEST)
            .ok_or_else(|| format!("must be at most \"24h\", and is {text:?}"))
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) usize);

impl Value for Size {
    const EXPECTED: &'static str = "a size with its unit, such as \"512B\", \"64KiB\" or \"1MiB\"";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text = text::<Self>(value)?;
        let (number, unit) = measured(text).ok_or_else(|| wrong::<Self>(text))?;
        let bytes = match unit {
            "B" => Some(number),
            "KiB" => number.checked_mul(1024),
            "MiB" => number.checked_mul(1024 * 1024),
            "GiB" => number.checked_mul(1024 * 1024 * 1024),
            _ => return Err(wrong::<Self>(text)),
        };
        bytes
            .and_then(|bytes| usize::try_from(bytes).ok())
            .filter(|bytes| (1..=LARGEST).contains(bytes))
            .map(Self)
            .ok_or_else(|| format!("must lie between \"1B\" and \"1GiB\", and is {text:?}"))
    }
}

fn measured(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start_matches(' ')))
}

macro_rules! by_parsing {
    ($($type:ty: $expected:literal),* $(,)?) => {$(
        impl Value for $type {
            const EXPECTED: &'static str = $expected;

            fn read(value: &DeValue<'_>) -> Result<Self, String> {
                let text = text::<Self>(value)?;
                text.parse().map_err(|_| wrong::<Self>(text))
            }
        }
    )*};
}

by_parsing! {
    SocketAddr: "an address and a port, such as \"127.0.0.1:8080\"",
    BackendName: "a lower-case letter, then lower-case letters, digits and hyphens, at most 63 in all",
    AccountId: "an account's id, such as \"kraken-us:A-7C41D0E2\"",
    Algorithm: "an asymmetric algorithm of RFC 7518 §3.1 or RFC 8037 that is known here, such as \"ES256\" or \"EdDSA\"",
    Zone: "an IANA time zone, such as \"Australia/Sydney\"",
    Currency: "a three-letter currency of ISO 4217, such as \"AUD\"",
}

/// Where a system is: `https`, or `http` on loopback.
pub(super) struct Address(pub(super) String);

impl Value for Address {
    const EXPECTED: &'static str = "an address such as \"https://api.example.com/v1\"";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text = text::<Self>(value)?;
        let uri = absolute(text).map_err(|why| format!("{}; {why}", wrong::<Self>(text)))?;
        if uri.scheme_str() == Some("http") && !uri.host().is_some_and(on_loopback) {
            return Err(format!(
                "must be https: over http to another host than this one, credentials and bills could be read on the way; is {text:?}"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Where this gateway is, as its callers see it: an address without a path.
pub(super) struct Resource(pub(super) String);

impl Value for Resource {
    const EXPECTED: &'static str = "an address without a path, such as \"https://billing.example.com\"";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text = Address::read(value)?.0;
        let bare = text.strip_suffix('/').unwrap_or(&text);
        match bare.split_once("://") {
            Some((_, host)) if !host.contains('/') => Ok(Self(bare.to_owned())),
            _ => Err(wrong::<Self>(&text)),
        }
    }
}

/// Where a proxy is: `http` or `https`.
pub(super) struct ProxyAddress(pub(super) String);

impl Value for ProxyAddress {
    const EXPECTED: &'static str = "the address of a proxy, such as \"http://proxy.example.com:3128\"";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text = text::<Self>(value)?;
        absolute(text).map_err(|why| format!("{}; {why}", wrong::<Self>(text)))?;
        Ok(Self(text.to_owned()))
    }
}

fn absolute(text: &str) -> Result<Uri, &'static str> {
    // A password in an address would be printed with it.
    if text.contains('@') {
        return Err("a user name or password has no place in an address");
    }
    if text.contains('#') {
        return Err("a fragment has no place in it");
    }
    let uri: Uri = text.parse().map_err(|_| "it cannot be read")?;
    match uri.scheme_str() {
        Some("http" | "https") => {}
        Some(_) => return Err("only http and https are known"),
        None => return Err("it does not begin with https://"),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err("it names no host");
    }
    if uri.query().is_some() {
        return Err("a query has no place in it");
    }
    Ok(uri)
}

fn on_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// A host as in an address, with or without a port.
pub(super) struct Host(pub(super) String);

impl Value for Host {
    const EXPECTED: &'static str = "a host, such as \"files.example.com\" or \"files.example.com:8443\"";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text = text::<Self>(value)?;
        let (host, port) = match text.split_once(':') {
            None => (text, None),
            Some((host, port)) => (host, Some(port)),
        };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        let named = !host.is_empty() && host.chars().all(plain);
        if !named || port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(format!("{}; in lower case and without https://", wrong::<Self>(text)));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Where a page of a browser comes from, written as browsers write it; `*` is anywhere.
pub(super) struct Origin(pub(super) String);

impl Value for Origin {
    const EXPECTED: &'static str =
        "an origin, such as \"https://portal.example.com\" or \"http://localhost:3000\", or \"*\"";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text = text::<Self>(value)?;
        let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        match bare {
            None if text == "*" => {}
            Some(host) if Host::read(&DeValue::String(host.into())).is_ok() => {}
            _ => return Err(format!("{}; in lower case and without a path", wrong::<Self>(text))),
        }
        Ok(Self(text.to_owned()))
    }
}

/// That something is not limited.
pub(super) struct Off;

impl Value for Off {
    const EXPECTED: &'static str = "a rate such as { requests = 100, per = \"1s\", burst = 200 }, or \"off\"";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match text::<Self>(value)? {
            "off" => Ok(Self),
            text => Err(wrong::<Self>(text)),
        }
    }
}

/// The SHA-256 of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest(pub(super) [u8; 32]);

impl Value for Digest {
    const EXPECTED: &'static str = "the SHA-256 of a key in 64 hexadecimal digits; `intertie key` makes both";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        // The value is not repeated: it may be the key itself, put here by mistake.
        let expected = || format!("must be {}", Self::EXPECTED);
        let text = text::<Self>(value)?.as_bytes();
        if text.len() != 64 {
            return Err(expected());
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(text.chunks_exact(2)) {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (high, low) = digit(pair[0]).zip(digit(pair[1])).ok_or_else(expected)?;
            *byte = u8::try_from(high * 16 + low).map_err(|_| expected())?;
        }
        Ok(Self(digest))
    }
}

/// An instant: a day stands for its beginning in UTC.
pub(super) struct Instant(pub(super) Timestamp);

impl Value for Instant {
    const EXPECTED: &'static str = "a date such as 2027-01-31, or an instant such as 2027-01-31T18:00:00Z";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text = match value {
            DeValue::Datetime(at) => at.to_string(),
            other => text::<Self>(other)?.to_owned(),
        };
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self(at));
        }
        // A local time would parse as a date with its time dropped.
        let day = (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten();
        day.and_then(|day| day.to_zoned(TimeZone::UTC).ok())
            .map(|start| Self(start.timestamp()))
            .ok_or_else(|| wrong::<Self>(&text))
    }
}

/// Reads a secret from a file only its owner and group can read.
pub(super) fn secret_file(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file
            .metadata()
            .map_err(|error| format!("`{shown}` cannot be read: {error}"))?
            .permissions()
            .mode();
        if mode & 0o007 != 0 {
            return Err(format!(
                "`{shown}` has mode {:04o} and is open to everybody on this machine; take their rights away with `chmod o= {shown}`",
                mode & 0o7777
            ));
        }
    }
    String::from_utf8(limited(file, path)?).map_err(|_| format!("`{shown}` is not UTF-8"))
}

/// Reads a file that is not secret, of at most 1 MiB.
///
/// # Errors
/// Why it cannot be read, in words for an operator.
pub fn file(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    limited(file, path)
}

fn limited(file: File, path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(format!("`{shown}` is larger than 1 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Value>(text: &str) -> Result<T, String> {
        T::read(&DeValue::String(text.into()))
    }

    #[test]
    fn times_and_sizes_want_their_unit() {
        assert_eq!(read("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(read("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(read("64KiB"), Ok(Size(65_536)));
        for wrong in [
            "",
            "10",
            "s",
            "-1s",
            "1.5s",
            "10 parsecs",
            "99999999999999999999s",
            "25h",
        ] {
            assert!(read::<Duration>(wrong).is_err(), "{wrong}");
            assert!(read::<Size>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_alone() {
        for fine in [
            "https://a.example/v1",
            "http://127.0.0.1:8080",
            "http://[::1]:1/x",
            "http://localhost",
        ] {
            assert!(read::<Address>(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "http://a.example",
            "http://127.0.0.1.example",
            "https://user:pw@a.example",
            "ftp://a.example",
            "a.example",
            "https://",
            "https://a.example?key=1",
        ] {
            assert!(read::<Address>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_origin_is_as_browsers_write_it() {
        for fine in ["https://portal.example.com", "http://localhost:3000", "*"] {
            assert!(read::<Origin>(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "portal.example.com",
            "https://a.example/",
            "https://A.example",
            "https://",
            "null",
            "https://*.a.example",
        ] {
            assert!(read::<Origin>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_day_is_its_beginning_and_a_local_time_is_refused() {
        assert_eq!(
            read::<Instant>("2027-01-31").map(|at| at.0.to_string()),
            Ok("2027-01-31T00:00:00Z".to_owned())
        );
        assert!(read::<Instant>("2027-01-31T18:00:00+02:00").is_ok());
        assert!(read::<Instant>("2027-01-31T18:00:00").is_err());
    }

    #[test]
    fn a_misplaced_key_is_not_repeated() {
        let Err(message) = read::<Digest>("the-key-itself") else {
            panic!("taken")
        };
        assert!(!message.contains("the-key-itself"));
    }
}
