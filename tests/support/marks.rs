//! Secrets in every form they could be written in, and the search for them in a text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything that was written or answered, each with what it is.
pub type Haystack = Vec<(String, String)>;

/// One thing to look for, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    pub what: String,
    pub text: String,
    /// Whether only the whole word counts: short numbers turn up within others.
    pub word: bool,
}

/// A secret in every form it could be written in.
pub fn forms(what: &str, secret: &str) -> Vec<Mark> {
    let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let bytes = secret.as_bytes();
    let decimals: Vec<String> = bytes.iter().map(ToString::to_string).collect();
    let hex: String = bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let written = [
        ("itself", secret.to_owned()),
        ("percent-encoded", encoded.clone()),
        ("percent-encoded in lower case", encoded.to_lowercase()),
        (
            "form-encoded",
            encoded.replace("%2D", "-").replace("%2E", ".").replace("%5F", "_"),
        ),
        ("base64", STANDARD_NO_PAD.encode(bytes)),
        ("base64 for addresses", URL_SAFE_NO_PAD.encode(bytes)),
        ("hexadecimal", hex),
        ("bytes", decimals.join(", ")),
    ];
    let marks: BTreeSet<Mark> = written
        .into_iter()
        .map(|(form, text)| Mark {
            what: format!("{what}, {form}"),
            text,
            word: false,
        })
        .collect();
    marks.into_iter().collect()
}

/// A client's identifier and secret as HTTP Basic puts them, raw and form-encoded.
pub fn basic(what: &str, id: &str, secret: &str) -> Vec<Mark> {
    let encode = |text: &str| {
        utf8_percent_encode(text, NON_ALPHANUMERIC)
            .to_string()
            .replace("%2D", "-")
    };
    [(id.to_owned(), secret.to_owned()), (encode(id), encode(secret))]
        .into_iter()
        .flat_map(|(id, secret)| {
            let pair = format!("{id}:{secret}");
            [STANDARD.encode(&pair), URL_SAFE.encode(&pair), pair].map(|text| Mark {
                what: format!("{what} in HTTP Basic"),
                text,
                word: false,
            })
        })
        .collect()
}

fn is_part_of_word(character: Option<char>) -> bool {
    character.is_some_and(char::is_alphanumeric)
}

/// Which marks are in a text.
pub fn found_in<'a>(text: &str, marks: &'a [Mark]) -> Vec<&'a Mark> {
    let holds = |mark: &&Mark| {
        text.match_indices(&mark.text).any(|(at, _)| {
            !mark.word
                || !(is_part_of_word(text[..at].chars().next_back())
                    || is_part_of_word(text[at + mark.text.len()..].chars().next()))
        })
    };
    marks.iter().filter(holds).collect()
}

/// Every mark in every text, with the line it is in.
pub fn leaks(haystack: &[(String, String)], marks: &[Mark]) -> Vec<String> {
    let mut leaks = Vec::new();
    for (place, text) in haystack {
        for mark in found_in(text, marks) {
            let one = std::slice::from_ref(mark);
            let line = text.lines().find(|line| !found_in(line, one).is_empty());
            let line: String = line.unwrap_or_default().chars().take(600).collect();
            leaks.push(format!("{place} holds {} ({}): {line}", mark.what, mark.text));
        }
    }
    leaks
}
