//! Shows a webhook, its secrets as masks. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::webhook::WebhookWire;
use waybill_domain::Principal;

/// Shows a webhook, its secrets as masks. For administrators.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}",
    tag = "webhooks",
    params(
        ("id" = String, Path, description = "The webhook's id"),
    ),
    responses(
        (status = 200, description = "The webhook", body = WebhookWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn read_webhook(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let webhook = waybill_app::read_webhook(call.context, principal, part("id", id)?).await?;
    Reply::ok(&WebhookWire::from(webhook))
}
