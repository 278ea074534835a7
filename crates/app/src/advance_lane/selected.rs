//! What an export reads of its source, and what it means when the source refuses.

use super::Interrupted;
use std::collections::BTreeSet;
use waybill_domain::{ExportSpec, Failure, FailureCode, Items, RecordId, Source, TableSource, Within};
use waybill_ports::{IdRange, PortError, PortErrorKind, Reading};
use waybill_query::{Filter, Operand, Order, Test};

/// Most ids that are looked for one by one; with more of them, what lies between the first and the last is read.
const MOST_AMONG: usize = 200;

/// What an export reads: of Waybill's own records no others than those whose ids its condition allows.
pub(super) fn reading(spec: &ExportSpec) -> Reading {
    let all = Reading::all(&spec.collection);
    if let Some(Within { prefix, .. }) = spec.within.as_ref().filter(|within| within.items == Items::Elements) {
        let test = Test::Equal(Operand::Id(prefix.record.to_string()));
        let Ok(path) = "_id".parse() else { return all };
        let parent = Reading { collection: prefix.parent.clone(), source: Source::Records, ..all };
        return selected(parent, &Filter::Property { path, test });
    }
    let reading = match (&all.source, &spec.filter) {
        (Source::Records, Some(filter)) => selected(all, filter),
        _ => all,
    };
    Reading { org: spec.org.clone(), ..reading }
}

/// The same, limited to the ids that a condition allows.
pub(crate) fn selected(reading: Reading, filter: &Filter) -> Reading {
    let (mut ids, among) = (allowed(filter), among(filter));
    if let Some(among) = &among {
        // What lies between the ends of none is nothing; `among` says so.
        let (first, last) = (among.first().copied(), among.last().copied());
        ids = first.zip(last).map_or(ids, |(first, last)| ids.within(IdRange { first: Some(first), last: Some(last) }));
    }
    let among = among.filter(|among| among.len() <= MOST_AMONG).map(|among| among.into_iter().collect());
    Reading { ids, among, ..reading }
}

fn is_id(path: &waybill_record::Path) -> bool {
    path.segments().iter().eq(["_id"])
}

/// The ids that alone can meet the condition, where it names them.
fn among(filter: &Filter) -> Option<BTreeSet<RecordId>> {
    match filter {
        Filter::All(parts) => {
            parts.iter().filter_map(among).reduce(|left, right| left.intersection(&right).copied().collect())
        }
        Filter::Any(parts) if !parts.is_empty() => {
            parts.iter().map(among).try_fold(BTreeSet::new(), |all, part| Some(all.into_iter().chain(part?).collect()))
        }
        // An operand that is no id is no record's.
        Filter::Property { path, test } if is_id(path) => match test {
            Test::Equal(operand) => id(operand).map(|id| BTreeSet::from([id])),
            Test::OneOf(operands) => Some(operands.iter().filter_map(id).collect()),
            _ => None,
        },
        _ => None,
    }
}

/// A range that holds the id of every record that meets the condition, and perhaps others.
fn allowed(filter: &Filter) -> IdRange {
    match filter {
        Filter::All(parts) => parts.iter().map(allowed).fold(IdRange::default(), IdRange::within),
        Filter::Any(parts) => parts.iter().map(allowed).reduce(IdRange::around).unwrap_or_default(),
        Filter::Property { path, test } if is_id(path) => match test {
            Test::Equal(operand) => id(operand).map_or(IdRange::default(), IdRange::one),
            Test::Compare(Order::Less | Order::LessOrEqual, operand) => IdRange { first: None, last: id(operand) },
            Test::Compare(Order::Greater | Order::GreaterOrEqual, operand) => {
                IdRange { first: id(operand), last: None }
            }
            _ => IdRange::default(),
        },
        _ => IdRange::default(),
    }
}

fn id(operand: &Operand) -> Option<RecordId> {
    match operand {
        Operand::Id(id) => id.parse().ok(),
        _ => None,
    }
}

/// What it means that a page could not be read.
pub(super) fn refused(source: &Source, error: PortError) -> Interrupted {
    let Source::Dynamodb(TableSource { table, .. }) = source else { return Interrupted::Port(error) };
    let message = match error.kind {
        PortErrorKind::Denied => format!(
            "Waybill may not read the table `{table}`; the operator has to name its ARN in the parameter `SourceTableArns`"
        ),
        PortErrorKind::NotFound => format!("there is no table `{table}` in Waybill's account and region"),
        PortErrorKind::Rejected { .. } => {
            format!("the keys of the table `{table}` are not those that the collection's source names")
        }
        _ => return Interrupted::Port(error),
    };
    tracing::warn!(table, ?error, "a table of the platform cannot be read");
    Interrupted::Failed(Failure::new(FailureCode::Denied, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_record::PropertyType;

    fn limits(query: &str) -> (String, String, Option<Vec<String>>) {
        let query = serde_json::from_str(query).unwrap();
        let types = |path: &waybill_record::Path| {
            Some(if path.to_string() == "_id" { PropertyType::ObjectId } else { PropertyType::Number })
        };
        let filter = waybill_query::dialects::cortex_where::parse(&query, &types).unwrap();
        let all = Reading {
            org: "demo".parse().unwrap(),
            collection: "things".parse().unwrap(),
            source: Source::Records,
            ids: IdRange::default(),
            among: None,
        };
        let Reading { ids: IdRange { first, last }, among, .. } = selected(all, &filter);
        let start = |id: RecordId| id.to_string()[..2].to_owned();
        let end = |id: Option<RecordId>| id.map_or(String::new(), start);
        (end(first), end(last), among.map(|among| among.iter().copied().map(start).collect()))
    }

    #[test]
    fn conditions_on_the_id_limit_what_is_read_and_nothing_else_does() {
        let id = |digit: &str| format!("\"{}\"", digit.repeat(12));
        let (low, high) = (id("1a"), id("2B"));
        let limits = |query: &str| limits(&query.replace("LOW", &low).replace("HIGH", &high));
        let between = |first: &str, last: &str| (first.to_owned(), last.to_owned(), None);
        let only = |ids: &[&str]| {
            let end = |id: Option<&&str>| id.map_or(String::new(), |id| (*id).to_owned());
            (end(ids.first()), end(ids.last()), Some(ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()))
        };
        assert_eq!(limits(r#"{"_id":LOW}"#), only(&["1a"]));
        assert_eq!(limits(r#"{"_id":{"$in":[HIGH,LOW]}}"#), only(&["1a", "2b"]));
        assert_eq!(limits(r#"{"$or":[{"_id":HIGH},{"_id":LOW,"n":3}]}"#), only(&["1a", "2b"]));
        assert_eq!(limits(r#"{"_id":{"$in":[HIGH,LOW]},"$or":[{"_id":HIGH}]}"#), only(&["2b"]));
        assert_eq!(limits(r#"{"_id":LOW,"$and":[{"_id":HIGH}]}"#).2, Some(Vec::new()));
        assert_eq!(limits(r#"{"_id":{"$gt":LOW,"$lte":HIGH}}"#), between("1a", "2b"));
        assert_eq!(limits(r#"{"n":3,"_id":{"$gte":LOW},"$and":[{"_id":{"$lt":HIGH}}]}"#), between("1a", "2b"));
        assert_eq!(limits(r#"{"_id":{"$gte":LOW},"$and":[{"_id":{"$gt":HIGH}}]}"#), between("2b", ""));
        assert_eq!(limits(r#"{"$or":[{"_id":{"$gte":HIGH}},{"_id":LOW}]}"#), between("1a", ""));
        let many: Vec<String> = (0..=MOST_AMONG).map(|n| format!("\"{n:024x}\"")).collect();
        let many = limits(&format!("{{\"_id\":{{\"$in\":[{}]}}}}", many.join(",")));
        assert_eq!(many, between("00", "00"), "too many to be looked for one by one");
        for query in [
            "{}",
            r#"{"n":3}"#,
            r#"{"$or":[{"_id":LOW},{"n":3}]}"#,
            r#"{"_id":{"$ne":LOW}}"#,
            r#"{"_id":{"$nin":[LOW]}}"#,
        ] {
            assert_eq!(limits(query), between("", ""), "{query}");
        }
    }
}
