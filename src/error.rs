//! What can go wrong, in words that say who must act; knows no HTTP.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The result of anything that may fail with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure: whose turn it is, what may be said about it, and whether trying again can help.
///
/// `message` is for the caller and safe to print; `source` is for the log. Neither ever holds a token, a personal
/// datum or a system's body.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    code: Option<&'static str>,
    lacks: Option<&'static str>,
    message: Cow<'static, str>,
    retry: Retry,
    backend: Option<String>,
    operation: Option<&'static str>,
    native: Option<Native>,
    faults: Vec<Fault>,
    attempts: u32,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Who must act, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The caller's input is wrong: our own checks failed, or the system named a bad input.
    Invalid,
    /// The caller did not prove who they are.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// No such backend, account, bill or meter.
    NotFound,
    /// The record's state or an earlier request with the same key forbids the step.
    Conflict,
    /// The caller asks more often than it may.
    Limited,
    /// The form asked for is not to be had.
    NotAcceptable,
    /// The operation is not served, or a filter lies outside the backend's limits.
    Unsupported,
    /// The system says our request was wrong.
    Refused,
    /// The system refused the backend's credentials twice.
    Credentials,
    /// An edge in front of the system answered; nothing is known about the credentials.
    Blocked,
    /// The reply does not decode, or lacks what the model needs.
    Unreadable,
    /// The system is limiting us.
    Throttled,
    /// The system was not reached, or it failed.
    Unavailable,
    /// No answer in time.
    TimedOut,
    /// A call that must not be repeated was lost; it may or may not have been executed.
    OutcomeUnknown,
    /// Our bug.
    Internal,
}

impl ErrorKind {
    /// Every kind, for tables that must be complete.
    pub const ALL: [Self; 17] = [
        Self::Invalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::Limited,
        Self::NotAcceptable,
        Self::Unsupported,
        Self::Refused,
        Self::Credentials,
        Self::Blocked,
        Self::Unreadable,
        Self::Throttled,
        Self::Unavailable,
        Self::TimedOut,
        Self::OutcomeUnknown,
        Self::Internal,
    ];

    /// The kind in one word, for metric labels and log fields.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Limited => "limited",
            Self::NotAcceptable => "not_acceptable",
            Self::Unsupported => "unsupported",
            Self::Refused => "refused",
            Self::Credentials => "credentials",
            Self::Blocked => "blocked",
            Self::Unreadable => "unreadable",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Internal => "internal",
        }
    }

    /// What became of something, failure or not, as a metric label and a log field.
    #[must_use]
    pub fn outcome(failure: Option<Self>) -> &'static str {
        failure.map_or("ok", Self::label)
    }
}

/// Whether trying the same call again can help. Set only where the failure is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It cannot.
    Never,
    /// It can, but the call may have been processed: only if the operation may be repeated.
    IfRepeatable {
        /// How long the system asked us to wait.
        after: Option<Duration>,
    },
    /// It can, and the call was not processed.
    Safe {
        /// How long the system asked us to wait.
        after: Option<Duration>,
    },
}

impl Retry {
    /// How long the system asked us to wait, if it did.
    #[must_use]
    pub fn after(self) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::IfRepeatable { after } | Self::Safe { after } => after,
        }
    }
}

/// What the system itself said, as far as it is safe to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Native {
    /// The system's own error code.
    pub code: Option<String>,
    /// The system's own words, only where they cannot hold a customer's data.
    pub message: Option<String>,
}

/// One member at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// What is wrong with it.
    pub detail: String,
}

/// Where a fault stands in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path or query parameter, by name.
    Parameter(Cow<'static, str>),
    /// A header, by name.
    Header(&'static str),
    /// A member of the body, as a JSON pointer (RFC 6901).
    Pointer(String),
}

impl Error {
    /// Makes an error of a kind with a message that is safe to print.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            code: None,
            lacks: None,
            message: message.into(),
            retry: Retry::Never,
            backend: None,
            operation: None,
            native: None,
            faults: Vec::new(),
            attempts: 0,
            source: None,
        }))
    }

    /// A path or query parameter that cannot be used.
    #[must_use]
    pub fn parameter(name: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        let (name, detail) = (name.into(), detail.into());
        Self::new(ErrorKind::Invalid, format!("`{name}`: {detail}")).fault(Place::Parameter(name), detail)
    }

    /// A member of the body that cannot be used; `pointer` is a JSON pointer.
    #[must_use]
    pub fn pointer(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let (pointer, detail) = (pointer.into(), detail.into());
        Self::new(ErrorKind::Invalid, format!("`{pointer}`: {detail}")).fault(Place::Pointer(pointer), detail)
    }

    /// A record that the system does not know. `what` is its canonical name, such as `account`.
    #[must_use]
    pub fn not_found(what: &'static str) -> Self {
        Self::new(ErrorKind::NotFound, format!("no such {what}"))
    }

    /// A reply that does not hold what the model needs; `path` is where in the reply.
    #[must_use]
    pub fn unreadable(path: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self::new(
            ErrorKind::Unreadable,
            format!("the system's reply cannot be read at `{path}`: {why}"),
        )
    }

    /// Sets a finer code than the kind's own for the problem document.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.0.code = Some(code);
        self
    }

    /// Names the scope that the caller would have to hold.
    #[must_use]
    pub fn lacks(mut self, scope: &'static str) -> Self {
        self.0.lacks = Some(scope);
        self
    }

    /// Says whether trying again can help.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Names what the system said.
    #[must_use]
    pub fn native(mut self, code: Option<String>, message: Option<String>) -> Self {
        self.0.native = Some(Native { code, message });
        self
    }

    /// Adds a member at fault.
    #[must_use]
    pub fn fault(mut self, place: Place, detail: impl Into<String>) -> Self {
        self.0.faults.push(Fault {
            place,
            detail: detail.into(),
        });
        self
    }

    /// Keeps the underlying error for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Names the backend, unless one is named already.
    #[must_use]
    pub fn at_backend(mut self, backend: &str) -> Self {
        self.0.backend.get_or_insert_with(|| backend.to_owned());
        self
    }

    /// Names the operation, unless one is named already.
    #[must_use]
    pub fn in_operation(mut self, operation: &'static str) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    /// Says how many attempts were made.
    #[must_use]
    pub fn after_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// The same failure as another kind with another message; everything else is kept.
    #[must_use]
    pub fn turned_into(mut self, kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.kind = kind;
        self.0.message = message.into();
        self
    }

    /// Who must act.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The finer code, if one was set.
    #[must_use]
    pub fn finer_code(&self) -> Option<&'static str> {
        self.0.code
    }

    /// The scope that the caller would have to hold, if that is what is missing.
    #[must_use]
    pub fn lacking(&self) -> Option<&'static str> {
        self.0.lacks
    }

    /// What may be said to the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether trying again can help.
    #[must_use]
    pub fn retryable(&self) -> Retry {
        self.0.retry
    }

    /// The backend concerned.
    #[must_use]
    pub fn backend(&self) -> Option<&str> {
        self.0.backend.as_deref()
    }

    /// The operation concerned.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// What the system said.
    #[must_use]
    pub fn native_error(&self) -> Option<&Native> {
        self.0.native.as_ref()
    }

    /// The members at fault, in the order they were found.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0.faults
    }

    /// How many attempts were made; 0 when the call never left.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
