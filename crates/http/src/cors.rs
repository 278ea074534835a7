//! Which pages of other origins may call, with credentials: those that the operator lists.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    ORIGIN, VARY,
};
use http::{HeaderValue, Method, StatusCode};
use lambda_http::{Body, Request, Response};
use std::collections::BTreeSet;
use std::str::FromStr;

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// What pages may send. With credentials a browser takes no `*` here.
const HEADERS: &str = "accept, authorization, cache-control, content-type, idempotency-key, medable-client-account, \
                       medable-client-key, medable-client-nonce, medable-client-signature, medable-client-timestamp, \
                       medable-csrf-token, reb-apikey, reb-api-consumer, x-requested-with";
/// What pages may read, beside what every page may.
const EXPOSED: &str = "medable-csrf-token, medable-server-time, content-disposition, location, pagination-limit, \
                       pagination-offset, pagination-total, rate-limit-limit, retry-after, x-ratelimit-limit, \
                       x-ratelimit-remaining, x-ratelimit-retry-after, x-request-id";
/// How long a browser may remember an answer, in seconds.
const MAX_AGE_SECS: &str = "600";

/// Origins that are let in; none unless the operator lists some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(BTreeSet<String>);

/// A text that is no list of origins.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no origin: they look like `https://app.example.com` or `http://localhost:3000`, with commas between")]
pub struct OriginError(String);

impl FromStr for Origins {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        origins.map(origin).collect::<Result<_, _>>().map(Self)
    }
}

fn origin(text: &str) -> Result<String, OriginError> {
    let lower = text.to_ascii_lowercase();
    let host = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")).unwrap_or_default();
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    if host.is_empty() || !plain { Err(OriginError(text.to_owned())) } else { Ok(lower) }
}

impl Origins {
    /// The origin of a request, if it is let in.
    fn allowed<'a>(&self, request: &'a Request) -> Option<&'a HeaderValue> {
        let origin = request.headers().get(ORIGIN)?;
        let text = origin.to_str().ok()?.to_ascii_lowercase();
        self.0.contains(&text).then_some(origin)
    }
}

/// The answer to a browser that asks whether a page may send a request; `None` when the request is no such question.
/// For a page that may not, it says nothing, and the browser sends nothing.
pub fn preflight(origins: &Origins, request: &Request) -> Option<Response<Body>> {
    let asks = request.headers().contains_key(ORIGIN) && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() != Method::OPTIONS || !asks {
        return None;
    }
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    allow_origin(origins, request, &mut response);
    if response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE_SECS));
    }
    Some(response)
}

/// Lets the page that sent `request` read `response`, if its origin is let in.
pub fn allow_origin(origins: &Origins, request: &Request, response: &mut Response<Body>) {
    if origins.0.is_empty() {
        return;
    }
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origins.allowed(request) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(origin: &str) -> Request {
        let request = http::Request::builder().method("OPTIONS").header("origin", origin);
        request.header("access-control-request-method", "POST").body(Body::Empty).unwrap()
    }

    #[test]
    fn listed_origins_are_let_in_and_others_are_told_nothing() {
        let origins: Origins = "https://app.example.com, http://localhost:3000".parse().unwrap();
        let answer = preflight(&origins, &asked("http://localhost:3000")).unwrap();
        assert_eq!(answer.status(), 204);
        assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "http://localhost:3000");
        assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        for other in ["https://app.example.com.evil.test", "http://app.example.com", "null", "http://localhost:3001"] {
            let answer = preflight(&origins, &asked(other)).unwrap();
            assert!(!answer.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), "{other}");
            assert_eq!(answer.headers()[VARY], "Origin");
        }
        let answer = preflight(&Origins::default(), &asked("https://app.example.com")).unwrap();
        assert!(answer.headers().is_empty());
        assert!(preflight(&origins, &Request::new(Body::Empty)).is_none());
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for bad in ["*", "null", "app.example.com", "https://app.example.com/", "https://", "https://a b"] {
            assert!(bad.parse::<Origins>().is_err(), "{bad}");
        }
        assert_eq!("".parse(), Ok(Origins::default()));
    }
}
