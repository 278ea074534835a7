//! Replies of `Query` and `Scan` as bytes: the SDK signs, sends and repeats the request, and never sees what came.

use crate::backoff::wait;
use crate::errors::port_error;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;
use std::error::Error as StdError;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;
use waybill_ports::{PortError, PortErrorKind};
use waybill_record::{ItemForm, Reply, ReplyError};

/// Attempts at a reply whose body does not come whole, the first included.
const ATTEMPTS: u32 = 3;
/// Longest wait for a body.
const BODY_SECS: u64 = 10;
/// Longest body: a page is at most 1 MiB of items, which the wire can blow up about tenfold.
const MOST_BYTES: usize = 32 << 20;

/// Takes the body of a reply away before the SDK reads it, and leaves an empty object.
#[derive(Clone, Debug, Default)]
pub(crate) struct TakeBody(Arc<Mutex<Option<Taken>>>);

#[derive(Debug)]
struct Taken {
    body: SdkBody,
    crc32: Option<u32>,
}

impl Intercept for TakeBody {
    fn name(&self) -> &'static str {
        "TakeBody"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        // What is no success is read by the SDK, which knows the errors.
        if response.status().is_success() {
            let crc32 = response.headers().get("x-amz-crc32").and_then(|text| text.trim().parse().ok());
            let body = std::mem::replace(response.body_mut(), SdkBody::from("{}"));
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Taken { body, crc32 });
        }
        Ok(())
    }
}

/// A reply whose body is of no use.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("no body was taken")]
    Nothing,
    #[error("the body did not come within {BODY_SECS} s")]
    TimedOut,
    #[error("the body has more than {MOST_BYTES} bytes")]
    TooLong,
    #[error("the body broke off")]
    Broken(#[source] aws_smithy_types::byte_stream::error::Error),
    #[error("the body has the CRC-32 {found}, its header says {expected}")]
    Changed { found: u32, expected: u32 },
    #[error(transparent)]
    Malformed(#[from] ReplyError),
}

impl TakeBody {
    async fn collect(&self) -> Result<Bytes, Unusable> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Taken { body, crc32 } = taken.ok_or(Unusable::Nothing)?;
        let bytes = timeout(Duration::from_secs(BODY_SECS), read(body)).await.map_err(|_| Unusable::TimedOut)??;
        match crc32 {
            Some(expected) if crc32fast::hash(&bytes) != expected => {
                Err(Unusable::Changed { found: crc32fast::hash(&bytes), expected })
            }
            _ => Ok(bytes),
        }
    }
}

async fn read(body: SdkBody) -> Result<Bytes, Unusable> {
    let length = body.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(length.min(MOST_BYTES));
    let mut stream = ByteStream::new(body);
    while let Some(part) = stream.next().await {
        let part = part.map_err(Unusable::Broken)?;
        if bytes.len() + part.len() > MOST_BYTES {
            return Err(Unusable::TooLong);
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes.into())
}

/// The reply to the request that `send` sends, with its body taken.
///
/// # Errors
/// [`PortError`]; `Unavailable` when the body does not come whole, again and again.
pub(crate) async fn reply<T, E, S, F>(form: &Arc<ItemForm>, during: &'static str, send: S) -> Result<Reply, PortError>
where
    S: Fn(TakeBody) -> F + Send,
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let mut attempt = 0;
    loop {
        let take = TakeBody::default();
        send(take.clone()).await.map(drop).map_err(|error| port_error(during, &error))?;
        let parsed = match take.collect().await {
            Ok(body) => Reply::parse(body, Arc::clone(form)).map_err(Unusable::from),
            Err(unusable) => Err(unusable),
        };
        match parsed {
            Ok(reply) => return Ok(reply),
            Err(unusable) => {
                attempt += 1;
                if attempt == ATTEMPTS {
                    return Err(PortError::caused_by(PortErrorKind::Unavailable, during, unusable));
                }
                tracing::warn!(during, %unusable, "a reply is of no use; it is asked for again");
                wait(attempt).await;
            }
        }
    }
}
