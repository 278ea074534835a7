//! Records in ordered maps.

use super::record_source::Tables;
use super::rejected;
use crate::locked::Locked;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;
use waybill_domain::{CollectionName, OrgCode, RecordId};
use waybill_ports::{IdPage, IdRange, PageCursor, PortError, RecordPage, RecordPatch, RecordStore, StoredRecord};
use waybill_record::{Page, stored};

const PARTITIONS: u16 = 16;
/// Bytes of stored records in a page, unless told otherwise.
const PAGE_BYTES: usize = 1024 * 1024;

type CollectionRecords = BTreeMap<(u16, RecordId), Bytes>;
/// Records of a page in order, and where the next one begins.
pub(super) type StoredPage = (Vec<(RecordId, Bytes)>, Option<PageCursor>);

/// A record store in memory.
#[derive(Debug)]
pub struct MemoryRecordStore {
    collections: Locked<BTreeMap<(OrgCode, CollectionName), CollectionRecords>>,
    pub(super) tables: Locked<Tables>,
    partitions: u16,
    page_bytes: usize,
}

impl Default for MemoryRecordStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryRecordStore {
    /// An empty one with 16 partitions and pages of 1 MiB.
    pub fn new() -> Self {
        Self {
            collections: Locked::default(),
            tables: Locked::default(),
            partitions: PARTITIONS,
            page_bytes: PAGE_BYTES,
        }
    }

    /// One with other numbers, so that few small records make several pages.
    pub fn with_pages(partitions: u16, page_bytes: usize) -> Self {
        Self { partitions: partitions.max(1), page_bytes: page_bytes.max(1), ..Self::new() }
    }

    /// Stores bytes as they are: for records that no adapter would have written.
    pub fn put_stored(&self, org: &OrgCode, collection: &CollectionName, id: RecordId, stored: Bytes) {
        let partition = self.partition_of(id);
        self.collections.with(|collections| {
            let records = collections.entry((org.clone(), collection.clone())).or_default();
            records.insert((partition, id), stored);
        });
    }

    fn partition_of(&self, id: RecordId) -> u16 {
        // FNV-1a over the printed id: stable, and ids made in one second spread all the same.
        let hash = id
            .to_string()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        u16::try_from(hash % u64::from(self.partitions)).unwrap_or(0)
    }

    pub(super) fn page(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        partition: u16,
        (from, limit): (Option<&PageCursor>, Option<u32>),
        ids: IdRange,
    ) -> Result<StoredPage, PortError> {
        let after = match from {
            None => None,
            Some(cursor) => {
                let last = cursor.0.parse::<RecordId>().ok().filter(|id| self.partition_of(*id) == partition);
                Some(last.ok_or_else(|| rejected("a cursor of another partition", "reading a page"))?)
            }
        };
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)).max(1);
        Ok(self.collections.with(|collections| {
            let (mut page, mut bytes) = (Vec::new(), 0);
            let Some(records) = collections.get(&(org.clone(), collection.clone())) else { return (page, None) };
            let first = RecordId::new(waybill_domain::Timestamp::from_millis(0), [0; 8]);
            let start = after.map_or(Bound::Included((partition, first)), |id| Bound::Excluded((partition, id)));
            let beyond = records.range((start, Bound::Unbounded)).take_while(|((p, _), _)| *p == partition);
            for ((_, id), stored) in beyond.filter(|((_, id), _)| ids.holds(*id)) {
                if page.len() >= limit || bytes >= self.page_bytes {
                    let next = page.last().map(|(last, _): &(RecordId, Bytes)| PageCursor(last.to_string()));
                    return (page, next);
                }
                bytes += stored.len();
                page.push((*id, stored.clone()));
            }
            (page, None)
        }))
    }
}

#[async_trait]
impl RecordStore for MemoryRecordStore {
    fn partitions(&self) -> u16 {
        self.partitions
    }

    async fn read_page(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        partition: u16,
        from: Option<&PageCursor>,
        limit: Option<u32>,
    ) -> Result<RecordPage, PortError> {
        let (records, next) = self.page(org, collection, partition, (from, limit), IdRange::default())?;
        Ok(RecordPage { page: Page::stored(records.into_iter().map(|(_, stored)| stored).collect()), next })
    }

    async fn ids(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        partition: u16,
        from: Option<&PageCursor>,
        limit: Option<u32>,
    ) -> Result<IdPage, PortError> {
        let (records, next) = self.page(org, collection, partition, (from, limit), IdRange::default())?;
        Ok(IdPage { ids: records.into_iter().map(|(id, _)| id).collect(), next })
    }

    async fn put(&self, org: &OrgCode, collection: &CollectionName, records: &[RecordPatch]) -> Result<(), PortError> {
        for record in records {
            let stored = Bytes::from(stored::encode(&record.json));
            self.put_stored(org, collection, record.id, stored);
        }
        Ok(())
    }

    async fn get(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        ids: &[RecordId],
    ) -> Result<Vec<Option<StoredRecord>>, PortError> {
        Ok(self.collections.with(|collections| {
            let records = collections.get(&(org.clone(), collection.clone()));
            let find = |id: &RecordId| {
                let stored = records?.get(&(self.partition_of(*id), *id))?;
                Some(StoredRecord { id: *id, stored: stored.clone() })
            };
            ids.iter().map(find).collect()
        }))
    }

    async fn delete(&self, org: &OrgCode, collection: &CollectionName, ids: &[RecordId]) -> Result<(), PortError> {
        self.collections.with(|collections| {
            if let Some(records) = collections.get_mut(&(org.clone(), collection.clone())) {
                for id in ids {
                    records.remove(&(self.partition_of(*id), *id));
                }
            }
        });
        Ok(())
    }
}
