//! A series: exports that follow a recurrence rule, of which the next one always waits for its time.

use crate::{ExportId, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most ranges of instants without an export that are kept on record.
const MAX_SKIPPED: usize = 20;

/// The rule of a series. It is handed on from each export to the next one, which is made when the former enters its lane: so whoever
/// changes or deletes the one that waits changes or ends the series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// The recurrence rule as its client wrote it.
    pub instruction: String,
    /// Where the series begins, in whole seconds.
    pub start: Timestamp,
    /// Every instant of it up to here is decided, if any is.
    pub decided_through: Option<Timestamp>,
    /// Its last instants that made no export, oldest first.
    pub skipped: Vec<SkippedInstants>,
}

/// That an export of a series entered its lane, and which one was made then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Succession {
    /// When.
    pub at: Timestamp,
    /// The export that waits in its place.
    pub next: ExportId,
}

impl Succession {
    /// For how long whoever deletes the export that entered may have seen it wait, and mean the series.
    pub const MISTAKABLE_FOR: Duration = Duration::from_mins(5);

    /// Until when that is.
    pub fn mistakable_until(&self) -> Timestamp {
        self.at.after(Self::MISTAKABLE_FOR)
    }
}

/// Instants of a series that made no export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkippedInstants {
    /// The first.
    pub at: Timestamp,
    /// No later one is among them.
    pub through: Timestamp,
    /// Why.
    pub reason: SkippedReason,
}

/// Why instants of a series made no export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SkippedReason {
    /// Nobody looked for longer than an hour after them.
    Late,
    /// A later one was due when somebody looked.
    Superseded,
    /// The account whose rights the series reads with was locked or gone.
    Locked,
}

impl Series {
    /// Takes note that every instant up to `through` is decided.
    #[must_use]
    pub fn decided(self, through: Timestamp) -> Self {
        let decided_through = self.decided_through.map_or(through, |before| before.max(through));
        Self { decided_through: Some(decided_through), ..self }
    }

    /// Takes note of instants that made no export.
    #[must_use]
    pub fn skip(mut self, (at, through): (Timestamp, Timestamp), reason: SkippedReason) -> Self {
        self.skipped.push(SkippedInstants { at, through, reason });
        let surplus = self.skipped.len().saturating_sub(MAX_SKIPPED);
        self.skipped.drain(..surplus);
        self
    }
}
