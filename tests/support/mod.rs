//! What several test modules share.

pub mod exchange;
pub mod gentrack_contract;
pub mod tmf678_contract;
