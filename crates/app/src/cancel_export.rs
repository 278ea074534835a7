//! Canceling an export: it stays on record, without an archive.

use crate::end_export::{assert_may_change, stop};
use crate::make_export::ring_to_stop;
use crate::read_export::visible;
use crate::retry::Attempts;
use crate::{Context, Error, ExportView};
use waybill_domain::{AuditAction, Export, ExportId, Principal, State, Stop, Surface};
use waybill_ports::{PortError, Stored, WakeQueue};

/// Cancels the export with that id, if it is of the caller's org, made through `surface` (`None` = any) and visible now. One that
/// waits has ended when this returns; one that runs is ended by whoever runs it, or is rung for. Repeating it changes nothing. For administrators
/// and the owner.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Conflict` when it has ended otherwise; `Throttled`, `Unavailable`, `Internal`.
pub async fn cancel_export(
    context: &Context,
    wake: &dyn WakeQueue,
    principal: &Principal,
    surface: Option<Surface>,
    id: ExportId,
) -> Result<ExportView, Error> {
    let mut attempts = Attempts::new(context);
    loop {
        let stored = visible(context, &principal.org, surface, id).await?;
        assert_may_change(principal, &stored.value)?;
        match (&stored.value.state, stored.value.stop) {
            (State::Canceled { .. }, _) | (State::Running { .. }, Some(_)) => break,
            (State::Ready { .. } | State::Failed { .. }, _) => {
                return Err(Error::Conflict { reason: "the export has ended".to_owned() });
            }
            (State::Scheduled { .. } | State::Queued { .. } | State::Running { .. }, _) => {}
        }
        match attempt(context, principal, &stored).await {
            Ok(()) => break,
            Err(error) => attempts.after(error).await?,
        }
    }
    let view = crate::read_export(context, principal, surface, id).await?;
    if view.export.stop.is_some() {
        ring_to_stop(wake, &view.export.org, id).await;
    }
    Ok(view)
}

async fn attempt(context: &Context, principal: &Principal, stored: &Stored<Export>) -> Result<(), PortError> {
    let mut transaction = context.transaction();
    stop(context.rows(), stored, Stop::Cancel, context.now(), &mut transaction).await?;
    let (org, target) = (&principal.org, stored.value.id.to_string());
    transaction.insert(&context.audit_entry(org, Some(principal), AuditAction::ExportCanceled, target))?;
    transaction.commit(&*context.state).await?;
    Ok(())
}
