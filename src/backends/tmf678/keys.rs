//! The keys of this API's records: how they are made, and how they are read before anything is sent.
//!
//! | record | parts |
//! |---|---|
//! | account | place |
//! | bill | place, `bill`, id |
//! | payment | place, `payment`, bill id, payment id or nothing, count |
//!
//! A bill id belongs to a system behind a business unit (README §2), so the three are kept together, and the account with
//! them: the **place** is `[business unit:[system:]]account`. Without a business unit it is the first one configured;
//! without a system the router chooses. All of it is one part of the key, the first, so that accounts of one number in two
//! units are two accounts to whoever compares first parts.
//!
//! A bill's key may leave its account out, for those who know a bill's number only: `~bill~2018031`, `JM:~bill~2018031`.
//! Nothing is said to own such a bill before it is read.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::model::id::{AccountId, BackendName, BillId, Id, IdError, Kind, PaymentId};

/// Marks a bill's key.
const BILL: &str = "bill";
/// Marks a payment's key.
const PAYMENT: &str = "payment";

/// Where a record lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place<'k> {
    /// The whole of it, as the key has it.
    text: Cow<'k, str>,
    business: usize,
    account: usize,
}

impl<'k> Place<'k> {
    fn read(text: Cow<'k, str>) -> Option<Self> {
        let account = text.rfind(':').map_or(0, |colon| colon + 1);
        let business = match account {
            0 => 0,
            _ => {
                let prefix = &text[..account - 1];
                let (business, bss) = match prefix.split_once(':') {
                    Some((business, bss)) => (business, Some(bss)),
                    None => (prefix, None),
                };
                if !is_word(business) || bss.is_some_and(|bss| !is_word(bss)) {
                    return None;
                }
                business.len()
            }
        };
        let number = &text[account..];
        (number != "." && number != "..").then_some(Self {
            business,
            account,
            text,
        })
    }

    /// The business unit, unless it is the first one configured.
    pub(super) fn business(&self) -> Option<&str> {
        Some(&self.text[..self.business]).filter(|business| !business.is_empty())
    }

    /// The system, if the key names one.
    pub(super) fn bss(&self) -> Option<&str> {
        self.text
            .get(self.business + 1..self.account.checked_sub(1)?)
            .filter(|bss| !bss.is_empty())
    }

    /// The account's number, unless a bill's key leaves it out.
    pub(super) fn account(&self) -> Option<&str> {
        Some(&self.text[self.account..]).filter(|account| !account.is_empty())
    }

    /// The same place with the account a bill turned out to be of.
    pub(super) fn of_account(&self, account: &str) -> Option<Place<'static>> {
        if account.contains(':') {
            return None;
        }
        Place::read(format!("{}{account}", &self.text[..self.account]).into())
    }

    /// The identifier of the account here.
    pub(super) fn account_id(&self, backend: &BackendName) -> Result<AccountId, IdError> {
        Id::of(backend, &[&self.text])
    }

    /// The identifier of a bill here.
    pub(super) fn bill_id(&self, backend: &BackendName, bill: &str) -> Result<BillId, IdError> {
        Id::of(backend, &[&self.text, BILL, bill])
    }

    /// The identifier of a payment: those counted against one bill under one payment id are told apart by `count`.
    pub(super) fn payment_id(
        &self,
        backend: &BackendName,
        bill: &str,
        payment: &str,
        count: usize,
    ) -> Result<PaymentId, IdError> {
        Id::of(backend, &[&self.text, PAYMENT, bill, payment, &count.to_string()])
    }
}

/// The place an account's key names.
pub(super) fn account(id: &AccountId) -> Result<Place<'_>> {
    let mut parts = id.parts();
    let place = parts.next().and_then(Place::read);
    match (place, parts.next()) {
        (Some(place), None) if place.account().is_some() => Ok(place),
        _ => Err(another_kind(id)),
    }
}

/// The place and the bill that a bill's key names.
pub(super) fn bill(id: &BillId) -> Result<(Place<'_>, Cow<'_, str>)> {
    let mut parts = id.parts();
    let place = parts.next().and_then(Place::read);
    match (place, parts.next().as_deref(), parts.next(), parts.next()) {
        // `.` and `..` as a path segment climb, however they are encoded (WHATWG URL, "double-dot URL path segment").
        (Some(place), Some(BILL), Some(bill), None) if !matches!(&*bill, "" | "." | "..") => Ok((place, bill)),
        _ => Err(another_kind(id)),
    }
}

/// Whether a text can be the name of a business unit or of a system: it goes into a path and into a header.
pub(super) fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn another_kind<K: Kind>(_: &Id<K>) -> Error {
    let word = K::WORD.replace('_', " ");
    Error::parameter(K::WORD, format!("not an identifier of a {word} of this backend"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn keys_come_apart_as_they_were_made() {
        let backend: BackendName = "t".parse().unwrap();
        for (key, business, bss, account) in [
            ("801941080000", None, None, Some("801941080000")),
            ("JM:400010002000", Some("JM"), None, Some("400010002000")),
            ("JM:cerillion:00400", Some("JM"), Some("cerillion"), Some("00400")),
            ("A%7E1", None, None, Some("A~1")),
        ] {
            let id: AccountId = format!("t:{key}").parse().unwrap();
            let place = account_of(&id);
            assert_eq!(
                (place.business(), place.bss(), place.account()),
                (business, bss, account),
                "{key}"
            );
            assert_eq!(place.account_id(&backend).unwrap(), id);
            let bill_id = place.bill_id(&backend, "TT 77/0001").unwrap();
            assert_eq!(bill_id.key(), format!("{key}~bill~TT 77/0001"));
            let (again, number) = bill(&bill_id).unwrap();
            assert_eq!((again, &*number), (place, "TT 77/0001"));
        }
    }

    fn account_of(id: &AccountId) -> Place<'_> {
        account(id).unwrap()
    }

    #[test]
    fn a_bill_may_be_asked_for_without_its_account() {
        let backend: BackendName = "t".parse().unwrap();
        for (key, business, bss, whole) in [
            ("~bill~2018031", None, None, "801"),
            ("JM:~bill~2018031", Some("JM"), None, "JM:801"),
            (
                "JM:liberate:~bill~2018031",
                Some("JM"),
                Some("liberate"),
                "JM:liberate:801",
            ),
        ] {
            let id: BillId = format!("t:{key}").parse().unwrap();
            let (place, number) = bill(&id).unwrap();
            assert_eq!(
                (place.business(), place.bss(), place.account()),
                (business, bss, None),
                "{key}"
            );
            assert_eq!(number, "2018031");
            let found = place.of_account("801").unwrap();
            assert_eq!(found.account_id(&backend).unwrap().key(), whole);
            assert_eq!(place.of_account("PA:801"), None);
        }
    }

    #[test]
    fn a_key_of_another_kind_is_invalid() {
        for key in [
            "1~bill~2",
            "~bill~2",
            "JM:",
            "..",
            "JM:..",
            ":1",
            "J M:1",
            "JM::1",
            "A:B:C:1",
            "JM/../PA:1",
            "1~",
        ] {
            let error = account(&format!("t:{key}").parse().unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{key}");
        }
        for key in [
            "2018031",
            "1~bill",
            "1~bill~",
            "1~bill~..",
            "..~bill~2",
            "1~tx~2",
            "1~bill~2~3",
            "A:B:C:1~bill~2",
        ] {
            let error = bill(&format!("t:{key}").parse().unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{key}");
        }
    }
}
