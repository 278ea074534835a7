//! PUT `/api/v1/export-jobs/{id}`.

use crate::error::{ApiError, ErrorBody};
use crate::reply::Reply;
use crate::routes::{Call, OURS};
use crate::wire::job::JobWire;
use crate::wire::job_body::{Before, JobBody};
use waybill_app::PutJob;
use waybill_domain::{JobId, Principal, Surface};

/// Replaces a job, whole; what is not sent is as if it was never set. A masked secret is kept, and so is what the job was given elsewhere
/// and no member here tells: what is sent back as it was shown stays as it is.
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
    let sent = call.json()?;
    let amended = waybill_app::amend_job(call.context, &*call.deps.vault, principal, OURS, id, |job| {
        let before = Before::of(job).map_err(|error| {
            tracing::error!(%error, "a job does not serialise");
            ApiError::internal()
        })?;
        let body = JobBody::read(&sent, Some(&before))?;
        if body.id().is_some_and(|other| other != id) {
            return Err(ApiError::invalid(format!("`id`: must be `{id}`, as in the path, or absent")));
        }
        Ok(body.command(Some(PutJob::of(job, Surface::Sigma)?)))
    });
    Reply::ok(&JobWire::from(amended.await?))
}
