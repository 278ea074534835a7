//! Sends a browser or client to the archive, by a link that is good for minutes. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use waybill_domain::{Export, Principal};

/// Sends a browser or client to the archive, by a link that is good for minutes. For administrators.
#[utoipa::path(
    get,
    path = "/v1/exports/{id}/download",
    tag = "exports",
    params(("id" = String, Path, description = "The export's id")),
    responses(
        (status = 302, description = "`Location` is the link"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn download_export(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let (id, archives) = (part("id", id)?, &*call.deps.archives);
    let (_, download) = waybill_app::download_export(call.context, archives, principal, None, id, filename).await?;
    Ok(Reply::redirect(download.url))
}

/// `airports-2026-11-21T21-04-16Z.zip`: what, and when it was asked for.
fn filename(export: &Export) -> String {
    let at = export.created_at.to_string().replace(':', "-");
    let at = at.split('.').next().unwrap_or(&at).to_owned();
    format!("{}-{at}Z.zip", export.collection)
}
