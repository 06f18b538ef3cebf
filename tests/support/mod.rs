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

/// Prints a table, and keeps it in a file as well: what a test prints is not shown when it holds.
#[expect(clippy::print_stdout, reason = "a table is for whoever runs the tests")]
pub fn show(name: &str, table: &str) {
    println!("{table}");
    std::fs::write(
        format!("{}/{name}.txt", env!("CARGO_TARGET_TMPDIR")),
        format!("{table}\n"),
    )
    .unwrap();
}
