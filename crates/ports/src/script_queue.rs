//! That an after-script waits. A message may be lost, late or doubled; nothing relies on one.

use crate::PortError;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use waybill_domain::{ExportId, OrgCode};

/// The payload of a message, versioned by its tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "script", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ScriptMessage {
    /// The script of an export waits to be run.
    RunV1 {
        /// The org.
        org: OrgCode,
        /// The export.
        export: ExportId,
    },
}

/// Carries messages to whoever runs scripts.
#[async_trait]
pub trait ScriptQueue: Send + Sync {
    /// Sends a message; a second one with the same `deduplication` within five minutes may be dropped.
    ///
    /// # Errors
    /// [`PortError`].
    async fn ring(&self, message: &ScriptMessage, deduplication: &str) -> Result<(), PortError>;
}
