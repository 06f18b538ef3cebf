//! The configuration: one TOML file, read once and checked whole, with all faults reported together.
//!
//! `config/intertie.toml` explains every setting. Secrets are references to the environment or to files and are looked
//! up here, so that a start does not fail at the first call for want of one.

mod backends;
mod callers;
mod section;
mod values;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use toml::de::DeTable;

use crate::auth::{self, Rate, Rates};
use crate::model::id::BackendName;
use crate::operations::Scope;
use crate::{backends as systems, telemetry};

pub use callers::{Issuer, KeySet, Tokens};
pub use section::Fault;
pub use values::file;

use section::{Reader, Section, Sources, suggestion};
use values::{Host, Off, Origin, Size, Value};

/// The fewest bytes a key for cursors or for the audit may have.
const SHORTEST_KEY: usize = 32;

/// The least and the most that a request's line and headers may be allowed to take. hyper's buffer is never smaller.
const HEADER_SIZES: std::ops::RangeInclusive<usize> = 8 * 1024..=1024 * 1024;

/// Everything that is configured.
pub struct Config {
    /// How callers are listened to.
    pub server: Server,
    /// How the log is written.
    pub log: telemetry::Config,
    /// What cursors are sealed with; without it, with a key made at the start.
    pub cursor_key: Option<SecretString>,
    /// The callers' keys; never empty where no tokens are taken.
    pub keys: Vec<auth::Key>,
    /// Whose tokens are taken.
    pub tokens: Option<Tokens>,
    /// The billing systems; never empty, no name twice.
    pub backends: Vec<Backend>,
}

/// How callers are listened to.
#[derive(Clone, Debug)]
pub struct Server {
    /// The address listened on.
    pub listen: SocketAddr,
    /// The hosts that are answered for, with or without a port, in lower case; none is every host.
    pub allowed_hosts: Vec<String>,
    /// With what TLS is spoken; without it, callers are listened to in plain HTTP.
    pub tls: Option<Tls>,
    /// Which pages of browsers may call.
    pub cors: Cors,
    /// How often callers may call.
    pub rates: Rates,
    /// What records are hashed with in the lines of the audit; without it, with a key made at the start.
    pub audit_key: Option<SecretString>,
    /// How long a call may take when its caller does not say.
    pub deadline: Duration,
    /// The longest a caller may ask for.
    pub max_deadline: Duration,
    /// The most bytes of a request's body.
    pub max_body: usize,
    /// The most bytes of a request's line and headers.
    pub max_header_size: usize,
    /// The most headers of a request.
    pub max_headers: usize,
    /// The most connections there may be.
    pub max_connections: u32,
    /// The most connections there may be from one address, or from one network of IPv6.
    pub max_connections_per_address: u32,
    /// How long a connection may be idle between an answer and the next request.
    pub idle_timeout: Duration,
    /// How long a request's line and headers may take, and a new connection to begin.
    pub header_timeout: Duration,
    /// How long a request's body may take.
    pub body_timeout: Duration,
    /// How long an answer may wait for its caller to take all of it.
    pub answer_timeout: Duration,
    /// How long calls are still taken after the signal to stop, with `/readyz` already saying 503.
    pub drain_delay: Duration,
    /// How long calls under way may then take to finish.
    pub drain: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            allowed_hosts: Vec::new(),
            tls: None,
            cors: Cors::default(),
            rates: Rates::default(),
            audit_key: None,
            deadline: Duration::from_secs(30),
            max_deadline: Duration::from_secs(120),
            max_body: 1024 * 1024,
            max_header_size: 32 * 1024,
            max_headers: 100,
            max_connections: 4096,
            max_connections_per_address: 1024,
            idle_timeout: Duration::from_secs(75),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(60),
            drain_delay: Duration::from_secs(2),
            drain: Duration::from_secs(30),
        }
    }
}

/// With what TLS is spoken: files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate and those between it and its root.
    pub certificate: PathBuf,
    /// Its private key; nobody but its owner and group may read it.
    pub key: PathBuf,
    /// The roots of the certificates that callers must have; without it, callers need none.
    pub client_ca: Option<PathBuf>,
    /// How often the files are looked at for changes.
    pub reload: Duration,
}

/// Reads a secret from a file that only its owner and group can read.
///
/// # Errors
/// What is wrong with it, in words that hold nothing of it.
pub fn secret_file(path: &Path) -> Result<SecretString, String> {
    values::secret_file(path).map(SecretString::from)
}

/// Which pages of browsers may call.
#[derive(Clone, Debug)]
pub struct Cors {
    /// The pages' origins, such as `https://portal.example.com`; `*` alone is every origin, none is none.
    pub origins: Vec<String>,
    /// How long a browser may remember what it was told.
    pub max_age: Duration,
}

impl Default for Cors {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            max_age: Duration::from_secs(60 * 60),
        }
    }
}

/// One billing system.
pub struct Backend {
    /// The name callers know it under.
    pub name: BackendName,
    /// Which system it is and how it is reached.
    pub config: systems::Config,
}

/// Why a configuration cannot be used.
#[derive(Debug)]
pub enum Rejected {
    /// The file cannot be read.
    Unreadable(PathBuf, std::io::Error),
    /// It holds faults, in the order of the text.
    Faults(PathBuf, Vec<Fault>),
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Faults(path, faults) => {
                let plural = if faults.len() == 1 { "" } else { "s" };
                write!(f, "{}: {} fault{plural}", path.display(), faults.len())?;
                for fault in faults {
                    write!(f, "\n  {fault}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Rejected {}

/// Reads a file and looks its secrets up.
///
/// # Errors
/// Why it cannot be used, all faults at once.
pub fn read(path: &Path) -> Result<Config, Rejected> {
    let bytes = std::fs::read(path).map_err(|error| Rejected::Unreadable(path.to_owned(), error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let why = std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error());
        Rejected::Unreadable(path.to_owned(), why)
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&text, folder, &|name| std::env::var(name).ok()).map_err(|faults| Rejected::Faults(path.to_owned(), faults))
}

/// Reads a text, with relative paths starting from `folder` and variables looked up in `env`.
///
/// # Errors
/// Every fault, in the order of the text.
pub fn parse(text: &str, folder: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Vec<Fault>> {
    let reader = Reader::new(text, Sources { env, folder });
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What a broken text would mean is guesswork: its own faults are all there is to say.
        for error in errors {
            reader.fault(error.span().map_or(0, |span| span.start), "", error.message());
        }
        return Err(reader.into_faults());
    }
    let config = whole(&Section::root(&reader, &table));
    let faults = reader.into_faults();
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        _ => Err(faults),
    }
}

fn whole(root: &Section<'_>) -> Option<Config> {
    let mut server = Server {
        tls: tls(&root.section("tls")),
        cors: cors(&root.section("cors")),
        rates: rates(&root.section("rates")),
        audit_key: key_of(&root.section("audit")),
        ..server(&root.section("server"))
    };
    let log = log(&root.section("log"));
    let cursor_key = key_of(&root.section("cursors"));
    let (names, backends) = backends::all(root, server.deadline);
    let tokens = callers::tokens(root, &names, server.max_header_size);
    let keys = callers::keys(root, &names, tokens.as_ref(), &mut server.rates);
    Some(Config {
        server,
        log,
        cursor_key,
        keys,
        tokens,
        backends: backends?,
    })
}

fn server(section: &Section<'_>) -> Server {
    let default = Server::default();
    let size = |key, default| section.or(key, Size(default)).0;
    let server = Server {
        listen: section.or("listen", default.listen),
        allowed_hosts: all::<Host>(section, "allowed_hosts")
            .into_iter()
            .map(|host| host.0)
            .collect(),
        deadline: section.positive("deadline", default.deadline),
        max_deadline: section.positive("max_deadline", default.max_deadline),
        max_body: size("max_body", default.max_body),
        max_header_size: size("max_header_size", default.max_header_size),
        max_headers: section.within("max_headers", 8..=1000, default.max_headers as u32) as usize,
        max_connections: section.within("max_connections", 1..=1_000_000, default.max_connections),
        max_connections_per_address: section.within(
            "max_connections_per_address",
            1..=1_000_000,
            default.max_connections_per_address,
        ),
        idle_timeout: section.positive("idle_timeout", default.idle_timeout),
        header_timeout: section.positive("header_timeout", default.header_timeout),
        body_timeout: section.positive("body_timeout", default.body_timeout),
        answer_timeout: section.positive("answer_timeout", default.answer_timeout),
        drain_delay: section.or("drain_delay", default.drain_delay),
        drain: section.or("drain", default.drain),
        ..default
    };
    if !HEADER_SIZES.contains(&server.max_header_size) {
        section.fault("max_header_size", "must lie between \"8KiB\" and \"1MiB\"");
    }
    if server.deadline > server.max_deadline {
        section.fault(
            "deadline",
            format!(
                "{:?} is longer than `server.max_deadline`, {:?}",
                server.deadline, server.max_deadline
            ),
        );
    }
    server
}

fn all<T: Value>(section: &Section<'_>, key: &'static str) -> Vec<T> {
    let found = section.list::<T>(key).unwrap_or_default();
    found.into_iter().map(|(_, value)| value).collect()
}

fn tls(section: &Section<'_>) -> Option<Tls> {
    let any = ["certificate", "key", "client_ca"].iter().any(|key| section.has(key));
    let needed = |key: &'static str, what: &str| {
        let path = section.located(key);
        if any && !section.has(key) {
            section.fault(key, format!("missing; the file of {what}, PEM"));
        }
        path
    };
    let certificate = needed("certificate", "the certificate and those between it and its root");
    let key = needed("key", "the certificate's private key");
    let client_ca = section.located("client_ca");
    let reload = section.positive("reload", Duration::from_secs(10));
    for (name, path) in [("certificate", &certificate), ("client_ca", &client_ca)] {
        if let Some(Err(message)) = path.as_deref().map(values::file) {
            section.fault(name, message);
        }
    }
    if let Some(Err(message)) = key.as_deref().map(values::secret_file) {
        section.fault("key", message);
    }
    Some(Tls {
        certificate: certificate?,
        key: key?,
        client_ca,
        reload,
    })
}

fn cors(section: &Section<'_>) -> Cors {
    let default = Cors::default();
    let origins: Vec<String> = all::<Origin>(section, "origins")
        .into_iter()
        .map(|origin| origin.0)
        .collect();
    if origins.len() > 1 && origins.iter().any(|origin| origin == "*") {
        section.fault("origins", "\"*\" is every origin, and stands alone");
    }
    Cors {
        origins,
        max_age: section.or("max_age", default.max_age),
    }
}

fn rates(section: &Section<'_>) -> Rates {
    let default = Rates::default();
    Rates {
        callers: rate(section, "callers", default.callers),
        failures: rate(section, "failures", default.failures),
        own: Vec::new(),
    }
}

/// A rate, with a default; `"off"` is none.
fn rate(section: &Section<'_>, key: &'static str, default: Option<Rate>) -> Option<Rate> {
    const COUNTS: std::ops::RangeInclusive<u32> = 1..=1_000_000;
    if !section.has_table(key) {
        let off = section.optional::<Off>(key).is_some();
        return default.filter(|_| !off);
    }
    let section = section.section(key);
    let requests = section.required::<u32>("requests");
    let requests = requests.map(|_| section.within("requests", COUNTS, 1));
    let per = section.positive("per", Duration::from_secs(1));
    let burst = section.within("burst", COUNTS, requests.unwrap_or(1));
    Some(Rate {
        requests: NonZeroU32::new(requests?)?,
        per,
        burst: NonZeroU32::new(burst)?,
    })
}

impl Value for telemetry::Format {
    const EXPECTED: &'static str = "\"json\" or \"human\"";

    fn read(value: &toml::de::DeValue<'_>) -> Result<Self, String> {
        match value.as_str() {
            Some("json") => Ok(Self::Json),
            Some("human") => Ok(Self::Human),
            _ => Err(format!("must be {}", Self::EXPECTED)),
        }
    }
}

fn log(section: &Section<'_>) -> telemetry::Config {
    let default = telemetry::Config::default();
    let log = telemetry::Config {
        format: section.or("format", default.format),
        filter: section.or("level", default.filter),
    };
    if let Err(error) = telemetry::filter(&log.filter) {
        section.fault(
            "level",
            format!("must be a level such as \"info\", or a filter such as \"info,intertie=debug\": {error}"),
        );
    }
    log
}

fn key_of(section: &Section<'_>) -> Option<SecretString> {
    let key = section.secret("key")?;
    if key.expose_secret().len() < SHORTEST_KEY {
        section.fault("key", format!("what it refers to is shorter than {SHORTEST_KEY} bytes"));
    }
    Some(key)
}

impl Value for Scope {
    const EXPECTED: &'static str = "a scope, such as \"accounts:read\"";

    fn read(value: &toml::de::DeValue<'_>) -> Result<Self, String> {
        let text = String::read(value)?;
        Scope::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| {
                let known = Scope::ALL.map(Scope::as_str);
                format!("no such scope; {}", suggestion(&text, &known))
            })
    }
}
