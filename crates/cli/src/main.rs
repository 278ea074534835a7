//! The `waybill` command: the embedded stack, a demonstration of the whole path, a benchmark, and schedules.

mod amount;
mod arguments;
mod bench;
mod demo;
mod local;
mod schedule;
mod serving;
mod signals;
mod terminal;

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser as _;
use waybill_runtime::LogFormat;

use crate::arguments::{Arguments, Command};
use crate::serving::Ended;

/// How long work on threads may go on when the command has ended.
const THREADS_END: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(ended) => ended.into(),
        Err(error) => {
            terminal::note(format!("error: {}", terminal::in_one_line(&error)));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<Ended> {
    waybill_runtime::init_telemetry(LogFormat::Text, arguments.log_filter())?;
    match &arguments.command {
        Command::Local(local) => on_runtime(local::run(local)),
        Command::Demo(demo) => on_runtime(demo::run(demo)),
        Command::Schedule(asked) => schedule::run(asked).map(|()| Ended::Orderly),
        Command::Bench(bench) => bench::run(bench).map(|()| Ended::Orderly),
        Command::RunScript => Ok(waybill_local::serve_script().map(|()| Ended::Orderly)?),
        Command::BenchRun(run) => bench::run_job(&run.job).map(|()| Ended::Orderly),
    }
}

fn on_runtime(command: impl Future<Output = Result<Ended>>) -> Result<Ended> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(command);
    runtime.shutdown_timeout(THREADS_END);
    ended
}
