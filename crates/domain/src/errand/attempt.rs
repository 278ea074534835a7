//! Attempts at an errand, and how long is waited between two.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One attempt, over however many invocations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Which, from 1.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it goes on.
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
    /// How many bytes of a file the destination had by its end.
    pub sent_bytes: u64,
}

impl Attempt {
    /// One that begins.
    pub(super) fn new(number: u32, started_at: Timestamp) -> Self {
        Self { number, started_at, ended_at: None, error: None, sent_bytes: 0 }
    }
}

/// How long is waited after attempts that failed, and for how long they are repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first ones.
    pub first: Vec<Duration>,
    /// After every later one.
    pub then: Duration,
    /// How long after the first failure an errand is given up.
    pub give_up_after: Duration,
}

impl Default for Backoff {
    /// 10, 60 and 300 seconds, then hourly, for a day.
    fn default() -> Self {
        Self {
            first: [10, 60, 300].map(Duration::from_secs).to_vec(),
            then: Duration::from_hours(1),
            give_up_after: Duration::from_hours(24),
        }
    }
}

impl Backoff {
    /// How long is waited when `failures` attempts have failed, 1 at least.
    pub fn pause_after(&self, failures: u32) -> Duration {
        let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
        self.first.get(index).copied().unwrap_or(self.then)
    }
}
