//! What a reply means.

use tower::{Layer, ServiceExt, layer::layer_fn, service_fn};

use super::{Hop, Outgoing, Verdict};

/// Runs the backend's verdict on every reply.
pub(super) fn judge<S: Hop<Outgoing>>(verdict: Verdict) -> impl Layer<S, Service = impl Hop<Outgoing>> {
    layer_fn(move |inner: S| {
        service_fn(move |outgoing: Outgoing| {
            let inner = inner.clone();
            async move {
                let reply = inner.oneshot(outgoing).await?;
                verdict(&reply)?;
                Ok(reply)
            }
        })
    })
}
