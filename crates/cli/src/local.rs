//! `waybill local`: the embedded stack in the foreground.

use anyhow::Result;
use waybill_local::Options;

use crate::arguments::LocalArguments;
use crate::serving::{self, Ended};
use crate::signals::Signals;
use crate::terminal;

/// Runs a stack until a signal comes.
pub(crate) async fn run(arguments: &LocalArguments) -> Result<Ended> {
    let mut signals = Signals::listen()?;
    let mut options = if arguments.ephemeral {
        Options { port: arguments.port, ..Options::ephemeral() }
    } else {
        Options::persistent(arguments.port, &arguments.data)
    };
    options.tuning.allowed_origins = arguments.allow_origins.clone();
    let stack = match serving::start(options, &mut signals).await? {
        Ok(stack) => stack,
        Err(code) => return Ok(Ended::Interrupted(code)),
    };
    let file = stack.data_folder().join("stack.json");
    terminal::line(serving::introduction(stack.info(), &file.display().to_string()));
    Ok(serving::serve(stack, &mut signals).await)
}
