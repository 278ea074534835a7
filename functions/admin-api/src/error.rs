//! What goes wrong, as problem documents (RFC 9457).

use crate::reply::Reply;
use http::StatusCode;
use serde::Serialize;
use std::error::Error as _;
use utoipa::ToSchema;
use waybill_app::{Error, FieldError};
use waybill_http::{BodyError, CredentialError, CursorError, IdempotencyKeyError, JsonError, Problem, QueryError};

/// When to ask again whether a waiting export has made room.
const WAITING_SECS: u64 = 60;

/// Why a request was not carried out.
#[derive(Debug)]
pub(crate) struct ApiError {
    kind: Kind,
    detail: String,
    errors: Vec<Problem>,
    id: Option<String>,
    retry_after_secs: Option<u64>,
    allow: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Invalid,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    SecretNotRepeated,
    NotReady,
    NoArchive,
    TooLarge,
    IdempotencyMismatch,
    Throttled,
    Internal,
    Unavailable,
}

impl Kind {
    /// Status, last part of the type, and title.
    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Invalid => (StatusCode::BAD_REQUEST, "invalid", "The request is not valid"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "A good credential is needed"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "The caller may not do this"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The path does not take this method")
            }
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "The state of things does not allow this"),
            Self::SecretNotRepeated => {
                (StatusCode::CONFLICT, "secret-not-repeated", "A secret is shown once, and it was")
            }
            Self::NotReady => (StatusCode::CONFLICT, "not-ready", "The archive is not ready"),
            Self::NoArchive => (StatusCode::CONFLICT, "no-archive", "There is no archive"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "This is too large"),
            Self::IdempotencyMismatch => {
                (StatusCode::UNPROCESSABLE_ENTITY, "idempotency-mismatch", "The key was used for another request")
            }
            Self::Throttled => (StatusCode::TOO_MANY_REQUESTS, "throttled", "Too many requests"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "An internal error occurred"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "A service does not answer"),
        }
    }
}

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument {
    /// Names the kind of problem: `urn:waybill:problem:<kind>`.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem for people.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong here.
    detail: String,
    /// By which the request is found in the logs.
    request_id: String,
    /// What is wrong in the request, one by one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ProblemEntry>,
    /// Id of what an earlier request with the same `Idempotency-Key` made.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

/// One thing wrong in a request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemEntry)]
pub(crate) struct ProblemEntry {
    /// JSON pointer into the body; `?name` for an argument of the query, `{name}` for a part of the path.
    pointer: String,
    /// What is wrong, and what would be right.
    message: String,
}

impl ApiError {
    fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), id: None, retry_after_secs: None, allow: None }
    }

    /// Things wrong in the request.
    pub(crate) fn invalid(errors: Vec<Problem>) -> Self {
        let detail = match errors.as_slice() {
            [one] if one.pointer.is_empty() => format!("the body {}", one.message),
            [one] => format!("`{}`: {}", one.pointer, one.message),
            several => format!("{} things are wrong; `errors` names them", several.len()),
        };
        Self { errors, ..Self::new(Kind::Invalid, detail) }
    }

    /// One thing wrong in the request.
    pub(crate) fn invalid_at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![Problem::new(pointer, message)])
    }

    /// A path that leads nowhere.
    pub(crate) fn nowhere() -> Self {
        Self::new(Kind::NotFound, "there is nothing at this path")
    }

    /// A method that a path does not take.
    pub(crate) fn not_allowed(allow: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::new(Kind::MethodNotAllowed, format!("this path takes {allow}")) }
    }

    /// Something that only the operator may do.
    pub(crate) fn operator_only() -> Self {
        Self::new(Kind::Forbidden, "only the operator may do this")
    }

    /// Something over a limit.
    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(Kind::TooLarge, detail)
    }

    /// A fault of ours.
    pub(crate) fn internal() -> Self {
        Self::new(Kind::Internal, "an internal error occurred")
    }

    /// The problem document; faults of ours go to the log, with what caused them.
    pub(crate) fn into_reply(self, request_id: &str) -> Reply {
        let (status, name, title) = self.kind.facts();
        let entry = |problem: Problem| ProblemEntry { pointer: problem.pointer, message: problem.message };
        let document = ProblemDocument {
            kind: format!("urn:waybill:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail,
            request_id: request_id.to_owned(),
            errors: self.errors.into_iter().map(entry).collect(),
            id: self.id,
        };
        // Texts and numbers always serialise.
        let body = serde_json::to_string(&document).unwrap_or_default();
        let mut reply = Reply::new(status, "application/problem+json", body);
        if self.kind == Kind::Unauthenticated {
            reply = reply.challenging();
        }
        if let Some(allow) = self.allow {
            reply = reply.allowing(allow);
        }
        match self.retry_after_secs {
            Some(secs) => reply.retrying_after(secs),
            None => reply,
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Unauthenticated { .. } | Error::InvalidSignature { .. } | Error::StaleSignature => {
                Self::new(Kind::Unauthenticated, detail)
            }
            Error::Forbidden { .. } | Error::LimitExceeded { .. } => Self::new(Kind::Forbidden, detail),
            Error::NotFound { .. } => Self::new(Kind::NotFound, detail),
            Error::UnknownCollection { .. } => Self::invalid_at("/collection", detail),
            Error::Invalid(errors) => Self::invalid(errors.into_iter().map(pointed).collect()),
            Error::Conflict { .. } => Self::new(Kind::Conflict, detail),
            Error::IdempotencyMismatch => Self::new(Kind::IdempotencyMismatch, detail),
            Error::SecretNotRepeated { id } => Self { id: Some(id), ..Self::new(Kind::SecretNotRepeated, detail) },
            Error::NotReady { .. } => Self::new(Kind::NotReady, detail),
            Error::NoArchive { .. } => Self::new(Kind::NoArchive, detail),
            Error::TooLarge { .. } | Error::TooManyRecords { .. } => Self::new(Kind::TooLarge, detail),
            Error::TooManyWaiting { .. } => {
                Self { retry_after_secs: Some(WAITING_SECS), ..Self::new(Kind::Throttled, detail) }
            }
            Error::Throttled { retry_after } => {
                let secs = retry_after.map_or(1, |wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
                Self { retry_after_secs: Some(secs), ..Self::new(Kind::Throttled, detail) }
            }
            Error::Unavailable(cause) => {
                tracing::error!(error = %cause, cause = ?cause.source(), "a service does not answer");
                Self { retry_after_secs: Some(1), ..Self::new(Kind::Unavailable, detail) }
            }
            Error::Internal(cause) => {
                tracing::error!(error = %cause, cause = ?cause.source(), "internal error");
                Self::new(Kind::Internal, detail)
            }
        }
    }
}

/// A field's dotted name as a JSON pointer; names of properties have no dots.
fn pointed(error: FieldError) -> Problem {
    Problem::new(format!("/{}", error.field.replace('.', "/")), error.message)
}

impl From<CredentialError> for ApiError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Refused(error) => error.into(),
            // Sessions are not taken here.
            CredentialError::Forged { .. }
            | CredentialError::Missing
            | CredentialError::Unsigned
            | CredentialError::Malformed { .. }
            | CredentialError::Unsupported { .. } => Self::new(Kind::Unauthenticated, error.to_string()),
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { .. } => Self::too_large(error.to_string()),
        }
    }
}

impl From<JsonError> for ApiError {
    fn from(error: JsonError) -> Self {
        let text = error.to_string();
        Self::invalid_at("", text.strip_prefix("the body ").unwrap_or(&text))
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self::invalid_at(format!("?{}", error.name), error.reason)
    }
}

impl From<CursorError> for ApiError {
    fn from(error: CursorError) -> Self {
        Self::invalid_at("?cursor", error.to_string())
    }
}

impl From<IdempotencyKeyError> for ApiError {
    fn from(error: IdempotencyKeyError) -> Self {
        Self::new(Kind::Invalid, error.to_string())
    }
}

impl From<Vec<Problem>> for ApiError {
    fn from(problems: Vec<Problem>) -> Self {
        Self::invalid(problems)
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::invalid(vec![problem])
    }
}
