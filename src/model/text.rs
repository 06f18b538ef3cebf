//! Texts that callers hand in, checked as they are read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// The most characters of a line.
const LONGEST: usize = 256;
/// The most bytes of a secret.
const LONGEST_SECRET: usize = 1024;

/// One line of text: 1 to 256 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line(String);

/// Facts of the utility's own, by name; `null` empties one.
pub type Attributes = BTreeMap<Line, Option<Line>>;

/// Why a text is not a [`Line`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be 1 to 256 characters without control characters")]
pub struct NoLine;

impl Line {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl TryFrom<String> for Line {
    type Error = NoLine;

    fn try_from(text: String) -> Result<Self, NoLine> {
        if text.is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control) {
            return Err(NoLine);
        }
        Ok(Self(text))
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

impl PartialSchema for Line {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("One line of text, without control characters."))
            .min_length(Some(1))
            .max_length(Some(LONGEST))
            .into()
    }
}

impl ToSchema for Line {
    fn name() -> Cow<'static, str> {
        "Line".into()
    }
}

/// A secret that a caller hands in: read once, never printed, never given back.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The secret, still guarded.
    #[must_use]
    pub fn guarded(&self) -> &SecretString {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

/// Takes texts only. What serde says of other types by itself would repeat the value.
struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
        if text.is_empty() || text.len() > LONGEST_SECRET {
            return Err(E::custom("it must be 1 to 1024 bytes of text"));
        }
        Ok(Secret(text.into()))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Secret, E> {
        Err(E::custom("it must be text"))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Secret, E> {
        Err(E::custom("it must be text"))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Secret, E> {
        Err(E::custom("it must be text"))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Secret, E> {
        Err(E::custom("it must be text"))
    }
}

impl PartialSchema for Secret {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .description(Some("A secret: taken, never given back."))
            .min_length(Some(1))
            .max_length(Some(LONGEST_SECRET))
            .write_only(true)
            .into()
    }
}

impl ToSchema for Secret {
    fn name() -> Cow<'static, str> {
        "Secret".into()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_is_printed_nowhere_not_even_when_it_is_of_the_wrong_type() {
        let secret: Secret = serde_json::from_str(r#""hunter2""#).unwrap();
        assert_eq!(secret.guarded().expose_secret(), "hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        for text in [
            "70423",
            "-70423",
            "7042.3",
            "true",
            "[70423]",
            r#"{"a": 70423}"#,
            r#""""#,
        ] {
            let told = serde_json::from_str::<Secret>(text).unwrap_err().to_string();
            assert!(!told.contains("7042") && !told.contains("true"), "{told}");
        }
    }

    #[test]
    fn lines_are_short_and_plain() {
        for text in ["", "a\nb", &"x".repeat(257)] {
            assert_eq!(Line::try_from(text.to_owned()), Err(NoLine), "{text:?}");
        }
        assert_eq!(Line::try_from("ä".repeat(256)).unwrap().as_str().chars().count(), 256);
    }
}
