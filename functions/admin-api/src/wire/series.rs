//! The series that an export is one of, on the wire.

use serde::Serialize;
use utoipa::ToSchema;
use waybill_domain::{Series, SkippedInstants, SkippedReason};

/// A series of data exports: when one enters its lane, the next one is made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Series)]
pub(crate) struct SeriesWire {
    /// Its recurrence rule (RFC 5545), in UTC.
    instruction: String,
    /// Where it begins.
    #[schema(format = DateTime)]
    start: String,
    /// Its last instants that made no export, oldest first.
    skipped: Vec<SkippedWire>,
}

/// Instants of a series that made no export.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SkippedInstants)]
struct SkippedWire {
    /// The first.
    #[schema(format = DateTime)]
    at: String,
    /// No later one is among them.
    #[schema(format = DateTime)]
    through: String,
    /// `late`: nobody looked for an hour; `superseded`: a later one was due by then; `locked`: its account was locked or gone.
    reason: &'static str,
}

impl From<Series> for SeriesWire {
    fn from(series: Series) -> Self {
        Self {
            instruction: series.instruction,
            start: series.start.to_string(),
            skipped: series.skipped.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<SkippedInstants> for SkippedWire {
    fn from(skipped: SkippedInstants) -> Self {
        Self {
            at: skipped.at.to_string(),
            through: skipped.through.to_string(),
            reason: match skipped.reason {
                SkippedReason::Late => "late",
                SkippedReason::Superseded => "superseded",
                SkippedReason::Locked => "locked",
            },
        }
    }
}
