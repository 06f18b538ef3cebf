//! The contract's examples, each beside what it means, for the tests that read them.
//!
//! The files of the folder are what counts, not a list of them: an example whose meaning nobody wrote down fails, and so
//! does one that is of none of the kinds below. Each kind is read by one test, which reads all of it; writes are made, and
//! their answers read, in `tests/kraken.rs`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

/// One request and its answer, and what they mean.
pub(super) struct Example {
    /// The file and the place in it.
    pub(super) name: String,
    /// The request and the answer.
    pub(super) exchange: Value,
    /// What `truth.json` says of them.
    pub(super) truth: Value,
}

/// Who reads an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// It is a login that is granted.
    Login,
    /// It is an error, or holds one.
    Verdict,
    /// It is a record or a list.
    Map,
    /// It is a write, which the adapter sends to the letter.
    Write,
}

impl Example {
    fn reader(&self) -> Reader {
        let truth = &self.truth;
        match (
            truth.get("ends"),
            truth.get("kind"),
            truth.get("request"),
            truth.get("data"),
        ) {
            (Some(_), None, None, None) => Reader::Login,
            (None, Some(_), None, _) => Reader::Verdict,
            (None, None, Some(_), Some(_)) => Reader::Write,
            (None, None, None, Some(_)) => Reader::Map,
            _ => panic!("{} is read by no test: {truth}", self.name),
        }
    }
}

/// Every example that is of a kind.
pub(super) fn of(reader: Reader) -> Vec<Example> {
    all().into_iter().filter(|example| example.reader() == reader).collect()
}

fn all() -> Vec<Example> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kraken");
    let read = |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let truth = read(&fixtures.join("truth.json"));
    let files: BTreeSet<String> = std::fs::read_dir(fixtures.join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let told: BTreeSet<String> = truth.as_object().unwrap().keys().cloned().collect();
    let strays: Vec<_> = told
        .iter()
        .filter(|name| *name != "about" && !files.contains(*name))
        .collect();
    assert!(strays.is_empty(), "the truth is told of what is not there: {strays:?}");
    let mut all = Vec::new();
    for file in files {
        let exchanges = read(&fixtures.join("examples").join(&file))["exchanges"].take();
        let (exchanges, truths) = (exchanges.as_array().unwrap(), truth[&file].as_array());
        let truths = truths.unwrap_or_else(|| panic!("what {file} means is not told"));
        assert_eq!(exchanges.len(), truths.len(), "{file}");
        for (at, (exchange, truth)) in exchanges.iter().zip(truths).enumerate() {
            all.push(Example {
                name: format!("{file}[{at}]"),
                exchange: exchange.clone(),
                truth: truth.clone(),
            });
        }
    }
    all
}

/// Whatever the truth names must be so; what it does not name is not claimed.
pub(super) fn assert_holds(truth: &Value, record: &Value, at: &str) {
    match (truth, record) {
        (Value::Object(truth), Value::Object(record)) => {
            for (member, truth) in truth {
                let record = record.get(member).unwrap_or_else(|| panic!("{at}.{member} is absent"));
                assert_holds(truth, record, &format!("{at}.{member}"));
            }
        }
        (Value::Array(truth), Value::Array(records)) => {
            assert_eq!(truth.len(), records.len(), "{at}");
            for (n, (truth, record)) in truth.iter().zip(records).enumerate() {
                assert_holds(truth, record, &format!("{at}[{n}]"));
            }
        }
        _ => assert_eq!(truth, record, "{at}"),
    }
}

#[test]
fn every_example_is_read_by_one_test() {
    let readers = [Reader::Login, Reader::Verdict, Reader::Map, Reader::Write];
    let counts = readers.map(|reader| of(reader).len());
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), all().len());
}
