//! The beginning of a Lambda binary and the loops that hand invocations to its handler.

use std::sync::Arc;

use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Body, Request, Response};
use lambda_runtime::{Error, LambdaEvent, Service as _, service_fn};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{EnvReader, LogFormat, init_telemetry};

/// Filter of log lines when `LOG_FILTER` is not set.
const DEFAULT_LOG_FILTER: &str = "info";

/// What no query of a URI may hold bare (the URL standard's query percent-encode set).
const NOT_IN_A_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');

/// Starts log output (filter from `LOG_FILTER`, else `info`) and reads the function's configuration.
///
/// # Errors
/// A [`crate::ConfigError`] with everything that is missing or invalid, or a [`crate::TelemetryError`]; both end the
/// process before it takes an invocation.
pub fn start<C>(read: impl FnOnce(&mut EnvReader) -> C) -> Result<C, Error> {
    let mut env = EnvReader::from_process();
    let filter = env.optional::<String>("LOG_FILTER");
    init_telemetry(LogFormat::Json, filter.as_deref().unwrap_or(DEFAULT_LOG_FILTER))?;
    let config = read(&mut env);
    Ok(env.finish(config)?)
}

/// Serves HTTP invocations until Lambda ends the process. `handle` is infallible: it turns every failure into a reply.
///
/// # Errors
/// When the Lambda runtime interface itself fails.
pub async fn serve_http<D, F, R>(deps: D, handle: F) -> Result<(), Error>
where
    D: Send + Sync + 'static,
    F: Fn(Arc<D>, Request) -> R,
    R: Future<Output = Response<Body>> + Send,
{
    let (deps, handle) = (Arc::new(deps), Arc::new(handle));
    lambda_runtime::run(service_fn(move |event| {
        let (deps, handle) = (Arc::clone(&deps), Arc::clone(&handle));
        let mut adapter = Adapter::from(service_fn(move |request| {
            let reply = handle(Arc::clone(&deps), request);
            async move { Ok::<_, Error>(reply.await) }
        }));
        adapter.call(encode_query(event))
    }))
    .await
}

/// Encodes what a client sent bare in its query although no URI may hold it (`where={"a":1}`): the adapter that makes
/// a request of the event panics on it, and the client would get an answer that is none of its surface's.
#[must_use]
pub fn encode_query(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload
        && let Some(query) = &mut request.raw_query_string
    {
        *query = utf8_percent_encode(query, NOT_IN_A_QUERY).to_string();
    }
    event
}

/// Serves invocations by events of the type `E` (an SQS batch, a tick) until Lambda ends the process.
///
/// # Errors
/// When the Lambda runtime interface itself fails; an error of `handle` is that invocation's error and nothing more.
pub async fn serve_events<D, E, O, F, R>(deps: D, handle: F) -> Result<(), Error>
where
    D: Send + Sync + 'static,
    E: DeserializeOwned,
    O: Serialize,
    F: Fn(Arc<D>, LambdaEvent<E>) -> R,
    R: Future<Output = Result<O, Error>>,
{
    let deps = Arc::new(deps);
    lambda_runtime::run(service_fn(move |event| handle(Arc::clone(&deps), event))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_query_with_bare_json_reaches_the_handler_encoded() {
        let event = r#"{
            "version": "2.0", "routeKey": "$default", "rawPath": "/demo/v2/exports",
            "rawQueryString": "where={\"a\": \"%3C\"}&x=<>#\u00e9", "headers": {"host": "waybill.example"},
            "requestContext": {
                "http": {"method": "GET", "path": "/demo/v2/exports", "protocol": "HTTP/1.1", "sourceIp": "::1", "userAgent": ""},
                "requestId": "1", "routeKey": "$default", "stage": "$default", "timeEpoch": 0
            },
            "isBase64Encoded": false
        }"#;
        let event = LambdaEvent::new(serde_json::from_str(event).unwrap(), lambda_runtime::Context::default());
        let mut adapter = Adapter::from(service_fn(|request: Request| async move {
            assert_eq!(request.uri().query(), Some("where={%22a%22:%20%22%3C%22}&x=%3C%3E%23%C3%A9"));
            Ok::<_, Error>(Response::new(Body::Empty))
        }));
        adapter.call(encode_query(event)).await.unwrap();
    }
}
