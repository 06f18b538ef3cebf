//! How a token is got. A grant knows one way to log in; the cache decides when.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use secrecy::SecretString;

use super::send::Sender;
use crate::error::Result;

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
}
