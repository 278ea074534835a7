//! GET `/api/v1/export-jobs/{id}/runs`.

use crate::error::{ApiError, ErrorBody};
use crate::reply::Reply;
use crate::routes::{Call, OURS};
use crate::wire::run::RunWire;
use waybill_domain::{JobId, Principal};

/// Runs where the client does not say how many.
const DEFAULT_RUNS: usize = 50;
/// Most runs of a list.
const MAX_RUNS: usize = 1000;

/// Lists the runs of a job, the last begun first.
///
/// # Errors
/// `NOT_FOUND`; `VALIDATION_ERROR`.
#[utoipa::path(
    get,
    path = "/api/v1/export-jobs/{id}/runs",
    tag = "sigma",
    operation_id = "sigmaListRuns",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("limit" = Option<u64>, Query, description = "How many at most, 1 to 1000; 50 where it is absent"),
    ),
    responses(
        (status = 200, description = "Runs", body = Vec<RunWire>),
        (status = "default", description = "An error", body = ErrorBody),
    ),
)]
pub(crate) async fn list_runs(call: &Call<'_>, principal: &Principal, id: &JobId) -> Result<Reply, ApiError> {
    call.query.only(&["limit"])?;
    let limit = call.query.number("limit", DEFAULT_RUNS, 1, MAX_RUNS)?;
    let page = waybill_app::list_runs(call.context, principal, (OURS, id), None, limit).await?;
    Reply::ok(&page.items.into_iter().map(RunWire::from).collect::<Vec<_>>())
}
