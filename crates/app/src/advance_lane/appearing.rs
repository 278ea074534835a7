//! Objects that appear whole, once, at a key that is never used for anything else, and are known again by size and SHA-256.

use super::Exporting;
use super::copying::copy;
use bytes::Bytes;
use std::time::Duration;
use waybill_domain::{Archive, ExportFormat, PackagedFile, Segment};
use waybill_ports::{ObjectMetadata, PartTag, PortError, PortErrorKind, UploadId};

/// Attempts at a completion that another one is in the way of.
const MAX_ATTEMPTS: u32 = 5;

/// What is to appear.
pub(super) struct Target<'a> {
    pub(super) key: &'a str,
    size_bytes: u64,
    sha256: &'a str,
    media_type: &'static str,
}

impl<'a> Target<'a> {
    /// An archive.
    pub(super) fn archive(archive: &'a Archive) -> Self {
        let Archive { key, size_bytes, sha256, .. } = archive;
        Self { key, size_bytes: *size_bytes, sha256, media_type: "application/zip" }
    }

    /// A file of records in `format` by itself.
    pub(super) fn file(file: &'a PackagedFile, format: ExportFormat) -> Self {
        let PackagedFile { packaging, key, size_bytes, sha256, .. } = file;
        Self { key, size_bytes: *size_bytes, sha256, media_type: packaging.media_type(format) }
    }

    fn metadata(&self) -> ObjectMetadata {
        ObjectMetadata { content_type: self.media_type.to_owned(), sha256: Some(self.sha256.to_owned()) }
    }
}

/// Writes it in one go.
pub(super) async fn write(exporting: &Exporting, target: &Target<'_>, bytes: Bytes) -> Result<(), PortError> {
    match exporting.archives.put_new(target.key, bytes, &target.metadata()).await {
        Ok(()) => Ok(()),
        Err(error) => confirm(exporting, target, error).await,
    }
}

/// Makes it of objects that lie in the store.
pub(super) async fn assemble(
    exporting: &Exporting,
    target: &Target<'_>,
    segments: &[Segment],
) -> Result<(), PortError> {
    let upload = begin(exporting, target).await?;
    let parts = copy(&*exporting.archives, target.key, &upload, segments, exporting.settings.copy_bytes).await;
    end(exporting, target, &upload, parts).await
}

/// Begins to make it of parts.
pub(super) async fn begin(exporting: &Exporting, target: &Target<'_>) -> Result<UploadId, PortError> {
    exporting.archives.begin_upload(target.key, &target.metadata()).await
}

/// Makes it of `parts`; no upload is left open where that fails.
pub(super) async fn end(
    exporting: &Exporting,
    target: &Target<'_>,
    upload: &UploadId,
    parts: Result<Vec<PartTag>, PortError>,
) -> Result<(), PortError> {
    let completed = match parts {
        Ok(parts) => complete(exporting, target, upload, &parts).await,
        Err(error) => Err(error),
    };
    if completed.is_err() {
        // Where that fails too, the bucket's lifecycle does it.
        drop(exporting.archives.abort_upload(target.key, upload).await);
    }
    completed
}

async fn complete(
    exporting: &Exporting,
    target: &Target<'_>,
    upload: &UploadId,
    parts: &[PartTag],
) -> Result<(), PortError> {
    let mut attempt = 1;
    loop {
        let Err(error) = exporting.archives.complete_upload(target.key, upload, parts).await else { return Ok(()) };
        let in_the_way = error.kind == PortErrorKind::Unavailable && attempt < MAX_ATTEMPTS;
        match confirm(exporting, target, error).await {
            Ok(()) => return Ok(()),
            Err(_) if in_the_way => {
                exporting.context.clock.sleep(Duration::from_secs(1)).await;
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Succeeds when a write that seemed to fail, or was made before, left this very object.
async fn confirm(exporting: &Exporting, target: &Target<'_>, error: PortError) -> Result<(), PortError> {
    match error.kind {
        PortErrorKind::Conflict | PortErrorKind::NotFound | PortErrorKind::Unavailable => {
            if is_there(exporting, target).await? { Ok(()) } else { Err(error) }
        }
        _ => Err(error),
    }
}

/// Whether this very object is at its key.
pub(super) async fn is_there(exporting: &Exporting, target: &Target<'_>) -> Result<bool, PortError> {
    let Some(head) = exporting.archives.head(target.key).await? else { return Ok(false) };
    if head.size_bytes == target.size_bytes && head.metadata.sha256.as_deref() == Some(target.sha256) {
        return Ok(true);
    }
    let kind = PortErrorKind::Corrupt {
        table: "archives".to_owned(),
        key: target.key.to_owned(),
        field: "another object is at the key".to_owned(),
    };
    Err(PortError::new(kind, "comparing an object"))
}
