//! POST `/{org}/v2/accounts/logout`.

use crate::fault::Fault;
use crate::reply::Reply;
use crate::routes::Call;
use crate::wire::arguments::only;
use crate::wire::envelope::ResultBody;
use serde_json::Value;
use waybill_http::{SESSION_COOKIE, session_of};

/// Ends the session whose cookies come along; without one there is nothing to end.
///
/// # Errors
/// `kAccessDenied` without a good credential.
#[utoipa::path(
    post,
    path = "/{org}/v2/accounts/logout",
    tag = "cortex",
    operation_id = "cortexLogout",
    params(("org" = String, Path, description = "The org's code")),
    responses(
        (status = 200, description = "The session is over", body = ResultBody),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn logout(call: &Call<'_>) -> Result<Reply, Fault> {
    only(&call.query, &[])?;
    if let Some(proof) = session_of(call.request) {
        waybill_app::sign_out(call.context, &proof).await?;
    }
    let gone = format!("{SESSION_COOKIE}=; Path=/{}; Max-Age=0; HttpOnly; Secure; SameSite=None", call.principal.org);
    Ok(Reply::json(&ResultBody::new(Value::Bool(true)))?.with_cookie(gone))
}
