//! Replies: JSON, lines of JSON, redirects; each with its content type.

use crate::fault::{Fault, Kind};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use serde::Serialize;
use std::time::Duration;
use waybill_domain::Timestamp;

/// Most bytes of a reply; Lambda takes 6 MB, headers and escapes included.
pub(crate) const MAX_REPLY_BYTES: usize = 4 * 1024 * 1024;

const JSON: &str = "application/json; charset=utf-8";
const NDJSON: &str = "application/x-ndjson; charset=utf-8";

/// What is sent back.
#[derive(Debug)]
pub(crate) struct Reply {
    status: u16,
    content_type: &'static str,
    location: Option<String>,
    retry_after: Option<Duration>,
    body: String,
}

impl Reply {
    /// A 200 with a JSON body.
    ///
    /// # Errors
    /// A fault when it is larger than what can be sent.
    pub(crate) fn json(body: &impl Serialize) -> Result<Self, Fault> {
        let body = to_json(body)?;
        if body.len() > MAX_REPLY_BYTES {
            return Err(too_large());
        }
        Ok(Self { status: 200, content_type: JSON, location: None, retry_after: None, body })
    }

    /// A 200 with one JSON value a line.
    pub(crate) fn lines(body: String) -> Self {
        Self { status: 200, content_type: NDJSON, location: None, retry_after: None, body }
    }

    /// A 302. It has a content type as every reply does: the vendor's client reads that header without looking.
    pub(crate) fn redirect(location: String) -> Self {
        Self { status: 302, content_type: JSON, location: Some(location), retry_after: None, body: String::new() }
    }

    /// A fault as the whole reply.
    pub(crate) fn fault(fault: &Fault) -> Self {
        let body = to_json(fault).unwrap_or_default();
        let (status, retry_after) = (fault.status(), fault.retry_after);
        Self { status, content_type: JSON, location: None, retry_after, body }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The HTTP response, stamped with the server's time.
    pub(crate) fn into_response(self, now: Timestamp, request_id: &str) -> Response<Body> {
        let mut response = Response::new(if self.body.is_empty() { Body::Empty } else { Body::Text(self.body) });
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, text: &str| {
            // Header texts are ours: a request id or link that is none is left out rather than sent broken.
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        };
        set(CONTENT_TYPE, self.content_type);
        set(CACHE_CONTROL, "no-store");
        set(HeaderName::from_static("medable-server-time"), &now.as_millis().to_string());
        if !request_id.is_empty() {
            set(HeaderName::from_static("x-request-id"), request_id);
        }
        if let Some(location) = &self.location {
            set(LOCATION, location);
        }
        if let Some(wait) = self.retry_after {
            set(RETRY_AFTER, &wait.as_secs().max(1).to_string());
        }
        response
    }
}

/// One value as JSON text.
///
/// # Errors
/// A fault of ours when it does not serialise.
pub(crate) fn to_json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| {
        tracing::error!(%error, "a reply does not serialise");
        Fault::new(Kind::Error)
    })
}

/// The fault for a reply that is larger than what can be sent.
pub(crate) fn too_large() -> Fault {
    Fault::new(Kind::RequestTooLarge)
        .because(format!("the reply has more than {MAX_REPLY_BYTES} bytes; ask for fewer with `limit` or `paths`"))
        .at("limit")
}
