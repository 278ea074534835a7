//! Lists collections by name. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, next};
use crate::reply::Reply;
use crate::wire::List;
use crate::wire::collection::CollectionWire;
use waybill_domain::Principal;

/// Lists collections by name. For administrators.
#[utoipa::path(
    get,
    path = "/v1/collections",
    tag = "collections",
    params(
        ("limit" = Option<u64>, Query, description = "Items on a page, 1 to 1000; 50 where it is absent"),
        ("cursor" = Option<String>, Query, description = "`next` of an earlier page"),
    ),
    responses(
        (status = 200, description = "A page", body = List<CollectionWire>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_collections(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    let org = Some(&principal.org);
    let paging = call.paging(org, "collections")?;
    let after = paging.after.as_ref();
    let page = waybill_app::list_collections(call.context, principal, after, paging.limit).await?;
    let cursor = next(org, "collections", page.next.as_ref());
    Reply::ok(&List::new(page.items.into_iter().map(CollectionWire::from), cursor))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn collections_are_listed_by_name_page_by_page() {
        let stage = Stage::new().await;
        stage.define().await;
        let first = stage.send("GET", "/v1/collections?limit=1", &stage.admin, "").await;
        assert_eq!(first.text_at("/items/0/name"), "sites");
        let path = format!("/v1/collections?limit=1&cursor={}", first.text_at("/next"));
        let second = stage.send("GET", &path, &stage.admin, "").await;
        assert_eq!(second.text_at("/items/0/name"), "visits");
    }
}
