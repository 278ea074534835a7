//! Cancels an export; one that runs ends soon after. For administrators and its owner.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::export::ExportWire;
use waybill_domain::Principal;

/// Cancels an export; one that runs ends soon after. For administrators and its owner.
#[utoipa::path(
    post,
    path = "/v1/exports/{id}/cancel",
    tag = "exports",
    params(("id" = String, Path, description = "The export's id")),
    responses(
        (status = 200, description = "The export", body = ExportWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn cancel_export(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    // Canceling again changes nothing, so that an `Idempotency-Key` has nothing to add; a bad one is still refused.
    call.idempotency("admin:cancel-export")?;
    let view = waybill_app::cancel_export(call.context, &*call.deps.wake, principal, None, part("id", id)?).await?;
    Reply::ok(&call.shown(principal, view).await?)
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn a_waiting_export_ends_at_once_and_stays_on_record() {
        let stage = Stage::new().await;
        stage.define().await;
        let made = stage.send("POST", "/v1/exports", &stage.admin, r#"{"collection":"visits"}"#).await;
        let path = format!("/v1/exports/{}/cancel", made.text_at("/id"));
        assert_eq!(stage.send("POST", &path, &stage.member, "").await.status, 403);
        let canceled = stage.send("POST", &path, &stage.admin, "").await;
        assert_eq!((canceled.status, canceled.text_at("/state")), (200, "canceled".to_owned()));
        assert_eq!(stage.send("POST", &path, &stage.admin, "").await.text, canceled.text);
    }
}
