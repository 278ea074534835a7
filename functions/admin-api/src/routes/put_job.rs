//! Replaces what is asked of a job, whole; a secret that is sent as its mask stays.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::job::{JobBody, JobWire};
use waybill_domain::{JobId, Principal};

/// Replaces what is asked of a job, whole; a secret that is sent as its mask stays.
#[utoipa::path(
    put,
    path = "/v1/jobs/{id}",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id"),
    ),
    request_body = JobBody,
    responses(
        (status = 200, description = "The job", body = JobWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn put_job(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let id: JobId = part("id", id)?;
    let body = JobBody::read(&call.json()?, call.context.now())?;
    if body.id().is_some_and(|named| named != id) {
        return Err(ApiError::invalid_at("/id".to_owned(), "must be the id of the path, or absent".to_owned()));
    }
    let (vault, command) = (&*call.deps.vault, body.command());
    let job = waybill_app::put_job(call.context, vault, principal, None, &id, &command).await?;
    Reply::ok(&JobWire::from(job))
}
