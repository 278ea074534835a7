//! GET `…/organization-exports`.

use super::Call;
use super::list_data_exports::{Window, window};
use super::read_data_export::signed_links;
use crate::error::{ApiError, ProblemBody};
use crate::reply::Reply;
use crate::wire::organization_export::{LISTED, Listed, OrganizationExportWire};
use http::StatusCode;
use waybill_app::with_requests;

/// Lists the exports of the whole organization, the newest first unless `sort` says otherwise; past the end, an empty array. What is past
/// its `retentionTime` is not there. Administrators are shown `signedLink` of what is completed, in the first 300 of a list.
///
/// # Errors
/// 422 with the argument that is wrong.
#[utoipa::path(
    get,
    path = "/organizations/{org}/organization-exports",
    tag = "rebilly",
    operation_id = "rebillyListOrganizationExports",
    params(
        ("org" = String, Path, description = "The organization's code"),
        ("limit" = Option<u64>, Query, description = "Most exports to show, 0 to 1000; 100 where it is absent"),
        ("offset" = Option<u64>, Query, description = "How many to leave out first, 0 to 1000"),
        ("sort" = Option<String>, Query, description = "Members with commas between, `-` before one for the greatest first"),
        ("filter" = Option<String>, Query, description = "Which: `status:completed;createdTime:2026-01-01T00:00:00Z..`"),
        ("q" = Option<String>, Query, description = "Words that occur in the status"),
        ("criteria" = Option<String>, Query, description = "Taken and not read"),
    ),
    responses(
        (status = 200, description = "The exports; `Pagination-Total`, `-Limit` and `-Offset` say of how many", body = Vec<OrganizationExportWire>),
        (status = "4XX", description = "A problem", body = ProblemBody),
    )
)]
pub(crate) async fn list_organization_exports(call: &Call<'_>) -> Result<Reply, ApiError> {
    call.query.only(&["limit", "offset", "sort", "filter", "q", "criteria"])?;
    let Window { exports, total, limit, offset } = window(call, true, Listed::new, &LISTED).await?;
    let views = with_requests(call.context, &call.principal, exports).await?;
    let signed = signed_links(call, &views).await?;
    let shown = views.iter().zip(signed).map(|(view, signed)| OrganizationExportWire::new(view, &call.place, signed));
    let shown: Vec<_> = shown.collect();
    Ok(Reply::json(StatusCode::OK, &shown)?.paged(total, limit, offset))
}
