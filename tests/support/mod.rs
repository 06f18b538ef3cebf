//! What several test modules share.

pub mod exchange;
pub mod gentrack_contract;
pub mod kraken_contract;
pub mod openapi;
pub mod stage;
pub mod tap;
pub mod urjanet_contract;
