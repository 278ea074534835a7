//! Aggregation of real records, in exports and in lists, compared with what Python adds up.

use crate::harness::{Tenant, World, outside, reply, story};
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

/// The airports that the demo ships.
const AIRPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/local/data/airports.ndjson.gz");

/// Unpacks every fifth of them.
const UNPACK: &str =
    "import gzip, sys; sys.stdout.writelines(list(gzip.open(sys.argv[1], 'rt', encoding='utf-8'))[::5])";

/// Groups the loaded records by zone and compares with the rows of the archive; says how many there are.
const COMPARE: &str = r"
import collections, csv, io, json, sys, zipfile
from decimal import Decimal
path, loaded = sys.argv[1:]
with zipfile.ZipFile(path) as archive:
    assert archive.testzip() is None
    rows = list(csv.DictReader(io.StringIO(archive.read('airports.csv').decode('utf-8'), newline='')))
groups = collections.defaultdict(list)
with open(loaded, encoding='utf-8') as lines:
    for record in (json.loads(line, parse_int=Decimal, parse_float=Decimal) for line in lines):
        if len(record['icao']) == 4 and record['icao'].isalpha():
            groups[record.get('tz') or ''].append(record)
for row in rows:
    records = groups[row['_id']]
    heights = [record['elevation'] for record in records if record.get('elevation') is not None]
    assert int(row['n']) == len(records), row
    assert Decimal(row['total']) == sum(heights), row
    assert Decimal(row['top']) == max(heights), row
    assert abs(Decimal(row['mean']) - sum(heights) / len(heights)) < Decimal('1e-20'), row
    assert sorted(json.loads(row['codes'])) == sorted(record['icao'] for record in records), row
assert [int(row['n']) for row in rows] == sorted(map(len, groups.values()), reverse=True)[2:22], 'other groups'
print(len(rows))
";

async fn airports(world: &World, code: &str) -> Result<(Tenant, String)> {
    let tenant = world.tenant(code).await?;
    let definition = json!({"singular": "airport", "open": true, "access": {"default": [{"type": "role", "target": "member", "allow": 4}]}, "properties": {
        "icao": {"type": "string"}, "tz": {"type": "string"}, "elevation": {"type": "number"},
    }});
    let put = world.call(Method::PUT, "/v1/collections/airports", &tenant.admin).json(&definition);
    let (status, body) = reply(put).await?;
    anyhow::ensure!(status.is_success(), "{status} {body}");
    let lines = outside("python3", &["-c", UNPACK, AIRPORTS])?;
    let all: Vec<&str> = lines.lines().collect();
    for chunk in all.chunks(2000) {
        let (status, body) = world.load(&tenant, "airports", chunk.join("\n")).await?;
        anyhow::ensure!(status.is_success() && body["accepted"] == chunk.len(), "{status} {body}");
    }
    Ok((tenant, lines))
}

#[test]
fn groups_are_what_python_adds_up_in_archives_and_in_lists() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let (tenant, lines) = airports(world, "pipelines").await?;
        let loaded = folder.path().join("loaded.ndjson");
        std::fs::write(&loaded, &lines)?;
        let pipeline = json!([
            {"$match": {"icao": {"$regex": "^[a-z]{4}$", "$options": "i"}}},
            {"$group": {"_id": "$tz", "n": {"$sum": 1}, "total": {"$sum": "$elevation"}, "mean": {"$avg": "$elevation"},
                        "top": {"$max": "$elevation"}, "codes": {"$push": "$icao"}}},
            {"$sort": {"n": -1, "_id": 1}}, {"$skip": 2}, {"$limit": 20},
        ]);
        let body = json!({"objects": "airports", "format": "text/csv", "pipeline": pipeline});
        let path = world.archive(&tenant, &body, folder.path()).await?;
        let rows = outside("python3", &["-c", COMPARE, path.to_str().unwrap_or(""), loaded.to_str().unwrap_or("")])?;
        assert_eq!(rows.trim(), "20");

        let count = json!([{"$group": {"_id": null, "n": {"$count": {}}}}]).to_string();
        let list = format!("/{}/v2/airports", tenant.org);
        let (status, listed) =
            reply(world.call(Method::GET, &list, &tenant.admin).query(&[("pipeline", &count)])).await?;
        assert_eq!((status.as_u16(), &listed["data"][0]["n"]), (200, &Value::from(lines.lines().count())), "{listed}");

        let refused = json!({"collection": "airports", "pipeline": [{"$unwind": "$codes"}]});
        let (status, problem) = world.post("/v1/exports", &tenant.admin, &refused).await?;
        assert_eq!(status.as_u16(), 400, "{problem}");
        assert!(problem.to_string().contains("$unwind"), "{problem}");
        Ok(())
    });
}
