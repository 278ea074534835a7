//! POST `…/data-exports`.

use super::Call;
use crate::error::{ApiError, ProblemBody};
use crate::reply::Reply;
use crate::wire::arguments::Expand;
use crate::wire::body::{DataExportBody, command};
use crate::wire::data_export::{DataExportWire, name_of};
use http::StatusCode;
use waybill_http::idempotent_request;

/// Queues a data export; one whose `scheduledTime` is to come is pending until then. An `Idempotency-Key` makes it safe to send again.
///
/// # Errors
/// 422 with every field that is wrong, 429 when the organization asked for too many changes.
#[utoipa::path(
    post,
    path = "/experimental/organizations/{org}/data-exports",
    tag = "rebilly",
    operation_id = "rebillyQueueDataExport",
    params(
        ("org" = String, Path, description = "The organization's code"),
        ("expand" = Option<String>, Query, description = "`file`, `user`, with a comma between"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the same request again for 24 hours"),
    ),
    request_body = DataExportBody,
    responses(
        (status = 201, description = "The export; `Location` says where it is", body = DataExportWire),
        (status = "4XX", description = "A problem", body = ProblemBody),
    )
)]
pub(crate) async fn queue_data_export(call: &Call<'_>) -> Result<Reply, ApiError> {
    call.query.only(&["expand"])?;
    let expand = Expand::of(&call.query)?;
    let (body, bytes) = call.json()?;
    let mut command = command(&body)?;
    command.limits = Some(call.deps.limits);
    command.idempotency = idempotent_request(call.request, "rebilly:queue-data-export", bytes)?;
    let made = waybill_app::create_export(call.context, &*call.deps.wake, &call.principal, &command);
    let view = Box::pin(made).await?;
    let location = call.place.of_export(&name_of(&view.export));
    Ok(Reply::json(StatusCode::CREATED, &call.shown(&view, expand, None).await?)?.with("location", &location))
}
