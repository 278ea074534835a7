//! Makes a webhook, whose secret is shown this once. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::Call;
use crate::reply::Reply;
use crate::wire::webhook::{WebhookBody, WebhookRequest, WebhookWire};
use waybill_domain::Principal;

/// Makes a webhook, whose secret is shown this once. For administrators. It is told when exports of the org end, whichever
/// surface they were made through, unless somebody canceled or deleted them. A message is a JSON object, posted at most 20 s long, signed as
/// Standard Webhooks 1.0.0 says. Any 2xx is good; 410 switches the webhook off; anything else is tried again for a day.
#[utoipa::path(
    post,
    path = "/v1/webhooks",
    tag = "webhooks",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    request_body = WebhookRequest,
    responses(
        (status = 201, description = "The webhook", body = WebhookWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_webhook(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let body = WebhookBody::read(&call.json()?, true)?;
    let command = body.creation(call.idempotency("admin:create-webhook")?);
    let created = waybill_app::create_webhook(call.context, &*call.deps.vault, principal, &command).await?;
    let location = format!("/v1/webhooks/{}", created.webhook.id);
    Reply::created(location, &WebhookWire::from(created))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    #[tokio::test]
    async fn a_webhook_is_made_with_a_secret_that_is_shown_once() {
        let stage = Stage::new().await;
        let body = r#"{"name":"ERP","url":"https://erp.example/hook?token=t","headers":{"X-Api-Key":"k"}}"#;
        let key = [("idempotency-key", "k1")];
        let made = stage.send_with("POST", "/v1/webhooks", &stage.admin, &key, body).await;
        assert!(made.text_at("/secret").starts_with("whsec_"));
        insta::assert_snapshot!(made.shown());
        let again = stage.send_with("POST", "/v1/webhooks", &stage.admin, &key, body).await;
        assert_eq!((again.status, again.text_at("/id")), (409, made.text_at("/id")));
        let path = format!("/v1/webhooks/{}", made.text_at("/id"));
        let shown = stage.send("GET", &path, &stage.admin, "").await;
        assert_eq!(
            (shown.text_at("/secret"), shown.text_at("/headers/x-api-key")),
            ("••••••••".into(), "••••••••".into())
        );
        let listed = stage.send("GET", "/v1/webhooks", &stage.admin, "").await.json();
        assert_eq!(listed["items"], serde_json::json!([shown.json()]));
        let trail = stage.send("GET", "/v1/audit", &stage.admin, "").await.json();
        assert_eq!(trail["items"][0]["action"], "webhook-put");
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_and_members_make_none() {
        let stage = Stage::new().await;
        let body = r#"{"name":5,"eventsFilter":["export"],"status":"on","colour":1}"#;
        insta::assert_snapshot!(stage.send("POST", "/v1/webhooks", &stage.admin, body).await.shown());
        for (field, body) in [
            ("/url", r#"{"url":"ftp://erp.example"}"#),
            ("/method", r#"{"url":"https://erp.example","method":"GET"}"#),
            ("/secret", r#"{"url":"https://erp.example","secret":"short"}"#),
            ("/headers/host", r#"{"url":"https://erp.example","headers":{"Host":"x"}}"#),
        ] {
            let answer = stage.send("POST", "/v1/webhooks", &stage.admin, body).await;
            assert_eq!((answer.status, answer.text_at("/errors/0/pointer")), (400, field.to_owned()));
        }
        let body = r#"{"url":"https://erp.example"}"#;
        assert_eq!(stage.send("POST", "/v1/webhooks", &stage.member, body).await.status, 403);
        for _ in 0..10 {
            assert_eq!(stage.send("POST", "/v1/webhooks", &stage.admin, body).await.status, 201);
        }
        assert_eq!(stage.send("POST", "/v1/webhooks", &stage.admin, body).await.status, 409);
    }
}
