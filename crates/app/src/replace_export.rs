//! Asking something else of an export that waits for its time: the whole request is checked and frozen anew.

use crate::begin_series::{Waiting, freeze_in_series};
use crate::end_export::assert_may_change;
use crate::limit_records::assert_within_limits;
use crate::make_export::{LOOK_AFTER, settled_in};
use crate::read_export::visible;
use crate::retry::Attempts;
use crate::{Context, CreateExport, Error, ExportView};
use waybill_domain::{
    AuditAction, Export, ExportAlias, ExportId, ExportSpec, OrgCode, Principal, QueueEntry, State, Surface, Timestamp,
};
use waybill_ports::{PortError, PortErrorKind, Stored, Transaction, WakeQueue};

/// The visible export made through `surface` that a client chose the id `alias` for.
///
/// # Errors
/// `Throttled`, `Unavailable`, `Internal`.
pub async fn export_of_alias(
    context: &Context,
    principal: &Principal,
    surface: Surface,
    alias: &ExportAlias,
) -> Result<Option<ExportId>, Error> {
    let Some(pointer) = context.rows().export_alias(&principal.org, alias).await? else { return Ok(None) };
    let export = context.rows().export(&principal.org, pointer.value.seq).await?;
    let seen = export.filter(|export| export.value.is_visible(context.now()) && export.value.surface == surface);
    Ok(seen.map(|export| export.value.id))
}

/// Replaces what is asked of the export with that id, if it is of the caller's org, made through the command's surface, visible and not
/// yet in its lane; it enters the lane where the new request has no time to wait for. For administrators and the owner.
///
/// # Errors
/// `NotFound`, `Forbidden`; `Conflict` when it does not wait for its time any more; as `create_export` otherwise.
pub async fn replace_export(
    context: &Context,
    wake: &dyn WakeQueue,
    principal: &Principal,
    id: ExportId,
    command: &CreateExport,
) -> Result<ExportView, Error> {
    let surface = Some(command.surface);
    let mut attempts = Attempts::new(context);
    let mut tried_at = None;
    let view = loop {
        let stored = visible(context, &principal.org, surface, id).await?;
        if tried_at.is_some() && stored.value.changed_at == tried_at {
            // By an attempt of this very call, whose reply was lost; it may have entered its lane since.
            break crate::read_export(context, principal, surface, id).await?;
        }
        let at = assert_waits(principal, &stored.value)?;
        // Read each time: meanwhile an instant of the series may have been decided.
        let Some(before) = context.rows().spec(&principal.org, stored.value.seq).await? else {
            // Its rows are being removed.
            return Err(Error::NotFound { kind: "export", id: id.to_string() });
        };
        let waiting = before.value.series.clone().map(|series| Waiting { series, at });
        let spec = Box::pin(freeze_in_series(context, principal, command, waiting.as_ref())).await?;
        assert_within_limits(context, &spec).await?;
        let now = context.now();
        tried_at = Some(now);
        match attempt(context, principal, command, (stored, before), &spec, now).await {
            Ok(view) => break view,
            Err(error) => attempts.after(error).await?,
        }
    };
    Box::pin(settled_in(context, wake, principal, view)).await
}

/// The instant that it waits for.
fn assert_waits(principal: &Principal, export: &Export) -> Result<Timestamp, Error> {
    assert_may_change(principal, export)?;
    match export.state {
        State::Scheduled { at } => Ok(at),
        _ if export.succession.is_some() => {
            let reason =
                "the export is not pending any more: the one that is pending now changes what follows in its series";
            Err(Error::Conflict { reason: reason.to_owned() })
        }
        _ => Err(Error::Conflict { reason: "the export is not pending any more".to_owned() }),
    }
}

/// One attempt: export, frozen request and, where it enters the lane, its place there.
async fn attempt(
    context: &Context,
    principal: &Principal,
    command: &CreateExport,
    (stored, before): (Stored<Export>, Stored<ExportSpec>),
    spec: &ExportSpec,
    now: Timestamp,
) -> Result<ExportView, PortError> {
    let org = &principal.org;
    let mut export = Export {
        collection: spec.collection.name.clone(),
        format: spec.format,
        label: command.label.clone(),
        description: command.description.clone(),
        after_script: spec.after_script.is_some(),
        scheduled_at: spec.scheduled_at,
        notified: u16::try_from(spec.delivery.notify.len()).unwrap_or(u16::MAX),
        changed_at: Some(now),
        ..stored.value.clone()
    };
    let mut transaction = context.transaction();
    match spec.scheduled_at.filter(|at| *at > now || spec.series.is_some()) {
        Some(at) => {
            export.state = State::Scheduled { at };
            export.expires_at = Export::expiry(at);
        }
        None => export = enter(context, org, export, &mut transaction).await?,
    }
    let spec = ExportSpec { seq: export.seq, ..spec.clone() };
    transaction.update(stored.version, &export)?.update(before.version, &spec)?.insert(&context.audit_entry(
        org,
        Some(principal),
        AuditAction::ExportChanged,
        export.id.to_string(),
    ))?;
    transaction.commit(&*context.state).await?;
    Ok(ExportView { export, spec, script: None })
}

/// Adds the place in the lane behind what is there.
async fn enter(
    context: &Context,
    org: &OrgCode,
    export: Export,
    transaction: &mut Transaction,
) -> Result<Export, PortError> {
    let moved_on = || PortError::new(PortErrorKind::Conflict, "replacing an export");
    let sequence = context.rows().sequence(org).await?.ok_or_else(moved_on)?;
    let (ticket, counter) = sequence.value.take_ticket(context.now().after(LOOK_AFTER));
    let export = export.admit(ticket).map_err(|_| moved_on())?;
    let entry = QueueEntry { org: org.clone(), ticket, seq: export.seq, export: export.id };
    transaction.update(sequence.version, &counter)?.insert(&entry)?;
    Ok(export)
}
