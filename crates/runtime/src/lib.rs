//! What every Lambda binary of Waybill needs around its handler: configuration from the environment, log output,
//! the time that an invocation may use, and the loop that takes invocations.
//!
//! A function's `main.rs` is three lines long:
//!
//! ```no_run
//! # #[derive(Debug)] struct Config;
//! # impl Config { fn from_env(_: &mut waybill_runtime::EnvReader) -> Self { Self } }
//! # struct Deps;
//! # impl Deps { async fn new(_: &Config) -> Self { Self } }
//! # async fn handle(_: &Deps, _: lambda_http::Request) -> lambda_http::Response<lambda_http::Body> {
//! #     lambda_http::Response::new(lambda_http::Body::Empty)
//! # }
//! #[tokio::main]
//! async fn main() -> Result<(), lambda_runtime::Error> {
//!     let config = waybill_runtime::start(Config::from_env)?;
//!     let deps = Deps::new(&config).await;
//!     waybill_runtime::serve_http(deps, |deps, request| async move { handle(&deps, request).await }).await
//! }
//! ```

mod budget;
mod entry;
mod env_reader;
mod telemetry;

pub use budget::Budget;
pub use entry::{encode_query, serve_events, serve_http, start};
pub use env_reader::{ConfigError, EnvReader, Issue};
pub use telemetry::{LogFormat, TelemetryError, init_telemetry};
