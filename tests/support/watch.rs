//! A watch over the whole suite: everything the house writes or answers while the tests run is searched for secrets.
//!
//! The log of this process is kept at TRACE by a subscriber for the whole of it, through the same filter and in the same forms
//! as the program's own. Programs that tests start write as much, and are searched when they end; answers are searched as they
//! come. A find ends the run, whichever test was under way.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use intertie::app;
use intertie::sandbox;
use intertie::telemetry::{self, Format};
use regex::bytes::Regex;
use serde_json::Value;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::EnvFilter;

use super::marks::{Mark, basic, forms};
use crate::secrets::{self, ENTRUSTED, WRONG_CLIENT, WRONG_SECRET};

/// What the gateways of the suite seal cursors with.
pub const CURSOR_KEY: &str = "marked+cursor/key=of-the-suite";
/// What a gateway has for a secret where no simulated system asks for it.
pub const SECRET: &str = "marked-secret";
/// What it is given for a token there.
pub const TOKEN: &str = "marked-token";

/// Shorter marks turn up by chance.
const SHORTEST: usize = 12;
/// How often the table of what was searched is written anew.
const PAUSE: Duration = Duration::from_secs(1);
/// Set for a run of this binary that is meant to be one test's own.
const ALONE: &str = "INTERTIE_TEST_ALONE";

/// Where something is found, which decides what may not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sink {
    /// Lines of the log, standard error of programs: nothing that lets anybody in anywhere.
    Log,
    /// Standard output of programs. Commands print the keys that they make, and those of the demo.
    Output,
    /// Answers to callers, metrics among them.
    Answer,
}

impl Sink {
    const ALL: [Sink; 3] = [Sink::Log, Sink::Output, Sink::Answer];
}

/// What a token or a key is known by, whatever it says.
const SHAPES: [(&str, &str); 4] = [
    ("a JWT", r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}"),
    ("a private key", "PRIVATE KEY-----"),
    ("a signed address", r"signature=[\w%-]{16,}"),
    (CALLERS_KEY, r"itk_[\w~+/.-]{6,}"),
];
const CALLERS_KEY: &str = "a caller's key";

/// Every secret with a text of its own.
fn marks(sink: Sink) -> Vec<Mark> {
    let mut marks = Vec::new();
    for (what, secret) in secrets::environment() {
        marks.extend(forms(what, secret));
    }
    for secret in ENTRUSTED {
        marks.extend(forms("a credential's secret", secret));
    }
    for (what, secret) in [
        ("a cursor key", CURSOR_KEY),
        ("a backend's secret", SECRET),
        ("a backend's token", TOKEN),
        (CALLERS_KEY, secrets::KEY),
        (CALLERS_KEY, secrets::WRONG_KEY),
    ] {
        marks.extend(forms(what, secret));
    }
    for (client, secret) in [
        (sandbox::gentrack::CLIENT_ID, sandbox::gentrack::CLIENT_SECRET),
        (sandbox::tmf678::CLIENT_ID, sandbox::tmf678::CLIENT_SECRET),
        (sandbox::tmf678::PANAMA_CLIENT_ID, sandbox::tmf678::CLIENT_SECRET),
        (sandbox::crmcom::WEB_API_KEY, ""),
        (WRONG_CLIENT, WRONG_SECRET),
    ] {
        marks.extend(basic("a client's secret", client, secret));
    }
    // Of a token, its beginning, which in every form is the beginning of the whole token's.
    for mark in [sandbox::TOKEN_MARK.to_owned(), sandbox::TOKEN_MARK.to_uppercase()] {
        marks.extend(forms("a token", &mark));
    }
    if sink != Sink::Output {
        for key in [app::DEMO_KEY, app::DEMO_BOUND_KEY] {
            marks.extend(forms(CALLERS_KEY, key));
        }
    }
    marks
}

/// The marks of one sink as one pattern, and what each text stands for.
struct Net {
    pattern: Regex,
    named: HashMap<Vec<u8>, String>,
}

impl Net {
    fn of(sink: Sink) -> Self {
        let marks = marks(sink);
        let shapes = SHAPES
            .into_iter()
            .filter(|(what, _)| sink != Sink::Output || *what != CALLERS_KEY)
            .map(|(_, shape)| shape.to_owned());
        let texts = marks.iter().map(|mark| {
            assert!(mark.text.len() >= SHORTEST, "{} is too short", mark.text);
            regex::escape(&mark.text)
        });
        let pattern: Vec<String> = texts.chain(shapes).collect();
        let pattern = Regex::new(&format!("(?-u){}", pattern.join("|"))).unwrap();
        let named = marks
            .into_iter()
            .map(|mark| (mark.text.into_bytes(), mark.what))
            .collect();
        Self { pattern, named }
    }

    /// What is in these bytes, and where.
    fn catch(&self, bytes: &[u8]) -> Option<(String, usize)> {
        let found = self.pattern.find(bytes)?;
        let named = self.named.get(found.as_bytes()).cloned();
        let shape = || {
            let shape = SHAPES.iter().find(|(_, shape)| {
                Regex::new(&format!("^(?-u){shape}"))
                    .unwrap()
                    .is_match(found.as_bytes())
            });
            shape.map_or("a mark", |(what, _)| what).to_owned()
        };
        Some((named.unwrap_or_else(shape), found.start()))
    }
}

static NETS: LazyLock<[Net; 3]> = LazyLock::new(|| Sink::ALL.map(Net::of));

/// What was searched so far: by what it is, how many texts and how many bytes.
static SEARCHED: Mutex<BTreeMap<String, (u64, u64)>> = Mutex::new(BTreeMap::new());

/// When the table was last written.
static SHOWN: Mutex<Option<Instant>> = Mutex::new(None);

fn count(what: &str, bytes: usize) {
    let mut searched = SEARCHED.lock().unwrap_or_else(PoisonError::into_inner);
    if !searched.contains_key(what) {
        searched.insert(what.to_owned(), (0, 0));
    }
    let row = searched.get_mut(what).unwrap();
    row.0 += 1;
    row.1 += bytes as u64;
    drop(searched);
    let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    // There is no last moment of a run of tests, so the table is written every now and then.
    if shown.is_none_or(|shown| shown.elapsed() >= PAUSE) && std::env::var_os(ALONE).is_none() {
        *shown = Some(Instant::now());
        super::keep("watch", &table());
    }
}

fn table() -> String {
    let mut text = format!("{:55} {:>10} {:>12}\n", "searched for secrets", "texts", "bytes");
    for (what, (texts, bytes)) in &*SEARCHED.lock().unwrap_or_else(PoisonError::into_inner) {
        let _ = writeln!(text, "{what:55} {texts:>10} {bytes:>12}");
    }
    let _ = write!(text, "{} marks", NETS[0].named.len() + SHAPES.len());
    text
}

/// How many texts of a kind were searched so far.
pub fn searched(what: &str) -> u64 {
    let searched = SEARCHED.lock().unwrap_or_else(PoisonError::into_inner);
    searched.get(what).map_or(0, |(texts, _)| *texts)
}

/// Whether a text would be found in the log.
pub fn finds(text: &str) -> bool {
    NETS[Sink::Log as usize].catch(text.as_bytes()).is_some()
}

fn search(sink: Sink, place: &str, bytes: &[u8]) {
    if let Some((what, at)) = NETS[sink as usize].catch(bytes) {
        leaked(place, &what, bytes, at);
    }
}

/// Says where a secret was found, and ends the process.
///
/// What is found in a task nobody waits for, or in a thread of its own, would be lost as a panic; and a test may catch one. So the
/// process ends at once with the code of failed tests, and says why past the capture of what tests print, which takes only what
/// is printed with macros.
fn leaked(place: &str, what: &str, bytes: &[u8], at: usize) -> ! {
    let start = bytes[..at]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let line = bytes[start.max(at.saturating_sub(600))..]
        .split(|byte| *byte == b'\n')
        .next();
    let line: String = String::from_utf8_lossy(line.unwrap_or_default())
        .chars()
        .take(1200)
        .collect();
    let thread = std::thread::current();
    let during = thread.name().unwrap_or("a thread without a name");
    let said = format!("\na secret leaked: {place} holds {what} (in {during}):\n{line}\n");
    let _ = io::stderr().lock().write_all(said.as_bytes());
    std::process::exit(101)
}

/// Where lines of the log go: nowhere, once they are searched.
#[derive(Clone, Copy)]
struct Searched(Format);

impl io::Write for Searched {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        search(Sink::Log, "the log", line);
        if self.0 == Format::Json {
            count_line(line);
        } else {
            count("lines of the log, to read", line.len());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts a line by its level, and by the backend that it is of.
fn count_line(line: &[u8]) {
    let line = String::from_utf8_lossy(line);
    let member = |name: &str| {
        let (_, rest) = line.split_once(&format!("\"{name}\":\""))?;
        rest.split_once('"').map(|(value, _)| value)
    };
    count(
        &format!("lines of the log, {}", member("level").unwrap_or("?")),
        line.len(),
    );
    // Backends of single tests have any name; of interest is from which of the systems there were lines.
    if let Some(backend) = member("backend").filter(|backend| {
        let known = [app::AU, app::US, "kraken-gb", app::CARIB, app::CY, app::PORTFOLIO];
        known.contains(backend)
    }) {
        count(&format!("lines of the log about {backend}"), line.len());
    }
}

/// Switches the watch over this process's log on, once; whatever runs the house's code calls it first.
///
/// Both forms are watched: in one the fields stand as JSON and of the spans only the innermost, in the other there are all spans.
pub fn on() {
    static ON: Once = Once::new();
    ON.call_once(|| {
        let lines = [Format::Json, Format::Human].map(|form| telemetry::lines(form, false, move || Searched(form)));
        let log = telemetry::log_of(telemetry::filter("trace").unwrap(), lines.into());
        tracing::dispatcher::set_global_default(log).unwrap();
    });
}

/// Searches what a program wrote to standard error.
pub fn log(place: &str, text: &[u8]) {
    search(Sink::Log, place, text);
    count(place, text.len());
}

/// Searches what a program wrote to standard output.
pub fn output(place: &str, text: &[u8]) {
    search(Sink::Output, place, text);
    count(place, text.len());
}

/// Searches an answer as it was read off a connection, whole or in part.
pub fn answer(what: &str, bytes: &[u8]) {
    search(Sink::Answer, &format!("the answer to {what}"), bytes);
    count("answers", bytes.len());
}

/// Searches an answer with its headers.
pub fn answer_with(what: &str, headers: &HeaderMap, body: &[u8]) {
    let mut bytes = Vec::with_capacity(body.len() + 1024);
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(body);
    answer(what, &bytes);
}

/// Searches an error that an operation ended with: its message goes to the caller, the rest to the log.
pub fn error(error: &intertie::error::Error) {
    let text = format!("{error} {error:?}");
    search(Sink::Log, "an error", text.as_bytes());
    count("errors of operations", text.len());
}

/// The log of one test, kept for it to look at.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Keeps what this thread logs from now on, as long as the guard lives.
    ///
    /// Whether a line is wanted at all is remembered for the process, by asking every subscriber there is: the watch, which wants
    /// all, is always one of them, so that no test decides it for another.
    pub fn kept(filter: EnvFilter) -> (Self, DefaultGuard) {
        on();
        let lines = Self::default();
        let place = lines.clone();
        let log = telemetry::log_of(
            filter,
            vec![telemetry::lines(Format::Json, false, move || place.clone())],
        );
        (lines, tracing::dispatcher::set_default(&log))
    }

    /// The lines since the last time, without the time of each: some digits of it may look like anything.
    pub fn taken(&self) -> Vec<Value> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        let read = |line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line.as_object_mut().unwrap().remove("timestamp");
            line
        };
        text.lines().map(read).collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        search(Sink::Log, "the log a test keeps", line);
        count_line(line);
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs one test of this binary again, alone in a process and with a word for it.
pub fn run_alone(test: &str, word: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]).env(ALONE, word).output().unwrap()
}

/// The word for a test that runs alone, if this is such a run.
pub fn alone() -> Option<String> {
    std::env::var(ALONE).ok()
}
