//! GET `…/data-exports/{id}`.

use super::{Call, SURFACE};
use crate::error::{ApiError, ProblemBody};
use crate::reply::Reply;
use crate::wire::arguments::Expand;
use crate::wire::data_export::DataExportWire;
use crate::wire::file::saved_as;
use http::StatusCode;
use waybill_app::ExportView;
use waybill_domain::Export;

/// Most exports of a list that get a link: it has some thousand characters, stands there twice with `expand=file`, and a reply has an end.
const LINKED: usize = 300;

/// Shows a data export; to administrators with `signedLink` once it is completed.
///
/// # Errors
/// 404 for one that is not the organization's, or not there any more.
#[utoipa::path(
    get,
    path = "/experimental/organizations/{org}/data-exports/{id}",
    tag = "rebilly",
    operation_id = "rebillyReadDataExport",
    params(
        ("org" = String, Path, description = "The organization's code"),
        ("id" = String, Path, description = "The export's id"),
        ("expand" = Option<String>, Query, description = "`file`, `user`, with a comma between"),
    ),
    responses(
        (status = 200, description = "The export", body = DataExportWire),
        (status = "4XX", description = "A problem", body = ProblemBody),
    )
)]
pub(crate) async fn read_data_export(call: &Call<'_>, id: &str) -> Result<Reply, ApiError> {
    call.query.only(&["expand"])?;
    let expand = Expand::of(&call.query)?;
    let view = call.find(id).await?.ok_or_else(ApiError::not_found)?;
    let signed = signed_link(call, &view.export).await?;
    Ok(Reply::json(StatusCode::OK, &call.shown(&view, expand, signed).await?)?.paged(1, 1, 0))
}

/// As [`signed_link`], of the exports of a list: of the first [`LINKED`].
///
/// # Errors
/// As [`waybill_app::link_exports`].
pub(super) async fn signed_links(call: &Call<'_>, views: &[ExportView]) -> Result<Vec<Option<String>>, ApiError> {
    let (archives, principal) = (&*call.deps.archives, &call.principal);
    let linked: Vec<&Export> = views.iter().take(LINKED).map(|view| &view.export).collect();
    let mut links = waybill_app::link_exports(call.context, archives, principal, &linked, saved_as).await?;
    links.resize(views.len(), None);
    Ok(links)
}

/// A link to the file of a completed export that needs no credential, for administrators: good for minutes, and on record.
///
/// # Errors
/// As [`waybill_app::download_export`].
pub(super) async fn signed_link(call: &Call<'_>, export: &Export) -> Result<Option<String>, ApiError> {
    if !call.principal.is_admin() || export.archive().is_none() {
        return Ok(None);
    }
    let (archives, principal) = (&*call.deps.archives, &call.principal);
    let given = waybill_app::download_export(call.context, archives, principal, SURFACE, export.id, saved_as).await?;
    Ok(Some(given.1.url))
}
