//! Why an export ended without an archive.

use serde::{Deserialize, Serialize};

/// The condition that ended an export; each surface words it its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureCode {
    /// Its collection or definition is gone.
    CollectionMissing,
    /// The record that it was limited to is gone, or may not be read.
    RecordMissing,
    /// A record could not be read.
    BadRecord,
    /// Its range of dates means nothing at its start.
    BadDateRange,
    /// The org's storage is full.
    QuotaExceeded,
    /// It ended unexplained, or made no progress, too often.
    MaxRetriesReached,
    /// A service that it needs refused for too long.
    Unavailable,
    /// More would have to be held in memory than there is for it.
    LimitExceeded,
    /// It has more records than it may.
    RecordLimitExceeded,
    /// Waybill may not read what it needs.
    Denied,
    /// A fault of ours.
    Internal,
}

/// Why an export failed: a code that is stable and a message for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields)]
#[error("{message}")]
pub struct Failure {
    /// The condition.
    pub code: FailureCode,
    /// What happened and what to do, for people; never internals.
    pub message: String,
}

impl Failure {
    /// A failure with its message.
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
