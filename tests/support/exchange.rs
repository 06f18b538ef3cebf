//! One request and its answer, as bytes on the wire, for checking against a vendor's contract.

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: String,
    /// Path and query as sent, percent-encoding kept.
    pub target: String,
    /// Header names in lower case.
    pub request_headers: Vec<(String, String)>,
    pub request_body: Vec<u8>,
    pub status: u16,
    pub response_headers: Vec<(String, String)>,
    pub response_body: Vec<u8>,
}
