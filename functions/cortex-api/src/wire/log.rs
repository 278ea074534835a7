//! A line of the org's log.

use crate::error::script_fault;
use crate::fault::{Fault, FaultBody, Kind};
use serde::Serialize;
use serde_json::Value;
use waybill_domain::LogEntry;

/// A line of the log, with the product's names.
#[derive(Debug, Serialize)]
pub(crate) struct LogObject {
    /// 24 hex digits.
    #[serde(rename = "_id")]
    id: String,
    /// `log`.
    object: &'static str,
    /// The org's code.
    org: String,
    /// The invocation that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    req: Option<String>,
    /// As whom the script ran.
    pid: String,
    /// The export.
    oid: String,
    /// When the script began.
    beg: String,
    /// When this was written.
    end: String,
    /// As a status of HTTP.
    sts: u16,
    /// What wrote it: 6 = the script of an export.
    src: u8,
    /// From 0, an error, to 4, a trace.
    lvl: u8,
    /// How the script failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    err: Option<FaultBody>,
    /// The script: its export's id.
    sid: String,
    /// Its type.
    stp: &'static str,
    /// Operations that it had used.
    ops: u64,
    /// Requests that it had made.
    ctt: u32,
    /// How long it had waited for their answers, in milliseconds.
    cms: u64,
    /// What was logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    dat: Option<Value>,
}

impl LogObject {
    pub(crate) fn new(line: &LogEntry) -> Self {
        Self {
            id: line.id.to_string(),
            object: "log",
            org: line.org.to_string(),
            req: line.request.clone(),
            pid: line.principal.to_string(),
            oid: line.script.to_string(),
            beg: line.began_at.to_string(),
            end: line.at.to_string(),
            sts: line.status,
            src: line.source.number(),
            lvl: line.level.number(),
            err: line.failure.as_ref().map(|failure| script_fault(failure).body()),
            sid: line.script.to_string(),
            stp: "export",
            ops: line.ops,
            ctt: line.callouts,
            cms: line.callout_ms,
            dat: line.data.clone(),
        }
    }

    /// It as a JSON object.
    ///
    /// # Errors
    /// A fault of ours when it does not serialise.
    pub(crate) fn to_value(&self) -> Result<Value, Fault> {
        serde_json::to_value(self).map_err(|error| {
            tracing::error!(%error, "a line of the log does not serialise");
            Fault::new(Kind::Error)
        })
    }
}
