//! Records of the collections that Waybill keeps itself.

use crate::PortError;
use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use waybill_domain::{CollectionName, OrgCode, RecordId};
use waybill_record::Page;

/// A record to write: its id and its JSON object, `_id` and built-ins included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPatch {
    /// Its id.
    pub id: RecordId,
    /// One JSON object, at most 384 KiB.
    pub json: Bytes,
}

/// A record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its id.
    pub id: RecordId,
    /// The stored form: a codec byte, then the JSON object, plain or deflated (`waybill_record::stored`).
    pub stored: Bytes,
}

/// Where reading a partition goes on; opaque, serialisable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageCursor(pub String);

/// A page of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPage {
    /// Records in the order of their ids; may be empty without being the last.
    pub page: Page,
    /// Where the next page begins; `None` after the last.
    pub next: Option<PageCursor>,
}

/// Ids of records of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdPage {
    /// In order; may be empty without being the last.
    pub ids: Vec<RecordId>,
    /// Where the next page begins; `None` after the last. A cursor of ids is one of records, too.
    pub next: Option<PageCursor>,
}

/// Keeps records, spread over 16 partitions of each collection by a hash of their ids.
#[async_trait]
pub trait RecordStore: Send + Sync {
    /// Partitions of every collection; records of different partitions can be read side by side.
    fn partitions(&self) -> u16;

    /// The next page of a partition, about 1 MiB of stored records, or at most `limit`. Not a snapshot: a record that is there
    /// throughout appears exactly once.
    ///
    /// # Errors
    /// `Rejected` when the cursor is none of that partition's.
    async fn read_page(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        partition: u16,
        from: Option<&PageCursor>,
        limit: Option<u32>,
    ) -> Result<RecordPage, PortError>;

    /// The ids of the next page of a partition, without reading the records, at most `limit`.
    ///
    /// # Errors
    /// As [`RecordStore::read_page`].
    async fn ids(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        partition: u16,
        from: Option<&PageCursor>,
        limit: Option<u32>,
    ) -> Result<IdPage, PortError>;

    /// Writes records whole, new or not; ids must differ. Not one transaction: after an error some may be written, and writing all
    /// again is safe.
    ///
    /// # Errors
    /// [`PortError`].
    async fn put(&self, org: &OrgCode, collection: &CollectionName, records: &[RecordPatch]) -> Result<(), PortError>;

    /// The records with these ids, in their order; `None` for the absent ones.
    ///
    /// # Errors
    /// [`PortError`].
    async fn get(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        ids: &[RecordId],
    ) -> Result<Vec<Option<StoredRecord>>, PortError>;

    /// Removes records; those that are not there count as removed.
    ///
    /// # Errors
    /// [`PortError`].
    async fn delete(&self, org: &OrgCode, collection: &CollectionName, ids: &[RecordId]) -> Result<(), PortError>;
}
