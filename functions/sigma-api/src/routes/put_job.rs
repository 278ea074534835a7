//! PUT `/api/v1/export-jobs/{id}`.

use crate::error::{ApiError, ErrorBody};
use crate::reply::Reply;
use crate::routes::{Call, OURS};
use crate::wire::job::{JobBody, JobWire};
use waybill_domain::{JobId, Principal};

/// Replaces a job, whole; what is not sent is as if it was never set. A masked secret is kept.
///
/// # Errors
/// `NOT_FOUND`; `PERMISSION_DENIED`; `VALIDATION_ERROR`.
#[utoipa::path(
    put,
    path = "/api/v1/export-jobs/{id}",
    tag = "sigma",
    operation_id = "sigmaPutJob",
    params(
        ("id" = String, Path, description = "The job's id"),
    ),
    request_body = JobBody,
    responses(
        (status = 200, description = "The job", body = JobWire),
        (status = "default", description = "An error", body = ErrorBody),
    ),
)]
pub(crate) async fn put_job(call: &Call<'_>, principal: &Principal, id: &JobId) -> Result<Reply, ApiError> {
    let body = JobBody::read(&call.json()?)?;
    if body.id().is_some_and(|other| other != *id) {
        return Err(ApiError::invalid(format!("`id`: must be `{id}`, as in the path, or absent")));
    }
    let command = body.command();
    let job = waybill_app::put_job(call.context, &*call.deps.vault, principal, OURS, id, &command).await?;
    Reply::ok(&JobWire::from(job))
}
