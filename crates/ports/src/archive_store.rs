//! Objects: archives, and the work of exports under way.

use crate::PortError;
use async_trait::async_trait;
use bytes::Bytes;
use std::time::Duration;

/// What is kept beside an object's bytes, set when it is begun: how a finished archive is recognised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectMetadata {
    /// Media type.
    pub content_type: String,
    /// SHA-256 of the whole object, hex, where it is known beforehand.
    pub sha256: Option<String>,
}

/// What can be seen of an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectHead {
    /// Size in bytes.
    pub size_bytes: u64,
    /// What was set when it was begun.
    pub metadata: ObjectMetadata,
}

/// A multipart upload under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadId(pub String);

/// What the service answered to a part; completing names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartTag(pub String);

/// Bytes `start..end` of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// One past the last.
    pub end: u64,
}

/// A link that gives an object's bytes to whoever has it, for a while. Never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Download {
    /// Absolute URL.
    pub url: String,
}

/// A link by which whoever has it writes one object, once. Never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct UploadLink {
    /// Absolute URL of a `PUT`.
    pub url: String,
    /// Headers that must be sent with it, as they are here; names in lower case.
    pub headers: Vec<(String, String)>,
}

/// Keeps objects. Keys are ours: `archives/<org>/…`, `work/<org>/…` and `files/<org>/…`. Every object is encrypted at rest.
#[async_trait]
pub trait ArchiveStore: Send + Sync {
    /// Writes an object in one go, only if there is none at `key`.
    ///
    /// # Errors
    /// `Conflict` when there is one (maybe from an earlier attempt of the same caller).
    async fn put_new(&self, key: &str, body: Bytes, metadata: &ObjectMetadata) -> Result<(), PortError>;

    /// Begins an upload in parts.
    ///
    /// # Errors
    /// [`PortError`].
    async fn begin_upload(&self, key: &str, metadata: &ObjectMetadata) -> Result<UploadId, PortError>;

    /// Sends part `number` (from 1); 5 MiB or more unless it is the last. Parts may be sent side by side.
    ///
    /// # Errors
    /// `NotFound` when the upload is gone.
    async fn upload_part(&self, key: &str, upload: &UploadId, number: u32, body: Bytes) -> Result<PartTag, PortError>;

    /// Makes part `number` of a range of another object; 5 MiB to 5 GiB unless it is the last.
    ///
    /// # Errors
    /// `NotFound` when the upload or the source is gone.
    async fn copy_part(
        &self,
        key: &str,
        upload: &UploadId,
        number: u32,
        source: &str,
        range: ByteRange,
    ) -> Result<PartTag, PortError>;

    /// Makes the object of parts 1..n appear, only if there is none at `key`.
    ///
    /// # Errors
    /// `Conflict` when there is one, `NotFound` when the upload is gone (maybe because an earlier attempt completed it),
    /// `Unavailable` when another completion is under way.
    async fn complete_upload(&self, key: &str, upload: &UploadId, parts: &[PartTag]) -> Result<(), PortError>;

    /// Gives an upload up; succeeds when it is gone already.
    ///
    /// # Errors
    /// [`PortError`].
    async fn abort_upload(&self, key: &str, upload: &UploadId) -> Result<(), PortError>;

    /// What is at `key`, or `None`; consistent with every write that was answered.
    ///
    /// # Errors
    /// [`PortError`].
    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, PortError>;

    /// An object's bytes, or `None`. For small objects only.
    ///
    /// # Errors
    /// [`PortError`].
    async fn get(&self, key: &str) -> Result<Option<Bytes>, PortError>;

    /// Some of an object's bytes, or `None` when there is no object.
    ///
    /// # Errors
    /// `Rejected` when the range is empty or ends behind the object.
    async fn read(&self, key: &str, range: ByteRange) -> Result<Option<Bytes>, PortError>;

    /// Keys that begin with `prefix`, at most 1000.
    ///
    /// # Errors
    /// [`PortError`].
    async fn list(&self, prefix: &str) -> Result<Vec<String>, PortError>;

    /// Removes objects; those that are not there count as removed. At most 1000.
    ///
    /// # Errors
    /// [`PortError`].
    async fn delete(&self, keys: &[String]) -> Result<(), PortError>;

    /// A link to an object that is good for `lifetime`, saved under `filename` by a browser, never cached.
    ///
    /// # Errors
    /// [`PortError`].
    async fn presign(
        &self,
        key: &str,
        lifetime: Duration,
        filename: &str,
        content_type: &str,
    ) -> Result<Download, PortError>;

    /// A link, good for `lifetime`, that takes exactly `size_bytes` bytes of that type in one go, at most 5 GiB, and only while
    /// there is no object at `key`.
    ///
    /// # Errors
    /// `Rejected` for a lifetime or a size that the service does not take.
    async fn presign_upload(
        &self,
        key: &str,
        lifetime: Duration,
        content_type: &str,
        size_bytes: u64,
    ) -> Result<UploadLink, PortError>;
}
