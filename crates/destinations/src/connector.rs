//! The outgoing guard as the HTTP client of the AWS SDK and of `object_store`.

use crate::failure::Rejection;
use async_trait::async_trait;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use object_store::client as store;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use waybill_ports::{
    DestinationError, OutgoingBody, OutgoingError, OutgoingHttp, OutgoingLimits, OutgoingReply, OutgoingRequest,
};

/// Headers that the guard makes itself.
const MADE_BY_GUARD: [&str; 4] = ["host", "content-length", "transfer-encoding", "connection"];

/// Why the last request failed that did.
enum Failure {
    Rejected(Rejection),
    NoReply(DestinationError),
}

/// The guard as a client library's connection. Remembers why a request failed: what the libraries make of it loses half.
#[derive(Clone)]
pub(crate) struct Connector {
    http: Arc<dyn OutgoingHttp>,
    failure: Arc<Mutex<Option<Failure>>>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no reply")]
struct NoReply;

impl Connector {
    pub(crate) fn new(http: Arc<dyn OutgoingHttp>) -> Self {
        Self { http, failure: Arc::default() }
    }

    /// What the last failure means; `None` when no request has failed since it was asked last.
    pub(crate) fn failure(&self, place: &str, advice: &str) -> Option<DestinationError> {
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()? {
            Failure::Rejected(rejection) => Some(rejection.into_error(place, advice)),
            Failure::NoReply(error) => Some(error),
        }
    }

    async fn exchange(
        &self,
        method: &str,
        url: String,
        headers: Vec<(String, String)>,
        body: Bytes,
    ) -> Result<OutgoingReply, bool> {
        let headers = headers.into_iter().filter(|(name, _)| !MADE_BY_GUARD.contains(&name.as_str())).collect();
        // Signatures of the services cover the length, 0 included, where something is written.
        let has_body = !body.is_empty() || matches!(method, "PUT" | "POST");
        let body = if has_body { OutgoingBody::Bytes(body) } else { OutgoingBody::Empty };
        let limits = OutgoingLimits::TRANSFER;
        let request = OutgoingRequest { method: method.to_owned(), url, headers, body, limits };
        let (failure, outcome) = match self.http.send(request).await {
            Ok(reply) if reply.status < 300 => return Ok(reply),
            Ok(reply) => (Failure::Rejected(Rejection::of(&reply)), Ok(reply)),
            Err(error) => {
                let is_late = matches!(error, OutgoingError::TimedOut { .. });
                (Failure::NoReply(error.into()), Err(is_late))
            }
        };
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        outcome
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let headers = request.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let method = request.method().to_owned();
            let url = request.uri().to_owned();
            let body = request.into_body().collect().await.map_err(ConnectorError::user)?.to_bytes();
            let reply = this.exchange(&method, url, headers, body).await.map_err(|is_late| {
                let source = Box::new(NoReply);
                if is_late { ConnectorError::timeout(source) } else { ConnectorError::other(source, None) }
            })?;
            let mut built = http::Response::builder().status(reply.status);
            for (name, value) in &reply.headers {
                built = built.header(name, value);
            }
            let response = built.body(SdkBody::from(reply.body)).map_err(|error| ConnectorError::user(error.into()))?;
            HttpResponse::try_from(response).map_err(|error| ConnectorError::user(error.into()))
        })
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

#[async_trait]
impl store::HttpService for Connector {
    async fn call(&self, request: store::HttpRequest) -> Result<store::HttpResponse, store::HttpError> {
        let (head, body) = request.into_parts();
        let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            Some((name.to_string(), value.to_str().ok()?.to_owned()))
        };
        let headers = head.headers.iter().filter_map(text).collect();
        let body = body.collect().await?.to_bytes();
        let outcome = self.exchange(head.method.as_str(), head.uri.to_string(), headers, body).await;
        let reply = outcome.map_err(|_| store::HttpError::new(store::HttpErrorKind::Unknown, NoReply))?;
        let mut built = http::Response::builder().status(reply.status);
        for (name, value) in &reply.headers {
            built = built.header(name, value);
        }
        let broken = |error| store::HttpError::new(store::HttpErrorKind::Decode, error);
        built.body(store::HttpResponseBody::from(reply.body)).map_err(broken)
    }
}

impl store::HttpConnector for Connector {
    fn connect(&self, _: &object_store::ClientOptions) -> object_store::Result<store::HttpClient> {
        Ok(store::HttpClient::new(self.clone()))
    }
}
