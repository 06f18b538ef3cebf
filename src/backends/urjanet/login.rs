//! How a token is got: a name and a password at the AuthServer (README, "Access").

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::time::Instant;

use super::{verdict, wire};
use crate::error::{Error, ErrorKind, Result};
use crate::upstream::grants::{Grant, LOGIN_TIMEOUT, Token};
use crate::upstream::send::Sender;
use crate::upstream::{Call, Reply};

/// The most bytes of a login's reply.
const MAX_REPLY: usize = 64 * 1024;

/// Logs in to the AuthServer. There is no refresh token any more, so every token is got with the password.
pub(super) struct Login {
    url: String,
    username: String,
    password: SecretString,
    within: Duration,
}

impl Login {
    /// A login that gives up after `within`.
    pub(super) fn new(url: String, username: String, password: SecretString, within: Duration) -> Self {
        Self {
            url,
            username,
            password,
            within: within.min(LOGIN_TIMEOUT),
        }
    }

    /// The key under which the token is kept: address, name, and a digest of the password.
    pub(super) fn key(&self) -> String {
        let mut key = format!("{}\n{}\n", self.url, self.username);
        for byte in digest(&SHA256, self.password.expose_secret().as_bytes()).as_ref() {
            key.push_str(&format!("{byte:02x}"));
        }
        key
    }
}

#[async_trait]
impl Grant for Login {
    async fn obtain(&self, sender: &Sender, _last: Option<&Token>) -> Result<Token> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = json!({ "username": self.username, "password": self.password.expose_secret() });
        let call = Call {
            operation: "login",
            may_repeat: false,
            deadline: Instant::now() + self.within,
            method: Method::POST,
            url: self.url.clone(),
            headers,
            body: body.to_string().into(),
            max_reply: Some(MAX_REPLY),
        };
        token(&sender.send(&call, self.within).await?)
    }
}

/// The token in a reply to a login.
fn token(reply: &Reply) -> Result<Token> {
    verdict::login(reply)?;
    let login: wire::Login = wire::decode(&reply.body)?;
    let secret = login
        .token
        .filter(|token| !token.is_empty())
        .ok_or_else(|| Error::unreadable("token", "absent"))?;
    // Seconds since 1970, unlike every other time of this system.
    let ends = login
        .expires
        .map(|seconds| {
            SystemTime::UNIX_EPOCH
                .checked_add(Duration::from_secs(seconds))
                .ok_or_else(|| {
                    Error::new(
                        ErrorKind::Unreadable,
                        "the login's reply names an expiry out of all range",
                    )
                })
        })
        .transpose()?;
    Ok(Token {
        secret: secret.into(),
        ends,
        renewal: None,
    })
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.to_owned().into(),
        }
    }

    fn example(name: &str) -> String {
        let path = format!(
            "{}/tests/fixtures/urjanet/examples/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn an_expiry_is_in_seconds_whether_number_or_text() {
        let ends = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_543_363_200));
        assert_eq!(token(&reply(200, &example("auth-login.response"))).unwrap().ends, ends);
        let number = r#"{"token": "t", "type": "Bearer", "expires": 1543363200}"#;
        assert_eq!(token(&reply(200, number)).unwrap().ends, ends);
        assert_eq!(token(&reply(200, r#"{"token": "t"}"#)).unwrap().ends, None);
    }

    #[test]
    fn a_refused_login_is_a_matter_of_the_credentials_even_inside_a_200() {
        let refused = example("auth-login.401.inferred");
        for status in [401, 200] {
            let error = token(&reply(status, &refused)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Credentials, "{status}");
        }
        let page = token(&reply(200, "<html></html>")).unwrap_err();
        assert_eq!(page.kind(), ErrorKind::Blocked);
        let soon = token(&reply(429, "{}")).unwrap_err();
        assert_eq!(soon.kind(), ErrorKind::Throttled);
        assert_eq!(
            token(&reply(200, r#"{"token": ""}"#)).unwrap_err().kind(),
            ErrorKind::Unreadable
        );
    }

    #[test]
    fn the_key_of_a_token_holds_no_password() {
        let login = |password: &str| {
            let within = Duration::from_secs(1);
            Login::new(
                "https://a/login".to_owned(),
                "bot".to_owned(),
                password.to_owned().into(),
                within,
            )
            .key()
        };
        assert!(!login("marked").contains("marked"));
        assert_ne!(login("one"), login("two"));
    }
}
