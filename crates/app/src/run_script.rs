//! Running the script of an ended export: claimed first, run once, its log and its outcome recorded.

mod host;
mod kept;
mod requests;

use crate::Context;
use crate::retry::Attempts;
use crate::script_log::failure_entry;
use host::Host;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{LogEntry, ScriptInput, ScriptRefused, ScriptRun, ScriptUse};
use waybill_ports::{
    OutgoingHttp, PortError, ScriptEnding, ScriptJob, ScriptMessage, ScriptRunner, Stored, Transaction,
};

/// Lines of a log that are written at once.
const LINES_AT_ONCE: usize = 80;

/// Makes what a script sees of its surroundings from what it runs with, and the invocation's id.
pub type RenderScript = Arc<dyn Fn(&ScriptInput, Option<&str>) -> Value + Send + Sync>;

/// The ports that running a script needs.
#[derive(Clone)]
pub struct ScriptRunning {
    /// State, time and randomness.
    pub context: Context,
    /// What runs scripts.
    pub runner: Arc<dyn ScriptRunner>,
    /// The way to hosts that a script names.
    pub outgoing: Arc<dyn OutgoingHttp>,
    /// Hosts by which this service itself is reached: no script calls it back.
    pub own_hosts: Vec<String>,
    /// How a script's surroundings are shown to it.
    pub render: RenderScript,
    /// How long a claim is good: longer than a script and its requests can take.
    pub lease: Duration,
}

/// Runs the script that `message` is about, unless somebody has or does. When this returns well, there is nothing to do about the message:
/// the script has ended, or whoever claimed it ends it, or the sweeper does.
///
/// # Errors
/// [`PortError`] when nothing was begun: the message is to be handled again.
pub async fn run_script(running: &ScriptRunning, message: &ScriptMessage) -> Result<(), PortError> {
    let ScriptMessage::RunV1 { org, export } = message;
    let context = &running.context;
    let Some(stored) = context.rows().script_run(org, *export).await? else { return Ok(()) };
    let (worker, now) = (context.entropy.worker_id(), context.now());
    let (claimed, input) = match stored.value.claim(worker, now, running.lease) {
        Ok(claimed) => claimed,
        Err(ScriptRefused::Ended | ScriptRefused::Running | ScriptRefused::NotYours) => return Ok(()),
    };
    // Before anything of it runs: what is not claimed has not begun, and what is claimed is never begun again.
    let mut transaction = context.transaction();
    transaction.update(stored.version, &claimed)?;
    let version = match transaction.commit(&*context.state).await {
        Ok(version) => version,
        Err(error) if error.is_conflict() => return Ok(()),
        Err(error) => return Err(error),
    };
    // Whoever looks after claims may have ended this one by now, or does so at once.
    if claimed.due_at.is_none_or(|until| context.now() >= until) {
        tracing::warn!(%org, %export, "the claim was over before the script could begin");
        return Ok(());
    }
    let host = Host::new(running, &claimed, now);
    let environment = (running.render)(&input, context.request_id.as_deref());
    let job = ScriptJob { source: input.spec.after_script.clone().unwrap_or_default(), environment };
    let ending = running.runner.run(&job, &host).await;
    let (lines, used) = host.ended(&ending);
    tracing::info!(%org, %export, ops = ending.ops, elapsed_ms = ending.elapsed_ms, failure = ?ending.failure.as_ref().map(|failure| failure.code), "script ended");
    write_lines(context, &lines).await;
    record(context, Stored { value: claimed, version }, worker, &ending, used).await;
    Ok(())
}

/// Writes what a script logged. It has run; what cannot be written is lost, and that is in the log of the function.
async fn write_lines(context: &Context, lines: &[LogEntry]) {
    for some in lines.chunks(LINES_AT_ONCE) {
        let mut transaction: Transaction = context.transaction();
        let added = some.iter().try_for_each(|line| transaction.insert(line).map(drop));
        let mut attempts = Attempts::new(context);
        let written = async {
            added?;
            while let Err(error) = transaction.commit(&*context.state).await {
                attempts.after(error).await?;
            }
            Ok::<(), PortError>(())
        };
        if let Err(error) = written.await {
            tracing::error!(error = ?error, lines = some.len(), "lines of a script were not written");
        }
    }
}

/// Records how a script came out. Should that fail, the sweeper finds a claim whose lease is over.
async fn record(
    context: &Context,
    claimed: Stored<ScriptRun>,
    worker: waybill_domain::WorkerId,
    ending: &ScriptEnding,
    used: ScriptUse,
) {
    let Ok(over) = claimed.value.end(worker, context.now(), ending.failure.clone(), used) else { return };
    let mut transaction = context.transaction();
    let entry = failure_entry(context, &over);
    let added = transaction
        .update(claimed.version, &over)
        .and_then(|transaction| entry.iter().try_fold(transaction, Transaction::insert))
        .map(drop);
    let mut attempts = Attempts::new(context);
    let recorded = async {
        added?;
        while let Err(error) = transaction.commit(&*context.state).await {
            if error.is_conflict() {
                return Err(error);
            }
            attempts.after(error).await?;
        }
        Ok::<(), PortError>(())
    };
    if let Err(error) = recorded.await {
        tracing::error!(org = %over.org, export = %over.export, error = ?error, "the outcome of a script was not recorded");
    }
}
