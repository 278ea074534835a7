//! Commits: every write conditional, and an own earlier attempt recognised by the version that it left.

use super::DynamoStateStore;
use super::item::{Item, VERSION, key_item, to_item, version_of};
use super::schema::PK;
use crate::errors::{kind_of, not_built, port_error, rejected};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};
use waybill_domain::CommitId;
use waybill_ports::{Expect, PortError, PortErrorKind, Row, Write};

const DURING: &str = "committing rows";

/// Most writes of one transaction.
const MOST_WRITES: usize = 100;

/// Makes all of `writes` or none.
///
/// A single put is a plain conditional one, at half the price. A single delete is a transaction all the same: it leaves no
/// row that says whose it was, so that only the service's own token lets a repeated attempt succeed.
pub(super) async fn commit(store: &DynamoStateStore, commit: CommitId, writes: &[Write]) -> Result<(), PortError> {
    match writes {
        [] => Ok(()),
        [Write::Put { row, expect }] => put(store, commit, row, *expect).await,
        _ if writes.len() > MOST_WRITES => Err(rejected("more than 100 writes", DURING)),
        _ => transact(store, commit, writes).await,
    }
}

async fn put(store: &DynamoStateStore, commit: CommitId, row: &Row, expect: Expect) -> Result<(), PortError> {
    let condition = Condition::of(expect);
    let request = store
        .client
        .put_item()
        .table_name(store.table(row.key.table))
        .set_item(Some(item_of(row, commit)?))
        .condition_expression(condition.expression)
        .set_expression_attribute_values(condition.values)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let Err(error) = request.send().await else { return Ok(()) };
    if let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error()
        && failed.item().and_then(version_of) == Some(commit)
    {
        return Ok(());
    }
    Err(port_error(DURING, &error))
}

async fn transact(store: &DynamoStateStore, commit: CommitId, writes: &[Write]) -> Result<(), PortError> {
    let items = writes.iter().map(|write| transact_item(store, commit, write)).collect::<Result<Vec<_>, _>>()?;
    let request = store.client.transact_write_items().set_transact_items(Some(items));
    let Err(error) = request.client_request_token(commit.to_string()).send().await else { return Ok(()) };
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        return Err(port_error(DURING, &error));
    };
    match verdict(commit, writes, canceled.cancellation_reasons()) {
        Ok(()) => Ok(()),
        Err(kind) => {
            let PortError { source, .. } = port_error(DURING, &error);
            Err(PortError { kind, during: DURING, source })
        }
    }
}

/// What a canceled transaction says. A row that carries `commit` can only have been written by an earlier attempt of this
/// very commit, which then took effect as a whole.
fn verdict(commit: CommitId, writes: &[Write], reasons: &[CancellationReason]) -> Result<(), PortErrorKind> {
    let ours = writes.iter().zip(reasons).any(|(write, reason)| {
        matches!(write, Write::Put { .. }) && reason.item().and_then(version_of) == Some(commit)
    });
    if ours {
        return Ok(());
    }
    let codes = || reasons.iter().filter_map(CancellationReason::code).filter(|code| *code != "None");
    if codes().any(|code| matches!(code, "ConditionalCheckFailed" | "TransactionConflict")) {
        return Err(PortErrorKind::Conflict);
    }
    let kinds = || codes().map(|code| kind_of(400, code, None));
    let lasting = kinds().find(|kind| matches!(kind, PortErrorKind::Rejected { .. } | PortErrorKind::Denied));
    Err(lasting.or_else(|| kinds().next()).unwrap_or(PortErrorKind::Unavailable))
}

fn transact_item(store: &DynamoStateStore, commit: CommitId, write: &Write) -> Result<TransactWriteItem, PortError> {
    let table = store.table(write.key().table);
    let item = TransactWriteItem::builder();
    let item = match write {
        Write::Put { row, expect } => {
            let condition = Condition::of(*expect);
            let put = Put::builder()
                .table_name(table)
                .set_item(Some(item_of(row, commit)?))
                .condition_expression(condition.expression)
                .set_expression_attribute_values(condition.values)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            item.put(put.build().map_err(not_built(DURING))?)
        }
        Write::Delete { key, version } => {
            let condition = Condition::of(Expect::Version(*version));
            let delete = Delete::builder()
                .table_name(table)
                .set_key(Some(key_item(key)))
                .condition_expression(condition.expression)
                .set_expression_attribute_values(condition.values);
            item.delete(delete.build().map_err(not_built(DURING))?)
        }
        Write::Check { key, expect } => {
            let condition = Condition::of(*expect);
            let check = ConditionCheck::builder()
                .table_name(table)
                .set_key(Some(key_item(key)))
                .condition_expression(condition.expression)
                .set_expression_attribute_values(condition.values);
            item.condition_check(check.build().map_err(not_built(DURING))?)
        }
    };
    Ok(item.build())
}

/// The item of a row with the version that this commit gives it.
fn item_of(row: &Row, commit: CommitId) -> Result<Item, PortError> {
    let mut item = to_item(row, DURING)?;
    item.insert(VERSION.to_owned(), AttributeValue::S(commit.to_string()));
    Ok(item)
}

struct Condition {
    expression: String,
    values: Option<Item>,
}

impl Condition {
    fn of(expect: Expect) -> Self {
        match expect {
            Expect::Absent => Self { expression: format!("attribute_not_exists({PK})"), values: None },
            Expect::Version(version) => Self {
                expression: format!("{VERSION} = :version"),
                values: Some(Item::from([(":version".to_owned(), AttributeValue::S(version.to_string()))])),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_ports::{RowKey, Table};

    const OURS: CommitId = CommitId(7);

    fn row(sk: &str) -> Row {
        let key = RowKey { table: Table::Main, pk: "P".into(), sk: sk.into() };
        Row { key, version: OURS, body: "{}".into(), due: None, drop_after: None }
    }

    fn put(sk: &str) -> Write {
        Write::Put { row: row(sk), expect: Expect::Absent }
    }

    fn delete(sk: &str) -> Write {
        Write::Delete { key: row(sk).key, version: CommitId(1) }
    }

    fn failed(left_by: Option<CommitId>) -> CancellationReason {
        let item = left_by.map(|version| item_of(&row("any"), version).unwrap());
        CancellationReason::builder().code("ConditionalCheckFailed").set_item(item).build()
    }

    fn reason(code: &str) -> CancellationReason {
        CancellationReason::builder().code(code).build()
    }

    #[test]
    fn a_row_that_this_commit_left_says_that_all_of_it_took_effect() {
        let writes = [put("A"), delete("B"), put("C")];
        assert_eq!(verdict(OURS, &writes, &[failed(Some(OURS)), failed(None), failed(Some(OURS))]), Ok(()));
        assert_eq!(verdict(OURS, &writes, &[failed(Some(CommitId(9))), failed(None), failed(Some(OURS))]), Ok(()));
    }

    #[test]
    fn rows_of_others_are_a_conflict() {
        let writes = [put("A"), delete("B")];
        assert_eq!(verdict(OURS, &writes, &[failed(Some(CommitId(9))), reason("None")]), Err(PortErrorKind::Conflict));
        assert_eq!(verdict(OURS, &writes, &[reason("None"), failed(None)]), Err(PortErrorKind::Conflict));
        assert_eq!(
            verdict(OURS, &writes, &[reason("TransactionConflict"), reason("None")]),
            Err(PortErrorKind::Conflict)
        );
    }

    #[test]
    fn a_condition_that_failed_counts_more_than_a_throttle_and_a_refusal_more_than_either_fault() {
        let of = |codes: [&str; 2]| verdict(OURS, &[put("A"), put("B")], &codes.map(reason)).unwrap_err();
        assert_eq!(of(["ThrottlingError", "ConditionalCheckFailed"]), PortErrorKind::Conflict);
        assert_eq!(of(["ThrottlingError", "None"]), PortErrorKind::Throttled { retry_after: None });
        assert_eq!(of(["None", "ProvisionedThroughputExceeded"]), PortErrorKind::Throttled { retry_after: None });
        let refused = PortErrorKind::Rejected { reason: "ValidationError".into() };
        assert_eq!(of(["ThrottlingError", "ValidationError"]), refused);
        assert_eq!(of(["None", "None"]), PortErrorKind::Unavailable);
    }
}
