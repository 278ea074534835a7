//! Wake-ups: that an org's lane has something to do. May be lost, late, doubled or out of order; nothing relies on one.

use crate::PortError;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use waybill_domain::{ExportId, OrgCode};

/// The payload of a wake-up, versioned by its tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wake", rename_all = "kebab-case", deny_unknown_fields)]
pub enum WakeMessage {
    /// An export waits in its org's lane.
    ExportV1 {
        /// The org.
        org: OrgCode,
        /// The export.
        export: ExportId,
    },
}

/// Names a message that is being handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WakeReceipt(pub String);

/// A message that was handled too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its body as it was sent.
    pub body: String,
    /// Names it.
    pub receipt: WakeReceipt,
}

/// Carries wake-ups to the exporter.
#[async_trait]
pub trait WakeQueue: Send + Sync {
    /// Sends a wake-up. Messages of one `group` are handled one at a time, in order; a second one with the same
    /// `deduplication` within five minutes may be dropped.
    ///
    /// # Errors
    /// [`PortError`].
    async fn ring(&self, message: &WakeMessage, group: &str, deduplication: &str) -> Result<(), PortError>;

    /// Hides a message that is being handled for `hidden` from now on, 0 s to 12 h.
    ///
    /// # Errors
    /// `NotFound` when it is no longer the caller's.
    async fn set_visibility(&self, receipt: &WakeReceipt, hidden: Duration) -> Result<(), PortError>;

    /// Some messages that were handled too often.
    ///
    /// # Errors
    /// [`PortError`].
    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, PortError>;

    /// Removes a dead letter.
    ///
    /// # Errors
    /// [`PortError`].
    async fn bury(&self, receipt: &WakeReceipt) -> Result<(), PortError>;
}
