//! Why a use case did not do what it was asked, as conditions that a surface words its own way.

use std::time::Duration;
use waybill_domain::CollectionName;
use waybill_ports::{PortError, PortErrorKind};

/// One thing wrong with a request: where, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field as the command names it, with dots: `paths.0`, `where.$and.1.name`.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Why a use case did not do what it was asked. Nothing was changed, except after `Unavailable`, where it is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No credential, or one that is not good.
    #[error("{reason}")]
    Unauthenticated {
        /// What is wrong with it; the same words for what is unknown, revoked or expired.
        reason: &'static str,
    },
    /// A request signature that is wrong, or a nonce used before.
    #[error("{reason}")]
    InvalidSignature {
        /// Which.
        reason: &'static str,
    },
    /// A request signature whose timestamp is too far from now.
    #[error("the request's timestamp is more than five minutes from the server's time")]
    StaleSignature,
    /// The caller may not do this.
    #[error("{reason}")]
    Forbidden {
        /// What it would take.
        reason: &'static str,
    },
    /// There is no such thing in the caller's org.
    #[error("{kind} `{id}` does not exist")]
    NotFound {
        /// What kind of thing: `export`, `collection`, `key`.
        kind: &'static str,
        /// The id or name that was asked for.
        id: String,
    },
    /// The request names a collection that the org does not have.
    #[error("collection `{name}` does not exist")]
    UnknownCollection {
        /// The name.
        name: String,
    },
    /// Fields of the request are wrong.
    #[error("{}", list(.0))]
    Invalid(Vec<FieldError>),
    /// It exists already, or its state does not allow this.
    #[error("{reason}")]
    Conflict {
        /// Why.
        reason: String,
    },
    /// An `Idempotency-Key` was used before for another request.
    #[error("this Idempotency-Key was used for another request; take a new one")]
    IdempotencyMismatch,
    /// An `Idempotency-Key` was used before, and the reply then carried a secret that is not shown twice.
    #[error("this request was carried out before and made `{id}`; its secret is not shown again")]
    SecretNotRepeated {
        /// Id of what was made.
        id: String,
    },
    /// The archive is not there yet.
    #[error("the export is not ready: it is {state}")]
    NotReady {
        /// `scheduled`, `queued` or `running`.
        state: &'static str,
    },
    /// There will be no archive.
    #[error("the export has no archive: {reason}")]
    NoArchive {
        /// Why it ended without.
        reason: String,
    },
    /// The request is too large to keep.
    #[error("{reason}")]
    TooLarge {
        /// What is over which limit.
        reason: String,
    },
    /// As many exports wait in the org's lane as the operator lets wait; again when some have ended.
    #[error("{limit} exports wait already, and no more may; try again when some have ended")]
    TooManyWaiting {
        /// How many may.
        limit: u32,
    },
    /// An export would have more records than it may.
    #[error("{matched} records match, and an export may have {most}; narrow it with a filter or a range of dates")]
    TooManyRecords {
        /// How many it would have.
        matched: u64,
        /// How many it may.
        most: u64,
    },
    /// The org has as many of a thing as it may.
    #[error("{reason}")]
    LimitExceeded {
        /// Of what, and how many.
        reason: String,
    },
    /// Too much at once; again later.
    #[error("too many requests at once; try again")]
    Throttled {
        /// When.
        retry_after: Option<Duration>,
    },
    /// A service that is needed does not answer; again later. The request may have been carried out.
    #[error("a service that is needed did not answer; try again")]
    Unavailable(#[source] PortError),
    /// A fault of ours.
    #[error("an internal error occurred")]
    Internal(#[source] PortError),
}

impl Error {
    /// One wrong field.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// A collection that is not there.
    pub fn unknown_collection(name: &CollectionName) -> Self {
        Self::UnknownCollection { name: name.to_string() }
    }
}

impl From<PortError> for Error {
    fn from(error: PortError) -> Self {
        match &error.kind {
            PortErrorKind::Throttled { retry_after } => Self::Throttled { retry_after: *retry_after },
            // Contention that outlasted every attempt is the store's way of asking for patience.
            PortErrorKind::Conflict => Self::Throttled { retry_after: None },
            PortErrorKind::Unavailable => Self::Unavailable(error),
            PortErrorKind::Rejected { reason } if reason == PortError::ROW_TOO_LARGE => {
                Self::TooLarge { reason: "the request is larger than 350 KB when kept".to_owned() }
            }
            PortErrorKind::NotFound
            | PortErrorKind::Denied
            | PortErrorKind::Corrupt { .. }
            | PortErrorKind::Rejected { .. } => Self::Internal(error),
        }
    }
}

fn list(errors: &[FieldError]) -> String {
    let texts: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
    texts.join("; ")
}
