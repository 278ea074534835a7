//! POST `/api/v1/export-jobs`.

use crate::error::{ApiError, ErrorBody};
use crate::reply::Reply;
use crate::routes::Call;
use crate::wire::job::JobWire;
use crate::wire::job_body::JobBody;
use http::header::LOCATION;
use waybill_domain::Principal;

/// Makes a job.
///
/// # Errors
/// `VALIDATION_ERROR`; `CONFLICT` when there is a job of that id; `LIMIT_EXCEEDED` beyond 1 000 jobs.
#[utoipa::path(
    post,
    path = "/api/v1/export-jobs",
    tag = "sigma",
    operation_id = "sigmaCreateJob",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    request_body = JobBody,
    responses(
        (status = 201, description = "The job", body = JobWire),
        (status = "default", description = "An error", body = ErrorBody),
    ),
)]
pub(crate) async fn create_job(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    let body = JobBody::read(&call.json()?, None)?;
    let idempotency = call.idempotency("sigma:create-job")?;
    let (id, command) = (body.id().cloned(), body.command(None));
    let vault = &*call.deps.vault;
    let job = waybill_app::create_job(call.context, vault, principal, id, &command, idempotency.as_ref()).await?;
    Ok(Reply::created(&JobWire::from(job.clone()))?.with(LOCATION, format!("/api/v1/export-jobs/{}", job.id)))
}
