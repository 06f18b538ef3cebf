//! The one road of every call: rights, backend, operation served, deadline, adapter, answer.

mod access;
mod directory;
mod fanout;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tracing::{Instrument as _, warn};

pub use directory::Directory;

pub use crate::backends::{Backend, Capability, Limits};
pub use fanout::{Gathered, Source, SourceStatus};

use crate::auth::Caller;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::model::id::BackendName;
use crate::operations::{Context, Operation, Repeat};

/// How long after a call's own deadline the gateway cuts it off itself: adapters keep the deadline, this is for bugs.
const GRACE: Duration = Duration::from_millis(250);

/// What a call gave.
#[derive(Debug)]
pub struct Answer<T> {
    /// The reply.
    pub data: T,
    /// The backend that gave it.
    pub backend: BackendName,
    /// When it answered.
    pub as_of: Timestamp,
}

/// The road. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    directory: Arc<Directory>,
}

impl Gateway {
    /// A road to these backends.
    #[must_use]
    pub fn new(directory: Directory) -> Self {
        Self {
            directory: Arc::new(directory),
        }
    }

    /// The backends there are.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Calls one operation for one caller.
    ///
    /// A write goes on when its caller hangs up, so that what became of it is known and logged.
    ///
    /// # Errors
    /// `Forbidden` without the scope, `NotFound` for a backend that is not there or not the caller's, `Unsupported` for an
    /// operation or filter it does not serve, all of them before any I/O; else whatever the adapter says.
    pub async fn call<O: Operation>(&self, caller: &Caller, operation: O, cx: &Context) -> Result<Answer<O::Reply>> {
        let started = tokio::time::Instant::now();
        let target = operation.target();
        let backend = access::check::<O>(caller, &target, cx)
            .and_then(|()| self.directory.find(caller, target.backend))
            .and_then(|backend| self.admit::<O>(caller, &backend, &operation).map(|()| backend))
            .map_err(|error| error.in_operation(O::ID))?;
        let outcome = self.serve(Arc::clone(&backend), operation, cx).await;
        backend.count::<O>(outcome.as_ref().err().map(Error::kind), started.elapsed());
        outcome
            .map(|data| Answer {
                data,
                backend: backend.name().clone(),
                as_of: Timestamp::now(),
            })
            .map_err(|error| {
                explain::<O>(error)
                    .at_backend(backend.name().as_str())
                    .in_operation(O::ID)
            })
    }

    /// Checks that the backend serves the operation with the filters used.
    fn admit<O: Operation>(&self, caller: &Caller, backend: &Backend, operation: &O) -> Result<()> {
        let Some((_, limits)) = backend.serving::<O>() else {
            let others = self.directory.serving::<O>(caller);
            let hint = if others.is_empty() {
                "no backend here serves it".to_owned()
            } else {
                format!("it is served by {}", others.join(", "))
            };
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("`{}` is not served by backend `{}`; {hint}", O::ID, backend.name()),
            )
            .code("unsupported_operation")
            .at_backend(backend.name().as_str()));
        };
        for filter in operation.filters() {
            if !limits.filters.contains(&filter) {
                let name = filter.split(['=', '[']).next().unwrap_or(filter);
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("backend `{}` cannot filter `{}` by `{filter}`", backend.name(), O::ID),
                )
                .code("unsupported_filter")
                .fault(
                    crate::error::Place::Parameter(name.to_owned().into()),
                    "not known to this backend",
                )
                .at_backend(backend.name().as_str()));
            }
        }
        Ok(())
    }

    async fn serve<O: Operation>(&self, backend: Arc<Backend>, operation: O, cx: &Context) -> Result<O::Reply> {
        let cut_off = cx.deadline + GRACE;
        let repeat = operation.repeat();
        if matches!(repeat, Repeat::Read) {
            let Some((adapter, _)) = backend.serving::<O>() else {
                return Err(unserved());
            };
            return match tokio::time::timeout_at(cut_off, adapter.serve(operation, cx)).await {
                Ok(reply) => reply,
                Err(_) => Err(late(false)),
            };
        }
        let cx = cx.clone();
        let span = tracing::Span::current();
        let task = tokio::spawn(
            async move {
                let Some((adapter, _)) = backend.serving::<O>() else {
                    return Err(unserved());
                };
                let outcome = match tokio::time::timeout_at(cut_off, adapter.serve(operation, &cx)).await {
                    Ok(reply) => reply,
                    Err(_) => Err(late(!repeat.may_repeat())),
                };
                if let Err(error) = &outcome {
                    warn!(operation = O::ID, backend = backend.name().as_str(), kind = ?error.kind(), "a write failed");
                }
                outcome
            }
            .instrument(span),
        );
        task.await.unwrap_or_else(|lost| {
            let kind = if repeat.may_repeat() {
                ErrorKind::Internal
            } else {
                ErrorKind::OutcomeUnknown
            };
            // Not `lost` itself, which repeats what a panic said; the line about the panic says what may be said of it.
            let why = if lost.is_panic() {
                "a panic"
            } else {
                "the runtime is ending"
            };
            Err(Error::new(kind, "the call broke off inside the gateway").because(why))
        })
    }
}

fn unserved() -> Error {
    Error::new(ErrorKind::Internal, "an operation was admitted that is not served")
}

fn late(once: bool) -> Error {
    if once {
        Error::new(
            ErrorKind::OutcomeUnknown,
            "no answer in time; whether the call was executed is not known",
        )
    } else {
        Error::new(ErrorKind::TimedOut, "no answer in time").retry(Retry::IfRepeatable { after: None })
    }
}

/// Says what to read when a call that is never repeated was lost.
fn explain<O: Operation>(error: Error) -> Error {
    match (error.kind(), O::AFTER_LOSS) {
        (ErrorKind::OutcomeUnknown, Some(advice)) => {
            let message = format!("{}; {advice}", error.message());
            error.turned_into(ErrorKind::OutcomeUnknown, message)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::backends::{Limits, Serves};
    use crate::model::bill::Bill;
    use crate::model::meter::ReadingsVerdict;
    use crate::model::page::{Page, Paging};
    use crate::operations::Scope;
    use crate::operations::bills::{GetBill, ListBills};
    use crate::operations::readings::SubmitReadings;
    use crate::upstream::{Settings, Upstream};

    #[derive(Default)]
    struct Fake {
        takes: Duration,
        loses: bool,
        done: AtomicUsize,
    }

    #[async_trait::async_trait]
    impl Serves<SubmitReadings> for Fake {
        async fn serve(&self, _operation: SubmitReadings, _cx: &Context) -> Result<ReadingsVerdict> {
            tokio::time::sleep(self.takes).await;
            self.done.fetch_add(1, Ordering::SeqCst);
            if self.loses {
                return Err(Error::new(ErrorKind::OutcomeUnknown, "the connection broke"));
            }
            Ok(ReadingsVerdict {
                accepted: true,
                findings: None,
            })
        }
    }

    #[async_trait::async_trait]
    impl Serves<ListBills> for Fake {
        async fn serve(&self, _operation: ListBills, _cx: &Context) -> Result<Page<Bill>> {
            tokio::time::sleep(self.takes).await;
            self.done.fetch_add(1, Ordering::SeqCst);
            Ok(Page::whole(Vec::new()))
        }
    }

    fn gateway(fake: &Arc<Fake>) -> Gateway {
        let upstream = Upstream::connect("a", Settings::default(), None, |_| Ok(())).unwrap();
        let limits = Limits {
            filters: &["from"],
            ..Limits::default()
        };
        Gateway::new(Directory::of([Backend::new("a".parse().unwrap(), "fake", upstream)
            .serves::<SubmitReadings>(fake, Limits::default())
            .serves::<ListBills>(fake, limits)]))
    }

    fn caller() -> Caller {
        Caller::new("test", &[Scope::MetersWrite, Scope::BillsRead], Some(&["a"]))
    }

    fn submit() -> SubmitReadings {
        SubmitReadings {
            service_point: "a:1".parse().unwrap(),
            readings: Vec::new(),
        }
    }

    fn bills() -> ListBills {
        ListBills {
            account: "a:1".parse().unwrap(),
            from: None,
            to: None,
            kind: None,
            superseded: false,
            paging: Paging::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_goes_on_when_its_caller_hangs_up() {
        let fake = Arc::new(Fake {
            takes: Duration::from_secs(2),
            ..Fake::default()
        });
        let gateway = gateway(&fake);
        let cx = Context::within(Duration::from_secs(5));
        let hung_up = tokio::time::timeout(Duration::from_secs(1), gateway.call(&caller(), submit(), &cx)).await;
        assert!(hung_up.is_err());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(fake.done.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_read_is_timed_out_and_a_late_write_unknown() {
        let fake = Arc::new(Fake {
            takes: Duration::from_secs(60),
            ..Fake::default()
        });
        let gateway = gateway(&fake);
        let cx = Context::within(Duration::from_secs(1));
        let read = gateway.call(&caller(), bills(), &cx).await.unwrap_err();
        assert_eq!(
            (read.kind(), read.backend(), read.operation()),
            (ErrorKind::TimedOut, Some("a"), Some("bills.list"))
        );
        assert_eq!(
            gateway.call(&caller(), submit(), &cx).await.unwrap_err().kind(),
            ErrorKind::OutcomeUnknown
        );
    }

    #[tokio::test]
    async fn a_lost_write_says_what_to_read() {
        let fake = Arc::new(Fake {
            loses: true,
            ..Fake::default()
        });
        let cx = Context::within(Duration::from_secs(1));
        let error = gateway(&fake).call(&caller(), submit(), &cx).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
        assert!(error.message().contains("GET /v1/service-points/"), "{error}");
    }

    #[tokio::test]
    async fn what_is_not_served_never_reaches_the_backend() {
        let fake = Arc::new(Fake::default());
        let gateway = gateway(&fake);
        let cx = Context::within(Duration::from_secs(1));
        let bill = GetBill {
            bill: "a:1".parse().unwrap(),
        };
        let unserved = gateway.call(&caller(), bill, &cx).await.unwrap_err();
        assert_eq!(
            (unserved.kind(), unserved.finer_code()),
            (ErrorKind::Unsupported, Some("unsupported_operation"))
        );
        let filtered = ListBills {
            superseded: true,
            ..bills()
        };
        let error = gateway.call(&caller(), filtered, &cx).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.finer_code()),
            (ErrorKind::Unsupported, Some("unsupported_filter"))
        );
        let known = ListBills {
            from: Some("2026-01-01".parse().unwrap()),
            ..bills()
        };
        assert!(gateway.call(&caller(), known, &cx).await.is_ok());
        assert_eq!(fake.done.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn somebody_else_s_backend_answers_like_none() {
        let gateway = gateway(&Arc::new(Fake::default()));
        let cx = Context::within(Duration::from_secs(1));
        let other = Caller::new("other", &[Scope::BillsRead], Some(&["b"]));
        let hidden = gateway.call(&other, bills(), &cx).await.unwrap_err();
        let missing = gateway
            .call(
                &caller(),
                ListBills {
                    account: "z:1".parse().unwrap(),
                    ..bills()
                },
                &cx,
            )
            .await
            .unwrap_err();
        assert_eq!(
            (hidden.kind(), hidden.message(), hidden.finer_code()),
            (missing.kind(), missing.message(), missing.finer_code())
        );
        assert_eq!(hidden.finer_code(), Some("backend_not_found"));
    }
}
