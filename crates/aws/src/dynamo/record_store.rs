//! Records in `DynamoDB`: 16 partitions per collection, each record one compressed attribute.

use super::item::Item;
use super::schema::{PK, SK};
use super::{batch, raw};
use crate::errors::{corrupt, not_built, port_error, rejected};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, PutRequest, WriteRequest};
use bytes::Bytes;
use futures::future::join_all;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use waybill_domain::{CollectionName, OrgCode, RecordId};
use waybill_ports::{
    Extent, IdPage, IdRange, PageCursor, PortError, Reading, RecordPage, RecordPatch, RecordStore, StoredRecord,
};
use waybill_record::{ItemForm, Page, Reply, stored};

/// Partitions of a collection.
const PARTITIONS: u16 = 16;
/// The stored form of the record.
const DOCUMENT: &str = "doc";
/// All that a record read by its id needs of an item.
const PROJECTION: &str = "sk, doc";

/// Keeps records in one table.
///
/// Keys: `pk = ORG#<org>#<collection>#<partition, one hex digit>`, `sk` = the record's id. A partition is chosen by the
/// id alone, so that a record is found without knowing anything else.
#[derive(Clone, Debug)]
pub struct DynamoRecordStore {
    pub(super) client: Client,
    table: String,
    form: Arc<ItemForm>,
}

impl DynamoRecordStore {
    /// Records in the table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into(), form: Arc::new(ItemForm::Stored(DOCUMENT.to_owned())) }
    }

    /// A request for records of a partition within `ids`; `None` when it cannot have any.
    fn query(
        &self,
        (org, collection): (&OrgCode, &CollectionName),
        partition: u16,
        ids: IdRange,
        from: Option<&PageCursor>,
        during: &'static str,
    ) -> Result<Option<QueryFluentBuilder>, PortError> {
        if partition >= PARTITIONS {
            return Err(rejected("no such partition", during));
        }
        let pk = partition_key(org, collection, partition);
        // Consistent: an export made after a load was answered must see all of it.
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_values(":pk", AttributeValue::S(pk.clone()));
        for (name, id) in [(":first", ids.first), (":last", ids.last)] {
            if let Some(id) = id {
                request = request.expression_attribute_values(name, AttributeValue::S(id.to_string()));
            }
        }
        let within = match ids {
            IdRange { first: None, last: None } => "pk = :pk",
            IdRange { first: Some(_), last: None } => "pk = :pk AND sk >= :first",
            IdRange { first: None, last: Some(_) } => "pk = :pk AND sk <= :last",
            IdRange { first: Some(first), last: Some(last) } => {
                if first > last || first == last && partition_of(first) != partition {
                    return Ok(None);
                }
                "pk = :pk AND sk BETWEEN :first AND :last"
            }
        };
        request = request.key_condition_expression(within);
        let Some(PageCursor(last)) = from else { return Ok(Some(request)) };
        let last: RecordId = last.parse().map_err(|_| rejected("not a cursor", during))?;
        if partition_of(last) != partition || !ids.holds(last) {
            return Err(rejected("a cursor of another partition", during));
        }
        let request = request.exclusive_start_key(PK, AttributeValue::S(pk));
        Ok(Some(request.exclusive_start_key(SK, AttributeValue::S(last.to_string()))))
    }

    /// As [`RecordStore::read_page`], and only within `ids`.
    pub(super) async fn read_within(
        &self,
        place: (&OrgCode, &CollectionName),
        partition: u16,
        ids: IdRange,
        from: Option<&PageCursor>,
        limit: Option<u32>,
    ) -> Result<RecordPage, PortError> {
        const DURING: &str = "reading records";
        let Some(request) = self.query(place, partition, ids, from, DURING)? else {
            return Ok(RecordPage { page: Page::default(), next: None });
        };
        let request = request.set_limit(limit.map(at_most)).projection_expression(DOCUMENT);
        let send = |take| request.clone().customize().interceptor(take).send();
        let Reply { page, last_key } = raw::reply(&self.form, DURING, send).await?;
        let next = last_key.map(|key| cursor_of(&key, DURING)).transpose()?;
        Ok(RecordPage { page, next })
    }

    /// The next record of those that alone are asked for: each is read by its key.
    pub(super) async fn read_among(
        &self,
        reading: &Reading,
        partition: u16,
        from: Option<&PageCursor>,
    ) -> Result<RecordPage, PortError> {
        const DURING: &str = "reading records by their ids";
        let after = from.map(|PageCursor(last)| last.parse::<RecordId>()).transpose();
        let after = after.map_err(|_| rejected("not a cursor", DURING))?;
        if partition >= PARTITIONS || after.is_some_and(|after| partition_of(after) != partition) {
            return Err(rejected("a cursor of another partition", DURING));
        }
        let next = reading.next_among(after, |id| partition_of(id) == partition).flatten();
        let Some((id, more)) = next else { return Ok(RecordPage { page: Page::default(), next: None }) };
        let place = (&reading.org, &reading.collection);
        let RecordPage { page, .. } = self.read_within(place, partition, IdRange::one(id), None, None).await?;
        Ok(RecordPage { page, next: more.then(|| PageCursor(id.to_string())) })
    }

    /// The first and the last id of a partition within `ids`.
    pub(super) async fn extent_within(
        &self,
        place: (&OrgCode, &CollectionName),
        partition: u16,
        ids: IdRange,
    ) -> Result<Extent, PortError> {
        const DURING: &str = "reading the first and the last id";
        let Some(request) = self.query(place, partition, ids, None, DURING)? else { return Ok(Extent::Nothing) };
        let request = request.limit(1).projection_expression(SK);
        let ends = [true, false].map(|forward| request.clone().scan_index_forward(forward).send());
        let mut found = Vec::with_capacity(ends.len());
        for reply in join_all(ends).await {
            let reply = reply.map_err(|error| port_error(DURING, &error))?;
            found.extend(reply.items().first().map(|item| id_of(item, DURING)).transpose()?);
        }
        Ok(match found.as_slice() {
            [first, last] => Extent::Between(*first, *last),
            _ => Extent::Nothing,
        })
    }

    async fn write_all(&self, writes: Vec<WriteRequest>, during: &'static str) -> Result<(), PortError> {
        let chunks: Vec<Vec<WriteRequest>> = writes.chunks(batch::WRITES).map(<[_]>::to_vec).collect();
        stream::iter(chunks)
            .map(|chunk| batch::write(&self.client, &self.table, chunk, during))
            .buffer_unordered(batch::IN_FLIGHT)
            .try_collect()
            .await
    }
}

/// The partition of a record: FNV-1a over the text of its id, folded to four bits. Ids that count up spread as well as
/// random ones. Stored data depends on it: it never changes.
fn partition_of(id: RecordId) -> u16 {
    let hash =
        id.to_string().bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let mixed = hash ^ (hash >> 16);
    u16::try_from((mixed ^ (mixed >> 8) ^ (mixed >> 4)) & 0xf).unwrap_or(0)
}

fn partition_key(org: &OrgCode, collection: &CollectionName, partition: u16) -> String {
    format!("ORG#{org}#{collection}#{partition:x}")
}

fn key_item(org: &OrgCode, collection: &CollectionName, id: RecordId) -> Item {
    Item::from([
        (PK.to_owned(), AttributeValue::S(partition_key(org, collection, partition_of(id)))),
        (SK.to_owned(), AttributeValue::S(id.to_string())),
    ])
}

fn next_cursor(reply: &QueryOutput, during: &'static str) -> Result<Option<PageCursor>, PortError> {
    let Some(key) = reply.last_evaluated_key() else { return Ok(None) };
    match key.get(SK) {
        Some(AttributeValue::S(sk)) => Ok(Some(PageCursor(sk.clone()))),
        _ => Err(corrupt("records", "", "the key of the last record of a page", during)),
    }
}

fn at_most(limit: u32) -> i32 {
    i32::try_from(limit.max(1)).unwrap_or(i32::MAX)
}

/// The cursor behind the last key of a reply, as that was written.
fn cursor_of(last_key: &[u8], during: &'static str) -> Result<PageCursor, PortError> {
    let key: serde_json::Value = serde_json::from_slice(last_key).unwrap_or_default();
    match &key[SK]["S"] {
        serde_json::Value::String(sk) => Ok(PageCursor(sk.clone())),
        _ => Err(corrupt("records", "", "the key of the last record of a page", during)),
    }
}

fn id_of(item: &Item, during: &'static str) -> Result<RecordId, PortError> {
    let Some(AttributeValue::S(id)) = item.get(SK) else {
        return Err(corrupt("records", "", "sk: missing", during));
    };
    id.parse().map_err(|_| corrupt("records", id, "sk: no id", during))
}

fn from_item(item: &mut Item, during: &'static str) -> Result<StoredRecord, PortError> {
    let id = id_of(item, during)?;
    let Some(AttributeValue::B(document)) = item.remove(DOCUMENT) else {
        return Err(corrupt("records", id.to_string(), "doc: no bytes", during));
    };
    Ok(StoredRecord { id, stored: Bytes::from(document.into_inner()) })
}

#[async_trait]
impl RecordStore for DynamoRecordStore {
    fn partitions(&self) -> u16 {
        PARTITIONS
    }

    async fn read_page(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        partition: u16,
        from: Option<&PageCursor>,
        limit: Option<u32>,
    ) -> Result<RecordPage, PortError> {
        self.read_within((org, collection), partition, IdRange::default(), from, limit).await
    }

    async fn ids(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        partition: u16,
        from: Option<&PageCursor>,
        limit: Option<u32>,
    ) -> Result<IdPage, PortError> {
        const DURING: &str = "reading ids of records";
        let Some(request) = self.query((org, collection), partition, IdRange::default(), from, DURING)? else {
            return Ok(IdPage { ids: Vec::new(), next: None });
        };
        let request = request.set_limit(limit.map(at_most));
        let reply = request.projection_expression(SK).send().await.map_err(|error| port_error(DURING, &error))?;
        let next = next_cursor(&reply, DURING)?;
        let ids = reply.items().iter().map(|item| id_of(item, DURING)).collect::<Result<_, _>>()?;
        Ok(IdPage { ids, next })
    }

    async fn put(&self, org: &OrgCode, collection: &CollectionName, records: &[RecordPatch]) -> Result<(), PortError> {
        const DURING: &str = "writing records";
        let write = |record: &RecordPatch| -> Result<WriteRequest, PortError> {
            if record.json.len() > stored::MAX_RECORD_BYTES {
                return Err(rejected("a record of more than 384 KiB", DURING));
            }
            let mut item = key_item(org, collection, record.id);
            let document = AttributeValue::B(Blob::new(stored::encode(&record.json)));
            item.insert(DOCUMENT.to_owned(), document);
            let put = PutRequest::builder().set_item(Some(item)).build().map_err(not_built(DURING))?;
            Ok(WriteRequest::builder().put_request(put).build())
        };
        self.write_all(records.iter().map(write).collect::<Result<_, _>>()?, DURING).await
    }

    async fn get(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        ids: &[RecordId],
    ) -> Result<Vec<Option<StoredRecord>>, PortError> {
        const DURING: &str = "reading records by id";
        let different: BTreeSet<RecordId> = ids.iter().copied().collect();
        let keys: Vec<Item> = different.into_iter().map(|id| key_item(org, collection, id)).collect();
        let chunks: Vec<Vec<Item>> = keys.chunks(batch::READS).map(<[_]>::to_vec).collect();
        let found: Vec<Vec<Item>> = stream::iter(chunks)
            .map(|chunk| batch::read(&self.client, &self.table, chunk, Some(PROJECTION), DURING))
            .buffer_unordered(batch::IN_FLIGHT)
            .try_collect()
            .await?;
        let found = found.into_iter().flatten().map(|mut item| from_item(&mut item, DURING));
        let found: BTreeMap<RecordId, StoredRecord> =
            found.map(|record| record.map(|record| (record.id, record))).collect::<Result<_, _>>()?;
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    async fn delete(&self, org: &OrgCode, collection: &CollectionName, ids: &[RecordId]) -> Result<(), PortError> {
        const DURING: &str = "removing records";
        let different: BTreeSet<RecordId> = ids.iter().copied().collect();
        let remove = |id: RecordId| -> Result<WriteRequest, PortError> {
            let key = DeleteRequest::builder().set_key(Some(key_item(org, collection, id)));
            Ok(WriteRequest::builder().delete_request(key.build().map_err(not_built(DURING))?).build())
        };
        self.write_all(different.into_iter().map(remove).collect::<Result<_, _>>()?, DURING).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_domain::Timestamp;

    #[test]
    fn records_of_one_second_and_of_counting_ids_spread_evenly() {
        for counting in [true, false] {
            let mut counts = [0_u32; 16];
            for number in 0..16_000_u64 {
                let tail = if counting { number } else { number.wrapping_mul(0x9e37_79b9_7f4a_7c15) };
                let id = RecordId::new(Timestamp::from_millis(1_700_000_000_000), tail.to_be_bytes());
                counts[usize::from(partition_of(id))] += 1;
            }
            assert!(counts.iter().all(|count| (700..1300).contains(count)), "{counts:?}");
        }
    }

    #[test]
    fn partitions_of_ids_never_change() {
        let ids = ["000000000000000000000000", "5f3e9a1b2c3d4e5f60718293", "ffffffffffffffffffffffff"];
        assert_eq!(ids.map(|id| partition_of(id.parse().unwrap())), [9, 4, 8]);
    }
}
