//! A job of the Sigma surface: made, due, its run seen, its file taken; with dimensions and variants.

use crate::deliveries::Hook;
use crate::harness::{Tenant, World, outside, story, text, until};
use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};

const MINUTELY: &str = "* * * * *";

async fn sigma_key(world: &World, tenant: &Tenant) -> Result<String> {
    let body = json!({"name": "feeds", "permissions": ["read", "update-data", "update-model"]});
    let (status, key) = world.post("/v1/keys", &tenant.admin, &body).await?;
    anyhow::ensure!(status == 201 && key["key"].as_str().is_some_and(|key| key.starts_with("sigma_sk_live_")), "{key}");
    text(&key, "key")
}

async fn ask(world: &World, key: &str, method: Method, path: &str, body: &Value) -> Result<(u16, Value)> {
    let request = world.http.request(method, format!("{}{path}", world.info.url)).header("X-Sigma-ApiKey", key);
    let request = if body.is_null() { request } else { request.json(body) };
    let reply = request.send().await?;
    let status = reply.status().as_u16();
    Ok((status, serde_json::from_str(&reply.text().await?).unwrap_or(Value::Null)))
}

async fn put(world: &World, tenant: &Tenant, path: &str, body: &Value) -> Result<()> {
    let reply = world.call(Method::PUT, path, &tenant.admin).json(body).send().await?;
    anyhow::ensure!(reply.status().is_success(), "{path}: {}", reply.text().await?);
    Ok(())
}

/// Products with a title in two languages; a shirt, its blue variant, and that one's small variant; a hat in another catalog.
async fn products(world: &World, tenant: &Tenant) -> Result<()> {
    let language = json!({"name": "Language", "segments": [{"id": "seg-en", "isDefault": true}, {"id": "seg-da"}]});
    put(world, tenant, "/v1/dimensions/dim-language", &language).await?;
    let definition = json!({"singular": "product", "properties": {
        "title": {"type": "string", "dimensions": ["dim-language"], "inheritable": true},
        "sku": {"type": "string"}, "weight": {"type": "number", "inheritable": true}}});
    put(world, tenant, "/v1/collections/products", &definition).await?;
    let title = |english: &str, danish: &str| json!([{"scope": {}, "value": english}, {"scope": {"dim-language": "seg-da"}, "value": danish}]);
    let (shirt, blue, small, hat) = (id(1), id(2), id(3), id(4));
    let lines = [
        json!({"_id": shirt, "title": title("Shirt", "Skjorte"), "sku": "S", "weight": 1.50, "_catalogs": ["spring"]}),
        json!({"_id": blue, "_parent": shirt, "_level": 1, "title": [{"scope": {"dim-language": "seg-da"}, "value": "Blå skjorte"}], "sku": "SB"}),
        json!({"_id": small, "_parent": blue, "_level": 2, "weight": 1.25, "sku": "SBS"}),
        json!({"_id": hat, "title": title("Hat", "Hat"), "sku": "H", "_catalogs": ["winter"]}),
    ];
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    let (status, loaded) = world.load(tenant, "products", lines.join("\n")).await?;
    anyhow::ensure!(status == 200 && loaded["accepted"] == 4, "{status} {loaded}");
    let bad = json!({"title": "plain", "_level": -1});
    let (_, refused) = world.load(tenant, "products", bad.to_string()).await?;
    anyhow::ensure!(refused["rejected"].as_array().is_some_and(|rejected| rejected.len() == 1), "{refused}");
    Ok(())
}

fn id(number: u8) -> String {
    format!("{number:024x}")
}

/// What a download of an export is, once it is ready.
async fn file(world: &World, tenant: &Tenant, export: &str) -> Result<Vec<u8>> {
    let ended = world.finished(tenant, export).await?;
    anyhow::ensure!(ended["state"] == "ready", "{ended}");
    let reply = world.call(Method::GET, &format!("/v1/exports/{export}/download"), &tenant.admin).send().await?;
    let location = crate::harness::header(&reply, "location")?;
    Ok(world.http.get(location).send().await?.error_for_status()?.bytes().await?.to_vec())
}

async fn records(world: &World, tenant: &Tenant, scope: &Value) -> Result<Vec<Value>> {
    let body = json!({"collection": "products", "sort": "_id", "packaging": "bare", "scope": scope});
    let (status, export) = world.post("/v1/exports", &tenant.admin, &body).await?;
    anyhow::ensure!(status == 201, "{status} {export}");
    let file = file(world, tenant, &text(&export, "id")?).await?;
    std::str::from_utf8(&file)?.lines().map(|line| serde_json::from_str(line).context("a line")).collect()
}

#[test]
fn an_export_takes_one_value_of_each_scoped_property_and_variants_with_what_they_inherit() {
    story(async |world| {
        let tenant = world.tenant("scoped-a").await?;
        products(world, &tenant).await?;
        let all = json!({"dimensions": {"dim-language": "seg-da"}, "variants": true});
        assert_eq!(
            records(world, &tenant, &all).await?,
            [
                json!({"_id": id(1), "title": "Skjorte", "sku": "S", "weight": 1.50}),
                json!({"_id": id(2), "_parentId": id(1), "_level": 1, "title": "Blå skjorte", "sku": "SB", "weight": 1.50}),
                json!({"_id": id(3), "_parentId": id(2), "_level": 2, "title": "Blå skjorte", "sku": "SBS", "weight": 1.25}),
                json!({"_id": id(4), "title": "Hat", "sku": "H"}),
            ]
        );
        let english = records(world, &tenant, &json!({"variants": true, "catalog": "spring"})).await?;
        let titles: Vec<&Value> = english.iter().map(|record| &record["title"]).collect();
        assert_eq!(titles, ["Shirt", "Shirt", "Shirt"], "{english:?}");
        let plain = records(world, &tenant, &json!({})).await?;
        assert_eq!(plain.len(), 2, "variants were not asked for: {plain:?}");
        let wrong =
            json!({"collection": "products", "scope": {"dimensions": {"dim-language": "seg-fr", "dim-x": "y"}}});
        let (status, wrong) = world.post("/v1/exports", &tenant.admin, &wrong).await?;
        assert_eq!((status.as_u16(), wrong["errors"].as_array().map(Vec::len)), (400, Some(2)), "{wrong}");
        Ok(())
    });
}

#[test]
fn a_job_of_the_sigma_surface_is_due_runs_and_its_run_is_seen() {
    story(async |world| {
        let tenant = world.tenant("sigma-a").await?;
        products(world, &tenant).await?;
        let key = sigma_key(world, &tenant).await?;
        let body = json!({"name": "DK feed", "destinationType": "s3", "schemaId": "products", "catalogId": "spring",
            "destinationConfig": {"bucket": "acme-feeds", "path": "pim/", "region": "eu-north-1", "accessKeyId": "AKIDEXAMPLE",
                "secretAccessKey": "matrixsecret"},
            "format": "csv", "dimensionScope": {"dim-language": "seg-da"}, "includeVariants": true, "schedule": MINUTELY});
        let (status, job) = ask(world, &key, Method::POST, "/api/v1/export-jobs", &body).await?;
        assert_eq!((status, &job["dimensionScope"]), (201, &json!({"dim-language": "seg-da"})), "{job}");
        assert!(!job.to_string().contains("matrixsecret"), "{job}");
        let path = format!("/api/v1/export-jobs/{}", text(&job, "id")?);
        let (_, paused) = ask(world, &key, Method::POST, &format!("{path}/pause"), &Value::Null).await?;
        assert_eq!((&paused["active"], &paused["nextRunAt"]), (&json!(false), &Value::Null));
        let (_, resumed) = ask(world, &key, Method::POST, &format!("{path}/resume"), &Value::Null).await?;
        assert!(resumed["nextRunAt"].is_string(), "{resumed}");
        // The next minute comes within one.
        let run = until("no run", async || {
            let (_, runs) = ask(world, &key, Method::GET, &format!("{path}/runs?limit=1"), &Value::Null).await?;
            Ok(runs.get(0).cloned())
        })
        .await?;
        let export = text(&run, "id")?;
        assert!(file(world, &tenant, &export).await?.starts_with(b"PK"), "the archive is kept");
        let (_, seen) = world.get(&format!("/v1/exports/{export}"), &tenant.admin).await?;
        assert_eq!((&seen["job"], &seen["surface"]), (&job["id"], &json!("sigma")), "{seen}");
        assert_eq!(seen["progress"]["records"], 3, "{seen}");
        let (status, _) = ask(world, &key, Method::DELETE, &path, &Value::Null).await?;
        assert_eq!(status, 204);
        assert_eq!(ask(world, &key, Method::GET, &path, &Value::Null).await?.0, 404);
        Ok(())
    });
}

#[test]
fn a_job_without_a_schema_sends_the_records_of_every_one_with_the_columns_of_all() {
    story(async |world| {
        let tenant = world.tenant("sigma-all").await?;
        products(world, &tenant).await?;
        let definition =
            json!({"singular": "shoe", "properties": {"sku": {"type": "string"}, "size": {"type": "number"}}});
        put(world, &tenant, "/v1/collections/shoes", &definition).await?;
        let lines: Vec<String> =
            (0..30).map(|n| json!({"_id": id(100 + n), "sku": format!("N{n}"), "size": n}).to_string()).collect();
        let (status, loaded) = world.load(&tenant, "shoes", lines.join("\n")).await?;
        anyhow::ensure!(status == 200 && loaded["accepted"] == 30, "{status} {loaded}");
        let key = sigma_key(world, &tenant).await?;
        let hook = Hook::start(&["200 OK"]).await?;
        let body = json!({"name": "All", "destinationType": "webhook", "destinationConfig": {"url": hook.url}, "format": "csv",
            "dimensionScope": {"dim-language": "seg-da"}, "includeVariants": true, "schedule": "0 2 1 1 *"});
        let (status, job) = ask(world, &key, Method::POST, "/export-jobs/", &body).await?;
        assert_eq!((status, &job["schemaId"]), (201, &Value::Null), "{job}");
        let path = format!("/export-jobs/{}", text(&job, "id")?);
        let (status, same) = ask(world, &key, Method::PUT, &path, &job).await?;
        assert_eq!(
            (status, &same["schemaId"], &same["destinationConfig"]),
            (200, &Value::Null, &job["destinationConfig"])
        );
        let (status, run) =
            world.post(&format!("/v1/jobs/{}/run", text(&job, "id")?), &tenant.admin, &Value::Null).await?;
        anyhow::ensure!(status.is_success(), "{status} {run}");
        let (_, sent) = until("nothing was sent", async || Ok(hook.taken().pop())).await?;
        let scratch = tempfile::NamedTempFile::new()?;
        std::fs::write(scratch.path(), sent)?;
        let read = "import csv, json, sys; print(json.dumps(list(csv.DictReader(open(sys.argv[1], newline='')))))";
        let rows: Value = serde_json::from_str(&outside("python3", &["-c", read, scratch.path().to_str().unwrap()])?)?;
        let rows = rows.as_array().context("rows")?;
        assert_eq!(rows.len(), 34, "{rows:?}");
        let row = |sku: &str| rows.iter().find(|row| row["sku"] == sku).cloned().unwrap_or_default();
        assert_eq!(
            row("SBS"),
            json!({"_id": id(3), "_parentId": id(2), "_level": "2", "title": "Blå skjorte", "sku": "SBS", "weight": "1.25", "size": ""})
        );
        assert_eq!(
            row("N7"),
            json!({"_id": id(107), "_parentId": "", "_level": "", "title": "", "sku": "N7", "weight": "", "size": "7"})
        );
        let gone = json!({"collection": "everything", "paths": ["sku"]});
        let (status, refused) = world.post("/v1/exports", &tenant.admin, &gone).await?;
        assert_eq!((status.as_u16(), &refused["errors"][0]["pointer"]), (400, &json!("/paths")), "{refused}");
        let (status, refused) = world
            .post(&format!("/{}/v2/exports", tenant.org), &tenant.admin, &json!({"objects": "everything"}))
            .await?;
        assert!(status.is_client_error(), "{status} {refused}");
        Ok(())
    });
}
