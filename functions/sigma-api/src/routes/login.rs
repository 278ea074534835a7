//! POST `/api/v1/auth/login`.

use crate::error::{ApiError, ErrorBody};
use crate::reply::Reply;
use crate::routes::Call;
use crate::wire::login::{LoginBody, LoginWire};
use secrecy::SecretString;
use waybill_app::SignInForToken;
use waybill_http::source_ip;

/// Gives a token for an e-mail address and a password, good for 24 hours. Whatever is wrong with them, the answer is the same.
///
/// # Errors
/// `UNAUTHORIZED`; `LIMIT_EXCEEDED` after too many attempts; `CONFLICT` when several workspaces have that address and password.
#[utoipa::path(
    post,
    path = "/api/v1/auth/login",
    tag = "sigma",
    operation_id = "sigmaLogin",
    request_body = LoginBody,
    responses(
        (status = 200, description = "The token, and whose it is", body = LoginWire),
        (status = "default", description = "An error", body = ErrorBody),
    ),
    security(())
)]
pub(crate) async fn login(call: &Call<'_>) -> Result<Reply, ApiError> {
    let body = LoginBody::read(&call.json()?)?;
    let attempt = SignInForToken {
        org: body.workspace,
        email: body.email,
        password: SecretString::from(body.password),
        address: source_ip(call.request),
    };
    let session = waybill_app::sign_in_for_token(call.context, &call.deps.passwords, &attempt).await?;
    Reply::ok(&LoginWire::from(session))
}
