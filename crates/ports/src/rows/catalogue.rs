//! Rows of collection definitions, and of the files of their records.

use super::{Due, DueKind, Entity, org_key};
use crate::RowKey;
use waybill_domain::{
    Collection, CollectionName, Dimension, DimensionId, FileId, OrgCode, RecordCount, RecordFile, RecordId,
};

/// Prefix of the rows of files.
pub(crate) const FILE: &str = "FILE#";
/// Prefix of collection rows.
pub(crate) const COLLECTION: &str = "COLLECTION#";

pub(crate) fn collection_key(org: &OrgCode, name: &CollectionName) -> RowKey {
    org_key(org, format!("{COLLECTION}{name}"))
}

/// Prefix of the rows of dimensions.
pub(crate) const DIMENSION: &str = "DIMENSION#";

pub(crate) fn dimension_key(org: &OrgCode, id: &DimensionId) -> RowKey {
    org_key(org, format!("{DIMENSION}{id}"))
}

impl Entity for Dimension {
    fn key(&self) -> RowKey {
        dimension_key(&self.org, &self.id)
    }
}

pub(crate) fn count_key(org: &OrgCode, collection: &CollectionName) -> RowKey {
    org_key(org, format!("COUNT#{collection}"))
}

impl Entity for RecordCount {
    fn key(&self) -> RowKey {
        count_key(&self.org, &self.collection)
    }
}

impl Entity for Collection {
    fn key(&self) -> RowKey {
        collection_key(&self.org, &self.name)
    }
}

/// Prefix of the rows of a collection's files, or of one record's.
pub(crate) fn file_prefix(collection: &CollectionName, record: Option<RecordId>) -> String {
    match record {
        Some(record) => format!("{FILE}{collection}#{record}#"),
        None => format!("{FILE}{collection}#"),
    }
}

pub(crate) fn file_key(
    org: &OrgCode,
    collection: &CollectionName,
    record: RecordId,
    property: &str,
    id: FileId,
) -> RowKey {
    org_key(org, format!("{}{property}#{id}", file_prefix(collection, Some(record))))
}

impl Entity for RecordFile {
    fn key(&self) -> RowKey {
        file_key(&self.org, &self.collection, self.record, &self.property, self.id)
    }

    fn due(&self) -> Option<Due> {
        self.look_at.map(|at| Due { kind: DueKind::File, at })
    }

    fn due_org(&self) -> Option<&OrgCode> {
        Some(&self.org)
    }
}
