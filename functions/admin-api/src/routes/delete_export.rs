//! Deletes an export and its archive. For administrators and its owner.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use waybill_domain::Principal;

/// Deletes an export and its archive. For administrators and its owner.
#[utoipa::path(
    delete,
    path = "/v1/exports/{id}",
    tag = "exports",
    params(("id" = String, Path, description = "The export's id")),
    responses(
        (status = 204, description = "It is deleted"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_export(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    waybill_app::delete_export(call.context, &*call.deps.wake, principal, None, part("id", id)?).await?;
    Ok(Reply::gone())
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn a_deleted_export_is_gone_and_on_record() {
        let stage = Stage::new().await;
        stage.define().await;
        let made = stage.send("POST", "/v1/exports", &stage.member, r#"{"collection":"visits"}"#).await;
        let path = format!("/v1/exports/{}", made.text_at("/id"));
        assert_eq!(stage.send("DELETE", &path, &stage.member, "").await.status, 204);
        assert_eq!(stage.send("GET", &path, &stage.member, "").await.status, 404);
        let audit = stage.send("GET", "/v1/audit?limit=1", &stage.admin, "").await;
        assert_eq!(audit.text_at("/items/0/action"), "export-deleted");
    }
}
