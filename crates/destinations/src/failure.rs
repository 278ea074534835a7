//! What a store's refusal means, and the words for it.

use std::time::Duration;
use waybill_ports::{DestinationError, OutgoingReply};

/// A reply that was no success, as far as it is of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) status: u16,
    /// A code that is known; what else a server says is not repeated.
    pub(crate) code: Option<&'static str>,
    pub(crate) retry_after: Option<Duration>,
}

/// What codes mean; `Refused` where nothing else is said of a 4xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    BadCredentials,
    Denied,
    Absent,
    WrongPlace,
    Lost,
    Patience,
    /// The same request may be taken in a moment.
    Passing,
}

/// Codes of S3 and Azure Blob Storage that say more than their status.
const CODES: [(&str, Meaning); 49] = [
    ("InvalidAccessKeyId", Meaning::BadCredentials),
    ("SignatureDoesNotMatch", Meaning::BadCredentials),
    ("ExpiredToken", Meaning::BadCredentials),
    ("InvalidToken", Meaning::BadCredentials),
    ("TokenRefreshRequired", Meaning::BadCredentials),
    ("InvalidClientTokenId", Meaning::BadCredentials),
    ("UnrecognizedClientException", Meaning::BadCredentials),
    ("AuthenticationFailed", Meaning::BadCredentials),
    ("InvalidAuthenticationInfo", Meaning::BadCredentials),
    ("NoAuthenticationInformation", Meaning::BadCredentials),
    ("AccessDenied", Meaning::Denied),
    ("AllAccessDisabled", Meaning::Denied),
    ("AccountProblem", Meaning::Denied),
    ("InvalidObjectState", Meaning::Denied),
    ("KMS.DisabledException", Meaning::Denied),
    ("KMS.NotFoundException", Meaning::Denied),
    ("QuotaExceeded", Meaning::Denied),
    ("AuthorizationFailure", Meaning::Denied),
    ("AuthorizationPermissionMismatch", Meaning::Denied),
    ("AuthorizationProtocolMismatch", Meaning::Denied),
    ("AuthorizationResourceTypeMismatch", Meaning::Denied),
    ("AuthorizationServiceMismatch", Meaning::Denied),
    ("AuthorizationSourceIPMismatch", Meaning::Denied),
    ("InsufficientAccountPermissions", Meaning::Denied),
    ("AccountIsDisabled", Meaning::Denied),
    ("BlobImmutableDueToPolicy", Meaning::Denied),
    ("LeaseIdMissing", Meaning::Denied),
    ("NoSuchBucket", Meaning::Absent),
    ("ContainerNotFound", Meaning::Absent),
    ("ContainerBeingDeleted", Meaning::Absent),
    ("PermanentRedirect", Meaning::WrongPlace),
    ("AuthorizationHeaderMalformed", Meaning::WrongPlace),
    ("IllegalLocationConstraintException", Meaning::WrongPlace),
    ("NoSuchUpload", Meaning::Lost),
    ("InvalidPart", Meaning::Lost),
    ("InvalidBlockList", Meaning::Lost),
    ("SlowDown", Meaning::Patience),
    ("ServerBusy", Meaning::Patience),
    ("Throttling", Meaning::Patience),
    ("ThrottlingException", Meaning::Patience),
    ("RequestLimitExceeded", Meaning::Patience),
    ("RequestTimeout", Meaning::Passing),
    ("OperationAborted", Meaning::Passing),
    ("ConditionalRequestConflict", Meaning::Passing),
    ("RequestTimeTooSkewed", Meaning::Passing),
    ("IncompleteBody", Meaning::Passing),
    ("BadDigest", Meaning::Passing),
    ("OperationTimedOut", Meaning::Passing),
    ("AccountBeingCreated", Meaning::Passing),
];

impl Rejection {
    pub(crate) fn of(reply: &OutgoingReply) -> Self {
        let body = String::from_utf8_lossy(&reply.body);
        let in_body = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
        let said = reply.header("x-ms-error-code").or(in_body);
        let code = said.and_then(|said| CODES.into_iter().find(|(code, _)| *code == said)).map(|(code, _)| code);
        Self { status: reply.status, code, retry_after: retry_after(reply) }
    }

    /// `place` is what was written to, `advice` what lets somebody write there.
    pub(crate) fn into_error(self, place: &str, advice: &str) -> DestinationError {
        let said = self.code.map_or_else(|| format!("status {}", self.status), str::to_owned);
        let meaning = self.code.and_then(|said| CODES.into_iter().find(|(code, _)| *code == said));
        match (meaning.map(|(_, meaning)| meaning), self.status) {
            (Some(Meaning::BadCredentials), _) | (None, 401) => DestinationError::BadCredentials(format!(
                "{said} on {place}: the credentials are wrong or no longer good"
            )),
            (Some(Meaning::Denied), _) | (None, 403) => {
                DestinationError::Refused(format!("{said} on {place}: {advice}"))
            }
            (Some(Meaning::Absent), _) => DestinationError::NotFound(format!("{said}: {place} is not there")),
            (None, 404) => DestinationError::NotFound(format!("{place} is not there")),
            (Some(Meaning::WrongPlace), _) | (None, 301 | 307 | 308) => DestinationError::Misconfigured(format!(
                "{said} on {place}: it is in another region, or not at this endpoint"
            )),
            (Some(Meaning::Lost), _) => {
                DestinationError::Lost(format!("{said} on {place}: what was sent so far is no longer there"))
            }
            (Some(Meaning::Patience), _) | (None, 429) => DestinationError::Throttled {
                words: format!("{said} on {place}: it asks for patience"),
                retry_after: self.retry_after,
            },
            (None, 503) if self.retry_after.is_some() => DestinationError::Throttled {
                words: format!("{said} on {place}: it asks for patience"),
                retry_after: self.retry_after,
            },
            (Some(Meaning::Passing), _) | (None, 408 | 425) => DestinationError::Unavailable(format!(
                "{said} on {place}: the request came too late, was cut, or met another one"
            )),
            (None, 500..) => DestinationError::Unavailable(format!("{said} on {place}: a fault of the service")),
            (None, _) => DestinationError::Refused(format!("{said} on {place}: the request was refused")),
        }
    }
}

/// How long `Retry-After` asks to be left alone: seconds, or a date, which is taken by the clock that the reply's `Date` shows.
pub(crate) fn retry_after(reply: &OutgoingReply) -> Option<Duration> {
    let text = reply.header("retry-after")?.trim();
    if let Ok(secs) = text.parse() {
        return Some(Duration::from_secs(secs));
    }
    let (until, now) = (httpdate::parse_http_date(text).ok()?, httpdate::parse_http_date(reply.header("date")?).ok()?);
    until.duration_since(now).ok()
}
