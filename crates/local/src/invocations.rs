//! Running a function as Lambda does: in a task of its own, with a context, for a limited time, its crash contained.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Body, Request, Response};
use lambda_runtime::{Context, Error, LambdaEvent, Service as _, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::clients::{ACCOUNT, REGION};
use crate::clock;

/// A function: an event as JSON text and a context in, the reply as JSON text out.
pub(crate) type Function = Arc<dyn Fn(String, Context) -> BoxFuture<'static, Result<String, Error>> + Send + Sync>;

/// Why an invocation has no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvokeError {
    /// The function panicked.
    #[error("the function crashed")]
    Crashed,
    /// The function took longer than it may.
    #[error("the function took longer than {0:?}")]
    TimedOut(Duration),
    /// The function returned an error.
    #[error("the function failed")]
    Failed(#[source] Error),
}

/// Makes a function of an HTTP handler; requests and replies pass through the Lambda adapter's own conversions.
pub(crate) fn http_function<F, R>(handle: F) -> Function
where
    F: Fn(Request) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    Arc::new(move |event, context| {
        let handle = handle.clone();
        Box::pin(async move {
            let request: LambdaRequest = serde_json::from_str(&event)?;
            let mut adapter = Adapter::from(service_fn(move |request| {
                let reply = handle(request);
                async move { Ok::<_, Error>(reply.await) }
            }));
            let reply = adapter.call(LambdaEvent::new(request, context)).await?;
            Ok(serde_json::to_string(&reply)?)
        })
    })
}

/// Makes a function of a handler of other events.
pub(crate) fn event_function<E, O, F, R>(handle: F) -> Function
where
    E: DeserializeOwned + Send + 'static,
    O: Serialize + Send + 'static,
    F: Fn(LambdaEvent<E>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<O, Error>> + Send + 'static,
{
    Arc::new(move |event, context| {
        let handle = handle.clone();
        Box::pin(async move {
            let event: E = serde_json::from_str(&event)?;
            let reply = handle(LambdaEvent::new(event, context)).await?;
            Ok(serde_json::to_string(&reply)?)
        })
    })
}

/// The invocations of one stack that are under way. They end when they end, not when whoever asked goes away.
#[derive(Debug, Default)]
pub(crate) struct Invocations {
    tasks: Mutex<JoinSet<()>>,
}

impl Invocations {
    /// Invokes `function`, called `name` in its context, with `event`.
    ///
    /// # Errors
    /// When it crashes, returns an error, or has not ended after `length`; it is stopped then.
    pub(crate) async fn invoke(
        &self,
        function: &Function,
        name: &str,
        event: String,
        length: Duration,
    ) -> Result<String, InvokeError> {
        let context = context(name, length).map_err(|error| InvokeError::Failed(error.into()))?;
        let reply = function(event, context);
        let (sender, receiver) = oneshot::channel();
        {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            while tasks.try_join_next().is_some() {}
            tasks.spawn(async move {
                let _ = sender.send(tokio::time::timeout(length, reply).await);
            });
        }
        match receiver.await {
            Ok(Ok(Ok(reply))) => Ok(reply),
            Ok(Ok(Err(error))) => Err(InvokeError::Failed(error)),
            Ok(Err(_)) => Err(InvokeError::TimedOut(length)),
            Err(_) => Err(InvokeError::Crashed),
        }
    }

    /// Waits for what is under way, for at most `grace`, then stops the rest. New invocations are not awaited.
    pub(crate) async fn drain(&self, grace: Duration) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_err() {
            tasks.shutdown().await;
        }
    }
}

fn context(name: &str, length: Duration) -> anyhow::Result<Context> {
    let mut context = Context::default();
    context.request_id = clock::request_id()?;
    context.deadline = clock::deadline_ms(length);
    context.invoked_function_arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}");
    context.env_config = Arc::new(lambda_runtime::Config {
        function_name: name.to_owned(),
        memory: 1769,
        version: "$LATEST".to_owned(),
        log_stream: "local".to_owned(),
        log_group: format!("/aws/lambda/{name}"),
    });
    Ok(context)
}
