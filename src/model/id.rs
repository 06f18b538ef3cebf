//! Identifiers: one string says which backend and which record.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The configured name of a backend: `[a-z][a-z0-9-]{0,62}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendName(Arc<str>);

impl BackendName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BackendName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        check_backend(text)?;
        Ok(Self(text.into()))
    }
}

impl Serialize for BackendName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for BackendName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

fn check_backend(text: &str) -> Result<(), IdError> {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
    if !first || text.len() > 63 || !bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(IdError::Backend);
    }
    Ok(())
}

/// The longest identifier taken, in bytes.
pub const MAX_ID: usize = 512;

/// Why a text is not an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The part before the colon is not a backend's name.
    #[error(
        "the part before the colon must be a backend's name: a lower-case letter, then letters, digits and hyphens, at most 63"
    )]
    Backend,
    /// There is no colon.
    #[error("an id is `<backend>:<key>`, and there is no colon")]
    NoColon,
    /// There is nothing after the colon.
    #[error("an id is `<backend>:<key>`, and the key is empty")]
    NoKey,
    /// The key holds a control character.
    #[error("the key holds a control character")]
    Control,
    /// The whole is too long.
    #[error("an id has at most 512 bytes")]
    TooLong,
}

/// An identifier of one kind of record: `<backend>:<key>`.
///
/// The key is built and read by that backend's adapter alone and is opaque to everybody else. Parts of a compound key
/// are joined with `~`.
pub struct Id<K> {
    text: Arc<str>,
    colon: u8,
    kind: PhantomData<fn() -> K>,
}

impl<K> Id<K> {
    /// Joins a backend's name and a key made of parts.
    ///
    /// A `~` or `%` inside a part is written as `%7E` or `%25`, so that parts can always be told apart again.
    ///
    /// # Errors
    /// [`IdError`] if the key is empty, too long or holds a control character.
    pub fn of(backend: &BackendName, parts: &[&str]) -> Result<Self, IdError> {
        let mut text = String::with_capacity(backend.0.len() + 1 + parts.iter().map(|p| p.len() + 1).sum::<usize>());
        text.push_str(&backend.0);
        text.push(':');
        for (n, part) in parts.iter().enumerate() {
            if n > 0 {
                text.push('~');
            }
            if part.contains(['~', '%']) {
                text.push_str(&part.replace('%', "%25").replace('~', "%7E"));
            } else {
                text.push_str(part);
            }
        }
        text.parse()
    }

    /// The name of the backend.
    #[must_use]
    pub fn backend(&self) -> &str {
        &self.text[..usize::from(self.colon)]
    }

    /// The key: everything after the first colon.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.text[usize::from(self.colon) + 1..]
    }

    /// The parts of the key, as given to [`Id::of`].
    pub fn parts(&self) -> impl Iterator<Item = std::borrow::Cow<'_, str>> {
        self.key().split('~').map(|part| {
            if part.contains('%') {
                part.replace("%7E", "~").replace("%25", "%").into()
            } else {
                std::borrow::Cow::Borrowed(part)
            }
        })
    }

    /// What it stands for.
    #[must_use]
    pub fn kind(&self) -> &'static str
    where
        K: Kind,
    {
        K::WORD
    }

    /// The whole identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same identifier, said to stand for another kind of record.
    #[must_use]
    pub fn cast<L>(self) -> Id<L> {
        Id {
            text: self.text,
            colon: self.colon,
            kind: PhantomData,
        }
    }
}

impl<K> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() > MAX_ID {
            return Err(IdError::TooLong);
        }
        let (backend, key) = text.split_once(':').ok_or(IdError::NoColon)?;
        check_backend(backend)?;
        if key.is_empty() {
            return Err(IdError::NoKey);
        }
        if key.chars().any(char::is_control) {
            return Err(IdError::Control);
        }
        let colon = u8::try_from(backend.len()).map_err(|_| IdError::Backend)?;
        Ok(Self {
            text: text.into(),
            colon,
            kind: PhantomData,
        })
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        Self {
            text: self.text.clone(),
            colon: self.colon,
            kind: PhantomData,
        }
    }
}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<K> Eq for Id<K> {}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> std::hash::Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<K> fmt::Debug for Id<K> {
    /// Prints the backend only: the key may be a customer's account number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:[key]", self.backend())
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $id:ident $word:literal;)*) => {
        $(
            #[doc = concat!("Marks identifiers of one ", $word, ".")]
            pub enum $kind {}
            $(#[$doc])*
            pub type $id = Id<$kind>;
            impl Kind for $kind { const WORD: &'static str = $word; }
        )*
    };
}

/// What an identifier stands for.
pub trait Kind {
    /// The canonical name, as in paths and messages.
    const WORD: &'static str;
}

kinds! {
    /// An account's identifier.
    AccountKind AccountId "account";
    /// A bill's identifier.
    BillKind BillId "bill";
    /// A ledger entry's identifier.
    TransactionKind TransactionId "transaction";
    /// A payment's identifier.
    PaymentKind PaymentId "payment";
    /// A payment method's identifier.
    PaymentMethodMark PaymentMethodId "payment_method";
    /// A payment arrangement's identifier.
    ArrangementMark ArrangementId "arrangement";
    /// A refund request's identifier.
    RefundMark RefundId "refund";
    /// A note's identifier.
    NoteMark NoteId "note";
    /// A service point's identifier.
    ServicePointKind ServicePointId "service_point";
    /// A meter's identifier.
    MeterKind MeterId "meter";
    /// A reading's identifier.
    ReadingKind ReadingId "reading";
    /// A customer's identifier.
    CustomerKind CustomerId "customer";
    /// An organisation's identifier.
    OrganisationKind OrganisationId "organisation";
    /// A contact's identifier.
    ContactKind ContactId "contact";
    /// The identifier of an account, a customer, a contact or an organisation.
    EntityIdKind EntityId "entity";
    /// A credential's identifier.
    CredentialIdKind CredentialId "credential";
    /// A provider's identifier.
    ProviderKind ProviderId "provider";
    /// A template's identifier.
    TemplateKind TemplateId "template";
    /// A service type's identifier.
    ServiceTypeKind ServiceTypeId "service_type";
    /// The identifier of a kind of fact of the utility's own.
    CustomAttributeKind CustomAttributeId "custom_attribute";
    /// The identifier of an account or meter that was found and not asked for.
    CandidateKind CandidateId "candidate";
    /// A change's identifier.
    ChangeIdKind ChangeId "change";
}

impl<K: Kind> utoipa::PartialSchema for Id<K> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some(format!(
                "Identifier of one {}: `<backend>:<key>`. The key is opaque; percent-encode it in URLs.",
                K::WORD.replace('_', " ")
            )))
            .pattern(Some("^[a-z][a-z0-9-]{0,62}:.+$"))
            .max_length(Some(MAX_ID))
            .into()
    }
}

impl<K: Kind> utoipa::ToSchema for Id<K> {
    fn name() -> std::borrow::Cow<'static, str> {
        let mut name: String = K::WORD
            .split('_')
            .map(|word| {
                let (first, rest) = word.split_at(1);
                first.to_ascii_uppercase() + rest
            })
            .collect();
        name.push_str("Id");
        name.into()
    }
}

impl utoipa::PartialSchema for BackendName {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("The configured name of a backend."))
            .pattern(Some("^[a-z][a-z0-9-]{0,62}$"))
            .into()
    }
}

impl utoipa::ToSchema for BackendName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_backend_and_keeps_zeros() {
        let id: AccountId = "gentrack-au:00010045213".parse().unwrap();
        assert_eq!((id.backend(), id.key()), ("gentrack-au", "00010045213"));
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""gentrack-au:00010045213""#);
    }

    #[test]
    fn compound_keys_come_apart_as_they_were_joined() {
        let backend: BackendName = "kraken-us".parse().unwrap();
        let parts = ["A-1", "a~b", "50%7E", "x:y"];
        let id = BillId::of(&backend, &parts).unwrap();
        let again: BillId = id.as_str().parse().unwrap();
        assert_eq!(again.parts().collect::<Vec<_>>(), parts);
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for (text, why) in [
            ("x", IdError::NoColon),
            (":a", IdError::Backend),
            ("A:b", IdError::Backend),
            ("a_b:c", IdError::Backend),
            ("a:", IdError::NoKey),
            ("a:b\nc", IdError::Control),
        ] {
            assert_eq!(text.parse::<AccountId>().unwrap_err(), why, "{text:?}");
        }
        assert_eq!(
            format!("a:{}", "k".repeat(600)).parse::<AccountId>().unwrap_err(),
            IdError::TooLong
        );
    }

    #[test]
    fn an_id_prints_no_key_when_debugged() {
        let id: AccountId = "gentrack-au:10045213".parse().unwrap();
        assert!(!format!("{id:?}").contains("10045213"));
    }
}
