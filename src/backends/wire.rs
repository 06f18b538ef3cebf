//! What adapters read alike, whatever their systems' shapes are: JSON whose failures name a place and quote nothing, and
//! addresses from the configuration.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use crate::error::{Error, Result};

/// Reads a reply's body. `words` are the adapter's own for what a value is not, which may be told.
pub(super) fn decode<'a, T: Deserialize<'a>>(body: &'a [u8], words: &[&'static str]) -> Result<T> {
    let text = std::str::from_utf8(body).map_err(|_| Error::unreadable("$", "not UTF-8"))?;
    decode_at("", text, words)
}

/// Reads a piece of a reply; `place` is where it stands, nothing for the whole. A second pass finds the place of a failure;
/// the first one pays nothing for it.
pub(super) fn decode_at<'a, T: Deserialize<'a>>(place: &str, text: &'a str, words: &[&'static str]) -> Result<T> {
    serde_json::from_str(text).map_err(|_| {
        let mut again = serde_json::Deserializer::from_str(text);
        let whole = if place.is_empty() { "$" } else { place };
        match serde_path_to_error::deserialize::<_, T>(&mut again) {
            Ok(_) => Error::unreadable(whole, "text after the end of the JSON value"),
            Err(failure) => {
                let path = match failure.path().to_string() {
                    path if path == "." => whole.to_owned(),
                    path if place.is_empty() => path,
                    path => format!("{place}.{path}"),
                };
                Error::unreadable(path, reason(failure.inner(), words))
            }
        }
    })
}

/// Why a body does not decode, in words that cannot hold a piece of it: serde quotes the value it stumbled over.
fn reason(failure: &serde_json::Error, words: &[&'static str]) -> String {
    if !failure.is_data() {
        return "not a whole JSON value".to_owned();
    }
    let said = failure.to_string();
    if said.starts_with("missing field `") {
        return said.split(" at line ").next().unwrap_or_default().to_owned();
    }
    let known = words.iter().copied().find(|known| said.starts_with(known));
    known
        .unwrap_or("a value of another type than the contract says")
        .to_owned()
}

/// A text, borrowed from the reply unless it holds escapes.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    struct Reader;
    impl<'de> Visitor<'de> for Reader {
        type Value = Cow<'de, str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
    }
    deserializer.deserialize_str(Reader)
}

/// Whether calls can be put below an address: http or https, without user, query and fragment.
pub(super) fn is_base(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return false;
    };
    matches!(uri.scheme_str(), Some("http" | "https"))
        && uri
            .authority()
            .is_some_and(|authority| !authority.as_str().contains('@'))
        && uri.query().is_none()
        && !url.contains('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Bill<'a> {
        #[serde(borrow, deserialize_with = "text")]
        name: Cow<'a, str>,
        #[serde(deserialize_with = "no_amount")]
        amount: Option<u8>,
    }

    fn no_amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
        match Option::<serde::de::IgnoredAny>::deserialize(deserializer)? {
            None => Ok(None),
            Some(_) => Err(serde::de::Error::custom("not an amount")),
        }
    }

    #[test]
    fn a_failure_names_its_place_and_quotes_nothing() {
        let bill: Bill<'_> = decode(br#"{"name": "a", "amount": null}"#, &[]).unwrap();
        assert_eq!((&*bill.name, bill.amount), ("a", None));
        let told = |place: &str, text: &str| {
            let error = decode_at::<Bill<'_>>(place, text, &["not an amount"]).unwrap_err();
            error.message().to_owned()
        };
        for (place, text, expected) in [
            ("", r#"{"name": "a", "amount": "secret"}"#, "amount"),
            ("$", r#"{"name": "a", "amount": "secret"}"#, "$.amount"),
            ("items", r#"{"name": ["secret"]}"#, "items.name"),
            ("", "secret", "$"),
            ("items", r#"{"name": "secret"}"#, "items"),
        ] {
            let told = told(place, text);
            assert!(told.contains(expected) && !told.contains("secret"), "{told}");
        }
        assert!(told("", r#"{"name": "a", "amount": 1}"#).contains("not an amount"));
        assert!(told("", r#"{"name": "a"}"#).contains("missing field `amount`"));
        assert!(
            decode::<Bill<'_>>(b"\xff", &[])
                .unwrap_err()
                .message()
                .contains("UTF-8")
        );
    }

    #[test]
    fn a_text_is_borrowed_unless_it_holds_escapes() {
        let read = |json: &'static str| text(&mut serde_json::Deserializer::from_str(json)).unwrap();
        assert!(matches!(read(r#""plain""#), Cow::Borrowed("plain")));
        assert!(matches!(read(r#""a\"b""#), Cow::Owned(text) if text == "a\"b"));
    }

    #[test]
    fn calls_are_put_below_plain_addresses_alone() {
        for url in ["https://api.example.test/v1", "http://127.0.0.1:8080"] {
            assert!(is_base(url), "{url}");
        }
        for url in [
            "api.example.test/v1",
            "ftp://api.example.test",
            "https://user:pass@api.example.test",
            "https://api.example.test/v1?a=b",
            "https://api.example.test/v1#a",
            "",
        ] {
            assert!(!is_base(url), "{url}");
        }
    }
}
