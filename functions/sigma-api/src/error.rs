//! What goes wrong, in the words of this surface: `{"error":"CODE","message":"…"}`. Codes are stable, messages are not.

use crate::reply::Reply;
use http::StatusCode;
use serde::Serialize;
use std::error::Error as _;
use std::time::Duration;
use utoipa::ToSchema;
use waybill_app::{Error, FieldError};
use waybill_http::{BodyError, CredentialError, IdempotencyKeyError, JsonError, Problem, QueryError};

/// When to ask again whether a service is there.
const SOON: Duration = Duration::from_secs(1);
/// When to ask again whether a waiting export has made room.
const WAITING: Duration = Duration::from_mins(1);

/// An error as it is sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody {
    /// `VALIDATION_ERROR`, `UNAUTHORIZED`, `PERMISSION_DENIED`, `NOT_FOUND`, `METHOD_NOT_ALLOWED`, `CONFLICT`, `LIMIT_EXCEEDED` or
    /// `INTERNAL_ERROR`.
    error: &'static str,
    /// What is wrong, and what would be right.
    message: String,
}

/// Why a request was not carried out.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, allow: None }
    }

    /// Something wrong in the request.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
    }

    /// Things wrong in the body.
    pub(crate) fn problems(problems: &[Problem]) -> Self {
        let text = |problem: &Problem| match problem.pointer.trim_start_matches('/').replace('/', ".") {
            place if place.is_empty() => format!("the body {}", problem.message),
            place => format!("`{place}`: {}", problem.message),
        };
        Self::invalid(problems.iter().map(text).collect::<Vec<_>>().join("; "))
    }

    /// A path that leads nowhere.
    pub(crate) fn nowhere() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "there is nothing at this path")
    }

    /// A job that is not there.
    pub(crate) fn no_job(id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("export job `{id}` does not exist"))
    }

    /// A method that a path does not take.
    pub(crate) fn not_allowed(allow: &'static str) -> Self {
        let error = Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", format!("this path takes {allow}"));
        Self { allow: Some(allow), ..error }
    }

    /// A fault of ours.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "an internal error occurred")
    }

    /// A reply larger than what can be sent.
    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "LIMIT_EXCEEDED", message)
    }

    fn after(self, wait: Option<Duration>) -> Self {
        Self { retry_after: wait, ..self }
    }

    /// The reply.
    pub(crate) fn into_reply(self) -> Reply {
        let body = ErrorBody { error: self.code, message: self.message };
        // Texts always serialise.
        let mut reply = Reply::new(self.status, serde_json::to_string(&body).unwrap_or_default());
        if self.status == StatusCode::UNAUTHORIZED {
            reply = reply.with(http::header::WWW_AUTHENTICATE, "Bearer realm=\"waybill\"");
        }
        if let Some(allow) = self.allow {
            reply = reply.with(http::header::ALLOW, allow);
        }
        match self.retry_after {
            Some(wait) => reply.with(http::header::RETRY_AFTER, wait.as_millis().div_ceil(1000).max(1).to_string()),
            None => reply,
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Unauthenticated { .. } | Error::InvalidSignature { .. } | Error::StaleSignature => {
                Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
            }
            Error::Forbidden { .. } => Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", message),
            Error::LimitExceeded { .. } => Self::new(StatusCode::FORBIDDEN, "LIMIT_EXCEEDED", message),
            Error::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message),
            Error::UnknownCollection { name } => {
                Self::problems(&[Problem::new("/schemaId", format!("schema `{name}` does not exist"))])
            }
            Error::Invalid(errors) => Self::problems(&errors.into_iter().map(in_words_of_this).collect::<Vec<_>>()),
            Error::IdempotencyMismatch => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_ERROR", message),
            Error::Conflict { .. }
            | Error::SecretNotRepeated { .. }
            | Error::NotReady { .. }
            | Error::NoArchive { .. } => Self::new(StatusCode::CONFLICT, "CONFLICT", message),
            Error::TooLarge { .. } => Self::too_large(message),
            Error::TooManyRecords { .. } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "LIMIT_EXCEEDED", message),
            Error::TooManyWaiting { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "LIMIT_EXCEEDED", message).after(Some(WAITING))
            }
            Error::Throttled { retry_after } => Self::new(StatusCode::TOO_MANY_REQUESTS, "LIMIT_EXCEEDED", message)
                .after(Some(retry_after.unwrap_or(SOON))),
            Error::Unavailable(cause) => {
                tracing::error!(error = %cause, cause = ?cause.source(), "a service does not answer");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "INTERNAL_ERROR", message).after(Some(SOON))
            }
            Error::Internal(cause) => {
                tracing::error!(error = %cause, cause = ?cause.source(), "internal error");
                Self::internal()
            }
        }
    }
}

/// A field as clients of this surface call it.
fn in_words_of_this(error: FieldError) -> Problem {
    let field = match error.field.as_str() {
        "schedule.cron" | "schedule.rrule" => "schedule".to_owned(),
        "collection" => "schemaId".to_owned(),
        other => match other.strip_prefix("destinations.0.") {
            Some(rest) => rest.replacen("config", "destinationConfig", 1).replacen("type", "destinationType", 1),
            None => other
                .replacen("scope.dimensions", "dimensionScope", 1)
                .replacen("scope.variants", "includeVariants", 1)
                .replacen("scope.catalog", "catalogId", 1),
        },
    };
    Problem::new(format!("/{}", field.replace('.', "/")), error.message)
}

impl From<CredentialError> for ApiError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Refused(error) => error.into(),
            CredentialError::Missing => Self::new(
                StatusCode::UNAUTHORIZED,
                "UNAUTHORIZED",
                "a credential is needed: `X-Sigma-ApiKey: <key>`, or `Authorization: Bearer <token>`",
            ),
            CredentialError::Forged { .. }
            | CredentialError::Unsigned
            | CredentialError::Malformed { .. }
            | CredentialError::Unsupported { .. } => {
                Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", error.to_string())
            }
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
        Self::invalid(error.to_string())
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<IdempotencyKeyError> for ApiError {
    fn from(error: IdempotencyKeyError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<Vec<Problem>> for ApiError {
    fn from(problems: Vec<Problem>) -> Self {
        Self::problems(&problems)
    }
}
