//! What one request may cost.
//!
//! The contract states the ceilings (README, "Limits": complexity 200, 10,000 nodes) and two figures: a page of
//! readings costs about 17 whatever its size, and `rateLimitInfo` 5. The measure itself is published nowhere; the one
//! here is inference and meets both figures:
//!
//! - a root field costs 5, a connection 4, any other field with a selection 1, a leaf nothing;
//! - what lies inside a connection inside a connection counts twice, and so on for each further level;
//! - nodes are the page sizes of connections, multiplied down the nesting; an unpaged list counts as one.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::ast::Value;
use apollo_compiler::executable::{Field, Operation, Selection};
use apollo_compiler::response::JsonMap;
use apollo_compiler::schema::Type;

/// The highest complexity of one request.
pub(super) const COMPLEXITY: u64 = 200;
/// The most nodes of one request.
pub(super) const NODES: u64 = 10_000;

/// What a request would cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) complexity: u64,
    pub(super) nodes: u64,
}

/// Whether a field of this type is a connection, to be asked for in pages.
pub(super) fn is_connection(ty: &Type) -> bool {
    !ty.is_list() && ty.inner_named_type().ends_with("Connection")
}

/// Measures one operation of a valid document, with its coerced variables.
pub(super) fn measure(document: &ExecutableDocument, operation: &Operation, variables: &JsonMap) -> Cost {
    let mut measure = Measure {
        document,
        variables,
        cost: Cost::default(),
    };
    measure.selections(
        &operation.selection_set.selections,
        Place {
            root: true,
            connections: 0,
            nodes: 1,
        },
    );
    measure.cost
}

/// Where in a document a selection stands.
#[derive(Clone, Copy)]
struct Place {
    root: bool,
    /// Connections around it.
    connections: u32,
    /// How often it can occur in the answer, as far as page sizes say.
    nodes: u64,
}

struct Measure<'a> {
    document: &'a ExecutableDocument,
    variables: &'a JsonMap,
    cost: Cost,
}

impl Measure<'_> {
    fn selections(&mut self, selections: &[Selection], place: Place) {
        for selection in selections {
            match selection {
                Selection::Field(field) => self.field(field, place),
                Selection::InlineFragment(inline) => self.selections(&inline.selection_set.selections, place),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = spread.fragment_def(self.document) {
                        self.selections(&fragment.selection_set.selections, place);
                    }
                }
            }
        }
    }

    fn field(&mut self, field: &Field, place: Place) {
        if field.name.starts_with("__") {
            return;
        }
        let connection = is_connection(&field.definition.ty);
        let own = match (place.root, connection, field.selection_set.selections.is_empty()) {
            (true, ..) => 5,
            (_, true, _) => 4,
            (_, false, false) => 1,
            (_, false, true) => 0,
        };
        let weight = 1u64
            .checked_shl(place.connections.saturating_sub(1))
            .unwrap_or(u64::MAX);
        self.cost.complexity = self.cost.complexity.saturating_add(weight.saturating_mul(own));
        let mut inside = Place { root: false, ..place };
        if connection {
            inside.connections += 1;
            inside.nodes = place.nodes.saturating_mul(self.page_size(field).max(1));
            self.cost.nodes = self.cost.nodes.saturating_add(inside.nodes);
        }
        self.selections(&field.selection_set.selections, inside);
    }

    fn page_size(&self, field: &Field) -> u64 {
        ["first", "last"]
            .into_iter()
            .find_map(|name| self.whole(field, name))
            .unwrap_or_default()
    }

    fn whole(&self, field: &Field, name: &str) -> Option<u64> {
        let argument = field.arguments.iter().find(|argument| argument.name == name)?;
        match argument.value.as_ref() {
            Value::Int(number) => number.try_to_i32().ok().and_then(|number| u64::try_from(number).ok()),
            Value::Variable(variable) => self.variables.get(variable.as_str())?.as_u64(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::kraken::edition::Edition;

    fn cost(query: &str) -> Cost {
        let document = ExecutableDocument::parse_and_validate(Edition::Us.schema(), query, "query.graphql").unwrap();
        let operation = document.operations.get(None).unwrap();
        measure(&document, operation, &JsonMap::new())
    }

    #[test]
    fn page_sizes_count_as_nodes_and_not_as_complexity() {
        let page = |first: u32| {
            cost(&format!(
                "{{ account(accountNumber: \"A\") {{ bills(first: {first}) {{ edges {{ node {{ id }} }} }} }} }}"
            ))
        };
        assert_eq!(
            page(1),
            Cost {
                complexity: 11,
                nodes: 1
            }
        );
        assert_eq!(
            page(99),
            Cost {
                complexity: 11,
                nodes: 99
            }
        );
    }

    #[test]
    fn nested_connections_multiply_nodes_and_weigh_more() {
        let nested = cost(
            "{ account(accountNumber: \"A\") { bills(first: 50) { edges { node { ...Files } } } } } \
             fragment Files on BillInterface { attachments(first: 3) { edges { node { filename } } } }",
        );
        assert_eq!(
            nested,
            Cost {
                complexity: 11 + 4 + 2 + 2,
                nodes: 50 + 150
            }
        );
    }

    #[test]
    fn leaves_and_type_names_are_free() {
        assert_eq!(
            cost("{ __typename viewer { __typename id email } }"),
            Cost {
                complexity: 5,
                nodes: 0
            }
        );
    }
}
