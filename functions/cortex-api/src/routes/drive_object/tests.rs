//! The driver's calls, with bodies as the vendor's package sends them.

use crate::stage::{Stage, bearer};
use serde_json::{Value, json};
use waybill_domain::Role;

/// What its cursor sends beside what was asked.
fn cursor(asked: Value) -> String {
    let mut body = json!({
        "maxTimeMs": 2000, "skipAcl": null, "grant": null, "roles": null, "access": null, "crossOrg": null,
        "prefix": null, "strict": null, "unindexed": null, "through": null, "locale": null, "transform": null,
    });
    if let (Value::Object(body), Value::Object(asked)) = (&mut body, asked) {
        body.extend(asked);
    }
    body.to_string()
}

#[tokio::test]
async fn a_cursor_gives_lines_or_a_list() {
    let stage = Stage::with_records().await;
    let body = cursor(json!({"where": {"icao": {"$in": ["EKCH", "EDDF"]}}, "paths": ["icao"], "sort": {"icao": 1}}));
    insta::assert_snapshot!("list", stage.admin("POST", "/demo/v2/airport/db/cursor", &body).await);
    let key = bearer("demo", Role::Admin);
    let headers = [("authorization", key.as_str()), ("accept", "application/x-ndjson")];
    insta::assert_snapshot!("lines", stage.send("POST", "/demo/v2/airport/db/cursor", &headers, &body).await);
    let body = cursor(json!({"pipeline": [{"$match": {"icao": "EKCH"}}, {"$project": {"icao": 1, "_id": 0}}]}));
    insta::assert_snapshot!("rows", stage.send("POST", "/demo/v2/airports/db/cursor", &headers, &body).await);
    assert!(stage.admin("POST", "/demo/v2/airport/db/cursor", "").await.starts_with("200"));
}

#[tokio::test]
async fn it_counts_and_reads_one() {
    let stage = Stage::with_records().await;
    let target = |operation: &str| format!("/demo/v2/airport/db/{operation}");
    insta::assert_snapshot!("count", stage.admin("POST", &target("count"), &cursor(json!({}))).await);
    let one = json!({"where": {"icao": "EKCH"}, "object": "airport", "operation": "readOne", "throwNotFound": true, "maxTimeMs": 2000});
    insta::assert_snapshot!("one", stage.admin("POST", &target("readOne"), &one.to_string()).await);
    let path = json!({"where": {"icao": "EKCH"}, "path": "country.name"});
    insta::assert_snapshot!("one_property", stage.admin("POST", &target("readOne"), &path.to_string()).await);
    let none = json!({"where": {"icao": "none"}});
    insta::assert_snapshot!("none", stage.admin("POST", &target("readOne"), &none.to_string()).await);
    let quietly = json!({"where": {"icao": "none"}, "throwNotFound": false});
    insta::assert_snapshot!("none_quietly", stage.admin("POST", &target("readOne"), &quietly.to_string()).await);
}

#[tokio::test]
async fn exports_are_made_changed_counted_and_deleted() {
    let stage = Stage::with_records().await;
    let target = |operation: &str| format!("/demo/v2/export/db/{operation}");
    let document =
        json!({"document": {"objects": "airports", "label": "driver"}, "object": "export", "operation": "insertOne"});
    let made = stage.json("POST", &target("insertOne"), &document.to_string()).await;
    let id = made["data"].as_str().unwrap().to_owned();
    assert_eq!(made["object"], "result");
    let whole = json!({"document": {"objects": "airports"}, "lean": false});
    assert_eq!(stage.json("POST", &target("insertOne"), &whole.to_string()).await["object"], "export");
    let update =
        json!({"match": {"label": "driver"}, "update": {"$set": {"label": "driven"}}, "mergeDocuments": false});
    insta::assert_snapshot!("updated", stage.admin("POST", &target("updateOne"), &update.to_string()).await);
    assert_eq!(stage.json("GET", &format!("/demo/v2/exports/{id}"), "").await["label"], "driven");
    let count = cursor(json!({"where": {"label": {"$exists": true}}}));
    assert_eq!(stage.json("POST", &target("count"), &count).await["data"], 1);
    let gone = json!({"match": {"_id": id}}).to_string();
    insta::assert_snapshot!("deleted", stage.admin("POST", &target("deleteOne"), &gone).await);
    assert!(stage.admin("POST", &target("deleteOne"), &gone).await.starts_with("404"));
    insta::assert_snapshot!("everything", stage.admin("POST", &target("deleteOne"), r#"{"match":{}}"#).await);
    let frozen = json!({"match": {"label": {"$exists": false}}, "update": {"$set": {"format": "text/csv"}}});
    insta::assert_snapshot!("frozen", stage.admin("POST", &target("updateOne"), &frozen.to_string()).await);
}

#[tokio::test]
async fn what_is_not_offered_is_refused_by_name() {
    let stage = Stage::with_records().await;
    insta::assert_snapshot!("bulk", stage.admin("POST", "/demo/v2/org/db/bulk", r#"{"ops":[]}"#).await);
    insta::assert_snapshot!("write", stage.admin("POST", "/demo/v2/airport/db/insertOne", "{}").await);
    insta::assert_snapshot!("many", stage.admin("POST", "/demo/v2/export/db/deleteMany", "{}").await);
    let grant = stage.admin("POST", "/demo/v2/export/db/cursor", r#"{"skipAcl":true}"#).await;
    insta::assert_snapshot!("skip_acl", grant);
    insta::assert_snapshot!("unknown", stage.admin("POST", "/demo/v2/c_nothing/db/cursor", "{}").await);
    insta::assert_snapshot!("option", stage.admin("POST", "/demo/v2/export/db/cursor", r#"{"colour":1}"#).await);
}
