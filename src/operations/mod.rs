//! Operations: each canonical call is a type that carries its request, its reply and what is true of it.

pub mod accounts;
pub mod arrangements;
pub mod bills;
pub mod candidates;
pub mod changes;
pub mod contacts;
pub mod credentials;
pub mod custom_attributes;
pub mod customers;
pub mod filter;
pub mod holds;
pub mod meters;
pub mod native;
pub mod notes;
pub mod organisations;
mod owned;
pub mod payment_methods;
pub mod payment_review;
pub mod payments;
pub mod postings;
pub mod providers;
pub mod readings;
pub mod refunds;
pub mod service_points;
pub mod service_types;
pub mod templates;
pub mod transactions;
pub mod usage;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use owned::{AmongOwn, Owned};

use crate::model::id::{BackendName, Id, Kind};

/// One canonical call.
pub trait Operation: Send + Sync + 'static {
    /// What the caller gets.
    type Reply: Owned + Send + 'static;
    /// The name in logs, metrics, the capability table and the OpenAPI document, such as `bills.list`.
    const ID: &'static str;
    /// What the caller must hold.
    const SCOPE: Scope;
    /// Whether it may be sent again.
    const REPEAT: Repeat;
    /// What a caller reads to find out what became of a lost call; only calls that are sent once have it.
    const AFTER_LOSS: Option<&'static str> = None;

    /// The backend, and the record whose owner is asked about.
    ///
    /// A caller bound to accounts is let through for a record whose owner the backend can tell, and for nothing else: a call
    /// that names no record is refused, and so is one whose record's owner nobody can tell.
    fn target(&self) -> Target<'_>;

    /// The other records that the call names in its body or its filters. For a caller bound to accounts they are held to the
    /// same rule as the target.
    fn others(&self) -> Vec<Target<'_>> {
        Vec::new()
    }

    /// What a call that names no record is for a caller bound to accounts, where its own accounts can be read in its place;
    /// `None` refuses it.
    fn among_own(&self) -> Option<AmongOwn<Self::Reply>> {
        None
    }

    /// Whether this very call may be sent again: [`Operation::REPEAT`], unless what it carries says that it only reads.
    fn repeat(&self) -> Repeat {
        Self::REPEAT
    }

    /// The filters this call uses, by parameter name. A backend that does not know one of them is not asked.
    fn filters(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// What a caller must hold to call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// `accounts:read`
    AccountsRead,
    /// `accounts:write`
    AccountsWrite,
    /// `bills:read`
    BillsRead,
    /// `bills:write`
    BillsWrite,
    /// `payments:read`
    PaymentsRead,
    /// `payments:write`
    PaymentsWrite,
    /// `meters:read`
    MetersRead,
    /// `meters:write`
    MetersWrite,
    /// `parties:read`
    PartiesRead,
    /// `parties:write`
    PartiesWrite,
    /// `enrollment:read`
    EnrollmentRead,
    /// `enrollment:write`
    EnrollmentWrite,
    /// `native:read`
    NativeRead,
    /// `native:call`
    NativeCall,
    /// `ops:read`
    OpsRead,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 15] = [
        Self::AccountsRead,
        Self::AccountsWrite,
        Self::BillsRead,
        Self::BillsWrite,
        Self::PaymentsRead,
        Self::PaymentsWrite,
        Self::MetersRead,
        Self::MetersWrite,
        Self::PartiesRead,
        Self::PartiesWrite,
        Self::EnrollmentRead,
        Self::EnrollmentWrite,
        Self::NativeRead,
        Self::NativeCall,
        Self::OpsRead,
    ];

    /// The scope as written in configurations and tokens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountsRead => "accounts:read",
            Self::AccountsWrite => "accounts:write",
            Self::BillsRead => "bills:read",
            Self::BillsWrite => "bills:write",
            Self::PaymentsRead => "payments:read",
            Self::PaymentsWrite => "payments:write",
            Self::MetersRead => "meters:read",
            Self::MetersWrite => "meters:write",
            Self::PartiesRead => "parties:read",
            Self::PartiesWrite => "parties:write",
            Self::EnrollmentRead => "enrollment:read",
            Self::EnrollmentWrite => "enrollment:write",
            Self::NativeRead => "native:read",
            Self::NativeCall => "native:call",
            Self::OpsRead => "ops:read",
        }
    }
}

/// Whether an operation may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Repeat {
    /// Changes nothing.
    Read,
    /// The same content may be sent again.
    Repeatable,
    /// Never sent again once a byte may have left.
    Once,
}

impl Repeat {
    /// Whether a call that may have been processed may be sent again.
    #[must_use]
    pub fn may_repeat(self) -> bool {
        !matches!(self, Self::Once)
    }
}

/// What a system says of a change to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// It is done, and this is the record now.
    Now(T),
    /// It is done.
    Done,
    /// The system took it and will do it later.
    Accepted,
}

/// Where an operation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The backend's name.
    pub backend: &'a str,
    /// The key of the record, if one is named.
    pub key: Option<&'a str>,
    kind: &'static str,
}

/// A record as an identifier names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it is: [`Kind::WORD`].
    pub kind: &'static str,
    /// Its key, which the adapter of its backend alone can read.
    pub key: &'a str,
}

impl<'a> Target<'a> {
    /// The target of a call that is about no record yet.
    #[must_use]
    pub fn backend(name: &'a BackendName) -> Self {
        Self::named(name.as_str())
    }

    /// The same, by a name that may be anybody's.
    #[must_use]
    pub fn named(backend: &'a str) -> Self {
        Self {
            backend,
            key: None,
            kind: "record",
        }
    }

    /// The target of a call about one record.
    #[must_use]
    pub fn record<K: Kind>(id: &'a Id<K>) -> Self {
        Self {
            backend: id.backend(),
            key: Some(id.key()),
            kind: K::WORD,
        }
    }

    /// The record, if one is named.
    #[must_use]
    pub fn named_record(&self) -> Option<Record<'a>> {
        self.key.map(|key| Record { kind: self.kind, key })
    }

    /// What the record is: [`Kind::WORD`]; `record` if none is named.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

/// What goes along with every call of an operation, whatever it is.
#[derive(Clone, Debug)]
pub struct Context {
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// The identifier of the caller's request.
    pub request_id: Arc<str>,
    /// The caller's W3C `traceparent`, passed on.
    pub traceparent: Option<Arc<str>>,
    /// Who is behind the call, for systems that keep an audit of it: the name of the caller.
    pub on_behalf_of: Option<Arc<str>>,
    /// The caller's `Idempotency-Key`.
    pub idempotency_key: Option<Arc<str>>,
    /// Whether the system's own records are wanted beside the canonical ones.
    pub native: bool,
}

impl Context {
    /// A context with nothing but a deadline, counted from now.
    #[must_use]
    pub fn within(deadline: Duration) -> Self {
        Self {
            deadline: Instant::now() + deadline,
            request_id: Arc::from(""),
            traceparent: None,
            on_behalf_of: None,
            idempotency_key: None,
            native: false,
        }
    }
}
