//! The beginning of a Lambda binary and the loops that hand invocations to its handler.

use std::sync::Arc;

use lambda_http::{Body, Request, Response};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{EnvReader, LogFormat, init_telemetry};

/// Filter of log lines when `LOG_FILTER` is not set.
const DEFAULT_LOG_FILTER: &str = "info";

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
    let deps = Arc::new(deps);
    lambda_http::run(service_fn(move |request| {
        let reply = handle(Arc::clone(&deps), request);
        async move { Ok::<_, Error>(reply.await) }
    }))
    .await
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
