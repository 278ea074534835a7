//! Changes an account; what the body leaves out stays. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::account::{AccountBody, AccountWire};
use waybill_domain::Principal;

/// Changes an account; what the body leaves out stays. A new password and a lock end its sessions. For administrators.
#[utoipa::path(
    patch,
    path = "/v1/accounts/{id}",
    tag = "accounts",
    params(("id" = String, Path, description = "The account's id")),
    request_body = AccountBody,
    responses(
        (status = 200, description = "The account", body = AccountWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_account(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let id = part("id", id)?;
    let change = AccountBody::read(&call.json()?)?.into();
    let passwords = &call.deps.passwords;
    let account = waybill_app::change_account(call.context, passwords, principal, id, &change).await?;
    Reply::ok(&AccountWire::from(account))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    #[tokio::test]
    async fn what_is_left_out_stays_and_null_takes_the_address_away() {
        let stage = Stage::new().await;
        let path = "/v1/accounts/000000000202020202020202";
        let body = r#"{"email":"bob@example.com","name":{"first":"Bob"},"roles":["nurse"]}"#;
        assert_eq!(stage.send("PATCH", path, &stage.admin, body).await.status, 200);
        let changed = stage.send("PATCH", path, &stage.admin, r#"{"email":null,"name":{"last":"Lee"}}"#).await;
        insta::assert_snapshot!(changed.shown());
        let locked = stage.send("PATCH", path, &stage.admin, r#"{"state":"locked"}"#).await;
        assert_eq!(locked.text_at("/state"), "locked");
        assert_eq!(stage.send("GET", "/v1/exports", &stage.member, "").await.status, 401);
        assert_eq!(stage.send("PATCH", path, &stage.admin, r#"{"state":"active"}"#).await.status, 200);
        assert_eq!(stage.send("GET", "/v1/exports", &stage.member, "").await.status, 200);
        let own = "/v1/accounts/000000000101010101010101";
        assert_eq!(stage.send("PATCH", own, &stage.admin, r#"{"role":"member"}"#).await.status, 409);
        let acme = stage.add_org("acme").await;
        assert_eq!(stage.send("PATCH", path, &acme, "{}").await.status, 404);
    }
}
