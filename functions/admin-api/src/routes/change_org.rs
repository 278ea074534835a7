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

#[cfg(test)]
mod tests {
    use crate::stage::OPERATOR;
    use crate::stage::Stage;

    #[tokio::test]
    async fn what_is_left_out_stays_and_null_lifts_the_quota() {
        let stage = Stage::new().await;
        let path = "/v1/orgs/demo";
        let answer = stage.send("PATCH", path, OPERATOR, r#"{"quotaBytes":5}"#).await;
        assert_eq!(answer.json()["quotaBytes"], 5);
        let answer = stage.send("PATCH", path, OPERATOR, r#"{"name":"Demo"}"#).await;
        insta::assert_snapshot!(answer.shown());
        let answer = stage.send("PATCH", path, OPERATOR, r#"{"quotaBytes":null}"#).await;
        assert!(answer.json()["quotaBytes"].is_null());
        assert_eq!(stage.send("PATCH", "/v1/orgs/acme", OPERATOR, "{}").await.status, 404);
        assert_eq!(stage.send("PATCH", path, &stage.admin, "{}").await.status, 403);
    }
}
