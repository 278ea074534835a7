//! Replies: JSON, and the headers that all of them have.

use crate::error::ApiError;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use serde::Serialize;

/// Most bytes of a reply; Lambda takes 6 MB, headers and escapes included.
const MAX_BYTES: usize = 5 * 1024 * 1024;

/// What is sent back.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: String,
}

impl Reply {
    /// JSON that is written already.
    pub(crate) fn new(status: StatusCode, body: String) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    /// JSON.
    ///
    /// # Errors
    /// When it does not serialise, or is larger than what can be sent.
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, ApiError> {
        let body = serde_json::to_string(body).map_err(|error| {
            tracing::error!(%error, "a reply does not serialise");
            ApiError::internal()
        })?;
        if body.len() > MAX_BYTES {
            return Err(ApiError::too_large("the reply would be larger than what can be sent; ask for less"));
        }
        Ok(Self::new(status, body))
    }

    /// 200 with JSON.
    ///
    /// # Errors
    /// As [`Reply::json`].
    pub(crate) fn ok(body: &impl Serialize) -> Result<Self, ApiError> {
        Self::json(StatusCode::OK, body)
    }

    /// 201 with JSON.
    ///
    /// # Errors
    /// As [`Reply::json`].
    pub(crate) fn created(body: &impl Serialize) -> Result<Self, ApiError> {
        Self::json(StatusCode::CREATED, body)
    }

    /// 204 without a body.
    pub(crate) fn gone() -> Self {
        Self::new(StatusCode::NO_CONTENT, String::new())
    }

    /// The same with one more header.
    #[must_use]
    pub(crate) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The status, for the log.
    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The HTTP response.
    pub(crate) fn into_response(self, request_id: &str) -> Response<Body> {
        let has_body = !self.body.is_empty();
        let mut response = Response::new(if has_body { Body::Text(self.body) } else { Body::Empty });
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, value: &str| {
            // A value that is no header's is left out rather than sent broken; ours all are.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set(CACHE_CONTROL, "no-store");
        set(X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        if has_body {
            set(CONTENT_TYPE, "application/json; charset=utf-8");
        }
        if !request_id.is_empty() {
            set(HeaderName::from_static("x-request-id"), request_id);
        }
        for (name, value) in self.headers {
            set(name, &value);
        }
        response
    }
}
