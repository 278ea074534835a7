//! Lists what a webhook was told in the last 30 days, each attempt, the newest first. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, next, part};
use crate::reply::Reply;
use crate::wire::List;
use crate::wire::webhook::WebhookAttemptWire;
use waybill_domain::Principal;

/// Lists what a webhook was told in the last 30 days, each attempt, the newest first. For administrators.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}/attempts",
    tag = "webhooks",
    params(
        ("id" = String, Path, description = "The webhook's id"),
        ("limit" = Option<u64>, Query, description = "Items on a page, 1 to 1000; 50 where it is absent"),
        ("cursor" = Option<String>, Query, description = "`next` of an earlier page"),
    ),
    responses(
        (status = 200, description = "A page", body = List<WebhookAttemptWire>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_webhook_attempts(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    let (org, list) = (Some(&principal.org), format!("webhooks/{id}/attempts"));
    let paging = call.paging(org, &list)?;
    let id = part("id", id)?;
    let page = waybill_app::list_attempts(call.context, principal, id, paging.after, paging.limit).await?;
    let cursor = next(org, &list, page.next.as_ref());
    Reply::ok(&List::new(page.items.into_iter().map(WebhookAttemptWire::from), cursor))
}
