//! The signature of an event that the vendor's integration platform pushes ("Events").
//!
//! Header `X-Payload-Signature: t=<unix seconds>,v=<base64>`; `v` is an RSA PKCS#1 v1.5 signature with SHA-512 over the
//! bytes of `t`, a dot and the raw body. The public key (PEM, SPKI) is shown per app in the portal.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::signature::{RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey};

/// How old or how far ahead a signature may be: "five minutes either way is a fair start" ("Events").
pub const MAX_AGE: Duration = Duration::from_secs(300);

/// The header the signature comes in.
pub const HEADER: &str = "x-payload-signature";

/// Why an event is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The key is no RSA public key in PEM.
    #[error("the public key is no RSA key in PEM (SPKI)")]
    Key,
    /// The header is not `t=<unix seconds>,v=<base64>`.
    #[error("the signature's header is not written as `t=<unix seconds>,v=<base64>`")]
    Header,
    /// The signature is too old, or too far ahead.
    #[error("the signature's time is too far from now")]
    Age,
    /// The signature is not of this body by this key.
    #[error("the signature does not fit the body")]
    Signature,
}

/// The public key of an app, read once and used for every event.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// PKCS#1, as `ring` takes it.
    key: Vec<u8>,
    max_age: Duration,
}

impl Verifier {
    /// Takes an app's public key in PEM and how far from now a signature's time may be.
    ///
    /// # Errors
    /// `Key` if it is not an RSA key in PEM (SPKI).
    pub fn new(pem: &str, max_age: Duration) -> Result<Self, Refused> {
        let key = rsa_key(pem).ok_or(Refused::Key)?;
        Ok(Self { key, max_age })
    }

    /// Verifies the raw bytes of a body, before anything is read from them, against the header at the instant `now`.
    ///
    /// # Errors
    /// Why the event must not be believed; the caller answers 400 or 401.
    pub fn verify(&self, header: &str, body: &[u8], now: Timestamp) -> Result<(), Refused> {
        let (time, value) = header.split_once(',').ok_or(Refused::Header)?;
        let time = time.trim().strip_prefix("t=").ok_or(Refused::Header)?;
        let value = value.trim().strip_prefix("v=").ok_or(Refused::Header)?;
        let seconds: i64 = time.parse().map_err(|_| Refused::Header)?;
        let signature = STANDARD.decode(value).map_err(|_| Refused::Header)?;
        let mut signed = Vec::with_capacity(time.len() + 1 + body.len());
        signed.extend_from_slice(time.as_bytes());
        signed.push(b'.');
        signed.extend_from_slice(body);
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, &self.key)
            .verify(&signed, &signature)
            .map_err(|_| Refused::Signature)?;
        if now.as_second().abs_diff(seconds) > self.max_age.as_secs() {
            return Err(Refused::Age);
        }
        Ok(())
    }
}

/// The PKCS#1 key inside an SPKI one: SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING { key } } (RFC 5280).
fn rsa_key(pem: &str) -> Option<Vec<u8>> {
    const RSA_ENCRYPTION: [u8; 13] = [
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    let (_, rest) = pem.split_once("-----BEGIN PUBLIC KEY-----")?;
    let (text, _) = rest.split_once("-----END PUBLIC KEY-----")?;
    let text: String = text.split_ascii_whitespace().collect();
    let der = STANDARD.decode(text).ok()?;
    let (whole, rest) = element(&der, 0x30)?;
    let (algorithm, key) = element(whole, 0x30)?;
    let (bits, after) = element(key, 0x03)?;
    let (unused, key) = bits.split_first()?;
    let fits = rest.is_empty() && after.is_empty() && algorithm == RSA_ENCRYPTION && *unused == 0;
    fits.then(|| key.to_vec())
}

/// The content of a DER element with this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let count = usize::from(*first & 0x7f);
        if count == 0 || count > 4 || rest.len() < count {
            return None;
        }
        let (digits, rest) = rest.split_at(count);
        (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
    };
    (*found == tag && rest.len() >= length).then(|| rest.split_at(length))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const VECTOR: &str = include_str!("../../../tests/fixtures/gentrack/examples/webhook.signature-vector.json");

    struct Vector {
        verifier: Verifier,
        header: String,
        body: String,
        at: Timestamp,
    }

    fn vector() -> Vector {
        let vector: Value = serde_json::from_str(VECTOR).unwrap();
        let text = |pointer: &str| vector.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        Vector {
            verifier: Verifier::new(&text("/publicKeyPem"), MAX_AGE).unwrap(),
            header: text("/header/X-Payload-Signature"),
            body: text("/body"),
            at: Timestamp::from_second(vector["timestamp"].as_i64().unwrap()).unwrap(),
        }
    }

    #[test]
    fn the_contract_s_vector_is_valid() {
        let vector = vector();
        vector
            .verifier
            .verify(&vector.header, vector.body.as_bytes(), vector.at)
            .unwrap();
    }

    #[test]
    fn one_changed_byte_anywhere_is_refused() {
        let vector = vector();
        let mut body = vector.body.clone().into_bytes();
        body[10] ^= 1;
        let verify = |header: &str, body: &[u8]| vector.verifier.verify(header, body, vector.at);
        assert_eq!(verify(&vector.header, &body), Err(Refused::Signature));
        let spaced = vector.body.replace(',', ", ");
        assert_eq!(verify(&vector.header, spaced.as_bytes()), Err(Refused::Signature));
        let later = vector.header.replace("t=1783300504", "t=1783300505");
        assert_ne!(later, vector.header);
        assert_eq!(verify(&later, vector.body.as_bytes()), Err(Refused::Signature));
        for header in [
            "",
            "t=1",
            "v=abcd",
            "t=x,v=abcd",
            "t=1783300504,v=%%",
            "v=abcd,t=1783300504",
        ] {
            assert_eq!(verify(header, vector.body.as_bytes()), Err(Refused::Header), "{header}");
        }
    }

    #[test]
    fn an_old_signature_and_one_from_the_future_are_refused() {
        let vector = vector();
        for (seconds, verdict) in [
            (300, Ok(())),
            (301, Err(Refused::Age)),
            (-300, Ok(())),
            (-301, Err(Refused::Age)),
        ] {
            let now = Timestamp::from_second(vector.at.as_second() + seconds).unwrap();
            assert_eq!(
                vector.verifier.verify(&vector.header, vector.body.as_bytes(), now),
                verdict,
                "{seconds}"
            );
        }
    }

    #[test]
    fn what_is_no_rsa_key_is_refused() {
        let pem: Value = serde_json::from_str(VECTOR).unwrap();
        let pem = pem["publicKeyPem"].as_str().unwrap();
        for broken in [
            "",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            &pem[..pem.len() / 2],
            &pem.replace("MIIBIjAN", "MIIBIjAM"),
        ] {
            assert_eq!(Verifier::new(broken, MAX_AGE).unwrap_err(), Refused::Key, "{broken}");
        }
    }
}
