//! How long one attempt may take.

use std::time::Duration;

use tokio::time::Instant;
use tower::{Layer, ServiceExt, layer::layer_fn, service_fn};

use super::{Attempt, Hop};
use crate::error::{Error, ErrorKind, Retry};

/// Ends an attempt after `longest`, or when the call's time is over.
///
/// `on_silence` is told when a system that was asked did not answer.
pub(super) fn clock<S: Hop<Attempt>>(
    longest: Duration,
    on_silence: impl Fn() + Clone + Send + Sync + 'static,
) -> impl Layer<S, Service = impl Hop<Attempt>> {
    layer_fn(move |inner: S| {
        let on_silence = on_silence.clone();
        service_fn(move |attempt: Attempt| {
            let (inner, on_silence) = (inner.clone(), on_silence.clone());
            async move {
                let trip = std::sync::Arc::clone(&attempt.trip);
                let until = trip.ends.min(Instant::now() + longest);
                match tokio::time::timeout_at(until, inner.oneshot(attempt)).await {
                    Ok(result) => result,
                    Err(_) if trip.has_left() => {
                        on_silence();
                        Err(Error::new(ErrorKind::TimedOut, "the system did not answer in time")
                            .retry(Retry::IfRepeatable { after: None }))
                    }
                    Err(_) => Err(
                        Error::new(ErrorKind::TimedOut, "the login at the system did not end in time")
                            .retry(Retry::Safe { after: None }),
                    ),
                }
            }
        })
    })
}
