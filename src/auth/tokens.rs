//! Callers by OAuth2 access tokens: JWTs by RFC 9068, verified by RFC 8725.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::errors::ErrorKind as Reason;
use jsonwebtoken::{AlgorithmFamily, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::jwks::{Fetch, Found, Jwks};
use super::keys::refused;
use super::rights::Rights;
use super::{Caller, crypto};
use crate::error::{Error, ErrorKind, Result};

/// The longest subject taken, in bytes: as OpenID Connect Core §2 has it.
const LONGEST_SUBJECT: usize = 255;

/// An algorithm of signatures. There are no symmetric ones: with those, whoever can verify can sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithm(jsonwebtoken::Algorithm);

impl Algorithm {
    /// `ES256`
    pub const ES256: Self = Self(jsonwebtoken::Algorithm::ES256);
    /// `ES384`
    pub const ES384: Self = Self(jsonwebtoken::Algorithm::ES384);
    /// `EdDSA`, on the curve Ed25519
    pub const EDDSA: Self = Self(jsonwebtoken::Algorithm::EdDSA);
    /// `PS256`
    pub const PS256: Self = Self(jsonwebtoken::Algorithm::PS256);
    /// `RS256`
    pub const RS256: Self = Self(jsonwebtoken::Algorithm::RS256);

    pub(super) fn of(algorithm: jsonwebtoken::Algorithm) -> Option<Self> {
        match algorithm.family() {
            AlgorithmFamily::Rsa | AlgorithmFamily::Ec | AlgorithmFamily::Ed => Some(Self(algorithm)),
            AlgorithmFamily::Hmac => None,
        }
    }

    pub(super) fn is_rsa(self) -> bool {
        self.0.family() == AlgorithmFamily::Rsa
    }
}

/// A name that is no asymmetric algorithm's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no asymmetric algorithm has this name")]
pub struct NoAlgorithm;

impl FromStr for Algorithm {
    type Err = NoAlgorithm;

    fn from_str(name: &str) -> Result<Self, NoAlgorithm> {
        name.parse().ok().and_then(Self::of).ok_or(NoAlgorithm)
    }
}

/// Somebody whose tokens are taken, and for what.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// What the issuer is called here; its callers are called after it.
    pub name: String,
    /// Its identifier, the claim `iss`.
    pub issuer: String,
    /// The audiences of which a token must name one.
    pub audiences: Vec<String>,
    /// The algorithms taken.
    pub algorithms: Vec<Algorithm>,
    /// Whether tokens are taken that do not say they are access tokens: of the type `JWT`, or of none.
    pub plain: bool,
    /// How far the issuer's clock may be from this one.
    pub skew: Duration,
    /// How often its keys are read.
    pub refresh: Duration,
    /// What its claims give.
    pub rights: Rights,
}

/// Everybody whose tokens are taken.
pub struct Tokens {
    resource: String,
    max_size: usize,
    issuers: Vec<Trusted>,
}

struct Trusted {
    issuer: Issuer,
    keys: Jwks,
}

/// What is read of a token before it is known to be true: whose keys to try.
#[derive(Deserialize)]
struct Claimed {
    iss: String,
    #[serde(default)]
    aud: Audience,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
    #[default]
    Nobody,
}

impl Tokens {
    /// Takes tokens of these issuers that have at most `max_size` bytes. `resource` is the address that callers know this
    /// gateway under.
    ///
    /// The issuers' keys are read from now on, by tasks that end with this.
    #[must_use]
    pub fn of(resource: String, max_size: usize, issuers: impl IntoIterator<Item = (Issuer, Fetch)>) -> Self {
        crypto::install();
        let issuers = issuers.into_iter().map(|(issuer, fetch)| Trusted {
            keys: Jwks::keep(issuer.name.clone(), fetch, issuer.refresh),
            issuer,
        });
        Self {
            resource,
            max_size,
            issuers: issuers.collect(),
        }
    }

    pub(super) fn max_size(&self) -> usize {
        self.max_size
    }

    /// The address that callers know this gateway under.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The issuers' identifiers, each once.
    #[must_use]
    pub fn issuers(&self) -> Vec<String> {
        once(self.issuers.iter().map(|trusted| trusted.issuer.issuer.clone()))
    }

    /// The scopes that can be asked for, each once.
    #[must_use]
    pub fn scopes(&self) -> Vec<String> {
        once(
            self.issuers
                .iter()
                .flat_map(|trusted| trusted.issuer.rights.scopes_supported()),
        )
    }

    /// The bearer of a token; `digest` is its SHA-256.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that is not taken; `Unavailable` while nothing could be verified at all.
    pub(super) async fn verify(&self, token: &[u8], digest: [u8; 32]) -> Result<Arc<Caller>> {
        if token.len() > self.max_size {
            return Err(refused());
        }
        let now = Timestamp::now().as_second();
        let recalled = |trusted: &Trusted| trusted.keys.known()?.remembered.recall(&digest, now);
        if let Some(caller) = self.issuers.iter().find_map(recalled) {
            return Ok(caller);
        }
        let header =
            decode_header(token).map_err(|_| because("the header is none, or names an algorithm not known"))?;
        let claimed: Claimed = insecure_decode_claims(token).map_err(|_| because("the claims name no issuer"))?;
        let trusted = self
            .issuer_of(&claimed)
            .ok_or_else(|| because("the issuer is not known"))?;
        let algorithm = trusted.issuer.takes(&header)?;
        let id = header.kid.as_deref();
        let mut keys = trusted.keys.keys().await?;
        if matches!(keys.find(id, algorithm), Found::Unknown) {
            let newer = trusted.keys.newer(&keys).await;
            keys = newer.ok_or_else(|| because("the key is not known, and was asked for just now"))?;
        }
        let key = match keys.find(id, algorithm) {
            Found::Key(key) => key,
            Found::Unfit => return Err(because("no key fits the algorithm, or several do and none is named")),
            Found::Unknown => return Err(because("the key is not known")),
        };
        let claims = trusted.issuer.verified(token, algorithm, key)?;
        let caller = Arc::new(trusted.issuer.bearer(&claims)?);
        // Within the skew beyond its end, it is verified each time.
        if let Some(ends) = claims.get("exp").and_then(Value::as_i64) {
            keys.remembered.remember(digest, &caller, ends);
        }
        Ok(caller)
    }

    /// The issuer a token says it is from. One that stands there for several audiences is told apart by them.
    fn issuer_of(&self, claimed: &Claimed) -> Option<&Trusted> {
        let same = |trusted: &&Trusted| trusted.issuer.issuer == claimed.iss;
        let mut named = self.issuers.iter().filter(same);
        named
            .clone()
            .find(|trusted| trusted.issuer.is_meant_by(&claimed.aud))
            .or_else(|| named.next())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("resource", &self.resource)
            .finish_non_exhaustive()
    }
}

impl Issuer {
    fn is_meant_by(&self, audience: &Audience) -> bool {
        match audience {
            Audience::One(one) => self.audiences.contains(one),
            Audience::Many(many) => many.iter().any(|one| self.audiences.contains(one)),
            Audience::Nobody => false,
        }
    }

    /// What a token's header says, before any arithmetic. Keys, and addresses of keys, that it brings along (`jwk`, `jku`, `x5u`,
    /// `x5c`) are not looked at.
    fn takes(&self, header: &Header) -> Result<Algorithm> {
        let algorithm = Algorithm::of(header.alg)
            .filter(|algorithm| self.algorithms.contains(algorithm))
            .ok_or_else(|| because("the algorithm is not taken"))?;
        if header.crit.is_some() {
            // RFC 7515 §4.1.11: an extension that must be understood, and none is.
            return Err(because("the header is extended"));
        }
        // RFC 9068 §4, and RFC 7515 §4.1.9: a media type, with or without `application/`, in any case.
        let kind = header.typ.as_deref().map(str::to_ascii_lowercase);
        let kind = kind
            .as_deref()
            .map(|kind| kind.strip_prefix("application/").unwrap_or(kind));
        match kind {
            Some("at+jwt") => Ok(algorithm),
            Some("jwt") | None if self.plain => Ok(algorithm),
            _ => Err(because("the token does not say that it is an access token")),
        }
    }

    /// The claims of a token that is true, meant for this gateway and good at this time.
    fn verified(&self, token: &[u8], algorithm: Algorithm, key: &DecodingKey) -> Result<Map<String, Value>> {
        let mut rules = Validation::new(algorithm.0);
        rules.leeway = self.skew.as_secs();
        rules.validate_nbf = true;
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&self.audiences);
        rules.required_spec_claims = HashSet::from(["iss", "aud", "exp", "sub"].map(str::to_owned));
        match decode(token, key, &rules) {
            Ok(token) => Ok(token.claims),
            // Only what comes after the signature is told: before it, nobody has shown to be anybody.
            Err(error) => Err(match error.kind() {
                Reason::ExpiredSignature => told("the token has expired"),
                Reason::ImmatureSignature => told("the token is not valid yet"),
                Reason::InvalidAudience => told("the token is for another audience"),
                Reason::MissingRequiredClaim(_) => told("the token lacks one of `iss`, `aud`, `exp` and `sub`"),
                Reason::InvalidSignature => because("the signature is wrong"),
                _ => because("the token cannot be read"),
            }),
        }
    }

    /// Who the token is about. The issuer's name stands in front, so that nobody passes for a caller with a key or for
    /// another issuer's.
    fn bearer(&self, claims: &Map<String, Value>) -> Result<Caller> {
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT || subject.chars().any(char::is_control) {
            return Err(because("the subject is no name"));
        }
        Ok(self.rights.caller(&format!("{}/{subject}", self.name), claims))
    }
}

/// A refusal like every other, with the reason for the log.
fn because(reason: &'static str) -> Error {
    refused().because(reason)
}

/// A refusal that says why.
fn told(reason: &'static str) -> Error {
    Error::new(ErrorKind::Unauthenticated, reason)
}

fn once(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    names.filter(|name| seen.insert(name.clone())).collect()
}
