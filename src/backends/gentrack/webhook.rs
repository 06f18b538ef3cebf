//! An event that the vendor's integration platform pushes: its signature, and what it says ("Events").
//!
//! Header `X-Payload-Signature: t=<unix seconds>,v=<base64>`; `v` is an RSA PKCS#1 v1.5 signature with SHA-512 over the
//! bytes of `t`, a dot and the raw body. The public key (PEM, SPKI) is shown per app in the portal.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::Date;
use ring::signature::{RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::{self, Day, Exact, Ident, Moment, Text, day, exact, moment};

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
    /// The body is no event of the vendor's.
    #[error("the body is not an event")]
    Body,
}

/// What happened, as the vendor tells it.
#[derive(Clone, Debug)]
pub struct Event {
    /// The event's own identifier: one that was seen before is a repeat.
    pub id: String,
    /// What happened, in the vendor's words, such as `bill-ready`.
    pub kind: String,
    /// The app whose subscription it is.
    pub app: Option<String>,
    /// The tenant it happened at.
    pub tenant: Option<String>,
    /// The version of the event's shape.
    pub version: Option<String>,
    /// When the vendor made it; `None` if the time does not say its offset.
    pub created_at: Option<Timestamp>,
    /// What it comes from, in the vendor's words.
    pub source: Option<String>,
    /// What it says, by its kind.
    pub data: Box<RawValue>,
}

/// What a `bill-ready` event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillReady {
    /// The account's reference: the key of its identifier here.
    pub account: String,
    /// The day the bill is due.
    pub due_on: Option<Date>,
    /// What is due, in the account's currency, which the event does not name.
    pub due: Option<Decimal>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Envelope<'a> {
    event_id: Ident<'a>,
    event_type: Text<'a>,
    app_id: Option<Ident<'a>>,
    tenant_id: Option<Ident<'a>>,
    version: Option<Ident<'a>>,
    #[serde(default, deserialize_with = "moment")]
    created_at: Option<Moment>,
    event_source: Option<Text<'a>>,
    data: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Bill<'a> {
    account_id: Ident<'a>,
    #[serde(default, deserialize_with = "day")]
    due_date: Option<Day>,
    #[serde(default, deserialize_with = "exact")]
    due_amount: Option<Exact>,
}

impl Event {
    /// Reads an event whose signature was verified.
    ///
    /// # Errors
    /// `Body` if it is none.
    pub fn read(body: &[u8]) -> Result<Self, Refused> {
        let wire: Envelope<'_> = wire::decode(body).map_err(|_| Refused::Body)?;
        let text = |ident: Option<Ident<'_>>| ident.map(|ident| ident.text().into_owned());
        Ok(Self {
            id: wire.event_id.text().into_owned(),
            kind: (*wire.event_type).to_owned(),
            app: text(wire.app_id),
            tenant: text(wire.tenant_id),
            version: text(wire.version),
            created_at: match wire.created_at {
                Some(Moment::At(at)) => Some(at),
                _ => None,
            },
            source: wire.event_source.map(|source| (*source).to_owned()),
            data: wire.data.to_owned(),
        })
    }

    /// The bill that is ready, if that is what happened.
    ///
    /// # Errors
    /// `Body` if the event says so and not which account's.
    pub fn bill_ready(&self) -> Result<Option<BillReady>, Refused> {
        if self.kind != "bill-ready" {
            return Ok(None);
        }
        let bill: Bill<'_> = wire::decode(self.data.get().as_bytes()).map_err(|_| Refused::Body)?;
        Ok(Some(BillReady {
            account: bill.account_id.text().into_owned(),
            due_on: bill.due_date.map(|Day(date)| date),
            due: bill.due_amount.map(|Exact(amount)| amount),
        }))
    }
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

    /// Verifies a body like [`Verifier::verify`], and then reads the event in it.
    ///
    /// # Errors
    /// Why it must not be believed, or that it is no event.
    pub fn event(&self, header: &str, body: &[u8], now: Timestamp) -> Result<Event, Refused> {
        self.verify(header, body, now)?;
        Event::read(body)
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
    fn a_verified_event_says_what_the_contract_s_examples_say() {
        let vector = vector();
        let ping = vector
            .verifier
            .event(&vector.header, vector.body.as_bytes(), vector.at)
            .unwrap();
        let printed = include_str!("../../../tests/fixtures/gentrack/examples/webhook.ping.json");
        for event in [ping, Event::read(printed.as_bytes()).unwrap()] {
            assert_eq!(
                (event.id.as_str(), event.kind.as_str(), event.version.as_deref()),
                ("e2a2a2e6-7f3a-46cb-8a5e-5a3b9d1c7f01", "integration:ping", Some("1"))
            );
            assert_eq!(event.app.as_deref(), Some("c5b7a0f2-8f0e-4a44-9d6b-0b6f2f6f7a10"));
            assert_eq!(event.tenant.as_deref(), Some("2b7d0d55-2f1c-4d3c-9f0f-7a7a3c1de902"));
            assert_eq!(event.created_at.unwrap().to_string(), "2026-07-06T01:15:04.512Z");
            assert_eq!((event.source.as_deref(), event.bill_ready()), (None, Ok(None)));
            assert_eq!(
                serde_json::from_str::<Value>(event.data.get()).unwrap(),
                serde_json::json!({"message": "ping"})
            );
        }
        let ready = include_str!("../../../tests/fixtures/gentrack/examples/webhook.bill-ready.json");
        let ready = Event::read(ready.as_bytes()).unwrap();
        assert_eq!(ready.id, "7a1f5d0c-3b52-4c0e-9e15-6b8b2f9a4420");
        assert_eq!(
            ready.bill_ready(),
            Ok(Some(BillReady {
                account: "10045213".to_owned(),
                due_on: Some("2026-07-20".parse().unwrap()),
                due: Some("189.31".parse().unwrap()),
            }))
        );
    }

    #[test]
    fn a_body_that_is_no_event_is_refused_after_its_signature() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"eventId": "1", "data": {}}"#,
            r#"{"eventId": "1", "eventType": "x"}"#,
        ] {
            assert_eq!(Event::read(body.as_bytes()).unwrap_err(), Refused::Body, "{body}");
        }
        let nameless = Event::read(br#"{"eventId": 1, "eventType": "bill-ready", "data": {"dueAmount": 1.5}}"#);
        assert_eq!(nameless.unwrap().bill_ready(), Err(Refused::Body));
        let vector = vector();
        let refused = vector.verifier.event(&vector.header, b"{}", vector.at).unwrap_err();
        assert_eq!(refused, Refused::Signature);
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
