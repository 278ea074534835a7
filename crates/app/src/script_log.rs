//! What Waybill itself writes into an org's log about a script: how it failed.

use crate::Context;
use waybill_domain::{LogEntry, LogLevel, LogSource, ScriptFailure, ScriptRun, ScriptState, ScriptUse};

/// The line about the failure of `run`, which has ended; `None` when it ended well.
pub(crate) fn failure_entry(context: &Context, run: &ScriptRun) -> Option<LogEntry> {
    let ScriptState::Ended { started_at, at, failure: Some(failure), used } = &run.state else { return None };
    let entry = line(context, run, used);
    Some(LogEntry {
        began_at: started_at.unwrap_or(*at),
        at: *at,
        level: LogLevel::Error,
        status: failure.code.status(),
        failure: Some(ScriptFailure::clone(failure)),
        ..entry
    })
}

fn line(context: &Context, run: &ScriptRun, used: &ScriptUse) -> LogEntry {
    let now = context.now();
    LogEntry {
        org: run.org.clone(),
        id: context.entropy.log_id(now),
        request: context.request_id.clone(),
        principal: run.principal,
        source: LogSource::Export,
        level: LogLevel::Info,
        script: run.export,
        began_at: now,
        at: now,
        status: 200,
        failure: None,
        ops: used.ops,
        callouts: used.callouts,
        callout_ms: used.callout_ms,
        data: None,
    }
}
