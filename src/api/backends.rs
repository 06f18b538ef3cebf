//! What the gateway itself knows: its backends and what they serve.

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Many, One, Outcome};
use super::extract::{Nothing, Query, segment};
use super::problem::Failure;
use super::{Ask, Shared};
use crate::gateway::{Backend, Capability, Limits};
use crate::model::id::BackendName;
use crate::operations::Repeat;

/// A configured billing system.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BackendRecord {
    /// The name it is configured under: the first part of the ids of its records.
    name: BackendName,
    /// Which system it is.
    #[schema(example = "gentrack")]
    kind: &'static str,
    /// What is known of it without asking it.
    standing: StandingRecord,
    /// What it serves, by operation.
    operations: Vec<Capability>,
}

/// What is known of a backend without asking it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StandingRecord {
    /// Whether the last attempt reached the system; `null` before the first.
    reachable: Option<bool>,
    /// Whether the last login was taken; `null` before the first.
    login: Option<bool>,
    /// How many calls are under way.
    in_flight: usize,
}

/// An operation and the backends that serve it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CapabilityRow {
    /// The operation.
    #[schema(example = "bills.list")]
    operation: &'static str,
    /// What a caller must hold for it.
    #[schema(example = "bills:read")]
    scope: &'static str,
    /// Whether it may be sent again.
    repeat: Repeat,
    /// The backends that serve it, by name.
    backends: Vec<Serving>,
}

/// A backend that serves an operation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Serving {
    /// The backend.
    backend: BackendName,
    /// What varies from backend to backend.
    limits: Limits,
}

fn record(backend: &Backend) -> BackendRecord {
    let standing = backend.upstream().standing();
    BackendRecord {
        name: backend.name().clone(),
        kind: backend.kind(),
        standing: StandingRecord {
            reachable: standing.reachable,
            login: standing.login,
            in_flight: standing.in_flight,
        },
        operations: backend.capabilities(),
    }
}

/// List the backends the caller may use
///
/// Needs no scope. The list is always whole: `page.next_cursor` is `null`.
#[utoipa::path(get, path = "/v1/backends", tag = "Gateway", operation_id = "backends.list",
    responses((status = 200, description = "The backends, by name", body = Many<BackendRecord>)))]
pub(super) async fn list_backends(ask: Ask, Query(Nothing {}): Query<Nothing>) -> Outcome {
    let directory = ask.shared.gateway.directory();
    let all = directory.seen_by(&ask.caller).map(|backend| record(backend)).collect();
    ask.own_list("backends.list", all)
}

/// The backend that the path names.
pub(super) struct Named(pub String);

impl FromRequestParts<Shared> for Named {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Failure> {
        Ok(Self(segment(parts, shared, "backend").await?))
    }
}

/// Read a backend: its kind, its standing, what it serves
///
/// Needs no scope.
#[utoipa::path(get, path = "/v1/backends/{backend}", tag = "Gateway", operation_id = "backends.get",
    params(("backend" = BackendName, Path)),
    responses((status = 200, description = "The backend", body = One<BackendRecord>)))]
pub(super) async fn get_backend(ask: Ask, Named(name): Named, Query(Nothing {}): Query<Nothing>) -> Outcome {
    let backend = ask
        .shared
        .gateway
        .directory()
        .find(&ask.caller, &name)
        .map_err(|error| error.in_operation("backends.get"))?;
    let record = record(&backend);
    ask.own("backends.get", Some(backend.name().clone()), record)
}

/// List the operations that are served, and by which backends
///
/// Needs no scope. The table is drawn from the code that serves the operations. It is always whole: `page.next_cursor` is
/// `null`.
#[utoipa::path(get, path = "/v1/capabilities", tag = "Gateway", operation_id = "capabilities.list",
    responses((status = 200, description = "The operations, by name", body = Many<CapabilityRow>)))]
pub(super) async fn list_capabilities(ask: Ask, Query(Nothing {}): Query<Nothing>) -> Outcome {
    let mut rows: BTreeMap<&'static str, CapabilityRow> = BTreeMap::new();
    for backend in ask.shared.gateway.directory().seen_by(&ask.caller) {
        for capability in backend.capabilities() {
            let row = rows.entry(capability.operation).or_insert_with(|| CapabilityRow {
                operation: capability.operation,
                scope: capability.scope,
                repeat: capability.repeat,
                backends: Vec::new(),
            });
            row.backends.push(Serving {
                backend: backend.name().clone(),
                limits: capability.limits,
            });
        }
    }
    ask.own_list("capabilities.list", rows.into_values().collect())
}
