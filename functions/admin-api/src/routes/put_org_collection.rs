//! Defines a collection of an org, whatever its source, or defines it anew. For the operator.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::collection::{CollectionWire, PutCollectionBody};

/// Defines a collection of an org, or defines it anew. For the operator, who alone may name a table of the platform as its source.
#[utoipa::path(
    put,
    path = "/v1/orgs/{org}/collections/{name}",
    tag = "orgs",
    params(
        ("org" = String, Path, description = "The org's code"),
        ("name" = String, Path, description = "The collection"),
    ),
    request_body = PutCollectionBody,
    responses(
        (status = 200, description = "The collection, defined anew", body = CollectionWire),
        (status = 201, description = "The collection, new", body = CollectionWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("operatorKey" = [])),
)]
pub(crate) async fn put_org_collection(call: &Call<'_>, org: &str, name: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let body = PutCollectionBody::read(part("name", name)?, &call.json()?)?;
    let (collection, is_new) =
        waybill_app::put_collection_of_org(call.context, &part("org", org)?, &body.into()).await?;
    let wire = CollectionWire::from(collection);
    if is_new { Reply::created(format!("/v1/collections/{name}"), &wire) } else { Reply::ok(&wire) }
}

#[cfg(test)]
mod tests {
    use crate::stage::OPERATOR;
    use crate::stage::Stage;

    const TABLE: &str = r#"{"type":"dynamodb","table":"platform","idAttribute":"id",
        "keyCondition":{"attribute":"pk","values":["ORG#{org}#0","ORG#{org}#1"],"sortAttribute":"sk","sortPrefix":"VISIT#"}}"#;

    #[tokio::test]
    async fn only_the_operator_names_a_table_and_administrators_then_keep_it() {
        let stage = Stage::new().await;
        let body = format!(r#"{{"source":{TABLE},"properties":{{"created":{{"type":"number"}}}}}}"#);
        let (own, of_org) = ("/v1/collections/visits", "/v1/orgs/demo/collections/visits");
        let refused = stage.send("PUT", own, &stage.admin, &body).await;
        assert_eq!(refused.status, 403);
        let why = "only the operator may name a table of the platform as a source";
        assert_eq!(refused.text_at("/detail"), why);
        assert_eq!(stage.send("PUT", of_org, &stage.admin, &body).await.status, 403);
        assert_eq!(stage.send("PUT", "/v1/orgs/acme/collections/visits", OPERATOR, &body).await.status, 404);
        let made = stage.send("PUT", of_org, OPERATOR, &body).await;
        assert_eq!(made.status, 201);
        insta::assert_snapshot!(made.shown());
        let without_source = r#"{"properties":{},"open":true}"#;
        let kept = stage.send("PUT", own, &stage.admin, without_source).await;
        assert_eq!((kept.status, kept.text_at("/source/type")), (200, "dynamodb".to_owned()));
        let other = body.replace("platform", "payroll");
        assert_eq!(stage.send("PUT", own, &stage.admin, &other).await.status, 403);
        assert_eq!(stage.send("PUT", of_org, OPERATOR, &other).await.status, 409);
        for (method, path) in [("GET", "records"), ("POST", "records"), ("GET", "records/0123456789abcdef01234567")] {
            let refused = stage.send(method, &format!("{own}/{path}"), &stage.admin, "{}").await;
            assert_eq!(refused.status, 409, "{method} {path}");
            let why = "the records of `visits` are items of the table `platform`: they can only be exported";
            assert_eq!(refused.text_at("/detail"), why);
        }
        assert_eq!(stage.send("DELETE", own, &stage.admin, "").await.status, 204);
    }

    #[tokio::test]
    async fn a_source_that_is_none_is_refused_with_the_place() {
        let stage = Stage::new().await;
        let sources = [
            r#"{"type":"sql"}"#,
            r#"{"type":"dynamodb"}"#,
            r#"{"type":"dynamodb","table":"t t","idAttribute":"id","orgAttribute":"tenant"}"#,
            r#"{"type":"dynamodb","table":"platform","idAttribute":"id"}"#,
            r#"{"type":"dynamodb","table":"platform","idAttribute":"id","keyCondition":5,"x":1}"#,
            r#"{"type":"dynamodb","table":"platform","idAttribute":"id","keyCondition":{"attribute":"pk","values":[1],"sortPrefix":"a"}}"#,
            r#"{"type":"dynamodb","table":"platform","idAttribute":"id","keyCondition":{"attribute":"pk","values":["ORG#{org}x"]}}"#,
        ];
        let mut answers = Vec::new();
        for source in sources {
            let body = format!(r#"{{"source":{source},"properties":{{}}}}"#);
            let answer = stage.send("PUT", "/v1/orgs/demo/collections/c", OPERATOR, &body).await;
            assert_eq!(answer.status, 400, "{source}");
            answers.push(serde_json::to_string_pretty(&answer.json()["errors"]).unwrap());
        }
        insta::assert_snapshot!(answers.join("\n\n"));
    }
}
