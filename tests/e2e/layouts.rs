//! Each format of a data export holds what was loaded, under the names that were asked for: read back with readers that are not ours.

use crate::data_exports::{ended, followed, link};
use crate::harness::{Tenant, World, outside, reply, story, text};
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;

const FORMATS: [&str; 6] = ["csv", "detailed-csv", "json", "json-api", "xml", "pdf"];
/// What an export without fields has, in its order.
const DEFAULT: [&str; 10] =
    ["id", "number", "amount", "paid", "issuedTime", "customer", "billingAddress", "tags", "lines", "extra"];

/// An invoice as a line of JSON: texts that formats have to escape, numbers that no machine's are, what is `null` and what is missing.
fn invoice(n: usize) -> String {
    let texts =
        ["plain", "with, comma", "\"quoted\"; 'too'", "two\nlines\tand tabs", "=1+1", "ünïcödé <☃> & 日本", "", "]]>"];
    let item = |at: usize| {
        let mut item = json!({"sku": format!("{}{at}", ["s", "=s", "<s>"][at % 3]), "count": at * 7});
        if at.is_multiple_of(2) {
            item["note"] = if n.is_multiple_of(3) { Value::Null } else { json!(texts[(n + at) % texts.len()]) };
        }
        item
    };
    let country = ["IS", "US", "=NO"][n % 3];
    let extra = [json!(null), json!("text"), json!({"deep": [1, {"er": [true, null, {}]}], "e": []})];
    let mut record = json!({
        "_id": format!("{:024x}", 0x7000 + n),
        "number": texts[n % texts.len()],
        "amount": 0,
        "paid": n.is_multiple_of(2),
        "issuedTime": "2026-05-01T00:00:00.000Z",
        "customer": format!("{:024x}", 0x10 + n % 5),
        "billingAddress": {"country": country, "geo": {"lat": 12.5, "lon": -7}},
        "tags": (0..n % 3).map(|at| texts[(n + at) % texts.len()]).collect::<Vec<_>>(),
        "lines": (0..n % 4).map(item).collect::<Vec<_>>(),
        "extra": extra[n % 3],
    });
    match n % 5 {
        0 => record["notes"] = json!(texts[(n / 5) % texts.len()].repeat(1 + n * 8)),
        1 => record["customer"] = Value::Null,
        2 => record["billingAddress"]["zip"] = json!("101"),
        3 => record["paid"] = Value::Null,
        _ => {}
    }
    let amount = ["12345678901234567890123456789012345678", "0.10", "-3.5", "0"][n % 4];
    record.to_string().replace("\"amount\":0", &format!("\"amount\":{amount}"))
}

async fn invoices(world: &World, code: &str, count: usize) -> Result<(Tenant, String)> {
    let tenant = world.tenant(code).await?;
    let access = json!({"default": [{"type": "role", "target": "member", "allow": 4}]});
    let customers = json!({"singular": "customer", "access": access, "properties": {"name": {"type": "string"}}});
    let invoices = json!({"singular": "invoice", "access": access, "properties": {
        "number": {"type": "string"},
        "amount": {"type": "number"},
        "paid": {"type": "boolean"},
        "issuedTime": {"type": "date"},
        "customer": {"type": "reference", "collection": "customers"},
        "billingAddress": {"type": "document", "properties": {
            "country": {"type": "string"},
            "zip": {"type": "string", "optional": true},
            "geo": {"type": "document", "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}}},
        }},
        "tags": {"type": "string", "array": true},
        "lines": {"type": "document", "array": true, "properties": {
            "sku": {"type": "string"},
            "count": {"type": "number"},
            "note": {"type": "string", "optional": true},
        }},
        "extra": {"type": "any"},
        "notes": {"type": "string", "optional": true},
    }});
    for (name, definition) in [("customers", customers), ("invoices", invoices)] {
        let path = format!("/v1/collections/{name}");
        let (status, body) = reply(world.call(Method::PUT, &path, &tenant.admin).json(&definition)).await?;
        anyhow::ensure!(status.is_success(), "{status} {body}");
    }
    let customers: Vec<String> =
        (0..5).map(|n| json!({"_id": format!("{:024x}", 0x10 + n), "name": format!("No. {n}")}).to_string()).collect();
    let lines = (0..count).map(invoice).collect::<Vec<_>>().join("\n");
    for (name, lines) in [("customers", customers.join("\n")), ("invoices", lines.clone())] {
        let (status, body) = world.load(&tenant, name, lines).await?;
        anyhow::ensure!(status.is_success() && body["accepted"] != 0, "{status} {body}");
    }
    Ok((tenant, lines))
}

/// A data export, completed, and its file in `folder`.
async fn exported(world: &World, tenant: &Tenant, body: &Value, folder: &Path) -> Result<(Value, String)> {
    let (status, made) = world.post("/data-exports", &tenant.admin, body).await?;
    anyhow::ensure!(status.as_u16() == 201, "{status} {made}");
    let shown = ended(world, &tenant.admin, &text(&made, "id")?).await?;
    anyhow::ensure!(shown["status"] == "completed", "{shown}");
    let path = folder.join(text(&made, "id")?);
    std::fs::write(&path, followed(world, link(&shown, "download").unwrap(), &tenant.admin).await?)?;
    Ok((shown, path.to_string_lossy().into_owned()))
}

#[test]
fn each_format_equals_the_loaded_records_under_the_names_that_were_asked_for() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let (tenant, lines) = invoices(world, "layouts", 61).await?;
        let loaded = folder.path().join("loaded.ndjson");
        std::fs::write(&loaded, lines)?;
        let asked = json!([
            "number",
            "id",
            "billingAddress/country",
            "lines/sku",
            "amount",
            "billingAddress/geo",
            "tags",
            "createdTime",
            "customer",
            "lines/note",
            "extra",
            "paid",
            "notes",
            "billingAddress/zip"
        ]);
        for fields in [json!([]), asked] {
            for format in FORMATS {
                let body = json!({"name": "All of them", "resource": "invoices", "format": format, "fields": fields});
                let (shown, path) = exported(world, &tenant, &body, folder.path()).await?;
                assert_eq!((&shown["recordCount"], &shown["fields"]), (&json!(61), &fields));
                let arguments =
                    [&path, format, &loaded.to_string_lossy(), &fields.to_string(), &json!(DEFAULT).to_string()];
                let arguments = [&["-c", include_str!("../harness/layouts.py")], &arguments[..]].concat();
                let count = outside("python3", &arguments)?;
                assert_eq!(count.trim(), "61", "{format} {fields}");
            }
        }
        Ok(())
    });
}

#[test]
fn a_field_of_a_referenced_record_is_called_as_it_was_asked_for_and_media_types_are_the_formats() {
    story(async |world| {
        let folder = tempfile::tempdir()?;
        let (tenant, _) = invoices(world, "layouts-followed", 3).await?;
        let body = json!({"name": "x", "resource": "invoices", "format": "csv", "fields": ["customer/name", "id", "customer/id"],
            "arguments": {"sort": "id"}});
        let (_, path) = exported(world, &tenant, &body, folder.path()).await?;
        let csv = std::fs::read_to_string(path)?;
        let first = "No. 0,000000000000000000007000,000000000000000000000010";
        assert_eq!(csv.lines().take(2).collect::<Vec<_>>(), ["customer/name,id,customer/id", first]);
        // A reference that is asked for by itself is its id, whatever else of its record is asked for.
        let fields = json!(["customer", "id", "customer/name"]);
        for format in ["csv", "detailed-csv"] {
            let body = json!({"name": "x", "resource": "invoices", "format": format, "fields": fields,
                "arguments": {"sort": "customer,id"}});
            let (_, path) = exported(world, &tenant, &body, folder.path()).await?;
            let table = std::fs::read_to_string(path)?;
            let expected = [
                "customer,id,customer/name",
                "000000000000000000000010,000000000000000000007000,No. 0",
                "000000000000000000000012,000000000000000000007002,No. 2",
            ];
            let found: Vec<&str> = table.lines().filter(|line| !line.starts_with(',')).collect();
            assert_eq!(found, expected, "{format} {table}");
            assert!(table.contains("\r\n,000000000000000000007001,\r\n"), "{table}");
        }
        for (format, first) in [
            (
                "json",
                json!({"customer": {"id": "000000000000000000000010", "name": "No. 0"}, "id": "000000000000000000007000"}),
            ),
            (
                "json-api",
                json!({"type": "invoices", "id": "000000000000000000007000", "attributes": {}, "relationships": {
                "customer": {"data": {"type": "customers", "id": "000000000000000000000010", "meta": {"name": "No. 0"}}}}}),
            ),
        ] {
            let body = json!({"name": "x", "resource": "invoices", "format": format, "fields": fields,
                "arguments": {"sort": "id"}});
            let (_, path) = exported(world, &tenant, &body, folder.path()).await?;
            let documents: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
            assert_eq!(documents[0], first);
        }
        let same = json!({"name": "x", "resource": "invoices", "format": "csv", "fields": ["customer/id", "customer"]});
        let (status, refused) = world.post("/data-exports", &tenant.admin, &same).await?;
        let told = json!([{"field": "fields.1", "message": "`customer` is the same property as `customer/id`"}]);
        assert_eq!((status.as_u16(), &refused["invalidFields"]), (422, &told));
        let twice =
            json!({"name": "x", "resource": "invoices", "format": "csv", "fields": ["customer/id", "customer/_id"]});
        let (status, refused) = world.post("/data-exports", &tenant.admin, &twice).await?;
        let told = json!([{"field": "fields.1", "message": "`customer/_id` is the same property as `customer/id`"}]);
        assert_eq!((status.as_u16(), &refused["invalidFields"]), (422, &told));
        let types =
            ["text/csv", "text/csv", "application/json", "application/json", "application/xml", "application/zip"];
        let endings = ["csv", "csv", "json", "json", "xml", "zip"];
        for ((format, media_type), ending) in FORMATS.into_iter().zip(types).zip(endings) {
            let body = json!({"name": "typed", "resource": "invoices", "format": format});
            let (shown, _) = exported(world, &tenant, &body, folder.path()).await?;
            let (_, file) = world.get(&format!("/files/{}", text(&shown, "fileId")?), &tenant.admin).await?;
            assert_eq!((&file["mime"], &file["name"]), (&json!(media_type), &json!(format!("typed.{ending}"))));
            let served = world.http.get(link(&shown, "signedLink").unwrap()).send().await?;
            assert_eq!(crate::harness::header(&served, "content-type")?, media_type, "{format}");
        }
        Ok(())
    });
}
