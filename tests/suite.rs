//! Every integration test in one binary: one link instead of a dozen.

// Helpers of tests may fail as loudly as the tests themselves, and nothing leaves this crate.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod api;
mod architecture;
mod config;
mod conformance;
mod crmcom;
mod gentrack;
mod gentrack_parties;
mod kraken;
mod native;
mod openapi;
mod process;
mod readme;
mod sandbox;
mod sandbox_crmcom;
mod sandbox_kraken;
mod sandbox_tmf678;
mod sandbox_urjanet;
mod secrets;
mod spine;
mod support;
mod tmf678;
mod together;
mod urjanet;
