//! Lists the dimensions that values are scoped by. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, next};
use crate::reply::Reply;
use crate::wire::List;
use crate::wire::dimension::DimensionWire;
use waybill_domain::Principal;

/// Lists the dimensions that values are scoped by. For administrators.
#[utoipa::path(
    get,
    path = "/v1/dimensions",
    tag = "collections",
    params(
        ("limit" = Option<u64>, Query, description = "Items on a page, 1 to 1000; 50 where it is absent"),
        ("cursor" = Option<String>, Query, description = "`next` of an earlier page"),
    ),
    responses(
        (status = 200, description = "A page", body = List<DimensionWire>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_dimensions(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    let org = Some(&principal.org);
    let paging = call.paging(org, "dimensions")?;
    let page = waybill_app::list_dimensions(call.context, principal, paging.after.as_ref(), paging.limit).await?;
    let cursor = next(org, "dimensions", page.next.as_ref());
    Reply::ok(&List::new(page.items.into_iter().map(DimensionWire::from), cursor))
}
