//! Deletes every record of a collection; `all=true` says that this is meant.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::record::DeletedWire;
use waybill_domain::Principal;

/// Deletes every record of a collection; `all=true` says that this is meant.
#[utoipa::path(
    delete,
    path = "/v1/collections/{name}/records",
    tag = "records",
    params(
        ("name" = String, Path, description = "The collection"),
        ("all" = bool, Query, description = "`true`"),
    ),
    responses(
        (status = 200, description = "They are deleted", body = DeletedWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_records(call: &Call<'_>, principal: &Principal, name: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&["all"])?;
    let name = part("name", name)?;
    if !call.query.switch("all")? {
        return Err(ApiError::invalid_at("?all", "must be `true`: this deletes every record of the collection"));
    }
    let deleted = waybill_app::delete_records(call.context, &*call.deps.records, principal, &name).await?;
    Reply::ok(&DeletedWire { deleted })
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn all_records_go_when_that_is_meant() {
        let stage = Stage::new().await;
        stage.define().await;
        let path = "/v1/collections/sites/records";
        stage.send("POST", path, &stage.admin, "{}\n{}\n{}").await;
        assert_eq!(stage.send("DELETE", path, &stage.admin, "").await.status, 400);
        let deleted = stage.send("DELETE", &format!("{path}?all=true"), &stage.admin, "").await;
        assert_eq!((deleted.status, deleted.text.as_str()), (200, r#"{"deleted":3}"#));
    }
}
