//! Exports on the wire.

use crate::wire::delivery::DeliveryWire;
use crate::wire::destination::DestinationWire;
use crate::wire::script::ScriptWire;
use crate::wire::series::SeriesWire;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use waybill_app::{ExportView, Path};
use waybill_domain::{
    Archive, ArchiveEntry, DateRange, DateSpan, Delivery, Export, ExportFormat, ExportSpec, Failure, FailureCode,
    FileInclusion, KeptRange, Level, Packaging, Phase, Progress, ScopeRequest, State, StepOutcome, StepRecord, Surface,
    Timestamp,
};

/// An export: what was asked, and where it stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Export)]
pub(crate) struct ExportWire {
    /// Its id, 24 hex digits.
    id: String,
    /// The surface that it was made through: `admin`, `cortex`, `sigma`.
    surface: &'static str,
    /// The job that made it.
    #[schema(required)]
    job: Option<String>,
    /// The export that this one does again.
    #[schema(required)]
    retry_of: Option<String>,
    /// `scheduled`, `queued`, `running`, `ready`, `failed` or `canceled`.
    state: &'static str,
    /// Its place in the org's lane while it is queued, counted from 1, the running export included; `null` beyond 1000.
    #[schema(required)]
    position: Option<u64>,
    /// What it reads.
    collection: String,
    /// Of an export of the Cortex surface that is limited to what belongs to one record: `<collection>/<_id>/<property>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    /// A short name for people.
    #[schema(required)]
    name: Option<String>,
    /// A longer one.
    #[schema(required)]
    description: Option<String>,
    /// `ndjson`, `json`, `csv`, `detailed-csv`, `xml`, `json-api` or `pdf`.
    format: &'static str,
    /// What a download is: `zip`, `bare` or `gzip`.
    packaging: &'static str,
    /// How hard deflate tries: `fast`, `default` or `small`.
    level: &'static str,
    /// Which properties, as asked; empty = `_id` and all that are not optional.
    paths: Vec<String>,
    /// Optional properties to add, as asked.
    include: Vec<String>,
    /// References to replace by the records that they lead to, as asked.
    expand: Vec<String>,
    /// Which records, as asked; `null` = all.
    #[schema(required, value_type = Option<Object>)]
    r#where: Option<Value>,
    /// Words that occur in a text of theirs; `null` = no matter.
    #[schema(required)]
    search: Option<String>,
    /// Which of them by a date of theirs; `null` = whenever.
    #[schema(required)]
    date_range: Option<DateRangeWire>,
    /// What is done to those records, as it was sent: an array, or that as text; `null` = nothing.
    #[schema(required, value_type = Option<Vec<Object>>)]
    pipeline: Option<Value>,
    /// What the records are sorted by, like `name,-created`; `null` = not at all.
    #[schema(required)]
    sort: Option<String>,
    /// Whether cells that look like formulas stay as they are.
    raw_cells: bool,
    /// Of every collection: whether each has a file of its own.
    per_collection: bool,
    /// Whether the records' files come along.
    files: FilesWire,
    /// What of scoped values, variants and catalogs it takes; `null` = records as they are stored.
    #[schema(required)]
    scope: Option<ScopeWire>,
    /// Where its file goes when it is finished; secrets are masked.
    destinations: Vec<DestinationWire>,
    /// Who is told by mail that it is ready or has failed.
    notify: Vec<String>,
    /// The name of the delivered file, as asked.
    #[schema(required)]
    filename_template: Option<String>,
    /// Whether the file is delivered as gzip.
    compress: bool,
    /// Its deliveries, once it is ready.
    deliveries: Vec<DeliveryWire>,
    /// When it was asked to be queued; `null` = at once.
    #[schema(required, format = DateTime)]
    scheduled_at: Option<String>,
    /// The series of data exports that it is one of.
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<SeriesWire>,
    /// The account that made it.
    creator: String,
    /// The account whose rights it reads with.
    principal: String,
    /// How far it is.
    progress: ProgressWire,
    /// Its archive; `null` until it is ready.
    #[schema(required)]
    archive: Option<ArchiveWire>,
    /// The file that a download gives; `null` until it is ready.
    #[schema(required)]
    download: Option<DownloadWire>,
    /// Its last steps, oldest first.
    steps: Vec<StepWire>,
    /// Why it failed; `null` when it did not.
    #[schema(required)]
    failure: Option<FailureWire>,
    /// The script that runs when it has ended.
    #[schema(required)]
    after_script: Option<String>,
    /// How that script came out; `null` until the export has ended.
    #[schema(required)]
    script: Option<ScriptWire>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When its first step began.
    #[schema(required, format = DateTime)]
    started_at: Option<String>,
    /// When it ended.
    #[schema(required, format = DateTime)]
    finished_at: Option<String>,
    /// From when on it is not there any more, once it has ended.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// A range of dates in words, and the instants that it came to mean.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DateRange)]
pub(crate) struct DateRangeWire {
    /// Where it begins, as asked.
    start: String,
    /// Before what it ends, as asked.
    end: String,
    /// The date that it is about.
    #[schema(required = false)]
    field: String,
    /// The first instant in it; `null` until the export starts.
    #[schema(required = false, read_only, format = DateTime)]
    from: Option<String>,
    /// The first instant behind it; `null` until the export starts.
    #[schema(required = false, read_only, format = DateTime)]
    until: Option<String>,
}

impl DateRangeWire {
    /// A range that is not understood yet.
    pub(crate) fn asked(range: KeptRange) -> Self {
        let field = range.field.map_or_else(|| "created".to_owned(), |field| field.to_string());
        Self { start: range.start, end: range.end, field, from: None, until: None }
    }

    fn new(range: DateRange, span: Option<DateSpan>) -> Self {
        let DateRange { start, end, field } = range;
        let (from, until) = (time(span.map(|span| span.start)), time(span.map(|span| span.end)));
        Self { start, end, field: field.to_string(), from, until }
    }
}

/// Whether the files of records come along.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Files)]
pub(crate) struct FilesWire {
    /// Whether they do.
    #[schema(required = false)]
    include: bool,
    /// Whether in one inner archive, `files.zip`.
    #[schema(required = false)]
    zip: bool,
}

/// What of scoped values, variants and catalogs is taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Scope)]
pub(crate) struct ScopeWire {
    /// Segments by dimension; of the others the default one counts.
    #[schema(required = false)]
    dimensions: BTreeMap<String, String>,
    /// Whether variants come along, with what they inherit.
    #[schema(required = false)]
    variants: bool,
    /// The catalog that records are in; `null` = whichever.
    #[schema(required = false)]
    catalog: Option<String>,
}

impl From<ScopeRequest> for ScopeWire {
    fn from(scope: ScopeRequest) -> Self {
        let ScopeRequest { segments, variants, catalog } = scope;
        Self { dimensions: segments, variants, catalog }
    }
}

impl From<FileInclusion> for FilesWire {
    fn from(files: FileInclusion) -> Self {
        Self { include: files != FileInclusion::None, zip: files == FileInclusion::Zipped }
    }
}

/// How far an export is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Progress)]
pub(crate) struct ProgressWire {
    /// `waiting`, `records`, `finishing` or `done`.
    phase: &'static str,
    /// Records written.
    records: u64,
    /// Plain bytes written.
    bytes: u64,
    /// Bytes of archive made.
    archive_bytes: u64,
    /// How many records it will have; `null` while nobody knows.
    #[schema(required)]
    estimated_records: Option<u64>,
    /// Files written.
    files_done: u64,
    /// Their plain bytes.
    file_bytes: u64,
    /// Files that records name and that are not in the archive, or not whole; its manifest names them.
    files_missing: u64,
    /// Where each collection has a file of its own: what each has by now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    collections: Vec<CollectionProgressWire>,
}

/// How far an export is with one of several collections.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CollectionProgress)]
pub(crate) struct CollectionProgressWire {
    /// The collection.
    collection: String,
    /// Records written.
    records: u64,
}

/// A finished archive.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Archive)]
pub(crate) struct ArchiveWire {
    /// Its size in bytes.
    size_bytes: u64,
    /// Its SHA-256, hex.
    sha256: String,
    /// What is in it, in order.
    entries: Vec<EntryWire>,
}

/// The file that a download gives: the archive, or what was made of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Download)]
pub(crate) struct DownloadWire {
    /// The name that it is saved under.
    name: String,
    /// Its media type.
    content_type: &'static str,
    /// Its size in bytes.
    size_bytes: u64,
    /// Its SHA-256, hex.
    sha256: String,
}

/// One file of an archive.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ArchiveEntry)]
pub(crate) struct EntryWire {
    /// Its name in the zip.
    name: String,
    /// Its size in bytes.
    size_bytes: u64,
    /// Its size in the archive in bytes.
    compressed_bytes: u64,
    /// Its CRC-32, eight hex digits.
    crc32: String,
    /// Its SHA-256, hex.
    sha256: String,
}

/// One step of an export: what one invocation did for it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Step)]
pub(crate) struct StepWire {
    /// Number of the lease that it ran under.
    epoch: u64,
    /// When it began.
    #[schema(format = DateTime)]
    started_at: String,
    /// When it ended.
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    /// Records written by its end.
    records: u64,
    /// How it ended.
    outcome: &'static str,
}

/// Why an export failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Failure)]
pub(crate) struct FailureWire {
    /// The condition, a stable word.
    code: &'static str,
    /// What happened and what to do.
    message: String,
}

impl ExportWire {
    /// An export at that place in the lane.
    pub(crate) fn new(position: Option<u64>, view: ExportView, deliveries: Vec<Delivery>) -> Self {
        let ExportView { export, spec, script } = view;
        let paths = |paths: &[Path]| paths.iter().map(ToString::to_string).collect();
        Self {
            // First, since all else takes the request apart.
            progress: ProgressWire::of(&export, &spec),
            id: export.id.to_string(),
            surface: surface_name(export.surface),
            job: export.job.as_ref().map(|of| of.job.to_string()),
            retry_of: export.retry_of.map(|id| id.to_string()),
            state: state_name(&export.state),
            position,
            format: format_name(export.format),
            packaging: match spec.packaging {
                Packaging::Zip => "zip",
                Packaging::Bare => "bare",
                Packaging::Gzip => "gzip",
            },
            level: level_name(spec.level),
            paths: paths(&spec.selection.paths),
            include: paths(&spec.selection.include),
            expand: paths(&spec.expand),
            prefix: spec.within.as_ref().map(|within| within.prefix.to_string()),
            // Surfaces keep only conditions that parsed.
            r#where: spec.filter_text.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            search: spec.search,
            date_range: spec.date_range.map(|range| DateRangeWire::new(range, export.date_span)),
            pipeline: spec.pipeline_text.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            sort: spec.sort.as_ref().map(ToString::to_string),
            raw_cells: spec.raw_cells,
            per_collection: spec.per_collection,
            files: spec.files.into(),
            scope: spec.scope.map(|scope| scope.asked.into()),
            destinations: spec.delivery.destinations.iter().map(Into::into).collect(),
            notify: spec.delivery.notify.into_iter().map(String::from).collect(),
            filename_template: spec.delivery.filename.map(Into::into),
            compress: spec.delivery.compress,
            deliveries: deliveries.into_iter().map(Into::into).collect(),
            scheduled_at: time(spec.scheduled_at),
            series: spec.series.map(Into::into),
            creator: export.creator.to_string(),
            principal: spec.viewer.account.to_string(),
            archive: export.archive().cloned().map(Into::into),
            download: DownloadWire::of(&export),
            steps: export.steps.iter().map(Into::into).collect(),
            failure: failure(&export),
            after_script: spec.after_script,
            script: script.as_ref().map(ScriptWire::from),
            created_at: export.created_at.to_string(),
            started_at: time(export.started_at),
            finished_at: time(export.finished_at()),
            expires_at: export.expires_at.to_string(),
            collection: export.collection.into(),
            name: export.label,
            description: export.description,
        }
    }
}

impl DownloadWire {
    fn of(export: &Export) -> Option<Self> {
        let archive = export.archive()?;
        let (size_bytes, sha256) = match archive.download_file() {
            None => (archive.size_bytes, &archive.sha256),
            Some(file) => (file.size_bytes, &file.sha256),
        };
        let (name, content_type) = (download_name(export), export.download_type());
        Some(Self { name, content_type, size_bytes, sha256: sha256.clone() })
    }
}

/// `airports-2026-11-21T21-04-16Z.zip`: what, and when it was asked for.
pub(crate) fn download_name(export: &Export) -> String {
    let at = export.created_at.to_string().replace(':', "-");
    let at = at.split('.').next().unwrap_or(&at).to_owned();
    format!("{}-{at}Z.{}", export.collection, export.download_ending())
}

fn time(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

pub(crate) fn surface_name(surface: Surface) -> &'static str {
    match surface {
        Surface::Admin => "admin",
        Surface::Cortex => "cortex",
        Surface::Sigma => "sigma",
        Surface::Rebilly => "rebilly",
    }
}

fn state_name(state: &State) -> &'static str {
    match state {
        State::Scheduled { .. } => "scheduled",
        State::Queued { .. } => "queued",
        State::Running { .. } => "running",
        State::Ready { .. } => "ready",
        State::Failed { .. } => "failed",
        State::Canceled { .. } => "canceled",
    }
}

pub(crate) fn format_name(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Ndjson => "ndjson",
        ExportFormat::Json => "json",
        ExportFormat::Csv => "csv",
        ExportFormat::DetailedCsv => "detailed-csv",
        ExportFormat::Xml => "xml",
        ExportFormat::JsonApi => "json-api",
        ExportFormat::Pdf => "pdf",
    }
}

pub(crate) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Fast => "fast",
        Level::Default => "default",
        Level::Small => "small",
    }
}

fn failure(export: &Export) -> Option<FailureWire> {
    let State::Failed { failure: Failure { code, message }, .. } = &export.state else { return None };
    let code = match code {
        FailureCode::CollectionMissing => "collection-missing",
        FailureCode::RecordMissing => "record-missing",
        FailureCode::BadRecord => "bad-record",
        FailureCode::BadDateRange => "bad-date-range",
        FailureCode::QuotaExceeded => "quota-exceeded",
        FailureCode::MaxRetriesReached => "max-retries-reached",
        FailureCode::LimitExceeded => "limit-exceeded",
        FailureCode::RecordLimitExceeded => "record-limit-exceeded",
        FailureCode::Unavailable => "unavailable",
        FailureCode::Denied => "denied",
        FailureCode::Internal => "internal",
    };
    Some(FailureWire { code, message: message.clone() })
}

impl ProgressWire {
    fn of(export: &Export, spec: &ExportSpec) -> Self {
        let collections = spec.counts(&export.progress);
        let collections = collections
            .map(|(collection, records)| CollectionProgressWire { collection: collection.to_string(), records })
            .collect();
        let progress = export.progress.clone();
        let phase = match progress.phase {
            Phase::Waiting => "waiting",
            Phase::Counting => "counting",
            Phase::Sorting => "sorting",
            Phase::Records => "records",
            Phase::Files => "files",
            Phase::Finishing => "finishing",
            Phase::Packaging => "packaging",
            Phase::Done => "done",
        };
        let Progress { records, plain_bytes, archive_bytes, estimated_records, .. } = progress;
        let all_read = progress.phase == Phase::Finishing || export.archive().is_some();
        Self {
            phase,
            records,
            bytes: plain_bytes,
            archive_bytes,
            estimated_records: if all_read { Some(records) } else { estimated_records },
            files_done: progress.files,
            file_bytes: progress.file_bytes,
            files_missing: progress.missing_files,
            collections,
        }
    }
}

impl From<Archive> for ArchiveWire {
    fn from(archive: Archive) -> Self {
        let entries = archive.entries.into_iter().map(Into::into).collect();
        Self { size_bytes: archive.size_bytes, sha256: archive.sha256, entries }
    }
}

impl From<ArchiveEntry> for EntryWire {
    fn from(entry: ArchiveEntry) -> Self {
        let crc32 = format!("{:08x}", entry.crc32);
        let ArchiveEntry { name, size_bytes, compressed_bytes, sha256, .. } = entry;
        Self { name, size_bytes, compressed_bytes, crc32, sha256 }
    }
}

impl From<&StepRecord> for StepWire {
    fn from(step: &StepRecord) -> Self {
        let outcome = match step.outcome {
            StepOutcome::Running => "running",
            StepOutcome::Continued => "continued",
            StepOutcome::Throttled => "throttled",
            StepOutcome::Finished => "finished",
        };
        Self {
            epoch: step.epoch.0,
            started_at: step.started_at.to_string(),
            ended_at: time(step.ended_at),
            records: step.records,
            outcome,
        }
    }
}
