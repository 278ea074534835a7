//! Revokes an access key; from the reply on it is not good. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::key::KeyWire;
use waybill_domain::Principal;

/// Revokes an access key; from the reply on it is not good. For administrators.
#[utoipa::path(
    delete,
    path = "/v1/keys/{id}",
    tag = "keys",
    params(("id" = String, Path, description = "The key's id")),
    responses(
        (status = 200, description = "The key, revoked", body = KeyWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn revoke_key(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let key = waybill_app::revoke_key(call.context, principal, part("id", id)?).await?;
    Reply::ok(&KeyWire::from(key))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn a_revoked_key_is_no_good_from_the_reply_on() {
        let stage = Stage::new().await;
        let made = stage.send("POST", "/v1/keys", &stage.admin, r#"{"role":"admin"}"#).await;
        let path = format!("/v1/keys/{}", made.text_at("/id"));
        let revoked = stage.send("DELETE", &path, &stage.admin, "").await;
        assert_eq!((revoked.status, revoked.json()["revokedAt"].is_string()), (200, true));
        assert_eq!(stage.send("GET", "/v1/keys", &made.text_at("/key"), "").await.status, 401);
        let again = stage.send("DELETE", &path, &stage.admin, "").await;
        assert_eq!(again.text, revoked.text);
        let audit = stage.send("GET", "/v1/audit?limit=1", &stage.admin, "").await;
        assert_eq!(audit.text_at("/items/0/action"), "key-revoked");
    }

    #[tokio::test]
    async fn the_last_administrator_cannot_lock_everybody_out() {
        let stage = Stage::new().await;
        let answer = stage.send("DELETE", "/v1/keys/000000000101010101010101", &stage.admin, "").await;
        insta::assert_snapshot!(answer.shown());
        assert_eq!(stage.send("DELETE", "/v1/keys/000000000101010101010101", &stage.member, "").await.status, 403);
    }

    #[tokio::test]
    async fn a_foreign_key_and_an_id_that_is_none_are_not_found_or_refused() {
        let stage = Stage::new().await;
        let acme = stage.add_org("acme").await;
        let answer = stage.send("DELETE", "/v1/keys/000000000202020202020202", &acme, "").await;
        assert_eq!(answer.status, 404);
        insta::assert_snapshot!(stage.send("DELETE", "/v1/keys/x", &acme, "").await.shown());
    }
}
