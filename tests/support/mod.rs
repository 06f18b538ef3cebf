//! What several test modules share.

pub mod crmcom_contract;
pub mod exchange;
pub mod gentrack_contract;
pub mod kraken_contract;
pub mod marks;
pub mod openapi;
pub mod program;
pub mod stage;
pub mod tap;
pub mod tmf678_contract;
pub mod urjanet_contract;
pub mod watch;

/// Prints a table, and keeps it in a file as well: what a test prints is not shown when it holds.
#[expect(clippy::print_stdout, reason = "a table is for whoever runs the tests")]
pub fn show(name: &str, table: &str) {
    println!("{table}");
    keep(name, table);
}

/// Keeps a table in a file, which `.ci/run` prints.
pub fn keep(name: &str, table: &str) {
    std::fs::write(
        format!("{}/{name}.txt", env!("CARGO_TARGET_TMPDIR")),
        format!("{table}\n"),
    )
    .unwrap();
}
