//! Creating an export: checked against the collection's definition and frozen with it; the wake-up only hurries it.

use crate::begin_series::{RecurringRequest, freeze_in_series};
use crate::data_request::{LaidOut, Translated, laid_out, paths_behind_references, search, translate};
use crate::date_range::{self, DateRangeRequest};
use crate::expand_references::{Asked, Expanded, definition, expand_references};
use crate::export_within::{Narrowed, is_readable, narrow};
use crate::freeze_everything::freeze_everything;
use crate::freeze_pipeline::{FrozenPipeline, columns, freeze_pipeline, pipeline_paths};
use crate::freeze_scope::{freeze_scope, parents, scoped};
use crate::limit_records::assert_within_limits;
use crate::make_export::{Draft, make, repeated};
use crate::{Context, Error, FieldError, IdempotentRequest};
use std::time::Duration;
use waybill_domain::{
    AccountId, Collection, CollectionName, DataRequest, DeliveryPlan, Export, ExportAlias, ExportFormat, ExportSpec,
    FileInclusion, Followed, Level, Packaging, Prefix, Principal, Property, PropertyKind, RecordLimits, ScopeRequest,
    ScriptRun, Selection, Seq, Source, Surface, Timestamp, Viewer,
};
use waybill_ports::{RecordStore, WakeQueue};
use waybill_query::dialects::cortex_where::{self, WhereError};
use waybill_query::{Filter, Pipeline, SortOrder};
use waybill_record::Path;

/// How far ahead an export may be scheduled: ten years.
const MAX_AHEAD: Duration = Duration::from_hours(24 * 3653);

/// An export to be made.
#[derive(Clone, Debug)]
pub struct CreateExport {
    /// The surface that it is made through.
    pub surface: Surface,
    /// What it reads.
    pub collection: CollectionName,
    /// The record that it is limited to: what belongs to that by a list or by an array of documents goes out.
    pub prefix: Option<Prefix>,
    /// A short name for people.
    pub label: Option<String>,
    /// A longer one.
    pub description: Option<String>,
    /// The form that it writes.
    pub format: ExportFormat,
    /// How hard deflate tries.
    pub level: Level,
    /// Which parts of records; empty = the default.
    pub paths: Vec<Path>,
    /// Parts to add.
    pub include: Vec<Path>,
    /// References to replace by the records that they lead to; those that `paths` and `include` cross are, too.
    pub expand: Vec<Path>,
    /// Which records.
    pub filter: Option<FilterRequest>,
    /// Words, each of which occurs in a text of theirs or is their `_id`, beside `filter`.
    pub search: Option<String>,
    /// Which of them by a date of theirs, beside `filter`.
    pub date_range: Option<DateRangeRequest>,
    /// What is done to the records that meet the condition, as it was sent: an array, or a text of JSON.
    pub pipeline: Option<serde_json::Value>,
    /// What the records are sorted by; `None` = the source's order.
    pub sort: Option<SortOrder>,
    /// Whether the records' files come along.
    pub files: FileInclusion,
    /// What a download is.
    pub packaging: Packaging,
    /// How many records it may have; `None` = any number, in one file.
    pub limits: Option<RecordLimits>,
    /// Whether cells that look like formulas stay as they are.
    pub raw_cells: bool,
    /// Of every collection: whether each has a file of its own, with all that its records have, accounts among them.
    pub per_collection: bool,
    /// The source of the script that runs when it has ended, of at most 50 000 characters that parse as a module: whoever takes it in
    /// has seen to that.
    pub after_script: Option<String>,
    /// The id that the client chooses.
    pub alias: Option<ExportAlias>,
    /// What is asked in the words of data exports, in place of `paths`, `filter` and `sort` and of the range's date.
    pub data: Option<DataRequest>,
    /// What of scoped values, variants and catalogs it takes; `None` = records as they are stored.
    pub scope: Option<ScopeRequest>,
    /// The account whose rights it reads with; `None` = the caller's.
    pub principal: Option<AccountId>,
    /// When it enters the lane; `None`, or a time that is not to come = at once.
    pub scheduled_at: Option<Timestamp>,
    /// The series whose first export it is to be, which says in place of `scheduled_at` when it enters the lane.
    pub recurring: Option<RecurringRequest>,
    /// Where its file goes when it is finished, destinations that are checked and sealed, and who is told.
    pub delivery: DeliveryPlan,
    /// The client's promise that it may send this again.
    pub idempotency: Option<IdempotentRequest>,
}

impl CreateExport {
    /// All of a collection with its default selection, in a zip, now.
    pub fn new(surface: Surface, collection: CollectionName, format: ExportFormat) -> Self {
        Self {
            surface,
            collection,
            prefix: None,
            label: None,
            description: None,
            format,
            level: Level::default(),
            paths: Vec::new(),
            include: Vec::new(),
            expand: Vec::new(),
            filter: None,
            search: None,
            date_range: None,
            pipeline: None,
            sort: None,
            files: FileInclusion::None,
            packaging: Packaging::Zip,
            limits: None,
            raw_cells: false,
            per_collection: false,
            after_script: None,
            alias: None,
            data: None,
            scope: None,
            principal: None,
            scheduled_at: None,
            recurring: None,
            delivery: DeliveryPlan::default(),
            idempotency: None,
        }
    }
}

/// A condition in one of the surfaces' grammars.
#[derive(Clone, Debug)]
pub enum FilterRequest {
    /// Cortex `where`: the parsed JSON, and the text to show again.
    CortexWhere {
        /// Parsed.
        condition: serde_json::Value,
        /// As sent.
        text: String,
    },
}

/// An export with its frozen request.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportView {
    /// Where it stands.
    pub export: Export,
    /// What it was asked.
    pub spec: ExportSpec,
    /// The script that follows it, once it has ended.
    pub script: Option<ScriptRun>,
}

/// Creates an export and rings for it, unless it waits for its time. When this returns an export, it runs, or ends in a state
/// that says why not. Whether the record of a prefix is there is seen by the export.
///
/// # Errors
/// `TooManyWaiting`, `Forbidden` for another principal than oneself, `UnknownCollection`, `Invalid` (principal, paths, filter, pipeline, sort, packaging), `TooManyRecords`, `IdempotencyMismatch`, `TooLarge`; `Throttled` or `Unavailable` when the
/// state store asks for patience longer than a request can wait.
pub async fn create_export(
    context: &Context,
    wake: &dyn WakeQueue,
    principal: &Principal,
    command: &CreateExport,
) -> Result<ExportView, Error> {
    create(context, None, wake, principal, command).await
}

/// As [`create_export`], but looks at once whether the record of a prefix is there for whoever the export reads as.
///
/// # Errors
/// `NotFound` for that record; as [`create_export`].
pub async fn create_export_within(
    context: &Context,
    records: &dyn RecordStore,
    wake: &dyn WakeQueue,
    principal: &Principal,
    command: &CreateExport,
) -> Result<ExportView, Error> {
    create(context, Some(records), wake, principal, command).await
}

async fn create(
    context: &Context,
    records: Option<&dyn RecordStore>,
    wake: &dyn WakeQueue,
    principal: &Principal,
    command: &CreateExport,
) -> Result<ExportView, Error> {
    // Before the checks, whose outcome may have changed since the first request.
    if let Some(request) = &command.idempotency
        && let Some(view) = repeated(context, principal, command.surface, request).await?
    {
        return Ok(view);
    }
    let spec = Box::pin(freeze_in_series(context, principal, command, None)).await?;
    if let (Some(records), Some(within)) = (records, &spec.within)
        && !is_readable(records, &spec.org, within, &spec.viewer).await?
    {
        return Err(Error::NotFound { kind: "record", id: within.prefix.to_string() });
    }
    assert_within_limits(context, &spec).await?;
    let draft = Draft {
        surface: command.surface,
        label: command.label.clone(),
        description: command.description.clone(),
        retry_of: None,
        job: None,
        alias: command.alias.clone(),
        spec,
        date_span: None,
        idempotency: command.idempotency.as_ref(),
    };
    make(context, wake, principal, &draft).await
}

/// The request checked against the collection's definition as it is now, and frozen with it.
///
/// # Errors
/// `UnknownCollection`, `Invalid`; `Throttled`, `Unavailable`, `Internal`.
pub(crate) async fn freeze_request(
    context: &Context,
    principal: &Principal,
    command: &CreateExport,
) -> Result<ExportSpec, Error> {
    if command.collection == CollectionName::everything() {
        return freeze_everything(context, principal, command).await;
    }
    if command.per_collection {
        return Err(Error::invalid("perCollection", "must be false where one collection is exported"));
    }
    freeze_one(context, principal, command).await
}

/// The same of one collection.
///
/// # Errors
/// As [`freeze_request`].
pub(crate) async fn freeze_one(
    context: &Context,
    principal: &Principal,
    command: &CreateExport,
) -> Result<ExportSpec, Error> {
    let viewer = viewer(context, principal, command.principal).await?;
    let Some(collection) = definition(context, &principal.org, &command.collection).await? else {
        return Err(Error::unknown_collection(&command.collection));
    };
    let narrowed = match &command.prefix {
        Some(prefix) => narrow(context, collection, prefix).await?,
        None => Narrowed::not(collection),
    };
    if command.scheduled_at.is_some_and(|at| at > context.now().after(MAX_AHEAD)) {
        return Err(Error::invalid("scheduledAt", "must not be more than ten years ahead"));
    }
    let Translated { mut command, filter, errors } = translate(command, &narrowed.collection);
    let read = command.pipeline.as_ref().map(pipeline_paths).unwrap_or_default();
    let asked = Asked { paths: &command.paths, include: &command.include, expand: &command.expand, pipeline: &read };
    let scope = freeze_scope(context, &narrowed.collection, command.scope.as_ref()).await?;
    let mut expanded = expand_references(context, narrowed.collection.clone(), asked).await?;
    if let (Some(data), [_, ..], []) = (command.data.clone(), &*expanded.followed, &*errors) {
        let (paths, wrong) = paths_behind_references(&data, &expanded);
        expanded.errors.extend(wrong);
        expanded.keep_only(&paths);
        let command = command.to_mut();
        command.sort = command.sort.take().map(|sort| sort.renamed(|path| expanded.id_of(path)));
        command.paths = paths;
    }
    expanded.errors.extend(errors);
    let command = &*command;
    if let Some(scope) = &scope {
        expanded.followed.extend(parents(&narrowed.collection, &scope.asked));
    }
    let spec = freeze(viewer, (command, filter), narrowed, expanded, context.now())?;
    Ok(match scope {
        Some(scope) => scoped(spec, scope),
        None => spec,
    })
}

/// Whose rights an export of `principal` reads with: what the account is now decides until it has ended.
async fn viewer(context: &Context, principal: &Principal, named: Option<AccountId>) -> Result<Viewer, Error> {
    let Some(account) = named.filter(|account| *account != principal.account) else {
        return Ok(Viewer::from(principal));
    };
    if !principal.is_admin() {
        return Err(Error::Forbidden { reason: "only administrators may export as another account" });
    }
    match context.rows().account(&principal.org, account).await? {
        Some(account) => Ok(Viewer::from(&account.value)),
        None => Err(Error::invalid("principal", format!("account `{account}` does not exist"))),
    }
}

/// `understood` is a condition that was read before; `narrowed` has the definition of the records as they are read, which is what the condition sees; everything else sees them expanded.
fn freeze(
    viewer: Viewer,
    (command, understood): (&CreateExport, Option<Filter>),
    narrowed: Narrowed,
    expanded: Expanded,
    now: Timestamp,
) -> Result<ExportSpec, Error> {
    let (access, stored) = (narrowed.access(), &narrowed.collection);
    let Expanded { collection, followed, mut errors } = expanded;
    for (list, paths) in [("paths", &command.paths), ("include", &command.include)] {
        for (index, path) in paths.iter().enumerate() {
            let field = format!("{list}.{index}");
            let told = errors.iter().any(|error| error.field == field);
            let data = command.data.as_ref().filter(|_| list == "paths");
            let called = data.and_then(|data| data.fields.get(index)).map_or_else(|| path.to_string(), Clone::clone);
            if let Some(message) = unreadable(&collection, path, &called).filter(|_| !told) {
                errors.push(FieldError { field, message });
            }
        }
    }
    let (filter, filter_text) = match &command.filter {
        None => (understood, None),
        Some(FilterRequest::CortexWhere { condition, text }) => match parsed_where(stored, condition) {
            Ok(filter) => (Some(filter), Some(text.clone())),
            Err(message) => {
                errors.push(FieldError { field: "where".to_owned(), message });
                (None, None)
            }
        },
    };
    let at = command.scheduled_at.map_or(now, |at| at.max(now));
    let date_range = match command.date_range.as_ref().map(|range| date_range::check(range, stored, at)).transpose() {
        Ok(range) => range,
        Err(wrong) => {
            errors.extend(wrong);
            None
        }
    };
    let sort = match command.sort.clone().map(|sort| resolve(sort, &collection)).transpose() {
        Ok(sort) => sort,
        Err(message) => {
            errors.push(FieldError { field: "sort".to_owned(), message });
            None
        }
    };
    let found = match command.search.as_deref().map(|text| search(text, stored)).transpose() {
        Ok(found) => found,
        Err(error) => {
            errors.push(error);
            None
        }
    };
    let (pipeline, filter) = match frozen_pipeline(command, stored, &collection, filter) {
        Ok(frozen) => frozen,
        Err(error) => {
            errors.push(error);
            (None, None)
        }
    };
    let mut parts: Vec<Filter> = [narrowed.filter, filter, found].into_iter().flatten().collect();
    let filter = if parts.len() > 1 { Some(Filter::All(parts)) } else { parts.pop() };
    errors.extend(without_columns(command, stored, pipeline.as_ref()));
    if command.packaging != Packaging::Zip && command.format.makes_documents() {
        let message = "must be `zip` for this format, which makes a file of each record";
        errors.push(FieldError { field: "packaging".to_owned(), message: message.to_owned() });
    }
    if command.packaging != Packaging::Zip && command.files != FileInclusion::None {
        let message = "must be `zip` where files come along: a bare file has no place for them";
        errors.push(FieldError { field: "packaging".to_owned(), message: message.to_owned() });
    }
    errors.extend(no_gzip(command));
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let selection = selected(command, &collection, &followed, pipeline.as_ref())?;
    Ok(ExportSpec {
        org: stored.org.clone(),
        seq: Seq(0),
        collection,
        within: narrowed.within,
        expand: command.expand.clone(),
        followed,
        selection,
        filter,
        filter_text,
        search: command.search.clone(),
        date_range,
        pipeline_text: command.pipeline.as_ref().filter(|_| pipeline.is_some()).map(ToString::to_string),
        pipeline,
        format: command.format,
        sort,
        files: command.files,
        packaging: command.packaging,
        limits: command.limits,
        level: command.level,
        raw_cells: command.raw_cells,
        after_script: command.after_script.clone(),
        delivery: command.delivery.clone(),
        viewer,
        scope: None,
        access,
        scheduled_at: command.scheduled_at,
        data: command.data.clone(),
        members: Vec::new(),
        per_collection: false,
        series: None,
    })
}

/// What is written of every record.
fn selected(
    command: &CreateExport,
    collection: &Collection,
    followed: &[Followed],
    pipeline: Option<&Pipeline>,
) -> Result<Selection, Error> {
    // What is expanded is wanted, optional or not.
    let mut include = command.include.clone();
    if command.paths.is_empty() {
        include.extend(command.expand.iter().cloned());
    }
    let plain = |columns| LaidOut { columns, ..LaidOut::default() };
    let selected = match (pipeline.and_then(Pipeline::output), &command.data) {
        (Some(fields), _) => Ok(plain(columns(fields, command.format.flattening()))),
        (None, Some(data)) => laid_out(data, &command.paths, (collection, followed), command.format),
        (None, None) => collection.select(&command.paths, &include, command.format.flattening()).map(plain),
    };
    let LaidOut { columns, names, references } =
        selected.map_err(|error| Error::invalid("paths", error.to_string()))?;
    Ok(Selection { paths: command.paths.clone(), include: command.include.clone(), columns, names, references })
}

/// Of documents that declare nothing somebody has to say what goes out.
fn without_columns(command: &CreateExport, stored: &Collection, pipeline: Option<&Pipeline>) -> Option<FieldError> {
    let says = !command.paths.is_empty() || pipeline.is_some_and(|pipeline| pipeline.output().is_some());
    let message = "must be given: the documents that `prefix` leads to declare no properties";
    let refused = stored.source == Source::Elements && stored.open && !says;
    refused.then(|| FieldError { field: "paths".to_owned(), message: message.to_owned() })
}

/// Refuses a gzip for destinations where there is no file that it could be made of.
fn no_gzip(command: &CreateExport) -> Option<FieldError> {
    let has_no_file =
        command.format.makes_documents() || command.files != FileInclusion::None || command.per_collection;
    let message = if has_no_file {
        "must be false: what is delivered is the archive, where there is more than one file of records"
    } else if command.packaging == Packaging::Bare {
        "must be false where `packaging` is `bare`: one file is made"
    } else {
        return None;
    };
    let asked = command.delivery.compress && !command.delivery.destinations.is_empty();
    asked.then(|| FieldError { field: "compress".to_owned(), message: message.to_owned() })
}

/// The pipeline, and the condition with those that it begins with.
fn frozen_pipeline(
    command: &CreateExport,
    stored: &Collection,
    collection: &Collection,
    filter: Option<Filter>,
) -> Result<(Option<Pipeline>, Option<Filter>), FieldError> {
    let Some(request) = &command.pipeline else { return Ok((None, filter)) };
    let refused = |field: &str, message: &str| FieldError { field: field.to_owned(), message: message.to_owned() };
    let FrozenPipeline { pipeline, leading } =
        freeze_pipeline(request, stored, collection).map_err(|message| refused("pipeline", &message))?;
    if command.sort.is_some() {
        return Err(refused("sort", "is said by a `$sort` where there is a pipeline"));
    }
    if command.files != FileInclusion::None {
        return Err(refused(
            "pipeline",
            "makes rows of records, and rows have no files: leave the files or the pipeline out",
        ));
    }
    if pipeline.output().is_some() && !(command.paths.is_empty() && command.include.is_empty()) {
        return Err(refused(
            "pipeline",
            "says in `$project` and `$group` what goes out: leave `paths` and `include` out",
        ));
    }
    if pipeline.output().is_some_and(<[_]>::is_empty) {
        return Err(refused("pipeline", "leaves nothing of the records: `$project` drops all that they have"));
    }
    let parts: Vec<Filter> = filter.into_iter().chain(leading).collect();
    Ok((Some(pipeline), (!parts.is_empty()).then_some(Filter::All(parts))))
}

/// A `where` about records as they are stored.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parsed_where(stored: &Collection, condition: &serde_json::Value) -> Result<Filter, String> {
    let types = |path: &Path| match stored.crossing(path) {
        Some(_) => None,
        None => stored.type_of(path).map(|(kind, _)| kind),
    };
    cortex_where::parse(condition, &types).map_err(|error| {
        let WhereError::UnknownProperty { path } = &error else { return error.to_string() };
        let Ok(parsed) = path.parse::<Path>() else { return error.to_string() };
        if let Some(Property { name, kind: PropertyKind::List { .. }, .. }) = stored.crossing(&parsed) {
            return format!("`{path}` goes through the list `{name}`, whose records are none of its parts");
        }
        let segments = parsed.segments();
        let mut above = (1..segments.len()).filter_map(|end| segments[..end].join(".").parse::<Path>().ok());
        match above.find(|above| stored.reference(above).is_some()) {
            Some(reference) => format!(
                "`{path}` goes through the reference `{reference}`: a condition sees records as they are stored, where a \
                 reference is an id"
            ),
            None => error.to_string(),
        }
    })
}

/// The order with the types that the definition gives its properties.
fn resolve(sort: SortOrder, collection: &Collection) -> Result<SortOrder, String> {
    sort.resolve(|path| match (unreadable(collection, path, &path.to_string()), collection.type_of(path)) {
        (None, Some((kind, _))) => Ok(kind),
        (message, _) => Err(message.unwrap_or_else(|| format!("`{path}` is no property of `{}`", collection.name))),
    })
}

/// Why there is nothing to read at `path`, which whoever asked calls `called`.
pub(crate) fn unreadable(collection: &Collection, path: &Path, called: &str) -> Option<String> {
    if let Some(property) = collection.crossing(path) {
        if let PropertyKind::List { .. } = property.kind {
            return Some(format!(
                "`{called}` goes through the list `{}`, whose records are none of its parts",
                property.name
            ));
        }
        let kind = property.kind.property_type();
        return Some(format!("`{called}` goes through `{}`, a {kind:?}, which is not expanded", property.name));
    }
    match collection.type_of(path) {
        Some(_) => None,
        None => Some(format!("`{called}` is no property of `{}`", collection.name)),
    }
}
