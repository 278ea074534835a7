//! A data export: what its client asked in that surface's words, and the id that a client may choose for it.

use crate::{ExportAlias, ExportId, OrgCode, Seq};
use serde::{Deserialize, Serialize};

/// What the client of a data export asked, as it wrote it: understood with the definition, and shown again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRequest {
    /// Which records: `status:approved;amount:10..`.
    pub filter: Option<String>,
    /// What they are sorted by: `name,-createdTime`.
    pub sort: Option<String>,
    /// Which parts of them, with slashes; empty = the default.
    pub fields: Vec<String>,
    /// The date that the range is about; `None` = the collection's usual one.
    pub date_field: Option<String>,
}

/// Where an id that a client chose leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportAliasPointer {
    /// The org.
    pub org: OrgCode,
    /// What the client chose.
    pub alias: ExportAlias,
    /// The export.
    pub id: ExportId,
    /// Its row.
    pub seq: Seq,
}
