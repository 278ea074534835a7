//! Changes an org; what the body leaves out stays.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::org::{ChangeOrgBody, OrgWire};

/// Changes an org; what the body leaves out stays.
#[utoipa::path(
    patch,
    path = "/v1/orgs/{org}",
    tag = "orgs",
    params(("org" = String, Path, description = "The org's code")),
    request_body = ChangeOrgBody,
    responses(
        (status = 200, description = "The org", body = OrgWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("operatorKey" = [])),
)]
pub(crate) async fn change_org(call: &Call<'_>, org: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let code = part("org", org)?;
    let body = ChangeOrgBody::read(&call.json()?)?;
    let org = waybill_app::change_org(call.context, &code, &body.into()).await?;
    Reply::ok(&OrgWire::from(org))
}
