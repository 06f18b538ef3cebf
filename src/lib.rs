//! Intertie: one REST gateway over the billing systems of utilities.

pub mod sandbox;
