//! Exports that wait for their time, and exports made once more.

use crate::harness::{Tenant, World, soon, story, text};
use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

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
    let export = world.finished(tenant, id).await?;
    anyhow::ensure!(export["state"] == "ready", "{export}");
    Ok(export)
}

#[test]
fn a_scheduled_export_begins_at_its_time_and_one_canceled_before_never_does() {
    story(async |world| {
        let tenant = world.tenant("sched-a").await?;
        world.things(&tenant, 20).await?;
        let at = soon();
        let scheduled = create(world, &tenant, &json!({"collection": "things", "scheduledAt": at})).await?;
        let canceled = create(world, &tenant, &json!({"collection": "things", "scheduledAt": at})).await?;
        assert_eq!((&scheduled["state"], &scheduled["position"]), (&json!("scheduled"), &Value::Null));
        let at: Timestamp = at.parse()?;
        assert_eq!(text(&scheduled, "scheduledAt")?.parse::<Timestamp>()?, at);
        let canceled = text(&canceled, "id")?;
        let (status, ended) =
            world.post(&format!("/v1/exports/{canceled}/cancel"), &tenant.member, &Value::Null).await?;
        assert_eq!((status.as_u16(), &ended["state"]), (200, &json!("canceled")), "{ended}");

        let at_once = create(world, &tenant, &json!({"collection": "things"})).await?;
        let at_once = ready(world, &tenant, &text(&at_once, "id")?).await?;
        let done = ready(world, &tenant, &text(&scheduled, "id")?).await?;
        assert!(text(&done, "startedAt")?.parse::<Timestamp>()? >= at, "{done}");
        let (first, second) = (text(&at_once, "startedAt")?, text(&done, "startedAt")?);
        let was_first = text(&at_once, "createdAt")?.parse::<Timestamp>()? < at;
        assert!(first < second || !was_first, "nobody waits for what is scheduled: {at_once} {done}");
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
            "where": {"n": {"$lt": 5}}, "scheduledAt": "2031-01-01T00:00:00Z"});
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
