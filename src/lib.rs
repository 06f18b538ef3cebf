//! Intertie: one REST gateway over the billing systems of utilities.

pub mod api;
pub mod app;
pub mod auth;
pub mod backends;
pub mod cli;
pub mod config;
pub mod error;
pub mod gateway;
pub mod model;
pub mod operations;
pub mod sandbox;
pub mod telemetry;
pub mod upstream;
