//! The native road: operations that are the system's own calls, passed on and answered as they are.
//!
//! What may travel is decided here, by the types: a [`Path`] cannot leave the backend's base address, [`Headers`] hold no
//! credential and nothing that concerns one connection only, and a [`Document`] is known to read or to change.

mod document;
mod headers;
mod path;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{Method, StatusCode};

pub use document::Document;
pub use headers::Headers;
pub use path::{Path, Query};

use super::{Operation, Repeat, Scope, Target};

const LOOK_FIRST: &str = "read what it would have changed, through this road or through the routes under GET /v1/, before \
                          sending it again";

/// Makes one call of the system's own HTTP API.
pub struct CallNative {
    /// The backend.
    pub backend: String,
    /// The method.
    pub method: Method,
    /// The path below the backend's base address.
    pub path: Path,
    /// The query.
    pub query: Query,
    /// The headers that go along.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

impl Operation for CallNative {
    type Reply = NativeReply;
    const ID: &'static str = "native.raw";
    const SCOPE: Scope = Scope::NativeCall;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> = Some(LOOK_FIRST);

    fn target(&self) -> Target<'_> {
        Target {
            backend: &self.backend,
            key: None,
        }
    }

    /// GET and HEAD are safe (RFC 9110 §9.2.1). PUT and DELETE should be repeatable, but nobody here knows that they are.
    fn repeat(&self) -> Repeat {
        match self.method {
            Method::GET | Method::HEAD => Repeat::Read,
            _ => Repeat::Once,
        }
    }
}

/// Has the system execute a GraphQL document.
pub struct QueryNative {
    /// The backend.
    pub backend: String,
    /// What to execute.
    pub document: Document,
    /// The headers that go along.
    pub headers: Headers,
}

impl Operation for QueryNative {
    type Reply = NativeReply;
    const ID: &'static str = "native.graphql";
    const SCOPE: Scope = Scope::NativeCall;
    const REPEAT: Repeat = Repeat::Once;
    const AFTER_LOSS: Option<&'static str> = Some(LOOK_FIRST);

    fn target(&self) -> Target<'_> {
        Target {
            backend: &self.backend,
            key: None,
        }
    }

    fn repeat(&self) -> Repeat {
        if self.document.changes() {
            Repeat::Once
        } else {
            Repeat::Read
        }
    }
}

/// The body of what a system answered.
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// Piece by piece, as it comes; a piece that is an error says that it broke off.
    Stream {
        /// The pieces.
        pieces: BoxStream<'static, std::result::Result<Bytes, Broken>>,
        /// How many bytes they have together, if the system said so.
        length: Option<u64>,
    },
}

/// A body broke off on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system's answer broke off")]
pub struct Broken;

/// What the system itself answered: a success, or its own refusal of the call.
pub struct NativeReply {
    /// The status.
    pub status: StatusCode,
    /// The headers that are passed on.
    pub headers: Headers,
    /// The body.
    pub body: Body,
    /// Where the system's `Location` leads, below its base address; `None` without one, or if it leads elsewhere.
    pub location: Option<String>,
}
