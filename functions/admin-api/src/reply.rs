//! Replies: JSON, pages of HTML, redirects, and the headers that all of them have.

use crate::error::ApiError;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use serde::Serialize;

/// Most bytes of a reply; Lambda takes 6 MB, headers and escapes included.
const MAX_BYTES: usize = 5 * 1024 * 1024;

/// What is sent back.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    content_type: &'static str,
    headers: Vec<(HeaderName, String)>,
    body: String,
}

impl Reply {
    /// A body with its status and type.
    pub(crate) fn new(status: StatusCode, content_type: &'static str, body: String) -> Self {
        Self { status, content_type, headers: Vec::new(), body }
    }

    /// 200 with JSON.
    ///
    /// # Errors
    /// When it does not serialise, or is larger than what can be sent.
    pub(crate) fn ok(body: &impl Serialize) -> Result<Self, ApiError> {
        Self::json(StatusCode::OK, body)
    }

    /// 201 with JSON, and where it is.
    ///
    /// # Errors
    /// As [`Reply::ok`].
    pub(crate) fn created(location: String, body: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self::json(StatusCode::CREATED, body)?.with(LOCATION, location))
    }

    /// 204 without a body.
    pub(crate) fn gone() -> Self {
        Self::new(StatusCode::NO_CONTENT, "application/json", String::new())
    }

    /// 302.
    pub(crate) fn redirect(location: String) -> Self {
        Self::new(StatusCode::FOUND, "application/json", String::new()).with(LOCATION, location)
    }

    /// 200 with JSON that is written already.
    ///
    /// # Errors
    /// When it is larger than what can be sent.
    pub(crate) fn ok_text(body: String) -> Result<Self, ApiError> {
        if body.len() > MAX_BYTES {
            return Err(ApiError::too_large(
                "the reply would be larger than what can be sent; ask for less with `limit`",
            ));
        }
        Ok(Self::new(StatusCode::OK, "application/json", body))
    }

    fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, ApiError> {
        let body = serde_json::to_string(body).map_err(|error| {
            tracing::error!(%error, "a reply does not serialise");
            ApiError::internal()
        })?;
        Ok(Self { status, ..Self::ok_text(body)? })
    }

    /// The same with one more header.
    #[must_use]
    pub(crate) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// 405 needs `Allow`.
    #[must_use]
    pub(crate) fn allowing(self, methods: &'static str) -> Self {
        self.with(ALLOW, methods)
    }

    /// 401 needs a challenge.
    #[must_use]
    pub(crate) fn challenging(self) -> Self {
        self.with(WWW_AUTHENTICATE, "Bearer realm=\"waybill\"")
    }

    /// When to try again.
    #[must_use]
    pub(crate) fn retrying_after(self, secs: u64) -> Self {
        self.with(RETRY_AFTER, secs.to_string())
    }

    /// The status, for the log.
    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The HTTP response.
    pub(crate) fn into_response(self, request_id: &str) -> Response<Body> {
        let mut response = Response::new(if self.body.is_empty() { Body::Empty } else { Body::Text(self.body) });
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
        set(X_FRAME_OPTIONS, "DENY");
        set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        set(CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
        set(CONTENT_TYPE, self.content_type);
        if !request_id.is_empty() {
            set(HeaderName::from_static("x-request-id"), request_id);
        }
        for (name, value) in self.headers {
            set(name, &value);
        }
        response
    }
}
