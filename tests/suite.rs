//! Every integration test in one binary: one link instead of a dozen.

// A test stops at the first thing that is not as it should be, in its helpers too; and nobody links against this
// binary.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod kraken;
mod sandbox_kraken;
mod support;
