//! Session tokens and how long they live (README, "Access").

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{TOKEN_LIFETIME, USERNAME};
use crate::sandbox::TOKEN_MARK;

/// What kind of token a login gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// A JWT; it dies two hours after issue.
    Jwt,
    /// Hex digits for a Web API key; it dies two hours after issue.
    Key,
    /// Hex digits; it dies after an hour without use.
    Idle,
}

struct Session {
    organisation: &'static str,
    life: Life,
    end: Instant,
}

/// The tokens issued and not yet ended.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Session>>);

impl Sessions {
    pub(super) fn issue(&self, organisation: &'static str, life: Life) -> String {
        let token = match life {
            Life::Jwt => jwt(organisation, jiff::Timestamp::now().as_second()),
            Life::Key | Life::Idle => marked(),
        };
        let now = Instant::now();
        let session = Session {
            organisation,
            life,
            end: now + lifetime(life),
        };
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.end > now);
        sessions.insert(token.clone(), session);
        token
    }

    /// The organisation a living token belongs to; asking is using it.
    pub(super) fn organisation(&self, token: &str) -> Option<&'static str> {
        self.organisation_at(token, Instant::now())
    }

    fn organisation_at(&self, token: &str, now: Instant) -> Option<&'static str> {
        let mut sessions = self.lock();
        let session = sessions.get_mut(token).filter(|session| session.end > now)?;
        if session.life == Life::Idle {
            session.end = now + lifetime(session.life);
        }
        Some(session.organisation)
    }

    pub(super) fn forget(&self, token: &str) {
        self.lock().remove(token);
    }

    pub(super) fn forget_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lifetime(life: Life) -> Duration {
    match life {
        Life::Jwt | Life::Key => Duration::from_secs(TOKEN_LIFETIME),
        Life::Idle => Duration::from_secs(TOKEN_LIFETIME / 2),
    }
}

/// 32 hex digits.
pub(super) fn hex() -> String {
    format!("{:032X}", fastrand::u128(..))
}

/// 32 hex digits that are known for a token.
fn marked() -> String {
    let mut token = hex();
    token.replace_range(..TOKEN_MARK.len(), &TOKEN_MARK.to_uppercase());
    token
}

/// A JWT with the claims of the contract's example; the instants are text. Nobody checks the signature.
fn jwt(organisation: &str, now: i64) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({ "typ": "JWT", "alg": "HS256" }));
    let lifetime = i64::try_from(TOKEN_LIFETIME).unwrap_or_default();
    let claims = part(&json!({
        "usr": USERNAME,
        "org": organisation,
        "oun": "1",
        "exp": (now + lifetime).to_string(),
        "iat": now.to_string(),
        "jti": hex(),
    }));
    let mut signature = [0; 32];
    fastrand::fill(&mut signature);
    format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Life, Sessions};

    #[test]
    fn old_tokens_live_by_use_and_new_ones_by_the_clock() {
        let sessions = Sessions::default();
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_secs(minutes * 60);
        let [idle, jwt, key] = [Life::Idle, Life::Jwt, Life::Key].map(|life| sessions.issue("DEMO", life));
        for minutes in [50, 100, 119] {
            for token in [&idle, &jwt, &key] {
                assert_eq!(sessions.organisation_at(token, at(minutes)), Some("DEMO"), "{minutes}");
            }
        }
        for token in [&jwt, &key] {
            assert_eq!(sessions.organisation_at(token, at(121)), None, "used or not");
        }
        assert_eq!(sessions.organisation_at(&idle, at(170)), Some("DEMO"));
        assert_eq!(sessions.organisation_at(&idle, at(231)), None, "an hour without use");
        assert_eq!(sessions.organisation_at("", at(0)), None);
    }
}
