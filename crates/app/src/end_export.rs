//! What deleting, canceling and changing an export have in common: who may, and how one that waits is settled at once.

use crate::Error;
use crate::make_export::LOOK_AFTER;
use crate::settle_run::settle_run;
use waybill_domain::{Export, Principal, QueueEntry, Stop, Timestamp};
use waybill_ports::{PortError, PortErrorKind, Rows, Stored, Transaction};

/// Refuses unless the caller owns the export or is an administrator.
///
/// # Errors
/// `Forbidden`.
pub(crate) fn assert_may_change(principal: &Principal, export: &Export) -> Result<(), Error> {
    if principal.is_admin() || principal.account == export.creator {
        Ok(())
    } else {
        Err(Error::Forbidden { reason: "only administrators and the owner of an export may change it" })
    }
}

/// When the end of an export was asked for, if it was and the export has not ended since. One that cannot be read was asked nothing.
///
/// # Errors
/// As [`Rows::export`], `Corrupt` apart.
pub(crate) async fn stop_asked_at(rows: Rows<'_>, entry: &QueueEntry) -> Result<Option<Timestamp>, PortError> {
    match rows.export(&entry.org, entry.seq).await {
        Ok(export) => Ok(export.and_then(|export| export.value.stop_asked_at)),
        Err(error) if matches!(error.kind, PortErrorKind::Corrupt { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Adds to `transaction` what ends an export that has not ended: settled and out of its lane, if it was in one, when it waits (it
/// has reserved nothing yet), marked when it runs. Then its lane is looked at soon, whatever it waits for. Gives the export as it
/// will be.
///
/// # Errors
/// `Conflict` when the export has moved on since it was read: read again.
pub(crate) async fn stop(
    rows: Rows<'_>,
    stored: &Stored<Export>,
    stop: Stop,
    now: Timestamp,
    transaction: &mut Transaction,
) -> Result<Export, PortError> {
    let moved_on = || PortError::new(PortErrorKind::Conflict, "stopping an export");
    let ticket = stored.value.ticket();
    let (export, settled) = stored.value.clone().request_stop(stop, now).map_err(|_| moved_on())?;
    if settled {
        settle_run(rows, &export, &[], transaction).await?;
    }
    if settled && let Some(ticket) = ticket {
        let entry = rows.queue_entry(&export.org, ticket).await?.ok_or_else(moved_on)?;
        transaction.delete(&entry);
    }
    if !settled && let Some(sequence) = rows.sequence(&export.org).await? {
        let due_at = now.after(LOOK_AFTER);
        if sequence.value.due_at.is_none_or(|earlier| earlier > due_at) {
            transaction.update(sequence.version, &sequence.value.looked_at_by(due_at))?;
        }
    }
    transaction.update(stored.version, &export)?;
    Ok(export)
}
