//! What all writes share: how a refusal is read.

use super::Answered;
use crate::backends::kraken::Kraken;
use crate::backends::kraken::documents::{self, Document};
use crate::backends::kraken::map::Owner;
use crate::error::{Error, ErrorKind, Place, Result};
use crate::operations::Context;

/// The member of a body that an error code of the system is about.
pub(super) type Members = &'static [(&'static str, &'static str)];

/// How a write is sent.
pub(super) struct Sending {
    pub(super) operation: &'static str,
    /// Whether it may be sent again.
    pub(super) may_repeat: bool,
    pub(super) members: Members,
}

/// Whether an error carries this code.
pub(super) fn has_code(error: &Error, code: &str) -> bool {
    let native = error.native_error().and_then(|native| native.code.as_deref());
    native == Some(code)
}

impl Kraken {
    /// Sends a write on an account.
    ///
    /// Every mutation has a code of its own for what the caller may not touch, an account that does not exist included. So
    /// a write that is refused as not allowed is followed by a read, which tells the two apart.
    pub(super) async fn write<D: Document>(
        &self,
        sending: &Sending,
        owner: &Owner,
        variables: D::Variables,
        cx: &Context,
    ) -> Result<Answered<D::Data>> {
        let sent = self.send::<D>(sending.operation, variables, sending.may_repeat, cx);
        let error = match sent.await {
            Ok(answered) => return Ok(answered),
            Err(error) => error,
        };
        let member = sending.members.iter().find(|(code, _)| has_code(&error, code));
        match member {
            Some((_, pointer)) => {
                let detail = "the system refused it";
                Err(error.fault(Place::Pointer((*pointer).into()), detail))
            }
            None if error.kind() == ErrorKind::Refused && error.native_error().is_some() => {
                match self.ledgers(sending.operation, owner, cx).await {
                    Err(missing) if missing.kind() == ErrorKind::NotFound => Err(missing),
                    _ => Err(error),
                }
            }
            None => Err(error),
        }
    }

    /// The numbers of an account's ledgers, and whether each counts towards its balance.
    pub(super) async fn ledgers(
        &self,
        operation: &'static str,
        owner: &Owner,
        cx: &Context,
    ) -> Result<Vec<(String, bool)>> {
        let variables = documents::ledger_choices::Variables {
            account: owner.number.clone(),
        };
        let mut answered = self.ask::<documents::LedgerChoices>(operation, variables, cx).await?;
        let account = self.account_in(&mut answered, owner, |account| account.number.as_deref())?;
        let Some(ledgers) = account.ledgers else {
            answered.none(&["account", "ledgers"])?;
            return Err(Error::unreadable("account.ledgers", "absent"));
        };
        Ok(ledgers
            .into_iter()
            .flatten()
            .filter_map(|ledger| Some((ledger.number?, ledger.affects_account_balance == Some(true))))
            .collect())
    }

    /// The ledger a write goes to: the one the caller names, else the only one that counts towards the balance.
    ///
    /// Types of ledgers are codes of the deployment's own (contract, "Bills, ledgers, transactions"), so none of them can
    /// be told to be the main one.
    pub(super) async fn ledger(
        &self,
        operation: &'static str,
        owner: &Owner,
        named: Option<String>,
        cx: &Context,
    ) -> Result<String> {
        let ledgers = self.ledgers(operation, owner, cx).await?;
        if let Some(named) = named {
            return if ledgers.iter().any(|(number, _)| *number == named) {
                Ok(named)
            } else {
                Err(Error::pointer("/ledger", "the account has no such ledger"))
            };
        }
        let mut counted = ledgers
            .into_iter()
            .filter(|(_, counts)| *counts)
            .map(|(number, _)| number);
        match (counted.next(), counted.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(Error::pointer(
                "/ledger",
                "the account has not just one ledger: name it",
            )),
        }
    }
}

impl<T> Answered<T> {
    /// What became of a write whose answer lacks the part at `place`: an error there speaks for it; without one it is not
    /// known.
    pub(super) fn unsure(&self, place: &[&str]) -> Error {
        match self.fault(place) {
            Some(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Refused
                ) =>
            {
                error
            }
            _ => Error::new(
                ErrorKind::OutcomeUnknown,
                "the system's answer does not say what became of it",
            ),
        }
    }
}
