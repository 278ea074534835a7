//! The fault that an export ended with, in the Cortex surface's words.

use serde_json::{Value, json};
use waybill_domain::{Export, FailureCode, State};

/// `None` when it ended with an archive.
pub(crate) fn fault(export: &Export) -> Option<Value> {
    let State::Failed { failure, .. } = &export.state else { return None };
    let (code, err_code, status, message) = match failure.code {
        FailureCode::CollectionMissing => {
            ("kInvalidObject", "cortex.invalidArgument.object", 400, "There is no such object")
        }
        FailureCode::RecordMissing => ("kNotFound", "cortex.notFound.unspecified", 404, "Not found"),
        FailureCode::LimitExceeded | FailureCode::RecordLimitExceeded => {
            ("kRequestTooLarge", "cortex.tooLarge.unspecified", 413, "Too large")
        }
        FailureCode::QuotaExceeded => {
            ("kRequestTooLarge", "cortex.tooLarge.storageQuota", 413, "The file storage is full")
        }
        FailureCode::Denied => ("kAccessDenied", "cortex.accessDenied.unspecified", 403, "Access denied"),
        FailureCode::Unavailable => ("kTooBusy", "cortex.tooBusy.unspecified", 503, "Too busy; try again"),
        FailureCode::BadRecord | FailureCode::BadDateRange | FailureCode::MaxRetriesReached => {
            ("kError", "cortex.error.exportFailed", 500, "The export failed")
        }
        FailureCode::Internal => ("kError", "cortex.error.unspecified", 500, "An internal error occurred"),
    };
    let mut fault = json!({
        "object": "fault", "name": "error", "code": code, "errCode": err_code, "status": status, "message": message,
        "reason": failure.message,
    });
    let path = match failure.code {
        FailureCode::CollectionMissing => Some(export.collection.as_str()),
        FailureCode::RecordMissing => Some("export.prefix"),
        _ => None,
    };
    if let (Some(path), Some(members)) = (path, fault.as_object_mut()) {
        members.insert("path".to_owned(), path.into());
    }
    Some(fault)
}
