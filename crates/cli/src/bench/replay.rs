//! A server that answers `Scan` and `Query` of one table with canned replies, as `DynamoDB` would over loopback.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::data::{PageFile, Paged};
use super::server::{Reply, body, serve, status};

/// What `DynamoDB` speaks.
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
/// What the key of a reply's last item begins with; the number of the next reply follows.
const KEY: &str = "page-";

/// What the server has sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sent {
    /// Pages of the table.
    pub(super) pages: u64,
}

/// Serves the pages of a folder until its standard input ends.
pub(super) async fn run(folder: &Path) -> Result<Sent> {
    let pages = Arc::new(PageFile::open(folder, Paged::Wire)?);
    let count = pages.count();
    serve(move |parts, request| {
        let pages = Arc::clone(&pages);
        async move {
            // The page cache answers in a fraction of a millisecond, but not for sure.
            let answered = tokio::task::spawn_blocking(move || answer(&pages, &parts, &request)).await;
            match answered {
                Ok(Ok(reply)) => reply,
                Ok(Err(_)) | Err(_) => status(StatusCode::INTERNAL_SERVER_ERROR),
            }
        }
    })
    .await?;
    Ok(Sent { pages: count })
}

fn answer(pages: &PageFile, parts: &Parts, request: &Bytes) -> Result<Reply> {
    let operation = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()?.split('.').nth(1));
    match operation {
        Some("Scan" | "Query") => page(pages, &serde_json::from_slice(request)?),
        Some("DescribeTable") => Ok(body(CONTENT_TYPE, table(pages).to_string())),
        _ => Ok(status(StatusCode::BAD_REQUEST)),
    }
}

/// The page that a request asks for. Segment `s` of `n` has the pages `s`, `s + n`, `s + 2n`, …
fn page(pages: &PageFile, request: &Value) -> Result<Reply> {
    let number = |field: &str| request.get(field).and_then(Value::as_u64);
    let (segment, segments) = (number("Segment").unwrap_or(0), number("TotalSegments").unwrap_or(1).max(1));
    let from = request.pointer("/ExclusiveStartKey/_id/S").and_then(Value::as_str);
    let from = from.and_then(|key| key.strip_prefix(KEY)?.parse().ok()).unwrap_or(segment);
    if from >= pages.count() {
        return Ok(body(CONTENT_TYPE, r#"{"Count":0,"Items":[],"ScannedCount":0}"#));
    }
    let (mut reply, records) = pages.read(from, br#"{"Items":["#)?;
    let next = from + segments;
    let last = if next < pages.count() {
        format!(r#","LastEvaluatedKey":{{"_id":{{"S":"{KEY}{next}"}}}}"#)
    } else {
        String::new()
    };
    reply.extend_from_slice(format!(r#"],"Count":{records},"ScannedCount":{records}{last}}}"#).as_bytes());
    // The service sends it with every reply, and its clients look at it.
    let crc32 = crc32fast::hash(&reply);
    let mut reply = body(CONTENT_TYPE, reply);
    reply.headers_mut().insert("x-amz-crc32", crc32.into());
    Ok(reply)
}

fn table(pages: &PageFile) -> Value {
    json!({"Table": {
        "TableName": "people",
        "TableStatus": "ACTIVE",
        "KeySchema": [{"AttributeName": "_id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "_id", "AttributeType": "S"}],
        "ItemCount": pages.records(),
        "TableSizeBytes": pages.size_bytes(),
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
    }})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::data::make;
    use http_body_util::BodyExt as _;

    async fn scan(pages: &PageFile, request: Value) -> Value {
        let parts = http::Request::post("/").header("x-amz-target", "DynamoDB_20120810.Scan").body(()).unwrap();
        let reply = answer(pages, &parts.into_parts().0, &Bytes::from(request.to_string())).unwrap();
        serde_json::from_slice(&reply.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    #[tokio::test]
    async fn segments_give_every_item_once() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), 9000, &[Paged::Wire], 2).unwrap();
        let pages = PageFile::open(folder.path(), Paged::Wire).unwrap();
        let mut ids = std::collections::BTreeSet::new();
        let mut count = 0;
        for segment in 0..3 {
            let mut request = json!({"Segment": segment, "TotalSegments": 3});
            loop {
                let reply = scan(&pages, request.clone()).await;
                for item in reply["Items"].as_array().unwrap() {
                    ids.insert(item["_id"]["S"].as_str().unwrap().to_owned());
                    count += 1;
                }
                let Some(last) = reply.get("LastEvaluatedKey") else { break };
                request["ExclusiveStartKey"] = last.clone();
            }
        }
        assert_eq!((ids.len(), count), (9000, 9000));
    }
}
