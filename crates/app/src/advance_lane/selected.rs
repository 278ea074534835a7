//! What an export reads of its source, and what it means when the source refuses.

use super::Interrupted;
use waybill_domain::{ExportSpec, Failure, FailureCode, RecordId, Source, TableSource};
use waybill_ports::{IdRange, PortError, PortErrorKind, Reading};
use waybill_query::{Filter, Operand, Order, Test};

/// What an export reads: of Waybill's own records no others than those whose ids its condition allows.
pub(super) fn reading(spec: &ExportSpec) -> Reading {
    let all = Reading::all(&spec.collection);
    let ids = match (&all.source, &spec.filter) {
        (Source::Records, Some(filter)) => allowed(filter),
        _ => IdRange::default(),
    };
    Reading { org: spec.org.clone(), ids, ..all }
}

/// A range that holds the id of every record that meets the condition, and perhaps others.
pub(crate) fn allowed(filter: &Filter) -> IdRange {
    match filter {
        Filter::All(parts) => parts.iter().map(allowed).fold(IdRange::default(), IdRange::within),
        Filter::Property { path, test } if path.segments().iter().eq(["_id"]) => match test {
            Test::Equal(operand) => one(id(operand)),
            Test::OneOf(operands) => {
                // An operand that is no id is no record's.
                let ids = || operands.iter().filter_map(id);
                ids().min().map_or(IdRange::default(), |first| IdRange { first: Some(first), last: ids().max() })
            }
            Test::Compare(Order::Less | Order::LessOrEqual, operand) => IdRange { first: None, last: id(operand) },
            Test::Compare(Order::Greater | Order::GreaterOrEqual, operand) => {
                IdRange { first: id(operand), last: None }
            }
            _ => IdRange::default(),
        },
        _ => IdRange::default(),
    }
}

fn one(id: Option<RecordId>) -> IdRange {
    IdRange { first: id, last: id }
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

    fn range(query: &str) -> (String, String) {
        let query = serde_json::from_str(query).unwrap();
        let types = |path: &waybill_record::Path| {
            Some(if path.to_string() == "_id" { PropertyType::ObjectId } else { PropertyType::Number })
        };
        let IdRange { first, last } = allowed(&waybill_query::dialects::cortex_where::parse(&query, &types).unwrap());
        let end = |id: Option<RecordId>| id.map_or(String::new(), |id| id.to_string()[..2].to_owned());
        (end(first), end(last))
    }

    #[test]
    fn conditions_on_the_id_limit_what_is_read_and_nothing_else_does() {
        let id = |digit: &str| format!("\"{}\"", digit.repeat(12));
        let (low, high) = (id("1a"), id("2B"));
        let range = |query: &str| range(&query.replace("LOW", &low).replace("HIGH", &high));
        let is = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        assert_eq!(range(r#"{"_id":LOW}"#), is("1a", "1a"));
        assert_eq!(range(r#"{"_id":{"$in":[HIGH,LOW]}}"#), is("1a", "2b"));
        assert_eq!(range(r#"{"_id":{"$gt":LOW,"$lte":HIGH}}"#), is("1a", "2b"));
        assert_eq!(range(r#"{"n":3,"_id":{"$gte":LOW},"$and":[{"_id":{"$lt":HIGH}}]}"#), is("1a", "2b"));
        assert_eq!(range(r#"{"_id":{"$gte":LOW},"$and":[{"_id":{"$gt":HIGH}}]}"#), is("2b", ""));
        for query in [
            "{}",
            r#"{"n":3}"#,
            r#"{"$or":[{"_id":LOW},{"n":3}]}"#,
            r#"{"_id":{"$ne":LOW}}"#,
            r#"{"_id":{"$nin":[LOW]}}"#,
        ] {
            assert_eq!(range(query), is("", ""), "{query}");
        }
    }
}
