//! Deletes one record.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use waybill_domain::Principal;

/// Deletes one record.
#[utoipa::path(
    delete,
    path = "/v1/collections/{name}/records/{id}",
    tag = "records",
    params(
        ("name" = String, Path, description = "The collection"),
        ("id" = String, Path, description = "The record's `_id`"),
    ),
    responses(
        (status = 204, description = "It is deleted"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_record(
    call: &Call<'_>,
    principal: &Principal,
    name: &str,
    id: &str,
) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let (name, id) = (part("name", name)?, part("id", id)?);
    waybill_app::delete_record(call.context, &*call.deps.records, principal, &name, id).await?;
    Ok(Reply::gone())
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn a_deleted_record_is_gone() {
        let stage = Stage::new().await;
        stage.define().await;
        let path = "/v1/collections/sites/records";
        stage.send("POST", path, &stage.admin, r#"{"_id":"aaaaaaaaaaaaaaaaaaaaaa01","code":"a"}"#).await;
        let record = format!("{path}/aaaaaaaaaaaaaaaaaaaaaa01");
        assert_eq!(stage.send("DELETE", &record, &stage.member, "").await.status, 403);
        assert_eq!(stage.send("DELETE", &record, &stage.admin, "").await.status, 204);
        insta::assert_snapshot!(stage.send("DELETE", &record, &stage.admin, "").await.shown());
        assert_eq!(stage.send("GET", &record, &stage.admin, "").await.status, 404);
        assert_eq!(stage.send("GET", &format!("{path}/x"), &stage.admin, "").await.status, 400);
    }
}
