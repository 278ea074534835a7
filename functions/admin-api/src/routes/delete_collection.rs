//! Deletes a collection; one with records needs `records=true`. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use waybill_domain::Principal;

/// Deletes a collection; one with records needs `records=true`. For administrators.
#[utoipa::path(
    delete,
    path = "/v1/collections/{name}",
    tag = "collections",
    params(
        ("name" = String, Path, description = "The collection"),
        ("records" = Option<bool>, Query, description = "Whether its records go with it"),
    ),
    responses(
        (status = 204, description = "It is deleted"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_collection(call: &Call<'_>, principal: &Principal, name: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&["records"])?;
    let (name, with_records) = (part("name", name)?, call.query.switch("records")?);
    waybill_app::delete_collection(call.context, &*call.deps.records, principal, &name, with_records).await?;
    Ok(Reply::gone())
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn a_collection_with_records_goes_only_with_them() {
        let stage = Stage::new().await;
        stage.define().await;
        let path = "/v1/collections/sites";
        stage.send("POST", "/v1/collections/sites/records", &stage.admin, r#"{"code":"a"}"#).await;
        let referred = stage.send("DELETE", &format!("{path}?records=true"), &stage.admin, "").await;
        assert_eq!(
            (referred.status, referred.text_at("/detail")),
            (409, "collection `visits` refers to it".to_owned())
        );
        assert_eq!(stage.send("DELETE", "/v1/collections/visits", &stage.admin, "").await.status, 204);
        insta::assert_snapshot!(stage.send("DELETE", path, &stage.admin, "").await.shown());
        assert_eq!(stage.send("DELETE", &format!("{path}?records=yes"), &stage.admin, "").await.status, 400);
        assert_eq!(stage.send("DELETE", &format!("{path}?records=true"), &stage.admin, "").await.status, 204);
        assert_eq!(stage.send("DELETE", path, &stage.admin, "").await.status, 404);
        // Defined again, it is empty.
        stage.define().await;
        let list = stage.send("GET", "/v1/collections/sites/records", &stage.admin, "").await;
        assert_eq!(list.text, r#"{"items":[],"next":null}"#);
    }
}
