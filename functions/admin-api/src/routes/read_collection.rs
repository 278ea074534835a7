//! Reads a collection's definition. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::collection::CollectionWire;
use waybill_domain::Principal;

/// Reads a collection's definition. For administrators.
#[utoipa::path(
    get,
    path = "/v1/collections/{name}",
    tag = "collections",
    params(("name" = String, Path, description = "The collection")),
    responses(
        (status = 200, description = "The collection", body = CollectionWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn read_collection(call: &Call<'_>, principal: &Principal, name: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let collection = waybill_app::read_collection(call.context, principal, &part("name", name)?).await?;
    Reply::ok(&CollectionWire::from(collection))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn the_collections_of_other_orgs_are_not_there() {
        let stage = Stage::new().await;
        stage.define().await;
        let acme = stage.add_org("acme").await;
        assert_eq!(stage.send("GET", "/v1/collections/sites", &stage.admin, "").await.status, 200);
        insta::assert_snapshot!(stage.send("GET", "/v1/collections/sites", &acme, "").await.shown());
        assert_eq!(stage.send("GET", "/v1/collections/sites", &stage.member, "").await.status, 403);
    }
}
