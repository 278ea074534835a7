//! Deletes a job with its runs; exports that it made stay.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use waybill_domain::Principal;

/// Deletes a job with its runs; exports that it made stay.
#[utoipa::path(
    delete,
    path = "/v1/jobs/{id}",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_job(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    waybill_app::delete_job(call.context, principal, None, &part("id", id)?).await?;
    Ok(Reply::gone())
}
