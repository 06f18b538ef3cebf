//! GraphQL documents, read far enough to know whether they change anything.

use apollo_compiler::ast::{Definition, OperationType, Selection};
use apollo_compiler::parser::Parser;
use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};

/// The most tokens and the deepest nesting of a document that is read.
const TOKENS: usize = 100_000;
const DEPTH: usize = 200;

/// A GraphQL request with one operation that is to be executed.
pub struct Document {
    body: Bytes,
    changes: bool,
    roots: Vec<String>,
}

/// The request as it goes out (GraphQL over HTTP, "Request Parameters").
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    query: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<&'a RawValue>,
}

impl Document {
    /// Reads a request: the document, the name of the operation that is meant if it holds several, and JSON objects that
    /// go along unread.
    ///
    /// # Errors
    /// `Invalid` with a pointer if the document does not parse, does not say which operation is meant, or subscribes.
    pub fn read(
        query: &str,
        operation_name: Option<&str>,
        variables: Option<&RawValue>,
        extensions: Option<&RawValue>,
    ) -> Result<Self> {
        let (operation, roots) = meant(query, operation_name)?;
        let changes = match operation {
            OperationType::Query => false,
            OperationType::Mutation => true,
            OperationType::Subscription => {
                return Err(Error::pointer(
                    "/query",
                    "a subscription does not end, and is not taken",
                ));
            }
        };
        for (pointer, object) in [("/variables", variables), ("/extensions", extensions)] {
            if object.is_some_and(|object| !object.get().starts_with('{') && object.get() != "null") {
                return Err(Error::pointer(pointer, "it must be an object"));
            }
        }
        let request = Request {
            query,
            operation_name,
            variables,
            extensions,
        };
        let body = serde_json::to_vec(&request)
            .map_err(|error| Error::new(ErrorKind::Internal, "the request cannot be written").because(error))?;
        Ok(Self {
            body: body.into(),
            changes,
            roots,
        })
    }

    /// Whether it is a mutation.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.changes
    }

    /// Whether it may ask for this field of the schema's root: where its fragments belong is not looked into.
    #[must_use]
    pub fn asks(&self, field: &str) -> bool {
        self.roots.iter().any(|root| root == field)
    }

    /// The request as JSON.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.body.clone()
    }
}

/// The type of the operation that would be executed (GraphQL, "GetOperation"), and the fields it may have at the root.
fn meant(query: &str, name: Option<&str>) -> Result<(OperationType, Vec<String>)> {
    let parsed = Parser::new()
        .token_limit(TOKENS)
        .recursion_limit(DEPTH)
        .parse_ast(query, "query");
    let document = parsed.map_err(|failed| {
        let place = failed.errors.iter().find_map(|fault| fault.line_column_range());
        let place = place.map(|range| format!(", at line {} column {}", range.start.line, range.start.column));
        let place = place.unwrap_or_default();
        Error::pointer(
            "/query",
            format!("it is not a GraphQL document that can be read{place}"),
        )
    })?;
    let mut operations = Vec::new();
    let mut roots = Vec::new();
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => operations.push(operation),
            Definition::FragmentDefinition(fragment) => fields(&fragment.selection_set, &mut roots),
            _ => {
                return Err(Error::pointer(
                    "/query",
                    "it defines types; only operations can be executed",
                ));
            }
        }
    }
    let unclear = |pointer: &str, why: &'static str| Err(Error::pointer(pointer, why));
    let only = match name {
        None => match operations.as_slice() {
            [only] => Ok(*only),
            [] => unclear("/query", "it holds no operation"),
            _ => unclear(
                "/operationName",
                "the document holds several operations: one must be named",
            ),
        },
        Some(name) => {
            let mut named = operations
                .iter()
                .filter(|operation| operation.name.as_ref().is_some_and(|known| known.as_str() == name));
            match (named.next(), named.next()) {
                (Some(only), None) => Ok(*only),
                (None, _) => unclear("/operationName", "the document holds no operation of this name"),
                (Some(_), Some(_)) => unclear("/query", "it holds two operations of one name"),
            }
        }
    }?;
    fields(&only.selection_set, &mut roots);
    Ok((only.operation_type, roots))
}

fn fields(selections: &[Selection], found: &mut Vec<String>) {
    for selection in selections {
        match selection {
            Selection::Field(field) => found.push(field.name.to_string()),
            Selection::InlineFragment(fragment) => fields(&fragment.selection_set, found),
            // Every fragment of the document is looked at by itself.
            Selection::FragmentSpread(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn changes(query: &str, name: Option<&str>) -> Result<bool> {
        Document::read(query, name, None, None).map(|document| document.changes())
    }

    #[test]
    fn the_operation_that_is_meant_says_whether_it_changes_anything() {
        for (query, name, expected) in [
            ("{ account(accountNumber: \"A\") { number } }", None, false),
            ("query { a }", None, false),
            ("# mutation\nquery A { a(b: \"mutation { c }\") }", None, false),
            ("mutation { a }", None, true),
            ("\u{feff}mutation M($i: I!) { a(input: $i) { b } }", Some("M"), true),
            ("query Q { a } mutation M { b }", Some("Q"), false),
            ("query Q { a } mutation M { b }", Some("M"), true),
            ("query Q { ...F } fragment F on Query { mutation }", None, false),
            ("query mutation { a }", None, false),
            ("mutation query { a }", None, true),
        ] {
            assert_eq!(changes(query, name).unwrap(), expected, "{query}");
        }
    }

    #[test]
    fn what_is_not_one_operation_is_refused() {
        for (query, name, pointer) in [
            ("", None, "/query"),
            ("marked-secret {", None, "/query"),
            ("{ a", None, "/query"),
            ("fragment F on Query { a }", None, "/query"),
            ("type A { b: Int } query { a }", None, "/query"),
            ("subscription { a }", None, "/query"),
            ("query A { a } query B { b }", None, "/operationName"),
            ("query A { a }", Some("B"), "/operationName"),
            ("query A { a }", Some(""), "/operationName"),
            ("query A { a } mutation A { b }", Some("A"), "/query"),
        ] {
            let error = changes(query, name).expect_err(query);
            assert_eq!(error.kind(), ErrorKind::Invalid, "{query}");
            assert!(
                matches!(&error.faults()[0].place, crate::error::Place::Pointer(at) if at == pointer),
                "{query}: {error:?}"
            );
            assert!(!format!("{error:?}").contains("marked-secret"));
        }
    }

    #[test]
    fn a_field_of_the_root_is_found_however_it_is_asked_for() {
        for query in [
            "mutation { login { token } }",
            "mutation { other: login { token } }",
            "mutation { ... { ... on Mutation { login { token } } } }",
            "mutation { ...A } fragment A on Mutation { ...B } fragment B on Mutation { login { token } }",
        ] {
            assert!(
                Document::read(query, None, None, None).unwrap().asks("login"),
                "{query}"
            );
        }
        for query in [
            "mutation { logins { login } }",
            "mutation { login: other }",
            "{ a(b: \"login\") }",
        ] {
            assert!(
                !Document::read(query, None, None, None).unwrap().asks("login"),
                "{query}"
            );
        }
    }

    #[test]
    fn a_document_nested_without_end_is_refused() {
        let deep = format!("{}{}", "{ a ".repeat(100_000), "}".repeat(100_000));
        assert!(changes(&deep, None).is_err());
        let deep = format!("{{ a(b: {}1{}) }}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(changes(&deep, None).is_err());
    }

    #[test]
    fn variables_go_along_as_they_were_written() {
        let variables = raw(r#"{"amount": 1.10000000000000000001, "big": 123456789012345678901234567890}"#);
        let document = Document::read("{ a }", None, Some(&variables), None).unwrap();
        let body = String::from_utf8(document.body().to_vec()).unwrap();
        assert!(body.contains(variables.get()), "{body}");
        for wrong in ["[]", "1", "\"x\""] {
            assert!(
                Document::read("{ a }", None, Some(&raw(wrong)), None).is_err(),
                "{wrong}"
            );
        }
        assert!(Document::read("{ a }", None, Some(&raw("null")), None).is_ok());
    }
}
