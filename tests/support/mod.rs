//! What several test modules share.

pub mod crmcom_contract;
pub mod exchange;
pub mod gentrack_contract;
pub mod kraken_contract;
pub mod openapi;
pub mod stage;
pub mod tap;
pub mod tmf678_contract;
pub mod urjanet_contract;
