//! Makes an access key, whose secrets are shown this once. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::Call;
use crate::reply::Reply;
use crate::wire::key::{CreateKeyBody, CreatedKeyWire};
use waybill_domain::Principal;

/// Makes an access key, whose secrets are shown this once. For administrators.
#[utoipa::path(
    post,
    path = "/v1/keys",
    tag = "keys",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    request_body = CreateKeyBody,
    responses(
        (status = 201, description = "The key", body = CreatedKeyWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_key(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let body = CreateKeyBody::read(&call.json()?)?;
    let command = body.command(call.idempotency("admin:create-key")?);
    let created = waybill_app::create_key(call.context, &*call.deps.vault, principal, &command).await?;
    let location = format!("/v1/keys/{}", created.key.id);
    Reply::created(location, &CreatedKeyWire::from(created))
}
