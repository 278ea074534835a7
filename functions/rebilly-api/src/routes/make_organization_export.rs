//! POST `…/organization-exports`.

use super::Call;
use crate::error::{ApiError, ProblemBody};
use crate::reply::Reply;
use crate::wire::organization_export::{OrganizationExportBody, OrganizationExportWire, command};
use http::StatusCode;
use serde_json::json;
use waybill_http::{BODY_LIMIT_BYTES, idempotent_request, parse_json, read_body};

/// Makes an export of the whole organization: one archive with a file for each collection, as far as whoever asks may read, as data
/// exports are. It waits its turn in the organization's queue. An `Idempotency-Key` makes it safe to send again.
///
/// # Errors
/// 422 with every field that is wrong, 429 when the organization asked for too many changes.
#[utoipa::path(
    post,
    path = "/organizations/{org}/organization-exports",
    tag = "rebilly",
    operation_id = "rebillyMakeOrganizationExport",
    params(
        ("org" = String, Path, description = "The organization's code"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the same request again for 24 hours"),
    ),
    request_body = Option<OrganizationExportBody>,
    responses(
        (status = 201, description = "The export; `Location` says where it is", body = OrganizationExportWire),
        (status = "4XX", description = "A problem", body = ProblemBody),
    )
)]
pub(crate) async fn make_organization_export(call: &Call<'_>) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let bytes = read_body(call.request, BODY_LIMIT_BYTES)?;
    // Nothing is asked that has no usual answer.
    let body = if bytes.trim_ascii().is_empty() { json!({}) } else { parse_json(bytes)? };
    let mut command = command(&body)?;
    command.idempotency = idempotent_request(call.request, "rebilly:make-organization-export", bytes)?;
    let made = waybill_app::create_export(call.context, &*call.deps.wake, &call.principal, &command);
    let view = Box::pin(made).await?;
    let shown = OrganizationExportWire::new(&view, &call.place, None);
    let location = call.place.of_organization_export(view.export.id);
    Ok(Reply::json(StatusCode::CREATED, &shown)?.with("location", &location))
}
