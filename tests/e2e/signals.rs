//! What addresses are told when exports end: signed, again until it was taken, and on record.

use crate::deliveries::{Hook, header};
use crate::harness::{Tenant, World, reply, story, text};
use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until `is` gives something.
async fn until<T>(what: &str, mut is: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let wait = async {
        loop {
            if let Some(found) = is().await? {
                return Ok::<_, anyhow::Error>(found);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.with_context(|| what.to_owned())?
}

async fn webhook(world: &World, tenant: &Tenant, body: &Value) -> Result<Value> {
    let (status, made) = world.post("/v1/webhooks", &tenant.admin, body).await?;
    ensure!(status == 201, "{status} {made}");
    Ok(made)
}

/// The log of a webhook, once it has so many entries.
async fn told(world: &World, tenant: &Tenant, webhook: &Value, count: usize) -> Result<Vec<Value>> {
    let path = format!("/v1/webhooks/{}/attempts", text(webhook, "id")?);
    until("the log of a webhook stays short", async || {
        let (status, page) = world.get(&path, &tenant.admin).await?;
        ensure!(status == 200, "{status} {page}");
        let items = page["items"].as_array().context("items")?.clone();
        Ok((items.len() >= count).then_some(items))
    })
    .await
}

async fn queue(world: &World, tenant: &Tenant, body: &Value) -> Result<Value> {
    let (status, made) = reply(
        world.http.post(format!("{}/data-exports", world.info.url)).header("REB-APIKEY", &tenant.admin).json(body),
    )
    .await?;
    ensure!(status == 201, "{status} {made}");
    Ok(made)
}

#[expect(clippy::disallowed_methods, reason = "a client's clock")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// The signature of Standard Webhooks 1.0.0, made anew.
fn signed(secret: &str, head: &str, body: &[u8]) -> Result<String> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").context("whsec_")?)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key)?;
    let (id, at) = (header(head, "webhook-id").context("id")?, header(head, "webhook-timestamp").context("time")?);
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[test]
fn a_webhook_is_told_of_a_data_export_as_its_surface_shows_it() {
    story(async |world| {
        let tenant = world.tenant("told-well").await?;
        world.things(&tenant, 25).await?;
        let hook = Hook::start(&["503 Later", "204 Thanks"]).await?;
        let made = webhook(world, &tenant, &json!({"url": hook.url, "headers": {"x-mine": "yes"}})).await?;
        let asked = json!({"name": "Things", "resource": "things", "format": "csv", "fields": ["name"],
            "arguments": {"sort": "name"}});
        let export = text(&queue(world, &tenant, &asked).await?, "id")?;
        let log = told(world, &tenant, &made, 2).await?;
        let taken = hook.taken();
        let (head, body) = taken.last().context("a message")?;
        assert_eq!(taken[0].1, *body, "an attempt says what the last one said");
        assert_eq!(header(head, "webhook-id"), header(&taken[0].0, "webhook-id"));
        assert_eq!(header(head, "x-mine"), Some("yes"));
        let signature = signed(&text(&made, "secret")?, head, body)?;
        let sent = head.lines().find(|line| line.starts_with("webhook-signature")).context("a signature")?;
        assert_eq!(sent, format!("webhook-signature: {signature}").to_ascii_lowercase());

        let message: Value = serde_json::from_slice(body)?;
        let url = format!("{}/data-exports/{export}", world.info.url);
        let (_, mut shown) = reply(world.http.get(url).header("REB-APIKEY", &tenant.admin)).await?;
        // A link that needs no credential is for who asks.
        shown["_links"].as_array_mut().context("links")?.retain(|link| link["rel"] != "signedLink");
        assert_eq!(message["_embedded"]["dataExport"], shown);
        assert_eq!(
            (&message["eventType"], &message["dataExportId"], &message["recordCount"], &message["status"]),
            (&json!("data-export-completed"), &json!(export), &json!(25), &json!("completed"))
        );
        assert_eq!((&message["fileId"], &message["failureReason"]), (&shown["fileId"], &Value::Null));
        let download = message["_links"][1]["href"].as_str().context("a link")?;
        assert_eq!(message["_links"][1]["rel"], "download");
        // It asks for a credential, and is good with one.
        assert_eq!(world.http.get(download).send().await?.status(), 401);
        assert_eq!(world.http.get(download).header("REB-APIKEY", &tenant.admin).send().await?.status(), 302);

        let of = |n: usize| (log[n]["attempt"].as_u64(), log[n]["status"].as_u64(), log[n]["error"].is_null());
        assert_eq!((of(0), of(1)), ((Some(2), Some(204), true), (Some(1), Some(503), false)), "{log:?}");
        assert_eq!(log[0]["request"]["url"], hook.url.split('?').next().unwrap());
        assert_eq!(log[0]["request"]["body"].as_str().map(str::as_bytes), Some(&body[..]));
        Ok(())
    });
}

#[test]
fn failures_are_told_to_whoever_listens_and_one_that_is_gone_is_switched_off() {
    story(async |world| {
        let tenant = world.tenant("told-ill").await?;
        world.things(&tenant, 3).await?;
        let (failures, gone) = (Hook::start(&["200 OK"]).await?, Hook::start(&["410 Gone"]).await?);
        let listening =
            webhook(world, &tenant, &json!({"url": failures.url, "eventsFilter": ["data-export-failed"]})).await?;
        let dead = webhook(world, &tenant, &json!({"url": gone.url})).await?;
        let well = world.settled(&tenant, &json!({"collection": "things"})).await?;
        assert_eq!(well["state"], "ready");
        let log = told(world, &tenant, &dead, 1).await?;
        assert_eq!((&log[0]["status"], &log[0]["export"]), (&json!(410), &well["id"]));
        let path = format!("/v1/webhooks/{}", text(&dead, "id")?);
        let off = until("it stays active", async || {
            let (_, shown) = world.get(&path, &tenant.admin).await?;
            Ok((shown["status"] == "inactive").then_some(shown))
        })
        .await?;
        assert!(text(&off, "inactiveReason")?.contains("410"), "{off}");

        let range = json!({"start": "the day the music died", "end": "now"});
        let ill = json!({"name": "No", "resource": "things", "format": "csv", "dateRange": range});
        let bad = reply(
            world.http.post(format!("{}/data-exports", world.info.url)).header("REB-APIKEY", &tenant.admin).json(&ill),
        )
        .await?;
        ensure!(bad.0 == 422, "{}", bad.1);
        // A collection that is gone when its export begins.
        let later = json!({"name": "Later", "resource": "things", "format": "csv",
            "scheduledTime": (now() + Duration::from_secs(2)).to_string()});
        let export = text(&queue(world, &tenant, &later).await?, "id")?;
        let gone_now = world.call(Method::DELETE, "/v1/collections/things?records=true", &tenant.admin);
        ensure!(gone_now.send().await?.status().is_success());
        let log = told(world, &tenant, &listening, 1).await?;
        assert_eq!((log.len(), &log[0]["eventType"]), (1, &json!("data-export-failed")));
        let message: Value = serde_json::from_slice(&failures.taken()[0].1)?;
        assert_eq!(
            (&message["dataExportId"], &message["status"], &message["fileId"], &message["recordCount"]),
            (&json!(export), &json!("failed"), &Value::Null, &json!(0))
        );
        assert_eq!((gone.taken().len(), message["_links"].as_array().map(Vec::len)), (1, Some(1)));

        // Switched on again, deleted, and not of others.
        let on = world.call(Method::PATCH, &path, &tenant.admin).json(&json!({"status": "active"}));
        assert_eq!(reply(on).await?.1["inactiveReason"], Value::Null);
        assert_eq!(world.call(Method::DELETE, &path, &tenant.admin).send().await?.status(), 204);
        assert_eq!(world.get(&format!("{path}/attempts"), &tenant.admin).await?.0, 404);
        Ok(())
    });
}
