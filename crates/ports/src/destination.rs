//! Handing one finished file to one destination, in pieces, so that it can be gone on with by somebody else later.

use crate::{ArchiveStore, ByteRange, OutgoingError, PortError, PortErrorKind};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{Delivered, DestinationConfig, DestinationSecrets, Timestamp, Upload};

/// A finished file's bytes, by ranges.
#[async_trait]
pub trait FileBytes: Send + Sync {
    /// The bytes of a range within the file; a few megabytes at most.
    ///
    /// # Errors
    /// `NotFound` when the file is gone, and [`PortError`].
    async fn read(&self, range: ByteRange) -> Result<Bytes, PortError>;
}

/// A file that is an object of ours.
pub struct StoredFile {
    /// Where it is.
    pub archives: Arc<dyn ArchiveStore>,
    /// Its key.
    pub key: String,
}

#[async_trait]
impl FileBytes for StoredFile {
    async fn read(&self, range: ByteRange) -> Result<Bytes, PortError> {
        let found = self.archives.read(&self.key, range).await?;
        found.ok_or_else(|| PortError::new(PortErrorKind::NotFound, "reading a file to deliver"))
    }
}

/// What is delivered.
#[derive(Clone)]
pub struct Parcel {
    /// The delivery's id, the same at every attempt: `webhook-id`.
    pub id: String,
    /// The file's name at the destination; safe.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// How long it is.
    pub size_bytes: u64,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Its bytes; they do not change.
    pub bytes: Arc<dyn FileBytes>,
    /// What a notification says of it, and where it is to be had; `None` where a destination takes the file itself.
    pub notice: Option<Notice>,
}

/// What is posted in the place of a file that is too long to be.
#[derive(Clone)]
pub struct Notice {
    /// The JSON, link included. Not for the log.
    pub body: Bytes,
}

/// Why a file did not arrive. The words are for whoever set the destination up: what failed and what helps.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// The configuration cannot work as it is.
    #[error("{0}")]
    Misconfigured(String),
    /// It is, or leads to, an address that is not public.
    #[error("{0}")]
    Forbidden(String),
    /// Who we are is not believed.
    #[error("{0}")]
    BadCredentials(String),
    /// The server's key is not the pinned one, or none is pinned. Nothing was sent.
    #[error("{0}")]
    HostKeyMismatch(String),
    /// We are believed, but may not, or the destination does not take it.
    #[error("{0}")]
    Refused(String),
    /// The bucket, container or folder is not there.
    #[error("{0}")]
    NotFound(String),
    /// The destination says that it will never take anything again: it is to be switched off.
    #[error("{0}")]
    Gone(String),
    /// The destination asks for patience.
    #[error("{words}")]
    Throttled {
        /// What it said.
        words: String,
        /// How long, where it says.
        retry_after: Option<Duration>,
    },
    /// Nobody answers, or with a fault of the server's own. What was sent **may have arrived**.
    #[error("{0}")]
    Unavailable(String),
    /// What was sent so far is no longer there: the delivery begins anew.
    #[error("{0}")]
    Lost(String),
    /// Our own bytes could not be read.
    #[error("the file to deliver cannot be read at the moment")]
    Source(#[source] PortError),
}

impl DestinationError {
    /// Whether the same attempt can succeed later without anybody's doing.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Unavailable(_) | Self::Lost(_) => true,
            Self::Source(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl From<OutgoingError> for DestinationError {
    fn from(error: OutgoingError) -> Self {
        match error {
            OutgoingError::Malformed { reason } => Self::Misconfigured(reason),
            OutgoingError::Forbidden { .. } => Self::Forbidden(error.to_string()),
            OutgoingError::Source(source) => Self::Source(source),
            OutgoingError::NotResolved { .. }
            | OutgoingError::NotConnected { .. }
            | OutgoingError::NotTrusted { .. }
            | OutgoingError::TimedOut { .. }
            | OutgoingError::Broken { .. } => Self::Unavailable(error.to_string()),
        }
    }
}

/// Makes destinations of configurations.
#[async_trait]
pub trait DestinationOpener: Send + Sync {
    /// The destination of a configuration.
    ///
    /// # Errors
    /// [`DestinationError`] when it cannot work, or a role cannot be assumed.
    async fn open(
        &self,
        config: &DestinationConfig,
        secrets: &DestinationSecrets,
    ) -> Result<Box<dyn Destination>, DestinationError>;
}

/// One destination, of one configuration and its secrets.
///
/// `open`, then `advance` until all is sent, then `finish`. What each gives is to be stored before the next; whoever holds
/// it goes on. Until `finish` has answered nothing stands under the final name, and after it the whole file does.
#[async_trait]
pub trait Destination: Send + Sync {
    /// Begins.
    ///
    /// # Errors
    /// [`DestinationError`].
    async fn open(&self, parcel: &Parcel) -> Result<Upload, DestinationError>;

    /// Sends the next piece, a few megabytes or one part, and says how far it has come. Sending a piece again that was
    /// sent already (its checkpoint was lost) is harmless. Nothing happens when everything is sent.
    ///
    /// # Errors
    /// `Lost` when what was sent before is no longer there, and [`DestinationError`].
    async fn advance(&self, parcel: &Parcel, upload: Upload) -> Result<Upload, DestinationError>;

    /// Makes the file appear under its final name, in the place of what may be there. Doing so again after an ambiguous
    /// answer is harmless.
    ///
    /// # Errors
    /// `Lost` when what was sent is no longer there, and [`DestinationError`].
    async fn finish(&self, parcel: &Parcel, upload: &Upload, now: Timestamp) -> Result<Delivered, DestinationError>;

    /// Removes what was sent; succeeds when there is nothing.
    ///
    /// # Errors
    /// [`DestinationError`].
    async fn abort(&self, parcel: &Parcel, upload: &Upload) -> Result<(), DestinationError>;

    /// Writes a small file of this name, reads it back where that is possible, and removes it; a webhook gets a test
    /// message. `id` names the message.
    ///
    /// # Errors
    /// [`DestinationError`], whose words say which of it failed.
    async fn probe(&self, id: &str, name: &str, now: Timestamp) -> Result<Probed, DestinationError>;
}

/// What a probe did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// In words: `wrote, read back and removed s3://…`.
    pub words: String,
}
