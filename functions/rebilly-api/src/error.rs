//! What goes wrong, as problems (RFC 7807) with the members that the product's clients read.

use crate::reply::Reply;
use http::StatusCode;
use serde::Serialize;
use std::error::Error as _;
use std::time::Duration;
use utoipa::ToSchema;
use waybill_app::{ChangeAllowance, Error, FieldError};
use waybill_domain::Timestamp;
use waybill_http::{BodyError, CredentialError, IdempotencyKeyError, JsonError, MAX_PROBLEMS, Problem, QueryError};

/// When to ask again whether a waiting export has made room.
const WAITING: Duration = Duration::from_mins(1);

/// Why a request was not carried out.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    detail: String,
    fields: Vec<InvalidField>,
    /// Of more records than an export may have: how many match, and how many it may.
    over_limit: Option<Box<(u64, u64)>>,
    /// How long to wait, and of what there were too many, where that is known.
    retry: Option<Box<(Duration, Option<ChangeAllowance>)>>,
    allow: Option<&'static str>,
}

/// A problem.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Which problem it is, where clients tell it from others: `data-export-limit-exceeded`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// The status, or the problem, for people.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong here.
    detail: String,
    /// The same, for older clients.
    error: String,
    /// What is wrong in the request, one by one, for older clients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
    /// What is wrong in the request, one by one: there whenever the status is 400 or 422, empty when no field is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    invalid_fields: Option<Vec<InvalidField>>,
    /// How many records match, where they are too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    matched_records: Option<u64>,
    /// How many records an export may have, where they are too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_records: Option<u64>,
}

/// A wrong field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct InvalidField {
    /// Which, with dots: `arguments.filter`.
    pub(crate) field: String,
    /// What is wrong, and what would be right.
    pub(crate) message: String,
}

impl InvalidField {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl From<Problem> for InvalidField {
    fn from(problem: Problem) -> Self {
        let field = problem.pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/").replace("~0", "~");
        Self { field, message: problem.message }
    }
}

impl From<FieldError> for InvalidField {
    fn from(error: FieldError) -> Self {
        // What the engine calls otherwise.
        let (head, rest) = error.field.split_once('.').map_or((error.field.as_str(), None), |(a, b)| (a, Some(b)));
        let head = match head {
            "paths" => "fields",
            "sort" => "arguments.sort",
            "search" => "arguments.q",
            "scheduledAt" => "scheduledTime",
            other => other,
        };
        let field = rest.map_or_else(|| head.to_owned(), |rest| format!("{head}.{rest}"));
        Self { field, message: error.message }
    }
}

impl ApiError {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), fields: Vec::new(), over_limit: None, retry: None, allow: None }
    }

    /// Fields that are wrong; beyond [`MAX_PROBLEMS`] it only says how many there are.
    pub(crate) fn invalid(mut fields: Vec<InvalidField>) -> Self {
        let detail = match fields.as_slice() {
            [one] => format!("{}: {}", one.field, one.message),
            several => format!("{} fields are not valid; `invalidFields` names them", several.len()),
        };
        fields.truncate(MAX_PROBLEMS);
        Self { fields, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// One wrong field.
    pub(crate) fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![InvalidField::new(field, message)])
    }

    /// A state that does not allow what was asked.
    pub(crate) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// A path that leads nowhere, or to nothing that the caller may see.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing at this path")
    }

    /// A method that a path does not take.
    pub(crate) fn not_allowed(allow: &'static str) -> Self {
        let detail = format!("this path takes {allow}");
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, detail) }
    }

    /// Something larger than a limit.
    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// A fault of ours.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "an internal error occurred")
    }

    /// More changes than the org may ask for.
    pub(crate) fn too_many_changes(allowance: ChangeAllowance, wait: Duration) -> Self {
        let detail = format!("the organization may ask for {} changes in ten minutes", allowance.limit);
        Self { retry: Some(Box::new((wait, Some(allowance)))), ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// More requests than a key may make.
    pub(crate) fn too_many_requests(allowance: ChangeAllowance, wait: Duration) -> Self {
        let detail = format!("a key may make {} requests a minute", allowance.limit);
        Self { retry: Some(Box::new((wait, Some(allowance)))), ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// Whether what was asked does not fit the state of things.
    pub(crate) fn is_conflict(&self) -> bool {
        self.status == StatusCode::CONFLICT
    }

    /// The same as a field's fault.
    #[must_use]
    pub(crate) fn into_unprocessable(self) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, ..self }
    }

    /// The problem as a reply.
    pub(crate) fn into_reply(self, now: Timestamp) -> Reply {
        let (kind, title) = match &self.over_limit {
            Some(_) => (Some("data-export-limit-exceeded"), "Data export limit exceeded"),
            None => (None, self.status.canonical_reason().unwrap_or("Error")),
        };
        let title = title.to_owned();
        let details = self.fields.iter().map(|field| format!("{}: {}", field.field, field.message)).collect();
        let (error, status) = (self.detail.clone(), self.status.as_u16());
        let is_of_fields = matches!(self.status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY);
        let body = ProblemBody {
            kind,
            title,
            status,
            detail: self.detail,
            error,
            details,
            invalid_fields: is_of_fields.then_some(self.fields),
            matched_records: self.over_limit.as_ref().map(|limit| limit.0),
            max_records: self.over_limit.map(|limit| limit.1),
        };
        let mut reply = Reply::json(self.status, &body).unwrap_or_else(|_| Reply::nothing());
        if let Some(allow) = self.allow {
            reply = reply.with("allow", &allow);
        }
        let Some((wait, allowance)) = self.retry.map(|retry| *retry) else { return reply };
        let secs = wait.as_millis().div_ceil(1000).max(1);
        let again = i128::from(now.as_secs()) + i128::try_from(secs).unwrap_or_default();
        reply = reply.with("retry-after", &secs);
        if status != StatusCode::TOO_MANY_REQUESTS.as_u16() {
            return reply;
        }
        reply = reply.with("x-ratelimit-retry-after", &again);
        match allowance {
            Some(allowance) => reply.allowing(&allowance),
            None => reply.with("x-ratelimit-remaining", &0),
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let reason = error.to_string();
        match error {
            Error::Unauthenticated { .. } | Error::InvalidSignature { .. } | Error::StaleSignature => {
                Self::new(StatusCode::UNAUTHORIZED, reason)
            }
            Error::Forbidden { .. } | Error::LimitExceeded { .. } => Self::new(StatusCode::FORBIDDEN, reason),
            Error::NotFound { .. } | Error::NoArchive { .. } => Self::not_found(),
            Error::UnknownCollection { .. } => Self::invalid_field("resource", reason),
            Error::Invalid(fields) => Self::invalid(fields.into_iter().map(Into::into).collect()),
            Error::Conflict { .. } | Error::SecretNotRepeated { .. } | Error::NotReady { .. } => {
                Self::new(StatusCode::CONFLICT, reason)
            }
            Error::IdempotencyMismatch => Self::invalid_field("Idempotency-Key", reason),
            Error::TooLarge { .. } => Self::too_large(reason),
            Error::TooManyRecords { matched, most } => {
                Self { over_limit: Some(Box::new((matched, most))), ..Self::unprocessable(reason) }
            }
            Error::TooManyWaiting { .. } => {
                Self { retry: Some(Box::new((WAITING, None))), ..Self::new(StatusCode::TOO_MANY_REQUESTS, reason) }
            }
            Error::Throttled { retry_after } => {
                let wait = retry_after.unwrap_or(Duration::from_secs(1));
                Self { retry: Some(Box::new((wait, None))), ..Self::new(StatusCode::TOO_MANY_REQUESTS, reason) }
            }
            Error::Unavailable(source) => {
                tracing::warn!(error = %source, cause = ?source.source(), "a service did not answer");
                let wait = Some(Box::new((Duration::from_secs(5), None)));
                Self { retry: wait, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, reason) }
            }
            Error::Internal(source) => {
                tracing::error!(error = %source, cause = ?source.source(), "internal error");
                Self::internal()
            }
        }
    }
}

impl From<CredentialError> for ApiError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Refused(error) => error.into(),
            CredentialError::Missing => {
                Self::new(StatusCode::UNAUTHORIZED, "a credential is needed: `REB-APIKEY`, or `Authorization: Bearer`")
            }
            CredentialError::Unsigned
            | CredentialError::Malformed { .. }
            | CredentialError::Unsupported { .. }
            | CredentialError::Forged { .. } => Self::new(StatusCode::UNAUTHORIZED, error.to_string()),
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        Self::too_large(error.to_string())
    }
}

impl From<JsonError> for ApiError {
    fn from(error: JsonError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self::invalid_field(error.name, error.reason)
    }
}

impl From<IdempotencyKeyError> for ApiError {
    fn from(error: IdempotencyKeyError) -> Self {
        Self::invalid_field("Idempotency-Key", error.to_string())
    }
}
