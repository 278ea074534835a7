//! Jobs on the wire.

use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use waybill_app::{CreateExport, DestinationRequest, PutJob};
use waybill_domain::{
    CollectionName, DestinationType, ExportFormat, FilenameTemplate, Job, JobId, JobSchedule, ScopeRequest, Surface,
    Timestamp,
};
use waybill_http::{Members, Problem};

/// Longest name of a job, in characters.
const NAME_CHARS: usize = 200;
/// Longest description, in characters.
const DESCRIPTION_CHARS: usize = 2000;
/// Longest schedule, in characters.
const SCHEDULE_CHARS: usize = 1000;
/// Schedules of this surface know no zone.
const ZONE: &str = "UTC";
const FORMATS: [(&str, ExportFormat); 4] = [
    ("csv", ExportFormat::Csv),
    ("json", ExportFormat::Json),
    ("jsonl", ExportFormat::Ndjson),
    ("xml", ExportFormat::Xml),
];
const DESTINATIONS: [(&str, DestinationType); 4] = [
    ("s3", DestinationType::S3),
    ("azure-blob", DestinationType::AzureBlob),
    ("sftp", DestinationType::Sftp),
    ("webhook", DestinationType::Webhook),
];
/// What a job that was read has besides, so that it can be sent back changed.
const READ_ONLY: [&str; 4] = ["createdAt", "updatedAt", "lastRunAt", "nextRunAt"];

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
    /// `s3`, `azure-blob`, `sftp` or `webhook`.
    destination_type: &'static str,
    /// Where the file goes; a secret is shown as `••••••••`, which keeps it when it is sent back.
    destination_config: Map<String, Value>,
    /// `csv`, `json`, `jsonl` or `xml`.
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
    /// Five fields of cron in UTC, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
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
    let known = FORMATS.iter().find(|(_, known)| *known == format);
    // Jobs of this surface are made here.
    known.map_or("jsonl", |(name, _)| name)
}

fn default_name(format: ExportFormat) -> String {
    format!("export-{{date}}.{}", format_name(format))
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
            destination_type: destination.map_or("s3", |destination| destination.config.kind().name()),
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
            filename_template: template.filename.map_or_else(|| default_name(template.format), Into::into),
            active: job.request.active,
            created_at: job.created_at.to_string(),
            updated_at: job.updated_at.to_string(),
            last_run_at: time(job.last_run_at),
            next_run_at: time(job.next_run_at),
        }
    }
}

/// A job as it is asked for, whole.
#[derive(Debug, ToSchema)]
#[schema(as = PutExportJob, rename_all = "camelCase")]
pub(crate) struct JobBody {
    /// An id of the client's choice, when the job is made; absent = one of ours.
    #[schema(value_type = Option<String>)]
    id: Option<JobId>,
    /// A name for people.
    name: String,
    /// More for people.
    description: Option<String>,
    /// `s3`, `azure-blob`, `sftp` or `webhook`.
    #[schema(value_type = String)]
    destination_type: DestinationType,
    /// Where the file goes.
    destination_config: Map<String, Value>,
    /// `csv`, `json`, `jsonl` or `xml`.
    #[schema(value_type = String)]
    format: ExportFormat,
    /// Records of which schema; absent = of every one, with the columns of all.
    #[schema(value_type = Option<String>)]
    schema_id: CollectionName,
    /// Records of which catalog; absent = of any and of none.
    catalog_id: Option<String>,
    /// Which segment of which dimension values are taken from; of the others the default one counts.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    dimension_scope: BTreeMap<String, String>,
    /// Whether variants come along, with the values that they inherit; absent = `false`.
    #[schema(value_type = Option<bool>)]
    include_variants: bool,
    /// Five fields of cron in UTC, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    schedule: String,
    /// Whether the file is delivered as gzip; absent = `false`.
    #[schema(value_type = Option<bool>)]
    compress: bool,
    /// The name of the delivered file, with `{date}`, `{datetime}`, `{timestamp}`, `{jobId}`, `{runId}`; absent =
    /// `export-{date}` and the format's ending.
    #[schema(value_type = Option<String>)]
    filename_template: Option<FilenameTemplate>,
    /// Whether it is due at all; absent = `true`.
    #[schema(value_type = Option<bool>)]
    active: bool,
}

impl JobBody {
    /// Reads a body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        let mut members = Members::of(body, "").map_err(|problem| vec![problem])?;
        for name in READ_ONLY {
            members.take(name);
        }
        let id = members.parsed("id", "a letter or digit and up to 63 letters, digits, `-` and `_`");
        let name = members.text("name", NAME_CHARS).map(str::to_owned);
        let name = members.require("name", name);
        let name = match name {
            Some(name) if name.trim().is_empty() => members.refuse("name", "must not be empty"),
            name => name,
        };
        let description = members.text("description", DESCRIPTION_CHARS).map(str::to_owned);
        let destination_type = members.word("destinationType", &DESTINATIONS);
        let destination_type = members.require("destinationType", destination_type);
        let config = members.take("destinationConfig");
        let config = match members.require("destinationConfig", config).map(Value::as_object) {
            Some(Some(config)) => Some(config.clone()),
            Some(None) => members.refuse("destinationConfig", "must be an object"),
            None => None,
        };
        let format = members.word("format", &FORMATS);
        let format = members.require("format", format);
        let schema_id = members.parsed("schemaId", "a schema's id").unwrap_or_else(CollectionName::everything);
        let schedule = members.text("schedule", SCHEDULE_CHARS).map(str::to_owned);
        let schedule = members.require("schedule", schedule);
        let template = members.text("filenameTemplate", NAME_CHARS).map(FilenameTemplate::parse);
        let filename_template = match template.transpose() {
            Ok(template) => template,
            Err(error) => members.refuse("filenameTemplate", error.to_string()),
        };
        let compress = members.boolean("compress").unwrap_or(false);
        let active = members.boolean("active").unwrap_or(true);
        let catalog_id = members.text("catalogId", NAME_CHARS).filter(|id| !id.is_empty()).map(str::to_owned);
        let dimension_scope = match members.take("dimensionScope").map(|value| serde_json::from_value(value.clone())) {
            None => BTreeMap::new(),
            Some(Ok(segments)) => segments,
            Some(Err(_)) => members
                .refuse("dimensionScope", "must be an object of segments' ids by dimensions' ids")
                .unwrap_or_default(),
        };
        let include_variants = members.boolean("includeVariants").unwrap_or(false);
        let problems = members.finish();
        match (name, destination_type, config, format, schedule) {
            (Some(name), Some(destination_type), Some(config), Some(format), Some(schedule)) if problems.is_empty() => {
                Ok(Self {
                    id,
                    name,
                    description,
                    destination_type,
                    destination_config: config,
                    format,
                    schema_id,
                    catalog_id,
                    dimension_scope,
                    include_variants,
                    schedule,
                    compress,
                    filename_template,
                    active,
                })
            }
            _ => Err(problems),
        }
    }

    /// The id that the client chose, or sent back.
    pub(crate) fn id(&self) -> Option<JobId> {
        self.id.clone()
    }

    /// The command.
    pub(crate) fn command(self) -> PutJob {
        let filename = self.filename_template.or_else(|| FilenameTemplate::parse(&default_name(self.format)).ok());
        let scope =
            ScopeRequest { segments: self.dimension_scope, variants: self.include_variants, catalog: self.catalog_id };
        PutJob {
            surface: Surface::Sigma,
            name: self.name,
            description: self.description,
            export: CreateExport {
                scope: Some(scope),
                ..CreateExport::new(Surface::Sigma, self.schema_id, self.format)
            },
            schedule: JobSchedule::Cron { cron: self.schedule },
            zone: Some(ZONE.to_owned()),
            active: self.active,
            destinations: vec![DestinationRequest { kind: self.destination_type, config: self.destination_config }],
            filename,
            compress: self.compress,
        }
    }
}
