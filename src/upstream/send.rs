//! Bytes over the wire; the only file that names reqwest.

use std::time::Duration;

use super::{Call, Reply};
use crate::error::{Error, ErrorKind, Result};

/// Sends one call once: no redirects, no repeats, addresses stripped from its errors.
#[derive(Clone)]
pub struct Sender {}

impl Sender {
    /// Sends a call and reads the whole reply, whatever its status.
    ///
    /// # Errors
    /// `Unavailable` if no connection was made or it broke, `TimedOut` after `within`, `Unreadable` if the reply is larger
    /// than is taken; each says whether the call may have been processed.
    pub async fn send(&self, _call: &Call, _within: Duration) -> Result<Reply> {
        Err(Error::new(ErrorKind::Internal, "the road is not built"))
    }
}
