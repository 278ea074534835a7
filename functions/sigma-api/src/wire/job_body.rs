//! Jobs as they are asked for on the wire, and what stays of the job that one replaces.

use super::job::{FORMATS, JobWire, default_name, name_of_others};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use waybill_app::{CreateExport, DestinationRequest, PutJob};
use waybill_domain::{
    CollectionName, DestinationType, ExportFormat, FilenameTemplate, Job, JobId, JobSchedule, ScopeRequest, Surface,
};
use waybill_http::{Members, Problem};

/// Longest name of a job, in characters.
const NAME_CHARS: usize = 200;
/// Longest description, in characters.
const DESCRIPTION_CHARS: usize = 2000;
/// Longest schedule, in characters.
const SCHEDULE_CHARS: usize = 1000;
/// Schedules of this surface know no zone; a job that was given another one elsewhere keeps it.
const ZONE: &str = "UTC";
const DESTINATIONS: [(&str, DestinationType); 4] = [
    ("s3", DestinationType::S3),
    ("azure-blob", DestinationType::AzureBlob),
    ("sftp", DestinationType::Sftp),
    ("webhook", DestinationType::Webhook),
];
/// What a job that was read has besides, so that it can be sent back changed.
const READ_ONLY: [&str; 4] = ["createdAt", "updatedAt", "lastRunAt", "nextRunAt"];

/// The job that a body is to replace.
pub(crate) struct Before {
    /// As this surface shows it.
    shown: Value,
}

impl Before {
    /// What is shown of a job.
    ///
    /// # Errors
    /// When it does not serialise.
    pub(crate) fn of(job: &Job) -> Result<Self, serde_json::Error> {
        Ok(Self { shown: serde_json::to_value(JobWire::from(job.clone()))? })
    }
}

/// A job as it is asked for, whole. What another surface gave it and this one cannot say stays; so does what is sent back as it was
/// shown, which is `None` where that may be more than this surface knows of it.
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
    destination_type: Option<DestinationType>,
    /// Where the file goes.
    #[schema(value_type = Object)]
    destination_config: Option<Map<String, Value>>,
    /// `csv`, `json`, `jsonl` or `xml`.
    #[schema(value_type = String)]
    format: Option<ExportFormat>,
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
    #[schema(value_type = String)]
    schedule: Option<String>,
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
    /// Reads a body; `before` = the job that it is to replace.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(body: &Value, before: Option<&Before>) -> Result<Self, Vec<Problem>> {
        let mut members = Members::of(body, "").map_err(|problem| vec![problem])?;
        let stays = |name: &str| {
            let of = |object: &Value| object.get(name).cloned().unwrap_or_default();
            before.is_some_and(|before| of(body) == of(&before.shown))
        };
        for name in READ_ONLY {
            members.take(name);
        }
        let id = members.parsed("id", "a letter or digit and up to 63 letters, digits, `-` and `_`");
        let name = members.text("name", NAME_CHARS).map(str::to_owned);
        let name = match members.require("name", name) {
            Some(name) if name.trim().is_empty() => members.refuse("name", "must not be empty"),
            name => name,
        };
        let description = members.text("description", DESCRIPTION_CHARS).map(str::to_owned);
        let (destination_type, destination_config) = if stays("destinationType") && stays("destinationConfig") {
            let _ = (members.take("destinationType"), members.take("destinationConfig"));
            (None, None)
        } else {
            read_destination(&mut members)
        };
        let format = match members.take("format") {
            _ if stays("format") => None,
            _ => {
                let format = members.word("format", &FORMATS);
                members.require("format", format)
            }
        };
        let schedule = match members.take("schedule") {
            _ if stays("schedule") => None,
            _ => {
                let schedule = members.text("schedule", SCHEDULE_CHARS).map(str::to_owned);
                members.require("schedule", schedule)
            }
        };
        let schema_id = members.parsed("schemaId", "a schema's id").unwrap_or_else(CollectionName::everything);
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
        match name {
            Some(name) if problems.is_empty() => Ok(Self {
                id,
                name,
                description,
                destination_type,
                destination_config,
                format,
                schema_id,
                catalog_id,
                dimension_scope,
                include_variants,
                schedule,
                compress,
                filename_template,
                active,
            }),
            _ => Err(problems),
        }
    }

    /// The id that the client chose, or sent back.
    pub(crate) fn id(&self) -> Option<&JobId> {
        self.id.as_ref()
    }

    /// The command; `before` = the one that leaves the job as it is.
    pub(crate) fn command(self, before: Option<PutJob>) -> PutJob {
        let had = before.unwrap_or_else(|| made_of(self.schema_id.clone()));
        let format = self.format.unwrap_or(had.export.format);
        let filename = self.filename_template.or_else(|| FilenameTemplate::parse(&default_name(format)).ok());
        let unnamed = had.filename.is_none() && self.format.is_none();
        let shown = FilenameTemplate::parse(&name_of_others(format)).ok();
        let filename = if unnamed && filename == shown { None } else { filename };
        let scope =
            ScopeRequest { segments: self.dimension_scope, variants: self.include_variants, catalog: self.catalog_id };
        // No scope at all is something else than one that says nothing, and this surface shows them alike.
        let unscoped = had.export.scope.is_none() && scope == ScopeRequest::default();
        let mut destinations = had.destinations;
        if let (Some(kind), Some(config)) = (self.destination_type, self.destination_config) {
            let first = DestinationRequest { kind, config };
            match destinations.first_mut() {
                Some(place) => *place = first,
                None => destinations.push(first),
            }
        }
        PutJob {
            surface: Surface::Sigma,
            name: self.name,
            description: self.description,
            export: CreateExport {
                collection: self.schema_id,
                format,
                scope: (!unscoped).then_some(scope),
                ..had.export
            },
            schedule: self.schedule.map_or(had.schedule, |cron| JobSchedule::Cron { cron }),
            zone: had.zone,
            active: self.active,
            destinations,
            filename,
            compress: self.compress,
        }
    }
}

fn read_destination(members: &mut Members<'_>) -> (Option<DestinationType>, Option<Map<String, Value>>) {
    let kind = members.word("destinationType", &DESTINATIONS);
    let kind = members.require("destinationType", kind);
    let config = members.take("destinationConfig");
    let config = match members.require("destinationConfig", config).map(Value::as_object) {
        Some(Some(config)) => Some(config.clone()),
        Some(None) => members.refuse("destinationConfig", "must be an object"),
        None => None,
    };
    (kind, config)
}

/// A job as this surface makes it, before anything is said of it.
fn made_of(schema: CollectionName) -> PutJob {
    PutJob {
        surface: Surface::Sigma,
        name: String::new(),
        description: None,
        export: CreateExport {
            scope: Some(ScopeRequest::default()),
            ..CreateExport::new(Surface::Sigma, schema, ExportFormat::Ndjson)
        },
        schedule: JobSchedule::Cron { cron: String::new() },
        zone: Some(ZONE.to_owned()),
        active: true,
        destinations: Vec::new(),
        filename: None,
        compress: false,
    }
}
