//! What several test modules share.

pub mod crmcom_contract;
pub mod exchange;
pub mod gentrack_contract;
pub mod tmf678_contract;
