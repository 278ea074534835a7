//! Where a benchmark's bytes and wake-ups end: counted and dropped.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use waybill_ports::{
    ArchiveStore, ByteRange, DeadLetter, DeliveryMessage, DeliveryQueue, Download, ObjectHead, ObjectMetadata, PartTag,
    PortError, PortErrorKind, ScriptMessage, ScriptQueue, UploadId, UploadLink, WakeMessage, WakeQueue, WakeReceipt,
};

use super::pages::unused;

/// Bytes of an object, if they are kept.
#[derive(Debug, Clone)]
struct Object {
    head: ObjectHead,
    bytes: Vec<u8>,
}

/// An upload under way: its parts by their numbers, as sizes and, if they are kept, bytes.
#[derive(Debug, Default)]
struct Parts {
    metadata: ObjectMetadata,
    parts: BTreeMap<u32, (u64, Vec<u8>)>,
}

#[derive(Debug, Default)]
struct Objects {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Parts>,
}

/// An archive store in memory. What is written in one go is kept; what is written in parts is counted, or kept too.
#[derive(Debug, Default)]
pub(super) struct MappedArchives {
    keeping: bool,
    all: Mutex<Objects>,
}

impl MappedArchives {
    /// One that keeps everything.
    pub(super) fn keeping() -> Self {
        Self { keeping: true, ..Self::default() }
    }

    fn all(&self) -> MutexGuard<'_, Objects> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Size of the object at `key`.
    pub(super) fn size_of(&self, key: &str) -> Option<u64> {
        self.all().objects.get(key).map(|object| object.head.size_bytes)
    }

    /// Bytes of the object at `key`.
    pub(super) fn bytes_of(&self, key: &str) -> Option<Vec<u8>> {
        self.all().objects.get(key).map(|object| object.bytes.clone())
    }

    fn part(&self, key: &str, number: u32, size_bytes: u64, bytes: Vec<u8>) -> Result<PartTag, PortError> {
        let mut all = self.all();
        let upload = all.uploads.get_mut(key).ok_or_else(|| gone("sending a part"))?;
        upload.parts.insert(number, (size_bytes, bytes));
        Ok(PartTag(String::new()))
    }
}

fn gone(during: &'static str) -> PortError {
    PortError::new(PortErrorKind::NotFound, during)
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn slice(bytes: &[u8], range: ByteRange) -> Option<&[u8]> {
    bytes.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

#[async_trait]
impl ArchiveStore for MappedArchives {
    async fn put_new(&self, key: &str, body: Bytes, metadata: &ObjectMetadata) -> Result<(), PortError> {
        let head = ObjectHead { size_bytes: length(&body), metadata: metadata.clone() };
        self.all().objects.insert(key.to_owned(), Object { head, bytes: body.to_vec() });
        Ok(())
    }

    async fn begin_upload(&self, key: &str, metadata: &ObjectMetadata) -> Result<UploadId, PortError> {
        let upload = Parts { metadata: metadata.clone(), ..Parts::default() };
        self.all().uploads.insert(key.to_owned(), upload);
        Ok(UploadId(key.to_owned()))
    }

    async fn upload_part(&self, key: &str, _: &UploadId, number: u32, body: Bytes) -> Result<PartTag, PortError> {
        let bytes = if self.keeping { body.to_vec() } else { Vec::new() };
        self.part(key, number, length(&body), bytes)
    }

    async fn copy_part(
        &self,
        key: &str,
        _: &UploadId,
        number: u32,
        source: &str,
        range: ByteRange,
    ) -> Result<PartTag, PortError> {
        const DURING: &str = "copying a part";
        let bytes = if self.keeping {
            let all = self.all();
            let object = all.objects.get(source).ok_or_else(|| gone(DURING))?;
            slice(&object.bytes, range).ok_or_else(|| gone(DURING))?.to_vec()
        } else {
            Vec::new()
        };
        self.part(key, number, range.end.saturating_sub(range.start), bytes)
    }

    async fn complete_upload(&self, key: &str, _: &UploadId, _: &[PartTag]) -> Result<(), PortError> {
        let mut all = self.all();
        let Parts { metadata, parts } = all.uploads.remove(key).ok_or_else(|| gone("completing an upload"))?;
        let size_bytes = parts.values().map(|(size, _)| size).sum();
        let bytes = parts.into_values().flat_map(|(_, bytes)| bytes).collect();
        all.objects.insert(key.to_owned(), Object { head: ObjectHead { size_bytes, metadata }, bytes });
        Ok(())
    }

    async fn abort_upload(&self, key: &str, _: &UploadId) -> Result<(), PortError> {
        self.all().uploads.remove(key);
        Ok(())
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, PortError> {
        Ok(self.all().objects.get(key).map(|object| object.head.clone()))
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, PortError> {
        Ok(self.bytes_of(key).map(Bytes::from))
    }

    async fn read(&self, key: &str, range: ByteRange) -> Result<Option<Bytes>, PortError> {
        let all = self.all();
        let Some(object) = all.objects.get(key) else { return Ok(None) };
        let bytes = slice(&object.bytes, range).ok_or_else(|| unused("a range that was not kept"))?;
        Ok(Some(Bytes::copy_from_slice(bytes)))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        Ok(self.all().objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }

    async fn delete(&self, keys: &[String]) -> Result<(), PortError> {
        let mut all = self.all();
        for key in keys {
            all.objects.remove(key);
        }
        Ok(())
    }

    async fn presign(&self, _: &str, _: Duration, _: &str, _: &str) -> Result<Download, PortError> {
        Err(unused("signing a link"))
    }

    async fn presign_upload(&self, _: &str, _: Duration, _: &str, _: u64) -> Result<UploadLink, PortError> {
        Err(unused("signing a link"))
    }
}

/// A queue that takes everything and gives nothing.
#[derive(Debug)]
pub(super) struct SilentWake;

#[async_trait]
impl DeliveryQueue for SilentWake {
    async fn ring(&self, _message: &DeliveryMessage, _after: std::time::Duration) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl ScriptQueue for SilentWake {
    async fn ring(&self, _message: &ScriptMessage, _deduplication: &str) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl WakeQueue for SilentWake {
    async fn ring(&self, _: &WakeMessage, _: &str, _: &str) -> Result<(), PortError> {
        Ok(())
    }

    async fn set_visibility(&self, _: &WakeReceipt, _: Duration) -> Result<(), PortError> {
        Ok(())
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, PortError> {
        Ok(Vec::new())
    }

    async fn bury(&self, _: &WakeReceipt) -> Result<(), PortError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sizes_of_parts_and_copies_add_up() {
        let archives = MappedArchives::default();
        let upload = archives.begin_upload("a", &ObjectMetadata::default()).await.unwrap();
        assert_eq!(archives.size_of("a"), None);
        archives.copy_part("a", &upload, 2, "b", ByteRange { start: 10, end: 20 }).await.unwrap();
        archives.upload_part("a", &upload, 1, Bytes::from_static(b"12345")).await.unwrap();
        archives.complete_upload("a", &upload, &[]).await.unwrap();
        assert_eq!(archives.size_of("a"), Some(15));
        assert!(archives.upload_part("a", &upload, 3, Bytes::new()).await.is_err());
    }

    #[tokio::test]
    async fn what_is_kept_is_in_the_order_of_its_parts() {
        let archives = MappedArchives::keeping();
        archives.put_new("b", Bytes::from_static(b"0123456789"), &ObjectMetadata::default()).await.unwrap();
        let upload = archives.begin_upload("a", &ObjectMetadata::default()).await.unwrap();
        archives.upload_part("a", &upload, 2, Bytes::from_static(b"end")).await.unwrap();
        archives.copy_part("a", &upload, 1, "b", ByteRange { start: 3, end: 6 }).await.unwrap();
        archives.complete_upload("a", &upload, &[]).await.unwrap();
        assert_eq!(archives.bytes_of("a").unwrap(), b"345end");
        let range = ByteRange { start: 2, end: 4 };
        assert_eq!(archives.read("a", range).await.unwrap().unwrap(), Bytes::from_static(b"5e"));
    }
}
