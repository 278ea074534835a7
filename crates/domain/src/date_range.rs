//! A range of dates in words, and the instants that it came to mean.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use waybill_record::Path;

/// Which records by a date of theirs: those from `start` on and before `end`, as both are understood when the export starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateRange {
    /// Where it begins, in words: `first day of last month midnight`, `2026-01-31T00:00:00Z`.
    pub start: String,
    /// Before what it ends, likewise.
    pub end: String,
    /// The date that it is about.
    pub field: Path,
}

/// The instants of a [`DateRange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateSpan {
    /// The first that is in it.
    pub start: Timestamp,
    /// The first behind it.
    pub end: Timestamp,
}
