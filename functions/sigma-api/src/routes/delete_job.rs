//! DELETE `/api/v1/export-jobs/{id}`.

use crate::error::{ApiError, ErrorBody};
use crate::reply::Reply;
use crate::routes::{Call, OURS};
use waybill_domain::{JobId, Principal};

/// Deletes a job with its runs. Exports that it made stay until they expire.
///
/// # Errors
/// `NOT_FOUND`; `PERMISSION_DENIED`.
#[utoipa::path(
    delete,
    path = "/api/v1/export-jobs/{id}",
    tag = "sigma",
    operation_id = "sigmaDeleteJob",
    params(
        ("id" = String, Path, description = "The job's id"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = "default", description = "An error", body = ErrorBody),
    ),
)]
pub(crate) async fn delete_job(call: &Call<'_>, principal: &Principal, id: &JobId) -> Result<Reply, ApiError> {
    waybill_app::delete_job(call.context, principal, OURS, id).await?;
    Ok(Reply::gone())
}
