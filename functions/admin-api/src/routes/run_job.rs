//! Makes one of a job's exports now.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::export::ExportWire;
use waybill_domain::Principal;

/// Makes one of a job's exports now.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/run",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    responses(
        (status = 201, description = "The export, queued", body = ExportWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn run_job(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let (id, idempotency) = (part("id", id)?, call.idempotency("admin:run-job")?);
    let wake = &*call.deps.wake;
    let running = waybill_app::run_job(call.context, wake, principal, None, &id, idempotency.as_ref());
    let view = Box::pin(running).await?;
    let location = format!("/v1/exports/{}", view.export.id);
    Reply::created(location, &call.shown(principal, view).await?)
}
