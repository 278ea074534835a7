//! Reads an export: what was asked, and where it stands.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::export::ExportWire;
use waybill_domain::Principal;

/// Reads an export: what was asked, and where it stands.
#[utoipa::path(
    get,
    path = "/v1/exports/{id}",
    tag = "exports",
    params(("id" = String, Path, description = "The export's id")),
    responses(
        (status = 200, description = "The export", body = ExportWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn read_export(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let view = waybill_app::read_export(call.context, principal, None, part("id", id)?).await?;
    Reply::ok(&ExportWire::from(view))
}
