//! Where a benchmark's bytes and wake-ups end: counted and dropped.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use waybill_ports::{
    ArchiveStore, ByteRange, DeadLetter, Download, ObjectHead, ObjectMetadata, PartTag, PortError, PortErrorKind,
    UploadId, WakeMessage, WakeQueue, WakeReceipt,
};

use super::pages::unused;

/// Sizes of objects and of uploads under way, by key.
#[derive(Debug, Default)]
struct Sizes {
    objects: BTreeMap<String, ObjectHead>,
    uploads: BTreeMap<String, ObjectHead>,
}

/// An archive store that remembers sizes alone.
#[derive(Debug, Default)]
pub(super) struct CountingArchives(Mutex<Sizes>);

impl CountingArchives {
    fn sizes(&self) -> MutexGuard<'_, Sizes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Size of the object at `key`.
    pub(super) fn size_of(&self, key: &str) -> Option<u64> {
        self.sizes().objects.get(key).map(|head| head.size_bytes)
    }

    fn grow(&self, key: &str, bytes: u64) -> Result<PartTag, PortError> {
        let mut sizes = self.sizes();
        let head = sizes.uploads.get_mut(key).ok_or_else(|| gone("uploading a part"))?;
        head.size_bytes += bytes;
        Ok(PartTag(String::new()))
    }
}

fn gone(during: &'static str) -> PortError {
    PortError::new(PortErrorKind::NotFound, during)
}

fn head(body: &Bytes, metadata: &ObjectMetadata) -> ObjectHead {
    ObjectHead { size_bytes: u64::try_from(body.len()).unwrap_or(u64::MAX), metadata: metadata.clone() }
}

#[async_trait]
impl ArchiveStore for CountingArchives {
    async fn put_new(&self, key: &str, body: Bytes, metadata: &ObjectMetadata) -> Result<(), PortError> {
        self.sizes().objects.insert(key.to_owned(), head(&body, metadata));
        Ok(())
    }

    async fn begin_upload(&self, key: &str, metadata: &ObjectMetadata) -> Result<UploadId, PortError> {
        self.sizes().uploads.insert(key.to_owned(), head(&Bytes::new(), metadata));
        Ok(UploadId(key.to_owned()))
    }

    async fn upload_part(&self, key: &str, _: &UploadId, _: u32, body: Bytes) -> Result<PartTag, PortError> {
        self.grow(key, u64::try_from(body.len()).unwrap_or(u64::MAX))
    }

    async fn copy_part(
        &self,
        key: &str,
        _: &UploadId,
        _: u32,
        _: &str,
        range: ByteRange,
    ) -> Result<PartTag, PortError> {
        self.grow(key, range.end.saturating_sub(range.start))
    }

    async fn complete_upload(&self, key: &str, _: &UploadId, _: &[PartTag]) -> Result<(), PortError> {
        let mut sizes = self.sizes();
        let whole = sizes.uploads.remove(key).ok_or_else(|| gone("completing an upload"))?;
        sizes.objects.insert(key.to_owned(), whole);
        Ok(())
    }

    async fn abort_upload(&self, key: &str, _: &UploadId) -> Result<(), PortError> {
        self.sizes().uploads.remove(key);
        Ok(())
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, PortError> {
        Ok(self.sizes().objects.get(key).cloned())
    }

    async fn get(&self, _: &str) -> Result<Option<Bytes>, PortError> {
        Err(unused("reading an object"))
    }

    async fn read(&self, _: &str, _: ByteRange) -> Result<Option<Bytes>, PortError> {
        Ok(None)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        let sizes = self.sizes();
        Ok(sizes.objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }

    async fn delete(&self, keys: &[String]) -> Result<(), PortError> {
        let mut sizes = self.sizes();
        for key in keys {
            sizes.objects.remove(key);
        }
        Ok(())
    }

    async fn presign(&self, _: &str, _: Duration, _: &str, _: &str) -> Result<Download, PortError> {
        Err(unused("signing a link"))
    }
}

/// A queue that takes everything and gives nothing.
#[derive(Debug)]
pub(super) struct SilentWake;

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
        let archives = CountingArchives::default();
        let upload = archives.begin_upload("a", &ObjectMetadata::default()).await.unwrap();
        assert_eq!(archives.size_of("a"), None);
        archives.upload_part("a", &upload, 1, Bytes::from_static(b"12345")).await.unwrap();
        archives.copy_part("a", &upload, 2, "b", ByteRange { start: 10, end: 20 }).await.unwrap();
        archives.complete_upload("a", &upload, &[]).await.unwrap();
        assert_eq!(archives.size_of("a"), Some(15));
        assert!(archives.upload_part("a", &upload, 3, Bytes::new()).await.is_err());
    }
}
