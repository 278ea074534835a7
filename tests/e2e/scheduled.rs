//! Exports that wait for their time, and exports made once more.

use crate::harness::{Tenant, World, story, text};
use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

/// The instant `millis` from now, RFC 3339.
#[expect(clippy::disallowed_methods, reason = "a client's clock")]
fn soon(millis: i64) -> String {
    format!("{:.3}", Timestamp::now() + SignedDuration::from_millis(millis))
}

async fn create(world: &World, tenant: &Tenant, body: &Value) -> Result<Value> {
    let (status, export) = world.post("/v1/exports", &tenant.member, body).await?;
    anyhow::ensure!(status == 201, "{status} {export}");
    Ok(export)
}

async fn read(world: &World, tenant: &Tenant, id: &str) -> Result<Value> {
    let (status, export) = world.get(&format!("/v1/exports/{id}"), &tenant.member).await?;
    anyhow::ensure!(status == 200, "{status} {export}");
    Ok(export)
}

async fn ready(world: &World, tenant: &Tenant, id: &str) -> Result<Value> {
    let wait = async {
        loop {
            let export = read(world, tenant, id).await?;
            match export["state"].as_str() {
                Some("ready") => return Ok(export),
                Some("scheduled" | "queued" | "running") => tokio::time::sleep(Duration::from_millis(50)).await,
                _ => anyhow::bail!("{export}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(2), wait).await.with_context(|| format!("{id} does not get ready"))?
}

#[test]
fn a_scheduled_export_begins_at_its_time_and_one_canceled_before_never_does() {
    story(async |world| {
        let tenant = world.tenant("sched-a").await?;
        world.things(&tenant, 20).await?;
        let at = soon(1500);
        let scheduled = create(world, &tenant, &json!({"collection": "things", "scheduledAt": at})).await?;
        let canceled = create(world, &tenant, &json!({"collection": "things", "scheduledAt": at})).await?;
        assert_eq!((&scheduled["state"], &scheduled["position"]), (&json!("scheduled"), &Value::Null));
        assert_eq!(scheduled["scheduledAt"], at.as_str());
        let canceled = text(&canceled, "id")?;
        let (status, ended) =
            world.post(&format!("/v1/exports/{canceled}/cancel"), &tenant.member, &Value::Null).await?;
        assert_eq!((status.as_u16(), &ended["state"]), (200, &json!("canceled")), "{ended}");

        let at_once = create(world, &tenant, &json!({"collection": "things"})).await?;
        let at_once = ready(world, &tenant, &text(&at_once, "id")?).await?;
        let done = ready(world, &tenant, &text(&scheduled, "id")?).await?;
        assert!(text(&done, "startedAt")? >= at, "{done}");
        assert!(text(&at_once, "startedAt")? < text(&done, "startedAt")?, "nobody waits for what is scheduled");
        assert_eq!(done["progress"]["estimatedRecords"], 20);
        let never = read(world, &tenant, &canceled).await?;
        assert_eq!((&never["state"], &never["startedAt"]), (&json!("canceled"), &Value::Null), "{never}");
        Ok(())
    });
}

#[test]
fn a_retry_does_what_was_asked_at_first() {
    story(async |world| {
        let tenant = world.tenant("sched-b").await?;
        world.things(&tenant, 20).await?;
        let far = json!({"collection": "things", "name": "Nightly", "format": "csv", "paths": ["_id", "n"],
            "where": {"n": {"$lt": 5}}, "scheduledAt": soon(3_600_000)});
        let first = text(&create(world, &tenant, &far).await?, "id")?;
        let retry = format!("/v1/exports/{first}/retry");
        let (status, problem) = world.post(&retry, &tenant.member, &Value::Null).await?;
        assert_eq!(status.as_u16(), 409, "{problem}");
        world.post(&format!("/v1/exports/{first}/cancel"), &tenant.member, &Value::Null).await?;
        let (status, again) = world.post(&retry, &tenant.member, &Value::Null).await?;
        assert_eq!(status.as_u16(), 201, "{again}");
        assert_eq!((&again["retryOf"], &again["name"]), (&json!(first), &json!("Nightly")));
        let done = ready(world, &tenant, &text(&again, "id")?).await?;
        assert_eq!((&done["progress"]["records"], &done["format"]), (&json!(5), &json!("csv")), "{done}");
        assert_eq!(read(world, &tenant, &first).await?["state"], "canceled");
        Ok(())
    });
}
