//! POST `/api/v1/export-jobs/{id}/runs`.

use crate::error::{ApiError, ErrorBody};
use crate::reply::Reply;
use crate::routes::{Call, OURS};
use crate::wire::run::{RunBody, RunWire};
use waybill_domain::{JobId, Principal};

/// Puts a run of an outside runner on record.
///
/// # Errors
/// `NOT_FOUND`; `VALIDATION_ERROR`; `PERMISSION_DENIED`.
#[utoipa::path(
    post,
    path = "/api/v1/export-jobs/{id}/runs",
    tag = "sigma",
    operation_id = "sigmaRecordRun",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    request_body = RunBody,
    responses(
        (status = 201, description = "The run", body = RunWire),
        (status = "default", description = "An error", body = ErrorBody),
    ),
)]
pub(crate) async fn record_run(call: &Call<'_>, principal: &Principal, id: &JobId) -> Result<Reply, ApiError> {
    let command = RunBody::read(&call.json()?)?.command();
    let idempotency = call.idempotency("sigma:record-run")?;
    let run = waybill_app::record_run(call.context, principal, (OURS, id), command, idempotency.as_ref()).await?;
    Reply::created(&RunWire::from(run))
}
