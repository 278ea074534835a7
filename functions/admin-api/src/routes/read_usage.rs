//! Reads what the org uses of its storage. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::Call;
use crate::reply::Reply;
use crate::wire::usage::UsageWire;
use waybill_domain::Principal;

/// Reads what the org uses of its storage. For administrators.
#[utoipa::path(
    get,
    path = "/v1/usage",
    tag = "usage",
    responses(
        (status = 200, description = "The storage", body = UsageWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn read_usage(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let view = waybill_app::read_usage(call.context, principal).await?;
    Reply::ok(&UsageWire::from(view))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn usage_is_for_administrators() {
        let stage = Stage::new().await;
        let answer = stage.send("GET", "/v1/usage", &stage.admin, "").await;
        assert_eq!(answer.text, r#"{"usedBytes":0,"reservedBytes":0,"quotaBytes":null}"#);
        assert_eq!(stage.send("GET", "/v1/usage", &stage.member, "").await.status, 403);
    }
}
