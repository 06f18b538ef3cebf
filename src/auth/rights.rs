//! What a token's claims give its bearer.

use serde_json::{Map, Value};

use super::Caller;
use crate::model::id::{AccountId, BackendName};
use crate::operations::Scope;

/// What is made of the claims of one issuer's tokens.
#[derive(Clone, Debug)]
pub struct Rights {
    /// The claim that holds the scopes.
    pub scopes: Claim,
    /// What each value of that claim gives; without it, the values are this gateway's own scopes. Values that are not known
    /// give nothing.
    pub grants: Option<Vec<Grant>>,
    /// The backends that any token may lead to; `None` is every backend.
    pub backends: Option<Vec<BackendName>>,
    /// The claim that holds the names of the backends, among those, that this token leads to.
    pub backends_claim: Option<Claim>,
    /// What holds the accounts that this token is bound to.
    pub accounts: Option<Accounts>,
}

/// What one value of the claim with the scopes gives.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The value.
    pub value: String,
    /// What it gives.
    pub scopes: Vec<Scope>,
}

/// Where the accounts that a token is bound to stand in it.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// The claim.
    pub claim: Claim,
    /// The backend that its values are keys at; without it, the values are whole ids.
    pub backend: Option<BackendName>,
}

/// A member of a token: a name, or a JSON pointer (RFC 6901) such as `/realm_access/roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim(String);

impl Claim {
    /// The claim of this name, or at this pointer if it begins with a slash.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        match self.0.strip_prefix('/') {
            None => claims.get(&self.0),
            Some(rest) => {
                let (first, below) = rest.split_once('/').map_or((rest, None), |(a, b)| (a, Some(b)));
                let value = claims.get(&first.replace("~1", "/").replace("~0", "~"))?;
                below.map_or(Some(value), |below| value.pointer(&format!("/{below}")))
            }
        }
    }

    /// The values: a list of texts, or words in one text (RFC 8693 §4.2 has scopes so). Whatever else it may be is no value.
    fn values(&self, claims: &Map<String, Value>) -> Vec<String> {
        let one = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if number.is_u64() => Some(number.to_string()),
            _ => None,
        };
        match self.find(claims) {
            Some(Value::Array(items)) => items.iter().filter_map(one).collect(),
            Some(Value::String(words)) => words.split_ascii_whitespace().map(str::to_owned).collect(),
            Some(value) => one(value).into_iter().collect(),
            None => Vec::new(),
        }
    }
}

impl Rights {
    /// The scopes that tokens can give, as they are asked for at the issuer.
    pub(super) fn scopes_supported(&self) -> Vec<String> {
        match &self.grants {
            Some(grants) => grants.iter().map(|grant| grant.value.clone()).collect(),
            None => Scope::ALL.map(|scope| scope.as_str().to_owned()).into(),
        }
    }

    /// The bearer of a token with these claims.
    ///
    /// What a claim that is looked at does not say is not given: without the claim for backends the caller sees none of them,
    /// without the one for accounts it is bound to none.
    pub(super) fn caller(&self, name: &str, claims: &Map<String, Value>) -> Caller {
        let values = self.scopes.values(claims);
        let scopes: Vec<Scope> = match &self.grants {
            Some(grants) => {
                let given = grants.iter().filter(|grant| values.contains(&grant.value));
                given.flat_map(|grant| grant.scopes.iter().copied()).collect()
            }
            None => {
                let held = |scope: &Scope| values.iter().any(|value| value == scope.as_str());
                Scope::ALL.into_iter().filter(held).collect()
            }
        };
        let named = self.backends_claim.as_ref().map(|claim| claim.values(claims));
        let backends: Option<Vec<&str>> = match (&self.backends, &named) {
            (None, None) => None,
            (Some(allowed), None) => Some(allowed.iter().map(BackendName::as_str).collect()),
            (None, Some(named)) => Some(named.iter().map(String::as_str).collect()),
            (Some(allowed), Some(named)) => {
                let both = |name: &&str| named.iter().any(|named| named == name);
                Some(allowed.iter().map(BackendName::as_str).filter(both).collect())
            }
        };
        let caller = Caller::new(name, &scopes, backends.as_deref());
        match &self.accounts {
            None => caller,
            // An issuer gives scopes without a thought for the bound, so `native:call` beside it is dropped and the rest
            // stands: refusing the token would shut out a customer whose own records it names.
            Some(accounts) => caller.bound_to(accounts.of(claims)),
        }
    }
}

impl Accounts {
    /// A value that is no id is none of anybody's.
    fn of(&self, claims: &Map<String, Value>) -> Vec<AccountId> {
        let values = self.claim.values(claims);
        let ids = values.iter().filter_map(|value| match &self.backend {
            Some(backend) => AccountId::of(backend, &[value]).ok(),
            None => value.parse().ok(),
        });
        ids.collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rights() -> Rights {
        Rights {
            scopes: Claim::new("scope"),
            grants: None,
            backends: None,
            backends_claim: None,
            accounts: None,
        }
    }

    fn caller(rights: &Rights, claims: Value) -> Caller {
        rights.caller("idp/somebody", claims.as_object().unwrap())
    }

    #[test]
    fn scopes_come_as_words_or_as_a_list_and_unknown_ones_give_nothing() {
        for claims in [
            json!({ "scope": "bills:read openid meters:read" }),
            json!({ "scope": ["bills:read", "openid", "meters:read", 7, null] }),
        ] {
            let caller = caller(&rights(), claims);
            for scope in Scope::ALL {
                let given = matches!(scope, Scope::BillsRead | Scope::MetersRead);
                assert_eq!(caller.holds(scope), given, "{}", scope.as_str());
            }
        }
        for claims in [
            json!({}),
            json!({ "scope": null }),
            json!({ "scope": { "bills:read": true } }),
        ] {
            let caller = caller(&rights(), claims);
            assert!(!Scope::ALL.into_iter().any(|scope| caller.holds(scope)));
        }
    }

    #[test]
    fn where_values_are_translated_our_own_words_give_nothing() {
        let rights = Rights {
            scopes: Claim::new("/realm_access/roles"),
            grants: Some(vec![Grant {
                value: "billing reader".to_owned(),
                scopes: vec![Scope::BillsRead, Scope::AccountsRead],
            }]),
            ..rights()
        };
        let caller = caller(
            &rights,
            json!({ "realm_access": { "roles": ["billing reader", "ops:read"] }, "scope": "meters:read" }),
        );
        assert!(caller.holds(Scope::BillsRead) && caller.holds(Scope::AccountsRead));
        assert!(!caller.holds(Scope::OpsRead) && !caller.holds(Scope::MetersRead));
    }

    #[test]
    fn a_claim_may_have_any_name_and_stand_at_any_depth() {
        let claims = json!({ "https://example.com/scopes": "bills:read", "a/b": { "c~d": ["meters:read"] } });
        for (name, scope) in [
            ("https://example.com/scopes", Scope::BillsRead),
            ("/a~1b/c~0d", Scope::MetersRead),
        ] {
            let rights = Rights {
                scopes: Claim::new(name),
                ..rights()
            };
            assert!(caller(&rights, claims.clone()).holds(scope), "{name}");
        }
    }

    #[test]
    fn backends_are_those_that_the_issuer_may_give_and_the_token_names() {
        let allowed = Some(vec!["a".parse().unwrap(), "b".parse().unwrap()]);
        let both = Rights {
            backends: allowed,
            backends_claim: Some(Claim::new("backends")),
            ..rights()
        };
        let bearer = caller(&both, json!({ "backends": ["b", "c"] }));
        assert_eq!(["a", "b", "c"].map(|name| bearer.sees(name)), [false, true, false]);
        let unnamed = caller(&both, json!({}));
        assert_eq!(["a", "b", "c"].map(|name| unnamed.sees(name)), [false; 3]);
        let free = caller(&rights(), json!({ "backends": ["b"] }));
        assert!(free.sees("a"));
    }

    #[test]
    fn a_token_is_bound_to_the_accounts_it_names_and_without_them_to_none() {
        let bound = |backend: Option<&str>| Rights {
            accounts: Some(Accounts {
                claim: Claim::new("accounts"),
                backend: backend.map(|name| name.parse().unwrap()),
            }),
            ..rights()
        };
        let ids = |caller: &Caller| -> Vec<String> {
            let accounts = caller.accounts().expect("it is bound");
            accounts.iter().map(ToString::to_string).collect()
        };
        let whole = caller(&bound(None), json!({ "accounts": ["a:1", "nonsense", "", "b:2"] }));
        assert_eq!(ids(&whole), ["a:1", "b:2"]);
        let keys = caller(&bound(Some("a")), json!({ "accounts": ["1", "x~y", 17] }));
        assert_eq!(ids(&keys), ["a:1", "a:17", "a:x%7Ey"]);
        assert!(ids(&caller(&bound(None), json!({}))).is_empty());
        assert!(ids(&caller(&bound(None), json!({ "accounts": { "a:1": true } }))).is_empty());
    }

    #[test]
    fn a_bound_token_loses_the_native_road_and_keeps_the_rest() {
        let rights = Rights {
            accounts: Some(Accounts {
                claim: Claim::new("accounts"),
                backend: None,
            }),
            ..rights()
        };
        let caller = caller(&rights, json!({ "scope": "native:call bills:read", "accounts": "a:1" }));
        assert!(!caller.holds(Scope::NativeCall) && caller.holds(Scope::BillsRead));
    }
}
