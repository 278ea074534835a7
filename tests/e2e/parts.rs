//! Stories of data exports with more records than one file, or one export, may have.

use crate::data_exports::{ended, followed, link};
use crate::harness::{Tenant, World, outside, quick, reply, story, text};
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use std::num::NonZeroU64;
use waybill_local::{Options, Stack, Tuning};

/// Tests the zip, reads every part with what Python brings along, and prints how many records each has; fails unless all of them
/// together are the numbers up to the first argument, in order.
const READ_PARTS: &str = r#"
import csv, io, json, sys, zipfile
import xml.etree.ElementTree as xml
total, form, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
def numbers(text):
    if form in ("csv", "detailed-csv"):
        return [int(row["n"]) for row in csv.DictReader(io.StringIO(text, newline=""))]
    if form == "json":
        return [record["n"] for record in json.loads(text)]
    if form == "json-api":
        return [record["attributes"]["n"] for record in json.loads(text)]
    return [int(record.find("n").text) for record in xml.fromstring(text.encode())]
archive = zipfile.ZipFile(path)
assert archive.testzip() is None
names = archive.namelist()
ending = "csv" if "csv" in form else "xml" if form == "xml" else "json"
assert names == [f"numbered-part{part}.{ending}" for part in range(1, len(names) + 1)], names
parts = [numbers(archive.read(name).decode()) for name in names]
assert sum(parts, []) == list(range(total))
print([len(part) for part in parts])
"#;

/// A stack whose files have at most 1000 records, and whose exports at most 3000.
async fn small() -> Result<World> {
    let limit = |most| NonZeroU64::new(most).expect("a number of records");
    let tuning = Tuning { records_per_part: limit(1000), max_records: limit(3000), ..quick() };
    World::of(Stack::start(Options { tuning, ..Options::ephemeral() }).await?)
}

fn wanted(format: &str) -> Value {
    json!({"name": "numbered", "resource": "things", "format": format, "fields": ["id", "n"],
        "arguments": {"sort": "n"}})
}

/// A data export that has ended.
async fn made(world: &World, tenant: &Tenant, body: &Value) -> Result<Value> {
    let (status, made) = world.post("/data-exports", &tenant.member, body).await?;
    anyhow::ensure!(status.as_u16() == 201, "{status} {made}");
    ended(world, &tenant.admin, &text(&made, "id")?).await
}

#[test]
fn more_records_than_a_file_may_have_are_a_zip_of_parts() {
    story(async |_| {
        let (world, folder) = (small().await?, tempfile::tempdir()?);
        let tenant = world.tenant("parts").await?;
        world.things(&tenant, 2500).await?;
        for format in ["csv", "detailed-csv", "json", "json-api", "xml"] {
            let shown = made(&world, &tenant, &wanted(format)).await?;
            assert_eq!((&shown["status"], &shown["recordCount"]), (&json!("completed"), &json!(2500)), "{shown}");
            let path = folder.path().join(format!("{format}.zip"));
            std::fs::write(&path, followed(&world, link(&shown, "download").unwrap(), &tenant.admin).await?)?;
            let path = path.to_str().unwrap();
            outside("unzip", &["-tqq", path])?;
            let parts = outside("python3", &["-c", READ_PARTS, "2500", format, path])?;
            assert_eq!(parts.trim(), "[1000, 1000, 500]", "{format}");
            let (_, file) = world.get(&format!("/files/{}", text(&shown, "fileId")?), &tenant.member).await?;
            assert_eq!((&file["mime"], &file["name"]), (&json!("application/zip"), &json!("numbered.zip")), "{file}");
        }
        // As many as one file may have are one file.
        let mut body = wanted("csv");
        body["arguments"]["filter"] = json!("n:..999");
        let shown = made(&world, &tenant, &body).await?;
        let (_, file) = world.get(&format!("/files/{}", text(&shown, "fileId")?), &tenant.member).await?;
        assert_eq!((&shown["recordCount"], &file["mime"]), (&json!(1000), &json!("text/csv")), "{shown} {file}");
        Ok(())
    });
}

#[test]
fn more_records_than_an_export_may_have_are_refused_or_fail_it() {
    story(async |_| {
        let world = small().await?;
        let tenant = world.tenant("too-many").await?;
        world.things(&tenant, 3001).await?;
        let (status, refused) = world.post("/data-exports", &tenant.member, &wanted("csv")).await?;
        assert_eq!(status.as_u16(), 422);
        assert_eq!(refused["type"], "data-export-limit-exceeded");
        assert_eq!((&refused["matchedRecords"], &refused["maxRecords"]), (&json!(3001), &json!(3000)), "{refused}");
        let put = world.call(Method::PUT, "/data-exports/of-my-own", &tenant.member).json(&wanted("xml"));
        let (status, refused) = reply(put).await?;
        assert_eq!((status.as_u16(), &refused["title"]), (422, &json!("Data export limit exceeded")), "{refused}");
        // What a filter leaves is counted when the export starts.
        for (sorted, filter, expected) in
            [(true, "n:0..", "record-limit-exceeded"), (false, "n:0..", "record-limit-exceeded"), (false, "n:1..", "")]
        {
            let mut body = wanted("json");
            body["arguments"] = if sorted { json!({"filter": filter, "sort": "n"}) } else { json!({"filter": filter}) };
            let shown = made(&world, &tenant, &body).await?;
            match expected {
                "" => assert_eq!(shown["recordCount"], 3000, "{shown}"),
                reason => {
                    assert_eq!((&shown["status"], &shown["failureReason"]), (&json!("failed"), &json!(reason)));
                    assert_eq!((&shown["recordCount"], &shown["fileId"]), (&json!(0), &Value::Null));
                }
            }
        }
        // One fewer, and all of them may go.
        let path = format!("/v1/collections/things/records/{:024x}", 0x1000);
        assert_eq!(world.delete(&path, &tenant.admin).await?.0.as_u16(), 204);
        assert_eq!(made(&world, &tenant, &wanted("csv")).await?["recordCount"], 3000);
        Ok(())
    });
}
