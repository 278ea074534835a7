//! A function's reply (payload format 2.0) as the response that API Gateway makes of it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The response of a reply in JSON text.
///
/// # Errors
/// When the reply is not of the format; API Gateway answers 500 then.
pub(super) fn parse(reply: &str) -> Result<Response<Full<Bytes>>> {
    let reply: Reply = serde_json::from_str(reply).context("the reply does not parse")?;
    let body = match reply.body {
        None => Bytes::new(),
        Some(body) if reply.is_base64_encoded => Bytes::from(BASE64.decode(body).context("the body is not base64")?),
        Some(body) => Bytes::from(body),
    };
    let has_body = !body.is_empty();
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(reply.status_code).context("the status code is none")?;
    let headers = response.headers_mut();
    for (name, value) in &reply.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).context("a header's name is none")?;
        // The gateway frames the body itself.
        if [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION].contains(&name) {
            continue;
        }
        headers.insert(name, HeaderValue::from_str(value).context("a header's value is none")?);
    }
    for cookie in &reply.cookies {
        headers.append(SET_COOKIE, HeaderValue::from_str(cookie).context("a cookie is none")?);
    }
    if has_body {
        let text = HeaderValue::from_static("text/plain;charset=UTF-8");
        headers.entry(CONTENT_TYPE).or_insert(text);
    }
    Ok(response)
}
