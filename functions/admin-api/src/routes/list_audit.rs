//! Lists who did what, the newest first. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, next};
use crate::reply::Reply;
use crate::wire::List;
use crate::wire::audit::AuditWire;
use waybill_domain::Principal;

/// Lists who did what, the newest first. For administrators.
#[utoipa::path(
    get,
    path = "/v1/audit",
    tag = "audit",
    params(
        ("limit" = Option<u64>, Query, description = "Items on a page, 1 to 1000; 50 where it is absent"),
        ("cursor" = Option<String>, Query, description = "`next` of an earlier page"),
    ),
    responses(
        (status = 200, description = "A page", body = List<AuditWire>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_audit(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    let org = Some(&principal.org);
    let paging = call.paging(org, "audit")?;
    let page = waybill_app::list_audit(call.context, principal, paging.after, paging.limit).await?;
    let cursor = next(org, "audit", page.next.as_ref());
    Reply::ok(&List::new(page.items.into_iter().map(AuditWire::from), cursor))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn what_was_done_is_listed_newest_first_for_administrators() {
        let stage = Stage::new().await;
        stage.define().await;
        stage.send("POST", "/v1/exports", &stage.member, r#"{"collection":"visits"}"#).await;
        let first = stage.send("GET", "/v1/audit?limit=2", &stage.admin, "").await;
        insta::assert_snapshot!(crate::stage::pretty(&first.json()["items"]));
        let rest = stage.send("GET", &format!("/v1/audit?cursor={}", first.text_at("/next")), &stage.admin, "").await;
        assert_eq!(rest.json()["items"].as_array().unwrap().len(), 1);
        assert_eq!(stage.send("GET", "/v1/audit", &stage.member, "").await.status, 403);
    }
}
