//! Cancels an export; one that runs ends soon after. For administrators and its owner.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::export::ExportWire;
use waybill_domain::Principal;

/// Cancels an export; one that runs ends soon after. For administrators and its owner.
#[utoipa::path(
    post,
    path = "/v1/exports/{id}/cancel",
    tag = "exports",
    params(("id" = String, Path, description = "The export's id")),
    responses(
        (status = 200, description = "The export", body = ExportWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn cancel_export(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    // Canceling again changes nothing, so that an `Idempotency-Key` has nothing to add; a bad one is still refused.
    call.idempotency("admin:cancel-export")?;
    let view = waybill_app::cancel_export(call.context, principal, None, part("id", id)?).await?;
    Reply::ok(&ExportWire::from(view))
}
