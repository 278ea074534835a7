//! Tries a destination before anything is sent there.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::Call;
use crate::reply::Reply;
use crate::wire::destination::{DestinationWire, ProbeWire, read_destination};
use waybill_domain::Principal;

/// Tries a destination: writes a small file, reads it back where that is possible, and removes it; a webhook gets a test message. The secrets
/// themselves are needed, not their masks.
#[utoipa::path(
    post,
    path = "/v1/destinations/test",
    tag = "jobs",
    request_body = DestinationWire,
    responses(
        (status = 200, description = "What came of it", body = ProbeWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn test_destination(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let request = read_destination(&call.json()?, String::new())?;
    let outcome = waybill_app::probe_destination(call.context, &*call.deps.destinations, principal, &request).await?;
    Reply::ok(&ProbeWire::from(outcome))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    const PATH: &str = "/v1/destinations/test";

    #[tokio::test]
    async fn a_destination_is_tried_and_what_fails_is_told() {
        let stage = Stage::new().await;
        let body = r#"{"type":"webhook","config":{"url":"https://a.example/in"}}"#;
        let good = stage.send("POST", PATH, &stage.member, body).await;
        assert_eq!((good.status, good.json()["ok"].as_bool()), (200, Some(true)), "{}", good.text);
        stage.ports.destinations.refuse("the folder is not there");
        let bad = stage.send("POST", PATH, &stage.member, body).await;
        assert_eq!((bad.status, bad.text_at("/message")), (200, "the folder is not there".to_owned()));
        assert_eq!(bad.json()["ok"], false);
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_configuration_is_told_where_it_stands() {
        let stage = Stage::new().await;
        for (body, pointer) in [
            ("[]", ""),
            (r#"{"type":"ftp","config":{}}"#, "/type"),
            (r#"{"type":"sftp"}"#, "/config"),
            (r#"{"type":"sftp","config":{"host":"h"}}"#, "/config/username"),
            (r#"{"type":"sftp","config":{"host":"h","username":"u","password":"••••••••"}}"#, "/config/password"),
            (
                r#"{"type":"s3","config":{"bucket":"acme","region":"r","roleArn":"arn:aws:iam::1:role/x"}}"#,
                "/config/roleArn",
            ),
        ] {
            let answer = stage.send("POST", PATH, &stage.member, body).await;
            assert_eq!((answer.status, answer.text_at("/errors/0/pointer").as_str()), (400, pointer), "{body}");
        }
        assert_eq!(stage.send("POST", PATH, "", "{}").await.status, 401);
        assert_eq!(stage.send("GET", PATH, &stage.member, "").await.status, 405);
    }
}
