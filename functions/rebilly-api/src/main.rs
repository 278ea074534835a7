//! The Lambda of the Rebilly surface.

use lambda_http::Error;
use rebilly_api::{Config, Deps, handle};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let config = waybill_runtime::start(Config::from_env)?;
    let deps = Deps::new(&config);
    waybill_runtime::serve_http(deps, |deps, request| async move { handle(&deps, request).await }).await
}
