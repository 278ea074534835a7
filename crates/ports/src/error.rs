//! What can go wrong at a port, as conditions that a caller acts on.

use std::error::Error as StdError;
use std::time::Duration;

/// A failed call to a port: what kind of failure, during what, and the adapter's own error for the log.
#[derive(Debug, thiserror::Error)]
#[error("{during}: {kind}")]
pub struct PortError {
    /// What a caller acts on.
    pub kind: PortErrorKind,
    /// What was being done, a few words.
    pub during: &'static str,
    /// The adapter's error; for logs, never for clients.
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of failure at a port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortErrorKind {
    /// What the call needs is not there (a bucket, an upload, a queue). A missing row or object is `None`, not this.
    #[error("not found")]
    NotFound,
    /// The state has moved on: a version, an absence or an `If-None-Match` did not hold. Nothing was changed.
    #[error("conflict")]
    Conflict,
    /// The service asks for patience. Nothing was changed.
    #[error("throttled")]
    Throttled {
        /// How long, where it says.
        retry_after: Option<Duration>,
    },
    /// Waybill may not do this. Nothing was changed.
    #[error("denied")]
    Denied,
    /// No answer, or a fault of the service: **it may have taken effect**.
    #[error("unavailable")]
    Unavailable,
    /// What is stored cannot be read.
    #[error("corrupt: {table} {key}: {field}")]
    Corrupt {
        /// The table or bucket.
        table: String,
        /// The row or object.
        key: String,
        /// The field, and what is wrong with it.
        field: String,
    },
    /// The caller asked for something that the service does not take (too large, too many).
    #[error("not accepted: {reason}")]
    Rejected {
        /// Why, for the log.
        reason: String,
    },
}

impl PortError {
    /// The reason with which a commit rejects a row of more than 350 KB.
    pub const ROW_TOO_LARGE: &'static str = "row too large";

    /// A failure without an underlying error.
    pub fn new(kind: PortErrorKind, during: &'static str) -> Self {
        Self { kind, during, source: None }
    }

    /// A failure with what the adapter saw.
    pub fn caused_by(
        kind: PortErrorKind,
        during: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind, during, source: Some(source.into()) }
    }

    /// Whether the state has moved on.
    pub fn is_conflict(&self) -> bool {
        self.kind == PortErrorKind::Conflict
    }

    /// Whether it is worth trying again later: throttled or unavailable.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, PortErrorKind::Throttled { .. } | PortErrorKind::Unavailable)
    }
}
