//! The log and the numbers.
//!
//! Log lines go to standard error, one write each: the results of commands have standard output to themselves. There is no
//! queue between, because one that overflows loses lines without a word, and measured on this program's access log a
//! background writer costs more than the write it saves.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::{Dispatch, Level, Metadata, error};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt};

/// The variable that overrules the configured filter.
pub const FILTER_VARIABLE: &str = "RUST_LOG";

/// What this crate's own lines are of.
const OWN: &str = env!("CARGO_CRATE_NAME");

/// What the lines of the audit are of.
const AUDIT: &str = "audit";

/// Upper bounds of the buckets of every histogram of seconds: a hit of the loopback to the longest deadline.
const SECONDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// How often what histograms have taken in is put into their buckets when nobody asks for them. Until then every value is
/// kept by itself, at 16 bytes: ten thousand calls a second with two values each would be 1.6 MB in five seconds.
const UPKEEP: Duration = Duration::from_secs(1);

/// How the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The form of a line.
    pub format: Format,
    /// What is written: a level, or levels by module, as `tracing-subscriber`'s `EnvFilter` reads them.
    pub filter: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            format: Format::Json,
            filter: "info".to_owned(),
        }
    }
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// A line to read.
    Human,
}

/// Reads a filter. The lines of the audit pass it whatever the level, unless it names them.
///
/// # Errors
/// What is wrong with it.
pub fn filter(text: &str) -> Result<EnvFilter, String> {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(text)
        .map_err(|error| error.to_string())?;
    if text.contains(AUDIT) {
        return Ok(filter);
    }
    let audit = format!("{AUDIT}=info").parse().map_err(|error| format!("{error}"))?;
    Ok(filter.add_directive(audit))
}

/// Whether a line may be written at all, whatever the filter asks for. Below `info` other people's crates tell of whatever passes
/// through them, addresses, headers and bytes among it, and nobody here decides what that is.
fn may_be_told(line: &Metadata<'_>) -> bool {
    let target = line.target();
    let ours = target == OWN || target.strip_prefix(OWN).is_some_and(|rest| rest.starts_with("::"));
    ours || *line.level() <= Level::INFO
}

/// What writes lines in one form to one place.
pub type Lines = Box<dyn Layer<Registry> + Send + Sync>;

/// Writes lines in a form to a place; `colours` are for a form to read alone.
pub fn lines<W>(format: Format, colours: bool, place: W) -> Lines
where
    W: for<'line> MakeWriter<'line> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(place).log_internal_errors(false);
    match format {
        Format::Json => Box::new(lines.json().flatten_event(true).with_span_list(false)),
        Format::Human => Box::new(lines.with_ansi(colours)),
    }
}

/// Has what passes the filter, and may be told at all, written in each of the ways given.
pub fn log_of(filter: EnvFilter, lines: Vec<Lines>) -> Dispatch {
    Registry::default()
        .with(lines)
        .with(filter_fn(may_be_told))
        .with(filter)
        .into()
}

/// Why there is no telemetry.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The variable that overrules the configured filter cannot be read.
    #[error("`{FILTER_VARIABLE}` is not a filter: {0}")]
    Filter(String),
    /// Another log was started in this process.
    #[error("the log cannot be started: {0}")]
    Log(#[from] TryInitError),
    /// Other metrics were started in this process.
    #[error("the metrics cannot be started: {0}")]
    Metrics(#[from] BuildError),
}

/// Starts the log, once for the process. A panic becomes a line of it.
///
/// # Errors
/// If the filter in the environment cannot be read, or a log was started before.
pub fn log(config: &Config) -> Result<(), Failed> {
    let wanted = std::env::var(FILTER_VARIABLE)
        .ok()
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| config.filter.clone());
    let filter = filter(&wanted).map_err(Failed::Filter)?;
    let lines = lines(config.format, std::io::stderr().is_terminal(), std::io::stderr);
    log_of(filter, vec![lines]).try_init()?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        // A message put together at run time may hold anything, a customer's name among it; a literal cannot.
        let message = panic
            .payload()
            .downcast_ref::<&'static str>()
            .unwrap_or(&"message withheld");
        error!(at = place.as_deref(), panic = message, "a panic");
    }));
    Ok(())
}

/// One metric that is kept.
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What kind it is, in Prometheus' words.
    pub kind: &'static str,
    /// Its labels, in alphabetical order.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// Every metric there is. Labels take their values from closed sets: no metric grows with callers or records.
pub const METRICS: [Metric; 8] = [
    Metric {
        name: "intertie_build_info",
        kind: "gauge",
        labels: &["version"],
        help: "1, and the version that runs",
    },
    Metric {
        name: "intertie_call_seconds",
        kind: "histogram",
        labels: &["backend", "operation"],
        help: "how long an operation took at a backend, with all attempts and pauses",
    },
    Metric {
        name: "intertie_calls_total",
        kind: "counter",
        labels: &["backend", "operation", "outcome"],
        help: "operations that ended, by what became of them",
    },
    Metric {
        name: "intertie_connections_refused_total",
        kind: "counter",
        labels: &["limit"],
        help: "connections that were one too many, by the limit they met",
    },
    Metric {
        name: "intertie_logins_total",
        kind: "counter",
        labels: &["backend", "outcome"],
        help: "logins at a system, by what became of them",
    },
    Metric {
        name: "intertie_requests_total",
        kind: "counter",
        labels: &["method", "route", "status"],
        help: "requests of callers, by the route as it is declared and the status of the answer",
    },
    Metric {
        name: "intertie_upstream_attempts_total",
        kind: "counter",
        labels: &["backend", "operation", "outcome"],
        help: "single attempts to reach a system, by what became of them",
    },
    Metric {
        name: "intertie_upstream_seconds",
        kind: "histogram",
        labels: &["backend", "operation"],
        help: "how long a single attempt took, from its permit to the last byte",
    },
];

/// Writes out every metric in Prometheus' text format.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// Starts the metrics, once for the process, and gives back what writes them out.
///
/// Must be called inside the runtime: a task of it puts the histograms in order from time to time.
///
/// # Errors
/// If metrics were started before.
pub fn metrics() -> Result<Render, Failed> {
    let handle: PrometheusHandle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut turns = tokio::time::interval(UPKEEP);
        loop {
            turns.tick().await;
            upkeep.run_upkeep();
        }
    });
    for Metric { name, kind, help, .. } in METRICS {
        match kind {
            "gauge" => metrics::describe_gauge!(name, help),
            "counter" => metrics::describe_counter!(name, help),
            _ => metrics::describe_histogram!(name, help),
        }
    }
    metrics::gauge!("intertie_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
    Ok(Arc::new(move || handle.render()))
}
