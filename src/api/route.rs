//! A route, and the readings of the list of them: one serves, one tells the audit what is called, one documents.
//!
//! The program serves the document that is checked in, so it never takes the last of them: the schemas of some hundreds of
//! types, which are a tenth of the code, stay out of what is shipped, and the start does not build them. A test makes the
//! document anew and holds the one that is checked in against it.

use axum::Router;
use axum::handler::Handler;
use axum::routing::MethodRouter;
use utoipa::openapi::HttpMethod;
use utoipa_axum::PathItemExt as _;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::{Shared, document};
use crate::operations::{Operation, Repeat};

/// One route: where it is, what answers there, and how its documentation is made.
pub(super) struct Route<H, D> {
    pub(super) path: fn() -> String,
    pub(super) methods: fn() -> Vec<HttpMethod>,
    pub(super) handler: H,
    /// The operation it calls, if it calls one, and whether that may be sent again.
    pub(super) operation: Option<(&'static str, Repeat)>,
    pub(super) documented: D,
}

/// The route of a handler, from what stands above the handler; with the operation it calls, if it calls one.
macro_rules! route {
    (@ $module:ident, $handler:ident, $operation:expr, $documented:expr) => {
        pastey::paste! {
            $crate::api::route::Route {
                path: <$module::[<__path_ $handler>] as utoipa::Path>::path,
                methods: <$module::[<__path_ $handler>] as utoipa::Path>::methods,
                handler: $module::$handler,
                operation: $operation,
                documented: $documented,
            }
        }
    };
    ($operation:ty => $module:ident::$handler:ident) => {
        $crate::api::route::route!(@ $module, $handler, $crate::api::route::stated::<$operation>(), || {
            $crate::api::route::of::<$operation>(utoipa_axum::routes!($module::$handler))
        })
    };
    ($module:ident::$handler:ident) => {
        $crate::api::route::route!(@ $module, $handler, None, || utoipa_axum::routes!($module::$handler))
    };
}
pub(super) use route;

/// What an operation's type says of it.
pub(super) fn stated<O: Operation>() -> Option<(&'static str, Repeat)> {
    Some((O::ID, O::REPEAT))
}

/// Writes what an operation's type says into the documentation of its route.
pub(super) fn of<O: Operation>(routes: UtoipaMethodRouter<Shared>) -> UtoipaMethodRouter<Shared> {
    let (schemas, mut paths, router) = routes;
    document::declare::<O>(&mut paths);
    (schemas, paths, router)
}

/// What reads a list of routes.
pub(super) trait Reading: Sized {
    /// Takes one route of the list.
    fn on<H, T, D>(self, route: Route<H, D>) -> Self
    where
        H: Handler<T, Shared>,
        T: 'static,
        D: FnOnce() -> UtoipaMethodRouter<Shared>;
}

/// Serves.
impl Reading for Router<Shared> {
    fn on<H, T, D>(self, route: Route<H, D>) -> Self
    where
        H: Handler<T, Shared>,
        T: 'static,
        D: FnOnce() -> UtoipaMethodRouter<Shared>,
    {
        let methods = (route.methods)().iter().fold(MethodRouter::new(), |methods, method| {
            methods.on(method.to_method_filter(), route.handler.clone())
        });
        self.route(&(route.path)(), methods)
    }
}

/// Documents.
impl Reading for OpenApiRouter<Shared> {
    fn on<H, T, D>(self, route: Route<H, D>) -> Self
    where
        H: Handler<T, Shared>,
        T: 'static,
        D: FnOnce() -> UtoipaMethodRouter<Shared>,
    {
        self.routes((route.documented)())
    }
}
