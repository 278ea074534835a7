//! GET `…/organization-exports/{id}`.

use super::Call;
use super::read_data_export::signed_link;
use crate::error::{ApiError, ProblemBody};
use crate::names::parse_export;
use crate::reply::Reply;
use crate::wire::organization_export::OrganizationExportWire;
use http::StatusCode;

/// Shows an export of the whole organization; to administrators with `signedLink` once it is completed.
///
/// # Errors
/// 404 for one that is not the organization's, or is past its `retentionTime`.
#[utoipa::path(
    get,
    path = "/organizations/{org}/organization-exports/{id}",
    tag = "rebilly",
    operation_id = "rebillyReadOrganizationExport",
    params(
        ("org" = String, Path, description = "The organization's code"),
        ("id" = String, Path, description = "The export's id"),
    ),
    responses(
        (status = 200, description = "The export", body = OrganizationExportWire),
        (status = "4XX", description = "A problem", body = ProblemBody),
    )
)]
pub(crate) async fn read_organization_export(call: &Call<'_>, id: &str) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let id = parse_export(id).ok_or_else(ApiError::not_found)?;
    let view = call.visible(id, true).await?.ok_or_else(ApiError::not_found)?;
    let signed = signed_link(call, &view.export).await?;
    Reply::json(StatusCode::OK, &OrganizationExportWire::new(&view, &call.place, signed))
}
