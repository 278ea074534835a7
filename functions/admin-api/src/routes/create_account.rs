//! Makes an account. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::Call;
use crate::reply::Reply;
use crate::wire::account::{AccountBody, AccountWire};
use serde_json::Value;
use waybill_domain::Principal;
use waybill_http::idempotent_request;

/// Makes an account. For administrators.
#[utoipa::path(
    post,
    path = "/v1/accounts",
    tag = "accounts",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    request_body = AccountBody,
    responses(
        (status = 201, description = "The account", body = AccountWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_account(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let body = call.json()?;
    let idempotency = idempotent_request(call.request, "admin:create-account", without_password(&body).as_bytes())?;
    let command = AccountBody::read(&body)?.creation(idempotency);
    let account = waybill_app::create_account(call.context, &call.deps.passwords, principal, &command).await?;
    let location = format!("/v1/accounts/{}", account.id);
    Reply::created(location, &AccountWire::from(account))
}

/// What is remembered of a body is a quick digest; a password is not to be guessed by it.
fn without_password(body: &Value) -> String {
    let mut body = body.clone();
    if let Some(members) = body.as_object_mut() {
        members.shift_remove("password");
    }
    body.to_string()
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    const ANN: &str = r#"{"email":"Ann@example.com","name":{"first":"Ann","last":"Lee"},"roles":["nurse","auditor"],
        "password":"correct horse","state":"active"}"#;

    #[tokio::test]
    async fn an_account_is_made_without_its_password_coming_back() {
        let stage = Stage::new().await;
        let made = stage.send("POST", "/v1/accounts", &stage.admin, ANN).await;
        insta::assert_snapshot!(made.shown());
        assert_eq!(made.headers["location"], format!("/v1/accounts/{}", made.text_at("/id")));
        let taken = stage.send("POST", "/v1/accounts", &stage.admin, r#"{"email":"ANN@EXAMPLE.COM"}"#).await;
        insta::assert_snapshot!("taken", taken.shown());
        let key = format!(r#"{{"account":"{}"}}"#, made.text_at("/id"));
        let key = stage.send("POST", "/v1/keys", &stage.admin, &key).await;
        assert_eq!((key.status, key.text_at("/account")), (201, made.text_at("/id")));
        let audit = stage.send("GET", "/v1/audit", &stage.admin, "").await;
        assert!(audit.text.contains("account-created"), "{}", audit.text);
    }

    #[tokio::test]
    async fn bad_accounts_are_refused_member_by_member() {
        let stage = Stage::new().await;
        let body = r#"{"email":"ann","name":{"first":1,"middle":"x"},"role":"root","roles":["Nurse"],"password":7,
            "state":"gone","age":3}"#;
        insta::assert_snapshot!(stage.send("POST", "/v1/accounts", &stage.admin, body).await.shown());
        for (body, message) in [
            (r#"{"password":"short"}"#, "must have at least 10 characters"),
            (r#"{"roles":["admin"]}"#, "`admin` is given by `role`; name the org's own roles here"),
        ] {
            let refused = stage.send("POST", "/v1/accounts", &stage.admin, body).await;
            assert_eq!((refused.status, refused.text_at("/errors/0/message")), (400, message.to_owned()));
        }
        assert_eq!(stage.send("POST", "/v1/accounts", &stage.member, "{}").await.status, 403);
    }

    #[tokio::test]
    async fn a_repeated_request_makes_one_account_and_gives_it_again() {
        let stage = Stage::new().await;
        let key = [("idempotency-key", "a1")];
        let made = stage.send_with("POST", "/v1/accounts", &stage.admin, &key, ANN).await;
        let again = stage.send_with("POST", "/v1/accounts", &stage.admin, &key, ANN).await;
        assert_eq!((again.status, again.text_at("/id")), (201, made.text_at("/id")));
        let other = stage.send_with("POST", "/v1/accounts", &stage.admin, &key, "{}").await;
        assert_eq!(other.status, 422);
    }
}
