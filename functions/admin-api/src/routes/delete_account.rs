//! Deletes an account; its keys and sessions end with it. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use waybill_domain::Principal;

/// Deletes an account; its keys and sessions end with it. For administrators.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{id}",
    tag = "accounts",
    params(("id" = String, Path, description = "The account's id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_account(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    waybill_app::delete_account(call.context, principal, part("id", id)?).await?;
    Ok(Reply::gone())
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    #[tokio::test]
    async fn a_deleted_accounts_keys_are_no_good() {
        let stage = Stage::new().await;
        let path = "/v1/accounts/000000000202020202020202";
        let acme = stage.add_org("acme").await;
        assert_eq!(stage.send("DELETE", path, &acme, "").await.status, 404);
        assert_eq!(stage.send("DELETE", path, &stage.admin, "").await.status, 204);
        assert_eq!(stage.send("GET", "/v1/exports", &stage.member, "").await.status, 401);
        assert_eq!(stage.send("DELETE", path, &stage.admin, "").await.status, 404);
        let own = "/v1/accounts/000000000101010101010101";
        insta::assert_snapshot!(stage.send("DELETE", own, &stage.admin, "").await.shown());
    }
}
