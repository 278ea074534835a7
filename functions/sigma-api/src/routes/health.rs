//! GET `/api/v1/healthz`.

use crate::error::ApiError;
use crate::reply::Reply;
use serde_json::json;

/// Says that the surface answers. For anyone.
///
/// # Errors
/// None.
#[utoipa::path(
    get,
    path = "/api/v1/healthz",
    tag = "sigma",
    operation_id = "sigmaHealth",
    responses((status = 200, description = "It answers", body = serde_json::Value)),
    security(())
)]
pub(crate) fn health() -> Result<Reply, ApiError> {
    Reply::ok(&json!({"status": "ok"}))
}
