//! Makes an access key, whose secrets are shown this once. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::Call;
use crate::reply::Reply;
use crate::wire::key::{CreateKeyBody, CreatedKeyWire};
use waybill_domain::Principal;

/// Makes an access key, whose secrets are shown this once. For administrators.
#[utoipa::path(
    post,
    path = "/v1/keys",
    tag = "keys",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    request_body = CreateKeyBody,
    responses(
        (status = 201, description = "The key", body = CreatedKeyWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_key(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let body = CreateKeyBody::read(&call.json()?)?;
    let command = body.command(call.idempotency("admin:create-key")?);
    let created = waybill_app::create_key(call.context, &*call.deps.vault, principal, &command).await?;
    let location = format!("/v1/keys/{}", created.key.id);
    Reply::created(location, &CreatedKeyWire::from(created))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use sha2::Sha256;

    #[tokio::test]
    async fn a_key_is_shown_once_and_works_as_its_role() {
        let stage = Stage::new().await;
        let body = r#"{"name":"loader","role":"member","scopes":["records:write"],"expiresAt":"2026-02-01T00:00:00Z"}"#;
        let made = stage.send("POST", "/v1/keys", &stage.admin, body).await;
        insta::assert_snapshot!(made.shown());
        let key = made.text_at("/key");
        assert_eq!(stage.send("GET", "/v1/exports", &key, "").await.status, 200);
        assert_eq!(stage.send("GET", "/v1/keys", &key, "").await.status, 403);
        stage.ports.clock.set("2026-02-01T00:00:00Z".parse().unwrap());
        assert_eq!(stage.send("GET", "/v1/exports", &key, "").await.status, 401);
    }

    #[tokio::test]
    async fn a_signature_pair_signs_requests() {
        let stage = Stage::new().await;
        let made = stage.send("POST", "/v1/keys", &stage.admin, r#"{"role":"admin","signature":true}"#).await;
        let (name, secret) = (made.text_at("/signature/apiKey"), made.text_at("/signature/apiSecret"));
        assert_eq!((name.len(), secret.len()), (22, 64));
        let at = stage.deps.context.now().as_millis().to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(format!("{name}{secret}").as_bytes()).unwrap();
        mac.update(format!("/keys;GET;{at}").as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let headers = [
            ("medable-client-key", name.as_str()),
            ("medable-client-signature", &signature),
            ("medable-client-nonce", "abcdefgh12345678"),
            ("medable-client-timestamp", &at),
        ];
        assert_eq!(stage.send_with("GET", "/v1/keys", "", &headers, "").await.status, 200);
        let again = stage.send_with("GET", "/v1/keys", "", &headers, "").await;
        assert_eq!((again.status, again.text_at("/detail")), (401, "the nonce was used before".to_owned()));
    }

    #[tokio::test]
    async fn bad_keys_are_refused_member_by_member() {
        let stage = Stage::new().await;
        let body =
            r#"{"role":"root","scopes":["records:all"],"expiresAt":"soon","account":"x","publicKey":"-----","a":1}"#;
        let answer = stage.send("POST", "/v1/keys", &stage.admin, body).await;
        insta::assert_snapshot!(answer.shown());
        for body in [
            r#"{"expiresAt":"2020-01-01T00:00:00Z"}"#,
            r#"{"account":"000000000000000000000009"}"#,
            r#"{"account":"000000000202020202020202","role":"admin"}"#,
        ] {
            assert_eq!(stage.send("POST", "/v1/keys", &stage.admin, body).await.status, 400, "{body}");
        }
        assert_eq!(stage.send("POST", "/v1/keys", &stage.member, "{}").await.status, 403);
    }

    #[tokio::test]
    async fn a_repeated_request_makes_one_key_and_shows_it_once() {
        let stage = Stage::new().await;
        let key = [("idempotency-key", "k1")];
        let made = stage.send_with("POST", "/v1/keys", &stage.admin, &key, "{}").await;
        let again = stage.send_with("POST", "/v1/keys", &stage.admin, &key, "{}").await;
        assert_eq!((again.status, again.text_at("/id")), (409, made.text_at("/id")));
        let other = stage.send_with("POST", "/v1/keys", &stage.admin, &key, r#"{"name":"x"}"#).await;
        assert_eq!(other.status, 422);
        assert_eq!(stage.send("GET", "/v1/keys", &stage.admin, "").await.json()["items"].as_array().unwrap().len(), 3);
    }
}
