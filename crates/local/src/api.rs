//! A client of the stack's own HTTP API: what the first start makes, it makes like everybody else.

use anyhow::{Context as _, Result, bail};
use hmac::{Hmac, KeyInit, Mac as _};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::Sha256;

use crate::clock;
use crate::info::SignaturePair;

/// A client of one stack.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: Client,
    url: String,
}

impl Api {
    /// A client of the gateway at `url`.
    pub(crate) fn new(url: &str) -> Result<Self> {
        // The environment's proxies do not lead to this machine's loopback.
        let client = Client::builder().no_proxy().build().context("no HTTP client")?;
        Ok(Self { client, url: url.to_owned() })
    }

    /// Whether `key` is one that may list exports.
    pub(crate) async fn accepts(&self, key: &str) -> Result<bool> {
        let reply = self.request(Method::GET, "/v1/exports?limit=1", key).send().await.context("no reply")?;
        match reply.status() {
            status if status.is_success() => Ok(true),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(false),
            status => bail!("the stack does not tell whether a key is good: it answers {status}"),
        }
    }

    /// Whether `pair` signs requests to the Cortex surface of `org`.
    pub(crate) async fn accepts_pair(&self, org: &str, pair: &SignaturePair) -> Result<bool> {
        let timestamp = clock::epoch_ms(clock::now());
        let key = format!("{}{}", pair.api_key, pair.api_secret);
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_bytes()).context("no key is too long")?;
        mac.update(format!("/exports;GET;{timestamp}").as_bytes());
        let request = self
            .client
            .get(format!("{}/{org}/v2/exports?limit=1", self.url))
            .header("medable-client-key", &pair.api_key)
            .header("medable-client-signature", hex::encode(mac.finalize().into_bytes()))
            .header("medable-client-nonce", hex::encode(clock::random::<8>()?))
            .header("medable-client-timestamp", timestamp);
        let status = request.send().await.context("no reply")?.status();
        if status.is_server_error() {
            bail!("the stack does not tell whether a signature is good: it answers {status}");
        }
        Ok(status.is_success())
    }

    /// Sends JSON and reads JSON.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Result<T> {
        let text = body.to_string();
        let request = self.request(method, path, key).header("content-type", "application/json").body(text);
        read(request, path).await
    }

    /// Sends lines of JSON and reads JSON.
    pub(crate) async fn send_lines<T: DeserializeOwned>(&self, path: &str, key: &str, lines: Vec<u8>) -> Result<T> {
        let request = self.request(Method::POST, path, key).header("content-type", "application/x-ndjson").body(lines);
        read(request, path).await
    }

    fn request(&self, method: Method, path: &str, key: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(key)
    }
}

/// An answer that says no, with its status.
#[derive(Debug, thiserror::Error)]
#[error("{path} answers {status}: {body}")]
pub(crate) struct Refused {
    pub(crate) path: String,
    pub(crate) status: StatusCode,
    pub(crate) body: String,
}

async fn read<T: DeserializeOwned>(request: RequestBuilder, path: &str) -> Result<T> {
    let reply = request.send().await.with_context(|| format!("{path} gives no reply"))?;
    let status = reply.status();
    let body = reply.text().await.with_context(|| format!("{path} gives half a reply"))?;
    if !status.is_success() {
        return Err(Refused { path: path.to_owned(), status, body }.into());
    }
    serde_json::from_str(&body).with_context(|| format!("{path} answers something unexpected: {body}"))
}
