//! Lists the org's exports, whichever surface made them, the newest first.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, next};
use crate::reply::Reply;
use crate::wire::List;
use crate::wire::export::ExportWire;
use waybill_domain::Principal;

/// Lists the org's exports, whichever surface made them, the newest first.
#[utoipa::path(
    get,
    path = "/v1/exports",
    tag = "exports",
    params(
        ("limit" = Option<u64>, Query, description = "Items on a page, 1 to 1000; 50 where it is absent"),
        ("cursor" = Option<String>, Query, description = "`next` of an earlier page"),
    ),
    responses(
        (status = 200, description = "A page", body = List<ExportWire>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_exports(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    let org = Some(&principal.org);
    let paging = call.paging(org, "exports")?;
    let page = waybill_app::list_exports(call.context, principal, None, paging.after, true, paging.limit).await?;
    let cursor = next(org, "exports", page.next.as_ref());
    Reply::ok(&List::new(call.all_shown(principal, page.items).await?, cursor))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn exports_are_listed_newest_first_and_only_those_of_the_org() {
        let stage = Stage::new().await;
        stage.define().await;
        let acme = stage.add_org("acme").await;
        for name in ["a", "b", "c"] {
            let body = format!(r#"{{"collection":"visits","name":"{name}"}}"#);
            stage.send("POST", "/v1/exports", &stage.member, &body).await;
        }
        let first = stage.send("GET", "/v1/exports?limit=2", &stage.member, "").await;
        assert_eq!((first.text_at("/items/0/name"), first.text_at("/items/1/name")), ("c".into(), "b".into()));
        let second =
            stage.send("GET", &format!("/v1/exports?cursor={}", first.text_at("/next")), &stage.member, "").await;
        assert_eq!(second.text_at("/items/0/name"), "a");
        assert!(second.json()["next"].is_null());
        assert_eq!(stage.send("GET", "/v1/exports", &acme, "").await.text, r#"{"items":[],"next":null}"#);
    }
}
