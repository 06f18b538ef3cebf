//! Every record that an operation names is one whose owner is asked about.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const SRC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// The text of every source file below a folder.
fn sources(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(sources(&path));
        } else {
            all.push(fs::read_to_string(path).unwrap());
        }
    }
    all
}

/// The words of a text that may be names.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_alphanumeric() && char != '_')
        .filter(|word| !word.is_empty())
}

/// What stands between a text and the brace that closes it at the left margin.
fn block<'s>(source: &'s str, start: &str) -> impl Iterator<Item = (&'s str, &'s str)> {
    let parts = source.split(start).skip(1).map(|part| {
        let name = words(part).next().unwrap();
        (name, part.split_once("\n}").map_or(part, |(block, _)| block))
    });
    parts.collect::<Vec<_>>().into_iter()
}

/// The fields of every public structure: name and type.
fn structures(sources: &[String]) -> BTreeMap<&str, Vec<(&str, &str)>> {
    let mut all = BTreeMap::new();
    for source in sources {
        for (name, block) in block(source, "\npub struct ") {
            let fields = block.lines().filter_map(|line| {
                let (name, of) = line.strip_prefix("    pub ")?.split_once(": ")?;
                Some((name, of.trim_end_matches(',')))
            });
            all.insert(name, fields.collect());
        }
    }
    all
}

/// Whether a type names a record, itself or in what it is made of.
fn names_a_record<'s>(
    of: &'s str,
    structures: &BTreeMap<&'s str, Vec<(&'s str, &'s str)>>,
    seen: &mut BTreeSet<&'s str>,
) -> bool {
    words(of).any(|word| {
        (word.len() > 2 && word.ends_with("Id"))
            || (seen.insert(word)
                && structures
                    .get(word)
                    .is_some_and(|fields| fields.iter().any(|(_, of)| names_a_record(of, structures, seen))))
    })
}

#[test]
fn an_operation_tells_every_record_it_names() {
    let operations = sources(&Path::new(SRC).join("operations"));
    let model = sources(&Path::new(SRC).join("model"));
    let mut structures = structures(&model);
    let own = self::structures(&operations);
    structures.extend(own);
    let (mut looked, mut faults) = (0, Vec::new());
    for source in &operations {
        for (name, block) in block(source, "\nimpl Operation for ") {
            looked += 1;
            // One that names no record as its target is refused whatever else it names.
            if !block.contains("Target::record(") {
                continue;
            }
            for (field, of) in &structures[name] {
                let named = names_a_record(of, &structures, &mut BTreeSet::new());
                if named && !block.contains(&format!("self.{field}")) {
                    faults.push(format!("{name}.{field}: neither its target nor its others tell of it"));
                }
            }
        }
    }
    assert!(looked > 70, "{looked}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
