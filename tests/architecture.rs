//! The arrows between the parts of the house: who may name whom, read off every path in the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Each part with the parts it may name. `backends` is the record and the list, `backends/*` any one system.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("cli", &["api", "app", "auth", "config", "sandbox", "telemetry"]),
    (
        "app",
        &[
            "api",
            "auth",
            "backends",
            "backends/*",
            "config",
            "error",
            "gateway",
            "model",
            "operations",
            "sandbox",
            "telemetry",
            "upstream",
        ],
    ),
    // Names the types of what it reads, and reads nothing else of theirs.
    (
        "config",
        &[
            "auth",
            "backends",
            "backends/*",
            "model",
            "operations",
            "telemetry",
            "upstream",
        ],
    ),
    ("telemetry", &[]),
    ("api", &["auth", "backends", "error", "gateway", "model", "operations"]),
    ("auth", &["error", "model", "operations"]),
    ("gateway", &["auth", "backends", "error", "model", "operations"]),
    ("backends", &["backends/*", "error", "model", "operations", "upstream"]),
    // Itself, but no other system: see `allowed`.
    ("backends/*", &["backends", "error", "model", "operations", "upstream"]),
    ("upstream", &["error"]),
    ("operations", &["error", "model"]),
    ("model", &[]),
    ("error", &[]),
    // It must not agree with the adapters by construction.
    ("sandbox", &[]),
];

/// Crates that only some files may name, and those files' beginnings.
const CRATES: &[(&str, &[&str])] = &[
    ("axum", &["api/", "auth/", "app/", "sandbox/", "cli.rs"]),
    ("reqwest", &["upstream/send.rs"]),
    ("oauth2", &["upstream/grants.rs"]),
    ("jsonwebtoken", &["auth/"]),
    ("clap", &["cli.rs"]),
    ("metrics_exporter_prometheus", &["telemetry.rs"]),
    ("tracing_subscriber", &["telemetry.rs"]),
];

/// The part a file below `src` belongs to.
fn part(file: &str) -> Option<String> {
    let (first, rest) = match file.split_once('/') {
        Some((first, rest)) => (first, rest),
        None => (file.strip_suffix(".rs")?, ""),
    };
    if first == "backends" {
        return Some(match rest.split_once('/') {
            Some((system, _)) => format!("backends/{system}"),
            None if matches!(rest, "mod.rs" | "native.rs" | "owner.rs" | "wire.rs") => "backends".to_owned(),
            None => return None,
        });
    }
    let known = first == "lib" || ARROWS.iter().any(|(part, _)| *part == first);
    known.then(|| first.to_owned())
}

/// The modules a file stands in.
fn modules(file: &str) -> Vec<String> {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let mut modules: Vec<String> = path.split('/').map(str::to_owned).collect();
    if matches!(modules.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        modules.pop();
    }
    modules
}

fn allowed(from: &str, to: &str) -> bool {
    if from == to || from == "lib" {
        return true;
    }
    let class = |part: &str| {
        if part.starts_with("backends/") {
            "backends/*".to_owned()
        } else {
            part.to_owned()
        }
    };
    let row = ARROWS.iter().find(|(part, _)| *part == class(from));
    row.is_some_and(|(_, may)| may.contains(&class(to).as_str()))
}

/// What a file names that it may not; `systems` are the folders below `backends`.
fn trespasses(file: &str, source: &str, systems: &[String]) -> Vec<String> {
    let Some(from) = part(file) else {
        return vec![format!("{file}: belongs to no part; place it in `ARROWS`")];
    };
    let mut found = BTreeSet::new();
    for path in paths(&without_tests(&tokens(source))) {
        let first = path[0].as_str();
        if let Some((name, may)) = CRATES.iter().find(|(name, _)| *name == first)
            && !may.iter().any(|start| file.starts_with(start))
        {
            found.insert(format!("{file}: names {name}, which only {} may", may.join(", ")));
        }
        let Some(target) = target(file, &path) else { continue };
        let to = match &target[..] {
            [] => continue,
            [first, second, ..] if first == "backends" && systems.contains(second) => format!("backends/{second}"),
            [first, ..] => first.clone(),
        };
        // A name that is no part is an item of the crate's root, or of the module itself.
        if ARROWS
            .iter()
            .any(|(part, _)| *part == to || (*part == "backends/*" && to.starts_with("backends/")))
            && !allowed(&from, &to)
        {
            found.insert(format!("{file}: {from} names {to} ({})", path.join("::")));
        }
    }
    found.into_iter().collect()
}

/// Where in the crate a path leads, if it does.
fn target(file: &str, path: &[String]) -> Option<Vec<String>> {
    match path[0].as_str() {
        "crate" | "intertie" => Some(path[1..].to_vec()),
        "super" => {
            let mut at = modules(file);
            let ups = path.iter().take_while(|part| *part == "super").count();
            at.truncate(at.len().saturating_sub(ups));
            at.extend_from_slice(&path[ups..]);
            Some(at)
        }
        _ => None,
    }
}

/// Identifiers, `::`, and single characters; comments and literals are left out.
fn tokens(source: &str) -> Vec<String> {
    let chars: Vec<char> = source.chars().collect();
    let at = |n: usize| chars.get(n).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut n = 0;
    while n < chars.len() {
        let c = chars[n];
        if c == '/' && at(n + 1) == '/' {
            while n < chars.len() && chars[n] != '\n' {
                n += 1;
            }
        } else if c == '/' && at(n + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(n), at(n + 1)) {
                    ('/', '*') => (depth, n) = (depth + 1, n + 2),
                    ('*', '/') => (depth, n) = (depth - 1, n + 2),
                    _ => n += 1,
                }
                if depth == 0 || n >= chars.len() {
                    break;
                }
            }
        } else if c == '"' {
            n += 1;
            while n < chars.len() && chars[n] != '"' {
                n += if chars[n] == '\\' { 2 } else { 1 };
            }
            n += 1;
        } else if c == 'r' && matches!(at(n + 1), '"' | '#') && raw_quote(&chars, n).is_some() {
            let hashes = raw_quote(&chars, n).unwrap_or_default();
            n += 2 + hashes;
            while n < chars.len() && !(chars[n] == '"' && (1..=hashes).all(|h| at(n + h) == '#')) {
                n += 1;
            }
            n += 1 + hashes;
        } else if c == '\'' {
            // A character, unless it is a lifetime.
            if at(n + 1) == '\\' {
                n += 3;
                while n < chars.len() && chars[n] != '\'' {
                    n += 1;
                }
                n += 1;
            } else if at(n + 2) == '\'' {
                n += 3;
            } else {
                n += 1;
            }
        } else if c.is_alphabetic() || c == '_' {
            let start = n;
            while at(n).is_alphanumeric() || at(n) == '_' {
                n += 1;
            }
            tokens.push(chars[start..n].iter().collect());
        } else if c == ':' && at(n + 1) == ':' {
            tokens.push("::".to_owned());
            n += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            n += 1;
        }
    }
    tokens
}

/// How many hashes stand before the quote of a raw string that begins here.
fn raw_quote(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(start + 1 + hashes) == Some(&'"')).then_some(hashes)
}

/// The tokens without what is compiled for tests alone: those look at a part from outside.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let mark = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut n = 0;
    while n < tokens.len() {
        if !tokens[n..].iter().map(String::as_str).take(mark.len()).eq(mark) {
            kept.push(tokens[n].clone());
            n += 1;
            continue;
        }
        // The item goes to its semicolon, or to the end of its first braces.
        let mut depth = 0;
        n += mark.len();
        while n < tokens.len() {
            n += 1;
            match tokens[n - 1].as_str() {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                ";" if depth == 0 => break,
                _ => {}
            }
        }
    }
    kept
}

/// Every path of two names and more, groups written out, and every crate named by a `use` alone.
fn paths(tokens: &[String]) -> Vec<Vec<String>> {
    let name = |token: &String| token.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let mut found = Vec::new();
    let mut n = 0;
    while n < tokens.len() {
        let inside = n > 0 && matches!(tokens[n - 1].as_str(), "." | "::") && n > 1 && name(&tokens[n - 2]);
        if !name(&tokens[n]) || inside {
            n += 1;
            continue;
        }
        let used = n > 0 && matches!(tokens[n - 1].as_str(), "use" | "crate" | "::") && tokens[n] != "crate";
        let start = n;
        let mut some = Vec::new();
        expand(tokens, &mut n, &[], &mut some);
        found.extend(some.into_iter().filter(|path| path.len() > 1 || used));
        n = n.max(start + 1);
    }
    found
}

/// Reads one path with its groups from `n` on.
fn expand(tokens: &[String], n: &mut usize, before: &[String], found: &mut Vec<Vec<String>>) {
    let mut path = before.to_vec();
    let name = |token: &String| token.starts_with(|c: char| c.is_alphabetic() || c == '_');
    while let Some(token) = tokens.get(*n) {
        if name(token) && token != "as" {
            path.push(token.clone());
            *n += 1;
        } else if token == "{" && *n > 0 && tokens[*n - 1] == "::" {
            *n += 1;
            while tokens.get(*n).is_some_and(|token| token != "}") {
                let start = *n;
                expand(tokens, n, &path, found);
                while tokens.get(*n).is_some_and(|token| token != "," && token != "}") {
                    *n += 1;
                }
                if tokens.get(*n).is_some_and(|token| token == ",") {
                    *n += 1;
                }
                *n = (*n).max(start + 1);
            }
            *n += 1;
            return;
        } else {
            break;
        }
        match tokens.get(*n) {
            Some(token) if token == "::" => *n += 1,
            _ => break,
        }
    }
    found.push(path);
}

fn sources(folder: &Path, below: &str, found: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{below}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            sources(&entry.path(), &format!("{name}/"), found);
        } else if name.ends_with(".rs") {
            found.push((name, fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

#[test]
fn every_arrow_is_allowed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, "", &mut files);
    assert!(files.len() > 50, "only {} files were found", files.len());
    let systems: Vec<String> = fs::read_dir(root.join("backends"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert!(systems.len() >= 2, "{systems:?}");
    let found: Vec<String> = files
        .iter()
        .flat_map(|(file, source)| trespasses(file, source, &systems))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn found(file: &str, source: &str) -> Vec<String> {
    trespasses(file, source, &["gentrack".to_owned(), "kraken".to_owned()])
}

#[test]
fn a_forbidden_arrow_is_found_however_it_is_written() {
    let forbidden = [
        ("model/bill.rs", "use crate::error::Error;"),
        ("error.rs", "fn f() -> crate::model::Money { todo!() }"),
        ("api/bills.rs", "use crate::{error::Error, upstream::{self, Call}};"),
        ("api/bills.rs", "use crate::backends::gentrack::Config;"),
        ("api/bills.rs", "use crate::{backends::{self, kraken}, model};"),
        ("backends/kraken/mod.rs", "use crate::backends::gentrack::map;"),
        (
            "backends/kraken/calls/bills.rs",
            "use super::super::super::gentrack::map;",
        ),
        ("backends/kraken/mod.rs", "let x = super::gentrack::map::bill();"),
        ("backends/gentrack/map.rs", "use crate::api::State;"),
        ("backends/gentrack/map.rs", "use crate::gateway::Gateway;"),
        ("sandbox/gentrack/mod.rs", "use crate::model::money::Money;"),
        ("sandbox/serve.rs", "use super::super::error::Error;"),
        ("upstream/retry.rs", "type T = crate::operations::Repeat;"),
        ("gateway/mod.rs", "use crate::upstream::Upstream;"),
        ("config/mod.rs", "use crate::api::Settings;"),
        ("main.rs", "fn main() { intertie::app::run() }"),
        ("telemetry.rs", "use crate::config::Config;"),
    ];
    for (file, source) in forbidden {
        assert!(!found(file, source).is_empty(), "{file}: {source}");
    }
}

#[test]
fn a_crate_is_found_where_it_may_not_be() {
    let forbidden = [
        ("gateway/mod.rs", "use axum::Router;"),
        ("gateway/mod.rs", "fn f() -> ::axum::Router { todo!() }"),
        ("gateway/mod.rs", "#[axum::debug_handler] fn f() {}"),
        ("model/bill.rs", "use {serde::Serialize, axum::Json};"),
        ("upstream/mod.rs", "use reqwest;"),
        ("upstream/grants.rs", "use reqwest::Client;"),
        ("upstream/tokens.rs", "use oauth2::Scope;"),
        ("app/mod.rs", "use clap::Parser;"),
    ];
    for (file, source) in forbidden {
        assert!(!found(file, source).is_empty(), "{file}: {source}");
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    let fine = [
        (
            "api/bills.rs",
            "use crate::gateway::Gateway; use axum::Json; use utoipa_axum::routes;",
        ),
        (
            "backends/kraken/calls/bills.rs",
            "use super::super::map; use crate::backends::{Backend, kraken::wire};",
        ),
        ("backends/mod.rs", "pub mod gentrack; use crate::upstream::tokens;"),
        ("model/bill.rs", "use super::money::Money; use crate::model::id::Id;"),
        ("upstream/send.rs", "use reqwest::Client;"),
        (
            "model/bill.rs",
            "// use crate::api::State;\n/* crate::api::X /* nested */ */ const X: &str = \"crate::api\";",
        ),
        (
            "model/bill.rs",
            "const X: &str = r#\"use \"crate::api::State\"\"#; const C: char = '\"'; const D: char = '\\'';",
        ),
        (
            "model/bill.rs",
            "fn f<'a>(x: &'a str) {} #[cfg(test)] mod tests { use crate::api::State; fn g() {} }",
        ),
        ("gateway/mod.rs", "fn axum() { let axum = 1; self.axum::<u8>(); }"),
    ];
    for (file, source) in fine {
        assert!(
            found(file, source).is_empty(),
            "{file}: {source}: {:?}",
            found(file, source)
        );
    }
}

#[test]
fn a_file_that_belongs_nowhere_is_found() {
    for file in ["helpers.rs", "util/mod.rs", "backends/common.rs"] {
        assert!(found(file, "")[0].contains("belongs to no part"), "{file}");
    }
}

/// A function of the tests, as far as it matters here.
struct Function {
    /// How it is called from its own file: `name(`, or `Type::name(`.
    called: String,
    /// The type whose function it is.
    of: Option<String>,
    is_test: bool,
    body: String,
}

/// The functions of a formatted file, read off their indentation.
fn functions(source: &str) -> Vec<Function> {
    let lines: Vec<&str> = source.lines().collect();
    let (mut functions, mut of) = (Vec::new(), None::<String>);
    for (at, line) in lines.iter().enumerate() {
        if line.starts_with("impl") {
            let head = line.trim_end_matches(" {").rsplit(" for ").next().unwrap();
            let name = head.rsplit(' ').next().unwrap().split('<').next().unwrap();
            of = Some(name.to_owned());
        } else if *line == "}" {
            of = None;
        }
        let bare = line.trim_start();
        let words = bare.trim_start_matches("pub ").trim_start_matches("async ");
        let Some(name) = words.strip_prefix("fn ") else {
            continue;
        };
        let name = name.split(['(', '<']).next().unwrap();
        let end = format!("{}}}", &line[..line.len() - bare.len()]);
        let body = lines[at..].iter().take_while(|line| **line != end);
        functions.push(Function {
            called: match &of {
                Some(of) => format!("{of}::{name}("),
                None => format!("{name}("),
            },
            of: of.clone(),
            is_test: at > 0 && lines[at - 1].starts_with("#[tokio::test"),
            body: body.copied().collect::<Vec<_>>().join("\n"),
        });
    }
    functions
}

/// Whether a text calls a function, and not one whose name ends alike.
fn calls(function: &Function, called: &str) -> bool {
    let own = function
        .of
        .as_ref()
        .map(|of| function.body.replace("Self::", &format!("{of}::")));
    let body = own.as_ref().unwrap_or(&function.body);
    body.match_indices(called).any(|(at, _)| {
        !body[..at].ends_with(|before: char| before.is_alphanumeric() || matches!(before, '_' | ':' | '.'))
    })
}

/// The tests with a runtime that do not switch the watch on, by themselves or by what they call.
fn unwatched(source: &str) -> Vec<String> {
    let functions = functions(source);
    let mut watched: BTreeSet<String> = ["watch::on(", "watch::Lines::kept("].map(str::to_owned).into();
    if source.contains("support::stage::") {
        watched.extend(["open", "tapped", "roomy"].map(|name| format!("Stage::{name}(")));
    }
    // A process of its own, whose output is searched.
    if source.contains("support::program::") {
        watched.insert("Program::start(".to_owned());
    }
    loop {
        let more: Vec<String> = functions
            .iter()
            .filter(|function| !watched.contains(&function.called))
            .filter(|function| watched.iter().any(|called| calls(function, called)))
            .map(|function| function.called.clone())
            .collect();
        if more.is_empty() {
            break;
        }
        watched.extend(more);
    }
    let tests = functions.into_iter().filter(|function| function.is_test);
    tests
        .map(|test| test.called)
        .filter(|test| !watched.contains(test))
        .collect()
}

#[test]
fn no_test_runs_the_house_without_the_watch_for_secrets() {
    let (mut tests, mut found) = (0, Vec::new());
    for folder in ["tests", "tests/conformance"] {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "rs") {
                let source = fs::read_to_string(&path).unwrap();
                tests += functions(&source).iter().filter(|function| function.is_test).count();
                found.extend(
                    unwatched(&source)
                        .into_iter()
                        .map(|test| format!("{}: {test})", path.display())),
                );
            }
        }
    }
    assert!(tests > 200, "only {tests} tests were looked at");
    assert!(
        found.is_empty(),
        "call `watch::on()` where these begin:\n{}",
        found.join("\n")
    );

    let through = "impl Scene {\n    fn new() -> Self {\n        watch::on();\n    }\n}\n";
    let test = |body: &str| format!("{through}#[tokio::test]\nasync fn a_test() {{\n    {body}\n}}\n");
    assert!(unwatched(&test("let scene = Scene::new().await;")).is_empty());
    for body in ["let other = OtherScene::new();", "let list = Vec::new();", "renew();"] {
        assert_eq!(unwatched(&test(body)), ["a_test("], "{body}");
    }
}
