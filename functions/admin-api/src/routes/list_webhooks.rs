//! Lists webhooks, the oldest first. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, next};
use crate::reply::Reply;
use crate::wire::List;
use crate::wire::webhook::WebhookWire;
use waybill_domain::Principal;

/// Lists webhooks, the oldest first. For administrators.
#[utoipa::path(
    get,
    path = "/v1/webhooks",
    tag = "webhooks",
    params(
        ("limit" = Option<u64>, Query, description = "Items on a page, 1 to 1000; 50 where it is absent"),
        ("cursor" = Option<String>, Query, description = "`next` of an earlier page"),
    ),
    responses(
        (status = 200, description = "A page", body = List<WebhookWire>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_webhooks(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    let org = Some(&principal.org);
    let paging = call.paging(org, "webhooks")?;
    let page = waybill_app::list_webhooks(call.context, principal, paging.after, paging.limit).await?;
    let cursor = next(org, "webhooks", page.next.as_ref());
    Reply::ok(&List::new(page.items.into_iter().map(WebhookWire::from), cursor))
}
