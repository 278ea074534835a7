//! A request as the event that API Gateway makes of it (HTTP API, payload format 2.0).

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST, USER_AGENT};
use http::uri::Authority;
use http::{HeaderMap, Version};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::routes::Route;
use crate::clients::ACCOUNT;
use crate::clock;

/// Everybody who reaches a loopback listener comes from here.
const SOURCE_IP: &str = "127.0.0.1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'static str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    path_parameters: BTreeMap<&'static str, String>,
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    account_id: &'static str,
    api_id: &'static str,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'static str,
    stage: &'static str,
    time: String,
    time_epoch: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: &'static str,
    user_agent: &'a str,
}

/// The event of a request as JSON text; none when the request names no host that could be one.
pub(super) fn build(parts: &http::request::Parts, body: &Bytes, route: &Route, request_id: &str) -> Option<String> {
    let host = authority(parts)?;
    let raw_path = decoded_path(parts.uri.path());
    let query = parts.uri.query().unwrap_or("");
    let now = clock::now();
    let (body, is_base64_encoded) = encode_body(&parts.headers, body);
    let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let parameters = route.parameters.iter();
    let event = Event {
        version: "2.0",
        route_key: route.key,
        raw_path: &raw_path,
        raw_query_string: query,
        cookies: cookies(&parts.headers),
        headers: headers(&parts.headers, &host, request_id),
        query_string_parameters: query_parameters(query),
        path_parameters: parameters.map(|(name, value)| (*name, decode(value).into_owned())).collect(),
        request_context: RequestContext {
            account_id: ACCOUNT,
            api_id: "local",
            domain_name: host.host(),
            domain_prefix: host.host().split('.').next().unwrap_or(""),
            http: Http {
                method: parts.method.as_str(),
                path: &raw_path,
                protocol: protocol(parts.version),
                source_ip: SOURCE_IP,
                user_agent,
            },
            request_id,
            route_key: route.key,
            stage: "$default",
            time: clock::timestamp(now).strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            time_epoch: clock::epoch_ms(now),
        },
        body,
        is_base64_encoded,
    };
    serde_json::to_string(&event).ok()
}

fn authority(parts: &http::request::Parts) -> Option<Authority> {
    match parts.headers.get(HOST) {
        Some(host) => host.to_str().ok()?.parse().ok(),
        None => parts.uri.authority().cloned(),
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}

fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// An HTTP API gives the path decoded, and ends it at a question mark that was encoded.
fn decoded_path(path: &str) -> Cow<'_, str> {
    match decode(path) {
        Cow::Borrowed(path) => Cow::Borrowed(path),
        Cow::Owned(mut path) => {
            path.truncate(path.find('?').unwrap_or(path.len()));
            Cow::Owned(path)
        }
    }
}

/// Names in lower case (hyper keeps them so), several values of one name joined by commas, cookies apart.
fn headers(headers: &HeaderMap, host: &Authority, request_id: &str) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str().to_owned())
            .and_modify(|first| {
                first.push(',');
                first.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    joined.entry("host".to_owned()).or_insert_with(|| host.to_string());
    joined.insert("x-amzn-trace-id".to_owned(), format!("Root=1-{request_id}"));
    joined.insert("x-forwarded-for".to_owned(), SOURCE_IP.to_owned());
    joined.insert("x-forwarded-port".to_owned(), host.port_u16().unwrap_or(80).to_string());
    joined.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    joined
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).map(|pair| pair.trim().to_owned()).filter(|pair| !pair.is_empty()).collect()
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = |text: &str| decode(&text.replace('+', " ")).into_owned();
        let value = plain(value);
        joined
            .entry(plain(name))
            .and_modify(|first| {
                first.push(',');
                first.push_str(&value);
            })
            .or_insert(value);
    }
    joined
}

/// A body is text for the few media types that API Gateway takes for text, and base64 for all others.
fn encode_body<'a>(headers: &HeaderMap, body: &'a Bytes) -> (Option<Cow<'a, str>>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media_type = media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let is_text = media_type.starts_with("text/")
        || matches!(media_type.as_str(), "application/json" | "application/xml" | "application/javascript");
    match std::str::from_utf8(body) {
        Ok(text) if is_text => (Some(Cow::Borrowed(text)), false),
        _ => (Some(Cow::Owned(BASE64.encode(body))), true),
    }
}
