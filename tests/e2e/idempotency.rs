//! A create that is sent twice makes one export.

use crate::harness::{reply, story};
use reqwest::Method;
use serde_json::json;

#[test]
fn the_same_create_with_one_idempotency_key_makes_one_export() {
    story(async |world| {
        let tenant = world.tenant("idem-one").await?;
        world.things(&tenant, 3).await?;
        let path = format!("/{}/v2/exports", tenant.org);
        let body = json!({"objects": "things", "format": "text/csv"});
        let create = |body: serde_json::Value| {
            reply(world.call(Method::POST, &path, &tenant.member).header("idempotency-key", "once").json(&body))
        };
        let (first, second) = tokio::join!(create(body.clone()), create(body.clone()));
        let (first, second) = (first?.1, second?.1);
        assert_eq!(first["_id"], second["_id"], "{first} {second}");
        let (status, third) = create(body).await?;
        assert_eq!((status.as_u16(), &third["_id"]), (200, &first["_id"]));
        let (_, list) = world.get(&path, &tenant.member).await?;
        assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{list}");

        let (status, fault) = create(json!({"objects": "things", "format": "application/json"})).await?;
        assert!(status.is_client_error(), "another body under the same key is refused: {status} {fault}");
        Ok(())
    });
}
