//! What this caller may do to this record.
//!
//! A caller has scopes and backends, and it may be **bound to accounts**. Then it gets what belongs to one of them and nothing
//! else, and that is decided here for every operation, from its [`Target`](crate::operations::Target) and from what the
//! backend says of the target's owner ([`Owner`]):
//!
//! | the call names | a caller bound to accounts |
//! |---|---|
//! | a record of its own account | is served; the answer is looked at once more, and one that names another account is kept back |
//! | a record of any other account, there or not | 404, and no system is asked: what is there and what is not take the same time |
//! | a record whose owner its key does not tell | 403 `not_for_bound_callers` |
//! | no record | 403, but for `accounts.search`, which is answered by reading the caller's own accounts |
//!
//! Nothing here lists operations. One that is added is refused to such callers until its target names a record and the adapter
//! says whose records of that kind are.
//!
//! The system's own records (`include=native`) and its own API (`native:call`) are never for such callers: what else a system
//! puts into its records, an account's siblings for one, nobody has looked through.

use std::collections::BTreeSet;

use tracing::warn;

use crate::auth::Caller;
use crate::backends::{Backend, Owner};
use crate::error::{Error, ErrorKind, Result};
use crate::model::id::AccountId;
use crate::operations::{AmongOwn, Context, Operation, Owned as _, Repeat, Scope, Target};

/// Checks the scopes a call wants. Whether the backend is the caller's is the directory's to say, so that somebody else's
/// backend answers like one that does not exist.
///
/// # Errors
/// `Forbidden`, naming the scope that is missing; for a caller bound to accounts also if it asks for the system's own record or
/// API.
pub(super) fn check<O: Operation>(caller: &Caller, cx: &Context) -> Result<()> {
    holds(caller, O::SCOPE)?;
    if cx.native {
        holds(caller, Scope::NativeRead)?;
    }
    if caller.accounts().is_some() && (cx.native || O::SCOPE == Scope::NativeCall) {
        return Err(not_for_bound());
    }
    Ok(())
}

/// Checks one scope.
///
/// # Errors
/// `Forbidden`, naming the scope.
pub(super) fn holds(caller: &Caller, scope: Scope) -> Result<()> {
    if caller.holds(scope) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Forbidden,
        format!("the caller lacks the scope `{}`", scope.as_str()),
    )
    .code("insufficient_scope"))
}

/// How a call may go on.
pub(super) enum Leave<'c, R> {
    /// As it is, whatever it gives.
    Anything,
    /// As it is, if it gives what belongs to one of these accounts.
    Own(&'c BTreeSet<AccountId>),
    /// As a reading of these accounts.
    Reading(AmongOwn<R>, &'c BTreeSet<AccountId>),
}

/// Establishes whose the records are that a call names, if its caller is bound to accounts.
///
/// # Errors
/// `Forbidden` if nobody can tell; `NotFound` if they are not the caller's.
pub(super) fn leave<'c, O: Operation>(
    caller: &'c Caller,
    backend: &Backend,
    operation: &O,
) -> Result<Leave<'c, O::Reply>> {
    let Some(bound) = caller.accounts() else {
        return Ok(Leave::Anything);
    };
    let target = operation.target();
    if target.key.is_none() {
        return match operation.among_own() {
            Some(among) if backend.serving::<crate::operations::accounts::GetAccount>().is_some() => {
                Ok(Leave::Reading(among, bound))
            }
            _ => Err(not_for_bound()),
        };
    }
    // Whether all can be told comes first, so that of two records the one that is not the caller's says nothing of the other.
    let mut whose = Vec::new();
    for target in std::iter::once(target).chain(operation.others()) {
        whose.push((owner(&target, backend).ok_or_else(not_for_bound)?, target.kind()));
    }
    for (owner, kind) in whose {
        if !bound.iter().any(|bound| backend.asks_for(&owner, bound)) {
            return Err(missing(kind));
        }
    }
    Ok(Leave::Own(bound))
}

/// The account a record belongs to, if its backend can tell. A record of another backend is never told by this one.
fn owner(target: &Target<'_>, backend: &Backend) -> Option<AccountId> {
    if target.backend != backend.name().as_str() {
        return None;
    }
    match backend.owner(target.named_record()?) {
        Owner::Account(account) => Some(account),
        Owner::Unknown => None,
    }
}

/// What a caller bound to accounts is told of a call: a record that is not there looks like one that is somebody else's, and
/// an answer that says it belongs to somebody else is kept back.
pub(super) fn settle<O: Operation>(
    outcome: Result<O::Reply>,
    bound: &BTreeSet<AccountId>,
    backend: &Backend,
    kind: &'static str,
    repeat: Repeat,
) -> Result<O::Reply> {
    let reply = match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing(kind)),
        // The adapter saw that the system's answer is about another record than the one asked for.
        Err(error) if error.finer_code() == Some("integrity") && matches!(repeat, Repeat::Read) => {
            return Err(missing(kind).because(error));
        }
        outcome => outcome?,
    };
    let mut own = true;
    reply.owners(&mut |told| own &= bound.iter().any(|bound| backend.is(told, bound)));
    if own {
        return Ok(reply);
    }
    warn!(
        operation = O::ID,
        backend = backend.name().as_str(),
        "the answer names an account that the caller is not bound to; it is kept back"
    );
    Err(match repeat {
        Repeat::Read => missing(kind),
        // It was done, to whatever record; to say that there is none would be a lie.
        Repeat::Repeatable | Repeat::Once => Error::new(
            ErrorKind::OutcomeUnknown,
            "the system took the call, but its answer is about another record",
        ),
    })
}

/// What is said of a record that is not there, or not the caller's.
fn missing(kind: &'static str) -> Error {
    Error::new(ErrorKind::NotFound, format!("no such {}", kind.replace('_', " ")))
}

/// The refusal of what is not for callers bound to accounts.
#[must_use]
pub fn not_for_bound() -> Error {
    Error::new(
        ErrorKind::Forbidden,
        "the caller is bound to accounts, and this call is not about one of them alone",
    )
    .code("not_for_bound_callers")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::operations::accounts::GetAccount;

    fn check_with(scopes: &[Scope], native: bool) -> Result<()> {
        let caller = Caller::new("test", scopes, None);
        let cx = Context {
            native,
            ..Context::within(Duration::from_secs(1))
        };
        check::<GetAccount>(&caller, &cx)
    }

    #[test]
    fn a_missing_scope_is_forbidden_and_named() {
        let error = check_with(&[Scope::BillsRead], false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert!(error.message().contains("accounts:read"));
        assert!(check_with(&[Scope::AccountsRead], false).is_ok());
    }

    #[test]
    fn native_records_want_their_own_scope() {
        assert!(
            check_with(&[Scope::AccountsRead], true)
                .unwrap_err()
                .message()
                .contains("native:read")
        );
        assert!(check_with(&[Scope::AccountsRead, Scope::NativeRead], true).is_ok());
    }
}
