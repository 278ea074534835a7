//! What a failed request means for a caller: the one place where the services' errors become those of the ports.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error as StdError;
use std::time::Duration;
use waybill_ports::{PortError, PortErrorKind};

/// Codes with which a service asks for patience, having changed nothing.
const THROTTLES: [&str; 14] = [
    "BandwidthLimitExceeded",
    "KMSThrottlingException",
    "KmsThrottled",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
];

/// Codes with which a service says no for good.
const DENIALS: [&str; 14] = [
    "AccessDenied",
    "AccessDeniedException",
    "DisabledException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "KmsAccessDenied",
    "KmsDisabled",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Codes that say that a resource is not there.
const ABSENCES: [&str; 10] = [
    "AWS.SimpleQueueService.NonExistentQueue",
    "KmsNotFound",
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchUpload",
    "NotFound",
    "NotFoundException",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
    "TableNotFoundException",
];

/// Codes that say that a condition did not hold, or that somebody else is at it.
const CONFLICTS: [&str; 4] =
    ["ConditionalCheckFailedException", "PreconditionFailed", "TransactionConflict", "TransactionConflictException"];

/// Codes after which nothing is known, or that another attempt does without: a fault, a body cut or changed on its way, a clock
/// that was off for a moment, or the same request still under way.
const FAULTS: [&str; 12] = [
    "ConditionalRequestConflict",
    "DependencyTimeoutException",
    "IncompleteBody",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "KMSInternalException",
    "OperationAborted",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "TransactionInProgressException",
    "XAmzContentSHA256Mismatch",
];

/// What a service said, for the log: never the request or the whole response, which may hold secrets.
#[derive(Debug, thiserror::Error)]
#[error("{status} {code}: {message} (request {request_id})")]
struct ServiceFault {
    status: u16,
    code: String,
    message: String,
    request_id: String,
}

/// A request that got no answer, or could not be made, with the SDK's whole chain of reasons.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NoAnswer(String);

/// The port's error for a failed request.
pub(crate) fn port_error<E>(during: &'static str, error: &SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let SdkError::ServiceError(service) = error else {
        let kind = match error {
            SdkError::ConstructionFailure(_) => PortErrorKind::Rejected { reason: "the request cannot be made".into() },
            _ => PortErrorKind::Unavailable,
        };
        return PortError::caused_by(kind, during, NoAnswer(DisplayErrorContext(error).to_string()));
    };
    let status = service.raw().status().as_u16();
    let meta = service.err().meta();
    let code = meta.code().unwrap_or_default();
    let kind = kind_of(status, code, retry_after(service.raw()));
    let fault = ServiceFault {
        status,
        code: code.to_owned(),
        message: meta.message().unwrap_or_default().to_owned(),
        request_id: meta.extra("aws_request_id").unwrap_or("unknown").to_owned(),
    };
    PortError::caused_by(kind, during, fault)
}

/// What an error code, or else the status of the response, says.
pub(crate) fn kind_of(status: u16, code: &str, retry_after: Option<Duration>) -> PortErrorKind {
    let among = |codes: &[&str]| codes.contains(&code);
    match status {
        _ if among(&THROTTLES) => PortErrorKind::Throttled { retry_after },
        _ if among(&FAULTS) => PortErrorKind::Unavailable,
        _ if among(&CONFLICTS) => PortErrorKind::Conflict,
        _ if among(&ABSENCES) => PortErrorKind::NotFound,
        _ if among(&DENIALS) => PortErrorKind::Denied,
        429 => PortErrorKind::Throttled { retry_after },
        403 => PortErrorKind::Denied,
        404 => PortErrorKind::NotFound,
        412 => PortErrorKind::Conflict,
        400..=499 => PortErrorKind::Rejected { reason: if code.is_empty() { status.to_string() } else { code.into() } },
        _ => PortErrorKind::Unavailable,
    }
}

/// How long the service asks to wait: `retry-after` in seconds, or `x-amz-retry-after` in milliseconds.
fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let header = |name: &str| response.headers().get(name)?.trim().parse::<u64>().ok();
    header("x-amz-retry-after").map(Duration::from_millis).or_else(|| header("retry-after").map(Duration::from_secs))
}

/// Whether the service answered with this error code.
pub(crate) fn has_code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, codes: &[&str]) -> bool {
    error.as_service_error().and_then(|error| error.meta().code()).is_some_and(|code| codes.contains(&code))
}

/// Something stored that cannot be read.
pub(crate) fn corrupt(
    table: &str,
    key: impl Into<String>,
    field: impl Into<String>,
    during: &'static str,
) -> PortError {
    let kind = PortErrorKind::Corrupt { table: table.to_owned(), key: key.into(), field: field.into() };
    PortError::new(kind, during)
}

/// Something that the service would not take, or that no request can say.
pub(crate) fn rejected(reason: impl Into<String>, during: &'static str) -> PortError {
    PortError::new(PortErrorKind::Rejected { reason: reason.into() }, during)
}

/// A request that does not build, which only a mistake of ours can cause.
pub(crate) fn not_built(during: &'static str) -> impl Fn(aws_smithy_types::error::operation::BuildError) -> PortError {
    move |error| {
        let kind = PortErrorKind::Rejected { reason: "the request cannot be made".into() };
        PortError::caused_by(kind, during, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_before_the_status() {
        let kind = |status, code| kind_of(status, code, None);
        assert_eq!(kind(400, "ThrottlingException"), PortErrorKind::Throttled { retry_after: None });
        assert_eq!(kind(503, "SlowDown"), PortErrorKind::Throttled { retry_after: None });
        assert_eq!(kind(400, "ConditionalCheckFailedException"), PortErrorKind::Conflict);
        assert_eq!(kind(400, "AccessDeniedException"), PortErrorKind::Denied);
        assert_eq!(kind(400, "ResourceNotFoundException"), PortErrorKind::NotFound);
        assert_eq!(kind(409, "ConditionalRequestConflict"), PortErrorKind::Unavailable);
        assert_eq!(kind(400, "TransactionInProgressException"), PortErrorKind::Unavailable);
        assert_eq!(kind(403, "RequestTimeTooSkewed"), PortErrorKind::Unavailable);
        assert_eq!(kind(400, "IncompleteBody"), PortErrorKind::Unavailable);
        assert_eq!(kind(400, "ValidationException"), PortErrorKind::Rejected { reason: "ValidationException".into() });
    }

    #[test]
    fn without_a_known_code_the_status_decides() {
        let kind = |status| kind_of(status, "", None);
        assert_eq!(kind(429), PortErrorKind::Throttled { retry_after: None });
        assert_eq!(kind(403), PortErrorKind::Denied);
        assert_eq!(kind(404), PortErrorKind::NotFound);
        assert_eq!(kind(412), PortErrorKind::Conflict);
        assert_eq!(kind(500), PortErrorKind::Unavailable);
        assert_eq!(kind(418), PortErrorKind::Rejected { reason: "418".into() });
    }
}
