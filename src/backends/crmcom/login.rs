//! How a session token is got, and how it goes along with a call: as a field of the body or the query, never a header
//! (README, "Access").

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use percent_encoding::utf8_percent_encode;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::calls::QUERY;
use super::{Credential, verdict, wire};
use crate::error::{Error, ErrorKind, Result};
use crate::upstream::Call;
use crate::upstream::grants::{Grant, LOGIN_TIMEOUT, Token};
use crate::upstream::send::Sender;

/// The most bytes of a login's reply.
const MAX_REPLY: usize = 64 * 1024;

/// How long before its end a token is renewed: "well before two hours" (README, "Access").
const EARLY: Duration = Duration::from_secs(5 * 60);

/// Logs in to one organisation.
pub(super) struct Login {
    pub(super) base: String,
    pub(super) credential: Credential,
    pub(super) unit: Option<String>,
    /// The life of a token that does not say its own.
    pub(super) token_life: Duration,
    pub(super) within: Duration,
}

#[derive(Serialize)]
struct ByPassword<'a> {
    username: &'a str,
    password: &'a str,
    organisation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
}

#[derive(Serialize)]
struct ByKey<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
}

impl Login {
    /// The key its tokens are kept under: one for each organisation, user and unit.
    pub(super) fn key(&self) -> String {
        let unit = self.unit.as_deref().unwrap_or_default();
        match &self.credential {
            Credential::Password {
                username, organisation, ..
            } => format!("{}\n{organisation}\n{username}\n{unit}", self.base),
            Credential::WebApiKey(key) => {
                let digested = URL_SAFE_NO_PAD.encode(digest(&SHA256, key.expose_secret().as_bytes()));
                format!("{}\nkey {digested}\n{unit}", self.base)
            }
        }
    }

    fn request(&self) -> Result<Call> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let unit = self.unit.as_deref();
        let (path, body) = match &self.credential {
            Credential::Password {
                username,
                password,
                organisation,
            } => {
                let password = password.expose_secret();
                let login = ByPassword {
                    username,
                    password,
                    organisation,
                    unit,
                };
                ("authentication/token", serde_json::to_vec(&login))
            }
            Credential::WebApiKey(key) => {
                let pair = STANDARD.encode(format!("{}:", key.expose_secret()));
                let mut value = HeaderValue::try_from(format!("Basic {pair}"))
                    .map_err(|_| Error::new(ErrorKind::Invalid, "the Web API key does not fit into a header"))?;
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
                ("authentication/web_api_key/token", serde_json::to_vec(&ByKey { unit }))
            }
        };
        let body =
            body.map_err(|error| Error::new(ErrorKind::Internal, "the login cannot be written").because(error))?;
        Ok(self.call("login", path, headers, body.into()))
    }

    /// The body is put together when the token is put into it.
    fn release_request(&self, token: &Token) -> Result<Call> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = Bytes::from_static(b"{}");
        let mut call = self.call("release", "authentication/token/release", headers, body);
        present(&mut call, token)?;
        Ok(call)
    }

    fn call(&self, operation: &'static str, path: &str, headers: HeaderMap, body: Bytes) -> Call {
        Call {
            operation,
            // A token that nobody uses ends by itself.
            may_repeat: true,
            deadline: Instant::now() + self.within.min(LOGIN_TIMEOUT),
            method: Method::POST,
            url: format!("{}/{path}", self.base),
            headers,
            body,
            max_reply: Some(MAX_REPLY),
        }
    }
}

#[async_trait]
impl Grant for Login {
    async fn obtain(&self, sender: &Sender, _last: Option<&Token>) -> Result<Token> {
        let reply = sender.send(&self.request()?, self.within.min(LOGIN_TIMEOUT)).await?;
        verdict::login(&reply)?;
        let login: wire::Login = wire::data(&reply.body)?;
        let now = SystemTime::now();
        let life = life(&login.token).unwrap_or(self.token_life);
        Ok(Token {
            ends: now.checked_add(life),
            secret: login.token.into(),
            renewal: None,
        })
    }

    fn renew_early(&self) -> Option<Duration> {
        Some(EARLY)
    }

    /// "Good manners on shutdown" (README, "Access").
    async fn release(&self, sender: &Sender, token: &Token) -> Result<()> {
        let reply = sender
            .send(&self.release_request(token)?, self.within.min(LOGIN_TIMEOUT))
            .await?;
        verdict::judge(&reply)
    }
}

/// How long a JWT lives from its issue; `None` for the hex tokens of older releases and of keys.
///
/// The difference of its claims is taken, so that a clock that goes wrong at either end does no harm. In the vendor's
/// sample both claims are texts.
fn life(token: &str) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Claims {
        exp: wire::Decimal,
        iat: wire::Decimal,
    }
    let claims = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let Claims { exp, iat } = serde_json::from_slice(&claims).ok()?;
    let seconds = exp.0.checked_sub(iat.0)?.trunc();
    u64::try_from(seconds)
        .ok()
        .filter(|life| *life > 0)
        .map(Duration::from_secs)
}

/// Puts a token into a call: first in the body's object, or at the end of a GET's query.
pub(super) fn present(call: &mut Call, token: &Token) -> Result<()> {
    let token = token.secret.expose_secret();
    if call.method == Method::GET {
        let joint = if call.url.contains('?') { '&' } else { '?' };
        call.url.push(joint);
        call.url.push_str("token=");
        call.url.extend(utf8_percent_encode(token, QUERY));
        return Ok(());
    }
    let rest = call.body.strip_prefix(b"{");
    let rest = rest.ok_or_else(|| Error::new(ErrorKind::Internal, "a call's body is no object"))?;
    let quoted = SecretString::from(
        serde_json::to_string(token)
            .map_err(|error| Error::new(ErrorKind::Internal, "the token cannot be written").because(error))?,
    );
    let mut body = Vec::with_capacity(call.body.len() + quoted.expose_secret().len() + 10);
    body.extend_from_slice(b"{\"token\":");
    body.extend_from_slice(quoted.expose_secret().as_bytes());
    if rest != b"}" {
        body.push(b',');
    }
    body.extend_from_slice(rest);
    call.body = Bytes::from(body);
    Ok(())
}

/// Which token went out last, so that a refusal can be told from a token's end.
#[derive(Default)]
pub(super) struct Seen(Mutex<Last>);

#[derive(Default)]
struct Last {
    digest: Option<[u8; 32]>,
    generation: u64,
    since: Option<Instant>,
}

impl Seen {
    /// Notes the token that goes out.
    pub(super) fn note(&self, token: &Token) {
        let digest = digest(&SHA256, token.secret.expose_secret().as_bytes());
        let digest = <[u8; 32]>::try_from(digest.as_ref()).ok();
        let mut last = self.last();
        if last.digest != digest {
            *last = Last {
                digest,
                generation: last.generation + 1,
                since: Some(Instant::now()),
            };
        }
    }

    /// Counts the tokens so far.
    pub(super) fn generation(&self) -> u64 {
        self.last().generation
    }

    /// How long the last one has been in use.
    pub(super) fn age(&self) -> Duration {
        self.last().since.map_or(Duration::MAX, |since| since.elapsed())
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn example(name: &str) -> Value {
        let path = format!("{}/tests/fixtures/crmcom/examples/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn login(credential: Credential) -> Login {
        Login {
            base: "https://crm.example.com/crmapi/rest/v2".to_owned(),
            credential,
            unit: Some("00000000000000000000000000000001".to_owned()),
            token_life: Duration::from_secs(3600),
            within: Duration::from_secs(5),
        }
    }

    fn token(text: &str) -> Token {
        Token {
            secret: text.to_owned().into(),
            ends: None,
            renewal: None,
        }
    }

    fn call(method: Method, url: &str, body: &str) -> Call {
        Call {
            operation: "accounts.get",
            may_repeat: true,
            deadline: Instant::now(),
            method,
            url: url.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            max_reply: None,
        }
    }

    #[test]
    fn a_password_login_is_the_example() {
        let request = login(Credential::Password {
            username: "gateway".to_owned(),
            password: "not-a-real-password".to_owned().into(),
            organisation: "DEMO".to_owned(),
        })
        .request()
        .unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body, example("login.request.json"));
        assert!(request.url.ends_with("/crmapi/rest/v2/authentication/token"));
    }

    #[test]
    fn a_release_is_the_example() {
        let login = login(Credential::WebApiKey("key".to_owned().into()));
        let request = login.release_request(&token("{{token}}")).unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body, example("token-release.request.json"));
        assert!(request.url.ends_with("/crmapi/rest/v2/authentication/token/release"));
        assert!(!request.headers.contains_key(AUTHORIZATION));
    }

    #[test]
    fn a_key_goes_as_user_name_without_a_password() {
        let request = login(Credential::WebApiKey("key".to_owned().into())).request().unwrap();
        let header = &request.headers[AUTHORIZATION];
        assert!(header.is_sensitive());
        assert_eq!(header.to_str().unwrap(), format!("Basic {}", STANDARD.encode("key:")));
        assert!(request.url.ends_with("/authentication/web_api_key/token"));
    }

    #[test]
    fn a_token_lives_as_long_as_its_claims_say_and_a_hex_token_does_not_say() {
        let token = |name: &str| example(name)["data"]["token"].as_str().unwrap().to_owned();
        assert_eq!(life(&token("login.jwt.response.json")), Some(Duration::from_secs(7200)));
        assert_eq!(life(&token("login.response.json")), None);
        assert_eq!(life(&token("web-api-key-login.response.json")), None);
    }

    #[test]
    fn claims_too_far_apart_for_a_number_are_no_life() {
        let claims = r#"{"exp": "79228162514264337593543950335", "iat": "-79228162514264337593543950335"}"#;
        assert_eq!(life(&format!("e30.{}.e30", URL_SAFE_NO_PAD.encode(claims))), None);
    }

    #[test]
    fn a_token_goes_into_the_body_or_the_query_and_never_into_a_header() {
        for (body, expected) in [
            (json!({}), json!({"token": "a\"b"})),
            (json!({"name": "x"}), json!({"token": "a\"b", "name": "x"})),
        ] {
            let mut post = call(Method::POST, "https://crm/show", &body.to_string());
            present(&mut post, &token("a\"b")).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&post.body).unwrap(), expected);
            assert!(post.headers.is_empty());
        }
        let mut get = call(Method::GET, "https://crm/show?fields_set=id", "");
        present(&mut get, &token("a b")).unwrap();
        assert_eq!(get.url, "https://crm/show?fields_set=id&token=a%20b");
        assert!(get.headers.is_empty() && get.body.is_empty());
    }

    #[test]
    fn a_new_token_is_noticed() {
        let seen = Seen::default();
        seen.note(&token("a"));
        seen.note(&token("a"));
        assert_eq!(seen.generation(), 1);
        seen.note(&token("b"));
        assert_eq!(seen.generation(), 2);
        assert!(seen.age() < Duration::from_secs(60));
    }
}
