//! Deleting an export: invisible from the reply on; rows and objects are removed soon after.

use crate::end_export::{assert_may_change, stop};
use crate::make_export::ring_to_stop;
use crate::read_export::{stored_export, visible};
use crate::retry::Attempts;
use crate::{Context, Error};
use waybill_domain::{
    AuditAction, Export, ExportId, Principal, Run, State, Stop, Succession, Surface, Timestamp, Usage,
};
use waybill_ports::{PortError, Rows, Stored, Transaction, WakeQueue};

/// Deletes the export with that id, if it is of the caller's org, made through `surface` (`None` = any) and visible now. One that
/// has ended gives its storage back in the same transaction, one that waits leaves its lane in it, one that runs is marked and
/// ended by whoever runs it, or is rung for. For administrators and the owner.
///
/// Whoever deletes the pending export of a series means to end the series. One that has just entered its lane looked like that a moment
/// ago: it is not deleted while its series goes on, for [`Succession::MISTAKABLE_FOR`].
///
/// # Errors
/// `NotFound`, `Forbidden`; `Conflict` for such a one; `Throttled`, `Unavailable`, `Internal`.
pub async fn delete_export(
    context: &Context,
    wake: &dyn WakeQueue,
    principal: &Principal,
    surface: Option<Surface>,
    id: ExportId,
) -> Result<(), Error> {
    let mut stored = visible(context, &principal.org, surface, id).await?;
    assert_may_change(principal, &stored.value)?;
    let mut attempts = Attempts::new(context);
    loop {
        assert_meant(context, &stored.value).await?;
        match attempt(context, principal, &stored).await {
            Ok(()) => break,
            Err(error) => attempts.after(error).await?,
        }
        match stored_export(context, &principal.org, id).await? {
            // Gone by an attempt whose reply was lost, or by somebody else's delete: what was asked for holds.
            None => return Ok(()),
            Some(now) if now.value.deleted => {
                stored = now;
                break;
            }
            Some(now) => stored = now,
        }
    }
    if matches!(stored.value.state, State::Running { .. }) {
        ring_to_stop(wake, &principal.org, id).await;
    }
    Ok(())
}

/// Refuses where its series may be what is meant, and goes on.
async fn assert_meant(context: &Context, export: &Export) -> Result<(), Error> {
    let recent = |succession: &Succession| context.now() < succession.mistakable_until();
    let Some(succession) = export.succession.filter(recent) else { return Ok(()) };
    let mut next = succession.next;
    // None of those that followed within that time is gone: this holds for them as well, and longer.
    while let Some(following) = stored_export(context, &export.org, next).await? {
        let following = following.value;
        if following.admission_at().is_some() {
            let spec = context.rows().spec(&export.org, following.seq).await?;
            if spec.is_none_or(|spec| spec.value.series.is_none()) {
                return Ok(());
            }
            let reason = format!(
                "this export entered its queue at {}, and its series goes on: delete the one that is pending now to end the series; \
                 after that, or from {} on, this one can be deleted",
                succession.at,
                succession.mistakable_until()
            );
            return Err(Error::Conflict { reason });
        }
        match following.succession {
            Some(succession) => next = succession.next,
            None => break,
        }
    }
    Ok(())
}

async fn attempt(context: &Context, principal: &Principal, stored: &Stored<Export>) -> Result<(), PortError> {
    let (rows, org, now) = (context.rows(), &principal.org, context.now());
    let mut transaction = context.transaction();
    if stored.value.is_terminal() {
        // Refused only while it has not ended.
        let Ok((export, released)) = stored.value.clone().delete(now) else { return Ok(()) };
        transaction.update(stored.version, &export)?;
        if released > 0 {
            let usage = rows.usage(org).await?;
            let counted = usage.as_ref().map_or_else(|| Usage::empty(org.clone()), |usage| usage.value.clone());
            transaction.upsert(usage.map(|usage| usage.version), &counted.release(released, now))?;
        }
        give_up_deliveries(rows, &export, now, &mut transaction).await?;
    } else {
        stop(rows, stored, Stop::Delete, now, &mut transaction).await?;
    }
    let entry = context.audit_entry(org, Some(principal), AuditAction::ExportDeleted, stored.value.id.to_string());
    transaction.insert(&entry)?;
    transaction.commit(&*context.state).await?;
    Ok(())
}

/// Adds to `transaction` that what was still to be delivered of `export` is not, and that its run has ended therefore.
async fn give_up_deliveries(
    rows: Rows<'_>,
    export: &Export,
    now: Timestamp,
    transaction: &mut Transaction,
) -> Result<(), PortError> {
    if export.deliveries == 0 {
        return Ok(());
    }
    // The run first: whoever ends one of the deliveries moves it.
    let run = match Run::of(export) {
        Some(run) => rows.run(&run.org, &run.job, run.started_at, run.id).await?,
        None => None,
    };
    let (mut deliveries, mut given_up) = (Vec::new(), false);
    for stored in rows.deliveries(&export.org, export.id).await? {
        if let Ok(delivery) = stored.value.clone().given_up("the export was deleted before it arrived", now) {
            transaction.update(stored.version, &delivery)?;
            given_up = true;
            deliveries.push(delivery);
        } else {
            deliveries.push(stored.value);
        }
    }
    if let Some(run) = run.filter(|_| given_up) {
        let told = run.value.delivered(&deliveries.iter().collect::<Vec<_>>());
        transaction.update(run.version, &told)?;
    }
    Ok(())
}
