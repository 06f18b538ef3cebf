//! Tokens: issued against one credential, read back from the Authorization header (README, "Authentication").

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{API_KEY, EMAIL, ORGANIZATION_SECRET, PASSWORD};
use crate::sandbox::TOKEN_MARK;

/// Seconds a token lives.
pub(super) const TOKEN_LIFE: i64 = 60 * 60;
/// Seconds a refresh token lives, counted from the login that made it.
pub(super) const REFRESH_LIFE: i64 = 7 * 24 * 60 * 60;

const USER: &str = "kraken|account-user:1203344";
const ORGANISATION: &str = "kraken|organization:7719";

/// What the Authorization header of a request amounts to.
#[derive(Clone, Debug)]
pub(super) enum Standing {
    /// No header: public fields only.
    Anonymous,
    /// A live token.
    Known,
    /// A header that is refused, and with it every field of the request.
    Refused(Refusal),
}

/// The tokens one simulated deployment has issued.
pub(super) struct Sessions {
    key: ring::hmac::Key,
    issuer: String,
    issued: Mutex<Issued>,
}

#[derive(Default)]
struct Issued {
    /// Token → Unix second of its death.
    access: HashMap<String, i64>,
    /// Refresh token → Unix second of its death and the kind of credential that made it.
    refresh: HashMap<String, (i64, &'static str)>,
}

impl Sessions {
    pub(super) fn new(issuer: String) -> Self {
        let mut secret = [0; 32];
        fastrand::fill(&mut secret);
        Self {
            key: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret),
            issuer,
            issued: Mutex::default(),
        }
    }

    /// Signs anything the deployment later wants to recognise as its own.
    pub(super) fn sign(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(ring::hmac::sign(&self.key, text.as_bytes()))
    }

    /// Whether `signature` is this deployment's own over `text`.
    pub(super) fn signed(&self, text: &str, signature: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(signature)
            .is_ok_and(|bytes| ring::hmac::verify(&self.key, text.as_bytes(), &bytes).is_ok())
    }

    /// Forgets every token and refresh token.
    pub(super) fn forget(&self) {
        *self.issued() = Issued::default();
    }

    /// Reads the Authorization header. A bare token and `JWT <token>` are accepted; `Bearer` is for OAuth tokens only.
    pub(super) fn standing(&self, header: Option<&str>, now: i64) -> Standing {
        let Some(header) = header else {
            return Standing::Anonymous;
        };
        let token = header.strip_prefix("JWT ").unwrap_or(header).trim();
        let Some((signed, signature)) = token.rsplit_once('.') else {
            return Standing::Refused(Refusal::garbled_header());
        };
        let Some(claims) = claims(signed) else {
            return Standing::Refused(Refusal::garbled_header());
        };
        if !self.signed(signed, signature) {
            return Standing::Refused(Refusal::forged_token());
        }
        if claims["exp"].as_i64().unwrap_or_default() <= now {
            return Standing::Refused(Refusal::stale_token());
        }
        match self.issued().access.contains_key(token) {
            true => Standing::Known,
            false => Standing::Refused(Refusal::revoked_token()),
        }
    }

    /// Executes `obtainKrakenToken`. With `refuse` the credential is refused whatever it is.
    pub(super) fn login(&self, input: &Value, now: i64, refuse: bool) -> Result<Value, Refusal> {
        let credential = Credential::read(input)?;
        if refuse {
            return Err(credential.refusal());
        }
        let (subject, gty) = match credential {
            Credential::Key(key) if key == API_KEY => (USER, "API-KEY"),
            Credential::Organisation(key) if key == ORGANIZATION_SECRET => (ORGANISATION, "ORGANIZATION-SECRET-KEY"),
            Credential::Password(email, password) if email == EMAIL && password == PASSWORD => {
                (USER, "EMAIL-AND-PASSWORD")
            }
            Credential::Refresh(token) => return self.renew(token, now),
            other => return Err(other.refusal()),
        };
        // Organisations get no refresh token: README, "Nulls worth a test each".
        let refresh = (subject == USER).then(|| (format!("{TOKEN_MARK}{}", hex(26)), now + REFRESH_LIFE));
        if let Some((token, dies)) = &refresh {
            self.issued().refresh.insert(token.clone(), (*dies, gty));
        }
        Ok(self.answer(subject, gty, now, refresh))
    }

    /// A renewal moves neither the refresh token nor its expiry: examples/01-token.json.
    fn renew(&self, token: &str, now: i64) -> Result<Value, Refusal> {
        let known = self.issued().refresh.get(token).copied();
        match known {
            Some((dies, gty)) if dies > now => Ok(self.answer(USER, gty, now, Some((token.to_owned(), dies)))),
            Some(_) => Err(invalid(
                "KT-CT-1134",
                "The refresh token has expired.",
                &["refreshToken"],
            )),
            None => Err(Credential::Refresh(token).refusal()),
        }
    }

    fn answer(&self, subject: &str, gty: &str, now: i64, refresh: Option<(String, i64)>) -> Value {
        let expires = now + TOKEN_LIFE;
        let mut payload = json!({
            "sub": subject, "gty": gty, "tokenUse": "access", "iss": self.issuer,
            "iat": now, "exp": expires, "origIat": now,
        });
        if subject == USER {
            payload["email"] = EMAIL.into();
        }
        // A random id in the token alone keeps two tokens of one second apart without widening the payload.
        let mut inside = payload.clone();
        inside["jti"] = hex(8).into();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(&inside));
        let token = format!("{signed}.{}", self.sign(&signed));

        let mut issued = self.issued();
        issued.access.retain(|_, dies| *dies > now);
        issued.access.insert(token.clone(), expires);
        let (refresh_token, dies) = refresh.unzip();
        json!({"token": token, "payload": payload, "refreshToken": refresh_token, "refreshExpiresIn": dies})
    }

    fn issued(&self) -> MutexGuard<'_, Issued> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One kind of credential, as the input spells it.
enum Credential<'a> {
    Key(&'a str),
    Organisation(&'a str),
    PreSigned,
    Refresh(&'a str),
    Password(&'a str, &'a str),
}

impl<'a> Credential<'a> {
    /// Exactly one kind, and not an empty one: KT-CT-1137 otherwise.
    fn read(input: &'a Value) -> Result<Self, Refusal> {
        let given = |name: &str| input.get(name).filter(|value| !value.is_null()).and_then(Value::as_str);
        let mut kinds = Vec::new();
        if let Some(key) = given("APIKey") {
            kinds.push((Self::Key(key), key.is_empty()));
        }
        if let Some(key) = given("organizationSecretKey") {
            kinds.push((Self::Organisation(key), key.is_empty()));
        }
        if let Some(key) = given("preSignedKey") {
            kinds.push((Self::PreSigned, key.is_empty()));
        }
        if let Some(token) = given("refreshToken") {
            kinds.push((Self::Refresh(token), token.is_empty()));
        }
        let (email, password) = (given("email"), given("password"));
        if email.is_some() || password.is_some() {
            let (email, password) = (email.unwrap_or_default(), password.unwrap_or_default());
            kinds.push((Self::Password(email, password), email.is_empty() || password.is_empty()));
        }
        match (kinds.pop(), kinds.is_empty()) {
            (Some((credential, false)), true) => Ok(credential),
            _ => Err(invalid(
                "KT-CT-1137",
                "Please make sure to provide exactly one credential.",
                &[],
            )),
        }
    }

    /// How this kind is refused. 1135, 1138 and 1139 are stated by errors.csv; it lists 1140 and 1141 as refused
    /// credentials without saying whose, so theirs is inference.
    fn refusal(&self) -> Refusal {
        let failed = "Authentication failed.";
        match self {
            Self::Key(_) => invalid("KT-CT-1139", failed, &["apiKey"]),
            Self::PreSigned => invalid("KT-CT-1140", failed, &["preSignedKey"]),
            Self::Organisation(_) => invalid("KT-CT-1141", failed, &["organizationSecretKey"]),
            Self::Refresh(_) => invalid("KT-CT-1135", "Invalid refresh token.", &["refreshToken"]),
            Self::Password(..) => invalid("KT-CT-1138", failed, &["email", "password"]),
        }
    }
}

fn invalid(code: &str, description: &str, fields: &[&str]) -> Refusal {
    let refusal = Refusal::coded(code, "VALIDATION", "Invalid data.", description);
    let paths: Vec<Vec<&str>> = match fields {
        [] => vec![vec!["input"]],
        fields => fields.iter().map(|field| vec!["input", field]).collect(),
    };
    let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    refusal.at_inputs(&paths)
}

/// The claims of a token's first two parts, if they are a JWT's.
fn claims(signed: &str) -> Option<Value> {
    let (header, payload) = signed.split_once('.')?;
    let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    read(header)?.is_object().then_some(())?;
    read(payload).filter(Value::is_object)
}

fn hex(bytes: usize) -> String {
    (0..bytes).map(|_| format!("{:02x}", fastrand::u8(..))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_770_391_200;

    fn sessions() -> Sessions {
        Sessions::new("http://127.0.0.1:1/kraken/v1/graphql/".to_owned())
    }

    fn code(result: Result<Value, Refusal>) -> String {
        result.unwrap_err().code().unwrap().to_owned()
    }

    fn standing_code(standing: Standing) -> String {
        match standing {
            Standing::Refused(refusal) => refusal.code().unwrap().to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_kind_of_credential_logs_in() {
        for input in [
            json!({"APIKey": API_KEY}),
            json!({"organizationSecretKey": ORGANIZATION_SECRET}),
            json!({"email": EMAIL, "password": PASSWORD, "captchaResponse": "x"}),
        ] {
            let sessions = sessions();
            let answer = sessions.login(&input, NOW, false).unwrap();
            assert_eq!(answer["payload"]["exp"], NOW + TOKEN_LIFE);
            assert_eq!(
                answer["refreshToken"].is_null(),
                input.get("organizationSecretKey").is_some()
            );
            let token = answer["token"].as_str().unwrap();
            for header in [token.to_owned(), format!("JWT {token}")] {
                assert!(
                    matches!(sessions.standing(Some(&header), NOW), Standing::Known),
                    "{header}"
                );
            }
            assert_eq!(
                standing_code(sessions.standing(Some(&format!("Bearer {token}")), NOW)),
                "KT-CT-1143"
            );
        }
    }

    #[test]
    fn wrong_credentials_are_refused_by_kind() {
        let sessions = sessions();
        for (input, expected) in [
            (json!({"APIKey": "sk_live_WRONG"}), "KT-CT-1139"),
            (json!({"email": EMAIL, "password": "wrong"}), "KT-CT-1138"),
            (json!({"refreshToken": "unknown"}), "KT-CT-1135"),
            (json!({"APIKey": API_KEY, "refreshToken": "x"}), "KT-CT-1137"),
            (json!({"APIKey": ""}), "KT-CT-1137"),
            (json!({"email": EMAIL}), "KT-CT-1137"),
            (json!({}), "KT-CT-1137"),
        ] {
            assert_eq!(code(sessions.login(&input, NOW, false)), expected, "{input}");
        }
        assert_eq!(
            code(sessions.login(&json!({"APIKey": API_KEY}), NOW, true)),
            "KT-CT-1139"
        );
    }

    #[test]
    fn a_renewal_keeps_the_refresh_token_and_its_death() {
        let sessions = sessions();
        let first = sessions.login(&json!({"APIKey": API_KEY}), NOW, false).unwrap();
        let input = json!({"refreshToken": first["refreshToken"]});
        let second = sessions.login(&input, NOW + 3480, false).unwrap();
        assert_eq!(second["refreshToken"], first["refreshToken"]);
        assert_eq!(second["refreshExpiresIn"], first["refreshExpiresIn"]);
        assert_eq!(second["payload"]["gty"], "API-KEY");
        assert_ne!(second["token"], first["token"]);
        assert_eq!(code(sessions.login(&input, NOW + REFRESH_LIFE, false)), "KT-CT-1134");
    }

    #[test]
    fn tokens_age_are_forged_and_are_forgotten() {
        let sessions = sessions();
        let answer = sessions.login(&json!({"APIKey": API_KEY}), NOW, false).unwrap();
        let token = answer["token"].as_str().unwrap();
        assert_eq!(
            standing_code(sessions.standing(Some(token), NOW + TOKEN_LIFE)),
            "KT-CT-1124"
        );
        assert_eq!(standing_code(sessions.standing(Some("garbage"), NOW)), "KT-CT-1143");
        let forged = token
            .rsplit_once('.')
            .map(|(signed, _)| format!("{signed}.AAAA"))
            .unwrap();
        assert_eq!(standing_code(sessions.standing(Some(&forged), NOW)), "KT-CT-1126");
        sessions.forget();
        assert_eq!(standing_code(sessions.standing(Some(token), NOW)), "KT-CT-1162");
        assert_eq!(
            code(sessions.login(&json!({"refreshToken": answer["refreshToken"]}), NOW, false)),
            "KT-CT-1135"
        );
    }
}
