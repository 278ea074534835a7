//! DELETE `…/data-exports/{id}`.

use super::{Call, SURFACE};
use crate::error::{ApiError, ProblemBody};
use crate::reply::Reply;

/// Deletes a data export: one that waits or runs is stopped, and with the pending one of a series the series ends.
///
/// # Errors
/// 404 for one that is not the organization's, or not there any more; 403 for somebody else's, unless for administrators; 409 for one that was
/// the pending one of its series until less than five minutes ago, while that goes on: the pending one is another by now.
#[utoipa::path(
    delete,
    path = "/experimental/organizations/{org}/data-exports/{id}",
    tag = "rebilly",
    operation_id = "rebillyDeleteDataExport",
    params(
        ("org" = String, Path, description = "The organization's code"),
        ("id" = String, Path, description = "The export's id"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = "4XX", description = "A problem", body = ProblemBody),
    )
)]
pub(crate) async fn delete_data_export(call: &Call<'_>, id: &str) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let view = call.find(id).await?.ok_or_else(ApiError::not_found)?;
    let (wake, principal) = (&*call.deps.wake, &call.principal);
    waybill_app::delete_export(call.context, wake, principal, SURFACE, view.export.id).await?;
    Ok(Reply::nothing())
}
