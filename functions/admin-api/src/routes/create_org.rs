//! Makes an org, and its first administrator's key, which is shown this once.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::Call;
use crate::reply::Reply;
use crate::wire::org::{CreateOrgBody, CreatedOrgWire};

/// Makes an org, and its first administrator's key, which is shown this once.
#[utoipa::path(
    post,
    path = "/v1/orgs",
    tag = "orgs",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    request_body = CreateOrgBody,
    responses(
        (status = 201, description = "The org", body = CreatedOrgWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("operatorKey" = [])),
)]
pub(crate) async fn create_org(call: &Call<'_>) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let body = CreateOrgBody::read(&call.json()?)?;
    let command = body.command(call.idempotency("admin:create-org")?);
    let created = waybill_app::create_org(call.context, &command).await?;
    let location = format!("/v1/orgs/{}", created.org.code);
    Reply::created(location, &CreatedOrgWire::from(created))
}
