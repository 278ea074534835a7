//! Replies: JSON, lines of JSON, redirects; each with its content type.

use crate::fault::{Fault, Kind};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER, SET_COOKIE};
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
    csrf: Option<String>,
    cookies: Vec<String>,
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
        Ok(Self::new(200, JSON, body))
    }

    /// A 200 with one JSON value a line.
    pub(crate) fn lines(body: String) -> Self {
        Self::new(200, NDJSON, body)
    }

    /// A 302. It has a content type as every reply does: the vendor's client reads that header without looking.
    pub(crate) fn redirect(location: String) -> Self {
        Self { location: Some(location), ..Self::new(302, JSON, String::new()) }
    }

    /// A fault as the whole reply.
    pub(crate) fn fault(fault: &Fault) -> Self {
        let body = to_json(fault).unwrap_or_default();
        Self { retry_after: fault.retry_after, ..Self::new(fault.status(), JSON, body) }
    }

    fn new(status: u16, content_type: &'static str, body: String) -> Self {
        Self { status, content_type, location: None, retry_after: None, csrf: None, cookies: Vec::new(), body }
    }

    /// The same, setting a cookie.
    #[must_use]
    pub(crate) fn with_cookie(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// The same with the next token against forged requests, if the caller has a session.
    #[must_use]
    pub(crate) fn with_csrf(self, csrf: Option<String>) -> Self {
        Self { csrf: csrf.or(self.csrf), ..self }
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
            set(RETRY_AFTER, &wait.as_millis().div_ceil(1000).max(1).to_string());
        }
        if let Some(csrf) = &self.csrf {
            set(HeaderName::from_static("medable-csrf-token"), csrf);
        }
        for cookie in &self.cookies {
            if let Ok(cookie) = HeaderValue::from_str(cookie) {
                headers.append(SET_COOKIE, cookie);
            }
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
