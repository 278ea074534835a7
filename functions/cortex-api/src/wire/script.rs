//! How the script that follows an export stands.

use crate::error::script_fault;
use crate::fault::FaultBody;
use serde::Serialize;
use utoipa::ToSchema;
use waybill_domain::{ScriptRun, ScriptState};

/// The script that follows an export.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AfterScriptResult)]
pub(crate) struct ScriptObject {
    /// `pending`, `running`, `ready` or `error`.
    state: &'static str,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    beg: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    end: Option<String>,
    /// Operations that it used.
    ops: u64,
    /// Requests that it made.
    ctt: u32,
    /// Milliseconds that it waited for their answers.
    cms: u64,
    /// Why it failed, in state `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    err: Option<FaultBody>,
}

impl ScriptObject {
    pub(crate) fn new(run: &ScriptRun) -> Self {
        let (state, beg, end, used) = match &run.state {
            ScriptState::Waiting => ("pending", None, None, None),
            ScriptState::Running { started_at, .. } => ("running", Some(*started_at), None, None),
            ScriptState::Ended { started_at, at, failure, used } => {
                (if failure.is_some() { "error" } else { "ready" }, *started_at, Some(*at), Some(*used))
            }
        };
        let used = used.unwrap_or_default();
        Self {
            state,
            beg: beg.map(|at| at.to_string()),
            end: end.map(|at| at.to_string()),
            ops: used.ops,
            ctt: used.callouts,
            cms: used.callout_ms,
            err: run.failure().map(|failure| script_fault(failure).body()),
        }
    }
}
