//! What an operator and a new user look at: health, documents, the audit trail, errors for what is not there.

use crate::harness::{header, story};
use reqwest::Method;
use serde_json::json;

#[test]
fn health_documents_and_unknown_paths_answer() {
    story(async |world| {
        let health = world.http.get(format!("{}/healthz", world.info.url)).send().await?;
        assert_eq!(health.status().as_u16(), 200);
        let (status, document) = world.get("/openapi.json", "").await?;
        assert_eq!(status.as_u16(), 200);
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
        assert!(document["paths"]["/{org}/v2/exports"].is_object() && document["paths"]["/v1/exports"].is_object());
        let lost = world.call(Method::GET, "/nowhere/at/all", &world.info.admin_key).send().await?;
        assert_eq!(lost.status().as_u16(), 404);
        assert!(header(&lost, "content-type")?.starts_with("application/problem+json"));
        Ok(())
    });
}

#[test]
fn creates_downloads_and_keys_are_on_the_audit_trail() {
    story(async |world| {
        let tenant = world.tenant("ops-audit").await?;
        world.things(&tenant, 3).await?;
        let id = world.create(&tenant, &json!({"objects": "things"})).await?;
        world.ended(&tenant, &id).await?;
        world.download(&tenant, &id).await?;
        let (status, trail) = world.get("/v1/audit?limit=100", &tenant.admin).await?;
        assert_eq!(status.as_u16(), 200, "{trail}");
        let items = trail["items"].as_array().unwrap();
        for action in ["export-created", "export-downloaded", "key-created"] {
            assert!(items.iter().any(|entry| entry["action"] == action), "{action}: {trail}");
        }
        Ok(())
    });
}

#[test]
fn records_can_be_listed_read_and_deleted() {
    story(async |world| {
        let tenant = world.tenant("ops-records").await?;
        let records = world.things(&tenant, 120).await?;
        let (mut seen, mut cursor) = (0, String::new());
        loop {
            let path = format!("/v1/collections/things/records?limit=50{cursor}");
            let (status, page) = world.get(&path, &tenant.admin).await?;
            assert_eq!(status.as_u16(), 200, "{page}");
            seen += page["items"].as_array().unwrap().len();
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, 120);
        let one = format!("/v1/collections/things/records/{}", records[0]["_id"].as_str().unwrap());
        let (status, record) = world.get(&one, &tenant.admin).await?;
        assert_eq!((status.as_u16(), &record["name"]), (200, &records[0]["name"]), "{record}");
        let (status, _) = world.delete(&one, &tenant.admin).await?;
        assert!(status.is_success());
        assert_eq!(world.get(&one, &tenant.admin).await?.0.as_u16(), 404);
        Ok(())
    });
}
