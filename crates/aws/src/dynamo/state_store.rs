//! Rows of state in `DynamoDB`: consistent reads, and the index of what is due.

use super::item::{Item, due_partition, from_item, key_item, key_of, table_label};
use super::range::{Start, start};
use super::schema::{DUE_AT, DUE_INDEX, DUE_SHARD, PK, SK, TableNames};
use super::{batch, commit};
use crate::errors::{corrupt, port_error};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use std::collections::{BTreeMap, BTreeSet};
use waybill_domain::{CommitId, Timestamp};
use waybill_ports::{DueKind, DueRow, PortError, Row, RowKey, RowPage, RowRange, StateStore, Table, Write};

/// Keeps rows in the tables of state.
#[derive(Clone, Debug)]
pub struct DynamoStateStore {
    pub(super) client: Client,
    names: TableNames,
}

impl DynamoStateStore {
    /// Rows in the tables of these names.
    pub fn new(client: Client, names: TableNames) -> Self {
        Self { client, names }
    }

    pub(super) fn table(&self, table: Table) -> &str {
        match table {
            Table::Main => &self.names.main,
            Table::Audit => &self.names.audit,
            Table::Scripts => &self.names.scripts,
        }
    }

    async fn read_table(&self, table: Table, keys: Vec<Item>) -> Result<Vec<Row>, PortError> {
        const DURING: &str = "reading rows";
        let items = batch::read(&self.client, self.table(table), keys, None, DURING).await?;
        items.iter().map(|item| from_item(table, item, DURING)).collect()
    }
}

#[async_trait]
impl StateStore for DynamoStateStore {
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, PortError> {
        const DURING: &str = "reading a row";
        let request = self.client.get_item().table_name(self.table(key.table)).set_key(Some(key_item(key)));
        let reply = request.consistent_read(true).send().await.map_err(|error| port_error(DURING, &error))?;
        reply.item.as_ref().map(|item| from_item(key.table, item, DURING)).transpose()
    }

    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, PortError> {
        let mut chunks = Vec::new();
        for table in [Table::Main, Table::Audit, Table::Scripts] {
            // The service refuses a key that is asked for twice.
            let different: BTreeSet<&RowKey> = keys.iter().filter(|key| key.table == table).collect();
            let different: Vec<Item> = different.into_iter().map(key_item).collect();
            chunks.extend(different.chunks(batch::READS).map(|chunk| (table, chunk.to_vec())));
        }
        let rows: BTreeMap<RowKey, Row> = stream::iter(chunks)
            .map(|(table, keys)| self.read_table(table, keys))
            .buffer_unordered(batch::IN_FLIGHT)
            .map_ok(|rows| stream::iter(rows.into_iter().map(|row| Ok((row.key.clone(), row)))))
            .try_flatten()
            .try_collect()
            .await?;
        Ok(keys.iter().map(|key| rows.get(key).cloned()).collect())
    }

    async fn query(&self, range: &RowRange) -> Result<RowPage, PortError> {
        const DURING: &str = "reading a range of rows";
        let start = start(range);
        if start == Start::Nowhere {
            return Ok(RowPage { rows: Vec::new(), more: false });
        }
        if range.limit == 0 {
            return Ok(RowPage { rows: Vec::new(), more: true });
        }
        let condition = if range.prefix.is_empty() { "pk = :pk" } else { "pk = :pk AND begins_with(sk, :prefix)" };
        let mut request = self
            .client
            .query()
            .table_name(self.table(range.table))
            .consistent_read(true)
            .key_condition_expression(condition)
            .expression_attribute_values(":pk", AttributeValue::S(range.pk.clone()))
            .scan_index_forward(!range.descending)
            .limit(i32::try_from(range.limit).unwrap_or(i32::MAX));
        if !range.prefix.is_empty() {
            request = request.expression_attribute_values(":prefix", AttributeValue::S(range.prefix.clone()));
        }
        if let Start::Beyond(sk) = start {
            request = request
                .exclusive_start_key(PK, AttributeValue::S(range.pk.clone()))
                .exclusive_start_key(SK, AttributeValue::S(sk.to_owned()));
        }
        let reply = request.send().await.map_err(|error| port_error(DURING, &error))?;
        let rows = reply.items().iter().map(|item| from_item(range.table, item, DURING));
        Ok(RowPage { rows: rows.collect::<Result<_, _>>()?, more: reply.last_evaluated_key.is_some() })
    }

    async fn commit(&self, commit: CommitId, writes: &[Write]) -> Result<(), PortError> {
        commit::commit(self, commit, writes).await
    }

    async fn due(&self, kind: DueKind, shard: u8, until: Timestamp, limit: usize) -> Result<Vec<DueRow>, PortError> {
        const DURING: &str = "asking what is due";
        let mut found = Vec::new();
        let mut from = None;
        while found.len() < limit {
            let request = self
                .client
                .query()
                .table_name(self.table(kind.table()))
                .index_name(DUE_INDEX)
                .key_condition_expression(format!("{DUE_SHARD} = :shard AND {DUE_AT} <= :until"))
                .expression_attribute_values(":shard", AttributeValue::S(due_partition(kind, shard)))
                .expression_attribute_values(":until", AttributeValue::N(until.as_millis().to_string()))
                .limit(i32::try_from(limit - found.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(from.take());
            let reply = request.send().await.map_err(|error| port_error(DURING, &error))?;
            for item in reply.items() {
                let key = key_of(kind.table(), item, DURING)?;
                let at = item.get(DUE_AT).and_then(super::item::number);
                let at = at.ok_or_else(|| {
                    corrupt(table_label(kind.table()), key.to_string(), "due_at: not a number", DURING)
                })?;
                found.push(DueRow { key, due_at: Timestamp::from_millis(at) });
            }
            from = reply.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(found)
    }
}
