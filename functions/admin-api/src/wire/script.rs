//! The script that follows an export, on the wire.

use serde::Serialize;
use utoipa::ToSchema;
use waybill_domain::{ScriptFailure, ScriptRun, ScriptState};

/// The script that follows an export, once the export has ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Script)]
pub(crate) struct ScriptWire {
    /// `waiting`, `running`, `succeeded` or `failed`.
    state: &'static str,
    /// When it began.
    #[schema(required, format = DateTime)]
    started_at: Option<String>,
    /// When it ended.
    #[schema(required, format = DateTime)]
    finished_at: Option<String>,
    /// Why it failed; `null` when it did not.
    #[schema(required)]
    failure: Option<ScriptFailureWire>,
    /// Operations that it used, of 1 000 000.
    ops: u64,
    /// Milliseconds that it ran, waiting for answers apart, of 10 000.
    elapsed_ms: u64,
    /// Requests that it made, of 5.
    callouts: u32,
    /// Notifications that it sent, of 100.
    notifications: u32,
}

/// How a script failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScriptFailure)]
pub(crate) struct ScriptFailureWire {
    /// `syntax`, `import`, `thrown`, `timeout`, `operations`, `memory`, `crashed` or `not-started`.
    code: &'static str,
    /// What happened.
    message: String,
    /// Line of the source, from 1.
    #[schema(required)]
    line: Option<u32>,
    /// Column of the line, from 1.
    #[schema(required)]
    column: Option<u32>,
}

impl From<&ScriptFailure> for ScriptFailureWire {
    fn from(failure: &ScriptFailure) -> Self {
        Self {
            code: failure.code.as_str(),
            message: failure.message.clone(),
            line: failure.line,
            column: failure.column,
        }
    }
}

impl From<&ScriptRun> for ScriptWire {
    fn from(run: &ScriptRun) -> Self {
        let (state, started_at, finished_at, used) = match &run.state {
            ScriptState::Waiting => ("waiting", None, None, None),
            ScriptState::Running { started_at, .. } => ("running", Some(*started_at), None, None),
            ScriptState::Ended { started_at, at, failure: None, used } => {
                ("succeeded", *started_at, Some(*at), Some(*used))
            }
            ScriptState::Ended { started_at, at, failure: Some(_), used } => {
                ("failed", *started_at, Some(*at), Some(*used))
            }
        };
        let used = used.unwrap_or_default();
        Self {
            state,
            started_at: started_at.map(|at| at.to_string()),
            finished_at: finished_at.map(|at| at.to_string()),
            failure: run.failure().map(ScriptFailureWire::from),
            ops: used.ops,
            elapsed_ms: used.elapsed_ms,
            callouts: used.callouts,
            notifications: used.notifications,
        }
    }
}
