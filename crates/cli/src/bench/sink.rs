//! A server that speaks as much S3 as an exporter needs: it counts and hashes what is uploaded, and keeps none of it but
//! what was written in one go.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, RANGE};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::server::{Reply, body, serve, status};

/// What the sink has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seen {
    /// Parts that were sent.
    pub(super) parts: u64,
    /// Their bytes.
    pub(super) part_bytes: u64,
    /// Checkpoints and other objects that were written in one go.
    pub(super) puts: u64,
    /// Size of the archive that appeared last, in bytes.
    pub(super) archive_bytes: u64,
    /// SHA-256 of its bytes in the order in which they were sent, hex; empty when it was not put together in that order.
    pub(super) sha256: String,
}

/// An object: its size, what was said about it, and its bytes if it was written in one go.
#[derive(Debug, Clone, Default)]
struct Object {
    size_bytes: u64,
    content_type: String,
    sha256: Option<String>,
    bytes: Option<Bytes>,
    /// Which upload it came from.
    upload: Option<u64>,
}

#[derive(Debug, Default)]
struct Upload {
    object: Object,
    sizes: BTreeMap<u32, u64>,
    /// What parts were copied of, by their numbers.
    copied: BTreeMap<u32, String>,
}

/// Hashes parts in the order of their uploads and numbers, however they arrive.
#[derive(Debug, Default)]
struct Chain {
    sha256: Sha256,
    upload: u64,
    part: u32,
    early: BTreeMap<(u64, u32), Bytes>,
    complete: BTreeSet<u64>,
}

impl Chain {
    fn drain(&mut self) {
        loop {
            if let Some(bytes) = self.early.remove(&(self.upload, self.part + 1)) {
                self.sha256.update(&bytes);
                self.part += 1;
            } else if self.complete.remove(&self.upload) {
                self.upload += 1;
                self.part = 0;
            } else {
                return;
            }
        }
    }
}

#[derive(Debug, Default)]
struct State {
    objects: HashMap<String, Object>,
    uploads: BTreeMap<u64, Upload>,
    begun: u64,
    chain: Chain,
    seen: Seen,
}

/// Serves until its standard input ends; then reports what it has seen.
pub(super) async fn run() -> Result<Seen> {
    let state = Arc::new(Mutex::new(State::default()));
    let answering = Arc::clone(&state);
    serve(move |parts, body| {
        let state = Arc::clone(&answering);
        async move { state.lock().unwrap_or_else(PoisonError::into_inner).answer(&parts, body) }
    })
    .await?;
    let seen = state.lock().unwrap_or_else(PoisonError::into_inner).seen.clone();
    Ok(seen)
}

fn length(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn header(parts: &Parts, name: &str) -> Option<String> {
    Some(parts.headers.get(name)?.to_str().ok()?.to_owned())
}

fn xml(text: String) -> Reply {
    body("application/xml", text)
}

fn tagged(number: u64) -> Reply {
    let mut reply = Reply::default();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{number}\"")) {
        reply.headers_mut().insert(ETAG, tag);
    }
    reply
}

fn not_found() -> Reply {
    let mut reply = xml("<Error><Code>NoSuchKey</Code></Error>".to_owned());
    *reply.status_mut() = StatusCode::NOT_FOUND;
    reply
}

/// First and last byte of `bytes=1-2`.
fn span(range: &str) -> Option<(u64, u64)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

impl State {
    fn answer(&mut self, parts: &Parts, body: Bytes) -> Reply {
        let key = parts.uri.path().splitn(3, '/').nth(2).unwrap_or_default().to_owned();
        let query: HashMap<&str, &str> = parts
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        let upload: Option<u64> = query.get("uploadId").and_then(|id| id.parse().ok());
        let number: Option<u32> = query.get("partNumber").and_then(|number| number.parse().ok());
        match (&parts.method, upload, number) {
            (&Method::PUT, Some(upload), Some(number)) => match header(parts, "x-amz-copy-source") {
                Some(source) => {
                    let range = header(parts, "x-amz-copy-source-range");
                    self.copy(upload, number, &source, range.as_deref())
                }
                None => self.part(upload, number, body),
            },
            (&Method::PUT, ..) => {
                self.seen.puts += 1;
                let object = Object { size_bytes: length(&body), bytes: Some(body), ..described(parts) };
                self.appear(key, object);
                tagged(0)
            }
            (&Method::POST, Some(upload), _) => self.complete(upload, key),
            (&Method::POST, ..) if query.contains_key("uploads") => {
                let id = self.begun;
                self.begun += 1;
                let object = Object { upload: Some(id), ..described(parts) };
                self.uploads.insert(id, Upload { object, ..Upload::default() });
                xml(format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"))
            }
            (&Method::POST, ..) => xml("<DeleteResult></DeleteResult>".to_owned()),
            (&Method::DELETE, Some(upload), _) => {
                self.uploads.remove(&upload);
                status(StatusCode::NO_CONTENT)
            }
            (&Method::HEAD | &Method::GET, ..) if query.contains_key("list-type") => {
                xml("<ListBucketResult></ListBucketResult>".to_owned())
            }
            (&Method::HEAD, ..) => self.head(&key),
            (&Method::GET, ..) => self.get(&key, header(parts, RANGE.as_str()).as_deref()),
            _ => status(StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    fn part(&mut self, upload: u64, number: u32, bytes: Bytes) -> Reply {
        let Some(under_way) = self.uploads.get_mut(&upload) else { return not_found() };
        under_way.sizes.insert(number, length(&bytes));
        self.seen.parts += 1;
        self.seen.part_bytes += length(&bytes);
        self.chain.early.insert((upload, number), bytes);
        self.chain.drain();
        tagged(u64::from(number))
    }

    fn copy(&mut self, upload: u64, number: u32, source: &str, range: Option<&str>) -> Reply {
        let source = source.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key);
        let Some(from) = self.objects.get(source) else { return not_found() };
        let whole = (0, from.size_bytes.saturating_sub(1));
        let (first, last) = range.and_then(span).unwrap_or(whole);
        let Some(under_way) = self.uploads.get_mut(&upload) else { return not_found() };
        under_way.sizes.insert(number, last + 1 - first);
        under_way.copied.insert(number, source.to_owned());
        xml(format!("<CopyPartResult><ETag>\"{number}\"</ETag></CopyPartResult>"))
    }

    fn complete(&mut self, upload: u64, key: String) -> Reply {
        let Some(whole) = self.uploads.remove(&upload) else { return not_found() };
        let object = Object { size_bytes: whole.sizes.values().sum(), ..whole.object };
        self.chain.complete.insert(upload);
        self.chain.drain();
        if whole.copied.is_empty() {
            self.appear(key, object);
        } else {
            let sha256 = self.hash_of(whole.copied.values());
            self.appear(key, object);
            self.seen.sha256 = sha256.unwrap_or_default();
        }
        xml("<CompleteMultipartUploadResult><ETag>\"1\"</ETag></CompleteMultipartUploadResult>".to_owned())
    }

    /// The hash of these objects one after another, if they are the uploads in their order and then what was kept.
    fn hash_of<'a>(&self, sources: impl Iterator<Item = &'a String>) -> Option<String> {
        let mut hash = self.chain.sha256.clone();
        let (mut next, mut kept) = (0, false);
        let mut last = None;
        for source in sources {
            // Ranges of one object follow one another.
            if last.replace(source) == Some(source) {
                continue;
            }
            let object = self.objects.get(source)?;
            match (&object.bytes, object.upload) {
                (Some(bytes), _) => {
                    hash.update(bytes);
                    kept = true;
                }
                (None, Some(upload)) if !kept && upload == next => next += 1,
                _ => return None,
            }
        }
        (self.chain.early.is_empty()).then(|| hex::encode(hash.finalize()))
    }

    fn appear(&mut self, key: String, object: Object) {
        if key.starts_with("archives/") {
            self.seen.archive_bytes = object.size_bytes;
            if let Some(bytes) = &object.bytes {
                self.seen.sha256 = hex::encode(Sha256::digest(bytes));
            }
        }
        self.objects.insert(key, object);
    }

    fn head(&self, key: &str) -> Reply {
        let Some(object) = self.objects.get(key) else { return status(StatusCode::NOT_FOUND) };
        let mut reply = Reply::default();
        let headers = reply.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(object.size_bytes));
        if let Ok(content_type) = HeaderValue::from_str(&object.content_type) {
            headers.insert(CONTENT_TYPE, content_type);
        }
        if let Some(Ok(sha256)) = object.sha256.as_deref().map(HeaderValue::from_str) {
            headers.insert("x-amz-meta-sha256", sha256);
        }
        reply
    }

    fn get(&self, key: &str, range: Option<&str>) -> Reply {
        let Some(bytes) = self.objects.get(key).and_then(|object| object.bytes.clone()) else { return not_found() };
        let Some((first, last)) = range.and_then(span) else {
            return body("application/octet-stream", bytes);
        };
        let end = usize::try_from(last + 1).unwrap_or(usize::MAX).min(bytes.len());
        let start = usize::try_from(first).unwrap_or(usize::MAX).min(end);
        let mut reply = body("application/octet-stream", bytes.slice(start..end));
        *reply.status_mut() = StatusCode::PARTIAL_CONTENT;
        reply
    }
}

fn described(parts: &Parts) -> Object {
    Object {
        content_type: header(parts, CONTENT_TYPE.as_str()).unwrap_or_default(),
        sha256: header(parts, "x-amz-meta-sha256"),
        ..Object::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(state: &mut State, method: &str, uri: &str, header: Option<(&str, &str)>, body: &'static str) -> StatusCode {
        let mut request = http::Request::builder().method(method).uri(uri);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        state.answer(&parts, Bytes::from_static(body.as_bytes())).status()
    }

    #[test]
    fn an_archive_of_segments_is_hashed_in_order_though_parts_come_out_of_order() {
        let mut state = State::default();
        ask(&mut state, "POST", "/b/work/s1?uploads=", None, "");
        ask(&mut state, "PUT", "/b/work/s1?uploadId=0&partNumber=2", None, "two");
        ask(&mut state, "PUT", "/b/work/s1?uploadId=0&partNumber=1", None, "one");
        ask(&mut state, "POST", "/b/work/s1?uploadId=0", None, "");
        ask(&mut state, "PUT", "/b/work/s2", None, "three");
        ask(&mut state, "POST", "/b/archives/a?uploads", None, "");
        for (number, source) in [("1", "b/work/s1"), ("2", "b/work/s2")] {
            let uri = format!("/b/archives/a?uploadId=1&partNumber={number}");
            assert_eq!(ask(&mut state, "PUT", &uri, Some(("x-amz-copy-source", source)), ""), StatusCode::OK);
        }
        ask(&mut state, "POST", "/b/archives/a?uploadId=1", None, "");
        assert_eq!(state.seen.sha256, hex::encode(Sha256::digest(b"onetwothree")));
        assert_eq!((state.seen.archive_bytes, state.seen.parts, state.seen.puts), (11, 2, 1));
        assert_eq!(ask(&mut state, "HEAD", "/b/archives/a", None, ""), StatusCode::OK);
        assert_eq!(ask(&mut state, "HEAD", "/b/archives/none", None, ""), StatusCode::NOT_FOUND);
        assert_eq!(ask(&mut state, "GET", "/b/work/s2", Some(("range", "bytes=1-2")), ""), StatusCode::PARTIAL_CONTENT);
    }
}
