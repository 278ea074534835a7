//! What deleting, canceling and changing an export have in common: who may, and how one that waits is settled at once.

use crate::Error;
use waybill_domain::{Export, Principal, Stop, Timestamp};
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

/// Adds to `transaction` what ends an export that has not ended: settled and out of its lane, if it was in one, when it waits (it
/// has reserved nothing yet), marked when it runs. Gives the export as it will be.
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
    if settled && let Some(ticket) = ticket {
        let entry = rows.queue_entry(&export.org, ticket).await?.ok_or_else(moved_on)?;
        transaction.delete(&entry);
    }
    transaction.update(stored.version, &export)?;
    Ok(export)
}
