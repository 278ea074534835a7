//! What addresses are told when exports end: signed, again until it was taken, and on record.

use crate::deliveries::{Hook, header};
use crate::harness::{Tenant, World, outside, reply, soon, story, text, until};
use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

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
            "arguments": {"sort": "name"}, "emailNotification": ["ann@told-well.example"],
            "recurring": {"instruction": "FREQ=DAILY;COUNT=1", "start": soon()}});
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
            (&shown["recurring"]["instruction"], &shown["emailNotification"]),
            (&json!("FREQ=DAILY;COUNT=1"), &asked["emailNotification"])
        );
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
            "scheduledTime": soon()});
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

/// What Python's reader of mail makes of those to `address`: from, to, subject, the plain text, the HTML.
fn mail_to(world: &World, address: &str) -> Result<Vec<Value>> {
    const READ: &str = "
import email, email.policy, json, pathlib, sys
found = []
for path in sorted(pathlib.Path(sys.argv[1]).glob('*.eml')):
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    if mail['to'] == sys.argv[2]:
        body = lambda kind: mail.get_body((kind,)).get_content()
        found.append([mail['from'], mail['to'], mail['subject'], body('plain'), body('html'), mail.get_content_type()])
print(json.dumps(found))";
    let folder = world.mail();
    let printed = outside("python3", &["-c", READ, folder.to_str().context("a folder")?, address])?;
    Ok(serde_json::from_str(&printed)?)
}

async fn mailed(world: &World, address: &str, count: usize) -> Result<Vec<Value>> {
    until("no mail comes", async || {
        let found = mail_to(world, address)?;
        Ok((found.len() >= count).then_some(found))
    })
    .await
}

/// The first link of a text to this stack.
fn link<'a>(world: &World, text: &'a str) -> Result<&'a str> {
    let start = text.find(&world.info.url).context("a link")?;
    text[start..].split_whitespace().next().context("a link")
}

#[test]
fn people_are_told_by_mail_in_words_and_by_a_link_that_asks_who_they_are() {
    story(async |world| {
        let tenant = world.tenant("mail-well").await?;
        world.things(&tenant, 7).await?;
        let asked = json!({"name": "Größen <b>&</b>\u{7} mehr", "resource": "things", "format": "csv", "fields": ["n"],
            "emailNotification": ["ann@mail-well.example", "bob@mail-well.example", "Ann@mail-well.example"]});
        let made = queue(world, &tenant, &asked).await?;
        assert_eq!(made["emailNotification"], json!(["ann@mail-well.example", "bob@mail-well.example"]));
        let mail = mailed(world, "ann@mail-well.example", 1).await?[0].clone();
        assert_eq!(mailed(world, "bob@mail-well.example", 1).await?.len(), 1);
        let part = |n: usize| mail[n].as_str().unwrap_or_default();
        assert_eq!((part(0), part(5)), ("Waybill <exports@waybill.example>", "multipart/alternative"));
        assert_eq!(part(2), "Export ready: Größen <b>&</b>  mehr");
        assert!(part(3).contains("It holds 7 records.") && part(3).contains("mail-well"), "{mail}");
        assert!(part(4).contains("Größen &lt;b&gt;&amp;&lt;/b&gt;") && !part(4).contains("<b>"), "{mail}");
        let href = link(world, part(3))?;
        assert!(part(4).contains(&format!("<a href=\"{href}\">")), "{mail}");
        // It is nobody's to use, and leads to the file with a credential.
        let bare = world.http.get(href).send().await?;
        assert_eq!((bare.status().as_u16(), bare.headers().contains_key("location")), (401, false));
        let known = world.http.get(href).header("REB-APIKEY", &tenant.admin).send().await?;
        let file = world.http.get(crate::harness::header(&known, "location")?).send().await?.text().await?;
        assert_eq!(file.lines().count(), 8);
        assert_eq!(mail_to(world, "ann@mail-well.example")?.len(), 1);

        let bad = json!({"name": "x", "resource": "things", "format": "csv", "emailNotification": ["ann"]});
        let request = world.http.post(format!("{}/data-exports", world.info.url)).header("REB-APIKEY", &tenant.admin);
        let (status, problem) = reply(request.json(&bad)).await?;
        assert_eq!((status.as_u16(), &problem["invalidFields"][0]["field"]), (422, &json!("emailNotification.0")));
        Ok(())
    });
}

#[test]
fn a_failure_is_told_by_mail_too_and_jobs_remember_whom_to_tell() {
    story(async |world| {
        let tenant = world.tenant("mail-ill").await?;
        world.things(&tenant, 2).await?;
        let job = json!({"name": "Nightly", "collection": "things", "format": "csv", "schedule": {"cron": "0 2 1 1 *"},
            "notify": ["job@mail-ill.example"]});
        let (status, job) = world.post("/v1/jobs", &tenant.admin, &job).await?;
        ensure!(status == 201 && job["notify"] == json!(["job@mail-ill.example"]), "{status} {job}");
        world.post(&format!("/v1/jobs/{}/run", text(&job, "id")?), &tenant.admin, &Value::Null).await?;
        let told = mailed(world, "job@mail-ill.example", 1).await?;
        assert_eq!(told[0][2], "Export ready: Nightly");

        // A collection that is gone when its export begins.
        let later = json!({"collection": "things", "name": "Later", "notify": ["ann@mail-ill.example"],
            "scheduledAt": soon()});
        let (status, made) = world.post("/v1/exports", &tenant.admin, &later).await?;
        ensure!(status == 201 && made["notify"] == json!(["ann@mail-ill.example"]), "{status} {made}");
        let gone = world.call(Method::DELETE, "/v1/collections/things?records=true", &tenant.admin);
        ensure!(gone.send().await?.status().is_success());
        let mail = mailed(world, "ann@mail-ill.example", 1).await?[0].clone();
        assert_eq!(mail[2], "Export failed: Later");
        let plain = mail[3].as_str().context("a text")?;
        assert!(plain.contains("has failed; there is no file") && plain.contains("Why: "), "{plain}");
        let href = link(world, plain)?;
        assert_eq!(world.http.get(href).send().await?.status(), 401);
        let (_, shown) = world.get(href.trim_start_matches(&world.info.url), &tenant.admin).await?;
        assert_eq!((&shown["id"], &shown["state"]), (&made["id"], &json!("failed")));
        Ok(())
    });
}
