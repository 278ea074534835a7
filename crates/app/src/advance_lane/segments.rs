//! The archive's bytes on their way into the store: parts side by side, parts into segments, segments complete objects of one epoch.
//!
//! No upload outlives a step, and no key is written twice: a worker that wakes late can overwrite nothing.

use super::copying::{copy, mergeable};
use super::{Exporting, Interrupted};
use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use std::sync::Arc;
use waybill_domain::{Epoch, ExportId, OrgCode, Segment};
use waybill_ports::{ArchiveStore, ObjectMetadata, PartTag, PortError, PortErrorKind, UploadId};

/// Largest segment: one range of a copy.
const MAX_SEGMENT_BYTES: u64 = 4 << 30;

/// Where everything of an export under way lies.
pub(crate) fn work_prefix(org: &OrgCode, export: ExportId) -> String {
    format!("work/{org}/{export}/")
}

type Uploading<'a> = BoxFuture<'a, Arrived>;

/// What became of a part.
struct Arrived {
    index: usize,
    tag: Result<PartTag, PortError>,
    /// Its memory, for the next one.
    memory: Option<BytesMut>,
}

/// An object that is being uploaded in parts.
struct Open {
    key: Arc<str>,
    upload: UploadId,
    parts: Vec<Option<PartTag>>,
    size_bytes: u64,
}

/// Takes the archive's bytes in order and makes segments of them.
pub(super) struct SegmentWriter<'a> {
    exporting: &'a Exporting,
    prefix: String,
    written: u32,
    closed: Vec<Segment>,
    open: Option<Open>,
    /// Less than a part.
    tail: BytesMut,
    uploads: FuturesUnordered<Uploading<'a>>,
    /// Memory of parts that have arrived.
    spare: Vec<BytesMut>,
}

/// The bytes of a finished archive.
pub(super) enum Bodies {
    /// So few that they are still here.
    Here(Bytes),
    /// In the store.
    Stored(Vec<Segment>),
}

impl<'a> SegmentWriter<'a> {
    /// A writer that goes on after `closed` segments and `tail` bytes.
    pub(super) fn new(
        exporting: &'a Exporting,
        org: &OrgCode,
        export: ExportId,
        epoch: Epoch,
        closed: Vec<Segment>,
        tail: &[u8],
    ) -> Self {
        Self {
            exporting,
            prefix: format!("{}{epoch}", work_prefix(org, export)),
            written: 0,
            closed,
            open: None,
            tail: BytesMut::from(tail),
            uploads: FuturesUnordered::new(),
            spare: Vec::new(),
        }
    }

    /// The same for another file than the archive: its objects have names of their own.
    pub(super) fn of_package(mut self) -> Self {
        self.prefix.push_str("-p");
        self
    }

    /// Whether so many parts are on their way that the next page has to wait.
    pub(super) fn is_busy(&self) -> bool {
        self.uploads.len() >= self.exporting.settings.uploads
    }

    /// Waits until one more part has arrived; `false` at once when none is on its way.
    pub(super) async fn arrived(&mut self) -> Result<bool, PortError> {
        let Some(Arrived { index, tag, memory }) = self.uploads.next().await else { return Ok(false) };
        let tag = tag?;
        self.spare.extend(memory);
        if let Some(slot) = self.open.as_mut().and_then(|open| open.parts.get_mut(index)) {
            *slot = Some(tag);
        }
        Ok(true)
    }

    /// Whether the open segment has its size.
    pub(super) fn is_segment_full(&self) -> bool {
        let before: u64 = self.closed.iter().map(|segment| segment.size_bytes).sum();
        let full = (before / 16).clamp(self.exporting.settings.segment_bytes, MAX_SEGMENT_BYTES);
        self.open.as_ref().is_some_and(|open| open.size_bytes >= full)
    }

    /// Appends bytes and sends what makes whole parts.
    pub(super) async fn append(&mut self, mut bytes: &[u8]) -> Result<(), PortError> {
        let part_bytes = self.exporting.settings.part_bytes.max(1);
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(part_bytes.saturating_sub(self.tail.len())));
            self.make_room(now.len(), part_bytes);
            self.tail.extend_from_slice(now);
            bytes = later;
            if self.tail.len() >= part_bytes {
                let memory = self.spare.pop().unwrap_or_else(|| BytesMut::with_capacity(part_bytes));
                let part = std::mem::replace(&mut self.tail, memory);
                self.send(part.freeze()).await?;
            }
        }
        Ok(())
    }

    /// Lets the tail grow with what comes, but never beyond a part: a small archive needs little, a large one no more than its parts.
    fn make_room(&mut self, more: usize, part_bytes: usize) {
        let needed = self.tail.len() + more;
        if self.tail.capacity() < needed {
            let mut larger = BytesMut::with_capacity(needed.max(self.tail.capacity() * 2).min(part_bytes.max(needed)));
            larger.extend_from_slice(&self.tail);
            self.tail = larger;
        }
    }

    async fn send(&mut self, part: Bytes) -> Result<(), PortError> {
        let archives: &'a dyn ArchiveStore = &*self.exporting.archives;
        if self.open.is_none() {
            let key: Arc<str> = self.next_key('s').into();
            let upload = archives.begin_upload(&key, &metadata()).await?;
            self.open = Some(Open { key, upload, parts: Vec::new(), size_bytes: 0 });
        }
        let Some(open) = self.open.as_mut() else { return Ok(()) };
        let index = open.parts.len();
        open.parts.push(None);
        open.size_bytes += u64::try_from(part.len()).unwrap_or(u64::MAX);
        let (key, upload) = (Arc::clone(&open.key), open.upload.clone());
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        self.uploads.push(Box::pin(async move {
            let kept = part.clone();
            let tag = archives.upload_part(&key, &upload, number, part).await;
            let memory = kept.try_into_mut().ok().map(|mut memory| {
                memory.clear();
                memory
            });
            Arrived { index, tag, memory }
        }));
        Ok(())
    }

    fn next_key(&mut self, kind: char) -> String {
        self.written += 1;
        format!("{}-{kind}{}", self.prefix, self.written)
    }

    /// Makes the open segment a complete object; the bytes that make no whole part stay behind as the tail.
    pub(super) async fn close_segment(&mut self) -> Result<(), PortError> {
        while self.arrived().await? {}
        let Some(open) = self.open.take() else { return Ok(()) };
        let parts: Vec<PartTag> = open.parts.into_iter().flatten().collect();
        let archives = &*self.exporting.archives;
        match archives.complete_upload(&open.key, &open.upload, &parts).await {
            Ok(()) => {}
            // The key is this step's alone: whatever is there with this size came from an attempt whose reply was lost.
            Err(error) => {
                if let Err(error) = confirm(archives, &open.key, open.size_bytes, error).await {
                    drop(archives.abort_upload(&open.key, &open.upload).await);
                    return Err(error);
                }
            }
        }
        self.closed.push(Segment { key: open.key.to_string(), size_bytes: open.size_bytes });
        Ok(())
    }

    /// Makes one of many small segments: every checkpoint closes one, however little has come, and an object has 10 000 parts at most.
    /// What fails is left to a later checkpoint.
    pub(super) async fn merge(&mut self) {
        let settings = &self.exporting.settings;
        let Some(range) = mergeable(&self.closed, settings.merge_beyond, settings.merge_fan) else { return };
        let key = self.next_key('m');
        match merged(self.exporting, key, &self.closed[range.clone()]).await {
            Ok(merged) => drop(self.closed.splice(range, [merged])),
            Err(error) => tracing::warn!(prefix = %self.prefix, error = ?error, "segments not merged"),
        }
    }

    /// Closes the open segment and writes an object of this step beside it; gives its key. `head` and the tail are its content.
    pub(super) async fn write_checkpoint(
        &mut self,
        head: impl FnOnce(&[Segment]) -> Result<Vec<u8>, Interrupted>,
    ) -> Result<String, Interrupted> {
        self.close_segment().await?;
        let mut body = head(&self.closed)?;
        body.extend_from_slice(&self.tail);
        let key = self.next_key('c');
        put(&*self.exporting.archives, &key, body.into()).await?;
        Ok(key)
    }

    /// Writes an object of this step beside the segments.
    pub(super) async fn put_beside(&mut self, kind: char, body: Bytes) -> Result<Segment, PortError> {
        let size_bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let key = self.next_key(kind);
        put(&*self.exporting.archives, &key, body).await?;
        Ok(Segment { key, size_bytes })
    }

    /// Gives up what is under way: the open segment is part of no checkpoint. Where that fails, the bucket's lifecycle does it.
    pub(super) async fn abandon(&mut self) {
        self.uploads.clear();
        if let Some(open) = self.open.take()
            && let Err(error) = self.exporting.archives.abort_upload(&open.key, &open.upload).await
        {
            tracing::warn!(key = %open.key, error = ?error, "an upload is left to the lifecycle");
        }
    }

    /// Brings everything into the store, unless it is so little that it can be written in one go.
    pub(super) async fn finish(&mut self) -> Result<Bodies, PortError> {
        if self.closed.is_empty() && self.open.is_none() {
            return Ok(Bodies::Here(self.tail.split().freeze()));
        }
        if !self.tail.is_empty() {
            let last = self.tail.split().freeze();
            if self.open.is_some() {
                self.send(last).await?;
            } else {
                let key = self.next_key('s');
                let size_bytes = u64::try_from(last.len()).unwrap_or(u64::MAX);
                put(&*self.exporting.archives, &key, last).await?;
                self.closed.push(Segment { key, size_bytes });
            }
        }
        self.close_segment().await?;
        Ok(Bodies::Stored(std::mem::take(&mut self.closed)))
    }
}

/// An object of several segments.
async fn merged(exporting: &Exporting, key: String, segments: &[Segment]) -> Result<Segment, PortError> {
    let archives = &*exporting.archives;
    let size_bytes = segments.iter().map(|segment| segment.size_bytes).sum();
    let upload = archives.begin_upload(&key, &metadata()).await?;
    let completed = match copy(archives, &key, &upload, segments, exporting.settings.copy_bytes).await {
        Ok(parts) => archives.complete_upload(&key, &upload, &parts).await,
        Err(error) => Err(error),
    };
    if let Err(error) = completed
        && let Err(error) = confirm(archives, &key, size_bytes, error).await
    {
        drop(archives.abort_upload(&key, &upload).await);
        return Err(error);
    }
    Ok(Segment { key, size_bytes })
}

fn metadata() -> ObjectMetadata {
    ObjectMetadata { content_type: "application/octet-stream".to_owned(), sha256: None }
}

/// Writes an object of this step in one go.
pub(super) async fn put(archives: &dyn ArchiveStore, key: &str, body: Bytes) -> Result<(), PortError> {
    let size_bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
    match archives.put_new(key, body, &metadata()).await {
        Ok(()) => Ok(()),
        Err(error) => confirm(archives, key, size_bytes, error).await,
    }
}

/// Succeeds when a write that seemed to fail has taken effect after all.
async fn confirm(archives: &dyn ArchiveStore, key: &str, size_bytes: u64, error: PortError) -> Result<(), PortError> {
    match error.kind {
        PortErrorKind::Conflict | PortErrorKind::NotFound | PortErrorKind::Unavailable => {
            let head = archives.head(key).await?;
            if head.is_some_and(|head| head.size_bytes == size_bytes) { Ok(()) } else { Err(error) }
        }
        _ => Err(error),
    }
}
