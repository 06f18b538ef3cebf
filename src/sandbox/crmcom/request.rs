//! What a request asks for, and whether it is one the contract allows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use jiff::civil::{Date, DateTime};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::WEB_API_KEY;
use super::answer::Refusal;

/// Parameters of the calls about one account; no others are allowed.
const ONE: &[&str] = &["token", "accounts_receivable_identifier", "fields_set"];

/// Ways to select accounts for a list; exactly one is to be used.
pub(super) const SELECTORS: [&str; 6] = [
    "subscription_identifier",
    "contact_information_identifier",
    "payment_preference_identifier",
    "presentment_preference_identifier",
    "wallet_identifier",
    "email_address",
];

/// The parameters of a request, from its body or its query.
#[derive(Debug, Default)]
pub(super) struct Asked(Map<String, Value>);

/// How a request names an account.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Identifier {
    Id(String),
    Number(String),
    Name(String),
    AuthenticationCode(String),
    PassCode(String, String),
    OneTimePassword(u64),
}

impl Asked {
    pub(super) fn read(operation: &str, parts: &Parts, body: &[u8]) -> Result<Self, Refusal> {
        let asked = if parts.method == Method::GET {
            Asked(query(parts.uri.query().unwrap_or_default())?)
        } else {
            let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
            if !kind.trim().eq_ignore_ascii_case("application/json") {
                return Err(Refusal::new("Send JSON").under(StatusCode::UNSUPPORTED_MEDIA_TYPE));
            }
            match serde_json::from_slice(body) {
                Ok(Value::Object(members)) => Asked(members),
                _ => return Err(Refusal::new("The body is no JSON object")),
            }
        };
        asked.check(operation)?;
        Ok(asked)
    }

    /// Refuses parameters that the call does not know or that have another type.
    fn check(&self, operation: &str) -> Result<(), Refusal> {
        let selectors = [&SELECTORS[..], &["token", "fields_set"]].concat();
        let known: Option<&[&str]> = match operation {
            "showSuspenseAccount" => Some(&["token", "fields_set"]),
            "listAccountsReceivable" => Some(&selectors),
            "listGroupMembers" => Some(&[
                "token",
                "accounts_receivable_identifier",
                "fields_set",
                "funding_scope",
                "number_of_results",
                "offset",
            ]),
            // The contract leaves the parameters of these open.
            "login"
            | "loginWithWebApiKey"
            | "releaseToken"
            | "createAccountsReceivable"
            | "updateAccountsReceivable" => None,
            _ => Some(ONE),
        };
        for (name, value) in &self.0 {
            if known.is_some_and(|known| !known.contains(&name.as_str())) {
                return Err(Refusal::parameter(name, "is not known"));
            }
            if name == "unit" && !value.is_string() {
                return Err(Refusal::parameter(name, "must be text"));
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A parameter that is text; of another type it counts as missing.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// A whole number of a query, not below `least`.
    pub(super) fn number(&self, name: &str, least: usize) -> Result<Option<usize>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if number >= least => Ok(Some(number)),
            _ => Err(Refusal::parameter(
                name,
                &format!("must be a whole number from {least}"),
            )),
        }
    }

    /// The fields wanted, or `None` for all.
    pub(super) fn fields(&self) -> Result<Option<Vec<&str>>, Refusal> {
        let Some(set) = self.get("fields_set") else {
            return Ok(None);
        };
        let word =
            |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let names: Vec<_> = set.as_str().unwrap_or_default().split(',').collect();
        if names.iter().all(word) {
            Ok(Some(names))
        } else {
            Err(Refusal::parameter("fields_set", "must be names joined by commas"))
        }
    }

    /// The account named, by exactly one key.
    pub(super) fn identifier(&self) -> Result<Identifier, Refusal> {
        let none = || Refusal::new("One identifier parameter must be given");
        let named = self
            .get("accounts_receivable_identifier")
            .and_then(Value::as_object)
            .ok_or_else(none)?;
        if named.len() > 1 {
            return Err(Refusal::several_identifiers());
        }
        let (key, value) = named.iter().next().ok_or_else(none)?;
        let text = |value: &Value| {
            let text = value.as_str().filter(|text| !text.is_empty());
            text.map(str::to_owned)
                .ok_or_else(|| Refusal::parameter(key, "must be text"))
        };
        match key.as_str() {
            "id" => text(value).map(Identifier::Id),
            "number" => text(value).map(Identifier::Number),
            "name" => text(value).map(Identifier::Name),
            "access_token_identifier" => {
                let members = value.as_object().ok_or_else(none)?;
                let mut names: Vec<_> = members.keys().map(String::as_str).collect();
                names.sort_unstable();
                match names.as_slice() {
                    ["authentication_code"] => {
                        text(&members["authentication_code"]).map(Identifier::AuthenticationCode)
                    }
                    ["identifier", "pass_code"] => Ok(Identifier::PassCode(
                        text(&members["identifier"])?,
                        text(&members["pass_code"])?,
                    )),
                    ["one_time_password"] => members["one_time_password"]
                        .as_u64()
                        .map(Identifier::OneTimePassword)
                        .ok_or_else(|| Refusal::parameter("one_time_password", "must be a whole number")),
                    ["identifier"] => Err(Refusal::parameter("pass_code", "is needed with identifier")),
                    ["pass_code"] | [] => Err(none()),
                    _ => Err(Refusal::several_identifiers()),
                }
            }
            _ => Err(Refusal::parameter(key, "is not known")),
        }
    }
}

/// Whether the request has the Web API key as user name and an empty password.
pub(super) fn knows_key(headers: &HeaderMap) -> bool {
    let pair = headers.get(AUTHORIZATION).and_then(|text| text.to_str().ok());
    pair.and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, coded)| STANDARD.decode(coded.trim()).ok())
        .is_some_and(|pair| pair == format!("{WEB_API_KEY}:").into_bytes())
}

/// A query as parameters; an identifier in it is written `field=value`, by id, number or name only.
fn query(query: &str) -> Result<Map<String, Value>, Refusal> {
    let mut found = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text: &str| {
            percent_decode_str(&text.replace('+', " "))
                .decode_utf8_lossy()
                .into_owned()
        };
        let (name, value) = (decode(name), decode(value));
        let value = if name == "accounts_receivable_identifier" {
            match value.split_once('=') {
                Some((key @ ("id" | "number" | "name"), value)) => json!({ key: value }),
                _ => return Err(Refusal::parameter(&name, "must be id, number or name, = and the value")),
            }
        } else {
            json!(value)
        };
        if found.insert(name.clone(), value).is_some() {
            return Err(Refusal::parameter(&name, "may be given once"));
        }
    }
    Ok(found)
}

/// Whether a value is a `LocalDateTime` of the contract.
pub(super) fn is_local(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    match text.len() {
        10 => text.parse::<Date>().is_ok(),
        19..=26 => text.as_bytes()[10] == b'T' && !text.ends_with('Z') && text.parse::<DateTime>().is_ok(),
        _ => false,
    }
}
