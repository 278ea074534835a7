//! Exports that are asked for, on the wire.

use crate::wire::destination::{DestinationWire, read_destinations};
use crate::wire::export::{DateRangeWire, FilesWire, ScopeWire};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use waybill_app::{
    CreateExport, DateRangeRequest, DestinationRequest, FilterRequest, IdempotentRequest, Path, SortOrder,
};
use waybill_domain::{
    AccountId, CollectionName, DeliveryPlan, Email, ExportFormat, FileInclusion, FilenameTemplate, Level, MAX_NOTIFIED,
    MAX_SCRIPT_CHARS, Packaging, ScopeRequest, Surface, Timestamp,
};
use waybill_http::{Members, Problem};
use waybill_ports::ScriptChecker as _;
use waybill_sandbox::QuickJsChecker;

/// Longest name of an export, in characters.
const NAME_CHARS: usize = 200;
/// Longest end of a range of dates, in characters.
const MOMENT_CHARS: usize = 250;
/// Longest search, in characters.
const SEARCH_CHARS: usize = 1000;
/// Longest description, in characters.
const DESCRIPTION_CHARS: usize = 2000;
const FORMATS: [(&str, ExportFormat); 7] = [
    ("ndjson", ExportFormat::Ndjson),
    ("json", ExportFormat::Json),
    ("csv", ExportFormat::Csv),
    ("detailed-csv", ExportFormat::DetailedCsv),
    ("xml", ExportFormat::Xml),
    ("json-api", ExportFormat::JsonApi),
    ("pdf", ExportFormat::Pdf),
];
const PACKAGINGS: [(&str, Packaging); 3] =
    [("zip", Packaging::Zip), ("bare", Packaging::Bare), ("gzip", Packaging::Gzip)];
const LEVELS: [(&str, Level); 3] = [("fast", Level::Fast), ("default", Level::Default), ("small", Level::Small)];

/// An export to be made.
#[derive(Debug, ToSchema)]
#[schema(as = CreateExport, rename_all = "camelCase")]
pub(crate) struct CreateExportBody {
    /// What it reads: a collection, or `everything` for all of the org.
    #[schema(value_type = String)]
    collection: CollectionName,
    /// A short name for people.
    name: Option<String>,
    /// A longer one.
    description: Option<String>,
    /// `ndjson` (where it is absent), `json`, `csv`, `detailed-csv` (nested objects flattened, a line for each item of an
    /// array), `xml`, `json-api` or `pdf` (a document of each record).
    #[schema(value_type = Option<String>)]
    format: ExportFormat,
    /// How hard deflate tries: `fast`, `default` (where it is absent) or `small`.
    #[schema(value_type = Option<String>)]
    level: Level,
    /// Which properties; absent or empty = `_id` and all that are not optional.
    #[schema(value_type = Option<Vec<String>>)]
    paths: Vec<Path>,
    /// Optional properties to add.
    #[schema(value_type = Option<Vec<String>>)]
    include: Vec<Path>,
    /// References to replace by the records that they lead to; those that `paths` and `include` go through are, too.
    #[schema(value_type = Option<Vec<String>>)]
    expand: Vec<Path>,
    /// Which records, like `{"c_score":{"$gte":3}}`; absent = all.
    #[schema(value_type = Option<Object>)]
    r#where: Option<Value>,
    /// Words, at most 10, each of which occurs, in any case, in a text of theirs or is their `_id`; absent = no matter.
    search: Option<String>,
    /// Which of them by a date of theirs: those from `start` on and before `end`, in words as PHP understands them or in
    /// ISO 8601 (`first day of last month midnight`, `-7 days`, `2026-01-31T00:00:00Z`), understood in UTC when the export
    /// starts; absent = whenever. `field` is a date, `created` where it is absent. `from` and `until` are not looked at.
    #[schema(value_type = Option<DateRangeWire>)]
    date_range: Option<DateRangeRequest>,
    /// What is done to those records: an array of the stages `$match`, `$project`, `$sort`, `$skip`, `$limit` and `$group`, or
    /// that as text. It takes the place of `sort`, and where it reshapes rows, of `paths` and `include`.
    #[schema(value_type = Option<Vec<Object>>)]
    pipeline: Option<Value>,
    /// What the records are sorted by, as a text (`name,-created`: by name, then the latest first) or as an object
    /// (`{"name":1,"created":-1}`); absent = not at all. Of arrays the least value counts, descending the greatest; numbers
    /// come before texts, and nothing before both. Records that are equal come by `_id`.
    #[schema(value_type = Option<String>)]
    sort: Option<SortOrder>,
    /// What a download is: `zip` (where it is absent), the archive itself; `bare`, the file of records by itself; `gzip`, that
    /// file compressed.
    #[schema(value_type = Option<String>)]
    packaging: Packaging,
    /// Whether cells that look like formulas stay as they are.
    #[schema(value_type = Option<bool>)]
    raw_cells: bool,
    /// Where `collection` is `everything`: a file for each collection in one zip, with all that its records have, optional and built-in
    /// properties, too, and one of the org's accounts; absent or `false` = one file with the columns of all.
    #[schema(value_type = Option<bool>)]
    per_collection: bool,
    /// Whether the records' files come along: `{"include":true}` as entries of their own, with `"zip":true` in one inner
    /// archive.
    #[schema(value_type = Option<FilesWire>)]
    files: FileInclusion,
    /// One value for each property that is scoped by dimensions, of the segments named here and else the default ones; `variants`
    /// with what they inherit, told by `_parentId` and `_level`; only records in the catalog. Absent = records as they are stored.
    #[schema(value_type = Option<ScopeWire>)]
    scope: Option<ScopeRequest>,
    /// The account whose rights it reads with: records and properties that this account may not read are not in it. Absent =
    /// the caller's own; only administrators may name another.
    #[schema(value_type = Option<String>)]
    principal: Option<AccountId>,
    /// The script that runs when it has ended: a JavaScript module of at most 50 000 characters.
    after_script: Option<String>,
    /// Where the file of records goes when it is finished; where there is more than one file, the archive.
    #[schema(value_type = Option<Vec<DestinationWire>>)]
    destinations: Vec<DestinationRequest>,
    /// The name of the delivered file, with `{date}`, `{datetime}`, `{timestamp}`, `{jobId}`, `{runId}`, which both are the export's id.
    #[schema(value_type = Option<String>)]
    filename_template: Option<FilenameTemplate>,
    /// Whether the file is delivered as gzip; absent = `false`.
    #[schema(value_type = Option<bool>)]
    compress: bool,
    /// Who is told by mail that it is ready or has failed, 20 at most; the links in it ask who is there.
    #[schema(value_type = Option<Vec<String>>)]
    notify: Vec<Email>,
    /// When it is queued; absent, or a time that is not to come = at once.
    #[schema(value_type = Option<String>, format = DateTime)]
    scheduled_at: Option<Timestamp>,
}

impl CreateExportBody {
    /// Reads a body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        let mut members = Members::of(body, "").map_err(|problem| vec![problem])?;
        let collection = members.parsed("collection", "the name of a collection");
        let collection: Option<CollectionName> = members.require("collection", collection);
        let name = members.text("name", NAME_CHARS).map(str::to_owned);
        let description = members.text("description", DESCRIPTION_CHARS).map(str::to_owned);
        let format = members.word("format", &FORMATS).unwrap_or(ExportFormat::Ndjson);
        let level = members.word("level", &LEVELS).unwrap_or_default();
        let (paths, include, expand) = (members.list("paths"), members.list("include"), members.list("expand"));
        let condition = members.take("where").cloned();
        if condition.as_ref().is_some_and(|condition| !condition.is_object()) {
            members.refuse::<()>("where", "must be an object");
        }
        let date_range = read_date_range(&mut members);
        let pipeline = members.take("pipeline").cloned().filter(|stages| *stages != Value::Array(Vec::new()));
        if pipeline.as_ref().is_some_and(|stages| !stages.is_array() && !stages.is_string()) {
            members.refuse::<()>("pipeline", "must be an array of stages, or that as text");
        }
        let raw_cells = members.boolean("rawCells").unwrap_or(false);
        let per_collection = members.boolean("perCollection").unwrap_or(false);
        let files = read_files(&mut members);
        let scheduled_at = members.parsed("scheduledAt", "a date and time like `2026-11-21T21:04:16Z`");
        let principal = members.parsed("principal", "the id of an account: 24 hex digits");
        let sort = read_sort(&mut members);
        let after_script = read_script(&mut members);
        let packaging = members.word("packaging", &PACKAGINGS).unwrap_or(Packaging::Zip);
        let scope = read_scope(&mut members);
        let destinations = read_destinations(&mut members);
        let filename_template = read_filename(&mut members);
        let compress = members.boolean("compress").unwrap_or(false);
        let notify = read_notify(&mut members);
        let search = members.text("search", SEARCH_CHARS).filter(|text| !text.trim().is_empty()).map(str::to_owned);
        let problems = members.finish();
        match collection {
            Some(collection) if problems.is_empty() => Ok(Self {
                collection,
                name,
                description,
                format,
                level,
                paths,
                include,
                expand,
                r#where: condition,
                search,
                date_range,
                pipeline,
                sort,
                packaging,
                raw_cells,
                per_collection,
                files,
                scope,
                principal,
                after_script,
                destinations,
                filename_template,
                compress,
                notify,
                scheduled_at,
            }),
            _ => Err(problems),
        }
    }

    /// Where its file goes, unsealed, and as what.
    pub(crate) fn take_deliveries(&mut self) -> (Vec<DestinationRequest>, Option<FilenameTemplate>, bool) {
        (std::mem::take(&mut self.destinations), self.filename_template.take(), self.compress)
    }

    /// The command, without the destinations.
    pub(crate) fn command(self, idempotency: Option<IdempotentRequest>) -> CreateExport {
        let filter = self.r#where.map(|condition| {
            let text = condition.to_string();
            FilterRequest::CortexWhere { condition, text }
        });
        CreateExport {
            label: self.name,
            description: self.description,
            level: self.level,
            paths: self.paths,
            include: self.include,
            expand: self.expand,
            filter,
            search: self.search,
            date_range: self.date_range,
            pipeline: self.pipeline,
            sort: self.sort,
            packaging: self.packaging,
            raw_cells: self.raw_cells,
            per_collection: self.per_collection,
            files: self.files,
            scope: self.scope,
            principal: self.principal,
            after_script: self.after_script,
            scheduled_at: self.scheduled_at,
            idempotency,
            delivery: DeliveryPlan { notify: self.notify, ..DeliveryPlan::default() },
            ..CreateExport::new(Surface::Admin, self.collection, self.format)
        }
    }
}

/// Takes `notify`, each address once.
fn read_notify(members: &mut Members<'_>) -> Vec<Email> {
    let mut addresses: Vec<Email> = Vec::new();
    for address in members.list::<Email>("notify") {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.len() > MAX_NOTIFIED {
        members.refuse::<()>("notify", format!("must be at most {MAX_NOTIFIED} addresses"));
    }
    addresses
}

/// Takes `dateRange`, of an export that was read, too.
fn read_date_range(members: &mut Members<'_>) -> Option<DateRangeRequest> {
    let value = members.take("dateRange").filter(|value| !value.is_null())?;
    let mut range = match Members::of(value, members.at("dateRange")) {
        Ok(range) => range,
        Err(problem) => {
            members.add([problem]);
            return None;
        }
    };
    let (start, end) = (range.text("start", MOMENT_CHARS), range.text("end", MOMENT_CHARS));
    let (start, end) = (range.require("start", start), range.require("end", end));
    let field = range.parsed("field", "the path of a date");
    for name in ["from", "until"] {
        range.take(name);
    }
    members.add(range.finish());
    Some(DateRangeRequest { start: start?.to_owned(), end: end?.to_owned(), field })
}

/// Takes the script; one that does not parse is told where.
fn read_script(members: &mut Members<'_>) -> Option<String> {
    const NAME: &str = "afterScript";
    let source = members.text(NAME, MAX_SCRIPT_CHARS).filter(|source| !source.is_empty())?.to_owned();
    match QuickJsChecker.check(&source) {
        Ok(()) => Some(source),
        Err(failure) => members.refuse(NAME, failure.at()),
    }
}

/// Takes `scope`.
fn read_scope(members: &mut Members<'_>) -> Option<ScopeRequest> {
    let value = members.take("scope")?;
    let mut scope = match Members::of(value, members.at("scope")) {
        Ok(scope) => scope,
        Err(problem) => {
            members.add([problem]);
            return None;
        }
    };
    let segments = match scope.take("dimensions").map(|value| serde_json::from_value(value.clone())) {
        None => BTreeMap::new(),
        Some(Ok(segments)) => segments,
        Some(Err(_)) => {
            scope.refuse::<()>("dimensions", "must be an object of segments' ids by dimensions' ids");
            BTreeMap::new()
        }
    };
    let variants = scope.boolean("variants").unwrap_or(false);
    let catalog = scope.text("catalog", NAME_CHARS).map(str::to_owned);
    members.add(scope.finish());
    Some(ScopeRequest { segments, variants, catalog })
}

/// Takes `sort`, in either form.
fn read_sort(members: &mut Members<'_>) -> Option<SortOrder> {
    match SortOrder::parse(members.take("sort")?) {
        Ok(sort) => Some(sort),
        Err(error) => members.refuse("sort", error.to_string()),
    }
}

/// Takes `files`. `zip` means something only with `include`.
fn read_files(members: &mut Members<'_>) -> FileInclusion {
    let Some(value) = members.take("files") else { return FileInclusion::None };
    let mut files = match Members::of(value, members.at("files")) {
        Ok(files) => files,
        Err(problem) => {
            members.add([problem]);
            return FileInclusion::None;
        }
    };
    let (include, zip) = (files.boolean("include"), files.boolean("zip"));
    members.add(files.finish());
    match (include.unwrap_or(false), zip.unwrap_or(false)) {
        (false, _) => FileInclusion::None,
        (true, false) => FileInclusion::Entries,
        (true, true) => FileInclusion::Zipped,
    }
}

/// Takes `filenameTemplate`.
pub(crate) fn read_filename(members: &mut Members<'_>) -> Option<FilenameTemplate> {
    let template = members.text("filenameTemplate", NAME_CHARS).map(FilenameTemplate::parse);
    match template.transpose() {
        Ok(template) => template,
        Err(error) => members.refuse("filenameTemplate", error.to_string()),
    }
}
