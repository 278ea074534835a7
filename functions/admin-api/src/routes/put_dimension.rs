//! Writes a dimension, whole. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::dimension::{DimensionBody, DimensionWire};
use waybill_domain::Principal;

/// Writes a dimension, whole. For administrators.
#[utoipa::path(
    put,
    path = "/v1/dimensions/{id}",
    tag = "collections",
    params(
        ("id" = String, Path, description = "The dimension's id"),
    ),
    request_body = DimensionBody,
    responses(
        (status = 200, description = "The dimension", body = DimensionWire),
        (status = 201, description = "The dimension, new", body = DimensionWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn put_dimension(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let command = DimensionBody::read(part("id", id)?, &call.json()?)?.command();
    let (dimension, is_new) = waybill_app::put_dimension(call.context, principal, &command).await?;
    let wire = DimensionWire::from(dimension);
    if is_new { Reply::created(format!("/v1/dimensions/{id}"), &wire) } else { Reply::ok(&wire) }
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    #[tokio::test]
    async fn a_dimension_is_written_read_listed_and_deleted() {
        let stage = Stage::new().await;
        let body =
            r#"{"name":"Language","segments":[{"id":"seg-en","isDefault":true},{"id":"seg-da","name":"Dansk"}]}"#;
        let made = stage.send("PUT", "/v1/dimensions/dim-language", &stage.admin, body).await;
        insta::assert_snapshot!(made.shown());
        assert_eq!(stage.send("GET", "/v1/dimensions/dim-language", &stage.admin, "").await.text, made.text);
        assert_eq!(stage.send("PUT", "/v1/dimensions/dim-language", &stage.admin, &made.text).await.status, 200);
        assert_eq!(stage.send("GET", "/v1/dimensions", &stage.admin, "").await.json()["items"][0], made.json());
        assert_eq!(stage.send("DELETE", "/v1/dimensions/dim-language", &stage.admin, "").await.status, 204);
        assert_eq!(stage.send("GET", "/v1/dimensions/dim-language", &stage.admin, "").await.status, 404);
        assert_eq!(stage.send("GET", "/v1/dimensions", &stage.member, "").await.status, 403);
        let wrong = r#"{"id":"x","defaultSegmentId":"c","segments":[{"id":"a"},{"name":"b"},5]}"#;
        let wrong = stage.send("PUT", "/v1/dimensions/d", &stage.admin, wrong).await;
        let twice = r#"{"defaultSegmentId":"c","segments":[{"id":"a"},{"id":"a"}]}"#;
        let twice = stage.send("PUT", "/v1/dimensions/d", &stage.admin, twice).await;
        insta::assert_snapshot!(format!("{}\n{}", wrong.shown(), twice.shown()));
    }
}
