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
    .code("insufficient_scope")
    .lacks(scope.as_str()))
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::backends::{Limits, Owns, Serves};
    use crate::gateway::{Answer, Directory, Gateway};
    use crate::model::id::{BillId, NoteId};
    use crate::operations::accounts::GetAccount;
    use crate::operations::{Owned, Record};
    use crate::upstream::{Settings, Upstream};

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
    fn native_records_are_not_for_bound_callers() {
        let scopes = [Scope::AccountsRead, Scope::NativeRead];
        let caller = Caller::new("test", &scopes, None).bound_to(["a:1".parse().unwrap()]);
        let cx = Context {
            native: true,
            ..Context::within(Duration::from_secs(1))
        };
        let error = check::<GetAccount>(&caller, &cx).unwrap_err();
        assert_eq!(error.finer_code(), Some("not_for_bound_callers"));
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

    /// A backend that can tell whose accounts and bills are.
    struct Keeper {
        answers: &'static str,
        asked: AtomicUsize,
    }

    impl Owns for Keeper {
        fn owner(&self, record: Record<'_>) -> Owner {
            match record.kind {
                "account" | "bill" => format!("a:{}", record.key.split('~').next().unwrap())
                    .parse()
                    .map_or(Owner::Unknown, Owner::Account),
                _ => Owner::Unknown,
            }
        }
    }

    /// An operation as the next one may be: nothing beyond its target is said of it.
    struct Next;

    #[derive(Debug)]
    struct Told(AccountId);

    impl Owned for Told {
        fn owners(&self, tell: &mut dyn FnMut(&AccountId)) {
            tell(&self.0);
        }
    }

    impl Operation for Next {
        type Reply = Told;
        const ID: &'static str = "next";
        const SCOPE: Scope = Scope::BillsRead;
        const REPEAT: Repeat = Repeat::Read;

        fn target(&self) -> Target<'_> {
            Target::named("a")
        }
    }

    struct OfBill(BillId);

    impl Operation for OfBill {
        type Reply = Told;
        const ID: &'static str = "of_bill";
        const SCOPE: Scope = Scope::BillsRead;
        const REPEAT: Repeat = Repeat::Read;

        fn target(&self) -> Target<'_> {
            Target::record(&self.0)
        }
    }

    struct OfNote(NoteId);

    impl Operation for OfNote {
        type Reply = Told;
        const ID: &'static str = "of_note";
        const SCOPE: Scope = Scope::BillsRead;
        const REPEAT: Repeat = Repeat::Read;

        fn target(&self) -> Target<'_> {
            Target::record(&self.0)
        }
    }

    #[async_trait::async_trait]
    impl<O: Operation<Reply = Told>> Serves<O> for Keeper {
        async fn serve(&self, _: O, _: &Context) -> Result<Told> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            match self.answers {
                "" => Err(Error::not_found("whatever").native(Some("X-1".to_owned()), None)),
                "integrity" => Err(Error::unreadable("$", "another").code("integrity")),
                told => Ok(Told(told.parse().unwrap())),
            }
        }
    }

    /// What a caller bound to `a:1` is told, and how often the backend was asked.
    async fn bound<O: Operation<Reply = Told>>(
        operation: O,
        answers: &'static str,
        says: bool,
    ) -> (Result<Answer<Told>>, usize) {
        let keeper = Arc::new(Keeper {
            answers,
            asked: AtomicUsize::new(0),
        });
        let upstream = Upstream::connect("a", Settings::default(), None, |_| Ok(())).unwrap();
        let mut backend = Backend::new("a".parse().unwrap(), "fake", upstream).serves::<O>(&keeper, Limits::default());
        if says {
            backend = backend.owned_by(&keeper);
        }
        let caller = Caller::new("test", &Scope::ALL, None).bound_to(["a:1".parse().unwrap()]);
        let gateway = Gateway::new(Directory::of([backend]));
        let outcome = gateway
            .call(&caller, operation, &Context::within(Duration::from_secs(1)))
            .await;
        (outcome, keeper.asked.load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn a_new_operation_is_refused_until_its_target_says_whose_it_is() {
        for (outcome, asked) in [
            bound(Next, "a:1", true).await,
            bound(OfNote("a:1~n~1".parse().unwrap()), "a:1", true).await,
            bound(OfBill("a:1~b~1".parse().unwrap()), "a:1", false).await,
        ] {
            let error = outcome.unwrap_err();
            assert_eq!(
                (error.kind(), error.finer_code(), asked),
                (ErrorKind::Forbidden, Some("not_for_bound_callers"), 0)
            );
        }
        let (own, asked) = bound(OfBill("a:1~b~1".parse().unwrap()), "a:1", true).await;
        assert_eq!((own.unwrap().data.0.as_str(), asked), ("a:1", 1));
    }

    #[tokio::test]
    async fn what_is_somebody_else_s_and_what_is_not_there_are_told_alike() {
        let told = |outcome: Result<Answer<Told>>| {
            let error = outcome.unwrap_err();
            (
                error.kind(),
                error.message().to_owned(),
                error.finer_code(),
                error.native_error().is_some(),
                error.backend().map(str::to_owned),
                error.operation(),
                error.retryable(),
            )
        };
        let bill = |key: &str| OfBill(format!("a:{key}").parse().unwrap());
        let (theirs, asked) = bound(bill("2~b~1"), "a:2", true).await;
        assert_eq!(asked, 0);
        let theirs = told(theirs);
        assert_eq!(theirs.1, "no such bill");
        // One that is not there, one that the system gave for another, one that turned out to be another's.
        for answers in ["", "integrity", "a:2"] {
            let (outcome, asked) = bound(bill("1~b~1"), answers, true).await;
            assert_eq!(asked, 1);
            assert_eq!(told(outcome), theirs, "{answers}");
        }
    }
}
