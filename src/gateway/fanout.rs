//! One question to several backends.

use jiff::Timestamp;

use super::Gateway;
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
