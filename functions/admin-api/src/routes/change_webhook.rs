//! Changes a webhook; what the body leaves out stays. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::webhook::{WebhookBody, WebhookRequest, WebhookWire};
use waybill_domain::Principal;

/// Changes a webhook; what the body leaves out stays. For administrators. Headers must be given again where they are sent to
/// another place. Switched on again, it is told of what ends from then on.
#[utoipa::path(
    patch,
    path = "/v1/webhooks/{id}",
    tag = "webhooks",
    params(
        ("id" = String, Path, description = "The webhook's id"),
    ),
    request_body = WebhookRequest,
    responses(
        (status = 200, description = "The webhook", body = WebhookWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_webhook(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let change = WebhookBody::read(&call.json()?, false)?.into();
    let webhook =
        waybill_app::change_webhook(call.context, &*call.deps.vault, principal, part("id", id)?, &change).await?;
    Reply::ok(&WebhookWire::from(webhook))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    #[tokio::test]
    async fn what_is_left_out_stays_and_secrets_stay_where_they_were_given_for() {
        let stage = Stage::new().await;
        let body = r#"{"url":"https://erp.example/a","headers":{"x-key":"k"},"secret":"0123456789abcdef"}"#;
        let made = stage.send("POST", "/v1/webhooks", &stage.admin, body).await;
        let path = format!("/v1/webhooks/{}", made.text_at("/id"));
        let off = stage.send("PATCH", &path, &stage.admin, r#"{"status":"inactive","name":"ERP"}"#).await;
        assert_eq!((off.text_at("/status"), off.text_at("/url")), ("inactive".into(), "https://erp.example/a".into()));
        let moved = stage.send("PATCH", &path, &stage.admin, r#"{"url":"https://other.example/a"}"#).await;
        assert_eq!((moved.status, moved.text_at("/errors/0/pointer")), (400, "/headers/x-key".to_owned()));
        let body = r#"{"url":"https://other.example/a","headers":{},"eventsFilter":["data-export-failed"]}"#;
        let moved = stage.send("PATCH", &path, &stage.admin, body).await.json();
        assert_eq!((&moved["url"], &moved["secret"]), (&"https://other.example/a".into(), &"••••••••".into()));
        assert_eq!((&moved["eventsFilter"][0], moved.get("headers")), (&"data-export-failed".into(), None));
        let acme = stage.add_org("acme").await;
        assert_eq!(stage.send("PATCH", &path, &acme, "{}").await.status, 404);
    }

    #[tokio::test]
    async fn what_was_read_is_sent_back_whole_and_headers_are_also_taken_one_by_one() {
        let stage = Stage::new().await;
        let body = r#"{"url":"https://erp.example/a","method":"POST","body":null,"filter":null,"credentialHash":"none",
            "headers":[{"name":"X-Key","value":"k","status":"active"},{"name":"x-other","value":"o"}]}"#;
        let made = stage.send("POST", "/v1/webhooks", &stage.admin, body).await;
        assert_eq!((made.status, &made.json()["headers"]["x-key"]), (201, &"••••••••".into()), "{}", made.text);
        let path = format!("/v1/webhooks/{}", made.text_at("/id"));
        let read = stage.send("GET", &path, &stage.admin, "").await;
        let same = stage.send("PATCH", &path, &stage.admin, &read.text).await;
        assert_eq!(same.status, 200, "{}", same.text);
        let without = |answer: &crate::stage::Answer| {
            let mut webhook = answer.json();
            webhook["updatedAt"] = serde_json::Value::Null;
            webhook
        };
        assert_eq!(without(&same), without(&read));
        let kept = r#"{"headers":[{"name":"x-key","value":"••••••••"}]}"#;
        let kept = stage.send("PATCH", &path, &stage.admin, kept).await.json();
        assert_eq!(kept["headers"], serde_json::json!({"x-key": "••••••••"}));
        let wrong = r#"{"headers":[1,{"value":"x","colour":1},{"name":"a","value":"b","status":"inactive"},
            {"name":"a","value":"c"}],"filter":{"x":1}}"#;
        insta::assert_snapshot!(stage.send("PATCH", &path, &stage.admin, wrong).await.text);
    }
}
