//! Backends: one configured billing system and the operations it serves.
//!
//! The list of systems is here: one `mod`, one variant of [`Config`] and one arm of [`connect`] each.

pub mod crmcom;
pub mod gentrack;
pub mod kraken;
mod native;
mod owner;
pub mod tmf678;
pub mod urjanet;
mod wire;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use metrics::{Counter, Histogram};
pub use owner::{Owner, Owns};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ErrorKind, Result};
use crate::model::id::{AccountId, BackendName};
use crate::operations::{Context, Operation, Record, Repeat};
use crate::upstream::{Upstream, tokens};

/// Which system a backend is, and how it is reached.
pub enum Config {
    /// CRM.COM's Web API, accounts receivable.
    Crmcom(crmcom::Config),
    /// Gentrack's REST API.
    Gentrack(gentrack::Config),
    /// Kraken's GraphQL API.
    Kraken(kraken::Config),
    /// A bill API in the style of TM Forum's TMF678.
    Tmf678(tmf678::Config),
    /// Urjanet's Utility Data API.
    Urjanet(urjanet::Config),
}

/// Makes a backend ready for calls. Nothing is sent: the first call logs in.
///
/// # Errors
/// `Invalid` if its addresses, proxy or certificates cannot be used.
pub fn connect(name: BackendName, config: Config, tokens: Arc<tokens::Cache>) -> Result<Backend> {
    match config {
        Config::Crmcom(config) => crmcom::connect(name, config, tokens),
        Config::Gentrack(config) => gentrack::connect(name, config, tokens),
        Config::Kraken(config) => kraken::connect(name, config, tokens),
        Config::Tmf678(config) => tmf678::connect(name, config),
        Config::Urjanet(config) => urjanet::connect(name, config, tokens),
    }
}

/// What a backend does for one operation: build the call, send it, decode the reply, map it.
#[async_trait]
pub trait Serves<O: Operation>: Send + Sync {
    /// Serves one call.
    ///
    /// # Errors
    /// Whatever the system's verdict or the mapping says.
    async fn serve(&self, operation: O, cx: &Context) -> Result<O::Reply>;
}

/// What varies inside an operation from backend to backend; checked before any system is asked.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct Limits {
    /// The filters the backend knows, by parameter name; `name=value` where only that value is known.
    pub filters: &'static [&'static str],
    /// Whether the system itself pages; otherwise the gateway cuts pages out of the whole list.
    pub pages: bool,
}

/// One row of the capability table.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Capability {
    /// The operation, such as `bills.list`.
    pub operation: &'static str,
    /// What a caller must hold for it.
    #[schema(value_type = String)]
    pub scope: &'static str,
    /// Whether it may be sent again.
    pub repeat: Repeat,
    /// What varies.
    pub limits: Limits,
}

struct Served {
    capability: Capability,
    adapter: Box<dyn Any + Send + Sync>,
    numbers: Numbers,
}

/// The metrics of one operation. Handles are made at first use and held: looking one up by its labels costs more than
/// counting does.
#[derive(Default)]
struct Numbers {
    seconds: OnceLock<Histogram>,
    // One place for success, one for each kind of failure.
    outcomes: [OnceLock<Counter>; ErrorKind::ALL.len() + 1],
}

/// One configured billing system and the operations it serves.
pub struct Backend {
    name: BackendName,
    kind: &'static str,
    upstream: Upstream,
    served: HashMap<TypeId, Served>,
    owns: Option<Arc<dyn Owns>>,
}

impl Backend {
    /// A backend that serves nothing yet.
    #[must_use]
    pub fn new(name: BackendName, kind: &'static str, upstream: Upstream) -> Self {
        Self {
            name,
            kind,
            upstream,
            served: HashMap::new(),
            owns: None,
        }
    }

    /// Adds an operation the adapter serves.
    #[must_use]
    pub fn serves<O: Operation>(mut self, adapter: &Arc<impl Serves<O> + 'static>, limits: Limits) -> Self {
        let adapter: Arc<dyn Serves<O>> = adapter.clone();
        let capability = Capability {
            operation: O::ID,
            scope: O::SCOPE.as_str(),
            repeat: O::REPEAT,
            limits,
        };
        self.served.insert(
            TypeId::of::<O>(),
            Served {
                capability,
                adapter: Box::new(adapter),
                numbers: Numbers::default(),
            },
        );
        self
    }

    /// Sets who says whose the records are. Without it nobody does.
    #[must_use]
    pub fn owned_by(mut self, owns: &Arc<impl Owns + 'static>) -> Self {
        let owns: Arc<dyn Owns> = owns.clone();
        self.owns = Some(owns);
        self
    }

    /// Whose a record is.
    #[must_use]
    pub fn owner(&self, record: Record<'_>) -> Owner {
        self.owns.as_ref().map_or(Owner::Unknown, |owns| owns.owner(record))
    }

    /// Whether an account asked for is the one that a caller is bound to.
    #[must_use]
    pub fn asks_for(&self, asked: &AccountId, bound: &AccountId) -> bool {
        self.owns.as_ref().is_some_and(|owns| owns.asks_for(asked, bound))
    }

    /// Whether an account that the system told of is the one that a caller is bound to.
    #[must_use]
    pub fn is(&self, told: &AccountId, bound: &AccountId) -> bool {
        self.owns.as_ref().is_some_and(|owns| owns.is(told, bound))
    }

    /// The configured name.
    #[must_use]
    pub fn name(&self) -> &BackendName {
        &self.name
    }

    /// Which system it is, such as `gentrack`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The road to the system, for what it knows of its standing.
    #[must_use]
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// The adapter and the limits for an operation, if it is served.
    #[must_use]
    pub fn serving<O: Operation>(&self) -> Option<(&dyn Serves<O>, &Limits)> {
        let served = self.served.get(&TypeId::of::<O>())?;
        let adapter = served.adapter.downcast_ref::<Arc<dyn Serves<O>>>()?;
        Some((adapter.as_ref(), &served.capability.limits))
    }

    /// Counts a call of an operation it serves, and how long it took.
    pub(crate) fn count<O: Operation>(&self, failure: Option<ErrorKind>, took: Duration) {
        if let Some(served) = self.served.get(&TypeId::of::<O>()) {
            self.counted(served, failure, took);
        }
    }

    fn counted(&self, served: &Served, failure: Option<ErrorKind>, took: Duration) {
        let (operation, name) = (served.capability.operation, self.name.as_str());
        let place = failure.map_or(ErrorKind::ALL.len(), |kind| kind as usize);
        if let Some(outcome) = served.numbers.outcomes.get(place) {
            let made = || {
                let outcome = ErrorKind::outcome(failure);
                metrics::counter!(
                    "intertie_calls_total", "operation" => operation, "backend" => name.to_owned(), "outcome" => outcome
                )
            };
            outcome.get_or_init(made).increment(1);
        }
        let made =
            || metrics::histogram!("intertie_call_seconds", "operation" => operation, "backend" => name.to_owned());
        served.numbers.seconds.get_or_init(made).record(took);
    }

    /// What it serves, by operation name.
    #[must_use]
    pub fn capabilities(&self) -> Vec<Capability> {
        let mut all: Vec<_> = self.served.values().map(|served| served.capability.clone()).collect();
        all.sort_by_key(|capability| capability.operation);
        all
    }
}
