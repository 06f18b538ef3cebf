//! What several test modules share.

pub mod exchange;
pub mod kraken_contract;
