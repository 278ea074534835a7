//! What is said between a script's engine and its host, a line of JSON each.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use waybill_ports::{ScriptCall, ScriptEnding, ScriptFault};

/// Longest line that is read: the longest call, and what surrounds it.
pub(crate) const LINE_BYTES: usize = 5 << 20;

/// Said by the engine's side.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Said {
    /// The script asks, and waits for an [`Answer`].
    Call(ScriptCall),
    /// It has ended.
    End(ScriptEnding),
}

/// Said by the host.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Answer {
    /// What was asked for.
    Value(Value),
    /// Why it is refused.
    Fault(ScriptFault),
}

impl From<Result<Value, ScriptFault>> for Answer {
    fn from(answer: Result<Value, ScriptFault>) -> Self {
        match answer {
            Ok(value) => Self::Value(value),
            Err(fault) => Self::Fault(fault),
        }
    }
}

/// The way from an engine to its host.
pub trait HostChannel {
    /// Asks and waits.
    fn ask(&mut self, call: ScriptCall) -> Answer;
}

/// The answer when there is no host any more.
pub(crate) fn gone() -> Answer {
    Answer::Fault(ScriptFault::new("kError", 500, "the host is gone"))
}
