//! What this caller may do to this record.

use crate::auth::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::{Context, Operation, Scope, Target};

/// Checks a caller's rights to an operation. Whether the backend is the caller's is the directory's to say, so that
/// somebody else's backend answers like one that does not exist.
///
/// # Errors
/// `Forbidden`, naming the scope that is missing.
pub(super) fn check<O: Operation>(caller: &Caller, _target: &Target<'_>, cx: &Context) -> Result<()> {
    holds(caller, O::SCOPE)?;
    if cx.native {
        holds(caller, Scope::NativeRead)?;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::operations::accounts::GetAccount;

    fn check_with(scopes: &[Scope], native: bool) -> Result<()> {
        let caller = Caller::new("test", scopes, None);
        let operation = GetAccount {
            account: "a:1".parse().unwrap(),
        };
        let cx = Context {
            native,
            ..Context::within(Duration::from_secs(1))
        };
        check::<GetAccount>(&caller, &operation.target(), &cx)
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
