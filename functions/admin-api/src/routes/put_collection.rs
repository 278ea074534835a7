//! Defines a collection, or defines it anew. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::collection::{CollectionWire, PutCollectionBody};
use waybill_domain::Principal;

/// Defines a collection, or defines it anew. For administrators.
#[utoipa::path(
    put,
    path = "/v1/collections/{name}",
    tag = "collections",
    params(("name" = String, Path, description = "The collection")),
    request_body = PutCollectionBody,
    responses(
        (status = 200, description = "The collection, defined anew", body = CollectionWire),
        (status = 201, description = "The collection, new", body = CollectionWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn put_collection(call: &Call<'_>, principal: &Principal, name: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let body = PutCollectionBody::read(part("name", name)?, &call.json()?)?;
    let (collection, is_new) = waybill_app::put_collection(call.context, principal, &body.into()).await?;
    let wire = CollectionWire::from(collection);
    if is_new { Reply::created(format!("/v1/collections/{name}"), &wire) } else { Reply::ok(&wire) }
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn a_definition_is_new_then_revised_and_left_alone_when_it_says_the_same() {
        let stage = Stage::new().await;
        stage.define().await;
        let read = stage.send("GET", "/v1/collections/visits", &stage.admin, "").await;
        insta::assert_snapshot!(read.shown());
        let body = r#"{"properties":{"code":{"type":"string"}},"open":true}"#;
        let revised = stage.send("PUT", "/v1/collections/sites", &stage.admin, body).await;
        assert_eq!((revised.status, revised.json()["revision"].as_u64()), (200, Some(2)));
        let same = stage.send("PUT", "/v1/collections/sites", &stage.admin, body).await;
        assert_eq!(same.text, revised.text);
    }

    #[tokio::test]
    async fn a_collection_may_refer_to_itself() {
        let stage = Stage::new().await;
        let body = r#"{"properties":{"parent":{"type":"reference","collection":"nodes"}}}"#;
        assert_eq!(stage.send("PUT", "/v1/collections/nodes", &stage.admin, body).await.status, 201);
    }

    #[tokio::test]
    async fn a_list_leads_to_records_that_lead_back() {
        let stage = Stage::new().await;
        let body = r#"{"properties":{"up":{"type":"reference","collection":"nodes"},"down":{"type":"list","collection":"nodes","via":"up"}}}"#;
        let made = stage.send("PUT", "/v1/collections/nodes", &stage.admin, body).await;
        assert_eq!(
            (made.status, made.json()["properties"]["down"].to_string()),
            (201, r#"{"type":"list","collection":"nodes","via":"up"}"#.to_owned())
        );
        let loaded = stage.send("POST", "/v1/collections/nodes/records", &stage.admin, r#"{"down":[]}"#).await.json();
        assert_eq!(
            loaded["rejected"][0]["reason"],
            "`down` must be left out: a list holds records of another collection"
        );
        let other = r#"{"properties":{"nodes":{"type":"list","collection":"nodes","via":"up"}}}"#;
        let refused = stage.send("PUT", "/v1/collections/other", &stage.admin, other).await.json();
        assert_eq!(refused["errors"][0]["pointer"], "/properties/nodes/via");
        assert_eq!(refused["errors"][0]["message"], "must be a property of `nodes` that is a reference to `other`");
    }

    #[tokio::test]
    async fn bad_definitions_are_refused_with_the_place() {
        let stage = Stage::new().await;
        let bodies = [
            r#"{"name":"other","singular":"9","source":{"type":"dynamodb","table":"t"},"open":1,"access":{"default":[1]},"x":1}"#,
            r#"{"properties":{"a":{"type":"text"},"b":{},"c":{"type":"reference"},"d":{"type":"file"},"e":5,
                "f":{"type":"list","collection":"x"},"g":{"type":"string","dimensions":["d"],"inheritable":true,"z":1},
                "h":{"type":"document","properties":{"i":{"type":"nope"}}}}}"#,
            r#"{"properties":{"_id":{"type":"string"}}}"#,
            r#"{"properties":{"d":{"type":"document","properties":{"photo":{"type":"file"}}}}}"#,
            r#"{"properties":{"a b":{"type":"string"}}}"#,
            r#"{"properties":{"d":{"type":"document","properties":{"r":{"type":"reference","collection":"nowhere"}}}}}"#,
            r#"{"properties":{"d":{"type":"document","properties":{"l":{"type":"list","collection":"c","via":"up"}}}}}"#,
            r#"{"properties":{"l":{"type":"list","collection":"c","via":"up","array":true}}}"#,
            r#"{"properties":{"l":{"type":"list","collection":"c","via":"up"},"m":{"type":"list","collection":"none","via":"up"}}}"#,
            "[1]",
            "",
            "{\n  \"properties\": {,}\n}",
        ];
        let mut answers = Vec::new();
        for body in bodies {
            answers.push(stage.send("PUT", "/v1/collections/c", &stage.admin, body).await.shown());
        }
        insta::assert_snapshot!(answers.join("\n\n"));
        assert_eq!(stage.send("PUT", "/v1/collections/9", &stage.admin, "{}").await.status, 400);
        assert_eq!(stage.send("PUT", "/v1/collections/c", &stage.member, bodies[0]).await.status, 400);
        let good = r#"{"properties":{}}"#;
        assert_eq!(stage.send("PUT", "/v1/collections/c", &stage.member, good).await.status, 403);
    }
}
