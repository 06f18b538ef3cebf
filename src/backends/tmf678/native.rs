//! The system's own record as it may be shown: as it came, without its links.
//!
//! `href` and `url` point at hosts inside the operator's network, and so do names that are share paths (README §3,
//! "Links" and "name"). They are left out wherever they stand; numbers keep their spelling.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::wire::unquoted;
use crate::error::{Error, Result};
use crate::model::Native;

/// Keeps a record without its links.
pub(super) fn shown(record: &RawValue) -> Result<Native> {
    let mut kept = String::with_capacity(record.get().len());
    let unreadable = |_| Error::unreadable("$", "not a whole JSON value");
    copy(record, &mut kept).map_err(unreadable)?;
    RawValue::from_string(kept).map(Native::new).map_err(unreadable)
}

fn copy(value: &RawValue, kept: &mut String) -> serde_json::Result<()> {
    match value.get().as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(value.get())?;
            kept.push('{');
            let mut first = true;
            for (name, value) in members {
                if matches!(&*name, "href" | "url") || is_link(value) {
                    continue;
                }
                if !std::mem::take(&mut first) {
                    kept.push(',');
                }
                kept.push_str(&serde_json::to_string(&name)?);
                kept.push(':');
                copy(value, kept)?;
            }
            kept.push('}');
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(value.get())?;
            kept.push('[');
            let mut first = true;
            for item in items.into_iter().filter(|item| !is_link(item)) {
                if !std::mem::take(&mut first) {
                    kept.push(',');
                }
                copy(item, kept)?;
            }
            kept.push(']');
        }
        _ => kept.push_str(value.get()),
    }
    Ok(())
}

/// Whether a value is a text that leads to a host.
fn is_link(value: &RawValue) -> bool {
    value.get().starts_with('"')
        && unquoted(value.get()).is_none_or(|text| text.contains("://") || text.trim_start().starts_with('\\'))
}

/// An object's members in their order, values untouched.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or(16));
                while let Some(member) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Reader).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(json: &str) -> String {
        let record = shown(serde_json::from_str(json).unwrap()).unwrap();
        serde_json::to_string(&record).unwrap()
    }

    #[test]
    fn links_are_left_out_and_the_rest_is_untouched() {
        for (json, expected) in [
            (r#"{"href": "https://esb-dev/x", "value": 0.00}"#, r#"{"value":0.00}"#),
            (
                r#"{"a": {"href": " https://host:port/x", "id": "41"}, "b": [{"url": "x"}, 1e2, "http://y"]}"#,
                r#"{"a":{"id":"41"},"b":[{},1e2]}"#,
            ),
            (
                r#"{"name": "\\\\SHARE\\PDF\\1.pdf", "other": "a https://z b", "é\n": "caf\u00e9"}"#,
                r#"{"é\n":"caf\u00e9"}"#,
            ),
            ("7", "7"),
        ] {
            assert_eq!(kept(json), expected);
        }
    }

    #[test]
    fn no_example_shows_a_host() {
        for name in ["200-summary-full", "200-pdf-with-summary", "200-pdf-attachment-type"] {
            let path = format!(
                "{}/tests/fixtures/tmf678/examples/{name}.json",
                env!("CARGO_MANIFEST_DIR")
            );
            let kept = kept(&std::fs::read_to_string(path).unwrap());
            for mark in ["://", "host:port", "lla.com", "EVT-CUPCEZAP", "href"] {
                assert!(!kept.contains(mark), "{name}: {mark}");
            }
            assert!(kept.contains("billingAccount"), "{name}");
        }
    }
}
