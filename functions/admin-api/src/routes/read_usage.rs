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
    use serde_json::json;

    #[tokio::test]
    async fn usage_is_for_administrators() {
        let stage = Stage::new().await;
        let answer = stage.send("GET", "/v1/usage", &stage.admin, "").await;
        let mut usage = answer.json();
        let days = usage["days"].take();
        assert_eq!(usage, json!({"usedBytes": 0, "reservedBytes": 0, "quotaBytes": null, "days": null}));
        let day = |date: &str| json!({"date": date, "usedBytes": 0, "reservedBytes": 0, "mostBytes": 0});
        let days = days.as_array().unwrap();
        assert_eq!((days.len(), &days[0], &days[30]), (31, &day("2025-12-02"), &day("2026-01-01")));
        assert_eq!(stage.send("GET", "/v1/usage", &stage.member, "").await.status, 403);
    }
}
