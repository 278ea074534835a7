//! Making an export: numbered and put into its org's lane, or on the list of what waits for its time, in one transaction.

use crate::admit_exports::admit;
use crate::retry::Attempts;
use crate::{Context, Error, ExportView, IdempotentRequest};
use std::time::Duration;
use waybill_domain::{
    AuditAction, DateSpan, Epoch, Export, ExportAlias, ExportAliasPointer, ExportId, ExportPointer, ExportSpec, OfJob,
    OrgCode, Principal, Progress, QueueEntry, Run, Seq, Sequence, State, StorageHold, Surface, Timestamp,
};
use waybill_ports::{Entity as _, PortError, PortErrorKind, Rows, Transaction, WakeMessage, WakeQueue};

/// How long after its entry the sweeper looks, at its next tick, whether an export's lane moves.
pub(crate) const LOOK_AFTER: Duration = Duration::from_secs(15);

/// An export with everything decided but its number.
pub(crate) struct Draft<'a> {
    /// The surface that it is made through.
    pub(crate) surface: Surface,
    pub(crate) label: Option<String>,
    pub(crate) description: Option<String>,
    /// The export that it does again.
    pub(crate) retry_of: Option<ExportId>,
    /// The job that it is a run of.
    pub(crate) job: Option<OfJob>,
    /// The request, frozen but for its `seq`, which is set when it is known.
    pub(crate) spec: ExportSpec,
    /// The id that the client chose.
    pub(crate) alias: Option<ExportAlias>,
    /// What its range of dates means, where that is not to be found out when it starts.
    pub(crate) date_span: Option<DateSpan>,
    pub(crate) idempotency: Option<&'a IdempotentRequest>,
}

/// What one attempt came to.
enum Outcome {
    Made(Box<ExportView>),
    Repeated(ExportId),
}

/// Why an attempt made nothing.
pub(crate) enum Failed {
    Port(PortError),
    Mismatch,
    /// So many wait, and no more may.
    Full(u32),
    /// The id that the client chose is another export's.
    Taken(ExportAlias),
}

impl From<PortError> for Failed {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

/// Makes the export and rings for it, unless it waits for its time. When this returns an export, it runs, or ends in a state
/// that says why not.
///
/// # Errors
/// `TooManyWaiting`, `IdempotencyMismatch`, `TooLarge`, `NotFound` when what an earlier call made is gone; `Throttled`,
/// `Unavailable`, `Internal`.
pub(crate) async fn make(
    context: &Context,
    wake: &dyn WakeQueue,
    principal: &Principal,
    draft: &Draft<'_>,
) -> Result<ExportView, Error> {
    // Chosen before the first attempt, so that an attempt of unknown outcome can be recognised.
    let id = context.entropy.export_id(context.now());
    let mut attempts = Attempts::new(context);
    let view = loop {
        match attempt(context, principal, draft, id).await {
            Ok(Outcome::Made(view)) => break *view,
            // An earlier attempt of this very call: it still has to ring.
            Ok(Outcome::Repeated(made)) if made == id => {
                break crate::read_export(context, principal, Some(draft.surface), id).await?;
            }
            Ok(Outcome::Repeated(made)) => {
                return crate::read_export(context, principal, Some(draft.surface), made).await;
            }
            Err(Failed::Port(error)) => attempts.after(error).await?,
            Err(Failed::Mismatch) => return Err(Error::IdempotencyMismatch),
            Err(Failed::Full(limit)) => return Err(Error::TooManyWaiting { limit }),
            Err(Failed::Taken(alias)) => return Err(taken(&alias)),
        }
    };
    Box::pin(settled_in(context, wake, principal, view)).await
}

/// An export as it is when its time, if that has come, has let it into its lane; it is rung for. One that cannot be let in now is at the
/// scheduler's next tick.
///
/// # Errors
/// As `read_export`.
pub(crate) async fn settled_in(
    context: &Context,
    wake: &dyn WakeQueue,
    principal: &Principal,
    view: ExportView,
) -> Result<ExportView, Error> {
    let export = &view.export;
    if export.admission_at().is_some_and(|at| at <= context.now()) {
        if let Err(error) = Box::pin(admit(context, wake, &export.key())).await {
            tracing::warn!(org = %export.org, export = %export.id, %error, "not let in; the next tick does");
        }
        return crate::read_export(context, principal, Some(export.surface), export.id).await;
    }
    if export.ticket().is_some() {
        ring(wake, export).await;
    }
    Ok(view)
}

/// What an earlier request with the same `Idempotency-Key` made, as it is now: whatever has become of what it was made from.
///
/// # Errors
/// `IdempotencyMismatch`, `NotFound` when what it made is gone; `Throttled`, `Unavailable`, `Internal`.
pub(crate) async fn repeated(
    context: &Context,
    principal: &Principal,
    surface: Surface,
    request: &IdempotentRequest,
) -> Result<Option<ExportView>, Error> {
    let Some(made) = request.made_before(context, principal).await? else { return Ok(None) };
    let made: ExportId = made.parse().map_err(|_| Error::IdempotencyMismatch)?;
    crate::read_export(context, principal, Some(surface), made).await.map(Some)
}

/// Rings for an export. A wake-up that is lost is made up for by the sweeper, so its failure is only logged.
pub(crate) async fn ring(wake: &dyn WakeQueue, export: &Export) {
    let message = WakeMessage::ExportV1 { org: export.org.clone(), export: export.id };
    if let Err(error) = wake.ring(&message, export.org.as_str(), &export.id.to_string()).await {
        tracing::warn!(org = %export.org, export = %export.id, %error, "wake-up not sent; the sweeper will");
    }
}

/// Rings for the end of an export: past a group that waits, be it for a pause to be over or for a lease to end.
pub(crate) async fn ring_to_stop(wake: &dyn WakeQueue, org: &OrgCode, export: ExportId) {
    let message = WakeMessage::ExportV1 { org: org.clone(), export };
    if let Err(error) = wake.ring(&message, &format!("{org}~{export}"), &format!("{export}.stop")).await {
        tracing::warn!(%org, %export, %error, "wake-up not sent; the sweeper will");
    }
}

async fn attempt(context: &Context, principal: &Principal, draft: &Draft<'_>, id: ExportId) -> Result<Outcome, Failed> {
    let (rows, org, now) = (context.rows(), &principal.org, context.now());
    debug_assert_eq!(*org, draft.spec.org, "a request of another org");
    // An earlier attempt whose reply was lost may have taken effect.
    if let Some(pointer) = rows.export_pointer(org, id).await? {
        return Ok(Outcome::Repeated(pointer.value.id));
    }
    let used = match draft.idempotency {
        None => None,
        Some(request) => request.remembered(context, principal).await?,
    };
    if let (Some(request), Some(used)) = (draft.idempotency, &used)
        && now < used.value.expires_at
    {
        return match used.value.export() {
            Some(made) if used.value.body_digest == request.body_digest => Ok(Outcome::Repeated(made)),
            _ => Err(Failed::Mismatch),
        };
    }
    let mut transaction = context.transaction();
    let view = compose(context, principal, draft, (id, Cap::Holds), &mut transaction).await?;
    if let Some(alias) = &draft.alias {
        point(context, alias, &view.export, &mut transaction).await?;
    }
    if let Some(request) = draft.idempotency {
        let record = request.made((org, principal.key), &id, now);
        transaction.upsert(used.map(|used| used.version), &record)?;
    }
    transaction.commit(&*context.state).await?;
    Ok(Outcome::Made(Box::new(view)))
}

/// Adds that `alias` leads to `export`; what it led to before is not to be seen any more.
async fn point(
    context: &Context,
    alias: &ExportAlias,
    export: &Export,
    transaction: &mut Transaction,
) -> Result<(), Failed> {
    let (rows, org) = (context.rows(), &export.org);
    let before = rows.export_alias(org, alias).await?;
    if let Some(before) = &before
        && let Some(other) = rows.export(org, before.value.seq).await?
        && other.value.is_visible(context.now())
    {
        return Err(Failed::Taken(alias.clone()));
    }
    let pointer = ExportAliasPointer { org: org.clone(), alias: alias.clone(), id: export.id, seq: export.seq };
    transaction.upsert(before.map(|before| before.version), &pointer)?;
    Ok(())
}

/// That an id is another export's.
pub(crate) fn taken(alias: &ExportAlias) -> Error {
    Error::Conflict { reason: format!("another export has the id `{alias}`") }
}

/// Whether the org's cap of waiting exports is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cap {
    /// Somebody asks for the export now.
    Holds,
    /// It was accepted before.
    PassedOver,
}

/// Adds to `transaction` what makes the export: its number, its rows, and its place in the lane unless it waits for its time. Gives it as
/// it will be.
///
/// # Errors
/// `Full` at the cap, else as the store's.
pub(crate) async fn compose(
    context: &Context,
    principal: &Principal,
    draft: &Draft<'_>,
    (id, cap): (ExportId, Cap),
    transaction: &mut Transaction,
) -> Result<ExportView, Failed> {
    let (rows, org, now) = (context.rows(), &principal.org, context.now());
    let sequence = rows.sequence(org).await?;
    let counter = sequence.as_ref().map_or_else(|| Sequence::new(org.clone()), |stored| stored.value.clone());
    // A time that is past or now is no time to wait for, but whoever lets an export of a series in makes the next one.
    let waits = draft.spec.scheduled_at.filter(|at| *at > now || draft.spec.series.is_some());
    let (seq, state, created_at, counter) = if let Some(at) = waits {
        let (seq, created_at, counter) = counter.take_seq(now);
        (seq, State::Scheduled { at }, created_at, counter)
    } else {
        let (seq, ticket, created_at, counter) = counter.take(now, now.after(LOOK_AFTER));
        (seq, State::Queued { ticket }, created_at, counter)
    };
    let begins = !matches!(state, State::Scheduled { at } if at > now);
    if begins
        && cap == Cap::Holds
        && let Some(limit) = rows.org(org).await?.and_then(|org| org.value.max_waiting)
        && is_full(rows, org, limit).await?
    {
        return Err(Failed::Full(limit));
    }
    let export = new_export(principal, draft, (id, seq), created_at, state);
    let spec = ExportSpec { seq, ..draft.spec.clone() };
    transaction
        .upsert(sequence.map(|stored| stored.version), &counter)?
        .insert(&export)?
        .insert(&spec)?
        .insert(&ExportPointer { org: org.clone(), id, seq })?;
    // Nobody does what a schedule does: the trail of who did what is not its place.
    if draft.job.as_ref().is_none_or(|job| job.slot.is_none()) {
        transaction.insert(&context.audit_entry(org, Some(principal), AuditAction::ExportCreated, id.to_string()))?;
    }
    if let Some(ticket) = export.ticket() {
        transaction.insert(&QueueEntry { org: org.clone(), ticket, seq, export: id })?;
    }
    if let Some(run) = Run::of(&export) {
        transaction.insert(&run)?;
    }
    Ok(ExportView { export, spec, script: None })
}

/// Whether `limit` exports wait in the lane. To be asked after the counter was read: whoever enters meanwhile moves the counter, so that a
/// commit on the counter as it was read proves the answer.
async fn is_full(rows: Rows<'_>, org: &OrgCode, limit: u32) -> Result<bool, PortError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (entries, _) = rows.queue(org, limit.saturating_add(1)).await?;
    let Some(head) = entries.first().filter(|_| entries.len() >= limit) else { return Ok(limit == 0) };
    let head = rows.export(org, head.value.seq).await?;
    let running = head.is_some_and(|head| matches!(head.value.state, State::Running { .. }));
    Ok(entries.len() - usize::from(running) >= limit)
}

/// Adds that the request made the export `id`.
///
/// # Errors
/// `Conflict` when another request of its key was quicker.
pub(crate) async fn remember_export(
    context: &Context,
    principal: &Principal,
    request: &IdempotentRequest,
    id: ExportId,
    transaction: &mut Transaction,
) -> Result<(), PortError> {
    let (used, now) = (request.remembered(context, principal).await?, context.now());
    if used.as_ref().is_some_and(|used| now < used.value.expires_at) {
        return Err(PortError::new(PortErrorKind::Conflict, "remembering a request"));
    }
    let record = request.made((&principal.org, principal.key), &id, now);
    transaction.upsert(used.map(|used| used.version), &record).map(drop)
}

fn new_export(
    principal: &Principal,
    draft: &Draft<'_>,
    (id, seq): (ExportId, Seq),
    created_at: Timestamp,
    state: State,
) -> Export {
    let begins_at = match state {
        State::Scheduled { at } => at,
        _ => created_at,
    };
    Export {
        org: principal.org.clone(),
        id,
        seq,
        surface: draft.surface,
        collection: draft.spec.collection.name.clone(),
        format: draft.spec.format,
        label: draft.label.clone(),
        description: draft.description.clone(),
        creator: principal.account,
        created_at,
        expires_at: Export::expiry(begins_at),
        state,
        after_script: draft.spec.after_script.is_some(),
        deliveries: u16::try_from(draft.spec.delivery.destinations.len()).unwrap_or(u16::MAX),
        notified: u16::try_from(draft.spec.delivery.notify.len()).unwrap_or(u16::MAX),
        retry_of: draft.retry_of,
        job: draft.job.clone(),
        scheduled_at: draft.spec.scheduled_at,
        succession: None,
        started_at: None,
        epoch: Epoch(0),
        attempts: 0,
        stop: None,
        stop_asked_at: None,
        deleted: false,
        progress: Progress::default(),
        checkpoint: None,
        finish: None,
        storage: StorageHold::None,
        cleanup_at: None,
        cleanup_failures: 0,
        date_span: draft.date_span,
        steps: Vec::new(),
        alias: draft.alias.clone(),
        changed_at: None,
    }
}
