//! Looking at a script that is due: rung for again while nobody came, given up when its worker is gone.

use crate::Sweeping;
use crate::script_log::failure_entry;
use std::time::Duration;
use waybill_domain::{LookedAtScript, ScriptRun};
use waybill_ports::{PortError, ScriptMessage, ScriptQueue, Stored};

/// How long a script is left alone after it was rung for: longer than a message waits behind others on most days.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// Whether it was due and has been seen to.
///
/// # Errors
/// [`PortError`]; it stays due.
pub(crate) async fn look_at_script(sweeping: &Sweeping, stored: Stored<ScriptRun>) -> Result<bool, PortError> {
    let (context, now) = (&sweeping.context, sweeping.context.now());
    match stored.value.look(now, LOOK_AGAIN) {
        LookedAtScript::NotDue => Ok(false),
        LookedAtScript::Ring(run) => {
            let minute = now.as_millis() / 60_000;
            ring(&*sweeping.scripts, &run, &format!("{}.{minute}", run.export)).await?;
            context.transaction().update(stored.version, &run)?.commit(&*context.state).await?;
            Ok(true)
        }
        LookedAtScript::GivenUp(run) => {
            tracing::warn!(org = %run.org, export = %run.export, failure = ?run.failure(), "script given up");
            let mut transaction = context.transaction();
            transaction.update(stored.version, &run)?;
            if let Some(entry) = failure_entry(context, &run) {
                transaction.insert(&entry)?;
            }
            transaction.commit(&*context.state).await?;
            Ok(true)
        }
    }
}

/// Rings for a script.
///
/// # Errors
/// [`PortError`]; the sweeper rings for what was not rung for.
pub(crate) async fn ring(queue: &dyn ScriptQueue, run: &ScriptRun, deduplication: &str) -> Result<(), PortError> {
    let message = ScriptMessage::RunV1 { org: run.org.clone(), export: run.export };
    queue.ring(&message, deduplication).await
}
