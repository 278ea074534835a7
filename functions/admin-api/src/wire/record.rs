//! Records on the wire.

use serde::Serialize;
use utoipa::ToSchema;
use waybill_app::LoadedRecords;

/// What became of the lines of one call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LoadedRecords)]
pub(crate) struct LoadedWire {
    /// Lines that were written.
    accepted: u64,
    /// Lines that were not, in order; at most the first 1000.
    rejected: Vec<RejectedWire>,
    /// How many more were not; absent when `rejected` has them all.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_further: Option<u64>,
}

/// A line that was not written.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RejectedLine)]
pub(crate) struct RejectedWire {
    /// Its number, from 1; blank lines count.
    line: u64,
    /// Why, naming the property.
    reason: String,
}

impl From<LoadedRecords> for LoadedWire {
    fn from(loaded: LoadedRecords) -> Self {
        let lines = loaded.rejected.into_iter();
        Self {
            accepted: loaded.accepted,
            rejected: lines.map(|line| RejectedWire { line: line.line, reason: line.reason }).collect(),
            rejected_further: Some(loaded.rejected_further).filter(|further| *further > 0),
        }
    }
}

/// How many records were deleted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeletedRecords)]
pub(crate) struct DeletedWire {
    /// How many.
    pub(crate) deleted: u64,
}
