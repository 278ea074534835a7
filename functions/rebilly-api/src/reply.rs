//! Replies: JSON, redirects, nothing; with the headers of lists and limits.

use crate::error::ApiError;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use serde::Serialize;
use waybill_app::ChangeAllowance;

/// Most bytes of a reply; Lambda takes 6 MB, headers and escapes included.
const MAX_REPLY_BYTES: usize = 4 * 1024 * 1024;

/// What is sent back.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    /// A JSON body.
    ///
    /// # Errors
    /// When it is larger than what can be sent.
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, ApiError> {
        let body = serde_json::to_string(body).map_err(|error| {
            tracing::error!(%error, "a reply does not serialise");
            ApiError::internal()
        })?;
        if body.len() > MAX_REPLY_BYTES {
            let reason = format!("the reply has more than {MAX_REPLY_BYTES} bytes; ask for fewer with `limit`");
            return Err(ApiError::too_large(reason));
        }
        Ok(Self { status, headers: Vec::new(), body })
    }

    /// A 204.
    pub(crate) fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: String::new() }
    }

    /// A 302.
    pub(crate) fn redirect(location: String) -> Self {
        Self { status: StatusCode::FOUND, headers: vec![(LOCATION.as_str(), location)], body: String::new() }
    }

    /// The same with one more header.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: &impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// The same, telling which window of how many it is.
    #[must_use]
    pub(crate) fn paged(self, total: usize, limit: usize, offset: usize) -> Self {
        self.with("pagination-total", &total).with("pagination-limit", &limit).with("pagination-offset", &offset)
    }

    /// The same, telling what is left of the org's changes.
    #[must_use]
    pub(crate) fn allowing(self, allowance: &ChangeAllowance) -> Self {
        self.with("x-ratelimit-limit", &allowance.limit)
            .with("x-ratelimit-remaining", &allowance.left)
            .with("rate-limit-limit", &allowance.limit)
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The HTTP response.
    pub(crate) fn into_response(self, request_id: &str) -> Response<Body> {
        let empty = self.body.is_empty();
        let mut response = Response::new(if empty { Body::Empty } else { Body::Text(self.body) });
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, text: &str| {
            // Header texts are ours: a request id or link that is none is left out rather than sent broken.
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        };
        if !empty {
            set(CONTENT_TYPE, "application/json");
        }
        set(CACHE_CONTROL, "no-store");
        if !request_id.is_empty() {
            set(HeaderName::from_static("x-request-id"), request_id);
        }
        for (name, value) in &self.headers {
            set(HeaderName::from_static(name), value);
        }
        response
    }
}
