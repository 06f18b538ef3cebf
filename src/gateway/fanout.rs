//! One question to several backends.

use jiff::Timestamp;

use super::{Gateway, access};
use crate::auth::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::model::id::BackendName;
use crate::model::page::{Page, Paging};
use crate::operations::{Context, Operation};

/// What several backends gave: items in the order of the backends' names, each backend's in its own order.
#[derive(Debug)]
pub struct Gathered<T> {
    /// This page.
    pub page: Page<T>,
    /// How each backend asked for this page did.
    pub sources: Vec<Source>,
    /// When the last of them answered.
    pub as_of: Timestamp,
}

impl<T> Gathered<T> {
    /// Whether every backend asked gave what it has.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.sources
            .iter()
            .all(|source| matches!(source.status, SourceStatus::Ok))
    }
}

/// How one backend did.
#[derive(Debug)]
pub struct Source {
    /// Its name.
    pub backend: BackendName,
    /// What came of it.
    pub status: SourceStatus,
}

/// What came of asking one backend.
#[derive(Debug)]
pub enum SourceStatus {
    /// It answered.
    Ok,
    /// It failed.
    Failed(Error),
    /// It does not serve the operation, or not with these filters.
    Unsupported(Error),
}

impl Gateway {
    /// Asks several backends in the order of their names and joins their lists.
    ///
    /// `named` are the backends to ask; without it, all that serve the operation. `ask` makes the operation for one
    /// backend. A position is a backend's name and that backend's own position: pages go on there. A backend that fails
    /// is named among the sources and the next one is asked.
    ///
    /// # Errors
    /// `Forbidden` without the scope; `NotFound` for a named backend that is not there; `Invalid` for a position that no
    /// backend here gave; `Unsupported` if there is no backend to ask; the failure itself if a single backend was named.
    pub async fn gather<O, T>(
        &self,
        caller: &Caller,
        named: Option<&[BackendName]>,
        paging: &Paging,
        cx: &Context,
        ask: impl Fn(BackendName, Paging) -> O,
    ) -> Result<Gathered<T>>
    where
        O: Operation<Reply = Page<T>>,
    {
        access::holds(caller, O::SCOPE)?;
        let names = self.asked::<O>(caller, named)?;
        let (mut at, mut after) = match paging.after.as_deref() {
            None => (0, None),
            Some(position) => {
                let (name, after) = position.split_once(':').ok_or_else(lost)?;
                let at = names.iter().position(|known| known.as_str() == name).ok_or_else(lost)?;
                (at, (!after.is_empty()).then(|| after.to_owned()))
            }
        };
        let mut gathered = Gathered {
            page: Page {
                items: Vec::new(),
                next: None,
            },
            sources: Vec::new(),
            as_of: Timestamp::now(),
        };
        while let Some(name) = names.get(at) {
            let room = paging.limit - gathered.page.items.len();
            if room == 0 {
                gathered.page.next = Some(format!("{name}:{}", after.unwrap_or_default()));
                break;
            }
            let operation = ask(
                name.clone(),
                Paging {
                    limit: room,
                    after: after.take(),
                },
            );
            let status = match self.call(caller, operation, cx).await {
                Ok(answer) => {
                    gathered.as_of = answer.as_of;
                    gathered.page.items.extend(answer.data.items);
                    after = answer.data.next;
                    SourceStatus::Ok
                }
                Err(error) if error.kind() == ErrorKind::Forbidden || names.len() == 1 => return Err(error),
                Err(error) if error.kind() == ErrorKind::Unsupported => SourceStatus::Unsupported(error),
                Err(error) => SourceStatus::Failed(error),
            };
            gathered.sources.push(Source {
                backend: name.clone(),
                status,
            });
            if let Some(next) = &after {
                gathered.page.next = Some(format!("{name}:{next}"));
                break;
            }
            at += 1;
        }
        Ok(gathered)
    }

    fn asked<O: Operation>(&self, caller: &Caller, named: Option<&[BackendName]>) -> Result<Vec<BackendName>> {
        let mut names: Vec<BackendName> = match named {
            Some(named) => {
                for name in named {
                    self.directory.find(caller, name.as_str()).map_err(|error| {
                        error.fault(crate::error::Place::Parameter("backend".into()), "no such backend")
                    })?;
                }
                named.to_vec()
            }
            None => self
                .directory
                .seen_by(caller)
                .filter(|backend| backend.serving::<O>().is_some())
                .map(|backend| backend.name().clone())
                .collect(),
        };
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Err(
                Error::new(ErrorKind::Unsupported, format!("no backend here serves `{}`", O::ID))
                    .code("unsupported_operation")
                    .in_operation(O::ID),
            );
        }
        Ok(names)
    }
}

fn lost() -> Error {
    Error::parameter("cursor", "the position it stands for is gone; start again without it")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::backends::{Backend, Limits, Serves};
    use crate::gateway::Directory;
    use crate::model::account::Account;
    use crate::operations::Scope;
    use crate::operations::accounts::SearchAccounts;
    use crate::upstream::{Settings, Upstream};

    struct Fake {
        numbers: Vec<&'static str>,
        fails: bool,
    }

    #[async_trait::async_trait]
    impl Serves<SearchAccounts> for Fake {
        async fn serve(&self, operation: SearchAccounts, _cx: &Context) -> Result<Page<Account>> {
            if self.fails {
                return Err(Error::new(ErrorKind::Unavailable, "down"));
            }
            let all = self
                .numbers
                .iter()
                .map(|number| account(&operation.backend, number))
                .collect();
            Page::cut(all, &operation.paging, |account| &account.native_id).map_err(|_| lost())
        }
    }

    fn account(backend: &BackendName, number: &str) -> Account {
        Account {
            id: crate::model::id::Id::of(backend, &[number]).unwrap(),
            backend: backend.clone(),
            native_id: number.to_owned(),
            number: None,
            name: None,
            native_kind: None,
            status: None,
            native_status: None,
            currency: None,
            customer_number: None,
            billing: None,
            brand: None,
            opened_on: None,
            closed_on: None,
            parent: None,
            service_points: None,
            balance: None,
            enrollment: None,
            custom_attributes: None,
            updated_at: None,
            native: None,
        }
    }

    fn backend(name: &str, numbers: &[&'static str], fails: bool) -> Backend {
        let upstream = Upstream::connect(name, Settings::default(), None, |_| Ok(())).unwrap();
        let fake = Arc::new(Fake {
            numbers: numbers.to_vec(),
            fails,
        });
        Backend::new(name.parse().unwrap(), "fake", upstream).serves::<SearchAccounts>(&fake, Limits::default())
    }

    fn gateway(fails: bool) -> Gateway {
        let upstream = Upstream::connect("d", Settings::default(), None, |_| Ok(())).unwrap();
        Gateway::new(Directory::of([
            backend("a", &["1", "2", "3"], false),
            backend("b", &["4"], fails),
            backend("c", &["5", "6"], false),
            Backend::new("d".parse().unwrap(), "fake", upstream),
        ]))
    }

    async fn gather(
        gateway: &Gateway,
        named: Option<&[&str]>,
        limit: usize,
        after: Option<String>,
    ) -> Result<Gathered<Account>> {
        let caller = Caller::new("test", &[Scope::AccountsRead], None);
        let cx = Context::within(Duration::from_secs(1));
        let named: Option<Vec<BackendName>> =
            named.map(|names| names.iter().map(|name| name.parse().unwrap()).collect());
        gateway
            .gather(
                &caller,
                named.as_deref(),
                &Paging { limit, after },
                &cx,
                |backend, paging| SearchAccounts {
                    backend,
                    number: None,
                    customer_number: None,
                    status: None,
                    filters: Vec::new(),
                    paging,
                },
            )
            .await
    }

    async fn walk(gateway: &Gateway, limit: usize) -> (Vec<String>, bool) {
        let (mut seen, mut complete, mut after) = (Vec::new(), true, None);
        loop {
            let gathered = gather(gateway, None, limit, after).await.unwrap();
            complete &= gathered.complete();
            assert!(gathered.page.items.len() <= limit);
            seen.extend(gathered.page.items.into_iter().map(|account| account.native_id));
            after = gathered.page.next;
            if after.is_none() {
                return (seen, complete);
            }
        }
    }

    #[tokio::test]
    async fn pages_of_several_backends_give_every_record_once() {
        for limit in 1..8 {
            assert_eq!(
                walk(&gateway(false), limit).await,
                (["1", "2", "3", "4", "5", "6"].map(str::to_owned).to_vec(), true)
            );
        }
    }

    #[tokio::test]
    async fn a_failed_source_is_named() {
        let gathered = gather(&gateway(true), None, 50, None).await.unwrap();
        assert!(!gathered.complete());
        let failed: Vec<_> = gathered
            .sources
            .iter()
            .filter(|source| matches!(source.status, SourceStatus::Failed(_)))
            .map(|source| source.backend.as_str())
            .collect();
        assert_eq!(
            (failed, gathered.sources.len(), gathered.page.items.len()),
            (vec!["b"], 3, 5)
        );
    }

    #[tokio::test]
    async fn a_backend_that_cannot_is_named_as_such_when_it_was_asked_for() {
        let gathered = gather(&gateway(false), Some(&["a", "d"]), 50, None).await.unwrap();
        assert!(matches!(gathered.sources[1].status, SourceStatus::Unsupported(_)));
        assert!(!gathered.complete());
    }

    #[tokio::test]
    async fn a_single_backend_answers_for_itself() {
        assert_eq!(
            gather(&gateway(true), Some(&["b"]), 50, None).await.unwrap_err().kind(),
            ErrorKind::Unavailable
        );
        assert_eq!(
            gather(&gateway(true), Some(&["d"]), 50, None).await.unwrap_err().kind(),
            ErrorKind::Unsupported
        );
        assert_eq!(
            gather(&gateway(true), Some(&["x"]), 50, None).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }

    #[tokio::test]
    async fn a_position_nobody_gave_is_refused() {
        for position in ["", "x:1", "a", "a:99"] {
            let outcome = gather(&gateway(false), Some(&["a"]), 50, Some(position.to_owned())).await;
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Invalid, "{position}");
        }
    }
}
