//! The command line. Results go to standard output, everything else to standard error.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.

use std::fmt::{Display, Write as _};
use std::future::Future;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::api;
use crate::app::{self, AU, DEMO_ACCOUNT, DEMO_BOUND_KEY, DEMO_KEY, Ended, Plan, US};
use crate::auth;
use crate::config;
use crate::sandbox::fault::Fault;
use crate::sandbox::{self, Kind};
use crate::telemetry::{self, Format};

/// One REST gateway over the billing systems of utilities.
#[derive(Parser)]
#[command(
    name = "intertie",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the gateway over the configured billing systems.
    ///
    /// Prints `ready http://ADDRESS`, or `https://`, when it takes calls. On SIGTERM or SIGINT, /readyz says 503 at once, calls under way are
    /// finished, and the program ends; a second signal ends it without waiting.
    Serve {
        /// The configuration; config/intertie.toml in the sources explains every setting.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Serve simulated billing systems and a gateway in front of them: nothing to install or configure.
    ///
    /// Takes calls without credentials, so it listens on loopback only. Prints calls to paste, and `ready http://ADDRESS` when it
    /// takes calls.
    Sandbox {
        /// Where the gateway listens; port 0 takes a free port.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = on_loopback)]
        listen: SocketAddr,
    },
    /// Serve simulated billing systems alone, for a gateway in another process.
    ///
    /// Prints each system's base URL, and `ready http://ADDRESS` when they take calls.
    Simulate {
        #[arg(value_name = "KIND", help = systems())]
        kinds: Vec<Kind>,
        /// Where they listen; port 0 takes a free port.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090", value_parser = on_loopback)]
        listen: SocketAddr,
        /// What goes wrong, at which system, how often: KIND:FAULT, KIND:FAULT*TIMES. Without TIMES, always.
        ///
        /// FAULT is one of latency=MS, throttled, throttled=S, status=5xx, edge, drop-before, drop-after, expired-token,
        /// revoked-tokens, malformed, error-inside, slow-body=MS, refused-login. May be given more than once.
        #[arg(long, value_name = "FAULT", value_parser = planned)]
        fault: Vec<Planned>,
    },
    /// Check a configuration and print every fault in it with its place.
    Check {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Log in once at every backend and read the keys of every issuer, too.
        #[arg(long)]
        connect: bool,
    },
    /// Print the API's OpenAPI document.
    Openapi {
        /// As YAML instead of JSON.
        #[arg(long)]
        yaml: bool,
    },
    /// Make a key for a caller, and print it with its table for the configuration.
    ///
    /// The key is printed this once, for whoever is to call with it; the configuration holds only its SHA-256. Say in the table
    /// what the caller may do, and start the gateway again.
    Key {
        /// What the caller is called in logs, and in the audit of systems that keep one.
        #[arg(long, value_name = "NAME", value_parser = nameable)]
        name: String,
        /// When the key stops being taken, such as 2027-01-01T00:00:00Z. Without it, never.
        #[arg(long, value_name = "INSTANT")]
        expires: Option<Timestamp>,
    },
}

/// Which systems there are to simulate.
fn systems() -> String {
    let names = Kind::ALL.map(Kind::name).join(", ");
    format!("The systems: {names}. Without any, all of them")
}

/// A fault that was asked for.
#[derive(Clone, Copy)]
struct Planned {
    kind: Kind,
    fault: Fault,
    times: u64,
}

fn planned(text: &str) -> Result<Planned, String> {
    let (kind, fault) = text
        .split_once(':')
        .ok_or("a fault is KIND:FAULT, such as gentrack:status=503")?;
    let (fault, times) = match fault.split_once('*') {
        None => (fault, u64::MAX),
        Some((fault, times)) => (
            fault,
            times
                .parse()
                .map_err(|_| "after `*` comes how many times it is played")?,
        ),
    };
    Ok(Planned {
        kind: kind.parse().map_err(|error: sandbox::NoKind| error.to_string())?,
        fault: fault
            .parse()
            .map_err(|error: sandbox::fault::NoFault| error.to_string())?,
        times,
    })
}

fn nameable(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("a name is a text without control characters".to_owned());
    }
    Ok(text.to_owned())
}

fn on_loopback(text: &str) -> Result<SocketAddr, String> {
    let addr: SocketAddr = text
        .parse()
        .map_err(|_| "an address is a number and a port, such as 127.0.0.1:8080 or [::1]:8080")?;
    if !addr.ip().is_loopback() {
        return Err(
            "it takes calls without credentials, so it listens on loopback only, such as 127.0.0.1:8080".to_owned(),
        );
    }
    Ok(addr)
}

/// Why a command did not do what it was asked.
enum Failure {
    /// Usage or configuration: exit code 2.
    Refused(String),
    /// Anything else: exit code 1.
    Failed(String),
    /// Whoever read the output has gone; nobody is there to be told.
    Unread,
}

impl From<config::Rejected> for Failure {
    fn from(rejected: config::Rejected) -> Self {
        Self::Refused(rejected.to_string())
    }
}

impl From<telemetry::Failed> for Failure {
    fn from(failed: telemetry::Failed) -> Self {
        match failed {
            telemetry::Failed::Filter(_) => Self::Refused(failed.to_string()),
            _ => Self::Failed(failed.to_string()),
        }
    }
}

impl From<app::Failed> for Failure {
    fn from(failed: app::Failed) -> Self {
        match failed {
            app::Failed::Backend { .. } | app::Failed::Issuer { .. } | app::Failed::Tls(_) => {
                Self::Refused(failed.to_string())
            }
            _ => Self::Failed(failed.to_string()),
        }
    }
}

fn failed(error: impl Display) -> Failure {
    Failure::Failed(error.to_string())
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let outcome = match command {
        // What a dump would hold, keys and customers' records, is for nobody's disk.
        _ if let Err(error) = keep_memory() => Err(failed(format!("core dumps cannot be switched off: {error}"))),
        Command::Serve { config } => serve(&config),
        Command::Sandbox { listen } => sandbox(listen),
        Command::Simulate { kinds, listen, fault } => simulate(&kinds, listen, &fault),
        Command::Check { config, connect } => check(&config, connect),
        Command::Openapi { yaml } => openapi(yaml),
        Command::Key { name, expires } => key(&name, expires),
    };
    let (message, code) = match outcome {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Unread) => return ExitCode::FAILURE,
        Err(Failure::Failed(message)) => (message, 1),
        Err(Failure::Refused(message)) => (message, 2),
    };
    // Where even this cannot be written, the exit code has to say it alone.
    let _ = writeln!(io::stderr(), "intertie: {message}");
    ExitCode::from(code)
}

/// Keeps the process's memory out of core dumps, and from other processes of the same user.
fn keep_memory() -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let nothing = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        setrlimit(Resource::Core, nothing)?;
    }
    // A limit of nothing does not hold for dumps that go to a program (core(5)); this does.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|_| Failure::Unread)
}

fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(failed)?
        .block_on(work)
}

async fn until_stopped(plan: Plan, introduce: impl FnOnce(SocketAddr) -> String) -> Result<(), Failure> {
    let gateway = app::bind(plan, telemetry::metrics()?).await?;
    let addr = gateway.addr();
    say(&format!("{}ready {}://{addr}\n", introduce(addr), gateway.scheme()))?;
    match gateway.serve().await {
        Ended::Drained => Ok(()),
        Ended::CutOff => Err(failed("calls were cut off")),
    }
}

fn serve(path: &std::path::Path) -> Result<(), Failure> {
    let config = config::read(path)?;
    telemetry::log(&config.log)?;
    run(until_stopped(config.into(), |_| String::new()))
}

fn sandbox(listen: SocketAddr) -> Result<(), Failure> {
    let log = telemetry::Config {
        format: Format::Human,
        ..telemetry::Config::default()
    };
    telemetry::log(&log)?;
    run(async {
        let sandbox = app::sandbox(listen).await.map_err(failed)?;
        let systems = sandbox.systems.addr();
        until_stopped(sandbox.plan, |addr| introduction(addr, systems)).await
    })
}

/// Calls to paste.
fn introduction(addr: SocketAddr, systems: SocketAddr) -> String {
    let mut text = format!("The simulated systems are on http://{systems}. The gateway takes calls without a key:\n\n");
    let calls = [
        "/v1/backends".to_owned(),
        format!("/v1/accounts/{AU}:10045213"),
        format!("/v1/accounts/{US}:A-7C41D0E2"),
        format!("/v1/accounts/{AU}:10045213/balance"),
        format!("/v1/accounts/{US}:A-7C41D0E2/balance"),
        format!("/v1/accounts/{US}:A-5E90B3F4/bills?limit=15"),
    ];
    for call in calls {
        let _ = writeln!(text, "  curl -s 'http://{addr}{call}'");
    }
    let _ = write!(
        text,
        "\nTwo demo callers have keys: `{DEMO_KEY}` for everything, `{DEMO_BOUND_KEY}` for the account {DEMO_ACCOUNT} alone.\n\
         The second reads its own account, and another one is not there for it:\n\n"
    );
    for account in [DEMO_ACCOUNT, &format!("{US}:A-5E90B3F4")] {
        let _ = writeln!(
            text,
            "  curl -s -H 'X-Api-Key: {DEMO_BOUND_KEY}' 'http://{addr}/v1/accounts/{account}/balance'"
        );
    }
    let _ = writeln!(text, "\nThe reference page is http://{addr}/docs.\n");
    text
}

fn simulate(kinds: &[Kind], listen: SocketAddr, faults: &[Planned]) -> Result<(), Failure> {
    let kinds = if kinds.is_empty() { &Kind::ALL } else { kinds };
    if let Some(stray) = faults.iter().find(|fault| !kinds.contains(&fault.kind)) {
        return Err(Failure::Refused(format!(
            "a fault is asked for at {}, which is not simulated here",
            stray.kind
        )));
    }
    let log = telemetry::Config {
        format: Format::Human,
        ..telemetry::Config::default()
    };
    telemetry::log(&log)?;
    run(async {
        let mut stop = app::signals().map_err(failed)?;
        let running = sandbox::start(kinds, listen)
            .await
            .map_err(|error| app::Failed::Listen(listen, error))?;
        for planned in faults {
            running.fault(planned.kind, planned.fault, planned.times, None);
        }
        let mut text = String::new();
        for kind in kinds {
            let _ = writeln!(text, "{kind} {}", running.base(*kind));
        }
        say(&format!("{text}ready http://{}\n", running.addr()))?;
        stop.recv().await;
        Ok(())
    })
}

fn check(path: &std::path::Path, connect: bool) -> Result<(), Failure> {
    let config = config::read(path)?;
    say(&format!(
        "{}: no faults; backends: {}, keys: {}, issuers: {}\n",
        path.display(),
        config.backends.len(),
        config.keys.len(),
        config.tokens.as_ref().map_or(0, |tokens| tokens.issuers.len())
    ))?;
    if !connect {
        return Ok(());
    }
    telemetry::log(&config.log)?;
    let issuers = config.tokens.map(|tokens| tokens.issuers).unwrap_or_default();
    let (logins, keys) = run(async { Ok(tokio::try_join!(app::log_in(config.backends), app::read_keys(issuers))?) })?;
    let (mut text, mut faults) = (String::new(), Vec::new());
    for login in &logins {
        let (backend, took) = (&login.backend, login.took.as_millis());
        let _ = match &login.outcome {
            Ok(()) => writeln!(text, "{backend}: logged in after {took} ms"),
            Err(error) => writeln!(text, "{backend}: no login after {took} ms: {error}"),
        };
    }
    for read in &keys {
        let (issuer, took) = (&read.issuer, read.took.as_millis());
        let _ = match &read.outcome {
            Ok(keys) => writeln!(text, "{issuer}: keys read after {took} ms, {keys} of use"),
            Err(error) => writeln!(text, "{issuer}: no keys after {took} ms: {error}"),
        };
    }
    say(&text)?;
    let refused = logins.iter().filter(|login| login.outcome.is_err()).count();
    if refused > 0 {
        faults.push(format!("no login at {refused} of {} backends", logins.len()));
    }
    let unread = keys.iter().filter(|read| read.outcome.is_err()).count();
    if unread > 0 {
        faults.push(format!("no keys of {unread} of {} issuers", keys.len()));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(failed(faults.join(", ")))
    }
}

fn openapi(yaml: bool) -> Result<(), Failure> {
    if !yaml {
        return say(api::OPENAPI);
    }
    let document: yaml_serde::Value = serde_json::from_str(api::OPENAPI).map_err(failed)?;
    say(&yaml_serde::to_string(&document).map_err(failed)?)
}

fn key(name: &str, expires: Option<Timestamp>) -> Result<(), Failure> {
    use base64::Engine as _;
    let mut random = [0; 32];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| failed("the system gives no random numbers"))?;
    let key = format!(
        "itk_{}",
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random)
    );
    let digest = auth::sha256(key.as_bytes())
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let expires = expires.map_or(String::new(), |end| format!("expires = {end}\n"));
    say(&format!(
        "# The key, for the caller alone; it is not kept anywhere:\n{key}\n\
         # Its table for the configuration, with what it may do:\n[[callers]]\nname = {}\nkey_sha256 = \"{digest}\"\n\
         scopes = [\"accounts:read\", \"bills:read\"]\n{expires}",
        toml::Value::from(name)
    ))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_is_kept_out_of_dumps() {
        use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};
        keep_memory().unwrap();
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }

    #[test]
    fn the_help_of_simulate_names_every_system_and_no_other() {
        let mut arguments = Arguments::command();
        let simulate = arguments.find_subcommand_mut("simulate").unwrap();
        for help in [simulate.render_help(), simulate.render_long_help()] {
            let help = help.to_string();
            let named = help.split_once("The systems: ").unwrap().1.split_once('.').unwrap().0;
            let named: Vec<Kind> = named.split(", ").map(|name| name.parse().unwrap()).collect();
            assert_eq!(named, Kind::ALL);
        }
    }

    #[test]
    fn faults_are_read_with_their_system_and_times() {
        let read = planned("gentrack:status=503*2").ok().unwrap();
        assert_eq!(
            (read.kind, read.fault, read.times),
            (Kind::Gentrack, Fault::Status(503), 2)
        );
        let read = planned("kraken:edge").ok().unwrap();
        assert_eq!((read.kind, read.times), (Kind::Kraken, u64::MAX));
        for wrong in ["edge", "oracle:edge", "kraken:sulk", "kraken:edge*often"] {
            assert!(planned(wrong).is_err(), "{wrong}");
        }
    }
}
