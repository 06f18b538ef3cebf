//! Which token goes along, and what happens when it is refused.

use std::sync::Arc;

use tower::{Layer, ServiceExt, layer::layer_fn, service_fn};

use super::observe::State;
use super::tokens::{Account, Held};
use super::{Attempt, Hop, Outgoing, Present, Reply};
use crate::error::{ErrorKind, Result, Retry};

/// One backend's way to authorise.
pub(super) struct Authority {
    pub(super) account: Account,
    pub(super) present: Present,
    pub(super) state: Arc<State>,
}

/// Puts a token into each attempt; an attempt without credentials to give goes out as it is.
///
/// A token the system refuses is given up, another is fetched once, and the call is sent once more: a refused call was
/// not processed, so this holds for calls that must not be repeated too.
pub(super) fn authorize<S: Hop<Outgoing>>(
    authority: Option<Arc<Authority>>,
) -> impl Layer<S, Service = impl Hop<Attempt>> {
    layer_fn(move |inner: S| {
        let authority = authority.clone();
        service_fn(move |attempt: Attempt| {
            let (authority, inner) = (authority.clone(), inner.clone());
            async move {
                let Some(authority) = authority else {
                    return inner.oneshot(outgoing(&attempt)).await;
                };
                let token = authority.token(None).await?;
                let first = authority.attempt(inner.clone(), &attempt, &token).await;
                match &first {
                    Err(error) if error.kind() == ErrorKind::Credentials => {}
                    _ => return first,
                }
                attempt.trip.returns();
                let (backend, operation) = (authority.account.backend(), attempt.trip.call.operation);
                tracing::debug!(
                    backend,
                    operation,
                    attempt = attempt.number,
                    "the system refused the token"
                );
                let token = authority.token(Some(&token)).await?;
                let second = authority.attempt(inner, &attempt, &token).await;
                second.map_err(|error| {
                    if error.kind() == ErrorKind::Credentials {
                        authority.state.logged_in(false);
                        return error.retry(Retry::Never);
                    }
                    error
                })
            }
        })
    })
}

fn outgoing(attempt: &Attempt) -> Outgoing {
    Outgoing {
        call: attempt.trip.call.clone(),
        trip: Arc::clone(&attempt.trip),
    }
}

impl Authority {
    pub(super) async fn token(&self, refused: Option<&Held>) -> Result<Arc<Held>> {
        let token = self.account.token(refused).await;
        match &token {
            Ok(_) => self.state.logged_in(true),
            Err(error) if error.kind() == ErrorKind::Credentials => self.state.logged_in(false),
            Err(_) => {}
        }
        token
    }

    async fn attempt(&self, inner: impl Hop<Outgoing>, attempt: &Attempt, token: &Held) -> Result<Reply> {
        let mut outgoing = outgoing(attempt);
        (self.present)(&mut outgoing.call, &token.token)?;
        let result = inner.oneshot(outgoing).await;
        if result.is_ok() {
            token.was_taken();
        }
        result
    }
}
