//! Bad input gets the surface's own error with the field and the reason, and changes nothing.

use crate::harness::{Tenant, World, reply, story};
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

async fn refused(world: &World, tenant: &Tenant, body: &Value, status: u16, code: &str, named: &str) -> Result<()> {
    let (got, fault) = world.post(&format!("/{}/v2/exports", tenant.org), &tenant.member, body).await?;
    assert_eq!(got.as_u16(), status, "{body} → {fault}");
    assert_eq!((&fault["object"], &fault["code"]), (&json!("fault"), &json!(code)), "{body} → {fault}");
    assert!(fault.to_string().contains(named), "`{named}` is named: {fault}");
    Ok(())
}

#[test]
fn a_bad_create_is_refused_by_name_and_makes_nothing() {
    story(async |world| {
        let tenant = world.tenant("bad-create").await?;
        world.things(&tenant, 3).await?;
        let csv = |extra: Value| {
            let mut body = json!({"objects": "things", "format": "text/csv"});
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            body
        };
        refused(
            world,
            &tenant,
            &json!({"objects": "nothings", "format": "text/csv"}),
            400,
            "kInvalidObject",
            "nothings",
        )
        .await?;
        refused(world, &tenant, &json!({"format": "text/csv"}), 400, "kValidationError", "export.objects").await?;
        refused(
            world,
            &tenant,
            &json!({"objects": "things", "format": "text/pdf"}),
            400,
            "kValidationError",
            "export.format",
        )
        .await?;
        refused(world, &tenant, &csv(json!({"paths": ["_id", "nope"]})), 400, "kValidationError", "nope").await?;
        refused(world, &tenant, &csv(json!({"where": "{\"nope\": 1}"})), 400, "kValidationError", "nope").await?;
        for unbuilt in ["expand", "pipeline", "prefix"] {
            let (status, fault) =
                world.post(&format!("/{}/v2/exports", tenant.org), &tenant.member, &csv(json!({unbuilt: "x"}))).await?;
            assert!(status.is_client_error() || status == 501, "{unbuilt}: {status}");
            assert!(fault.to_string().contains(unbuilt), "{fault}");
        }
        let path = format!("/{}/v2/exports", tenant.org);
        let malformed = world.call(Method::POST, &path, &tenant.member).header("content-type", "application/json");
        let (status, fault) = reply(malformed.body("{\"objects\": ")).await?;
        assert_eq!((status.as_u16(), &fault["object"]), (400, &json!("fault")), "{fault}");
        let big = world.call(Method::POST, &path, &tenant.member).header("content-type", "application/json");
        let (status, fault) = reply(big.body(format!("{{\"label\": \"{}\"}}", "x".repeat(300 * 1024)))).await?;
        assert_eq!((status.as_u16(), &fault["code"]), (413, &json!("kRequestTooLarge")), "{fault}");
        let (_, list) = world.get(&path, &tenant.member).await?;
        assert_eq!(list["data"], json!([]), "nothing was made");
        Ok(())
    });
}

#[test]
fn a_file_whose_third_line_is_broken_loads_the_rest_and_names_line_3() {
    story(async |world| {
        let tenant = world.tenant("bad-line").await?;
        world.things(&tenant, 0).await?;
        let good = |n: usize| crate::harness::thing(n).to_string();
        let lines = format!("{}\n{}\n{{\"name\": broken\n{}\n", good(1), good(2), good(4));
        let (status, loaded) = world.load(&tenant, "things", lines).await?;
        assert_eq!((status.as_u16(), &loaded["accepted"]), (200, &json!(3)), "{loaded}");
        assert_eq!(loaded["rejected"][0]["line"], 3, "{loaded}");
        let undeclared = json!({"_id": format!("{:024x}", 9), "colour": "red"});
        let (_, loaded) = world.load(&tenant, "things", undeclared.to_string()).await?;
        assert!(loaded["rejected"][0]["reason"].as_str().unwrap().contains("colour"), "{loaded}");
        Ok(())
    });
}

#[test]
fn downloads_are_for_administrators_and_for_what_is_ready() {
    story(async |world| {
        let tenant = world.tenant("bad-download").await?;
        world.things(&tenant, 3).await?;
        let id = world.create(&tenant, &json!({"objects": "things"})).await?;
        world.ended(&tenant, &id).await?;
        let content = format!("/{}/v2/exports/{id}/dataFile/content", tenant.org);
        let (status, fault) = world.get(&content, &tenant.member).await?;
        assert_eq!((status.as_u16(), &fault["code"]), (403, &json!("kAccessDenied")), "{fault}");
        let json_first = world.call(Method::GET, &content, &tenant.admin).header("accept", "application/json, */*");
        let (status, facet) = reply(json_first).await?;
        assert_eq!((status.as_u16(), &facet["object"]), (200, &json!("facet")), "{facet}");
        assert!(facet["url"].as_str().unwrap().starts_with("http"), "{facet}");
        let (status, fault) = world.get(&format!("/{}/v2/exports/not-an-id", tenant.org), &tenant.admin).await?;
        assert!(status.is_client_error() && fault["object"] == "fault", "{status} {fault}");
        let (status, fault) = world.get(&format!("/{}/v2/exports/{:024x}", tenant.org, 1), &tenant.admin).await?;
        assert_eq!((status.as_u16(), &fault["code"]), (404, &json!("kNotFound")), "{fault}");
        Ok(())
    });
}

#[test]
fn an_unready_download_is_told_to_wait() {
    story(async |world| {
        let tenant = world.tenant("bad-early").await?;
        world.things(&tenant, 8000).await?;
        let mut ids = Vec::new();
        for _ in 0..4 {
            ids.push(world.create(&tenant, &json!({"objects": "things"})).await?);
        }
        let last = ids.last().unwrap();
        let content = format!("/{}/v2/exports/{last}/dataFile/content", tenant.org);
        let (status, fault) = world.get(&content, &tenant.admin).await?;
        assert_eq!((status.as_u16(), &fault["code"]), (202, &json!("kMediaNotReady")), "{fault}");
        world.ended(&tenant, last).await?;
        Ok(())
    });
}
