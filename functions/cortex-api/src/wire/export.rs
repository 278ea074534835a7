//! The export object and the facet of its file.

use crate::error::{canceled_fault, failure_fault};
use crate::fault::{Fault, FaultBody, Kind};
use crate::wire::access;
use crate::wire::script::ScriptObject;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use waybill_app::ExportView;
use waybill_domain::{AccountId, Archive, Export, FileInclusion, Principal, State};

/// An export.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Export)]
pub(crate) struct ExportObject {
    /// 24 hex digits.
    #[serde(rename = "_id")]
    id: String,
    /// `export`.
    object: &'static str,
    /// When it was made.
    #[schema(format = DateTime)]
    created: String,
    /// Who made it.
    creator: AccountReference,
    /// Whose it is.
    owner: AccountReference,
    /// What the caller may do with it: 4 read, 7 delete.
    access: u8,
    /// A short name.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// A longer one.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// `pending`, `running`, `ready` or `error`.
    state: &'static str,
    /// Whether files of the records are in it.
    export_files: bool,
    /// Whether those are in an archive of their own.
    zip_files: bool,
    /// `application/x-ndjson`, `application/json` or `text/csv`.
    format: &'static str,
    /// The collection.
    objects: String,
    /// Which parts of its records.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<String>,
    /// Optional parts beside the default ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    include: Vec<String>,
    /// References that were asked to be expanded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expand: Vec<String>,
    /// Which of its records, JSON as text.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    /// The record that it is limited to, and which list or array of it goes out: `<plural>/<_id>/<property>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    /// What is done to those records, as it was sent: an array, or JSON as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<Value>,
    /// The archive, once it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    data_file: Option<DataFile>,
    /// How much is in it so far.
    stats: Stats,
    /// From when on it is not there any more.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Why it has no archive, in state `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    err: Option<FaultBody>,
    /// How the script that follows it stands, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    after_script_result: Option<ScriptObject>,
}

/// A reference to an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountReference {
    /// 24 hex digits.
    #[serde(rename = "_id")]
    id: String,
    /// `account`.
    object: &'static str,
    /// Where it is, below org and version.
    path: String,
}

/// What is in an export.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stats {
    /// Its records.
    docs: DocStats,
    /// Files of its records.
    files: FileStats,
}

/// Records of an export.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocStats {
    /// How many.
    count: u64,
}

/// Files of an export's records.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FileStats {
    /// How many.
    count: u64,
    /// Their bytes.
    size: u64,
}

/// The facet of an export's archive.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DataFile {
    /// 32 hex digits that change with its bytes.
    #[serde(rename = "ETag", skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    /// Id of the account that made it.
    creator: String,
    /// `export-<start>.<format>`, although the body is a zip.
    filename: String,
    /// Where it is kept; 4 in every sample.
    location: u8,
    /// `application/zip`.
    mime: &'static str,
    /// `content`.
    name: &'static str,
    /// Where its bytes are, below org and version.
    path: String,
    /// Its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// 0 pending, 1 processing, 2 ready, 3 error.
    state: u8,
    /// Why there is none, in state 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<FaultBody>,
}

/// The facet of an archive as a document of its own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Facet {
    /// `facet`.
    object: &'static str,
    /// The file.
    #[serde(flatten)]
    file: DataFile,
    /// Where its bytes can be had for some minutes, by whoever has the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl ExportObject {
    pub(crate) fn new(view: &ExportView, principal: &Principal) -> Self {
        let (export, spec) = (&view.export, &view.spec);
        let texts = |paths: &[_]| paths.iter().map(ToString::to_string).collect();
        Self {
            id: export.id.to_string(),
            object: "export",
            created: export.created_at.to_string(),
            creator: AccountReference::new(export.creator),
            owner: AccountReference::new(export.creator),
            access: access::level(principal, export),
            label: export.label.clone(),
            description: export.description.clone(),
            state: state(export),
            export_files: spec.files != FileInclusion::None,
            zip_files: spec.files == FileInclusion::Zipped,
            format: export.format.media_type(),
            objects: export.collection.to_string(),
            paths: texts(&spec.selection.paths),
            include: texts(&spec.selection.include),
            expand: texts(&spec.expand),
            condition: spec.filter_text.clone(),
            prefix: spec.within.as_ref().map(|within| within.prefix.to_string()),
            // Only pipelines that parsed are kept.
            pipeline: spec.pipeline_text.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            data_file: export.archive().map(|_| DataFile::new(export)),
            stats: Stats {
                docs: DocStats { count: export.progress.records },
                files: FileStats { count: export.progress.files, size: export.progress.file_bytes },
            },
            expires_at: export.expires_at.to_string(),
            err: fault(export),
            after_script_result: view.script.as_ref().map(ScriptObject::new),
        }
    }

    /// It as a JSON object.
    ///
    /// # Errors
    /// A fault of ours when it does not serialise.
    pub(crate) fn to_value(&self) -> Result<Value, Fault> {
        serde_json::to_value(self).map_err(|error| {
            tracing::error!(%error, "an export does not serialise");
            Fault::new(Kind::Error)
        })
    }
}

impl AccountReference {
    fn new(id: AccountId) -> Self {
        Self { id: id.to_string(), object: "account", path: format!("/accounts/{id}") }
    }
}

impl DataFile {
    fn new(export: &Export) -> Self {
        let archive = export.archive();
        Self {
            etag: archive.and_then(etag),
            creator: export.creator.to_string(),
            filename: filename(export),
            location: 4,
            mime: "application/zip",
            name: "content",
            path: format!("/exports/{}/dataFile/content", export.id),
            size: archive.map(|archive| archive.size_bytes),
            state: match export.state {
                State::Scheduled { .. } | State::Queued { .. } => 0,
                State::Running { .. } => 1,
                State::Ready { .. } => 2,
                State::Failed { .. } | State::Canceled { .. } => 3,
            },
            fault: fault(export),
        }
    }
}

impl Facet {
    /// The facet of an export's file, with a link to its bytes where there is one.
    pub(crate) fn new(export: &Export, url: Option<String>) -> Self {
        Self { object: "facet", file: DataFile::new(export), url }
    }
}

/// The state as this surface calls it.
pub(crate) fn state(export: &Export) -> &'static str {
    match export.state {
        State::Scheduled { .. } | State::Queued { .. } => "pending",
        State::Running { .. } => "running",
        State::Ready { .. } => "ready",
        State::Failed { .. } | State::Canceled { .. } => "error",
    }
}

/// `export-<start>.<format>`.
pub(crate) fn filename(export: &Export) -> String {
    let start = export.started_at.unwrap_or(export.created_at);
    format!("export-{start}.{}", export.format.extension())
}

fn fault(export: &Export) -> Option<FaultBody> {
    match &export.state {
        State::Failed { failure, .. } => Some(failure_fault(failure, export.collection.as_str()).body()),
        State::Canceled { .. } => Some(canceled_fault().body()),
        State::Scheduled { .. } | State::Queued { .. } | State::Running { .. } | State::Ready { .. } => None,
    }
}

/// The first half of the SHA-256: an `ETag` of an object uploaded in parts is no digest of it.
fn etag(archive: &Archive) -> Option<String> {
    archive.sha256.get(..32).map(str::to_owned)
}
