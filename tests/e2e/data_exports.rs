//! Stories of the Rebilly surface's clients.

use crate::harness::{World, header, reply, soon, story, text, until};
use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

/// A CSV of all of a collection, made by the owner of `key`; as it is shown when it is completed.
pub(crate) async fn completed(world: &World, key: &str, name: &str, resource: &str) -> Result<Value> {
    let body = json!({"name": name, "resource": resource, "format": "csv"});
    let (status, made) = world.post("/data-exports/", key, &body).await?;
    anyhow::ensure!(status.as_u16() == 201, "{status} {made}");
    ended(world, key, &text(&made, "id")?).await
}

/// A data export when it has ended.
pub(crate) async fn ended(world: &World, key: &str, id: &str) -> Result<Value> {
    until(&format!("{id} does not end"), async || {
        let (status, shown) = world.get(&format!("/experimental/data-exports/{id}"), key).await?;
        anyhow::ensure!(status.is_success(), "{status} {shown}");
        Ok(["completed", "failed"].contains(&text(&shown, "status")?.as_str()).then_some(shown))
    })
    .await
}

/// The bytes behind a link of ours that redirects.
pub(crate) async fn followed(world: &World, href: &str, key: &str) -> Result<Vec<u8>> {
    let response = world.http.get(href).header("reb-apikey", key).send().await?;
    anyhow::ensure!(response.status() == 302, "{}", response.status());
    let file = world.http.get(header(&response, "location")?).send().await?;
    anyhow::ensure!(file.status() == 200, "{}", file.status());
    Ok(file.bytes().await?.to_vec())
}

pub(crate) fn link<'a>(shown: &'a Value, rel: &str) -> Option<&'a str> {
    shown["_links"].as_array()?.iter().find(|link| link["rel"] == rel)?["href"].as_str()
}

#[test]
fn an_export_is_queued_awaited_and_downloaded_as_the_bare_file() {
    story(async |world| {
        let tenant = world.tenant("data-bare").await?;
        world.things(&tenant, 25).await?;
        let shown = completed(world, &tenant.admin, "All things", "things").await?;
        assert_eq!((&shown["status"], &shown["recordCount"]), (&json!("completed"), &json!(25)), "{shown}");
        let file = followed(world, link(&shown, "download").unwrap(), &tenant.admin).await?;
        let csv = String::from_utf8(file.clone())?;
        assert_eq!(csv.split("\r\n").count(), 27, "a header, 25 records and the end: {csv}");
        // Needs no credential, and says how it wants to be saved.
        let signed = world.http.get(link(&shown, "signedLink").unwrap()).send().await?;
        assert!(header(&signed, "content-disposition")?.contains("All things.csv"));
        assert_eq!(signed.bytes().await?, file);
        let (status, of_file) = world.get(&format!("/files/{}", text(&shown, "fileId")?), &tenant.member).await?;
        assert_eq!((status.as_u16(), &of_file["size"]), (200, &json!(file.len())), "{of_file}");
        assert_eq!(of_file["mime"], "text/csv");
        let (_, user) =
            world.get(link(&shown, "user").unwrap().strip_prefix(&world.info.url).unwrap(), &tenant.admin).await?;
        assert_eq!(user["id"], shown["userId"]);
        Ok(())
    });
}

#[test]
fn fields_filter_sort_and_search_choose_what_is_in_it() {
    story(async |world| {
        let tenant = world.tenant("data-exports-chosen").await?;
        world.things(&tenant, 40).await?;
        let body = json!({"name": "some", "resource": "things", "format": "json", "fields": ["id", "n", "place/lat"],
            "arguments": {"filter": "n:3..30;n:!7,8", "sort": "-n"}});
        let (status, made) = world.post("/data-exports", &tenant.member, &body).await?;
        assert_eq!(status.as_u16(), 201, "{made}");
        let shown = ended(world, &tenant.admin, &text(&made, "id")?).await?;
        let file = followed(world, link(&shown, "download").unwrap(), &tenant.admin).await?;
        let records: Vec<Value> = serde_json::from_slice(&file)?;
        let numbers: Vec<u64> = records.iter().map(|record| record["n"].as_u64().unwrap()).collect();
        let expected: Vec<u64> = (3..=30).rev().filter(|n| ![7, 8].contains(n)).collect();
        assert_eq!(numbers, expected);
        assert_eq!(shown["recordCount"], expected.len());
        assert_eq!(shown["fields"], body["fields"]);
        Ok(())
    });
}

#[test]
fn a_pending_export_is_changed_and_enters_the_lane_when_due() {
    story(async |world| {
        let tenant = world.tenant("data-exports-put").await?;
        world.things(&tenant, 3).await?;
        let body =
            json!({"name": "later", "resource": "things", "format": "xml", "scheduledTime": "2031-01-01T00:00:00Z"});
        let path = "/organizations/data-exports-put/experimental/data-exports/year-end";
        let (status, made) = reply(world.call(Method::PUT, path, &tenant.member).json(&body)).await?;
        assert_eq!((status.as_u16(), &made["status"]), (201, &json!("pending")), "{made}");
        // Everything that was read goes back, and only what was meant changes.
        let mut changed = made.clone();
        changed["format"] = json!("json");
        let (status, shown) = reply(world.call(Method::PUT, path, &tenant.member).json(&changed)).await?;
        changed["updatedTime"] = shown["updatedTime"].clone();
        assert_eq!((status.as_u16(), &shown), (200, &changed));
        changed["scheduledTime"] = Value::Null;
        let (status, shown) = reply(world.call(Method::PUT, path, &tenant.member).json(&changed)).await?;
        assert_eq!(status.as_u16(), 200, "{shown}");
        let shown = ended(world, &tenant.member, "year-end").await?;
        assert_eq!((&shown["status"], &shown["recordCount"]), (&json!("completed"), &json!(3)), "{shown}");
        assert_eq!(link(&shown, "signedLink"), None, "members get no link that needs no credential");
        let (status, refused) = reply(world.call(Method::PUT, path, &tenant.member).json(&changed)).await?;
        assert_eq!(status.as_u16(), 422, "{refused}");
        Ok(())
    });
}

#[test]
fn paths_without_an_org_lead_to_the_callers_own_only() {
    story(async |world| {
        let (ours, theirs) = (world.tenant("data-ours").await?, world.tenant("data-theirs").await?);
        world.things(&ours, 2).await?;
        let shown = completed(world, &ours.admin, "ours", "things").await?;
        let (id, file, user) = (text(&shown, "id")?, text(&shown, "fileId")?, text(&shown, "userId")?);
        for path in [
            format!("/data-exports/{id}"),
            format!("/experimental/data-exports/{id}"),
            format!("/experimental/organizations/data-ours/data-exports/{id}"),
            format!("/organizations/data-theirs/experimental/data-exports/{id}"),
            format!("/files/{file}"),
            format!("/files/{file}/download"),
            format!("/users/{user}"),
            "/organizations/data-ours/experimental/data-exports".to_owned(),
        ] {
            let (status, body) = world.get(&path, &theirs.admin).await?;
            assert_eq!(status.as_u16(), 404, "{path} → {body}");
        }
        let (status, _) = world.delete(&format!("/data-exports/{id}"), &theirs.admin).await?;
        assert_eq!(status.as_u16(), 404);
        let (_, list) = world.get("/data-exports", &theirs.admin).await?;
        assert_eq!(list, json!([]));
        // A name of theirs that is like ours is theirs.
        let body = json!({"name": "theirs", "resource": "things", "format": "csv"});
        let path = format!("/data-exports/{id}");
        let (status, _) = reply(world.call(Method::PUT, &path, &theirs.admin).json(&body)).await?;
        assert_eq!(status.as_u16(), 422, "they have no such collection");
        assert_eq!(world.get(&path, &ours.admin).await?.1["name"], "ours");
        // Each vendor's surface lists what was made through it; ours lists all.
        let (_, list) = world.get("/data-ours/v2/exports", &ours.admin).await?;
        assert_eq!(list["data"], json!([]));
        assert_eq!(world.get("/v1/exports", &ours.admin).await?.1["items"][0]["surface"], "rebilly");
        Ok(())
    });
}

#[test]
fn of_a_series_one_is_made_in_its_time_and_the_next_one_is_pending_until_it_is_deleted() {
    story(async |world| {
        let tenant = world.tenant("data-series").await?;
        world.things(&tenant, 12).await?;
        let start = soon();
        let body = json!({"name": "Every day", "resource": "things", "format": "csv",
            "recurring": {"instruction": "RRULE:FREQ=DAILY;COUNT=3", "start": start}});
        let (status, first) = world.post("/data-exports", &tenant.member, &body).await?;
        assert_eq!((status.as_u16(), &first["status"]), (201, &json!("pending")), "{first}");
        let pending = async || -> Result<Vec<Value>> {
            let (_, list) = world.get("/data-exports?filter=status:pending", &tenant.member).await?;
            Ok(list.as_array().cloned().unwrap_or_default())
        };
        assert_eq!(pending().await?.len(), 1);
        let shown = ended(world, &tenant.member, &text(&first, "id")?).await?;
        assert_eq!((&shown["status"], &shown["recordCount"]), (&json!("completed"), &json!(12)), "{shown}");
        let next = pending().await?;
        assert_eq!(next.len(), 1, "{next:?}");
        assert_eq!((&next[0]["recurring"], &next[0]["name"]), (&first["recurring"], &first["name"]));
        let day: Timestamp = text(&next[0], "scheduledTime")?.parse()?;
        assert_eq!(day, start.parse::<Timestamp>()? + SignedDuration::from_hours(24));
        let (status, _) = world.delete(&format!("/data-exports/{}", text(&next[0], "id")?), &tenant.member).await?;
        assert_eq!(status.as_u16(), 204);
        assert!(pending().await?.is_empty());
        Ok(())
    });
}
