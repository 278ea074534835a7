//! After-scripts: an SQS message says which export's script waits, and one invocation runs it, once.
//!
//! The function's role reaches its queue and the table of scripts. The script itself runs in a process that is started for it: the same
//! program with [`RUN_SCRIPT`] as its argument and an empty environment, so that the function's credentials are not in it.

mod config;
mod handler;
mod wire;

pub use config::{Config, Isolation};
pub use handler::{Deps, handle};
pub use waybill_outgoing::AllowList;

/// The argument that makes a process of this program run one script.
pub const RUN_SCRIPT: &str = "run-script";

/// Runs the script that comes on the standard input, and ends.
///
/// # Errors
/// When nothing can be read, or nobody reads what is written.
pub fn serve_script() -> std::io::Result<()> {
    waybill_sandbox::serve(std::io::stdin(), std::io::stdout())
}
