//! How far a destination has a file, and what it holds in the end.

use serde::{Deserialize, Serialize};

/// How far a delivery has come: what the next step needs to go on with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Upload {
    /// A multipart upload, or the blocks of a blob.
    Parts {
        /// Names it, where the service does.
        id: String,
        /// How long each part but the last is.
        part_bytes: u64,
        /// What the service answered to each part, in order.
        parts: Vec<String>,
    },
    /// A file under a temporary name.
    Temporary {
        /// Its path.
        path: String,
        /// How many bytes were acknowledged.
        sent_bytes: u64,
    },
    /// Goes out in one request, in the finish.
    Single,
}

impl Upload {
    /// How many bytes of a file of that size the destination has.
    pub fn sent_bytes(&self, size_bytes: u64) -> u64 {
        match self {
            Self::Parts { part_bytes, parts, .. } => {
                let count = u64::try_from(parts.len()).unwrap_or(u64::MAX);
                count.saturating_mul(*part_bytes).min(size_bytes)
            }
            Self::Temporary { sent_bytes, .. } => (*sent_bytes).min(size_bytes),
            Self::Single => 0,
        }
    }

    /// Whether only the finish is left of a file of that size.
    pub fn is_sent(&self, size_bytes: u64) -> bool {
        matches!(self, Self::Single) || self.sent_bytes(size_bytes) >= size_bytes
    }
}

/// What a destination holds in the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivered {
    /// Where: `s3://bucket/key`, `https://account.blob.core.windows.net/container/name`, `sftp://host/path`, or the
    /// webhook's URL without its query.
    pub destination_path: String,
    /// How long the file is there, or behind the link that a webhook was sent.
    pub size_bytes: u64,
}
