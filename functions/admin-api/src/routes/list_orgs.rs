//! Lists orgs by code.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, next};
use crate::reply::Reply;
use crate::wire::List;
use crate::wire::org::OrgWire;

/// Lists orgs by code.
#[utoipa::path(
    get,
    path = "/v1/orgs",
    tag = "orgs",
    params(
        ("limit" = Option<u64>, Query, description = "Items on a page, 1 to 1000; 50 where it is absent"),
        ("cursor" = Option<String>, Query, description = "`next` of an earlier page"),
    ),
    responses(
        (status = 200, description = "A page", body = List<OrgWire>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("operatorKey" = [])),
)]
pub(crate) async fn list_orgs(call: &Call<'_>) -> Result<Reply, ApiError> {
    let paging = call.paging(None, "orgs")?;
    let page = waybill_app::list_orgs(call.context, paging.after.as_ref(), paging.limit).await?;
    let cursor = next(None, "orgs", page.next.as_ref());
    Reply::ok(&List::new(page.items.into_iter().map(OrgWire::from), cursor))
}

#[cfg(test)]
mod tests {
    use crate::stage::OPERATOR;
    use crate::stage::Stage;

    #[tokio::test]
    async fn orgs_are_listed_by_code_page_by_page() {
        let stage = Stage::new().await;
        stage.add_org("acme").await;
        let first = stage.send("GET", "/v1/orgs?limit=1", OPERATOR, "").await;
        assert_eq!(first.text_at("/items/0/code"), "acme");
        let path = format!("/v1/orgs?cursor={}", first.text_at("/next"));
        insta::assert_snapshot!(stage.send("GET", &path, OPERATOR, "").await.shown());
    }
}
