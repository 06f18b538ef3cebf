//! What several test modules share.

pub mod exchange;
pub mod openapi;
