//! How many calls a system gets at once.

use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::{Layer, ServiceExt, layer::layer_fn, service_fn};

use super::{Attempt, Hop, Trip};
use crate::error::{Error, ErrorKind, Result, Retry};

/// Gives each attempt a permit, or none if its time ends in the queue.
pub(super) fn limit<S: Hop<Attempt>>(permits: Arc<Semaphore>) -> impl Layer<S, Service = impl Hop<Attempt>> {
    layer_fn(move |inner: S| {
        let permits = Arc::clone(&permits);
        service_fn(move |attempt: Attempt| {
            let (permits, inner) = (Arc::clone(&permits), inner.clone());
            async move {
                let trip = Arc::clone(&attempt.trip);
                let permit = permit(permits, &trip).await?;
                // What is behind the queue is several times the queue's own size, and whoever waits need not hold it yet.
                let result = inner.oneshot(attempt).boxed().await;
                if let (Ok(_), Some(aside)) = (&result, &trip.aside) {
                    // What is not read yet is still a call to the system.
                    aside.keep(permit);
                }
                result
            }
        })
    })
}

async fn permit(permits: Arc<Semaphore>, trip: &Trip) -> Result<OwnedSemaphorePermit> {
    // No timer for the call that need not wait.
    let permits = match Arc::clone(&permits).try_acquire_owned() {
        Ok(permit) => return Ok(permit),
        Err(_) => permits,
    };
    match tokio::time::timeout_at(trip.ends, permits.acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        // The semaphore is never closed, so this is the queue's end or nothing.
        Ok(Err(_)) | Err(_) => Err(Error::new(
            ErrorKind::Unavailable,
            "as many calls to the system are under way as its configured concurrency allows, and none ended in time",
        )
        .retry(Retry::Safe { after: None })),
    }
}
