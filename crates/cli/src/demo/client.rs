//! A client of the Cortex surface, as far as the demo needs one.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use reqwest::{Method, RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

/// An export, as the surface shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Export {
    #[serde(rename = "_id")]
    pub(super) id: String,
    /// `pending`, `running`, `ready` or `error`.
    pub(super) state: String,
    pub(super) stats: Stats,
    err: Option<Value>,
}

/// What is in an export so far.
#[derive(Debug, Deserialize)]
pub(super) struct Stats {
    pub(super) docs: Docs,
}

/// Records of an export.
#[derive(Debug, Deserialize)]
pub(super) struct Docs {
    pub(super) count: u64,
}

/// What the surface says of the archive.
#[derive(Debug, Deserialize)]
pub(super) struct DataFile {
    /// First half of the archive's SHA-256, hex.
    #[serde(rename = "ETag")]
    pub(super) etag: String,
    /// Bytes.
    pub(super) size: u64,
}

impl Export {
    /// Why it failed.
    pub(super) fn failure(&self) -> String {
        self.err.as_ref().map_or_else(|| "no reason is given".to_owned(), fault)
    }
}

/// The reason in a fault, or all of it.
fn fault(fault: &Value) -> String {
    let text = |name: &str| fault.get(name).and_then(Value::as_str);
    text("reason").or_else(|| text("message")).map_or_else(|| fault.to_string(), str::to_owned)
}

/// Speaks with one stack as one caller.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    exports: String,
    key: String,
}

impl Client {
    /// A client of the stack at `url` for `org`, with an API key.
    pub(super) fn new(url: &str, org: &str, key: &str) -> Result<Self> {
        // The environment's proxies do not lead to this machine's loopback.
        let http = reqwest::Client::builder().no_proxy().build().context("no HTTP client")?;
        Ok(Self { http, exports: format!("{url}/{org}/v2/exports"), key: key.to_owned() })
    }

    /// Creates an export of a collection.
    pub(super) async fn create(&self, collection: &str, media_type: &str) -> Result<Export> {
        let body = json!({"label": "Demo", "objects": collection, "format": media_type});
        let request = self.request(Method::POST, "").json(&body);
        read(request).await.context("the export cannot be created")
    }

    /// Reads an export.
    pub(super) async fn export(&self, id: &str) -> Result<Export> {
        read(self.request(Method::GET, &format!("/{id}"))).await.context("the export cannot be read")
    }

    /// Reads what the surface says of an export's archive.
    pub(super) async fn data_file(&self, id: &str) -> Result<DataFile> {
        let request = self.request(Method::GET, &format!("/{id}/dataFile"));
        read(request).await.context("the archive's facet cannot be read")
    }

    /// Saves an export's archive as `path`: the link leads to the store, and the key does not go along.
    pub(super) async fn download(&self, id: &str, path: &Path) -> Result<()> {
        let request = self.request(Method::GET, &format!("/{id}/dataFile/content"));
        let mut reply = accepted(request).await?;
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        let unfinished = path.with_extension("zip.part");
        let mut file = tokio::fs::File::create(&unfinished).await?;
        while let Some(bytes) = reply.chunk().await? {
            file.write_all(&bytes).await?;
        }
        file.flush().await?;
        tokio::fs::rename(&unfinished, path).await?;
        Ok(())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.exports)).bearer_auth(&self.key)
    }
}

async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T> {
    let text = accepted(request).await?.text().await?;
    serde_json::from_str(&text).with_context(|| format!("the reply is something unexpected: {text}"))
}

async fn accepted(request: RequestBuilder) -> Result<Response> {
    let reply = request.send().await?;
    let status = reply.status();
    if status == 200 {
        return Ok(reply);
    }
    let text = reply.text().await?;
    bail!("{status}: {}", serde_json::from_str(&text).map_or(text, |value| fault(&value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_by_its_reason() {
        assert_eq!(fault(&json!({"reason": "quota", "message": "error"})), "quota");
        assert_eq!(fault(&json!({"message": "error"})), "error");
        assert_eq!(fault(&json!({"status": 500})), "{\"status\":500}");
    }

    #[test]
    fn an_export_is_read_whatever_else_it_says() {
        let text = r#"{"_id":"a","object":"export","state":"error","stats":{"docs":{"count":3},"files":{}},"err":{"reason":"why"}}"#;
        let export: Export = serde_json::from_str(text).unwrap();
        assert_eq!((export.id.as_str(), export.stats.docs.count, export.failure().as_str()), ("a", 3, "why"));
    }
}
