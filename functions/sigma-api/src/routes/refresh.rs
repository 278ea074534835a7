//! POST `/api/v1/auth/refresh`.

use crate::error::{ApiError, ErrorBody};
use crate::reply::Reply;
use crate::routes::Call;
use crate::wire::login::LoginWire;
use waybill_http::session_token;

/// Gives another token for one that is good, which stays good until its own end.
///
/// # Errors
/// `UNAUTHORIZED`.
#[utoipa::path(
    post,
    path = "/api/v1/auth/refresh",
    tag = "sigma",
    operation_id = "sigmaRefresh",
    responses(
        (status = 200, description = "The token, and whose it is", body = LoginWire),
        (status = "default", description = "An error", body = ErrorBody),
    ),
    security(("sigmaToken" = []))
)]
pub(crate) async fn refresh(call: &Call<'_>) -> Result<Reply, ApiError> {
    let token = session_token(call.request)?;
    // Counted as a request of whoever has it.
    let principal = waybill_app::authenticate_bearer(call.context, &token).await?;
    call.deps.limiter.admit(call.context, &principal).await?;
    Reply::ok(&LoginWire::from(waybill_app::refresh_token(call.context, &token).await?))
}
