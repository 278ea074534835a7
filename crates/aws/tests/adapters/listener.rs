//! Services on loopback that live as long as a test, and connections to them.

use anyhow::Result;
use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use waybill_aws::{Connection, Endpoints, StaticCredentials};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The pair that every embedded service knows.
pub(crate) const ACCESS_KEY_ID: &str = "AKIATEST";
/// Its secret.
pub(crate) const SECRET_ACCESS_KEY: &str = "secret";

/// A task that ends with its test.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) url: String,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A free port.
pub(crate) async fn bind() -> Result<TcpListener> {
    Ok(TcpListener::bind("127.0.0.1:0").await?)
}

/// Runs what serves `listener`.
pub(crate) fn run(listener: TcpListener, serve: impl FnOnce(TcpListener) -> JoinHandle<()>) -> Result<Served> {
    let url = format!("http://{}", listener.local_addr()?);
    Ok(Served { url, task: serve(listener) })
}

/// Serves every connection of `listener` with `service`.
pub(crate) fn serve<S, B>(listener: TcpListener, service: S) -> Result<Served>
where
    S: Service<http::Request<Incoming>, Response = http::Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    run(listener, |listener| {
        tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                connections.spawn(async move {
                    let builder = Builder::new(TokioExecutor::new());
                    drop(builder.serve_connection(TokioIo::new(socket), service).await);
                });
            }
        })
    })
}

/// A connection for which every service listens at `url`.
pub(crate) fn connection(url: &str) -> Connection {
    let url = url.to_owned();
    Connection {
        region: "us-east-1".to_owned(),
        endpoints: Some(Endpoints {
            dynamodb: url.clone(),
            s3: url.clone(),
            sqs: url.clone(),
            kms: url.clone(),
            ses: url,
        }),
        credentials: Some(StaticCredentials {
            access_key_id: ACCESS_KEY_ID.to_owned(),
            secret_access_key: SecretString::from(SECRET_ACCESS_KEY),
        }),
    }
}
