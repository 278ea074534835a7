//! The HTTP API: one listener that hands each request to a function as an API Gateway event and its reply back.

mod event;
mod reply;
mod routes;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::TcpListener;

use crate::clock;
use crate::invocations::{Function, Invocations, InvokeError};
use crate::listener::Listener;

/// Largest request body that API Gateway takes.
const REQUEST_LIMIT_BYTES: usize = 10 * 1024 * 1024;

/// Largest event that Lambda takes in a synchronous invocation.
const EVENT_LIMIT_BYTES: usize = 6 * 1024 * 1024;

/// Largest reply that Lambda takes from a function (its limit as it states it in its error message).
const REPLY_LIMIT_BYTES: usize = 6_291_556;

/// The functions behind the routes.
#[derive(Clone)]
pub(crate) struct Surfaces {
    /// `/v1`, what stands at the root, and everything that no other route takes.
    pub(crate) admin: Function,
    /// `/{org}/v2`.
    pub(crate) cortex: Function,
    /// `/api/v1` and `/export-jobs`.
    pub(crate) sigma: Function,
    /// `…/data-exports`, `…/organization-exports`, `…/files` and `…/users`.
    pub(crate) rebilly: Function,
}

/// Serves `surfaces` on `listener`; an invocation may take `timeout`.
pub(crate) fn serve(
    listener: TcpListener,
    surfaces: Surfaces,
    invocations: Arc<Invocations>,
    timeout: Duration,
) -> Result<Listener> {
    let gateway = Arc::new(Gateway { surfaces, invocations, timeout });
    Listener::serve(
        listener,
        service_fn(move |request| {
            let gateway = Arc::clone(&gateway);
            async move { Ok::<_, Infallible>(gateway.answer(request).await) }
        }),
    )
}

struct Gateway {
    surfaces: Surfaces,
    invocations: Arc<Invocations>,
    timeout: Duration,
}

impl Gateway {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let Ok(request_id) = clock::request_id() else {
            return own_answer(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        };
        let mut response = match Limited::new(body, REQUEST_LIMIT_BYTES).collect().await {
            Ok(body) => self.invoke(&parts, &body.to_bytes(), &request_id).await,
            Err(error) if error.is::<http_body_util::LengthLimitError>() => too_large(),
            Err(_) => own_answer(StatusCode::BAD_REQUEST, "Bad Request"),
        };
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert("apigw-requestid", value);
        }
        response
    }

    async fn invoke(&self, parts: &http::request::Parts, body: &Bytes, request_id: &str) -> Response<Full<Bytes>> {
        let route = routes::find(parts.uri.path());
        let Some(event) = event::build(parts, body, &route, request_id) else {
            return own_answer(StatusCode::BAD_REQUEST, "Bad Request");
        };
        if event.len() > EVENT_LIMIT_BYTES {
            return too_large();
        }
        let (function, name) = match route.surface {
            routes::Surface::Admin => (&self.surfaces.admin, "admin-api"),
            routes::Surface::Cortex => (&self.surfaces.cortex, "cortex-api"),
            routes::Surface::Sigma => (&self.surfaces.sigma, "sigma-api"),
            routes::Surface::Rebilly => (&self.surfaces.rebilly, "rebilly-api"),
        };
        match self.invocations.invoke(function, name, event, self.timeout).await {
            Ok(reply) if reply.len() > REPLY_LIMIT_BYTES => {
                tracing::error!(function = name, bytes = reply.len(), "the reply exceeds what Lambda takes");
                own_answer(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
            Ok(reply) => reply::parse(&reply).unwrap_or_else(|error| {
                tracing::error!(function = name, %error, "the reply is not one that API Gateway takes");
                own_answer(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }),
            Err(error @ InvokeError::TimedOut(_)) => {
                tracing::error!(function = name, %error, "no reply");
                own_answer(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
            Err(error @ (InvokeError::Crashed | InvokeError::Failed(_))) => {
                tracing::error!(function = name, %error, "no reply");
                own_answer(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
        }
    }
}

fn too_large() -> Response<Full<Bytes>> {
    own_answer(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
}

/// An answer of the gateway's own, in the form in which API Gateway gives it.
fn own_answer(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!(r#"{{"message":"{message}"}}"#))));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
