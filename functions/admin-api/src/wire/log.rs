//! The org's log on the wire.

use crate::wire::script::ScriptFailureWire;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use waybill_domain::LogEntry;

/// One line of an org's log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogEntry)]
pub(crate) struct LogWire {
    /// 24 hex digits.
    #[serde(rename = "_id")]
    id: String,
    /// The org's code.
    org: String,
    /// The invocation that wrote it.
    #[schema(required)]
    req: Option<String>,
    /// The account that the script ran as.
    pid: String,
    /// What it is about: the export.
    oid: String,
    /// When the script began.
    #[schema(format = DateTime)]
    beg: String,
    /// When the line was written.
    #[schema(format = DateTime)]
    end: String,
    /// 200, or the status of HTTP that the failure comes to.
    sts: u16,
    /// What wrote it: 6 = the script of an export.
    src: u8,
    /// How much it matters: error 0, warn 1, info 2, debug 3, trace 4.
    lvl: u8,
    /// How the script failed, in the line about that.
    #[schema(required)]
    err: Option<ScriptFailureWire>,
    /// Id of the script: that of its export.
    sid: String,
    /// The kind of script: `export`.
    stp: &'static str,
    /// Operations that the script had used.
    ops: u64,
    /// Requests that it had made.
    ctt: u32,
    /// Milliseconds that it had waited for their answers.
    cms: u64,
    /// What was logged.
    #[schema(required)]
    dat: Option<Value>,
}

impl From<LogEntry> for LogWire {
    fn from(entry: LogEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            org: entry.org.to_string(),
            req: entry.request,
            pid: entry.principal.to_string(),
            oid: entry.script.to_string(),
            beg: entry.began_at.to_string(),
            end: entry.at.to_string(),
            sts: entry.status,
            src: entry.source.number(),
            lvl: entry.level.number(),
            err: entry.failure.as_ref().map(ScriptFailureWire::from),
            sid: entry.script.to_string(),
            stp: "export",
            ops: entry.ops,
            ctt: entry.callouts,
            cms: entry.callout_ms,
            dat: entry.data,
        }
    }
}
