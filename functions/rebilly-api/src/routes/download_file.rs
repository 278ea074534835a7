//! GET `…/files/{id}/download`.

use super::{Call, SURFACE};
use crate::error::{ApiError, ProblemBody};
use crate::names::parse_file;
use crate::reply::Reply;
use crate::wire::file::saved_as;
use waybill_app::Error;

/// Sends a client to the bytes of a file, by a link of the operator's own store that is good for minutes. For administrators.
///
/// # Errors
/// 403 for members; 404 for one that is not the organization's, or not there (any more).
#[utoipa::path(
    get,
    path = "/organizations/{org}/files/{id}/download",
    tag = "rebilly",
    operation_id = "rebillyDownloadFile",
    params(
        ("org" = String, Path, description = "The organization's code"),
        ("id" = String, Path, description = "`fileId` of an export"),
    ),
    responses(
        (status = 302, description = "`Location` is the link"),
        (status = "4XX", description = "A problem", body = ProblemBody),
    )
)]
pub(crate) async fn download_file(call: &Call<'_>, id: &str) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let export = parse_file(id).ok_or_else(ApiError::not_found)?;
    let (archives, principal) = (&*call.deps.archives, &call.principal);
    match waybill_app::download_export(call.context, archives, principal, SURFACE, export, saved_as).await {
        Ok((_, download)) => Ok(Reply::redirect(download.url)),
        // A file is there once the export is completed.
        Err(Error::NotReady { .. }) => Err(ApiError::not_found()),
        Err(error) => Err(error.into()),
    }
}
