//! The documents of an array in one record, taken apart to be exported like records.

use super::plan::sight;
use std::sync::Arc;
use waybill_domain::{ExportSpec, Items};
use waybill_engine::{TransformError, unwound};
use waybill_query::{Filter, Operand, Test};
use waybill_record::{Chunk, Path, Sight};

/// Takes the record of one export apart.
pub(super) struct Unwinder {
    /// What its record meets: a source may give others, too.
    filter: Filter,
    path: Path,
    sight: Option<Arc<dyn Sight>>,
}

impl Unwinder {
    /// For what `spec` is limited to; `None` where that are records.
    pub(super) fn of(spec: &ExportSpec) -> Option<Self> {
        let within = spec.within.as_ref().filter(|within| within.items == Items::Elements)?;
        let test = Test::Equal(Operand::Id(within.prefix.record.to_string()));
        Some(Self {
            filter: Filter::Property { path: "_id".parse().ok()?, test },
            path: within.prefix.property.clone(),
            sight: sight(&within.access, &spec.viewer),
        })
    }

    /// The documents in a chunk of records, as far as they are seen.
    pub(super) fn unwind(&self, chunk: &Chunk) -> Result<Chunk, TransformError> {
        unwound(&self.filter, self.sight.as_deref(), &self.path, chunk)
    }
}
