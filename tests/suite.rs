//! Every integration test in one binary: one link instead of a dozen.

mod openapi;
mod support;
