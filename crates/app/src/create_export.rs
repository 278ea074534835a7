//! Creating an export: frozen, numbered and put into its org's lane in one transaction; the wake-up only hurries it.

use crate::retry::Attempts;
use crate::{Context, Error, FieldError};
use std::time::Duration;
use waybill_domain::{
    AuditAction, Collection, CollectionName, Epoch, Export, ExportFormat, ExportId, ExportPointer, ExportSpec,
    IdempotencyKey, IdempotencyRecord, Level, Packaging, Principal, Progress, QueueEntry, Selection, Sequence, State,
    StorageHold, Surface, Timestamp,
};
use waybill_ports::{PortError, Stored, WakeMessage, WakeQueue};
use waybill_query::Filter;
use waybill_query::dialects::cortex_where;
use waybill_record::Path;

/// How long after its creation the sweeper looks, at its next tick, whether an export's lane moves.
const LOOK_AFTER: Duration = Duration::from_secs(15);

/// An export to be made.
#[derive(Clone, Debug)]
pub struct CreateExport {
    /// The surface that it is made through.
    pub surface: Surface,
    /// What it reads.
    pub collection: CollectionName,
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
    /// Which records.
    pub filter: Option<FilterRequest>,
    /// Whether cells that look like formulas stay as they are.
    pub raw_cells: bool,
    /// The client's promise that it may send this again.
    pub idempotency: Option<IdempotentRequest>,
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

/// A request that may be sent again.
#[derive(Clone, Debug)]
pub struct IdempotentRequest {
    /// The client's key.
    pub key: IdempotencyKey,
    /// Surface and operation, so that one key on two endpoints means two things: `cortex:create-export`.
    pub operation: &'static str,
    /// SHA-256 of the request's body, hex.
    pub body_digest: String,
}

impl IdempotentRequest {
    /// The name under which it is remembered.
    pub fn scope(&self) -> String {
        format!("{}:{}", self.operation, self.key.as_str())
    }
}

/// An export with its frozen request.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportView {
    /// Where it stands.
    pub export: Export,
    /// What it was asked.
    pub spec: ExportSpec,
}

/// What one attempt at creating came to.
enum Outcome {
    Created(Box<ExportView>),
    Repeated(ExportId),
}

/// Creates an export and rings for it. When this returns an export, it runs, or ends in a state that says why not.
///
/// # Errors
/// `UnknownCollection`, `Invalid` (paths, filter), `IdempotencyMismatch`, `TooLarge`; `Throttled` or `Unavailable` when the
/// state store asks for patience longer than a request can wait.
pub async fn create_export(
    context: &Context,
    wake: &dyn WakeQueue,
    principal: &Principal,
    command: &CreateExport,
) -> Result<ExportView, Error> {
    let Some(collection) = context.rows().collection(&principal.org, &command.collection).await? else {
        return Err(Error::unknown_collection(&command.collection));
    };
    let request = freeze(principal, command, collection.value)?;
    // Chosen before the first attempt, so that an attempt of unknown outcome can be recognised.
    let id = context.entropy.export_id(context.now());
    let mut attempts = Attempts::new(context);
    let view = loop {
        match attempt(context, principal, command, &request, id).await {
            Ok(Outcome::Created(view)) => break *view,
            // An earlier attempt of this very call: it still has to ring.
            Ok(Outcome::Repeated(made)) if made == id => {
                break crate::read_export(context, principal, Some(command.surface), id).await?;
            }
            Ok(Outcome::Repeated(made)) => {
                return crate::read_export(context, principal, Some(command.surface), made).await;
            }
            Err(Failed::Port(error)) => attempts.after(error).await?,
            Err(Failed::Mismatch) => return Err(Error::IdempotencyMismatch),
        }
    };
    ring(wake, &view.export).await;
    Ok(view)
}

/// Rings for an export. A wake-up that is lost is made up for by the sweeper, so its failure is only logged.
pub(crate) async fn ring(wake: &dyn WakeQueue, export: &Export) {
    let message = WakeMessage::ExportV1 { org: export.org.clone(), export: export.id };
    if let Err(error) = wake.ring(&message, export.org.as_str(), &export.id.to_string()).await {
        tracing::warn!(org = %export.org, export = %export.id, %error, "wake-up not sent; the sweeper will");
    }
}

enum Failed {
    Port(PortError),
    Mismatch,
}

impl From<PortError> for Failed {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

struct Frozen {
    collection: Collection,
    selection: Selection,
    filter: Option<Filter>,
    filter_text: Option<String>,
}

fn freeze(principal: &Principal, command: &CreateExport, collection: Collection) -> Result<Frozen, Error> {
    debug_assert_eq!(principal.org, collection.org, "a collection of another org");
    let mut errors = Vec::new();
    for (field, paths) in [("paths", &command.paths), ("include", &command.include)] {
        for (index, path) in paths.iter().enumerate() {
            if let Some(message) = unreadable(&collection, path) {
                errors.push(FieldError { field: format!("{field}.{index}"), message });
            }
        }
    }
    let (filter, filter_text) = match &command.filter {
        None => (None, None),
        Some(FilterRequest::CortexWhere { condition, text }) => {
            match cortex_where::parse(condition, &|path| collection.type_of(path).map(|(kind, _)| kind)) {
                Ok(filter) => (Some(filter), Some(text.clone())),
                Err(error) => {
                    errors.push(FieldError { field: "where".to_owned(), message: error.to_string() });
                    (None, None)
                }
            }
        }
    };
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let columns = collection
        .select(&command.paths, &command.include, command.format.is_table())
        .map_err(|error| Error::invalid("paths", error.to_string()))?;
    let selection = Selection { paths: command.paths.clone(), include: command.include.clone(), columns };
    Ok(Frozen { collection, selection, filter, filter_text })
}

fn unreadable(collection: &Collection, path: &Path) -> Option<String> {
    if let Some(property) = collection.crossing(path) {
        let kind = property.kind.property_type();
        return Some(format!(
            "`{path}` needs `{}`, a {kind:?}, to be expanded, which exports do not do yet",
            property.name
        ));
    }
    match collection.type_of(path) {
        Some(_) => None,
        None => Some(format!("`{path}` is no property of `{}`", collection.name)),
    }
}

async fn attempt(
    context: &Context,
    principal: &Principal,
    command: &CreateExport,
    request: &Frozen,
    id: ExportId,
) -> Result<Outcome, Failed> {
    let (rows, org, now) = (context.rows(), &principal.org, context.now());
    // An earlier attempt whose reply was lost may have taken effect.
    if let Some(pointer) = rows.export_pointer(org, id).await? {
        return Ok(Outcome::Repeated(pointer.value.id));
    }
    let used = match &command.idempotency {
        None => None,
        Some(request) => rows.idempotency(org, principal.key, &request.scope()).await?,
    };
    if let (Some(request), Some(used)) = (&command.idempotency, &used)
        && now < used.value.expires_at
    {
        return match used.value.export() {
            Some(made) if used.value.body_digest == request.body_digest => Ok(Outcome::Repeated(made)),
            _ => Err(Failed::Mismatch),
        };
    }
    let sequence = rows.sequence(org).await?;
    let counter = sequence.as_ref().map_or_else(|| Sequence::new(org.clone()), |stored| stored.value.clone());
    let (seq, ticket, created_at, counter) = counter.take(now, now.after(LOOK_AFTER));
    let export = new_export(principal, command, id, created_at, seq, ticket);
    let spec = ExportSpec {
        org: org.clone(),
        seq,
        collection: request.collection.clone(),
        selection: request.selection.clone(),
        filter: request.filter.clone(),
        filter_text: request.filter_text.clone(),
        format: command.format,
        packaging: Packaging::Zip,
        level: command.level,
        raw_cells: command.raw_cells,
        principal: principal.account,
    };
    let mut transaction = context.transaction();
    transaction
        .upsert(sequence.map(|stored| stored.version), &counter)?
        .insert(&export)?
        .insert(&spec)?
        .insert(&ExportPointer { org: org.clone(), id, seq })?
        .insert(&QueueEntry { org: org.clone(), ticket, seq, export: id })?
        .insert(&context.audit_entry(org, Some(principal), AuditAction::ExportCreated, id.to_string()))?;
    if let Some(request) = &command.idempotency {
        let record = remember(principal, request, id, now);
        transaction.upsert(used.map(|stored: Stored<IdempotencyRecord>| stored.version), &record)?;
    }
    transaction.commit(&*context.state).await?;
    Ok(Outcome::Created(Box::new(ExportView { export, spec })))
}

fn remember(principal: &Principal, request: &IdempotentRequest, id: ExportId, now: Timestamp) -> IdempotencyRecord {
    IdempotencyRecord {
        org: principal.org.clone(),
        caller: principal.key,
        scope: request.scope(),
        body_digest: request.body_digest.clone(),
        resource: id.to_string(),
        expires_at: now.after(IdempotencyKey::LIFETIME),
    }
}

fn new_export(
    principal: &Principal,
    command: &CreateExport,
    id: ExportId,
    now: Timestamp,
    seq: waybill_domain::Seq,
    ticket: waybill_domain::Ticket,
) -> Export {
    Export {
        org: principal.org.clone(),
        id,
        seq,
        surface: command.surface,
        collection: command.collection.clone(),
        format: command.format,
        label: command.label.clone(),
        description: command.description.clone(),
        creator: principal.account,
        created_at: now,
        expires_at: Export::expiry(now),
        state: State::Queued { ticket },
        started_at: None,
        epoch: Epoch(0),
        attempts: 0,
        stop: None,
        deleted: false,
        progress: Progress::default(),
        checkpoint: None,
        finish: None,
        storage: StorageHold::None,
        cleanup_at: None,
        steps: Vec::new(),
    }
}
