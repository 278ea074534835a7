//! Faults: the one form in which this surface says that something did not happen.

use serde::{Serialize, Serializer};
use std::time::Duration;
use utoipa::ToSchema;
use waybill_http::MAX_PROBLEMS;

/// The kinds of fault, each with its words on the wire (`spec`: Cortex §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    InvalidArgument,
    InvalidObject,
    /// The top of a list of [`Kind::is_child`] faults.
    Validation,
    StaleRequestSignature,
    InvalidRequestSignature,
    AccessDenied,
    NotFound,
    Exists,
    IdempotencyMismatch,
    RequestTooLarge,
    StorageQuota,
    Throttled,
    TooBusy,
    Error,
    ExportFailed,
    ScriptFailed,
    Canceled,
    NotImplemented,
    UnsupportedOperation,
    MediaNotReady,
    Required,
    EnumValue,
    InvalidValue,
    MaxLength,
    ReadOnly,
    UnknownProperty,
}

impl Kind {
    /// Code, `errCode`, status and message.
    fn words(self) -> (&'static str, &'static str, u16, &'static str) {
        match self {
            Self::InvalidArgument => {
                ("kInvalidArgument", "cortex.invalidArgument.unspecified", 400, "An argument is not valid")
            }
            Self::InvalidObject => ("kInvalidObject", "cortex.invalidArgument.object", 400, "There is no such object"),
            Self::Validation => ("kValidationError", "cortex.invalidArgument.validation", 400, "Validation failed"),
            Self::StaleRequestSignature => (
                "kStaleRequestSignature",
                "cortex.invalidArgument.staleRequestSignature",
                400,
                "The request's signature is too old or too new",
            ),
            Self::InvalidRequestSignature => (
                "kInvalidRequestSignature",
                "cortex.invalidArgument.invalidRequestSignature",
                400,
                "The request's signature is not valid",
            ),
            Self::AccessDenied => ("kAccessDenied", "cortex.accessDenied.unspecified", 403, "Access denied"),
            Self::NotFound => ("kNotFound", "cortex.notFound.unspecified", 404, "Not found"),
            Self::Exists => ("kExists", "cortex.exists.unspecified", 409, "It exists or has happened already"),
            // The status that every surface of ours gives to a key that was used for another body; the family has none.
            Self::IdempotencyMismatch => (
                "kInvalidArgument",
                "cortex.invalidArgument.idempotencyKey",
                422,
                "The Idempotency-Key was used for another request",
            ),
            Self::RequestTooLarge => ("kRequestTooLarge", "cortex.tooLarge.unspecified", 413, "Too large"),
            Self::StorageQuota => ("kRequestTooLarge", "cortex.tooLarge.storageQuota", 413, "The file storage is full"),
            Self::Throttled => ("kThrottled", "cortex.throttled.unspecified", 429, "Too many requests"),
            Self::TooBusy => ("kTooBusy", "cortex.tooBusy.unspecified", 503, "Too busy; try again"),
            Self::Error => ("kError", "cortex.error.unspecified", 500, "An internal error occurred"),
            Self::ExportFailed => ("kError", "cortex.error.exportFailed", 500, "The export failed"),
            Self::ScriptFailed => ("kError", "cortex.error.script", 500, "The script failed"),
            Self::Canceled => ("kError", "cortex.error.canceled", 500, "The export was canceled"),
            Self::NotImplemented => {
                ("kNotImplemented", "cortex.notImplemented.unspecified", 501, "This is not available yet")
            }
            Self::UnsupportedOperation => (
                "kUnsupportedOperation",
                "cortex.unsupportedOperation.unspecified",
                400,
                "This operation is not supported",
            ),
            Self::MediaNotReady => {
                ("kMediaNotReady", "cortex.accepted.mediaNotReady", 202, "The file is not ready; ask again later")
            }
            Self::Required => ("kRequired", "cortex.validation.required", 400, "A value is required"),
            Self::EnumValue => ("kEnumValue", "cortex.validation.enumValue", 400, "The value is none of those allowed"),
            Self::InvalidValue => ("kInvalidValue", "cortex.validation.invalidValue", 400, "The value is not valid"),
            Self::MaxLength => ("kMaxLength", "cortex.validation.maxLength", 400, "The value is too long"),
            Self::ReadOnly => ("kReadOnly", "cortex.validation.readOnly", 400, "The property cannot be written"),
            Self::UnknownProperty => {
                ("kUnknownProperty", "cortex.validation.unknownProperty", 400, "There is no such property")
            }
        }
    }

    /// Whether it stands in `faults` of a validation fault.
    fn is_child(self) -> bool {
        matches!(
            self,
            Self::Required
                | Self::EnumValue
                | Self::InvalidValue
                | Self::MaxLength
                | Self::ReadOnly
                | Self::UnknownProperty
        )
    }
}

/// Why something did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    /// What is wrong and what would be right, for people; never internals.
    pub(crate) reason: Option<String>,
    /// What it is about: `export.format`, a query argument, an object's name.
    pub(crate) path: Option<String>,
    /// Each thing that is wrong, of a validation fault.
    pub(crate) faults: Vec<Fault>,
    /// When to try again.
    pub(crate) retry_after: Option<Duration>,
}

impl Fault {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, reason: None, path: None, faults: Vec::new(), retry_after: None }
    }

    #[must_use]
    pub(crate) fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    #[must_use]
    pub(crate) fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// One fault for all of `faults`, which are not empty; beyond [`MAX_PROBLEMS`] it only says how many there are, so
    /// that it stays a reply that can be sent.
    pub(crate) fn validation(mut faults: Vec<Fault>) -> Self {
        let more = faults.len().saturating_sub(MAX_PROBLEMS);
        faults.truncate(MAX_PROBLEMS);
        let reason = (more > 0).then(|| format!("{more} more values are wrong than `faults` tells"));
        Self { reason, faults, ..Self::new(Kind::Validation) }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.kind.words().2
    }

    /// What is sent.
    pub(crate) fn body(&self) -> FaultBody {
        let (code, err_code, status, message) = self.kind.words();
        let name = if self.kind.is_child() { "validation" } else { "error" };
        let faults = self.faults.iter().map(Self::body).collect();
        let (reason, path) = (self.reason.clone(), self.path.clone());
        FaultBody { object: "fault", name, code, err_code, status, message, reason, path, faults }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.body().serialize(serializer)
    }
}

/// A fault as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Fault)]
pub(crate) struct FaultBody {
    /// `fault`.
    object: &'static str,
    /// `error`, or `validation` in `faults`.
    name: &'static str,
    /// The kind: `kNotFound`.
    code: &'static str,
    /// Family and kind: `cortex.notFound.unspecified`.
    #[serde(rename = "errCode")]
    err_code: &'static str,
    /// The HTTP status.
    status: u16,
    /// The kind in words.
    message: &'static str,
    /// What is wrong and what would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The property, argument or object that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Each thing that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    faults: Vec<FaultBody>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Kind; 26] = [
        Kind::InvalidArgument,
        Kind::InvalidObject,
        Kind::Validation,
        Kind::StaleRequestSignature,
        Kind::InvalidRequestSignature,
        Kind::AccessDenied,
        Kind::NotFound,
        Kind::Exists,
        Kind::IdempotencyMismatch,
        Kind::RequestTooLarge,
        Kind::StorageQuota,
        Kind::Throttled,
        Kind::TooBusy,
        Kind::Error,
        Kind::ExportFailed,
        Kind::ScriptFailed,
        Kind::Canceled,
        Kind::NotImplemented,
        Kind::UnsupportedOperation,
        Kind::MediaNotReady,
        Kind::Required,
        Kind::EnumValue,
        Kind::InvalidValue,
        Kind::MaxLength,
        Kind::ReadOnly,
        Kind::UnknownProperty,
    ];

    /// The family of a code and its status, as the product publishes them.
    fn family(code: &str) -> Option<(&'static str, u16)> {
        Some(match code {
            // The top of a list of what is wrong is an argument that is not valid, as in the published sample.
            "kInvalidArgument"
            | "kInvalidObject"
            | "kStaleRequestSignature"
            | "kInvalidRequestSignature"
            | "kValidationError" => ("invalidArgument", 400),
            "kRequired" | "kEnumValue" | "kInvalidValue" | "kMaxLength" | "kReadOnly" | "kUnknownProperty" => {
                ("validation", 400)
            }
            "kAccessDenied" => ("accessDenied", 403),
            "kNotFound" => ("notFound", 404),
            "kExists" => ("exists", 409),
            "kRequestTooLarge" => ("tooLarge", 413),
            "kThrottled" => ("throttled", 429),
            "kTooBusy" => ("tooBusy", 503),
            "kError" => ("error", 500),
            "kNotImplemented" => ("notImplemented", 501),
            "kUnsupportedOperation" => ("unsupportedOperation", 400),
            "kMediaNotReady" => ("accepted", 202),
            _ => return None,
        })
    }

    #[test]
    fn every_fault_is_of_the_family_and_has_the_status_of_its_code() {
        for kind in ALL {
            let (code, name, status, _) = kind.words();
            // Of a key that was used for another body every surface says the same.
            let status = if kind == Kind::IdempotencyMismatch { 400 } else { status };
            let found = name.strip_prefix("cortex.").and_then(|name| name.split('.').next());
            assert_eq!(found.zip(Some(status)), family(code), "{code} {name}");
        }
    }

    #[test]
    fn every_fault_reads_as_it_is_published() {
        let faults: Vec<Fault> =
            ALL.into_iter().map(|kind| Fault::new(kind).because("because").at("export.x")).collect();
        insta::assert_json_snapshot!(faults);
    }
}
