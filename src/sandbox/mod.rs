//! The simulated systems: independent of the adapters, written from the vendors' contracts alone.

pub mod counts;
pub mod fault;
pub mod kraken;
