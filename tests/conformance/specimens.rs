//! One request for every operation of every backend, written from the simulated systems' documented data.

use super::{Specimen, tmf678, urjanet};

/// The specimens of a backend, by its name in the sandbox.
pub fn of(backend: &str) -> Vec<Specimen> {
    match backend {
        "gentrack-au" => super::gentrack::specimens(),
        "kraken-us" => super::kraken::specimens(),
        "tmf-carib" => tmf678::specimens(),
        "crmcom-cy" => super::crmcom::specimens(),
        "urjanet-us" => urjanet::specimens(),
        other => panic!("the backend {other} has no specimens"),
    }
}

pub(super) fn read(operation: &'static str, native: &'static str, path: &str, missing: &str) -> Specimen {
    Specimen {
        operation,
        method: "GET",
        path: path.to_owned(),
        others: &[],
        done: 200,
        body: None,
        missing: Some(missing.to_owned()),
        nothing: None,
        pages: false,
        once: false,
        dropped_repeats: false,
        silent: false,
        spends: None,
        native,
    }
}

pub(super) fn list(operation: &'static str, native: &'static str, path: &str, missing: &str) -> Specimen {
    Specimen {
        pages: true,
        ..read(operation, native, path, missing)
    }
}

/// A search: `filters` are its query, `nothing` another one that finds nothing.
pub(super) fn search(
    operation: &'static str,
    native: &'static str,
    path: &str,
    (filters, nothing): (&str, &str),
) -> Specimen {
    Specimen {
        missing: None,
        nothing: Some((format!("{path}?{nothing}"), None)),
        ..list(operation, native, &format!("{path}?{filters}"), "")
    }
}
