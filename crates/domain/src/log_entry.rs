//! The org's log: what scripts wrote, and how they failed.

use crate::{AccountId, ExportId, LogId, OrgCode, ScriptFailure, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// One line of an org's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogEntry {
    /// The org.
    pub org: OrgCode,
    /// Its id.
    pub id: LogId,
    /// The invocation that wrote it.
    pub request: Option<String>,
    /// As whom the script ran.
    pub principal: AccountId,
    /// What wrote it.
    pub source: LogSource,
    /// How much it matters.
    pub level: LogLevel,
    /// The export after which the script ran; also the id of the script.
    pub script: ExportId,
    /// When the script began.
    pub began_at: Timestamp,
    /// When this was written.
    pub at: Timestamp,
    /// As a status of HTTP: 200, or what the failure comes to.
    pub status: u16,
    /// How the script failed, in the line about that.
    pub failure: Option<ScriptFailure>,
    /// Operations that the script had used.
    pub ops: u64,
    /// Requests that it had made.
    pub callouts: u32,
    /// How long it had waited for their answers, in milliseconds.
    pub callout_ms: u64,
    /// What was logged: the value, or an array of them.
    pub data: Option<Value>,
}

impl LogEntry {
    /// How long a line is kept.
    const LIFETIME: Duration = Duration::from_hours(30 * 24);

    /// From when on it is gone.
    pub fn expires_at(&self) -> Timestamp {
        self.at.after(Self::LIFETIME)
    }
}

/// What writes into a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogSource {
    /// The script of an export.
    Export,
}

impl LogSource {
    /// Its number on the Cortex surface.
    pub fn number(self) -> u8 {
        match self {
            Self::Export => 6,
        }
    }
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something may.
    Warn,
    /// Something happened.
    Info,
    /// For whoever looks for a fault.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Every level, the most important first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Its number on the Cortex surface: error 0 to trace 4.
    pub fn number(self) -> u8 {
        match self {
            Self::Error => 0,
            Self::Warn => 1,
            Self::Info => 2,
            Self::Debug => 3,
            Self::Trace => 4,
        }
    }

    /// Its name: `error`, `warn`, `info`, `debug`, `trace`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
