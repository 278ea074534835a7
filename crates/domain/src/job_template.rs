//! What a job's exports are made from: the request, and where the result goes.

use crate::{
    AccountId, CollectionName, Email, ExportFormat, FileInclusion, FilenameTemplate, Level, Packaging, Prefix,
    ScopeRequest, SealedDestination,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waybill_query::SortOrder;
use waybill_record::Path;

/// An export that is made again and again: what a client asks for, checked anew each time, as the definition may have changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobTemplate {
    /// What it reads.
    pub collection: CollectionName,
    /// The record that it is limited to, and which of its properties.
    #[serde(default)]
    pub prefix: Option<Prefix>,
    /// The form that it writes.
    pub format: ExportFormat,
    /// How hard deflate tries.
    #[serde(default)]
    pub level: Level,
    /// Which parts of records; empty = the default.
    #[serde(default)]
    pub paths: Vec<Path>,
    /// Parts to add.
    #[serde(default)]
    pub include: Vec<Path>,
    /// References to follow.
    #[serde(default)]
    pub expand: Vec<Path>,
    /// Which records: the JSON of a Cortex `where`, as sent.
    #[serde(default)]
    pub filter: Option<String>,
    /// Words that occur in their texts.
    #[serde(default)]
    pub search: Option<String>,
    /// Which of them by a date of theirs, as asked.
    #[serde(default)]
    pub date_range: Option<KeptRange>,
    /// What is done to the records that meet the condition, as sent: an array, or a text of JSON.
    #[serde(default)]
    pub pipeline: Option<Value>,
    /// What the records are sorted by, as asked.
    #[serde(default)]
    pub sort: Option<SortOrder>,
    /// Whether the records' files come along.
    #[serde(default)]
    pub files: FileInclusion,
    /// What a download is.
    pub packaging: Packaging,
    /// Whether cells that look like formulas stay as they are.
    #[serde(default)]
    pub raw_cells: bool,
    /// Of every collection: whether each has a file of its own.
    #[serde(default)]
    pub per_collection: bool,
    /// A script that follows the export.
    #[serde(default)]
    pub after_script: Option<String>,
    /// What of scoped values, variants and catalogs it takes; `None` = records as they are stored.
    #[serde(default)]
    pub scope: Option<ScopeRequest>,
    /// The account whose rights it reads with.
    pub principal: AccountId,
    /// Where the bare file goes.
    #[serde(default)]
    pub destinations: Vec<SealedDestination>,
    /// Its name there, with placeholders; `None` = `export-{date}` and the ending.
    #[serde(default)]
    pub filename: Option<FilenameTemplate>,
    /// Whether it goes there as gzip.
    #[serde(default)]
    pub compress: bool,
    /// Who is told by mail when an export of its has ended.
    #[serde(default)]
    pub notify: Vec<Email>,
}

/// A range of dates as it was asked for, understood anew each time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptRange {
    /// Where it begins, in words.
    pub start: String,
    /// Before what it ends, in words.
    pub end: String,
    /// The date that it is about; `None` = when the record was created.
    pub field: Option<Path>,
}
