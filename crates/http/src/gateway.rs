//! What the gateway tells of a request beside the request itself.

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt as _};

/// The id by which this request is found in the logs: the gateway's, else the invocation's.
pub fn request_id(request: &Request) -> String {
    let gateway = request.request_context_ref().and_then(|context| match context {
        RequestContext::ApiGatewayV2(context) => context.request_id.clone(),
        // Only API Gateway's format 2.0 stands before us.
        _ => None,
    });
    let invocation = || request.lambda_context_ref().map(|context| context.request_id.clone());
    gateway.or_else(invocation).unwrap_or_default()
}

/// The address that the request came from, as the gateway saw it; `unknown` without one.
pub fn source_ip(request: &Request) -> String {
    let address = request.request_context_ref().and_then(|context| match context {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.clone(),
        _ => None,
    });
    address.unwrap_or_else(|| "unknown".to_owned())
}

/// The request's path, percent-decoded once (by the gateway), without a trailing slash; the root is `/`.
pub fn request_path(request: &Request) -> &str {
    let raw = request.raw_http_path();
    let path = if raw.is_empty() { request.uri().path() } else { raw };
    match path.trim_end_matches('/') {
        "" => "/",
        path => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::Body;

    #[test]
    fn a_trailing_slash_is_ignored() {
        let request = |path: &str| Request::new(Body::Empty).with_raw_http_path(path);
        assert_eq!(request_path(&request("/v1/keys/")), "/v1/keys");
        assert_eq!(request_path(&request("/")), "/");
        assert_eq!(request_path(&Request::new(Body::Empty)), "/");
    }
}
