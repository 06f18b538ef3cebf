//! Which failures are tried again, when, and how the last one is told.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, Sleep};
use tower::retry::Policy;
use tower::retry::budget::{Budget, TpsBudget};

use super::{Attempt, Reply, Settings};
use crate::error::{Error, ErrorKind, Result, Retry};

/// The longest pause that is not asked for by the system.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The rules of one backend.
#[derive(Clone)]
pub(super) struct Rules(Arc<Inner>);

struct Inner {
    backend: String,
    attempts: u32,
    backoff: Duration,
    budget: TpsBudget,
}

impl Rules {
    pub(super) fn new(backend: &str, settings: &Settings) -> Self {
        Self(Arc::new(Inner {
            backend: backend.to_owned(),
            attempts: settings.attempts,
            backoff: settings.backoff,
            // One repeat for five calls of the last ten seconds, so that an outage is not multiplied from here; and one a
            // second besides, so that a backend with little traffic can be tried again at all.
            budget: TpsBudget::new(Duration::from_secs(10), 1, 0.2),
        }))
    }

    /// Counts a call towards the budget.
    pub(super) fn count(&self) {
        self.0.budget.deposit();
    }

    /// How long to wait before the next attempt, or why there is none.
    fn pause(&self, next: &Attempt, error: &Error) -> Result<Duration, &'static str> {
        let asked = match error.retryable() {
            Retry::Never => return Err("it cannot help"),
            Retry::IfRepeatable { .. } if !next.trip.call.may_repeat => return Err("it may have been processed"),
            Retry::IfRepeatable { after } | Retry::Safe { after } => after,
        };
        if next.number > self.0.attempts {
            return Err("all attempts are made");
        }
        let pause = jittered(self.0.backoff, next.number.saturating_sub(2));
        // Whoever was told the same time to come back does not come back in the same instant.
        let pause = asked.unwrap_or_default().saturating_add(pause);
        let fits = Instant::now()
            .checked_add(pause)
            .is_some_and(|then| then < next.trip.ends);
        if !fits {
            return Err("there is no time");
        }
        if !self.0.budget.withdraw() {
            return Err("the retry budget is spent");
        }
        Ok(pause)
    }

    /// The failure as the caller is told it.
    fn told(&self, error: Error, made: u32, attempt: &Attempt) -> Error {
        let call = &attempt.trip.call;
        // An answer that cannot be read may have been a yes.
        let unread = error.kind() == ErrorKind::Unreadable;
        let lost = !call.may_repeat && (unread || matches!(error.retryable(), Retry::IfRepeatable { .. }));
        let error = if lost {
            error
                .turned_into(
                    ErrorKind::OutcomeUnknown,
                    "the call was sent to the system but its answer was lost: it may or may not have been executed",
                )
                .retry(Retry::Never)
        } else {
            error
        };
        error
            .at_backend(&self.0.backend)
            .in_operation(call.operation)
            .after_attempts(made)
    }
}

/// Full jitter: anything up to the doubled pause, so that callers who failed together do not return together.
fn jittered(first: Duration, doublings: u32) -> Duration {
    let most = first.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_PAUSE);
    let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(fastrand::u64(0..=most))
}

impl Policy<Attempt, Reply, Error> for Rules {
    type Future = Sleep;

    fn retry(&mut self, next: &mut Attempt, result: &mut Result<Reply, Error>) -> Option<Sleep> {
        let error = result.as_mut().err()?;
        let (made, operation) = (next.number.saturating_sub(1), next.trip.call.operation);
        let backend = self.0.backend.as_str();
        let outcome = error.kind().label();
        match self.pause(next, error) {
            Ok(pause) => {
                let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(
                    backend,
                    operation,
                    attempt = made,
                    outcome,
                    pause_ms,
                    "asking the system again"
                );
                next.trip.returns();
                Some(tokio::time::sleep(pause))
            }
            Err(why) => {
                tracing::debug!(
                    backend,
                    operation,
                    attempt = made,
                    outcome,
                    why,
                    "not asking the system again"
                );
                let taken = std::mem::replace(error, Error::new(ErrorKind::Internal, ""));
                *error = self.told(taken, made, next);
                None
            }
        }
    }

    fn clone_request(&mut self, attempt: &Attempt) -> Option<Attempt> {
        Some(Attempt {
            trip: Arc::clone(&attempt.trip),
            number: attempt.number + 1,
        })
    }
}
