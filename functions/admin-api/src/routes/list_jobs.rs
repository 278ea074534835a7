//! Lists jobs of every surface, by id.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, next};
use crate::reply::Reply;
use crate::wire::List;
use crate::wire::job::JobWire;
use waybill_domain::Principal;

/// Lists jobs of every surface, by id.
#[utoipa::path(
    get,
    path = "/v1/jobs",
    tag = "jobs",
    params(
        ("limit" = Option<u64>, Query, description = "Items on a page, 1 to 1000; 50 where it is absent"),
        ("cursor" = Option<String>, Query, description = "`next` of an earlier page"),
    ),
    responses(
        (status = 200, description = "A page", body = List<JobWire>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_jobs(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    let org = Some(&principal.org);
    let paging = call.paging(org, "jobs")?;
    let page = waybill_app::list_jobs(call.context, principal, None, paging.after.as_ref(), paging.limit).await?;
    let cursor = next(org, "jobs", page.next.as_ref());
    Reply::ok(&List::new(page.items.into_iter().map(JobWire::from), cursor))
}
