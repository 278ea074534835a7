//! Who acts in the simulated world, and what is written down about it for whoever reproduces a seed.

use crate::locked::Locked;
use std::sync::Arc;

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Serves a request.
    Client,
    /// One invocation of the exporter.
    Worker,
    /// One invocation of the scheduler.
    Scheduler,
    /// One invocation of the sweeper.
    Sweeper,
    /// One invocation of what runs scripts.
    Script,
    /// One invocation of what delivers.
    Courier,
}

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Actor {
    /// Its number, from 1.
    pub(super) number: u32,
    /// What it is.
    pub(super) role: Role,
}

/// Lines about what happened, kept only when somebody wants to read them.
#[derive(Clone, Default)]
pub(super) struct History(Option<Arc<Locked<Vec<String>>>>);

impl History {
    /// One that keeps its lines.
    pub(super) fn kept() -> Self {
        Self(Some(Arc::default()))
    }

    pub(super) fn note(&self, line: impl FnOnce() -> String) {
        if let Some(lines) = &self.0 {
            let line = line();
            lines.with(|lines| lines.push(line));
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.as_ref().map(|lines| lines.with(|lines| lines.clone())).unwrap_or_default()
    }
}
