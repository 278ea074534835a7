//! Revokes an access key; from the reply on it is not good. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::key::KeyWire;
use waybill_domain::Principal;

/// Revokes an access key; from the reply on it is not good. For administrators.
#[utoipa::path(
    delete,
    path = "/v1/keys/{id}",
    tag = "keys",
    params(("id" = String, Path, description = "The key's id")),
    responses(
        (status = 200, description = "The key, revoked", body = KeyWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn revoke_key(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let key = waybill_app::revoke_key(call.context, principal, part("id", id)?).await?;
    Reply::ok(&KeyWire::from(key))
}
