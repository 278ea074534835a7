//! POST `/api/v1/export-jobs/{id}/resume`.

use crate::error::{ApiError, ErrorBody};
use crate::reply::Reply;
use crate::routes::{Call, OURS};
use crate::wire::job::JobWire;
use waybill_domain::{JobId, Principal};

/// Lets a job go on from its next slot; those of the pause are not made up for.
///
/// # Errors
/// `NOT_FOUND`; `PERMISSION_DENIED`.
#[utoipa::path(
    post,
    path = "/api/v1/export-jobs/{id}/resume",
    tag = "sigma",
    operation_id = "sigmaResumeJob",
    params(
        ("id" = String, Path, description = "The job's id"),
    ),
    responses(
        (status = 200, description = "The job", body = JobWire),
        (status = "default", description = "An error", body = ErrorBody),
    ),
)]
pub(crate) async fn resume_job(call: &Call<'_>, principal: &Principal, id: &JobId) -> Result<Reply, ApiError> {
    let job = waybill_app::resume_job(call.context, principal, OURS, id).await?;
    Reply::ok(&JobWire::from(job))
}
