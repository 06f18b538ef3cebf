//! Callers by OAuth2 tokens: what is taken, what is refused, and what becomes of calls while keys are out of reach.
//!
//! The tokens are put together here by hand, from ring and base64 alone, so that nothing of what is tested helps to make them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use intertie::app::{self, Plan};
use intertie::auth::jwks::Fetch;
use intertie::auth::rights::{Accounts, Claim, Rights};
use intertie::auth::tokens::Algorithm;
use intertie::auth::{Caller, Callers, Issuer, Key, Tokens, sha256};
use intertie::config;
use intertie::error::{Error, ErrorKind, Result};
use intertie::operations::Scope;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair as RsaKeyPair;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::watch;

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const AUDIENCE: &str = "https://billing.example.com";
const REFUSED: &str = "these credentials are not taken";

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A private key with the algorithm it signs by.
enum Signer {
    Es256(EcdsaKeyPair),
    Es384(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static str),
}

static RANDOM: LazyLock<SystemRandom> = LazyLock::new(SystemRandom::new);

impl Signer {
    fn es256() -> Self {
        let alg = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::generate_pkcs8(alg, &*RANDOM).unwrap();
        Self::Es256(EcdsaKeyPair::from_pkcs8(alg, pair.as_ref(), &*RANDOM).unwrap())
    }

    fn es384() -> Self {
        let alg = &ECDSA_P384_SHA384_FIXED_SIGNING;
        let pair = EcdsaKeyPair::generate_pkcs8(alg, &*RANDOM).unwrap();
        Self::Es384(EcdsaKeyPair::from_pkcs8(alg, pair.as_ref(), &*RANDOM).unwrap())
    }

    fn ed() -> Self {
        let pair = Ed25519KeyPair::generate_pkcs8(&*RANDOM).unwrap();
        Self::Ed(Ed25519KeyPair::from_pkcs8(pair.as_ref()).unwrap())
    }

    fn rsa(alg: &'static str) -> Self {
        let pair = include_bytes!("fixtures/tokens/TEST-ONLY-rsa-2048.pk8");
        Self::Rsa(RsaKeyPair::from_pkcs8(pair).unwrap(), alg)
    }

    fn alg(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::Es384(_) => "ES384",
            Self::Ed(_) => "EdDSA",
            Self::Rsa(_, alg) => alg,
        }
    }

    /// The public half, without its id.
    fn jwk(&self) -> Value {
        let point = |curve: &str, point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) })
        };
        match self {
            Self::Es256(pair) => point("P-256", pair.public_key().as_ref()),
            Self::Es384(pair) => point("P-384", pair.public_key().as_ref()),
            Self::Ed(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key()) }),
            Self::Rsa(pair, _) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "n": encode(&public.n), "e": encode(&public.e) })
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Es256(pair) | Self::Es384(pair) => pair.sign(&*RANDOM, message).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rsa(pair, alg) => {
                let padding: &'static dyn ring::signature::RsaEncoding = match *alg {
                    "RS256" => &RSA_PKCS1_SHA256,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    _ => panic!("{alg}"),
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &*RANDOM, message, &mut signature).unwrap();
                signature
            }
        }
    }

    /// A token with the header as it should be, and these claims.
    fn token(&self, id: &str, claims: &Value) -> String {
        self.token_under(&json!({ "typ": "at+jwt", "alg": self.alg(), "kid": id }), claims)
    }

    fn token_under(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = encode(self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The claims of a good token.
fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "mara", "client_id": "portal", "jti": "1",
        "iat": now() - 10, "exp": now() + 600, "scope": "bills:read accounts:read",
    })
}

/// The claims of a good token but for one of them; `Null` takes it out.
fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => claims.as_object_mut().unwrap().remove(name),
        value => claims.as_object_mut().unwrap().insert(name.to_owned(), value),
    };
    claims
}

/// A key set of these keys, each under its id.
fn set(keys: &[(&str, &Signer)]) -> String {
    let keys: Vec<Value> = keys
        .iter()
        .map(|(id, signer)| {
            let mut jwk = signer.jwk();
            jwk["kid"] = json!(id);
            jwk["use"] = json!("sig");
            jwk
        })
        .collect();
    json!({ "keys": keys }).to_string()
}

fn issuer() -> Issuer {
    Issuer {
        name: "idp".to_owned(),
        issuer: ISSUER.to_owned(),
        audiences: vec![AUDIENCE.to_owned()],
        algorithms: ["ES256", "ES384", "EdDSA", "RS256", "RS512", "PS256", "PS384"]
            .map(|name| name.parse().unwrap())
            .into(),
        plain: false,
        skew: Duration::from_secs(30),
        refresh: Duration::from_secs(15 * 60),
        rights: Rights {
            scopes: Claim::new("scope"),
            grants: None,
            backends: None,
            backends_claim: None,
            accounts: None,
        },
    }
}

/// Where keys are read: what is there can be changed, and every reading is counted.
#[derive(Clone, Default)]
struct Shelf {
    text: Arc<Mutex<Option<String>>>,
    reads: Arc<AtomicUsize>,
}

impl Shelf {
    fn of(keys: &[(&str, &Signer)]) -> Self {
        let shelf = Self::default();
        shelf.hold(keys);
        shelf
    }

    fn hold(&self, keys: &[(&str, &Signer)]) {
        *self.text.lock().unwrap() = Some(set(keys));
    }

    fn out_of_reach(&self) {
        *self.text.lock().unwrap() = None;
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    fn fetch(&self) -> Fetch {
        let shelf = self.clone();
        Arc::new(move || {
            shelf.reads.fetch_add(1, Ordering::SeqCst);
            let text = shelf.text.lock().unwrap().clone();
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                text.map(Bytes::from)
                    .ok_or_else(|| Error::new(ErrorKind::Unavailable, "no connection"))
            }
            .boxed()
        })
    }

    fn callers(&self, issuer: Issuer) -> Callers {
        Callers::of([]).trusting(Tokens::of(AUDIENCE.to_owned(), 8 * 1024, [(issuer, self.fetch())]))
    }
}

static ELSEWHERE: LazyLock<Signer> = LazyLock::new(Signer::es256);

/// Callers who may also bring tokens of one issuer, for tests of what those tokens open.
pub(crate) fn trusting(callers: Callers) -> Callers {
    let fetch = Shelf::of(&[("1", &*ELSEWHERE)]).fetch();
    callers.trusting(Tokens::of(AUDIENCE.to_owned(), 8 * 1024, [(issuer(), fetch)]))
}

/// The keys of that issuer, for a gateway of its own process.
pub(crate) fn key_set() -> String {
    set(&[("1", &*ELSEWHERE)])
}

/// A token of that issuer with every scope, for this gateway or for another one.
pub(crate) fn issued(here: bool) -> String {
    let scopes: Vec<&str> = Scope::ALL.into_iter().map(Scope::as_str).collect();
    let mut claims = claims_with("scope", json!(scopes.join(" ")));
    claims["aud"] = json!(if here {
        AUDIENCE
    } else {
        "https://elsewhere.example.com"
    });
    ELSEWHERE.token("1", &claims)
}

async fn ask(callers: &Callers, token: &str) -> Result<Arc<Caller>> {
    watch::on();
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    callers
        .authenticate(&HeaderMap::from_iter([(AUTHORIZATION, value)]))
        .await
}

/// What the caller of a refused token is told.
async fn refusal(callers: &Callers, token: &str) -> String {
    let error = ask(callers, token).await.expect_err("it was taken");
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
    error.message().to_owned()
}

#[tokio::test]
async fn a_good_token_is_taken_under_every_algorithm_with_its_name_and_scopes() {
    for signer in [
        Signer::es256(),
        Signer::es384(),
        Signer::ed(),
        Signer::rsa("RS256"),
        Signer::rsa("RS512"),
        Signer::rsa("PS256"),
        Signer::rsa("PS384"),
    ] {
        let callers = Shelf::of(&[("k1", &signer)]).callers(issuer());
        let caller = ask(&callers, &signer.token("k1", &claims())).await.unwrap();
        assert_eq!(&*caller.name, "idp/mara", "{}", signer.alg());
        assert!(caller.holds(Scope::BillsRead) && !caller.holds(Scope::OpsRead));
        assert!(caller.accounts().is_none());
        // Another key of the same kind is not this one, whatever it says it is.
        if !matches!(signer, Signer::Rsa(..)) {
            let other = match signer {
                Signer::Es256(_) => Signer::es256(),
                Signer::Es384(_) => Signer::es384(),
                _ => Signer::ed(),
            };
            assert_eq!(refusal(&callers, &other.token("k1", &claims())).await, REFUSED);
        }
    }
}

#[tokio::test]
async fn a_key_verifies_its_own_algorithm_alone() {
    let (rs, ps) = (Signer::rsa("RS256"), Signer::rsa("PS256"));
    let shelf = Shelf::of(&[("free", &rs)]);
    let mut stated = rs.jwk();
    (stated["kid"], stated["alg"]) = (json!("stated"), json!("PS256"));
    let mut free = rs.jwk();
    free["kid"] = json!("free");
    *shelf.text.lock().unwrap() = Some(json!({ "keys": [stated, free] }).to_string());
    let callers = shelf.callers(issuer());
    assert!(ask(&callers, &ps.token("stated", &claims())).await.is_ok());
    assert_eq!(refusal(&callers, &rs.token("stated", &claims())).await, REFUSED);
    assert!(ask(&callers, &rs.token("free", &claims())).await.is_ok());
    // And an algorithm that is not on the list is not taken from any key.
    let strict = Issuer {
        algorithms: vec![Algorithm::ES256],
        ..issuer()
    };
    assert_eq!(
        refusal(&shelf.callers(strict), &rs.token("free", &claims())).await,
        REFUSED
    );
}

#[tokio::test]
async fn a_token_of_no_algorithm_is_refused() {
    let signer = Signer::es256();
    let callers = Shelf::of(&[("k1", &signer)]).callers(issuer());
    let good = signer.token("k1", &claims());
    let signature = good.rsplit('.').next().unwrap();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = encode(json!({ "typ": "at+jwt", "alg": alg, "kid": "k1" }).to_string());
        let body = encode(claims().to_string());
        for token in [
            format!("{header}.{body}."),
            format!("{header}.{body}.{signature}"),
            format!("{header}.{body}"),
        ] {
            assert_eq!(refusal(&callers, &token).await, REFUSED, "{alg}");
        }
    }
}

#[tokio::test]
async fn a_public_key_is_never_a_secret_to_sign_with() {
    for signer in [Signer::es256(), Signer::ed(), Signer::rsa("RS256")] {
        let shelf = Shelf::of(&[("k1", &signer)]);
        let callers = shelf.callers(issuer());
        // Everything of the public key that somebody might take for a secret.
        let jwk = signer.jwk();
        let raw = |name: &str| {
            jwk[name]
                .as_str()
                .map(|text| URL_SAFE_NO_PAD.decode(text).unwrap())
                .unwrap_or_default()
        };
        let point = [&[4][..], &raw("x"), &raw("y")].concat();
        let secrets = [
            jwk.to_string().into_bytes(),
            set(&[("k1", &signer)]).into_bytes(),
            raw("x"),
            raw("n"),
            point,
        ];
        for (alg, hash) in [
            ("HS256", ring::hmac::HMAC_SHA256),
            ("HS384", ring::hmac::HMAC_SHA384),
            ("HS512", ring::hmac::HMAC_SHA512),
        ] {
            for secret in &secrets {
                let header = encode(json!({ "typ": "at+jwt", "alg": alg, "kid": "k1" }).to_string());
                let message = format!("{header}.{}", encode(claims().to_string()));
                let tag = ring::hmac::sign(&ring::hmac::Key::new(hash, secret), message.as_bytes());
                assert_eq!(
                    refusal(&callers, &format!("{message}.{}", encode(tag))).await,
                    REFUSED,
                    "{alg}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_symmetric_key_in_the_set_verifies_nothing() {
    let signer = Signer::es256();
    let shelf = Shelf::default();
    let mut real = signer.jwk();
    real["kid"] = json!("k1");
    let planted = json!({ "kty": "oct", "kid": "k2", "alg": "HS256", "k": encode("planted") });
    *shelf.text.lock().unwrap() = Some(json!({ "keys": [planted, real] }).to_string());
    let callers = shelf.callers(issuer());
    let header = encode(json!({ "typ": "at+jwt", "alg": "HS256", "kid": "k2" }).to_string());
    let message = format!("{header}.{}", encode(claims().to_string()));
    let tag = ring::hmac::sign(
        &ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"planted"),
        message.as_bytes(),
    );
    assert_eq!(refusal(&callers, &format!("{message}.{}", encode(tag))).await, REFUSED);
    assert!(ask(&callers, &signer.token("k1", &claims())).await.is_ok());
}

#[tokio::test]
async fn the_id_of_a_key_is_compared_and_never_followed() {
    let (signer, stranger) = (Signer::es256(), Signer::es256());
    let shelf = Shelf::of(&[("k1", &signer)]);
    let callers = shelf.callers(issuer());
    assert!(ask(&callers, &signer.token("k1", &claims())).await.is_ok());
    let ids = [
        "../../../../etc/passwd",
        "/dev/null",
        "k1' OR '1'='1",
        "k1'; DROP TABLE keys; --",
        "https://attacker.example/jwks.json",
        "file:///etc/passwd",
        "| cat /etc/passwd",
        "k1\u{0}",
        "K1",
        "",
    ];
    for id in ids {
        for by in [&signer, &stranger] {
            assert_eq!(refusal(&callers, &by.token(id, &claims())).await, REFUSED, "{id}");
        }
    }
    // One reading at the start, and one more for the first id that nobody knew.
    assert_eq!(shelf.reads(), 2);
    // An id that is no text is no id.
    let odd = json!({ "typ": "at+jwt", "alg": "ES256", "kid": ["k1"] });
    assert_eq!(refusal(&callers, &signer.token_under(&odd, &claims())).await, REFUSED);
}

#[tokio::test]
async fn keys_that_a_token_brings_along_are_not_looked_at() {
    let (signer, stranger) = (Signer::es256(), Signer::es256());
    // Whoever follows an address comes by here.
    let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", trap.local_addr().unwrap());
    let shelf = Shelf::of(&[("k1", &signer)]);
    let callers = shelf.callers(issuer());
    for (name, value) in [
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("jwk", stranger.jwk()),
        ("x5c", json!(["MIIB"])),
    ] {
        let header = |id: &str| json!({ "typ": "at+jwt", "alg": "ES256", "kid": id, name: value });
        for id in ["k1", "theirs"] {
            assert_eq!(
                refusal(&callers, &stranger.token_under(&header(id), &claims())).await,
                REFUSED,
                "{name}"
            );
        }
        // They spoil nothing, either.
        assert!(
            ask(&callers, &signer.token_under(&header("k1"), &claims()))
                .await
                .is_ok(),
            "{name}"
        );
    }
    assert!(
        trap.accept().now_or_never().is_none(),
        "an address in a token was followed"
    );
}

#[tokio::test]
async fn a_token_without_the_id_of_a_key_is_taken_where_there_is_one_that_fits() {
    let (one, other) = (Signer::es256(), Signer::es256());
    let header = json!({ "typ": "at+jwt", "alg": "ES256" });
    let alone = Shelf::of(&[("k1", &one), ("r", &Signer::rsa("RS256"))]).callers(issuer());
    assert!(ask(&alone, &one.token_under(&header, &claims())).await.is_ok());
    let several = Shelf::of(&[("k1", &one), ("k2", &other)]).callers(issuer());
    assert_eq!(refusal(&several, &one.token_under(&header, &claims())).await, REFUSED);
}

#[tokio::test]
async fn a_megabyte_of_a_token_is_refused_before_it_is_read() {
    let signer = Signer::es256();
    let callers = Shelf::of(&[("k1", &signer)]).callers(issuer());
    assert!(ask(&callers, &signer.token("k1", &claims())).await.is_ok());
    let large = signer.token("k1", &claims_with("padding", json!("x".repeat(1024 * 1024))));
    let started = Instant::now();
    assert_eq!(refusal(&callers, &large).await, REFUSED);
    assert!(started.elapsed() < Duration::from_millis(50));
    // One byte beyond the bound is as good as a million.
    let fitting = |room: usize| signer.token("k1", &claims_with("padding", json!("x".repeat(room))));
    let most = (0..8 * 1024)
        .rev()
        .find(|room| fitting(*room).len() <= 8 * 1024)
        .unwrap();
    assert!(ask(&callers, &fitting(most)).await.is_ok());
    let over = (most..).find(|room| fitting(*room).len() > 8 * 1024).unwrap();
    assert_eq!(refusal(&callers, &fitting(over)).await, REFUSED);
}

#[tokio::test]
async fn a_token_is_good_between_its_times_with_a_bounded_skew() {
    let signer = Signer::es256();
    let callers = Shelf::of(&[("k1", &signer)]).callers(issuer());
    let with = |name: &str, value: Value| signer.token("k1", &claims_with(name, value));
    assert_eq!(
        refusal(&callers, &with("exp", json!(now() - 40))).await,
        "the token has expired"
    );
    assert_eq!(
        refusal(&callers, &with("nbf", json!(now() + 40))).await,
        "the token is not valid yet"
    );
    for (name, value) in [("exp", now() - 20), ("nbf", now() + 20), ("nbf", now() - 100)] {
        assert!(ask(&callers, &with(name, json!(value))).await.is_ok(), "{name}");
    }
    let missing = "the token lacks one of `iss`, `aud`, `exp` and `sub`";
    assert_eq!(refusal(&callers, &with("exp", Value::Null)).await, missing);
    for odd in [json!("tomorrow"), json!(-1), json!({}), json!(1e300)] {
        assert_ne!(refusal(&callers, &with("exp", odd)).await, "");
    }
    assert_eq!(refusal(&callers, &with("nbf", json!("yesterday"))).await, REFUSED);
}

#[tokio::test]
async fn a_token_for_somebody_else_is_refused() {
    let signer = Signer::es256();
    let callers = Shelf::of(&[("k1", &signer)]).callers(issuer());
    let with = |name: &str, value: Value| signer.token("k1", &claims_with(name, value));
    for audience in [
        json!("https://other.example.com"),
        json!(format!("{AUDIENCE}/")),
        json!(["https://other.example.com"]),
        json!([]),
    ] {
        assert_eq!(
            refusal(&callers, &with("aud", audience)).await,
            "the token is for another audience"
        );
    }
    for odd in [Value::Null, json!(7), json!({ AUDIENCE: true })] {
        assert_ne!(refusal(&callers, &with("aud", odd)).await, "");
    }
    let both = with("aud", json!(["https://other.example.com", AUDIENCE]));
    assert!(ask(&callers, &both).await.is_ok());
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused_though_it_is_signed() {
    let signer = Signer::es256();
    let callers = Shelf::of(&[("k1", &signer)]).callers(issuer());
    for issuer in [
        json!("https://other.example.com"),
        json!(format!("{ISSUER}/")),
        json!([ISSUER]),
        json!(""),
        Value::Null,
    ] {
        let token = signer.token("k1", &claims_with("iss", issuer));
        assert_eq!(refusal(&callers, &token).await, REFUSED);
    }
}

#[tokio::test]
async fn the_keys_of_one_issuer_verify_no_token_of_another() {
    let (one, other) = (Signer::es256(), Signer::es256());
    let second = Issuer {
        name: "second".to_owned(),
        issuer: "https://second.example.com".to_owned(),
        ..issuer()
    };
    let (first_keys, second_keys) = (Shelf::of(&[("k1", &one)]), Shelf::of(&[("k1", &other)]));
    let tokens = [(issuer(), first_keys.fetch()), (second, second_keys.fetch())];
    let callers = Callers::of([]).trusting(Tokens::of(AUDIENCE.to_owned(), 8 * 1024, tokens));
    let of_second = claims_with("iss", json!("https://second.example.com"));
    assert_eq!(
        &*ask(&callers, &other.token("k1", &of_second)).await.unwrap().name,
        "second/mara"
    );
    assert_eq!(refusal(&callers, &one.token("k1", &of_second)).await, REFUSED);
    assert_eq!(refusal(&callers, &other.token("k1", &claims())).await, REFUSED);
}

#[tokio::test]
async fn an_issuer_may_stand_there_once_for_each_audience() {
    let signer = Signer::es256();
    let staff = Issuer {
        name: "staff".to_owned(),
        audiences: vec!["https://staff.example.com".to_owned()],
        ..issuer()
    };
    let customers = Issuer {
        rights: Rights {
            accounts: Some(Accounts {
                claim: Claim::new("accounts"),
                backend: None,
            }),
            ..issuer().rights
        },
        ..issuer()
    };
    let shelf = Shelf::of(&[("k1", &signer)]);
    let tokens = [(customers, shelf.fetch()), (staff, shelf.fetch())];
    let callers = Callers::of([]).trusting(Tokens::of(AUDIENCE.to_owned(), 8 * 1024, tokens));
    let customer = ask(&callers, &signer.token("k1", &claims())).await.unwrap();
    assert_eq!(
        (&*customer.name, customer.accounts().map(|ids| ids.len())),
        ("idp/mara", Some(0))
    );
    let token = signer.token("k1", &claims_with("aud", json!("https://staff.example.com")));
    let member = ask(&callers, &token).await.unwrap();
    assert_eq!((&*member.name, member.accounts()), ("staff/mara", None));
}

#[tokio::test]
async fn only_access_tokens_are_taken_unless_it_is_said() {
    let signer = Signer::es256();
    let header = |kind: Value| json!({ "typ": kind, "alg": "ES256", "kid": "k1" });
    let untyped = json!({ "alg": "ES256", "kid": "k1" });
    let strict = Shelf::of(&[("k1", &signer)]).callers(issuer());
    for kind in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        assert!(
            ask(&strict, &signer.token_under(&header(json!(kind)), &claims()))
                .await
                .is_ok(),
            "{kind}"
        );
    }
    assert_eq!(
        refusal(&strict, &signer.token_under(&untyped, &claims())).await,
        REFUSED
    );
    assert_eq!(
        refusal(&strict, &signer.token_under(&header(json!("JWT")), &claims())).await,
        REFUSED
    );
    let plain = Issuer {
        plain: true,
        ..issuer()
    };
    let plain = Shelf::of(&[("k1", &signer)]).callers(plain);
    for header in [header(json!("JWT")), header(json!("at+jwt")), untyped] {
        assert!(
            ask(&plain, &signer.token_under(&header, &claims())).await.is_ok(),
            "{header}"
        );
    }
    for callers in [&strict, &plain] {
        for kind in ["logout+jwt", "dpop+jwt", "secevent+jwt", ""] {
            assert_eq!(
                refusal(callers, &signer.token_under(&header(json!(kind)), &claims())).await,
                REFUSED,
                "{kind}"
            );
        }
        let extended = json!({ "typ": "at+jwt", "alg": "ES256", "kid": "k1", "crit": ["b64"], "b64": true });
        assert_eq!(
            refusal(callers, &signer.token_under(&extended, &claims())).await,
            REFUSED
        );
    }
}

#[tokio::test]
async fn a_subject_that_is_no_name_is_refused() {
    let signer = Signer::es256();
    let callers = Shelf::of(&[("k1", &signer)]).callers(issuer());
    for subject in [Value::Null, json!(""), json!(7), json!("a\nb"), json!("x".repeat(256))] {
        let token = signer.token("k1", &claims_with("sub", subject));
        assert_ne!(refusal(&callers, &token).await, "");
    }
}

#[tokio::test]
async fn nothing_that_is_no_token_is_taken_or_breaks_anything() {
    let signer = Signer::es256();
    let shelf = Shelf::of(&[("k1", &signer)]);
    let callers = shelf.callers(issuer());
    let good = signer.token("k1", &claims());
    let parts: Vec<&str> = good.split('.').collect();
    let cut: Vec<String> = (0..good.len()).step_by(7).map(|n| good[..n].to_owned()).collect();
    let deep = format!("{}{}", "[".repeat(3000), "]".repeat(3000));
    let mut odd = vec![
        "a".to_owned(),
        "a.b".to_owned(),
        "..".to_owned(),
        "....".to_owned(),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}=="),
        format!("{}.{}.{}", parts[0], parts[1], encode([0; 64])),
        format!("{}.{}.{}", parts[0], parts[1], encode([0; 63])),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[1], parts[0], parts[2]),
        format!("{}.{}.{}", encode(&deep), parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], encode(&deep), parts[2]),
        format!("{}.{}.{}.{}.{}", parts[0], parts[1], parts[2], parts[0], parts[1]),
    ];
    odd.extend(cut);
    for token in odd {
        assert_ne!(refusal(&callers, &token).await, "", "{token}");
    }
    // One letter of the claims changed.
    let mut changed = claims();
    changed["sub"] = json!("marb");
    let forged = format!("{}.{}.{}", parts[0], encode(changed.to_string()), parts[2]);
    assert_eq!(refusal(&callers, &forged).await, REFUSED);
    assert!(ask(&callers, &good).await.is_ok());
    assert_eq!(shelf.reads(), 1);
}

#[tokio::test]
async fn a_token_is_no_api_key_and_keys_stay_what_they_were() {
    let signer = Signer::es256();
    let key = Key {
        digest: sha256(b"itk_the-key"),
        caller: Arc::new(Caller::new("portal", &[], None)),
        expires: None,
    };
    let shelf = Shelf::of(&[("k1", &signer)]);
    let tokens = Tokens::of(AUDIENCE.to_owned(), 8 * 1024, [(issuer(), shelf.fetch())]);
    let callers = Callers::of([key]).trusting(tokens);
    assert_eq!(&*ask(&callers, "itk_the-key").await.unwrap().name, "portal");
    let token = HeaderValue::try_from(signer.token("k1", &claims())).unwrap();
    let headers = HeaderMap::from_iter([(http::HeaderName::from_static("x-api-key"), token)]);
    assert_eq!(callers.authenticate(&headers).await.unwrap_err().message(), REFUSED);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_out_of_reach_at_the_start_is_asked_until_it_answers() {
    let signer = Signer::es256();
    let shelf = Shelf::default();
    let callers = shelf.callers(issuer());
    let token = signer.token("k1", &claims());
    for _ in 0..3 {
        let error = ask(&callers, &token).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.finer_code()),
            (ErrorKind::Unavailable, Some("keys_unavailable"))
        );
        assert!(error.retryable().after().is_some());
    }
    // Nobody's call asked: the keys are read in the background, less and less often.
    let before = shelf.reads();
    assert!(before <= 2, "{before}");
    tokio::time::sleep(Duration::from_secs(600)).await;
    let reads = shelf.reads();
    assert!((10..=20).contains(&reads), "{reads} readings in ten minutes");
    // What is no token, or not by an algorithm that is taken, is no reason to wait.
    assert_eq!(refusal(&callers, "a.b.c").await, REFUSED);
    shelf.hold(&[("k1", &signer)]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(ask(&callers, &token).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_set_without_keys_is_as_good_as_none() {
    let signer = Signer::es256();
    let shelf = Shelf::of(&[]);
    let callers = shelf.callers(issuer());
    let error = ask(&callers, &signer.token("k1", &claims())).await.unwrap_err();
    assert_eq!(error.finer_code(), Some("keys_unavailable"));
}

#[tokio::test(start_paused = true)]
async fn a_call_during_the_first_reading_waits_for_it() {
    let signer = Signer::es256();
    let shelf = Shelf::of(&[("k1", &signer)]);
    let callers = shelf.callers(issuer());
    assert_eq!(shelf.reads(), 0);
    let token = signer.token("k1", &claims());
    let answers = join_all((0..100).map(|_| ask(&callers, &token))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(shelf.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rotated_key_is_found_at_once_and_the_one_before_is_given_up() {
    let (old, new) = (Signer::es256(), Signer::es256());
    let shelf = Shelf::of(&[("k1", &old)]);
    let callers = shelf.callers(issuer());
    let before = old.token("k1", &claims());
    assert!(ask(&callers, &before).await.is_ok());
    shelf.hold(&[("k2", &new)]);
    // What was verified is remembered: nothing has been read yet.
    assert!(ask(&callers, &before).await.is_ok());
    assert_eq!(shelf.reads(), 1);
    // A hundred callers with the new key make one reading, and none of them is refused.
    let token = new.token("k2", &claims());
    let answers = join_all((0..100).map(|_| ask(&callers, &token))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(shelf.reads(), 2);
    // And what was remembered went with its key.
    assert_eq!(refusal(&callers, &before).await, REFUSED);
}

#[tokio::test]
async fn a_verified_token_is_not_verified_again_until_it_ends() {
    let signer = Signer::es256();
    let callers = Shelf::of(&[("k1", &signer)]).callers(issuer());
    let token = signer.token("k1", &claims());
    let first = ask(&callers, &token).await.unwrap();
    assert!(Arc::ptr_eq(&first, &ask(&callers, &token).await.unwrap()));
    // The same claims under another signature are another token.
    let again = ask(&callers, &signer.token("k1", &claims())).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &again));
    // One that lives on the skew alone is looked at each time.
    let ended = signer.token("k1", &claims_with("exp", json!(now() - 5)));
    let first = ask(&callers, &ended).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &ask(&callers, &ended).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_withdrawn_is_forgotten_with_its_tokens_at_the_next_reading() {
    let (stays, goes) = (Signer::es256(), Signer::es256());
    let shelf = Shelf::of(&[("stays", &stays), ("goes", &goes)]);
    let callers = shelf.callers(issuer());
    let long = claims_with("exp", json!(now() + 24 * 3600));
    let (kept, withdrawn) = (stays.token("stays", &long), goes.token("goes", &long));
    assert!(ask(&callers, &kept).await.is_ok() && ask(&callers, &withdrawn).await.is_ok());
    shelf.hold(&[("stays", &stays)]);
    tokio::time::sleep(Duration::from_secs(15 * 60 + 1)).await;
    assert_eq!(shelf.reads(), 2);
    assert!(ask(&callers, &kept).await.is_ok());
    assert_eq!(refusal(&callers, &withdrawn).await, REFUSED);
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_are_asked_for_once_a_minute_at_most() {
    let (signer, stranger) = (Signer::es256(), Signer::es256());
    let shelf = Shelf::of(&[("k1", &signer)]);
    // Nothing but unknown keys makes it read in this time.
    let patient = Issuer {
        refresh: Duration::from_secs(24 * 3600),
        ..issuer()
    };
    let callers = shelf.callers(patient);
    assert!(ask(&callers, &signer.token("k1", &claims())).await.is_ok());
    assert_eq!(shelf.reads(), 1);
    let mut sent = 0;
    for second in 0..600 {
        for _ in 0..5 {
            sent += 1;
            let token = stranger.token(&format!("unknown-{sent}"), &claims());
            assert_eq!(refusal(&callers, &token).await, REFUSED, "second {second}");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let asked = shelf.reads() - 1;
    assert!(
        (9..=11).contains(&asked),
        "{asked} readings for {sent} tokens in ten minutes"
    );
    assert!(ask(&callers, &signer.token("k1", &claims())).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_last_good_keys_are_kept_through_an_outage() {
    let (signer, stranger) = (Signer::es256(), Signer::es256());
    let shelf = Shelf::of(&[("k1", &signer)]);
    let callers = shelf.callers(issuer());
    assert!(ask(&callers, &signer.token("k1", &claims())).await.is_ok());
    shelf.out_of_reach();
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    // A token that nobody has seen before, so that it is verified anew.
    let fresh = |n: u32| signer.token("k1", &claims_with("jti", json!(n)));
    assert!(ask(&callers, &fresh(2)).await.is_ok());
    // An unknown key is no 503 now: others can be verified.
    assert_eq!(refusal(&callers, &stranger.token("k2", &claims())).await, REFUSED);
    // What is read and is no key set is an outage, too.
    *shelf.text.lock().unwrap() = Some("<html>maintenance</html>".to_owned());
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(ask(&callers, &fresh(3)).await.is_ok());
    shelf.hold(&[("k2", &stranger)]);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(ask(&callers, &stranger.token("k2", &claims())).await.is_ok());
    assert_eq!(refusal(&callers, &fresh(4)).await, REFUSED);
}

#[tokio::test(start_paused = true)]
async fn keys_are_read_ahead_and_no_call_waits_for_it() {
    let signer = Signer::es256();
    let shelf = Shelf::of(&[("k1", &signer)]);
    let callers = shelf.callers(issuer());
    assert!(ask(&callers, &signer.token("k1", &claims())).await.is_ok());
    for n in 0..60 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let token = signer.token("k1", &claims_with("jti", json!(n)));
        let headers = HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())]);
        assert!(
            callers
                .authenticate(&headers)
                .now_or_never()
                .expect("no waiting")
                .is_ok()
        );
    }
    // Every quarter of an hour, or up to a tenth sooner.
    assert!((5..=6).contains(&shelf.reads()), "{}", shelf.reads());
}

/// A server of key sets on loopback, and the gateway that reads them, as they are configured.
struct Stage {
    addr: SocketAddr,
    /// How often there were keys to be had.
    asked: Arc<AtomicUsize>,
    /// Where the server of key sets is.
    keys: String,
}

impl Stage {
    async fn open(signer: &Signer, settings: &str) -> Self {
        let keys = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", keys.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let (text, count) = (set(&[("k1", signer)]), Arc::clone(&asked));
        let keys_here = get(move || {
            count.fetch_add(1, Ordering::SeqCst);
            async move { text }
        });
        let moved = get(|| async { (StatusCode::FOUND, [("location", "/jwks.json")], "") });
        let large = format!("{}{}", set(&[("k1", signer)]), " ".repeat(300 * 1024));
        let router = Router::new()
            .route("/jwks.json", keys_here)
            .route("/moved.json", moved)
            .route("/large.json", get(move || async move { large }));
        tokio::spawn(async move { axum::serve(keys, router).await });
        Self::over(&base, settings, asked).await
    }

    /// What the server of key sets says at a path.
    async fn served(&self, path: &str) -> String {
        let addr = self.keys.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        heard
    }

    async fn over(keys: &str, settings: &str, asked: Arc<AtomicUsize>) -> Self {
        watch::on();
        let settings = settings.replace("{keys}", keys);
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n\
             [[callers]]\nname = \"portal\"\nkey_sha256 = \"{}\"\nscopes = [\"accounts:read\"]\n\
             [tokens]\nresource = \"{AUDIENCE}\"\n[[tokens.issuers]]\nname = \"idp\"\nissuer = \"{ISSUER}\"\n{settings}\n\
             [[backends]]\nname = \"urjanet-us\"\nkind = \"urjanet\"\nbase_url = \"http://127.0.0.1:9\"\n\
             login_url = \"http://127.0.0.1:9\"\nusername = \"u\"\npassword = {{ env = \"P\" }}\ncustomer_id = \"c\"\n",
            sha256(b"itk_the-key")
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
        );
        let config = config::parse(&text, std::path::Path::new(""), &|_| Some("p".to_owned()));
        let config = config.unwrap_or_else(|faults| panic!("{faults:#?}"));
        let bound = app::bind(Plan::from(config), Arc::new(String::new)).await.unwrap();
        let addr = bound.addr();
        tokio::spawn(bound.serve());
        Self {
            addr,
            asked,
            keys: keys.to_owned(),
        }
    }

    /// The status, the headers in lower case, and the body.
    async fn get(&self, path: &str, credential: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: billing.example.com\r\n{credential}connection: close\r\n\r\n");
        // The gateway may have answered before it has read everything.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard).await;
        watch::answer(path, &heard);
        let text = String::from_utf8(heard).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        (status, head.to_owned(), body.to_owned())
    }

    async fn with_token(&self, path: &str, token: &str) -> (u16, String, String) {
        self.get(path, &format!("authorization: Bearer {token}\r\n")).await
    }
}

fn challenge(head: &str) -> &str {
    let line = head.lines().find_map(|line| line.strip_prefix("www-authenticate: "));
    line.unwrap_or_default()
}

const METADATA: &str = "resource_metadata=\"https://billing.example.com/.well-known/oauth-protected-resource\"";

#[tokio::test]
async fn a_token_gets_in_over_http_and_refusals_say_how_to_do_better() {
    let signer = Signer::es256();
    let stage = Stage::open(&signer, "jwks_url = \"{keys}/jwks.json\"").await;
    let (status, head, body) = stage.with_token("/v1/backends", &signer.token("k1", &claims())).await;
    assert_eq!((status, challenge(&head)), (200, ""), "{body}");

    let (status, head, _) = stage.get("/v1/backends", "").await;
    assert_eq!(
        (status, challenge(&head)),
        (401, &*format!("Bearer realm=\"intertie\", {METADATA}"))
    );

    let expired = signer.token("k1", &claims_with("exp", json!(now() - 100)));
    let (status, head, body) = stage.with_token("/v1/backends", &expired).await;
    let expected = "Bearer realm=\"intertie\", error=\"invalid_token\", error_description=\"the token has expired\"";
    assert_eq!((status, challenge(&head)), (401, &*format!("{expected}, {METADATA}")));
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&problem["code"], &problem["detail"]),
        (&json!("unauthenticated"), &json!("the token has expired"))
    );

    let narrow = signer.token("k1", &claims_with("scope", json!("bills:read")));
    let (status, head, body) = stage.with_token("/v1/accounts/urjanet-us:1", &narrow).await;
    let expected = "Bearer realm=\"intertie\", error=\"insufficient_scope\", scope=\"accounts:read\"";
    assert_eq!(
        (status, challenge(&head)),
        (403, &*format!("{expected}, {METADATA}")),
        "{body}"
    );
    let (status, head, _) = stage.with_token("/metrics", &narrow).await;
    assert!(
        status == 403 && challenge(&head).contains("scope=\"ops:read\""),
        "{head}"
    );

    let two = "authorization: Bearer a\r\nx-api-key: b\r\n";
    let (status, head, _) = stage.get("/v1/backends", two).await;
    let expected = "Bearer realm=\"intertie\", error=\"invalid_request\"";
    assert_eq!((status, challenge(&head)), (400, &*format!("{expected}, {METADATA}")));
}

#[tokio::test]
async fn the_metadata_names_the_issuers_and_the_scopes() {
    let stage = Stage::open(
        &Signer::es256(),
        "jwks_url = \"{keys}/jwks.json\"\ngrants = [{ value = \"billing.read\", scopes = [\"bills:read\"] }]",
    )
    .await;
    let (status, head, body) = stage.get("/.well-known/oauth-protected-resource", "").await;
    assert_eq!(status, 200, "{body}");
    assert!(head.contains("content-type: application/json\r\n"), "{head}");
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({
            "resource": AUDIENCE,
            "authorization_servers": [ISSUER],
            "scopes_supported": ["billing.read"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Intertie",
            "resource_documentation": format!("{AUDIENCE}/docs"),
        })
    );
}

#[tokio::test]
async fn an_unplugged_issuer_at_the_start_is_a_503_for_tokens_alone() {
    // Nobody listens where this was.
    let unplugged = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", unplugged.local_addr().unwrap());
    drop(unplugged);
    let stage = Stage::over(&url, "jwks_url = \"{keys}/jwks.json\"", Arc::default()).await;
    let signer = Signer::es256();
    let (status, head, body) = stage.with_token("/v1/backends", &signer.token("k1", &claims())).await;
    assert_eq!(status, 503, "{body}");
    assert!(head.contains("retry-after: 5\r\n"), "{head}");
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&problem["code"], &problem["retryable"]),
        (&json!("keys_unavailable"), &json!(true))
    );
    assert!(!body.contains(&url) && !head.contains(&url));
    assert_eq!(stage.get("/v1/backends", "x-api-key: itk_the-key\r\n").await.0, 200);
    assert_eq!(stage.get("/readyz", "").await.0, 200);
    assert_eq!(stage.with_token("/v1/backends", "itk_nobodys").await.0, 401);
}

#[tokio::test]
async fn a_redirect_is_not_followed_to_keys_and_a_large_set_is_not_read() {
    let signer = Signer::es256();
    let token = signer.token("k1", &claims());
    for (path, there) in [("/moved.json", "HTTP/1.1 302"), ("/large.json", "HTTP/1.1 200")] {
        let stage = Stage::open(&signer, &format!("jwks_url = \"{{keys}}{path}\"")).await;
        // Keys are what is there, for those who follow and those who read on.
        let served = stage.served(path).await;
        assert!(
            served.starts_with(there) && served.contains(if path == "/moved.json" { "/jwks.json" } else { "\"k1\"" })
        );
        let (status, _, body) = stage.with_token("/v1/backends", &token).await;
        assert_eq!(status, 503, "{path}: {body}");
        assert_eq!(stage.asked.load(Ordering::SeqCst), 0, "{path}");
    }
    let stage = Stage::open(&signer, "jwks_url = \"{keys}/jwks.json\"").await;
    assert_eq!(stage.with_token("/v1/backends", &token).await.0, 200);
    assert_eq!(stage.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn keys_are_read_from_a_file_and_read_again_when_it_changes() {
    let (old, new) = (Signer::es256(), Signer::ed());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    std::fs::write(&path, set(&[("k1", &old)])).unwrap();
    let stage = Stage::over("", &format!("jwks_file = \"{}\"", path.display()), Arc::default()).await;
    assert_eq!(
        stage.with_token("/v1/backends", &old.token("k1", &claims())).await.0,
        200
    );
    std::fs::write(&path, set(&[("k2", &new)])).unwrap();
    assert_eq!(
        stage.with_token("/v1/backends", &new.token("k2", &claims())).await.0,
        200
    );
    assert_eq!(
        stage.with_token("/v1/backends", &old.token("k1", &claims())).await.0,
        401
    );
}

#[tokio::test]
async fn a_megabyte_of_a_token_does_not_get_past_the_door() {
    let signer = Signer::es256();
    let stage = Stage::open(&signer, "jwks_url = \"{keys}/jwks.json\"").await;
    let large = |size: usize| signer.token("k1", &claims_with("padding", json!("x".repeat(size))));
    // As headers are bounded: 431, or the connection is gone while it is still being sent.
    let (status, ..) = stage.with_token("/v1/backends", &large(1024 * 1024)).await;
    assert!(matches!(status, 431 | 0), "{status}");
    // What fits into the headers is still too large for a token.
    assert_eq!(stage.with_token("/v1/backends", &large(12 * 1024)).await.0, 401);
    assert_eq!(stage.with_token("/v1/backends", &large(1024)).await.0, 200);
}
