//! GET `/api/v1/export-jobs`.

use crate::error::{ApiError, ErrorBody};
use crate::reply::Reply;
use crate::routes::{Call, OURS};
use crate::wire::job::JobWire;
use waybill_domain::{MAX_JOBS, Principal};

/// Lists the jobs of the workspace.
///
/// # Errors
/// `UNAUTHORIZED`; `PERMISSION_DENIED`.
#[utoipa::path(
    get,
    path = "/api/v1/export-jobs",
    tag = "sigma",
    operation_id = "sigmaListJobs",
    responses(
        (status = 200, description = "Every job", body = Vec<JobWire>),
        (status = "default", description = "An error", body = ErrorBody),
    ),
)]
pub(crate) async fn list_jobs(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    let page = waybill_app::list_jobs(call.context, principal, OURS, None, MAX_JOBS).await?;
    Reply::ok(&page.items.into_iter().map(JobWire::from).collect::<Vec<_>>())
}
