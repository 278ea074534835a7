//! The Lambda that delivers.

use delivery::{Config, Deps, handle};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let config = waybill_runtime::start(Config::from_env)?;
    waybill_runtime::serve_events(Deps::new(&config), |deps, event| async move { Ok(handle(&deps, event).await) }).await
}
