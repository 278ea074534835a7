//! What belongs to a record: its lists and arrays exported and read, the bytes of its files, and nothing that is not readable.

use crate::harness::{Tenant, World, header, outside, reply, story, text};
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;

const SITE: &str = "00000000000000000000a001";
const OTHER: &str = "00000000000000000000a002";

async fn put(world: &World, tenant: &Tenant, name: &str, definition: &Value) -> Result<()> {
    let put = world.call(Method::PUT, &format!("/v1/collections/{name}"), &tenant.admin).json(definition);
    let (status, body) = reply(put).await?;
    anyhow::ensure!(status.is_success(), "{status} {body}");
    Ok(())
}

/// Two sites; the first has five visits and two lines.
async fn sites(world: &World, code: &str) -> Result<Tenant> {
    let tenant = world.tenant(code).await?;
    let line = json!({"sku": {"type": "string"}, "cost": {"type": "number"}});
    let access = json!({"default": [{"type": "role", "target": "member", "allow": 4}]});
    let mut site = json!({"singular": "site", "access": access, "properties": {
        "name": {"type": "string"},
        "lines": {"type": "document", "array": true, "optional": true, "properties": line},
        "plan": {"type": "file", "optional": true},
    }});
    put(world, &tenant, "sites", &site).await?;
    let visit = json!({"singular": "visit", "access": access, "properties": {
        "n": {"type": "number"}, "site": {"type": "reference", "collection": "sites"}}});
    put(world, &tenant, "visits", &visit).await?;
    site["properties"]["visits"] = json!({"type": "list", "collection": "visits", "via": "site"});
    put(world, &tenant, "sites", &site).await?;
    let lines = json!([{"sku": "a, b", "cost": 2.5}, {"sku": "c"}]);
    let records =
        [json!({"_id": SITE, "name": "north", "lines": lines}), json!({"_id": OTHER, "name": "south", "_access": []})];
    anyhow::ensure!(world.load(&tenant, "sites", records.map(|record| record.to_string()).join("\n")).await?.0 == 200);
    let visits: Vec<String> =
        (0..10).map(|n| json!({"n": n, "site": if n % 2 == 0 { SITE } else { OTHER }}).to_string()).collect();
    anyhow::ensure!(world.load(&tenant, "visits", visits.join("\n")).await?.0 == 200);
    Ok(tenant)
}

fn unzipped(archive: &Path, name: &str) -> Result<String> {
    outside("unzip", &["-p", &archive.to_string_lossy(), name])
}

#[test]
fn what_belongs_to_a_record_is_exported_and_read() {
    story(async |world| {
        let (tenant, folder) = (sites(world, "with-lists").await?, tempfile::tempdir()?);
        let list = json!({"objects": "visits", "prefix": format!("sites/{SITE}/visits"), "format": "text/csv",
            "paths": ["n", "site.name"], "where": {"n": {"$gt": 1}}});
        let archive = world.archive(&tenant, &list, folder.path()).await?;
        let rows = unzipped(&archive, "visits.csv")?.replace("\r\n", "\n");
        let mut rows: Vec<&str> = rows.lines().collect();
        rows.sort_unstable();
        assert_eq!(rows, ["2,north", "4,north", "6,north", "8,north", "n,site.name"]);
        let manifest: Value = serde_json::from_str(&unzipped(&archive, "manifest.json")?)?;
        assert_eq!(manifest["request"]["prefix"], list["prefix"]);
        let array = json!({"objects": "sites", "prefix": format!("/sites/{SITE}/lines"), "format": "text/csv"});
        let archive = world.archive(&tenant, &array, folder.path()).await?;
        assert_eq!(unzipped(&archive, "sites.csv")?, "sku,cost\r\n\"a, b\",2.5\r\nc,\r\n");

        let site = format!("/{}/v2/sites/{SITE}", tenant.org);
        let (_, read) =
            world.get(&format!("{site}?visits.limit=2&visits.sort=-n&visits.paths[]=n"), &tenant.member).await?;
        let visits = &read["visits"];
        assert_eq!((&visits["data"][0]["n"], &visits["data"][1]["n"]), (&json!(8), &json!(6)));
        assert_eq!((&visits["hasMore"], &visits["path"]), (&json!(true), &json!(format!("/sites/{SITE}/visits"))));
        let (_, all) = world.get(&format!("{site}/visits?sort=n"), &tenant.member).await?;
        assert_eq!((all["data"].as_array().map(Vec::len), &all["hasMore"]), (Some(5), &json!(false)));
        Ok(())
    });
}

#[test]
fn the_bytes_of_a_file_come_by_a_link_once_they_are_here() {
    story(async |world| {
        let tenant = sites(world, "file-bytes").await?;
        let path = format!("/v1/collections/sites/records/{SITE}/files/plan");
        let body = json!({"filename": "Plan ü.txt", "contentType": "text/plain", "sizeBytes": 5});
        let (_, announced) = world.post(&path, &tenant.admin, &body).await?;
        let content = format!("/{}/v2/sites/{SITE}/plan/content", tenant.org);
        let (status, fault) = world.get(&content, &tenant.member).await?;
        assert_eq!((status.as_u16(), &fault["code"]), (202, &json!("kMediaNotReady")));
        let upload = &announced["upload"];
        let mut request = world.http.put(text(upload, "url")?);
        for (name, value) in
            upload["headers"].as_object().into_iter().flatten().filter(|(name, _)| *name != "content-length")
        {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
        assert_eq!(request.body("bytes").send().await?.status(), 200);
        let sent = world.call(Method::GET, &content, &tenant.member).header("accept", "*/*").send().await?;
        assert_eq!(sent.status(), 302);
        let file = world.http.get(header(&sent, "location")?).send().await?;
        assert!(header(&file, "content-disposition")?.contains("Plan"), "{file:?}");
        assert_eq!(file.text().await?, "bytes");
        let asked = world.call(Method::GET, &content, &tenant.member).header("accept", "application/json");
        let (_, facet) = reply(asked).await?;
        assert_eq!(
            (&facet["object"], &facet["path"], &facet["size"]),
            (&json!("facet"), &json!(format!("/sites/{SITE}/plan/content")), &json!(5))
        );
        Ok(())
    });
}

#[test]
fn files_that_a_principal_may_not_read_are_not_in_its_archives() {
    story(async |world| {
        let (tenant, folder) = (world.tenant("hidden-files").await?, tempfile::tempdir()?);
        let definition = json!({"access": {"default": [{"type": "role", "target": "admin", "allow": 7}]}, "properties": {
            "scan": {"type": "file"}, "secret": {"type": "file", "readAccess": 6}}});
        put(world, &tenant, "cases", &definition).await?;
        let records = [
            json!({"_id": SITE, "_access": [{"type": "role", "target": "member", "allow": 4}]}),
            json!({"_id": OTHER}),
        ];
        anyhow::ensure!(
            world.load(&tenant, "cases", records.map(|record| record.to_string()).join("\n")).await?.0 == 200
        );
        for (record, property) in [(SITE, "scan"), (SITE, "secret"), (OTHER, "scan")] {
            let path = format!("/v1/collections/cases/records/{record}/files/{property}");
            let body = json!({"filename": "a.txt", "contentType": "text/plain", "sizeBytes": 5});
            let (_, announced) = world.post(&path, &tenant.admin, &body).await?;
            let mut request = world.http.put(text(&announced["upload"], "url")?);
            let headers = announced["upload"]["headers"].as_object().into_iter().flatten();
            for (name, value) in headers.filter(|(name, _)| *name != "content-length") {
                request = request.header(name, value.as_str().unwrap_or_default());
            }
            anyhow::ensure!(request.body("bytes").send().await?.status() == 200);
        }
        let admin = Tenant { member: tenant.admin.clone(), ..tenant.clone() };
        for (who, zip, expected) in [(&tenant, false, 1), (&tenant, true, 1), (&admin, false, 3)] {
            let body = json!({"objects": "cases", "exportFiles": true, "zipFiles": zip});
            let archive = world.archive(who, &body, folder.path()).await?;
            let manifest: Value = serde_json::from_str(&unzipped(&archive, "manifest.json")?)?;
            assert_eq!(
                (&manifest["counts"]["files"], &manifest["counts"]["missingFiles"]),
                (&json!(expected), &json!(0))
            );
            let names = outside("unzip", &["-l", &archive.to_string_lossy()])?;
            if !zip {
                assert_eq!(names.matches("files/").count(), expected, "{names}");
                assert!(names.contains(&format!("files/{SITE}/scan/1-a.txt")), "{names}");
            }
            assert_eq!(manifest.to_string().contains("secret"), expected == 3, "{manifest}");
        }
        for (path, status) in
            [(format!("{SITE}/scan"), 302), (format!("{SITE}/secret"), 404), (format!("{OTHER}/scan"), 404)]
        {
            let request = world.call(Method::GET, &format!("/{}/v2/cases/{path}/content", tenant.org), &tenant.member);
            assert_eq!(request.header("accept", "*/*").send().await?.status(), status, "{path}");
        }
        Ok(())
    });
}
