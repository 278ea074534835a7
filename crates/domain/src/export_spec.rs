//! What an export was asked to do, frozen when it is queued.

use crate::{
    AccessRules, Collection, CollectionName, DataRequest, DateRange, DeliveryPlan, Flattening, FrozenScope, OrgCode,
    Progress, Seq, Series, Timestamp, Viewer, Within,
};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;
use waybill_query::{Filter, Pipeline, SortOrder};
use waybill_record::Path;

/// The surface through which an export was made; each vendor's lists only its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Surface {
    /// Waybill's own.
    Admin,
    /// `/{org}/v2/exports`.
    Cortex,
    /// `/api/v1/export-jobs`.
    Sigma,
    /// `…/data-exports`.
    Rebilly,
}

/// The form in which records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// One JSON object a line.
    Ndjson,
    /// One JSON array.
    Json,
    /// RFC 4180.
    Csv,
    /// RFC 4180 with nested objects flattened and a line for each item of an array.
    DetailedCsv,
    /// One XML document.
    Xml,
    /// One JSON array of JSON:API resources.
    JsonApi,
    /// A PDF document for each record.
    Pdf,
}

impl ExportFormat {
    /// How far declared structure becomes columns.
    pub fn flattening(self) -> Flattening {
        match self {
            Self::Ndjson | Self::Json | Self::Xml | Self::JsonApi | Self::Pdf => Flattening::Nothing,
            Self::Csv => Flattening::Documents,
            Self::DetailedCsv => Flattening::Items,
        }
    }

    /// Whether it makes a file of each record instead of one of all.
    pub fn makes_documents(self) -> bool {
        matches!(self, Self::Pdf)
    }

    /// Media type of its files.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            // An array of resource objects is no document of `application/vnd.api+json`.
            Self::Json | Self::JsonApi => "application/json",
            Self::Csv | Self::DetailedCsv => "text/csv",
            Self::Xml => "application/xml",
            Self::Pdf => "application/pdf",
        }
    }

    /// Ending of its files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Json | Self::JsonApi => "json",
            Self::Csv | Self::DetailedCsv => "csv",
            Self::Xml => "xml",
            Self::Pdf => "pdf",
        }
    }
}

/// What a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Packaging {
    /// The zip itself.
    Zip,
    /// The file of records, as it is.
    Bare,
    /// The file of records, as gzip.
    Gzip,
}

impl Packaging {
    /// Media type of a download of records in `format`.
    pub fn media_type(self, format: ExportFormat) -> &'static str {
        match self {
            Self::Zip => "application/zip",
            Self::Bare => format.media_type(),
            Self::Gzip => "application/gzip",
        }
    }

    /// Ending of its name, without the first dot.
    pub fn ending(self, format: ExportFormat) -> String {
        match self {
            Self::Zip => "zip".to_owned(),
            Self::Bare => format.extension().to_owned(),
            Self::Gzip => format!("{}.gz", format.extension()),
        }
    }
}

/// Whether the files of records come along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileInclusion {
    /// They do not.
    #[default]
    None,
    /// Each as an entry of its own.
    Entries,
    /// All in one inner zip.
    Zipped,
}

/// How hard deflate tries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Quickest.
    Fast,
    /// In between.
    #[default]
    Default,
    /// Smallest.
    Small,
}

/// Which parts of a record are written: as asked, and as resolved against the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// `paths` as asked; empty = the default.
    pub paths: Vec<Path>,
    /// `include` as asked.
    pub include: Vec<Path>,
    /// What is written, in order.
    pub columns: Vec<Path>,
    /// What each of that is called where it goes out, its segments with slashes or dots between; empty = what it is.
    #[serde(default)]
    pub names: Vec<String>,
    /// Followed references that go out as themselves, by the `_id` that is among the columns, because they were asked for beside
    /// something behind them.
    #[serde(default)]
    pub references: Vec<Path>,
}

/// A reference that is replaced by the record that it leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Followed {
    /// The reference, through documents and the references followed before it.
    pub path: Path,
    /// The collection that it leads to.
    pub collection: CollectionName,
    /// The members of those records that are kept, `_id` apart.
    pub keep: Vec<String>,
    /// What that collection's definition says of who may see what.
    pub access: AccessRules,
}

/// How many records an export may have, and how many of them one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordLimits {
    /// Most records of one file; where there are more, the download is an archive of several.
    pub per_file: NonZeroU64,
    /// Most records of all; where there are more, the export fails.
    pub most: NonZeroU64,
}

/// The frozen request of an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportSpec {
    /// The org.
    pub org: OrgCode,
    /// The export's row.
    pub seq: Seq,
    /// The collection as it was defined when the export was queued, references that are followed as documents.
    pub collection: Collection,
    /// The record that it is limited to; `None` = to none.
    #[serde(default)]
    pub within: Option<Within>,
    /// References that were asked to be expanded.
    #[serde(default)]
    pub expand: Vec<Path>,
    /// All references that are followed, those that paths cross included; outer ones first.
    #[serde(default)]
    pub followed: Vec<Followed>,
    /// Which parts of its records.
    pub selection: Selection,
    /// Which of its records; `None` = all.
    pub filter: Option<Filter>,
    /// The condition as the client wrote it, for showing it again.
    pub filter_text: Option<String>,
    /// Words that occur in their texts; a part of `filter`, for showing it again.
    #[serde(default)]
    pub search: Option<String>,
    /// Which of them by a date of theirs, in words.
    #[serde(default)]
    pub date_range: Option<DateRange>,
    /// What is done to the records that meet the condition; `None` = nothing.
    #[serde(default)]
    pub pipeline: Option<Pipeline>,
    /// The pipeline as the client wrote it, an array or a text of JSON, as JSON, for showing it again.
    #[serde(default)]
    pub pipeline_text: Option<String>,
    /// The form.
    pub format: ExportFormat,
    /// What the records are sorted by; `None` = the source's order.
    #[serde(default)]
    pub sort: Option<SortOrder>,
    /// Whether the records' files come along.
    #[serde(default)]
    pub files: FileInclusion,
    /// What a download is.
    pub packaging: Packaging,
    /// How many records it may have; `None` = any number, in one file.
    #[serde(default)]
    pub limits: Option<RecordLimits>,
    /// How hard deflate tries.
    pub level: Level,
    /// Whether cells that look like formulas stay as they are.
    pub raw_cells: bool,
    /// The source of the script that runs when it has ended.
    #[serde(default)]
    pub after_script: Option<String>,
    /// Where its file goes when it is finished.
    #[serde(default)]
    pub delivery: DeliveryPlan,
    /// Whose rights it reads with, as they were when it was made.
    pub viewer: Viewer,
    /// What the collection's definition says of who may see what, of records as they are stored.
    pub access: AccessRules,
    /// What of scoped values, variants and catalogs it takes; `None` = records as they are stored.
    #[serde(default)]
    pub scope: Option<FrozenScope>,
    /// Of an export of every collection: what is asked of each, columns apart; empty = it reads `collection` alone.
    #[serde(default)]
    pub members: Vec<Self>,
    /// Of such an export: whether each collection has a file of its own, with all that its records have, in place of one of all.
    #[serde(default)]
    pub per_collection: bool,
    /// When it was asked to enter the lane; `None` = at once.
    #[serde(default)]
    pub scheduled_at: Option<Timestamp>,
    /// What the client of a data export asked in that surface's words.
    #[serde(default)]
    pub data: Option<DataRequest>,
    /// The series that it is one of.
    #[serde(default)]
    pub series: Option<Series>,
}

impl ExportSpec {
    /// What is asked of each collection that it reads.
    pub fn readings(&self) -> &[Self] {
        if self.members.is_empty() { std::slice::from_ref(self) } else { &self.members }
    }

    /// Whether its destinations get the archive itself: where there is no file of the records alone.
    pub fn delivers_archive(&self) -> bool {
        self.format.makes_documents() || self.files != FileInclusion::None || self.per_collection
    }

    /// Where each collection has a file of its own: how many records each has by now.
    pub fn counts<'a>(&'a self, progress: &'a Progress) -> impl Iterator<Item = (&'a CollectionName, u64)> {
        let members = self.members.iter().filter(|_| self.per_collection);
        let counts = progress.by_collection.iter().copied().chain(std::iter::repeat(0));
        members.map(|member| &member.collection.name).zip(counts)
    }

    /// Most records of one file, where there may be several.
    pub fn part_records(&self) -> Option<NonZeroU64> {
        let has_parts = self.packaging == Packaging::Bare && !self.format.makes_documents();
        self.limits.filter(|_| has_parts).map(|limits| limits.per_file)
    }

    /// What is made of the archive besides: what a download is, or what destinations get.
    pub fn file_packaging(&self) -> Packaging {
        match (self.packaging, self.delivery.compress) {
            (Packaging::Zip, _) if self.delivery.destinations.is_empty() || self.delivers_archive() => Packaging::Zip,
            (Packaging::Zip, true) => Packaging::Gzip,
            (Packaging::Zip, false) => Packaging::Bare,
            (other, _) => other,
        }
    }
}
