//! Retrying an export: what failed or was canceled is made once more, as a new export with the same frozen request.

use crate::end_export::assert_may_change;
use crate::make_export::{Draft, make, repeated};
use crate::read_export::visible;
use crate::{Context, Error, ExportView, IdempotentRequest};
use waybill_domain::{ExportId, ExportSpec, Principal, State, Surface, Viewer};
use waybill_ports::WakeQueue;

/// An export to be made once more.
#[derive(Clone, Debug)]
pub struct RetryExport {
    /// The surface that the new one is made through.
    pub surface: Surface,
    /// The one that failed or was canceled.
    pub export: ExportId,
    /// The client's promise that it may send this again.
    pub idempotency: Option<IdempotentRequest>,
}

/// Makes a new export with the frozen request of one that failed or was canceled, whichever surface made that, and rings for it. The
/// new one enters the lane at once, whenever the first was scheduled for; it belongs to the caller. It reads with the rights that the
/// first one did, where an administrator asks for it, and else with the caller's of now. For administrators and the owner.
///
/// # Errors
/// `TooManyWaiting`, `NotFound`, `Forbidden`, `Conflict` when it has not ended in failure, or its collection is gone; `IdempotencyMismatch`;
/// `Throttled`, `Unavailable`, `Internal`.
pub async fn retry_export(
    context: &Context,
    wake: &dyn WakeQueue,
    principal: &Principal,
    command: &RetryExport,
) -> Result<ExportView, Error> {
    let (org, id) = (&principal.org, command.export);
    // The export is part of what was asked, as the body of a create is.
    let idempotency = command.idempotency.clone().map(|request| {
        let body_digest = format!("{id}:{}", request.body_digest);
        IdempotentRequest { body_digest, ..request }
    });
    // Before the checks, whose outcome may have changed since the first request.
    if let Some(request) = &idempotency
        && let Some(view) = repeated(context, principal, command.surface, request).await?
    {
        return Ok(view);
    }
    let export = visible(context, org, None, id).await?.value;
    assert_may_change(principal, &export)?;
    match export.state {
        State::Failed { .. } | State::Canceled { .. } => {}
        State::Scheduled { .. } | State::Queued { .. } | State::Running { .. } => {
            return Err(Error::Conflict { reason: "the export has not ended".to_owned() });
        }
        State::Ready { .. } => return Err(Error::Conflict { reason: "the export is ready".to_owned() }),
    }
    let Some(spec) = context.rows().spec(org, export.seq).await? else {
        return Err(Error::NotFound { kind: "export", id: id.to_string() });
    };
    for reading in spec.value.readings() {
        let name = &reading.collection.name;
        if crate::expand_references::definition(context, org, name).await?.is_none() {
            return Err(Error::Conflict { reason: format!("collection `{name}` does not exist any more") });
        }
    }
    let viewer = if principal.is_admin() { spec.value.viewer.clone() } else { Viewer::from(principal) };
    let draft = Draft {
        surface: command.surface,
        label: export.label,
        description: export.description,
        retry_of: Some(id),
        job: None,
        alias: None,
        spec: as_seen_by(viewer, spec.value),
        // What the first one would have held, had it not failed.
        date_span: export.date_span,
        idempotency: idempotency.as_ref(),
    };
    make(context, wake, principal, &draft).await
}

/// The request, to be read with `viewer`'s rights and at once.
fn as_seen_by(viewer: Viewer, spec: ExportSpec) -> ExportSpec {
    let members = spec.members.into_iter().map(|member| ExportSpec { viewer: viewer.clone(), ..member }).collect();
    ExportSpec { viewer, members, scheduled_at: None, series: None, ..spec }
}
