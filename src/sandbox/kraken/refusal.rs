//! Why a field is refused, in the shape of the contract's `errors` (README, "Errors").

use serde_json::{Map, Value, json};

/// One refusal, before it is given its place in a document.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    message: String,
    extensions: Map<String, Value>,
}

impl Refusal {
    /// A refusal from the registry of errors: its code, its type, its message and its description.
    pub(super) fn coded(code: &str, kind: &str, message: &str, description: &str) -> Self {
        let mut refusal = Self::uncoded(kind, message);
        refusal.extensions.insert("errorCode".to_owned(), code.into());
        refusal
            .extensions
            .insert("errorDescription".to_owned(), description.into());
        refusal
    }

    /// A refusal that carries a type but no code, as the contract says happens.
    pub(super) fn uncoded(kind: &str, message: &str) -> Self {
        let mut extensions = Map::new();
        extensions.insert("errorType".to_owned(), kind.into());
        extensions.insert("errorClass".to_owned(), kind.into());
        Self {
            message: message.to_owned(),
            extensions,
        }
    }

    /// The refusal of examples/09-errors.json that has nothing but an `errorClass`.
    pub(super) fn class_only(class: &str, message: &str) -> Self {
        let mut extensions = Map::new();
        extensions.insert("errorClass".to_owned(), class.into());
        Self {
            message: message.to_owned(),
            extensions,
        }
    }

    /// Names the input fields at fault.
    pub(super) fn at_inputs(mut self, paths: &[&[&str]]) -> Self {
        let message = self
            .extensions
            .get("errorDescription")
            .cloned()
            .unwrap_or_else(|| self.message.clone().into());
        let errors: Vec<Value> = paths
            .iter()
            .map(|path| json!({"message": message, "inputPath": path}))
            .collect();
        self.extensions.insert("validationErrors".to_owned(), errors.into());
        self
    }

    /// The same refusal, given an `errors` entry's place; an empty path is left out.
    pub(super) fn at(self, path: Value, locations: Value) -> Value {
        let mut error = Map::new();
        error.insert("message".to_owned(), self.message.into());
        if locations.as_array().is_some_and(|list| !list.is_empty()) {
            error.insert("locations".to_owned(), locations);
        }
        if path.as_array().is_some_and(|list| !list.is_empty()) {
            error.insert("path".to_owned(), path);
        }
        error.insert("extensions".to_owned(), self.extensions.into());
        error.into()
    }

    /// The code, if it has one.
    #[cfg(test)]
    pub(super) fn code(&self) -> Option<&str> {
        self.extensions.get("errorCode").and_then(Value::as_str)
    }

    pub(super) fn no_header() -> Self {
        Self::coded(
            "KT-CT-1112",
            "AUTHORIZATION",
            "'Authorization' header not provided.",
            "",
        )
    }

    pub(super) fn stale_token() -> Self {
        Self::coded("KT-CT-1124", "APPLICATION", "Signature of the JWT has expired.", "")
    }

    pub(super) fn forged_token() -> Self {
        let message = "Signature verification failed. Make sure signature is valid.";
        Self::coded("KT-CT-1126", "APPLICATION", message, "")
    }

    pub(super) fn garbled_header() -> Self {
        let message = "Value of 'Authorization' header is not a valid credential.";
        Self::coded("KT-CT-1143", "AUTHORIZATION", message, "")
    }

    pub(super) fn revoked_token() -> Self {
        Self::coded(
            "KT-CT-1162",
            "APPLICATION",
            "Authentication token is no longer valid.",
            "",
        )
    }

    pub(super) fn foreign_account() -> Self {
        Self::unauthorized("KT-CT-4177")
    }

    /// One of the many codes for what the caller may not touch.
    pub(super) fn unauthorized(code: &str) -> Self {
        let description = "The viewer is not authorized to execute the query/mutation. Check the ownership/permissions \
                           of provided data.";
        Self::coded(code, "AUTHORIZATION", "Unauthorized.", description)
    }

    pub(super) fn too_complex() -> Self {
        Self::coded("KT-CT-1188", "AUTHORIZATION", "Query is too complex.", "")
    }

    pub(super) fn too_many_nodes() -> Self {
        Self::coded(
            "KT-CT-1189",
            "AUTHORIZATION",
            "Query exceeds maximum allowed node count.",
            "",
        )
    }

    pub(super) fn throttled() -> Self {
        let description = "There were too many requests. Please try again later.";
        Self::coded("KT-CT-1199", "AUTHORIZATION", "Too many requests.", description)
    }

    pub(super) fn no_page_size() -> Self {
        let description = "You must provide a first or last value to properly paginate the connection";
        Self::coded(
            "KT-CT-1201",
            "VALIDATION",
            "Pagination parameters not provided.",
            description,
        )
    }

    /// KT-CT-1202 for `first`, KT-CT-1203 for `last`; the contract gives both codes to both arguments, so the split is
    /// inference.
    pub(super) fn page_too_large(argument: &str, most: usize) -> Self {
        let code = if argument == "last" { "KT-CT-1203" } else { "KT-CT-1202" };
        let description = format!("The {argument} value must not be above {most}");
        Self::coded(code, "VALIDATION", "Invalid pagination parameters.", &description)
    }
}
