//! Real records in the order that was asked for, as an archive or as one file, compared with what Python makes of them.

use crate::harness::{Tenant, World, outside, reply, story};
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

/// The airports that the demo ships.
const AIRPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/local/data/airports.ndjson.gz");
/// How many of them are loaded: every fifth.
const STEP: usize = 5;

/// Unpacks them.
const UNPACK: &str = "import gzip, sys; sys.stdout.write(gzip.open(sys.argv[1], 'rt', encoding='utf-8').read())";

/// Reads a download of whatever packaging and compares ids, order and cells with the loaded records, sorted by Python; says how many there are.
const COMPARE: &str = r"
import csv, gzip, io, json, sys, zipfile
from decimal import Decimal
path, packaging, loaded, order = sys.argv[1:]
if packaging == 'zip':
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        data = archive.read('airports.csv')
elif packaging == 'gzip':
    data = gzip.open(path).read()
else:
    data = open(path, 'rb').read()
rows = list(csv.DictReader(io.StringIO(data.decode('utf-8'), newline='')))
with open(loaded, encoding='utf-8') as lines:
    records = [json.loads(line, parse_int=Decimal, parse_float=Decimal) for line in lines]
# What is missing comes first; texts by code points; equals by id.
number = lambda value: (0, 0) if value is None else (1, value)
text = lambda value: (0, '') if value is None else (1, value)
keys = {
    '-elevation,name': lambda record: ([-part for part in number(record.get('elevation'))], text(record.get('name')), record['_id']),
    'location.lat': lambda record: (number(record['location'].get('lat')), record['_id']),
    'tz,-icao': None,
}
if order == 'tz,-icao':
    # Several keys of different directions: stable sorts, the least important first.
    records.sort(key=lambda record: record['_id'])
    records.sort(key=lambda record: text(record.get('icao')), reverse=True)
    records.sort(key=lambda record: text(record.get('tz')))
else:
    records.sort(key=keys[order])
assert [row['_id'] for row in rows] == [record['_id'] for record in records], 'another order'
for row, record in zip(rows, records):
    if record.get('elevation') is not None:
        assert Decimal(row['elevation']) == record['elevation'], row
print(len(rows))
";

/// An org with real airports; what was loaded, a line each.
async fn airports(world: &World, code: &str) -> Result<(Tenant, String)> {
    let tenant = world.tenant(code).await?;
    let definition = json!({"singular": "airport", "open": true, "access": {"default": [{"type": "role", "target": "member", "allow": 4}]}, "properties": {
        "icao": {"type": "string"},
        "name": {"type": "string"},
        "tz": {"type": "string"},
        "elevation": {"type": "number"},
        "location": {"type": "document", "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}}},
    }});
    let put = world.call(Method::PUT, "/v1/collections/airports", &tenant.admin).json(&definition);
    let (status, body) = reply(put).await?;
    anyhow::ensure!(status.is_success(), "{status} {body}");
    let all = outside("python3", &["-c", UNPACK, AIRPORTS])?;
    let lines: Vec<&str> = all.lines().step_by(STEP).collect();
    for chunk in lines.chunks(2000) {
        let (status, body) = world.load(&tenant, "airports", chunk.join("\n")).await?;
        anyhow::ensure!(status.is_success() && body["accepted"] == chunk.len(), "{status} {body}");
    }
    Ok((tenant, lines.join("\n")))
}

#[test]
fn real_records_come_in_the_order_that_python_gives_them() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let (tenant, lines) = airports(world, "sorted").await?;
        let loaded = folder.path().join("loaded.ndjson");
        std::fs::write(&loaded, &lines)?;
        let count = lines.lines().count().to_string();
        let orders: [(Value, &str, &str); 3] = [
            (json!("-elevation,name"), "-elevation,name", "zip"),
            (json!({"location.lat": 1}), "location.lat", "gzip"),
            (json!("tz,-icao"), "tz,-icao", "bare"),
        ];
        for (sort, shown, packaging) in orders {
            let body = json!({"collection": "airports", "format": "csv", "sort": sort, "packaging": packaging});
            let (export, path) = world.exported(&tenant, &body, folder.path()).await?;
            assert_eq!(export["sort"], shown);
            let path = path.to_string_lossy();
            let found = outside("python3", &["-c", COMPARE, &path, packaging, &loaded.to_string_lossy(), shown])?;
            assert_eq!(found.trim(), count, "{shown}");
        }
        Ok(())
    });
}

#[test]
fn a_file_by_itself_is_what_the_archive_holds_and_what_is_shown_of_it() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let tenant = world.tenant("packaged").await?;
        world.things(&tenant, 700).await?;
        let mut plain = Vec::new();
        for (packaging, kind, ending) in [
            ("zip", "application/zip", ".zip"),
            ("bare", "application/json", ".json"),
            ("gzip", "application/gzip", ".json.gz"),
        ] {
            let body = json!({"collection": "things", "format": "json", "packaging": packaging});
            let (export, path) = world.exported(&tenant, &body, folder.path()).await?;
            let (download, path) = (&export["download"], path.to_string_lossy());
            assert_eq!(download["contentType"], kind);
            assert!(download["name"].as_str().is_some_and(|name| name.ends_with(ending)), "{download}");
            assert_eq!(download["sizeBytes"], std::fs::metadata(path.as_ref())?.len());
            let sum = outside("sha256sum", &[&path])?;
            assert!(sum.starts_with(download["sha256"].as_str().unwrap()), "{sum} {download}");
            plain.push(match packaging {
                "zip" => outside("unzip", &["-p", &path, "things.json"])?,
                "gzip" => outside("gzip", &["-dc", &path])?,
                _ => std::fs::read_to_string(path.as_ref())?,
            });
        }
        assert!(plain.iter().all(|file| *file == plain[0]), "not the same file");
        let records: Vec<Value> = serde_json::from_str(&plain[0])?;
        assert_eq!(records.len(), 700);
        let (_, usage) = world.get("/v1/usage", &tenant.admin).await?;
        let (_, list) = world.get("/v1/exports", &tenant.admin).await?;
        let size = |export: &Value| {
            let (archive, file) = (&export["archive"]["sizeBytes"], &export["download"]["sizeBytes"]);
            archive.as_u64().unwrap() + if export["packaging"] == "zip" { 0 } else { file.as_u64().unwrap() }
        };
        let held: u64 = list["items"].as_array().unwrap().iter().map(size).sum();
        assert_eq!(usage["usedBytes"], held, "{usage}");
        Ok(())
    });
}
