//! Jobs, their runs and slots on the wire.

use crate::wire::destination::{DestinationWire, read_destinations};
use crate::wire::export::{DateRangeWire, FilesWire, ScopeWire, format_name, level_name, surface_name};
use crate::wire::export_body::{CreateExportBody, read_filename};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use waybill_app::{DestinationRequest, Path, PutJob};
use waybill_domain::{
    FilenameTemplate, Job, JobId, JobSchedule, Packaging, Run, RunStatus, Skipped, Slot, SlotOutcome, Surface,
    Timestamp,
};
use waybill_http::{Members, Problem};

/// Longest text of a schedule, in characters.
const SCHEDULE_CHARS: usize = 10_000;
/// Longest name of a zone, in characters.
const ZONE_CHARS: usize = 100;
/// What only a job has.
const OWN: [&str; 8] =
    ["id", "schedule", "zone", "active", "filenameTemplate", "compress", "destinations", "scheduledAt"];
/// What a job that was read has besides, so that it can be sent back changed.
const READ_ONLY: [&str; 8] =
    ["surface", "creator", "principal", "createdAt", "updatedAt", "nextRunAt", "lastRunAt", "generation"];
/// When a job is due: `cron`, or `rrule` with its `start`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Schedule)]
pub(crate) struct ScheduleWire {
    /// Five fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<String>,
    /// A recurrence rule (RFC 5545), with or without `RRULE:` in front.
    #[serde(skip_serializing_if = "Option::is_none")]
    rrule: Option<String>,
    /// Where the rule begins; absent = now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    start: Option<String>,
}

/// A schedule, and the export that is made each time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Job)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of its own on the wire")]
pub(crate) struct JobWire {
    /// Its id.
    id: String,
    /// The surface that it was made through.
    surface: &'static str,
    /// A name for people.
    name: String,
    /// More for people.
    #[schema(required)]
    description: Option<String>,
    /// What is exported.
    collection: String,
    /// The form.
    format: &'static str,
    /// How hard deflate tries.
    level: &'static str,
    /// What a download is.
    packaging: &'static str,
    /// Which properties; empty = `_id` and all that are not optional.
    paths: Vec<String>,
    /// Optional properties to add.
    include: Vec<String>,
    /// References to replace by the records that they lead to.
    expand: Vec<String>,
    /// Which records.
    #[schema(required, value_type = Option<Object>)]
    r#where: Option<Value>,
    /// Words that occur in a text of theirs.
    #[schema(required)]
    search: Option<String>,
    /// Which of them by a date of theirs.
    #[schema(required)]
    date_range: Option<DateRangeWire>,
    /// What the records are sorted by.
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
    /// When it is due.
    schedule: ScheduleWire,
    /// The IANA zone of the schedule.
    zone: String,
    /// Whether it is due at all.
    active: bool,
    /// The name of the delivered file.
    #[schema(required)]
    filename_template: Option<String>,
    /// Whether the file is delivered as gzip.
    compress: bool,
    /// Where the file goes.
    destinations: Vec<DestinationWire>,
    /// Who is told by mail when an export of its has ended.
    notify: Vec<String>,
    /// Who made it.
    creator: String,
    /// The account whose rights its exports read with.
    principal: String,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// When it is due next; `null` = not any more, or it is paused.
    #[schema(required, format = DateTime)]
    next_run_at: Option<String>,
    /// When it last made an export.
    #[schema(required, format = DateTime)]
    last_run_at: Option<String>,
    /// How many times what is asked of it has changed, from 1.
    generation: u64,
}

fn paths(paths: &[Path]) -> Vec<String> {
    paths.iter().map(ToString::to_string).collect()
}

fn time(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

impl From<Job> for JobWire {
    fn from(job: Job) -> Self {
        let (template, request) = (job.request.template.clone(), job.request);
        Self {
            id: job.id.into(),
            surface: surface_name(job.surface),
            name: request.name,
            description: request.description,
            collection: template.collection.into(),
            format: format_name(template.format),
            level: level_name(template.level),
            packaging: match template.packaging {
                Packaging::Zip => "zip",
                Packaging::Bare => "bare",
                Packaging::Gzip => "gzip",
            },
            paths: paths(&template.paths),
            include: paths(&template.include),
            expand: paths(&template.expand),
            // Surfaces keep only conditions that parsed.
            r#where: template.filter.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            search: template.search,
            date_range: template.date_range.map(DateRangeWire::asked),
            sort: template.sort.as_ref().map(ToString::to_string),
            raw_cells: template.raw_cells,
            per_collection: template.per_collection,
            files: template.files.into(),
            scope: template.scope.map(Into::into),
            schedule: request.schedule.into(),
            zone: request.zone,
            active: request.active,
            filename_template: template.filename.map(Into::into),
            compress: template.compress,
            destinations: template.destinations.iter().map(DestinationWire::from).collect(),
            notify: template.notify.into_iter().map(String::from).collect(),
            creator: job.creator.to_string(),
            principal: template.principal.to_string(),
            created_at: job.created_at.to_string(),
            updated_at: job.updated_at.to_string(),
            next_run_at: time(job.next_run_at),
            last_run_at: time(job.last_run_at),
            generation: job.generation,
        }
    }
}

impl From<JobSchedule> for ScheduleWire {
    fn from(schedule: JobSchedule) -> Self {
        match schedule {
            JobSchedule::Cron { cron } => Self { cron: Some(cron), rrule: None, start: None },
            JobSchedule::Rrule { rrule, start } => {
                Self { cron: None, rrule: Some(rrule), start: Some(start.to_string()) }
            }
        }
    }
}

/// A job as it is asked for: an export without `scheduledAt`, and these.
#[derive(Debug, ToSchema)]
#[schema(as = PutJob, rename_all = "camelCase")]
pub(crate) struct JobBody {
    /// What is exported, its name and its description; members of the export stand beside those of the job.
    #[schema(value_type = Option<Object>)]
    export: CreateExportBody,
    /// An id of the client's choice, when the job is made; absent = one of ours.
    #[schema(value_type = Option<String>)]
    id: Option<JobId>,
    /// When it is due.
    #[schema(value_type = ScheduleWire)]
    schedule: JobSchedule,
    /// IANA zone; absent = the org's.
    zone: Option<String>,
    /// Whether it is due at all; absent = `true`.
    #[schema(value_type = Option<bool>)]
    active: bool,
    /// The name of the delivered file, with `{date}`, `{datetime}`, `{timestamp}`, `{jobId}`, `{runId}`.
    #[schema(value_type = Option<String>)]
    filename_template: Option<FilenameTemplate>,
    /// Whether the file is delivered as gzip; absent = `false`.
    #[schema(value_type = Option<bool>)]
    compress: bool,
    /// Where the file goes.
    #[schema(value_type = Option<Vec<DestinationWire>>)]
    destinations: Vec<DestinationRequest>,
}

impl JobBody {
    /// Reads a body; a rule without a start begins at `now`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(body: &Value, now: Timestamp) -> Result<Self, Vec<Problem>> {
        let Some(object) = body.as_object() else { return Err(vec![Problem::new("", "must be an object")]) };
        let part = |own: bool| {
            let members = object.iter().filter(|(name, _)| !READ_ONLY.contains(&name.as_str()));
            let members = members.filter(|(name, _)| OWN.contains(&name.as_str()) == own);
            Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
        };
        let (own, export) = (part(true), part(false));
        let export = CreateExportBody::read(&export);
        let mut members = Members::of(&own, "").map_err(|problem| vec![problem])?;
        let id = members.parsed("id", "a letter or digit and up to 63 letters, digits, `-` and `_`");
        let schedule = members.take("schedule");
        let schedule = members.require("schedule", schedule).and_then(|value| {
            let read = read_schedule(value, members.at("schedule"), now);
            read.map_err(|problems| members.add(problems)).ok()
        });
        let zone = members.text("zone", ZONE_CHARS).map(str::to_owned);
        let active = members.boolean("active").unwrap_or(true);
        let compress = members.boolean("compress").unwrap_or(false);
        let filename_template = read_filename(&mut members);
        let destinations = read_destinations(&mut members);
        if members.take("scheduledAt").is_some() {
            members.refuse::<()>("scheduledAt", "has no meaning beside `schedule`");
        }
        if object.get("name").is_none_or(Value::is_null) {
            members.refuse::<()>("name", "is required");
        }
        let mut problems = members.finish();
        match (export, schedule) {
            (Ok(export), Some(schedule)) if problems.is_empty() => {
                Ok(Self { export, id, schedule, zone, active, filename_template, compress, destinations })
            }
            (export, _) => {
                problems.extend(export.err().unwrap_or_default());
                Err(problems)
            }
        }
    }

    /// The id that the client chose.
    pub(crate) fn id(&self) -> Option<JobId> {
        self.id.clone()
    }

    /// The command.
    pub(crate) fn command(self) -> PutJob {
        let export = self.export.command(None);
        PutJob {
            surface: Surface::Admin,
            name: export.label.clone().unwrap_or_default(),
            description: export.description.clone(),
            export,
            schedule: self.schedule,
            zone: self.zone,
            active: self.active,
            destinations: self.destinations,
            filename: self.filename_template,
            compress: self.compress,
        }
    }
}

fn read_schedule(value: &Value, pointer: String, now: Timestamp) -> Result<JobSchedule, Vec<Problem>> {
    let mut members = Members::of(value, pointer).map_err(|problem| vec![problem])?;
    let cron = members.text("cron", SCHEDULE_CHARS).map(str::to_owned);
    let rrule = members.text("rrule", SCHEDULE_CHARS).map(str::to_owned);
    let start: Option<Timestamp> = members.parsed("start", "an RFC 3339 date and time");
    let given = |name: &str| value.get(name).is_some_and(|value| !value.is_null());
    match (given("cron"), given("rrule")) {
        (true, true) => members.refuse::<()>("rrule", "does not go together with `cron`"),
        (false, false) => members.refuse("cron", "or `rrule` is required"),
        (true, false) if given("start") => members.refuse("start", "belongs to `rrule`"),
        _ => None,
    };
    let problems = members.finish();
    match (cron, rrule) {
        (Some(cron), None) if problems.is_empty() => Ok(JobSchedule::Cron { cron }),
        (None, Some(rrule)) if problems.is_empty() => Ok(JobSchedule::Rrule { rrule, start: start.unwrap_or(now) }),
        _ => Err(problems),
    }
}

/// One run of a job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Run)]
pub(crate) struct RunWire {
    /// Its id; of a run that an export is, the export's.
    id: String,
    /// `running`, `success` or `failed`.
    status: &'static str,
    /// The instant at which it was due; `null` = somebody asked for it, or it ran elsewhere.
    #[schema(required, format = DateTime)]
    slot: Option<String>,
    /// Whether an export of ours is behind it.
    exported: bool,
    /// When it began.
    #[schema(format = DateTime)]
    started_at: String,
    /// When it ended.
    #[schema(required, format = DateTime)]
    completed_at: Option<String>,
    /// Records of what was delivered, or made where nothing is; 0 of a run that failed and is nowhere, `null` until something has arrived.
    #[schema(required)]
    record_count: Option<u64>,
    /// Bytes delivered.
    #[schema(required)]
    file_size: Option<u64>,
    /// Where they are.
    #[schema(required)]
    destination_path: Option<String>,
    /// Why it failed; while it runs, why the last attempt to deliver did and when the next one is due.
    #[schema(required)]
    error: Option<String>,
}

impl From<Run> for RunWire {
    fn from(run: Run) -> Self {
        Self {
            id: run.id.to_string(),
            status: match run.status {
                RunStatus::Running => "running",
                RunStatus::Success => "success",
                RunStatus::Failed => "failed",
            },
            slot: time(run.slot),
            exported: run.export.is_some(),
            started_at: run.started_at.to_string(),
            completed_at: time(run.completed_at),
            record_count: run.record_count,
            file_size: run.file_size,
            destination_path: run.destination_path,
            error: run.error,
        }
    }
}

/// Slots of a job that were decided: one that fired, or some that did not.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Slot)]
pub(crate) struct SlotWire {
    /// The slot, or the first of several.
    #[schema(format = DateTime)]
    at: String,
    /// Every instant of the schedule from `at` up to and with this one has this outcome.
    #[schema(format = DateTime)]
    through: String,
    /// `fired`, `failed`, or why it was left out: `late` (more than an hour), `superseded` (by a later slot), `busy` (the export
    /// before it waited or ran), `changed` (the job was, or was paused).
    outcome: &'static str,
    /// The export that it made.
    #[schema(required)]
    export: Option<String>,
    /// Why none could be made.
    #[schema(required)]
    message: Option<String>,
    /// The job's generation at that time.
    generation: u64,
    /// When that was decided.
    #[schema(format = DateTime)]
    decided_at: String,
}

impl From<Slot> for SlotWire {
    fn from(slot: Slot) -> Self {
        let (outcome, export, message) = match slot.outcome {
            SlotOutcome::Fired { export } => ("fired", Some(export.to_string()), None),
            SlotOutcome::Failed { message } => ("failed", None, Some(message)),
            SlotOutcome::Skipped { reason: Skipped::Late } => ("late", None, None),
            SlotOutcome::Skipped { reason: Skipped::Superseded } => ("superseded", None, None),
            SlotOutcome::Skipped { reason: Skipped::Busy } => ("busy", None, None),
            SlotOutcome::Skipped { reason: Skipped::Changed } => ("changed", None, None),
        };
        Self {
            at: slot.at.to_string(),
            through: slot.through.to_string(),
            outcome,
            export,
            message,
            generation: slot.generation,
            decided_at: slot.decided_at.to_string(),
        }
    }
}
