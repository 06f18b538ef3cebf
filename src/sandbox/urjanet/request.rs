//! What a request asks for, and whether it is one the contract allows.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::answer::Refusal;
use super::record::Attributes;

/// Method, path and operationId of each call; `{}` stands for an id.
const OPERATIONS: [(&str, &str, &str); 29] = [
    ("GET", "/account/status/{}", "getAccount"),
    ("POST", "/account/search", "searchAccounts"),
    ("POST", "/account/candidates", "searchCandidateAccounts"),
    ("POST", "/account/create", "createAccount"),
    ("POST", "/account/enrollCandidate", "enrollCandidateAccount"),
    ("POST", "/account/update", "updateAccount"),
    ("POST", "/meter/create", "createMeter"),
    ("POST", "/meter/update", "updateMeter"),
    ("GET", "/meter/status/{}", "getMeter"),
    ("POST", "/meter/search", "searchMeters"),
    ("POST", "/meter/candidate", "searchCandidateMeters"),
    ("GET", "/meter/byaccount/{}", "listMetersByAccount"),
    ("POST", "/credential/create", "createCredential"),
    ("POST", "/credential/update", "updateCredential"),
    ("GET", "/credential/status/{}", "getCredential"),
    ("POST", "/credential/search", "searchCredentials"),
    ("POST", "/attribute/create", "createAttribute"),
    ("POST", "/attribute/update", "updateAttribute"),
    ("GET", "/attribute/status/{}", "getAttribute"),
    ("POST", "/attribute/search", "searchAttributes"),
    ("POST", "/changelog/search", "searchChangeLog"),
    // Before the call it could be mistaken for.
    ("POST", "/template/status/search", "searchTemplates"),
    ("GET", "/template/status/{}", "getTemplate"),
    ("POST", "/template/search", "searchTemplatesAlt"),
    ("GET", "/serviceType/status/{}", "getServiceType"),
    ("GET", "/serviceType/list", "listServiceTypes"),
    ("GET", "/provider/status/{}", "getProvider"),
    ("POST", "/provider/search", "searchProviders"),
    ("GET", "/provider/byServiceType/{}", "listProvidersByServiceType"),
];

/// The call a request is for.
#[derive(Debug)]
pub(super) struct Route<'a> {
    pub(super) operation: &'static str,
    /// The identifier in the path, decoded; empty where there is none.
    pub(super) id: Cow<'a, str>,
}

/// Finds the call for a method and a path below the API's.
pub(super) fn route<'a>(method: &Method, path: &'a str) -> Result<Route<'a>, Refusal> {
    let mut known = false;
    for (wanted, template, operation) in OPERATIONS {
        let id = match template.strip_suffix("{}") {
            Some(head) => path.strip_prefix(head).filter(|id| !id.is_empty() && !id.contains('/')),
            None => (path == template).then_some(""),
        };
        let Some(id) = id else { continue };
        if method.as_str() == wanted {
            let id = percent_decode_str(id)
                .decode_utf8()
                .map_err(|_| Refusal::malformed("The path cannot be read"))?;
            return Ok(Route { operation, id });
        }
        known = true;
    }
    if known {
        Err(Refusal::wrong_method())
    } else {
        Err(Refusal::not_found("No such resource"))
    }
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Whether the body is announced as JSON.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|text| text.to_str().ok());
    let kind = kind.and_then(|text| text.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// What a member of a request body must be.
#[derive(Clone, Copy)]
pub(super) enum Want {
    Text,
    /// A text that is not empty.
    Key,
    Keys,
    Flag,
    /// A flag that may be quoted, as in the sample of a credential.
    LooseFlag,
    Integer,
    Attributes,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// An object or null, which is looked into elsewhere.
    Criteria,
    Anything,
}

/// A member of a request body: name, what it must be, whether it must be there.
pub(super) type Member = (&'static str, Want, bool);

const EBILL: Want = Want::OneOf(&["DO_NOT_CHANGE", "TURN_ON_EBILL", "TURN_OFF_EBILL"]);
const ACQUISITION: Want = Want::OneOf(&["WEB", "S3"]);

pub(super) const SEARCH: &[Member] = &[
    ("customerId", Want::Text, true),
    ("queryCriteria", Want::Criteria, false),
];

pub(super) const ACCOUNT_CREATE: &[Member] = &[
    ("customerId", Want::Text, true),
    ("accountNumber", Want::Key, true),
    ("utilityProviderId", Want::Key, true),
    ("subscribed", Want::Flag, true),
    ("toBeDelivered", Want::Flag, true),
    ("pullHistory", Want::Flag, false),
    ("ebillRequirement", EBILL, false),
    ("extractionChannelId", Want::Key, true),
    ("customAttributes", Want::Attributes, false),
];

pub(super) const ACCOUNT_ENROLL: &[Member] = &[("id", Want::Key, true), ("customAttributes", Want::Attributes, false)];

pub(super) const ACCOUNT_UPDATE: &[Member] = &[
    ("id", Want::Key, true),
    ("utilityProviderId", Want::Key, false),
    ("subscribed", Want::Flag, false),
    ("toBeDelivered", Want::Flag, false),
    ("pullHistory", Want::Flag, false),
    ("ebillRequirement", EBILL, false),
    ("extractionChannelId", Want::Key, false),
    ("extractionChannelIds", Want::Keys, false),
    ("customAttributes", Want::Attributes, false),
];

pub(super) const METER_CREATE: &[Member] = &[
    ("customerId", Want::Text, true),
    ("meterNumber", Want::Key, true),
    ("utilityAccountId", Want::Key, true),
    ("serviceType", Want::Text, true),
    ("customAttributes", Want::Attributes, false),
];

pub(super) const METER_UPDATE: &[Member] = &[("id", Want::Key, true), ("customAttributes", Want::Attributes, true)];

pub(super) const CREDENTIAL_CREATE: &[Member] = &[
    ("customerId", Want::Text, true),
    ("username", Want::Text, false),
    ("username2", Want::Text, false),
    ("username3", Want::Text, false),
    ("username4", Want::Text, false),
    ("password", Want::Text, false),
    ("password2", Want::Text, false),
    ("password3", Want::Text, false),
    ("password4", Want::Text, false),
    ("acquisitionType", ACQUISITION, false),
    ("url", Want::Text, false),
    ("utilityProviderId", Want::Key, true),
    ("templateId", Want::Key, false),
    ("enabled", Want::LooseFlag, false),
    ("intervalDataEnabled", Want::LooseFlag, false),
    ("s3BucketName", Want::Text, false),
    ("s3FilePrefix", Want::Text, false),
    ("s3EncryptionKeyId", Want::Text, false),
    ("s3RoleId", Want::Text, false),
];

pub(super) const CREDENTIAL_UPDATE: &[Member] = &[
    ("id", Want::Key, true),
    ("username", Want::Text, false),
    ("username2", Want::Text, false),
    ("username3", Want::Text, false),
    ("username4", Want::Text, false),
    ("password", Want::Text, false),
    ("password2", Want::Text, false),
    ("password3", Want::Text, false),
    ("password4", Want::Text, false),
    ("enabled", Want::Flag, false),
    ("intervalDataEnabled", Want::Flag, false),
    ("url", Want::Text, false),
    ("templateId", Want::Key, false),
    ("s3BucketName", Want::Text, false),
    ("s3FilePrefix", Want::Text, false),
    ("s3EncryptionKeyId", Want::Text, false),
    ("s3RoleId", Want::Text, false),
];

pub(super) const ATTRIBUTE_CREATE: &[Member] = &[
    ("customerId", Want::Text, true),
    ("name", Want::Key, true),
    ("required", Want::Flag, false),
    ("cnbdPosition", Want::Integer, false),
    ("urjanetKey", Want::Anything, false),
];

pub(super) const ATTRIBUTE_UPDATE: &[Member] = &[
    ("id", Want::Key, true),
    ("name", Want::Key, false),
    ("required", Want::Flag, false),
    ("cnbdPosition", Want::Integer, false),
    ("urjanetKey", Want::Anything, false),
];

/// A request body that has the members its call takes.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body, naming everything that is wrong with it.
    pub(super) fn read(headers: &HeaderMap, body: &[u8], members: &[Member]) -> Result<Self, Refusal> {
        if !is_json(headers) {
            return Err(Refusal::malformed("The content type must be application/json"));
        }
        let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
            return Err(Refusal::malformed("Request body is not valid JSON"));
        };
        let mut findings = Vec::new();
        for (name, want, required) in members {
            match fields.get(*name) {
                Some(value) => findings.extend(want.check(value).map(|why| format!("{name} {why}"))),
                None if *required => findings.push(format!("{name} is required")),
                None => {}
            }
        }
        let unknown = fields
            .keys()
            .filter(|name| members.iter().all(|(known, _, _)| known != name));
        findings.extend(unknown.map(|name| format!("{name} is not known here")));
        if findings.is_empty() {
            Ok(Fields(fields))
        } else {
            Err(Refusal::invalid(&findings))
        }
    }

    /// The same, for a change: besides the id there must be something to change.
    pub(super) fn read_change(headers: &HeaderMap, body: &[u8], members: &[Member]) -> Result<Self, Refusal> {
        let fields = Fields::read(headers, body, members)?;
        if fields.0.len() < 2 {
            return Err(Refusal::argument("There is nothing to change"));
        }
        Ok(fields)
    }

    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(Value::as_str)
    }

    /// A text that is required, and therefore there.
    pub(super) fn key(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    pub(super) fn keys(&self, name: &str) -> Option<Vec<&str>> {
        let entries = self.value(name)?.as_array()?;
        Some(entries.iter().filter_map(Value::as_str).collect())
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => Some(text == "true"),
            _ => None,
        }
    }

    pub(super) fn attributes(&self) -> Option<Attributes> {
        let members = self.value("customAttributes")?.as_object()?;
        let attribute = |(name, value): (&String, &Value)| (Arc::from(name.as_str()), value.as_str().map(Arc::from));
        Some(members.iter().map(attribute).collect())
    }
}

impl Want {
    fn check(self, value: &Value) -> Option<String> {
        let text = value.as_str();
        let (fits, wanted) = match self {
            Want::Text => (text.is_some(), "a text"),
            Want::Key => (
                text.is_some_and(|text| !text.trim().is_empty()),
                "a text that is not empty",
            ),
            Want::Keys => {
                let entries = value.as_array();
                let texts = |entries: &Vec<Value>| {
                    entries
                        .iter()
                        .all(|entry| entry.as_str().is_some_and(|key| !key.is_empty()))
                };
                (entries.is_some_and(texts), "a list of texts")
            }
            Want::Flag => (value.is_boolean(), "true or false"),
            Want::LooseFlag => (
                value.is_boolean() || matches!(text, Some("true" | "false")),
                "true or false",
            ),
            Want::Integer => (value.is_i64(), "a whole number"),
            Want::Attributes => {
                let texts =
                    |members: &Map<String, Value>| members.values().all(|value| value.is_string() || value.is_null());
                (value.as_object().is_some_and(texts), "an object of texts")
            }
            Want::OneOf(known) => {
                let wanted = format!("must be one of {}", known.join(", "));
                return (!text.is_some_and(|text| known.contains(&text))).then_some(wanted);
            }
            Want::Criteria => (value.is_object() || value.is_null(), "an object"),
            Want::Anything => (true, ""),
        };
        (!fits).then(|| format!("must be {wanted}"))
    }
}
