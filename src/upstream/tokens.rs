//! The token cache.

/// Tokens of all backends, by token endpoint, client and scope. One login at a time per key; waiters share its result.
#[derive(Default)]
pub struct Cache {}
