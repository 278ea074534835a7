//! The sandbox in which the scripts of tenants run.
//!
//! The engine is `QuickJS`, limited by itself in memory, stack, operations and time ([`run_in_engine`]). What it cannot interrupt (a native
//! loop over 2^53 elements) and what it might get wrong (it is C) is contained by the process around it: [`ProcessScriptRunner`] starts a
//! program that calls [`serve`], with an empty environment, without the right to open a file, and kills it when its time is up. The only
//! way out of the engine is one function, whose calls are answered by the host on the other side of a pipe. [`ThreadScriptRunner`] is for
//! tests and wherever there is no such program.

mod engine;
mod failure;
mod library;
mod limits;
mod natives;
mod process_runner;
mod protocol;
mod server;
mod thread_runner;

pub use engine::{MemoryProbe, QuickJsChecker, run_in_engine};
pub use process_runner::ProcessScriptRunner;
pub use protocol::{Answer, HostChannel};
pub use server::serve;
pub use thread_runner::ThreadScriptRunner;
