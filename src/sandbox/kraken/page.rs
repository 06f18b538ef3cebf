//! Relay connections (README, "Paging").

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::resolve::Args;

/// The largest page of any connection but one: "`first` must be below 100".
pub(super) const LARGEST: usize = 99;
/// The largest page of `measurements`.
pub(super) const LARGEST_OF_MEASUREMENTS: usize = 1500;

/// The page a caller wants.
pub(super) struct Wanted {
    first: Option<usize>,
    last: Option<usize>,
    after: Option<usize>,
    before: Option<usize>,
    offset: usize,
}

impl Wanted {
    /// Reads the paging arguments of a field, before its nodes are looked for.
    pub(super) fn read(args: &Args, connection: &str) -> Result<Self, Refusal> {
        let most = match connection {
            "MeasurementConnection" => LARGEST_OF_MEASUREMENTS,
            _ => LARGEST,
        };
        let size = |name: &str| match args.whole(name) {
            None => Ok(None),
            Some(wanted) => match usize::try_from(wanted) {
                Ok(size) if size <= most => Ok(Some(size)),
                _ => Err(Refusal::page_too_large(name, most)),
            },
        };
        let (first, last) = (size("first")?, size("last")?);
        if first.is_none() && last.is_none() {
            return Err(Refusal::no_page_size());
        }
        let cursor = |name: &str| match args.text(name).filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => position(text).map(Some).ok_or_else(|| {
                Refusal::uncoded(
                    "VALIDATION",
                    &format!("The value of '{name}' is not a cursor of this connection."),
                )
            }),
        };
        let offset = args
            .whole("offset")
            .and_then(|offset| usize::try_from(offset).ok())
            .unwrap_or_default();
        Ok(Self {
            first,
            last,
            after: cursor("after")?,
            before: cursor("before")?,
            offset,
        })
    }
}

/// The nodes of a connection, as many as there are, each made when asked for.
pub(super) struct Nodes<'a> {
    count: usize,
    node: Box<dyn Fn(usize) -> Value + 'a>,
}

impl<'a> Nodes<'a> {
    pub(super) fn new(count: usize, node: impl Fn(usize) -> Value + 'a) -> Self {
        Self {
            count,
            node: Box::new(node),
        }
    }

    /// The same nodes, each changed as it is made.
    pub(super) fn map(self, change: impl Fn(Value) -> Value + 'a) -> Self {
        let Self { count, node } = self;
        Self::new(count, move |index| change(node(index)))
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// One of them.
    #[cfg(test)]
    pub(super) fn node(&self, index: usize) -> Value {
        (self.node)(index)
    }

    /// The nodes of a stored list; anything else is an empty connection.
    pub(super) fn of(list: Cow<'a, Value>) -> Self {
        let count = list.as_array().map(Vec::len).unwrap_or_default();
        Self::new(count, move |index| list.get(index).cloned().unwrap_or_default())
    }
}

/// Cuts one page. A node with `"_null": "node"` is delivered as a null node, with `"_null": "edge"` as a null edge.
pub(super) fn cut(nodes: &Nodes<'_>, wanted: &Wanted) -> Value {
    let total = nodes.count;
    let end = wanted.before.unwrap_or(total).min(total);
    let start = wanted.after.map_or(wanted.offset, |after| after + 1).min(end);
    let (from, to) = match (wanted.first, wanted.last) {
        (Some(first), _) => (start, start.saturating_add(first).min(end)),
        (None, last) => (end.saturating_sub(last.unwrap_or_default()).max(start), end),
    };
    let edges: Vec<Value> = (from..to)
        .map(|index| {
            let node = (nodes.node)(index);
            match node.get("_null").and_then(Value::as_str) {
                Some("edge") => Value::Null,
                Some(_) => json!({"cursor": cursor(index), "node": null}),
                None => json!({"cursor": cursor(index), "node": node}),
            }
        })
        .collect();
    let ends = (from < to).then(|| (cursor(from), cursor(to - 1)));
    let (start_cursor, end_cursor) = ends.unzip();
    json!({
        "pageInfo": {
            "hasNextPage": wanted.first.is_some() && to < end,
            // "Going forward, hasPreviousPage is always false": the schema on PageInfo.
            "hasPreviousPage": wanted.first.is_none() && from > start,
            "startCursor": start_cursor,
            "endCursor": end_cursor,
        },
        "edgeCount": edges.len(),
        "edges": edges,
        "totalCount": total,
    })
}

fn cursor(index: usize) -> String {
    STANDARD.encode(format!("arrayconnection:{index}"))
}

fn position(cursor: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    text.strip_prefix("arrayconnection:")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(args: Value) -> Value {
        let nodes = Nodes::new(5, |index| json!({"id": index}));
        cut(
            &nodes,
            &Wanted::read(&Args::from_json(args), "BillConnectionTypeConnection").unwrap(),
        )
    }

    fn ids(page: &Value) -> Vec<i64> {
        page["edges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|edge| edge["node"]["id"].as_i64().unwrap())
            .collect()
    }

    #[test]
    fn pages_follow_one_another_without_gap_or_repeat() {
        let mut after = Value::Null;
        let mut seen = Vec::new();
        loop {
            let page = page(json!({"first": 2, "after": after}));
            seen.extend(ids(&page));
            assert_eq!(page["pageInfo"]["hasPreviousPage"], false);
            assert_eq!(page["totalCount"], 5);
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn last_before_and_offset_are_served() {
        assert_eq!(ids(&page(json!({"last": 2}))), [3, 4]);
        assert_eq!(ids(&page(json!({"last": 2, "before": cursor(2)}))), [0, 1]);
        assert_eq!(ids(&page(json!({"first": 2, "offset": 3}))), [3, 4]);
        let beyond = page(json!({"first": 2, "after": cursor(9)}));
        assert!(ids(&beyond).is_empty() && beyond["pageInfo"]["endCursor"].is_null());
    }

    #[test]
    fn page_sizes_are_demanded_and_limited() {
        let code = |args: Value, connection: &str| {
            Wanted::read(&Args::from_json(args), connection)
                .err()
                .and_then(|refusal| refusal.code().map(str::to_owned))
        };
        assert_eq!(code(json!({}), "X").as_deref(), Some("KT-CT-1201"));
        assert_eq!(code(json!({"first": 100}), "X").as_deref(), Some("KT-CT-1202"));
        assert_eq!(code(json!({"last": 100}), "X").as_deref(), Some("KT-CT-1203"));
        assert_eq!(code(json!({"first": 99}), "X"), None);
        assert_eq!(code(json!({"first": 1500}), "MeasurementConnection"), None);
        assert_eq!(
            code(json!({"first": 1501}), "MeasurementConnection").as_deref(),
            Some("KT-CT-1202")
        );
        assert!(Wanted::read(&Args::from_json(json!({"first": 1, "after": "x"})), "X").is_err());
    }
}
