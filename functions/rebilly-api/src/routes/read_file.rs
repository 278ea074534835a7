//! GET `…/files/{id}`.

use super::read_data_export::signed_link;
use super::{Call, SURFACE};
use crate::error::{ApiError, ProblemBody};
use crate::names::parse_file;
use crate::reply::Reply;
use crate::wire::file::FileWire;
use http::StatusCode;

/// Shows the file of a completed data export; to administrators with `signedLink`.
///
/// # Errors
/// 404 for one that is not the organization's, or not there any more.
#[utoipa::path(
    get,
    path = "/organizations/{org}/files/{id}",
    tag = "rebilly",
    operation_id = "rebillyReadFile",
    params(
        ("org" = String, Path, description = "The organization's code"),
        ("id" = String, Path, description = "`fileId` of an export"),
    ),
    responses(
        (status = 200, description = "The file", body = FileWire),
        (status = "4XX", description = "A problem", body = ProblemBody),
    )
)]
pub(crate) async fn read_file(call: &Call<'_>, id: &str) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let export = parse_file(id).ok_or_else(ApiError::not_found)?;
    let view = waybill_app::read_export(call.context, &call.principal, SURFACE, export).await?;
    let signed = signed_link(call, &view.export).await?;
    let file = FileWire::new(&view.export, &call.place, signed).ok_or_else(ApiError::not_found)?;
    Reply::json(StatusCode::OK, &file)
}
