//! Deletes an export and its archive. For administrators and its owner.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use waybill_domain::Principal;

/// Deletes an export and its archive. For administrators and its owner.
#[utoipa::path(
    delete,
    path = "/v1/exports/{id}",
    tag = "exports",
    params(("id" = String, Path, description = "The export's id")),
    responses(
        (status = 204, description = "It is deleted"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_export(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    waybill_app::delete_export(call.context, principal, None, part("id", id)?).await?;
    Ok(Reply::gone())
}
