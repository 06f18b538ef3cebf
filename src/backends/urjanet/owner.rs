//! Whose Urjanet's records are.

use super::calls::Urjanet;
use crate::backends::{Owner, Owns};
use crate::model::id::{AccountId, AccountKind, Id, Kind, MeterKind};
use crate::operations::Record;

/// An account's key holds its id, and behind it what finds it again when the id has changed. A meter's key holds the
/// account's id, and the calls give the meter only if the system says the same. Providers, templates and service types are
/// everybody's, and a credential opens as many accounts as it does.
impl Owns for Urjanet {
    fn owner(&self, record: Record<'_>) -> Owner {
        match record.kind {
            AccountKind::WORD => format!("{}:{}", self.name, record.key)
                .parse()
                .map_or(Owner::Unknown, Owner::Account),
            MeterKind::WORD => Owner::first_part(&self.name, record.key),
            _ => Owner::Unknown,
        }
    }

    /// What finds an account again must be the bound one's, to the letter: otherwise an id that has changed would lead to
    /// whatever account is written behind it. The id alone leads nowhere else.
    fn asks_for(&self, asked: &AccountId, bound: &AccountId) -> bool {
        asked == bound || (asked.parts().count() == 1 && own_id(asked) == own_id(bound))
    }

    /// An account whose id has changed is known by its provider and its number.
    fn is(&self, told: &AccountId, bound: &AccountId) -> bool {
        let found_by = |account: &AccountId| account.key().split_once('~').map(|(_, found_by)| found_by.to_owned());
        own_id(told) == own_id(bound) || (found_by(told).is_some() && found_by(told) == found_by(bound))
    }
}

fn own_id<K>(id: &Id<K>) -> &str {
    id.key().split('~').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::backends::Backend;
    use crate::upstream::tokens;

    fn backend() -> Backend {
        let config = super::super::Config {
            base_url: "http://127.0.0.1:9".to_owned(),
            login_url: "http://127.0.0.1:9".to_owned(),
            username: "u".to_owned(),
            password: "p".to_owned().into(),
            customer_id: "c".to_owned(),
            currency: None,
            time_zone: "UTC".parse().unwrap(),
            road: crate::upstream::Settings::default(),
        };
        super::super::connect("u".parse().unwrap(), config, Arc::new(tokens::Cache::default())).unwrap()
    }

    fn id(text: &str) -> AccountId {
        text.parse().unwrap()
    }

    #[test]
    fn what_finds_an_account_again_cannot_be_swapped() {
        let backend = backend();
        let bound = id("u:12~prov~77");
        for (asked, may) in [
            ("u:12~prov~77", true),
            ("u:12", true),
            ("u:12~prov~78", false),
            ("u:12~vorp~77", false),
            ("u:13~prov~77", false),
            ("u:13", false),
        ] {
            assert_eq!(backend.asks_for(&id(asked), &bound), may, "{asked}");
        }
        assert!(!backend.asks_for(&id("u:12~prov~77"), &id("u:12")));
    }

    #[test]
    fn an_account_is_known_again_by_either_half_of_its_key() {
        let backend = backend();
        let bound = id("u:12~prov~77");
        for (told, is) in [
            ("u:12~prov~77", true),
            ("u:12", true),
            ("u:99~prov~77", true),
            ("u:99~prov~78", false),
            ("u:99", false),
        ] {
            assert_eq!(backend.is(&id(told), &bound), is, "{told}");
        }
        assert!(!backend.is(&id("u:99"), &id("u:12")));
    }
}
