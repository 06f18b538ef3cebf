//! What can be made to go wrong in a simulated system, on request.

/// One fault. The road in front of every simulated system plays those that need no knowledge of the system; the rest
/// reach the system as a request extension of this type, and it answers in its own shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Waits this many milliseconds, then answers as usual.
    Latency(u64),
    /// Answers 429 in the system's own shape, with `Retry-After` in seconds if given. Nothing is executed.
    Throttled(Option<u64>),
    /// Answers this 5xx in the system's own shape. Nothing is executed.
    Status(u16),
    /// Answers 403 with the HTML page of an edge in front of the system. Nothing is executed.
    EdgePage,
    /// Closes the connection without reading the body. Nothing is executed.
    DropBefore,
    /// Executes the request, then closes the connection without an answer.
    DropAfter,
    /// Treats the token of this request as expired.
    ExpiredToken,
    /// Forgets every token issued so far, this request's included.
    RevokedTokens,
    /// Executes the request and answers 200 with a body that is not JSON.
    MalformedJson,
    /// Answers 200 with an error inside, where the system knows such a thing. Nothing is executed.
    ErrorInside,
    /// Executes the request and sends the body in small pieces over this many milliseconds.
    SlowBody(u64),
    /// Refuses the login itself as if the credential were wrong.
    RefusedLogin,
}
