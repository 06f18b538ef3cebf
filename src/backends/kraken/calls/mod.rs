//! `impl Serves<O>`: build the call, send it, decode, map.

mod accounts;
mod bills;
mod british;
mod contacts;
mod document;
mod gather;
mod metering;
mod notes;
mod payments;
mod postings;
mod readings;
mod refunds;
mod terms;
mod transactions;
mod update;
mod usage;
mod write;

pub(super) use document::Hosts;

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::value::RawValue;

use super::documents::Document;
use super::map::Owner;
use super::wire::{Answer, Connection, Fault};
use super::{Kraken, verdict};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Native;
use crate::model::id::{AccountId, Id, Kind};
use crate::operations::Context;
use crate::upstream::Call;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The most pages of the system read for one page of ours.
const MAX_PAGES: usize = 1000;

/// The largest page taken without complaint: `first` must be below 100 (contract, "Paging").
const LARGEST: usize = 99;

/// A decoded answer: its data, the errors that came with it, and its bytes for the record as it came.
struct Answered<T> {
    data: T,
    faults: Vec<Fault>,
    body: Bytes,
}

impl<T> Answered<T> {
    /// The meaning of an error that stands at, above or below `place`, if one does.
    ///
    /// Below counts because an error nulls the nearest parent of its path that may be null.
    fn fault(&self, place: &[&str]) -> Option<Error> {
        about(&self.faults, place).map(verdict::meaning)
    }

    /// Why a member at `place` is not there: what an error says of it, else `otherwise`.
    fn missing(&self, place: &[&str], otherwise: Error) -> Error {
        self.fault(place).unwrap_or(otherwise)
    }

    /// Nothing if a null at `place` means "none", the meaning of the error if it does not.
    fn none(&self, place: &[&str]) -> Result<()> {
        self.fault(place).map_or(Ok(()), Err)
    }
}

fn about<'f>(faults: &'f [Fault], place: &[&str]) -> Option<&'f Fault> {
    faults.iter().find(|fault| {
        let path = fault.path.iter().flatten();
        path.zip(place).all(|(step, name)| step.to_string() == *name)
    })
}

/// The record as it came, looked up only when it is wanted.
#[derive(Clone, Copy)]
struct Raw<'a>(&'a RawValue);

impl<'a> Raw<'a> {
    fn of(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice::<&RawValue>(body).ok().map(Self)
    }

    fn get(self, key: &str) -> Option<Self> {
        let members: HashMap<String, &'a RawValue> = serde_json::from_str(self.0.get()).ok()?;
        members.get(key).copied().map(Self)
    }

    fn at(self, path: &[&str]) -> Option<Self> {
        path.iter().try_fold(self, |raw, key| raw.get(key))
    }

    fn items(self) -> Vec<Self> {
        let items: Vec<&'a RawValue> = serde_json::from_str(self.0.get()).unwrap_or_default();
        items.into_iter().map(Self).collect()
    }

    fn native(self) -> Native {
        Native::new(self.0.to_owned())
    }
}

/// The nodes of a connection as they came, by the place of their edge; empty unless they are wanted.
fn natives(wanted: bool, connection: impl FnOnce() -> Option<Vec<Option<Native>>>) -> Vec<Option<Native>> {
    if wanted {
        connection().unwrap_or_default()
    } else {
        Vec::new()
    }
}

impl Kraken {
    /// Sends a document and decodes its answer; what part of it is missing is for the caller to judge.
    async fn ask<D: Document>(
        &self,
        operation: &'static str,
        variables: D::Variables,
        cx: &Context,
    ) -> Result<Answered<D::Data>> {
        self.send::<D>(operation, variables, true, cx).await
    }

    /// The same, for documents that may have to be sent only once.
    async fn send<D: Document>(
        &self,
        operation: &'static str,
        variables: D::Variables,
        may_repeat: bool,
        cx: &Context,
    ) -> Result<Answered<D::Data>> {
        let body = serde_json::to_vec(&D::body(variables))
            .map_err(|error| Error::new(ErrorKind::Internal, "the request cannot be written").because(error))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        stamp(cx, &mut headers);
        let reply = self
            .road
            .call(Call {
                operation,
                may_repeat,
                deadline: cx.deadline,
                method: Method::POST,
                url: self.endpoint.clone(),
                headers,
                body: body.into(),
                max_reply: None,
            })
            .await?;
        let mut reader = serde_json::Deserializer::from_slice(&reply.body);
        let answer: Answer<D::Data> = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| Error::unreadable(error.path(), "not what the schema says"))?;
        for fault in &answer.errors {
            let extensions = fault.extensions.clone().unwrap_or_default();
            let path: Vec<_> = fault.path.iter().flatten().map(ToString::to_string).collect();
            tracing::warn!(
                backend = %self.deployment.name,
                operation,
                code = extensions.error_code.as_deref().unwrap_or_default(),
                kind = extensions.error_type.as_deref().unwrap_or_default(),
                path = path.join("."),
                "the answer came with an error"
            );
        }
        let data = answer.data.ok_or_else(|| Error::unreadable("data", "absent"))?;
        Ok(Answered {
            data,
            faults: answer.errors,
            body: reply.body,
        })
    }

    /// The account an id names.
    fn owner(&self, id: &AccountId) -> Result<Owner> {
        let [number] = parts(id)?;
        Ok(Owner { id: id.clone(), number })
    }

    /// The account in whose name a compound key is asked about.
    fn owner_of(&self, number: String) -> Result<Owner> {
        let id = AccountId::of(&self.deployment.name, &[&number])
            .map_err(|error| Error::parameter("account", error.to_string()))?;
        Ok(Owner { id, number })
    }

    /// Takes the account out of an answer: it must be there, and be the one asked for.
    fn account_in<A>(
        &self,
        answered: &mut Answered<super::wire::AccountData<A>>,
        owner: &Owner,
        number: impl FnOnce(&A) -> Option<&str>,
    ) -> Result<A> {
        let account = answered.data.account.take();
        let account = account.ok_or_else(|| answered.missing(&["account"], Error::not_found("account")))?;
        same_account(number(&account), owner)?;
        Ok(account)
    }
}

/// Refuses a record of an account that was not asked for.
fn same_account(number: Option<&str>, owner: &Owner) -> Result<()> {
    match number {
        Some(number) if number == owner.number => Ok(()),
        Some(_) => Err(Error::unreadable("account.number", "not the account asked for").code("integrity")),
        None => Err(Error::unreadable("account.number", "absent")),
    }
}

/// Writes in which trace a call belongs.
pub(super) fn stamp(cx: &Context, headers: &mut HeaderMap) {
    let parent = cx.traceparent.as_deref();
    match parent.and_then(|parent| HeaderValue::from_str(parent).ok()) {
        Some(value) => headers.insert(TRACEPARENT, value),
        None => headers.remove(TRACEPARENT),
    };
}

/// The parts of a key that must have exactly so many, none of them empty.
fn parts<K: Kind, const N: usize>(id: &Id<K>) -> Result<[String; N]> {
    let parts: Vec<String> = id.parts().map(Into::into).collect();
    match <[String; N]>::try_from(parts) {
        Ok(parts) if parts.iter().all(|part| !part.trim().is_empty()) => Ok(parts),
        _ => Err(Error::parameter(K::WORD, "not an identifier that this backend gives")),
    }
}

/// Where a walk through pages of the system stands.
struct Walk {
    after: Option<String>,
    seen: HashSet<String>,
}

impl Walk {
    fn from(after: Option<String>) -> Self {
        Self {
            seen: after.iter().cloned().collect(),
            after,
        }
    }

    /// Moves on behind a page; `false` if it was the last.
    ///
    /// # Errors
    /// `Unreadable` if the system says there is more but not where, or sends the walk round in a circle.
    fn advance<T>(&mut self, connection: &Connection<T>) -> Result<bool> {
        let edges = connection.edges.iter().flatten().flatten();
        let last = edges.filter_map(|edge| edge.cursor.clone()).last();
        let info = connection.page_info.as_ref();
        self.follow(
            info.and_then(|info| info.has_next_page),
            info.and_then(|info| info.end_cursor.clone()).or(last),
        )
    }

    fn follow(&mut self, more: Option<bool>, cursor: Option<String>) -> Result<bool> {
        let place = "pageInfo";
        if !more.ok_or_else(|| Error::unreadable(place, "absent"))? {
            return Ok(false);
        }
        let cursor = cursor.filter(|cursor| !cursor.is_empty());
        match cursor {
            None => Err(Error::unreadable(place, "there is more, but no cursor to it")),
            Some(cursor) if !self.seen.insert(cursor.clone()) => {
                Err(Error::unreadable(place, "the pages go round in a circle"))
            }
            Some(_) if self.seen.len() > MAX_PAGES => Err(Error::unreadable(place, "the pages do not end")),
            Some(cursor) => {
                self.after = Some(cursor);
                Ok(true)
            }
        }
    }
}

/// How many items to ask for so that `wanted` of them and a look at the next fit, within what the system takes.
fn first(wanted: usize) -> i64 {
    i64::try_from((wanted + 1).min(LARGEST)).unwrap_or(1)
}
