//! `DynamoDB`: `dynoxide` over an `SQLite` file, on a thread of its own because it works on the thread that serves it.

use std::path::Path;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, anyhow};
use dynoxide::Database;
use tokio::sync::oneshot;

use crate::listener;

/// Threads that serve requests; the database itself takes one at a time, the rest is parsing.
const SERVING_THREADS: usize = 2;

/// A `DynamoDB` at work; dropping it ends it without waiting.
#[derive(Debug)]
pub(crate) struct DynamoDb {
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    database: DatabaseHandle,
}

struct DatabaseHandle(Database);

impl std::fmt::Debug for DatabaseHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database")
    }
}

impl DynamoDb {
    /// Opens the database in `file`, or one in memory, and serves it.
    ///
    /// The file is an `SQLite` database in write-ahead mode: what was answered with success survives a killed process.
    pub(crate) async fn start(file: Option<&Path>) -> Result<Self> {
        let database = match file {
            Some(file) => {
                let path = file.to_str().with_context(|| format!("{} is not Unicode", file.display()))?;
                Database::new(path).map_err(|error| anyhow!("{} does not open: {error}", file.display()))?
            }
            None => Database::memory().map_err(|error| anyhow!("no database in memory: {error}"))?,
        };
        // The name is the library's; what it sets is SQLite's `synchronous = NORMAL`: no flush to the disk at each
        // commit. In write-ahead mode a killed process loses nothing by that, and a power cut never more than the end.
        let relaxed = database.disable_bulk_loading();
        relaxed.map_err(|error| anyhow!("the database does not take its settings: {error}"))?;
        let listener = listener::bind(0).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let listener = listener.into_std()?;
        let (stop, stopped) = oneshot::channel();
        let served = database.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(SERVING_THREADS)
            .thread_name("dynamodb")
            .enable_all()
            .build()
            .context("no runtime for the database")?;
        let serve = move || {
            let outcome = runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
                let stopped = async {
                    let _ = stopped.await;
                };
                dynoxide::server::serve_with_shutdown(listener, served, stopped).await
            });
            if let Err(error) = outcome {
                tracing::error!(error, "the database stopped serving");
            }
        };
        let thread = std::thread::Builder::new().name("dynamodb".to_owned()).spawn(serve)?;
        Ok(Self { url, stop: Some(stop), thread: Some(thread), database: DatabaseHandle(database) })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Removes the rows whose time to live has passed, as the service does in its own time.
    pub(crate) async fn expire_rows(&self) {
        let database = self.database.0.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(rows)) if rows > 0 => tracing::debug!(rows, "rows past their time to live are gone"),
            Ok(Err(error)) => tracing::warn!(%error, "rows past their time to live were not removed"),
            Ok(Ok(_)) | Err(_) => {}
        }
    }

    /// Ends it once every request under way is answered; the caller's clients must have let go of their connections.
    pub(crate) async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}
