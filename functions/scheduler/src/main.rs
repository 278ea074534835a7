//! The scheduler's Lambda.

use lambda_runtime::Error;
use scheduler::{Config, Deps, handle};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let config = waybill_runtime::start(Config::from_env)?;
    waybill_runtime::serve_events(Deps::new(&config), |deps, event| async move { handle(&deps, event).await }).await
}
