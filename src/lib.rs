//! Intertie: one REST gateway over the billing systems of utilities.

pub mod backends;
pub mod error;
pub mod model;
pub mod operations;
pub mod sandbox;
pub mod upstream;
