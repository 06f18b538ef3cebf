//! What operators and tools ask of the process itself.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};

use super::answer::Outcome;
use super::{Ask, Shared, problem};
use crate::error::{Error, ErrorKind};
use crate::operations::Scope;

fn text(kind: &'static str, cache: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// Ask whether the process lives
#[utoipa::path(get, path = "/livez", tag = "Operations", operation_id = "ops.live", security(()),
    responses((status = 200, description = "It lives", body = String, content_type = "text/plain")))]
pub(super) async fn live() -> Response {
    text("text/plain; charset=utf-8", "no-store", "ok\n")
}

/// Ask whether the process may be sent calls
#[utoipa::path(get, path = "/readyz", tag = "Operations", operation_id = "ops.ready", security(()),
    responses((status = 200, description = "It may", body = String, content_type = "text/plain")))]
pub(super) async fn ready(State(shared): State<Shared>) -> Outcome {
    if shared.ready.load(Ordering::Acquire) {
        return Ok(text("text/plain; charset=utf-8", "no-store", "ok\n"));
    }
    Err(
        Error::new(ErrorKind::Unavailable, "the gateway is starting or being shut down")
            .code("not_ready")
            .into(),
    )
}

/// Read the process's metrics, as Prometheus text
#[utoipa::path(get, path = "/metrics", tag = "Operations", operation_id = "ops.metrics",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain")))]
pub(super) async fn metrics(ask: Ask) -> Outcome {
    ask.require(Scope::OpsRead)?;
    // The version is that of the text format, https://prometheus.io/docs/instrumenting/exposition_formats/.
    Ok(text(
        "text/plain; version=0.0.4; charset=utf-8",
        "no-store",
        (ask.shared.metrics)(),
    ))
}

/// An OpenAPI 3.1 document.
#[derive(utoipa::ToSchema)]
#[schema(value_type = Object)]
#[expect(dead_code, reason = "stands for the document in its own documentation")]
pub(super) struct OpenApiDocument(serde_json::Value);

/// Read this document
#[utoipa::path(get, path = "/openapi.json", tag = "Operations", operation_id = "ops.openapi", security(()),
    responses((status = 200, description = "The OpenAPI document", body = OpenApiDocument)))]
pub(super) async fn openapi() -> Response {
    text("application/json", "no-cache", super::OPENAPI)
}

/// Read what a problem's code means, who acts on it, and whether to try again
#[utoipa::path(get, path = "/problems/{code}", tag = "Operations", operation_id = "ops.problem", security(()),
    params(("code" = String, Path, description = "The member `code` of a problem document.")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html")))]
pub(super) async fn problem_page(path: Result<Path<String>, axum::extract::rejection::PathRejection>) -> Outcome {
    let unknown = || Error::new(ErrorKind::NotFound, "problems carry no such code").code("code_not_found");
    let Path(code) = path.map_err(|_| unknown())?;
    let code = problem::find(&code).ok_or_else(unknown)?;
    let mut response = text("text/html; charset=utf-8", "public, max-age=3600", problem::page(code)).into_response();
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
        ),
    );
    Ok(response)
}
