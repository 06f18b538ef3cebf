//! `impl Serves<O>` for every operation, and how a no of the system is understood.

mod reads;
mod search;
mod writes;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::value::{RawValue, to_raw_value};

use super::login::Seen;
use super::map::Mapper;
use super::wire::Identifier;
use super::{verdict, wire};
use crate::error::{Error, ErrorKind, Result};
use crate::model::id::{AccountId, BackendName};
use crate::model::time::Zone;
use crate::operations::Context;
use crate::upstream::{Call, Reply, Upstream};

/// What is encoded in a query's value: all but RFC 3986's unreserved characters.
pub(super) const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// How long after a login a no is not blamed on the token ("failure right after a fresh login = business refusal").
const FRESH: Duration = Duration::from_secs(60);

/// What is asked for of an account: what has a canonical place.
const FIELDS: &str = "id,type,number,name,life_cycle_state,balance,outstanding_amount,credit_limit,currency,\
    parent_account,contact_information,billing_address,presentment_preferences_set,log_information,\
    udf_string_1,udf_string_2,udf_string_3,udf_string_4,udf_string_5,udf_string_6,udf_string_7,udf_string_8,\
    udf_float_1,udf_float_2,udf_float_3,udf_float_4,udf_date_1,udf_date_2,udf_date_3,udf_date_4";

/// What is asked for to see whether an account is there, and how it stands.
const STANDING: &str = "id,number,life_cycle_state";

/// The adapter: one installation, for one organisation, user and unit.
pub(super) struct Crmcom {
    pub(super) name: BackendName,
    pub(super) base: String,
    pub(super) zone: Zone,
    pub(super) road: Upstream,
    pub(super) probe: Upstream,
    pub(super) seen: Arc<Seen>,
    /// An account that has been read: reading it again can only fail if the token did.
    pub(super) known: Mutex<Option<Identifier>>,
}

/// The members of a request's body, but for the token.
type Body = BTreeMap<&'static str, Box<RawValue>>;

/// What a no about an account turned out to mean.
enum No {
    /// The account is there; this is how it stands.
    Standing(Box<RawValue>),
    /// There is no such account.
    Missing,
}

impl Crmcom {
    fn mapper(&self) -> Mapper<'_> {
        Mapper {
            backend: &self.name,
            zone: &self.zone,
        }
    }

    /// Reads an account; `fields` are narrowed to, unless the system's own record is wanted.
    async fn show(
        &self,
        operation: &'static str,
        account: &AccountId,
        fields: &'static str,
        cx: &Context,
    ) -> Result<Reply> {
        let identifier = identifier(account)?;
        let fields = if cx.native { None } else { Some(fields) };
        let call = self.post(operation, "show", true, about(&identifier, fields)?, cx)?;
        self.about(call, &identifier, cx).await.map_err(|(error, no)| match no {
            Some(No::Missing) => error.turned_into(ErrorKind::NotFound, "no such account"),
            _ => error,
        })
    }

    /// Notes an account that is there.
    fn knows(&self, account: &Identifier) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(account.clone());
    }

    /// An account that was there when it was last asked for.
    fn known(&self) -> Option<Identifier> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a call. A no to a token that was not just made is looked into: a dead token is replaced and the call sent once
    /// more, which is safe for every call, as the first one did nothing.
    async fn send(&self, call: Call, cx: &Context) -> Result<Reply> {
        let before = self.seen.generation();
        match self.road.call(call.clone()).await {
            Err(error)
                if verdict::is_no(&error)
                    && before == self.seen.generation()
                    && self.replaced(call.operation, cx).await? =>
            {
                self.road.call(call).await
            }
            other => other,
        }
    }

    /// Sends a call about an account. A no that no dead token explains goes with what it means.
    async fn about(&self, call: Call, account: &Identifier, cx: &Context) -> Result<Reply, (Error, Option<No>)> {
        let operation = call.operation;
        let no = match self.send(call, cx).await {
            Ok(reply) => {
                self.knows(account);
                return Ok(reply);
            }
            Err(error) if verdict::is_no(&error) => error,
            Err(error) => return Err((error, None)),
        };
        let asked = self.confirm(operation, account, cx);
        match self.road.call(asked).await {
            Ok(reply) => {
                let standing = wire::raw(&reply.body).map(ToOwned::to_owned);
                Err((no, standing.ok().map(No::Standing)))
            }
            Err(error) if verdict::is_no(&error) => Err((no, Some(No::Missing))),
            Err(error) => Err((error, None)),
        }
    }

    /// Whether the token was dead, and has been replaced.
    async fn replaced(&self, operation: &'static str, cx: &Context) -> Result<bool> {
        let Some(known) = self.known() else {
            if self.seen.age() < FRESH {
                return Ok(false);
            }
            // Nothing has been read yet and the token is not new: it is worth a login to know.
            return self.renewed(self.confirm_any(operation, cx)).await;
        };
        let renewed = self
            .renewed(self.post(operation, "show", true, about(&known, Some("id"))?, cx)?)
            .await;
        if renewed.is_err() {
            // Perhaps the account that was good to ask for is gone.
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        renewed
    }

    /// Sends a call on the road on which a no gives up the token, and says whether it did.
    async fn renewed(&self, call: Call) -> Result<bool> {
        let before = self.seen.generation();
        let outcome = self.probe.call(call).await;
        let renewed = before != self.seen.generation();
        match outcome {
            Ok(_) => Ok(renewed),
            // The new token was refused as the old one was: the login is good, and the call is not.
            Err(error) if error.kind() == ErrorKind::Credentials && renewed => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Asks for an account the other way, by GET, with the least there is to ask for.
    fn confirm(&self, operation: &'static str, account: &Identifier, cx: &Context) -> Call {
        let named = account.in_query();
        let query = [
            ("accounts_receivable_identifier", named.as_str()),
            ("fields_set", STANDING),
        ];
        self.get(operation, "show", &query, cx)
    }

    /// Asks for the one account every company has.
    fn confirm_any(&self, operation: &'static str, cx: &Context) -> Call {
        self.get(operation, "suspense_account/show", &[("fields_set", "id")], cx)
    }

    fn get(&self, operation: &'static str, method: &'static str, query: &[(&str, &str)], cx: &Context) -> Call {
        let pairs = query
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, QUERY)));
        let query = pairs.collect::<Vec<_>>().join("&");
        let url = format!("{}/accounts_receivable/{method}?{query}", self.base);
        self.call(operation, Method::GET, url, true, Bytes::new(), cx)
    }

    fn post(
        &self,
        operation: &'static str,
        method: &'static str,
        may_repeat: bool,
        body: Body,
        cx: &Context,
    ) -> Result<Call> {
        let body = serde_json::to_vec(&body).map_err(unwritable)?;
        let url = format!("{}/accounts_receivable/{method}", self.base);
        Ok(self.call(operation, Method::POST, url, may_repeat, body.into(), cx))
    }

    fn call(
        &self,
        operation: &'static str,
        method: Method,
        url: String,
        may_repeat: bool,
        body: Bytes,
        cx: &Context,
    ) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if method == Method::POST {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let traceparent = cx.traceparent.as_deref();
        if let Some(value) = traceparent.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(TRACEPARENT, value);
        }
        Call {
            operation,
            may_repeat,
            deadline: cx.deadline,
            method,
            url,
            headers,
            body,
            max_reply: None,
        }
    }
}

/// The body of a call about one account.
fn about(account: &impl serde::Serialize, fields: Option<&str>) -> Result<Body> {
    let mut body = Body::new();
    set(&mut body, "accounts_receivable_identifier", account)?;
    if let Some(fields) = fields {
        set(&mut body, "fields_set", fields)?;
    }
    Ok(body)
}

fn set(body: &mut Body, member: &'static str, value: &(impl serde::Serialize + ?Sized)) -> Result<()> {
    body.insert(member, to_raw_value(value).map_err(unwritable)?);
    Ok(())
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "the request cannot be written").because(error)
}

/// What an account's key names: a number, or `id~…` or `name~…`.
fn identifier(account: &AccountId) -> Result<Identifier> {
    let parts: Vec<_> = account.parts().collect();
    match parts.as_slice() {
        [number] => Ok(Identifier::Number(number.clone().into_owned())),
        [kind, id] if *kind == "id" && !id.is_empty() => Ok(Identifier::Id(id.clone().into_owned())),
        [kind, name] if *kind == "name" && !name.is_empty() => Ok(Identifier::Name(name.clone().into_owned())),
        _ => Err(Error::parameter(
            "account",
            "an account's key is its number, `id~` with its id, or `name~` with its name",
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::backends::crmcom::wire::{AccessToken, ByAccessToken};

    /// What the adapter writes for an example of a request about an account.
    fn written(name: &str, example: &Value) -> Value {
        let named = &example["accounts_receivable_identifier"];
        let text = |member: &Value| member.as_str().unwrap().to_owned();
        let token = &named["access_token_identifier"];
        let by_token = |token| {
            json!(
                about(
                    &ByAccessToken {
                        access_token_identifier: token
                    },
                    None
                )
                .unwrap()
            )
        };
        match name {
            "terminate.request.json" => json!(about(&Identifier::Number(text(&named["number"])), None).unwrap()),
            "terminate.by-id.request.json" => json!(about(&Identifier::Id(text(&named["id"])), None).unwrap()),
            "terminate.by-name.request.json" => json!(about(&Identifier::Name(text(&named["name"])), None).unwrap()),
            "terminate.by-authentication-code.request.json" => by_token(AccessToken::Code {
                authentication_code: token["authentication_code"].as_str().unwrap(),
            }),
            "terminate.by-identifier-and-pass-code.request.json" => by_token(AccessToken::PassCode {
                identifier: token["identifier"].as_str().unwrap(),
                pass_code: token["pass_code"].as_str().unwrap(),
            }),
            "terminate.by-one-time-password.request.json" => by_token(AccessToken::Password {
                one_time_password: token["one_time_password"].as_u64().unwrap(),
            }),
            // These ask for the fields that tell how an account stands.
            "terminate.fields-set.request.json" | "suspend.inferred.request.json" | "unsuspend.request.json" => {
                json!(about(&Identifier::Number(text(&named["number"])), Some(STANDING)).unwrap())
            }
            "show.request.json" => {
                let fields = example["fields_set"].as_str();
                json!(about(&Identifier::Number(text(&named["number"])), fields).unwrap())
            }
            other => panic!("nobody writes {other}"),
        }
    }

    #[test]
    fn every_request_of_the_contract_about_an_account_is_written() {
        let folder = format!("{}/tests/fixtures/crmcom", env!("CARGO_MANIFEST_DIR"));
        let index = std::fs::read_to_string(format!("{folder}/examples-index.json")).unwrap();
        let index: Value = serde_json::from_str(&index).unwrap();
        let mut count = 0;
        for entry in index["examples"].as_array().unwrap() {
            let path = entry["path"].as_str().unwrap();
            // Those that must be refused cannot be said with these types; `login` writes its own.
            if entry["kind"] != "request" || entry["expectInvalid"] == true || path.starts_with("/authentication/") {
                continue;
            }
            count += 1;
            let name = entry["file"].as_str().unwrap();
            let mut example: Value =
                serde_json::from_str(&std::fs::read_to_string(format!("{folder}/examples/{name}")).unwrap()).unwrap();
            // It is put in on the way out.
            example.as_object_mut().unwrap().remove("token");
            assert_eq!(written(name, &example), example, "{name}");
        }
        assert_eq!(count, 10);
    }

    #[test]
    fn a_key_names_exactly_one_thing() {
        let read = |key: &str| identifier(&format!("crmcom-cy:{key}").parse().unwrap());
        assert_eq!(
            read("ACR0000000056").unwrap(),
            Identifier::Number("ACR0000000056".to_owned())
        );
        assert_eq!(read("id~231").unwrap().in_query(), "id=231");
        assert_eq!(read("name~A B").unwrap().in_query(), "name=A B");
        for key in ["id~", "~", "id~a~name~b", "pass_code~4711"] {
            assert_eq!(read(key).unwrap_err().kind(), ErrorKind::Invalid, "{key}");
        }
    }

    #[test]
    fn fields_are_asked_for_as_the_contract_lists_them() {
        for fields in [FIELDS, STANDING] {
            assert!(
                !fields.contains(' ') && fields.split(',').all(|field| !field.is_empty()),
                "{fields}"
            );
        }
    }
}
