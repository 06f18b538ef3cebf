//! How a token is got: the `obtainKrakenToken` mutation, one kind of credential at a time.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::documents::{Document as _, ObtainKrakenToken, obtain_kraken_token};
use super::wire::{Answer, LoginData};
use super::{Credential, verdict};
use crate::error::{Error, ErrorKind, Result};
use crate::upstream::grants::{Grant, LOGIN_TIMEOUT, Renewal, Token, jwt_ends};
use crate::upstream::send::Sender;
use crate::upstream::{Call, Reply};

/// The mutations that begin, renew or end a login, or replace what it is made with.
pub(super) const FIELDS: &[&str] = &[
    "forceReauthentication",
    "invalidateRefreshToken",
    "invalidateRefreshTokensForUser",
    "obtainKrakenToken",
    "obtainLongLivedRefreshToken",
    "regenerateSecretKey",
];

/// The most bytes of a login's reply; a token has a few thousand.
const MAX_REPLY: usize = 64 * 1024;

/// How long before its end a token is renewed (contract, "Authentication").
const EARLY: Duration = Duration::from_secs(5 * 60);

/// Logs in to one deployment with one credential.
pub(super) struct Login {
    endpoint: String,
    credential: Credential,
    within: Duration,
}

impl Login {
    /// A way in that gives up after `within`.
    pub(super) fn new(endpoint: String, credential: Credential, within: Duration) -> Self {
        Self {
            endpoint,
            credential,
            within: within.min(LOGIN_TIMEOUT),
        }
    }

    /// The key under which tokens of this way in are kept: endpoint, kind of credential and a digest of it.
    pub(super) fn key(&self) -> String {
        let (kind, digested) = match &self.credential {
            Credential::ApiKey(key) => ("api-key", digest(&SHA256, key.expose_secret().as_bytes())),
            Credential::OrganizationSecret(key) => ("organization", digest(&SHA256, key.expose_secret().as_bytes())),
            Credential::Password { email, password } => {
                let joined = SecretString::from(format!("{email}\0{}", password.expose_secret()));
                ("password", digest(&SHA256, joined.expose_secret().as_bytes()))
            }
        };
        let mut key = format!("{} {kind} ", self.endpoint);
        for byte in digested.as_ref() {
            key.push_str(&format!("{byte:02x}"));
        }
        key
    }

    async fn ask(&self, sender: &Sender, input: obtain_kraken_token::ObtainJSONWebTokenInput) -> Result<LoginData> {
        let body = ObtainKrakenToken::body(obtain_kraken_token::Variables { input });
        let body = serde_json::to_vec(&body)
            .map_err(|error| Error::new(ErrorKind::Internal, "the login cannot be written").because(error))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let call = Call {
            operation: "login",
            may_repeat: false,
            deadline: Instant::now() + self.within,
            method: Method::POST,
            url: self.endpoint.clone(),
            // No Authorization: a stale token there has even the login refused (contract, "Authentication").
            headers,
            body: body.into(),
            max_reply: Some(MAX_REPLY),
        };
        let reply = sender.send(&call, self.within).await?;
        read(&reply)
    }
}

#[async_trait]
impl Grant for Login {
    async fn obtain(&self, sender: &Sender, last: Option<&Token>) -> Result<Token> {
        let now = SystemTime::now();
        if let Some(renewal) = last.and_then(|token| token.renewal.as_ref())
            && renewal.ends.is_none_or(|ends| ends > now)
        {
            match self.ask(sender, with_renewal(&renewal.secret)).await {
                Ok(data) => return token(data, Some(renewal)),
                // Ended or revoked (KT-CT-1134, 1135): the credential itself has not been refused yet.
                Err(error) if error.kind() == ErrorKind::Credentials => {}
                Err(error) => return Err(error),
            }
        }
        let data = self.ask(sender, with_credential(&self.credential)).await?;
        token(data, None)
    }

    fn renew_early(&self) -> Option<Duration> {
        Some(EARLY)
    }
}

fn nothing() -> obtain_kraken_token::ObtainJSONWebTokenInput {
    obtain_kraken_token::ObtainJSONWebTokenInput {
        api_key: None,
        organization_secret_key: None,
        pre_signed_key: None,
        refresh_token: None,
        email: None,
        password: None,
        captcha_response: None,
    }
}

fn with_renewal(secret: &SecretString) -> obtain_kraken_token::ObtainJSONWebTokenInput {
    let mut input = nothing();
    input.refresh_token = Some(secret.expose_secret().to_owned());
    input
}

fn with_credential(credential: &Credential) -> obtain_kraken_token::ObtainJSONWebTokenInput {
    let mut input = nothing();
    match credential {
        Credential::ApiKey(key) => input.api_key = Some(key.expose_secret().to_owned()),
        Credential::OrganizationSecret(key) => input.organization_secret_key = Some(key.expose_secret().to_owned()),
        Credential::Password { email, password } => {
            input.email = Some(email.clone());
            input.password = Some(password.expose_secret().to_owned());
        }
    }
    input
}

/// Judges and decodes a reply to a login.
fn read(reply: &Reply) -> Result<LoginData> {
    verdict::login(reply)?;
    // The decoder's own words could quote the reply, which holds the token.
    let answer: Answer<LoginData> =
        serde_json::from_slice(&reply.body).map_err(|_| Error::unreadable("data", "not the answer to a login"))?;
    answer.data.ok_or_else(|| Error::unreadable("data", "absent"))
}

/// The token in a reply. Renewal neither rotates the refresh token nor moves its end, so an old one is kept if the reply
/// has none.
fn token(data: LoginData, used: Option<&Renewal>) -> Result<Token> {
    let login = data
        .obtain_kraken_token
        .ok_or_else(|| Error::unreadable("data.obtainKrakenToken", "absent"))?;
    let secret = login
        .token
        .filter(|token| !token.is_empty())
        .ok_or_else(|| Error::unreadable("data.obtainKrakenToken.token", "absent"))?;
    let renewal = match login.refresh_token.filter(|token| !token.is_empty()) {
        Some(secret) => Some(Renewal {
            secret: secret.into(),
            ends: login.refresh_expires_in.and_then(unix),
        }),
        None => used.cloned(),
    };
    let exp = login.payload.as_ref().and_then(|payload| payload.get("exp")?.as_i64());
    Ok(Token {
        ends: exp.and_then(unix).or_else(|| jwt_ends(&secret)),
        secret: secret.into(),
        renewal,
    })
}

fn unix(seconds: i64) -> Option<SystemTime> {
    let seconds = u64::try_from(seconds).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Puts a token into a call.
pub(super) fn present(call: &mut Call, token: &Token, prefix: Option<&str>) -> Result<()> {
    let text = SecretString::from(match prefix {
        Some(prefix) => format!("{prefix} {}", token.secret.expose_secret()),
        None => token.secret.expose_secret().to_owned(),
    });
    let mut value = HeaderValue::from_str(text.expose_secret())
        .map_err(|_| Error::unreadable("data.obtainKrakenToken.token", "it cannot go into a header"))?;
    value.set_sensitive(true);
    call.headers.insert(AUTHORIZATION, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::{Value, json};

    use super::super::examples::{self, Example, Reader};
    use super::*;

    fn logins() -> Vec<Value> {
        let file: Value =
            serde_json::from_str(include_str!("../../../tests/fixtures/kraken/examples/01-token.json")).unwrap();
        file["exchanges"].as_array().unwrap().clone()
    }

    fn reply(body: &Value) -> Reply {
        Reply {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: body.to_string().into(),
        }
    }

    fn input(input: obtain_kraken_token::ObtainJSONWebTokenInput) -> Value {
        let body = ObtainKrakenToken::body(obtain_kraken_token::Variables { input });
        serde_json::to_value(&body).unwrap()["variables"].clone()
    }

    #[test]
    fn a_login_sends_one_kind_of_credential_and_no_other() {
        let examples = logins();
        let key = Credential::ApiKey("sk_live_CONSTRUCTED00000000000000".to_owned().into());
        assert_eq!(input(with_credential(&key)), examples[0]["request"]["variables"]);
        let refresh = examples[1]["request"]["variables"]["input"]["refreshToken"]
            .as_str()
            .unwrap();
        assert_eq!(
            input(with_renewal(&refresh.to_owned().into())),
            examples[1]["request"]["variables"]
        );
        let organization = Credential::OrganizationSecret("org".to_owned().into());
        assert_eq!(
            input(with_credential(&organization)),
            json!({ "input": { "organizationSecretKey": "org" } })
        );
        let password = Credential::Password {
            email: "a@example.com".to_owned(),
            password: "secret".to_owned().into(),
        };
        assert_eq!(
            input(with_credential(&password)),
            json!({ "input": { "email": "a@example.com", "password": "secret" } })
        );
    }

    #[test]
    fn every_example_of_a_login_ends_when_the_contract_says() {
        let instant = |text: &Value| SystemTime::from(text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap());
        let mut before: Option<Renewal> = None;
        for Example { name, exchange, truth } in examples::of(Reader::Login) {
            let read = token(read(&reply(&exchange["response"])).unwrap(), before.as_ref()).unwrap();
            assert_eq!(read.ends, Some(instant(&truth["ends"])), "{name}");
            let renewal = read.renewal.unwrap();
            assert_eq!(
                renewal.ends,
                Some(instant(&truth["renewal_ends"])),
                "{name}: renewal moves nothing"
            );
            before = Some(renewal);
        }
    }

    #[test]
    fn a_token_whose_claims_are_not_given_apart_says_its_end_itself() {
        // {"alg":"none"}.{"exp":4000000000}
        let jwt = "eyJhbGciOiJub25lIn0.eyJleHAiOjQwMDAwMDAwMDB9.sig";
        for payload in [json!(null), json!("{}"), json!({ "exp": "soon" })] {
            let answer = json!({ "data": { "obtainKrakenToken": { "token": jwt, "payload": payload } } });
            let token = token(read(&reply(&answer)).unwrap(), None).unwrap();
            assert_eq!(token.ends, unix(4_000_000_000), "{payload}");
        }
    }

    #[test]
    fn a_renewal_without_a_new_refresh_token_keeps_the_old_one() {
        let used = Renewal {
            secret: "old".to_owned().into(),
            ends: unix(1_770_996_000),
        };
        let answer =
            json!({ "data": { "obtainKrakenToken": { "token": "t", "payload": { "exp": 1 }, "refreshToken": null } } });
        let kept = token(read(&reply(&answer)).unwrap(), Some(&used))
            .unwrap()
            .renewal
            .unwrap();
        assert_eq!(kept.secret.expose_secret(), "old");
        assert_eq!(kept.ends, used.ends);
        assert!(
            token(read(&reply(&answer)).unwrap(), None).unwrap().renewal.is_none(),
            "as for organisations"
        );
    }

    #[test]
    fn a_refused_login_is_final() {
        let file: Value =
            serde_json::from_str(include_str!("../../../tests/fixtures/kraken/examples/09-errors.json")).unwrap();
        let wrong_key = &file["exchanges"][2]["response"];
        let error = read(&reply(wrong_key)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert_eq!(error.retryable(), crate::error::Retry::Never);
        assert_eq!(error.native_error().unwrap().code.as_deref(), Some("KT-CT-1139"));
    }

    #[test]
    fn a_login_without_a_token_cannot_be_read() {
        for answer in [
            json!({ "data": { "obtainKrakenToken": null } }),
            json!({ "data": { "obtainKrakenToken": { "token": "" } } }),
            json!({ "data": { "obtainKrakenToken": { "token": null } } }),
        ] {
            let read = read(&reply(&answer)).and_then(|data| token(data, None));
            assert_eq!(read.unwrap_err().kind(), ErrorKind::Unreadable, "{answer}");
        }
    }

    #[test]
    fn the_cache_key_tells_credentials_apart_and_shows_none() {
        let login = |credential| {
            Login::new(
                "https://k.example/v1/graphql/".to_owned(),
                credential,
                Duration::from_secs(1),
            )
        };
        let secret = || SecretString::from("sk_live_secret".to_owned());
        let keys = [
            login(Credential::ApiKey(secret())).key(),
            login(Credential::OrganizationSecret(secret())).key(),
            login(Credential::ApiKey("sk_live_other".to_owned().into())).key(),
            login(Credential::Password {
                email: "a@example.com".to_owned(),
                password: secret(),
            })
            .key(),
        ];
        for (n, key) in keys.iter().enumerate() {
            assert!(!key.contains("secret") && !key.contains("example.com"), "{key}");
            assert!(keys.iter().skip(n + 1).all(|other| other != key));
        }
    }

    #[test]
    fn a_token_goes_bare_unless_a_prefix_is_set() {
        let token = Token {
            secret: "abc".to_owned().into(),
            ends: None,
            renewal: None,
        };
        for (prefix, header) in [(None, "abc"), (Some("JWT"), "JWT abc")] {
            let mut call = Call {
                operation: "login",
                may_repeat: true,
                deadline: Instant::now(),
                method: Method::POST,
                url: String::new(),
                headers: HeaderMap::new(),
                body: bytes::Bytes::new(),
                max_reply: None,
            };
            present(&mut call, &token, prefix).unwrap();
            let value = &call.headers[AUTHORIZATION];
            assert_eq!(value.to_str().unwrap(), header);
            assert!(value.is_sensitive());
        }
    }
}
