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

#[cfg(test)]
mod tests {
    use crate::stage::OPERATOR;
    use crate::stage::Stage;
    use serde_json::json;

    #[tokio::test]
    async fn the_operator_makes_an_org_whose_key_works() {
        let stage = Stage::new().await;
        let made = stage.send("POST", "/v1/orgs", OPERATOR, r#"{"code":"acme","quotaBytes":1000000}"#).await;
        assert_eq!(made.headers["location"], "/v1/orgs/acme");
        let key = made.text_at("/adminKey");
        insta::assert_snapshot!(made.shown());
        assert_eq!(stage.send("GET", "/v1/keys", &key, "").await.status, 200);
        let usage = stage.send("GET", "/v1/usage", &key, "").await;
        assert_eq!((&usage.json()["usedBytes"], &usage.json()["quotaBytes"]), (&json!(0), &json!(1_000_000)));
        let again = stage.send("POST", "/v1/orgs", OPERATOR, r#"{"code":"acme"}"#).await;
        insta::assert_snapshot!("the_same_code_again", again.shown());
    }

    #[tokio::test]
    async fn a_repeated_request_does_not_show_the_key_again() {
        let stage = Stage::new().await;
        let key = [("idempotency-key", "k1")];
        let body = r#"{"code":"acme"}"#;
        assert_eq!(stage.send_with("POST", "/v1/orgs", OPERATOR, &key, body).await.status, 201);
        let again = stage.send_with("POST", "/v1/orgs", OPERATOR, &key, body).await;
        insta::assert_snapshot!(again.shown());
        let other = stage.send_with("POST", "/v1/orgs", OPERATOR, &key, r#"{"code":"acme","name":"A"}"#).await;
        assert_eq!(other.status, 422);
    }

    #[tokio::test]
    async fn nobody_but_the_operator_makes_orgs() {
        let stage = Stage::new().await;
        let body = r#"{"code":"acme"}"#;
        assert_eq!(stage.send("POST", "/v1/orgs", &stage.admin, body).await.status, 403);
        let answer = stage.send("POST", "/v1/orgs", "some-other-key", body).await;
        assert_eq!((answer.status, answer.text_at("/detail")), (401, "the operator key is not valid".to_owned()));
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"waybill\"");
        assert_eq!(stage.send("POST", "/v1/orgs", "", body).await.status, 401);
    }

    #[tokio::test]
    async fn a_bad_org_is_refused_member_by_member() {
        let stage = Stage::new().await;
        let body = r#"{"code":"console","quotaBytes":-1,"zone":"Europe/Copenhagen","maxWaiting":3,"colour":"red"}"#;
        insta::assert_snapshot!(stage.send("POST", "/v1/orgs", OPERATOR, body).await.shown());
    }
}
