//! How many records an export may have: told at once where that is known.

use crate::{Context, Error};
use waybill_domain::{ExportSpec, RecordLimits, Source};

/// Whether a count is kept of what an export reads.
pub(crate) fn is_counted(spec: &ExportSpec) -> bool {
    spec.collection.source == Source::Records && spec.within.is_none() && spec.members.is_empty()
}

/// Whether every record of the collection comes out.
pub(crate) fn takes_all(spec: &ExportSpec) -> bool {
    is_counted(spec)
        && spec.filter.is_none()
        && spec.date_range.is_none()
        && spec.pipeline.is_none()
        && spec.scope.is_none()
        && spec.access.sight(&spec.viewer).sees_everything()
}

/// Refuses an export of a whole collection of which it is certain that it has more records than it may.
///
/// # Errors
/// `TooManyRecords`; `Throttled`, `Unavailable`, `Internal`.
pub(crate) async fn assert_within_limits(context: &Context, spec: &ExportSpec) -> Result<(), Error> {
    let Some(RecordLimits { most, .. }) = spec.limits.filter(|_| takes_all(spec)) else { return Ok(()) };
    let count = context.rows().record_count(&spec.org, &spec.collection.name).await?;
    match count.and_then(|count| count.value.certain()) {
        Some(matched) if matched > most.get() => Err(Error::TooManyRecords { matched, most: most.get() }),
        _ => Ok(()),
    }
}
