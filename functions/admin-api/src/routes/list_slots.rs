//! Lists the slots of a job and what became of them, the last first.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, next, part};
use crate::reply::Reply;
use crate::wire::List;
use crate::wire::job::SlotWire;
use waybill_domain::Principal;

/// Lists the slots of a job and what became of them, the last first.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/slots",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("limit" = Option<u64>, Query, description = "Items on a page, 1 to 1000; 50 where it is absent"),
        ("cursor" = Option<String>, Query, description = "`next` of an earlier page"),
    ),
    responses(
        (status = 200, description = "A page", body = List<SlotWire>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_slots(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    let org = Some(&principal.org);
    let list = format!("slots:{id}");
    let paging = call.paging(org, &list)?;
    let job = part("id", id)?;
    let page = waybill_app::list_slots(call.context, principal, (None, &job), paging.after, paging.limit).await?;
    let cursor = next(org, &list, page.next.as_ref());
    Reply::ok(&List::new(page.items.into_iter().map(SlotWire::from), cursor))
}
