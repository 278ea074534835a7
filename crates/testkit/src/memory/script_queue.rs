//! Messages about scripts in a list.

use crate::locked::Locked;
use async_trait::async_trait;
use std::collections::BTreeSet;
use waybill_ports::{PortError, ScriptMessage, ScriptQueue};

/// Keeps messages until somebody takes them; one with a `deduplication` that was seen before is dropped.
#[derive(Debug, Default)]
pub struct MemoryScriptQueue(Locked<Messages>);

#[derive(Debug, Default)]
struct Messages {
    waiting: Vec<ScriptMessage>,
    seen: BTreeSet<String>,
}

impl MemoryScriptQueue {
    /// Takes what waits.
    pub fn take(&self) -> Vec<ScriptMessage> {
        self.0.with(|messages| std::mem::take(&mut messages.waiting))
    }
}

#[async_trait]
impl ScriptQueue for MemoryScriptQueue {
    async fn ring(&self, message: &ScriptMessage, deduplication: &str) -> Result<(), PortError> {
        self.0.with(|messages| {
            if messages.seen.insert(deduplication.to_owned()) {
                messages.waiting.push(message.clone());
            }
        });
        Ok(())
    }
}
