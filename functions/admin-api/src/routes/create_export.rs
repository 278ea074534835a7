//! Creates an export of a collection.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::Call;
use crate::reply::Reply;
use crate::wire::export::{CreateExportBody, ExportWire};
use waybill_domain::Principal;

/// Creates an export of a collection.
#[utoipa::path(
    post,
    path = "/v1/exports",
    tag = "exports",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    request_body = CreateExportBody,
    responses(
        (status = 201, description = "The export, queued", body = ExportWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_export(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let body = CreateExportBody::read(&call.json()?)?;
    let command = body.command(call.idempotency("admin:create-export")?);
    let view = waybill_app::create_export(call.context, &*call.deps.wake, principal, &command).await?;
    let location = format!("/v1/exports/{}", view.export.id);
    Reply::created(location, &ExportWire::from(view))
}
