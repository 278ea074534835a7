//! Asking something else of an export that waits for its time: the whole request is checked and frozen anew.

use crate::begin_series::freeze_in_series;
use crate::end_export::assert_may_change;
use crate::limit_records::assert_within_limits;
use crate::make_export::{LOOK_AFTER, settled_in};
use crate::read_export::visible;
use crate::retry::Attempts;
use crate::{Context, CreateExport, Error, ExportView};
use waybill_domain::{
    AuditAction, Export, ExportAlias, ExportId, ExportSpec, OrgCode, Principal, QueueEntry, State, Surface,
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
    let found = visible(context, &principal.org, surface, id).await?.value;
    assert_waits(principal, &found)?;
    let series = context.rows().spec(&principal.org, found.seq).await?.and_then(|spec| spec.value.series);
    let spec = Box::pin(freeze_in_series(context, principal, command, series.as_ref())).await?;
    assert_within_limits(context, &spec).await?;
    let mut attempts = Attempts::new(context);
    let view = loop {
        let stored = visible(context, &principal.org, surface, id).await?;
        assert_waits(principal, &stored.value)?;
        match attempt(context, principal, command, stored, &spec).await {
            Ok(view) => break view,
            Err(error) => attempts.after(error).await?,
        }
    };
    Box::pin(settled_in(context, wake, principal, view)).await
}

fn assert_waits(principal: &Principal, export: &Export) -> Result<(), Error> {
    assert_may_change(principal, export)?;
    match export.state {
        State::Scheduled { .. } => Ok(()),
        _ => Err(Error::Conflict { reason: "the export is not pending any more".to_owned() }),
    }
}

/// One attempt: export, frozen request and, where it enters the lane, its place there.
async fn attempt(
    context: &Context,
    principal: &Principal,
    command: &CreateExport,
    stored: Stored<Export>,
    spec: &ExportSpec,
) -> Result<ExportView, PortError> {
    let (rows, org, now) = (context.rows(), &principal.org, context.now());
    let Some(before) = rows.spec(org, stored.value.seq).await? else {
        return Err(PortError::new(PortErrorKind::Conflict, "replacing an export"));
    };
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
