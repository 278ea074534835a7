//! Detailed CSV, XML and JSON:API hold what was loaded, record by record, for readers that are not ours.

use crate::harness::{Tenant, World, outside, reply, story};
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Reads an archive's records back and compares them with the loaded ones; says how many there are.
const COMPARE: &str = r#"
import csv, io, json, sys, zipfile
import xml.etree.ElementTree as xml
from decimal import Decimal
path, kind, loaded = sys.argv[1:]
numbers = dict(parse_int=Decimal, parse_float=Decimal)
with open(loaded, encoding='utf-8') as lines:
    records = {record['_id']: record for record in (json.loads(line, **numbers) for line in lines)}
with zipfile.ZipFile(path) as archive:
    assert archive.testzip() is None
    text = archive.read(archive.namelist()[0]).decode('utf-8')
guarded = lambda text: "'" + text if text[:1] in ('=', '+', '-', '@', '\t', '\r') else text
if kind == 'detailed-csv':
    rows, seen = list(csv.DictReader(io.StringIO(text, newline=''))), {}
    for row in rows:
        seen.setdefault(row['_id'], []).append(row)
    for id, record in records.items():
        lines = seen[id]
        assert len(lines) == max(1, len(record['lines'])), id
        for place, line in enumerate(lines):
            assert line['name'] == guarded(record['name']) and line['site'] == record['site'], line
            assert Decimal(line['place/lat']) == record['place']['lat'], line
            if record['lines']:
                item = record['lines'][place]
                assert line['lines/sku'] == guarded(item['sku']) and Decimal(line['lines/count']) == item['count'], line
            else:
                assert line['lines/sku'] == line['lines/count'] == '', line
elif kind == 'xml':
    seen = {}
    for order in xml.fromstring(text):
        assert order.tag == 'order'
        seen[order.find('_id').text] = order
    for id, record in records.items():
        order = seen[id]
        assert (order.find('name').text or '') == record['name'], id
        assert Decimal(order.find('place/lat').text) == record['place']['lat'], id
        items = [{'sku': item.find('sku').text or '', 'count': Decimal(item.find('count').text)} for item in order.find('lines')]
        assert items == record['lines'], id
else:
    seen = {}
    for resource in json.loads(text, **numbers):
        assert resource['type'] == 'orders'
        site = resource['relationships']['site']['data']
        assert site['type'] == 'sites'
        seen[resource['id']] = {'_id': resource['id'], 'site': site['id'], **resource['attributes']}
    assert seen == records
assert seen.keys() == records.keys()
print(len(seen))
"#;

fn order(n: usize) -> Value {
    let names = ["plain", "with, comma", "\"quoted\"", "two\nlines", "=1+1", "ünïcödé <☃> & 日本", "", "]]>"];
    let line = |at: usize| json!({"sku": format!("{}{at}", ["s", "=s", "<s>"][at % 3]), "count": at * 7});
    json!({
        "_id": format!("{:024x}", 0x5000 + n),
        "name": names[n % names.len()],
        "site": format!("{:024x}", 0x10 + n % 5),
        "place": {"lat": 0.25 * f64::from(u32::try_from(n).unwrap_or_default())},
        "lines": (0..n % 4).map(line).collect::<Vec<_>>(),
    })
}

/// An org with `count` orders; what was loaded, a line each.
async fn orders(world: &World, code: &str, count: usize) -> Result<(Tenant, String)> {
    let tenant = world.tenant(code).await?;
    let sites = json!({"singular": "site", "access": {"default": [{"type": "role", "target": "member", "allow": 4}]}, "properties": {"code": {"type": "string"}}});
    let orders = json!({"singular": "order", "access": {"default": [{"type": "role", "target": "member", "allow": 4}]}, "properties": {
        "name": {"type": "string"},
        "site": {"type": "reference", "collection": "sites"},
        "place": {"type": "document", "properties": {"lat": {"type": "number"}}},
        "lines": {"type": "document", "array": true, "properties": {"sku": {"type": "string"}, "count": {"type": "number"}}},
    }});
    for (name, definition) in [("sites", sites), ("orders", orders)] {
        let path = format!("/v1/collections/{name}");
        let (status, body) = reply(world.call(Method::PUT, &path, &tenant.admin).json(&definition)).await?;
        anyhow::ensure!(status.is_success(), "{status} {body}");
    }
    let mut lines = String::new();
    for n in 0..count {
        writeln!(lines, "{}", order(n))?;
    }
    let (status, body) = world.load(&tenant, "orders", lines.clone()).await?;
    anyhow::ensure!(status.is_success() && body["accepted"] == count, "{status} {body}");
    Ok((tenant, lines))
}

#[test]
fn detailed_csv_xml_and_json_api_equal_the_loaded_records_one_by_one() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let (tenant, lines) = orders(world, "formats", 321).await?;
        let loaded = folder.path().join("loaded.ndjson");
        std::fs::write(&loaded, lines)?;
        for format in ["detailed-csv", "xml", "json-api"] {
            let body = json!({"collection": "orders", "format": format});
            let (_, path) = world.exported(&tenant, &body, folder.path()).await?;
            let path = path.to_string_lossy();
            outside("unzip", &["-tqq", &path])?;
            let count = outside("python3", &["-c", COMPARE, &path, format, &loaded.to_string_lossy()])?;
            assert_eq!(count.trim(), "321", "{format}");
        }
        Ok(())
    });
}
