//! What goes wrong below this surface, in its words.

use crate::fault::{Fault, Kind};
use std::time::Duration;
use waybill_app::{Error, FieldError};
use waybill_domain::{Failure, FailureCode, ScriptFailure};
use waybill_http::{BodyError, CredentialError, FormError, IdempotencyKeyError, JsonError, QueryError};

/// When to ask again whether a waiting export has made room.
const WAITING: Duration = Duration::from_mins(1);

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let reason = error.to_string();
        match error {
            // The family has no fault for "who are you": 403 is what clients of the product see for a missing or bad key.
            Error::Unauthenticated { .. } | Error::Forbidden { .. } | Error::LimitExceeded { .. } => {
                Self::new(Kind::AccessDenied).because(reason)
            }
            Error::InvalidSignature { .. } => Self::new(Kind::InvalidRequestSignature).because(reason),
            Error::StaleSignature => Self::new(Kind::StaleRequestSignature).because(reason),
            Error::NotFound { kind, .. } => Self::new(Kind::NotFound).because(reason).at(format!("{kind}._id")),
            Error::UnknownCollection { name } => Self::new(Kind::InvalidObject).because(reason).at(name),
            Error::Invalid(fields) => Self::validation(fields.into_iter().map(invalid_value).collect()),
            Error::Conflict { .. } | Error::SecretNotRepeated { .. } => Self::new(Kind::Exists).because(reason),
            Error::IdempotencyMismatch => Self::new(Kind::IdempotencyMismatch).because(reason).at("Idempotency-Key"),
            Error::NotReady { .. } => Self::new(Kind::MediaNotReady).because(reason).at("export.dataFile"),
            Error::NoArchive { .. } => Self::new(Kind::NotFound).because(reason).at("export.dataFile"),
            Error::TooLarge { .. } | Error::TooManyRecords { .. } => Self::new(Kind::RequestTooLarge).because(reason),
            Error::TooManyWaiting { .. } => {
                Self { retry_after: Some(WAITING), ..Self::new(Kind::Throttled).because(reason) }
            }
            Error::Throttled { retry_after } => Self { retry_after, ..Self::new(Kind::Throttled).because(reason) },
            Error::Unavailable(source) => {
                tracing::warn!(error = %source, cause = ?source.source, "a service did not answer");
                Self::new(Kind::TooBusy).because(reason)
            }
            Error::Internal(source) => {
                tracing::error!(error = %source, cause = ?source.source, "internal error");
                Self::new(Kind::Error)
            }
        }
    }
}

fn invalid_value(field: FieldError) -> Fault {
    Fault::new(Kind::InvalidValue).because(field.message).at(format!("export.{}", field.field))
}

impl From<CredentialError> for Fault {
    fn from(error: CredentialError) -> Self {
        let reason = error.to_string();
        match error {
            CredentialError::Missing | CredentialError::Unsigned => Self::new(Kind::AccessDenied).because(reason),
            // What is wrong with a signed request's headers is wrong with its signature; a bad key alone is no access.
            CredentialError::Malformed { name, .. } if is_of_signature(name) => {
                Self::new(Kind::InvalidRequestSignature).because(reason).at(name)
            }
            CredentialError::Malformed { name, .. } => Self::new(Kind::AccessDenied).because(reason).at(name),
            CredentialError::Unsupported { name, .. } => Self::new(Kind::UnsupportedOperation).because(reason).at(name),
            CredentialError::Forged { .. } => Self::new(Kind::AccessDenied).because(reason).at("medable-csrf-token"),
            CredentialError::Refused(error) => error.into(),
        }
    }
}

fn is_of_signature(header: &str) -> bool {
    matches!(header, "medable-client-signature" | "medable-client-nonce" | "medable-client-timestamp")
}

impl From<BodyError> for Fault {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { .. } => Self::new(Kind::RequestTooLarge).because(error.to_string()).at("body"),
        }
    }
}

impl From<JsonError> for Fault {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Empty | JsonError::Syntax { .. } | JsonError::TooDeep => {
                Self::new(Kind::InvalidArgument).because(error.to_string()).at("body")
            }
        }
    }
}

impl From<FormError> for Fault {
    fn from(error: FormError) -> Self {
        Self::new(Kind::InvalidArgument).because(error.to_string()).at("body")
    }
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Self {
        Self::new(Kind::InvalidArgument).because(error.to_string()).at(error.name)
    }
}

impl From<IdempotencyKeyError> for Fault {
    fn from(error: IdempotencyKeyError) -> Self {
        Self::new(Kind::InvalidArgument).because(error.to_string()).at("Idempotency-Key")
    }
}

/// Why an export ended without an archive, as its `err`.
pub(crate) fn failure_fault(failure: &Failure, objects: &str) -> Fault {
    let fault = match failure.code {
        FailureCode::CollectionMissing => Fault::new(Kind::InvalidObject).at(objects),
        FailureCode::RecordMissing => Fault::new(Kind::NotFound).at("export.prefix"),
        FailureCode::LimitExceeded | FailureCode::RecordLimitExceeded => Fault::new(Kind::RequestTooLarge),
        FailureCode::QuotaExceeded => Fault::new(Kind::StorageQuota),
        FailureCode::Denied => Fault::new(Kind::AccessDenied),
        FailureCode::Unavailable => Fault::new(Kind::TooBusy),
        FailureCode::BadRecord | FailureCode::BadDateRange | FailureCode::MaxRetriesReached => {
            Fault::new(Kind::ExportFailed)
        }
        FailureCode::Internal => Fault::new(Kind::Error),
    };
    fault.because(failure.message.clone())
}

/// How a script failed.
pub(crate) fn script_fault(failure: &ScriptFailure) -> Fault {
    let place = failure.line.map(|line| format!("line {line}, column {}", failure.column.unwrap_or(1)));
    let fault = Fault::new(Kind::ScriptFailed).because(failure.message.clone());
    Fault { path: place, ..fault }
}

/// The `err` of an export that was canceled.
pub(crate) fn canceled_fault() -> Fault {
    Fault::new(Kind::Canceled).because("canceled")
}
