//! Running the script of a tenant, contained.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waybill_domain::ScriptFailure;

/// A script to be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptJob {
    /// Its source, a module.
    pub source: String,
    /// What the script sees of its surroundings: the members of its `script` object, and `schemas`.
    pub environment: Value,
}

/// What a script asks of its host, and waits for. It comes from the script: nothing about it is to be believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptCall {
    /// Module and function: `cache.get`.
    pub name: String,
    /// Its arguments, an array.
    pub arguments: Value,
    /// Operations used so far.
    pub ops: u64,
}

/// Why a host refuses a call; the script can catch it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields)]
#[error("{reason}")]
pub struct ScriptFault {
    /// As on the Cortex surface: `kAccessDenied`.
    pub code: String,
    /// As a status of HTTP.
    pub status: u16,
    /// What is wrong.
    pub reason: String,
}

impl ScriptFault {
    /// A refusal.
    pub fn new(code: &str, status: u16, reason: impl Into<String>) -> Self {
        Self { code: code.to_owned(), status, reason: reason.into() }
    }
}

/// How a script ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptEnding {
    /// Why it failed; `None` = it did not.
    pub failure: Option<ScriptFailure>,
    /// Operations that it used.
    pub ops: u64,
    /// Time that it ran, waiting for its host apart, in milliseconds.
    pub elapsed_ms: u64,
}

/// What a script may ask of its surroundings.
#[async_trait]
pub trait ScriptHost: Send + Sync {
    /// Answers a call.
    ///
    /// # Errors
    /// What the script is to be told.
    async fn answer(&self, call: ScriptCall) -> Result<Value, ScriptFault>;
}

/// Runs scripts. Whatever a script does, the call returns, within the script's time and what its host takes to answer.
#[async_trait]
pub trait ScriptRunner: Send + Sync {
    /// Runs a script to its end, which is one of [`ScriptEnding`] whatever happens.
    async fn run(&self, job: &ScriptJob, host: &dyn ScriptHost) -> ScriptEnding;
}

/// Says whether a source is a script, without running it.
pub trait ScriptChecker: Send + Sync {
    /// Parses a module.
    ///
    /// # Errors
    /// `Syntax` with line and column.
    fn check(&self, source: &str) -> Result<(), ScriptFailure>;
}
