//! The platform's own table as the source of a collection.

use crate::harness::{Tenant, World, outside, reply, story, text};
use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::BufRead as _;

/// Items of each org in each of its two partitions, of about 2 KB each: more than a page of the service.
const ITEMS: usize = 700;

/// One call of the embedded `DynamoDB`, as any client of the platform makes it.
pub(crate) async fn dynamodb(world: &World, operation: &str, body: &Value) -> Result<Value> {
    let aws = &world.info.aws;
    let credential =
        format!("AWS4-HMAC-SHA256 Credential={}/20260101/{}/dynamodb/aws4_request", aws.access_key_id, aws.region);
    let request = world
        .http
        .post(&aws.dynamodb)
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
        .header("x-amz-date", "20260101T000000Z")
        .header("authorization", format!("{credential}, SignedHeaders=host;x-amz-date, Signature={}", "0".repeat(64)))
        .header("content-type", "application/x-amz-json-1.0")
        .body(body.to_string());
    let response = request.send().await?;
    let (status, bytes) = (response.status(), response.bytes().await?);
    ensure!(status == 200, "{operation}: {status} {}", String::from_utf8_lossy(&bytes));
    Ok(serde_json::from_slice(&bytes)?)
}

fn id(org: &str, part: usize, n: usize) -> String {
    format!("{org}/{part}/{n:04}")
}

/// An item, as the wire writes it.
fn item(org: &str, part: usize, n: usize) -> Value {
    json!({
        "pk": {"S": format!("ORG#{org}#{part}")}, "sk": {"S": format!("VISIT#{n:04}")}, "tenant": {"S": org},
        "visitId": {"S": id(org, part, n)},
        "score": {"N": format!("1234567890123456789012345678901234567.{}", n % 9 + 1)},
        "seen": {"BOOL": n.is_multiple_of(2)}, "nothing": {"NULL": true}, "photo": {"B": "AP8Q"},
        "tags": {"SS": ["red", "with, comma"]}, "marks": {"NS": ["7"]}, "blobs": {"BS": ["AA=="]},
        "address": {"M": {"city": {"S": "\"Köln\", 東京\n"}, "zip": {"N": "50667"}, "deep": {"M": {"list": {"L": [{"S": "x"}, {"N": "-0.5"}]}}}}},
        "lines": {"L": [{"M": {"sku": {"S": "=1+1"}, "count": {"N": "2"}}}]},
        "filler": {"S": "f".repeat(1900)},
    })
}

/// The record that it is.
fn record(org: &str, part: usize, n: usize) -> String {
    let digit = n % 9 + 1;
    format!(
        r#"{{"_id":"{}","score":1234567890123456789012345678901234567.{digit},"seen":{},"nothing":null,"photo":"AP8Q","tags":["red","with, comma"],"marks":[7],"blobs":["AA=="],"address":{{"city":"\"Köln\", 東京\n","zip":50667,"deep":{{"list":["x",-0.5]}}}},"lines":[{{"sku":"=1+1","count":2}}]}}"#,
        id(org, part, n),
        n.is_multiple_of(2)
    )
}

async fn make_table(world: &World, name: &str, orgs: &[&str]) -> Result<()> {
    let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let table = json!({
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [attribute("pk"), attribute("sk")], "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
    });
    dynamodb(world, "CreateTable", &table).await?;
    let mut puts = Vec::new();
    for org in orgs {
        for part in 0..2 {
            puts.extend((0..ITEMS).map(|n| json!({"PutRequest": {"Item": item(org, part, n)}})));
        }
        let meta = json!({"pk": {"S": format!("ORG#{org}#0")}, "sk": {"S": "META"}, "visitId": {"S": "none"}});
        puts.push(json!({"PutRequest": {"Item": meta}}));
    }
    for chunk in puts.chunks(25) {
        let written = dynamodb(world, "BatchWriteItem", &json!({"RequestItems": {name: chunk}})).await?;
        ensure!(written["UnprocessedItems"].as_object().is_none_or(serde_json::Map::is_empty), "{written}");
    }
    Ok(())
}

fn definition(source: &Value) -> Value {
    json!({"source": source, "access": {"default": [{"type": "role", "target": "member", "allow": 4}]}, "properties": {
        "score": {"type": "number"}, "seen": {"type": "boolean"}, "nothing": {"type": "any"}, "photo": {"type": "binary"},
        "tags": {"type": "string", "array": true}, "marks": {"type": "number", "array": true},
        "blobs": {"type": "binary", "array": true},
        "address": {"type": "document"}, "lines": {"type": "any", "array": true},
        "filler": {"type": "string", "optional": true},
    }})
}

/// Defines the collection `visits` of an org, as the operator.
async fn define(world: &World, tenant: &Tenant, source: &Value) -> Result<()> {
    let path = format!("/v1/orgs/{}/collections/visits", tenant.org);
    let put = world.call(Method::PUT, &path, &world.info.operator_key).json(&definition(source));
    let (status, body) = reply(put).await?;
    ensure!(status == 201, "{status} {body}");
    Ok(())
}

fn by_key(table: &str) -> Value {
    json!({"type": "dynamodb", "table": table, "idAttribute": "visitId", "keyCondition": {
        "attribute": "pk", "values": ["ORG#{org}#0", "ORG#{org}#1"], "sortAttribute": "sk", "sortPrefix": "VISIT#"}})
}

fn by_scan(table: &str) -> Value {
    json!({"type": "dynamodb", "table": table, "idAttribute": "visitId", "orgAttribute": "tenant"})
}

/// The lines of an export as NDJSON, by id.
async fn lines(world: &World, tenant: &Tenant, mut request: Value) -> Result<BTreeMap<String, Value>> {
    let folder = tempfile::tempdir()?;
    request["format"] = json!("ndjson");
    let (export, archive) = world.exported(tenant, &request, folder.path()).await?;
    let printed = outside("unzip", &["-p", archive.to_str().context("a path")?, "visits.ndjson"])?;
    let mut lines = BTreeMap::new();
    for line in printed.as_bytes().lines() {
        let line: Value = serde_json::from_str(&line?)?;
        ensure!(lines.insert(text(&line, "_id")?, line).is_none(), "a record twice");
    }
    ensure!(export["progress"]["records"] == lines.len(), "{export}");
    Ok(lines)
}

/// Compared as values: the service keeps the members of maps in an order of its own. Numbers keep their digits.
fn expected(org: &str) -> BTreeMap<String, Value> {
    let all = (0..2).flat_map(|part| (0..ITEMS).map(move |n| (part, n)));
    all.map(|(part, n)| (id(org, part, n), serde_json::from_str(&record(org, part, n)).unwrap())).collect()
}

#[test]
fn items_of_the_platforms_table_are_exported_by_key_and_by_scan_each_orgs_own() {
    story(async |world| {
        let (left, right) = (world.tenant("table-a").await?, world.tenant("table-b").await?);
        make_table(world, "platform", &["table-a", "table-b"]).await?;
        define(world, &left, &by_key("platform")).await?;
        define(world, &right, &by_scan("platform")).await?;
        for tenant in [&left, &right] {
            let found = lines(world, tenant, json!({"collection": "visits"})).await?;
            let expected = expected(&tenant.org);
            assert_eq!(found.len(), expected.len(), "{}", tenant.org);
            assert_eq!(found, expected);
        }
        let some =
            json!({"collection": "visits", "where": {"_id": {"$in": [id("table-a", 1, 5), id("table-b", 1, 5)]}}});
        assert_eq!(lines(world, &left, some).await?.into_keys().collect::<Vec<_>>(), [id("table-a", 1, 5)]);

        let folder = tempfile::tempdir()?;
        let request = json!({"collection": "visits", "format": "csv", "paths": ["_id", "score", "seen", "address.city", "lines"]});
        let (_, archive) = world.exported(&left, &request, folder.path()).await?;
        let script = "import csv, io, json, sys, zipfile\n\
            rows = list(csv.DictReader(io.TextIOWrapper(zipfile.ZipFile(sys.argv[1]).open('visits.csv'), 'utf-8-sig', newline='')))\n\
            row = next(row for row in rows if row['_id'] == sys.argv[2])\n\
            print(len(rows), row['score'], row['seen'], ascii(row['address.city']), json.loads(row['lines']) == [{'sku': '=1+1', 'count': 2}])";
        let printed = outside("python3", &["-c", script, archive.to_str().context("a path")?, &id("table-a", 1, 3)])?;
        let city = r#"'"K\xf6ln", \u6771\u4eac\n'"#;
        let expected = format!("{} 1234567890123456789012345678901234567.4 false {city} True", 2 * ITEMS);
        assert_eq!(printed.trim(), expected);
        Ok(())
    });
}

#[test]
fn a_table_that_is_not_there_ends_the_export_and_says_so() {
    story(async |world| {
        let tenant = world.tenant("table-c").await?;
        define(world, &tenant, &by_scan("nowhere")).await?;
        let export = world.settled(&tenant, &json!({"collection": "visits"})).await?;
        assert_eq!((&export["state"], &export["failure"]["code"]), (&json!("failed"), &json!("denied")), "{export}");
        let why = "there is no table `nowhere` in Waybill's account and region";
        assert_eq!(export["failure"]["message"], why);
        let (status, refused) = world.load(&tenant, "visits", "{}".to_owned()).await?;
        assert_eq!(status.as_u16(), 409, "{refused}");
        Ok(())
    });
}
