//! What callers may change: holds, payments, parties and accounts, kept per system.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::book::BOOK;
use super::reads::identifier;
use super::request::{self, Route};
use super::{account_writes, parties, payments};

/// The system's clock stands still at the day of the contract's examples.
pub(super) const TODAY: &str = "2026-07-06";
/// The same, with a time.
pub(super) const NOW: &str = "2026-07-06T11:02:40.000";

/// Everything that is kept, behind one lock: a write and its repeat never run at once.
pub(super) struct Records(Mutex<State>);

/// The documents by kind and reference, and the answers given to transactions.
pub(super) struct State {
    documents: BTreeMap<(Sort, String), Value>,
    last_reference: u64,
    answered: HashMap<Transaction, Written>,
}

/// The kinds of documents.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Sort {
    Account,
    Arrangements,
    BillingInformation,
    Contact,
    Customer,
    Fixed,
    Organisation,
    Overdue,
    PaymentMethod,
    PaymentTerms,
    Refunds,
    Review,
    ReviewDate,
    Suggested,
}

/// A transaction, by what its headers say: the same id and date-time are the same transaction.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Transaction {
    pub(super) operation: &'static str,
    pub(super) id: String,
    pub(super) part: String,
    pub(super) at: String,
}

/// What a write answers.
#[derive(Clone)]
pub(super) struct Written {
    status: StatusCode,
    body: Option<Bytes>,
}

impl Written {
    pub(super) fn created(body: &Value) -> Self {
        Written {
            status: StatusCode::CREATED,
            body: Some(Bytes::from(body.to_string())),
        }
    }

    pub(super) fn done() -> Self {
        Written {
            status: StatusCode::NO_CONTENT,
            body: None,
        }
    }

    fn response(self) -> Response {
        let mut response = Response::new(self.body.clone().map_or_else(Body::empty, Body::from));
        *response.status_mut() = self.status;
        if self.body.is_some() {
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        response
    }
}

impl Default for Records {
    fn default() -> Self {
        let mut state = State {
            documents: BTreeMap::new(),
            last_reference: 95_000_000,
            answered: HashMap::new(),
        };
        account_writes::seed(&mut state);
        payments::seed(&mut state);
        parties::seed(&mut state);
        Records(Mutex::new(state))
    }
}

impl Records {
    /// Carries a write out and says whether it was: a repeat of a transaction is answered as the first time, and is not.
    pub(super) fn write(
        &self,
        route: &Route<'_>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Option<(Response, bool)>, Refusal> {
        let transaction = request::transaction(route, headers)?;
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = transaction.as_ref().and_then(|key| state.answered.get(key)) {
            return Ok(Some((known.clone().response(), false)));
        }
        let (operation, id) = (route.operation, &*route.id);
        let written = match account_writes::write(&mut state, operation, id, body)? {
            Some(written) => Some(written),
            None => match payments::write(&mut state, operation, id, body)? {
                Some(written) => Some(written),
                None => parties::write(&mut state, operation, id, body)?,
            },
        };
        if let (Some(key), Some(written)) = (transaction, &written) {
            state.answered.insert(key, written.clone());
        }
        Ok(written.map(|written| (written.response(), true)))
    }

    /// Looks something up.
    pub(super) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    pub(super) fn get(&self, sort: Sort, id: &str) -> Option<&Value> {
        self.documents.get(&(sort, id.to_owned()))
    }

    pub(super) fn put(&mut self, sort: Sort, id: &str, document: Value) {
        self.documents.insert((sort, id.to_owned()), document);
    }

    pub(super) fn take(&mut self, sort: Sort, id: &str) -> Option<Value> {
        self.documents.remove(&(sort, id.to_owned()))
    }

    /// Every document of a kind that can be changed.
    pub(super) fn all_mut(&mut self, sort: Sort) -> impl Iterator<Item = (&str, &mut Value)> {
        self.documents
            .iter_mut()
            .filter(move |((kind, _), _)| *kind == sort)
            .map(|((_, id), document)| (id.as_str(), document))
    }

    pub(super) fn next_reference(&mut self) -> u64 {
        self.last_reference += 1;
        self.last_reference
    }

    /// Refuses what is about an account that does not exist.
    pub(super) fn account(&self, id: &str) -> Result<(), Refusal> {
        match self.get(Sort::Account, id) {
            Some(_) => Ok(()),
            None => BOOK.account(id).map(|_| ()),
        }
    }

    /// The text of a document about an account, or what stands for one that is not there.
    pub(super) fn of_account(&self, sort: Sort, id: &str, without: impl FnOnce() -> Value) -> Result<Bytes, Refusal> {
        self.account(id)?;
        let text = match self.get(sort, id) {
            Some(document) => document.to_string(),
            None => without().to_string(),
        };
        Ok(Bytes::from(text))
    }

    /// Files a new record under the reference the caller chose or one of the system's own.
    pub(super) fn create(&mut self, sort: Sort, mut sent: Map<String, Value>, taken: bool) -> Result<Written, Refusal> {
        let reference = match sent.get("globalReference").and_then(identifier) {
            Some(chosen) if taken || self.get(sort, &chosen).is_some() => {
                let why = format!("The reference {chosen} is taken.");
                return Err(Refusal::new(StatusCode::CONFLICT, "ReferenceTaken", why));
            }
            Some(chosen) => chosen,
            None => self.next_reference().to_string(),
        };
        sent.insert("globalReference".to_owned(), json!(reference));
        sent.insert("lastUpdatedTime".to_owned(), json!(NOW));
        let mut answer = json!({ "globalReference": reference });
        if let Some(crm) = sent.get("crmId") {
            answer["crmId"] = crm.clone();
        }
        self.put(sort, &reference, Value::Object(sent));
        Ok(Written::created(&answer))
    }
}

/// Puts the members of a write into a record; the reference stays.
pub(super) fn lay_over(record: &mut Value, sent: Map<String, Value>) {
    if let Value::Object(record) = record {
        for (name, value) in sent {
            if name != "globalReference" {
                record.insert(name, value);
            }
        }
        record.insert("lastUpdatedTime".to_owned(), json!(NOW));
    }
}

/// A document of the contract's examples.
pub(super) fn example(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
