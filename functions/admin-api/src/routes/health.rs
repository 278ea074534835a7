//! Says that this function answers, and which version it is.

use crate::error::ApiError;
use crate::operation::Call;
use crate::reply::Reply;
use serde::Serialize;
use utoipa::ToSchema;

/// That it answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
    /// The version of Waybill.
    version: &'static str,
}

/// Says that this function answers, and which version it is. For anyone.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "about",
    responses((status = 200, description = "It answers", body = Health)),
    security(()),
)]
pub(crate) fn health(call: &Call<'_>) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    Reply::ok(&Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn anybody_may_ask_and_every_reply_says_what_it_is() {
        let stage = Stage::new().await;
        let answer = stage.send("GET", "/healthz", "", "").await;
        assert_eq!((answer.status, answer.text_at("/status")), (200, "ok".to_owned()));
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["x-request-id"], "request-1");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
}
