//! Archives hold what was loaded, record by record, for readers that are not ours.

use crate::harness::{Tenant, World, outside, story};
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Reads an entry of an archive with Python and prints it as JSON.
const READ_ENTRY: &str = r"
import csv, io, json, sys, zipfile
path, name = sys.argv[1:]
with zipfile.ZipFile(path) as archive:
    assert archive.testzip() is None
    text = archive.read(name).decode('utf-8')
if name.endswith('.csv'):
    rows = list(csv.DictReader(io.StringIO(text, newline='')))
elif name.endswith('.ndjson'):
    rows = [json.loads(line) for line in text.split('\n') if line]
else:
    rows = json.loads(text)
json.dump(rows, sys.stdout)
";

fn read_entry(archive: &Path, name: &str) -> Result<Value> {
    let path = archive.to_string_lossy();
    outside("unzip", &["-tqq", &path])?;
    Ok(serde_json::from_str(&outside("python3", &["-c", READ_ENTRY, &path, name])?)?)
}

fn by_id(rows: &Value) -> BTreeMap<String, Value> {
    let rows = rows.as_array().expect("an array of rows");
    let rows = rows.iter().map(|row| (row["_id"].as_str().expect("an _id").to_owned(), row.clone()));
    rows.collect()
}

/// What a loaded record is in an export without `paths`: optional properties are left out.
fn selected(record: &Value) -> Value {
    let mut record = record.clone();
    record.as_object_mut().expect("an object").remove("note");
    record
}

async fn loaded(world: &World, code: &str, count: usize) -> Result<(Tenant, BTreeMap<String, Value>)> {
    let tenant = world.tenant(code).await?;
    let records = world.things(&tenant, count).await?;
    Ok((tenant, by_id(&Value::Array(records))))
}

#[test]
fn json_and_ndjson_archives_equal_the_loaded_records_one_by_one() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let (tenant, records) = loaded(world, "arch-json", 1234).await?;
        let expected: BTreeMap<String, Value> =
            records.iter().map(|(id, record)| (id.clone(), selected(record))).collect();
        for (format, entry) in [("application/json", "things.json"), ("application/x-ndjson", "things.ndjson")] {
            let archive =
                world.archive(&tenant, &json!({"objects": "things", "format": format}), folder.path()).await?;
            let rows = read_entry(&archive, entry)?;
            assert_eq!(rows.as_array().map(Vec::len), Some(1234), "{format}");
            assert_eq!(by_id(&rows), expected, "{format}");
        }
        Ok(())
    });
}

#[test]
fn a_csv_archive_equals_the_loaded_records_cell_by_cell() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let (tenant, records) = loaded(world, "arch-csv", 500).await?;
        let body = json!({"objects": "things", "format": "text/csv"});
        let archive = world.archive(&tenant, &body, folder.path()).await?;
        let rows = by_id(&read_entry(&archive, "things.csv")?);
        assert_eq!(rows.len(), 500);
        for (id, row) in &rows {
            let record = &records[id];
            let name = record["name"].as_str().unwrap();
            let guarded =
                if name.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{name}") } else { name.into() };
            assert_eq!(row["name"], guarded, "formula cells are guarded, the rest is verbatim");
            assert_eq!(row["n"], record["n"].to_string());
            assert_eq!(row["when"], record["when"]);
            let tags: Value = serde_json::from_str(row["tags"].as_str().unwrap())?;
            assert_eq!(tags, record["tags"], "an array is JSON text");
            assert_eq!((&row["place.lat"], &row["place.lon"]), (&json!("12.5"), &json!("-7")), "dotted columns");
            assert!(row.get("note").is_none(), "optional properties are absent unless asked for");
        }
        Ok(())
    });
}

#[test]
fn paths_include_and_where_choose_columns_and_rows() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let (tenant, records) = loaded(world, "arch-paths", 40).await?;
        let body = json!({
            "objects": "things", "format": "application/json",
            "paths": ["_id", "place.lat"], "include": ["note"], "where": "{\"n\": 8}",
        });
        let archive = world.archive(&tenant, &body, folder.path()).await?;
        let rows = read_entry(&archive, "things.json")?;
        let id = records.iter().find(|(_, record)| record["n"] == 8).map(|(id, _)| id.clone()).unwrap();
        assert_eq!(rows, json!([{"_id": id, "place": {"lat": 12.5}, "note": "optional"}]));
        Ok(())
    });
}

#[test]
fn the_manifest_tells_counts_sizes_and_digests() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let (tenant, _) = loaded(world, "arch-manifest", 77).await?;
        let body = json!({"objects": "things", "format": "application/json"});
        let archive = world.archive(&tenant, &body, folder.path()).await?;
        let manifest = read_entry(&archive, "manifest.json")?;
        assert_eq!(manifest["counts"]["records"], 77, "{manifest}");
        let path = archive.to_string_lossy();
        let script = "import hashlib,sys,zipfile; print(hashlib.sha256(zipfile.ZipFile(sys.argv[1]).read('things.json')).hexdigest())";
        let digest = outside("python3", &["-c", script, &path])?;
        assert_eq!(manifest["entries"][0]["sha256"], digest.trim(), "{manifest}");
        Ok(())
    });
}

#[test]
fn an_empty_collection_gives_a_whole_archive() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let (tenant, _) = loaded(world, "arch-empty", 0).await?;
        for (format, entry) in
            [("application/json", "things.json"), ("application/x-ndjson", "things.ndjson"), ("text/csv", "things.csv")]
        {
            let archive =
                world.archive(&tenant, &json!({"objects": "things", "format": format}), folder.path()).await?;
            assert_eq!(read_entry(&archive, entry)?, json!([]), "{format}");
        }
        Ok(())
    });
}
