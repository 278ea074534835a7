//! Seven days, exactly; deletion at once; storage counted and released once.

use crate::harness::{Tenant, World, hasten, story, until};
use anyhow::Result;
use serde_json::{Value, json};

async fn used(world: &World, tenant: &Tenant) -> Result<u64> {
    let (_, usage) = world.get("/v1/usage", &tenant.admin).await?;
    usage["usedBytes"].as_u64().ok_or_else(|| anyhow::anyhow!("{usage}"))
}

async fn settled_usage(world: &World, tenant: &Tenant, expected: u64) -> Result<()> {
    until(&format!("never {expected} bytes used"), async || Ok((used(world, tenant).await? == expected).then_some(())))
        .await
}

#[test]
fn an_export_is_not_listed_read_or_downloaded_once_its_time_is_over() {
    story(async |world| {
        let tenant = world.tenant("expiry-gate").await?;
        world.things(&tenant, 50).await?;
        let id = world.create(&tenant, &json!({"objects": "things"})).await?;
        let export = world.ended(&tenant, &id).await?;
        let size = export["dataFile"]["size"].as_u64().unwrap();
        settled_usage(world, &tenant, size).await?;
        let archive = world.download(&tenant, &id).await?;
        assert_eq!(u64::try_from(archive.len())?, size);
        hasten(world, &tenant, &id, 0)?;
        let one = format!("/{}/v2/exports/{id}", tenant.org);
        for path in [
            one.clone(),
            format!("{one}/dataFile"),
            format!("{one}/dataFile/content"),
            format!("/v1/exports/{id}/download"),
        ] {
            let (status, body) = world.get(&path, &tenant.admin).await?;
            assert_eq!(status.as_u16(), 404, "{path} → {body}");
        }
        let (_, list) = world.get(&format!("/{}/v2/exports", tenant.org), &tenant.admin).await?;
        assert_eq!(list["data"], json!([]));
        settled_usage(world, &tenant, 0).await
    });
}

#[test]
fn deletion_removes_archive_and_row_and_releases_storage_once() {
    story(async |world| {
        let tenant = world.tenant("expiry-delete").await?;
        world.things(&tenant, 50).await?;
        let mut sizes = Vec::new();
        let mut ids = Vec::new();
        for _ in 0..2 {
            let id = world.create(&tenant, &json!({"objects": "things"})).await?;
            let export = world.ended(&tenant, &id).await?;
            sizes.push(export["dataFile"]["size"].as_u64().unwrap());
            ids.push(id);
        }
        settled_usage(world, &tenant, sizes.iter().sum()).await?;
        let path = format!("/{}/v2/exports/{}", tenant.org, ids[0]);
        let (status, result) = world.delete(&path, &tenant.admin).await?;
        assert_eq!((status.as_u16(), result), (200, json!({"object": "result", "data": true})));
        let (status, fault): (_, Value) = world.delete(&path, &tenant.admin).await?;
        assert_eq!(status.as_u16(), 404, "{fault}");
        settled_usage(world, &tenant, sizes[1]).await
    });
}
