//! POST `/api/v1/export-jobs/{id}/pause`.

use crate::error::{ApiError, ErrorBody};
use crate::reply::Reply;
use crate::routes::{Call, OURS};
use crate::wire::job::JobWire;
use waybill_domain::{JobId, Principal};

/// Stops a job from being due; it stays as it is otherwise.
///
/// # Errors
/// `NOT_FOUND`; `PERMISSION_DENIED`.
#[utoipa::path(
    post,
    path = "/api/v1/export-jobs/{id}/pause",
    tag = "sigma",
    operation_id = "sigmaPauseJob",
    params(
        ("id" = String, Path, description = "The job's id"),
    ),
    responses(
        (status = 200, description = "The job", body = JobWire),
        (status = "default", description = "An error", body = ErrorBody),
    ),
)]
pub(crate) async fn pause_job(call: &Call<'_>, principal: &Principal, id: &JobId) -> Result<Reply, ApiError> {
    let job = waybill_app::pause_job(call.context, principal, OURS, id).await?;
    Reply::ok(&JobWire::from(job))
}
