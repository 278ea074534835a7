//! What a script can ask of its host, and what is counted of that.

use super::ScriptRunning;
use super::{kept, requests};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use waybill_domain::{LogEntry, LogLevel, LogSource, ScriptRun, ScriptUse, Timestamp};
use waybill_ports::{PortError, PortErrorKind, ScriptCall, ScriptEnding, ScriptFault, ScriptHost};

/// Most requests of a script.
pub(super) const MAX_CALLOUTS: u32 = 5;
/// Most notifications of a script.
const MAX_NOTIFICATIONS: u32 = 100;
/// Most lines of a script that are kept.
const MAX_LINES: usize = 200;
/// Most bytes of what one line holds, as JSON.
const LINE_BYTES: usize = 16 * 1024;

/// The host of one script.
pub(super) struct Host<'a> {
    pub(super) running: &'a ScriptRunning,
    pub(super) run: &'a ScriptRun,
    began_at: Timestamp,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    callouts: u32,
    callout_time: Duration,
    notifications: u32,
    lines: Vec<LogEntry>,
    lost_lines: usize,
}

pub(super) fn invalid(reason: impl Into<String>) -> ScriptFault {
    ScriptFault::new("kInvalidArgument", 400, reason)
}

/// What a script is told of a failure of ours.
pub(super) fn unavailable(error: &PortError) -> ScriptFault {
    match &error.kind {
        PortErrorKind::Rejected { reason } if reason == PortError::ROW_TOO_LARGE => {
            ScriptFault::new("kRequestTooLarge", 413, "the value is too large")
        }
        _ => {
            tracing::warn!(error = ?error, "a script asked for what could not be had");
            ScriptFault::new("kTooBusy", 503, "a service did not answer; try again later")
        }
    }
}

impl<'a> Host<'a> {
    pub(super) fn new(running: &'a ScriptRunning, run: &'a ScriptRun, began_at: Timestamp) -> Self {
        Self { running, run, began_at, counted: Mutex::default() }
    }

    fn counted<R>(&self, count: impl FnOnce(&mut Counted) -> R) -> R {
        count(&mut self.counted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What it logged and used.
    pub(super) fn ended(self, ending: &ScriptEnding) -> (Vec<LogEntry>, ScriptUse) {
        let lost = self.counted(|counted| counted.lost_lines);
        if lost > 0 {
            let told = json!(format!("{lost} more lines were not kept; a script may write {MAX_LINES}"));
            let line = self.line(LogLevel::Warn, told, ending.ops);
            self.counted(|counted| counted.lines.push(line));
        }
        self.counted(|counted| {
            let used = ScriptUse {
                ops: ending.ops,
                elapsed_ms: ending.elapsed_ms,
                callouts: counted.callouts,
                callout_ms: u64::try_from(counted.callout_time.as_millis()).unwrap_or(u64::MAX),
                notifications: counted.notifications,
            };
            (std::mem::take(&mut counted.lines), used)
        })
    }

    fn line(&self, level: LogLevel, data: Value, ops: u64) -> LogEntry {
        let context = &self.running.context;
        let at = context.now();
        let (callouts, callout_time) = self.counted(|counted| (counted.callouts, counted.callout_time));
        LogEntry {
            org: self.run.org.clone(),
            id: context.entropy.log_id(at),
            request: context.request_id.clone(),
            principal: self.run.principal,
            source: LogSource::Export,
            level,
            script: self.run.export,
            began_at: self.began_at,
            at,
            status: 200,
            failure: None,
            ops,
            callouts,
            callout_ms: u64::try_from(callout_time.as_millis()).unwrap_or(u64::MAX),
            data: Some(data),
        }
    }

    fn log(&self, level: LogLevel, data: Value, ops: u64) {
        let full = self.counted(|counted| {
            let full = counted.lines.len() >= MAX_LINES;
            counted.lost_lines += usize::from(full);
            full
        });
        if full {
            return;
        }
        let size = data.to_string().len();
        let is_long = size > LINE_BYTES;
        let data = if is_long { json!(format!("[{size} bytes; a line holds {LINE_BYTES}]")) } else { data };
        let mut line = self.line(level, data, ops);
        self.counted(|counted| {
            // In the order in which they were written, although a key has milliseconds only.
            if let Some(last) = counted.lines.last()
                && line.at <= last.at
            {
                line.at = last.at.after(Duration::from_millis(1));
            }
            counted.lines.push(line);
        });
    }

    fn log_call(&self, arguments: &Value, ops: u64) -> Result<Value, ScriptFault> {
        let level = arguments.get(0).and_then(Value::as_str).unwrap_or_default();
        let level = LogLevel::ALL.into_iter().find(|known| known.as_str() == level);
        let level = level.ok_or_else(|| invalid("there is no such level"))?;
        let data = match arguments.get(1) {
            Some(Value::Array(values)) if values.len() == 1 => values.first().cloned().unwrap_or_default(),
            Some(values) => values.clone(),
            None => Value::Null,
        };
        self.log(level, data, ops);
        Ok(Value::Null)
    }

    /// Takes one request from what is left.
    pub(super) fn take_callout(&self) -> Result<(), ScriptFault> {
        let taken = self.counted(|counted| {
            let left = counted.callouts < MAX_CALLOUTS;
            counted.callouts += u32::from(left);
            left
        });
        let reason = format!("a script may make {MAX_CALLOUTS} requests");
        if taken { Ok(()) } else { Err(ScriptFault::new("kAccessDenied", 403, reason)) }
    }

    pub(super) fn add_callout_time(&self, time: Duration) {
        self.counted(|counted| counted.callout_time += time);
    }

    /// A notification is a line of the org's log. Whoever is to get it elsewhere is refused.
    fn notify(&self, arguments: &Value, ops: u64) -> Result<Value, ScriptFault> {
        let endpoints = arguments.pointer("/2/endpoints").and_then(Value::as_object);
        let elsewhere = ["email", "sms", "push", "apn", "fcm", "voip"];
        let named = elsewhere.iter().find(|name| endpoints.is_some_and(|endpoints| endpoints.contains_key(**name)));
        if let Some(name) = named {
            let reason =
                format!("notifications by {name} are not available; without `endpoints` they are written to the log");
            return Err(ScriptFault::new("kNotImplemented", 501, reason));
        }
        let taken = self.counted(|counted| {
            let left = counted.notifications < MAX_NOTIFICATIONS;
            counted.notifications += u32::from(left);
            left
        });
        if !taken {
            let reason = format!("a script may send {MAX_NOTIFICATIONS} notifications");
            return Err(ScriptFault::new("kAccessDenied", 403, reason));
        }
        let sent =
            json!({"notification": arguments.get(0), "variables": arguments.get(1), "options": arguments.get(2)});
        self.log(LogLevel::Info, sent, ops);
        Ok(Value::Bool(true))
    }

    fn left(&self) -> Value {
        self.counted(|counted| {
            json!({
                "callouts": MAX_CALLOUTS - counted.callouts,
                "notifications": MAX_NOTIFICATIONS - counted.notifications,
            })
        })
    }
}

#[async_trait]
impl ScriptHost for Host<'_> {
    async fn answer(&self, call: ScriptCall) -> Result<Value, ScriptFault> {
        let ScriptCall { name, arguments, ops } = call;
        match name.as_str() {
            "logger.log" => self.log_call(&arguments, ops),
            "notifications.send" => self.notify(&arguments, ops),
            "script.left" => Ok(self.left()),
            "http.request" => requests::send(self, arguments).await,
            "cache.get" => kept::get(self, &arguments).await,
            "cache.set" => kept::set(self, &arguments).await,
            "cache.cas" => kept::compare_and_set(self, &arguments).await,
            "cache.del" => kept::delete(self, &arguments).await,
            "cache.list" => kept::list(self).await,
            "counters.next" => kept::count(self, &arguments).await,
            "counters.get" => kept::counter(self, &arguments).await,
            "counters.del" => kept::delete_counter(self, &arguments).await,
            "counters.list" => kept::counters(self).await,
            _ => Err(ScriptFault::new("kNotImplemented", 501, "there is no such function")),
        }
    }
}
