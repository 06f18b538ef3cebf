//! Reads typed members out of a table, remembers which were asked for, and collects every fault on the way.
//!
//! serde stops at the first fault, which makes a configuration with five of them five runs long. eserde collects them,
//! but only for JSON and through a second derive on every type, and knows nothing of nearest names or of where a secret
//! comes from; this reader is small and does all three.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::values::{self, Value};

/// One thing wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The member, such as `backends[1].currency`; empty for the file as a whole.
    pub path: String,
    /// The line it stands on, counted from one.
    pub line: usize,
    /// The column it stands in, counted in characters from one.
    pub column: usize,
    /// What is wrong and what would be right. Never holds a secret.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{} (line {}, column {})", self.message, self.line, self.column)
    }
}

/// What a reference to something outside the file is looked up in.
pub(super) struct Sources<'a> {
    /// The environment.
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
    /// What relative paths in the file start from.
    pub(super) folder: &'a Path,
}

/// The text being read and what was found wrong with it.
pub(super) struct Reader<'a> {
    text: &'a str,
    sources: Sources<'a>,
    faults: RefCell<Vec<(usize, Fault)>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, sources: Sources<'a>) -> Self {
        Self {
            text,
            sources,
            faults: RefCell::default(),
        }
    }

    /// Adds a fault at a place of the text.
    pub(super) fn fault(&self, at: usize, path: impl Into<String>, message: impl Into<String>) {
        let (line, column) = position(self.text, at);
        let fault = Fault {
            path: path.into(),
            line,
            column,
            message: message.into(),
        };
        self.faults.borrow_mut().push((at, fault));
    }

    /// Everything found, in the order of the text.
    pub(super) fn into_faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort_by(|(at, one), (to, other)| at.cmp(to).then_with(|| one.path.cmp(&other.path)));
        faults.into_iter().map(|(_, fault)| fault).collect()
    }

    fn path_of(&self, named: &str) -> PathBuf {
        self.sources.folder.join(named)
    }
}

fn position(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}

/// One table. When it is dropped, members nobody asked for are faults.
pub(super) struct Section<'a> {
    reader: &'a Reader<'a>,
    table: &'a DeTable<'a>,
    path: String,
    span: Range<usize>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn root(reader: &'a Reader<'a>, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self {
            reader,
            table: table.get_ref(),
            path: String::new(),
            span: 0..0,
            asked: RefCell::default(),
        }
    }

    /// The full path of a member.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Adds a fault at a member, or at the table where the member is missing.
    pub(super) fn fault(&self, key: &str, message: impl Into<String>) {
        let at = self
            .table
            .get_key_value(key)
            .map_or(self.span.start, |(key, _)| key.span().start);
        self.reader.fault(at, self.path(key), message);
    }

    /// Whether a member is there, without asking for it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether a member is a list.
    pub(super) fn has_list(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.get_ref().is_array())
    }

    /// Whether a member is a table.
    pub(super) fn has_table(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.get_ref().is_table())
    }

    /// Whether a member is a list of nothing.
    pub(super) fn is_empty_list(&self, key: &str) -> bool {
        let list = self.table.get(key).and_then(|value| value.get_ref().as_array());
        list.is_some_and(|items| items.is_empty())
    }

    fn ask(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.table.get(key)
    }

    /// A member that may be left out.
    pub(super) fn optional<T: Value>(&self, key: &'static str) -> Option<T> {
        let value = self.ask(key)?;
        match T::read(value.get_ref()) {
            Ok(read) => Some(read),
            Err(message) => {
                self.fault(key, message);
                None
            }
        }
    }

    /// A member that must be there.
    pub(super) fn required<T: Value>(&self, key: &'static str) -> Option<T> {
        let read = self.optional(key);
        if read.is_none() && !self.has(key) {
            self.fault(key, format!("missing; {}", T::EXPECTED));
        }
        read
    }

    /// A member with a default.
    pub(super) fn or<T: Value>(&self, key: &'static str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// A time longer than nothing, with a default.
    pub(super) fn positive(&self, key: &'static str, default: Duration) -> Duration {
        let read = self.or(key, default);
        if read.is_zero() {
            self.fault(key, "must be longer than nothing");
            return default;
        }
        read
    }

    /// A whole number within bounds, with a default.
    pub(super) fn within(&self, key: &'static str, bounds: std::ops::RangeInclusive<u32>, default: u32) -> u32 {
        let read = self.or(key, default);
        if !bounds.contains(&read) {
            self.fault(key, format!("must lie between {} and {}", bounds.start(), bounds.end()));
            return default;
        }
        read
    }

    /// A list of values, with the place of each in front: those that cannot be read are left out.
    pub(super) fn list<T: Value>(&self, key: &'static str) -> Option<Vec<(usize, T)>> {
        let value = self.ask(key)?;
        let Some(items) = value.get_ref().as_array() else {
            self.fault(key, format!("must be a list, and is {}", values::kind(value.get_ref())));
            return None;
        };
        let mut read = Vec::with_capacity(items.len());
        for (n, item) in items.iter().enumerate() {
            match T::read(item.get_ref()) {
                Ok(item) => read.push((n, item)),
                Err(message) => self
                    .reader
                    .fault(item.span().start, format!("{}[{n}]", self.path(key)), message),
            }
        }
        Some(read)
    }

    /// Adds a fault at an item of a list.
    pub(super) fn fault_at(&self, key: &str, n: usize, message: impl Into<String>) {
        let at = self
            .table
            .get(key)
            .and_then(|value| value.get_ref().as_array())
            .and_then(|items| items.get(n))
            .map_or(self.span.start, |item| item.span().start);
        self.reader.fault(at, format!("{}[{n}]", self.path(key)), message);
    }

    /// A table below this one; an empty one if it is left out.
    pub(super) fn section(&self, key: &'static str) -> Section<'a> {
        static NOTHING: std::sync::LazyLock<DeTable<'static>> = std::sync::LazyLock::new(DeTable::new);
        let (table, span) = match self.ask(key) {
            None => (&*NOTHING, self.span.clone()),
            Some(value) => match value.get_ref().as_table() {
                Some(table) => (table, value.span()),
                None => {
                    self.fault(
                        key,
                        format!("must be a table, and is {}", values::kind(value.get_ref())),
                    );
                    (&*NOTHING, value.span())
                }
            },
        };
        Section {
            reader: self.reader,
            table,
            path: self.path(key),
            span,
            asked: RefCell::default(),
        }
    }

    /// A list of tables below this one.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.ask(key) else {
            return Vec::new();
        };
        let Some(items) = value.get_ref().as_array() else {
            self.fault(
                key,
                format!(
                    "must be a list of tables, each under `[[{}]]`, and is {}",
                    self.path(key),
                    values::kind(value.get_ref())
                ),
            );
            return Vec::new();
        };
        let mut sections = Vec::with_capacity(items.len());
        for (n, item) in items.iter().enumerate() {
            let path = format!("{}[{n}]", self.path(key));
            match item.get_ref().as_table() {
                Some(table) => sections.push(Section {
                    reader: self.reader,
                    table,
                    path,
                    span: item.span(),
                    asked: RefCell::default(),
                }),
                None => self.reader.fault(
                    item.span().start,
                    path,
                    format!("must be a table, and is {}", values::kind(item.get_ref())),
                ),
            }
        }
        sections
    }

    /// A secret that may be left out, given by reference: `{ env = "NAME" }` or `{ file = "PATH" }`.
    pub(super) fn secret(&self, key: &'static str) -> Option<SecretString> {
        const FORM: &str = "give a reference, `{ env = \"NAME\" }` or `{ file = \"PATH\" }`";
        let value = self.ask(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.fault(key, format!("a secret is never written into this file; {FORM}"));
            return None;
        };
        let reference = Section {
            reader: self.reader,
            table,
            path: self.path(key),
            span: value.span(),
            asked: RefCell::default(),
        };
        let read = match (
            reference.optional::<String>("env"),
            reference.optional::<String>("file"),
        ) {
            (Some(name), None) => (self.reader.sources.env)(&name)
                .map(|value| SecretString::from(trimmed(value)))
                .ok_or_else(|| format!("the environment has no variable `{name}`, or it is not UTF-8")),
            (None, Some(path)) => {
                values::secret_file(&self.reader.path_of(&path)).map(|value| SecretString::from(trimmed(value)))
            }
            (None, None) if reference.has("env") || reference.has("file") => return None,
            _ => Err(FORM.to_owned()),
        };
        match read {
            Ok(secret) if secrecy::ExposeSecret::expose_secret(&secret).is_empty() => {
                self.fault(key, "what it refers to is empty");
                None
            }
            Ok(secret) => Some(secret),
            Err(message) => {
                self.fault(key, message);
                None
            }
        }
    }

    /// A secret that must be there.
    pub(super) fn required_secret(&self, key: &'static str) -> Option<SecretString> {
        let read = self.secret(key);
        if read.is_none() && !self.has(key) {
            self.fault(
                key,
                "missing; a reference to a secret, `{ env = \"NAME\" }` or `{ file = \"PATH\" }`",
            );
        }
        read
    }

    /// Where a file is that is named here, if one is.
    pub(super) fn located(&self, key: &'static str) -> Option<PathBuf> {
        let named: String = self.optional(key)?;
        Some(self.reader.path_of(&named))
    }

    /// The bytes of a file named here, which may be left out.
    pub(super) fn file(&self, key: &'static str) -> Option<Vec<u8>> {
        self.file_path(key).map(|(_, bytes)| bytes)
    }

    /// A file named here, which may be left out: where it is, and its bytes.
    pub(super) fn file_path(&self, key: &'static str) -> Option<(PathBuf, Vec<u8>)> {
        let named: String = self.optional(key)?;
        let path = self.reader.path_of(&named);
        match values::file(&path) {
            Ok(bytes) => Some((path, bytes)),
            Err(message) => {
                self.fault(key, message);
                None
            }
        }
    }

    /// Gives up on a table whose shape is not known, so that its members are not called unknown one by one.
    pub(super) fn give_up(mut self) {
        static NOTHING: std::sync::LazyLock<DeTable<'static>> = std::sync::LazyLock::new(DeTable::new);
        self.table = &NOTHING;
    }
}

fn trimmed(mut value: String) -> String {
    if value.ends_with('\n') {
        value.pop();
        if value.ends_with('\r') {
            value.pop();
        }
    }
    value
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        let asked = self.asked.borrow();
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !asked.contains(&name) {
                self.reader.fault(
                    key.span().start,
                    self.path(name),
                    format!("unknown; {}", suggestion(name, &asked)),
                );
            }
        }
    }
}

/// What a name that is not known may have meant.
pub(super) fn suggestion(name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()).div_ceil(3))
        .min();
    match nearest {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None if known.is_empty() => "nothing is known here".to_owned(),
        None => {
            let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("known here: {}", known.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let text = "a = 1\nä = 2\n";
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(position(text, text.find('2').unwrap()), (2, 5));
        assert_eq!(position(text, 10_000), (3, 1));
    }

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let known = ["listen", "deadline", "drain"];
        assert_eq!(suggestion("lsiten", &known), "did you mean `listen`?");
        assert_eq!(
            suggestion("colour", &known),
            "known here: `listen`, `deadline`, `drain`"
        );
    }
}
