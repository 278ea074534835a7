//! GET `/api/v1/export-jobs/{id}`.

use crate::error::{ApiError, ErrorBody};
use crate::reply::Reply;
use crate::routes::{Call, OURS};
use crate::wire::job::JobWire;
use waybill_domain::{JobId, Principal};

/// Reads a job.
///
/// # Errors
/// `NOT_FOUND`.
#[utoipa::path(
    get,
    path = "/api/v1/export-jobs/{id}",
    tag = "sigma",
    operation_id = "sigmaReadJob",
    params(
        ("id" = String, Path, description = "The job's id"),
    ),
    responses(
        (status = 200, description = "The job", body = JobWire),
        (status = "default", description = "An error", body = ErrorBody),
    ),
)]
pub(crate) async fn read_job(call: &Call<'_>, principal: &Principal, id: &JobId) -> Result<Reply, ApiError> {
    let job = waybill_app::read_job(call.context, principal, OURS, id).await?;
    Reply::ok(&JobWire::from(job))
}
