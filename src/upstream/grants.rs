//! How a token is got. A grant knows one way to log in; the cache decides when.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AccessToken, AsyncHttpClient, AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse, RefreshToken,
    RequestTokenError, Scope, StandardRevocableToken, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::send::Sender;
use super::{Call, Reply, retry_after};
use crate::error::{Error, ErrorKind, Result, Retry};

/// The longest a login takes; a shorter `attempt_timeout` cuts it.
pub const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A token as a system gave it, with whatever it calls expiry turned into instants.
#[derive(Clone, Debug)]
pub struct Token {
    /// What goes along with calls.
    pub secret: SecretString,
    /// When it ends, if that is known.
    pub ends: Option<SystemTime>,
    /// What a new token can be got with instead of the credential, and when that ends.
    pub renewal: Option<Renewal>,
}

/// What a new token can be got with instead of the credential.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// The refresh token.
    pub secret: SecretString,
    /// When it ends, if that is known.
    pub ends: Option<SystemTime>,
}

/// One way to log in to one system.
#[async_trait]
pub trait Grant: Send + Sync {
    /// Gets a token, with the last one's renewal if there is one and the system takes it, else with the credential.
    ///
    /// Sends through `sender`, which neither repeats nor follows redirects.
    ///
    /// # Errors
    /// `Credentials` if the system refused the credential: it is then not sent again for a growing while. Anything else
    /// (`Throttled`, `Unavailable`, `Blocked`, `TimedOut`, `Unreadable`) says nothing about the credential.
    async fn obtain(&self, sender: &Sender, last: Option<&Token>) -> Result<Token>;

    /// How long before its end a token is renewed, if the system's documents ask for a time of their own; at most half
    /// the token's life is taken. Otherwise it is the smaller of a minute and a tenth of its life.
    fn renew_early(&self) -> Option<Duration> {
        None
    }

    /// Ends a token that is not needed any more, at systems that have a call for it. Nothing is sent otherwise.
    ///
    /// # Errors
    /// Why the system may still take the token; it ends by itself.
    async fn release(&self, _sender: &Sender, _token: &Token) -> Result<()> {
        Ok(())
    }
}

/// OAuth 2 client credentials (RFC 6749 §4.4) with HTTP Basic.
#[derive(Clone)]
pub struct ClientCredentials {
    /// The token endpoint.
    pub token_url: String,
    /// The client's identifier.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: SecretString,
    /// The scope to ask for; left out if there is none.
    pub scope: Option<String>,
    /// How identifier and secret are put into HTTP Basic.
    pub basic: Basic,
}

/// How identifier and secret are put into HTTP Basic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Basic {
    /// As they are, which is what many systems expect whatever the RFC says.
    Raw,
    /// Form-encoded first, as RFC 6749 §2.3.1 says.
    #[default]
    Encoded,
}

impl ClientCredentials {
    /// The key under which the token is kept: endpoint, client and scope, and no secret.
    #[must_use]
    pub fn key(&self) -> String {
        let scope = self.scope.as_deref().unwrap_or_default();
        // A character that none of the three can hold keeps them apart.
        format!("{}\n{}\n{scope}", self.token_url, self.client_id)
    }

    fn header(&self) -> Option<HeaderValue> {
        match self.basic {
            // The oauth2 crate form-encodes both and has no switch for it, so its header is replaced.
            Basic::Raw => {
                let pair = format!("{}:{}", self.client_id, self.client_secret.expose_secret());
                HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()
            }
            Basic::Encoded => None,
        }
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("token_url", &self.token_url)
            .field("client_id", &self.client_id)
            .field("client_secret", &"[redacted]")
            .field("scope", &self.scope)
            .field("basic", &self.basic)
            .finish()
    }
}

type Client = oauth2::Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

#[async_trait]
impl Grant for ClientCredentials {
    async fn obtain(&self, sender: &Sender, _last: Option<&Token>) -> Result<Token> {
        let url = TokenUrl::new(self.token_url.clone()).map_err(|error| {
            Error::new(ErrorKind::Invalid, "the token endpoint's address cannot be read").because(error)
        })?;
        let client = Client::new(ClientId::new(self.client_id.clone()))
            .set_client_secret(ClientSecret::new(self.client_secret.expose_secret().to_owned()))
            .set_auth_type(AuthType::BasicAuth)
            .set_token_uri(url);
        let scopes = self.scope.iter().map(|scope| Scope::new(scope.clone()));
        let road = Road {
            sender,
            header: self.header(),
        };
        let answer = client
            .exchange_client_credentials()
            .add_scopes(scopes)
            .request_async(&road)
            .await
            .map_err(failed)?;
        Ok(token(&answer, SystemTime::now()))
    }
}

/// Our sender as the oauth2 crate's HTTP client; it hands on nothing but good replies.
struct Road<'a> {
    sender: &'a Sender,
    header: Option<HeaderValue>,
}

impl<'c> AsyncHttpClient<'c> for Road<'_> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let mut headers = parts.headers;
            if let Some(header) = &self.header {
                headers.insert(AUTHORIZATION, header.clone());
            }
            if let Some(header) = headers.get_mut(AUTHORIZATION) {
                header.set_sensitive(true);
            }
            let call = Call {
                operation: "login",
                // A token nobody uses does no harm.
                may_repeat: true,
                deadline: Instant::now() + LOGIN_TIMEOUT,
                method: parts.method,
                url: parts.uri.to_string(),
                headers,
                body: Bytes::from(body),
                max_reply: Some(64 * 1024),
            };
            let reply = self.sender.send(&call, LOGIN_TIMEOUT).await?;
            judge(&reply)?;
            // Judged by what it holds: the crate would insist on exactly 200 and on a content type.
            Ok(HttpResponse::new(reply.body.into()))
        })
    }
}

/// What a token endpoint's reply means. The status first; of the body no more than its form and the error code count,
/// and no word of it is passed on.
fn judge(reply: &Reply) -> Result<()> {
    let after = retry_after(&reply.headers);
    let status = reply.status;
    let foreign = |what: &str| {
        Error::new(
            ErrorKind::Blocked,
            format!("something in front of the token endpoint answered {status} with {what}"),
        )
    };
    let said = said(reply);
    let is_page = reply.body.trim_ascii_start().starts_with(b"<")
        || reply
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"text/html"));
    let error = match (status.as_u16(), said) {
        (200..=299, _) if is_page => foreign("a page"),
        (200..=299, _) => return Ok(()),
        (300..=399, _) => foreign("a redirect, which is not followed"),
        (429, _) | (_, Some("slow_down")) => {
            Error::new(ErrorKind::Throttled, "the token endpoint is limiting us").retry(Retry::Safe { after })
        }
        (408 | 425 | 500..=599, _) | (_, Some("temporarily_unavailable" | "server_error")) => Error::new(
            ErrorKind::Unavailable,
            format!("the token endpoint failed with {status}"),
        )
        .retry(Retry::Safe { after }),
        (_, Some("invalid_client" | "unauthorized_client" | "invalid_grant" | "access_denied")) | (401, _) => {
            Error::new(
                ErrorKind::Credentials,
                "the token endpoint refused the client or its secret",
            )
        }
        (_, Some(_)) => Error::new(
            ErrorKind::Refused,
            format!("the token endpoint says with {status} that the request was wrong"),
        ),
        (403, None) => foreign("no OAuth error"),
        (_, None) if is_page => foreign("a page"),
        (_, None) => Error::new(ErrorKind::Refused, format!("the token endpoint answered {status}")),
    };
    Err(match said {
        Some(code) => error.native(Some(code.to_owned()), None),
        None => error,
    })
}

/// The error code in the body, if it is one that RFC 6749 §5.2 or a widespread extension of it knows.
fn said(reply: &Reply) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Said {
        error: String,
    }
    const CODES: [&str; 10] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "access_denied",
        "temporarily_unavailable",
        "server_error",
        "slow_down",
    ];
    let said: Said = serde_json::from_slice(&reply.body).ok()?;
    CODES.into_iter().find(|code| *code == said.error)
}

fn failed(error: RequestTokenError<Error, BasicErrorResponse>) -> Error {
    match error {
        RequestTokenError::Request(error) => error,
        // Its source quotes the reply, so only the place is kept.
        RequestTokenError::Parse(error, _) => Error::unreadable(error.path(), "it is not a token endpoint's answer"),
        RequestTokenError::ServerResponse(_) | RequestTokenError::Other(_) => {
            Error::unreadable(".", "it is not a token endpoint's answer")
        }
    }
}

fn token(answer: &Answer, now: SystemTime) -> Token {
    let secret = answer.access_token.secret();
    let ends = match answer.expires_in() {
        Some(life) => now.checked_add(life),
        None => jwt_ends(secret),
    };
    Token {
        secret: SecretString::from(secret.clone()),
        ends,
        // RFC 6749 §4.4.3: a refresh token should not be included; the client logs in again.
        renewal: None,
    }
}

/// The end a JWT states for itself (RFC 7519 §4.1.4), unverified: it is for its issuer to verify.
#[must_use]
pub fn jwt_ends(token: &str) -> Option<SystemTime> {
    #[derive(Deserialize)]
    struct Claims {
        exp: serde_json::Number,
    }
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let Claims { exp } = serde_json::from_slice(&claims).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds(&exp)?))
}

/// Whole seconds of a number that some systems write with a fraction.
fn seconds(number: &serde_json::Number) -> Option<u64> {
    let text = number.to_string();
    number.as_u64().or_else(|| text.split_once('.')?.0.parse().ok())
}

/// A token endpoint's answer, read as leniently as systems write it: `accessToken` for `access_token`, a lifetime as text.
#[derive(Debug, Deserialize, Serialize)]
#[serde(try_from = "Written")]
struct Answer {
    access_token: AccessToken,
    token_type: BasicTokenType,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Written {
    access_token: Option<AccessToken>,
    #[serde(rename = "accessToken")]
    camel_access_token: Option<AccessToken>,
    expires_in: Option<Lifetime>,
    #[serde(rename = "expiresIn")]
    camel_expires_in: Option<Lifetime>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lifetime {
    Number(serde_json::Number),
    Text(String),
}

impl TryFrom<Written> for Answer {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let access_token = written.access_token.or(written.camel_access_token).ok_or("no token")?;
        if access_token.secret().is_empty() {
            return Err("an empty token");
        }
        let expires_in = match written.expires_in.or(written.camel_expires_in) {
            Some(Lifetime::Number(number)) => seconds(&number),
            Some(Lifetime::Text(text)) => text.trim().parse().ok(),
            None => None,
        };
        Ok(Self {
            access_token,
            // Gentrack's documents name none, and no system asks for anything but what its backend presents.
            token_type: BasicTokenType::Bearer,
            expires_in,
        })
    }
}

impl TokenResponse for Answer {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in.map(Duration::from_secs)
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        None
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::Settings;
    use super::super::tests::{reply, system};
    use super::*;

    fn client(basic: Basic) -> ClientCredentials {
        ClientCredentials {
            token_url: "https://id.invalid/v1/token".into(),
            client_id: "client:1".into(),
            client_secret: SecretString::from("marked+secret/="),
            scope: None,
            basic,
        }
    }

    async fn obtain(client: &ClientCredentials, answer: Result<Reply>) -> (Result<Token>, Call) {
        let answer = Mutex::new(Some(answer));
        let seen = Arc::new(Mutex::new(None));
        let sent = Arc::clone(&seen);
        let (_, script) = system(move |_, call| {
            *sent.lock().unwrap() = Some(call);
            let answer = answer.lock().unwrap().take().unwrap();
            async move { answer }
        });
        let token = client
            .obtain(&Sender::scripted(&Settings::default(), script), None)
            .await;
        let call = seen.lock().unwrap().take().unwrap();
        (token, call)
    }

    async fn refused(answer: Reply) -> Error {
        let error = obtain(&client(Basic::Raw), Ok(answer)).await.0.unwrap_err();
        assert!(!format!("{error:?}").contains("marked"), "{error:?}");
        error
    }

    fn expose(token: &Token) -> &str {
        token.secret.expose_secret()
    }

    #[tokio::test]
    async fn the_form_is_the_contracts() {
        // Gentrack, "Token": the form and nothing else, HTTP Basic without encoding.
        let (token, call) = obtain(&client(Basic::Raw), Ok(reply(200, r#"{"access_token":"t"}"#))).await;
        assert_eq!(expose(&token.unwrap()), "t");
        assert_eq!(
            (call.method.as_str(), call.url.as_str()),
            ("POST", "https://id.invalid/v1/token")
        );
        assert_eq!(call.headers[CONTENT_TYPE], "application/x-www-form-urlencoded");
        assert_eq!(call.headers["accept"], "application/json");
        assert_eq!(call.body, "grant_type=client_credentials");
        let basic = &call.headers[AUTHORIZATION];
        assert!(basic.is_sensitive());
        let basic = STANDARD
            .decode(basic.to_str().unwrap().strip_prefix("Basic ").unwrap())
            .unwrap();
        assert_eq!(basic, b"client:1:marked+secret/=");
    }

    #[tokio::test]
    async fn the_rfcs_encoding_and_a_scope_are_to_be_had() {
        let client = ClientCredentials {
            scope: Some("read write".into()),
            ..client(Basic::Encoded)
        };
        let (_, call) = obtain(&client, Ok(reply(200, r#"{"access_token":"t"}"#))).await;
        assert_eq!(call.body, "grant_type=client_credentials&scope=read+write");
        let basic = &call.headers[AUTHORIZATION];
        assert!(basic.is_sensitive());
        let basic = STANDARD
            .decode(basic.to_str().unwrap().strip_prefix("Basic ").unwrap())
            .unwrap();
        assert_eq!(basic, b"client%3A1:marked%2Bsecret%2F%3D");
        assert_eq!(client.key(), "https://id.invalid/v1/token\nclient:1\nread write");
        assert!(!format!("{client:?}").contains("marked"));
    }

    #[tokio::test]
    async fn both_spellings_and_all_lifetimes_are_read() {
        // {"alg":"none"}.{"exp":4000000000}, and the same with a fraction
        let jwt = "eyJhbGciOiJub25lIn0.eyJleHAiOjQwMDAwMDAwMDB9.sig";
        let fraction = "eyJhbGciOiJub25lIn0.eyJleHAiOjQwMDAwMDAwMDAuNX0.sig";
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
        let cases = [
            (
                r#"{"access_token":"t","token_type":"Bearer","expires_in":60}"#.to_owned(),
                Some(60),
            ),
            (r#"{"access_token":"t","expires_in":"60"}"#.to_owned(), Some(60)),
            (
                r#"{"access_token":"t","expires_in":60.5,"more":[1]}"#.to_owned(),
                Some(60),
            ),
            (r#"{"accessToken":"t","expiresIn":60}"#.to_owned(), Some(60)),
            (r#"{"accessToken":"t","expires_in":null}"#.to_owned(), None),
            (format!(r#"{{"accessToken":"{jwt}","expires_in":60}}"#), Some(60)),
        ];
        for (body, life) in cases {
            let before = SystemTime::now();
            let token = obtain(&client(Basic::Raw), Ok(reply(201, &body))).await.0.unwrap();
            match (token.ends, life) {
                (Some(ends), Some(life)) => {
                    let left = ends.duration_since(before).unwrap();
                    assert!(
                        left >= Duration::from_secs(life) && left < Duration::from_secs(life + 30),
                        "{body}"
                    );
                }
                (ends, life) => assert_eq!((ends, life), (None, None), "{body}"),
            }
        }
        for jwt in [jwt, fraction] {
            let body = format!(r#"{{"accessToken":"{jwt}"}}"#);
            let token = obtain(&client(Basic::Raw), Ok(reply(200, &body))).await.0.unwrap();
            assert_eq!((expose(&token), token.ends), (jwt, Some(far)));
        }
        for other in ["", "t", "a.b", "a.b.c", "a.eyJleHAiOiJzb29uIn0.c", "a.eyJleHAiOjF9.c.d"] {
            assert_eq!(jwt_ends(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn each_failure_is_its_own() {
        let safe = Retry::Safe { after: None };
        let page = "<html>marked</html>";
        let cases = [
            (
                400,
                r#"{"error":"invalid_client","error_description":"marked"}"#,
                ErrorKind::Credentials,
                Retry::Never,
            ),
            (
                400,
                r#"{"error":"unauthorized_client"}"#,
                ErrorKind::Credentials,
                Retry::Never,
            ),
            (
                401,
                r#"{"error":"invalid_client"}"#,
                ErrorKind::Credentials,
                Retry::Never,
            ),
            (401, "marked", ErrorKind::Credentials, Retry::Never),
            (
                403,
                r#"{"error":"access_denied"}"#,
                ErrorKind::Credentials,
                Retry::Never,
            ),
            (403, page, ErrorKind::Blocked, Retry::Never),
            (403, r#"{"message":"marked"}"#, ErrorKind::Blocked, Retry::Never),
            (403, r#"{"error":"marked"}"#, ErrorKind::Blocked, Retry::Never),
            (200, page, ErrorKind::Blocked, Retry::Never),
            (404, page, ErrorKind::Blocked, Retry::Never),
            (302, "", ErrorKind::Blocked, Retry::Never),
            (400, r#"{"error":"invalid_scope"}"#, ErrorKind::Refused, Retry::Never),
            (404, "marked", ErrorKind::Refused, Retry::Never),
            (429, "marked", ErrorKind::Throttled, safe),
            (400, r#"{"error":"slow_down"}"#, ErrorKind::Throttled, safe),
            (500, page, ErrorKind::Unavailable, safe),
            (
                503,
                r#"{"error":"temporarily_unavailable"}"#,
                ErrorKind::Unavailable,
                safe,
            ),
            (200, "", ErrorKind::Unreadable, Retry::Never),
            (200, "marked", ErrorKind::Unreadable, Retry::Never),
            (
                200,
                r#"{"access_token":["marked"]}"#,
                ErrorKind::Unreadable,
                Retry::Never,
            ),
            (200, r#"{"access_token":""}"#, ErrorKind::Unreadable, Retry::Never),
            (200, r#"{"token":"marked"}"#, ErrorKind::Unreadable, Retry::Never),
        ];
        for (status, body, kind, retry) in cases {
            let error = refused(reply(status, body)).await;
            assert_eq!((error.kind(), error.retryable()), (kind, retry), "{status} {body}");
        }
        let error = refused(reply(400, r#"{"error":"invalid_client"}"#)).await;
        assert_eq!(error.native_error().unwrap().code.as_deref(), Some("invalid_client"));
        let mut throttled = reply(429, "");
        throttled.headers.insert("retry-after", HeaderValue::from_static("30"));
        let after = Some(Duration::from_secs(30));
        assert_eq!(refused(throttled).await.retryable(), Retry::Safe { after });
    }

    #[tokio::test]
    async fn an_unreachable_token_endpoint_is_unavailable() {
        let lost = Error::new(ErrorKind::Unavailable, "no connection").retry(Retry::Safe { after: None });
        let error = obtain(&client(Basic::Raw), Err(lost)).await.0.unwrap_err();
        assert_eq!(
            (error.kind(), error.retryable()),
            (ErrorKind::Unavailable, Retry::Safe { after: None })
        );
    }
}
