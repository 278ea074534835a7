//! Jobs on the wire.

use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use waybill_domain::{CollectionName, ExportFormat, Job, JobSchedule, Timestamp};

/// What this surface offers.
pub(super) const FORMATS: [(&str, ExportFormat); 4] = [
    ("csv", ExportFormat::Csv),
    ("json", ExportFormat::Json),
    ("jsonl", ExportFormat::Ndjson),
    ("xml", ExportFormat::Xml),
];
/// What a job may have been given elsewhere: shown, and kept by whoever sends it back.
const FORMATS_OF_OTHERS: [(&str, ExportFormat); 3] =
    [("detailed-csv", ExportFormat::DetailedCsv), ("json-api", ExportFormat::JsonApi), ("pdf", ExportFormat::Pdf)];

/// A schedule, what is exported each time, and where it goes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExportJob)]
pub(crate) struct JobWire {
    /// Its id.
    id: String,
    /// A name for people.
    name: String,
    /// More for people.
    #[schema(required)]
    description: Option<String>,
    /// `s3`, `azure-blob`, `sftp` or `webhook`; `null` where the job was left without a destination elsewhere.
    #[schema(required)]
    destination_type: Option<&'static str>,
    /// Where the file goes; a secret is shown as `••••••••`, which keeps it when it is sent back. The first destination, where the job
    /// was given several elsewhere.
    destination_config: Map<String, Value>,
    /// `csv`, `json`, `jsonl` or `xml`, or what else the job was given elsewhere.
    format: &'static str,
    /// Records of which schema; `null` = of every one, with the columns of all.
    #[schema(required)]
    schema_id: Option<String>,
    /// Records of which catalog.
    #[schema(required)]
    catalog_id: Option<String>,
    /// Which segment of which dimension values are taken from.
    #[schema(required)]
    dimension_scope: Option<BTreeMap<String, String>>,
    /// Five fields of cron, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`, in UTC or the zone that the job was given
    /// elsewhere; or the recurrence rule that it was given there.
    schedule: String,
    /// Whether variants come along, with the values that they inherit.
    include_variants: bool,
    /// Whether the file is delivered as gzip.
    compress: bool,
    /// The name of the delivered file.
    filename_template: String,
    /// Whether it is due at all.
    active: bool,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// When it last ran.
    #[schema(required, format = DateTime)]
    last_run_at: Option<String>,
    /// When it is due next; `null` = not any more, or it is paused.
    #[schema(required, format = DateTime)]
    next_run_at: Option<String>,
}

fn time(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

fn format_name(format: ExportFormat) -> &'static str {
    let known = FORMATS.iter().chain(&FORMATS_OF_OTHERS).find(|(_, known)| *known == format);
    known.map_or("jsonl", |(name, _)| name)
}

/// The name of the file where none is asked for on this surface.
pub(super) fn default_name(format: ExportFormat) -> String {
    format!("export-{{date}}.{}", format_name(format))
}

/// The same of a job that was left without one elsewhere.
pub(super) fn name_of_others(format: ExportFormat) -> String {
    format!("export-{{date}}.{}", format.extension())
}

impl From<Job> for JobWire {
    fn from(job: Job) -> Self {
        let (template, request) = (job.request.template, job.request.schedule);
        let scope = template.scope.unwrap_or_default();
        let destination = template.destinations.first();
        Self {
            id: job.id.into(),
            name: job.request.name,
            description: job.request.description,
            destination_type: destination.map(|destination| destination.config.kind().name()),
            destination_config: destination.map(|destination| destination.config.shown()).unwrap_or_default(),
            format: format_name(template.format),
            schema_id: Some(template.collection).filter(|name| *name != CollectionName::everything()).map(Into::into),
            catalog_id: scope.catalog,
            dimension_scope: (!scope.segments.is_empty()).then_some(scope.segments),
            schedule: match request {
                JobSchedule::Cron { cron } => cron,
                JobSchedule::Rrule { rrule, .. } => rrule,
            },
            include_variants: scope.variants,
            compress: template.compress,
            filename_template: template.filename.map_or_else(|| name_of_others(template.format), Into::into),
            active: job.request.active,
            created_at: job.created_at.to_string(),
            updated_at: job.updated_at.to_string(),
            last_run_at: time(job.last_run_at),
            next_run_at: time(job.next_run_at),
        }
    }
}
