//! Objects in a map.

use super::{conflict, not_found, rejected};
use crate::locked::Locked;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;
use waybill_ports::{
    ArchiveStore, ByteRange, Download, ObjectHead, ObjectMetadata, PartTag, PortError, PortErrorKind, UploadId,
    UploadLink,
};

/// Smallest part but the last, unless told otherwise.
const SMALLEST_PART: usize = 5 * 1024 * 1024;
/// Most bytes that a link for an upload takes.
const MOST_UPLOAD_BYTES: u64 = 5 << 30;
/// Most keys that one call lists or deletes.
const MAX_KEYS: usize = 1000;

#[derive(Debug)]
struct Object {
    body: Bytes,
    metadata: ObjectMetadata,
}

#[derive(Debug)]
struct Upload {
    key: String,
    metadata: ObjectMetadata,
    parts: BTreeMap<u32, (PartTag, Bytes)>,
}

#[derive(Debug, Default)]
struct Objects {
    whole: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Upload>,
    made: u64,
    keeps: bool,
}

impl Objects {
    fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn add_part(&mut self, key: &str, upload: &UploadId, number: u32, body: Bytes) -> Result<PartTag, PortError> {
        let tag = PartTag(format!("tag-{}", self.number()));
        let upload = self.uploads.get_mut(&upload.0).filter(|upload| upload.key == key);
        let upload = upload.ok_or_else(|| not_found("uploading a part"))?;
        upload.parts.insert(number, (tag.clone(), body));
        Ok(tag)
    }
}

/// An archive store in memory; refuses parts that are too small, as S3 does.
#[derive(Debug)]
pub struct MemoryArchiveStore {
    objects: Locked<Objects>,
    smallest_part: usize,
}

impl Default for MemoryArchiveStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryArchiveStore {
    /// An empty one with S3's limits.
    pub fn new() -> Self {
        Self::with_smallest_part(SMALLEST_PART)
    }

    /// One that takes parts from `bytes` on.
    pub fn with_smallest_part(bytes: usize) -> Self {
        Self { objects: Locked::default(), smallest_part: bytes }
    }

    /// Whether it refuses from now on to remove anything.
    pub fn keep_all(&self, keeps: bool) {
        self.objects.with(|objects| objects.keeps = keeps);
    }

    /// Every key.
    pub fn keys(&self) -> Vec<String> {
        self.objects.with(|objects| objects.whole.keys().cloned().collect())
    }

    /// Uploads that were begun and neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        self.objects.with(|objects| objects.uploads.len())
    }

    /// An object's bytes.
    pub fn body(&self, key: &str) -> Option<Bytes> {
        self.objects.with(|objects| objects.whole.get(key).map(|object| object.body.clone()))
    }

    /// Writes without looking: for tests, and for what a store without `If-None-Match` would do.
    pub fn overwrite(&self, key: &str, body: Bytes, metadata: ObjectMetadata) {
        self.objects.with(|objects| objects.whole.insert(key.to_owned(), Object { body, metadata }));
    }

    /// Removes without looking.
    pub fn erase(&self, key: &str) {
        self.objects.with(|objects| objects.whole.remove(key));
    }
}

fn slice(body: &Bytes, range: ByteRange, during: &'static str) -> Result<Bytes, PortError> {
    let bounds = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
    let inside = bounds.filter(|(start, end)| start < end && *end <= body.len());
    let (start, end) = inside.ok_or_else(|| rejected("a range outside of the object", during))?;
    Ok(body.slice(start..end))
}

#[async_trait]
impl ArchiveStore for MemoryArchiveStore {
    async fn put_new(&self, key: &str, body: Bytes, metadata: &ObjectMetadata) -> Result<(), PortError> {
        self.objects.with(|objects| {
            if objects.whole.contains_key(key) {
                return Err(conflict("putting an object"));
            }
            objects.whole.insert(key.to_owned(), Object { body, metadata: metadata.clone() });
            Ok(())
        })
    }

    async fn begin_upload(&self, key: &str, metadata: &ObjectMetadata) -> Result<UploadId, PortError> {
        self.objects.with(|objects| {
            let id = format!("upload-{}", objects.number());
            let upload = Upload { key: key.to_owned(), metadata: metadata.clone(), parts: BTreeMap::new() };
            objects.uploads.insert(id.clone(), upload);
            Ok(UploadId(id))
        })
    }

    async fn upload_part(&self, key: &str, upload: &UploadId, number: u32, body: Bytes) -> Result<PartTag, PortError> {
        self.objects.with(|objects| objects.add_part(key, upload, number, body))
    }

    async fn copy_part(
        &self,
        key: &str,
        upload: &UploadId,
        number: u32,
        source: &str,
        range: ByteRange,
    ) -> Result<PartTag, PortError> {
        self.objects.with(|objects| {
            let source = objects.whole.get(source).ok_or_else(|| not_found("copying a part"))?;
            let part = slice(&source.body, range, "copying a part")?;
            if source.body.len() <= self.smallest_part && part.len() < source.body.len() {
                return Err(rejected("a range of a small object", "copying a part"));
            }
            objects.add_part(key, upload, number, part)
        })
    }

    async fn complete_upload(&self, key: &str, upload: &UploadId, parts: &[PartTag]) -> Result<(), PortError> {
        const DURING: &str = "completing an upload";
        self.objects.with(|objects| {
            let found = objects.uploads.get(&upload.0).filter(|found| found.key == key);
            let found = found.ok_or_else(|| not_found(DURING))?;
            if objects.whole.contains_key(key) {
                return Err(conflict(DURING));
            }
            if parts.is_empty() {
                return Err(rejected("no parts", DURING));
            }
            let mut body = Vec::new();
            for (number, tag) in (1..).zip(parts) {
                let (sent, bytes) = found.parts.get(&number).ok_or_else(|| rejected("a part is missing", DURING))?;
                if sent != tag {
                    return Err(rejected("another part was sent under that number", DURING));
                }
                let last = usize::try_from(number).is_ok_and(|number| number == parts.len());
                if bytes.len() < self.smallest_part && !last {
                    return Err(rejected("a part is too small", DURING));
                }
                body.extend_from_slice(bytes);
            }
            let metadata = found.metadata.clone();
            objects.uploads.remove(&upload.0);
            objects.whole.insert(key.to_owned(), Object { body: Bytes::from(body), metadata });
            Ok(())
        })
    }

    async fn abort_upload(&self, key: &str, upload: &UploadId) -> Result<(), PortError> {
        self.objects.with(|objects| {
            if objects.uploads.get(&upload.0).is_some_and(|found| found.key == key) {
                objects.uploads.remove(&upload.0);
            }
        });
        Ok(())
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, PortError> {
        Ok(self.objects.with(|objects| {
            let object = objects.whole.get(key)?;
            let size_bytes = u64::try_from(object.body.len()).unwrap_or(u64::MAX);
            Some(ObjectHead { size_bytes, metadata: object.metadata.clone() })
        }))
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, PortError> {
        Ok(self.body(key))
    }

    async fn read(&self, key: &str, range: ByteRange) -> Result<Option<Bytes>, PortError> {
        self.body(key).map(|body| slice(&body, range, "reading a part of an object")).transpose()
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        Ok(self.objects.with(|objects| {
            let from = objects.whole.range(prefix.to_owned()..).map(|(key, _)| key);
            from.take_while(|key| key.starts_with(prefix)).take(MAX_KEYS).cloned().collect()
        }))
    }

    async fn delete(&self, keys: &[String]) -> Result<(), PortError> {
        if keys.len() > MAX_KEYS {
            return Err(rejected("more than 1000 keys", "deleting objects"));
        }
        self.objects.with(|objects| {
            if objects.keeps {
                return Err(PortError::new(PortErrorKind::Denied, "deleting objects"));
            }
            for key in keys {
                objects.whole.remove(key);
            }
            Ok(())
        })
    }

    async fn presign(
        &self,
        key: &str,
        lifetime: Duration,
        filename: &str,
        content_type: &str,
    ) -> Result<Download, PortError> {
        let secs = lifetime.as_secs();
        Ok(Download { url: format!("memory:///{key}?expires={secs}&filename={filename}&type={content_type}") })
    }

    async fn presign_upload(
        &self,
        key: &str,
        lifetime: Duration,
        content_type: &str,
        size_bytes: u64,
    ) -> Result<UploadLink, PortError> {
        if size_bytes > MOST_UPLOAD_BYTES {
            return Err(rejected("an upload of more than 5 GiB", "making a link for an upload"));
        }
        let headers = [
            ("content-length", size_bytes.to_string()),
            ("content-type", content_type.to_owned()),
            ("if-none-match", "*".to_owned()),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
        Ok(UploadLink { url: format!("memory:///{key}?expires={}", lifetime.as_secs()), headers })
    }
}
