//! What was answered to a request that may be sent again.

use crate::{ExportId, KeyId, OrgCode, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A client's `Idempotency-Key`: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// How long a key is remembered.
    pub const LIFETIME: Duration = Duration::from_hours(24);

    /// Parses the header's value; `None` when it is empty, too long or has other characters.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The key as the client sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// That a key was used, for which request, and what it made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdempotencyRecord {
    /// The org.
    pub org: OrgCode,
    /// The access key of the caller: two callers' keys never meet.
    pub caller: KeyId,
    /// The client's key, with the surface and operation in front: `cortex:create-export:<key>`.
    pub scope: String,
    /// SHA-256 of the request's body, hex: the same key with another body is an error.
    pub body_digest: String,
    /// Id of what was made, as text: an export's, a key's, an org's code.
    pub resource: String,
    /// When the key may be used anew.
    pub expires_at: Timestamp,
}

impl IdempotencyRecord {
    /// The export that was made, if it was one.
    pub fn export(&self) -> Option<ExportId> {
        self.resource.parse().ok()
    }
}
