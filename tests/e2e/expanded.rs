//! References are replaced by the records that they lead to.

use crate::harness::{Tenant, World, outside, reply, story};
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Prints the records of an archive's first entry as JSON.
const READ: &str = r"
import csv, io, json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    name = archive.namelist()[0]
    text = archive.read(name).decode('utf-8')
rows = list(csv.DictReader(io.StringIO(text, newline=''))) if name.endswith('.csv') else [json.loads(line) for line in text.splitlines()]
json.dump(rows, sys.stdout)
";

fn id(kind: usize, number: usize) -> String {
    format!("{:024x}", kind * 0x1_0000 + number)
}

async fn define(world: &World, tenant: &Tenant, name: &str, definition: &Value, lines: String) -> Result<()> {
    let path = format!("/v1/collections/{name}");
    let (status, body) = reply(world.call(Method::PUT, &path, &tenant.admin).json(definition)).await?;
    anyhow::ensure!(status.is_success(), "{status} {body}");
    let (status, body) = world.load(tenant, name, lines).await?;
    anyhow::ensure!(status.is_success() && body["rejected"] == json!([]), "{status} {body}");
    Ok(())
}

/// Visits to sites in regions; the last site is not there.
async fn visits(world: &World, code: &str) -> Result<Tenant> {
    let tenant = world.tenant(code).await?;
    let mut regions = String::new();
    for n in 0..5 {
        writeln!(regions, "{}", json!({"_id": id(1, n), "name": format!("region {n}")}))?;
    }
    let definition = json!({"singular": "region", "access": {"default": [{"type": "role", "target": "member", "allow": 4}]}, "properties": {"name": {"type": "string"}}});
    define(world, &tenant, "regions", &definition, regions).await?;
    let mut sites = String::new();
    for n in 0..149 {
        let site = json!({"_id": id(2, n), "code": format!("s{n}"), "memo": "hidden", "region": id(1, n % 5)});
        writeln!(sites, "{site}")?;
    }
    let definition = json!({"singular": "site", "access": {"default": [{"type": "role", "target": "member", "allow": 4}]}, "properties": {
        "code": {"type": "string"}, "memo": {"type": "string", "optional": true},
        "region": {"type": "reference", "collection": "regions"},
    }});
    define(world, &tenant, "sites", &definition, sites).await?;
    let mut visits = String::new();
    for n in 0..600 {
        let visit = json!({"_id": id(3, n), "n": n, "site": id(2, n % 150), "also": [id(2, 0), id(2, n % 7)]});
        writeln!(visits, "{visit}")?;
    }
    let definition = json!({"singular": "visit", "access": {"default": [{"type": "role", "target": "member", "allow": 4}]}, "properties": {
        "n": {"type": "number"}, "site": {"type": "reference", "collection": "sites"},
        "also": {"type": "reference", "collection": "sites", "array": true},
    }});
    define(world, &tenant, "visits", &definition, visits).await?;
    Ok(tenant)
}

#[test]
fn expanded_references_hold_the_records_they_lead_to_over_several_levels() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let tenant = visits(world, "expanded").await?;
        let body = json!({"collection": "visits", "format": "ndjson", "expand": ["site", "site.region", "also"],
            "where": {"n": {"$lt": 300}}, "sort": null});
        let (export, path) = world.exported(&tenant, &body, folder.path()).await?;
        assert_eq!(export["expand"], json!(["site", "site.region", "also"]));
        let path = path.to_string_lossy();
        outside("unzip", &["-tqq", &path])?;
        let rows: Vec<Value> = serde_json::from_str(&outside("python3", &["-c", READ, &path])?)?;
        assert_eq!(rows.len(), 300);
        for row in rows {
            let n = usize::try_from(row["n"].as_u64().unwrap())?;
            let site = |n: usize| json!({"_id": id(2, n), "code": format!("s{n}"), "region": id(1, n % 5)});
            let expanded = match n % 150 {
                149 => json!({"_id": id(2, 149)}),
                known => {
                    let region = json!({"_id": id(1, known % 5), "name": format!("region {}", known % 5)});
                    json!({"_id": id(2, known), "code": format!("s{known}"), "region": region})
                }
            };
            assert_eq!(row, json!({"_id": id(3, n), "n": n, "site": expanded, "also": [site(0), site(n % 7)]}));
        }
        Ok(())
    });
}

#[test]
fn a_search_finds_words_in_texts_beside_the_condition() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let tenant = visits(world, "searched").await?;
        let found = async |body: Value| {
            let (export, path) = world.exported(&tenant, &body, folder.path()).await?;
            anyhow::ensure!(export["search"] == body["search"], "{export}");
            let rows: Vec<Value> = serde_json::from_str(&outside("python3", &["-c", READ, &path.to_string_lossy()])?)?;
            anyhow::Ok(rows.iter().map(|row| row["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>())
        };
        let sites = json!({"collection": "sites", "format": "ndjson", "sort": "code"});
        let asked = |search: &str, condition: Value| {
            let mut body = sites.clone();
            (body["search"], body["where"]) = (json!(search), condition);
            body
        };
        let tens = ["s11", "s110", "s111", "s112", "s113", "s114", "s115", "s116", "s117", "s118", "s119"];
        assert_eq!(found(asked("S11", Value::Null)).await?, tens);
        assert_eq!(found(asked("s11 hidden", json!({"code": {"$gt": "s118"}}))).await?, ["s119"]);
        assert_eq!(found(asked(&id(2, 7), Value::Null)).await?, ["s7"]);
        assert!(found(asked("s11 seen", Value::Null)).await?.is_empty());
        Ok(())
    });
}

#[test]
fn paths_across_references_become_columns() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let tenant = visits(world, "crossed").await?;
        let body = json!({"objects": "visits", "format": "text/csv", "paths": ["n", "site.code", "site.memo", "site.region.name"]});
        let path = world.archive(&tenant, &body, folder.path()).await?;
        let rows: Vec<Value> = serde_json::from_str(&outside("python3", &["-c", READ, &path.to_string_lossy()])?)?;
        assert_eq!(rows.len(), 600);
        for row in rows {
            let n: usize = row["n"].as_str().unwrap().parse()?;
            let expected = match n % 150 {
                149 => json!({"n": n.to_string(), "site.code": "", "site.memo": "", "site.region.name": ""}),
                known => json!({"n": n.to_string(), "site.code": format!("s{known}"), "site.memo": "hidden",
                    "site.region.name": format!("region {}", known % 5)}),
            };
            assert_eq!(row, expected);
        }
        let (status, refused) = world
            .post("/v1/exports", &tenant.member, &json!({"collection": "visits", "expand": ["n", "nope", "site.code"]}))
            .await?;
        assert_eq!((status.as_u16(), refused["errors"].as_array().map(Vec::len)), (400, Some(3)), "{refused}");
        Ok(())
    });
}
