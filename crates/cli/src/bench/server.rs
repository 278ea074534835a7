//! Servers of the benchmark: they answer on a free port of loopback until their standard input ends.

use std::convert::Infallible;
use std::future::Future;
use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::terminal;

/// A reply with all of its body.
pub(super) type Reply = Response<Full<Bytes>>;

/// Tells where it listens, in one line, and answers every request with `answer`. Returns when nobody holds the other end
/// of standard input any more.
pub(super) async fn serve<A, F>(answer: A) -> Result<()>
where
    A: Fn(http::request::Parts, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port is free")?;
    terminal::line(format!("http://{}", listener.local_addr()?));
    tokio::select! {
        never = accept(listener, answer) => never,
        () = input_ends() => Ok(()),
    }
}

async fn input_ends() {
    let mut input = tokio::io::stdin();
    let mut buffer = [0; 64];
    while input.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}

async fn accept<A, F>(listener: TcpListener, answer: A) -> Result<()>
where
    A: Fn(http::request::Parts, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let answer = answer.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = answer.clone();
            async move {
                let (parts, body) = request.into_parts();
                Ok::<_, Infallible>(match body.collect().await {
                    Ok(body) => answer(parts, body.to_bytes()).await,
                    Err(_) => status(StatusCode::BAD_REQUEST),
                })
            }
        });
        tokio::spawn(async move {
            Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await
        });
    }
}

/// A reply without a body.
pub(super) fn status(status: StatusCode) -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = status;
    reply
}

/// A reply with a body of this type.
pub(super) fn body(content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Reply::new(Full::new(body.into()));
    reply.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    reply
}
