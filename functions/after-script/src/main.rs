//! The Lambda that runs scripts; and, started with [`after_script::RUN_SCRIPT`], the process in which one runs.

use after_script::{Config, Deps, RUN_SCRIPT, handle, serve_script};
use lambda_runtime::Error;

fn main() -> Result<(), Error> {
    if std::env::args().nth(1).as_deref() == Some(RUN_SCRIPT) {
        return Ok(serve_script()?);
    }
    serve()
}

#[tokio::main]
async fn serve() -> Result<(), Error> {
    let config = waybill_runtime::start(Config::from_env)?;
    waybill_runtime::serve_events(Deps::new(&config), |deps, event| async move { Ok(handle(&deps, event).await) }).await
}
