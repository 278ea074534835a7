//! Makes an export that failed or was canceled once more. For administrators and its owner.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::export::ExportWire;
use waybill_app::RetryExport;
use waybill_domain::{Principal, Surface};

/// Makes an export that failed or was canceled once more. For administrators and its owner.
#[utoipa::path(
    post,
    path = "/v1/exports/{id}/retry",
    tag = "exports",
    params(
        ("id" = String, Path, description = "The id of the export that failed or was canceled"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    responses(
        (status = 201, description = "The new export, queued", body = ExportWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn retry_export(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let idempotency = call.idempotency("admin:retry-export")?;
    let command = RetryExport { surface: Surface::Admin, export: part("id", id)?, idempotency };
    let view = waybill_app::retry_export(call.context, &*call.deps.wake, principal, &command).await?;
    let location = format!("/v1/exports/{}", view.export.id);
    Reply::created(location, &call.shown(principal, view).await?)
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    #[tokio::test]
    async fn a_canceled_export_is_made_once_more_and_a_waiting_one_is_not() {
        let stage = Stage::new().await;
        stage.define().await;
        let body = r#"{"collection":"visits","name":"Nightly","format":"csv","where":{"score":3}}"#;
        let first = stage.send("POST", "/v1/exports", &stage.member, body).await;
        let path = format!("/v1/exports/{}", first.text_at("/id"));
        let retry = format!("{path}/retry");
        let refused = stage.send("POST", &retry, &stage.member, "").await;
        assert_eq!((refused.status, refused.text_at("/detail")), (409, "the export has not ended".to_owned()));
        stage.send("POST", &format!("{path}/cancel"), &stage.member, "").await;
        let key = [("idempotency-key", "k")];
        let again = stage.send_with("POST", &retry, &stage.member, &key, "").await;
        assert_eq!((again.status, again.text_at("/state")), (201, "queued".to_owned()));
        assert_eq!((again.text_at("/retryOf"), again.text_at("/name")), (first.text_at("/id"), "Nightly".to_owned()));
        assert_eq!(again.json()["where"], first.json()["where"]);
        assert_eq!(again.headers["location"], format!("/v1/exports/{}", again.text_at("/id")).as_str());
        assert_eq!(stage.send_with("POST", &retry, &stage.member, &key, "").await.text, again.text);
        assert_eq!(stage.send("GET", &retry, &stage.member, "").await.status, 405);
    }
}
