//! Addresses that files are posted to.

use super::DestinationConfigError;
use super::fields::{Fields, Shown, error};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How many headers one may have.
const HEADERS: usize = 20;
/// Headers that are made for each delivery, or mean something to the connection.
const MADE: [&str; 18] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "content-disposition",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "x-sigma-signature",
    "x-sigma-delivery",
    "user-agent",
];

/// An address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookConfig {
    /// Absolute, `https://` or `http://`.
    pub url: String,
    /// Names of headers that are sent along, in lower case; their values are secrets, each `headers.<name>`.
    pub headers: Vec<String>,
    /// Whether there is the secret `secret`, with which deliveries are signed.
    pub is_signed: bool,
}

impl WebhookConfig {
    /// What deliveries are signed with.
    pub const SECRET: &str = "secret";

    /// The name of the secret that holds a header's value.
    pub fn header_field(name: &str) -> String {
        format!("headers.{name}")
    }

    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, DestinationConfigError> {
        let url = fields.needed("url")?;
        checked_url("url", &url)?;
        if fields.text("method")?.is_some_and(|method| !method.eq_ignore_ascii_case("POST")) {
            return Err(error("method", "must be POST"));
        }
        let mut headers = Vec::new();
        if let Some(value) = fields.value("headers") {
            let wire = value.as_object().ok_or_else(|| error("headers", "must be an object of names and texts"))?;
            if wire.len() > HEADERS {
                return Err(error("headers", "must be at most 20"));
            }
            for (name, value) in wire {
                headers.push(header(fields, name, value)?);
            }
        }
        headers.sort_unstable();
        if let Some(pair) = headers.windows(2).find(|pair| pair.first() == pair.last()) {
            let field = Self::header_field(pair.first().map_or("", String::as_str));
            return Err(error(&field, "is there more than once"));
        }
        let is_signed = fields.secret(Self::SECRET)?;
        Ok(Self { url, headers, is_signed })
    }

    pub(super) fn write(&self, shown: &mut Shown) {
        shown.put("url", self.url.clone());
        shown.put("method", "POST");
        if !self.headers.is_empty() {
            let mut masked = Map::new();
            for name in &self.headers {
                masked.insert(name.clone(), Value::from(super::SECRET_MASK));
                shown.secrets.insert(Self::header_field(name));
            }
            shown.put("headers", masked);
        }
        if self.is_signed {
            shown.mask(Self::SECRET);
        }
    }
}

fn header(fields: &mut Fields<'_>, name: &str, value: &Value) -> Result<String, DestinationConfigError> {
    let name = name.to_ascii_lowercase();
    let field = WebhookConfig::header_field(&name);
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > 100 || !name.bytes().all(is_token) {
        return Err(error(&field, "is not the name of a header"));
    }
    if MADE.contains(&name.as_str()) || name.starts_with("proxy-") {
        return Err(error(&field, "is made for each delivery and cannot be set"));
    }
    let is_plain = value.as_str() == Some(super::SECRET_MASK)
        || value.as_str().is_some_and(|text| text.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
    if !is_plain {
        return Err(error(&field, "must be a text of plain ASCII"));
    }
    if !fields.take_secret(&field, value)? {
        return Err(error(&field, "must not be empty"));
    }
    Ok(name)
}

/// A URL's shape; what its host is, is looked at whenever it is connected to.
pub(super) fn checked_url(field: &str, url: &str) -> Result<(), DestinationConfigError> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest else { return Err(error(field, "must begin with https:// or http://")) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(error(field, "must name a host"));
    }
    if authority.contains('@') {
        return Err(error(field, "must not hold a user name or a password"));
    }
    if url.contains([' ', '\\', '"', '<', '>']) || !url.is_ascii() {
        return Err(error(field, "has characters that must be encoded"));
    }
    Ok(())
}
