//! JSON merge patch (RFC 7396): a member left out, one that is `null`, and one with a value are three things.

use serde::{Deserialize, Deserializer};

/// What a merge patch says of one member. Members of this type need `#[serde(default)]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The member is left out: it stays as it is.
    #[default]
    Keep,
    /// The member is `null`: it is cleared.
    Clear,
    /// The member has this value now.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the member stays as it is.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// Whether the member is cleared.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        matches!(self, Self::Clear)
    }

    /// The new value, if there is one.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// The member after the patch, from what it was before.
    #[must_use]
    pub fn onto(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        #[serde(default)]
        name: Patch<String>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        for (body, patch, after) in [
            ("{}", Patch::Keep, Some("old")),
            (r#"{"name":null}"#, Patch::Clear, None),
            (r#"{"name":""}"#, Patch::Set(String::new()), Some("")),
        ] {
            let read: Body = serde_json::from_str(body).unwrap();
            assert_eq!(read.name, patch, "{body}");
            assert_eq!(read.name.onto(Some("old".to_owned())).as_deref(), after, "{body}");
        }
    }
}
